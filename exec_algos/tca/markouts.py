"""Mark-outs: what the price did after each fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UsageError
from exec_algos.stats.estimable import UNNAMED, Estimable, Missing, estimable_frame
from exec_algos.stats.statistics import clustered_mean
from exec_algos.tca.benchmarks import NO_SYMBOL, NOT_ABOVE_ZERO
from exec_algos.tca.places import ended_by, session_hours
from exec_algos.tca.trades import Stamped, Trades, inside_bar

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions


MINUTE = 60_000_000_000
HORIZONS = (MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE)

CLOSED_AT = -1
CLOSED = "the venue is closed at the fill"
SESSION_OVER = "the session ends before"
NO_BAR_SINCE = "no bar has ended between the fill and then"
REASONS = (NO_SYMBOL, CLOSED, SESSION_OVER, NO_BAR_SINCE, NOT_ABOVE_ZERO, UNNAMED)  # the first that holds counts


@dataclass(frozen=True, slots=True, eq=False)
class Markouts:
    """Mark-outs of fills, by horizon.

    Attributes
    ----------
    columns : mapping of str to Estimable
        ``"1min", "5min" ... "close"``: bps of the fill's price, shape (n_fills,), positive = cost.
    session : ndarray of datetime64[D], shape (n_fills,)
        The session of each fill; NaT where the venue was closed.
    notional : ndarray of float64, shape (n_fills,)
        Quantity x price, currency.
    """

    columns: Mapping[str, Estimable]
    session: npt.NDArray[np.datetime64]
    notional: Floats

    def to_frame(self) -> pd.DataFrame:
        """One row a fill: each horizon, and beside it its reason."""
        return estimable_frame(self.columns)

    def summary(self, confidence: float = 0.95) -> pd.DataFrame:
        """Mean mark-outs with intervals clustered by session.

        Parameters
        ----------
        confidence : float
            In (0, 1).

        Returns
        -------
        DataFrame
            Indexed by horizon, bps, positive = cost: ``mean, low, high`` (each fill counts the same), ``notional_mean, notional_low,
            notional_high``, ``n`` (fills), ``left_out`` (fills that are not estimable) and ``reasons`` (each with its count). The
            fills of a long horizon are not all those of a short one: see `left_out`.
        """
        import pandas as pd

        lines = {name: self._line(column, confidence) for name, column in self.columns.items()}
        return pd.DataFrame.from_dict(lines, orient="index").rename_axis("horizon")

    def _line(self, column: Estimable, confidence: float) -> dict[str, Any]:
        equal = clustered_mean(column.values, self.session, confidence=confidence)
        weighted = clustered_mean(column.values, self.session, self.notional, confidence=confidence)
        return {
            "mean": equal.mean,
            "low": equal.low,
            "high": equal.high,
            "notional_mean": weighted.mean,
            "notional_low": weighted.low,
            "notional_high": weighted.high,
            "n": equal.n,
            "left_out": len(column) - equal.n,
            "reasons": "; ".join(f"{reason}: {count}" for reason, count in column.counts().items()),
        }


def markouts(
    bars: Bars, sessions: Sessions, trades: Trades, horizons: Sequence[int] = HORIZONS, *, stamped: Stamped, close: bool = True
) -> Markouts:
    """What each fill cost against the price a while later: ``side (fill price - price(t + h)) / fill price * 1e4``.

    Positive = cost, as everywhere here: the price went against the fill, which is adverse selection. Many desks show it with the other
    sign. ``price(t + h)`` is the last price known at that instant: the close of the last bar with ``end <= t + h``. A pause is no
    time: five minutes after a fill two minutes before it are three minutes behind it. Sessions that adjoin are one market.

    Parameters
    ----------
    bars : Bars
        Cut to the sessions' hours.
    sessions : Sessions
    trades : Trades
    horizons : sequence of int
        ns after the fill, > 0; 1, 5, 15 and 30 minutes by default.
    stamped : {"start", "end"}
        At which end of their bar fills are stamped, see `bar_rows`; ``start`` for live ones. It tells the session of a fill that is
        stamped where one session ends and the next begins.
    close : bool
        Also against the close of the session's last bar.

    Returns
    -------
    Markouts
        Not estimable where the session ends before ``t + h``, or where no bar has ended at or after the fill by then, so that the last
        price known is older than the fill.

    Raises
    ------
    UsageError
        A horizon that is not above 0.
    """
    if any(horizon <= 0 for horizon in horizons):
        raise UsageError(f"a mark-out looks ahead: horizons are nanoseconds above 0, got {tuple(horizons)}")
    held = sessions.locate(inside_bar(trades.time, stamped))
    closes = np.where(held < 0, CLOSED_AT, session_hours(sessions, held)[1])
    ends = np.where(held < 0, CLOSED_AT, session_hours(sessions, sessions.adjoining_last()[held])[1])
    columns = {label(horizon): _markout(bars, trades, ends, _later(sessions, held, trades.time, horizon)) for horizon in horizons}
    if close:
        columns["close"] = _markout(bars, trades, closes, closes)
    days = np.append(sessions.date, np.datetime64("NaT", "D"))[held]
    return Markouts(columns, days, trades.quantity * trades.price)


def _later(sessions: Sessions, held: Ints, instants: Ints, horizon: int) -> Ints:
    """`horizon` ns of trading after each instant, in the session that holds it and those that adjoin: ns UTC."""
    later = instants + horizon
    if not sessions.has_breaks:
        return later
    begin, end = sessions.break_start[held], sessions.break_end[held]
    found: Ints = np.where((held >= 0) & (instants <= begin) & (later > begin), later + end - begin, later)
    return found


def label(horizon: int) -> str:
    """``"5min"``, ``"30s"`` or ``"250000ns"``: a horizon (ns) in the largest unit of which it is a whole number."""
    for unit, size in (("min", MINUTE), ("s", 1_000_000_000), ("ms", 1_000_000)):
        if horizon % size == 0:
            return f"{horizon // size}{unit}"
    return f"{horizon}ns"


def _markout(bars: Bars, trades: Trades, closes: Ints, later: Ints) -> Estimable:
    row = ended_by(bars, trades.symbol, later)
    price = np.append(bars.close, np.nan)[row]
    with np.errstate(invalid="ignore", divide="ignore"):
        cost = trades.side * (trades.price - price) / trades.price * 1e4
    stale = (row < 0) | (np.append(bars.start, 0)[row] + bars.step < trades.time)
    rules = (
        Missing(trades.symbol < 0, NO_SYMBOL),
        Missing(closes == CLOSED_AT, CLOSED),
        Missing(later > closes, SESSION_OVER),
        Missing(stale, NO_BAR_SINCE),
        Missing((trades.price <= 0) | (price <= 0), NOT_ABOVE_ZERO),
    )
    return Estimable.of(cost, *rules)
