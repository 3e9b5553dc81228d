"""`Split`: new shares for old ones, and how a ratio is written."""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo


class Split(NamedTuple):
    """One split.

    Parameters
    ----------
    symbol : str
    date : str
        Ex-date, ``2024-06-10``: the first day on which prices are those of the new shares, in the zone of the bars.
    ratio : float
        New shares for an old one: 10 for 10:1, 0.1 for one of ten, 1.05 for a stock dividend of 5 %.
    adjust : str
        ``both``; ``volumes`` where the vendor has adjusted the prices already, ``prices`` where it has the volumes.
    row : int
        Where it stands in the file, the first row below the column names is 1; 0 for none.
    """

    symbol: str
    date: str
    ratio: float
    adjust: str = "both"
    row: int = 0

    @property
    def name(self) -> str:
        """``AAA 2024-06-10 10:1``."""
        of = "" if self.adjust == "both" else f" ({self.adjust} only)"
        return f"{self.symbol} {self.date} {ratio_text(self.ratio)}{of}"

    def instant(self, zone: str) -> int:
        """Midnight of the ex-date in a zone, ns UTC."""
        import datetime as dt

        return int(dt.datetime.fromisoformat(self.date).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1_000_000_000


def ratio_text(ratio: float) -> str:
    """New shares to old ones: ``10:1``, ``3:2``, ``1:10``; 4 digits where it is no ratio of small numbers."""
    from fractions import Fraction

    near = Fraction(ratio).limit_denominator(1000)
    if near and abs(float(near) / ratio - 1) < 1e-9:
        return f"{near.numerator}:{near.denominator}"
    return f"{ratio:.4g}:1"
