"""The rules of the Korean market as far as an order can be held against them before it is sent, and what a trade costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from exec_algos.brokers.kis.order_types import AFTER_MARKET, CHANGED, EXCHANGES, PAPER_TYPES, STOP, TYPES, Phase, phases_of
from exec_algos.brokers.kis.values import EPOCH, KST
from exec_algos.brokers.venue import Instrument
from exec_algos.costs.fees import FeeSchedule, FeeTerms, always, fee_of_terms
from exec_algos.costs.ticks import KRX_2023, KRX_ETF, PriceLimit, TickTable
from exec_algos.errors import OrderRejectedError, UsageError
from exec_algos.fills.presets import krx_tax
from exec_algos.model import Fill, Side

if TYPE_CHECKING:
    from exec_algos.brokers.kis.fund_rows import Power
    from exec_algos.brokers.kis.quote_rows import Quote, StockInfo
    from exec_algos.brokers.venue import Intent

LOT = 1
BANKIS, BANKIS_FUND = 0.000140527, 0.000146527
"""Commission of an online account, fraction of value, for stocks and for ETF and ETN; accounts differ."""
MARKETS = ("KOSPI", "KOSDAQ", "KONEX", "ETF")
WIDTHS = {"KONEX": 0.15}
"""Daily price limit, fraction of the base price, where it is not 0.30."""


def market_of(quote: Quote) -> str:
    """The market of a symbol by KIS's name of it: one of `MARKETS`, KOSPI where the name says nothing else."""
    name = quote.market.upper()
    if quote.fund:
        return "ETF"
    if "KONEX" in name or "코넥스" in name:
        return "KONEX"
    return "KOSDAQ" if any(word in name for word in ("KOSDAQ", "KSQ", "코스닥")) else "KOSPI"


def ticks_of(quote: Quote) -> TickTable | None:
    """The tick table of a symbol, the one that agrees with KIS's own tick at its last price; None where neither does."""
    tables = (KRX_ETF, KRX_2023) if quote.fund else (KRX_2023, KRX_ETF)
    if math.isnan(quote.tick):
        return tables[0]
    return next((table for table in tables if quote.tick in _ticks_at(table, quote.last)), None)


def _ticks_at(table: TickTable, price: float) -> tuple[float, ...]:
    """The tick at a price; on the edge of a band that of the band below too, by which it can be left."""
    here = table.tick(price)
    return (here, table.tick(price - here / 2)) if price in table.floors else (here,)


def instrument_of(symbol: str, quote: Quote) -> Instrument:
    """A symbol as an `Instrument`: lots of one share, ticks by price, won, KRX's calendar.

    Its ticks are those of the table that agrees with KIS's own tick. Where neither does, KIS's tick holds at every price.

    Raises
    ------
    OrderRejectedError
        KIS does not know it.
    """
    if not quote.known:
        raise OrderRejectedError(f"KIS does not know {symbol}: it answers with a price of 0; name a symbol of KRX", lasting=True)
    table = ticks_of(quote)
    bands = tuple(zip(table.floors, table.ticks, strict=True)) if table else ()
    tick = 0.0 if table else quote.tick
    return Instrument(symbol=symbol, lot_size=LOT, tick_size=tick, bands=bands, currency="KRW", zone="Asia/Seoul", calendar="XKRX")


def limits_of(quote: Quote) -> tuple[float, float]:
    """Lowest and highest price of the day, currency: KIS's own; computed from the base price where it gives none; NaN where neither."""
    if not math.isnan(quote.lower) and not math.isnan(quote.upper):
        return quote.lower, quote.upper
    table = ticks_of(quote)
    if table is None or math.isnan(quote.base) or quote.liquidated:
        return quote.lower, quote.upper
    lower, upper = PriceLimit(WIDTHS.get(market_of(quote), 0.30), table).limits(quote.base)
    return lower if math.isnan(quote.lower) else quote.lower, upper if math.isnan(quote.upper) else quote.upper


