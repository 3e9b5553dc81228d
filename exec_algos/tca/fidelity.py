"""How an order was worked: participation in each bar, tracking of the schedule, quality of the fills by time of day."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.estimable import Estimable, Missing
from exec_algos.stats.statistics import clustered_mean
from exec_algos.tca.benchmarks import NOT_ABOVE_ZERO, slippage_bps
from exec_algos.tca.trades import Stamped, Trades, bar_rows, inside_bar

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars


DAY_MINUTES = 24 * 60
NO_BAR = "no bar at the time of the fill"


class BarParticipation(NamedTuple):
    """Our part of the volume of each bar in which we traded: columns, sorted by parent order and bar.

    Attributes
    ----------
    parent : ndarray of int64
        Row of the parent order; -1 where the whole run is counted together.
    row : ndarray of int64
        Of the bars; -1 for fills outside every bar, which stand together.
    shares : ndarray of float64
        What we traded in it.
    participation : Estimable
        ``shares / volume`` of the bar, a fraction.
    """

    parent: Ints
    row: Ints
    shares: Floats
    participation: Estimable

    def to_frame(self, bars: Bars) -> pd.DataFrame:
        """One row a parent order and bar: ``parent, symbol, timestamp (bar start), volume, shares, participation`` and its reason."""
        import pandas as pd

        symbol = pd.Series(np.repeat(np.array(bars.symbols, dtype=object), np.diff(bars.offsets)))
        start = pd.Series(pd.DatetimeIndex(bars.start.view("datetime64[ns]"), tz="UTC").tz_convert(bars.zone))
        market = pd.DataFrame({"symbol": symbol, "timestamp": start, "volume": bars.volume}).reindex(self.row).reset_index(drop=True)
        market.insert(0, "parent", self.parent)
        own = {"participation": self.participation.values, "participation_reason": self.participation.reason}
        return market.assign(shares=self.shares, **own)


def bar_participation(bars: Bars, trades: Trades, *, stamped: Stamped, whole_run: bool = False) -> BarParticipation:
    """Our shares over the volume of the bar, for each parent order and bar in which it traded.

    Parameters
    ----------
    bars : Bars
    trades : Trades
    stamped : {"start", "end"}
        At which end of their bar fills are stamped, see `bar_rows`.
    whole_run : bool
        Count what all parent orders traded in a bar together, as a participation cap does.

    Returns
    -------
    BarParticipation
        The volume is that of the tape: a live one holds our prints, a replayed one does not. Not estimable in a bar without volume and
        for a fill outside every bar.
    """
    row = bar_rows(bars, trades.symbol, trades.time, stamped)
    owner = np.full(len(row), -1, dtype=np.int64) if whole_run else trades.parent
    width = len(bars) + 1  # a row, -1 included, and its owner make one number
    keys, index = _numbered((owner + 1) * width + row + 1)
    shares = np.bincount(index, trades.quantity, len(keys)).astype(np.float64)
    held = keys % width - 1
    volume = np.append(bars.volume, np.nan)[held]
    fraction = np.divide(shares, volume, out=np.full(len(shares), np.nan), where=volume > 0)
    found = Estimable.of(fraction, Missing(held < 0, NO_BAR), Missing(~(volume > 0), "no volume in the bar"))
    return BarParticipation(keys // width - 1, held, shares, found)


def _numbered(keys: Ints) -> tuple[Ints, Ints]:
    """The different keys, sorted, and which of them each is; of a study's fills they are sorted already."""
    if not (keys[1:] >= keys[:-1]).all():
        found, index = np.unique(keys, return_inverse=True)
        return found, index
    new = np.ones(len(keys), dtype=bool)
    new[1:] = keys[1:] != keys[:-1]
    return keys[new], np.cumsum(new) - 1


class Tracking(NamedTuple):
    """Filled fraction less target at the ends of the slices: columns of shape (n_parents,), fractions of the order.

    Attributes
    ----------
    mean : Estimable
        Signed: above 0 is ahead of the schedule.
    largest : Estimable
        Largest absolute error.
    rms : Estimable
        Root of the mean square.
    slices : ndarray of int64
    """

    mean: Estimable
    largest: Estimable
    rms: Estimable
    slices: Ints


