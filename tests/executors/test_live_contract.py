"""What an executor keeps against a real venue: what is filled, what is open, and what nobody knows; one test a case."""

import asyncio
import math
from datetime import time

import pytest
from live_stubs import Stub, books, run, sums
from small_markets import MINUTE, ZONE, at, minute_bars

from exec_algos import TWAP, VWAP, BrokerAPI, SimulatedBroker
from exec_algos.algorithms import POV, LiquidityAware
from exec_algos.errors import NotSentError, OrderRejectedError, UsageError, VenueError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.executors.basket import BasketExecutor
from exec_algos.model import SECOND, Observed, Window
from exec_algos.stepped.broker import SteppedBroker
from exec_algos.stepped.hours import DailyHours


def executed(broker, quantity=100, algorithm=None, end="09:35", later=0, **options):
    """Fills and summary of an order; the summary as it is `later` seconds after the end of `execute`."""

    async def work():
        executor = AlgorithmExecutor(broker)
        fills = await executor.execute("X", quantity, algorithm or TWAP(), end=end, **options)
        if later:
            await broker.clock.sleep_until(broker.clock.now + later * SECOND)
        return fills, executor.get_execution_summary()

    return run(work())


def begun(broker, quantity=100, algorithm=None, end="09:35", **terms):
    executor = AlgorithmExecutor(broker)
    return executor.start(algorithm or TWAP(), executor.order("X", quantity, side="BUY", **terms), Window(end=at(end)))


def shares(broker):
    return [quantity for _, _, quantity, _ in broker.sent]


class TimesOut(Stub):
    """The venue takes the second child; its answer is lost."""

    async def act(self, number, quantity, side, expires):
        if number == 2:
            self.bought += quantity
            raise VenueError("time-out")
        return await super().act(number, quantity, side, expires)


class Asked(TimesOut):
    """The venue can be asked what became of a child."""

    asked = 0

    async def find_order(self, ref):
        self.asked += 1
        if self.asked == 1:
            raise VenueError("time-out of the look-up")
        return None if self.asked == 2 else self.fill(20)._replace(order_ref=ref)

    def fill(self, quantity, side="BUY"):
        fill = super().fill(quantity, side)
        self.bought -= quantity if self.asked > 2 else 0
        return fill


def test_case_1_a_child_whose_answer_is_lost_counts_as_open_and_is_not_sent_again():
    broker = TimesOut()
    _, summary = executed(broker)
    assert (shares(broker), broker.bought) == ([20] * 5, 100)
    assert sums(summary) == (80, 20, 0)
    assert summary["errors"] == ["slice 2: VenueError: time-out"]


def test_case_1_an_unknown_child_counts_when_its_venue_tells_what_became_of_it():
    broker = Asked()
    fills, summary = executed(broker)
    assert (shares(broker), sums(summary)) == ([20] * 5, (100, 0, 0))
    assert fills[-1].order_ref.endswith(".1.4.1")


def test_case_1_an_unknown_child_that_is_proved_absent_is_sent_again():
    class Absent(TimesOut):
        async def find_order(self, ref):
            raise NotSentError("three look-ups have not shown it")

    broker = Absent()
    _, summary = executed(broker)
    assert (shares(broker), sums(summary)) == ([20, 20, 40, 20, 20], (100, 0, 0))


def test_case_2_what_is_known_of_a_child_whose_connection_broke_counts():
    class Breaks(Stub):
        async def act(self, number, quantity, side, expires):
            if number == 2:
                raise VenueError("connection lost", fills=[self.fill(15, side)])
            return await super().act(number, quantity, side, expires)

    broker = Breaks()
    fills, summary = executed(broker)
    assert (shares(broker), broker.bought) == ([20] * 5, 95)
    assert sums(summary) == (95, 5, 0)
    assert [fill.quantity for fill in fills] == [20, 15, 20, 20, 20]


def test_case_3_a_report_after_the_settle_time_counts_in_a_later_summary():
    class Late(Stub):
        async def act(self, number, quantity, side, expires):
            if number == 5:
                await self.clock.sleep_until(at("09:35") + 35 * SECOND)
            return await super().act(number, quantity, side, expires) if number < 5 else self.fill(quantity, side)

    async def work(broker):
        executor = AlgorithmExecutor(broker)
        await executor.execute("X", 100, TWAP(), end="09:35")
        first, ended = executor.get_execution_summary(), broker.clock.now
        await broker.clock.sleep_until(at("09:36"))
        return first, ended, executor.get_execution_summary()

    first, ended, later = run(work(Late()))
    assert (sums(first), ended) == ((80, 20, 0), at("09:35") + 30 * SECOND)
    assert first["errors"][0].startswith("slice 5: no report within 30 s after the window; ask the venue for ")
    assert sums(later) == (100, 0, 0)


