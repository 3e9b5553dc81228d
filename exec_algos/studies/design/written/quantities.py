"""Quantities as people write them in any country: each read as what it means, or refused; never as another number."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any, NamedTuple

from exec_algos.errors import UsageError
from exec_algos.studies.design.written.cells import Unread, folded, key_of

MARKS = (".", ",")
GROUPED = r"[1-9]\d{{0,2}}(?:{0}\d{{3}})+"
LAKHS = re.compile(r"[1-9]\d?(?:,\d{2})*,\d{3}")  # of India: 12,34,567
POWER = re.compile(r"(.*?)[eE]([+-]?\d{1,3})")
NO_NUMBER = "quantity is no number of shares"
SAY_DECIMAL = "say which mark is the decimal one: decimal=',' or decimal='.' (--decimal)"


class _Form(NamedTuple):
    """A number without its sign: what it is where its last mark groups, and where its last mark is the decimal one; "" for neither."""

    negative: bool
    grouped: str
    decimal: str
    mark: str  # the last one, where it is a dot or a comma
    groups: str  # the dot or comma that surely groups

    @property
    def ambiguous(self) -> bool:
        return bool(self.grouped and self.decimal)


def check_decimal(decimal: str | None) -> str | None:
    """The decimal mark of a file, if it can be one.

    Raises
    ------
    UsageError
        It is neither a dot nor a comma.
    """
    if decimal is not None and decimal not in MARKS:
        raise UsageError(f"decimal must be '.' or ',', got {decimal!r}; it is the mark between shares and parts of a share")
    return decimal


class Quantities(NamedTuple):
    """A column of quantities: the signed number of each cell or why it has none, and what was assumed in reading them, in words."""

    values: list[float | Unread]
    notes: tuple[str, ...] = ()


def read_quantities(cells: Iterable[Any], decimal: str | None = None, separator: str = ",") -> Quantities:
    """The signed number of each cell of a column, or why it has none.

    Groups of three are thousands, whatever parts them: ``1,000``, ``1'000``, ``1 000``. Two marks, or one that is not followed by
    three digits, say themselves which is the decimal one: ``1.000,50``, ``0,5``. What is left, ``1.000``, is decimal in a file of
    commas, unless the column shows otherwise; in a file whose separator is no comma it waits for `decimal`.

    Parameters
    ----------
    cells : iterable
        Texts or numbers.
    decimal : {".", ","}, optional
        The decimal mark of the whole column.
    separator : str
        Of the file.
    """
    texts = list(cells)
    forms = {key_of(cell): _form(folded(cell)) for cell in texts if isinstance(cell, str)}
    column = _Column.of([form for form in forms.values() if form is not None], decimal, separator)
    known: dict[Any, float | Unread] = {}
    for cell in texts:
        key = key_of(cell)
        if key not in known:
            known[key] = _number(cell) if not isinstance(cell, str) else _text(cell, forms[key], column)
    values = [known[key_of(cell)] for cell in texts]
    return Quantities(values, _notes(texts, values, forms, column) if decimal is None else ())


def _notes(cells: Sequence[Any], values: Sequence[float | Unread], forms: Mapping[Any, _Form | None], column: _Column) -> tuple[str, ...]:
    """What was made of marks that mean one thing here and another there, each with the first of them."""
    found: Counter[str] = Counter()
    first: dict[str, str] = {}
    for cell, value in zip(cells, values, strict=True):
        form = forms.get(key_of(cell))
        if form is not None and form.mark and not isinstance(value, Unread):
            whole = column.read(form) == form.grouped
            kind = ("dots between thousands" if form.mark == "." else "") if whole else "a decimal comma" if form.mark == "," else ""
            found.update([kind] if kind else [])
            first.setdefault(kind, f"{cell.strip()!r} is {value:.15g}")
    return tuple(f"quantities with {kind}: {count}, such as {first[kind]}" for kind, count in found.items())


class _Column(NamedTuple):
    """What the cells of a column say of its marks."""

    decimal: str | None
    separator: str
    points: frozenset[str]  # marks that are surely decimal somewhere
    groups: frozenset[str]  # marks that surely group somewhere
    open: frozenset[str]  # marks of numbers such as 1,000 and 1.000

    @classmethod
    def of(cls, forms: Sequence[_Form], decimal: str | None, separator: str) -> _Column:
        clear = [form for form in forms if form.mark and not form.ambiguous]
        points = frozenset(form.mark for form in clear if form.decimal)
        groups = frozenset(form.groups for form in clear if form.groups)
        return cls(decimal, separator, points, groups, frozenset(form.mark for form in forms if form.ambiguous))

    @property
    def thousands(self) -> bool:
        """Whether there is a 1,000 that is read as 1000."""
        return "," in self.open and self._comma() is True

    def _comma(self) -> bool | None:
        """Whether the comma of 1,000 groups; None where nobody knows."""
        if self.separator != ";":
            return True
        # a file whose separator is no comma may come from where the comma is the decimal mark
        groups, parts = "," in self.groups or "." in self.points, "," in self.points or "." in self.groups
        return groups if groups != parts else None

    def _dot(self) -> bool | None:
        """Whether the dot of 1.000 groups; None where nobody knows."""
        groups, parts = "." in self.groups or "," in self.points, "." in self.points or "," in self.groups or self.thousands
        if groups == parts:
            return None if groups or self.separator != "," else False
        return groups

    def read(self, form: _Form) -> str | Unread:
        """The digits of a number, or why they are not known."""
        if self.decimal is not None:
            return self._settled(form)
        if form.ambiguous:
            groups = self._comma() if form.mark == "," else self._dot()
            if groups is None:
                return Unread("", f"either {form.grouped} or {float(form.decimal):g}; {SAY_DECIMAL}")
            return form.grouped if groups else form.decimal
        if form.decimal and form.mark == "," and (self.thousands or "," in self.groups):
            return Unread("", f"a decimal comma, and other rows have commas between thousands; {SAY_DECIMAL}")
        return form.grouped or form.decimal

    def _settled(self, form: _Form) -> str | Unread:
        if form.mark == self.decimal and form.decimal:
            return form.decimal
        if form.mark != self.decimal and form.grouped and form.groups != self.decimal:
            return form.grouped
        return Unread("", f"no number with the decimal mark {self.decimal!r}; write it so, or leave decimal= (--decimal) away")


def _text(cell: str, form: _Form | None, column: _Column) -> float | Unread:
    if form is None:
        return Unread(cell, NO_NUMBER)
    found = column.read(form)
    if isinstance(found, Unread):
        return Unread(cell, found.reason)
    value = float(found)
    if not math.isfinite(value):
        return Unread(cell, NO_NUMBER)
    return -value if form.negative else value


def _number(cell: Any) -> float | Unread:
    try:
        value = float(cell) if isinstance(cell, Real | Decimal) and not isinstance(cell, bool) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    return value if math.isfinite(value) else Unread(str(cell), NO_NUMBER)


def _form(text: str) -> _Form | None:
    """What a text may mean; None where it is no number."""
    text = text.replace("’", "'").replace("`", "'").replace("´", "'")
    negative = False
    for pattern in (r"\( ?(.*?) ?\)", r"- ?(.*)", r"(.*?) ?-"):
        match = re.fullmatch(pattern, text)
        if match is not None:
            text, negative = match[1], True
            break
    body = text if negative else text.removeprefix("+")
    power = POWER.fullmatch(body)
    return _scientific(power[1], power[2], negative=negative) if power is not None else _plain(body, negative=negative)


def _scientific(digits: str, power: str, *, negative: bool) -> _Form | None:
    """1.5e3; the mark of such a number is always the decimal one."""
    if not re.fullmatch(r"\d+|\d+\.\d*|\.\d+|\d,\d+", digits):
        return None
    mark = "," if "," in digits else "." if "." in digits else ""
    value = f"{digits.replace(',', '.')}e{power}"
    return _Form(negative, "" if mark else value, value if mark else "", mark, "")


def _plain(body: str, *, negative: bool) -> _Form | None:
    if re.fullmatch(r"\d+", body):
        return _Form(negative, body, "", "", "")
    found = re.findall(r"\D", body)
    if not found or not re.fullmatch(r"[\d.,' _]+", body):
        return None
    last = found[-1]
    grouped = _ungrouped(body, last) if set(found) == {last} else ""
    whole, _, part = body.rpartition(last)
    decimal, between = "", set(found[:-1])
    if last in MARKS and last not in between and len(between) <= 1 and (part or last == "."):
        digits = (_ungrouped(whole, *between) if between else whole) or ("0" if part and not whole else "")
        decimal = f"{digits}.{part}" if digits else ""
    if len(part) == 3 and len(whole) > 1 and whole.startswith("0"):
        decimal = ""  # 01,000: padded with noughts, so nobody knows whether a thousand or one
    if not (grouped or decimal):
        return None
    groups = last if grouped and not decimal else next(iter(between), "") if decimal else ""
    return _Form(negative, grouped, decimal, last if last in MARKS else "", groups if groups in MARKS else "")


def _ungrouped(body: str, mark: str) -> str:
    """The digits of a number in groups of three, or as India groups them; "" where it is none."""
    if re.fullmatch(GROUPED.format(re.escape(mark)), body) or (mark == "," and LAKHS.fullmatch(body)):
        return body.replace(mark, "")
    return ""
