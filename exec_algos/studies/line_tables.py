"""Tables of an analysis from sums by algorithm, side, line and day: what the values themselves would say, but for the rounding of sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.stats.cluster_sums import ClusterSums
from exec_algos.studies.run.sums import BUCKET, MARKOUTS, TIME_OF_DAY, clock
from exec_algos.tca.fidelity import DAY_MINUTES
from exec_algos.tca.lines import counted_reasons
from exec_algos.tca.markouts import HORIZONS, REASONS, label
from exec_algos.tca.shortfall import LEFT_OUT, NOT_KNOWN, PARTS, part_reason

if TYPE_CHECKING:
    import pandas as pd

NOT_KEPT = "single fills, which were added up and not kept; run(fills=True) or --fills keeps them"
Keys = Sequence[tuple[str, str]]


def markout_table(lines: pd.DataFrame, missing: pd.DataFrame, keys: Keys, horizons: Sequence[int]) -> pd.DataFrame:
    """As `exec_algos.studies.analysis.Analysis.markouts`.

    Parameters
    ----------
    lines, missing : DataFrame
        As in `exec_algos.studies.run.sums.TradeSums`.
    keys : sequence of (str, str)
        Algorithms and sides.
    horizons : sequence of int
        ns, of the usual ones.

    Raises
    ------
    UsageError
        Another horizon.
    """
    other = [label(horizon) for horizon in horizons if horizon not in HORIZONS]
    if other:
        usual = ", ".join(map(label, HORIZONS))
        raise UsageError(f"mark-outs after {', '.join(other)} need the {NOT_KEPT}; without them there are {usual} and close")
    return _by_line((lines, missing), MARKOUTS, keys, "horizon", _markout_line, [*map(label, horizons), "close"])


def time_table(lines: pd.DataFrame, missing: pd.DataFrame, keys: Keys, minutes: int) -> pd.DataFrame:
    """As `exec_algos.studies.analysis.Analysis.time_of_day`, in whole quarters of an hour.

    Raises
    ------
    UsageError
        A width that does not divide the day, or is no multiple of a quarter of an hour.
    """
    if minutes <= 0 or DAY_MINUTES % minutes:
        raise UsageError(f"minutes is the width of a bucket and divides the {DAY_MINUTES} minutes of a day, got {minutes}")
    if minutes % BUCKET:
        raise UsageError(f"minutes must be a multiple of {BUCKET}, got {minutes}: others need the {NOT_KEPT}")
    own = [table[table["table"] == TIME_OF_DAY] for table in (lines, missing)]
    wide = tuple(table.assign(line=_places(table["line"], minutes)) for table in own)
    return _by_line(wide, TIME_OF_DAY, keys, "time_of_day", _time_line)


def shortfall_table(lines: pd.DataFrame, missing: pd.DataFrame, keys: Keys) -> pd.DataFrame:
    """As `exec_algos.studies.analysis.Analysis.shortfall`; a part that is not known for every order has no mean."""
    import pandas as pd

    found = {}
    for key in keys:
        own, reasons = _of_key(lines, "shortfall", key), _of_key(missing, "shortfall", key)
        left = int(reasons.loc[reasons["reason"] == LEFT_OUT, "n"].sum())
        rows = {}
        for part in (*PARTS, "trading", "total"):
            unknown = int(reasons.loc[(reasons["line"] == part) & (reasons["reason"] == NOT_KNOWN), "n"].sum())
            rows[part] = {**_part_line(own[own["line"] == part], unknown), "left_out": left}
        found[key] = pd.DataFrame.from_dict(rows, orient="index").rename_axis("part")
    return pd.concat(found, names=["algorithm", "side"])


def _part_line(rows: pd.DataFrame, unknown: int) -> dict[str, Any]:
    line, _, _ = _means(rows, unknown)
    means = [np.nan if unknown else line[name] for name in ("mean", "low", "high", "notional_mean", "notional_low", "notional_high")]
    names = ("order_weighted", "low", "high", "notional_weighted", "notional_low", "notional_high")
    orders = line["n"] + unknown
    return {**dict(zip(names, means, strict=True)), "n": orders, "reason": part_reason(unknown, orders)}


def benchmark_table(lines: pd.DataFrame, missing: pd.DataFrame, keys: Keys) -> pd.DataFrame:
    """As `exec_algos.studies.analysis.Analysis.slippage`."""
    names = [*dict.fromkeys(lines.loc[lines["table"] == "benchmarks", "line"])]
    return _by_line((lines, missing), "benchmarks", keys, "benchmark", _benchmark_line, names)


def _benchmark_line(rows: pd.DataFrame, missing: pd.DataFrame) -> dict[str, Any]:
    line, _, _ = _means(rows, int(missing["n"].sum()))
    counts = missing.groupby("reason", sort=False)["n"].sum().sort_values(ascending=False, kind="stable")
    said = {"reasons": counted_reasons({str(reason): int(n) for reason, n in counts.items()})}
    return {name: line[name] for name in ("mean", "low", "high", "notional_mean", "n", "left_out")} | said


def _of_key(table: pd.DataFrame, name: str, key: tuple[str, str]) -> pd.DataFrame:
    return table[(table["table"] == name) & (table["algorithm"] == key[0]) & (table["side"] == key[1])]


def _by_line(
    tables: Sequence[pd.DataFrame], table: str, keys: Keys, name: str, line: Any, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """One line for each name, or in their sequence for each that there is."""
    import pandas as pd

    found = {}
    for algorithm, side in keys:
        sums, left = (_of_key(rows, table, (algorithm, side)) for rows in tables)
        wanted = sorted({*sums["line"], *left["line"]}) if names is None else names
        rows = {place: line(sums[sums["line"] == place], left[left["line"] == place]) for place in wanted}
        found[algorithm, side] = pd.DataFrame.from_dict(rows, orient="index").rename_axis(name)
    return pd.concat(found, names=["algorithm", "side"])


def _places(lines: pd.Series, minutes: int) -> pd.Series:
    """The bucket of `minutes` in which each of the narrower ones lies."""
    wide = {name: clock((int(name[:2]) * 60 + int(name[3:])) // minutes * minutes) for name in lines.unique()}
    return lines.map(wide).astype(object)


def _sums(rows: pd.DataFrame) -> ClusterSums:
    """By day."""
    days = np.unique(rows["day"].to_numpy(), return_inverse=True)[1]
    size = int(days.max(initial=-1)) + 1
    return ClusterSums._make(np.bincount(days, rows[name].to_numpy(), size).astype(np.float64) for name in ClusterSums._fields)


def _means(rows: pd.DataFrame, left_out: int) -> tuple[dict[str, Any], int, ClusterSums]:
    sums = _sums(rows)
    equal, weighted = sums.mean(left_out), sums.weighted_mean(left_out)
    line = {
        "mean": equal.mean,
        "low": equal.low,
        "high": equal.high,
        "notional_mean": weighted.mean,
        "notional_low": weighted.low,
        "notional_high": weighted.high,
        "n": equal.n,
        "left_out": left_out,
    }
    return line, equal.clusters, sums


def _markout_line(rows: pd.DataFrame, missing: pd.DataFrame) -> dict[str, Any]:
    line, _, _ = _means(rows, int(missing["n"].sum()))
    ranked = sorted(zip(missing["reason"], missing["n"], strict=True), key=lambda pair: REASONS.index(pair[0]))
    return {**line, "reasons": "; ".join(f"{reason}: {n}" for reason, n in ranked)}


def _time_line(rows: pd.DataFrame, missing: pd.DataFrame) -> dict[str, Any]:
    line, days, sums = _means(rows, int(missing["n"].sum()))
    return {**line, "days": days, "notional": float(sums.weight.sum())}
