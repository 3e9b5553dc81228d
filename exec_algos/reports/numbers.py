"""Numbers as the report shows them; what cannot be estimated says so."""

from __future__ import annotations

import math

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
