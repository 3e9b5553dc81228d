"""KRX's rules as the simulated KIS knows them: ticks, price limits, sessions, order types, fees. Pure; written from the contract."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum
from math import ceil, floor

MINUTE = 60_000_000_000
TICKS = (2_000, 5_000, 20_000, 50_000, 200_000, 500_000), (1, 5, 10, 50, 100, 500, 1_000)
"""From each price on the next tick, KRW."""
FUND_TICKS = (2_000,), (1, 5)
LIMIT_PART = (30, 100)  # of the base price, both ways

COMMISSION = (140_527, 1_000_000_000)  # 0.0140527 %
FUND_COMMISSION = (146_527, 1_000_000_000)
SALES_TAX = ((20251229, (20, 10_000)), (20241227, (15, 10_000)), (20231227, (18, 10_000)), (0, (20, 10_000)))
"""From which day of a trade on: a year's rate counts by the day of settlement, two business days later."""


def tick(price: float, fund: bool = False) -> int:
    """The tick at a price, KRW. `fund`: an ETF or ETN."""
    edges, sizes = FUND_TICKS if fund else TICKS
    return sizes[bisect_right(edges, price)]


def on_tick(price: int, fund: bool = False) -> bool:
    """Whether a price lies on its tick."""
    return price % tick(price, fund) == 0


def limits(base: int, fund: bool = False) -> tuple[int, int]:
    """The lowest and the highest price of a day: 30 % from its base price, rounded inward to the tick, KRW."""
    part, whole = LIMIT_PART
    low, high = base * (whole - part) / whole, base * (whole + part) / whole
    up, down = ceil(low / tick(low, fund)) * tick(low, fund), floor(high / tick(high, fund)) * tick(high, fund)
    return up, down


class Phase(Enum):
    """What KRX does at an instant."""

    CLOSED = "closed"
    OPENING = "opening auction"
    CONTINUOUS = "continuous"
    CLOSING = "closing auction"
    FIXED = "post-close fixed price"
    AFTER = "after-market"


@dataclass(frozen=True, slots=True)
class DayHours:
    """A day's session, ns UTC: when orders are taken from, its open and its close, and when the after-market ends."""

    preopen: int
    open: int
    close: int
    evening: int

    @property
    def call(self) -> int:
        """When the closing auction begins."""
        return self.close - 10 * MINUTE

    @property
    def after(self) -> int:
        """When the after-market begins."""
        return self.close + 30 * MINUTE

    def phase(self, now: int) -> Phase:
        """The phase at an instant of the day."""
        begins = (
            (self.evening, Phase.CLOSED), (self.after, Phase.AFTER), (self.close, Phase.FIXED), (self.call, Phase.CLOSING),
            (self.open, Phase.CONTINUOUS), (self.preopen, Phase.OPENING),
        )  # fmt: skip
        return next((phase for begin, phase in begins if now >= begin), Phase.CLOSED)

    def nxt_open(self, now: int) -> bool:
        """Whether NXT takes orders: its pre-market, its main session, its closing price and its after-market."""
        spans = (
            (self.open - 60 * MINUTE, self.open - 10 * MINUTE), (self.open + MINUTE // 2, self.call),
            (self.close, self.evening),
        )  # fmt: skip
        return any(begin <= now < end for begin, end in spans)


@dataclass(frozen=True, slots=True)
class OrderType:
    """An ORD_DVSN.

    Attributes
    ----------
    name : str
        As inquiries write it.
    exchanges : str
        Those that take it: letters of ``K`` (KRX), ``N`` (NXT), ``S`` (SOR).
    pricing : str
        ``"limit"``, ``"market"``, ``"best"`` (the other side's quote), ``"priority"`` (its own side's), ``"mid"``, ``"stop"``.
    lasts : str
        ``"day"``, ``"ioc"`` or ``"fok"``.
    phases : tuple of Phase
        Of KRX, in which it is taken.
    """

    name: str
    exchanges: str
    pricing: str
    lasts: str = "day"
    phases: tuple[Phase, ...] = (Phase.CONTINUOUS,)

    @property
    def priced(self) -> bool:
        """Whether it has a price of its own."""
        return self.pricing in ("limit", "stop")


ALL_DAY = (Phase.OPENING, Phase.CONTINUOUS, Phase.CLOSING)
EVENING = (Phase.AFTER,)
ORDER_TYPES = {
    "00": OrderType("지정가", "KNS", "limit", phases=ALL_DAY),
    "01": OrderType("시장가", "KS", "market", phases=ALL_DAY),
    "02": OrderType("조건부지정가", "K", "limit", phases=(Phase.OPENING, Phase.CONTINUOUS)),
    "03": OrderType("최유리지정가", "KNS", "best"),
    "04": OrderType("최우선지정가", "KNS", "priority"),
    "05": OrderType("장전 시간외", "K", "market", phases=(Phase.OPENING,)),
    "06": OrderType("장후 시간외", "K", "market", phases=(Phase.FIXED,)),
    "11": OrderType("IOC지정가", "KNS", "limit", "ioc"),
    "12": OrderType("FOK지정가", "KNS", "limit", "fok"),
    "13": OrderType("IOC시장가", "KNS", "market", "ioc"),
    "14": OrderType("FOK시장가", "KNS", "market", "fok"),
    "15": OrderType("IOC최유리", "KNS", "best", "ioc"),
    "16": OrderType("FOK최유리", "KNS", "best", "fok"),
    "21": OrderType("중간가", "KN", "mid"),
    "22": OrderType("스톱지정가", "KN", "stop"),
    "23": OrderType("중간가IOC", "KN", "mid", "ioc"),
    "24": OrderType("중간가FOK", "KN", "mid", "fok"),
    "27": OrderType("GTP지정가", "N", "limit"),
    "28": OrderType("GTP최유리", "N", "best"),
    "29": OrderType("GTP최우선", "N", "priority"),
    "41": OrderType("애프터 지정가", "K", "limit", phases=EVENING),
    "42": OrderType("애프터 지정가IOC", "K", "limit", "ioc", EVENING),
    "43": OrderType("애프터 지정가FOK", "K", "limit", "fok", EVENING),
    "44": OrderType("애프터 최유리", "K", "best", phases=EVENING),
    "45": OrderType("애프터 최유리IOC", "K", "best", "ioc", EVENING),
    "46": OrderType("애프터 최유리FOK", "K", "best", "fok", EVENING),
    "47": OrderType("애프터 최우선", "K", "priority", phases=EVENING),
}
"""Order types by ORD_DVSN. 07 (after-hours single price) ended with 2026-09-11."""
PAPER_TYPES = frozenset({"00", "01", "02", "03", "04"})
LETTERS = {"KRX": "K", "NXT": "N", "SOR": "S"}


def commission(amount: int, fund: bool = False) -> int:
    """KRW of an order that traded `amount`, its part of a won cut off."""
    part, whole = FUND_COMMISSION if fund else COMMISSION
    return amount * part // whole


def sales_tax(amount: int, date: int, fund: bool = False) -> int:
    """KRW of tax on a sell that traded `amount` on a date (YYYYMMDD), cut off likewise; funds pay none."""
    part, whole = next(rate for since, rate in SALES_TAX if date >= since)
    return 0 if fund else amount * part // whole
