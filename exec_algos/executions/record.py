"""What an analysis of own fills was made of, and what was assumed and left out, in words and ready for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from exec_algos.executions.cells import MISSING
from exec_algos.executions.refused import FILLS, ORDERS, RefusedRow
from exec_algos.executions.work import Work
from exec_algos.studies.design.reasons import counted
from exec_algos.studies.record.configuration import configuration, rules_record
from exec_algos.studies.run.custom import drivers_of, imports_of
from exec_algos.tca.frames import OWN_FILLS
from exec_algos.textform import numbered

MOST_ROWS = 1_000  # refused rows in the record; a file of their own holds all


def record_of(work: Work) -> dict[str, Any]:
    """The configuration of the result."""
    market, said = work.market, work.said
    names = [OWN_FILLS, *map(str, work.algorithms)]
    limits = said.limits.record()
    return {
        **configuration(market.bars, work.counted.orders, names, work.model, len(market.given) - len(market.bars), said.driver),
        "skipped": len(work.simulated.skipped),
        "rules": rules_record(said.rules),
        "drivers": {OWN_FILLS: "the desk", **drivers_of(work.algorithms, said.driver)},
        "imports": imports_of(work.algorithms),
        **({"limits": limits} if limits else {}),
        "own_fills": _own_record(work),
    }


def _own_record(work: Work) -> dict[str, Any]:
    given, rows = work.given, sorted(work.refused)
    decided = given.found.orders.decided[work.counted.places]
    counts = _counts(work, rows)
    return {
        "counts": counts,
        "notes": list(dict.fromkeys(_notes(work))),
        "left_out": list(_left_out(rows, counts)),
        "refused": [row._asdict() for row in rows[:MOST_ROWS]],
        "arrival_known": not given.found.built,
        "decision_known": bool((decided != MISSING).all()),
        "stamped": work.market.stamped,
        "taxes_in_commission": given.inclusive,
        "read": {name: {"file": table.place, "sha256": table.sha256, "rows": len(table)} for name, table in given.tables.items()},
    }


def _counts(work: Work, rows: Sequence[RefusedRow]) -> dict[str, int]:
    found, checks, places = work.given.found, work.given.checks, work.counted.places
    kept = np.zeros(len(found.orders) + 1, dtype=bool)
    kept[places] = True
    return {
        "orders_given": 0 if found.built else len(found.orders),
        "orders": len(places),
        "orders_refused": sum(row.table == ORDERS for row in rows),
        "fills_given": 0 if found.fills is None else len(found.fills),
        "fills": int((work.given.counts & kept[found.parent]).sum()),
        "fills_refused": sum(row.table == FILLS for row in rows),
        "fills_twice": 0 if checks is None else int(checks.twice.dropped.sum()),
        "orders_by_average_price": int((~work.given.filled.single[places]).sum()),
        "orders_cancelled": int((found.orders.cancel[places] != MISSING).sum()),
        "orders_simulated": work.simulated.orders,
    }


def _left_out(rows: Sequence[RefusedRow], counts: Mapping[str, int]) -> Iterator[str]:
    """What does not count, in sentences."""
    for table in (FILLS, ORDERS):
        mine = [row.reason for row in rows if row.table == table]
        if mine:
            of = f" of {counts[f'{table}_given']:,}" if counts[f"{table}_given"] else ""
            yield f"{len(mine):,}{of} {table}: {counted(mine)}"


def _notes(work: Work) -> Iterator[str]:
    """What was assumed, in sentences."""
    found = work.given.found
    yield from (*found.orders.notes, *(() if found.fills is None else found.fills.notes), *found.notes, *work.counted.orders.notes)
    yield from _of_fills(work)
    yield from _of_orders(work)
    yield from work.simulated.notes


def _of_fills(work: Work) -> Iterator[str]:
    fills, checks = work.given.found.fills, work.given.checks
    if checks is not None and checks.twice.dropped.any():
        yield f"{numbered(int(checks.twice.dropped.sum()), 'fill')} stood there before, with the same fill_id and content: counted once"
    if checks is not None and checks.twice.alike:
        many = numbered(checks.twice.alike, "fill")
        yield f"{many} without a fill_id are the same as another to the last cell: counted, for two fills may be alike"
    if fills is not None and "taxes" in fills.costs:
        yield "the commission holds the taxes" if work.given.inclusive else "the commission does not hold the taxes: fees are their sum"
    if fills is not None and fills.time is not None:
        bar = "later" if work.market.stamped == "start" else "earlier"
        yield f"a fill stamped where one bar ends and the next begins lies in the {bar} one"


def _of_orders(work: Work) -> Iterator[str]:
    orders, places = work.given.found.orders, work.counted.places
    endless = int((~orders.has_end[places]).sum())
    if endless:
        yield f"{numbered(endless, 'order')} without an end: the window ends with the bar of the last fill, which nobody knew before"
    clipped = len(work.counted.orders.clipped)
    if clipped:
        yield f"{numbered(clipped, 'order')} clipped to the session; row by row in clipped.csv"
    average = int((~work.given.filled.single[places]).sum())
    if average:
        yield (
            f"of {numbered(average, 'order')} only the average price is known: mark-outs, fills by time of day and participation in each "
            "bar are not estimable for them, and such tables are of the others"
        )
    cancelled = int((orders.cancel[places] != MISSING).sum())
    if cancelled:
        yield (
            f"{numbered(cancelled, 'order')} cancelled: measured up to the bar of the cancel, and the rest is what was not filled; the "
            "algorithms work the window that was asked for, and of what they fill only that before the cancel counts"
        )
    known = orders.decided[places] != MISSING
    if known.any() and not known.all():
        yield f"{numbered(int((~known).sum()), 'order')} without a decision time: delay, and so shortfall, is not estimable for them"
