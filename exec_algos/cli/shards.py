"""What ``exec-algos study --resume DIR`` and ``--cluster`` do: a study in shards, from the command line."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import typer

from exec_algos.cli.printing import console, described, say, say_json
from exec_algos.cli.show import (
    Show,
    bands_as_json,
    bps,
    interval,
    order_lines,
    oversize_as_json,
    records,
    short_names,
    show_bands,
    show_groups,
    unfilled_lines,
)
from exec_algos.cli.stopping import loaded
from exec_algos.cli.study import compared_lines, filled_text
from exec_algos.cli.sweep import SWEEP, sweep_lines, sweep_record
from exec_algos.errors import UsageError
from exec_algos.fills import FillModel
from exec_algos.market.hours import corrections_line
from exec_algos.market.quality.vwaps import outside_line
from exec_algos.market.splits import used_line
from exec_algos.studies.design.reasons import counted
from exec_algos.studies.design.short import history_line
from exec_algos.studies.folder import StudyFolder, as_text
from exec_algos.studies.record.data import data_lines
from exec_algos.studies.shards.combine import read_short
from exec_algos.studies.shards.desk import DeskOrders
from exec_algos.studies.shards.study import ShardedStudy, ShareDone
from exec_algos.tca.oversize import oversize_line
from exec_algos.tca.twins import SIGNED, shown_once
from exec_algos.textform import numbered

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.request import StudyRequest
    from exec_algos.studies.sensitivity import Band
    from exec_algos.studies.shards.result import ShardedResult


class Progressing(Protocol):
    """Told how far the shards are, and of which study where there are several."""

    def __call__(self, done: int, total: int, of: str = ...) -> None:
        """So many shards of so many."""
        ...


FAILED = 1  # exit code of a study in which something could not be worked
MOST_FAILED = 20


class How(NamedTuple):
    """How a study in shards is worked.

    Attributes
    ----------
    cluster : str or None
        ``"local:2"``, ``"tcp://host:8786"`` or ``"tls://host:8786"``.
    share : str or None
        ``"3/8"``: only the third of eight shares, beside other processes.
    strict : bool
        Stop at the first symbol or day that cannot be worked.
    durable : bool
        Wait until the disk has what is written.
    allow_import : tuple of str
        ``module:Class`` that the folder may name: see `ShardedStudy.of_folder`.
    """

    cluster: str | None = None
    share: str | None = None
    strict: bool = False
    durable: bool = True
    allow_import: tuple[str, ...] = ()


def run_shards(sources: Sequence[str], request: StudyRequest, folder: str, *, how: How | None = None, show: Show | None = None) -> None:
    """Start or resume the study in `folder` and print what it came to.

    Parameters
    ----------
    sources : sequence of str
        One store; empty to go on with the study that `folder` names.
    request : StudyRequest
        What to study; where `sources` is empty the folder says it.
    folder : str
        Path or fsspec URL.
    how : How
    show : Show, optional
        With a split the days before it are kept in ``sweep/train`` below the folder, and those from it on in ``sweep/test``.

    Raises
    ------
    UsageError
        Sources that are not one store, or a part of the study that cannot be.
    typer.Exit
        With code 1 where some symbol, day or order could not be worked.
    """
    how, show = how or How(), show or Show()
    study = _study(sources, request, folder, how.allow_import)
    show.check(study.parents.own_columns, desk=isinstance(study.parents, DeskOrders))
    loaded()
    with _how_to_go_on(folder, how, show):
        if how.share is not None:
            _run_share(study, folder, how, show)
        elif show.split is not None:
            _run_sweep(study, folder, show.split, how=how, show=show)
        else:
            _run_all(study, folder, how, show)


@contextmanager
def _how_to_go_on(folder: str, how: How, show: Show) -> Iterator[None]:
    """Tell who stops it what to type."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if not getattr(stop, "__notes__", None):
            stop.add_note("no shard was finished now")
        said = {"--cluster": how.cluster, "--shard": how.share, "--sweep-split": show.split}
        more = "".join(f" {option} {value}" for option, value in said.items() if value)
        more += "".join(f" --allow-import {name}" for name in how.allow_import) + ("" if how.durable else " --no-fsync")
        stop.add_note(f"go on: exec-algos study --resume {folder}{more}{' --sensitivity' if show.sensitivity else ''}")
        raise


def _run_all(study: ShardedStudy, folder: str, how: How, show: Show) -> None:
    with _progress(quiet=show.as_json) as report:
        result = study.run(folder, cluster=how.cluster, strict=how.strict, progress=report, durable=how.durable)
    bands = _bands(study, result, how, quiet=show.as_json) if show.sensitivity else {}
    if show.as_json:
        say_json(_as_json(result, show, bands))
    else:
        _print(result, show, bands)
    if result.failed or result.config.get("refused"):
        raise typer.Exit(FAILED)


