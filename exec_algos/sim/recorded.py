"""`RecordedMarket`: recorded bars by symbol and session, and what of them an instant knows."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.bars import PRICES, Bars
from exec_algos.market.calendars import Sessions
from exec_algos.sim.orders import VenueOrder
from exec_algos.sim.path import Bar, Path, chance, path_of
from exec_algos.sim.settings import ExchangeSettings

MINUTE = 60_000_000_000
NEVER = 2**62


class Quote(NamedTuple):
    """The market at an instant.

    Attributes
    ----------
    last, bid, ask : float
        Currency per share, on ticks; NaN before the first bar of all.
    bar : Bar or None
        The bar that is under way; None where nothing trades.
    """

    last: float
    bid: float
    ask: float
    bar: Bar | None

    def takes(self, side: int) -> float:
        """What an order that takes pays: the quote of the other side, within what the bar traded."""
        bar = self.bar
        price = self.ask if side > 0 else self.bid
        return price if bar is None else min(max(price, bar.low), bar.high)


@dataclass(slots=True)
class Taken:
    """What we took from one side of a book and has not come back yet, shares; `at`: the market's volume of that day when it was counted."""

    shares: float = 0.0
    at: float = 0.0
    session: int = -1


class Day:
    """One symbol's bars of one session; `auction`: the bar that begins with its close, as which some sources print the closing auction."""

    def __init__(self, symbol: str, bars: list[Bar], before: float, step: int, auction: Bar | None = None) -> None:
        self.symbol, self.bars, self.before, self.step, self.auction = symbol, bars, before, step, auction
        self.starts = [bar.start for bar in bars]
        self.volumes = [0.0]
        for bar in bars:
            self.volumes.append(self.volumes[-1] + bar.volume)
        self._path: tuple[int, Path] | None = None

    def index(self, instant: int) -> int:
        """The last bar that began by an instant, -1 before the first."""
        return bisect_right(self.starts, instant) - 1

    def bar(self, instant: int) -> Bar | None:
        """The bar that is under way at an instant, None between bars."""
        i = self.index(instant)
        return self.bars[i] if i >= 0 and instant < self.starts[i] + self.step else None

    def traded(self, instant: int) -> float:
        """Shares that the market traded by an instant; within a bar evenly over its time."""
        i = self.index(instant)
        if i < 0:
            return 0.0
        return self.volumes[i] + self.bars[i].volume * min((instant - self.starts[i]) / self.step, 1.0)

    def quiet_until(self, instant: int, orders: Iterable[VenueOrder]) -> int:
        """Until when none of these orders can trade: now, where one may in the bar under way, else its end, or the start of the next."""
        bar = self.bar(instant)
        if bar is None:
            after = self.index(instant) + 1
            return self.starts[after] if after < len(self.starts) else NEVER
        return instant if bar.volume > 0 and any(order.within(bar.low, bar.high) for order in orders) else bar.start + self.step

    def closing(self, close: int) -> Bar | None:
        """The bar at whose close the closing auction trades: its own, else the last one where it lasts until the close."""
        last = self.bars[-1] if self.bars and self.starts[-1] + self.step >= close else None
        return self.auction or last

    def path(self, bar: Bar, settings: ExchangeSettings) -> Path:
        """The path of one of its bars."""
        if self._path is None or self._path[0] != bar.start:
            self._path = bar.start, path_of(bar, chance(settings.seed, self.symbol, bar.start), self.step, settings.pulse_ns)
        return self._path[1]

    def last(self, instant: int) -> float:
        """Close of the bar that ended last; of the session before, before the first; NaN before all."""
        i = self.index(instant)
        return self.bars[i].close if i >= 0 else self.before


