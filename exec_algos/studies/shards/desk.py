"""`DeskOrders`: a desk's own orders for a study in shards, each shard given its own."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from exec_algos.checks import check_profile_days
from exec_algos.errors import MarketDataError, UsageError
from exec_algos.market.boundary import reading
from exec_algos.studies.design.history import KNOWN
from exec_algos.studies.design.imports import Checks, NoOrderError, Refused, Row, parents_in_rows, several_sessions, written_in
from exec_algos.studies.design.parents import ParentOrders
from exec_algos.studies.design.sampling import Strata
from exec_algos.studies.design.written.files import SEPARATOR, read_orders, table_of
from exec_algos.studies.design.written.form import ORDER_ID, OrderForm
from exec_algos.studies.design.written.rows import WINDOWS, WrittenOrders, columns_of, numbers_of
from exec_algos.studies.folder import StudyFolder, sha256_of
from exec_algos.textform import csv_text, guarded, unguarded

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

ORDERS = "orders.csv"
DIGESTS = "orders.sha256"
REFUSED, CLIPPED = "refused.csv", "clipped.csv"
LEFT_OUT = "a bar of that day does not start on the session's grid, so the day is left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskOrders:
    """A CSV of a desk's own orders, as `ParentOrders.from_csv` takes it, in the place of a grid.

    The study keeps a copy of the file in its folder, and each shard's part of it, which is part of the shard's key: a changed order
    works its own shard again, and no other.

    Parameters
    ----------
    source : path or fsspec URL
        Columns ``symbol, side, quantity, start, end``, in any case and order, and ``order_id`` where there is one.
    calendar : str
        Of the sessions, such as ``"XNYS"``.
    lot_size : int or float
        Shares in a lot.
    profile_days : int
        Earlier sessions that the result's ADV, volatility and spread are taken from.
    keep : sequence of str
        Other columns to carry into the result.
    columns, sides, decimal, date_format
        As `exec_algos.studies.design.written.form.OrderForm` takes them.
    encoding : str, optional
        Of the file, as `exec_algos.market.textfile.read_text` takes it.

    Raises
    ------
    UsageError
        A number out of range, or a form that cannot be.
    """

    source: str | os.PathLike[str]
    calendar: str | None = None
    lot_size: float = 1
    profile_days: int = 5
    keep: Sequence[str] = ()
    columns: Any = None
    sides: Any = None
    decimal: str | None = None
    date_format: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", os.fspath(self.source))
        object.__setattr__(self, "keep", tuple(self.keep))
        for name in ("columns", "sides"):
            object.__setattr__(self, name, getattr(self.form, name))
        check_profile_days(self.profile_days)
        if not (math.isfinite(self.lot_size) and self.lot_size > 0):
            raise UsageError(f"lot_size must be a positive number of shares, got {self.lot_size!r}")

    @property
    def form(self) -> OrderForm:
        """How the orders are written."""
        return OrderForm(columns=self.columns, sides=self.sides, decimal=self.decimal, date_format=self.date_format)

    @property
    def symbols(self) -> Sequence[str] | None:
        """Every symbol: the orders choose."""
        return None

    @property
    def sessions(self) -> tuple[str | None, str | None] | None:
        """Every session: the orders choose."""
        return None

    @property
    def strata(self) -> Strata | None:
        """No sample: every order is worked."""
        return None

    @property
    def own_columns(self) -> Sequence[str]:
        """Columns that the orders bring into the result."""
        return (*KNOWN, ORDER_ID, *self.keep, *WINDOWS)

    def record(self) -> dict[str, Any]:
        """The terms, ready for JSON; the orders themselves are in the folder of the study."""
        form = self.form.record()
        return {
            "orders": ORDERS, "calendar": self.calendar, "lot_size": self.lot_size, "profile_days": self.profile_days,
            "keep": list(self.keep), "sides": ["BUY", "SELL"], **({"form": form} if form else {}),
        }  # fmt: skip

    @classmethod
    def of_record(cls, record: Mapping[str, Any], folder: str) -> DeskOrders:
        """The terms that `record` wrote down, and the copy of the orders in the folder.

        Raises
        ------
        UsageError
            The copy is not what was written.
        """
        _check_undamaged(StudyFolder(folder))
        own = {name: record[name] for name in ("calendar", "lot_size", "profile_days", "keep")}
        return cls(source=f"{folder}/{ORDERS}", **own, **record.get("form", {}))

    def in_shard(self, folder: StudyFolder, symbol: str, month: str) -> ShardOrders:
        """The orders of one shard, of which `placed` has written down the part."""
        return ShardOrders(self, folder.get(_name(symbol, month)) or b"", f"{folder.path}/{_name(symbol, month)}")

    def read(self) -> pd.DataFrame:
        """The file, every value as text.

        Raises
        ------
        UsageError
            No such file, or one that holds no orders.
        """
        form = self.form
        with reading(str(self.source)):
            frame = read_orders(self.source, form, self.encoding)
        try:
            columns_of(frame, form, self.keep)
        except UsageError as error:
            raise UsageError(f"{self.source}: {error}") from error
        return frame

    def placed(
        self,
        frame: pd.DataFrame,
        folder: StudyFolder,
        stored: Mapping[str, Collection[str]],
        sessions: Sessions,
        step: int,
        shares: Callable[[str, int], float] = lambda *_: 1.0,
    ) -> Placed:
        """Check the rows, and write a copy of the file and each shard's part into the folder of a study.

        Parameters
        ----------
        frame : DataFrame
            What `read` has read.
        folder : StudyFolder
        stored : mapping of str to collection of str
            The months that the store has of each symbol.
        sessions : Sessions
        step : int
            Length of a bar, ns.
        shares : callable
            As `Checks` takes it.

        Raises
        ------
        UsageError
            No row that can be worked.
        """
        checks = Checks({symbol: i for i, symbol in enumerate(stored)}, sessions, step, self.lot_size, lambda *_: True, shares)
        written = written_in(os.fspath(self.source), frame, self.form, sessions.zone, self.keep)
        rows, refused = checks.rows(written)
        names, months = list(stored), sessions.date.astype("datetime64[M]").astype(str)
        parts: dict[tuple[str, str], list[int]] = {}
        for row in rows:
            symbol, month = names[row.symbol], str(months[row.session])
            if month in stored[symbol]:
                parts.setdefault((symbol, month), []).append(row.row)
            else:
                refused.append(Refused(row.row, f"{symbol} {month}", "the store has no bars of that symbol in that month"))
        if not parts:
            folder.put(REFUSED, refused_text(refused))
            raise NoOrderError(sorted(refused), os.fspath(self.source), f"; row by row: {folder.path}/{REFUSED}" if refused else "")
        sha256 = _put_orders(folder, csv_text(_with_blanks(frame), index=False, separator=frame.attrs.get(SEPARATOR, ",")).encode())
        for (symbol, month), numbers in parts.items():
            own = csv_text(written.part(sorted(numbers)), index=False).encode()
            folder.put(_name(symbol, month), f"{sha256_of(own)}\n".encode() + own)
        terms = replace(self, source=f"{folder.path}/{ORDERS}", encoding=None)
        return Placed(terms, frozenset(parts), tuple(sorted(refused)), sha256, (*written.notes, *several_sessions(rows, sessions)))


class Placed(NamedTuple):
    """What was made of a file of orders: the terms whose source is in the folder, the shards that have orders, the rows refused, the
    SHA-256 of the copy of the file, and what was assumed in reading it.
    """

    terms: DeskOrders
    shards: frozenset[tuple[str, str]]
    refused: tuple[Refused, ...]
    sha256: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShardOrders:
    """The orders of one shard, as they stand in the folder of the study.

    Parameters
    ----------
    terms : DeskOrders
    content : bytes
        The shard's part of the file, below a line with the SHA-256 of it.
    file : str
        Where it stands.

    Raises
    ------
    MarketDataError
        By `orders`: the content is not what was written.
    """

    terms: DeskOrders
    content: bytes
    file: str

    @property
    def digest(self) -> str:
        """What tells whether an order has changed."""
        return sha256_of(self.content)

    def latest_end(self, sessions: Sessions, last: int, step: int) -> int:
        """When the last of the orders ends, ns UTC; 0 where none ends after session `last`."""
        written, _, content = self.content.partition(b"\n")
        if written.decode(errors="replace") != sha256_of(content):
            return 0  # damaged: `orders` says so
        ends = WrittenOrders.of_part(table_of(content.decode(), OrderForm())).ends
        latest = max((end for end in ends if isinstance(end, int)), default=0)
        return latest if last >= 0 and latest > sessions.close[last] else 0

    def orders(self, bars: Bars, sessions: Sessions, used: Iterable[int]) -> ParentOrders:
        """The parent orders, and those refused because there is no bar or the day is left out."""
        written, _, content = self.content.partition(b"\n")
        if written.decode(errors="replace") != sha256_of(content):
            raise MarketDataError(
                "the orders are damaged: their SHA-256 is not that of when they were written; run the study again", file=self.file
            )
        orders, worked = WrittenOrders.of_part(table_of(content.decode(), OrderForm())), set(used)
        checks = Checks.of(bars, sessions, self.terms.lot_size)

        def has_bars(symbol: str, start: int, end: int) -> bool:
            # a day that is left out has no bars any more, but that is not why
            return sessions.at_or_after(start) not in worked or checks.has_bars(symbol, start, end)

        rows, refused = replace(checks, has_bars=has_bars).rows(orders)
        left = [row for row in rows if row.session not in worked]
        refused += [Refused(order.row, str(sessions.date[order.session]), LEFT_OUT) for order in left]
        kept: list[Row] = [row for row in rows if row.session in worked]
        return ParentOrders(
            **parents_in_rows(orders, kept, refused, bars, sessions, lot_size=self.terms.lot_size, profile_days=self.terms.profile_days)
        )


def refused_text(refused: Iterable[Sequence[Any]]) -> bytes:
    """Rows that were refused, or clipped, as the file that lists them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [Refused._fields, *(map(guarded, row) for row in sorted(tuple(row) for row in refused))]
    )
    return text.getvalue().encode()


