"""What is a number: neither text nor truth nor complex."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from exec_algos.errors import UsageError


def check_real(**values: Any) -> None:
    """Refuse what is no real number; True and False are none.

    Raises
    ------
    UsageError
        Text, a truth value, a complex number, None ...
    """
    for name, value in values.items():
        if not isinstance(value, Real) or isinstance(value, bool):
            raise UsageError(f"{name} must be a number, got {value!r}")


def check_whole(**values: Any) -> None:
    """Refuse what is no whole number of an integer type.

    Raises
    ------
    UsageError
        A fraction, text, a truth value ...
    """
    for name, value in values.items():
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise UsageError(f"{name} must be a whole number, got {value!r}")
