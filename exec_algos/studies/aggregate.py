"""What the shards of a study come to: tables, lists and summary, in one order whatever order the shards were done in."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from exec_algos.errors import UsageError
from exec_algos.studies.desk import REFUSED, refused_text
from exec_algos.studies.outcome import ShardedResult
from exec_algos.studies.records import Facts, Records
from exec_algos.studies.result import BENCHMARKS
from exec_algos.studies.resume import StudyFolder, as_text, code_record, told

if TYPE_CHECKING:
    import pyarrow as pa

    from exec_algos.studies.imports import Refused
    from exec_algos.studies.parents import Skipped
    from exec_algos.studies.shards import Shard

A = TypeVar("A")
B = TypeVar("B")
ROWS = 1 << 16  # rows of a row group: about twenty MB, whatever the size of the shards
FEW = 1 << 12  # rows that are put together at once: many small tables take more memory than their rows
AHEAD = 8  # shards whose bytes are fetched ahead: on a far store the waiting is shared
TABLES = ("parents", "fills")
LISTS = ("skipped", "failed")
WHOLE = "whole.json"  # says which configuration the tables belong to; not there while they are being written


def combine(folder: StudyFolder, settings: Mapping[str, Any], records: Records, refused: Sequence[Refused] | None = None) -> ShardedResult:
    """Put the shards together, in order of symbol and month; nothing is written again where all stands as it would be written.

    Memory is that of a few shards, of one row group, and of a few bytes for each shard. `refused` are rows of a desk's orders that came
    into no shard; None where there is a grid.

    Raises
    ------
    UsageError
        No parent order is left.
    """
    facts = Facts.of(records)
    _put_list(folder, "failed", facts.failed)
    skipped = _put_list(folder, "skipped", _skipped(records, facts))
    if refused is not None:
        whole = [*refused, *(one for _, record in records for one in record.get("refused", ()))]
        folder.put(REFUSED, refused_text(whole))
        settings = {**settings, "refused": len(whole)}
    if not facts.symbols:
        failed = facts.failed
        why = f"; {len(failed)} failed, the first: {failed[0].symbol} {failed[0].session}: {failed[0].reason}" if failed else ""
        raise UsageError(f"no parent order is left to study: {skipped} skipped{why}; skipped.csv and failed.csv in {folder.path} say why")
    config = _config(settings, facts, skipped)
    result = ShardedResult(folder.path, config, facts.failed, records.made, records.count - records.made)
    text = as_text(config)
    if not _stands(folder, text):
        folder.remove(WHOLE)
        for name in TABLES:
            _put_table(folder, name, records)
        folder.put("config.json", text)
        _put_summaries(folder, result)
        folder.put(WHOLE, as_text(_state(folder, text)))
    return result


def _state(folder: StudyFolder, config: bytes) -> dict[str, Any]:
    """What tells whether the tables are those of this configuration, without reading them."""
    names = ("config.json", "summary.csv", "comparison.csv", *(f"{name}.parquet" for name in TABLES))
    return {"config": hashlib.sha256(config).hexdigest(), "bytes": {name: folder.size(name) for name in names}}


def _stands(folder: StudyFolder, config: bytes) -> bool:
    found = folder.get_json(WHOLE)
    return found is not None and found == _state(folder, config)


def _put_summaries(folder: StudyFolder, result: ShardedResult) -> None:
    import pandas as pd

    found = result.summaries(("algorithm", "side"))
    folder.put("summary.csv", str(pd.concat(found, names=["benchmark"]).to_csv()).encode())
    pairs = result.comparisons(list(BENCHMARKS), [None, *sorted(result.config["parents"]["sides"])])
    parts = [one.assign(benchmark=name, side=side or "all") for (name, side), one in pairs.items()]
    table = pd.concat([one for one in parts if len(one)] or parts[:1], ignore_index=True)
    folder.put("comparison.csv", str(table[["benchmark", "side", *table.columns[:-2]]].to_csv(index=False)).encode())


def _skipped(records: Records, facts: Facts) -> Iterator[Sequence[str]]:
    """What was skipped from the first day of the study that has a bar to the last."""
    for _, record in records:
        yield from (one for one in sorted(record["skipped"]) if facts.first <= one[1] <= facts.last)


def _put_list(folder: StudyFolder, name: str, rows: Iterable[Sequence[str] | Skipped]) -> int:
    """Write a list row by row; how many there are."""
    count = 0
    with told(folder.path), folder.writing(f"{name}.csv") as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(("symbol", "session", "reason"))
        for row in rows:
            lines.writerow(row)
            count += 1
        text.detach()
    return count


def _put_table(folder: StudyFolder, name: str, records: Records) -> None:
    """One Parquet file of all shards' rows, in row groups of one size, so that its bytes do not depend on how the work was cut."""
    import pyarrow.parquet as pq

    tables = _gathered(_numbered(folder, name, records))
    first = next(tables)
    with told(folder.path), folder.writing(f"{name}.parquet") as file, pq.ParquetWriter(file, first.schema) as writer:
        for group in _regrouped(first, tables):
            writer.write_table(group, row_group_size=ROWS)


