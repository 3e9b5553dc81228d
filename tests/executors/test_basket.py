"""Baskets: several parent orders under one limit; markets made by hand, answers computed on paper.

A stands still at 100, B at 50. A TWAP over the ten minutes from 09:31 sends a tenth a minute: of 100 shares ten.
"""

import asyncio
import math

import pytest
from loops import PLACES, carried
from small_markets import DRIVERS, at, clock_times, driven, minute_bars, run

from exec_algos import TWAP, VWAP, Bars, BrokerAPI, Commission, Fill, FillModel, ParentOrder, SimulatedBroker
from exec_algos.clock import Clock
from exec_algos.errors import NotEnoughHistoryError, OrderRejectedError, UsageError, WrongFillError
from exec_algos.executors.basket import BasketExecutor, SharedLimit, Used
from exec_algos.executors.shared_limit import LimitedBroker
from exec_algos.market.depth import with_quote_proxy
from exec_algos.model import SECOND, Observed, Rules, Session, Side

BUYS = [("A", "BUY", 100), ("B", "BUY", 200)]  # 1000 and 1000 a minute
ONE = [("A", "BUY", 100)]


def market(volume=1000, **prices):
    """Half an hour of bars for each symbol: a price at which it stands still, or one row a minute."""
    rows = {symbol: [price] * 30 if isinstance(price, int | float) else price for symbol, price in prices.items()}
    return Bars.concat([minute_bars(one, symbol=symbol, volume=volume) for symbol, one in rows.items()])


STILL = market(A=100, B=50)


def terms_of(basket, parents):
    return [basket.order(symbol, quantity, side=side, **dict(*more)) for symbol, side, quantity, *more in parents]


def worked(place, parents, limit=None, *, bars=STILL, algorithm=None, model=None, make=None, start="09:31", end="09:41", **options):
    """Basket and fills of parents given as (symbol, side, shares) or (symbol, side, shares, terms)."""

    async def work(broker):
        basket = BasketExecutor(broker, **({} if limit is None else {"limit": limit}), **options)
        return basket, await basket.execute(terms_of(basket, parents), algorithm or TWAP(), start=start, end=end)

    return carried(place, work, bars, fill_model=model, **({} if make is None else {"make": make}))


def filled(basket):
    return [one["total_quantity"] for one in basket.get_execution_summaries()]


def shares(fills, symbol):
    return [one.quantity for one in fills if one.ticker == symbol]


def held(basket):
    return [(*clock_times([one.time]), one.parent, one.ticker, one.wanted, one.sent, one.by) for one in basket.held_back]


@pytest.mark.parametrize("place", PLACES)
def test_parents_are_worked_together_and_their_children_come_in_time_order(place):
    basket, fills = worked(place, [("A", "BUY", 20), ("B", "SELL", 40)], end="09:33")
    assert [(one.ticker, one.side.name, one.quantity, *clock_times([one.time])) for one in fills] == [
        ("A", "BUY", 10, "09:31"),
        ("B", "SELL", 20, "09:31"),
        ("A", "BUY", 10, "09:32"),
        ("B", "SELL", 20, "09:32"),
    ]
    summaries = basket.get_execution_summaries()
    assert [(one["ticker"], one["side"], one["residual"], one["num_slices"]) for one in summaries] == [
        ("A", "BUY", 0, 2),
        ("B", "SELL", 0, 2),
    ]
    assert basket.used == Used(cash=20 * 100 - 40 * 50, notional=20 * 100 + 40 * 50)
    assert basket.held_back == []


@pytest.mark.parametrize("place", PLACES)
def test_cash_cuts_a_buy_to_the_whole_lots_that_fit(place):
    basket, fills = worked(place, BUYS, SharedLimit(cash=5099))
    assert (shares(fills, "A"), shares(fills, "B")) == ([10, 10, 10], [20, 20, 1])
    assert basket.used.cash == 5050
    assert held(basket)[:3] == [
        ("09:33", 1, "B", 20, 1, "cash"),
        ("09:34", 0, "A", 10, 0, "cash"),
        ("09:34", 1, "B", 39, 0, "cash"),
    ]
    assert [(one["residual"], one["num_slices"], one["errors"]) for one in basket.get_execution_summaries()] == [(70, 3, []), (159, 3, [])]


