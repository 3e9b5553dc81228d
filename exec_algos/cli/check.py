"""What ``exec-algos data check`` prints besides the table: what is odd, by symbol and kind, and where two files have the same bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from exec_algos.cli.printing import say
from exec_algos.textform import numbered

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.quality.findings import Findings
    from exec_algos.market.read import Loaded

MOST_LINES = 100
FOUND = 1  # exit code where something lies beyond the limits


def found_in(loaded: Loaded, calendar: str | None, limits: str) -> Findings:
    """What is odd in bars that were read; `limits` as `exec_algos.market.quality.limits.Limits.of` takes them."""
    from exec_algos.market.hours import sessions_of
    from exec_algos.market.quality.findings import findings_of
    from exec_algos.market.quality.limits import Limits

    return findings_of(loaded.bars, sessions_of(loaded.bars, calendar), Limits.of(limits))


def print_findings(bars: Bars, found: Findings, calendar: str | None) -> None:
    """A line for each symbol and kind, and how many there are.

    Raises
    ------
    typer.Exit
        With code 1 where something lies beyond the limits.
    """
    twice = list(twice_in_files(bars))
    lines = [*twice, *found.lines()]
    for line in lines[:MOST_LINES]:
        say(line)
    if len(lines) > MOST_LINES:
        say(f"and {len(lines) - MOST_LINES} more lines")
    sessions = f"the sessions of {calendar}" if calendar else "days of the bars; --calendar compares them with an exchange's"
    if not len(found) and not twice:
        say(f"{numbered(len(found.facts), 'symbol')}, each session against its neighbours ({sessions}): nothing beyond the limits")
        return
    symbols = len({row.symbol for row in found.rows})
    count, of = numbered(len(found), "finding"), numbered(len(found.facts), "symbol")
    say(f"{count} in {symbols} of {of} ({sessions}); --json lists them, --limits moves the limits")
    raise typer.Exit(FOUND)


def twice_in_files(bars: Bars) -> Iterator[str]:
    """Bars that stood in two files, by symbol and file; one of the two was left out."""
    twice = [issue for issue in bars.report if "stands twice, in " in issue.problem]
    other = Counter((issue.symbol, issue.file) for issue in twice if "with other values" in issue.problem)
    for (symbol, file), count in sorted(Counter((issue.symbol, issue.file) for issue in twice).items()):
        stand = "stands" if count == 1 else "stand"
        yield f"{symbol}: {numbered(count, 'bar')} of {file} {stand} in another file too, {other[symbol, file]} of them with other values"


def record_of(rows: list[dict[str, Any]], bars: Bars, found: Findings) -> dict[str, Any]:
    """Everything, ready for JSON: a row for each symbol, finding and row that was touched."""
    facts = {fact.symbol: fact for fact in found.facts}
    symbols = [{**row, **{k: v for k, v in facts[row["symbol"]]._asdict().items() if k != "symbol"}} for row in rows]
    return {
        "symbols": symbols,
        "findings": [row._asdict() for row in found.rows],
        "rows": [issue._asdict() for issue in bars.report],
        "read_as": [note._asdict() for note in bars.read_as],
        "notes": list(bars.notes),
        "limits": asdict(found.limits),
    }
