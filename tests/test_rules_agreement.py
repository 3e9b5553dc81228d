"""Random rules on random markets: engine, compiled loop and asyncio agree bit for bit, and the rules hold of every fill and child."""

import asyncio
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markets import CLOSES, DAYS, STEP, ZONE, algorithms, assert_same, fill_models, grids, market, markets, ns, outcome, trades
from test_invariants import Ledger
from test_lookahead import finished, known_fills, rewritten

from exec_algos import TWAP, Commission, FillModel, ParentOrders, SimulatedBroker, SlippageStudy
from exec_algos.algorithms import parse_algorithm
from exec_algos.batch import BatchOrders, Tape, run_batch
from exec_algos.clock.queue import Rank
from exec_algos.clock.virtual import Task
from exec_algos.errors import UsageError
from exec_algos.exchange.market import Market, running_market
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.market.calendars import sessions
from exec_algos.model import Decision, Residual, Rules
from exec_algos.model.window import Window

POLICIES = list(Residual)
rules = st.builds(
    Rules,
    limit_price=st.sampled_from([None, None, 18.0, 19.5, 20.0, 20.5, 22.0]),
    min_child=st.sampled_from([None, 10, 50]),
    max_child=st.sampled_from([None, 50, 70, 400]),
    residual=st.sampled_from(POLICIES),
)
instants = st.builds(lambda day, slots: ns(day, "09:30") + slots * STEP, st.sampled_from(DAYS[1:]), st.integers(0, 13))


def ruled(bars, names, model, rules, grid):
    """A study under rules; without latency where a policy forbids it."""
    if rules.residual != Residual.CANCEL:
        model = replace(model, latency=0.0)
    return SlippageStudy(bars, ParentOrders.grid(bars, calendar="XNYS", **{"sides": ("BUY", "SELL"), **grid}), names, model, rules)


@given(markets(), algorithms, fill_models, rules, grids)
@settings(deadline=None, max_examples=45)
@pytest.mark.slow
def test_engine_and_batch_agree_bit_for_bit_under_random_rules(bars, names, model, rules, grid):
    study = ruled(bars, names, model, rules, grid)
    assert_same(outcome(study, "engine"), outcome(study, "batch"))


