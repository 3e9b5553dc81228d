"""The exception tree: whose fault it is, what was wrong, what to do.

::

    ExecAlgosError
    ├── UsageError (ValueError)          the caller's fault
    │   ├── MarketDataError              a bar that cannot be true, a file that cannot be read or written; names file, row and value
    │   ├── NotEnoughHistoryError        too few earlier sessions for a volume profile
    │   ├── UnknownNameError             no such format, algorithm, symbol ...; "did you mean"
    │   └── ForeignAwaitError            a replayed coroutine awaited something outside the replay
    ├── ConformanceError (AssertionError)  what a user wrote does not do what its part has to
    ├── VenueError (RuntimeError)        the venue's fault; of a child order: nobody knows what became of it
    │   ├── OrderRejectedError           the venue refused a child order: nothing of it trades
    │   ├── NotSentError                 a child order never left: nothing of it trades
    │   ├── LifeCycleError               a venue reported of a child order what cannot follow what it said before
    │   └── WrongFillError               the venue reported what cannot be; the child counts as open
    ├── JournalError (RuntimeError)      the journal cannot be read or written; nothing is sent any more
    └── RunError (RuntimeError)          a strategy or an executor raised during a run
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

MOST_SAID = 1000  # characters of a reason


class ExecAlgosError(Exception):
    """Base of every error that this package raises on purpose."""


class UsageError(ExecAlgosError, ValueError):
    """The caller asked for something that cannot be done; the message says what to change."""


class MarketDataError(UsageError):
    """Market data that cannot be true, or cannot be read or written.

    Parameters
    ----------
    reason : str
        What is wrong, with the value and what to do.
    file : str, optional
        The file it stands in.
    row : int, optional
        The row in that file: the first data row is 1.
    """

    def __init__(self, reason: str, *, file: str = "", row: int | None = None) -> None:
        reason = _short(reason)
        place = ", ".join(part for part in (file, "" if row is None else f"row {row}") if part)
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason, self.file, self.row = reason, file, row


def _short(reason: str) -> str:
    """In one line that can be read: a cell of a damaged file may hold the rest of the file."""
    line = " ".join(reason.splitlines())
    return line if len(line) <= MOST_SAID else f"{line[: MOST_SAID - 200]} ... {line[-200:]}"


class NotEnoughHistoryError(UsageError):
    """Fewer earlier sessions with data than a volume profile needs."""


class UnknownNameError(UsageError):
    """A name that is not known, with the nearest ones that are.

    Parameters
    ----------
    kind : str
        What the name should name: ``"symbol"``, ``"format"`` ...
    name : str
        The unknown name.
    known : iterable of str
        The names that would have been accepted.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(map(str, known))
        near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(names[:20]) or 'none'}"
        super().__init__(f"unknown {kind} {name!r}: {hint}")
        self.kind, self.name, self.known = kind, name, tuple(names)

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, tuple[str, ...]]]:
        return UnknownNameError, (self.kind, self.name, self.known)


class ForeignAwaitError(UsageError):
    """A coroutine in a replay awaited something that does not live in its virtual time."""


class ConformanceError(ExecAlgosError, AssertionError):
    """What a user wrote fails its check.

    Parameters
    ----------
    subject : str
        What was checked.
    findings : sequence of str
        What is wrong with it, each with an example.
    """

    def __init__(self, subject: str, findings: Sequence[str]) -> None:
        listed = "\n".join(f"  {n}. {finding}" for n, finding in enumerate(findings, start=1))
        super().__init__(f"{subject} fails its check:\n{listed}")
        self.subject, self.findings = subject, tuple(findings)

    def __reduce__(self) -> tuple[type[ConformanceError], tuple[str, tuple[str, ...]]]:
        return ConformanceError, (self.subject, self.findings)


class VenueError(ExecAlgosError, RuntimeError):
    """The venue failed. Of a child order it means that the outcome is unknown: it may trade, and is never sent again.

    Parameters
    ----------
    reason : str
        What happened, with the value and what to do.
    fills : iterable of Fill
        What the child is known to have got before.
    """

    def __init__(self, reason: str = "", *, fills: Iterable[Any] = ()) -> None:
        super().__init__(reason)
        self.fills = tuple(fills)


class OrderRejectedError(VenueError):
    """The venue refused a child order, so that nothing of it trades; the message holds its reason.

    Parameters
    ----------
    reason : str
        In the venue's words.
    lasting : bool
        The next child would be refused too (permission, unknown symbol), so the parent order ends. One that passes (a halt, a
        throttle) skips its slice.
    """

    def __init__(self, reason: str = "", *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


class NotSentError(VenueError):
    """A child order never left for the venue, so that nothing of it trades; its slice is skipped."""


class LifeCycleError(VenueError):
    """A venue reported of a child order what cannot follow what it said before; the message names state and event."""


class WrongFillError(VenueError):
    """What a broker said of a child order cannot be: the order stops, and the child counts as open until the venue is asked.

    The message names the broker's class and method, and the value.
    """


class JournalError(ExecAlgosError, RuntimeError):
    """A live session's journal cannot be read or written: nothing is sent any more. The message names the file, and what to do."""


class RunError(ExecAlgosError, RuntimeError):
    """A strategy or an executor raised; the message names the event, the symbol and the time."""
