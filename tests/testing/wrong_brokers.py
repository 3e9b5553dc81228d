"""A right broker that has no more than `place_order`, and brokers with one mistake each."""

from exec_algos.brokers.base import BrokerAPI
from exec_algos.errors import OrderRejectedError, VenueError
from exec_algos.model import SECOND, Fill, Side


class Careful(BrokerAPI):
    """Sends once, asks until the order is over, and says what is not sure."""

    def __init__(self, venue):
        self.venue = venue

    @property
    def clock(self):
        return self.venue.time

    async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None, *, side=Side.BUY, expires=None, parent=None, ref=""):
        order_id = await self.submit(ticker, side, quantity, limit_price)
        while self.clock.now < expires and (await self.looked(order_id))["state"] == "open":
            await self.clock.sleep_until(min(self.clock.now + SECOND, expires))
        await self.end(order_id)
        return self.fill_of(await self.looked(order_id), ticker, side)

    async def submit(self, ticker, side, quantity, limit):
        try:
            return await self.venue.submit(ticker, side, quantity, limit)
        except ValueError as error:
            raise OrderRejectedError(str(error)) from error
        except ConnectionError as error:
            raise VenueError(f"nobody knows what became of it: {error}") from error

    async def looked(self, order_id):
        while True:
            try:
                return await self.venue.look(order_id)
            except ConnectionError:
                await self.clock.sleep_until(self.clock.now + SECOND)

    async def end(self, order_id):
        while (await self.looked(order_id))["state"] == "open":
            try:
                await self.venue.cancel(order_id)
            except ConnectionError:
                await self.clock.sleep_until(self.clock.now + SECOND)

    def fill_of(self, order, ticker, side):
        trades = {trade["execution_id"]: trade for trade in order["executions"]}.values()
        shares = sum(trade["quantity"] for trade in trades)
        value = sum(trade["quantity"] * trade["price"] for trade in trades)
        return Fill(self.clock.now, ticker, shares, value / shares if shares else float("nan"), side=side)

    async def cancel_order(self, order_id):
        return False

    async def get_historical_volume_profile(self, ticker, days=5):
        raise NotImplementedError

    async def get_market_depth(self, ticker):
        return {"bid": 99.9, "ask": 100.1, "bid_volume": 1e6, "ask_volume": 1e6}


class ForgetsParts(Careful):
    """Counts an order only where all of it traded."""

    def fill_of(self, order, ticker, side):
        return super().fill_of(
            order if not order["open"] and order["filled"] == order["quantity"] else order | {"executions": []}, ticker, side
        )


class LeavesOpen(Careful):
    """Returns when the child expires, and lets its order go on."""

    async def end(self, order_id):
        pass


class CountsTwice(Careful):
    """Adds rows up."""

    def fill_of(self, order, ticker, side):
        return Fill(self.clock.now, ticker, sum(trade["quantity"] for trade in order["executions"]), 100.0, side=side)


class SendsDouble(Careful):
    """Fills more than was asked for."""

    async def submit(self, ticker, side, quantity, limit):
        return await super().submit(ticker, side, 2 * quantity, limit)


class SendsBuys(Careful):
    """Buys where it was to sell."""

    async def submit(self, ticker, side, quantity, limit):
        return await super().submit(ticker, Side.BUY, quantity, limit)


class TellsBuys(Careful):
    """A Fill buys unless it is told."""

    def fill_of(self, order, ticker, side):
        return super().fill_of(order, ticker, Side.BUY)


class TellsAnother(Careful):
    """Its venue writes symbols in another way."""

    def fill_of(self, order, ticker, side):
        return super().fill_of(order, ticker.lower(), side)


class TellsLimit(Careful):
    """Tells a price of its own."""

    def fill_of(self, order, ticker, side):
        fill = super().fill_of(order, ticker, side)
        return fill._replace(fill_price=100.1) if fill.quantity else fill


class Raises(Careful):
    """Fails on an answer that it does not know."""

    def fill_of(self, order, ticker, side):
        return super().fill_of(order["answer"], ticker, side)


class RaisesAtOnce(Careful):
    """Raises where it is to start a child."""

    def send_order(self, parent, lots, limit, expires, *, capped=True, ref=""):
        raise RuntimeError("not connected")


class Hangs(Careful):
    """Waits until all is filled, whatever the child's end."""

    async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None, *, side=Side.BUY, expires=None, parent=None, ref=""):
        order_id = await self.submit(ticker, side, quantity, limit_price)
        while (await self.looked(order_id))["state"] == "open":
            await self.clock.sleep_until(self.clock.now + SECOND)
        return self.fill_of(await self.looked(order_id), ticker, side)


class SilenceIsRefusal(Careful):
    """Takes a lost answer for "rejected"."""

    async def submit(self, ticker, side, quantity, limit):
        try:
            return await super().submit(ticker, side, quantity, limit)
        except VenueError as error:
            raise OrderRejectedError(str(error)) from error


class SendsAgain(Careful):
    """Takes a lost answer for "not sent", and repeats the request."""

    async def submit(self, ticker, side, quantity, limit):
        try:
            return await super().submit(ticker, side, quantity, limit)
        except OrderRejectedError:
            raise
        except VenueError:
            return await super().submit(ticker, side, quantity, limit)


class LosesToCancels(Careful):
    """Looks before its cancel, and not after it."""

    async def end(self, order_id):
        self.known = await self.looked(order_id)
        await super().end(order_id)

    def fill_of(self, order, ticker, side):
        return super().fill_of(self.known, ticker, side)


class HidesRefusals(Careful):
    """A refusal of the venue is one more error."""

    async def submit(self, ticker, side, quantity, limit):
        try:
            return await super().submit(ticker, side, quantity, limit)
        except OrderRejectedError as error:
            raise RuntimeError(str(error)) from error


class SendsNothing(Careful):
    """Says that it is done."""

    async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None, *, side=Side.BUY, expires=None, parent=None, ref=""):
        return Fill(self.clock.now, ticker, 0, float("nan"), side=side)


FOUND = {
    ForgetsParts: {"forgets trades"},
    LeavesOpen: {"ends a child that goes on", "forgets trades"},
    CountsTwice: {"counts trades twice", "tells another price"},
    SendsDouble: {"sends another order"},
    SendsBuys: {"sends another order"},
    TellsBuys: {"tells another side"},
    TellsAnother: {"tells another symbol"},
    TellsLimit: {"tells another price"},
    Raises: {"never ends"},
    RaisesAtOnce: {"raises"},
    Hangs: {"never ends"},
    SilenceIsRefusal: {"ends a child that goes on", "forgets trades"},
    SendsAgain: {"sends again", "ends a child that goes on", "forgets trades"},
    LosesToCancels: {"forgets trades"},
    HidesRefusals: {"hides a refusal"},
    SendsNothing: {"sends nothing", "hides a refusal"},
}
