import pytest
from kis_payloads import ACCOUNT, EXAMPLES, LIVE, reply

from exec_algos.brokers.kis import messages
from exec_algos.brokers.kis.answers import Reply
from exec_algos.brokers.kis.codes import BUSINESS, DONE, DOUBTFUL, FATAL, TOKEN, Class, classify, is_lasting
from exec_algos.brokers.venue import Intent, Placed
from exec_algos.errors import NotSentError, UsageError, VenueError
from exec_algos.model import Side

ORDER = messages.order(LIVE, ACCOUNT, Intent(own_id="", symbol="005930", side=Side.BUY, quantity=100, limit=62_400.0), "00")
CANCEL = messages.cancel(
    LIVE, ACCOUNT, Placed(venue_id="0001569157", own_id="", symbol="005930", side=Side.BUY, quantity=100, open=60), "06010", "00"
)
AMEND = messages.amend(
    LIVE,
    ACCOUNT,
    Placed(venue_id="0001569157", own_id="", symbol="005930", side=Side.BUY, quantity=100, open=60),
    "06010",
    "00",
    limit=62_500,
)
LEDGER = messages.balance(LIVE, ACCOUNT)
READ = messages.price(LIVE, "005930")

OK, REJECTED, LASTING, UNKNOWN, RETRY = Class.OK, Class.REJECTED, Class.LASTING, Class.UNKNOWN, Class.RETRY
REFUSED, TOKENS, THROTTLED, BUSY = Class.REFUSED, Class.TOKEN, Class.THROTTLED, Class.LEDGER_BUSY

# code, then what it means of an order, of a cancel and of a read: by the published tables of codes and of retries
GATEWAY = [
    *((code, UNKNOWN, UNKNOWN, RETRY) for code in ("EGW00001", "EGW00002", "EGW00202", "EGW00203", "EGW00300", "EGW00301", "EGW00302")),
    ("IGW00009", UNKNOWN, UNKNOWN, RETRY),
    ("90020000", UNKNOWN, UNKNOWN, RETRY),
    *((code, TOKENS, TOKENS, TOKENS) for code in ("EGW00121", "EGW00122", "EGW00123")),
    ("EGW00201", THROTTLED, THROTTLED, THROTTLED),
    ("EGW00215", UNKNOWN, BUSY, BUSY),
    *((f"EGW{number:05}", REFUSED, REFUSED, REFUSED) for number in (101, 102, 103, 104, 105, *range(112, 120), 131, 132)),
    *((f"EGW{number:05}", REFUSED, REFUSED, REFUSED) for number in (205, 206, 208, 213)),
    *((f"EGW{number:05}", UNKNOWN, REFUSED, REFUSED) for number in (3, 4, 210, 303, 304)),
    *((code, REFUSED, REFUSED, REFUSED) for code in ("EGW02004", "EGW2004")),
    *((f"OPSQ{number:04}", UNKNOWN, REFUSED, REFUSED) for number in (*range(1, 12), 1002, 2000, 2001, 2002, *range(9995, 10_000))),
    ("EGW00999", UNKNOWN, UNKNOWN, RETRY),
    ("EGW00133", UNKNOWN, UNKNOWN, RETRY),
    ("OPSQ7777", UNKNOWN, UNKNOWN, RETRY),
    ("APBK0013", UNKNOWN, UNKNOWN, RETRY),
    ("KIOK0510", UNKNOWN, UNKNOWN, RETRY),
]
LEDGER_CODES = [
    ("APBK0919", REJECTED), ("APBK0952", LASTING), ("APBK0400", LASTING), ("APBK1234", LASTING), ("APBK0656", LASTING),
    ("APBK1943", LASTING), ("APBK3013", REJECTED), ("APBK1664", LASTING), ("KIER3672", REJECTED), ("40100000", LASTING),
    ("40030000", REJECTED), ("40250000", LASTING),
]  # fmt: skip


