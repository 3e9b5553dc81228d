"""Ten levels of an order book around the exchange's own quote, the day's price limits, and what state the market of a symbol is in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from exec_algos.sim.kis import floor
from exec_algos.sim.kis.krx import Phase
from exec_algos.sim.path import chance
from exec_algos.sim.recorded import MINUTE

if TYPE_CHECKING:
    from exec_algos.sim.kis.world import World

LEVELS = 10
SHARES = 100.0  # typical of a level where nothing trades
AUCTION_LEVELS = 3  # of a call auction the book shows no more


class Level(NamedTuple):
    """A price and its shares; both 0 where the level does not exist."""

    price: float
    shares: int


NO_LEVEL = Level(0.0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """An order book. `time`: of its last change, ns UTC; `expected`: price and shares of a call auction, 0 outside one."""

    asks: tuple[Level, ...]
    bids: tuple[Level, ...]
    time: int
    last: float
    phase: Phase
    expected: Level
    interrupted: bool


def named(text: str) -> frozenset[str]:
    """Symbols of a setting: ``"005930,000660"``."""
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def depth(world: World, symbol: str) -> Depth:
    """The book now."""
    market, settings, now = world.exchange.market, world.settings, world.now
    view, state = world.exchange.book(symbol), floor.phase(world.exchange, now)
    interrupted = symbol in named(settings.interrupted)
    bounds = floor.price_limits(world.exchange, symbol)
    asks, bids = (_side(world, symbol, quotes, sign, bounds) for quotes, sign in ((view.asks, 1), (view.bids, -1)))
    halted, locked = symbol in named(settings.halted), symbol in named(settings.locked)
    expected = NO_LEVEL
    if interrupted or state in (Phase.OPENING, Phase.CLOSING):
        asks, bids = _crossed(world, symbol, asks, bids)
        expected = Level(view.last, sum(level.shares for level in asks)) if not math.isnan(view.last) else NO_LEVEL
    if locked:  # at the upper limit nobody sells
        asks = (NO_LEVEL,) * LEVELS
        bids = tuple(Level(market.away(symbol, bounds[1], -i), 1000 * (i + 1)) for i in range(LEVELS))
    if halted:
        asks = bids = (NO_LEVEL,) * LEVELS
    time = _last_close(world) if state in (Phase.CLOSED, Phase.FIXED) else now
    return Depth(
        asks=asks, bids=bids, time=time - round(settings.book_age * 1e9), last=view.last, phase=state, expected=expected,
        interrupted=interrupted,
    )  # fmt: skip


def _side(world: World, symbol: str, quotes: tuple[tuple[float, float], ...], sign: int, bounds: tuple[int, int]) -> tuple[Level, ...]:
    """Levels from the best on, each a tick worse; none beyond the limits of the day, and none without shares."""
    if not quotes:
        return (NO_LEVEL,) * LEVELS
    market, (price, shown) = world.exchange.market, quotes[0]
    bar = market.quote(symbol, world.now).bar
    calm = bar is None or not bar.volume  # nothing trades: the core shows a quote without shares
    found = [] if not shown and not calm else [Level(price, round(shown) or _made(world, symbol, sign, 0, SHARES))]
    for i in range(1, LEVELS + 1 - len(found)):
        price = market.away(symbol, price, sign)
        found.append(Level(price, _made(world, symbol, sign, i, max(shown, SHARES))))
    return tuple(level if bounds[0] <= level.price <= bounds[1] and level.price > 0 else NO_LEVEL for level in found)


def _made(world: World, symbol: str, sign: int, place: int, typical: float) -> int:
    """Shares of a level that the core does not have: half to three times what is typical, another number in each minute."""
    bits = chance(world.seed, f"{symbol} {sign} {place}", world.now // MINUTE * MINUTE)
    return round(typical * (0.5 + (bits % 1000) / 400))


def _crossed(world: World, symbol: str, asks: tuple[Level, ...], bids: tuple[Level, ...]) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """The sides of a call auction: three levels each, and the best ask may lie below the best bid."""
    asks, bids = asks[:AUCTION_LEVELS], bids[:AUCTION_LEVELS]
    if chance(world.seed, symbol, world.now // MINUTE * MINUTE) & 1:
        asks, bids = bids[::-1], asks[::-1]
    none = (NO_LEVEL,) * (LEVELS - AUCTION_LEVELS)
    return (*asks, *none), (*bids, *none)


def _last_close(world: World) -> int:
    market = world.exchange.market
    k = market.session(world.now) - 1
    return market.closes[k] if k >= 0 else world.now
