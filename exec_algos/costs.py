"""What a trade costs: the commission schedule, the quoted spread, and the impact of its own size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, NamedTuple

from exec_algos.errors import UsageError

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars, Floats


class Commission(NamedTuple):
    """A commission schedule, charged on each child order.

    ``fee = max(minimum, rate * value + per_share * shares)`` for a child that traded, else 0.

    Attributes
    ----------
    rate : float
        Fraction of the value traded: 0.00015 is 1.5 bps.
    per_share : float
        Currency per share.
    minimum : float
        Currency per child order.
    """

    rate: float = 0.0
    per_share: float = 0.0
    minimum: float = 0.0

    def checked(self) -> Commission:
        """The schedule itself.

        Raises
        ------
        UsageError
            A part that is negative or not a number.
        """
        for name, value in self._asdict().items():
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"commission {name} must be >= 0, got {value!r}")
        return self


def child_fee(commission: Commission, shares: float, value: float) -> float:
    """Commission on a child that has traded `shares` for `value` (currency) in all, in currency."""
    if shares <= 0:
        return 0.0
    return max(commission.minimum, commission.rate * value + commission.per_share * shares)


def _in_range(name: str, value: float, below: float, advice: str) -> float:
    if not isinstance(value, Real) or not 0 <= value < below:
        raise UsageError(f"{name} must be at least 0 and below {below:g}, got {value!r}: {advice}")
    return float(value)


@dataclass(frozen=True, slots=True)
class FixedSpread:
    """One quoted spread for every bar.

    A market order pays half of it: ``price * (1 + side * bps / 2 * 1e-4)``, side +1 for a buy and -1 for a sell.

    Parameters
    ----------
    bps : float
        The full spread (ask - bid) / mid in basis points.

    Raises
    ------
    UsageError
        A spread that is negative, not a number, or 20,000 bps and more, at which the bid would be 0.

    Examples
    --------
    >>> FixedSpread(10.0).half() == 5e-4
    True
    """

    bps: float

    def __post_init__(self) -> None:
        advice = "it is the full spread (ask - bid) / mid in basis points, such as FixedSpread(5)"
        object.__setattr__(self, "bps", _in_range("spread bps", self.bps, 20_000, advice))

    def half(self, bars: Bars | None = None) -> float | Floats:
        """Half the spread as a fraction of the price.

        Parameters
        ----------
        bars : Bars, optional
            Not looked at: the spread is the same in each.

        Returns
        -------
        float or ndarray of float64, shape (n_bars,)
            A float, which stands for every bar.
        """
        return self.bps / 2 * 1e-4


@dataclass(frozen=True, slots=True)
class SquareRootImpact:
    """The square-root law of market impact, paid at once: what a child order adds to its own price in a bar.

    ``price * (1 + side * coefficient * sqrt(shares / volume))`` with the shares that the child got from the
    bar and the bar's volume. It is instantaneous: it moves the price of that execution alone. Later children,
    other children in the same bar and the market's own prices do not feel it, so that an order cut into more
    children pays less. A sale's price stops at 0.

    Parameters
    ----------
    coefficient : float
        Fraction of the price that a child as large as the bar pays: 0.001 is 10 bps. By the law it is Y x the
        volatility of the price over one bar, Y about 1.

    Raises
    ------
    UsageError
        A coefficient that is negative, not a number, or 1 and more.

    References
    ----------
    R. Almgren, C. Thum, E. Hauptmann and H. Li, "Direct estimation of equity market impact", 2005, fit the power
    of size as 3/5. B. Toth et al., "Anomalous price impact and the critical nature of liquidity in financial
    markets", Phys. Rev. X 1, 021006 (2011): ``impact = Y * volatility * sqrt(quantity / volume)``, over one day.
    """

    coefficient: float

    def __post_init__(self) -> None:
        advice = "it is a fraction of the price, such as SquareRootImpact(0.001) for 10 bps"
        object.__setattr__(self, "coefficient", _in_range("impact coefficient", self.coefficient, 1, advice))
