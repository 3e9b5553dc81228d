"""`Filled`: what each order filled, at which price and cost, from its single fills or from its average price."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints
from exec_algos.executions.joined import Joined


class Filled(NamedTuple):
    """Columns of shape (n_orders,).

    Attributes
    ----------
    shares, notional : ndarray of float64
        Shares; currency.
    commission, taxes : ndarray of float64
        Currency; taxes are part of the commission.
    children : ndarray of int64
        As the orders say, else the number of fills.
    single : ndarray of bool
        Whether the single fills are known of what was filled.
    """

    shares: Floats
    notional: Floats
    commission: Floats
    taxes: Floats
    children: Ints
    single: npt.NDArray[np.bool_]

    def take(self, places: Ints) -> Filled:
        """Some of the orders."""
        return Filled._make(column[places] for column in self)


def filled_of(found: Joined, counted: npt.NDArray[np.bool_], inclusive: bool) -> Filled:
    """What each order filled.

    Parameters
    ----------
    found : Joined
    counted : ndarray of bool, shape (n_fills,)
        Fills that count.
    inclusive : bool
        The commission of the file holds the taxes.
    """
    orders, fills, n = found.orders, found.fills, len(found.orders)
    zero = np.zeros(n)
    shares, notional, many = zero, zero, np.zeros(n, dtype=np.int64)
    costs: dict[str, Floats] = dict.fromkeys(("commission", "taxes"), zero)
    timed = fills is not None and fills.time is not None
    if fills is not None:
        rows = np.flatnonzero(counted)
        # sums in order of time, whatever the order of the file
        rows = rows if fills.time is None else rows[np.lexsort((fills.time[rows], found.parent[rows]))]
        mine = found.parent[rows]
        shares = np.bincount(mine, fills.quantity[rows], n).astype(np.float64)
        notional = np.bincount(mine, fills.quantity[rows] * fills.price[rows], n).astype(np.float64)
        many = np.bincount(mine, minlength=n).astype(np.int64)
        costs = {name: np.bincount(mine, fills.costs[name][rows], n).astype(np.float64) if name in fills.costs else zero for name in costs}
    said = (many == 0) & (orders.filled > 0) & (orders.average_price > 0)
    shares = np.where(said, orders.filled, shares)
    notional = np.where(said, orders.filled * orders.average_price, notional)
    of_fills = set() if fills is None else set(fills.costs)
    for name in costs:
        if name in orders.costs:
            costs[name] = np.where(said | (name not in of_fills), orders.costs[name], costs[name])
    paid = costs["commission"] if inclusive else costs["commission"] + costs["taxes"]
    children = np.where(shares > 0, np.maximum(many, 1), 0)
    if "children" in orders.costs:
        children = np.nan_to_num(orders.costs["children"]).astype(np.int64)
    return Filled(shares, notional, paid, costs["taxes"], children, (shares == 0) | (timed & ~said))
