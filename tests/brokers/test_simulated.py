import asyncio
import math
from dataclasses import replace

import pytest
from small_markets import DAYS, DRIVERS, MINUTE, at, clock_times, driven, minute_bars, run, trades

from exec_algos import Bars, Commission, FillModel, SimulatedBroker, TWAPExecutor
from exec_algos.errors import NotEnoughHistoryError, OrderRejectedError, UnknownNameError, UsageError
from exec_algos.market.depth import with_quote_proxy

WIDE = minute_bars([(100, 104, 96, 102), (102, 106, 98, 104), (104, 108, 100, 106), (106, 110, 102, 108)])


def placed(*args, bars=WIDE, driver="asyncio", fill_model=None, **options):
    async def work(broker):
        return await broker.place_order("X", *args, **options)

    return driven(driver, bars, work, fill_model=fill_model)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    ("rule", "buy", "sell", "time"),
    [
        ("open", 100, 100, "09:30"),
        ("close", 102, 102, "09:31"),
        ("vwap", (104 + 96 + 102) / 3, (104 + 96 + 102) / 3, "09:31"),
        ("worst", 104, 96, "09:31"),
    ],
)
def test_the_fill_model_says_price_and_stamp_of_a_market_order(driver, rule, buy, sell, time):
    for side, price in (("BUY", buy), ("SELL", sell)):
        fill = placed(10, side=side, fill_model=FillModel(price=rule), driver=driver)
        assert (fill.quantity, fill.fill_price, clock_times([fill.time])) == (10, price, [time])


def test_the_vendors_vwap_is_the_price_where_it_lies_in_the_bars_range():
    model = FillModel(price="vwap")
    assert placed(10, bars=minute_bars([(100, 104, 96, 102)], vwap=99.5), fill_model=model).fill_price == 99.5
    assert placed(10, bars=minute_bars([(100, 105, 95, 103)], vwap=120.0), fill_model=model).fill_price == 101


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_limit_below_the_market_waits_for_it(driver):
    fill = placed(10, "LMT", 97, driver=driver)
    assert (fill.fill_price, clock_times([fill.time])) == (97, ["09:30"])  # the bar opens at 100 and trades down to 96
    assert placed(10, "LMT", 95, driver=driver).quantity == 0


def test_a_limit_that_the_market_betters_gets_the_markets_price():
    assert placed(10, "LMT", 101).fill_price == 100
    assert placed(10, "LMT", 99, side="SELL").fill_price == 100


def test_touching_fills_a_limit_unless_the_model_asks_for_more():
    assert placed(10, "LMT", 96).fill_price == 96
    through = FillModel(limit_fill="through")
    assert placed(10, "LMT", 96, fill_model=through).quantity == 0
    assert placed(10, "LMT", 97, fill_model=through).fill_price == 97


def test_a_sell_limit_above_the_market_waits_for_it():
    fill = placed(10, "LMT", 107, side="SELL")
    assert (fill.fill_price, clock_times([fill.time])) == (107, ["09:32"])


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_large_child_fills_in_each_bar_as_the_cap_allows_and_answers_once(driver):
    fill = placed(80, fill_model=FillModel(max_participation=0.03), driver=driver)
    assert trades(fill.parts) == [(30, 100), (30, 102), (20, 104)]
    assert (fill.quantity, fill.fill_price) == (80, (3000 + 3060 + 2080) / 80)


def test_a_child_that_expires_answers_with_what_it_got():
    fill = placed(80, fill_model=FillModel(max_participation=0.03), expires=at("09:32"))
    assert (fill.quantity, len(fill.parts)) == (60, 2)


def test_a_child_that_got_nothing_answers_with_nothing():
    fill = placed(10, "LMT", 50)
    assert fill.quantity == 0
    assert math.isnan(fill.fill_price)


def test_without_volume_nothing_fills():
    assert placed(10, bars=minute_bars([(100, 100, 100, 100, 0)] * 3)).quantity == 0


def test_the_budget_of_a_bar_is_rounded_down_to_lots():
    fill = placed(10, fill_model=FillModel(max_participation=0.5), bars=minute_bars([(100,) * 4 + (7,)] * 4))
    assert [part.quantity for part in fill.parts] == [3, 3, 3, 1]


def test_commission_is_the_brokers_rate_or_else_the_models():
    model = FillModel(commission=Commission(per_share=0.01, minimum=1.0))
    assert placed(10, fill_model=model).commission == 1.0
    assert placed(500, fill_model=model).commission == 5.0
    dear = SimulatedBroker(WIDE, 0.002, fill_model=model)
    assert run(dear.place_order("X", 10)).commission == pytest.approx(10 * 100 * 0.002)


def test_latency_delays_the_order_and_its_end():
    fill = placed(10, fill_model=FillModel(latency=1))
    assert clock_times([fill.time]) == ["09:31"]


