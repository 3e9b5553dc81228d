import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kis_payloads import EXAMPLES, done, example_row, page

from exec_algos.brokers.kis.rows import Notice, RowKind, daily_rows, instant, open_rows, orders_of
from exec_algos.errors import VenueError
from exec_algos.model import Side

MORNING = 1_795_392_000_000_000_000  # 2026-11-23 09:00 in Korea, by date(1)


def daily(*rows):
    return daily_rows(done("KIOK0460", output1=list(rows)))


def one(number=1, name="fills page 1", **changes):
    return daily(example_row(number, name, **changes))[0]


def test_the_first_page_of_the_example_holds_a_filled_sale_and_a_buy_that_is_open():
    sale, buy = daily_rows(page("fills page 1", "F"))
    assert (sale.side, sale.symbol, sale.quantity, sale.filled, sale.amount, sale.open) == (Side.SELL, "000660", 10, 10, 2_135_000, 0)
    assert (sale.state, buy.state) == ("done", "open")
    assert (buy.odno, buy.orgno, buy.original, buy.day) == ("0001569157", "06010", "", "20261123")
    assert (buy.side, buy.quantity, buy.filled, buy.open, buy.cancelled, buy.rejected) == (Side.BUY, 100, 40, 60, 0, 0)
    assert (buy.limit, buy.amount, buy.dvsn, buy.exchange, buy.kind) == (62_400, 2_496_000, "00", "KRX", RowKind.ORDER)
    assert buy.time == MORNING + (3600 + 3 * 60 + 12) * 1_000_000_000


def test_the_second_page_holds_a_cancelled_order_and_the_request_that_cancelled_it_which_is_no_order():
    request, order = daily_rows(page("fills page 2", "D"))
    assert (request.kind, request.original, request.limit) == (RowKind.CANCEL, order.odno, pytest.approx(math.nan, nan_ok=True))
    assert (order.kind, order.cancelled, order.state) == (RowKind.ORDER, 75, "done")
    assert orders_of((request, order)) == (order,)


def test_both_spellings_of_the_cancelled_quantity_are_read_and_must_agree():
    fields = {"tot_ccld_qty": "0", "tot_ccld_amt": "0", "avg_prvs": "0", "rmn_qty": "0"}
    assert one(**fields, cncl_cfrm_qty=None, cnc_cfrm_qty="100").cancelled == 100
    assert one(**fields, cncl_cfrm_qty="100", cnc_cfrm_qty="100.0000").cancelled == 100
    with pytest.raises(VenueError, match=r"cncl_cfrm_qty and cnc_cfrm_qty must be the same, got \[0, 100\]"):
        one(**fields, cncl_cfrm_qty="0", cnc_cfrm_qty="100")


@pytest.mark.parametrize("sits_on", ["order", "request", "both", "neither"])
def test_the_cancelled_quantity_may_sit_on_either_row(sits_on):
    fields = {"tot_ccld_qty": "25", "tot_ccld_amt": "5775000", "avg_prvs": "231000"}
    order = example_row(1, "fills page 2", **fields, cncl_cfrm_qty="50" if sits_on in ("order", "both") else "0")
    request = example_row(0, "fills page 2", ord_qty="50", cncl_cfrm_qty="50" if sits_on in ("request", "both") else "0")
    (found,) = orders_of(daily(request, order))
    assert (found.filled, found.open, found.cancelled, found.state) == (25, 0, 50, "done")
    assert found.unexplained == 0


def test_a_cancel_of_a_part_leaves_the_rest_open():
    order = example_row(1, ord_qty="100", rmn_qty="30")  # 40 filled, 30 cancelled, which only the request says
    request = example_row(0, "fills page 2", orgn_odno="0001569157", pdno="005930", cncl_cfrm_qty="30", ord_qty="30")
    (found,) = orders_of(daily(order, request))
    assert (found.open, found.cancelled, found.state) == (30, 30, "open")


