"""Rows of inquiries as KIS writes them: every value a text, names in its own spelling, numbers now and then in an odd form."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from exec_algos.sim.kis import krx
from exec_algos.sim.kis.register import Entry, kst_time
from exec_algos.sim.orders import BUY

if TYPE_CHECKING:
    from exec_algos.sim.kis.settings import KISSettings

NAMES = {
    "005930": "삼성전자", "000660": "SK하이닉스", "035420": "NAVER", "000270": "기아", "051910": "LG화학", "069500": "KODEX 200",
}  # fmt: skip
SIDE_NAMES = {True: "현금매수", False: "현금매도"}
KIND_NAMES = {"order": "", "modify": "정정", "cancel": "취소"}
EXCHANGES = {"KRX": "02", "NXT": "03", "SOR": "04"}


def name_of(symbol: str) -> str:
    """The name of a listed company."""
    return NAMES.get(symbol, f"종목{symbol}")


def number(value: float) -> str:
    """A number: whole ones without a fraction, others with four decimals."""
    rounded = round(value, 4)
    return str(int(rounded)) if rounded == int(rounded) else f"{rounded:.4f}"


def side_code(side: int) -> str:
    """``"02"`` buy, ``"01"`` sell."""
    return "02" if side == BUY else "01"


def cancelled_of(entry: Entry, settings: KISSettings) -> int:
    """What its row has as the confirmed cancel quantity: where that sits is a setting."""
    if entry.kind == "cancel":
        return entry.cancelled if settings.cancelled_row in ("cancel", "both") else 0
    moved = entry.moved if settings.moved_as_cancelled else 0
    own = entry.cancelled if settings.cancelled_row in ("order", "both") else entry.cancelled - entry.cancelled_by_request
    return own + moved


def cancel_mark(entry: Entry, settings: KISSettings) -> str:
    """``cncl_yn``: Y on the rows that a setting names, else N or nothing."""
    which = "cancel" if entry.kind == "cancel" else "order"
    marked = entry.cancelled > 0 and settings.cancelled_mark in (which, "both")
    return "Y" if marked else "" if which == "cancel" else "N"


def daily(entry: Entry, settings: KISSettings) -> dict[str, str]:
    """A row of ``inquire-daily-ccld``."""
    filled, amount, order = entry.filled, entry.amount, entry.order
    row = {
        "ord_dt": entry.date, "ord_gno_brno": entry.orgno, "odno": entry.odno, "orgn_odno": entry.origin,
        "ord_dvsn_name": krx.ORDER_TYPES[entry.dvsn].name, "sll_buy_dvsn_cd": side_code(entry.side),
        "sll_buy_dvsn_cd_name": SIDE_NAMES[entry.side == BUY] + KIND_NAMES[entry.kind], "pdno": entry.symbol,
        "prdt_name": name_of(entry.symbol), "ord_qty": str(entry.quantity), "ord_unpr": str(entry.price),
        "ord_tmd": kst_time(entry.accepted), "tot_ccld_qty": str(filled), "avg_prvs": number(amount / filled) if filled else "0",
        "cncl_yn": cancel_mark(entry, settings), "tot_ccld_amt": number(amount), "loan_dt": "",
        "ordr_empno": "HTS" if entry.by_hand else "OpnAPI", "ord_dvsn_cd": entry.dvsn,
        settings.cancelled_field: str(cancelled_of(entry, settings)), "rmn_qty": str(entry.open), "rjct_qty": str(entry.rejected),
        "ccld_cndt_name": {"ioc": "IOC", "fok": "FOK"}.get(krx.ORDER_TYPES[entry.dvsn].lasts, "없음"), "inqr_ip_addr": "203.0.113.7",
        "cpbc_ordp_ord_rcit_dvsn_cd": "", "cpbc_ordp_infm_mthd_dvsn_cd": "", "infm_tmd": "", "ctac_tlno": "", "prdt_type_cd": "300",
        "excg_dvsn_cd": EXCHANGES[entry.exchange], "cpbc_ordp_mtrl_dvsn_cd": "", "ord_orgno": "00950", "rsvn_ord_end_dt": "",
        "excg_id_dvsn_Cd": entry.exchange, "stpm_cndt_pric": "", "stpm_efct_occr_dtmd": "",
    }  # fmt: skip
    if order is not None and order.executions and entry.at % 3 == 0:
        row["infm_tmd"] = kst_time(order.executions[-1].time)
    return odd(row, ODD_DAILY) if settings.odd_numbers else row


def listed(entry: Entry, settings: KISSettings) -> dict[str, str]:
    """A row of ``inquire-psbl-rvsecncl``: the open order; it has `psbl_qty` and no `rmn_qty`."""
    row = {
        "ord_gno_brno": entry.orgno, "odno": entry.odno, "orgn_odno": entry.origin, "ord_dvsn_name": krx.ORDER_TYPES[entry.dvsn].name,
        "pdno": entry.symbol, "prdt_name": name_of(entry.symbol),
        "rvse_cncl_dvsn_name": KIND_NAMES[entry.kind] or SIDE_NAMES[entry.side == BUY][2:], "ord_qty": str(entry.quantity),
        "ord_unpr": str(entry.price), "ord_tmd": kst_time(entry.accepted), "tot_ccld_qty": str(entry.filled),
        "tot_ccld_amt": number(entry.amount), "psbl_qty": str(entry.open - entry.pending), "sll_buy_dvsn_cd": side_code(entry.side),
        "ord_dvsn_cd": entry.dvsn, "mgco_aptm_odno": "", "excg_dvsn_cd": EXCHANGES[entry.exchange], "excg_id_dvsn_cd": entry.exchange,
        "excg_id_dvsn_name": entry.exchange, "stpm_cndt_pric": "", "stpm_efct_occr_yn": "",
    }  # fmt: skip
    return odd(row, ODD_OPEN) if settings.odd_numbers else row


ODD_DAILY = ("ord_qty", "ord_unpr", "tot_ccld_qty", "avg_prvs", "tot_ccld_amt", "rmn_qty")
ODD_OPEN = ("ord_qty", "ord_unpr", "tot_ccld_qty", "tot_ccld_amt", "psbl_qty")
EMPTY_WHERE_NONE = ("ord_unpr", "avg_prvs", "pchs_avg_pric")  # a price that there is not is left empty, or a dash


def odd(row: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """The same numbers in forms that were seen: with decimals, after a space, a price that there is not empty or as a dash."""
    for name in names:
        chance = zlib.crc32(f"{row.get('odno', '')}{row['pdno']}{name}".encode())
        value = row[name]
        if value == "0" and name in EMPTY_WHERE_NONE:
            row[name] = ("0", "", "-")[chance % 3]
        elif "." not in value:
            row[name] = (value, f"{value}.0000", f" {value}")[chance % 3]
    return row
