"""`OrderForm`: how a desk writes its orders, where a file does not say it itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from exec_algos.market.columns import chosen_columns, parse_columns
from exec_algos.studies.design.written.quantities import check_decimal
from exec_algos.studies.design.written.sides import parse_sides
from exec_algos.studies.design.written.times import check_date_format

COLUMNS = ("symbol", "side", "quantity", "start", "end")
ORDER_ID = "order_id"
FIELDS = (*COLUMNS, ORDER_ID)
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "symbol": ("symbol", "ticker", "tickersymbol", "sym", "instrument", "security", "stock", "stockcode", "종목코드", "종목", "단축코드"),
    "side": ("side", "bs", "buysell", "buyorsell", "sidecode", "action", "direction", "매매구분", "매수매도", "매도매수", "매매"),
    "quantity": ("quantity", "qty", "shares", "orderqty", "orderquantity", "ordqty", "totalqty", "totalquantity", "수량", "주문수량"),
    "start": ("start", "starttime", "startdatetime", "starttimestamp", "begin", "begintime", "arrival", "arrivaltime", "effectivetime",
              "시작", "시작시간", "시작시각", "시작일시"),
    "end": ("end", "endtime", "enddatetime", "endtimestamp", "finish", "finishtime", "until", "expiretime",
            "종료", "종료시간", "종료시각", "종료일시"),
    ORDER_ID: ("orderid", "ordid", "orderno", "ordernumber", "ordernum", "clordid", "clientorderid", "parentorderid", "주문번호"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderForm:
    """What a caller says of a file of orders.

    Parameters
    ----------
    columns : str or mapping of str to str, optional
        Its columns by field: ``"symbol=Ticker,quantity=Qty"``; known names and synonyms need none.
    sides : str or mapping of str to str, optional
        What codes of the desk mean: ``"01=sell,02=buy"``.
    decimal : {".", ","}, optional
        The decimal mark of all quantities.
    date_format : str, optional
        ``"day-first"``, ``"month-first"``, ``"epoch-s"`` (``ms, us, ns``), ``"excel"``, or a form of `datetime.strptime`; dates have the
        year first if not given.

    Raises
    ------
    UsageError
        One that cannot be.
    """

    columns: str | Mapping[str, str] | tuple[tuple[str, str], ...] | None = None
    sides: str | Mapping[str, str] | tuple[tuple[str, str], ...] | None = None
    decimal: str | None = None
    date_format: str | None = None

    fields: ClassVar[tuple[str, ...]] = FIELDS
    synonyms: ClassVar[Mapping[str, tuple[str, ...]]] = SYNONYMS
    needed: ClassVar[tuple[str, ...]] = COLUMNS

    def __post_init__(self) -> None:
        columns, sides = (dict(value) if isinstance(value, tuple) else value for value in (self.columns, self.sides))
        object.__setattr__(self, "columns", tuple(parse_columns(columns, self.fields).items()))
        names = {1: "buy", -1: "sell"}
        object.__setattr__(self, "sides", tuple((code, names[side]) for code, side in parse_sides(sides or None).items()))
        check_decimal(self.decimal)
        check_date_format(self.date_format)

    @property
    def codes(self) -> dict[str, int]:
        """The side of each code of the desk."""
        return parse_sides(dict(self.sides) or None)  # type: ignore[arg-type] # pairs by now

    def places(self, names: list[str]) -> dict[str, int]:
        """Where the column of each field stands.

        Raises
        ------
        UsageError
            As `exec_algos.market.columns.chosen_columns`.
        """
        return chosen_columns(names, self.fields, self.synonyms, dict(self.columns))  # type: ignore[arg-type] # pairs by now

    def record(self) -> dict[str, Any]:
        """What was said, ready for JSON."""
        said = {"columns": dict(self.columns), "sides": dict(self.sides), "decimal": self.decimal, "date_format": self.date_format}  # type: ignore[arg-type] # pairs by now
        return {name: value for name, value in said.items() if value}


NO_FORM = OrderForm()
