"""What a broker says of a child is believed only where it can be true: a TWAP of 40 shares over four minutes, ten a child."""

import asyncio
import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_markets import DRIVERS, MINUTE, ZONE, at, driven, minute_bars, run

from exec_algos import TWAP, BrokerAPI, Fill, OrderExecutor, SimulatedBroker, TWAPExecutor
from exec_algos.brokers.forwarding import ForwardingBroker
from exec_algos.brokers.reported import SKEW, Reported, said_by
from exec_algos.clock.queue import EventQueue
from exec_algos.clock.virtual import Pump, VirtualClock
from exec_algos.errors import RunError, UsageError, VenueError, WrongFillError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.executors.shared_limit import LimitedBroker, SharedLimit
from exec_algos.model import SECOND, Observed, ParentOrder, Rules, Session, Side
from exec_algos.model.window import Window

BARS = minute_bars(range(100, 120))
SENT = at("09:31")  # the second child


def changed(**fields):
    return lambda fill: fill._replace(**fields)


def halves(fill, **fields):
    """The same in two trades, of which the second is changed."""
    half = fill._replace(quantity=5, commission=fill.commission / 2)
    return fill._replace(parts=(half, half._replace(**fields)))


WRONG = {
    "None, which is no Fill": lambda fill: None,
    "7, which is no Fill": lambda fill: 7,
    "ticker 'Y'": changed(ticker="Y"),
    "side SELL; a Fill buys unless it is given side=": changed(side=Side.SELL),
    "side 'BUY'": changed(side="BUY"),
    "quantity -1": changed(quantity=-1),
    "quantity nan": changed(quantity=math.nan),
    "quantity inf": changed(quantity=math.inf),
    "quantity '10'": changed(quantity="10"),
    "quantity True": changed(quantity=True),
    "quantity Decimal('10')": changed(quantity=Decimal(10)),
    "quantity 11, more than it asked for": changed(quantity=11),
    "quantity 10.001, more than it asked for": changed(quantity=10.001),
    "fill_price 0.0": changed(fill_price=0.0),
    "fill_price -100.0": changed(fill_price=-100.0),
    "fill_price nan": changed(fill_price=math.nan),
    "fill_price inf": changed(fill_price=math.inf),
    "fill_price None": changed(fill_price=None),
    "fill_price 115.1, beyond its limit 115.0": changed(fill_price=115.1),
    "commission nan": changed(commission=math.nan),
    "commission -inf": changed(commission=-math.inf),
    "commission '0.1'": changed(commission="0.1"),
    "commission 1.5 for no shares": changed(quantity=0, fill_price=math.nan, commission=1.5),
    "taxes inf": changed(taxes=math.inf),
    "spread 'wide'": changed(spread="wide"),
    "before it was sent": changed(time=SENT - 1),
    "2024-01-02 09:31:00+00:00, before it was sent": changed(time=SENT - 5 * 60 * MINUTE),  # New York's clock taken for UTC
    "which is yet to come": changed(time=SENT + 9 * 60 * MINUTE),  # Seoul's
    "time 1.5": changed(time=1.5),
    "time 1677-09-21": changed(time=-(2**63)),
    "zone 'Mars/Olympus', which is no IANA zone": changed(zone="Mars/Olympus"),
    "zone None": changed(zone=None),
    "a part of side SELL": lambda fill: halves(fill, side=Side.SELL),
    "a part of fill_price nan": lambda fill: halves(fill, fill_price=math.nan),
    "a part of 3, which is no Fill": lambda fill: fill._replace(parts=(fill, 3)),
    "quantity 10, whose parts sum to 9.0": lambda fill: halves(fill, quantity=4),
    "commission 2.0, whose parts sum to 0.0": lambda fill: halves(fill)._replace(commission=2.0),
    "value 1010.0, whose parts sum to ": lambda fill: halves(fill, fill_price=fill.fill_price - 1),
}
RIGHT = {
    "as it is": lambda fill: fill,
    "nothing": changed(quantity=0, fill_price=math.nan),
    "a part of a share": changed(quantity=9.5),
    "of numpy": changed(quantity=np.int64(10), fill_price=np.float64(101.0), commission=np.float32(0.5), time=np.int64(SENT)),
    "whole prices": changed(fill_price=101),
    "a rebate": changed(commission=-0.25),
    "at its limit": changed(fill_price=115.0),
    "its limit in single precision": changed(fill_price=float(np.float32(115.00001))),
    "two trades": halves,
    "another zone": changed(zone="Asia/Seoul"),
    "an offset": changed(zone="UTC+09:00"),
    "costs that are not known": changed(rule_price=math.nan, spread=math.nan, impact=math.nan, taxes=math.nan),
}


