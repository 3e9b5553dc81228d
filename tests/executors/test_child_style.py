"""Where children go: at market, at the touch, pegged with re-price and time-out. Answers on paper."""

import math

import numpy as np
import pytest
from loops import begin, books, carried
from small_markets import DRIVERS, MINUTE, clock_times, driven, minute_bars, trades

from exec_algos import TWAP, VWAP, FillModel, Rules
from exec_algos.algorithms import parse_algorithm
from exec_algos.errors import RunError, UnknownNameError, UsageError
from exec_algos.executors import AlgorithmExecutor
from exec_algos.model import Decision, Observed
from exec_algos.model.apply import at_touch
from exec_algos.model.style import ChildStyle, Peg, Touch

NAN = math.nan
FLAT, RISING = [10.0] * 11, [10.0 + minute for minute in range(11)]
QUOTED = Observed(0.0, 10.0, 9.93, 10.07, 100.0, 100.0)


def worked(driver, *days, side="BUY", quantity=100, seconds=60, algorithm=None, columns=None, model=None, end="09:40", **rules):
    """Ten minutes of the last day, TWAP unless told: the fills. Without quote columns the close stands for the quotes."""

    async def work(broker):
        await broker.clock.sleep_until(began)
        executor = AlgorithmExecutor(broker)
        how = algorithm or TWAP(slice_interval_seconds=seconds)
        return await executor.execute("X", quantity, how, end=end, side=side, rules=Rules(**rules))

    bars = minute_bars(*days, **(columns or {"quote_proxy": "close"}))
    began = int(bars.start[bars.start >= bars.start[-1] - 12 * MINUTE][0])
    return driven(driver, bars, work, fill_model=model)


def paid(fills):
    return [
        (minute, quantity, price) for minute, (quantity, price) in zip(clock_times([one.time for one in fills]), trades(fills), strict=True)
    ]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_child_at_the_touch_bids_the_last_price_by_the_proxy_and_waits_for_the_first(driver):
    fills = worked(driver, FLAT, style="touch")
    assert trades(fills) == [(20, 10.0)] + [(10, 10.0)] * 8


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("style", ["touch", "peg"])
def test_without_quotes_and_without_a_proxy_it_is_refused(driver, style):
    with pytest.raises(
        (UsageError, RunError), match=rf"style {style} reads bid, ask, and the bars of X have none: .* with_quote_proxy\(bars, 'close'\)"
    ):
        worked(driver, FLAT, style=style, columns={"quote_proxy": None})


@pytest.mark.parametrize("driver", DRIVERS)
def test_where_one_bar_has_no_quote_nothing_is_sent_and_the_next_makes_it_good(driver):
    bid = [10.0, NAN, *[10.0] * 9]
    fills = worked(driver, FLAT, style="touch", columns={"bid": bid, "ask": bid})
    assert paid(fills)[:3] == [("09:31", 20, 10.0), ("09:33", 20, 10.0), ("09:34", 10, 10.0)]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_child_at_the_touch_is_left_behind_by_a_market_that_runs_away(driver):
    assert worked(driver, RISING, style="touch") == []
    assert len(worked(driver, RISING, style="market")) == 10


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_sale_at_the_touch_is_left_behind_by_a_market_that_falls(driver):
    assert worked(driver, RISING[::-1], side="SELL", style="touch") == []
    assert sum(one.quantity for one in worked(driver, RISING, side="SELL", style="touch")) == 100


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_peg_goes_to_market_when_its_lots_have_waited_for_the_time_out(driver):
    fills = worked(driver, RISING, style=Peg(timeout_seconds=180))
    # ten lots are due from 09:30 on: three minutes later they cross, and all that is due with them; so do those of 09:34 at 09:37
    assert paid(fills) == [("09:33", 40, 13.0), ("09:37", 40, 17.0)]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_longer_time_out_crosses_later(driver):
    first = [paid(worked(driver, RISING, style=Peg(timeout_seconds=seconds)))[0][0] for seconds in (60, 120, 300)]
    assert first == ["09:31", "09:32", "09:35"]


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("style", ["peg", Peg()])
def test_a_peg_waits_five_minutes_unless_it_is_told_otherwise(driver, style):
    assert paid(worked(driver, RISING, style=style))[0][0] == "09:35"


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("style", ["peg:timeout_seconds=inf", Peg(timeout_seconds=math.inf)])
def test_without_a_time_out_a_peg_never_crosses(driver, style):
    assert worked(driver, RISING, style=style) == []


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_peg_follows_the_touch_within_a_slice_and_a_child_at_the_touch_stays_where_it_was(driver):
    days = [10.0] * 10, [11.0] * 11
    stays = worked(driver, *days, seconds=300, style=Touch(), end="09:40")
    follows = worked(driver, *days, seconds=300, style=Peg(reprice_seconds=60, timeout_seconds=math.inf), end="09:40")
    slower = worked(driver, *days, seconds=300, style=Peg(reprice_seconds=120, timeout_seconds=math.inf), end="09:40")
    assert paid(stays) == [("09:35", 100, 11.0)]  # the first slice bid 10, the last price of the day before, and got nothing
    assert paid(follows) == [("09:31", 50, 11.0), ("09:35", 50, 11.0)]
    assert paid(slower) == [("09:32", 50, 11.0), ("09:35", 50, 11.0)]


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_a_cap_left_of_a_pegged_child_is_placed_anew(driver):
    model = FillModel(max_participation=0.02)
    fills = worked(driver, [10.0] * 10, [10.0] * 11, seconds=600, style=Peg(reprice_seconds=60, timeout_seconds=math.inf), model=model)
    assert trades(fills) == [(20, 10.0)] * 5


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_buy_rests_at_the_bid_and_a_sale_at_the_ask_where_there_are_quotes(driver):
    columns = {"bid": 9.9, "ask": 10.1, "bid_size": 100.0, "ask_size": 100.0}
    rows = [(10.0, 10.05, 9.95, 10.0)] * 5 + [(10.0, 10.1, 9.9, 10.0)] * 6
    bought = worked(driver, rows, style="touch", columns=columns)
    sold = worked(driver, rows, style="touch", side="SELL", columns=columns)
    assert paid(bought)[0] == ("09:35", 60, 9.9)
    assert paid(sold)[0] == ("09:35", 60, 10.1)
    assert sum(one.quantity for one in bought) == sum(one.quantity for one in sold) == 100


