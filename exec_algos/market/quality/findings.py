"""`Findings`: what is odd in some bars, by symbol and session, and in a few lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exec_algos.market.quality import finders
from exec_algos.market.quality.contradicted import Hours, contradictions, hours_of
from exec_algos.market.quality.copies import Copies, mark_of
from exec_algos.market.quality.days import Days
from exec_algos.market.quality.finders import KINDS, STEPS, Finding
from exec_algos.market.quality.limits import Limits
from exec_algos.market.quality.steps import steps_of

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

MOST_LINES = 3
RATIOS = ("split", "level", "price", "volume", "sparse")  # kinds whose value is a ratio


class SymbolFacts(NamedTuple):
    """Counts of one symbol: sessions with bars, bars missing in them, bars in them without volume."""

    symbol: str
    sessions: int
    missing: int
    without_volume: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What lies beyond the limits.

    Attributes
    ----------
    rows : tuple of Finding
        Sorted by symbol, day and kind.
    facts : tuple of SymbolFacts
        Of every symbol, whether something was found or not.
    limits : Limits
    """

    rows: tuple[Finding, ...]
    facts: tuple[SymbolFacts, ...]
    limits: Limits

    def __len__(self) -> int:
        return len(self.rows)

    def of_kind(self, *kinds: str) -> list[Finding]:
        """The rows of some kinds."""
        return [row for row in self.rows if row.kind in kinds]

    def frame(self) -> pd.DataFrame:
        """A row for each finding: ``symbol, session, kind, value, usual, said``."""
        import pandas as pd

        return pd.DataFrame(list(self.rows), columns=list(Finding._fields)).astype({"value": "float64", "usual": "float64"})

    def lines(self) -> list[str]:
        """A line for each symbol and kind: how many sessions, and the worst of them."""
        sessions = {fact.symbol: fact.sessions for fact in self.facts}
        groups: dict[tuple[str, str], list[Finding]] = {}
        for row in self.rows:
            groups.setdefault((row.symbol, row.kind), []).append(row)
        order = list(KINDS)
        return [
            f"{symbol}: {_line(rows, sessions.get(symbol, 0))}"
            for (symbol, _), rows in sorted(groups.items(), key=lambda group: (group[0][0], order.index(group[0][1])))
        ]


def _line(rows: Sequence[Finding], sessions: int) -> str:
    """Sentences of one symbol and kind."""
    title = KINDS[rows[0].kind]
    whole = [row for row in rows if not row.session]
    days = [row for row in rows if row.session]
    parts = [row.said for row in whole]
    if len(days) == 1:
        parts.append(f"{days[0].session}: {days[0].said}")
    elif days:
        top = worst(days)
        when = f"{days[0].session} to {days[-1].session}"
        named = f"{len(days)} of {sessions} sessions, {when}; the worst {top.session}: {top.said}"
        parts.append(f"{len(days)}, {when}" if rows[0].kind in {"no_bars", "holiday"} else named)
    return f"{title}: {'; '.join(parts)}"


def worst(rows: Iterable[Finding]) -> Finding:
    """The row furthest from what is usual; of equal ones the first."""
    return max(rows, key=lambda row: abs(np.log(row.value)) if row.kind in RATIOS else row.value)


def summary(rows: Sequence[Finding], *, most: int = MOST_LINES) -> list[str]:
    """At most four lines: splits and steps one by one, days that the calendar has wrong, then how many there are of every other kind,
    with the worst of the first.

    Parameters
    ----------
    rows : sequence of Finding
    most : int
        Splits and steps that are named.
    """
    steps, history = [row for row in rows if row.kind in STEPS], [row for row in rows if row.kind == "history"]
    others = [row for row in rows if row.kind not in {*STEPS, "history", "calendar"}]
    lines = []
    if steps:
        named = "; ".join(f"{row.symbol} {row.session} {KINDS[row.kind]}: {row.said}" for row in steps[:most])
        more = f"; and {len(steps) - most} more" if len(steps) > most else ""
        spanning = sum(int(row.value) for row in history)
        lines.append(f"{named}{more}" + (f"; the history of {spanning} orders spans a split: --splits FILE adjusts it" if history else ""))
    lines += _of_calendar([row for row in rows if row.kind == "calendar"], most)
    if len(others) == 1:
        lines.append(_named(others[0]))
    elif others:
        symbols = len({row.symbol for row in others})
        lines.append(f"{symbols} symbol{'' if symbols == 1 else 's'} with findings: {_counted(others)}")
        first = [row for row in others if row.kind == min((row.kind for row in others), key=list(KINDS).index)]
        lines.append(f"the worst: {_named(worst(first))}")
    return lines


