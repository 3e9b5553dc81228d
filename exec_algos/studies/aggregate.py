"""What the shards of a study come to: tables, lists and summary, in one order whatever order the shards were done in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exec_algos.errors import UsageError
from exec_algos.studies.parents import Skipped
from exec_algos.studies.result import BENCHMARKS, StudyResult
from exec_algos.studies.resume import StudyFolder, as_text, code_record
from exec_algos.studies.strata import Stratum

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from exec_algos.market.bars import Bars
    from exec_algos.studies.shards import Shard

ROWS = 1 << 18  # rows of a row group: a few dozen MB, whatever the size of the shards
SUMMED = ("parent_id", "symbol", "session", "side", "algorithm", "quantity", "filled", "average_price", "participation")


@dataclass(frozen=True, slots=True)
class ShardedResult:
    """What a sharded study found; its tables stay on disk.

    Attributes
    ----------
    folder : str
        ``parents.parquet, fills.parquet, skipped.csv, failed.csv, summary.csv, config.json``, and the shards.
    config : dict
    skipped : tuple of Skipped
        What has too little data, and why.
    failed : tuple of Skipped
        Symbols with the day or month that could not be worked, and why.
    made, kept : int
        Shards that were worked now, and that an earlier run had finished.
    """

    folder: str
    config: dict[str, Any]
    skipped: tuple[Skipped, ...]
    failed: tuple[Skipped, ...]
    made: int
    kept: int

    def table(self, name: str = "parents", columns: Sequence[str] | None = None, algorithm: str | None = None) -> pd.DataFrame:
        """A table, or some columns of it, or the rows of one algorithm.

        Parameters
        ----------
        name : {"parents", "fills"}
        columns : sequence of str, optional
        algorithm : str, optional
            Text form.
        """
        import pyarrow.parquet as pq

        folder = StudyFolder(self.folder)
        chosen = None if algorithm is None else [("algorithm", "==", algorithm)]
        with folder.open(f"{name}.parquet") as file:
            found: pd.DataFrame = pq.read_table(file, columns=None if columns is None else list(columns), filters=chosen).to_pandas()
        return found

    def summary(self, benchmark: str = "interval_vwap", *, by: Sequence[str] = ("algorithm",)) -> pd.DataFrame:
        """As `StudyResult.summary`, reading one algorithm's columns at a time where `by` starts with the algorithm."""
        import pandas as pd

        if benchmark not in BENCHMARKS or by[:1] != ("algorithm",):
            return self._of(self.table()).summary(benchmark, by=by)
        columns = dict.fromkeys((*SUMMED, BENCHMARKS[benchmark], *by))
        parts = [
            self._of(self.table(columns=list(columns), algorithm=name)).summary(benchmark, by=by) for name in self.config["algorithms"]
        ]
        return pd.concat(parts).sort_index()

    def load(self, bars: Bars) -> StudyResult:
        """The whole as a `StudyResult` in memory; `bars` are what its plots draw on."""
        import pandas as pd

        skipped = pd.DataFrame(self.skipped, columns=["symbol", "session", "reason"])
        return StudyResult(self.table(), self.table("fills"), skipped, self.config, bars)

    def _of(self, parents: pd.DataFrame) -> StudyResult:
        return StudyResult(parents, parents, parents, self.config, None)  # type: ignore[arg-type] # a summary asks for no bars


def combine(folder: StudyFolder, settings: Mapping[str, Any], shards: Sequence[Shard], records: Sequence[dict[str, Any]]) -> ShardedResult:
    """Put the shards together, in order of symbol and month.

    Raises
    ------
    UsageError
        No parent order is left.
    """
    known = {(one["symbol"], one["month"]): one for one in records}
    ordered = [(shard, known[shard.symbol, shard.month]) for shard in shards]
    failed = tuple(Skipped(*one) for _, record in ordered for one in record["failed"])
    skipped = _skipped(record for _, record in ordered)
    _put_list(folder, "failed.csv", failed)
    _put_list(folder, "skipped.csv", skipped)
    if not any(record["files"] for _, record in ordered):
        why = f"; {len(failed)} failed, the first: {failed[0].symbol} {failed[0].session}: {failed[0].reason}" if failed else ""
        raise UsageError(
            f"no parent order is left to study: {len(skipped)} skipped{why}; skipped.csv and failed.csv in {folder.path} say why"
        )
    for name in ("parents", "fills"):
        _put_table(folder, name, ordered)
    config = _config(settings, [record for _, record in ordered], len(skipped))
    made = sum(record["made"] for _, record in ordered)
    result = ShardedResult(folder.path, config, skipped, failed, made, len(ordered) - made)
    folder.put("config.json", as_text(config))
    folder.put("summary.csv", _summaries(result))
    return result


