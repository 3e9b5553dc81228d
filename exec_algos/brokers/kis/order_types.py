"""KIS's order types (ORD_DVSN): which exchange takes them, when, and whether they carry a price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

EXCHANGES = ("KRX", "NXT", "SOR")
"""SOR: KIS chooses between the two for each order."""
CHANGED = "20260914"
"""The day, KST, since which KRX has an after-market, and no single-price trading after hours."""
PAPER_TYPES = frozenset({"00", "01", "02", "03", "04"})
STOP = "22"


class OrderType(NamedTuple):
    """An order type: its name, the exchanges that take it, and whether it has a price."""

    name: str
    exchanges: frozenset[str]
    priced: bool


ALL, BOTH, KRX, NXT = (frozenset(names) for names in (EXCHANGES, ("KRX", "NXT"), ("KRX",), ("NXT",)))
TYPES: Mapping[str, OrderType] = {
    "00": OrderType("limit", ALL, True),
    "01": OrderType("market", frozenset({"KRX", "SOR"}), False),
    "02": OrderType("conditional limit", KRX, True),
    "03": OrderType("best of the other side", ALL, False),
    "04": OrderType("best of its own side", ALL, False),
    "05": OrderType("fixed price before the open", KRX, False),
    "06": OrderType("fixed price after the close", KRX, False),
    "07": OrderType("single price after hours", KRX, True),
    "11": OrderType("limit, IOC", ALL, True),
    "12": OrderType("limit, FOK", ALL, True),
    "13": OrderType("market, IOC", ALL, False),
    "14": OrderType("market, FOK", ALL, False),
    "15": OrderType("best, IOC", ALL, False),
    "16": OrderType("best, FOK", ALL, False),
    "21": OrderType("mid-price", BOTH, False),
    "22": OrderType("stop-limit", BOTH, True),
    "23": OrderType("mid-price, IOC", BOTH, False),
    "24": OrderType("mid-price, FOK", BOTH, False),
    "27": OrderType("limit until 08:50", NXT, True),
    "28": OrderType("best of the other side until 08:50", NXT, False),
    "29": OrderType("best of its own side until 08:50", NXT, False),
    "41": OrderType("after-market limit", KRX, True),
    "42": OrderType("after-market limit, IOC", KRX, True),
    "43": OrderType("after-market limit, FOK", KRX, True),
    "44": OrderType("after-market best", KRX, False),
    "45": OrderType("after-market best, IOC", KRX, False),
    "46": OrderType("after-market best, FOK", KRX, False),
    "47": OrderType("after-market best of its own side", KRX, False),
}
UNPRICED = frozenset(code for code, kind in TYPES.items() if not kind.priced)
"""Order types whose ORD_UNPR is "0"."""


class Phase(NamedTuple):
    """A part of an exchange's day, and the order types that it takes; `begin` and `end` are HHMMSS, KST, the end not included."""

    name: str
    begin: str
    end: str
    types: frozenset[str]


BEFORE_OPEN, AFTER_CLOSE, SINGLE = frozenset({"05"}), frozenset({"06"}), frozenset({"07"})
AFTER_MARKET, EARLY = frozenset({"41", "42", "43", "44", "45", "46", "47"}), frozenset({"27", "28", "29"})


def _regular(exchange: str) -> frozenset[str]:
    apart = BEFORE_OPEN | AFTER_CLOSE | SINGLE | AFTER_MARKET | EARLY
    return frozenset(code for code, kind in TYPES.items() if exchange in kind.exchanges) - apart


KRX_DAY = (
    Phase("opening auction", "083000", "090000", _regular("KRX")),
    Phase("fixed price before the open", "083000", "084000", BEFORE_OPEN),
    Phase("continuous trading", "090000", "152000", _regular("KRX")),
    Phase("closing auction", "152000", "153000", _regular("KRX")),
    Phase("fixed price after the close", "153000", "160000", AFTER_CLOSE),
)
PHASES: Mapping[str, tuple[Phase, ...]] = {
    "KRX": (*KRX_DAY, Phase("after-market", "160000", "200000", AFTER_MARKET)),
    "NXT": (
        Phase("pre-market", "080000", "085000", _regular("NXT") | EARLY),
        Phase("main market", "090030", "152000", _regular("NXT")),
        Phase("closing single price", "153000", "154000", _regular("NXT")),
        Phase("after-market", "154000", "200000", _regular("NXT")),
    ),
    "SOR": (Phase("regular session", "083000", "153000", _regular("SOR")),),
}
PHASES_BEFORE: Mapping[str, tuple[Phase, ...]] = {
    **PHASES,
    "KRX": (*KRX_DAY, Phase("single price after hours", "160000", "180000", SINGLE)),
}
"""Until the day before `CHANGED`."""


def phases_of(exchange: str, day: str) -> tuple[Phase, ...]:
    """The parts of an exchange's day (YYYYMMDD), as far as orders of KIS's types are taken in them; two may be on at once."""
    return (PHASES if day >= CHANGED else PHASES_BEFORE)[exchange]
