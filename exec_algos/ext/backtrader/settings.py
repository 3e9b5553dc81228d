"""What a run of the plug-in knows about the feeds beside what backtrader knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from exec_algos.errors import UnknownNameError
from exec_algos.market.stamps import known_zone

ATTRIBUTE = "execution_settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """How feeds are read.

    Each is one for all feeds, or a mapping by the names of feeds.

    Parameters
    ----------
    label : {"end", "start"} or mapping, optional
        What a bar's stamp is. backtrader's own convention, and its resampler's, is the end: the instant at which it is known. Absent,
        stamps are taken for that, and a feed whose sessions show that they are starts is refused.
    calendar : str or mapping, optional
        Calendar of the sessions (``"XNYS"``). Without it a session is the feed's ``sessionstart`` to ``sessionend``.
    zone : str or mapping, optional
        IANA zone in which the stamps of feeds without ``tz`` are read; the calendar's zone if absent, else UTC.
    quote_proxy : {"close"}, optional
        What stands in for quotes, which feeds have not.

    Raises
    ------
    UnknownNameError
        A label that is neither.
    UsageError
        An unknown zone.
    """

    label: str | Mapping[str, str] | None = None
    calendar: str | Mapping[str, str] | None = None
    zone: str | Mapping[str, str] | None = None
    quote_proxy: str | None = None

    def __post_init__(self) -> None:
        for label in _values(self.label):
            if label not in ("start", "end"):
                raise UnknownNameError("label", label, ("start", "end"))
        for zone in _values(self.zone):
            known_zone(zone)

    def label_of(self, feed: str) -> str | None:
        """What the stamps of a feed name, by its name; None where nobody said."""
        return _of(self.label, feed)

    def calendar_of(self, feed: str) -> str | None:
        """The calendar of a feed, by its name."""
        return _of(self.calendar, feed)

    def zone_of(self, feed: str) -> str | None:
        """The zone of a feed's naive stamps, by its name."""
        return _of(self.zone, feed)

    def check_names(self, feeds: Collection[str]) -> None:
        """Refuse a name that is no feed's.

        Raises
        ------
        UnknownNameError
            Something is said of a feed that the run does not have.
        """
        for said in (self.label, self.calendar, self.zone):
            for name in said if isinstance(said, Mapping) else ():
                if name not in feeds:
                    raise UnknownNameError("feed", name, feeds)


def _values(said: str | Mapping[str, str] | None) -> Collection[str]:
    if said is None:
        return ()
    return (said,) if isinstance(said, str) else list(said.values())


def _of(said: str | Mapping[str, str] | None, feed: str) -> str | None:
    return said if said is None or isinstance(said, str) else said.get(feed)


def name_of(data: Any, number: int) -> str:
    """The name of a feed, the `number`-th of its run."""
    return str(data._name or f"data{number}")


def settings_of(cerebro: Any) -> FeedSettings:
    """The settings of a run; the default ones where `plug_in` was not called.

    Raises
    ------
    UnknownNameError
        Something is said of a feed that the run does not have.
    """
    found = getattr(cerebro, ATTRIBUTE, None)
    if not isinstance(found, FeedSettings):
        return FeedSettings()
    found.check_names([name_of(data, i) for i, data in enumerate(cerebro.datas)])
    return found
