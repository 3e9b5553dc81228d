"""Iceberg: tips of one size at one limit, computed on paper."""

import math

import pytest
from markets import market
from small_markets import DRIVERS, clock_times, driven, minute_bars, trades

from exec_algos import FillModel, ParentOrders, SimulatedBroker, SlippageStudy
from exec_algos.algorithms.base import parse_algorithm
from exec_algos.algorithms.iceberg import Iceberg, show_the_tip
from exec_algos.errors import UsageError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.executors.named import IcebergExecutor
from exec_algos.model import Rules, Seen, Terms

KNOWN = {"iceberg": Iceberg}
AT_TEN = Rules(limit_price=10)


class Noted(SimulatedBroker):
    """A broker that writes down what it is asked for: shares and limit."""

    asked = ()

    def send_order(self, parent, lots, limit, expires, **options):
        self.asked += ((lots * parent.lot_size, limit),)
        return super().send_order(parent, lots, limit, expires, **options)


def worked(bars, quantity, display, *, driver="asyncio", model=None, **order):
    """Trades and tips of an order over the whole session."""
    brokers = []

    async def work(broker):
        brokers.append(broker)
        return await IcebergExecutor(broker).execute("X", quantity, display, **{"rules": AT_TEN, **order})

    fills = driven(driver, bars, work, make=Noted, fill_model=model)
    return fills, [shares for shares, _ in brokers[0].asked]


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_the_tip_is_shown_until_the_order_is_done(driver, side):
    fills, asked = worked(minute_bars([10] * 5), 1200, 500, driver=driver, side=side)
    assert trades(fills) == [(500, 10), (500, 10), (200, 10)]
    assert asked == [500, 500, 200]


def test_a_tip_is_shown_again_only_when_it_has_traded_whole():
    fills, asked = worked(minute_bars([10] * 8), 1200, 500, model=FillModel(max_participation=0.2))
    assert asked == [500, 300, 100, 500, 300, 100, 200]
    assert [fill.quantity for fill in fills] == [200, 200, 100, 200, 200, 100, 200]


def test_it_waits_for_its_limit_and_is_filled_there():
    rows = [(11, 11, 11, 11), (11, 12, 11, 11), (11, 11, 9, 10), (9, 9, 9, 9), (11, 11, 11, 11)]
    fills, asked = worked(minute_bars(rows), 1000, 300)
    assert trades(fills) == [(300, 10), (300, 9)]
    assert clock_times([fill.time for fill in fills]) == ["09:32", "09:33"]
    assert asked == [300] * 5


def test_a_sale_waits_for_a_price_at_least_as_high():
    fills, _ = worked(minute_bars([9, (9, 10, 9, 9), 11, 9]), 1000, 300, side="SELL")
    assert trades(fills) == [(300, 10), (300, 11)]


def test_every_child_has_the_limit_of_the_order():
    decision = show_the_tip(Terms(-1, 100, 5, 1.0, 10.25), Seen(0, 0.2, 0, 0), (30.0,))
    assert decision == (30, 10.25)


def test_while_a_tip_is_on_its_way_no_second_one_is_shown():
    fills, asked = worked(minute_bars([10] * 7), 1200, 500, model=FillModel(latency=90))
    # sent 09:30, there 09:31:30, meets the bar of 09:32, known 09:33; and so on
    assert clock_times([fill.time for fill in fills]) == ["09:32", "09:35"]
    assert asked[:2] == [500, 500]


@pytest.mark.parametrize(
    ("filled", "working", "shown"), [(0, 0, 50), (20, 0, 30), (50, 0, 50), (70, 10, 20), (70, 30, 0), (180, 0, 20), (180, 15, 5)]
)
def test_what_is_shown_is_what_is_left_of_the_tip(filled, working, shown):
    assert show_the_tip(Terms(1, 200, 5, 1.0, 10.0), Seen(0, 0.2, filled, working), (50.0,)).lots == shown


