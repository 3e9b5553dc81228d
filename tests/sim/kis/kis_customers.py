"""A simulated KIS that runs in a process of its own, and customers of it who are no more than an HTTP client."""

import contextlib
import json

import httpx
import pandas as pd

from exec_algos import Bars
from exec_algos.testing.kis import kis_rehearsal

SECOND = 1_000_000_000
ZONE = "Asia/Seoul"
DAYS = ("2025-12-22", "2025-12-23")
TRADING = "/uapi/domestic-stock/v1/trading/"
QUOTES = "/uapi/domestic-stock/v1/quotations/"
JSON = "application/json; charset=utf-8"


def at(text):
    """ns UTC of Korean time, ``"09:31"`` on the first day or a whole stamp."""
    return pd.Timestamp(text if "-" in text else f"{DAYS[0]} {text}", tz=ZONE).value


def flat_bars(price=62_000, volume=60_000):
    """Each minute of two sessions trades at one price."""
    stamps = [pd.Timestamp(f"{day} 09:00", tz=ZONE) + pd.Timedelta(minutes=minute) for day in DAYS for minute in range(390)]
    row = {"open": price, "high": price, "low": price, "close": price, "volume": volume}
    frame = pd.DataFrame([row] * len(stamps), index=pd.DatetimeIndex(stamps)).astype(float)
    return Bars.from_frame(frame, symbol="005930", label="start", step="1min")


@contextlib.contextmanager
def standing_kis(**options):
    """A simulated KIS whose clock stands still: it is moved by `later`."""
    with kis_rehearsal(flat_bars(), **{"start": f"{DAYS[0]} 09:10", "speed": 1, **options}) as kis:
        kis.control.clock(paused=True)
        yield kis


def later(kis, seconds):
    """Let venue time pass."""
    kis.control.clock(to=kis.control.now + round(seconds * SECOND))


def fresh(kis):
    """A minute later, without faults: whatever was asked before limits nothing any more."""
    kis.control.faults()
    later(kis, 61)


class Customer:
    """A plain client of one host: what it sends is what the test says, and nothing is repeated."""

    def __init__(self, kis, paper=True, timeout=10.0):
        self.kis, self.paper = kis, paper
        self.app_key, self.app_secret, account, self.hts_id = kis.keys(paper)
        self.cano, self.product = account.split("-")
        self.http = httpx.Client(base_url=kis.rest_url(paper), timeout=timeout, trust_env=False)
        self.token = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def ask_token(self, **changes):
        body = {"grant_type": "client_credentials", "appkey": self.app_key, "appsecret": self.app_secret, **changes}
        return self.http.post("/oauth2/tokenP", json={name: value for name, value in body.items() if value is not None})

    def log_in(self):
        answer = self.ask_token()
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        return self

    def headers(self, tr_id, **changes):
        """Those of a business call; a change to None leaves one out. Names have ``_`` for ``-``."""
        found = {
            "content-type": JSON, "authorization": f"Bearer {self.token}", "appkey": self.app_key, "appsecret": self.app_secret,
            "tr_id": tr_id, "custtype": "P", **{"content-type" if name == "content_type" else name: v for name, v in changes.items()},
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}

    def id(self, tail):
        """A TR id of trading, as its host calls it: ``TC0012U``."""
        return ("VT" if self.paper else "TT") + tail

    def body(self, quantity=1, price=62_000, **changes):
        found = {
            "CANO": self.cano, "ACNT_PRDT_CD": self.product, "PDNO": "005930", "ORD_DVSN": "00", "ORD_QTY": str(quantity),
            "ORD_UNPR": str(price), "EXCG_ID_DVSN_CD": "KRX", **changes,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}

    def order(self, quantity=1, price=62_000, *, tr_id=None, said=None, timeout=None, **changes):
        """Post an order; `said`: headers that differ; changes of its body."""
        more = {} if timeout is None else {"timeout": timeout}
        headers = self.headers(**{"tr_id": tr_id or self.id("TC0012U"), **(said or {})})
        content = json.dumps(self.body(quantity, price, **changes))
        return self.http.post(TRADING + "order-cash", content=content, headers=headers, **more)

    def cancel(self, odno, orgno="06010", **more):
        body = {
            "CANO": self.cano, "ACNT_PRDT_CD": self.product, "KRX_FWDG_ORD_ORGNO": orgno, "ORGN_ODNO": odno, "ORD_DVSN": "00",
            "RVSE_CNCL_DVSN_CD": "02", "ORD_QTY": "0", "ORD_UNPR": "0", "QTY_ALL_ORD_YN": "Y", "EXCG_ID_DVSN_CD": "KRX",
        }  # fmt: skip
        return self.http.post(TRADING + "order-rvsecncl", content=json.dumps(body), headers=self.headers(self.id("TC0013U")), **more)

    def daily(self, *, tr_cont="", cursor=("", ""), said=None, **changes):
        """One page of daily fills, newest first."""
        today = DAYS[0].replace("-", "")
        query = {
            "CANO": self.cano, "ACNT_PRDT_CD": self.product, "INQR_STRT_DT": today, "INQR_END_DT": today, "SLL_BUY_DVSN_CD": "00",
            "INQR_DVSN": "00", "PDNO": "", "CCLD_DVSN": "00", "ORD_GNO_BRNO": "", "ODNO": "", "INQR_DVSN_3": "00", "INQR_DVSN_1": "",
            "EXCG_ID_DVSN_CD": "KRX", "CTX_AREA_FK100": cursor[0], "CTX_AREA_NK100": cursor[1], **changes,
        }  # fmt: skip
        query = {name: value for name, value in query.items() if value is not None}
        headers = self.headers(self.id("TC0081R"), tr_cont=tr_cont, **(said or {}))
        return self.http.get(TRADING + "inquire-daily-ccld", params=query, headers=headers)

    def price(self, **said):
        """The price of a symbol."""
        query = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
        return self.http.get(QUOTES + "inquire-price", params=query, headers=self.headers("FHKST01010100", **said))


def code(answer):
    """The code of an answer, of either shape."""
    said = answer.json()
    return said.get("msg_cd") or said.get("error_code")


def accepted(kis):
    """Orders that the ledger has: those that came by the API."""
    return [order for order in kis.control.truth(requests=False)["orders"] if order["kind"] == "order"]


def posted(kis, path="order-cash"):
    """What the journal says of orders that were posted."""
    return [entry for entry in kis.control.truth()["requests"] if entry["path"].endswith(path)]
