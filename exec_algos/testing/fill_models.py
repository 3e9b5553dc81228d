"""`check_fill_model`: whether a fill model keeps the contract of fills, on random markets and in both drivers.

Each market is tried in two ways. TWAP works parent orders that are alone in it, by the event-driven replay and by the compiled loop. And a
crowd of orders shares the volume of its bars in one replay, which is repeated in the ways that must not matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exec_algos.algorithms import TWAP
from exec_algos.errors import ConformanceError, UsageError
from exec_algos.fills import FillModel
from exec_algos.market.bars import Bars
from exec_algos.model import NO_RULES, Rules, Side
from exec_algos.model.window import shown
from exec_algos.studies import ParentOrders, SlippageStudy
from exec_algos.testing.cases import STEP, SYMBOLS, last_hours, quoted_bars
from exec_algos.testing.crowd import Crowd
from exec_algos.testing.findings import Findings
from exec_algos.testing.trades import ADVICE, NEARLY, Ordered, Traded, faults_of

if TYPE_CHECKING:
    from exec_algos.market.calendars import Sessions
    from exec_algos.studies.study import Driver

MARKETS = 3
DAYS = 4
LIMIT = 50.0  # near the middle of the random bars
KINDS = ((NO_RULES, 1.0), (Rules(limit_price=LIMIT), 0.1))  # market orders of shares, limit orders of parts of shares
CAP = 0.1
CUTS = (2, 3, 5, 7)  # bars of the session


class FillConformance(NamedTuple):
    """What was tried of a fill model that passed.

    Attributes
    ----------
    model : FillModel
    markets, orders, fills : int
        Random markets, orders that were worked in them, and single trades that were looked at.
    drivers : tuple of str
        ``("engine", "batch")``, or ``("engine",)`` where the compiled loop refuses the model.
    refused : str
        Why it does; empty otherwise.
    """

    model: FillModel
    markets: int
    orders: int
    fills: int
    drivers: tuple[str, ...]
    refused: str = ""


def check_fill_model(model: FillModel, *, seed: int = 0) -> FillConformance:
    """Try a fill model on random markets, and say all that is wrong with it.

    Market and limit orders, buys and sells, with a cap and without one, are worked in markets with halts, silent bars, gaps, a half day,
    prices on and off the tick, lots of a share and of parts of one. Looked for: fills that differ between engine and compiled loop,
    between two runs, with the order of the symbols, with the other symbols of the market; fills that change when only later bars do; a
    spread that looks into its own bar; fills without volume, at a price that is none, or beyond the budget of a bar, of all its orders
    together; a rule price outside the bar's range before spread and impact; parts that do not sum to the price; a spread or an impact
    that pays the order; a limit that is broken; taxes above the commission that holds them; no fill at all.

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
        `model` is no fill model, or one that these markets cannot ask, such as an impact of other symbols than A and B.

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
    if not check.fills:
        check.findings.add("nothing fills", f"not one of {check.orders} orders; give a model under which they trade")
    if check.findings.found:
        raise ConformanceError(type(model).__name__, check.findings.lines())
    drivers = ("engine",) if check.refused else ("engine", "batch")
    return FillConformance(model, MARKETS, check.orders, check.fills, drivers, check.refused)


