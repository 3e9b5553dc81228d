"""Volume profiles: how the volume of earlier sessions spreads over the minutes from the open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exec_algos.errors import NotEnoughHistoryError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SessionVolumes:
    """Volume of one symbol by session and by bar from the open.

    Attributes
    ----------
    symbol : str
    volumes : ndarray of float64, shape (n_sessions, n_slots)
        Shares in each bar from the session's open; 0 where nothing traded.
    slots : ndarray of int64, shape (n_sessions,)
        Bars that fit into each session; a half day has fewer.
    has_data : ndarray of bool, shape (n_sessions,)
        Sessions with at least one bar. The others are absent, not zero.
    """

    symbol: str
    volumes: Floats
    slots: Ints
    has_data: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, bars: Bars, symbol: str, sessions: Sessions) -> SessionVolumes:
        """Tabulate one symbol's bars; those outside the sessions are left out."""
        rows = bars.rows(symbol)
        start, volume = bars.start[rows], bars.volume[rows]
        where = sessions.locate(start)
        inside = where >= 0
        slots = (sessions.close - sessions.open) // bars.step
        table = np.zeros((len(sessions), int(slots.max(initial=1))))
        slot = (start[inside] - sessions.open[where[inside]]) // bars.step
        np.add.at(table, (where[inside], np.minimum(slot, table.shape[1] - 1)), volume[inside])
        has_data = np.zeros(len(sessions), dtype=bool)
        has_data[where[inside]] = True
        return cls(symbol, table, slots, has_data)

    def earlier(self, session: int, days: int) -> Ints:
        """Indices of the last `days` sessions with data before `session`.

        Raises
        ------
        NotEnoughHistoryError
            There are fewer.
        """
        found = np.flatnonzero(self.has_data[:session])
        if len(found) < days:
            raise NotEnoughHistoryError(
                f"{self.symbol}: the volume profile needs {days} earlier sessions with data, there are {len(found)}; "
                "give more history or ask for fewer days"
            )
        return found[-days:]

    def profile(self, session: int, days: int) -> Floats:
        """Expected fraction of the session's volume in each of its bars.

        The mean volume of the `days` sessions with data before `session`, normalised to 1. A session of
        another length is mapped onto this one's: the fraction of its volume that had traded after a
        fraction u of it stands at the fraction u of this one.

        Returns
        -------
        ndarray of float64, shape (slots[session],)
            Sums to 1, or all 0 if nothing traded.

        Raises
        ------
        NotEnoughHistoryError
            Too few earlier sessions with data.
        """
        length = int(self.slots[session])
        past = self.earlier(session, days)
        total = np.zeros(length)
        for i in past:
            total += stretched(self.volumes[i, : self.slots[i]], length)
        whole = total.sum()
        return total / whole if whole > 0 else total

    def average_volume(self, session: int, days: int) -> float:
        """ADV in shares: mean session volume of the `days` sessions with data before `session`.

        Raises
        ------
        NotEnoughHistoryError
            Too few earlier sessions with data.
        """
        return float(self.volumes[self.earlier(session, days)].sum(axis=1).mean())


def stretched(volumes: Floats, length: int) -> Floats:
    """A session's volumes mapped onto `length` bars: same sum, same share of it after each fraction of the day."""
    if len(volumes) == length:
        return volumes
    done = np.concatenate([[0.0], np.cumsum(volumes)])
    return np.diff(np.interp(np.linspace(0.0, 1.0, length + 1), np.linspace(0.0, 1.0, len(done)), done))


def as_series(profile: Floats, session_open: int, step: int, zone: str) -> pd.Series[float]:
    """A profile as a Series indexed by `datetime.time`, the start of each bar in `zone`."""
    import pandas as pd

    return pd.Series(profile, index=_times(session_open, step, len(profile), zone), name="volume")


def _times(start: int, step: int, n: int, zone: str) -> npt.NDArray[Any]:
    import pandas as pd

    stamps = np.arange(n, dtype=np.int64) * step + start
    return pd.DatetimeIndex(stamps.view("datetime64[ns]"), tz="UTC").tz_convert(zone).time


def window_profile(profile: pd.Series[float] | None, start: int, step: int, n: int, zone: str) -> Floats:
    """The part of a day's profile that falls into the bars of a window.

    Parameters
    ----------
    profile : Series of float, optional
        Indexed by `datetime.time`; None is the flat profile.
    start : int
        Start of the window, ns UTC.
    step : int
        Length of a bar of the window, ns. Where it is not the profile's own, volume is taken to flow
        evenly within each of the profile's bins.
    n : int
        Bars in the window.
    zone : str
        Zone of the profile's times.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    UsageError
        The profile has no volume in the window.
    """
    if profile is None:
        return np.ones(n)
    wanted = [_seconds(t) for t in _times(start, step, n, zone)]
    known = dict(zip(map(_seconds, profile.index), map(float, profile), strict=True))
    gaps = np.diff(sorted(known)) if len(known) > 1 else np.array([step / 1e9])
    width = float(gaps.min())
    if width * 1e9 == step:
        weights = np.array([known.get(t, 0.0) for t in wanted])
    else:
        weights = _spread(known, width, np.array(wanted), step / 1e9)
    if not weights.sum() > 0:
        raise UsageError("the volume profile has no volume in the order's window; use TWAP, or a window in which the symbol trades")
    return weights


def _spread(known: dict[float, float], width: float, wanted: Floats, length: float) -> Floats:
    begins = np.array(sorted(known))
    edges = np.concatenate([begins, [begins[-1] + width]])
    done = np.concatenate([[0.0], np.cumsum([known[t] for t in begins])])
    return np.asarray(np.interp(wanted + length, edges, done) - np.interp(wanted, edges, done))


def _seconds(moment: Any) -> float:
    return float(moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6)
