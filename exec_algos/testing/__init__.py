"""Conformance checks for what users write: `check_executor` tries an algorithm or an executor and says what is wrong with it.

What lives here: checks that anyone may call on code of their own. What may not: the tests of this package.
"""

from exec_algos.testing.executors import Conformance, check_executor

__all__ = ["Conformance", "check_executor"]
