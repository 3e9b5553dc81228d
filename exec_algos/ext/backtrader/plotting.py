"""`plot`: what ``cerebro.plot()`` draws, without a window and with the current matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exec_algos.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DAY_FORMAT, _CLOCK_FORMAT, _BOTH_FORMAT = "%Y-%m-%d", "%H:%M", "%m-%d %H:%M"
_INTRADAY = 1.0  # days between bars below which a clock is shown


def plot(  # noqa: PLR0913 - as cerebro.plot, all but the first by default
    source: Any,
    *,
    file: str | Path | None = None,
    start: int | date | None = None,
    end: int | date | None = None,
    numfigs: int = 1,
    size: tuple[float, float] = (16.0, 9.0),
    dpi: int = 100,
    **scheme: Any,
) -> list[Figure]:
    """Draw a run as ``cerebro.plot()`` would: data, volume, indicators, observers, trades.

    backtrader's own call makes matplotlib use Tk, which a machine without a screen has not, and dates its axes by an epoch
    that matplotlib has left. Here its plotter draws on figures of ours: no window is opened, no backend chosen, pyplot knows of none.

    Parameters
    ----------
    source : Cerebro, strategy, or sequence of strategies
        After its run; a Cerebro without a run has nothing to draw.
    file : str or Path, optional
        Where to write the figure (``.png``, ``.svg``, ``.pdf``); of several the second is ``name-2.png`` and so on.
    start, end : int, date or datetime, optional
        Part of the run to draw: numbers of bars, or days.
    numfigs : int
        Figures for each strategy, one after the other in time.
    size : tuple of float
        Inches.
    dpi : int
    **scheme
        Parameters of ``backtrader.plot.PlotScheme``: ``style="candle"``, ``volume=False`` ...

    Returns
    -------
    list of Figure
        Shown by a notebook when it is the last value of a cell.

    Raises
    ------
    UsageError
        Nothing was run, or it was run with ``exactbars=1``, which keeps no bars.
    """
    figures: list[Figure] = []
    for strategy in _strategies(source):
        plotter = _plotter()(size, dpi, **scheme)
        drawn = plotter.plot(strategy, numfigs=numfigs, iplot=False, start=start, end=end)
        if not drawn:
            raise UsageError(f"{type(strategy).__name__} has no bars to draw: did the feeds deliver any?")
        figures += drawn
    if file is not None:
        _save(figures, Path(file))
    return figures


def _strategies(source: Any) -> Sequence[Any]:
    import backtrader as bt

    if isinstance(source, bt.Cerebro):
        if not getattr(source, "runstrats", None):
            raise UsageError("this Cerebro has not run; call cerebro.run() before plot(cerebro)")
        found = [strategy for run in source.runstrats for strategy in run]
    else:
        found = list(source) if isinstance(source, Sequence) else [source]
    for strategy in found:
        if not isinstance(strategy, bt.Strategy):
            raise UsageError(
                f"plot draws a Cerebro or a strategy after its run, got {type(strategy).__name__}; optimised runs keep no bars"
            )
        if strategy.cerebro._exactbars > 0:
            raise UsageError("a run with exactbars=1 keeps no bars to draw; run with exactbars=-1 or without")
    return found


def _save(figures: Sequence[Figure], file: Path) -> None:
    for number, figure in enumerate(figures, start=1):
        figure.savefig(file if number == 1 else file.with_stem(f"{file.stem}-{number}"), bbox_inches="tight")


class Canvas:
    """What backtrader's plotter asks of pyplot, on figures that pyplot does not know."""

    def __init__(self, size: tuple[float, float], dpi: int) -> None:
        self._size, self._dpi = size, dpi
        self._figure: Figure

    def figure(self, number: int) -> Figure:
        """A new figure, whatever its number."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._figure = Figure(figsize=self._size, dpi=self._dpi)
        FigureCanvasAgg(self._figure)
        return self._figure

    def subplot2grid(self, shape: tuple[int, int], place: tuple[int, int], rowspan: int, sharex: Axes | None) -> Axes:
        """Axes over some rows of the figure."""
        grid = self._figure.add_gridspec(*shape)
        return self._figure.add_subplot(grid[place[0] : place[0] + rowspan, place[1]], sharex=sharex)

    def setp(self, artists: Any, **properties: Any) -> None:
        """Set properties of artists."""
        from matplotlib.artist import setp

        setp(artists, **properties)

    def autoscale(self, *, enable: bool, axis: str, tight: bool) -> None:
        """Scale the last axes, and with them all that share theirs."""
        self._figure.axes[-1].autoscale(enable=enable, axis=axis, tight=tight)  # type: ignore[arg-type]


@cache
def _plotter() -> Any:
    """Backtrader's plotter, drawing on a `Canvas`."""
    with _backend_kept():
        from backtrader.plot import Plot

    class Plotter(Plot):
        """backtrader's plotter without pyplot, its time axis without matplotlib's epoch."""

        def __init__(self, size: tuple[float, float], dpi: int, **scheme: Any) -> None:
            super().__init__(**scheme)
            self._canvas = Canvas(size, dpi)
            self._lowest: list[Axes] = []

        @property
        def mpyplot(self) -> Canvas:
            """What stands for pyplot."""
            return self._canvas

        @mpyplot.setter
        def mpyplot(self, _: Any) -> None:
            """Leave pyplot alone."""

        def plot(self, strategy: Any, **options: Any) -> list[Figure]:
            """Draw, then show the time under the lowest axes of each figure only."""
            figures: list[Figure] = super().plot(strategy, **options) or []
            for ax in (ax for figure in figures for ax in figure.axes):
                ax.tick_params(axis="x", labelbottom=ax in self._lowest)
            return figures

        def setlocators(self, ax: Axes) -> None:
            """Name bars by their own stamps."""
            self._lowest.append(ax)
            _date_axis(ax, list(self.pinf.daxis.values()), self.pinf.xreal, self.pinf.clock)

    return Plotter


@contextmanager
def _backend_kept() -> Iterator[None]:
    """Backtrader chooses a backend when its plots are imported: let it not."""
    import matplotlib

    use = matplotlib.use
    matplotlib.use = lambda *_, **__: None
    try:
        yield
    finally:
        matplotlib.use = use


def _date_axis(ax: Axes, every: Sequence[Axes], stamps: Sequence[float], strategy: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    name = _namer(stamps, strategy)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: name(x)))
    for one in every:
        one.fmt_xdata = name


def _namer(stamps: Sequence[float], strategy: Any) -> Callable[[float], str]:
    """From the number of a bar to its date or time, in the zone in which the strategy shows its own."""
    whole = stamps[-1] - stamps[0]
    spacing = whole / max(len(stamps) - 1, 1)
    shape = _DAY_FORMAT if spacing >= _INTRADAY else _CLOCK_FORMAT if whole < 1 else _BOTH_FORMAT
    data = strategy.data

    def name(x: float) -> str:
        i = round(x)
        return str(data.num2date(stamps[i]).strftime(shape)) if 0 <= i < len(stamps) else ""

    return name
