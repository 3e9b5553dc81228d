"""Cases: small random markets, and the order that is worked in each of their symbols."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats
from exec_algos.costs import Commission
from exec_algos.fills import FillModel
from exec_algos.market.bars import PRICES, Bars
from exec_algos.market.calendars import DAY, Sessions, sessions
from exec_algos.model import MINUTE, Side
from exec_algos.model.window import shown

STEP = 15 * MINUTE
LAST_DAY = 1_764_547_200_000_000_000  # Monday 2025-12-01; the session before is a half day
SYMBOLS = ("A", "B")
SIZES = (37, 600, 20_000)
OFF_TICK, OFF_LOT = 1.00007, 0.37  # what prices and volumes are multiplied by, to lie between ticks and between shares
CAPPED = FillModel(max_participation=0.1)
LATE = FillModel(price="close", max_participation=0.2, latency=60, commission=Commission(rate=0.0002, minimum=1.0))
MODELS = (CAPPED, LATE, FillModel())


class Case(NamedTuple):
    """One trial: a market, and the order that is worked in each of its symbols.

    Attributes
    ----------
    seed : int
        Makes the bars; by its last bit it chooses the half day or the day after.
    size : int
        Shares.
    side : Side
    model : FillModel
    hours : Sessions
    whole : tuple of bool
        Whether the window begins with the session, and whether it ends with it.
    cut : int
        Bars that end after it (ns UTC) are other ones, unless it is 0.
    symbols : tuple of str
        In the order in which they join the market.
    moved : tuple of str
        Quotes that are other ones, nothing else of the bars is.
    """

    seed: int
    size: int
    side: Side
    model: FillModel
    hours: Sessions
    whole: tuple[bool, bool] = (False, False)
    cut: int = 0
    symbols: tuple[str, ...] = SYMBOLS
    moved: tuple[str, ...] = ()

    @property
    def open(self) -> int:
        """When the session of the order opens, ns UTC."""
        return session_of(self.hours, self.seed)[0]

    @property
    def close(self) -> int:
        """When it closes."""
        return session_of(self.hours, self.seed)[1]

    @property
    def window(self) -> tuple[int, int]:
        """The window ``[start, end)`` of the order, ns UTC."""
        return self.open + 2 * STEP * (not self.whole[0]), self.close if self.whole[1] else self.open + 10 * STEP

    def bars(self, symbol: str) -> Bars:
        """A symbol's bars: they depend on the seed, the symbol, the cut and what is moved alone."""
        bars = random_bars(symbol, self.seed, self.hours, self.cut)
        return moved_quotes(bars, self.moved) if self.moved else bars

    def said(self, symbol: str) -> str:
        """The order in words, with the seed of its market."""
        begin, end = (shown(moment, self.hours.zone) for moment in self.window)
        return f"{self.side.name} {self.size} {symbol} [{begin}, {end}), seed {self.seed}"


def _columns(symbol: str, seed: int, hours: Sessions) -> Floats:
    """Rows of open, high, low, close, volume and whether there is a bar, shape (6, n); the first of a session is always there."""
    rng, n = np.random.default_rng([seed, *symbol.encode()]), sum(map(len, _grid(hours)))
    gaps = (rng.random((n, 1)) < 0.02) * rng.integers(-90, 91, size=(n, 1))
    path = 50.0 + 0.01 * np.cumsum(rng.integers(-9, 10, size=(n, 4)) + gaps).reshape(n, 4)
    path = np.maximum(np.round(path, 2), 1.0)
    most = 2000 if seed % 3 else 40  # in a thin market children rest long, and show when they do so too long
    volume = np.where(rng.random(n) < 0.08, 0.0, rng.integers(most // 20, most, size=n))
    there = rng.random(n) >= 0.08
    there[np.cumsum([0, *map(len, _grid(hours))])[:-1]] = True
    return np.array([path[:, 0], path.max(axis=1), path.min(axis=1), path[:, -1], volume, there], dtype=np.float64)


def _grid(hours: Sessions) -> list[npt.NDArray[np.int64]]:
    return [np.arange(a, b - STEP + 1, STEP) for a, b in zip(hours.open.tolist(), hours.close.tolist(), strict=True)]


def random_bars(symbol: str, seed: int, hours: Sessions, cut: int = 0) -> Bars:
    """Bars with quotes that depend on the seed and the symbol; those that end after `cut` (ns UTC) on another seed too, unless it is 0."""
    start = np.concatenate(_grid(hours))
    table = _columns(symbol, seed, hours)
    if cut:
        table = np.where(start + STEP > cut, _columns(symbol, seed + 1000, hours), table)
    kept = table[5] > 0
    columns = dict(zip(("open", "high", "low", "close", "volume"), table[:5, kept], strict=True))
    quotes = _quotes(columns["close"], columns["volume"])
    return Bars(
        symbols=(symbol,), offsets=np.array([0, kept.sum()]), start=start[kept], step=STEP, zone=hours.zone, quotes=quotes, **columns
    )


def _quotes(close: Floats, volume: Floats) -> dict[str, Floats]:
    """Quotes of each bar, made of that bar alone: some locked, some wide, of other sizes on either side."""
    wide = volume % 3
    return {"bid": close - 0.01 * wide, "ask": close + 0.01 * (volume % 2), "bid_size": volume // 4, "ask_size": volume // 3}


def moved_quotes(bars: Bars, names: Collection[str]) -> Bars:
    """The same bars with other quotes of these names: further from the close, or of other sizes."""
    other = {"bid": bars.close - 0.07, "ask": bars.close + 0.07, "bid_size": bars.volume // 9 + 1, "ask_size": bars.volume // 11 + 1}
    return replace(bars, quotes={**bars.quotes, **{name: other[name] for name in names}})


def quoted_bars(symbol: str, seed: int, hours: Sessions, cut: int = 0) -> Bars:
    """`random_bars` with quotes and a vendor's VWAP, some of them missing; for an odd seed prices off the tick and parts of shares.

    What is added to a bar is made of that bar alone, so that a cut moves nothing before it.
    """
    bars = random_bars(symbol, seed, hours, cut)
    scale, part = (OFF_TICK, OFF_LOT) if seed % 2 else (1.0, 1.0)
    prices = {name: getattr(bars, name) * scale for name in PRICES}
    wide, known = bars.volume % 7, bars.volume % 5 > 0
    quotes = {"bid": prices["close"] - 0.01 * wide, "ask": prices["close"] + 0.01, "bid_size": bars.volume / 4, "ask_size": bars.volume / 3}
    quotes = {name: np.where(known, column, np.nan) for name, column in quotes.items()}
    vwap = np.where(bars.volume % 3 > 0, (prices["open"] + prices["close"]) / 2, np.nan)
    return replace(bars, **prices, volume=bars.volume * part, vwap=vwap, quotes=quotes)


def session_of(hours: Sessions, seed: int) -> tuple[int, int]:
    """Open and close of the session that a seed draws: the last or the half day before it, ns UTC."""
    place = -1 - seed % 2
    return int(hours.open[place]), int(hours.close[place])


def last_hours(count: int) -> Sessions:
    """The last `count` sessions up to `LAST_DAY`."""
    found = sessions("XNYS", LAST_DAY - (2 * count + 10) * DAY, LAST_DAY)
    last = int(np.searchsorted(found.open, LAST_DAY + DAY))
    kept = slice(last - count, last)
    return Sessions(name=found.name, zone=found.zone, date=found.date[kept], open=found.open[kept], close=found.close[kept])
