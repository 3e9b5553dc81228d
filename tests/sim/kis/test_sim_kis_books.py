"""Order book and price of the simulated KIS, by values worked out by hand: the recorded stock trades between 62,000 and 62,100."""

import pytest
from quoting import BOOK, PRICE, Quoting
from wired import a_world, at, bars

from exec_algos.sim.orders import Ticket


def quoting(start="10:03:12", **more):
    return Quoting(a_world(start, **more))


def two_days(before, price):
    """A day at one price and one at another."""
    return bars(days=("2026-11-20", "2026-11-23"), price=(float(before), float(price)))


def test_the_book_has_ten_levels_each_a_tick_apart_around_the_quote_of_the_core():
    kis = quoting()
    asks, bids, head, _ = kis.book()
    quote = kis.world.exchange.book("005930")
    assert (asks[0], bids[0]) == (quote.asks[0], quote.bids[0])
    assert [price for price, _ in asks] == [asks[0][0] + 100 * i for i in range(10)]
    assert [price for price, _ in bids] == [bids[0][0] - 100 * i for i in range(10)]
    assert asks[0][0] - bids[0][0] == 100
    assert all(shares > 0 for _, shares in (*asks, *bids))
    assert int(head["total_askp_rsqn"]) == sum(shares for _, shares in asks)
    assert int(head["ntby_aspr_rsqn"]) == sum(shares for _, shares in bids) - sum(shares for _, shares in asks)
    assert (head["aspr_acpt_hour"], head["new_mkop_cls_code"]) == ("100312", "20")


def test_levels_go_on_in_the_tick_of_their_own_band():
    """A client that steps by the tick of the best level has prices that do not exist: 50 KRW below 50,000 and 100 from there on."""
    asks, bids, _, _ = quoting("10:03:50", market=two_days(49_900, 49_900)).book()
    prices = sorted(price for price, _ in (*asks, *bids))
    assert {49_850, 49_900, 49_950, 50_000, 50_100, 50_200} <= set(prices)
    assert all(price % (50 if price < 50_000 else 100) == 0 for price in prices)


def test_beyond_the_upper_limit_levels_are_zero():
    """A client that keeps price 0 has a best bid, or a best ask, of nothing. 62,000 + 30 % is 80,600."""
    asks, bids, _, _ = quoting(market=two_days(62_000, 80_400)).book()
    live = [price for price, _ in asks if price]
    assert live == [price for price in (80_500, 80_600) if price >= live[0]]
    assert asks[len(live) :] == [(0, 0)] * (10 - len(live))
    assert all(price for price, _ in bids)


def test_at_its_upper_limit_a_stock_has_no_sellers():
    asks, bids, _, _ = quoting(locked="000660,005930").book()
    assert asks == [(0, 0)] * 10
    assert bids[0][0] == 80_600


@pytest.mark.parametrize(("start", "code"), [("08:45:00", "10"), ("15:25:00", "21")])
def test_in_an_auction_three_levels_stand_on_each_side_and_a_price_is_expected(start, code):
    asks, bids, head, summary = quoting(start).book()
    assert [bool(price) for price, _ in asks] == [bool(price) for price, _ in bids] == [True] * 3 + [False] * 7
    assert head["new_mkop_cls_code"] == code
    assert 62_000 <= int(summary["antc_cnpr"]) <= 62_100
    assert summary["antc_vol"] != "0"


def test_in_an_auction_the_best_ask_may_lie_below_the_best_bid():
    """A client that divides by the spread, or takes the mid, meets both kinds."""
    kis, crossed = quoting("15:21:00"), []
    for minute in range(21, 30):
        kis.go(at(f"15:{minute}:30"))
        asks, bids, _, _ = kis.book()
        crossed.append(asks[0][0] <= bids[0][0])
        assert [price for price, _ in asks[:3]] == sorted(price for price, _ in asks[:3])
        assert [price for price, _ in bids[:3]] == sorted((price for price, _ in bids[:3]), reverse=True)
    assert set(crossed) == {True, False}


def test_a_book_may_be_old_and_only_its_time_says_so():
    kis = quoting(book_age=95.0)
    assert kis.book()[2]["aspr_acpt_hour"] == "100137"


def test_after_the_close_the_book_is_that_of_the_close():
    assert quoting("15:45:00").book()[2]["aspr_acpt_hour"] == "153000"