def dvsn_of(intent: Intent, exchange: str = "KRX", instant: int | None = None) -> str:
    """ORD_DVSN of an order: market "01", limit "00", and in KRX's after-market (at `instant`, ns UTC) limit "41".

    Raises
    ------
    UsageError
        A market order on an exchange, or at a time, that takes none.
    """
    market = math.isnan(intent.limit)
    after = instant is not None and exchange == "KRX" and _in_after_market(*moment_of(instant))
    if market and after:
        raise UsageError("KRX takes no market orders in its after-market from 16:00 to 20:00 KST; send a limit order")
    dvsn = "01" if market else "41" if after else "00"
    check_type(dvsn, exchange)
    return dvsn


def check_type(dvsn: str, exchange: str, paper: bool = False) -> None:
    """Refuse an order type that an exchange, or the paper host, does not take.

    Raises
    ------
    UsageError
        With what is taken instead.
    """
    kind = TYPES.get(dvsn)
    if kind is None or dvsn == STOP:
        known = ", ".join(code for code in TYPES if code != STOP)
        raise UsageError(f"order type must be one of {known}, got {dvsn!r}" + ("; a stop order needs a price of its own" if kind else ""))
    if exchange not in EXCHANGES:
        raise UsageError(f"exchange must be one of {', '.join(EXCHANGES)}, got {exchange!r}")
    if paper and (exchange != "KRX" or dvsn not in PAPER_TYPES):
        raise UsageError(f"the paper host takes orders of types {', '.join(sorted(PAPER_TYPES))} on KRX, got {dvsn} on {exchange}")
    if exchange not in kind.exchanges:
        taken = "a limit order (00)" if exchange != "KRX" or dvsn not in AFTER_MARKET else "one of KRX"
        raise UsageError(f"{exchange} takes no {kind.name} orders ({dvsn}), only {' and '.join(sorted(kind.exchanges))}; send {taken}")


def check_hours(dvsn: str, exchange: str, instant: int, later: int = 0) -> None:
    """Refuse an order that its exchange would not take at an instant, on a day on which it is open.

    Parameters
    ----------
    instant : int
        ns UTC.
    later : int
        By how much the day's sessions begin and end later than others, ns.

    Raises
    ------
    UsageError
        With the times at which it is taken.
    """
    day, hour = moment_of(instant - later)
    taken = [phase for phase in phases_of(exchange, day) if dvsn in phase.types]
    if any(phase.begin <= hour < phase.end for phase in taken):
        return
    shown, name = _clock(moment_of(instant)[1]), f"{TYPES[dvsn].name} orders ({dvsn})"
    if not taken:
        raise UsageError(f"{exchange} takes no {name} on {day}, got one at {shown} KST; send a limit order (00) in the regular session")
    shift = f", all {later / 60e9:g} minutes later that day" if later else ""
    raise UsageError(f"{exchange} takes {name} from {_windows(taken)} KST{shift}, got one at {shown}; send it then")


def _windows(phases: Sequence[Phase]) -> str:
    """The times of parts of a day that follow each other; those that adjoin are one."""
    times: list[tuple[str, str]] = []
    for phase in phases:
        if times and times[-1][1] == phase.begin:
            times[-1] = (times[-1][0], phase.end)
        else:
            times.append((phase.begin, phase.end))
    return " and ".join(f"{_clock(begin)} to {_clock(end)}" for begin, end in times)


def check_price(symbol: str, price: float, quote: Quote) -> None:
    """Refuse a limit off the tick, or beyond the day's limits.

    Raises
    ------
    UsageError
        With the nearest prices that are taken.
    """
    if not (math.isfinite(price) and price > 0):
        raise UsageError(f"a limit of {symbol} must be above 0, got {price!r}")
    lower, upper = limits_of(quote)
    for beyond, bound, name in ((price > upper, upper, "above the upper"), (price < lower, lower, "below the lower")):
        if beyond:
            raise UsageError(f"a limit of {price:.15g} for {symbol} is {name} limit of the day; the nearest is {bound:.15g}")
    table = ticks_of(quote) or TickTable("KIS's own tick", (0.0,), (quote.tick,))
    why = table.refusal(price)
    if why:
        raise UsageError(f"a limit of {symbol}: {why}")


