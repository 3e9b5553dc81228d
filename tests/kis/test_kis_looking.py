"""Orders from pages that move while they are read: nothing is missing, nothing is counted twice, and what is not proved is not whole."""

import asyncio
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kis_ledger import DAY, NINE, SECOND, Ledger, Row, access_of, looking_of, reply, taken

from exec_algos.brokers.kis.keys import Keys, OrderKey, Terms
from exec_algos.brokers.kis.rows import Notice
from exec_algos.brokers.kis.venue import KISVenue
from exec_algos.brokers.venue import Accepted, Placed, Rejected
from exec_algos.errors import UsageError, VenueError
from exec_algos.model import Side


def run(coroutine):
    return asyncio.run(coroutine)


def open_orders(count, first=1, **more):
    return [Row(odno, 10, open=10, **more) for odno in range(first, first + count)]


def by_number(snapshot):
    return {int(row.venue_id.rsplit("-", 1)[1]): row for row in snapshot.orders}


def placed(venue_id, quantity=10):
    return Placed(venue_id=venue_id, own_id="", symbol="005930", side=Side.BUY, quantity=quantity, open=quantity)


@pytest.mark.parametrize("shifting", [True, False], ids=["by offset", "by cursor"])
@pytest.mark.parametrize("count", [0, 1, 15, 16, 30, 47])
def test_all_pages_are_read_down_to_since_and_no_further(tmp_path, count, shifting):
    ledger = Ledger(shifting=shifting)
    ledger.rows = {("06010", row.odno): row for row in open_orders(count)}
    looking, *_ = looking_of(ledger, tmp_path)
    whole = run(looking.snapshot(NINE))
    assert whole.complete
    assert sorted(by_number(whole)) == list(range(1, count + 1))
    ledger.asks.clear()
    if count == 47:
        late = run(looking.snapshot(taken(40)))
        assert late.complete
        assert len(ledger.asks) == 1  # the first page goes back to 33
        assert set(by_number(late)) >= set(range(40, 48))


@pytest.mark.parametrize("shifting", [True, False], ids=["by offset", "by cursor"])
def test_orders_that_come_between_pages_push_none_out_and_are_seen_themselves(tmp_path, shifting):
    ledger = Ledger(shifting=shifting)
    ledger.add(*open_orders(40))
    ledger.before[2] = lambda: ledger.add(*open_orders(20, first=41))
    ledger.before[3] = lambda: ledger.add(*open_orders(3, first=61))
    looking, *_ = looking_of(ledger, tmp_path)
    snapshot = run(looking.snapshot(NINE))
    assert snapshot.complete
    assert sorted(by_number(snapshot)) == list(range(1, 64))


@pytest.mark.parametrize("shifting", [True, False], ids=["by offset", "by cursor"])
def test_an_order_that_is_changed_between_pages_is_seen_under_its_new_number_and_not_as_over(tmp_path, shifting):
    ledger = Ledger(shifting=shifting)
    ledger.add(*open_orders(20))

    def change():
        old = ledger.rows["06010", 2]
        old.filled, old.open, old.cancelled = 3, 0, 7
        ledger.add(Row(21, 7, filled=1, open=6, original=2, limit=62_100))

    ledger.before[2] = change
    looking, *_ = looking_of(ledger, tmp_path)
    row = by_number(run(looking.snapshot(NINE)))[2]
    assert (row.quantity, row.filled, row.open, row.state) == (10, 4, 6, "open")
    assert row.amount == 3 * 62_000 + 62_100
    assert row.limit == 62_000  # what the child was sent with
    assert row.accepted == taken(2)


@pytest.mark.parametrize("told", ["cancelled", "nowhere"], ids=["moved shares count as cancelled", "no field has them"])
def test_a_chain_of_changes_is_one_order_and_a_change_that_was_refused_is_none(tmp_path, told):
    moved = {"cancelled": 7} if told == "cancelled" else {}
    ledger = Ledger()
    ledger.add(
        Row(1, 10, filled=3, **moved),
        Row(2, 7, filled=2, original=1, **({"cancelled": 5} if told == "cancelled" else {})),
        Row(3, 5, filled=1, open=4, original=2),
        Row(4, 4, rejected=4, original=3),
    )
    looking, keys, _ = looking_of(ledger, tmp_path)
    snapshot = run(looking.snapshot(NINE))
    (row,) = snapshot.orders
    assert snapshot.complete
    assert (row.venue_id, row.quantity, row.filled, row.open, row.state) == (f"{DAY}-06010-0000000001", 10, 6, 4, "open")
    assert keys.find(row.venue_id).current == "0000000003"