def read_refused(folder: StudyFolder, digests: Mapping[str, str], name: str = REFUSED) -> tuple[Refused, ...]:
    """Rows that a study in shards refused, or clipped; none where it works a grid. `digests` are those of the folder."""
    if name not in digests:
        return ()
    lines = list(csv.reader(io.StringIO(folder.proved(name, digests).decode())))[1:]
    return tuple(Refused(int(row), unguarded(value), unguarded(reason)) for row, value, reason in lines)


def _name(symbol: str, month: str) -> str:
    return f"orders/symbol={quote(symbol, safe='')}/month={month}.csv"


def _put_orders(folder: StudyFolder, content: bytes) -> str:
    """Write the copy of the orders, and beside it its SHA-256; that of the copy before stands there too until the new one does."""
    before, digest = folder.digest(ORDERS), sha256_of(content)
    if (before, _digests(folder)) != (digest, [digest]):
        folder.put(DIGESTS, "".join(f"{known}\n" for known in dict.fromkeys([digest, before]) if known).encode())
        folder.put(ORDERS, content)
        folder.put(DIGESTS, f"{digest}\n".encode())
    return digest


def _digests(folder: StudyFolder) -> list[str] | None:
    content = folder.get(DIGESTS)
    return None if content is None else content.decode(errors="replace").split()


def _check_undamaged(folder: StudyFolder) -> None:
    known = _digests(folder)
    if known is not None and folder.digest(ORDERS) not in known:
        raise UsageError(
            f"{folder.path}/{ORDERS} is damaged: its SHA-256 is not that of when it was written; name the store, the settings and your "
            "file of orders once more (--orders FILE): what is finished is kept"
        )


def _with_blanks(frame: pd.DataFrame) -> pd.DataFrame:
    """With a blank row for each that was passed over: the copy of a file has the row numbers of the file."""
    return frame.reindex(range(1, int(numbers_of(frame)[-1]) + 1), fill_value="")
