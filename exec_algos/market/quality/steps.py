"""Steps from one session to the next: splits, and volumes in other shares than the prices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from exec_algos.market.arrays import Floats
from exec_algos.market.quality.days import NEAR_DAYS, Days, spread_of
from exec_algos.market.quality.limits import Limits
from exec_algos.market.ratios import ratio_text

RATIOS = (1.5, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100, 1000)
MEDIAN_OF = 5  # sessions on each side that the volume is looked at


class Step(NamedTuple):
    """A step before the first bar of a session.

    Parameters
    ----------
    at : int
        Which of the symbol's sessions with data, from 0.
    ratio : float
        New shares for an old one: 10 for 10:1, 0.1 for one of ten.
    prices, volumes : bool
        Which of the two step by it; prices fall by the ratio, volumes rise by it.
    price, volume : float
        Price after over price before, and the same of volume; NaN where there is none.
    """

    at: int
    ratio: float
    prices: bool
    volumes: bool
    price: float
    volume: float

    @property
    def text(self) -> str:
        """``10:1``, ``3:2`` or ``1:10``."""
        return ratio_text(self.ratio)


def steps_of(days: Days, limits: Limits) -> list[Step]:
    """Every suspected split of a symbol, and every step of its volume alone, in time order."""
    if len(days) < 2:
        return []
    price, near, gap = _prices(days)
    found = {}
    jumps = days.follows[1:] & (gap <= math.log1p(limits.split))
    for k in (np.flatnonzero(jumps) + 1).tolist():
        step = _split(days, k, float(near[k - 1]), float(price[k - 1]))
        if step is not None:
            found[k] = step
    for k in _undone(found):
        del found[k]
    for step in _levels(days, price, limits):
        if not any(abs(step.at - k) < MEDIAN_OF for k in found):
            found[step.at] = step
    return [found[k] for k in sorted(found)]


def _undone(found: Mapping[int, Step]) -> list[int]:
    """Steps that the next one takes back within five sessions: days in another unit, and no splits."""
    pairs = [(a, b) for a, b in pairwise(sorted(found)) if b - a <= MEDIAN_OF and abs(found[a].ratio * found[b].ratio - 1) < 1e-9]
    return sorted({k for pair in pairs for k in pair})


def _prices(days: Days) -> tuple[Floats, Floats, Floats]:
    """The step of price before each session but the first, the whole ratio nearest to it and how far it is away, as logarithms.

    The first print of a day may be one of the day before: where the close of the first bar is nearer to a ratio, that is taken.
    """
    looks = []
    for first in (days.open, days.settled):
        with np.errstate(divide="ignore", invalid="ignore"):  # prices at or below zero, where they were allowed, have no ratio
            step = np.log(np.where((first[1:] > 0) & (days.close[:-1] > 0), first[1:] / days.close[:-1], 1.0))
        looks.append((step, *_nearest(-step)))
    opening, settled = looks
    nearer = settled[2] < opening[2]
    price, near, gap = (np.where(nearer, b, a) for a, b in zip(opening, settled, strict=True))
    return price, near, gap


def _nearest(step: Floats) -> tuple[Floats, Floats]:
    """The whole ratio nearest to each logarithm of one, itself as a logarithm, and how far away it is."""
    known = np.log(np.array([*(1 / np.array(RATIOS[::-1])), *RATIOS]))
    at = np.clip(np.searchsorted(known, step), 1, len(known) - 1)
    at -= np.abs(known[at - 1] - step) < np.abs(known[at] - step)
    return known[at], np.abs(known[at] - step)


def _split(days: Days, k: int, ratio: float, price: float) -> Step | None:
    """The split that a step of price before session k is, if volume agrees; `ratio` and `price` are logarithms.

    Volume that steps by a ratio r of its own: between ``ratio/2`` and ``2 ratio`` (logarithms) it went the other way; near none at all it
    was adjusted already. What falls by half on five times the volume is news.
    """
    before, after = days.total[max(k - MEDIAN_OF, 0) : k], days.total[k : k + MEDIAN_OF]
    whole = _whole(ratio)
    middle = float(np.median(before)), float(np.median(after))
    if min(middle) <= 0:
        return Step(k, whole, True, False, math.exp(price), math.nan) if abs(ratio) > 0.6 else None
    share = math.log(middle[1] / middle[0]) / ratio
    if 0.5 <= share <= 2:
        return Step(k, whole, True, True, math.exp(price), middle[1] / middle[0])
    if -0.5 < share < 0.5 and abs(ratio) > 0.6:
        return Step(k, whole, True, False, math.exp(price), middle[1] / middle[0])
    return None


def _whole(ratio: float) -> float:
    near = math.exp(abs(ratio))
    plain = min(RATIOS, key=lambda known: abs(known - near))
    return float(plain) if ratio > 0 else 1 / plain


def _levels(days: Days, price: Floats, limits: Limits) -> list[Step]:
    """Steps of volume alone, over the sessions that are whole.

    Each of five sessions before lies below every one of five after, or above; the medians are the limit apart, and four standard
    deviations of a session's volume (all as logarithms); and three quarters of the step are there from one session to the next.
    """
    at = np.flatnonzero(days.whole & (days.total > 0))
    n = len(at)
    if n < 2 * MEDIAN_OF:
        return []
    total = np.log(days.total[at])
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(total, MEDIAN_OF), axis=1)
    before, after = windows[: n - 2 * MEDIAN_OF + 1], windows[MEDIAN_OF:]
    step = after[:, MEDIAN_OF // 2] - before[:, MEDIAN_OF // 2]
    apart = (after[:, 0] > before[:, -1]) | (after[:, -1] < before[:, 0])
    noise = np.sqrt((before.var(axis=1, ddof=1) + after.var(axis=1, ddof=1)) / 2)
    noise = np.maximum(noise, spread_of(np.diff(total)) / math.sqrt(2))
    moves, first = np.diff(total)[MEDIAN_OF - 1 : n - MEDIAN_OF], at[MEDIAN_OF : n - MEDIAN_OF + 1]
    sharp = moves * np.sign(step) >= 0.75 * np.abs(step)
    # over a gap in the data the price may have gone anywhere
    same_price = (np.abs(price[first - 1]) < 0.15) | (np.diff(days.date[at])[MEDIAN_OF - 1 : n - MEDIAN_OF].astype(np.int64) > NEAR_DAYS)
    found: list[Step] = []
    for i in np.flatnonzero(apart & sharp & same_price & (np.abs(step) >= np.maximum(math.log(limits.level), 4 * noise))).tolist():
        k, ratio = int(first[i]), math.exp(float(step[i]))
        if not (found and k - found[-1].at < MEDIAN_OF):
            found.append(Step(k, ratio, False, True, math.exp(float(price[k - 1])), ratio))
    return found
