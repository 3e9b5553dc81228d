"""Stamps of digits alone: dates written together, and epochs, each in its own unit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.errors import MarketDataError
from exec_algos.market.arrays import Flags, Ints

if TYPE_CHECKING:
    import pandas as pd

LAST = 4_102_444_800  # s of 2100
FIRST = 86_400_000_000_000  # ns: the second day of 1970
UNITS = (1_000_000_000, 1_000_000, 1_000, 1)  # ns in s, ms, us, ns
NEAR = 366 * 86_400_000_000_000  # ns that epochs of one file, of different units, may lie apart
SINCE = 2_000_000_000  # s: no market data are of 2033 and later
MOST, ALL = 0.5, 0.999_999  # of the stamps
DATES = {8: "%Y%m%d", 10: "%y%m%d%H%M", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S", 17: "%Y%m%d%H%M%S%f"}
DATE = re.compile(r"(?:19[7-9]\d|20\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d(?:\d{3})?)?)?")
SHORT_DATE = re.compile(r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d")
ASK = "pass date_format='%y%m%d%H%M' or date_format='epoch'"


class Epochs(NamedTuple):
    """ns UTC of each stamp, and which of them are none that can be."""

    ns: Ints
    bad: Flags


def dates_of(text: pd.Series[Any], file: str) -> pd.Series[Any] | None:
    """Stamps of digits as ISO 8601 text where they are dates written together (``20240116093000``, ``2401160930``); None if epochs.

    Ten digits are both a date and seconds since 1970 by chance alone. They are a date where every stamp can be one, and either their
    epochs lie after 2033 or so many of them follow at distances that epochs of bars do not have.

    Raises
    ------
    MarketDataError
        They may be either.
    """
    digits = text[text.str.fullmatch(r"[0-9]+").fillna(False).astype(bool)]
    sizes = set(digits.str.len().unique())
    if sizes == {10}:
        return _expanded(text) if _short_dates(digits, file) else None
    # one that is none among them (a minute of 61) is refused by row, and makes no epochs of the others
    if not sizes & {8, 12, 14, 17} or not float(digits.str.fullmatch(DATE).mean()) > MOST:
        return None
    return _expanded(text)


def _short_dates(digits: pd.Series[Any], file: str) -> bool:
    if not float(digits.str.fullmatch(SHORT_DATE).mean()) > (MOST if int(digits.min()) >= SINCE else ALL):
        return False
    numbers = digits.astype("int64").to_numpy()
    if int(numbers.min()) >= SINCE:
        return True
    if len(numbers) > 1 and bool((np.diff(numbers) % 60 == 0).all()):
        return False
    if len(numbers) < 60:  # sixty seconds in a row have one that is no minute
        raise MarketDataError(f"timestamp {digits.iloc[0]!r} may be a date of two-digit year, or seconds since 1970; {ASK}", file=file)
    return True


def _expanded(text: pd.Series[Any]) -> pd.Series[Any]:
    long = text.where(text.str.len() != 10, "20" + text)
    return long.str.replace(r"^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?(\d{3})?)?$", _iso, regex=True)


def _iso(match: re.Match[str]) -> str:
    year, month, day, hour, minute, second, part = match.groups()
    clock = f"T{hour}:{minute}:{second or '00'}" + (f".{part}" if part else "") if hour else ""
    return f"{year}-{month}-{day}{clock}"


def epochs_of(text: pd.Series[Any]) -> Epochs:
    """Instants of epochs in s, ms, us or ns: the unit that puts a stamp between 1970 and 2100, and near its neighbours.

    Parameters
    ----------
    text : Series of str
        What is not digits alone is bad.
    """
    import pandas as pd

    whole = text.str.fullmatch(r"[0-9]{1,19}").fillna(False).to_numpy(dtype=bool)
    numbers = pd.to_numeric(text.where(pd.Series(whole, index=text.index), "0")).to_numpy(dtype=np.uint64)
    unit = np.searchsorted(np.array([LAST * 1_000_000_000 // ns for ns in UNITS], dtype=np.uint64), numbers, side="right")
    known = whole & (unit < len(UNITS)) & (numbers > 0)
    scale = np.array([*UNITS, 0], dtype=np.int64)[unit]
    ns = np.where(known, numbers, 0).astype(np.int64) * np.where(known, scale, 0)
    known &= ns >= FIRST  # a small number is none: a column of counts would be the first seconds of 1970
    late = known & (ns >= SINCE * UNITS[0])  # beside others they are dates, or damage
    known &= ~late if 0 < late.sum() * 2 <= known.sum() else True
    return Epochs(ns, ~known | _far(ns, np.asarray(text.str.len().fillna(0), dtype=np.int64) * len(UNITS) + unit, known))


def _far(ns: Ints, kind: Ints, known: Flags) -> Flags:
    """Epochs of another number of digits, or another unit, than most that lie more than a year from every other: one is amiss.

    A file that goes on in another unit is near where it changes, and is trusted from there on.
    """
    far = np.zeros(len(ns), dtype=bool)
    kinds, counts = np.unique(kind[known], return_counts=True)
    trusted = np.zeros(0, dtype=np.int64)
    for each in kinds[np.argsort(-counts, kind="stable")]:
        mine = np.flatnonzero(known & (kind == each))
        gap = np.abs(_nearest(trusted, ns[mine]) - ns[mine]) if len(trusted) else np.zeros(len(mine), dtype=np.int64)
        whole = int(gap.min()) <= NEAR and not (np.diff(np.sort(ns[mine])) > NEAR).any()
        near = mine if whole or not len(trusted) else mine[gap <= NEAR]
        far[np.setdiff1d(mine, near)] = True
        trusted = np.sort(np.concatenate([trusted, ns[near]]))
    return far


def _nearest(sorted_ns: Ints, ns: Ints) -> Ints:
    at = np.searchsorted(sorted_ns, ns)
    left, right = sorted_ns[np.maximum(at - 1, 0)], sorted_ns[np.minimum(at, len(sorted_ns) - 1)]
    return np.asarray(np.where(np.abs(left - ns) <= np.abs(right - ns), left, right))
