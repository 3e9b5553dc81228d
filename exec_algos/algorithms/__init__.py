"""Execution algorithms: one file each; a value of frozen parameters, and one pure `decide`.

What lives here: algorithms, the curves they follow, and the registry that finds them by name. What may not: brokers, clocks, executors.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from exec_algos.algorithms.arrival_price import ArrivalPrice
from exec_algos.algorithms.base import Algorithm
from exec_algos.algorithms.base import parse_algorithm as _parse
from exec_algos.algorithms.dynamic_vwap import DynamicVWAP
from exec_algos.algorithms.iceberg import Iceberg
from exec_algos.algorithms.implementation_shortfall import ImplementationShortfall
from exec_algos.algorithms.liquidity_aware import LiquidityAware
from exec_algos.algorithms.obizhaeva_wang import ObizhaevaWang
from exec_algos.algorithms.pov import POV
from exec_algos.algorithms.sniper import Sniper
from exec_algos.algorithms.target_close import TargetClose
from exec_algos.algorithms.twap import TWAP
from exec_algos.algorithms.vwap import VWAP

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
    "ArrivalPrice",
    "DynamicVWAP",
    "Iceberg",
    "ImplementationShortfall",
    "LiquidityAware",
    "ObizhaevaWang",
    "Sniper",
    "TargetClose",
    "parse_algorithm",
]
