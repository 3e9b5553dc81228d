"""A file of orders as a table of texts, whatever separates its columns."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from exec_algos.errors import MarketDataError, UsageError
from exec_algos.market.textfile import read_text
from exec_algos.studies.design.written.form import OrderForm
from exec_algos.textform import unguarded

if TYPE_CHECKING:
    import pandas as pd

NUMBER = "row of the file"  # name of the index of a frame that was read from a file
SEPARATOR = "separator"  # among the attributes of such a frame
SEPARATORS = (",", ";", "\t", "|")


def read_orders(path: str | os.PathLike[str], form: OrderForm | None = None, encoding: str | None = None) -> pd.DataFrame:
    """A file of orders, every value as the text that stands there: a symbol 005930 keeps its noughts, and NA is a symbol.

    Parameters
    ----------
    path : path or fsspec URL
    form : OrderForm, optional
    encoding : str, optional
        As `exec_algos.market.textfile.read_text` takes it.

    Raises
    ------
    UsageError
        No such file, one that is no table, or one without a column that is needed.
    """
    form = form or OrderForm()
    try:
        return table_of(read_text(path, encoding), form)
    except MarketDataError as error:
        raise UsageError(f"{os.fspath(path)}: {error.reason}; {give(form)}") from error
    except UsageError as error:
        raise UsageError(f"{os.fspath(path)}: {error}") from error


def give(form: OrderForm) -> str:
    """What to do where a file is no table."""
    return f"give a CSV with the columns {', '.join(form.needed)}"


def table_of(text: str, form: OrderForm) -> pd.DataFrame:
    """A table of texts without its blank rows; the index says which row of the file each is: 1 is the first below the column names.

    An apostrophe before what a spreadsheet would take for a formula is not part of the text: ``'=A`` is ``=A`` (`textform.guarded`).

    Raises
    ------
    UsageError
        There is nothing in it, a row has more values than there are column names, or a quote has no end.
    """
    import pandas as pd

    named = re.match(r"\s*sep=(.)\n", text)  # how a spreadsheet is told
    body = text[named.end() :] if named is not None else text
    separator = named[1] if named is not None else separator_of(body, form)
    skipped = text.count("\n", 0, named.end()) if named is not None else 0
    names: list[str] = []
    rows: list[list[str]] = []
    numbers: list[int] = []
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    number, line = -1, 1
    try:
        for cells in reader:
            begin, line = line, reader.line_num + 1
            number += bool(names)
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names, number = [unguarded(cell) for cell in cells], 0
                continue
            if len(cells) > len(names):
                raise UsageError(_too_many(cells, names, begin + skipped))
            rows.append([unguarded(cell) for cell in cells] + [""] * (len(names) - len(cells)))
            numbers.append(number)
    except csv.Error as error:
        raise UsageError(f"line {line + skipped} is no row of a table ({error}); is there a quote without an end? {give(form)}") from error
    if not names:
        raise UsageError(f"the file is empty; {give(form)}")
    frame = pd.DataFrame(rows, columns=range(len(names)), dtype="str").set_axis(names, axis=1)
    frame.index = pd.Index(numbers, dtype="int64", name=NUMBER)
    frame.attrs[SEPARATOR] = separator
    return frame


def separator_of(text: str, form: OrderForm) -> str:
    """What separates the columns: that of the separators with which most column names are known."""
    line = next((line for line in text.split("\n", 100) if line.strip()), "")
    return max(SEPARATORS, key=lambda separator: _known(line, separator, form))


def _known(line: str, separator: str, form: OrderForm) -> tuple[int, int]:
    try:
        names = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
        return len(form.places(names)), len(names)
    except (UsageError, csv.Error):  # it is said where the columns are looked for
        return 0, line.count(separator)


def _too_many(cells: Sequence[str], names: Sequence[str], line: int) -> str:
    return (
        f"line {line}: the rows have more values than there are column names ({len(cells)}, not {len(names)}); is there a comma within a "
        "number, or at the end of each row?"
    )
