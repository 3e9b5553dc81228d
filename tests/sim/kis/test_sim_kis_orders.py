"""Orders of the simulated KIS (contract, section 13, lines 5 and 7 to 10). A minute of 6,000 shares trades 100 a second, and shows 600."""

import pytest
from kis_desks import DAYS, FLAT, Venue, code

from exec_algos.errors import UsageError
from exec_algos.sim.kis.calls import Lag
from exec_algos.sim.kis.checks import Wanted
from exec_algos.sim.kis.notices import notice_of
from exec_algos.sim.kis.trading import truth_rows
from exec_algos.sim.orders import BUY

QUANTITIES = ("ord_qty", "tot_ccld_qty", "rmn_qty", "cncl_cfrm_qty", "rjct_qty")


def amounts(row):
    """Ordered, filled, open, cancelled, rejected."""
    return tuple(int(row[name]) for name in QUANTITIES)


def prices(venue):
    return [(round(execution.quantity), execution.price) for execution in venue.exchange.executions]


# line 5


def test_numbers_have_ten_digits_and_begin_anew_with_each_day():
    venue = Venue(FLAT, FLAT)
    first = [venue.sent(1)["ODNO"] for _ in range(5)]
    venue.until(f"{DAYS[1]} 10:00")
    again = [venue.sent(1)["ODNO"] for _ in range(5)]
    assert first == again  # whoever keys orders by the number alone takes two orders for one
    assert first == sorted(set(first))
    assert {len(odno) for odno in first} == {10}
    assert first[0].startswith("000")  # whoever reads it as a number loses its zeros, and with them the order
    assert code(venue.change({"ODNO": str(int(again[0])), "KRX_FWDG_ORD_ORGNO": "06010"}))[0] == "APBK0344"


def test_each_organisation_may_count_by_itself():
    venue = Venue(said={"numbers_by_orgno": True})
    sent = venue.sent(10, 61_000)
    other = venue.desk.place(wanted(venue, 20, 61_000), by_hand=True)
    assert (other.odno, other.orgno == sent["KRX_FWDG_ORD_ORGNO"]) == (sent["ODNO"], False)
    assert len(venue.rows(ODNO=sent["ODNO"])) == 2  # whoever keys by the number alone mixes the two
    assert len(venue.rows(ODNO=sent["ODNO"], ORD_GNO_BRNO=sent["KRX_FWDG_ORD_ORGNO"])) == 1


def test_an_answer_has_number_organisation_and_time_without_a_date():
    venue = Venue(start="10:03:12")
    answer = venue.order(10, 61_000)
    assert code(answer) == ("APBK0013", "주문 전송 완료 되었습니다.")
    assert answer.body["output"]["ORD_TMD"] == "100312"
    assert set(answer.body["output"]) == {"KRX_FWDG_ORD_ORGNO", "ODNO", "ORD_TMD"}
    assert len(answer.body["output"]["KRX_FWDG_ORD_ORGNO"]) == 5


@pytest.mark.parametrize(("lower", "names"), [(True, {"krx_fwdg_ord_orgno", "odno", "ord_tmd"}),
                                              (False, {"KRX_FWDG_ORD_ORGNO", "ODNO", "ORD_TMD"})])  # fmt: skip
def test_the_answer_to_a_cancel_has_names_in_either_case(lower, names):
    venue = Venue(said={"lower_case_cancels": lower})
    assert set(venue.change(venue.sent(10, 61_000)).body["output"]) == names


# line 7


def test_an_order_that_kis_took_may_be_rejected_by_the_exchange():
    venue = Venue()
    answer = venue.order(10, 61_000, fault="exchange_rejects")
    assert answer.body["rt_cd"] == "0"  # whoever takes this for an order at the exchange waits for ever
    assert amounts(venue.row(answer.body["output"])) == (10, 0, 10, 0, 0)
    venue.wait(1)
    assert amounts(venue.row(answer.body["output"])) == (10, 0, 0, 0, 10)
    assert [event.kind for event in venue.world.drain()] == ["accepted", "rejected"]
    assert venue.exchange.account(venue.account).held == pytest.approx(0)
    assert code(venue.change(answer.body["output"]))[0] == "APBK0400"


def test_an_order_that_waits_for_its_reject_trades_nothing():
    venue = Venue()
    output = venue.sent(10, fault="exchange_rejects")
    venue.wait(60)
    assert amounts(venue.row(output)) == (10, 0, 0, 0, 10)


def test_what_was_cancelled_before_a_reject_is_not_rejected_too():
    venue = Venue()
    output = venue.sent(100, 61_000, fault="exchange_rejects")
    venue.change(output, 30, "N")
    venue.wait(1)
    assert amounts(venue.row(output)) == (100, 0, 0, 30, 70)


