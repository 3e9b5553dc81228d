"""When a limit order fills: by touch, through so many ticks, or behind a queue; on paper, and in both drivers alike."""

import asyncio
import json
import math
import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import assert_same, grids, market, markets, outcome, study_of
from small_markets import DRIVERS, at, clock_times, driven, minute_bars
from test_agreement import Patient

from exec_algos import FillModel, SimulatedBroker
from exec_algos.costs import FixedSpread, SquareRootImpact, TransientImpact
from exec_algos.costs.ticks import TickTable
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.fills.limits import LimitFill, QueueFill, ThroughFill, TouchFill
from exec_algos.fills.matching import meet_bar, queue_ahead
from exec_algos.studies.record.configuration import fill_model_of, fill_model_record

CENTS = TickTable("cents", (0.0,), (0.01,))
BANDS = TickTable("bands", (0.0, 10.0), (0.01, 0.05))
COARSE = TickTable("coarse", (0.0, 20.0), (0.25, 0.5))
TOUCHING = (10.1, 10.2, 10.0, 10.1)
MIRROR = (9.9, 10.0, 9.8, 9.9)


def filled(bars, *limits, side="BUY", quantity=100, sent="09:30", **model):
    """Time, shares and price of every fill of orders at these limits, sent together."""

    async def one(broker, limit):
        return await broker.place_order("X", quantity, "MKT" if limit is None else "LMT", limit, side=side)

    async def all_of_them():
        broker = SimulatedBroker(bars, fill_model=FillModel(**model))
        await broker.clock.sleep_until(at(sent))
        return await asyncio.gather(*(one(broker, limit) for limit in limits))

    fills = [part for fill in asyncio.run(all_of_them()) for part in (fill.parts or (fill,)) if part.quantity]
    return [(clock_times([part.time])[0], part.quantity, part.fill_price) for part in fills]


@pytest.mark.parametrize(("side", "bar"), [("BUY", TOUCHING), ("SELL", MIRROR)])
def test_a_bar_that_only_touches_gives_a_fraction_of_what_the_cap_allows(side, bar):
    half = {"limit_fill": TouchFill(fraction=0.5), "max_participation": 0.1}  # of 10 % of 1,000 shares
    assert filled(minute_bars([bar] * 4), 10.0, side=side, **half) == [("09:30", 50, 10.0), ("09:31", 50, 10.0)]
    assert filled(minute_bars([bar] * 4), 10.0, side=side, max_participation=0.1) == [("09:30", 100, 10.0)]


def test_a_bar_that_trades_beyond_the_limit_gives_all_that_the_cap_allows():
    bars = minute_bars([(10.1, 10.2, 9.99, 10.1)] * 4)
    assert filled(bars, 10.0, limit_fill=TouchFill(fraction=0.5), max_participation=0.1) == [("09:30", 100, 10.0)]


def test_the_fraction_of_a_touched_bar_is_shared_by_all_who_wait_there():
    fills = filled(minute_bars([TOUCHING]), 10.0, 10.0, quantity=40, limit_fill=TouchFill(fraction=0.5), max_participation=0.1)
    assert [shares for _, shares, _ in fills] == [40, 10]


def test_what_market_orders_have_taken_counts_against_the_fraction():
    fills = filled(minute_bars([TOUCHING]), None, 10.0, quantity=30, limit_fill=TouchFill(fraction=0.5), max_participation=0.1)
    assert [shares for _, shares, _ in fills] == [30, 20]


def test_where_others_have_taken_more_than_the_fraction_nothing_is_left():
    assert meet_bar(1, 10, 10.0, 10.1, 10.0, 10.2, 100, TouchFill(fraction=0.5).terms(), 60) == (0, 10.0)


def test_a_fraction_of_a_touch_is_rounded_down_to_whole_lots():
    bars = minute_bars([TOUCHING], volume=70)  # 10 % are 7 shares, half of which are 3.5
    assert filled(bars, 10.0, limit_fill="touch:fraction=0.5", max_participation=0.1) == [("09:30", 3, 10.0)]


