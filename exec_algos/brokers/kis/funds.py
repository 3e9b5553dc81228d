"""`Funds`: whether the account can pay for an order, or has the shares of it, in few requests."""

from __future__ import annotations

import math
from dataclasses import dataclass

from exec_algos.brokers.kis.access import Access
from exec_algos.brokers.kis.messages import balance as balance_ask
from exec_algos.brokers.kis.messages import power as power_ask
from exec_algos.brokers.kis.messages import sellable as sellable_ask
from exec_algos.brokers.kis.rows import Balance, Power, Quote, sellable_of
from exec_algos.brokers.kis.rules import check_power, limits_of
from exec_algos.brokers.venue import Intent
from exec_algos.errors import UsageError, VenueError
from exec_algos.model import SECOND, Side


@dataclass(frozen=True, slots=True)
class _Taken:
    """What an order that was allowed takes: currency, or shares; and when it was allowed, ns UTC."""

    amount: float
    time: int


@dataclass
class _Room:
    """What there is, by KIS's word at an instant (ns UTC), and what was allowed since."""

    amount: float = math.nan
    time: int = 0

    def left(self, taken: list[_Taken]) -> float:
        """What is left; NaN where it is not known."""
        return self.amount - math.fsum(each.amount for each in taken if each.time >= self.time)


class Funds:
    """Counts down what KIS said that there is, by what was sent since; asks again only where that does not suffice.

    What comes back, of orders that were cancelled or filled for less, is not counted: it is there at the next answer. So an order is
    refused only by KIS's own word.

    Parameters
    ----------
    access : Access

    Attributes
    ----------
    asked : int
        Requests so far.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._cash, self._spent = _Room(), list[_Taken]()
        self._shares: dict[str, _Room] = {}
        self._sold: dict[str, list[_Taken]] = {}
        self.asked = 0

    async def allow(self, intent: Intent, dvsn: str, quote: Quote, fee: float) -> None:
        """Refuse a buy above buying power and a sale above what is free; what is allowed counts as taken.

        Parameters
        ----------
        dvsn : str
            ORD_DVSN.
        quote : Quote
            Of the symbol: a market buy reserves the upper limit.
        fee : float
            What a buy costs beside its value, fraction.

        Raises
        ------
        UsageError
            With the most that is allowed.
        VenueError
            KIS does not say what there is.
        """
        if intent.side is Side.BUY:
            await self._allow_buy(intent, dvsn, quote, fee)
        else:
            await self._allow_sale(intent)

    async def _allow_buy(self, intent: Intent, dvsn: str, quote: Quote, fee: float) -> None:
        price = limits_of(quote)[1] if math.isnan(intent.limit) else intent.limit
        cost = intent.quantity * price * (1 + fee)
        self._spent = self._young(self._spent, self._cash.time)
        if not cost <= self._cash.left(self._spent):
            began = self._access.clock.now
            await self._access.turn()
            power = await self.power(intent.symbol, dvsn, intent.limit)
            under_way = [each for each in self._spent if each.time > began - SECOND]
            self._cash = _Room(power.amount, began)
            check_power(intent, power)
            self._spent = under_way
        self._spent.append(_Taken(cost if math.isfinite(cost) else 0.0, self._access.clock.now))

    async def power(self, symbol: str, dvsn: str, limit: float) -> Power:
        """What a buy may have, by KIS's word."""
        self.asked += 1
        return Power.of(await self._access.client.read(power_ask(self._access.host, self._access.account, symbol, dvsn, limit)))

    async def _allow_sale(self, intent: Intent) -> None:
        symbol, room = intent.symbol, self._shares.get(intent.symbol, _Room())
        sold = self._sold[symbol] = self._young(self._sold.get(symbol, []), room.time)
        if not intent.quantity <= room.left(sold):
            began = self._access.clock.now
            await self._access.turn()
            free = await self.free(symbol)
            self._shares[symbol] = _Room(free, began)
            if intent.quantity > free:
                raise UsageError(
                    f"a sale of {intent.quantity:.15g} {symbol} is above the shares that are held and in no other order; the most is {free}"
                )
            sold[:] = [each for each in sold if each.time > began - SECOND]
        sold.append(_Taken(intent.quantity, self._access.clock.now))

    async def free(self, symbol: str) -> int:
        """Shares of a symbol that may be sold, by KIS's word: on live by an inquiry of its own, on paper by the balance."""
        self.asked += 1
        if self._access.host.has("sellable"):
            return sellable_of(await self._access.client.read(sellable_ask(self._access.host, self._access.account, symbol)))
        balance = await self.balance()
        return next((held.sellable for held in balance.holdings if held.symbol == symbol), 0)

    async def balance(self) -> Balance:
        """Holdings and cash.

        Raises
        ------
        VenueError
            A page could not be read: a part of the holdings is never taken for all.
        """
        pages, whole = await self._access.client.pages(lambda cursor: balance_ask(self._access.host, self._access.account, cursor=cursor))
        if not whole:
            raise VenueError(f"the balance is not complete: KIS gave {len(pages)} pages, and not the last one; ask again")
        return Balance.of(pages)

    def _young(self, taken: list[_Taken], since: int) -> list[_Taken]:
        """Those that KIS's last word does not hold yet."""
        return [each for each in taken if each.time >= since]