def lying(answer, base=SimulatedBroker):
    """A broker that answers its second child with ``answer(fill)``."""

    class Lying(base):
        count = 0

        async def place_order(self, *args, **options):
            self.count += 1
            fill = await super().place_order(*args, **options)
            return answer(fill) if self.count == 2 else fill

    return Lying


@dataclass
class Only(BrokerAPI):
    """An asyncio broker with `place_order` and `observe` and no more, in virtual minutes."""

    bars: object = None
    fill_model: object = None

    def __post_init__(self):
        queue = EventQueue(at("09:30"))
        self.time = VirtualClock(queue, Pump(queue))
        self.price = 99.0

    @property
    def clock(self):
        return self.time

    def session(self, instant):
        return Session(at("09:30"), at("16:00"), ZONE)

    async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None, *, side="BUY", expires=None, parent=None):
        now, self.price = self.clock.now, self.price + 1
        await self.clock.sleep_until(now + 30 * SECOND)
        return Fill(now, ticker, quantity, self.price, side=side, zone=ZONE)

    async def observe(self, ticker):
        return Observed(0.0, self.price, self.price, self.price, 100.0, 100.0)

    async def cancel_order(self, order_id):
        raise NotImplementedError

    async def get_historical_volume_profile(self, ticker, days=5):
        raise NotImplementedError

    async def get_market_depth(self, ticker):
        raise NotImplementedError


PLACES = [(driver, SimulatedBroker) for driver in DRIVERS] + [("asyncio", Only)]


def order_of(broker, quantity=40, minutes=4):
    """Terms and window of the order: a limit of 115 that the market does not reach."""
    terms = OrderExecutor.order("X", quantity, side="BUY", rules=Rules(limit_price=115.0))
    return AlgorithmExecutor(broker), terms, Window(start=None, end=None, length=minutes * MINUTE)


def worked(place, answer):
    """What `AlgorithmExecutor.work` raised, its summary, and how many children the broker got."""
    driver, base = place

    async def work(broker):
        executor, terms, window = order_of(broker)
        try:
            error = await executor.work(TWAP(), terms, window) and None
        except VenueError as raised:
            error = raised
        return error, executor.get_execution_summary(), broker.count

    return driven(driver, BARS, work, make=lying(answer, base))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[1].__name__}-{place[0]}")
@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_stops_the_order_and_names_the_method_and_the_value(what, place):
    error, summary, children = worked(place, WRONG[what])
    assert isinstance(error, WrongFillError)
    start, end = "Lying.place_order answered the child BUY 10 X at 115.0 with ", "; the order stops and the child counts as open"
    assert str(error).startswith(start)
    assert what in str(error)[len(start) :]
    assert end in str(error)
    assert children == 2  # none is sent for what the second may have got
    assert [(one["quantity"], one["fill_price"]) for one in summary["fills"]] == [(10, 100.0)]
    assert summary["errors"] == [f"slice 2: WrongFillError: {error}"]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[1].__name__}-{place[0]}")
@pytest.mark.parametrize("what", RIGHT)
def test_what_can_be_is_believed(what, place):
    error, summary, children = worked(place, RIGHT[what])
    assert (error, summary["errors"], children) == (None, [], 4)
    assert summary["residual"] == (0.5 if what == "a part of a share" else 0)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[1].__name__}-{place[0]}")
def test_the_child_counts_as_open_and_what_is_not_sent_is_left(place):
    driver, base = place

    async def work(broker):
        executor, terms, window = order_of(broker)
        order = executor.start(TWAP(), terms, window)
        await broker.clock.sleep_until(at("09:40"))
        return order

    order = driven(driver, BARS, work, make=lying(changed(side=Side.SELL), base))
    assert order.over
    assert isinstance(order.error, WrongFillError)
    assert (order.ordered, order.filled, order.working, order.unknown, order.cancelled, order.residual) == (40, 10, 0, 10, 0, 20)
    with pytest.raises(UsageError, match="is over or cancelled"):
        order.amend(quantity=30)


