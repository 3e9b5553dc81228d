"""Faults of the simulated KIS, each as a plain client sees it, and what of it the ledger has: what a careless client takes for what."""

import gzip
import json
import threading
import time

import httpx
import pytest
from kis_customers import Customer, accepted, code, fresh, later, posted, standing_kis
from websockets.sync.client import connect
from wired import subscribe

from exec_algos.errors import VenueError
from exec_algos.sim.kis.faults import CALLS, CLASSES, DONE, DRAWN, FAULTS, NOT_DONE
from exec_algos.sim.kis.spoiling import UNCLEAR

IMPATIENT = 0.25  # seconds of real time
NO_ANSWER = (httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError)


@pytest.fixture(scope="module")
def kis():
    with standing_kis(set="cancel_takes=[0,0]") as running:
        running.control.settings(live_rate=1000, paper_rate=1000, lag_daily=[0, 0], lag_open=[0, 0])
        yield running


@pytest.fixture(scope="module")
def logged_in(kis):
    with Customer(kis) as paper, Customer(kis, paper=False) as live:
        yield paper.log_in(), live.log_in()


@pytest.fixture
def paper(kis, logged_in):
    fresh(kis)
    yield logged_in[0]
    kis.control.faults()
    kis.control.settings(lag_daily=[0, 0], lag_open=[0, 0], lag_notice=[0, 0], token_status=500)


@pytest.fixture
def live(paper, logged_in):
    return logged_in[1]


def script(kis, *faults, on="order", **more):
    kis.control.faults([{"on": on, "n": n, "fault": name} for n, name in enumerate(faults, start=1)], **more)


def outcome(customer, **more):
    """What a client has in its hands after an order: the name of what was raised, or status and bytes."""
    try:
        answer = customer.order(1, 60_000, timeout=IMPATIENT, **more)
    except httpx.TransportError as error:
        return type(error).__name__, b""
    return answer.status_code, answer.content


def naive(answer):
    """What a client that trusts what it gets makes of an answer: placed, or not."""
    status, body = answer
    try:
        said = json.loads(body)
    except ValueError:
        return "not placed"
    return "placed" if status == 200 and said.get("rt_cd") == "0" and said.get("output", {}).get("ODNO") else "not placed"


ACCEPTED = [*DONE, "accept_late", "egw00215_accepted", "no_odno", "bad_json", "close_mid_body"]
REFUSED = [*NOT_DONE, "no_odno_unaccepted", "egw00201", "egw00215", "token_expired"]


@pytest.mark.parametrize("fault", ACCEPTED)
def test_an_order_whose_answer_is_spoilt_is_at_the_ledger(kis, paper, fault):
    before = len(accepted(kis))
    script(kis, fault, late_seconds=IMPATIENT * 4)
    assert naive(outcome(paper)) == "not placed"  # so says a client that knows placed and not placed
    later(kis, 5)
    assert len(accepted(kis)) == before + 1
    entry = posted(kis)[-1]
    assert (entry["fault"], entry["accepted"]) == (fault, True)
    assert entry["odno"] == accepted(kis)[-1]["odno"]


@pytest.mark.parametrize("fault", REFUSED)
def test_an_order_that_does_not_arrive_is_not_at_the_ledger(kis, paper, fault):
    before = len(accepted(kis))
    script(kis, fault, late_seconds=IMPATIENT / 4)
    outcome(paper)
    later(kis, 600)
    assert len(accepted(kis)) == before
    assert (posted(kis)[-1]["fault"], posted(kis)[-1]["accepted"]) == (fault, False)
    wait_for_a_port(paper)
    kis.control.expire_token("paper")  # of token_expired: the next test has a token again
    later(kis, 61)
    paper.log_in()


def wait_for_a_port(customer):
    deadline = time.monotonic() + 5
    while True:
        try:
            return customer.http.get("/")
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize("done", list(DONE))
def test_what_a_client_sees_does_not_tell_whether_the_order_was_accepted(kis, paper, done):
    other = {"accept_reset": "reset_before"}.get(done) or next(name for name, how in NOT_DONE.items() if how == DONE[done])
    seen = []
    for name in (done, other):
        script(kis, name, late_seconds=IMPATIENT * 4)
        kind, body = outcome(paper)
        seen.append((kind if isinstance(kind, int) else "no answer", kind if body else ""))
        later(kis, 2)
    if done in ("half_body", "wrong_encoding", "empty_body"):  # their status tells, and what they say cannot be read
        assert {naive((status, b"")) for status, _ in seen} == {"not placed"}
    else:
        assert seen[0] == seen[1]


