from functools import partial

import pytest
from small_markets import DAYS, MINUTE, at, clock_times, minute_bars, once, run

from exec_algos import (
    BacktestEngine,
    Bars,
    Commission,
    FillModel,
    OrderEvent,
    Side,
    SimulatedBroker,
    Strategy,
    TWAPExecutor,
    VWAPExecutor,
    execute_twap,
)
from exec_algos.backtest import FillEvent, MarketEvent, SignalEvent
from exec_algos.errors import RunError, UsageError

BARS = minute_bars(range(100, 110))
TWO = Bars.concat([minute_bars(range(100, 110), symbol="A"), minute_bars(range(200, 210), symbol="B")])


def fills_of(strategy, bars=BARS, **options):
    result = BacktestEngine(bars, [strategy], **options).run()
    return list(zip(clock_times(result.fills["timestamp"]), result.fills["quantity"], result.fills["price"], strict=True))


def twap(minutes, **options):
    async def work(strategy, order):
        await TWAPExecutor(strategy.broker).execute(order.symbol, order.quantity, minutes, side=order.side, **options)

    return work


def test_a_strategy_sees_every_bar_at_its_end_and_in_order():
    seen = []

    class Watching(Strategy):
        def on_bar(self, event):
            seen.append((event.symbol, event.bar.close, event.time - event.bar.start, self.data_handler.now == event.time))

    BacktestEngine(TWO, [Watching]).run()
    assert seen[:4] == [("A", 100, MINUTE, True), ("B", 200, MINUTE, True), ("A", 101, MINUTE, True), ("B", 201, MINUTE, True)]
    assert len(seen) == 20


def test_without_an_override_an_order_is_one_market_order_filled_at_the_next_open():
    assert fills_of(once(quantity=100)) == [("09:31", 100, 101)]


def test_a_market_order_larger_than_a_bar_works_until_the_close():
    model = FillModel(max_participation=0.03)
    assert fills_of(once(quantity=80), fill_model=model) == [("09:31", 30, 101), ("09:32", 30, 102), ("09:33", 20, 103)]


def test_an_order_is_never_filled_in_the_bar_in_which_it_was_decided():
    assert fills_of(once(after=3, work=twap(2))) == [("09:33", 50, 103), ("09:34", 50, 104)]


def test_with_latency_an_order_meets_the_first_bar_that_starts_after_it_has_arrived():
    assert fills_of(once(), fill_model=FillModel(latency=30)) == [("09:32", 100, 102)]
    assert fills_of(once(), fill_model=FillModel(latency=60)) == [("09:32", 100, 102)]
    assert fills_of(once(), fill_model=FillModel(latency=61)) == [("09:33", 100, 103)]


def test_events_of_one_instant_are_fill_market_signal_order_and_then_executors():
    log = []

    class Logging(Strategy):
        def note(self, what):
            log.append((clock_times([self.data_handler.now])[0], what))

        def on_bar(self, event):
            self.note("market")
            if event.bar.close in (100, 101):
                self.event_queue.put(OrderEvent(symbol="X", quantity=1))
                self.event_queue.put(SignalEvent(symbol="X", side="BUY"))

        def on_signal(self, signal):
            self.note("signal")

        def on_fill(self, event):
            self.note("fill")

        async def on_order(self, order):
            self.note("order")
            await self.broker.place_order("X", 1)
            self.note("executor")

    BacktestEngine(minute_bars([100, 101, 102]), [Logging]).run()
    assert [what for time, what in log if time == "09:31"] == ["market", "signal", "order"]
    assert [what for time, what in log if time == "09:32"] == ["fill", "market", "signal", "order", "executor"]
    assert [what for time, what in log if time == "09:33"] == ["fill", "market", "executor"]


def test_an_executor_that_is_due_knows_the_bar_and_the_fills_of_its_instant():
    known = []

    class Knowing(Strategy):
        async def on_order(self, order):
            child = self.broker.clock.start(self.broker.place_order("X", 10))
            await self.broker.clock.sleep_until(at("09:32"))
            known.append((child.done(), self.data_handler.latest("X").close))

        def on_bar(self, event):
            if event.time == at("09:31"):
                self.event_queue.put(OrderEvent(symbol="X", quantity=10))

    BacktestEngine(BARS, [Knowing]).run()
    assert known == [(True, 101)]


