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
        help="Names of the columns of --orders: symbol=Ticker,quantity=Qty; known ones need none. --columns are those of the bars, and of "
        "the orders where the bars are a store.",
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
    typer.Option(
        "--order-encoding",
        help="Of --orders, where it is neither UTF-8 nor UTF-16: cp949, cp1252 ...; that of --encoding if not given.",
        rich_help_panel=ORDERS,
    ),
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


TEXT = ("columns", "decimal", "date_format", "encoding")  # what may be said of a text file, of bars or of orders
PLAIN = {"columns": "", "decimal": None, "date_format": None, "encoding": None}  # where nothing was said


def shared(given: dict[str, Any], said: dict[str, Any]) -> None:
    """Let options of text hold for a file of orders too, where it has none of its own; `said` is left with what holds for the bars.

    Of ``--columns`` the orders take their fields. Where the bars are a store, which needs to be told nothing, all of them are of the
    orders.

    Parameters
    ----------
    given : dict
        Options of the command by name, ``order_columns`` and the like among them.
    said : dict
        Those of reading bars.
    """
    from exec_algos.market.store import BarStore

    if given["orders"] is None:
        return
    stored = given["resume"] is not None or BarStore.found_at((given["bars"] or [""])[0])
    own, rest = _parted(said["columns"], stored=stored)
    given["order_columns"] = own if given["order_columns"] is None else given["order_columns"]
    for name in ("decimal", "date_format"):
        given[f"order_{name}"] = said[name] if given[f"order_{name}"] is None else given[f"order_{name}"]
    given["order_encoding"] = given["order_encoding"] or _needed(given["orders"], said["encoding"])
    said.update(PLAIN if stored else {"columns": rest})


def shared_with_fills(given: dict[str, Any], said: dict[str, Any]) -> None:
    """Let options of text hold for files of fills and of orders too, where they have none of their own; of a store they are theirs alone.

    Parameters
    ----------
    given : dict
        Options of the command by name, ``fills, orders, fill_decimal, own_decimal`` and the like among them.
    said : dict
        Those of reading bars.
    """
    from exec_algos.market.store import BarStore

    for kind, path in (("fill", given["fills"]), ("own", given["orders"])):
        if path is None:
            continue
        for name in ("decimal", "date_format"):
            given[f"{kind}_{name}"] = said[name] if given[f"{kind}_{name}"] is None else given[f"{kind}_{name}"]
        given[f"{kind}_encoding"] = given[f"{kind}_encoding"] or _needed(path, said["encoding"])
    if BarStore.found_at(given["bars"][0]):
        said.update(dict.fromkeys(("decimal", "date_format", "encoding")))


def _parted(columns: str, *, stored: bool) -> tuple[str | None, str]:
    """What ``--columns`` says of orders, and what of bars: a symbol is of the orders where another of their fields is named with it."""
    from exec_algos.studies.design.written.form import FIELDS

    pieces = columns.split(",")
    fields = {piece.partition("=")[0].strip().lower() for piece in pieces if "=" in piece}
    own = fields & set(FIELDS)
    if not own or (own == {"symbol"} and not stored):
        return None, columns
    if fields <= set(FIELDS):
        return columns, ""
    raise UsageError(f"--columns {columns} names fields of bars and of orders; say those of the orders by --order-columns")


def orders_said(said: Mapping[str, Any]) -> dict[str, Any]:
    """What `exec_algos.studies.request.StudyRequest` takes of the orders, from options of the command.

    Raises
    ------
    UsageError
        A form that cannot be, or one without a file of orders.
    """
    from exec_algos.studies.design.written.form import OrderForm

    own = {name: said[f"order_{name}"] for name in TEXT} | {"sides": said["sides_meant"]}
    given = [name for name, value in own.items() if value is not None]
    if given and said["orders"] is None:
        raise UsageError(f"{', '.join(given)} say how a file of orders is written; name it: --orders FILE, or leave them out")
    if said["orders"] is None:
        return {"keep": said["keep"]}
    return {"orders": said["orders"], "keep": said["keep"], "encoding": own.pop("encoding"), "form": OrderForm(**own)}


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