@pytest.mark.parametrize("place", PLACES)
def test_notional_counts_buys_and_sells_alike(place):
    basket, fills = worked(place, [("A", "BUY", 100), ("B", "SELL", 200)], SharedLimit(notional=5099))
    assert (shares(fills, "A"), shares(fills, "B")) == ([10, 10, 10], [20, 20, 1])
    assert basket.used == Used(cash=3000 - 2050, notional=5050)
    assert {by for *_, by in held(basket)} == {"notional"}


@pytest.mark.parametrize("place", PLACES)
def test_of_two_limits_the_tighter_one_holds(place):
    assert worked(place, ONE, SharedLimit(cash=700, notional=1000))[0].used == Used(700, 700)
    assert worked(place, ONE, SharedLimit(cash=1000, notional=700))[0].used == Used(700, 700)


@pytest.mark.parametrize("place", PLACES)
def test_lots_are_cut_whole(place):
    basket, _ = worked(place, [("A", "BUY", 200, {"lot_size": 10})], SharedLimit(cash=1990))
    assert filled(basket) == [10]


@pytest.mark.parametrize("place", PLACES)
def test_sells_are_never_held_back_by_cash_and_what_they_brought_in_pays_for_buys(place):
    """Without cash a buy waits for the first sale, is one slice behind it from then on, and ends with that slice as residual."""
    basket, fills = worked(place, [("A", "BUY", 100), ("B", "SELL", 200)], SharedLimit(cash=0))
    assert clock_times([one.time for one in fills if one.ticker == "A"])[0] == "09:32"
    assert (shares(fills, "A"), shares(fills, "B")) == ([10] * 9, [20] * 10)
    assert held(basket)[:2] == [("09:31", 0, "A", 10, 0, "cash"), ("09:32", 0, "A", 20, 10, "cash")]
    assert basket.used.cash == 9000 - 10000


@pytest.mark.parametrize("place", PLACES)
def test_what_was_cut_comes_back_under_the_residual_policy_too(place):
    parents = [("A", "BUY", 100, {"rules": Rules(residual="extend")}), ("B", "SELL", 200)]
    basket, fills = worked(place, parents, SharedLimit(cash=0))
    assert (filled(basket), shares(fills, "A")) == ([100, 200], [10] * 10)


@pytest.mark.parametrize("place", PLACES)
def test_children_that_are_open_are_counted_so_that_no_two_overrun_together(place):
    """With a latency of a minute the first child is open when the second is decided: 1500 leave that one 500."""
    basket, fills = worked(place, ONE, SharedLimit(notional=1500), model=FillModel(latency=60))
    assert shares(fills, "A") == [10, 5]
    assert basket.used.notional == 1500


@pytest.mark.parametrize("place", PLACES)
def test_what_is_open_of_a_child_that_traded_in_part_is_counted(place):
    """Five shares a bar: at 09:32 five of A's ten are open beside five that traded, B has five. 1900 less 1250 leave B 13 of its 15."""
    parents, algorithm = [("A", "BUY", 20), ("B", "BUY", 40)], [TWAP(slice_interval_seconds=120), TWAP()]
    bars, model = market(A=100, B=50, volume=5), FillModel(max_participation=1.0)
    basket, _ = worked(place, parents, SharedLimit(notional=1900), bars=bars, algorithm=algorithm, model=model, end="09:35")
    assert held(basket)[0] == ("09:32", 1, "B", 15, 13, "notional")


@pytest.mark.parametrize("place", PLACES)
def test_a_market_order_may_overrun_by_the_move_between_decision_and_fill(place):
    """Ten are counted at the last price, 100, and pay 110: 100 more than the limit, and nothing goes after that."""
    basket, fills = worked(place, ONE, SharedLimit(notional=1000), bars=market(A=[100] + [110] * 29))
    assert shares(fills, "A") == [10]
    assert basket.used.notional == 1000 + 10 * (110 - 100)


@pytest.mark.parametrize("place", PLACES)
def test_a_cushion_keeps_room_for_that_move(place):
    basket, fills = worked(place, ONE, SharedLimit(notional=1000, cushion=0.1), bars=market(A=[100] + [110] * 29))
    assert shares(fills, "A") == [9]
    assert basket.used.notional == 990


