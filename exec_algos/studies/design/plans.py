"""The size and the window of a parent order, and what is known of its symbol before it: one plan of a grid."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.market.adv import SessionTotals
from exec_algos.model import Session
from exec_algos.model.clock_time import clock_end, clock_start, clock_time
from exec_algos.model.lots import MOST_ORDERED, SLACK, whole_lots
from exec_algos.model.window import session_finder, trading_pieces, whole_window

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions


class OrderSize(NamedTuple):
    """How large a parent order is: `fraction` of ADV, `shares`, or `notional` in currency; the others are NaN."""

    fraction: float = math.nan
    shares: float = math.nan
    notional: float = math.nan

    @classmethod
    def parse(cls, text: str) -> OrderSize:
        """A size from ``"5%adv"``, ``"1000"`` (shares), or ``"notional:1e6"`` or ``"1e6 USD"`` (currency of the prices).

        Bars name no currency, so a currency's three letters are a reminder for the reader and are not checked.

        Raises
        ------
        UsageError
            Anything else, or a size that is not positive.
        """
        asked = re.sub(r"^\s*notional\s*:(.*)$", r"\1 notional", text.lower())
        match = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*(%\s*adv|sh|shares|notional|[a-z]{3})?\s*", asked)
        try:
            amount = float(match.group(1)) if match else math.nan
        except ValueError:
            amount = math.nan
        if match is None or not 0 < amount < math.inf or match.group(2) == "adv":
            raise UsageError(f"size must be like '5%adv' or '1000' (shares) or 'notional:1e6' (currency), got {text!r}")
        unit = match.group(2) or "shares"
        if unit.endswith("adv"):
            return cls(fraction=amount / 100)
        return cls(shares=amount) if unit in {"sh", "shares"} else cls(notional=amount)

    def lots(self, adv: float, lot_size: float, price: float = math.nan) -> int:
        """Lots, rounded down, given ADV in shares and the last price known before the order."""
        sizes = (self.fraction * adv, self.shares, self.notional / price)
        return whole_lots(next(size for size in sizes if not math.isnan(size)) / lot_size)

    def all_lots(self, adv: Floats, lot_size: float, price: Floats) -> Ints:
        """`lots` of many orders, arrays of shape (n,).

        Raises
        ------
        UsageError
            More lots than can be counted one by one.
        """
        sizes = (self.fraction * adv, np.full(len(adv), self.shares), self.notional / price)
        amounts = next(amount for amount, own in zip(sizes, self, strict=True) if not math.isnan(own)) / lot_size + SLACK
        if (amounts > MOST_ORDERED).any():
            raise UsageError(f"a size of {amounts.max():g} lots of {lot_size:g} cannot be worked; ask for less, or for larger lots")
        return amounts.astype(np.int64)


Sizes = str | float | Sequence[str | float]


def sizes_as_text(size: Sizes) -> str | tuple[str, ...]:
    """Sizes as text; a number is shares.

    Raises
    ------
    UsageError
        Neither a text nor a positive number.
    """
    if isinstance(size, str):
        return size
    if isinstance(size, Sequence):
        return tuple(str(sizes_as_text(part)) for part in size)
    if isinstance(size, bool | np.bool_) or not isinstance(size, numbers.Real) or not 0 < float(size) < math.inf:
        raise UsageError(f"size must be like '5%adv' or 1000 (shares) or 'notional:1e6' (currency), got {size!r}")
    return np.format_float_positional(float(size), trim="-")


def days_of(sessions: tuple[str | None, str | None]) -> tuple[str | None, str | None]:
    """First and last day as ``2024-07-01``; None is an open end.

    Raises
    ------
    UsageError
        Not two days, or the last before the first.
    """
    try:
        first, last = (None if day is None else str(np.datetime64(str(day), "D")) for day in sessions)
    except (ValueError, TypeError):
        raise UsageError(f"sessions must be two days like ('2024-07-01', '2024-12-31'), None for an open end, got {sessions!r}") from None
    if "NaT" in {first, last} or (first is not None and last is not None and last < first):
        raise UsageError(f"sessions must be a first day and a last one that is not before it, got {sessions!r}")
    return first, last


ClockTimes = tuple[timedelta, timedelta]


def clock_times(window: str | None) -> ClockTimes | None:
    """The clock times of a window's ends; None where it is not given. One that ends before it begins runs over midnight."""
    if window is None:
        return None
    begin, dash, end = window.partition("-")
    clock = clock_time(begin), clock_time(end)
    if not dash or clock[0] is None or clock[1] is None:
        raise UsageError(f"window must be like '09:30-16:00', got {window!r}")
    if clock[0] == clock[1]:
        raise UsageError(f"window must begin before it ends, got {window!r}")
    return clock[0], clock[1]