@pytest.mark.parametrize("rule", [{"limit_fill": "through:by=0.02"}, {"limit_fill": ThroughFill(ticks=2), "ticks": CENTS}])
def test_a_bar_must_trade_two_cents_beyond_the_limit(rule):
    lows = [10.0, 9.99, 9.98]
    bars = minute_bars([(10.1, 10.2, low, 10.1) for low in lows])
    assert filled(bars, 10.0, **rule) == [("09:32", 100, 10.0)]
    mirrored = minute_bars([(9.9, 20.0 - low, 9.8, 9.9) for low in lows])
    assert filled(mirrored, 10.0, side="SELL", **rule) == [("09:32", 100, 10.0)]


def test_ticks_beyond_a_limit_are_of_the_size_that_holds_at_the_limit():
    bars = minute_bars([(12.1, 12.2, 11.96, 12.1), (12.1, 12.2, 11.95, 12.1)])
    assert filled(bars, 12.0, limit_fill="through:ticks=1", ticks=BANDS) == [("09:31", 100, 12.0)]
    cheap = minute_bars([(8.1, 8.2, 8.0, 8.1), (8.1, 8.2, 7.99, 8.1)])
    assert filled(cheap, 8.0, limit_fill="through:ticks=1", ticks=BANDS) == [("09:31", 100, 8.0)]


def quoted(bars, bid_size=300.0, **columns):
    """Minutes with a book of 10.00 to 10.02, so many shares on the bid."""
    return minute_bars(bars, **{"bid": 10.0, "ask": 10.02, "bid_size": bid_size, "ask_size": 300.0, **columns})


def touching(volume):
    return (10.02, 10.02, 10.0, 10.02, volume)


BEYOND = (10.02, 10.02, 9.99, 10.02, 1000)
AWAY = (10.02, 10.02, 10.01, 10.02, 1000)


def test_volume_at_the_limit_eats_the_queue_first():
    bars = quoted([AWAY, touching(200), touching(150), touching(1000)])  # 300 ahead: 200, then 100 of them and 50 for us
    assert filled(bars, 10.0, sent="09:31", limit_fill="queue") == [("09:32", 50, 10.0), ("09:33", 50, 10.0)]


def test_a_sale_waits_behind_the_size_on_the_ask():
    rows = [(10.0, 10.02, 10.0, 10.0, volume) for volume in (1, 350, 1000)]
    assert filled(quoted(rows), 10.02, side="SELL", sent="09:31", limit_fill="queue") == [("09:31", 50, 10.02), ("09:32", 50, 10.02)]


def test_a_bar_that_trades_through_fills_whoever_waits():
    assert filled(quoted([AWAY, touching(100), BEYOND]), 10.0, sent="09:31", limit_fill="queue") == [("09:32", 100, 10.0)]


def test_the_cap_holds_behind_the_queue():
    bars = quoted([AWAY, touching(700), BEYOND])
    fills = filled(bars, 10.0, sent="09:31", limit_fill="queue", max_participation=0.05)
    assert fills == [("09:31", 35, 10.0), ("09:32", 50, 10.0)]


def test_a_smaller_size_shown_later_means_that_fewer_are_ahead():
    bars = quoted([AWAY, AWAY, touching(60), touching(60)], bid_size=[300.0, 20.0, 500.0, 500.0])
    assert filled(bars, 10.0, quantity=60, sent="09:31", limit_fill="queue") == [("09:32", 40, 10.0), ("09:33", 20, 10.0)]


def test_a_limit_better_than_the_best_has_nobody_ahead():
    bars = quoted([AWAY, (10.02, 10.02, 10.01, 10.02, 60)])
    assert filled(bars, 10.01, sent="09:31", limit_fill="queue") == [("09:31", 60, 10.01)]


def test_behind_the_best_only_a_bar_that_trades_through_fills():
    bars = quoted([AWAY, (10.02, 10.02, 9.99, 10.02, 9000), (10.02, 10.02, 9.98, 10.02, 9000)])
    assert filled(bars, 9.99, sent="09:31", limit_fill="queue") == [("09:32", 100, 9.99)]


def test_before_any_quote_only_a_bar_that_trades_through_fills():
    assert filled(quoted([touching(9000), BEYOND]), 10.0, limit_fill="queue") == [("09:31", 100, 10.0)]