def test_a_strategy_knows_the_past_and_nothing_else():
    lengths = []

    class Looking(Strategy):
        def on_bar(self, event):
            history = self.data_handler.history("X", 100)
            lengths.append(len(history))
            assert history.index[-1].value == event.bar.start
            assert history["close"].iloc[-1] == event.bar.close == self.data_handler.latest("X").close

    BacktestEngine(BARS, [Looking]).run()
    assert lengths == list(range(1, 11))


def test_history_gives_the_last_bars_oldest_first():
    found = []

    class Looking(Strategy):
        def on_bar(self, event):
            if event.time == at("09:35"):
                found.append(self.data_handler.history("X", 3))

    BacktestEngine(BARS, [Looking]).run()
    assert found[0]["close"].tolist() == [102, 103, 104]
    assert clock_times(found[0].index) == ["09:32", "09:33", "09:34"]
    assert list(found[0].columns) == ["open", "high", "low", "close", "volume"]


def test_history_of_no_bars_is_refused():
    class Looking(Strategy):
        def on_bar(self, event):
            self.data_handler.history("X", 0)

    with pytest.raises(RunError, match="count must be at least 1, got 0"):
        BacktestEngine(BARS, [Looking]).run()


def test_the_data_handler_says_symbols_time_and_nothing_before_the_first_bar():
    found = []

    class Looking(Strategy):
        def __init__(self, event_queue, data_handler):
            super().__init__(event_queue, data_handler)
            found.extend(
                [data_handler.symbols, data_handler.latest("A"), clock_times([data_handler.timestamp]), len(data_handler.history("A", 5))]
            )

    BacktestEngine(TWO, [Looking]).run()
    assert found == [("A", "B"), None, ["09:30"], 0]


def test_an_order_put_while_the_strategy_is_made_is_worked_from_the_first_bar():
    assert fills_of(once(after=0, work=twap(2))) == [("09:30", 50, 100), ("09:31", 50, 101)]


def test_bars_before_the_start_are_history():
    days = ([100] * 4, [101] * 4)
    rows = [[(price,) * 4 + (volume,) for price, volume in zip(day, (100, 100, 400, 400), strict=True)] for day in days]
    seen = []

    class Late(Strategy):
        def on_bar(self, event):
            seen.append(event.bar.close)
            if len(seen) == 1:
                self.event_queue.put(OrderEvent(symbol="X", quantity=90))

        async def on_order(self, order):
            await VWAPExecutor(self.broker).execute("X", order.quantity, volume_profile_days=1)

    result = BacktestEngine(minute_bars(*rows), [Late], start=at(f"{DAYS[1]} 09:30")).run()
    assert seen == [101] * 4
    assert result.fills["quantity"].tolist() == [10, 40, 40]


def test_an_order_at_the_last_close_of_a_day_is_worked_the_next_morning():
    bars = minute_bars([100, 101], [200, 201, 202])
    result = BacktestEngine(bars, [once(after=2, work=twap(2))]).run()
    assert result.fills["price"].tolist() == [200, 201]
    assert str(result.parents["start"][0]) == "2024-01-03 09:30:00-05:00"


def test_an_order_after_the_last_bar_is_rejected_and_listed():
    result = BacktestEngine(BARS, [once(after=10)]).run()
    assert len(result.fills) == len(result.parents) == 0
    assert len(result.rejected) == 1
    assert "no session at or after" in result.rejected[0]


def test_strategies_have_orders_of_their_own_and_share_each_bars_budget():
    class First(once(quantity=30)):
        pass

    class Second(once(quantity=30)):
        pass

    result = BacktestEngine(BARS, [First, Second], fill_model=FillModel(max_participation=0.04)).run()
    assert list(zip(result.fills["strategy"], result.fills["quantity"], result.fills["price"], strict=True)) == [
        ("First", 30, 101),
        ("Second", 10, 101),
        ("Second", 20, 102),
    ]
    assert result.parents["strategy"].tolist() == ["First", "Second"]


