"""`Rules`: what bounds the children of a parent order, and what becomes of what is left of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from exec_algos.checks import check_real
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.model.lots import MOST_ORDERED
from exec_algos.model.style import AT_MARKET, ChildStyle, Randomisation


class Residual(StrEnum):
    """What becomes of what is left when the window ends.

    ``CANCEL`` leaves it, as residual. ``FORCE`` lifts the cap for the child of the last slice, which asks for all that is left.
    ``EXTEND`` goes on, one child a slice under the cap, until the session's end. ``CLOSE_AUCTION`` sends it to the closing auction: the
    session's last bar.
    """

    CANCEL = "cancel"
    FORCE = "force"
    EXTEND = "extend"
    CLOSE_AUCTION = "close_auction"

    @classmethod
    def of(cls, policy: Residual | str) -> Residual:
        """A policy from itself or its text.

        Raises
        ------
        UnknownNameError
            Anything else.
        """
        try:
            return cls(policy)
        except ValueError:
            raise UnknownNameError("residual policy", str(policy), list(cls)) from None


def check_lots(quantity: float, lot_size: float) -> int:
    """Lots in `quantity` shares.

    Raises
    ------
    UsageError
        `quantity` is not a positive multiple of `lot_size`, or more than `exec_algos.model.lots.MOST_ORDERED` of it.
    """
    check_real(lot_size=lot_size, quantity=quantity)
    if not (math.isfinite(lot_size) and lot_size > 0):
        raise UsageError(f"lot_size must be a positive number of shares, got {lot_size!r}")
    if not (math.isfinite(quantity) and quantity > 0):
        raise UsageError(f"quantity must be a positive number of shares, got {quantity!r}; use side='SELL' to sell")
    if quantity / lot_size > MOST_ORDERED:
        raise UsageError(
            f"quantity {quantity:g} is {quantity / lot_size:g} lots of {lot_size:g}, and no more than {MOST_ORDERED:g} can be counted "
            "one by one; ask for less, or for larger lots"
        )
    lots = round(quantity / lot_size)
    if lots < 1 or abs(lots * lot_size - quantity) > 1e-9 * quantity:
        raise UsageError(
            f"quantity {quantity} is not a multiple of lot_size {lot_size}; use {max(math.floor(quantity / lot_size), 1) * lot_size}"
        )
    return lots


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What bounds the children of a parent order, beside its participation cap.

    Parameters
    ----------
    limit_price : float, optional
        No child pays more, or gets less, currency per share; what is missed meanwhile is caught up under the cap.
    tick_size : float, optional
        Currency per share; `limit_price` must be a multiple of it.
    min_child, max_child : float, optional
        Shares, multiples of the lot. What is less than `min_child` waits, unless it is all that is left or the window ends.
    residual : Residual or str
        What becomes of what is left when the window ends. Where rules clash: the limit price stands above all, then
        ``"force"`` above cap, `min_child`, `max_child` and style, then the cap, then the others; the end of the window above completion.
    style : ChildStyle or str
        How children are placed: ``"market"``, ``"touch"``, or ``"peg"`` with its time-out. The closing auction's child goes at market.
    randomisation : Randomisation or str, optional
        Makes size and time of the children hard to foresee: ``"size=0.2,time=0.5,seed=7"``.

    Raises
    ------
    UsageError
        A price or size that is not positive, a limit off the tick, a smallest child above the largest.
    UnknownNameError
        An unknown residual policy or child style.
    """

    limit_price: float | None = None
    tick_size: float | None = None
    min_child: float | None = None
    max_child: float | None = None
    residual: Residual | str = Residual.CANCEL
    style: ChildStyle | str = AT_MARKET
    randomisation: Randomisation | str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "residual", Residual.of(self.residual))
        object.__setattr__(self, "style", ChildStyle.of(self.style))
        object.__setattr__(self, "randomisation", Randomisation.of(self.randomisation))
        for name in ("limit_price", "tick_size", "min_child", "max_child"):
            value = getattr(self, name)
            if value is None:
                continue
            check_real(**{name: value})
            if not 0 < value < math.inf:
                raise UsageError(f"{name} must be positive and finite, got {value!r}; leave it out for none")
        if self.min_child is not None and self.max_child is not None and self.min_child > self.max_child:
            raise UsageError(f"min_child {self.min_child:g} is above max_child {self.max_child:g}; lower the one or raise the other")
        self._check_tick()

    @property
    def reads(self) -> tuple[str, ...]:
        """Quotes that its style reads: any of ``bid, ask``."""
        return ChildStyle.of(self.style).reads

    def _check_tick(self) -> None:
        if self.limit_price is None or self.tick_size is None:
            return
        ticks = self.limit_price / self.tick_size
        if abs(ticks - round(ticks)) > 1e-6:
            near = [f"{n * self.tick_size:.10g}" for n in (math.floor(ticks), math.ceil(ticks)) if n]
            raise UsageError(f"limit_price {self.limit_price:.10g} is off the tick of {self.tick_size:.10g}; use {' or '.join(near)}")

    def bounds(self, lot_size: float) -> Bounds:
        """The same in lots, as the loops read it.

        Raises
        ------
        UsageError
            A child size that is no multiple of the lot.
        """
        least = 0 if self.min_child is None else _child_lots("min_child", self.min_child, lot_size)
        most = NO_BOUND if self.max_child is None else _child_lots("max_child", self.max_child, lot_size)
        limit = math.nan if self.limit_price is None else float(self.limit_price)
        return Bounds(limit, least, most, self.residual == Residual.FORCE)


def _child_lots(name: str, shares: float, lot_size: float) -> int:
    try:
        return check_lots(shares, lot_size)
    except UsageError as error:
        near = sorted({max(n, 1) * lot_size for n in (math.floor(shares / lot_size), math.ceil(shares / lot_size))})
        use = " or ".join(f"{price:.10g}" for price in near)
        raise UsageError(f"{name} {shares:g} is no multiple of lot_size {lot_size:g}; use {use}") from error


NO_BOUND = 2**62


class Bounds(NamedTuple):
    """`Rules` as the loops read them.

    Attributes
    ----------
    limit : float
        Currency per share, NaN for none.
    least, most : int
        Lots of a child.
    forced : bool
        The last slice sends all that is left.
    """

    limit: float
    least: int
    most: int
    forced: bool


NO_RULES = Rules()
