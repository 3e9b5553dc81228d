"""``exec-algos live run orders.csv``: the rows of a file of orders as a session takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from exec_algos.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.live.orders import Asked, BadRow
    from exec_algos.studies.design.written.form import OrderForm

OWN = ("ref", "limit", "algo")  # columns that a file may have beside those of a study


def read_file(path: str, form: OrderForm, encoding: str | None) -> pd.DataFrame:
    """The table of a file, every cell a text; ``order_id`` or one of its synonyms is the ref where there is no column ``ref``.

    Raises
    ------
    UsageError
        No file, no table, a column that is missing, or no row.
    """
    from exec_algos.studies.design.written.files import read_orders
    from exec_algos.studies.design.written.rows import columns_of

    frame = read_orders(path, form, encoding)
    try:
        columns_of(frame, form)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    if not len(frame):
        raise UsageError(f"{path}: no row stands below the column names; give it at least one order")
    return frame


def symbols_of(frame: pd.DataFrame, form: OrderForm) -> list[str]:
    """The symbols of a table, each once; an empty cell names none."""
    from exec_algos.studies.design.written.cells import unquoted
    from exec_algos.studies.design.written.rows import columns_of

    cells = frame.iloc[:, columns_of(frame, form)["symbol"]]
    return [symbol for symbol in dict.fromkeys(unquoted(str(cell)) for cell in cells) if symbol]


def rows_of(frame: pd.DataFrame, form: OrderForm, zone: str, algorithm: str | None) -> tuple[list[Asked], list[BadRow], tuple[str, ...]]:
    """The rows that are understood, those that are not, and what was assumed in reading them.

    Parameters
    ----------
    frame : DataFrame
    form : OrderForm
    zone : str
        Of times that name none.
    algorithm : str or None
        Text form, for rows without one of their own.
    """
    from exec_algos.live.orders import Asked
    from exec_algos.model import Side
    from exec_algos.studies.design.written.form import ORDER_ID
    from exec_algos.studies.design.written.rows import WrittenOrders

    plain = [str(name).strip().lower() for name in frame.columns]
    written = WrittenOrders.of(frame, form, zone, [name for name in OWN if name in plain])
    refs = written.kept.get("ref") or written.kept.get(ORDER_ID) or [""] * len(written)
    limits = _limits(written.kept.get("limit") or [""] * len(written), form)
    named = written.kept.get("algo") or [""] * len(written)
    asked: list[Asked] = []
    bad: list[BadRow] = []
    for i, number in enumerate(written.numbers.tolist()):
        cells: dict[str, Any] = {
            "symbol": written.symbols[i], "side": written.sides[i], "quantity": written.quantities[i], "start": written.starts[i],
            "end": written.ends[i], "limit": limits[i], "algorithm": named[i].strip() or algorithm or "",
        }  # fmt: skip
        wrong = _unread(number, cells)
        bad += wrong
        if not wrong:
            asked.append(Asked(row=number, ref=refs[i].strip(), **{**cells, "side": Side(cells["side"])}))
    return asked, bad, written.notes


def _unread(number: int, cells: dict[str, Any]) -> list[BadRow]:
    from exec_algos.live.orders import BadRow
    from exec_algos.studies.design.written.cells import Unread

    bad = [BadRow(number, name, cell.value, cell.reason) for name, cell in cells.items() if isinstance(cell, Unread)]
    if not cells["symbol"]:
        bad.append(BadRow(number, "symbol", "", "it is empty; name the symbol"))
    if not cells["algorithm"]:
        bad.append(BadRow(number, "algo", "", "no algorithm; name one by --algo, or in a column algo"))
    return bad


def _limits(cells: Sequence[str], form: OrderForm) -> list[Any]:
    """The limit of each cell, None where it is empty, `Unread` where it is no price above 0."""
    from exec_algos.studies.design.written.cells import Unread
    from exec_algos.studies.design.written.quantities import read_quantities

    read = iter(read_quantities([cell for cell in cells if cell.strip()], form.decimal).values)
    found: list[Any] = []
    for cell in cells:
        value = next(read) if cell.strip() else None
        if isinstance(value, Unread):
            value = Unread(cell, "limit is no price; write a number above 0, or leave it empty")
        elif value is not None and not value > 0:
            value = Unread(cell, "limit must be above 0; leave it empty for none")
        found.append(value)
    return found
