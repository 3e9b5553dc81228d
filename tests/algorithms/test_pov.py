"""POV: the published vectors, and what a rate means, computed on paper."""

import math

import pytest
from small_markets import DRIVERS, at, clock_times, driven, minute_bars, trades

from exec_algos import FillModel
from exec_algos.algorithms.base import parse_algorithm
from exec_algos.algorithms.pov import POV, follow_volume
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.executors.named import POVExecutor
from exec_algos.model import MINUTE, Residual, Rules, Seen, Terms

KNOWN = {"pov": POV}
ALL_OF_IT = FillModel(max_participation=1.0)


def children(volumes, quantity, rate, *, inclusive=False, driver="asyncio", model=ALL_OF_IT, **order):
    """Shares that an order over the whole session gets in each of its minutes."""
    bars = minute_bars([(10, 10, 10, 10, volume) for volume in volumes])

    async def work(broker):
        return await POVExecutor(broker).execute("X", quantity, rate, inclusive, **order)

    got = [0] * len(volumes)
    for fill in driven(driver, bars, work, fill_model=model):
        got[(fill.time - at("09:30")) // MINUTE] += fill.quantity
    return got


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_published_cases_of_the_cumulative_rate_are_reproduced_to_the_share(vectors, driver):
    cases = vectors("pov.json")["cumulative_lagged"]["cases"]
    assert len(cases) == 5
    for case in cases:
        model = FillModel(max_participation=case["cap"])
        got = children(case["volumes"], case["parent"], case["rate"], driver=driver, model=model)
        assert (got, sum(got)) == (case["child"], case["filled"])


def test_the_published_cases_hold_for_the_inclusive_rate_that_means_the_same(vectors):
    for case in vectors("pov.json")["cumulative_lagged"]["cases"]:
        inclusive = case["rate"] / (1 + case["rate"])
        got = children(case["volumes"], case["parent"], inclusive, inclusive=True, model=FillModel(max_participation=case["cap"]))
        assert got == case["child"]


def test_the_published_trading_rates_belong_to_the_published_participations(vectors):
    for pair in vectors("pov.json")["conversion"]:
        alpha = POV(rate=pair["pov"]).trading_rate
        assert alpha == pytest.approx(pair["alpha"], rel=1e-15)
        assert alpha / (1 + alpha) == pytest.approx(pair["pov"], rel=1e-15)


@pytest.mark.parametrize("inclusive", [True, False])
def test_the_published_horizon_is_when_the_order_is_done(vectors, inclusive):
    horizon = vectors("pov.json")["horizon_to_finish"]
    day = 100  # minutes of a day that trades ADV
    got = children([horizon["ADV"] // day] * (day + 2), horizon["X"], horizon["r"], inclusive=inclusive)
    last = max(minute for minute, shares in enumerate(got) if shares)
    # what trades in minute i is decided by the i minutes before it
    assert last == horizon["inclusive" if inclusive else "exclusive"] * day
    assert sum(got) == horizon["X"]


def test_an_inclusive_rate_is_our_part_of_all_that_trades():
    got = children([1000] * 5, 10_000, 0.2, inclusive=True)
    assert got == [0, 250, 250, 250, 250]  # 250 / (1000 + 250) = 0.2
    assert children([1000] * 5, 10_000, 0.2, inclusive=False) == [0, 200, 200, 200, 200]


def test_nothing_is_sent_before_the_first_bar_of_the_window_is_complete_whatever_traded_before_it():
    bars = minute_bars([10] * 5, [10] * 6)

    async def work(broker):
        return await POVExecutor(broker).execute("X", 10_000, 0.5, start=at("2024-01-03 09:32"))

    fills = driven("asyncio", bars, work)
    assert clock_times([fill.time for fill in fills]) == ["09:33", "09:34", "09:35"]
    assert [fill.quantity for fill in fills] == [1000, 1000, 1000]  # 0.5 inclusive: one share for each of the others'


def test_volume_that_is_missed_under_a_cap_is_caught_up():
    got = children([1000, 100, 1000, 1000], 10_000, 0.2, model=FillModel(max_participation=0.5))
    assert got == [0, 50, 170, 200]  # 200 asked, 50 there; then 220 - 50; then 420 - 220


def test_children_are_whole_lots():
    assert children([1550] * 4, 1000, 0.1, lot_size=100) == [0, 100, 200, 100]  # 155, 310, 465 shares
    fractional = children([1.5, 1.5, 1.5], 1, 0.1, lot_size=0.01)
    assert fractional == pytest.approx([0, 0.15, 0.15])


def test_a_decision_every_two_minutes_looks_at_two_minutes_of_volume():
    assert children([1000] * 6, 10_000, 0.1, slice_interval_seconds=120) == [0, 0, 200, 0, 200, 0]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(max_child=50), [0, 50, 50, 50, 50, 50]),
        (Rules(min_child=150), [0, 0, 200, 0, 200, 100]),  # 100 wait for 200; the window's last slice waits no more
        (Rules(limit_price=9), [0] * 6),
        (Rules(residual="force"), [0, 100, 100, 100, 100, 600]),
    ],
)
def test_rules_bound_the_children(rules, expected):
    assert children([1000] * 6, 1000, 0.1, rules=rules) == expected


