"""``exec-algos data``: import, check and describe market data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from exec_algos.cli.printing import console, one_line_errors, say, say_json
from exec_algos.cli.reading import READING, UNSAID, Reading, with_reading
from exec_algos.cli.stopping import loaded
from exec_algos.errors import MarketDataError, UsageError
from exec_algos.textform import numbered, visible

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.quality.findings import Findings
    from exec_algos.market.read import Loaded

data_app = typer.Typer(help="Import, check and describe market data.", no_args_is_help=True)

MOST_ROWS = 100
HEAD = ("symbol", "bars", "first", "last", "step", "zone", "quotes only", "vwap outside", "rows touched")

Sources = Annotated[list[str], typer.Argument(metavar="SRC...", help="Files, folders or a store.")]
Hours = Annotated[
    str | None,
    typer.Option("--calendar", help="XNYS, XKRX, 24/7 ...: the sessions that the bars should have; their own days if not given."),
]
Session = Annotated[
    list[str] | None,
    typer.Option("--session", help="Hours of a day that the calendar has wrong: 2024-11-14=10:00-16:30, or closed.", show_default=False),
]
Limits = Annotated[
    str,
    typer.Option(
        help="From where on something is odd: missing=0.05,without_volume=0.05,sparse=0.2,first=0.2,volume=4,price=2,split=0.1,"
        "level=3,hours=30,stale=30."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print every row as JSON, and nothing else.")]

Durable = Annotated[
    bool, typer.Option("--fsync/--no-fsync", help="Wait until the disk has what is written, so that it survives a power loss.")
]

SplitFile = Annotated[
    str | None,
    typer.Option(
        "--splits",
        help="A CSV of splits (date, symbol, ratio) to adjust prices and volumes by: before the date in shares after it.",
        rich_help_panel=READING,
    ),
]


@data_app.command("import")
@with_reading
def import_bars(
    sources: Sources,
    to: Annotated[str, typer.Option(help="The store to write: a folder or an fsspec URL.")],
    reading: Reading = UNSAID,
    fsync: Durable = True,
    splits: SplitFile = None,
) -> None:
    """Read market data and keep it in a bar store."""
    with one_line_errors(f"nothing of it was written to {to}; run the command again"):
        from exec_algos.market.store import BarStore

        given = _load(sources, reading, splits)
        loaded()
        BarStore(to).write(given.bars, durable=fsync, allow_negative=reading.csv.allow_negative)
        _print_touched(given.bars)
        say(f"{numbered(len(given.bars), 'bar')} of {numbered(len(given.bars.symbols), 'symbol')} in {to}")


@data_app.command("check")
@with_reading
def check_bars(  # noqa: PLR0913, PLR0917 - each is an option
    sources: Sources,
    reading: Reading = UNSAID,
    splits: SplitFile = None,
    calendar: Hours = None,
    session: Session = None,
    limits: Limits = "",
    as_json: Json = False,
) -> None:
    """Read market data, refuse what cannot be true, and say what is there and what is odd; exit code 1 where something is."""
    with one_line_errors():
        from exec_algos.cli.check import FOUND, found_in, print_findings, record_of
        from exec_algos.market.hours import corrected_calendar

        given = _load(sources, reading, splits)
        calendar = corrected_calendar(calendar, session or ())
        found = found_in(given, calendar, limits)
        if as_json:
            head = [name.replace(" ", "_") for name in HEAD]
            rows = [dict(zip(head, _row(given, symbol), strict=True)) for symbol in given.bars.symbols]
            say_json(record_of(rows, given.bars, found))
            raise typer.Exit(FOUND if len(found) else 0)
        _print_loaded(given, found)
        _print_touched(given.bars)
        print_findings(given.bars, found, calendar)


@data_app.command("info")
def describe(source: Annotated[str, typer.Argument(metavar="STORE_OR_SRC", help="A store, a folder or a file.")]) -> None:
    """Say what a store, a folder or a file holds."""
    with one_line_errors():
        from exec_algos.market.store import BarStore

        if not BarStore.found_at(source):
            _print_loaded(_load([source], UNSAID))
            return
        table = BarStore(source).info()
        kept = table.assign(first=table["first"].map(_time), last=table["last"].map(_time), step=table["step"].map(_seconds)).astype(str)
        _print_table(list(kept.columns), kept.to_numpy().tolist())


def _load(sources: list[str], reading: Reading, splits: str | None = None) -> Loaded:
    from exec_algos.market.read import load

    return load(sources, reading.request(), splits)


def load_bars(sources: list[str], reading: Reading) -> Bars:
    """Bars of files, folders or a store."""
    bars = _load(sources, reading).bars
    _print_touched(bars, err=True)  # what is asked for as JSON stays JSON
    return bars


def bars_to_study(sources: list[str], reading: Reading) -> Bars:
    """The same; of a store that holds something broken it is said how the rest can be studied.

    Raises
    ------
    UsageError
        Something that cannot be read.
    """
    from exec_algos.market.store import BarStore

    try:
        return load_bars(sources, reading)
    except MarketDataError as error:
        # an empty store has no rest to study
        if len(sources) > 1 or not BarStore.found_at(sources[0]) or not BarStore(sources[0]).symbols:
            raise
        raise UsageError(f"{error}; or study the rest, and have this listed: exec-algos study {sources[0]} --resume DIR") from None


def _print_loaded(given: Loaded, found: Findings | None = None) -> None:
    counts = {} if found is None else {symbol: list(map(str, counted)) for symbol, *counted in found.facts}
    rows = [[*_shown(_row(given, symbol)), *counts.get(symbol, ())] for symbol in given.bars.symbols]
    _print_table([*HEAD, *(() if found is None else ("sessions", "bars missing", "without volume"))], rows)
    for symbol in sorted(set(given.quote_only) - set(given.bars.symbols)):
        say(f"{symbol}: {given.quote_only[symbol]} minutes of quotes and no trade: no bar")


def _row(given: Loaded, symbol: str) -> list[str | int | float | None]:
    """The columns of `HEAD`: times as text, the step in seconds, None where the vendor gives no VWAP."""
    import pandas as pd

    from exec_algos.market.quality.vwaps import outside_range

    bars = given.bars.select([symbol])
    first, last = (pd.Timestamp(int(t), tz="UTC").tz_convert(bars.zone) for t in (bars.start[0], bars.start[-1]))
    found = outside_range(bars)
    outside = None if found is None else int(found.sum())
    touched = sum(issue.symbol == symbol for issue in bars.report)
    quote_only = int(given.quote_only.get(symbol, 0))
    return [symbol, len(bars), _time(first), _time(last), bars.step / 1e9, bars.zone, quote_only, outside, touched]


def _shown(row: list[str | int | float | None]) -> list[str]:
    return [f"{cell:g} s" if isinstance(cell, float) else "-" if cell is None else str(cell) for cell in row]


def _time(stamp: object) -> str:
    return str(stamp)[:19]


def _seconds(step: int) -> str:
    return f"{step / 1e9:g} s"


def _print_touched(bars: Bars, *, err: bool = False) -> None:
    from exec_algos.market.decimals import lines

    for line in (*bars.notes, *lines(bars.read_as)):
        say(line, err=err)
    for issue in bars.report[:MOST_ROWS]:
        place = f"{issue.file}, " if issue.file else ""
        say(f"{place}row {issue.row}: {issue.symbol}: {issue.problem}: {issue.action}", err=err)
    if len(bars.report) > MOST_ROWS:
        say(f"and {len(bars.report) - MOST_ROWS} more rows", err=err)


def _print_table(head: list[str], rows: list[list[str]]) -> None:
    from rich.table import Table

    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    shown = console()
    whole = sum(max(len(visible(cell)) for cell in column) + 3 for column in zip(head, *rows, strict=True)) + 1
    # a file or a pipe has no width to fit into
    shown.width = shown.width if shown.is_terminal else whole
    shown.print(table)
