"""Requests to KIS and its answers, as values: every field a string, every key in KIS's own spelling, nothing sent and nothing read here."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from exec_algos.brokers.kis.answers import Cursor, Envelope, Reply, UnreadableError, envelope, json_of, shown
from exec_algos.brokers.kis.operations import AccountNo, Ask, Host, Kind
from exec_algos.brokers.kis.order_types import STOP, TYPES, UNPRICED
from exec_algos.errors import UsageError
from exec_algos.model import Side

if TYPE_CHECKING:
    from exec_algos.brokers.venue import Intent, Placed

__all__ = [
    "AccountNo",
    "Ask",
    "Cursor",
    "Envelope",
    "Host",
    "Kind",
    "Reply",
    "UnreadableError",
    "amend",
    "balance",
    "book",
    "cancel",
    "daily",
    "daily_bars",
    "envelope",
    "headers",
    "holidays",
    "json_of",
    "minutes",
    "open_orders",
    "order",
    "past_minutes",
    "power",
    "price",
    "sellable",
    "shown",
    "stock_info",
]

MOST_QUANTITY = 10  # digits of ORD_QTY
SYMBOL = re.compile(r"[0-9A-Z]{6}|Q[0-9A-Z]{6}")
DAY = re.compile(r"[0-9]{8}")
HOUR = re.compile(r"[0-9]{6}")
MARKETS = ("J", "NX", "UN")


def headers(ask: Ask, token: str, app_key: str, app_secret: str) -> dict[str, str]:
    """Headers of a request of an individual customer; they hold the secrets, so that nothing may print them."""
    return {
        "content-type": "application/json; charset=utf-8",
        "authorization": f"Bearer {token}",
        "appkey": app_key,
        "appsecret": app_secret,
        "tr_id": ask.tr_id,
        "tr_cont": "N" if ask.more else "",
        "custtype": "P",
    }


def order(host: Host, account: AccountNo, intent: Intent, dvsn: str, exchange: str = "KRX") -> Ask:
    """A cash order, to be sent once.

    Parameters
    ----------
    dvsn : str
        ORD_DVSN, as `rules.dvsn_of` gives it.

    Raises
    ------
    UsageError
        A quantity or a price that KIS cannot be told, or a price with an order type that has none.
    """
    buys = intent.side is Side.BUY
    fields = account.fields | {"PDNO": _symbol(intent.symbol), "ORD_DVSN": dvsn, "ORD_QTY": _shares(intent.quantity)}
    fields |= {"ORD_UNPR": _price(intent.limit, dvsn)} | host.exchange(exchange)
    return host.ask("buy" if buys else "sell", fields | {"SLL_TYPE": "" if buys else "01", "CNDT_PRIC": ""})


def cancel(  # noqa: PLR0913 - what names an order
    host: Host, account: AccountNo, placed: Placed, orgno: str, dvsn: str, exchange: str = "KRX", *, quantity: float | None = None
) -> Ask:
    """A request to cancel all that is open of an order, or `quantity` shares; `placed.venue_id` ends in its current ODNO."""
    fields = _of_order(account, placed, orgno) | {"ORD_DVSN": dvsn, "RVSE_CNCL_DVSN_CD": "02"}
    fields |= {
        "ORD_QTY": "0" if quantity is None else _shares(quantity),
        "ORD_UNPR": "0",
        "QTY_ALL_ORD_YN": "Y" if quantity is None else "N",
    }
    return host.ask("cancel", fields | host.exchange(exchange))


def amend(  # noqa: PLR0913 - what names an order, and its new terms
    host: Host,
    account: AccountNo,
    placed: Placed,
    orgno: str,
    dvsn: str,
    exchange: str = "KRX",
    *,
    limit: float,
    quantity: float | None = None,
) -> Ask:
    """A request to give what is open of an order, or `quantity` shares of it, another limit; its answer has the new ODNO."""
    fields = _of_order(account, placed, orgno) | {"ORD_DVSN": dvsn, "RVSE_CNCL_DVSN_CD": "01"}
    fields |= {"ORD_QTY": "0" if quantity is None else _shares(quantity), "ORD_UNPR": _price(limit, dvsn)}
    return host.ask("amend", fields | {"QTY_ALL_ORD_YN": "Y" if quantity is None else "N"} | host.exchange(exchange))


def daily(  # noqa: PLR0913 - the fields of the inquiry
    host: Host,
    account: AccountNo,
    first: str,
    last: str,
    *,
    symbol: str = "",
    side: Side | None = None,
    odno: str = "",
    orgno: str = "",
    exchange: str = "",
    cursor: Cursor = Cursor(),  # noqa: B008 - frozen
    older: bool = False,
) -> Ask:
    """Orders and what they traded, newest first, of the days from `first` to `last` (YYYYMMDD, KST); see `rows.daily_rows`.

    Parameters
    ----------
    exchange : str
        Empty: all that the host has.
    cursor : Cursor
        Of the page before, as it came.
    older : bool
        The days lie more than three months back.
    """
    sides = {None: "00", Side.SELL: "01", Side.BUY: "02"}
    fields = account.fields | {"INQR_STRT_DT": _day(first), "INQR_END_DT": _day(last), "SLL_BUY_DVSN_CD": sides[side]}
    fields |= {"PDNO": _symbol(symbol) if symbol else "", "CCLD_DVSN": "00", "INQR_DVSN": "00", "INQR_DVSN_3": "00", "INQR_DVSN_1": ""}
    fields |= {"ORD_GNO_BRNO": orgno, "ODNO": odno} | host.exchange(exchange or host.every_exchange, every=True)
    return host.ask("daily, older" if older else "daily", fields | cursor.fields("100"), more=bool(cursor))


def open_orders(host: Host, account: AccountNo, *, cursor: Cursor = Cursor()) -> Ask:  # noqa: B008 - frozen
    """Orders that can be cancelled, by order; the paper host has no such list. See `rows.open_rows`."""
    fields = account.fields | {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0"}
    return host.ask("open orders", fields | cursor.fields("100"), more=bool(cursor))


def balance(host: Host, account: AccountNo, *, cursor: Cursor = Cursor()) -> Ask:  # noqa: B008 - frozen
    """Holdings by symbol with today's trades, and cash; see `rows.Balance`."""
    fields = account.fields | {"AFHR_FLPR_YN": "N", "OFL_YN": "", "INQR_DVSN": "02", "UNPR_DVSN": "01", "FUND_STTL_ICLD_YN": "N"}
    fields |= {"FNCG_AMT_AUTO_RDPT_YN": "N", "PRCS_DVSN": "00"}
    return host.ask("balance", fields | cursor.fields("100"), more=bool(cursor))


