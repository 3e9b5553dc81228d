"""Which column of a table of bars is which field: as the caller says, by its own name, or by a name that people use for it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from exec_algos.errors import MarketDataError

NEEDED = ("open", "high", "low", "close", "volume")
OPTIONAL = ("vwap", "bid", "ask", "bid_size", "ask_size")
TIMES = ("timestamp", "datetime", "date", "time", "open_time", "window_start")
SYMBOLS = ("symbol", "ticker")
NOTIONALS = ("quote_volume", "quote_asset_volume", "notional")
FIELDS = ("symbol", "timestamp", "date", "time", *NEEDED, *OPTIONAL, "notional")  # what a caller may name
VALUES = (*NEEDED, *OPTIONAL, *NOTIONALS)
UNUSED = "-"  # a column that has no field

# names that mean one field wherever they stand; what is a field only in one vendor's files stands with the vendor
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "open": ("o", "open price", "openprice", "시가", "始値", "开盘", "开盘价", "eröffnung", "eröffnungskurs", "erster"),
    "high": ("h", "high price", "highprice", "고가", "高値", "最高", "最高价", "hoch", "tageshoch"),
    "low": ("l", "low price", "lowprice", "저가", "安値", "最低", "最低价", "tief", "tagestief"),
    "close": (
        "c", "last", "close price", "closeprice", "종가", "현재가", "終値", "收盘", "收盘价", "schluss", "schlusskurs", "letzter",
    ),
    "volume": ("v", "vol", "vol.", "거래량", "出来高", "成交量", "stücke", "stuecke", "umsatz in stück"),
    "vwap": ("vw", "weighted average"),
    "bid": ("매수호가",),
    "ask": ("매도호가",),
    "timestamp": ("t", "date/time", "date time", "체결시간", "체결일시", "日時"),
    "date": ("일자", "날짜", "체결일", "일시", "日付", "日期", "datum", "trading date", "trade date"),
    "time": ("시간", "시각", "時刻", "时间", "zeit", "uhrzeit", "time of day"),
    "symbol": ("종목코드", "단축코드", "コード", "代码", "wkn", "isin"),
    "notional": ("거래대금", "成交额", "売買代金", "umsatz"),
}  # fmt: skip
_FIELD_OF = {name: field for field, names in SYNONYMS.items() for name in names}


def listed(names: Sequence[str], most: int = 20, longest: int = 60) -> str:
    """Names of columns for a message: the first of them, and of each its beginning."""
    return ", ".join(name if len(name) <= longest else f"{name[:longest]} ..." for name in names[:most])


class NoBarsError(MarketDataError):
    """A file that is no table of bars: in a folder it is passed over, and named."""


def plain_name(name: str) -> str:
    """A column's name without blanks and the brackets of ``<OPEN>``, in lower case."""
    return name.strip().strip("<>[]").strip().lower()


def fields_of(names: Sequence[str], said: Mapping[str, str], more: Mapping[str, str], file: str) -> tuple[str, ...]:
    """The columns of a table with their fields' names where they are known; the others as they stand.

    Parameters
    ----------
    names : sequence of str
        As in the table.
    said : mapping of str to str
        Their name for each field that the caller named.
    more : mapping of str to str
        The field for a name in lower case, in one vendor's files.
    file : str
        For messages.

    Raises
    ------
    MarketDataError
        A column that the caller named is not there; two columns may be one field.
    """
    plain = [plain_name(name) for name in names]
    places = {field: _place(wanted, names, plain) for field, wanted in said.items()}
    absent = [field for field, place in places.items() if place is None]
    if absent:
        kind = MarketDataError if len(absent) < len(said) else NoBarsError
        raise kind(f"no column {said[absent[0]]!r} for {absent[0]}; the columns are {listed(names)}", file=file)
    found = {place: field for field, place in places.items() if place is not None}
    times = set(TIMES) if set(found.values()) & {"timestamp", "date"} else set()
    for known in (more, {name: name for name in (*VALUES, *TIMES, *SYMBOLS)}, _FIELD_OF):
        have = {*found.values(), *times}
        found |= _claimed({at: known.get(name, "") for at, name in enumerate(plain) if at not in found}, have, names, file)
    if not {*TIMES} & {*found.values()} and plain and plain[0] == "":
        found[0] = "timestamp"  # how pandas writes an index that has no name
    known_fields = set(found.values())
    rest = [_unused(name, at, plain, known_fields) for at, name in enumerate(names)]
    return tuple(found.get(at, name) for at, name in enumerate(rest))


def _unused(name: str, at: int, plain: Sequence[str], fields: Collection[str]) -> str:
    """A column that is no field under a name that no field and no other column has."""
    if not plain[at] or plain[at] in plain[:at]:
        return f"{name.strip()} (column {at + 1})".strip()
    return f"{name.strip()} (not used)" if plain[at] in fields else name.strip()


def _place(wanted: str, names: Sequence[str], plain: Sequence[str]) -> int | None:
    """Where a column stands that the caller named: as it is spelled, else in any case."""
    exact = [at for at, name in enumerate(names) if name.strip() == wanted.strip()]
    return next(iter(exact or [at for at, name in enumerate(plain) if name == plain_name(wanted)]), None)


def _claimed(fields: Mapping[int, str], have: Collection[str], names: Sequence[str], file: str) -> dict[int, str]:
    """The columns whose field is still free; a field that two columns spelled otherwise claim is asked for."""
    by_field: dict[str, int] = {}
    claimed = {}
    for at, field in fields.items():
        if not field or field in have:
            continue
        other = by_field.setdefault(field, at)
        if plain_name(names[other]) != plain_name(names[at]):
            raise MarketDataError(
                f"columns {names[other]!r} and {names[at]!r} both may be {field}; say which: columns='{field}=NAME'", file=file
            )
        claimed[at] = field
    return claimed


def require_columns(names: Mapping[str, str] | Sequence[str], needed: Sequence[str], file: str) -> None:
    """Refuse a table without a column it needs.

    Raises
    ------
    NoBarsError
        It has not three of open, high, low and close: it is a table of something else.
    MarketDataError
        Names the missing columns, the ones that are there, and the nearest.
    """
    missing = [name for name in needed if name not in names]
    if not missing:
        return
    near = {name: difflib.get_close_matches(name, [n for n in names if n not in needed], n=1, cutoff=0.5) for name in missing}
    hint = "; ".join(f"did you mean {found[0]!r} for {name!r}?" for name, found in near.items() if found)
    there = listed(list(names))
    way_out = f"; {hint}" if hint else ""
    kind = MarketDataError if sum(name in names for name in NEEDED[:4]) > 2 else NoBarsError
    raise kind(
        f"no column {', '.join(missing)}; the columns are {there}{way_out}; or say which they are: columns='{missing[0]}=NAME'", file=file
    )
