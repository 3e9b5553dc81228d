"""With backtrader's own fills a parent order gets what backtrader gives the same child orders sent by hand."""

import backtrader as bt
import pytest
from cerebros import MODES, Worker, cerebro_of
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import market

from exec_algos import TWAP

HALF_HOURS = TWAP(slice_interval_seconds=1800)
SLICES, FIRST = 9, 3


class Record(bt.Strategy):
    """Keeps what backtrader says of every execution."""

    def __init__(self):
        self.executed = []

    def notify_order(self, order):
        self.executed += [(order.data._name, bit.dt, bit.size, bit.price, bit.comm) for bit in order.executed.iterpending()]


class ByParent(Record, Worker):
    """`execute`: the children are ours."""

    def __init__(self):
        Worker.__init__(self)
        Record.__init__(self)


class ByHand(Record):
    """The same schedule by hand: cancel what is open, send what is missing to the line."""

    params = (("orders", ()), ("act", None))

    def __init__(self):
        super().__init__()
        self.steps = 0
        self.filled = {symbol: 0 for symbol, *_ in self.p.orders}
        self.open = dict.fromkeys(self.filled)

    def notify_order(self, order):
        super().notify_order(order)
        self.filled[order.data._name] += sum(abs(bit.size) for bit in order.executed.iterpending())

    def prenext(self):
        self.next()

    def next(self):
        self.steps += 1
        k = self.steps - FIRST
        for symbol, size, *_ in self.p.orders if k >= 0 else ():
            data = self.getdatabyname(symbol)
            if self.open[symbol] is not None and self.open[symbol].alive():
                self.cancel(self.open[symbol])
            missing = int(min(k + 1, SLICES) / SLICES * abs(size) + 0.5) - self.filled[symbol]
            if k < SLICES and missing > 0:
                self.open[symbol] = self.buy(data, size=missing) if size > 0 else self.sell(data, size=missing)


def slipping(broker):
    broker.set_slippage_perc(0.0005)


def costly(broker):
    broker.setcommission(commission=0.0003)


def capped(broker):
    broker.set_filler(bt.broker.fillers.FixedBarPerc(perc=5.0))


def cheating(broker):
    broker.set_coc(True)


def poor(broker):
    broker.setcash(1_500.0)


BROKERS = {
    "plain": [],
    "slippage": [slipping],
    "commission": [costly],
    "filler": [capped],
    "close": [cheating],
    "all": [slipping, costly, capped],
}


def run(strategy, bars, orders, setup, mode="runonce"):
    cerebro = cerebro_of(bars, mode=mode, calendar="XNYS")
    for step in setup:
        step(cerebro.broker)
    cerebro.addstrategy(strategy, orders=orders)
    done = cerebro.run()[0]
    return done.executed, cerebro.broker.getcash(), cerebro.broker.getvalue()


def orders_of(first, second):
    terms = {"until": "15:30"}  # from 11:00, the third bar's end, nine half hours
    return (("A", first, HALF_HOURS, FIRST, terms), ("B", second, HALF_HOURS, FIRST, terms))


@pytest.mark.slow
@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "quicknotify"])
@pytest.mark.parametrize("setup", BROKERS.values(), ids=BROKERS)
def test_by_hand_and_by_parent_backtrader_books_the_same(setup, mode):
    bars, orders = market(5, missing=0.0, silent=0.0, days=("2025-11-24",)), orders_of(100, -70)
    by_hand = run(ByHand, bars, orders, setup, mode)
    assert len(by_hand[0]) >= 12
    assert run(ByParent, bars, orders, setup, mode) == by_hand


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    first=st.integers(1, 3000),
    second=st.integers(1, 3000),
    setup=st.sampled_from(list(BROKERS.values())),
)
@pytest.mark.slow
def test_on_any_market(seed, first, second, setup):
    bars, orders = market(seed, missing=0.0, silent=0.2, days=("2025-11-24",)), orders_of(first, -second)
    assert run(ByParent, bars, orders, setup) == run(ByHand, bars, orders, setup)


def test_without_the_cash_both_are_refused_the_same():
    bars, orders = market(5, missing=0.0, silent=0.0, days=("2025-11-24",)), orders_of(100, -70)[:1]
    by_hand, by_parent = (run(kind, bars, orders, [poor]) for kind in (ByHand, ByParent))
    first = len(by_parent[0])
    assert by_parent[0] == by_hand[0][:first]  # after three refusals the parent is given up, which the hand does not do
    assert first >= 1
