"""Records of the quote streams: ``H0STASP0``, an order book, and ``H0STCNT0``, a trade."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from exec_algos.sim.kis import floor
from exec_algos.sim.kis.depth import LEVELS, NO_LEVEL, Depth, depth
from exec_algos.sim.kis.sessions import BOOK
from exec_algos.sim.kis.world import kst

if TYPE_CHECKING:
    from exec_algos.sim.kis.world import World

REGULAR = "2"  # MARKET_CLS_CODE
BOOK_FIELDS, TRADE_FIELDS = 60, 47
TRADE_VOLUME, TRADE_TURNOVER = 13, 14
BOOK_EXPECTED, BOOK_VOLUME = 49, 53


def record(world: World, tr_id: str, symbol: str) -> list[str] | None:
    """The record of a stream now; None for a symbol that is not traded here or has never traded, or a stream of another kind."""
    if symbol not in world.exchange.market.ticks or tr_id[-4:] not in ("ASP0", "CNT0"):
        return None
    found = depth(world, symbol)
    if math.isnan(found.last):
        return None
    total = round(world.exchange.book(symbol).traded)
    return _book(world, symbol, found, total) if tr_id[-4:] == BOOK[-4:] else _trade(world, symbol, found, total)


def _book(world: World, symbol: str, found: Depth, total: int) -> list[str]:
    """The 59 fields of H0STASP0 and MARKET_CLS_CODE behind them."""
    prices = [f"{level.price:.0f}" for side in (found.asks, found.bids) for level in side]
    shares = [str(level.shares) for side in (found.asks, found.bids) for level in side]
    offered, wanted = (sum(level.shares for level in side) for side in (found.asks, found.bids))
    expected = [f"{found.expected.price:.0f}", str(found.expected.shares), str(found.expected.shares)]
    rest = ["0", "3", "0.00", str(total), "0", "0", "0", "0", "", REGULAR]
    return [symbol, kst(found.time)[1], "0", *prices, *shares, str(offered), str(wanted), "0", "0", *expected, *rest]


def _trade(world: World, symbol: str, found: Depth, total: int) -> list[str]:
    """The fields of H0STCNT0: 46, or 47 since September 2026."""
    exchange = world.exchange
    base, last = floor.base_price(exchange, symbol), found.last
    ask, bid = (side[0] if side else NO_LEVEL for side in (found.asks, found.bids))
    day, hour = kst(world.now)
    price, moved = f"{last:.0f}", f"{last - base:.0f}"
    sign = "2" if last > base else "5" if last < base else "3"
    said = [symbol, hour, price, sign, moved, "0.00", price, price, price, price, f"{ask.price:.0f}", f"{bid.price:.0f}"]
    said += ["1", str(total), str(round(total * last)), *("0",) * 6, "1", *("0",) * 11, day, "20", "N", str(ask.shares), str(bid.shares)]
    offered, wanted = (sum(level.shares for level in side) for side in (found.asks, found.bids))
    said += [str(offered), str(wanted), "0.00", "0", "0.00", "0", "", "0", REGULAR]
    return said[: world.settings.trade_fields]


def made_up(tr_id: str, key: str, number: int, stamp: int) -> list[str]:
    """A record without a market behind it, for a flood: `number` stands where the day's volume does, `stamp` where turnover does.

    Of a book, which has no turnover, `stamp` is the expected volume.
    """
    if tr_id[-4:] == BOOK[-4:]:
        prices = [str(50_000 + step * 100) for step in (*range(1, LEVELS + 1), *range(0, -LEVELS, -1))]
        said = [key, "100000", "0", *prices, *("10",) * (2 * LEVELS), *("100",) * 2, *("0",) * 14, REGULAR]
        said[BOOK_EXPECTED], said[BOOK_VOLUME] = str(stamp), str(number)
        return said
    said = [key, "100000", "50000", *("0",) * 43, REGULAR]
    said[TRADE_VOLUME], said[TRADE_TURNOVER] = str(number), str(stamp)
    return said
