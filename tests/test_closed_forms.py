"""Answers that follow from the definitions alone: on paper, or from numpy over the same bars."""

import asyncio
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, bars_of, grid_of, market, markets, ns, study_of

from exec_algos import Bars, FillModel, SimulatedBroker, TWAPExecutor, VWAPExecutor
from exec_algos.costs import FixedSpread, SquareRootImpact

MINUTE = 60 * 10**9
VWAP_RULE = FillModel(price="vwap")
REAL = {
    "us_yahoo_2026_03": "XNYS",
    "us_alphavantage_2019_02": "XNYS",
    "krx_yahoo_5m": "XKRX",
    "us_lean": "XNYS",
    "us_polygon_2024": "XNYS",
    "india_lean": "XBOM",
}


HOURS = {"XNYS": ("09:30", "16:00"), "XKRX": ("09:00", "15:30"), "XBOM": ("09:15", "15:30")}
ODD_DAYS = {"2015-12-24": ("09:30", "13:00"), "2025-11-13": ("10:00", "16:30"), "2026-01-02": ("10:00", "15:30")}


def sessions(bars, calendar):
    """Day, open, close and rows of each regular session, from a table of hours and not from the package's calendars."""
    stamps = pd.DatetimeIndex(bars.start.view("datetime64[ns]"), tz="UTC").tz_convert(bars.zone)
    for day in stamps.strftime("%Y-%m-%d").unique():
        opened, closed = (pd.Timestamp(f"{day} {clock}", tz=bars.zone).value for clock in ODD_DAYS.get(day, HOURS[calendar]))
        rows = np.flatnonzero((bars.start >= opened) & (bars.start < closed))
        if len(rows):
            yield day, opened, closed, rows


@pytest.mark.parametrize(("side", "price"), [("BUY", "open"), ("SELL", "worst")])
def test_on_a_market_that_never_moves_every_benchmark_is_the_price(side, price):
    bars = bars_of({"A": [(t, 20.0, 20.0, 20.0, 20.0, 1000.0, np.nan) for day in DAYS for t in grid_of(day)]})
    parents = study_of(bars, ["twap", "vwap:profile_days=1"], FillModel(price=price), profile_days=1, sides=[side]).run().parents
    costs = parents[[name for name in parents.columns if name.startswith("slippage")]]
    assert (costs == 0).all().all()
    assert (parents["residual"] == 0).all()


def never_moves(model, volume=1000.0, **grid):
    """Parent orders of a study on a market that stands at 20, by either driver."""
    bars = bars_of({"A": [(t, 20.0, 20.0, 20.0, 20.0, volume, np.nan) for day in DAYS[:3] for t in grid_of(day)]})
    study = study_of(bars, ["twap"], model, profile_days=1, **grid)
    return [study.run(driver).parents for driver in ("batch", "engine")]


@pytest.mark.parametrize("rule", ["open", "vwap", "close", "worst"])
@pytest.mark.parametrize("bps", [0.5, 10, 300])
def test_a_spread_costs_half_of_it_a_side_on_a_market_that_never_moves(rule, bps):
    for parents in never_moves(FillModel(price=rule, spread=FixedSpread(bps)), size="1300"):
        assert parents["side"].tolist() == ["BUY", "SELL"] * 2
        np.testing.assert_allclose(parents["slippage_arrival_bps"], bps / 2, rtol=1e-9)
        np.testing.assert_allclose(parents["slippage_vwap_bps"], bps / 2, rtol=1e-9)


@pytest.mark.parametrize(("shares", "bps"), [(10, 4.0), (40, 8.0), (1000, 40.0)])
def test_impact_grows_with_the_root_of_the_share_of_the_volume(shares, bps):
    """40 bps for a child as large as the bar of 1,000 shares; 13 bars, 13 children."""
    for parents in never_moves(FillModel(impact=SquareRootImpact(0.004)), size=str(13 * shares)):
        np.testing.assert_allclose(parents["slippage_arrival_bps"], bps, rtol=1e-9)


