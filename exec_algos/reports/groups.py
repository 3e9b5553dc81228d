"""The tables of the page by algorithm in money, and by what the orders were like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exec_algos.errors import UsageError
from exec_algos.reports.numbers import NONE, amount, bps, count, interval, percent
from exec_algos.reports.subject import Subject
from exec_algos.reports.tables import ReportTable
from exec_algos.tca.buckets import full_name
from exec_algos.tca.clusters import counted_clusters
from exec_algos.textform import listed

MOST_KEPT = 50  # values of a column that a desk kept; of more it is looked at by only where that was asked for
MOST_NAMED = 12  # symbols
UNSUMMED = "not in it, for their currency is not known"
MOST_GROUPS = 1_000  # of a table
INTERVAL = "95 % interval"
USUAL = ("symbol", "size", "hour", "session")
TITLES = {"symbol": "By symbol", "size": "By size", "hour": "By hour of the start", "session": "By date", "side": "By side"}


def money_table(subject: Subject) -> ReportTable | None:
    """What each algorithm paid in money, a row a currency; None where no currency is known."""
    rows = []
    for name in subject.algorithms:
        own = subject.rows(name)
        sums = [subject.traded(own), subject.money(own, "interval_vwap"), subject.money(own, "arrival"), subject.fees(own)]
        many = own["symbol"].map(lambda symbol: subject.currencies.of(symbol).code).value_counts()
        rows += [(name, code or "units of price", count(many[code]), *(amount(found[code]) for found in sums)) for code in sums[0]]
    if not rows:
        return None
    head = ("algorithm", "currency", "orders", "traded", "cost against interval VWAP", "cost against arrival", "fees")
    sources = dict.fromkeys(filter(None, (subject.currencies.of(symbol).source for symbol in subject.shown["symbol"].unique())))
    note = "sums over the orders, so that large ones count more than small ones; positive = cost"
    partly = f"{UNSUMMED}: {', '.join(subject.unsummed[:MOST_NAMED])}" if subject.unsummed else ""
    return ReportTable("Cost in money", "; ".join(filter(None, [note, *sources, partly, subject.note])), head, rows)


def by_tables(subject: Subject) -> list[ReportTable]:
    """Costs by symbol, size, hour, date, what a desk kept and what was asked for; those of which there is one group are left out."""
    return [table for name in names_of(subject) if (table := _by(subject, name)) is not None]


def names_of(subject: Subject) -> list[str]:
    """What costs are looked at by: what was asked for first, then what a desk kept of its orders where it has few values."""
    twins = subject.result.has_twins()
    few = [name for name in subject.kept if 1 < subject.shown[name].nunique() <= MOST_KEPT]
    both = [] if twins or subject.shown["side"].nunique() < 2 else ["side"]
    return list(dict.fromkeys([*subject.by, *few, *both, *USUAL]))


def _by(subject: Subject, name: str) -> ReportTable | None:
    full = full_name(name)
    try:
        found = subject.result.by(name)
    except UsageError as error:
        return ReportTable(title_of(name), str(error), (name,), [], 1) if name in subject.by else None
    table = found.reset_index()
    note = subject.note if full != "side" else ""
    table = table[table["side"] == "BUY"] if note else table
    groups = list(dict.fromkeys(table[full]))
    if len(groups) < 2 and name not in subject.by:
        return None
    lines = {(row["algorithm"], row[full]): row for row in table.to_dict("records")}
    rows = [_row(subject, group, lines) for group in groups[:MOST_GROUPS]]
    head = (
        name if name != "session" else "date",
        "orders",
        *(part for algorithm in subject.algorithms for part in (algorithm, INTERVAL)),
        "filled",
    )
    more = f"the first {MOST_GROUPS:,} of {len(groups):,}" if len(groups) > MOST_GROUPS else ""
    said = [f"mean slippage against interval VWAP, bps, positive = cost; filled: by {listed(subject.algorithms)}", more, note]
    title = f"By {name}" if name in subject.kept else title_of(name)
    whole = ReportTable(title, "; ".join(filter(None, said)), head, rows, 1)
    return _without_unknown(whole, f"{counted_clusters(subject.config, 1)} gives no interval")


def _without_unknown(table: ReportTable, why: str) -> ReportTable:
    """Without intervals that no group has, as where each is one day."""
    known = [place for place, name in enumerate(table.head) if name != INTERVAL or any(row[place] != NONE for row in table.rows)]
    if len(known) == len(table.head):
        return table
    rows = [tuple(row[place] for place in known) for row in table.rows]
    return table._replace(head=tuple(table.head[place] for place in known), rows=rows, note=f"{table.note}; {why}")


def title_of(name: str) -> str:
    """Of a table by groups."""
    return TITLES.get(name, f"By {name.removesuffix('_bucket')}")


def _row(subject: Subject, group: object, lines: Mapping[tuple[Any, Any], Mapping[Any, Any]]) -> tuple[str, ...]:
    own = [lines.get((algorithm, group)) for algorithm in subject.algorithms]
    cells = [cell for line in own for cell in ((bps(line["mean"]), interval(line["low"], line["high"])) if line else (NONE, NONE))]
    many = [count(line["n"]) if line else "0" for line in own]  # orders that one algorithm has a cost of and another has not
    rates = [percent(line["fill_rate"]) if line else NONE for line in own]
    return (_named(group), _by_algorithm(many), *cells, _by_algorithm(rates))


def _by_algorithm(texts: list[str]) -> str:
    """One for each algorithm in their sequence, or one for all where they are the same."""
    return texts[0] if len({*texts}) == 1 else ", ".join(texts)


def _named(group: object) -> str:
    """A group as text; a day without its midnight."""
    date = getattr(group, "date", None)
    return str(date()) if callable(date) else str(group)
