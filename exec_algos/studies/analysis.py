"""`Analysis`: the transaction cost analysis of a study, by algorithm and side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UnknownNameError
from exec_algos.fills import PRICE_RULES
from exec_algos.market.hours import sessions_of
from exec_algos.stats.bootstrap import Method, cluster_bootstrap
from exec_algos.stats.control import control_variate, signed_move
from exec_algos.stats.estimable import Estimable
from exec_algos.stats.power import power_sentence
from exec_algos.tca.advantage import price_advantage
from exec_algos.tca.benchmarks import View
from exec_algos.tca.clusters import CLUSTER, clusters_of
from exec_algos.tca.fidelity import bar_participation, by_time_of_day, fill_slippage
from exec_algos.tca.frames import benchmark_columns, betas_of, index_shortfall, parent_shortfall, slippage_table, view_of
from exec_algos.tca.lines import adjusted_line, bootstrap_line, calibration_line, mean_line, spread_line, with_reason
from exec_algos.tca.markouts import HORIZONS, markouts
from exec_algos.tca.names import named
from exec_algos.tca.trades import Stamped, Trades
from exec_algos.tca.twins import BUYS_ONLY, twins_in
from exec_algos.textform import numbered

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars

GROUPS = ["algorithm", "side"]
SIDES = ("BUY", "SELL")
KEYS = ("parent_id", "algorithm", "symbol", "session", "side")


@dataclass(frozen=True, eq=False)
class Analysis:
    """What the orders of a study cost, and why; every table by algorithm and side, in bps, positive = cost, intervals clustered by day.

    `StudyResult.analysis` makes it. What cannot be estimated is NaN with its reason beside it. Sides stand apart: over buys and
    sells of the same orders the part that the price's own moves have in the cost cancels, whatever the algorithm does.

    Attributes
    ----------
    parents, fills : DataFrame
        Of the study.
    view : View
        The bars of each parent order.
    stamped : {"start", "end"}
        At which end of their bar fills are stamped: the start under price rule "open".

    Examples
    --------
    >>> from exec_algos import FillModel, ParentOrders, SlippageStudy
    >>> from exec_algos.market.samples import load_samples
    >>> bars = load_samples()["XNYS"]
    >>> parents = ParentOrders.grid(bars, calendar="XNYS", sides=["buy"], size="5%adv")
    >>> found = SlippageStudy(bars, parents, ["twap"], FillModel(max_participation=0.1)).run().analysis()
    >>> parts = found.shortfall()["order_weighted"]["twap", "BUY"]
    >>> bool(abs(parts[["delay", "spread", "impact", "timing", "opportunity", "fees"]].sum() - parts["total"]) < 1e-9)
    True
    """

    parents: pd.DataFrame
    fills: pd.DataFrame
    view: View
    stamped: Stamped
    _made: dict[tuple[Any, ...], pd.DataFrame] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        algorithms, sides = (", ".join(dict.fromkeys(self.parents[group])) for group in GROUPS)
        orders, fills = self.parents["parent_id"].nunique(), len(self.fills)
        of = f"{numbered(orders, 'parent order')} and {numbered(fills, 'fill')}"
        return f"<Analysis of {of}: {algorithms}; {sides.lower()}; shortfall(), slippage(), markouts() ...>"

    @classmethod
    def of(cls, parents: pd.DataFrame, fills: pd.DataFrame, bars: Bars, config: Mapping[str, Any]) -> Analysis:
        """The analysis of the parts of a study.

        Raises
        ------
        UsageError
            Its single fills were not kept.
        """
        view = view_of(parents, bars, sessions_of(bars, config["calendar"]))
        return cls(parents, fills, view, "start" if PRICE_RULES[config["fill_model"]["price"]].at_start else "end")

    @cached_property
    def trades(self) -> Trades:
        """The fills as columns."""
        return Trades.of(self.fills, self.parents, self.view.bars)

    def benchmarks(self, rates: Sequence[float] = (0.05, 0.1, 0.2)) -> pd.DataFrame:
        """Every benchmark of every order, the slippage against it, and the share of the volume at worse prices.

        Parameters
        ----------
        rates : sequence of float
            Of PWP, fractions of the traded volume.

        Returns
        -------
        DataFrame
            A row for each row of `parents`: ``parent_id, algorithm, symbol, session, side``, then `exec_algos.tca.frames.slippage_table`.
        """
        table = slippage_table(self.parents, self.view, self._benchmarks(rates))
        return self.parents[list(KEYS)].join(table)

    def slippage(self, rates: Sequence[float] = (0.05, 0.1, 0.2)) -> pd.DataFrame:
        """Mean slippage against every benchmark.

        Returns
        -------
        DataFrame
            Indexed by ``algorithm, side, benchmark``: ``mean, low, high, notional_mean, n, left_out`` (orders) and ``reasons`` with counts.
        """
        table, traded = self.benchmarks(rates), (self.parents["filled"] * self.parents["average_price"]).fillna(0.0)
        names, table = _benchmark_names(table), table.assign(**{CLUSTER: clusters_of(self.parents)})

        def lines(mine: Ints) -> pd.DataFrame:
            rows = table.iloc[mine]
            return _table({name: mean_line(rows, f"{name}_bps", traded.to_numpy()[mine]) for name in names}, "benchmark")

        return self._grouped(lines)

    def shortfall(self, mark: str = "session_close") -> pd.DataFrame:
        """Implementation shortfall: delay + spread + impact + timing + opportunity + fees = total, in bps of the paper value.

        Parameters
        ----------
        mark : {"session_close", "window_end", "window_end_mid"}
            Price at which what was not filled is valued.

        Returns
        -------
        DataFrame
            Indexed by ``algorithm, side, part``; see `exec_algos.tca.shortfall.Shortfall.summary`. In each weighting the parts sum to
            the total.
        """
        return self._once(("shortfall", mark), lambda: self._shortfall(mark))

    def order_shortfall(self, mark: str = "session_close") -> pd.DataFrame:
        """`shortfall` of each order, in currency and in bps: a row for each row of `parents`."""
        found = parent_shortfall(self.parents, self.fills, self.view, mark=mark).to_frame()
        return self.parents[list(KEYS)].join(found.set_index(self.parents.index))

    def index_adjusted(self, index: Bars, beta: float | Mapping[str, float] = 1.0, *, mark: str = "session_close") -> pd.DataFrame:
        """`shortfall` less what an index explains of it: of each share, ``beta side R``, R from the decision to its fill or to the mark.

        Parameters
        ----------
        index : Bars
            Of the index alone, such as ``bars.select(["SPY"])``. Its level at an instant is the last close of the session, and before the
            session's first close its first open.
        beta : float or mapping of str to float
            To the index, of every symbol or by symbol.
        mark : {"session_close", "window_end", "window_end_mid"}
            As in `shortfall`.

        Returns
        -------
        DataFrame
            As `shortfall`; over the same orders the index explains the total there less the total here. Spread, impact and fees stay.

        Raises
        ------
        UsageError
            `index` holds several symbols, or `beta` lacks one.
        """
        whole = index_shortfall(self.parents, self.fills, self.view, index, betas_of(self.parents["symbol"], beta), mark=mark)
        days = clusters_of(self.parents)
        return self._grouped(lambda mine: whole.take(mine).summary(days[mine]))

    def markouts(self, horizons: Sequence[int] = HORIZONS) -> pd.DataFrame:
        """What the price did after the fills: above 0 it went against them.

        Parameters
        ----------
        horizons : sequence of int
            ns; by default 1, 5, 15 and 30 minutes, and always the session's close.

        Returns
        -------
        DataFrame
            Indexed by ``algorithm, side, horizon``; see `exec_algos.tca.markouts.Markouts.summary`.
        """
        return self._once(("markouts", tuple(horizons)), lambda: self._markouts(horizons))

    def time_of_day(self, minutes: int = 30) -> pd.DataFrame:
        """Fill price against the VWAP of its own bar, by time of day: the quality of fills apart from the schedule.

        Returns
        -------
        DataFrame
            Indexed by ``algorithm, side, time_of_day``; see `exec_algos.tca.fidelity.by_time_of_day`.
        """
        trades, view = self.trades, self.view

        def lines(mine: Ints) -> pd.DataFrame:
            own = _of_parents(trades, mine)
            values = fill_slippage(view.bars, own, stamped=self.stamped)
            weights = own.quantity * own.price
            return by_time_of_day(values, own.time, weights, zone=view.bars.zone, stamped=self.stamped, minutes=minutes)

        return self._grouped(lines)

    def participation(self) -> pd.DataFrame:
        """Our shares over the volume of each bar in which an order traded, fractions.

        Returns
        -------
        DataFrame
            Indexed by ``algorithm, side``: ``mean, median, p95, largest, bars, left_out`` (order and bar).
        """
        trades, bars = self.trades, self.view.bars

        def line(mine: Ints) -> dict[str, Any]:
            return spread_line(bar_participation(bars, _of_parents(trades, mine), stamped=self.stamped).participation)

        return self._lines(line)

    def advantage(self, benchmark: str = "interval_twap") -> pd.DataFrame:
        """Price advantage and gain-loss ratio, as papers on learned execution report them; unlike a cost, higher is better.

        Parameters
        ----------
        benchmark : str
            One of `slippage`.

        Returns
        -------
        DataFrame
            Indexed by ``algorithm, side``: ``mean`` (bps), ``gain_loss_ratio, share_positive, n, reason``; see
            `exec_algos.tca.advantage.Advantage`.

        Raises
        ------
        UnknownNameError
            No such benchmark.
        """
        costs = self._costs(benchmark)
        return self._lines(lambda mine: price_advantage(Estimable.of(costs[mine]))._asdict())

    def bootstrap(
        self, benchmark: str = "interval_vwap", *, method: Method = "percentile", confidence: float = 0.95, seed: int = 0
    ) -> pd.DataFrame:
        """Mean slippage with an interval from resampled days: it takes no normal distribution for granted.

        Parameters
        ----------
        benchmark : str
            One of `slippage`.
        method : {"percentile", "bca"}
            See `exec_algos.stats.bootstrap.cluster_bootstrap`.
        confidence : float
            In (0, 1).
        seed : int
            Of the draw; with at most nine days nothing is drawn.

        Returns
        -------
        DataFrame
            Indexed by ``algorithm, side``: ``mean, standard_error, low, high`` (bps), ``exact, resamples, n, days, left_out, reason``.

        Raises
        ------
        UnknownNameError
            No such benchmark or method.
        UsageError
            A confidence outside (0, 1).
        """
        costs, days = self._costs(benchmark), clusters_of(self.parents)

        def line(mine: Ints) -> dict[str, Any]:
            return bootstrap_line(cluster_bootstrap(costs[mine], days[mine], confidence=confidence, method=method, seed=seed))

        return self._lines(line)

    def market_adjusted(self) -> pd.DataFrame:
        """Mean slippage against arrival less what the price's own move explains: it takes fewer orders to see.

        The control is ``side (TWAP / arrival - 1) * 1e4`` of the window. Its true mean is taken as 0: the price has no drift. The
        replayed price does not react to the orders, so an algorithm's own spread and impact stay in the mean.

        Returns
        -------
        DataFrame
            Indexed by ``algorithm, side``: ``mean, low, high`` and ``adjusted, adjusted_low, adjusted_high`` (bps), ``coefficient,
            correlation, variance_ratio, n, days, left_out, reason``; see `exec_algos.stats.control.ControlVariate`.
        """
        table, days = self._all_benchmarks(), clusters_of(self.parents)
        cost, first, mean = (table[name].to_numpy(np.float64) for name in ("arrival_bps", "arrival", "interval_twap"))
        control = signed_move(np.where(self.parents["side"] == "BUY", 1.0, -1.0), first, mean)
        return self._lines(lambda mine: adjusted_line(control_variate(cost[mine], control[mine], days[mine])))

    def power(self, delta: float = 1.0) -> dict[str, str]:
        """How many orders it takes to see `delta` bps against the interval VWAP, in words: ``{"twap, buy": "to see 1 bp ..."}``."""
        values, days = self.parents["slippage_vwap_bps"].to_numpy(np.float64), clusters_of(self.parents)
        return {named(key): power_sentence(values[mine], days[mine], delta) for key, mine in self._rows().items()}

    def calibration(self, estimates: pd.DataFrame) -> pd.DataFrame:
        """Realised cost against arrival regressed on what was expected: a model that is right has intercept 0 and slope 1.

        Parameters
        ----------
        estimates : DataFrame
            ``study.pretrade()`` of the same study, or rows of it: ``parent_id, algorithm, expected_bps, commission_bps, low_bps`` and
            ``high_bps``.

        Returns
        -------
        DataFrame
            Indexed by ``algorithm``, both sides together, of twins (`exec_algos.tca.twins`) the buys: ``intercept, slope, slope_error,
            slope_low, slope_high, bias, bias_low, bias_high`` (realised less expected, bps), ``r_squared, inside`` (share of the realised
            costs in the expected range), ``n, left_out, days``, ``warning``: what is not identified, or only just, and ``note``: that the
            buys of twins were taken. Commission is in neither.
        """
        twins = twins_in(self._of_first())
        parents = self.parents[self.parents["side"] == "BUY"] if twins else self.parents
        both = parents.merge(estimates, on=["parent_id", "algorithm"], suffixes=("", "_expected"))
        groups = both.groupby("algorithm", sort=False)
        return _table({str(name): calibration_line(rows) for name, rows in groups}, "algorithm").assign(note=BUYS_ONLY if twins else "")

    def _of_first(self) -> pd.DataFrame:
        """Each parent order once."""
        first: pd.DataFrame = self.parents[self.parents["algorithm"] == self.parents["algorithm"].iloc[0]]
        return first

    def _once(self, key: tuple[Any, ...], make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """A table that a plot and a page both ask for: over millions of fills it takes seconds."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key].copy()

    def _shortfall(self, mark: str) -> pd.DataFrame:
        whole, days = parent_shortfall(self.parents, self.fills, self.view, mark=mark), clusters_of(self.parents)
        return self._grouped(lambda mine: whole.take(mine).summary(days[mine]))

    def _markouts(self, horizons: Sequence[int]) -> pd.DataFrame:
        trades, view = self.trades, self.view

        def lines(mine: Ints) -> pd.DataFrame:
            chosen = _of_parents(trades, mine)
            found = markouts(view.bars, view.sessions, chosen, horizons, stamped=self.stamped).summary()
            return with_reason(found, self.parents, trades, mine)

        return self._grouped(lines)

    def _benchmarks(self, rates: Sequence[float]) -> dict[str, Estimable]:
        return benchmark_columns(self.view, self.parents, self.trades, tape="replay", stamped=self.stamped, rates=rates)

    def _all_benchmarks(self) -> pd.DataFrame:
        return self._once(("benchmarks",), self.benchmarks)

    def _costs(self, benchmark: str) -> Floats:
        """Slippage of each order against a benchmark, bps."""
        table = self._all_benchmarks()
        if f"{benchmark}_bps" not in table.columns:
            raise UnknownNameError("benchmark", benchmark, _benchmark_names(table))
        return table[f"{benchmark}_bps"].to_numpy(np.float64)

    def _rows(self) -> dict[tuple[str, str], Ints]:
        """Rows of `parents` of each algorithm and side: algorithms as they first stand there, buys before sells."""
        names, sides = (self.parents[group].to_numpy() for group in GROUPS)
        found = {(str(name), side): np.flatnonzero((names == name) & (sides == side)) for name in dict.fromkeys(names) for side in SIDES}
        return {key: rows for key, rows in found.items() if len(rows)}

    def _grouped(self, lines: Callable[[Ints], pd.DataFrame]) -> pd.DataFrame:
        import pandas as pd

        return pd.concat({key: lines(mine) for key, mine in self._rows().items()}, names=GROUPS)

    def _lines(self, line: Callable[[Ints], dict[str, Any]]) -> pd.DataFrame:
        """One line for each algorithm and side."""
        import pandas as pd

        return pd.DataFrame.from_dict({key: line(mine) for key, mine in self._rows().items()}, orient="index").rename_axis(GROUPS)


def _of_parents(trades: Trades, rows: Ints) -> Trades:
    chosen = np.isin(trades.parent, rows, kind="table")
    return Trades._make(column[chosen] for column in trades)


def _table(lines: dict[str, dict[str, Any]], name: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame.from_dict(lines, orient="index").rename_axis(name)


def _benchmark_names(table: pd.DataFrame) -> list[str]:
    return [column.removesuffix("_bps") for column in table.columns if column.endswith("_bps")]
