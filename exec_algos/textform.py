"""The text form of a value: ``name`` or ``name:parameter=value,parameter=value``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from exec_algos.errors import UnknownNameError, UsageError

Value = TypeVar("Value")


def text_of(value: Any) -> str:
    """The text form of a frozen dataclass that has a `name`: parameters that stand at their default are left out."""
    changed = [f"{f.name}={_text(getattr(value, f.name))}" for f in fields(value) if getattr(value, f.name) != f.default]
    return ":".join([value.name, ",".join(changed)]) if changed else str(value.name)


def from_text(kind: str, text: str, known: Mapping[str, type[Value]]) -> Value:
    """A value from its text form.

    Parameters
    ----------
    kind : str
        What it is, for the message.
    text : str
    known : mapping
        Dataclasses by name.

    Raises
    ------
    UnknownNameError
        No such name or parameter.
    UsageError
        A value that is no number, or one that is out of range.
    """
    if not isinstance(text, str):
        raise UsageError(f"{kind} must be a text such as {next(iter(known))!r}, got {text!r}")
    name, _, rest = text.strip().partition(":")
    if name.lower() not in known:
        raise UnknownNameError(kind, name, known)
    cls: Any = known[name.lower()]
    allowed = {f.name: f for f in fields(cls)}
    given: dict[str, Any] = {}
    for pair in filter(None, rest.split(",")):
        key, _, value = pair.partition("=")
        if key.strip() not in allowed:
            raise UnknownNameError(f"parameter of {name}", key.strip(), allowed)
        if key.strip() in given:
            raise UsageError(f"{key.strip()} stands twice in {text!r}; say it once")
        given[key.strip()] = _number(key, value, type(allowed[key.strip()].default))
    made: Value = cls(**given)
    return made


def _text(value: float) -> str:
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _number(key: str, text: str, kind: type) -> float:
    try:
        value = float(text)
        if kind is int and value == int(value):
            return int(value)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{key} needs a number, got {text!r}") from error
    if kind is int:
        raise UsageError(f"{key} needs a whole number, got {text!r}")
    return value