def filled_by(trades: Trades, parent: Ints, instant: Ints, *, stamped: Stamped) -> Floats:
    """Shares of a parent order filled by an instant, for many of both.

    Parameters
    ----------
    trades : Trades
    parent, instant : ndarray of int64, shape (n,)
        Row of the parent order; ns UTC.
    stamped : {"start", "end"}
        ``start``: fills with ``time < instant`` count (their bar begins before it); ``end``: also those stamped at it.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    inside = inside_bar(trades.time, stamped)
    clock = np.unique(np.concatenate([inside, instant]))
    width = len(clock) + 1
    order = np.lexsort((inside, trades.parent))
    key = trades.parent[order] * width + np.searchsorted(clock, inside[order])
    total = np.concatenate([[0.0], np.cumsum(trades.quantity[order])])
    until = np.searchsorted(key, parent * width + np.searchsorted(clock, instant), side="left")
    filled: Floats = total[until] - total[np.searchsorted(key, parent * width, side="left")]
    return filled


def tracking(parent: Ints, target: Floats, filled: Floats, parents: int) -> Tracking:
    """Tracking error of parent orders against their schedules.

    ``e_k = filled_k - target_k`` at the end of slice k, both as fractions of the order; ``mean(e)``, ``max |e|``, ``sqrt(mean(e^2))``.

    Parameters
    ----------
    parent : ndarray of int64, shape (n_slices,)
        Row of the parent order to which each slice belongs, in any order.
    target : ndarray of float64, shape (n_slices,)
        The schedule's curve at the slice's end, in [0, 1].
    filled : ndarray of float64, shape (n_slices,)
        Filled fraction of the order at that instant, such as `filled_by` over the quantity.
    parents : int
        Number of parent orders.

    Returns
    -------
    Tracking

    Raises
    ------
    UsageError
        A target outside [0, 1] or a fraction that is not a number.
    """
    bad = ~((target >= 0) & (target <= 1) & np.isfinite(filled))
    if bad.any():
        row = int(np.argmax(bad))
        raise UsageError(
            f"slice {row} has target {target[row]} and filled {filled[row]}; both are fractions of the order, the target in [0, 1]"
        )
    error = filled - target
    count = np.bincount(parent, minlength=parents)
    largest = np.zeros(parents)
    np.maximum.at(largest, parent, np.abs(error))
    none = Missing(count == 0, "the order has no slice")
    per = np.maximum(count, 1)
    mean, square = (np.bincount(parent, values, parents) / per for values in (error, error**2))
    return Tracking(Estimable.of(mean, none), Estimable.of(largest, none), Estimable.of(np.sqrt(square), none), count.astype(np.int64))


Against = Literal["bar_vwap", "bar_open", "bar_close"]


def fill_slippage(bars: Bars, trades: Trades, *, stamped: Stamped, against: Against = "bar_vwap") -> Estimable:
    """Slippage of each fill against its own bar: ``side (price - benchmark) / benchmark * 1e4``, bps, positive = cost.

    Parameters
    ----------
    bars : Bars
    trades : Trades
    stamped : {"start", "end"}
        At which end of their bar fills are stamped, see `bar_rows`.
    against : {"bar_vwap", "bar_open", "bar_close"}
        VWAP of the bar (`Bars.price`), its open or its close.

    Raises
    ------
    UnknownNameError
        No such benchmark.
    """
    columns: dict[str, Callable[[], Floats]] = {"bar_vwap": bars.price, "bar_open": lambda: bars.open, "bar_close": lambda: bars.close}
    if against not in columns:
        raise UnknownNameError("benchmark", str(against), columns)
    row = bar_rows(bars, trades.symbol, trades.time, stamped)
    benchmark = np.append(columns[against](), np.nan)[row]
    low = Missing((trades.price <= 0) | (benchmark <= 0), NOT_ABOVE_ZERO)
    return Estimable.of(slippage_bps(trades.side, trades.price, benchmark), Missing(row < 0, NO_BAR), low)


def arrival_slippage(trades: Trades, arrival: Estimable) -> Estimable:
    """Slippage of each fill against its parent order's arrival price (shape (n_parents,)): bps, positive = cost."""
    own = arrival.take(trades.parent)
    low = Missing((trades.price <= 0) | (own.values <= 0), NOT_ABOVE_ZERO)
    return Estimable.combine(slippage_bps(trades.side, trades.price, own.values), own, missing=(low,))


def by_time_of_day(  # noqa: PLR0913 - values, when, and how to group them
    values: Estimable, time: Ints, weights: Floats, *, zone: str, stamped: Stamped, minutes: int = 30, confidence: float = 0.95
) -> pd.DataFrame:
    """Means of per-fill figures by time of day, with intervals clustered by day.

    Parameters
    ----------
    values : Estimable
        Such as `fill_slippage`, shape (n_fills,).
    time : ndarray of int64, shape (n_fills,)
        ns UTC.
    weights : ndarray of float64, shape (n_fills,)
        Notional of each fill, currency.
    zone : str
        IANA zone of the clock.
    stamped : {"start", "end"}
        At which end of their bar fills are stamped: with ``end`` a fill stamped at 10:00 belongs to the time before.
    minutes : int
        Width of a bucket, a divisor of a day.
    confidence : float
        In (0, 1).

    Returns
    -------
    DataFrame
        Indexed by the bucket's start, ``"09:30"``: ``mean, low, high`` (each fill counts the same), ``notional_mean, notional_low,
        notional_high``, ``n``, ``left_out`` (not estimable), ``days`` and ``notional`` (currency).

    Raises
    ------
    UsageError
        A width that does not divide the day.
    """
    import pandas as pd

    if minutes <= 0 or DAY_MINUTES % minutes:
        raise UsageError(f"minutes is the width of a bucket and divides the {DAY_MINUTES} minutes of a day, got {minutes}")
    local = pd.DatetimeIndex(inside_bar(time, stamped).view("datetime64[ns]"), tz="UTC").tz_convert(zone)
    bucket = (local.hour.to_numpy() * 60 + local.minute.to_numpy()) // minutes * minutes
    day = local.tz_localize(None).to_numpy().astype("datetime64[D]")
    lines: dict[str, dict[str, Any]] = {}
    for place in np.unique(bucket):
        mine = bucket == place
        lines[f"{place // 60:02d}:{place % 60:02d}"] = _bucket(values.values[mine], day[mine], weights[mine], confidence)
    return pd.DataFrame.from_dict(lines, orient="index").reindex(columns=list(BUCKET)).rename_axis("time_of_day")


BUCKET = ("mean", "low", "high", "notional_mean", "notional_low", "notional_high", "n", "left_out", "days", "notional")


def _bucket(values: Floats, day: npt.NDArray[np.datetime64], weights: Floats, confidence: float) -> dict[str, Any]:
    equal = clustered_mean(values, day, confidence=confidence)
    weighted = clustered_mean(values, day, weights, confidence=confidence)
    return {
        "mean": equal.mean,
        "low": equal.low,
        "high": equal.high,
        "notional_mean": weighted.mean,
        "notional_low": weighted.low,
        "notional_high": weighted.high,
        "n": equal.n,
        "left_out": len(values) - equal.n,
        "days": equal.clusters,
        "notional": float(weights[np.isfinite(values)].sum()),
    }
