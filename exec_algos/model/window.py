"""Windows: from what a caller says to ``[start, end)`` in whole bars of trading time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from numbers import Integral
from typing import TYPE_CHECKING

from exec_algos.errors import OrderRejectedError, UsageError
from exec_algos.market.pieces import pieces
from exec_algos.model.clock_time import clock_end, clock_start, clock_time, on_clock
from exec_algos.model.slicing import Pauses

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

Moment = datetime | int | str

LONGEST_TIME_OF_DAY = len("HH:MM:SS")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """One session of a venue: ``[open, close)`` in ns UTC, the IANA zone of its clock, and the pauses in which it does not trade."""

    open: int
    close: int
    zone: str
    breaks: Pauses = ()

    @classmethod
    def of(cls, sessions: Sessions, number: int) -> Session:
        """One of a calendar's sessions."""
        opened, closed = int(sessions.open[number]), int(sessions.close[number])
        begin, end = int(sessions.break_start[number]), int(sessions.break_end[number])
        return cls(opened, closed, sessions.zone, ((begin, end),) if begin < end else ())


SessionAt = Callable[[int], Session]


def session_finder(sessions: Sessions) -> SessionAt:
    """What gives the session that is open at an instant (ns UTC), or the next; UsageError where the sessions end before it."""

    def session_at(instant: int) -> Session:
        number = sessions.at_or_after(instant)
        if number == len(sessions):
            raise UsageError(f"the sessions of {sessions.name} that the bars reach end before {shown(instant, sessions.zone)}")
        return Session.of(sessions, number)

    return session_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window as asked for.

    Parameters
    ----------
    start, end : datetime, str or int, optional
        ns UTC, a time (naive: exchange time), or ``"HH:MM"`` of the session. `start` is now if absent.
    length : int, optional
        ns, > 0; takes the place of `end`.

    Raises
    ------
    UsageError
        A length that is not positive.
    """

    start: Moment | None = None
    end: Moment | None = None
    length: int | None = None

    def __post_init__(self) -> None:
        if self.length is not None and self.length <= 0:
            raise UsageError(f"a window needs a positive length, got {self.length / 6e10:g} minutes")

    @classmethod
    def until(cls, start: Moment | None, until: Moment | timedelta | None) -> Window:
        """A window that ends at a moment, or after a length of time."""
        if isinstance(until, timedelta):
            return cls(start=start, length=round(until.total_seconds() * 1e9))
        return cls(start=start, end=until)

    def resolve(self, now: int, session_at: SessionAt, resolution: int) -> tuple[int, int]:
        """The window in ns UTC: clipped to trading time and to whole bars, loudly.

        A window of a `length` lasts so much trading time; it does not go on in the next session, unless that adjoins. One that ends
        after a later session has opened runs over both.

        Parameters
        ----------
        now : int
            ns UTC; no window starts before.
        session_at : callable
            The session that is open at an instant, or the next.
        resolution : int
            Length of a bar in ns, 0 for none.

        Raises
        ------
        UsageError
            Nothing is left of the window.
        """
        session = session_at(now if self.start is None else max(now, instant(self.start, session_at(now))))
        start, end = self._within(session, now, session_at)
        if end <= now:
            session = session_at(session.close)
            start, end = self._within(session, now, session_at)
        return clipped(start, end, session, session_at, resolution or 1)

    def _within(self, session: Session, now: int, session_at: SessionAt) -> tuple[int, int]:
        start = max(now, session.open) if self.start is None else instant(self.start, session)
        if self.length is not None:
            start = max(start, now, session.open)
            return start, _after(start, self.length, session, session_at)
        end = session.close if self.end is None else end_instant(self.end, session, start, session_at)
        if end <= start:
            raise UsageError(f"the window ends at {shown(end, session.zone)}, before it starts at {shown(start, session.zone)}")
        return (max(start, now) if end > now else start), end


def _next(session: Session, session_at: SessionAt) -> Session | None:
    """The session behind another; None where none is known."""
    try:
        return session_at(session.close)
    except (OrderRejectedError, UsageError):
        return None


def _adjoins(session: Session, session_at: SessionAt) -> bool:
    """Whether the next session opens at the instant at which this one closes."""
    later = _next(session, session_at)
    return later is not None and later.open == session.close


def _after(start: int, length: int, session: Session, session_at: SessionAt) -> int:
    """When `length` ns of trading are over, counted from `start` (ns UTC): in this session and in those that adjoin it."""
    while True:
        for begin, end in pieces(session, 1):
            at = max(start, begin)
            if at + length <= end:
                return at + length
            length -= max(end - at, 0)
        later = _next(session, session_at)
        if later is None or later.open != session.close:
            return session.close + length
        session = later


def trading_pieces(session: Session, end: int, session_at: SessionAt, resolution: int) -> list[tuple[int, int]]:
    """The stretches of trading from a session on to the last that has opened before `end`, in whole bars: ns UTC."""
    found = pieces(session, resolution)
    while session.close < end:
        later = _next(session, session_at)
        if later is None or later.open >= end:
            break
        session = later
        found += pieces(session, resolution)
    return [piece for piece in found if piece[1] > piece[0]]


def clipped(start: int, end: int, session: Session, session_at: SessionAt, resolution: int) -> tuple[int, int]:
    """A window cut to trading time and to whole bars, loudly.

    Raises
    ------
    UsageError
        Nothing is left of it.
    """
    first, last = whole_window(start, end, trading_pieces(session, end, session_at, resolution), resolution) or (end, start)
    if (first, last) == (start, end) and first < last:
        return first, last
    zone = session.zone
    asked = f"[{shown(start, zone)}, {shown(end, zone)})"
    if last <= first:
        raise UsageError(f"no whole bar of {resolution / 1e9:g} s lies in the window {asked} of the session {_span(session)}")
    given = f"[{shown(first, zone)}, {shown(last, zone)})"
    bars = "" if resolution <= 1 else f", bars of {resolution / 1e9:g} s"  # at a live venue every nanosecond is one
    log.warning("window %s is cut to %s: session %s%s", asked, given, _span(session), bars)
    return first, last


def whole_window(start: int, end: int, stretches: list[tuple[int, int]], resolution: int) -> tuple[int, int] | None:
    """``[start, end)`` cut to stretches of trading and to whole bars, ns UTC; None where nothing is left."""
    whole = [part for piece in stretches if (part := _whole(start, end, piece, resolution))]
    return (whole[0][0], whole[-1][1]) if whole else None


def _whole(start: int, end: int, piece: tuple[int, int], resolution: int) -> tuple[int, int] | None:
    """What of a stretch of trading lies in ``[start, end)``, in whole bars; None for nothing."""
    begin, stop = piece
    first = begin + -((begin - max(start, begin)) // resolution) * resolution
    last = begin + (min(end, stop) - begin) // resolution * resolution
    return (first, last) if first < last else None


def pauses_between(start: int, end: int, session_at: SessionAt, resolution: int) -> Pauses:
    """The pauses and nights in ``[start, end)`` in time order: what is no trading time of whole bars there, ns UTC."""
    session = session_at(start)
    if end <= session.close and not session.breaks:
        return ()
    stretches = trading_pieces(session, end, session_at, resolution or 1)
    gaps = ((stop, begin) for (_, stop), (begin, _) in pairwise(stretches))
    return tuple((stop, begin) for stop, begin in gaps if stop < begin and start < begin < end)


def instant(moment: Moment, session: Session) -> int:
    """Instant (ns UTC) at which a window starts; ``"HH:MM"`` is a time in the session, a naive time is exchange time.

    A clock time is the first such instant of the session, also past midnight (`exec_algos.model.clock_time`).

    Raises
    ------
    UsageError
        Text that is no time.
    """
    found = _parsed(moment, session.zone, last=False)
    return clock_start(found, session.open, session.close, session.zone) if isinstance(found, timedelta) else found


def end_instant(moment: Moment, session: Session, start: int, session_at: SessionAt) -> int:
    """The same for the end of a window that starts at `start` (ns UTC)."""
    found = _parsed(moment, session.zone, last=True)
    if not isinstance(found, timedelta):
        return found
    after = max(start, session.open)
    return clock_end(found, session.open, session.close, session.zone, after, adjoins=_adjoins(session, session_at))


def _parsed(moment: Moment, zone: str, *, last: bool) -> int | timedelta:
    """An instant (ns UTC), or a clock time."""
    if isinstance(moment, Integral) and not isinstance(moment, bool):
        return int(moment)
    import pandas as pd

    if not isinstance(moment, datetime | str):
        raise UsageError(f"{moment!r} is no time; use 'HH:MM', an ISO time or ns UTC")
    try:
        if isinstance(moment, str) and len(moment) <= LONGEST_TIME_OF_DAY:
            clock = clock_time(moment)
            if clock is None:
                raise ValueError(moment)
            return clock
        stamp = pd.Timestamp(moment)
        if pd.isna(stamp):
            raise ValueError(moment)
        if stamp.tzinfo:
            return int(stamp.as_unit("ns").value)
        midnight = stamp.normalize()
        whole = (stamp - midnight).floor("us")
        return on_clock(stamp.date(), whole.to_pytimedelta(), zone, last=last) + int(((stamp - midnight) - whole).value)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{moment!r} is no time; use 'HH:MM', an ISO time or ns UTC") from error


def first_instant(start: Moment | None, bars: Bars, sessions: Sessions) -> int:
    """Where a replay begins, ns UTC: at `start` (naive: exchange time), or with the first bar.

    Raises
    ------
    UsageError
        Text that is no time.
    """
    if start is None:
        return int(bars.start.min())
    return instant(start, Session.of(sessions, 0))


def shown(moment: int, zone: str) -> str:
    """An instant (ns UTC) as text in `zone`."""
    import pandas as pd

    return str(pd.Timestamp(moment, unit="ns", tz="UTC").tz_convert(zone).isoformat(sep=" ", timespec="minutes"))


def _span(session: Session) -> str:
    return f"{shown(session.open, session.zone)} to {shown(session.close, session.zone)}"
