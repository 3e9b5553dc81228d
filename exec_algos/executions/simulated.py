"""What algorithms would have paid on a desk's own orders: they work the window that was asked for, and know no cancel that was to come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.executions.cells import MISSING
from exec_algos.executions.market import SLACK, Market
from exec_algos.fills import FillModel
from exec_algos.model import Rules
from exec_algos.studies.design.imports import Checks, Row
from exec_algos.studies.design.parents import ParentOrders
from exec_algos.studies.design.reasons import counted
from exec_algos.studies.design.written.rows import WrittenOrders
from exec_algos.studies.study import NothingLeftError, SlippageStudy
from exec_algos.tca.benchmarks import Benchmarks, benchmarks
from exec_algos.tca.places import Windows
from exec_algos.tca.table import COLUMNS, parent_table
from exec_algos.tca.trades import instants

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.studies.result import StudyResult

MEASURED = [name for name in COLUMNS if name not in {"parent_id", "symbol", "session", "side", "algorithm", "quantity"}]
PLACE = "place of the order"  # a column of the study, to find its orders among the desk's


class Asked(NamedTuple):
    """Orders as they were asked for, by place.

    Attributes
    ----------
    written : WrittenOrders
        With the ends that algorithms are to keep.
    rows : sequence of Row
        Of those that count, as they are measured.
    cancel : ndarray of int64
        ns UTC; `MISSING` where an order was not cancelled.
    """

    written: WrittenOrders
    rows: Sequence[Row]
    cancel: Ints


class Simulated(NamedTuple):
    """What a study of the same orders found.

    Attributes
    ----------
    parents, fills : DataFrame
        With the ``parent_id`` of the desk's orders; None where no order could be simulated.
    orders : int
        How many were simulated.
    skipped : tuple
        As `ParentOrders.skipped`.
    notes : tuple of str
    """

    parents: pd.DataFrame | None
    fills: pd.DataFrame | None
    orders: int
    skipped: tuple[Any, ...]
    notes: tuple[str, ...]

    def counts(self) -> Simulated:
        """The same without the frames."""
        return self._replace(parents=None, fills=None)


NOBODY = Simulated(None, None, 0, (), ())


def orders_prices(bars: Bars, orders: ParentOrders) -> Benchmarks:
    """The benchmarks of orders."""
    return benchmarks(bars, orders.sessions, Windows(orders.symbol, orders.start, orders.end))


def simulate(  # noqa: PLR0913 - orders, a market, and what works them
    asked: Asked,
    measured: ParentOrders,
    market: Market,
    algorithms: Sequence[Any],
    model: FillModel,
    rules: Rules,
    *,
    driver: Any,
    progress: Callable[[str, int, int], None] | None,
) -> Simulated:
    """Work the orders by each algorithm; those without a whole bar in their window, or with too short a history, are counted."""
    rows, places = _rows(asked, measured, market)
    lost = len(asked.rows) - len(rows)
    has, them = ("has", "it") if lost == 1 else ("have", "them")
    said = f"{lost:,} of {len(asked.rows):,} orders {has} no whole bar in the window: no algorithm can work {them}"
    notes = [said] if lost else []
    if not rows:
        return Simulated(None, None, 0, (), tuple(notes))
    symbol, session, start, end, side, lots = np.array([row[:6] for row in rows], dtype=np.int64).T
    columns = {**{name: column[places] for name, column in measured.columns.items()}, PLACE: places}
    orders = replace(measured, symbol=symbol, session=session, start=start, end=end, side=side, lots=lots, columns=columns)
    study = SlippageStudy(market.given, orders, algorithms, model, rules)
    try:
        result = study.run(driver, fills=True, progress=progress)
    except NothingLeftError as error:
        return Simulated(None, None, 0, (), (*notes, f"no order could be simulated: {error}"))
    skipped = tuple(result.skipped.itertuples(index=False, name=None))
    many = len(result.parents) // len(algorithms)
    if many < len(rows):
        why = counted(row[2] for row in skipped)
        notes.append(
            f"{len(rows) - many:,} of {len(asked.rows):,} orders are not simulated (sessions of symbols: {why}); their own fills "
            "count, and pairs are of the others"
        )
    return Simulated(*_measured(result, asked, measured, market), many, skipped, tuple(notes))


def _rows(asked: Asked, measured: ParentOrders, market: Market) -> tuple[list[Row], Ints]:
    """The rows that can be worked in whole bars, and the place of each among the measured orders."""
    place = {row.row: at for at, row in enumerate(asked.rows)}
    known = {number: at for at, number in enumerate(asked.written.numbers.tolist())}
    changed = [row for row in asked.rows if _differs(row, asked.written, known[row.row])]
    found = {row.row: row for row in asked.rows}
    if changed:
        at = np.array([known[row.row] for row in changed], dtype=np.int64)
        again, _ = Checks.of(market.bars, market.sessions, measured.lot_size).rows(taken(asked.written, at))
        for row in changed:
            del found[row.row]
        found |= {row.row: row for row in again}
    rows = sorted(found.values(), key=lambda row: (*row[:4], -row.side, row.row))
    return rows, np.array([place[row.row] for row in rows], dtype=np.int64)


def _differs(row: Row, written: WrittenOrders, at: int) -> bool:
    return row.start != written.starts[at] or row.end != written.ends[at]


def taken(written: WrittenOrders, at: Ints) -> WrittenOrders:
    """Some of the orders."""
    names = ("symbols", "sides", "quantities", "starts", "ends", "as_written")
    own: dict[str, Any] = {name: [getattr(written, name)[i] for i in at] for name in names}
    return replace(
        written, numbers=written.numbers[at], kept={name: [column[i] for i in at] for name, column in written.kept.items()}, **own
    )


def _measured(result: StudyResult, asked: Asked, measured: ParentOrders, market: Market) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The frames of a study, each order measured over the window of the desk's, up to its cancel."""
    parents, fills = result.parents, result.fills
    own = parents[PLACE].to_numpy(dtype=np.int64)
    first = parents["algorithm"] == parents["algorithm"].iloc[0]
    place = np.zeros(int(parents["parent_id"].max()) + 1, dtype=np.int64)
    place[parents["parent_id"].to_numpy()[first]] = own[first]
    parents = parents.drop(columns=PLACE).assign(parent_id=own)
    fills = fills.assign(parent_id=place[fills["parent_id"].to_numpy()])
    cancel = _cancels(asked)
    known = cancel[fills["parent_id"].to_numpy()]
    keep = (known == MISSING) | market.is_before(instants(fills["timestamp"]), known)
    cut = (cancel != MISSING)[own]
    start, end = measured.start[own], measured.end[own]
    changed = np.flatnonzero((instants(parents["start"]) != start) | (instants(parents["end"]) != end) | cut)
    fills = fills[keep] if not keep.all() else fills
    return (_again(parents, fills, changed, measured, market) if len(changed) else parents), fills


