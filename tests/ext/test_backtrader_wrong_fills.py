"""What a broker of backtrader says of our children is believed only where it can be true."""

import math

import backtrader as bt
import pytest
from cerebros import Worker, cerebro_of
from small_markets import minute_bars

from exec_algos import TWAP
from exec_algos.errors import WrongFillError

BARS = minute_bars([10.0] * 8, [10.0] * 8)


def lying(**changes):
    """backtrader's own broker, whose executions are told with a factor on some of their fields."""

    class Lying(bt.brokers.BackBroker):
        def notify(self, order):
            for bit in order.executed.exbits:
                for name, factor in changes.items():
                    setattr(bit, name, getattr(bit, name) * factor)
            super().notify(order)

    return Lying(cash=1e9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 2}, "quantity 20, more than it asked for"),
        ({"size": math.nan}, "quantity nan"),
        ({"size": 0}, "quantity 0"),
        ({"price": -1}, r"fill_price -10\.0"),
        ({"price": math.inf}, "fill_price inf"),
        ({"comm": math.nan}, "commission nan"),
    ],
)
def test_an_execution_that_cannot_be_ends_the_run_and_names_the_broker(changes, words):
    cerebro = cerebro_of(BARS)
    cerebro.broker = lying(**changes)
    cerebro.addstrategy(Worker, orders=(("X", 40, TWAP(), 2, {"until": "09:36"}),))
    with pytest.raises(WrongFillError, match=rf"^backtrader's Lying answered the child BUY 10 X with {words}"):
        cerebro.run()


def test_an_honest_one_is_believed():
    cerebro = cerebro_of(BARS)
    cerebro.broker = lying(size=1)
    cerebro.addstrategy(Worker, orders=(("X", 40, TWAP(), 2, {"until": "09:36"}),))
    (strategy,) = cerebro.run()
    assert [parent.filled for parent in strategy.parents] == [40]
