"""From a feed's stamps, which are days as floats, to instants in ns UTC."""

from __future__ import annotations

import math
import warnings
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import backtrader as bt

from exec_algos.errors import UsageError
from exec_algos.ext.backtrader.labels import LabelWatch
from exec_algos.ext.backtrader.settings import FeedSettings
from exec_algos.ext.backtrader.spacing import SpacingWatch
from exec_algos.model import Session
from exec_algos.stepped.hours import CalendarHours, DailyHours

EPOCH = 719_163  # 1970-01-01 as a day of backtrader
MILLISECONDS = 86_400_000  # in a day; a float day of this era is known to 10 microseconds
SECOND = 1_000_000_000
HOUR_MILLISECONDS = 3_600_000
STEPS = {bt.TimeFrame.Seconds: SECOND, bt.TimeFrame.Minutes: 60 * SECOND}


class FeedTime:
    """When the bars of a feed begin and when they are known.

    Parameters
    ----------
    data : backtrader data feed
    name : str
    settings : FeedSettings

    Attributes
    ----------
    step : int
        Length of a bar, ns.
    hours : callable
        The session that is open at an instant (ns UTC), or the next.
    zone : str
        IANA zone of the feed's clock: its own, else the one that was named, else its session's.
    reading : str
        How stamps are read, in words.
    assumed : str
        What of that nobody said, until it is told; empty where there is nothing.

    Raises
    ------
    UsageError
        Bars that are no whole seconds or minutes, or a feed that is replayed.
    """

    def __init__(self, data: Any, name: str, settings: FeedSettings) -> None:
        self.step = _step(data, name)
        label = _label(data, name, settings)
        self._delay = self.step if label == "start" else 0
        calendar = settings.calendar_of(name)
        self.hours: CalendarHours | DailyHours
        zone, named = _zone(data), settings.zone_of(name)
        self._local: ZoneInfo | None = None
        if calendar is not None:
            self.hours = CalendarHours(calendar)
        else:
            self.hours = DailyHours(zone or named or "UTC", data.p.sessionstart, data.p.sessionend)
        if zone is None:
            self._local = ZoneInfo(named or self.session(0).zone)
        self.zone = zone or named or self.session(0).zone
        self._offsets: dict[int, int] = {}
        self._stamp, self._known = math.nan, 0  # the last one asked for: fills and bars of an instant ask for the same
        self.assumed = "" if zone or named or calendar else _assumed_zone(name)
        self.reading = _reading(label, zone, self.zone, said=bool(named or calendar))
        self._watches = () if _source(data).islive() else self._watching(data, name, calendar, said=label is not None)

    @property
    def unbounded(self) -> bool:
        """Nothing is known of when the venue is open."""
        return isinstance(self.hours, DailyHours) and self.hours.whole_day

    def session(self, instant: int) -> Session:
        """The session that is open at an instant (ns UTC), or the next."""
        return self.hours(instant)

    def known(self, stamp: float) -> int:
        """When the bar with this stamp is complete, ns UTC."""
        if stamp == self._stamp:
            return self._known
        moment = round((stamp - EPOCH) * MILLISECONDS)
        if self._local is not None:
            moment -= self._offset(moment // HOUR_MILLISECONDS)
        self._stamp, self._known = stamp, moment * 1_000_000 + self._delay
        return self._known

    def came(self, stamp: float) -> int:
        """`known` of a bar that has come.

        Raises
        ------
        UsageError
            There are orders in the feed, and its stamps show that it is not what it was taken for (`LabelWatch`, `SpacingWatch`).
        """
        for watch in self._watches:
            watch.see(stamp)
        return self.known(stamp)

    def order(self) -> None:
        """An order is given in the feed; UsageError as `came`."""
        if self.assumed:
            said, self.assumed = self.assumed, ""
            warnings.warn(said, stacklevel=1)
        for watch in self._watches:
            watch.order()

    def end(self) -> None:
        """The run is over; UsageError as `came`."""
        for watch in self._watches:
            watch.end()

    def _watching(self, data: Any, name: str, calendar: str | None, *, said: bool) -> tuple[LabelWatch | SpacingWatch, ...]:
        """What looks at the feed's stamps; at its labels only where nobody has `said` what they are."""
        stamps, resampled = data.lines.datetime, bool(data.resampling)
        spacing = SpacingWatch(name, self.step, self.known, self.zone, calendar, resampled=resampled)
        labels = LabelWatch(name, self.step, self.known, None if self.unbounded else self.session, resampled=resampled)
        watches = (spacing,) if said else (spacing, labels)
        if len(stamps.array) > stamps.lencount:  # all there before the run
            for watch in watches:
                watch.take(stamps.array)
        return watches

    def _offset(self, hour: int) -> int:
        """Local time minus UTC in that hour of the local clock, milliseconds."""
        found = self._offsets.get(hour)
        if found is None:
            wall = datetime.fromtimestamp(hour * 3600, ZoneInfo("UTC")).replace(tzinfo=self._local)
            ahead = wall.utcoffset()
            found = self._offsets[hour] = 0 if ahead is None else round(ahead.total_seconds() * 1000)
        return found


def _assumed_zone(name: str) -> str:
    return (
        f"feed {name}: its stamps have no zone, and nobody named one; read in UTC. Say plug_in(cerebro, zone='America/New_York'), "
        "or calendar='XNYS'"
    )


def _reading(label: str | None, zone: str | None, local: str, *, said: bool) -> str:
    """How stamps are read, in words."""
    end = "the ends of bars, which nobody said" if label is None else f"the {label}s of bars"
    if zone is not None:
        return f"stamps name {end}; zone {zone}, of the feed"
    return f"stamps name {end}; without a zone, read in {local}" + ("" if said else ", which nobody said")


def _step(data: Any, name: str) -> int:
    frame, compression = data._timeframe, data._compression
    if data.replaying:
        raise UsageError(f"feed {name} is replayed, so its bars are shown before they are complete; use cerebro.resampledata instead")
    if frame not in STEPS:
        raise UsageError(
            f"feed {name} has bars of {bt.TimeFrame.getname(frame, compression)}, execution needs seconds or minutes: "
            "give the feed timeframe=bt.TimeFrame.Minutes, compression=1"
        )
    return STEPS[frame] * int(compression)


def _label(data: Any, name: str, settings: FeedSettings) -> str | None:
    """What the stamps name; None where nobody said."""
    label: str | None = getattr(_source(data).p, "label", settings.label_of(name))
    if label == "start" and data.resampling:
        raise UsageError(f"feed {name} is resampled, for which backtrader takes stamps as the ends of bars; label its source by end")
    if any(isinstance(kept, bt.resamplerfilter._BaseResampler) and not kept.p.rightedge for kept, _, _ in data._filters):
        raise UsageError(f"feed {name} is resampled with rightedge=False, which stamps bars with their starts; leave it out")
    return label


def _source(data: Any) -> Any:
    while getattr(data, "_clone", False):
        data = data.data
    return data


def _zone(data: Any) -> str | None:
    """The IANA zone of a feed whose stamps are UTC inside; None if they are a clock on the wall."""
    data = _source(data)
    for given in (data.p.tz, data.p.tzinput, getattr(getattr(data.p.dataname, "index", None), "tz", None)):
        if given is not None:
            return given if isinstance(given, str) else _key(given)
    return None


def _key(zone: tzinfo) -> str:
    return str(getattr(zone, "key", None) or getattr(zone, "zone", None) or zone)
