"""`plot` puts every line and mark at the bar that it belongs to, also where feeds tick differently, and leaves nothing behind."""

import weakref
from datetime import date, datetime
from gc import collect

import backtrader as bt
import matplotlib.legend
import numpy as np
import pandas as pd
import pytest
from markets import STEP, bars_of, grid_of

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.ext.backtrader import BarsFeed, plot

DAYS = ("2025-11-24", "2025-11-25")
ZONE = "America/New_York"
OFTEN, SELDOM = 26, 9  # bars: one each half hour of two sessions, and one each hour and a half from the second bar on
BUYS = {"OFTEN": [3, 15], "SELDOM": [2, 6]}  # bars of the feed after which one share is bought


def bars():
    instants = [start for day in DAYS for start in grid_of(day)]
    rows = [(start, 20.0 + i, 20.5 + i, 19.5 + i, 20.25 + i, 100.0, np.nan) for i, start in enumerate(instants)]
    return bars_of({"OFTEN": rows, "SELDOM": rows[1::3]}, step=STEP, zone=ZONE)


class Buys(bt.Strategy):
    def __init__(self):
        self.means = [bt.indicators.SMA(feed, period=2) for feed in self.datas]
        self.fills = {feed: [] for feed in BUYS}
        self.seen = {}

    def prenext(self):
        self.next()

    def next(self):
        for feed in self.datas:
            if len(feed) != self.seen.get(feed._name, 0):
                self.seen[feed._name] = len(feed)
                if len(feed) in BUYS[feed._name]:
                    self.buy(feed, size=1)

    def notify_order(self, order):
        if order.status == order.Completed:
            self.fills[order.data._name].append(bt.num2date(order.executed.dt))


def ran(*names, **options):
    cerebro = bt.Cerebro(**options)
    for name in names:
        cerebro.adddata(BarsFeed(dataname=bars(), symbol=name))
    cerebro.addstrategy(Buys)
    cerebro.run()
    return cerebro


def axes_of(figure, name):
    """The price axes of a feed: its legend begins with its name."""
    return next(ax for ax in figure.axes if ax.get_legend() and ax.get_legend().get_texts()[0].get_text().startswith(name))


def drawn(figure, feed, label):
    """Stamps and values of a line over the price of a feed."""
    stamps = figure.stamps
    line = next(line for line in axes_of(figure, feed).get_lines() if line.get_label().split("\n")[-1].startswith(label))
    points = zip(line.get_xdata(), line.get_ydata(), strict=True)
    return {bt.num2date(stamps[int(x)]): float(y) for x, y in points if np.isfinite(y)}


def plotted(cerebro, first=0, last=None, **options):
    figure = plot(cerebro, size=(8, 6), dpi=50, **options)[0]
    figure.stamps = cerebro.runstrats[0][0].datetime.plot()[first:last]
    return figure


def closes(name):
    frame = bars().to_frame().loc[name]
    return {(stamp + pd.Timedelta(STEP)).tz_convert(None).to_pydatetime(): close for stamp, close in frame["close"].items()}


ORDERS_OF_FEEDS = [("OFTEN",), ("OFTEN", "SELDOM"), ("SELDOM", "OFTEN")]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"runonce": False}], ids=["runonce", "next"])
@pytest.mark.parametrize("names", ORDERS_OF_FEEDS, ids=" and ".join)
def test_marks_stand_at_the_bars_that_bought_and_inside_the_axes(names, options):
    cerebro = ran(*names, **options)
    figure, strategy = plotted(cerebro), cerebro.runstrats[0][0]
    for name in names:
        marks = drawn(figure, name, "buy")
        low, high = axes_of(figure, name).get_ylim()
        assert list(marks) == strategy.fills[name]
        assert len(marks) == 2
        assert all(low < y < high for y in marks.values())


@pytest.mark.slow
@pytest.mark.parametrize("part", [(0, 26), (2, 8)], ids=["all", "a part"])
@pytest.mark.parametrize("names", ORDERS_OF_FEEDS, ids=" and ".join)
def test_each_feed_is_drawn_at_its_own_stamps(names, part):
    figure = plotted(ran(*names), *part, start=part[0], end=part[1])
    first, last = bt.num2date(figure.stamps[0]), bt.num2date(figure.stamps[-1])
    for name in names:
        assert drawn(figure, name, name) == {stamp: close for stamp, close in closes(name).items() if first <= stamp <= last}


