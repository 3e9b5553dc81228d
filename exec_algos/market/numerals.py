"""Numbers of text tables: a decimal comma, groups of three digits, and what may be either and is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from exec_algos.errors import MarketDataError

if TYPE_CHECKING:
    import pandas as pd

GROUPS = "'\u2019 \u00a0\u202f"  # what stands between groups of three, besides comma and dot
NUMBER = r"[+-]?[0-9]+(?:{point}[0-9]*)?(?:[eE][+-]?[0-9]+)?"
GROUPED = r"[+-]?[0-9]{{1,3}}(?:[{groups}][0-9]{{3}})+(?:{point}[0-9]*)?"
# a comma that can only stand before decimals, and a dot that can only do so
COMMA_IS_DECIMAL = re.compile(
    r"[+-]?[0-9]*,(?:[0-9]{1,2}|[0-9]{4,})|[+-]?[0-9]{4,},[0-9]+|[+-]?0,[0-9]+|[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[+-]?[0-9]{1,3}(?:\.[0-9]{3}){2,}"
)
DOT_IS_DECIMAL = re.compile(
    r"[+-]?[0-9]*\.(?:[0-9]{1,2}|[0-9]{4,})|[+-]?[0-9]{4,}\.[0-9]+|[+-]?0\.[0-9]+|[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+|[+-]?[0-9]{1,3}(?:,[0-9]{3}){2,}"
)
EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")


def plain_numbers(text: pd.Series[Any], decimal: str) -> pd.Series[Any]:
    """Cells of text with a dot before their decimals and no groups; what is no number, or alone in groups, stays as it stands.

    Parameters
    ----------
    text : Series of str
    decimal : {".", ","}
        What stands before decimals in it.
    """
    groups = GROUPS + ("." if decimal == "," else ",")
    stripped = text.str.strip()
    grouped = stripped.str.fullmatch(GROUPED.format(groups=re.escape(groups), point=re.escape(decimal))).fillna(False).astype(bool)
    # in groups are all of a column or none: a blank or a mark in one of them is damage
    if bool(stripped.str.match(r"[+-]?[0-9]{4}").fillna(False).any()):
        grouped &= False
    number = stripped.str.fullmatch(NUMBER.format(point=re.escape(decimal))).fillna(False).astype(bool)
    plain = stripped.str.replace(f"[{re.escape(groups)}]", "", regex=True).where(grouped, stripped)
    pointed = plain.str.replace(",", ".", regex=False) if decimal == "," else plain
    # a dot where a comma was said is no decimal: such a cell becomes text that no library takes for a number
    return pointed.where(grouped | number, stripped if decimal == "." else stripped + " (the decimals are said to have a comma)")


def decimal_of(columns: Iterable[pd.Series[Any]]) -> str | None:
    """What stands before decimals in columns of text: a comma or a dot where some cell can only be read so, None where none can.

    Raises
    ------
    MarketDataError
        One cell can only have the one, another only the other.
    """
    proof: dict[str, str] = {}
    for column in columns:
        cells = column.dropna().str.strip().drop_duplicates()
        for decimal, pattern in ((",", COMMA_IS_DECIMAL), (".", DOT_IS_DECIMAL)):
            found = cells[cells.str.fullmatch(pattern)]
            if decimal not in proof and len(found):
                proof[decimal] = str(found.iloc[0])
    if len(proof) > 1:
        raise MarketDataError(f"{proof[',']!r} has a decimal comma and {proof['.']!r} a decimal dot; say decimal=',' or decimal='.'")
    return next(iter(proof), None)


def ambiguous(column: pd.Series[Any], mark: str) -> str | None:
    """A cell in which `mark` may stand before decimals or between groups of three, where it may in every cell that has it."""
    cells = column.dropna().str.strip()
    marked = cells[cells.str.contains(mark, regex=False)]
    return str(marked.iloc[0]) if len(marked) and bool(marked.str.fullmatch(EITHER).all()) else None
