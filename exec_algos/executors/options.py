"""`OrderOptions`: what may be said of every parent order, whatever executes it; stated once."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, TypedDict

from exec_algos.model import Moment, Rules, Side


class OrderOptions(TypedDict, total=False):
    """What may be said of every order.

    Attributes
    ----------
    start, end : datetime, pandas.Timestamp, str or int
        The window: now and the session's close if absent. ``"HH:MM"`` is a time of the current session, a naive time is exchange time,
        a whole number is ns UTC.
    side : Side or str
        ``"BUY"`` by default, or ``"SELL"``.
    lot_size : int or float
        Shares in a lot, 1 by default; the quantity is a multiple of it.
    max_participation : float
        Our largest fraction of a bar's volume, in (0, 1]; no cap by default.
    rules : Rules
        Limit price, sizes of children, style, residual policy.
    ref : str
        Its name over restarts, unique at its account; a live broker gives one if absent.
    """

    start: Moment | None
    end: Moment | None
    side: Side | str
    lot_size: float
    max_participation: float | None
    rules: Rules
    ref: str


def taken_by(execute: Callable[..., Any]) -> list[Parameter]:
    """What an `execute` takes after self, ticker and quantity; where it takes ``**options: Unpack[OrderOptions]``, each of the options."""
    found: list[Parameter] = []
    for parameter in list(signature(execute).parameters.values())[3:]:
        if parameter.kind is Parameter.VAR_KEYWORD and "OrderOptions" in str(parameter.annotation):
            found += [Parameter(name, Parameter.KEYWORD_ONLY, default=None) for name in OrderOptions.__annotations__]
        else:
            found.append(parameter)
    return found
