"""What a desk's own orders and fills may be called in a file, besides what `OrderForm` knows of orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from exec_algos.studies.design.written.form import FIELDS, ORDER_ID, SYNONYMS, OrderForm

DATE = "date"
COSTS = ("rule_price", "spread", "impact")  # of a study's own fills, under these very names
FEES = ("commission", "taxes")
MORE_OF_ORDERS = ("decision", "cancel", "filled", "average_price", *FEES, "children")
OF_FILLS = (ORDER_ID, "fill_id", "symbol", "side", "quantity", "price", "time", DATE, *FEES, *COSTS)

FEE_NAMES: Mapping[str, tuple[str, ...]] = {
    "commission": ("commission", "commissions", "comm", "fee", "fees", "commissionfee", "commfee", "commissionandfees", "ibcommission",
                   "brokerage", "수수료", "매매수수료"),
    "taxes": ("taxes", "tax", "stampduty", "transactiontax", "세금", "제세금", "거래세", "세금합계"),
}  # fmt: skip
AVERAGE = ("averageprice", "avgprice", "avgpx", "averagepx", "avgfillprice", "averagefillprice", "평균단가",
           "평균가", "체결평균가", "평균체결가", "체결평균단가")  # fmt: skip

ORDER_NAMES: Mapping[str, tuple[str, ...]] = {
    **SYNONYMS,
    **FEE_NAMES,
    "decision": ("decision", "decisiontime", "decided", "decidedat", "pmtime", "signaltime", "결정시각", "결정시간"),
    "cancel": ("cancel", "canceltime", "cancelled", "canceled", "cancelledat", "canceledat", "cancelledtime", "canceledtime",
               "취소시각", "취소시간"),
    "filled": ("filled", "filledqty", "filledquantity", "cumqty", "executedqty", "execqty", "donequantity", "체결수량", "총체결수량"),
    "average_price": AVERAGE,
}  # fmt: skip

FILL_NAMES: Mapping[str, tuple[str, ...]] = {
    **FEE_NAMES,
    ORDER_ID: (*SYNONYMS[ORDER_ID], "parentid", "origclordid"),
    "fill_id": ("fillid", "execid", "executionid", "execno", "tradeid", "tradeno", "tradenumber", "dealid", "matchid", "체결번호"),
    "symbol": SYNONYMS["symbol"],
    "side": SYNONYMS["side"],
    "quantity": ("quantity", "qty", "shares", "lastqty", "lastshares", "lastquantity", "fillqty", "fillquantity", "filledqty", "execqty",
                 "executedqty", "executedquantity", "tradeqty", "tradequantity", "체결수량", "체결량", "수량"),
    "price": ("price", "lastpx", "lastprice", "fillprice", "tprice", "execprice", "executionprice", "executedprice", "tradeprice", "px",
              *AVERAGE, "체결가", "체결가격", "체결단가", "단가"),
    "time": ("time", "timestamp", "datetime", "transacttime", "filltime", "exectime", "executiontime", "tradetime", "executedat",
             "tradedatetime", "체결시각", "체결시간", "체결일시"),
    DATE: ("date", "tradedate", "filldate", "execdate", "체결일자", "체결일", "거래일자", "매매일자"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOrderForm(OrderForm):
    """`OrderForm` of orders of which more is known: when each was decided and cancelled, what it filled and at which average price."""

    fields: ClassVar[tuple[str, ...]] = (*FIELDS, *MORE_OF_ORDERS)
    synonyms: ClassVar[Mapping[str, tuple[str, ...]]] = ORDER_NAMES
    needed: ClassVar[tuple[str, ...]] = ("symbol", "side", "quantity", "start")


@dataclass(frozen=True, slots=True, kw_only=True)
class FillForm(OrderForm):
    """`OrderForm` of fills: what the columns of a file of fills are called, and how its cells are written."""

    fields: ClassVar[tuple[str, ...]] = OF_FILLS
    synonyms: ClassVar[Mapping[str, tuple[str, ...]]] = FILL_NAMES
    needed: ClassVar[tuple[str, ...]] = ("symbol", "side", "quantity", "price", "time")


ORDERS, FILLS = OwnOrderForm(), FillForm()
