"""A server that answers for quotes, bars and days as KIS does, and the client that asks it."""

from kis_minutes import page
from kis_server import Server, answer, done

from exec_algos.brokers.kis.client import Client
from exec_algos.brokers.kis.limiter import SharedBucket
from exec_algos.brokers.kis.operations import OPERATIONS
from exec_algos.brokers.kis.token import Tokens
from exec_algos.brokers.kis.transport import Transport
from exec_algos.clock.base import WallClock

SECOND = 1_000_000_000
PATHS = {operation.path: name for name, operation in OPERATIONS.items() if operation.method == "GET"}
BOOK = {f"{side}{name}{level}": "0" for side in ("ask", "bid") for name in ("p", "p_rsqn") for level in range(1, 11)}


class FixedClock(WallClock):
    """It stands where it is put, and sleeps by going on."""

    def __init__(self, now):
        self.instant = now
        super().__init__(lambda: self.instant, lambda: self.instant)

    async def sleep_until(self, instant):
        self.instant = max(self.instant, instant)


class KIS:
    """What the server says: ``price``, ``book`` (output1), ``state`` (output2), the tapes of days, holidays."""

    def __init__(self):
        self.price = {
            "stck_prpr": "62400",
            "stck_sdpr": "62000",
            "stck_mxpr": "80600",
            "stck_llam": "43400",
            "aspr_unit": "100",
            "acml_vol": "4120338",
        }
        self.book = BOOK | {"aspr_acpt_hour": "100318", "askp1": "62500", "askp_rsqn1": "18230", "bidp1": "62400", "bidp_rsqn1": "9120"}
        self.state = {"stck_prpr": "62400", "vi_cls_code": "N"}
        self.today, self.past, self.holidays = [], {}, []
        self.asked, self.refuse = [], {}

    def __call__(self, asked):
        if asked.path == "/oauth2/tokenP":
            expires = "2099-01-01 00:00:00"
            return answer(
                {"access_token": "a-token-of-a-day", "token_type": "Bearer", "expires_in": 86400, "access_token_token_expired": expires}
            )
        name = PATHS[asked.path]
        self.asked.append((name, asked.query))
        return self.refuse[name] if name in self.refuse else getattr(self, "_" + name.replace(" ", "_"))(asked.query)

    def count(self, name):
        return sum(each == name for each, _ in self.asked)

    def _price(self, _):
        return done(output=self.price)

    def _book(self, _):
        return done(output1=self.book, output2=self.state)

    def _minutes(self, query):
        return done(output1={}, output2=page(self.today, query["FID_INPUT_HOUR_1"], 30))

    def _past_minutes(self, query):
        rows = self.past.get(query["FID_INPUT_DATE_1"], [])
        return done(output1={}, output2=page(rows, query["FID_INPUT_HOUR_1"], 120))

    def _holidays(self, _):
        return done(output=self.holidays)


async def with_client(kis, folder, now, work):
    """What ``work(client, clock)`` returns, with a client of the server, whose clock stands at `now`."""
    clock = FixedClock(now)
    async with Server(kis) as server:
        transport = Transport(server.url)
        tokens = Tokens(transport, clock, "K" * 36, "S" * 180, folder)
        client = Client(transport, tokens, SharedBucket(folder / "bucket", 18), clock, "K" * 36, "S" * 180)
        try:
            return await work(client, clock)
        finally:
            await client.close()
