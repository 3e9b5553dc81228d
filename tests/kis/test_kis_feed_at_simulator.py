"""Notices, quotes, bars and past days from the simulated KIS, in a process of its own, which shares nothing with the client."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from exec_algos.brokers.kis.broker import build
from exec_algos.brokers.kis.clocks import simulator_clock
from exec_algos.brokers.kis.notices import Lost, Noticed, Quoted, Subscribed, Unread
from exec_algos.brokers.kis.settings import KISSettings
from exec_algos.brokers.kis.streams import quotes_of, trade_of
from exec_algos.errors import OrderRejectedError
from exec_algos.market.bars import Bars
from exec_algos.testing.kis import kis_rehearsal

DATA = Path(__file__).parents[2] / "data" / "XKRX"
MINUTE = 60_000_000_000
SYMBOL = "990010"


@pytest.fixture(scope="module")
def kis():
    with kis_rehearsal(DATA, start="2025-12-23 10:00", speed=60) as venue:
        yield venue


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return tmp_path_factory.mktemp("tokens")


def at(kis, tokens, work, paper=False, **options):
    """What ``work(venue)`` returns, with an adapter of the simulated KIS."""
    key, secret, account, hts_id = kis.keys(paper)
    settings = KISSettings(
        app_key=SecretStr(key), app_secret=SecretStr(secret), account=SecretStr(account), hts_id=hts_id, paper=paper,
        rest_url=kis.rest_url(paper), ws_url=kis.ws_url(paper), token_cache=tokens,
    )  # fmt: skip

    async def whole():
        venue = build(settings, simulator_clock(kis.clock_url), **options)
        venue.access.client.turn = None
        try:
            async with asyncio.timeout(60):
                return await work(venue)
        finally:
            await venue.close()

    return asyncio.run(whole())


@pytest.fixture(scope="module")
def recorded():
    return Bars.read(DATA / f"{SYMBOL}.parquet")


def test_todays_bars_are_those_that_were_recorded(kis, tokens, recorded):
    """In Seoul from 15:20 on only the auction trades: what was recorded there prints at 15:30, which the day has not come to."""
    found = at(kis, tokens, lambda venue: venue.bars(SYMBOL, MINUTE))
    assert found.start[0] == recorded.start[recorded.start >= found.start[0]][0]
    kept = np.isin(found.start, recorded.start)
    assert len(found) >= 60
    assert (found.start[-1] + MINUTE <= kis.control.now, kept.mean() > 0.99) == (True, True)
    same = recorded.take(np.isin(recorded.start, found.start[kept]))
    assert found.volume[kept].tolist() == same.volume.tolist()
    assert found.close[kept].tolist() == same.close.tolist()


@pytest.mark.parametrize("overlap", [0, 5])
def test_past_days_are_those_that_were_recorded_whatever_pages_overlap_and_seconds_they_carry(kis, tokens, recorded, overlap):
    kis.control.settings(overlap_rows=overlap, odd_seconds=0.2)
    try:
        found = at(kis, tokens, lambda venue: venue.history(SYMBOL, 2, MINUTE))
    finally:
        kis.control.settings(overlap_rows=0, odd_seconds=0.0)
    days = np.unique((found.start + 9 * 60 * MINUTE) // (24 * 60 * MINUTE))
    assert len(days) == 2
    span = recorded.take((recorded.start >= found.start[0]) & (recorded.start <= found.start[-1]))
    assert found.volume.sum() == span.volume.sum()
    assert len(np.unique(found.start)) == len(found)


def test_a_book_and_an_instrument_are_as_the_market_has_them(kis, tokens):
    async def work(venue):
        return await venue.book(SYMBOL), await venue.instrument(SYMBOL), venue.access.now

    book, instrument, now = at(kis, tokens, work)
    (bid, shares), (ask, _) = book.bids[0], book.asks[0]
    assert bid < ask
    assert shares > 0
    assert bid % instrument.tick(bid) == 0
    assert 0 <= now - book.time < 300 * 10**9
    assert book.traded > 0


def test_a_symbol_that_there_is_not_is_refused(kis, tokens):
    with pytest.raises(OrderRejectedError, match="999999"):
        at(kis, tokens, lambda venue: venue.instrument("999999"))


def followed(kis, tokens, play, count, paper=False):
    """The first `count` events of notices while ``play(n)`` is done after the n-th subscription."""

    async def work(venue):
        found, times = [], 0
        async with aclosing(venue._notices.events()) as events:
            async for event in events:
                found.append(event)
                if isinstance(event, Subscribed):
                    await asyncio.to_thread(play, times)
                    times += 1
                if len(noticed(found)) >= count:
                    break
        return found

    return at(kis, tokens, work, paper)


def noticed(found):
    return [event for event in found if isinstance(event, Noticed)]


@pytest.mark.parametrize("paper", [False, True])
def test_notices_of_an_order_come_and_are_ours(kis, tokens, paper):
    account = kis.keys(paper)[2]
    placed = []
    found = noticed(followed(kis, tokens, lambda _: placed.append(kis.control.order(account, SYMBOL, "BUY", 7)), 2, paper))
    assert {event.notice.odno for event in found} == {placed[0]["odno"]}
    assert [event.notice.executed for event in found] == [False, True]
    assert all(event.ours and event.notice.symbol == SYMBOL for event in found)
    assert found[0].notice.ordered == 7


def test_notices_of_another_account_of_the_same_hts_id_are_foreign(kis, tokens):
    found = followed(kis, tokens, lambda _: kis.control.order(kis.other_account(False), SYMBOL, "BUY", 3), 1)
    assert not noticed(found)[0].ours


def test_after_a_drop_a_session_begins_anew_with_a_key_of_its_own_and_what_happened_meanwhile_is_not_told(kis, tokens):
    account = kis.keys(False)[2]

    def play(times):
        if times == 0:
            kis.control.drop()
        else:
            kis.control.order(account, SYMBOL, "BUY", 5)

    found = followed(kis, tokens, play, 1)
    kinds = [type(event) for event in found]
    assert kinds.count(Subscribed) >= 2
    assert kinds[0] is Subscribed
    assert Lost in kinds
    assert Unread not in kinds


@pytest.mark.parametrize("fields", [23, 26, 29])
def test_notices_of_any_layout_are_read(kis, tokens, fields):
    kis.control.settings(notice_fields=fields)
    try:
        found = followed(kis, tokens, lambda _: kis.control.order(kis.keys(False)[2], SYMBOL, "BUY", 2), 1)
    finally:
        kis.control.settings(notice_fields=26)
    assert noticed(found)[0].notice.ordered == 2


def test_quotes_of_both_streams_are_read(kis, tokens):
    async def work(venue):
        notices = venue._notices
        notices._wanted += [("H0STASP0", SYMBOL), ("H0STCNT0", SYMBOL)]
        found = {}
        async with aclosing(notices.events()) as events:
            async for event in events:
                assert not isinstance(event, Unread), event
                if isinstance(event, Quoted):
                    made = (quotes_of if event.tr_id == "H0STASP0" else trade_of)(event.fields, venue.access.day)
                    found[event.tr_id] = made
                if len(found) == 2:
                    break
        return found

    found = at(kis, tokens, work)
    assert found["H0STASP0"].book.bids[0][0] < found["H0STASP0"].book.asks[0][0]
    assert found["H0STCNT0"].symbol == SYMBOL
    assert found["H0STCNT0"].price > 0


def test_hours_that_the_calendar_has_wrong_are_those_of_its_name(kis, tokens):
    found = at(kis, tokens, lambda venue: venue.history(SYMBOL, 1, MINUTE), calendar="XKRX@2025-12-22=10:00-11:00")
    first, last = (np.datetime64(int(at), "ns") + np.timedelta64(9, "h") for at in found.start[[0, -1]])
    assert (str(first)[:16], str(last)[:16]) == ("2025-12-22T10:00", "2025-12-22T11:00")


def events(kis, tokens, play, until):
    """Events up to the first list of them for which ``until(found)`` holds; ``play()`` is done at the first subscription."""

    async def work(venue):
        found = []
        async with aclosing(venue._notices.events()) as events:
            async for event in events:
                found.append(event)
                if isinstance(event, Subscribed) and len(found) == 1:
                    await asyncio.to_thread(play)
                if until(found):
                    break
        return found

    return at(kis, tokens, work)


def subscriptions(found):
    return sum(isinstance(event, Subscribed) for event in found)


def test_a_venue_that_says_nothing_at_all_is_left_and_found_again(kis, tokens):
    found = events(kis, tokens, lambda: kis.control.stream("stall", seconds=600), lambda found: len(found) == 2)
    assert "nothing came for 40 s" in found[1].why
    kis.control.stream("stall", seconds=0.001)


def test_an_old_session_that_lingers_is_waited_for_ever_longer(kis, tokens):
    found = events(kis, tokens, lambda: kis.control.stream("drop", linger=20), lambda found: subscriptions(found) == 2)
    waits = [event.wait for event in found if isinstance(event, Lost)]
    assert waits == sorted(waits)
    assert len(waits) > 1
    assert "OPSP8996" in found[2].why


def test_a_web_socket_that_refuses_for_a_while_is_tried_again(kis, tokens):
    def play():
        kis.control.stream("refuse", seconds=10)
        kis.control.drop()

    found = events(kis, tokens, play, lambda found: subscriptions(found) == 2)
    assert any("no connection" in event.why for event in found if isinstance(event, Lost))


def test_a_second_session_of_the_key_is_told_that_another_one_stands(kis, tokens):
    other = []

    def play():
        other.extend(events(kis, tokens, lambda: None, lambda found: len(found) == 1))

    found = events(kis, tokens, play, lambda found: len(found) == 1)
    assert isinstance(found[0], Subscribed)
    assert "OPSP8996" in other[0].why


@pytest.mark.parametrize("kind", ["push_duplicate", "push_disorder", "push_early"])
def test_notices_that_come_twice_early_or_in_another_order_are_all_told(kis, tokens, kind):
    account = kis.keys(False)[2]
    kis.control.faults(rates={kind: 1.0})
    try:
        found = noticed(followed(kis, tokens, lambda _: kis.control.order(account, SYMBOL, "BUY", 4), 2))
    finally:
        kis.control.faults()
    assert len({event.notice.odno for event in found}) == 1
    assert all(event.ours for event in found)
