"""The compiled loop, the event-driven replay and a stand-alone broker under asyncio are one algorithm, bit for bit."""

import asyncio
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import algorithms, assert_same, fill_models, grids, kinds_of_model, market, markets, outcome, study_of, trades

from exec_algos import TWAP, Bars, Commission, FillModel, ParentOrders, Rules, SimulatedBroker, SlippageStudy
from exec_algos.algorithms import ALGORITHMS, parse_algorithm
from exec_algos.algorithms.curve import follow_curve
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.executors import AlgorithmExecutor
from exec_algos.model import NO_RULES, Decision

LATE = FillModel(price="close", max_participation=0.02, latency=90, commission=Commission(rate=0.0002, per_share=0.003, minimum=1.0))
REAL = {
    "open, no cap": FillModel(),
    "vwap, cap": FillModel(
        price="vwap", max_participation=0.05, commission=Commission(minimum=1.0), spread=FixedSpread(7), impact=SquareRootImpact(0.0013)
    ),
    "worst, cap, per share": FillModel(
        price="worst", max_participation=0.1, commission=Commission(per_share=0.005, minimum=0.35), limit_fill="through"
    ),
    "close, cap, late": LATE,
}
FOLDERS = {
    "us_yahoo_2026_03": ("XNYS", ["BILI", "IBKR"], 5),
    "us_alphavantage_2019_02": ("XNYS", ["GLD", "TRV"], 2),
    "krx_yahoo_5m": ("XKRX", ["000660", "005930", "396500"], 3),
}


@given(markets(), algorithms, fill_models, grids)
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_engine_and_batch_agree_bit_for_bit_on_random_markets(bars, names, model, grid):
    study = study_of(bars, names, model, **grid)
    assert_same(outcome(study, "engine"), outcome(study, "batch"))


def follow_at_limit(terms, seen, params):
    return Decision(follow_curve(terms, seen, params).lots, params[0] if terms.side > 0 else params[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient(TWAP):
    """TWAP by limit orders at two given prices."""

    name: ClassVar[str] = "patient"
    buy: float = 20.0
    sell: float = 20.0

    @property
    def decide(self):
        return follow_at_limit

    def params(self):
        return self.buy, self.sell


@given(markets(), st.integers(30, 50), st.integers(30, 50), fill_models, grids)
@settings(deadline=None, max_examples=40)
@pytest.mark.slow
def test_engine_and_batch_agree_bit_for_bit_on_limit_orders_none_of_which_pays_more_than_its_limit(bars, buy, sell, model, grid):
    study = study_of(bars, [Patient(buy=buy / 2, sell=sell / 2)], model, **grid)
    engine, batch = outcome(study, "engine"), outcome(study, "batch")
    assert_same(engine, batch)
    if not isinstance(batch, str):
        fills = batch.fills
        assert (fills["price"][fills["side"] == "BUY"] <= buy / 2).all()
        assert (fills["price"][fills["side"] == "SELL"] >= sell / 2).all()


@pytest.mark.market_data
@pytest.mark.slow
@pytest.mark.parametrize(("folder", "model"), list(product(FOLDERS, REAL)))
def test_engine_and_batch_agree_bit_for_bit_on_real_bars(market_data, folder, model):
    calendar, symbols, days = FOLDERS[folder]
    bars = last_days(Bars.read([market_data / folder / f"{symbol}.parquet" for symbol in symbols]), days + 2)
    interval = {"open, no cap": 60, "vwap, cap": 420, "worst, cap, per share": 300, "close, cap, late": 420}[model]
    names = [f"twap:slice_interval_seconds={interval}", f"vwap:slice_interval_seconds={interval},profile_days={days - 1}"]
    study = study_of(bars, names, REAL[model], calendar=calendar, profile_days=days, size="5%adv")
    engine, batch = study.run("engine"), study.run("batch")
    assert len(batch.parents) >= 2 * len(symbols)
    assert_same(engine, batch)


def last_days(bars, days):
    held = bars.start // 86_400_000_000_000
    first = sorted(set(held.tolist()))[-days]
    return bars.take(held >= first)


@pytest.mark.slow
def test_engine_and_batch_agree_when_the_last_slice_is_shorter():
    study = study_of(market(7), ["twap:slice_interval_seconds=5400"], size="1000", profile_days=1, window="09:30-14:00")
    engine, batch = study.run("engine"), study.run("batch")
    assert_same(engine, batch)
    assert (batch.parents["residual"] == 0).any()


@pytest.mark.slow
@pytest.mark.parametrize("lot_size", [0.001, 0.0001, 0.1])
def test_engine_and_batch_agree_on_orders_of_millions_of_fractional_lots(lot_size):
    bars = market(3, missing=0.0, silent=0.0)
    study = study_of(bars, ["twap"], FillModel(price="vwap"), size="98765.4321", lot_size=lot_size, profile_days=1)
    engine, batch = study.run("engine"), study.run("batch")
    assert_same(engine, batch)
    assert engine.parents["fill_rate"].max() <= 1


async def alone(bars, row, model, lot_size, rules=NO_RULES):
    """One order of a study, worked by an executor of any algorithm on a broker of its own."""
    executor = AlgorithmExecutor(SimulatedBroker(bars, fill_model=model, calendar="XNYS"))
    terms = {"side": row.side, "lot_size": lot_size, "start": row.start, "end": row.end, "rules": rules}
    return await executor.execute(row.symbol, row.quantity, parse_algorithm(row.algorithm), **terms)


@given(markets(("A",)), algorithms, kinds_of_model, grids, st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
@pytest.mark.slow
def test_an_executor_on_a_broker_of_its_own_under_asyncio_gets_the_fills_of_the_study(bars, names, model, grid, pick):
    result = outcome(study_of(bars, names, model, **grid), "batch")
    if isinstance(result, str):
        return
    row = result.parents.iloc[pick % len(result.parents)]
    mine = result.fills[(result.fills["parent_id"] == row.parent_id) & (result.fills["algorithm"] == row.algorithm)]
    fills = asyncio.run(alone(bars, row, model, grid["lot_size"]))
    assert [(one.time, one.quantity, one.fill_price, one.commission) for one in fills] == trades(mine)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_registered_algorithm_is_one_in_three_drivers(name):
    kind = ALGORITHMS[name]
    rules = Rules(limit_price=20.5) if kind.needs_limit else NO_RULES
    bars, model = market(11, ("A",), silent=0.0), FillModel(price="vwap", max_participation=0.2)
    parents = ParentOrders.grid(bars, calendar="XNYS", size="300", profile_days=2, sides=["BUY"])
    study = SlippageStudy(bars, parents, [kind.sample], model, rules)
    engine, batch = study.run("engine"), study.run("batch")
    assert_same(engine, batch)
    assert len(batch.fills)
    for row in batch.parents.itertuples():
        mine = batch.fills[batch.fills["parent_id"] == row.parent_id]
        fills = asyncio.run(alone(bars, row, model, 1, rules))
        assert [(one.time, one.quantity, one.fill_price, one.commission) for one in fills] == trades(mine)