def _run_share(study: ShardedStudy, folder: str, how: How, show: Show) -> None:
    """Work one share of the shards, and print how many.

    Raises
    ------
    UsageError
        Something is asked for that only the whole study has.
    """
    if how.cluster or show.split or show.sensitivity or show.by:
        raise UsageError(
            "--shard works a share of the shards in this process and prints no result: leave out --cluster, --by, --sensitivity and "
            "--sweep-split, and name them in the last run, without --shard"
        )
    with _progress(quiet=show.as_json) as report:
        done = study.run_share(folder, str(how.share), strict=how.strict, progress=report, durable=how.durable)
    if show.as_json:
        say_json({**done._asdict(), "failed": [failure._asdict() for failure in done.failed]})
    else:
        say(f"share {how.share} of the shards: {done.made} worked, {done.kept} kept from before")
        _print_damaged(done)
        _print_failed(done)
        say(f"when every share is done: exec-algos study --resume {folder}")
    if done.failed:
        raise typer.Exit(FAILED)


def _run_sweep(study: ShardedStudy, folder: str, split: str, *, how: How, show: Show) -> None:
    """Choose on the days before the split, and print and write the days from it on."""
    from exec_algos.studies.sensitivity import halves, sweep_shards

    halves(study, split)  # what cannot be split starts no study
    study.start(folder)  # so that the folder alone says how to go on
    with _progress(quiet=show.as_json) as report:
        on_progress = None if report is None else lambda half, done, total: report(done, total, f"{half}, ")
        found = sweep_shards(
            study, f"{folder}/sweep", split=split, cluster=how.cluster, strict=how.strict, progress=on_progress, durable=how.durable
        )
    train, result, chosen = cast("ShardedResult", found.train), cast("ShardedResult", found.test), sweep_record(found, split)
    StudyFolder(f"{folder}/sweep").put(SWEEP, as_text(chosen))
    if show.as_json:
        say_json({**_as_json(result, show, {}), "sweep": chosen})
    else:
        say(*sweep_lines(chosen))
        _print_damaged(train)
        _print_failed(train, "before the split, ")
        _print(result, show, {})
    if train.failed or result.failed:
        raise typer.Exit(FAILED)


def _study(sources: Sequence[str], request: StudyRequest, folder: str, allow_import: Sequence[str]) -> ShardedStudy:
    from exec_algos.market.store import BarStore

    if not sources:
        return ShardedStudy.of_folder(folder, allow_import=allow_import)
    if len(sources) > 1 or not BarStore.found_at(sources[0]):
        raise UsageError(f"a study in shards reads one bar store, got {', '.join(sources)}; first: exec-algos data import FILES --to STORE")
    return request.sharded(sources[0])


def _bands(study: ShardedStudy, neutral: ShardedResult, how: How, *, quiet: bool) -> dict[str, Band]:
    """The study under a better and a worse fill model, by side: studies of their own below the folder, kept and resumed like it."""
    from exec_algos.studies.sensitivity import band, fill_models

    results = {"neutral": neutral}
    models = fill_models(study.fill_model or FillModel())
    for name in ("optimistic", "pessimistic"):
        with _progress(quiet=quiet, name=f"{name} fills, ") as report:
            other = replace(study, fill_model=models[name], fills=False)
            results[name] = other.run(f"{neutral.folder}/sensitivity/{name}", cluster=how.cluster, progress=report, durable=how.durable)
    in_order = {name: results[name] for name in models}
    return {str(side): band(in_order, side=str(side)) for side in neutral.summary(by=("side",)).index}


@contextmanager
def _progress(*, quiet: bool, name: str = "") -> Iterator[Progressing | None]:
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{name}shards (the first compiles its algorithms, then they are kept)", total=1)

        def report(done: int, total: int, of: str = name) -> None:
            bar.update(task, description=described(f"{of}shards {done} of {total}"), completed=done, total=total)

        yield report


