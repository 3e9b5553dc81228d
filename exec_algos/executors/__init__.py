"""Execution algorithms: one file each, one pure `decide` each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from exec_algos.executors.algorithm import Algorithm
from exec_algos.executors.algorithm import parse_algorithm as _parse
from exec_algos.executors.base import OrderExecutor
from exec_algos.executors.twap import TWAP, TWAPExecutor
from exec_algos.executors.vwap import VWAP, VWAPExecutor

ALGORITHMS: Mapping[str, type[Algorithm]] = MappingProxyType({kind.name: kind for kind in (TWAP, VWAP)})


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


__all__ = ["ALGORITHMS", "TWAP", "VWAP", "Algorithm", "OrderExecutor", "TWAPExecutor", "VWAPExecutor", "parse_algorithm"]