def test_a_price_off_the_tick_is_rounded_away_from_the_other_side():
    assert at_touch(1, 0.05, QUOTED, Decision(7, NAN)) == (7, pytest.approx(9.90))
    assert at_touch(-1, 0.05, QUOTED, Decision(7, NAN)) == (7, pytest.approx(10.10))
    assert at_touch(1, 0.0, QUOTED, Decision(7, NAN)) == (7, 9.93)


def test_a_price_on_the_tick_stays_though_it_is_no_binary_fraction():
    for ticks in range(1, 2000):
        market = Observed(0.0, ticks * 0.01, ticks * 0.01, ticks * 0.01, 1.0, 1.0)
        assert at_touch(1, 0.01, market, Decision(1, NAN)).limit == at_touch(-1, 0.01, market, Decision(1, NAN)).limit == ticks / 100


@pytest.mark.parametrize(("side", "own", "held"), [(1, 9.5, 9.5), (1, 9.95, 9.93), (-1, 10.5, 10.5), (-1, 10.0, 10.07)])
def test_the_tighter_of_the_touch_and_the_own_limit_holds(side, own, held):
    assert at_touch(side, 0.0, QUOTED, Decision(7, own)) == (7, held)


def test_before_the_first_price_nothing_is_sent():
    assert at_touch(1, 0.0, Observed(0.0, NAN, NAN, NAN, 0.0, 0.0), Decision(7, 9.5)).lots == 0


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_parent_orders_limit_holds_after_the_time_out_too(driver):
    fills = worked(driver, RISING, style=Peg(timeout_seconds=60), limit_price=13.0)
    assert max(one.fill_price for one in fills) <= 13.0
    assert 0 < sum(one.quantity for one in fills) < 100


@pytest.mark.parametrize("driver", DRIVERS)
def test_force_stands_above_the_style(driver):
    fills = worked(driver, RISING, style="touch", residual="force")
    assert paid(fills) == [("09:39", 100, 19.0)]


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_closing_auctions_child_goes_at_market(driver):
    rows = [10.0 + minute for minute in range(15)]
    fills = worked(driver, rows, style="touch", residual="close_auction")
    assert [(quantity, price) for _, quantity, price in paid(fills)] == [(100, 24.0)]


@pytest.mark.parametrize("place", ["asyncio", "backtest", "loop"])
def test_books_balance_and_places_agree_while_a_pegged_order_is_worked(place):
    async def work(broker):
        order = begin(broker, rules=Rules(style=Peg(timeout_seconds=120)))
        began = broker.clock.now
        for minute in range(1, 13):
            await broker.clock.sleep_until(began + minute * MINUTE)
            books(order)
        return order.over, order.filled, order.residual

    assert carried(place, work) == (True, 90, 10)


def test_styles_are_values_with_a_text_form():
    for style in (ChildStyle(), Touch(), Peg(), Peg(reprice_seconds=30, timeout_seconds=90)):
        assert ChildStyle.of(str(style)) == style
    assert [str(one) for one in (ChildStyle(), Touch(), Peg())] == ["market", "touch", "peg"]
    assert Rules(style="touch") == Rules(style=Touch())


@pytest.mark.parametrize(
    ("text", "said"),
    [("peg:reprice_seconds=0", "reprice_seconds"), ("peg:timeout_seconds=-1", "timeout_seconds"), ("peg:timeout_seconds=nan", "timeout")],
)
def test_a_time_out_of_range_is_refused(text, said):
    with pytest.raises(UsageError, match=said):
        Rules(style=text)


def test_an_unknown_style_is_refused_with_those_there_are():
    with pytest.raises(UnknownNameError, match="did you mean touch"):
        Rules(style="tuch")
    with pytest.raises(UnknownNameError, match="timeout_seconds"):
        Rules(style="peg:timeout=3")


def test_algorithms_keep_the_same_text_form():
    assert parse_algorithm("vwap:profile_days=3") == VWAP(profile_days=3)
    assert np.isfinite(parse_algorithm("pov:rate=0.2").params()[0])
