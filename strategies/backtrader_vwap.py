"""One method changed in a backtrader strategy: a market order becomes "work this order by VWAP". What that saves, and what it gives up.

python strategies/backtrader_vwap.py [equity.png]
"""

from __future__ import annotations

import sys
from typing import Any

import backtrader as bt
import pandas as pd

from exec_algos import VWAP, FillModel
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.ext.backtrader import BarsFeed, ExecutionMixin, plug_in
from exec_algos.market.samples import load_samples

SYMBOL, SHARES, CASH = "SYNMID", 10_000, 2_000_000.0
MODEL = FillModel(spread=FixedSpread(bps=4), impact=SquareRootImpact(coefficient=0.001))


class Reversal(bt.Strategy):
    """At 10:00 holds 10,000 shares, long after a fall since yesterday and short after a rise."""

    def __init__(self) -> None:
        self.equity: dict[pd.Timestamp, float] = {}
        self.closes: list[float] = []
        self.orders: list[dict[str, float]] = []

    def next(self) -> None:
        """Decide once a day; VWAP needs five sessions of volume, so both wait for them."""
        now, close = self.data.datetime.datetime(0), self.data.close[0]
        self.equity[pd.Timestamp(now)] = self.broker.getvalue()
        if (now.hour, now.minute) == (10, 0):
            self.closes.append(close)
            size = (SHARES if close < self.closes[-2:][0] else -SHARES) - self.position.size
            if size and len(self.closes) > 5:
                self.orders.append({"arrival": close, "size": size, "cost": 0.0})
                self.trade(size)

    def trade(self, size: int) -> None:
        """Send a market order."""
        self.buy(size=size) if size > 0 else self.sell(size=-size)

    def notify_order(self, order: Any) -> None:
        """Add up what executions cost against the price at the decision."""
        for bit in order.executed.iterpending():
            self.orders[-1]["cost"] += bit.size * (bit.price - self.orders[-1]["arrival"])


class ReversalByVWAP(ExecutionMixin, Reversal):
    """The same strategy with its orders worked by VWAP until the close."""

    def trade(self, size: int) -> None:
        """Work the order."""
        self.execute(self.data, size, VWAP(profile_days=5))


def main(strategy: type = ReversalByVWAP) -> Any:
    """Sixty sessions of one synthetic name, with spread and impact."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(BarsFeed(dataname=load_samples()["XNYS"], symbol=SYMBOL))
    cerebro.broker.setcash(CASH)
    plug_in(cerebro, fills="exec_algos", fill_model=MODEL, calendar="XNYS")
    cerebro.addstrategy(strategy)
    return cerebro.run()[0]


if __name__ == "__main__":
    runs = {"market orders": main(Reversal), "VWAP": main()}
    orders = pd.concat({name: pd.DataFrame(run.orders) for name, run in runs.items()}, names=["run"])
    bps = (orders["cost"] / (orders["arrival"] * orders["size"].abs()) * 1e4).groupby("run", sort=False)
    gains = {name: run.broker.getvalue() - CASH for name, run in runs.items()}
    print(bps.agg(["count", "mean", "std"]).assign(gain=gains).to_string(float_format="{:,.1f}".format))
    if sys.argv[1:]:
        from exec_algos.plots import equity

        equity({name: pd.Series(run.equity) for name, run in runs.items()}).figure.savefig(sys.argv[1])
    print("\nCost against the price at the decision in bps: VWAP's mean is lower, its sd is what it gives up; the data are synthetic.")
