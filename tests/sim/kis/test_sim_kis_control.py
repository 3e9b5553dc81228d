"""The control port of the simulated KIS: what a test does beside the customers, and the truth."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from kis_customers import DAYS, SECOND, Customer, accepted, code, fresh, standing_kis
from websockets.sync.client import connect

from exec_algos.errors import VenueError


@pytest.fixture(scope="module")
def kis():
    with standing_kis(set="paper_rate=1000") as running:
        running.control.settings(lag_daily=[0, 0], cancel_takes=[0, 0])
        yield running


@pytest.fixture(scope="module")
def logged_in(kis):
    with Customer(kis) as paper:
        yield paper.log_in()


@pytest.fixture
def paper(kis, logged_in):
    fresh(kis)
    return logged_in


def account(customer):
    return f"{customer.cano}-{customer.product}"


def test_its_clock_can_be_followed(kis):
    said = httpx.get(f"{kis.clock_url}/control/clock", trust_env=False).json()
    assert said == {"now": kis.control.now, "speed": 1.0, "paused": True}


def test_time_goes_forward_only(kis):
    with pytest.raises(VenueError, match="must not go back"):
        kis.control.clock(to=kis.control.now - 1)
    with pytest.raises(VenueError, match="speed must be above 0"):
        kis.control.clock(speed=0)
    before = kis.control.now
    assert kis.control.clock(to=before + SECOND) == before + SECOND


def test_a_customer_may_order_by_hand_beside_the_api(kis, paper):
    placed = kis.control.order(account(paper), "005930", "BUY", 3, 60_000)
    assert placed["odno"] in [row["odno"] for row in paper.daily().json()["output1"]]
    order = accepted(kis)[-1]
    assert (order["by_hand"], order["account"], order["odno"], order["date"]) == (True, paper.cano + "01", placed["odno"], placed["date"])
    kis.control.cancel(account(paper), placed["odno"])
    assert accepted(kis)[-1]["open"] == 0
    with pytest.raises(VenueError, match="nothing is open of order"):
        kis.control.cancel(account(paper), placed["odno"])


def test_another_account_of_the_same_hts_id_trades_too_and_its_orders_are_not_in_our_list(kis, paper):
    placed = kis.control.order(kis.other_account(), "005930", "BUY", 3)
    assert accepted(kis)[-1]["account"] == kis.other_account().replace("-", "")
    assert placed["odno"] not in [row["odno"] for row in paper.daily().json()["output1"]]


def test_the_wish_of_a_hand_is_checked_as_others_are(kis, paper):
    with pytest.raises(VenueError, match=r"40030000|호가"):
        kis.control.order(account(paper), "005930", "BUY", 3, 60_001)
    with pytest.raises(VenueError, match="side must be BUY or SELL, got 'HOLD'"):
        kis.control.order(account(paper), "005930", "HOLD", 3)
    with pytest.raises(VenueError, match=r"quantity must be a whole number, got 1\.5"):
        kis.control.order(account(paper), "005930", "BUY", 1.5)
    with pytest.raises(VenueError, match="'99999999'"):
        kis.control.order("99999999", "005930", "BUY", 1)


def test_accounts_have_what_they_are_given(kis, paper):
    kis.control.account(account(paper), cash=1_000_000, positions={"005930": 5})
    assert code(paper.order(20)) in ("40250000", "APBK0952", "APBK0918")  # 1,240,000 KRW
    assert paper.order(10).json()["rt_cd"] == "0"
    assert paper.order(6, 70_000, tr_id="VTTC0011U").json()["rt_cd"] == "0"  # 5 were given, 10 bought
    assert paper.order(10, 70_000, tr_id="VTTC0011U").json()["rt_cd"] != "0"
    kis.control.account(account(paper), cash=1e9)
    with pytest.raises(VenueError, match="cash must be a number"):
        kis.control.account(account(paper), cash=True)
    with pytest.raises(VenueError, match="NONE"):
        kis.control.account(account(paper), positions={"NONE": 1})


def test_settings_are_changed_whole_or_not_at_all(kis):
    before = kis.control.settings()
    assert before["paper_rate"] == 1000
    for changes, text in (
        ({"paper_rate": 0}, "paper_rate must be at least 1"),
        ({"paper_rate": 2.5}, "paper_rate must be a whole number"),
        ({"page": 3}, "'page'"),
        ({"lag_daily": [3, 1], "live_rate": 2}, "lag_daily must begin with the lesser"),
        ({"lag_daily": 3}, "lag_daily must be two numbers"),
        ({"token_status": 404}, "token_status must be one of 200, 500"),
        ({"gzip": "yes"}, "gzip must be true or false"),
        ({"token_gap": -1}, "token_gap must be at least 0"),
    ):
        with pytest.raises(VenueError, match=text):
            kis.control.settings(**changes)
    assert kis.control.settings() == before
    assert kis.control.settings(live_rate=3)["live_rate"] == 3
    kis.control.settings(live_rate=18)


def test_page_sizes_are_those_of_the_settings(kis, paper):
    for _ in range(4):
        paper.order(1, 60_000)
    kis.control.settings(paper_fills_page=3)
    assert len(paper.daily().json()["output1"]) == 3
    kis.control.settings(paper_fills_page=15)


def test_connections_are_cut_on_demand(kis, paper):
    kis.control.faults([{"on": "read", "n": 1, "fault": "accept_silent"}])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(paper.price)
        while not kis.control.truth(requests=False)["faults"]:
            time.sleep(0.01)
        kis.control.drop()
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            waiting.result(timeout=5)
    assert paper.price().status_code == 200


def test_web_sockets_are_upset_on_demand(kis):
    with connect(f"{kis.ws_url()}/tryitout", proxy=None):
        kis.control.stream("stall", host="paper", seconds=1)
        kis.control.stream("drop", linger=0)
    for said, text in (
        ({"do": "jump"}, "'jump'"),
        ({"do": "stall"}, "stall needs seconds, got nothing"),
        ({"do": "stall", "seconds": -1}, "seconds"),
        ({"do": "drop", "host": "both"}, "'both'"),
    ):
        with pytest.raises(VenueError, match=text):
            kis.control._ask("POST", "/control/stream", said)


def test_a_path_that_is_not_there_names_those_that_are(kis):
    with pytest.raises(VenueError, match="there is no GET /truths here; there are GET /truth, "):
        kis.control._ask("GET", "/truths")


def test_the_truth_can_be_asked_for_in_part(kis, paper):
    paper.price()
    whole = kis.control.truth()
    assert kis.control.truth(requests=False)["requests"] == []
    assert kis.control.truth(since=len(whole["requests"]) - 1)["requests"] == whole["requests"][-1:]
    assert set(whole) == {"now", "orders", "executions", "requests", "tokens", "token_requests", "faults", "rates"}


def test_live_and_paper_have_accounts_of_their_own_at_one_exchange(kis, paper):
    with Customer(kis, paper=False) as live:
        live.log_in()
        sent = live.order(2, 60_000).json()["output"]["ODNO"]
        assert sent in [row["odno"] for row in live.daily().json()["output1"]]
        assert sent not in [row["odno"] for row in paper.daily().json()["output1"]]
        assert kis.keys(False)[2] != kis.keys(True)[2]


def test_a_rehearsal_names_what_a_client_needs(kis):
    for host in (True, False):
        app_key, app_secret, number, hts_id = kis.keys(host)
        assert (len(app_key), len(app_secret), number[8], len(number)) == (36, 180, "-", 11)
        assert 0 < len(hts_id) <= 12
        assert kis.rest_url(host).startswith("http://127.0.0.1:")
        assert kis.ws_url(host).startswith("ws://127.0.0.1:")
    assert kis.keys(True)[0] != kis.keys(False)[0]


def test_the_last_bar_is_not_the_end_of_the_venue(kis, paper):
    # the last test of the module: it goes days on
    kis.control.clock(to=kis.control.now + 3 * 86_400 * SECOND)
    with Customer(kis) as again:
        assert again.log_in().price().json()["rt_cd"] == "0"
    assert [order["open"] for order in accepted(kis) if order["date"] == DAYS[0].replace("-", "")].count(0) == len(accepted(kis))
