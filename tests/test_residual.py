"""What becomes of what is left when a window ends, and which rule wins: markets made by hand, answers computed on paper.

Half-hour bars of 100 shares at a price of 20, a cap of 10 %: 10 shares a bar. The order is for 60 shares from 10:00 to 12:00, which is
four slices of 15; five shares a slice cannot be filled and come back in the next, so the window alone gives 40 and leaves 20.
"""

import asyncio
from math import nan

import pandas as pd
import pytest
from markets import CLOSES, DAYS, STEP, assert_same, bars_of, grid_of, ns, study_of

from exec_algos import TWAP, FillModel, ParentOrders, SimulatedBroker, SlippageStudy
from exec_algos.errors import UsageError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.model import Rules
from exec_algos.model.window import Window

PAST, DAY, HALF = DAYS[1], DAYS[2], DAYS[3]
CAP = FillModel(max_participation=0.1)
INSIDE = [("10:00", 10), ("10:30", 10), ("11:00", 10), ("11:30", 10)]


def bars(day=DAY, *, prices=None, volumes=None, halt=(), step=STEP):
    """Two sessions at 20.0 with 100 shares a bar; at some times of the second another price, another volume, or no bar at all."""
    prices, volumes, rows = prices or {}, volumes or {}, []
    for one in (PAST, day):
        for start in grid_of(one, step):
            clock = f"{pd.Timestamp(start, tz='America/New_York'):%H:%M}"
            mine = one == day
            price, volume = (prices.get(clock, 20.0), volumes.get(clock, 100.0)) if mine else (20.0, 100.0)
            if not (mine and clock in halt):
                rows.append((start, price, price, price, price, volume, nan))
    return bars_of({"A": rows}, step=step)


def worked(tape, rules=None, *, size=60, window="10:00-12:00", model=CAP, algorithm="twap", side="BUY", lot_size=1):
    """Fills as (time of day, shares), by the engine and by the compiled loop, which must agree; and the order's row."""
    grid = {"size": str(size), "window": window, "profile_days": 1, "sides": (side,), "lot_size": lot_size}
    study = SlippageStudy(tape, ParentOrders.grid(tape, calendar="XNYS", **grid), [algorithm], model, rules or Rules())
    engine, batch = study.run("engine"), study.run("batch")
    assert_same(engine, batch)
    fills = [(f"{one.timestamp.tz_convert('America/New_York'):%H:%M}", one.quantity) for one in batch.fills.itertuples()]
    (row,) = batch.parents.itertuples()
    assert sum(shares for _, shares in fills) == row.filled
    assert row.filled + row.residual == row.quantity
    return fills, row


def fills_of(*arguments, **options):
    return worked(*arguments, **options)[0]


def test_cancel_leaves_what_is_left_as_residual():
    fills, row = worked(bars())
    assert fills == INSIDE
    assert (row.filled, row.residual) == (40, 20)


def test_force_lifts_the_cap_in_the_last_slice_which_sends_all_that_is_left():
    fills, row = worked(bars(), Rules(residual="force"))
    assert fills == [*INSIDE[:3], ("11:30", 30)]
    assert (row.filled, row.residual) == (60, 0)


def test_force_lifts_the_cap_in_every_bar_of_the_last_slice():
    hourly, force = "twap:slice_interval_seconds=3600", Rules(residual="force")
    assert fills_of(bars(), force, algorithm=hourly) == [("10:00", 10), ("10:30", 10), ("11:00", 40)]
    assert fills_of(bars(volumes={"11:00": 0.0}), force, algorithm=hourly) == [("10:00", 10), ("10:30", 10), ("11:30", 40)]


def test_extend_goes_on_under_the_cap_until_it_is_filled():
    fills, row = worked(bars(), Rules(residual="extend"))
    assert fills == [*INSIDE, ("12:00", 10), ("12:30", 10)]
    assert row.residual == 0


def test_extend_ends_with_the_session_with_a_residual():
    fills, row = worked(bars(), Rules(residual="extend"), size=1000)
    assert [clock for clock, _ in fills] == [f"{h}:{m}" for h in range(10, 16) for m in ("00", "30")]
    assert (row.filled, row.residual) == (120, 880)


def test_extend_sends_one_child_a_slice():
    _, row = worked(bars(), Rules(residual="extend"), size=1000, algorithm="twap:slice_interval_seconds=3600")
    assert row.children == 2 + 4


def test_close_auction_sends_the_rest_in_the_sessions_last_bar_only_and_under_the_cap():
    fills, row = worked(bars(), Rules(residual="close_auction"))
    assert fills == [*INSIDE, ("15:30", 10)]
    assert (row.residual, row.children) == (10, 5)


def test_close_auction_gets_all_that_is_left_where_the_last_bar_has_the_volume():
    fills, row = worked(bars(volumes={"15:30": 1000.0}), Rules(residual="close_auction"))
    assert fills == [*INSIDE, ("15:30", 20)]
    assert row.residual == 0


