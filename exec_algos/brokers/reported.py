"""`Reported`: what a broker says that a child traded is believed only where it can be true."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, NamedTuple

from exec_algos.brokers.base import BrokerAPI
from exec_algos.brokers.forwarding import innermost
from exec_algos.checks import is_finite
from exec_algos.clock.virtual import VirtualClock
from exec_algos.errors import WrongFillError
from exec_algos.model import SECOND, Fill, ParentOrder, Side

SKEW = 60 * SECOND  # a venue has its own clock, and some stamp in whole minutes; a wrong zone is off by a quarter of an hour or more
NEARLY = 1e-6  # of a price or a sum that went through single precision
KNOWN_ZONES = {"UTC"}  # those that were asked for


class Sent(NamedTuple):
    """A child order as it was released.

    Attributes
    ----------
    symbol : str
    side : Side
    shares : float
        Shares that it may trade.
    limit : float
        Currency per share, NaN for a market order.
    time : int
        When it was released, ns UTC.
    """

    symbol: str
    side: Side
    shares: float
    limit: float
    time: int

    def __str__(self) -> str:
        priced = "" if math.isnan(self.limit) else f" at {self.limit!r}"
        return f"{self.side.name} {self.shares:g} {self.symbol}{priced}"


class Reported:
    """Looks at what a broker says of the children of parent orders.

    Believed is a `Fill` of the child's symbol and side; of no more shares than it asked for; at a positive price, not beyond its limit
    (at 0 where a fill model's impact uses the price up); with a finite commission; at a time between its release and now, and, against
    a wall clock, up to a minute beside it.
    The single trades of a child, its `parts`, are looked at in the same way, and sum to the whole.

    Parameters
    ----------
    broker : BrokerAPI
    """

    def __init__(self, broker: BrokerAPI) -> None:
        self._broker, self._clock = broker, broker.clock
        self._skew = 0 if isinstance(self._clock, VirtualClock) else SKEW

    @property
    def estimates(self) -> bool:
        """Whether commissions of its fills are estimates."""
        return self._broker.estimates_commission

    def wrong(
        self, said: Any, parent: ParentOrder, lots: int, limit: float, time: int, *, most: float | None = None
    ) -> WrongFillError | None:
        """What is wrong with what was said of a child that was released at `time` (ns UTC); None where it can be true.

        It may be of `most` shares, of what the child asks for if absent.
        """
        now, sent = self._clock.now, Sent(parent.symbol, parent.side, lots * parent.lot_size, limit, time)
        looked_for = sent if most is None else sent._replace(shares=most)
        what = doubt_of(said, looked_for, time - self._skew, now + self._skew)
        return wrong_fill(said_by(self._broker), what, sent) if what else None

    def check(self, said: Any, parent: ParentOrder, lots: int, limit: float, time: int) -> None:
        """Refuse what cannot be.

        Raises
        ------
        WrongFillError
            It names the broker's class and method, and the value.
        """
        wrong = self.wrong(said, parent, lots, limit, time)
        if wrong is not None:
            raise wrong


def said_by(broker: BrokerAPI) -> str:
    """Class and method that answer for a child order: ``"MyBroker.place_order"``."""
    kind = type(innermost(broker))
    first = next(known for known in kind.__mro__ if {"send_order", "place_order"} & vars(known).keys())
    return f"{kind.__name__}.{'send_order' if 'send_order' in vars(first) and first is not BrokerAPI else 'place_order'}"


def wrong_fill(method: str, what: str, sent: Sent) -> WrongFillError:
    """The error for what a broker's `method` said of a child."""
    return WrongFillError(
        f"{method} answered the child {sent} with {what}; the order stops and the child counts as open: "
        f"ask the venue what it got, and mend {method}"
    )


def doubt_of(said: Any, sent: Sent, earliest: int, latest: int) -> str:
    """The first thing in what was said of a child that cannot be, its time outside [earliest, latest] (ns UTC) too; or nothing."""
    if not isinstance(said, Fill):
        return f"{_short(said)}, which is no Fill"
    found = _doubt_of_trade(said, sent, earliest, latest)
    if found or not said.parts:
        return found
    parts: tuple[Any, ...] = said.parts
    for part in parts:
        inner = _doubt_of_trade(part, sent, earliest, latest) if isinstance(part, Fill) else f"{_short(part)}, which is no Fill"
        if inner:
            return f"a part of {inner}"
    return _doubt_of_sums(said)


def _doubt_of_trade(fill: Fill, sent: Sent, earliest: int, latest: int) -> str:
    return (
        _doubt_of_names(fill, sent)
        or _doubt_of_quantity(fill, sent)
        or _doubt_of_costs(fill)
        or ((_doubt_of_price(fill, sent) or _doubt_of_time(fill, earliest, latest)) if fill.quantity else "")
    )


def _doubt_of_names(fill: Any, sent: Sent) -> str:
    if not isinstance(fill.ticker, str) or fill.ticker != sent.symbol:
        return f"ticker {_short(fill.ticker)}"
    if not isinstance(fill.side, Side) or fill.side != sent.side:
        return f"side {fill.side.name if isinstance(fill.side, Side) else _short(fill.side)}; a Fill buys unless it is given side="
    if not _is_zone(fill.zone):
        return f"zone {_short(fill.zone)}, which is no IANA zone"
    return ""


def _doubt_of_quantity(fill: Fill, sent: Sent) -> str:
    quantity = fill.quantity
    if not is_finite(quantity) or quantity < 0:
        return f"quantity {_short(quantity)}"
    if quantity > sent.shares * (1 + NEARLY * 1e-3):
        return f"quantity {_short(quantity)}, more than it asked for"
    return ""


def _doubt_of_price(fill: Fill, sent: Sent) -> str:
    price, limit = fill.fill_price, sent.limit
    # a sale at market that uses the price up gets 0 from a fill model, which says its impact; a venue knows none
    used_up = sent.side < 0 and math.isnan(limit) and is_finite(fill.impact) and fill.impact < 0
    if not is_finite(price) or price < 0 or (price == 0 and not used_up):
        return f"fill_price {_short(price)}"
    if not math.isnan(limit) and (price - limit) * sent.side > NEARLY * limit:
        return f"fill_price {_short(price)}, beyond its limit {limit!r}"
    return ""


def _doubt_of_costs(fill: Fill) -> str:
    if not is_finite(fill.commission):
        return f"commission {_short(fill.commission)}"
    if fill.commission and not fill.quantity:
        return f"commission {_short(fill.commission)} for no shares"
    for name in ("rule_price", "spread", "impact", "taxes"):
        part = getattr(fill, name)
        if not is_finite(part) and not (isinstance(part, float) and math.isnan(part)):  # NaN is one that is not known
            return f"{name} {_short(part)}"
    return ""


def _doubt_of_time(fill: Fill, earliest: int, latest: int) -> str:
    time = fill.time
    if not isinstance(time, Integral) or isinstance(time, bool):
        return f"time {_short(time)}"
    if earliest <= time <= latest:
        return ""
    when = "before it was sent" if time < earliest else "which is yet to come"
    return f"time {_shown(time)}, {when}; a naive time is read in the zone that the Fill is given"


def _doubt_of_sums(fill: Fill) -> str:
    """A whole whose parts, which are what counts, say something else."""
    value = math.fsum(part.quantity * part.fill_price for part in fill.parts)
    sums = {
        "quantity": (fill.quantity, math.fsum(part.quantity for part in fill.parts)),
        "commission": (fill.commission, math.fsum(part.commission for part in fill.parts)),
        "value": (fill.quantity * fill.fill_price, value),
    }
    for name, (whole, parts) in sums.items():
        if abs(whole - parts) > NEARLY * max(abs(whole), abs(parts), 1e-3):
            return f"{name} {whole!r}, whose parts sum to {parts!r}"
    return ""


def _is_zone(zone: Any) -> bool:
    """Whether a time can be shown in it."""
    import pandas as pd

    if isinstance(zone, str) and zone not in KNOWN_ZONES:
        try:
            pd.Timestamp(0, tz="UTC").tz_convert(zone)
        except (KeyError, ValueError, IndexError, OSError):
            return False
        KNOWN_ZONES.add(zone)
    return isinstance(zone, str)


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 80 else f"{said[:77]}..."


def _shown(time: int) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(time / 1e9, UTC).isoformat(sep=" ")
    except (OverflowError, ValueError, OSError):
        return f"{time} ns"
