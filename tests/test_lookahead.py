"""What is known at t is bars with end <= t: change everything after t, and all that was decided and filled up to t keeps its bytes."""

from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, bars_of, fill_models, grids, kinds_of_model, market, markets, ns, outcome, study_of

from exec_algos import BacktestEngine, OrderEvent, SimulatedBroker, Strategy, TWAPExecutor, VWAPExecutor
from exec_algos.errors import OrderRejectedError, UsageError

BEGIN = ns(DAYS[1], "09:30")
SESSION_COLUMNS = ["session_vwap", "slippage_session_vwap_bps"]  # they look to the session's end by definition
instants = st.builds(
    lambda day, slots, rest: ns(day, "09:30") + slots * STEP + rest,
    st.sampled_from(DAYS[1:]),
    st.integers(0, 13),
    st.sampled_from([0, 1, 10**9]),
)


def rewritten(bars, t, other):
    """Bars up to t as they were, and after t those of another market: other prices, other volumes, other minutes missing."""
    table = {symbol: [*rows(bars, symbol, lambda end: end <= t), *rows(other, symbol, lambda end: end > t)] for symbol in bars.symbols}
    return bars_of(table, zone=bars.zone)


def rows(bars, symbol, keep):
    own = bars.rows(symbol)
    vwap = np.full(len(bars), np.nan) if bars.vwap is None else bars.vwap
    columns = (bars.start, bars.open, bars.high, bars.low, bars.close, bars.volume, vwap)
    return [row for row in zip(*(column[own].tolist() for column in columns), strict=True) if keep(row[0] + bars.step)]


class Noted(SimulatedBroker):
    """A broker that writes each child into a diary."""

    def __init__(self, diary):
        super().__init__()
        self.diary = diary

    async def place_order(self, *arguments, **options):
        self.diary.append((self.clock.now, "child", repr((arguments, options))))
        return await super().place_order(*arguments, **options)

    def send_order(self, *arguments):
        self.diary.append((self.clock.now, "child", repr(arguments)))
        return super().send_order(*arguments)


class Diarist(Strategy):
    """Works orders by what it sees, in every way there is, and writes down all it sees and does."""

    def __init__(self, *parts, diary):
        super().__init__(*parts)
        self.diary, self.broker = diary, Noted(diary)

    def on_bar(self, event):
        seen = self.data_handler.history(event.symbol, 5)
        self.diary.append((event.time, "bar", repr(event) + seen.to_csv()))
        if int(2 * event.bar.close + event.bar.volume) % 3 == 0:
            side = "BUY" if event.bar.close > 20 else "SELL"
            self.event_queue.put(OrderEvent(symbol=event.symbol, side=side, quantity=40))

    def on_fill(self, event):
        self.diary.append((event.time, "fill", repr(event)))

    async def on_order(self, order):
        bar = self.data_handler.latest(order.symbol)
        work = (self.slices, self.curve, self.limit_order)[int(bar.volume) % 3]
        try:
            await work(order, bar)
        except (UsageError, OrderRejectedError) as error:
            self.diary.append((self.data_handler.now, "refused", str(error)))

    async def slices(self, order, bar):
        await TWAPExecutor(self.broker).execute(order.symbol, 40, 150, 1800, side=order.side)

    async def curve(self, order, bar):
        executor = VWAPExecutor(self.broker)
        await executor.execute(order.symbol, 40, volume_profile_days=1, slice_interval_seconds=3600, side=order.side)

    async def limit_order(self, order, bar):
        await self.broker.place_order(order.symbol, 40, "LMT", bar.close - 0.5 * order.side, side=order.side)


def run(bars, model=None, calendar="XNYS", start=BEGIN):
    diary = []
    engine = BacktestEngine(bars, [partial(Diarist, diary=diary)], fill_model=model, calendar=calendar, start=start)
    return engine.run(), diary


def diary_of(bars, model, t, **venue):
    result, diary = run(bars, model, **venue)
    known = result.fills["timestamp"].astype("int64") + (STEP if model.price == "open" else 0)
    account = result.equity[result.equity.index.astype("int64") <= t]
    return [entry for entry in diary if entry[0] <= t], result.fills[known <= t].to_csv(), account.to_csv()


@given(markets(), st.integers(0, 2**32 - 1), instants, fill_models)
@settings(deadline=None, max_examples=25)
@pytest.mark.slow
def test_a_backtest_up_to_t_does_not_change_when_every_later_bar_does(bars, seed, t, model):
    later = rewritten(bars, t, market(seed, missing=0.3))
    before, after = diary_of(bars, model, t), diary_of(later, model, t)
    assert before == after


def test_the_diary_holds_orders_of_every_kind_so_that_the_test_above_means_something():
    result, diary = run(market(1))
    assert {kind for _, kind, _ in diary} >= {"bar", "child", "fill"}
    assert {name.partition(":")[0] for name in result.fills["algorithm"]} == {"direct", "twap", "vwap"}


@given(markets(), st.integers(0, 2**32 - 1), instants, kinds_of_model, grids, st.sampled_from(["batch", "engine"]))
@settings(deadline=None, max_examples=40)
@pytest.mark.slow
def test_a_study_up_to_t_does_not_change_when_every_later_bar_does(bars, seed, t, model, grid, driver):
    names = ["twap", "vwap:profile_days=1"]
    runs = [outcome(study_of(one, names, model, **grid), driver) for one in (bars, rewritten(bars, t, market(seed, missing=0.3)))]
    assume(not any(isinstance(run, str) for run in runs))
    fills = [known_fills(run, t, model) for run in runs]
    assert fills[0] == fills[1]
    assert finished(runs[0], t) == finished(runs[1], t)


def known_fills(run, t, model):
    known = run.fills["timestamp"].astype("int64") + (STEP if model.price == "open" else 0)
    return run.fills[known <= t].drop(columns="parent_id").to_csv(index=False)


def finished(run, t):
    over = run.parents[run.parents["end"].astype("int64") <= t]
    return over.drop(columns=["parent_id", *SESSION_COLUMNS]).to_csv(index=False)


def test_the_size_of_a_parent_order_and_its_curve_do_not_know_the_day_they_trade():
    bars = market(5)
    t = ns(DAYS[2], "09:30")
    plans = [study_of(one, ["vwap:profile_days=2"], profile_days=2).parents for one in (bars, rewritten(bars, t, market(6, missing=0.0)))]
    first = [plan.lots[plan.start <= t].tolist() for plan in plans]
    assert first[0] == first[1] != []


class Greedy(Strategy):
    def on_bar(self, event):
        seen = self.data_handler.history(event.symbol, 10**6)
        assert (seen.index.astype("int64") + STEP).max() == self.data_handler.now == event.time
        assert self.data_handler.latest(event.symbol) == event.bar


def test_history_ends_with_the_bar_that_has_just_closed():
    assert len(BacktestEngine(market(2), [Greedy]).run().equity)  # Greedy asserts on every bar


def test_a_child_never_meets_the_bar_in_which_it_was_decided():
    result, diary = run(market(3))
    asked = min(now for now, kind, _ in diary if kind == "child")
    assert result.fills["timestamp"].astype("int64").min() >= asked
