import json
import math

import pytest
from kis_payloads import EXAMPLES, done, page

from exec_algos.brokers.kis.rows import Depth, Holiday, Quote, StockInfo, day_rows, holiday_rows, instant, minute_rows
from exec_algos.errors import VenueError

PRICE = {
    "stck_prpr": "62400", "stck_sdpr": "62000", "stck_mxpr": "80600", "stck_llam": "43400", "aspr_unit": "100", "acml_vol": "4120338",
    "temp_stop_yn": "N", "iscd_stat_cls_code": "55", "sltr_yn": "N", "mang_issu_cls_code": "N", "vi_cls_code": "N",
    "rprs_mrkt_kor_name": "KOSPI200",
}  # fmt: skip


def quote(**changes):
    row = {key: value for key, value in (PRICE | changes).items() if value is not None}
    return Quote.of(done(output=row))


def depth(**changes):
    said = json.loads(EXAMPLES["book"])
    return Depth.of(done(output1=said["output1"] | changes, output2=said["output2"]), "20261123")


def test_a_quote_has_price_limits_tick_and_state():
    found = quote()
    assert (found.last, found.base, found.lower, found.upper, found.tick) == (62_400, 62_000, 43_400, 80_600, 100)
    assert (found.volume, found.halted, found.known, found.interrupted, found.fund) == (4_120_338, False, True, False, False)


def test_a_symbol_that_kis_does_not_know_has_a_price_of_0():
    assert not Quote.of(done(output=dict.fromkeys(PRICE, "0") | {"temp_stop_yn": "", "sltr_yn": "", "rprs_mrkt_kor_name": ""})).known


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"temp_stop_yn": "Y"}, "halted"),
        ({"iscd_stat_cls_code": "58"}, "halted"),
        ({"vi_cls_code": "Y"}, "interrupted"),
        ({"vi_cls_code": "1"}, "interrupted"),
        ({"sltr_yn": "Y"}, "liquidated"),
        ({"mang_issu_cls_code": "Y"}, "managed"),
        ({"rprs_mrkt_kor_name": "ETF"}, "fund"),
        ({"rprs_mrkt_kor_name": "ETN"}, "fund"),
    ],
)
def test_each_flag_is_read(changes, name):
    assert not getattr(quote(), name)
    assert getattr(quote(**changes), name)


@pytest.mark.parametrize("written", ["", "0", "-", None])
def test_limits_and_tick_that_kis_does_not_give_are_unknown(written):
    found = quote(stck_mxpr=written, stck_llam=written, aspr_unit=written, stck_sdpr=written)
    assert all(math.isnan(value) for value in (found.upper, found.lower, found.tick, found.base))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"stck_prpr": ""}, "stck_prpr must be a number"),
        ({"stck_prpr": None}, "stck_prpr must be a text"),
        ({"stck_prpr": "-62400"}, "stck_prpr must be a number"),
        ({"stck_llam": "80700"}, "stck_llam 80700 is above stck_mxpr 80600"),
        ({"temp_stop_yn": "?"}, "temp_stop_yn must be Y or N"),
        ({"aspr_unit": "1e2"}, "aspr_unit must be a number"),
    ],
)
def test_a_quote_that_cannot_be_is_refused(changes, what):
    with pytest.raises(VenueError, match=what):
        quote(**changes)


def test_the_example_of_a_book():
    found = Depth.of(page("book"), "20261123")
    assert found.bids[0] == (62_400, 9_120)
    assert found.asks[0] == (62_500, 18_230)
    assert (len(found.bids), len(found.asks)) == (10, 10)
    assert found.time == instant("20261123", "100318")
    assert (found.last, found.crossed) == (62_400, False)
    assert math.isnan(found.expected)


def test_levels_without_price_or_shares_are_dropped():
    found = depth(askp1="0", askp_rsqn1="0", askp3="0", askp5=" ", bidp_rsqn2="0", bidp10="-")
    assert [price for price, _ in found.asks][:3] == [62_600, 62_800, 63_000]
    assert [price for price, _ in found.bids][:2] == [62_400, 62_200]
    assert len(found.bids) == 8


