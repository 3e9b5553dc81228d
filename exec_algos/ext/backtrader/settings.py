"""What a run of the plug-in knows about the feeds beside what backtrader knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from exec_algos.errors import UnknownNameError
from exec_algos.market.stamps import known_zone

ATTRIBUTE = "execution_settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """How feeds are read.

    Parameters
    ----------
    label : {"end", "start"}
        What a bar's stamp is. backtrader's own convention, and its resampler's, is the end: the instant at which it is known.
    calendar : str or mapping of str to str, optional
        Calendar of the sessions (``"XNYS"``), or one for each feed's name. Without it a session is the feed's
        ``sessionstart`` to ``sessionend``.
    zone : str, optional
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

    label: Literal["start", "end"] = "end"
    calendar: str | Mapping[str, str] | None = None
    zone: str | None = None
    quote_proxy: str | None = None

    def __post_init__(self) -> None:
        if self.label not in ("start", "end"):
            raise UnknownNameError("label", self.label, ("start", "end"))
        if self.zone is not None:
            known_zone(self.zone)

    def calendar_of(self, feed: str) -> str | None:
        """The calendar of a feed, by its name."""
        if self.calendar is None or isinstance(self.calendar, str):
            return self.calendar
        return self.calendar.get(feed)


def settings_of(cerebro: Any) -> FeedSettings:
    """The settings of a run; the default ones where `plug_in` was not called."""
    found = getattr(cerebro, ATTRIBUTE, None)
    return found if isinstance(found, FeedSettings) else FeedSettings()