def test_a_client_that_repeats_on_time_out_has_two_orders(kis, paper):
    before = len(accepted(kis))
    script(kis, "accept_silent")
    for _ in range(2):
        if naive(outcome(paper)) == "placed":
            break
    assert len(accepted(kis)) == before + 2


def test_a_client_that_repeats_on_every_server_error_has_as_many_orders_as_it_was_refused(kis, paper):
    before = len(accepted(kis))
    script(kis, "accept_timeout_code", "accept_500_html", "accept_502", "egw00215_accepted", "half_body")
    tries = 0
    while naive(outcome(paper)) != "placed":
        tries += 1
    assert (tries, len(accepted(kis))) == (5, before + 6)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("accept_silent", "ReadTimeout"),
        ("accept_late", "ReadTimeout"),
        ("accept_reset", "ReadError"),
        ("reset_before", "ReadError"),
        ("slow", "ReadTimeout"),
        ("close_mid_body", "RemoteProtocolError"),
        ("accept_500_html", 500),
        ("accept_502", 502),
        ("accept_timeout_code", 500),
        ("half_body", 200),
        ("wrong_encoding", 200),
        ("empty_body", 200),
        ("no_odno", 200),
        ("no_odno_unaccepted", 200),
        ("bad_json", 200),
    ],
)
def test_each_fault_looks_as_it_does_on_the_wire(kis, paper, fault, seen):
    script(kis, fault, late_seconds=IMPATIENT * 4)
    kind, _ = outcome(paper)
    assert kind == seen


def test_bodies_are_what_they_are_called(kis, paper):
    script(kis, "half_body", "wrong_encoding", "empty_body", "no_odno", "bad_json", "accept_500_html", "accept_timeout_code")
    half, wrong, empty, numberless, bad, html, late = (outcome(paper)[1] for _ in range(7))
    assert half.startswith(b'{"rt_cd":"0"')
    assert b"ODNO" not in half
    with pytest.raises(UnicodeDecodeError):
        wrong.decode()
    assert "주문" in wrong.decode("cp949")
    assert empty == b""
    assert json.loads(numberless)["rt_cd"] == "0"
    assert not json.loads(numberless).get("output", {}).get("ODNO")
    with pytest.raises(json.JSONDecodeError):
        json.loads(bad)
    assert html.startswith(b"<html>")
    assert json.loads(late)["msg_cd"] in UNCLEAR


def test_a_success_without_number_lacks_it_in_each_of_three_ways(kis, paper):
    script(kis, *["no_odno"] * 30)
    assert len({shape(json.loads(outcome(paper)[1])) for _ in range(30)}) == 3


def shape(said):
    output = said.get("output")
    return () if output is None else tuple((name, bool(value)) for name, value in output.items())


def test_a_connection_is_refused_for_a_while_after_refused_before(kis, paper):
    kis.control.faults([{"on": "order", "n": 1, "fault": "refused_before", "seconds": 0.5}])
    assert outcome(paper)[0] in ("RemoteProtocolError", "ReadError")
    with pytest.raises(httpx.ConnectError):
        httpx.get(paper.http.base_url, trust_env=False)  # nothing was written: this one is provably not sent
    wait_for_a_port(paper)


def test_a_slow_answer_comes_after_its_seconds_of_venue_time(kis, paper):
    kis.control.faults([{"on": "order", "n": 1, "fault": "slow", "seconds": 30}])
    kis.control.clock(speed=100)
    begun = time.monotonic()
    answer = paper.order(1, 60_000, timeout=5)
    assert time.monotonic() - begun >= 0.3
    assert answer.json()["rt_cd"] == "0"
    kis.control.clock(speed=1)