@pytest.mark.parametrize("place", PLACES)
def test_a_limit_buy_is_counted_at_its_limit(place):
    basket, fills = worked(place, [("A", "BUY", 100, {"rules": Rules(limit_price=125)})], SharedLimit(notional=1000))
    assert shares(fills, "A") == [8, 1]  # 8 * 125 = 1000; they pay 800, so one of 125 fits, and then none
    assert basket.used.notional == 900


@pytest.mark.parametrize(("limit", "sent"), [(90, 10), (125, 8)])
@pytest.mark.parametrize("place", PLACES)
def test_a_limit_sell_is_counted_at_the_higher_of_its_limit_and_the_last_price(place, limit, sent):
    basket, _ = worked(place, [("A", "SELL", 200, {"rules": Rules(limit_price=limit)})], SharedLimit(notional=1000))
    assert held(basket)[0] == ("09:31", 0, "A", 20, sent, "notional")


@pytest.mark.parametrize(
    ("commission", "bought", "spent"),
    [(Commission(rate=0.01), 9, 909), (Commission(per_share=5), 9, 945), (Commission(minimum=50), 9, 950)],
)
@pytest.mark.parametrize("place", DRIVERS)
def test_commission_is_kept_room_for(place, commission, bought, spent):
    model = FillModel(commission=commission)
    basket, _ = worked(place, ONE, SharedLimit(cash=1000, commission=commission), model=model)
    assert (*filled(basket), basket.used.cash) == (bought, pytest.approx(spent))
    without, _ = worked(place, ONE, SharedLimit(cash=1000), model=model)
    assert without.used.cash > 1000


@pytest.mark.parametrize("place", DRIVERS)
def test_commission_of_children_that_are_open_is_kept_room_for_too(place):
    """A's ten are open at 1000 and a commission of 50: 950 are left, which buy B 18 at 50 and a commission."""
    commission = Commission(minimum=50)
    limit, model = SharedLimit(cash=2000, commission=commission), FillModel(commission=commission)
    basket, _ = worked(place, BUYS, limit, model=model)
    assert held(basket)[0] == ("09:31", 1, "B", 20, 18, "cash")
    assert basket.used.cash == 2000


@pytest.mark.parametrize("place", PLACES)
def test_no_child_is_released_before_a_price_is_known_and_it_catches_up_then(place):
    basket, fills = worked(place, ONE, SharedLimit(cash=1e9), start="09:30", end="09:40")
    assert held(basket) == [("09:30", 0, "A", 10, 0, "price")]
    assert shares(fills, "A") == [20, *[10] * 8]


@pytest.mark.parametrize("place", PLACES)
def test_a_limit_buy_and_without_a_notional_a_sell_need_no_price(place):
    parents = [("A", "BUY", 100, {"rules": Rules(limit_price=100)}), ("B", "SELL", 100)]
    basket, fills = worked(place, parents, SharedLimit(cash=1e9), start="09:30", end="09:40")
    assert held(basket) == []
    assert clock_times([fills[0].time, fills[1].time]) == ["09:30", "09:30"]


@pytest.mark.parametrize(("order", "bought"), [(["A", "B"], [55, 50]), (["B", "A"], [55, 50])])
@pytest.mark.parametrize("place", PLACES)
def test_at_one_instant_the_parent_that_stands_first_in_the_basket_is_served_first(place, order, bought):
    """The first decides each minute, the second every five: 10,500 are spent to 500 at 09:36, whichever symbol is which."""
    bars = market(A=100, B=100)
    parents, algorithms = [(symbol, "BUY", 100) for symbol in order], [TWAP(), TWAP(slice_interval_seconds=300)]
    basket, _ = worked(place, parents, SharedLimit(cash=10_500), bars=bars, algorithm=algorithms)
    assert filled(basket) == bought


@pytest.mark.parametrize("place", PLACES)
def test_who_decides_less_often_is_served_first_where_it_stands_first(place):
    bars, parents, algorithms = market(A=100, B=100), [*ONE, ("B", "BUY", 100)], [TWAP(slice_interval_seconds=300), TWAP()]
    assert filled(worked(place, parents, SharedLimit(cash=10_500), bars=bars, algorithm=algorithms)[0]) == [55, 50]


def test_the_order_in_which_symbols_were_registered_does_not_matter():
    async def work(broker):
        basket = BasketExecutor(broker, SharedLimit(cash=5099))
        return await basket.execute(terms_of(basket, BUYS), TWAP(), start="09:31", end="09:41"), basket.held_back

    def registered(*symbols):
        broker = SimulatedBroker(STILL.select(symbols[:1]))
        for symbol in symbols[1:]:
            broker.market.add(STILL.select([symbol]))
        return run(work(broker))

    assert registered("A", "B") == registered("B", "A")