def check_symbol(symbol: str, quote: Quote, exchange: str = "KRX", info: StockInfo | None = None) -> None:
    """Refuse a symbol that is not traded.

    Parameters
    ----------
    info : StockInfo, optional
        Needed for an exchange other than KRX.

    Raises
    ------
    OrderRejectedError
        Unknown, or not tradable on NXT, which lasts; halted, which may pass. With the flag.
    """
    if not quote.known:
        raise OrderRejectedError(f"KIS does not know {symbol}: it answers with a price of 0; name a symbol of KRX", lasting=True)
    if quote.halted or (info is not None and info.halted):
        flag = "tr_stop_yn" if not quote.halted else f"temp_stop_yn or iscd_stat_cls_code {quote.state}"
        raise OrderRejectedError(f"{symbol} is halted ({flag})")
    if exchange != "NXT":
        return
    if info is None or not info.nxt:
        raise OrderRejectedError(f"{symbol} is not traded on NXT (cptt_trad_tr_psbl_yn); send it to KRX", lasting=True)
    if info.nxt_halted:
        raise OrderRejectedError(f"{symbol} is halted on NXT (nxt_tr_stop_yn)")


def check_power(intent: Intent, power: Power) -> None:
    """Refuse a buy above buying power.

    Raises
    ------
    UsageError
        With the most shares that it may have.
    """
    if intent.side is Side.BUY and intent.quantity > power.quantity:
        at = f" at {power.price:.15g}, at which it is reserved" if power.price else ""
        raise UsageError(
            f"a buy of {intent.quantity:.15g} {intent.symbol} is above the buying power of {power.amount:.15g} won; the most is "
            f"{power.quantity} shares{at}"
        )


@cache
def fees(market: str = "KOSPI", rate: float | None = None) -> FeeSchedule:
    """What a trade costs: commission, and on sales the transaction tax; an estimate, for KIS does not tell it by order.

    Parameters
    ----------
    market : {"KOSPI", "KOSDAQ", "KONEX", "ETF"}
        As `market_of` gives it.
    rate : float, optional
        Commission, fraction of value; None: that of a BanKIS online account.

    Raises
    ------
    UsageError
        A rate below 0.
    UnknownNameError
        Another market.
    """
    tax = krx_tax(market).extended()  # a day whose tax is not known yet has that of the last known one
    own = (BANKIS_FUND if market == "ETF" else BANKIS) if rate is None else rate
    terms = FeeTerms(rate=own).checked("commission")
    return FeeSchedule(f"KIS {market}", "KRW", (always("commission", terms, source="assumed: BanKIS" if rate is None else "given"), tax))


def charged(fill: Fill, schedule: FeeSchedule) -> Fill:
    """A fill with commission and taxes by a schedule of `fees`, on its day in Korea; the tax in whole won, the rest dropped."""
    day = (EPOCH + timedelta(microseconds=fill.time // 1000)).astimezone(KST).date()
    side = "BUY" if fill.side is Side.BUY else "SELL"
    due = taxes = 0.0
    for component in schedule.components:
        if side in component.sides:
            part = fee_of_terms(component.on(day), fill.quantity, fill.quantity * fill.fill_price) if fill.quantity else 0.0
            due += part
            taxes += part if component.tax else 0.0
    return fill._replace(commission=due, taxes=taxes)


def moment_of(instant: int) -> tuple[str, str]:
    """Day (YYYYMMDD) and time (HHMMSS) of an instant (ns UTC) in Korea."""
    moment: datetime = (EPOCH + timedelta(microseconds=instant // 1000)).astimezone(KST)
    return f"{moment:%Y%m%d}", f"{moment:%H%M%S}"


def _in_after_market(day: str, hour: str) -> bool:
    return day >= CHANGED and "160000" <= hour < "200000"


def _clock(hour: str) -> str:
    return f"{hour[:2]}:{hour[2:4]}" + (f":{hour[4:]}" if hour[4:] != "00" else "")
