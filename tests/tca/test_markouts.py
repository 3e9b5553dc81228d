"""What the price did after each fill, on paper and against a plain loop."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import CLOSES, DAYS, STEP, markets, ns
from small_markets import DAYS as JANUARY
from small_markets import at, minute_bars

from exec_algos import Bars, ParentOrders, SlippageStudy
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.calendars import sessions
from exec_algos.tca.markouts import HORIZONS, MINUTE, label, markouts
from exec_algos.tca.trades import Trades, bar_rows

HOURS = sessions("XNYS", at("09:30"), at(f"{JANUARY[1]} 16:00"))
# 09:30 closes at 100, 09:31 at 101, 09:32 does not trade, 09:33 at 98; the next day at 50
BARS = minute_bars([100, 101, None, 98], [50])


def trades_of(*rows, symbol=0):
    """(time, side, quantity, price) -> trades."""
    time, side, quantity, price = (np.array([row[i] for row in rows]) for i in range(4))
    n = len(rows)
    return Trades(
        np.arange(n), np.full(n, symbol), time.astype(np.int64), side.astype(np.int64), quantity.astype(float), price.astype(float)
    )


def one(time, side=1, price=100.0, *, horizons=HORIZONS, bars=BARS, symbol=0, stamped="start"):
    return markouts(bars, HOURS, trades_of((at(time), side, 10, price), symbol=symbol), horizons, stamped=stamped).columns


def test_a_markout_is_a_cost_when_the_price_goes_against_the_fill():
    buy, sell = one("09:31"), one("09:31", side=-1)
    assert buy["1min"].values[0] == pytest.approx(-100.0)  # bought at 100, then 101: the fill was good
    assert sell["1min"].values[0] == pytest.approx(100.0)
    assert buy["5min"].values[0] == pytest.approx(200.0)  # then 98
    assert (buy["close"].values[0], sell["close"].values[0]) == (pytest.approx(200.0), pytest.approx(-200.0))


def test_the_price_is_the_last_one_known_at_the_horizon():
    column = one("09:31", horizons=(MINUTE, MINUTE - 1, 2 * MINUTE, 3 * MINUTE - 1, 3 * MINUTE))
    prices = {name: 100 - values.values[0] / 100 for name, values in column.items()}
    assert prices["1min"] == prices["2min"] == prices["179999999999ns"] == pytest.approx(101)
    assert prices["3min"] == pytest.approx(98)
    assert prices["59999999999ns"] == pytest.approx(100)  # the bar that ended at the fill itself


def test_a_markout_is_in_bps_of_the_fills_price():
    assert one("09:31", price=50.5)["1min"].values[0] == pytest.approx((50.5 - 101) / 50.5 * 1e4)


@pytest.mark.parametrize(
    ("time", "horizon", "why"),
    [
        ("15:59:30", MINUTE, "the session ends before"),
        ("09:30:10", MINUTE // 2, "no bar has ended between the fill and then"),  # it trades inside the first bar, which ends at 09:31
        (f"{JANUARY[1]} 09:30", MINUTE - 1, "no bar has ended between the fill and then"),  # yesterday's close is older than the fill
        ("09:33:30", MINUTE // 4, "no bar has ended between the fill and then"),
        ("08:00", MINUTE, "the venue is closed at the fill"),
        (f"{JANUARY[1]} 17:00", MINUTE, "the venue is closed at the fill"),
    ],
)
def test_what_is_not_estimable_says_why(time, horizon, why):
    (column, _) = one(time, horizons=(horizon,)).values()
    assert (math.isnan(column.values[0]), column.reason[0]) == (True, why)


def test_a_symbol_without_bars_has_no_markout():
    assert {column.reason[0] for column in one("09:31", symbol=-1).values()} == {"the bars do not hold this symbol"}


def test_the_last_bar_of_the_session_is_still_inside_it():
    bars = minute_bars([100] * 389 + [90])
    assert one("15:59", horizons=(MINUTE,), bars=bars)["1min"].values[0] == pytest.approx(1000.0)


def test_a_fill_stamped_at_the_close_belongs_to_the_session_that_closes_and_one_at_midnight_of_a_day_without_end_to_the_new_day():
    bars = minute_bars([100] * 390)
    assert one("16:00", bars=bars, stamped="end")["close"].values[0] == pytest.approx(0.0)
    assert one("16:00", bars=bars, stamped="start")["close"].reason[0] == "the venue is closed at the fill"
    always = sessions("24/7", at("09:30"), at(f"{JANUARY[1]} 09:30"))
    midnight = int(always.open[1])
    coin = Bars(**{name: getattr(BARS, name)[:1] for name in ("open", "high", "low", "close", "volume")}, symbols=("X",),
                offsets=np.array([0, 1]), start=np.array([midnight]), step=MINUTE, zone="UTC")  # fmt: skip
    fill = trades_of((midnight, 1, 1, 100.0))
    for stamped, day in (("start", always.date[1]), ("end", always.date[0])):
        found = markouts(coin, always, fill, (MINUTE,), stamped=stamped)
        assert found.columns["1min"].values[0] == 0.0  # the days adjoin: they are one market
        assert found.session[0] == day


def test_the_close_can_be_left_out_and_horizons_are_chosen():
    found = markouts(BARS, HOURS, trades_of((at("09:31"), 1, 1, 100.0)), (MINUTE // 2, MINUTE), stamped="start", close=False)
    assert list(found.columns) == ["30s", "1min"]
    assert list(one("09:31")) == ["1min", "5min", "15min", "30min", "close"]


@pytest.mark.parametrize("beside", [(), (MINUTE,), (MINUTE, 5 * MINUTE)])
@pytest.mark.parametrize("horizon", [0, -MINUTE])
def test_a_horizon_that_does_not_look_ahead_is_refused_beside_good_ones_too(horizon, beside):
    for horizons in ((horizon, *beside), (*beside, horizon)):
        with pytest.raises(UsageError, match=re.escape(f"looks ahead: horizons are nanoseconds above 0, got {horizons}")):
            one("09:31", horizons=horizons)


def test_the_label_is_the_largest_unit_that_fits():
    assert [label(h) for h in (5 * MINUTE, 1_000_000_000, 250_000_000, 7)] == ["5min", "1s", "250ms", "7ns"]


def test_the_summary_clusters_by_session_and_counts_what_is_left_out():
    rows = [
        (at("09:31"), 1, 10, 100.0),
        (at("09:31"), 1, 30, 101.0),
        (at(f"{JANUARY[1]} 09:30"), -1, 10, 49.0),
        (at("15:59:30"), 1, 10, 98.0),
    ]
    found = markouts(BARS, HOURS, trades_of(*rows), (MINUTE,), stamped="start")
    line = found.summary().loc["1min"]
    values = [-100.0, 0.0, (50 - 49) / 49 * 1e4]
    assert line["mean"] == pytest.approx(sum(values) / 3)
    assert line["notional_mean"] == pytest.approx((-100.0 * 1000 + 1e4 / 49 * 490) / (1000 + 3030 + 490))
    assert (line["n"], line["left_out"], line["reasons"]) == (3, 1, "the session ends before: 1")
    # two sessions, so Student's t with one degree of freedom: sums of deviations are -d and d
    d = values[2] - sum(values) / 3
    assert line["high"] - line["mean"] == pytest.approx(12.706204736 * math.sqrt(2 * 2 * d * d) / 3)
    assert found.summary(confidence=0.5).loc["1min", "high"] < line["high"]
    assert found.to_frame()["1min_reason"].tolist() == ["", "", "", "the session ends before"]


fills = st.tuples(st.integers(0, 1), st.sampled_from(DAYS), st.integers(0, 13 * 30), st.sampled_from([-1, 1]), st.floats(5, 60))


@given(markets(), st.lists(fills, min_size=1, max_size=10), st.sampled_from(["start", "end"]))
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_markouts_of_many_fills_are_those_of_a_loop_over_the_bars(bars, rows, stamped):
    hours = sessions("XNYS", ns(DAYS[0], "09:30"), ns(DAYS[-1], "16:00"))
    symbol, day, minute, side, price = zip(*rows, strict=True)
    time = [ns(d, "09:30") + m * MINUTE for d, m in zip(day, minute, strict=True)]
    trades = trades_of(*zip(time, side, [1] * len(rows), price, strict=True))._replace(symbol=np.array(symbol))
    horizons = (MINUTE, STEP // 2, STEP, 3 * STEP)
    found = markouts(bars, hours, trades, horizons, stamped=stamped)
    for n in range(len(rows)):
        opened, closed = ns(day[n], "09:30"), ns(day[n], CLOSES[day[n]])
        inside = opened < time[n] <= closed if stamped == "end" else opened <= time[n] < closed
        for name, later in [*((label(h), time[n] + h) for h in horizons), ("close", closed)]:
            mine = range(bars.offsets[symbol[n]], bars.offsets[symbol[n] + 1])
            known = [i for i in mine if time[n] <= bars.start[i] + bars.step <= later]
            expected = math.nan
            if inside and later <= closed and known:
                expected = side[n] * (price[n] - bars.close[known[-1]]) / price[n] * 1e4
            assert found.columns[name].values[n] == pytest.approx(expected, rel=1e-12, abs=1e-9, nan_ok=True)


@given(markets(), st.lists(fills, min_size=1, max_size=6))
@settings(deadline=None, max_examples=30)
@pytest.mark.slow
def test_buys_and_sells_mirror_and_doubling_the_price_keeps_bps(bars, rows):
    hours = sessions("XNYS", ns(DAYS[0], "09:30"), ns(DAYS[-1], "16:00"))
    symbol, day, minute, side, price = zip(*rows, strict=True)
    time = [ns(d, "09:30") + m * MINUTE for d, m in zip(day, minute, strict=True)]
    trades = trades_of(*zip(time, side, [1] * len(rows), price, strict=True))._replace(symbol=np.array(symbol))
    doubled = {name: getattr(bars, name) * (1 if name == "volume" else 2) for name in ("open", "high", "low", "close", "volume")}
    dear = Bars(**doubled, symbols=bars.symbols, offsets=bars.offsets, start=bars.start, step=bars.step, zone=bars.zone)
    found, turned, twice = (
        markouts(market, hours, fills, stamped="start").columns["close"].values
        for market, fills in ((bars, trades), (bars, trades._replace(side=-trades.side)), (dear, trades._replace(price=2 * trades.price)))
    )
    np.testing.assert_array_equal(turned, -found)
    np.testing.assert_array_equal(twice, found)


@pytest.mark.parametrize(("stamped", "rows"), [("start", [0, 0, 1, -1, 2, -1, 3]), ("end", [-1, 0, 0, 1, -1, 2, -1])])
def test_the_bar_of_a_fill_depends_on_the_end_at_which_it_is_stamped(stamped, rows):
    times = [at(t) for t in ("09:30", "09:30:59", "09:31", "09:32", "09:33", "09:34", f"{JANUARY[1]} 09:30")]
    assert bar_rows(BARS, np.zeros(7, dtype=np.int64), np.array(times), stamped).tolist() == rows
    assert bar_rows(BARS, np.array([-1]), np.array(times[:1]), stamped).tolist() == [-1]


def test_an_unknown_stamp_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean end"):
        bar_rows(BARS, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), "ends")


@pytest.mark.slow
def test_trades_of_a_study_point_at_the_rows_of_its_parents():
    bars = minute_bars([100 + i / 100 for i in range(390)], [101] * 390, [102] * 390)
    study = SlippageStudy(
        bars,
        ParentOrders.grid(bars, size="30", window="10:00-10:30", calendar="XNYS", profile_days=1, sides=("BUY", "SELL")),
        ["twap", "twap:slice_interval_seconds=300"],
    )
    result = study.run()
    found = Trades.of(result.fills, result.parents, bars)
    filled = np.bincount(found.parent, found.quantity, len(result.parents))
    np.testing.assert_array_equal(filled, result.parents["filled"])
    np.testing.assert_allclose(np.bincount(found.parent, found.quantity * found.price), result.parents["average_price"] * filled)
    assert found.time[0] == result.fills["timestamp"].iloc[0].value
    np.testing.assert_array_equal(found.side, np.where(result.parents["side"] == "BUY", 1, -1)[found.parent])
    assert set(found.symbol) == {0}
    some = result.parents[result.parents["algorithm"] == "twap"]
    assert len(Trades.of(result.fills, some, bars).time) < len(found.time)
    with pytest.raises(UsageError, match="stands twice"):
        Trades.of(result.fills, result.parents.iloc[[0, 0]], bars)
