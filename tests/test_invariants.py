"""Random markets, strategies and orders: what holds after every event, and what holds of every fill."""

import asyncio
import contextlib
import math
from collections import defaultdict
from fractions import Fraction
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, bars_of, fill_models, market, markets, ns, study_of

from exec_algos import BacktestEngine, Bars, FillModel, OrderEvent, SimulatedBroker, Strategy, TWAPExecutor, VWAPExecutor
from exec_algos.clock.queue import EventQueue
from exec_algos.errors import OrderRejectedError, UsageError
from exec_algos.exchange.market import running_market

START = ns(DAYS[1], "09:30")
ROUNDED = 1e-12


class Ledger:
    """Every child that was ever open, and the books as the fills alone would keep them."""

    def __init__(self, market):
        self.market, self.checks, self.read = market, 0, 0
        self.open, self.over = {}, {}
        self.filled = defaultdict(int)

    def check(self):
        self.checks += 1
        for fill in self.market.fills[self.read :]:
            self.filled[fill.parent_id] += round(fill.quantity / self.market.parents[fill.parent_id].parent.lot_size)
        self.read = len(self.market.fills)
        self.open.update((child.number, child) for child in self.market.resting())
        working = self._check_children()
        for number, state in enumerate(self.market.parents):
            assert state.ordered == state.filled + state.working + state.cancelled + state.residual
            assert min(state.filled, state.working, state.cancelled, state.residual) >= 0
            assert (state.filled, state.working) == (self.filled[number], working[number])

    def _check_children(self):
        working = defaultdict(int)
        for number, child in list(self.open.items()):
            assert child.lots == child.filled + child.open + child.cancelled
            assert min(child.filled, child.open, child.cancelled) >= 0
            working[child.parent_state.parent.parent_id] += child.open
            if child.over:
                assert child.open == 0
                self.over[number] = self.open.pop(number)
        return working


@pytest.fixture(scope="module")
def ledgers():
    """The ledgers of the replays of this module, each checked after every event."""
    kept, whole = [], EventQueue.run

    def run(queue):
        kept.append(Ledger(running_market.get()))
        while queue.step():
            kept[-1].check()

    EventQueue.run = run
    yield kept
    EventQueue.run = whole


class Noted(SimulatedBroker):
    """A broker that writes down when each child was asked for."""

    asked: ClassVar[list] = []

    async def place_order(self, ticker, *arguments, **options):
        self.asked.append((self.clock.now, ticker))
        return await super().place_order(ticker, *arguments, **options)

    def send_order(self, parent, *arguments):
        self.asked.append((self.clock.now, parent.symbol))
        return super().send_order(parent, *arguments)


class Trader(Strategy):
    """Orders at random, of every kind."""

    def __init__(self, *parts, plan=0):
        super().__init__(*parts)
        self.rng = np.random.default_rng(plan)

    def on_bar(self, event):
        if self.rng.random() < 0.25:
            side, quantity = self.rng.choice(["BUY", "SELL"]), int(self.rng.choice([1, 7, 100, 3000])) * 100
            self.event_queue.put(OrderEvent(symbol=event.symbol, side=side, quantity=quantity))

    async def on_order(self, order):
        work = self.rng.choice([self.slices, self.curve, self.market_order, self.limit_order, self.short_limit_order])
        with contextlib.suppress(UsageError, OrderRejectedError):  # too late in the day, no volume profile
            await work(Noted(), order)

    def terms(self, order):
        lot, cap = float(self.rng.choice([1, 10, 100, 0.001])), self.rng.choice([None, 0.03, 0.5])
        return {"side": order.side, "lot_size": lot, "max_participation": cap}

    async def slices(self, broker, order):
        await TWAPExecutor(broker).execute(order.symbol, order.quantity, 210, 3600, **self.terms(order))

    async def curve(self, broker, order):
        await VWAPExecutor(broker).execute(order.symbol, order.quantity, volume_profile_days=1, **self.terms(order))

    async def market_order(self, broker, order):
        await broker.place_order(order.symbol, order.quantity, side=order.side)

    async def limit_order(self, broker, order, expires=None):
        limit = self.data_handler.latest(order.symbol).close + float(self.rng.choice([-1.0, -0.5, 0.0, 0.5]))
        await broker.place_order(order.symbol, order.quantity, "LMT", limit, side=order.side, expires=expires)

    async def short_limit_order(self, broker, order):
        await self.limit_order(broker, order, expires=broker.clock.now + 2 * STEP + 1)


def run(bars, model, *plans):
    Noted.asked.clear()
    makers = [partial(Trader, plan=plan) for plan in plans]
    return BacktestEngine(bars, makers, initial_cash=1e6, fill_model=model, calendar="XNYS", start=START).run()


