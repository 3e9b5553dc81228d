"""What the simulated KIS refuses of an order, by code and text (contract, section 13, line 6): a wrong client gets no order through."""

import pytest
from kis_desks import DAYS, FLAT, Venue, code

HOURS = "장운영시간이 아닙니다.(장종료(129) 주문불가시간)"


def nothing_came_of(venue):
    return not venue.exchange.orders and not venue.rows()


def refused(venue, *args, **kwargs):
    answer = venue.order(*args, **kwargs)
    assert answer.body["rt_cd"] != "0"
    assert answer.status == 200
    assert "output" not in answer.body
    assert len(answer.body["msg1"]) == 80
    assert nothing_came_of(venue)
    return code(answer)


@pytest.mark.parametrize(("paper", "said"), [(False, "APBK1612"), (True, "40030000")])
def test_a_price_off_its_tick(paper, said):
    assert refused(Venue(paper=paper), 10, 62_050)[0] == said


def test_a_client_that_takes_the_tick_of_below_50_000_above_it():
    assert refused(Venue(), 10, 50_050)[0] == "APBK1612"
    assert Venue().order(10, 49_950).body["rt_cd"] == "0"


def test_a_fund_has_ticks_of_its_own():
    assert Venue(funds=("005930",)).order(10, 62_005).body["rt_cd"] == "0"
    assert refused(Venue(), 10, 62_005)[0] == "APBK1612"


@pytest.mark.parametrize(("price", "taken"), [(43_300, False), (43_400, True), (80_600, True), (80_700, False)])
def test_a_price_beyond_30_per_cent_of_the_close_before(price, taken):
    venue = Venue(FLAT, (65_000,) * 390, start=f"{DAYS[1]} 10:00")
    assert (venue.order(10, price).body["rt_cd"] == "0") is taken


@pytest.mark.parametrize("start", ["08:29", "15:31", "20:01", "2026-11-24 10:00"])
def test_hours(start):
    assert refused(Venue(start=start), 10, 62_000) == ("APBK0918", HOURS)


def test_a_day_without_a_session_is_told_apart_on_paper():
    assert refused(Venue(start="2026-11-24 10:00", paper=True), 10, 62_000) == ("40100000", "모의투자 영업일이 아닙니다.")


@pytest.mark.parametrize("start", ["08:45", "15:25"])
def test_a_call_auction_takes_limit_and_market_orders_only(start):
    assert Venue(start=start).order(10, 62_000).body["rt_cd"] == "0"
    assert Venue(start=start).order(10).body["rt_cd"] == "0"
    assert refused(Venue(start=start), 10, 62_000, dvsn="11")[0] == "APBK0918"
    assert refused(Venue(start=start), 10, dvsn="03")[0] == "APBK0918"


def test_the_after_market_takes_its_own_types_only():
    answer = refused(Venue(start="16:30"), 10)
    assert answer == ("APBK3013", "[애프터마켓] 지정가, 최유리, 최우선 주문만 가능합니다.")
    assert refused(Venue(start="16:30"), 10, 62_000)[0] == "APBK3013"
    assert refused(Venue(start="10:00"), 10, 62_000, dvsn="41")[0] == "APBK0918"
    assert refused(Venue(start="16:30", funds=("005930",)), 10, 62_000, dvsn="41")[0] == "APBK3013"
    assert Venue(start="16:30").order(10, 62_000, dvsn="41").body["rt_cd"] == "0"


def test_order_types_and_exchanges():
    assert refused(Venue(), 10, exchange="NXT") == ("APBK1943", "시장가호가불가")
    assert refused(Venue(), 10, 62_000, dvsn="02", exchange="NXT")[0] == "APBK1550"
    assert refused(Venue(), 10, 62_000, dvsn="07")[0] == "APBK1550"  # ended with 2026-09-11
    assert refused(Venue(), 10, 62_000, dvsn="27")[0] == "APBK1550"
    assert refused(Venue(), 10, 62_000, exchange="XYZ")[0] == "OPSQ2001"
    assert Venue().order(10, 62_000, exchange="NXT").body["rt_cd"] == "0"
    assert Venue().order(10, exchange="SOR").body["rt_cd"] == "0"


