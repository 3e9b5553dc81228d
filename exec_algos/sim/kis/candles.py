"""`Tape`: minute candles of what the market traded, cut from recorded bars of any length, with what customers traded on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exec_algos.sim.path import Bar, Path
from exec_algos.sim.recorded import MINUTE, Day, to_tick

if TYPE_CHECKING:
    from exec_algos.sim.kis.world import World

HALF_HOUR = 30 * MINUTE
AUCTION = 10 * MINUTE  # the closing auction takes orders for that long
NEARLY = 1e-6


class Candle(NamedTuple):
    """A minute: ns UTC, KRW per share, whole shares, KRW."""

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: int
    value: int


class Own(NamedTuple):
    """What customers traded within a minute."""

    low: float
    high: float
    last: float
    volume: int
    value: int


class Tape:
    """Candles by symbol and session; that of the present minute as far as it has come.

    Volume and turnover have the recorded market's trades and those of live accounts, which are real trades. Paper trades are made
    against the market and never printed on its tape, so no candle of either host has them.
    """

    def __init__(self, world: World) -> None:
        self.world, self.market = world, world.exchange.market
        self._whole: dict[tuple[str, int], tuple[int, list[Candle]]] = {}
        self._over: dict[tuple[str, int], list[Candle]] = {}
        self._own: dict[tuple[str, int], Own] = {}
        self._read = 0

    def hours(self, session: int) -> tuple[int, int]:
        """Open and close of the regular session, ns UTC: bars of an auction before or at the end lengthen the recorded one."""
        opened, closed = self.market.opens[session], self.market.closes[session]
        return -(-opened // HALF_HOUR) * HALF_HOUR, closed // HALF_HOUR * HALF_HOUR

    def candles(self, symbol: str, session: int) -> list[Candle]:
        """Of a session, oldest first, as far as it has gone; minutes without a trade are missing."""
        now = self.world.now
        if symbol not in self.market.ticks or not 0 <= session < len(self.market.opens) or now < self.market.opens[session]:
            return []
        if (symbol, session) in self._over:
            return self._over[symbol, session]
        self._follow()
        opened, closed = self.hours(session)
        day = self.market.day(symbol, session)
        minute, found = self._whole.setdefault((symbol, session), (opened, []))
        while minute + MINUTE <= min(now, closed - AUCTION + MINUTE):
            first = self.market.opens[session] if minute == opened else minute  # an auction's own bar before it prints at the open
            found += self._candle(day, symbol, minute, min(first, minute), minute + MINUTE)
            minute += MINUTE
        self._whole[symbol, session] = minute, found
        if now >= closed:
            whole = found + self._last(day, symbol, closed)
            if now > self.market.closes[session]:
                self._over[symbol, session] = whole
            return whole
        forming = minute < closed - AUCTION + MINUTE and now > minute
        return found + (self._candle(day, symbol, minute, minute, now) if forming else [])

    def day(self, symbol: str) -> list[Candle]:
        """Candles of the present day, or of the last one where none is under way."""
        return self.candles(symbol, self.market.today(self.world.now))

    def _last(self, day: Day, symbol: str, closed: int) -> list[Candle]:
        """The closing auction: what was recorded from 15:21 on, and as a bar of the close, prints at 15:30 at the auction's price."""
        first = closed - AUCTION + MINUTE
        end = self.market.closes[self.market.session(closed - 1)]
        printed = day.auction
        shares = _whole(day.traded(end)) - _whole(day.traded(first)) + (0 if printed is None else _whole(printed.volume))
        own = [self._own[symbol, minute] for minute in range(first, end + MINUTE, MINUTE) if (symbol, minute) in self._own]
        volume = shares + sum(each.volume for each in own)
        last = printed if printed is not None else day.bars[-1] if day.bars else None
        if volume <= 0 or last is None:
            return []
        price = last.close
        return [Candle(closed, price, price, price, price, volume, round(shares * price) + sum(each.value for each in own))]

    def _candle(self, day: Day, symbol: str, minute: int, first: int, last: int) -> list[Candle]:
        """The candle of a minute from what was traded in ``[first, last)``; none where nothing was."""
        shares = _whole(day.traded(last)) - _whole(day.traded(first))
        parts = [self._part(day, symbol, bar, first, last) for bar in _overlapping(day, first, last)]
        own = self._own.get((symbol, minute))
        if shares <= 0 or not parts:
            return [] if own is None else [Candle(minute, own.last, own.high, own.low, own.last, own.volume, own.value)]
        opened, closed = parts[0][0], parts[-1][3]
        high, low = max(part[1] for part in parts), min(part[2] for part in parts)
        value = round(shares * (opened + high + low + closed) / 4)
        if own is None:
            return [Candle(minute, opened, high, low, closed, shares, value)]
        return [Candle(minute, opened, max(high, own.high), min(low, own.low), closed, shares + own.volume, value + own.value)]

    def _part(self, day: Day, symbol: str, bar: Bar, first: int, last: int) -> tuple[float, float, float, float]:
        """Open, high, low and close of what of a bar lies in ``[first, last)``."""
        if first <= bar.start and bar.start + day.step <= last:
            return bar.open, bar.high, bar.low, bar.close
        path = day.path(bar, self.market.settings)
        prices = [self._on_tick(symbol, bar, price) for price in _points(path, max(first, bar.start), min(last, bar.start + day.step))]
        return prices[0], max(prices), min(prices), prices[-1]

    def _on_tick(self, symbol: str, bar: Bar, price: float) -> float:
        return min(max(to_tick(price, self.market.tick(symbol, price)), bar.low), bar.high)

    def _follow(self) -> None:
        """Read the executions that came since."""
        executions = self.world.exchange.executions
        for execution in executions[self._read :]:
            owner = self.world.owner(execution.account)
            if owner is not None and not owner.paper:
                key = execution.symbol, execution.time // MINUTE * MINUTE
                price, shares = execution.price, round(execution.quantity)
                known = self._own.get(key, Own(price, price, price, 0, 0))
                self._own[key] = Own(
                    min(known.low, price), max(known.high, price), price, known.volume + shares, known.value + round(shares * price)
                )
        self._read = len(executions)


def totals(candles: list[Candle], scale: float = 1.0) -> dict[str, str]:
    """``acml_vol`` and ``acml_tr_pbmn``: shares and KRW of candles, scaled."""
    return {
        "acml_vol": str(round(scale * sum(candle.volume for candle in candles))),
        "acml_tr_pbmn": str(round(scale * sum(candle.value for candle in candles))),
    }


def _whole(shares: float) -> int:
    return int(shares + NEARLY)


def _overlapping(day: Day, first: int, last: int) -> list[Bar]:
    """Bars with volume of which a part lies in ``[first, last)``."""
    found: list[Bar] = []
    for i in range(max(day.index(first), 0), day.index(last - 1) + 1):
        bar = day.bars[i]
        if bar.start + day.step > first and bar.volume > 0:
            found.append(bar)
    return found


def _points(path: Path, first: int, last: int) -> list[float]:
    """Prices of a path at two instants and at its corners between them."""
    between = [price for time, price in zip(path.times, path.prices, strict=True) if first < time < last]
    return [path.at(first), *between, path.at(last)]
