"""What ``exec-algos study`` and ``exec-algos demo`` print and write."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.progress import Progress
from rich.table import Table

from exec_algos.cli.printing import console, described, say_json
from exec_algos.cli.show import (
    Show,
    bands_as_json,
    bps,
    interval,
    order_lines,
    oversize_as_json,
    print_table,
    records,
    short_names,
    show_bands,
    show_groups,
    unfilled_lines,
)
from exec_algos.cli.stopping import loaded
from exec_algos.cli.sweep import SWEEP, sweep_lines, sweep_record, swept
from exec_algos.costs import Commission
from exec_algos.errors import UsageError
from exec_algos.fills import FillModel
from exec_algos.market.hours import corrections_line
from exec_algos.market.quality.vwaps import outside_line
from exec_algos.market.splits import Splits, used_line
from exec_algos.model.rules import Residual, Rules
from exec_algos.studies.design.parents import ParentOrders, Skipped
from exec_algos.studies.design.reasons import counted
from exec_algos.studies.design.short import history_line, short_of
from exec_algos.studies.folder import explained
from exec_algos.studies.record.data import data_lines
from exec_algos.studies.request import StudyRequest, most_fills
from exec_algos.studies.shards.desk import refused_text
from exec_algos.studies.summary import fees_bps
from exec_algos.tca.clusters import clustered_by
from exec_algos.tca.oversize import oversize_line
from exec_algos.tca.pairs import no_p, p_text
from exec_algos.tca.twins import SIGNED, Shown, shown_once
from exec_algos.textform import numbered

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.studies.design.imports import Refused
    from exec_algos.studies.result import StudyResult
    from exec_algos.studies.sensitivity import Band
    from exec_algos.studies.study import SlippageStudy

Report = Callable[[str, int, int], None]
UNKNOWN = "not estimable"
NOT_THERE = "n/a: not estimable"
REFUSED = 1  # exit code of a study some of whose orders could not be taken


def run_and_show(
    bars: Bars, request: StudyRequest, out: Path, *, show: Show | None = None, strict: bool = False, beside: bool = False
) -> None:
    """Run a study, write its tables, plots and report to `out`, and print the summary; of a sweep those of the days from its split on.

    With `beside` the same orders are simulated without costs too, and the mean of that stands beside.

    Raises
    ------
    UsageError
        A part of the study that cannot be; with `strict` also an order that is refused.
    typer.Exit
        With code 1 where orders of a desk were refused.
    """
    from exec_algos.reports import write_report

    show = show or Show()
    check_out(out)
    study = _study(bars, request, out)
    refused = study.parents.refused
    if strict and refused:
        first, many = refused[0], f"; {len(refused)} rows are refused" if len(refused) > 1 else ""
        raise UsageError(f"{request.orders}, row {first.row}: {first.reason}, got {first.value!r}{many}")
    show.check(study.parents.columns, symbols=study.bars.symbols, desk=request.orders is not None)
    fills = request.keeps_fills(study)
    with progress_bar(quiet=show.as_json) as report:
        found = None if show.split is None else swept(study, show.split, request.driver, report, fills=fills)
        result: Any = study.run(request.driver, fills=fills, progress=report) if found is None else found.test
    loaded()
    result.save(out)
    write_rows(None if request.orders is None else refused, out / "refused.csv")
    write_rows(study.parents.clipped or None, out / "clipped.csv")
    chosen = {} if found is None else sweep_record(found, str(show.split))
    _write_sweep(chosen, out)
    page = write_report(result, out, currency=show.currency, by=show.names)
    bands = _bands(study, result) if show.sensitivity else {}
    if show.as_json:
        say_json(_as_json(result, out, show, study.parents, bands) | ({"sweep": chosen} if chosen else {}))
    else:
        print_lines(sweep_lines(chosen) if chosen else [])
        _print(result, request.rules, show, bands, _without_costs(study, result) if beside else None)
        print_lines(_history(study, result))
        if request.splits is not None:
            unused = [split for split in Splits.of(request.splits).rows if split not in study.bars.splits]
            print_lines([f"splits: {used_line(study.bars.splits, unused)}"])
        if not fills:
            print_lines([_without_fills(study, request)])
        worked = result.config["parent_orders"] + (chosen["train"]["parent_orders"] if chosen else 0)
        _print_written(request, study.parents, worked, out, page)
    if refused:
        raise typer.Exit(REFUSED)


def _history(study: SlippageStudy, result: StudyResult) -> list[str]:
    """What too short a history costs."""
    skipped = (Skipped(*row) for row in result.skipped.itertuples(index=False))
    line = history_line(short_of(study.parents, skipped), result.config["parent_orders"])
    return [line] if line else []


def _without_costs(study: SlippageStudy, result: StudyResult) -> pd.Series[float]:
    """Mean slippage by algorithm and side of the same orders where fills pay neither spread, impact nor fees."""
    model = replace(study.fill_model or FillModel(), spread=None, impact=None, commission=Commission())
    free = replace(study, fill_model=model).run(result.config["driver"], fills=False)
    means: pd.Series[float] = free.summary(by=("algorithm", "side"))["mean"]
    return means


def _without_fills(study: SlippageStudy, request: StudyRequest) -> str:
    many = "" if request.fills is False else f", for there may be {most_fills(study):,}; --fills keeps them"
    return f"single trades were not kept{many}; what the tables need of them was added up, and stands in the report"


def check_out(out: Path) -> None:
    """Refuse, before the work, a place where no folder can be made.

    Raises
    ------
    UsageError
        What stands in the way.
    """
    # `Path.exists` raises where one may not look
    there = next(place for place in (out, *out.absolute().parents) if os.path.exists(place))
    if not there.is_dir() or not os.access(there, os.W_OK):
        why = "cannot be written to" if there.is_dir() else "is a file, no folder"
        raise UsageError(f"--out {out}: {there} {why}; name another folder")


def _bands(study: SlippageStudy, neutral: StudyResult) -> dict[str, Band]:
    """The study under a better and a worse fill model, by side."""
    from exec_algos.studies.sensitivity import band, fill_models

    results = {
        name: neutral if name == "neutral" else replace(study, fill_model=model).run(neutral.config["driver"], fills=False)
        for name, model in fill_models(study.fill_model or FillModel()).items()
    }
    return {side: band(results, side=side) for side in sorted(set(neutral.parents["side"]))}


def _study(bars: Bars, request: StudyRequest, out: Path) -> SlippageStudy:
    """The study; where no order of a desk can be worked, the rows are listed all the same."""
    from exec_algos.studies.design.imports import NoOrderError

    try:
        return request.study(bars)
    except NoOrderError as error:
        if error.refused:
            with explained(str(out)):
                out.mkdir(parents=True, exist_ok=True)
            write_rows(error.refused, out / "refused.csv")
            raise UsageError(f"{error}; row by row: {out / 'refused.csv'}") from None
        raise


def write_rows(rows: Sequence[Refused] | None, file: Path) -> None:
    """Write a list of refused or clipped rows; None takes away that of an earlier study."""
    if rows is None:
        file.unlink(missing_ok=True)
        return
    with explained(str(file.parent)):
        file.write_bytes(refused_text(rows))


def _write_sweep(chosen: Mapping[str, Any], out: Path) -> None:
    if not chosen:
        (out / SWEEP).unlink(missing_ok=True)  # of an earlier study
        return
    with explained(str(out)):
        (out / SWEEP).write_text(json.dumps(chosen, indent=2) + "\n", encoding="utf-8")


def print_lines(lines: Sequence[str]) -> None:
    """Print lines as they are, however long."""
    terminal = console()
    for line in lines:
        terminal.print(line, soft_wrap=True)


def _print_written(request: StudyRequest, parents: ParentOrders, worked: int, out: Path, page: Path) -> None:
    if request.orders is not None:
        given = len(parents) + len(parents.refused)
        print_lines(order_lines(given, worked, parents.refused, parents.clipped, parents.notes, str(out)))
    print_lines([f"written: {page}"])


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Report | None]:
    """What a study reports to while it runs; None where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("study", total=1)
        seen: set[str] = set()

        def report(name: str, done: int, total: int) -> None:
            bar.update(task, description=described(working(name, name not in seen)), completed=done, total=total)
            seen.add(name)

        yield report