def _print(result: ShardedResult, show: Show, bands: Mapping[str, Band]) -> None:
    from exec_algos.reports.words import frictionless_line, is_capped

    config = result.config
    what = "symbol, day or month" if len(result.failed) == 1 else "symbols, days or months"
    lost = f"{len(result.failed)} {what} could not be worked: the numbers are of the rest" if result.failed else ""
    oversize = result.oversize()
    first, later = (oversize_line([row for row in oversize if row.many is many], capped=is_capped(config)) for many in (True, False))
    for line in (lost, first, frictionless_line(config)):
        if line:
            say(line)
    say(
        f"{numbered(len(config['symbols']), 'symbol')}, {numbered(config['parent_orders'], 'parent order')}, {config['bars']} bars; "
        f"shards: {result.made} worked, {result.kept} kept from before"
        + (f"; quotes: proxy {config['quote_proxy']}" if "quote_proxy" in config else "")
    )
    _print_damaged(result)
    shown = shown_once(result.summary(by=("algorithm", "side")), SIGNED)
    for row in shown.table.reset_index().to_dict("records"):
        mean = "not estimable" if math.isnan(row["mean"]) else f"{bps(row['mean'])} bps {interval(row['low'], row['high'])}"
        say(f"{row['algorithm']} {row['side'].lower()}: {mean}, filled {filled_text(row['fill_rate'])}, n {row['n']:.0f}")
    note = f"; {shown.note}" if shown.once else ""
    say(f"slippage against interval VWAP, positive = cost; 95 % interval clustered by day{note}")
    sides = set(shown.table.index.get_level_values("side"))
    for side, pairs in ((side, pairs) for side, pairs in _pairs(result).items() if side in sides):
        for line in compared_lines(pairs, short_names(config["algorithms"]), side.lower()):
            say(line)
    groups = show.groups(result)
    if groups is not None:
        show_groups(groups, short_names(config["algorithms"]))
    show_bands(bands, short_names(config["algorithms"]))
    for line in [*(unfilled_lines(result.residuals(), short_names(config["algorithms"]), shown) if config["fills"] else []), later]:
        say(*([line] if line else []))
    _print_left_out(result)
    say(f"written: {result.folder}; exec-algos report {result.folder} makes its page")


def _print_damaged(result: ShardedResult | ShareDone) -> None:
    if result.damaged:
        more = f" and {len(result.damaged) - 1} more" if len(result.damaged) > 1 else ""
        say(f"damaged on disk and made again: {result.folder}/{result.damaged[0]}{more}; have the disk looked at")


def _print_left_out(result: ShardedResult) -> None:
    config = result.config
    corrected = corrections_line(config["calendar"])
    if corrected:
        say(corrected)
    if config["skipped"]:
        say(f"skipped: {config['skipped']} symbol-sessions; {counted(skip.reason for skip in result.skipped)}")
    if "vwaps_outside" in config:
        say(outside_line(config["vwaps_outside"], config["bars"]))
    history = history_line(read_short(result.folder), config["parent_orders"])
    if history:
        say(history)
    for line in data_lines(result.findings):
        say(f"data: {line}")
    if "splits" in config:
        say(f"splits: {used_line(config['splits'], config.get('splits_unused', ()))}")
    for line in config.get("read_as", ()):
        say(line)
    _print_failed(result)
    _print_orders(result)


def _print_orders(result: ShardedResult) -> None:
    config = result.config
    if "refused" in config:
        counts, notes = (config["orders_given"], config["parent_orders"]), config.get("orders_read_as", ())
        say(*order_lines(*counts, result.refused, result.clipped, notes, result.folder))


def _print_failed(result: ShardedResult | ShareDone, when: str = "") -> None:
    for failure in result.failed[:MOST_FAILED]:
        say(f"failed: {when}{failure.symbol} {failure.session}: {failure.reason}")
    if len(result.failed) > MOST_FAILED:
        say(f"failed: {when}and {len(result.failed) - MOST_FAILED} more, in {result.folder}/failed.csv")


def _pairs(result: ShardedResult) -> dict[str, pd.DataFrame]:
    """Every pair of algorithms against interval VWAP, by side."""
    return {side: result.comparison(side=side) for side in result.config["parents"]["sides"]}


def _as_json(result: ShardedResult, show: Show, bands: Mapping[str, Band]) -> dict[str, Any]:
    groups = show.groups(result)
    return {
        "summary": records(result.summary(by=("algorithm", "side")).reset_index()),
        "benchmark": "interval_vwap",
        "unit": "bps, positive = cost",
        "comparison": {side: records(result.comparison(side=side)) for side in result.config["parents"]["sides"]},
        **({} if groups is None else {"by": records(groups.reset_index())}),
        **({"sensitivity": bands_as_json(bands)} if bands else {}),
        **({"residuals": records(result.residuals().reset_index())} if result.config["fills"] else {}),
        "oversize": oversize_as_json(result.oversize()),
        "skipped": result.config["skipped"],
        "findings": records(result.findings),
        "refused": [row._asdict() for row in result.refused],
        "clipped": [row._asdict() for row in result.clipped],
        "failed": [failure._asdict() for failure in result.failed],
        "shards": {"made": result.made, "kept": result.kept},
        "damaged": list(result.damaged),
        "config": result.config,
        "out": result.folder,
    }
