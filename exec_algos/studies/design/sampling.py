"""`Strata`: a seeded sample of a grid's parent orders, the same number or share of each kind of symbol and day."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.textform import parameters_of

if TYPE_CHECKING:
    pass

TRAITS = {"liquidity": "adv_notional", "spread": "spread_bps", "volatility": "volatility_bps"}  # and their columns
STRATUM = "stratum"
KNOBS: Mapping[str, type[Any]] = {"buckets": int, "per_stratum": int, "fraction": float, "seed": int}


class Stratum(NamedTuple):
    """Symbols' sessions of one kind: how many there are, and how many are studied."""

    name: str
    candidates: int
    drawn: int


class Draw(NamedTuple):
    """What was drawn: the stratum of each symbol's session, whether it is in the sample, and how many each stratum has."""

    stratum: npt.NDArray[np.object_]
    drawn: npt.NDArray[np.bool_]
    counts: tuple[Stratum, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strata:
    """Which of a grid's symbols and sessions are studied.

    A symbol's session falls into a stratum by what was known before it: ``liquidity`` (ADV times the last price, currency a day),
    ``spread`` or ``volatility`` (bps; see `exec_algos.studies.design.history`). All its orders (sides, sizes, windows) are drawn or none.
    Whether one is drawn depends on the seed, the symbol and the day alone, not on what else is in the data.

    Parameters
    ----------
    by : str or sequence of str
        Of ``"liquidity", "spread", "volatility"``; several are crossed.
    buckets : int
        Quantile groups of each, of about the same number of symbols' sessions; the bounds are those of this data.
    edges : mapping of str to sequence of float, optional
        Bounds between the groups in place of quantiles, ``{"spread": [5, 20]}``: the same for any data, so a study in shards needs them.
    per_stratum : int, optional
        Symbols' sessions drawn of each stratum; all where it has fewer.
    fraction : float, optional
        Share drawn of each stratum, in (0, 1], each by a draw of its own.
    seed : int

    Raises
    ------
    UsageError
        Not exactly one of `per_stratum` and `fraction`, a number out of range, or edges that do not rise.
    UnknownNameError
        Another trait.

    Examples
    --------
    >>> from exec_algos.market.samples import load_samples
    >>> from exec_algos.studies import ParentOrders
    >>> drawn = ParentOrders.grid(load_samples()["XNYS"], calendar="XNYS", strata=Strata(by="liquidity", buckets=2, per_stratum=3, seed=7))
    >>> [(stratum.name, stratum.drawn) for stratum in drawn.strata]
    [('liquidity 1/2', 3), ('liquidity 2/2', 3)]
    """

    by: str | Sequence[str] = "liquidity"
    buckets: int = 3
    edges: Mapping[str, Sequence[float]] | None = None
    per_stratum: int | None = None
    fraction: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        names = (self.by,) if isinstance(self.by, str) else tuple(self.by)
        object.__setattr__(self, "by", names)
        for name in (*names, *(self.edges or ())):
            if name not in TRAITS:
                raise UnknownNameError("trait of strata", name, TRAITS)
        if not names or len(set(names)) < len(names):
            raise UsageError(f"strata need at least one trait, and each only once; got {list(names)}")
        _check_count("buckets", self.buckets)
        self._check_edges(names)
        self._check_draw()

    def _check_edges(self, names: tuple[str, ...]) -> None:
        if self.edges is None:
            return
        if set(self.edges) != set(names):
            raise UsageError(f"edges must be given for each trait or for none: by names {list(names)}, edges {sorted(self.edges)}")
        kept = {name: tuple(float(edge) for edge in self.edges[name]) for name in names}
        for name, edges in kept.items():
            if not all(math.isfinite(edge) for edge in edges) or any(b <= a for a, b in pairwise(edges)):
                raise UsageError(f"edges of {name} must be numbers that rise, got {list(edges)}")
        object.__setattr__(self, "edges", kept)

    def _check_draw(self) -> None:
        if (self.per_stratum is None) == (self.fraction is None):
            raise UsageError("strata need either per_stratum (a number) or fraction (a share), and not both")
        if self.per_stratum is not None:
            _check_count("per_stratum", self.per_stratum)
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise UsageError(f"fraction must be in (0, 1], got {self.fraction!r}")
        _check_count("seed", self.seed, least=0)

    @classmethod
    def of(cls, text: str) -> Strata:
        """Strata from a text: traits, each with its edges or none of them, and knobs, comma-separated.

        Raises
        ------
        UsageError
            A value that is no number, something said twice; else as `Strata`.

        Examples
        --------
        >>> Strata.of("liquidity,volatility,buckets=5,per_stratum=200,seed=7").by
        ('liquidity', 'volatility')
        >>> Strata.of("liquidity=1e6/1e8,fraction=0.25").edges
        {'liquidity': (1000000.0, 100000000.0)}
        """
        pairs = parameters_of(text)
        given = dict(pairs)
        if len(given) < len(pairs):
            raise UsageError(f"strata {text!r} say something twice; say it once")
        knobs = {key: _number(key, given.pop(key), kind) for key, kind in KNOBS.items() if key in given}
        edges = {key: [_number(f"edge of {key}", edge, float) for edge in value.split("/")] for key, value in given.items() if value}
        if edges and "buckets" in knobs:
            raise UsageError(f"strata {text!r} give both buckets and edges; leave out buckets, the edges make the groups")
        return cls(by=list(given), edges=edges or None, **knobs)

    @property
    def alone(self) -> bool:
        """Whether each symbol and session is drawn without looking at others, as a study in shards needs."""
        return self.edges is not None and self.fraction is not None

    def record(self) -> dict[str, Any]:
        """Every knob, ready for JSON; ``Strata(**record)`` gives it back."""
        edges = None if self.edges is None else {name: list(edge) for name, edge in self.edges.items()}
        return {
            "by": list(self.by), "buckets": self.buckets, "edges": edges, "per_stratum": self.per_stratum, "fraction": self.fraction,
            "seed": self.seed,
        }  # fmt: skip

    def draw(self, symbols: Sequence[str], days: Sequence[str], traits: Mapping[str, Floats]) -> Draw:
        """Which symbols' sessions are drawn.

        Parameters
        ----------
        symbols, days : sequence of str
            Of each symbol's session; days as ``"2024-03-28"``.
        traits : mapping of str to ndarray of float64
            What was known before each, for every name of `by`; NaN: not known.
        """
        stratum = self._strata({name: traits[name] for name in self.by})
        luck = np.array([_luck(self.seed, symbol, day) for symbol, day in zip(symbols, days, strict=True)])
        drawn = luck < self.fraction if self.fraction is not None else _rank(stratum, luck) < (self.per_stratum or 0)
        counts = tuple(Stratum(name, int((stratum == name).sum()), int(drawn[stratum == name].sum())) for name in sorted(set(stratum)))
        return Draw(stratum, drawn, counts)

    def _strata(self, traits: Mapping[str, Floats]) -> npt.NDArray[np.object_]:
        """Name of each one's stratum: ``liquidity 1/3`` holds the least liquid."""
        parts = [
            _named(name, values, np.array(self.edges[name]) if self.edges else _quantiles(values, self.buckets))
            for name, values in traits.items()
        ]
        return np.array([", ".join(names) for names in zip(*parts, strict=True)], dtype=object)


def _check_count(name: str, value: object, least: int = 1) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, got {value!r}")


def strata_of(record: Mapping[str, Any] | None) -> Strata | None:
    """The strata that `Strata.record` wrote down."""
    return None if record is None else Strata(**record)


def _number(name: str, text: str, kind: type[Any]) -> Any:
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise UsageError(f"{name} must be {what}, got {text!r}; strata are like 'liquidity,volatility,buckets=5,per_stratum=200'") from None


def _quantiles(values: Floats, buckets: int) -> Floats:
    known = values[np.isfinite(values)]
    return np.quantile(known, np.arange(1, buckets) / buckets) if len(known) else np.zeros(buckets - 1)


def _named(name: str, values: Floats, edges: Floats) -> list[str]:
    """Which group each value is in: above as many of the edges, those equal to an edge below it."""
    groups = np.searchsorted(edges, values, side="left") + 1
    return [f"{name} {k}/{len(edges) + 1}" if np.isfinite(value) else f"{name} not known" for k, value in zip(groups, values, strict=True)]


def _rank(stratum: npt.NDArray[np.object_], luck: Floats) -> npt.NDArray[np.int64]:
    """Place of each one in its stratum by luck, from 0."""
    import pandas as pd

    return pd.Series(luck).groupby(stratum).rank(method="first").to_numpy().astype(np.int64) - 1


def _luck(seed: int, symbol: str, day: str) -> float:
    """A number in [0, 1) that depends on these three alone, on any machine."""
    digest = hashlib.sha256(f"{seed}\n{symbol}\n{day}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
