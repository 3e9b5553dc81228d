"""`AgentStrategy`: an agent inside a backtest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Protocol

import numpy as np
import numpy.typing as npt

from exec_algos.agents.decision import Action, TradingAgent, ask
from exec_algos.agents.execution import execute_decision
from exec_algos.agents.sizing import Account, Mandate, realised_volatility
from exec_algos.backtest import DataHandler, FillEvent, MarketEvent, OrderEvent, Portfolio, Strategy, StrategyQueue
from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.market.calendars import DAY
from exec_algos.model import Fill, Side

AgentMaker = Callable[[DataHandler], TradingAgent]
When = int | Sequence[str | time]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(OrderEvent):
    """An order of which the agent has yet to say the side and the quantity."""

    side: Side | str = field(default=Side.BUY, repr=False)
    quantity: float = field(default=0, repr=False)

    def __post_init__(self) -> None:
        """Nothing to check yet."""


class AgentStrategy(Strategy):
    """Asks an agent about every symbol of the run, and works what it decides.

    Build it with `functools.partial`:
    ``BacktestEngine(bars, [partial(AgentStrategy, agent=MyAgent, cash=1e6, when=["10:00"])], initial_cash=1e6)``.

    Parameters
    ----------
    event_queue : StrategyQueue
    data_handler : DataHandler
    agent : callable
        Makes the agent: ``agent(data_handler)``. What it can see is the market up to now.
    cash : float
        The strategy's own to begin with, currency. It keeps its own account, from its own fills.
    when : int or sequence of str
        Times of day (``"HH:MM"``, exchange time): asked when the symbol's first bar that ends at that time or later that
        day closes. Or a number of bars, > 0: asked at every so many of the symbol's bars.
    mandate : Mandate, optional
        TWAP over 30 minutes, long only, by default.

    Raises
    ------
    UsageError
        Times that are none, a count or cash that is not positive, or a maker that makes no agent.

    Notes
    -----
    While an order in a symbol is being worked the agent is not asked about it. Fractions of several symbols may
    sum to more than 1: the agent answers for the sum.
    """

    def __init__(
        self,
        event_queue: StrategyQueue,
        data_handler: DataHandler,
        *,
        agent: AgentMaker,
        cash: float,
        when: When,
        mandate: Mandate | None = None,
    ) -> None:
        super().__init__(event_queue, data_handler)
        if not 0 < cash < float("inf"):
            raise UsageError(f"cash must be positive and finite, got {cash!r}")
        self.mandate = mandate or Mandate()
        self.agent = agent(data_handler)
        if not isinstance(self.agent, TradingAgent):
            raise UsageError(f"agent must make an object with `async def analyze(self, ticker)`, it made {self.agent!r}")
        self._schedule = _schedule(when, str(data_handler.timestamp.tz))
        self._fills: list[Fill] = []
        self._busy: set[str] = set()
        self.portfolio = Portfolio(cash, self._fills, self._price)

    def on_bar(self, event: MarketEvent) -> None:
        """Ask about the symbol, if it is time and no order in it is being worked."""
        if self._schedule.due(event) and event.symbol not in self._busy:
            self._busy.add(event.symbol)
            self.event_queue.put(Question(symbol=event.symbol))

    async def on_order(self, order: OrderEvent) -> None:
        """Let the agent decide, and carry it out; a subclass's own orders are worked as in any strategy."""
        if not isinstance(order, Question):
            await super().on_order(order)
            return
        try:
            decision = await ask(self.agent, order.symbol)
            if decision.action != Action.HOLD:
                await execute_decision(decision, order.symbol, broker=self.broker, account=self.account(order.symbol), mandate=self.mandate)
        finally:
            self._busy.remove(order.symbol)

    def on_fill(self, event: FillEvent) -> None:
        """Book it."""
        self._fills.append(event.fill)

    def account(self, symbol: str) -> Account:
        """What an order in `symbol` would be sized by now.

        Raises
        ------
        NotEnoughHistoryError
            Too few earlier sessions for the mandate's volatility.
        """
        held, target = self.portfolio.positions.get(symbol), self.mandate.target_volatility
        return Account(
            equity=self.portfolio.cash + self.portfolio.value(),
            price=self._price(symbol),
            held=0 if held is None else held.shares,
            volatility=None if target is None else self._volatility(symbol),
        )

    def _price(self, symbol: str) -> float:
        latest = self.data_handler.latest(symbol)
        if latest is None:
            raise UsageError(f"{symbol} has no completed bar yet, so it has no price")
        return latest.close

    def _volatility(self, symbol: str) -> float:
        closes = session_closes(self.data_handler, symbol, self.mandate.volatility_sessions + 1, self.broker.resolution)
        return realised_volatility(closes)


