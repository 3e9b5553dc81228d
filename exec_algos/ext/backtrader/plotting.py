"""`plot`: what ``cerebro.plot()`` draws, without a window and with the current matplotlib."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exec_algos.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from backtrader.plot import Plot as _Plot
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    _Plot = object  # backtrader's plots import matplotlib, and choose a backend

_DAY_FORMAT, _CLOCK_FORMAT, _BOTH_FORMAT = "%Y-%m-%d", "%H:%M", "%m-%d %H:%M"
_INTRADAY = 1.0  # days between bars below which a clock is shown
_STYLES = ("line", "candle", "bar")  # of which backtrader reads the first letters
_EDGE = 0.03  # of the height of the price axes, where marks beyond it are put


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
        Part of the run to draw: from bar number `start` to before `end`; or from and to instants or days, both included, a
        naive one in the zone of the first feed.
    numfigs : int
        Figures for each strategy, one after the other in time.
    size : tuple of float
        Inches.
    dpi : int
    **scheme
        Parameters of ``backtrader.plot.PlotScheme``: ``style="candle"``, ``"bar"`` or ``"line"``, ``volume=False`` ...

    Returns
    -------
    list of Figure
        Shown by a notebook when it is the last value of a cell.

    Raises
    ------
    UsageError
        Nothing was run, or it was run with ``exactbars=1``, which keeps no bars; no bar lies between `start` and `end`.
    UnknownNameError
        No such style or parameter.

    Notes
    -----
    Apart from matplotlib, it does not follow ``cerebro.plot()`` where that draws what was not: the marks of a feed that ticks more
    seldom than another stand at the bars that traded, not at those that have their number; such a feed keeps its own bars where a
    part is drawn; marks beyond the price axis stand at its edge; and no parameter stays set for the next call.
    """
    figures: list[Figure] = []
    with _legends_kept():
        for strategy in _strategies(source):
            plotter = _plotter()(size, dpi, scheme)
            figures += plotter.plot(strategy, _part(strategy, start, end), numfigs)
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


