"""Opening hours of a calendar year: computed by exchange_calendars, kept in a small file per year.

Lunar holidays take exchange_calendars about two seconds; a year read back from disk takes a millisecond.
"""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.boundary import or_none, reading

if TYPE_CHECKING:
    import pandas as pd

HOURS = ("open", "close", "break_start", "break_end")
CACHE_VARIABLE = "EXEC_ALGOS_CACHE_DIR"


class Schedule(NamedTuple):
    """Opening hours of consecutive sessions.

    Parameters
    ----------
    zone : str
        IANA zone of the exchange.
    date : ndarray of datetime64[D], shape (n,)
        The day by which each session is known.
    open, close : ndarray of int64, shape (n,)
        ns UTC.
    break_start, break_end : ndarray of int64, shape (n,)
        The pause within each session, ns UTC; both are `close` where there is none, and both `open` where a session opens after it.
    """

    zone: str
    date: npt.NDArray[np.datetime64]
    open: npt.NDArray[np.int64]
    close: npt.NDArray[np.int64]
    break_start: npt.NDArray[np.int64]
    break_end: npt.NDArray[np.int64]

    def between(self, first: np.datetime64, last: np.datetime64) -> Schedule:
        """Sessions whose day lies in ``[first, last]``."""
        keep = (self.date >= first) & (self.date <= last)
        return self._replace(**{name: getattr(self, name)[keep] for name in ("date", *HOURS)})


def cache_folder() -> Path:
    """Folder of the computed schedules: ``EXEC_ALGOS_CACHE_DIR``, else the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("exec_algos"))


@lru_cache(maxsize=64)
def schedule(name: str, first_year: int, last_year: int) -> Schedule:
    """Opening hours of the years ``first_year .. last_year``, from the cache where it has them.

    Raises
    ------
    UnknownNameError
        No such calendar.
    UsageError
        The years lie outside what the calendar covers.
    """
    years = {year: _load(_file(name, year)) for year in range(first_year, last_year + 1)}
    missing = [year for year, found in years.items() if found is None]
    if missing:
        computed = _compute(name, missing[0], missing[-1])
        for year in missing:
            years[year] = _of_year(computed, year)
            _save(_file(name, year), _of_year(computed, year))
    return _joined([year for year in years.values() if year is not None])


def _joined(parts: Sequence[Schedule]) -> Schedule:
    columns = (np.concatenate(column) for column in zip(*(part[1:] for part in parts), strict=True))
    return Schedule(parts[0].zone, *columns)


def _of_year(whole: Schedule, year: int) -> Schedule:
    return whole.between(np.datetime64(f"{year:04}-01-01", "D"), np.datetime64(f"{year:04}-12-31", "D"))


def _file(name: str, year: int) -> Path:
    from importlib.metadata import version

    plain = re.sub(r"[^A-Za-z0-9_.-]", lambda match: f"%{ord(match[0]):02X}", name)
    return cache_folder() / f"{plain}-{year}-{version('exchange_calendars')}.npz"


def _load(file: Path) -> Schedule | None:
    """What is kept; None where it is missing, cut short, or not one of ours."""
    return or_none(lambda: _read(file))


def _read(file: Path) -> Schedule | None:
    if not file.is_file():  # a pipe that nobody writes to would be waited for
        return None
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        hours = (stored[name] for name in HOURS)
        found = Schedule(str(stored["zone"]), stored["date"].astype("datetime64[D]"), *hours)
    return found if _is_sound(found) else None


def _is_sound(found: Schedule) -> bool:
    columns = found[1:]
    if any(column.shape != (len(found.date),) or column.dtype.kind not in "iM" for column in columns):
        return False
    rising = np.array([found.open, found.break_start, found.break_end, found.close])
    in_order = bool(np.all(np.diff(rising, axis=0) >= 0)) and bool(np.all(found.open < found.close))
    return bool(found.zone) and in_order and bool(np.all(np.diff(found.open) > 0))


def _save(file: Path, found: Schedule) -> None:
    content = BytesIO()
    hours = {name: getattr(found, name) for name in HOURS}
    np.savez_compressed(content, zone=np.array(found.zone), date=found.date.astype(np.int64), **hours)
    # A cache that cannot be written costs time, never the answer.
    with suppress(OSError, ValueError):
        _replace(file, content.getvalue())


def _replace(file: Path, content: bytes) -> None:
    """Write a file so that another process sees all of it or none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".") as place:
        part = Path(place) / file.name
        part.write_bytes(content)
        os.replace(part, file)


def _compute(name: str, first_year: int, last_year: int) -> Schedule:
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        # Its own use of pandas is deprecated there; our caller can do nothing about it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            calendar = exchange_calendars.get_calendar(name, start=f"{first_year}-01-01", end=f"{last_year}-12-31")
    except InvalidCalendarName:
        raise UnknownNameError("calendar", name, exchange_calendars.get_calendar_names()) from None
    except ValueError as error:
        raise UsageError(f"calendar {name} cannot tell the sessions of {first_year}-{last_year}: {error}") from error
    with reading(f"calendar {name}", "name another calendar"):
        return _schedule(calendar)


def _schedule(calendar: Any) -> Schedule:
    table = calendar.schedule
    days = table.index.to_numpy().astype("datetime64[D]")
    opens, closes = _nanoseconds(table["open"]), _nanoseconds(table["close"])
    return Schedule(str(calendar.tz), days, opens, closes, *_breaks(table, opens, closes))


def _breaks(table: pd.DataFrame, opens: npt.NDArray[np.int64], closes: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """The pauses, cut to their sessions: a half day ends before its pause, a late open may come after it."""
    paused = table["break_start"].notna().to_numpy()
    columns = (np.where(paused, _nanoseconds(table[name]), closes) for name in ("break_start", "break_end"))
    return [np.clip(column, opens, closes) for column in columns]


def _nanoseconds(column: pd.Series[Any]) -> npt.NDArray[np.int64]:
    naive: npt.NDArray[np.datetime64] = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    return naive.astype("datetime64[ns]").astype(np.int64)
