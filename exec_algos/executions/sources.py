"""`Given`: the orders and fills of a desk, read, joined and looked at one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.executions.adjusted import adjusted
from exec_algos.executions.cells import MISSING
from exec_algos.executions.checks import FillChecks, check_fills
from exec_algos.executions.filled import Filled, filled_of
from exec_algos.executions.form import COSTS
from exec_algos.executions.joined import Joined, built_from, constant, joined_by_id
from exec_algos.executions.market import Market
from exec_algos.executions.table import Table, read_table
from exec_algos.executions.terms import Terms
from exec_algos.executions.written import OwnOrders, WrittenFills
from exec_algos.studies.design.history import KNOWN
from exec_algos.studies.design.written.rows import WINDOWS
from exec_algos.tca.clusters import CLUSTER
from exec_algos.tca.frames import ARRIVAL_KNOWN, DECIDED
from exec_algos.tca.table import COLUMNS


class Given(NamedTuple):
    """What a desk gave.

    Attributes
    ----------
    tables : mapping of str to Table
        ``"orders"`` and ``"fills"``, as far as there are such files.
    found : Joined
    checks : FillChecks, optional
        None where there are no fills.
    inclusive : bool
        The commission of the files holds the taxes.
    filled : Filled
    """

    tables: Mapping[str, Table]
    found: Joined
    checks: FillChecks | None
    inclusive: bool
    filled: Filled

    @property
    def counts(self) -> npt.NDArray[np.bool_]:
        """Which fills count, as far as their own row tells, shape (n_fills,)."""
        return counting(self.found, self.checks)


def counting(found: Joined, checks: FillChecks | None) -> npt.NDArray[np.bool_]:
    """Fills that belong to an order, are not refused and do not stand there for the second time."""
    if checks is None:
        return np.zeros(0, dtype=bool)
    return ~checks.refused & ~checks.twice.dropped & (found.parent >= 0)


def given(orders: Any, fills: Any, said: Terms, market: Market) -> Given:
    """Read, join and check orders and fills.

    Raises
    ------
    UsageError
        A file or a column that is not there.
    """
    tables = _tables(orders, fills, said)
    found, checks, inclusive = _joined(tables, said, market)
    found = _ended(found, market, counting(found, checks))
    if found.fills is not None:
        found = found._replace(fills=found.fills.bare())
    bare = {name: table.bare() for name, table in tables.items()}
    return Given(bare, found, checks, inclusive, filled_of(found, counting(found, checks), inclusive))


def _tables(orders: Any, fills: Any, said: Terms) -> dict[str, Table]:
    """The tables by name; orders and fills that stand in one file are orders."""
    found = {}
    if orders is not None:
        found["orders"] = read_table(orders, said.order_form, said.order_encoding)
    if fills is not None:
        found["fills"] = read_table(fills, said.fill_form, said.fill_encoding)
    if not found:
        raise UsageError("there are neither orders nor fills; give a file of fills")
    if orders is None and _is_of_orders(found["fills"].names, said):
        found["orders"] = found.pop("fills")
    return found


def _is_of_orders(names: list[str], said: Terms) -> bool:
    """Whether the one file that there is has an order, what it filled and at which average price, in a row."""
    try:
        places = said.order_form.places(names)
    except UsageError:
        return False  # two columns that may be the same field of an order: it is looked at as one of fills
    return {"symbol", "quantity", "start", "filled", "average_price"} <= places.keys()


def _joined(given: Mapping[str, Table], said: Terms, market: Market) -> tuple[Joined, FillChecks | None, bool]:
    """Orders and fills, which fills do not count, and whether the commission holds the taxes."""
    zone = market.sessions.zone
    kept = [name.strip().lower() for name in said.keep]
    fills = WrittenFills.of(given["fills"], said.fill_form, zone, kept, said.fees) if "fills" in given else None
    inclusive = said.taxes_in_commission
    if inclusive is None:
        inclusive = fills is not None and set(COSTS) <= fills.costs.keys()
    if "orders" not in given:
        assert fills is not None
        _check_kept(kept, fills.kept, given)
        first = built_from(fills, market, np.zeros(len(fills), dtype=bool), kept)
        checks = check_fills(adjusted(first, market.bars), market, said.fill_form)
        return adjusted(built_from(fills, market, checks.refused | checks.twice.dropped, kept), market.bars), checks, inclusive
    names = [name.strip().lower() for name in given["orders"].names]
    orders = OwnOrders.of(given["orders"], said.order_form, zone, [name for name in kept if name in names], said.fees)
    if fills is None:
        if not {"filled", "average_price"} <= orders.has:
            raise UsageError("the orders do not say what they filled (columns filled and average_price); give the fills too")
        _check_kept(kept, dict.fromkeys(names), given)
        return adjusted(Joined(orders, None, np.zeros(0, dtype=np.int64), built=False), market.bars), None, inclusive
    found = adjusted(joined_by_id(orders, fills), market.bars)
    _check_kept(kept, {**dict.fromkeys(names), **fills.kept}, given)
    return _with_kept(found, [name for name in kept if name not in names]), check_fills(found, market, said.fill_form), inclusive


def _check_kept(kept: Sequence[str], there: Mapping[str, Any], given: Mapping[str, Table]) -> None:
    for name in kept:
        if name not in there:
            raise UnknownNameError("column to keep", name, dict.fromkeys(column for table in given.values() for column in table.names))
        if name in {*COLUMNS, *KNOWN, *WINDOWS, CLUSTER, DECIDED, ARRIVAL_KNOWN}:
            raise UsageError(f"column {name!r} cannot be kept: the result has one of its own; name yours otherwise")


def _with_kept(found: Joined, names: Sequence[str]) -> Joined:
    """Columns of the fills carried into the orders, where all of an order agree."""
    if not names or found.fills is None:
        return found
    written = found.orders.written
    more = {name: constant(found.fills.kept[name], found.parent, len(found.orders)) for name in names}
    return found._replace(orders=replace(found.orders, written=replace(written, kept={**written.kept, **more})))


def _ended(found: Joined, market: Market, counts: Any) -> Joined:
    """Orders that do not say when they end, ended by the bar of their last fill."""
    if found.built or found.orders.has_end.all():
        return found
    last = np.full(len(found.orders), MISSING)
    if found.fills is not None and found.fills.time is not None and counts is not None:
        rows = np.flatnonzero(counts & (found.fills.time != MISSING))
        np.maximum.at(last, found.parent[rows], market.fill_bar_end(found.fills.time[rows]))
    return found._replace(orders=found.orders.ending(last))
