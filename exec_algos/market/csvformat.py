"""`CsvFormat`: what a caller says of how a text file is written, where it does not tell itself."""

from __future__ import annotations

import codecs
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.barfields import FIELDS, UNUSED
from exec_algos.market.columns import parse_columns
from exec_algos.market.textfile import LONGEST_LINE, MOST_UNPACKED

UNBOUNDED = 1 << 62

EPOCH = "epoch"


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFormat:
    r"""How a text file of bars is written; what is not said is told by the file, or asked for.

    Parameters
    ----------
    columns : mapping, sequence or str
        Their name for each field: ``{"open": "Erster", "volume": "Stücke"}`` or ``"open=Erster,volume=Stücke"``. For a file without a
        header the fields in the order of its columns, ``"timestamp,open,high,low,close,volume"``; ``-`` is a column that is not used.
        Fields: symbol, timestamp (or date and time), open, high, low, close, volume, vwap, notional, bid, ask, bid_size, ask_size.
    header : bool
        Whether the first row has the names of the columns.
    encoding : str, optional
        As Python names it: ``"cp1252"``, ``"shift_jis"``.
    decimal : {".", ","}, optional
        What stands before the decimals; the other one may then stand between groups of three digits.
    price_scale : float
        What a price of 1 in the file is worth: 0.0001 where prices are stored times 10,000, 0.01 where they are in pence. Prices, VWAP,
        bids and asks are multiplied by it.
    date_format : str, optional
        Of stamps, as ``strptime`` takes it: ``"%d/%m/%Y %H:%M"``; of date and time together with one blank between them. ``"epoch"``:
        s, ms, us or ns since 1970.
    allow_negative : bool
        Take prices at or below zero, which power and some futures have.
    allow_large : bool
        Take files that unpack to more than 512 MiB, and lines of more than 1,048,576 characters. They need several times that in memory.

    Raises
    ------
    UsageError
        A value that cannot be; the message says which can.
    UnknownNameError
        No such field.

    Examples
    --------
    >>> CsvFormat(columns="open=Erster", decimal=",").names
    {'open': 'Erster'}
    >>> CsvFormat(columns="timestamp,open,high,low,close,-,volume", header=False).order[-2:]
    ('-', 'volume')
    """

    columns: Mapping[str, str] | Sequence[str] | str = ""
    header: bool = True
    encoding: str | None = None
    decimal: str | None = None
    price_scale: float = 1.0
    date_format: str | None = None
    allow_negative: bool = False
    allow_large: bool = False

    def __post_init__(self) -> None:
        if self.decimal not in (None, ".", ","):
            raise UsageError(f"decimal must be '.' or ',', got {self.decimal!r}")
        scale = self.price_scale
        if not (math.isfinite(scale) and scale > 0):
            raise UsageError(f"price_scale must be a number above zero, got {scale!r}; 0.0001 where prices are stored times 10,000")
        if self.encoding is not None:
            _check_encoding(self.encoding)
        if self.date_format is not None and self.date_format != EPOCH and "%" not in self.date_format:
            raise UsageError(f"date_format {self.date_format!r} is none; write it as strptime takes it, such as '%d/%m/%Y %H:%M', or epoch")
        if self.header and self.order:
            raise UsageError(
                "columns is a list of names in order, which is for a file without a header; write field=NAME pairs, or header=False"
            )
        self._check_fields()

    def _check_fields(self) -> None:
        named = [name for name in self.order if name != UNUSED]
        _ = self.names  # refuses what cannot be
        for name in named:
            if name not in FIELDS:
                raise UnknownNameError("field", name, FIELDS)
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise UsageError(f"columns: {twice[0]!r} is said twice; say it once")

    @property
    def names(self) -> dict[str, str]:
        """Their name for each field that was named."""
        pairs = isinstance(self.columns, Mapping) or (isinstance(self.columns, str) and "=" in self.columns)
        return parse_columns(self.columns, FIELDS) if pairs else {}  # type: ignore[arg-type]

    @property
    def order(self) -> tuple[str, ...]:
        """The fields in the order of the columns, for a file without a header."""
        if isinstance(self.columns, str):
            return () if "=" in self.columns or not self.columns else tuple(name.strip() or UNUSED for name in self.columns.split(","))
        return () if isinstance(self.columns, Mapping) else tuple(self.columns)

    @property
    def most(self) -> int:
        """Bytes that a file may unpack to."""
        return UNBOUNDED if self.allow_large else MOST_UNPACKED

    @property
    def longest(self) -> int:
        """Characters that a line may have."""
        return UNBOUNDED if self.allow_large else LONGEST_LINE

    def said(self) -> tuple[str, ...]:
        """The names of what was said."""
        plain = CsvFormat()
        return tuple(field.name for field in fields(self) if getattr(self, field.name) != getattr(plain, field.name))


def _check_encoding(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise UsageError(f"unknown encoding {encoding!r}; name one that Python has: utf-8, cp949, cp1252, utf-16") from None


def csv_format(said: Mapping[str, Any]) -> CsvFormat:
    """A `CsvFormat` of what was said by name.

    Raises
    ------
    UnknownNameError
        No such option of a reader.
    """
    known = [field.name for field in fields(CsvFormat)]
    for name in said:
        if name not in known:
            raise UnknownNameError("option of a reader", name, known)
    return CsvFormat(**said)
