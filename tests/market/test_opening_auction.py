"""Bars of which one, before the open, holds the opening auction."""

from dataclasses import replace

import pandas as pd
import pytest
from small_markets import MINUTE, minute_bars, run

from exec_algos import FillModel, ParentOrders, Rules, SimulatedBroker, SlippageStudy
from exec_algos.algorithms import TWAP, VWAP
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.executors import AlgorithmExecutor
from exec_algos.market.calendars import sessions

NEW_YORK, SEOUL = "America/New_York", "Asia/Seoul"
WEEK = pd.Timestamp("2024-03-04", tz="UTC").value, pd.Timestamp("2024-03-08", tz="UTC").value


def clock(instant, zone=NEW_YORK):
    return f"{pd.Timestamp(int(instant), tz='UTC').tz_convert(zone):%H:%M:%S}"


def days_with_a_cross(days=1):
    """A cross of a million shares at 12 in the bar before the open, then a day at 10."""
    bars = minute_bars(*[[(12.0, 12.0, 12.0, 12.0, 1e6)] + [(10.0, 10.0, 10.0, 10.0, 1000.0)] * 390] * days)
    return replace(bars, start=bars.start - MINUTE)


@pytest.mark.parametrize(
    ("name", "zone", "opens", "closes"),
    [
        ("XNYS-1min", NEW_YORK, "09:29:00", "16:00:00"),
        ("XKRX-10min+1min", SEOUL, "08:50:00", "15:31:00"),
        ("XNYS-30s", NEW_YORK, "09:29:30", "16:00:00"),
    ],
)
def test_a_time_taken_off_the_calendars_name_opens_its_sessions_for_the_auctions_bar(name, zone, opens, closes):
    longer = sessions(name, *WEEK)
    assert (longer.name, longer.zone) == (name, zone)
    assert {clock(instant, zone) for instant in longer.open} == {opens}
    assert {clock(instant, zone) for instant in longer.close} == {closes}


@pytest.mark.parametrize(
    ("name", "error"),
    [("XNYS-1h", UsageError), ("XNYS-1min+", UsageError), ("XNYS-min", UnknownNameError), ("XNYZ-1min", UnknownNameError)],
)
def test_what_is_no_time_and_no_exchange_is_refused(name, error):
    with pytest.raises(error):
        sessions(name, *WEEK)


def worked(algorithm, calendar, **options):
    broker = SimulatedBroker(days_with_a_cross(), fill_model=FillModel(max_participation=0.1), calendar=calendar)
    return run(AlgorithmExecutor(broker).execute("X", 39_100, algorithm, **options))


def test_the_first_slice_of_the_session_meets_the_cross_at_its_price():
    first = worked(TWAP(), "XNYS-1min")[0]
    assert (clock(first.time), first.quantity, first.fill_price) == ("09:29:00", 100, 12.0)


def test_without_the_auctions_bar_no_order_meets_the_cross():
    assert {one.fill_price for one in worked(TWAP(), "XNYS")} == {10.0}


def test_an_order_that_starts_at_the_open_leaves_the_auction_out():
    assert {one.fill_price for one in worked(TWAP(), "XNYS-1min", start="09:30")} == {10.0}


def test_a_limit_below_the_cross_keeps_an_order_out_of_it():
    assert {one.fill_price for one in worked(TWAP(), "XNYS-1min", rules=Rules(limit_price=11.0))} == {10.0}


@pytest.mark.slow
def test_the_volume_curve_knows_the_auction_as_a_bar_of_its_own_in_both_drivers():
    parents = ParentOrders.grid(days_with_a_cross(2), calendar="XNYS-1min", sides=["buy"], size="13900", profile_days=1)
    study = SlippageStudy(days_with_a_cross(2), parents, [VWAP(profile_days=1)])
    batch, engine = study.run("batch"), study.run("engine")
    assert batch.fills["quantity"].iloc[0] == engine.fills["quantity"].iloc[0] == 10_000  # a million of 1,390,000 shares
    assert batch.parents["slippage_vwap_bps"].iloc[0] == pytest.approx(0.0, abs=1e-9)
