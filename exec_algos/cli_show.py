"""What the ``exec-algos`` command prints of a study besides its summary: costs by groups, and under other fill models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from exec_algos.studies.sensitivity import Band


class Grouped(Protocol):
    """A result that can be looked at by groups: in memory or in shards."""

    def by(self, *names: str) -> pd.DataFrame:
        """As `StudyResult.by`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """What to print.

    Parameters
    ----------
    by : str, optional
        What to look at costs by, comma-separated.
    sensitivity : bool
        Also under a better and a worse fill model.
    as_json : bool
        As JSON, and nothing else.
    """

    by: str | None = None
    sensitivity: bool = False
    as_json: bool = False

    def groups(self, result: Grouped) -> pd.DataFrame | None:
        """Costs by side and by what was asked for; None where nothing was."""
        names = [part.strip() for part in (self.by or "").split(",") if part.strip()]
        return result.by(*dict.fromkeys(["side", *names])) if names else None


def group_table(frame: pd.DataFrame, short: Mapping[str, str]) -> Table:
    """Costs by groups as a table."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    names = [str(name) for name in frame.index.names]
    for name in names:
        table.add_column(name, overflow="fold", min_width=len(name))
    for name in ("n", "mean", "95 % interval", "filled"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in frame.reset_index().to_dict("records"):
        cells = [str(row[name]).lower() if name == "side" else short.get(str(row[name]), str(row[name])) for name in names]
        table.add_row(*cells, f"{row['n']:.0f}", bps(row["mean"]), interval(row["low"], row["high"]), f"{row['fill_rate']:.1%}")
    return table


def band_table(bands: Mapping[str, Band], short: Mapping[str, str]) -> Table:
    """Mean costs under each fill model as a table; `bands` by side."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("algorithm", "side"):
        table.add_column(name)
    for name in next(iter(bands.values())).means.columns:
        table.add_column(str(name), justify="right")
    for side, one in bands.items():
        for algorithm, means in one.means.iterrows():
            table.add_row(short[str(algorithm)], side.lower(), *(bps(mean) for mean in means))
    return table


def band_lines(bands: Mapping[str, Band], short: Mapping[str, str]) -> list[str]:
    """Whether the ranking survives, a line for each side."""
    lines = []
    for side, one in bands.items():
        said = {model: " < ".join(short[name] for name in names) for model, names in one.ranking.items()}
        if one.survives:
            lines.append(f"{side.lower()}: the ranking survives every fill model: {next(iter(said.values()))}")
        else:
            lines.append(f"{side.lower()}: the ranking hangs on the fill model: " + "; ".join(f"{k}: {v}" for k, v in said.items()))
    return lines


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON: what is not known is null."""
    rows = frame.to_dict("records")
    return [{str(key): None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()} for row in rows]


def bands_as_json(bands: Mapping[str, Band]) -> dict[str, Any]:
    """Means, rankings and whether they survive, by side."""
    return {side: {"means": one.means.to_dict(), "ranking": one.ranking, "survives": one.survives} for side, one in bands.items()}


def short_names(algorithms: Sequence[str]) -> dict[str, str]:
    """Names without parameters, where that tells the algorithms apart."""
    bare = [text.partition(":")[0] for text in algorithms]
    return {text: name if bare.count(name) == 1 else text for text, name in zip(algorithms, bare, strict=True)}


def bps(value: float, unknown: str = "n/a") -> str:
    """A cost with its sign."""
    return unknown if math.isnan(value) else f"{value:+.2f}"


def interval(low: float, high: float, unknown: str = "n/a") -> str:
    """The two ends."""
    return unknown if math.isnan(low) else f"[{low:+.2f}, {high:+.2f}]"
