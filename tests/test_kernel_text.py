"""The text by which a compiled kernel is found again holds every function that its loop calls."""

import ast
import inspect
import textwrap
from importlib import import_module

from exec_algos.batch import kernel
from exec_algos.compiling import fingerprint

LOOP = ast.parse(textwrap.dedent(inspect.getsource(kernel._kernel.__wrapped__)))
BUILT_IN = {"range", "min", "max", "len"}
VALUES = {"Terms", "Seen", "Decision", "ImpactTerms"}  # named tuples, which compute nothing
GIVEN = {"_decide"}  # the algorithm's own, whose fingerprint is the first part of the text


def compiled_names():
    """The names of plain functions called in the loop, and the functions behind them."""
    (loop,) = (node for node in ast.walk(LOOP) if isinstance(node, ast.FunctionDef) and node.name == "run")
    called = {node.func.id for node in ast.walk(loop) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    found = {name: getattr(kernel, name).py_func for name in called - BUILT_IN - VALUES - GIVEN}
    return {name: getattr(import_module(copy.__module__), copy.__name__) for name, copy in found.items()}


def test_every_function_that_the_loop_calls_is_in_the_text():
    names = compiled_names()
    assert {"_end", "_flight", "_meet", "_seen", "_bounded"} <= set(names)
    missing = [name for name, function in names.items() if fingerprint(function) not in kernel._RULES]
    assert missing == []
