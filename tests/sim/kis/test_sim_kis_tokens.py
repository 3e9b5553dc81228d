"""Tokens of the simulated KIS, as a plain HTTP client meets them: section by section what a careless client gets wrong."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from kis_customers import Customer, code, fresh, later, standing_kis

HOUR = 3600


@pytest.fixture(scope="module")
def kis():
    with standing_kis(start="2025-12-22 09:10") as running:
        yield running


@pytest.fixture
def paper(kis):
    fresh(kis)
    kis.control.expire_token()
    with Customer(kis) as found:
        yield found
    kis.control.settings(token_status=500, refusals_count=True, new_token_ends_old=False, strict_headers=True)


def test_a_token_says_when_it_ends_in_korean_time(kis, paper):
    said = paper.ask_token().json()
    assert set(said) == {"access_token", "access_token_token_expired", "token_type", "expires_in"}
    assert (said["token_type"], said["expires_in"]) == ("Bearer", 86_400)
    ends = datetime.strptime(said["access_token_token_expired"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZoneInfo("Asia/Seoul"))
    assert abs(ends.timestamp() - kis.control.now / 1e9 - 86_400) <= 1
    assert len(said["access_token"]) <= 350


def test_a_client_that_asks_for_a_token_at_each_start_is_refused_within_the_minute(kis, paper):
    first = paper.ask_token()
    later(kis, 59)
    second = paper.ask_token()
    assert (first.status_code, second.status_code, code(second)) == (200, 403, "EGW00133")
    assert set(second.json()) == {"error_description", "error_code"}  # not the envelope of business calls


def test_a_client_that_counts_the_minute_from_the_sending_of_a_slow_request_is_refused(kis, paper):
    kis.control.faults([{"on": "token", "n": 1, "fault": "slow", "seconds": 2}], late_seconds=2)
    kis.control.clock(speed=20)
    assert paper.ask_token().status_code == 200  # answered two seconds of venue time after it was sent
    later(kis, 61)
    assert code(paper.ask_token()) == "EGW00133"
    kis.control.clock(speed=1)


def test_a_request_that_is_refused_begins_its_minute_anew_unless_the_settings_say_otherwise(kis, paper):
    paper.ask_token()
    later(kis, 50)
    assert paper.ask_token().status_code == 403
    later(kis, 50)
    assert paper.ask_token().status_code == 403
    later(kis, 61)
    assert paper.ask_token().status_code == 200
    kis.control.settings(refusals_count=False)
    later(kis, 50)
    assert paper.ask_token().status_code == 403
    later(kis, 11)
    assert paper.ask_token().status_code == 200


def test_within_six_hours_the_same_token_comes_again_with_what_is_left_of_its_life(kis, paper):
    first = paper.ask_token().json()
    later(kis, 61)
    again = paper.ask_token().json()
    assert again["access_token"] == first["access_token"]
    assert again["access_token_token_expired"] == first["access_token_token_expired"]
    assert again["expires_in"] == first["expires_in"] - 61


def test_a_live_and_a_paper_host_have_tokens_of_their_own(kis, paper):
    paper.log_in()
    with Customer(kis, paper=False) as live:
        live.log_in()
        assert live.price().status_code == paper.price().status_code == 200
        live.token = paper.token  # a cache that both hosts share
        assert (live.price().status_code, code(live.price())) == (500, "EGW00121")
        live.app_key, live.app_secret = paper.app_key, paper.app_secret
        assert code(live.price()) == "EGW00103"


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"grant_type": None}, "EGW00112"),
        ({"grant_type": "password"}, "EGW00112"),
        ({"appkey": None}, "EGW00102"),
        ({"appkey": "PS" + "x" * 34}, "EGW00103"),
        ({"appsecret": None}, "EGW00104"),
        ({"appsecret": None, "secretkey": "right"}, "EGW00104"),  # the name that Approval uses
        ({"appsecret": "wrong"}, "EGW00105"),
    ],
)
def test_names_and_keys_of_a_request_for_a_token_are_exact(paper, changes, refused):
    answer = paper.ask_token(**changes)
    assert (answer.status_code, code(answer)) == (403, refused)  # a client that takes every 403 for the minute waits for ever
    assert paper.ask_token().status_code == 200  # and none of these began a minute


@pytest.mark.parametrize("status", [500, 200])
def test_a_token_that_is_missing_unknown_or_over_has_a_code_of_its_own(kis, paper, status):
    kis.control.settings(token_status=status)
    paper.log_in()
    missing, unknown = paper.price(authorization=None), paper.price(authorization="Bearer something.else.altogether")
    assert kis.control.expire_token("paper") == 1
    over = paper.price()
    assert [(answer.status_code, code(answer)) for answer in (missing, unknown, over)] == [
        (status, "EGW00122"), (status, "EGW00121"), (status, "EGW00123"),
    ]  # fmt: skip
    assert over.json()["rt_cd"] == "1"  # a client that looks at the status alone takes the second form for an answer


def test_a_scheme_other_than_bearer_is_refused(paper):
    paper.log_in()
    assert code(paper.price(authorization=paper.token)) == code(paper.price(authorization=f"bearer {paper.token}")) == "EGW00205"


def test_after_a_token_was_ended_early_a_new_one_is_given(kis, paper):
    paper.log_in()
    first = paper.token
    kis.control.expire_token()
    later(kis, 61)
    paper.log_in()
    assert paper.token != first
    assert paper.price().status_code == 200


def test_a_revoked_token_is_dead_and_the_next_start_needs_a_new_one(kis, paper):
    paper.log_in()
    answer = paper.http.post("/oauth2/revokeP", json={"appkey": paper.app_key, "appsecret": paper.app_secret, "token": paper.token})
    assert answer.json()["code"] == 200
    assert code(paper.price()) == "EGW00121"
    first = paper.token
    assert paper.ask_token().status_code == 403
    later(kis, 61)
    assert paper.log_in().token != first


def test_a_token_ends_by_itself_and_after_six_hours_another_is_given(kis):
    # the last test of the module: it goes a day on
    fresh(kis)
    kis.control.expire_token()
    with Customer(kis) as paper:
        paper.log_in()
        first = paper.token
        later(kis, 6 * HOUR)
        paper.log_in()
        second = paper.token
        assert second != first
        paper.token = first
        assert paper.price().status_code == 200  # the first lives on, where nothing else is said
        later(kis, 18 * HOUR - 1)
        assert paper.price().status_code == 200
        later(kis, 1)
        assert code(paper.price()) == "EGW00123"
        later(kis, 1)
        paper.token = second
        assert paper.price().status_code == 200
        kis.control.settings(new_token_ends_old=True)
        paper.log_in()
        paper.token, third = second, paper.token
        assert third != second
        assert code(paper.price()) == "EGW00121"
        kis.control.settings(new_token_ends_old=False)


def test_a_key_for_the_web_socket_is_asked_for_with_secretkey(kis):
    with Customer(kis) as paper:
        fresh(kis)
        said = {"grant_type": "client_credentials", "appkey": paper.app_key}
        wrong = paper.http.post("/oauth2/Approval", json={**said, "appsecret": paper.app_secret})
        assert (wrong.status_code, code(wrong)) == (403, "EGW00104")
        right = paper.http.post("/oauth2/Approval", json={**said, "secretkey": paper.app_secret})
        assert len(right.json()["approval_key"]) == 36
        too_soon = paper.http.post("/oauth2/Approval", json={**said, "secretkey": paper.app_secret})
        assert (too_soon.status_code, code(too_soon)) == (500, "EGW00201")


def test_the_truth_says_when_tokens_were_asked_for(kis):
    with Customer(kis) as paper:
        fresh(kis)
        kis.control.expire_token()
        paper.ask_token()
        paper.ask_token()
        truth = kis.control.truth()
        asked = truth["token_requests"][-2:]
        assert [(one["given"], one["time"], one["app_key"]) for one in asked] == [
            (True, truth["now"], paper.app_key[-4:]), (False, truth["now"], paper.app_key[-4:]),
        ]  # fmt: skip
        assert truth["tokens"][-1]["host"] == "paper"
        text = str(truth)
        assert paper.app_key not in text
        assert paper.app_secret not in text
        assert paper.ask_token().text not in text
