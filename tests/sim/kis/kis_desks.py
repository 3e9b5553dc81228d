"""A simulated KIS without sockets: calls go to its endpoints, and time goes on by hand."""

import pandas as pd

from exec_algos import Bars
from exec_algos.market.hours import sessions_of
from exec_algos.sim.clock import RehearsalClock
from exec_algos.sim.kis.calls import NO_LAG, Call
from exec_algos.sim.kis.checks import Wanted
from exec_algos.sim.kis.desk import desk_of
from exec_algos.sim.kis.faults import KISFaults
from exec_algos.sim.kis.floor import krx_exchange
from exec_algos.sim.kis.settings import KISSettings
from exec_algos.sim.kis.trading import trading_endpoints
from exec_algos.sim.kis.world import World
from exec_algos.sim.orders import BUY

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
ZONE = "Asia/Seoul"
DAYS = ("2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26")  # Monday to Thursday
FLAT = (62_000,) * 390
IDS = {
    "buy": "TTTC0012U", "sell": "TTTC0011U", "order-rvsecncl": "TTTC0013U", "inquire-daily-ccld": "TTTC0081R",
    "inquire-psbl-rvsecncl": "TTTC0084R", "inquire-psbl-order": "TTTC8908R", "inquire-psbl-sell": "TTTC8408R",
    "inquire-balance": "TTTC8434R", "order-resv": "CTSC0008U",
}  # fmt: skip


def at(text):
    """ns UTC of Korean time, ``"09:31"`` on the first day or a whole stamp."""
    return pd.Timestamp(text if "-" in text else f"{DAYS[0]} {text}", tz=ZONE).value


def bars_of(days=(FLAT,), symbol="005930", volume=6000):
    """Minute bars from 09:00 on: a price a minute, or (open, high, low, close); None is a missing minute."""
    table, stamps = [], []
    for day, rows in zip(DAYS, days, strict=False):
        for minute, row in enumerate(rows):
            if row is not None:
                table.append((*((row,) * 4 if isinstance(row, int) else row), volume)[:5])
                stamps.append(pd.Timestamp(f"{day} 09:00", tz=ZONE) + pd.Timedelta(minutes=minute))
    frame = pd.DataFrame(table, columns=["open", "high", "low", "close", "volume"], index=pd.DatetimeIndex(stamps)).astype(float)
    return Bars.from_frame(frame, symbol=symbol, label="start", step="1min")


