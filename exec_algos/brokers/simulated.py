"""`SimulatedBroker`: a venue that fills child orders at the prices of bars, real or synthetic."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from exec_algos.brokers.base import BrokerAPI, OrderType, limit_of, number_of
from exec_algos.brokers.child import ChildOrder
from exec_algos.checks import check_real
from exec_algos.clock.queue import Rank
from exec_algos.clock.virtual import Pump, VirtualClock
from exec_algos.costs import Commission
from exec_algos.costs.charges import check_days
from exec_algos.errors import UsageError
from exec_algos.exchange.child import Child
from exec_algos.exchange.market import Market, running_market
from exec_algos.fills import FillModel
from exec_algos.market.bars import QUOTES, Bars
from exec_algos.market.calendars import DAY, daily_hours
from exec_algos.market.depth import check_quotes
from exec_algos.market.hours import sessions_of
from exec_algos.market.pieces import slot
from exec_algos.market.profile import as_series
from exec_algos.model import Fill, Observed, ParentOrder, Session, Side
from exec_algos.model.window import Moment, first_instant, instant

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.checks import Floats

SYNTHETIC_DAY = 1_762_732_800_000_000_000  # 2025-11-10 00:00 UTC, a Monday: where a market without bars begins
SYNTHETIC_HISTORY = 40 * DAY
SYNTHETIC_FUTURE = 14 * DAY

log = logging.getLogger(__name__)


class SimulatedBroker(BrokerAPI):
    """A simulated venue.

    Parameters
    ----------
    bars : Bars, optional
        What to replay. Without bars it attaches to the `BacktestEngine` that is running, if one is;
        else it makes a seeded synthetic market for every ticker it is asked for, in the hours of
        `get_settings()`, from 2025-11-10 on and with a history of earlier sessions.
    commission_rate : float, optional
        Fraction of the value traded, in place of the fill model's commission. A synthetic market without
        a fill model takes it from `get_settings()`.
    fill_model : FillModel, optional
    calendar : str, optional
        Calendar of the sessions (``"XNYS"``); without it a session is a day of the bars, from its
        first bar to its last.
    start : datetime, pandas.Timestamp, str or int, optional
        Where the clock begins; a naive time is exchange time, an int ns UTC. The first bar by default.
    seed : int
        Seed of the synthetic market.

    Raises
    ------
    UsageError
        `bars`, `fill_model`, `calendar` or `start` inside a running engine, which has its own; or no bar in `bars`; or a session on
        a date that the fill model's fee schedule does not know.

    Notes
    -----
    Executors that are gathered on one broker share one market, in time order.
    """

    own_prints_on_tape = False  # what is replayed traded without us

    def __init__(
        self,
        bars: Bars | None = None,
        commission_rate: float | None = None,
        *,
        fill_model: FillModel | None = None,
        calendar: str | None = None,
        start: Moment | None = None,
        seed: int = 0,
    ) -> None:
        self._commission = None if commission_rate is None else Commission(rate=commission_rate).checked()
        self._seed, self._synthetic = seed, False
        self._carried: list[tuple[ChildOrder, int]] = []
        self._quoted: set[str] = set()
        self._direct = type(self).place_order is SimulatedBroker.place_order
        attached = running_market.get()
        if attached is not None:
            if any(part is not None for part in (bars, fill_model, calendar, start)):
                raise UsageError(
                    "inside a running BacktestEngine the engine's bars, fill model and clock count: build SimulatedBroker() without them"
                )
            self.market = attached
            return
        model = fill_model or FillModel()
        if bars is None and fill_model is None:
            from exec_algos.config import get_settings  # pydantic takes its time to load

            model = FillModel(commission=Commission(rate=get_settings().commission_rate))
        if bars is None:
            self.market, self._synthetic = _synthetic_market(model, start), True
        else:
            sessions = sessions_of(bars, calendar)
            self.market = Market(model, first_instant(start, bars, sessions), sessions)
            self.market.add(bars)
        sessions = self.market.sessions
        check_days(model.commission, sessions.date[sessions.at_or_after(self.market.queue.now) :])
        self.market.clock.pump = Pump(self.market.queue)

    @property
    def clock(self) -> VirtualClock:
        """The replay's virtual clock."""
        return self.market.clock

    @property
    def resolution(self) -> int:  # type: ignore[override]
        """One bar, in ns."""
        return next((stream.step for stream in self.market.streams.values()), 60_000_000_000)

    async def place_order(  # noqa: PLR0913 - the published signature
        self,
        ticker: str,
        quantity: float,
        order_type: OrderType = "MKT",
        limit_price: float | None = None,
        *,
        side: Side | str = Side.BUY,
        expires: int | None = None,
        parent: ParentOrder | None = None,
    ) -> Fill:
        """Let a child order rest until it is filled, cancelled or expired; see `BrokerAPI.place_order`.

        It meets the bars that start after the latency has passed, never the one in which it was
        decided. Without a `parent` a part of a share is dropped, with a line in the log, and the fill says what traded. An
        order for less than one share gets nothing, and knows it one bar later.

        Raises
        ------
        OrderRejectedError
            The last session is over.
        UsageError
            A limit order without a limit, or an unknown order type.
        """
        limit = limit_of(order_type, limit_price)
        self._ensure(ticker)
        check_real(quantity=quantity)
        if parent is None and 0 < quantity < math.inf:
            quantity = self._whole(ticker, quantity)
            if not quantity:
                await self.clock.sleep_until(self.clock.now + self.resolution)
                return Fill(self.clock.now, ticker, 0, math.nan, side=side, zone=self.market.zone)
        child = self.market.submit(ticker, Side.of(side), quantity, limit, expires=expires, parent=parent, commission=self._commission)
        await child
        return child.result()

    @staticmethod
    def _whole(ticker: str, quantity: float) -> int:
        whole = math.floor(quantity)
        if whole != quantity:
            log.warning("%s: an order for %r shares is one for %d: parts of a share do not trade here", ticker, quantity, whole)
        return whole

    def send_order(self, parent: ParentOrder, lots: int, limit: float, expires: int, *, capped: bool = True) -> ChildOrder:  # type: ignore[override]  # no ref: children have numbers here
        """Release a child without waiting for it; see `BrokerAPI.send_order`.

        The child itself answers, unless a subclass has its own `place_order`, which then carries it.
        """
        if self._direct:
            market = self.market
            return market.rest(market.streams[parent.symbol], parent.parent_id, lots, limit, expires, self._commission, capped=capped)
        started = super().send_order(parent, lots, limit, expires, capped=capped)
        self._carried = [carried for carried in self._carried if not carried[0].done()] + [(started, parent.parent_id)]
        return started

    async def cancel_order(self, order_id: int | str) -> bool:
        """Cancel an open child by its number; False if it is over.

        Raises
        ------
        UsageError
            No number.
        """
        return self.market.cancel(number_of(order_id))

    def open_orders(self) -> list[int]:
        """Numbers of the children that are open, in the order in which they came."""
        return [child.number for child in self.market.resting()]

    async def get_historical_volume_profile(self, ticker: str, days: int = 5) -> pd.Series[float]:
        """See `BrokerAPI.get_historical_volume_profile`; a half day's profile has its own length."""
        self._ensure(ticker)
        volumes, today = self.market.volumes(ticker)
        session = self.market.session(self.clock.now)
        return as_series(volumes.profile(today, days), session, self.resolution, self.market.zone)

    async def get_volume_history(self, ticker: str, days: int, step: int) -> list[Floats]:
        """See `BrokerAPI.get_volume_history`; the bars are the replay's, whatever `step` says."""
        self._ensure(ticker)
        volumes, today = self.market.volumes(ticker)
        return volumes.before(today, days)

    async def get_volumes_today(self, ticker: str, step: int) -> Floats:
        """See `BrokerAPI.get_volumes_today`; the bars are the replay's, whatever `step` says."""
        self._ensure(ticker)
        now, stream = self.clock.now, self.market.stream(ticker)
        session, bars = self.market.session(now), stream.bars
        first, last = np.searchsorted(bars.start[: stream.known], [session.open, now - stream.step + 1])
        today = np.zeros(slot(session, now, stream.step) if now > session.open else 0)
        number = np.full(last - first, self.market.sessions.at_or_after(now))
        np.add.at(today, self.market.sessions.slot(number, bars.start[first:last], stream.step), bars.volume[first:last])
        return today

    async def get_market_depth(self, ticker: str) -> Mapping[str, float]:
        """The last completed bar's quotes; NaN where that bar has none.

        Raises
        ------
        UsageError
            No bar has been completed yet; or no bar has quotes, and no proxy is named for them.
        """
        if ticker not in self._quoted:  # it looks at every bar of the symbol, and executors ask each minute
            self.check_quotes(ticker, QUOTES, "get_market_depth")
            self._quoted.add(ticker)
        stream = self.market.stream(ticker)
        if stream.latest is None:
            raise UsageError(f"{ticker} has no completed bar yet, so there is no depth")
        seen = stream.observed()
        return {"bid": seen.bid, "ask": seen.ask, "bid_volume": seen.bid_size, "ask_volume": seen.ask_size}

    def check_quotes(self, ticker: str, columns: Collection[str], reader: str) -> None:
        """Refuse quotes that the bars of `ticker` do not have and no proxy stands in for: `exec_algos.market.depth.check_quotes`."""
        self._ensure(ticker)
        check_quotes(self.market.stream(ticker).bars, columns, reader)

    async def observe(self, ticker: str) -> Observed:
        """What completed bars say: traded since the first of them, last close, quotes as in `get_market_depth`."""
        self._ensure(ticker)
        return self.market.stream(ticker).observed()

    def session(self, instant: int) -> Session:
        """The session that is open at `instant` (ns UTC), or the next."""
        return self.market.session(instant)

    def open_parent(self, parent: ParentOrder) -> ParentOrder:
        """Number a parent order and keep its state."""
        self._ensure(parent.symbol)
        return self.market.open_parent(parent)

    adopt_parent = open_parent  # nothing of an earlier run is left here

    def amend_parent(self, parent: ParentOrder) -> ParentOrder:
        """Take note that a parent order asks for something else now."""
        state = self.market.parents[parent.parent_id]
        state.parent, state.ordered = parent, parent.lots
        return parent

    def withdraw(self, child: ChildOrder) -> None:
        """Cancel what is still open of a child; the request takes the latency to arrive.

        A child that a subclass's own `place_order` carries is cancelled at the venue with its parent's others; the
        coroutine goes on and answers with what it got.
        """
        if isinstance(child, Child):
            self._call_back(child)
            return
        parents = {number for started, number in self._carried if started is child}
        for resting in self.market.resting():
            if resting.parent_state.parent.parent_id in parents:
                self._call_back(resting)

    def _call_back(self, child: Child) -> None:
        """End a child now, or when the bar is complete in which the request arrives."""
        market, stream = self.market, self.market.streams[child.parent_state.parent.symbol]
        arrives = market.clock.now + child.latency
        if arrives == market.clock.now:
            market._expire(child)
        else:
            known = arrives + (stream.due - arrives) % stream.step if stream.due >= 0 else arrives
            market.queue.put(known, Rank.EXPIRY, market._expire, child)

    def _ensure(self, ticker: str) -> None:
        if self._synthetic and ticker not in self.market.streams:
            from exec_algos.market.synthetic import synthetic_market

            self.market.add(synthetic_market(ticker, seed=self._seed, sessions=self.market.sessions))


def _synthetic_market(model: FillModel, start: Moment | None) -> Market:
    from exec_algos.config import get_settings

    settings = get_settings()
    day = Session(SYNTHETIC_DAY, SYNTHETIC_DAY + DAY, settings.timezone)
    first = SYNTHETIC_DAY if start is None else instant(start, day)
    hours = daily_hours(
        settings.timezone, settings.trading_start_time, settings.trading_end_time, first - SYNTHETIC_HISTORY, first + SYNTHETIC_FUTURE
    )
    begin = int(hours.open[hours.at_or_after(first)]) if start is None else first
    return Market(model, begin, hours)
