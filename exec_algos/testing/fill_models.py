"""`check_fill_model`: whether a fill model keeps the contract of fills, on random markets and in both drivers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.algorithms import TWAP
from exec_algos.errors import ConformanceError, UsageError
from exec_algos.fills import FillModel, bar_budget
from exec_algos.market.bars import Bars
from exec_algos.model import NO_RULES, Rules, Side
from exec_algos.studies import ParentOrders, SlippageStudy
from exec_algos.testing.cases import STEP, SYMBOLS, last_hours, random_bars
from exec_algos.testing.findings import Findings

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.calendars import Sessions

MARKETS = 3
DAYS = 4
LIMIT = 50.0  # near the middle of the random bars
RULES = (NO_RULES, Rules(limit_price=LIMIT))  # market orders, and limit orders
NEARLY = 1e-9


class FillConformance(NamedTuple):
    """What was tried of a fill model that passed.

    Attributes
    ----------
    model : FillModel
    markets, fills : int
        Random markets, and single trades that were looked at.
    drivers : tuple of str
        ``("engine", "batch")``, or ``("engine",)`` where the compiled loop refuses the model.
    refused : str
        Why it does; empty otherwise.
    """

    model: FillModel
    markets: int
    fills: int
    drivers: tuple[str, ...]
    refused: str = ""


def check_fill_model(model: FillModel, *, seed: int = 0) -> FillConformance:
    """Try a fill model on random markets, and say all that is wrong with it.

    Market and limit orders, buys and sells, are executed by TWAP in markets with gaps, silent bars and a half day. Looked for: fills that
    differ between engine and compiled loop, between two runs, or with the other symbols of the market; fills that change when only later
    bars do; fills without volume, beyond the budget of a bar, or at a price that is none; a rule price outside the bar's range before
    spread and impact; parts that do not sum to the price; a spread or an impact that pays the order; a limit that is broken; taxes above
    the commission that holds them.

    Parameters
    ----------
    model : FillModel
        With a price rule, spread, impact, limit rule or fees of your own, or a subclass.
    seed : int
        Of the first market, not negative.

    Returns
    -------
    FillConformance
        What was tried.

    Raises
    ------
    ConformanceError
        Something is wrong; the message lists every kind of finding with an example and the seed of its market.
    UsageError
        `model` is no fill model.

    Examples
    --------
    >>> from exec_algos import FillModel
    >>> from exec_algos.testing import check_fill_model
    >>> check_fill_model(FillModel(max_participation=0.1)).drivers
    ('engine', 'batch')
    """
    if not isinstance(model, FillModel):
        raise UsageError(f"give a fill model such as FillModel(price='close'), got {model!r}")
    check = _FillCheck(model, last_hours(DAYS))
    for number in range(MARKETS):
        check.market(seed + number)
    if check.findings.found:
        raise ConformanceError(f"{type(model).__name__}", check.findings.lines())
    drivers = ("engine",) if check.refused else ("engine", "batch")
    return FillConformance(model, MARKETS, check.fills, drivers, check.refused)


class _FillCheck:
    """The state of one check: what was found, and how much was looked at."""

    def __init__(self, model: FillModel, hours: Sessions) -> None:
        self.model, self.hours, self.findings = model, hours, Findings()
        self.fills, self.refused = 0, ""

    def market(self, seed: int) -> None:
        """Everything on one random market; what is wrong with single fills first."""
        both = {symbol: random_bars(symbol, seed, self.hours) for symbol in SYMBOLS}
        bars, where = Bars.concat(both.values()), f"seed {seed}"
        for rules in RULES:
            engine = self._run(bars, rules, "engine")
            self.fills += len(engine)
            for kind, said in faults_of(engine, bars, self.model, rules):
                self.findings.add(kind, f"{said}, {where}")
            self._same("differs between two runs", engine, self._run(bars, rules, "engine"), where)
            alone = self._run(both[SYMBOLS[0]], rules, "engine")
            self._same("depends on other symbols", engine[engine["symbol"] == SYMBOLS[0]], alone, where)
            self._unmoved(seed, rules, engine, where)
            self._compiled(bars, rules, engine, where)

    def _run(self, bars: Bars, rules: Rules, driver: Any) -> pd.DataFrame:
        grid: Any = {"size": ["10%adv", "150%adv"], "window": ["10:00-12:00", "09:30-13:00"], "profile_days": 1}
        parents = ParentOrders.grid(bars, calendar=self.hours.name, **grid)
        study = SlippageStudy(bars, parents, [TWAP(slice_interval_seconds=1800)], self.model, rules)
        return study.run(driver).fills.drop(columns=["parent_id"])

    def _same(self, kind: str, first: pd.DataFrame, second: pd.DataFrame, where: str) -> None:
        rows = [set(map(tuple, frame.astype(str).to_numpy().tolist())) for frame in (first, second)]
        odd = sorted(rows[0] ^ rows[1])
        if odd or len(first) != len(second):
            self.findings.add(
                kind, f"{len(first)} fills and {len(second)}; only in one: {' '.join(odd[0]) if odd else 'repeated'}, {where}"
            )

    def _unmoved(self, seed: int, rules: Rules, engine: pd.DataFrame, where: str) -> None:
        """Fills in bars that were over by `cut` are the same when every later bar is another one."""
        cut = int(self.hours.open[-1]) + 8 * STEP
        other = self._run(Bars.concat(random_bars(symbol, seed, self.hours, cut) for symbol in SYMBOLS), rules, "engine")
        first, second = (frame[begun(frame, self.model) + STEP <= cut] for frame in (engine, other))
        self._same("looks ahead", first, second, where)

    def _compiled(self, bars: Bars, rules: Rules, engine: pd.DataFrame, where: str) -> None:
        try:
            batch = self._run(bars, rules, "batch")
        except UsageError as error:
            self.refused = str(error)
            return
        self._same("engine and batch disagree", engine, batch, where)


def begun(fills: pd.DataFrame, model: FillModel) -> Any:
    """When the bar of each fill began, ns UTC."""
    return fills["timestamp"].astype("int64").to_numpy() - (0 if model.rule.at_start else STEP)


def faults_of(fills: pd.DataFrame, bars: Bars, model: FillModel, rules: Rules) -> Iterator[tuple[str, str]]:
    """What is wrong with single fills, each by kind and example.

    Parameters
    ----------
    fills : DataFrame
        Of a study of single shares under `rules`.
    bars : Bars
    model : FillModel
    rules : Rules
    """
    index = {(symbol, int(start)): row for symbol, start, row in _rows(bars)}
    rows: Any = fills.itertuples(index=False)
    for fill, start in zip(rows, begun(fills, model).tolist(), strict=True):
        at, shown = index.get((fill.symbol, start)), f"{fill.side} {fill.quantity:g} {fill.symbol} at {fill.price!r}, {fill.timestamp}"
        if at is None or not bars.volume[at] > 0:
            yield "no volume, no fill", shown
            continue
        for kind, wrong in _tests(fill, bars, at, model, rules).items():
            if wrong:
                yield kind, shown


def _rows(bars: Bars) -> Iterator[tuple[str, int, int]]:
    for symbol, first, last in zip(bars.symbols, bars.offsets[:-1], bars.offsets[1:], strict=True):
        yield from ((symbol, int(bars.start[row]), int(row)) for row in range(first, last))


def _tests(fill: Any, bars: Bars, at: int, model: FillModel, rules: Rules) -> dict[str, bool]:
    """What may be wrong with one fill, and whether it is."""
    side, slack, volume = int(Side.of(fill.side)), NEARLY * abs(fill.price), float(bars.volume[at])
    limit = np.nan if rules.limit_price is None else rules.limit_price
    budget = bar_budget(model.cap(None), volume)
    return {
        "a price that is none": not (np.isfinite(fill.price) and fill.price > 0),
        "more than the budget of its bar": fill.quantity > budget,
        "a rule price outside the bar": not bars.low[at] - slack <= fill.rule_price <= bars.high[at] + slack,
        "parts that do not sum": not abs(fill.rule_price + fill.spread + fill.impact - fill.price) <= slack,
        "a spread that pays the order": not side * fill.spread >= -slack,
        "an impact that pays the order": not side * fill.impact >= -slack,
        "a broken limit": side * (fill.price - limit) > slack,
        "taxes above the commission": fill.taxes > fill.commission + NEARLY,
    }
