"""backtrader runs on small markets, in each of its modes."""

import backtrader as bt

from exec_algos.ext.backtrader import BarsFeed, ExecutionMixin, plug_in


class Trickle(BarsFeed):
    """A feed like a live one: now and then nothing has come yet, and nothing is preloaded."""

    def start(self):
        super().start()
        self._asked = 0

    def islive(self):
        return True

    def _load(self):
        self._asked += 1
        return None if self._asked % 3 == 1 else super()._load()


MODES = {
    "runonce": {},
    "next": {"runonce": False},
    "not preloaded": {"preload": False},
    "exactbars": {"exactbars": 1},
    "exactbars -1": {"exactbars": -1},
    "quicknotify": {"quicknotify": True},
    "no checksubmit": {},
    "cheat on open": {"cheat_on_open": True, "broker_coo": False},
    "live": {},
}


class Worker(ExecutionMixin, bt.Strategy):
    """Executes ``p.orders``: (symbol, size, algorithm, bars of the strategy that have passed, terms)."""

    params = (("orders", ()), ("act", None))

    def __init__(self):
        self.steps = 0
        self.told = []

    def prenext(self):
        self.next()

    def next(self):
        self.steps += 1
        for symbol, size, algorithm, after, terms in self.p.orders:
            if self.steps == after:
                self.execute(symbol, size, algorithm, **terms)
        if self.p.act is not None:
            self.p.act(self)

    def notify_parent(self, parent):
        self.told.append((self.steps, parent.filled, parent.over))


def cerebro_of(
    bars, *, mode="runonce", fills="backtrader", fill_model=None, calendar=None, cash=1e9, feed=None, quote_proxy=None, **options
):
    """A Cerebro with a feed for each symbol of the bars."""
    cerebro = bt.Cerebro(stdstats=False, **MODES[mode], **options)
    make = feed or (Trickle if mode == "live" else BarsFeed)
    for symbol in bars.symbols:
        cerebro.adddata(make(dataname=bars, symbol=symbol))
    cerebro.broker.setcash(cash)
    if mode == "no checksubmit":
        cerebro.broker.set_checksubmit(False)
    plug_in(cerebro, fills=fills, fill_model=fill_model, calendar=calendar, quote_proxy=quote_proxy)
    return cerebro


def run_orders(bars, orders=(), *, act=None, strategy=Worker, **options):
    """Run one strategy that executes `orders`; returns it."""
    cerebro = cerebro_of(bars, **options)
    cerebro.addstrategy(strategy, orders=tuple(orders), act=act)
    return cerebro.run()[0]


def fills_of(strategy):
    """All fills of the strategy's parents as plain rows, sorted."""
    return sorted(
        (one.ticker, one.parent_id, one.time, one.quantity, one.fill_price, one.commission, int(one.side))
        for parent in strategy.parents
        for one in parent.fills
    )