@pytest.mark.slow
def test_an_indicator_of_a_feed_that_ticks_seldom_stands_at_its_bars():
    means = drawn(plotted(ran("OFTEN", "SELDOM")), "SELDOM", "SMA")
    wanted = pd.Series(closes("SELDOM")).rolling(2).mean().dropna()
    assert means == pytest.approx({stamp.to_pydatetime(): mean for stamp, mean in wanted.items()})


@pytest.mark.slow
def test_a_feed_without_a_bar_in_the_part_is_left_out():
    figure = plotted(ran("OFTEN", "SELDOM"), 2, 4, start=2, end=4)  # between the bars 1 and 4
    assert len(drawn(figure, "OFTEN", "OFTEN")) == 2
    assert not any("SELDOM (" in line.get_label() for ax in figure.axes for line in ax.get_lines())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "end", "bars_drawn"),
    [
        (datetime(2025, 11, 24, 11, 0), datetime(2025, 11, 24, 12, 30), 4),  # New York time, both included
        (pd.Timestamp("2025-11-24 16:00", tz="UTC"), pd.Timestamp("2025-11-24 17:30", tz="UTC"), 4),  # the same
        (date(2025, 11, 25), None, 13),
        (None, date(2025, 11, 24), 13),
        (-3, None, 3),
        (None, -3, 23),
    ],
)
def test_a_part_is_named_by_exchange_time_by_days_or_by_numbers(start, end, bars_drawn):
    figure = plot(ran("OFTEN"), start=start, end=end, size=(8, 6), dpi=50)[0]
    assert {len(line.get_xdata()) for line in axes_of(figure, "OFTEN").get_lines()} == {bars_drawn}


@pytest.mark.slow
def test_no_parameter_stays_set_for_the_next_plot():
    cerebro = ran("OFTEN")
    plot(cerebro, style="candle", volume=False, size=(8, 6), dpi=50)
    assert len(drawn(plotted(cerebro), "OFTEN", "OFTEN")) == OFTEN  # a line


@pytest.mark.slow
def test_matplotlib_keeps_nothing_of_a_plot_that_is_over():
    cerebro = ran("OFTEN")
    before = dict(matplotlib.legend.Legend.get_default_handler_map())
    kept = weakref.ref(plot(cerebro, style="candle", size=(8, 6), dpi=50)[0])
    collect()
    assert kept() is None
    assert matplotlib.legend.Legend.get_default_handler_map() == before


@pytest.fixture(scope="module")
def cerebro():
    return ran("OFTEN")


class TestRefused:
    def test_an_unknown_parameter(self, cerebro):
        with pytest.raises(UnknownNameError, match="unknown parameter of plots 'voluem': did you mean volume"):
            plot(cerebro, voluem=False)

    def test_an_unknown_style(self, cerebro):
        with pytest.raises(UnknownNameError, match="unknown style 'cnadle': did you mean candle"):
            plot(cerebro, style="cnadle")

    def test_a_part_without_bars(self, cerebro):
        with pytest.raises(UsageError, match=r"no bar of 26 lies between start=2025-12-01 and end=None"):
            plot(cerebro, start=date(2025, 12, 1))

    @pytest.mark.parametrize("numfigs", [0, 27])
    def test_more_figures_than_bars_or_none(self, cerebro, numfigs):
        with pytest.raises(UsageError, match=f"numfigs={numfigs} of 26 bars"):
            plot(cerebro, numfigs=numfigs)

    def test_a_run_without_a_bar(self):
        cerebro = bt.Cerebro()
        cerebro.adddata(BarsFeed(dataname=bars(), symbol="OFTEN", fromdate=datetime(2026, 1, 1)))
        cerebro.run()
        with pytest.raises(UsageError, match="Strategy has no bars to draw: did the feeds deliver any"):
            plot(cerebro)
