"""Minute and daily bars of the simulated KIS. The recorded stock trades 6,000 shares a minute from 09:00 to 15:20 and in the auction."""

from dataclasses import replace

import pandas as pd
import pytest
from quoting import DAILY, PAST, TODAY, Quoting, hours, volume, walked
from wired import a_world, at, bars

from exec_algos import Bars
from exec_algos.sim.orders import Ticket

PRICES = ("open", "high", "low", "close")
DAY = 382 * 6_000  # 381 minutes, and the closing auction


def quoting(start="10:03:12", **more):
    return Quoting(a_world(start, **more))


def bought(kis, shares, paper):
    """Shares that a customer buys at the market, at once."""
    account = kis.world.identities[paper][0].account
    order = kis.world.exchange.submit(Ticket(account=account, symbol="005930", side=1, quantity=shares))
    assert order.filled == shares
    return order


# today


def test_a_page_has_thirty_rows_newest_first():
    rows = quoting().today("100200")
    assert hours(rows) == [f"10{minute:02d}00" for minute in (2, 1, 0)] + [f"09{minute:02d}00" for minute in range(59, 32, -1)]
    assert rows[0] == {
        "stck_bsop_date": "20261123", "stck_cntg_hour": "100200", "stck_prpr": "62100", "stck_oprc": "62000", "stck_hgpr": "62100",
        "stck_lwpr": "62000", "cntg_vol": "6000", "acml_tr_pbmn": str(63 * 6_000 * 62_050),
    }  # fmt: skip


def test_the_newest_row_is_a_minute_that_is_not_over():
    """A client that keeps it has a fifth of a minute's volume for all of it."""
    rows = quoting("10:03:12").today("100312")
    assert (rows[0]["stck_cntg_hour"], rows[0]["cntg_vol"], rows[1]["cntg_vol"]) == ("100300", "1200", "6000")


def test_until_the_first_trade_of_a_minute_its_row_shows_the_volume_of_the_one_before():
    assert [row["cntg_vol"] for row in quoting("10:03:01").today("100301")[:2]] == ["6000", "6000"]


def test_a_minute_is_the_same_whenever_it_is_asked_for_after_its_end():
    kis = quoting("10:03:12")
    kis.today("100312")
    kis.go(at("10:04:30"))
    assert kis.today("100300")[0]["cntg_vol"] == "6000"
    assert kis.today("100300") == quoting("10:04:30").today("100300")


def test_an_hour_that_lies_ahead_is_answered_with_rows_at_the_present_price():
    """A client that asks for 15:30 in the morning, as many do, gets bars that never were."""
    kis = quoting()
    rows = kis.today("153000")
    assert hours(rows)[0] == "153000"
    assert {row["cntg_vol"] for row in rows} == {"0"}
    assert len({row["stck_prpr"] for row in rows}) == 1
    near = kis.today("100500")
    assert hours(near)[:4] == ["100500", "100400", "100300", "100200"]
    assert [row["cntg_vol"] for row in near[:3]] == ["0", "0", "1200"]


def test_rows_of_hours_ahead_can_be_left_out():
    assert hours(quoting(future_rows="none").today("153000"))[0] == "100300"


def test_minutes_without_a_trade_are_missing():
    """A client that counts rows instead of reading their times has every row before the gap at a wrong minute."""
    rows = quoting(market=bars(gaps=(60, 62))).today("100200")
    assert hours(rows)[:3] == ["100100", "095900", "095800"]


def test_a_walk_over_pages_finds_each_minute_once():
    kis = quoting("15:45:00")
    rows = walked(kis.today, "153000")
    assert volume(rows) == DAY
    assert len(hours(rows)) == len(set(hours(rows))) == 382


def test_pages_overlap_where_the_cursor_is_the_oldest_row():
    kis = quoting("15:45:00")
    first = kis.today("120000")
    second = kis.today(first[-1]["stck_cntg_hour"])
    assert second[0] == first[-1]


