"""`StudyPlan`: the question of a study in shards, frozen, as workers get it; and the symbols' months that it falls into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.calendars import Sessions, sessions
from exec_algos.market.splits import Splits

if TYPE_CHECKING:
    pass


import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from exec_algos.algorithms import Algorithm
from exec_algos.errors import UnknownNameError
from exec_algos.executors import OrderExecutor
from exec_algos.fills import FillModel
from exec_algos.market.depth import PROXIES
from exec_algos.market.quality.limits import USUAL, Limits
from exec_algos.model import NO_RULES, Rules
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.record.configuration import fill_model_record
from exec_algos.studies.run.custom import CustomExecutor, algorithm_of, check_importable, drivers_of, imports_of
from exec_algos.studies.shards.desk import DeskOrders

if TYPE_CHECKING:
    from exec_algos.studies.study import Driver


class Shard(NamedTuple):
    """A symbol and the month of its sessions.

    Attributes
    ----------
    symbol, month : str
    stored : tuple of str
        Months of the symbol that the store has, later ones too.
    """

    symbol: str
    month: str
    stored: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Where its files stand, in the folder of the study."""
        return f"shards/symbol={quote(self.symbol, safe='')}/month={self.month}"


class Share(NamedTuple):
    """One of several shares of the shards of a study, for a process of its own: ``Share.of("3/8")`` is the third of eight.

    Attributes
    ----------
    number, many : int
    """

    number: int
    many: int

    @classmethod
    def of(cls, text: str) -> Share:
        """What ``"3/8"`` says.

        Raises
        ------
        UsageError
            It says no share.
        """
        number, _, many = text.partition("/")
        if not (number.strip().isdecimal() and many.strip().isdecimal() and 1 <= int(number) <= int(many)):
            raise UsageError(f"a share of the shards is i/n with i from 1 to n, such as 3/8, got {text!r}")
        return cls(int(number), int(many))

    @property
    def lock(self) -> str:
        """The name of its lock."""
        return f"share-{self.number}-of-{self.many}"

    def conflicts(self, lock: str) -> bool:
        """Whether a process that holds this lock may be writing the same shards: every other share of as many is apart."""
        return lock == self.lock or not (lock.startswith("share-") and lock.endswith(f"-of-{self.many}"))

    def own(self, shards: Sequence[Shard]) -> Sequence[Shard]:
        """Its shards, neighbours: a month is history for the next."""
        return shards[len(shards) * (self.number - 1) // self.many : len(shards) * self.number // self.many]


class StudySpan(NamedTuple):
    """The time that a study spans: the calendar's name, ns UTC of its ends, the zone in which the store counts months, ns of a bar."""

    calendar: str
    first: int
    last: int
    zone: str
    step: int

    def sessions(self) -> Sessions:
        """Every session of the span, by the same numbers for each shard."""
        return _sessions(self.calendar, self.first, self.last)

    def months(self) -> list[str]:
        """Every month that has a session."""
        return sorted(set(self.sessions().date.astype("datetime64[M]").astype(str).tolist()))

    def month_of(self, instant: int) -> str:
        """The month of the store that holds an instant (ns UTC)."""
        return _month(instant, self.zone)

    def reach(self, month: str) -> Reach:
        """Sessions of a month, and the months of the store in which their bars lie."""
        whole = self.sessions()
        held = np.flatnonzero(whole.date.astype("datetime64[M]").astype(str) == month)
        if not len(held):
            return Reach(0, 0, month, month)
        first, last = int(held[0]), int(held[-1]) + 1
        return Reach(first, last, *(_month(t, self.zone) for t in (int(whole.open[first]), int(whole.close[last - 1]) - 1)))


class Reach(NamedTuple):
    """Sessions ``[first, last)`` by number, and the first and last month of the store that their bars may lie in."""

    first: int
    last: int
    begin: str
    end: str


_sessions = lru_cache(maxsize=8)(sessions)


@lru_cache(maxsize=1 << 16)
def _month(instant: int, zone: str) -> str:
    import pandas as pd

    return f"{pd.Timestamp(instant, tz='UTC').tz_convert(zone):%Y-%m}"


def midnight(month: str, later: int, zone: str) -> int:
    """Start of a month, or of one some months later, ns UTC."""
    import pandas as pd

    return int((pd.Timestamp(f"{month}-01") + pd.DateOffset(months=later)).tz_localize(zone).as_unit("ns").value)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """What a study in shards asks, checked: its parameters are those of `ShardedStudy`."""

    store: str
    parents: Grid | DeskOrders
    algorithms: Sequence[Algorithm | str | type[OrderExecutor]]
    fill_model: FillModel | None = None
    rules: Rules = NO_RULES
    driver: Driver = "batch"
    fills: bool = True
    splits: Splits = field(default_factory=Splits)
    quote_proxy: str | None = None
    limits: Limits = USUAL

    def __post_init__(self) -> None:
        algorithms = tuple(algorithm_of(algorithm) for algorithm in self.algorithms)
        names = [str(algorithm) for algorithm in algorithms]
        if not algorithms or len(set(names)) < len(names):
            raise UsageError(f"a study needs at least one algorithm, and each only once; got {names}")
        if self.parents.calendar is None:
            raise UsageError(
                "a study in shards needs a named calendar, such as calendar='XNYS' (--calendar XNYS) or '24/7': a shard sees one symbol"
            )
        if self.parents.strata is not None and not self.parents.strata.alone:
            raise UsageError(
                "a study in shards sees one symbol's month at a time: strata need edges={...} and fraction=... there, not quantiles and "
                "per_stratum"
            )
        if self.driver not in {"batch", "engine"}:
            raise UnknownNameError("driver", self.driver, ["batch", "engine"])
        if self.quote_proxy is not None and self.quote_proxy not in PROXIES:
            raise UnknownNameError("quote proxy", self.quote_proxy, PROXIES)
        self.rules.bounds(self.parents.lot_size)  # refuses child sizes that are no whole lots
        for algorithm in algorithms:
            if isinstance(algorithm, CustomExecutor):
                check_importable(algorithm)
            algorithm.check_order(self.rules, self.parents.lot_size)
        object.__setattr__(self, "algorithms", algorithms)
        place = os.fspath(self.store)
        # resuming may start from another folder
        object.__setattr__(self, "store", place if "://" in place else os.path.abspath(place))
        object.__setattr__(self, "fill_model", self.fill_model or FillModel())

    @property
    def needed_history(self) -> int:
        """Earlier sessions with data that a shard reads."""
        return max(
            self.parents.profile_days, *(algorithm.history_days for algorithm in self.algorithms if isinstance(algorithm, Algorithm))
        )

    def settings(self) -> dict[str, Any]:
        """Everything but the store that the numbers depend on, ready for JSON."""
        return {
            "parents": self.parents.record(),
            "algorithms": [str(algorithm) for algorithm in self.algorithms],
            "fill_model": fill_model_record(self.fill_model or FillModel()),
            "rules": {**asdict(self.rules), "style": str(self.rules.style), "residual": str(self.rules.residual)},
            "driver": self.driver,
            **self._own(),
            "fills": self.fills,
            **({"splits": [list(split) for split in self.splits.rows]} if self.splits else {}),
            **({} if self.quote_proxy is None else {"quote_proxy": self.quote_proxy}),
            **({"limits": self.limits.record()} if self.limits.record() else {}),
        }

    def _own(self) -> dict[str, Any]:
        """What the numbers depend on where algorithms are not all built in."""
        algorithms = [algorithm_of(algorithm) for algorithm in self.algorithms]
        imports = imports_of(algorithms)
        return {"imports": imports, "drivers": drivers_of(algorithms, self.driver)} if imports else {}
