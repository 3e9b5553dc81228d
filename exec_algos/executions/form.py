"""What a desk's own orders and fills may be called in a file, besides what `OrderForm` knows of orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from exec_algos.errors import UsageError
from exec_algos.market.columns import chosen_columns, plain_name
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
              "체결가", "체결가격", "체결단가", "단가"),
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

    def places(self, names: list[str]) -> dict[str, int]:
        """Where the column of each field stands.

        A report of a fill has an order's quantity, limit and average price beside the fill's own: where two columns may be the fill's, the
        caller says which. An average price is that of an order, so that what time stands beside it is not that of a fill.

        Raises
        ------
        UsageError
            As `OrderForm.places`, and where two columns may each be a field of the fill.
        """
        found = chosen_columns(names, self.fields, self.synonyms, dict(self.columns))  # type: ignore[arg-type] # pairs by now
        for field in found.keys() - dict(self.columns).keys():  # type: ignore[arg-type] # pairs by now
            alike = [name for name in names if plain_name(name) in {plain_name(field), *self.synonyms.get(field, ())}]
            if len(alike) > 1:
                own = next((name for name in alike if plain_name(name) != plain_name(field)), alike[0])
                said = f"the columns {', '.join(map(repr, alike))} may each be {field} of a fill"
                raise UsageError(f"{said}; say which: columns='{field}={own}' (--fill-columns)")
        if "price" not in found:
            average = [place for place, name in enumerate(names) if plain_name(name) in AVERAGE]
            if average:
                return {**{name: place for name, place in found.items() if name not in {"time", DATE}}, "price": average[0]}
        return found


ORDERS, FILLS = OwnOrderForm(), FillForm()
