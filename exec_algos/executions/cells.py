"""Columns of a `Table` as arrays: each different cell is read once, by the readers of a desk's orders; plain ones all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UsageError
from exec_algos.studies.design.written.cells import Unread, unquoted
from exec_algos.studies.design.written.form import OrderForm
from exec_algos.studies.design.written.quantities import NO_NUMBER, read_quantities
from exec_algos.studies.design.written.sides import read_sides
from exec_algos.studies.design.written.times import BILLION, DAY_FIRST, FIRST, LAST, MONTH_FIRST, YEAR_FIRST, Times

PLAIN = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?(?:e[+-]?[0-9]{1,2})?$"
POINT = r"^-?(?:0|[1-9][0-9]*)\.(?:[0-9]{1,2}|[0-9]{4,})$"  # a dot that can only be the decimal mark
# the seconds of a time, behind an hour and a minute: what stands before and behind tells all else
CLOCK = (
    r"^(?P<head>[^:]*[^0-9:](?:[01][0-9]|2[0-3]):[0-5][0-9]):(?P<second>[0-5][0-9])(?:\.(?P<part>[0-9]{1,9}))?"
    r"(?P<zone>(?:Z|[+-][0-9]{2}:?[0-9]{2})?)$"
)
MISSING = np.iinfo(np.int64).min  # of a time that is not known


class Numbers(NamedTuple):
    """A column of numbers: NaN where a cell is not understood, and why not, by row."""

    values: Floats
    unread: dict[int, Unread]
    notes: tuple[str, ...] = ()


class Instants(NamedTuple):
    """A column of times, ns UTC: `MISSING` where a cell is not understood, and why not, by row."""

    values: Ints
    unread: dict[int, Unread]
    notes: tuple[str, ...] = ()


def known_times(times: Sequence[int | Unread]) -> Ints:
    """Times as instants, `MISSING` where they are not understood."""
    return np.array([MISSING if isinstance(time, Unread) else time for time in times], dtype=np.int64)


class Sides(NamedTuple):
    """A column of sides, +1 or -1: 0 where a cell is not understood, and why not, by row."""

    values: Ints
    unread: dict[int, Unread]


class Names(NamedTuple):
    """A column of texts: the different ones, and which of them stands in each row."""

    words: list[str]
    codes: Ints

    def at(self, row: int) -> str:
        """The text of a row."""
        return str(self.words[self.codes[row]])

    def whole(self) -> npt.NDArray[np.object_]:
        """The text of every row."""
        return np.array(self.words, dtype=object)[self.codes] if self.words else np.zeros(0, dtype=object)


def is_text(column: Any) -> bool:
    """Whether a column holds texts."""
    import pyarrow as pa

    return bool(pa.types.is_dictionary(column.type))


def cell(column: Any, row: int) -> str:
    """What stands in a row, as text."""
    value = column[row].as_py()
    return "" if value is None else str(value)


def words_of(column: Any) -> tuple[list[str], Ints]:
    """The different texts of a column, and which of them stands in each row."""
    return column.dictionary.to_pylist(), column.indices.to_numpy().astype(np.int64)


def read_names(column: Any) -> Names:
    """A column of ids or symbols: 7.0 of a column of numbers with gaps is 7."""
    import pyarrow as pa

    if not is_text(column):
        if pa.types.is_floating(column.type):
            column = pa.array([_id_text(value) for value in column.to_pylist()], pa.string())
        column = column.cast(pa.string()).fill_null("").dictionary_encode()
    words, codes = words_of(column)
    plain = [unquoted(word) for word in words]
    kinds = list(dict.fromkeys(plain))
    if len(kinds) == len(plain):
        return Names(plain, codes)
    at = {word: i for i, word in enumerate(kinds)}
    return Names(kinds, np.array([at[word] for word in plain], dtype=np.int64)[codes])


def _id_text(value: float | None) -> str:
    return "" if value is None or np.isnan(value) else str(int(value) if float(value).is_integer() else value)


def read_numbers(column: Any, form: OrderForm, separator: str, what: str = "quantity") -> Numbers:
    """The number of each cell, as `read_quantities` reads it; `what` is the field, for the reasons."""
    import pyarrow.compute as pc

    if not is_text(column):
        values = column.cast("float64").to_numpy(zero_copy_only=False).astype(np.float64)
        bad = np.flatnonzero(~np.isfinite(values))
        values = np.where(np.isfinite(values), values, np.nan)
        return Numbers(values, {row: Unread(cell(column, row), _no_number(what)) for row in bad.tolist()})
    words, codes = column.dictionary, column.indices.to_numpy()
    if _is_plain(words, form, separator):
        return Numbers(pc.cast(words, "float64").to_numpy()[codes], {})
    found = read_quantities(words.to_pylist(), form.decimal, separator)
    values, unread = _spread(found.values, codes, np.nan, lambda why: why.replace(NO_NUMBER, _no_number(what)))
    notes = read_quantities(words.take(column.indices).to_pylist(), form.decimal, separator).notes if found.notes else ()
    return Numbers(values, unread, tuple(note.replace("quantities", PLURALS.get(what, what), 1) for note in notes))


PLURALS = {"quantity": "quantities", "price": "prices"}


def _no_number(what: str) -> str:
    return NO_NUMBER if what == "quantity" else f"{what} is no number"


def _is_plain(words: Any, form: OrderForm, separator: str) -> bool:
    """Whether all numbers are written with a dot as their decimal mark, or none, and nobody can read them otherwise."""
    import pyarrow.compute as pc

    if form.decimal == "," or not len(words) or not pc.all(pc.match_substring_regex(words, PLAIN)).as_py():
        return False
    return form.decimal == "." or separator == "," or bool(pc.any(pc.match_substring_regex(words, POINT)).as_py())


def _spread(found: Sequence[Any], codes: npt.NDArray[Any], empty: Any, said: Callable[[str], str] = str) -> tuple[Any, dict[int, Unread]]:
    """The value of each different cell put into its rows, and the reasons of those that have none."""
    values = np.array([empty if isinstance(value, Unread) else value for value in found], dtype=type(empty))
    bad = np.array([isinstance(value, Unread) for value in found], dtype=bool)
    rows = np.flatnonzero(bad[codes]) if bad.any() else ()
    unread = {int(row): Unread(found[codes[row]].value, said(found[codes[row]].reason)) for row in rows}
    return values[codes] if len(values) else np.zeros(0, dtype=type(empty)), unread


def read_side_column(column: Any, form: OrderForm, timed: npt.NDArray[np.bool_]) -> Sides:
    """The side of each cell; refused as a whole as `read_sides` refuses a column."""
    words, codes = words_of(column if is_text(column) else _as_text(column))
    if words:
        try:
            found = read_sides(words, form.codes)
        except UsageError:
            found = []
        if found and not any(isinstance(side, Unread) for side in found):
            return Sides(np.array(found, dtype=np.int64)[codes], {})
    values, unread = _spread(read_sides([words[code] for code in codes], form.codes, timed.tolist()), np.arange(len(codes)), 0)
    return Sides(values.astype(np.int64), unread)


def _as_text(column: Any) -> Any:
    import pyarrow as pa

    texts = ["" if value is None else str(int(value) if float(value).is_integer() else value) for value in column.to_pylist()]
    return pa.array(texts, pa.string()).dictionary_encode()


def read_instants(column: Any, zone: str, form: OrderForm) -> Instants:
    """The instant of each cell; a time without a zone is one on the clock of `zone`."""
    import pyarrow as pa

    times = Times(zone, form.date_format)
    if pa.types.is_timestamp(column.type):
        return _stamps(column, zone, times)
    if not is_text(column):
        column = _as_text(column)
    words, codes = column.dictionary, column.indices.to_numpy()
    values, unread = _without_seconds(words, times, form)
    counts = np.bincount(codes, minlength=len(words))
    notes = _notes(words, counts, times, zone, form) if times.kinds else ()
    rows = np.flatnonzero(values[codes] == MISSING) if unread else ()
    return Instants(values[codes], {int(row): unread[int(codes[row])] for row in rows}, notes)


def _notes(words: Any, counts: Ints, times: Times, zone: str, form: OrderForm) -> tuple[str, ...]:
    """How many times were written otherwise than as a time in a zone: as often as they stand there."""
    kinds = list(times.kinds)
    if len(kinds) == 1:
        return (f"{int(counts.sum())} times are {kinds[0]}",)
    again = Times(zone, form.date_format)
    again.read([word for word, count in zip(words.to_pylist(), counts, strict=True) for _ in range(count)])
    return tuple(f"{count} times are {kind}" for kind, count in again.kinds.items())


def _without_seconds(words: Any, times: Times, form: OrderForm) -> tuple[Ints, dict[int, Unread]]:
    """The instant of each different text: those of one minute are read once, for seconds only add to it."""
    import pyarrow.compute as pc

    found = np.full(len(words), MISSING, dtype=np.int64)
    unread: dict[int, Unread] = {}
    parts = pc.extract_regex(words, CLOCK)
    split = parts.is_valid().to_numpy(zero_copy_only=False).astype(bool)
    split &= form.date_format in {None, YEAR_FIRST, DAY_FIRST, MONTH_FIRST}
    if split.any():
        own = parts.filter(parts.is_valid())
        heads = pc.binary_join_element_wise(own.field("head"), own.field("zone"), ":00").dictionary_encode()
        minutes = times.read(heads.dictionary.to_pylist())
        base, bad = _spread(minutes, heads.indices.to_numpy(), MISSING)
        part = pc.cast(pc.utf8_rpad(own.field("part"), 9, "0"), "int64").to_numpy()
        second = pc.cast(own.field("second"), "int64").to_numpy()
        rows = np.flatnonzero(split)
        found[rows] = np.where(base == MISSING, MISSING, base + second * BILLION + part)
        unread |= {int(rows[i]): Unread(words[int(rows[i])].as_py(), why.reason) for i, why in bad.items()}
    rest = np.flatnonzero(~split)
    for row, time in zip(rest.tolist(), times.read([words[int(row)].as_py() for row in rest]), strict=True):
        if isinstance(time, Unread):
            unread[row] = time
        else:
            found[row] = time
    return found, unread


def _stamps(column: Any, zone: str, times: Times) -> Instants:
    """Stamps of a type of their own."""
    import pandas as pd

    stamps = pd.DatetimeIndex(column.to_pandas())
    if stamps.tz is None:
        stamps = stamps.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    found = np.asarray(stamps.tz_convert("UTC").tz_localize(None).as_unit("ns").asi8, dtype=np.int64).copy()
    year = stamps.year.to_numpy()
    bad = np.flatnonzero(stamps.isna() | (year < FIRST) | (year > LAST)).tolist()
    found[bad] = MISSING
    read = times.read([_moment(column, row) for row in bad])
    return Instants(
        found, {row: Unread(cell(column, row), why.reason) for row, why in zip(bad, read, strict=True) if isinstance(why, Unread)}
    )


def _moment(column: Any, row: int) -> Any:
    import pandas as pd

    return pd.Timestamp(column[row].as_py()) if column[row].is_valid else ""


def joined(dates: Any, clocks: Any) -> Any:
    """Dates and times of day of two columns as one column of texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [column.dictionary_decode() if is_text(column) else column.cast(pa.string()).fill_null("") for column in (dates, clocks)]
    return pc.binary_join_element_wise(*(pc.utf8_trim_whitespace(text) for text in texts), " ").dictionary_encode()