def test_a_strategy_hears_of_its_own_fills_only():
    heard = {"Loud": [], "Silent": []}

    class Loud(once(quantity=10)):
        def on_fill(self, event):
            heard["Loud"].append((type(event), event.fill.quantity, event.fill.fill_price, clock_times([event.time])[0]))

    class Silent(Strategy):
        def on_fill(self, event):
            heard["Silent"].append(event)

    BacktestEngine(BARS, [Silent, Loud]).run()
    assert heard == {"Loud": [(FillEvent, 10, 101, "09:32")], "Silent": []}


def test_several_symbols_are_worked_at_once():
    class Both(Strategy):
        def on_bar(self, event):
            if event.time == at("09:31"):
                self.event_queue.put(OrderEvent(symbol=event.symbol, side="SELL", quantity=20))

        async def on_order(self, order):
            await twap(2)(self, order)

    result = BacktestEngine(TWO, [Both]).run()
    assert result.fills["symbol"].tolist() == ["A", "B", "A", "B"]
    assert result.fills["price"].tolist() == [101, 201, 102, 202]
    assert set(result.fills["side"]) == {"SELL"}


def test_the_result_does_not_depend_on_the_order_of_the_symbols():
    parts = [minute_bars(range(100, 110), symbol="A"), minute_bars(range(200, 210), symbol="B")]

    class Both(Strategy):
        def on_bar(self, event):
            if event.time == at("09:31"):
                self.event_queue.put(OrderEvent(symbol=event.symbol, quantity=20))

    forward, backward = (BacktestEngine(Bars.concat(order), [Both]).run() for order in (parts, parts[::-1]))
    assert forward.fills.equals(backward.fills)
    assert forward.equity.equals(backward.equity)


def test_a_signal_becomes_an_order_in_the_same_instant():
    class Signalling(Strategy):
        def on_bar(self, event):
            if event.time == at("09:31"):
                self.event_queue.put(SignalEvent(symbol="X", side="SELL", strength=0.5))

        def on_signal(self, signal):
            assert signal.side is Side.SELL
            self.event_queue.put(OrderEvent(symbol=signal.symbol, side=signal.side, quantity=100 * signal.strength))

    assert fills_of(Signalling) == [("09:31", 50, 101)]


def test_an_order_may_follow_from_a_fill():
    class Chained(once(quantity=10)):
        def on_fill(self, event):
            if event.fill.side is Side.BUY:
                self.event_queue.put(OrderEvent(symbol="X", side="SELL", quantity=10))

    assert fills_of(Chained) == [("09:31", 10, 101), ("09:32", 10, 102)]


def test_the_shortcuts_find_the_running_engines_market():
    async def work(strategy, order):
        fills = await execute_twap(order.symbol, order.quantity, duration_minutes=2)
        assert [fill.fill_price for fill in fills] == [101, 102]

    assert len(fills_of(once(work=work))) == 2


def test_a_strategy_may_be_made_by_anything_that_takes_queue_and_data():
    class Sized(Strategy):
        def __init__(self, event_queue, data_handler, quantity):
            super().__init__(event_queue, data_handler)
            event_queue.put(OrderEvent(symbol="X", quantity=quantity))

    assert fills_of(partial(Sized, quantity=7)) == [("09:30", 7, 100)]


def test_a_run_can_be_repeated_and_gives_the_same():
    engine = BacktestEngine(BARS, [once(work=twap(5))], fill_model=FillModel(commission=Commission(rate=0.001)))
    first, second = engine.run(), engine.run()
    for name in ("fills", "parents", "equity"):
        assert getattr(first, name).equals(getattr(second, name))


def test_a_backtest_runs_inside_a_running_asyncio_loop_as_in_jupyter():
    async def cell():
        return fills_of(once(work=twap(2)))

    assert run(cell()) == fills_of(once(work=twap(2)))


def test_outside_a_run_a_simulated_broker_is_on_its_own_again():
    BacktestEngine(BARS, [once()]).run()
    assert "X" not in SimulatedBroker().market.streams
    with pytest.raises(RunError):
        BacktestEngine(BARS, [raising("on_bar")]).run()
    assert "X" not in SimulatedBroker().market.streams


