"""Time stamps of files: text, epochs or datetimes to ns UTC."""

from __future__ import annotations

import re
import zoneinfo
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import MarketDataError, UnknownNameError, UsageError
from exec_algos.market.arrays import Ints
from exec_algos.market.csvformat import EPOCH
from exec_algos.market.epochs import dates_of, epochs_of
from exec_algos.market.stampforms import in_iso, without_zone
from exec_algos.market.validate import Flaw, beginning

if TYPE_CHECKING:
    import pandas as pd


EARLIEST = 19_000_101  # a date; epochs are beyond it
PRESENT = ("now", "today")
ASK_ZONE = "pass zone='America/New_York' or the like"
OFFSET = r"(?:Z|[+-]\d{2}:?\d{2}|:\d{2}(?:\.\d+)?[+-]\d{2})$"  # the last one is a database's: 09:30:00+00


class Stamps(NamedTuple):
    """ns UTC of each row, the zone, and the rows that could not be read."""

    ns: Ints
    zone: str
    flaws: tuple[Flaw, ...]


@lru_cache(maxsize=64)
def known_zone(zone: str) -> str:
    """`zone` if it is an IANA zone.

    Raises
    ------
    UnknownNameError
        It is not.
    """
    if zone not in zoneinfo.available_timezones():
        raise UnknownNameError("zone", zone, zoneinfo.available_timezones())
    return zone


def read_stamps(values: pd.Series[Any], zone: str | None, file: str, date_format: str | None = None) -> Stamps:
    """Instants of a column of datetimes, epochs or text.

    Parameters
    ----------
    values : Series
        Stamps with a zone or a UTC offset are instants; naive ones are read in `zone`. Whole numbers are dates written together, or
        s, ms, us or ns since 1970 UTC, each by itself: `exec_algos.market.epochs`. Text is ISO 8601, or `exec_algos.market.stampforms`.
    zone : str, optional
        IANA zone of naive stamps, and in which instants are shown.
    file : str
        For messages.
    date_format : str, optional
        Of text, as ``strptime`` takes it, or ``epoch``.

    Raises
    ------
    MarketDataError
        The zone is needed and not given; some stamps have an offset and some have none; a date may be read in two ways.
    """
    import pandas as pd

    if zone is not None:
        known_zone(zone)
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return _aware(pd.DatetimeIndex(values), zone or _named_zone(values.dtype.tz, file), file)
    if pd.api.types.is_datetime64_dtype(values.dtype):
        return _naive(pd.DatetimeIndex(values), values, zone, file)
    if pd.api.types.is_numeric_dtype(values.dtype):
        values = _whole(values, file)
    text = values.astype("string").str.strip()
    if date_format == EPOCH:
        return _epochs(text.str.replace(r"\.0+$", "", regex=True), zone, file)
    return _text(text, zone, file) if date_format is None else _said(text, zone, file, date_format)


def _whole(values: pd.Series[Any], file: str) -> pd.Series[Any]:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    odd = np.flatnonzero(~((numbers >= EARLIEST) & (numbers % 1 == 0)))
    if len(odd):
        raise MarketDataError(f"timestamp {values.iloc[odd[0]]} is no epoch in whole s, ms, us or ns", file=file, row=int(odd[0]) + 1)
    return values.astype("int64")


def _named_zone(tz: Any, file: str) -> str:
    name = str(getattr(tz, "key", tz))
    if name in zoneinfo.available_timezones():
        return name
    raise MarketDataError(f"stamps have the offset {name} and no zone is named; {ASK_ZONE}", file=file)


def _aware(index: pd.DatetimeIndex, zone: str, file: str, flaws: tuple[Flaw, ...] = ()) -> Stamps:
    missing = tuple(Flaw(int(i), "timestamp", "NaT", "the timestamp is missing") for i in np.flatnonzero(index.isna()))
    return Stamps(_nanoseconds(index, file), zone, flaws or missing)


def _nanoseconds(index: pd.DatetimeIndex, file: str) -> Ints:
    import pandas as pd

    try:
        return np.array(index.as_unit("ns").asi8, dtype=np.int64)
    except pd.errors.OutOfBoundsDatetime as error:
        raise MarketDataError(f"{error}: stamps lie between 1677 and 2262", file=file) from error


def _naive(index: pd.DatetimeIndex, shown: pd.Series[Any], zone: str | None, file: str, unread: str = "is not ISO 8601") -> Stamps:
    if zone is None:
        raise MarketDataError(f"timestamp {str(shown.iloc[0])!r} has no UTC offset and no zone is named; {ASK_ZONE}", file=file)
    if index.tz is not None:
        raise MarketDataError(f"timestamp {str(shown.iloc[0])!r} has an offset that is cut short; write +09:00 or the like", file=file)
    local = index.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    why = np.where(index.isna(), unread, f"does not exist, or exists twice, in {zone} (clock change)")
    bad = np.flatnonzero(local.isna())
    return _aware(local, zone, file, tuple(_flaw(shown, int(i), str(why[i])) for i in bad))


def _flaw(shown: pd.Series[Any], i: int, why: str) -> Flaw:
    if shown.isna().iloc[i]:
        return Flaw(i, "timestamp", "", "the timestamp is missing")
    cell = beginning(shown.iloc[i])
    return Flaw(i, "timestamp", cell, f"timestamp {cell!r} {why}")