def test_twap_of_100_shares_over_30_slices_is_3_4_3():
    rows = [(ns(DAYS[0], "09:30") + i * MINUTE, 100.0, 100.0, 100.0, 100.0, 1000.0, np.nan) for i in range(30)]
    fills = asyncio.run(TWAPExecutor(SimulatedBroker(bars_of({"A": rows}, step=MINUTE))).execute("A", 100))
    assert [one.quantity for one in fills] == [3, 4, 3] * 10


def test_vwap_of_500_shares_along_a_profile_of_one_to_four_is_50_100_150_200():
    rows = [
        (t, 10.0, 10.0, 10.0, 10.0, volume, np.nan)
        for day in DAYS[:2]
        for t, volume in zip(list(grid_of(day))[:4], (1, 2, 3, 4), strict=True)
    ]
    broker = SimulatedBroker(bars_of({"A": rows}), start=ns(DAYS[1], "09:30"))
    fills = asyncio.run(VWAPExecutor(broker).execute("A", 500, volume_profile_days=1, slice_interval_seconds=1800))
    assert [one.quantity for one in fills] == [50, 100, 150, 200]


@given(markets(("A",)), st.integers(1, 5))
@settings(deadline=None, max_examples=25)
@pytest.mark.slow
def test_vwap_along_the_days_own_volume_curve_has_no_slippage(bars, times):
    """The profile's day repeats the volumes of the day that is traded, and the order is a multiple of that volume."""
    first, second = grid_of(DAYS[0]), grid_of(DAYS[1])
    own = bars.between(second[0], second[-1] + STEP)
    assume(own.volume.sum() > 0)
    rows = list(zip(own.start.tolist(), own.open, own.high, own.low, own.close, own.volume, strict=True))
    table = [(first[0] + t - second[0], *row, np.nan) for t, *row in rows] + [(*row, np.nan) for row in rows]
    parents = study_of(bars_of({"A": table}), ["vwap:profile_days=1"], VWAP_RULE, profile_days=1, size=f"{times}00%adv").run().parents
    np.testing.assert_allclose(parents["slippage_vwap_bps"], 0.0, rtol=0, atol=1e-9)
    np.testing.assert_allclose(parents["participation"], times, rtol=1e-12)


@pytest.mark.market_data
@pytest.mark.slow
@pytest.mark.parametrize("folder", REAL)
def test_vwap_along_the_days_own_volume_curve_has_no_slippage_on_any_symbol_of_the_real_data(market_data, folder):
    checked = 0
    for file in sorted((market_data / folder).glob("*.parquet")):
        bars = Bars.read(file)
        twice = repeated(bars, list(sessions(bars, REAL[folder])))
        if twice is None:
            continue
        parents = study_of(twice, ["vwap:profile_days=1"], VWAP_RULE, calendar=REAL[folder], profile_days=1, size="100%adv").run().parents
        np.testing.assert_allclose(parents["slippage_vwap_bps"], 0.0, rtol=0, atol=1e-9)
        assert (parents["fill_rate"] == 1).all()
        checked += 1
    assert checked > 0


def repeated(bars, days):
    """The last two sessions of one length, the earlier one with the minutes, the prices and the volumes of the later one."""
    for (_, a, b, _), (_, c, d, rows) in zip(days[-2::-1], days[:0:-1], strict=True):
        if b - a == d - c and bars.volume[rows].sum() == np.floor(bars.volume[rows]).sum() > 0:
            later = bars.take(np.isin(np.arange(len(bars)), rows))
            start = np.concatenate([later.start - c + a, later.start])
            columns = {name: np.tile(column, 2) for name, column in later.columns().items() if name not in later.quotes}
            return replace(later, start=start, offsets=np.array([0, len(start)]), quotes={}, **columns)
    return None


@pytest.mark.market_data
@pytest.mark.slow
@pytest.mark.parametrize("folder", REAL)
@pytest.mark.parametrize("rule", ["open", "vwap", "close", "worst"])
def test_the_average_price_of_twap_is_numpys_on_every_symbol_of_the_real_data(market_data, folder, rule):
    checked, calendar = 0, REAL[folder]
    for file in sorted((market_data / folder).glob("*.parquet")):
        bars = Bars.read(file)
        days = list(sessions(bars, calendar))[1:]
        if not days:
            continue
        parents = (
            study_of(
                bars,
                ["twap:slice_interval_seconds=300"],
                FillModel(price=rule),
                calendar=calendar,
                size="5000",
                profile_days=1,
                sides=["SELL"],
            )
            .run()
            .parents
        )
        known = parents.set_index(parents["session"].dt.strftime("%Y-%m-%d"))["average_price"].to_dict()
        expected = {day: twap_price(bars, rule, *session) for day, *session in days}
        assert known == pytest.approx(expected, rel=1e-12)
        checked += len(known)
    assert checked > 0


