"""`WrittenOrders`: every row of a table of orders, its cells read, before bars and sessions are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.studies.design.history import KNOWN
from exec_algos.studies.design.written.cells import Unread, unquoted
from exec_algos.studies.design.written.files import NUMBER, SEPARATOR
from exec_algos.studies.design.written.form import COLUMNS, ORDER_ID, OrderForm
from exec_algos.studies.design.written.quantities import read_quantities
from exec_algos.studies.design.written.sides import check_both, check_left, read_sides
from exec_algos.studies.design.written.times import Times
from exec_algos.tca.table import COLUMNS as RESULT

if TYPE_CHECKING:
    import pandas as pd

POSITIVE = "quantity must be a positive number of shares; the side says whether they are sold"
ZERO = "quantity must be a positive number of shares, or a negative one to sell"
SIGNED = "no column of sides: positive quantities buy, negative ones sell"
WINDOWS = ("window_asked", "window")  # columns of the result
# columns of the part of a shard: what was read, so that it is read once
PART = ("row of orders.csv", "symbol", "side", "quantity", "start", "end", "quantity as written", "window as written")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WrittenOrders:
    """Rows of a table of orders by column; what is not understood is an `Unread` in its place.

    Attributes
    ----------
    numbers : ndarray of int64
        Of each row, rising: `Refused.row`.
    symbols : sequence of str
    sides : sequence of int or Unread
        +1 buys, -1 sells.
    quantities : sequence of float or Unread
        Shares, positive.
    starts, ends : sequence of int or Unread
        ns UTC.
    as_written : sequence of tuple of str
        Quantity and window as they stand in the file.
    kept : mapping of str to sequence of str
        The order ids where there are some, and the columns to carry into the result.
    notes : tuple of str
        What was assumed in reading them, in words.
    """

    numbers: npt.NDArray[np.int64]
    symbols: Sequence[str]
    sides: Sequence[int | Unread]
    quantities: Sequence[float | Unread]
    starts: Sequence[int | Unread]
    ends: Sequence[int | Unread]
    as_written: Sequence[tuple[str, str]]
    kept: Mapping[str, Sequence[str]]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.numbers)

    @classmethod
    def of(cls, frame: pd.DataFrame, form: OrderForm, zone: str, keep: Sequence[str] = ()) -> WrittenOrders:
        """The rows of a frame, each cell read once.

        Parameters
        ----------
        frame : DataFrame
            Of texts, or of numbers and stamps.
        form : OrderForm
        zone : str
            Of times that name none.
        keep : sequence of str
            Columns to carry into the result.

        Raises
        ------
        UsageError
            A column is missing or stands there twice, one to keep is not there or has a name of the result's, or the sides are not
            understood (`exec_algos.studies.design.written.sides.read_sides`).
        """
        places = columns_of(frame, form, keep)
        cells = {name: frame.iloc[:, place].tolist() for name, place in places.items()}
        quantities, marks = read_quantities(cells["quantity"], form.decimal, frame.attrs.get(SEPARATOR, ","))
        notes = [*marks]
        if "side" in cells:
            timed = [bool(str(start).strip() or str(end).strip()) for start, end in zip(cells["start"], cells["end"], strict=True)]
            sides = read_sides(cells["side"], form.codes, timed)
            quantities = [_above_zero(value, cell, POSITIVE) for value, cell in zip(quantities, cells["quantity"], strict=True)]
        else:
            sides, quantities = _by_sign(quantities, cells["quantity"])
            notes.append(SIGNED)
        times = Times(zone, form.date_format)
        starts, ends = (times.read(cells[name]) for name in ("start", "end"))
        check_left(sides, quantities, "quantity")
        check_left(sides, starts, "start")
        check_left(sides, ends, "end")
        notes += [f"{count} times are {kind}" for kind, count in times.kinds.items()]
        windows = [f"{start} to {end}" for start, end in zip(cells["start"], cells["end"], strict=True)]
        return cls(
            numbers=numbers_of(frame),
            symbols=[unquoted(str(cell)) for cell in cells["symbol"]],
            sides=sides, quantities=quantities, starts=starts, ends=ends,
            as_written=list(zip(map(str, cells["quantity"]), windows, strict=True)),
            kept={name: [_text(cell) for cell in column] for name, column in cells.items() if name not in COLUMNS},
            notes=(*_renamed(frame, places), *notes),
        )  # fmt: skip

    def part(self, numbers: Sequence[int]) -> pd.DataFrame:
        """Rows by number, all of which are understood, as a table that `of_part` reads."""
        import pandas as pd

        at = self.places(np.array(numbers))
        columns = (self.symbols, self.sides, self.quantities, self.starts, self.ends)
        values = {PART[0]: numbers, **{name: [column[i] for i in at] for name, column in zip(PART[1:6], columns, strict=True)}}
        texts = {name: [self.as_written[i][k] for i in at] for k, name in enumerate(PART[6:])}
        numeric = {"quantity": [repr(float(value)) for value in values["quantity"]]}
        return pd.DataFrame({**values, **numeric, **texts, **{name: [column[i] for i in at] for name, column in self.kept.items()}})

    @classmethod
    def of_part(cls, frame: pd.DataFrame) -> WrittenOrders:
        """The rows that `part` wrote down, in a table of texts."""
        whole = {name: [int(cell) for cell in frame[name]] for name in (PART[0], "side", "start", "end")}
        return cls(
            numbers=np.array(whole[PART[0]], dtype=np.int64), symbols=list(frame["symbol"]), sides=whole["side"],
            quantities=[float(cell) for cell in frame["quantity"]], starts=whole["start"], ends=whole["end"],
            as_written=list(zip(frame[PART[6]], frame[PART[7]], strict=True)),
            kept={str(name): list(frame[name]) for name in frame.columns if name not in PART},
        )  # fmt: skip

    def places(self, numbers: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Where the rows of these numbers stand."""
        return np.searchsorted(self.numbers, numbers).astype(np.int64)

    def carried(self, numbers: npt.ArrayLike) -> dict[str, npt.NDArray[np.object_]]:
        """The id and the kept columns of rows by number."""
        at = self.places(numbers)
        return {name: np.array([column[i] for i in at], dtype=object) for name, column in self.kept.items()}


