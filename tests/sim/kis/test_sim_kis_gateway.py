"""What the gateway of the simulated KIS refuses: headers, hosts, forms of fields, more requests a second than it allows."""

import gzip
import json
from email.utils import parsedate_to_datetime

import httpx
import pytest
from kis_customers import DAYS, QUOTES, TRADING, Customer, accepted, at, code, fresh, later, posted, standing_kis


@pytest.fixture(scope="module")
def kis():
    with standing_kis() as running:
        yield running


@pytest.fixture(scope="module")
def keys(kis):
    """Customers of both hosts, with tokens that last."""
    with Customer(kis) as paper, Customer(kis, paper=False) as live:
        yield paper.log_in(), live.log_in()


@pytest.fixture
def paper(kis, keys):
    fresh(kis)
    yield keys[0]
    kis.control.settings(strict_headers=True, old_ids=False, date_skew=0, gzip=False, paper_rate=1, live_rate=18, rate_jitter=0)


@pytest.fixture
def live(kis, paper, keys):
    return keys[1]


# headers


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ({"custtype": None}, "EGW00208"),
        ({"custtype": "X"}, "EGW00208"),
        ({"content_type": "text/plain"}, "EGW00132"),
        ({"appkey": None}, "EGW00102"),
        ({"appsecret": None}, "EGW00104"),
        ({"appsecret": "wrong"}, "EGW00105"),
    ],
)
def test_each_header_is_needed_and_nothing_is_placed_without(kis, paper, said, refused):
    before = len(accepted(kis))
    answer = paper.order(said=said)
    assert (answer.status_code, code(answer), answer.json()["rt_cd"]) == (500, refused, "1")
    assert len(accepted(kis)) == before


def test_reads_need_the_same_headers(paper):
    assert code(paper.price(custtype=None)) == "EGW00208"
    assert code(paper.price(content_type=None)) == "EGW00132"


def test_headers_may_be_let_off_by_a_setting(kis, paper):
    kis.control.settings(strict_headers=False)
    assert paper.price(custtype=None, content_type=None).status_code == 200


# hosts and TR ids


def test_a_live_id_on_paper_and_a_paper_id_on_live_are_refused(kis, paper, live):
    before = len(accepted(kis))
    assert code(paper.order(tr_id="TTTC0012U")) == "EGW00213"
    assert code(live.order(tr_id="VTTC0012U")) == "EGW02004"
    assert code(live.order(tr_id="TTTC9999U")) == "EGW02004"
    assert code(live.order(said={"tr_id": ""})) == "EGW02004"
    assert len(accepted(kis)) == before


@pytest.mark.parametrize(
    ("operation", "tr_id", "query"),
    [
        ("inquire-psbl-rvsecncl", "TTTC0084R", {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0", "CTX_AREA_FK100": "", "CTX_AREA_NK100": ""}),
        ("inquire-psbl-sell", "TTTC8408R", {"PDNO": "005930"}),
    ],
)
def test_paper_lacks_what_a_rule_of_v_for_t_would_invent(kis, paper, live, operation, tr_id, query):
    for invented in (tr_id, "V" + tr_id[1:]):
        said = {"CANO": paper.cano, "ACNT_PRDT_CD": "01", **query}
        answer = paper.http.get(TRADING + operation, params=said, headers=paper.headers(invented))
        assert code(answer) == "EGW00213"
    said = {"CANO": live.cano, "ACNT_PRDT_CD": "01", **query}
    assert live.http.get(TRADING + operation, params=said, headers=live.headers(tr_id)).json()["rt_cd"] == "0"


@pytest.mark.parametrize("tr_id", ["TTTS6036U", "VTTT1006U", "VTTS6036U"])
def test_no_order_of_us_stocks_is_taken(paper, live, tr_id):
    customer = paper if tr_id.startswith("V") else live
    path = "/uapi/overseas-stock/v1/trading/order"
    answer = customer.http.post(path, json=customer.body(), headers=customer.headers(tr_id))
    assert (answer.status_code, answer.json()["rt_cd"]) == (404, "1")


def test_ids_of_before_are_taken_only_where_the_switch_says_so(kis, paper):
    before = len(accepted(kis))
    assert code(paper.order(tr_id="VTTC0802U")) == "EGW00213"
    kis.control.settings(old_ids=True)
    assert paper.order(tr_id="VTTC0802U").json()["rt_cd"] == "0"
    later(kis, 1)
    sold = paper.order(tr_id="VTTC0801U").json()  # a sell: what is held is what was bought
    assert sold["rt_cd"] == "0"
    sides = [order["side"] for order in accepted(kis)[before:]]
    assert sides == ["BUY", "SELL"]


def test_another_account_than_that_of_the_key_is_refused(kis, paper):
    before = len(accepted(kis))
    answer = paper.order(CANO=kis.other_account().split("-")[0])
    assert (code(answer), answer.json()["rt_cd"]) == ("OPSQ2000", "1")
    assert len(accepted(kis)) == before


# forms


@pytest.mark.parametrize(
    "change",
    [
        {"ORD_QTY": 1},
        {"ORD_UNPR": 62_000},
        {"ORD_QTY": None, "ord_qty": "1"},
        {"PDNO": None},
        {"ORD_UNPR": None},
        {"CANO": None, "cano": "50654321"},
        {"ORD_DVSN": None},
        {"SLL_TYPE": ["01"]},
    ],
)
def test_fields_are_strings_with_upper_case_names_and_all_are_there(kis, paper, change):
    before = len(accepted(kis))
    body = paper.body(**{name: value for name, value in change.items() if value is not None})
    body = {name: value for name, value in body.items() if change.get(name, "") is not None}
    answer = paper.http.post(TRADING + "order-cash", content=json.dumps(body), headers=paper.headers("VTTC0012U"))
    assert answer.json()["rt_cd"] == "1"
    assert code(answer).startswith(("OPSQ", "EGW00101"))
    assert len(accepted(kis)) == before


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b'"x"', b"null"])
def test_a_body_is_an_object(paper, content):
    answer = paper.http.post(TRADING + "order-cash", content=content, headers=paper.headers("VTTC0012U"))
    assert answer.json()["rt_cd"] == "1"