def failed(code, text="", status=200, **more):
    return reply({"rt_cd": "1", "msg_cd": code, "msg1": text.ljust(80), **more}, status)


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(("code", "of_order", "of_cancel", "of_read"), GATEWAY)
def test_a_code_of_the_gateway_means_what_the_tables_say_whatever_the_status(code, of_order, of_cancel, of_read, status):
    answer = failed(code, status=status)
    assert classify(ORDER, answer).cls is of_order
    assert classify(AMEND, answer).cls is of_order
    assert classify(CANCEL, answer).cls is of_cancel
    assert classify(LEDGER, answer).cls is of_read
    assert classify(READ, answer).cls is of_read


def test_no_code_is_of_two_kinds():
    kinds = [TOKEN, FATAL, DOUBTFUL, DONE, frozenset(BUSINESS)]
    assert sum(map(len, kinds)) == len(frozenset().union(*kinds))


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(("code", "meaning"), LEDGER_CODES)
def test_a_code_of_the_ledger_is_a_rejection_that_lasts_or_passes(code, meaning, status):
    said = classify(ORDER, failed(code, "안됩니다", status))
    assert (said.cls, said.code, said.text) == (meaning, code, "안됩니다")
    assert classify(READ, failed(code, "", status)).cls is meaning
    assert dict(LEDGER_CODES).keys() == BUSINESS.keys()


@pytest.mark.parametrize(
    ("text", "lasting"),
    [
        ("장운영시간이 아닙니다.(장종료(129) 주문불가시간)", False),
        ("모의투자 장시작전 입니다.", False),
        ("모의투자 장종료 입니다.", False),
        ("주문가능금액을 초과 했습니다", True),
        ("주문 가능한 수량을 초과하였습니다", True),
        ("잔고가 부족합니다", True),
        ("모의투자에서는 해당 종목의 매매가 불가합니다", True),
        ("무엇인가 잘못되었습니다", False),
        ("", False),
    ],
)
def test_the_code_of_several_causes_is_told_apart_by_its_text(text, lasting):
    said = classify(ORDER, failed("APBK0918", text))
    assert said.cls is (LASTING if lasting else REJECTED)
    assert (said.code, said.text) == ("APBK0918", text)
    assert is_lasting("APBK0918", text) is lasting


def test_examples_of_rejections():
    assert classify(ORDER, reply(EXAMPLES["order above cash"])).cls is LASTING
    assert classify(ORDER, reply(EXAMPLES["order out of hours"])).cls is REJECTED
    assert classify(ORDER, reply(EXAMPLES["throttled"], 500)).cls is THROTTLED
    assert classify(ORDER, reply(EXAMPLES["token expired"], 500)).cls is TOKENS
    assert classify(ORDER, reply(EXAMPLES["token expired"])).cls is TOKENS


def test_an_unknown_code_of_the_ledger_is_a_rejection_in_its_own_words():
    said = classify(ORDER, failed("APBK7777", "모르는 사유"))
    assert (said.cls, said.code, said.text) == (REJECTED, "APBK7777", "모르는 사유")
    assert classify(CANCEL, failed("APBK7777")).cls is REJECTED
    assert classify(READ, failed("APBK7777")).cls is REJECTED


@pytest.mark.parametrize("status", [201, 302, 403, 404, 500, 502, 503])
def test_an_unknown_code_with_another_status_says_nothing_about_an_order(status):
    assert classify(ORDER, failed("APBK7777", status=status)).cls is UNKNOWN
    assert classify(READ, failed("APBK7777", status=status)).cls is RETRY


@pytest.mark.parametrize("code", ["", "  ", "오류", "AP", "APBK09521X", "APBK-095"])
def test_a_refusal_without_a_code_says_nothing_about_an_order(code):
    assert classify(ORDER, failed(code)).cls is UNKNOWN


@pytest.mark.parametrize("code", ["APBK0952", "EGW00123", "EGW00201", "EGW00101", "APBK7777"])
@pytest.mark.parametrize("odno", ["0001569157", "1569157", "A12", " 7 "])
def test_a_refusal_with_an_order_number_says_nothing_about_an_order(code, odno):
    assert classify(ORDER, failed(code, output={"ODNO": odno})).cls is UNKNOWN