# line 8


def test_a_market_order_of_the_visible_size_is_filled_at_once_and_a_larger_one_as_the_market_trades():
    venue = Venue()
    small = venue.sent(600)
    assert (venue.row(small)["avg_prvs"], venue.row(small)["tot_ccld_amt"], amounts(venue.row(small))[1:3]) == (
        "62000",
        "37200000",
        (600, 0),
    )
    venue.until("10:30")
    large = venue.sent(900)
    filled = []
    for _ in range(8):
        filled.append(amounts(venue.row(large))[1])
        venue.wait(1)
    assert filled == [600, 650, 700, 750, 800, 850, 900, 900]  # half of what trades comes back
    assert len(prices(venue)) == 8  # eight executions, and the inquiry shows one row each of two orders


def test_a_buy_limit_above_the_market_trades_at_the_market():
    venue = Venue()
    row = venue.row(venue.sent(100, 63_000))
    assert (row["ord_unpr"], row["avg_prvs"], row["tot_ccld_amt"]) == ("63000", "62000", "6200000")


def test_an_average_price_has_decimals():
    venue = Venue()
    venue.desk.carrier.plan("005930", [{"after": 1, "shares": 1, "price": 62_000}, {"after": 2, "shares": 2, "price": 62_100}])
    sent = venue.sent(3, 62_100)
    venue.wait(3)
    row = venue.row(sent)
    assert (row["avg_prvs"], row["tot_ccld_amt"]) == ("62066.6667", "186200")  # avg x quantity is 186,200.0001
    assert prices(venue) == [(1, 62_000), (2, 62_100)]


def test_fills_by_a_script_none_one_or_many():
    venue = Venue()
    carrier = venue.desk.carrier
    carrier.plan("005930", [])
    carrier.plan("005930", [{"after": 0, "shares": 5}], times=2)
    carrier.plan("005930", [{"after": second, "shares": 1, "price": 62_000 + 100 * second} for second in range(1, 6)])
    none, one, again, many = (venue.sent(5, 64_000) for _ in range(4))
    venue.wait(10)
    assert [amounts(venue.row(sent))[1] for sent in (none, one, again, many)] == [0, 5, 5, 5]
    assert prices(venue)[2:] == [(1, 62_100), (1, 62_200), (1, 62_300), (1, 62_400), (1, 62_500)]  # across the book
    venue.until("15:31")
    assert amounts(venue.row(none)) == (5, 0, 0, 5, 0)


def test_a_plan_keeps_within_the_limit_and_a_wrong_one_is_refused():
    venue = Venue()
    venue.desk.carrier.plan("005930", [{"after": 0, "shares": 5, "price": 63_000}])
    sent = venue.sent(5, 62_000)
    venue.wait(1)
    assert amounts(venue.row(sent))[1] == 0
    for fills in ({}, [{"after": 1}], [{"after": -1, "shares": 1}], [{"after": 1, "shares": 0}], [{"after": 1, "shares": 1, "at": 2}]):
        with pytest.raises(UsageError, match="fill"):
            venue.desk.carrier.plan("005930", fills)
    with pytest.raises(UsageError, match="000660"):
        venue.desk.carrier.plan("000660", [])


@pytest.mark.parametrize(("dvsn", "price"), [("11", 62_000), ("13", 0), ("15", 0)])
def test_what_an_ioc_does_not_trade_at_once_is_over(dvsn, price):
    venue = Venue()
    sent = venue.sent(700, price, dvsn=dvsn)
    assert amounts(venue.row(sent)) == (700, 600, 0, 100, 0)
    assert [(event.kind, event.quantity) for event in venue.world.drain()] == [("accepted", 0), ("fill", 0), ("cancelled", 100)]


@pytest.mark.parametrize(("dvsn", "price"), [("12", 62_000), ("14", 0), ("16", 0)])
def test_a_fok_trades_as_a_whole_or_not_at_all(dvsn, price):
    venue = Venue()
    assert amounts(venue.row(venue.sent(601, price, dvsn=dvsn))) == (601, 0, 0, 601, 0)
    assert amounts(venue.row(venue.sent(600, price, dvsn=dvsn))) == (600, 600, 0, 0, 0)


def test_best_takes_the_other_side_and_priority_joins_its_own():
    venue = Venue()
    quote = venue.exchange.market.quote("005930", venue.exchange.now)
    assert quote.ask - quote.bid == 100
    venue.sent(10, dvsn="03")
    waits = venue.sent(10, dvsn="04")
    assert [order.limit for order in venue.exchange.orders] == [quote.ask, quote.bid]
    assert venue.row(waits)["ord_unpr"] == "0"


