"""Twins: orders of the same symbol, window and size on both sides. What the price's own move costs one, the other gains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

BUYS_ONLY = "buys only: each buy has a twin, a sell of the same symbol, window and size, and over both the price's own moves cancel"
SHOWN_ONCE = "sells mirror buys: the same numbers with the opposite sign, shown once"
SIGNED = ("mean", "median", "notional_mean")  # columns of a summary whose sign turns with the side
EQUAL = ("n", "left_out", "days", "fill_rate", "participation", "fills", "notional")  # columns that have no sign: of twins they are equal
SAME = 1e-6  # bps; less than this is rounding


def are_twins(keys: Sequence[npt.NDArray[np.generic]], side: Ints) -> bool:
    """Whether every order has a twin of the other side.

    Parameters
    ----------
    keys : sequence of ndarray of shape (n,)
        What twins share: symbol, start, end, size.
    side : ndarray of int64, shape (n,)
        +1 buys, -1 sells.
    """
    buys = side > 0
    if not len(side) or 2 * int(buys.sum()) != len(side):
        return False
    mine, others = (_sorted([key[chosen] for key in keys]) for chosen in (buys, ~buys))
    return all(bool((a == b).all()) for a, b in zip(mine, others, strict=True))


def _sorted(keys: Sequence[npt.NDArray[np.generic]]) -> list[npt.NDArray[np.generic]]:
    order = np.lexsort(tuple(keys))
    return [key[order] for key in keys]


def twins_in(parents: pd.DataFrame) -> bool:
    """Whether every parent order has a twin; `parents` holds ``symbol, start, end, quantity, side`` and a row for each order."""
    import pandas as pd

    symbol = pd.factorize(parents["symbol"])[0]
    times = [parents[name].astype("int64").to_numpy() for name in ("start", "end")]
    return are_twins([symbol, *times, parents["quantity"].to_numpy()], np.where(parents["side"] == "BUY", 1, -1).astype(np.int64))


class Shown(NamedTuple):
    """A table by algorithm and side without what it says twice.

    Attributes
    ----------
    table : DataFrame
    once : bool
        The rows of sells were the mirror image of those of buys, and are left out.
    """

    table: pd.DataFrame
    once: bool

    @property
    def note(self) -> str:
        """What a reader has to know; empty where nothing is left out."""
        return SHOWN_ONCE if self.once else ""


def shown_once(table: pd.DataFrame, signed: Sequence[str]) -> Shown:
    """The rows of buys where those of sells differ in sign only; else the whole table.

    Orders that are no twins can cost the same by chance, most of all 0: what is counted (`EQUAL`) must be the same too.

    Parameters
    ----------
    table : DataFrame
        Indexed by ``algorithm, side`` and perhaps more.
    signed : sequence of str
        Columns whose sign turns with the side, in bps. All must mirror.
    """
    sides = table.index.get_level_values("side")
    buys, sells = table[sides == "BUY"], table[sides == "SELL"]
    others = [str(name) for name in table.index.names if name != "side"]
    if not len(sells) or not all(np.array_equal(buys.index.get_level_values(name), sells.index.get_level_values(name)) for name in others):
        return Shown(table, once=False)
    mirrored = all(_opposite(buys[name].to_numpy(np.float64), sells[name].to_numpy(np.float64)) for name in signed)
    counted = all(np.allclose(buys[name], sells[name], rtol=SAME, atol=0.0, equal_nan=True) for name in EQUAL if name in table.columns)
    return Shown(buys, once=True) if mirrored and counted else Shown(table, once=False)


def _opposite(mine: Floats, others: Floats) -> bool:
    return bool(np.allclose(mine, -others, rtol=0.0, atol=SAME, equal_nan=True))