def wild(terms, seen, params):
    """Asks for what nobody should: too much, at a price of its own."""
    wish = (seen.slice * 7919 + params[0]) % 5
    return Decision(terms.lots * wish // 2, 19.0 + wish if wish % 2 else np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wild(TWAP):
    """An algorithm that rules have to hold."""

    name: ClassVar[str] = "wild"
    whim: int = 0

    @property
    def decide(self):
        return wild

    def params(self):
        return (self.whim,)


@given(markets(), st.integers(0, 4), st.sampled_from([60, 5400]), fill_models, rules.filter(lambda one: one != Rules()), grids)
@settings(deadline=None, max_examples=20)
@pytest.mark.slow
def test_rules_hold_an_algorithm_that_asks_for_too_much_in_both_drivers(bars, whim, interval, model, rules, grid):
    study = ruled(bars, [Wild(whim=whim, slice_interval_seconds=interval)], model, rules, grid)
    engine, batch = outcome(study, "engine"), outcome(study, "batch")
    assert_same(engine, batch)
    assume(not isinstance(batch, str))
    assert (batch.parents["filled"] <= batch.parents["quantity"] * (1 + 1e-9)).all()


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("size", ["1", "37", "5%adv", "100000"])
@pytest.mark.parametrize("interval", [60, 5400])
def test_engine_and_batch_agree_under_each_policy_on_orders_tiny_and_huge(policy, size, interval):
    names = [f"twap:slice_interval_seconds={interval}", f"vwap:profile_days=1,slice_interval_seconds={interval}"]
    grid = {"size": size, "window": "10:00-14:30", "profile_days": 1}
    for seed, missing in enumerate([0.0, 0.2, 0.6]):
        study = ruled(market(seed, missing=missing, silent=missing), names, FillModel(max_participation=0.2), Rules(residual=policy), grid)
        engine, batch = study.run("engine"), study.run("batch")
        assert len(batch.parents)
        assert_same(engine, batch)


# What must hold of any result is asked of the engine, and so of the compiled loop too: that gives the same bits, and has a kernel to
# compile for each way in which models and rules are made.


@given(markets(), algorithms, fill_models, rules, grids)
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_every_fill_keeps_to_limit_cap_and_window(bars, names, model, rules, grid):
    study = ruled(bars, names, model, rules, grid)
    result = outcome(study, "engine")
    assume(not isinstance(result, str))
    parents, fills = result.parents, result.fills
    np.testing.assert_allclose(parents["filled"] + parents["residual"], parents["quantity"], rtol=1e-9)
    assert (parents["residual"] >= 0).all()
    if rules.limit_price is not None:
        assert (fills["price"][fills["side"] == "BUY"] <= rules.limit_price).all()
        assert (fills["price"][fills["side"] == "SELL"] >= rules.limit_price).all()
    cap = study.fill_model.max_participation
    for row in parents.itertuples():
        mine = fills[(fills["parent_id"] == row.parent_id) & (fills["algorithm"] == row.algorithm)]
        check_bars(mine, row, bars, rules, cap, study.fill_model)


def check_bars(fills, row, bars, rules, cap, model):
    rows = bars.rows(row.symbol)
    starts = fills["timestamp"].astype("int64").to_numpy() - (0 if model.price == "open" else STEP)
    at = rows.start + np.searchsorted(bars.start[rows], starts)
    volume, start, end = bars.volume[at], row.start.value, row.end.value
    assert (starts >= start).all()
    assert (starts + STEP <= over(row, rules)).all()
    if rules.residual == Residual.CLOSE_AUCTION:
        late = starts[starts >= end]
        assert set(late) <= {over(row, rules) - STEP}
    if cap is not None:
        interval = parse_algorithm(row.algorithm).interval_on(STEP)
        last = start + (-(-(end - start) // interval) - 1) * interval
        capped = (starts < last) if rules.residual == Residual.FORCE else np.ones(len(starts), dtype=bool)
        assert (fills["quantity"].to_numpy()[capped] <= cap * volume[capped] * (1 + 1e-9)).all()


def over(row, rules):
    day = f"{row.start.tz_convert(ZONE):%Y-%m-%d}"
    goes_on = rules.residual in (Residual.EXTEND, Residual.CLOSE_AUCTION)
    return max(ns(day, CLOSES[day]) if goes_on else 0, row.end.value)


class Sized(SimulatedBroker):
    """A broker that writes down the shares of each child."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def send_order(self, parent, lots, limit, expires, **options):
        self.sent.append((self.clock.now, lots * parent.lot_size, limit, options))
        return super().send_order(parent, lots, limit, expires, **options)


def replayed(bars, model, rules, work, check):
    """Carry ``work(broker)`` in a replay of its own, with `check` after every event."""
    hours = sessions("XNYS", int(bars.start.min()), int(bars.start.max()))
    replay = Market(model, int(bars.start.min()), hours)
    replay.add(bars)
    token = running_market.set(replay)
    try:
        broker = Sized()
    finally:
        running_market.reset(token)
    ledger = Ledger(replay)
    task = Task(replay.clock, work(broker), Rank.WAKE, None)
    task.step()
    while not task.done() and replay.queue.step():
        ledger.check()
        check()
    task.result()
    return broker, ledger


orders = st.fixed_dictionaries({"quantity": st.sampled_from([1, 40, 600, 10**7]), "side": st.sampled_from(["BUY", "SELL"])})


@given(markets(("A",)), algorithms, fill_models, rules, orders, st.sampled_from(DAYS[2:]))
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_ordered_is_filled_and_working_and_cancelled_and_residual_after_every_event(bars, names, model, rules, order, day):
    algorithm, begun = parse_algorithm(names[0]), []

    async def work(broker):
        executor = AlgorithmExecutor(broker)
        terms = executor.order("A", order["quantity"], side=order["side"], rules=rules)
        begun.append(executor.start(algorithm, terms, Window(start=ns(day, "10:00"), end=ns(day, "12:30"))))
        while not begun[0].over:
            await broker.clock.sleep_until(broker.clock.now + STEP)

    def check():
        for one in begun:
            assert one.ordered == one.filled + one.working + one.cancelled + one.residual
            assert min(one.filled, one.working, one.cancelled, one.residual) >= 0

    broker, ledger = replayed(bars, model, rules, work, check)
    assert ledger.checks
    assert not ledger.open
    forced = [(shares, limit) for _, shares, limit, options in broker.sent if options]
    others = [(shares, limit) for _, shares, limit, options in broker.sent if not options]
    assert len(forced) <= (rules.residual == Residual.FORCE)
    assert all(shares <= (rules.max_child or np.inf) for shares, _ in others)
    assert all(limit == rules.limit_price for _, limit in forced + others) or rules.limit_price is None


async def alone(bars, row, model, rules, lot_size):
    """One order of a study on a broker of its own."""
    broker = SimulatedBroker(bars, fill_model=model, calendar="XNYS")
    terms = {"side": row.side, "lot_size": lot_size, "rules": rules, "start": row.start, "end": row.end}
    return await AlgorithmExecutor(broker).execute(row.symbol, row.quantity, parse_algorithm(row.algorithm), **terms)


@given(markets(("A",)), algorithms, fill_models, rules, grids, st.integers(0, 10**6))
@settings(deadline=None, max_examples=30)
@pytest.mark.slow
def test_a_broker_of_its_own_under_asyncio_gives_the_fills_of_the_study(bars, names, model, rules, grid, pick):
    study = ruled(bars, names, model, rules, grid)
    result = outcome(study, "engine")
    assume(not isinstance(result, str))
    row = result.parents.iloc[pick % len(result.parents)]
    mine = result.fills[(result.fills["parent_id"] == row.parent_id) & (result.fills["algorithm"] == row.algorithm)]
    fills = asyncio.run(alone(bars, row, study.fill_model, rules, grid["lot_size"]))
    assert [(one.time, one.quantity, one.fill_price, one.commission) for one in fills] == trades(mine)


@given(markets(), st.integers(0, 2**32 - 1), instants, fill_models, rules, grids)
@settings(deadline=None, max_examples=30)
@pytest.mark.slow
def test_nothing_up_to_t_changes_when_every_later_bar_does(bars, seed, t, model, rules, grid):
    worlds = [bars, rewritten(bars, t, market(seed, missing=0.3))]
    studies = [ruled(world, ["twap", "vwap:profile_days=1"], model, rules, grid) for world in worlds]
    runs = [outcome(study, "engine") for study in studies]
    assume(not any(isinstance(run, str) for run in runs))
    before, after = (known_fills(run, t, studies[0].fill_model) for run in runs)
    assert before == after
    if rules.residual in (Residual.CANCEL, Residual.FORCE):
        assert finished(runs[0], t) == finished(runs[1], t)


@given(st.integers(0, 2**32 - 1), fill_models, rules, st.sampled_from(["batch", "engine"]))
@settings(deadline=None, max_examples=10)
@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes(seed, model, rules, driver):
    grid = {"size": "30%adv", "window": "10:00-14:30", "profile_days": 1}
    runs = [outcome(ruled(market(seed), ["twap"], model, rules, grid), driver) for _ in range(2)]
    assert runs[0].fills.to_csv() == runs[1].fills.to_csv()
    assert runs[0].parents.to_csv() == runs[1].parents.to_csv()


BY_HAND = {
    "children are bounded and lots have several sizes": (
        {"lot_size": np.array([1.0, 10.0])}, Rules(min_child=10), "need orders of one lot size, got .*10.*; run each size by itself",
    ),
    "a policy goes on but nobody says until when": (
        {}, Rules(residual="extend"), "'extend' goes on after the window: orders.deadline must say until when",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BY_HAND)
def test_orders_made_by_hand_that_rules_do_not_fit_are_refused_by_the_compiled_loop(case):
    changes, rules, message = BY_HAND[case]
    two = np.ones(2, np.int64)
    columns = {name: two for name in BatchOrders._fields if name not in ("deadline", "lot_size", "cap")}
    columns |= {"first": 0 * two, "curve": 0 * two, "lot_size": np.ones(2), "cap": np.ones(2), **changes}
    prices = np.full(2, 20.0)
    tape = Tape(np.arange(2), prices, prices, prices, prices, prices)
    with pytest.raises(UsageError, match=message):
        run_batch(tape, BatchOrders(**columns), np.ones(2), TWAP().decide, (), step=1, commission=Commission(), rules=rules)
