"""Each shortcut is its executor's `execute`, on a synthetic market where no broker is given."""

import asyncio
import inspect

import pytest
from markets import DAYS, market, ns

from exec_algos import FillModel, SimulatedBroker
from exec_algos.algorithms import POV, ArrivalPrice, DynamicVWAP, ImplementationShortfall, TargetClose
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.executors import (
    AlgorithmExecutor,
    ArrivalPriceExecutor,
    DynamicVWAPExecutor,
    ImplementationShortfallExecutor,
    POVExecutor,
    TargetCloseExecutor,
    TWAPExecutor,
    VWAPExecutor,
    shortcuts,
)
from exec_algos.model import Rules

BARS = market(11, ("A",), missing=0.0)
CASES = {
    "execute_twap": (TWAPExecutor, (300, 3600)),
    "execute_vwap": (VWAPExecutor, ("10:00", "15:00", 1, 3600)),
    "execute_algorithm": (AlgorithmExecutor, (POV(rate=0.3),)),
}
BY_VALUE = {
    DynamicVWAPExecutor: ((2, 3600), DynamicVWAP(profile_days=2, slice_interval_seconds=3600)),
    POVExecutor: ((0.3, False, 3600), POV(rate=0.3, inclusive=False, slice_interval_seconds=3600)),
    ImplementationShortfallExecutor: ((7200, 3600), ImplementationShortfall(half_life_seconds=7200, slice_interval_seconds=3600)),
    ArrivalPriceExecutor: ((0.8, 3600), ArrivalPrice(urgency=0.8, slice_interval_seconds=3600)),
    TargetCloseExecutor: (
        (7200, 0.2, 1800, 3600),
        TargetClose(half_life_seconds=7200, auction_fraction=0.2, auction_seconds=1800, slice_interval_seconds=3600),
    ),
}
OPTIONS = {"side": "SELL", "lot_size": 2, "max_participation": 0.1, "rules": Rules(max_child=40), "start": "10:30"}
OWN = {name: case for name, case in CASES.items() if name != "execute_algorithm"}


def broker():
    return SimulatedBroker(BARS, fill_model=FillModel(price="close"), calendar="XNYS", start=ns(DAYS[2], "09:30"))


def call(name, *own, **options):
    return asyncio.run(getattr(shortcuts, name)("A", 200, *own, **options))


def by_executor(name, *own, **options):
    return asyncio.run(CASES[name][0](broker()).execute("A", 200, *own, **options))


@pytest.mark.parametrize("name", CASES)
def test_a_shortcut_gives_the_fills_of_its_executor(name):
    own = CASES[name][1]
    fills = call(name, *own, broker=broker(), **OPTIONS)
    assert fills
    assert fills == by_executor(name, *own, **OPTIONS)


@pytest.mark.parametrize("kind", BY_VALUE)
def test_an_algorithm_by_its_value_gives_the_fills_of_its_own_executor(kind):
    own, value = BY_VALUE[kind]
    fills = call("execute_algorithm", value, broker=broker(), **OPTIONS)
    assert fills
    assert fills == asyncio.run(kind(broker()).execute("A", 200, *own, **OPTIONS))


@pytest.mark.parametrize("name", OWN)
def test_a_shortcut_has_the_parameters_and_defaults_of_its_executor(name):
    kind, own = OWN[name]
    theirs = inspect.signature(kind.execute).parameters
    mine = inspect.signature(getattr(shortcuts, name)).parameters
    assert len(mine) >= len(own) + 3
    for key in set(mine) - {"broker", "options"}:
        assert (mine[key].default, mine[key].kind) == (theirs[key].default, theirs[key].kind)
    assert list(mine)[: len(own) + 2] == list(theirs)[1 : len(own) + 3]


@pytest.mark.parametrize("name", OWN)
@pytest.mark.slow
def test_without_a_broker_a_synthetic_market_is_made(name):
    assert sum(one.quantity for one in call(name)) == 200


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_heard(option):
    plain = {"side": "BUY", "lot_size": 1, "max_participation": None, "rules": Rules(), "start": None}
    assert call("execute_algorithm", "pov:rate=0.3", broker=broker(), **plain) != call(
        "execute_algorithm", "pov:rate=0.3", broker=broker(), **{**plain, option: OPTIONS[option]}
    )


def test_an_algorithm_is_named_by_its_text_too():
    assert call("execute_algorithm", "pov:rate=0.3", broker=broker(), end="14:00") == by_executor(
        "execute_algorithm", POV(rate=0.3), end="14:00"
    )


def test_what_cannot_be_is_refused_before_anything_is_sent():
    with pytest.raises(UnknownNameError, match="unknown algorithm 'pow': did you mean pov"):
        call("execute_algorithm", "pow")
    with pytest.raises(UsageError, match="iceberg works at a limit price and the order has none"):
        call("execute_algorithm", "iceberg")
    with pytest.raises(TypeError, match="participation"):
        call("execute_algorithm", "pov", participation=0.1)
