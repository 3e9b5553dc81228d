"""Volume profiles: how the volume of earlier sessions spreads over the minutes from the open."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UsageError
from exec_algos.market.adv import check_history, earlier_sessions
from exec_algos.market.arrays import Floats, Ints
from exec_algos.market.clock_days import NO_CLOCK_DAY, ClockDay, clock_changes, clock_day, mapped_by_clock
from exec_algos.market.pieces import OpenHours, shape, slot, starts

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions


Shape = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class SessionVolumes:
    """Volume of one symbol by session and by bar from the open.

    Attributes
    ----------
    symbol : str
    volumes : ndarray of float64, shape (n_sessions, n_slots)
        Shares in each bar from the session's open; 0 where nothing traded.
    slots : ndarray of int64, shape (n_sessions,)
        Bars that fit into each session; a half day has fewer, a pause has none.
    morning : ndarray of int64, shape (n_sessions,)
        Those before its pause; all of them where it has none.
    has_data : ndarray of bool, shape (n_sessions,)
        Sessions with at least one bar. The others are absent, not zero.
    clocks : sequence of ClockDay
        How each session stands on the clock.
    """

    symbol: str
    volumes: Floats
    slots: Ints
    morning: Ints
    has_data: npt.NDArray[np.bool_]
    clocks: Sequence[ClockDay]

    @classmethod
    def of(cls, bars: Bars, symbol: str, sessions: Sessions) -> SessionVolumes:
        """Tabulate one symbol's bars; those outside the sessions are left out."""
        rows = bars.rows(symbol)
        start, volume = bars.start[rows], bars.volume[rows]
        slots, morning = sessions.slots(bars.step), (sessions.break_start - sessions.open) // bars.step
        table = np.zeros((len(sessions), int(slots.max(initial=1))))
        held = sessions.held(start)
        inside = np.flatnonzero(held >= 0)
        where = held[inside]
        most = np.maximum(slots[where] - 1, 0)  # a bar that the close cuts short counts with the last whole one
        np.add.at(table, (where, np.minimum(sessions.slot(where, start[inside], bars.step), most)), volume[inside])
        return cls(symbol, table, slots, morning, np.bincount(where, minlength=len(sessions)) > 0, _clocks(sessions, bars.step))

    def earlier(self, session: int, days: int) -> Ints:
        """Indices of the last `days` sessions with data before `session`.

        Raises
        ------
        NotEnoughHistoryError
            There are fewer.
        """
        return earlier_sessions(self.symbol, self.has_data, session, days)

    def profile(self, session: int, days: int) -> Floats:
        """Expected fraction of the session's volume in each of its bars.

        The mean volume of the `days` sessions with data before `session`, normalised to 1, each mapped onto this one's bars (`mapped`).

        Returns
        -------
        ndarray of float64, shape (slots[session],)
            Sums to 1, or all 0 if nothing traded.

        Raises
        ------
        NotEnoughHistoryError
            Too few earlier sessions with data.
        """
        return mean_profile(self.before(session, days), int(self.slots[session]))

    def before(self, session: int, days: int) -> list[Floats]:
        """Volumes by bar of the last `days` sessions with data before `session`, in time order, each mapped onto its bars (`mapped`).

        Raises
        ------
        NotEnoughHistoryError
            Too few earlier sessions with data.
        """
        earlier = self.earlier(session, days)
        rows, own = [self.volumes[i, : self.slots[i]] for i in earlier], self.clocks[session]
        return mapped(rows, [self.shape(i) for i in earlier], self.shape(session), [self.clocks[i] for i in earlier], own)

    def shape(self, session: int) -> Shape:
        """Bars of a session before its pause and behind it."""
        return int(self.morning[session]), int(self.slots[session] - self.morning[session])


def _clocks(sessions: Sessions, step: int) -> list[ClockDay]:
    """How each session stands on the clock; one with a pause is no round day."""
    if not clock_changes(sessions, step).any():
        return [NO_CLOCK_DAY] * len(sessions)
    columns = zip(sessions.open.tolist(), sessions.close.tolist(), (sessions.break_start == sessions.close).tolist(), strict=True)
    return [clock_day(opened, closed, sessions.zone, step) if whole else NO_CLOCK_DAY for opened, closed, whole in columns]


