"""How long a bar is, where the file does not say it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from exec_algos.errors import MarketDataError
from exec_algos.market.arrays import Ints
from exec_algos.market.validate import RawRows

SECOND, MINUTE, HOUR, DAY = 1_000_000_000, 60_000_000_000, 3_600_000_000_000, 86_400_000_000_000
# bars of other lengths are rarer than minutes in which nothing was traded
USUAL = (*(n * SECOND for n in (1, 5, 10, 15, 30)), *(n * MINUTE for n in (1, 5, 10, 15, 30, 60, 240)), DAY)
DENSE = 20  # gaps of a file that show its length
LONG, EVIDENCE = 2 * MINUTE, 6  # from this length on, gaps that show it


def bar_length(rows: RawRows) -> int:
    """Length of a bar in ns: what the reader was told, else the smallest gap within a day, if the rows are enough to tell.

    The smallest gap counts only if every other gap within a day is a multiple of it, bars of that length are usual (1, 5, 10, 15, 30
    seconds and minutes, an hour, four hours, a day), and from two minutes on if six gaps have it: rows three minutes apart are minutes in
    two of which nothing was traded, more often than bars of three minutes. (The most common gap would be wrong for thin symbols: they
    trade every second minute.)

    Raises
    ------
    MarketDataError
        The rows cannot tell; or two of them are closer than the length given.
    """
    gap = np.diff(rows.stamp)
    if rows.step is not None:
        _refuse_overlap(rows, gap, rows.step)
        return rows.step
    inside = gap[np.diff(_local_day(rows)) == 0]
    step = int(inside.min()) if len(inside) else 0
    why = _untold(step, inside)
    if not why:
        return step
    raise MarketDataError(f"{rows.symbol}: cannot tell how long a bar is: {why}; pass step='1min' or the like", file=rows.file(0))


def shown_length(rows: RawRows) -> int | None:
    """How far apart four in five of the rows of a file are, ns; a day where all of them stand at midnight; 0 if neither; None of one row.

    Files of one symbol that show two lengths hold bars of two lengths.
    """
    gap = np.diff(np.sort(rows.stamp))
    if not len(gap):
        return None
    if int(gap.min()) >= DAY - HOUR and _at_midnight(rows):
        return DAY
    lengths, counts = np.unique(gap, return_counts=True)
    most = int(counts.argmax())
    return int(lengths[most]) if len(gap) >= DENSE and counts[most] >= 0.8 * len(gap) else 0


def _at_midnight(rows: RawRows) -> bool:
    import pandas as pd

    local = pd.DatetimeIndex(rows.stamp, tz="UTC").tz_convert(rows.zone).tz_localize(None)
    return bool((local == local.normalize()).all())


def with_named_length(rows: RawRows, named: int | None) -> RawRows:
    """Rows with the length that their file's name tells, if two of them are as far apart and nothing else tells it.

    Raises
    ------
    MarketDataError
        No two rows are: the name may mean something else.
    """
    if named is None or rows.step is not None or len(rows) < 2:
        return rows
    gap = np.diff(np.sort(rows.stamp))
    if not (gap == named).any():
        raise MarketDataError(
            f"{rows.symbol}: the file's name says bars of {named / 1e9:g} s, and no two rows are that far apart; pass step='1min'",
            file=rows.file(0),
        )
    return replace(rows, step=named)


def _untold(step: int, inside: Ints) -> str:
    """Why the smallest gap within a day is no length of a bar; empty where it is one."""
    if not step:
        return "no two bars stand on one day"
    said = f"the smallest gap within a day, {step / 1e9:g} s,"
    if DAY % step or (inside % step).any():
        return f"{said} does not divide the others"
    if step not in USUAL:
        return f"{said} is no usual length of a bar: the rows may be too thin to tell"
    few = int((inside == step).sum())
    return f"{said} stands only {few} times: the rows are too thin to tell" if step >= LONG and few < EVIDENCE else ""


def _local_day(rows: RawRows) -> Ints:
    import pandas as pd

    return pd.DatetimeIndex(rows.stamp, tz="UTC").tz_convert(rows.zone).tz_localize(None).as_unit("ns").asi8 // DAY


def _refuse_overlap(rows: RawRows, gap: Ints, step: int) -> None:
    close = np.flatnonzero(gap < step)
    if len(close):
        i = int(close[0])
        raise MarketDataError(
            f"{rows.symbol}: timestamp {rows.time(i + 1)} is {gap[i] / 1e9:g} s after the one before it, "
            f"a bar is {step / 1e9:g} s long; pass the right step",
            file=rows.file(i + 1),
            row=int(rows.row[i + 1]),
        )
