"""`Notice`: what the stream of H0STCNI0 and H0STCNI9 says of an order, and how its fields are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exec_algos.sim.kis.world import kst
from exec_algos.sim.orders import BUY, Event

if TYPE_CHECKING:
    from exec_algos.sim.kis.register import Entry, Register

FIELDS = (23, 26, 30)
"""Numbers of fields that a notice has had or may have: the older layout, that of 2026-09, and a longer one."""
OWNER = "홍길동"
ACCEPTED, CONFIRMED, ENDED = "1", "2", "3"
CHANGES = {"order": "0", "modify": "1", "cancel": "2"}
CONDITIONS = {"day": "0", "ioc": "1", "fok": "2"}
EXCHANGES = {"KRX": "1", "NXT": "2", "SOR": "3"}
NAMES = {
    "005930": "삼성전자", "000660": "SK하이닉스", "035420": "NAVER", "000270": "기아", "051910": "LG화학", "069500": "KODEX 200",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One record of the stream of execution notices.

    Attributes
    ----------
    account : str
        CANO and ACNT_PRDT_CD together, ten digits.
    odno, original : str
        Of this event, and of the order that it modifies or cancels.
    side : int
    change : str
        RCTF_CLS: ``"0"`` normal, ``"1"`` modify, ``"2"`` cancel.
    dvsn, condition : str
        ORD_DVSN; ``"0"`` none, ``"1"`` IOC, ``"2"`` FOK.
    symbol : str
    quantity, price : float
        Of the execution; of the order where it is no execution.
    time : int
        ns UTC.
    execution, refused : bool
        CNTG_YN is 2; RFUS_YN is 1.
    accepted : str
        ACPT_YN: ``"1"`` accepted, ``"2"`` confirmed, ``"3"`` cancelled (IOC, FOK).
    branch : str
        BRNC_NO.
    ordered : float
        Quantity of the order.
    limit : float
        Its price, 0 at market.
    exchange : str
        ORD_EXG_GB: ``"1"`` KRX.
    """

    account: str
    odno: str
    original: str = ""
    side: int
    change: str = "0"
    dvsn: str = "00"
    condition: str = "0"
    symbol: str
    quantity: float
    price: float
    time: int
    execution: bool = False
    refused: bool = False
    accepted: str = "1"
    branch: str
    ordered: float
    limit: float = 0.0
    exchange: str = "1"

    def text(self, hts_id: str, count: int = 26, *, padded: bool = True, owner: str = OWNER) -> str:
        """Its fields, joined by ``^``: the first `count` of them, and more without meaning where `count` is above 26.

        Numbers are filled up with zeros where `padded`; `owner` is the name of the account.
        """
        quantity, ordered = (f"{round(value):0{10 if padded else 1}d}" for value in (self.quantity, self.ordered))
        price, limit, none = (f"{round(value):0{9 if padded else 1}d}" for value in (self.price, self.limit, 0))
        ordered = ordered[1:] if padded else ordered  # one digit less than CNTG_QTY, as it was seen
        fields = (
            hts_id, self.account, self.odno, self.original, "02" if self.side == BUY else "01", self.change, self.dvsn, self.condition,
            self.symbol, quantity, price, kst(self.time)[1], "1" if self.refused else "0", "2" if self.execution else "1", self.accepted,
            self.branch, ordered, owner, none, self.exchange, "Y", "", "10", "", name_of(self.symbol), limit,
        )  # fmt: skip
        return "^".join((*fields, *("",) * (count - len(fields)))[:count])


def name_of(symbol: str) -> str:
    """The name of a listed company as quotes show it."""
    return NAMES.get(symbol, f"종목{symbol}")


def notice_of(event: Event, register: Register) -> Notice | None:
    """What is told of an event; None of one that customers are not told of: orders that end with the day, the old half of a change."""
    entry = register.of(event.order.venue_id)
    if entry is None:
        return None
    request = register.request(entry, event.request) if event.request else None
    said: dict[str, Any] | None = None
    match event.kind:
        case "fill" if event.execution is not None:
            execution = event.execution
            said = {"quantity": execution.quantity, "price": execution.price, "execution": True, "accepted": CONFIRMED}
        case "accepted":
            said = {"accepted": CONFIRMED if entry.kind == "modify" else ACCEPTED}
        case "cancelled" if request is not None and request.kind == "cancel":
            said = {"quantity": event.quantity, "accepted": CONFIRMED}
        case "cancelled" if request is None and event.order.ticket.lasts != "day":
            said = {"quantity": event.quantity, "accepted": ENDED}
        case "asked" if request is not None:
            said = {}
        case "rejected":
            said = {"refused": True}
    return None if said is None else _written(request or entry, event, said)


def _written(entry: Entry, event: Event, said: dict[str, Any]) -> Notice:
    """A notice of a row: of an order, or of a request to change or cancel one."""
    written: dict[str, Any] = {
        "account": entry.account, "odno": entry.odno, "original": entry.origin, "side": entry.side, "change": CHANGES[entry.kind],
        "dvsn": entry.dvsn, "condition": CONDITIONS[event.order.ticket.lasts], "symbol": entry.symbol, "quantity": entry.quantity,
        "price": entry.price, "time": event.time, "branch": entry.orgno, "ordered": entry.quantity, "limit": entry.price,
        "exchange": EXCHANGES.get(entry.exchange, "1"),
    }  # fmt: skip
    return Notice(**written | said)