def mapped(
    past: Sequence[Floats], shapes: Sequence[Shape], shape: Shape, clocks: Sequence[ClockDay] = (), clock: ClockDay = NO_CLOCK_DAY
) -> list[Floats]:
    """Volumes of sessions mapped onto the bars of another: half by half, never across the pause.

    Within a half, the fraction of its volume that had traded after a fraction u of it stands at the fraction u of the other's
    (`stretched`). Where one of them was closed for a half that the others have, it counts there as their mean. Days of 24 hours on the
    clock, some of which have 23 or 25, are mapped by clock time (`exec_algos.market.clock_days.mapped_by_clock`).

    Parameters
    ----------
    past : sequence of ndarray of float64
        Shares in each bar of a session, the bars behind a pause right after those before.
    shapes : sequence of (int, int)
        Of each: bars before the pause and behind it.
    shape : (int, int)
        Of the other.
    clocks : sequence of ClockDay
        How each stands on the clock.
    clock : ClockDay
        How the other does.
    """
    if clock.whole and any(day.bars for day in (clock, *clocks)) and all(day.whole for day in clocks):
        return mapped_by_clock(past, clocks, clock, sum(shape))
    if all(own == shape for own in shapes):
        return list(past)
    halves = []
    for half, length in enumerate(shape):
        own = [(volumes[: there[0]], volumes[there[0] :])[half] for volumes, there in zip(past, shapes, strict=True)]
        known = [stretched(volumes, length) for volumes in own if len(volumes)]
        usual = np.sum(known, axis=0) / len(known) if known else np.zeros(length)
        halves.append([stretched(volumes, length) if len(volumes) else usual for volumes in own])
    return [np.concatenate(parts) if len(parts[1]) else parts[0] for parts in zip(*halves, strict=True)]


def mean_profile(past: Sequence[Floats], length: int) -> Floats:
    """Mean volume of earlier sessions, each mapped onto `length` bars, normalised to 1; all 0 if nothing traded."""
    total = np.zeros(length)
    for volumes in past:
        total += stretched(volumes, length)
    whole = np.cumsum(total)[-1] if length else 0.0  # in time order, as the compiled loop adds them up
    return total / whole if whole > 0 else total


class RecordedVolumes:
    """Volumes of one symbol by session, taken in bar by bar; the same profile as `SessionVolumes` of the same bars.

    Parameters
    ----------
    symbol : str
    session_at : callable
        The session that is open at an instant (ns UTC), or the next: with ``open`` and ``close``, ns UTC.
    step : int
        Length of a bar, ns.
    """

    def __init__(self, symbol: str, session_at: Callable[[int], OpenHours], step: int) -> None:
        self.symbol, self.step = symbol, step
        self._session_at = session_at
        self._opens: list[int] = []
        self._rows: list[list[float]] = []
        self._shapes: list[Shape] = []
        self._clocks: list[ClockDay] = []
        self._span: OpenHours | None = None
        self._last = -1
        self._starts, self._volumes = array("q"), array("d")

    def add(self, start: int, volume: float) -> None:
        """Take in a completed bar that started at `start` (ns UTC); bars outside sessions are left out.

        Raises
        ------
        UsageError
            A bar that does not start later than all before.
        """
        if start <= self._last:
            raise UsageError(
                f"bars of {self.symbol} do not rise: one that starts at {_utc(start)} came after one that starts at {_utc(self._last)}; "
                "give each bar once, in time order, and a history that ends before the first"
            )
        self._last = start
        self._starts.append(start)
        self._volumes.append(volume)

    def _tabulate(self) -> None:
        """Sort what came into its sessions: when a profile is asked for, for a bar in a loop must cost little."""
        for start, volume in zip(self._starts, self._volumes, strict=True):
            self._place(start, volume)
        del self._starts[:], self._volumes[:]

    def _place(self, start: int, volume: float) -> None:
        span = self._span
        if span is None or start >= span.close:
            span = self._span = self._session_at(start)
        if start < span.open or (span.breaks and any(begin <= start < end for begin, end in span.breaks)):
            return
        if not self._opens or self._opens[-1] != span.open:
            self._opens.append(span.open)
            self._shapes.append(_halves(span, self.step))
            self._clocks.append(_clock(span, self.step))
            self._rows.append([0.0] * max(sum(self._shapes[-1]), 1))
        row = self._rows[-1]
        at = slot(span, start, self.step)
        row[at if at < len(row) else -1] += volume

    def profile(self, session: OpenHours, days: int) -> Floats:
        """Expected fraction of the session's volume in each of its bars: see `SessionVolumes.profile`.

        Raises
        ------
        NotEnoughHistoryError
            Too few earlier sessions with data.
        """
        return mean_profile(self.before(session, days), sum(_halves(session, self.step)))

    def before(self, session: OpenHours, days: int) -> list[Floats]:
        """Volumes by bar of the last `days` sessions with data before `session`: see `SessionVolumes.before`.

        Raises
        ------
        NotEnoughHistoryError
            Too few earlier sessions with data.
        """
        self._tabulate()
        found = bisect_left(self._opens, session.open)
        check_history(self.symbol, found, days)
        last = slice(found - days, found)
        rows = [np.array(row) for row in self._rows[last]]
        return mapped(rows, self._shapes[last], _halves(session, self.step), self._clocks[last], _clock(session, self.step))

    def until(self, session: OpenHours, instant: int) -> Floats:
        """Shares in each bar of a session that is complete by `instant` (ns UTC): an array from its open on."""
        self._tabulate()
        length = max(slot(session, instant, self.step), 0) if instant > session.open else 0
        i = bisect_left(self._opens, session.open)
        if i == len(self._opens) or self._opens[i] != session.open:
            return np.zeros(length)
        return np.array(self._rows[i][:length])


