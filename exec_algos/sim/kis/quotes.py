"""Market data of the simulated KIS: order book, price, minute and daily bars, holidays, and what a stock is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from exec_algos.sim.kis import floor
from exec_algos.sim.kis.asking import asked, number, percent, sign
from exec_algos.sim.kis.calls import Answer, Call, Endpoint, done
from exec_algos.sim.kis.candles import Candle, Tape, totals
from exec_algos.sim.kis.charts import Charts
from exec_algos.sim.kis.depth import LEVELS, Depth, Level, depth, named
from exec_algos.sim.kis.krx import Phase
from exec_algos.sim.kis.reference import Reference
from exec_algos.sim.kis.world import kst

if TYPE_CHECKING:
    from exec_algos.sim.kis.world import World

ROOT = "/uapi/domestic-stock/v1/quotations/"
STOCK = ("FID_COND_MRKT_DIV_CODE", "FID_INPUT_ISCD")
STATES = {Phase.OPENING: "10", Phase.CONTINUOUS: "20", Phase.CLOSING: "21"}
OVER = "30"


def quote_endpoints(world: World) -> list[Endpoint]:
    """Every operation of quotes; `Call.paper` hosts answer the same market."""
    tape = Tape(world)
    quotes, charts, reference = Quotes(world, tape), Charts(world, tape), Reference(world)
    both = [
        ("inquire-asking-price-exp-ccn", "FHKST01010200", STOCK, quotes.book),
        ("inquire-price", "FHKST01010100", STOCK, quotes.price),
        ("inquire-time-itemchartprice", "FHKST03010200", (*STOCK, "FID_INPUT_HOUR_1", "FID_PW_DATA_INCU_YN"), charts.today),
        (
            "inquire-time-dailychartprice", "FHKST03010230",
            (*STOCK, "FID_INPUT_HOUR_1", "FID_INPUT_DATE_1", "FID_PW_DATA_INCU_YN"), charts.past,
        ),
        (
            "inquire-daily-itemchartprice", "FHKST03010100",
            (*STOCK, "FID_INPUT_DATE_1", "FID_INPUT_DATE_2", "FID_PERIOD_DIV_CODE", "FID_ORG_ADJ_PRC"), charts.daily,
        ),
        ("search-stock-info", "CTPF1002R", ("PRDT_TYPE_CD", "PDNO"), reference.stock),
    ]  # fmt: skip
    found = [
        Endpoint(method="GET", path=ROOT + name, live=(tr_id,), paper=(tr_id,), required=required, run=run)
        for name, tr_id, required, run in both
    ]
    return [
        *found,
        Endpoint(method="GET", path=f"{ROOT}chk-holiday", live=("CTCA0903R",), paper=(), required=("BASS_DT",), run=reference.holidays),
    ]


class Quotes:
    """Order book and price."""

    def __init__(self, world: World, tape: Tape) -> None:
        self.world, self.tape = world, tape

    def book(self, call: Call) -> Answer:
        """``inquire-asking-price-exp-ccn``."""
        symbol, known, wrong, _ = asked(self.world, call)
        if wrong is not None:
            return wrong
        if not known:
            return done(output1=book_rows(None), output2=self._summary(symbol, None))
        found = depth(self.world, symbol)
        return done(output1=book_rows(found), output2=self._summary(symbol, found))

    def _summary(self, symbol: str, book: Depth | None) -> dict[str, str]:
        day = self.tape.day(symbol)
        last = number(self.last(symbol)) if book is not None else "0"
        expected = Level(0.0, 0) if book is None else book.expected
        return {
            "antc_mkop_cls_code": "112" if book is None or not expected.price else "311", "stck_prpr": last, **prices_of(day),
            "stck_sdpr": str(floor.base_price(self.world.exchange, symbol)) if book is not None else "0",
            "antc_cnpr": number(expected.price), "antc_vol": str(expected.shares), "stck_shrn_iscd": symbol,
            "vi_cls_code": "Y" if book is not None and book.interrupted else "N",
        }  # fmt: skip

    def last(self, symbol: str) -> float:
        """What traded last: the candle's close where there is one today, else the base price."""
        last = self.world.exchange.market.quote(symbol, self.world.now).last
        return floor.base_price(self.world.exchange, symbol) if math.isnan(last) else last

    def price(self, call: Call) -> Answer:
        """``inquire-price``."""
        symbol, known, wrong, scale = asked(self.world, call)
        if wrong is not None:
            return wrong
        if not known:
            return done(output=dict.fromkeys(PRICE_NUMBERS, "0") | dict.fromkeys(PRICE_TEXTS, "") | {"stck_shrn_iscd": symbol})
        exchange, settings, day = self.world.exchange, self.world.settings, self.tape.day(symbol)
        last, base, (low, high) = self.last(symbol), floor.base_price(exchange, symbol), floor.price_limits(exchange, symbol)
        halted, interrupted = symbol in named(settings.halted), symbol in named(settings.interrupted)
        moved = last - base
        return done(output={
            "iscd_stat_cls_code": "58" if halted else "55", "rprs_mrkt_kor_name": "ETF" if floor.is_fund(exchange, symbol) else "KOSPI200",
            "temp_stop_yn": "Y" if halted else "N", "vi_cls_code": "Y" if interrupted else "N", "ovtm_vi_cls_code": "N",
            "mrkt_warn_cls_code": "00", "short_over_yn": "N", "sltr_yn": "N", "mang_issu_cls_code": "N", "hts_deal_qty_unit_val": "1",
            "stck_prpr": number(last), **prices_of(day), "stck_sdpr": str(base), "stck_mxpr": str(high), "stck_llam": str(low),
            "aspr_unit": number(exchange.market.tick(symbol, last)), **totals(day, scale),
            "prdy_vrss": number(moved), "prdy_vrss_sign": sign(moved),
            "prdy_ctrt": percent(moved, base), "stck_shrn_iscd": symbol,
        })  # fmt: skip


