"""A loop that is not ours around a `SteppedBroker`: bars come, children meet them as `fills` says, executors decide."""

import math
from datetime import time

from small_markets import DRIVERS, MINUTE, ZONE, at, clock_times, driven, minute_bars

from exec_algos import TWAP, FillModel
from exec_algos.exchange.stream import Bar
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.fills import bar_budget, meet_bar, within_limit
from exec_algos.market.hours import sessions_of
from exec_algos.model import Window
from exec_algos.stepped.broker import SteppedBroker
from exec_algos.stepped.hours import DailyHours

WHOLE = 1 - 1e-12
PLACES = (*DRIVERS, "loop")
BARS = minute_bars(range(100, 130), quote_proxy="close")
FIRST = at("09:30")


def grid(sessions, step, first):
    """Every open and every end of a bar from `first` on, whether or not anything traded."""
    opens = zip(sessions.open.tolist(), sessions.close.tolist(), strict=True)
    return sorted({t for begin, end in opens for t in range(begin, end + 1, step) if t >= first})


class Loop:
    """The hand-written loop; `broker` is what executors see."""

    def __init__(self, bars, hours, first, model=None, broker=SteppedBroker, **options):
        self.model, self.step = model or FillModel(), bars.step
        past = bars.take(bars.start < first)
        self.broker = broker(
            hours, bars.step, history=past if len(past) else None, latency=self.model.latency_ns, quote_proxy=bars.quote_proxy, **options
        )
        self.bars = {}
        for symbol in bars.symbols:
            one = bars.select([symbol])
            columns = (one.start, one.open, one.high, one.low, one.close, one.volume, one.price())
            self.bars[symbol] = {row[0]: Bar(*row) for row in zip(*(column.tolist() for column in columns), strict=True)}
        self.broker.settle(first)

    def closing(self, now):
        """Symbol and bar of all bars that end now."""
        found = ((symbol, bars.get(now - self.step)) for symbol, bars in self.bars.items())
        return [(symbol, bar) for symbol, bar in found if bar is not None]

    def meet(self, symbol, bar, now):
        """Children that rest in a bar share its volume, first come, first served."""
        model, used = self.model, 0.0
        for child in self.broker.children:
            parent = child.parent_state.parent
            if parent.symbol == symbol and child.active <= bar.start < child.deadline:
                side, lot = int(parent.side), parent.lot_size
                room = bar_budget(model.cap(parent.max_participation) / lot, bar.volume) - math.ceil(used / lot * WHOLE)
                price, left = model.bar_price(bar, side), child.lots - child.filled
                done = meet_bar(side, left, child.limit, price, bar.low, bar.high, max(room, 0), model.limit_rule.terms())
                if room > 0 and done.lots > 0:
                    shares, paid = done.lots * lot, done.price
                    if model.impact is not None:  # the square-root law, written out here once more
                        paid *= 1.0 + side * model.impact.coefficient * math.sqrt(shares / bar.volume)
                        paid = paid if math.isnan(child.limit) else within_limit(side, child.limit, paid, bar.low, bar.high)
                    self.broker.fill(child, shares, paid, bar.start if model.price == "open" else now)
                    used += shares

    def advance(self, now, between=None):
        """The bars that end now, the children that meet them, what the strategy does, what executors decide."""
        closing = self.closing(now)
        for symbol, bar in closing:
            self.broker.see(symbol, bar.start, bar.volume, bar.close)
        for symbol, bar in closing:
            self.meet(symbol, bar, now)
        self.broker.settle(now)
        if between is not None:
            between([symbol for symbol, _ in closing])
        return self.broker.decide()


def carried(place, work, bars=BARS, **options):
    """Carry ``work(broker)`` in one of the three places; returns what it returns."""
    if place != "loop":
        return driven(place, bars, work, **options)
    sessions = sessions_of(bars, None)
    closes = DailyHours(ZONE, time(9, 30), time.fromisoformat(clock_times([int(sessions.close[0])])[0]))
    loop = Loop(bars, closes, FIRST, options.get("fill_model"))
    task = loop.broker.clock.start(work(loop.broker))
    loop.broker.decide()
    for now in grid(sessions, bars.step, FIRST)[1:]:
        loop.advance(now)
    assert task.done()
    return task.result()


def begin(broker, quantity=100, minutes=10, algorithm=None, on_over=None, *, start=None, side="BUY", **terms):
    executor = AlgorithmExecutor(broker)
    order = executor.order("X", quantity, side=side, **terms)
    return executor.start(algorithm or TWAP(), order, Window(start=start, length=minutes * MINUTE), on_over)


def books(order):
    """Ordered, filled, working, cancelled, residual; they add up, with what nobody knows."""
    assert order.ordered == order.filled + order.working + order.unknown + order.cancelled + order.residual
    return order.ordered, order.filled, order.working, order.cancelled, order.residual