def _numbered(folder: StudyFolder, name: str, records: Records) -> Iterator[pa.Table]:
    """Each shard's table, its parent orders numbered on from the shard before."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def read(one: tuple[Shard, int]) -> tuple[bytes, int]:
        shard, before = one
        with folder.open(f"{shard.folder}/{name}.parquet") as file:
            return file.read(), before

    for content, before in _ahead(read, _with_rows(records, name)):
        # `read_table` would take twice as long for a file of this size
        table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
        ids = pa.array(table["parent_id"].to_numpy() + before)
        yield table.set_column(table.schema.get_field_index("parent_id"), "parent_id", ids)


def _with_rows(records: Records, name: str) -> Iterator[tuple[Shard, int]]:
    """The shards that have rows of a table, with the parent orders before them; and the first that has the table: it tells the columns."""
    told, before = False, 0
    for shard, record in records:
        if record["files"] and (record["rows"][name] or not told):
            told = True
            yield shard, before
        before += record["orders"]


def _ahead(read: Callable[[A], B], todo: Iterator[A]) -> Iterator[B]:
    """What `read` makes of each, in order, a few of them at a time in threads."""
    with ThreadPoolExecutor(max_workers=AHEAD) as pool:
        running = [pool.submit(read, one) for one in islice(todo, AHEAD)]
        while running:
            yield running.pop(0).result()
            running += [pool.submit(read, one) for one in islice(todo, 1)]


def _gathered(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of at least `FEW`, but for the last."""
    import pyarrow as pa

    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= FEW:
            yield pa.concat_tables(held).combine_chunks()
            held = []
    if held:
        yield pa.concat_tables(held)


def _regrouped(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Row groups of `ROWS`; tables are put together only when they fill one."""
    import pyarrow as pa

    held, rows = [first], len(first)
    for table in rest:
        held, rows = [*held, table], rows + len(table)
        if rows >= ROWS:
            whole = pa.concat_tables(held)
            while rows >= ROWS:
                yield whole.slice(0, ROWS)
                whole, rows = whole.slice(ROWS), rows - ROWS
            held = [whole.combine_chunks()]
            pa.default_memory_pool().release_unused()  # else the pool keeps what the largest groups took
    yield pa.concat_tables(held)


def _config(settings: Mapping[str, Any], facts: Facts, skipped: int) -> dict[str, Any]:
    """The same words as the configuration of a `StudyResult`, and what a sharded study adds."""
    code = dict(code_record())
    parents = settings["parents"]
    return {
        **settings,
        "calendar": parents["calendar"],
        "profile_days": parents["profile_days"],
        "lot_size": parents["lot_size"],
        "strata": facts.strata,
        "parent_orders": facts.orders,
        "skipped": skipped,
        "symbols": facts.symbols,
        "bar_seconds": facts.step / 1e9,
        "bars": facts.bars,
        "bars_outside_regular_hours": facts.outside,
        "data_sha256": facts.digest,
        "source_sha256": code.pop("source_sha256"),
        "versions": code,
    }
