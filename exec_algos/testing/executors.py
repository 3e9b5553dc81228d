"""`check_executor`: an algorithm, a decide function or an executor on random markets.

The markets are small and made of a seed: quarter-hour bars of sessions of the New York calendar, one of them a half day, with halts, silent
bars and gaps in the price. Every trial is carried by the event-driven backtest; what is sent is written down and judged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numba import njit

from exec_algos.algorithms import Algorithm
from exec_algos.checks import Floats
from exec_algos.compiling import compilable, fingerprint
from exec_algos.errors import ConformanceError, UsageError
from exec_algos.executors import OrderExecutor
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.executors.options import taken_by
from exec_algos.market.bars import QUOTES, Bars
from exec_algos.market.calendars import Sessions
from exec_algos.model import NO_RULES, Decision, Fill, Rules, Seen, Side, Terms
from exec_algos.model.window import shown
from exec_algos.studies.design.parents import ParentOrders
from exec_algos.studies.study import SlippageStudy
from exec_algos.testing.cases import CAPPED, LATE, MODELS, SIZES, STEP, SYMBOLS, Case, last_hours, random_bars
from exec_algos.testing.findings import Findings, faults_of
from exec_algos.testing.trial import Note, Noting, Told, Work, difference, trial

if TYPE_CHECKING:
    import pandas as pd

TRIALS = 6
HISTORY, LONG_HISTORY = 6, 20  # sessions before; nobody knows how many an executor asks for
STUDIES = ((CAPPED, "extend"), (LATE, "cancel"))
HIGH = 1e4  # a limit price out of the way, for algorithms that need one

Decide = Callable[[Terms, Seen, Any], Decision]


class Conformance(NamedTuple):
    """What a check that found nothing has seen.

    Attributes
    ----------
    orders, children : int
        Parent orders that were worked, and child orders that were sent for them.
    filled : float
        The fraction of what was ordered that traded.
    """

    orders: int
    children: int
    filled: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given(Algorithm):
    """A bare `decide`, along a curve of elapsed time."""

    function: Decide
    given: tuple[Any, ...]

    name: ClassVar[str] = "decide"
    watches: ClassVar[bool] = True

    @property
    def decide(self) -> Decide:
        return self.function

    def weights(self, profile: Floats) -> Floats:
        return np.ones_like(profile)

    def params(self) -> tuple[Any, ...]:
        return self.given

    def __str__(self) -> str:
        return f"decide {self.function.__qualname__}"


class _Subject(NamedTuple):
    """What is checked: its name, how it works an order, what of an order's terms it takes, and quotes that it says it does not read."""

    name: str
    work: Work
    sides: tuple[Side, ...] = (Side.BUY, Side.SELL)
    whole: tuple[bool, bool] = (False, False)
    unread: tuple[str, ...] = ()


