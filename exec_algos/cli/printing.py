"""Where the command prints: names out of files and folders reach a terminal as text that can be seen, never as what moves its cursor."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import typer

from exec_algos.errors import UsageError
from exec_algos.textform import visible

if TYPE_CHECKING:
    from rich.console import Console

FAULT = 1  # exit code of an error that is none of ours
STOPPED = 130  # exit code of a command that was stopped by Ctrl-C, as shells have it


def say(*lines: str, err: bool = False) -> None:
    """Print lines, each by itself: what would break one in two is shown as well."""
    for line in lines:
        typer.echo(visible(line), err=err)


def say_json(value: Any) -> None:
    """Print a value as JSON, in which every odd character is escaped."""
    typer.echo(json.dumps(value, indent=2, default=str).replace("\x7f", "\\u007f"))


def console(*, stderr: bool = False, width: int | None = None) -> Console:
    """A console for tables and lines, which shows text as it stands: neither markup nor emoji codes are read in it."""
    from rich.console import Console
    from rich.text import Text

    class Terminal(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(visible(text), **options)

    return Terminal(stderr=stderr, width=width, markup=False, emoji=False)


def described(text: str) -> str:
    """What a progress bar says, which would read markup in it."""
    from rich.markup import escape

    return escape(visible(text))


class _Seen(logging.Formatter):
    """Log lines, each as one."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(visible(line) for line in super().format(record).split("\n"))


def show_warnings() -> None:
    """Let the log's last resort, which prints warnings where nobody set up a log, print what can be seen."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Seen("%(message)s"))


def show_fault(error: BaseException, stream: IO[str] | None = None) -> None:
    """Print an error that is none of ours with its traceback: it may quote a file."""
    print("\n".join(visible(line) for line in traceback.format_exception(error) for line in line.splitlines()), file=stream or sys.stderr)


@contextmanager
def one_line_errors(stopped: str = "nothing was written") -> Iterator[None]:
    """Print a `UsageError` as one line on stderr and leave with exit code 2; where Ctrl-C stops the work, say what is kept.

    Parameters
    ----------
    stopped : str
        What is kept, and how to go on, where the work itself does not say so in notes.
    """
    try:
        yield
    except UsageError as error:
        say("error: " + " ".join(str(error).split()), err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt as stop:
        say("stopped: " + "; ".join(getattr(stop, "__notes__", None) or [stopped]), err=True)
        raise typer.Exit(STOPPED) from None
