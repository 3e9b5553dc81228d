"""Execution algorithms: one file each; a value of frozen parameters, and one pure `decide`.

What lives here: algorithms, the curves they follow, and the registry, which looks for them in the modules of this package. What may
not: brokers, clocks, executors.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
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

# the order of tables and lists, from the simplest on; an algorithm that is not named here comes last
READING_ORDER = (
    "twap", "vwap", "dynamic_vwap", "pov", "implementation_shortfall", "arrival_price", "target_close", "obizhaeva_wang",
    "liquidity_aware", "iceberg", "sniper",
)  # fmt: skip


def _place(kind: type[Algorithm]) -> tuple[int, str]:
    return READING_ORDER.index(kind.name) if kind.name in READING_ORDER else len(READING_ORDER), kind.name


def _found() -> Mapping[str, type[Algorithm]]:
    """Every algorithm of this package by its name: a module that defines one is all it takes."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    kinds = [kind for module in modules for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]
    named = [kind for kind in kinds if issubclass(kind, Algorithm) and hasattr(kind, "name")]
    return MappingProxyType({kind.name: kind for kind in sorted(named, key=_place)})


ALGORITHMS = _found()


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
