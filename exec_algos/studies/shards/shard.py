"""One symbol's month of a study: which bars it needs, what it is worked into, and how its result is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from exec_algos.errors import MarketDataError, UsageError
from exec_algos.market.bars import Bars
from exec_algos.market.calendars import Sessions
from exec_algos.market.depth import with_quote_proxy
from exec_algos.market.fit import check_fit
from exec_algos.market.hours import trading_bars
from exec_algos.market.quality.copies import mark_of
from exec_algos.market.quality.days import Days
from exec_algos.market.quality.vwaps import outside_range
from exec_algos.market.ratios import Split
from exec_algos.market.splits import adjusted
from exec_algos.market.store import joined
from exec_algos.studies.design.parents import ParentOrders, Skipped
from exec_algos.studies.design.short import SHORT, short_of
from exec_algos.studies.folder import RECORD, StudyFolder, check_code, differing, is_damaged, key_of, seal, sha256_of, unsealed
from exec_algos.studies.record.configuration import data_fingerprint
from exec_algos.studies.record.data import data_rows, in_shard
from exec_algos.studies.record.tables import parquet_of
from exec_algos.studies.run.curves import curves_of
from exec_algos.studies.shards.partitions import Partitions
from exec_algos.studies.shards.plan import Reach, Shard, StudyPlan, StudySpan
from exec_algos.studies.shards.sizes import sizes_record
from exec_algos.studies.study import SlippageStudy
from exec_algos.tca.clusters import CLUSTER

if TYPE_CHECKING:
    import pyarrow as pa


TABLES = ("parents", "fills")


class ShardTerms(Protocol):
    """What the parent orders of one shard are made of."""

    @property
    def digest(self) -> str | None:
        """What tells whether the orders have changed, where the settings do not."""
        ...

    def orders(self, bars: Bars, sessions: Sessions, used: Iterable[int]) -> ParentOrders:
        """The parent orders of these sessions, by number."""
        ...

    def latest_end(self, sessions: Sessions, last: int, step: int) -> int:
        """When the last of the orders ends that begin in session `last` or before, ns UTC; 0 where none ends behind it."""
        ...


OFF_GRID = "a bar does not start a whole number of bars after the session's open; the day is left out, as history too"


class Input(NamedTuple):
    """A month of bars that a shard was made of: its name, its mark in the store, and the SHA-256 of its bars."""

    month: str
    mark: str
    digest: str


class ShardMonth(NamedTuple):
    """The bars of a file, and the SHA-256 of them."""

    bars: Bars
    digest: str


@lru_cache(maxsize=6)
def _read(place: str, symbol: str, month: str, mark: str) -> ShardMonth:
    """A file as it was when it had that mark: what one shard has read is history for the next."""
    # the file of all decoded bars, mapped, would count as memory, more of it with each shard
    bars = Partitions(place, cache="off").month(symbol, month)
    return ShardMonth(bars, data_fingerprint(bars))


@dataclass(frozen=True)
class History:
    """The months that a shard needs: its own, as many before as hold the sessions that the algorithms look back on, and those behind.

    Behind it are the months into which its orders run, the last until `latest_end` (ns UTC).
    """

    store: Partitions
    shard: Shard
    span: StudySpan
    needed: int
    splits: tuple[Split, ...] = ()
    latest_end: int = 0
    _marks: dict[str, str] = field(default_factory=dict)

    @cached_property
    def reach(self) -> Reach:
        """Where the shard's sessions lie."""
        return self.span.reach(self.shard.month)

    @cached_property
    def last_month(self) -> str:
        """The last month of the store in which its orders are worked."""
        return max(self.reach.end, self.span.month_of(min(self.latest_end, self.span.last) - 1)) if self.latest_end else self.reach.end

    def mark(self, month: str) -> str:
        """The mark of a file, looked up once: before it is read, so that one which is written meanwhile will be noticed."""
        if month not in self._marks:
            self._marks[month] = self.store.mark(self.shard.symbol, month)
        return self._marks[month]

    def month(self, month: str) -> ShardMonth:
        """One month of the symbol."""
        read = _read(self.store.path, self.shard.symbol, month, self.mark(month))
        kept, first = (f"zone {bars.zone}, in bars of {bars.step / 1e9:g} s" for bars in (read.bars, self.span))
        if kept != first:
            where = f"{self.shard.symbol} {month} is kept in {kept}; the store's first file in {first}"
            raise MarketDataError(f"{where}; import it again, or into a store of its own")
        return read

    @cached_property
    def months(self) -> tuple[str, ...]:
        """The months in time order."""
        own = [month for month in self.shard.stored if self.reach.begin <= month <= self.last_month]
        found: set[int] = set()
        needed: list[str] = []
        for month in [*reversed(own), *reversed([month for month in self.shard.stored if month < self.reach.begin])]:
            if month < self.reach.begin and len(found) >= self.needed:
                break
            held = self.span.sessions().locate(self.month(month).bars.start)
            found.update(np.unique(held[(held >= 0) & (held < self.reach.first)]).tolist())
            needed.append(month)
        return tuple(reversed(needed))

    def inputs(self) -> list[Input]:
        """What the shard is made of."""
        return [Input(month, self.mark(month), self.month(month).digest) for month in self.months]

    def joined(self) -> Bars:
        """All bars of the months, adjusted by the symbol's splits, later ones too."""
        bars = joined([self.month(month).bars for month in self.months])
        return replace(adjusted(bars, self.splits), splits=self.splits)


