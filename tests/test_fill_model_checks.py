"""`check_fill_model` passes what keeps the contract, and names each fault of what does not."""

from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import pytest

from exec_algos import Bars, FillModel, ParentOrders, SlippageStudy
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.errors import ConformanceError, UsageError
from exec_algos.fills.latency import DrawnLatency
from exec_algos.fills.presets import crypto, frictionless, krx_equity, us_equity
from exec_algos.model import Rules
from exec_algos.testing import check_fill_model
from exec_algos.testing.cases import SYMBOLS, last_hours, random_bars
from exec_algos.testing.fill_models import faults_of

PLAIN = {
    "open": FillModel(max_participation=0.1),
    "vwap, through": FillModel(price="vwap", max_participation=0.1, limit_fill="through"),
    "close, touch half": FillModel(price="close", max_participation=0.1, limit_fill="touch:fraction=0.5"),
    "worst, no cap": FillModel(price="worst"),
    "spread and impact": FillModel(max_participation=0.1, spread=FixedSpread(20), impact=SquareRootImpact(0.01)),
}
MARKETS = (krx_equity(), us_equity(), crypto(), frictionless())
PRESETS = {preset.name: replace(preset.fill_model, max_participation=0.1) for preset in MARKETS}


@pytest.mark.slow
@pytest.mark.parametrize("model", [*PLAIN.values(), *PRESETS.values()], ids=[*PLAIN, *PRESETS])
def test_what_keeps_the_contract_passes_in_both_drivers(model):
    found = check_fill_model(model)
    assert (found.model, found.markets, found.drivers, found.refused) == (model, 3, ("engine", "batch"), "")
    assert found.fills > 500


@pytest.mark.slow
def test_a_model_that_only_the_engine_can_work_is_tried_there_and_says_so():
    found = check_fill_model(FillModel(max_participation=0.1, latency=DrawnLatency(mean=60, sd=20, seed=1)))
    assert found.drivers == ("engine",)
    assert "only the event-driven replay draws a latency" in found.refused


class Generous(FixedSpread):
    """A spread that pays the order."""

    def half(self, bars):
        return -super().half(bars)


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
class Gregarious(FillModel):
    """The price hangs on how many symbols there are."""

    def rule_prices(self, bars, side):
        return bars.low if GREGARIOUS.append(bars.symbols) or len(set(GREGARIOUS)) % 2 else bars.high


GREGARIOUS: list = []

WRONG = {
    "a spread that pays the order": FillModel(spread=Generous(20)),
    "looks ahead": Prophetic(),
    "a rule price outside the bar": Beside(),
    "differs between two runs": Fickle(),
    "engine and batch disagree": Fickle(),
    "depends on other symbols": Gregarious(),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_model_is_refused_by_the_name_of_its_fault(kind):
    with pytest.raises(ConformanceError) as refused:
        check_fill_model(WRONG[kind])
    assert any(line.startswith(f"{kind}: ") and "seed 0" in line for line in refused.value.findings)


LIMITED = Rules(limit_price=50.0)
MODEL = FillModel(max_participation=0.1)


@pytest.fixture(scope="module")
def executed():
    hours = last_hours(4)
    bars = Bars.concat(random_bars(symbol, 0, hours) for symbol in SYMBOLS)
    parents = ParentOrders.grid(bars, calendar="XNYS", size="150%adv", profile_days=1)
    return bars, SlippageStudy(bars, parents, ["twap"], MODEL, LIMITED).run("engine").fills


FORGED = {
    "no volume, no fill": {"timestamp": -15 * 60 * 10**9 * 1000},
    "a price that is none": {"price": float("nan")},
    "more than the budget of its bar": {"quantity": 10**9},
    "a rule price outside the bar": {"rule_price": 1000.0},
    "parts that do not sum": {"impact": 0.5},
    "a spread that pays the order": {"spread": -3.0},
    "an impact that pays the order": {"impact": -3.0},
    "a broken limit": {"price": 90.0},
    "taxes above the commission": {"taxes": 1.0},
}


@pytest.mark.parametrize("kind", FORGED)
def test_one_forged_fill_is_found_by_its_kind(executed, kind):
    bars, fills = executed
    first = fills[fills["side"] == "BUY"].head(1)
    assert list(faults_of(first, bars, MODEL, LIMITED)) == []
    forged = {name: first[name] + np.timedelta64(value, "ns") if name == "timestamp" else [value] for name, value in FORGED[kind].items()}
    assert kind in dict(faults_of(first.assign(**forged), bars, MODEL, LIMITED))


def test_what_is_no_fill_model_is_refused():
    with pytest.raises(UsageError, match=r"give a fill model such as FillModel\(price='close'\), got 'open'"):
        check_fill_model("open")
