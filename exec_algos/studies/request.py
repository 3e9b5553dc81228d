"""`StudyRequest`: a slippage study in plain words, as the command line gives them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.studies.study import SlippageStudy


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRequest:
    """What to study.

    Parameters
    ----------
    algorithms, sides : str
        Comma-separated.
    size : str
        ``"5%adv"`` or shares.
    window : str, optional
        ``"09:30-16:00"``, exchange time.
    calendar : str, optional
    max_participation : float, optional
        Fraction.
    price : str
        Price rule of the fill model.
    latency, interval : float
        Seconds.
    commission : tuple of float
        Fraction of value, currency per share, least currency per child.
    spread_bps : float
        The full spread; a market order pays half of it.
    impact : float
        Coefficient of the square-root impact, a fraction of the price.
    profile_days : int
        For ADV, and for algorithms whose text names no days of their own.
    lot_size : float
        Shares.
    driver : str
        ``"batch"`` or ``"engine"``.
    """

    algorithms: str = "twap,vwap"
    sides: str = "buy,sell"
    size: str = "5%adv"
    window: str | None = None
    calendar: str | None = None
    max_participation: float | None = None
    price: Any = "open"
    latency: float = 0.0
    commission: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spread_bps: float = 0.0
    impact: float = 0.0
    profile_days: int = 5
    interval: float = 60.0
    lot_size: float = 1.0
    driver: Any = "batch"

    def study(self, bars: Bars) -> SlippageStudy:
        """The study of these bars.

        Raises
        ------
        UsageError
            A part that cannot be.
        """
        from exec_algos.costs import Commission, FixedSpread, SquareRootImpact
        from exec_algos.fills import FillModel
        from exec_algos.studies.parents import ParentOrders
        from exec_algos.studies.study import SlippageStudy

        model = FillModel(
            price=self.price, max_participation=self.max_participation, latency=self.latency, commission=Commission(*self.commission),
            spread=FixedSpread(self.spread_bps) if self.spread_bps else None,
            impact=SquareRootImpact(self.impact) if self.impact else None,
        )  # fmt: skip
        algorithms = [self._algorithm(text) for text in _split(self.algorithms)]
        lot = int(self.lot_size) if self.lot_size == int(self.lot_size) else self.lot_size
        parents = ParentOrders.grid(
            bars, calendar=self.calendar, sides=_split(self.sides), size=self.size, window=self.window,
            profile_days=self.profile_days, lot_size=lot,
        )  # fmt: skip
        return SlippageStudy(bars, parents, algorithms, model)

    def _algorithm(self, text: str) -> Any:
        from exec_algos.executors import parse_algorithm

        algorithm = parse_algorithm(text)
        given: dict[str, Any] = {}
        if algorithm.history_days and "profile_days" not in text:
            given["profile_days"] = self.profile_days
        if "slice_interval_seconds" not in text:
            given["slice_interval_seconds"] = self.interval
        return replace(algorithm, **given)


def _split(text: str) -> list[str]:
    """Parts between commas, but not at the commas within an algorithm's parameters (``vwap:a=1,b=2``)."""
    parts: list[str] = []
    for piece in text.split(","):
        if parts and "=" in piece and ":" not in piece:
            parts[-1] += f",{piece}"
        else:
            parts.append(piece)
    return [part.strip() for part in parts if part.strip()]
