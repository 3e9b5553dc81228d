"""One parent order as plots show it: which one, its rows, its bars, its trades, and how it is named."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UsageError
from exec_algos.fills import PRICE_RULES
from exec_algos.plots.style import name, percent
from exec_algos.tca.trades import Stamped
from exec_algos.textform import visible

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.plots.drawn import Drawn


MOST = 30  # letters of a symbol in a title


class Tape(NamedTuple):
    """The bars that are shown: ends in ns UTC, prices and running VWAP in currency per share, volume, fraction of the window's volume done.

    Behind the window's end, where a residual was worked on, the VWAP is NaN and the fraction 1.
    """

    end: Ints
    low: Floats
    high: Floats
    close: Floats
    vwap: Floats
    volume: Floats
    done: Floats


def representative(result: Drawn) -> int:
    """`parent_id` of the largest mean participation in the median session; of equals the first.

    Raises
    ------
    UsageError
        The study has no parent order.
    """
    if not len(result.parents):
        raise UsageError("this study has no parent order to draw; result.skipped says why")
    sessions = np.unique(result.parents["session"])
    rows = result.parents[result.parents["session"] == sessions[(len(sessions) - 1) // 2]]
    return int(rows.groupby("parent_id")["participation"].mean().fillna(-1.0).idxmax())


def rows_of(result: Drawn, parent_id: int | None) -> pd.DataFrame:
    """The order's rows in the order of the study's algorithms.

    Raises
    ------
    UsageError
        No such parent order.
    """
    wanted = representative(result) if parent_id is None else parent_id
    rows = result.parents[result.parents["parent_id"] == wanted]
    if not len(rows):
        known = result.parents["parent_id"]
        raise UsageError(
            f"no parent order {parent_id!r} in this study; parent_id runs from {known.min()} to {known.max()}: take one of result.parents"
        )
    ordered: pd.DataFrame = rows.set_index("algorithm", drop=False).loc[list(result.config["algorithms"])]
    return ordered


def tape_of(result: Drawn, order: Any, until: int) -> Tape:
    """The bars from the order's start until an instant (ns UTC) at or behind its end."""
    bars, mine = result.bars, bars_shown(result, order, until)
    stop = bars.start[mine] + bars.step
    inside = stop <= window_of(order)[1]
    volume = np.cumsum(np.where(inside, bars.volume[mine], 0.0))
    money = np.cumsum(np.where(inside, bars.price()[mine] * bars.volume[mine], 0.0))
    vwap = np.divide(money, volume, out=np.full(len(volume), np.nan), where=inside & (volume > 0))
    done = volume / volume[-1] if len(volume) and volume[-1] > 0 else np.full(len(volume), np.nan)
    return Tape(stop, bars.low[mine], bars.high[mine], bars.close[mine], vwap, bars.volume[mine], done)


def bars_shown(result: Drawn, order: Any, until: int) -> slice:
    """Rows of the bars of an order's symbol from its start until an instant, ns UTC."""
    bars, rows = result.bars, result.bars.rows(order.symbol)
    first, last = np.searchsorted(bars.start[rows], [window_of(order)[0], until - bars.step + 1]) + rows.start
    return slice(int(first), int(last))


def stamped_at(result: Drawn) -> Stamped:
    """At which end of their bar fills are stamped; real ones, which no fill model made, lie in the bar that has begun."""
    price = result.config.get("fill_model", {}).get("price")
    return "start" if price is None or PRICE_RULES[price].at_start else "end"


def shown_until(result: Drawn, rows: pd.DataFrame) -> int:
    """The end of the window, or of the bar of the last fill where a residual was worked on behind it: ns UTC."""
    end = window_of(rows.iloc[0])[1]
    step = result.bars.step if stamped_at(result) == "start" else 0
    last = [int(times.max()) + step for times, _, _ in (trades_of(result, row) for row in rows.itertuples()) if len(times)]
    return max([end, *last])


def worked_on(result: Drawn, rows: pd.DataFrame, until: int) -> list[str]:
    """A note where fills lie behind the window's end."""
    if until <= window_of(rows.iloc[0])[1]:
        return []
    policy = result.config.get("rules", {}).get("residual", "cancel")
    return [f"what was left at the window's end (thin line) was worked on by residual={policy!r}"]


def window_of(order: Any) -> tuple[int, int]:
    """Start and end, ns UTC."""
    start, end = (int(stamp.as_unit("ns").value) for stamp in (order.start, order.end))
    return start, end


def trades_of(result: Drawn, order: Any) -> tuple[Ints, Floats, Floats]:
    """Times (ns UTC), shares and prices of an order's fills."""
    fills = result.fills
    mine = fills[(fills["parent_id"] == order.parent_id) & (fills["algorithm"] == order.algorithm)]
    times = mine["timestamp"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
    return times, mine["quantity"].to_numpy(dtype=np.float64), mine["price"].to_numpy(dtype=np.float64)


def title_of(order: Any) -> str:
    """Symbol, side, shares, day and window."""
    day = "" if order.start.date() == order.end.date() else "%Y-%m-%d "
    window = f"{order.start:%H:%M} to {order.end:{day}%H:%M}"
    return f"{name(order.symbol, MOST)}: {order.side.lower()} {order.quantity:,} shares, {order.session:%Y-%m-%d}, {window}"


def note_of(order: Any) -> str:
    """What finds it again: its number, the desk's where there is one, and the symbol where the title has no room for it."""
    desk = f", order_id {order.order_id}" if "order_id" in order.index else ""
    cut = len(visible(str(order.symbol))) > MOST
    return f"parent order {order.parent_id}{desk}{f' of {order.symbol}' if cut else ''}"


def results_of(order: Any) -> str:
    """What became of it with one algorithm."""
    part = "volume 0" if math.isnan(order.participation) else f"{percent(order.participation)} of volume"
    cost = order.slippage_vwap_bps
    against = "slippage not estimable" if math.isnan(cost) else f"{cost:+.2f} bps against VWAP"
    return f"filled {percent(order.fill_rate)}, {part}, {against}"


def fills_missing(result: Drawn, rows: pd.DataFrame) -> list[str]:
    """A note where the order was filled, and its single fills are not there."""
    there = (result.fills["parent_id"] == rows["parent_id"].iloc[0]).any()
    if not rows["filled"].sum() > 0:
        return ["nothing of it was filled"]
    return [] if there else ["its single fills were not kept: run(fills=True) keeps them"]
