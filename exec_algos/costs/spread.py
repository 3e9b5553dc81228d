"""The quoted spread, half of which a market order pays: fixed, in ticks, from quotes, or estimated from earlier sessions.

Every spread answers one question, ``half(bars)``: half of ``(ask - bid) / mid`` that an order meeting a bar at its start pays. So it
may look only at what is known then: the bar's own open, quotes that stood before it, and earlier sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from exec_algos.checks import in_range
from exec_algos.costs.estimators import ESTIMATORS, PAIRS, SessionBars, estimate_of, sessions_of
from exec_algos.costs.ticks import TickTable
from exec_algos.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from exec_algos.checks import Floats
    from exec_algos.costs.estimators import SpreadEstimate
    from exec_algos.market.bars import Bars

SECOND = 1_000_000_000


@runtime_checkable
class Spread(Protocol):
    """A spread: what `FillModel` asks of it."""

    def half(self, bars: Any) -> float | Floats:
        """Half the spread as a fraction of the price, one for each bar or one for all of them."""


@dataclass(frozen=True, slots=True)
class FixedSpread:
    """One quoted spread for every bar.

    A market order pays half of it: ``price * (1 + side * bps / 2 * 1e-4)``, side +1 for a buy and -1 for a sell.

    Parameters
    ----------
    bps : float
        The full spread (ask - bid) / mid in basis points.

    Raises
    ------
    UsageError
        A spread that is negative, not a number, or 20,000 bps and more, at which the bid would be 0.

    Examples
    --------
    >>> FixedSpread(10.0).half() == 5e-4
    True
    """

    bps: float

    def __post_init__(self) -> None:
        advice = "it is the full spread (ask - bid) / mid in basis points, such as FixedSpread(5)"
        object.__setattr__(self, "bps", in_range("spread bps", self.bps, 20_000, advice))

    def half(self, bars: Bars | None = None) -> float | Floats:
        """Half the spread as a fraction of the price.

        Parameters
        ----------
        bars : Bars, optional
            Not looked at: the spread is the same in each.

        Returns
        -------
        float or ndarray of float64, shape (n_bars,)
            A float, which stands for every bar.
        """
        return self.bps / 2 * 1e-4


@dataclass(frozen=True, slots=True)
class TickSpread:
    """A spread of so many ticks: ``ticks * tick / open`` of each bar.

    Parameters
    ----------
    tick : float or TickTable
        One tick for every price, currency; or the exchange's table, read at the bar's open.
    ticks : float
        The full spread in ticks: 1 where the book is tight.

    Raises
    ------
    UsageError
        A tick that is not above 0, or a number of ticks that is negative or not a number.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> TickSpread(0.01).half(SimpleNamespace(open=10.0)) == 0.005 / 10.0
    True
    """

    tick: float | TickTable
    ticks: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.tick, TickTable) and in_range("tick", self.tick, 1e9, "it is in currency, such as 0.01") == 0:
            raise UsageError("tick must be above 0, got 0: it is in currency, such as 0.01")
        in_range("ticks", self.ticks, 1e6, "it is the full spread in ticks, such as TickSpread(0.01, ticks=1)")

    def half(self, bars: Any) -> float | Floats:
        """Half the spread as a fraction of the open.

        Parameters
        ----------
        bars : Bars or one bar
            Only `open` is read.

        Returns
        -------
        float or ndarray of float64, shape (n_bars,)
            A float for one bar.
        """
        opens = np.asarray(bars.open, dtype=np.float64)
        tick = self.tick.tick_sizes(opens) if isinstance(self.tick, TickTable) else self.tick
        half = self.ticks * tick / 2.0 / opens
        return half if opens.ndim else float(half)


@dataclass(frozen=True, slots=True)
class QuotedSpread:
    """The spread of the quotes that stood when the bar began: ``half = (ask - bid) / (ask + bid)``.

    The quote columns of `Bars` hold the quotes at the **end** of each bar. A bar is therefore priced with the quotes of the bar before
    it, of the same symbol; those of its own end are in its future.

    Parameters
    ----------
    fallback : Spread
        What holds where no valid quote stood: before a symbol's first bar, after a gap longer than `max_age`, and where the quote is
        NaN, not above 0, or crossed (ask below bid; a locked quote is a spread of 0). There is no default: that is yours to say.
    max_age : float
        Oldest quote that is used, in seconds before the bar's start. With bars of a minute the default bridges four missing ones
        and does not carry a quote over night.

    Raises
    ------
    UsageError
        A fallback that is no spread, or an age that is negative or not a number.

    Notes
    -----
    One bar alone does not hold the quotes before it. A row for which `half` is asked must carry them itself, as ``bid`` and ``ask`` at its
    start (NaN where there are none).
    """

    fallback: Spread
    max_age: float = 300.0

    def __post_init__(self) -> None:
        _check_spread("fallback", self.fallback)
        in_range("max_age", self.max_age, 1e9, "it is in seconds, such as QuotedSpread(FixedSpread(5), max_age=300)")

    def half(self, bars: Any) -> float | Floats:
        """Half the spread as a fraction of the mid.

        Parameters
        ----------
        bars : Bars, or one bar with the `bid` and `ask` at its start
            Whole bars: each takes the quotes of the bar before it.

        Returns
        -------
        float or ndarray of float64, shape (n_bars,)
            A float for one bar.

        Raises
        ------
        UsageError
            One bar that does not say which quotes stood at its start.
        """
        bid, ask = self._before(bars) if hasattr(bars, "offsets") else _own_quotes(bars)
        with np.errstate(invalid="ignore", divide="ignore"):
            quoted = (ask - bid) / (ask + bid)
            valid = np.isfinite(quoted) & (bid > 0) & (ask >= bid)
        half = np.where(valid, quoted, self.fallback.half(bars))
        return half if half.ndim else float(half)

    def _before(self, bars: Bars) -> tuple[Floats, Floats]:
        """Bid and ask at the end of the bar before each, NaN where that is another symbol's or too old."""
        known = np.zeros(len(bars), dtype=bool)
        known[1:] = bars.start[1:] - (bars.start[:-1] + bars.step) <= self.max_age * SECOND
        known[bars.offsets[:-1][bars.offsets[:-1] < len(bars)]] = False
        nothing = np.full(len(bars), np.nan)
        bid, ask = (np.where(known, np.roll(bars.quotes.get(name, nothing), 1), np.nan) for name in ("bid", "ask"))
        return bid, ask


