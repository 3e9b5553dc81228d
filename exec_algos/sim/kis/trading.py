"""`trading_endpoints`: orders and inquiries of a simulated KIS, by method, path and TR id; and its truth of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from exec_algos.sim.kis.calls import Answer, Call, Endpoint, refused
from exec_algos.sim.kis.desk import Desk, desk_of
from exec_algos.sim.kis.holdings import balance, psbl_order, psbl_sell
from exec_algos.sim.kis.inquiries import daily_ccld, open_orders
from exec_algos.sim.kis.register import Entry, Register
from exec_algos.sim.orders import BUY, Execution

if TYPE_CHECKING:
    from exec_algos.sim.kis.world import World

__all__ = ["desk_of", "trading_endpoints", "truth_rows"]

PAGED = ("CTX_AREA_FK100", "CTX_AREA_NK100")
TRADING = "/uapi/domestic-stock/v1/trading/"
ACCOUNT = ("CANO", "ACNT_PRDT_CD")


def order_resv(call: Call) -> Answer:
    """``order-resv``: its window lies outside the hours of the recorded market."""
    return refused("KIER3672", "예약주문 가능시간은 16:40~08:30 입니다.")


def trading_endpoints(world: World) -> list[Endpoint]:
    """Orders and inquiries of both hosts."""
    desk = desk_of(world)
    return [*_orders(desk), *_inquiries(desk)]


def _orders(desk: Desk) -> list[Endpoint]:
    return [
        Endpoint(
            method="POST", path=TRADING + "order-cash", live=("TTTC0012U", "TTTC0011U"), paper=("VTTC0012U", "VTTC0011U"),
            required=(*ACCOUNT, "PDNO", "ORD_DVSN", "ORD_QTY", "ORD_UNPR"), run=desk.order_cash, orders=True,
        ),
        Endpoint(
            method="POST", path=TRADING + "order-rvsecncl", live=("TTTC0013U",), paper=("VTTC0013U",),
            required=(
                *ACCOUNT, "KRX_FWDG_ORD_ORGNO", "ORGN_ODNO", "ORD_DVSN", "RVSE_CNCL_DVSN_CD", "ORD_QTY", "ORD_UNPR", "QTY_ALL_ORD_YN",
            ),
            run=desk.order_rvsecncl, orders=True,
        ),
        Endpoint(
            method="POST", path=TRADING + "order-resv", live=("CTSC0008U",), paper=(),
            required=(*ACCOUNT, "PDNO", "ORD_QTY", "ORD_UNPR", "SLL_BUY_DVSN_CD", "ORD_DVSN_CD", "ORD_OBJT_CBLC_DVSN_CD"),
            run=order_resv, orders=True,
        ),
    ]  # fmt: skip


def _inquiries(desk: Desk) -> list[Endpoint]:
    return [
        Endpoint(
            method="GET", path=TRADING + "inquire-daily-ccld", live=("TTTC0081R", "CTSC9215R"), paper=("VTTC0081R", "VTSC9215R"),
            required=(
                *ACCOUNT, "INQR_STRT_DT", "INQR_END_DT", "SLL_BUY_DVSN_CD", "CCLD_DVSN", "INQR_DVSN", "INQR_DVSN_3", *PAGED,
            ),
            run=partial(daily_ccld, desk), ledger=True,
        ),
        Endpoint(
            method="GET", path=TRADING + "inquire-psbl-rvsecncl", live=("TTTC0084R",), paper=(),
            required=(*ACCOUNT, "INQR_DVSN_1", "INQR_DVSN_2", *PAGED), run=partial(open_orders, desk), ledger=True,
        ),
        Endpoint(
            method="GET", path=TRADING + "inquire-psbl-order", live=("TTTC8908R",), paper=("VTTC8908R",),
            required=(*ACCOUNT, "PDNO", "ORD_UNPR", "ORD_DVSN", "CMA_EVLU_AMT_ICLD_YN", "OVRS_ICLD_YN"), run=partial(psbl_order, desk),
            ledger=True,
        ),
        Endpoint(
            method="GET", path=TRADING + "inquire-psbl-sell", live=("TTTC8408R",), paper=(), required=(*ACCOUNT, "PDNO"),
            run=partial(psbl_sell, desk), ledger=True,
        ),
        Endpoint(
            method="GET", path=TRADING + "inquire-balance", live=("TTTC8434R",), paper=("VTTC8434R",),
            required=(
                *ACCOUNT, "AFHR_FLPR_YN", "OFL_YN", "INQR_DVSN", "UNPR_DVSN", "FUND_STTL_ICLD_YN", "FNCG_AMT_AUTO_RDPT_YN", "PRCS_DVSN",
                *PAGED,
            ),
            run=partial(balance, desk), ledger=True,
        ),
    ]  # fmt: skip


def truth_rows(world: World) -> dict[str, list[dict[str, Any]]]:
    """All orders (requests to change and cancel among them) and executions of all accounts, as the exchange has them."""
    desk = desk_of(world)
    return {
        "orders": [_truth(entry) for entry in desk.register.rows()],
        "executions": [_execution(execution, desk.register) for execution in world.exchange.executions],
    }


def _truth(entry: Entry) -> dict[str, Any]:
    order = entry.order
    state = "request" if order is None else {"open": "open", "rejected": "rejected"}.get(order.state, "done")
    return {
        "account": entry.account, "date": entry.date, "orgno": entry.orgno, "odno": entry.odno, "origin": entry.origin, "root": entry.root,
        "kind": entry.kind, "symbol": entry.symbol, "side": "BUY" if entry.side == BUY else "SELL", "dvsn": entry.dvsn,
        "exchange": entry.exchange, "quantity": entry.quantity, "limit": entry.price or None, "filled": entry.filled,
        "amount": entry.amount, "open": entry.open, "cancelled": entry.cancelled, "moved": entry.moved, "rejected": entry.rejected,
        "state": state, "accepted": entry.accepted, "ended": 0 if order is None else order.ended, "by_hand": entry.by_hand,
        "listed_from": entry.listed_from, "open_from": entry.open_from,
    }  # fmt: skip


def _execution(execution: Execution, register: Register) -> dict[str, Any]:
    entry = register.of(execution.venue_id)
    odno, orgno, date = ("", "", "") if entry is None else (entry.odno, entry.orgno, entry.date)
    return {
        "account": execution.account, "date": date, "orgno": orgno, "odno": odno, "symbol": execution.symbol,
        "side": "BUY" if execution.side == BUY else "SELL", "quantity": execution.quantity, "price": execution.price,
        "time": execution.time, "filled": execution.filled, "amount": execution.amount,
    }  # fmt: skip
