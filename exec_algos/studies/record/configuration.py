"""What a study was made of, so that anyone can make it again."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.costs import AlmgrenImpact, FixedSpread, SquareRootImpact, TransientImpact
from exec_algos.costs.spread import EstimatedSpread, QuotedSpread, TickSpread
from exec_algos.costs.ticks import PriceLimit, TickTable
from exec_algos.errors import UnknownNameError
from exec_algos.fills import FillModel
from exec_algos.fills.latency import DrawnLatency
from exec_algos.market.decimals import lines
from exec_algos.market.quality.vwaps import outside_range
from exec_algos.model import Rules
from exec_algos.studies.design.parents import ParentOrders
from exec_algos.studies.record.fees import commission_of, commission_record
from exec_algos.studies.run.custom import drivers_of, imports_of
from exec_algos.tca.clusters import longest

if TYPE_CHECKING:
    from exec_algos.algorithms import Algorithm
    from exec_algos.market.bars import Bars
    from exec_algos.market.quality.limits import Limits


KINDS: Mapping[str, Any] = {
    kind.__name__: kind
    for kind in (
        FixedSpread,
        TickSpread,
        QuotedSpread,
        EstimatedSpread,
        TickTable,
        PriceLimit,
        SquareRootImpact,
        AlmgrenImpact,
        TransientImpact,
        DrawnLatency,
    )
}


KNOBS = {
    "spread": "FixedSpread",
    "impact": "SquareRootImpact",
    "ticks": "TickTable",
    "price_limit": "PriceLimit",
    "latency": "DrawnLatency",
}  # and the kind of old records


def data_fingerprint(bars: Bars) -> str:
    """SHA-256 of every column of the bars, as hex."""
    digest = hashlib.sha256(repr((bars.symbols, bars.step)).encode())
    for column in (bars.offsets, bars.start, *bars.columns().values()):
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


def recorded(value: Any) -> Any:
    """A value ready for JSON: of a dataclass its kind and its knobs."""
    if is_dataclass(value):
        return {"kind": type(value).__name__, **{field.name: recorded(getattr(value, field.name)) for field in fields(value)}}
    if isinstance(value, Mapping):
        return {key: recorded(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def fill_model_record(model: FillModel) -> dict[str, Any]:
    """Every knob of a fill model, ready for JSON; `fill_model_of` gives the model back."""
    knobs = {field.name: recorded(getattr(model, field.name)) for field in fields(model) if field.name != "commission"}
    return {**knobs, "commission": commission_record(model.commission)}


def rules_record(rules: Rules) -> dict[str, Any]:
    """Every rule, ready for JSON."""
    texts = {"residual": str(rules.residual), "style": str(rules.style), "randomisation": rules.randomisation and str(rules.randomisation)}
    return {field.name: texts.get(field.name, getattr(rules, field.name)) for field in fields(rules)}


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
    UnknownNameError
        A kind of spread or impact that is not there.
    UsageError
        A value out of range.
    """
    made: dict[str, Any] = {}
    if record.get("commission") is not None:
        made["commission"] = commission_of(record["commission"])
    for name, kind in KNOBS.items():
        if isinstance(record.get(name), Mapping):
            made[name] = _restored({"kind": kind, **record[name]})
    return FillModel(**{**record, **made})


def _restored(record: Any) -> Any:
    if isinstance(record, list):
        return tuple(record)
    if not isinstance(record, Mapping):
        return record
    knobs = {key: _restored(knob) for key, knob in record.items() if key != "kind"}
    if "kind" not in record:
        return knobs
    if record["kind"] not in KINDS:
        raise UnknownNameError("kind of cost", record["kind"], KINDS)
    return KINDS[record["kind"]](**knobs)


def configuration(
    bars: Bars, orders: ParentOrders, algorithms: Sequence[str], model: FillModel, left_out: int, driver: str
) -> dict[str, Any]:
    """Everything that the numbers of a study depend on, ready for JSON."""
    outside = outside_range(bars)
    return {
        "algorithms": list(algorithms),
        "driver": driver,
        "fill_model": fill_model_record(model),
        "calendar": orders.sessions.name,
        "zone": orders.sessions.zone,
        "profile_days": orders.profile_days,
        "lot_size": orders.lot_size,
        "parents": dict(orders.terms),
        "strata": [stratum._asdict() for stratum in orders.strata],
        "parent_orders": len(orders),
        **({"sessions_a_cluster": many} if (many := longest(orders.sessions, orders.session, orders.end)) > 1 else {}),
        "skipped": len(orders.skipped),
        "symbols": list(bars.symbols),
        "bar_seconds": bars.step / 1e9,
        "bars": len(bars),
        "bars_outside_regular_hours": left_out,
        "data_sha256": data_fingerprint(bars),
        **({"splits": [list(split) for split in bars.splits]} if bars.splits else {}),
        **({} if bars.quote_proxy is None else {"quote_proxy": bars.quote_proxy}),
        **({"read_as": [*bars.notes, *lines(bars.read_as)]} if bars.read_as or bars.notes else {}),
        **({"vwaps_outside": int(outside.sum())} if outside is not None and outside.any() else {}),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("exec_algos", "numpy", "pandas", "numba")}},
    }


def study_record(  # noqa: PLR0913, PLR0917 - the parts of a study
    bars: Bars,
    orders: ParentOrders,
    algorithms: Sequence[Algorithm],
    model: FillModel,
    left_out: int,
    driver: str,
    rules: Rules,
    limits: Limits,
) -> dict[str, Any]:
    """`configuration` with the rules, the driver of each algorithm, the code of one's own, and the limits that were moved."""
    return {
        **configuration(bars, orders, [str(algorithm) for algorithm in algorithms], model, left_out, driver),
        "rules": rules_record(rules),
        "drivers": drivers_of(algorithms, driver),
        "imports": imports_of(algorithms),
        **({"limits": limits.record()} if limits.record() else {}),
    }