def _text(text: pd.Series[Any], zone: str | None, file: str) -> Stamps:
    shown = text
    if bool(text.str.fullmatch(r"[0-9]{8,19}(?:\.0+)?").fillna(False).any()):
        text = text.str.replace(r"\.0+$", "", regex=True)
        dates = dates_of(text, file)
        if dates is None:
            return _epochs(text, zone, file)
        text = dates
    text = text.mask(text == "")
    if _begins_in_iso(text):
        return _iso(text, zone, file, shown.mask(text.isna()))
    named = without_zone(text, file)
    if named is None:
        return _iso(in_iso(text, file), zone, file, text)
    read = _iso(in_iso(named.text, file), named.zone, file, text)
    return read._replace(zone=zone or named.zone)


def _begins_in_iso(text: pd.Series[Any]) -> bool:
    import pandas as pd

    return bool(pd.to_datetime(_dated(text.dropna().head(1)), format="ISO8601", errors="coerce", utc=True).notna().all())


def _iso(text: pd.Series[Any], zone: str | None, file: str, shown: pd.Series[Any]) -> Stamps:
    """Instants of ISO 8601 text; `shown` is what the file has."""
    import pandas as pd

    offset = text.str.contains(OFFSET, regex=True).fillna(False).to_numpy(dtype=bool)
    if offset.any():  # the end of 2024-01-16 looks like one, too
        offset &= (text.str.len() > 10).fillna(False).to_numpy(dtype=bool)
    if offset.any():
        _refuse_mixed(text, offset, file)
        index = pd.DatetimeIndex(pd.to_datetime(_dated(text), format="ISO8601", errors="coerce", utc=True))
        return _aware(index, zone or _zone_of_offsets(text, file), file, _unreadable(index, shown))
    return _naive(_without_offset(_dated(text)), shown, zone, file)


def _without_offset(text: pd.Series[Any]) -> pd.DatetimeIndex:
    """Naive datetimes; what has a part of an offset (``09:30:00-0``), which pandas takes for one, is none."""
    import pandas as pd

    with suppress(ValueError):
        index = pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", errors="coerce"))
        if index.tz is None:
            return index
    whole = text.mask(text.str.slice(10).str.contains("[-+Zz]", regex=True))
    return pd.DatetimeIndex(pd.to_datetime(whole, format="ISO8601", errors="coerce"))


def _said(text: pd.Series[Any], zone: str | None, file: str, date_format: str) -> Stamps:
    import pandas as pd

    try:
        index = pd.to_datetime(text, format=date_format, errors="coerce", utc="%z" in date_format)
    except ValueError as error:
        raise MarketDataError(f"date_format {date_format!r} cannot be read: {error}", file=file) from error
    if isinstance(index.dtype, pd.DatetimeTZDtype):
        return _aware(pd.DatetimeIndex(index), zone or "UTC", file, _unreadable(pd.DatetimeIndex(index), text))
    return _naive(pd.DatetimeIndex(index), text, zone, file, f"is not of the form {date_format}")


def _dated(text: pd.Series[Any]) -> pd.Series[Any]:
    """Texts that are no words for the present, which pandas takes for it."""
    return text.mask(text.isin(PRESENT))


def _refuse_mixed(text: pd.Series[Any], offset: npt.NDArray[np.bool_], file: str) -> None:
    import pandas as pd

    naive = np.flatnonzero(~offset)
    naive = naive[pd.to_datetime(text.iloc[naive], format="ISO8601", errors="coerce").notna().to_numpy(dtype=bool)]
    if not len(naive):
        return
    earlier, odd = sorted((int(offset.argmax()), int(naive[0])))
    first = str(text.iloc[earlier])
    raise MarketDataError(
        f"a mixed zone: of timestamp {str(text.iloc[odd])!r} and the earlier {first!r} only one has a UTC offset; write all one way",
        file=file,
        row=odd + 1,
    )


def _unreadable(index: pd.DatetimeIndex, text: pd.Series[Any]) -> tuple[Flaw, ...]:
    bad = np.flatnonzero(index.isna())
    return tuple(_flaw(text, int(i), "is not ISO 8601") for i in bad)


def _zone_of_offsets(text: pd.Series[Any], file: str) -> str:
    tails = text.dropna().str.slice(-6).unique()
    offsets = sorted({found[0] for tail in tails if (found := re.search(r"(?:Z|[+-]\d{2}:?(?:\d{2})?)$", tail))})
    if set(offsets) <= {"Z", "+00:00", "+0000", "+00"}:
        return "UTC"
    raise MarketDataError(f"stamps have the offset {', '.join(offsets)} and no zone is named; {ASK_ZONE}", file=file)


def _epochs(text: pd.Series[Any], zone: str | None, file: str) -> Stamps:
    ns, bad = epochs_of(text)
    at = np.flatnonzero(bad)
    flaws = tuple(_flaw(text, int(i), "is no epoch in s, ms, us or ns of 1970 to 2100 near the others") for i in at)
    return Stamps(ns, zone or "UTC", flaws)


Step = int | str | timedelta


def nanoseconds(step: Step | None) -> int | None:
    """A bar length (``60_000_000_000``, ``"1min"``, a timedelta) in ns.

    Raises
    ------
    UsageError
        Not a positive length of time.
    """
    import pandas as pd

    if step is None:
        return None
    try:
        length = int(step) if isinstance(step, int) else pd.Timedelta(step).as_unit("ns").value
    except ValueError as error:
        raise UsageError(f"step {step!r} is no length of time; pass '1min', '5min' or whole ns") from error
    if length <= 0:
        raise UsageError(f"step {step!r} is not positive")
    return length