def test_a_child_that_is_asked_back_and_lies_is_found_out_too():
    async def work(broker):
        executor, terms, window = order_of(broker)
        order = executor.start(TWAP(), terms, window)
        await broker.clock.sleep_until(at("09:31") + SECOND)
        order.cancel()
        await broker.clock.sleep_until(at("09:40"))
        return order

    order = driven("asyncio", BARS, work, make=lying(changed(ticker="Y")))
    assert isinstance(order.error, WrongFillError)
    assert (order.filled, order.working, order.unknown, order.cancelled, order.residual) == (10, 0, 10, 20, 0)


def test_an_amended_order_stops_at_the_lie_as_well():
    async def work(broker):
        executor, terms, window = order_of(broker)
        order = executor.start(TWAP(), terms, window)
        await broker.clock.sleep_until(at("09:32"))  # the second child is over, and nobody has looked yet
        order.amend(quantity=60)
        await broker.clock.sleep_until(at("09:40"))
        return order, broker.count

    order, children = driven("asyncio", BARS, work, make=lying(changed(ticker="Y")))
    assert isinstance(order.error, WrongFillError)
    assert (order.filled, order.working, order.unknown, order.residual, children) == (10, 0, 10, 40, 2)


def test_in_a_backtest_it_ends_the_run_and_names_strategy_symbol_and_time():
    from small_markets import once

    from exec_algos import BacktestEngine

    async def on_order(strategy, order):
        await TWAPExecutor(lying(changed(fill_price=math.inf))()).execute("X", 40, duration_minutes=4)

    with pytest.raises(RunError, match=r"Once\.on_order failed on X at 2024-01-02 09:32.*Lying\.place_order .* fill_price inf"):
        BacktestEngine(BARS, [once("X", after=0, work=on_order)]).run()


# --- real time


PARENT = ParentOrder(symbol="X", side=Side.SELL, quantity=100, start=0, end=MINUTE, interval=MINUTE, lot_size=0.1, parent_id=3)


class Wall(BrokerAPI):
    async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None, *, side="BUY", expires=None, parent=None):
        raise NotImplementedError

    cancel_order = get_historical_volume_profile = get_market_depth = place_order


def doubt(fill, broker=None, limit=math.nan, sent=0, lots=100):
    return str(Reported(broker or Wall()).wrong(fill, PARENT, lots, limit, sent) or "")


def sale(time, quantity=10.0, price=50.0, **fields):
    return Fill(time, "X", quantity, price, side="SELL", **fields)


def test_a_venues_own_clock_may_be_a_minute_off_and_no_more():
    now = Wall().clock.now
    assert doubt(sale(now - SKEW), sent=now) == ""
    assert "before it was sent" in doubt(sale(now - SKEW - 1), sent=now)
    assert doubt(sale(now + SKEW), sent=now) == ""  # the clock has moved on since
    assert "which is yet to come" in doubt(sale(now + SKEW + 10 * SECOND), sent=now)


def test_a_sell_below_its_limit_is_beyond_it():
    now = Wall().clock.now
    assert doubt(sale(now, price=50.0), limit=50.0) == ""
    assert "Wall.place_order answered the child SELL 10 X at 50.0 with fill_price 49.99, beyond its limit 50.0" in doubt(
        sale(now, price=49.99), limit=50.0
    )


def test_fractions_that_sum_to_a_hair_more_than_the_lots_are_the_lots():
    assert doubt(sale(Wall().clock.now, sum([0.1] * 100) + 1e-12)) == ""
    assert "more than it asked for" in doubt(sale(Wall().clock.now, 10.0001))


class Sends(Wall):
    def send_order(self, parent, lots, limit, expires, *, capped=True):
        raise NotImplementedError


class Inherits(Sends):
    pass