def session_closes(data_handler: DataHandler, symbol: str, count: int, resolution: int) -> npt.NDArray[np.float64]:
    """The last closes of the `count` days with bars before today, exchange time, oldest first; `resolution` is a bar in ns.

    Raises
    ------
    NotEnoughHistoryError
        Fewer such days.
    """
    bars = data_handler.history(symbol, (count + 1) * max(DAY // resolution, 1))
    days = bars.index.tz_localize(None).normalize()  # type: ignore[attr-defined]
    closes = bars["close"].groupby(days).last()
    earlier = closes[closes.index < data_handler.timestamp.tz_localize(None).normalize()].to_numpy()[-count:]
    if len(earlier) < count:
        raise NotEnoughHistoryError(
            f"{symbol} has {len(earlier)} sessions before {data_handler.timestamp:%Y-%m-%d}, its volatility needs {count}; start later"
        )
    return earlier


class _Schedule(Protocol):
    """When to ask."""

    def due(self, event: MarketEvent) -> bool: ...


def _schedule(when: When, zone: str) -> _Schedule:
    if isinstance(when, int):
        return _EveryBars(when)
    if isinstance(when, str) or not when:
        raise UsageError(f'when is a number of bars or a list of times such as ["10:00"], got {when!r}')
    return _Times([_time_of_day(text) for text in when], zone)


def _time_of_day(text: str | time) -> time:
    try:
        return text if isinstance(text, time) else time.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time of day; use 'HH:MM'") from error


class _EveryBars:
    """Every `count` bars of a symbol."""

    def __init__(self, count: int) -> None:
        if count < 1:
            raise UsageError(f"when must be a positive number of bars, got {count}")
        self.count, self.seen = count, Counter[str]()

    def due(self, event: MarketEvent) -> bool:
        self.seen[event.symbol] += 1
        return self.seen[event.symbol] % self.count == 0


class _Times:
    """At times of the exchange's day, or at the symbol's next bar of that day."""

    def __init__(self, times: Sequence[time], zone: str) -> None:
        self.times, self.zone = times, zone
        self.known: dict[str, int] = {}
        self.day = (0, 0)
        self.instants: list[int] = []

    def due(self, event: MarketEvent) -> bool:
        before = self.known.get(event.symbol, event.bar.start - 1)
        self.known[event.symbol] = now = event.time
        if not self.day[0] <= now < self.day[1]:
            self._turn_to(now)
        return any(before < instant <= now for instant in self.instants)

    def _turn_to(self, now: int) -> None:
        """Work out the instants of the day that holds `now`."""
        import pandas as pd

        def instant(naive: pd.Timestamp) -> int:
            return int(naive.tz_localize(self.zone, ambiguous=True, nonexistent="shift_forward").as_unit("ns").value)

        midnight = pd.Timestamp(now, unit="ns", tz="UTC").tz_convert(self.zone).tz_localize(None).normalize()
        self.day = instant(midnight), instant(midnight + pd.Timedelta(days=1))
        self.instants = [instant(pd.Timestamp.combine(midnight.date(), time)) for time in self.times]