def test_a_change_of_an_order_that_is_not_shown_is_no_order_that_somebody_may_be_looking_for(tmp_path):
    ledger = Ledger()
    ledger.add(Row(5, 7, open=7, original=1))
    looking, *_ = looking_of(ledger, tmp_path)
    (row,) = run(looking.snapshot(NINE)).orders
    assert row.order_type == "changed"


def test_requests_to_cancel_are_no_orders_and_what_they_cancelled_goes_to_the_order(tmp_path):
    ledger = Ledger()
    ledger.add(Row(1, 10, filled=4), Row(2, 6, cancelled=6, original=1, limit=0, name="매수취소"))
    looking, keys, _ = looking_of(ledger, tmp_path)
    keys.find(f"{DAY}-06010-0000000001").asked = True
    (row,) = run(looking.snapshot(NINE)).orders
    assert (row.filled, row.open, row.state) == (4, 0, "done")


def test_an_order_that_ended_without_our_asking_counts_as_open_until_no_new_number_of_it_can_come(tmp_path):
    ledger = Ledger()
    ledger.add(Row(1, 10, filled=4, cancelled=6))
    looking, _, kept = looking_of(ledger, tmp_path)
    (row,) = run(looking.snapshot(NINE)).orders
    assert (row.open, row.state) == (6, "open")
    kept._clock.at += 10 * SECOND
    (row,) = run(looking.snapshot(NINE)).orders
    assert (row.open, row.state) == (0, "done")


def test_an_order_that_we_changed_is_not_over_before_its_new_number_is_shown(tmp_path):
    ledger = Ledger()
    ledger.add(Row(1, 10, filled=4, cancelled=6))
    looking, keys, kept = looking_of(ledger, tmp_path)
    known = keys.find(f"{DAY}-06010-0000000001", Terms("005930", Side.BUY, 10))
    known.asked = True
    keys.change(known, OrderKey(DAY, "06010", "0000000002"))
    for _ in range(2):
        (row,) = run(looking.follow([placed(str(known.key))])).orders
        assert (row.open, row.state) == (6, "open")
        kept._clock.at += 60 * SECOND
    ledger.add(Row(2, 6, cancelled=6, original=1))
    (row,) = run(looking.snapshot(NINE)).orders
    assert (row.open, row.state) == (0, "done")


def test_an_order_whose_quantities_do_not_add_up_is_left_out_and_the_answer_is_not_whole(tmp_path):
    ledger = Ledger()
    ledger.add(Row(1, 10, filled=4), Row(2, 10, open=10))
    looking, *_ = looking_of(ledger, tmp_path)
    snapshot = run(looking.snapshot(NINE))
    assert not snapshot.complete
    assert list(by_number(snapshot)) == [2]


@pytest.mark.parametrize("tr_cont", [None, "", "X"])
def test_a_page_that_does_not_say_whether_it_is_the_last_proves_nothing(tmp_path, tr_cont):
    ledger = Ledger()
    ledger.said[1] = reply({"rt_cd": "0", "msg_cd": "KIOK0510", "msg1": "", "output1": []}, tr_cont)
    looking, *_ = looking_of(ledger, tmp_path)
    assert run(looking.snapshot(NINE)).complete is False


BUSY = {"rt_cd": "1", "msg_cd": "EGW00215", "msg1": "원장 초당 거래건수를 초과하였습니다."}


def test_an_inquiry_that_fails_is_never_empty(tmp_path):
    ledger = Ledger()
    ledger.said = {number: reply(BUSY, status=500) for number in range(1, 100)}
    looking, *_ = looking_of(ledger, tmp_path)
    with pytest.raises(VenueError, match="EGW00215"):
        run(looking.snapshot(NINE))
    with pytest.raises(VenueError, match="EGW00215"):
        run(looking.follow([placed(f"{DAY}-06010-0000000001")]))


