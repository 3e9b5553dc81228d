"""Windows: from what a caller says to ``[start, end)`` in whole bars of one session."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from numbers import Integral
from typing import TYPE_CHECKING

from exec_algos.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

Moment = datetime | int | str

LONGEST_TIME_OF_DAY = len("HH:MM:SS")

_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]|24(?=:00$|:00:00$)):([0-5]\d)(?::([0-5]\d))?")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """One session of a venue: ``[open, close)`` in ns UTC, and the IANA zone of its clock."""

    open: int
    close: int
    zone: str


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

    def resolve(self, now: int, session_at: Callable[[int], Session], resolution: int) -> tuple[int, int]:
        """The window in ns UTC: clipped to its session and to whole bars, loudly.

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
        start, end = self._within(session, now)
        if end <= now:
            session = session_at(session.close)
            start, end = self._within(session, now)
        return _fit(start, end, session, resolution)

    def _within(self, session: Session, now: int) -> tuple[int, int]:
        start = max(now, session.open) if self.start is None else instant(self.start, session)
        if self.length is not None:
            start = max(start, now, session.open)
            return start, start + self.length
        end = session.close if self.end is None else instant(self.end, session)
        if end <= start:
            raise UsageError(f"the window ends at {shown(end, session.zone)}, before it starts at {shown(start, session.zone)}")
        return (max(start, now) if end > now else start), end


def _fit(start: int, end: int, session: Session, resolution: int) -> tuple[int, int]:
    bar = resolution or 1
    first = session.open + -((session.open - max(start, session.open)) // bar) * bar
    last = session.open + (min(end, session.close) - session.open) // bar * bar
    if (first, last) == (start, end) and first < last:
        return first, last
    asked = f"[{shown(start, session.zone)}, {shown(end, session.zone)})"
    if last <= first:
        raise UsageError(f"no whole bar of {bar / 1e9:g} s lies in the window {asked} of the session {_span(session)}")
    given = f"[{shown(first, session.zone)}, {shown(last, session.zone)})"
    log.warning("window %s is cut to %s: session %s, bars of %g s", asked, given, _span(session), bar / 1e9)
    return first, last


def instant(moment: Moment, session: Session) -> int:
    """Instant (ns UTC) of a moment; ``"HH:MM"`` is a time of the session's day, a naive time is exchange time.

    Raises
    ------
    UsageError
        Text that is no time.
    """
    if isinstance(moment, Integral) and not isinstance(moment, bool):
        return int(moment)
    import pandas as pd

    if not isinstance(moment, datetime | str):
        raise UsageError(f"{moment!r} is no time; use 'HH:MM', an ISO time or ns UTC")
    try:
        stamp = _on_the_day(moment, session) if isinstance(moment, str) and len(moment) <= LONGEST_TIME_OF_DAY else pd.Timestamp(moment)
        if pd.isna(stamp):
            raise ValueError(moment)
        return int((stamp if stamp.tzinfo else stamp.tz_localize(session.zone)).as_unit("ns").value)
    except ValueError as error:
        raise UsageError(f"{moment!r} is no time; use 'HH:MM', an ISO time or ns UTC") from error


def _on_the_day(text: str, session: Session) -> pd.Timestamp:
    """Naive time of the session's day."""
    import pandas as pd

    clock = _TIME_OF_DAY.fullmatch(text.strip())
    if clock is None:
        raise ValueError(text)
    day = pd.Timestamp(session.open, unit="ns", tz="UTC").tz_convert(session.zone).normalize().tz_localize(None)
    return day + pd.Timedelta(hours=int(clock[1]), minutes=int(clock[2]), seconds=int(clock[3] or 0))


def first_instant(start: Moment | None, bars: Bars, sessions: Sessions) -> int:
    """Where a replay begins, ns UTC: at `start` (naive: exchange time), or with the first bar.

    Raises
    ------
    UsageError
        Text that is no time.
    """
    if start is None:
        return int(bars.start.min())
    return instant(start, Session(int(sessions.open[0]), int(sessions.close[0]), sessions.zone))


def shown(moment: int, zone: str) -> str:
    """An instant (ns UTC) as text in `zone`."""
    import pandas as pd

    return str(pd.Timestamp(moment, unit="ns", tz="UTC").tz_convert(zone).isoformat(sep=" ", timespec="minutes"))


def _span(session: Session) -> str:
    return f"{shown(session.open, session.zone)} to {shown(session.close, session.zone)}"
