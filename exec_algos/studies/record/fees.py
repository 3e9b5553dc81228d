"""Commissions and fee schedules written down, and read again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from exec_algos.costs.commission import Commission
from exec_algos.costs.fees import UNCAPPED_FEE, FeeComponent, FeeSchedule, FeeTerms, Period
from exec_algos.errors import UnknownNameError


def commission_record(commission: Commission | FeeSchedule) -> dict[str, Any]:
    """A commission ready for JSON, a schedule with its kind; dates as ``YYYY-MM-DD``, no maximum as None."""
    if isinstance(commission, Commission):
        return commission._asdict()
    components = [_component(component) for component in commission.components]
    return {"kind": "FeeSchedule", "name": commission.name, "currency": commission.currency, "components": components}


def commission_of(record: Mapping[str, Any]) -> Commission | FeeSchedule:
    """What `commission_record` wrote down.

    Raises
    ------
    UnknownNameError
        Another kind.
    UsageError
        Terms out of range, or periods that leave a gap.
    """
    kind = record.get("kind", "Commission")
    if kind == "FeeSchedule":
        return FeeSchedule(record["name"], record["currency"], tuple(_component_of(component) for component in record["components"]))
    if kind != "Commission":
        raise UnknownNameError("kind of commission", kind, ("Commission", "FeeSchedule"))
    return Commission(**{name: value for name, value in record.items() if name != "kind"})


def _component(component: FeeComponent) -> dict[str, Any]:
    periods = [
        {
            "first": str(period.first),
            "last": str(period.last),
            "terms": _terms(period.terms),
            "maker": period.maker and _terms(period.maker),
        }
        for period in component.periods
    ]
    return {"name": component.name, "periods": periods, "sides": list(component.sides), "source": component.source, "tax": component.tax}


def _component_of(record: Mapping[str, Any]) -> FeeComponent:
    periods = tuple(
        Period(
            date.fromisoformat(period["first"]),
            date.fromisoformat(period["last"]),
            _terms_of(period["terms"]),
            None if period["maker"] is None else _terms_of(period["maker"]),
        )
        for period in record["periods"]
    )
    return FeeComponent(record["name"], periods, tuple(record["sides"]), record["source"], record["tax"])


def _terms(terms: FeeTerms) -> dict[str, Any]:
    return {**terms._asdict(), "maximum": terms.maximum if math.isfinite(terms.maximum) else None}


def _terms_of(record: Mapping[str, Any]) -> FeeTerms:
    return FeeTerms(**{**record, "maximum": UNCAPPED_FEE if record["maximum"] is None else record["maximum"]})