@pytest.mark.parametrize("place", PLACES)
def test_two_parents_may_have_one_symbol(place):
    basket, fills = worked(place, [("A", "BUY", 100), ("A", "SELL", 50), ("A", "BUY", 10)], SharedLimit(notional=1e6))
    assert filled(basket) == [100, 50, 10]
    assert sum(one.quantity * one.side for one in fills) == 60


@pytest.mark.parametrize("place", PLACES)
def test_each_parent_may_have_an_algorithm_and_a_window_of_its_own(place):
    async def work(broker):
        basket = BasketExecutor(broker)
        own = ParentOrder(symbol="B", side=1, quantity=30, start=at("09:35"), end=at("09:38"), interval=60 * SECOND)
        return await basket.execute(
            [basket.order("A", 100, side="BUY"), own], [TWAP(slice_interval_seconds=300), TWAP()], start="09:31", end="09:41"
        )

    fills = carried(place, work, STILL)
    assert [(one.ticker, one.quantity, *clock_times([one.time])) for one in fills] == [
        ("A", 50, "09:31"),
        ("B", 10, "09:35"),
        ("A", 50, "09:36"),
        ("B", 10, "09:36"),
        ("B", 10, "09:37"),
    ]


def refusing(error, symbol="B"):
    """A simulated broker that fails for one symbol."""

    class Refusing(SimulatedBroker):
        async def place_order(self, ticker, quantity, *args, **options):
            if ticker == symbol:
                raise error
            return await super().place_order(ticker, quantity, *args, **options)

    return Refusing


@pytest.mark.parametrize("place", DRIVERS)
def test_a_parent_that_its_venue_refuses_is_reported_and_takes_nothing_of_the_limit(place):
    basket, _ = worked(place, BUYS, SharedLimit(cash=10_000), make=refusing(OrderRejectedError("no permission", lasting=True)))
    first, second = basket.get_execution_summaries()
    assert (first["total_quantity"], first["errors"]) == (100, [])
    assert second["errors"] == [
        "slice 1: OrderRejectedError: no permission",
        "given up, for the venue refuses every child: no permission",
    ]
    assert basket.used.cash == 10_000


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("place", DRIVERS)
def test_a_child_that_failed_on_the_way_may_have_traded_and_stays_counted(place, most):
    basket, _ = worked(place, BUYS, SharedLimit(cash=10_000), make=refusing(ConnectionResetError("peer")), max_failures=most)
    lost = 1000 * most
    assert len(basket.get_execution_summaries()[1]["errors"]) == most + 1
    assert filled(basket) == [(10_000 - lost) / 100, 0]
    assert basket.used.cash == 10_000


@pytest.mark.parametrize("place", DRIVERS)
@pytest.mark.parametrize(
    "answer", [lambda fill: None, lambda fill: fill._replace(quantity=11), lambda fill: fill._replace(fill_price=-1.0)]
)
def test_an_answer_that_cannot_be_stays_counted_and_the_other_orders_of_the_basket_go_on(place, answer):
    class Odd(SimulatedBroker):
        async def place_order(self, ticker, quantity, *args, **options):
            fill = await super().place_order(ticker, quantity, *args, **options)
            return answer(fill) if ticker == "A" else fill

    async def work(broker):
        basket = BasketExecutor(broker, SharedLimit(cash=100_000))
        with pytest.raises(WrongFillError, match=r"^Odd\.place_order answered the child BUY 10 A with ") as caught:
            await basket.execute(terms_of(basket, BUYS), TWAP(), start="09:31", end="09:41")
        assert "others that were worked: 1" in caught.value.__notes__[-1]
        return basket

    basket = carried(place, work, STILL, make=Odd)
    assert filled(basket) == [0, 200]
    assert basket.used.cash == 10 * 100 + 200 * 50  # the first child of A counts as open, at the last price
    assert [order.unknown for order in basket.orders] == [10, 0]


