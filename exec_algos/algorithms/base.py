"""An algorithm as a value: frozen parameters with a short text form such as ``vwap:profile_days=5``."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from exec_algos.algorithms.curve import cumulative_curve
from exec_algos.algorithms.dynamic_curve import DynamicCurve
from exec_algos.algorithms.guide import POSITIVE, Guide, Parameter
from exec_algos.checks import Floats, check_real
from exec_algos.errors import UsageError
from exec_algos.model import SECOND, Decision, Rules, Seen, Terms
from exec_algos.textform import from_text, text_of

INTERVAL = Parameter(
    "s", "> 0", "time between decisions, rounded up to whole bars", (0, -1, math.nan, math.inf), POSITIVE
)  # every algorithm's
LONGEST = 1e9  # seconds: with more an instant is no 64-bit number
NUMBERS = ("float", "int", "float | None", "int | None")  # annotations of the parameters that must be real numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm(ABC):
    """Parameters of an execution algorithm.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between decisions. On bars it is rounded up to whole bars.

    Attributes
    ----------
    name : str
        In lower case, as texts begin with it.
    sample : str
        A text form with other values than the defaults, which suits orders of minutes to a day on a week of bars. Those of this package
        have one, a `guide`, and one of `parameters` for each field of their own; an algorithm of your own needs none of the three.
    guide : Guide
    parameters : mapping of str to Parameter
    watches : bool
        Its decisions look at the market: `Seen.volume` and what stands behind it.
    follows_volume : bool
        Its decisions read `Seen.volume`: where the broker does not tell what has traded, it is refused.
    reads : tuple of str
        Quotes that its decisions read, any of ``bid, ask, bid_size, ask_size``: where the market has none, it is refused.
    forecasts : bool
        Its curve is drawn anew at each decision: it has an `dynamic_curve`, which takes the place of `curve`.
    needs_limit : bool
        It works only orders that have a `Rules.limit_price`.

    Raises
    ------
    UsageError
        A parameter out of range.
    """

    slice_interval_seconds: float = 60.0

    name: ClassVar[str]
    sample: ClassVar[str]
    guide: ClassVar[Guide]
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    watches: ClassVar[bool] = False
    follows_volume: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    forecasts: ClassVar[bool] = False
    needs_limit: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value, left_out = getattr(self, field.name), field.default is None
            if field.type in NUMBERS and not (left_out and value is None):
                check_real(**{field.name: value})
        if not 0 < self.slice_interval_seconds < math.inf:
            raise UsageError(f"slice_interval_seconds must be positive and finite, got {self.slice_interval_seconds!r}")
        if self.slice_interval_seconds > LONGEST:
            raise UsageError(f"slice_interval_seconds must be at most {LONGEST:g}, got {self.slice_interval_seconds!r}")

    @property
    def interval(self) -> int:
        """Time between decisions in ns."""
        return round(float(self.slice_interval_seconds) * SECOND)

    def interval_on(self, step: int) -> int:
        """Time between decisions on bars of `step` ns: rounded up to whole bars, in ns."""
        return -(-self.interval // step) * step

    @property
    def history_days(self) -> int:
        """Earlier sessions whose volume the curve needs; 0 for none."""
        return 0

    def check_order(self, rules: Rules, lot_size: float) -> None:
        """Refuse an order that it cannot work.

        Raises
        ------
        UsageError
            It needs a limit price and the order has none.
        """
        if self.needs_limit and rules.limit_price is None:
            raise UsageError(f"{self} works at a limit price and the order has none; give rules=Rules(limit_price=...)")

    @property
    @abstractmethod
    def decide(self) -> Callable[[Terms, Seen, Any], Decision]:
        """The step function: pure, at module level, of scalars; numba compiles it for `exec_algos.batch`."""

    @abstractmethod
    def weights(self, profile: Floats) -> Floats:
        """What each bar of the window is to carry, in any unit.

        Parameters
        ----------
        profile : ndarray of float64, shape (n_bars,)
            Expected volume in each bar of the window. Where `history_days` is 0, its length in bars: 1, but less of a last one that
            the window cuts short.
        """

    def curve(self, profile: Floats, step: int) -> Floats:
        """The fraction of the order to be done by the end of each slice: that of `weights`.

        An algorithm whose curve hangs on lengths of time overrides it, for `weights` knows of none.

        Parameters
        ----------
        profile : ndarray of float64, shape (n_bars,)
            As for `weights`.
        step : int
            Length of a bar in ns.

        Returns
        -------
        ndarray of float64, shape (ceil(n_bars * step / interval_on(step)),)
            Not falling, within [0, 1], the last one exactly 1.
        """
        return cumulative_curve(self.weights(profile), self.interval_on(step) // step)

    def curves(self, profiles: Floats, step: int) -> Floats:
        """`curve` of many windows of one length at once, for studies.

        Parameters
        ----------
        profiles : ndarray of float64, shape (m, n_bars)
        step : int
            Length of a bar in ns.

        Returns
        -------
        ndarray of float64, shape (m, n_slices)
            Each row bit for bit what `curve` gives for it.
        """
        if type(self).curve is not Algorithm.curve:
            return np.stack([self.curve(profile, step) for profile in profiles])
        rows = list(profiles)
        weights = [self.weights(row) for row in rows]
        plain = all(weight is row for weight, row in zip(weights, rows, strict=True))
        return cumulative_curve(profiles if plain else np.stack(weights), self.interval_on(step) // step)

    def dynamic_curve(self, history: Sequence[Floats], first: int, last: int, step: int) -> DynamicCurve:
        """The curve of one parent order as far as it is known; asked of algorithms that say `forecasts`.

        Parameters
        ----------
        history : sequence of ndarray of float64, each of shape (n_bars,)
            Shares in each bar of the `history_days` sessions before, in time order, mapped onto the bars of the order's session.
        first, last : int
            The window's bars ``[first, last)``, counted from the session's open.
        step : int
            Length of a bar, ns.

        Raises
        ------
        UsageError
            It has none.
        """
        raise UsageError(f"{self.name} says that it forecasts, so it needs a method dynamic_curve(history, first, last, step)")

    def params(self) -> tuple[Any, ...]:
        """What `decide` gets as its third argument."""
        return ()

    def __str__(self) -> str:
        return text_of(self)


def parse_algorithm(text: str, known: Mapping[str, type[Algorithm]]) -> Algorithm:
    """An algorithm from its text form ``name`` or ``name:parameter=value,parameter=value``.

    Raises
    ------
    UnknownNameError
        No such algorithm or parameter.
    UsageError
        A value that is no number, or one that is out of range.
    """
    return from_text("algorithm", text, known)
