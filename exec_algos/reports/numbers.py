"""Numbers as the report shows them; what cannot be estimated says so."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from exec_algos.textform import listed

NONE = "not estimable"


def bps(value: float) -> str:
    """Two decimals with the sign."""
    return f"{value:+.2f}" if math.isfinite(value) else NONE


def spread(value: float) -> str:
    """A standard deviation: two decimals, no sign."""
    return f"{value:.2f}" if math.isfinite(value) else NONE


def interval(low: float, high: float) -> str:
    """Both ends in brackets."""
    return f"[{low:+.2f}, {high:+.2f}]" if math.isfinite(low) and math.isfinite(high) else NONE


def percent(value: float, digits: int = 1) -> str:
    """A fraction as a percentage."""
    return f"{value:.{digits}%}" if math.isfinite(value) else NONE


def count(value: float) -> str:
    """A number of things or shares, with thousands apart; fractions of shares only where there are any."""
    return f"{value:,.8f}".rstrip("0").rstrip(".")


def ratio(above: float, below: float) -> float:
    """A quotient, NaN over 0."""
    return above / below if below else math.nan


def money(amounts: Mapping[str, float]) -> str:
    """An amount a currency, three digits of it: ``USD 41,200``; without a code in units of price.

    >>> money({"USD": 41234.5, "": -0.0012346}), money({"KRW": 2102170428.0})
    ('USD 41,200 and -0.00123 units of price', 'KRW 2.1 bn')
    """
    said = [f"{code} {_three(value)}" if code else f"{_three(value)} units of price" for code, value in amounts.items()]
    return listed(said) if said else ""


def amount(value: float) -> str:
    """A sum of money without its currency: whole above 100, else three digits.

    >>> amount(41234.5), amount(12.345), amount(2.42e-07), amount(-0.0)
    ('41,234', '12.3', '0.000000242', '0')
    """
    if not math.isfinite(value):
        return NONE
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return np.format_float_positional(value, precision=3, unique=False, fractional=False, trim="-") if value else "0"


def _three(value: float) -> str:
    if not math.isfinite(value) or abs(value) < 100:
        return amount(value)
    if abs(value) >= 1e9:
        return f"{value / 1e9:,.3g} bn" if abs(value) < 999.5e9 else f"{value / 1e9:,.0f} bn"
    digits = math.floor(math.log10(abs(value))) - 2
    return f"{round(value, -digits):,.0f}"