class _Drawing(_Plot):
    """What we change of backtrader's plotter: no pyplot, no epoch of matplotlib's, every line at the bars that it belongs to."""

    def __init__(self, size: tuple[float, float], dpi: int, scheme: dict[str, Any]) -> None:
        from backtrader.plot import PlotScheme

        self.p.scheme = PlotScheme()  # backtrader's is one for all plots: what one sets, the next would find
        _check_scheme(scheme, vars(self.p.scheme))
        super().__init__(**scheme)
        self.mpyplot = Canvas(size, dpi)

    def plot(self, strategy: Any, part: tuple[int, int], numfigs: int) -> list[Figure]:
        """Figures of the bars from ``part[0]`` to before ``part[1]``."""
        from backtrader.plot.plot import PInfo

        first, last = part
        if not 0 < numfigs <= last - first:
            raise UsageError(f"numfigs={numfigs} of {last - first} bars: between 1 and the number of bars can be drawn")
        self.pinf, self._strategy = PInfo(self.p.scheme), strategy
        self.sortdataindicators(strategy)
        self.calcrows(strategy)
        edges = [first + (last - first) * i // numfigs for i in range(numfigs + 1)]
        return [self._figure(a, b) for a, b in pairwise(edges)]

    def _figure(self, first: int, last: int) -> Figure:
        pinf, feeds = self.pinf, self._strategy.datas
        figure: Figure = pinf.newfig(0, 0, self.mpyplot)
        pinf.clock, pinf.xlen = self._strategy, last - first
        pinf.x = pinf.xdata = list(range(last - first))
        pinf.xreal = self._strategy.datetime.plot()[first:last]
        for top in self.dplotstop:
            self.plotind(None, top, subinds=self.dplotsover[top])
        for feed in feeds:
            if feed.plotinfo.plot and self._rows(feed.datetime.plot())[0]:
                self._feed(feed)
        self._finish(figure)
        return figure

    def _feed(self, feed: Any) -> None:
        for ind in self.dplotsup[feed]:
            self._around(feed, ind)
        self.plotdata(feed, self.dplotsover[feed])
        for ind in self.dplotsdown[feed]:
            self._around(feed, ind)

    def _around(self, feed: Any, ind: Any) -> None:
        self.plotind(feed, ind, subinds=self.dplotsover[ind], upinds=self.dplotsup[ind], downinds=self.dplotsdown[ind])

    def _finish(self, figure: Figure) -> None:
        figure.subplots_adjust(hspace=self.pinf.sch.plotdist, top=0.98, left=0.05, bottom=0.05, right=0.95)
        axes = list(self.pinf.daxis.values())
        lowest = next(ax for ax in reversed(axes) if ax not in self.pinf.vaxis)
        _date_axis(lowest, axes, self.pinf.xreal, self._strategy)
        for ax in figure.axes:
            ax.tick_params(axis="x", labelbottom=ax is lowest, labelrotation=self.pinf.sch.tickrotation)
        figure.axes[-1].autoscale(enable=True, axis="both" if self.pinf.sch.ytight else "x", tight=True)

    def plotdata(self, data: Any, indicators: Sequence[Any]) -> None:
        """Draw the bars of a feed."""
        with self._at(data.datetime.plot()):
            super().plotdata(data, indicators)

    def plotind(self, iref: Any, ind: Any, *args: Any, **options: Any) -> None:
        """Draw an indicator or an observer."""
        import backtrader as bt

        ax = options.get("masterax")
        before, limits = (len(ax.lines), ax.get_ylim()) if ax else (0, (0.0, 0.0))
        with self._at(self._stamps(ind)):
            super().plotind(iref, ind, *args, **options)
        if ax and isinstance(ind, bt.observers.BuySell):
            _keep_inside(ax.lines[before:], limits)

    @contextmanager
    def _at(self, stamps: Sequence[float]) -> Iterator[None]:
        """Draw lines that have a value for each of the stamps."""
        pinf = self.pinf
        outer = pinf.xdata, getattr(pinf, "xstart", 0), getattr(pinf, "xend", 0)
        pinf.xdata, pinf.xstart, pinf.xend = self._rows(stamps)
        yield
        pinf.xdata, pinf.xstart, pinf.xend = outer

    def _rows(self, stamps: Sequence[float]) -> tuple[list[int], int, int]:
        """Where the stamps stand on the time axis, and the first and the end of those that do."""
        shown = self.pinf.xreal
        first, end = bisect_left(stamps, shown[0]), bisect_right(stamps, shown[-1])
        return [bisect_left(shown, stamp) for stamp in stamps[first:end]], first, end

    def _stamps(self, ind: Any) -> Sequence[float]:
        """Those of its feed; or the strategy's, with which observers of a feed may tick."""
        import backtrader as bt

        length = len(ind) if isinstance(ind, bt.observer.Observer) else ind.buflen()
        clocks = (_feed_of(ind, self._strategy), self._strategy)
        return next(clock for clock in clocks if len(clock) == length or clock is self._strategy).datetime.plot()  # type: ignore[no-any-return]


def _feed_of(line: Any, strategy: Any) -> Any:
    """The feed that a line ticks with, or the strategy. Lines are compared by `is`: ``==`` would make another line of them."""
    while line is not strategy and not any(line is feed for feed in strategy.datas):
        line = line.owner if hasattr(line, "owner") else line._clock
    return line


def _keep_inside(lines: Sequence[Any], limits: tuple[float, float]) -> None:
    """Put marks beyond the axes at their edge: backtrader puts them 1.5 % off the price, more than minutes move in a day."""
    import numpy as np

    pad = _EDGE * (limits[1] - limits[0])
    for line in lines:
        line.set_ydata(np.clip(line.get_ydata(), limits[0] + pad, limits[1] - pad))


def _check_scheme(given: dict[str, Any], known: dict[str, Any]) -> None:
    for name in given:
        if name not in known and name not in ("locbg", "locbgother"):
            raise UnknownNameError("parameter of plots", name, known)
    style = given.get("style", "line")
    if not style.startswith(_STYLES):
        raise UnknownNameError("style", style, _STYLES)


def _part(strategy: Any, start: int | date | None, end: int | date | None) -> tuple[int, int]:
    """Numbers of the first bar to draw and of the first after it."""
    stamps = strategy.datetime.plot() if len(strategy) else ()
    if not stamps:
        raise UsageError(f"{type(strategy).__name__} has no bars to draw: did the feeds deliver any?")
    first = bisect_left(stamps, _number(strategy.data, start, time.min)) if isinstance(start, date) else start
    last = bisect_right(stamps, _number(strategy.data, end, time.max)) if isinstance(end, date) else end
    a, b, _ = slice(first, last).indices(len(stamps))
    if a >= b:
        raise UsageError(f"no bar of {len(stamps)} lies between start={start} and end={end}")
    return a, b


def _number(feed: Any, moment: date, clock: time) -> float:
    """Backtrader's number of an instant; of a day, of its instant at `clock`."""
    import backtrader as bt

    instant = moment if isinstance(moment, datetime) else datetime.combine(moment, clock)
    return float(feed.date2num(instant) if instant.tzinfo is None else bt.date2num(instant))


@cache
def _plotter() -> Any:
    with _backend_kept():
        from backtrader.plot import Plot

    class Plotter(_Drawing, Plot):
        """backtrader's plotter with our changes."""

    return Plotter


@contextmanager
def _legends_kept() -> Iterator[None]:
    """Backtrader tells matplotlib of each price and volume it draws, which would then keep them, and their figures, for ever."""
    from matplotlib.legend import Legend

    handlers = dict(Legend.get_default_handler_map())
    try:
        yield
    finally:
        Legend.set_default_handler_map(handlers)


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
    for day in every:
        day.fmt_xdata = name


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
