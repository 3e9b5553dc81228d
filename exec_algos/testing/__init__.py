"""Conformance checks for what users write: `check_executor` tries an algorithm or an executor and says what is wrong with it."""

from exec_algos.testing.executors import Conformance, check_executor

__all__ = ["Conformance", "check_executor"]
