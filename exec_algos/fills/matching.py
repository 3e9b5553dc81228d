"""How a resting child order meets a bar: pure functions that take and return plain numbers.

The interpreter and the compiled loop run the same text.
"""

from __future__ import annotations

from typing import NamedTuple

from exec_algos.costs.grid import TickTerms, tick_at
from exec_algos.costs.propagator import shift_of
from exec_algos.model.lots import SLACK
from exec_algos.model.ticks import ON_TICK

UNCAPPED = 1e15  # times any volume > 0 it exceeds every order; times 0 it is still 0: no volume, no fill
MOST_LOTS = 9e15
NEARLY = 1.0 - ON_TICK  # differences of prices err by less than that part of a tick


class Execution(NamedTuple):
    """What a child got from one bar: lots, and currency per share."""

    lots: int
    price: float


class LimitTerms(NamedTuple):
    """When a bar fills a limit that a market order's price does not reach.

    Attributes
    ----------
    fraction : float
        Of the budget of a bar that only touches the limit.
    beyond : float
        How far beyond the limit a bar must trade, currency per share.
    ticks : int
        The same in ticks; `terms_at` makes a price of it.
    """

    fraction: float
    beyond: float
    ticks: int


TOUCHED = LimitTerms(1.0, 0.0, 0)
TRADED_THROUGH = LimitTerms(0.0, 0.0, 0)


def terms_at(terms: LimitTerms, table: TickTerms, limit: float) -> LimitTerms:
    """The terms with their ticks, of the size that holds at `limit`, as a distance in currency."""
    return LimitTerms(terms.fraction, terms.ticks * tick_at(table, limit), terms.ticks)


def queue_ahead(side: int, limit: float, ahead: float, best: float, size: float) -> float:
    """Shares ahead of a limit order after a look at the best quote of its own side: see `exec_algos.fills.limits.QueueFill`.

    Parameters
    ----------
    side : int
    limit : float
    ahead : float
        What was known before; infinite for nothing.
    best, size : float
        The bid and its size for a buy, the ask and its size for a sell; NaN where there is no quote.
    """
    if (limit - best) * side > 0:
        return 0.0
    return size if limit == best and size < ahead else ahead


def bar_budget(lot_rate: float, volume: float) -> int:
    """Lots that all orders together may take from a bar: floor(cap * volume / lot_size).

    Parameters
    ----------
    lot_rate : float
        ``cap / lot_size``: lots per share traded, the cap being a fraction of the bar's volume or `UNCAPPED`.
    volume : float
        Shares.
    """
    lots = lot_rate * volume
    return int((lots if lots < MOST_LOTS else MOST_LOTS) + SLACK)


def share_budget(cap: float, volume: float) -> int:
    """`bar_budget` of lots of one share under a cap of at most 1: the same number, in less time, of a `volume` below `MOST_LOTS`."""
    return int(cap * volume + SLACK)


def within_limit(side: int, limit: float, price: float, low: float, high: float) -> float:
    """The price of a limit order: `price`, but not worse than `limit` nor than the far end of ``[low, high]``.

    A buy pays ``min(price, limit, high)``, a sell gets ``max(price, limit, low)``; all in currency per share.
    """
    far = high if side > 0 else low
    bound = limit if (far - limit) * side > 0 else far
    return bound if (price - bound) * side > 0 else price


def displaced_price(side: int, limit: float, quoted: float, low: float, high: float, level: float, own: float) -> float:  # noqa: PLR0913, PLR0917 - what a bar and an execution are made of
    """The price of an execution in a displaced market: ``quoted * (1 + level + side * own)``.

    Parameters
    ----------
    side : int
        +1 buys, -1 sells.
    limit : float
        Limit price, NaN for a market order; a limit order's price is held by `within_limit` in the displaced bar.
    quoted : float
        What a market order pays in the undisturbed bar, spread included, currency per share.
    low, high : float
        The undisturbed bar's range.
    level : float
        What earlier executions have left of their impact, a fraction of the price.
    own : float
        What this one pays for its own size, a fraction of the price, >= 0.

    Returns
    -------
    float
        Currency per share, not below 0.
    """
    by = 1.0 + (level + side * own)
    paid = quoted * by if by > 0.0 else 0.0
    if limit == limit:  # noqa: PLR0124 - only NaN differs from itself
        shift = shift_of(level)
        return within_limit(side, limit, paid, low * shift, high * shift)
    return paid


class PriceParts(NamedTuple):
    """What a fill's price is made of, ``rule_price + spread + impact``: currency per share, above 0 where it raises the price."""

    rule_price: float
    spread: float
    impact: float


def price_parts(side: int, limit: float, rule: float, quoted: float, paid: float, low: float, high: float) -> PriceParts:  # noqa: PLR0913, PLR0917 - what a price is made of
    """Take the price of a fill apart.

    `rule_price` is what the order would have paid with neither spread nor impact, `spread` what the spread adds to that,
    and `impact` what all displacement adds to both. What a limit keeps an order from paying is therefore in none of them: a
    limit order held at its limit has that limit for its rule price.

    Parameters
    ----------
    side : int
    limit : float
        NaN for a market order.
    rule, quoted : float
        The price rule's price in the undisturbed bar, without and with half the spread.
    paid : float
    low, high : float
        The undisturbed bar's range.
    """
    if limit == limit:  # noqa: PLR0124 - only NaN differs from itself
        rule = within_limit(side, limit, rule, low, high)
        quoted = within_limit(side, limit, quoted, low, high)
    return PriceParts(rule, quoted - rule, paid - quoted)


def meet_bar(  # noqa: PLR0913, PLR0917 - what a bar and a child are made of
    side: int, lots: int, limit: float, price: float, low: float, high: float, budget: int, terms: LimitTerms, gone: int = 0
) -> Execution:
    """Let a child order meet a bar.

    Parameters
    ----------
    side : int
        +1 buys, -1 sells.
    lots : int
        Still open.
    limit : float
        Limit price, NaN for a market order. A limit that `price` does not reach fills at the limit if the bar
        trades there. A limit order pays `price` only as far as its limit and the bar's range go (`within_limit`):
        never worse than the limit, never outside ``[low, high]``. So the spread in `price` costs a limit order
        at most what is left up to that bound. A market order pays `price`, inside the bar or not.
    price : float
        What a market order of this side pays in this bar, spread included (`FillModel.prices`), currency per share.
    low, high : float
        The bar's range.
    budget : int
        Lots that all orders together may take from this bar.
    terms : LimitTerms
        What a bar must do that fills a limit.
    gone : int
        Lots of the budget that are gone, at most all.

    Returns
    -------
    Execution
        ``lots`` is 0 if nothing traded.
    """
    if limit == limit:  # noqa: PLR0124 - only NaN differs from itself
        if (price - limit) * side >= 0:
            past = (limit - (low if side > 0 else high)) * side
            if past < 0 or past < terms.beyond * NEARLY:
                return Execution(0, limit)
            if past == 0:
                budget = max(int(budget * terms.fraction + SLACK), gone)
        price = within_limit(side, limit, price, low, high)
    left = budget - gone
    return Execution(lots if lots < left else left, price)