def test_a_request_is_of_the_order_of_its_own_office():
    order = {"tot_ccld_qty": "0", "tot_ccld_amt": "0", "avg_prvs": "0", "cncl_cfrm_qty": "0"}
    here = example_row(1, "fills page 2", **order, rmn_qty="45")
    there = example_row(1, "fills page 2", **order, rmn_qty="25", ord_gno_brno="00950")
    cancel_here = example_row(0, "fills page 2", ord_qty="30", cncl_cfrm_qty="30")
    cancel_there = example_row(0, "fills page 2", ord_qty="50", cncl_cfrm_qty="50", ord_gno_brno="00950")
    found = orders_of(daily(cancel_here, cancel_there, here, there))
    assert [(row.orgno, row.open, row.cancelled) for row in found] == [("06010", 45, 30), ("00950", 25, 50)]


def test_a_request_of_another_office_does_not_say_that_an_order_is_over():
    gap = {"tot_ccld_qty": "0", "tot_ccld_amt": "0", "avg_prvs": "0", "cncl_cfrm_qty": "0", "rmn_qty": "0"}
    here = example_row(1, "fills page 2", **gap)  # what became of it is not told yet
    there = example_row(1, "fills page 2", ord_gno_brno="00950")
    cancel_there = example_row(0, "fills page 2", ord_gno_brno="00950")
    with pytest.raises(VenueError, match="ord_qty 75 must be"):
        orders_of(daily(cancel_there, there, here))


def test_a_request_of_another_office_than_any_is_of_the_only_order_that_it_can_be_of():
    gap = {"tot_ccld_qty": "0", "tot_ccld_amt": "0", "avg_prvs": "0", "cncl_cfrm_qty": "0", "rmn_qty": "0"}
    request = example_row(0, "fills page 2", ord_gno_brno="00950")
    assert orders_of(daily(request, example_row(1, "fills page 2", **gap)))[0].cancelled == 75
    with pytest.raises(VenueError, match="ord_qty 75 must be"):
        orders_of(daily(request, example_row(1, "fills page 2", **gap, pdno="005930")))


def test_quantities_of_an_order_that_do_not_add_up_are_refused_with_their_fields():
    rows = daily(example_row(1, rmn_qty="50"))
    with pytest.raises(VenueError, match=r"order 0001569157 of 20261123: ord_qty 100 must be tot_ccld_qty 40 \+ rmn_qty 50 \+ cncl_cfrm"):
        orders_of(rows)
    with pytest.raises(VenueError, match=r"tot_ccld_qty 40 \+ rmn_qty 70 .* are more than ord_qty 100"):
        daily(example_row(1, rmn_qty="70"))


def test_a_request_that_was_rejected_explains_nothing():
    request = example_row(0, "fills page 2", orgn_odno="0001569157", cncl_cfrm_qty="0", ord_qty="60", rjct_qty="60")
    with pytest.raises(VenueError, match="of the other 60"):
        orders_of(daily(example_row(1, rmn_qty="0"), request))


def test_a_request_for_another_order_explains_nothing():
    request = example_row(0, "fills page 2", orgn_odno="0001569158", cncl_cfrm_qty="60", ord_qty="60")
    with pytest.raises(VenueError, match="of the other 60"):
        orders_of(daily(example_row(1, rmn_qty="0"), request))
    request = example_row(0, "fills page 2", orgn_odno="0001569157", ord_dt="20261120", cncl_cfrm_qty="60", ord_qty="60")
    with pytest.raises(VenueError, match="of the other 60"):
        orders_of(daily(example_row(1, rmn_qty="0"), request))


