"""Minute and daily bars as the simulated KIS pages them: newest first, with the oddities that were seen on the real one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING

from exec_algos.sim.kis import floor
from exec_algos.sim.kis.asking import asked, number, percent, sign
from exec_algos.sim.kis.calls import Answer, Call, done, refused
from exec_algos.sim.kis.candles import Candle, Tape, totals
from exec_algos.sim.kis.notices import name_of
from exec_algos.sim.kis.world import KST, kst
from exec_algos.sim.path import chance
from exec_algos.sim.recorded import MINUTE

if TYPE_CHECKING:
    from exec_algos.sim.kis.world import World

TODAY_ROWS, PAST_ROWS, DAILY_ROWS = 30, 120, 100
SECOND, DAY = 1_000_000_000, 86_400_000_000_000
KEPT = 365 * DAY  # how long minute bars are kept
OPENING_QUIET = 2 * SECOND  # of a minute, before its first trade is on the tape
EARLIEST = 8  # sessions that a page may reach back into


class Charts:
    """The three operations that give bars."""

    def __init__(self, world: World, tape: Tape) -> None:
        self.world, self.tape, self.market = world, tape, world.exchange.market

    # minutes

    def today(self, call: Call) -> Answer:
        """``inquire-time-itemchartprice``: 30 rows at or before an hour of today, the forming minute first."""
        (symbol, known, wrong, scale), hour = asked(self.world, call), _clock(call.fields["FID_INPUT_HOUR_1"])
        if wrong is not None or hour is None:
            return wrong or _bad("FID_INPUT_HOUR_1")
        if not known:
            return done(output1=NO_HEAD, output2=[])
        k = self.market.today(self.world.now)
        last = _midnight(self.market.opens[max(k, 0)]) + hour
        rows = [*self._filled(symbol, k, last), *self._newest(symbol, k, last, forming=True)]
        if call.fields["FID_PW_DATA_INCU_YN"] == "Y":
            rows = _until(TODAY_ROWS, rows, (self._newest(symbol, session, last) for session in range(k - 1, k - EARLIEST, -1)))
        return done(output1=self._head(symbol, scale), output2=[self._row(candle, total, scale) for candle, total in rows[:TODAY_ROWS]])

    def past(self, call: Call) -> Answer:
        """``inquire-time-dailychartprice``: 120 rows at or before an hour of a day within the last year."""
        symbol, known, wrong, scale = asked(self.world, call)
        hour, day, now = _clock(call.fields["FID_INPUT_HOUR_1"]), _day(call.fields["FID_INPUT_DATE_1"]), self.world.now
        if wrong is not None or hour is None or day is None:
            return wrong or _bad("FID_INPUT_DATE_1" if hour is not None else "FID_INPUT_HOUR_1")
        if call.paper and not self.world.settings.paper_past_minutes:
            return refused("EGW02004", "모의투자에서 제공하지 않는 TR 입니다.", status=500)
        if not known or day < _midnight(now) - KEPT:
            return done(output1=self._head(symbol, scale) if known else NO_HEAD, output2=[])
        last = day + hour + self.world.settings.overlap_rows * MINUTE
        k = self.market.session(day)
        held = k < len(self.market.opens) and self.market.opens[k] < day + DAY
        rows = self._newest(symbol, k, last) if held else []
        if call.fields["FID_PW_DATA_INCU_YN"] == "Y":
            rows = _until(PAST_ROWS, rows, (self._newest(symbol, session, last) for session in range(k - 1, k - EARLIEST, -1)))
        page = [self._row(candle, total, scale, odd=symbol) for candle, total in rows[:PAST_ROWS]]
        return done(output1=self._head(symbol, scale), output2=page)

    def _newest(self, symbol: str, session: int, last: int, *, forming: bool = False) -> list[tuple[Candle, int]]:
        """Candles of a session up to an instant, newest first, each with the day's turnover by it."""
        found: list[tuple[Candle, int]] = []
        total = 0
        for candle in self.tape.candles(symbol, session):
            if candle.start > last:
                break
            total += candle.value
            found.append((candle, total))
        if forming and found and self._not_traded_yet(found[-1][0]):
            newest, before = found[-1][0], found[-2][0].volume if len(found) > 1 else 0
            found[-1] = newest._replace(volume=before), total
        return found[::-1]

    def _not_traded_yet(self, candle: Candle) -> bool:
        """Whether a minute has only begun: its row shows the volume of the minute before until its first trade."""
        return self.world.now < candle.start + OPENING_QUIET

    def _filled(self, symbol: str, session: int, last: int) -> list[tuple[Candle, int]]:
        """Minutes that have not come yet, newest first: of an hour that lies ahead the server makes rows at the present price."""
        if session < 0 or self.world.settings.future_rows != "filled":
            return []
        now, closed = self.world.now, self.tape.hours(session)[1]
        day = self.tape.candles(symbol, session)
        first, end = now // MINUTE * MINUTE + MINUTE, min(last, closed)
        price = self.market.quote(symbol, now).last
        if first > end or math.isnan(price):
            return []
        total = sum(candle.value for candle in day)
        return [
            (Candle(minute, price, price, price, price, 0, 0), total) for minute in range(end // MINUTE * MINUTE, first - MINUTE, -MINUTE)
        ]

    def _row(self, candle: Candle, total: int, scale: float, odd: str = "") -> dict[str, str]:
        """A row. `odd`: the symbol of rows of which some carry seconds."""
        seconds = 0
        if odd:
            bits = chance(self.world.seed, f"{odd} seconds", candle.start)
            seconds = 11 if bits % 1000 < self.world.settings.odd_seconds * 1000 else 0
        day, hour = kst(candle.start + seconds * SECOND)
        return {
            "stck_bsop_date": day, "stck_cntg_hour": hour, "stck_prpr": f"{candle.close:.0f}", "stck_oprc": f"{candle.open:.0f}",
            "stck_hgpr": f"{candle.high:.0f}", "stck_lwpr": f"{candle.low:.0f}", "cntg_vol": str(round(scale * candle.volume)),
            "acml_tr_pbmn": str(round(scale * total)),
        }  # fmt: skip

    def _head(self, symbol: str, scale: float) -> dict[str, str]:
        day, base = self.tape.day(symbol), floor.base_price(self.world.exchange, symbol)
        last = self.market.quote(symbol, self.world.now).last
        last = base if math.isnan(last) else last
        moved = last - base
        return {
            "prdy_vrss": number(moved), "prdy_vrss_sign": sign(moved), "prdy_ctrt": percent(moved, base), "stck_prdy_clpr": str(base),
            **totals(day, scale), "hts_kor_isnm": name_of(symbol), "stck_prpr": f"{last:.0f}",
        }  # fmt: skip

    # days

    def daily(self, call: Call) -> Answer:
        """``inquire-daily-itemchartprice``: 100 rows of days, weeks, months or years, newest first."""
        (symbol, known, wrong, scale), period = asked(self.world, call), PERIODS.get(call.fields["FID_PERIOD_DIV_CODE"])
        first, last = _day(call.fields["FID_INPUT_DATE_1"]), _day(call.fields["FID_INPUT_DATE_2"])
        if wrong is not None or period is None or first is None or last is None:
            return wrong or _bad("FID_PERIOD_DIV_CODE" if period is None else "FID_INPUT_DATE_1")
        if not known:
            return done(output1=NO_HEAD, output2=[])
        groups: dict[object, list[Candle]] = {}
        k = min(self.market.session(last + DAY - 1), self.market.today(self.world.now))
        while k >= 0 and self.market.opens[k] >= first:
            candles = self.tape.candles(symbol, k)
            key = period(date.fromisoformat(kst(self.market.opens[k])[0]))
            if candles and self.market.opens[k] < last + DAY:
                if key not in groups and len(groups) == DAILY_ROWS:
                    break
                groups[key] = [*candles, *groups.get(key, ())]
            k -= 1
        return done(output1=self._head(symbol, scale), output2=[_daily_row(candles, scale) for candles in groups.values()])


NUMBERS = ("prdy_vrss", "prdy_ctrt", "stck_prdy_clpr", "acml_vol", "acml_tr_pbmn", "stck_prpr")
NO_HEAD = dict.fromkeys(NUMBERS, "0") | {"prdy_vrss_sign": "3", "hts_kor_isnm": ""}


def _daily_row(candles: list[Candle], scale: float) -> dict[str, str]:
    return {
        "stck_bsop_date": kst(candles[-1].start)[0], "stck_clpr": f"{candles[-1].close:.0f}", "stck_oprc": f"{candles[0].open:.0f}",
        "stck_hgpr": f"{max(candle.high for candle in candles):.0f}", "stck_lwpr": f"{min(candle.low for candle in candles):.0f}",
        **totals(candles, scale),
        "flng_cls_code": "00", "prtt_rate": "0.00", "mod_yn": "N",
    }  # fmt: skip


PERIODS: dict[str, Callable[[date], object]] = {
    "D": lambda day: day,
    "W": lambda day: day.isocalendar()[:2],
    "M": lambda day: (day.year, day.month),
    "Y": lambda day: day.year,
}


def _until(count: int, rows: list[tuple[Candle, int]], more: Iterable[list[tuple[Candle, int]]]) -> list[tuple[Candle, int]]:
    """Rows with those of earlier days behind them, until there are enough."""
    found = list(rows)
    for earlier in more:
        if len(found) >= count:
            break
        found += earlier
    return found


def _clock(text: str) -> int | None:
    """``HHMMSS`` in ns from midnight, floored to the minute; None where it is no time."""
    if len(text) != 6 or not text.isascii() or not text.isdigit() or text > "235959" or text[2:] > "5959" or text[4:] > "59":
        return None
    return (int(text[:2]) * 60 + int(text[2:4])) * MINUTE


def _day(text: str) -> int | None:
    """``YYYYMMDD``: its midnight in Korea, ns UTC; None where it is no date."""
    try:
        found = date.fromisoformat(text) if len(text) == 8 and text.isdigit() else None
    except ValueError:
        found = None
    return None if found is None else (found - date(1970, 1, 1)).days * DAY - KST


def _midnight(instant: int) -> int:
    """The midnight in Korea before an instant, ns UTC."""
    return (instant + KST) // DAY * DAY - KST


def _bad(field: str) -> Answer:
    return refused("OPSQ2002", f"ERROR : INPUT FIELD SIZE [{field}]")
