"""`plot` draws what a run holds, with the current matplotlib, without a window and without touching anyone's settings."""

import subprocess
import sys
from pathlib import Path

import backtrader as bt
import matplotlib
import numpy as np
import pytest
from cerebros import Worker, cerebro_of
from markets import market

from exec_algos import TWAP
from exec_algos.errors import UsageError
from exec_algos.ext.backtrader import ExecutionObserver, plot

HALF_HOURS = TWAP(slice_interval_seconds=1800)
ORDERS = (("A", 100, HALF_HOURS, 3, {"until": "15:00"}), ("A", -100, HALF_HOURS, 16, {"until": "15:00"}))


class WithIndicators(Worker):
    def __init__(self):
        super().__init__()
        self.mean = bt.indicators.SMA(self.datas[0], period=3)
        self.index = bt.indicators.RSI(self.datas[0], period=3, safediv=True)


def ran(symbols=("A",), strategy=WithIndicators, **options):
    cerebro = cerebro_of(market(4, symbols, missing=0.0), calendar="XNYS", **options)
    for observer, many in ((bt.observers.Broker, False), (bt.observers.BuySell, True), (bt.observers.Trades, False)):
        cerebro.addobservermulti(observer) if many else cerebro.addobserver(observer)
    cerebro.addobserver(ExecutionObserver)
    cerebro.addstrategy(strategy, orders=ORDERS)
    cerebro.run()
    return cerebro


def lines(figure):
    return {line.get_label().split("\n")[-1].split(" ")[0]: line for ax in figure.axes for line in ax.get_lines()}


@pytest.fixture(scope="module")
def run():
    return ran()


@pytest.mark.slow
def test_prices_indicators_and_observers_stand_in_axes_of_their_own(run):
    figure = plot(run)[0]
    strategy = run.runstrats[0][0]
    closes, mean = (np.array(line.plot()) for line in (strategy.data.close, strategy.mean.lines.sma))
    drawn = [line.get_ydata() for ax in figure.axes for line in ax.get_lines()]
    assert any(np.array_equal(y, closes) for y in drawn)
    assert any(np.array_equal(y, mean, equal_nan=True) for y in drawn)
    assert {"cash", "value", "rsi", "buy", "sell", "filled"} <= set(lines(figure))


@pytest.mark.slow
def test_a_marker_stands_at_each_bar_that_bought(run):
    figure, strategy = plot(run)[0], run.runstrats[0][0]
    buys = lines(figure)["buy"]
    marked = [int(x) for x, y in zip(buys.get_xdata(), buys.get_ydata(), strict=True) if np.isfinite(y)]
    stamps = strategy.data.datetime.plot()
    bought = [one.time for parent in strategy.parents if parent.parent.side > 0 for one in parent.fills]
    assert [round((stamps[i] - 719_163) * 86_400) * 1_000_000_000 for i in marked] == bought


@pytest.mark.slow
def test_the_time_under_the_lowest_axes_is_exchange_time(run):
    figure = plot(run)[0]
    figure.canvas.draw()
    shown = {ax: [text.get_text() for text in ax.get_xticklabels() if text.get_visible() and text.get_text()] for ax in figure.axes}
    named = [texts for texts in shown.values() if texts]
    assert len(named) == 1
    assert "11-24 10:00" in named[0]  # the first bar ends half an hour after the open


@pytest.mark.slow
@pytest.mark.parametrize("style", ["line", "candle", "bar"])
def test_every_style_of_several_feeds_is_written(style, tmp_path):
    figures = plot(ran(("A", "B")), style=style, file=tmp_path / "run.png", size=(8, 6), dpi=60)
    content = (tmp_path / "run.png").read_bytes()
    assert (len(figures), content[:4], len(content) > 10_000) == (1, b"\x89PNG", True)


@pytest.mark.slow
def test_a_long_run_is_drawn_in_several_figures(run, tmp_path):
    figures = plot(run, numfigs=2, file=tmp_path / "run.png", size=(8, 6))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run-2.png", "run.png"]
    whole = len(run.runstrats[0][0].data)
    assert sum(max(len(line.get_xdata()) for ax in figure.axes for line in ax.get_lines()) for figure in figures) == whole


@pytest.mark.slow
def test_a_part_of_a_run_is_drawn(run):
    assert len(lines(plot(run, start=5, end=20)[0])["value"].get_xdata()) == 15


@pytest.mark.slow
def test_a_strategy_or_what_run_returned_will_do(run):
    assert len(plot(run.runstrats[0])) == len(plot(run.runstrats[0][0])) == 1


@pytest.mark.slow
def test_settings_of_matplotlib_stay_as_they_were(run):
    before = dict(matplotlib.rcParams), matplotlib.use
    plot(run)
    assert (dict(matplotlib.rcParams), matplotlib.use) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from test_backtrader_plotting import plot, ran
import matplotlib
assert "matplotlib.pyplot" not in sys.modules
plot(ran(), file={file!r}, dpi=50)
assert matplotlib.get_backend(auto_select=False) is None  # still nobody's choice
"""


@pytest.mark.slow
def test_it_works_where_there_is_no_display_and_no_backend_was_chosen(tmp_path):
    here = Path(__file__).parent
    code = f"import sys; sys.path.insert(0, {str(here.parent)!r})\n" + SCRIPT.format(tests=str(here), file=str(tmp_path / "x.png"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, env={"HOME": str(tmp_path)}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "x.png").stat().st_size > 5_000


class TestRefused:
    def test_a_cerebro_that_has_not_run(self):
        with pytest.raises(UsageError, match=r"this Cerebro has not run; call cerebro.run\(\) before"):
            plot(bt.Cerebro())

    @pytest.mark.slow
    def test_a_run_that_kept_no_bars(self):
        cerebro = cerebro_of(market(4, ("A",), missing=0.0), mode="exactbars", calendar="XNYS")
        cerebro.addstrategy(Worker)
        cerebro.run()
        with pytest.raises(UsageError, match="exactbars=1 keeps no bars"):
            plot(cerebro)

    def test_something_else(self):
        with pytest.raises(UsageError, match="plot draws a Cerebro or a strategy after its run, got int"):
            plot(7)