@pytest.mark.parametrize("limit", [None, SharedLimit(cash=1e6)])
@pytest.mark.parametrize("place", DRIVERS)
def test_a_callers_mistake_in_one_parent_is_raised_when_the_others_are_over(place, limit):
    kept = []

    async def work(broker):
        basket = BasketExecutor(broker, *([] if limit is None else [limit]))
        kept.append(basket)
        with pytest.raises(UsageError, match="no such account") as caught:
            await basket.execute(terms_of(basket, BUYS), TWAP(), start="09:31", end="09:41")
        return caught.value.__notes__, broker.clock.now

    notes, over = driven(place, STILL, work, make=refusing(UsageError("no such account")))
    assert notes == [
        "parent order 1 of the basket (BUY 200 B): no such account",
        "others that were worked: 1; see get_execution_summaries()",
    ]
    assert over == at("09:41")
    assert filled(kept[0]) == [100, 0]


@pytest.mark.parametrize("place", DRIVERS)
def test_of_several_mistakes_the_first_of_the_basket_is_raised_with_a_note_on_each(place):
    class Refusing(SimulatedBroker):
        async def place_order(self, ticker, *args, **options):
            raise UsageError(f"no {ticker} here")

    async def work(broker):
        basket = BasketExecutor(broker)
        with pytest.raises(UsageError, match="here") as caught:
            await basket.execute(terms_of(basket, BUYS[::-1]), TWAP(), start="09:31", end="09:41")
        return [str(caught.value), *caught.value.__notes__]

    assert driven(place, STILL, work, make=Refusing) == [
        "no B here",
        "parent order 0 of the basket (BUY 200 B): no B here",
        "parent order 1 of the basket (BUY 100 A): no A here",
        "others that were worked: 0; see get_execution_summaries()",
    ]


@pytest.mark.parametrize("start", ["09:30", "09:31"])  # at once, or later
@pytest.mark.parametrize("place", DRIVERS)
def test_a_parent_that_cannot_begin_does_not_lose_the_others(place, start):
    kept = []

    async def work(broker):
        basket = BasketExecutor(broker)
        kept.append(basket)
        await basket.execute(terms_of(basket, BUYS), [VWAP(profile_days=5), TWAP()], start=start, end="09:41")

    with pytest.raises(Exception, match="earlier") as caught:
        driven(place, STILL, work)
    assert isinstance(caught.value, NotEnoughHistoryError) or isinstance(caught.value.__cause__, NotEnoughHistoryError)
    first, second = kept[0].get_execution_summaries()
    assert first["errors"][0].startswith("NotEnoughHistoryError")
    assert (first["total_quantity"], second["total_quantity"]) == (0, 200)


def test_who_stops_the_basket_takes_its_orders_along():
    async def work(broker):
        basket = BasketExecutor(broker, SharedLimit(cash=1e6))
        task = asyncio.ensure_future(basket.execute(terms_of(basket, BUYS), TWAP(), start="09:31", end="09:41"))
        await broker.clock.sleep_until(at("09:33") + SECOND)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await broker.clock.sleep_until(at("09:50"))
        return basket, broker.open_orders()

    basket, resting = run(work(SimulatedBroker(STILL)))
    assert (filled(basket), resting) == ([20, 40], [])
    assert [order.cancelled for order in basket.orders] == [80, 160]


@pytest.mark.parametrize("place", PLACES)
def test_a_child_that_is_taken_back_in_the_instant_in_which_it_was_decided_is_never_released(place):
    """The canceller comes at 09:33 behind the executors, before anybody is served."""

    async def cancel(broker, basket):
        for minute in ("09:31", "09:32", "09:33"):
            await broker.clock.sleep_until(at(minute))
        basket.orders[0].cancel()

    async def work(broker):
        basket = BasketExecutor(broker, SharedLimit(cash=1e6))
        working = broker.clock.start(basket.execute(terms_of(basket, BUYS), TWAP(), start="09:31", end="09:41"))
        await broker.clock.sleep_until(at("09:30") + SECOND)
        broker.clock.start(cancel(broker, basket))
        await broker.clock.sleep_until(at("09:45"))
        return basket, working.result()

    basket, fills = carried(place, work, STILL)
    assert (filled(basket), clock_times([fills[-1].time])) == ([20, 200], ["09:40"])


