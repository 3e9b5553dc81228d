import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kis_payloads import done

from exec_algos.brokers.kis import rules
from exec_algos.brokers.kis.order_types import EXCHANGES, TYPES, UNPRICED
from exec_algos.brokers.kis.rows import Power, Quote, StockInfo, instant
from exec_algos.brokers.venue import Intent
from exec_algos.errors import OrderRejectedError, UnknownNameError, UsageError
from exec_algos.model import Fill, Side

DAY = "20261123"


def quote(**changes):
    row = {"stck_prpr": "62400", "stck_sdpr": "62000", "stck_mxpr": "80600", "stck_llam": "43400", "aspr_unit": "100"} | changes
    return Quote.of(done(output=row))


def intent(limit=math.nan, quantity=100, side=Side.BUY):
    return Intent(own_id="", symbol="005930", side=side, quantity=quantity, limit=limit)


# the published matrix of order types, by hand: code, KRX, NXT, SOR, priced
MATRIX = """
00 Y Y Y yes
01 Y n Y no
02 Y n n yes
03 Y Y Y no
04 Y Y Y no
05 Y n n no
06 Y n n no
07 Y n n yes
11 Y Y Y yes
12 Y Y Y yes
13 Y Y Y no
14 Y Y Y no
15 Y Y Y no
16 Y Y Y no
21 Y Y n no
22 Y Y n yes
23 Y Y n no
24 Y Y n no
27 n Y n yes
28 n Y n no
29 n Y n no
41 Y n n yes
42 Y n n yes
43 Y n n yes
44 Y n n no
45 Y n n no
46 Y n n no
47 Y n n no
"""
ROWS = [line.split() for line in MATRIX.split("\n") if line]


