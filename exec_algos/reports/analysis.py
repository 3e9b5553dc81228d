"""The tables of the report that say where the cost comes from, as text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from exec_algos.errors import UsageError
from exec_algos.reports.numbers import NONE, bps, count, interval, percent
from exec_algos.reports.tables import ReportTable, noted
from exec_algos.studies.record.lists import frames_of
from exec_algos.tca.shortfall import PARTS
from exec_algos.tca.twins import shown_once

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.result import StudyResult

IN_TRADING = ("spread", "impact", "timing")
UNSPLIT = "in trading"


class Costs(NamedTuple):
    """The analysis as tables and sentences; or why there is none."""

    shortfall: ReportTable | None = None
    benchmarks: ReportTable | None = None
    markouts: ReportTable | None = None
    hours: ReportTable | None = None
    power: Mapping[str, str] = MappingProxyType({})
    frames: Mapping[str, pd.DataFrame] = MappingProxyType({})
    missing: str = ""


def costs(result: StudyResult) -> Costs:
    """The analysis of a study, ready for the page; without the single fills it says so."""
    try:
        frames, power = frames_of(result), result.analysis().power()
    except UsageError as error:
        return Costs(missing=str(error))
    return Costs(
        shortfall=_shortfall(frames["shortfall"]),
        benchmarks=_benchmarks(frames["benchmarks"]),
        markouts=_markouts(frames["markouts"]),
        hours=_hours(frames["time_of_day"]),
        power=power,
        frames=frames,
    )


def _shortfall(whole: pd.DataFrame) -> ReportTable:
    shown = shown_once(whole, ("order_weighted", "notional_weighted"))
    table = shown.table
    rows: list[tuple[str, ...]] = []
    columns = _columns(table["order_weighted"])
    for key, own in table.groupby(level=[0, 1], sort=False):
        line = own.droplevel([0, 1])
        parts, total = line["order_weighted"], line.loc[["total"]].iloc[0]
        unsplit = math.isfinite(parts["trading"]) and not all(math.isfinite(parts[name]) for name in IN_TRADING)
        means = (UNSPLIT if unsplit and name in IN_TRADING else bps(float(parts[name])) for name in columns)
        rows.append(
            (*_words(key), *means, bps(total["order_weighted"]), interval(total["low"], total["high"]), bps(total["notional_weighted"]))
        )
    left = int(table["left_out"].max())
    out = f"; {count(left)} left out, of which a price is not known" if left else ""
    many = " to ".join(dict.fromkeys([count(table["n"].min()), count(table["n"].max())]))
    note = f"bps of the paper value, means of {many} orders each{out}; the residual is valued at the session's close"
    head = ("algorithm", "side", *columns, "total", "95 % interval of the total", "notional-weighted total")
    return ReportTable("Implementation shortfall by its parts", note + noted(shown), head, rows)


def _columns(means: pd.Series) -> tuple[str, ...]:
    """The parts; where some are unknown, as of fills that were really made, also trading, which is their sum."""
    unknown = means[means.index.get_level_values("part").isin(IN_TRADING)].isna().any()
    return ("delay", "trading", *IN_TRADING, "opportunity", "fees") if unknown else PARTS


def _benchmarks(whole: pd.DataFrame) -> ReportTable:
    shown = shown_once(whole, ("mean", "notional_mean"))
    rows: list[tuple[str, ...]] = [
        (
            *_words(key),
            count(line["n"]),
            bps(line["mean"]),
            interval(line["low"], line["high"]),
            bps(line["notional_mean"]),
            line["reasons"],
        )
        for key, line in shown.table.iterrows()
    ]
    head = ("algorithm", "side", "benchmark", "n", "mean", "95 % interval", "notional-weighted mean", "not estimable")
    note = "bps, positive = cost; pwp_0.1: the VWAP of the volume from the arrival on of which the order is 10 %" + noted(shown)
    return ReportTable("Slippage against every benchmark", note, head, rows, names=3, words=1)


def _markouts(whole: pd.DataFrame) -> ReportTable:
    shown = shown_once(whole, ("mean",))
    table = shown.table
    horizons = list(dict.fromkeys(table.index.get_level_values("horizon")))
    rows: list[tuple[str, ...]] = []
    for key, own in table.groupby(level=[0, 1], sort=False):
        line = own.droplevel([0, 1])
        cells = (_with_interval(row) for _, row in line.loc[horizons].iterrows())
        rows.append((*_words(key), count(line["n"].max()), *cells))
    note = "fill price against the price a while later, bps, with 95 % intervals: above 0 it went against the fill" + noted(shown)
    return ReportTable("Mark-outs", note, ("algorithm", "side", "fills", *horizons), rows)


def _with_interval(row: Any) -> str:
    """A mean and its interval in a cell; why there is none is said once."""
    return f"{bps(row['mean'])} {interval(row['low'], row['high'])}" if math.isfinite(row["mean"]) else NONE


def _hours(whole: pd.DataFrame) -> ReportTable:
    shown = shown_once(whole, ("mean",))
    table = shown.table
    share = table["notional"] / table["notional"].groupby(level=[0, 1]).transform("sum")
    rows: list[tuple[str, ...]] = [
        (*_words(key), count(line["n"]), bps(line["mean"]), interval(line["low"], line["high"]), percent(line["share"]))
        for key, line in table.assign(share=share).iterrows()
    ]
    head = ("algorithm", "side", "time of day", "fills", "mean", "95 % interval", "share of what was traded")
    note = "fill price against the VWAP of its own bar, bps, positive = cost" + noted(shown)
    return ReportTable("Fills by time of day", note, head, rows, names=3)


def _words(key: Any) -> tuple[str, ...]:
    """Algorithm, side and what else stands in the index."""
    name, side, *others = key
    return str(name), str(side).lower(), *(str(other).replace("_", " ") for other in others)
