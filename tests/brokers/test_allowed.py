"""Terms of an order against an instrument whose tick changes with the price."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.brokers.allowed import check_terms
from exec_algos.brokers.venue import Instrument
from exec_algos.costs.ticks import KRX_2023
from exec_algos.errors import UsageError
from exec_algos.live.orders import Asked, _looked
from exec_algos.model import MINUTE, SECOND, Session, Side
from exec_algos.testing.venue_bench import Bench

SAMSUNG = Instrument(symbol="005930", bands=tuple(zip(KRX_2023.floors, KRX_2023.ticks, strict=True)))


@pytest.mark.parametrize("limit", [1, 1_999, 2_000, 2_005, 19_990, 20_000, 20_050, 62_400, 199_900, 200_000, 200_500, 499_500, 501_000])
def test_a_limit_on_the_tick_of_its_band_is_taken(limit):
    check_terms(SAMSUNG, 10, limit)


@pytest.mark.parametrize(
    ("limit", "what"),
    [
        (2_001, "ticks of 5 at that price, got a limit of 2001; the nearest are 2000.0 and 2005.0"),
        (19_995, "ticks of 10 at that price, got a limit of 19995; the nearest are 19990.0 and 20000.0"),
        (20_010, "ticks of 50 at that price, got a limit of 20010; the nearest are 20000.0 and 20050.0"),
        (62_450, "ticks of 100 at that price, got a limit of 62450; the nearest are 62400.0 and 62500.0"),
        (499_999, "ticks of 500 at that price, got a limit of 499999; the nearest are 499500.0 and 500000.0"),
        (500_500, "ticks of 1000 at that price, got a limit of 500500; the nearest are 500000.0 and 501000.0"),
        (0.5, "ticks of 1 at that price, got a limit of 0.5; the least is 1.0"),
    ],
)
def test_a_limit_off_the_tick_of_its_band_is_refused_with_the_nearest_prices(limit, what):
    with pytest.raises(UsageError, match=what):
        check_terms(SAMSUNG, 10, limit)


@given(st.integers(1, 2_000_000))
def test_a_limit_is_taken_exactly_where_the_exchange_takes_it(limit):
    try:
        check_terms(SAMSUNG, 1, float(limit))
    except UsageError:
        assert KRX_2023.refusal(limit)
    else:
        assert not KRX_2023.refusal(limit)


def test_a_market_order_and_a_free_price_have_no_tick():
    check_terms(SAMSUNG, 10, math.nan)
    check_terms(Instrument(symbol="FREE"), 10, 0.123456)


def looked(limit):
    start = 1_795_392_000 * SECOND
    broker = SimpleNamespace(clock=SimpleNamespace(now=start), session=lambda instant: Session(start, start + 390 * MINUTE, "Asia/Seoul"))
    return _looked(Asked(1, "A", "005930", Side.BUY, 10, start, start + 30 * MINUTE, limit, "twap"), SAMSUNG, broker)


def test_a_row_of_a_file_is_held_against_the_tick_at_its_limit():
    bad, order = looked(19_990.0)
    assert (bad, order.terms.rules.limit_price, order.terms.rules.tick_size) == ([], 19_990, None)
    bad, order = looked(20_010.0)
    assert order is None
    assert "the nearest are 20000.0 and 20050.0" in str(bad[0])


def test_an_order_that_is_to_rest_is_priced_on_the_tick_at_its_price():
    bench = Bench(SimpleNamespace(caps=SimpleNamespace(own_id_length=0)), SimpleNamespace(now=0), "005930", 10, 1.0)
    bench.instrument, bench.last = SAMSUNG, 62_400.0
    assert (bench.intent(Side.BUY, rest=True).limit, bench.intent(Side.SELL, rest=True).limit) == (46_800, 78_000)
    bench.last = 24_990.0  # a quarter below lies in the band of 10, a quarter above in that of 50
    assert (bench.intent(Side.BUY, rest=True).limit, bench.intent(Side.SELL, rest=True).limit) == (18_740, 31_250)
