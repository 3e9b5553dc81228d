"""`Estimable`: a column of numbers, each known or with the reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UsageError
from exec_algos.stats.arrays import Flags, Floats

if TYPE_CHECKING:
    import pandas as pd


UNNAMED = "the value is not a number"


class Missing(NamedTuple):
    """Where a value is not estimable, and why.

    Attributes
    ----------
    where : ndarray of bool, shape (n,)
    reason : str
        May hold one ``{...}`` that `detail` fills in.
    detail : ndarray of float64, shape (n,), optional
    """

    where: Flags
    reason: str
    detail: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Estimable:
    """A column of numbers, NaN exactly where a reason stands.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        In the unit that the maker names; NaN where not estimable.
    codes : ndarray of int8, shape (n,)
        0 where the value is known, else the position of its reason in `reasons`.
    reasons : tuple of str
        ``reasons[0]`` is empty.
    detail : ndarray of float64, shape (n,), optional
        A number for the reasons that hold one, such as the part of the volume that was there.

    Raises
    ------
    UsageError
        A NaN without a reason, a reason beside a number, an infinite number, or a code without a text.

    Examples
    --------
    >>> vwap = Estimable.of(np.array([10.0, np.nan]), Missing(np.array([False, True]), "no volume in the window"))
    >>> vwap.reason.tolist()
    ['', 'no volume in the window']
    """

    values: Floats
    codes: npt.NDArray[np.int8]
    reasons: tuple[str, ...] = ("",)
    detail: Floats | None = None

    def __post_init__(self) -> None:
        if self.values.shape != self.codes.shape or self.values.ndim != 1:
            raise UsageError(f"values of shape {self.values.shape} and codes of shape {self.codes.shape} must be columns of one length")
        if len(self.codes) and not 0 <= self.codes.min() <= self.codes.max() < len(self.reasons):
            raise UsageError(f"codes {self.codes.min()} to {self.codes.max()} do not all have one of {len(self.reasons)} reasons")
        bad = np.flatnonzero(np.isfinite(self.values) == (self.codes > 0))
        if len(bad):
            row = int(bad[0])
            stands = f"reason {self.reasons[self.codes[row]]!r}" if self.codes[row] else "no reason"
            raise UsageError(f"row {row} is {self.values[row]} with {stands}; a value is NaN exactly where a reason stands")
        self.values.flags.writeable = self.codes.flags.writeable = False

    @classmethod
    def of(cls, values: npt.ArrayLike, *missing: Missing) -> Estimable:
        """A column of its values and of what is missing; the first reason that holds counts.

        Parameters
        ----------
        values : array_like, shape (n,)
            What stands where something is missing is overwritten by NaN.
        *missing : Missing
            A number that is not finite and that no reason covers gets `UNNAMED`.
        """
        column = np.array(values, dtype=np.float64)
        unnamed = Missing(~np.isfinite(column), UNNAMED)
        rules = [rule for rule in (*missing, unnamed) if rule.where.any()]
        reasons = tuple(dict.fromkeys(["", *(rule.reason for rule in rules)]))
        codes, detail = np.zeros(column.shape, dtype=np.int8), np.full(column.shape, np.nan)
        for rule in reversed(rules):
            codes[rule.where] = reasons.index(rule.reason)
            detail[rule.where] = np.nan if rule.detail is None else rule.detail[rule.where]
        column[codes > 0] = np.nan
        return cls(column, codes, reasons, None if np.isnan(detail).all() else detail)

    @classmethod
    def combine(cls, values: npt.ArrayLike, *sources: Estimable, missing: tuple[Missing, ...] = ()) -> Estimable:
        """A column made from other columns: where one of them is not estimable it is not either, for the same reason.

        Parameters
        ----------
        values : array_like, shape (n,)
        *sources : Estimable
            The first one that is not estimable gives the reason.
        missing : tuple of Missing
            Reasons of its own; they go before those of the sources.
        """
        return cls.of(values, *missing, *(rule for source in sources for rule in source.missing()))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def known(self) -> Flags:
        """Where there is a value, shape (n,)."""
        known: Flags = self.codes == 0
        return known

    @property
    def reason(self) -> npt.NDArray[np.object_]:
        """The reason of each value in words, shape (n,); empty where the value is known."""
        texts = np.array(self.reasons, dtype=object)[self.codes]
        if self.detail is not None:
            for row in np.flatnonzero(np.isfinite(self.detail)):
                texts[row] = texts[row].format(self.detail[row])
        return texts

    def missing(self) -> list[Missing]:
        """Its reasons, each with where it stands."""
        return [Missing(self.codes == code, reason, self.detail) for code, reason in enumerate(self.reasons) if code]

    def take(self, rows: npt.NDArray[Any]) -> Estimable:
        """The named rows, or those where a mask is true."""
        return Estimable(self.values[rows], self.codes[rows], self.reasons, None if self.detail is None else self.detail[rows])

    def counts(self) -> dict[str, int]:
        """How many values each reason leaves out; reasons with a number in them as they are written, unfilled."""
        found: dict[str, int] = {}
        for code, number in zip(*np.unique(self.codes[self.codes > 0], return_counts=True), strict=True):
            found[self.reasons[code]] = found.get(self.reasons[code], 0) + int(number)
        return found

    def bps_of(self, base: Estimable) -> Estimable:
        """``values / base * 1e4``: this column, currency, in basis points of another; of a base of 0, or below it, nothing is a part."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self.values / base.values * 1e4
        none = Missing(base.values == 0, "there is nothing to divide by"), Missing(base.values < 0, "what it is a part of is below zero")
        return Estimable.combine(ratio, self, base, missing=none)


def estimable_frame(columns: Mapping[str, Estimable]) -> pd.DataFrame:
    """Columns side by side, each followed by ``<name>_reason``.

    Parameters
    ----------
    columns : mapping of str to Estimable
        Of one length.

    Returns
    -------
    DataFrame
        The reasons are categories, the empty text where the value is known.
    """
    import pandas as pd

    table: dict[str, object] = {}
    for name, column in columns.items():
        table[name] = column.values
        plain = column.detail is None
        table[f"{name}_reason"] = (
            pd.Categorical.from_codes(column.codes, pd.Index(list(column.reasons))) if plain else pd.Categorical(column.reason)
        )
    return pd.DataFrame(table)