def _halves(hours: OpenHours, step: int) -> Shape:
    """Bars of a session before its first pause and behind it."""
    morning, *rest = shape(hours, step)
    return morning, sum(rest)


def _clock(hours: OpenHours, step: int) -> ClockDay:
    return NO_CLOCK_DAY if hours.breaks else clock_day(hours.open, hours.close, hours.zone, step)


def _utc(instant: int) -> str:
    return f"{np.datetime64(instant, 'ns').astype('datetime64[s]')} UTC"


def stretched(volumes: Floats, length: int) -> Floats:
    """A session's volumes mapped onto `length` bars: same sum, same share of it after each fraction of the day."""
    if len(volumes) == length:
        return volumes
    done = np.concatenate([[0.0], np.cumsum(volumes)])
    return np.diff(np.interp(*_fractions(length, len(volumes)), done))


@lru_cache(maxsize=256)
def _fractions(length: int, other: int) -> tuple[Floats, Floats]:
    """The ends of a day's bars as fractions of it, for days of two lengths."""
    return np.linspace(0.0, 1.0, length + 1), np.linspace(0.0, 1.0, other + 1)


def as_series(profile: Floats, hours: OpenHours, step: int, zone: str) -> pd.Series[float]:
    """A session's profile as a Series indexed by `datetime.time`, the start of each bar in `zone`."""
    import pandas as pd

    return pd.Series(profile, index=_times(starts(hours, step), zone), name="volume")


def _times(stamps: Ints, zone: str) -> npt.NDArray[Any]:
    import pandas as pd

    return pd.DatetimeIndex(stamps.view("datetime64[ns]"), tz="UTC").tz_convert(zone).time


def window_profile(profile: pd.Series[float] | None, stamps: Ints, step: int, zone: str, *, end: int | None = None) -> Floats:
    """The part of a day's profile that falls into the bars of a window.

    Parameters
    ----------
    profile : Series of float, optional
        Indexed by `datetime.time`; None is the flat profile.
    stamps : ndarray of int64, shape (n,)
        When each bar of the window starts, ns UTC. One of a later session takes the profile at its time of day.
    step : int
        Length of a bar of the window, ns. Where it is not the profile's own, or the bars begin between the profile's, as those of an
        order that begins at any second do, volume is taken to flow evenly within each of the profile's bins.
    zone : str
        Zone of the profile's times.
    end : int, optional
        The window's, ns UTC: it cuts the last bar short.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    UsageError
        The profile has no volume in the window.
    """
    lengths = np.full(len(stamps), step) if end is None else np.minimum(end - stamps, step)
    if profile is None:
        return lengths / step
    wanted = [_seconds(t) for t in _times(stamps, zone)]
    known = dict(zip(map(_seconds, profile.index), map(float, profile), strict=True))
    gaps = np.diff(sorted(known)) if len(known) > 1 else np.array([step / 1e9])
    width = float(gaps.min())
    on_grid = all(t in known or (t - min(known)) % width == 0 for t in wanted)
    if on_grid and (lengths == width * 1e9).all():
        weights = np.array([known.get(t, 0.0) for t in wanted])
    else:
        weights = _spread(known, width, np.array(wanted), lengths / 1e9)
    if not weights.sum() > 0:
        raise UsageError("the volume profile has no volume in the order's window; use TWAP, or a window in which the symbol trades")
    return weights


def _spread(known: dict[float, float], width: float, wanted: Floats, length: Floats) -> Floats:
    begins = np.array(sorted(known))
    # over a pause the bin before it has its own end, and nothing trades up to the next one
    parted = np.flatnonzero(np.diff(begins) > width) + 1
    edges = np.insert(np.append(begins, begins[-1] + width), parted, begins[parted - 1] + width)
    done = np.concatenate([[0.0], np.cumsum([known[t] for t in begins])])
    done = np.insert(done, parted, done[parted])
    return np.asarray(np.interp(wanted + length, edges, done) - np.interp(wanted, edges, done))


def _seconds(moment: Any) -> float:
    return float(moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6)