PRICE_NUMBERS = (
    "stck_prpr", "stck_oprc", "stck_hgpr", "stck_lwpr", "stck_sdpr", "stck_mxpr", "stck_llam", "aspr_unit", "acml_vol", "acml_tr_pbmn",
    "prdy_vrss", "hts_deal_qty_unit_val",
)  # fmt: skip
PRICE_TEXTS = ("iscd_stat_cls_code", "rprs_mrkt_kor_name", "temp_stop_yn", "vi_cls_code", "mrkt_warn_cls_code", "prdy_vrss_sign")


def prices_of(day: list[Candle]) -> dict[str, str]:
    """Open, high and low of a day's candles; 0 before the first."""
    if not day:
        return {"stck_oprc": "0", "stck_hgpr": "0", "stck_lwpr": "0"}
    return {
        "stck_oprc": number(day[0].open), "stck_hgpr": number(max(candle.high for candle in day)),
        "stck_lwpr": number(min(candle.low for candle in day)),
    }  # fmt: skip


def book_rows(book: Depth | None) -> dict[str, Any]:
    """``output1`` of an order book; zeros where there is none."""
    none = (Level(0.0, 0),) * LEVELS
    asks, bids = (none, none) if book is None else (book.asks, book.bids)
    said = {"aspr_acpt_hour": "000000" if book is None else kst(book.time)[1]}
    for name, levels in (("askp", asks), ("bidp", bids)):
        said |= {f"{name}{i}": number(level.price) for i, level in enumerate(levels, 1)}
        said |= {f"{name}_rsqn{i}": str(level.shares) for i, level in enumerate(levels, 1)}
        said |= {f"{name}_rsqn_icdc{i}": "0" for i in range(1, LEVELS + 1)}
    offered, wanted = (sum(level.shares for level in levels) for levels in (asks, bids))
    return said | {
        "total_askp_rsqn": str(offered), "total_bidp_rsqn": str(wanted), "ovtm_total_askp_rsqn": "0", "ovtm_total_bidp_rsqn": "0",
        "ntby_aspr_rsqn": str(wanted - offered), "new_mkop_cls_code": OVER if book is None else STATES.get(book.phase, OVER),
    }  # fmt: skip
