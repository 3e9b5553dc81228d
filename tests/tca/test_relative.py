"""PWP and the share of volume at worse prices, on paper and against a plain walk along the bars."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import CLOSES, DAYS, STEP, bars_of, grid_of, markets, ns

from exec_algos import Bars
from exec_algos.errors import UsageError
from exec_algos.market.calendars import sessions
from exec_algos.stats.estimable import Estimable
from exec_algos.tca.benchmarks import View, average_price, interval_vwap
from exec_algos.tca.places import Windows
from exec_algos.tca.relative import pairs_of, pwp, worse_volume

HOURS = sessions("XNYS", ns(DAYS[0], "09:30"), ns(DAYS[-1], "16:00"))


def view_of(bars, *orders, hours=HOURS):
    symbol, start, end = (np.array(column, dtype=np.int64) for column in zip(*orders, strict=True))
    return View.of(bars, hours, Windows(symbol, start, end))


# from 10:00 on: 100 shares at 10, none at 15, 300 at 20, 100 at 40
PRICES, VOLUMES = (10.0, 15.0, 20.0, 40.0), (100.0, 0.0, 300.0, 100.0)
TAPE = bars_of(
    {"A": [(ns(DAYS[1], "10:00") + i * STEP, p, p, p, p, v, math.nan) for i, (p, v) in enumerate(zip(PRICES, VOLUMES, strict=True))]}
)


def on_tape(start="10:00", end="10:30", symbol=0, day=DAYS[1]):
    return view_of(TAPE, (symbol, ns(day, start), ns(day, end)))


@pytest.mark.parametrize(
    ("shares", "rate", "price", "row", "fraction"),
    [
        (5.0, 0.1, 10.0, 0, 0.5),  # 50 of the first 100
        (10.0, 0.1, 10.0, 0, 1.0),
        (25.0, 0.1, 16.0, 2, 0.5),  # (100 x 10 + 150 x 20) / 250
        (40.0, 0.1, 17.5, 2, 1.0),
        (40.0, 0.2, 15.0, 2, 1 / 3),  # (100 x 10 + 100 x 20) / 200
        (50.0, 0.1, 22.0, 3, 1.0),  # all of it: (1000 + 6000 + 4000) / 500
    ],
)
def test_pwp_is_the_vwap_until_shares_over_rate_have_traded(shares, rate, price, row, fraction):
    found = pwp(on_tape(), np.array([shares]), rate)
    assert (found.price.values[0], found.row[0], found.fraction[0]) == (pytest.approx(price), row, pytest.approx(fraction))


def test_pwp_starts_at_the_arrival_and_does_not_end_with_the_window():
    assert pwp(on_tape("11:00", "11:30"), np.array([32.0]), 0.1).price.values[0] == pytest.approx((300 * 20 + 20 * 40) / 320)


def test_pwp_where_the_session_ends_first_says_how_much_there_was():
    found = pwp(on_tape(), np.array([100.0]), 0.1)
    assert found.price.reason[0] == "the session ends when 0.5 of the volume it needs has traded"
    assert (math.isnan(found.price.values[0]), found.row[0], math.isnan(found.fraction[0])) == (True, -1, True)


@pytest.mark.parametrize(
    ("view", "shares", "why"),
    [
        (on_tape(), 0.0, "the order has no shares"),
        (on_tape("12:00", "13:00"), 10.0, "no volume from the arrival to the session's end"),
        (on_tape(day=DAYS[2]), 10.0, "no volume from the arrival to the session's end"),
        (on_tape(symbol=-1), 10.0, "the bars do not hold this symbol"),
    ],
)
def test_pwp_of_nothing_is_not_estimable(view, shares, why):
    assert pwp(view, np.array([shares]), 0.1).price.reason.tolist() == [why]


@pytest.mark.parametrize("rate", [0.0, -0.1, math.nan, math.inf])
def test_a_rate_that_is_no_fraction_is_refused(rate):
    with pytest.raises(UsageError, match=r"10 % is 0\.1"):
        pwp(on_tape(), np.array([1.0]), rate)


def walked(bars, symbol, start, close, needed):
    """Walk along the bars until the volume has traded."""
    money = traded = 0.0
    for i in range(bars.offsets[symbol], bars.offsets[symbol + 1]):
        if bars.start[i] >= start and bars.start[i] + bars.step <= close:
            take = min(float(bars.volume[i]), needed - traded)
            money += take * bars.price()[i]
            traded += take
            if traded == needed:
                return money / needed
    return None


orders = st.tuples(st.integers(0, 1), st.sampled_from(DAYS), st.integers(0, 12), st.integers(1, 13))


def placed(order):
    symbol, day, first, length = order
    start = grid_of(day)[min(first, len(grid_of(day)) - 1)]
    return symbol, start, min(start + length * STEP, ns(day, CLOSES[day]))


@given(markets(), st.lists(st.tuples(orders, st.integers(1, 2000)), min_size=1, max_size=12), st.sampled_from([1.0, 0.5, 0.125]))
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_pwp_of_many_orders_is_that_of_a_walk_along_the_bars(bars, drawn, rate):
    wanted = [placed(order) for order, _ in drawn]
    shares = np.array([size for _, size in drawn], dtype=np.float64)
    found = pwp(view_of(bars, *wanted), shares, rate).price
    for row, (symbol, start, _) in enumerate(wanted):
        close = next(int(c) for c in HOURS.close if c > start)
        expected = walked(bars, symbol, start, close, shares[row] / rate)
        assert found.known[row] == (expected is not None)
        assert found.values[row] == pytest.approx(math.nan if expected is None else expected, rel=1e-12, nan_ok=True)


@given(markets(), st.lists(orders, min_size=1, max_size=8))
@settings(deadline=None, max_examples=40)
@pytest.mark.slow
def test_pwp_at_the_rate_that_the_window_itself_traded_is_the_interval_vwap(bars, drawn):
    view = view_of(bars, *map(placed, drawn))
    volume = np.array([bars.volume[a:b].sum() for a, b in zip(view.first, view.last, strict=True)])
    found, vwap = pwp(view, volume, 1.0).price, interval_vwap(view)
    assert found.values == pytest.approx(vwap.values, rel=1e-12, nan_ok=True)


def test_pwp_of_volumes_in_fractions_ends_with_the_bar_that_completes_them():
    rows = [(ns(DAYS[1], "10:00") + i * STEP, 10.0 + i, 10.0 + i, 10.0 + i, 10.0 + i, 0.1, math.nan) for i in range(12)]
    view = view_of(bars_of({"A": rows}), (0, rows[0][0], rows[0][0] + STEP))
    for bars_taken in range(1, 13):
        found = pwp(view, np.array([sum([0.1] * bars_taken)]), 1.0)
        assert (found.row[0], found.fraction[0]) == (bars_taken - 1, pytest.approx(1.0))
        assert found.price.values[0] == pytest.approx(10 + (bars_taken - 1) / 2)


def share_of(price, side=1, view=None):
    return worse_volume(view or on_tape(end="12:00"), np.array([side]), Estimable.of([price])).values[0]


# of 500 shares: 100 at 10, 300 at 20, 100 at 40
@pytest.mark.parametrize(
    ("price", "bought"),
    [(5.0, 1.0), (10.0, 0.9), (12.0, 0.8), (20.0, 0.5), (30.0, 0.2), (40.0, 0.1), (41.0, 0.0), (20.000000000000004, 0.5)],
)
def test_the_share_at_worse_prices_counts_what_is_equal_by_half(price, bought):
    assert share_of(price) == pytest.approx(bought)
    assert share_of(price, side=-1) == pytest.approx(1 - bought)


def test_the_share_at_worse_prices_is_that_of_the_window():
    assert share_of(15.0, view=on_tape(end="11:00")) == 0.0


def test_the_share_at_worse_prices_needs_fills_and_volume():
    nothing = average_price(np.array([0.0]), np.array([0.0]))
    assert worse_volume(on_tape(), np.array([1]), nothing).reason[0] == "nothing was filled"
    priced = Estimable.of([10.0])
    assert worse_volume(on_tape("10:30", "11:00"), np.array([1]), priced).reason[0] == "no volume in the window"
    assert worse_volume(on_tape("12:00", "12:30"), np.array([1]), priced).reason[0] == "no bars in the window"
    assert worse_volume(on_tape(symbol=-1), np.array([1]), priced).reason[0] == "the bars do not hold this symbol"


@given(markets(), st.lists(st.tuples(orders, st.sampled_from([-1, 1]), st.floats(5, 60)), min_size=1, max_size=12))
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_the_share_at_worse_prices_of_many_orders_is_that_of_a_loop(bars, drawn):
    wanted = [placed(order) for order, _, _ in drawn]
    side, price = np.array([s for _, s, _ in drawn]), np.array([p for _, _, p in drawn])
    view = view_of(bars, *wanted)
    found = worse_volume(view, side, Estimable.of(price))
    for row in range(len(wanted)):
        rows = range(view.first[row], view.last[row])
        total = sum(bars.volume[i] for i in rows)
        same = {i for i in rows if math.isclose(bars.price()[i], price[row], rel_tol=1e-12)}
        worse = sum(bars.volume[i] for i in rows if i not in same and side[row] * (bars.price()[i] - price[row]) > 0)
        equal = sum(bars.volume[i] for i in same)
        assert found.values[row] == pytest.approx((worse + equal / 2) / total if total else math.nan, nan_ok=True)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12), st.integers(1, 30))
def test_pairs_are_every_row_of_every_order_once_in_order(ranges, chunk):
    first, last = (np.array([pair[i] for pair in ranges], dtype=np.int64) for i in (0, 1))
    found = [(int(n), int(row)) for order, rows in pairs_of(first, last, chunk) for n, row in zip(order, rows, strict=True)]
    assert found == [(n, row) for n, (a, b) in enumerate(ranges) for row in range(a, b)]


@pytest.mark.market_data
@pytest.mark.slow
def test_pwp_and_the_share_at_worse_prices_of_real_bars_are_those_of_a_loop(market_data):
    bars = Bars.read(market_data / "us_alphavantage_2019_02/GLD.parquet")
    hours = sessions("XNYS", int(bars.start[0]), int(bars.start[-1]))
    bars = bars.take(hours.locate(bars.start) >= 0)
    start = hours.open[:5] + np.array([0, 17, 100, 200, 385]) * 60_000_000_000
    view = View.of(bars, hours, Windows(np.zeros(5, dtype=np.int64), start, np.minimum(start + 3_600_000_000_000, hours.close[:5])))
    shares = np.array([1e4, 2e4, 5e4, 1e5, 1e7])
    found = pwp(view, shares, 0.125).price
    expected = [walked(bars, 0, start[i], hours.close[i], shares[i] / 0.125) for i in range(5)]
    assert expected[4] is None
    assert found.values == pytest.approx([math.nan if one is None else one for one in expected], rel=1e-11, nan_ok=True)
    vwap = interval_vwap(view)
    share = worse_volume(view, np.ones(5, dtype=np.int64), vwap).values
    assert np.all((share > 0.05) & (share < 0.95))


@given(markets(), st.lists(st.tuples(orders, st.integers(1, 500), st.floats(5, 60)), min_size=1, max_size=6))
@settings(deadline=None, max_examples=30)
@pytest.mark.slow
def test_buys_and_sells_share_the_volume_and_doubling_the_price_changes_no_share_and_doubles_pwp(bars, drawn):
    wanted = [placed(order) for order, _, _ in drawn]
    shares, price = np.array([s for _, s, _ in drawn], dtype=np.float64), np.array([p for _, _, p in drawn])
    columns = {name: getattr(bars, name) * (1 if name == "volume" else 2) for name in ("open", "high", "low", "close", "volume")}
    vendor = None if bars.vwap is None else 2 * bars.vwap
    dear = Bars(**columns, vwap=vendor, symbols=bars.symbols, offsets=bars.offsets, start=bars.start, step=bars.step, zone=bars.zone)
    view, double = view_of(bars, *wanted), view_of(dear, *wanted)
    side = np.ones(len(wanted), dtype=np.int64)
    bought, sold = (worse_volume(view, way * side, Estimable.of(price)).values for way in (1, -1))
    assert (bought + sold)[np.isfinite(bought)] == pytest.approx(1.0)
    np.testing.assert_array_equal(worse_volume(double, side, Estimable.of(2 * price)).values, bought)
    np.testing.assert_allclose(pwp(double, shares, 0.5).price.values, 2 * pwp(view, shares, 0.5).price.values, rtol=1e-14)
