"""Cancels, changes, orders by hand and late rows of the simulated KIS (contract, section 13, lines 9, 10 and 12)."""

import pytest
from kis_desks import DAYS, FLAT, Venue, amounts, code, wanted

from exec_algos.sim.kis.calls import Lag
from exec_algos.sim.kis.notices import notice_of
from exec_algos.sim.kis.trading import truth_rows

# line 9


def test_a_cancel_of_all_that_is_open():
    venue = Venue()
    sent = venue.sent(700, 62_000)
    answer = venue.change(sent)
    request = venue.row(answer.body["output"])
    assert amounts(venue.row(sent)) == (700, 600, 0, 100, 0)
    assert (request["orgn_odno"], amounts(request)) == (sent["ODNO"], (100, 0, 0, 100, 0))
    assert request["sll_buy_dvsn_cd_name"] == "현금매수취소"
    ordered = sum(int(row["ord_qty"]) for row in venue.rows().values())
    assert ordered == 800  # whoever takes a cancel's row for an order counts 100 shares that nobody ordered


def test_a_cancel_of_a_part():
    venue = Venue()
    sent = venue.sent(100, 61_000)
    venue.change(sent, 30, "N")
    assert amounts(venue.row(sent)) == (100, 0, 70, 30, 0)
    assert code(venue.change(sent, 71, "N"))[0] == "APBK0400"
    venue.change(sent, 70, "N")
    assert amounts(venue.row(sent)) == (100, 0, 0, 100, 0)
    assert venue.exchange.account(venue.account).held == pytest.approx(0)


def test_nothing_left_to_cancel_and_orders_that_are_none():
    venue = Venue()
    done, resting = venue.sent(100), venue.sent(100, 61_000)
    assert code(venue.change(done)) == ("APBK0400", "정정/취소 가능한 수량을 초과했습니다.")
    request = venue.change(resting).body["output"]
    assert code(venue.change(resting))[0] == "APBK0400"
    assert code(venue.change(request))[0] == "APBK0344"  # the number of a cancel is no order
    assert code(venue.change({"ODNO": "0009999999", "KRX_FWDG_ORD_ORGNO": "06010"}))[0] == "APBK0344"
    assert code(venue.change({"ODNO": done["ODNO"], "KRX_FWDG_ORD_ORGNO": "00001"}))[0] == "APBK0344"


def test_an_order_of_yesterday_is_no_order_today():
    venue = Venue(FLAT, FLAT)
    sent = venue.sent(100, 61_000)
    venue.until(f"{DAYS[1]} 10:00")
    assert code(venue.change(sent))[0] == "APBK0344"


@pytest.mark.parametrize(("needed", "said"), [(True, "APBK0345"), (False, "APBK0013")])
def test_a_cancel_without_its_organisation(needed, said):
    venue = Venue(said={"orgno_needed": needed})
    sent = venue.sent(100, 61_000)
    assert code(venue.change({**sent, "KRX_FWDG_ORD_ORGNO": ""}))[0] == said


@pytest.mark.parametrize(("zero", "said"), [(True, "APBK0013"), (False, "APBK0400")])
def test_a_cancel_of_all_with_quantity_0(zero, said):
    venue = Venue(said={"zero_cancels_all": zero})
    sent = venue.sent(100, 61_000)
    assert code(venue.change(sent))[0] == said
    if not zero:
        assert code(venue.change(sent, 100, "N"))[0] == "APBK0013"


def test_a_cancel_at_another_exchange_or_with_fields_that_cannot_be():
    venue = Venue()
    sent = venue.sent(100, 61_000)
    assert code(venue.change(sent, EXCG_ID_DVSN_CD="SOR"))[0] == "OPSQ2001"
    assert code(venue.change(sent, kind="03"))[0] == "OPSQ2002"
    assert code(venue.change(sent, every="X"))[0] == "OPSQ2002"
    assert code(venue.change(sent, "ten", "N"))[0] == "OPSQ2002"
    assert code(venue.change(sent, dvsn="99"))[0] == "APBK1550"


def test_a_fill_wins_over_a_cancel_that_was_taken():
    venue = Venue()
    resting = venue.sent(700, 62_000)
    answer = venue.change(resting, fault="fill_wins")
    assert answer.body["rt_cd"] == "0"  # whoever takes this for the end of the order has lost 100 shares
    assert amounts(venue.row(resting)) == (700, 700, 0, 0, 0)
    assert amounts(venue.row(answer.body["output"])) == (100, 0, 0, 0, 100)
    assert {event.kind for event in venue.world.drain()} == {"accepted", "fill", "asked", "rejected"}


