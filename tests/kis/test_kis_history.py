"""Past days and holidays, asked from a server that answers as KIS does."""

import asyncio
import logging

import pytest
from kis_market import KIS, with_client
from kis_minutes import MINUTE, at, tape
from kis_server import answer, done, refused

from exec_algos.brokers.kis.history import History, store_at
from exec_algos.brokers.kis.holidays import Holidays
from exec_algos.brokers.kis.messages import Host
from exec_algos.errors import VenueError
from exec_algos.market.store import BarStore

NOW = at("20261123", "10:00")
DAYS = ("20261118", "20261119", "20261120")


def kis_of(*days):
    kis = KIS()
    kis.past = {day: tape(day, volume=100 * (k + 1)) for k, day in enumerate(days or DAYS)}
    return kis


def past(tmp_path, kis, days=2, now=NOW, store=None, times=1):
    """What `times` processes, one after another, get."""

    async def work(client, clock):
        return await History(client, Host(paper=False), clock, store).history("005930", days, MINUTE)

    found = [asyncio.run(with_client(kis, tmp_path, now, work)) for _ in range(times)]
    return found[0] if times == 1 else found


def days_of(bars):
    return sorted({str(start)[:10] for start in (bars.start + 9 * 60 * MINUTE).astype("datetime64[ns]")})


def test_the_last_sessions_before_todays_are_put_together(tmp_path):
    kis = kis_of()
    bars = past(tmp_path, kis)
    assert days_of(bars) == ["2026-11-19", "2026-11-20"]
    assert len(bars) == 2 * 382  # 09:00 to 15:20, and 15:30
    assert bars.volume[0] == 200
    assert (bars.start[381], bars.volume[381]) == (at("20261119", "15:30"), 500)
    assert kis.count("past minutes") == 8


def test_a_day_that_is_kept_is_never_asked_for_again(tmp_path):
    kis, store = kis_of(), tmp_path / "store"
    first, second = past(tmp_path, kis, store=store, times=2)
    assert kis.count("past minutes") == 8
    assert second.start.tolist() == first.start.tolist()
    assert second.volume.tolist() == first.volume.tolist()
    past(tmp_path, kis, 3, store=store)
    assert kis.count("past minutes") == 12
    assert {query["FID_INPUT_DATE_1"] for _, query in kis.asked[8:]} == {"20261118"}


def test_within_a_process_a_day_is_asked_for_once_without_a_store(tmp_path):
    kis = kis_of()

    async def work(client, clock):
        history = History(client, Host(paper=False), clock)
        for _ in range(3):
            await history.history("005930", 2, MINUTE)

    asyncio.run(with_client(kis, tmp_path, NOW, work))
    assert kis.count("past minutes") == 8


@pytest.mark.parametrize(("clock", "last"), [("19:59", "2026-11-20"), ("20:00", "2026-11-23")])
def test_today_is_history_from_eight_in_the_evening_on(tmp_path, clock, last):
    kis, store = kis_of(*DAYS, "20261123"), tmp_path / "store"
    bars = past(tmp_path, kis, 2, at("20261123", clock), store)
    assert days_of(bars)[-1] == last
    assert days_of(BarStore(store, cache="off").read("005930"))[-1] == last


def test_a_day_that_cannot_be_read_to_its_beginning_is_an_error_and_not_kept(tmp_path):
    kis, store = kis_of(), tmp_path / "store"
    whole = kis._past_minutes
    calls = []

    def half(query):
        calls.append(query)
        return whole(query) if len(calls) < 6 else refused("EGW00206", 500)

    kis._past_minutes = half
    with pytest.raises(VenueError, match="EGW00206"):
        past(tmp_path, kis, store=store)
    assert days_of(BarStore(store, cache="off").read("005930")) == ["2026-11-20"]


def test_a_page_that_comes_empty_in_the_middle_of_a_day_is_an_error_and_the_day_not_kept(tmp_path):
    kis, store = kis_of(), tmp_path / "store"
    kis.past["20261120"] = kis.past["20261120"][120:]
    with pytest.raises(VenueError, match="begin at 110000"):
        past(tmp_path, kis, store=store)
    assert not BarStore.found_at(store)