def test_an_order_that_the_gateway_holds_back_is_taken_later(kis, paper):
    before = len(accepted(kis))
    kis.control.faults([{"on": "order", "n": 1, "fault": "accept_late", "seconds": 45}])
    outcome(paper)
    later(kis, 44)
    assert len(accepted(kis)) == before  # a client that calls it not sent by now
    later(kis, 2)
    assert len(accepted(kis)) == before + 1  # has one more order than it knows


# cancels


@pytest.mark.parametrize("fault", ["accept_silent", "accept_502", "accept_reset", "no_odno"])
def test_a_cancel_whose_answer_is_lost_was_done(kis, paper, fault):
    odno = paper.order(1, 60_000).json()["output"]["ODNO"]
    script(kis, fault, on="cancel")
    try:
        answer = paper.cancel(odno, timeout=IMPATIENT)
        assert not answer.content.startswith(b'{"rt_cd":"0"') or not answer.json().get("output", {}).get("odno")
    except NO_ANSWER:
        pass
    later(kis, 2)
    assert next(order for order in accepted(kis) if order["odno"] == odno)["open"] == 0


def test_a_cancel_that_does_not_arrive_leaves_the_order_open(kis, paper):
    odno = paper.order(1, 60_000).json()["output"]["ODNO"]
    script(kis, "502_unaccepted", on="cancel")
    assert paper.cancel(odno).status_code == 502
    assert next(order for order in accepted(kis) if order["odno"] == odno)["open"] == 1
    assert paper.cancel(odno).json()["rt_cd"] == "0"


def test_a_cancel_may_be_taken_and_the_order_trade_all_the_same(kis, paper):
    odno = paper.order(12_000).json()["output"]["ODNO"]  # a minute shows 6,000: some rest is open
    before = next(order for order in accepted(kis) if order["odno"] == odno)
    assert before["open"]
    script(kis, "fill_wins", on="cancel")
    assert paper.cancel(odno).json()["rt_cd"] == "0"
    after = next(order for order in accepted(kis) if order["odno"] == odno)
    assert after["filled"] > before["filled"]
    assert (after["open"], after["filled"] + after["cancelled"]) == (0, 12_000)


def test_an_order_may_be_taken_and_rejected_by_the_exchange_afterwards(kis, paper):
    script(kis, "exchange_rejects")
    odno = paper.order(4).json()["output"]["ODNO"]
    later(kis, 5)
    row = next(row for row in paper.daily().json()["output1"] if row["odno"] == odno)
    assert (row["rjct_qty"], row["rmn_qty"], row["tot_ccld_qty"]) == ("4", "0", "0")


# when an order appears


def listed(customer):
    return [row["odno"] for row in customer.daily().json()["output1"]]


def test_an_accepted_order_appears_in_the_inquiry_only_after_its_lag(kis, paper):
    kis.control.faults([{"on": "order", "n": 1, "fault": "lag", "seconds": 60}])
    odno = paper.order(1, 60_000).json()["output"]["ODNO"]
    later(kis, 59)
    assert odno not in listed(paper)  # whoever takes absence for a proof sends a second one
    later(kis, 2)
    assert odno in listed(paper)


def test_the_lags_of_the_inquiry_and_of_the_list_of_open_orders_are_apart(kis, live):
    def open_orders():
        query = {
            "CANO": live.cano,
            "ACNT_PRDT_CD": "01",
            "INQR_DVSN_1": "0",
            "INQR_DVSN_2": "0",
            "CTX_AREA_FK100": "",
            "CTX_AREA_NK100": "",
        }
        answer = live.http.get("/uapi/domestic-stock/v1/trading/inquire-psbl-rvsecncl", params=query, headers=live.headers("TTTC0084R"))
        return [row["odno"] for row in answer.json()["output"]]

    kis.control.faults(
        [
            {"on": "order", "n": 1, "fault": "lag_daily", "seconds": 30},
            {"on": "order", "n": 2, "fault": "lag_open", "seconds": 30},
        ]
    )
    first, second = (live.order(1, 60_000).json()["output"]["ODNO"] for _ in range(2))
    assert (first in listed(live), second in listed(live)) == (False, True)
    assert (first in open_orders(), second in open_orders()) == (True, False)
    later(kis, 31)
    assert {first, second} <= set(listed(live)) & set(open_orders())


