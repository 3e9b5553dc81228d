"""What a live broker says of the market, from a venue's adapter."""

import asyncio
import math

import numpy as np
import pytest
from live_runs import live, over, parent_of, send
from paper_venue import instead, lost_before
from virtual_time import SECOND, START, run

from exec_algos.algorithms.pov import POV
from exec_algos.algorithms.twap import TWAP
from exec_algos.algorithms.vwap import VWAP
from exec_algos.brokers.settings import LiveSettings
from exec_algos.brokers.venue import Book, Instrument
from exec_algos.errors import NotEnoughHistoryError, UsageError, VenueError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.market.bars import Bars
from exec_algos.model import DAY, MINUTE

OPEN = START - 2 * 60 * MINUTE  # 09:00 in Seoul, Tuesday 2026-03-03


def minute_bars(volume_of, opens, minutes=390, symbol="A"):
    """Bars of whole sessions; `volume_of(session, minute)` shares each."""
    start = np.array([opened + minute * MINUTE for opened in opens for minute in range(minutes)], dtype=np.int64)
    volume = np.array([float(volume_of(session, minute)) for session in range(len(opens)) for minute in range(minutes)])
    price = np.full(len(start), 100.0)
    columns = {"open": price, "high": price.copy(), "low": price.copy(), "close": price.copy(), "volume": volume}
    return Bars(symbols=(symbol,), offsets=np.array([0, len(start)]), start=start, step=MINUTE, zone="Asia/Seoul", **columns)


LAST_WEEK = [OPEN - days * DAY for days in (8, 7, 6, 5, 4)]  # Monday 2026-02-23 to Friday; Monday 03-02 is a holiday


def test_observe_tells_traded_price_quotes_and_the_venues_time():
    async def case():
        async with live() as (broker, venue):
            venue.ahead = 1.0
            seen = await broker.observe("A")
            assert seen[:6] == (1000.0, 100.0, 99.0, 101.0, 500.0, 700.0)
            assert broker.clock.now < seen.time <= broker.clock.now + SECOND
            assert await broker.get_market_depth("A") == {"bid": 99.0, "ask": 101.0, "bid_volume": 500.0, "ask_volume": 700.0}

    run(case())


def test_without_a_last_price_the_middle_of_the_quotes_stands_in_and_a_side_may_lack():
    async def case():
        async with live() as (broker, venue):
            venue.answers["book"] = Book(((99.0, 5.0),), ((102.0, 5.0),), START)
            assert (await broker.observe("A")).price == 100.5
            venue.answers["book"] = Book((), (), START)
            seen = await broker.observe("A")
            assert all(math.isnan(value) for value in seen[:6])

    run(case())


@pytest.mark.parametrize(
    "book",
    [None, {}, Book(((0.0, 5.0),), (), START), Book((), ((math.nan, 5.0),), START), Book((), ((1.0, -5.0),), START),
     Book((), (), START, -1.0),
     Book((), (), START, 5.0, math.inf), Book((), (), START, "5")],
    ids=repr,
)  # fmt: skip
def test_a_book_that_cannot_be_is_a_venue_error_that_names_the_method(book):
    async def case():
        async with live() as (broker, venue):
            venue.faults["book", 1] = instead(book)
            with pytest.raises(VenueError, match=r"PaperVenue\.book gave .* for A"):
                await broker.observe("A")

    run(case())


@pytest.mark.parametrize("method", ["observe", "get_market_depth", "get_historical_volume_profile"])
def test_a_failed_read_is_a_venue_error_and_the_next_one_asks_again(method):
    async def case():
        async with live() as (broker, venue):
            venue.answers["history"] = minute_bars(lambda session, minute: 1, LAST_WEEK)
            failing = "history" if "profile" in method else "book"
            venue.faults[failing, 1] = lost_before
            with pytest.raises(VenueError, match=rf"PaperVenue\.{failing} failed: ConnectionError"):
                await getattr(broker, method)("A")
            await getattr(broker, method)("A")

    run(case())


def test_all_who_ask_at_once_share_one_request():
    async def case():
        async with live() as (broker, venue):
            await asyncio.gather(*(broker.observe("A") for _ in range(200)))
            assert len(venue.requests["book"]) == 1
            await broker.observe("A")
            assert len(venue.requests["book"]) == 2

    run(case())


def test_one_who_stops_waiting_does_not_spoil_it_for_the_others():
    async def case():
        async with live() as (broker, _):
            first = asyncio.ensure_future(broker.observe("A"))
            second = asyncio.ensure_future(broker.observe("A"))
            await asyncio.sleep(0.01)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            assert (await second).price == 100.0

    run(case())


def test_the_profile_is_the_mean_of_earlier_sessions_read_once_a_session():
    async def case():
        async with live() as (broker, venue):
            venue.answers["history"] = minute_bars(lambda session, minute: 30 if minute < 60 else 1, LAST_WEEK)
            profile = await broker.get_historical_volume_profile("A", 5)
            assert len(profile) == 390
            assert float(profile.iloc[0]) == pytest.approx(30 / (60 * 30 + 330))
            assert (str(profile.index[0]), str(profile.index[-1])) == ("09:00:00", "15:29:00")
            await asyncio.gather(*(broker.get_historical_volume_profile("A", 5) for _ in range(10)))
            assert len(venue.requests["history"]) == 1
            assert venue.requests["history"][0][1:] == ("A", 5, MINUTE)

    run(case())


def test_today_never_counts_as_history():
    async def case():
        async with live() as (broker, venue):
            venue.answers["history"] = minute_bars(lambda session, minute: 1000 if session == 5 else 1, [*LAST_WEEK, OPEN])
            history = await broker.get_volume_history("A", 5, MINUTE)
            assert [volumes.sum() for volumes in history] == [390] * 5

    run(case())


