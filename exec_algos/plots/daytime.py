"""What was traded when in the day, and what it cost: a heat map by algorithm or symbol and half hour."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.plots.fonts import lettered
from exec_algos.plots.one_order import stamped_at
from exec_algos.plots.style import GREY, INK, SMALL, FigureSize, at_least, clean, head, name, span
from exec_algos.tca.benchmarks import slippage_bps
from exec_algos.tca.fidelity import DAY_MINUTES, fill_slippage
from exec_algos.tca.trades import Trades, inside_bar
from exec_algos.tca.twins import BUYS_ONLY

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn

ROW = 0.3  # inches
LETTER = 5.2  # points of a letter of a row's name
_MOST_NUMBERS = 16  # columns in whose cells a number fits
AGAINST: Mapping[str, str] = {
    "bar_vwap": "the VWAP of its bar",
    "arrival": "the arrival price of its order",
    "interval_vwap": "the interval VWAP of its order",
}
PRICES = {"arrival": "arrival_price", "interval_vwap": "interval_vwap"}


@lettered
def daytime(result: Drawn, ax: Axes, *, value: str = "cost", by: str = "algorithm", against: str = "bar_vwap", minutes: int = 30) -> Axes:
    """Cost of the fills, or their share of the traded value, by time of day: a row for each algorithm or symbol.

    The cost is the mean over the fills of ``side (price - benchmark) / benchmark * 1e4``, weighted by their value, bps, positive = cost.
    Red is a cost, blue a gain, white 0; the colours reach to the largest of both. The share is that of the row's traded value: a row sums
    to 100 %. Cells without a fill stay empty. Where each order has a twin of the other side the cost is that of the buys.

    Parameters
    ----------
    result : StudyResult
        With its single fills.
    ax : Axes
    value : {"cost", "share"}
    by : {"algorithm", "symbol"}
        Of all algorithms together where rows are symbols.
    against : {"bar_vwap", "arrival", "interval_vwap"}
        The benchmark of the cost.
    minutes : int
        Width of a column, a divisor of a day.

    Raises
    ------
    UnknownNameError
        No such value, row or benchmark.
    UsageError
        There are no single fills, or a width that does not divide the day.
    """
    for kind, given, known in (("value", value, ("cost", "share")), ("row", by, ("algorithm", "symbol")), ("benchmark", against, AGAINST)):
        if given not in known:
            raise UnknownNameError(kind, given, known)
    if minutes <= 0 or DAY_MINUTES % minutes:
        raise UsageError(f"minutes is the width of a column and divides the {DAY_MINUTES} minutes of a day, got {minutes}; 30 is usual")
    if not len(result.fills):
        kept = "nothing was filled" if not result.parents["filled"].sum() > 0 else "they were not kept: run(fills=True) keeps them"
        raise UsageError(f"costs by time of day need the single fills, and there are none; {kept}")
    halved = value == "cost" and result.has_twins()
    table = _fills(result, against, minutes, buys_only=halved)
    cells = _cells(table, by, value, (_order(result, by), minutes))
    at_least(ax, ROW * len(cells))
    top = _draw(ax, cells, value)
    _name_columns(ax, cells)
    left_out = int(table["bps"].isna().sum()) if value == "cost" else 0
    notes = [
        f"fill against {AGAINST[against]}, mean weighted by value; red a cost, blue a gain, the deepest {top:,.1f} bps"
        if value == "cost"
        else f"% of the row's traded value; the deepest {top:,.0f} %",
        f"columns of {minutes} minutes from the time named, exchange time ({result.config['zone']}); cells without a fill stay empty",
        *([f"{left_out:,} of {len(table):,} fills have no such benchmark and are left out"] if left_out else []),
        *([BUYS_ONLY] if halved else []),
    ]
    title = "Cost by time of day, bps (positive = cost)" if value == "cost" else "Traded value by time of day, % of the row"
    head(ax, title, notes)
    return ax


def daytime_size(result: Drawn) -> FigureSize:
    """Higher with each algorithm; it grows where there are more symbols."""
    return FigureSize(9.0, 1.6 + max(ROW * len(_order(result, "algorithm")), 0.9), 0.9)


def _order(result: Drawn, by: str) -> list[str]:
    if by == "algorithm":
        return list(result.config["algorithms"])
    return sorted(map(str, result.parents["symbol"].unique()))


def _fills(result: Drawn, against: str, minutes: int, *, buys_only: bool) -> pd.DataFrame:
    """``algorithm, symbol, slot (minute of the day), bps, notional`` of each fill."""
    import pandas as pd

    fills = result.fills[result.fills["side"] == "BUY"] if buys_only else result.fills
    trades = Trades.of(fills, result.parents, result.bars)
    stamped = stamped_at(result)
    local = pd.DatetimeIndex(inside_bar(trades.time, stamped).view("datetime64[ns]"), tz="UTC").tz_convert(result.config["zone"])
    slot: Ints = (local.hour.to_numpy() * 60 + local.minute.to_numpy()) // minutes * minutes
    columns: dict[str, Callable[[], Floats]] = {
        "bar_vwap": lambda: fill_slippage(result.bars, trades, stamped=stamped).values,
        "arrival": lambda: _against_order(result, trades, "arrival_price"),
        "interval_vwap": lambda: _against_order(result, trades, "interval_vwap"),
    }
    owner = result.parents.iloc[trades.parent]
    return pd.DataFrame(
        {
            "algorithm": owner["algorithm"].to_numpy(),
            "symbol": owner["symbol"].to_numpy(),
            "slot": slot,
            "bps": columns[against](),
            "notional": np.abs(trades.quantity * trades.price),
        }
    )


def _against_order(result: Drawn, trades: Trades, column: str) -> Floats:
    benchmark = result.parents[column].to_numpy(dtype=np.float64)[trades.parent]
    bad = ~((benchmark > 0) & (trades.price > 0))
    return np.where(bad, np.nan, slippage_bps(trades.side, trades.price, np.where(bad, np.nan, benchmark)))


def _cells(table: pd.DataFrame, by: str, value: str, wanted: tuple[list[str], int]) -> pd.DataFrame:
    """Rows by name, columns by minute of the day, between the first and the last that has a fill."""
    known = table[table["bps"].notna()] if value == "cost" else table
    weight = known["notional"]
    sums = known.assign(weighted=known["bps"] * weight).groupby([by, "slot"])[["weighted", "notional"]].sum()
    found = sums["weighted"] / sums["notional"] if value == "cost" else sums["notional"] / sums["notional"].groupby(level=0).sum() * 100
    slots = np.unique(table["slot"])
    order, minutes = wanted
    cells: pd.DataFrame = found.unstack("slot").reindex(index=order, columns=list(range(int(slots[0]), int(slots[-1]) + 1, minutes)))
    return cells


def _draw(ax: Axes, cells: pd.DataFrame, value: str) -> float:
    """Colours and numbers; the number at which the colours end."""
    from matplotlib.colors import Normalize, TwoSlopeNorm

    data = np.ma.masked_invalid(cells.to_numpy(dtype=np.float64))
    top = (float(np.abs(data).max()) if data.count() else 0.0) or 1.0
    end = 1.3 * top  # the map's own ends are too dark to tell apart
    scale = TwoSlopeNorm(0.0, -end, end) if value == "cost" else Normalize(0.0, end)
    rows, columns = data.shape
    mesh = ax.pcolormesh(
        np.arange(columns + 1), np.arange(rows + 1), data, cmap="RdBu_r" if value == "cost" else "Blues", norm=scale,
        edgecolor="white", linewidth=0.8,
    )  # fmt: skip
    digits = 1 if top < 100 else 0
    small = min(7.5, 9.0 * 16 / max(columns, 1))
    if columns <= _MOST_NUMBERS:
        for (row, column), number in np.ndenumerate(data.filled(np.nan)):
            if math.isfinite(number):
                dark = np.dot(mesh.cmap(scale(number))[:3], (0.299, 0.587, 0.114)) < 0.55
                text = f"{round(number, digits) + 0.0:+.{digits}f}" if value == "cost" else f"{number:.0f}"  # + 0: no "-0.0"
                ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=small, color="white" if dark else INK)
    ax.set_ylim(rows, 0)
    clean(ax)
    ax.grid(visible=False)
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    return top


def _name_columns(ax: Axes, cells: pd.DataFrame) -> None:
    """Times under the columns, and the rows' names in a place of their own to the left of them."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # for mypy: it is drawn on
    columns = cells.shape[1]
    width = ax.get_position().width * figure.get_figwidth() * 72
    most = int(0.4 * width / LETTER)
    names = [name(row, most) for row in cells.index]
    wide = (max(map(span, names)) * LETTER + 8) / width
    ax.set_xlim(-columns * wide / (1 - wide), columns)
    for row, text in enumerate(names):
        ax.text(-0.1, row + 0.5, text, ha="right", va="center", fontsize=SMALL, color=INK, parse_math=False)
    every = max(1, -(-columns // 14))
    kept = list(range(0, columns, every))
    begins = [int(str(cells.columns[place])) for place in kept]
    ax.set_xticks([place + 0.5 for place in kept], [f"{begin // 60:02d}:{begin % 60:02d}" for begin in begins])
    ax.tick_params(axis="x", length=0, colors=GREY)
