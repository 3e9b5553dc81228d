"""The options of ``exec-algos tca`` that no other command has: the files of orders and fills, and how they are written."""

from __future__ import annotations

from typing import Annotated, Any

import typer

OWN = "Own orders and fills"  # panel of --help


def _own(text: str, *names: str, panel: str = OWN) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=False)


FillFile = Annotated[
    str, typer.Argument(metavar="FILLS", help="CSV or Parquet of your own fills, or of orders with columns filled and average_price.")
]
OrderFile = Annotated[
    str | None,
    _own("CSV or Parquet of the orders; without it an order is all fills of one symbol, side and day.", "--orders"),
]
KeepBoth = Annotated[str, _own("Columns of the orders, or else of the fills, to carry into the result: trader,broker.", "--keep")]
OwnColumns = Annotated[
    str | None, _own("Names of the columns of --orders: symbol=Ticker,start=Arrival; known ones need none.", "--order-columns")
]
FillColumns = Annotated[str | None, _own("Names of the columns of FILLS: price=Px,quantity=Done; known ones need none.", "--fill-columns")]
OwnCodes = Annotated[str | None, _own("What codes of sides mean: 01=sell,02=buy; known ones need none.", "--sides")]
FillDates = Annotated[
    str | None, _own("Of the times of FILLS: day-first, epoch-ms, %d/%m/%Y ...; that of --date-format if not given.", "--fill-date-format")
]
OrderDates = Annotated[str | None, _own("Of the times of --orders; that of --date-format if not given.", "--order-date-format")]
FillEncoding = Annotated[str | None, _own("Of FILLS: cp949, cp1252 ...; that of --encoding if not given.", "--fill-encoding")]
OrderEncoding = Annotated[str | None, _own("Of --orders; that of --encoding if not given.", "--order-encoding")]
FillDecimal = Annotated[str | None, _own("Decimal mark of FILLS, , or .; that of --decimal if not given.", "--fill-decimal")]
OrderDecimal = Annotated[str | None, _own("Decimal mark of --orders, , or .; that of --decimal if not given.", "--order-decimal")]
Stamps = Annotated[
    str | None,
    _own("The bar of a fill at 10:00:00: the one that begins then (start) or ends then (end); else --price says it.", "--stamped"),
]
TaxesIn = Annotated[
    bool | None,
    _own(
        "Whether the column of commissions holds the taxes; if not said, only in fills of a study.", "--taxes-in-commission/--taxes-beside"
    ),
]
FeeSign = Annotated[
    str | None, _own("The sign of fees that were paid: positive or negative; if not said, those below 0 are refused.", "--fees")
]
OwnPrice = Annotated[
    str | None, _own("What a simulated market order pays: open (if not said), vwap, close or worst.", "--price", panel="Fills and costs")
]
OwnBy = Annotated[
    str | None, _own("Also print the costs by these: symbol, size, hour, weekday, any column that is kept.", "--by", panel="What is shown")
]
OwnAlgo = Annotated[str, typer.Option("--algo", help="Algorithms to work the same orders: twap,vwap ...; none for the fills alone.")]
