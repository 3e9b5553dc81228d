"""Inquiries of the simulated KIS (contract, section 13, "Inquiries"): pages, cursors, and how rows are written."""

import pytest
from kis_desks import DAYS, FLAT, Venue, code

from exec_algos.sim.kis.calls import Lag

NO_NEXT = "OPSQ2003"
NUMBERS = ("ord_qty", "ord_unpr", "tot_ccld_qty", "avg_prvs", "tot_ccld_amt", "rmn_qty")


def resting(venue, count):
    return [venue.sent(1, 61_000)["ODNO"] for _ in range(count)]


def cursors(answer):
    return {name.upper(): answer.body[name] for name in ("ctx_area_fk100", "ctx_area_nk100")}


def numbers(answer):
    return [row["odno"] for row in answer.body["output1"]]


def open_list(venue, tr_cont="", **fields):
    said = {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0", "CTX_AREA_FK100": "", "CTX_AREA_NK100": "", **fields}
    return venue.call("inquire-psbl-rvsecncl", tr_cont=tr_cont, **said)


@pytest.mark.parametrize(("paper", "size"), [(False, 100), (True, 15)])
def test_a_page_holds_100_rows_live_and_15_on_paper(paper, size):
    venue = Venue(paper=paper)
    sent = resting(venue, 2 * size + 1)
    pages = [venue.page()]
    while pages[-1].tr_cont in ("F", "M"):
        pages.append(venue.page("N", **cursors(pages[-1])))
    assert [len(page.body["output1"]) for page in pages] == [size, size, 1]
    assert [page.tr_cont for page in pages] == ["F", "M", "D"]  # a loop that goes on at M alone has read a third
    assert [code(page)[0] for page in pages] == ["KIOK0500", "KIOK0500", "KIOK0460"]
    assert [odno for page in pages for odno in numbers(page)] == sent[::-1]


def test_the_last_page_ends_with_d_or_e_and_its_cursor_is_filled():
    venue = Venue()
    ends = set()
    for _ in range(2):
        resting(venue, 1)
        answer = venue.page()
        ends.add(answer.tr_cont)
        assert answer.body["ctx_area_nk100"].strip()  # whoever reads on while there is a cursor never ends
    assert ends == {"D", "E"}


def test_cursors_are_filled_up_with_spaces():
    venue = Venue()
    resting(venue, 101)
    body = venue.page().body
    assert [len(body[name]) for name in ("ctx_area_fk100", "ctx_area_nk100")] == [100, 100]
    assert body["ctx_area_nk100"].endswith("  ")


def test_the_next_page_needs_its_header_and_both_cursors_as_they_came():
    venue = Venue()
    resting(venue, 101)
    given = cursors(venue.page())
    stripped = {name: value.strip() for name, value in given.items()}
    for tr_cont, fields in (
        ("", given), ("F", given), ("M", given), ("N", stripped), ("N", {"CTX_AREA_NK100": given["CTX_AREA_NK100"]}),
        ("N", {"CTX_AREA_FK100": given["CTX_AREA_FK100"]}), ("N", {}), ("N", {**given, "PDNO": "005930"}),
    ):  # fmt: skip
        answer = venue.page(tr_cont, **fields)
        assert (answer.body["rt_cd"], code(answer)[0]) == ("1", NO_NEXT)
    assert len(venue.page("N", **given).body["output1"]) == 1


def test_rows_shift_between_pages_when_orders_come():
    venue = Venue()
    sent = resting(venue, 150)
    first = venue.page()
    resting(venue, 10)
    second = venue.page("N", **cursors(first))
    assert numbers(second) == sent[::-1][90:]  # ten rows come twice: whoever adds their quantities has ten shares too many
    assert len(set(numbers(first) + numbers(second))) == 150


def test_rows_are_passed_over_when_orders_end_between_pages():
    venue = Venue()
    sent = resting(venue, 150)
    first = venue.page(CCLD_DVSN="02")
    for row in first.body["output1"][:10]:
        venue.change({"ODNO": row["odno"], "KRX_FWDG_ORD_ORGNO": row["ord_gno_brno"]})
    second = venue.page("N", CCLD_DVSN="02", **cursors(first))
    missed = set(sent) - set(numbers(first)) - set(numbers(second))
    assert missed == set(sent[40:50])  # a list of the unfilled alone is not all of them


def test_pages_may_begin_behind_the_row_before():
    venue = Venue(said={"shifting_pages": False})
    sent = resting(venue, 150)
    first = venue.page()
    resting(venue, 10)
    assert numbers(first) + numbers(venue.page("N", **cursors(first))) == sent[::-1]


def test_nothing_to_show_is_said_by_a_code_and_an_empty_list():
    answer = Venue().page()
    assert (code(answer)[0], answer.tr_cont, answer.body["output1"]) == ("KIOK0560", "D", [])
    assert answer.body["output2"]["tot_ord_qty"] == "0"


def test_the_oldest_come_first_where_that_is_asked():
    venue = Venue()
    sent = resting(venue, 3)
    assert numbers(venue.page(INQR_DVSN="01")) == sent
    assert numbers(venue.page()) == sent[::-1]


def test_filters_by_side_symbol_state_and_number():
    venue = Venue()
    bought, rests = venue.sent(10), venue.sent(10, 61_000)
    sold = venue.sent(5, side="sell")
    assert numbers(venue.page(SLL_BUY_DVSN_CD="01")) == [sold["ODNO"]]  # 01 is sell, and 02 buy
    assert numbers(venue.page(SLL_BUY_DVSN_CD="02")) == [rests["ODNO"], bought["ODNO"]]
    assert len(numbers(venue.page(SLL_BUY_DVSN_CD="2"))) == 3  # one digit is passed over without a word
    assert numbers(venue.page(CCLD_DVSN="01")) == [sold["ODNO"], bought["ODNO"]]
    assert numbers(venue.page(CCLD_DVSN="02")) == [rests["ODNO"]]
    assert numbers(venue.page(PDNO="000660")) == []
    assert numbers(venue.page(PDNO="005930", ODNO=rests["ODNO"])) == [rests["ODNO"]]
    assert numbers(venue.page(ODNO=rests["ODNO"], ORD_GNO_BRNO="99999")) == []


def test_days_are_told_apart_and_a_range_has_the_newest_first():
    venue = Venue(FLAT, FLAT)
    (first,) = resting(venue, 1)
    venue.until(f"{DAYS[1]} 10:00")
    (second,) = resting(venue, 1)
    assert first == second
    assert [row["ord_dt"] for row in venue.page(day=DAYS[1], INQR_STRT_DT="20261123").body["output1"]] == ["20261124", "20261123"]
    assert [row["ord_dt"] for row in venue.page(day=DAYS[0]).body["output1"]] == ["20261123"]


def test_what_is_older_than_three_months_has_an_id_of_its_own():
    venue = Venue()
    resting(venue, 1)
    assert venue.call("inquire-daily-ccld", "CTSC9215R", **asked(venue)).body["output1"] == []
    assert len(venue.call("inquire-daily-ccld", "TTTC0081R", **asked(venue)).body["output1"]) == 1
    venue.exchange.advance(venue.exchange.now + 100 * 86_400 * 1_000_000_000)
    assert len(venue.call("inquire-daily-ccld", "CTSC9215R", **asked(venue)).body["output1"]) == 1
    assert venue.call("inquire-daily-ccld", "TTTC0081R", **asked(venue)).body["output1"] == []


def asked(venue):
    return {
        "INQR_STRT_DT": "20261123", "INQR_END_DT": "20261123", "SLL_BUY_DVSN_CD": "00", "PDNO": "", "CCLD_DVSN": "00", "INQR_DVSN": "00",
        "INQR_DVSN_3": "00", "EXCG_ID_DVSN_CD": "KRX", "CTX_AREA_FK100": "", "CTX_AREA_NK100": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"INQR_STRT_DT": "2026-11-23"}, "OPSQ2002"), ({"INQR_STRT_DT": "20261124"}, "OPSQ2002"), ({"INQR_DVSN": "0"}, "OPSQ2002"),
        ({"CCLD_DVSN": "3"}, "OPSQ2002"), ({"EXCG_ID_DVSN_CD": "J"}, "OPSQ2001"), ({"CANO": "99999999"}, "OPSQ2000"),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_is_refused_and_not_empty(fields, said):
    answer = Venue().page(**fields)
    assert (answer.body["rt_cd"], code(answer)[0]) == ("1", said)
    assert "output1" not in answer.body


