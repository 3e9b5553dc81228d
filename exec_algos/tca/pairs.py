"""Algorithms of a study in pairs: differences on the same parent orders, with intervals and p-values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from exec_algos.model import Side
from exec_algos.stats.paired import compare_all
from exec_algos.tca.clusters import clusters_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "first", "second", "n", "clusters", "left_out", "difference", "standard_error", "low", "high", "t", "p", "p_signs", "sd", "correlation",
    "unpaired_error", "reason", "p_holm", "p_bh", "p_max_t",
)  # fmt: skip


def compared(parents: pd.DataFrame, column: str, algorithms: Sequence[str], side: str | None = None) -> pd.DataFrame:
    """`compare_all` of one side or both, each pair in the sequence in which the algorithms were named.

    No row for an algorithm that has no order there: of a desk's own orders none may be whole enough to simulate.
    """
    import pandas as pd

    rows = parents if side is None else parents[parents["side"] == Side.of(side).name]
    found = set(rows["algorithm"].unique())
    chosen = [name for name in algorithms if name in found]
    if len(chosen) < 2:
        return pd.DataFrame(columns=list(COLUMNS))
    named = pd.Categorical(rows["algorithm"], chosen, ordered=True)
    return compare_all(rows.assign(algorithm=named, session=clusters_of(rows))[["parent_id", "algorithm", "session", column]], column)


def comparisons(compare: Callable[..., pd.DataFrame], benchmarks: Iterable[str], sides: Sequence[str | None]) -> pd.DataFrame:
    """Every pair under every benchmark, of each of `sides`; None is all orders, and is written ``all``."""
    import pandas as pd

    parts = [compare(name, side=side).assign(benchmark=name, side=side or "all") for name in benchmarks for side in sides]
    whole = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return whole[["benchmark", "side", *COLUMNS]]


def p_text(value: float) -> str:
    """A p-value in words of the tables: three digits, never 0."""
    return "p not estimable" if math.isnan(value) else f"p {value:.3f}" if value >= 0.001 else "p < 0.001"


def no_p(row: Mapping[str, Any]) -> str:
    """Why a pair of `compared` has no p-value where its interval is a point; empty elsewhere."""
    if not math.isnan(row["p"]) or row["low"] != row["high"]:
        return ""
    if row["difference"] == 0.0:
        return " (both cost the same in every order, to the digit, as where a cap binds all day)"
    return " (the difference is the same on every day)"