def test_a_level_of_which_all_was_taken_is_gone_until_it_comes_back():
    kis = quoting("10:03:05")
    asks, _, _, _ = kis.book()
    account = kis.world.identities[False][0].account
    kis.world.exchange.submit(Ticket(account=account, symbol="005930", side=1, quantity=asks[0][1], limit=float(asks[0][0])))
    after, _, _, _ = kis.book()
    assert after[0][0] == asks[0][0] + 100
    assert len([price for price, _ in after if price]) == 10


def test_a_halted_stock_has_no_levels_and_says_so():
    kis = quoting(halted="005930")
    asks, bids, _, _ = kis.book()
    assert asks == bids == [(0, 0)] * 10
    assert (kis.price()["temp_stop_yn"], kis.price()["iscd_stat_cls_code"]) == ("Y", "58")
    assert quoting(halted="000660").price()["temp_stop_yn"] == "N"


def test_a_volatility_interruption_is_an_auction_and_says_so():
    kis = quoting(interrupted="005930")
    asks, _, _, summary = kis.book()
    assert [bool(price) for price, _ in asks] == [True] * 3 + [False] * 7
    assert (summary["vi_cls_code"], kis.price()["vi_cls_code"]) == ("Y", "Y")
    assert quoting().price()["vi_cls_code"] == "N"


def test_price_limits_tick_and_volume_of_the_day():
    price = quoting().price()
    # 63 whole minutes of 6,000, and 12 seconds of 100 each
    assert price["acml_vol"] == str(63 * 6_000 + 1_200)
    assert (price["stck_sdpr"], price["stck_mxpr"], price["stck_llam"], price["aspr_unit"]) == ("62000", "80600", "43400", "100")
    assert (price["stck_oprc"], price["stck_hgpr"], price["stck_lwpr"]) == ("62000", "62100", "62000")


def test_limits_are_rounded_inward():
    """62,100 +- 30 % is 80,730 and 43,470: 80,700 on ticks of 100 and 43,500 on ticks of 50."""
    price = quoting(market=two_days(62_100, 62_100)).price()
    assert (price["stck_mxpr"], price["stck_llam"]) == ("80700", "43500")


@pytest.mark.parametrize("paper", [False, True])
def test_an_unknown_symbol_is_no_error_and_costs_nothing(paper):
    """A client that looks at rt_cd alone has a stock at 0 KRW."""
    kis = quoting()
    body = kis.ask(PRICE, symbol="999999", paper=paper).body
    assert (body["rt_cd"], body["output"]["stck_prpr"], body["output"]["stck_mxpr"]) == ("0", "0", "0")
    asks, bids, _, summary = kis.book(symbol="999999", paper=paper)
    assert (asks, bids, summary["stck_prpr"]) == ([(0, 0)] * 10, [(0, 0)] * 10, "0")


def test_nxt_alone_is_not_simulated_and_both_together_trade_more():
    kis = quoting()
    assert kis.price(market="NX")["stck_prpr"] == "0"
    assert int(kis.price(market="UN")["acml_vol"]) == round(1.3 * int(kis.price()["acml_vol"]))
    assert kis.ask(BOOK, market="K").body["rt_cd"] != "0"


def test_both_hosts_quote_one_market():
    kis = quoting()
    assert kis.book(paper=True) == kis.book(paper=False)


def test_before_the_first_trade_of_a_day_the_last_price_is_that_of_the_day_before():
    price = quoting("08:45:00").price()
    assert (price["stck_prpr"], price["stck_oprc"], price["acml_vol"]) == ("62000", "0", "0")


@pytest.mark.parametrize(
    ("day", "time", "last", "traded"),
    [
        ("2026-11-12", "10:00:00", "62000", 0), ("2026-11-19", "07:00:00", "62000", 0), ("2026-11-20", "17:00:00", "62000", 382 * 6_000),
        ("2026-11-21", "10:00:00", "62000", 382 * 6_000), ("2026-11-23", "00:00:30", "62000", 382 * 6_000),
        ("2026-12-31", "10:00:00", "62000", 0),
    ],
)  # fmt: skip
def test_quotes_answer_at_any_time(day, time, last, traded):
    """Before the first recorded day, in the evening, at a weekend, at midnight, and after all recorded days."""
    kis = Quoting(a_world(at(time, day)))
    asks, bids, head, _ = kis.book()
    price = kis.price()
    assert (price["stck_prpr"], price["stck_mxpr"], price["acml_vol"]) == (last, "80600", str(traded))
    assert len(asks) == len(bids) == 10
    assert head["new_mkop_cls_code"] == "30"
    assert {len(kis.today("100000", previous="Y")), len(kis.past("20261119", "153000"))} <= {0, 30, 120}
