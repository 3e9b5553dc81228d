"""Executors carry an algorithm's decisions to a broker, one child order a slice.

What lives here: the executor of any algorithm (`base`), one for each built-in (`named`), the run of one order (`run`, `progress`,
`placing`), an order while it is worked (`working`), baskets (`basket`, `shared_limit`), and one-call shortcuts (`shortcuts`).
What may not: a decision; those are in `exec_algos.algorithms`. An executor waits on its broker's clock and on nothing else.
"""

from __future__ import annotations

from exec_algos.executors.base import AlgorithmExecutor, OrderExecutor
from exec_algos.executors.basket import BasketExecutor, HeldBack, SharedLimit, Used
from exec_algos.executors.named import (
    ArrivalPriceExecutor,
    DynamicVWAPExecutor,
    IcebergExecutor,
    ImplementationShortfallExecutor,
    LiquidityAwareExecutor,
    ObizhaevaWangExecutor,
    POVExecutor,
    SniperExecutor,
    TargetCloseExecutor,
    TWAPExecutor,
    VWAPExecutor,
)

__all__ = [
    "AlgorithmExecutor",
    "ArrivalPriceExecutor",
    "BasketExecutor",
    "DynamicVWAPExecutor",
    "HeldBack",
    "IcebergExecutor",
    "ImplementationShortfallExecutor",
    "LiquidityAwareExecutor",
    "ObizhaevaWangExecutor",
    "OrderExecutor",
    "POVExecutor",
    "SharedLimit",
    "SniperExecutor",
    "TWAPExecutor",
    "TargetCloseExecutor",
    "Used",
    "VWAPExecutor",
]