@pytest.mark.parametrize("policy", ["force", "extend", "close_auction"])
def test_an_order_that_is_filled_in_its_window_sends_nothing_behind_it(policy):
    fills, row = worked(bars(), Rules(residual=policy), size=40)
    assert fills == INSIDE
    assert row.children == 4


@pytest.mark.parametrize("policy", ["extend", "close_auction"])
def test_a_window_that_ends_with_the_session_has_nothing_to_go_on_in(policy):
    results = [worked(bars(), Rules(residual=one), size=1000, window="14:00-16:00") for one in ("cancel", policy)]
    (fills, row), (others, other) = results
    assert (fills, row._replace(spread_bps=0.0)) == (others, other._replace(spread_bps=0.0))  # flat bars tell no spread: NaN
    assert row.residual == 960


def test_a_half_day_ends_at_one_o_clock():
    assert CLOSES[HALF] == "13:00"
    extended, row = worked(bars(HALF), Rules(residual="extend"), size=1000)
    assert extended == [*INSIDE, ("12:00", 10), ("12:30", 10)]
    assert row.residual == 940
    assert fills_of(bars(HALF), Rules(residual="close_auction")) == [*INSIDE, ("12:30", 10)]


def test_without_a_bar_at_the_close_nothing_is_filled_there():
    fills, row = worked(bars(halt=("15:30",)), Rules(residual="close_auction"))
    assert fills == INSIDE
    assert row.residual == 20


def test_without_volume_at_the_close_nothing_is_filled_there():
    assert fills_of(bars(volumes={"15:30": 0.0}), Rules(residual="close_auction")) == INSIDE


def test_extend_goes_on_over_a_halt():
    fills = fills_of(bars(halt=("12:00", "12:30"), volumes={"13:00": 0.0}), Rules(residual="extend"))
    assert fills == [*INSIDE, ("13:30", 10), ("14:00", 10)]


@pytest.mark.parametrize("policy", ["extend", "close_auction"])
def test_where_bars_do_not_divide_the_session_it_ends_with_the_last_whole_bar(policy):
    tape = bars(step=2 * STEP)  # the seventh hour from 09:30 on would end at 16:30
    fills = fills_of(tape, Rules(residual=policy), size=1000, window="10:30-12:30")
    after = ["12:30", "13:30", "14:30"] if policy == "extend" else ["14:30"]
    assert fills == [(clock, 10) for clock in ["10:30", "11:30", *after]]


# Where rules clash.


def test_no_child_pays_more_than_the_limit_price_and_what_was_missed_is_caught_up_under_the_cap():
    tape = bars(prices={"10:30": 21.0, "11:00": 21.0})
    fills, row = worked(tape, Rules(limit_price=20.5), size=30)
    assert fills == [("10:00", 8), ("11:30", 10)]  # 22 are due by then, the cap gives 10
    assert row.residual == 12
    assert [shares for _, shares in fills_of(tape, Rules(limit_price=21), size=30)] == [8, 7, 8, 7]


def test_a_sale_gets_no_less_than_the_limit_price():
    tape = bars(prices={"10:30": 19.0, "11:00": 19.0})
    assert fills_of(tape, Rules(limit_price=19.5), size=30, side="SELL") == [("10:00", 8), ("11:30", 10)]


def test_force_with_a_limit_out_of_reach_leaves_a_residual():
    fills, row = worked(bars(prices={"11:30": 21.0}), Rules(limit_price=20.5, residual="force"))
    assert fills == INSIDE[:3]
    assert row.residual == 30


def test_the_residual_policies_keep_to_the_limit_price():
    tape = bars(prices={"12:00": 21.0, "15:30": 21.0})
    assert fills_of(tape, Rules(limit_price=20.5, residual="extend")) == [*INSIDE, ("12:30", 10), ("13:00", 10)]
    assert fills_of(tape, Rules(limit_price=20.5, residual="close_auction")) == INSIDE


def test_force_stands_above_the_largest_child_which_bounds_the_others():
    fills, row = worked(bars(), Rules(max_child=6, residual="force"))
    assert fills == [("10:00", 6), ("10:30", 6), ("11:00", 6), ("11:30", 42)]
    assert row.residual == 0


def test_extend_and_close_auction_keep_to_the_largest_child():
    assert fills_of(bars(), Rules(max_child=6, residual="extend")) == [
        (clock, 6) for clock in ["10:00", "10:30", "11:00", "11:30", "12:00", "12:30", "13:00", "13:30", "14:00", "14:30"]
    ]
    assert fills_of(bars(), Rules(max_child=6, residual="close_auction"))[-1] == ("15:30", 6)


