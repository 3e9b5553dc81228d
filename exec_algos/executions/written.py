"""A desk's orders and fills as they were written, before bars are looked at: cells read, each row with what is wrong in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.executions.cells import (
    MISSING,
    Instants,
    Names,
    Numbers,
    Sides,
    cell,
    joined,
    read_instants,
    read_names,
    read_numbers,
    read_side_column,
)
from exec_algos.executions.form import COSTS, DATE, FEES, FillForm, OwnOrderForm
from exec_algos.executions.market import SLACK
from exec_algos.executions.table import Table
from exec_algos.studies.design.written.cells import Unread
from exec_algos.studies.design.written.form import COLUMNS, ORDER_ID, OrderForm
from exec_algos.studies.design.written.rows import SIGNED, WrittenOrders

if TYPE_CHECKING:
    import pandas as pd

Flags = npt.NDArray[np.bool_]
AVERAGE_PRICE = "is taken for the average of an order"
NOT_POSITIVE = "{} must be a positive number"
NEGATIVE_FEE = "{} is below 0; say whether that is what was paid: fees='negative', or what was got: fees='positive' (--fees)"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WrittenFills:
    """Fills by column, shape (n,): what is not known is NaN, `MISSING` (times), 0 (sides) or an empty name.

    Attributes
    ----------
    table : Table
    numbers : ndarray of int64
        Row of the file.
    order, fill_id, symbol : Names, optional
        None where there is no such column.
    side : ndarray of int64
    quantity, price : ndarray of float64
        Shares, currency per share.
    time : ndarray of int64, optional
        ns UTC; None where no fill has a time: the price is an average then.
    costs : mapping of str to ndarray of float64
        Those of ``commission, taxes, rule_price, spread, impact`` that there are.
    kept : mapping of str to Names
        Columns to carry into the result.
    wrong : mapping of int to Unread
        What is wrong in a row, by its position: the first thing.
    notes : tuple of str
    """

    table: Table
    numbers: Ints
    order: Names | None
    fill_id: Names | None
    symbol: Names | None
    side: Ints | None
    quantity: Floats
    price: Floats
    time: Ints | None
    costs: Mapping[str, Floats]
    kept: Mapping[str, Names]
    wrong: dict[int, Unread]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def bare(self) -> WrittenFills:
        """Without the texts that nothing asks for once fills are joined and checked."""
        return replace(self, table=self.table.bare(), fill_id=None, order=None, kept={})

    @classmethod
    def of(cls, table: Table, form: FillForm, zone: str, keep: Sequence[str] = (), fees: str | None = None) -> WrittenFills:
        """Read a table of fills; `fees` is the sign of fees that were paid.

        Raises
        ------
        UsageError
            A column is missing or may be several fields, or the sides are not understood.
        """
        places = form.places(table.names)
        lacking = [name for name in ("quantity", "price") if name not in places]
        if lacking:
            raise UsageError(missing_text("fills", "quantity, price, time (and order_id, or symbol and side)", lacking, table.names))
        columns = {name: table.columns[place] for name, place in places.items()}
        wrong: dict[int, Unread] = {}
        time = _times(columns, zone, form)
        quantity, price = (read_numbers(columns[name], form, table.separator, name) for name in ("quantity", "price"))
        side, shares = _sides(columns, form, time, quantity)
        numbers = {name: read_numbers(_zeros(columns[name]), form, table.separator, name) for name in (*FEES, *COSTS) if name in columns}
        for unread in (*([time.unread] if time else []), side.unread if side else {}, quantity.unread, price.unread):
            _first(wrong, unread)
        for found in numbers.values():
            _first(wrong, found.unread)
        rule, gap = _parts(numbers, price.values)
        _refuse(wrong, ~(shares > 0), columns["quantity"], NOT_POSITIVE.format("quantity"))
        _refuse(wrong, ~(price.values > 0) & ~(rule <= 0), columns["price"], NOT_POSITIVE.format("price"))
        _refuse(wrong, np.abs(gap) > SLACK * np.abs(price.values), columns["price"], "price is not rule_price + spread + impact")
        paid = _paid(numbers, columns, fees, wrong)
        names = {name: read_names(columns[name]) if name in columns else None for name in (ORDER_ID, "fill_id", "symbol")}
        average = (f"the price {table.names[places['price']].strip()!r} {AVERAGE_PRICE}",) if time is None else ()
        signed = (SIGNED,) if side is not None and "side" not in columns else ()
        return cls(
            table=table, numbers=table.numbers, order=names[ORDER_ID], fill_id=names["fill_id"], symbol=names["symbol"],
            side=None if side is None else side.values, quantity=shares, price=price.values, time=None if time is None else time.values,
            costs={name: found.values for name, found in numbers.items()} | paid, kept=_kept(table, keep), wrong=wrong,
            notes=(*named("fills", table.names, places), *average, *signed, *quantity.notes, *price.notes, *(time.notes if time else ())),
        )  # fmt: skip


def missing_text(what: str, needed: str, lacking: Sequence[str], found: Sequence[str]) -> str:
    """Which columns are not there, and how to name them."""
    return (
        f"{what} need the columns {needed}; missing: {', '.join(lacking)}; found: {', '.join(found)}; name yours: "
        f"columns='{lacking[0]}=...' (--{what[:-1]}-columns)"
    )


def named(what: str, names: Sequence[str], places: Mapping[str, int]) -> list[str]:
    """Which columns were taken for which, where their names differ."""
    other = [f"{field} is {names[place].strip()!r}" for field, place in places.items() if names[place].strip().lower() != field]
    return [f"columns of {what}: {', '.join(other)}"] if other else []


def _first(wrong: dict[int, Unread], more: Mapping[int, Unread]) -> None:
    for row, why in more.items():
        wrong.setdefault(row, why)


def _refuse(wrong: dict[int, Unread], bad: Flags, column: Any, reason: str) -> None:
    for row in np.flatnonzero(bad):
        if int(row) not in wrong:
            wrong[int(row)] = Unread(cell(column, int(row)), reason)


def _parts(numbers: Mapping[str, Numbers], price: Floats) -> tuple[Floats, Floats]:
    """The price before costs, which may lie at or below zero where bars do, and what price and parts differ by; NaN where not known."""
    unknown = np.full(len(price), np.nan)
    rule, spread, impact = (numbers[name].values if name in numbers else unknown for name in COSTS)
    return rule, rule + spread + impact - price


def _times(columns: Mapping[str, Any], zone: str, form: FillForm) -> Instants | None:
    if "time" not in columns:
        return None
    return read_instants(joined(columns[DATE], columns["time"]) if DATE in columns else columns["time"], zone, form)


def _zeros(column: Any) -> Any:
    """A column of fees: nothing is 0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return column.fill_null(0)
    words = column.dictionary
    blank = pc.equal(pc.utf8_trim_whitespace(words), "")
    return pc.if_else(blank, "0", words).take(column.indices).dictionary_encode() if pc.any(blank).as_py() else column


