"""The report of a slippage study."""

from __future__ import annotations

import base64
import math
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exec_algos.errors import UsageError
from exec_algos.studies.parents import kinds_of

if TYPE_CHECKING:
    from exec_algos.studies.result import StudyResult
    from exec_algos.tca.statistics import Estimate

PLOTS = ("slippage", "schedule", "volume")
BENCHMARKS = {
    "interval_vwap": "interval VWAP (the window of each order)",
    "arrival": "arrival price (the last close before the window)",
    "interval_twap": "interval TWAP (the window of each order)",
    "session_vwap": "session VWAP (the regular session)",
}


def write_report(result: StudyResult, folder: str | Path) -> Path:
    """Write ``report.html`` and its plots as PNG.

    Parameters
    ----------
    result : StudyResult
    folder : str or Path
        Made if it is not there.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    UsageError
        The folder cannot be written to.
    """
    from exec_algos.plots import png

    out = Path(folder)
    images = {kind: png(result, kind) for kind in PLOTS}
    page = _rendered(result, {kind: base64.b64encode(image).decode("ascii") for kind, image in images.items()})
    try:
        out.mkdir(parents=True, exist_ok=True)
        for kind, image in images.items():
            (out / f"{kind}.png").write_bytes(image)
        (out / "report.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write the report to {out}: {error.strerror}; choose another folder") from error
    return out / "report.html"


def _rendered(result: StudyResult, images: dict[str, str]) -> str:
    from jinja2 import Environment, StrictUndefined

    templates = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    templates.filters.update(bps=_bps, percent=_percent, count=_count)
    return templates.from_string(files("exec_algos.reports").joinpath("study.html").read_text(encoding="utf-8")).render(
        config=result.config,
        period=_period(result),
        tables={words: _records(result, name) for name, words in BENCHMARKS.items()},
        pairs=_pairs(result),
        residuals=_residuals(result),
        skipped=kinds_of(result.skipped["reason"]),
        images=images,
    )


def _period(result: StudyResult) -> str:
    days = result.parents["session"]
    return f"{days.min().date()} to {days.max().date()}"


def _records(result: StudyResult, benchmark: str) -> list[dict[Any, Any]]:
    return result.summary(benchmark, by=("algorithm", "side")).reset_index().to_dict("records")


def _pairs(result: StudyResult) -> list[tuple[str, str, str, Estimate]]:
    """Each other algorithm against the first, by side: over both sides the mean cancels."""
    first, *others = result.config["algorithms"]
    sides = sorted(set(result.parents["side"]))
    return [(first, other, side, result.compare(first, other, side=side)) for other in others for side in sides]


def _residuals(result: StudyResult) -> list[tuple[str, float, float]]:
    sums = result.parents.groupby("algorithm", sort=True)[["residual", "quantity"]].sum()
    return [(str(name), row["residual"], row["residual"] / row["quantity"]) for name, row in sums.iterrows()]


def _bps(value: float) -> str:
    return "not estimable" if math.isnan(value) else f"{value:+.2f}"


def _percent(value: float) -> str:
    return "not estimable" if math.isnan(value) else f"{value:.2%}"


def _count(value: float) -> str:
    return f"{value:,.10g}"
