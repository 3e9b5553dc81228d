"""`BacktestEngine`: replays bars to strategies and carries their orders, in virtual time."""

from __future__ import annotations

import gc
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exec_algos.backtest.events import Event, FillEvent, MarketEvent, OrderEvent, SignalEvent
from exec_algos.backtest.portfolio import Portfolio
from exec_algos.backtest.result import BacktestResult
from exec_algos.backtest.strategy import DataHandler, Strategy, StrategyQueue
from exec_algos.clock.queue import Rank
from exec_algos.clock.virtual import Task
from exec_algos.costs.charges import check_days
from exec_algos.errors import OrderRejectedError, RunError, UsageError
from exec_algos.exchange.child import Child
from exec_algos.exchange.market import Market, running_market
from exec_algos.exchange.stream import Stream
from exec_algos.fills import FillModel
from exec_algos.market.hours import sessions_of
from exec_algos.model import Fill
from exec_algos.model.window import Moment, first_instant, shown

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars

StrategyMaker = Callable[[StrategyQueue, DataHandler], Strategy]


@dataclass(frozen=True, slots=True)
class _Origin:
    """Whose order a child belongs to."""

    strategy: int
    order: OrderEvent | None


class BacktestEngine:
    """An event-driven backtest.

    Parameters
    ----------
    bars : Bars
    strategies : sequence of callables
        Each is called with ``(event_queue, data_handler)``: `Strategy` subclasses, or anything that
        makes one, such as a `functools.partial`.
    initial_cash : float
        Currency.
    fill_model : FillModel, optional
    calendar : str, optional
        Calendar of the sessions; without it a session is a day of the bars.
    start : datetime, pandas.Timestamp, str or int, optional
        Where the replay begins; a naive time is exchange time, an int ns UTC. Earlier bars are history (volume profiles).
        The first bar by default.

    Raises
    ------
    UsageError
        No strategy, no bars, cash that is no number, or a session on a date that the fill model's fee schedule does not know.
    """

    def __init__(
        self,
        bars: Bars,
        strategies: Sequence[StrategyMaker],
        initial_cash: float = 1_000_000.0,
        fill_model: FillModel | None = None,
        *,
        calendar: str | None = None,
        start: Moment | None = None,
    ) -> None:
        if isinstance(strategies, type) or not strategies:
            raise UsageError(f"a backtest needs a list with at least one strategy: strategies=[MyStrategy]; got {strategies!r}")
        if not math.isfinite(initial_cash):
            raise UsageError(f"initial_cash must be a number, got {initial_cash!r}")
        self.bars, self.strategies, self.initial_cash = bars, tuple(strategies), float(initial_cash)
        self.fill_model = fill_model or FillModel()
        self.sessions = sessions_of(bars, calendar)
        self.start = first_instant(start, bars, self.sessions)
        check_days(self.fill_model.commission, self.sessions.date[self.sessions.at_or_after(self.start) :])

    def run(self) -> BacktestResult:
        """Replay every bar and carry every order to its end.

        Returns
        -------
        BacktestResult

        Raises
        ------
        RunError
            A strategy or an executor raised; the message names the event, the symbol and the time.
        """
        market = Market(self.fill_model, self.start, self.sessions)
        market.add(self.bars)
        token = running_market.set(market)
        try:
            run = _Run(market, self.strategies, self.initial_cash)
            with rare_collection():
                market.queue.run()
        finally:
            running_market.reset(token)
        return BacktestResult.of(market, run.portfolio, self.initial_cash, run.names, run.rejected)


def _check_callbacks(strategy: Strategy) -> None:
    for name in ("on_bar", "on_fill", "on_signal"):
        if inspect.iscoroutinefunction(getattr(strategy, name)):
            raise UsageError(f"{type(strategy).__name__}.{name} must be a plain def: only on_order is async, and may wait")


