"""`ShardedResult`: what a sharded study found, read from its tables piece by piece."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.errors import UnknownNameError
from exec_algos.model import Side
from exec_algos.stats.statistics import Estimate, clustered_mean
from exec_algos.stats.streaming import READ, A, Fold, added, streamed_summary
from exec_algos.studies.design.parents import Skipped
from exec_algos.studies.folder import StudyFolder
from exec_algos.studies.record.data import FILE as FINDINGS
from exec_algos.studies.record.data import findings_frame, read_findings
from exec_algos.studies.result import StudyResult
from exec_algos.studies.shards.desk import CLIPPED, read_refused
from exec_algos.studies.shards.sizes import read_oversize, read_residuals
from exec_algos.studies.shards.tables import Look, bundles, columns_of, count_of, look_at, read_part
from exec_algos.studies.shards.workers import ThisProcess, Workers
from exec_algos.studies.summary import estimate_of
from exec_algos.tca.buckets import Edges, bounds_of, columns_for, full_name, with_traits
from exec_algos.tca.cost_curve import CostCurve, Form, cost_curve
from exec_algos.tca.names import BENCHMARKS
from exec_algos.tca.oversize import Oversize
from exec_algos.tca.twins import BUYS_ONLY, twins_in
from exec_algos.textform import unguarded

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.studies.design.imports import Refused
    from exec_algos.studies.shards.analysed import ShardedAnalysis

TEXTS = ("benchmark", "algorithm", "side", "first", "second")  # columns of the lists; the others are numbers
COUNTS = ("n", "days", "clusters")
GROUPED = ("algorithm", "side")  # what the summary that stands in the folder is by


def fold_of(folder: StudyFolder, columns: Sequence[str], workers: Workers | None = None, digests: Mapping[str, str] | None = None) -> Fold:
    """Looks at the parts of the table of parent orders, by whoever has been asked to; in this process if nobody was.

    `digests` are the SHA-256 of the finished files of the study; None while they are being made.
    """
    wanted = tuple(dict.fromkeys(columns))
    many = _count(folder, "parents", wanted, digests)

    def fold(look: Callable[[pd.DataFrame], A]) -> A:
        looking = partial(look_at, folder, "parents", Look(wanted, look), digests)
        return added((workers or ThisProcess()).map(looking, bundles(range(many))))

    return fold


def _count(folder: StudyFolder, name: str, columns: Sequence[str], digests: Mapping[str, str] | None) -> int:
    """How many parts a table has; refuses columns that it has not."""
    known = columns_of(folder, name, digests)
    for column in columns:
        if column not in known:
            raise UnknownNameError("column", column, known)
    return count_of(folder, name, digests)


def _table(
    folder: StudyFolder, digests: Mapping[str, str] | None, name: str, columns: Sequence[str] | None, algorithm: str | None
) -> pd.DataFrame:
    import pyarrow as pa

    chosen = None if algorithm is None else [("algorithm", "==", algorithm)]
    many = range(count_of(folder, name, digests))
    found: pd.DataFrame = pa.concat_tables(
        read_part(folder, name, number, digests, columns=columns, filters=chosen) for number in many
    ).to_pandas()
    return found


def are_twins(folder: StudyFolder, config: Mapping[str, Any], digests: Mapping[str, str] | None) -> bool:
    """Whether every parent order of a study has a twin of the other side; `digests` as in `fold_of`."""
    if len(set(config["parents"]["sides"])) < 2:
        return False
    if "orders_given" not in config:
        return True
    columns = ("symbol", "start", "end", "quantity", "side")
    return twins_in(_table(folder, digests, "parents", columns, config["algorithms"][0]))


@dataclass(frozen=True, slots=True)
class ShardedResult:
    """What a sharded study found; its tables stay on disk, and are read piece by piece.

    Attributes
    ----------
    folder : str
        ``parents.parquet, fills.parquet, skipped.csv, failed.csv, summary.csv, comparison.csv, oversize.csv, residuals.csv,
        config.json``, and the shards.
    config : dict
    failed : tuple of Skipped
        Symbols with the day or month that could not be worked, and why.
    made, kept : int
        Shards that were worked now, and that an earlier run had finished.
    damaged : tuple of str
        Files of the folder that were not what had been written, and are made again.
    """

    folder: str
    config: dict[str, Any]
    failed: tuple[Skipped, ...]
    made: int
    kept: int
    damaged: tuple[str, ...] = ()

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What has too little data, and why: the rows of ``skipped.csv``."""
        folder = StudyFolder(self.folder)
        text = folder.proved("skipped.csv", folder.digests()).decode()
        return tuple(Skipped(*map(unguarded, row)) for row in list(csv.reader(io.StringIO(text)))[1:])

    @property
    def findings(self) -> pd.DataFrame:
        """What is odd in the bars, shard by shard: as `StudyResult.findings`; what holds of all sessions of a month has the month."""
        folder = StudyFolder(self.folder)
        digests = folder.digests()
        found = read_findings(folder.proved(FINDINGS, digests) if FINDINGS in digests else None)
        return findings_frame(()) if found is None else found

    @property
    def refused(self) -> tuple[Refused, ...]:
        """Rows of a desk's own orders that cannot be worked, and why: those of ``refused.csv``."""
        folder = StudyFolder(self.folder)
        return read_refused(folder, folder.digests())

    @property
    def clipped(self) -> tuple[Refused, ...]:
        """Rows of a desk's own orders whose window reaches beyond the session: those of ``clipped.csv``."""
        folder = StudyFolder(self.folder)
        return read_refused(folder, folder.digests(), CLIPPED)

    def table(self, name: str = "parents", columns: Sequence[str] | None = None, algorithm: str | None = None) -> pd.DataFrame:
        """A table, or some columns of it, or the rows of one algorithm.

        Parameters
        ----------
        name : {"parents", "fills"}
        columns : sequence of str, optional
        algorithm : str, optional
            Text form.
        """
        folder = StudyFolder(self.folder)
        return _table(folder, folder.digests(), name, columns, algorithm)

    def iter_batches(self, columns: Sequence[str], name: str = "parents") -> Iterator[pd.DataFrame]:
        """A table part by part, always cut alike: what does not fit into memory is read so.

        Parameters
        ----------
        columns : sequence of str
        name : {"parents", "fills"}

        Raises
        ------
        UnknownNameError
            No such column.
        """
        folder = StudyFolder(self.folder)
        digests = folder.digests()
        for number in range(_count(folder, name, columns, digests)):
            yield read_part(folder, name, number, digests, columns=columns).to_pandas()

    def summary(self, benchmark: str = "interval_vwap", *, by: Sequence[str] = ("algorithm",)) -> pd.DataFrame:
        """As `StudyResult.summary`, in the memory of one part; sums may differ in their last digits.

        By algorithm and side it stands in ``summary.csv``.
        """
        column = _column(benchmark)
        by = tuple(by) if "side" in by or not self.has_twins() else (*by, "side")
        if by == GROUPED:
            return self._written("summary.csv", benchmark).set_index(list(GROUPED))
        return streamed_summary(self._fold([*by, *READ, column]), [column], by)[column]

    def by(self, *names: str, benchmark: str = "interval_vwap", buckets: int = 5, edges: Edges | None = None) -> pd.DataFrame:
        """As `StudyResult.by`; where a bucket's bounds are quantiles, one algorithm's column of it is read for them."""
        wanted, column = [full_name(name) for name in names], _column(benchmark)
        needed = columns_for(wanted)
        orders = self.table(columns=list(dict.fromkeys([*needed, "parent_id"])), algorithm=self.config["algorithms"][0])
        bounds = bounds_of(orders, wanted, buckets=buckets, edges=edges)
        sides = ["side"] if self.has_twins() else []
        groups = tuple(dict.fromkeys(["algorithm", *wanted, *sides]))
        plain = self._fold(["algorithm", *needed, *sides, *READ, column])

        def fold(look: Callable[[pd.DataFrame], A]) -> A:
            return plain(lambda part: look(with_traits(part, wanted, edges=bounds)))

        return streamed_summary(fold, [column], groups)[column]

    def comparison(self, benchmark: str = "interval_vwap", *, side: str | None = None) -> pd.DataFrame:
        """As `StudyResult.comparison`, without what needs all differences at a time: what stands in ``comparison.csv``."""
        _column(benchmark)
        halved = side is None and self.has_twins()
        wanted = "BUY" if halved else "all" if side is None else Side.of(side).name
        written = self._written("comparison.csv", benchmark)
        found = written[written["side"] == wanted].drop(columns="side").reset_index(drop=True)
        found.attrs["note"] = BUYS_ONLY if halved else ""
        return found

    def _fold(self, columns: Sequence[str]) -> Fold:
        folder = StudyFolder(self.folder)
        return fold_of(folder, columns, digests=folder.digests())

    def _written(self, name: str, benchmark: str) -> pd.DataFrame:
        """A list of the folder, digit by digit, without the other benchmarks."""
        import pandas as pd

        folder = StudyFolder(self.folder)
        head, *rows = csv.reader(io.StringIO(folder.proved(name, folder.digests()).decode()))
        found = pd.DataFrame([row for row in rows if row[head.index("benchmark")] == benchmark], columns=head)
        found = found.assign(**{name: found[name].map(unguarded) for name in head if name in TEXTS})
        kinds = {name: "int64" if name in COUNTS else "float64" for name in head if name not in TEXTS}
        return found.replace(dict.fromkeys(kinds, ""), "nan").astype(kinds).drop(columns="benchmark")

    def estimate(self, algorithm: str, benchmark: str = "interval_vwap", *, weighted: bool = False) -> Estimate:
        """As `StudyResult.estimate`, from the algorithm's column alone."""
        self._check_named(algorithm)
        column = _column(benchmark)
        rows = self.table(columns=[column, "session", "filled", "average_price", "side"], algorithm=algorithm)
        if not self.has_twins():
            return estimate_of(rows, column, weighted=weighted)
        return estimate_of(rows[rows["side"] == "BUY"], column, weighted=weighted)._replace(note=BUYS_ONLY)

    def compare(self, first: str, second: str, benchmark: str = "interval_vwap", *, side: str | None = None) -> Estimate:
        """As `StudyResult.compare`, from the two algorithms' columns."""
        for name in (first, second):
            self._check_named(name)
        halved = side is None and self.has_twins()
        column, wanted = _column(benchmark), "BUY" if halved else None if side is None else Side.of(side).name
        a, b = (self.table(columns=["session", "side", column], algorithm=name) for name in (first, second))
        chosen = np.ones(len(a), dtype=bool) if wanted is None else (a["side"] == wanted).to_numpy()
        difference = (a[column] - b[column]).to_numpy(dtype=np.float64)
        found = clustered_mean(difference[chosen], a["session"].to_numpy()[chosen])
        return found._replace(note=BUYS_ONLY) if halved else found

    def cost_curve(self, algorithm: str, benchmark: str = "arrival", *, form: Form = "sqrt") -> CostCurve:
        """As `StudyResult.cost_curve`; four columns of one algorithm are in memory."""
        self._check_named(algorithm)
        column = _column(benchmark)
        rows = self.table(columns=["quantity", "adv", "session", "side", column], algorithm=algorithm)
        return cost_curve(rows, column, form, twins=self.has_twins())

    def analysis(self, store: str | os.PathLike[str] | None = None, *, mark: str = "session_close") -> ShardedAnalysis:
        """The transaction cost analysis: shortfall by parts, every benchmark, mark-outs, fills by time of day, power.

        It is worked out symbol by symbol from the parent orders and fills of the folder and the bars of the store; memory is that of one
        symbol.

        Parameters
        ----------
        store : path or fsspec URL, optional
            Where the bars lie, if not where they lay when the study was made.
        mark : {"session_close", "window_end", "window_end_mid"}
            Price at which what was not filled is valued in `ShardedAnalysis.shortfall`.

        Raises
        ------
        UsageError
            The single fills were not kept, or the store no longer has the bars that the study was made of.
        """
        from exec_algos.studies.shards.analysed import analyse_shards

        return analyse_shards(self, store, mark)

    def oversize(self) -> tuple[Oversize, ...]:
        """As `StudyResult.oversize`: what stands in ``oversize.csv``."""
        folder = StudyFolder(self.folder)
        return read_oversize(folder, folder.digests())

    def residuals(self) -> pd.DataFrame:
        """As `StudyResult.residuals`, to the last bit: what stands in ``residuals.csv``.

        Raises
        ------
        UsageError
            The single fills were not kept.
        """
        folder = StudyFolder(self.folder)
        return read_residuals(folder, folder.digests())

    def load(self, bars: Bars) -> StudyResult:
        """The whole as a `StudyResult` in memory; `bars` are what its plots draw on."""
        import pandas as pd

        skipped = pd.DataFrame(self.skipped, columns=["symbol", "session", "reason"])
        return StudyResult(self.table(), self.table("fills"), skipped, self.config, bars, self.findings)

    def has_twins(self) -> bool:
        """Whether every parent order has a twin of the other side: those of a grid of both sides have; a desk's own are read for it."""
        folder = StudyFolder(self.folder)
        return are_twins(folder, self.config, folder.digests())

    def _check_named(self, algorithm: str) -> None:
        if algorithm not in self.config["algorithms"]:
            raise UnknownNameError("algorithm", algorithm, self.config["algorithms"])


def _column(benchmark: str) -> str:
    if benchmark not in BENCHMARKS:
        raise UnknownNameError("benchmark", benchmark, BENCHMARKS)
    return BENCHMARKS[benchmark]