def twap_price(bars, rule, opened, closed, rows):
    """What a TWAP sale pays: a child of each slice in its first bar with volume, what is not filled goes to the next slice."""
    quantity, interval = 5000, 5 * MINUTE
    n = -(-(closed - opened) // interval)
    target = np.floor(np.minimum(np.arange(1, n + 1) * interval, closed - opened) / (closed - opened) * quantity + 0.5)
    rows = rows[bars.volume[rows] > 0]
    slices, first = np.unique((bars.start[rows] - opened) // interval, return_index=True)
    shares = np.diff(np.concatenate([[0], target[slices]]))
    prices = {"open": bars.open, "close": bars.close, "worst": bars.low, "vwap": typical(bars)}[rule]
    return np.average(prices[rows[first]], weights=shares)


def typical(bars):
    """The vendor's VWAP where it lies in the bar, else hlc3."""
    vwap = np.full(len(bars), np.nan) if bars.vwap is None else bars.vwap
    return np.where((vwap >= bars.low) & (vwap <= bars.high), vwap, (bars.high + bars.low + bars.close) / 3)


@given(st.integers(0, 2**32 - 1), st.integers(1, 50), st.booleans())
@settings(deadline=None, max_examples=25)
@pytest.mark.slow
def test_twap_without_rounding_has_no_slippage_against_twap(seed, lots, vendor):
    bars = market(seed, missing=0.0, silent=0.0, vendor=vendor)
    parents = study_of(bars, ["twap"], VWAP_RULE, size=str(13 * 7 * lots), profile_days=1).run().parents
    np.testing.assert_allclose(parents["slippage_twap_bps"], 0.0, rtol=0, atol=1e-9)


@given(markets(), st.sampled_from(["open", "vwap", "close"]))
@settings(deadline=None, max_examples=20)
@pytest.mark.slow
def test_a_sale_is_the_purchase_in_the_mirror(bars, rule):
    parents = (
        study_of(bars, ["twap", "vwap:profile_days=1"], FillModel(price=rule, max_participation=0.2), size="300", profile_days=1)
        .run()
        .parents
    )
    buys, sales = (parents[parents["side"] == side].reset_index(drop=True) for side in ("BUY", "SELL"))
    same = ["symbol", "session", "quantity", "filled", "average_price", "arrival_price", "interval_vwap", "children"]
    assert buys[same].equals(sales[same])
    costs = [name for name in parents.columns if name.startswith("slippage")]
    np.testing.assert_array_equal(buys[costs], -sales[costs])


def test_worst_prices_cost_a_buyer_the_high_and_a_seller_the_low():
    bars = market(2, missing=0.0, silent=0.0)
    result = study_of(bars, ["twap"], FillModel(price="worst"), size="130", profile_days=1).run()
    for fill in result.fills.itertuples():
        n = bars.rows(fill.symbol).start + np.searchsorted(bars.start[bars.rows(fill.symbol)], fill.timestamp.value - STEP)
        assert fill.price == (bars.high if fill.side == "BUY" else bars.low)[n]
    assert (result.parents["slippage_twap_bps"] >= 0).all()


def test_in_a_rising_market_a_buyer_pays_and_a_seller_gains_against_arrival():
    rows = [(t, p, p, p, p, 100.0, np.nan) for day in DAYS[:2] for t, p in zip(grid_of(day), np.arange(100.0, 126.0, 2.0), strict=True)]
    parents = study_of(bars_of({"A": rows}), ["twap"], VWAP_RULE, size="13", profile_days=1).run().parents
    cost = (np.arange(100.0, 126.0, 2.0).mean() - 100) / 100 * 1e4
    assert parents["slippage_arrival_bps"].tolist() == pytest.approx([cost, -cost])
