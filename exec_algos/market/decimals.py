"""Prices that were stored as float32 are read as the decimals meant: 154.06 is 154.05999755859375 there, which misses limits and ticks.

A column of doubles is float32's where each of its values is one, and far more of them are next to a decimal of few places than would be by
chance: a double is a float32 once in 2**29, and cents are hundreds of float32's apart at 154. Fractions of two (128.25, and 154.00390625 on
a tick of 1/256) are what they are in both, and stay.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.market.arrays import Flags, Floats

GROUPS = (("open", "high", "low", "close"), ("vwap",), ("bid", "ask"), ("volume",), ("bid_size", "ask_size"))  # stored alike
SAMPLE, CHUNK = 64, 1 << 15  # values looked at first; values at a time, which stay in the processor's cache
JUDGED = 100_000  # changed values that the proof looks at
MOST_DECIMALS = 18
EXACT = 2.0**53
CHANCE = 1e-4  # of numbers that are no decimals: below it, what is found is proven


class ReadAs(NamedTuple):
    """Columns of one symbol that were read as other numbers than they were stored as.

    Parameters
    ----------
    symbol : str
    columns : tuple of str
    stored, read : float
        The first value that changed, and what it was read as.
    """

    symbol: str
    columns: tuple[str, ...]
    stored: float
    read: float


class _Decimals(NamedTuple):
    """Values as decimals, and how many decimals each has (-1: left as it was)."""

    values: Floats
    places: npt.NDArray[np.int8]


def read_as_decimals(columns: Mapping[str, Floats], symbol: str) -> tuple[dict[str, Floats], tuple[ReadAs, ...]]:
    """The columns, those of float32's as the decimals that were meant; of these a `ReadAs` for each group of columns.

    Parameters
    ----------
    columns : mapping of str to ndarray of float64, shape (n,)
    symbol : str
    """
    found, notes = dict(columns), []
    for group in GROUPS:
        names = tuple(name for name in group if name in columns)
        if not names or not all(may_be_single(columns[name]) for name in names):
            continue
        if all(_whole(columns[name]) for name in names) or not all(_all_single(columns[name]) for name in names):
            continue
        meant = {name: shortest(columns[name]) for name in names}
        changed = {name: np.flatnonzero(meant[name].values != columns[name]) for name in names}
        if not _proven([columns[name][at] for name, at in changed.items()], [meant[name].places[at] for name, at in changed.items()]):
            continue
        found |= {name: decimals.values for name, decimals in meant.items()}
        first = next(name for name in names if len(changed[name]))
        at = int(changed[first][0])
        notes.append(ReadAs(symbol, names, float(columns[first][at]), float(meant[first].values[at])))
    return found, tuple(notes)


def may_be_single(values: Floats) -> bool:
    """Whether a few of the values are all float32's."""
    return bool(_single(_sample(values)).all())


def shortest(values: Floats) -> _Decimals:
    """For each value the decimal with the fewest places that is the same float32, the nearest of those.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Each a float32, NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> shortest(np.array([154.05999755859375, 128.25, 7.0])).values.tolist()
    [154.06, 128.25, 7.0]
    """
    meant, places = values.copy(), np.full(len(values), -1, dtype=np.int8)
    for begin in range(0, len(values), CHUNK):
        part = values[begin : begin + CHUNK]
        left = np.flatnonzero(np.isfinite(part))
        for count in range(MOST_DECIMALS + 1):
            scale, open_ = 10.0**count, part[left]
            near = np.rint(open_ * scale) / scale  # whole number and scale are exact, so this is the double that the text gives
            same = (near.astype(np.float32) == open_) & (np.abs(open_) * scale < EXACT)
            meant[begin + left[same]], places[begin + left[same]] = near[same], count
            left = left[~same]
            if not len(left):
                break
    return _Decimals(meant, places)


def lines(notes: Sequence[ReadAs]) -> list[str]:
    """What was read otherwise than it was stored, a line for each kind of columns."""
    kinds: dict[tuple[str, ...], list[ReadAs]] = {}
    for note in notes:
        kinds.setdefault(note.columns, []).append(note)
    return [
        f"{_symbols(group)}: {', '.join(columns)} {'was' if len(columns) == 1 else 'were'} stored as float32 and "
        f"{'is' if len(columns) == 1 else 'are'} read as the decimals meant: {group[0].stored!r} as {group[0].read!r}"
        for columns, group in kinds.items()
    ]


def _symbols(notes: Sequence[ReadAs], most: int = 3) -> str:
    names = ", ".join(note.symbol for note in notes[:most])
    return names if len(notes) <= most else f"{names} and {len(notes) - most} more"


def _sample(values: Floats) -> Floats:
    return values[:: max(len(values) // SAMPLE, 1)]


def _single(values: Floats) -> Flags:
    """Which values are float32's; NaN counts as one."""
    with np.errstate(over="ignore"):
        return np.asarray((values.astype(np.float32) == values) | np.isnan(values))


def _whole(values: Floats) -> bool:
    """Whether the values are whole numbers, which are the same in both."""
    return bool((np.rint(_sample(values)) == _sample(values)).all()) and bool((np.rint(values) == values).all())


def _all_single(values: Floats) -> bool:
    return all(bool(_single(values[begin : begin + CHUNK]).all()) for begin in range(0, len(values), CHUNK))


def _proven(stored: Sequence[Floats], places: Sequence[npt.NDArray[np.int8]]) -> bool:
    """Whether changed values are decimals: for some number of places, at least half of those are short that need not be so by chance.

    Of numbers that are none, a part ``step / 10**-places`` is next to such a decimal, step being that of float32 there.
    """
    values, at = np.unique(np.concatenate(stored)[:JUDGED], return_index=True)
    if not len(values) or _fractions_of_two(values):
        return False
    count = np.concatenate(places)[:JUDGED][at]
    step = np.spacing(np.abs(values).astype(np.float32)).astype(np.float64)
    return any(_beyond_chance(count <= most, np.minimum(step * 10.0**most, 1.0)) for most in sorted(set(count.tolist())))


def _fractions_of_two(values: Floats) -> bool:
    """Whether they end in more zeros, of the binary digits that float32 has for them, than decimals do: one on average, of variance 2."""
    digits = values.astype(np.float32).view(np.int32)
    zeros = np.log2((digits & -digits).astype(np.float64))
    return bool(zeros.mean() > 1.0 + 4.0 * math.sqrt(2.0 / len(values)))


def _beyond_chance(short: Flags, chance: Floats) -> bool:
    part, expected = float(short.mean()), float(chance.mean())
    if part < (1.0 + expected) / 2.0 or expected >= 1.0:
        return False
    others = (1.0 - part) * math.log((1.0 - part) / (1.0 - expected)) if part < 1.0 else 0.0
    return len(short) * (part * math.log(part / expected) + others) >= -math.log(CHANCE)  # the divergence of the two, n times