def test_a_later_page_that_fails_leaves_what_was_read_and_the_answer_is_not_whole(tmp_path):
    ledger = Ledger()
    ledger.add(*open_orders(40))
    ledger.said = {number: reply(BUSY, status=500) for number in range(2, 6)}
    looking, *_ = looking_of(ledger, tmp_path)
    snapshot = run(looking.snapshot(NINE))
    assert not snapshot.complete
    assert sorted(by_number(snapshot))[-1] == 40


@pytest.mark.parametrize("wrong", [16, 25])
def test_rows_that_are_not_newest_first_do_not_end_the_reading(tmp_path, wrong):
    ledger = Ledger()
    ledger.add(*(Row(odno, 10, open=10, hour="080000" if odno == wrong else "") for odno in range(1, 31)))
    looking, *_ = looking_of(ledger, tmp_path)
    snapshot = run(looking.snapshot(taken(10 if wrong == 16 else 20)))
    assert snapshot.complete
    assert set(by_number(snapshot)) >= set(range(10, 31))
    assert len(ledger.asks) == 3  # both pages, and the first again


def test_two_orders_of_one_number_at_two_offices_stay_two(tmp_path):
    ledger = Ledger()
    ledger.add(Row(1, 10, open=10), Row(1, 3, filled=3, orgno="91234", side="01"))
    looking, *_ = looking_of(ledger, tmp_path)
    rows = {row.venue_id: row for row in run(looking.snapshot(NINE)).orders}
    assert {name: row.quantity for name, row in rows.items()} == {f"{DAY}-06010-0000000001": 10, f"{DAY}-91234-0000000001": 3}


def test_an_order_keeps_its_name_where_inquiry_and_answer_name_different_offices(tmp_path):
    ledger = Ledger()
    ledger.add(Row(1, 10, open=10, orgno="00950"))
    looking, keys, _ = looking_of(ledger, tmp_path)
    keys.learn(OrderKey(DAY, "06010", "0000000001"), Terms("005930", Side.BUY, 10, taken(1)))
    assert run(looking.snapshot(NINE)).orders[0].venue_id == f"{DAY}-06010-0000000001"


def test_an_order_of_another_office_that_has_our_number_is_never_taken_for_ours(tmp_path):
    ledger = Ledger()
    theirs = ledger.add(Row(1, 7, open=7, orgno="91252"))
    looking, keys, _ = looking_of(ledger, tmp_path)
    run(looking.snapshot(NINE))
    ours = keys.learn(OrderKey(DAY, "06010", "0000000001"), Terms("005930", Side.BUY, 10, taken(1)))
    assert str(ours.key) == f"{DAY}-06010-0000000001"
    assert run(looking.follow([placed(str(ours.key))])).complete is False  # it is not shown yet, and theirs is not it
    ledger.add(Row(1, 10, open=10))
    (row,) = run(looking.follow([placed(str(ours.key))])).orders
    assert (row.venue_id, row.quantity) == (str(ours.key), 10)
    theirs.quantity = theirs.open = 10  # theirs has our terms, and ours has been shown
    assert len({row.venue_id for row in run(looking.snapshot(NINE)).orders}) == 2


NOTICE = ["HTS", "1234567801", "0000000007", "", "02", "0", "00", "0", "005930", "10", "62000", "090007", "0", "1", "1", "06010", "10"]


def notice(**changes):
    fields = list(NOTICE)
    for index, value in changes.items():
        fields[int(index[1:])] = value
    return Notice.of(fields)


def test_an_order_of_which_a_notice_told_is_shown_before_the_inquiry_shows_it_and_not_twice(tmp_path):
    ledger = Ledger()
    looking, _, kept = looking_of(ledger, tmp_path)
    kept.add(notice())
    kept.add(notice())
    (row,) = run(looking.snapshot(NINE)).orders
    assert (row.venue_id, row.quantity, row.limit, row.accepted, row.state) == (f"{DAY}-06010-0000000007", 10, 62_000, taken(7), "open")
    assert run(looking.snapshot(taken(60))).orders == ()
    ledger.add(Row(7, 10, filled=4, open=6, orgno="00950"))
    (row,) = run(looking.snapshot(NINE)).orders
    assert (row.venue_id, row.filled) == (f"{DAY}-06010-0000000007", 4)


