"""Books, prices and today's bars, asked from a server that answers as KIS does."""

import asyncio
import logging
import math

import pytest
from kis_market import BOOK, KIS, with_client
from kis_minutes import MINUTE, SECOND, at, row, tape
from kis_server import refused

from exec_algos.brokers.kis.market import Market
from exec_algos.brokers.kis.messages import Host
from exec_algos.errors import OrderRejectedError, VenueError

DAY = "20261123"
OPEN = at(DAY, "09:00")
NOW = at(DAY, "10:03") + 20 * SECOND


def asked(tmp_path, kis, work, now=NOW, **options):
    """What ``work(market, clock)`` returns."""

    async def of(client, clock):
        return await work(Market(client, Host(paper=False), clock, **options), clock)

    return asyncio.run(with_client(kis, tmp_path, now, of))


def book_of(tmp_path, kis, now=NOW):
    async def work(market, _):
        return await market.book("005930")

    return asked(tmp_path, kis, work, now)


def test_a_book_has_its_levels_its_time_the_last_price_and_what_traded(tmp_path):
    kis = KIS()
    kis.book |= {"askp2": "62600", "askp_rsqn2": "40112", "bidp2": "62300", "bidp_rsqn2": "61200"}
    book = book_of(tmp_path, kis)
    assert book.asks == ((62500, 18230), (62600, 40112))
    assert book.bids == ((62400, 9120), (62300, 61200))
    assert (book.time, book.last, book.traded) == (at(DAY, "10:03") + 18 * SECOND, 62400, 4120338)
    assert [name for name, _ in kis.asked] == ["book", "price"]
    assert kis.asked[0][1] == {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}


def test_a_side_that_is_locked_at_the_limit_has_no_levels(tmp_path):
    kis = KIS()
    kis.book |= {"askp1": "0", "askp_rsqn1": "0", "bidp1": "80600"}
    book = book_of(tmp_path, kis)
    assert (book.asks, book.bids) == ((), ((80600, 9120),))


def test_a_book_that_is_old_is_said_once_and_has_its_own_time(tmp_path, caplog):
    kis = KIS()

    async def work(market, clock):
        clock.instant += 120 * SECOND
        first = await market.book("005930")
        await market.book("005930")
        return first

    with caplog.at_level(logging.WARNING, "exec_algos.kis"):
        book = asked(tmp_path, kis, work)
    assert book.time == at(DAY, "10:03") + 18 * SECOND
    assert [record.getMessage() for record in caplog.records] == ["the book of 005930 is old; its last order came 122 s ago"]


def test_before_the_first_order_of_a_day_the_book_is_that_of_the_day_before(tmp_path):
    kis = KIS()
    kis.book |= {"aspr_acpt_hour": "153000"}
    assert book_of(tmp_path, kis, at(DAY, "08:00")).time == at("20261122", "15:30")


@pytest.mark.parametrize(
    ("book", "state", "price", "said"),
    [
        ({"askp1": "62400"}, {}, {}, "is in an auction; ask 62400 is not above bid 62400"),
        ({}, {}, {"vi_cls_code": "Y"}, "is in a volatility interruption; vi_cls_code Y"),
    ],
    ids=["auction", "vi"],
)
def test_levels_at_which_nothing_trades_are_left_out_and_that_is_said(tmp_path, caplog, book, state, price, said):
    kis = KIS()
    kis.book, kis.state, kis.price = kis.book | book, kis.state | state, kis.price | price
    with caplog.at_level(logging.WARNING, "exec_algos.kis"):
        found = book_of(tmp_path, kis)
    assert (found.bids, found.asks, found.last) == ((), (), 62400)
    assert said in caplog.text


def test_an_empty_book_has_no_levels_and_no_time(tmp_path):
    kis = KIS()
    kis.book = BOOK | {"aspr_acpt_hour": "000000"}
    book = book_of(tmp_path, kis)
    assert (book.bids, book.asks, book.time) == ((), (), 0)


