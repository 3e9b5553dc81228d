"""One parent order: how much was filled when, against the schedule and the market; and at what prices."""

from __future__ import annotations

import math
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UsageError
from exec_algos.plots.curves import schedule_of
from exec_algos.plots.style import GREY, INK, PALE, below, clean, clock_axis, colour, dates, head, legend_above

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn


NOTE_LENGTH = 110  # characters beside each other over the figure's usual width


class _Tape(NamedTuple):
    """The bars of the window: ends in ns UTC, close and running VWAP in currency per share, fraction of the volume done."""

    end: Ints
    close: Floats
    vwap: Floats
    done: Floats


def schedule(result: Drawn, ax: Axes, *, parent_id: int | None = None) -> Axes:
    """One parent order, worked by each algorithm.

    Above: filled shares as a fraction of the ordered ones (line), the schedule of algorithms that follow
    one (pale band), and the fraction of the window's volume that the market had traded (grey).
    Below, in a new panel taken from the place of `ax`: closes, fills (larger dots for more shares; where
    algorithms paid the same, one around the other), each algorithm's average price so far, and the
    interval VWAP so far. What lies between the last two at the end is the slippage.

    Parameters
    ----------
    result : StudyResult
    ax : Axes
        It becomes the upper panel; the lower one is ``ax.figure.axes[-1]``.
    parent_id : int, optional
        By default the order of the study's median session with the largest participation.

    Raises
    ------
    UsageError
        No such parent order.
    """
    rows = _rows(result, parent_id)
    tape = _tape(result, rows.iloc[0])
    more = 0.03 * max(0, -(-(len(rows) + 2) // 2) - 2)  # room for the legend of more than two algorithms
    prices = below(ax, 0.43 - more / 2, 0.1 + more)
    _draw_progress(result, ax, rows, tape)
    _draw_prices(result, prices, rows, tape)
    _head(result, ax, rows)
    return ax


def representative(result: Drawn) -> int:
    """`parent_id` of the largest mean participation in the median session; of equals the first."""
    sessions = np.unique(result.parents["session"])
    rows = result.parents[result.parents["session"] == sessions[(len(sessions) - 1) // 2]]
    return int(rows.groupby("parent_id")["participation"].mean().fillna(-1.0).idxmax())


def _rows(result: Drawn, parent_id: int | None) -> pd.DataFrame:
    """The order's rows in the order of the study's algorithms."""
    wanted = representative(result) if parent_id is None else parent_id
    rows = result.parents[result.parents["parent_id"] == wanted]
    if not len(rows):
        known = result.parents["parent_id"]
        raise UsageError(f"no parent order {parent_id!r} in this study; parent_id runs from {known.min()} to {known.max()}")
    ordered: pd.DataFrame = rows.set_index("algorithm", drop=False).loc[list(result.config["algorithms"])]
    return ordered


def _tape(result: Drawn, order: Any) -> _Tape:
    bars, (start, end) = result.bars, _window(order)
    rows = bars.rows(order.symbol)
    first, last = np.searchsorted(bars.start[rows], [start, end - bars.step + 1]) + rows.start
    volume = np.cumsum(bars.volume[first:last])
    money = np.cumsum((bars.price() * bars.volume)[first:last])
    vwap = np.divide(money, volume, out=np.full(len(volume), np.nan), where=volume > 0)
    done = volume / volume[-1] if len(volume) and volume[-1] > 0 else np.full(len(volume), np.nan)
    return _Tape(bars.start[first:last] + bars.step, bars.close[first:last], vwap, done)


def _window(order: Any) -> tuple[int, int]:
    start, end = (int(stamp.as_unit("ns").value) for stamp in (order.start, order.end))
    return start, end


def _trades(result: Drawn, order: Any) -> tuple[Ints, Floats, Floats]:
    """Times (ns UTC), shares and prices of an order's fills."""
    fills = result.fills
    mine = fills[(fills["parent_id"] == order.parent_id) & (fills["algorithm"] == order.algorithm)]
    times = mine["timestamp"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
    return times, mine["quantity"].to_numpy(dtype=np.float64), mine["price"].to_numpy(dtype=np.float64)


def _draw_progress(result: Drawn, ax: Axes, rows: pd.DataFrame, tape: _Tape) -> None:
    start, end = _window(rows.iloc[0])
    ax.fill_between(
        dates(np.append(start, tape.end)), np.append(0.0, tape.done) * 100, color=PALE, alpha=0.7, linewidth=0, label="market volume"
    )
    for i, order in enumerate(rows.itertuples()):
        planned = schedule_of(result, order)
        if planned is not None:
            x, y = np.append(planned.time, end), np.append(planned.target, 1.0)
            ax.step(dates(x), y * 100, where="post", color=colour(i), alpha=0.3, linewidth=6, label=f"{order.algorithm}: schedule")
        times, shares, _ = _trades(result, order)
        if len(times):
            x, y = np.concatenate([[start], times, [end]]), np.concatenate([[0.0], np.cumsum(shares), [shares.sum()]]) / order.quantity
            ax.step(dates(x), y * 100, where="post", color=colour(i), linewidth=1.4, label=f"{order.algorithm}: filled")
    ax.set(xlim=tuple(dates(np.array([start, end]))), ylim=(0, 105))
    ax.set_ylabel("% of the order (market: of the volume)", fontsize=9, color=INK)
    clean(ax)


def _draw_prices(result: Drawn, ax: Axes, rows: pd.DataFrame, tape: _Tape) -> None:
    ax.step(dates(tape.end), tape.close, where="post", color=GREY, linewidth=0.7, alpha=0.8, label="close")
    largest = result.fills.loc[result.fills["parent_id"] == rows["parent_id"].iloc[0], "quantity"].max()
    for i, order in enumerate(rows.itertuples()):
        times, shares, paid = _trades(result, order)
        if len(times):
            nested = 1 + 2 * (len(rows) - 1 - i)
            ax.scatter(dates(times), paid, s=nested * (4 + 30 * shares / largest), color=colour(i), alpha=0.8, linewidth=0, zorder=2)
            average = np.cumsum(shares * paid) / np.cumsum(shares)
            ax.plot(dates(times), average, color=colour(i), linewidth=1.8, label=f"{order.algorithm}: fills and average, {_bps(order)}")
    ax.plot(dates(tape.end), tape.vwap, color=INK, linewidth=1.4, linestyle=(0, (4, 2)), label="interval VWAP so far")
    ax.set_ylabel("price (currency/share)", fontsize=9, color=INK)
    ax.ticklabel_format(axis="y", useOffset=False)
    clean(ax)
    zone = result.config["zone"]
    clock_axis(ax, zone, f"exchange time ({zone})")
    legend_above(ax)


def _bps(order: Any) -> str:
    value = order.slippage_vwap_bps
    return "not estimable" if math.isnan(value) else f"{value:+.2f} bps"


def _head(result: Drawn, ax: Axes, rows: pd.DataFrame) -> None:
    order = rows.iloc[0]
    day = "" if order.start.date() == order.end.date() else "%Y-%m-%d "
    window = f"{order.start:%H:%M} to {order.end:{day}%H:%M}"
    title = f"{order.symbol}: {order.side.lower()} {order.quantity:,} shares, {order.session:%Y-%m-%d}, {window}"
    filled = "; ".join(f"{row.algorithm} filled {row.fill_rate:.1%}, {_participation(row)}" for row in rows.itertuples())
    notes = wrap(f"parent order {order.parent_id}: {filled}", NOTE_LENGTH)
    if rows["filled"].sum() > 0 and not (result.fills["parent_id"] == order.parent_id).any():
        notes.append("its single fills were not kept: run(fills=True) keeps them")
    head(ax, title, notes, above=legend_above(ax))


def _participation(row: Any) -> str:
    return "volume 0" if math.isnan(row.participation) else f"{row.participation:.1%} of volume"