def test_an_order_of_the_opening_auction_trades_at_its_price():
    venue = Venue(((62_000, 62_500, 61_500, 62_300), *FLAT), start="08:45")
    sent = venue.sent(100, 62_500)
    assert amounts(venue.row(sent)) == (100, 0, 100, 0, 0)
    venue.until("09:00:01")
    assert (venue.row(sent)["avg_prvs"], amounts(venue.row(sent))[1]) == ("62000", 100)


def test_nothing_trades_in_the_closing_call_until_its_price_at_1530():
    venue = Venue((*FLAT[:380], *((62_000, 62_500, 61_500, 62_000),) * 9, (62_000, 62_200, 62_000, 62_200)), start="15:25")
    sent = venue.sent(100)
    limited = venue.sent(100, 62_000)
    venue.until("15:29:59")
    assert prices(venue) == []  # a client that slices on by the clock has traded nothing since 15:20
    venue.until("15:30:01")
    assert prices(venue) == [(100, 62_200)]
    assert amounts(venue.row(sent)) == (100, 100, 0, 0, 0)
    assert amounts(venue.row(limited)) == (100, 0, 0, 100, 0)  # and what is left ends with the day


def test_a_closing_auction_that_is_printed_with_a_bar_of_1530_trades_at_it():
    rows = (*FLAT[:380], *(None,) * 10, (62_400, 62_400, 62_400, 62_400, 90_000))
    venue = Venue(rows, start="15:25", calendar="XKRX")
    sent = venue.sent(100)
    venue.until("15:31")
    assert venue.row(sent)["avg_prvs"] == "62400"


def test_a_conditional_limit_goes_to_market_in_the_closing_auction():
    venue = Venue(start="15:00")
    sent = venue.sent(100, 61_000, dvsn="02")
    plain = venue.sent(100, 61_000)
    venue.until("15:31")
    assert [amounts(venue.row(each))[1] for each in (sent, plain)] == [100, 0]


def test_a_stop_limit_waits_for_its_stop():
    venue = Venue((*FLAT[:70], (62_000, 63_000, 62_000, 63_000), *((63_000,) * 300)))
    sent = venue.sent(10, 63_500, dvsn="22", CNDT_PRIC="63000")
    venue.until("10:09")
    assert amounts(venue.row(sent))[1] == 0
    venue.until("10:12")
    assert amounts(venue.row(sent))[1] == 10


def test_a_volatility_interruption_stops_trading_and_lets_orders_wait():
    venue = Venue(said={"interrupted": "005930"})
    sent = venue.sent(10)
    venue.wait(120)
    assert amounts(venue.row(sent)) == (10, 0, 10, 0, 0)
    venue.world.settings = venue.world.settings.changed({"interrupted": ""})
    venue.wait(2)
    assert amounts(venue.row(sent))[1] == 10


def test_orders_of_the_regular_session_end_at_its_close_and_those_of_nxt_wait_for_the_evening():
    venue = Venue(start="15:10")
    krx, nxt = venue.sent(10, 61_000), venue.sent(10, 61_000, exchange="NXT")
    venue.until("15:35")
    assert amounts(venue.row(krx)) == (10, 0, 0, 10, 0)
    assert amounts(venue.row(nxt, EXCG_ID_DVSN_CD="ALL")) == (10, 0, 10, 0, 0)
    assert venue.row(krx)["odno"] not in {odno for _, odno in venue.rows(CCLD_DVSN="02", EXCG_ID_DVSN_CD="ALL")}
    venue.until("20:01")
    assert amounts(venue.row(nxt, EXCG_ID_DVSN_CD="ALL")) == (10, 0, 0, 10, 0)


def test_an_order_of_the_after_market_waits_until_2000():
    venue = Venue(start="16:30")
    sent, ioc = venue.sent(10, 62_000, dvsn="41"), venue.sent(10, 62_000, dvsn="42")
    assert [amounts(venue.row(each)) for each in (sent, ioc)] == [(10, 0, 10, 0, 0), (10, 0, 0, 10, 0)]
    venue.until("20:01")
    assert amounts(venue.row(sent)) == (10, 0, 0, 10, 0)


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


def wanted(venue, quantity, price, account=None, side=BUY):
    return Wanted(
        account=account or venue.account, symbol=venue.symbol, side=side, dvsn="00" if price else "01", exchange="KRX", quantity=quantity,
        price=price, paper=venue.paper,
    )  # fmt: skip


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