def test_rows_of_the_day_before_leak_in_where_they_are_asked_for():
    kis = quoting("09:05:30")
    assert len(kis.today("090400", previous="N")) == 5
    rows = kis.today("090400", previous="Y")
    assert len(rows) == 30
    assert [row["stck_bsop_date"] for row in rows] == ["20261123"] * 5 + ["20261120"] * 25
    assert hours(rows)[5] == "153000"


def test_the_closing_auction_prints_at_half_past_three_and_there_are_no_bars_before_it():
    kis = quoting("15:29:59")
    assert hours(kis.today("152959"))[0] == "152000"
    kis.go(at("15:30:01"))
    rows = kis.today("153000")
    assert hours(rows)[:2] == ["153000", "152000"]
    assert rows[0]["cntg_vol"] == "6000"


def test_trades_of_a_live_account_are_on_the_tape_and_those_of_paper_are_not():
    """Real trades print; paper ones are made against the market beside it."""
    kis = quoting()
    bought(kis, 100, paper=False)
    bought(kis, 150, paper=True)
    kis.go(at("10:04:30"))
    for paper in (False, True):
        assert kis.today("100300", paper=paper)[0]["cntg_vol"] == "6100"
        assert kis.price(paper=paper)["acml_vol"] == str(64 * 6_000 + 3_000 + 100)


def test_a_trade_of_ours_lies_within_its_candle():
    """A buy pays the ask, a tick above what the market traded last: it is the high of its minute where nothing traded higher."""
    kis = quoting("10:03:01", market=five_minutes(62_000.0, 62_900.0, 61_500.0, 62_300.0, 70_000.0))
    price = bought(kis, 100, paper=False).executions[-1].price
    kis.go(at("10:04:30"))
    row, plain = kis.today("100300")[0], quoting("10:04:30", market=kis.world.exchange.market.bars).today("100300")[0]
    assert int(row["cntg_vol"]) == int(plain["cntg_vol"]) + 100
    assert int(row["stck_hgpr"]) == max(int(plain["stck_hgpr"]), price)


def test_a_buy_at_the_ask_above_all_that_the_market_traded_is_the_high():
    kis = quoting("10:03:59", market=five_minutes(62_000.0, 62_900.0, 61_500.0, 62_300.0, 70_000.0))
    price = bought(kis, 100, paper=False).executions[-1].price + 1_000
    kis.world.exchange.executions[-1] = replace(kis.world.exchange.executions[-1], price=price)
    kis.go(at("10:04:30"))
    assert kis.today("100300")[0]["stck_hgpr"] == f"{price:.0f}"


def test_the_opening_auction_of_a_source_that_prints_it_early_belongs_to_the_first_minute():
    rows = [("2026-11-23 08:59", 62_000.0, 900.0), ("2026-11-23 09:00", 62_100.0, 300.0), ("2026-11-23 09:01", 62_100.0, 200.0)]
    kis = quoting("09:03:00", market=few_bars(rows), hours="XKRX-1min")
    first = kis.today("090000")[0]
    assert (first["stck_cntg_hour"], first["stck_oprc"], first["cntg_vol"]) == ("090000", "62000", "1200")
    assert volume(kis.today("090200")) == 1_400


@pytest.mark.parametrize("hours", ["XKRX", "XKRX+1min"])
def test_the_closing_auction_of_a_source_that_prints_it_at_the_close_is_the_last_row(hours):
    rows = [("2026-11-23 15:19", 62_000.0, 300.0), ("2026-11-23 15:30", 62_400.0, 900.0)]
    kis = quoting("15:45:00", market=few_bars(rows), hours=hours)
    found = kis.today("153000")
    assert [(row["stck_cntg_hour"], row["stck_prpr"], row["cntg_vol"]) for row in found] == [
        ("153000", "62400", "900"), ("151900", "62000", "300"),
    ]  # fmt: skip


def few_bars(rows):
    """Bars of a minute that each trade at one price: (time, price, shares)."""
    stamps = pd.DatetimeIndex([pd.Timestamp(time, tz="Asia/Seoul") for time, _, _ in rows])
    frame = pd.DataFrame([(price,) * 4 + (shares,) for _, price, shares in rows], columns=[*PRICES, "volume"], index=stamps)
    return Bars.from_frame(frame, symbol="005930", label="start", step="1min")


