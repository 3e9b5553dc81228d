"""Execution algorithms: one file each, one pure `decide` each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from exec_algos.executors.algorithm import Algorithm
from exec_algos.executors.algorithm import parse_algorithm as _parse
from exec_algos.executors.arrival_price import ArrivalPrice, ArrivalPriceExecutor
from exec_algos.executors.base import AlgorithmExecutor, OrderExecutor
from exec_algos.executors.basket import BasketExecutor, HeldBack, SharedLimit, Used
from exec_algos.executors.dynamic_vwap import DynamicVWAP, DynamicVWAPExecutor
from exec_algos.executors.iceberg import Iceberg, IcebergExecutor
from exec_algos.executors.implementation_shortfall import ImplementationShortfall, ImplementationShortfallExecutor
from exec_algos.executors.liquidity_aware import LiquidityAware, LiquidityAwareExecutor
from exec_algos.executors.obizhaeva_wang import ObizhaevaWang, ObizhaevaWangExecutor
from exec_algos.executors.pov import POV, POVExecutor
from exec_algos.executors.sniper import Sniper, SniperExecutor
from exec_algos.executors.target_close import TargetClose, TargetCloseExecutor
from exec_algos.executors.twap import TWAP, TWAPExecutor
from exec_algos.executors.vwap import VWAP, VWAPExecutor

ALGORITHMS: Mapping[str, type[Algorithm]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            TWAP, VWAP, DynamicVWAP, POV, ImplementationShortfall, ArrivalPrice, TargetClose, ObizhaevaWang, LiquidityAware,
            Iceberg, Sniper,
        )
    }
)  # fmt: skip


def parse_algorithm(text: str) -> Algorithm:
    """A built-in algorithm from its text form, such as ``"vwap:profile_days=5"``.

    Raises
    ------
    UnknownNameError
        No such algorithm or parameter.
    UsageError
        A value out of range.

    Examples
    --------
    >>> parse_algorithm("vwap:profile_days=20")
    VWAP(slice_interval_seconds=60.0, profile_days=20)
    """
    return _parse(text, ALGORITHMS)


__all__ = [
    "ALGORITHMS",
    "POV",
    "TWAP",
    "VWAP",
    "Algorithm",
    "AlgorithmExecutor",
    "ArrivalPrice",
    "ArrivalPriceExecutor",
    "BasketExecutor",
    "DynamicVWAP",
    "DynamicVWAPExecutor",
    "HeldBack",
    "Iceberg",
    "IcebergExecutor",
    "ImplementationShortfall",
    "ImplementationShortfallExecutor",
    "LiquidityAware",
    "LiquidityAwareExecutor",
    "ObizhaevaWang",
    "ObizhaevaWangExecutor",
    "OrderExecutor",
    "POVExecutor",
    "SharedLimit",
    "Sniper",
    "SniperExecutor",
    "TWAPExecutor",
    "TargetClose",
    "TargetCloseExecutor",
    "Used",
    "VWAPExecutor",
    "parse_algorithm",
]