def working(name: str, fresh: bool) -> str:
    """What the progress bar says: why the first step of an algorithm may take seconds, and later ones not."""
    return "done" if not name else f"working {name} (compiled on its first run, then kept)" if fresh else f"working {name}"


def _print(result: StudyResult, rules: Rules, show: Show, bands: Mapping[str, Band], frictionless: pd.Series[float] | None = None) -> None:
    terminal, config = console(), result.config
    short = short_names(config["algorithms"])
    from exec_algos.reports.words import frictionless_line, is_capped, own_sessions

    oversize = result.oversize()
    first, later = (oversize_line([row for row in oversize if row.many is many], capped=is_capped(config)) for many in (True, False))
    own = "sessions: days of the bars, from their first bar to their last; --calendar names an exchange's" if own_sessions(config) else ""
    print_lines([line for line in (first, frictionless_line(config), own, corrections_line(config["calendar"])) if line])
    terminal.print(_title(result) + _ruled(rules), soft_wrap=True)
    shown = shown_once(result.summary(by=("algorithm", "side")), SIGNED)
    fees = fees_bps(result.parents)
    print_table(terminal, _summary_table(shown, short, fees, frictionless))
    note = "; total: slippage and fees" if fees is not None else ""
    note += f"; {shown.note}" if shown.once else ""
    cluster = clustered_by(config)
    terminal.print(
        f"slippage in bps, positive = cost; interval of the mean clustered by {cluster}; n/a: not estimable{note}", soft_wrap=True
    )
    terminal.print()
    for side in sorted(set(shown.table.index.get_level_values("side"))):
        for line in compared_lines(result.comparison(side=side), short, side.lower()):
            terminal.print(line, soft_wrap=True)
    for line in _unfilled(result, short, shown):
        terminal.print(line, soft_wrap=True)
    if len(result.skipped):
        terminal.print(f"skipped: {len(result.skipped)} symbol-sessions; {counted(result.skipped['reason'])}", soft_wrap=True)
    if config["bars_outside_regular_hours"]:
        terminal.print(
            f"left out: {config['bars_outside_regular_hours']} bars outside the sessions of {config['calendar']}", soft_wrap=True
        )
    print_lines([outside_line(config["vwaps_outside"], config["bars"])] if "vwaps_outside" in config else [])
    print_lines([later] if later else [])
    print_lines([f"data: {line}" for line in data_lines(result.findings)])
    _print_more(result, show, bands)


