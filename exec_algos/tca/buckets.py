"""Costs of a study by what the orders were like: size, time of day, liquidity, spread, volatility, or any column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.checks import Floats
from exec_algos.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    import pandas as pd

Edges = Mapping[str, Sequence[float]]

NOT_KNOWN = "not known"
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0)  # % of ADV


class Trait(NamedTuple):
    """What orders are sorted by: the columns it is made of, its unit, and its usual bounds where quantiles are not taken."""

    columns: tuple[str, ...]
    unit: str
    edges: tuple[float, ...] = ()


TRAITS: Mapping[str, Trait] = {
    "size_bucket": Trait(("quantity", "adv"), "% of ADV", SIZES),
    "liquidity_bucket": Trait(("adv_notional",), "a day"),
    "spread_bucket": Trait(("spread_bps",), "bps"),
    "volatility_bucket": Trait(("volatility_bps",), "bps"),
    "participation_bucket": Trait(("participation",), "% of volume", SIZES),
}
CLOCKS = ("hour", "weekday", "month")


def columns_for(names: Sequence[str]) -> list[str]:
    """Columns of `parents` that `with_traits` reads for these names."""
    found = [TRAITS[name].columns if name in TRAITS else ("start",) if name in CLOCKS else (name,) for name in names]
    return list(dict.fromkeys(column for columns in found for column in columns))


def with_traits(parents: pd.DataFrame, names: Sequence[str], *, buckets: int = 5, edges: Edges | None = None) -> pd.DataFrame:
    """`parents` with a column for each name that it does not have yet.

    Parameters
    ----------
    parents : DataFrame
        Of a study: a row for each parent order and algorithm.
    names : sequence of str
        ``"size_bucket"`` (ordered shares in % of ADV), ``"liquidity_bucket"`` (ADV in currency), ``"spread_bucket"``,
        ``"volatility_bucket"``, ``"participation_bucket"``; ``"hour"``, ``"weekday"``, ``"month"`` of the order's start in exchange
        time; any column of `parents`. ``"size"`` and the like are short for the buckets.
    buckets : int
        Quantile groups where a bucket has no bounds of its own; quantiles are those of these orders.
    edges : mapping of str to sequence of float, optional
        Bounds by name in place of the usual ones, in the unit of the labels.

    Raises
    ------
    UnknownNameError
        Neither a column nor one of these.
    UsageError
        Bounds that do not rise or that no name asks for, no bucket, or orders that do not say what was known before them.
    """
    given = {full_name(name): edge for name, edge in (edges or {}).items()}
    for name in given:
        if name not in names or name not in TRAITS:
            raise UsageError(f"edges of {name!r} are not asked for; by names {list(names)}")
    if buckets < 1 or buckets != int(buckets):
        raise UsageError(f"buckets must be a whole number of at least 1, got {buckets!r}")
    made = parents
    for name in names:
        if name not in made.columns:
            made = made.assign(**{name: _clock(parents, name) if name in CLOCKS else _bucket(parents, name, buckets, given.get(name))})
    return made


def bounds_of(parents: pd.DataFrame, names: Sequence[str], *, buckets: int = 5, edges: Edges | None = None) -> dict[str, list[float]]:
    """The bounds that `with_traits` takes for these orders, so that parts of them can be cut by the same."""
    given = {full_name(name): edge for name, edge in (edges or {}).items()}
    found: dict[str, list[float]] = {}
    for name in (name for name in names if name in TRAITS):
        found[name] = list(given.get(name) or TRAITS[name].edges or _quantiles(parents, _values(parents, name), buckets))
    return found


def full_name(name: str) -> str:
    """``"size"`` is short for ``"size_bucket"``."""
    return f"{name}_bucket" if f"{name}_bucket" in TRAITS else name


def _clock(parents: pd.DataFrame, name: str) -> pd.Series:
    import pandas as pd

    stamps: Any = parents["start"].dt
    if name == "month":
        return pd.Series(stamps.strftime("%Y-%m"), parents.index)
    days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    found: pd.Series = stamps.hour if name == "hour" else pd.Series(pd.Categorical(stamps.day_name(), days, ordered=True), parents.index)
    return found


def _bucket(parents: pd.DataFrame, name: str, buckets: int, edges: Sequence[float] | None) -> pd.Series:
    import pandas as pd

    if name not in TRAITS:
        raise UnknownNameError("column", name, [*parents.columns, *TRAITS, *CLOCKS])
    trait, values = TRAITS[name], _values(parents, name)
    bounds = np.array(edges if edges is not None else trait.edges or _quantiles(parents, values, buckets), dtype=np.float64)
    if not np.isfinite(bounds).all() or (np.diff(bounds) <= 0).any():
        raise UsageError(f"edges of {name!r} must be numbers that rise, got {bounds.tolist()}")
    labels = [*_labels(bounds, trait.unit), NOT_KNOWN]
    codes = np.where(np.isnan(values), len(bounds) + 1, np.searchsorted(bounds, values, side="left"))
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index(labels), ordered=True), index=parents.index)


def _values(parents: pd.DataFrame, name: str) -> Floats:
    missing = [column for column in TRAITS[name].columns if column not in parents.columns]
    if missing:
        raise UsageError(f"{name!r} needs the column {missing[0]!r}, which this study was made without; run it again with this version")
    if name == "size_bucket":
        return percent_of_adv(parents)
    values = parents[TRAITS[name].columns[0]].to_numpy(dtype=np.float64)
    return values * 100 if name == "participation_bucket" else values


def percent_of_adv(parents: pd.DataFrame) -> Floats:
    """Ordered shares of each row in % of ADV, NaN where ADV is not known or 0."""
    adv = parents["adv"].to_numpy(dtype=np.float64)
    return 100 * parents["quantity"].to_numpy(dtype=np.float64) / np.where(adv > 0, adv, np.nan)


def _quantiles(parents: pd.DataFrame, values: Floats, buckets: int) -> Floats:
    """Bounds of groups of about the same number of parent orders; fewer groups where values are the same."""
    once = values[~parents["parent_id"].duplicated().to_numpy()]
    known = once[np.isfinite(once)]
    bounds = np.unique(np.quantile(known, np.arange(1, buckets) / buckets)) if len(known) else np.empty(0)
    return bounds[bounds < known.max()] if len(known) else bounds


def _labels(bounds: Floats, unit: str) -> list[str]:
    """``<= 1 % of ADV``, ``1 to 2 % of ADV``, ``> 2 % of ADV``."""
    words = [_short(bound) for bound in bounds]
    if not words:
        return [f"all, {unit}"]
    inner = [f"{low} to {high} {unit}" for low, high in pairwise(words)]
    return [f"<= {words[0]} {unit}", *inner, f"> {words[-1]} {unit}"]


def _short(value: float) -> str:
    """Four digits, with thousands and millions as letters."""
    for size, letter in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"
