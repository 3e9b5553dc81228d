"""Orders of the simulated KIS (contract, section 13, lines 5, 7 and 8). A minute of 6,000 shares trades 100 a second, and shows 600."""

import pytest
from kis_desks import DAYS, FLAT, Venue, amounts, code, prices, wanted

from exec_algos.errors import UsageError

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