class _FillCheck:
    """The state of one check: what was found, and how much was looked at."""

    def __init__(self, model: FillModel, hours: Sessions) -> None:
        self.model, self.hours, self.findings = model, hours, Findings()
        self.orders = self.fills = 0
        self.refused = ""

    def market(self, seed: int) -> None:
        """Everything on one random market; what is wrong with single trades first."""
        bars = Bars.concat(quoted_bars(symbol, seed, self.hours) for symbol in SYMBOLS)
        for kind, said in (*outside(bars, self.model), *ahead(bars, self.model)):
            self.findings.add(kind, f"{said} [seed {seed}]")
        self._crowded(Crowd(self.model, seed, self.hours), bars)
        for rules, lot in KINDS:
            self._worked(rules, lot, bars, seed)
        other = _other_cap(self.model)
        if other is not None:
            self._driven(self._study(other, *KINDS[0], bars), seed)

    def _looked(self, orders: int, trades: Sequence[Traded], bars: Bars, seed: int) -> None:
        self.orders += orders
        self.fills += len(trades)
        for kind, said in faults_of(trades, bars, self.model):
            self.findings.add(kind, f"{said}; {ADVICE[kind]} [seed {seed}]")

    def _crowded(self, crowd: Crowd, bars: Bars) -> None:
        trades, seed = crowd.trades(), crowd.seed
        self._looked(len(crowd.orders()), trades, bars, seed)
        if not self._same("differs between two runs", "keep no state and draw nothing", trades, crowd.trades(), seed):
            return  # what changes by itself tells nothing of what changes it
        turned = crowd._replace(symbols=SYMBOLS[::-1]).trades()
        self._same("depends on the order of symbols", "price each symbol from its own bars", trades, turned, seed)
        own, alone = [trade for trade in trades if trade.order.symbol == SYMBOLS[0]], crowd._replace(symbols=SYMBOLS[:1]).trades()
        self._same("depends on other symbols", "price each symbol from its own bars", own, alone, seed)
        for cut in (crowd.open + bar * STEP for bar in CUTS):
            known, again = ([trade for trade in some if trade.start + STEP <= cut] for some in (trades, crowd._replace(cut=cut).trades()))
            advice = f"price what is over by {shown(cut, self.hours.zone)} without the bars that come after it"
            if not self._same("looks ahead", advice, known, again, seed):
                break

    def _worked(self, rules: Rules, lot: float, bars: Bars, seed: int) -> None:
        study = self._study(self.model, rules, lot, bars)
        self._looked(len(study.parents), self._driven(study, seed), bars, seed)

    def _study(self, model: FillModel, rules: Rules, lot: float, bars: Bars) -> SlippageStudy:
        parents = ParentOrders.grid(
            bars, calendar=self.hours.name, sides=(Side.BUY, Side.SELL), size=["10%adv", "150%adv"], window=["10:00-12:00", "09:30-13:00"],
            profile_days=1, lot_size=lot,
        )  # fmt: skip
        return SlippageStudy(bars, parents, [TWAP(slice_interval_seconds=1800)], model, rules)

    def _driven(self, study: SlippageStudy, seed: int) -> list[Traded]:
        """The trades of the engine, which are to be those of the compiled loop."""
        engine = _trades(study, "engine")
        if not self.refused:
            try:
                batch = _trades(study, "batch")
            except UsageError as error:
                self.refused = str(error)
            else:
                self._same("engine and batch disagree", "compute every price from the bars alone, row by row", engine, batch, seed)
        return engine

    def _same(self, kind: str, advice: str, mine: Sequence[Traded], others: Sequence[Traded], seed: int) -> bool:
        """Whether two runs gave the same trades, to the last bit."""
        texts = {repr(trade): trade for trade in (*mine, *others)}  # a NaN is not itself, its text is
        rows = [Counter(map(repr, trades)) for trades in (mine, others)]
        odd = [next(iter(some), "") for some in (rows[0] - rows[1], rows[1] - rows[0])]
        if any(odd):
            first, second = (texts[text].said(self.hours.zone) if text else "none" for text in odd)
            self.findings.add(kind, f"{first}, and then {second}; {advice} [seed {seed}]")
        return not any(odd)


def _other_cap(model: FillModel) -> FillModel | None:
    """The model without its cap, or with one; None where it cannot be had."""
    try:
        return replace(model, max_participation=CAP if model.max_participation is None else None)
    except (UsageError, TypeError):  # a fraction of a cap needs one; a subclass may be built in a way of its own
        return None


def _trades(study: SlippageStudy, driver: Driver) -> list[Traded]:
    """The trades of a study, each of whose orders is a world of its own."""
    parents, model, limit = study.parents, study.fill_model, study.rules.limit_price
    lot, asked = parents.lot_size, float("nan") if limit is None else limit
    table = np.column_stack([parents.start, parents.symbol, parents.side, parents.lots]).tolist()
    orders = [Ordered(n, n, time, parents.symbols[i], side, lots * lot, lot, asked) for n, (time, i, side, lots) in enumerate(table)]
    fills = study.run(driver).fills
    starts = fills["timestamp"].astype("int64") - (0 if model is None or model.rule.at_start else STEP)
    columns = [fills[name] for name in ("quantity", "price", "commission", "taxes", "rule_price", "spread", "impact")]
    rows = zip(fills["parent_id"], starts, *columns, strict=True)
    return [Traded(orders[parent], int(start), *map(float, numbers)) for parent, start, *numbers in rows]


def outside(bars: Bars, model: FillModel) -> Iterator[tuple[str, str]]:
    """Rule prices that lie outside their bar, whether or not an order meets it."""
    kind = "a rule price outside the bar"
    for side in (1, -1):
        prices = model.rule_prices(bars, side)
        slack = NEARLY * bars.high
        wrong = np.flatnonzero((bars.volume > 0) & ((prices < bars.low - slack) | (prices > bars.high + slack)))
        if len(wrong):
            row = int(wrong[0])
            said = f"{Side(side).name} at {prices[row]:.10g} in [{bars.low[row]:.10g}, {bars.high[row]:.10g}], bar of"
            yield kind, f"{said} {shown(int(bars.start[row]), bars.zone)}; {ADVICE[kind]}"


def ahead(bars: Bars, model: FillModel) -> Iterator[tuple[str, str]]:
    """Spreads of a bar that change when nothing changes but what comes after its open."""
    if model.spread is None:
        return
    for symbol in bars.symbols:
        own = bars.select([symbol])
        for row in range(len(own) // 2, len(own), 7):
            last, kept = np.arange(row + 1) == row, own.take(np.arange(len(own)) <= row)
            ends = {"high": 1.02, "low": 0.98, "close": 0.99, "volume": 3.0}
            other = replace(kept, **{name: np.where(last, getattr(kept, name) * by, getattr(kept, name)) for name, by in ends.items()})
            usual, changed = (float(np.broadcast_to(model.spread.half(some), len(some))[row]) for some in (own, other))
            if repr(usual) != repr(changed):
                said = f"half of {symbol} is {usual:.6g} and, with another end of the bar, {changed:.6g}; bar of"
                advice = "read the open, quotes from before and earlier bars"
                yield "a spread that looks ahead", f"{said} {shown(int(own.start[row]), own.zone)}; {advice}"
                return
