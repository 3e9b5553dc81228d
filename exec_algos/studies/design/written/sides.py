"""Sides as systems write them: words, letters, the codes of FIX tag 54, Korean; a column is understood, or refused as a whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from exec_algos.errors import UsageError
from exec_algos.model import Side
from exec_algos.studies.design.written.cells import Unread, folded, key_of

BUYS = (
    "B", "BUY", "BOT", "BOUGHT", "BUYS", "BL", "BUYLONG", "BC", "COVER", "BUYCOVER", "BUYTOCOVER", "BUYTOOPEN", "BUYTOCLOSE", "BTO", "BTC",
    "BUYMINUS", "매수", "현금매수", "신용매수", "買", "買い", "買付", "买", "买入",
)  # fmt: skip
SELLS = (
    "S", "SELL", "SLD", "SOLD", "SELLS", "SL", "SELLLONG", "SS", "SSE", "SSHORT", "SELLSHORT", "SHORTSELL", "SELLSHORTEXEMPT",
    "SHORTEXEMPT", "SELLTOOPEN", "SELLTOCLOSE", "STO", "STC", "SELLPLUS", "매도",
    "현금매도", "신용매도", "공매도", "売", "売り", "売付", "卖", "卖出",
)  # fmt: skip
WORDS: Mapping[str, int] = {**dict.fromkeys(BUYS, 1), **dict.fromkeys(SELLS, -1)}
# FIX 4.2 tag 54: buy, sell, buy minus, sell plus, sell short, sell short exempt
FIX: Mapping[str, int] = {"1": 1, "+1": 1, "2": -1, "3": 1, "4": -1, "5": -1, "6": -1}
SIGNS: Mapping[str, int] = {"1": 1, "+1": 1, "-1": -1}
MOST_UNKNOWN = 0.1  # of a column; more is another list of codes than we take it for
SYSTEMATIC = 5  # rows; fewer may be slips of the pen
PARTING = " _-./()[]:,"  # BUY_TO_COVER, buy (to open)
NO_SIDE = "side is neither BUY nor SELL"
SAY = "say what they mean: sides={...} (--sides 01=sell,02=buy)"


def parse_sides(text: str | Mapping[str, str] | None) -> dict[str, int]:
    """What codes of a desk mean, as ``--sides`` says it: +1 buys, -1 sells.

    Raises
    ------
    UsageError
        No pairs, one that stands twice, or a meaning that is neither buy nor sell.

    Examples
    --------
    >>> parse_sides("01=sell,02=buy")
    {'01': -1, '02': 1}
    """
    if text is None:
        return {}
    pairs = list(text.items()) if isinstance(text, Mapping) else [_pair(piece, text) for piece in text.split(",") if piece.strip()]
    found: dict[str, int] = {}
    for code, meaning in pairs:
        key = _written(code)
        if not key or key in found:
            raise UsageError(f"sides name {str(code)!r} {'twice' if key else 'as a code'}; say each code once: 01=sell,02=buy")
        found[key] = int(Side.of(meaning))
    if not found:
        raise UsageError(f"sides name no code, got {text!r}; say 01=sell,02=buy")
    return found


def _pair(piece: str, text: str) -> tuple[str, str]:
    code, _, meaning = piece.partition("=")
    if piece.count("=") != 1:
        raise UsageError(f"sides must be CODE=buy or CODE=sell pairs such as 01=sell,02=buy, got {text!r}")
    return code, meaning


def _written(cell: Any) -> str:
    """A cell's text in capitals; 1.0 of a column of numbers with gaps is 1."""
    text = folded(str(cell)).upper()
    return text.removesuffix(".0") if re.fullmatch(r"-?[1-9]\.0", text) else text


def read_sides(cells: Iterable[Any], own: Mapping[str, int] | None = None, orders: Sequence[bool] | None = None) -> list[int | Unread]:
    """The side of each cell of a column, +1 or -1, or why it has none.

    Parameters
    ----------
    cells : iterable
        Words, letters, or codes of FIX tag 54; 1 and -1 where there is a -1.
    own : mapping of str to int
        What `parse_sides` returns; it comes first.
    orders : sequence of bool, optional
        Which rows have a time; those without side and time are no orders, such as a line of totals, and do not count.

    Raises
    ------
    UsageError
        Over a tenth of the column is not understood, or a part of it and the rest has one side only: a study of the buys is a wrong study.
    """
    texts = list(cells)
    known = {key_of(cell): _written(cell) for cell in texts}
    codes = SIGNS if "-1" in known.values() else FIX
    meant = {**WORDS, **codes, **(own or {})}
    found = {key: meant.get(text) or (None if text in (own or {}) else meant.get(_bare(text))) for key, text in known.items()}
    sides: list[int | Unread] = [found[key_of(cell)] or Unread(str(cell), NO_SIDE) for cell in texts]
    counted = [bool(known[key_of(cell)]) or is_order for cell, is_order in zip(texts, orders or [True] * len(texts), strict=True)]
    check_both([side for side, counts in zip(sides, counted, strict=True) if counts], "side", SAY)
    return sides


def _bare(text: str) -> str:
    """Words without what parts them; codes stay, for 01 is not 1, and so do quotation marks, which a damaged file has within words."""
    word = "".join(sign for sign in text if sign not in PARTING)
    return "" if text[:1] in {"+", "-"} or word[:1].isdecimal() else word


def check_left(sides: Sequence[int | Unread], cells: Sequence[int | Unread] | Sequence[float | Unread], column: str) -> None:
    """Refuse a column that is not understood in any row of one of two sides, of which there are at least `SYSTEMATIC`.

    Raises
    ------
    UsageError
        A study of the other side would be a wrong study.
    """
    known = {side for side in sides if not isinstance(side, Unread)}
    left = {side for side, cell in zip(sides, cells, strict=True) if not (isinstance(side, Unread) or isinstance(cell, Unread))}
    lacking = sum(not isinstance(side, Unread) and side not in left for side in sides)
    if len(known) < 2 or len(left) != 1 or lacking < SYSTEMATIC:
        return
    lost = next(cell for side, cell in zip(sides, cells, strict=True) if isinstance(cell, Unread) and side not in left)
    what = "sells" if 1 in left else "buys"
    raise UsageError(f"the column {column!r} is understood in no row that {what}, such as {lost.value!r}: {lost.reason}")


def check_both(sides: Sequence[int | Unread], column: str, say: str) -> None:
    """Refuse a column of which too much is not understood for the rest to stand for it.

    Raises
    ------
    UsageError
        See `read_sides`.
    """
    unknown = [side for side in sides if isinstance(side, Unread)]
    rest = {side > 0 for side in sides if not isinstance(side, Unread)}
    if not unknown or (len(unknown) <= MOST_UNKNOWN * len(sides) and len(rest) > 1):
        return
    counts = Counter(side.value for side in unknown).most_common()
    shown = ", ".join(f"{value!r} {count} x" for value, count in counts[:5]) + (f" and {len(counts) - 5} more" if len(counts) > 5 else "")
    left = "" if len(rest) > 1 or len(unknown) > MOST_UNKNOWN * len(sides) else f", and the others {'buy' if True in rest else 'sell'} only"
    raise UsageError(f"the column {column!r} is not understood: {len(unknown)} of {len(sides)} rows{left} ({shown}); {say}")
