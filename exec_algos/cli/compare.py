"""``exec-algos compare``: what changed between two saved studies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exec_algos.cli.printing import one_line_errors, say, say_json

if TYPE_CHECKING:
    from rich.table import Table

    from exec_algos.studies.compared import Changed, StudiesCompared

DIFFERENT = 1  # exit code, as of diff: 0 the same, 1 different, 2 trouble
MOST = 10  # orders of one study alone that are printed
LONG = 60  # characters of a setting


def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Folder of a study, in memory or in shards.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Folder of the other one.")],
    benchmark: Annotated[
        str, typer.Option(help="What cost is against: interval_vwap, arrival, interval_twap or session_vwap.")
    ] = "interval_vwap",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON, and nothing else.")] = False,
) -> None:
    """Say what changed between two studies: settings, bars, orders, and the cost of the orders that both have.

    Ends with code 0 where nothing differs, 1 where something does, and 2 on an error.
    """
    with one_line_errors("nothing is written by this command"):
        from exec_algos.studies.compared import compare_studies

        found = compare_studies(old, new, benchmark=benchmark)
        if as_json:
            say_json(_as_json(found))
        else:
            _print(found)
    if not found.same:
        raise typer.Exit(DIFFERENT)


def _print(found: StudiesCompared) -> None:
    from exec_algos.cli.show import print_table
    from exec_algos.tca.names import NAMES

    say(f"old: {found.old}", f"new: {found.new}", f"bars: {found.bars.said}")
    say(*_settings(found.config), *_orders(found))
    say(*(f"algorithm only in {study}: {name}" for study, name in found.unpaired))
    terminal = _terminal()
    if len(found.lines):
        print_table(terminal, _table(found))
    say(
        f"slippage against {NAMES[found.benchmark]}, bps, positive = cost; difference: new less old on the orders that both have, "
        "95 % interval clustered by day; changed: orders that were filled otherwise"
    )
    say("the studies are the same" if found.same else "the studies differ")


def _terminal() -> Any:
    from exec_algos.cli.printing import console
    from exec_algos.cli.show import WIDE

    found = console()
    found.width = found.width if found.is_terminal else WIDE
    return found


def _settings(config: tuple[Changed, ...]) -> Iterator[str]:
    yield f"settings: {len(config) or 'none'} {'differs' if len(config) == 1 else 'differ'}"
    yield from (f"  {row.key}: {_shown(*row[1:])}" for row in config)


def _shown(old: Any, new: Any) -> str:
    """Both values; of long lists what one of them alone has."""
    if isinstance(old, list) and isinstance(new, list) and max(len(json.dumps(value)) for value in (old, new)) > LONG:
        gone, come = ([value for value in mine if value not in others] for mine, others in ((old, new), (new, old)))
        parts = [f"{word} {_cut(', '.join(map(str, values)))}" for word, values in (("without", gone), ("with", come)) if values]
        return "; ".join(parts) or "in another sequence"
    return f"{_cut(_text(old))} -> {_cut(_text(new))}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 3]}..."


def _orders(found: StudiesCompared) -> Iterator[str]:
    counts = found.only["study"].value_counts()
    yield f"orders: {found.orders['both']} in both, {counts.get('old', 0)} only in old, {counts.get('new', 0)} only in new"
    for study in counts.index.tolist():
        rows = found.only[found.only["study"] == study]
        for row in rows.head(MOST).to_dict("records"):
            window = " to ".join(f"{row[edge]:%Y-%m-%d %H:%M}" for edge in ("start", "end"))
            yield f"  only in {study}: {row['side'].lower()} {row['quantity']:,.10g} {row['symbol']}, {window}"
        if len(rows) > MOST:
            yield f"  and {len(rows) - MOST} more only in {study}; --json lists them"


def _table(found: StudiesCompared) -> Table:
    from rich import box
    from rich.table import Table

    from exec_algos.cli.show import bps, interval
    from exec_algos.tca.pairs import p_text

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("algorithm", overflow="fold")
    table.add_column("side")
    for name in ("old", "new", "n", "difference", "95 % interval", "p", "filled old", "filled new", "changed"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in found.lines.reset_index().to_dict("records"):
        p = row["reason"] or p_text(row["p"]).removeprefix("p ")
        rates = (f"{row[name]:.1%}" if row[name] == row[name] else "n/a" for name in ("fill_rate_old", "fill_rate_new"))
        table.add_row(
            row["algorithm"], row["side"].lower(), bps(row["mean_old"]), bps(row["mean_new"]), f"{row['n']}", bps(row["difference"]),
            interval(row["low"], row["high"]), p, *rates, f"{row['changed']}",
        )  # fmt: skip
    return table


def _as_json(found: StudiesCompared) -> dict[str, Any]:
    from exec_algos.cli.show import records

    only = found.only.assign(**{name: found.only[name].astype(str) for name in ("start", "end")})
    return {
        "old": found.old,
        "new": found.new,
        "same": found.same,
        "bars": found.bars._asdict(),
        "config": [row._asdict() for row in found.config],
        "orders": dict(found.orders),
        "only": records(only),
        "only_algorithms": [{"study": study, "algorithm": name} for study, name in found.unpaired],
        "benchmark": found.benchmark,
        "unit": "bps, positive = cost; difference: new less old",
        "lines": records(found.lines.reset_index()),
    }
