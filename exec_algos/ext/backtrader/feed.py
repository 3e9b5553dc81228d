"""`BarsFeed`: one symbol of our `Bars` as a backtrader data feed, handed over by columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import date, datetime, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import backtrader as bt
import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.bars import Bars

_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_EPOCH = date(1970, 1, 1).toordinal()


class BarsFeed(bt.feed.DataBase):
    """Bars of one symbol as a backtrader data feed.

    It is made and used as every feed of backtrader is::

        cerebro.adddata(BarsFeed(dataname=bars, symbol="SYNLARGE"))

    The lines are backtrader's own and `vwap`, the vendor's VWAP of the bar, NaN where there is none (also in bars that
    backtrader resamples); `openinterest` is 0. The feed is named after its symbol unless `name` or ``adddata(name=)`` says otherwise.

    Parameters
    ----------
    dataname : Bars
        Where the bars are.
    symbol : str, optional
        Which of them; need not be given where `dataname` has one symbol.
    label : {"end", "start"}
        Which end of its bar a stamp names. backtrader takes a stamp for the instant at which the bar is known, and its
        resampler takes it for the end, so the default is ``end``: the bar that opens at 09:30 is stamped 09:31.
    tz : str or tzinfo, optional
        Zone in which ``data.datetime`` shows stamps, and in which naive `fromdate`, `todate`, `sessionstart` and
        `sessionend` are read; that of the bars if not given. ``Cerebro(tz=0)`` gives the strategy the same zone.
    timeframe, compression : int, optional
        Taken from the length of the bars: whole minutes, else seconds.
    fromdate, todate, sessionstart, sessionend, name, filters, calendar
        As in every feed of backtrader; `fromdate` and `todate` are compared with stamps, and may also be tz-aware.

    Raises
    ------
    UsageError
        `dataname` is not `Bars`; no symbol among several; bars shorter than a second; `tzinput` was given (our instants
        are UTC already); `tz` is a ``datetime.timezone``.
    UnknownNameError
        No such symbol, label or zone.

    Examples
    --------
    >>> from exec_algos.market.samples import load_samples
    >>> feed = BarsFeed(dataname=load_samples()["XKRX"], symbol="990010")
    >>> feed._name, bt.TimeFrame.getname(feed._timeframe, feed._compression)
    ('990010', 'Minute')
    """

    lines: Any = ("vwap",)
    params = (("symbol", None), ("label", "end"), ("timeframe", None), ("compression", None))

    def __init__(self) -> None:
        super().__init__()
        # backtrader keeps it twice; a worker process is to be sent this symbol, not the market
        self._dataname = self.p.dataname = bars = _only(self.p.dataname, self.p.symbol)
        self.p.symbol = bars.symbols[0]
        self.p.name = self.p.name or self.p.symbol
        if self.p.label not in ("end", "start"):
            raise UnknownNameError("label", self.p.label, ("end", "start"))
        if self.p.tzinput is not None:
            raise UsageError(f"tzinput={self.p.tzinput!r} says how naive stamps are meant, but bars are in UTC already; leave it out")
        self.p.tz = _zone(self.p.tz or bars.zone)
        timeframe, compression = _timeframe(bars.step)
        self.p.timeframe = self.p.timeframe or timeframe
        self.p.compression = self.p.compression or compression
        self._rows: Iterator[tuple[float, ...]] | None = None

    def start(self) -> None:
        """Begin again at the first bar; called by backtrader before each run."""
        super().start()
        self._rows = None

    def preload(self) -> None:
        """Load every bar; whole columns at once where nothing has to see bar by bar."""
        lines = self.lines.lines
        if self._filters or any(line.bindings for line in lines):
            super().preload()
            return
        for line, column in zip(lines, _within(self._columns(), self.fromdate, self.todate), strict=True):
            line.array[0:0] = array("d", column.tobytes())  # before the room that extend() made for lookahead
        self._rows = iter(())  # at the end backtrader asks for more
        self.home()

    def _load(self) -> bool:
        if self._rows is None:
            self._rows = zip(*(column.tolist() for column in self._columns()), strict=True)
        row = next(self._rows, None)
        if row is None:
            return False
        for line, value in zip(self.lines.lines, row, strict=True):
            line[0] = value
        return True

    def _columns(self) -> tuple[Floats, ...]:
        """In the order of backtrader's lines: close, low, high, open, volume, openinterest, datetime, vwap."""
        bars = self.p.dataname
        stamps = day_numbers(bars.start + (bars.step if self.p.label == "end" else 0))
        vwap = np.full(len(bars), np.nan) if bars.vwap is None else bars.vwap
        return bars.close, bars.low, bars.high, bars.open, bars.volume, np.zeros(len(bars)), stamps, vwap


def day_numbers(instants: Ints) -> Floats:
    """Backtrader's numbers of instants: days since 0001-01-01 UTC, that day counting as 1.

    Parameters
    ----------
    instants : ndarray of int64, shape (n,)
        ns UTC.

    Returns
    -------
    ndarray of float64, shape (n,)
        Nearest to the true value: within 6 µs of it in this century, and for whole seconds the bits of ``backtrader.date2num``.
    """
    days, rest = np.divmod(instants, _DAY)
    return (days + _EPOCH) + rest / _DAY


class _Zone(ZoneInfo):
    """A zone with the one method that backtrader borrows from pytz."""

    def localize(self, moment: datetime) -> datetime:
        return moment.replace(tzinfo=self) if moment.tzinfo is None else moment


def _zone(zone: str | tzinfo) -> tzinfo:
    """A zone that backtrader can use without pytz."""
    if isinstance(zone, timezone):  # cannot be given the method that backtrader needs
        raise UsageError(f"tz={zone!r} is no zone that backtrader can use; give an IANA name, such as 'UTC', or a ZoneInfo")
    key = zone.key if isinstance(zone, ZoneInfo) else zone
    if not isinstance(key, str):
        return key  # pytz, or whatever else backtrader copes with by itself
    try:
        return _Zone(key)
    except (KeyError, ValueError):
        from zoneinfo import available_timezones

        raise UnknownNameError("zone", key, available_timezones()) from None


def _only(bars: Any, symbol: str | None) -> Bars:
    if not isinstance(bars, Bars):
        raise UsageError(f"dataname must be Bars, not {type(bars).__name__}; Bars.from_frame makes them of a DataFrame")
    if symbol is None and len(bars.symbols) != 1:
        known = next(iter(bars.symbols), "")
        raise UsageError(f"these bars have {len(bars.symbols)} symbols: say which with symbol=, e.g. symbol={known!r}")
    return bars.select([bars.symbols[0] if symbol is None else symbol])


def _timeframe(step: int) -> tuple[int, int]:
    seconds, rest = divmod(step, _SECOND)
    if rest:
        raise UsageError(f"bars of {step} ns are no whole number of seconds, which is what a timeframe of backtrader can say")
    minutes, rest = divmod(seconds, 60)
    return (bt.TimeFrame.Seconds, seconds) if rest else (bt.TimeFrame.Minutes, minutes)


def _within(columns: tuple[Floats, ...], first: float, last: float) -> tuple[Floats, ...]:
    """The rows stamped from `first` to `last`, both inclusive, as ``DataBase.load`` has it."""
    stamps = columns[6]
    rows = slice(np.searchsorted(stamps, first, side="left"), np.searchsorted(stamps, last, side="right"))
    return tuple(column[rows] for column in columns)
