"""Benchmark prices of parent orders, from the bars of their window and session."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.estimable import Estimable, Missing
from exec_algos.tca.places import Windows, ended_by, rows_between, session_hours
from exec_algos.tca.sums import WindowSums, reduced, window_sums

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

Tape = Literal["replay", "live"]

NO_SYMBOL = "the bars do not hold this symbol"
NO_SESSION = "the calendar has no session at or after the window's start"
NO_BARS = "no bars in the window"
NO_VOLUME = "no volume in the window"
NOT_ABOVE_ZERO = "a price at or below zero: no basis points of it"
NO_SESSION_BARS = "no bars in the session"
NO_SESSION_VOLUME = "no volume in the session"
NOT_STARTED = "no bar of the session had ended by the start, and none lies in the window"
NOTHING_KNOWN = "no bar had ended by then"
NO_EARLIER_SESSION = "the session before is not in the bars"
ONLY_OWN = "no volume in the window but our own"
OWN_TOO_LARGE = "our own prints are more than the volume of the window"
OWN_OUTSIDE = "without our own prints the VWAP would lie outside the prices of the window: the tape does not hold them at these prices"
NO_QUOTE = "no quote at the window's end"


class Benchmarks(NamedTuple):
    """Benchmark prices in currency per share, arrays of shape (n_parents,), NaN where not estimable.

    The plain numbers for tables of millions of orders; the functions `arrival`, `interval_vwap` ... say why a number is not there.

    Attributes
    ----------
    arrival : ndarray of float64
        Close of the last bar of the same session that had ended by the start, else the open of the
        first bar in the window.
    interval_vwap, interval_twap : ndarray of float64
        Volume-weighted and plain mean of the VWAP (the vendor's if in [low, high], else hlc3) of the
        window's bars.
    session_vwap : ndarray of float64
        The same over the session.
    volume : ndarray of float64
        Shares traded in the window.
    """

    arrival: Floats
    interval_vwap: Floats
    session_vwap: Floats
    interval_twap: Floats
    volume: Floats


@dataclass(frozen=True, eq=False)
class View:
    """Parent orders, and the bars of their windows and sessions; made by `View.of`.

    Attributes
    ----------
    bars : Bars
        Cut to the sessions' hours.
    sessions : Sessions
    windows : Windows
    held, ended : ndarray of int64, shape (n_parents,)
        The session in which each window starts, and the one in which it ends; ``len(sessions)`` where there is none.
    first, last : ndarray of int64, shape (n_parents,)
        The window's rows ``[first, last)`` of the bars.
    begin, finish : ndarray of int64, shape (n_parents,)
        The session's; of a window over several, from the first one's open to the last one's close.
    """

    bars: Bars
    sessions: Sessions
    windows: Windows
    held: Ints
    ended: Ints
    first: Ints
    last: Ints
    begin: Ints
    finish: Ints

    @classmethod
    def of(cls, bars: Bars, sessions: Sessions, windows: Windows) -> View:
        """Find the rows.

        Parameters
        ----------
        bars : Bars
            Cut to the sessions' hours.
        sessions : Sessions
        windows : Windows
            One that starts while the venue is closed belongs to the next session.
        """
        held = sessions.all_at_or_after(windows.start)
        ended = np.maximum(held, sessions.all_at_or_after(windows.end - 1))
        hours = session_hours(sessions, held)[0], session_hours(sessions, ended)[1]
        begin, finish = rows_between(bars, windows.symbol, *hours)
        return cls(bars, sessions, windows, held, ended, *rows_between(bars, *windows), begin, finish)

    @cached_property
    def price(self) -> Floats:
        """VWAP of each bar (`Bars.price`), currency per share, shape (n_bars,)."""
        return self.bars.price()

    @cached_property
    def window_sums(self) -> WindowSums:
        """Sums over the bars of each window."""
        return window_sums(self.bars, self.first, self.last)

    @cached_property
    def session_sums(self) -> WindowSums:
        """Sums over the bars of each window's session."""
        if np.array_equal(self.begin, self.first) and np.array_equal(self.finish, self.last):
            return self.window_sums
        return window_sums(self.bars, self.begin, self.finish)

    def __len__(self) -> int:
        return len(self.windows.start)

    def no_place(self) -> tuple[Missing, Missing]:
        """Where an order has no symbol or no session in the data."""
        return Missing(self.windows.symbol < 0, NO_SYMBOL), Missing(self.held >= len(self.sessions), NO_SESSION)


def arrival(view: View) -> Estimable:
    """Arrival price: close of the last bar of the same session that had ended by the start, else open of the window's first bar.

    Returns
    -------
    Estimable
        Currency per share, shape (n_parents,).
    """
    bars, row = view.bars, ended_by(view.bars, view.windows.symbol, view.windows.start)
    known = (row >= view.begin) & (row < view.finish)
    opening = _at(bars.open, np.where(view.last > view.first, view.first, -1))
    missing = Missing(~known & (view.last <= view.first), NOT_STARTED)
    return Estimable.of(np.where(known, _at(bars.close, row), opening), *view.no_place(), missing)


def decision_price(bars: Bars, symbol: Ints, decided: Ints) -> Estimable:
    """Price when the order was decided: the last close known then, of this session or of an earlier one.

    Parameters
    ----------
    bars : Bars
    symbol : ndarray of int64, shape (n,)
        Index into ``bars.symbols``, -1 for none.
    decided : ndarray of int64, shape (n,)
        ns UTC.

    Returns
    -------
    Estimable
        Currency per share.
    """
    row = ended_by(bars, symbol, decided)
    return Estimable.of(_at(bars.close, row), Missing(symbol < 0, NO_SYMBOL), Missing(row < 0, NOTHING_KNOWN))


def interval_vwap(view: View) -> Estimable:
    """``sum(p v) / sum(v)`` over the bars of the window, p being each bar's VWAP (`Bars.price`): currency per share."""
    money, volume, _ = view.window_sums
    return Estimable.of(_ratio(money, volume), *view.no_place(), *_silent(view.first, view.last, volume, (NO_BARS, NO_VOLUME)))


def session_vwap(view: View) -> Estimable:
    """The same over the whole session."""
    money, volume, _ = view.session_sums
    reasons = (NO_SESSION_BARS, NO_SESSION_VOLUME)
    return Estimable.of(_ratio(money, volume), *view.no_place(), *_silent(view.begin, view.finish, volume, reasons))


def interval_twap(view: View) -> Estimable:
    """Plain mean of the bars' VWAPs over the window: currency per share; bars without volume count, missing bars do not."""
    count = (view.last - view.first).astype(np.float64)
    return Estimable.of(_ratio(view.window_sums.price, count), *view.no_place(), Missing(count == 0, NO_BARS))


def vwap_without_own(view: View, shares: Floats, notional: Floats, *, tape: Tape) -> Estimable:
    """Interval VWAP of what the others traded: ``(sum(p v) - notional) / (sum(v) - shares)``.

    Parameters
    ----------
    view : View
    shares, notional : ndarray of float64, shape (n_parents,)
        What each parent order traded inside its window: shares, and currency (sum of quantity x price).
    tape : {"replay", "live"}
        Whether the tape holds our prints. A live tape does; a replayed one does not, so there it is `interval_vwap` itself.

    Returns
    -------
    Estimable
        Currency per share. Not estimable where what is left is no volume, or lies outside the window's prices: bars whose VWAP is
        only a proxy do not hold our prints at the prices that we paid.

    Raises
    ------
    UnknownNameError
        No such tape.
    """
    if tape not in ("replay", "live"):
        raise UnknownNameError("tape", str(tape), ("replay", "live"))
    whole = interval_vwap(view)
    if tape == "replay":
        return whole
    money, volume, _ = view.window_sums
    left, slack = volume - shares, 1e-9 * volume
    value = _ratio(np.where(np.abs(left) <= slack, 0.0, money - notional), np.where(left > slack, left, 0.0))
    low = reduced(np.minimum, view.bars.low, view.first, view.last, np.inf)
    high = reduced(np.maximum, view.bars.high, view.first, view.last, -np.inf)
    outside = (value < low * (1 - 1e-9)) | (value > high * (1 + 1e-9))
    rules = Missing(left < -slack, OWN_TOO_LARGE), Missing(left <= slack, ONLY_OWN), Missing(outside, OWN_OUTSIDE)
    return Estimable.of(value, *whole.missing(), *rules)


def session_open(view: View) -> Estimable:
    """Open of the session's first bar, of the first session where a window runs over several: currency per share."""
    return _of_session(view, view.bars.open, view.begin)


def session_close(view: View) -> Estimable:
    """Close of the session's last bar, of the last session where a window runs over several: currency per share."""
    return _of_session(view, view.bars.close, view.finish - 1)


def previous_close(view: View) -> Estimable:
    """Close of the last bar of the session before (by the calendar): currency per share."""
    before, after = session_hours(view.sessions, np.maximum(view.held - 1, 0)), session_hours(view.sessions, view.held)
    first, last = rows_between(view.bars, view.windows.symbol, before[0], np.minimum(before[1], after[0]))
    missing = Missing((last <= first) | (view.held == 0), NO_EARLIER_SESSION)
    return Estimable.of(_at(view.bars.close, last - 1), *view.no_place(), missing)


def window_end(view: View) -> Estimable:
    """The last close of the session known at the window's end: currency per share."""
    row = ended_by(view.bars, view.windows.symbol, view.windows.end)
    missing = Missing((row < view.begin) | (row >= view.finish), "no bar of the session had ended by the window's end")
    return Estimable.of(_at(view.bars.close, row), *view.no_place(), missing)


def window_end_mid(view: View) -> Estimable:
    """``(bid + ask) / 2`` as quoted at the end of the last bar of the session known at the window's end: currency per share.

    Raises
    ------
    UsageError
        The bars have no quotes.
    """
    quotes = view.bars.quotes
    if "bid" not in quotes or "ask" not in quotes:
        raise UsageError("the mid needs bars with bid and ask; these have none, take window_end or session_close instead")
    row = ended_by(view.bars, view.windows.symbol, view.windows.end)
    middle = (_at(quotes["bid"], row) + _at(quotes["ask"], row)) / 2
    return Estimable.combine(middle, window_end(view), missing=(Missing((row >= 0) & np.isnan(middle), NO_QUOTE),))


def benchmarks(bars: Bars, sessions: Sessions, windows: Windows) -> Benchmarks:
    """Benchmark prices of parent orders as plain numbers.

    Parameters
    ----------
    bars : Bars
        Cut to the sessions' hours.
    sessions : Sessions
    windows : Windows
        One that starts while the venue is closed belongs to the next session.
    """
    view = View.of(bars, sessions, windows)
    return Benchmarks(
        arrival=arrival(view).values,
        interval_vwap=interval_vwap(view).values,
        session_vwap=session_vwap(view).values,
        interval_twap=interval_twap(view).values,
        volume=view.window_sums.volume,
    )


def slippage_bps(side: npt.NDArray[np.int64] | int, price: Floats | float, benchmark: Floats | float) -> Floats:
    """``side * (price - benchmark) / benchmark * 1e4``: basis points, positive = cost, for buys and sells.

    Parameters
    ----------
    side : int or ndarray
        +1 buys, -1 sells.
    price, benchmark : float or ndarray
        Currency per share; NaN gives NaN, and so does one at or below zero, of which no part can be told.

    Examples
    --------
    >>> round(float(slippage_bps(-1, 99.9, 100.0)), 9)
    10.0
    >>> float(slippage_bps(1, -37.0, -38.0))
    nan
    """
    paid, base = np.asarray(price, dtype=np.float64), np.asarray(benchmark, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((paid > 0) & (base > 0), np.asarray(side * (paid - base) / base * 1e4), np.nan)


def slippage(side: Ints, price: Estimable, benchmark: Estimable) -> Estimable:
    """`slippage_bps` of columns: where the price or the benchmark is not estimable, neither is the slippage, for that reason."""
    low = Missing((price.values <= 0) | (benchmark.values <= 0), NOT_ABOVE_ZERO)
    return Estimable.combine(slippage_bps(side, price.values, benchmark.values), price, benchmark, missing=(low,))


def average_price(filled: Floats, notional: Floats) -> Estimable:
    """``notional / filled``: currency per share; not estimable where nothing was filled."""
    return Estimable.of(_ratio(np.asarray(notional, dtype=np.float64), filled), Missing(np.asarray(filled) <= 0, "nothing was filled"))


def _at(column: Floats, row: Ints) -> Floats:
    """Values at rows; NaN for a row below 0."""
    found = np.full(len(row), np.nan)
    there = row >= 0
    found[there] = column[row[there]]
    return found


def _of_session(view: View, column: Floats, row: Ints) -> Estimable:
    missing = Missing(view.finish <= view.begin, NO_SESSION_BARS)
    return Estimable.of(_at(column, np.where(missing.where, -1, row)), *view.no_place(), missing)


def _silent(first: Ints, last: Ints, volume: Floats, reasons: tuple[str, str]) -> tuple[Missing, Missing]:
    return Missing(last <= first, reasons[0]), Missing(volume <= 0, reasons[1])


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=np.asarray(below) > 0)
    return ratio
