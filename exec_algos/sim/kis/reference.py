"""Holidays, and what a stock is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.calendars import sessions
from exec_algos.sim.kis import floor
from exec_algos.sim.kis.calls import Answer, Call, done, padded, refused
from exec_algos.sim.kis.depth import named
from exec_algos.sim.kis.notices import name_of

if TYPE_CHECKING:
    from exec_algos.sim.kis.world import World

HOLIDAY_ROWS = 25
PAGES = 20  # that a walk from one date has at most
CURSOR = 20  # characters of a cursor, filled up with spaces
CLOSED_ON_WORKDAYS = ((5, 1), (12, 31))
"""Month and day on which others work and the exchange does not open: of the four flags only ``opnd_yn`` says so."""


class Reference:
    """``chk-holiday`` and ``search-stock-info``."""

    def __init__(self, world: World) -> None:
        self.world = world

    def holidays(self, call: Call) -> Answer:
        """Days from a date on, 25 a page; the next page needs header ``tr_cont: N`` and both cursors as they came."""
        try:
            first = np.datetime64(f"{call.fields['BASS_DT'][:4]}-{call.fields['BASS_DT'][4:6]}-{call.fields['BASS_DT'][6:]}", "D")
        except ValueError:
            return refused("OPSQ2002", "ERROR : INPUT FIELD SIZE [BASS_DT]")
        forward, next_key = call.fields.get("CTX_AREA_FK", ""), call.fields.get("CTX_AREA_NK", "")
        begin = first
        if call.tr_cont == "N":
            if forward != _forward(first) or not next_key.strip().isdigit():
                return refused("KIOK0570", "연속조회 조건이 일치하지 않습니다.")
            begin = first + int(next_key)
        days = begin + np.arange(HOLIDAY_ROWS)
        more = int((begin - first).astype(int)) + HOLIDAY_ROWS < PAGES * HOLIDAY_ROWS
        following = str(int((begin - first).astype(int)) + HOLIDAY_ROWS).ljust(CURSOR)
        rows = self._days(days)
        cursors = {"ctx_area_fk": _forward(first), "ctx_area_nk": following}
        if not more:
            return done("KIOK0460", "조회 되었습니다. (마지막 자료)", tr_cont="D", **cursors, output=rows)
        return done(
            "KIOK0500", "조회가 계속됩니다..다음버튼을 Click 하십시오.", tr_cont="F" if begin == first else "M", **cursors, output=rows
        )

    def _days(self, days: np.ndarray) -> list[dict[str, str]]:
        market = self.world.exchange.market
        dates = market.sessions.date
        if self.world.calendar:
            try:
                found = sessions(
                    self.world.calendar, *(int(day.astype("datetime64[ns]").astype(np.int64)) for day in (days[0], days[-1] + 1))
                )
                dates = np.concatenate([dates, found.date])
            except UsageError:
                pass  # the calendar ends: what was recorded is all that is known
        opened = set(dates.astype("datetime64[D]").tolist())
        rows: list[dict[str, str]] = []
        for day in days.tolist():
            opens, weekday = day in opened, day.weekday()
            works = opens or (weekday < 5 and (day.month, day.day) in CLOSED_ON_WORKDAYS)
            rows.append({
                "bass_dt": f"{day:%Y%m%d}", "wday_dvsn_cd": f"{(weekday + 1) % 7 + 1:02d}", "bzdy_yn": "Y" if works else "N",
                "tr_day_yn": "Y" if works else "N", "opnd_yn": "Y" if opens else "N", "sttl_day_yn": "Y" if works else "N",
            })  # fmt: skip
        return rows

    def stock(self, call: Call) -> Answer:
        """``search-stock-info``; of an unknown symbol empty fields."""
        symbol, exchange, settings = call.fields["PDNO"], self.world.exchange, self.world.settings
        if call.paper and not settings.paper_stock_info:
            return refused("EGW02004", "모의투자에서 제공하지 않는 TR 입니다.", status=500)
        if symbol not in exchange.market.ticks:
            return refused("KIOK0560", "조회할 내용이 없습니다")
        fund, halted = floor.is_fund(exchange, symbol), symbol in named(settings.halted)
        return done("KIOK0530", "조회되었습니다", output={
            "pdno": symbol.rjust(12, "0"), "prdt_type_cd": "300", "mket_id_cd": "STK", "scty_grp_id_cd": "EF" if fund else "ST",
            "excg_dvsn_cd": "02", "prdt_name": padded(name_of(symbol), 60), "cptt_trad_tr_psbl_yn": "N" if fund else "Y",
            "nxt_tr_stop_yn": "N", "tr_stop_yn": "Y" if halted else "N", "admn_item_yn": "N",
            "thdt_clpr": "0", "bfdy_clpr": str(floor.base_price(exchange, symbol)),
        })  # fmt: skip


def _forward(first: np.datetime64) -> str:
    return str(first).replace("-", "").ljust(CURSOR)
