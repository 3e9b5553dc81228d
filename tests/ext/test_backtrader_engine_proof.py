"""Plain backtrader, with none of our parts in it, against our engine: equal where both mean the same, and what ours avoids elsewhere."""

import backtrader as bt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_markets import clock_times, minute_bars, once

from exec_algos import BacktestEngine, FillModel
from exec_algos.costs import FixedSpread, SquareRootImpact, TransientImpact
from exec_algos.ext.backtrader import BarsFeed

FLAT = minute_bars([100] * 4)


class Sends(bt.Strategy):
    """Sends `orders`, (size, limit or None), when the first bar has closed; keeps (bar, size, price) of what was filled."""

    params = (("orders", ()),)

    def __init__(self):
        self.executed = []

    def next(self):
        for size, limit in self.p.orders if len(self) == 1 else ():
            terms = {} if limit is None else {"price": limit, "exectype": bt.Order.Limit}
            (self.buy if size > 0 else self.sell)(size=abs(size), **terms)

    def notify_order(self, order):
        self.executed += [(len(self) - 1, bit.size, bit.price) for bit in order.executed.iterpending()]


def theirs(bars, *orders, **broker):
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(BarsFeed(dataname=bars, symbol="X"))
    cerebro.broker = bt.brokers.BackBroker(cash=1e9, **broker)
    cerebro.addstrategy(Sends, orders=orders)
    return cerebro.run()[0].executed


def ours(bars, *orders, **model):
    def one(size, limit):
        async def work(strategy, order):
            terms = () if limit is None else ("LMT", limit)
            await strategy.broker.place_order(order.symbol, order.quantity, *terms, side=order.side)

        return once(quantity=abs(size), side="BUY" if size > 0 else "SELL", work=work)

    fills = BacktestEngine(bars, [one(*order) for order in orders], fill_model=FillModel(**model)).run().fills
    sides = [1 if side in (1, "BUY") else -1 for side in fills["side"]]
    minutes = [int(text[3:]) - 30 for text in clock_times(fills["timestamp"])]
    return list(zip(minutes, [n * side for n, side in zip(fills["quantity"], sides, strict=True)], fills["price"], strict=True))


def capped(percent):
    return bt.broker.fillers.FixedBarPerc(perc=percent)


rows = st.tuples(*[st.integers(90, 110)] * 4, st.integers(0, 90)).map(lambda r: (r[0], max(r[:4]), min(r[:4]), r[3], r[4]))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    table=st.lists(rows, min_size=3, max_size=8),
    size=st.integers(1, 60),
    side=st.sampled_from([1, -1]),
    limit=st.none() | st.integers(90, 110),
    percent=st.sampled_from([10, 25, 100]),
)
def test_market_and_limit_orders_under_a_cap_fill_alike_bar_by_bar(table, size, side, limit, percent):
    bars, order = minute_bars(table), (side * size, limit)
    assert ours(bars, order, max_participation=percent / 100) == theirs(bars, order, filler=capped(percent))


def test_an_order_larger_than_the_cap_fills_over_bars_in_both():
    bars = minute_bars([100, 101, 102, 103, 104])
    expected = [(1, 100, 101), (2, 100, 102), (3, 50, 103)]
    assert ours(bars, (250, None), max_participation=0.1) == theirs(bars, (250, None), filler=capped(10)) == expected


def test_two_orders_share_the_cap_of_a_bar_that_backtrader_gives_to_each():
    orders = (100, None), (100, None)
    assert sum(n for bar, n, _ in theirs(FLAT, *orders, filler=capped(10)) if bar == 1) == 200
    assert sum(n for bar, n, _ in ours(FLAT, *orders, max_participation=0.1) if bar == 1) == 100


def test_a_spread_is_paid_in_a_bar_that_never_moved_where_clipped_slippage_costs_nothing():
    assert theirs(FLAT, (10, None), slip_perc=0.001, slip_open=True) == [(1, 10, 100)]
    assert ours(FLAT, (10, None), spread=FixedSpread(20)) == [(1, 10, pytest.approx(100.1))]


def test_the_close_of_the_bar_that_an_order_was_decided_on_is_never_its_price():
    bars = minute_bars([(100, 100, 100, 100), (120, 130, 120, 130), (140, 140, 140, 140)])
    assert [price for *_, price in theirs(bars, (10, None), coc=True)] == [100]
    assert [price for *_, price in ours(bars, (10, None), price="close")] == [130]


def test_an_impact_that_vanishes_before_the_next_slice_prices_all_alike_where_a_transient_one_makes_later_slices_dearer():
    orders = {"max_participation": 0.1}
    forgets = [price for *_, price in ours(FLAT, (300, None), impact=SquareRootImpact(0.01), **orders)]
    remembers = [price for *_, price in ours(FLAT, (300, None), impact=TransientImpact(0.01, half_life_seconds=600), **orders)]
    assert len(forgets) == len(remembers) == 3
    assert forgets[0] == forgets[1] == forgets[2] > 100
    assert 100 < remembers[0] < remembers[1] < remembers[2]