def _cancels(asked: Asked) -> Ints:
    known = {number: at for at, number in enumerate(asked.written.numbers.tolist())}
    return np.array([asked.cancel[known[row.row]] for row in asked.rows], dtype=np.int64)


def _again(parents: pd.DataFrame, fills: pd.DataFrame, changed: Ints, measured: ParentOrders, market: Market) -> pd.DataFrame:
    """Rows whose window is not the one they were worked in: what they filled in it, and its benchmarks."""
    import pandas as pd

    rows = parents.iloc[changed]
    keys = pd.MultiIndex.from_frame(rows[["parent_id", "algorithm"]])
    at = keys.get_indexer(pd.MultiIndex.from_frame(fills[["parent_id", "algorithm"]]))
    mine = fills[at >= 0]
    at, n = at[at >= 0], len(rows)
    quantity, price = (mine[name].to_numpy(dtype=np.float64) for name in ("quantity", "price"))
    filled = np.bincount(at, quantity, n).astype(np.float64)
    notional = np.bincount(at, quantity * price, n).astype(np.float64)
    fees = {name: np.bincount(at, mine[name].to_numpy(dtype=np.float64), n).astype(np.float64) for name in ("commission", "taxes")}
    own = rows["parent_id"].to_numpy()
    orders = replace(
        measured, symbol=measured.symbol[own], session=measured.session[own], side=measured.side[own], lots=measured.lots[own],
        start=measured.start[own], end=measured.end[own], columns={},
    )  # fmt: skip
    filled = settled(filled, rows["filled"].to_numpy(dtype=np.float64))
    less = filled < rows["filled"].to_numpy(dtype=np.float64)
    children = np.where(less, np.bincount(at, minlength=n), rows["children"].to_numpy()).astype(np.int64)
    given = {name: rows[name].to_numpy() for name in ("parent_id", "symbol", "session", "algorithm", "quantity")}
    given |= {"side": orders.side, "filled": whole(filled), "children": children, **fees}
    stamps = {name: stamps_of(getattr(orders, name), measured.sessions.zone) for name in ("start", "end")}
    again = parent_table({**given, **stamps}, notional, orders_prices(market.bars, orders))
    new = rows.assign(**{name: again[name].array for name in MEASURED})
    return pd.concat([parents.drop(index=rows.index), new]).sort_index()


def stamps_of(instants: Ints, zone: str) -> pd.DatetimeIndex:
    """Instants, ns UTC, on the clock of a zone; `MISSING` is NaT."""
    import pandas as pd

    return pd.DatetimeIndex(instants.view("datetime64[ns]"), tz="UTC").tz_convert(zone)


def settled(filled: Floats, ordered: Floats) -> Floats:
    """What was filled, the very quantity that was ordered where the sum of parts of a share differs from it by rounding."""
    return np.where(np.isclose(filled, ordered, rtol=SLACK, atol=0.0), ordered, filled)


def whole(values: Floats) -> Any:
    """Shares as whole numbers where they all are."""
    rounded = np.rint(values)
    return rounded.astype(np.int64) if np.array_equal(rounded, values) else values