def test_success_with_an_order_number_is_an_order():
    said = classify(ORDER, reply(EXAMPLES["order taken"]))
    assert (said.cls, said.envelope.odno, said.envelope.orgno) == (OK, "0001569157", "06010")
    assert classify(CANCEL, reply(EXAMPLES["order taken"])).cls is OK


@pytest.mark.parametrize("output", [None, "", {}, [], {"ODNO": ""}, {"ODNO": "   "}, {"ODNO": "0000000000"}, {"ODNO": "12345678901"},
                                    {"ODNO": "-1"}, {"ODNO": "1e5"}, {"ODNO": None}, {"ODNO": {}}])  # fmt: skip
def test_success_without_an_order_number_says_nothing(output):
    for ask in (ORDER, AMEND, CANCEL):
        assert classify(ask, reply({"rt_cd": "0", "msg_cd": "APBK0013", "msg1": "", "output": output})).cls is UNKNOWN
    assert classify(ORDER, reply({"rt_cd": "0", "msg_cd": "APBK0013", "msg1": ""})).cls is UNKNOWN


@pytest.mark.parametrize("code", ["EGW00201", "EGW00301", "90020000", "APBK0952", "IGW00009"])
def test_success_with_the_code_of_a_failure_says_nothing(code):
    said = reply({"rt_cd": "0", "msg_cd": code, "msg1": "", "output": {"ODNO": "0001569157"}})
    assert classify(ORDER, said).cls is UNKNOWN
    assert classify(READ, said).cls is RETRY


BODIES = [b"", b"<html><body>502 Bad Gateway</body></html>", EXAMPLES["order taken"].encode()[:60], EXAMPLES["order taken"].encode("cp949"),
          b"null", b"[]", b"{}", EXAMPLES["order taken"].encode("utf-16")]  # fmt: skip


@pytest.mark.parametrize("status", [200, 500, 502])
@pytest.mark.parametrize("body", BODIES)
def test_an_answer_that_cannot_be_read_says_nothing_about_an_order(body, status):
    for ask, cls in ((ORDER, UNKNOWN), (AMEND, UNKNOWN), (CANCEL, UNKNOWN), (LEDGER, RETRY), (READ, RETRY)):
        said = classify(ask, Reply(status, {}, body))
        assert (said.cls, said.envelope) == (cls, None)
        assert "answered HTTP" in said.text


@pytest.mark.parametrize("error", [VenueError("no answer"), TimeoutError(), OSError("reset"), ValueError("?")])
def test_no_answer_says_nothing_about_an_order(error):
    for ask, cls in ((ORDER, UNKNOWN), (AMEND, UNKNOWN), (CANCEL, UNKNOWN), (LEDGER, RETRY), (READ, RETRY)):
        assert classify(ask, error).cls is cls


def test_only_what_provably_never_left_was_not_sent():
    for ask, cls in ((ORDER, Class.NOT_SENT), (AMEND, Class.NOT_SENT), (CANCEL, Class.NOT_SENT), (LEDGER, RETRY), (READ, RETRY)):
        assert classify(ask, NotSentError("no connection")).cls is cls


def test_a_request_that_was_never_built_is_no_answer():
    with pytest.raises(UsageError, match="too small"):
        classify(ORDER, UsageError("too small"))


def test_a_read_is_good_only_with_a_good_status():
    assert classify(READ, reply(EXAMPLES["book"])).cls is OK
    assert classify(READ, reply(EXAMPLES["book"], 500)).cls is RETRY


def test_a_shape_of_the_token_endpoint_is_classified_by_its_code():
    assert classify(ORDER, reply({"error_code": "EGW00123", "error_description": "기간이 만료된 token 입니다."}, 500)).cls is TOKENS
    assert classify(ORDER, reply({"error_code": "EGW00301", "error_description": ""}, 500)).cls is UNKNOWN