def _paid(numbers: Mapping[str, Numbers], columns: Mapping[str, Any], fees: str | None, wrong: dict[int, Unread]) -> dict[str, Floats]:
    """Fees, positive = paid; where nobody said which sign is paid, one below 0 is refused."""
    found = {name: numbers[name].values for name in FEES if name in numbers}
    for name, values in found.items():
        if fees is None:
            _refuse(wrong, values < 0, columns[name], NEGATIVE_FEE.format(name))
    return {name: 0.0 - values for name, values in found.items()} if fees == "negative" else found


def _sides(columns: Mapping[str, Any], form: FillForm, time: Instants | None, quantity: Numbers) -> tuple[Any, Floats]:
    """Sides, where a column says them, or negative quantities; and quantities without the signs that say them."""
    if "side" in columns:
        timed = np.ones(len(quantity.values), dtype=bool) if time is None else time.values != MISSING
        return read_side_column(columns["side"], form, timed), quantity.values
    if not (quantity.values < 0).any():
        return None, quantity.values
    return Sides(np.where(quantity.values < 0, -1, 1).astype(np.int64), {}), np.abs(quantity.values)


def _kept(table: Table, keep: Sequence[str]) -> dict[str, Names]:
    names = [name.strip().lower() for name in table.names]
    return {name: read_names(table.columns[names.index(name)]) for name in map(str.lower, keep) if name in names}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OwnOrders:
    """A desk's orders: what a study takes of them, and what is known besides; arrays of shape (n,), by row of `written`.

    Attributes
    ----------
    written : WrittenOrders
    cancel, decided : ndarray of int64
        ns UTC; `MISSING` where not known.
    filled, average_price : ndarray of float64
        NaN where not known.
    costs : mapping of str to ndarray of float64
        Those of ``commission, taxes, children`` that there are.
    ratio : ndarray of float64
        What quantities are multiplied by to be in shares of the bars.
    has_end : ndarray of bool
    has : frozenset of str
        The fields that there are columns for.
    wrong : mapping of int to Unread
        By position.
    notes : tuple of str
    """

    written: WrittenOrders
    cancel: Ints
    decided: Ints
    filled: Floats
    average_price: Floats
    costs: Mapping[str, Floats]
    ratio: Floats
    has_end: Flags
    has: frozenset[str]
    wrong: dict[int, Unread]
    notes: tuple[str, ...]
    table: Table

    def __len__(self) -> int:
        return len(self.written)

    @classmethod
    def of(cls, table: Table, form: OwnOrderForm, zone: str, keep: Sequence[str] = (), fees: str | None = None) -> OwnOrders:
        """Read a table of orders; `fees` is the sign of fees that were paid.

        Raises
        ------
        UsageError
            See `WrittenOrders.of`.
        """
        places = form.places(table.names)
        lacking = [name for name in ("symbol", "quantity", "start") if name not in places]
        if lacking:
            raise UsageError(missing_text("orders", ", ".join(form.needed), lacking, table.names))
        frame, has_end = _canonical(table, places, keep)
        plain = OrderForm(sides=form.sides, decimal=form.decimal, date_format=form.date_format)
        written = _endless(WrittenOrders.of(frame, plain, zone, keep), has_end)
        columns = {name: table.columns[place] for name, place in places.items()}
        wrong: dict[int, Unread] = {}
        times = {name: read_instants(columns[name], zone, form) for name in ("cancel", "decision") if name in columns}
        more = {
            name: read_numbers(columns[name] if name in {"filled", "average_price"} else _zeros(columns[name]), form,
                               table.separator, name)
            for name in ("filled", "average_price", *FEES, "children") if name in columns
        }  # fmt: skip
        for unread in (*(found.unread for found in times.values()), *(found.unread for found in more.values())):
            _first(wrong, {row: why for row, why in unread.items() if why.value.strip()})
        paid = _paid(more, columns, fees, wrong)
        n, unknown = len(table), np.full(len(table), np.nan)
        return cls(
            written=written, wrong=wrong, has=frozenset(places), has_end=has_end, ratio=np.ones(n), table=table,
            cancel=times["cancel"].values if "cancel" in times else np.full(n, MISSING),
            decided=times["decision"].values if "decision" in times else np.full(n, MISSING),
            filled=more["filled"].values if "filled" in more else unknown,
            average_price=more["average_price"].values if "average_price" in more else unknown,
            costs={name: more[name].values for name in (*FEES, "children") if name in more} | paid,
            notes=(*named("orders", table.names, places), *written.notes),
        )  # fmt: skip

    def ending(self, ends: Ints) -> OwnOrders:
        """With these ends in the place of those that are not written; `MISSING` where none is known either."""
        own = [end if has else int(other) for end, has, other in zip(self.written.ends, self.has_end, ends, strict=True)]
        said = [Unread("", "the order has no end, and no fill says when it ended") if end == MISSING else end for end in own]
        return replace(self, written=replace(self.written, ends=said))


