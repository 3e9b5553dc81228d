"""Trading sessions: when an exchange is open, half days included; holidays come from exchange_calendars."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UsageError
from exec_algos.market.arrays import Ints
from exec_algos.market.corrections import Correction, corrected, extension, named, split
from exec_algos.market.schedules import HOURS, schedule
from exec_algos.market.stamps import known_zone

DAY = 86_400_000_000_000
PAUSE = ("break_start", "break_end")
NO_PAUSES = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sessions:
    """Sessions of one calendar, in time order.

    Parameters
    ----------
    name : str
        Calendar: ``"XNYS"``, ``"XKRX"``, ``"24/7"`` ...
    zone : str
        IANA zone of the exchange.
    date : ndarray of datetime64[D], shape (n,)
        The day by which each session is known.
    open, close : ndarray of int64, shape (n,)
        ns UTC; a session covers ``[open, close)`` without its pause.
    break_start, break_end : ndarray of int64, shape (n,), optional
        The pause ``[break_start, break_end)`` in which the exchange is known not to trade (lunch in Tokyo), ns UTC. Both are `close`
        where there is none, which is also what is taken where they are not given; both are `open` where a session opens after it.

    Raises
    ------
    UsageError
        A pause that does not lie in its session.
    """

    name: str
    zone: str
    date: npt.NDArray[np.datetime64]
    open: Ints
    close: Ints
    break_start: Ints = field(default_factory=lambda: NO_PAUSES)
    break_end: Ints = field(default_factory=lambda: NO_PAUSES)

    def __post_init__(self) -> None:
        if self.break_start is NO_PAUSES:
            object.__setattr__(self, "break_start", self.close)
            object.__setattr__(self, "break_end", self.close)
        inside = (self.open <= self.break_start) & (self.break_start <= self.break_end) & (self.break_end <= self.close)
        if not inside.all():
            day = self.date[int(np.argmin(inside))]
            raise UsageError(f"calendar {self.name}: the pause of {day} does not lie between open and close; give it so, or none")

    def __len__(self) -> int:
        return len(self.date)

    @property
    def has_breaks(self) -> bool:
        """Whether any session has a pause with trading before or behind it."""
        return self.break_start is not self.close and bool((self.break_start < self.close).any())

    def take(self, rows: npt.NDArray[Any]) -> Sessions:
        """Some of them, by number or mask, in time order."""
        columns = {name: getattr(self, name)[rows] for name in ("date", *HOURS)}
        return Sessions(name=self.name, zone=self.zone, **columns)

    def replace(self, day: str, hours: str) -> Sessions:
        """The same with other hours on one day, which stand in the name: studies keep it and find them again.

        Parameters
        ----------
        day : str
            ``"2024-11-14"``: the day by which the session is known, or one that has none.
        hours : str
            On the exchange's clock: ``"10:00-16:30"``; ``"09:00-11:30,12:30-15:00"`` with a pause; ``"closed"``.

        Raises
        ------
        UsageError
            Hours that are none, or with which sessions overlap, or no session that is left.

        Examples
        --------
        >>> exam = sessions("XKRX", 1731456000000000000, 1731628800000000000).replace("2024-11-14", "10:00-16:30")
        >>> exam.name
        'XKRX@2024-11-14=10:00-16:30'
        """
        return _corrected(self, [Correction.of(f"{day}={hours}")])

    def locate(self, instants: Ints) -> Ints:
        """Index of the session that holds each instant (ns UTC), -1 where the exchange is closed or pauses."""
        found = self._span(instants)
        return np.where(self._paused(instants, found), -1, found) if self.has_breaks else found

    def in_break(self, instants: Ints) -> npt.NDArray[np.bool_]:
        """Whether each instant (ns UTC) lies in the pause of a session."""
        return self._paused(instants, self._span(instants)) if self.has_breaks else np.zeros(len(instants), dtype=bool)

    def _span(self, instants: Ints) -> Ints:
        """Index of the session that is neither closed nor yet to open, its pause counted in; -1 for none."""
        if not len(self):
            return np.full(len(instants), -1, dtype=np.int64)
        found = np.searchsorted(self.open, instants, side="right") - 1
        inside = (found >= 0) & (instants < self.close[np.maximum(found, 0)])
        return np.where(inside, found, -1).astype(np.int64)

    def _paused(self, instants: Ints, held: Ints) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = (held >= 0) & (instants >= self.break_start[held]) & (instants < self.break_end[held])
        return found

    def slots(self, step: int) -> Ints:
        """Whole bars of `step` ns that fit into each session: shape (n_sessions,)."""
        found: Ints = (self.break_start - self.open) // step + (self.close - self.break_end) // step
        return found

    def slot(self, held: Ints, instants: Ints, step: int) -> Ints:
        """Which of its session's bars starts at each instant, counted over the pause.

        Parameters
        ----------
        held : ndarray of int64, shape (m,)
            The session of each instant by number, none of them -1.
        instants : ndarray of int64, shape (m,)
            ns UTC, none before its session's open. One in the pause counts as its end; a window's end as the bars before it.
        step : int
            Length of a bar, ns.
        """
        morning = (self.break_start[held] - self.open[held]) // step
        early = np.minimum((instants - self.open[held]) // step, morning)
        late = np.maximum(instants - self.break_end[held], 0) // step
        found: Ints = early + late
        return found

    def adjoining_last(self) -> Ints:
        """The last session of the market that each session belongs to: those that adjoin are one. Shape (n + 1,), the last is -1."""
        n = len(self)
        ends = np.flatnonzero(np.append(self.open[1:] != self.close[:-1], n > 0))
        return np.append(ends[np.searchsorted(ends, np.arange(n))] if n else np.zeros(0, dtype=np.int64), -1)

    def piece_open(self, held: Ints, instants: Ints) -> Ints:
        """When the trading began that goes on at each instant: its session's open, or the end of the pause before it, ns UTC."""
        found: Ints = np.where(instants >= self.break_end[held], self.break_end[held], self.open[held])
        return found

    def rows(self, rising: Ints) -> tuple[Ints, Ints]:
        """Where the instants of each session stand among rising ones: rows ``[first, last)``, the same as `locate` says of each instant.

        Parameters
        ----------
        rising : ndarray of int64, shape (n,)
            ns UTC, none before the one in front of it: the starts of one symbol's bars, none of them in a pause
            (`exec_algos.market.hours.trading_bars`).

        Returns
        -------
        first, last : ndarray of int64, shape (n_sessions,)
        """
        first = np.searchsorted(rising, self.open).astype(np.int64)
        last = np.minimum(np.searchsorted(rising, self.close), np.append(first[1:], len(rising)))
        return first, np.maximum(first, last)

    def held(self, rising: Ints) -> Ints:
        """`locate` for rising instants, in a fraction of its time."""
        if self.has_breaks:
            return self.locate(rising)
        first, last = self.rows(rising)
        edges = np.column_stack([first, last]).ravel()
        numbers = np.column_stack([np.arange(len(self)), np.full(len(self), -1)]).ravel()
        return np.repeat(np.append(-1, numbers), np.diff(edges, prepend=0, append=len(rising)))

    def at_or_after(self, instant: int) -> int:
        """Index of the first session that is not over at `instant` (ns UTC); ``len(self)`` if none."""
        return int(np.searchsorted(self.close, instant, side="right"))

    def day(self, instant: int) -> dt.date:
        """The trade date of an instant (ns UTC): of the session that holds it, else the date on the exchange's clock."""
        i = self.at_or_after(instant)
        if i < len(self) and self.open[i] <= instant:
            return self.date[i].astype("datetime64[D]").item()  # type: ignore[no-any-return]
        return dt.datetime.fromtimestamp(instant // 1_000_000_000, ZoneInfo(self.zone)).date()

    def all_at_or_after(self, instants: Ints) -> Ints:
        """The same for many instants."""
        return np.searchsorted(self.close, instants, side="right").astype(np.int64)


def sessions(name: str, first: int, last: int) -> Sessions:
    """Sessions of a named calendar that touch ``[first, last]``.

    Parameters
    ----------
    name : str
        Any calendar of exchange_calendars (``XNYS``, ``XKRX`` ...) or ``24/7``. With a time behind it, such as ``XNYS+1min`` or
        ``XKRX+30s``, sessions close that much later: for bars of which one, at the close, holds the closing auction. It is the
        session's last bar then. ``XKRX-10min`` opens earlier: for bars of which one, before the open, holds the opening auction,
        the session's first bar. Both: ``XKRX-10min+1min``. Behind ``@`` stand the hours of days that the calendar has wrong:
        ``XKRX@2024-11-14=10:00-16:30`` (`exec_algos.market.corrections`).
    first, last : int
        ns UTC.

    Raises
    ------
    UnknownNameError
        No such calendar.
    UsageError
        The period lies outside what the calendar covers, or ends before it starts; or sessions that would overlap.
    """
    calendar, corrections = split(name)
    if corrections:
        inside = [correction for correction in corrections if _day(first - DAY) <= np.datetime64(correction.day, "D") <= _day(last + DAY)]
        return replace(_corrected(sessions(calendar, first, last), inside), name=name)
    exchange, _, behind = name.partition("+")
    plain, before = _opening(exchange)
    if plain != name:
        return _longer(sessions(plain, first, last), name, _length(name, before), _length(name, behind))
    if last < first:
        raise UsageError(f"a period must not end before it starts, got {np.datetime64(first, 'ns')} to {np.datetime64(last, 'ns')}")
    begin, end = _day(first - DAY), _day(last + DAY)
    if name == "24/7":
        days = np.arange(begin, end + 1, dtype="datetime64[D]")
        opens = days.astype("datetime64[ns]").astype(np.int64)
        return Sessions(name=name, zone="UTC", date=days, open=opens, close=opens + DAY)
    hours = schedule(name, _year(begin), _year(end)).between(begin, end)
    return Sessions(name=name, **hours._asdict())


def _corrected(plain: Sessions, corrections: Sequence[Correction]) -> Sessions:
    columns = corrected({name: getattr(plain, name) for name in ("date", *HOURS)}, plain.zone, corrections, extension(plain.name))
    return Sessions(name=named(plain.name, corrections), zone=plain.zone, **columns)


def _day(instant: int) -> np.datetime64:
    day: np.datetime64 = np.datetime64(instant, "ns").astype("datetime64[D]")
    return day


def _opening(exchange: str) -> tuple[str, str]:
    """A calendar's own name and the time that it opens earlier: ``XKRX-10min`` in two; a name may hold a minus of its own."""
    plain, minus, before = exchange.rpartition("-")
    return (plain, before) if minus and before[:1].isdigit() else (exchange, "")


def _length(name: str, text: str) -> int:
    """A time in ns; 0 for none."""
    match = re.fullmatch(r"(\d+)(s|min)", text)
    if match is None and (text or name.endswith("+")):
        raise UsageError(f"calendar {name!r}: what stands behind the + or - is a time such as 1min or 30s, got {text!r}")
    return 0 if match is None else int(match[1]) * (60 if match[2] == "min" else 1) * 1_000_000_000


def _longer(plain: Sessions, name: str, opening: int, closing: int) -> Sessions:
    """The same sessions, each opening and closing that many ns earlier and later."""
    opens, closes = plain.open - opening, plain.close + closing
    if (opens[1:] < closes[:-1]).any():
        raise UsageError(f"calendar {name!r}: a session may not last into the next one; {plain.name} leaves no time between them")
    # what is no pause stands at the close, and what opens after its pause at the open: they move with it
    none, late = plain.break_start == plain.close, plain.break_end == plain.open
    pause = (np.where(none, closes, np.where(late, opens, column)) for column in (plain.break_start, plain.break_end))
    return Sessions(name=name, zone=plain.zone, date=plain.date, open=opens, close=closes, **dict(zip(PAUSE, pause, strict=True)))


def _year(day: np.datetime64) -> int:
    return int(day.astype("datetime64[Y]").astype(np.int64)) + 1970


def daily_hours(zone: str, opens: str, closes: str, first: int, last: int) -> Sessions:
    """Sessions on every weekday from `opens` to `closes`: no holidays, no half days.

    Parameters
    ----------
    zone : str
        IANA zone in which the hours are read.
    opens, closes : str
        ``"HH:MM"``; ``"24:00"`` closes at midnight.
    first, last : int
        ns UTC; sessions that touch ``[first, last]``.

    Raises
    ------
    UsageError
        Hours that are not ``"HH:MM"``, a close that is not after the open, or an unknown zone.
    """
    begin, end = _minutes(opens), _minutes(closes)
    if end <= begin:
        raise UsageError(f"trading must close after it opens, got {opens} to {closes}")
    low, high = (np.datetime64(t, "ns").astype("datetime64[D]") for t in (first - DAY, last + DAY))
    days = np.arange(low, high + 1, dtype="datetime64[D]")
    days = days[np.is_busday(days)]
    stamps = [_local(days, minutes, known_zone(zone)) for minutes in (begin, end)]
    return Sessions(name=f"{opens}-{closes}", zone=zone, date=days, open=stamps[0], close=stamps[1])


def _minutes(text: str) -> int:
    match = re.fullmatch(r"(\d{1,2}):([0-5]\d)", text)
    minutes = int(match[1]) * 60 + int(match[2]) if match else -1
    if not 0 <= minutes <= 24 * 60:
        raise UsageError(f"trading hours must be 'HH:MM' such as '09:30', got {text!r}")
    return minutes


def _local(days: npt.NDArray[np.datetime64], minutes: int, zone: str) -> Ints:
    """Instants (ns UTC) of a time of day, `minutes` after midnight in `zone`."""
    place = ZoneInfo(zone)
    naive = (days.astype("datetime64[s]") + np.timedelta64(minutes * 60, "s")).tolist()
    return np.array([int(moment.replace(tzinfo=place).timestamp()) * 1_000_000_000 for moment in naive], dtype=np.int64)
