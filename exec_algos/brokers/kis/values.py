"""Single values of KIS's rows: numbers in the forms that KIS writes, codes, days and times. What cannot be is refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from exec_algos.brokers.kis.answers import Envelope, shown
from exec_algos.errors import VenueError
from exec_algos.model import Side

Row = Mapping[str, Any]

KST = timezone(timedelta(hours=9), "KST")
"""Korea has had no summer time since 1988."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000_000
NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,10})?", re.ASCII)
BLANK = ("", "-")
"""What KIS writes where there is no number."""
NOTHING_TO_SHOW = "KIOK0560"
SIDES: Mapping[str, Side] = {"01": Side.SELL, "02": Side.BUY}
YES_NO: Mapping[str, bool] = {"Y": True, "N": False}


def text_of(row: Row, name: str, *, missing: str | None = None) -> str:
    """A text without spaces around it.

    Raises
    ------
    VenueError
        It is missing, where `missing` gives nothing in its place, or is no text.
    """
    found = row.get(name, missing)
    if not isinstance(found, str):
        raise VenueError(f"{name} must be a text, got {found!r}")
    return found.strip()


def number_of(row: Row, name: str, *, blank: float | None = None, missing: str | None = None) -> float:
    """A number that is not negative, currency or shares; `blank` for "" and "-".

    Raises
    ------
    VenueError
        NaN, an infinity, an exponent, a sign, a comma, another alphabet's digits, or what is missing.
    """
    found = text_of(row, name, missing=missing)
    if blank is not None and found in BLANK:
        return blank
    if not NUMBER.fullmatch(found):
        raise VenueError(f"{name} must be a number that is not negative, got {shown(found)}")
    return float(found)


def whole_of(row: Row, name: str, *, blank: int | None = None, missing: str | None = None) -> int:
    """Whole shares.

    Raises
    ------
    VenueError
        As for `number_of`, or a part of a share.
    """
    found = text_of(row, name, missing=missing)
    if blank is not None and found in BLANK:
        return blank
    whole, _, part = found.partition(".")
    if not NUMBER.fullmatch(found) or part.strip("0"):
        raise VenueError(f"{name} must be a whole number of shares that is not negative, got {shown(found)}")
    return int(whole)


def side_of(row: Row, name: str) -> Side:
    """A side: ``"01"`` sells, ``"02"`` buys."""
    found = text_of(row, name)
    if found not in SIDES:
        raise VenueError(f"{name} must be 01 (sell) or 02 (buy), got {shown(found)}")
    return SIDES[found]


def flag_of(row: Row, name: str, *, missing: str | None = None) -> bool:
    """``"Y"`` or ``"N"``."""
    found = text_of(row, name, missing=missing)
    if found not in YES_NO:
        raise VenueError(f"{name} must be Y or N, got {shown(found)}")
    return YES_NO[found]


def odno_of(row: Row, name: str) -> str:
    """An order number, ten digits."""
    found = text_of(row, name)
    if not re.fullmatch("[0-9]{1,10}", found) or not found.strip("0"):
        raise VenueError(f"{name} must be an order number of up to ten digits, got {shown(found)}")
    return found.zfill(10)


def original_of(row: Row, name: str) -> str:
    """The number of the order that a request changes, ten digits; empty where it is blank or zero, for a row of its own."""
    found = text_of(row, name, missing="")
    return odno_of(row, name) if found.strip("0") else ""


def symbol_of(row: Row, name: str) -> str:
    """A symbol: six signs, or Q and six; futures and others have more."""
    found = text_of(row, name)
    if not re.fullmatch("[0-9A-Z]{6,12}", found):
        raise VenueError(f"{name} must be a symbol, such as 005930, got {shown(found)}")
    return found


def code_of(row: Row, name: str, *, missing: str | None = None) -> str:
    """A short code of letters and digits, or nothing."""
    found = text_of(row, name, missing=missing)
    if not re.fullmatch("[0-9A-Za-z]{0,8}", found):
        raise VenueError(f"{name} must be a code of letters and digits, got {shown(found)}")
    return found


def day_of(row: Row, name: str) -> str:
    """A day that there is, YYYYMMDD."""
    found = text_of(row, name)
    instant(found, "000000", name)
    return found


def instant(day: str, hour: str, name: str = "time") -> int:
    """A KST day (YYYYMMDD) and time of day (HHMMSS) as ns UTC.

    Raises
    ------
    VenueError
        There is no such day or time.
    """
    try:
        if not re.fullmatch("[12][0-9]{13}", day + hour):
            raise ValueError
        moment = datetime(int(day[:4]), int(day[4:6]), int(day[6:]), int(hour[:2]), int(hour[2:4]), int(hour[4:]), tzinfo=KST)
    except ValueError:
        raise VenueError(f"{name} must be a day YYYYMMDD and a time HHMMSS that there are, got {shown(day)} and {shown(hour)}") from None
    return (moment - EPOCH) // timedelta(seconds=1) * SECOND


def rows_of(envelope: Envelope, name: str) -> list[Row]:
    """The rows of an answer; none only where KIS said so, with an empty array or a code.

    Raises
    ------
    VenueError
        An answer that is no success, and one without rows that does not say so.
    """
    _check_ok(envelope)
    found = envelope.data.get(name)
    if isinstance(found, dict) and found:
        found = [found]
    if not found and envelope.code == NOTHING_TO_SHOW:
        return []
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise VenueError(f"{name} must be a list of rows, got {type(found).__name__}; code {envelope.code}, {envelope.text}")
    return found


def row_of(envelope: Envelope, name: str) -> Row:
    """The one row of an answer, which may stand in an array.

    Raises
    ------
    VenueError
        An answer that is no success, and one without it.
    """
    _check_ok(envelope)
    found = envelope.data.get(name)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        raise VenueError(f"{name} must be one row, got {type(found).__name__}; code {envelope.code}, {envelope.text}")
    return found


def _check_ok(envelope: Envelope) -> None:
    if not envelope.ok:
        raise VenueError(f"refused: {envelope.code} {envelope.text}")