@contextmanager
def rare_collection() -> Iterator[None]:
    """Look for reference cycles a hundred times more rarely: a run makes millions of values and no cycles."""
    before = gc.get_threshold()
    gc.set_threshold(before[0] * 100, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Run:
    """The moving parts of one run."""

    def __init__(self, market: Market, makers: Sequence[StrategyMaker], cash: float) -> None:
        self.market = market
        self.portfolio = Portfolio(cash, market.fills, self._mark)
        self.rejected: list[str] = []
        data = DataHandler(market)
        self.origins = [_Origin(i, None) for i in range(len(makers))]
        self.strategies: list[Strategy] = []
        for i, make in enumerate(makers):
            market.clock.origin = self.origins[i]
            self.strategies.append(make(_Queue(self, i), data))
            _check_callbacks(self.strategies[i])
        self.names = [type(strategy).__name__ for strategy in self.strategies]
        self.listening = [(s, self.origins[i]) for i, s in enumerate(self.strategies) if type(s).on_bar is not Strategy.on_bar]
        self.hears_fills = [type(s).on_fill is not Strategy.on_fill for s in self.strategies]
        if any(self.hears_fills):
            market.on_fill = self._fill
        if self.listening:
            market.on_bars = self._bars

    def _mark(self, symbol: str) -> float:
        latest = self.market.streams[symbol].latest
        return math.nan if latest is None else latest.close

    def _bars(self, streams: list[Stream]) -> None:
        now, clock = self.market.queue.now, self.market.clock
        for stream in streams:
            event = tuple.__new__(MarketEvent, (stream.symbol, stream.latest, now))  # half the time of a named tuple's own way
            for strategy, origin in self.listening:
                clock.origin = origin
                try:
                    strategy.on_bar(event)
                except Exception as error:
                    raise self._failed(strategy, "on_bar", event.symbol, error) from error

    def _fill(self, child: Child, fill: Fill) -> None:
        owner = child.origin.strategy
        if self.hears_fills[owner]:
            strategy = self.strategies[owner]
            self.market.clock.origin = self.origins[owner]
            try:
                strategy.on_fill(FillEvent(fill, self.market.queue.now))
            except Exception as error:
                raise self._failed(strategy, "on_fill", fill.ticker, error) from error

    def put(self, owner: int, event: Event) -> None:
        queue = self.market.queue
        if isinstance(event, OrderEvent):
            self.market.stream(event.symbol)
            queue.put(queue.now, Rank.ORDER, self._order, (owner, event))
        elif isinstance(event, SignalEvent):
            self.market.stream(event.symbol)
            queue.put(queue.now, Rank.SIGNAL, self._signal, (owner, event))
        else:
            raise UsageError(f"a strategy puts SignalEvent or OrderEvent, got {type(event).__name__}; the engine makes the others")

    def _signal(self, queued: tuple[int, SignalEvent]) -> None:
        owner, signal = queued
        strategy = self.strategies[owner]
        self.market.clock.origin = self.origins[owner]
        try:
            strategy.on_signal(signal)
        except Exception as error:
            raise self._failed(strategy, "on_signal", signal.symbol, error) from error

    def _order(self, queued: tuple[int, OrderEvent]) -> None:
        owner, order = queued
        strategy = self.strategies[owner]

        def over(task: Task[None]) -> None:
            error = task.exception()
            if isinstance(error, OrderRejectedError):
                self.rejected.append(f"{order}: {error}")
            elif error is not None:
                raise self._failed(strategy, "on_order", order.symbol, error) from error

        clock = self.market.clock
        clock.origin = self.origins[owner]
        try:
            coroutine = strategy.on_order(order)
        except Exception as error:
            raise self._failed(strategy, "on_order", order.symbol, error) from error
        if not inspect.iscoroutine(coroutine):
            raise self._failed(strategy, "on_order", order.symbol, UsageError("on_order must be written as async def"))
        Task(clock, coroutine, Rank.WAKE, _Origin(owner, order), over).step()

    def _failed(self, strategy: Strategy, method: str, symbol: str, error: BaseException) -> RunError:
        when = shown(self.market.queue.now, self.market.zone)
        return RunError(f"{type(strategy).__name__}.{method} failed on {symbol} at {when}: {type(error).__name__}: {error}")


class _Queue:
    """One strategy's end of the event queue."""

    def __init__(self, run: _Run, owner: int) -> None:
        self._run, self._owner = run, owner

    def put(self, event: Event) -> None:
        """Queue a signal or an order at the present instant."""
        self._run.put(self._owner, event)
