"""Whether bars fit the sessions of a calendar: a wrong zone or calendar cuts off the first or last hour of each session."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.arrays import Ints
from exec_algos.market.calendars import DAY, Sessions, sessions

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars

HOUR = 3_600_000_000_000
MOST_OUTSIDE = 0.05  # of a symbol's bars
LEAST_TIME = 2 * HOUR  # that a symbol's bars cover: fewer say nothing of the hours
LEAST_DENSITY = 0.5  # symbols that trade in fewer bars say little of the hours
ONE_DAY = "; or say the hours of that day (--session 2024-11-14=10:00-16:30), if it is the calendar that has them wrong"
WAYS_OUT = "name the calendar of these hours, or none: a session is then a day of the bars"
TRIED = 60 * DAY  # of a symbol's bars are tried against other calendars
# Calendars that are tried, and their zones; where several fit alike, the one named first is meant more often.
KNOWN = {
    "XNYS": "America/New_York", "XLON": "Europe/London", "XETR": "Europe/Berlin", "XPAR": "Europe/Paris", "XTKS": "Asia/Tokyo",
    "XHKG": "Asia/Hong_Kong", "XKRX": "Asia/Seoul", "XSHG": "Asia/Shanghai", "XASX": "Australia/Sydney", "XTSE": "America/Toronto",
    "XBOM": "Asia/Kolkata", "BVMF": "America/Sao_Paulo", "CMES": "America/Chicago", "XEUR": "Europe/Berlin", "24/5": "UTC", "24/7": "UTC",
}  # fmt: skip
ZONES = ("UTC", *dict.fromkeys(zone for zone in KNOWN.values() if zone != "UTC"))  # UTC before London, its equal in winter


class Fit(NamedTuple):
    """How one symbol's bars lie in sessions.

    Attributes
    ----------
    outside : float
        Share of the bars that start in no session.
    held : int
        Sessions that hold a bar.
    short : int
        Of those, the ones without a bar in their first or their last hour.
    empty : int
        Sessions between the first and the last held one that hold none.
    density : float
        Bars inside, over those that there is room for between the first and the last of each session.
    """

    outside: float
    held: int
    short: int
    empty: int
    density: float

    @property
    def wrong(self) -> bool:
        """Many bars lie outside, and most sessions are cut: extended hours around whole sessions are not."""
        return self.outside > MOST_OUTSIDE and (not self.held or 2 * self.short > self.held)

    @property
    def whole(self) -> bool:
        """Most sessions have their first and last hour."""
        return self.held > 0 and 2 * self.short <= self.held

    @property
    def good(self) -> bool:
        """Nearly all bars lie inside as well."""
        return self.whole and self.outside <= MOST_OUTSIDE

    @property
    def rank(self) -> tuple[float, ...]:
        """The less the better."""
        return self.outside, self.short / max(self.held, 1), self.empty


def fit_of(start: Ints, found: Sessions, step: int) -> Fit:
    """How bars of `step` ns lie in sessions; `start` rises, ns UTC."""
    given = len(start)
    if found.has_breaks:
        start = start[~found.in_break(start)]
    first, last = found.rows(start)
    held = np.flatnonzero(last > first)
    if not len(held):
        return Fit(1.0, 0, 0, 0, 0.0)
    opens, closes, a, b = found.open[held], found.close[held], first[held], last[held]
    late, early = start[a] >= opens + HOUR, start[b - 1] + step <= closes - HOUR
    inside = int((b - a).sum())
    room = int((found.slot(held, start[b - 1], step) - found.slot(held, start[a], step) + 1).sum())
    return Fit(1 - inside / given, len(held), int((late | early).sum()), int(held[-1] - held[0] + 1 - len(held)), inside / max(room, 1))


def check_fit(bars: Bars, found: Sessions) -> None:
    """Refuse bars that were read in another zone, or that belong to another calendar.

    Over 5 % of a symbol's bars lie outside the sessions, and most of its sessions lack their first or last hour. A symbol that trades in
    less than half of the bars is refused only where another zone or calendar fits.

    Raises
    ------
    UsageError
        The symbol, and the zone or calendar that fits.
    """
    for symbol, (a, b) in zip(bars.symbols, pairwise(bars.offsets), strict=True):
        fit = fit_of(bars.start[a:b], found, bars.step)
        if not fit.wrong or (b - a) * bars.step < LEAST_TIME:
            continue
        advice = fitting(bars.start[a:b], bars.zone, found, bars.step)
        if advice or fit.density >= LEAST_DENSITY:
            raise UsageError(
                f"{symbol}: {fit.outside:.0%} of the bars lie outside the sessions of {found.name}, and {fit.short} of {fit.held} sessions "
                f"lack their first or last hour; {advice or WAYS_OUT}{ONE_DAY if fit.held == 1 else ''}"
            )


def fitting(start: Ints, zone: str, found: Sessions, step: int) -> str:
    """What to do so that one symbol's bars fit; empty where nothing helps.

    A calendar of the bars' own zone or the calendar's own zone is likelier than another zone. `start` rises, ns UTC.
    """
    tried = start[start < start[0] + TRIED]
    own = _calendar_that_fits(tried, step, [name for name, place in KNOWN.items() if place == zone], extended=zone != "UTC")
    moved = _zone_that_fits(tried, zone, [found.zone], found, step) or ("" if own else _zone_that_fits(tried, zone, ZONES, found, step))
    other = own or _calendar_that_fits(tried, step, list(KNOWN), extended=False)
    said = [f"their clock times fit if they are read in {moved} (zone, --zone)"] if moved else []
    said += [f"as they stand they fit the calendar {other} (calendar, --calendar)"] if other else []
    return "; ".join(said)


def _zone_that_fits(start: Ints, zone: str, others: Iterable[str], found: Sessions, step: int) -> str:
    """One of the other zones in which the same clock times lie in the sessions."""
    import pandas as pd

    clock = pd.DatetimeIndex(start.view("datetime64[ns]"), tz="UTC").tz_convert(zone).tz_localize(None)
    ranked = []
    for other in others:
        if other == zone:
            continue
        moved = clock.tz_localize(other, ambiguous="NaT", nonexistent="NaT").dropna().as_unit("ns").asi8
        whole = _touched(found.name, moved)
        fit = None if whole is None else fit_of(np.sort(moved), whole, step)
        if fit is not None and (fit.good or (fit.whole and other == found.zone)):
            ranked.append((fit.rank, other))
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else ""


def _calendar_that_fits(start: Ints, step: int, names: list[str], *, extended: bool) -> str:
    """The one of the calendars in whose sessions the bars lie best; with `extended` many may lie around whole sessions."""
    ranked = []
    for name in names:
        whole = _touched(name, start)
        fit = None if whole is None else fit_of(start, whole, step)
        if fit is not None and (fit.good or (fit.whole and extended)):
            ranked.append((fit.rank, name))
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else ""


def _touched(name: str, start: Ints) -> Sessions | None:
    """The sessions of a calendar that the bars touch; None where it does not know those days."""
    try:
        return sessions(name, int(start.min()), int(start.max()))
    except UsageError:
        return None