class RecordedMarket:
    """Recorded bars as a market. What is later than the instant that is asked for is never told.

    Parameters
    ----------
    bars : Bars
    sessions : Sessions
        When the exchange is open: `exec_algos.market.hours.sessions_of`.
    settings : ExchangeSettings
    tick_at : callable
        Of a symbol and a price: the tick there, where it depends on the price; without it each symbol has one.
    """

    def __init__(
        self, bars: Bars, sessions: Sessions, settings: ExchangeSettings, tick_at: Callable[[str, float], float] | None = None
    ) -> None:
        if not len(bars) or not len(sessions):
            raise UsageError("a rehearsal needs bars and sessions, got none; name files that hold bars of --start")
        if bars.step < 4:
            raise UsageError(f"a rehearsal needs bars of 4 ns or more, got {bars.step} ns")
        self.bars, self.sessions, self.settings = bars, sessions, settings
        self.opens, self.closes = sessions.open.tolist(), sessions.close.tolist()
        self.ticks = {symbol: settings.tick or finest(bars, symbol) for symbol in bars.symbols}
        self._tick_at = tick_at
        self._days: dict[str, tuple[int, Day]] = {}

    def tick(self, symbol: str, price: float) -> float:
        """The tick at a price, currency per share."""
        return self.ticks[symbol] if self._tick_at is None or math.isnan(price) else self._tick_at(symbol, price)

    def away(self, symbol: str, price: float, ticks: int) -> float:
        """The price so many ticks above (negative: below) one that lies on a tick; a step down has the tick of the prices below."""
        for _ in range(abs(ticks)):
            step = self.tick(symbol, price)
            if ticks < 0:
                step = self.tick(symbol, price - step / 2)
            price += step if ticks > 0 else -step
        return round(price, 9)

    def session(self, instant: int) -> int:
        """Number of the session that is under way or comes next; ``len(sessions)`` after the last."""
        return bisect_right(self.closes, instant)

    def today(self, instant: int) -> int:
        """Number of the session whose day it is: the last one that orders were taken in or before; -1 before the first."""
        k = self.session(instant)
        begun = k < len(self.opens) and instant >= self.opens[k] - self.settings.preopen * 1e9
        return k if begun else k - 1

    def day(self, symbol: str, session: int) -> Day:
        """A symbol's bars of a session; that of the last one asked for is kept."""
        known = self._days.get(symbol)
        if known is None or known[0] != session:
            known = self._days[symbol] = session, self._read(symbol, session)
        return known[1]

    def _read(self, symbol: str, session: int) -> Day:
        rows, bars = self.bars.rows(symbol), self.bars
        starts = bars.start[rows]
        opened, closed = (self.opens[session], self.closes[session]) if session >= 0 else (0, 0)
        a, b = (rows.start + int(k) for k in np.searchsorted(starts, [opened, closed]))
        printed = self.settings.closing_call > 0 and b < rows.stop and bars.start[b] == closed
        after = b + printed
        columns = [bars.start[a:after].tolist(), *(getattr(bars, name)[a:after].tolist() for name in (*PRICES, "volume"))]
        before = float(bars.close[a - 1]) if a > rows.start else math.nan
        found = [Bar(*row) for row in zip(*columns, strict=True)]
        return Day(symbol, found[: b - a], before, bars.step, found[-1] if after > b else None)

    def quote(self, symbol: str, instant: int) -> Quote:
        """Bid, ask and last at an instant."""
        day = self.day(symbol, self.today(instant))
        bar = day.bar(instant)
        if bar is None:
            last, side = day.last(instant), 0
        else:
            path = day.path(bar, self.settings)
            at = path.at(instant)
            last, side = min(max(to_tick(at, self.tick(symbol, at)), bar.low), bar.high), path.side
        tick = self.tick(symbol, last)
        if self._tick_at is None or math.isnan(last):
            bid = to_tick(last, tick) - (self.settings.spread_ticks + side) // 2 * tick
            return Quote(last, round(bid, 9), round(bid + self.settings.spread_ticks * tick, 9), bar)
        bid = self.away(symbol, to_tick(last, tick), -((self.settings.spread_ticks + side) // 2))
        return Quote(last, bid, self.away(symbol, bid, self.settings.spread_ticks), bar)

    def traded(self, symbol: str, instant: int) -> float:
        """Shares that the market traded in the session of that day."""
        return self.day(symbol, self.today(instant)).traded(instant)

    def visible(self, bar: Bar) -> float:
        """Shares on each side of the book: a part of what the market trades in a minute, a lot at least where anything trades."""
        shares = self.settings.visible * bar.volume * min(MINUTE / self.bars.step, 1.0)
        return max(shares, min(self.settings.lot, bar.volume))

    def complete(self, symbol: str, instant: int) -> dict[str, list[float]]:
        """Bars of that day's session that have ended, as columns; empty ones before the first."""
        k = self.today(instant)
        return self._columns(symbol, self.opens[k], min(instant, self.closes[k])) if k >= 0 else self._columns(symbol, 0, 0)

    def history(self, symbol: str, instant: int, days: int) -> dict[str, list[float]]:
        """Bars of the last `days` sessions before that day's, as columns."""
        k = max(self.today(instant), 0)
        return self._columns(symbol, self.opens[max(k - days, 0)], self.closes[k - 1]) if k > 0 else self._columns(symbol, 0, 0)

    def _columns(self, symbol: str, first: int, last: int) -> dict[str, list[float]]:
        """Bars that lie in ``[first, last)``."""
        rows, bars = self.bars.rows(symbol), self.bars
        a, b = (rows.start + int(k) for k in np.searchsorted(bars.start[rows], [first, max(last - bars.step + 1, first)]))
        return {name: getattr(bars, name)[a:b].tolist() for name in ("start", *PRICES, "volume")}


def finest(bars: Bars, symbol: str) -> float:
    """The largest step, in millionths, on which all recorded prices of a symbol lie."""
    rows = bars.rows(symbol)
    whole = np.unique(np.concatenate([np.rint(getattr(bars, name)[rows] * 1e6).astype(np.int64) for name in PRICES]))
    return int(np.gcd.reduce(whole)) / 1e6 if len(whole) > 1 else 0.01


def to_tick(price: float, tick: float) -> float:
    """The nearest price on a tick."""
    return price if math.isnan(price) else round(round(price / tick) * tick, 9)


def off(value: float, unit: float) -> bool:
    """Whether a value is no whole multiple of a unit."""
    part = value / unit
    return not math.isfinite(part) or abs(part - round(part)) > 1e-6
