"""Rules and residual policies in backtrader: the fills of our engine, to the share; answers on paper from tests/test_residual.py."""

import pandas as pd
import pytest
from cerebros import run_orders
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, ZONE, algorithms, fill_models, market, markets, ns
from test_residual import CAP, INSIDE, bars

from exec_algos import TWAP, BacktestEngine, FillModel, OrderEvent, Strategy
from exec_algos.algorithms import parse_algorithm
from exec_algos.errors import OrderRejectedError, RunError, UsageError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.model import Residual, Rules

FIRST = 14  # bars until 10:00 of the second day
WINDOW = {"start": "10:00", "until": "12:00"}
AFTER = {
    "cancel": INSIDE,
    "force": [*INSIDE[:3], ("11:30", 30)],
    "extend": [*INSIDE, ("12:00", 10), ("12:30", 10)],
    "close_auction": [*INSIDE, ("15:30", 10)],
}


def worked(tape, rules, *, size=60, fills="exec_algos", model=CAP, **options):
    """The parent order, and its fills as (time of day, shares)."""
    orders = [("A", size, TWAP(), FIRST, {**WINDOW, "rules": rules, **options})]
    strategy = run_orders(tape, orders, fills=fills, fill_model=model, calendar="XNYS")
    (parent,) = strategy.parents
    assert parent.over
    return parent, [(clock(one.time), one.quantity) for one in parent.fills]


def clock(instant):
    return f"{pd.Timestamp(instant, tz='UTC').tz_convert(ZONE):%H:%M}"


@pytest.mark.parametrize("policy", list(Residual))
def test_each_policy_gets_in_backtrader_what_it_gets_on_paper(policy):
    parent, fills = worked(bars(), Rules(residual=policy))
    assert fills == AFTER[policy]
    assert parent.residual == 60 - sum(shares for _, shares in fills)


@pytest.mark.parametrize("policy", list(Residual))
def test_each_policy_lifts_or_keeps_the_cap_of_the_order_itself(policy):
    _, fills = worked(bars(), Rules(residual=policy), model=FillModel(), max_participation=0.1)
    assert fills == AFTER[policy]


def test_a_sale_keeps_to_its_limit_price_and_the_largest_child():
    tape = bars(prices={"10:30": 19.0})
    _, fills = worked(tape, Rules(limit_price=19.5, max_child=8, residual="extend"), size=-30)
    assert fills == [("10:00", 8), ("11:00", 8), ("11:30", 8), ("12:00", 6)]


def test_the_smallest_child_waits():
    assert worked(bars(), Rules(min_child=20), size=30)[1] == [("11:00", 10), ("11:30", 10)]


@pytest.mark.parametrize("policy", ["extend", "close_auction"])
def test_a_policy_ends_with_the_session_of_a_half_day(policy):
    _, fills = worked(bars(DAYS[3]), Rules(residual=policy), size=1000)
    assert fills[-1] == ("12:30", 10)


def test_backtraders_own_broker_gets_the_children_as_limit_orders():
    orders = [("A", 30, TWAP(), FIRST, {**WINDOW, "rules": Rules(limit_price=20.5, residual="extend")})]
    (parent,) = run_orders(bars(prices={"11:30": 21.0, "12:00": 21.0}), orders, fills="backtrader", calendar="XNYS").parents
    assert [one.quantity for one in parent.fills] == [8, 7, 8, 7]
    assert max(one.fill_price for one in parent.fills) == 20


@pytest.mark.parametrize("policy", ["extend", "close_auction"])
def test_a_policy_that_goes_on_to_the_sessions_end_is_refused_where_nobody_said_when_that_is(policy):
    def act(strategy):
        with pytest.raises(UsageError, match=r"when the session of A ends: give residual='cancel' or 'force', sessionend="):
            strategy.execute("A", 10, TWAP(), until="15:30", rules=Rules(residual=policy))

    run_orders(bars(), act=act)


rules = st.builds(
    Rules,
    limit_price=st.sampled_from([None, 19.0, 20.0, 21.0]),
    min_child=st.sampled_from([None, 10]),
    max_child=st.sampled_from([None, 20, 50]),
    residual=st.sampled_from(list(Residual)),
)
START = ns(DAYS[2], "10:00")


def in_the_engine(tape, size, algorithm, model, rules, until):
    """(ns UTC, shares, price, commission) of every fill in our engine; None where it cannot be worked."""
    found = []

    class Once(Strategy):
        given = False

        def on_bar(self, event):
            if event.time >= START and not self.given:
                self.given = True
                self.event_queue.put(OrderEvent(symbol="A", side="BUY" if size > 0 else "SELL", quantity=abs(size)))

        async def on_order(self, order):
            executor = AlgorithmExecutor(self.broker)
            found.extend(await executor.execute("A", order.quantity, algorithm, end=until, side=order.side, rules=rules))

    try:
        result = BacktestEngine(tape, [Once], fill_model=model, calendar="XNYS").run()
    except RunError:
        return None
    return None if result.rejected else [(one.time, one.quantity, one.fill_price, one.commission) for one in found]


def in_backtrader(tape, size, algorithm, model, rules, until):
    """The same of a backtrader run."""

    def act(strategy):
        now = round((strategy.data.datetime[0] - 719_163) * 86_400) * 1_000_000_000
        if now >= START and not strategy.parents and not strategy.told:
            strategy.execute("A", size, algorithm, until=until, rules=rules)

    try:
        strategy = run_orders(tape, act=act, fills="exec_algos", fill_model=model, calendar="XNYS", cash=1e12)
    except (RunError, UsageError, OrderRejectedError):
        return None
    return [(one.time, one.quantity, one.fill_price, one.commission) for parent in strategy.parents for one in parent.fills]


@given(markets(("A",)), st.sampled_from([1, -37, 300, -5000]), algorithms, fill_models, rules, st.sampled_from(["12:30", "15:00", "16:00"]))
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_backtrader_gets_the_fills_of_the_engine_under_random_rules(tape, size, names, model, rules, until):
    terms = (size, parse_algorithm(names[0]), model, rules, until)
    assert in_backtrader(tape, *terms) == in_the_engine(tape, *terms)


def test_the_random_orders_above_trade():
    terms = (300, TWAP(), FillModel(max_participation=0.1), Rules(residual="force"), "12:30")
    assert sum(one[1] for one in in_the_engine(market(1, ("A",)), *terms)) > 100
