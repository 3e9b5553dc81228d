"""`Table`: a file or a frame of orders or fills by column, whatever separates or packs it, and in one pass where the text is plain."""

from __future__ import annotations

import hashlib
import io
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.checks import Ints
from exec_algos.errors import MarketDataError, UsageError
from exec_algos.market.boundary import reading
from exec_algos.market.textfile import decoded, read_bytes, unpacked
from exec_algos.studies.design.written.files import NUMBER, SEPARATOR, separator_of, table_of
from exec_algos.studies.design.written.form import OrderForm
from exec_algos.studies.design.written.rows import numbers_of
from exec_algos.textform import unguarded

if TYPE_CHECKING:
    import pandas as pd

PARQUET = b"PAR1"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Orders or fills as they were written.

    Attributes
    ----------
    names : list of str
    columns : list of pyarrow.Array
        Texts as a dictionary of the different ones, or values of one type.
    numbers : ndarray of int64
        Which row of the file each is: 1 is the first below the column names, blank rows count.
    separator : str
        Of a text file; else a comma, for a column of texts in a Parquet file has no say in its decimal mark.
    place : str
        The file; empty of a frame.
    sha256 : str
        Of the file's bytes as they lie there; empty of a frame.
    """

    names: list[str]
    columns: list[Any]
    numbers: Ints
    separator: str
    place: str = ""
    sha256: str = ""

    def __len__(self) -> int:
        return len(self.numbers)

    def bare(self) -> Table:
        """Without its cells: those of a million fills take hundreds of megabytes."""
        return replace(self, columns=[])

    def frame(self) -> pd.DataFrame:
        """The same as a frame whose index says the row numbers."""
        import pandas as pd

        found = pd.DataFrame({i: _plain(column).to_pandas() for i, column in enumerate(self.columns)}).set_axis(self.names, axis=1)
        found.index = pd.Index(self.numbers, dtype="int64", name=NUMBER)
        found.attrs[SEPARATOR] = self.separator
        return found


def _plain(column: Any) -> Any:
    import pyarrow as pa

    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def read_table(source: str | os.PathLike[str] | pd.DataFrame, form: OrderForm, encoding: str | None = None) -> Table:
    """A CSV (any separator, packed or not), a Parquet file or a frame.

    Raises
    ------
    UsageError
        No such file, or one that is no table.
    """
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return _of_frame(source)
    place = os.fspath(source)
    try:
        with reading(place):
            data = read_bytes(source)
            digest = hashlib.sha256(data).hexdigest()
            if data.startswith(PARQUET):
                return replace(_of_parquet(data, place), sha256=digest)
            return replace(_of_text(decoded(unpacked(data, file=place), encoding, file=place), form), place=place, sha256=digest)
    except MarketDataError:
        raise
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from error


def _of_parquet(data: bytes, place: str) -> Table:
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(data), page_checksum_verification=True).combine_chunks()
    return Table(list(table.column_names), [_told(column.combine_chunks()) for column in table.columns], _counted(len(table)), ",", place)


def _of_frame(frame: pd.DataFrame) -> Table:
    columns = [_column_of(frame.iloc[:, i]) for i in range(frame.shape[1])]
    return Table([str(name) for name in frame.columns], columns, numbers_of(frame), frame.attrs.get(SEPARATOR, ","))


def _column_of(series: pd.Series[Any]) -> Any:
    import pandas as pd
    import pyarrow as pa

    if pd.api.types.is_numeric_dtype(series) or isinstance(series.dtype, pd.DatetimeTZDtype) or series.dtype.kind == "M":
        return _told(pa.Array.from_pandas(series))
    cells = ["" if pd.isna(cell) else cell if isinstance(cell, str) else str(cell) for cell in series.tolist()]
    return pa.array(cells, pa.string()).dictionary_encode()


def _told(column: Any) -> Any:
    """Texts as a dictionary, missing ones empty; what is neither text, number nor time as text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_timestamp(kind) or ((pa.types.is_integer(kind) or pa.types.is_floating(kind)) and not pa.types.is_boolean(kind)):
        return column
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    return pc.fill_null(column.cast(pa.string()), "").dictionary_encode()


def _counted(rows: int) -> Ints:
    return np.arange(1, rows + 1, dtype=np.int64)


def _of_text(text: str, form: OrderForm) -> Table:
    """A text; one without quotation marks, blank lines and rows of other lengths in one pass."""
    if '"' in text or "\n\n" in text or text.startswith("\n") or re.match(r"\s*sep=.\n", text):
        return _of_frame(table_of(text, form))
    separator = separator_of(text, form)
    columns = _in_one_pass(text, separator)
    if columns is None:
        return _of_frame(table_of(text, form))
    names = [unguarded(name).strip() for name in text.partition("\n")[0].split(separator)]
    found = Table(names, columns, _counted(len(columns[0]) if columns else 0), separator)
    return _without_blanks(found)


def _in_one_pass(text: str, separator: str) -> list[Any] | None:
    """The columns below the first line as dictionaries of texts; None where a row is longer or shorter."""
    import pyarrow as pa
    from pyarrow import csv

    width = text.partition("\n")[0].count(separator) + 1
    names = [str(i) for i in range(width)]
    texts = pa.dictionary(pa.int32(), pa.string())
    try:
        table = csv.read_csv(
            pa.py_buffer(text.encode()),
            read_options=csv.ReadOptions(column_names=names, skip_rows=1, use_threads=False),
            parse_options=csv.ParseOptions(delimiter=separator, quote_char=False, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, texts), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    return [_unguarded(column.unify_dictionaries().combine_chunks()) for column in table.columns]


def _unguarded(column: Any) -> Any:
    """Cells without the apostrophe that keeps a spreadsheet from making a formula of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string()).dictionary_encode()
    words = column.dictionary
    if not pc.any(pc.starts_with(words, "'")).as_py():
        return column
    changed = pa.array([unguarded(word) for word in words.to_pylist()], pa.string())
    return changed.take(column.indices).dictionary_encode()


def _without_blanks(table: Table) -> Table:
    """Without the rows in which nothing stands; the others keep their numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    blank = np.ones(len(table), dtype=bool)
    for column in table.columns:
        words = pc.equal(pc.utf8_trim_whitespace(column.dictionary), "").to_numpy(zero_copy_only=False).astype(bool)
        blank &= words[column.indices.to_numpy()] if len(words) else blank
    if not blank.any():
        return table
    keep = pa.array(np.flatnonzero(~blank))
    return replace(table, columns=[column.take(keep) for column in table.columns], numbers=table.numbers[~blank])