def five_minutes(*row):
    """A day of bars of five minutes, all with these prices and this volume."""
    stamps = pd.date_range("2026-11-23 09:00", "2026-11-23 15:25", freq="5min", tz="Asia/Seoul")
    frame = pd.DataFrame([row] * len(stamps), columns=[*PRICES, "volume"], index=stamps)
    return Bars.from_frame(frame, symbol="005930", label="start", step="5min")


def test_an_unknown_symbol_has_zeros_and_no_rows():
    for operation in (TODAY, PAST, DAILY):
        fields = {
            "FID_ETC_CLS_CODE": "", "FID_INPUT_HOUR_1": "100000", "FID_PW_DATA_INCU_YN": "N", "FID_INPUT_DATE_1": "20261120",
            "FID_INPUT_DATE_2": "20261123", "FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "1",
        }  # fmt: skip
        body = quoting().ask(operation, symbol="999999", **fields).body
        assert (body["rt_cd"], body["output1"]["stck_prpr"], body["output2"]) == ("0", "0", [])


def test_krx_and_nxt_together_trade_more_than_krx():
    kis = quoting()
    assert kis.today("100200", market="UN")[0]["cntg_vol"] == "7800"
    assert kis.today("100200", market="NX") == []


@pytest.mark.parametrize("hour", ["9", "246000", "10:00:00", "", "250000", "106000"])
def test_an_hour_that_is_none_is_refused(hour):
    body = quoting().ask(TODAY, FID_INPUT_HOUR_1=hour, FID_PW_DATA_INCU_YN="N").body
    assert (body["rt_cd"], body["msg_cd"]) == ("1", "OPSQ2002")


# past days


def test_a_page_of_a_past_day_has_120_rows_and_overlaps_the_one_before():
    """A client that adds up pages has an overlapping minute twice for each page."""
    kis = quoting()
    rows = walked(lambda hour: kis.past("20261120", hour, previous="N"), "153000")
    assert len(kis.past("20261120", "153000")) == 120
    minutes = [hour[:4] for hour in hours(rows)]
    assert len(set(minutes)) == 382
    assert volume(rows) == DAY + 6_000 * (len(minutes) - 382) > DAY
    once = {row["stck_cntg_hour"][:4]: row for row in rows}
    assert volume(once.values()) == DAY


def test_without_overlap_each_minute_comes_once():
    kis = quoting(overlap_rows=0)
    assert volume(walked(lambda hour: kis.past("20261120", hour, previous="N"), "153000")) == DAY


def test_some_bars_carry_seconds():
    """A client that takes times as they are has bars that lie on no minute."""
    kis = quoting(odd_seconds=0.1)
    rows = walked(lambda hour: kis.past("20261120", hour, previous="N"), "153000")
    odd = [hour for hour in hours(rows) if not hour.endswith("00")]
    assert 10 < len(odd) < 80
    assert {hour[4:] for hour in odd} == {"11"}
    assert all(hour.endswith("00") for hour in hours(quoting(odd_seconds=0.0).past("20261120", "153000")))


def test_rows_of_earlier_days_leak_into_a_page():
    """A client that does not look at the date puts yesterday's afternoon before this morning."""
    rows = quoting(overlap_rows=0).past("20261120", "093000", previous="Y")
    assert [row["stck_bsop_date"] for row in rows] == ["20261120"] * 31 + ["20261119"] * 89
    assert len(quoting(overlap_rows=0).past("20261120", "093000", previous="N")) == 31


@pytest.mark.parametrize("day", ["20261121", "20200102", "20271123", "20261022"])
def test_a_day_without_bars_is_an_empty_list_and_no_error(day):
    """A client that takes an empty page for the end of the day has a profile of nothing."""
    body = quoting().ask(PAST, FID_INPUT_DATE_1=day, FID_INPUT_HOUR_1="153000", FID_PW_DATA_INCU_YN="N").body
    assert (body["rt_cd"], body["output2"]) == ("0", [])


def test_minutes_are_kept_for_a_year():
    kis = Quoting(a_world("10:03:12", market=bars(days=("2025-11-21", "2025-11-24", "2026-11-23"))))
    assert kis.past("20251121", "153000") == []
    assert len(kis.past("20251124", "153000")) == 120