def test_a_changed_order_is_a_row_that_is_over_and_a_row_that_names_it():
    old = example_row(1, rmn_qty="0")
    new = example_row(1, odno="0001569999", orgn_odno="0001569157", ord_qty="60", tot_ccld_qty="0", tot_ccld_amt="0", avg_prvs="0",
                      rmn_qty="60", ord_unpr="62500", sll_buy_dvsn_cd_name="현금매수정정")  # fmt: skip
    first, second = orders_of(daily(new, old))
    assert (first.kind, first.original, first.open, first.state) == (RowKind.AMEND, "0001569157", 60, "open")
    assert (second.filled, second.open, second.cancelled, second.state) == (40, 0, 60, "done")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"orgn_odno": ""}, RowKind.ORDER),
        ({"orgn_odno": "0000000000"}, RowKind.ORDER),
        ({"orgn_odno": None}, RowKind.ORDER),
        ({"orgn_odno": "   "}, RowKind.ORDER),
        ({"orgn_odno": "7", "sll_buy_dvsn_cd_name": "현금매수취소"}, RowKind.CANCEL),
        ({"orgn_odno": "7", "sll_buy_dvsn_cd_name": "매수정정취소"}, RowKind.CANCEL),
        ({"orgn_odno": "7", "sll_buy_dvsn_cd_name": "현금매수정정"}, RowKind.AMEND),
        ({"orgn_odno": "7", "sll_buy_dvsn_cd_name": "현금매수"}, RowKind.AMEND),  # it has a price
        ({"orgn_odno": "7", "sll_buy_dvsn_cd_name": None, "ord_unpr": "0"}, RowKind.AMEND),  # it trades
        ({"orgn_odno": "7", "sll_buy_dvsn_cd_name": "", "ord_unpr": "0", "tot_ccld_qty": "0", "tot_ccld_amt": "0", "rmn_qty": "0"},
         RowKind.CANCEL),
    ],
)  # fmt: skip
def test_what_a_row_is_is_told_by_its_words_and_else_by_its_numbers(fields, kind):
    assert one(**fields).kind is kind


def test_a_rejected_order_is_rejected_and_one_that_traded_before_is_over():
    nothing = {"tot_ccld_qty": "0", "tot_ccld_amt": "0", "avg_prvs": "0"}
    assert one(**nothing, rmn_qty="0", rjct_qty="100").state == "rejected"
    assert one(rmn_qty="0", rjct_qty="60").state == "done"
    assert one(**nothing, rmn_qty="100").state == "open"


@pytest.mark.parametrize(
    ("written", "read"), [("62400.0000", 62_400), (" 62400", 62_400), ("0", math.nan), ("", math.nan), ("-", math.nan)]
)
def test_numbers_come_in_odd_forms(written, read):
    assert one(ord_unpr=written).limit == pytest.approx(read, nan_ok=True)


@pytest.mark.parametrize(("field", "written"), [("ord_qty", " 100"), ("tot_ccld_qty", "0000000040"), ("rmn_qty", "60.0000"),
                                               ("tot_ccld_amt", "2496000.00"), ("avg_prvs", "62400.5000"), ("avg_prvs", None),
                                               ("rjct_qty", ""), ("rjct_qty", "-"), ("rjct_qty", None)])  # fmt: skip
def test_other_forms_of_the_same_number_are_the_same_row(field, written):
    assert one(**{field: written}) == one()


NO_NUMBERS = ["nan", "NaN", "inf", "-inf", "Infinity", "1e5", "1E400", "-5", "+5", "1,000", "0x10", "٣", "５", "¼", "1_0", "5.", "5.5.5",
              "--", "9" * 19, "100주", "\0"]  # fmt: skip
NUMBERS = ["ord_qty", "tot_ccld_qty", "rmn_qty", "tot_ccld_amt", "ord_unpr", "cncl_cfrm_qty", "rjct_qty", "avg_prvs"]


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize("written", NO_NUMBERS)
def test_what_is_no_number_is_refused_with_field_and_value(field, written):
    with pytest.raises(VenueError, match=f"{field} must be a"):
        one(**{field: written})