@pytest.mark.parametrize(("dvsn", "exchange"), [("00", "NXT"), ("01", "SOR"), ("11", "KRX"), ("05", "KRX"), ("41", "KRX")])
def test_paper_takes_five_types_at_krx(dvsn, exchange):
    price = 0 if dvsn in ("01", "05") else 62_000
    assert refused(Venue(paper=True), 10, price, dvsn=dvsn, exchange=exchange)[0] in ("40310000", "40320000")


def test_an_unknown_symbol():
    assert refused(Venue(), 10, 62_000, PDNO="000660") == ("APBK0656", "해당종목정보가 없습니다.")
    assert refused(Venue(), 10, 62_000, PDNO="5930")[0] == "APBK0656"  # a client that reads codes as numbers


def test_a_symbol_that_is_halted():
    assert refused(Venue(said={"halted": "005930"}), 10, 62_000)[0] == "APBK1614"


@pytest.mark.parametrize(
    ("quantity", "price", "dvsn"),
    [("0", "62000", "00"), ("1.5", "62000", "00"), ("-1", "62000", "00"), (" 10", "62000", "00"), ("10", "0", "00"), ("10", "62000", "01"),
     ("10", "62000.0", "00"), ("10", "62000", "22"), ("10", "", "00"), ("12345678901", "62000", "00")],
)  # fmt: skip
def test_numbers_that_cannot_be(quantity, price, dvsn):
    refused(Venue(), 0, dvsn=dvsn, ORD_QTY=quantity, ORD_UNPR=price)


def test_the_account_of_another_key_or_host():
    venue = Venue()
    other = venue.identity.others[0]
    paper = venue.world.identities[True][0].account
    for account in (other, paper):
        assert refused(venue, 10, 62_000, CANO=account[:8], ACNT_PRDT_CD=account[8:])[0] == "OPSQ2000"


def test_a_market_buy_reserves_the_upper_limit_so_that_a_size_from_the_last_price_is_refused():
    venue = Venue(cash=62_000_000)
    assert refused(venue, 1_000)[0] in ("APBK0952", "APBK0918")  # 1,000 x 62,000 is all the cash
    assert venue.order(770).body["rt_cd"] != "0"  # 770 x 80,600 = 62,062,000
    assert venue.order(769).body["rt_cd"] == "0"  # 61,981,400, and 8,710 of commission


def test_a_limit_buy_reserves_its_limit():
    venue = Venue(cash=6_200_000)
    assert venue.order(100, 62_000).body["rt_cd"] != "0"  # its commission does not fit
    assert venue.order(99, 62_000).body["rt_cd"] == "0"


def test_cash_that_is_short_has_two_codes_and_paper_a_third():
    said = {code(Venue(cash=1_000, seed=seed).order(10, 62_000)) for seed in range(20)}
    assert said == {("APBK0952", "주문가능금액을 초과 했습니다"), ("APBK0918", "주문가능금액이 부족합니다.")}
    assert code(Venue(cash=1_000, paper=True).order(10, 62_000)) == ("40250000", "모의투자 주문가능금액이 부족합니다.")


def test_shares_that_are_short_have_two_codes():
    said = {code(Venue(seed=seed).order(10, 62_000, side="sell"))[0] for seed in range(20)}
    assert said == {"APBK0400", "APBK0918"}


def test_apbk0918_alone_does_not_say_why():
    """A client that takes APBK0918 for the hours would send the same order again when the market opens."""
    texts = {code(Venue(start="20:01").order(10, 62_000))[1]}
    texts |= {text for said, text in (code(Venue(cash=1_000, seed=seed).order(10, 62_000)) for seed in range(20)) if said == "APBK0918"}
    texts |= {text for said, text in (code(Venue(seed=seed).order(1, side="sell")) for seed in range(20)) if said == "APBK0918"}
    assert texts == {HOURS, "주문가능금액이 부족합니다.", "주문가능수량이 부족합니다.(잔고부족)"}


def test_open_orders_hold_cash_and_shares():
    venue = Venue(cash=100 * 61_000 * 1.001)
    first = venue.sent(100, 61_000)
    assert venue.order(1, 61_000).body["rt_cd"] != "0"
    venue.change(first)
    assert venue.order(1, 61_000).body["rt_cd"] == "0"
    venue.exchange.account(venue.account).positions["005930"] = 50.0
    venue.sent(50, 63_000, side="sell")
    assert code(venue.order(1, 63_000, side="sell"))[0] in ("APBK0400", "APBK0918")