@pytest.mark.parametrize("exchange", ["ALL", "NXT", "SOR", ""])
def test_paper_lists_krx_alone(exchange):
    assert code(Venue(paper=True).page(EXCG_ID_DVSN_CD=exchange))[0] == "40320000"


# rows


@pytest.mark.parametrize(
    ("where", "on_order", "on_cancel"), [("order", "100", "0"), ("cancel", "0", "100"), ("both", "100", "100")]
)  # fmt: skip
@pytest.mark.parametrize("spelling", ["cncl_cfrm_qty", "cnc_cfrm_qty"])
def test_the_cancelled_quantity_is_on_either_row_under_either_name(where, on_order, on_cancel, spelling):
    venue = Venue(said={"cancelled_row": where, "cancelled_field": spelling})
    sent = venue.sent(100, 61_000)
    request = venue.change(sent).body["output"]
    rows = [venue.row(each) for each in (sent, request)]
    assert [row[spelling] for row in rows] == [on_order, on_cancel]
    assert ({"cncl_cfrm_qty", "cnc_cfrm_qty"} - {spelling}).isdisjoint(rows[0])


def test_what_ends_without_a_cancel_has_its_quantity_on_its_own_row_always():
    venue = Venue(said={"cancelled_row": "cancel"})
    sent = venue.sent(700, 62_000, dvsn="11")
    assert venue.row(sent)["cncl_cfrm_qty"] == "100"


