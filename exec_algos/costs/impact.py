"""What an execution does to the price by its size."""

from __future__ import annotations

from dataclasses import dataclass

from exec_algos.costs.ranges import in_range


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
        object.__setattr__(self, "coefficient", in_range("impact coefficient", self.coefficient, 1, advice))
