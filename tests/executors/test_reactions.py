"""What POV, liquidity-aware, iceberg and sniper have in common: they hold in every driver, under every rule, and see no future."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, assert_same, fill_models, grids, market, markets, ns, outcome
from small_markets import clock_times, driven, minute_bars, trades
from test_lookahead import finished, known_fills, rewritten

from exec_algos import FillModel, ParentOrders, SimulatedBroker, SlippageStudy
from exec_algos.algorithms.iceberg import Iceberg
from exec_algos.algorithms.liquidity_aware import LiquidityAware
from exec_algos.algorithms.pov import POV
from exec_algos.algorithms.sniper import Sniper
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.executors.named import IcebergExecutor, LiquidityAwareExecutor, POVExecutor, SniperExecutor
from exec_algos.model import Residual, Rules

POLICIES = list(Residual)
ALL = [POV(rate=0.2), LiquidityAware(fraction=0.3), Iceberg(display=20), Sniper(fraction=0.4)]

intervals = st.sampled_from([60, 3600, 5400])
reactions = st.one_of(
    st.builds(POV, slice_interval_seconds=intervals, rate=st.sampled_from([0.05, 0.2, 0.5, 0.97]), inclusive=st.booleans()),
    st.builds(LiquidityAware, slice_interval_seconds=intervals, fraction=st.sampled_from([0.01, 0.1, 0.29, 1.0])),
    st.builds(Iceberg, slice_interval_seconds=intervals, display=st.sampled_from([10, 20, 130])),
    st.builds(Sniper, slice_interval_seconds=intervals, fraction=st.sampled_from([0.01, 0.5, 1.0])),
)
rules = st.builds(
    Rules,
    limit_price=st.sampled_from([None, 18, 19.5, 20.0, 21.25]),
    min_child=st.sampled_from([None, 10, 50]),
    max_child=st.sampled_from([None, 50, 70]),
    residual=st.sampled_from(POLICIES),
)


def quoted(bars):
    """Bars with quotes that follow from each bar alone, some of them missing, some of no size."""
    odd = bars.volume % 2
    missing = bars.volume % 5 == 0
    quotes = {"bid": bars.close - 0.5 * odd, "ask": bars.close + 0.5 * (1 - odd)}
    quotes |= {"bid_size": (bars.volume * 7) % 300, "ask_size": (bars.volume * 11) % 300}
    return replace(bars, quotes={name: np.where(missing, np.nan, column) for name, column in quotes.items()})


def worked_by(bars, algorithm, model, rules, grid):
    """A study of one algorithm; a limit where it needs one, and no latency where a residual policy forbids it."""
    if algorithm.needs_limit and rules.limit_price is None:
        rules = replace(rules, limit_price=20.0)
    if rules.residual != Residual.CANCEL:
        model = replace(model, latency=0.0)
    return SlippageStudy(bars, ParentOrders.grid(bars, calendar="XNYS", **{"sides": ("BUY", "SELL"), **grid}), [algorithm], model, rules)


@given(markets(), st.booleans(), reactions, fill_models, rules, grids)
@settings(deadline=None, max_examples=30)
@pytest.mark.slow
def test_engine_and_batch_agree_bit_for_bit(bars, quotes, algorithm, model, rules, grid):
    study = worked_by(quoted(bars) if quotes else bars, algorithm, model, rules, grid)
    assert_same(outcome(study, "engine"), outcome(study, "batch"))


@pytest.mark.slow
@pytest.mark.parametrize("residual", POLICIES)
@pytest.mark.parametrize("algorithm", ALL, ids=str)
def test_each_agrees_under_each_residual_policy_and_trades(algorithm, residual):
    grid = {"size": "30%adv", "window": "10:00-14:30", "profile_days": 1}
    bounds = Rules(residual=residual, limit_price=20.5, min_child=5, max_child=70)
    filled = 0
    for seed in range(4):
        study = worked_by(quoted(market(seed)), algorithm, FillModel(max_participation=0.3), bounds, grid)
        engine, batch = study.run("engine"), study.run("batch")
        assert_same(engine, batch)
        filled += len(batch.fills)
    assert filled > 50


# What must hold of any result is asked of the engine, and so of the compiled loop too: that gives the same bits, and has a kernel to
# compile for each way in which models and rules are made.


@given(markets(), reactions, fill_models, rules, grids)
@settings(deadline=None, max_examples=50)
@pytest.mark.slow
def test_never_more_than_ordered_nor_worse_than_the_limit_and_what_is_not_filled_is_residual(bars, algorithm, model, rules, grid):
    study = worked_by(quoted(bars), algorithm, model, rules, grid)
    result = outcome(study, "engine")
    assume(not isinstance(result, str))
    parents, fills, limit = result.parents, result.fills, study.rules.limit_price
    assert (parents["filled"] >= 0).all()
    assert (parents["filled"] <= parents["quantity"] * (1 + 1e-9)).all()
    np.testing.assert_allclose(parents["filled"] + parents["residual"], parents["quantity"], rtol=1e-9)
    lots = fills["quantity"] / grid["lot_size"]
    np.testing.assert_allclose(lots, lots.round(), rtol=1e-9)
    if limit is not None:
        assert (fills["price"][fills["side"] == "BUY"] <= limit).all()
        assert (fills["price"][fills["side"] == "SELL"] >= limit).all()


settings_of_a_study = st.tuples(fill_models, rules, grids)
instants = st.builds(lambda day, slots: ns(day, "09:30") + slots * STEP, st.sampled_from(DAYS[1:]), st.integers(0, 13))


@given(markets(), st.integers(0, 2**32 - 1), instants, reactions, settings_of_a_study)
@settings(deadline=None, max_examples=40)
@pytest.mark.slow
def test_nothing_up_to_t_changes_when_every_later_bar_and_quote_does(bars, seed, t, algorithm, setting):
    worlds = [quoted(one) for one in (bars, rewritten(bars, t, market(seed, missing=0.3)))]
    studies = [worked_by(world, algorithm, *setting) for world in worlds]
    runs = [outcome(study, "engine") for study in studies]
    assume(not any(isinstance(run, str) for run in runs))
    before, after = (known_fills(run, t, studies[0].fill_model) for run in runs)
    assert before == after
    if studies[0].rules.residual in (Residual.CANCEL, Residual.FORCE):
        assert finished(runs[0], t) == finished(runs[1], t)


@pytest.mark.parametrize("algorithm", ALL, ids=str)
def test_each_runs_under_asyncio_by_the_executor_of_any_algorithm(algorithm):
    broker = SimulatedBroker(quoted(market(1)), calendar="XNYS", start=ns(DAYS[1], "09:30"))
    fills = asyncio.run(AlgorithmExecutor(broker).execute("A", 500, algorithm, rules=Rules(limit_price=30)))
    assert sum(fill.quantity for fill in fills) > 0
    assert all(fill.fill_price <= 30 for fill in fills)


@pytest.mark.parametrize("executor", [POVExecutor, LiquidityAwareExecutor, IcebergExecutor, SniperExecutor])
def test_the_terms_of_an_order_count(executor):
    terms = {"start": "09:32", "end": "09:36", "lot_size": 5, "max_participation": 0.029, "rules": Rules(limit_price=10)}

    async def work(broker):
        return await executor(broker).execute("X", 1000, side="SELL", **terms)

    fills = driven("asyncio", minute_bars([10] * 10, quote_proxy="close"), work)
    minutes = ["09:32", "09:33", "09:34", "09:35"]
    assert clock_times([fill.time for fill in fills]) == (minutes[1:] if executor is POVExecutor else minutes)  # POV waits for volume
    assert set(trades(fills)) == {(25, 10)}  # whole lots under the cap of the order
    assert {fill.side.name for fill in fills} == {"SELL"}