def test_quotes_from_before_a_missing_minute_are_not_looked_at():
    assert filled(quoted([AWAY, None, touching(9000), BEYOND]), 10.0, sent="09:31", limit_fill="queue") == [("09:33", 100, 10.0)]


def test_only_a_part_of_a_touching_bar_may_trade_at_the_limit():
    bars = quoted([AWAY, touching(700)])
    assert filled(bars, 10.0, sent="09:31", limit_fill=QueueFill(at_limit=0.5)) == [("09:31", 50, 10.0)]
    assert filled(bars, 10.0, sent="09:31", limit_fill="queue") == [("09:31", 100, 10.0)]


def test_a_market_order_waits_for_nobody():
    assert filled(quoted([AWAY, touching(700)]), None, sent="09:31", limit_fill="queue") == [("09:31", 100, 10.02)]


@given(
    st.sampled_from([1, -1]), st.sampled_from([9.99, 10.0, 10.01]), st.floats(0, 1e6), st.sampled_from([math.nan, 10.0]), st.floats(0, 1e6)
)
def test_a_look_at_the_book_never_lengthens_a_queue(side, limit, ahead, best, size):
    after = queue_ahead(side, limit, ahead, best, size)
    assert 0 <= after <= ahead
    assert math.isnan(best) <= (after == ahead)
    assert queue_ahead(side, best, math.inf, best, size) == (math.inf if math.isnan(best) else size)


steps = st.tuples(st.integers(-3, 3), st.integers(0, 3), st.integers(0, 400), st.integers(0, 500))


@given(st.lists(steps, min_size=2, max_size=12), st.sampled_from(["BUY", "SELL"]), st.sampled_from([None, 0.3]))
@settings(deadline=None, max_examples=40)
@pytest.mark.slow
def test_a_queue_gives_no_less_than_trading_through_and_no_more_than_a_touch_and_never_a_worse_price(table, side, cap):
    rows = [(10 + o / 4, 10 + (o + w) / 4, 10 + (o - w) / 4, 10 + o / 4, volume) for o, w, volume, _ in table]
    sizes = [float(size) for *_, size in table]
    bars = quoted(rows, bid_size=sizes, ask_size=sizes, ask=10.0)
    got = [filled(bars, 10.0, side=side, limit_fill=rule, max_participation=cap) for rule in ("through", "queue", "touch")]
    shares = [sum(quantity for _, quantity, _ in fills) for fills in got]
    assert shares == sorted(shares)
    sign = 1 if side == "BUY" else -1
    assert all((price - 10.0) * sign <= 0 for fills in got for _, _, price in fills)


def test_bars_without_quotes_have_no_queue():
    with pytest.raises(UsageError, match=r"the bars of X have no bid, ask, bid_size, ask_size; .* use limit_fill='through' or 'touch:frac"):
        filled(minute_bars([TOUCHING]), 10.0, limit_fill="queue")


costs = {"price": st.sampled_from(["open", "vwap", "close", "worst"]), "spread": st.none() | st.builds(FixedSpread, st.floats(0, 200))}
plain = st.builds(
    FillModel,
    **costs,
    limit_fill=st.sampled_from(["touch:fraction=0.3", "touch:fraction=0", "through:by=0.5"]),
    max_participation=st.sampled_from([0.1, 0.29]),
    latency=st.sampled_from([0.0, 60.0, 3000.0]),
    impact=st.sampled_from([None, SquareRootImpact(0.02)]),
)
ticked = st.builds(
    FillModel,
    **costs,
    limit_fill=st.sampled_from([ThroughFill(ticks=1), ThroughFill(ticks=3), ThroughFill(by=0.25)]),
    max_participation=st.sampled_from([None, 0.1]),
    ticks=st.just(COARSE),
    impact=st.sampled_from([None, TransientImpact(0.05, "linear", half_life_seconds=3600.0)]),
)  # the kernels of all these are those of other tests


@given(markets(), st.integers(30, 50), st.integers(30, 50), plain | ticked, grids)
@settings(deadline=None, max_examples=25)
@pytest.mark.slow
def test_engine_and_batch_agree_bit_for_bit_under_every_limit_rule(bars, buy, sell, model, grid):
    study = study_of(bars, [Patient(buy=buy / 2, sell=sell / 2)], model, **grid)
    engine, batch = outcome(study, "engine"), outcome(study, "batch")
    assert_same(engine, batch)
    if not isinstance(batch, str):
        fills = batch.fills
        assert (fills["price"][fills["side"] == "BUY"] <= buy / 2).all()
        assert (fills["price"][fills["side"] == "SELL"] >= sell / 2).all()


