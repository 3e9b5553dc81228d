"""`Limits`: from where on a session is odd."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from exec_algos.errors import UnknownNameError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of `exec_algos.market.quality.findings.findings_of`; what lies beyond one is a finding.

    Parameters
    ----------
    missing : float
        Fraction of a session's bars that is missing between its first and last, above that of the symbol's median session. Where sessions
        differ much among themselves the limit is three standard deviations (1.4826 x the median absolute deviation) further up.
    without_volume : float
        The same of bars that are there and have no volume.
    sparse : float
        Fraction of a median session's bars that have volume, below which curves and ADV come from few.
    first : float
        Fraction of the sessions whose first, or last, bar has no volume, above the fraction of all other bars that have none.
    volume : float
        Times the median of the 21 sessions around it, or one over that; and three standard deviations of its logarithm away.
    price : float
        The high over the median close of the 21 sessions around it, or that over the low.
    split : float
        How far the step of price from a close to the next open may be from a whole ratio, as a fraction of it.
    level : float
        Times by which the volume steps up or down, for five sessions and more, where the price does not.
    hours : float
        Minutes from a session's open to its first bar, or from its last bar to the close, above the symbol's usual; and of the usual
        itself.
    stale : float
        Minutes in a row that have volume and all trade at one price, above the symbol's usual.

    Raises
    ------
    UsageError
        A limit that is not positive and finite, a ratio that is not above 1.
    """

    missing: float = 0.05
    without_volume: float = 0.05
    sparse: float = 0.2
    first: float = 0.2
    volume: float = 4.0
    price: float = 2.0
    split: float = 0.1
    level: float = 3.0
    hours: float = 30.0
    stale: float = 30.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value > 0):
                raise UsageError(f"the limit {field.name} must be positive and finite, got {value!r}")
        for name in ("volume", "price", "level"):
            if getattr(self, name) <= 1:
                raise UsageError(f"the limit {name} is a ratio above 1, got {getattr(self, name)!r}; 4 is four times or a quarter")
        if self.split >= 0.2:
            raise UsageError(f"the limit split must be below 0.2, got {self.split!r}: ratios that far apart cannot be told from each other")

    @classmethod
    def of(cls, text: str) -> Limits:
        """Limits from ``"missing=0.1,volume=6"``; those not named stay.

        Raises
        ------
        UnknownNameError
            No such limit.
        UsageError
            A limit that is no number, stands twice, or cannot be.
        """
        known = {field.name: field.default for field in fields(cls)}
        given: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = (word.strip() for word in part.partition("="))
            if name not in known:
                raise UnknownNameError("limit", name, known)
            if name in given:
                raise UsageError(f"the limit {name} stands twice in {text!r}; say it once")
            try:
                given[name] = float(value)
            except ValueError:
                raise UsageError(f"the limit {name} needs a number, got {value!r}; such as {name}={known[name]:g}") from None
        return cls(**given)

    def record(self) -> dict[str, float]:
        """The limits that are not the usual ones, ready for JSON: ``Limits(**record)`` gives them back."""
        return {field.name: float(getattr(self, field.name)) for field in fields(self) if getattr(self, field.name) != field.default}


USUAL = Limits()