def columns_of(frame: pd.DataFrame, form: OrderForm, keep: Sequence[str] = ()) -> dict[str, int]:
    """Where the column of each field stands, and of those to keep.

    Raises
    ------
    UsageError
        See `WrittenOrders.of`.
    """
    found = [str(column) for column in frame.columns]
    plain = [name.strip().lower() for name in found]
    # pandas calls the second of two columns "side.1"
    twice = [name for name in plain if name.endswith(".1") and name[:-2] in {*COLUMNS, ORDER_ID} and name[:-2] in plain]
    if twice:
        raise UsageError(f"the column {twice[0][:-2]!r} stands there twice; keep one of them")
    places = form.places(found)
    missing = [name for name in COLUMNS if name not in places and name != "side"]
    if missing or ("side" not in places and not _has_negative(frame, places, form)):
        raise UsageError(_missing([name for name in COLUMNS if name not in places], found))
    places = {name: places[name] for name in (*COLUMNS, ORDER_ID) if name in places}
    for name in (str(name).strip().lower() for name in keep):
        if name not in plain:
            raise UnknownNameError("column", name, found)
        if name in {*RESULT, *KNOWN, *WINDOWS}:
            raise UsageError(f"column {name!r} cannot be kept: the result has one of its own; name yours otherwise")
        places.setdefault(name, plain.index(name))
    return places


def _has_negative(frame: pd.DataFrame, places: Mapping[str, int], form: OrderForm) -> bool:
    """Whether quantities have signs."""
    cells = frame.iloc[:, places["quantity"]].tolist()
    return any(value < 0 for value in read_quantities(cells, form.decimal).values if not isinstance(value, Unread))


def _missing(missing: Sequence[str], found: Sequence[str]) -> str:
    commas = "; separate the columns by commas" if len(found) == 1 else ""
    name = f"; name yours: columns='{missing[0]}=...' (--columns)" if len(found) > 1 else ""
    sign = "; where there is no side, negative quantities sell" if missing == ["side"] else ""
    return f"orders need the columns {', '.join(COLUMNS)}; missing: {', '.join(missing)}; found: {', '.join(found)}{commas}{name}{sign}"


def numbers_of(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The number of each row, rising: that of the file it was read from, else 1 and on."""
    return frame.index.to_numpy(np.int64) if frame.index.name == NUMBER else np.arange(1, len(frame) + 1)


def _above_zero(value: float | Unread, cell: Any, why: str) -> float | Unread:
    return value if isinstance(value, Unread) or value > 0 else Unread(str(cell), why)


def _by_sign(values: Sequence[float | Unread], cells: Sequence[Any]) -> tuple[list[int | Unread], list[float | Unread]]:
    """Sides and quantities where the sign of a quantity is its side."""
    sides: list[int | Unread] = [value if isinstance(value, Unread) else -1 if value < 0 else 1 for value in values]
    check_both(sides, "quantity", "its sign is the side; write numbers such as -500, or give a column of sides")
    shares = [value if isinstance(value, Unread) else abs(value) for value in values]
    return sides, [_above_zero(value, cell, ZERO) for value, cell in zip(shares, cells, strict=True)]


def _renamed(frame: pd.DataFrame, places: Mapping[str, int]) -> list[str]:
    """Which columns were taken for which, where their names differ."""
    names = {field: str(frame.columns[place]).strip() for field, place in places.items() if field in {*COLUMNS, ORDER_ID}}
    other = [f"{field} is {name!r}" for field, name in names.items() if name.lower() != field]
    return [f"columns: {', '.join(other)}"] if other else []


def _text(value: Any) -> str:
    """An id as text: 7.0 of a column of numbers with gaps is 7."""
    import pandas as pd

    if pd.isna(value):
        return ""
    whole = isinstance(value, float) and value.is_integer()
    return unquoted(str(int(value) if whole else value))
