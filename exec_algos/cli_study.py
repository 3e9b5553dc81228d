"""What ``exec-algos study`` and ``exec-algos demo`` print and write."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from exec_algos.studies.pairs import p_text
from exec_algos.studies.parents import counted
from exec_algos.studies.request import StudyRequest
from exec_algos.terms import Residual, Rules

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.studies.result import StudyResult

Report = Callable[[str, int, int], None]


def run_and_show(bars: Bars, request: StudyRequest, out: Path, *, as_json: bool = False) -> None:
    """Run a study, write its tables, plots and report to `out`, and print the summary."""
    from exec_algos.reports import write_report

    with _progress(quiet=as_json) as report:
        result = request.study(bars).run(request.driver, progress=report)
    result.save(out)
    page = write_report(result, out)
    if as_json:
        print(json.dumps(_as_json(result, out), indent=2, default=str))
    else:
        _print(result, request.rules, page)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Report | None]:
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("study", total=1)
        seen: set[str] = set()

        def report(name: str, done: int, total: int) -> None:
            bar.update(task, description=working(name, name not in seen), completed=done, total=total)
            seen.add(name)

        yield report


def working(name: str, fresh: bool) -> str:
    """What the progress bar says: why the first step of an algorithm may take seconds, and later ones not."""
    return "done" if not name else f"working {name} (compiled on its first run, then kept)" if fresh else f"working {name}"


def _print(result: StudyResult, rules: Rules, page: Path) -> None:
    console, config = Console(), result.config
    short = short_names(config["algorithms"])
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("algorithm", overflow="fold")
    for name, width in (("side", 4), ("n", 4), ("mean", 6), ("median", 6), ("sd", 6), ("95 % interval", 16), ("filled", 6)):
        table.add_column(name, justify="left" if name == "side" else "right", no_wrap=True, min_width=width)
    for row in result.summary(by=("algorithm", "side")).reset_index().to_dict("records"):
        table.add_row(
            short[row["algorithm"]],
            row["side"].lower(),
            f"{row['n']:.0f}",
            _bps(row["mean"]),
            _bps(row["median"]),
            _bps(row["sd"]).lstrip("+"),
            _interval(row["low"], row["high"]),
            f"{row['fill_rate']:.1%}",
        )
    console.print(_title(result) + _ruled(rules), soft_wrap=True)
    console.print(table)
    console.print("slippage in bps, positive = cost; interval of the mean clustered by day\n", soft_wrap=True)
    for side in sorted(set(result.parents["side"])):
        for line in compared_lines(result.comparison(side=side), short, side.lower()):
            console.print(line, soft_wrap=True)
    if len(result.skipped):
        console.print(f"skipped: {len(result.skipped)} of symbol and session; {counted(result.skipped['reason'])}", soft_wrap=True)
    if config["bars_outside_regular_hours"]:
        console.print(f"left out: {config['bars_outside_regular_hours']} bars outside the sessions of {config['calendar']}", soft_wrap=True)
    console.print(f"written: {page}", soft_wrap=True)


def short_names(algorithms: list[str]) -> dict[str, str]:
    """Names without parameters, where that tells the algorithms apart."""
    bare = [text.partition(":")[0] for text in algorithms]
    return {text: name if bare.count(name) == 1 else text for text, name in zip(algorithms, bare, strict=True)}


def _title(result: StudyResult) -> str:
    config, days = result.config, result.parents["session"]
    model = config["fill_model"]
    cap = "no cap" if model["max_participation"] is None else f"cap {model['max_participation']:.0%}"
    spread = f", spread {_cost(model['spread'], 'bps', ' bps')}" if model["spread"] else ""
    impact = f", impact {_cost(model['impact'], 'coefficient')}" if model["impact"] else ""
    first, last = days.min().date(), days.max().date()
    return (
        f"{len(config['symbols'])} symbols, {first} to {last}, {config['parent_orders']} parent orders; "
        f"{', '.join(config['algorithms'])} against interval VWAP; fills at {model['price']}, {cap}{spread}{impact}"
    )


def _cost(parts: dict[str, Any], knob: str, unit: str = "") -> str:
    """Short where one number says it all."""
    from exec_algos.reports.words import cost_name

    return f"{parts[knob]:g}{unit}" if set(parts) <= {"kind", knob} else cost_name(parts)


def _ruled(rules: Rules) -> str:
    sizes = {"children of at least": rules.min_child, "children of at most": rules.max_child}
    said = [f"{word} {shares:,.10g} shares" for word, shares in sizes.items() if shares is not None]
    said += [f"residual {rules.residual}"] if rules.residual != Residual.CANCEL else []
    said += [f"style {rules.style}"] if str(rules.style) != "market" else []
    said += [f"randomised {rules.randomisation}"] if rules.randomisation is not None else []
    return "".join(f", {one}" for one in said)


def compared_lines(pairs: pd.DataFrame, short: dict[str, str], side: str) -> list[str]:
    """A line for each algorithm against the first; of several pairs p allows for their number (Holm)."""
    many = len(pairs) > 1
    lines = []
    for row in pairs[pairs["first"] == pairs["first"].iloc[0]].to_dict("records") if len(pairs) else ():
        p = p_text(row["p_holm" if many else "p"]) + (f" (Holm, {len(pairs)} pairs)" if many and not math.isnan(row["p_holm"]) else "")
        lines.append(
            f"{side}: {short[row['first']]} - {short[row['second']]} on the same parent orders: {_bps(row['difference'])} bps, "
            f"95 % interval {_interval(row['low'], row['high'])}, {p}, n {row['n']}, {row['clusters']} days"
        )
    return lines


def _bps(value: float) -> str:
    return "not estimable" if math.isnan(value) else f"{value:+.2f}"


def _interval(low: float, high: float) -> str:
    return "not estimable" if math.isnan(low) else f"[{low:+.2f}, {high:+.2f}]"


def _as_json(result: StudyResult, out: Path) -> dict[str, Any]:
    summary = result.summary(by=("algorithm", "side")).reset_index()
    rows = [
        {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
        for row in summary.to_dict("records")
    ]
    return {
        "summary": rows,
        "comparison": {side: json.loads(result.comparison(side=side).to_json(orient="records")) for side in sorted(set(summary["side"]))},
        "benchmark": "interval_vwap",
        "unit": "bps, positive = cost",
        "skipped": len(result.skipped),
        "config": result.config,
        "rules": result.config["rules"],
        "out": str(out),
    }
