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


def put_parts(folder: StudyFolder, name: str, code: Mapping[str, str], parts: Iterable[TablePart]) -> dict[str, str]:
    """Put parts of a table together; their SHA-256 by name. `code` is as in `ShardTask`."""
    return {place: digest for place, digest, _ in _put(folder, name, code, parts)}


class Looked(NamedTuple, Generic[A]):
    """What was found in parts of a table that were put together, and their SHA-256 by name."""

    found: A
    digests: dict[str, str]

    def plus(self, other: Looked[A]) -> Looked[A]:
        """That of both."""
        return Looked(self.found.plus(other.found), self.digests | other.digests)


def put_and_look(folder: StudyFolder, name: str, code: Mapping[str, str], look: Look[A], parts: Iterable[TablePart]) -> Looked[A]:
    """Put parts of a table together, and look at them while they are in memory."""
    put = _put(folder, name, code, parts)
    return added(Looked(look.find(table.select(list(look.columns)).to_pandas()), {place: digest}) for place, digest, table in put)


def _put(folder: StudyFolder, name: str, code: Mapping[str, str], parts: Iterable[TablePart]) -> Iterator[tuple[str, str, pa.Table]]:
    import pyarrow as pa

    check_code(code)
    for part in parts:
        table = pa.concat_tables(_numbered(folder, name, part)).combine_chunks()
        place = part_name(name, part.number)
        yield place, folder.put(place, parquet_of(table)), table
        pa.default_memory_pool().release_unused()  # else the pool keeps what the largest part took


def _numbered(folder: StudyFolder, name: str, part: TablePart) -> Iterator[pa.Table]:
    """Each shard's table, its parent orders numbered on from the shard before."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def read(part: tuple[str, int]) -> tuple[bytes, int]:
        shard, before = part
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


def look_at(folder: StudyFolder, name: str, look: Look[A], digests: Mapping[str, str] | None, numbers: Iterable[int]) -> A:
    """Look at parts that are put together, and sum up what is found in them; `digests` as in `read_part`."""
    return added(look.find(read_part(folder, name, number, digests, columns=look.columns).to_pandas()) for number in numbers)


def read_part(
    folder: StudyFolder,
    name: str,
    number: int,
    digests: Mapping[str, str] | None,
    *,
    columns: Sequence[str] | None = None,
    filters: Any = None,
) -> pa.Table:
    """Some columns of one part, or those rows of it that `filters` let through.

    Parameters
    ----------
    folder : StudyFolder
    name : str
    number : int
    digests : mapping of str to str, optional
        SHA-256 of the finished files of the study; None while they are being made.
    columns : sequence of str, optional
    filters : optional
        As `pyarrow.parquet.read_table` takes them.

    Raises
    ------
    UsageError
        The part is not what was written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = part_name(name, number)
    if digests is not None:
        _prove(folder, place, digests)
    with folder.open(place) as file:
        table = pq.read_table(file, columns=None if columns is None else list(columns), filters=filters, page_checksum_verification=True)
    pa.default_memory_pool().release_unused()
    return table


_PROVED: set[tuple[str, str, str | None] | None] = set()


def _prove(folder: StudyFolder, place: str, digests: Mapping[str, str]) -> None:
    """Compare a part with the SHA-256 of when it was written, once in a process; the checksums of its pages are verified each time."""
    try:
        key = folder.place(place), folder.mark(place), digests.get(place)
    except FileNotFoundError:
        key = None  # which is said below
    if key not in _PROVED:
        folder.proved(place, digests)
        _PROVED.add(key)


def columns_of(folder: StudyFolder, name: str, digests: Mapping[str, str] | None) -> list[str]:
    """The columns of a table; `digests` as in `read_part`."""
    import pyarrow.parquet as pq

    if digests is not None:
        _prove(folder, part_name(name, 0), digests)
    with folder.open(part_name(name, 0)) as file:
        return list(pq.read_schema(file).names)


def count_of(folder: StudyFolder, name: str, digests: Mapping[str, str] | None) -> int:
    """How many parts a table has, by what was written down of it; else by what is there."""
    return folder.count(f"{name}.parquet") if digests is None else sum(place.startswith(f"{name}.parquet/") for place in digests)
