"""``exec-algos live``: run orders at a venue, go on after a stop, look, withdraw."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from exec_algos.cli.orders import Codes, Columns, DateFormat, Decimal, Encoding
from exec_algos.cli.printing import one_line_errors, say
from exec_algos.cli.stopping import loaded
from exec_algos.errors import JournalError, UnknownNameError, UsageError, VenueError

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.cli.live_venues import Said
    from exec_algos.live.ended import Ended
    from exec_algos.live.orders import Looked
    from exec_algos.live.recorded import Recorded
    from exec_algos.live.session import LiveSession
    from exec_algos.studies.design.written.form import OrderForm

live_app = typer.Typer(help="Run orders at a venue, with a journal that outlasts the process.", no_args_is_help=True)

NEEDS_A_LOOK = 1  # exit code: something is open, unknown or alerted, or the session could not go on
STOPPED = 130  # exit code of a session that was stopped and left nothing open

Day = Annotated[str, typer.Argument(metavar="JOURNAL", help="The journal of a session: day.db.")]
Venue = Annotated[str, typer.Option(help="sim: a rehearsal, exec-algos venue-sim; kis: docs/kis.md, on paper unless --real.")]
Url = Annotated[str | None, typer.Option(help="Where the venue is: http://127.0.0.1:8700. That of the journal where it goes on.")]
Hours = Annotated[
    str | None, typer.Option("--calendar", help="Of the sessions: XKRX, XNYS ...; that of the venue's instruments if not given.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Trade real money; not needed for a rehearsal or a paper account.")]
LargestChild = Annotated[
    float | None,
    typer.Option(
        "--max-child-notional", help="The most that a child order may be worth; 10 million KRW or 10,000 USD if not given.", min=0.0
    ),
]
LargestParent = Annotated[
    float | None,
    typer.Option("--max-parent-notional", help="The most that an order of the file may be worth; ten children's if not given.", min=0.0),
]


@contextmanager
def live_errors() -> Iterator[None]:
    """As `one_line_errors`; a journal or a venue that fails is one line too, with exit code 1."""
    with one_line_errors("look at exec-algos live status"):
        try:
            yield
        except (JournalError, VenueError) as error:
            say("error: " + " ".join(str(error).split()), err=True)
            raise typer.Exit(NEEDS_A_LOOK) from None


@live_app.command("run")
def run(  # noqa: PLR0913, PLR0917 - each is an option
    orders: Annotated[str, typer.Argument(metavar="ORDERS", help="A CSV: symbol, side, quantity, start, end; also ref, limit, algo.")],
    journal: Annotated[str, typer.Option(help="Where all that happens is written down: day.db, on a local disk.")],
    venue: Venue = "sim",
    url: Url = None,
    account: Annotated[str | None, typer.Option(help="At a rehearsal; rehearsal-1 if not given.")] = None,
    algo: Annotated[str | None, typer.Option(help="For rows without one of their own: twap, vwap:profile_days=5 ...")] = None,
    max_child_notional: LargestChild = None,
    max_parent_notional: LargestParent = None,
    calendar: Hours = None,
    order_columns: Columns = None,
    sides_meant: Codes = None,
    order_decimal: Decimal = None,
    order_date_format: DateFormat = None,
    order_encoding: Encoding = None,
    real: Annotated[bool, typer.Option("--real", help="The live host of kis: real money, which needs --yes too.")] = False,
    yes: Yes = False,
) -> None:
    """Run the orders of a file: all are looked at before the first is sent, and none is sent where one cannot be worked."""
    with live_errors():
        from exec_algos.algorithms import parse_algorithm
        from exec_algos.cli.live_orders import read_file
        from exec_algos.cli.live_venues import REHEARSAL_ACCOUNT, Said
        from exec_algos.studies.design.written.form import OrderForm

        form = OrderForm(columns=order_columns, sides=sides_meant, decimal=order_decimal, date_format=order_date_format)
        frame = read_file(orders, form, order_encoding)
        if algo is not None:
            parse_algorithm(algo)
        said = Said(
            venue,
            url or "",
            account or ("" if venue == "kis" else REHEARSAL_ACCOUNT),
            calendar or "",
            max_child_notional,
            max_parent_notional,
            real,
        )
        loaded()
        _leave(asyncio.run(_run(_File(orders, frame, form, algo), journal, said, yes=yes)), journal)


@live_app.command("resume")
def resume(journal: Day, url: Url = None, yes: Yes = False) -> None:
    """Go on with a journal's orders: what is open or unknown is brought to an end first, then the rest is worked."""
    with live_errors():
        loaded()
        _leave(asyncio.run(_resume(journal, url, yes=yes)), journal)


@live_app.command("cancel")
def cancel(
    journal: Day,
    ref: Annotated[str | None, typer.Argument(metavar="[REF]", help="Of one order; all that are not over if not given.")] = None,
    url: Url = None,
    yes: Yes = False,
) -> None:
    """End a journal's orders that are not over: withdraw what is open at the venue. A session that runs is stopped by Ctrl-C there."""
    with live_errors():
        loaded()
        _leave(asyncio.run(_cancel(journal, ref, url, yes=yes)), journal)


