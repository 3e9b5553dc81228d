"""exec_algos: backtest, study and trade order execution algorithms with one and the same code."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exec_algos.algorithms import POV, TWAP, VWAP, ImplementationShortfall
    from exec_algos.backtest import BacktestEngine, OrderEvent, Strategy
    from exec_algos.brokers.base import BrokerAPI
    from exec_algos.brokers.simulated import SimulatedBroker
    from exec_algos.config import get_settings
    from exec_algos.costs import Commission
    from exec_algos.executors import ImplementationShortfallExecutor, OrderExecutor, POVExecutor, TWAPExecutor, VWAPExecutor
    from exec_algos.executors.shortcuts import execute_twap, execute_vwap
    from exec_algos.fills import FillModel
    from exec_algos.market.bars import Bars
    from exec_algos.market.store import BarStore
    from exec_algos.model import Fill, ParentOrder, Rules, Side
    from exec_algos.studies import ParentOrders, SlippageStudy, StudyResult

_HOME = {
    "BacktestEngine": "backtest",
    "BarStore": "market.store",
    "Bars": "market.bars",
    "BrokerAPI": "brokers.base",
    "Commission": "costs",
    "Fill": "model",
    "FillModel": "fills",
    "ImplementationShortfall": "algorithms",
    "ImplementationShortfallExecutor": "executors",
    "OrderEvent": "backtest",
    "OrderExecutor": "executors",
    "POV": "algorithms",
    "POVExecutor": "executors",
    "ParentOrder": "model",
    "ParentOrders": "studies",
    "Rules": "model",
    "Side": "model",
    "SimulatedBroker": "brokers.simulated",
    "SlippageStudy": "studies",
    "Strategy": "backtest",
    "StudyResult": "studies",
    "TWAP": "algorithms",
    "TWAPExecutor": "executors",
    "VWAP": "algorithms",
    "VWAPExecutor": "executors",
    "execute_twap": "executors.shortcuts",
    "execute_vwap": "executors.shortcuts",
    "get_settings": "config",
}

__all__ = [
    "POV",
    "TWAP",
    "VWAP",
    "BacktestEngine",
    "BarStore",
    "Bars",
    "BrokerAPI",
    "Commission",
    "Fill",
    "FillModel",
    "ImplementationShortfall",
    "ImplementationShortfallExecutor",
    "OrderEvent",
    "OrderExecutor",
    "POVExecutor",
    "ParentOrder",
    "ParentOrders",
    "Rules",
    "Side",
    "SimulatedBroker",
    "SlippageStudy",
    "Strategy",
    "StudyResult",
    "TWAPExecutor",
    "VWAPExecutor",
    "execute_twap",
    "execute_vwap",
    "get_settings",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use (SPEC 1), so that ``import exec_algos`` loads nothing heavy."""
    if name == "__version__":
        from importlib.metadata import version

        return version("exec_algos")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
