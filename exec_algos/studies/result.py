"""`StudyResult`: parents, fills and summary of a slippage study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from exec_algos.algorithms import Algorithm
from exec_algos.errors import UnknownNameError
from exec_algos.fills import FillModel
from exec_algos.market.quality.limits import USUAL, Limits
from exec_algos.model import NO_RULES, Rules, Side
from exec_algos.stats.statistics import Estimate, clustered_mean
from exec_algos.stats.streaming import READ
from exec_algos.studies.design.parents import ParentOrders
from exec_algos.studies.extremes import Rework
from exec_algos.studies.extremes import tables_of as extreme_tables
from exec_algos.studies.record.data import data_rows, findings_frame, history_of
from exec_algos.studies.record.lists import lists_of
from exec_algos.studies.record.saving import save
from exec_algos.studies.record.tables import fills_arrow, parents_arrow
from exec_algos.studies.run.sums import sums_of
from exec_algos.studies.run.worked import Worked, measures_table
from exec_algos.studies.summary import estimate_of, line_of, skipped_table
from exec_algos.tca.benchmarks import benchmarks
from exec_algos.tca.buckets import Edges, full_name, with_traits
from exec_algos.tca.clusters import CLUSTER, clusters_of
from exec_algos.tca.cost_curve import CostCurve, Form, cost_curve
from exec_algos.tca.names import BENCHMARKS
from exec_algos.tca.pairs import compared
from exec_algos.tca.places import Windows
from exec_algos.tca.twins import BUYS_ONLY, are_twins, twins_in

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from exec_algos.market.bars import Bars
    from exec_algos.studies.analysis import Analysis
    from exec_algos.studies.run.pieces import Workable
    from exec_algos.studies.run.sums import TradeSums
    from exec_algos.tca.oversize import Oversize

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What a slippage study found. What a study found last is put together when it is first looked at.

    Attributes
    ----------
    parents : DataFrame
        A row for each parent order and algorithm; slippage in bps, positive = cost.
    fills : DataFrame
        A row for each trade.
    skipped : DataFrame
        ``symbol, session, reason`` of what was left out.
    config : dict
        What was asked: algorithms, fill model, versions, fingerprint of the data.
    bars : Bars
        The bars of the regular hours.
    findings : DataFrame
        What is odd in the bars, ``symbol, session, kind, value, usual, said``: `exec_algos.market.quality.findings.Findings`, and rows of
        kind ``history`` for orders whose history spans a suspected split.
    sums : TradeSums, optional
        What the analysis needs of single trades, where they were not kept.
    """

    parents: pd.DataFrame
    fills: pd.DataFrame
    skipped: pd.DataFrame
    config: dict[str, Any]
    bars: Bars
    findings: pd.DataFrame = field(default_factory=lambda: findings_frame(()))
    sums: TradeSums | None = field(default_factory=lambda: None)  # a plain default would stand in the class, and hide what `of` makes

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - the parts of a study
        cls,
        bars: Bars,
        orders: ParentOrders,
        algorithms: Sequence[Algorithm],
        model: FillModel,
        worked: Sequence[Worked],
        left_out: int,
        driver: str,
        rules: Rules = NO_RULES,
        given: Bars | None = None,
        limits: Limits = USUAL,
        work: Workable | None = None,
    ) -> StudyResult:
        """The frames, each put together when asked for; `left_out` counts the bars outside the regular hours, `given` has those too.

        `work` works the orders again where the single trades were not kept.
        """
        from exec_algos.studies.record.configuration import study_record

        prices = benchmarks(bars, orders.sessions, Windows(orders.symbol, orders.start, orders.end))
        names = [str(algorithm) for algorithm in algorithms]
        parts = list(zip(names, worked, strict=True))
        makers: dict[str, Callable[[], Any]] = {
            "parents": lambda: parents_arrow(orders, parts, prices).to_pandas(),
            "_arrow": lambda: {"parents": parents_arrow(orders, parts, prices), "fills": fills_arrow(orders, parts)},
            "_summed": lambda: measures_table(orders, parts, prices),
            "fills": lambda: fills_arrow(orders, parts).to_pandas(),
            "skipped": lambda: skipped_table(orders),
            "_skipped": lambda: orders.skipped,
            "_twins": lambda: are_twins([orders.symbol, orders.start, orders.end, orders.lots], orders.side),
            "config": lambda: study_record(bars, orders, algorithms, model, left_out, driver, rules, limits),
            "bars": lambda: bars,
            "_rework": lambda: None if work is None else Rework(bars, orders, work),
            "sums": lambda: None if work is None else sums_of(bars, orders, work),
            "findings": lambda: findings_frame(data_rows(given or bars, orders, history_of(orders, algorithms), limits)),
        }
        made = object.__new__(cls)
        object.__setattr__(made, "_makers", makers)
        return made

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Make what has not been looked at before."""
            maker = self.__dict__.get("_makers", {}).pop(name, None)
            if maker is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            object.__setattr__(self, name, maker())
            return self.__dict__[name]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    def _rows_summed(self, by: Sequence[str]) -> pd.DataFrame:
        """`parents`, or where they are not made yet and `by` needs no more, the columns of a summary."""
        if "parents" in self.__dict__:
            return self.parents
        summed: pd.DataFrame = self._summed  # type: ignore[attr-defined] # made by `of`
        return summed if "algorithm" in by and set(by) <= {"algorithm", "side", "session"} else self.parents

    def estimate(self, algorithm: str, benchmark: str = "interval_vwap", *, weighted: bool = False) -> Estimate:
        """Mean slippage of one algorithm in bps (positive = cost), day-clustered.

        Where every order has a twin of the other side (`exec_algos.tca.twins`) it is that of the buys, and ``note`` says so.

        Parameters
        ----------
        algorithm : str
            Text form.
        benchmark : {"interval_vwap", "arrival", "interval_twap", "session_vwap"}
        weighted : bool
            Weight by notional instead of equally.

        Raises
        ------
        UnknownNameError
            No such algorithm or benchmark.
        """
        rows, column = self._rows(algorithm), _column(benchmark)
        if not self.has_twins():
            return estimate_of(rows, column, weighted=weighted)
        return estimate_of(rows[rows["side"] == "BUY"], column, weighted=weighted)._replace(note=BUYS_ONLY)

    def summary(self, benchmark: str = "interval_vwap", *, by: Sequence[str] = ("algorithm",)) -> pd.DataFrame:
        """Slippage in bps, positive = cost, by algorithm or by any columns of `parents`.

        Where every order has a twin of the other side (`exec_algos.tca.twins`) it is always by side too: over both, the price's own
        moves cancel, whatever the algorithm does.

        Parameters
        ----------
        benchmark : {"interval_vwap", "arrival", "interval_twap", "session_vwap"}
        by : sequence of str
            Such as ``("algorithm", "side")``.

        Returns
        -------
        DataFrame
            Indexed by `by`: ``n, mean, median, sd, low, high`` (95 % interval of the mean, day-clustered),
            ``notional_mean``, ``fill_rate`` (filled / ordered shares), ``participation`` (mean), ``days``.

        Raises
        ------
        UnknownNameError
            No such benchmark or column.
        """
        import pandas as pd

        column = _column(benchmark)
        by = tuple(by) if "side" in by or not self.has_twins() else (*by, "side")
        parents = self._rows_summed(by)
        for name in by:
            if name not in parents.columns:
                raise UnknownNameError("column", name, parents.columns)
        # of all columns each group would be a copy: a third of the time of a report
        read = [name for name in dict.fromkeys((*by, *READ, CLUSTER, column)) if name in parents.columns]
        groups = parents[read].groupby(list(by), sort=True)
        lines = {key if len(by) > 1 else key[0]: line_of(rows, column) for key, rows in groups}
        return pd.DataFrame.from_dict(lines, orient="index").rename_axis(list(by))

    def compare(self, first: str, second: str, benchmark: str = "interval_vwap", *, side: str | None = None) -> Estimate:
        """Mean of ``slippage(first) - slippage(second)`` over the same parent orders, in bps, day-clustered.

        Parameters
        ----------
        first, second : str
            Text forms of two algorithms.
        benchmark : {"interval_vwap", "arrival", "interval_twap", "session_vwap"}
        side : {"BUY", "SELL"}, optional
            One side only. Without it, and where every order has a twin of the other side, one of each pair is taken, the buy, and
            ``note`` says so: over both the mean of a price rule that does not depend on the side is 0 by construction.

        Raises
        ------
        UnknownNameError
            No such algorithm or benchmark.
        """
        a, b = (self._rows(name).set_index("parent_id") for name in (first, second))
        # of a desk's own orders some may not be simulated
        difference = a[_column(benchmark)] - b[_column(benchmark)].reindex(a.index)
        halved = side is None and self.has_twins()
        wanted = "BUY" if halved else None if side is None else Side.of(side).name
        chosen = np.ones(len(a), dtype=bool) if wanted is None else (a["side"] == wanted).to_numpy()
        found = clustered_mean(difference.to_numpy(dtype=np.float64)[chosen], clusters_of(a)[chosen])
        return found._replace(note=BUYS_ONLY) if halved else found

    def comparison(self, benchmark: str = "interval_vwap", *, side: str | None = None) -> pd.DataFrame:
        """Every pair of algorithms on the same parent orders: differences in bps, 95 % intervals and p-values, day-clustered.

        Parameters
        ----------
        benchmark : {"interval_vwap", "arrival", "interval_twap", "session_vwap"}
        side : {"BUY", "SELL"}, optional
            One side only; see `compare`.

        Returns
        -------
        DataFrame
            Columns of `exec_algos.stats.paired.compare_all`: ``first, second, n, clusters, difference, low, high, p, p_holm ...``, in the
            sequence in which the algorithms were named; no row where there is one algorithm only. ``attrs["note"]`` says where one of
            each pair of twins was taken.

        Raises
        ------
        UnknownNameError
            No such benchmark.
        """
        halved = side is None and self.has_twins()
        column, wanted = _column(benchmark), "BUY" if halved else side
        found = self._once(f"_compared {column} {wanted}", lambda: compared(self.parents, column, self.config["algorithms"], wanted)).copy()
        found.attrs["note"] = BUYS_ONLY if halved else ""
        return found

    def by(self, *names: str, benchmark: str = "interval_vwap", buckets: int = 5, edges: Edges | None = None) -> pd.DataFrame:
        """`summary` by algorithm and by what the orders were like; of twins by side too.

        Parameters
        ----------
        *names : str
            ``"size"``, ``"liquidity"``, ``"spread"``, ``"volatility"``, ``"participation"`` in buckets, ``"hour"``, ``"weekday"``,
            ``"month"``, or any column of `parents`; see `exec_algos.tca.buckets.with_traits`.
        benchmark : {"interval_vwap", "arrival", "interval_twap", "session_vwap"}
        buckets : int
            Quantile groups of liquidity, spread and volatility.
        edges : mapping of str to sequence of float, optional
            Bounds of buckets by name, such as ``{"size": [1, 5, 10]}``.

        Raises
        ------
        UnknownNameError
            No such benchmark or name.
        UsageError
            Bounds that do not rise.
        """
        wanted = [full_name(name) for name in names]
        parents = with_traits(self.parents, wanted, buckets=buckets, edges=edges)
        return replace(self, parents=parents).summary(benchmark, by=tuple(dict.fromkeys(["algorithm", *wanted])))

    def cost_curve(self, algorithm: str, benchmark: str = "arrival", *, form: Form = "sqrt") -> CostCurve:
        """Cost in bps against the size in % of ADV, ``a + b x^power``: `exec_algos.tca.cost_curve.fit_cost`; of twins the buys.

        Parameters
        ----------
        algorithm : str
            Text form.
        benchmark : {"interval_vwap", "arrival", "interval_twap", "session_vwap"}
        form : {"sqrt", "power"}

        Raises
        ------
        UnknownNameError
            No such algorithm, benchmark or form.
        """
        return cost_curve(self._rows(algorithm), _column(benchmark), form, twins=self.has_twins())

    def analysis(self) -> Analysis:
        """The transaction cost analysis: shortfall by parts, every benchmark, mark-outs, fills by time of day, participation, power.

        Where single fills were not kept it is a `exec_algos.studies.summed.SummedAnalysis` of what they were added up to.

        Raises
        ------
        UsageError
            The single fills were neither kept nor added up, as in the folder of an earlier version: ``run(fills=True)`` keeps them.
        """
        from exec_algos.studies.summed import analysis_of

        return self._once("_analysed", lambda: analysis_of(self.parents, self.fills, self.bars, self.config, self.sums))

    def is_analysed(self) -> bool:
        """Whether `analysis` can be made: fills were kept or added up, nothing was filled, or a desk knows its average prices only."""
        known = "_analysed" in self.__dict__ or self.sums is not None or "own_fills" in self.config
        return bool(known or len(self.fills) or not self.parents["filled"].sum() > 0)

    def oversize(self) -> tuple[Oversize, ...]:
        """How many parent orders exceed the volume of a bar (by what they traded), of their session and the ADV, and by how much."""
        from exec_algos.studies.sizes import oversize_of

        analysis = self.analysis() if self.is_analysed() else None
        return self._once("_oversize", lambda: oversize_of(self.parents, self.bars, self.config["calendar"], analysis))

    def residuals(self) -> pd.DataFrame:
        """What was not filled, by algorithm and side, and why: shares by cause.

        Returns
        -------
        DataFrame
            Indexed by ``algorithm, side``: ``quantity, residual`` and ``cap, no volume, limit price, halt, end of window``, which sum to
            the residual; see `exec_algos.tca.residuals`.

        Raises
        ------
        UsageError
            The single fills were neither kept nor added up.
        """
        from exec_algos.studies.sizes import residuals_of

        return self._once("_residuals", lambda: residuals_of(self.parents, self.bars, self.config, self.analysis()))

    def _once(self, name: str, make: Callable[[], T]) -> T:
        """What output and page ask for, made once."""
        found: T = self.__dict__[name] if name in self.__dict__ else make()
        object.__setattr__(self, name, found)
        return found

    def plot(self, kind: str = "slippage", ax: Axes | None = None, **options: Any) -> Axes:
        """Draw one plot, such as ``"slippage"``: one of `exec_algos.plots.KINDS`; docs/gallery.md shows them all.

        Raises
        ------
        UnknownNameError
            No such plot.
        """
        from exec_algos.plots import draw

        return draw(self, kind, ax, **options)

    def save(self, folder: str | Path) -> Path:
        """Write a study's folder: its tables as Parquet, its lists as CSV, ``config.json``, and ``whole.json`` with the SHA-256 of each.

        The tables are ``parents``, ``fills`` (or what they were added up to) and what pictures of the dearest and the cheapest orders
        need; the lists are the summary, the comparison, the analysis, and what was skipped and found. Each file is written as a whole.
        `exec_algos.studies.saved` reads them again, and runs the study again to the same bytes.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        UsageError
            The folder cannot be written to.
        """
        sums = {} if self.sums is None else self.sums.tables()
        return save(folder, {"parents": self.parents, "fills": self.fills, **sums, **extreme_tables(self)}, lists_of(self), self.config)

    def has_twins(self) -> bool:
        """Whether every parent order has a twin of the other side; own fills have none, for each was paid."""
        if "own_fills" in self.config:
            return False
        if "_twins" not in self.__dict__ and "_twins" not in self.__dict__.get("_makers", {}):
            first = self.parents["algorithm"] == self.config["algorithms"][0]
            object.__setattr__(self, "_twins", twins_in(self.parents[first]))
        return bool(self._twins)  # type: ignore[attr-defined] # made by `of`, or above

    def _rows(self, algorithm: str) -> pd.DataFrame:
        if algorithm not in self.config["algorithms"]:
            raise UnknownNameError("algorithm", algorithm, self.config["algorithms"])
        return self.parents[self.parents["algorithm"] == algorithm]


def _column(benchmark: str) -> str:
    if benchmark not in BENCHMARKS:
        raise UnknownNameError("benchmark", benchmark, BENCHMARKS)
    return BENCHMARKS[benchmark]