def test_the_matrix_has_every_order_type():
    assert [row[0] for row in ROWS] == list(TYPES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_an_order_type_is_taken_where_the_matrix_says_so(row):
    code, *taken, priced = row
    assert (code in UNPRICED) is (priced == "no")
    for exchange, yes in zip(EXCHANGES, taken, strict=True):
        if yes == "Y" and code != "22":
            rules.check_type(code, exchange)
        else:
            with pytest.raises(UsageError):
                rules.check_type(code, exchange)
    on_paper = code in ("00", "01", "02", "03", "04")
    if on_paper:
        rules.check_type(code, "KRX", paper=True)
    else:
        with pytest.raises(UsageError):
            rules.check_type(code, "KRX", paper=True)


@pytest.mark.parametrize(
    ("dvsn", "exchange", "paper", "what"),
    [
        ("01", "NXT", False, r"NXT takes no market orders \(01\), only KRX and SOR; send a limit order \(00\)"),
        ("41", "NXT", False, r"NXT takes no after-market limit orders \(41\), only KRX; send a limit order \(00\)"),
        ("27", "KRX", False, "KRX takes no limit until 08:50 orders"),
        ("22", "KRX", False, "a stop order needs a price of its own"),
        ("99", "KRX", False, "order type must be one of 00, 01"),
        ("00", "NYSE", False, "exchange must be one of KRX, NXT, SOR, got 'NYSE'"),
        ("00", "NXT", True, "paper host takes orders of types 00, 01, 02, 03, 04 on KRX, got 00 on NXT"),
        ("11", "KRX", True, "got 11 on KRX"),
    ],
)
def test_an_order_type_that_is_not_taken_is_refused_with_what_is(dvsn, exchange, paper, what):
    with pytest.raises(UsageError, match=what):
        rules.check_type(dvsn, exchange, paper)


def test_the_type_of_an_order_is_that_of_its_limit_and_of_the_time():
    noon, evening = instant(DAY, "120000"), instant(DAY, "160000")
    assert (rules.dvsn_of(intent()), rules.dvsn_of(intent(62_400.0))) == ("01", "00")
    assert rules.dvsn_of(intent(62_400.0), "KRX", noon) == rules.dvsn_of(intent(62_400.0), "NXT", evening) == "00"
    assert rules.dvsn_of(intent(62_400.0), "KRX", evening) == "41"
    assert rules.dvsn_of(intent(62_400.0), "KRX", instant("20260911", "160000")) == "00"
    with pytest.raises(UsageError, match="NXT takes no market orders"):
        rules.dvsn_of(intent(), "NXT")
    with pytest.raises(UsageError, match="no market orders in its after-market from 16:00 to 20:00 KST; send a limit order"):
        rules.dvsn_of(intent(), "KRX", evening)


@pytest.mark.parametrize(
    ("dvsn", "exchange", "first", "last", "before", "after"),
    [
        ("00", "KRX", "083000", "152959", "082959", "153000"),
        ("01", "KRX", "083000", "152959", "082959", "153000"),
        ("05", "KRX", "083000", "083959", "082959", "084000"),
        ("06", "KRX", "153000", "155959", "152959", "160000"),
        ("41", "KRX", "160000", "195959", "155959", "200000"),
        ("47", "KRX", "160000", "195959", "155959", "200000"),
        ("00", "NXT", "080000", "084959", "075959", "085000"),
        ("27", "NXT", "080000", "084959", "075959", "090100"),
        ("00", "NXT", "090030", "151959", "090029", "152000"),
        ("00", "NXT", "153000", "195959", "152959", "200000"),
        ("01", "SOR", "083000", "152959", "082959", "153000"),
    ],
)
def test_an_order_is_taken_in_the_hours_of_its_exchange_and_not_a_second_before_or_after(dvsn, exchange, first, last, before, after):
    for hour in (first, last):
        rules.check_hours(dvsn, exchange, instant(DAY, hour))
    for hour in (before, after):
        with pytest.raises(UsageError, match=f"{exchange} takes .* from .* KST, got one at {hour[:2]}:{hour[2:4]}"):
            rules.check_hours(dvsn, exchange, instant(DAY, hour))


def test_what_adjoins_is_one_time_and_what_does_not_is_two():
    with pytest.raises(UsageError, match=r"KRX takes market orders \(01\) from 08:30 to 15:30 KST, got one at 16:15; send it then"):
        rules.check_hours("01", "KRX", instant(DAY, "161500"))
    with pytest.raises(UsageError, match="from 08:00 to 08:50 and 09:00:30 to 15:20 and 15:30 to 20:00 KST, got one at 08:55"):
        rules.check_hours("00", "NXT", instant(DAY, "085500"))


def test_the_hours_changed_on_the_14th_of_september_2026():
    with pytest.raises(UsageError, match=r"KRX takes no after-market limit orders \(41\) on 20260911"):
        rules.check_hours("41", "KRX", instant("20260911", "170000"))
    rules.check_hours("07", "KRX", instant("20260911", "170000"))
    rules.check_hours("41", "KRX", instant("20260914", "170000"))
    with pytest.raises(UsageError, match=r"KRX takes no single price after hours orders \(07\) on 20260914"):
        rules.check_hours("07", "KRX", instant("20260914", "170000"))


def test_a_day_that_begins_an_hour_later_ends_an_hour_later():
    hour = 3600 * 10**9
    rules.check_hours("00", "KRX", instant(DAY, "162959"), later=hour)
    with pytest.raises(UsageError, match="from 08:30 to 15:30 KST, all 60 minutes later that day, got one at 08:45"):
        rules.check_hours("00", "KRX", instant(DAY, "084500"), later=hour)


# ticks and limits; the bands by hand

BANDS = [(1, 1), (1_999, 1), (2_000, 5), (4_995, 5), (5_000, 10), (19_990, 10), (20_000, 50), (49_950, 50), (50_000, 100), (199_900, 100),
         (200_000, 500), (499_500, 500), (500_000, 1_000), (3_000_000, 1_000)]  # fmt: skip


@pytest.mark.parametrize(("price", "tick"), BANDS)
def test_an_instrument_has_the_tick_of_the_band_at_every_price(price, tick):
    found = rules.instrument_of("005930", quote())
    assert found.tick(price) == tick
    assert (found.lot_size, found.tick_size, found.currency, found.zone, found.calendar) == (1, 0, "KRW", "Asia/Seoul", "XKRX")


@pytest.mark.parametrize(("price", "tick"), [(1_999, 1), (2_000, 5), (62_400, 5), (500_000, 5)])
def test_an_etf_has_ticks_of_its_own(price, tick):
    assert rules.instrument_of("069500", quote(aspr_unit="5", rprs_mrkt_kor_name="ETF")).tick(price) == tick


def test_the_table_is_the_one_that_agrees_with_the_tick_that_kis_gives():
    assert rules.instrument_of("069500", quote(aspr_unit="5")).tick(40_000) == 5  # its market's name does not say that it is an ETF
    assert rules.instrument_of("069500", quote(rprs_mrkt_kor_name="ETF")).tick(62_400) == 100
    odd = rules.instrument_of("005930", quote(aspr_unit="20"))
    assert (odd.bands, odd.tick_size) == ((), 20)
    assert rules.instrument_of("005930", quote(aspr_unit="")).tick(62_400) == 100
    assert rules.instrument_of("005930", quote(stck_prpr="50000", aspr_unit="50")).tick(50_000) == 100  # at an edge, KIS may mean below


def test_a_symbol_that_kis_does_not_know_is_no_instrument():
    with pytest.raises(OrderRejectedError, match="does not know 999999") as caught:
        rules.instrument_of("999999", quote(stck_prpr="0", stck_mxpr="0", stck_llam="0", aspr_unit="0"))
    assert caught.value.lasting


def test_limits_are_those_that_kis_gives_and_else_computed():
    assert rules.limits_of(quote()) == (43_400, 80_600)
    assert rules.limits_of(quote(stck_mxpr="0", stck_llam="0")) == (43_400, 80_600)  # 62,000 -+ 18,600
    # KRX's own example: base 9,980, width 2,994 cut to 2,990
    assert rules.limits_of(quote(stck_mxpr="", stck_llam="", stck_sdpr="9980", stck_prpr="9990", aspr_unit="10")) == (6_990, 12_970)
    assert rules.limits_of(quote(stck_mxpr="0", stck_llam="0", rprs_mrkt_kor_name="KONEX")) == (52_700, 71_300)  # 15 %
    for unknown in ({"stck_sdpr": "0"}, {"sltr_yn": "Y"}):
        assert all(math.isnan(bound) for bound in rules.limits_of(quote(stck_mxpr="0", stck_llam="0", **unknown)))


@pytest.mark.parametrize(
    ("price", "what"),
    [
        (62_450, "62450 is off the tick of 100 .*; use 62400 or 62500"),
        (49_975.0, "off the tick of 50 .*; use 49950 or 50000"),
        (80_700, "80700 for 005930 is above the upper limit of the day; the nearest is 80600"),
        (43_300, "43300 for 005930 is below the lower limit of the day; the nearest is 43400"),
        (0, "must be above 0, got 0"),
        (-100, "must be above 0, got -100"),
        (math.nan, "must be above 0, got nan"),
        (math.inf, "must be above 0, got inf"),
    ],
)
def test_a_price_that_is_not_taken_is_refused_with_the_nearest_that_is(price, what):
    with pytest.raises(UsageError, match=what):
        rules.check_price("005930", price, quote())


@given(st.integers(1, 1_000_000))
def test_a_price_that_passes_is_on_the_tick_and_within_the_limits(price):
    try:
        rules.check_price("005930", price, quote(stck_mxpr="900000", stck_llam="1000"))
    except UsageError:
        return
    tick = next(tick for floor, tick in reversed([row for row in BANDS if row[0] in (1, 2_000, 5_000, 20_000, 50_000, 200_000, 500_000)])
                if floor <= price)  # fmt: skip
    assert 1_000 <= price <= 900_000
    assert price % tick == 0


def test_a_tick_that_no_table_knows_is_kis_own():
    rules.check_price("005930", 62_420, quote(aspr_unit="20"))
    with pytest.raises(UsageError, match=r"off the tick of 20 .KIS's own tick.; use 62420 or 62440"):
        rules.check_price("005930", 62_430, quote(aspr_unit="20"))


# symbols and buying power


def test_a_symbol_that_is_not_traded_is_rejected_with_its_flag():
    rules.check_symbol("005930", quote())
    info = StockInfo(nxt=True, nxt_halted=False, halted=False, managed=False)
    rules.check_symbol("005930", quote(), "NXT", info)
    cases = [
        (quote(stck_prpr="0"), "KRX", None, "does not know", True),
        (quote(temp_stop_yn="Y"), "KRX", None, "halted .temp_stop_yn", False),
        (quote(iscd_stat_cls_code="58"), "KRX", None, "iscd_stat_cls_code 58", False),
        (quote(), "KRX", StockInfo(nxt=True, nxt_halted=False, halted=True, managed=False), "halted .tr_stop_yn", False),
        (quote(), "NXT", None, "not traded on NXT", True),
        (quote(), "NXT", StockInfo(nxt=False, nxt_halted=False, halted=False, managed=False), "cptt_trad_tr_psbl_yn", True),
        (quote(), "NXT", StockInfo(nxt=True, nxt_halted=True, halted=False, managed=False), "nxt_tr_stop_yn", False),
    ]
    for said, exchange, told, what, lasting in cases:
        with pytest.raises(OrderRejectedError, match=what) as caught:
            rules.check_symbol("005930", said, exchange, told)
        assert caught.value.lasting is lasting


def test_a_buy_above_buying_power_is_refused_with_the_most():
    power = Power(cash=10_000_000, amount=9_998_595, quantity=99, price=80_600)
    with pytest.raises(UsageError, match=r"a buy of 100 005930 .* 9998595 won; the most is 99 shares at 80600"):
        rules.check_power(intent(), power)
    rules.check_power(intent(quantity=99), power)
    rules.check_power(intent(side=Side.SELL), power)


# fees; by hand: 100 shares at 62,430 are 6,243,000


@pytest.mark.parametrize(
    ("side", "market", "day", "rate", "commission", "taxes"),
    [
        (Side.BUY, "KOSPI", "20261123", None, 877.310061, 0),
        (Side.SELL, "KOSPI", "20261123", None, 877.310061 + 12_486, 12_486),  # 0.20 %
        (Side.SELL, "KOSDAQ", "20251120", None, 877.310061 + 9_364, 9_364),  # 0.15 %, 9,364.5 without its half won
        (Side.SELL, "KONEX", "20261123", 0.0, 6_243, 6_243),
        (Side.SELL, "ETF", "20261123", None, 914.768061, 0),
        (Side.SELL, "KOSPI", "20261123", 0.000042, 262.206 + 12_486, 12_486),
        (Side.SELL, "KOSPI", "20270105", 0.0, 12_486, 12_486),  # not known yet: the last known rate
    ],
)
def test_a_trade_costs_commission_and_a_sale_the_tax_of_its_day(side, market, day, rate, commission, taxes):
    fill = rules.charged(Fill(instant(day, "100000"), "005930", 100, 62_430.0, side=side), rules.fees(market, rate))
    assert fill.commission == pytest.approx(commission, abs=1e-6)
    assert fill.taxes == taxes
    assert (fill.quantity, fill.fill_price, fill.side) == (100, 62_430, side)


def test_the_day_of_a_trade_is_the_one_in_korea():
    """08:59 in Korea is the evening before in UTC."""
    morning = Fill(instant("20241227", "083000"), "005930", 100, 62_430.0, side=Side.SELL)  # the first day at 0.15 %
    assert rules.charged(morning, rules.fees()).taxes == 9_364


def test_nothing_traded_costs_nothing():
    assert rules.charged(Fill(instant(DAY, "100000"), "005930", 0, math.nan), rules.fees()).commission == 0


def test_fees_that_cannot_be_are_refused():
    with pytest.raises(UsageError, match="rate of fee 'commission' must be >= 0, got -1"):
        rules.fees("KOSPI", -1)
    with pytest.raises(UnknownNameError, match="unknown market 'NYSE'"):
        rules.fees("NYSE")
    assert "assumed: BanKIS" in rules.fees().describe()


@pytest.mark.parametrize(
    ("name", "market"),
    [("KOSPI200", "KOSPI"), ("", "KOSPI"), ("KSQ150", "KOSDAQ"), ("코스닥", "KOSDAQ"), ("KONEX", "KONEX"), ("ETF", "ETF"), ("ETN", "ETF")],
)
def test_the_market_is_told_by_its_name(name, market):
    assert rules.market_of(quote(rprs_mrkt_kor_name=name)) == market