@pytest.mark.parametrize(
    ("field", "written", "what"),
    [
        ("ord_qty", "1.5", "ord_qty must be a whole number of shares that is not negative, got '1.5'"),
        ("ord_qty", "", "ord_qty must be a whole number"),
        ("ord_qty", None, "ord_qty must be a text, got None"),
        ("rmn_qty", "", "rmn_qty must be a whole number"),
        ("rmn_qty", None, "rmn_qty must be a text, got None"),
        ("rmn_qty", ["60"], r"rmn_qty must be a text, got \['60'\]"),
        ("tot_ccld_qty", None, "tot_ccld_qty must be a text, got None"),
        ("tot_ccld_amt", None, "tot_ccld_amt must be a text, got None"),
        ("tot_ccld_qty", "", "tot_ccld_qty 0 cannot go with tot_ccld_amt 2496000"),
        ("tot_ccld_amt", "0", "tot_ccld_qty 40 cannot go with tot_ccld_amt 0"),
        ("tot_ccld_amt", "24960000", "tot_ccld_amt 24960000 cannot be that of tot_ccld_qty 40 at avg_prvs 62400"),
        ("avg_prvs", "6240", "cannot be that of tot_ccld_qty 40 at avg_prvs 6240"),
        ("sll_buy_dvsn_cd", "2", r"sll_buy_dvsn_cd must be 01 \(sell\) or 02 \(buy\), got '2'"),
        ("odno", "", "odno must be an order number of up to ten digits, got ''"),
        ("odno", "0000000000", "odno must be an order number"),
        ("odno", "12345678901", "odno must be an order number"),
        ("orgn_odno", "x", "orgn_odno must be an order number"),
        ("pdno", "삼성", "pdno must be a symbol"),
        ("ord_gno_brno", "060-10", "ord_gno_brno must be a code"),
        ("ord_dt", "20261131", "ord_dt must be a day"),
        ("ord_tmd", "246000", "ord_tmd must be a day YYYYMMDD and a time HHMMSS that there are"),
        ("ord_tmd", "", "ord_tmd must be a day"),
        ("ord_tmd", "1003", "ord_tmd must be a day"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_field_and_value(field, written, what):
    with pytest.raises(VenueError, match=what):
        one(**{field: written})


def test_an_order_of_no_shares_is_refused_and_a_request_to_cancel_may_name_none():
    nothing = {"ord_qty": "0", "tot_ccld_qty": "0", "tot_ccld_amt": "0", "avg_prvs": "0", "rmn_qty": "0"}
    with pytest.raises(VenueError, match="ord_qty must be at least 1 share, got 0"):
        one(**nothing)
    assert one(0, "fills page 2", **nothing).cancelled == 75


def test_an_order_number_keeps_ten_digits_and_an_empty_field_for_the_person_harms_nothing():
    assert one(odno="1569157", infm_tmd="").odno == "0001569157"
    assert one(odno=" 0001569157 ") == one()


def test_no_rows_are_no_orders_only_where_kis_says_so():
    assert daily_rows(done("KIOK0460", output1=[])) == ()
    assert daily_rows(done("KIOK0560")) == ()
    assert daily_rows(done("KIOK0560", output1="")) == ()
    for outputs in ({}, {"output1": None}, {"output1": ""}, {"output1": {}}, {"output1": ["x"]}, {"output1": "[]"}):
        with pytest.raises(VenueError, match="output1 must be a list of rows"):
            daily_rows(done("KIOK0460", **outputs))


def test_one_row_that_is_no_array_is_a_row():
    assert daily_rows(done("KIOK0460", output1=example_row(1))) == (one(),)


def test_an_inquiry_that_failed_has_no_rows_to_read():
    with pytest.raises(VenueError, match="refused: APBK0952 주문가능금액을 초과 했습니다"):
        daily_rows(page("order above cash"))


# open orders


def still_open(**changes):
    fields = {
        "ord_gno_brno": "06010", "odno": "0001569157", "orgn_odno": "", "pdno": "005930", "rvse_cncl_dvsn_name": "", "ord_qty": "100",
        "ord_unpr": "62400", "ord_tmd": "100312", "tot_ccld_qty": "40", "tot_ccld_amt": "2496000", "psbl_qty": "60",
        "sll_buy_dvsn_cd": "02", "ord_dvsn_cd": "00", "excg_id_dvsn_cd": "KRX",
    } | changes  # fmt: skip
    return done("KIOK0510", output=[fields])


def test_a_row_of_the_open_list_has_the_quantity_that_can_be_cancelled():
    (row,) = open_rows(still_open(), "20261123")
    assert (row.odno, row.quantity, row.filled, row.open, row.amount) == ("0001569157", 100, 40, 60, 2_496_000)
    assert row.time == one().time
    (row,) = open_rows(still_open(orgn_odno="0001569100", rvse_cncl_dvsn_name="정정"), "20261123")
    assert (row.kind, row.original) == (RowKind.AMEND, "0001569100")


def test_more_open_than_is_left_of_an_order_is_refused():
    with pytest.raises(VenueError, match=r"tot_ccld_qty 40 \+ psbl_qty 61 are more than ord_qty 100"):
        open_rows(still_open(psbl_qty="61"), "20261123")


# notices


def notice(which="notice of execution", **changes):
    fields = EXAMPLES[which].split("^")
    names = ("account", "odno", "original", "side", "kind", "dvsn", "cond", "symbol", "quantity", "price", "hour", "refused", "executed",
             "accepted", "branch", "ordered")  # fmt: skip
    for name, value in changes.items():
        fields[names.index(name) + 1] = value
    return fields


def test_an_execution_has_its_own_quantity_and_price():
    found = Notice.of(notice())
    assert (found.account, found.odno, found.original, found.side, found.symbol) == ("5012345601", "0001569157", "", Side.BUY, "005930")
    assert (found.executed, found.quantity, found.price, found.ordered, found.hour) == (True, 40, 62_400, 100, "100315")
    assert (found.kind, found.refused, found.accepted, found.branch, found.dvsn) == (RowKind.ORDER, False, "2", "06010", "00")


def test_an_acceptance_has_those_of_the_order():
    found = Notice.of(notice("notice of acceptance"))
    assert (found.executed, found.accepted, found.quantity, found.ordered) == (False, "1", 100, 100)
    assert "5012345601" not in repr(found)


@pytest.mark.parametrize("count", [17, 23, 26, 30])
def test_a_notice_has_any_number_of_fields_from_17_on(count):
    fields = (notice() + [""] * 10)[:count]
    assert Notice.of(fields) == Notice.of(notice())


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"executed": "3"}, "cntg_yn must be one of 1, 2, got '3'"),
        ({"executed": ""}, "cntg_yn must be one of 1, 2, got ''"),
        ({"executed": "12"}, "cntg_yn must be one of 1, 2, got '12'"),
        ({"refused": "Y"}, "rfus_yn must be one of 0, 1"),
        ({"kind": "9"}, "rctf_cls must be one of 0, 1, 2"),
        ({"accepted": "4"}, "acpt_yn must be one of 1, 2, 3"),
        ({"quantity": "-40"}, "cntg_qty must be a whole number"),
        ({"quantity": "4e1"}, "cntg_qty must be a whole number"),
        ({"quantity": "0"}, "an execution has shares and a price, got cntg_qty 0"),
        ({"price": ""}, "an execution has shares and a price, got cntg_qty 40 and cntg_unpr 0"),
        ({"price": "nan"}, "cntg_unpr must be a number"),
        ({"account": "501234560"}, "acnt_no must be ten digits, got 9 signs"),
        ({"hour": "250000"}, "stck_cntg_hour must be"),
        ({"side": "03"}, "seln_byov_cls must be"),
        ({"odno": "garbage"}, "oder_no must be an order number"),
    ],
)
def test_a_notice_that_cannot_be_is_refused(changes, what):
    with pytest.raises(VenueError, match=what):
        Notice.of(notice(**changes))