def test_the_compiled_loop_refuses_a_queue_and_says_which_driver_keeps_one():
    study = study_of(market(3), ["twap"], FillModel(limit_fill="queue"), size="10", profile_days=1)
    refused = "a study's driver='engine'.* got limit_fill 'queue'; use that, or 'touch:fraction=0.5' or 'through'"
    assert re.search(refused, outcome(study, "batch"))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (TouchFill(), "touch"),
        (ThroughFill(), "through"),
        ("queue:at_limit=0.25", "queue:at_limit=0.25"),
        (TouchFill(fraction=0.5), "touch:fraction=0.5"),
        (ThroughFill(by=0.01), "through:by=0.01"),
    ],
)
def test_a_model_keeps_its_limit_rule_as_a_text_and_a_record_has_it_again(given, text):
    model = FillModel(limit_fill=given, max_participation=0.1)
    assert model.limit_fill == text
    assert model.limit_rule == LimitFill.of(given)
    assert fill_model_of(json.loads(json.dumps(fill_model_record(model)))) == model


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: FillModel(limit_fill="through:ticks=1"), r"'through:ticks=1' must know the tick: give FillModel\(ticks=\.\.\.\), or"),
        (lambda: FillModel(limit_fill="touch:fraction=0.5"), "is a fraction of what the cap allows: give max_participation"),
        (lambda: FillModel(limit_fill=QueueFill(), impact=TransientImpact(0.1, half_life_seconds=60.0)), "impact that lasts displaces"),
        (lambda: TouchFill(fraction=1.5), "touch fraction must be a fraction between 0 and 1, got 1.5"),
        (lambda: QueueFill(at_limit=-1), "queue at_limit must be at least 0"),
        (lambda: ThroughFill(ticks=1.5), "through ticks must be a whole number from 0 on, got 1.5"),
        (lambda: ThroughFill(by=-0.1), "through by must be at least 0"),
        (lambda: ThroughFill(ticks=1, by=0.1), "through takes ticks or by, got ticks=1 and by=0.1; leave one out"),
        (lambda: FillModel(limit_fill=True), "limit fill must be a text such as 'touch', got True"),
    ],
)
def test_what_no_limit_rule_can_be_is_refused_with_its_value(make, said):
    with pytest.raises(UsageError, match=said):
        make()


def test_an_unknown_limit_rule_is_refused_with_what_it_may_have_meant():
    with pytest.raises(UnknownNameError, match="touch"):
        FillModel(limit_fill="tuch")


HALTED = [AWAY, None, (10.02, 10.02, 9.0, 10.02, 0), None, (10.02, 10.02, 9.0, 10.02, 0), (10.0, 10.0, 9.0, 9.5, 1000)]
LIMIT_RULES = ("touch", "touch:fraction=0.5", "through", "through:by=0.01", "queue")


@pytest.mark.parametrize(("price", "rule"), list(product(["open", "vwap", "close", "worst"], LIMIT_RULES)))
@pytest.mark.parametrize("limit", [None, 10.0])
def test_nothing_fills_in_a_halt_or_a_minute_without_volume_and_the_order_goes_on_afterwards(price, rule, limit):
    fills = filled(quoted(HALTED), limit, sent="09:31", price=price, limit_fill=rule, max_participation=0.1)
    known = "09:35" if price == "open" else "09:36"
    assert [(time, shares) for time, shares, _ in fills] == [(known, 100)]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_limit_rule_is_the_same_under_asyncio_and_in_a_backtest(driver):
    bars = quoted([AWAY, touching(200), touching(150), touching(1000)])

    async def work(broker):
        await broker.clock.sleep_until(at("09:31"))
        return await broker.place_order("X", 100, "LMT", 10.0)

    fill = driven(driver, bars, work, fill_model=FillModel(limit_fill="queue"))
    assert [part.quantity for part in fill.parts] == [50, 50]