def power(host: Host, account: AccountNo, symbol: str, dvsn: str = "01", limit: float = math.nan) -> Ask:
    """What a buy of `symbol` may cost and have: at a limit, or at market, which reserves the upper limit price; see `rows.Power`."""
    fields = account.fields | {"PDNO": _symbol(symbol), "ORD_UNPR": _price(limit, dvsn), "ORD_DVSN": dvsn}
    return host.ask("power", fields | {"CMA_EVLU_AMT_ICLD_YN": "N", "OVRS_ICLD_YN": "N"})


def sellable(host: Host, account: AccountNo, symbol: str) -> Ask:
    """Shares of `symbol` that are free to be sold; the paper host has no such inquiry. See `rows.sellable_of`."""
    return host.ask("sellable", account.fields | {"PDNO": _symbol(symbol)})


def book(host: Host, symbol: str, market: str = "J") -> Ask:
    """Ten levels of a side; see `rows.Depth`. `market`: J (KRX), NX (NXT) or UN (both)."""
    return host.ask("book", _quoted(symbol, market))


def price(host: Host, symbol: str, market: str = "J") -> Ask:
    """Last price, limits, tick and state of a symbol; see `rows.Quote`."""
    return host.ask("price", _quoted(symbol, market))


def minutes(host: Host, symbol: str, hour: str, market: str = "J") -> Ask:
    """Today's 30 minute bars that begin at `hour` (HHMMSS, KST) or before, newest first; see `rows.minute_rows`."""
    fields = {"FID_ETC_CLS_CODE": ""} | _quoted(symbol, market)
    return host.ask("minutes", fields | {"FID_INPUT_HOUR_1": _hour(hour), "FID_PW_DATA_INCU_YN": "N"})


