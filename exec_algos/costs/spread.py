"""The quoted spread, half of which a market order pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exec_algos.costs.ranges import in_range

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars, Floats


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
        object.__setattr__(self, "bps", in_range("spread bps", self.bps, 20_000, advice))

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