class Overrides(Sends):
    async def place_order(self, *args, **options):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (Wall, "Wall.place_order"),
        (Sends, "Sends.send_order"),
        (Inherits, "Inherits.send_order"),
        (Overrides, "Overrides.place_order"),
        (lambda: SimulatedBroker(BARS), "SimulatedBroker.send_order"),
        (lambda: lying(None)(BARS), "Lying.place_order"),
        (lambda: LimitedBroker(Wall(), SharedLimit()), "Wall.place_order"),
    ],
)
def test_the_method_named_is_the_one_that_answers(make, name):
    broker = make()
    assert said_by(broker) == name
    assert isinstance(broker, ForwardingBroker) == (name == "Wall.place_order" and not isinstance(broker, Wall))


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=3),
    st.floats(),
    st.integers(-(2**70), 2**70),
    st.decimals(allow_nan=True),
    st.complex_numbers(),
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from([name for name in Fill._fields if name != "parts"]), ODD, min_size=1, max_size=3))
def test_whatever_a_broker_says_is_believed_or_refused_and_never_a_foreign_error(fields):
    now = Wall().clock.now
    fill = tuple.__new__(Fill, tuple({**sale(now)._asdict(), **fields}.values()))
    said = doubt(fill, sent=now)
    quantity, price = fill.quantity, fill.fill_price
    if not said:
        assert (fill.ticker, fill.side) == ("X", Side.SELL)
        assert 0 <= float(quantity) <= 10 * (1 + 1e-8)
        assert quantity == 0 or price > 0 or (price == 0 and fill.impact < 0)
        assert quantity == 0 or (float(price) < math.inf and abs(int(fill.time) - now) <= SKEW + 60 * SECOND)
        assert math.isfinite(fill.commission)


# --- a Fill itself


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"quantity": math.inf}, "finite quantity >= 0, got inf"),
        ({"quantity": -1}, "finite quantity >= 0, got -1"),
        ({"quantity": True}, "finite quantity >= 0, got True"),
        ({"quantity": "10"}, "finite quantity >= 0, got '10'"),
        ({"fill_price": 0.0}, "positive price, got 0.0"),
        ({"fill_price": math.inf}, "positive price, got inf"),
        ({"fill_price": "50"}, "positive price, got '50'"),
        ({"commission": math.nan}, "finite commission, got nan"),
        ({"commission": math.inf}, "finite commission, got inf"),
        ({"commission": None}, "finite commission, got None"),
        ({"timestamp": True}, "time of a fill of X must be"),
        ({"timestamp": math.nan}, "time of a fill of X must be"),
        ({"timestamp": "not a time"}, "cannot be read in zone .UTC."),
        ({"timestamp": ""}, "time of a fill of X must be"),
        ({"zone": "Mars/Olympus", "timestamp": "2024-01-02 09:30"}, "cannot be read in zone .Mars/Olympus."),
    ],
)
def test_a_fill_that_cannot_be_is_not_built(fields, words):
    whole = {"timestamp": 0, "ticker": "X", "quantity": 10, "fill_price": 50.0} | fields
    with pytest.raises(UsageError, match=words):
        Fill(**whole)


def test_orders_side_by_side_go_on_when_one_of_them_is_lied_to():
    async def main():
        liar, honest = lying(changed(side=Side.SELL))(BARS), SimulatedBroker(BARS)
        first, second = TWAPExecutor(liar), TWAPExecutor(honest)
        ends = await asyncio.gather(
            first.execute("X", 40, duration_minutes=4), second.execute("X", 40, duration_minutes=4), return_exceptions=True
        )
        return [type(end) for end in ends], second.get_execution_summary()["residual"]

    assert run(main()) == ([WrongFillError, list], 0)


@pytest.mark.parametrize(("impact", "said"), [(-50.0, ""), (math.nan, "fill_price 0.0"), (0.0, "fill_price 0.0")])
def test_a_price_of_0_is_believed_where_an_impact_explains_it(impact, said):
    now = Wall().clock.now
    parts = {"rule_price": 50.0, "spread": 0.0, "impact": impact} if impact < 0 else {"impact": impact}
    fill = tuple.__new__(Fill, tuple({**sale(now)._asdict(), "fill_price": 0.0, "parts": (), **parts}.values()))
    assert said in doubt(fill, sent=now)
    assert bool(doubt(fill, sent=now)) == bool(said)
