"""What each algorithm made of its parent orders, and the columns that a summary of it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.tca.clusters import CLUSTER, blocks_of
from exec_algos.tca.table import measures

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.design.parents import ParentOrders


class Worked(NamedTuple):
    """What one algorithm made of n orders, and its m single trades in order of parent and time.

    Attributes
    ----------
    filled, children : ndarray of int64, shape (n,)
        Lots; child orders.
    notional, commission, taxes : ndarray of float64, shape (n,)
        Currency; taxes are part of the commission.
    trade_parent, trade_time, trade_lots : ndarray of int64, shape (m,)
        Row of the order; ns UTC; lots.
    trade_price, trade_commission : ndarray of float64, shape (m,)
        Currency per share; currency.
    trade_rule_price, trade_spread, trade_impact : ndarray of float64, shape (m,)
        What the price is made of, currency per share; see `exec_algos.fills.price_parts`.
    trade_taxes : ndarray of float64, shape (m,)
        Currency.
    """

    filled: Ints
    notional: Floats
    commission: Floats
    taxes: Floats
    children: Ints
    trade_parent: Ints
    trade_time: Ints
    trade_lots: Ints
    trade_price: Floats
    trade_commission: Floats
    trade_rule_price: Floats
    trade_spread: Floats
    trade_impact: Floats
    trade_taxes: Floats


def measures_table(orders: ParentOrders, parts: Sequence[tuple[str, Worked]], prices: Any) -> pd.DataFrame:
    """What a summary by algorithm looks at, one algorithm behind the other."""
    import pandas as pd

    quantity, session = (
        np.multiply(orders.lots, orders.lot_size, dtype=np.float64),
        orders.sessions.date[orders.session].astype("datetime64[s]"),
    )
    tables = [
        measures(orders.side, quantity, np.multiply(part.filled, orders.lot_size, dtype=np.float64), part.notional, prices)
        for _, part in parts
    ]
    columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    names = np.array([name for name, _ in parts], dtype=object).repeat(len(orders))
    blocks = blocks_of(orders.sessions, orders.session, orders.end)
    own = {} if blocks is None else {CLUSTER: np.tile(blocks, len(parts))}
    return pd.DataFrame({"algorithm": names, "session": np.tile(session, len(parts)), **own, **columns})