@pytest.mark.parametrize("driver", DRIVERS)
def test_an_open_child_can_be_cancelled_once(driver):
    async def work(broker):
        child = broker.clock.start(broker.place_order("X", 10, "LMT", 50))
        await broker.clock.sleep_until(at("09:31"))
        (number,) = broker.open_orders()
        first = await broker.cancel_order(number)
        await broker.clock.sleep_until(at("09:32"))
        return first, child.done(), child.result().quantity, broker.open_orders(), await broker.cancel_order(number)

    assert driven(driver, WIDE, work) == (True, True, 0, [], False)


def test_a_cancel_keeps_what_was_filled():
    async def work(broker):
        child = broker.clock.start(broker.place_order("X", 80))
        await broker.clock.sleep_until(at("09:32"))
        await broker.cancel_order(broker.open_orders()[0])
        await broker.clock.sleep_until(at("09:33"))
        return child.result()

    assert driven("backtest", WIDE, work, fill_model=FillModel(max_participation=0.03)).quantity == 60


def test_an_order_without_an_end_lasts_until_the_close():
    bars = minute_bars([100, 100], [50, 50])
    assert placed(10, "LMT", 60, bars=bars).quantity == 0


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((0,), {}, "positive number of shares"),
        ((-5,), {}, "use side='SELL'"),
        (("1.5",), {}, "quantity"),
        ((10, "LMT"), {}, "'LMT' with a positive one, got 'LMT' and None"),
        ((10, "LMT", -1), {}, "got 'LMT' and -1"),
        ((10, "MKT", 100), {}, "'MKT' without limit_price"),
        ((10, "STP", 100), {}, "got 'STP' and 100"),
        ((10,), {"side": "HOLD"}, "unknown side 'HOLD'"),
        ((10,), {"expires": at("09:30")}, "empty"),
    ],
)
def test_an_order_that_cannot_be_is_refused(args, options, message):
    with pytest.raises(UsageError, match=message):
        placed(*args, **options)


def test_a_part_of_a_share_is_dropped_and_the_log_says_so(caplog):
    assert placed(1.5).quantity == 1
    assert placed(2.0).quantity == 2
    assert placed(0.5).quantity == 0
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2


def test_an_unknown_symbol_is_answered_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="unknown symbol 'Y': known: X"):
        run(SimulatedBroker(WIDE).place_order("Y", 1))


def test_after_the_last_bar_orders_are_rejected():
    async def work():
        broker = SimulatedBroker(WIDE)
        await broker.clock.sleep_until(at("09:34"))
        await broker.place_order("X", 1)

    with pytest.raises(OrderRejectedError, match="no session at or after"):
        run(work())


def test_the_clock_begins_at_the_first_bar_or_where_it_is_told():
    assert clock_times([SimulatedBroker(WIDE).clock.now]) == ["09:30"]
    later = SimulatedBroker(WIDE, start=at("09:32"))
    assert run(later.place_order("X", 10)).fill_price == 104


def test_depth_without_quotes_is_refused_with_what_to_write():
    broker = SimulatedBroker(WIDE, start=at("09:32"))
    with pytest.raises(
        UsageError, match=r"get_market_depth reads bid, ask, bid_size, ask_size, and the bars of X have none: give .*'close'"
    ):
        run(broker.get_market_depth("X"))


def test_depth_by_the_proxy_is_the_last_close_and_half_its_volume():
    broker = SimulatedBroker(with_quote_proxy(WIDE, "close"), start=at("09:32"))
    assert run(broker.get_market_depth("X")) == {"bid": 104, "ask": 104, "bid_volume": 500, "ask_volume": 500}


def test_depth_with_quotes_is_theirs():
    bars = minute_bars([100, 101], bid=99.0, ask=102.0, bid_size=300.0, ask_size=200.0)
    broker = SimulatedBroker(bars, start=at("09:31"))
    assert run(broker.get_market_depth("X")) == {"bid": 99, "ask": 102, "bid_volume": 300, "ask_volume": 200}


def test_depth_is_not_known_where_the_last_bar_alone_has_no_quote():
    bars = minute_bars([100, 101, 102], bid=[99.0, math.nan, 99.0], ask=[102.0, math.nan, 102.0], bid_size=3.0, ask_size=2.0)
    depth = run(SimulatedBroker(bars, start=at("09:32")).get_market_depth("X"))
    assert (math.isnan(depth["bid"]), math.isnan(depth["ask"])) == (True, True)
    assert (depth["bid_volume"], depth["ask_volume"]) == (3, 2)


def test_before_the_first_close_there_is_no_depth():
    with pytest.raises(UsageError, match="X has no completed bar yet"):
        run(SimulatedBroker(with_quote_proxy(WIDE, "close")).get_market_depth("X"))