def test_lags_are_drawn_from_the_range_of_the_settings(kis, paper):
    kis.control.settings(lag_daily=[2, 8])
    sent = {paper.order(1, 60_000).json()["output"]["ODNO"] for _ in range(12)}
    later(kis, 1.9)
    assert not sent & set(listed(paper))
    later(kis, 3)
    some = sent & set(listed(paper))
    later(kis, 3.2)
    assert some < sent
    assert sent <= set(listed(paper))


def test_a_notice_comes_only_after_its_lag_though_the_inquiry_shows_the_order(kis, paper):
    kis.control.settings(encrypted=False)
    said = {"grant_type": "client_credentials", "appkey": paper.app_key, "secretkey": paper.app_secret}
    approval = paper.http.post("/oauth2/Approval", json=said).json()["approval_key"]
    with connect(f"{kis.ws_url()}/tryitout", proxy=None, ping_interval=None) as socket:
        socket.send(subscribe(approval, "H0STCNI9", paper.hts_id))
        assert json.loads(socket.recv(timeout=5))["body"]["rt_cd"] == "0"
        kis.control.faults([{"on": "order", "n": 1, "fault": "lag_notice", "seconds": 5}])
        slow, quick = (paper.order(1, 60_000).json()["output"]["ODNO"] for _ in range(2))
        assert {slow, quick} <= set(listed(paper))
        assert told(socket) == quick
        later(kis, 6)
        assert told(socket) == slow
    kis.control.settings(encrypted=True)


def told(socket):
    """The order number of the next notice, what keeps the connection alive passed over."""
    while True:
        frame = socket.recv(timeout=5)
        if frame.startswith("0|H0STCNI9"):
            return frame.split("|", 3)[3].split("^")[2]


# reads


@pytest.mark.parametrize("fault", ["accept_silent", "accept_reset", "accept_timeout_code", "accept_500_html", "accept_502", "egw00215"])
def test_the_inquiry_itself_may_fail_and_is_never_an_empty_list(kis, paper, fault):
    script(kis, fault, on="ledger")
    paper.http.timeout = IMPATIENT
    try:
        answer = paper.daily()
        assert answer.status_code >= 500
        assert b"output1" not in answer.content
    except NO_ANSWER:
        pass
    finally:
        paper.http.timeout = 10
    assert paper.daily().json()["rt_cd"] == "0"


def test_a_page_without_tr_cont_looks_like_the_last(kis, paper):
    for _ in range(20):
        paper.order(1, 60_000)
    script(kis, "missing_tr_cont", on="ledger")
    answer = paper.daily()
    assert "tr_cont" not in answer.headers
    assert len(answer.json()["output1"]) == 15  # and it is not: paper has fifteen on a page
    assert paper.daily().headers["tr_cont"] == "F"


def test_rows_may_be_an_object_or_not_there(kis, paper):
    paper.order(1, 60_000)
    script(kis, "output_object", "output_missing", on="ledger")
    assert isinstance(paper.daily().json()["output1"], dict)
    assert "output1" not in paper.daily().json()


def test_a_read_of_a_quote_is_no_read_of_the_ledger(kis, paper):
    script(kis, "egw00215", on="ledger")
    assert paper.price().status_code == 200
    assert code(paper.daily()) == "EGW00215"


def test_the_ledger_is_busy_now_and_then_for_inquiries_and_never_for_quotes(kis, paper):
    kis.control.faults(rates={"ledger.egw00215": 0.3}, seed=3)
    inquiries = [code(paper.daily()) for _ in range(40)]
    assert 4 <= inquiries.count("EGW00215") <= 22
    assert {paper.price().status_code for _ in range(20)} == {200}


def test_an_answer_may_be_compressed_whatever_the_client_takes(kis, paper):
    script(kis, "gzip", on="read")
    with paper.http.stream("GET", "/uapi/domestic-stock/v1/quotations/inquire-price",
                           params={"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"},
                           headers={**paper.headers("FHKST01010100"), "accept-encoding": "identity"}) as answer:  # fmt: skip
        assert json.loads(gzip.decompress(b"".join(answer.iter_raw())))["rt_cd"] == "0"


