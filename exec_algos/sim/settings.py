"""What an exchange of a rehearsal is like: how deep its book is, how fast it fills, what it accepts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from exec_algos.errors import UsageError

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    """How recorded bars become a market that trades with us.

    Parameters
    ----------
    seed : int
        Of the path within each bar.
    lot : float
        Shares; quantities are multiples of it.
    tick : float
        Currency per share; 0: of each symbol, the largest step on which all its recorded prices lie.
    spread_ticks : int
        Between bid and ask.
    visible : float
        Shares on each side of the book, of what the market trades in a minute. An order of that size fills at once.
    refill : float
        How fast what was taken comes back, of the volume as it trades; ``visible + refill <= 1``.
    auction : float
        What an opening or closing auction trades with us, of the volume of its bar; ``auction + refill <= 1``.
    pulse : float
        Seconds between two looks at orders that wait; a partial fill comes at most that often.
    preopen : float
        Seconds before the open from which orders are taken.
    closing_call : float
        Seconds before the close from which orders wait for the closing auction, and nothing trades.
    short_selling : bool
        Sells without a position are taken.
    cash : float
        Currency, of an account that begins.
    currency : str

    Raises
    ------
    UsageError
        A value that cannot be.
    """

    seed: int = 0
    lot: float = 1.0
    tick: float = 0.0
    spread_ticks: int = 1
    visible: float = 0.1
    refill: float = 0.5
    auction: float = 0.3
    pulse: float = 1.0
    preopen: float = 3600.0
    closing_call: float = 0.0
    short_selling: bool = True
    cash: float = 1e12
    currency: str = ""

    def __post_init__(self) -> None:
        for name in ("lot", "pulse", "visible"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(f"{name} must be above 0 and finite, got {getattr(self, name)!r}")
        for name in ("seed", "tick", "refill", "auction", "preopen", "closing_call", "cash"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(f"{name} must be at least 0 and finite, got {getattr(self, name)!r}")
        if self.spread_ticks < 1:
            raise UsageError(f"spread_ticks must be at least 1, got {self.spread_ticks}; bid and ask never meet")
        for name in ("visible", "auction"):
            if getattr(self, name) + self.refill > 1:
                total = getattr(self, name) + self.refill
                raise UsageError(f"{name} + refill must be at most 1, got {total:g}; nobody trades more than a bar's volume")

    @property
    def pulse_ns(self) -> int:
        """`pulse` in ns, at least 1."""
        return max(round(self.pulse * SECOND), 1)
