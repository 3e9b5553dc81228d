"""How many fields the rows of a text table have: one that is cut short is no row with empty cells at its end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from exec_algos.errors import MarketDataError

NEWLINE, RETURN, COMMA, QUOTED = 10, 13, 44, b'"'


def check_fields(data: bytes, names: Sequence[str], file: str, of: str) -> None:
    """Refuse a table with a row of fewer fields than it should have.

    A table with quoted fields is passed over: a separator may stand in them.

    Parameters
    ----------
    data : bytes
        Fields with commas between them, a row a line, without a row of names.
    names : sequence of str
        Those of a whole row.
    file, of : str
        Where the table stands, and whose rows they are, for the message.

    Raises
    ------
    MarketDataError
        Names the first such row, and how many there are; blank lines do not count.
    """
    if QUOTED in data:
        return
    signs = np.frombuffer(data if data.endswith(b"\n") else data + b"\n", np.uint8)
    ends = np.flatnonzero(signs == NEWLINE)
    lengths = np.diff(ends, prepend=-1) - 1
    blank = (lengths == 0) | ((lengths == 1) & (signs[ends - 1] == RETURN))
    counts = np.diff(np.searchsorted(np.flatnonzero(signs == COMMA), ends), prepend=0)[~blank] + 1
    short = np.flatnonzero(counts < len(names))
    if len(short):
        more = f"; {len(short)} of {len(counts)} rows are short" if len(short) > 1 else ""
        raise MarketDataError(
            f"{counts[short[0]]} fields, {of} have {len(names)} ({', '.join(names)}): the row is cut short{more}; "
            "get the file again, or take the row out",
            file=file, row=int(short[0]) + 1,
        )  # fmt: skip
