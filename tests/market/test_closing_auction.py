"""Bars of which one, at the close, holds the closing auction."""

import pandas as pd
import pytest
from small_markets import minute_bars, run

from exec_algos import Bars, FillModel, ParentOrders, Rules, SimulatedBroker, SlippageStudy
from exec_algos.algorithms import TWAP, TargetClose
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.executors import AlgorithmExecutor
from exec_algos.market.calendars import sessions

NEW_YORK, SEOUL = "America/New_York", "Asia/Seoul"


def instants(first, last):
    return pd.Timestamp(first, tz="UTC").value, pd.Timestamp(last, tz="UTC").value


def clock(instant, zone):
    return f"{pd.Timestamp(int(instant), tz='UTC').tz_convert(zone):%H:%M:%S}"


@pytest.mark.parametrize(
    ("name", "zone", "close"), [("XNYS+1min", NEW_YORK, "16:01:00"), ("XNYS+30s", NEW_YORK, "16:00:30"), ("XKRX+5min", SEOUL, "15:35:00")]
)
def test_a_time_behind_the_calendars_name_keeps_its_sessions_open_for_the_auctions_bar(name, zone, close):
    period = instants("2024-03-04", "2024-03-08")
    plain, longer = sessions(name.partition("+")[0], *period), sessions(name, *period)
    assert (longer.name, longer.zone) == (name, zone)
    assert (longer.open == plain.open).all()
    assert {clock(instant, zone) for instant in longer.close} == {close}


def test_half_days_close_with_their_own_auction():
    longer = sessions("XNYS+1min", *instants("2024-07-03", "2024-07-03"))
    assert "13:01:00" in {clock(instant, NEW_YORK) for instant in longer.close}


@pytest.mark.parametrize("name", ["XNYS+", "XNYS+1h", "XNYS+min", "XNYS+-1min"])
def test_what_is_no_time_is_refused(name):
    with pytest.raises(UsageError, match="1min or 30s"):
        sessions(name, *instants("2024-03-04", "2024-03-05"))


def test_sessions_do_not_overlap():
    with pytest.raises(UsageError, match="leaves no time"):
        sessions("24/7+1min", *instants("2024-03-04", "2024-03-08"))


def test_an_unknown_exchange_is_unknown_with_a_time_behind_it_too():
    with pytest.raises(UnknownNameError, match="XNYZ"):
        sessions("XNYZ+1min", *instants("2024-03-04", "2024-03-05"))


def days_with_a_cross(days=1):
    """Days at 10, and a cross of a million shares at 11 in the bar that begins at the close."""
    rows = [(10.0, 10.0, 10.0, 10.0, 1000.0)] * 390 + [(11.0, 11.0, 11.0, 11.0, 1e6)]
    return minute_bars(*[rows] * days)


def worked(algorithm, calendar, **rules):
    broker = SimulatedBroker(days_with_a_cross(), fill_model=FillModel(max_participation=0.1), calendar=calendar)
    return run(AlgorithmExecutor(broker).execute("X", 80_000, algorithm, end="16:00", rules=Rules(**rules)))


def test_the_residual_meets_the_auction_and_no_other_bar():
    fills = worked(TWAP(), "XNYS+1min", residual="close_auction")
    late = [one for one in fills if one.fill_price == 11.0]
    assert [(clock(one.time, NEW_YORK), one.quantity) for one in late] == [("16:00:00", 80_000 - 39_000)]
    assert sum(one.quantity for one in fills) == 80_000


def test_without_the_auctions_bar_the_last_minute_stands_for_it():
    fills = worked(TWAP(), "XNYS", residual="close_auction")
    assert {one.fill_price for one in fills} == {10.0}


def test_target_close_sends_its_part_to_the_auction():
    broker = SimulatedBroker(days_with_a_cross(), calendar="XNYS+1min")
    fills = run(AlgorithmExecutor(broker).execute("X", 10_000, TargetClose(auction_fraction=0.3)))
    assert [one.quantity for one in fills if one.fill_price == 11.0] == [3000]


def test_a_study_counts_the_auction_in_its_benchmarks_in_both_drivers():
    bars = days_with_a_cross(2)
    parents = ParentOrders.grid(bars, calendar="XNYS+1min", sides=["buy"], size="4000", profile_days=1)
    study = SlippageStudy(bars, parents, [TargetClose(auction_fraction=0.5)])
    batch, engine = study.run("batch"), study.run("engine")
    assert batch.parents["average_price"].tolist() == engine.parents["average_price"].tolist() == [10.5]
    assert batch.parents["interval_vwap"].iloc[0] == pytest.approx((390_000 * 10 + 1e6 * 11) / 1_390_000)


@pytest.mark.market_data
def test_the_closing_cross_of_real_bars_is_met(market_data):
    whole = Bars.read(market_data / "us_polygon_2024" / "SPY.parquet")
    bars = whole.take(whole.start < whole.start[0] + 4 * 86_400_000_000_000)
    parents = ParentOrders.grid(bars, calendar="XNYS+1min", sides=["buy"], size="100000", profile_days=1)
    fills = SlippageStudy(bars, parents, [TargetClose(auction_fraction=0.5)]).run().fills
    at_close = fills[[f"{one.tz_convert(NEW_YORK):%H:%M}" == "16:00" for one in fills["timestamp"]]]
    assert len(at_close) == len(parents)
    assert (at_close["quantity"] == 50_000).all()