class Made(NamedTuple):
    """What a shard was worked into: the tables where there is a parent order, and what was left out or went wrong."""

    tables: dict[str, pa.Table]
    skipped: Sequence[Skipped]
    failed: Sequence[Skipped]
    facts: dict[str, Any]


def work_shard(study: StudyPlan, history: History, terms: ShardTerms) -> Made:
    """Work one shard; days whose bars are off the grid are listed, and left out as if they were not there."""
    whole, reach, symbol = history.span.sessions(), history.reach, history.shard.symbol
    bars = given = history.joined() if study.quote_proxy is None else with_quote_proxy(history.joined(), study.quote_proxy)
    check_fit(bars, whole)
    held = whole.locate(bars.start)
    off = np.unique(held[(held >= 0) & ((bars.start - whole.piece_open(held, bars.start)) % bars.step != 0)])
    bars = bars.take(~np.isin(held, off))
    failed = [Skipped(symbol, str(whole.date[session]), OFF_GRID) for session in off if reach.first <= session < reach.last]
    facts = {**_facts(bars, whole, reach), "mark": mark_of(Days(given, symbol, whole), reach.first, reach.last)}
    bars = trading_bars(bars, whole)
    if not len(bars):
        return Made({}, [], failed, facts)
    used = [session for session in range(reach.first, reach.last) if session not in off]
    orders = terms.orders(bars, whole, used)
    facts["findings"] = [list(row) for row in in_shard(data_rows(given, orders, study.needed_history, study.limits), history.shard.month)]
    facts["strata"] = [list(stratum) for stratum in orders.strata]
    facts["refused"] = [list(row) for row in orders.refused]
    facts["clipped"] = [list(row) for row in orders.clipped]
    if not len(orders):
        facts[SHORT] = short_of(orders, orders.skipped)
        return Made({}, orders.skipped, failed, facts)
    plan = SlippageStudy(bars, orders, study.algorithms, study.fill_model, study.rules)
    try:
        result = plan.run(study.driver, fills=study.fills, processes=1)
    except UsageError:
        left = curves_of(bars.take(whole.locate(bars.start) >= 0), orders, plan.algorithms)[1]  # type: ignore[arg-type]
        if len(left):
            raise
        facts[SHORT] = short_of(orders, left.skipped)
        return Made({}, left.skipped, failed, facts)
    made: Any = result  # `StudyResult.of` makes these two beside the frames
    facts[SHORT] = short_of(orders, made._skipped)
    # a block of sessions is known of one shard alone: intervals of a study in shards cluster by the session of the start
    tables = {name: table.drop_columns([CLUSTER] if CLUSTER in table.column_names else []) for name, table in made._arrow.items()}
    facts["sizes"] = sizes_record(tables, result.bars, whole, study)
    return Made(tables, made._skipped, failed, facts)


def _facts(bars: Bars, whole: Sessions, reach: Reach) -> dict[str, Any]:
    """Counts of the shard's own bars, and the first and last day that has one."""
    edge = [int(whole.open[reach.first]), int(whole.close[reach.last - 1])] if reach.last else [0, 0]
    mine = (bars.start >= edge[0]) & (bars.start < edge[1])
    held = whole.locate(bars.start[mine])
    inside = held[held >= 0]
    outside = outside_range(bars)
    vwaps = 0 if outside is None else int((outside[mine] & (held >= 0)).sum())
    days = [str(whole.date[session]) for session in (inside.min(), inside.max())] if len(inside) else None
    counts = {"bars": len(inside), "outside": int((held < 0).sum()), "vwaps_outside": vwaps}
    return {**counts, "step": bars.step, "covered": days, "read_as": list(bars.read_as)}