def test_a_cancel_takes_a_while_and_what_trades_until_then_has_traded():
    venue = Venue(said={"cancel_takes": [2, 2]})
    sent = venue.sent(1_000)
    answer = venue.change(sent)
    assert amounts(venue.row(sent)) == (1_000, 600, 400, 0, 0)
    assert code(venue.change(sent))[0] == "APBK0400"  # all of it is about to be cancelled
    assert venue.desk.open_entries(venue.account) == []
    venue.wait(3)
    filled = amounts(venue.row(sent))[1]
    assert 600 < filled < 1_000
    assert amounts(venue.row(sent)) == (1_000, filled, 0, 1_000 - filled, 0)
    assert amounts(venue.row(answer.body["output"])) == (400, 0, 0, 1_000 - filled, filled - 600)


def test_a_change_goes_on_under_a_new_number_and_the_old_one_is_dead():
    venue = Venue()
    sent = venue.sent(700, 62_000)
    first = venue.change(sent, kind="01", price=61_000).body["output"]
    second = venue.change(first, kind="01", price=60_000).body["output"]
    assert code(venue.change(sent))[0] == "APBK0400"  # whoever cancels by the first number leaves the order in the market
    assert code(venue.change(first))[0] == "APBK0400"
    rows = [venue.row(each) for each in (sent, first, second)]
    assert [amounts(row)[:4] for row in rows] == [(700, 600, 0, 0), (100, 0, 0, 0), (100, 0, 100, 0)]
    assert [row["orgn_odno"] for row in rows] == ["", sent["ODNO"], first["odno"]]
    assert [row["ord_unpr"] for row in rows] == ["62000", "61000", "60000"]
    assert code(venue.change(second))[0] == "APBK0013"
    orders = {order["odno"]: order for order in truth_rows(venue.world)["orders"]}
    assert {orders[each]["root"] for each in (sent["ODNO"], first["odno"], second["odno"])} == {sent["ODNO"]}


def test_a_change_of_a_part_leaves_the_rest_where_it_is():
    venue = Venue()
    sent = venue.sent(100, 61_000)
    part = venue.change(sent, 30, "N", kind="01", price=60_000).body["output"]
    assert [amounts(venue.row(each))[:4] for each in (sent, part)] == [(100, 0, 70, 0), (30, 0, 30, 0)]
    assert venue.exchange.account(venue.account).held == pytest.approx((70 * 61_000 + 30 * 60_000) * (1 + 0.000140527))


def test_what_moved_may_count_as_cancelled_in_the_old_row():
    venue = Venue(said={"moved_as_cancelled": True})
    sent = venue.sent(700, 62_000)
    venue.change(sent, kind="01", price=61_000)
    assert amounts(venue.row(sent)) == (700, 600, 0, 100, 0)


def test_a_changed_order_trades_at_its_new_price():
    venue = Venue()
    sent = venue.sent(100, 61_000)
    changed = venue.change(sent, kind="01", price=62_500).body["output"]
    assert amounts(venue.row(changed)) == (100, 100, 0, 0, 0)
    assert amounts(venue.row(sent))[1] == 0


def test_a_change_is_checked_as_an_order_is():
    venue = Venue(cash=100 * 61_000 * 1.001)
    sent = venue.sent(100, 61_000)
    assert code(venue.change(sent, kind="01", price=61_050))[0] == "APBK1612"
    assert code(venue.change(sent, kind="01", price=90_000))[0] == "APBK1611"
    assert code(venue.change(sent, kind="01", price=62_000))[0] == "APBK0952"
    assert code(venue.change(sent, 101, "N", kind="01", price=60_000))[0] == "APBK0400"
    assert amounts(venue.row(sent)) == (100, 0, 100, 0, 0)


def test_a_change_that_comes_too_late_was_taken_all_the_same():
    venue = Venue()
    sent = venue.sent(700, 62_000)
    answer = venue.change(sent, kind="01", price=61_000, fault="fill_wins")
    assert answer.body["rt_cd"] == "0"
    assert amounts(venue.row(answer.body["output"])) == (100, 0, 0, 0, 100)
    assert amounts(venue.row(sent)) == (700, 700, 0, 0, 0)


# line 10


def test_orders_by_hand_are_in_the_inquiry_and_those_of_another_account_are_not():
    venue = Venue()
    other = venue.identity.others[0]
    sent = venue.sent(10, 61_000)
    hand = venue.desk.place(wanted(venue, 20, 61_000), by_hand=True)
    foreign = venue.desk.place(wanted(venue, 30, 61_000, other), by_hand=True)
    rows = venue.rows()
    assert {odno for _, odno in rows} == {sent["ODNO"], hand.odno}  # whoever counts them all has 30 shares instead of 10
    assert rows[hand.orgno, hand.odno]["ordr_empno"] != rows[sent["KRX_FWDG_ORD_ORGNO"], sent["ODNO"]]["ordr_empno"]
    told = {event.order.ticket.account for event in venue.world.drain()}
    assert told == {venue.account, other}  # notices tell of both
    assert foreign.account == other
    assert venue.order(1, 61_000, CANO=other[:8], ACNT_PRDT_CD=other[8:]).body["rt_cd"] != "0"


