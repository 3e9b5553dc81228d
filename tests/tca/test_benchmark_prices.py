"""Each benchmark against a plain loop over the bars, and on paper where it is not estimable."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import CLOSES, DAYS, STEP, bars_of, grid_of, market, markets, ns

from exec_algos import Bars
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.calendars import sessions
from exec_algos.tca import benchmarks as tca
from exec_algos.tca.benchmarks import View
from exec_algos.tca.places import Windows

HOURS = sessions("XNYS", ns(DAYS[0], "09:30"), ns(DAYS[-1], "16:00"))
NAMES = (
    "arrival", "interval_vwap", "session_vwap", "interval_twap", "session_open", "session_close", "previous_close", "window_end",
)  # fmt: skip


def view_of(bars, *orders, hours=HOURS):
    symbol, start, end = (np.array(column, dtype=np.int64) for column in zip(*orders, strict=True))
    return View.of(bars, hours, Windows(symbol, start, end))


def on_loop(bars, symbol, start, end, hours):
    """The definitions, bar by bar; None where there is nothing to take."""
    low, high = bars.offsets[symbol], bars.offsets[symbol + 1]
    price = bars.price()
    n = next(i for i in range(len(hours)) if hours.close[i] > start)

    def session(number):
        if number < 0:
            return []
        return [i for i in range(low, high) if hours.open[number] <= bars.start[i] and bars.start[i] + bars.step <= hours.close[number]]

    today, before = session(n), session(n - 1)
    window = [i for i in range(low, high) if bars.start[i] >= start and bars.start[i] + bars.step <= end]
    known = [i for i in today if bars.start[i] + bars.step <= start]
    over = [i for i in today if bars.start[i] + bars.step <= end]
    return {
        "arrival": bars.close[known[-1]] if known else bars.open[window[0]] if window else None,
        "interval_vwap": weighted(price, bars.volume, window),
        "session_vwap": weighted(price, bars.volume, today),
        "interval_twap": sum(price[i] for i in window) / len(window) if window else None,
        "session_open": bars.open[today[0]] if today else None,
        "session_close": bars.close[today[-1]] if today else None,
        "previous_close": bars.close[before[-1]] if before else None,
        "window_end": bars.close[over[-1]] if over else None,
    }


def weighted(price, volume, rows):
    total = sum(volume[i] for i in rows)
    return sum(price[i] * volume[i] for i in rows) / total if total else None


def assert_is(column, row, expected):
    """A number where there is one, and else NaN with a reason."""
    if expected is None:
        assert math.isnan(column.values[row])
        assert column.reason[row]
    else:
        assert column.values[row] == pytest.approx(expected, rel=1e-12)
        assert column.reason[row] == ""


orders = st.tuples(st.integers(0, 1), st.sampled_from(DAYS), st.integers(0, 12), st.integers(1, 13), st.sampled_from([0, 0, 1, STEP // 2]))


def placed(order):
    symbol, day, first, length, shift = order
    slots = grid_of(day)
    start = slots[min(first, len(slots) - 1)] + shift
    return symbol, start, min(start + length * STEP, ns(day, CLOSES[day]))


@given(markets(), st.lists(orders, min_size=1, max_size=12), st.sampled_from([(), ("2025-11-25",)]))
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_every_benchmark_of_many_orders_is_that_of_a_loop_over_the_bars(bars, drawn, dropped):
    for day in dropped:
        bars = bars.take((bars.start < ns(day, "09:30")) | (bars.start >= ns(day, "16:00")))
    wanted = [placed(order) for order in drawn]
    view = view_of(bars, *wanted)
    columns = {name: getattr(tca, name)(view) for name in NAMES}
    for row, order in enumerate(wanted):
        for name, expected in on_loop(bars, *order, HOURS).items():
            assert_is(columns[name], row, expected)


@pytest.mark.market_data
@pytest.mark.slow
@pytest.mark.parametrize("file", ["us_yahoo_2026_03/BILI", "us_alphavantage_2019_02/UGA"])
def test_every_benchmark_of_real_bars_is_that_of_a_loop_over_the_bars(market_data, file):
    bars = Bars.read(market_data / f"{file}.parquet")
    hours = sessions("XNYS", int(bars.start[0]), int(bars.start[-1]))
    bars = bars.take(hours.locate(bars.start) >= 0)
    rng = np.random.default_rng(1)
    day = rng.integers(0, len(hours), 40)
    start = hours.open[day] + rng.integers(0, 380, 40) * 60_000_000_000
    end = np.minimum(start + rng.integers(1, 120, 40) * 60_000_000_000, hours.close[day])
    view = View.of(bars, hours, Windows(np.zeros(40, dtype=np.int64), start, end))
    columns = {name: getattr(tca, name)(view) for name in NAMES}
    for row in range(40):
        for name, expected in on_loop(bars, 0, start[row], end[row], hours).items():
            assert_is(columns[name], row, expected)


# 10:00, 10:30 and 11:00 trade at 10 (1 share), 20 (3 shares) and 40 (no share)
PAPER = bars_of(
    {
        "A": [
            (ns(DAYS[1], "10:00"), 10.0, 10.0, 10.0, 10.0, 1.0, math.nan),
            (ns(DAYS[1], "10:30"), 20.0, 20.0, 20.0, 20.0, 3.0, math.nan),
            (ns(DAYS[1], "11:00"), 40.0, 40.0, 40.0, 40.0, 0.0, math.nan),
        ]
    }
)


def on_paper(start, end, symbol=0, day=DAYS[1], bars=PAPER):
    return view_of(bars, (symbol, ns(day, start), ns(day, end)))


def reason(column):
    assert math.isnan(column.values[0])
    return column.reason[0]


def test_what_is_not_estimable_says_why():
    silent, empty, early = on_paper("11:00", "11:30"), on_paper("12:00", "13:00"), on_paper("09:30", "10:00")
    assert reason(tca.interval_vwap(silent)) == "no volume in the window"
    assert reason(tca.interval_vwap(empty)) == reason(tca.interval_twap(empty)) == "no bars in the window"
    assert reason(tca.arrival(early)) == "no bar of the session had ended by the start, and none lies in the window"
    assert reason(tca.window_end(on_paper("09:30", "10:15"))) == "no bar of the session had ended by the window's end"
    assert reason(tca.previous_close(early)) == "the session before is not in the bars"
    other = on_paper("10:00", "11:00", day=DAYS[2])
    for name in ("session_vwap", "session_open", "session_close"):
        assert reason(getattr(tca, name)(other)) == "no bars in the session"


def test_a_session_without_volume_has_no_session_vwap():
    flat = bars_of({"A": [(ns(DAYS[1], "10:00"), 10.0, 10.0, 10.0, 10.0, 0.0, math.nan)]})
    assert reason(tca.session_vwap(on_paper("10:00", "11:00", bars=flat))) == "no volume in the session"


@pytest.mark.parametrize("name", NAMES)
def test_a_symbol_without_bars_and_a_window_after_the_last_session_say_so(name):
    assert reason(getattr(tca, name)(on_paper("10:00", "11:00", symbol=-1))) == "the bars do not hold this symbol"
    late = HOURS.close[-1]
    assert (
        reason(getattr(tca, name)(view_of(PAPER, (0, late, late + STEP)))) == "the calendar has no session at or after the window's start"
    )


def test_the_previous_close_is_not_that_of_the_session_before_the_last_one():
    bars = market(1, missing=0.0).take(np.array([pd.Timestamp(t).strftime("%Y-%m-%d") != DAYS[1] for t in market(1, missing=0.0).start]))
    assert reason(tca.previous_close(on_paper("10:00", "11:00", day=DAYS[2], bars=bars))) == "the session before is not in the bars"


def test_an_order_that_starts_inside_a_bar_does_not_arrive_at_the_close_of_that_bar():
    assert tca.arrival(on_paper("10:45", "11:30")).values[0] == 10.0


def test_the_decision_price_is_the_last_close_known_then_also_from_an_earlier_session():
    decided = [ns(DAYS[1], "10:29"), ns(DAYS[1], "10:30"), ns(DAYS[1], "10:59"), ns(DAYS[1], "16:00"), ns(DAYS[2], "09:00")]
    found = tca.decision_price(PAPER, np.zeros(5, dtype=np.int64), np.array(decided))
    assert found.reason[0] == "no bar had ended by then"
    assert found.values[1:].tolist() == [10.0, 10.0, 40.0, 40.0]
    assert reason(tca.decision_price(PAPER, np.array([-1]), np.array([decided[1]]))) == "the bars do not hold this symbol"


def test_on_a_live_tape_our_own_prints_come_out_of_the_vwap():
    # 1 share at 10 and 3 at 20 traded; of those 2 at 20 were ours: the others paid 30 for 2
    view = on_paper("10:00", "11:30")
    assert tca.vwap_without_own(view, np.array([2.0]), np.array([40.0]), tape="live").values[0] == 15.0


def test_a_replayed_tape_does_not_hold_our_prints_so_nothing_comes_out():
    view = on_paper("10:00", "11:30")
    assert tca.vwap_without_own(view, np.array([2.0]), np.array([40.0]), tape="replay").values[0] == 17.5


@pytest.mark.parametrize(
    ("shares", "notional", "why"),
    [(4.0, 70.0, tca.ONLY_OWN), (5.0, 90.0, tca.OWN_TOO_LARGE), (3.9, 0.0, tca.OWN_OUTSIDE), (2.0, 69.0, tca.OWN_OUTSIDE)],
)
def test_what_is_left_without_our_prints_has_to_be_a_market(shares, notional, why):
    assert reason(tca.vwap_without_own(on_paper("10:00", "11:30"), np.array([shares]), np.array([notional]), tape="live")) == why


def test_without_prints_of_our_own_the_vwap_is_that_of_the_tape_and_a_window_without_volume_keeps_its_reason():
    view = view_of(PAPER, *((0, ns(DAYS[1], start), ns(DAYS[1], "11:30")) for start in ("10:00", "11:00")))
    found = tca.vwap_without_own(view, np.zeros(2), np.zeros(2), tape="live")
    assert found.values[0] == 17.5
    assert found.reason[1] == "no volume in the window"


def test_an_unknown_tape_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean replay"):
        tca.vwap_without_own(on_paper("10:00", "11:30"), np.zeros(1), np.zeros(1), tape="replayed")


def quoted(bid, ask):
    columns = {
        name: getattr(PAPER, name) for name in ("symbols", "offsets", "start", "open", "high", "low", "close", "volume", "step", "zone")
    }
    return Bars(**columns, quotes={"bid": np.array(bid), "ask": np.array(ask)})


def test_the_mid_at_the_windows_end_is_that_of_the_last_quote_known_then():
    bars = quoted([9.0, 19.0, math.nan], [11.0, 20.0, math.nan])
    assert tca.window_end_mid(on_paper("10:00", "11:00", bars=bars)).values[0] == 19.5
    assert tca.window_end_mid(on_paper("10:00", "10:59", bars=bars)).values[0] == 10.0
    assert reason(tca.window_end_mid(on_paper("10:00", "11:30", bars=bars))) == "no quote at the window's end"
    assert reason(tca.window_end_mid(on_paper("09:30", "10:00", bars=bars))) == "no bar of the session had ended by the window's end"


def test_the_mid_of_bars_without_quotes_is_refused():
    with pytest.raises(UsageError, match="needs bars with bid and ask"):
        tca.window_end_mid(on_paper("10:00", "11:00"))


def test_slippage_of_an_order_without_fills_or_without_a_benchmark_says_which():
    average = tca.average_price(np.array([0.0, 2.0, 2.0]), np.array([0.0, 21.0, 21.0]))
    view = view_of(PAPER, *((0, ns(DAYS[1], a), ns(DAYS[1], b)) for a, b in (("10:00", "10:30"), ("12:00", "13:00"), ("10:00", "10:30"))))
    found = tca.slippage(np.array([1, 1, -1]), average, tca.interval_vwap(view))
    assert found.reason.tolist() == ["nothing was filled", "no bars in the window", ""]
    assert found.values[2] == pytest.approx(-500.0)


@given(markets(), st.lists(orders, min_size=1, max_size=6))
@settings(deadline=None, max_examples=30)
@pytest.mark.slow
def test_a_vwap_lies_within_the_prices_of_its_bars(bars, drawn):
    wanted = [placed(order) for order in drawn]
    view = view_of(bars, *wanted)
    found = tca.interval_vwap(view)
    for row in np.flatnonzero(found.known):
        rows = slice(view.first[row], view.last[row])
        assert bars.low[rows].min() * (1 - 1e-12) <= found.values[row] <= bars.high[rows].max() * (1 + 1e-12)


# Trades of five minutes, published with the exact VWAP and with those of the usual stand-ins for a bar's VWAP
def tape_bars(example, **columns):
    rows = example["bars"]
    start = np.array([ns(DAYS[1], "10:00") + 60_000_000_000 * row["minute"] for row in rows])
    prices = {name: np.array([row[name] for row in rows], dtype=np.float64) for name in ("open", "high", "low", "close", "volume")}
    return Bars(symbols=("A",), offsets=np.array([0, len(rows)]), start=start, **prices, **columns, step=60_000_000_000, zone="UTC")


def test_the_vwap_of_bars_agrees_with_the_published_tape(vectors):
    example = vectors("bar_vwap_proxies.json")["tick_example"]
    vendor = np.array([math.nan if row["vwap"] is None else row["vwap"] for row in example["bars"]])
    window = (0, ns(DAYS[1], "10:00"), ns(DAYS[1], "10:05"))
    true, proxy = (view_of(tape_bars(example, **columns), window) for columns in ({"vwap": vendor}, {}))
    assert tca.interval_vwap(true).values[0] == pytest.approx(example["true_vwap"], rel=1e-14)
    assert tca.interval_vwap(proxy).values[0] == pytest.approx(example["proxy_vwap"]["hlc3"], rel=1e-14)
    error = tca.slippage_bps(1, tca.interval_vwap(proxy).values, tca.interval_vwap(true).values)
    assert error[0] == pytest.approx(example["proxy_error_bps"]["hlc3"], abs=1e-9)


def test_price_advantage_is_the_slippage_against_the_twap_with_the_other_sign(vectors):
    published = vectors("opd_metrics.json")
    for order in published["orders"]:
        prices, shares = np.array(order["prices"]), np.array(order["actions"]) * 1000
        start = ns(DAYS[1], "10:00")
        rows = [(start + i * STEP, p, p, p, p, 100.0, math.nan) for i, p in enumerate(prices)]
        view = view_of(bars_of({"A": rows}), (0, start, start + len(rows) * STEP))
        average = tca.average_price(np.array([shares.sum()]), np.array([(shares * prices).sum()]))
        side = np.array([1 if order["side"] == "BUY" else -1])
        assert tca.interval_twap(view).values[0] == pytest.approx(order["twap"], rel=1e-12)
        assert -tca.slippage(side, average, tca.interval_twap(view)).values[0] == pytest.approx(order["PA_bps"], abs=1e-8)


@pytest.mark.slow
def test_a_bar_without_the_vendors_vwap_misses_it_by_the_published_error(vectors):
    """A Brownian price and even volume within each bar: the error of (high + low + close) / 3 in units of sigma sqrt(bar)."""
    rng, n, steps = np.random.default_rng(5), 20_000, 500
    path = 1e4 + np.cumsum(rng.standard_normal((n, steps)) / math.sqrt(steps), axis=1)
    start = np.arange(n, dtype=np.int64) * 60_000_000_000
    prices = {"open": path[:, 0], "high": path.max(axis=1), "low": path.min(axis=1), "close": path[:, -1]}
    bars = Bars(**prices, symbols=("A",), offsets=np.array([0, n]), start=start, volume=np.ones(n), step=60_000_000_000, zone="UTC")
    error = (bars.price() - path.mean(axis=1)).std()
    assert error == pytest.approx(vectors("bar_vwap_proxies.json")["c_mc"]["hlc3"]["c"], rel=0.02)
