"""Driver 1: an event-driven backtest in virtual time.

What lives here: the engine, its events, the portfolio, what a strategy sees, the result. What may not: how an order fills (`fills`,
`exchange`) or what an algorithm decides (`algorithms`).
"""

from __future__ import annotations

from exec_algos.backtest.engine import BacktestEngine
from exec_algos.backtest.events import FillEvent, MarketEvent, OrderEvent, SignalEvent
from exec_algos.backtest.portfolio import Portfolio
from exec_algos.backtest.result import BacktestResult
from exec_algos.backtest.strategy import DataHandler, Strategy, StrategyQueue
from exec_algos.exchange.stream import Bar

__all__ = [
    "BacktestEngine",
    "BacktestResult",
    "Bar",
    "DataHandler",
    "FillEvent",
    "MarketEvent",
    "OrderEvent",
    "Portfolio",
    "SignalEvent",
    "Strategy",
    "StrategyQueue",
]
