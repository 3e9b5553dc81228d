"""A desk's own orders and fills, measured as a study measures simulated ones.

What lives here: reading fills, joining them to orders, refusing what cannot be, and the result of a study that holds both. What may not: a
benchmark or a cost of its own, and anything that is printed.
"""

from exec_algos.executions.analyse import analyse
from exec_algos.executions.counting import NoOwnOrderError
from exec_algos.executions.form import FillForm, OwnOrderForm
from exec_algos.executions.refused import RefusedRow
from exec_algos.executions.result import OwnFillsResult
from exec_algos.tca.frames import OWN_FILLS

__all__ = ["OWN_FILLS", "FillForm", "NoOwnOrderError", "OwnFillsResult", "OwnOrderForm", "RefusedRow", "analyse"]
