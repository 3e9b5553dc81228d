"""Times of orders as systems write them: FIX and Interactive Brokers, ISO 8601, epochs, spreadsheets; in a zone, or in the exchange's."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from exec_algos.errors import UsageError
from exec_algos.studies.design.written.cells import Unread, folded, key_of

BILLION = 1_000_000_000
FIRST, LAST = 1970, 2100  # years of orders
DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "day-first", "month-first", "year-first"
EPOCHS = {"epoch-s": BILLION, "epoch-ms": 1_000_000, "epoch-us": 1_000, "epoch-ns": 1}
EPOCH, EXCEL = "epoch", "excel"
WORDS = (YEAR_FIRST, DAY_FIRST, MONTH_FIRST, EPOCH, *EPOCHS, EXCEL)
DIGITS = {13: "epoch-ms", 16: "epoch-us", 19: "epoch-ns"}  # of an epoch of 2001-2286; 10 may be a date of two digits for the year
# zones that people write: where, and hours from UTC; CST, IST, BST and AST are several
SHORT = {
    "ET": ("America/New_York", None), "EST": ("America/New_York", -5), "EDT": ("America/New_York", -4),
    "CT": ("America/Chicago", None), "CDT": ("America/Chicago", -5),
    "MT": ("America/Denver", None), "MST": ("America/Denver", -7), "MDT": ("America/Denver", -6),
    "PT": ("America/Los_Angeles", None), "PST": ("America/Los_Angeles", -8), "PDT": ("America/Los_Angeles", -7),
    "WET": ("Europe/Lisbon", 0), "WEST": ("Europe/Lisbon", 1), "CET": ("Europe/Paris", 1), "MEZ": ("Europe/Berlin", 1),
    "CEST": ("Europe/Paris", 2), "MESZ": ("Europe/Berlin", 2), "EET": ("Europe/Helsinki", 2), "EEST": ("Europe/Helsinki", 3),
    "KST": ("Asia/Seoul", 9), "JST": ("Asia/Tokyo", 9), "HKT": ("Asia/Hong_Kong", 8), "SGT": ("Asia/Singapore", 8),
    "AEST": ("Australia/Sydney", 10), "AEDT": ("Australia/Sydney", 11), "Z": ("UTC", 0),
}  # fmt: skip

DATE = r"(?P<year>\d{4})(?:(?P<mark>[-/.]) ?(?P<month>\d{1,2})(?P=mark) ?(?P<day>\d{1,2})\.?|(?P<month2>\d{2})(?P<day2>\d{2}))"
OTHER_DATE = r"(?P<first>\d{1,2})(?P<mark>[-/.]) ?(?P<second>\d{1,2})(?P=mark) ?(?P<year>\d{4})"
NAMED_DATE = r"(?P<day>\d{1,2})(?P<mark>[- ]?)(?P<name>[A-Za-z]{3})(?P=mark)(?P<year>\d{4})"
CLOCK = (
    r"(?:(?P<half>오전|오후) ?)?(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second_>\d{2})(?:[.,](?P<part>\d{1,12}))?)?"
    r"|(?P<digits>\d{4}|\d{6})(?:[.,](?P<part2>\d{1,12}))?)(?: ?(?P<half2>[AaPp])\.?[Mm](?![A-Za-z])\.?)?"
)
ZONE = r"(?: ?(?P<zone>Z|[+-]\d{2}(?::?\d{2})?|[A-Za-z][A-Za-z0-9_+/-]*))?"
STAMP = re.compile(rf"{DATE}(?:(?P<between>[Tt]| |-|, ?){CLOCK}{ZONE})?")
OTHER_STAMP = re.compile(rf"{OTHER_DATE}(?:(?:[Tt]| |, ?){CLOCK}{ZONE})?")
NAMED_STAMP = re.compile(rf"{NAMED_DATE}(?:(?:[Tt]| |, ?|-){CLOCK}{ZONE})?")
REST = re.compile(rf"(?:[Tt]| |, ?)?{CLOCK}{ZONE}")
RUN = re.compile(r"(\d{8})(\d{4}|\d{6}|\d{9})")  # 20240116093000: date, time, thousandths
SERIAL = re.compile(r"(\d{5})(?:[.,](\d{1,16}))?")  # days since 1899-12-30
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Time(NamedTuple):
    """An instant, ns UTC, and how it was written where that has to be said."""

    instant: int
    kind: str = ""


class _UnreadableError(Exception):
    """Why a time is none."""


def check_date_format(form: str | None) -> str | None:
    """The form of dates of a file, if it can be one.

    Raises
    ------
    UsageError
        Neither a word of `WORDS` nor a form of `datetime.strptime`.
    """
    if form is None or form in WORDS or all(any(code in form for code in codes) for codes in (("%d", "%j"), ("%Y", "%y"))):
        return form
    raise UsageError(
        f"date_format must be one of {', '.join(WORDS)}, or a form such as '%d/%m/%Y %H:%M:%S' (day 31, month 12), got {form!r}"
    )


class Times:
    """Reads times of a file.

    Parameters
    ----------
    zone : str
        IANA zone of those that name none.
    form : str, optional
        What `check_date_format` allows; year first if not given.

    Attributes
    ----------
    kinds : Counter of str
        How many were written otherwise than as a time in a zone, by what was made of them.
    """

    def __init__(self, zone: str, form: str | None = None) -> None:
        self._zone, self._form = zone, None if form == YEAR_FIRST else check_date_format(form)
        self.kinds: Counter[str] = Counter()

    def read(self, cells: Iterable[Any]) -> list[int | Unread]:
        """The instant of each cell of a column, ns UTC, or why it has none."""
        known: dict[Any, Time | Unread] = {}
        found: list[int | Unread] = []
        for cell in cells:
            key = key_of(cell)
            if key not in known:
                known[key] = self._one(cell)
            time = known[key]
            if isinstance(time, Time):
                self.kinds.update([time.kind] if time.kind else [])
                found.append(time.instant)
            else:
                found.append(time)
        return found

    def _one(self, cell: Any) -> Time | Unread:
        try:
            return self._text(folded(cell)) if isinstance(cell, str) else self._value(cell)
        except _UnreadableError as error:
            return Unread(str(cell), str(error))
        except (ValueError, TypeError, OverflowError):
            return Unread(str(cell), _no_time(self._zone))

    def _value(self, cell: Any) -> Time:
        """A time that is no text."""
        import pandas as pd

        if isinstance(cell, bool) or pd.isna(cell):
            raise ValueError("no time")
        if hasattr(cell, "__index__"):
            return self._text(str(int(cell)))
        if isinstance(cell, float) or type(cell).__name__.startswith("float"):
            return self._text(str(int(cell)) if float(cell).is_integer() else repr(float(cell)))
        stamp = pd.Timestamp(cell)
        if stamp.tz is not None:
            return Time(_bounded(int(stamp.as_unit("ns").value)))
        naive = stamp.floor("s").to_pydatetime(warn=False)
        return Time(_instant(naive, int(stamp.as_unit("ns").value) % BILLION, self._zone))

    def _text(self, text: str) -> Time:
        if self._form is not None:
            return _by_form(text, self._form, self._zone)
        match = STAMP.fullmatch(text)
        if match is not None:
            return _stamp(match, self._zone)
        named = NAMED_STAMP.fullmatch(text)
        if named is not None and named["name"].lower() in MONTHS:
            return _of_match(named, (named["year"], MONTHS.index(named["name"].lower()) + 1, named["day"]), self._zone)
        if text.isdecimal() and len(text) > 5:
            return _digits(text, self._zone)
        serial = SERIAL.fullmatch(text)
        if serial is not None:
            return _serial(serial, self._zone)
        if OTHER_STAMP.match(text) or re.match(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}\b", text):
            raise _UnreadableError(
                f"no time that can be read; write 2024-01-02 09:30:00, in {self._zone}, or say whether the day or the month is first: "
                "date_format='day-first' or 'month-first' (--date-format)"
            )
        raise ValueError("no form")


def _no_time(zone: str) -> str:
    return f"no time that can be read; write 2024-01-02 09:30:00, in {zone}"


def _stamp(match: re.Match[str], zone: str) -> Time:
    """Year first. A hyphen between a date of 8 digits and the time is how FIX and Interactive Brokers write UTC."""
    compact, hyphen = match["month2"] is not None, match["between"] == "-"
    if hyphen and (not compact or match["hour"] is None):
        raise ValueError("a hyphen between date and time")
    date = (match["year"], match["month"] or match["month2"], match["day"] or match["day2"])
    found = _of_match(match, date, "UTC" if hyphen else zone)
    return found._replace(kind="YYYYMMDD-HH:MM:SS, which is UTC (FIX, Interactive Brokers)") if hyphen and match["zone"] is None else found


def _of_match(match: re.Match[str], date: tuple[Any, Any, Any], zone: str) -> Time:
    year, month, day = (int(part) for part in date)
    hour, minute, second, part = _clock(match)
    later = dt.timedelta(days=1) if (hour, minute, second, part) == (24, 0, 0, 0) else dt.timedelta()
    naive = dt.datetime(year, month, day, 0 if later else hour, minute, second) + later
    return Time(_instant(naive, part, match["zone"] or zone))


def _clock(match: re.Match[str]) -> tuple[int, int, int, int]:
    """Hour, minute, second and ns of a match of `CLOCK`; midnight where a date stands alone."""
    parts = match.groupdict()
    part = int(((parts["part"] or parts["part2"] or "") + "0" * 9)[:9])
    if parts["digits"] is not None:
        hour, minute, second = (int((parts["digits"] + "00")[i : i + 2]) for i in (0, 2, 4))
    else:
        hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second_"))
    half = parts["half"] or (parts["half2"] or "").lower()
    if not half:
        return hour, minute, second, part
    if not 1 <= hour <= 12 or (parts["half"] and parts["half2"]):
        raise ValueError("no hour of twelve")
    return hour % 12 + (12 if half in {"오후", "p"} else 0), minute, second, part


def _digits(text: str, zone: str) -> Time:
    """Digits alone: 20240116093000, or an epoch; refused where it may be either."""
    run = RUN.fullmatch(text)
    if run is not None:
        clock = run[2][:6]
        time = f"{clock}.{run[2][6:]}" if len(run[2]) > 6 else clock
        match = STAMP.fullmatch(f"{run[1]} {time}")
        if match is not None:
            return _stamp(match, zone)
    if len(text) not in DIGITS:
        short = "; a number of 10 digits may be a date or an epoch: date_format='epoch-s' or '%y%m%d%H%M' (--date-format)"
        raise _UnreadableError(_no_time(zone) + (short if len(text) == 10 else ""))
    if re.match(r"(19[7-9]\d|20\d\d)(0[1-9]|1[0-2])([0-2]\d|3[01])([01]\d|2[0-3])[0-5]\d", text):
        raise _UnreadableError(
            f"a date or an epoch; say which: date_format='{DIGITS[len(text)]}' or a form such as '%Y%m%d%H%M%S%f' (--date-format)"
        )
    return _epoch(text, DIGITS[len(text)])


def _epoch(text: str, unit: str) -> Time:
    whole, _, part = text.partition(".")
    if not (whole.isdecimal() and (not part or part.isdecimal())):
        raise ValueError("no epoch")
    ns = EPOCHS[unit]
    return Time(_bounded(int(whole) * ns + int((part + "0" * 9)[:9]) * ns // BILLION), f"epochs in {unit[6:]}, which are UTC")


def _serial(match: re.Match[str], zone: str) -> Time:
    """A spreadsheet's days since 1899-12-30, to the second; refused where its digits are too few to tell the second."""
    part = match[2] or ""
    ns = round(int(part or 0) * 86_400 * BILLION / 10 ** len(part))
    second = round(ns / BILLION)
    if abs(ns - second * BILLION) > 50_000_000 or (0 < len(part) < 6 and ns != second * BILLION):
        raise _UnreadableError(f"a spreadsheet's date without enough digits for its second; write 2024-01-02 09:30:00, in {zone}")
    naive = dt.datetime(1899, 12, 30) + dt.timedelta(days=int(match[1]), seconds=second)
    return Time(_instant(naive, 0, zone), f"days of a spreadsheet since 1899-12-30, in {zone}")