def past_minutes(host: Host, symbol: str, day: str, hour: str, market: str = "J") -> Ask:
    """A past day's 120 minute bars that begin at `hour` or before, newest first; `day` is YYYYMMDD."""
    fields = _quoted(symbol, market) | {"FID_INPUT_HOUR_1": _hour(hour), "FID_INPUT_DATE_1": _day(day)}
    return host.ask("past minutes", fields | {"FID_PW_DATA_INCU_YN": "N", "FID_FAKE_TICK_INCU_YN": ""})


def daily_bars(host: Host, symbol: str, first: str, last: str, market: str = "J", *, adjusted: bool = False) -> Ask:
    """At most 100 daily bars, newest first; see `rows.day_rows`."""
    fields = _quoted(symbol, market) | {"FID_INPUT_DATE_1": _day(first), "FID_INPUT_DATE_2": _day(last), "FID_PERIOD_DIV_CODE": "D"}
    return host.ask("daily bars", fields | {"FID_ORG_ADJ_PRC": "0" if adjusted else "1"})


def holidays(host: Host, day: str, *, cursor: Cursor = Cursor()) -> Ask:  # noqa: B008 - frozen
    """Days from `day` on, and which of them can be traded; to be asked once a day. The paper host has none. See `rows.holiday_rows`."""
    fields = {"BASS_DT": _day(day), "CTX_AREA_NK": cursor.nk, "CTX_AREA_FK": cursor.fk}
    return host.ask("holidays", fields, more=bool(cursor))


def stock_info(host: Host, symbol: str) -> Ask:
    """Whether a symbol is halted, or traded on NXT; see `rows.StockInfo`."""
    return host.ask("stock info", {"PRDT_TYPE_CD": "300", "PDNO": _symbol(symbol)})


def _of_order(account: AccountNo, placed: Placed, orgno: str) -> dict[str, str]:
    odno = placed.venue_id.rsplit("-", 1)[-1]
    if not re.fullmatch("[0-9]{1,10}", odno):
        raise UsageError(f"an order is named by its ODNO of up to ten digits, got {placed.venue_id!r}; look it up first")
    return account.fields | {"KRX_FWDG_ORD_ORGNO": orgno, "ORGN_ODNO": odno.zfill(10)}


def _quoted(symbol: str, market: str) -> dict[str, str]:
    if market not in MARKETS:
        raise UsageError(f"market must be J (KRX), NX (NXT) or UN (both), got {market!r}")
    return {"FID_COND_MRKT_DIV_CODE": market, "FID_INPUT_ISCD": _symbol(symbol)}


def _symbol(symbol: str) -> str:
    if not SYMBOL.fullmatch(symbol):
        raise UsageError(f"a symbol of KRX has six signs, such as 005930, or Q and six for an ETN, got {symbol!r}")
    return symbol


def _shares(quantity: float) -> str:
    if not (math.isfinite(quantity) and quantity >= 1 and quantity == int(quantity)):
        raise UsageError(f"KRX trades whole shares, at least 1, got {quantity!r}; round it")
    text = str(int(quantity))
    if len(text) > MOST_QUANTITY:
        raise UsageError(f"an order has at most {'9' * MOST_QUANTITY} shares, got {text}; give it more slices")
    return text


def _price(limit: float, dvsn: str) -> str:
    if dvsn not in TYPES:
        raise UsageError(f"order type must be one of {', '.join(TYPES)}, got {dvsn!r}")
    if dvsn == STOP:
        raise UsageError("stop orders (ORD_DVSN 22) need a stop price, which a child order has not; send a limit order")
    if dvsn in UNPRICED:
        if not math.isnan(limit):
            raise UsageError(f"orders of type {dvsn} have no limit, got {limit!r}; choose a type that has one, such as 00")
        return "0"
    if not (math.isfinite(limit) and limit >= 1 and limit == int(limit)):
        raise UsageError(f"orders of type {dvsn} need a limit in whole won, got {limit!r}")
    return str(int(limit))


def _day(day: str) -> str:
    if not DAY.fullmatch(day):
        raise UsageError(f"a day is YYYYMMDD, got {day!r}")
    return day


def _hour(hour: str) -> str:
    if not HOUR.fullmatch(hour):
        raise UsageError(f"an hour is HHMMSS, got {hour!r}")
    return hour
