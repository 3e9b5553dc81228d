"""From a signal to VWAP orders: on_bar -> SignalEvent -> on_signal -> OrderEvent -> on_order -> VWAPExecutor.

python strategies/signal_vwap.py
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from itertools import islice

import pandas as pd

from exec_algos import BacktestEngine, Commission, FillModel, OrderEvent, Side, Strategy, VWAPExecutor
from exec_algos.backtest import BacktestResult, DataHandler, FillEvent, MarketEvent, SignalEvent
from exec_algos.backtest.strategy import StrategyQueue
from exec_algos.market.samples import load_samples

FAST, SLOW = 60, 300  # minutes
SHARES = 20_000


class SignalVWAP(Strategy):
    """Long 20,000 shares while the fast mean of closes is above the slow one, short while it is below."""

    def __init__(self, event_queue: StrategyQueue, data_handler: DataHandler) -> None:
        super().__init__(event_queue, data_handler)
        self.executor = VWAPExecutor(self.broker)
        self.closes: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=SLOW))
        self.held: Counter[str] = Counter()
        self.working: set[str] = set()

    def on_bar(self, event: MarketEvent) -> None:
        """Signal a crossing, unless an order in this symbol is being worked."""
        closes = self.closes[event.symbol]
        closes.append(event.bar.close)
        if len(closes) < SLOW or event.symbol in self.working:
            return
        slow, fast = sum(closes) / SLOW, sum(islice(closes, SLOW - FAST, None)) / FAST
        side = Side.BUY if fast > slow else Side.SELL
        if side * self.held[event.symbol] <= 0:
            self.event_queue.put(SignalEvent(symbol=event.symbol, side=side, strength=fast / slow - 1))

    def on_signal(self, signal: SignalEvent) -> None:
        """Turn the signal into the order that leads to the wanted position."""
        missing = Side.of(signal.side) * SHARES - self.held[signal.symbol]
        self.working.add(signal.symbol)
        self.event_queue.put(OrderEvent(symbol=signal.symbol, side=signal.side, quantity=abs(missing)))

    async def on_order(self, order: OrderEvent) -> None:
        """Work the order along the usual volume from now to the close, as at most a tenth of it."""
        await self.executor.execute(order.symbol, order.quantity, side=order.side, max_participation=0.1)
        self.working.remove(order.symbol)

    def on_fill(self, event: FillEvent) -> None:
        """Keep count of the position."""
        self.held[event.fill.ticker] += int(event.fill.side * event.fill.quantity)


def main() -> BacktestResult:
    """Replay the last two weeks of two names; what comes before is the history of the volume profiles."""
    bars = load_samples()["XNYS"].select(["SYNLARGE", "SYNWILD"])
    start = pd.Timestamp("2025-12-10", tz=bars.zone).value
    model = FillModel(price="vwap", commission=Commission(per_share=0.0035, minimum=0.35))
    return BacktestEngine(bars, strategies=[SignalVWAP], initial_cash=10_000_000, fill_model=model, calendar="XNYS", start=start).run()


if __name__ == "__main__":
    result = main()
    columns = ["session", "symbol", "side", "quantity", "filled", "average_price", "slippage_vwap_bps", "participation"]
    print(result.parents[columns].to_string(index=False, float_format="{:,.3f}".format))
    print(f"\nEquity {result.equity['equity'].iloc[-1]:,.2f} after {len(result.fills)} fills; the data are synthetic.")