def _endless(written: WrittenOrders, has_end: Flags) -> WrittenOrders:
    """With the windows of orders that have no end as they stand in the file."""
    if has_end.all():
        return written
    windows = [(q, w if has else f"{w.partition(' to ')[0]} to no end") for (q, w), has in zip(written.as_written, has_end, strict=True)]
    return replace(written, as_written=windows)


def _canonical(table: Table, places: Mapping[str, int], keep: Sequence[str]) -> tuple[pd.DataFrame, Flags]:
    """The frame that `WrittenOrders.of` reads, its columns by the name of their fields; and which orders say when they end.

    An order that does not say it is given its start for an end, so that the cell is read; `OwnOrders.ending` puts another in its place.
    """
    frame = table.frame()
    fields = [name for name in (*COLUMNS, ORDER_ID) if name in places]
    lower = [name.strip().lower() for name in table.names]
    for name in map(str.lower, keep):
        if name.strip() not in lower:
            raise UnknownNameError("column", name, table.names)
    more = [lower.index(name) for name in dict.fromkeys(map(str.lower, keep)) if name not in fields]
    found = frame.iloc[:, [*(places[name] for name in fields), *more]].set_axis([*fields, *(lower[i] for i in more)], axis=1)
    found.attrs = frame.attrs
    found.index.name = frame.index.name
    if "end" not in found:
        found.insert(len(found.columns), "end", found["start"])
        return found, np.zeros(len(found), dtype=bool)
    blank = found["end"].isna() | (found["end"].astype(str).str.strip() == "")
    found["end"] = found["end"].where(~blank, found["start"])
    return found, ~blank.to_numpy(dtype=bool)
