"""Plain functions made ready for numba, and known again by what they compute."""

from __future__ import annotations

import hashlib
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from numba import njit

from exec_algos.errors import UsageError


def compilable(function: FunctionType) -> FunctionType:
    """`function` with the plain functions it names replaced by their compiled selves, for numba."""
    names = dict(function.__globals__)
    for name in function.__code__.co_names:
        if isinstance(names.get(name), FunctionType):
            names[name] = njit(compilable(names[name]))
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)


def fingerprint(function: FunctionType) -> str:
    """A hash of what `function` computes: its byte code, its defaults, the constants and plain functions it names.

    Raises
    ------
    UsageError
        The function closes over variables: two of them would have one text and compute different things.
    """
    digest = hashlib.sha256()
    _digest(digest, function, set())
    return digest.hexdigest()[:16]


def _digest(digest: Any, function: FunctionType, seen: set[str]) -> None:
    name = f"{function.__module__}.{function.__qualname__}"
    if name in seen:
        return
    seen.add(name)
    if function.__closure__:
        raise UsageError(f"{name} closes over {', '.join(function.__code__.co_freevars)}; write it at module level and pass them as params")
    _digest_code(digest, function.__code__)
    digest.update(repr(function.__defaults__).encode())
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, FunctionType):
            _digest(digest, value, seen)
        elif isinstance(value, int | float | str | tuple):
            digest.update(repr((name, value)).encode())
        elif isinstance(value, np.ndarray):
            digest.update(name.encode() + value.tobytes())


def _digest_code(digest: Any, code: CodeType) -> None:
    digest.update(code.co_code)
    digest.update(repr(code.co_names).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _digest_code(digest, constant)
        else:
            digest.update(repr(constant).encode())
