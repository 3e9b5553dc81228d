"""Fills that stand twice: counted once where they are the same to the last cell, refused where they are not."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Ints
from exec_algos.executions.written import WrittenFills


class Twice(NamedTuple):
    """What stands twice among fills, shape (n,).

    Attributes
    ----------
    dropped : ndarray of bool
        The same as a fill before, with its fill_id: counted once.
    contradicted : ndarray of bool
        Fills that share a fill_id and differ.
    alike : int
        Fills without a fill_id that are the same as one before: counted, for two fills may be alike.
    """

    dropped: npt.NDArray[np.bool_]
    contradicted: npt.NDArray[np.bool_]
    alike: int


def find_twice(fills: WrittenFills, day: Ints, symbol: Ints) -> Twice:
    """Fills that stand twice.

    A fill_id counts within a symbol and a day, for exchanges begin anew each day.

    Parameters
    ----------
    fills : WrittenFills
    day, symbol : ndarray of int64, shape (n,)
        The session and the symbol of each fill by number.
    """
    import pandas as pd

    n = len(fills)
    content: dict[str, Any] = {
        "order": -np.ones(n, dtype=np.int64) if fills.order is None else fills.order.codes,
        "day": day,
        "symbol": symbol,
    }
    content |= {"quantity": fills.quantity, "price": fills.price, **fills.costs}
    content |= {} if fills.time is None else {"time": fills.time}
    content |= {} if fills.side is None else {"side": fills.side}
    whole = pd.DataFrame(content)
    if fills.fill_id is None:
        return Twice(np.zeros(n, dtype=bool), np.zeros(n, dtype=bool), int(whole.duplicated().sum()))
    named = np.array([bool(word) for word in fills.fill_id.words], dtype=bool)[fills.fill_id.codes]
    whole["fill_id"] = fills.fill_id.codes
    same = whole.duplicated().to_numpy()
    keys = whole[["fill_id", "day", "symbol"]]
    shared = keys.duplicated(keep=False).to_numpy() & named
    dropped = same & named
    left = keys[~dropped].duplicated(keep=False)
    contradicted = np.zeros(n, dtype=bool)
    contradicted[np.flatnonzero(~dropped)] = left.to_numpy()
    return Twice(dropped, contradicted & shared, int((same & ~named).sum()))