def raising(method):
    def fail(self, *_):
        raise KeyError("oops")

    async def fail_later(self, order):
        await self.broker.clock.sleep_until(at("09:33"))
        raise KeyError("oops")

    def on_bar(self, event):
        if event.time == at("09:31"):
            self.event_queue.put(OrderEvent(symbol="X", quantity=1))
            self.event_queue.put(SignalEvent(symbol="X", side="BUY"))

    methods = {"on_bar": on_bar, "on_signal": lambda self, signal: None, method: fail_later if method == "on_order" else fail}
    return type("Broken", (Strategy,), methods)


@pytest.mark.parametrize(("method", "time"), [("on_bar", "09:31"), ("on_signal", "09:31"), ("on_fill", "09:32"), ("on_order", "09:33")])
def test_an_exception_stops_the_run_with_event_symbol_and_time(method, time):
    with pytest.raises(RunError, match=rf"Broken\.{method} failed on X at 2024-01-02 {time}-05:00: KeyError: 'oops'") as caught:
        BacktestEngine(BARS, [raising(method)]).run()
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_executors_exception_stops_the_run_too():
    class Broken(TWAPExecutor):
        async def execute(self, *args, **options):
            await super().execute(*args, **options)
            raise ZeroDivisionError("in the executor")

    async def work(strategy, order):
        await Broken(strategy.broker).execute(order.symbol, order.quantity, 2)

    with pytest.raises(RunError, match=r"Once.on_order failed on X at 2024-01-02 09:33-05:00: ZeroDivisionError: in the executor"):
        BacktestEngine(BARS, [once(work=work)]).run()


def test_too_little_history_for_vwap_stops_the_run_and_says_how_much_there_is():
    async def work(strategy, order):
        await VWAPExecutor(strategy.broker).execute(order.symbol, order.quantity)

    with pytest.raises(RunError, match="needs 5 earlier sessions with data, there are 0"):
        BacktestEngine(BARS, [once(work=work)]).run()


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (OrderEvent(symbol="Y", quantity=1), "unknown symbol 'Y'"),
        (SignalEvent(symbol="X", side="BUY"), "does not override on_signal"),
        (MarketEvent("X", None, 0), "a strategy puts SignalEvent or OrderEvent, got MarketEvent"),
    ],
    ids=["unknown symbol", "signal without on_signal", "market event"],
)
def test_an_event_that_leads_nowhere_is_an_error(event, message):
    class Putting(Strategy):
        def on_bar(self, _):
            self.event_queue.put(event)

    with pytest.raises(RunError, match=message):
        BacktestEngine(BARS, [Putting]).run()


@pytest.mark.parametrize("options", [{"bars": BARS}, {"fill_model": FillModel()}, {"calendar": "XNYS"}, {"start": 0}], ids=str)
def test_a_broker_inside_a_run_takes_the_engines_market_and_no_other(options):
    class Wrong(Strategy):
        def on_bar(self, event):
            SimulatedBroker(**options)

    with pytest.raises(RunError, match="inside a running BacktestEngine the engine's bars, fill model and clock count"):
        BacktestEngine(BARS, [Wrong]).run()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategies": []}, r"at least one strategy: strategies=\[MyStrategy\]"),
        ({"initial_cash": float("nan")}, "initial_cash must be a number"),
    ],
    ids=["no strategy", "nan cash"],
)
def test_a_backtest_that_cannot_run_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        BacktestEngine(BARS, **{"strategies": [once()], **options})


@pytest.mark.parametrize("quantity", [0, -1, float("nan")])
def test_an_order_needs_a_positive_quantity(quantity):
    with pytest.raises(UsageError, match="needs a positive quantity"):
        OrderEvent(symbol="X", quantity=quantity)


def test_a_calendar_keeps_orders_inside_the_regular_hours():
    bars = minute_bars([100] * 395)  # 09:30 to 16:05
    result = BacktestEngine(bars, [once(after=388, work=twap(30))], calendar="XNYS").run()
    assert clock_times(result.fills["timestamp"]) == ["15:58", "15:59"]


def test_two_coroutines_of_one_strategy_work_side_by_side():
    class Twice(once(quantity=20, work=twap(3))):
        def on_bar(self, event):
            if event.time in (at("09:31"), at("09:32")):
                self.event_queue.put(OrderEvent(symbol="X", quantity=30))

    result = BacktestEngine(BARS, [Twice]).run()
    assert clock_times(result.fills["timestamp"]) == ["09:31", "09:32", "09:32", "09:33", "09:33", "09:34"]
