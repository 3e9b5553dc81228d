"""The frames of a desk's own orders, as those of a study: a row for each order, a row for each fill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.executions.counting import Counted
from exec_algos.executions.filled import Filled
from exec_algos.executions.form import COSTS
from exec_algos.executions.simulated import orders_prices, settled, whole
from exec_algos.executions.sources import Given
from exec_algos.studies.record.tables import Texts, arrow_table
from exec_algos.tca.clusters import CLUSTER, blocks_of
from exec_algos.tca.frames import OWN_FILLS
from exec_algos.tca.table import parent_columns

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.studies.design.parents import ParentOrders


class Frames(NamedTuple):
    """`parents` and `fills` of a result."""

    parents: pd.DataFrame
    fills: pd.DataFrame


def own_frames(bars: Bars, given: Given, counted: Counted) -> Frames:
    """The frames of the orders that count."""
    return Frames(_parents(bars, counted.orders, given.filled.take(counted.places)), _trades(given, counted))


def _parents(bars: Bars, orders: ParentOrders, filled: Filled) -> pd.DataFrame:
    """A row for each order, as `parents` of a study has it."""
    n = len(orders)
    shares = settled(filled.shares, np.multiply(orders.lots, orders.lot_size, dtype=np.float64))
    columns: dict[str, Any] = {
        "parent_id": np.arange(n, dtype=np.int64),
        "symbol": np.array(orders.symbols, dtype=object)[orders.symbol],
        "session": orders.sessions.date[orders.session].astype("datetime64[s]"),
        "side": orders.side,
        "quantity": orders.lots * orders.lot_size,
        "start": orders.start,
        "end": orders.end,
        **orders.columns,
    }
    blocks = blocks_of(orders.sessions, orders.session, orders.end)
    columns |= {} if blocks is None else {CLUSTER: blocks}
    columns |= {
        "algorithm": np.full(n, OWN_FILLS, dtype=object), "filled": whole(shares), "commission": filled.commission,
        "taxes": filled.taxes, "children": filled.children,
    }  # fmt: skip
    made = parent_columns(columns, filled.notional, orders_prices(bars, orders))
    found: pd.DataFrame = arrow_table(made, orders.sessions.zone).to_pandas()
    return found


def _trades(given: Given, counted: Counted) -> pd.DataFrame:
    """A row for each fill that counts, as `fills` of a study has it: by order and time."""
    fills, orders = given.found.fills, counted.orders
    place = np.full(len(given.found.orders) + 1, -1, dtype=np.int64)
    place[counted.places] = np.arange(len(counted.places))
    rows, time, known = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), {}
    quantity = price = np.zeros(0)
    if fills is not None and fills.time is not None:
        rows = np.flatnonzero(given.counts & (place[given.found.parent] >= 0))
        rows = rows[np.lexsort((fills.time[rows], place[given.found.parent[rows]]))]
        time, quantity, price = fills.time[rows], fills.quantity[rows], fills.price[rows]
        known = {name: column[rows] for name, column in fills.costs.items()}
    parent = place[given.found.parent[rows]]
    taxes = known.get("taxes", np.zeros(len(rows)))
    commission = known.get("commission", np.zeros(len(rows)))
    columns: dict[str, Any] = {
        "parent_id": parent,
        "algorithm": Texts([OWN_FILLS], np.zeros(len(rows), dtype=np.int64)),
        "timestamp": time,
        "symbol": Texts(orders.symbols, orders.symbol[parent]),
        "side": Texts(("BUY", "SELL"), (orders.side[parent] < 0).astype(np.int64)),
        "quantity": whole(quantity),
        "price": price,
        "commission": commission if given.inclusive else commission + taxes,
        "taxes": taxes,
        **{name: known.get(name, np.full(len(rows), np.nan)) for name in COSTS},
    }
    found: pd.DataFrame = arrow_table(columns, orders.sessions.zone).to_pandas()
    return found
