"""Balance, buying power and what may be sold of an account."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from exec_algos.sim.kis import checks, krx, rows
from exec_algos.sim.kis.calls import Answer, Call, done
from exec_algos.sim.kis.checks import whole
from exec_algos.sim.kis.floor import base_price, is_fund, price_limits
from exec_algos.sim.kis.paging import cursors, ending, page_of
from exec_algos.sim.kis.register import Tally, kst_date
from exec_algos.sim.orders import BUY, SELL

if TYPE_CHECKING:
    from exec_algos.sim.kis.desk import Desk

SETTLES = 2  # business days
CREDIT = 2.5  # what `max_buy_amt` promises on margin, times the cash: nobody here gets it
ODD = ("hldg_qty", "ord_psbl_qty", "pchs_avg_pric", "prpr")


def psbl_order(desk: Desk, call: Call) -> Answer:
    """``inquire-psbl-order``: what a buy may cost. At market a share is taken to cost the day's upper limit."""
    fields, own = call.fields, desk.owned(call)
    price = whole(fields["ORD_UNPR"] or "0")
    if own is not None or price is None or fields["ORD_DVSN"] not in krx.ORDER_TYPES:
        return own or (checks.WRONG_FIELD if price is None else checks.WRONG_TYPE)
    symbol, account = fields["PDNO"], desk.exchange.account(call.account)
    free = max(account.cash - account.held, 0.0)
    if symbol not in desk.exchange.market.ticks:
        return checks.NO_SYMBOL if symbol else _power(free, 0, 0.0)
    if krx.ORDER_TYPES[fields["ORD_DVSN"]].pricing == "market":
        price = price_limits(desk.exchange, symbol)[1]
    elif not price:
        price = round(desk.last(symbol))
    part, per = krx.FUND_COMMISSION if is_fund(desk.exchange, symbol) else krx.COMMISSION
    return _power(free, price, price * (1 + part / per))


