"""Latency that is drawn for each child order."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

from exec_algos.checks import in_range
from exec_algos.errors import UsageError
from exec_algos.model import ParentOrder
from exec_algos.model.style import draw

SECOND = 1_000_000_000
TURN = 2.0 * math.pi


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLatency:
    """A latency of its own for each child order, log-normal: ``exp(mu + sigma * z)``, z standard normal.

    ``sigma**2 = log(1 + (sd / mean)**2)`` and ``mu = log(mean) - sigma**2 / 2``, so that mean and standard deviation are those given.
    A child's cancellation travels as long as it did. A draw depends on the seed, on the parent order (symbol, side, lots and start of
    its window) and on the child's number within it, and on nothing else: not on other orders, nor on who works them.

    Parameters
    ----------
    mean, sd : float
        Of the latency, seconds.
    seed : int

    Raises
    ------
    UsageError
        A mean that is not above 0, an `sd` below 0, or a seed that is no whole number.

    Notes
    -----
    z by G. E. P. Box & M. E. Muller, Ann. Math. Stat. 29 (1958) 610, from two draws of `exec_algos.model.style.draw`. The same parent
    order worked by two algorithms has the same draws, so that a comparison of the two is one of algorithms.

    Examples
    --------
    >>> DrawnLatency(mean=0.5, sd=0.0).of("SPY", 1, 1000, 0, 3)
    500000000
    """

    mean: float
    sd: float
    seed: int = 0

    def __post_init__(self) -> None:
        if in_range("latency mean", self.mean, 1e6, "it is in seconds") == 0:
            raise UsageError(f"latency mean must be above 0 seconds, got {self.mean!r}; for none at all say latency=0")
        in_range("latency sd", self.sd, 1e6, "it is in seconds, the standard deviation of the latency")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise UsageError(f"latency seed must be a whole number, got {self.seed!r}")

    def of(self, symbol: str, side: int, lots: int, start: int, child: int) -> int:
        """The latency of a child in ns.

        Parameters
        ----------
        symbol, side, lots, start
            Of the parent order: +1 buys and -1 sells; `start` of its window in ns UTC.
        child : int
            Number of the child within the parent order, from 0 on.
        """
        key = zlib.crc32(f"latency|{self.seed}|{symbol}|{int(side)}|{lots}|{start}".encode())
        u, v = draw(key, 2 * child) + 2.0**-33, draw(key, 2 * child + 1)
        z = math.sqrt(-2.0 * math.log(u)) * math.cos(TURN * v)
        variance = math.log1p((self.sd / self.mean) ** 2)
        return round(self.mean * math.exp(math.sqrt(variance) * z - variance / 2.0) * SECOND)

    def of_child(self, parent: ParentOrder, child: int) -> int:
        """`of`, for a child of that number of a parent order."""
        return self.of(parent.symbol, parent.side, parent.lots, parent.start, child)

    def __str__(self) -> str:
        return f"log-normal, mean {self.mean:g} s, sd {self.sd:g} s, seed {self.seed}"