@pytest.mark.parametrize(
    ("mark", "rows"), [("order", ("Y", "")), ("cancel", ("N", "Y")), ("both", ("Y", "Y")), ("none", ("N", ""))]
)  # fmt: skip
def test_the_mark_of_a_cancel_is_on_either_row_or_on_none(mark, rows):
    venue = Venue(said={"cancelled_mark": mark})
    sent = venue.sent(100, 61_000)
    request = venue.change(sent).body["output"]
    assert (venue.row(sent)["cncl_yn"], venue.row(request)["cncl_yn"]) == rows


def test_names_are_those_of_kis_odd_ones_among_them():
    venue = Venue()
    row = venue.row(venue.sent(10, 61_000))
    assert set(row) == {
        "ord_dt", "ord_gno_brno", "odno", "orgn_odno", "ord_dvsn_name", "sll_buy_dvsn_cd", "sll_buy_dvsn_cd_name", "pdno", "prdt_name",
        "ord_qty", "ord_unpr", "ord_tmd", "tot_ccld_qty", "avg_prvs", "cncl_yn", "tot_ccld_amt", "loan_dt", "ordr_empno", "ord_dvsn_cd",
        "cncl_cfrm_qty", "rmn_qty", "rjct_qty", "ccld_cndt_name", "inqr_ip_addr", "cpbc_ordp_ord_rcit_dvsn_cd",
        "cpbc_ordp_infm_mthd_dvsn_cd", "infm_tmd", "ctac_tlno", "prdt_type_cd", "excg_dvsn_cd", "cpbc_ordp_mtrl_dvsn_cd", "ord_orgno",
        "rsvn_ord_end_dt", "excg_id_dvsn_Cd", "stpm_cndt_pric", "stpm_efct_occr_dtmd",
    }  # fmt: skip
    assert all(isinstance(value, str) for value in row.values())
    assert row["ord_gno_brno"] != row["ord_orgno"]  # a cancel needs the former