def test_too_few_sessions_are_said():
    async def case():
        async with live() as (broker, venue):
            with pytest.raises(NotEnoughHistoryError):
                await broker.get_historical_volume_profile("A", 5)
            venue.answers["history"] = minute_bars(lambda session, minute: 1, LAST_WEEK[:2])
            with pytest.raises(NotEnoughHistoryError):
                await broker.get_volume_history("A", 5, MINUTE)

    run(case())


def test_volumes_today_are_those_of_complete_bars_from_the_open_on():
    async def case():
        async with live() as (broker, venue):
            venue.answers["bars"] = minute_bars(lambda session, minute: minute, [OPEN], minutes=121)
            today = await broker.get_volumes_today("A", MINUTE)
            assert today.tolist() == list(range(120))
            venue.answers["bars"] = None
            assert (await broker.get_volumes_today("A", MINUTE)).tolist() == [0.0] * 120

    run(case())


def test_bars_of_another_symbol_are_a_venue_error():
    async def case():
        async with live() as (broker, venue):
            venue.answers["bars"] = minute_bars(lambda session, minute: 1, [OPEN], symbol="B")
            with pytest.raises(VenueError, match=r"PaperVenue\.bars gave Bars without bars of A"):
                await broker.get_volumes_today("A", MINUTE)

    run(case())


@pytest.mark.parametrize(
    "said", [None, Instrument(symbol="B"), Instrument(symbol="A", lot_size=0), Instrument(symbol="A", lot_size=math.nan)]
)
def test_an_instrument_that_cannot_be_keeps_children_from_leaving(said):
    async def case():
        async with live() as (broker, venue):
            venue.faults["instrument", 1] = instead(said)
            child = send(broker)
            await over(broker, child)
            assert "PaperVenue.instrument gave" in child.reason
            assert venue.requests["send"] == []

    run(case())


def test_the_session_is_that_of_the_settings_or_of_the_instruments_calendar():
    async def case():
        async with live(settings=LiveSettings(calendar="XNYS")) as (broker, _):
            assert broker.session(START).zone == "America/New_York"
        async with live(settings=LiveSettings(confirm_lead=0)) as (broker, venue):
            with pytest.raises(UsageError, match=r"no calendar is known: name one by LiveSettings\(calendar"):
                broker.session(START)  # that of another market would let an order wait for its open
            venue.calendar = "XTKS"
            await over(broker, send(broker))
            assert broker.session(START).zone == "Asia/Tokyo"
            venue.calendar = "XNYS"
            await over(broker, send(broker, parent=parent_of(broker, symbol="B")))
            with pytest.raises(UsageError, match=r"calendars XNYS, XTKS; name one by LiveSettings\(calendar"):
                broker.session(START)

    run(case())


@pytest.mark.parametrize("days", range(0, 60, 7))
def test_the_session_at_any_instant_is_the_one_that_is_open_or_the_next(days):
    async def case():
        async with live() as (broker, _):
            instant = START + days * DAY
            session = broker.session(instant)
            assert instant < session.close
            assert session.open - instant < 6 * DAY

    run(case())


def test_market_data_starves_before_anything_else_does():
    async def case():
        async with live(rate=4, per_second=0) as (broker, venue):
            reads = [asyncio.ensure_future(broker.observe(f"S{number}")) for number in range(200)]
            await asyncio.sleep(1)
            began = broker.clock.now
            child = send(broker, seconds=20)
            await asyncio.sleep(2)
            assert len(venue.requests["send"]) == 1
            assert len(venue.requests["book"]) < 60
            await over(broker, child)
            assert (venue.requests["cancel"][0][0] - began) / SECOND < 21
            for read in reads:
                read.cancel()
            await asyncio.gather(*reads, return_exceptions=True)

    run(case())


@pytest.mark.parametrize("own_ids", [True, False], ids=["own ids", "no own ids"])
@pytest.mark.parametrize("algorithm", [TWAP(slice_interval_seconds=60), VWAP(slice_interval_seconds=60, profile_days=5)], ids=str)
def test_algorithms_run_over_it_to_the_share_through_faults(algorithm, own_ids):
    async def case():
        async with live(own_ids=own_ids, push=True, per_second=4) as (broker, venue):
            venue.answers["history"] = minute_bars(lambda session, minute: 1, LAST_WEEK)
            venue.faults["history", 1] = instead(venue.answers["history"])
            executor = AlgorithmExecutor(broker)
            fills = await executor.execute("A", 600, algorithm, end=START + 600 * SECOND)
            assert sum(fill.quantity for fill in fills) == venue.executed() == 600
            assert executor.get_execution_summary()["residual"] == 0

    run(case())


def test_pov_takes_our_own_prints_off_a_tape_that_holds_them():
    async def case(own_prints):
        async with live(push=True, own_prints=own_prints) as (broker, venue):

            async def tape(venue, act):
                others = (venue.clock.now - START) / SECOND * 10
                mine = venue.executed() if own_prints else 0
                return Book(((99.0, 500.0),), ((101.0, 500.0),), venue.time(), 100.0, others + mine)

            venue.faults["book", "all"] = tape
            executor = AlgorithmExecutor(broker)
            await executor.execute("A", 100_000, POV(rate=0.3, slice_interval_seconds=60), end=START + 1200 * SECOND)
            return venue.executed() / (venue.executed() + 12_000)

    tapes = [run(case(own_prints)) for own_prints in (True, False)]
    assert tapes[0] == pytest.approx(tapes[1], abs=0.01)
