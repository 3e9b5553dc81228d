"""The strategies in `strategies/` run as scripts and do what their first lines say."""

import runpy
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from exec_algos import BacktestEngine, FillModel, OrderEvent, Side, Strategy, TWAPExecutor, VWAPExecutor
from exec_algos.market.samples import load_samples

FOLDER = Path(__file__).parents[1] / "strategies"
FILES = sorted(FOLDER.glob("*.py"))


def result_of(name):
    return runpy.run_path(str(FOLDER / name))["main"]()


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_strategy_runs_as_a_script_without_a_warning(path, tmp_path):
    done = subprocess.run([sys.executable, "-W", "error", str(path)], capture_output=True, text=True, check=True, cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[-1].endswith("the data are synthetic.")
    assert len(lines) <= 40
    assert done.stderr == ""


@pytest.mark.slow
def test_the_twap_strategy_buys_at_ten_and_sells_at_three():
    result = result_of("twap_strategy.py")
    parents = result.parents
    decided = [f"{start:%H:%M} {side}" for start, side in zip(parents["start"], parents["side"], strict=True)]
    assert decided == ["10:00 BUY", "15:00 SELL"] * 5
    assert (parents["filled"] == 10_000).all()
    assert (result.fills.groupby("parent_id").size() == 5).all()
    cash = 20_000_000 - (result.fills["quantity"] * result.fills["price"] * result.fills["side"].map({"BUY": 1, "SELL": -1})).sum()
    assert result.equity["equity"].iloc[-1] == pytest.approx(cash)


@pytest.mark.slow
def test_the_signal_strategy_holds_a_full_position_between_its_orders():
    result = result_of("signal_vwap.py")
    fills = result.fills
    signed = fills["quantity"] * fills["side"].map({"BUY": 1, "SELL": -1})
    for symbol in ("SYNLARGE", "SYNWILD"):
        after_each = signed[fills["symbol"] == symbol].groupby(fills["parent_id"]).sum().cumsum()
        assert set(after_each) == {20_000, -20_000}
    assert set(result.parents["algorithm"]) == {"vwap"}
    assert (result.parents["participation"] <= 0.1).all()


@pytest.mark.slow
def test_the_agent_by_rule_trades_both_ways_when_asked_and_within_its_fraction():
    result = result_of("rule_agent.py")
    parents = result.parents
    assert {f"{start:%H:%M}" for start in parents["start"]} == {"10:30", "14:00"}
    assert set(parents["symbol"]) == {"SYNLARGE", "SYNMID", "SYNWILD"}
    assert set(parents["side"]) == {"BUY", "SELL"}
    assert set(parents["algorithm"]) == {"vwap"}
    assert (parents["participation"] <= 0.1).all()
    signed = parents["filled"] * parents["side"].map({"BUY": 1, "SELL": -1})
    held = signed.groupby(parents["symbol"]).cumsum() * parents["average_price"]
    assert held.min() < 0 < held.max()
    fraction = held.abs().groupby(parents["symbol"]).max() / 10_000_000
    assert (fraction < 0.32).all()  # a fraction of 0.3, and prices that move
    assert fraction["SYNWILD"] < 0.2  # its volatility is more than twice the target


@pytest.mark.slow
def test_a_loop_of_ones_own_gives_what_the_engine_gives():
    class Same(Strategy):
        def on_bar(self, event):
            if str(self.data_handler.timestamp) == "2025-12-22 10:00:00-05:00" and event.symbol == "SYNMID":  # both bars have closed
                self.event_queue.put(OrderEvent(symbol="SYNLARGE", side="BUY", quantity=60_000))
                self.event_queue.put(OrderEvent(symbol="SYNMID", side="SELL", quantity=9_000))

        async def on_order(self, order):
            if order.side == Side.BUY:
                await VWAPExecutor(self.broker).execute(order.symbol, order.quantity, end_time_str="15:30")
            else:
                await TWAPExecutor(self.broker).execute(order.symbol, order.quantity, 330, side="SELL")

    bars = load_samples()["XNYS"].select(["SYNLARGE", "SYNMID"])
    model = FillModel(max_participation=0.1)
    expected = BacktestEngine(bars, [Same], fill_model=model, calendar="XNYS", start="2025-12-22").run().parents
    columns = ["symbol", "side", "filled", "average_price", "interval_vwap", "slippage_vwap_bps"]
    found = result_of("own_loop.py")[columns]
    pd.testing.assert_frame_equal(found, expected[columns].reset_index(drop=True), check_dtype=False, rtol=1e-12)
    assert found["filled"].tolist() == [60_000, 9_000]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_strategy_fits_on_a_page(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 80


def test_the_readme_names_every_strategy():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in FILES if f"`{path.name}`" not in readme] == []
