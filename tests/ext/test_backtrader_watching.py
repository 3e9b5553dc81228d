"""Algorithms that watch the market get in backtrader what they get in our engine."""

import pytest
from cerebros import Worker, cerebro_of, fills_of
from markets import market

from exec_algos import BacktestEngine, FillModel, OrderEvent, Strategy
from exec_algos.algorithms import POV, LiquidityAware
from exec_algos.executors import AlgorithmExecutor

HALF_HOUR = {"slice_interval_seconds": 1800}
MODEL = FillModel(max_participation=0.4, price="vwap")


def by_engine(bars, algorithm):
    class Once(Strategy):
        bars_seen = 0

        def on_bar(self, event):
            self.bars_seen += 1
            if self.bars_seen == 3:
                self.event_queue.put(OrderEvent(symbol="A", quantity=1000))

        async def on_order(self, order):
            await AlgorithmExecutor(self.broker).execute("A", 1000, algorithm, end="15:30")

    fills = BacktestEngine(bars, [Once], initial_cash=1e9, fill_model=MODEL, calendar="XNYS").run().fills
    return list(zip(fills["timestamp"].astype("int64"), fills["quantity"], fills["price"], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    "algorithm", [POV(rate=0.2, **HALF_HOUR), POV(rate=0.3, inclusive=False, **HALF_HOUR), LiquidityAware(**HALF_HOUR)], ids=str
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fills_equal_those_of_the_engine(algorithm, seed):
    bars = market(seed, ("A",), missing=0.0)
    cerebro = cerebro_of(bars, fills="exec_algos", fill_model=MODEL, calendar="XNYS", quote_proxy="close")
    cerebro.addstrategy(Worker, orders=(("A", 1000, algorithm, 3, {"until": "15:30"}),))
    got = [(time, shares, price) for _, _, time, shares, price, _, _ in fills_of(cerebro.run()[0])]
    assert got == by_engine(bars, algorithm)
    assert len(got) > 4