def bar_at(bars, symbol, stamp, model):
    start = stamp if model.price == "open" else stamp - STEP
    rows = bars.rows(symbol)
    n = rows.start + int(np.searchsorted(bars.start[rows], start))
    assert bars.start[n] == start
    return n


@given(markets(("A", "B", "C")), fill_models, st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
@pytest.mark.slow
def test_the_books_balance_after_every_event_and_every_fill_is_possible(ledgers, bars, model, seed):
    result = run(bars, model, [seed, 0], [seed, 1])
    ledger = ledgers.pop()
    assert ledger.checks > len(bars.between(START, 2**62)) / 3
    check_fills(result.fills, bars, model)
    check_account(result)
    assert not ledger.open
    check_children(ledger.over.values(), bars, model)


def check_fills(fills, bars, model):
    used = defaultdict(Fraction)
    for one in fills.itertuples():
        n = bar_at(bars, one.symbol, one.timestamp.value, model)
        assert one.quantity > 0
        assert bars.volume[n] > 0
        assert lowest(bars, n, one, model) * (1 - ROUNDED) <= one.price <= highest(bars, n, one, model) * (1 + ROUNDED)
        assert one.commission >= 0
        used[n] += Fraction(str(round(one.quantity, 9)))
    if model.max_participation is not None:
        for n, shares in used.items():
            assert shares <= Fraction(str(model.max_participation)) * Fraction(bars.volume[n])


def highest(bars, n, one, model):
    return bars.high[n] * (paid(bars, n, one, model) if one.side == "BUY" else 1)


def lowest(bars, n, one, model):
    return bars.low[n] * (paid(bars, n, one, model) if one.side == "SELL" else 1)


def paid(bars, n, one, model):
    """What spread and impact make of a price, at most: a factor."""
    sign = 1 if one.side == "BUY" else -1
    spread = model.spread.bps / 20_000 if model.spread else 0.0
    impact = model.impact.coefficient * math.sqrt(one.quantity / bars.volume[n]) if model.impact else 0.0
    return (1 + sign * spread) * max(1 + sign * impact, 0.0)


def check_account(result):
    fills = result.fills
    signed = fills["quantity"] * np.where(fills["side"] == "BUY", 1, -1)
    spent = math.fsum(signed * fills["price"]) + math.fsum(fills["commission"])
    assert result.portfolio.cash == pytest.approx(1e6 - spent, abs=1e-6)
    held = {symbol: position.shares for symbol, position in result.portfolio.positions.items()}
    assert held == pytest.approx(signed.groupby(fills["symbol"]).sum().to_dict())
    if len(fills):
        assert result.equity["cash"].iloc[-1] == pytest.approx(1e6 - spent, abs=1e-6)
    gains = result.portfolio.realised() + result.portfolio.unrealised() - result.portfolio.fees
    assert result.portfolio.cash + result.portfolio.value() - 1e6 == pytest.approx(gains, abs=1e-4)


def check_children(children, bars, model):
    for child in children:
        assert child.over
        for fill in child.fills:
            start = fill.time if model.price == "open" else fill.time - STEP
            assert start >= child.active
            assert start < child.deadline
            if not math.isnan(child.limit):
                n = bar_at(bars, child.parent_state.parent.symbol, fill.time, model)
                assert (fill.fill_price - child.limit) * child.side <= 0
                assert bars.low[n] <= fill.fill_price <= bars.high[n]
        shares = math.fsum(fill.quantity for fill in child.fills)
        value = math.fsum(fill.quantity * fill.fill_price for fill in child.fills)
        rate, per_share, minimum = model.commission
        due = max(minimum, rate * value + per_share * shares) if child.fills else 0
        assert math.fsum(fill.commission for fill in child.fills) == pytest.approx(due)


@given(markets(("A", "B")), fill_models, st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=15)
@pytest.mark.slow
def test_no_child_is_filled_before_it_was_asked_for_and_the_latency_has_passed(ledgers, bars, model, seed):
    fills = run(bars, model, seed).fills
    first = {}
    for now, symbol in Noted.asked:
        first.setdefault(symbol, now + model.latency_ns)
    for symbol, stamps in fills.groupby("symbol")["timestamp"]:
        start = stamps.astype("int64").min() - (0 if model.price == "open" else STEP)
        assert start >= first[symbol]


@given(st.integers(0, 2**32 - 1), fill_models)
@settings(deadline=None, max_examples=10)
@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes(ledgers, seed, model):
    runs = [run(market(seed), model, seed) for _ in range(2)]
    assert runs[0].fills.to_csv() == runs[1].fills.to_csv()
    assert runs[0].parents.to_csv() == runs[1].parents.to_csv()
    assert runs[0].equity.to_csv() == runs[1].equity.to_csv()


@given(markets(("A", "B", "C")), fill_models, st.permutations(["A", "B", "C"]), st.integers(0, 99))
@settings(deadline=None, max_examples=15)
@pytest.mark.slow
def test_results_do_not_change_with_the_order_in_which_symbols_are_given(ledgers, bars, model, order, seed):
    shuffled = Bars.concat([bars.select([symbol]) for symbol in order])
    runs = [run(one, model, seed) for one in (bars, shuffled)]
    assert runs[0].fills.to_csv() == runs[1].fills.to_csv()
    assert runs[0].equity.to_csv() == runs[1].equity.to_csv()


def test_results_do_not_change_with_the_order_in_which_symbols_join_a_market():
    bars, results = market(11, ("A", "B", "C")), []
    for order in ("ABC", "CAB"):
        broker = SimulatedBroker(bars.select([order[0]]), fill_model=FillModel(max_participation=0.1), calendar="XNYS")
        for symbol in order[1:]:
            broker.market.add(bars.select([symbol]))

        async def work(broker=broker, order=order):
            jobs = {symbol: TWAPExecutor(broker).execute(symbol, 500, 390, 1800) for symbol in order}
            return dict(zip(jobs, await asyncio.gather(*jobs.values()), strict=True))

        results.append(asyncio.run(work()))
    plain = [{symbol: [(one.time, one.quantity, one.fill_price) for one in fills] for symbol, fills in each.items()} for each in results]
    assert plain[0] == plain[1]


def flat_bars(n, volume):
    return bars_of({"A": [(ns(DAYS[0], "09:30") + i * STEP, 10.0, 10.0, 10.0, 10.0, float(volume), math.nan) for i in range(n)]})


def per_bar(fills):
    sums = defaultdict(float)
    for stamp, quantity in fills:
        sums[stamp] += quantity
    return [round(sums[stamp], 9) for stamp in sorted(sums)]


class Two(Strategy):
    def on_bar(self, event):
        if self.data_handler.now == ns(DAYS[0], "10:00"):
            self.event_queue.put(OrderEvent(symbol="A", quantity=300))


def test_two_market_orders_of_300_shares_get_100_shares_together_in_each_bar_of_a_backtest():
    result = BacktestEngine(flat_bars(8, 1000), [Two, Two], fill_model=FillModel(max_participation=0.1)).run()
    fills = result.fills
    assert per_bar(zip(fills["timestamp"], fills["quantity"], strict=True)) == [100, 100, 100, 100, 100, 100]
    assert fills["parent_id"].tolist() == [0, 0, 0, 1, 1, 1]  # first come, first served


def test_two_market_orders_of_300_shares_gathered_on_one_broker_get_100_shares_together_in_each_bar():
    broker = SimulatedBroker(flat_bars(8, 1000), fill_model=FillModel(max_participation=0.1))

    async def both():
        return await asyncio.gather(broker.place_order("A", 300), broker.place_order("A", 300))

    parts = [part for fill in asyncio.run(both()) for part in fill.parts]
    assert per_bar((one.time, one.quantity) for one in parts) == [100, 100, 100, 100, 100, 100]


def test_two_orders_of_fractional_lots_use_up_the_whole_budget_of_a_bar():
    broker = SimulatedBroker(flat_bars(4, 20.02), fill_model=FillModel(max_participation=0.1))

    async def both():
        first = TWAPExecutor(broker).execute("A", 1.001, 30, 1800, lot_size=0.001)
        second = TWAPExecutor(broker).execute("A", 5, 30, 1800, lot_size=0.001)
        return await asyncio.gather(first, second)

    assert [round(part[0].quantity, 9) for part in asyncio.run(both())] == [1.001, 1.001]


def test_in_a_study_every_parent_order_and_algorithm_is_a_world_of_its_own():
    bars, model, names = market(4, ("A",), missing=0.0, silent=0.0), FillModel(max_participation=0.1), ["twap", "vwap:profile_days=1"]
    both = study_of(bars, names, model, size="80%adv", profile_days=1).run().parents
    alone = study_of(bars, names[1:], model, size="80%adv", profile_days=1, sides=["SELL"]).run().parents
    mine = both[(both["algorithm"] == names[1]) & (both["side"] == "SELL")]
    assert mine["filled"].tolist() == alone["filled"].tolist()
    assert (both["residual"] > 0).all()  # the cap binds, so that shared bars would show
