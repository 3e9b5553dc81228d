"""`ShardedResult`: what a sharded study found, read from its tables piece by piece."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.errors import UnknownNameError
from exec_algos.model import Side
from exec_algos.studies.breakdown import Edges, bounds_of, columns_for, full_name, with_traits
from exec_algos.studies.costcurve import CostCurve, Form, cost_curve
from exec_algos.studies.desk import read_refused
from exec_algos.studies.parents import Skipped
from exec_algos.studies.result import BENCHMARKS, StudyResult
from exec_algos.studies.resume import StudyFolder
from exec_algos.studies.streamed_pairs import streamed_pairs
from exec_algos.studies.streaming import READ, streamed_summary
from exec_algos.studies.summary import estimate_of
from exec_algos.tca.statistics import Estimate, clustered_mean

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.studies.imports import Refused

Frames = Callable[[], Iterator["pd.DataFrame"]]


@dataclass(frozen=True, slots=True)
class ShardedResult:
    """What a sharded study found; its tables stay on disk, and are read piece by piece.

    Attributes
    ----------
    folder : str
        ``parents.parquet, fills.parquet, skipped.csv, failed.csv, summary.csv, comparison.csv, config.json``, and the shards.
    config : dict
    failed : tuple of Skipped
        Symbols with the day or month that could not be worked, and why.
    made, kept : int
        Shards that were worked now, and that an earlier run had finished.
    """

    folder: str
    config: dict[str, Any]
    failed: tuple[Skipped, ...]
    made: int
    kept: int

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What has too little data, and why: the rows of ``skipped.csv``."""
        text = (StudyFolder(self.folder).get("skipped.csv") or b"").decode()
        return tuple(Skipped(*row) for row in list(csv.reader(io.StringIO(text)))[1:])

    @property
    def refused(self) -> tuple[Refused, ...]:
        """Rows of a desk's own orders that cannot be worked, and why: those of ``refused.csv``."""
        return read_refused(StudyFolder(self.folder))

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

    def pieces(self, columns: Sequence[str], name: str = "parents") -> Iterator[pd.DataFrame]:
        """A table by row group, always cut alike: what does not fit into memory is read so.

        Parameters
        ----------
        columns : sequence of str
        name : {"parents", "fills"}

        Raises
        ------
        UnknownNameError
            No such column.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        with StudyFolder(self.folder).open(f"{name}.parquet") as file:
            parquet = pq.ParquetFile(file)
            for column in columns:
                if column not in parquet.schema_arrow.names:
                    raise UnknownNameError("column", column, parquet.schema_arrow.names)
            for i in range(parquet.num_row_groups):
                yield parquet.read_row_group(i, columns=list(columns)).to_pandas()
                pa.default_memory_pool().release_unused()

    def summary(self, benchmark: str = "interval_vwap", *, by: Sequence[str] = ("algorithm",)) -> pd.DataFrame:
        """As `StudyResult.summary`, in the memory of one row group; sums may differ in their last digits."""
        column = _column(benchmark)
        return streamed_summary(self._frames([*by, *READ, column]), [column], by)[column]

    def summaries(self, by: Sequence[str]) -> dict[str, pd.DataFrame]:
        """The summary against every benchmark, in one pass for the sums."""
        found = streamed_summary(self._frames([*by, *READ, *BENCHMARKS.values()]), list(BENCHMARKS.values()), by)
        return {name: found[column] for name, column in BENCHMARKS.items()}

    def by(self, *names: str, benchmark: str = "interval_vwap", buckets: int = 5, edges: Edges | None = None) -> pd.DataFrame:
        """As `StudyResult.by`; where a bucket's bounds are quantiles, one algorithm's column of it is read for them."""
        wanted, column = [full_name(name) for name in names], _column(benchmark)
        needed = columns_for(wanted)
        one = self.table(columns=list(dict.fromkeys([*needed, "parent_id"])), algorithm=self.config["algorithms"][0])
        bounds = bounds_of(one, wanted, buckets=buckets, edges=edges)
        groups = tuple(dict.fromkeys(["algorithm", *wanted]))
        read = self._frames(["algorithm", *needed, *READ, column])
        return streamed_summary(lambda: (with_traits(part, wanted, edges=bounds) for part in read()), [column], groups)[column]

    def comparison(self, benchmark: str = "interval_vwap", *, side: str | None = None) -> pd.DataFrame:
        """As `StudyResult.comparison`, in the memory of one row group, without what needs all differences at a time."""
        return self.comparisons([benchmark], [None if side is None else Side.of(side).name])[benchmark, side]

    def comparisons(self, benchmarks: Sequence[str], sides: Sequence[str | None]) -> dict[tuple[str, str | None], pd.DataFrame]:
        """The comparison by benchmark and side, in one pass."""
        names = {name: _column(name) for name in benchmarks}
        read = self._frames(["parent_id", "algorithm", "session", "side", *names.values()])
        found = streamed_pairs(read, list(names.values()), self.config["algorithms"], sides)
        return {(name, side): found[column, side] for name, column in names.items() for side in sides}

    def estimate(self, algorithm: str, benchmark: str = "interval_vwap", *, weighted: bool = False) -> Estimate:
        """As `StudyResult.estimate`, from the algorithm's column alone."""
        self._check_named(algorithm)
        column = _column(benchmark)
        return estimate_of(
            self.table(columns=[column, "session", "filled", "average_price"], algorithm=algorithm), column, weighted=weighted
        )

    def compare(self, first: str, second: str, benchmark: str = "interval_vwap", *, side: str | None = None) -> Estimate:
        """As `StudyResult.compare`, from the two algorithms' columns."""
        for name in (first, second):
            self._check_named(name)
        column, wanted = _column(benchmark), None if side is None else Side.of(side).name
        a, b = (self.table(columns=["session", "side", column], algorithm=name) for name in (first, second))
        chosen = np.ones(len(a), dtype=bool) if wanted is None else (a["side"] == wanted).to_numpy()
        difference = (a[column] - b[column]).to_numpy(dtype=np.float64)
        return clustered_mean(difference[chosen], a["session"].to_numpy()[chosen])

    def cost_curve(self, algorithm: str, benchmark: str = "arrival", *, form: Form = "sqrt") -> CostCurve:
        """As `StudyResult.cost_curve`; four columns of one algorithm are in memory."""
        self._check_named(algorithm)
        column = _column(benchmark)
        return cost_curve(self.table(columns=["quantity", "adv", "session", column], algorithm=algorithm), column, form)

    def load(self, bars: Bars) -> StudyResult:
        """The whole as a `StudyResult` in memory; `bars` are what its plots draw on."""
        import pandas as pd

        skipped = pd.DataFrame(self.skipped, columns=["symbol", "session", "reason"])
        return StudyResult(self.table(), self.table("fills"), skipped, self.config, bars)

    def _check_named(self, algorithm: str) -> None:
        if algorithm not in self.config["algorithms"]:
            raise UnknownNameError("algorithm", algorithm, self.config["algorithms"])

    def _frames(self, columns: Sequence[str]) -> Frames:
        return lambda: self.pieces(list(dict.fromkeys(columns)))


def _column(benchmark: str) -> str:
    if benchmark not in BENCHMARKS:
        raise UnknownNameError("benchmark", benchmark, BENCHMARKS)
    return BENCHMARKS[benchmark]