@live_app.command("resolve")
def resolve(
    journal: Day,
    child: Annotated[str, typer.Argument(metavar="CHILD", help="Of the child order, as an alert or live status names it.")],
    order: Annotated[str | None, typer.Option(help="The venue's id of the order that it is, as the venue's own list has it.")] = None,
    none: Annotated[bool, typer.Option("--none", help="The venue has no such order.")] = False,
    url: Url = None,
    yes: Yes = False,
) -> None:
    """Say which order at the venue a child order is, where look-ups cannot tell. Stop a session that runs before; resume it after."""
    with live_errors():
        if (order is None) != none:
            raise UsageError("say either --order ID, the venue's id of the order, or --none, the venue has no such order")
        loaded()
        _leave(asyncio.run(_resolve(journal, child, order, url, yes=yes)), journal)


@live_app.command("status")
def status(journal: Day) -> None:
    """Say what a journal holds: parents, children, what is unknown, alerts, sums. Reads only."""
    with live_errors():
        from exec_algos.live.journal import read
        from exec_algos.live.place import holder
        from exec_algos.live.recorded import recorded
        from exec_algos.live.status import status_lines

        found = recorded(read(journal))
        say(*status_lines(found, holder(journal)))
        if found.unknown:
            raise typer.Exit(NEEDS_A_LOOK)


class _File:
    """A file of orders, as it was read."""

    def __init__(self, path: str, frame: pd.DataFrame, form: OrderForm, algorithm: str | None) -> None:
        self.path, self.frame, self.form, self.algorithm = path, frame, form, algorithm

    async def looked_at(self, session: LiveSession, found: Recorded) -> Looked:
        """Its rows, held against the venue.

        Raises
        ------
        UsageError
            A row cannot be worked; every such row was printed.
        """
        from exec_algos.cli.live_orders import rows_of, symbols_of
        from exec_algos.live.orders import look_at, zone_of

        zone = await zone_of(symbols_of(self.frame, self.form), session.broker)
        asked, bad, notes = rows_of(self.frame, self.form, zone, self.algorithm)
        looked = await look_at(asked, session, found.parents)
        bad = sorted([*bad, *looked.bad], key=lambda row: row.row)
        if bad:
            say(*(f"{self.path}: {row}" for row in bad), err=True)
            count = len({row.row for row in bad})
            raise UsageError(
                f"{self.path}: {count} of {len(self.frame)} rows cannot be worked, so nothing was sent; mend them and run again"
            )
        say(*(f"{self.path}: {note}" for note in (*notes, *looked.notes)))
        return looked


async def _run(file: _File, path: str, said: Said, *, yes: bool) -> Ended:
    from exec_algos.cli.live_venues import session_over, venue_of
    from exec_algos.live.journal import SqliteJournal
    from exec_algos.live.recorded import recorded

    place = await venue_of(said, yes=yes)  # before a journal is made
    with SqliteJournal(path) as journal:
        say(*journal.notes)
        found = recorded(journal.entries)
        if found.unfinished:
            raise UsageError(
                f"journal {path} holds {len(found.unfinished)} orders that are not over: go on with exec-algos live resume {path}, "
                f"end them by exec-algos live cancel {path}, or name another journal"
            )
        async with session_over(said, place, journal, found) as session:
            looked = await file.looked_at(session, found)
            return await session.run(looked.orders)


async def _resume(path: str, url: str | None, *, yes: bool) -> Ended:
    from exec_algos.cli.live_venues import Said, session_over, venue_of
    from exec_algos.live.journal import SqliteJournal, check_there
    from exec_algos.live.recorded import recorded

    check_there(path)
    with SqliteJournal(path) as journal:
        say(*journal.notes)
        found = recorded(journal.entries)
        said = Said.of(found.session, url=url)
        async with session_over(said, await venue_of(said, yes=yes), journal, found) as session:
            return await session.resume(found)


async def _cancel(path: str, ref: str | None, url: str | None, *, yes: bool) -> Ended:
    from exec_algos.cli.live_venues import Said, session_over, venue_of
    from exec_algos.live.journal import SqliteJournal, check_there
    from exec_algos.live.recorded import recorded

    check_there(path)
    with SqliteJournal(path) as journal:
        found = recorded(journal.entries)
        refs = found.refs(ref)
        said = Said.of(found.session, url=url)
        async with session_over(said, await venue_of(said, yes=yes), journal, found) as session:
            return await session.cancel(found, refs)


async def _resolve(path: str, child: str, order: str | None, url: str | None, *, yes: bool) -> Ended:
    from exec_algos.cli.live_venues import Said, session_over, venue_of
    from exec_algos.live.journal import SqliteJournal, check_there
    from exec_algos.live.recorded import recorded

    check_there(path)
    with SqliteJournal(path) as journal:
        found = recorded(journal.entries)
        if child not in {known.ref for known in found.children}:
            raise UnknownNameError("child order", child, [known.ref for known in found.children])
        said = Said.of(found.session, url=url)
        async with session_over(said, await venue_of(said, yes=yes), journal, found) as session:
            return await session.resolve(found, child, order)


def _leave(ended: Ended, journal: str) -> None:
    """Say what a session came to, and leave with its exit code."""
    say(*ended.lines(journal))
    if ended.whole:
        return
    raise typer.Exit(STOPPED if ended.stopped.startswith("SIG") and not ended.open and not ended.alerts else NEEDS_A_LOOK)