def _by_form(text: str, form: str, zone: str) -> Time:
    """As the caller says that dates are written."""
    if form == EPOCH:
        return _epoch(text, {10: "epoch-s", **DIGITS}[len(text)] if len(text) in {10, *DIGITS} else "epoch-s")
    if form in EPOCHS:
        return _epoch(text, form)
    if form == EXCEL:
        match = SERIAL.fullmatch(text)
        if match is None:
            raise ValueError("no days of a spreadsheet")
        return _serial(match, zone)
    if form in {DAY_FIRST, MONTH_FIRST}:
        match, plain = OTHER_STAMP.fullmatch(text), STAMP.fullmatch(text)
        if plain is not None:
            return _stamp(plain, zone)
        if match is None:
            raise _UnreadableError(f"no time that can be read with date_format={form!r}; write 31/12/2024 09:30:00 or 12/31/2024 09:30:00")
        day, month = (match["first"], match["second"]) if form == DAY_FIRST else (match["second"], match["first"])
        return _of_match(match, (match["year"], month, day), zone)
    return _strptime(text, form, zone)


def _strptime(text: str, form: str, zone: str) -> Time:
    """By a form of `datetime.strptime`; one without an hour is that of the date in front of the time."""
    try:
        if re.search(r"%[HIcXT]", form):
            found = dt.datetime.strptime(text, form)
            where: str | dt.tzinfo = found.tzinfo or zone
            return Time(_instant(found.replace(tzinfo=None, microsecond=0), found.microsecond * 1_000, where))
        width = next(n for n in range(len(text), 0, -1) if _is_date(text[:n], form))
        match = REST.fullmatch(text[width:])
        if match is None and text[width:].strip():
            raise ValueError("no time behind the date")
        date = dt.datetime.strptime(text[:width], form)
        if match is None:
            return Time(_instant(date, 0, zone))
        return _of_match(match, (date.year, date.month, date.day), zone)
    except (ValueError, StopIteration):
        raise _UnreadableError(f"no time that date_format={form!r} describes") from None


