"""`Desk`: takes orders, changes and cancels of a simulated KIS to its exchange, and keeps their rows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from exec_algos.sim.kis import checks, krx
from exec_algos.sim.kis.calls import NO_LAG, Answer, Call, Lag, done, refused
from exec_algos.sim.kis.carrying import Carrier
from exec_algos.sim.kis.checks import Wanted, whole
from exec_algos.sim.kis.depth import named
from exec_algos.sim.kis.floor import base_price, is_fund
from exec_algos.sim.kis.register import API_ORGNO, HAND_ORGNO, SECOND, Entry, Register, kst_date, kst_time
from exec_algos.sim.orders import BUY, SELL, Event, Execution, Ticket

if TYPE_CHECKING:
    from exec_algos.sim.kis.world import World

SENT = "주문 전송 완료 되었습니다."
NO_ORIGINAL = refused("APBK0344", "원주문번호가 존재하지 않습니다.")
NO_ORGNO = refused("APBK0345", "주문조직번호를 입력하여 주십시오.")
DELAYED = refused("90020000", "모의투자 서비스가 지연되고 있습니다. 잠시 후 다시 시도하여 주십시오.")
NOTHING_OPEN = refused("APBK0400", "정정/취소 가능한 수량을 초과했습니다.")
BUYS = ("TTTC0012U", "VTTC0012U", "TTTC0802U", "VTTC0802U")


class Desk:
    """Takes orders of API and screen to the exchange, and keeps their rows.

    Parameters
    ----------
    world : World
    """

    def __init__(self, world: World) -> None:
        self.world, self.exchange, self.register = world, world.exchange, Register(world.seed)
        self.carrier = Carrier(world.exchange)
        world.exchange.charge, world.exchange.trades = self._charge, self._trades

    def _charge(self, execution: Execution) -> float:
        return self.register.charged(execution, is_fund(self.exchange, execution.symbol))

    def _trades(self, symbol: str) -> bool:
        """Whether a symbol is neither halted nor in a volatility interruption."""
        stopped = f"{self.world.settings.halted},{self.world.settings.interrupted}"
        return len(stopped) == 1 or symbol not in named(stopped)

    # orders

    def order_cash(self, call: Call) -> Answer:
        """``order-cash``: a buy or a sell, by its TR id."""
        fields, own = call.fields, self.owned(call)
        quantity, price, stop = (whole(fields.get(name) or "0") for name in ("ORD_QTY", "ORD_UNPR", "CNDT_PRIC"))
        if own is not None or quantity is None or price is None or stop is None:
            return own or checks.WRONG_FIELD
        side = BUY if call.tr_id in BUYS else SELL
        if side == SELL and fields.get("SLL_TYPE", "") not in ("", "01", "02", "05"):
            return checks.WRONG_FIELD
        wanted = Wanted(
            account=call.account, symbol=fields["PDNO"], side=side, dvsn=fields["ORD_DVSN"],
            exchange=fields.get("EXCG_ID_DVSN_CD") or "KRX", quantity=quantity, price=price, stop=stop, paper=call.paper,
        )  # fmt: skip
        rng, delays = self.world.rng, self.world.settings.paper_delays if call.paper else 0.0
        delayed = delays > 0 and rng.random() < delays
        if delayed and rng.random() < 0.5:
            return DELAYED
        found = self.place(wanted, lag=call.lag, rejects=call.fault == "exchange_rejects")
        if isinstance(found, Answer):
            return found
        return replace(DELAYED, odno=found.odno) if delayed else self._sent(found)

    def place(self, wanted: Wanted, *, by_hand: bool = False, lag: Lag = NO_LAG, rejects: bool = False) -> Entry | Answer:
        """Take an order, or say why it is refused. `rejects`: the exchange refuses it after KIS has taken it."""
        halted = wanted.symbol in named(self.world.settings.halted)
        wrong = checks.HALTED if halted else checks.against_rules(wanted, self.exchange)
        if wrong is not None:
            return wrong
        limit = self._limit(wanted)
        held = checks.reserve(wanted, self.exchange, limit)
        short = checks.short_of(wanted, self.exchange, held, self.world.rng)
        if short is not None:
            return short
        entry = self._entry(wanted, "order", HAND_ORGNO if by_hand else API_ORGNO, by_hand=by_hand, lag=lag)
        return self._submit(entry, limit, held, lag, stop=wanted.stop, rejects=rejects)

    def _submit(self, entry: Entry, limit: float, held: float, lag: Lag, *, stop: int = 0, rejects: bool = False) -> Entry:
        ticket = Ticket(
            account=entry.account, symbol=entry.symbol, side=entry.side, quantity=entry.quantity, limit=limit,
            lasts=krx.ORDER_TYPES[entry.dvsn].lasts, reserve=held if entry.side == BUY else math.nan,
        )  # fmt: skip
        order = self.exchange.submit(ticket, aside=True)
        entry.order = order
        self.register.enter(entry)
        if lag.notice:
            self.world.hold_notices(order.venue_id, self.exchange.now + round(lag.notice * SECOND))
        self.carrier.carry(entry, order, stop, rejects=rejects)
        return entry

    def _limit(self, wanted: Wanted) -> float:
        """The limit at which the exchange gets it, NaN at market: a best or priority order has that of a quote."""
        quote = self.exchange.market.quote(wanted.symbol, self.exchange.now)
        near, far = (quote.bid, quote.ask) if wanted.side == BUY else (quote.ask, quote.bid)
        match wanted.type.pricing:
            case "market":
                return math.nan
            case "best":
                return far
            case "priority" | "mid":
                return near
        return float(wanted.price)

    def _entry(self, wanted: Wanted, kind: str, orgno: str, *, of: Entry | None = None, by_hand: bool = False, lag: Lag = NO_LAG) -> Entry:
        """A row with the next number. `of`: the order that it changes."""
        now = self.exchange.now
        date = kst_date(now)
        odno = self.register.number(date, orgno if self.world.settings.numbers_by_orgno else "")
        return Entry(
            account=wanted.account, date=date, orgno=orgno, odno=odno, origin="" if of is None else of.odno,
            root=odno if of is None else of.root, kind=kind, side=wanted.side, symbol=wanted.symbol, dvsn=wanted.dvsn,
            exchange=wanted.exchange, quantity=wanted.quantity, price=wanted.price, accepted=now, by_hand=by_hand,
            listed_from=now + round(lag.daily * SECOND), open_from=now + round(lag.open * SECOND),
        )  # fmt: skip

    def _sent(self, entry: Entry, *, lower: bool = False) -> Answer:
        output = {"KRX_FWDG_ORD_ORGNO": entry.orgno, "ODNO": entry.odno, "ORD_TMD": kst_time(entry.accepted)}
        return done("APBK0013", SENT, output={name.lower(): value for name, value in output.items()} if lower else output)

    # changes and cancels

    def order_rvsecncl(self, call: Call) -> Answer:
        """``order-rvsecncl``: change (01) or cancel (02) what is open of an order."""
        fields, own = call.fields, self.owned(call)
        quantity, price, every = whole(fields["ORD_QTY"]), whole(fields["ORD_UNPR"] or "0"), fields["QTY_ALL_ORD_YN"]
        if own is not None or quantity is None or price is None or every not in ("Y", "N"):
            return own or checks.WRONG_FIELD
        entry = self._original(call)
        if isinstance(entry, Answer):
            return entry
        shares = self._shares(entry, quantity, every == "Y")
        if shares is None:
            return NOTHING_OPEN
        if fields["RVSE_CNCL_DVSN_CD"] == "02":
            return self._sent(self.cancel(entry, shares, call.lag, call.fault == "fill_wins"), lower=self._lower)
        found = self._modify(entry, shares, price, call)
        return found if isinstance(found, Answer) else self._sent(found, lower=self._lower)

    def _original(self, call: Call) -> Entry | Answer:
        """The order that a request means, or why it means none."""
        fields = call.fields
        if fields["RVSE_CNCL_DVSN_CD"] not in ("01", "02"):
            return checks.WRONG_FIELD
        if not fields["KRX_FWDG_ORD_ORGNO"] and self.world.settings.orgno_needed:
            return NO_ORGNO
        entry = self.register.find(call.account, kst_date(call.now), fields["ORGN_ODNO"], fields["KRX_FWDG_ORD_ORGNO"])
        if entry is None or entry.order is None:
            return NO_ORIGINAL
        if (fields.get("EXCG_ID_DVSN_CD") or "KRX") != entry.exchange:
            return checks.WRONG_MARKET
        return entry if fields["ORD_DVSN"] in krx.ORDER_TYPES else checks.WRONG_TYPE

    @property
    def _lower(self) -> bool:
        return self.world.settings.lower_case_cancels

    def _shares(self, entry: Entry, quantity: int, every: bool) -> int | None:
        """How many shares a request means; None where so many are not open."""
        rest = entry.open - entry.pending
        if every and not quantity and not self.world.settings.zero_cancels_all:
            return None
        if every and quantity in (0, rest):
            return rest or None
        return quantity if 0 < quantity <= rest else None

    def cancel(self, entry: Entry, shares: int, lag: Lag = NO_LAG, fill_wins: bool = False, *, by_hand: bool = False) -> Entry:
        """Take a cancel: the exchange confirms it a little later, and what trades until then has traded."""
        wanted = Wanted(
            account=entry.account, symbol=entry.symbol, side=entry.side, dvsn=entry.dvsn, exchange=entry.exchange, quantity=shares, price=0
        )  # fmt: skip
        request = self._entry(wanted, "cancel", HAND_ORGNO if by_hand else entry.orgno, of=entry, by_hand=by_hand, lag=lag)
        self.register.enter(request)
        entry.pending += shares
        self._asked(entry, request)
        low, high = self.world.settings.cancel_takes
        takes = low + (high - low) * self.world.rng.random()
        if takes:
            self.exchange.defer(self.exchange.now + round(takes * SECOND), lambda: self._confirm(entry, request, fill_wins))
        else:
            self._confirm(entry, request, fill_wins)
        return request

    def _asked(self, entry: Entry, request: Entry) -> None:
        if entry.order is not None:
            self.world.push(Event(kind="asked", order=entry.order, time=self.exchange.now, request=request.odno))

    def _confirm(self, entry: Entry, request: Entry, fill_wins: bool) -> None:
        """What the exchange makes of a cancel."""
        order = entry.order
        if order is None:
            return
        if fill_wins:
            self.exchange.fill_rest(order.venue_id)
        entry.pending -= request.quantity
        request.confirmed = min(request.quantity, entry.open)
        request.refused = request.quantity - request.confirmed
        entry.cancelled_by_request += request.confirmed
        if request.confirmed:
            self.exchange.cancel(order.venue_id, request.confirmed, request.odno)
        else:
            self.world.push(
                Event(kind="rejected", order=order, time=self.exchange.now, reason="nothing was open any more", request=request.odno)
            )

    def _modify(self, entry: Entry, shares: int, price: int, call: Call) -> Entry | Answer:
        """Shares of an order go on under a new number; what traded of the old one stays there."""
        order, wanted = entry.order, self._changed(entry, shares, price, call)
        wrong = checks.against_rules(wanted, self.exchange)
        if wrong is not None or order is None:
            return wrong or NO_ORIGINAL
        limit = self._limit(wanted)
        held = checks.reserve(wanted, self.exchange, limit)
        account = self.exchange.account(entry.account)
        if entry.side == BUY and shares * (held - order.hold) > account.cash - account.held:
            return checks.PAPER_NO_CASH if call.paper else checks.NO_CASH
        if call.fault == "fill_wins":
            self.exchange.fill_rest(order.venue_id)
        request = self._entry(wanted, "modify", entry.orgno, of=entry, lag=call.lag)
        self._asked(entry, request)
        if entry.open < shares:
            request.refused = shares
            reason = "nothing was open any more"
            self.world.push(Event(kind="rejected", order=order, time=self.exchange.now, reason=reason, request=request.odno))
            return self.register.enter(request)
        entry.moved += shares
        self.exchange.cancel(order.venue_id, shares, request.odno)
        return self._submit(request, limit, held, call.lag, stop=wanted.stop)

    def _changed(self, entry: Entry, shares: int, price: int, call: Call) -> Wanted:
        return Wanted(
            account=entry.account, symbol=entry.symbol, side=entry.side, dvsn=call.fields["ORD_DVSN"], exchange=entry.exchange,
            quantity=shares, price=price, stop=whole(call.fields.get("CNDT_PRIC") or "0") or 0, paper=call.paper,
        )  # fmt: skip

    # what it knows

    def last(self, symbol: str) -> float:
        """The last price of a symbol, KRW; its base price before the first trade of all."""
        last = self.exchange.market.quote(symbol, self.exchange.now).last
        return float(base_price(self.exchange, symbol)) if math.isnan(last) else last

    def open_entries(self, account: str) -> list[Entry]:
        """Open orders of an account, newest first; those of which all is about to be cancelled are not among them."""
        found = (self.register.of(order.venue_id) for order in reversed(self.exchange.ledger.open_of(account)))
        return [entry for entry in found if entry is not None and entry.open > entry.pending]

    def owned(self, call: Call) -> Answer | None:
        """Why an account is refused: it is not that of the app key."""
        identity = self.world.identity(call.app_key, call.paper)
        return None if identity is not None and identity.account == call.account else checks.WRONG_ACCOUNT


_DESKS: WeakKeyDictionary[World, Desk] = WeakKeyDictionary()


def desk_of(world: World) -> Desk:
    """The desk of a world: one for both hosts."""
    if world not in _DESKS:
        _DESKS[world] = Desk(world)
    return _DESKS[world]