def test_a_notice_says_nothing_any_more_of_an_order_that_the_inquiry_has_shown(tmp_path):
    ledger = Ledger()
    looking, _, kept = looking_of(ledger, tmp_path)
    ledger.add(Row(7, 10, filled=10), *(Row(odno, 1, filled=1) for odno in range(200, 240)))
    run(looking.snapshot(NINE))
    kept.add(notice(_11="090500"))
    assert min(by_number(run(looking.snapshot(taken(230))))) > 7


def test_an_order_whose_refusal_was_pushed_is_not_shown_as_open(tmp_path):
    looking, _, kept = looking_of(Ledger(), tmp_path)
    kept.add(notice())
    kept.add(notice(_12="1"))
    assert run(looking.snapshot(NINE)).orders == ()


@pytest.mark.parametrize(
    ("dvsn", "price", "limit", "kind"), [("00", "62000", 62_000, "LMT"), ("01", "0", math.nan, "MKT"), ("11", "62000", 62_000, "11")]
)
def test_order_types_are_told_apart_in_notices_and_rows(tmp_path, dvsn, price, limit, kind):
    ledger = Ledger()
    looking, _, kept = looking_of(ledger, tmp_path)
    kept.add(notice(_6=dvsn, _10=price))
    (row,) = run(looking.snapshot(NINE)).orders
    assert (row.order_type, row.limit) == (kind, pytest.approx(limit, nan_ok=True))


def test_few_old_orders_among_many_are_asked_for_by_number_and_one_that_is_not_shown_is_not_proved_away(tmp_path):
    ledger = Ledger()
    ledger.add(*open_orders(100))
    looking, *_ = looking_of(ledger, tmp_path)
    run(looking.snapshot(NINE))
    ledger.rows["06010", 3].filled, ledger.rows["06010", 3].open = 4, 6
    ledger.asks.clear()
    wanted = [placed(f"{DAY}-06010-{odno:010}") for odno in (3, 4)]
    followed = run(looking.follow(wanted))
    assert (len(ledger.asks), followed.complete) == (2, True)
    assert {number: row.filled for number, row in by_number(followed).items()} == {3: 4, 4: 0}
    ledger.hide.add(4)
    assert run(looking.follow(wanted)).complete is False


def test_many_new_orders_are_followed_by_one_page(tmp_path):
    ledger = Ledger()
    ledger.add(*open_orders(100))
    looking, *_ = looking_of(ledger, tmp_path)
    run(looking.snapshot(NINE))
    ledger.asks.clear()
    followed = run(looking.follow([placed(f"{DAY}-06010-{odno:010}") for odno in range(90, 101)]))
    assert (len(ledger.asks), len(followed.orders), followed.complete) == (1, 11, True)


def test_on_live_old_orders_are_followed_by_the_list_of_open_ones_and_one_that_left_it_by_its_number(tmp_path):
    ledger = Ledger(page=100)
    ledger.add(*open_orders(20), *(Row(odno, 10, filled=10) for odno in range(21, 700)))
    looking, *_ = looking_of(ledger, tmp_path, paper=False)
    run(looking.snapshot(NINE))
    ledger.rows["06010", 5].filled, ledger.rows["06010", 5].open = 10, 0
    ledger.asks.clear()
    followed = run(looking.follow([placed(f"{DAY}-06010-{odno:010}") for odno in range(1, 21)]))
    assert [ask.path.rsplit("/", 1)[1] for ask in ledger.asks] == ["inquire-psbl-rvsecncl", "inquire-daily-ccld"]
    assert followed.complete
    assert (by_number(followed)[5].filled, by_number(followed)[5].state, by_number(followed)[6].state) == (10, "done", "open")


