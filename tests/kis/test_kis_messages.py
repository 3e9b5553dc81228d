import json
import math

import pytest
from kis_payloads import ACCOUNT, EXAMPLES, LIVE, PAPER, page, reply

from exec_algos.brokers.kis import messages
from exec_algos.brokers.kis.answers import UnreadableError, json_of, shown
from exec_algos.brokers.kis.messages import AccountNo, Cursor, Host, Kind, envelope
from exec_algos.brokers.kis.operations import OPERATIONS
from exec_algos.brokers.venue import Intent, Placed
from exec_algos.errors import UsageError
from exec_algos.model import Side

TRADING, QUOTES = "/uapi/domestic-stock/v1/trading/", "/uapi/domestic-stock/v1/quotations/"


def intent(side=Side.BUY, quantity=100, limit=62_400.0, symbol="005930"):
    return Intent(own_id="", symbol=symbol, side=side, quantity=quantity, limit=limit)


def placed(venue_id="20261123-06010-0001569157", quantity=100.0):
    return Placed(venue_id=venue_id, own_id="", symbol="005930", side=Side.BUY, quantity=quantity, open=quantity)


def every_ask(host):
    """One request of every builder that a host has."""
    day, hour = "20261123", "100000"
    asks = [
        messages.order(host, ACCOUNT, intent(), "00"),
        messages.order(host, ACCOUNT, intent(Side.SELL, limit=math.nan), "01"),
        messages.cancel(host, ACCOUNT, placed(), "06010", "00"),
        messages.amend(host, ACCOUNT, placed(), "06010", "00", limit=62_500.0, quantity=60),
        messages.daily(host, ACCOUNT, day, day),
        messages.daily(host, ACCOUNT, day, day, older=True),
        messages.balance(host, ACCOUNT),
        messages.power(host, ACCOUNT, "005930"),
        messages.book(host, "005930"),
        messages.price(host, "005930"),
        messages.minutes(host, "005930", hour),
        messages.past_minutes(host, "005930", day, hour),
        messages.daily_bars(host, "005930", day, day),
        messages.stock_info(host, "005930"),
    ]
    if not host.paper:
        asks += [messages.open_orders(host, ACCOUNT), messages.sellable(host, ACCOUNT, "005930"), messages.holidays(host, day)]
    return asks


