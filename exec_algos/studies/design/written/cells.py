"""Cells of a table: text without what a keyboard or a spreadsheet puts around it."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, NamedTuple


class Unread(NamedTuple):
    """A cell that is not understood: what stands there, and why not."""

    value: str
    reason: str


MINUS = dict.fromkeys(map(ord, "‐‑‒–—−﹣－"), "-")
# U+FF01 to U+FF5E are the ASCII signs once more, as wide as a Chinese one
WIDE = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
FORMULA = re.compile(r'="(.*)"')


def folded(text: str) -> str:
    """A cell's text: blanks of every kind as one, wide signs and digits of other scripts as ASCII, ``="7"`` of a spreadsheet as 7.

    >>> folded(" １\u202f２３４ "), folded('="005930"'), folded("−5")
    ('1 234', '005930', '-5')
    """
    text = unquoted(text)
    if not text.isascii():
        text = text.translate(MINUS).translate(WIDE)
        text = "".join(str(unicodedata.decimal(sign)) if unicodedata.category(sign) == "Nd" else sign for sign in text)
    return " ".join(text.split())


def unquoted(text: str) -> str:
    """A cell without the blanks around it, and without the formula that keeps a spreadsheet from making a number of it."""
    if text.isalnum():  # most ids and symbols; of a million cells the rest takes a second
        return text
    text = text.strip().strip("\u200b\ufeff")
    match = FORMULA.fullmatch(text)
    return match[1] if match is not None else text


def key_of(cell: Any) -> tuple[type, Any]:
    """What tells a cell from others: 1, 1.0 and True are not the same."""
    return type(cell), cell if isinstance(cell, str | int | float) else repr(cell)
