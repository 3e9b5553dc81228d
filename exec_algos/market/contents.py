"""What a file holds, told by its content: a table of text, JSON, Parquet, a workbook, or any of these packed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from exec_algos.errors import MarketDataError
from exec_algos.market.barfields import NoBarsError
from exec_algos.market.boundary import COPY, reading
from exec_algos.market.frames import Request, frame_rows
from exec_algos.market.lengths import with_named_length
from exec_algos.market.table import frame_of, table_of
from exec_algos.market.textfile import ALLOWED, FAILURES, decoded, is_left_by_a_system, member_of, unpacked
from exec_algos.market.validate import RawRows
from exec_algos.market.vendor import CsvTable, Document, Prepared, Vendor
from exec_algos.market.vendors import VENDORS, vendor_of

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("parquet", "csv", *VENDORS)
PACKED_SUFFIXES = (".gz", ".zst", ".zstd", ".bz2", ".xz", ".zip")
SUFFIXES = (".csv", ".txt", ".tsv", ".json", ".parquet", ".pq", ".xlsx", ".xlsm", ".xls", ".prn", ".asc")
MANY_THINGS = (".txt", ".json", ".xlsx", ".xlsm", ".xls")  # what is named so is seldom bars
LEFT_BY_A_SYSTEM = "left by a system, no file of bars"
PARQUET = b"PAR1"
MOST_TIMES = 100  # bars that trade are packed to a tenth, those without any to a hundredth
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
WORKBOOK = "[Content_Types].xml"
OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class Content(NamedTuple):
    """Bytes of a file, or of a member of a zip.

    Parameters
    ----------
    data : bytes
    file : str
        Its path, for messages.
    stem : str
        Its name without folder and suffixes: the symbol where nothing else names one.
    """

    data: bytes
    file: str
    stem: str


class Passed(NamedTuple):
    """A file that was passed over, and why."""

    file: str
    why: str


def stem_of(path: str) -> str:
    """A file's name without folder, and without the suffixes of its kind and of what packs it.

    Examples
    --------
    >>> stem_of("bars/BRK.B.csv.gz"), stem_of("BRK.B")
    ('BRK.B', 'BRK.B')
    """
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    for suffixes in (PACKED_SUFFIXES, SUFFIXES):
        for suffix in suffixes:
            if name.lower().endswith(suffix) and len(name) > len(suffix):
                name = name[: -len(suffix)]
                break
    return name


def content_rows(content: Content, request: Request, passed: Callable[[Passed], None]) -> Iterator[RawRows]:
    """Rows of each symbol of a file.

    Parameters
    ----------
    content : Content
    request : Request
        `format` names the vendor, or ``parquet`` or ``csv``; None tells it by the content.
    passed : callable
        Is told each member of a zip that holds no bars.

    Raises
    ------
    NoBarsError
        It holds no bars at all.
    MarketDataError
        See `Bars.read`.
    """
    if content.data.startswith(ZIP):
        yield from _zip_rows(content, request, passed)
        return
    if content.data.startswith(OLD_WORKBOOK):
        yield from _workbook_rows(content, request)
        return
    data = content.data if content.data.startswith(PARQUET) else unpacked(content.data, file=content.file, most=request.csv.most)
    if data is not content.data and data.startswith(ZIP):
        yield from _zip_rows(content._replace(data=data), request, passed)
    elif (
        request.format == "parquet"
        or (request.format is None and data.startswith(PARQUET))
        or content.file.lower().endswith((".parquet", ".pq"))
    ):
        yield from parquet_rows(data, request, file=content.file, stem=content.stem)
    else:
        yield from _text_rows(decoded(data, request.csv.encoding, file=content.file, longest=request.csv.longest), content, request)


def _zip_rows(content: Content, request: Request, passed: Callable[[Passed], None]) -> Iterator[RawRows]:
    """Rows of every member that holds bars; the others are passed over, unless none does."""
    try:
        with zipfile.ZipFile(io.BytesIO(content.data)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if WORKBOOK in names:
                yield from _workbook_rows(content, request)
                return
            members = [name for name in names if not is_left_by_a_system(name)]
            for name in sorted(set(names) - set(members)):
                passed(Passed(f"{content.file}/{name}", LEFT_BY_A_SYSTEM))
            contents = (_member(archive, name, content, request.csv.most, alone=len(names) == 1) for name in members)
            yield from _member_rows(contents, content, request, passed)
    except MarketDataError:
        raise
    except FAILURES as error:
        raise MarketDataError(f"not a whole zip ({' '.join(str(error).split())}); copy it again", file=content.file) from error


def _member_rows(members: Iterable[Content], content: Content, request: Request, passed: Callable[[Passed], None]) -> Iterator[RawRows]:
    found, why = False, NoBarsError("a zip that holds no file", file=content.file)
    for member in members:
        try:
            with reading(member.file):
                rows = list(content_rows(member, request, passed))
            found = True
            yield from rows
        except MarketDataError as error:
            if not is_something_else(error, member.file):
                raise
            why = NoBarsError(error.reason, file=member.file)
            passed(Passed(member.file, error.reason))
    if not found:
        raise why


def is_something_else(error: MarketDataError, path: str) -> bool:
    """Whether what cannot be read of a file is no loss: it is no table of bars, or its name is none of a file of bars."""
    name = path.rsplit("/", 1)[-1].lower()
    suffixes = tuple(suffix for suffix in (*PACKED_SUFFIXES, *SUFFIXES) if suffix not in MANY_THINGS)
    return isinstance(error, NoBarsError) or not name.endswith(suffixes)


def _member(archive: zipfile.ZipFile, name: str, content: Content, most: int, *, alone: bool) -> Content:
    """A member of a zip, unpacked; a zip of one file is that file packed, and gives it its name."""
    file = content.file if alone else f"{content.file}/{name}"
    return Content(member_of(archive, name, file, most), file, content.stem if alone else stem_of(name))


def _text_rows(text: str, content: Content, request: Request) -> list[RawRows]:
    begins = text.lstrip()[:1]
    if begins in ("{", "["):
        return _vendor_rows(_document(text, content), content, request)
    return _vendor_rows(table_of(text, request.csv, file=content.file, stem=content.stem), content, request)


def _document(text: str, content: Content) -> Document:
    try:
        return Document(json.loads(text), content.stem)
    except (ValueError, RecursionError) as error:
        raise MarketDataError(f"not a whole JSON text ({error}); get it again", file=content.file) from error


def _vendor_rows(source: CsvTable | Document, content: Content, request: Request) -> list[RawRows]:
    vendor = _vendor(source, content, request)
    if vendor is None:
        return _plain_rows(source, content, request)
    prepared = vendor.prepare(source, content.file)
    stem, named_step = vendor.named(content.stem)
    asked = _named_already(source, request)._replace(
        label=request.label or prepared.label or vendor.label, zone=request.zone or vendor.zone, step=request.step or prepared.step
    )
    frame = prepared.frame if prepared.symbol is None or "symbol" in prepared.frame else prepared.frame.assign(symbol=prepared.symbol)
    found = frame_rows(frame, asked, file=content.file, stem=stem)
    if vendor.newest_first:
        found = [oldest_first(rows) for rows in found]
    return [_noted(with_named_length(rows, named_step), prepared) for rows in found]


def _vendor(source: CsvTable | Document, content: Content, request: Request) -> Vendor | None:
    if request.format is not None:
        return VENDORS.get(request.format)
    if isinstance(source, CsvTable) and source.said.order:  # the caller knows better
        return None
    return vendor_of(source, content.file)


def _plain_rows(source: CsvTable | Document, content: Content, request: Request) -> list[RawRows]:
    frame = frame_of(source, content.file) if isinstance(source, CsvTable) else _records(source, content)
    return frame_rows(frame, _named_already(source, request), file=content.file, stem=content.stem)


def _named_already(source: CsvTable | Document, request: Request) -> Request:
    """The request without names of columns, which a text table was read by."""
    return request._replace(csv=replace(request.csv, columns="", header=True)) if isinstance(source, CsvTable) else request


def _records(source: Document, content: Content) -> pd.DataFrame:
    import pandas as pd

    rows = source.content
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise NoBarsError("JSON of no form that is known: a list of rows, or the answer of Alpaca or Polygon", file=content.file)
    return pd.DataFrame.from_records(rows)


def _noted(rows: RawRows, prepared: Prepared) -> RawRows:
    return replace(rows, notes=tuple(f"{rows.symbol}: {note}" for note in prepared.notes)) if prepared.notes else rows


def oldest_first(rows: RawRows) -> RawRows:
    """Rows that run newest first, turned round."""
    if len(rows) < 2 or rows.stamp[0] < rows.stamp[-1]:
        return rows
    flaws = tuple(flaw._replace(at=len(rows) - 1 - flaw.at) for flaw in rows.flaws)
    return replace(rows.take(np.arange(len(rows))[::-1]), flaws=flaws)


def parquet_rows(data: bytes, request: Request, *, file: str, stem: str) -> list[RawRows]:
    """Rows of each symbol of a Parquet file.

    A tz-aware index named ``timestamp`` is the start of the bar (the form this package writes); elsewhere the label is asked for.

    Raises
    ------
    MarketDataError
        Not a whole Parquet file, or see `Bars.read`.
    """
    import pandas as pd

    with reading(file, COPY, what="not a whole Parquet file" if data else "the file is empty"):
        _check_size(data, request.csv.most, file)
        frame = pd.read_parquet(io.BytesIO(data))
    index = frame.index
    ours = isinstance(index, pd.DatetimeIndex) and index.tz is not None and index.name == "timestamp"
    return frame_rows(frame, request._replace(label=request.label or ("start" if ours else None)), file=file, stem=stem)


def _check_size(data: bytes, most: int, file: str) -> None:
    """Refuse a small Parquet file that says to hold very much: a few bytes can stand for a column of a thousand million equal values."""
    import pyarrow.parquet as pq

    facts = pq.read_metadata(io.BytesIO(data))
    size = facts.num_rows * facts.num_columns * 8
    if size > most and size > MOST_TIMES * len(data):
        raise MarketDataError(f"{size / 2**20:,.0f} MiB unpacked, from {len(data):,} bytes; give it in parts{ALLOWED}", file=file)


def _workbook_rows(content: Content, request: Request) -> list[RawRows]:
    """Rows of the first sheet of a workbook, where a package is there with which pandas reads it."""
    import pandas as pd

    package: Literal["xlrd", "openpyxl"] = "xlrd" if content.data.startswith(OLD_WORKBOOK) else "openpyxl"
    texts: Any = dict.fromkeys(("symbol", "ticker", "종목코드"), str)
    if find_spec(package) is None:
        reason = f"an Excel workbook, which pandas reads with {package}: pip install {package}, or save it as 'CSV UTF-8'"
        raise MarketDataError(reason, file=content.file)
    try:
        frame = pd.read_excel(io.BytesIO(content.data), sheet_name=0, engine=package, dtype=texts)
    except (*FAILURES, KeyError, TypeError) as error:
        reason = f"a workbook that cannot be read ({' '.join(str(error).split())}); save it as 'CSV UTF-8'"
        raise MarketDataError(reason, file=content.file) from error
    return frame_rows(frame, request, file=content.file, stem=content.stem)