def _power(free: float, price: int, cost: float) -> Answer:
    quantity, most = (int(amount // cost) if cost else 0 for amount in (free, free * CREDIT))
    return done(output={
        "ord_psbl_cash": str(int(free)), "ord_psbl_sbst": "0", "ruse_psbl_amt": "0", "fund_rpch_chgs": "0",
        "psbl_qty_calc_unpr": str(price), "nrcvb_buy_amt": str(int(free)), "nrcvb_buy_qty": str(quantity),
        "max_buy_amt": str(int(free * CREDIT)), "max_buy_qty": str(most), "cma_evlu_amt": "0", "ovrs_re_use_amt_wcrc": "0",
        "ord_psbl_frcr_amt_wcrc": "0",
    })  # fmt: skip


def psbl_sell(desk: Desk, call: Call) -> Answer:
    """``inquire-psbl-sell``: shares that no open sell offers."""
    own, symbol = desk.owned(call), call.fields["PDNO"]
    if own is not None or symbol not in desk.exchange.market.ticks:
        return own or checks.NO_SYMBOL
    return done(output1={**_holding(desk, call.account, symbol), "now_pric": rows.number(desk.last(symbol))})


def balance(desk: Desk, call: Call) -> Answer:
    """``inquire-balance``: holdings page by page, those sold within two business days with a quantity of 0; and cash."""
    fields, settings, own = call.fields, desk.world.settings, desk.owned(call)
    if own is not None:
        return own
    if fields["AFHR_FLPR_YN"] not in ("N", "X", "Y") or fields["INQR_DVSN"] not in ("01", "02") or fields["PRCS_DVSN"] not in ("00", "01"):
        return checks.WRONG_FIELD
    page = page_of(call, fields["CANO"], fields["ACNT_PRDT_CD"], fields["AFHR_FLPR_YN"], fields["INQR_DVSN"])
    if isinstance(page, Answer):
        return page
    size = settings.balance_page(call.paper)
    known = iter(islice(_held(desk, call.account), page.skip, None))
    shown = list(islice(known, size))
    tr_cont, (code, text) = ending(page, shown, next(known, None) is not None)
    output1 = [_holding(desk, call.account, symbol) for symbol in shown]
    if settings.odd_numbers:
        output1 = [rows.odd(row, ODD) for row in output1]
    return done(
        code, text, tr_cont=tr_cont, **cursors(page, shown[-1] if shown else "^", len(shown)), output1=output1,
        output2=[_cash(desk, call.account)],
    )  # fmt: skip


def _held(desk: Desk, account: str) -> Iterator[str]:
    """Symbols of a balance: what is held, and what was sold in the last days."""
    positions = desk.exchange.account(account).positions
    for symbol in desk.exchange.market.bars.symbols:
        if positions.get(symbol, 0.0) or any(tally.filled for tally in _lately(desk, account, symbol)):
            yield symbol


def _lately(desk: Desk, account: str, symbol: str) -> list[Tally]:
    """Buys and sells of a symbol that are not settled yet."""
    days = [desk.register.day(account, date) for date in _unsettled(desk)]
    return [day.tallies[symbol, side] for day in days for side in (BUY, SELL) if (symbol, side) in day.tallies]


def _unsettled(desk: Desk) -> list[str]:
    """Today and the business days before it whose trades are not settled: newest first."""
    market = desk.exchange.market
    k = market.today(desk.exchange.now)
    return [kst_date(market.opens[i]) for i in range(k, max(k - SETTLES, -1), -1) if i >= 0]


def _today(desk: Desk, account: str, symbol: str, side: int, back: int = 0) -> int:
    """Shares of a symbol that were bought or sold today, or so many business days ago."""
    dates = _unsettled(desk)
    if back >= len(dates):
        return 0
    tally = desk.register.day(account, dates[back]).tallies.get((symbol, side))
    return 0 if tally is None else tally.filled


def _holding(desk: Desk, account: str, symbol: str) -> dict[str, str]:
    found, last = desk.exchange.account(account), desk.last(symbol)
    shares, offered = round(found.positions.get(symbol, 0.0)), round(found.offered.get(symbol, 0.0))
    average = desk.register.average(account, symbol, float(base_price(desk.exchange, symbol))) if shares else 0.0
    cost, worth = average * shares, last * shares
    return {
        "pdno": symbol, "prdt_name": rows.name_of(symbol), "trad_dvsn_name": "현금",
        "bfdy_buy_qty": str(_today(desk, account, symbol, BUY, 1)), "bfdy_sll_qty": str(_today(desk, account, symbol, SELL, 1)),
        "thdt_buyqty": str(_today(desk, account, symbol, BUY)), "thdt_sll_qty": str(_today(desk, account, symbol, SELL)),
        "hldg_qty": str(shares), "ord_psbl_qty": str(shares - offered), "pchs_avg_pric": f"{average:.4f}", "pchs_amt": rows.number(cost),
        "prpr": rows.number(last), "evlu_amt": rows.number(worth), "evlu_pfls_amt": rows.number(worth - cost),
        "evlu_pfls_rt": f"{(worth - cost) / cost * 100 if cost else 0:.2f}", "evlu_erng_rt": "0.00000000", "loan_dt": "",
        "loan_amt": "0", "stln_slng_chgs": "0", "expd_dt": "", "fltt_rt": "0.00000000", "bfdy_cprs_icdc": "0",
        "item_mgna_rt_name": "20%", "grta_rt_name": "", "sbst_pric": "0", "stck_loan_unpr": "0.0000",
    }  # fmt: skip


def _cash(desk: Desk, account: str) -> dict[str, str]:
    """Cash by the day on which it is settled: today's is without the trades of two business days, and D+2 has them all."""
    found, dates = desk.exchange.account(account), _unsettled(desk)
    days = [desk.register.day(account, date).tallies for date in dates]
    today = _sums(days[0]) if days else (0.0, 0.0, 0.0)
    flows = [bought - sold + charged for bought, sold, charged in map(_sums, days)]  # what each day's trades still take
    later, worth, cost = found.cash, 0.0, 0.0
    for symbol, shares in found.positions.items():
        if shares:
            worth += shares * desk.last(symbol)
            cost += shares * desk.register.average(account, symbol, float(base_price(desk.exchange, symbol)))
    amounts: dict[str, Any] = {
        "dnca_tot_amt": later + sum(flows), "nxdy_excc_amt": later + sum(flows[:1]), "prvs_rcdl_excc_amt": later, "cma_evlu_amt": 0,
        "bfdy_buy_amt": _sums(days[1])[0] if len(days) > 1 else 0, "thdt_buy_amt": today[0],
        "nxdy_auto_rdpt_amt": 0, "bfdy_sll_amt": _sums(days[1])[1] if len(days) > 1 else 0, "thdt_sll_amt": today[1],
        "d2_auto_rdpt_amt": 0, "bfdy_tlex_amt": _sums(days[1])[2] if len(days) > 1 else 0, "thdt_tlex_amt": today[2], "tot_loan_amt": 0,
        "scts_evlu_amt": worth, "tot_evlu_amt": worth + later, "nass_amt": worth + later, "fncg_gld_auto_rdpt_yn": "",
        "pchs_amt_smtl_amt": cost, "evlu_amt_smtl_amt": worth, "evlu_pfls_smtl_amt": worth - cost,
    }  # fmt: skip
    return {name: value if isinstance(value, str) else rows.number(round(value)) for name, value in amounts.items()}


def _sums(tallies: dict[tuple[str, int], Tally]) -> tuple[float, float, float]:
    """KRW bought, sold and charged."""
    bought, sold = (sum(tally.amount for (_, side), tally in tallies.items() if side == wanted) for wanted in (BUY, SELL))
    return bought, sold, sum(tally.charged for tally in tallies.values())
