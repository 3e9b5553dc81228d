"""What the shards of a study come to: tables, lists and summary, in one order whatever order the shards were done in."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from exec_algos.errors import UsageError
from exec_algos.stats.streamed_pairs import PairSums, pair_tables
from exec_algos.stats.streaming import READ, Totals, added, summaries
from exec_algos.studies.folder import StudyFolder, as_text, code_record, explained
from exec_algos.studies.shards.desk import REFUSED, refused_text
from exec_algos.studies.shards.records import Facts, Records
from exec_algos.studies.shards.result import GROUPED, ShardedResult, fold_of
from exec_algos.studies.shards.tables import Look, bundles, parts_of, put_and_look, put_parts
from exec_algos.tca.names import BENCHMARKS
from exec_algos.textform import csv_text, guarded

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.design.imports import Refused
    from exec_algos.studies.design.parents import Skipped
    from exec_algos.studies.shards.workers import Workers

TABLES = ("parents", "fills")
WHOLE = "whole.json"  # says which configuration the tables belong to; not there while they are being written


def combine(
    folder: StudyFolder, settings: Mapping[str, Any], records: Records, workers: Workers, refused: Sequence[Refused] | None = None
) -> ShardedResult:
    """Put the shards together, in order of symbol and month; nothing is written again where all stands as it would be written.

    Whoever worked the shards makes the tables of them, and sums; what is here are the sums, and a few bytes for each shard. `refused` are
    rows of a desk's orders that came into no shard; None where there is a grid.

    Raises
    ------
    UsageError
        No parent order is left.
    """
    facts = Facts.of(records)
    _put_list(folder, "failed", facts.failed)
    skipped = _put_list(folder, "skipped", _skipped(records, facts))
    if refused is not None:
        whole = [*refused, *(row for _, record in records for row in record.get("refused", ()))]
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
        found = _put_tables(folder, config, records, workers)
        folder.put("config.json", text)
        _put_summaries(folder, config, found, workers, (_sides(config)[1:] if result.has_twins() else _sides(config)))
        folder.put(WHOLE, as_text(_state(folder, text)))
    return result


def _state(folder: StudyFolder, config: bytes) -> dict[str, Any]:
    """What tells whether the tables are those of this configuration, without reading them."""
    files = {name: folder.size(name) for name in ("config.json", "summary.csv", "comparison.csv")}
    tables = {f"{name}.parquet": folder.sizes(f"{name}.parquet") for name in TABLES}
    return {"config": hashlib.sha256(config).hexdigest(), "bytes": {**files, **tables}}


def _stands(folder: StudyFolder, config: bytes) -> bool:
    found = folder.get_json(WHOLE)
    return found is not None and found == _state(folder, config)


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What is summed up of parent orders while their table is made."""

    totals: Totals
    pairs: PairSums

    @classmethod
    def of(cls, chunk: pd.DataFrame, algorithms: tuple[str, ...], sides: tuple[str | None, ...]) -> FirstLook:
        """That of one piece."""
        columns = tuple(BENCHMARKS.values())
        return cls(Totals.of(chunk, columns, GROUPED), PairSums.of(chunk, columns, algorithms, sides))

    def plus(self, other: FirstLook) -> FirstLook:
        """That of both."""
        return FirstLook(self.totals.plus(other.totals), self.pairs.plus(other.pairs))


def _put_tables(folder: StudyFolder, config: Mapping[str, Any], records: Records, workers: Workers) -> FirstLook:
    """Write the tables, and sum up the parent orders on the way."""
    find = partial(FirstLook.of, algorithms=tuple(config["algorithms"]), sides=_sides(config))
    look = Look(tuple(dict.fromkeys([*GROUPED, *READ, "parent_id", *BENCHMARKS.values()])), find)
    for name in TABLES:
        folder.remove(f"{name}.parquet")
    put = partial(put_and_look, folder.path, "parents", code_record(), look)
    found = added(workers.map(put, bundles(parts_of(records, "parents"))))
    for _ in workers.map(partial(put_parts, folder.path, "fills", code_record()), bundles(parts_of(records, "fills"))):
        pass
    return found


def _sides(config: Mapping[str, Any]) -> tuple[str | None, ...]:
    return (None, *sorted(config["parents"]["sides"]))


def _put_summaries(folder: StudyFolder, config: Mapping[str, Any], found: FirstLook, workers: Workers, sides: Sequence[str | None]) -> None:
    import pandas as pd

    columns = {column: name for name, column in BENCHMARKS.items()}
    lines = summaries(found.totals, fold_of(folder, [*GROUPED, *BENCHMARKS.values()], workers))
    folder.put("summary.csv", csv_text(pd.concat({columns[c]: line for c, line in lines.items()}, names=["benchmark"])).encode())
    pairs = pair_tables(found.pairs, list(columns), config["algorithms"], _sides(config))
    parts = [pair.assign(benchmark=columns[c], side=side or "all") for (c, side), pair in pairs.items() if side in sides]
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    folder.put("comparison.csv", csv_text(table[["benchmark", "side", *table.columns[:-2]]], index=False).encode())


def _skipped(records: Records, facts: Facts) -> Iterator[Sequence[str]]:
    """What was skipped from the first day of the study that has a bar to the last."""
    for _, record in records:
        yield from (skip for skip in sorted(record["skipped"]) if facts.first <= skip[1] <= facts.last)


def _put_list(folder: StudyFolder, name: str, rows: Iterable[Sequence[str] | Skipped]) -> int:
    """Write a list row by row; how many there are."""
    count = 0
    with explained(folder.path), folder.writing(f"{name}.csv") as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(("symbol", "session", "reason"))
        for row in rows:
            lines.writerow(map(guarded, row))
            count += 1
        text.detach()
    return count


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