# method, path and TR ids, worked out by hand from the published tables
TR_IDS = {
    "buy": ("POST", TRADING + "order-cash", "TTTC0012U", "VTTC0012U"),
    "sell": ("POST", TRADING + "order-cash", "TTTC0011U", "VTTC0011U"),
    "amend": ("POST", TRADING + "order-rvsecncl", "TTTC0013U", "VTTC0013U"),
    "cancel": ("POST", TRADING + "order-rvsecncl", "TTTC0013U", "VTTC0013U"),
    "open orders": ("GET", TRADING + "inquire-psbl-rvsecncl", "TTTC0084R", None),
    "daily": ("GET", TRADING + "inquire-daily-ccld", "TTTC0081R", "VTTC0081R"),
    "daily, older": ("GET", TRADING + "inquire-daily-ccld", "CTSC9215R", "VTSC9215R"),
    "power": ("GET", TRADING + "inquire-psbl-order", "TTTC8908R", "VTTC8908R"),
    "sellable": ("GET", TRADING + "inquire-psbl-sell", "TTTC8408R", None),
    "balance": ("GET", TRADING + "inquire-balance", "TTTC8434R", "VTTC8434R"),
    "book": ("GET", QUOTES + "inquire-asking-price-exp-ccn", "FHKST01010200", "FHKST01010200"),
    "price": ("GET", QUOTES + "inquire-price", "FHKST01010100", "FHKST01010100"),
    "minutes": ("GET", QUOTES + "inquire-time-itemchartprice", "FHKST03010200", "FHKST03010200"),
    "past minutes": ("GET", QUOTES + "inquire-time-dailychartprice", "FHKST03010230", "FHKST03010230"),
    "daily bars": ("GET", QUOTES + "inquire-daily-itemchartprice", "FHKST03010100", "FHKST03010100"),
    "holidays": ("GET", QUOTES + "chk-holiday", "CTCA0903R", None),
    "stock info": ("GET", QUOTES + "search-stock-info", "CTPF1002R", "CTPF1002R"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_has_the_path_and_the_ids_of_the_published_table(operation):
    method, path, live, paper = TR_IDS[operation]
    found = LIVE.ask(operation, {})
    assert (found.method, found.path, found.tr_id) == (method, path, live)
    assert PAPER.has(operation) is (paper is not None)
    if paper is not None:
        assert PAPER.ask(operation, {}).tr_id == paper


@pytest.mark.parametrize("operation", ["open orders", "sellable", "holidays"])
def test_the_paper_host_refuses_what_it_does_not_have_and_names_it(operation):
    with pytest.raises(UsageError, match=f"{TR_IDS[operation][2]}.*do without it, or ask the live host"):
        PAPER.ask(operation, {})


@pytest.mark.parametrize("host", [LIVE, PAPER], ids=["live", "paper"])
def test_every_field_is_a_string_and_every_key_is_in_upper_case(host):
    for ask in every_ask(host):
        assert all(isinstance(value, str) for value in ask.fields.values()), ask
        assert all(key == key.upper() for key in ask.fields), ask
        assert (ask.body == b"") is (ask.method == "GET")
        assert (ask.query == {}) is (ask.method == "POST")


def test_an_order_to_buy_is_the_published_example_byte_for_byte():
    ask = messages.order(LIVE, ACCOUNT, intent(), "00")
    assert ask.body == EXAMPLES["order request"].encode()
    assert (ask.tr_id, ask.kind) == ("TTTC0012U", Kind.ORDER)


def test_a_sale_has_the_other_id_and_a_kind_of_sale():
    ask = messages.order(PAPER, ACCOUNT, intent(Side.SELL, 7, math.nan), "01")
    assert ask.tr_id == "VTTC0011U"
    assert json.loads(ask.body) == {
        "CANO": "50123456", "ACNT_PRDT_CD": "01", "PDNO": "005930", "ORD_DVSN": "01", "ORD_QTY": "7", "ORD_UNPR": "0",
        "EXCG_ID_DVSN_CD": "KRX", "SLL_TYPE": "01", "CNDT_PRIC": "",
    }  # fmt: skip


def test_a_cancel_asks_for_all_that_is_open_and_else_for_a_quantity():
    whole = messages.cancel(LIVE, ACCOUNT, placed(), "06010", "00")
    assert dict(whole.fields) == {
        "CANO": "50123456", "ACNT_PRDT_CD": "01", "KRX_FWDG_ORD_ORGNO": "06010", "ORGN_ODNO": "0001569157", "ORD_DVSN": "00",
        "RVSE_CNCL_DVSN_CD": "02", "ORD_QTY": "0", "ORD_UNPR": "0", "QTY_ALL_ORD_YN": "Y", "EXCG_ID_DVSN_CD": "KRX",
    }  # fmt: skip
    part = messages.cancel(LIVE, ACCOUNT, placed("1569157"), "", "00", "NXT", quantity=60.0)
    assert dict(part.fields) == dict(whole.fields) | {
        "KRX_FWDG_ORD_ORGNO": "", "ORD_QTY": "60", "QTY_ALL_ORD_YN": "N", "EXCG_ID_DVSN_CD": "NXT"
    }  # fmt: skip
    assert (whole.tr_id, whole.kind) == ("TTTC0013U", Kind.CANCEL)


def test_an_amendment_is_no_request_that_may_be_repeated():
    ask = messages.amend(PAPER, ACCOUNT, placed(), "06010", "00", limit=62_500.0)
    assert (ask.tr_id, ask.kind) == ("VTTC0013U", Kind.ORDER)
    assert ask.fields["RVSE_CNCL_DVSN_CD"] == "01"
    assert ask.fields["ORD_UNPR"] == "62500"


def test_an_inquiry_of_orders_names_days_side_symbol_and_all_exchanges():
    ask = messages.daily(LIVE, ACCOUNT, "20261123", "20261123", symbol="005930", side=Side.SELL)
    assert ask.query == {
        "CANO": "50123456", "ACNT_PRDT_CD": "01", "INQR_STRT_DT": "20261123", "INQR_END_DT": "20261123", "SLL_BUY_DVSN_CD": "01",
        "PDNO": "005930", "CCLD_DVSN": "00", "INQR_DVSN": "00", "INQR_DVSN_3": "00", "INQR_DVSN_1": "", "ORD_GNO_BRNO": "", "ODNO": "",
        "EXCG_ID_DVSN_CD": "ALL", "CTX_AREA_FK100": "", "CTX_AREA_NK100": "",
    }  # fmt: skip
    assert messages.daily(PAPER, ACCOUNT, "20261123", "20261123").fields["EXCG_ID_DVSN_CD"] == "KRX"
    assert messages.daily(LIVE, ACCOUNT, "20261123", "20261123", side=Side.BUY).fields["SLL_BUY_DVSN_CD"] == "02"
    assert messages.daily(LIVE, ACCOUNT, "20261123", "20261123").fields["SLL_BUY_DVSN_CD"] == "00"


def test_the_next_page_is_asked_for_with_the_cursor_as_it_came_spaces_and_all():
    cursor = page("fills page 1", "F").cursor
    assert cursor.fk.endswith(" " * 20)
    assert len(cursor.fk) > 90
    ask = messages.daily(LIVE, ACCOUNT, "20261123", "20261123", cursor=cursor)
    assert (ask.fields["CTX_AREA_FK100"], ask.fields["CTX_AREA_NK100"]) == (cursor.fk, cursor.nk)
    assert messages.headers(ask, "T", "K", "S")["tr_cont"] == "N"
    assert messages.headers(messages.daily(LIVE, ACCOUNT, "20261123", "20261123"), "T", "K", "S")["tr_cont"] == ""


def test_headers_are_those_of_the_published_table():
    assert messages.headers(messages.price(LIVE, "005930"), "T", "K", "S") == {
        "content-type": "application/json; charset=utf-8", "authorization": "Bearer T", "appkey": "K", "appsecret": "S",
        "tr_id": "FHKST01010100", "tr_cont": "", "custtype": "P",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (lambda: messages.order(LIVE, ACCOUNT, intent(quantity=0), "00"), "whole shares, at least 1, got 0"),
        (lambda: messages.order(LIVE, ACCOUNT, intent(quantity=1.5), "00"), "whole shares, at least 1, got 1.5"),
        (lambda: messages.order(LIVE, ACCOUNT, intent(quantity=math.nan), "00"), "whole shares, at least 1, got nan"),
        (lambda: messages.order(LIVE, ACCOUNT, intent(quantity=1e10), "00"), "more slices"),
        (lambda: messages.order(LIVE, ACCOUNT, intent(limit=math.nan), "00"), "type 00 need a limit in whole won, got nan"),
        (lambda: messages.order(LIVE, ACCOUNT, intent(limit=62_400.5), "00"), "whole won, got 62400.5"),
        (lambda: messages.order(LIVE, ACCOUNT, intent(limit=math.inf), "00"), "whole won, got inf"),
        (lambda: messages.order(LIVE, ACCOUNT, intent(), "01"), "type 01 have no limit, got 62400.0"),
        (lambda: messages.order(LIVE, ACCOUNT, intent(), "22"), "stop"),
        (lambda: messages.order(LIVE, ACCOUNT, intent(), "99"), "order type must be one of 00, 01.*got '99'"),
        (lambda: messages.order(LIVE, ACCOUNT, intent(symbol="5930"), "00"), "six signs, such as 005930.*got '5930'"),
        (lambda: messages.order(LIVE, ACCOUNT, intent(), "00", "NYSE"), "KRX, NXT, SOR, got 'NYSE'"),
        (lambda: messages.order(PAPER, ACCOUNT, intent(), "00", "SOR"), "paper host trades on KRX alone, got 'SOR'"),
        (lambda: messages.order(LIVE, ACCOUNT, intent(), "00", "ALL"), "got 'ALL'"),
        (lambda: messages.cancel(LIVE, ACCOUNT, placed(""), "06010", "00"), "ODNO of up to ten digits, got ''"),
        (lambda: messages.daily(LIVE, ACCOUNT, "2026-11-23", "20261123"), "YYYYMMDD, got '2026-11-23'"),
        (lambda: messages.minutes(LIVE, "005930", "10:00"), "HHMMSS, got '10:00'"),
        (lambda: messages.book(LIVE, "005930", "KRX"), r"J \(KRX\), NX \(NXT\) or UN"),
    ],
)
def test_what_kis_cannot_be_told_is_refused_before_it_is_sent(wrong, what):
    with pytest.raises(UsageError, match=what):
        wrong()


def test_an_account_shows_two_of_its_digits_and_a_wrong_one_none():
    assert repr(ACCOUNT) == str(ACCOUNT) == "AccountNo(******56-01)"
    assert (ACCOUNT.text, ACCOUNT.plain, AccountNo.of("5012345601")) == ("50123456-01", "5012345601", ACCOUNT)
    for wrong in ("5012345-01", "50123456-1", "50123456", "5012345a-01", "", "５０１２３４５６-01"):
        with pytest.raises(UsageError) as caught:
            AccountNo.of(wrong)
        assert not wrong or wrong not in str(caught.value)


def test_no_repr_has_the_account():
    answer = reply(EXAMPLES["fills page 1"])
    said = envelope(answer)
    for ask in every_ask(LIVE):
        assert "50123456" not in repr(ask)
    assert "50123456" not in repr(answer) + repr(said) + repr(said.cursor)


# envelopes


@pytest.mark.parametrize(("header", "more"), [("F", True), ("M", True), ("D", False), ("E", False), ("", None), (None, None), ("X", None)])
def test_the_header_decides_whether_a_page_follows_and_its_absence_proves_nothing(header, more):
    assert page("fills page 2", header).more is more  # whose cursor is filled, though it is the last


def test_a_text_is_stripped_and_the_name_of_a_header_may_be_in_any_case():
    said = envelope(messages.Reply(200, {"Tr_Cont": "M"}, EXAMPLES["order above cash"].encode()))
    assert (said.ok, said.code, said.text, said.more) == (False, "APBK0952", "주문가능금액을 초과 했습니다", True)


def test_the_other_shape_of_an_error_is_read_too():
    said = envelope(reply(EXAMPLES["token again"], status=403))
    assert (said.ok, said.code) == (False, "EGW00133")
    assert said.text.startswith("접근토큰")


def test_outputs_are_read_whatever_the_case_of_their_names():
    upper = envelope(reply(EXAMPLES["order taken"]))
    lower = envelope(reply(EXAMPLES["order taken"].replace("KRX_FWDG_ORD_ORGNO", "krx_fwdg_ord_orgno").replace("ODNO", "odno")))
    for said in (upper, lower):
        assert (said.odno, said.orgno, said.time) == ("0001569157", "06010", "100312")


def test_a_clock_time_that_there_is_not_is_none():
    assert envelope(reply({"rt_cd": "0", "output": {"ODNO": "12", "ORD_TMD": "246060"}})).time == ""


@pytest.mark.parametrize("output", [None, "", {}, [], "x", [{"ODNO": "1"}], {"ODNO": 7.5}, {"ODNO": None}])
def test_no_output_of_any_form_gives_no_order_number(output):
    said = envelope(reply({"rt_cd": "1", "msg_cd": "APBK0952", "msg1": "", "output": output}))
    assert (said.odno, said.orgno, said.time) == ("", "", "")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>502</html>", b"null", b"[]", b"7", b'"0"', b"{}", b'{"rt_cd":null}', b'{"rt_cd":[0]}', b'{"rt_cd":""}',
        b'{"rt_cd":"0","msg_cd":"AP', EXAMPLES["order taken"].encode("cp949"), EXAMPLES["order taken"].encode("utf-16"),
        b'{"rt_cd":"0","rt_cd":"1"}', b'{"rt_cd":"0","RT_CD":"1"}', b'{"rt_cd":"0","x":NaN}', b"[" * 100_000, b'{"rt_cd":"0","msg_cd":{}}',
    ],
)  # fmt: skip
def test_what_is_no_envelope_is_unreadable(body):
    with pytest.raises(UnreadableError, match="answered HTTP 502"):
        envelope(messages.Reply(502, {}, body))


def test_numbers_without_quotes_stay_the_text_they_are():
    assert json_of(reply('{"a":62400,"b":62400.10,"c":1E400}')) == {"a": "62400", "b": "62400.10", "c": "1E400"}
    assert envelope(reply('{"rt_cd":0,"output":{"ODNO":1569157}}')).odno == "0001569157"


def test_a_text_of_half_a_sign_can_be_printed():
    assert envelope(reply('{"rt_cd":"1","msg_cd":"APBK0952","msg1":"\\ud800"}')).text.encode() == b"?"


def test_a_message_shows_no_account_key_or_token():
    for secret in ("50123456", "PSabcdefgh0123456789", "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.x.y"):
        assert secret not in shown(f"<p>{secret}</p>")
    assert len(shown("한" * 10_000)) < 300


def test_a_host_says_what_it_is():
    assert (Host(True).name, Host(False).name, PAPER.page_rows, LIVE.page_rows) == ("paper", "live", 15, 100)
    assert (PAPER.notices, LIVE.notices) == ("H0STCNI9", "H0STCNI0")
    assert not Cursor()
    assert Cursor(nk=" ")
