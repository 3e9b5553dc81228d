"""Work orders in a loop of your own, here one like zipline's: bars come in, child orders go out, fills come back.

python strategies/own_loop.py
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from exec_algos import TWAP, VWAP, Bars
from exec_algos.executors.working import WorkingOrder
from exec_algos.market.samples import load_samples
from exec_algos.stepped.broker import SteppedBroker
from exec_algos.stepped.venue import SteppedChild
from exec_algos.tca.benchmarks import slippage_bps

BUY, SELL = "SYNLARGE", "SYNMID"
MINUTE = 60_000_000_000


class Context:
    """What the script keeps: our broker, the parent orders, and what rests at the script's own venue."""

    def __init__(self, history: Bars) -> None:
        self.broker = SteppedBroker("XNYS", MINUTE, history=history)
        self.orders: list[WorkingOrder] = []
        self.resting: list[SteppedChild] = []


def trade(context: Context, start: int, data: dict[str, Any]) -> None:
    """The script's own venue: a bar's open, for at most a tenth of its volume."""
    room = {symbol: bar.volume // 10 for symbol, bar in data.items()}
    for child in context.resting:
        shares = min(child.quantity, room.get(child.symbol, 0))
        if shares:
            context.broker.fill(child, shares, data[child.symbol].open, start)
            room[child.symbol] -= shares


def handle_data(context: Context, now: pd.Timestamp, data: dict[str, Any]) -> None:
    """One minute of the loop, when its bars are complete."""
    broker, start = context.broker, now.value - MINUTE
    for symbol, bar in data.items():
        broker.see(symbol, start, bar.volume, bar.close)
    trade(context, start, data)
    broker.settle(now.value)
    if f"{now:%H:%M}" == "10:00":
        context.orders.append(broker.execute(BUY, 60_000, VWAP(profile_days=5), until="15:30"))
        context.orders.append(broker.execute(SELL, 9_000, TWAP(), side="SELL", until="15:30"))
    cancel, send = broker.decide()
    context.resting = [child for child in context.resting if not child.over and child not in cancel] + send


def row(order: WorkingOrder, bars: Bars) -> dict[str, Any]:
    """One parent order beside the VWAP of its window."""
    parent, done = order.parent, order.summary()
    window = bars.select([parent.symbol]).between(parent.start, parent.end)
    vwap = float((window.price() * window.volume).sum() / window.volume.sum())
    price = done["avg_fill_price"]
    bps = float(slippage_bps(parent.side, price, vwap))
    given = {"algorithm": parent.algorithm, "symbol": parent.symbol, "side": parent.side.name, "ordered": order.ordered}
    return {**given, "filled": order.filled, "average_price": price, "interval_vwap": vwap, "slippage_vwap_bps": bps}


def main() -> pd.DataFrame:
    """Run the loop over one session."""
    begin = pd.Timestamp("2025-12-22 09:30", tz="America/New_York")
    bars = load_samples()["XNYS"].select([BUY, SELL])
    context = Context(bars.take(bars.start < begin.value))
    frame = bars.between(begin.value, begin.value + 390 * MINUTE).to_frame().reset_index("symbol")
    for stamp, rows in frame.groupby(level="timestamp"):
        handle_data(context, pd.Timestamp(stamp) + pd.Timedelta("1min"), {str(bar.symbol): bar for bar in rows.itertuples()})
    return pd.DataFrame([row(order, bars) for order in context.orders])


if __name__ == "__main__":
    print(main().to_string(index=False, float_format="{:,.2f}".format))
    print("\nA buy by VWAP and a sell by TWAP in a loop that is not ours; the data are synthetic.")