class _Check:
    """All checks of one subject."""

    def __init__(self, subject: _Subject, hours: Sessions, seed: int) -> None:
        self.work, self.unread, self.findings = subject.work, subject.unread, Findings()
        self.cases = [
            Case(seed + k, SIZES[(k + k // 3) % 3], subject.sides[k // 2 % len(subject.sides)], MODELS[k % 3], hours, subject.whole)
            for k in range(TRIALS)
        ]
        self.ordered = self.children = 0
        self.filled = 0.0

    def run(self) -> None:
        """Try every case, then each in the ways that must not matter."""
        tried = [(case, trial(self.work, case)) for case in self.cases]
        for case, report in tried:
            for symbol, reported in report.items():
                self.ordered += case.size
                self.children += len(reported.notes)
                self.filled += sum(fill.quantity for fill in reported.fills)
                for kind, said in faults_of(reported, case):
                    self.findings.add(kind, f"{said} [{case.said(symbol)}]")
        if not self.children:
            orders = len(self.cases) * len(SYMBOLS)
            self.findings.add("sends nothing", f"not one child in {orders} orders; give terms under which it trades")
        same = [self._compare("not deterministic", "in two runs on one market", report, case) for case, report in tried]
        if all(same):  # what changes by itself tells nothing of what changes it
            for case, report in tried:
                self._unmoved(case, report)
            self._undeclared(tried[::2])  # buys and sells, each third of the models

    def _unmoved(self, case: Case, report: dict[str, Told]) -> None:
        """What may not change what is sent: the order of the symbols, the bars to come."""
        self._compare("depends on the order of symbols", "with symbols the other way round", report, case._replace(symbols=SYMBOLS[::-1]))
        start, _ = case.window
        for t in (start, start + 3 * STEP, start + 6 * STEP):
            said = f"with other bars after {shown(t, case.hours.zone)}"
            if not self._compare("looks ahead", said, report, case._replace(cut=t), t):
                break

    def _undeclared(self, tried: Sequence[tuple[Case, dict[str, Told]]]) -> None:
        """Whether other quotes, of which it says that it does not read them, change what is sent."""
        for case, report in tried if self.unread else ():
            if self._sends(case._replace(moved=self.unread)) != _sent(report):
                found = [name for name in self.unread if self._sends(case._replace(moved=(name,))) != _sent(report)] or self.unread
                reads = tuple(name for name in QUOTES if name in found or name not in self.unread)
                said = f"{', '.join(found)}, and does not declare them: set reads = {reads!r}"
                self.findings.add("reads quotes", f"{said} [{case.said(SYMBOLS[0])}]")
                return

    def _sends(self, case: Case) -> list[list[Note]]:
        return _sent(trial(self.work, case))

    def _compare(self, kind: str, said: str, report: dict[str, Told], case: Case, until: int = 1 << 62) -> bool:
        """Whether another trial sends the same up to an instant."""
        other = trial(self.work, case)
        for symbol in SYMBOLS:
            mine, its = ([note for note in run[symbol].notes if note.time <= until] for run in (report, other))
            if mine != its:
                self.findings.add(kind, f"{said} {difference(mine, its, case.hours.zone)} [{case.said(symbol)}]")
                return False
        return True

    def alone(self) -> None:
        """The same under asyncio, on a broker of its own."""
        case = self.cases[0]
        report = trial(self.work, case._replace(symbols=SYMBOLS[:1]))[SYMBOLS[0]]
        broker = Noting(case.bars(SYMBOLS[0]), fill_model=case.model, calendar=case.hours.name, start=case.open)
        with ThreadPoolExecutor(1) as pool:  # the caller may be inside a loop of asyncio, as in a notebook
            ended = pool.submit(lambda: asyncio.run(self.work(broker, SYMBOLS[0], case)))
        if ended.exception() is not None:
            self.findings.add("differs under asyncio", f"raises {ended.exception()!r} [{case.said(SYMBOLS[0])}]")
        elif broker.notes != report.notes:
            said = difference(report.notes, broker.notes, case.hours.zone)
            self.findings.add("differs under asyncio", f"{said} [{case.said(SYMBOLS[0])}]")


def _sent(report: Mapping[str, Told]) -> list[list[Note]]:
    return [report[symbol].notes for symbol in SYMBOLS]


def _known(algorithm: Algorithm, findings: Findings) -> None:
    """What it declares to read are quotes."""
    reads: Any = algorithm.reads
    if not isinstance(reads, tuple) or set(reads) - set(QUOTES):
        findings.add("declares quotes", f"reads is {reads!r}; set it to a tuple of any of {', '.join(QUOTES)}")


def _compiles(algorithm: Algorithm, findings: Findings) -> bool:
    """Whether numba takes its decide."""
    decide = algorithm.decide
    if not isinstance(decide, FunctionType):
        findings.add("decide does not compile", f"it is {decide!r:.80}; write it as a plain function at module level")
        return False
    try:
        fingerprint(decide)
        compiled: Any = njit(compilable(decide))
        compiled(Terms(1, 100, 8), Seen(2, 0.5, 10, 5), algorithm.params())
    except Exception as error:
        findings.add("decide does not compile", f"{type(error).__name__}: {_first_lines(error)}")
    return "decide does not compile" not in findings.found


def _studied(algorithm: Algorithm, hours: Sessions, seed: int, findings: Findings) -> None:
    """The compiled loop gives the fills of the engine."""
    bars = Bars.concat([random_bars(symbol, seed, hours) for symbol in SYMBOLS])
    parents = ParentOrders.grid(bars, calendar=hours.name, sides=(Side.BUY, Side.SELL), size="20%adv", window="10:00-12:00", profile_days=1)
    for model, policy in STUDIES:
        rules = replace(_rules(algorithm), residual=policy)
        engine, batch = (SlippageStudy(bars, parents, [algorithm], model, rules).run(driver).fills for driver in ("engine", "batch"))
        if not batch.equals(engine):
            findings.add("engine and batch disagree", f"{_apart(engine, batch)}; keep to int64, float64 and what `decide` is given")
            return


def _apart(engine: pd.DataFrame, batch: pd.DataFrame) -> str:
    """The first row that only one of two frames of fills has."""
    columns = ["timestamp", "side", "symbol", "quantity", "price", "commission"]
    rows = [set(map(tuple, frame[columns].astype(str).to_numpy().tolist())) for frame in (engine, batch)]
    only = [f"only in {name} {' '.join(min(some))}" for name, some in (("engine", rows[0] - rows[1]), ("batch", rows[1] - rows[0])) if some]
    return f"{len(engine)} fills and {len(batch)}; {', '.join(only)}"


def _first_lines(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "nopython mode pipeline" not in line]
    return " ".join(lines[:2])[:400]


def _rules(algorithm: Algorithm) -> Rules:
    return Rules(limit_price=HIGH) if algorithm.needs_limit else NO_RULES


def _of_algorithm(algorithm: Algorithm) -> _Subject:
    async def work(broker: Noting, symbol: str, case: Case) -> list[Fill]:
        start, end = case.window
        executor = AlgorithmExecutor(broker)
        return await executor.execute(symbol, case.size, algorithm, start=start, end=end, side=case.side, rules=_rules(algorithm))

    unread = tuple(name for name in QUOTES if name not in algorithm.reads) if algorithm.watches else ()  # else it is given none
    return _Subject(str(algorithm), work, (Side.BUY,) if algorithm.needs_limit else (Side.BUY, Side.SELL), unread=unread)


def _of_executor(kind: type[OrderExecutor], options: Mapping[str, Any]) -> _Subject:
    parameters = taken_by(kind.execute)
    needed = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    asked = {parameter.name for parameter in parameters} & {"side", "start", "end"} - options.keys()
    missing = [name for name in needed if name not in asked | options.keys()]
    if missing:
        raise UsageError(f"{kind.__name__}.execute needs {', '.join(missing)}: give options={{{missing[0]!r}: ...}}")

    async def work(broker: Noting, symbol: str, case: Case) -> Any:
        terms = {"side": case.side, "start": case.window[0], "end": case.window[1]}
        return await kind(broker).execute(symbol, case.size, **{name: terms[name] for name in asked}, **options)

    sides = (Side.BUY, Side.SELL) if "side" in asked else (Side.of(options.get("side", Side.BUY)),)
    return _Subject(kind.__name__, work, sides, ("start" not in asked, "end" not in asked))


def check_executor(
    subject: Algorithm | Decide | type[OrderExecutor],
    *,
    params: tuple[Any, ...] = (),
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Conformance:
    """Try an algorithm or an executor on random markets, and say all that is wrong with it.

    Looked for: more filled than ordered; children before the start, after the end, on the wrong side, of negative or fractional
    quantity; decisions that change when only later bars do, or the order of symbols, or nothing at all; awaiting what is foreign to a
    replay; fills returned that are not its own; another result under asyncio; and of an algorithm or a `decide`: quotes that it reads and
    does not declare in `Algorithm.reads`; that the compiled loop takes it and gives the same fills.

    Parameters
    ----------
    subject : Algorithm, function or subclass of OrderExecutor
        A value such as ``TWAP()``; a function ``decide(terms, seen, params)``, which then follows elapsed time and watches the market; or a
        class whose ``execute(ticker, total_quantity, ...)`` is called with what it takes of ``side, start, end`` (ns UTC).
    params : tuple
        What a bare `decide` gets as its third argument.
    options : mapping, optional
        More keywords for ``execute``.
    seed : int
        Of the first market, not negative.

    Returns
    -------
    Conformance
        What was tried.

    Raises
    ------
    ConformanceError
        Something is wrong; the message lists every kind of finding with an example and the seed of its market.
    UsageError
        `subject` is none of these, or ``execute`` needs keywords that are not in `options`.

    Examples
    --------
    >>> from exec_algos import TWAP
    >>> from exec_algos.testing import check_executor
    >>> check_executor(TWAP(slice_interval_seconds=1800)).orders
    12
    """
    if isinstance(subject, FunctionType):
        subject = _Given(function=subject, given=params)
    if isinstance(subject, Algorithm):
        checked, days = _of_algorithm(subject), subject.history_days
    elif isinstance(subject, type) and issubclass(subject, OrderExecutor):
        checked, days = _of_executor(subject, options or {}), LONG_HISTORY
    else:
        raise UsageError(f"give an algorithm such as TWAP(), a function decide, or a subclass of OrderExecutor; got {subject!r}")
    hours = last_hours(max(days, HISTORY) + 2)
    check = _Check(checked, hours, seed)
    if isinstance(subject, Algorithm):
        _known(subject, check.findings)
    check.run()
    if isinstance(subject, Algorithm) and _compiles(subject, check.findings) and not check.findings.found:
        _studied(subject, hours, seed, check.findings)
    if not check.findings.found:
        check.alone()
    if check.findings.found:
        raise ConformanceError(checked.name, check.findings.lines())
    return Conformance(len(check.cases) * len(SYMBOLS), check.children, check.filled / check.ordered)
