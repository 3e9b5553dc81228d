"""`check_fill_model` passes what keeps the contract, and names each fault of what does not."""

import math
from dataclasses import dataclass, replace
from datetime import date
from itertools import count

import numpy as np
import pytest

from exec_algos import Bars, FillModel
from exec_algos.costs import AlmgrenImpact, FixedSpread, SquareRootImpact, TransientImpact
from exec_algos.costs.fees import FeeComponent, FeeSchedule, FeeTerms, Period
from exec_algos.costs.propagator import ImpactTerms
from exec_algos.costs.spread import QuotedSpread
from exec_algos.costs.ticks import US_EQUITY, PriceLimit, TickTable
from exec_algos.errors import ConformanceError, UsageError
from exec_algos.fills.latency import DrawnLatency
from exec_algos.fills.presets import crypto, frictionless, krx_equity, us_equity
from exec_algos.model import MINUTE
from exec_algos.testing import check_fill_model, fill_models
from exec_algos.testing.cases import STEP, SYMBOLS, last_hours, quoted_bars
from exec_algos.testing.crowd import Crowd
from exec_algos.testing.trades import ADVICE, faults_of

DRAWN = DrawnLatency(mean=60, sd=20, seed=1)  # the compiled loop refuses it: no kernel has to be made
ALMGREN = AlmgrenImpact(volatility=0.0157, daily_volume=5e3, shares_outstanding=1e6)
TRANSIENT = TransientImpact(0.01, half_life_seconds=3600)

PLAIN = {
    "open": FillModel(max_participation=0.1),
    "vwap, through": FillModel(price="vwap", max_participation=0.1, limit_fill="through"),
    "close, touch half": FillModel(price="close", max_participation=0.1, limit_fill="touch:fraction=0.5"),
    "worst, through by, no cap": FillModel(price="worst", limit_fill="through:by=0.02"),
    "quoted spread": FillModel(max_participation=0.1, spread=QuotedSpread(FixedSpread(20), max_age=3600)),
}
PRESETS = {preset.name: preset.fill_model for preset in (krx_equity(), us_equity(), crypto(), frictionless())}
ENGINE_ONLY = {
    "only the event-driven replay keeps queues": FillModel(max_participation=0.1, limit_fill="queue"),
    "only the event-driven replay draws a latency": FillModel(
        price="worst", max_participation=0.1, latency=DRAWN, impact=TRANSIENT, ticks=US_EQUITY, limit_fill="through:ticks=2"
    ),
    "for each child": FillModel(max_participation=0.1, latency=DRAWN, impact=ALMGREN, spread=FixedSpread(20)),
}


@pytest.mark.slow
@pytest.mark.parametrize("model", [*PLAIN.values(), *PRESETS.values()], ids=[*PLAIN, *PRESETS])
def test_what_keeps_the_contract_passes_in_both_drivers(model):
    found = check_fill_model(model)
    assert (found.model, found.markets, found.orders, found.drivers, found.refused) == (model, 3, 432, ("engine", "batch"), "")
    assert found.fills > 1000


@pytest.mark.slow
@pytest.mark.parametrize("refused", ENGINE_ONLY)
def test_a_model_that_only_the_engine_can_work_is_tried_there_and_says_so(refused):
    found = check_fill_model(ENGINE_ONLY[refused])
    assert found.drivers == ("engine",)
    assert found.fills > 1000
    assert refused in found.refused


class Generous(FixedSpread):
    """A spread that pays the order."""

    def half(self, bars):
        return -super().half(bars)


class Hindsight(FixedSpread):
    """A spread made of the range of the very bar that it prices."""

    def half(self, bars):
        return (bars.high - bars.low) / bars.open / 2


class Whole(FixedSpread):
    """A spread that leaves a sale nothing."""

    def half(self, bars):
        return 1.5


class Unknown(FixedSpread):
    """A spread that is never known."""

    def half(self, bars):
        return math.nan


class Helpful(SquareRootImpact):
    """An impact that pays the order."""

    def terms(self, symbol, step):
        return ImpactTerms(-self.coefficient, 0.5, 0.0, 0.0, 1.0, 0.0)


class Open(PriceLimit):
    """Daily limits that hold the execution but not the price that it begins with."""

    def held(self, prices, bars, side):
        return np.full(len(bars), 1e18)