def test_the_smallest_child_waits_until_enough_is_due_and_the_last_slice_sends_what_there_is():
    fills, row = worked(bars(), Rules(min_child=12), size=30)  # due by then: 8, 15, 23, 30
    assert fills == [("10:30", 10), ("11:00", 10), ("11:30", 10)]
    assert row.children == 3
    assert fills_of(bars(), Rules(min_child=20), size=30) == [("11:00", 10), ("11:30", 10)]
    assert fills_of(bars(), Rules(min_child=20), size=30, model=FillModel()) == [("11:00", 23), ("11:30", 7)]


def test_the_cap_stands_above_the_smallest_child_which_is_about_what_is_sent_not_what_is_filled():
    fills, row = worked(bars(volumes={"10:30": 40.0}), Rules(min_child=12), size=30)
    assert fills == [("10:30", 4), ("11:00", 10), ("11:30", 10)]
    assert row.residual == 6


def test_the_end_of_the_window_stands_above_completion_unless_a_policy_says_otherwise():
    fills, row = worked(bars(volumes={"11:30": 0.0}), Rules(residual="force"))
    assert fills == INSIDE[:3]
    assert row.residual == 30


def test_rules_are_counted_in_shares_whatever_the_lot():
    fills = fills_of(bars(volumes=dict.fromkeys(["10:00", "10:30", "11:00", "11:30"], 1000.0)), Rules(max_child=20), size=120, lot_size=10)
    assert fills == [(clock, 20) for clock in ["10:00", "10:30", "11:00", "11:30"]]


def test_a_tick_is_what_a_limit_price_must_lie_on():
    with pytest.raises(UsageError, match=r"limit_price 20.3 is off the tick of 0.5; use 20 or 20.5"):
        Rules(limit_price=20.3, tick_size=0.5)


@pytest.mark.parametrize("policy", ["force", "extend", "close_auction"])
def test_with_latency_the_compiled_loop_refuses_a_policy_and_says_what_to_use(policy):
    late = FillModel(latency=60)
    study = study_of(bars(), ["twap"], late, size="60", profile_days=1)
    with pytest.raises(
        UsageError, match=f"with latency the compiled loop knows no residual policy but 'cancel', got '{policy}'; use driver"
    ):
        SlippageStudy(study.bars, study.parents, ["twap"], late, Rules(residual=policy)).run("batch")


def test_with_latency_the_engine_works_a_policy():
    tape, late = bars(), FillModel(max_participation=0.1, latency=1800)
    parents = ParentOrders.grid(tape, calendar="XNYS", size="60", window="10:00-12:00", profile_days=1, sides=["BUY"])
    result = SlippageStudy(tape, parents, ["twap"], late, Rules(residual="extend")).run("engine")
    assert result.parents["filled"].tolist() == [60]
    assert result.fills["timestamp"].min() == pd.Timestamp(ns(DAY, "10:30"), tz="UTC")


def on_a_broker(rules, **options):
    broker = SimulatedBroker(bars(), fill_model=CAP, calendar="XNYS", start=ns(DAY, "09:30"))
    executor = AlgorithmExecutor(broker)
    asyncio.run(executor.execute("A", 60, TWAP(), start="10:00", end="12:00", rules=rules, **options))
    return executor.get_execution_summary()


@pytest.mark.parametrize(("policy", "filled"), [("cancel", 40), ("force", 60), ("extend", 60), ("close_auction", 50)])
def test_an_executor_on_a_broker_of_its_own_under_asyncio_keeps_to_the_policy(policy, filled):
    done = on_a_broker(Rules(residual=policy))
    assert (done["total_quantity"], done["residual"]) == (filled, 60 - filled)


def test_force_lifts_the_orders_own_cap_too():
    assert on_a_broker(Rules(residual="force"), max_participation=0.05)["total_quantity"] == 60
    assert on_a_broker(Rules(residual="extend"), max_participation=0.05)["total_quantity"] == 60
    assert on_a_broker(Rules(), max_participation=0.05)["total_quantity"] == 20


@pytest.mark.parametrize(
    ("policy", "after"), [("cancel", []), ("extend", [("12:00", 10), ("12:30", 10), ("13:00", 5)]), ("close_auction", [("15:30", 10)])]
)
def test_an_order_amended_to_end_before_the_session_goes_on_as_its_policy_says(policy, after):
    async def work():
        broker = SimulatedBroker(bars(), fill_model=CAP, calendar="XNYS", start=ns(DAY, "09:30"))
        executor = AlgorithmExecutor(broker)
        terms = executor.order("A", 60, side="BUY", rules=Rules(residual=policy))
        order = executor.start(TWAP(), terms, Window(start="10:00", end="16:00"))  # five shares in each of twelve slices
        await broker.clock.sleep_until(ns(DAY, "10:30"))
        order.amend(end="12:00")
        while not order.over:
            await broker.clock.sleep_until(broker.clock.now + STEP)
        return [(f"{one.timestamp:%H:%M}", one.quantity) for one in order.fills]

    assert asyncio.run(work()) == [("10:00", 5), *INSIDE[1:], *after]
