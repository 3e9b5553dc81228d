"""The tables of the report, as text."""

from __future__ import annotations

import math
import re
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.quality.finders import KINDS
from exec_algos.reports.numbers import NONE, bps, count, interval, money, percent, ratio, spread
from exec_algos.reports.words import benchmark_window
from exec_algos.studies.design.reasons import split_plan
from exec_algos.studies.record.data import rows_of
from exec_algos.tca.clusters import counted_clusters
from exec_algos.tca.names import NAMES as BENCHMARKS
from exec_algos.tca.pairs import p_text
from exec_algos.tca.residuals import CAUSES
from exec_algos.tca.twins import SIGNED, Shown, shown_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from exec_algos.reports.subject import Subject
    from exec_algos.studies.result import StudyResult

SIDES = ("BUY", "SELL")
PAIRED = ("interval_vwap", "arrival")
_MOST_PAIRED = 4  # algorithms; of more, only the first is compared with each
_LEAST_FILLED = 10
_MOST_FINDINGS = 100
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class ReportTable(NamedTuple):
    """A table; the first `names` columns are words and so are the last `words`, the others numbers."""

    title: str
    note: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    names: int = 2
    words: int = 0

    def is_number(self, place: int) -> bool:
        """Whether a column holds numbers; the first is 0."""
        return self.names <= place < len(self.head) - self.words


def slippage(result: StudyResult) -> list[ReportTable]:
    """A table for each benchmark: a row for each algorithm and side, in bps, positive = cost."""
    return [_slippage(result, name) for name in BENCHMARKS]


def _slippage(result: StudyResult, benchmark: str) -> ReportTable:
    shown = shown_once(result.summary(benchmark, by=("algorithm", "side")), SIGNED)
    summary = shown.table
    head = (
        "algorithm", "side", "n", "mean", "median", "sd", "95 % interval of the mean", "notional-weighted mean",
        "fill rate", "participation",
    )  # fmt: skip
    rows = [(*key, *_line(summary.loc[key])) for key in _keys(result, summary.index)]
    days = counted_clusters(result.config, int(summary["days"].max()))
    note = f"{benchmark_window(result, benchmark)}; {days}{noted(shown)}"
    return ReportTable(f"Slippage against {BENCHMARKS[benchmark]}, bps", note, head, [_lower(row) for row in rows])


def _line(line: Any) -> tuple[str, ...]:
    return (
        count(line["n"]), bps(line["mean"]), bps(line["median"]), spread(line["sd"]), interval(line["low"], line["high"]),
        bps(line["notional_mean"]), percent(line["fill_rate"]), percent(line["participation"], 2),
    )  # fmt: skip


def _keys(result: StudyResult, index: Iterable[Any]) -> list[tuple[str, str]]:
    """Algorithms in the study's order, buys before sells."""
    known = set(index)
    return [(name, side) for name in result.config["algorithms"] for side in SIDES if (name, side) in known]


def noted(shown: Shown) -> str:
    """What a table's note says where sells are not shown."""
    return f"; {shown.note}" if shown.once else ""


def _lower(row: tuple[str, ...]) -> tuple[str, ...]:
    return row[0], row[1].lower(), *row[2:]


def pairs(result: StudyResult) -> ReportTable | None:
    """Differences between algorithms on the same parent orders; None with one algorithm."""
    names = result.config["algorithms"]
    chosen = list(combinations(names, 2)) if len(names) <= _MOST_PAIRED else [(names[0], other) for other in names[1:]]
    if not chosen:
        return None
    shown = shown_once(result.summary(by=("algorithm", "side")), SIGNED)
    sides = [side for side in SIDES if side in shown.table.index.get_level_values("side")]
    tests = {(benchmark, side): _holm(result.comparison(benchmark, side=side)) for benchmark in PAIRED for side in sides}
    rows = [
        (
            f"{first} - {second}", side.lower(), BENCHMARKS[benchmark], *_pair(result.compare(first, second, benchmark, side=side)),
            tests[benchmark, side].get((first, second), NONE),
        )
        for first, second in chosen
        for benchmark in PAIRED
        for side in sides
    ]  # fmt: skip
    several = f"; p allows for the {math.comb(len(names), 2)} pairs of a benchmark and side (Holm)" if len(names) > 2 else ""
    note = "slippage of the first less that of the second on each parent order, bps: below 0 the first was cheaper" + several + noted(shown)
    head = ("difference", "side", "slippage against", "n", "mean", "95 % interval", "days", "p")
    return ReportTable("The algorithms compared on the same parent orders", note, head, rows, names=3)


def _holm(table: pd.DataFrame) -> dict[tuple[str, str], str]:
    """P of each pair, for as many pairs as there are."""
    rows = table.to_dict("records")
    return {(str(row["first"]), str(row["second"])): p_text(row["p_holm"]).removeprefix("p ") for row in rows}


def _pair(difference: Any) -> tuple[str, ...]:
    return count(difference.n), bps(difference.mean), interval(difference.low, difference.high), count(difference.clusters)