def _summaries(result: ShardedResult) -> bytes:
    import pandas as pd

    tables = {name: result.summary(name, by=("algorithm", "side")) for name in BENCHMARKS}
    return str(pd.concat(tables, names=["benchmark"]).to_csv()).encode()


def _skipped(records: Iterator[dict[str, Any]]) -> tuple[Skipped, ...]:
    """What was skipped from the first day of the study that has a bar to the last."""
    listed = list(records)
    days = [day for one in listed if one.get("covered") for day in one["covered"]]
    first, last = (min(days), max(days)) if days else ("", "")
    return tuple(Skipped(*one) for record in listed for one in sorted(map(tuple, record["skipped"])) if first <= one[1] <= last)


def _put_list(folder: StudyFolder, name: str, rows: Sequence[Skipped]) -> None:
    import pandas as pd

    folder.put(name, str(pd.DataFrame(rows, columns=["symbol", "session", "reason"]).to_csv(index=False)).encode())


def _put_table(folder: StudyFolder, name: str, ordered: Sequence[tuple[Shard, dict[str, Any]]]) -> None:
    """One Parquet file of all shards' rows, in row groups of one size, so that its bytes do not depend on how the work was cut."""
    import pyarrow.parquet as pq

    tables = _numbered(folder, name, ordered)
    first = next(tables)
    with folder.writing(f"{name}.parquet") as file, pq.ParquetWriter(file, first.schema) as writer:
        for group in _regrouped(first, tables):
            writer.write_table(group, row_group_size=ROWS)


def _numbered(folder: StudyFolder, name: str, ordered: Sequence[tuple[Shard, dict[str, Any]]]) -> Iterator[pa.Table]:
    """Each shard's table, its parent orders numbered on from the shard before."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    before = 0
    for shard, record in ordered:
        if record["files"]:
            with folder.open(f"{shard.folder}/{name}.parquet") as file:
                table = pq.read_table(file)
            ids = pa.array(table["parent_id"].to_numpy() + before)
            yield table.set_column(table.schema.get_field_index("parent_id"), "parent_id", ids)
            before += record["orders"]


def _regrouped(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    import pyarrow as pa

    held = first
    for table in rest:
        held = pa.concat_tables([held, table])
        while len(held) >= ROWS:
            yield held.slice(0, ROWS)
            held = held.slice(ROWS)
    yield held


def _strata(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the shards drew of each stratum, added up."""
    counts: dict[str, list[int]] = {}
    for record in records:
        for name, candidates, drawn in record.get("strata", ()):
            held = counts.setdefault(name, [0, 0])
            held[:] = held[0] + candidates, held[1] + drawn
    return [Stratum(name, *counts[name])._asdict() for name in sorted(counts)]


def _config(settings: Mapping[str, Any], records: Sequence[Mapping[str, Any]], skipped: int) -> dict[str, Any]:
    """The same words as the configuration of a `StudyResult`, and what a sharded study adds."""
    code = dict(code_record())
    parents = settings["parents"]
    digests = json.dumps([[one["symbol"], one["month"], one["key"]] for one in records]).encode()
    return {
        **settings,
        "calendar": parents["calendar"],
        "profile_days": parents["profile_days"],
        "lot_size": parents["lot_size"],
        "strata": _strata(records),
        "parent_orders": sum(one["orders"] for one in records),
        "skipped": skipped,
        "symbols": sorted({one["symbol"] for one in records if one["files"]}),
        "bar_seconds": next(one["step"] for one in records if one["files"]) / 1e9,
        "bars": sum(one.get("bars", 0) for one in records),
        "bars_outside_regular_hours": sum(one.get("outside", 0) for one in records),
        "data_sha256": hashlib.sha256(digests).hexdigest(),
        "source_sha256": code.pop("source_sha256"),
        "versions": code,
    }
