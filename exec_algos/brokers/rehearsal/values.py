"""What a rehearsal venue says in JSON, as the values of `exec_algos.brokers.venue`; what is not as agreed is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from exec_algos.brokers.venue import Accepted, Book, NotSent, OrderRow, Rejected, Report, VenueCaps
from exec_algos.errors import VenueError
from exec_algos.model import Side

if TYPE_CHECKING:
    from exec_algos.brokers.rehearsal.http import Answer
    from exec_algos.market.bars import Bars

T = TypeVar("T")
OWN_ID = 36
REFUSALS = (400, 404, 413, 422)
TOO_MANY = 429


def caps_of(said: Mapping[str, Any]) -> VenueCaps:
    """What the venue can do."""
    rate = _get(said, "rate", float)
    ids = OWN_ID if _get(said, "client_ids", bool) else 0
    return VenueCaps(name=_get(said, "name", str), paper=True, own_id_length=ids, push=True, rate=rate or math.inf)


def outcome_of(answer: Answer, done: int) -> Accepted | Rejected | NotSent:
    """What an answer to an order or a cancel means; `done` is the status of one that was taken.

    Raises
    ------
    VenueError
        It does not say.
    """
    status, said = answer
    if status == done:
        return Accepted(_get(said, "venue_id", str), _get(said, "time", int))
    if status == TOO_MANY and said.get("code") == "rate":
        return NotSent(f"refused unread by the limit of rate: {said.get('text', '')}")
    if status in REFUSALS and isinstance(said.get("code"), str):
        return Rejected(said["code"], str(said.get("text", "")), said.get("lasting") is True)
    raise VenueError(f"answered {status}, which does not say what became of the request: {said}")


def row_of(said: Mapping[str, Any]) -> OrderRow:
    """A row of a list of orders."""
    numbers: dict[str, Any] = {name: float(_get(said, name, float)) for name in ("quantity", "filled", "amount", "open")}
    texts: dict[str, Any] = {name: _get(said, name, str) for name in ("venue_id", "own_id", "symbol", "state", "reason")}
    return OrderRow(**texts, **numbers, side=_side(said), limit=_or_nan(said, "limit"), accepted=_get(said, "accepted", int))


def report_of(said: Mapping[str, Any]) -> Report:
    """A pushed report."""
    texts: dict[str, Any] = {name: _get(said, name, str) for name in ("kind", "venue_id", "own_id", "symbol", "reason")}
    if texts["kind"] != "fill":
        return Report(**texts, side=_side(said), time=_get(said, "time", int))
    numbers: dict[str, Any] = {name: float(_get(said, name, float)) for name in ("quantity", "price", "filled", "amount")}
    return Report(**texts, **numbers, side=_side(said), time=_get(said, "time", int), execution_id=_get(said, "execution_id", str))


def book_of(said: Mapping[str, Any]) -> Book:
    """Quotes."""
    try:
        bids, asks = (tuple((float(price), float(size)) for price, size in said[side]) for side in ("bids", "asks"))
    except (KeyError, TypeError, ValueError):
        raise VenueError(f"a book has bids and asks of price and size, got {said!r}") from None
    return Book(bids, asks, _get(said, "time", int), _or_nan(said, "last"), float(_get(said, "traded", float)))


def bars_of(symbol: str, said: Mapping[str, Any], step: int) -> Bars | None:
    """Bars; None where there are none.

    Raises
    ------
    VenueError
        They are of another step than was asked for, or cannot be.
    """
    from exec_algos.market.bars import PRICES, Bars

    found = _get(said, "step", int)
    start = np.array(_get(said, "start", list), dtype=np.int64)
    if not len(start):
        return None
    if found != step:
        raise VenueError(f"{symbol}: the venue has bars of {found / 1e9:g} s, and bars of {step / 1e9:g} s are asked for; ask for its own")
    columns: dict[str, Any] = {name: np.array(_get(said, name, list), dtype=np.float64) for name in (*PRICES, "volume")}
    offsets = np.array([0, len(start)], dtype=np.int64)
    try:
        return Bars(symbols=(symbol,), offsets=offsets, start=start, step=step, zone=_get(said, "zone", str), **columns)
    except ValueError as error:
        raise VenueError(f"{symbol}: the venue's bars cannot be: {error}") from None


def numbers_of(said: Mapping[str, Any], name: str) -> dict[str, float]:
    """A mapping of names to numbers."""
    return {str(key): float(_get(found, key, float)) for found in (_get(said, name, dict),) for key in found}


def _side(said: Mapping[str, Any]) -> Side:
    name = _get(said, "side", str)
    if name not in Side.__members__:
        raise VenueError(f"side must be BUY or SELL, got {name!r}")
    return Side[name]


def _or_nan(said: Mapping[str, Any], name: str) -> float:
    return math.nan if said.get(name, math.nan) is None else float(_get(said, name, float))


def _get(said: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value: Any = said.get(name)
    kinds: Any = (int, float) if kind is float else kind
    if not isinstance(value, kinds) or (isinstance(value, bool) and kind is not bool):
        raise VenueError(f"{name} must be a {kind.__name__}, got {value!r}")
    return kind(value)  # type: ignore[call-arg]