def _of_calendar(rows: Sequence[Finding], most: int) -> list[str]:
    """A line of the days whose hours the calendar has wrong, each once."""
    days = sorted({row.session: row.said for row in rows}.items())
    named = "; ".join(f"{day}: {said}" for day, said in days[:most])
    return [f"{KINDS['calendar']}: {named}" + (f"; and {len(days) - most} more days" if len(days) > most else "")] if days else []


def _named(row: Finding) -> str:
    return f"{row.symbol} {row.session or 'in all sessions'}: {KINDS[row.kind]}: {row.said}"


def _counted(rows: Sequence[Finding]) -> str:
    counts = {kind: sum(row.kind == kind for row in rows) for kind in KINDS}
    return ", ".join(f"{KINDS[kind]} {count}" for kind, count in counts.items() if count)


def findings_of(bars: Bars, sessions: Sessions, limits: Limits | None = None) -> Findings:
    """Everything odd in some bars, each symbol against its own sessions.

    Parameters
    ----------
    bars : Bars
        Those outside the sessions too, so that days without a session are seen.
    sessions : Sessions
        As `exec_algos.market.hours.sessions_of` gives them; "from the bars" they say nothing of holidays.
    limits : Limits, optional

    Returns
    -------
    Findings
        The same whatever order the symbols were read in.

    Examples
    --------
    >>> from exec_algos.market.hours import sessions_of
    >>> from exec_algos.market.samples import load_samples
    >>> bars = load_samples()["XKRX"]
    >>> [fact.sessions for fact in findings_of(bars, sessions_of(bars, "XKRX")).facts][:2]
    [60, 60]
    """
    limits = limits or Limits()
    rows: dict[str, list[Finding]] = {}
    hours: dict[str, Hours] = {}
    facts: list[SymbolFacts] = []
    copies = Copies()
    for symbol in bars.symbols:
        days = Days(bars, symbol, sessions)
        rows[symbol] = [*_in_order(_found(days, limits)), *copies.of(symbol, mark_of(days))]
        hours[symbol] = hours_of(days)
        facts.append(SymbolFacts(symbol, len(days), int(days.missing.sum()), int(days.without_volume.sum())))
    for row in contradictions(hours, sessions):  # that the symbol's hours are others on that day is said by it
        own = [other for other in rows[row.symbol] if (other.session, other.kind) != (row.session, "hours")]
        rows[row.symbol] = _in_order([*own, row])
    return Findings(tuple(chain.from_iterable(rows.values())), tuple(facts), limits)


def _in_order(rows: Iterable[Finding]) -> list[Finding]:
    return sorted(rows, key=lambda row: (row.session, list(KINDS).index(row.kind)))


def _found(days: Days, limits: Limits) -> Iterator[Finding]:
    steps = steps_of(days, limits)
    yield from finders.splits(days, steps)
    yield from finders.prices(days, steps, limits)
    yield from finders.volumes(days, steps, limits)
    yield from finders.shares_of_bars(days, limits)
    yield from finders.sparse(days, limits)
    yield from finders.counters(days)
    yield from finders.labels(days)
    yield from finders.edges(days, limits)
    yield from finders.hours(days, limits)
    yield from finders.calendar_days(days)
    yield from finders.stale(days, limits)
    yield from finders.repeated(days)