@pytest.mark.parametrize("name", ["askp1", "bidp_rsqn1", "aspr_acpt_hour"])
def test_what_cannot_be_a_number_or_a_time_is_an_error_that_names_it(tmp_path, name):
    kis = KIS()
    kis.book |= {name: "1O0318"}
    with pytest.raises(VenueError, match=name.rstrip("1")):
        book_of(tmp_path, kis)


def test_a_read_that_is_refused_is_an_error_and_no_empty_book(tmp_path):
    kis = KIS()
    kis.refuse["book"] = refused("EGW00205", 500)
    with pytest.raises(VenueError, match="EGW00205"):
        book_of(tmp_path, kis)


def instrument_of(tmp_path, price):
    kis = KIS()
    kis.price |= price

    async def work(market, _):
        return await market.instrument("005930")

    return asked(tmp_path, kis, work)


def test_an_instrument_has_ticks_by_price_won_and_the_calendar_of_korea(tmp_path):
    found = instrument_of(tmp_path, {})
    assert (found.symbol, found.lot_size, found.currency, found.zone, found.calendar) == ("005930", 1, "KRW", "Asia/Seoul", "XKRX")
    assert [found.tick(price) for price in (1_999, 2_000, 19_990, 62_400, 199_900, 200_000, 500_000)] == [1, 5, 10, 100, 100, 500, 1000]


@pytest.mark.parametrize(
    ("price", "flag", "lasting"),
    [
        ({"stck_prpr": "0"}, "price of 0", True), ({"temp_stop_yn": "Y"}, "temp_stop_yn", False),
        ({"iscd_stat_cls_code": "58"}, "iscd_stat_cls_code 58", False), ({"sltr_yn": "Y"}, "sltr_yn", True),
    ],
)  # fmt: skip
def test_a_symbol_that_is_not_traded_is_refused_with_its_flag(tmp_path, price, flag, lasting):
    with pytest.raises(OrderRejectedError, match=flag) as raised:
        instrument_of(tmp_path, price)
    assert raised.value.lasting is lasting


def test_a_quote_that_is_fresh_enough_is_not_asked_for_again(tmp_path):
    kis = KIS()

    async def work(market, clock):
        for age in (0, SECOND):
            await market.quote("005930", age=age)
            clock.instant += SECOND
        clock.instant += SECOND
        await market.quote("005930", age=SECOND)

    asked(tmp_path, kis, work)
    assert kis.count("price") == 2


def bars(market):
    return market.bars("005930", MINUTE)


def test_todays_bars_are_the_complete_ones(tmp_path):
    kis = KIS()
    kis.today = [each for each in tape(DAY) if each["stck_cntg_hour"] <= "100300"]
    found = asked(tmp_path, kis, lambda market, _: bars(market))
    assert found.start.tolist() == [OPEN + k * MINUTE for k in range(63)]  # 09:00 to 10:02
    assert found.volume.tolist() == [100 + k for k in range(63)]
    assert [query["FID_INPUT_HOUR_1"] for _, query in kis.asked] == ["100259", "093259", "090259"]


def test_the_next_minute_costs_one_request_and_a_minute_that_is_settled_none(tmp_path):
    kis = KIS()
    kis.today = tape(DAY)

    async def work(market, clock):
        counts = []
        for seconds in (0, 1, 60, 1):
            clock.instant += seconds * SECOND
            found = await bars(market)
            counts.append((len(found), kis.count("minutes")))
        return counts

    assert asked(tmp_path, kis, work) == [(63, 3), (63, 3), (64, 4), (64, 4)]


def test_a_bar_that_was_read_as_soon_as_it_was_over_is_read_again(tmp_path):
    kis = KIS()
    kis.today = [*tape(DAY, last="10:01", cross=0), row(at(DAY, "10:02"), 1, 10**12)]

    async def work(market, clock):
        first = await bars(market)
        kis.today = tape(DAY)
        clock.instant += 5 * SECOND
        return first.volume[-1], (await bars(market)).volume[-1]

    assert asked(tmp_path, kis, work, at(DAY, "10:03")) == (1, 162)


