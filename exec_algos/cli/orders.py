"""Options of ``exec-algos study`` that say which orders are studied, and how a desk's own are written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from exec_algos.errors import MarketDataError, UsageError

ORDERS = "What is studied"  # panel of --help

Orders = Annotated[
    str | None,
    typer.Option(
        help="A CSV of your own orders (symbol, side, quantity, start, end) in place of sides, sizes and windows.", rich_help_panel=ORDERS
    ),
]
Keep = Annotated[
    str, typer.Option(help="Columns of --orders to carry into the result, comma-separated: trader,desk.", rich_help_panel=ORDERS)
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--order-columns",
        help="Names of the columns of --orders: symbol=Ticker,quantity=Qty; known ones need none. --columns are those of the bars.",
        rich_help_panel=ORDERS,
    ),
]
Codes = Annotated[
    str | None, typer.Option("--sides", help="What codes in --orders mean: 01=sell,02=buy; known ones need none.", rich_help_panel=ORDERS)
]
Decimal = Annotated[
    str | None,
    typer.Option(
        "--order-decimal",
        help="Decimal mark of the quantities of --orders, , or .; that of --decimal if not given.",
        rich_help_panel=ORDERS,
    ),
]
DateFormat = Annotated[
    str | None,
    typer.Option(
        "--order-date-format",
        help="Of the times of --orders: day-first, month-first, year-first, epoch-s, excel or %d/%m/%Y %H:%M; that of --date-format if not "
        "given.",
        rich_help_panel=ORDERS,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option("--order-encoding", help="Of --orders, where it is neither UTF-8 nor UTF-16: cp949, cp1252 ...", rich_help_panel=ORDERS),
]
Only = Annotated[str | None, typer.Option("--symbols", help="Study these only, comma-separated.", rich_help_panel=ORDERS)]
First = Annotated[
    str | None, typer.Option("--from", help="First day studied, YYYY-MM-DD; earlier ones stay history.", rich_help_panel=ORDERS)
]
Last = Annotated[str | None, typer.Option("--to", help="Last day studied, YYYY-MM-DD.", rich_help_panel=ORDERS)]
Sample = Annotated[
    str | None,
    typer.Option(
        "--strata",
        help="A sample: liquidity,volatility,buckets=5,per_stratum=200,seed=7 or liquidity=1e6/1e8,fraction=0.25.",
        rich_help_panel=ORDERS,
    ),
]


def orders_said(said: Mapping[str, Any]) -> dict[str, Any]:
    """What `exec_algos.studies.request.StudyRequest` takes of the orders, from all options of the command.

    ``--decimal`` and ``--date-format`` hold for the orders too, where they have none of their own; ``--encoding`` where the file shows
    that it is neither UTF-8 nor UTF-16.

    Raises
    ------
    UsageError
        A form that cannot be, or one without a file of orders.
    """
    from exec_algos.studies.design.written.form import OrderForm

    own = {"columns": said["order_columns"], "sides": said["sides_meant"]}
    own |= {name: said[f"order_{name}"] for name in ("decimal", "date_format")}
    given = [option for option, value in {**own, "encoding": said["order_encoding"]}.items() if value is not None]
    if given and said["orders"] is None:
        raise UsageError(f"{', '.join(given)} say how a file of orders is written; name it: --orders FILE, or leave them out")
    if said["orders"] is None:
        return {}
    own |= {name: said.get(name) for name in ("decimal", "date_format") if own[name] is None}
    encoding = said["order_encoding"] or _needed(said["orders"], said.get("encoding"))
    return {"orders": said["orders"], "keep": said["keep"], "form": OrderForm(**own), "encoding": encoding}


def _needed(path: str | os.PathLike[str], encoding: str | None) -> str | None:
    """The encoding, where the file does not show its own."""
    from exec_algos.market.textfile import read_text

    if encoding is None:
        return None
    try:
        read_text(path)
    except MarketDataError:
        return encoding
    return None