class Backwards(TickTable):
    """Ticks that round a buy's limit up."""

    def terms(self):
        terms = super().terms()
        return terms._replace(ticks=-terms.ticks)


class Rebate(FeeComponent):
    """A fee that gives back more than the taxes take."""

    def on(self, day, liquidity="taker"):
        return FeeTerms(rate=-0.01, minimum=-1e9)


ALWAYS = (Period(date.min, date.max, FeeTerms(rate=0.001)),)
REBATE = FeeSchedule("rebate", "USD", (Rebate("rebate", ALWAYS), FeeComponent("tax", ALWAYS, tax=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prophetic(FillModel):
    """The next bar's open."""

    def rule_prices(self, bars, side):
        return np.append(bars.open[1:], bars.open[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside(FillModel):
    """A price that did not trade."""

    def rule_prices(self, bars, side):
        return bars.open + 7.0 * side


CALLS = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fickle(FillModel):
    """Another price each time it is asked."""

    def rule_prices(self, bars, side):
        return np.where(next(CALLS) % 7 < 3, bars.low, bars.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jealous(FillModel):
    """Another price for a symbol that was the last one to be asked for too."""

    def rule_prices(self, bars, side):
        fresh, LAST[side] = bars.symbols != LAST.get(side), bars.symbols
        return bars.high if fresh else bars.low


LAST: dict = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled(FillModel):
    """Another price for symbols that are asked for together."""

    def rule_prices(self, bars, side):
        return bars.high if len(bars.symbols) > 1 else bars.low


@dataclass(frozen=True, slots=True, kw_only=True)
class Greedy(FillModel):
    """More of a bar than its own cap says."""

    def cap(self, parent_cap):
        return 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottomless(FillModel):
    """Any size in any bar, traded or not."""

    def cap(self, parent_cap):
        return math.inf


WRONG = {
    "no volume, no fill": Bottomless(),
    "a price that is none": FillModel(spread=Whole(1)),
    "a rule price outside the bar": Beside(),
    "parts that do not sum": FillModel(latency=DRAWN, price_limit=Open(), impact=SquareRootImpact(0.001)),
    "a spread that pays the order": FillModel(spread=Generous(20)),
    "an impact that pays the order": FillModel(latency=DRAWN, impact=Helpful(0.01)),
    "a broken limit": FillModel(latency=DRAWN, ticks=Backwards("backwards", (0.0,), (0.7,))),
    "taxes above the commission": FillModel(latency=DRAWN, commission=REBATE),
    "more than the budget of its bar": Greedy(max_participation=0.1),
    "engine and batch disagree": Pooled(),
    "differs between two runs": Fickle(),
    "depends on the order of symbols": Jealous(),
    "depends on other symbols": Jealous(),
    "looks ahead": Prophetic(),
    "a spread that looks ahead": FillModel(spread=Hindsight(1)),
    "nothing fills": FillModel(spread=Unknown(1)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_model_is_refused_by_the_name_of_its_fault(kind, monkeypatch):
    monkeypatch.setattr(fill_models, "MARKETS", 1)
    with pytest.raises(ConformanceError) as refused:
        check_fill_model(WRONG[kind], seed=1)
    (found,) = (finding for finding in refused.value.findings if finding.startswith(f"{kind}: "))
    assert kind == "nothing fills" or "[seed 1]" in found
    assert f"{type(WRONG[kind]).__name__} fails its check" in str(refused.value)


def test_every_kind_of_fault_has_a_wrong_model():
    assert set(ADVICE) < set(WRONG)


# Single trades, forged one by one.


CAPPED = FillModel(max_participation=0.1)


@pytest.fixture(scope="module")
def crowded():
    crowd = Crowd(CAPPED, 2, last_hours(4))
    return Bars.concat(quoted_bars(symbol, 2, crowd.hours) for symbol in SYMBOLS), crowd.trades()


def limited(trades):
    return next(trade for trade in trades if trade.order.side > 0 and trade.price <= trade.order.limit)


FORGED = {
    "no volume, no fill": {"start": 15 * MINUTE},
    "a price that is none": {"price": math.nan},
    "a rule price outside the bar": {"rule_price": 1000.0, "impact": -950.0},
    "parts that do not sum": {"impact": 1e-6},
    "a spread that pays the order": {"spread": -3.0},
    "an impact that pays the order": {"impact": -3.0},
    "a broken limit": {"price": 90.0},
    "taxes above the commission": {"taxes": 1e-6},
    "more than the budget of its bar": {"shares": 1e9},
}


@pytest.mark.parametrize("kind", ADVICE)
def test_one_forged_trade_is_found_by_its_kind(crowded, kind):
    bars, trades = crowded
    one = limited(trades)
    assert list(faults_of(trades, bars, CAPPED)) == []
    assert kind in dict(faults_of([one._replace(**FORGED[kind])], bars, CAPPED))


@pytest.mark.parametrize("price", [0.0, -1.0, math.inf, -math.inf])
def test_a_price_of_nothing_or_without_end_is_none(crowded, price):
    bars, trades = crowded
    assert [kind for kind, _ in faults_of([limited(trades)._replace(price=price)], bars, CAPPED)] == ["a price that is none"]


def test_a_bar_has_one_budget_for_all_its_orders(crowded):
    bars, trades = crowded
    one = limited(trades)
    row = bars.rows(one.order.symbol).start + int(np.searchsorted(bars.start[bars.rows(one.order.symbol)], one.start))
    half = one._replace(shares=float(0.1 * bars.volume[row] // 2 + 1))
    other = half._replace(order=one.order._replace(number=99))
    assert list(faults_of([half], bars, CAPPED)) == []
    assert [kind for kind, _ in faults_of([half, other], bars, CAPPED)] == ["more than the budget of its bar"]
    apart = other._replace(order=other.order._replace(world=99))
    assert list(faults_of([half, apart], bars, CAPPED)) == []


# What is tried.


def test_a_crowd_has_market_and_limit_orders_of_both_sides_with_a_cap_and_without():
    hours = last_hours(4)
    for model in (CAPPED, FillModel()):
        trades = [trade for seed in (0, 1, 2) for trade in Crowd(model, seed, hours).trades()]
        assert len({(trade.order.side, math.isnan(trade.order.limit), trade.order.cap) for trade in trades}) == 8
        assert len({(trade.order.symbol, trade.start, trade.order.world) for trade in trades}) < len(trades)
        assert any(trade.shares % 1 for trade in trades)
        assert any(trade.price == trade.order.limit for trade in trades)


def test_the_markets_have_half_days_halts_silent_bars_and_prices_on_and_off_the_tick():
    hours = last_hours(4)
    plain, odd = (quoted_bars("A", seed, hours) for seed in (2, 1))
    assert ((hours.close - hours.open) // STEP).tolist() == [26, 26, 14, 26]
    for bars in (plain, odd):
        assert 0 < (hours.close - hours.open).sum() // STEP - len(bars) < 20
        assert 0 < (bars.volume == 0).mean() < 0.2
        assert 0 < np.isnan(bars.quotes["bid"]).mean() < 0.5
        assert 0 < np.isnan(bars.vwap).mean() < 0.6
        assert (bars.quotes["bid"] < bars.quotes["ask"])[~np.isnan(bars.quotes["bid"])].all()
    assert all(US_EQUITY.is_on_tick(price) for price in plain.close.tolist())
    assert not any(US_EQUITY.is_on_tick(price) for price in odd.close.tolist())
    assert (plain.volume % 1 == 0).all()
    assert (odd.volume % 1 > 0).any()


def test_bars_after_the_cut_are_other_bars_and_those_before_it_are_the_same():
    hours = last_hours(4)
    cut = int(hours.open[-1]) + 4 * STEP
    one, other = (quoted_bars("A", 1, hours, at) for at in (0, cut))
    before = [bars.take(bars.start + STEP <= cut) for bars in (one, other)]
    for name, column in before[0].columns().items():
        assert np.array_equal(column, before[1].columns()[name], equal_nan=True)
    assert not np.array_equal(one.close[-5:], other.close[-5:])


def test_a_model_whose_cap_cannot_be_changed_keeps_it():
    assert fill_models._other_cap(CAPPED) == FillModel()
    assert fill_models._other_cap(FillModel()) == CAPPED
    assert fill_models._other_cap(replace(CAPPED, limit_fill="touch:fraction=0.5")) is None


def test_what_is_no_fill_model_is_refused():
    with pytest.raises(UsageError, match=r"give a fill model such as FillModel\(price='close'\), got 'open'"):
        check_fill_model("open")
