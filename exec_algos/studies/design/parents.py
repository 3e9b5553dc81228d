"""`ParentOrders`: the parent orders of a study, and why others are not among them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Ints, check_profile_days
from exec_algos.errors import UsageError
from exec_algos.market.boundary import reading
from exec_algos.market.calendars import Sessions
from exec_algos.market.hours import sessions_of, trading_bars
from exec_algos.model import Side
from exec_algos.studies.design.history import KNOWN, SymbolHistory, taken
from exec_algos.studies.design.plans import OrderSize, Plan, Sizes, SymbolFacts, clock_times, days_of, sizes_as_text
from exec_algos.studies.design.sampling import STRATUM, TRAITS, Strata, Stratum, strata_of

if TYPE_CHECKING:
    import os

    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.studies.design.imports import Refused
    from exec_algos.studies.folder import StudyFolder


class Skipped(NamedTuple):
    """A symbol and session that the study leaves out, and why."""

    symbol: str
    session: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The terms of a grid of parent orders, before there are bars.

    Parameters
    ----------
    calendar, sides, size, window, profile_days, lot_size, symbols, sessions, strata
        As `ParentOrders.grid` takes them.

    Raises
    ------
    UsageError
        A size, window or number of days that cannot be.
    """

    calendar: str | None = None
    sides: Sequence[Side | str] = (Side.BUY,)
    size: Sizes = "5%adv"
    window: str | Sequence[str] | None = None
    profile_days: int = 5
    lot_size: float = 1
    symbols: Sequence[str] | None = None
    sessions: tuple[str | None, str | None] | None = None
    strata: Strata | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", sizes_as_text(self.size))
        object.__setattr__(self, "symbols", None if self.symbols is None else _names(self.symbols))
        object.__setattr__(self, "sessions", None if self.sessions is None else days_of(self.sessions))
        check_profile_days(self.profile_days)
        if not (math.isfinite(self.lot_size) and self.lot_size > 0):
            raise UsageError(f"lot_size must be a positive number of shares, got {self.lot_size!r}")
        object.__setattr__(self, "sides", tuple(Side.of(side).name for side in self.sides))
        if not (self.sides and self.plans()):
            raise UsageError("a grid needs at least one side, one size and one window")

    def plans(self) -> list[Plan]:
        """One for each window and size."""
        windows = [self.window] if self.window is None or isinstance(self.window, str) else list(self.window)
        sizes = [str(self.size)] if isinstance(self.size, str) else [str(size) for size in self.size]  # type: ignore[union-attr] # texts by now
        names = [f"{window or 'whole session'}, {size}: " for window in windows for size in sizes]
        made = [Plan(OrderSize.parse(size), clock_times(window), self.profile_days, self.lot_size) for window in windows for size in sizes]
        return made if len(made) == 1 else [plan._replace(name=name) for plan, name in zip(made, names, strict=True)]

    def orders(self, bars: Bars, sessions: Sessions, used: Iterable[int]) -> ParentOrders:
        """The parent orders of the sessions that `used` numbers, sorted by symbol, session, window, size and side."""
        plans, numbers = self.plans(), np.array(self.wanted(sessions, used), dtype=np.int64)
        windows = [plan.windows(sessions, numbers.tolist(), bars.step) for plan in plans]
        tables: list[Ints] = []
        skipped: list[Skipped] = []
        for i, symbol in enumerate(bars.symbols):
            if self.symbols is not None and symbol not in self.symbols:
                continue
            market = SymbolFacts.of(bars, symbol, sessions)
            lots = np.column_stack([plan.lots(market, numbers, *window) for plan, window in zip(plans, windows, strict=True)])
            for row, p in np.argwhere(lots == 0).tolist():
                why = plans[p].make(market, int(numbers[row]))
                skipped.append(Skipped(symbol, str(sessions.date[numbers[row]]), f"{plans[p].name}{why}"))
            made = np.nonzero(lots)
            start, end = (np.column_stack(times)[made] for times in zip(*windows, strict=True))
            tables.append(np.column_stack([np.full(len(start), i), numbers[made[0]], lots[made], start, end]))
        table = np.concatenate([np.zeros((0, 5), dtype=np.int64), *tables])
        rows, table = len(table), table.repeat(len(self.sides), axis=0)
        orders = ParentOrders(
            symbols=bars.symbols, sessions=sessions, symbol=table[:, 0], session=table[:, 1],
            side=np.tile(np.array([int(Side.of(side)) for side in self.sides], dtype=np.int64), rows), lots=table[:, 2],
            lot_size=self.lot_size, start=table[:, 3], end=table[:, 4], profile_days=self.profile_days, skipped=tuple(skipped),
            columns=SymbolHistory(bars, sessions, self.profile_days, table[:, 0], table[:, 1]), terms=self.record(),
        )  # fmt: skip
        return orders if self.strata is None else orders.drawn(self.strata)

    @property
    def digest(self) -> str | None:
        """What tells whether a shard's orders have changed: nothing but the terms."""
        return None

    def in_shard(self, folder: StudyFolder, symbol: str, month: str) -> Grid:
        """The terms of one shard: the same as of all."""
        return self

    def latest_end(self, sessions: Sessions, last: int, step: int) -> int:
        """When the order of session `last` ends, ns UTC; 0 where no window leaves its session."""
        ends = [int(plan.windows(sessions, [last], step)[1][0]) for plan in self.plans() if plan.clock is not None and last >= 0]
        return max((end for end in ends if end > sessions.close[last]), default=0)

    def wanted(self, sessions: Sessions, used: Iterable[int]) -> list[int]:
        """Those of the sessions that `used` numbers which are asked for."""
        if self.sessions is None:
            return list(used)
        first, last = (None if day is None else np.datetime64(day, "D") for day in self.sessions)
        return [k for k in used if (first is None or sessions.date[k] >= first) and (last is None or sessions.date[k] <= last)]

    @property
    def own_columns(self) -> Sequence[str]:
        """Columns that the orders bring into the result."""
        return (*KNOWN, *([] if self.strata is None else [STRATUM]))

    def record(self) -> dict[str, Any]:
        """The terms, ready for JSON; those that were added later only where they are not what they have always been."""
        always = ("calendar", "sides", "size", "window", "profile_days", "lot_size")
        later = {"symbols": self.symbols, "sessions": self.sessions, "strata": self.strata and self.strata.record()}
        return {**{name: getattr(self, name) for name in always}, **{name: value for name, value in later.items() if value is not None}}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Grid:
        """The terms that `record` wrote down."""
        return cls(**{**record, "strata": strata_of(record.get("strata"))})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParentOrders:
    """Parent orders by column: arrays of shape (n,), sorted by symbol, session and side.

    Attributes
    ----------
    symbols : tuple of str
        What `symbol` counts in.
    sessions : Sessions
        What `session` counts in.
    symbol, session : ndarray of int64
    side : ndarray of int64
        +1 buys, -1 sells.
    lots : ndarray of int64
    lot_size : float
        Shares.
    start, end : ndarray of int64
        The window ``[start, end)``, ns UTC, in whole bars.
    profile_days : int
        N: earlier sessions with data that ADV was taken from; 0 where sizes were given.
    skipped : tuple of Skipped
    refused, clipped : tuple of Refused
        Rows of a desk's own orders that cannot be worked, and those whose window reaches beyond the session: ``row, value, reason``.
    notes : tuple of str
        What was assumed in reading a desk's own orders.
    columns : mapping of str to ndarray of shape (n,)
        What goes into the result beside: `exec_algos.studies.design.history.KNOWN`, ``stratum``, ``order_id``, ``window_asked``,
        ``window``.
    strata : tuple of Stratum
        Of a stratified sample: ``name, candidates, drawn`` of each stratum, counted in symbols' sessions.
    terms : mapping
        Of the grid, ready for JSON.
    """

    symbols: tuple[str, ...]
    sessions: Sessions
    symbol: Ints
    session: Ints
    side: Ints
    lots: Ints
    lot_size: float
    start: Ints
    end: Ints
    profile_days: int
    skipped: tuple[Skipped, ...] = ()
    refused: tuple[Refused, ...] = ()
    clipped: tuple[Refused, ...] = ()
    notes: tuple[str, ...] = ()
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    strata: tuple[Stratum, ...] = ()
    terms: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.symbol)

    @classmethod
    def grid(  # noqa: PLR0913 - the dimensions of the grid
        cls,
        bars: Bars,
        *,
        calendar: str | None = None,
        sides: Sequence[Side | str] = (Side.BUY,),
        size: Sizes = "5%adv",
        window: str | Sequence[str] | None = None,
        profile_days: int = 5,
        lot_size: float = 1,
        symbols: Sequence[str] | None = None,
        sessions: tuple[str | None, str | None] | None = None,
        strata: Strata | None = None,
    ) -> ParentOrders:
        """A parent order for each symbol, session, window, size and side that has the data.

        It needs a bar in the window and `profile_days` earlier sessions with data; ADV is the mean session
        volume of those.

        Parameters
        ----------
        bars : Bars
        calendar : str, optional
            Calendar of the sessions (``"XNYS"``); without it a session is a day of the bars.
        sides : sequence of Side or str
            Buys by default. With both, each order has a twin, and summaries stand by side.
        size : str or number, or a sequence of those
            ``"5%adv"``, shares (``1000``, ``"1000"``) or a value (``"notional:1e6"``, ``"1e6 USD"``), rounded down to lots. A value is
            turned into shares at the last close known when the window begins.
        window : str or sequence of str, optional
            ``"09:30-16:00"`` in exchange time, cut to each session; the whole session by default.
        profile_days : int
            N >= 1.
        lot_size : int or float
            Shares in a lot.
        symbols : sequence of str, optional
            Those only; all of the bars by default.
        sessions : tuple of str or None, optional
            First and last day, ``("2024-07-01", "2024-12-31")``, both in it; None leaves an end open. Earlier days stay history.
        strata : Strata, optional
            A seeded sample of each kind of symbol and day instead of all: `exec_algos.studies.design.sampling.Strata`.

        Raises
        ------
        UsageError
            A size, window, number or range of days that cannot be.
        UnknownNameError
            A symbol that the bars do not have.
        """
        terms = Grid(
            calendar=calendar, sides=sides, size=size, window=window, profile_days=profile_days, lot_size=lot_size, symbols=symbols,
            sessions=sessions, strata=strata,
        )  # fmt: skip
        for symbol in terms.symbols or ():
            bars.rows(symbol)
        held = sessions_of(bars, calendar)
        bars = trading_bars(bars, held)
        used = range(*covered(bars, held))
        if used and not terms.wanted(held, used):
            days = " to ".join(str(held.date[k]) for k in (used[0], used[-1]))
            raise UsageError(f"no parent order is left to study: the bars' sessions are {days}, none of the days asked for is one")
        return terms.orders(bars, held, used)

    @classmethod
    def from_frame(  # noqa: PLR0913 - what may be said of a desk's orders
        cls,
        frame: pd.DataFrame,
        bars: Bars,
        *,
        calendar: str | None = None,
        lot_size: float = 1,
        profile_days: int = 5,
        keep: Sequence[str] = (),
        columns: str | Mapping[str, str] | None = None,
        sides: str | Mapping[str, str] | None = None,
        decimal: str | None = None,
        date_format: str | None = None,
    ) -> ParentOrders:
        """A desk's own orders; rows that cannot be worked are in `refused`.

        A window that reaches beyond the session is clipped to it, and listed in `clipped`. Start is rounded up and end down to whole
        bars of the session, so that no bar counts that began before the order. ``parents`` of the result say both, ``window_asked``
        and ``window``. Orders are sorted by symbol, session, start, end, side and row.

        Parameters
        ----------
        frame : DataFrame
            Columns ``symbol, side, quantity`` (shares), ``start, end`` (naive ones in exchange time), in any case and order, or known
            synonyms of them. Without a column of sides negative quantities sell. Where there is an ``order_id`` it must be there once in
            each row, and stands in the result's ``parents``.
        bars : Bars
        calendar : str, optional
            Calendar of the sessions (``"XNYS"``); without it a session is a day of the bars.
        lot_size : int or float
            Shares in a lot; a quantity that is no multiple is refused.
        profile_days : int
            Earlier sessions that the result's ADV, volatility and spread are taken from; they are NaN where there are fewer.
        keep : sequence of str
            Other columns to carry into the result's ``parents``, such as ``["trader"]``, to look at costs by.
        columns, sides, decimal, date_format
            How the orders are written, where they do not say it themselves: `exec_algos.studies.design.written.form.OrderForm`.

        Raises
        ------
        UsageError
            A column is missing, its name is one of the result's own, the sides are not understood, or no row can be worked.

        Examples
        --------
        >>> import pandas as pd
        >>> from exec_algos.market.samples import load_samples
        >>> bars = load_samples()["XNYS"]
        >>> row = {"symbol": "SYNMID", "side": "buy", "quantity": 500, "start": "2025-10-15 10:00", "end": "2025-10-15 11:00"}
        >>> orders = ParentOrders.from_frame(pd.DataFrame([row, {**row, "quantity": -5}]), bars, calendar="XNYS")
        >>> len(orders), [(row.row, row.value) for row in orders.refused]
        (1, [(2, '-5')])
        """
        from exec_algos.studies.design.imports import parents_in_frame

        said: dict[str, Any] = {"columns": columns, "sides": sides, "decimal": decimal, "date_format": date_format}
        with reading("the orders"):
            made = parents_in_frame(frame, bars, calendar=calendar, lot_size=lot_size, profile_days=profile_days, keep=keep, **said)
        return cls(**made)

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str], bars: Bars, *, encoding: str | None = None, **options: Any) -> ParentOrders:
        """The same of a CSV file, whatever separates its columns and packs it.

        Its row 1 is the first below the column names; blank rows count and are passed over.

        Parameters
        ----------
        path : path
        bars : Bars
        encoding : str, optional
            As `exec_algos.market.textfile.read_text` takes it.
        **options
            As `from_frame` takes them: ``calendar, lot_size, profile_days, keep, columns, sides, decimal, date_format``.

        Raises
        ------
        UsageError
            No such file, or one that is no CSV; else as `from_frame`.
        """
        from exec_algos.studies.design.imports import parents_in_file

        with reading(str(path)):
            return cls(**parents_in_file(path, bars, encoding=encoding, **options))

    def take(self, keep: npt.NDArray[np.bool_], skipped: Sequence[Skipped] = ()) -> ParentOrders:
        """Those where `keep` (bool, shape (n,)) is true; `skipped` says why the others are left out."""
        own: dict[str, Any] = {name: getattr(self, name)[keep] for name in ("symbol", "session", "side", "lots", "start", "end")}
        return replace(self, skipped=(*self.skipped, *skipped), columns=taken(self.columns, keep), **own)

    def drawn(self, strata: Strata) -> ParentOrders:
        """Those that `strata` draw, with the column ``stratum``; `strata` of the result counts them.

        Raises
        ------
        UsageError
            The orders do not say what was known before them: they were not made by a grid.
        """
        if not len(self):
            return self
        if any(TRAITS[name] not in self.columns for name in strata.by):
            raise UsageError("strata are drawn from a grid: ParentOrders.grid(bars, strata=...); these orders were given, take all of them")
        pairs, row = np.unique(np.column_stack([self.symbol, self.session]), axis=0, return_inverse=True)
        first = np.unique(row, return_index=True)[1]
        traits = {name: np.asarray(self.columns[TRAITS[name]], dtype=np.float64)[first] for name in strata.by}
        draw = strata.draw([self.symbols[i] for i, _ in pairs], [str(self.sessions.date[session]) for _, session in pairs], traits)
        marked = replace(self, columns={**self.columns, STRATUM: draw.stratum[row]}, strata=draw.counts)
        return marked.take(draw.drawn[row])


def _names(symbols: Sequence[str]) -> tuple[str, ...]:
    """Symbols as a tuple; UsageError for one text in place of a list, or for none."""
    if isinstance(symbols, str) or not len(symbols):
        raise UsageError(f"symbols must be a list of at least one symbol, got {symbols!r}")
    return tuple(symbols)


def covered(bars: Bars, sessions: Sessions) -> tuple[int, int]:
    """The sessions ``[first, last)`` by number from the first that holds a bar to the last; (0, 0) where none does."""
    ranges = [sessions.rows(bars.start[a:b]) for a, b in zip(bars.offsets[:-1], bars.offsets[1:], strict=True)]
    held = np.flatnonzero(sum((last > first for first, last in ranges), np.zeros(len(sessions), dtype=bool)))
    return (int(held[0]), int(held[-1]) + 1) if len(held) else (0, 0)