def test_the_time_of_the_last_fill_is_blank_on_some_rows():
    venue = Venue()
    told = {venue.row(venue.sent(1))["infm_tmd"] for _ in range(6)}
    assert told == {"", "100000"}


def test_numbers_come_in_odd_forms():
    venue = Venue(said={"odd_numbers": True})
    for _ in range(20):
        venue.sent(1)
        venue.sent(2, 61_000)
    values = [row[name] for row in venue.rows().values() for name in NUMBERS]
    assert {"", "-", " 1", "1.0000", "62000.0000", " 62000"} <= set(values)
    assert all(float(value.strip(" -") or 0) in (0, 1, 2, 61_000, 62_000) for value in values)
    quantities = {row[name] for row in venue.rows().values() for name in ("ord_qty", "tot_ccld_qty", "rmn_qty", "tot_ccld_amt")}
    assert quantities.isdisjoint({"", "-"})  # a quantity is always there


def test_sums_are_of_the_whole_query_and_pass_over_the_number():
    venue = Venue()
    bought, _ = venue.sent(600), venue.sent(100, 61_000)
    one = venue.page(ODNO=bought["ODNO"]).body["output2"]
    assert one == venue.page().body["output2"]
    assert one == {
        "tot_ord_qty": "700", "tot_ccld_qty": "600", "tot_ccld_amt": "37200000", "prsm_tlex_smtl": "5227", "pchs_avg_pric": "62000.0000",
    }  # fmt: skip


# open orders


def test_open_orders_by_pages_of_fifty():
    venue = Venue()
    sent = resting(venue, 51)
    venue.sent(10)
    first = open_list(venue)
    second = open_list(venue, "N", **cursors(first))
    assert ([len(page.body["output"]) for page in (first, second)], first.tr_cont) == ([50, 1], "F")
    assert [row["odno"] for page in (first, second) for row in page.body["output"]] == sent[::-1]
    assert code(open_list(venue, "N"))[0] == NO_NEXT


def test_an_open_order_has_psbl_qty_and_no_rmn_qty():
    venue = Venue()
    sent = venue.sent(700, 62_000)
    (row,) = open_list(venue).body["output"]
    assert (row["odno"], row["psbl_qty"], row["tot_ccld_qty"], row["ord_gno_brno"]) == (sent["ODNO"], "100", "600", "06010")
    assert "rmn_qty" not in row
    venue.change(sent, 40, "N")
    assert open_list(venue).body["output"][0]["psbl_qty"] == "60"


def test_open_orders_by_side_and_without_those_that_are_over():
    venue = Venue()
    bought = venue.sent(10)
    assert bought
    buy, sell = venue.sent(10, 61_000), venue.sent(10, 63_000, side="sell")
    assert [row["odno"] for row in open_list(venue, INQR_DVSN_2="1").body["output"]] == [sell["ODNO"]]
    assert [row["odno"] for row in open_list(venue, INQR_DVSN_2="2").body["output"]] == [buy["ODNO"]]
    changed = venue.change(buy, kind="01", price=60_000).body["output"]
    rows = {row["odno"]: row["orgn_odno"] for row in open_list(venue).body["output"]}
    assert rows == {sell["ODNO"]: "", changed["odno"]: buy["ODNO"]}  # the new number stands for the old one


def test_hidden_orders_come_up_in_the_middle_of_pages():
    venue = Venue()
    late = venue.sent(1, 61_000, lag=Lag(daily=10.0))["ODNO"]
    sent = resting(venue, 100)
    assert venue.page().tr_cont in ("D", "E")
    venue.wait(11)
    assert {odno for _, odno in venue.rows()} == {late, *sent}


def test_neither_open_orders_nor_sellable_shares_nor_reservations_are_there_on_paper():
    venue = Venue(paper=True)
    for name in ("inquire-psbl-rvsecncl", "inquire-psbl-sell", "order-resv"):
        assert venue.endpoints[name].paper == ()
    assert venue.endpoints["inquire-daily-ccld"].paper == ("VTTC0081R", "VTSC9215R")
