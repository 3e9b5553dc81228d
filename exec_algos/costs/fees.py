"""Fees by side, date and liquidity: commissions, taxes and regulatory fees as one immutable schedule.

A schedule is a few named components. Within one session each component has constant terms, so that a run asks once for the
terms of a day and side (`FeeSchedule.on`) and works with plain numbers after that (`fee_of_terms`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, NamedTuple

from exec_algos.costs.commission import Commission
from exec_algos.errors import UnknownNameError, UsageError

SideName = Literal["BUY", "SELL"]
Liquidity = Literal["taker", "maker"]
SIDES = ("BUY", "SELL")
LIQUIDITY = ("taker", "maker")

DOWN, NEAREST, UP = -1, 0, 1
CLOSE = 1e-6  # of a unit: a product this close to a whole number of units is that number
UNCAPPED_FEE = math.inf


class FeeTerms(NamedTuple):
    """What one component takes from a child order: numbers only, so that the compiled loop can read it.

    ``fee = min(maximum, max(minimum, rate * value + per_share * shares))``, rounded to whole `unit`, for a child that
    traded, else 0.

    Attributes
    ----------
    rate : float
        Fraction of the value traded.
    per_share : float
        Currency per share.
    minimum, maximum : float
        Currency per child order.
    unit : float
        Smallest amount that is charged, such as 1 (won) or 0.01 (dollar); 0: no rounding.
    rounding : int
        -1 drops the rest below a unit, 0 rounds to the nearest (halves up), +1 charges the rest as a whole unit.
    """

    rate: float = 0.0
    per_share: float = 0.0
    minimum: float = 0.0
    maximum: float = UNCAPPED_FEE
    unit: float = 0.0
    rounding: int = NEAREST

    def checked(self, name: str) -> FeeTerms:
        """The terms themselves.

        Raises
        ------
        UsageError
            A part that is negative or not a number, a minimum above the maximum, or a rounding that is not -1, 0 or 1.
        """
        for part in ("rate", "per_share", "minimum", "unit"):
            value = getattr(self, part)
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"{part} of fee {name!r} must be >= 0, got {value!r}")
        if not self.maximum >= self.minimum:
            raise UsageError(f"maximum of fee {name!r} must be at least its minimum {self.minimum!r}, got {self.maximum!r}")
        if self.rounding not in (DOWN, NEAREST, UP):
            raise UsageError(f"rounding of fee {name!r} must be -1 (down), 0 (nearest) or 1 (up), got {self.rounding!r}")
        return self


def fee_of_terms(terms: FeeTerms, shares: float, value: float) -> float:
    """What one component takes from a child that has traded `shares` for `value` (currency) in all, in currency.

    It never falls as a child trades more, so that a part of a fill may be charged the difference to the parts before it.
    """
    if shares <= 0:
        return 0.0
    return settled(terms.rate * value + terms.per_share * shares, terms.minimum, terms.maximum, terms.unit, terms.rounding)


def settled(raw: float, minimum: float, maximum: float, unit: float, rounding: float) -> float:
    """A fee of `raw` (currency) held between least and most, in whole units; parts as in `FeeTerms`."""
    held = min(maximum, max(minimum, raw))
    if unit == 0.0:
        return held
    units = held / unit
    if rounding > 0:
        whole = math.ceil(units - CLOSE)
    elif rounding < 0:
        whole = math.floor(units + CLOSE)
    else:
        whole = math.floor(units + 0.5 + CLOSE)
    return float(whole * unit)


class Period(NamedTuple):
    """Terms and the trade dates they hold on, both ends included.

    Attributes
    ----------
    first, last : datetime.date
    terms : FeeTerms
        Of an order that takes liquidity.
    maker : FeeTerms, optional
        Of an order that makes it: another rate, or amount per share. Least, most, unit and rounding hold for a child as a whole,
        which may do both, so they are those of `terms`. None: the same.
    """

    first: date
    last: date
    terms: FeeTerms
    maker: FeeTerms | None = None


def as_day(day: date | str) -> date:
    """A trade date of a date, of a datetime (the date it shows, in its own zone) or of ``"YYYY-MM-DD"``.

    Raises
    ------
    UsageError
        Anything else.
    """
    if isinstance(day, datetime):
        return day.date()
    if isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day)
    except (TypeError, ValueError):
        raise UsageError(f"a trade date must be a date or 'YYYY-MM-DD', got {day!r}") from None


@dataclass(frozen=True, slots=True)
class FeeComponent:
    """One fee: who pays it, and its terms by trade date.

    Parameters
    ----------
    name : str
        As it is printed.
    periods : tuple of Period
        In order, without gaps or overlaps.
    sides : tuple of {"BUY", "SELL"}
        Who pays it.
    source : str
        Where the terms are from.
    tax : bool
        It goes to the state or a regulator, and so into `exec_algos.Fill.taxes` too: the Korean transaction tax, the SEC's Section 31
        fee and FINRA's Trading Activity Fee do. A broker's commission and an exchange's trading fee do not.

    Raises
    ------
    UsageError
        No periods, or periods that leave a gap or overlap; terms out of range, or a maker's with another minimum, maximum, unit or
        rounding.
    UnknownNameError
        A side other than BUY and SELL.
    """

    name: str
    periods: tuple[Period, ...]
    sides: tuple[SideName, ...] = ("BUY", "SELL")
    source: str = ""
    tax: bool = False

    def __post_init__(self) -> None:
        if not self.periods:
            raise UsageError(f"fee {self.name!r} has no periods")
        for side in self.sides:
            _known("side", side, SIDES)
        for period in self.periods:
            period.terms.checked(self.name)
            _check_maker(self.name, period.terms, (period.maker or period.terms).checked(self.name))
            if period.first > period.last:
                raise UsageError(f"fee {self.name!r} has a period from {period.first} to {period.last}, which ends before it starts")
        for before, after in zip(self.periods, self.periods[1:], strict=False):
            if (after.first - before.last).days != 1:
                raise UsageError(f"fee {self.name!r} must go on the day after {before.last}, but its next period starts on {after.first}")

    @property
    def known(self) -> tuple[date, date]:
        """First and last trade date whose terms are known."""
        return self.periods[0].first, self.periods[-1].last

    def on(self, day: date, liquidity: Liquidity = "taker") -> FeeTerms:
        """The terms on a trade date.

        Raises
        ------
        UsageError
            A date outside the known range: a rate that is not known is never taken for 0.
        """
        for period in self.periods:
            if period.first <= day <= period.last:
                return (period.maker or period.terms) if liquidity == "maker" else period.terms
        first, last = self.known
        raise UsageError(
            f"{self.name} is known for trades from {first} to {last}, not for {day}; FeeSchedule.extended() assumes the nearest known rate"
        )

    def extended(self) -> FeeComponent:
        """The component with the nearest known terms on every date outside its range; a pause is never the nearest."""
        first, last = self.known
        charging = [period for period in self.periods if _charges(period.terms)] or list(self.periods)
        before = [charging[0]._replace(first=date.min, last=_next_day(first, -1))] if first > date.min else []
        after = [charging[-1]._replace(first=_next_day(last, 1), last=date.max)] if last < date.max else []
        if not before + after:
            return self
        note = f"{self.source}; ASSUMED before {first} and after {last}".lstrip("; ")
        return replace(self, periods=(*before, *self.periods, *after), source=note)


def _check_maker(name: str, terms: FeeTerms, maker: FeeTerms) -> None:
    if terms[2:] != maker[2:]:
        raise UsageError(
            f"makers of fee {name!r} may pay another rate and amount per share, but minimum, maximum, unit and rounding are of the child "
            f"as a whole: got {maker} beside {terms}"
        )


def _charges(terms: FeeTerms) -> bool:
    return max(terms.rate, terms.per_share, terms.minimum) > 0 and terms.maximum > 0


def _next_day(day: date, days: int) -> date:
    return date.fromordinal(day.toordinal() + days)


def _known(kind: str, name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise UnknownNameError(kind, name, names)


def always(name: str, terms: FeeTerms, maker: FeeTerms | None = None, source: str = "") -> FeeComponent:
    """A fee whose terms do not change by date, paid by both sides."""
    return FeeComponent(name, (Period(date.min, date.max, terms, maker),), source=source)


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Everything that a market and a broker charge for a trade.

    Parameters
    ----------
    name : str
    currency : str
        Unit of every fee.
    components : tuple of FeeComponent
        Their fees add up; each is capped and rounded by itself.

    Examples
    --------
    >>> schedule = FeeSchedule("mine", "USD", (always("commission", FeeTerms(rate=0.001, minimum=1.0)),))
    >>> schedule.fee("BUY", 100, 5_000.0, "2024-01-02")
    5.0
    """

    name: str
    currency: str
    components: tuple[FeeComponent, ...] = ()

    def on(self, day: date | str, side: SideName, liquidity: Liquidity = "taker") -> tuple[FeeTerms, ...]:
        """The terms that a side pays on a trade date: constant within a session, one entry a component.

        Parameters
        ----------
        day : date or str
            Trade date at the exchange.
        side : {"BUY", "SELL"}
        liquidity : {"taker", "maker"}

        Returns
        -------
        tuple of FeeTerms
            The fee of a child is the sum of `fee_of_terms` over them. Components that this side does not pay are left out.

        Raises
        ------
        UsageError
            A date outside the range that a component is known for.
        UnknownNameError
            An unknown side or liquidity.
        """
        _known("side", side, SIDES)
        _known("liquidity", liquidity, LIQUIDITY)
        when = as_day(day)
        return tuple(component.on(when, liquidity) for component in self.components if side in component.sides)

    def fee(self, side: SideName, shares: float, value: float, day: date | str, liquidity: Liquidity = "taker") -> float:
        """What a child order that traded `shares` for `value` on `day` pays in all.

        Parameters
        ----------
        side : {"BUY", "SELL"}
        shares : float
            In all parts of the child together.
        value : float
            Their worth, currency.
        day : date or str
            Trade date at the exchange.
        liquidity : {"taker", "maker"}

        Returns
        -------
        float
            Currency, >= 0.

        Raises
        ------
        UsageError
            A date whose terms are not known; shares or a value that are negative or not numbers.
        """
        for name, amount in (("shares", shares), ("value", value)):
            if not (math.isfinite(amount) and amount >= 0):
                raise UsageError(f"{name} must be >= 0, got {amount!r}")
        return sum((fee_of_terms(terms, shares, value) for terms in self.on(day, side, liquidity)), 0.0)

    @property
    def by_liquidity(self) -> bool:
        """Makers pay other terms than takers."""
        return any((period.maker or period.terms) != period.terms for component in self.components for period in component.periods)

    def check_days(self, first: date, last: date, sides: Iterable[SideName] = ("BUY", "SELL")) -> None:
        """Refuse trade dates, both ends included, that are not all known to those sides.

        Raises
        ------
        UsageError
            A date outside the range that a component is known for.
        """
        for side in sides:
            for day in (first, last):
                self.on(day, side)

    def commission(self, day: date | str, side: SideName) -> Commission:
        """The schedule of one day and side as a plain `Commission`, for what knows no dates (`exec_algos.tca.pretrade`).

        Rounding to whole units is left out: at most one unit a component and child.

        Raises
        ------
        UsageError
            A cap, or a minimum beside another component, which a `Commission` cannot say.
        """
        terms = self.on(day, side)
        if any(term.maximum != UNCAPPED_FEE for term in terms) or (len(terms) > 1 and any(term.minimum > 0 for term in terms)):
            raise UsageError(f"{self.name} of {side} on {as_day(day)} has a cap or several fees with a minimum; use .on() and fee_of_terms")
        parts = (sum(column) for column in zip(*((term.rate, term.per_share, term.minimum) for term in terms), strict=True))
        return Commission(*parts).checked()

    def extended(self) -> FeeSchedule:
        """The schedule with each component's nearest known terms assumed outside its range; `describe` says so."""
        return replace(self, components=tuple(component.extended() for component in self.components))

    def describe(self) -> str:
        """Every component, its terms by date and its source, one line each."""
        lines = [f"{self.name} ({self.currency})" if self.components else f"{self.name}: no fees"]
        for component in self.components:
            lines += [
                f"  {component.name}, paid by {' and '.join(component.sides)}" + (f" [{component.source}]" if component.source else "")
            ]
            lines += [f"    {_dates(period)}: {_terms(period.terms)}{_maker(period)}" for period in component.periods]
        return "\n".join(lines)


def _dates(period: Period) -> str:
    if (period.first, period.last) == (date.min, date.max):
        return "always"
    start = "until" if period.first == date.min else f"{period.first} to"
    return f"from {period.first}" if period.last == date.max else f"{start} {period.last}"


def _maker(period: Period) -> str:
    return "" if period.maker is None else f"; makers {_terms(period.maker)}"


def _terms(terms: FeeTerms) -> str:
    parts = [
        f"{terms.rate * 1e4:.6g} bps of value" if terms.rate else "",
        f"{terms.per_share:.6g} a share" if terms.per_share else "",
        f"at least {terms.minimum:g} a child" if terms.minimum else "",
        f"at most {terms.maximum:g} a child" if terms.maximum != UNCAPPED_FEE else "",
    ]
    said = ", ".join(part for part in parts if part) or "0"
    how = {DOWN: "rest dropped", NEAREST: "nearest", UP: "rest charged as a whole"}[terms.rounding]
    return f"{said} (in whole {terms.unit:g}, {how})" if terms.unit else said
