"""The public names and signatures: a change here is a change for users, and needs a line in CHANGELOG.md."""

import inspect

import pytest

import exec_algos
from exec_algos import BacktestEngine, BrokerAPI, OrderExecutor, SimulatedBroker, TWAPExecutor, VWAPExecutor
from exec_algos.market.quality.limits import USUAL
from exec_algos.model import NO_RULES

NAMES = """
    POV TWAP VWAP BacktestEngine BarStore Bars BrokerAPI Commission Fill FillModel ImplementationShortfall
    ImplementationShortfallExecutor OrderEvent OrderExecutor POVExecutor ParentOrder ParentOrders Rules
    Side SimulatedBroker SlippageStudy Strategy StudyResult TWAPExecutor VWAPExecutor execute_twap execute_vwap get_settings
"""

WORK = "side=<Side.BUY: 1>, lot_size=1, max_participation=None, start=None, rules=NO_RULES"

SIGNATURES = {
    "TWAP": "(*, slice_interval_seconds=60.0)",
    "VWAP": "(*, slice_interval_seconds=60.0, profile_days=5)",
    "execute_twap": f"(ticker, total_quantity, duration_minutes=30, slice_interval_seconds=60, *, broker=None, {WORK})",
    "execute_vwap": "(ticker, total_quantity, start_time_str=None, end_time_str=None, volume_profile_days=5, "
    f"slice_interval_seconds=60, *, broker=None, {WORK})",
    "TWAPExecutor": "(broker, *, max_failures=3)",
    "VWAPExecutor": "(broker, *, max_failures=3)",
    "TWAPExecutor.execute": f"(self, ticker, total_quantity, duration_minutes=30, slice_interval_seconds=60, *, {WORK})",
    "VWAPExecutor.execute": "(self, ticker, total_quantity, start_time_str=None, end_time_str=None, volume_profile_days=5, "
    f"slice_interval_seconds=60, *, {WORK})",
    "OrderExecutor.get_execution_summary": "(self)",
    "BrokerAPI.place_order": "(self, ticker, quantity, order_type='MKT', limit_price=None, *, "
    "side=<Side.BUY: 1>, expires=None, parent=None)",
    "BrokerAPI.cancel_order": "(self, order_id)",
    "BrokerAPI.get_historical_volume_profile": "(self, ticker, days=5)",
    "BrokerAPI.get_market_depth": "(self, ticker)",
    "SimulatedBroker": "(bars=None, commission_rate=None, *, fill_model=None, calendar=None, start=None, seed=0)",
    "Fill": "(timestamp, ticker, quantity, fill_price, commission=0.0, side=<Side.BUY: 1>, *, parent_id=-1, zone='UTC', "
    "rule_price=nan, spread=nan, impact=nan, taxes=nan, order_ref='', execution_id='')",
    "FillModel": "(*, price='open', max_participation=None, latency=0.0, commission=<factory>, limit_fill='touch', "
    "spread=None, impact=None, ticks=None, price_limit=None)",
    "Commission": "(rate=0.0, per_share=0.0, minimum=0.0)",
    "ParentOrder": "(*, symbol, side, quantity, start, end, interval, lot_size=1, max_participation=None, rules=NO_RULES, "
    "until=None, auction=-1, pauses=(), algorithm='', parent_id=-1, ref='')",
    "BacktestEngine": "(bars, strategies, initial_cash=1000000.0, fill_model=None, *, calendar=None, start=None)",
    "BacktestEngine.run": "(self)",
    "Strategy": "(event_queue, data_handler)",
    "Strategy.on_bar": "(self, event)",
    "Strategy.on_fill": "(self, event)",
    "Strategy.on_order": "(self, order)",
    "OrderEvent": "(*, symbol, side=<Side.BUY: 1>, quantity=0)",
    "SlippageStudy": "(bars, parents, algorithms, fill_model=None, rules=NO_RULES, limits=USUAL)",
    "get_settings": "()",
}


def shape(call):
    """Names, kinds and defaults; types are mypy's business."""
    signature = inspect.signature(call)
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    shown = str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    return shown.replace(repr(NO_RULES), "NO_RULES").replace(repr(USUAL), "USUAL")


def test_the_public_names_are_these():
    assert exec_algos.__all__ == NAMES.split()
    assert len(exec_algos.__all__) <= 30


def test_every_public_name_resolves_and_is_listed():
    assert [name for name in exec_algos.__all__ if not hasattr(exec_algos, name)] == []
    assert set(dir(exec_algos)) == {*exec_algos.__all__, "__version__"}


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_public_signatures_are_these(name):
    call = exec_algos
    for part in name.split("."):
        call = getattr(call, part)
    assert shape(call) == SIGNATURES[name]


@pytest.mark.parametrize("name", exec_algos.__all__)
def test_every_public_name_says_what_it_is(name):
    assert inspect.getdoc(getattr(exec_algos, name))


@pytest.mark.parametrize("kind", [TWAPExecutor, VWAPExecutor, BrokerAPI, SimulatedBroker, OrderExecutor, BacktestEngine])
def test_every_public_method_says_what_it_does(kind):
    bare = [name for name, value in inspect.getmembers(kind) if not name.startswith("_") and callable(value) and not inspect.getdoc(value)]
    assert bare == []


def test_on_order_and_every_broker_call_are_coroutines():
    calls = [exec_algos.Strategy.on_order, *(getattr(BrokerAPI, name) for name in BrokerAPI.__abstractmethods__)]
    assert all(inspect.iscoroutinefunction(call) for call in calls)
    assert set(BrokerAPI.__abstractmethods__) == {"place_order", "cancel_order", "get_historical_volume_profile", "get_market_depth"}
