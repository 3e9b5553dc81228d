"""Where KIS's operations are, and who asks: accounts, hosts, TR ids, and a request as a value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from exec_algos.brokers.kis.order_types import EXCHANGES
from exec_algos.errors import UsageError


class Kind(Enum):
    """What becomes of a request that is repeated."""

    ORDER = "order"
    """It may place a second order: never repeated."""
    CANCEL = "cancel"
    """It can only cancel what is open: may be repeated."""
    READ = "read"
    """Market data."""
    LEDGER = "ledger"
    """Reads the account, whose ledger all customers share."""


@dataclass(frozen=True, slots=True)
class AccountNo:
    """An account: eight digits (`cano`) and two of the product, ``"01"`` for stocks. Its repr shows the last two of the eight."""

    cano: str
    product: str

    def __post_init__(self) -> None:
        if not (re.fullmatch("[0-9]{8}", self.cano) and re.fullmatch("[0-9]{2}", self.product)):
            raise UsageError(
                f"an account is eight digits and two of the product, such as 12345678-01, got {len(self.cano)} characters before the "
                f"hyphen and {len(self.product)} after it; take it from KIS's page of the account"
            )

    @classmethod
    def of(cls, text: str) -> AccountNo:
        """The account of ``"12345678-01"``; the hyphen may be missing.

        Raises
        ------
        UsageError
            Anything else; the message does not hold the text.
        """
        plain = text.strip()
        cano, hyphen, product = plain.partition("-")
        return cls(cano, product) if hyphen else cls(plain[:8], plain[8:])

    @property
    def text(self) -> str:
        """``"12345678-01"``."""
        return f"{self.cano}-{self.product}"

    @property
    def plain(self) -> str:
        """The ten digits, as notices have them."""
        return self.cano + self.product

    @property
    def fields(self) -> dict[str, str]:
        """As requests have it."""
        return {"CANO": self.cano, "ACNT_PRDT_CD": self.product}

    def __repr__(self) -> str:
        return f"AccountNo(******{self.cano[-2:]}-{self.product})"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request, without token and keys.

    Attributes
    ----------
    method, path, tr_id : str
    fields : mapping of str to str
        Of the query of a GET, of the body of a POST. Not in the repr: it names the account.
    more : bool
        It asks for the next page.
    kind : Kind
    """

    method: str
    path: str
    tr_id: str
    fields: Mapping[str, str] = field(repr=False)
    more: bool = False
    kind: Kind = Kind.READ

    @property
    def body(self) -> bytes:
        """JSON of a POST; empty for a GET."""
        if self.method == "GET":
            return b""
        return json.dumps(dict(self.fields), ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def query(self) -> dict[str, str]:
        """Of a GET; empty for a POST."""
        return dict(self.fields) if self.method == "GET" else {}


class Operation(NamedTuple):
    """Where an operation is, and its TR ids; `paper` is empty where the paper host does not have it."""

    method: str
    path: str
    live: str
    paper: str
    kind: Kind


def _trading(method: str, path: str, live: str, paper: str, kind: Kind = Kind.LEDGER) -> Operation:
    return Operation(method, f"/uapi/domestic-stock/v1/trading/{path}", live, paper, kind)


def _quotes(path: str, live: str, paper: str) -> Operation:
    return Operation("GET", f"/uapi/domestic-stock/v1/quotations/{path}", live, paper, Kind.READ)


OPERATIONS: Mapping[str, Operation] = {
    "buy": _trading("POST", "order-cash", "TTTC0012U", "VTTC0012U", Kind.ORDER),
    "sell": _trading("POST", "order-cash", "TTTC0011U", "VTTC0011U", Kind.ORDER),
    "amend": _trading("POST", "order-rvsecncl", "TTTC0013U", "VTTC0013U", Kind.ORDER),
    "cancel": _trading("POST", "order-rvsecncl", "TTTC0013U", "VTTC0013U", Kind.CANCEL),
    "open orders": _trading("GET", "inquire-psbl-rvsecncl", "TTTC0084R", ""),
    "daily": _trading("GET", "inquire-daily-ccld", "TTTC0081R", "VTTC0081R"),
    "daily, older": _trading("GET", "inquire-daily-ccld", "CTSC9215R", "VTSC9215R"),
    "power": _trading("GET", "inquire-psbl-order", "TTTC8908R", "VTTC8908R"),
    "sellable": _trading("GET", "inquire-psbl-sell", "TTTC8408R", ""),
    "balance": _trading("GET", "inquire-balance", "TTTC8434R", "VTTC8434R"),
    "book": _quotes("inquire-asking-price-exp-ccn", "FHKST01010200", "FHKST01010200"),
    "price": _quotes("inquire-price", "FHKST01010100", "FHKST01010100"),
    "minutes": _quotes("inquire-time-itemchartprice", "FHKST03010200", "FHKST03010200"),
    "past minutes": _quotes("inquire-time-dailychartprice", "FHKST03010230", "FHKST03010230"),
    "daily bars": _quotes("inquire-daily-itemchartprice", "FHKST03010100", "FHKST03010100"),
    "holidays": _quotes("chk-holiday", "CTCA0903R", ""),
    "stock info": _quotes("search-stock-info", "CTPF1002R", "CTPF1002R"),
}


@dataclass(frozen=True, slots=True)
class Host:
    """The live host, or the paper host: each its own keys, accounts and TR ids."""

    paper: bool

    @property
    def name(self) -> str:
        """``"live"`` or ``"paper"``."""
        return "paper" if self.paper else "live"

    @property
    def every_exchange(self) -> str:
        """What an inquiry names to see the orders of all exchanges."""
        return "KRX" if self.paper else "ALL"

    @property
    def page_rows(self) -> int:
        """Orders on a page of `daily`."""
        return 15 if self.paper else 100

    @property
    def notices(self) -> str:
        """TR id of pushed notices."""
        return "H0STCNI9" if self.paper else "H0STCNI0"

    def has(self, operation: str) -> bool:
        """Whether the host has an operation of `OPERATIONS`."""
        found = OPERATIONS[operation]
        return bool(found.paper if self.paper else found.live)

    def ask(self, operation: str, fields: Mapping[str, str], *, more: bool = False) -> Ask:
        """A request for an operation of `OPERATIONS`.

        Raises
        ------
        UsageError
            The host does not have it.
        """
        method, path, live, paper, kind = OPERATIONS[operation]
        if not self.has(operation):
            raise UsageError(f"the paper host has no inquiry {path.rsplit('/', 1)[1]} ({live}); do without it, or ask the live host")
        return Ask(method=method, path=path, tr_id=paper if self.paper else live, fields=dict(fields), more=more, kind=kind)

    def exchange(self, name: str, *, every: bool = False) -> dict[str, str]:
        """The field of an exchange.

        Raises
        ------
        UsageError
            An exchange that there is not, or one other than KRX on paper.
        """
        known = (*EXCHANGES, "ALL") if every else EXCHANGES
        if name not in known:
            raise UsageError(f"exchange must be one of {', '.join(known)}, got {name!r}")
        if self.paper and name != "KRX":
            raise UsageError(f"the paper host trades on KRX alone, got {name!r}; name KRX")
        return {"EXCG_ID_DVSN_CD": name}
