"""KRX around recorded bars: an exchange core with KRX's ticks and closing auction, and what of its rules a symbol has today."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from exec_algos.errors import UsageError
from exec_algos.sim.exchange import Exchange
from exec_algos.sim.kis import krx
from exec_algos.sim.recorded import RecordedMarket
from exec_algos.sim.settings import ExchangeSettings

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

SECOND = 1_000_000_000
KST = 9 * 3600 * SECOND
DAY = 86_400 * SECOND
PREOPEN, CALL = 1800.0, 600.0  # seconds: orders are taken before the open, and wait for the closing auction before the close
EVENING = 20 * 3600 * SECOND  # the after-market ends at 20:00


def krx_exchange(
    bars: Bars, sessions: Sessions, start: int, *, funds: Collection[str] = (), cash: float = 1e9, **settings: Any
) -> Exchange:
    """An exchange as KRX is: shares one by one, ticks by price, orders from half an hour before the open, a closing auction.

    Parameters
    ----------
    bars, sessions, start
        As of `Exchange`.
    funds : collection of str
        Symbols that are ETFs or ETNs.
    cash : float
        KRW of each account as it begins.
    **settings
        Of `ExchangeSettings`, what KRX does not set: seed, visible, refill, auction, pulse, spread_ticks.

    Raises
    ------
    UsageError
        A fund that has no bars.
    """
    for fund in funds:
        if fund not in bars.symbols:
            raise UsageError(f"fund {fund!r} has no bars; there are {', '.join(bars.symbols)}")
    chosen = ExchangeSettings(**settings, cash=cash, lot=1.0, preopen=PREOPEN, closing_call=CALL, short_selling=False, currency="KRW")
    known = frozenset(funds)
    return Exchange(RecordedMarket(bars, sessions, chosen, lambda symbol, price: krx.tick(price, symbol in known)), start)


def is_fund(exchange: Exchange, symbol: str) -> bool:
    """Whether a symbol is an ETF or ETN: its tick at a price that tells."""
    return exchange.market.tick(symbol, 10_000.0) == krx.tick(10_000.0, fund=True)


def base_price(exchange: Exchange, symbol: str) -> int:
    """The price that a day's limits are counted from: the close before it; on the first recorded day its first open; 0 without bars."""
    market = exchange.market
    day = market.day(symbol, market.today(exchange.now))
    price = day.before if not math.isnan(day.before) else day.bars[0].open if day.bars else _first(exchange, symbol)
    fund = is_fund(exchange, symbol)
    return 0 if math.isnan(price) else round(price / krx.tick(price, fund)) * krx.tick(price, fund)


def _first(exchange: Exchange, symbol: str) -> float:
    bars = exchange.market.bars
    rows = bars.rows(symbol)
    return float(bars.open[rows.start]) if rows.stop > rows.start else math.nan


def price_limits(exchange: Exchange, symbol: str) -> tuple[int, int]:
    """The lowest and the highest price of the day."""
    return krx.limits(base_price(exchange, symbol), is_fund(exchange, symbol))


def hours(exchange: Exchange, now: int) -> krx.DayHours | None:
    """The session of an instant's day in Korea; None on a holiday."""
    midnight = (now + KST) // DAY * DAY - KST
    market, preopen = exchange.market, round(exchange.settings.preopen * SECOND)
    k = market.session(midnight)  # the first session that closes after midnight
    if k >= len(market.opens) or market.opens[k] >= midnight + DAY:
        return None
    return krx.DayHours(market.opens[k] - preopen, market.opens[k], market.closes[k], midnight + EVENING)


def phase(exchange: Exchange, now: int) -> krx.Phase:
    """What KRX does at an instant."""
    today = hours(exchange, now)
    return krx.Phase.CLOSED if today is None else today.phase(now)
