"""The text form of a value: ``name`` or ``name:parameter=value,parameter=value``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar
from unicodedata import category

from exec_algos.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    import pandas as pd

Value = TypeVar("Value")

FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # what a spreadsheet reads as the start of a formula
# controls, what has no width or turns the direction of a line round, and what separates lines: nobody sees them, and a terminal obeys
UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})


def visible(text: str) -> str:
    r"""`text` with every character that cannot be seen as its escape: newlines too.

    >>> print(visible("AB\x1b[2J\u202eC\n"))
    AB\x1b[2J\u202eC\n
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(sign) if category(sign) in UNSEEN else sign for sign in text)


def guarded(cell: Any) -> Any:
    """A text cell that a spreadsheet would take for a formula, with the apostrophe that makes it text; all else as it is.

    `unguarded` takes it off again, and nothing else: text of apostrophes before such a sign gets one more.

    >>> guarded("=1+1"), guarded("'-A"), guarded("A-B"), guarded(-1.5)
    ("'=1+1", "''-A", 'A-B', -1.5)
    """
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip("'").startswith(FORMULA) else cell


def unguarded(cell: Any) -> Any:
    """What stood in a cell before `guarded`."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell


def csv_text(frame: pd.DataFrame, *, index: bool = True, separator: str = ",") -> str:
    """A table as a CSV that people open in a spreadsheet: text that would be a formula there is `guarded`, names of columns too."""
    texts = frame.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz", "timedelta"]).columns
    plain = frame.assign(**{name: frame[name].map(guarded) for name in texts if not _all_plain(frame[name])})
    labels = plain.rename(index=guarded, columns=guarded) if index else plain.rename(columns=guarded)
    return str(labels.to_csv(index=index, sep=separator, lineterminator="\n"))


def text_of_csv(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of texts that was read from such a CSV, as it was before."""
    plain = frame.assign(**{name: frame[name].map(unguarded) for name in frame.columns if frame[name].str.startswith("'").any()})
    return plain.rename(columns=unguarded)


def _all_plain(column: pd.Series[Any]) -> bool:
    """No text of a column looks like a formula: most need no second look."""
    return column.dtype == "str" and not column.str.lstrip("'").str.startswith(FORMULA).any()


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape", "surrogatepass").decode("ascii")


def numbered(count: int, word: str) -> str:
    """``1 symbol``, ``2,000 symbols``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """Words in a sentence.

    >>> listed(["twap", "vwap", "pov"]), listed(["twap"])
    ('twap, vwap and pov', 'twap')
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def text_of(value: Any) -> str:
    """The text form of a frozen dataclass that has a `name`: parameters that stand at their default are left out."""
    changed = [f"{f.name}={_text(getattr(value, f.name))}" for f in fields(value) if getattr(value, f.name) != f.default]
    return ":".join([value.name, ",".join(changed)]) if changed else str(value.name)


def from_text(kind: str, text: str, known: Mapping[str, type[Value]]) -> Value:
    """A value from its text form.

    Parameters
    ----------
    kind : str
        What it is, for the message.
    text : str
    known : mapping
        Dataclasses by name.

    Raises
    ------
    UnknownNameError
        No such name or parameter.
    UsageError
        A value that is no number, or one that is out of range.
    """
    if not isinstance(text, str):
        raise UsageError(f"{kind} must be a text such as {next(iter(known))!r}, got {text!r}")
    name, parameters = split_text(text)
    if name.lower() not in known:
        raise UnknownNameError(kind, name, known)
    cls: Any = known[name.lower()]
    allowed = {f.name: f for f in fields(cls)}
    given = {key: _number(key, value, type(allowed[key].default)) for key, value in known_once(name, text, parameters, allowed)}
    made: Value = cls(**given)
    return made


def split_text(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The name of a text form, and its parameters as they stand there.

    >>> split_text("vwap: profile_days=5, slice_interval_seconds=300")
    ('vwap', [('profile_days', '5'), ('slice_interval_seconds', '300')])
    """
    name, _, rest = text.strip().partition(":")
    return name, parameters_of(rest)


def parameters_of(text: str) -> list[tuple[str, str]]:
    """``parameter=value`` pairs, comma-separated; a parameter without a value has an empty one.

    >>> parameters_of("liquidity,buckets=5")
    [('liquidity', ''), ('buckets', '5')]
    """
    pairs = (part.partition("=") for part in text.split(",") if part.strip())
    return [(key.strip(), value.strip()) for key, _, value in pairs]


def known_once(name: str, text: str, parameters: Iterable[tuple[str, str]], allowed: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The parameters, one by one.

    Raises
    ------
    UnknownNameError
        One that is not `allowed`.
    UsageError
        One that stands twice.
    """
    names, seen = list(allowed), set()
    for key, value in parameters:
        if key not in names:
            raise UnknownNameError(f"parameter of {name}", key, names)
        if key in seen:
            raise UsageError(f"{key} stands twice in {text!r}; say it once")
        seen.add(key)
        yield key, value


def _text(value: float) -> str:
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _number(key: str, text: str, kind: type) -> float:
    try:
        value = float(text)
        if kind is int and value == int(value):
            return int(value)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{key} needs a number, got {text!r}") from error
    if kind is int:
        raise UsageError(f"{key} needs a whole number, got {text!r}")
    return value
