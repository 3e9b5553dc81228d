"""Records of KIS's streams of quotes as values: books of ``H0STASP0``, trades of ``H0STCNT0``; read strictly, and thousands a second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from exec_algos.brokers.kis.frames import FrameError
from exec_algos.brokers.kis.rows import instant
from exec_algos.brokers.venue import Book
from exec_algos.errors import VenueError

BOOKS, TRADES = "H0STASP0", "H0STCNT0"
LEVELS = 10
PRICES = 3  # the first of ten asks, ten bids, and the shares at each of them in the same order
TRADED = 53
LEAST_BOOK, LEAST_TRADE = 54, 14
DIGITS = frozenset("0123456789.")


class Trade(NamedTuple):
    """A trade of the market: price in currency per share, shares, those of the session so far, and when, ns UTC."""

    symbol: str
    price: float
    quantity: float
    traded: float
    time: int


class Quotes(NamedTuple):
    """A symbol's book; `Book.last` is not told by this stream."""

    symbol: str
    book: Book


def quotes_of(fields: Sequence[str], day: str) -> Quotes:
    """A record of ``H0STASP0``, which has no date: `day` is today's, YYYYMMDD. Levels that are empty are left out.

    Raises
    ------
    FrameError
        Too few fields, or a value that cannot be.
    """
    _check(fields, LEAST_BOOK, BOOKS)
    numbers = _numbers([*fields[PRICES : PRICES + 4 * LEVELS], fields[TRADED]], BOOKS)
    asks, bids = _levels(numbers, 0), _levels(numbers, LEVELS)
    return Quotes(fields[0], Book(bids, asks, _time(day, fields[1]), traded=numbers[-1]))


def trade_of(fields: Sequence[str], day: str) -> Trade:
    """A record of ``H0STCNT0``, of 46 fields or more.

    Raises
    ------
    FrameError
        Too few fields, or a value that cannot be.
    """
    _check(fields, LEAST_TRADE, TRADES)
    price, quantity, traded = _numbers([fields[2], fields[12], fields[13]], TRADES)
    return Trade(fields[0], price, quantity, traded, _time(day, fields[1]))


def _levels(numbers: Sequence[float], first: int) -> tuple[tuple[float, float], ...]:
    """Ten prices from `first` on, and their shares behind those of both sides."""
    shares = numbers[first + 2 * LEVELS : first + 3 * LEVELS]
    return tuple(level for level in zip(numbers[first : first + LEVELS], shares, strict=True) if level[0] and level[1])


def _check(fields: Sequence[str], least: int, tr_id: str) -> None:
    if len(fields) < least or not fields[0]:
        raise FrameError(f"a record of {tr_id} has a symbol and {least} fields or more, got {len(fields)}")


def _numbers(texts: list[str], tr_id: str) -> list[float]:
    if not DIGITS.issuperset("".join(texts)):
        raise FrameError(f"a record of {tr_id} has a number that is none")
    try:
        return [float(text) if text else 0.0 for text in texts]
    except ValueError:
        raise FrameError(f"a record of {tr_id} has a number that is none") from None


def _time(day: str, hour: str) -> int:
    try:
        return instant(day, hour)
    except VenueError as error:
        raise FrameError(str(error)) from None