def _own_quotes(row: Any) -> tuple[Floats, Floats]:
    if not (hasattr(row, "bid") and hasattr(row, "ask")):
        raise UsageError(f"one bar needs `bid` and `ask` at its start (NaN where there are none) for a QuotedSpread, got {row!r}")
    return np.asarray(row.bid, dtype=np.float64), np.asarray(row.ask, dtype=np.float64)


def _check_spread(name: str, spread: object) -> None:
    if not callable(getattr(spread, "half", None)):
        raise UsageError(f"{name} must be a spread such as FixedSpread(5), got {spread!r}")


@dataclass(frozen=True, slots=True)
class EstimatedSpread:
    """A spread estimated from the ranges and closes of earlier sessions; constant within a session.

    Parameters
    ----------
    fallback : Spread
        What holds where there is no estimate: in the first sessions of the data, and where the estimator says why not.
    estimator : {"corwin_schultz", "abdi_ranaldo", "roll"}
        See `exec_algos.costs.estimators`, and its warnings: below about 50 bps these numbers are noise of volatility.
    days : int
        Earlier sessions that are read. A session is what a symbol traded on one local day, today's never among them.
    at_least : int
        Pairs of sessions below which there is no estimate.

    Raises
    ------
    UnknownNameError
        No such estimator.
    UsageError
        A fallback that is no spread, fewer than 3 days, or fewer than one pair.
    """

    fallback: Spread
    estimator: str = "corwin_schultz"
    days: int = 20
    at_least: int = PAIRS

    def __post_init__(self) -> None:
        _check_spread("fallback", self.fallback)
        if self.estimator not in ESTIMATORS:
            raise UnknownNameError("spread estimator", self.estimator, ESTIMATORS)
        if not self.days >= 3:
            raise UsageError(f"days must be at least 3, got {self.days!r}")
        if not 1 <= self.at_least < self.days:
            raise UsageError(f"at_least must be from 1 to days - 1 = {self.days - 1} pairs, got {self.at_least!r}")

    def estimates(self, bars: Bars, symbol: str) -> list[SpreadEstimate]:
        """The full relative spread for each session of a symbol, each from the `days` sessions before it.

        Raises
        ------
        UnknownNameError
            No such symbol.
        """
        days = sessions_of(bars, symbol)
        return [self._before(days, n) for n in range(len(days.first))]

    def after(self, bars: Bars, symbol: str) -> SpreadEstimate:
        """The full relative spread for the session that follows the bars: what a live session, or a single bar, takes.

        Raises
        ------
        UnknownNameError
            No such symbol.
        """
        days = sessions_of(bars, symbol)
        return self._before(days, len(days.first))

    def half(self, bars: Any) -> float | Floats:
        """Half the spread as a fraction of the price.

        Parameters
        ----------
        bars : Bars
            With the earlier sessions in it.

        Returns
        -------
        ndarray of float64, shape (n_bars,)

        Raises
        ------
        UsageError
            One bar: it holds no earlier sessions.
        """
        if not hasattr(bars, "offsets"):
            raise UsageError(
                "one bar holds no earlier sessions to estimate a spread from; take .after(history, symbol) and FixedSpread(value * 1e4)"
            )
        half = np.array(np.broadcast_to(self.fallback.half(bars), len(bars)), dtype=np.float64)
        for symbol in bars.symbols:
            days, rows = sessions_of(bars, symbol), bars.rows(symbol)
            ends = np.append(days.first, rows.stop - rows.start)[1:]
            for n, (first, end) in enumerate(zip(days.first, ends, strict=True)):
                found = self._before(days, n)
                if found.known:
                    half[rows.start + first : rows.start + end] = found.value / 2.0
        return half

    def _before(self, days: SessionBars, n: int) -> SpreadEstimate:
        return estimate_of(self.estimator, days.part(max(n - self.days, 0), n), self.at_least)
