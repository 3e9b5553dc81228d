"""The tables of a study in shards: Parquet files of one row group each, put together and looked at by the workers of the study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from exec_algos.stats.streaming import A, added
from exec_algos.studies.folder import StudyFolder, check_code
from exec_algos.studies.record.tables import parquet_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from exec_algos.studies.shards.records import Records

T = TypeVar("T")
S = TypeVar("S")
ROWS = 1 << 16  # a part is full with so many rows: about twenty MB of memory, whatever the size of the shards
BUNDLE = 4  # parts that one worker looks at together; always so many, so that no sum hangs on who added it up
AHEAD = 8  # shards whose bytes are fetched ahead: on a far store the waiting is shared


class TablePart(NamedTuple):
    """Some shards that stand in one file of a table.

    Attributes
    ----------
    number : int
    shards : tuple of (str, int)
        Folder of each, and the parent orders before it.
    """

    number: int
    shards: tuple[tuple[str, int], ...]


def part_name(name: str, number: int) -> str:
    """Where a part of a table stands in the folder of its study."""
    return f"{name}.parquet/part-{number:06}.parquet"


def parts_of(records: Records, name: str) -> Iterator[TablePart]:
    """The parts of a table, each full with the shard that brings it to `ROWS` rows, whatever worked them."""
    number = rows = 0
    held: list[tuple[str, int]] = []
    for folder, before, more in _with_rows(records, name):
        held.append((folder, before))
        rows += more
        if rows >= ROWS:
            yield TablePart(number, tuple(held))
            number, rows, held = number + 1, 0, []
    if held:
        yield TablePart(number, tuple(held))


def _with_rows(records: Records, name: str) -> Iterator[tuple[str, int, int]]:
    """Shards that have rows of a table, with the parent orders before them and their rows; and the first of all: it tells the columns."""
    typed, before = False, 0
    for shard, record in records:
        if record["files"] and (record["rows"][name] or not typed):
            typed = True
            yield shard.folder, before, record["rows"][name]
        before += record["orders"]


def bundles(parts: Iterable[T]) -> Iterator[list[T]]:
    """Parts in their sequence, `BUNDLE` at a time: what one worker looks at together."""
    todo = iter(parts)
    while bundle := list(islice(todo, BUNDLE)):
        yield bundle


class Look(NamedTuple, Generic[A]):
    """What is asked of a table: some of its columns, and what to find in them."""

    columns: Sequence[str]
    find: Callable[[pd.DataFrame], A]


def put_parts(folder: str, name: str, code: Mapping[str, str], parts: Iterable[TablePart]) -> int:
    """Put parts of a table together; how many. The folder is the study's, and `code` is as in `Task`."""
    return sum(1 for _ in _put(folder, name, code, parts))


def put_and_look(folder: str, name: str, code: Mapping[str, str], look: Look[A], parts: Iterable[TablePart]) -> A:
    """Put parts of a table together, and look at them while they are in memory."""
    return added(look.find(table.select(list(look.columns)).to_pandas()) for table in _put(folder, name, code, parts))


def _put(place: str, name: str, code: Mapping[str, str], parts: Iterable[TablePart]) -> Iterator[pa.Table]:
    import pyarrow as pa

    check_code(code)
    folder = StudyFolder(place)
    for part in parts:
        table = pa.concat_tables(_numbered(folder, name, part)).combine_chunks()
        folder.put(part_name(name, part.number), parquet_of(table))
        yield table
        pa.default_memory_pool().release_unused()  # else the pool keeps what the largest part took


def _numbered(folder: StudyFolder, name: str, part: TablePart) -> Iterator[pa.Table]:
    """Each shard's table, its parent orders numbered on from the shard before."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def read(one: tuple[str, int]) -> tuple[bytes, int]:
        shard, before = one
        with folder.open(f"{shard}/{name}.parquet") as file:
            return file.read(), before

    for content, before in _ahead(read, iter(part.shards)):
        # `read_table` would take twice as long for a file of this size
        table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
        ids = pa.array(table["parent_id"].to_numpy() + before)
        yield table.set_column(table.schema.get_field_index("parent_id"), "parent_id", ids)


def _ahead(read: Callable[[T], S], todo: Iterator[T]) -> Iterator[S]:
    """What `read` makes of each, in order, a few of them at a time in threads."""
    with ThreadPoolExecutor(max_workers=AHEAD) as pool:
        running = [pool.submit(read, name) for name in islice(todo, AHEAD)]
        while running:
            yield running.pop(0).result()
            running += [pool.submit(read, name) for name in islice(todo, 1)]


def look_at(folder: str, name: str, look: Look[A], numbers: Iterable[int]) -> A:
    """Look at parts that are put together, and sum up what is found in them."""
    kept = StudyFolder(folder)
    return added(look.find(read_part(kept, name, number, look.columns).to_pandas()) for number in numbers)


def read_part(folder: StudyFolder, name: str, number: int, columns: Sequence[str] | None = None, filters: Any = None) -> pa.Table:
    """Some columns of one part, or those rows of it that `filters` let through."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with folder.open(part_name(name, number)) as file:
        table = pq.read_table(file, columns=None if columns is None else list(columns), filters=filters)
    pa.default_memory_pool().release_unused()
    return table


def columns_of(folder: StudyFolder, name: str) -> list[str]:
    """The columns of a table."""
    import pyarrow.parquet as pq

    with folder.open(part_name(name, 0)) as file:
        return list(pq.read_schema(file).names)
