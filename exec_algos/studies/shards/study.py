"""`ShardedStudy`: a slippage study over a bar store, shard by shard, that can be stopped and resumed at any moment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from exec_algos.errors import MarketDataError, UnknownNameError, UsageError
from exec_algos.market.locks import Held
from exec_algos.market.quality.limits import Limits
from exec_algos.market.ratios import Split
from exec_algos.market.splits import Splits, shares_after
from exec_algos.model import Rules
from exec_algos.model.style import Randomisation
from exec_algos.studies.design.imports import READ_AS, Refused
from exec_algos.studies.design.parents import Grid, Skipped
from exec_algos.studies.folder import SEAL, STUDY, StudyFolder, as_settings, as_text, code_record, is_damaged, seal
from exec_algos.studies.record.configuration import fill_model_of
from exec_algos.studies.run.custom import recorded_algorithms
from exec_algos.studies.shards.combine import combine
from exec_algos.studies.shards.desk import DeskOrders, Placed
from exec_algos.studies.shards.partitions import Partitions, listing_of, used_splits
from exec_algos.studies.shards.plan import Shard, Share, StudyPlan, StudySpan, midnight
from exec_algos.studies.shards.records import Records
from exec_algos.studies.shards.result import ShardedResult
from exec_algos.studies.shards.shard import ShardTask
from exec_algos.studies.shards.workers import Workers, workers_of

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars

Report = Callable[[int, int], None]
ALL = "all"  # the lock of who works every shard, and puts all together
WAIT = "wait until it is done, or stop it; to work one study in several processes give each its share, --shard 1/8, --shard 2/8 ..."


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardedStudy(StudyPlan):
    """A slippage study of everything in a bar store, one symbol and month at a time.

    The parent orders, their fills and their slippage are those of `SlippageStudy` on the same bars, to the last bit; memory is that of
    one shard. Each shard is written when it is done, under a key of its bars, the settings and the code.

    Parameters
    ----------
    store : str
        Path or fsspec URL of a `BarStore`.
    parents : Grid or DeskOrders
        Terms of the parent orders, or a desk's own; the calendar must be named, because a shard sees one symbol only.
    algorithms : sequence of Algorithm, str or subclass of OrderExecutor
        As in `SlippageStudy`; workers import those of one's own, whose source is part of each shard's key.
    fill_model : FillModel, optional
    rules : Rules
    driver : {"batch", "engine"}
    fills : bool
        Keep single trades.
    splits : Splits
        Splits to adjust the bars by, each shard's history too.
    quote_proxy : {"close"}, optional
        What stands in where the store has no quotes: `exec_algos.market.depth.with_quote_proxy`.
    limits : Limits
        From where on bars are odd, and said to be.

    Raises
    ------
    UsageError
        No calendar, no algorithm, the same one twice, or one that cannot work the orders.

    Examples
    --------
    >>> from exec_algos.market.samples import load_samples
    >>> from exec_algos.market.store import BarStore
    >>> BarStore("memory://sharded-study").write(load_samples()["XNYS"])
    >>> study = ShardedStudy(store="memory://sharded-study", parents=Grid(calendar="XNYS"), algorithms=["twap", "vwap"])
    >>> result = study.run("memory://sharded-study-out")
    >>> result.failed
    ()
    """

    @classmethod
    def of_folder(cls, folder: str | os.PathLike[str], *, allow_import: Iterable[str] = ()) -> ShardedStudy:
        """The study that was started in a folder.

        Parameters
        ----------
        folder : path or fsspec URL
        allow_import : iterable of str
            ``module:Class`` of algorithms and executors of one's own: the folder's file names them, and only what is named here too is
            imported.

        Raises
        ------
        UsageError
            None was; or it names code that `allow_import` does not.
        """
        content = StudyFolder(folder).get(STUDY)
        _check_undamaged(content, folder)
        found = StudyFolder(folder).get_json(STUDY)
        if found is None:
            raise UsageError(f"no study was started in {os.fspath(folder)}: it has no whole {STUDY}; name the store, or another folder")
        with as_settings(f"{os.fspath(folder)}/{STUDY}", "name the store and the settings, and another folder"):
            rules = found["rules"]
            randomisation = None if rules["randomisation"] is None else Randomisation(**rules["randomisation"])
            return cls(
                store=found["store"], parents=_terms(found["parents"], StudyFolder(folder)), driver=found["driver"], fills=found["fills"],
                algorithms=recorded_algorithms(found, os.fspath(folder), allow_import), fill_model=fill_model_of(found["fill_model"]),
                rules=Rules(**{**rules, "randomisation": randomisation}), quote_proxy=found.get("quote_proxy"),
                splits=Splits(tuple(Split(*row) for row in found.get("splits", ()))), limits=Limits(**found.get("limits", {})),
            )  # fmt: skip

    def plan(self) -> tuple[StudySpan, list[Shard]]:
        """The time spanned, and the shards in order of symbol and month.

        Raises
        ------
        MarketDataError
            The store holds nothing.
        UnknownNameError
            A symbol of the grid that the store does not have.
        """
        partitions = Partitions(self.store)
        listing = listing_of(partitions)
        for symbol in self.parents.symbols or ():
            if symbol not in listing:
                raise UnknownNameError("symbol", symbol, listing)
        chosen = {symbol: stored for symbol, stored in listing.items() if self.parents.symbols is None or symbol in self.parents.symbols}
        months = sorted({month for each in listing.values() for month in each})
        sample = _sample(partitions, chosen)
        ends = midnight(months[0], 0, sample.zone), midnight(months[-1], 1, sample.zone) - 1
        span = StudySpan(str(self.parents.calendar), *ends, sample.zone, sample.step)
        reaches = {month: span.reach(month) for month in span.months() if self._asks_for(month)}
        shards = [
            Shard(symbol, month, stored)  # one tuple for all months of a symbol
            for symbol, stored in chosen.items()
            for month, reach in reaches.items()
            if any(reach.begin <= held <= reach.end for held in stored)
        ]
        return span, shards

    def _asks_for(self, month: str) -> bool:
        first, last = self.parents.sessions or (None, None)
        return (first is None or month >= first[:7]) and (last is None or month <= last[:7])

    def start(self, folder: str | os.PathLike[str]) -> None:
        """Write down in a folder which study it holds, so that `of_folder` can go on with it.

        Raises
        ------
        UsageError
            The folder holds another study.
        """
        kept = StudyFolder(folder)
        asked = {"store": self.store, **self.settings()}
        found = kept.get(STUDY)
        _check_undamaged(found, folder)
        if found is not None and found not in (seal(asked), as_text(asked)):  # earlier versions wrote no seal
            raise UsageError(
                f"{kept.path} holds a study of other settings ({_differing(found, seal(asked))}); resume that one, or name another folder"
            )
        if found != seal(asked):
            kept.put(STUDY, seal(asked))

    def run(
        self,
        folder: str | os.PathLike[str],
        *,
        cluster: str | None = None,
        strict: bool = False,
        progress: Report | None = None,
        durable: bool = True,
    ) -> ShardedResult:
        """Work the shards that are not there yet, and put all together.

        Parameters
        ----------
        folder : path or fsspec URL
            Of the study; what an earlier run has finished there is kept where its key still holds.
        cluster : str, optional
            ``"local:2"`` (worker processes) or a dask scheduler (``"tcp://host:8786"``, ``"tls://host:8786"``); this process if not given.
        strict : bool
            Stop at the first symbol or day that cannot be worked, instead of listing it.
        progress : callable, optional
            Called with ``(done, total)`` after each shard.
        durable : bool
            A shard is done when the disk has it: a power loss cannot take it.

        Returns
        -------
        ShardedResult

        Raises
        ------
        UsageError
            The folder holds another study, or another process works there; or, with `strict`, what is wrong with a shard.
        """
        # before anything is written down: a file that cannot be read starts no study
        frame = self.parents.read() if isinstance(self.parents, DeskOrders) else None
        kept = StudyFolder(folder, durable=durable)
        with kept.locks().held(ALL, lambda _: True, WAIT) as lock, workers_of(cluster) as workers:
            kept.sweep()
            work = self._work(kept, frame, strict=strict)
            with Records(work.shards) as records, _stopped_with_a_note(work, records):
                _settle_all(work, records, workers, lock, progress)
                result = combine(kept, work.settings, records, workers, work.refused)
            kept.sweep()  # of workers that died meanwhile
            return result

    def run_share(
        self, folder: str | os.PathLike[str], share: str, *, strict: bool = False, progress: Report | None = None, durable: bool = True
    ) -> ShareDone:
        """Work one share of the shards, beside other processes that work the others; `run` puts all together afterwards.

        Parameters
        ----------
        folder : path or fsspec URL
            Of the study, for all shares the same.
        share : str
            ``"3/8"``: the third of eight.
        strict, progress, durable
            As in `run`.

        Raises
        ------
        UsageError
            No such share; the folder holds another study; or another process works on this share, on all, or on one of another number of
            shares.
        """
        own = Share.of(share)
        frame = self.parents.read() if isinstance(self.parents, DeskOrders) else None
        kept = StudyFolder(folder, durable=durable)
        with kept.locks().held(own.lock, own.conflicts, WAIT) as lock:
            whole = self._work(kept, frame, strict=strict)
            work = whole._replace(shards=own.own(whole.shards))
            with Records(work.shards) as records, workers_of(None) as workers, _stopped_with_a_note(work, records):
                _settle_all(work, records, workers, lock, progress)
                failed = tuple(Skipped(*failure) for _, record in records for failure in record["failed"])
                return ShareDone(kept.path, records.made, records.count - records.made, failed, tuple(records.damaged))

    def _work(self, folder: StudyFolder, frame: pd.DataFrame | None, *, strict: bool) -> Work:
        """Write down which study it is, and plan it."""
        self.start(folder.path)
        span, shards = self.plan()
        if not shards:
            raise UsageError(
                "no parent order is left to study: the store has no bars in the days asked for; exec-algos data info STORE names its days"
            )
        refused: tuple[Refused, ...] | None = None
        used = used_splits(self.splits, Partitions(self.store))
        settings = {**self.settings(), "zone": span.sessions().zone}
        settings |= _splits_record(self.splits, used) if self.splits else {}
        if frame is not None:
            placed = self._placed(frame, folder, span, shards, used)
            shards, refused = [shard for shard in shards if (shard.symbol, shard.month) in placed.shards], placed.refused
            settings |= {"orders_sha256": placed.sha256, "orders_given": len(frame)}
            settings |= {READ_AS: list(placed.notes)} if placed.notes else {}
            _refuse_strictly(refused, strict)
        asked = StudyPlan(**{**{field.name: getattr(self, field.name) for field in fields(self)}, "splits": used})
        return Work(ShardTask(asked, span, code_record(), folder.path, strict, folder.durable), shards, settings, refused)

    def _placed(self, frame: pd.DataFrame, folder: StudyFolder, span: StudySpan, shards: Sequence[Shard], splits: Splits) -> Placed:
        """The desk's orders, each shard's beside it in the folder."""
        stored: dict[str, list[str]] = {}
        for shard in shards:
            stored.setdefault(shard.symbol, []).append(shard.month)
        shares = partial(shares_after, splits.rows, zone=span.zone)
        return self.parents.placed(frame, folder, stored, span.sessions(), span.step, shares)  # type: ignore[union-attr] # a desk's orders only


class Work(NamedTuple):
    """What is to be done: the shards, what workers need, the settings of the result, and the orders of a desk that came into no shard."""

    task: ShardTask
    shards: Sequence[Shard]
    settings: dict[str, Any]
    refused: tuple[Refused, ...] | None


class ShareDone(NamedTuple):
    """What one share of a study came to.

    Attributes
    ----------
    folder : str
    made, kept : int
        Shards that were worked now, and that an earlier run had finished.
    failed : tuple of Skipped
        Symbols with the day or month that could not be worked, and why.
    damaged : tuple of str
        Files of the folder that were not what had been written, and are made again.
    """

    folder: str
    made: int
    kept: int
    failed: tuple[Skipped, ...]
    damaged: tuple[str, ...]


def _settle_all(work: Work, records: Records, workers: Workers, lock: Held, progress: Report | None) -> None:
    for record in workers.settled(work.task, work.shards):
        _refuse_strictly([Refused(*row) for row in record.get("refused", ())], work.task.strict)
        records.add(record)
        lock.check()
        if progress is not None:
            progress(records.count, len(work.shards))


@contextmanager
def _stopped_with_a_note(work: Work, records: Records) -> Iterator[None]:
    """Tell who stops it what is kept."""
    try:
        yield
    except KeyboardInterrupt as stop:
        stop.add_note(f"{records.count} of {len(work.shards)} shards are finished and kept in {work.task.folder}")
        raise


def _check_undamaged(content: bytes | None, folder: str | os.PathLike[str]) -> None:
    """Refuse to go on with settings that are not those which were written down."""
    if is_damaged(content):
        raise UsageError(
            f"{os.fspath(folder)}/{STUDY} is not whole or damaged: its SHA-256 is not that of when it was written; take it away, and run "
            "again with the store and the settings that the study was started with: what is finished is kept"
        )


def _splits_record(given: Splits, used: Splits) -> dict[str, Any]:
    """The splits that were used, how many there were, and those of no use."""
    unused = [list(split) for split in given.rows if split not in used.rows]
    record = {"splits": [list(split) for split in used.rows], "splits_given": len(given)}
    return {**record, **({"splits_unused": unused} if unused else {})}


def _refuse_strictly(refused: Sequence[Refused], strict: bool) -> None:
    if strict and refused:
        first, more = refused[0], f"; {len(refused)} rows are refused" if len(refused) > 1 else ""
        raise UsageError(f"row {first.row} of the orders: {first.reason}, got {first.value!r}{more}")


def _terms(record: Mapping[str, Any], folder: StudyFolder) -> Grid | DeskOrders:
    return DeskOrders.of_record(record, folder.path) if "orders" in record else Grid.of_record(record)


def _differing(found: bytes, wanted: bytes) -> str:
    """Which settings of a folder are not those asked for, in words."""
    there, asked = (_flat({name: value for name, value in json.loads(text).items() if name != SEAL}) for text in (found, wanted))
    other = [name for name in sorted({*there, *asked}) if there.get(name) != asked.get(name)]
    said = [f"{name}: {there.get(name)} there, {asked.get(name)} asked for" for name in other[:3]]
    return "; ".join(said) + (f" and {len(other) - 3} more" if len(other) > 3 else "")


def _flat(record: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Settings by their whole name, ``parents.size``."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        found |= _flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return found


def _sample(partitions: Partitions, listing: Mapping[str, tuple[str, ...]]) -> Bars:
    """The first file that can be read: its zone is that in which the store counts months."""
    failed: MarketDataError | None = None
    for symbol, months in listing.items():
        for month in months:
            try:
                return partitions.month(symbol, month)
            except MarketDataError as error:
                failed = failed or error
    raise failed or MarketDataError("the store holds nothing", file=partitions.path)