def filled_text(rate: float) -> str:
    """A fill rate; little is not nothing."""
    return "<0.1%" if 0 < rate < 0.0005 else f"{rate:.1%}"


def _unfilled(result: StudyResult, short: Mapping[str, str], shown: Shown) -> list[str]:
    """Why not all was filled; without the single fills nobody knows."""
    parents = result.parents
    if not (parents["residual"] > 0).any() or not result.is_analysed():
        return []
    return unfilled_lines(result.residuals(), short, shown)


def _summary_table(shown: Shown, short: Mapping[str, str], fees: pd.Series[float] | None, frictionless: pd.Series[float] | None) -> Table:
    """A row for each algorithm and side; with fees also what they come to, and the mean without costs where it is known."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("algorithm", overflow="fold")
    more = [("fees", 5), ("total", 6)] if fees is not None else []
    more += [("frictionless", 12)] if frictionless is not None else []
    spread = [("median", 6), ("sd", 6)] if frictionless is None else []  # the report has them; a terminal has no room for all
    for name, width in (("side", 4), ("n", 4), ("mean", 6), *more, *spread, ("95 % interval", 16), ("filled", 6)):
        table.add_column(name, justify="left" if name == "side" else "right", no_wrap=True, min_width=width)
    for row in shown.table.reset_index().to_dict("records"):
        key = (row["algorithm"], row["side"])
        cells = [] if fees is None else [bps(fees[key]).lstrip("+"), bps(row["mean"] + fees[key])]
        cells += [] if frictionless is None else [bps(frictionless[key])]
        table.add_row(
            short[row["algorithm"]],
            row["side"].lower(),
            f"{row['n']:.0f}",
            bps(row["mean"]),
            *cells,
            *([bps(row["median"]), bps(row["sd"]).lstrip("+")] if spread else []),
            interval(row["low"], row["high"]),
            filled_text(row["fill_rate"]),
        )
    return table


def _print_more(result: StudyResult, show: Show, bands: Mapping[str, Band]) -> None:
    """What was asked for besides the summary."""
    short = short_names(result.config["algorithms"])
    groups = show.groups(result)
    if groups is not None:
        show_groups(groups, short)
    show_bands(bands, short)


def _title(result: StudyResult) -> str:
    config, days = result.config, result.parents["session"]
    model = config["fill_model"]
    cap = "no cap" if model["max_participation"] is None else f"cap {model['max_participation']:.0%}"
    spread = f", spread {_cost(model['spread'], 'bps', ' bps')}" if model["spread"] else ""
    impact = f", impact {_cost(model['impact'], 'coefficient')}" if model["impact"] else ""
    quotes = f"; quotes: proxy {config['quote_proxy']}" if "quote_proxy" in config else ""
    first, last, symbols = days.min().date(), days.max().date(), numbered(result.parents["symbol"].nunique(), "symbol")
    return (
        f"{symbols}, {first} to {last}, {numbered(config['parent_orders'], 'parent order')}; "
        f"{', '.join(config['algorithms'])} against interval VWAP; fills at {model['price']}, {cap}{spread}{impact}{quotes}"
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
    return "".join(f", {knob}" for knob in said)


def compared_lines(pairs: pd.DataFrame, short: dict[str, str], side: str) -> list[str]:
    """A line for each algorithm against the first; of several pairs p allows for their number (Holm)."""
    many = len(pairs) > 1
    lines = []
    for row in pairs[pairs["first"] == pairs["first"].iloc[0]].to_dict("records") if len(pairs) else ():
        p = p_text(row["p_holm" if many else "p"]) + (f" (Holm, {len(pairs)} pairs)" if many and not math.isnan(row["p_holm"]) else "")
        p += no_p(row)
        days = f"{row['clusters']} day{'' if row['clusters'] == 1 else 's'}"
        lines.append(
            f"{side}: {short[row['first']]} - {short[row['second']]} on the same parent orders: {bps(row['difference'], UNKNOWN)} bps, "
            f"95 % interval {interval(row['low'], row['high'], UNKNOWN)}, {p}, n {row['n']}, {days}"
        )
    return lines


def _as_json(result: StudyResult, out: Path, show: Show, parents: ParentOrders, bands: Mapping[str, Band]) -> dict[str, Any]:
    summary, groups = result.summary(by=("algorithm", "side")).reset_index(), show.groups(result)
    return {
        "summary": records(summary),
        "comparison": {side: records(result.comparison(side=side)) for side in sorted(set(summary["side"]))},
        **({} if groups is None else {"by": records(groups.reset_index())}),
        **({"sensitivity": bands_as_json(bands)} if bands else {}),
        "benchmark": "interval_vwap",
        "unit": "bps, positive = cost",
        **({"residuals": records(result.residuals().reset_index())} if result.is_analysed() else {}),
        "oversize": oversize_as_json(result.oversize()),
        "skipped": len(result.skipped),
        "findings": records(result.findings),
        "refused": [row._asdict() for row in parents.refused],
        "clipped": [row._asdict() for row in parents.clipped],
        "config": result.config,
        "rules": result.config["rules"],
        "out": str(out),
    }
