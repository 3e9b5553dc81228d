"""Time stamps of files: text, epochs or datetimes to ns UTC, and how long a bar is."""

from __future__ import annotations

import re
import zoneinfo
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import MarketDataError, UnknownNameError, UsageError
from exec_algos.market.arrays import Ints
from exec_algos.market.validate import Flaw, RawRows

if TYPE_CHECKING:
    import pandas as pd


DAY = 86_400_000_000_000
ASK_ZONE = "pass zone='America/New_York' or the like"
OFFSET = r"(?:Z|[+-]\d{2}:?\d{2})$"
EPOCH = r"\d{10}|\d{13}|\d{16}|\d{19}"
EPOCHS = {10: 1_000_000_000, 13: 1_000_000, 16: 1_000, 19: 1}  # digits of an epoch of 2001-2286, and its unit in ns


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


def read_stamps(values: pd.Series[Any], zone: str | None, file: str) -> Stamps:
    """Instants of a column of datetimes, epochs or ISO 8601 text.

    Parameters
    ----------
    values : Series
        Stamps with a zone or a UTC offset are instants; naive ones are read in `zone`. Whole numbers of 10, 13, 16
        or 19 digits are s, ms, us or ns since 1970 UTC.
    zone : str, optional
        IANA zone of naive stamps, and in which instants are shown.
    file : str
        For messages.

    Raises
    ------
    MarketDataError
        The zone is needed and not given; some stamps have an offset and some have none.
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
    return _text(values.astype("string").str.strip(), zone, file)


def _whole(values: pd.Series[Any], file: str) -> pd.Series[Any]:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    odd = np.flatnonzero(~((numbers >= 1e9) & (numbers % 1 == 0)))
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


def _naive(index: pd.DatetimeIndex, shown: pd.Series[Any], zone: str | None, file: str) -> Stamps:
    if zone is None:
        raise MarketDataError(f"timestamp {str(shown.iloc[0])!r} has no UTC offset and no zone is named; {ASK_ZONE}", file=file)
    local = index.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    why = np.where(index.isna(), "is not ISO 8601", f"does not exist, or exists twice, in {zone} (clock change)")
    bad = np.flatnonzero(local.isna())
    return _aware(local, zone, file, tuple(_flaw(shown, int(i), str(why[i])) for i in bad))


def _flaw(shown: pd.Series[Any], i: int, why: str) -> Flaw:
    if shown.isna().iloc[i]:
        return Flaw(i, "timestamp", "", "the timestamp is missing")
    return Flaw(i, "timestamp", str(shown.iloc[i]), f"timestamp {str(shown.iloc[i])!r} {why}")


def _text(text: pd.Series[Any], zone: str | None, file: str) -> Stamps:
    import pandas as pd

    if bool(text.str.fullmatch(EPOCH).fillna(False).any()):
        return _epochs(text, zone, file)
    text = text.mask(text == "")
    offset = (text.str.contains(OFFSET, regex=True) & (text.str.len() > 10)).fillna(False).to_numpy(dtype=bool)
    if offset.any():
        _refuse_mixed(text, offset, file)
        index = pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True))
        return _aware(index, zone or _zone_of_offsets(text, file), file, _unreadable(index, text))
    return _naive(pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", errors="coerce")), text, zone, file)


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
    offsets = sorted({found[0] for tail in tails if (found := re.search(OFFSET, tail))})
    if set(offsets) <= {"Z", "+00:00", "+0000"}:
        return "UTC"
    raise MarketDataError(f"stamps have the offset {', '.join(offsets)} and no zone is named; {ASK_ZONE}", file=file)


def _epochs(text: pd.Series[Any], zone: str | None, file: str) -> Stamps:
    import pandas as pd

    size = int(text[text.str.fullmatch(EPOCH).fillna(False)].str.len().mode().iloc[0])
    bad = np.flatnonzero(~text.str.fullmatch(rf"\d{{{size}}}").fillna(False).to_numpy(dtype=bool))
    flaws = tuple(_flaw(text, int(i), f"is no epoch of {size} digits like the rest") for i in bad)
    whole = pd.to_numeric(text.where(~text.index.isin(text.index[bad]), "0").fillna("0")).to_numpy(dtype=np.int64)
    if int(whole.max()) > np.iinfo(np.int64).max // EPOCHS[size]:
        raise MarketDataError(f"epoch {whole.max()}: stamps lie between 1677 and 2262", file=file, row=int(whole.argmax()) + 1)
    return Stamps(whole * EPOCHS[size], zone or "UTC", flaws)


def bar_length(rows: RawRows) -> int:
    """Length of a bar in ns: what the reader was told, else the smallest gap within a day.

    The smallest gap counts only if every other gap within a day is a multiple of it and a day is, too. (The most
    common gap would be wrong for thin symbols: they trade every second minute.)

    Raises
    ------
    MarketDataError
        The rows cannot tell; or two of them are closer than the length given.
    """
    gap = np.diff(rows.stamp)
    if rows.step is not None:
        _refuse_overlap(rows, gap, rows.step)
        return rows.step
    inside = gap[np.diff(_local_day(rows)) == 0]
    step = int(inside.min()) if len(inside) else 0
    if step and DAY % step == 0 and not (inside % step).any():
        return step
    why = f"the smallest gap within a day, {step / 1e9:g} s, does not divide the others" if step else "no two bars stand on one day"
    raise MarketDataError(f"{rows.symbol}: cannot tell how long a bar is: {why}; pass step='1min' or the like", file=rows.file(0))


def _local_day(rows: RawRows) -> Ints:
    import pandas as pd

    return pd.DatetimeIndex(rows.stamp, tz="UTC").tz_convert(rows.zone).tz_localize(None).as_unit("ns").asi8 // DAY


def _refuse_overlap(rows: RawRows, gap: Ints, step: int) -> None:
    close = np.flatnonzero(gap < step)
    if len(close):
        i = int(close[0])
        raise MarketDataError(
            f"{rows.symbol}: timestamp {rows.time(i + 1)} is {gap[i] / 1e9:g} s after the one before it, "
            f"a bar is {step / 1e9:g} s long; pass the right step",
            file=rows.file(i + 1),
            row=int(rows.row[i + 1]),
        )


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