def test_a_cancel_by_hand_ends_an_order_of_ours():
    venue = Venue()
    sent = venue.sent(10, 61_000)
    entry = venue.desk.register.find(venue.account, "20261123", sent["ODNO"])
    venue.desk.cancel(entry, 10, by_hand=True)
    assert amounts(venue.row(sent)) == (10, 0, 0, 10, 0)


def test_a_notice_of_a_cancel_is_of_its_own_number_where_another_organisation_has_it_too():
    venue = Venue(said={"numbers_by_orgno": True})
    first, second = venue.sent(10, 61_000), venue.sent(20, 61_000)
    hand = [venue.desk.place(wanted(venue, 30, 61_000), by_hand=True) for _ in range(3)]
    venue.world.drain()
    request = venue.change(first).body["output"]
    assert (request["odno"], second["ODNO"]) == (hand[2].odno, hand[1].odno)
    told = [notice_of(event, venue.desk.register) for event in venue.world.drain()]
    assert {(notice.odno, notice.original, notice.branch, round(notice.quantity)) for notice in told} == {
        (request["odno"], first["ODNO"], "06010", 10)
    }  # fmt: skip


# line 12


def test_an_accepted_order_appears_in_each_list_in_its_own_time():
    venue = Venue()
    sent = venue.sent(10, 61_000, lag=Lag(daily=60.0, open=5.0, notice=2.0))

    def seen():
        listed = venue.call("inquire-psbl-rvsecncl", INQR_DVSN_1="0", INQR_DVSN_2="0", CTX_AREA_FK100="", CTX_AREA_NK100="")
        notices = [event.order for event in venue.world.drain()]
        return bool(venue.rows()), bool(venue.rows(ODNO=sent["ODNO"])), bool(listed.body["output"]), bool(notices)

    assert seen() == (False, False, False, False)  # whoever takes absence for proof sends it again
    venue.wait(3)
    assert seen() == (False, False, False, True)
    venue.wait(3)
    assert seen() == (False, False, True, False)
    venue.wait(54)
    assert seen() == (True, True, True, False)


def test_a_hidden_order_trades_all_the_same():
    venue = Venue()
    venue.sent(10, lag=Lag(daily=60.0))
    assert venue.exchange.account(venue.account).positions == {"005930": 10.0}
    assert truth_rows(venue.world)["orders"][0]["filled"] == 10


def test_a_service_that_is_delayed_on_paper_does_not_say_whether_it_took_the_order():
    venue = Venue(paper=True, said={"paper_delays": 1.0})
    answers = [venue.order(1, 61_000) for _ in range(40)]
    assert {(answer.body["rt_cd"], code(answer)[0], answer.status) for answer in answers} == {("1", "90020000", 200)}
    taken = [answer.odno for answer in answers if answer.odno]
    assert {odno for _, odno in venue.rows()} == set(taken)  # whoever takes every refusal for one has orders that it does not know
    assert 10 < len(taken) < 30
    assert Venue(said={"paper_delays": 1.0}).order(1, 61_000).body["rt_cd"] == "0"


def test_the_same_request_twice_is_two_orders():
    venue = Venue()
    first, second = venue.sent(10, 61_000), venue.sent(10, 61_000)
    assert first["ODNO"] != second["ODNO"]
    assert len(venue.rows()) == 2


def test_the_truth_has_every_row_and_execution():
    venue = Venue()
    venue.exchange.account(venue.account).positions["005930"] = 50.0
    bought, sold = venue.sent(700, 62_000), venue.sent(50, 62_000, side="sell")
    venue.change(bought)
    found = truth_rows(venue.world)
    names = ("odno", "kind", "side", "filled", "open", "state")
    assert [tuple(order[name] for name in names) for order in found["orders"][:2]] == [
        (bought["ODNO"], "order", "BUY", 600, 0, "done"), (sold["ODNO"], "order", "SELL", 50, 0, "done"),
    ]  # fmt: skip
    assert found["orders"][2]["origin"] == found["orders"][2]["root"] == bought["ODNO"]
    assert found["orders"][2]["cancelled"] == 100
    assert {(each["odno"], each["quantity"], each["price"]) for each in found["executions"]} == {
        (bought["ODNO"], 600, 62_000), (sold["ODNO"], 50, 62_000)
    }  # fmt: skip
