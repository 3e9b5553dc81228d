"""From a decision to a number of shares: by fraction of equity, and by a volatility target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from exec_algos.agents.decision import Action, AgentDecision
from exec_algos.algorithms import TWAP, Algorithm
from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.model import MINUTE, Side, check_participation
from exec_algos.model.lots import whole_lots

SESSIONS_PER_YEAR = 252


def _check_positive(**values: float | None) -> None:
    for name, value in values.items():
        if value is not None and not 0 < value < math.inf:
            raise UsageError(f"{name} must be positive and finite, got {value!r}")


def calculate_quantity(  # noqa: PLR0913 - a keyword for each letter of the formula
    position_size: float,
    *,
    equity: float,
    price: float,
    lot_size: float = 1,
    volatility: float | None = None,
    target_volatility: float | None = None,
    max_scale: float = 1.0,
) -> float:
    """Shares of a position that is a fraction of the account, in whole lots, rounded down.

    ``quantity = floor(position_size * scale * equity / (price * lot_size)) * lot_size``, where ``scale`` is 1,
    or with a volatility target ``min(max_scale, target_volatility / volatility)``. Fees are not counted in.

    Parameters
    ----------
    position_size : float
        Fraction of equity in [0, 1].
    equity : float
        Cash and positions at their last price, currency, > 0.
    price : float
        Currency per share, > 0.
    lot_size : int or float
        Shares in a lot.
    volatility, target_volatility : float, optional
        The symbol's, and the one at which it gets the whole fraction: both or none, > 0, as fractions
        of the price over the same length of time (both a year, or both a day).
    max_scale : float
        The most by which a quiet symbol's fraction is multiplied; at 1 the target only ever reduces.

    Returns
    -------
    int or float
        Shares >= 0, of the type of `lot_size`.

    Raises
    ------
    UsageError
        A value out of range, or one of the two volatilities without the other.

    References
    ----------
    Harvey et al. (2018), The Impact of Volatility Targeting, J. Portfolio Management 45(1), for the scale without its cap.

    Examples
    --------
    >>> calculate_quantity(0.3, equity=100_000, price=101)
    297
    >>> calculate_quantity(0.3, equity=100_000, price=101, volatility=0.30, target_volatility=0.15, lot_size=10)
    140
    """
    if not 0 <= position_size <= 1:
        raise UsageError(f"position_size is a fraction of equity in [0, 1], got {position_size!r}; 10 % is 0.1")
    _check_positive(equity=equity, price=price, lot_size=lot_size)
    scale = _scale(volatility, target_volatility, max_scale)
    return whole_lots(position_size * scale * equity / (price * lot_size)) * lot_size


def _scale(volatility: float | None, target: float | None, largest: float) -> float:
    _check_positive(volatility=volatility, target_volatility=target, max_scale=largest)
    if volatility is None and target is None:
        return 1.0
    if volatility is None or target is None:
        raise UsageError(
            f"a volatility target needs volatility and target_volatility, got {volatility!r} and {target!r}; give both or none"
        )
    return min(largest, target / volatility)


def realised_volatility(closes: Sequence[float] | npt.NDArray[np.float64], periods_per_year: float = SESSIONS_PER_YEAR) -> float:
    """Annualised volatility: ``std(ln(C_i / C_(i-1))) * sqrt(periods_per_year)``, the sample deviation (n - 1).

    Parameters
    ----------
    closes : sequence of float, shape (n,)
        Prices one period apart, oldest first, at least 3.
    periods_per_year : float
        252 for one close a session.

    Raises
    ------
    NotEnoughHistoryError
        Fewer than 3 prices.
    UsageError
        A price that is not positive.
    """
    prices = np.asarray(closes, dtype=np.float64)
    if len(prices) < 3:
        raise NotEnoughHistoryError(f"a volatility needs at least 3 closes, got {len(prices)}")
    if not (np.isfinite(prices) & (prices > 0)).all():
        raise UsageError(f"closes must be positive numbers, got {prices.min()}")
    return float(np.diff(np.log(prices)).std(ddof=1) * math.sqrt(periods_per_year))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a decision about one symbol is sized by.

    Parameters
    ----------
    equity : float
        Cash and positions at their last price, currency.
    price : float
        The symbol's last, currency per share.
    held : float
        Shares of the symbol; > 0 long, < 0 short.
    volatility : float, optional
        The symbol's, in the unit of the mandate's `target_volatility`; needed if it has one.

    Raises
    ------
    UsageError
        A price or volatility that is not positive, or a value that is no number.
    """

    equity: float
    price: float
    held: float = 0
    volatility: float | None = None

    def __post_init__(self) -> None:
        _check_positive(price=self.price, volatility=self.volatility)
        if not (math.isfinite(self.equity) and math.isfinite(self.held)):
            raise UsageError(f"equity and held must be numbers, got {self.equity!r} and {self.held!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """How an agent's decisions become orders, and how those are worked.

    Parameters
    ----------
    algorithm : Algorithm
    duration_minutes : float, optional
        Length of the window from the decision on; None works until the session's close.
    max_participation : float, optional
        Our largest fraction of a bar's volume.
    lot_size : int or float
        Shares in a lot.
    allow_short : bool
        Whether a SELL may go beyond what is held.
    target_volatility : float, optional
        Annualised volatility at which a symbol gets the whole `position_size`; see `calculate_quantity`.
    volatility_sessions : int
        Returns that `AgentStrategy` estimates the volatility from, >= 2.
    max_scale : float
        See `calculate_quantity`.

    Raises
    ------
    UsageError
        A value out of range.
    """

    algorithm: Algorithm = field(default_factory=TWAP)
    duration_minutes: float | None = 30
    max_participation: float | None = None
    lot_size: float = 1
    allow_short: bool = False
    target_volatility: float | None = None
    volatility_sessions: int = 20
    max_scale: float = 1.0

    def __post_init__(self) -> None:
        _check_positive(
            duration_minutes=self.duration_minutes,
            lot_size=self.lot_size,
            target_volatility=self.target_volatility,
            max_scale=self.max_scale,
        )
        check_participation(self.max_participation)
        if self.volatility_sessions < 2:
            raise UsageError(f"volatility_sessions must be at least 2, got {self.volatility_sessions}")

    @property
    def window(self) -> int | None:
        """Length of the window in ns, None until the close."""
        return None if self.duration_minutes is None else round(self.duration_minutes * MINUTE)

    def quantity(self, position_size: float, account: Account) -> float:
        """Shares of a position of that size; see `calculate_quantity`."""
        return calculate_quantity(
            position_size,
            equity=account.equity,
            price=account.price,
            lot_size=self.lot_size,
            volatility=None if self.target_volatility is None else account.volatility,
            target_volatility=self.target_volatility,
            max_scale=self.max_scale,
        )


def order_for(decision: AgentDecision, account: Account, mandate: Mandate | None = None) -> tuple[Side, float] | None:
    """The order that leads from what is held to what is wanted.

    With ``Q = mandate.quantity(position_size, account)``: a BUY wants ``+Q`` shares, a SELL ``-Q`` where shorts are
    allowed, else 0. What is missing on the way there is ordered, in whole lots, rounded down. A BUY never
    sells and a SELL never buys, so the same decision given twice does not trade twice.

    Parameters
    ----------
    decision : AgentDecision
    account : Account
    mandate : Mandate, optional

    Returns
    -------
    (Side, shares) or None
        Shares > 0; None if there is nothing to order.

    Raises
    ------
    UsageError
        An account without equity, or without a volatility where the mandate has a target.
    """
    mandate = mandate or Mandate()
    if decision.action == Action.HOLD:
        return None
    side = Side.of(decision.action)
    flat = decision.position_size == 0 or (side == Side.SELL and not mandate.allow_short)
    wanted = 0 if flat else side * mandate.quantity(decision.position_size, account)
    missing = max(side * (wanted - account.held), 0)
    lots = whole_lots(missing / mandate.lot_size)
    return (side, lots * mandate.lot_size) if lots else None