def test_a_notice_of_too_few_fields_is_refused():
    with pytest.raises(VenueError, match="at least 17 fields, got 16"):
        Notice.of(notice()[:16])


# times


def test_times_of_korea_are_nine_hours_ahead():
    assert instant("20261123", "090000") == MORNING
    assert instant("20240229", "000000") == 1_709_132_400_000_000_000  # 2024-02-28 15:00 UTC, by date(1)


@given(st.text(max_size=10), st.text(max_size=8))
def test_a_text_is_an_instant_or_is_refused(day, hour):
    try:
        found = instant(day, hour)
    except VenueError:
        return
    assert day.isascii()
    assert hour.isascii()
    assert found % 1_000_000_000 == 0


@given(*(st.integers(0, 50) for _ in range(5)))
def test_an_order_is_read_only_where_its_quantities_add_up(ordered, filled, rest, cancelled, rejected):
    row = example_row(1, ord_qty=str(ordered), tot_ccld_qty=str(filled), tot_ccld_amt=str(filled * 62_400), rmn_qty=str(rest),
                      cncl_cfrm_qty=str(cancelled), rjct_qty=str(rejected))  # fmt: skip
    try:
        (found,) = orders_of(daily(row))
    except VenueError:
        assert ordered != filled + rest + cancelled + rejected or not ordered
        return
    assert ordered == filled + rest + cancelled + rejected > 0
    assert (found.quantity, found.filled, found.open) == (ordered, filled, rest)
