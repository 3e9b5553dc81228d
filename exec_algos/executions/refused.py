"""`RefusedRow`: a row of orders or fills that is not counted, and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import NamedTuple

from exec_algos.textform import guarded

ORDERS, FILLS = "orders", "fills"


class RefusedRow(NamedTuple):
    """A row that is left out.

    Attributes
    ----------
    table : str
        ``"orders"`` or ``"fills"``.
    row : int
        As a spreadsheet shows it: the first below the column names is 1.
    value : str
        What stands there.
    reason : str
    """

    table: str
    row: int
    value: str
    reason: str


def refused_rows_text(rows: Iterable[RefusedRow]) -> bytes:
    """The rows as the file that lists them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([RefusedRow._fields, *(map(guarded, row) for row in sorted(rows))])
    return text.getvalue().encode()