@pytest.mark.parametrize("place", DRIVERS)
def test_orders_of_a_basket_can_be_paused_resumed_and_amended_under_their_limit(place):
    """At 09:33:01 A has 20, B has 40. A asks for 20 more over seven minutes, 11 by 09:37, when B resumes with 1900 left: 38 of it."""

    async def change(broker, basket):
        await broker.clock.sleep_until(at("09:33") + SECOND)
        first, second = basket.orders
        first.amend(quantity=40)
        second.pause()
        await broker.clock.sleep_until(at("09:36") + SECOND)
        second.resume()

    async def work(broker):
        basket = BasketExecutor(broker, SharedLimit(cash=7000))
        working = broker.clock.start(basket.execute(terms_of(basket, BUYS), TWAP(), start="09:31", end="09:41"))
        await broker.clock.sleep_until(at("09:30") + SECOND)
        await change(broker, basket)
        await broker.clock.sleep_until(at("09:45"))
        return basket, working.result()

    basket, fills = carried(place, work, STILL)
    assert not {"09:33", "09:34", "09:35", "09:36"} & set(clock_times([one.time for one in fills if one.ticker == "B"]))
    assert basket.get_execution_summaries()[0]["ordered_quantity"] == 40
    assert (filled(basket), basket.used.cash) == ([31, 78], 7000)


class Spinning(Clock):
    """Real time that goes as fast as its sleepers ask."""

    time = at("09:31")

    @property
    def now(self):
        return self.time

    async def sleep_until(self, instant):
        await asyncio.sleep(0)
        while self.time < instant:
            self.time += SECOND
            await asyncio.sleep(0)

    def start(self, coroutine):
        return asyncio.ensure_future(coroutine)


class Live(BrokerAPI):
    """A broker that is not ours: it fills at 100, and only says so when a child is over."""

    def __init__(self):
        self._clock = Spinning()

    @property
    def clock(self):
        return self._clock

    async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None, *, side="BUY", parent=None):
        await asyncio.sleep(0)
        return Fill(self.clock.now, ticker, quantity, 100.0, side=side, parent_id=parent.parent_id)

    async def observe(self, ticker):
        await asyncio.sleep(0)
        return Observed(0.0, 100.0, 100.0, 100.0, 0.0, 0.0)

    def session(self, instant):
        return Session(at("09:30"), at("16:00"), "America/New_York")

    async def cancel_order(self, order_id):
        return False

    async def get_historical_volume_profile(self, ticker, days=5):
        raise NotImplementedError

    async def get_market_depth(self, ticker):
        raise NotImplementedError


@pytest.mark.parametrize(("limit", "bought"), [(None, 15_000), (SharedLimit(cash=7777), 7700)])
def test_it_works_against_real_time_and_a_broker_that_tells_only_the_end(limit, bought):
    async def work(broker):
        basket = BasketExecutor(broker, *([] if limit is None else [limit]))
        parents = [basket.order("A", 100, side="BUY"), basket.order("B", 50, side="BUY")]
        return basket, await basket.execute(parents, TWAP(), end="09:41")

    basket, fills = run(work(Live()))
    assert basket.used == Used(bought, bought)
    assert math.fsum(one.quantity * one.fill_price for one in fills) == bought
    assert {one.ticker for one in fills} == {"A", "B"}


def test_a_broker_that_knows_no_price_has_its_children_held_back():
    class Blind(Live):
        observe = BrokerAPI.observe

        async def get_market_depth(self, ticker):
            return {}

    async def work(broker):
        basket = BasketExecutor(broker, SharedLimit(cash=1e6))
        await basket.execute([basket.order("A", 100, side="BUY")], TWAP(), end="09:41")
        return basket

    basket = run(work(Blind()))
    assert (filled(basket), {held.by for held in basket.held_back}) == ([0], {"price"})


def test_a_child_that_cannot_be_sent_is_told_and_takes_nothing_from_those_behind_it():
    class BuysOnly(Live):
        async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None):
            return Fill(self.clock.now, ticker, quantity, 100.0)

    async def work(broker):
        basket = BasketExecutor(broker, SharedLimit(notional=5000))
        with pytest.raises(UsageError, match=r"BuysOnly\.place_order takes no side, so it cannot sell"):
            await basket.execute([basket.order("A", 100, side="SELL"), basket.order("B", 100, side="BUY")], TWAP(), end="09:41")
        return basket

    basket = run(work(BuysOnly()))
    assert (filled(basket), basket.used) == ([0, 50], Used(5000, 5000))


