"""A loop of one's own around `SteppedBroker` and the engine: the same orders, the same fills."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import Loop, grid
from markets import DAYS, STEP, fill_models, market, ns

from exec_algos import BacktestEngine, Commission, OrderEvent, Strategy
from exec_algos.algorithms import parse_algorithm
from exec_algos.errors import UsageError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.market.calendars import sessions
from exec_algos.model import Window

FIRST = ns(DAYS[1], "09:30")
HOURS = sessions("XNYS", ns(DAYS[0], "09:30"), ns(DAYS[-1], "15:30"))
GRID = grid(HOURS, STEP, FIRST)

orders = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from("AB"),
        "side": st.sampled_from(["BUY", "SELL"]),
        "lots": st.integers(1, 3000),
        "lot_size": st.sampled_from([1, 10, 0.5]),
        "max_participation": st.sampled_from([None, 0.1]),
        "algorithm": st.sampled_from(["twap", "twap:slice_interval_seconds=5400", "vwap:profile_days=1"]),
        "day": st.sampled_from(DAYS[1:]),
        "start": st.sampled_from(["09:30", "10:00", "11:30"]),
        "end": st.sampled_from(["12:30", "13:00"]),
    }
)
changes = st.tuples(
    st.integers(0, len(GRID) - 1), st.integers(0, 2), st.sampled_from(["cancel", "amend"]), st.sampled_from([None, 0.3, 0.7, 2]),
    st.sampled_from([None, "11:30", "13:00", "15:30"]),
)  # fmt: skip


def begun(broker, plan):
    """One parent order, begun."""
    executor, (start, end) = AlgorithmExecutor(broker), (ns(plan["day"], plan[name]) for name in ("start", "end"))
    terms = executor.order(
        plan["symbol"], plan["lots"] * plan["lot_size"], side=plan["side"], lot_size=plan["lot_size"],
        max_participation=plan["max_participation"],
    )  # fmt: skip
    return executor.start(parse_algorithm(plan["algorithm"]), terms, Window(start=start, end=end))


def changed(working, what, factor, end):
    """Cancel or amend; what came of it, in words."""
    if what == "cancel":
        return str(working.cancel())
    parent = working.parent
    lots = None if factor is None else max(round(parent.lots * factor), 1) * parent.lot_size
    try:
        working.amend(quantity=lots, end=end)
    except UsageError as error:
        return str(error)
    return "amended"


class Script:
    """Parent orders and what is done to them; the same in an engine and in a loop."""

    def __init__(self, plans, acts):
        self.plans, self.acts, self.orders, self.words = plans, acts, [], []

    def begin(self, broker):
        self.orders = [begun(broker, plan) for plan in self.plans]

    def act(self, now):
        for instant, which, *change in self.acts:
            if GRID[instant] == now and which < len(self.orders):
                self.words.append(changed(self.orders[which], *change))
        for order in self.orders:
            assert order.ordered == pytest.approx(order.filled + order.working + order.cancelled + order.residual)
            assert order.filled <= order.ordered * (1 + 1e-9)

    def outcome(self):
        found = [(one.over, one.parent, trades_of(one.fills), one.cancelled, one.residual, one.errors) for one in self.orders]
        return self.words, found


def trades_of(fills):
    return [(one.time, one.quantity, one.fill_price) for one in fills]


def in_engine(bars, model, script):
    class Scripted(Strategy):
        def __init__(self, *parts):
            super().__init__(*parts)
            self.event_queue.put(OrderEvent(symbol="A", side="BUY", quantity=1))

        async def on_order(self, order):
            script.begin(self.broker)

        def on_bar(self, event):
            if event.symbol == "A":
                script.act(self.data_handler.now)

    BacktestEngine(bars, [Scripted], fill_model=model, calendar="XNYS", start=FIRST).run()
    return script.outcome()


def in_loop(bars, model, script, instants=GRID):
    loop = Loop(bars, "XNYS", FIRST, model)
    script.begin(loop.broker)
    loop.broker.decide()
    for now in instants[1:]:
        loop.advance(now, lambda closing, now=now: "A" in closing and script.act(now))
    loop.advance(instants[-1] + 20 * STEP)
    return script.outcome()


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.3]),
    fill_models,
    st.lists(orders, min_size=1, max_size=3),
    st.lists(changes, max_size=6),
)
@settings(deadline=None, max_examples=150)
@pytest.mark.slow
def test_a_loop_of_ones_own_gives_the_engines_fills_whatever_is_cancelled_and_amended(seed, missing, model, plans, acts):
    bars, model = market(seed, missing=missing), replace(model, commission=Commission())
    if model.latency * 1e9 > STEP:  # a cancel that comes long after the window: how long it is waited for depends on how time passes
        acts = []
    assert in_loop(bars, model, Script(plans, acts)) == in_engine(bars, model, Script(plans, acts))
