"""What the shards of a study come to: tables, lists and summary, in one order whatever order the shards were done in."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

from exec_algos.errors import UsageError
from exec_algos.market.decimals import lines as lines_of
from exec_algos.market.quality.copies import Copies, Mark, joined
from exec_algos.market.quality.finders import Finding
from exec_algos.stats.streamed_pairs import PairSums, pair_tables
from exec_algos.stats.streaming import READ, Totals, added, summaries
from exec_algos.studies.design.imports import CLIPPED as COUNT
from exec_algos.studies.design.imports import Refused
from exec_algos.studies.design.short import HISTORY, SHORT, Short
from exec_algos.studies.design.short import joined as joined_short
from exec_algos.studies.folder import WHOLE, StudyFolder, as_text, code_record, differing, explained, is_damaged, seal, sha256_of, unsealed
from exec_algos.studies.record.data import FILE as FINDINGS
from exec_algos.studies.record.data import merged
from exec_algos.studies.shards.desk import CLIPPED, REFUSED
from exec_algos.studies.shards.records import Facts, Records
from exec_algos.studies.shards.result import GROUPED, ShardedResult, are_twins, fold_of
from exec_algos.studies.shards.sizes import Sizes
from exec_algos.studies.shards.tables import Look, bundles, parts_of, put_and_look, put_parts
from exec_algos.tca.names import BENCHMARKS
from exec_algos.textform import csv_text, guarded

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.shards.workers import Workers

TABLES = ("parents", "fills")
LIST = ("symbol", "session", "reason")
LISTS = ("failed.csv", "skipped.csv", FINDINGS, REFUSED, CLIPPED, HISTORY)  # written anew each time


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
    facts, whole = Facts.of(records), folder.get(WHOLE)
    before: dict[str, str] = (unsealed(whole) or {"files": {}})["files"]
    damaged = differing(folder, [(name, before[name]) for name in LISTS if name in before])
    lists: dict[str, str] = {}
    _put_list(folder, "failed.csv", facts.failed, lists, before)
    skipped = _put_list(folder, "skipped.csv", _skipped(records, facts), lists, before)
    _put_list(folder, FINDINGS, _findings(records), lists, before, head=Finding._fields)
    short = joined_short(row for _, record in records for row in record.get(SHORT, ()))
    _put_list(folder, HISTORY, short, lists, before, head=Short._fields)
    if refused is not None:
        rows = sorted(tuple(row) for row in (*refused, *(row for _, record in records for row in record.get("refused", ()))))
        _put_list(folder, REFUSED, rows, lists, before, head=Refused._fields)
        clipped = sorted(tuple(row) for _, record in records for row in record.get("clipped", ()))
        _put_list(folder, CLIPPED, clipped, lists, before, head=Refused._fields)
        settings = {**settings, "refused": len(rows), **({COUNT: len(clipped)} if clipped else {})}
    if not facts.symbols:
        failed = facts.failed
        why = f"; {len(failed)} failed, the first: {failed[0].symbol} {failed[0].session}: {failed[0].reason}" if failed else ""
        raise UsageError(f"no parent order is left to study: {skipped} skipped{why}; skipped.csv and failed.csv in {folder.path} say why")
    config = _config(settings, facts, skipped)
    text = as_text(config)
    kept, others = _standing(folder, text, workers, whole)
    if not kept:
        folder.remove(WHOLE)
        found, kept = _put_tables(folder, config, records, workers)
        kept["config.json"] = folder.put("config.json", text)
        sides = _sides(config)[1:] if are_twins(folder, config, None) else _sides(config)
        kept |= _put_summaries(folder, config, found, workers, sides) | _put_sizes(folder, records)
    state = seal({"files": kept | lists})
    if folder.get(WHOLE) != state:
        folder.settle(kept)
        folder.put_all({WHOLE: state})
    names = (*records.damaged, *damaged, *others)
    return ShardedResult(folder.path, config, facts.failed, records.made, records.count - records.made, names)


def read_short(place: str) -> tuple[Short, ...]:
    """Parent orders of a finished study that had too few earlier sessions, as `combine` wrote them down."""
    folder = StudyFolder(place)
    digests = folder.digests()
    if HISTORY not in digests:
        return ()
    rows = list(csv.reader(io.StringIO(folder.proved(HISTORY, digests).decode())))[1:]
    return tuple(Short(*map(int, row)) for row in rows)


def _standing(folder: StudyFolder, config: bytes, workers: Workers, content: bytes | None) -> tuple[dict[str, str], list[str]]:
    """The SHA-256 of tables and summaries that are those of this configuration, by name; none where they have to be made.

    And the names of those that were, and are no longer what was written. `content` is that of `WHOLE`.
    """
    written = unsealed(content)
    if written is None:
        return {}, [WHOLE] if is_damaged(content) else []
    files = {name: digest for name, digest in written["files"].items() if name not in LISTS}
    if files.get("config.json") != sha256_of(config):
        return {}, []
    other = [name for found in workers.map(partial(differing, folder), bundles(files.items())) for name in found]
    return ({} if other else files), other


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


def _put_tables(folder: StudyFolder, config: Mapping[str, Any], records: Records, workers: Workers) -> tuple[FirstLook, dict[str, str]]:
    """Write the tables, and sum up the parent orders on the way; and the SHA-256 of each part by name."""
    find = partial(FirstLook.of, algorithms=tuple(config["algorithms"]), sides=_sides(config))
    look = Look(tuple(dict.fromkeys([*GROUPED, *READ, "parent_id", *BENCHMARKS.values()])), find)
    for name in TABLES:
        folder.remove(f"{name}.parquet")
    put = partial(put_and_look, folder, "parents", code_record(), look)
    looked = added(workers.map(put, bundles(parts_of(records, "parents"))))
    digests = dict(looked.digests)
    for fills in workers.map(partial(put_parts, folder, "fills", code_record()), bundles(parts_of(records, "fills"))):
        digests |= fills
    return looked.found, digests


def _sides(config: Mapping[str, Any]) -> tuple[str | None, ...]:
    return (None, *sorted(config["parents"]["sides"]))


def _put_summaries(
    folder: StudyFolder, config: Mapping[str, Any], found: FirstLook, workers: Workers, sides: Sequence[str | None]
) -> dict[str, str]:
    """Write the summaries; their SHA-256 by name."""
    import pandas as pd

    columns = {column: name for name, column in BENCHMARKS.items()}
    lines = summaries(found.totals, fold_of(folder, [*GROUPED, *BENCHMARKS.values()], workers))
    summary = pd.concat({columns[c]: line for c, line in lines.items()}, names=["benchmark"])
    pairs = pair_tables(found.pairs, list(columns), config["algorithms"], _sides(config))
    parts = [pair.assign(benchmark=columns[c], side=side or "all") for (c, side), pair in pairs.items() if side in sides]
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    comparison = table[["benchmark", "side", *table.columns[:-2]]]
    texts = {"summary.csv": csv_text(summary), "comparison.csv": csv_text(comparison, index=False)}
    return {name: folder.put(name, text.encode()) for name, text in texts.items()}


def _put_sizes(folder: StudyFolder, records: Records) -> dict[str, str]:
    """Write how the orders compare with the market; the SHA-256 of the files by name."""
    sizes = Sizes()
    for _, record in records:
        if record["files"]:
            sizes.add(record)
    return {name: folder.put(name, text.encode()) for name, text in sizes.texts().items()}


def _findings(records: Records) -> Iterator[Finding]:
    """What is odd in each symbol's months, and after them whether all of them are those of another symbol."""
    copies = Copies()
    for symbol, group in groupby(records, key=lambda pair: pair[0].symbol):
        months = [record for _, record in group if record["state"] == "done"]
        yield from merged(record.get("findings", ()) for record in months)
        yield from copies.of(symbol, joined((record["month"], Mark(*record["mark"])) for record in months))


