"""Holidays and stocks of the simulated KIS."""

from quoting import HOLIDAYS, STOCK, Quoting
from wired import a_world


def quoting(**more):
    return Quoting(a_world(**more))


def holidays(kis, day, forward="", following="", tr_cont=""):
    return kis.ask(HOLIDAYS, BASS_DT=day, CTX_AREA_FK=forward, CTX_AREA_NK=following, tr_cont=tr_cont)


def open_days(answer):
    return {row["bass_dt"]: row["opnd_yn"] for row in answer.body["output"]}


def test_only_one_of_four_flags_says_that_orders_are_taken():
    """The last weekday of a year is a business day on which KRX is closed: a client that reads bzdy_yn sends orders into the void."""
    rows = {row["bass_dt"]: row for row in holidays(quoting(), "20261220").body["output"]}
    last = rows["20261231"]
    assert (last["bzdy_yn"], last["opnd_yn"]) == ("Y", "N")
    assert {day: rows[day]["opnd_yn"] for day in ("20261224", "20261225", "20261226", "20261228")} == {
        "20261224": "Y", "20261225": "N", "20261226": "N", "20261228": "Y",
    }  # fmt: skip


def test_the_next_page_needs_the_header_and_both_cursors_with_their_spaces():
    kis = quoting()
    first = holidays(kis, "20261101")
    forward, following = first.body["ctx_area_fk"], first.body["ctx_area_nk"]
    second = holidays(kis, "20261101", forward, following, "N")
    assert (first.tr_cont, second.tr_cont) == ("F", "M")
    assert min(open_days(second)) == "20261126"
    assert not set(open_days(first)) & set(open_days(second))
    assert open_days(holidays(kis, "20261101", forward, following)) == open_days(first)
    assert holidays(kis, "20261101", forward.strip(), following, "N").body["rt_cd"] == "1"
    assert holidays(kis, "20261101", forward, "", "N").body["rt_cd"] == "1"


def test_pages_end():
    kis = quoting()
    answer = holidays(kis, "20261101")
    count = 1
    while answer.tr_cont in ("F", "M"):
        answer = holidays(kis, "20261101", answer.body["ctx_area_fk"], answer.body["ctx_area_nk"], "N")
        count += 1
    assert (answer.tr_cont, count) == ("D", 20)


def test_a_date_that_is_none_is_refused():
    assert holidays(quoting(), "20261301").body["rt_cd"] == "1"


def test_paper_has_no_holidays():
    assert quoting().endpoints["chk-holiday"].paper == ()


def test_without_a_calendar_only_days_of_the_recorded_market_are_open():
    days = open_days(holidays(quoting(calendar=""), "20261118"))
    assert {day: days[day] for day in ("20261119", "20261120", "20261121", "20261123", "20261207")} == {
        "20261119": "Y", "20261120": "Y", "20261121": "N", "20261123": "Y", "20261207": "N",
    }  # fmt: skip


def test_a_stock_says_what_may_be_done_with_it():
    found = quoting().ask(STOCK, PRDT_TYPE_CD="300", PDNO="005930").body["output"]
    assert (found["cptt_trad_tr_psbl_yn"], found["nxt_tr_stop_yn"], found["tr_stop_yn"], found["admn_item_yn"]) == ("Y", "N", "N", "N")
    assert quoting(halted="005930").ask(STOCK, PRDT_TYPE_CD="300", PDNO="005930").body["output"]["tr_stop_yn"] == "Y"


def test_an_unknown_stock_is_said_and_the_paper_host_may_not_tell_of_any():
    assert quoting().ask(STOCK, PRDT_TYPE_CD="300", PDNO="999999").body["msg_cd"] == "KIOK0560"
    assert quoting(paper_stock_info=False).ask(STOCK, PRDT_TYPE_CD="300", PDNO="005930", paper=True).body["msg_cd"] == "EGW02004"
