"""Tick tables and daily price limits: published bands and KRX's own worked examples; float care; nothing guessed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_markets import minute_bars

from exec_algos import Bars
from exec_algos.costs.ticks import KOSDAQ_2010, KOSPI_2010, KRX_2023, KRX_ETF, US_EQUITY, PriceLimit, TickTable, krx_ticks
from exec_algos.errors import UnknownNameError, UsageError

TABLES = [KRX_2023, KOSPI_2010, KOSDAQ_2010, KRX_ETF, US_EQUITY]
tables = st.sampled_from(TABLES)
prices = st.floats(0.0001, 2e6)


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        (1, 1), (1_999, 1), (2_000, 5), (4_995, 5), (5_000, 10), (19_990, 10), (20_000, 50), (49_950, 50),
        (50_000, 100), (199_900, 100), (200_000, 500), (499_500, 500), (500_000, 1_000), (1_200_000, 1_000),
    ],
)  # fmt: skip
def test_ticks_of_krx_since_2023(price, tick):
    assert KRX_2023.tick(price) == tick


@pytest.mark.parametrize(
    ("price", "kospi", "kosdaq"),
    [(999, 1, 1), (1_500, 5, 5), (9_990, 10, 10), (15_000, 50, 50), (163_500, 500, 100), (600_000, 1_000, 100)],
)
def test_ticks_of_krx_before_2023_differ_by_market_above_100_000_won(price, kospi, kosdaq):
    assert (KOSPI_2010.tick(price), KOSDAQ_2010.tick(price)) == (kospi, kosdaq)


def test_the_tick_of_a_us_stock_is_a_cent_from_one_dollar_on():
    assert (US_EQUITY.tick(0.9999), US_EQUITY.tick(1.0), US_EQUITY.tick(512.3)) == (0.0001, 0.01, 0.01)


@pytest.mark.parametrize(
    ("market", "day", "table"),
    [
        ("KOSPI", None, KRX_2023),
        ("KOSPI", "2023-01-25", KRX_2023),
        ("KOSPI", "2023-01-24", KOSPI_2010),
        ("KOSDAQ", "2023-01-24", KOSDAQ_2010),
        ("KONEX", "2023-01-24", KOSDAQ_2010),
        ("KONEX", "2024-06-03", KRX_2023),
        ("ETF", "2024-06-03", KRX_ETF),
        ("ETF", None, KRX_ETF),
    ],
)
def test_the_table_of_a_krx_market_by_date(market, day, table):
    assert krx_ticks(market, day) is table


@pytest.mark.parametrize(("market", "day"), [("KOSPI", "2010-10-03"), ("ETF", "2023-12-11")])
def test_a_date_whose_ticks_are_not_known_is_refused(market, day):
    with pytest.raises(UsageError, match=f"not for {day}"):
        krx_ticks(market, day)


def test_an_unknown_market_is_refused_with_its_neighbour():
    with pytest.raises(UnknownNameError, match="did you mean KOSDAQ"):
        krx_ticks("KOSDAK")


@pytest.mark.parametrize(
    ("price", "down", "nearest", "up"),
    [(20_049, 20_000, 20_050, 20_050), (20_024, 20_000, 20_000, 20_050), (1_999.5, 1_999, 2_000, 2_000), (50_000, 50_000, 50_000, 50_000)],
)
def test_rounding_to_the_tick(price, down, nearest, up):
    assert (KRX_2023.round_down(price), KRX_2023.round_nearest(price), KRX_2023.round_up(price)) == (down, nearest, up)


@pytest.mark.parametrize("cents", [1007, 110, 102, 2999, 115, 429, 100_000_003])
def test_a_price_in_cents_is_on_tick_however_its_double_falls(cents):
    price = cents / 100
    for written in (price, cents * 0.01, math.nextafter(price, 0), math.nextafter(price, math.inf)):
        assert US_EQUITY.is_on_tick(written)
        assert US_EQUITY.round_down(written) == US_EQUITY.round_up(written) == US_EQUITY.round_nearest(written) == price


def test_a_tenth_of_a_cent_is_off_tick():
    assert not US_EQUITY.is_on_tick(10.071)
    assert US_EQUITY.is_on_tick(0.9991)
    assert (US_EQUITY.round_down(10.079), US_EQUITY.round_up(10.071)) == (10.07, 10.08)


@given(tables, prices)
def test_rounded_prices_lie_on_ticks_about_the_price_within_one_tick(table, price):
    low, high = table.round_down(price), table.round_up(price)
    tick = table.tick(price)
    slack = 1e-5 * tick
    assert low - slack <= price <= high + slack
    assert high - low <= tick * (1 + 1e-6)
    assert all(table.is_on_tick(one) for one in (low, high) if one > 0)
    assert table.round_nearest(price) in (low, high)


@given(tables, prices)
def test_rounding_a_rounded_price_changes_nothing(table, price):
    for way in (table.round_down, table.round_up, table.round_nearest):
        once = way(price)
        assert not once or way(once) == once


@given(tables, st.lists(prices, min_size=1, max_size=5))
def test_ticks_of_a_column_are_the_ticks_of_its_prices(table, column):
    assert table.tick_sizes(np.array(column)).tolist() == [table.tick(price) for price in column]


def test_no_price_has_no_tick():
    assert np.isnan(KRX_2023.tick_sizes(np.array([0.0, -1.0, np.nan, np.inf]))).all()
    for price in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(UsageError, match="a price must be above 0"):
            KRX_2023.tick(price)


@pytest.mark.parametrize(
    ("floors", "ticks", "why"),
    [
        ((), (), "must rise from 0"),
        ((1.0,), (1.0,), "must rise from 0"),
        ((0.0, 10.0, 5.0), (1.0, 1.0, 1.0), "must rise from 0"),
        ((0.0, 10.0), (1.0,), "must rise from 0"),
        ((0.0,), (0.0,), "must be above 0"),
        ((0.0, 10.0), (1.0, 3.0), "10 must be a multiple of both 1 and 3"),
    ],
)
def test_a_table_that_cannot_be_is_refused(floors, ticks, why):
    with pytest.raises(UsageError, match=why):
        TickTable("mine", floors, ticks)


@pytest.mark.parametrize(
    ("base", "table", "low", "high"),
    [
        (9_980, KRX_2023, 6_990, 12_970),  # KRX's example with the table of 2023
        (9_940, KOSDAQ_2010, 6_960, 12_900),  # KRX's example with the table before
        (2_305, KRX_2023, 1_615, 2_995),  # 691.5 is cut to 690 by the base's tick, though 1,614 would be on tick below 2,000
        (150_000, KRX_2023, 105_000, 195_000),
        (500_000, KRX_2023, 350_000, 650_000),
        (1, KRX_2023, 1, 1),  # a price of one tick cannot move
    ],
)
def test_daily_limits_of_krx(base, table, low, high):
    assert PriceLimit(0.30).limits(base, table) == (low, high)


@given(st.sampled_from([KRX_2023, KOSPI_2010, KOSDAQ_2010, KRX_ETF]), st.integers(1, 2_000_000), st.sampled_from([0.15, 0.30, 0.60]))
def test_daily_limits_lie_on_ticks_within_the_fraction_about_the_base(table, won, fraction):
    base = table.round_up(won)
    low, high = PriceLimit(fraction).limits(base, table)
    assert table.is_on_tick(low)
    assert table.is_on_tick(high)
    assert base * (1 - fraction) - 1e-6 <= low <= base <= high <= base * (1 + fraction) + 1e-6


def test_the_limits_of_a_bar_are_those_of_the_close_of_the_day_before():
    one = minute_bars([9_000.0, 9_980.0], [10_000.0, 10_000.0, 12_000.0], [11_000.0], symbol="A")
    other = minute_bars([150_000.0], [160_000.0], symbol="B")
    low, high = PriceLimit(0.30).of_bars(Bars.concat([one, other]), KRX_2023)
    assert np.isnan(low[[0, 1, 6]]).all()
    assert np.isnan(high[[0, 1, 6]]).all()
    assert low[[2, 3, 4, 5, 7]].tolist() == [6_990, 6_990, 6_990, 8_400, 105_000]
    assert high[[2, 3, 4, 5, 7]].tolist() == [12_970, 12_970, 12_970, 15_600, 195_000]


def test_the_fraction_of_a_price_limit_matters():
    assert PriceLimit(0.15).limits(10_000, KRX_2023) == (8_500, 11_500)


@pytest.mark.parametrize("fraction", [0, -0.1, 1, math.nan, "0.3", None])
def test_a_price_limit_that_cannot_be_is_refused(fraction):
    with pytest.raises(UsageError, match="price limit must be"):
        PriceLimit(fraction)


def test_a_table_prints_its_bands_and_its_source():
    assert US_EQUITY.describe() == (
        "US NMS stocks: 0.0001 from 0, 0.01 from 1 [SEC Rule 612 of Regulation NMS; not the half-cent tick of its 2024 amendments]"
    )


@pytest.mark.market_data
@pytest.mark.parametrize("symbol", ["000660", "005930", "035420"])
def test_recorded_korean_bars_lie_within_their_daily_limits(market_data, symbol):
    bars = Bars.read(market_data / "krx_yahoo_5m" / f"{symbol}.parquet")
    low, high = PriceLimit(0.30).of_bars(bars, KRX_2023)
    known = np.isfinite(low)
    assert known.sum() > 300
    assert (bars.low[known] >= low[known]).all()
    assert (bars.high[known] <= high[known]).all()
