"""Quotes of a simulated KIS as its gateway would ask for them, and walks over pages as clients do them."""

from exec_algos.sim.kis.calls import Call
from exec_algos.sim.kis.quotes import quote_endpoints

BOOK = ("inquire-asking-price-exp-ccn", "FHKST01010200")
PRICE = ("inquire-price", "FHKST01010100")
TODAY = ("inquire-time-itemchartprice", "FHKST03010200")
PAST = ("inquire-time-dailychartprice", "FHKST03010230")
DAILY = ("inquire-daily-itemchartprice", "FHKST03010100")
HOLIDAYS = ("chk-holiday", "CTCA0903R")
STOCK = ("search-stock-info", "CTPF1002R")


class Quoting:
    """The operations of a world's quotes."""

    def __init__(self, world):
        self.world = world
        self.endpoints = {endpoint.path.rsplit("/", 1)[1]: endpoint for endpoint in quote_endpoints(world)}

    def ask(self, operation, symbol="005930", market="J", paper=False, tr_cont="", **fields):
        """The answer to a call, as the gateway would give it: ids and required fields are looked at."""
        name, tr_id = operation
        endpoint = self.endpoints[name]
        assert tr_id in (endpoint.paper if paper else endpoint.live), f"{tr_id} is no id of this host"
        if operation not in (HOLIDAYS, STOCK):
            fields = {"FID_COND_MRKT_DIV_CODE": market, "FID_INPUT_ISCD": symbol} | fields
        assert set(endpoint.required) <= set(fields)
        return endpoint.run(Call(paper=paper, app_key="k", tr_id=tr_id, tr_cont=tr_cont, fields=fields, now=self.world.now))

    def go(self, instant):
        self.world.exchange.advance(instant)

    def book(self, **more):
        """Both sides of the book as (price, shares), and the two outputs."""
        body = self.ask(BOOK, **more).body
        sides = [
            [(int(body["output1"][f"{side}p{i}"]), int(body["output1"][f"{side}p_rsqn{i}"])) for i in range(1, 11)]
            for side in ("ask", "bid")
        ]
        return *sides, body["output1"], body["output2"]

    def price(self, **more):
        return self.ask(PRICE, **more).body["output"]

    def today(self, hour, previous="N", **more):
        """Rows of today's minutes."""
        return self.ask(TODAY, FID_ETC_CLS_CODE="", FID_INPUT_HOUR_1=hour, FID_PW_DATA_INCU_YN=previous, **more).body["output2"]

    def past(self, day, hour, previous="Y", **more):
        """Rows of a past day's minutes."""
        fields = {"FID_INPUT_DATE_1": day, "FID_INPUT_HOUR_1": hour, "FID_PW_DATA_INCU_YN": previous, "FID_FAKE_TICK_INCU_YN": ""}
        return self.ask(PAST, **fields, **more).body["output2"]


def hours(rows):
    return [row["stck_cntg_hour"] for row in rows]


def volume(rows):
    return sum(int(row["cntg_vol"]) for row in rows)


def minute_before(hour):
    total = int(hour[:2]) * 60 + int(hour[2:4]) - 1
    return f"{total // 60:02d}{total % 60:02d}00"


def walked(page, last, first="090000"):
    """All rows that a walk from `last` down to `first` meets, page by page: each from a minute before the oldest row."""
    found, hour = [], last
    while True:
        rows = page(hour)
        found += rows
        if not rows or rows[-1]["stck_cntg_hour"] <= first or minute_before(rows[-1]["stck_cntg_hour"]) >= hour:
            return found
        hour = minute_before(rows[-1]["stck_cntg_hour"])
