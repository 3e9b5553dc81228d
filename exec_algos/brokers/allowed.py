"""`Allowed`: what a child must be before it may leave: of the venue's lots, ticks and order types, and within the limits."""

from __future__ import annotations

import math

from exec_algos.brokers.child import LiveChild
from exec_algos.brokers.known import Carried
from exec_algos.brokers.market_data import Reads
from exec_algos.brokers.records import Kind, NoLimits
from exec_algos.brokers.requests import Priority
from exec_algos.brokers.state import LiveState
from exec_algos.brokers.venue import Instrument, Intent
from exec_algos.errors import OrderRejectedError, UsageError, VenueError
from exec_algos.model import Side
from exec_algos.model.lifecycle import Event
from exec_algos.model.ticks import ticks_in_a_unit, to_tick

PRICE_AGE = 60_000_000_000  # a price for a limit of value is read again after a minute


def check_terms(instrument: Instrument, shares: float, limit: float = math.nan, most: float = math.inf) -> None:
    """Refuse an order that the venue cannot take.

    Raises
    ------
    UsageError
        Shares off the lot or above the most of one order, or a limit off the tick; with the nearest that is allowed.
    """
    lot = instrument.lot_size
    lots = shares / lot
    if not shares > 0 or abs(lots - round(lots)) > 1e-6:
        below, above = math.floor(lots) * lot, math.ceil(max(lots, 1)) * lot
        nearest = f"the nearest are {below:.15g} and {above:.15g}" if below > 0 else f"the least is {lot:.15g}"
        sizes = "whole shares" if lot == 1 else f"lots of {lot:.15g} shares"
        raise UsageError(f"{instrument.symbol} trades in {sizes}, got {shares:.15g}; {nearest}")
    if shares > most:
        raise UsageError(f"an order in {instrument.symbol} may have {most:.15g} shares at most, got {shares:.15g}; give it more slices")
    if not math.isnan(limit):
        _check_tick(instrument, limit)


def _check_tick(instrument: Instrument, limit: float) -> None:
    tick = instrument.tick(limit)
    if not tick > 0:
        return
    unit = ticks_in_a_unit(tick)
    below, above = to_tick(limit, tick, unit, False), to_tick(limit, tick, unit, True)
    if not math.isclose(below, above, rel_tol=1e-12):
        where = f"{tick:g} at that price" if instrument.bands else f"{tick:g}"
        nearest = f"the nearest are {below!r} and {above!r}" if below > 0 else f"the least is {above!r}"
        raise UsageError(f"{instrument.symbol} is priced in ticks of {where}, got a limit of {limit!r}; {nearest}")


def intent_of(child: LiveChild) -> Intent:
    """A child as it goes to the venue."""
    shares = child.shares
    whole = int(shares) if float(shares).is_integer() else shares
    return Intent(own_id=child.own_id, symbol=child.parent.symbol, side=child.parent.side, quantity=whole, limit=child.limit)


class Allowed:
    """Refuses children.

    Parameters
    ----------
    state : LiveState
    reads : Reads
    """

    def __init__(self, state: LiveState, reads: Reads) -> None:
        self._state, self._reads = state, reads

    async def refuse(self, carried: Carried) -> bool:
        """Whether instrument, order type or a limit forbid a child; it is over then, and says why."""
        child, why = carried.child, ""
        try:
            await self._check(child)
            why = self._state.limits.refuse_child(child.parent, child.shares, await self._price(child))
            if why:
                self._state.note(Kind.REFUSED, carried, limit=why, value=child.shares)
        except (UsageError, OrderRejectedError) as error:
            child.error, why = error, str(error)
        except VenueError as error:
            why = str(error)
        if why:
            self._state.move(carried, Event.NO_SEND, why)
        return bool(why)

    async def _check(self, child: LiveChild) -> None:
        caps = self._state.caps
        kind = "MKT" if math.isnan(child.limit) else "LMT"
        if kind not in caps.order_types:
            raise UsageError(f"{caps.name} takes no {kind} orders, only {', '.join(sorted(caps.order_types))}; choose another style")
        check_terms(await self._reads.instrument(child.parent.symbol), child.shares, child.limit, caps.max_quantity)
        self._state.requests.rank(Priority.ORDER)
        await self._state.within("allow", self._state.venue.allow(intent_of(child)))

    async def _price(self, child: LiveChild) -> float:
        """What a limit of value counts with: a buy's limit, else the last price, which is read for it where none is younger.

        A sale trades at its limit or above, so that its last price counts where that is higher.
        """
        symbol, priced = child.parent.symbol, not math.isnan(child.limit)
        if isinstance(self._state.limits, NoLimits) or (priced and child.parent.side is Side.BUY):
            return child.limit
        time = self._reads.prices.get(symbol, (math.nan, 0))[1]
        if self._state.clock.now - time > PRICE_AGE:
            await self._reads.book(symbol, Priority.ORDER)
        known = [price for price in (self._reads.price(symbol), child.limit) if not math.isnan(price)]
        return max(known, default=math.nan)
