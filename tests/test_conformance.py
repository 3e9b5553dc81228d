"""Every registered algorithm under every residual policy, on markets that halt, gap, fall silent and close early: the contract holds.

Beside `test_invariants`, `test_rules_agreement` and `test_lookahead`, which are about TWAP and VWAP with every fill model, this is about
each algorithm, with orders from one lot to a hundred times the volume there is.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import CLOSES, DAYS, STEP, TICK, ZONE, assert_same, bars_of, grid_of, ns, outcome, rows_of
from test_lookahead import finished, known_fills, rewritten
from test_rules_agreement import replayed

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.algorithms import ALGORITHMS, parse_algorithm
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.model import Residual, Rules
from exec_algos.model.window import Window

LOT_SIZES = (1, 10, 0.001)
LOTS = (400, 1, 37, 100 * 13 * 400)  # with an ordinary one first, from one lot to a hundred times the largest session's volume
SHUT = (Residual.CANCEL, Residual.FORCE)
PAIRS = [pytest.param(name, policy, id=f"{name}-{policy}") for name in ALGORITHMS for policy in Residual]


class Case(NamedTuple):
    """A market, and the orders that are worked in it."""

    bars: Any
    lots: int
    lot_size: float
    side: str
    window: str | None
    interval: int
    model: FillModel
    limit: float | None
    sizes: tuple[float | None, float | None]

    def algorithm(self, name):
        text = ALGORITHMS[name].sample
        return parse_algorithm(f"{text}{',' if ':' in text else ':'}slice_interval_seconds={self.interval}")

    def rules(self, name, policy):
        limit = 20.0 if ALGORITHMS[name].needs_limit else self.limit
        least, most = self.sizes
        return Rules(limit_price=limit, min_child=least, max_child=most, residual=policy)

    def study(self, name, policy, bars=None):
        bars = self.bars if bars is None else bars
        parents = ParentOrders.grid(
            bars, calendar="XNYS", size=f"{self.lots * self.lot_size:.10g}", window=self.window, lot_size=self.lot_size,
            profile_days=2, sides=(self.side,),
        )  # fmt: skip
        return SlippageStudy(bars, parents, [self.algorithm(name)], self.model, self.rules(name, policy))


def rough_market(seed, missing, silent, *, halt, jump, days=DAYS):
    """Half-hour bars, some missing (never a day's first), some silent; every day a halt of that many bars, then another price."""
    rng = np.random.default_rng([seed, 77])
    rows = [row for day in days for row in rows_of(rng, grid_of(day), missing, silent, vendor=False)]
    begins = {day: ns(day, "09:30") + int(rng.integers(1, 8)) * STEP for day in days}
    return bars_of({"A": [moved(row, begins, jump) for row in rows if not halted(row[0], begins, halt)]})


def halted(start, begins, halt):
    return any(begin <= start < begin + halt * STEP for begin in begins.values())


def moved(row, begins, jump):
    ticks = sum(row[0] >= begin for begin in begins.values()) % 2 * jump
    return (row[0], *(max(price + ticks * TICK, TICK) for price in row[1:5]), *row[5:])


# the first of each list makes the first market that is tried, so it is a hard one
rough_markets = st.builds(
    rough_market,
    seed=st.integers(0, 2**32 - 1),
    missing=st.sampled_from([0.3, 0.0]),
    silent=st.sampled_from([0.3, 0.0, 1.0]),
    halt=st.sampled_from([3, 0, 0, 13]),
    jump=st.sampled_from([-6, 0, 10]),
)
models = st.builds(
    FillModel,
    price=st.sampled_from(["open", "vwap", "close", "worst"]),
    max_participation=st.sampled_from([0.1, None, 1.0]),
    limit_fill=st.sampled_from(["touch", "through"]),
)
cases = st.builds(
    Case,
    bars=rough_markets,
    lots=st.sampled_from(LOTS),
    lot_size=st.sampled_from(LOT_SIZES),
    side=st.sampled_from(["BUY", "SELL"]),
    window=st.sampled_from(["10:00-12:30", None, "12:00-15:40"]),
    interval=st.sampled_from([60, 5400]),
    model=models,
    limit=st.sampled_from([20.5, None, None, 19.5]),
    sizes=st.sampled_from([(20.0, 50.0), (None, 10**7), (None, 20.0), (20.0, None)]),
)


@given(case=cases)
@settings(deadline=None, max_examples=3)
@pytest.mark.slow
@pytest.mark.parametrize(("name", "policy"), PAIRS)
def test_both_drivers_give_the_same_bits_and_every_fill_is_possible(name, policy, case):
    study = case.study(name, policy)
    engine, batch = outcome(study, "engine"), outcome(study, "batch")
    assert_same(engine, batch)
    if isinstance(batch, str):
        assert batch.startswith("no parent order is left to study")
        return
    check_parents(batch.parents)
    check_fills(batch, case, study.rules)
    again = outcome(study, "batch")
    assert (again.fills.to_csv(), again.parents.to_csv()) == (batch.fills.to_csv(), batch.parents.to_csv())


def check_parents(parents):
    np.testing.assert_allclose(parents["filled"] + parents["residual"], parents["quantity"], rtol=1e-9)
    assert (parents["residual"] >= 0).all()
    assert (parents["filled"] >= 0).all()


def check_fills(result, case, rules):
    bars, fills, sign = case.bars, result.fills, 1 if case.side == "BUY" else -1
    begun = fills["timestamp"].astype("int64").to_numpy() - (0 if case.model.price == "open" else STEP)
    at = np.searchsorted(bars.start, begun)
    price, shares = fills["price"].to_numpy(), fills["quantity"].to_numpy()
    assert (bars.start[at] == begun).all()
    assert (bars.volume[at] > 0).all()
    assert np.isfinite(price).all()
    assert (shares > 0).all()
    np.testing.assert_allclose(shares / case.lot_size, np.round(shares / case.lot_size), rtol=1e-9)
    assert ((bars.low[at] <= price) & (price <= bars.high[at])).all()
    if rules.limit_price is not None:
        assert (sign * (price - rules.limit_price) <= 0).all()
    order = result.parents.set_index("parent_id").loc[fills["parent_id"]]
    start, end = (order[name].astype("int64").to_numpy() for name in ("start", "end"))
    check_window(begun, start, end, order["start"], rules)
    check_cap(case, rules, begun, shares / bars.volume[at], start, end)


def check_window(begun, start, end, stamps, rules):
    closes = np.array([ns(day, CLOSES[day]) for day in stamps.dt.tz_convert(ZONE).dt.strftime("%Y-%m-%d")], dtype=np.int64)
    assert (begun >= start).all()
    late = begun + STEP > end
    if rules.residual in SHUT:
        assert not late.any()
    elif rules.residual == Residual.EXTEND:
        assert (begun + STEP <= closes).all()
    else:
        assert (begun[late] + STEP == closes[late]).all()


def check_cap(case, rules, begun, participation, start, end):
    if case.model.max_participation is None:
        return
    interval = -(-case.interval * 1_000_000_000 // STEP) * STEP
    last = start + (-((start - end) // interval) - 1) * interval
    capped = begun < last if rules.residual == Residual.FORCE else np.ones(len(begun), dtype=bool)
    assert (participation[capped] <= case.model.max_participation * (1 + 1e-9)).all()


def alone(case, name, policy, day, bars, check=lambda case, order: None):
    """Children sent and fills of one order on a broker in a replay of its own, whose books are checked after every event."""
    begun = []

    async def work(broker):
        executor, close = AlgorithmExecutor(broker), ns(day, "12:30")
        terms = executor.order("A", case.lots * case.lot_size, side=case.side, lot_size=case.lot_size, rules=case.rules(name, policy))
        begun.append(executor.start(case.algorithm(name), terms, Window(start=ns(day, "10:00"), end=close)))
        while not begun[0].over:
            await broker.clock.sleep_until(broker.clock.now + STEP)

    broker, ledger = replayed(bars, case.model, case.rules(name, policy), work, lambda: [check(case, order) for order in begun])
    return broker, ledger


def balanced(case, order):
    """In lots, for a thousandth of a share is no whole number of bits."""
    parts = [getattr(order, name) / case.lot_size for name in ("ordered", "filled", "working", "cancelled", "residual")]
    ordered, *others = map(round, parts)
    assert parts == pytest.approx([ordered, *others], abs=1e-6)
    assert ordered == sum(others)
    assert min(others) >= 0


@given(case=cases, day=st.sampled_from(DAYS[2:]))
@settings(deadline=None, max_examples=2)
@pytest.mark.slow
@pytest.mark.parametrize(("name", "policy"), PAIRS)
def test_the_books_balance_after_every_event(name, policy, case, day):
    rules = case.rules(name, policy)
    broker, ledger = alone(case, name, policy, day, case.bars, balanced)
    assert ledger.checks
    assert not ledger.open
    sign = 1 if case.side == "BUY" else -1
    for _, shares, limit, options in broker.sent:
        assert shares > 0
        assert options or shares <= (rules.max_child or math.inf) * (1 + 1e-9)
        assert rules.limit_price is None or sign * (limit - rules.limit_price) <= 0
    assert sum(bool(options) for *_, options in broker.sent) <= (policy == Residual.FORCE)


@given(case=cases, day=st.sampled_from(DAYS[2:]), slots=st.integers(0, 13), other=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=2)
@pytest.mark.slow
@pytest.mark.parametrize(("name", "policy"), PAIRS)
def test_nothing_sent_or_filled_up_to_t_changes_when_every_later_bar_does(name, policy, case, day, slots, other):
    t = ns(day, "09:30") + slots * STEP
    worlds = [case.bars, rewritten(case.bars, t, rough_market(other, 0.2, 0.1, halt=2, jump=-4))]
    sent = [[child for child in alone(case, name, policy, day, bars)[0].sent if child[0] <= t] for bars in worlds]
    assert repr(sent[0]) == repr(sent[1])
    studies = [outcome(case.study(name, policy, bars), "batch") for bars in worlds]
    if not any(isinstance(one, str) for one in studies):
        assert known_fills(studies[0], t, case.model) == known_fills(studies[1], t, case.model)
        if policy in SHUT:
            assert finished(studies[0], t) == finished(studies[1], t)
