"""An account's ledger in this process: pages of orders as KIS writes them, cut by offset or by cursor; it may change between two pages."""

import json
from dataclasses import dataclass, field

from exec_algos.brokers.kis.access import Access
from exec_algos.brokers.kis.answers import Reply
from exec_algos.brokers.kis.client import Client
from exec_algos.brokers.kis.kept import Kept
from exec_algos.brokers.kis.keys import Keys
from exec_algos.brokers.kis.limiter import SharedBucket
from exec_algos.brokers.kis.looking import Looking
from exec_algos.brokers.kis.operations import AccountNo, Host
from exec_algos.clock import WallClock

DAY = "20261123"
SECOND = 1_000_000_000
NINE = 1_795_392_000_000_000_000  # 2026-11-23 09:00 in Seoul


class At(WallClock):
    """A clock that stands, until somebody moves it."""

    def __init__(self, now):
        self.at = now
        super().__init__(lambda: self.at, lambda: self.at)

    async def sleep_until(self, instant):
        self.at = max(self.at, instant)


@dataclass
class Row:
    odno: int
    quantity: int
    filled: int = 0
    open: int = 0
    cancelled: int = 0
    rejected: int = 0
    original: int = 0
    limit: int = 62_000
    dvsn: str = "00"
    side: str = "02"
    symbol: str = "005930"
    orgno: str = "06010"
    hour: str = ""
    name: str = ""

    def said(self):
        return {
            "ord_dt": DAY, "ord_gno_brno": self.orgno, "odno": f"{self.odno:010}",
            "orgn_odno": f"{self.original:010}" if self.original else "",
            "sll_buy_dvsn_cd": self.side, "sll_buy_dvsn_cd_name": self.name, "pdno": self.symbol, "ord_qty": str(self.quantity),
            "ord_unpr": str(self.limit if self.dvsn == "00" else 0), "ord_tmd": self.hour or hour_of(self.odno),
            "tot_ccld_qty": str(self.filled), "tot_ccld_amt": str(self.filled * self.limit),
            "avg_prvs": str(self.limit if self.filled else 0),
            "cncl_cfrm_qty": str(self.cancelled), "rmn_qty": str(self.open), "rjct_qty": str(self.rejected), "ord_dvsn_cd": self.dvsn,
            "excg_id_dvsn_Cd": "KRX", "psbl_qty": str(self.open),
        }  # fmt: skip


def hour_of(odno):
    """Order number n was taken n seconds after 9:00."""
    return f"{9 + odno // 3600:02}{odno % 3600 // 60:02}{odno % 60:02}"


def taken(odno):
    return NINE + odno * SECOND


@dataclass
class Ledger:
    """Orders by number; `shifting`: a page begins so many rows behind the newest, whatever came meanwhile."""

    rows: dict = field(default_factory=dict)
    page: int = 15
    shifting: bool = True
    before: dict = field(default_factory=dict)  # request number -> what happens before it is answered
    said: dict = field(default_factory=dict)  # request number -> what is said in place of the truth
    asks: list = field(default_factory=list)
    hide: set = field(default_factory=set)
    listed: bool = True
    host = "ledger"

    def add(self, *rows):
        for row in rows:
            self.rows[row.orgno, row.odno] = row
        return rows[0]

    async def send(self, ask, headers):
        self.asks.append(ask)
        number = len(self.asks)
        self.before.get(number, lambda: None)()
        if number in self.said:
            return self.said[number]
        if ask.path.endswith("inquire-psbl-rvsecncl"):
            rows = [row.said() for row in self.rows.values() if row.open and row.odno not in self.hide]
            return reply({"rt_cd": "0", "msg_cd": "KIOK0510", "msg1": "", "output": rows[:50]}, "D")
        return self._daily(ask)

    def _daily(self, ask):
        wanted = ask.fields["ODNO"]
        rows = sorted((row for row in self.rows.values() if row.odno not in self.hide), key=lambda row: (-row.odno, row.orgno))
        rows = [row for row in rows if not wanted or f"{row.odno:010}" == wanted]
        rows = [row for row in rows if ask.fields["PDNO"] in ("", row.symbol)]
        place = ask.fields["CTX_AREA_NK100"].strip()
        behind = [row for row in rows if not place or row.odno < int(place)]
        rows = rows[int(place or 0) :] if self.shifting else behind
        page, more = rows[: self.page], len(rows) > self.page
        where = int(place or 0) + self.page if self.shifting else page[-1].odno if page else 0
        body = {"rt_cd": "0", "msg_cd": "KIOK0510", "msg1": "", "output1": [row.said() for row in page], "output2": {},
                "ctx_area_fk100": "x".ljust(100), "ctx_area_nk100": str(where).ljust(100)}  # fmt: skip
        return reply(body, ("M" if place else "F") if more else ("E" if place else "D"))

    async def close(self):
        pass


def reply(body, tr_cont="", status=200):
    headers = {"tr_cont": tr_cont} if tr_cont is not None else {}
    return Reply(status, headers, json.dumps(body).encode())


class Token:
    async def get(self, until=None):
        return "token"

    async def renew(self, old, until=None):
        return "token"

    async def close(self):
        pass


def access_of(ledger, folder, *, paper=True, now=NINE + 3600 * SECOND):
    clock = At(now)
    bucket = SharedBucket(folder / "rate", 1000)
    client = Client(ledger, Token(), bucket, clock, "key", "secret")
    return Access(client, Host(paper), AccountNo.of("12345678-01"), clock)


def looking_of(ledger, folder, **options):
    access = access_of(ledger, folder, **options)
    keys, kept = Keys(), Kept(access.clock)
    return Looking(access, keys, kept), keys, kept
