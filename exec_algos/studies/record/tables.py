"""The tables of a study, made in Arrow: a frame of it takes a fraction of the time and memory of one that is put together in pandas."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Ints
from exec_algos.tca.clusters import CLUSTER, blocks_of
from exec_algos.tca.table import WHY, parent_columns

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from exec_algos.studies.design.parents import ParentOrders
    from exec_algos.studies.run.worked import Worked
    from exec_algos.tca.benchmarks import Benchmarks

Columns = dict[str, npt.NDArray[Any]]
Parts = Sequence[tuple[str, "Worked"]]
STAMPS = ("start", "end", "timestamp")  # ns UTC, shown in the zone of the exchange
CODES = "not_estimable"


class Texts(NamedTuple):
    """A column of a few texts that stand in many rows, by number."""

    names: Sequence[str]
    numbers: Ints


def parents_arrow(orders: ParentOrders, parts: Parts, prices: Benchmarks) -> pa.Table:
    """A row for each parent order and algorithm, in their sequence."""
    many = len(parts)
    filled, notional, commission, taxes, children = (
        np.stack([getattr(worked, name) for _, worked in parts], axis=1).ravel()
        for name in ("filled", "notional", "commission", "taxes", "children")
    )
    own: Columns = {
        "parent_id": np.arange(len(orders), dtype=np.int64),
        "symbol": np.array(orders.symbols, dtype=object)[orders.symbol],
        "session": orders.sessions.date[orders.session].astype("datetime64[s]"),
        "side": orders.side,
        "quantity": orders.lots * orders.lot_size,  # a float only where the lot is one
        "start": orders.start,
        "end": orders.end,
        **orders.columns,
    }
    blocks = blocks_of(orders.sessions, orders.session, orders.end)
    if blocks is not None:
        own[CLUSTER] = blocks
    columns = {name: np.repeat(table, many) for name, table in own.items()} | {
        "algorithm": np.tile(np.array([name for name, _ in parts], dtype=object), len(orders)),
        "filled": filled * orders.lot_size,
        "commission": commission,
        "taxes": taxes,
        "children": children,
    }
    alike = type(prices)(*(np.repeat(price, many) for price in prices))
    return arrow_table(parent_columns(columns, notional, alike), orders.sessions.zone)


def fills_arrow(orders: ParentOrders, parts: Parts) -> pa.Table:
    """A row for each trade, in order of parent order, algorithm and time."""
    parent = np.concatenate([worked.trade_parent for _, worked in parts])
    order = np.argsort(parent, kind="stable")
    parent = parent[order]

    def joined(name: str) -> Any:
        return np.concatenate([getattr(worked, f"trade_{name}") for _, worked in parts])[order]

    numbers = np.repeat(np.arange(len(parts)), [len(worked.trade_parent) for _, worked in parts])[order]
    columns: dict[str, npt.NDArray[Any] | Texts] = {
        "parent_id": parent,
        "algorithm": Texts([name for name, _ in parts], numbers),
        "timestamp": joined("time"),
        "symbol": Texts(orders.symbols, orders.symbol[parent]),
        "side": Texts(("BUY", "SELL"), (orders.side[parent] < 0).astype(np.int64)),
        "quantity": joined("lots") * orders.lot_size,
        **{name: joined(name) for name in ("price", "commission", "taxes", "rule_price", "spread", "impact")},
    }
    return arrow_table(columns, orders.sessions.zone)


def arrow_table(columns: Mapping[str, npt.NDArray[Any] | Texts], zone: str) -> pa.Table:
    """Columns as a table; those of `STAMPS` are instants, ns UTC, that are shown on the clock of a zone."""
    import pyarrow as pa

    kinds = tuple((name, "|O" if isinstance(column, Texts) else column.dtype.str) for name, column in columns.items())
    schema = _schema(kinds, zone)
    return pa.Table.from_arrays([_array(columns[column.name], column.type) for column in schema], schema=schema)


@lru_cache(maxsize=64)
def _schema(kinds: tuple[tuple[str, str], ...], zone: str) -> pa.Schema:
    """What Arrow would make of a frame of such columns, notes for pandas included: asked once for all tables alike."""
    import pandas as pd
    import pyarrow as pa

    frame = pd.DataFrame({name: [""] if kind == "|O" else np.zeros(1, dtype=kind) for name, kind in kinds})
    for name in frame.columns.intersection(list(STAMPS)):
        frame[name] = pd.DatetimeIndex(np.zeros(1, dtype="datetime64[ns]"), tz="UTC").tz_convert(zone)
    if CODES in frame:
        frame[CODES] = pd.Categorical.from_codes([0], pd.Index(list(WHY)))
    return pa.Schema.from_pandas(frame, preserve_index=False)


def _array(values: npt.NDArray[Any] | Texts, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if isinstance(values, Texts):
        return pa.array(list(values.names), kind).take(pa.array(values.numbers))
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(pa.array(values, kind.index_type), pa.array(WHY, kind.value_type), ordered=kind.ordered)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.array(values).view(kind)
    return pa.array(values, kind, from_pandas=True)


def parquet_of(table: pa.Table) -> bytes:
    """A table as a Parquet file of one row group.

    Only texts have dictionaries: numbers hardly repeat, and to find that out takes half of the time; LZ4 reads in half of snappy's.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_timestamp, pa.types.is_date)
    texts = [column.name for column in table.schema if not any(kind(column.type) for kind in numbers)]
    pq.write_table(table, sink, use_dictionary=texts, compression="lz4", row_group_size=max(len(table), 1), write_page_checksum=True)
    return sink.getvalue()


def parquet_of_frame(table: pd.DataFrame) -> bytes:
    """`parquet_of` a frame, its index left out."""
    import pyarrow as pa

    return parquet_of(pa.Table.from_pandas(table, preserve_index=False))