def test_the_volume_profile_is_that_of_earlier_days_by_time_of_day():
    volumes = ([100, 300], [300, 300], [9, 9])
    bars = minute_bars(*([(100,) * 4 + (v,) for v in day] for day in volumes))
    broker = SimulatedBroker(bars, start=at(f"{DAYS[2]} 09:30"))
    profile = run(broker.get_historical_volume_profile("X", 2))
    assert profile.tolist() == [0.4, 0.6]
    assert [f"{one:%H:%M}" for one in profile.index] == ["09:30", "09:31"]
    with pytest.raises(NotEnoughHistoryError, match="needs 3 earlier sessions with data, there are 2"):
        run(broker.get_historical_volume_profile("X", 3))


def test_without_bars_any_ticker_has_a_market_made_of_the_seed():
    def prices(seed, ticker="AAPL"):
        return [fill.fill_price for fill in run(TWAPExecutor(SimulatedBroker(seed=seed)).execute(ticker, 10, 5))]

    assert prices(1) == prices(1)
    assert len({tuple(prices(seed, ticker)) for seed in (1, 2) for ticker in ("AAPL", "005930")}) == 4


def test_a_synthetic_market_has_five_sessions_of_history_at_once():
    profile = run(SimulatedBroker().get_historical_volume_profile("ANY", 20))
    assert (len(profile), profile.sum()) == (390, pytest.approx(1))


def test_synthetic_symbols_are_made_when_they_are_asked_for_and_share_the_clock():
    broker = SimulatedBroker()

    async def main():
        await broker.place_order("A", 1)
        await broker.clock.sleep_until(broker.clock.now + 5 * MINUTE)
        return await broker.place_order("B", 1)

    begin = broker.clock.now
    assert run(main()).time == begin + 6 * MINUTE


def test_settings_give_the_hours_of_the_synthetic_market(monkeypatch):
    from exec_algos import get_settings

    for name, value in {"TIMEZONE": "America/New_York", "TRADING_START_TIME": "09:30", "TRADING_END_TIME": "16:00"}.items():
        monkeypatch.setenv(f"EXEC_ALGOS_{name}", value)
    get_settings.cache_clear()
    try:
        assert clock_times([SimulatedBroker().clock.now]) == ["09:30"]
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_orders_on_several_symbols_fill_in_time_order():
    bars = Bars.concat([minute_bars(range(100, 105), symbol="A"), minute_bars(range(200, 205), symbol="B")])
    broker = SimulatedBroker(bars)
    order = []

    async def buy(symbol, minutes):
        await broker.clock.sleep_until(at("09:30") + minutes * MINUTE)
        fill = await broker.place_order(symbol, 1)
        order.append((symbol, fill.fill_price, clock_times([broker.clock.now])[0]))

    async def main():
        await asyncio.gather(buy("B", 2), buy("A", 1), buy("B", 0))

    run(main())
    assert order == [("B", 200, "09:31"), ("A", 101, "09:32"), ("B", 202, "09:33")]


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf])
def test_a_commission_rate_must_be_a_fraction(rate):
    with pytest.raises(UsageError, match="commission rate must be >= 0"):
        SimulatedBroker(commission_rate=rate)


def test_there_must_be_bars_to_replay():
    with pytest.raises(UsageError, match="there are no bars"):
        SimulatedBroker(WIDE.between(0, 1))


def test_bars_of_another_length_join_no_market_that_runs_and_leave_it_as_it_was():
    async def work(broker):
        first = await broker.place_order("X", 10)
        hourly = minute_bars([(100, 104, 96, 102)], symbol="Y")
        longer = Bars.from_frame(hourly.to_frame().droplevel("symbol"), symbol="Y", label="start", step="2min")
        with pytest.raises(UsageError, match=r"bars of one market have one length, got \[60\.0, 120\.0\] seconds"):
            broker.market.add(longer)
        with pytest.raises(UnknownNameError, match="unknown symbol 'Y'"):
            await broker.place_order("Y", 10)
        with pytest.raises(UsageError, match="X is in this market already"):
            broker.market.add(WIDE)
        return first, await broker.place_order("X", 10), broker.resolution

    first, second, resolution = driven("asyncio", WIDE, work)
    assert trades([first, second]) == [(10, 100), (10, 102)]
    assert resolution == MINUTE


def test_bars_of_another_quote_proxy_join_no_market_that_runs():
    async def work(broker):
        with pytest.raises(
            UsageError, match="bars of one market have one quote proxy, got X none, Y close; name it for all of them, or for none"
        ):
            broker.market.add(minute_bars([100, 101], symbol="Y", quote_proxy="close"))
        with pytest.raises(UnknownNameError, match="unknown symbol 'Y'"):
            await broker.place_order("Y", 10)
        broker.market.add(minute_bars([100, 101], symbol="Z"))
        return sorted(broker.market.streams)

    assert driven("asyncio", replace(WIDE, quote_proxy=None), work) == ["X", "Z"]
