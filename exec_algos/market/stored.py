"""One Parquet file of a bar store: how bars become its bytes, and what proves that they are still those bars.

Page checksums let any reader of Parquet notice a page that changed. They leave out the footer and the headers of pages, where names, types,
places and counts stand: so the footer also holds a CRC-32 of each column as it is in memory, and one of all that it says of the bars.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from exec_algos.errors import MarketDataError
from exec_algos.market.arrays import Flags
from exec_algos.market.bars import PRICES, QUOTES, Bars
from exec_algos.market.boundary import reading
from exec_algos.market.decimals import read_as_decimals
from exec_algos.market.validate import MOST_SHARES

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
FACTS, PROOF = b"exec_algos", b"exec_algos_crc32"
CHECKS = "crc32"  # in the facts: the CRC-32 of each column; files of earlier versions have none
WAY_OUT = "move it away and import its month again"


class StoredPart(NamedTuple):
    """A Parquet file of the store."""

    symbol: str
    month: str
    path: str


def content_of(bars: Bars) -> bytes:
    """Bars of one symbol's month as a Parquet file."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    # LZ4, and times by their differences, are decoded in three quarters of the time of the defaults, which pays for the checksums; the
    # file is 40 % smaller
    encoded = {"use_dictionary": list(bars.columns()), "column_encoding": {"start": "DELTA_BINARY_PACKED"}}
    pq.write_table(_table(bars), sink, compression="lz4", write_page_checksum=True, **encoded)
    return sink.getvalue()


def bars_in(content: bytes, part: StoredPart) -> Bars:
    """The bars of a file.

    Raises
    ------
    MarketDataError
        It is not whole, no file of a store, or not what was written; or, where it is of a version that wrote no checksums, a bar
        cannot be true.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    def read() -> pa.Table:
        # not `read_table`, which takes twice as long for a file of this size
        return pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read(use_threads=False)

    table = whole(read, part.path)
    facts = facts_in(table.schema, part.path)
    return whole(lambda: _bars(table, facts, part), part.path)


def facts_of(bars: Bars) -> dict[str, Any]:
    """What a file says of its bars."""
    facts = {"step": bars.step, "zone": bars.zone, "bars": len(bars), "first": int(bars.start[0]), "last": int(bars.start[-1])}
    return {**facts, CHECKS: checks_of(bars)}


def facts_in(schema: pa.Schema, path: str) -> dict[str, Any]:
    """What a file says of its bars.

    Raises
    ------
    MarketDataError
        It is no file of a store, or what it says is not what was written.
    """
    notes = schema.metadata or {}
    text = notes.get(FACTS, b"null")
    facts: dict[str, Any] | None = whole(lambda: json.loads(text), path)
    if facts is None:
        raise MarketDataError("not a file of a bar store; import it instead", file=path)
    if (PROOF in notes or CHECKS in facts) and notes.get(PROOF) != _hex(text).encode():
        raise damaged("what it says of its bars", path)
    return facts


def whole(read: Callable[[], T], path: str) -> T:
    """What `read` gives; whatever it stumbles over is said of the file.

    Raises
    ------
    MarketDataError
        The file is not whole.
    """
    with reading(path, WAY_OUT, what="not a whole Parquet file"):
        return read()


def damaged(what: str, path: str) -> MarketDataError:
    """Of a file that is whole and not what was written."""
    return MarketDataError(f"damaged on disk: {what} is not what was written (CRC-32 differs); {WAY_OUT}", file=path)


def checks_of(bars: Bars) -> dict[str, str]:
    """CRC-32 of each column as it is in memory, in hexadecimal digits."""
    columns: dict[str, Any] = {"start": bars.start, **bars.columns()}
    return {name: _hex(np.ascontiguousarray(column).data) for name, column in columns.items()}


def _hex(content: bytes | memoryview) -> str:
    return f"{zlib.crc32(content):08x}"


def _table(bars: Bars) -> pa.Table:
    import pyarrow as pa

    facts = json.dumps(facts_of(bars)).encode()
    columns = {"start": pa.array(bars.start, type=pa.int64()).cast(pa.timestamp("ns", tz="UTC")), **bars.columns()}
    return pa.table(columns).replace_schema_metadata({FACTS: facts, PROOF: _hex(facts).encode()})


def _bars(table: pa.Table, facts: Mapping[str, Any], part: StoredPart) -> Bars:
    names = [name for name in table.column_names if name != "start"]
    columns: dict[str, Any] = {name: table[name].to_numpy().astype(np.float64, copy=False) for name in names}
    bars = Bars(
        symbols=(part.symbol,),
        offsets=np.array([0, len(table)], dtype=np.int64),
        start=table["start"].cast("int64").to_numpy().copy(),
        quotes={name: columns.pop(name) for name in QUOTES if name in columns},
        step=int(facts["step"]),
        zone=str(facts["zone"]),
        **columns,
    )
    if CHECKS not in facts:  # written before imports looked at it
        _check_possible(bars, part.path)
        return _decimal(bars)
    if checks_of(bars) != facts[CHECKS]:
        raise damaged(_differing(checks_of(bars), facts[CHECKS]), part.path)
    return bars


def _decimal(bars: Bars) -> Bars:
    """Prices of float32 as the decimals meant, as every reader gives them."""
    found, read_as = read_as_decimals(bars.columns(), bars.symbols[0])
    columns: dict[str, Any] = dict(found)
    quotes = {name: columns.pop(name) for name in bars.quotes}
    return replace(bars, quotes=quotes, read_as=read_as, **columns) if read_as else bars


def _differing(found: Mapping[str, str], written: Mapping[str, str]) -> str:
    names = [name for name in dict.fromkeys([*written, *found]) if found.get(name) != written.get(name)]
    return f"column {', '.join(names)}"


def _check_possible(bars: Bars, path: str) -> None:
    found = impossible(bars)
    if found is not None:
        raise MarketDataError(f"a bar that cannot be true ({found.said}); {WAY_OUT}", file=path, row=found.row)


class Impossible(NamedTuple):
    """A bar that cannot be true: its row, counted from 1, and what stands there."""

    row: int
    said: str


def impossible(bars: Bars, *, allow_negative: bool = False) -> Impossible | None:
    """The first bar that no reader would have let through; NaN fails every comparison."""
    low, high = bars.low, bars.high
    true: Flags = (low > (-np.inf if allow_negative else 0)) & (high < np.inf) & (bars.volume >= 0) & (bars.volume <= MOST_SHARES)
    for name in ("open", "close"):
        true &= (low <= getattr(bars, name)) & (getattr(bars, name) <= high)
    if true.all():
        return None
    row = int(true.argmin())
    return Impossible(row + 1, ", ".join(f"{name} {float(getattr(bars, name)[row])!r}" for name in (*PRICES, "volume")))