def test_a_day_that_does_not_exist_is_refused():
    body = quoting().ask(PAST, FID_INPUT_DATE_1="20261131", FID_INPUT_HOUR_1="153000", FID_PW_DATA_INCU_YN="N").body
    assert body["msg_cd"] == "OPSQ2002"


def test_the_paper_host_may_not_have_past_minutes():
    assert len(quoting().past("20261120", "153000", paper=True)) == 120
    refused = quoting(paper_past_minutes=False)
    fields = {"FID_INPUT_DATE_1": "20261120", "FID_INPUT_HOUR_1": "153000", "FID_PW_DATA_INCU_YN": "N"}
    assert refused.ask(PAST, **fields, paper=True).body["msg_cd"] == "EGW02004"
    assert refused.ask(PAST, **fields).body["rt_cd"] == "0"


def test_bars_of_five_minutes_are_cut_into_minutes_that_add_up():
    market = five_minutes(62_000.0, 62_900.0, 61_500.0, 62_300.0, 7_003.0)
    kis = quoting("15:45:00", market=market)
    rows = walked(kis.today, "153000")
    assert volume(rows) == 78 * 7_003
    assert hours(rows)[:2] == ["153000", "152000"]
    for five in range(75):
        first = 9 * 60 + 5 * five
        own = [row for row in rows if first <= int(row["stck_cntg_hour"][:2]) * 60 + int(row["stck_cntg_hour"][2:4]) < first + 5]
        assert (own[-1]["stck_oprc"], own[0]["stck_prpr"]) == ("62000", "62300")
        assert max(int(row["stck_hgpr"]) for row in own) == 62_900
        assert min(int(row["stck_lwpr"]) for row in own) == 61_500
        assert volume(own) == 7_003


# days


def test_daily_bars_are_those_of_the_minutes():
    kis = quoting("10:03:12")
    fields = {"FID_INPUT_DATE_1": "20261101", "FID_INPUT_DATE_2": "20261130", "FID_ORG_ADJ_PRC": "1"}
    rows = kis.ask(DAILY, **fields, FID_PERIOD_DIV_CODE="D").body["output2"]
    assert [(row["stck_bsop_date"], int(row["acml_vol"])) for row in rows] == [
        ("20261123", 63 * 6_000 + 1_200), ("20261120", DAY), ("20261119", DAY),
    ]  # fmt: skip
    assert [rows[1][name] for name in ("stck_oprc", "stck_hgpr", "stck_lwpr", "stck_clpr")] == ["62000", "62100", "62000", "62000"]
    weeks = kis.ask(DAILY, **fields, FID_PERIOD_DIV_CODE="W").body["output2"]
    assert [(row["stck_bsop_date"], int(row["acml_vol"])) for row in weeks] == [("20261123", 63 * 6_000 + 1_200), ("20261120", 2 * DAY)]


def test_daily_bars_lie_within_their_dates_and_a_page_has_a_hundred():
    days = [f"{day:%Y-%m-%d}" for day in pd.bdate_range("2026-05-01", "2026-11-23")]
    clock = [f"{9 + hour // 2:02d}:{hour % 2 * 30:02d}" for hour in range(13)]
    stamps = pd.DatetimeIndex([pd.Timestamp(f"{day} {time}", tz="Asia/Seoul") for day in days for time in clock])
    frame = pd.DataFrame(dict.fromkeys(PRICES, 62_000.0) | {"volume": 100.0}, index=stamps)
    kis = quoting(market=Bars.from_frame(frame, symbol="005930", label="start", step="30min"))
    fields = {"FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "1"}
    rows = kis.ask(DAILY, FID_INPUT_DATE_1="20260101", FID_INPUT_DATE_2="20261231", **fields).body["output2"]
    assert len(rows) == 100
    within = kis.ask(DAILY, FID_INPUT_DATE_1="20261109", FID_INPUT_DATE_2="20261112", **fields).body["output2"]
    assert [row["stck_bsop_date"] for row in within] == ["20261112", "20261111", "20261110", "20261109"]
