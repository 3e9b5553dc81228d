"""Text files as people have them: packed or not, in the encoding of their country, with the line ends of their system."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from exec_algos.errors import MarketDataError
from exec_algos.market.files import file_system

MOST_UNPACKED = 512 << 20  # bytes: 0.8 MB of zip may hold 800 MB of noughts
LONGEST_LINE = 1 << 20  # characters
ALLOWED = " (bars: CsvFormat(allow_large=True), --allow-large)"  # how larger ones are taken
CHUNK = 1 << 20
HEAD = 1 << 16  # bytes in which an encoding is looked for

# UTF-32 before UTF-16, for it begins with the same two bytes
BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
# words of Korean brokers' exports: by chance no other encoding has one of them
KOREAN = (
    "일자", "날짜", "시간", "시각", "시가", "고가", "저가", "종가", "현재가", "거래량", "거래대금", "체결", "종목", "매수", "매도",
    "수량", "주문", "단가", "계좌",
)  # fmt: skip
# files that hold a table, but no text
NO_TEXT = (
    (b"PAR1", "a Parquet file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook; save it as 'CSV UTF-8'"),
    (b"%PDF", "a PDF"),
)
FAILURES = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def read_text(path: str | os.PathLike[str], encoding: str | None = None, *, most: int = MOST_UNPACKED, longest: int = LONGEST_LINE) -> str:
    r"""All of a text file, each of its lines ended by ``\n``.

    What packs it is told by its first bytes, never by its name: gzip, Zstandard, bzip2, xz, or a zip of one file.

    Parameters
    ----------
    path : path or fsspec URL
        A regular file.
    encoding : str, optional
        As Python names it: ``"cp1252"``, ``"shift_jis"``. If not given: what a byte order mark says; UTF-16 without one; UTF-8; cp949
        where known Korean words stand in it. Nothing else is guessed.
    most : int
        Bytes that it may unpack to.
    longest : int
        Characters that a line may have.

    Raises
    ------
    MarketDataError
        No such file, no regular file, not a whole one, no text, or in an encoding that cannot be told.
    """
    name = os.fspath(path)
    return decoded(unpacked(read_bytes(path), file=name, most=most), encoding, file=name, longest=longest)


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """All of a regular file, as it lies there.

    Raises
    ------
    MarketDataError
        No such file, or one that is a folder, a pipe or a device, or that may not be read.
    """
    fs, root = file_system(path)
    name = os.fspath(path)
    try:
        if fs.isdir(root):
            raise MarketDataError("a folder; name a file in it", file=name)
        # a pipe that nobody writes to would be waited for without end
        if not fs.isfile(root):
            raise MarketDataError(
                "not a regular file (a pipe or a device); copy it to a file" if fs.exists(root) else "no such file", file=name
            )
        return bytes(fs.cat_file(root))
    except (OSError, ValueError) as error:
        if isinstance(error, MarketDataError):
            raise
        raise MarketDataError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=name) from error


def unpacked(data: bytes, *, file: str = "", most: int = MOST_UNPACKED) -> bytes:
    """What is packed in `data`; itself where it is not packed.

    Raises
    ------
    MarketDataError
        Damaged, encrypted, a zip of several files, or larger than `most` bytes when unpacked.
    """
    if len(data) > most:
        raise MarketDataError(_too_large(most), file=file)
    for magic, (kind, opened) in PACKED.items():
        if data.startswith(magic):
            try:
                with opened(io.BytesIO(data)) as stream:
                    return _bounded(stream, most, file)
            except MarketDataError as error:
                raise MarketDataError(error.reason, file=file) from error
            except FAILURES as error:
                raise MarketDataError(f"not a whole {kind} file ({_one_line(error)}); copy it again", file=file) from error
    return data


def decoded(data: bytes, encoding: str | None = None, *, file: str = "", longest: int = LONGEST_LINE) -> str:
    r"""Bytes as text, each line ended by ``\n``, without a byte order mark.

    Parameters
    ----------
    data : bytes
        Not packed.
    encoding, longest
        As `read_text` takes them.
    file : str
        Its name, for messages.

    Raises
    ------
    MarketDataError
        No text, or in an encoding that cannot be told, or another than was named.
    """
    kind = next((kind for magic, kind in NO_TEXT if data.startswith(magic)), None)
    if kind is not None:
        raise MarketDataError(f"no text but {kind}", file=file)
    text = (_guessed(data, file) if encoding is None else _as_named(data, encoding, file)).removeprefix("\ufeff")
    at = text.find("\0")
    if at >= 0:
        raise MarketDataError(f"no text: character {at} is NUL; save it as 'CSV UTF-8', or name its encoding", file=file)
    if "\r" in text:  # to look for two signs costs more than to read the text
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.removesuffix("\x1a")  # DOS ends a file so
    _check_lines(text, longest, file)
    return text


def _guessed(data: bytes, file: str) -> str:
    known = next((name for bom, name in BOMS if data.startswith(bom)), None) or _without_bom(data)
    if known is not None:
        return _as_named(data, known, file)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        found = _korean(data)
        if found is None:
            line = data[: error.start].count(b"\n") + 1
            raise MarketDataError(
                f"text in another encoding than UTF-8 (byte {error.start}, line {line}); name it: encoding='cp949' (Korean), 'cp1252' "
                "(Western), 'shift_jis' (Japanese), 'gb18030' (Chinese) ..., or save it as 'CSV UTF-8'",
                file=file,
            ) from error
        return found


def _without_bom(data: bytes) -> str | None:
    """UTF-16 by its NULs: what is not letters of the East has one in each pair of bytes."""
    head = data[: HEAD & ~1]
    low, high = head[1::2].count(0), head[::2].count(0)
    if max(low, high) * 8 < len(head) or min(low, high) * 8 > max(low, high):
        return None
    return "utf-16-le" if low > high else "utf-16-be"


def _korean(data: bytes) -> str | None:
    """The text where it is cp949 with a known Korean word near its beginning."""
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError:
        return None
    head = text[:HEAD]
    return text if any(word in head for word in KOREAN) else None


def _as_named(data: bytes, encoding: str, file: str) -> str:
    try:
        return data.decode(encoding)
    except LookupError as error:
        raise MarketDataError(
            f"unknown encoding {encoding!r}; name one that Python has: utf-8, cp949, cp1252, utf-16", file=file
        ) from error
    except (UnicodeError, ValueError) as error:
        place = f"byte {error.start}" if isinstance(error, UnicodeDecodeError) else _one_line(error)
        raise MarketDataError(f"no text in encoding {encoding} ({place}); name another, or copy the file again", file=file) from error


def _check_lines(text: str, longest: int, file: str) -> None:
    """Refuse a line of more than `longest` characters, looking at few of them."""
    begin = 0
    while len(text) - begin > longest:
        end = text.rfind("\n", begin, begin + longest + 1)
        if end < 0:
            line = text.count("\n", 0, begin) + 1
            raise MarketDataError(f"line {line} has more than {longest:,} characters; is it a table of rows?{ALLOWED}", file=file)
        begin = end + 1


def _bounded(stream: Any, most: int, file: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := stream.read(CHUNK):
        parts.append(part)
        size += len(part)
        if size > most:
            raise MarketDataError(_too_large(most), file=file)
    return b"".join(parts)


def member_of(archive: zipfile.ZipFile, name: str, file: str, most: int = MOST_UNPACKED) -> bytes:
    """A member of a zip, unpacked.

    Raises
    ------
    MarketDataError
        It has more than `most` bytes.
    """
    if archive.getinfo(name).file_size > most:  # as it says itself
        raise MarketDataError(_too_large(most), file=file)
    with archive.open(name) as member:
        return _bounded(member, most, file)


def _too_large(most: int) -> str:
    return f"more than {most / 2**20:,.0f} MiB unpacked; give it in parts{ALLOWED}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _zstd(stream: io.BytesIO) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd")


def _zip(stream: io.BytesIO) -> Any:
    archive = zipfile.ZipFile(stream)
    names = [name for name in archive.namelist() if not is_left_by_a_system(name)]
    if "[Content_Types].xml" in names:
        raise MarketDataError("an Excel workbook; save it as 'CSV UTF-8'")
    if len(names) != 1:
        raise MarketDataError(f"a zip of {len(names)} files ({', '.join(names[:3]) or 'none'}); give one that holds one file")
    return archive.open(names[0])


def is_left_by_a_system(name: str) -> bool:
    """Whether a member of a zip is a folder, or what macOS and Windows put beside the files of people."""
    return name.endswith("/") or name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1].startswith((".", "Thumbs.db"))


PACKED: Mapping[bytes, tuple[str, Callable[[io.BytesIO], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda stream: gzip.GzipFile(fileobj=stream)),
    b"\x28\xb5\x2f\xfd": ("Zstandard", _zstd),
    b"BZh": ("bzip2", bz2.BZ2File),
    b"\xfd7zXZ\x00": ("xz", lzma.LZMAFile),
    b"PK\x03\x04": ("zip", _zip),
    b"PK\x05\x06": ("zip", _zip),
}