def test_a_session_without_bars_is_passed_over(tmp_path):
    kis = kis_of("20261117", "20261119")  # 18 and 20: halted, or holidays that the calendar does not know
    assert days_of(past(tmp_path, kis)) == ["2026-11-17", "2026-11-19"]


def test_where_there_are_none_there_are_none(tmp_path):
    kis = kis_of("20200102")
    assert past(tmp_path, kis) is None
    assert kis.count("past minutes") == 12  # two and ten sessions


def test_a_store_that_cannot_be_read_is_said_and_asked_for_anew(tmp_path, caplog):
    kis, store = kis_of(), tmp_path / "store"
    past(tmp_path, kis, store=store)
    for file in store.rglob("*.parquet"):
        file.write_bytes(b"torn")
    with caplog.at_level(logging.WARNING, "exec_algos.kis"):
        bars = past(tmp_path, kis, store=store)
    assert len(bars) == 2 * 382
    assert "read from KIS again" in caplog.text
    assert "not kept" in caplog.text


def test_the_bars_of_hosts_and_of_calendars_are_kept_apart_and_those_of_a_simulator_not_at_all(tmp_path):
    live, paper = "openapi.koreainvestment.com:9443", "openapivts.koreainvestment.com:29443"
    places = {store_at(tmp_path, live), store_at(tmp_path, paper), store_at(tmp_path, live, "XKRX@2026-11-19=10:00-16:30")}
    assert len(places) == 3
    assert all(place.parent == tmp_path for place in places)
    assert store_at(tmp_path, "127.0.0.1:8700") is None


def test_bars_of_another_length_are_refused(tmp_path):
    async def work(client, clock):
        await History(client, Host(paper=False), clock).history("005930", 1, 5 * MINUTE)

    with pytest.raises(VenueError, match="bars of 300 s"):
        asyncio.run(with_client(kis_of(), tmp_path, NOW, work))


def on(tmp_path, kis, *days, paper=False, path=None, now=NOW):
    async def work(client, clock):
        holidays = Holidays(client, Host(paper=paper), clock, path)
        return [await holidays.on(day) for day in days]

    return asyncio.run(with_client(kis, tmp_path, now, work))


def test_kis_says_on_which_days_it_takes_orders_and_is_asked_once_a_day(tmp_path):
    kis, path = KIS(), tmp_path / "holidays.json"
    kis.holidays = [{"bass_dt": "20261123", "opnd_yn": "Y"}, {"bass_dt": "20261124", "opnd_yn": "N"}]
    for _ in range(2):
        found = on(tmp_path, kis, "20261123", "20261124", path=path)
        assert found == [(True, "KIS"), (False, "KIS")]
    assert kis.count("holidays") == 1
    on(tmp_path, kis, "20261124", path=path, now=at("20261124", "08:00"))
    assert kis.count("holidays") == 2


def test_on_paper_the_calendar_says_it_and_that_is_said(tmp_path):
    kis = KIS()
    (monday, source), (sunday, _) = on(tmp_path, kis, "20261123", "20261122", paper=True)
    assert (monday, sunday) == (True, False)
    assert "calendar XKRX: the paper host has no list" in source
    assert kis.asked == []


@pytest.mark.parametrize("said", [refused("EGW00206", 500), done(output=[{"bass_dt": "20261123", "opnd_yn": "?"}]), answer([])])
def test_where_kis_gives_no_list_the_calendar_says_it_and_why(tmp_path, said):
    kis = KIS()
    kis.refuse["holidays"] = said
    ((monday, source),) = on(tmp_path, kis, "20261123")
    assert monday
    assert "KIS gave no list" in source


@pytest.mark.parametrize(
    "content", [b"", b"torn", b"[]", b'{"asked": "20261123", "days": {"20261123": 1}}', b'{"asked": "20261123", "days": []}']
)
def test_a_kept_list_that_cannot_be_read_is_asked_for_anew(tmp_path, content):
    kis, path = KIS(), tmp_path / "holidays.json"
    kis.holidays = [{"bass_dt": "20261123", "opnd_yn": "N"}]
    path.write_bytes(content)
    assert on(tmp_path, kis, "20261123", path=path) == [(False, "KIS")]


def test_a_day_that_the_list_does_not_hold_is_looked_up_in_the_calendar(tmp_path):
    ((is_open, source),) = on(tmp_path, KIS(), "20261124")
    assert is_open
    assert "does not hold the day" in source
