"""What is odd in the bars of a study: the findings, the orders whose history spans a split, and the lines that say so."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.market.quality.finders import STEPS, Finding
from exec_algos.market.quality.findings import findings_of, summary
from exec_algos.market.quality.limits import USUAL, Limits
from exec_algos.textform import text_of_csv

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.algorithms import Algorithm
    from exec_algos.market.bars import Bars
    from exec_algos.studies.design.parents import ParentOrders

FILE = "findings.csv"
LEAST_DAYS = 5  # earlier sessions that the ADV of a desk's own orders is taken from


def history_of(orders: ParentOrders, algorithms: Sequence[Algorithm]) -> int:
    """Earlier sessions that the sizes or the curves of orders are taken from."""
    return max(orders.profile_days or LEAST_DAYS, *(getattr(algorithm, "history_days", 0) for algorithm in algorithms))


def data_rows(bars: Bars, orders: ParentOrders, days: int, limits: Limits = USUAL) -> list[Finding]:
    """Findings of the bars, and a row of kind ``history`` for each symbol and session whose orders look back across a split.

    Parameters
    ----------
    bars : Bars
        All that were given, those outside the sessions too.
    orders : ParentOrders
    days : int
        Earlier sessions that they look back on.
    limits : Limits
    """
    found = findings_of(bars, orders.sessions, limits)
    steps = found.of_kind(*STEPS)
    return [*found.rows, *(row for step in steps for row in _spanning(bars, orders, days, step))]


def _spanning(bars: Bars, orders: ParentOrders, days: int, step: Finding) -> Iterator[Finding]:
    """The sessions of orders of which one of the `days` sessions with data before, but not the session itself, lies before the step."""
    first, last = orders.sessions.rows(bars.start[bars.rows(step.symbol)])
    held = np.flatnonzero(last > first)
    at = int(np.searchsorted(held, np.searchsorted(orders.sessions.date, np.datetime64(step.session, "D"))))
    mine = orders.session[np.array(orders.symbols, dtype=object)[orders.symbol] == step.symbol]
    sessions, counts = np.unique(mine, return_counts=True)
    behind = np.searchsorted(held, sessions) - at
    for session, count in zip(sessions[(behind >= 0) & (behind < days)].tolist(), counts[(behind >= 0) & (behind < days)], strict=True):
        orders_of = f"{count} parent order{'' if count == 1 else 's'}"
        said = f"{orders_of} whose {days} earlier sessions span {step.session}, {step.said}"
        yield Finding(step.symbol, str(orders.sessions.date[session]), "history", float(count), 0.0, said)


def in_shard(rows: Iterable[Finding], month: str) -> list[Finding]:
    """Rows of one month of a symbol; splits and sessions without bars of the months before too, for those can only be seen from here."""
    kept = []
    for row in rows:
        if not row.session:
            kept.append(row._replace(session=month))
        elif row.session.startswith(month) or row.kind in {*STEPS, "no_bars"}:
            kept.append(row)
    return kept


def merged(shards: Iterable[Iterable[Sequence[Any]]]) -> Iterator[Finding]:
    """Rows of shards in order of symbol and month, each finding once."""
    symbol, seen = "", set[tuple[str, str]]()
    for shard in shards:
        for row in (Finding(*columns) for columns in shard):
            if row.symbol != symbol:
                symbol, seen = row.symbol, set()
            if (row.session, row.kind) not in seen:
                seen.add((row.session, row.kind))
                yield row


def findings_frame(rows: Iterable[Sequence[Any]]) -> pd.DataFrame:
    """``symbol, session, kind, value, usual, said``, a row for each finding."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(Finding._fields)).astype({"value": "float64", "usual": "float64"})


def rows_of(findings: pd.DataFrame) -> list[Finding]:
    """The rows of a table of findings."""
    return [Finding(*row) for row in findings.itertuples(index=False)]


def data_lines(findings: pd.DataFrame) -> list[str]:
    """At most three lines of what is odd; none where nothing is."""
    return summary(rows_of(findings))


def read_findings(content: bytes | None) -> pd.DataFrame | None:
    """The findings in the text of `FILE`; None where there is none, for the study was made by an earlier version."""
    import pandas as pd

    if content is None:
        return None
    table = text_of_csv(pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False))
    return findings_frame(table.itertuples(index=False))
