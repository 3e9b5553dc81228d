"""Files as transfers, spreadsheets, disks and hands leave them: one damage to one file, drawn by a generator of random numbers."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable

NUMBERS = (
    "1e400", "-1e400", "inf", "-inf", "nan", "9" * 30, "9" * 400, "1e-320", "-5", "0", "9007199254740993", "1_000", "1,5", "1.000,00",
    "0x10", "+7", " 7", "7 ", "1e5", "1E+2", "¼", "\u0663", "True", "1 000", "1'000", "(5)", "--5", "1.2.3", "5%", "$5", "",
)  # fmt: skip
TIMES = (
    "0001-01-01", "9999-12-31 23:59:59", "1677-09-21", "2262-04-12", "2024-13-01", "2024-02-30 09:30", "2024-01-02T09:30:00Z",
    "2024-01-02 09:30:00+25:00", "2024-01-02 09:30:60", "24:00", "01/02/2024 09:30", "2.1.2024", "1704189000", "1704189000000",
    "1704189000000000", "1704189000000000000", "9999999999999", "9999999999999999999", "-1", "NaT", "now", "today", "2024",
    "2024-W01-1", "20240102", "2024-01-02 09:30 America/New_York", "2024-11-03 01:30:00", "2024-03-10 02:30:00",
)  # fmt: skip
NULLS = ("", "null", "NULL", "NA", "N/A", "NaN", "None", "\0", "-", "#N/A", "\\N")
BITS = ('"', "'", ",", ";", "\t", "\n", "\r", "\r\n", "\0", "\ufeff", "é", "김", "\u2028", "\x1a", '""', '"\n', "\x85", "#")

Text = Callable[[list[str], str, random.Random], list[str]]


def binary(content: bytes, rng: random.Random) -> bytes:
    """Any file: bits, bytes and pieces of it."""
    kind = rng.randrange(8)
    at = rng.randrange(len(content) or 1)
    end = min(at + rng.choice((1, 2, 4, 8, 30, 200)), len(content))
    piece = content[at:end]
    if kind == 0:
        return content[:at] + bytes([(content[at] if content else 0) ^ (1 << rng.randrange(8))]) + content[at + 1 :]
    if kind == 1:
        return content[:at]
    if kind == 2:
        return content[:at] + rng.randbytes(end - at) + content[at:]
    made = {
        3: b"", 4: b"\0" * len(piece), 5: b"\xff" * len(piece), 6: piece * 2, 7: rng.randbytes(len(piece)),
    }[kind]  # fmt: skip
    return content[:at] + made + content[end:]


def text(content: bytes, rng: random.Random, separator: str = ",") -> bytes:
    """A table of text: rows, columns, cells, line ends, encodings; or bytes of it."""
    if rng.random() < 0.25:
        return binary(content, rng)
    lines = content.decode().split("\n")
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        lines = rng.choice(CHANGES)(lines or [""], separator, rng)
    whole = rng.choice(("\n",) * 12 + ("\r\n", "\r", "\n\n")).join(lines)
    encoding = rng.choice(("utf-8",) * 14 + ("utf-8-sig", "utf-16", "utf-16-le", "cp949", "latin-1", "cp1252"))
    return whole.encode(encoding, errors="replace")


def zipped(content: bytes, rng: random.Random, separator: str = ",") -> bytes:
    """A zip: its bytes, or the table in it."""
    if rng.random() < 0.5:
        return binary(content, rng)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(members))
    members[name] = text(members[name], rng, separator)
    if rng.random() < 0.1:
        members[rng.choice(("readme.txt", "../up.csv", "a/b.csv", "__MACOSX/._x.csv"))] = b"x"
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2))) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return sink.getvalue()


def _row(lines: list[str], rng: random.Random) -> int:
    return rng.randrange(len(lines))


def _flip(lines: list[str], _: str, rng: random.Random) -> list[str]:
    i = _row(lines, rng)
    if not lines[i]:
        return lines
    at = rng.randrange(len(lines[i]))
    return [*lines[:i], lines[i][:at] + rng.choice("0123456789.,-:eE+ \"';TZa") + lines[i][at + 1 :], *lines[i + 1 :]]


def _twice(lines: list[str], _: str, rng: random.Random) -> list[str]:
    i, to = _row(lines, rng), _row(lines, rng)
    return [*lines[:to], lines[i], *lines[to:]]


def _drop(lines: list[str], _: str, rng: random.Random) -> list[str]:
    i = _row(lines, rng)
    return lines[:i] + lines[i + rng.choice((1, 1, 1, 5, 99)) :]


def _swap_rows(lines: list[str], _: str, rng: random.Random) -> list[str]:
    i, k = _row(lines, rng), _row(lines, rng)
    made = list(lines)
    made[i], made[k] = made[k], made[i]
    return made


def _swap_columns(lines: list[str], separator: str, rng: random.Random) -> list[str]:
    """With their names, or without."""
    width = len(lines[0].split(separator))
    i, k, first = rng.randrange(width), rng.randrange(width), rng.randrange(2)

    def swapped(line: str) -> str:
        cells = line.split(separator)
        if len(cells) == width:
            cells[i], cells[k] = cells[k], cells[i]
        return separator.join(cells)

    return [*lines[:first], *map(swapped, lines[first:])]


def _cell(made: Callable[[str, random.Random], str]) -> Text:
    def change(lines: list[str], separator: str, rng: random.Random) -> list[str]:
        i = _row(lines, rng)
        cells = lines[i].split(separator)
        at = rng.randrange(len(cells))
        cells[at] = made(cells[at], rng)
        return [*lines[:i], separator.join(cells), *lines[i + 1 :]]

    return change


def _column(lines: list[str], separator: str, rng: random.Random) -> list[str]:
    """A whole column otherwise: empty, gone, twice, with another name."""
    at, kind = rng.randrange(len(lines[0].split(separator))), rng.randrange(4)
    name = rng.choice(("open", "Close", "volume", "timestamp", "date", "time", "symbol", "vwap", "bid", "", "Unnamed: 0", "notional", "김"))

    def changed(number: int, line: str) -> str:
        cells = line.split(separator)
        if at >= len(cells):
            return line
        cell = cells[at]
        cells[at : at + 1] = ([cell if number == 0 else ""], [], [cell, cell], [name if number == 0 else cell])[kind]
        return separator.join(cells)

    return [changed(number, line) for number, line in enumerate(lines)]


def _bit(lines: list[str], _: str, rng: random.Random) -> list[str]:
    i = _row(lines, rng)
    at = rng.randrange(len(lines[i]) + 1)
    return [*lines[:i], lines[i][:at] + rng.choice(BITS) + lines[i][at:], *lines[i + 1 :]]


def _separated(lines: list[str], separator: str, rng: random.Random) -> list[str]:
    other = rng.choice(",;\t| ")
    return [line.replace(separator, other) for line in lines]


def _blank(lines: list[str], separator: str, rng: random.Random) -> list[str]:
    i = _row(lines, rng)
    return [*lines[:i], rng.choice(("", "   ", separator * 5, "# a remark", "Source: a vendor")), *lines[i:]]


def _wide(lines: list[str], separator: str, rng: random.Random) -> list[str]:
    """Cells too many, or a line that is far too long."""
    i = _row(lines, rng)
    more = separator.join(["x"] * rng.choice((1, 1, 2, 50))) if rng.random() < 0.9 else "x" * 200_000
    return [*lines[:i], lines[i] + separator + more, *lines[i + 1 :]]


CHANGES: tuple[Text, ...] = (
    _flip, _flip, _twice, _drop, _swap_rows, _swap_columns, _column, _bit, _bit, _separated, _blank, _wide,
    _cell(lambda _, rng: rng.choice(NUMBERS)), _cell(lambda _, rng: rng.choice(NUMBERS)), _cell(lambda _, rng: rng.choice(TIMES)),
    _cell(lambda _, rng: rng.choice(NULLS)), _cell(lambda cell, _: f'"{cell}"'), _cell(lambda cell, _: f'"{cell}'),
    _cell(lambda cell, _: f" {cell} "), _cell(lambda cell, _: cell.replace(".", ",")), _cell(lambda cell, _: f"-{cell}"),
    _cell(lambda cell, _: cell + cell), _cell(lambda cell, _: cell.upper()),
)  # fmt: skip