def test_a_chunked_body_is_refused(kis, paper):
    before = len(accepted(kis))
    pieces = iter([json.dumps(paper.body()).encode()])
    answer = paper.http.post(
        TRADING + "order-cash", content=pieces, headers=paper.headers("VTTC0012U")
    )  # httpx sends an iterator in chunks
    assert code(answer) == "EGW00202"
    assert len(accepted(kis)) == before


def test_a_query_needs_all_its_fields_even_those_that_are_empty(kis, paper):
    assert code(paper.daily(CTX_AREA_FK100=None)).startswith("OPSQ")
    later(kis, 1)
    assert code(paper.daily(CANO=None, cano="50654321")).startswith("OPSQ")


def test_a_query_of_fields_in_lower_case_finds_nothing(paper):
    query = {"fid_cond_mrkt_div_code": "J", "fid_input_iscd": "005930"}
    answer = paper.http.get(QUOTES + "inquire-price", params=query, headers=paper.headers("FHKST01010100"))
    assert answer.json()["rt_cd"] == "1"


# the limit of rate


def test_paper_answers_once_in_any_second_and_a_page_walk_that_hurries_breaks(kis, paper):
    assert paper.price().status_code == 200
    later(kis, 0.99)
    refused = paper.price()
    assert (refused.status_code, code(refused)) == (500, "EGW00201")
    assert "retry-after" not in refused.headers
    later(kis, 0.02)
    assert paper.price().status_code == 200


def test_orders_share_the_limit_with_reads_and_a_refused_one_is_not_placed(kis, paper):
    before = len(accepted(kis))
    paper.price()
    assert code(paper.order()) == "EGW00201"
    assert len(accepted(kis)) == before


def test_live_answers_eighteen_times_in_any_second_and_not_in_each_clock_second(kis, live):
    start = kis.control.now // 10**9 * 10**9
    kis.control.clock(to=start + 2 * 10**9 + 900_000_000)
    early = [live.price().status_code for _ in range(18)]
    later(kis, 0.2)  # another second of the clock, the same rolling one: buckets by clock seconds let 36 through
    late = [live.price().status_code for _ in range(18)]
    assert early == [200] * 18
    assert late == [500] * 18
    later(kis, 0.8)
    assert live.price().status_code == 200
    rates = kis.control.truth(requests=False)["rates"][live.app_key[-4:]]
    assert (rates["most_passed"], rates["most_came"]) == (18, 36)


def test_a_request_that_was_refused_for_rate_does_not_count(kis, live):
    kis.control.settings(live_rate=3)  # that of a new customer
    assert [live.price().status_code for _ in range(6)] == [200] * 3 + [500] * 3
    later(kis, 1)
    assert [live.price().status_code for _ in range(3)] == [200] * 3


def test_live_and_paper_have_limits_of_their_own(paper, live):
    assert paper.price().status_code == 200
    assert live.price().status_code == 200
    assert code(paper.price()) == "EGW00201"


