"""Orders and fills of some days, and the list of open orders, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from exec_algos.sim.kis import checks, rows
from exec_algos.sim.kis.calls import Answer, Call, done
from exec_algos.sim.kis.paging import Page, cursors, ending, page_of
from exec_algos.sim.kis.register import Entry, Tally, kst_date
from exec_algos.sim.orders import BUY, SELL

if TYPE_CHECKING:
    from exec_algos.sim.kis.desk import Desk

SIDES = {"00": (BUY, SELL), "01": (SELL,), "02": (BUY,)}
RECENT = 92  # days that the inquiry of the last three months goes back
OLD_IDS = ("CTSC9215R", "VTSC9215R", "CTSC9115R", "VTSC9115R")


def daily_ccld(desk: Desk, call: Call) -> Answer:
    """``inquire-daily-ccld``: a row an order, newest or oldest first."""
    fields, settings = call.fields, desk.world.settings
    wrong = desk.owned(call) or _wrong(call)
    if wrong is not None:
        return wrong
    names = ("INQR_STRT_DT", "INQR_END_DT", "SLL_BUY_DVSN_CD", "PDNO", "CCLD_DVSN", "INQR_DVSN", "ODNO", "ORD_GNO_BRNO")
    page = page_of(call, fields["CANO"], fields["ACNT_PRDT_CD"], *(fields.get(name, "") for name in names))
    if isinstance(page, Answer):
        return page
    found = _found(desk, call)
    if settings.shifting_pages:
        found = islice(found, page.skip, None)
    elif page.last:
        found = _behind(found, page.last)
    size = settings.fills_page(call.paper)
    shown = list(islice(found, size))
    more = next(found, None) is not None
    tr_cont, (code, text) = ending(page, shown, more)
    last = _name(shown[-1]) if shown else page.last or f"{fields['INQR_END_DT']}^^"
    return done(
        code, text, tr_cont=tr_cont, **cursors(page, last, len(shown)), output1=[rows.daily(entry, settings) for entry in shown],
        output2=_sums(desk, call),
    )  # fmt: skip


def _wrong(call: Call) -> Answer | None:
    fields = call.fields
    if call.paper and fields.get("EXCG_ID_DVSN_CD") != "KRX":
        return checks.PAPER_EXCHANGE
    if fields.get("EXCG_ID_DVSN_CD", "KRX") not in ("KRX", "NXT", "SOR", "ALL"):
        return checks.WRONG_MARKET
    dates = [_date(fields[name]) for name in ("INQR_STRT_DT", "INQR_END_DT")]
    if dates[0] is None or dates[1] is None or dates[0] > dates[1]:
        return checks.WRONG_FIELD
    if fields["INQR_DVSN"] not in ("00", "01") or fields["CCLD_DVSN"] not in ("00", "01", "02"):
        return checks.WRONG_FIELD
    return None


def _date(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d") if len(text) == 8 else None
    except ValueError:
        return None


def _dates(desk: Desk, call: Call) -> list[str]:
    """Days of the account that lie in the range, and on the side of three months ago that the TR id is for."""
    first, last = call.fields["INQR_STRT_DT"], call.fields["INQR_END_DT"]
    day = _date(kst_date(call.now))
    border = "" if day is None else f"{day - timedelta(days=RECENT):%Y%m%d}"
    old = call.tr_id in OLD_IDS
    return [date for date in desk.register.dates(call.account) if first <= date <= last and (date < border) is old]


def _found(desk: Desk, call: Call) -> Iterator[Entry]:
    """Rows that the call asks for and that can be seen by now, in its order."""
    fields, now = call.fields, call.now
    newest = fields["INQR_DVSN"] == "00"
    symbol, odno, orgno = (fields.get(name, "") for name in ("PDNO", "ODNO", "ORD_GNO_BRNO"))
    sides = SIDES.get(fields["SLL_BUY_DVSN_CD"], (BUY, SELL))  # a code of one digit is passed over without a word
    state, exchange = fields["CCLD_DVSN"], fields.get("EXCG_ID_DVSN_CD", "KRX")
    for date in sorted(_dates(desk, call), reverse=newest):
        day = desk.register.day(call.account, date)
        known = day.by_number.get(odno, []) if odno else day.by_symbol.get(symbol, []) if symbol else day.rows
        for i in range(len(known) - 1, -1, -1) if newest else range(len(known)):
            entry = known[i]
            if (
                entry.listed_from <= now
                and entry.side in sides
                and symbol in ("", entry.symbol)
                and orgno in ("", entry.orgno)
                and exchange in ("ALL", entry.exchange)
                and (state == "00" or (state == "01" and entry.filled > 0) or (state == "02" and entry.open > 0))
            ):
                yield entry


def _name(entry: Entry) -> str:
    return f"{entry.date}^{entry.odno}^{entry.orgno}"


def _behind(found: Iterator[Entry], last: str) -> Iterator[Entry]:
    """What comes behind a row."""
    for entry in found:
        if _name(entry) == last:
            break
    return found


def _sums(desk: Desk, call: Call) -> dict[str, str]:
    """Sums of the whole query: its number and its state are passed over, as KIS does."""
    fields, total = call.fields, Tally()
    sides = SIDES.get(fields["SLL_BUY_DVSN_CD"], (BUY, SELL))
    for date in _dates(desk, call):
        for (symbol, side), tally in desk.register.day(call.account, date).tallies.items():
            if side in sides and fields.get("PDNO", "") in ("", symbol):
                total = total.plus(tally)
    average = total.amount / total.filled if total.filled else 0.0
    return {
        "tot_ord_qty": str(total.ordered), "tot_ccld_qty": str(total.filled), "tot_ccld_amt": rows.number(total.amount),
        "prsm_tlex_smtl": rows.number(total.charged), "pchs_avg_pric": f"{average:.4f}",
    }  # fmt: skip


def open_orders(desk: Desk, call: Call) -> Answer:
    """``inquire-psbl-rvsecncl``: what may be changed or cancelled, newest first."""
    fields, settings = call.fields, desk.world.settings
    own = desk.owned(call)
    if own is not None:
        return own
    if fields["INQR_DVSN_1"] not in ("0", "1") or fields["INQR_DVSN_2"] not in ("0", "1", "2"):
        return checks.WRONG_FIELD
    page = page_of(call, fields["CANO"], fields["ACNT_PRDT_CD"], fields["INQR_DVSN_1"], fields["INQR_DVSN_2"])
    if isinstance(page, Answer):
        return page
    sides = {"0": (BUY, SELL), "1": (SELL,), "2": (BUY,)}[fields["INQR_DVSN_2"]]
    known = [entry for entry in desk.open_entries(call.account) if entry.open_from <= call.now and entry.side in sides]
    if fields["INQR_DVSN_1"] == "1":
        known.sort(key=lambda entry: entry.symbol)
    begin = _begin(known, page) if not settings.shifting_pages else page.skip
    shown = known[begin : begin + settings.open_page]
    tr_cont, (code, text) = ending(page, shown, len(known) > begin + settings.open_page)
    last = _name(shown[-1]) if shown else page.last or "^^"
    output = [rows.listed(entry, settings) for entry in shown]
    return done(code, text, tr_cont=tr_cont, **cursors(page, last, len(shown)), output=output)


def _begin(known: list[Entry], page: Page) -> int:
    """Where a page begins that comes behind a row; the row may be gone."""
    names = [_name(entry) for entry in known]
    return names.index(page.last) + 1 if page.last in names else page.skip if page.last else 0
