"""`Work`: all that an analysis of own fills is made of, for its record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from exec_algos.executions.counting import Counted
from exec_algos.executions.market import Market
from exec_algos.executions.refused import RefusedRow
from exec_algos.executions.simulated import Simulated
from exec_algos.executions.sources import Given
from exec_algos.executions.terms import Terms
from exec_algos.fills import FillModel


class Work(NamedTuple):
    """What was given, what counts of it, and what algorithms made of it."""

    market: Market
    said: Terms
    model: FillModel
    algorithms: Sequence[Any]
    given: Given
    counted: Counted
    refused: Sequence[RefusedRow]
    simulated: Simulated
