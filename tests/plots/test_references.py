"""Plots against committed references: drawn without any text, so that no font has a part in it.

``PYTHONPATH=tests:. python tests/plots/test_references.py`` writes the references anew; look at them before they are committed.
"""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from markets import market, study_of
from matplotlib.legend import Legend
from matplotlib.text import Text
from PIL import Image

from exec_algos import BacktestEngine, FillModel, OrderEvent, SimulatedBroker, Strategy, TWAPExecutor, plots
from exec_algos.costs import FixedSpread
from exec_algos.plots import KINDS
from exec_algos.plots.style import bare_axes
from exec_algos.trajectories import AlmgrenChriss

REFERENCES = Path(__file__).parent / "references"
DPI = 40
# Root of the mean square over all pixels and colours, 0 to 255. Without texts and legends matplotlib 3.10.0 and 3.11.2 draw the same to the
# pixel; the changes of data below move a plot by 6.6 to 46.
TOLERANCE = 1.5
MODEL = FillModel(max_participation=0.05, spread=FixedSpread(20))
PLAN = AlmgrenChriss(
    quantity=1e6,
    horizon=5,
    slices=5,
    volatility=0.95,
    temporary_impact=2.5e-6,
    permanent_impact=2.5e-7,
    half_spread=0.0625,
    risk_aversion=1e-6,
)


class Once(Strategy):
    """Buys on the second day, sells on the fourth."""

    def __init__(self, event_queue, data_handler):
        super().__init__(event_queue, data_handler)
        self.executor = TWAPExecutor(SimulatedBroker())

    def on_bar(self, event):
        sides = {"2025-11-25 10:00": "BUY", "2025-11-28 10:00": "SELL"}
        side = sides.get(f"{self.data_handler.timestamp:%Y-%m-%d %H:%M}")
        if side and event.symbol == "A":
            self.event_queue.put(OrderEvent(symbol="A", side=side, quantity=200))

    async def on_order(self, order):
        await self.executor.execute(order.symbol, order.quantity, duration_minutes=120, slice_interval_seconds=1800, side=order.side)


@pytest.fixture(scope="module")
def result():
    return studied()


@pytest.fixture(scope="module")
def run():
    return traded()


def studied():
    return study_of(market(5), ["twap", "vwap:profile_days=2", "pov:rate=0.04"], MODEL, size=["60", "240"], profile_days=2).run()


def traded():
    return BacktestEngine(market(5, ("A",), missing=0.0, silent=0.0), [Once], initial_cash=20_000, fill_model=MODEL, calendar="XNYS").run()


def dearer(result):
    """The same study with all that TWAP paid 5 % higher (buys) or lower (sells), and other volumes."""
    sign = np.where(result.parents["side"] == "BUY", 1.0, -1.0) * (result.parents["algorithm"] == "twap")
    moved = {name: result.parents[name] + 500.0 * sign.abs() for name in result.parents if name.startswith("slippage")}
    parents = result.parents.assign(**moved, average_price=result.parents["average_price"] * (1 + 0.05 * sign))
    by = np.where(result.fills["side"] == "BUY", 1.0, -1.0) * (result.fills["algorithm"] == "twap") * 0.05 * result.fills["rule_price"]
    fills = result.fills.assign(price=result.fills["price"] + by, rule_price=result.fills["rule_price"] + by)
    volume = result.bars.volume * np.where(np.arange(len(result.bars)) % 2, 0.6, 1.3)
    return replace(result, parents=parents, fills=fills, bars=replace(result.bars, volume=volume))


def drawn(kind, result, run):
    if kind in KINDS:
        return result.plot(kind, bare_axes(KINDS[kind].size(result)))
    if kind == "equity":
        return plots.equity({"with": run.equity["equity"], "paper": run.paper_equity()}, shown=False)
    return plots.drawdown(run, at="arrival", shown=False) if kind == "drawdown" else plots.frontier(PLAN, shown=False)


def picture(ax):
    """The plot without its texts, as bytes of a PNG."""
    figure = ax.get_figure(root=True)
    figure.set_size_inches(np.ceil(figure.get_size_inches() * DPI - 1e-6) / DPI)  # versions of matplotlib round half a pixel to either side
    for part in figure.axes:
        part.tick_params(labelleft=False, labelbottom=False)
    for item in [*figure.findobj(Text), *figure.findobj(Legend)]:  # where a mark of a legend stands depends on the letters before it
        item.set_visible(False)
    raw, small = BytesIO(), BytesIO()
    figure.savefig(raw, format="png", dpi=DPI)
    Image.open(raw).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(small, format="PNG", optimize=True)
    return small.getvalue()


def distance(kind, ax):
    reference, fresh = (
        np.asarray(Image.open(BytesIO(data)).convert("RGB"), dtype=np.float64)
        for data in ((REFERENCES / f"{kind}.png").read_bytes(), picture(ax))
    )
    assert reference.shape == fresh.shape, f"{kind} has another size: look at it, and write the references anew"
    return float(np.sqrt(((reference - fresh) ** 2).mean()))


PLOTS = sorted(set(plots.__all__) - {"KINDS", "draw", "png"})


def test_every_plot_has_a_reference():
    assert [path.stem for path in sorted(REFERENCES.glob("*.png"))] == PLOTS


@pytest.mark.parametrize("kind", PLOTS)
def test_a_plot_looks_like_its_reference(kind, result, run):
    assert distance(kind, drawn(kind, result, run)) < TOLERANCE


@pytest.mark.parametrize("kind", [kind for kind in PLOTS if kind in KINDS])
def test_a_plot_of_other_data_does_not(kind, result, run):
    assert distance(kind, drawn(kind, dearer(result), run)) > 2 * TOLERANCE


@pytest.mark.parametrize("kind", ["equity", "drawdown"])
def test_a_curve_that_begins_two_bars_later_does_not(kind, result, run):
    late = replace(run, equity=pd.concat([run.equity.iloc[:1].set_axis(run.equity.index[:1]), run.equity.shift(2).bfill().iloc[1:]]))
    assert distance(kind, drawn(kind, result, late)) > 2 * TOLERANCE


def test_a_frontier_of_a_tenth_more_volatility_does_not(result, run):
    assert distance("frontier", plots.frontier(replace(PLAN, volatility=1.05, risk_aversion=2e-6), shown=False)) > 2 * TOLERANCE


if __name__ == "__main__":
    for name in PLOTS:
        (REFERENCES / f"{name}.png").write_bytes(picture(drawn(name, studied(), traded())))