def test_a_book_of_an_auction_is_crossed_and_one_of_no_levels_is_not():
    assert depth(askp1="62400", bidp1="62450").crossed
    dead = {f"{side}{level}": "0" for side in ("askp", "bidp") for level in range(1, 11)}
    assert not depth(**dead).crossed
    assert depth(**dead, aspr_acpt_hour="000000").time == 0


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"askp2": "62400"}, "askp1 to askp10 must rise, got 62500 before 62400"),
        ({"bidp2": "62400"}, "bidp1 to bidp10 must fall, got 62400 before 62400"),
        ({"askp1": "x"}, "askp1 must be a number"),
        ({"bidp_rsqn1": "-5"}, "bidp_rsqn1 must be a number"),
        ({"aspr_acpt_hour": "996099"}, "aspr_acpt_hour must be"),
    ],
)
def test_a_book_that_cannot_be_is_refused(changes, what):
    with pytest.raises(VenueError, match=what):
        depth(**changes)


def bar(**changes):
    return json.loads(EXAMPLES["minutes"])["output2"][0] | changes


def test_the_example_of_minute_bars_newest_first():
    newest, before = minute_rows(page("minutes"))
    assert (newest.day, newest.hour, newest.start) == ("20261123", "100300", instant("20261123", "100300"))
    assert (before.open, before.high, before.low, before.close, before.volume) == (62_300, 62_400, 62_300, 62_400, 22_140)
    assert newest.turnover - before.turnover == 1_138_218_800


def test_no_bars_and_rows_of_zeros_are_no_bars():
    zeros = bar(stck_prpr="0", stck_oprc="0", stck_hgpr="0", stck_lwpr="0", cntg_vol="0")
    assert minute_rows(done(output1={}, output2=[])) == minute_rows(done(output1={}, output2=[zeros])) == ()


def test_seconds_stay_as_they_are_written():
    (found,) = minute_rows(done(output2=[bar(stck_cntg_hour="100311")]))
    assert found.start == instant("20261123", "100311")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"stck_lwpr": "62500"}, "a bar lies between its low"),
        ({"stck_hgpr": "62300"}, "a bar lies between its low"),
        ({"stck_oprc": "0"}, "a bar lies between its low"),
        ({"stck_prpr": "0"}, "a bar lies between its low"),
        ({"cntg_vol": "1.5"}, "cntg_vol must be a whole number"),
        ({"stck_bsop_date": "20261301"}, "stck_bsop_date must be"),
        ({"stck_cntg_hour": "1003"}, "stck_cntg_hour must be"),
    ],
)
def test_a_bar_that_cannot_be_is_refused(changes, what):
    with pytest.raises(VenueError, match=what):
        minute_rows(done(output2=[bar(**changes)]))


def test_no_bars_are_said_and_not_guessed():
    with pytest.raises(VenueError, match="output2 must be a list of rows"):
        minute_rows(done(output1={}))


def test_daily_bars():
    row = {"stck_bsop_date": "20261120", "stck_clpr": "62000", "stck_oprc": "61500", "stck_hgpr": "62300", "stck_lwpr": "61400",
           "acml_vol": "12000000", "acml_tr_pbmn": "742000000000"}  # fmt: skip
    (found,) = day_rows(done(output2=[row, dict.fromkeys(row, "0") | {"stck_bsop_date": ""}]))
    assert (found.day, found.open, found.high, found.low, found.close, found.volume) == ("20261120", 61_500, 62_300, 61_400, 62_000, 12e6)


def test_holidays():
    rows = [{"bass_dt": "20261225", "opnd_yn": "N", "bzdy_yn": "N"}, {"bass_dt": "20261228", "opnd_yn": "Y", "bzdy_yn": "Y"}]
    assert holiday_rows(done(output=rows)) == (Holiday(day="20261225", open=False), Holiday(day="20261228", open=True))
    with pytest.raises(VenueError, match="opnd_yn must be Y or N, got ''"):
        holiday_rows(done(output=[{"bass_dt": "20261225", "opnd_yn": ""}]))


def test_what_a_symbol_is():
    row = {"cptt_trad_tr_psbl_yn": "Y", "nxt_tr_stop_yn": "N", "tr_stop_yn": "Y", "admn_item_yn": ""}
    assert StockInfo.of(done(output=row)) == StockInfo(nxt=True, nxt_halted=False, halted=True, managed=False)