def test_a_child_that_never_reports_stays_counted():
    class Silent(Live):
        async def place_order(self, ticker, *args, **options):
            await asyncio.Event().wait()

    async def work(broker):
        basket = BasketExecutor(broker, SharedLimit(cash=1500))
        await basket.execute([basket.order("A", 100, side="BUY")], TWAP(), end="09:41")
        await asyncio.sleep(0)
        return basket

    basket = run(work(Silent()))
    assert basket.used == Used(1500, 1500)
    said = [line.partition(" for ")[0] for line in basket.get_execution_summaries()[0]["errors"]]
    assert said == [f"slice {k}: no report within 30 s after the window; ask the venue" for k in (1, 2)]


def test_a_child_whose_price_is_never_told_is_not_released_when_its_order_has_given_it_up():
    class Slow(Live):
        late = asyncio.Event()
        orders = 0

        async def observe(self, ticker):
            await self.late.wait()
            return await super().observe(ticker)

        async def place_order(self, *args, **options):
            self.orders += 1

    async def work(broker):
        basket = BasketExecutor(broker, SharedLimit(cash=1e6))
        fills = await basket.execute([basket.order("A", 100, side="BUY")], TWAP(), end="09:41")
        broker.late.set()
        for _ in range(20):
            await asyncio.sleep(0)
        return fills, broker.orders, basket.used

    assert run(work(Slow())) == ([], 0, Used(0, 0))


def test_what_is_asked_of_a_limited_broker_is_answered_by_the_one_behind_it():
    async def asked(broker):
        number = broker.open_parent(ParentOrder(symbol="A", side=Side.BUY, quantity=5, start=at("09:35"), end=at("09:45"), interval=SECOND))
        child = broker.broker.send_order(number, 5, math.nan, at("09:45"))
        assert not await broker.cancel_order(99)
        broker.withdraw(child)
        return child.done(), await broker.get_market_depth("A"), broker.session(at("09:35")).open, broker.resolution

    depth = {"bid": 100, "ask": 100, "bid_volume": 500, "ask_volume": 500}
    broker = LimitedBroker(SimulatedBroker(with_quote_proxy(STILL, "close"), start=at("09:35")), SharedLimit(cash=0))
    assert run(asked(broker)) == (True, depth, at("09:30"), 60 * SECOND)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"cash": -1}, "cash must be currency >= 0, got -1; leave it out"),
        ({"cash": math.nan}, "cash .* got nan"),
        ({"cash": math.inf}, "cash .* got inf"),
        ({"notional": 0}, "notional must be currency > 0, got 0; leave it out"),
        ({"cushion": -0.1}, "cushion is a fraction >= 0 of the last price, got -0.1"),
        ({"commission": 0.001}, r"commission must be a schedule such as Commission\(rate=0.00015\), got 0.001"),
        ({"commission": Commission(rate=-1)}, "commission rate must be >= 0, got -1"),
    ],
)
def test_a_limit_that_is_none_is_refused_when_it_is_made(values, said):
    with pytest.raises(UsageError, match=said):
        SharedLimit(**values)


def test_mistakes_are_told_before_anything_is_sent():
    broker = SimulatedBroker(STILL)
    basket = BasketExecutor(broker)
    good = basket.order("A", 100, side="BUY")

    def refused(said, parents, algorithm, **window):
        with pytest.raises(UsageError, match=said):
            run(basket.execute(parents, algorithm, **window))
        assert broker.market.parents == []

    refused("the basket is empty: give at least one parent order", [], TWAP())
    refused("2 parent orders need one algorithm, or one each, got 3", [good, good], [TWAP()] * 3)
    refused("before it starts", [good], TWAP(), start="09:41", end="09:31")
    with pytest.raises(UsageError, match="max_failures must be at least 1, got 0"):
        BasketExecutor(broker, max_failures=0)
    with pytest.raises(UsageError, match=r"such as SharedLimit\(cash=1e6\), got 5000"):
        BasketExecutor(broker, 5000)
    with pytest.raises(UsageError, match="has worked no order yet; await execute"):
        _ = basket.used


def test_a_child_that_would_pass_the_limit_by_is_refused():
    broker = SimulatedBroker(STILL)
    basket = BasketExecutor(broker, SharedLimit(cash=0))
    run(basket.execute(terms_of(basket, ONE), TWAP(), start="09:31", end="09:41"))
    with pytest.raises(UsageError, match="an order of 5 A would pass the limit by"):
        run(basket.orders[0]._broker.place_order("A", 5))
