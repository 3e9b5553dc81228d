"""Quotes that cannot be: they are dropped and counted, and their bars stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from exec_algos.errors import MarketDataError
from exec_algos.market.arrays import Flags, Floats
from exec_algos.market.bars import QUOTES
from exec_algos.market.validate import WAY_OUT, OnBad, RawRows

FARTHEST = 0.5  # of the close
MOST_WRONG = 0.1  # of a symbol's quotes
ACTION = "quote dropped, the bar stays"


class _Kind(NamedTuple):
    """Quotes of one kind that are dropped."""

    bad: Flags
    column: str
    problem: str
    wrong: bool  # else it is a vendor's way to say that there is none


def check_quotes_read(rows: RawRows, on_bad: OnBad) -> RawRows:
    """Rows whose quotes can be true: the others are NaN, with a `RowIssue` for each kind, which counts them.

    A quote is dropped where its bid is above its ask, a price or size is negative, a size is infinite, or a price lies over half the close
    away from the close. A price of 0 is no quote; it is dropped as well.

    Parameters
    ----------
    rows : RawRows
        Whose bars have been checked.
    on_bad : {"raise", "drop", "repair"}
        ``raise`` refuses a symbol of which over a tenth of the quotes are wrong.

    Raises
    ------
    MarketDataError
        With the first row and the share.
    """
    there = [name for name in QUOTES if name in rows.columns]
    if not there or not len(rows):
        return rows
    dropped, wrong, issues = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool), list(rows.issues)
    for kind in _kinds(rows.columns):
        found = np.flatnonzero(kind.bad & ~dropped)
        if len(found):
            others = f" ({len(found) - 1} more like it)" if len(found) > 1 else ""
            issues.append(rows.issue(int(found[0]), kind.column, f"{kind.problem}{others}", ACTION))
            dropped[found] = True
            wrong[found] = kind.wrong
    if not dropped.any():
        return rows
    quoted = np.any([np.isfinite(rows.columns[name]) for name in there], axis=0)
    if on_bad == "raise" and wrong.sum() > MOST_WRONG * quoted.sum():
        first = next(issue for issue in issues[len(rows.issues) :])
        share = wrong.sum() / quoted.sum()
        raise MarketDataError(
            f"{rows.symbol}: {share:.0%} of its quotes cannot be, the first: {first.problem}; leave the quotes out, or {WAY_OUT}",
            file=first.file, row=first.row,
        )  # fmt: skip
    columns = {name: np.where(dropped, np.nan, column) if name in there else column for name, column in rows.columns.items()}
    return replace(rows, columns=columns, issues=tuple(issues))


def _kinds(columns: Mapping[str, Floats]) -> Iterator[_Kind]:
    if "bid" in columns and "ask" in columns:
        yield _Kind(columns["bid"] > columns["ask"], "bid", "the bid is above the ask", wrong=True)
    close = columns["close"]
    for name in [name for name in ("bid", "ask") if name in columns]:
        yield _Kind(columns[name] < 0, name, f"the {name} is negative", wrong=True)
        yield _Kind(columns[name] == 0, name, f"a {name} of 0 is no quote", wrong=False)
        far = (columns[name] < (1 - FARTHEST) * close) | (columns[name] > (1 + FARTHEST) * close)  # a difference would be rounded
        yield _Kind(far, name, f"the {name} is over half the close away from it", wrong=True)
    for name in [name for name in ("bid_size", "ask_size") if name in columns]:
        yield _Kind((columns[name] < 0) | np.isinf(columns[name]), name, f"the {name} is no number of shares", wrong=True)