def _is_date(text: str, form: str) -> bool:
    try:
        dt.datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _instant(naive: dt.datetime, part: int, zone: str | dt.tzinfo) -> int:
    """The instant, ns UTC, of a time on a clock."""
    named, hours = SHORT.get(zone.upper(), (zone, None)) if isinstance(zone, str) else (zone, None)
    place = _place(named) if isinstance(named, str) else named
    first, second = (naive.replace(tzinfo=place, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        there = first.astimezone(dt.UTC).astimezone(place).replace(tzinfo=None) == naive
        why = "comes twice" if there else "never comes"
        raise _UnreadableError(f"a time that {why} on the clock of {zone} that day; write it with its offset: 2024-01-02 09:30:00-05:00")
    if hours is not None and first.utcoffset() != dt.timedelta(hours=hours):
        # people write EST all the year round, and mean New York's time
        raise _UnreadableError(f"a time in {zone}, which is not what clocks in {named} show that day; write its offset, or {named}")
    return _bounded(int(first.timestamp()) * BILLION + part)


def _bounded(instant: int) -> int:
    year = dt.datetime.fromtimestamp(instant // BILLION, dt.UTC).year
    if not FIRST <= year <= LAST:
        raise _UnreadableError(f"a time outside {FIRST}-{LAST}")
    return instant


@lru_cache(maxsize=256)
def _place(zone: str) -> dt.tzinfo:
    """A zone by its IANA name, or an offset."""
    match = re.fullmatch(r"([+-])(\d{2}):?(\d{2})?", zone)
    if match is not None:
        length = dt.timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        return dt.timezone(-length if match[1] == "-" else length)
    names = {name.lower(): name for name in available_timezones()}
    if zone.lower() not in names:
        raise _UnreadableError(f"a time in zone {zone!r}, which is no one zone; write its offset, or its name such as America/New_York")
    return ZoneInfo(names[zone.lower()])
