"""The dearest and the cheapest orders of a study, with the bars and the fills that a picture of each needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from exec_algos.market.bars import Bars
from exec_algos.studies.record.tables import fills_arrow
from exec_algos.studies.run.pieces import Workable, piece_of
from exec_algos.tca.names import BENCHMARKS
from exec_algos.tca.places import rows_between
from exec_algos.tca.trades import instants

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.design.parents import ParentOrders

EACH = 10  # dearest orders, and as many cheapest ones
COST = BENCHMARKS["interval_vwap"]
BARS, FILLS = "extreme_bars", "extreme_fills"  # Parquet files of a study's folder
COLUMNS = ("open", "high", "low", "close", "volume")


class HasOrders(Protocol):
    """What is looked at of a study."""

    @property
    def parents(self) -> pd.DataFrame:
        """As of `StudyResult`."""
        ...

    @property
    def fills(self) -> pd.DataFrame:
        """As of `StudyResult`."""
        ...

    @property
    def config(self) -> dict[str, Any]:
        """As of `StudyResult`."""
        ...

    @property
    def bars(self) -> Bars:
        """As of `StudyResult`."""
        ...

    def has_twins(self) -> bool:
        """Whether every parent order has a twin of the other side."""
        ...


class Extremes(NamedTuple):
    """Rows of ``parents`` of the first algorithm, by cost against the interval VWAP.

    Attributes
    ----------
    dearest, cheapest : DataFrame
        At most `EACH`, the most extreme first; no order stands in both.
    """

    dearest: pd.DataFrame
    cheapest: pd.DataFrame

    @property
    def ids(self) -> list[int]:
        """Their ``parent_id``, rising."""
        return sorted({*self.dearest["parent_id"], *self.cheapest["parent_id"]})


def extremes_of(parents: pd.DataFrame, algorithm: str) -> Extremes:
    """The dearest and the cheapest orders of an algorithm; `parents` are those that are looked at, of twins the buys."""
    rows = parents[(parents["algorithm"] == algorithm) & parents[COST].notna()].sort_values(COST, kind="stable")
    dearest = min(EACH, (len(rows) + 1) // 2)
    cheapest = min(EACH, len(rows) // 2)
    return Extremes(rows.iloc[len(rows) - dearest :][::-1], rows.iloc[:cheapest])


class Rework(NamedTuple):
    """What works some orders of a study again, whose single trades were not kept."""

    bars: Bars
    orders: ParentOrders
    work: Workable

    def fills(self, ids: list[int]) -> pd.DataFrame:
        """The fills of these parent orders, a row for each trade."""
        rows = np.array(ids, dtype=np.int64)
        rows = rows[np.argsort(self.orders.symbol[rows], kind="stable")]
        piece = piece_of(self.bars, self.orders, rows)
        names = [str(algorithm) for algorithm in self.work.algorithms]
        found: pd.DataFrame = fills_arrow(piece.orders, list(zip(names, self.work.worked(piece), strict=True))).to_pandas()
        return found.assign(parent_id=rows[found["parent_id"].to_numpy()])


def fills_of(result: HasOrders, ids: list[int]) -> pd.DataFrame:
    """The fills of some orders, worked again where they were not kept; empty where neither can be."""
    held = result.fills
    if len(held):
        return held[held["parent_id"].isin(ids)]
    rework: Rework | None = getattr(result, "_rework", None)
    return held if rework is None or not ids else rework.fills(ids)


def tables_of(result: HasOrders) -> dict[str, pd.DataFrame]:
    """What the folder of a study keeps of its extreme orders: the bars of their windows, and their fills where no others are kept."""
    shown = result.parents[result.parents["side"] == "BUY"] if result.has_twins() else result.parents
    ids = extremes_of(shown, result.config["algorithms"][0]).ids
    orders = result.parents.drop_duplicates("parent_id").set_index("parent_id").loc[ids]
    tables = {BARS: bars_in(result.bars, orders)}
    return tables if len(result.fills) else {**tables, FILLS: fills_of(result, ids)}


def bars_in(bars: Bars, orders: pd.DataFrame) -> pd.DataFrame:
    """The bars in the windows of some orders by symbol and time, each once; `bars_of` makes bars of it again."""
    import pandas as pd

    symbol = pd.Index(list(bars.symbols)).get_indexer(pd.Index(orders["symbol"])).astype(np.int64)
    first, last = rows_between(bars, symbol, instants(orders["start"]), instants(orders["end"]))
    rows = np.unique(np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)] or [np.empty(0, np.int64)])).astype(
        np.int64
    )
    owner = np.searchsorted(bars.offsets, rows, side="right") - 1
    names = np.array(bars.symbols, dtype=object)[owner]
    return pd.DataFrame({"symbol": names, "start": bars.start[rows], **{name: getattr(bars, name)[rows] for name in COLUMNS}})


def bars_of(table: pd.DataFrame, config: dict[str, Any]) -> Bars:
    """The bars that `tables_of` wrote."""
    import pandas as pd

    names = list(dict.fromkeys(table["symbol"]))
    offsets = np.searchsorted(pd.Index(names).get_indexer(pd.Index(table["symbol"])), np.arange(len(names) + 1)).astype(np.int64)
    columns: dict[str, Any] = {name: table[name].to_numpy(np.float64) for name in COLUMNS}
    start, step = table["start"].to_numpy(np.int64), round(config["bar_seconds"] * 1_000_000_000)
    return Bars(symbols=tuple(names), offsets=offsets, start=start, step=step, zone=config["zone"], **columns)