@dataclass(frozen=True)
class ShardTask:
    """Everything that a worker needs, small enough to send.

    Parameters
    ----------
    study : StudyPlan
    span : StudySpan
    code : dict
        What the planner runs; a worker that runs other code refuses.
    folder : str
        Where the shards are written.
    strict : bool
        Raise what goes wrong, instead of writing it down.
    durable : bool
        Wait until the disk has a shard, before it is called done.
    """

    study: StudyPlan
    span: StudySpan
    code: dict[str, str]
    folder: str
    strict: bool = False
    durable: bool = True

    def settle(self, shard: Shard) -> dict[str, Any]:
        """The record of a shard, from the folder where it is there and still true, else made and written now."""
        check_code(self.code)
        folder = StudyFolder(self.folder, durable=self.durable)
        own = tuple(self.study.splits.of_symbol(shard.symbol))
        terms = self.study.parents.in_shard(folder, shard.symbol, shard.month)
        until = terms.latest_end(self.span.sessions(), self.span.reach(shard.month).last - 1, self.span.step)
        history = History(Partitions(self.study.store), shard, self.span, self.study.needed_history, own, until)
        content = folder.get(f"{shard.folder}/{RECORD}")
        known = unsealed(content)
        damaged = [f"{shard.folder}/{RECORD}"] if is_damaged(content) else []
        if known is not None and known["state"] == "done":
            damaged = differing(folder, [(f"{shard.folder}/{name}", digest) for name, digest in known["files"].items()])
            if not damaged and self._kept(known, history, terms):
                return {**known, "made": False}
        return {**self._make(folder, history, terms), "made": True, "damaged": damaged}

    @cached_property
    def _common(self) -> str:
        """What all shards hang on."""
        return key_of(self.study.settings(), self.code, self.span.zone)

    def _base(self, shard: Shard, terms: ShardTerms) -> str:
        own = [] if terms.digest is None else [terms.digest]
        return key_of(self._common, shard.symbol, shard.month, *own)

    def _kept(self, known: dict[str, Any], history: History, terms: ShardTerms) -> bool:
        try:
            return self._stands(known, history, terms)
        except (MarketDataError, OSError):
            return False  # bars that cannot be read any more: to work the shard meets them again, and lists them
        except (KeyError, TypeError):
            return False  # a record of another version

    def _stands(self, known: dict[str, Any], history: History, terms: ShardTerms) -> bool:
        """Whether a record was made of these bars by this code."""
        shard = history.shard
        inputs = [Input(*kept) for kept in known["inputs"]]
        months = [entry.month for entry in inputs]
        expected = [month for month in shard.stored if month <= history.last_month]
        whole = months == expected or (known["enough"] and months == expected[len(expected) - len(months) :])
        if not whole or known["key"] != key_of(self._base(shard, terms), [entry.digest for entry in inputs]):
            return False
        marked = (history.mark(entry.month) == entry.mark or history.month(entry.month).digest == entry.digest for entry in inputs)
        return all(marked)

    def _make(self, folder: StudyFolder, history: History, terms: ShardTerms) -> dict[str, Any]:
        shard = history.shard
        try:
            inputs = history.inputs()
            made = work_shard(self.study, history, terms)
        except Exception as error:
            if self.strict:
                raise
            # one shard that cannot be worked must not stop the others; it is listed, told by the exit code, and tried again on resuming
            made, inputs = Made({}, [], [Skipped(shard.symbol, shard.month, _reason(error))], {}), []
        if self.strict and made.failed:
            raise MarketDataError(f"{made.failed[0].symbol} {made.failed[0].session}: {made.failed[0].reason}")
        contents = {f"{name}.parquet": parquet_of(table) for name, table in made.tables.items()}
        files = {name: sha256_of(content) for name, content in contents.items()}
        rows = {name: len(table) for name, table in made.tables.items()}
        orders = rows["parents"] // len(self.study.algorithms) if made.tables else 0
        record = {
            "symbol": shard.symbol, "month": shard.month, "state": "done" if inputs else "failed",
            "key": key_of(self._base(shard, terms), [entry.digest for entry in inputs]), "inputs": inputs, "files": files,
            "enough": bool(inputs) and inputs[0].month != shard.stored[0], "rows": rows, "orders": orders,
            "skipped": list(made.skipped), "failed": list(made.failed), **made.facts,
        }  # fmt: skip
        folder.put_all({f"{shard.folder}/{name}": content for name, content in {**contents, RECORD: seal(record)}.items()})
        return record


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, UsageError) else f"{type(error).__name__}: {text}"