class SymbolFacts(NamedTuple):
    """One symbol's bars, as a grid looks at them."""

    volumes: SessionTotals
    stamps: Ints
    closes: Floats
    step: int
    sessions: Sessions

    @classmethod
    def of(cls, bars: Bars, symbol: str, sessions: Sessions) -> SymbolFacts:
        """Those of one symbol."""
        rows = bars.rows(symbol)
        return cls(SessionTotals.of(bars, symbol, sessions), bars.start[rows], bars.close[rows], bars.step, sessions)

    def last_price(self, instant: int) -> float:
        """Close of the last bar that had ended by then; there is one where there are earlier sessions."""
        return float(self.closes[np.searchsorted(self.stamps, instant - self.step, side="right") - 1])


class Plan(NamedTuple):
    """One size and window of a grid."""

    size: OrderSize
    clock: ClockTimes | None
    days: int
    lot_size: float
    name: str = ""

    def windows(self, sessions: Sessions, numbers: Sequence[int], step: int) -> tuple[Ints, Ints]:
        """Start and end of the window in each of the sessions, ns UTC."""
        hours = [self._window(sessions, k, step) for k in numbers]
        start, end = np.array(hours, dtype=np.int64).reshape(-1, 2).T
        return start, end

    def lots(self, market: SymbolFacts, numbers: Ints, start: Ints, end: Ints) -> Ints:
        """Lots of the order of each session, given its windows; 0 where there is none, and `make` says why."""
        first, last = np.searchsorted(market.stamps, start), np.searchsorted(market.stamps, end - market.step + 1)
        adv = market.volumes.average_volumes(self.days)[numbers]
        lots = np.zeros(len(numbers), dtype=np.int64)
        there = np.flatnonzero((start < end) & (first < last) & ~np.isnan(adv))
        price = market.closes[np.searchsorted(market.stamps, start[there] - market.step, side="right") - 1]
        lots[there] = self.size.all_lots(adv[there], self.lot_size, price)
        return lots

    def make(self, market: SymbolFacts, session: int) -> tuple[int, int, int] | str:
        """Lots, start and end of the order of session `session`, or why there is none."""
        volumes, stamps, _, step, sessions = market
        start, end = self._window(sessions, session, step)
        if start >= end:
            return "the session does not overlap the window"
        first, last = np.searchsorted(stamps, [start, end - step + 1])
        if first >= last:
            return "no bar in the window"
        try:
            adv = volumes.average_volume(session, self.days)
        except NotEnoughHistoryError as error:
            return str(error).partition("; ")[0].partition(": ")[2]
        lots = self.size.lots(adv, self.lot_size, market.last_price(start))
        return (lots, start, end) if lots else f"the size is less than one lot of {self.lot_size:g} (ADV {adv:g} shares)"

    def _window(self, sessions: Sessions, session: int, step: int) -> tuple[int, int]:
        """The window in one session, cut to trading time and to whole bars; the end before the start where nothing is left."""
        hours = Session.of(sessions, session)
        opened, closed, zone = hours.open, hours.close, hours.zone
        start, end = opened, closed
        if self.clock is not None:
            before = min(session, len(sessions) - 2)  # of the last session the one behind it is not known
            adjoins = before >= 0 and sessions.open[before + 1] == sessions.close[before]
            start = clock_start(self.clock[0], opened, closed, zone)
            end = clock_end(self.clock[1], opened, closed, zone, max(start, opened), adjoins=bool(adjoins))
            if end <= start and self.clock[1] < self.clock[0]:
                raise UsageError(
                    f"window must begin before it ends, within a day, got {self.clock[0]} to {self.clock[1]}: "
                    f"no session of {sessions.name} crosses midnight"
                )
        return whole_window(start, end, trading_pieces(hours, end, session_finder(sessions), step), step) or (
            end,
            start,
        )
