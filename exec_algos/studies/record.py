"""What a study was made of, so that anyone can make it again."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

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


def configuration(
    bars: Bars, orders: ParentOrders, algorithms: Sequence[str], model: FillModel, left_out: int, driver: str
) -> dict[str, Any]:
    """Everything that the numbers of a study depend on, ready for JSON."""
    return {
        "algorithms": list(algorithms),
        "driver": driver,
        "fill_model": {**asdict(model), "commission": model.commission._asdict()},
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
