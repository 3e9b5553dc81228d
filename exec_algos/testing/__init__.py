"""Conformance checks for what users write: `check_executor` tries an algorithm or an executor, `check_fill_model` a fill model.

What lives here: checks that anyone may call on code of their own. What may not: the tests of this package.
"""

from exec_algos.testing.executors import Conformance, check_executor
from exec_algos.testing.fill_models import FillConformance, check_fill_model

__all__ = ["Conformance", "FillConformance", "check_executor", "check_fill_model"]
