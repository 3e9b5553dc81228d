"""`Vendor`: what one vendor's files look like and mean; and a table before it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from exec_algos.market.csvformat import CsvFormat

if TYPE_CHECKING:
    import pandas as pd

PLAIN = CsvFormat()
SECOND, MINUTE = 1_000_000_000, 60_000_000_000
LENGTHS = {
    "s": SECOND,
    "sec": SECOND,
    "m": MINUTE,
    "mn": MINUTE,
    "min": MINUTE,
    "minute": MINUTE,
    "h": 60 * MINUTE,
    "hour": 60 * MINUTE,
    "d": 1440 * MINUTE,
    "day": 1440 * MINUTE,
}
# how people who save a vendor's frames name them: AAPL_1m, ADA-USD_1mn, SPY_1min
WITH_INTERVAL = re.compile(r"(?P<symbol>.+)_(?P<interval>\d{1,3}(?:mn|min|m|h|sec|s))")


class CsvTable(NamedTuple):
    """A text with its separator, its header (empty without one) and its first and last row.

    Parameters
    ----------
    text, separator : str
    header, first, last : tuple of str
        Fields, stripped.
    skip : int
        Lines before the first row of values.
    stem : str
        The name of the file, without folder and suffix.
    said : CsvFormat
        What the caller said of it.
    """

    text: str
    separator: str
    header: tuple[str, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]
    skip: int
    stem: str = ""
    said: CsvFormat = PLAIN

    def dotted(self) -> CsvTable:
        """The same where the vendor writes a dot before decimals, whatever may be doubted of other files; what was said goes before."""
        return self._replace(said=replace(self.said, decimal=self.said.decimal or "."))

    @property
    def names(self) -> tuple[str, ...]:
        """The header in lower case, without the brackets of ``<OPEN>``."""
        return tuple(name.strip("<>[] ").lower() for name in self.header)


class Document(NamedTuple):
    """A JSON text, parsed."""

    content: Any
    stem: str = ""


class Prepared(NamedTuple):
    """A vendor's table with our fields' names, and what it alone tells.

    Parameters
    ----------
    frame : DataFrame
    step : int, optional
        Length of a bar in ns.
    label, symbol : str, optional
    notes : tuple of str
        What was assumed, a sentence each.
    """

    frame: pd.DataFrame
    step: int | None = None
    label: str | None = None
    symbol: str | None = None
    notes: tuple[str, ...] = ()


class Sample(NamedTuple):
    """A small file of a vendor's form, with invented numbers: three bars of 2024-01-16.

    Parameters
    ----------
    file, text : str
    said : mapping
        What has to be said to read it: the file does not tell.
    symbol : str
        Whose bars it has.
    """

    file: str
    text: str
    symbol: str
    said: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """What a vendor's files look like and mean; None is "the file does not tell, ask".

    Parameters
    ----------
    name : str
        As `format` takes it.
    recognises : callable
        Whether a `CsvTable` or a `Document` is this vendor's; of every file at most one vendor may say so.
    prepare : callable
        The table or document, and the name of its file for messages, to a `Prepared`.
    source : str
        Where the form can be seen.
    samples : tuple of Sample
        The tests read them, and docs/data.md shows them.
    label : {"start", "end"}, optional
        Which end of its bar a stamp names.
    zone : str, optional
        IANA zone of naive stamps.
    newest_first : bool
        The rows run backward in time.
    file_name : Pattern
        Names of files: their group ``symbol``, and ``interval`` if there is one.
    """

    name: str
    recognises: Callable[[CsvTable | Document], bool]
    prepare: Callable[[Any, str], Prepared]
    source: str
    samples: tuple[Sample, ...]
    label: str | None = None
    zone: str | None = None
    newest_first: bool = False
    file_name: re.Pattern[str] | None = None

    def named(self, stem: str) -> tuple[str, int | None]:
        """The symbol in a file's name, and the length of a bar that it tells; the whole stem where it is not of the vendor's form."""
        found = self.file_name.fullmatch(stem) if self.file_name else None
        if not found:
            return stem, None
        return found["symbol"], interval_of(found.groupdict().get("interval"))


def interval_of(text: str | None) -> int | None:
    """Nanoseconds of ``1m``, ``5min``, ``M15``, ``H1`` or minutes as a number."""
    if text == "Daily":
        return 1440 * MINUTE
    parts = re.fullmatch(r"(?P<before>[A-Za-z]*)(?P<count>\d+)(?P<after>[A-Za-z]*)", text or "")
    if not parts:
        return None
    unit = LENGTHS.get((parts["before"] or parts["after"] or "m").lower())
    return unit and unit * int(parts["count"])
