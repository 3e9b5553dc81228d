import math

import pandas as pd
import pytest
from small_markets import MINUTE, at, minute_bars, once

from exec_algos import BacktestEngine, Commission, FillModel, OrderEvent, OrderExecutor, Strategy, TWAPExecutor
from exec_algos.tca.table import COLUMNS

BARS = minute_bars([100, 102, 104, 106], volume=1000)


def result_of(side="BUY", quantity=100, minutes=2, bars=BARS, fill_model=None, **options):
    async def work(strategy, order):
        await TWAPExecutor(strategy.broker).execute("X", order.quantity, minutes, side=order.side, **options)

    return BacktestEngine(bars, [once(side=side, quantity=quantity, work=work)], fill_model=fill_model).run()


def test_fills_are_a_row_a_trade():
    fills = result_of(fill_model=FillModel(commission=Commission(rate=0.001))).fills
    assert list(fills.columns) == [
        "parent_id", "strategy", "algorithm", "timestamp", "symbol", "side", "quantity", "price", "commission", "taxes",
        "rule_price", "spread", "impact",
    ]  # fmt: skip
    first = fills.iloc[0].to_dict()
    assert first == {
        "parent_id": 0,
        "strategy": "Once",
        "algorithm": "twap",
        "timestamp": pd.Timestamp("2024-01-02 09:31", tz="America/New_York"),
        "symbol": "X",
        "side": "BUY",
        "quantity": 50,
        "price": 102.0,
        "commission": pytest.approx(5.1),
        "taxes": 0.0,
        "rule_price": 102.0,
        "spread": 0.0,
        "impact": 0.0,
    }


def test_parents_are_a_row_a_parent_order_with_its_terms():
    parents = result_of(side="SELL").parents
    assert list(parents.columns[: len(COLUMNS)]) == list(COLUMNS)
    one = parents.iloc[0]
    assert (one["symbol"], one["side"], one["algorithm"], one["strategy"]) == ("X", "SELL", "twap", "Once")
    assert (one["quantity"], one["filled"], one["residual"], one["fill_rate"], one["children"]) == (100, 100, 0, 1, 2)
    assert (one["start"].value, one["end"].value) == (at("09:31"), at("09:31") + 2 * MINUTE)
    assert one["session"] == pd.Timestamp("2024-01-02")


def test_benchmarks_are_those_of_the_window():
    one = result_of().parents.iloc[0]
    assert one["arrival_price"] == 100  # the last close that was known
    assert (one["interval_vwap"], one["interval_twap"], one["session_vwap"]) == (103, 103, 103)
    assert one["average_price"] == 103
    assert one["participation"] == 100 / 2000


@pytest.mark.parametrize(("side", "sign"), [("BUY", 1), ("SELL", -1)])
def test_slippage_is_a_cost_when_positive_for_buys_and_for_sells(side, sign):
    one = result_of(side=side).parents.iloc[0]
    assert one["slippage_arrival_bps"] == pytest.approx(sign * 300)  # 103 against 100
    assert one["slippage_vwap_bps"] == pytest.approx(0)


def test_what_was_not_filled_stands_beside_the_slippage():
    one = result_of(max_participation=0.02).parents.iloc[0]
    assert (one["filled"], one["residual"], one["fill_rate"]) == (40, 60, 0.4)


def test_an_order_without_a_fill_has_no_slippage():
    quiet = minute_bars([100, (102, 102, 102, 102, 0), (104, 104, 104, 104, 0), 106])
    one = result_of(bars=quiet).parents.iloc[0]
    assert (one["filled"], one["residual"], one["children"]) == (0, 100, 2)
    assert math.isnan(one["average_price"])
    assert math.isnan(one["slippage_arrival_bps"])


def test_commission_is_that_of_the_parents_fills():
    result = result_of(fill_model=FillModel(commission=Commission(minimum=2.0)))
    assert result.fills["commission"].tolist() == [2, 2]
    assert result.parents["commission"].tolist() == [4]


def test_a_child_that_trades_in_several_bars_pays_its_minimum_once():
    model = FillModel(max_participation=0.03, commission=Commission(minimum=2.0))
    result = BacktestEngine(BARS, [once(quantity=80)], fill_model=model).run()
    assert result.fills["quantity"].tolist() == [30, 30, 20]
    assert result.fills["commission"].tolist() == [2, 0, 0]


def test_a_users_own_executor_leaves_a_parent_for_each_child_it_placed():
    class Halves(OrderExecutor):
        async def execute(self, ticker, total_quantity):
            return [await self.broker.place_order(ticker, total_quantity // 2) for _ in range(2)]

    async def work(strategy, order):
        await Halves(strategy.broker).execute("X", order.quantity)

    result = BacktestEngine(BARS, [once(work=work)]).run()
    assert result.parents["algorithm"].tolist() == ["direct", "direct"]
    assert result.parents["filled"].tolist() == [50, 50]


def test_a_run_without_orders_has_empty_frames_with_their_columns():
    result = BacktestEngine(BARS, [Strategy], initial_cash=500).run()
    assert (len(result.parents), len(result.fills), result.rejected) == (0, 0, ())
    assert set(COLUMNS) <= set(result.parents.columns)
    assert result.equity["equity"].tolist() == [500] * 4


def test_the_parents_add_up_to_the_fills():
    class Many(Strategy):
        def on_bar(self, event):
            self.event_queue.put(OrderEvent(symbol="X", side="SELL" if event.bar.close > 103 else "BUY", quantity=30))

        async def on_order(self, order):
            await TWAPExecutor(self.broker).execute("X", order.quantity, 2, side=order.side)

    result = BacktestEngine(minute_bars(range(100, 108)), [Many], fill_model=FillModel(max_participation=0.025)).run()
    sums = result.fills.groupby("parent_id")["quantity"].sum().reindex(result.parents["parent_id"], fill_value=0)
    assert sums.tolist() == result.parents["filled"].tolist()
    assert (result.parents["filled"] + result.parents["residual"] == result.parents["quantity"]).all()
    assert result.fills.groupby("timestamp")["quantity"].sum().max() <= 25
