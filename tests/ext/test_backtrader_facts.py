"""What backtrader itself does where docs/backtrader.md says that our fills differ: each fact is a test of backtrader."""

import backtrader as bt
import pandas as pd
import pytest

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


def feed(rows, *, every="1min", name="X"):
    """Minutes from 09:31 on; a row is (open, high, low, close, volume)."""
    index = pd.date_range("2025-11-24 09:31", periods=len(rows), freq=every)
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close", "volume"], index=index).astype(float)
    return bt.feeds.PandasData(dataname=frame, timeframe=bt.TimeFrame.Minutes, name=name)


class Orders(bt.Strategy):
    """Sends ``p.send(strategy)`` at the first bar and keeps what is executed: (bar of the feed, shares, price)."""

    params = (("send", None), ("later", None))

    def __init__(self):
        self.executed, self.said = [], []

        self.sent = False

    def nextstart(self):
        self.next()  # called at each tick until the slowest feed has a second bar

    def next(self):
        if not self.sent:
            self.sent = True
            self.p.send(self)
        if self.p.later is not None:
            self.p.later(self)

    def notify_order(self, order):
        self.said.append(order.getstatusname())
        self.executed += [(len(order.data), bit.size, bit.price) for bit in order.executed.iterpending()]


def run(feeds, send, *, later=None, **broker):
    cerebro = bt.Cerebro(stdstats=False)
    for one in feeds:
        cerebro.adddata(one)
    cerebro.broker = bt.brokers.BackBroker(**{"cash": 1e9, **broker})
    cerebro.addstrategy(Orders, send=send, later=later)
    return cerebro.run()[0]


def buy(shares):
    return lambda strategy: strategy.buy(size=shares)


FLAT = [(100, 101, 99, 100, 3000)] * 4


def test_the_cap_is_each_orders_own():
    """Two orders of 300 shares under a cap of 10 % get 20 % of a bar of 3,000 shares."""

    def send(strategy):
        strategy.buy(size=300)
        strategy.buy(size=300)

    strategy = run([feed(FLAT)], send, filler=bt.broker.fillers.FixedBarPerc(perc=10))
    assert [size for bar, size, _ in strategy.executed if bar == 2] == [300, 300]


def test_slip_perc_alone_does_not_slip_market_orders():
    """`BackBroker(slip_perc=0.001)` should cost 10 bps; it costs nothing unless `slip_open` is set too."""
    prices = [run([feed(FLAT)], buy(10), slip_perc=0.001, slip_open=slip).executed[0][2] for slip in (False, True)]
    assert prices == [100.0, pytest.approx(100.1)]


def test_set_slippage_perc_does_slip_market_orders():
    """One would expect the call and the argument of the constructor to mean the same; the call sets `slip_open` by default."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(feed([FLAT[0], (100, 101, 99, 100, 3000)]))
    cerebro.broker.set_slippage_perc(0.001)
    cerebro.addstrategy(Orders, send=buy(10))
    assert cerebro.run()[0].executed == [(2, 10, pytest.approx(100.1))]


@pytest.mark.parametrize(("high", "paid"), [(100.05, 100.05), (100.0, 100.0)], ids=["5 bps to the high", "open is the high"])
def test_slippage_is_clipped_to_the_bar(high, paid):
    """10 bps that are set charge 5 where the bar is tight, and none where it opens at its high."""
    rows = [FLAT[0], (100, high, 99.9, 100, 3000), FLAT[0]]
    assert run([feed(rows)], buy(10), slip_perc=0.001, slip_open=True).executed == [(2, 10, pytest.approx(paid))]


def test_without_matching_the_order_waits_for_a_wider_bar():
    """With `slip_match=False` the price is not clipped, but then the order does not fill at all in a tight bar."""
    rows = [FLAT[0], (100, 100.05, 99.9, 100, 3000), FLAT[0], FLAT[0]]
    strategy = run([feed(rows)], buy(10), slip_perc=0.001, slip_open=True, slip_match=False, slip_limit=False)
    assert strategy.executed == [(3, 10, pytest.approx(100.1))]


def test_cheat_on_close_fills_in_the_bar_of_the_signal():
    """`coc` fills at the close that the strategy has just seen, before the next bar."""
    rows = [(100, 101, 99, 100.5, 3000), (107, 108, 106, 107, 3000)]
    strategy = run([feed(rows)], buy(10), coc=True)
    assert strategy.executed[0][1:] == (10, 100.5)


def test_a_bar_is_used_again_whenever_another_feed_ticks():
    """An order that a filler cut short is filled again out of the same bar of its feed, at each tick of a faster one."""
    slow = feed([FLAT[0]] * 3, every="5min", name="slow")
    quick = feed([FLAT[0]] * 15, name="quick")

    def send(strategy):
        strategy.order = strategy.buy(strategy.getdatabyname("slow"), size=5000)

    strategy = run([slow, quick], send, filler=bt.broker.fillers.FixedBarPerc(perc=10))
    taken = sum(size for bar, size, _ in strategy.executed if bar == 2)
    assert taken == 5 * 300  # 50 % of one bar of 3,000 shares, under a cap of 10 %


def test_a_market_order_never_expires():
    """`valid` holds for limit and stop orders only."""
    rows = [FLAT[0], *[(100, 101, 99, 100, 0)] * 3, FLAT[0]]
    filler = bt.broker.fillers.FixedBarPerc(perc=10)
    strategy = run([feed(rows)], lambda s: s.buy(size=10, valid=pd.Timedelta(minutes=1).to_pytimedelta()), filler=filler)
    assert (strategy.executed, "Expired" in strategy.said) == ([(5, 10, 100.0)], False)


def test_without_a_filler_a_bar_without_volume_fills_any_order():
    """Nobody traded in that minute, and 10,000 shares are bought in it."""
    assert run([feed([FLAT[0], (100, 101, 99, 100, 0)])], buy(10_000)).executed == [(2, 10_000, 100.0)]


def test_a_price_that_is_not_a_number_fills_and_spoils_the_account():
    """A gap in the data should not trade; it does, and cash is NaN from then on."""
    strategy = run([feed([FLAT[0], (float("nan"),) * 4 + (3000,), FLAT[0]])], buy(10))
    assert strategy.executed[0][:2] == (2, 10)
    assert strategy.broker.getcash() != strategy.broker.getcash()


def test_an_order_that_was_just_sent_cannot_be_cancelled():
    """It waits to be checked, where `cancel` does not find it: it says False, and the order fills."""

    def send(strategy):
        order = strategy.buy(size=10)
        strategy.answer = strategy.broker.cancel(order)

    strategy = run([feed(FLAT)], send)
    assert (strategy.answer, strategy.executed) == (False, [(2, 10, 100.0)])


def test_cash_is_checked_at_the_signals_close_and_again_at_the_fill():
    """An order that the close could pay for is accepted, and refused when the bar opens higher."""
    strategy = run([feed([FLAT[0], (120, 121, 119, 120, 3000), FLAT[0]])], buy(10), cash=1_100)
    assert (strategy.said, strategy.executed) == (["Submitted", "Accepted", "Margin"], [])


def test_cash_is_checked_at_the_signals_close_where_the_fill_would_be_cheaper():
    """Ten shares at the next open cost 800, and there is cash for 900; refused, for the signal's close was 100."""
    strategy = run([feed([FLAT[0], (80, 81, 79, 80, 3000), FLAT[0]])], buy(10), cash=900)
    assert (strategy.said, strategy.executed) == (["Submitted", "Margin"], [])
