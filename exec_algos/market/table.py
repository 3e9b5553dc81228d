"""Text tables: their separator, header and first row, and the frame that they hold."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.errors import MarketDataError
from exec_algos.market.barfields import SYMBOLS, TIMES, VALUES, NoBarsError, fields_of
from exec_algos.market.boundary import said_by
from exec_algos.market.csvformat import CsvFormat
from exec_algos.market.numerals import ambiguous, decimal_of, plain_numbers
from exec_algos.market.vendor import CsvTable

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = ",;\t|"
NO_NUMBER = ["", "nan", "NaN", "NA", "N/A", "null", "NULL", "None"]
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d*)?(?:[eE][+-]?\d+)?")
LIKE_A_TIME = re.compile(r"\d{8}([ T-]\d.*)?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T,].*)?|\d{10}|\d{12,19}")
MOST_ABOVE = 3  # lines that may stand above a header


def table_of(text: str, said: CsvFormat, *, file: str, stem: str) -> CsvTable:
    """What a text is a table of.

    Parameters
    ----------
    text : str
        Lines end with a newline.
    said : CsvFormat
        Whether it has a header.
    file, stem : str
        For messages, and for vendors who name their files.

    Raises
    ------
    MarketDataError
        Nothing stands in it.
    """
    text = _without_blank_lines(text.lstrip("\n"))
    if not text or text.isspace():
        raise MarketDataError("the file is empty; download it again", file=file)
    lines = text.split("\n", MOST_ABOVE + 2)
    above = _lines_above(lines)
    separator = max(SEPARATORS, key=lines[above].count)
    last = _last_line(text)
    head, second, ending = (split_row(line, separator) for line in (lines[above], (*lines[above + 1 :], "")[0], last))
    if said.header and not is_values(head):
        return CsvTable(text, separator, head, second, ending, above + 1, stem, said)
    return CsvTable(text, separator, (), head, ending, above, stem, said)


def _without_blank_lines(text: str, size: int = 1 << 13) -> str:
    """The text without blank lines near its beginning, where lines are counted; pandas passes over the others."""
    head = text[:size]
    while "\n\n" in head:
        head = head.replace("\n\n", "\n")
    return text if len(head) == min(size, len(text)) else head + text[size:]


def _last_line(text: str, size: int = 1 << 12) -> str:
    """The last line that is not blank, looking at the end of the text first."""
    ending = text[-size:].rstrip()
    if "\n" not in ending and size < len(text):
        return _last_line(text, size * 16)
    return ending.rsplit("\n", 1)[-1]


def _lines_above(lines: list[str]) -> int:
    """Lines without a separator above a line that has several: a link, a title."""
    for above, line in enumerate(lines[: MOST_ABOVE + 1]):
        most = max(map(line.count, SEPARATORS))
        if most >= 3:
            return above
        if most or line[:1].isdigit():
            return 0
    return 0


def split_row(line: str, separator: str) -> tuple[str, ...]:
    """The fields of a line, stripped."""
    try:
        # a blank before a quote makes it a sign of the field
        return tuple(field.strip().strip('"').strip() for field in next(csv.reader([line], delimiter=separator), [])) or ("",)
    except csv.Error:
        return (line.strip(),)


def is_values(fields: tuple[str, ...]) -> bool:
    """Whether a row holds numbers, not names."""
    return sum(bool(NUMBER.fullmatch(field)) for field in fields) > 3


def frame_of(
    table: CsvTable, file: str, *, names: Mapping[str, str] | None = None, order: tuple[str, ...] = (), skip: int | None = None
) -> pd.DataFrame:
    """The table with our fields' names; times and symbols stay text, whatever they look like.

    Parameters
    ----------
    table : CsvTable
    file : str
        For messages.
    names : mapping of str to str, optional
        The field for a column's name in lower case, where only this vendor has it.
    order : tuple of str
        The fields in order, for a table without a header.
    skip : int, optional
        Lines before the first row of values, if not `table.skip`.

    Raises
    ------
    MarketDataError
        No table; no header, and nobody said what the columns are; a number that may be read in two ways.
    """
    columns = _names(table, file, names or {}, order)
    if len(table.first) > len(columns):
        raise MarketDataError(f"the header has {len(columns)} names and the first row {len(table.first)} fields; name them all", file=file)
    table = table if skip is None else table._replace(skip=skip)
    frame = _parsed(table, columns, file, text=table.said.decimal == ",")
    return _with_numbers(frame, table, columns, file)


def _names(table: CsvTable, file: str, names: Mapping[str, str], order: tuple[str, ...]) -> tuple[str, ...]:
    if table.header and not order:
        return fields_of(table.header, table.said.names, names, file)
    order = order or table.said.order
    if not order:
        kind = MarketDataError if LIKE_A_TIME.fullmatch(table.first[0]) else NoBarsError
        shown = table.text.split("\n", table.skip + 1)[table.skip].strip()[:120]
        raise kind(
            f"the first row holds numbers, not names: {shown!r}; add a header row, or say what its columns are: "
            "header=False, columns='timestamp,open,high,low,close,volume' ",
            file=file,
        )
    unused = iter(range(len(order)))
    return tuple(f"column {next(unused) + 1}" if name == "-" else name for name in order)


def _parsed(table: CsvTable, columns: tuple[str, ...], file: str, *, text: bool) -> pd.DataFrame:
    import pandas as pd

    texts = (*TIMES, *SYMBOLS, *(VALUES if text else ()))
    types = {name: str for name in columns if name.lower() in texts}
    missing = {name: NO_NUMBER for name in columns if name.lower() not in (*TIMES, *SYMBOLS)}  # of a ticker, NA is a name
    try:
        return pd.read_csv(
            io.StringIO(table.text), sep=table.separator, names=list(columns), skiprows=table.skip,
            dtype=types, na_values=missing, keep_default_na=False,
        )  # fmt: skip
    except (pd.errors.ParserError, ValueError) as error:
        raise MarketDataError(f"cannot be read as a table: {said_by(error)}", file=file) from error


def _with_numbers(frame: pd.DataFrame, table: CsvTable, columns: tuple[str, ...], file: str) -> pd.DataFrame:
    """The frame with its columns of text as numbers where people wrote them with a comma or in groups."""
    values = [name for name in columns if name in VALUES]
    suspects = [name for name in values if table.said.decimal is None and table.separator == ";" and _in_thousandths(frame[name])]
    if suspects:
        whole = _parsed(table, columns, file, text=True)
        frame = frame.assign(**{name: whole[name] for name in suspects})
    texts = {name: frame[name].astype("string") for name in values if not _is_number(frame[name])}
    if not texts:
        return frame
    fractions = any(_is_number(frame[name]) and bool((frame[name] % 1 != 0).any()) for name in values if name not in texts)
    decimal = table.said.decimal or _decimal(texts, suspects, fractions, file)
    return frame.assign(**{name: plain_numbers(column, decimal) for name, column in texts.items()})


def _is_number(column: pd.Series[Any]) -> bool:
    return bool(np.issubdtype(column.dtype, np.number) or column.dtype == bool) if isinstance(column.dtype, np.dtype) else False


def _in_thousandths(column: pd.Series[Any]) -> bool:
    """Whether the dot of its numbers may stand between thousands: ``12.707``, ``125.000`` where fields are separated by semicolons."""
    if column.dtype != np.float64:
        return False
    thousands = column.dropna().to_numpy() * 1000.0
    return bool((np.abs(thousands - np.rint(thousands)) < 1e-6 * np.maximum(np.abs(thousands), 1.0)).all())


def _decimal(texts: Mapping[str, pd.Series[Any]], suspects: list[str], fractions: bool, file: str) -> str:
    """What stands before decimals, by the cells that can be read one way only; those that may be read both ways are asked about.

    Parameters
    ----------
    texts : mapping of str to Series of str
        The columns that are no numbers as they stand.
    suspects : list of str
        Those that are, and whose dot may stand between thousands.
    fractions : bool
        Whether another column has decimals behind a dot.
    file : str
        For messages.

    Raises
    ------
    MarketDataError
        Nothing tells, or one column says the one and another the other.
    """
    try:
        proof = decimal_of(texts.values())
    except MarketDataError as error:
        raise MarketDataError(error.reason, file=file) from error
    if proof == ",":
        if fractions:
            raise MarketDataError("some columns have a decimal dot and others a decimal comma; say decimal=',' or decimal='.'", file=file)
        return ","
    dotted = proof == "." or fractions
    for name, column in texts.items():
        cell = (name in suspects and ambiguous(column, ".")) or (not dotted and ambiguous(column, ","))
        if cell:
            raise MarketDataError(
                f"{name} {cell!r} may be thousands or have decimals, and so may every other; say decimal=',' or decimal='.'", file=file
            )
    return "."