def test_where_arrivals_jitter_a_client_that_fills_each_second_to_the_brim_is_refused_now_and_then(kis, live):
    kis.control.settings(rate_jitter=0.05)
    full, spared = [], []
    for found, count in ((full, 18), (spared, 15)):
        later(kis, 2)  # the seconds of both do not overlap
        for _ in range(6):
            for _ in range(count):
                found.append(live.price().status_code)
                later(kis, 1 / count)
    assert 0 < full.count(500) < len(full) / 2
    assert spared.count(500) == 0  # 1.1 seconds hold 17 of these at most


# what every answer carries


def test_the_date_header_is_that_of_the_venue_and_can_be_off(kis, paper):
    said = parsedate_to_datetime(paper.price().headers["date"]).timestamp()
    assert said == kis.control.now // 10**9
    kis.control.settings(date_skew=-7)
    later(kis, 1)
    assert parsedate_to_datetime(paper.price().headers["date"]).timestamp() == kis.control.now // 10**9 - 7


def test_answers_are_compressed_where_the_setting_and_the_client_say_so(kis, paper):
    kis.control.settings(gzip=True)
    with paper.http.stream("GET", "/uapi/none", headers={**paper.headers("X"), "accept-encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert json.loads(gzip.decompress(b"".join(answer.iter_raw())))["rt_cd"] == "1"
    plain = paper.price(**{"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers


def test_texts_are_filled_up_with_spaces_and_ids_come_back(paper):
    answer = paper.price()
    assert len(answer.json()["msg1"]) >= 80
    assert answer.headers["tr_id"] == "FHKST01010100"
    assert answer.headers["gt_uid"].isdigit()


def test_what_is_no_path_of_kis_is_refused(paper):
    answer = paper.http.post("/uapi/hashkey", json={}, headers=paper.headers("X"))
    assert answer.status_code == 404
    assert paper.http.get("/oauth2/tokenP").status_code == 404


# the journal


def test_the_journal_holds_each_request_with_what_came_of_it_and_no_secret(kis, paper):
    seen = len(kis.control.truth()["requests"])
    odno = paper.order(3).json()["output"]["ODNO"]
    code(paper.order(4))
    first, second = kis.control.truth(since=seen)["requests"]
    assert (first["accepted"], first["odno"], first["status"], first["code"]) == (True, odno, 200, "APBK0013")
    assert (second["accepted"], second["throttled"], second["status"], second["code"]) == (False, True, 500, "EGW00201")
    assert first["fields"]["ORD_QTY"] == "3"
    assert first["time"] == kis.control.now
    assert first["headers"]["tr_id"] == "VTTC0012U"
    text = json.dumps(kis.control.truth())
    assert not any(secret in text for secret in (paper.token, paper.app_key, paper.app_secret))


def test_two_posts_of_the_same_body_are_two_orders(kis, paper):
    before = len(accepted(kis))
    for _ in range(2):
        assert paper.order(5, 60_000, said={"gt_uid": "x" * 32}).json()["rt_cd"] == "0"
        later(kis, 1)
    assert len(accepted(kis)) == before + 2  # nothing at KIS knows that they are one


def test_an_order_that_is_refused_is_written_down_as_such(kis, paper):
    answer = paper.order(1, 62_050)  # off its tick of 100
    assert answer.json()["rt_cd"] != "0"
    assert (posted(kis)[-1]["accepted"], posted(kis)[-1]["code"]) == (False, code(answer))


# days


def test_dates_and_numbers_go_over_midnight(kis, keys):
    # the last test of the module: it goes a day on
    fresh(kis)
    paper = keys[0]
    later(kis, 1)
    first = paper.order(1, 60_000).json()["output"]
    kis.control.clock(to=at(f"{DAYS[1]} 09:10"))
    with Customer(kis) as again:
        again.log_in()
        second = again.order(1, 60_000).json()["output"]
        today = [order for order in accepted(kis) if order["date"] == DAYS[1].replace("-", "")]
        assert [order["odno"] for order in today] == [second["ODNO"]]
        assert second["ODNO"] <= first["ODNO"]  # a key of the number alone meets one of yesterday


def test_a_holiday_takes_no_order(kis, keys):
    kis.control.clock(to=at("2025-12-25 10:00"))
    with Customer(kis) as paper:
        paper.log_in()
        answer = paper.order()
        assert answer.json()["rt_cd"] != "0"
        assert answer.status_code == 200


def test_a_body_of_a_megabyte_is_refused(kis):
    answer = httpx.post(f"{kis.rest_url()}/oauth2/tokenP", content=b"x" * (1 << 21), trust_env=False)
    assert answer.status_code == 413
