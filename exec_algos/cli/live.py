"""``exec-algos live``: run orders at a venue, go on after a stop, look, withdraw."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from exec_algos.cli.printing import one_line_errors, say
from exec_algos.errors import JournalError, VenueError

live_app = typer.Typer(help="Run orders at a venue, with a journal that outlasts the process.", no_args_is_help=True)

NEEDS_A_LOOK = 1  # exit code: something is unknown, or open, or was not done

Day = Annotated[str, typer.Argument(metavar="JOURNAL", help="The journal of a session: day.db.")]


@contextmanager
def live_errors() -> Iterator[None]:
    """As `one_line_errors`; a journal or a venue that fails is one line too, with exit code 1."""
    with one_line_errors("look at exec-algos live status"):
        try:
            yield
        except (JournalError, VenueError) as error:
            say("error: " + " ".join(str(error).split()), err=True)
            raise typer.Exit(NEEDS_A_LOOK) from None


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