def test_extend_goes_on_after_the_window_with_all_that_is_left():
    assert children([1000] * 6, 500, 0.1, end="09:33", rules=Rules(residual=Residual.EXTEND)) == [0, 100, 100, 300, 0, 0]


def test_a_sale_is_the_mirror_of_a_purchase():
    assert children([1000, 2000, 3000], 10_000, 0.1, side="SELL") == [0, 100, 200]


def test_what_is_filled_and_what_is_working_is_taken_off():
    child = follow_volume(Terms(1, 1000, 10), Seen(3, 0.4, 120, 30, 2000.0), (0.1,))
    assert child.lots == 50
    assert math.isnan(child.limit)
    assert follow_volume(Terms(1, 1000, 10), Seen(3, 0.4, 220, 0, 2000.0), (0.1,)).lots == 0


def test_never_more_than_the_order():
    assert follow_volume(Terms(1, 100, 10), Seen(3, 0.4, 90, 5, 1e30), (0.1,)).lots == 5


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_defaults_are_a_tenth_of_all_that_trades(driver):
    async def work(broker):
        return await POVExecutor(broker).execute("X", 10_000)

    fills = driven(driver, minute_bars([10, 11, 12], volume=900), work)
    assert trades(fills) == [(100, 11), (100, 12)]  # 100 / (900 + 100)


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        ("pov", POV(rate=0.1, inclusive=True)),
        ("pov:rate=0.25", POV(rate=0.25)),
        ("pov:rate=0.25,inclusive=0", POV(rate=0.25, inclusive=False)),
        ("pov:slice_interval_seconds=300,rate=0.05", POV(rate=0.05, slice_interval_seconds=300)),
    ],
)
def test_pov_and_its_text_form_are_the_same_value(text, algorithm):
    assert parse_algorithm(text, KNOWN) == algorithm
    assert str(algorithm) == text
    assert parse_algorithm("pov:inclusive=1", KNOWN) == POV()


@pytest.mark.parametrize("rate", [0, 1, 1.5, -0.1, math.nan, math.inf])
def test_a_rate_that_is_no_fraction_between_0_and_1_is_refused_with_what_to_write(rate):
    with pytest.raises(UsageError, match=rf"rate is a fraction of the volume between 0 and 1, got {rate}; 10 % is 0.1"):
        POV(rate=rate)


def test_inclusive_is_yes_or_no():
    with pytest.raises(UsageError, match=r"inclusive is True or False .*, got 0.5"):
        parse_algorithm("pov:inclusive=0.5", KNOWN)
    with pytest.raises(UnknownNameError, match="did you mean rate"):
        parse_algorithm("pov:rat=0.5", KNOWN)
