"""Orders and fills in the shares of bars that are adjusted for splits: what was traded before one is put into shares after it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints
from exec_algos.executions.cells import MISSING, known_times
from exec_algos.executions.form import COSTS
from exec_algos.executions.joined import Joined

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars


def ratios(bars: Bars, symbols: npt.NDArray[np.object_], instants: Ints) -> tuple[Floats, Floats]:
    """What shares at instants (ns UTC) are multiplied by, and what prices are divided by; shape (n,)."""
    shares, prices = np.ones(len(instants)), np.ones(len(instants))
    for split in bars.splits:
        before = (symbols == split.symbol) & (instants != MISSING) & (instants < split.instant(bars.zone))
        shares[before] *= 1.0 if split.adjust == "prices" else split.ratio
        prices[before] *= 1.0 if split.adjust == "volumes" else split.ratio
    return shares, prices


def adjusted(found: Joined, bars: Bars) -> Joined:
    """Quantities and prices of fills, and what orders say they filled, in shares of the bars; `ratio` says the same of their quantities."""
    if not bars.splits:
        return found
    orders, fills = found.orders, found.fills
    symbols, starts = np.array(orders.written.symbols, dtype=object), known_times(orders.written.starts)
    shares, prices = ratios(bars, symbols, starts)
    orders = replace(orders, filled=orders.filled * shares, average_price=orders.average_price / prices, ratio=shares)
    changed = int((shares != 1).sum() + (prices != 1).sum())
    if fills is not None:
        names = np.append(symbols, "")[found.parent] if fills.symbol is None else fills.symbol.whole()
        times = np.append(starts, MISSING)[found.parent] if fills.time is None else fills.time
        shares, prices = ratios(bars, names, times)
        costs = {name: column / prices if name in COSTS else column for name, column in fills.costs.items()}
        fills = replace(fills, quantity=fills.quantity * shares, price=fills.price / prices, costs=costs)
        changed += int((shares != 1).sum() + (prices != 1).sum())
    note = "what was traded before a split is in shares after it, as the bars are"
    return Joined(orders, fills, found.parent, found.built, (*found.notes, *([note] if changed else [])))
