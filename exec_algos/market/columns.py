"""Which column of a table is which: by its name, by a known synonym, or as the caller says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from exec_algos.errors import UnknownNameError, UsageError


def parse_columns(text: str | Mapping[str, str] | None, fields: Iterable[str]) -> dict[str, str]:
    """The column of the file for each field, as ``--columns`` says it.

    Parameters
    ----------
    text : str or mapping of str to str, optional
        ``"symbol=Ticker,quantity=Qty"``; a comma within a column's name stays part of it, for no field stands behind it. A mapping is
        taken as it is.
    fields : iterable of str
        Those that may be named.

    Raises
    ------
    UnknownNameError
        A field that is none.
    UsageError
        A field that is named twice, a column for two fields, or no column behind a field.

    Examples
    --------
    >>> parse_columns("symbol=Ticker, quantity=Qty, shares", ("symbol", "quantity"))
    {'symbol': 'Ticker', 'quantity': 'Qty, shares'}
    """
    allowed = tuple(fields)
    pairs = list(text.items()) if isinstance(text, Mapping) else _pairs(text or "")
    found: dict[str, str] = {}
    for key, value in pairs:
        field, column = str(key).strip().lower(), str(value).strip()
        if field not in allowed:
            raise UnknownNameError("column field", field, allowed)
        if not column:
            raise UsageError(f"columns name no column for {field!r}; say {field}=NAME, with the name that stands in the file")
        if field in found or column in found.values():
            raise UsageError(f"columns name {(field if field in found else column)!r} twice; say each field and each column once")
        found[field] = column
    return found


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for piece in text.split(","):
        field, equals, column = piece.partition("=")
        if equals:
            pairs.append((field, column))
        elif pairs:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]},{piece}")
        elif piece.strip():
            raise UsageError(f"columns must be FIELD=COLUMN pairs such as symbol=Ticker,quantity=Qty, got {text!r}")
    return pairs


def plain_name(column: object) -> str:
    """A column's name without what people write differently: case, blanks and marks.

    >>> plain_name(" Start Time "), plain_name("B/S"), plain_name("order_id")
    ('starttime', 'bs', 'orderid')
    """
    return "".join(sign for sign in str(column).casefold() if sign.isalnum())


def chosen_columns(
    found: Sequence[str], fields: Sequence[str], synonyms: Mapping[str, Sequence[str]], given: Mapping[str, str]
) -> dict[str, int]:
    """Where the column of each field stands; a field that has none is left out.

    A field has the column that `given` names; else the one of its own name, in any case; else the one whose name is a synonym.

    Parameters
    ----------
    found : sequence of str
        The columns of the file.
    fields : sequence of str
    synonyms : mapping of str to sequence of str
        By field, in the form of `plain_name`.
    given : mapping of str to str
        What `parse_columns` returns.

    Raises
    ------
    UnknownNameError
        A column that the file does not have.
    UsageError
        A name that stands there twice, or two columns that may be the same field.
    """
    names = [str(name).strip().lower() for name in found]
    taken = {field: _named(column, names, found) for field, column in given.items()}
    for field in fields:
        if field in taken:
            continue
        own = [place for place, name in enumerate(names) if name == field and place not in taken.values()]
        other = [place for place, name in enumerate(found) if plain_name(name) in synonyms.get(field, ()) and place not in taken.values()]
        places = own or other
        if len(places) > 1:
            raise UsageError(_twice(field, [str(found[place]) for place in places]))
        if places:
            taken[field] = places[0]
    return taken


def _named(column: str, names: Sequence[str], found: Sequence[str]) -> int:
    places = [place for place, name in enumerate(names) if name == column.strip().lower()]
    exact = [place for place in places if str(found[place]).strip() == column.strip()]
    if not places:
        raise UnknownNameError("column", column, map(str, found))
    if len(exact or places) > 1:
        raise UsageError(_twice(column, [str(found[place]) for place in places]))
    return (exact or places)[0]


def _twice(field: str, columns: Sequence[str]) -> str:
    if len({column.strip().lower() for column in columns}) == 1:
        return f"the column {columns[0].strip().lower()!r} stands there twice; keep one of them"
    return f"the columns {', '.join(map(repr, columns))} may each be {field}; say which: columns='{field}={columns[0]}' (--columns)"
