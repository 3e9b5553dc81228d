"""`ParentOrders`: the parent orders of a study, and why others are not among them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.lots import whole_lots
from exec_algos.market.calendars import Sessions
from exec_algos.market.hours import sessions_of
from exec_algos.market.profile import SessionVolumes
from exec_algos.model import Side

if TYPE_CHECKING:
    import os

    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.studies.imports import Refused

Ints = npt.NDArray[np.int64]


class Skipped(NamedTuple):
    """A symbol and session that the study leaves out, and why."""

    symbol: str
    session: str
    reason: str


def counted(reasons: Iterable[str]) -> str:
    """Reasons with their counts; those that differ only in their numbers count together, with the range of each number.

    >>> counted(["there are 0", "there are 4", "no bar"])
    '2 x there are 0-4; 1 x no bar'
    """
    return "; ".join(f"{n} x {kind}" for n, kind in kinds_of(reasons))


def kinds_of(reasons: Iterable[str]) -> list[tuple[int, str]]:
    """Each kind of reason with its count, in order of appearance."""
    kinds: dict[str, list[list[str]]] = {}
    for reason in reasons:
        kinds.setdefault(re.sub(r"\d+", "{}", reason), []).append(re.findall(r"\d+", reason))
    return [(len(numbers), kind.format(*map(_range, zip(*numbers, strict=True)))) for kind, numbers in kinds.items()]


def _range(numbers: tuple[str, ...]) -> str:
    low, high = min(map(int, numbers)), max(map(int, numbers))
    return numbers[0] if low == high else f"{low}-{high}"


class Size(NamedTuple):
    """How large a parent order is: `fraction` of ADV, `shares`, or `notional` in currency; the others are NaN."""

    fraction: float = math.nan
    shares: float = math.nan
    notional: float = math.nan

    @classmethod
    def parse(cls, text: str) -> Size:
        """A size from ``"5%adv"``, ``"1000"`` (shares), or ``"notional:1e6"`` or ``"1e6 USD"`` (currency of the prices).

        Bars name no currency, so a currency's three letters are a reminder for the reader and are not checked.

        Raises
        ------
        UsageError
            Anything else, or a size that is not positive.
        """
        asked = re.sub(r"^\s*notional\s*:(.*)$", r"\1 notional", text.lower())
        match = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*(%\s*adv|sh|shares|notional|[a-z]{3})?\s*", asked)
        try:
            amount = float(match.group(1)) if match else math.nan
        except ValueError:
            amount = math.nan
        if match is None or not 0 < amount < math.inf or match.group(2) == "adv":
            raise UsageError(f"size must be like '5%adv' or '1000' (shares) or 'notional:1e6' (currency), got {text!r}")
        unit = match.group(2) or "shares"
        if unit.endswith("adv"):
            return cls(fraction=amount / 100)
        return cls(shares=amount) if unit in {"sh", "shares"} else cls(notional=amount)

    def lots(self, adv: float, lot_size: float, price: float = math.nan) -> int:
        """Lots, rounded down, given ADV in shares and the last price known before the order."""
        sizes = (self.fraction * adv, self.shares, self.notional / price)
        return whole_lots(next(one for one in sizes if not math.isnan(one)) / lot_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The terms of a grid of parent orders, before there are bars.

    Parameters
    ----------
    calendar, sides, size, window, profile_days, lot_size
        As `ParentOrders.grid` takes them.

    Raises
    ------
    UsageError
        A size, window or number of days that cannot be.
    """

    calendar: str | None = None
    sides: Sequence[Side | str] = (Side.BUY, Side.SELL)
    size: str | Sequence[str] = "5%adv"
    window: str | Sequence[str] | None = None
    profile_days: int = 5
    lot_size: float = 1

    def __post_init__(self) -> None:
        if self.profile_days < 1:
            raise UsageError(f"profile_days must be at least 1, got {self.profile_days}")
        if not (math.isfinite(self.lot_size) and self.lot_size > 0):
            raise UsageError(f"lot_size must be a positive number of shares, got {self.lot_size!r}")
        object.__setattr__(self, "sides", tuple(Side.of(side).name for side in self.sides))
        if not (self.sides and self.plans()):
            raise UsageError("a grid needs at least one side, one size and one window")

    def plans(self) -> list[_Plan]:
        """One for each window and size."""
        windows = [self.window] if self.window is None or isinstance(self.window, str) else list(self.window)
        sizes = [self.size] if isinstance(self.size, str) else list(self.size)
        names = [f"{window or 'whole session'}, {size}: " for window in windows for size in sizes]
        made = [_Plan(Size.parse(size), *_clock_times(window), self.profile_days, self.lot_size) for window in windows for size in sizes]
        return made if len(made) == 1 else [plan._replace(name=name) for plan, name in zip(made, names, strict=True)]

    def orders(self, bars: Bars, sessions: Sessions, used: Iterable[int]) -> ParentOrders:
        """The parent orders of the sessions that `used` numbers, sorted by symbol, session, window, size and side."""
        plans, numbers = self.plans(), list(used)
        rows: list[tuple[int, int, int, int, int]] = []
        skipped: list[Skipped] = []
        for i, symbol in enumerate(bars.symbols):
            market = _Market.of(bars, symbol, sessions)
            for k in numbers:
                for plan in plans:
                    made = plan.make(market, k)
                    if isinstance(made, str):
                        skipped.append(Skipped(symbol, str(sessions.date[k]), f"{plan.name}{made}"))
                    else:
                        rows.append((i, k, *made))
        table = np.array(rows, dtype=np.int64).reshape(-1, 5).repeat(len(self.sides), axis=0)
        return ParentOrders(
            symbols=bars.symbols, sessions=sessions, symbol=table[:, 0], session=table[:, 1],
            side=np.tile(np.array([int(Side.of(side)) for side in self.sides], dtype=np.int64), len(rows)), lots=table[:, 2],
            lot_size=self.lot_size, start=table[:, 3], end=table[:, 4], profile_days=self.profile_days, skipped=tuple(skipped),
        )  # fmt: skip


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
    refused : tuple of Refused
        Rows of a desk's own orders that cannot be worked, and why: ``row, value, reason``.
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

    def __len__(self) -> int:
        return len(self.symbol)

    @classmethod
    def grid(  # noqa: PLR0913 - the dimensions of the grid
        cls,
        bars: Bars,
        *,
        calendar: str | None = None,
        sides: Sequence[Side | str] = (Side.BUY, Side.SELL),
        size: str | Sequence[str] = "5%adv",
        window: str | Sequence[str] | None = None,
        profile_days: int = 5,
        lot_size: float = 1,
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
        size : str or sequence of str
            ``"5%adv"``, shares (``"1000"``) or a value (``"notional:1e6"``, ``"1e6 USD"``), rounded down to lots. A value is
            turned into shares at the last close known when the window begins.
        window : str or sequence of str, optional
            ``"09:30-16:00"`` in exchange time, cut to each session; the whole session by default.
        profile_days : int
            N >= 1.
        lot_size : int or float
            Shares in a lot.

        Raises
        ------
        UsageError
            A size, window or number of days that cannot be.
        """
        terms = Grid(calendar=calendar, sides=sides, size=size, window=window, profile_days=profile_days, lot_size=lot_size)
        sessions = sessions_of(bars, calendar)
        return terms.orders(bars, sessions, range(*covered(bars, sessions)))

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, bars: Bars, *, calendar: str | None = None, lot_size: float = 1) -> ParentOrders:
        """A desk's own orders; rows that cannot be worked are in `refused`.

        Start is rounded up and end down to whole bars of the session, so that no bar counts that began before the order. Orders are
        sorted by symbol, session, start, end, side and row.

        Parameters
        ----------
        frame : DataFrame
            Columns ``symbol, side, quantity`` (shares), ``start, end`` (naive ones in exchange time), in any case and order; others
            are left alone.
        bars : Bars
        calendar : str, optional
            Calendar of the sessions (``"XNYS"``); without it a session is a day of the bars.
        lot_size : int or float
            Shares in a lot; a quantity that is no multiple is refused.

        Raises
        ------
        UsageError
            A column is missing, or no row can be worked.

        Examples
        --------
        >>> import pandas as pd
        >>> from exec_algos.market.samples import load_samples
        >>> bars = load_samples()["XNYS"]
        >>> row = {"symbol": "SYNMID", "side": "buy", "quantity": 500, "start": "2025-10-15 10:00", "end": "2025-10-15 11:00"}
        >>> orders = ParentOrders.from_frame(pd.DataFrame([row, {**row, "quantity": -5}]), bars, calendar="XNYS")
        >>> len(orders), [(one.row, one.value) for one in orders.refused]
        (1, [(2, '-5')])
        """
        from exec_algos.studies.imports import Checks

        sessions = sessions_of(bars, calendar)
        rows, refused = Checks(bars, sessions, lot_size).rows(frame)
        if not rows:
            why = f": {counted(one.reason for one in refused)}" if refused else ""
            raise UsageError(f"none of {len(refused)} orders can be worked{why}")
        symbol, session, start, end, side, lots, _ = np.array(rows, dtype=np.int64).T
        return cls(
            symbols=bars.symbols, sessions=sessions, symbol=symbol, session=session, side=side, lots=lots, lot_size=lot_size,
            start=start, end=end, profile_days=0, refused=tuple(refused),
        )  # fmt: skip

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str], bars: Bars, *, calendar: str | None = None, lot_size: float = 1) -> ParentOrders:
        """The same of a CSV file; its row 1 is the first below the header.

        Raises
        ------
        UsageError
            No such file; else as `from_frame`.
        """
        from exec_algos.studies.imports import read_orders

        return cls.from_frame(read_orders(path), bars, calendar=calendar, lot_size=lot_size)

    def take(self, keep: npt.NDArray[np.bool_], skipped: Sequence[Skipped] = ()) -> ParentOrders:
        """Those where `keep` (bool, shape (n,)) is true; `skipped` says why the others are left out."""
        columns = {name: getattr(self, name)[keep] for name in ("symbol", "session", "side", "lots", "start", "end")}
        return ParentOrders(
            symbols=self.symbols, sessions=self.sessions, lot_size=self.lot_size, profile_days=self.profile_days,
            skipped=(*self.skipped, *skipped), refused=self.refused, **columns,
        )  # fmt: skip


def covered(bars: Bars, sessions: Sessions) -> tuple[int, int]:
    """The sessions ``[first, last)`` by number from the first that holds a bar to the last; (0, 0) where none does."""
    held = sessions.locate(bars.start)
    inside = held[held >= 0]
    return (int(inside.min()), int(inside.max()) + 1) if len(inside) else (0, 0)


def _clock_times(window: str | None) -> tuple[int, int]:
    """Nanoseconds from midnight of a window's ends; the widest where it is not given."""
    if window is None:
        return -1, 1 << 62
    match = re.fullmatch(r"(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)", window.strip())
    if match is None:
        raise UsageError(f"window must be like '09:30-16:00', got {window!r}")
    h1, m1, h2, m2 = map(int, match.groups())
    begin, end = ((h * 60 + m) * 60_000_000_000 for h, m in ((h1, m1), (h2, m2)))
    if not (m1 < 60 and m2 < 60 and begin < end <= 86_400_000_000_000):
        raise UsageError(f"window must begin before it ends, within a day, got {window!r}")
    return begin, end


class _Market(NamedTuple):
    """One symbol's bars, as a grid looks at them."""

    volumes: SessionVolumes
    stamps: Ints
    closes: npt.NDArray[np.float64]
    step: int
    sessions: Sessions

    @classmethod
    def of(cls, bars: Bars, symbol: str, sessions: Sessions) -> _Market:
        rows = bars.rows(symbol)
        return cls(SessionVolumes.of(bars, symbol, sessions), bars.start[rows], bars.close[rows], bars.step, sessions)

    def last_price(self, instant: int) -> float:
        """Close of the last bar that had ended by then; there is one where there are earlier sessions."""
        return float(self.closes[np.searchsorted(self.stamps, instant - self.step, side="right") - 1])


class _Plan(NamedTuple):
    size: Size
    begin: int
    end: int
    days: int
    lot_size: float
    name: str = ""

    def make(self, market: _Market, k: int) -> tuple[int, int, int] | str:
        """Lots, start and end of the order of session `k`, or why there is none."""
        volumes, stamps, _, step, sessions = market
        opened, closed = int(sessions.open[k]), int(sessions.close[k])
        start, end = self._window(opened, closed, sessions, step)
        if start >= end:
            return "the session does not overlap the window"
        first, last = np.searchsorted(stamps, [start, end - step + 1])
        if first >= last:
            return "no bar in the window"
        try:
            adv = volumes.average_volume(k, self.days)
        except NotEnoughHistoryError as error:
            return str(error).partition("; ")[0].partition(": ")[2]
        lots = self.size.lots(adv, self.lot_size, market.last_price(start))
        return (lots, start, end) if lots else f"the size is less than one lot of {self.lot_size:g} (ADV {adv:g} shares)"

    def _window(self, opened: int, closed: int, sessions: Sessions, step: int) -> tuple[int, int]:
        if self.begin < 0:
            return opened, opened + (closed - opened) // step * step
        import pandas as pd

        midnight = pd.Timestamp(opened, unit="ns", tz="UTC").tz_convert(sessions.zone).normalize().tz_localize(None)
        begin, end = (
            int((midnight + pd.Timedelta(t, unit="ns")).tz_localize(sessions.zone).as_unit("ns").value) for t in (self.begin, self.end)
        )
        first = opened + -((opened - max(begin, opened)) // step) * step
        return first, opened + (min(end, closed) - opened) // step * step
