"""Work every order evenly over five minutes instead of sending it at once: the specification's TWAPStrategy, on synthetic data.

python strategies/twap_strategy.py
"""

from __future__ import annotations

from datetime import time

import pandas as pd

from exec_algos import BacktestEngine, FillModel, OrderEvent, SimulatedBroker, Strategy, TWAPExecutor
from exec_algos.backtest import BacktestResult, DataHandler, MarketEvent
from exec_algos.backtest.strategy import StrategyQueue
from exec_algos.market.samples import load_samples

SYMBOL = "SYNLARGE"
TRADES = {time(10, 0): "BUY", time(15, 0): "SELL"}


class TWAPStrategy(Strategy):
    """Buys 10,000 shares at 10:00, sells them at 15:00, both by TWAP over five minutes."""

    def __init__(self, event_queue: StrategyQueue, data_handler: DataHandler) -> None:
        super().__init__(event_queue, data_handler)
        self.executor = TWAPExecutor(SimulatedBroker())

    def on_bar(self, event: MarketEvent) -> None:
        """Decide, once a bar has closed."""
        side = TRADES.get(self.data_handler.timestamp.time())
        if side is not None:
            self.event_queue.put(OrderEvent(symbol=event.symbol, side=side, quantity=10_000))

    async def on_order(self, order: OrderEvent) -> None:
        """Execute the order by TWAP instead of a market order."""
        await self.executor.execute(ticker=order.symbol, total_quantity=order.quantity, duration_minutes=5, side=order.side)


def main() -> BacktestResult:
    """Replay the last five sessions of one name."""
    bars = load_samples()["XNYS"].select([SYMBOL])
    start = pd.Timestamp("2025-12-17", tz=bars.zone).value
    model = FillModel(price="vwap")
    return BacktestEngine(bars, strategies=[TWAPStrategy], initial_cash=20_000_000, fill_model=model, calendar="XNYS", start=start).run()


if __name__ == "__main__":
    result = main()
    columns = ["session", "side", "quantity", "filled", "average_price", "slippage_vwap_bps"]
    print(result.parents[columns].to_string(index=False, float_format="{:,.2f}".format))
    print(f"\nEquity {result.equity['equity'].iloc[-1]:,.2f} after {len(result.fills)} fills; the data are synthetic.")
