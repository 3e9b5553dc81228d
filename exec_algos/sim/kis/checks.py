"""What KIS refuses of an order before anything reaches the exchange, with its codes and texts. Pure but for what it reads."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exec_algos.sim.kis import krx
from exec_algos.sim.kis.calls import Answer, refused
from exec_algos.sim.kis.floor import hours, is_fund, price_limits
from exec_algos.sim.orders import BUY

if TYPE_CHECKING:
    from exec_algos.sim.exchange import Exchange

CLOSED = refused("APBK0918", "장운영시간이 아닙니다.(장종료(129) 주문불가시간)")
AUCTION_TYPE = refused("APBK0918", "장운영시간이 아닙니다.(단일가 매매시간 주문불가)")
PAPER_HOLIDAY = refused("40100000", "모의투자 영업일이 아닙니다.")
NO_CASH = refused("APBK0952", "주문가능금액을 초과 했습니다", rt_cd="7")
NO_CASH_OTHERWISE = refused("APBK0918", "주문가능금액이 부족합니다.", rt_cd="7")
PAPER_NO_CASH = refused("40250000", "모의투자 주문가능금액이 부족합니다.")
NO_SHARES = refused("APBK0400", "주문 가능한 수량을 초과했습니다.")
NO_SHARES_OTHERWISE = refused("APBK0918", "주문가능수량이 부족합니다.(잔고부족)", rt_cd="7")
NO_SYMBOL = refused("APBK0656", "해당종목정보가 없습니다.")
HALTED = refused("APBK1614", "거래정지 종목은 주문할 수 없습니다.")
NO_MARKET_ORDER = refused("APBK1943", "시장가호가불가")
AFTER_MARKET_TYPE = refused("APBK3013", "[애프터마켓] 지정가, 최유리, 최우선 주문만 가능합니다.")
AFTER_MARKET_FUND = refused("APBK3013", "[애프터마켓] ETF/ETN은 거래할 수 없는 종목입니다.")
WRONG_TYPE = refused("APBK1550", "해당 거래소에서 처리할 수 없는 주문구분입니다.")
PAPER_TYPE = refused("40310000", "모의투자에서 제공하지 않는 주문구분입니다.")
PAPER_EXCHANGE = refused("40320000", "모의투자에서는 KRX 주문만 가능합니다.")
OFF_TICK = refused("APBK1612", "호가단위를 확인하여 주십시오.")
PAPER_OFF_TICK = refused("40030000", "모의투자 주문처리가 안되었습니다(호가단위 오류)")
OVER_LIMITS = refused("APBK1611", "주문단가가 상한가 또는 하한가를 벗어났습니다.")
WRONG_PRICE = refused("APBK1613", "주문단가를 확인하여 주십시오.")
WRONG_QUANTITY = refused("APBK1610", "주문수량을 확인하여 주십시오.")
WRONG_ACCOUNT = refused("OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO")
WRONG_MARKET = refused("OPSQ2001", "ERROR : INPUT INVALID_CHECK_MRKT_DIV_CLS_CODE")
WRONG_FIELD = refused("OPSQ2002", "ERROR : INPUT INVALID_FIELD_LENGTH")
MOST_DIGITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An order as it was sent, its numbers read. `price`: KRW, 0 where its type has none."""

    account: str
    symbol: str
    side: int
    dvsn: str
    exchange: str
    quantity: int
    price: int
    stop: int = 0
    paper: bool = False

    @property
    def type(self) -> krx.OrderType:
        """What its ORD_DVSN means."""
        return krx.ORDER_TYPES[self.dvsn]


def whole(text: str) -> int | None:
    """A number without sign and fraction; None where a text is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None


def against_rules(wanted: Wanted, exchange: Exchange) -> Answer | None:
    """Why symbol, type, exchange, hours or price of an order are refused; None where they are not."""
    if wanted.symbol not in exchange.market.ticks:
        return NO_SYMBOL
    if wanted.quantity <= 0:
        return WRONG_QUANTITY
    return _type(wanted) or _hours(wanted, exchange) or _price(wanted, exchange)


def _type(wanted: Wanted) -> Answer | None:
    """By ORD_DVSN and exchange."""
    if wanted.paper and wanted.exchange != "KRX":
        return PAPER_EXCHANGE
    if wanted.exchange not in krx.LETTERS:
        return WRONG_MARKET
    if wanted.dvsn not in krx.ORDER_TYPES:
        return WRONG_TYPE
    if wanted.paper and wanted.dvsn not in krx.PAPER_TYPES:
        return PAPER_TYPE
    if krx.LETTERS[wanted.exchange] not in wanted.type.exchanges:
        return NO_MARKET_ORDER if wanted.dvsn == "01" else WRONG_TYPE
    return None


def _hours(wanted: Wanted, exchange: Exchange) -> Answer | None:
    today = hours(exchange, exchange.now)
    if today is None:
        return PAPER_HOLIDAY if wanted.paper else CLOSED
    if wanted.exchange == "NXT":
        return None if today.nxt_open(exchange.now) else CLOSED
    phase, kind = today.phase(exchange.now), wanted.type
    if phase is krx.Phase.AFTER:
        if phase not in kind.phases:
            return AFTER_MARKET_TYPE
        return AFTER_MARKET_FUND if is_fund(exchange, wanted.symbol) else None
    if phase in kind.phases:
        return None
    return AUCTION_TYPE if phase in (krx.Phase.OPENING, krx.Phase.CLOSING) else CLOSED


def _price(wanted: Wanted, exchange: Exchange) -> Answer | None:
    fund = is_fund(exchange, wanted.symbol)
    if not wanted.type.priced:
        return WRONG_PRICE if wanted.price else None
    if not wanted.price or (wanted.type.pricing == "stop" and not wanted.stop):
        return WRONG_PRICE
    if not krx.on_tick(wanted.price, fund):
        return PAPER_OFF_TICK if wanted.paper else OFF_TICK
    low, high = price_limits(exchange, wanted.symbol)
    return None if low <= wanted.price <= high else OVER_LIMITS


def reserve(wanted: Wanted, exchange: Exchange, limit: float) -> float:
    """KRW that a share of an order holds: at market the upper limit, else its limit; and the commission of that. `limit`: NaN at market."""
    price = price_limits(exchange, wanted.symbol)[1] if math.isnan(limit) else limit
    part, per = krx.FUND_COMMISSION if is_fund(exchange, wanted.symbol) else krx.COMMISSION
    return price * (1 + part / per)


def short_of(wanted: Wanted, exchange: Exchange, held: float, rng: random.Random) -> Answer | None:
    """Why the account cannot carry an order; the same cause has more than one code. `held`: KRW that a share of it holds."""
    account = exchange.account(wanted.account)
    if wanted.side == BUY:
        if wanted.quantity * held <= account.cash - account.held:
            return None
        return PAPER_NO_CASH if wanted.paper else rng.choice((NO_CASH, NO_CASH, NO_CASH_OTHERWISE))
    free = account.positions.get(wanted.symbol, 0.0) - account.offered.get(wanted.symbol, 0.0)
    return None if wanted.quantity <= free else rng.choice((NO_SHARES, NO_SHARES, NO_SHARES_OTHERWISE))