def test_a_notice_may_come_before_the_answer_to_its_order(kis, paper):
    # how a listener sees it is tested beside the web socket; here: the answer is the one that waits
    script(kis, "push_early")
    begun = time.monotonic()
    assert paper.order(1, 60_000).json()["rt_cd"] == "0"
    assert time.monotonic() - begun >= 0.1


# tokens under faults


def test_a_token_whose_answer_is_lost_was_given_and_its_minute_runs(kis, paper):
    kis.control.expire_token("paper")
    later(kis, 61)
    script(kis, "accept_502", on="token")
    assert paper.ask_token().status_code == 502
    assert code(paper.ask_token()) == "EGW00133"
    later(kis, 61)
    paper.log_in()
    script(kis, "502_unaccepted", on="token")
    later(kis, 61)
    assert paper.ask_token().status_code == 502
    assert paper.ask_token().status_code == 200


def test_a_token_that_ends_in_the_middle_is_told_by_its_code_and_the_order_is_not_placed(kis, paper):
    before = len(accepted(kis))
    script(kis, "token_expired")
    assert code(paper.order()) == "EGW00123"
    assert code(paper.order()) == "EGW00123"  # it stays over: to repeat alone does not help
    assert len(accepted(kis)) == before
    later(kis, 61)
    paper.log_in()
    assert paper.order().json()["rt_cd"] == "0"


# scripts and rates


def test_what_is_dealt_is_told(kis, paper):
    seen = len(kis.control.truth(requests=False)["faults"])
    kis.control.faults([{"on": "order", "n": 2, "fault": "accept_502"}, {"on": "any", "n": 5, "fault": "accept_500_html"}])
    for _ in range(6):
        paper.order(1, 60_000)
    dealt = kis.control.truth(requests=False)["faults"][seen:]
    assert [fault["fault"] for fault in dealt] == ["accept_502", "accept_500_html"]
    entries = {entry["n"]: entry["fault"] for entry in posted(kis)}
    assert [entries[fault["n"]] for fault in dealt] == ["accept_502", "accept_500_html"]


def test_rates_deal_as_often_as_they_say_and_the_same_again_with_the_seed(kis, paper):
    def run():
        kis.control.faults(rates={"order.accept_502": 0.2, "order.502_unaccepted": 0.1}, seed=7)
        before = len(accepted(kis))
        statuses = [paper.order(1, 60_000).status_code for _ in range(150)]
        return statuses, len(accepted(kis)) - before

    first, second = run(), run()
    assert first == second
    failed = first[0].count(502)
    assert 25 <= failed <= 65  # 30 % of 150 is 45: three standard deviations are 17
    assert 0 < 150 - first[1] < failed


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"script": [{"on": "order", "n": 1, "fault": "push_lost"}]}, "push_lost cannot happen on order"),
        ({"script": [{"on": "orders", "n": 1, "fault": "lag"}]}, "'orders'"),
        ({"script": [{"on": "", "n": 1, "fault": "lag"}]}, "class of requests"),
        ({"script": [{"on": "order", "n": 1, "fault": "lags"}]}, "'lags'"),
        ({"script": [{"on": "order", "n": 0, "fault": "lag"}]}, "n must be a whole number"),
        ({"rates": {"accept_502": 1.5}}, "must be in"),
        ({"rates": {"order.slow": 0.6, "order.accept_502": 0.6}}, "add up to"),
        ({"rates": {"lag": 0.1}, "speed": 3}, "'speed'"),
    ],
)
def test_faults_that_cannot_be_are_refused(kis, said, text):
    with pytest.raises(VenueError, match=text):
        kis.control._ask("POST", "/control/faults", said)


def test_every_fault_has_classes_and_rates_draw_none_for_pushes():
    assert set(CLASSES) == {name for classes in FAULTS.values() for name in classes}
    assert set(DRAWN) <= set(FAULTS)
    assert all(set(DRAWN[name]) <= set(FAULTS[name]) for name in DRAWN)
    assert set(CALLS) < set(CLASSES)


def test_a_client_that_waits_is_answered_while_others_are_served(kis, paper):
    script(kis, "accept_silent")
    waiting = threading.Thread(target=lambda: outcome(paper))
    waiting.start()
    with Customer(kis) as other:
        other.token = paper.token
        assert other.price().status_code == 200
    waiting.join()
