"""The lists of a study as CSV: what its report shows is read from them where the bars are not at hand."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.stats.power import power_sentence
from exec_algos.studies.record.data import FILE as FINDINGS
from exec_algos.tca.clusters import clusters_of
from exec_algos.tca.names import BENCHMARKS, named
from exec_algos.tca.oversize import Oversize
from exec_algos.tca.pairs import comparisons
from exec_algos.textform import unguarded

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.folder import StudyFolder

MARK = "session_close"
INDEXES = {  # of the lists of an analysis
    "shortfall": ("algorithm", "side", "part"),
    "benchmarks": ("algorithm", "side", "benchmark"),
    "markouts": ("algorithm", "side", "horizon"),
    "time_of_day": ("algorithm", "side", "time_of_day"),
    "residuals": ("algorithm", "side"),
}
TEXTS = {*(name for names in INDEXES.values() for name in names), "reason", "reasons", "volume"}
COUNTS = {"n", "left_out", "days", "orders", "of"}
OVERSIZE = "oversize"
FRAMES = "_frames"  # attribute of a result


class HasTables(Protocol):
    """What is listed of a study."""

    @property
    def parents(self) -> pd.DataFrame:
        """As of `StudyResult`."""
        ...

    @property
    def skipped(self) -> pd.DataFrame:
        """As of `StudyResult`."""
        ...

    @property
    def findings(self) -> pd.DataFrame:
        """As of `StudyResult`."""
        ...

    def has_twins(self) -> bool:
        """Whether every parent order has a twin of the other side."""
        ...

    def summary(self, benchmark: str = ..., *, by: Sequence[str] = ...) -> pd.DataFrame:
        """As `StudyResult.summary`."""
        ...

    def comparison(self, benchmark: str = ..., *, side: str | None = ...) -> pd.DataFrame:
        """As `StudyResult.comparison`."""
        ...

    def oversize(self) -> tuple[Oversize, ...]:
        """As `StudyResult.oversize`."""
        ...

    def residuals(self) -> pd.DataFrame:
        """As `StudyResult.residuals`."""
        ...

    def is_analysed(self) -> bool:
        """As `StudyResult.is_analysed`."""
        ...

    def analysis(self) -> Any:
        """As `StudyResult.analysis`."""
        ...


def lists_of(result: HasTables) -> dict[str, pd.DataFrame]:
    """The lists of a study by the name of their file; those of the analysis where there is one."""
    import pandas as pd

    sides = sorted(set(result.parents["side"]))
    lists = {
        "skipped.csv": result.skipped,
        FINDINGS: result.findings,
        "summary.csv": pd.concat({name: result.summary(name, by=("algorithm", "side")) for name in BENCHMARKS}, names=["benchmark"]),
        # of twins each side only
        "comparison.csv": comparisons(result.comparison, BENCHMARKS, sides if result.has_twins() else (None, *sides)),
        f"{OVERSIZE}.csv": pd.DataFrame(result.oversize(), columns=list(Oversize._fields)),
    }
    return {**lists, **{f"{name}.csv": frame for name, frame in _analysed(result).items()}}


def _analysed(result: HasTables) -> dict[str, pd.DataFrame]:
    if not result.is_analysed():
        return {}
    return {**frames_of(result), "residuals": result.residuals()}


def frames_of(result: HasTables) -> dict[str, pd.DataFrame]:
    """The four tables of a study's analysis, made once: the folder and the page both ask for them.

    Raises
    ------
    UsageError
        There is no analysis.
    """
    if FRAMES not in vars(result):
        found = result.analysis()
        frames = (found.shortfall(MARK), found.slippage(), found.markouts(), found.time_of_day())
        object.__setattr__(result, FRAMES, dict(zip(INDEXES, frames, strict=False)))
    held: dict[str, pd.DataFrame] = vars(result)[FRAMES]
    return {name: frame.copy() for name, frame in held.items()}


@dataclass(frozen=True, eq=False)
class WrittenAnalysis:
    """The tables of an analysis as a study's folder has them.

    Attributes
    ----------
    frames : dict of str to DataFrame
        By the names of `INDEXES`.
    parents : DataFrame
    """

    frames: dict[str, pd.DataFrame]
    parents: pd.DataFrame

    def shortfall(self, mark: str = MARK) -> pd.DataFrame:
        """See `exec_algos.studies.analysis.Analysis`.

        Raises
        ------
        UsageError
            Another mark than the session's close.
        """
        if mark != MARK:
            raise UsageError(f"the folder of a study has the shortfall at mark {MARK!r} alone, not at {mark!r}; load it with its bars")
        return self.frames["shortfall"]

    def slippage(self) -> pd.DataFrame:
        """See `exec_algos.studies.analysis.Analysis`."""
        return self.frames["benchmarks"]

    def markouts(self) -> pd.DataFrame:
        """See `exec_algos.studies.analysis.Analysis`."""
        return self.frames["markouts"]

    def time_of_day(self) -> pd.DataFrame:
        """See `exec_algos.studies.analysis.Analysis`."""
        return self.frames["time_of_day"]

    def power(self, delta: float = 1.0) -> dict[str, str]:
        """See `exec_algos.studies.analysis.Analysis`."""
        values, days = self.parents["slippage_vwap_bps"].to_numpy(np.float64), clusters_of(self.parents)
        keys = list(zip(self.parents["algorithm"], self.parents["side"], strict=True))
        names = [(name, side) for name in dict.fromkeys(self.parents["algorithm"]) for side in ("BUY", "SELL") if (name, side) in set(keys)]
        at = {key: np.array([i for i, own in enumerate(keys) if own == key]) for key in names}
        return {named(key): power_sentence(values[rows], days[rows], delta) for key, rows in at.items()}


def read_lists(folder: StudyFolder, digests: dict[str, str]) -> dict[str, pd.DataFrame]:
    """The lists of the analysis that a folder has, by the names of `INDEXES`, and `OVERSIZE`."""
    found = {name: _read(folder.proved(f"{name}.csv", digests)) for name in (*INDEXES, OVERSIZE) if f"{name}.csv" in digests}
    return {name: table.set_index(list(INDEXES[name])) if name in INDEXES else table for name, table in found.items()}


def _read(content: bytes) -> pd.DataFrame:
    import pandas as pd

    table = pd.read_csv(io.BytesIO(content), dtype="str", keep_default_na=False)
    texts = {name: table[name].map(unguarded).astype("str") for name in table.columns if name in TEXTS}
    kinds = {name: "int64" if name in COUNTS else "float64" for name in table.columns if name not in TEXTS}
    return table.replace(dict.fromkeys(kinds, ""), "nan").astype(kinds).assign(**texts)


def oversize_in(table: pd.DataFrame) -> tuple[Oversize, ...]:
    """The rows of `OVERSIZE`."""
    rows = table.to_dict("records")
    return tuple(Oversize(str(row["volume"]), int(row["orders"]), int(row["of"]), float(row["most"])) for row in rows)
