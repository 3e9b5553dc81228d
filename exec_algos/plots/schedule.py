"""One parent order: how much was filled when, against the schedule and the market; at what prices; and the shares of each fill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.plots.clock import Clock
from exec_algos.plots.curves import schedule_of
from exec_algos.plots.fonts import lettered
from exec_algos.plots.one_order import (
    Tape,
    fills_missing,
    note_of,
    representative,
    results_of,
    rows_of,
    shown_until,
    tape_of,
    title_of,
    trades_of,
    window_of,
    worked_on,
)
from exec_algos.plots.style import INK, PALE, FigureSize, below, clean, colour, halo, head, legend_above, look, name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn

__all__ = ["representative", "schedule", "schedule_size"]

ROW = 0.4  # inches of the row of an algorithm's fills
KEY = "each algorithm has the look of its row below: a line is a fill, higher for more shares"
_PANELS = 4.6  # inches of the other two panels
_GAP = 0.42
_MOST_DOTS = 2  # algorithms whose fills are drawn at their prices: more hide each other


@lettered
def schedule(result: Drawn, ax: Axes, *, parent_id: int | None = None) -> Axes:
    """One parent order, worked by each algorithm.

    Above: filled shares as a fraction of the ordered ones (line), the schedule of algorithms that follow one (pale band), and the
    fraction of the window's volume that the market had traded (grey).
    In the middle, in a new panel taken from the place of `ax`: the range and the close of each bar, each algorithm's average price so
    far, and the interval VWAP so far; what lies between the last two at the end is the slippage. Of one or two algorithms the fills
    stand there as dots under the line of the closes, larger for more shares.
    Below a row for each algorithm: when it was filled, higher for more shares, and what became of the order. The rows are the key of the
    colours too. Nights and pauses take no room.

    Parameters
    ----------
    result : StudyResult
    ax : Axes
        It becomes the upper panel; prices are ``ax.figure.axes[-2]``, the rows ``ax.figure.axes[-1]``.
    parent_id : int, optional
        By default the order of the study's median session with the largest participation.

    Raises
    ------
    UsageError
        No such parent order.
    """
    rows = rows_of(result, parent_id)
    start, end = window_of(rows.iloc[0])
    until = shown_until(result, rows)
    tape, clock = tape_of(result, rows.iloc[0], until), Clock.of(result, start, until)
    height = _height(ax)
    share = min(ROW * len(rows) / max(height, 0.1), 0.6)
    gap = _GAP / max(height, 1.0)
    prices = below(ax, 0.47 + 0.5 * share, gap)
    strip = below(prices, share / (0.47 + 0.5 * share), gap)
    _draw_progress(result, ax, rows, (tape, clock))
    _draw_prices(result, prices, rows, (tape, clock))
    _draw_rows(result, strip, rows, clock)
    clock.finish(strip)
    if until > end:
        clock.mark((ax, prices, strip), end)
    notes = [f"{note_of(rows.iloc[0])}; {KEY}", *fills_missing(result, rows), *worked_on(result, rows, until)]
    head(ax, title_of(rows.iloc[0]), notes, above=_key(ax, rows))
    return ax


def schedule_size(result: Drawn) -> FigureSize:
    """Higher with each algorithm."""
    return FigureSize(9.0, _PANELS + 1.6 + 2 * _GAP + ROW * len(result.config["algorithms"]), 1.0)


def _height(ax: Axes) -> float:
    figure = ax.get_figure(root=True)
    assert figure is not None  # for mypy: it is drawn on
    return float(ax.get_position().height * figure.get_figheight())


def _draw_progress(result: Drawn, ax: Axes, rows: pd.DataFrame, where: tuple[Tape, Clock]) -> None:
    tape, clock = where
    x, y = clock.at(np.concatenate([[clock.start], tape.end, [clock.end]])), np.concatenate([[0.0], tape.done, tape.done[-1:]]) * 100
    ax.fill_between(x, y, color=PALE, alpha=0.7, linewidth=0, label="market volume")
    wide = 6.0 if len(rows) <= 3 else 3.5
    for i, order in enumerate(rows.itertuples()):
        planned = schedule_of(result, order)
        if planned is not None:
            x, y = clock.at(np.append(planned.time, window_of(rows.iloc[0])[1])), np.append(planned.target, 1.0) * 100
            ax.step(x, y, where="post", color=colour(i), alpha=0.3, linewidth=wide, label=f"{order.algorithm}: schedule")
        times, shares, _ = trades_of(result, order)
        if len(times):
            done = np.concatenate([[0.0], np.cumsum(shares), [shares.sum()]]) / order.quantity
            ax.step(
                clock.at(np.concatenate([[clock.start], times, [clock.end]])), done * 100, where="post", linewidth=1.4,
                label=f"{order.algorithm}: filled", **look(i),
            )  # fmt: skip
    ax.set_ylim(0, 105)
    ax.set_ylabel("% of the order", fontsize=9, color=INK)
    clean(ax)
    ax.tick_params(labelbottom=False)


def _key(ax: Axes, rows: pd.DataFrame) -> int:
    """What the marks are; whose they are the rows say."""
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    kinds: dict[str, Any] = {"market volume, % of the window's": handles["market volume"]}
    for kind, said in (("filled", "filled (line)"), ("schedule", "schedule (pale band)")):
        found = [handles[f"{algorithm}: {kind}"] for algorithm in rows["algorithm"] if f"{algorithm}: {kind}" in handles]
        kinds |= {said: found[0]} if found else {}
    return legend_above(ax, kinds)


def _draw_prices(result: Drawn, ax: Axes, rows: pd.DataFrame, where: tuple[Tape, Clock]) -> None:
    tape, clock = where
    x = clock.at(tape.end)
    kinds: dict[str, Any] = {"low to high": _draw_ranges(ax, clock.at(tape.end - result.bars.step), x, tape)}
    for i, order in enumerate(rows.itertuples()):
        times, shares, paid = trades_of(result, order)
        if len(times):
            if len(rows) <= _MOST_DOTS:
                kinds["fills"] = _draw_dots(ax, clock.at(times), shares, paid, i)
            average = np.cumsum(shares * paid) / np.cumsum(shares)
            # a single fill has an average until the window ends too
            x_average, y_average = np.append(clock.at(times), clock.at(np.array([clock.end]))), np.append(average, average[-1])
            (line,) = ax.plot(x_average, y_average, linewidth=1.8, zorder=5, label=f"{order.algorithm}: average", **look(i))
            kinds.setdefault("average paid so far", line)
    (kinds["close"],) = ax.step(x, tape.close, where="post", color=INK, linewidth=0.9, zorder=4, path_effects=halo(), label="close")
    (kinds["interval VWAP so far"],) = ax.plot(
        x, tape.vwap, color=INK, linewidth=1.6, linestyle=(0, (4, 2)), zorder=6, label="interval VWAP so far"
    )
    ax.set_ylabel("price (currency/share)", fontsize=9, color=INK)
    ax.ticklabel_format(axis="y", useOffset=False)
    clean(ax)
    ax.tick_params(labelbottom=False)
    legend_above(ax, kinds)


def _draw_ranges(ax: Axes, begin: Any, end: Any, tape: Tape) -> Any:
    """A pale box for each bar from its start to its end, from its low to its high: none where a bar is missing."""
    from matplotlib.collections import PolyCollection

    boxes = np.stack([begin, tape.low, begin, tape.high, end, tape.high, end, tape.low], axis=1).reshape(-1, 4, 2)
    drawn = ax.add_collection(
        PolyCollection(list(boxes), facecolor=PALE, edgecolor=PALE, linewidth=0.6, zorder=1)
    )  # an edge for low = high
    ax.autoscale_view()
    return drawn


def _draw_dots(ax: Axes, x: Any, shares: Any, paid: Any, i: int) -> Any:
    """Fills as dots that leave the price to be seen: the more there are, the smaller they get; the second algorithm's are rings."""
    largest = min(60.0, 4000.0 / len(x)) / (1 + i)
    edge: dict[str, Any] = {"facecolor": "none", "edgecolor": colour(i), "linewidth": 0.9} if i else {"color": colour(i), "linewidth": 0}
    return ax.scatter(x, paid, s=3 + largest * shares / shares.max() * (1 + 1.5 * i), alpha=0.7, zorder=2 + 0.1 * i, **edge)


def _draw_rows(result: Drawn, ax: Axes, rows: pd.DataFrame, clock: Clock) -> None:
    """A row for each algorithm: its name and numbers, under them its fills."""
    largest = result.fills.loc[result.fills["parent_id"] == rows["parent_id"].iloc[0], "quantity"].max()
    small = float(np.clip(_height(ax) / len(rows) * 72 * 0.38, 4.0, 8.5))
    style: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": small, "parse_math": False}
    for i, order in enumerate(rows.itertuples()):
        base = len(rows) - 1 - i
        times, shares, _ = trades_of(result, order)
        x = clock.at(times)
        ax.vlines(x, base, base + 0.05 + 0.45 * shares / largest, color=colour(i), linewidth=0.8 if len(x) > 150 else 1.4)
        ax.plot(clock.at(np.array([clock.start, clock.end])), [base, base], linewidth=1.6, **look(i))
        ax.text(0.0, base + 0.72, name(order.algorithm), color=colour(i), fontweight="bold", **style)
        ax.text(1.0, base + 0.72, results_of(order), color=INK, ha="right", **style)
    clean(ax)
    ax.grid(visible=False, axis="y")
    ax.set(yticks=[], ylim=(-0.1, len(rows)))
    ax.spines["left"].set_visible(False)
