"""The boundary to other libraries: what they raise while a file is read or written becomes one error of ours, with the file and what to do.

A reader stands on a dozen libraries, each with exceptions of its own, and a damaged file makes any of them raise nearly anything. So
this is the only place that catches them all. What raised stays in ``__cause__``; where its kind is not known, the message also names the
line of this package that met it, for it may be a bug of ours.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from exec_algos.errors import ExecAlgosError, MarketDataError, UsageError

T = TypeVar("T")
MOST_SAID = 200  # characters of what another library says: some quote the whole file
PACKAGE = Path(__file__).parents[1]
COPY = "copy it again"
SAVE = "save it as 'CSV UTF-8'"


class _Kind(NamedTuple):
    """What an exception means of a file, and what to do."""

    what: str
    then: str


_ARCHIVE = _Kind("not a whole archive", f"{COPY}, or unpack it and read what it holds")
_TABLE = _Kind("cannot be read as a table", "look at its rows and its quotation marks, or save it again as CSV")
_RANGE = _Kind("a number or a time that is too large", "look at its first and last rows, and at the unit of its stamps")
_TEXT = _Kind("not text in the encoding that it is read in", SAVE)
_COLUMNS = _Kind("not a whole Parquet file", COPY)
_MEMORY = _Kind("it asks for more memory than there is", f"{COPY} if it is small; else give it in parts")
# by name, for to import them all would take a second
KINDS = {  # the first that an exception is counts: those of Arrow are some of the others, too
    "builtins.MemoryError": _MEMORY, "pyarrow.lib.ArrowException": _COLUMNS,
    "zlib.error": _ARCHIVE, "zipfile.BadZipFile": _ARCHIVE, "zipfile.LargeZipFile": _ARCHIVE, "gzip.BadGzipFile": _ARCHIVE,
    "_lzma.LZMAError": _ARCHIVE, "builtins.EOFError": _ARCHIVE, "builtins.NotImplementedError": _ARCHIVE, "struct.error": _ARCHIVE,
    "_csv.Error": _TABLE, "pandas.errors.ParserError": _TABLE, "pandas.errors.EmptyDataError": _TABLE,
    "builtins.UnicodeError": _TEXT, "json.decoder.JSONDecodeError": _Kind("not whole JSON", COPY),
    "builtins.OverflowError": _RANGE, "builtins.RecursionError": _Kind("brackets within brackets, too deep to be read", COPY),
}  # fmt: skip
OUT_OF_BOUNDS = "OutOfBounds"  # pandas has them under several modules
# errors of no kind of their own, by what they say
SAID = {"encrypted": _Kind("an encrypted archive", "unpack it with its password and read what it holds"), "negative seek": _ARCHIVE}
UNKNOWN = "if the file is right, report this with its first lines"

READ_REMEDIES = {
    errno.ENOENT: "look at its name",
    errno.EACCES: "ask for the right to read it",
    errno.EPERM: "ask for the right to read it",
    errno.EISDIR: "name a file in it",
    errno.ENAMETOOLONG: "look at its name",
}
WRITE_REMEDIES = {
    errno.ENAMETOOLONG: "shorten the name of the symbol or of the folder",
    errno.EROFS: "name a place that can be written to, for this one can only be read",
    errno.EACCES: "name a place that can be written to, for here you may not",
    errno.EPERM: "name a place that can be written to, for here you may not",
}


@contextmanager
def reading(file: str, then: str = "", *, what: str = "") -> Iterator[None]:
    """Say of a file whatever another library raises while it is read; a decorator too.

    Parameters
    ----------
    file : str
        Its name, for the message.
    then, what : str
        What to do, and what is wrong, where that is always the same.

    Raises
    ------
    MarketDataError
        The file, what is wrong with it and what to do. Errors of ours pass as they are; so do warnings that were made errors.
    """
    try:
        yield
    except (ExecAlgosError, Warning):
        raise
    except Exception as error:
        reason = f"{what} ({said_by(error)}); {then}" if what else _read_reason(error, then)
        raise MarketDataError(reason, file=file) from error


@contextmanager
def writing(doing: str, kept: str, then: str, *, kind: type[UsageError] = MarketDataError) -> Iterator[None]:
    """Say what a place does not let be done.

    Parameters
    ----------
    doing : str
        Such as ``cannot write to data/bars``.
    kept : str
        What of it stands.
    then : str
        What to do where the system's own word does not say more.
    kind : type
        The error to raise: a `UsageError`.

    Raises
    ------
    UsageError
        No room, no right, no such place, a name that is too long, or whatever a remote store raises.
    """
    try:
        yield
    except (ExecAlgosError, Warning):
        raise
    except Exception as error:
        remedy = WRITE_REMEDIES.get(getattr(error, "errno", None) or 0, then)
        place = "" if isinstance(error, OSError) else f" ({type(error).__name__}{_met_at(error)})"
        raise kind(f"{doing}{place}: {said_by(error)}; {kept}: {remedy}") from error


def or_none(read: Callable[[], T]) -> T | None:
    """What `read` gives; None where a file that can be made again is not whole: that costs time, never the answer."""
    try:
        return read()
    except Warning:
        raise
    except Exception:
        return None


def said_by(error: BaseException) -> str:
    """What an exception says, in one line that is not too long."""
    text = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]} ..."


def _read_reason(error: Exception, then: str) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f"cannot be read: {said_by(error)}; {then or READ_REMEDIES.get(error.errno, COPY)}"
    if isinstance(error, FileNotFoundError):
        return f"cannot be read: no such file; {then or READ_REMEDIES[errno.ENOENT]}"
    if isinstance(error, UnicodeDecodeError):
        return f"not {error.encoding.upper()} text (byte {error.start}); {then or SAVE}"
    kind = _kind_of(error)
    if kind is not None:
        return f"{kind.what} ({said_by(error)}); {then or kind.then}"
    if isinstance(error, OSError):
        return f"cannot be read: {said_by(error)}; {then or COPY}"
    return f"cannot be read ({type(error).__name__}{_met_at(error)}: {said_by(error)}); {then or UNKNOWN}"


def _kind_of(error: Exception) -> _Kind | None:
    said = next((kind for words, kind in SAID.items() if words in str(error)), None)
    if said is not None:
        return said
    names = {f"{cls.__module__}.{cls.__qualname__}" for cls in type(error).__mro__}
    if any(name.rpartition(".")[2].startswith(OUT_OF_BOUNDS) for name in names):
        return _RANGE
    return next((kind for name, kind in KINDS.items() if name in names), None)


def _met_at(error: Exception) -> str:
    """The innermost line of this package that an exception passed."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    return f" at {Path(own[-1].filename).relative_to(PACKAGE).as_posix()}:{own[-1].lineno}" if own else ""