def test_a_minute_that_repeats_the_one_before_waits_until_something_trades(tmp_path):
    kis = KIS()
    kis.today = tape(DAY, last="10:01", cross=0)
    echo = {**kis.today[-1], "stck_cntg_hour": "100200"}
    kis.today.append(echo)

    async def work(market, clock):
        first = await bars(market)
        kis.today[-1] = row(at(DAY, "10:02"), 162, int(echo["acml_tr_pbmn"]) + 1)
        clock.instant += 60 * SECOND
        return len(first), len(await bars(market))

    assert asked(tmp_path, kis, work) == (62, 63)


@pytest.mark.parametrize("now", [at(DAY, "08:59"), at(DAY, "09:00") + 59 * SECOND, at("20261122", "10:00")])
def test_there_are_none_before_the_first_minute_is_over_nor_on_a_day_without_session(tmp_path, now):
    kis = KIS()
    kis.today = tape(DAY)
    assert asked(tmp_path, kis, lambda market, _: bars(market), now) is None
    assert kis.count("minutes") == 0


def test_after_the_close_the_closing_auction_is_the_last_bar(tmp_path):
    kis = KIS()
    kis.today = [*tape(DAY), *(row(at(DAY, "16:00") + k * MINUTE, 7, 10**12) for k in range(60))]
    found = asked(tmp_path, kis, lambda market, _: bars(market), at(DAY, "17:00"))
    assert (found.start[-1], found.volume[-1]) == (at(DAY, "15:30"), 500)


def test_a_new_day_begins_anew(tmp_path):
    kis = KIS()
    kis.today = tape(DAY)

    async def work(market, clock):
        await bars(market)
        kis.today, clock.instant = tape("20261124", volume=7), at("20261124", "09:02")
        return await bars(market)

    assert asked(tmp_path, kis, work).volume.tolist() == [7, 8]


def test_bars_that_begin_in_the_middle_of_a_day_are_an_error(tmp_path):
    kis = KIS()
    kis.today = tape(DAY)[20:]
    with pytest.raises(VenueError, match="begin at 092000"):
        asked(tmp_path, kis, lambda market, _: bars(market))


def test_a_page_that_fails_is_an_error_and_no_part_of_a_day(tmp_path):
    kis = KIS()
    kis.refuse["minutes"] = refused("EGW00206", 500)
    with pytest.raises(VenueError, match="EGW00206"):
        asked(tmp_path, kis, lambda market, _: bars(market))


def test_each_request_after_the_first_waits_for_its_turn(tmp_path):
    kis = KIS()
    kis.today = tape(DAY)
    turns = []

    async def work(client, clock):
        async def turn():
            turns.append(len(kis.asked))

        client.turn = turn
        market = Market(client, Host(paper=True), clock)
        await market.bars("005930", MINUTE)
        await market.book("005930")

    asyncio.run(with_client(kis, tmp_path, NOW, work))
    assert turns == [1, 2, 4]


def test_the_venues_clock_decides_what_is_complete(tmp_path):
    kis = KIS()
    kis.today = tape(DAY)

    async def work(client, clock):
        class Ahead:
            turn, clock_apart = None, 60 * SECOND
            read = staticmethod(client.read)

        return len(await Market(Ahead(), Host(paper=False), clock).bars("005930", MINUTE))

    assert asyncio.run(with_client(kis, tmp_path, NOW, work)) == 64


def test_last_and_traded_are_those_that_are_known(tmp_path):
    kis = KIS()
    kis.price |= {"stck_prpr": "0", "acml_vol": ""}
    kis.state |= {"stck_prpr": ""}
    book = book_of(tmp_path, kis)
    assert math.isnan(book.last)
    assert book.traded == 0