def test_the_last_tip_is_what_is_left():
    assert show_the_tip(Terms(1, 190, 5, 1.0, 10.0), Seen(0, 0.2, 150, 0), (50.0,)).lots == 40
    assert show_the_tip(Terms(1, 190, 5, 1.0, 10.0), Seen(0, 0.2, 150, 15), (50.0,)).lots == 25


def test_a_tip_is_counted_in_lots():
    assert show_the_tip(Terms(1, 200, 5, 100.0, 10.0), Seen(0, 0.2, 3, 0), (500.0,)).lots == 2
    assert show_the_tip(Terms(1, 10**9, 5, 0.0001, 10.0), Seen(0, 0.2, 0, 0), (12345.6789,)).lots == 123456789
    fills, _ = worked(minute_bars([10] * 3), 2, 0.3, lot_size=0.1)
    assert [fill.quantity for fill in fills] == pytest.approx([0.3, 0.3, 0.3])


def test_the_interval_counts():
    fills, _ = worked(minute_bars([10] * 6), 1200, 500, slice_interval_seconds=120)
    assert clock_times([fill.time for fill in fills]) == ["09:30", "09:32", "09:34"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(limit_price=10, max_child=200), [200, 200, 100, 200, 200]),
        (Rules(limit_price=10, residual="force"), [500, 500, 500, 500, 1000]),  # the last slice shows all of it
        (Rules(limit_price=9), []),
    ],
)
def test_rules_bound_the_tips(rules, expected):
    fills, _ = worked(minute_bars([10] * 5), 3000, 500, rules=rules)
    assert [fill.quantity for fill in fills] == expected


def test_the_default_shows_a_hundred_shares():
    async def work(broker):
        return await IcebergExecutor(broker).execute("X", 250, rules=AT_TEN)

    assert trades(driven("asyncio", minute_bars([10] * 5), work)) == [(100, 10), (100, 10), (50, 10)]


def test_the_algorithm_and_its_text_form_are_the_same_value():
    assert parse_algorithm("iceberg:display=500", KNOWN) == Iceberg(display=500)
    assert str(Iceberg(display=500)) == "iceberg:display=500"
    assert parse_algorithm("iceberg", KNOWN) == Iceberg(display=100)


@pytest.mark.parametrize("display", [0, -500, math.nan, math.inf])
def test_a_tip_of_nothing_is_refused_with_what_to_write(display):
    with pytest.raises(UsageError, match=f"display is what an iceberg shows, a positive number of shares, got {display}; say display=100"):
        Iceberg(display=display)


@pytest.mark.parametrize(("display", "lot", "near"), [(250, 100, 200), (10, 100, 100), (0.25, 0.1, 0.2)])
def test_a_tip_that_is_no_whole_number_of_lots_is_refused_with_one_that_is(display, lot, near):
    with pytest.raises(UsageError, match=f"display {display} is not a multiple of lot_size {lot}; show {near}$"):
        Iceberg(display=display).check_order(AT_TEN, lot)


def test_an_order_without_a_limit_is_refused_wherever_it_is_given():
    said = r"iceberg:display=500 works at a limit price and the order has none; give rules=Rules\(limit_price=...\)"
    bars = minute_bars([10] * 5)
    algorithm = Iceberg(display=500)
    for work in (
        lambda broker: IcebergExecutor(broker).execute("X", 1000, 500),
        lambda broker: AlgorithmExecutor(broker).execute("X", 1000, algorithm),
    ):
        with pytest.raises(UsageError, match=said):
            driven("asyncio", bars, work)


def test_a_study_without_a_limit_is_refused_before_it_runs():
    bars = market(1)
    parents = ParentOrders.grid(bars, calendar="XNYS", size="1000", profile_days=1, lot_size=10)
    with pytest.raises(UsageError, match="iceberg:display=500 works at a limit price"):
        SlippageStudy(bars, parents, [Iceberg(display=500)])
    with pytest.raises(UsageError, match="display 25 is not a multiple of lot_size 10"):
        SlippageStudy(bars, parents, [Iceberg(display=25)], rules=AT_TEN)