@pytest.mark.parametrize("known", [False, True])
def test_case_4_a_child_on_its_way_is_carried_to_its_end_when_its_parent_is_cancelled(known):
    class Slow(Stub):
        async def act(self, number, quantity, side, expires):
            await self.clock.sleep_until(self.clock.now + 40 * SECOND)
            if known:
                return self.fill(quantity, side)
            raise ConnectionResetError("peer")

    async def work(broker):
        order = begun(broker)
        await broker.clock.sleep_until(at("09:30") + 5 * SECOND)
        assert order.cancel()
        seen = [(order.over, books(order))]
        await broker.clock.sleep_until(at("09:32"))
        return [*seen, (order.over, books(order))]

    assert run(work(Slow())) == [
        (False, (100, 0, 20, 0, 80, 0)),
        (True, (100, 20, 0, 0, 80, 0) if known else (100, 0, 0, 20, 80, 0)),
    ]


class Halves(Stub):
    """Half of each child trades, and its report comes so many seconds after it ended."""

    def __init__(self, delay):
        super().__init__()
        self.delay = delay

    async def act(self, number, quantity, side, expires):
        await self.clock.sleep_until(expires + round(self.delay * SECOND))
        return self.fill(quantity // 2, side)


@pytest.mark.parametrize("delay", [-2, 0.5, 2, 10])
def test_case_5_children_end_so_early_that_their_reports_are_there_at_the_next_decision(delay):
    broker = Halves(delay)
    _, summary = executed(broker, 1000, end="09:40")
    assert summary["residual"] / 1000 == pytest.approx(0.10, abs=0.005)
    leads = [at("09:30") + (k + 1) * MINUTE - expires for k, (_, _, _, expires) in enumerate(broker.sent)]
    assert leads[-1] == 0  # no decision waits for the last one
    assert leads[5] == max(round(delay * SECOND * 1.5), 0)


def test_case_5_a_child_lasts_at_least_half_a_slice():
    broker = Halves(50)
    executed(broker, 1000, end="09:40")
    assert {expires - time for time, _, _, expires in broker.sent} == {MINUTE, MINUTE // 2}


class Sights(Stub):
    """`look(n)` says what happens at the n-th look at the market."""

    looks = 0

    async def observe(self, ticker):
        self.looks += 1
        await self.look(self.looks)
        return await super().observe(ticker)

    async def look(self, number):
        pass


def test_case_6_a_look_that_fails_skips_its_slice():
    class Blinks(Sights):
        async def look(self, number):
            if number == 4:
                raise ConnectionResetError("peer")

    broker = Blinks()
    _, summary = executed(broker, 100, LiquidityAware(fraction=0.1), end="09:41")
    assert (sums(summary), broker.bought, broker.looks) == ((100, 0, 0), 100, 11)
    assert summary["errors"] == ["slice 4: skipped, the look at the market failed: ConnectionResetError: peer"]
    assert [(time - at("09:30")) // MINUTE for time, *_ in broker.sent] == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]


def test_case_6_an_order_that_a_callers_mistake_ends_counts_its_open_children():
    class Refuses(Sights):
        async def look(self, number):
            if number == 3:
                raise UsageError("no market data for this account")

        async def act(self, number, quantity, side, expires):
            await self.clock.sleep_until(self.clock.now + 65 * SECOND)
            return self.fill(quantity, side)

    async def work(broker):
        executor = AlgorithmExecutor(broker)
        with pytest.raises(UsageError, match="no market data"):
            await executor.execute("X", 100, LiquidityAware(fraction=0.1), end="09:41")
        return executor.get_execution_summary(), broker.bought

    summary, bought = run(work(Refuses()))
    assert (sums(summary), bought) == ((20, 0, 80), 20)


def test_case_7_a_look_that_takes_longer_than_its_slice_sends_no_child_after_its_end():
    class Stares(Sights):
        async def look(self, number):
            if number == 2:
                await self.clock.sleep_until(self.clock.now + 75 * SECOND)

    broker = Stares()
    _, summary = executed(broker, 100, LiquidityAware(fraction=0.1), end="09:41")
    assert all(time < expires for time, _, _, expires in broker.sent)
    assert [(time - at("09:30")) // SECOND for time, *_ in broker.sent[:3]] == [0, 135, 180]
    assert summary["errors"] == ["slice 2: skipped, the look at the market came after its end"]


def test_case_7_what_children_got_during_a_look_is_seen_by_the_decision():
    class Slow(Sights):
        async def look(self, number):
            await self.clock.sleep_until(self.clock.now + 20 * SECOND)

        async def act(self, number, quantity, side, expires):
            await self.clock.sleep_until(expires + 10 * SECOND)
            return self.fill(0, side)

        confirm_lead = 0

    broker = Slow()
    executed(broker, 30, LiquidityAware(fraction=1.0), end="09:33")
    assert shares(broker) == [30, 30, 30]  # each is known to have got nothing before the next is decided


class Profiled(Stub):
    """Its volume profile takes a minute and a half."""

    asked = -1

    async def get_historical_volume_profile(self, ticker, days=5):
        self.asked = self.clock.now
        await self.clock.sleep_until(self.clock.now + 90 * SECOND)
        return await super().get_historical_volume_profile(ticker, days)


@pytest.mark.parametrize(
    ("start", "asked", "first"),
    [
        ("2024-01-02 09:30", "2024-01-02 09:00", "2024-01-02 09:30"),  # the next session
        ("2024-01-02 12:00", "2024-01-02 09:00", "2024-01-02 12:00"),
        ("2024-01-03 09:30", "2024-01-02 16:00", "2024-01-03 09:30"),  # the one after: when it is the next
    ],
)
def test_case_8_a_volume_profile_is_asked_for_as_soon_as_its_session_is_the_next(start, asked, first):
    broker = Profiled("09:00")
    _, summary = executed(broker, 60, VWAP(profile_days=5), start=at(start), end=at(start) + 6 * MINUTE)
    assert (broker.asked, broker.sent[0][0], shares(broker)) == (at(asked), at(first), [10] * 6)
    assert summary["errors"] == []


class Refusing(Stub):
    """The venue refuses the children in slices 2 to 4."""

    error = OrderRejectedError("the symbol is halted")

    async def act(self, number, quantity, side, expires):
        if self.refuses(number):
            raise self.error
        return await super().act(number, quantity, side, expires)

    def refuses(self, number):
        return 2 <= number <= 4


@pytest.mark.parametrize("error", [OrderRejectedError("the symbol is halted"), NotSentError("429, unread")])
def test_case_9_a_refusal_that_passes_skips_its_slice(error):
    broker = Refusing()
    broker.error = error
    _, summary = executed(broker, 3000, end="10:00")
    assert sums(summary) == (3000, 0, 0)
    assert shares(broker) == [100, 100, 200, 300, 400] + [100] * 25
    assert summary["errors"] == [f"slice {k}: {type(error).__name__}: {error}" for k in (2, 3, 4)]


def test_case_9_a_lasting_refusal_ends_the_order_with_its_reason():
    broker = Refusing()
    broker.error = OrderRejectedError("no permission for this market", lasting=True)
    _, summary = executed(broker, 3000, end="10:00")
    assert (len(broker.sent), sums(summary)) == (2, (100, 0, 2900))
    assert summary["errors"] == [
        "slice 2: OrderRejectedError: no permission for this market",
        "given up, for the venue refuses every child: no permission for this market",
    ]


@pytest.mark.parametrize(("unknown", "given_up"), [((2, 3, 4), True), ((2, 3, 5, 6, 8), False)])
def test_case_9_children_of_unknown_outcome_in_a_row_end_the_order(unknown, given_up):
    class Silent(Refusing):
        error = ConnectionResetError("peer")

        def refuses(self, number):
            return number in unknown

    broker = Silent()
    _, summary = executed(broker, 1000, end="09:40")
    assert ("given up after 3 failures in a row" in summary["errors"]) == given_up
    assert sums(summary) == ((100, 300, 600) if given_up else (500, 500, 0))


class Least(BrokerAPI):
    """The four calls a broker must have, and no more."""

    clock, session, place_order, act, fill = Stub.clock, Stub.session, Stub.place_order, Stub.act, Stub.fill
    __init__, cancel_order = Stub.__init__, Stub.cancel_order
    get_historical_volume_profile, get_market_depth = Stub.get_historical_volume_profile, Stub.get_market_depth


@pytest.mark.parametrize("algorithm", [TWAP(), VWAP(), LiquidityAware(fraction=0.2)])
def test_case_10_a_broker_with_only_the_four_required_calls_works_what_needs_no_volume(algorithm):
    broker = Least()
    _, summary = executed(broker, 100, algorithm)
    assert (sums(summary), shares(broker)) == ((100, 0, 0), [20] * 5)


@pytest.mark.parametrize("algorithm", [TWAP(), VWAP(), LiquidityAware(fraction=0.2)])
def test_a_broker_that_has_only_place_order_in_its_plainest_form_and_observe_runs_them_unchanged(algorithm):
    class Plain(Stub):
        async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None):
            self.sent.append((self.clock.now, "", quantity, None))
            return self.fill(quantity)

    broker = Plain()
    _, summary = executed(broker, 100, algorithm)
    assert (sums(summary), shares(broker), summary["errors"]) == ((100, 0, 0), [20] * 5, [])


def test_a_send_order_that_refuses_at_once_skips_its_slice():
    class Throttled(Stub):
        calls = 0

        def send_order(self, parent, lots, limit, expires, **options):
            self.calls += 1
            if self.calls == 2:
                raise NotSentError("too many requests")
            return super().send_order(parent, lots, limit, expires, **options)

    broker = Throttled()
    _, summary = executed(broker)
    assert (sums(summary), shares(broker), summary["num_slices"]) == ((100, 0, 0), [20, 40, 20, 20], 4)
    assert summary["errors"] == ["slice 2: NotSentError: too many requests"]


def test_a_send_order_that_fails_at_once_leaves_its_child_unknown():
    class Breaks(Stub):
        calls = 0

        def send_order(self, parent, lots, limit, expires, **options):
            self.calls += 1
            if self.calls == 2:
                raise ConnectionResetError("peer")
            return super().send_order(parent, lots, limit, expires, **options)

    broker = Breaks()
    _, summary = executed(broker)
    assert (sums(summary), shares(broker)) == ((80, 20, 0), [20] * 4)
    assert summary["errors"] == ["slice 2: ConnectionResetError: peer"]


def test_a_send_order_that_returns_no_child_order_leaves_its_child_unknown_and_is_named():
    class Tasks(Stub):
        def send_order(self, parent, lots, limit, expires, **options):
            return self.clock.start(self.place_order(parent.symbol, lots))

    async def work(broker):
        executor = AlgorithmExecutor(broker)
        with pytest.raises(UsageError, match=r"Tasks\.send_order must return a ChildOrder, got Task"):
            await executor.execute("X", 100, TWAP(), end="09:35")
        return sums(executor.get_execution_summary()), shares(broker)

    assert run(work(Tasks())) == ((0, 20, 80), [20])


def test_case_10_what_is_observed_by_default_is_made_of_the_depth():
    seen = run(Least().observe("X"))
    assert seen[1:6] == (10.0, 9.99, 10.01, 100.0, 100.0)
    assert math.isnan(seen.traded)


def test_case_10_an_algorithm_that_needs_volume_is_refused_by_name_with_what_to_override():
    with pytest.raises(
        UsageError, match=r"pov:rate=0\.3 follows the volume that X has traded, which Least does not tell; override observe"
    ):
        executed(Least(), 100, POV(rate=0.3))

    class Unknowing(Stub):
        async def observe(self, ticker):
            return (await super().observe(ticker))._replace(traded=math.nan)

    with pytest.raises(UsageError, match=r"Unknowing\.observe tells no traded volume of X, which pov:rate=0\.3 follows"):
        executed(Unknowing(), 100, POV(rate=0.3))


def test_case_11_a_child_is_cancelled_by_its_ref():
    class Cancels(Stub):
        cancelled = ()

        async def act(self, number, quantity, side, expires):
            while not self.cancelled and self.clock.now < expires:
                await self.clock.sleep_until(self.clock.now + SECOND)
            return self.fill(7, side)

        async def cancel_order(self, order_id):
            self.cancelled += (order_id,)
            if len(self.cancelled) == 1:
                raise TimeoutError("5 s")
            return True

    async def work(broker):
        order = begun(broker, ref="A1")
        await broker.clock.sleep_until(at("09:30") + 5 * SECOND)
        order.cancel()
        await broker.clock.sleep_until(at("09:30") + 15 * SECOND)
        return broker.cancelled, order.over, books(order)

    assert run(work(Cancels())) == (("A1.1.0.1",), True, (100, 7, 0, 0, 93, 0))


def test_case_11_the_simulated_venue_takes_numbers_and_refuses_what_is_none():
    async def work(broker):
        child = broker.send_order(broker.open_parent(begun(broker).parent), 10, 1.0, at("16:00"))
        with pytest.raises(UsageError, match=r"orders have numbers in virtual time, got 'A1\.1\.0\.1'"):
            await broker.cancel_order("A1.1.0.1")
        number = broker.open_orders()[-1]
        return await broker.cancel_order(str(number)), child.lots

    assert run(work(SimulatedBroker(minute_bars([10.0] * 30)))) == (True, 10)


def test_case_12_a_parent_has_a_ref_that_no_other_run_gives_and_its_children_are_named_after_it():
    async def opened(broker):
        order = begun(broker)
        await broker.clock.sleep_until(at("09:36"))
        return order.parent.parent_id, order.parent.ref

    (first, ref), (second, other) = run(opened(Stub())), run(opened(Stub()))
    assert (first, second) == (0, 0)
    assert ref[:16] == other[:16] == "20240102-143000-"
    assert (len(ref), ref != other) == (24, True)
    broker = Stub()
    executed(broker, 60, end="09:33", ref="desk-7")
    assert [ref for _, ref, *_ in broker.sent] == ["desk-7.1.0.1", "desk-7.1.1.1", "desk-7.1.2.1"]


def test_case_12_a_ref_of_another_parent_is_refused_and_replay_gives_none():
    broker = Stub()

    async def work():
        begun(broker, ref="desk-7")
        with pytest.raises(UsageError, match="ref 'desk-7' is another parent order's"):
            begun(broker, ref="desk-7")
        await broker.clock.sleep_until(at("09:36"))
        return begun(SimulatedBroker(minute_bars([10.0] * 30))).parent.ref

    assert run(work()) == ""


class Tape(Stub):
    """Others trade 1,000 shares a minute, and a child trades at once; the tape holds both, as every live one does."""

    def __init__(self, own=True, says=True, stamped=False):
        super().__init__()
        self.own, self.says, self.stamped = own, says, stamped

    @property
    def own_prints_on_tape(self):
        return self.says

    async def act(self, number, quantity, side, expires):
        return self.fill(quantity, side)

    async def observe(self, ticker):
        others = (self.clock.now - at("09:30")) / MINUTE * 1000
        time = self.clock.now if self.stamped else 0
        return Observed(others + self.bought * self.own, 10.0, 9.99, 10.01, 100.0, 100.0, time)


@pytest.mark.parametrize("rate", [0.3, 0.5])
@pytest.mark.parametrize("tape", [{}, {"stamped": True}, {"own": False, "says": False}])
def test_case_13_pov_takes_its_own_prints_off_the_tape(rate, tape):
    broker = Tape(**tape)
    executed(broker, 10**6, POV(rate=rate), end="09:50")
    others = 19_000  # what the last of twenty decisions sees
    assert broker.bought / (broker.bought + others) == pytest.approx(rate, abs=1e-4)


@pytest.mark.parametrize(("rate", "wrong"), [(0.3, 0.406), (0.5, 0.905)])
def test_case_13_a_broker_that_says_wrongly_that_its_tape_lacks_them_trades_too_much(rate, wrong):
    broker = Tape(says=False)
    executed(broker, 10**9, POV(rate=rate), end="09:50")
    assert broker.bought / (broker.bought + 20_000) == pytest.approx(wrong, abs=5e-4)


def test_case_13_the_prints_of_our_other_orders_are_taken_off_too():
    async def work(broker):
        orders = [begun(broker, 10**6, POV(rate=0.3), end="09:50"), begun(broker, 10_000, end="09:50")]
        await broker.clock.sleep_until(at("09:51"))
        return [order.filled for order in orders]

    assert run(work(Tape())) == [math.floor(19_000 * 3 / 7), 10_000]


@pytest.mark.parametrize(("stamped", "bought"), [(True, 17_833), (False, 16_833)])  # 1,070 s of others, or a minute less
def test_case_13_a_tape_that_lags_holds_only_the_prints_up_to_its_time(stamped, bought):
    class Lags(Tape):
        async def observe(self, ticker):
            until = max(self.clock.now - 70 * SECOND, at("09:30"))
            own = sum(fill for time, fill in self.prints if time <= until)
            others = (until - at("09:30")) / MINUTE * 1000
            return Observed(others + own, 10.0, 9.99, 10.01, 100.0, 100.0, until if self.stamped else 0)

        def fill(self, quantity, side="BUY"):
            self.prints.append((self.clock.now, quantity))
            return super().fill(quantity, side)

    broker = Lags(stamped=stamped)
    broker.prints = []
    executed(broker, 10**6, POV(rate=0.5), end="09:50")
    assert broker.bought == bought


def test_case_14_an_execution_that_is_cancelled_from_outside_takes_its_child_back_and_counts_it():
    class Cancels(Stub):
        back = False

        async def act(self, number, quantity, side, expires):
            while not self.back and self.clock.now < expires:
                await self.clock.sleep_until(self.clock.now + SECOND)
            return self.fill(quantity if not self.back else 7, side)

        async def cancel_order(self, order_id):
            self.back = True
            return True

    summary, bought, ended = stopped(Cancels())
    assert (sums(summary), bought) == ((47, 0, 53), 47)
    assert ended <= at("09:32") + 35 * SECOND


def test_case_14_a_child_that_does_not_answer_a_cancelled_execution_is_named():
    class Mute(Stub):
        async def act(self, number, quantity, side, expires):
            if number == 3:
                await asyncio.Event().wait()
            return await super().act(number, quantity, side, expires)

    summary, bought, ended = stopped(Mute())
    assert (sums(summary), bought, ended) == ((40, 20, 40), 40, at("09:33"))
    assert summary["errors"][0].startswith("slice 3: no report within 30 s")


def test_case_14_a_simulated_venue_too_has_no_child_left_of_a_cancelled_execution():
    broker = SimulatedBroker(minute_bars([10.0] * 30))
    summary, _, ended = stopped(broker)
    assert (sums(summary), ended, broker.open_orders()) == ((40, 0, 60), at("09:32") + 30 * SECOND, [])
    assert sum(fill.quantity for fill in broker.market.fills) == 40


def stopped(broker):
    """An execution of five slices that its caller cancels half a minute into the third."""

    async def work():
        executor = AlgorithmExecutor(broker)
        task = asyncio.ensure_future(executor.execute("X", 100, TWAP(), end="09:35"))
        await broker.clock.sleep_until(at("09:32") + 30 * SECOND)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return executor.get_execution_summary(), getattr(broker, "bought", None), broker.clock.now

    return run(work())


def test_case_14_a_basket_that_is_cancelled_from_outside_takes_its_children_back_and_counts_them():
    class Mute(Stub):
        async def act(self, number, quantity, side, expires):
            if number == 6:
                await asyncio.Event().wait()
            return await super().act(number, quantity, side, expires)

    async def work(broker):
        basket = BasketExecutor(broker)
        parents = [basket.order("X", quantity, side="BUY") for quantity in (100, 50)]
        task = asyncio.ensure_future(basket.execute(parents, TWAP(), end="09:35"))
        await broker.clock.sleep_until(at("09:32") + 10 * SECOND)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return [books(order) for order in basket.orders], basket.get_execution_summaries(), broker.clock.now

    found, (first, second), ended = run(work(Mute()))
    assert found == [(100, 60, 0, 0, 40, 0), (50, 20, 0, 10, 20, 0)]
    assert (first["errors"], ended) == ([], at("09:32") + 40 * SECOND)
    assert second["errors"][0] == "the basket was stopped"
    assert second["errors"][1].startswith("slice 3: open when the order was stopped; ask the venue for ")


def test_case_14_an_execution_that_a_replay_closes_leaves_no_child_at_the_venue():
    broker = SteppedBroker(DailyHours(ZONE, time(9, 30), time(16)), MINUTE)
    executor = AlgorithmExecutor(broker)
    broker.settle(at("09:30"))
    task = broker.clock.start(executor.execute("X", 100, TWAP(), end="09:35"))
    (child,) = broker.advance(at("09:30")).send
    broker.fill(child, 5, 10.0, at("09:30"))
    task.cancel()
    assert broker.advance(at("09:31")).cancel == [child]
    assert sums(executor.get_execution_summary()) == (5, 0, 95)
