"""What a study was made of, so that anyone can make it again."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.costs import Commission, FixedSpread, SquareRootImpact
from exec_algos.fills import FillModel
from exec_algos.studies.parents import ParentOrders

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars


def data_fingerprint(bars: Bars) -> str:
    """SHA-256 of every column of the bars, as hex."""
    digest = hashlib.sha256(repr((bars.symbols, bars.step)).encode())
    for column in (bars.offsets, bars.start, *bars.columns().values()):
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


def fill_model_record(model: FillModel) -> dict[str, Any]:
    """Every knob of a fill model, ready for JSON; `fill_model_of` gives the model back."""
    return {**asdict(model), "commission": model.commission._asdict()}


def fill_model_of(record: Mapping[str, Any]) -> FillModel:
    """The fill model that `fill_model_record` wrote down, such as ``result.config["fill_model"]``.

    Parameters
    ----------
    record : mapping
        A knob that is not named has its default, so that records of earlier versions can be read.

    Raises
    ------
    TypeError
        A knob that `FillModel` does not have.
    UsageError
        A value out of range.
    """
    parts = {"commission": Commission, "spread": FixedSpread, "impact": SquareRootImpact}
    made = {name: parts[name](**record[name]) for name in parts if record.get(name) is not None}
    return FillModel(**{**record, **made})


def configuration(
    bars: Bars, orders: ParentOrders, algorithms: Sequence[str], model: FillModel, left_out: int, driver: str
) -> dict[str, Any]:
    """Everything that the numbers of a study depend on, ready for JSON."""
    return {
        "algorithms": list(algorithms),
        "driver": driver,
        "fill_model": fill_model_record(model),
        "calendar": orders.sessions.name,
        "zone": orders.sessions.zone,
        "profile_days": orders.profile_days,
        "lot_size": orders.lot_size,
        "parent_orders": len(orders),
        "skipped": len(orders.skipped),
        "symbols": list(bars.symbols),
        "bar_seconds": bars.step / 1e9,
        "bars": len(bars),
        "bars_outside_regular_hours": left_out,
        "data_sha256": data_fingerprint(bars),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("exec_algos", "numpy", "pandas", "numba")}},
    }
