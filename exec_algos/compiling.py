"""Plain functions made ready for numba, and known again by what they compute."""

from __future__ import annotations

import hashlib
from types import CodeType, FunctionType
from typing import Any

from numba import njit


def compilable(function: FunctionType) -> FunctionType:
    """`function` with the plain functions it names replaced by their compiled selves, for numba."""
    names = dict(function.__globals__)
    for name in function.__code__.co_names:
        if isinstance(names.get(name), FunctionType):
            names[name] = njit(compilable(names[name]))
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)


def fingerprint(function: FunctionType) -> str:
    """A hash of what `function` computes: its byte code and that of the plain functions it names."""
    digest = hashlib.sha256()
    _digest(digest, function, set())
    return digest.hexdigest()[:16]


def _digest(digest: Any, function: FunctionType, seen: set[str]) -> None:
    if function.__qualname__ in seen:
        return
    seen.add(function.__qualname__)
    _digest_code(digest, function.__code__)
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, FunctionType):
            _digest(digest, value, seen)
        elif isinstance(value, int | float | str):
            digest.update(repr((name, value)).encode())


def _digest_code(digest: Any, code: CodeType) -> None:
    digest.update(code.co_code)
    digest.update(repr(code.co_names).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _digest_code(digest, constant)
        else:
            digest.update(repr(constant).encode())