def test_an_order_that_was_changed_by_hand_while_it_is_followed_by_number_is_not_taken_as_over(tmp_path):
    ledger = Ledger()
    ledger.add(*open_orders(100))
    looking, *_ = looking_of(ledger, tmp_path)
    run(looking.snapshot(NINE))
    old = ledger.rows["06010", 3]
    old.open, old.cancelled = 0, 10
    ledger.add(Row(101, 10, open=10, original=3))
    (row,) = run(looking.follow([placed(f"{DAY}-06010-0000000003")])).orders
    assert (row.state, row.open) == ("open", 10)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=1, max_size=60),
    st.lists(st.integers(1, 12), max_size=5),
    st.booleans(),
)
def test_whatever_comes_between_pages_every_order_is_there_once_with_what_it_got(tmp_path_factory, orders, arrivals, shifting):
    ledger = Ledger(shifting=shifting)
    for odno, (filled, rest) in enumerate(orders, 1):
        ledger.add(Row(odno, filled + rest or 1, filled=filled, open=rest if filled + rest else 1))

    def come(count):
        first = len(ledger.rows) + 1
        return lambda: ledger.add(*open_orders(count, first=max(first, len(ledger.rows) + 1)))

    ledger.before = {number: come(count) for number, count in enumerate(arrivals, 2)}
    looking, *_ = looking_of(ledger, tmp_path_factory.mktemp("rate"))
    snapshot = run(looking.snapshot(NINE))
    found = by_number(snapshot)
    assert len(found) == len(snapshot.orders)
    assert snapshot.complete
    assert set(found) >= set(range(1, len(orders) + 1))
    assert [found[odno].filled for odno in range(1, len(orders) + 1)] == [filled for filled, _ in orders]


@pytest.mark.parametrize("text", ["", "1", "20261123-06010", "20261123-06010-1", "x-06010-0000000001", "20261123-06-010-0000000001"])
def test_a_name_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="20261123-06010-0001569157"):
        Keys().find(text)


def test_the_name_of_an_order_reads_back():
    key = OrderKey(DAY, "06010", "0001569157")
    assert OrderKey.of(str(key)) == key
    assert OrderKey.of(f"{DAY}--0001569157").orgno == ""


class Desk(Ledger):
    """A ledger that also takes cancels and changes: `refuse` says what of the next ones."""

    async def send(self, ask, headers):
        if ask.method != "POST":
            return await super().send(ask, headers)
        self.asks.append(ask)
        said = self.refuse.pop(0) if self.refuse else None
        return reply(said or {"rt_cd": "0", "msg_cd": "APBK0013", "msg1": "", "output": {"odno": "90", "krx_fwdg_ord_orgno": "06010"}})


REFUSAL = {"rt_cd": "1", "msg_cd": "APBK0400", "msg1": "주문 가능한 수량을 초과하였습니다."}


def desk(tmp_path, *refusals):
    ledger = Desk()
    ledger.refuse = list(refusals)
    access = access_of(ledger, tmp_path)
    return ledger, KISVenue(access, access.client._bucket, None, None, looking_of(ledger, tmp_path)[2])


def posts(ledger):
    names = ("KRX_FWDG_ORD_ORGNO", "ORGN_ODNO", "ORD_QTY", "QTY_ALL_ORD_YN")
    return [tuple(ask.fields[name] for name in names) for ask in ledger.asks if ask.method == "POST"]


def test_a_cancel_asks_for_all_with_zero_and_on_refusal_for_the_open_shares_by_number(tmp_path):
    ledger, venue = desk(tmp_path, REFUSAL)
    ledger.add(Row(1, 10, filled=4, open=6))
    assert isinstance(run(venue.cancel(placed(f"{DAY}-06010-0000000001"))), Accepted)
    assert posts(ledger) == [("06010", "0000000001", "0", "Y"), ("06010", "0000000001", "6", "N")]


def test_where_kis_takes_a_number_of_shares_alone_the_next_cancel_begins_with_it(tmp_path):
    ledger, venue = desk(tmp_path, REFUSAL)
    ledger.add(Row(1, 10, open=10), Row(2, 10, open=10), Row(3, 10, filled=4, open=6))
    for number in (1, 2):
        assert isinstance(run(venue.cancel(placed(f"{DAY}-06010-{number:010}"))), Accepted)
    assert [ask[1:] for ask in posts(ledger)][1:] == [("0000000001", "10", "N"), ("0000000002", "10", "N")]
    ledger.refuse = [REFUSAL]  # 4 of 10 shares traded that we know nothing of
    assert isinstance(run(venue.cancel(placed(f"{DAY}-06010-0000000003"))), Accepted)
    assert [ask[1:] for ask in posts(ledger)][3:] == [("0000000003", "10", "N"), ("0000000003", "6", "N")]