class Venue:
    """Its world, and calls to it as the owner of its first live or paper account."""

    def __init__(
        self,
        *days,
        start="10:00",
        paper=False,
        funds=(),
        symbol="005930",
        volume=6000,
        cash=1e9,
        seed=1,
        said=None,
        calendar=None,
        **settings,
    ):
        bars = bars_of(days or (FLAT,), symbol, volume)
        exchange = krx_exchange(bars, sessions_of(bars, calendar), at(start), funds=funds, cash=cash, seed=seed, **settings)
        clock = RehearsalClock(at(start), 1.0, lambda: 0)
        quick = {"cancel_takes": (0.0, 0.0), **(said or {})}
        self.world = World(exchange, clock, KISSettings(**quick), KISFaults(), seed=seed)
        self.paper, self.symbol, self.exchange = paper, symbol, exchange
        self.identity = self.world.identities[paper][0]
        self.endpoints = {endpoint.path.rpartition("/")[2]: endpoint for endpoint in trading_endpoints(self.world)}
        self.desk = desk_of(self.world)
        self.account = self.identity.account

    def wait(self, seconds):
        self.exchange.advance(self.exchange.now + round(seconds * SECOND))

    def until(self, text):
        self.exchange.advance(at(text))

    def call(self, name, tr_id="", tr_cont="", lag=NO_LAG, fault="", **fields):
        endpoint = self.endpoints[name]
        own = {"CANO": self.account[:8], "ACNT_PRDT_CD": self.account[8:], **fields}
        missing = [field for field in endpoint.required if field not in own]
        assert not missing, f"{name} needs {missing}"
        tr_id = tr_id or IDS[name]
        tr_id = f"V{tr_id[1:]}" if self.paper else tr_id
        assert tr_id in (endpoint.paper if self.paper else endpoint.live), f"{tr_id} is no id of {name}"
        return endpoint.run(
            Call(paper=self.paper, app_key=self.identity.app_key, tr_id=tr_id, tr_cont=tr_cont, fields=own, now=self.exchange.now, lag=lag,
                 fault=fault)
        )  # fmt: skip

    def order(self, quantity, price=0, side="buy", *, dvsn="", exchange="KRX", lag=NO_LAG, fault="", **fields):
        said = {"PDNO": self.symbol, "ORD_DVSN": dvsn or ("00" if price else "01"), "ORD_QTY": str(quantity), "ORD_UNPR": str(price)}
        return self.call("order-cash", IDS[side], lag=lag, fault=fault, **{**said, "EXCG_ID_DVSN_CD": exchange, **fields})

    def sent(self, *args, **kwargs):
        """The output of an order that must have been taken."""
        answer = self.order(*args, **kwargs)
        assert answer.body["rt_cd"] == "0", answer.body
        return answer.body["output"]

    def change(self, output, quantity="0", every="Y", *, kind="02", price="0", dvsn="00", fault="", **fields):
        output = {name.upper(): value for name, value in output.items()}
        said = {
            "KRX_FWDG_ORD_ORGNO": output["KRX_FWDG_ORD_ORGNO"], "ORGN_ODNO": output["ODNO"], "ORD_DVSN": dvsn, "RVSE_CNCL_DVSN_CD": kind,
            "ORD_QTY": str(quantity), "ORD_UNPR": str(price), "QTY_ALL_ORD_YN": every, "EXCG_ID_DVSN_CD": "KRX",
        }  # fmt: skip
        return self.call("order-rvsecncl", fault=fault, **{**said, **fields})

    def page(self, tr_cont="", day=DAYS[0], **fields):
        date = day.replace("-", "")
        said = {
            "INQR_STRT_DT": date, "INQR_END_DT": date, "SLL_BUY_DVSN_CD": "00", "PDNO": "", "CCLD_DVSN": "00", "INQR_DVSN": "00",
            "INQR_DVSN_3": "00", "INQR_DVSN_1": "", "ORD_GNO_BRNO": "", "ODNO": "", "EXCG_ID_DVSN_CD": "KRX", "CTX_AREA_FK100": "",
            "CTX_AREA_NK100": "",
        }  # fmt: skip
        return self.call("inquire-daily-ccld", tr_cont=tr_cont, **{**said, **fields})

    def rows(self, **fields):
        """All rows of the day by number, page after page as a right client reads them."""
        found, answer = {}, self.page(**fields)
        while True:
            for row in answer.body["output1"]:
                found[row["ord_gno_brno"], row["odno"]] = row
            if answer.tr_cont not in ("F", "M"):
                return found
            cursors = {name.upper(): answer.body[name] for name in ("ctx_area_fk100", "ctx_area_nk100")}
            answer = self.page("N", **{**fields, **cursors})

    def row(self, output, **fields):
        output = {name.upper(): value for name, value in output.items()}
        return self.rows(**fields)[output["KRX_FWDG_ORD_ORGNO"], output["ODNO"]]


def code(answer):
    """Code and text of an answer without the spaces that fill it up."""
    return answer.body["msg_cd"], answer.body["msg1"].rstrip()


QUANTITIES = ("ord_qty", "tot_ccld_qty", "rmn_qty", "cncl_cfrm_qty", "rjct_qty")


def amounts(row):
    """Ordered, filled, open, cancelled, rejected."""
    return tuple(int(row[name]) for name in QUANTITIES)


def prices(venue):
    return [(round(execution.quantity), execution.price) for execution in venue.exchange.executions]


def wanted(venue, quantity, price, account=None, side=BUY):
    return Wanted(
        account=account or venue.account, symbol=venue.symbol, side=side, dvsn="00" if price else "01", exchange="KRX", quantity=quantity,
        price=price, paper=venue.paper,
    )  # fmt: skip