def filled(subject: Subject) -> ReportTable:
    """What was ordered, filled and left, in shares, and the commission in each currency."""
    groups = dict(list(subject.result.parents.groupby(["algorithm", "side"])))
    rows = [_lower((*key, *_filled(subject, groups[key]))) for key in _keys(subject.result, groups)]
    head = (
        "algorithm", "side", "orders", "ordered, shares", "filled, shares", "residual, shares", "residual, %",
        "orders with a residual", "commission", "commission, bps of notional",
    )  # fmt: skip
    note = "the residual was cancelled at the end of the window: no price, and so no slippage, is charged for it"
    return ReportTable("By algorithm and side", note, head, rows)


def _filled(subject: Subject, own: pd.DataFrame) -> tuple[str, ...]:
    ordered, got, left = (float(own[name].sum()) for name in ("quantity", "filled", "residual"))
    fees, traded = subject.fees(own), subject.traded(own)
    # what was paid in one currency is no part of what was traded in another
    part = [1e4 * ratio(paid, traded[code]) for code, paid in fees.items()] if len(fees) == 1 else [math.nan]
    return (
        count(len(own)), count(ordered), count(got), count(left), percent(ratio(left, ordered)), count((own["residual"] > 0).sum()),
        money(fees) or "in several units of price", spread(part[0]),
    )  # fmt: skip


def unfilled(result: StudyResult) -> ReportTable | None:
    """Why some was not filled, in shares; None where all was, or where the single fills were not kept."""
    if not (result.parents["residual"] > 0).any() or not result.is_analysed():
        return None
    try:
        table = result.residuals()
    except UsageError:  # of shards without single fills; "Not in this report" says why
        return None
    sums = {key: row.to_dict() for key, row in table.iterrows()}
    parts = {key: [percent(ratio(row[name], row["residual"])) for name in CAUSES] for key, row in sums.items()}
    rows = [_lower((*key, count(sums[key]["residual"]), *parts[key])) for key in _keys(result, table.index)]
    note = "the minutes since an order last got all it asked for, by what bound it there; end of window: it did not ask for more in time"
    return ReportTable("Why not all was filled", note, ("algorithm", "side", "residual, shares", *CAUSES), rows)


def least_filled(result: StudyResult) -> ReportTable | None:
    """The symbols with the largest residuals; None where every order was filled."""
    sums = result.parents.groupby(["symbol", "algorithm"])[["quantity", "residual"]].sum()
    sums["share"] = sums["residual"] / sums["quantity"]
    worst = sums[sums["residual"] > 0].sort_values("share", ascending=False, kind="stable")[:_LEAST_FILLED]
    if not len(worst):
        return None
    rows = [(*key, count(row["quantity"]), count(row["residual"]), percent(row["share"])) for key, row in worst.iterrows()]  # type: ignore[misc]
    head = ("symbol", "algorithm", "ordered, shares", "residual, shares", "residual, %")
    return ReportTable("Where the residual is", f"the largest, by symbol and algorithm; at most {_LEAST_FILLED} are shown", head, rows)


def skipped(result: StudyResult) -> ReportTable | None:
    """Symbols and sessions left out, by reason; None where nothing was.

    Reasons that differ only in numbers, or in the window and size of a grid of several, are one.
    """
    plans, reasons = np.array([split_plan(reason) for reason in result.skipped["reason"]], dtype=object).reshape(-1, 2).T
    table = result.skipped.assign(plan=plans, reason=reasons)
    kinds: dict[tuple[str, ...], list[int]] = {}
    for i, reason in enumerate(reasons):
        kinds.setdefault(tuple(_NUMBER.split(reason)), []).append(i)
    if not kinds:
        return None
    rows = [_skipped(words, table.iloc[rows]) for words, rows in kinds.items()]
    head = ("reason", "sessions", "symbols and sessions", "symbols")
    return ReportTable("Left out, and why", "no parent order was made, or none could be worked by every algorithm", head, rows)


def findings(result: StudyResult) -> ReportTable | None:
    """What is odd in the bars; None where nothing is."""
    rows = sorted(rows_of(result.findings), key=lambda row: list(KINDS).index(row.kind))
    if not rows:
        return None
    table: list[tuple[str, ...]] = [(KINDS[row.kind], row.symbol, row.session or "all", row.said) for row in rows[:_MOST_FINDINGS]]
    note = "each session against the symbol's others, those around it and the calendar"
    more = f"; {_MOST_FINDINGS} of {len(rows)} are shown, findings.csv has all" if len(rows) > _MOST_FINDINGS else ""
    return ReportTable("By kind, symbol and session", note + more, ("finding", "symbol", "session", "what"), table, names=4)


def _skipped(words: tuple[str, ...], rows: pd.DataFrame) -> tuple[str, ...]:
    days = sorted(rows["session"].astype(str))
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    plans = rows["plan"].nunique()
    several = f", in {plans} windows and sizes" if plans > 1 else rows["plan"].iloc[0] and f", in {rows['plan'].iloc[0].removesuffix(': ')}"
    pairs = len(rows[["symbol", "session"]].drop_duplicates())
    return f"{_with_ranges(words, rows['reason'])}{several}", when, count(pairs), count(rows["symbol"].nunique())


def _with_ranges(words: Sequence[str], reasons: Iterable[str]) -> str:
    """Reasons of the same words as one, with the range of each number between them."""
    columns = zip(*map(_NUMBER.findall, reasons), strict=True)
    return "".join(np.column_stack([words, [*map(_range, columns), ""]]).ravel())


def _range(numbers: tuple[str, ...]) -> str:
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if low == high else f"{low}-{high}"