def test_a_cancel_of_an_order_that_the_inquiry_does_not_show_yet_asks_for_the_shares_that_we_know_to_be_open(tmp_path):
    ledger, venue = desk(tmp_path, REFUSAL)
    assert isinstance(run(venue.cancel(placed(f"{DAY}-06010-0000000001"))), Accepted)
    assert posts(ledger) == [("06010", "0000000001", "0", "Y"), ("06010", "0000000001", "10", "N")]


def test_a_cancel_of_an_order_without_an_office_takes_that_of_the_inquiry(tmp_path):
    ledger, venue = desk(tmp_path)
    ledger.add(Row(1, 10, open=10, orgno="00950"))
    run(venue.cancel(placed(f"{DAY}--0000000001")))
    assert posts(ledger) == [("00950", "0000000001", "0", "Y")]


def test_a_cancel_of_an_order_that_was_changed_goes_to_its_last_number(tmp_path):
    ledger, venue = desk(tmp_path, REFUSAL)
    ledger.add(Row(1, 10, filled=3, cancelled=7), Row(2, 7, open=7, original=1))
    run(venue.cancel(placed(f"{DAY}-06010-0000000001")))
    assert posts(ledger) == [("06010", "0000000001", "0", "Y"), ("06010", "0000000002", "7", "N")]
    run(venue.cancel(placed(f"{DAY}-06010-0000000001")))
    assert posts(ledger)[-1] == ("06010", "0000000002", "0", "Y")


def test_a_cancel_with_nothing_open_is_refused_with_kis_own_words_and_nothing_else_is_sent(tmp_path):
    ledger, venue = desk(tmp_path, REFUSAL)
    ledger.add(Row(1, 10, filled=10))
    said = run(venue.cancel(placed(f"{DAY}-06010-0000000001")))
    assert (said.code, len(posts(ledger))) == ("APBK0400", 1)


def test_an_order_whose_cancel_was_refused_may_have_been_changed_by_hand_and_is_not_over_at_once(tmp_path):
    ledger, venue = desk(tmp_path, REFUSAL)
    name = f"{DAY}-06010-0000000001"
    ledger.add(Row(1, 10, cancelled=10))  # 10 shares are open as number 2, of which the inquiry has no row yet
    assert isinstance(run(venue.cancel(placed(name))), Rejected)
    assert run(venue.snapshot(NINE)).orders[0].state == "open"
    ledger.add(Row(2, 10, open=10, original=1))
    venue.access.clock.at += 60 * SECOND
    assert run(venue.snapshot(NINE)).orders[0].open == 10


@pytest.mark.parametrize("asked", [False, True], ids=["left alone", "cancelled"])
def test_an_order_whose_change_got_no_answer_is_not_over_before_its_new_number_had_time_to_show(tmp_path, asked):
    ledger, venue = desk(tmp_path, {"rt_cd": "1", "msg_cd": "EGW00302", "msg1": ""})
    name = f"{DAY}-06010-0000000001"
    ledger.add(Row(1, 10, open=10))
    with pytest.raises(VenueError, match="EGW00302"):
        run(venue.amend(placed(name), 62_100.0))
    if asked:
        run(venue.cancel(placed(name)))
    ledger.add(Row(1, 10, cancelled=10))
    assert run(venue.snapshot(NINE)).orders[0].state == "open"
    venue.access.clock.at += 61 * SECOND
    assert run(venue.snapshot(NINE)).orders[0].state == "open"
    venue.access.clock.at += 100 * SECOND
    assert run(venue.snapshot(NINE)).orders[0].state == "done"


def test_a_change_takes_the_place_of_the_order_and_one_of_unknown_outcome_raises(tmp_path):
    ledger, venue = desk(tmp_path)
    ledger.add(Row(1, 10, open=10))
    name = f"{DAY}-06010-0000000001"
    assert run(venue.amend(placed(name), 62_100.0)).venue_id == name
    assert venue.keys.find(name).current == "0000000090"
    ledger.refuse = [{"rt_cd": "1", "msg_cd": "EGW00302", "msg1": ""}]
    with pytest.raises(VenueError, match="EGW00302"):
        run(venue.amend(placed(name), 62_200.0))
    assert len(posts(ledger)) == 2
