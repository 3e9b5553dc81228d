"""Minute bars put together from pages."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kis_minutes import MINUTE, SECOND, at, page, row, tape

from exec_algos.brokers.kis.minutes import bars_of, check_step, hours_before, walk, without_echo
from exec_algos.brokers.kis.quote_rows import _minute as read_row
from exec_algos.errors import VenueError

DAY = "20261123"
OPEN, CLOSE = at(DAY, "09:00"), at(DAY, "15:30")


def walked(rows, size=30, *, last=CLOSE, asked=None, answer=None):
    async def paged(hour):
        if asked is not None:
            asked.append(hour)
        found = answer(hour) if answer else page(rows, hour, size)
        return [read_row(each) for each in found]

    return asyncio.run(walk(paged, DAY, OPEN, last))


def volumes(found):
    return [(start, found_row.volume) for start, found_row in found.items()]


def expected(rows):
    return [
        (at(each["stck_bsop_date"], f"{each['stck_cntg_hour'][:2]}:{each['stck_cntg_hour'][2:4]}"), float(each["cntg_vol"]))
        for each in rows
    ]


@pytest.mark.parametrize(("size", "calls"), [(30, 13), (120, 4)])
def test_a_day_is_put_together_from_its_pages(size, calls):
    asked, rows = [], tape(DAY)
    assert volumes(walked(rows, size, asked=asked)) == expected(rows)
    assert asked[0] == "153059"
    assert len(asked) == calls


def test_rows_of_the_day_before_and_of_the_hours_outside_the_session_are_no_bars():
    before, after = tape("20261120"), [row(at(DAY, "16:00") + k * MINUTE, 7, 0) for k in range(200)]
    early = [row(at(DAY, "08:30") + k * MINUTE, 9, 0) for k in range(20)]
    rows = tape(DAY)
    assert volumes(walked([*before, *early, *rows, *after])) == expected(rows)


def test_rows_of_the_day_before_that_leak_into_a_page_do_not_end_the_walk_too_early_or_late():
    rows, before = tape(DAY, first="13:00"), tape("20261120")

    def answer(hour):  # the rows before the first of the day are those of the day before, as with FID_PW_DATA_INCU_YN Y
        own = page(rows, hour, 120)
        return own + page(before, "153000", 120 - len(own))

    assert volumes(walked(rows, answer=answer)) == expected(rows)


def test_seconds_are_floored_and_a_minute_that_is_told_twice_counts_once():
    rows = [
        row(OPEN, 5, 500),
        row(OPEN + MINUTE, 7, 1200, seconds=11),
        row(OPEN + 2 * MINUTE, 1, 1300),
        row(OPEN + 2 * MINUTE, 4, 1600, seconds=11),
    ]
    assert volumes(walked(rows)) == [(OPEN, 5), (OPEN + MINUTE, 7), (OPEN + 2 * MINUTE, 4)]


def test_a_minute_with_seconds_is_found_where_its_page_begins():
    rows = [row(OPEN + k * MINUTE, 10 + k, 1000 * (k + 1), seconds=11) for k in range(60)]
    assert volumes(walked(rows, last=OPEN + 59 * MINUTE)) == [(OPEN + k * MINUTE, 10 + k) for k in range(60)]


def test_pages_that_overlap_at_their_edges_count_each_bar_once():
    rows = tape(DAY)

    def answer(hour):
        return page(rows, hour[:2] + "59" + hour[4:], 90)  # more than was asked for, up to the end of the hour

    assert volumes(walked(rows, answer=answer)) == expected(rows)


def test_a_cursor_without_progress_ends_the_walk():
    asked, rows = [], tape(DAY, first="15:00")

    def answer(hour):
        return page(rows, hour, 30) or rows[:5][::-1]  # nothing older: the first ones again

    assert volumes(walked(rows, asked=asked, answer=answer)) == expected(rows)
    assert len(asked) == 2


def test_minutes_without_trades_are_not_made_up():
    rows = tape(DAY, skip=("1001", "1002", "1330"))
    assert volumes(walked(rows)) == expected(rows)


def test_rows_of_the_future_are_left_out():
    now = at(DAY, "10:00")
    rows = tape(DAY)
    assert volumes(walked(rows, answer=lambda hour: page(rows, "153000", 400), last=now - MINUTE)) == [
        bar for bar in expected(rows) if bar[0] < now
    ]


def test_pages_without_end_are_an_error():
    def answer(hour):
        return [row(at(DAY, f"{hour[:2]}:{hour[2:4]}"), 1, 1)]

    with pytest.raises(VenueError, match="do not end"):
        walked([], answer=answer)


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(10, 40), st.integers(0, 60))
def test_whatever_is_missing_and_however_long_pages_are_each_row_is_there_once(seed, size, gaps):
    chance = random.Random(seed)
    whole = tape(DAY)
    rows = [each for each in whole if chance.random() > gaps / 100]
    assert volumes(walked(rows, size, last=CLOSE)) == expected(rows)


def test_the_latest_bar_is_left_out_while_it_repeats_the_one_before():
    rows = {k: read_row(row(OPEN + k * MINUTE, 100, turnover)) for k, turnover in enumerate((500, 1100, 1100))}
    assert list(without_echo(rows)) == [0, 1]
    moved = {k: read_row(row(OPEN + k * MINUTE, 100, turnover)) for k, turnover in enumerate((500, 1100, 1600))}
    assert list(without_echo(moved)) == [0, 1, 2]
    assert without_echo({}) == {}


def test_rows_become_bars_of_a_minute_in_seoul():
    bars = bars_of("005930", walked(tape(DAY, last="09:02", cross=0)))
    assert (bars.symbols, bars.step, bars.zone) == (("005930",), MINUTE, "Asia/Seoul")
    assert bars.start.tolist() == [OPEN, OPEN + MINUTE, OPEN + 2 * MINUTE]
    assert bars.volume.tolist() == [100, 101, 102]
    assert bars.close.tolist() == [62_400] * 3
    assert bars_of("005930", {}) is None


def test_bars_of_another_length_are_refused():
    with pytest.raises(VenueError, match="bars of 300 s are asked for"):
        check_step("005930", 300 * SECOND)
    check_step("005930", MINUTE)


def test_sessions_come_from_the_calendar_the_latest_first():
    found = hours_before("XKRX", at("20261123", "09:00"), 2)
    assert [hours.day for hours in found] == ["20261123", "20261120"]
    assert (found[0].open, found[0].close) == (OPEN, CLOSE)
    assert hours_before("XKRX", at("20261123", "09:00") - 1, 1)[0].day == "20261120"


def test_a_day_that_the_calendar_has_wrong_is_corrected_by_its_name():
    hours = hours_before("XKRX@2026-11-19=10:00-16:30", at("20261120", "08:00"), 1)[0]
    assert (hours.day, hours.open, hours.close) == ("20261119", at("20261119", "10:00"), at("20261119", "16:30"))