def _skipped(records: Records, facts: Facts) -> Iterator[Sequence[str]]:
    """What was skipped from the first day of the study that has a bar to the last."""
    for _, record in records:
        yield from (skip for skip in sorted(record["skipped"]) if facts.first <= skip[1] <= facts.last)


def _put_list(
    folder: StudyFolder, name: str, rows: Iterable[Sequence[Any]], digests: dict[str, str], before: Mapping[str, str],
    head: Sequence[str] = LIST,
) -> int:  # fmt: skip
    """Write a list row by row, and its SHA-256 into `digests`; how many rows there are.

    Where it is another than `before`, the study counts as unfinished from then on: a list of the next one is no damage of the last.
    """
    count, digest = 0, hashlib.sha256()
    with explained(folder.path), folder.writing(name) as file:
        for row in chain([head], rows):
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerow(map(guarded, row))
            content = text.getvalue().encode()
            digest.update(content)
            file.write(content)
            count += 1
        digests[name] = digest.hexdigest()
        if before.get(name) != digests[name]:
            folder.remove(WHOLE)
    return count - 1


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
        **({"vwaps_outside": facts.vwaps_outside} if facts.vwaps_outside else {}),
        **({"read_as": lines_of(facts.read_as)} if facts.read_as else {}),
        "source_sha256": code.pop("source_sha256"),
        "versions": code,
    }
