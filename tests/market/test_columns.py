"""Which column is which: named, by a synonym, or said; never guessed where two may be."""

from __future__ import annotations

import pytest

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.columns import chosen_columns, parse_columns

FIELDS = ("symbol", "quantity", "start")
SYNONYMS = {"symbol": ("symbol", "ticker"), "quantity": ("quantity", "qty"), "start": ("start", "starttime")}


def test_pairs_are_read_and_a_comma_stays_in_a_name():
    assert parse_columns("symbol=Ticker,quantity=Qty", FIELDS) == {"symbol": "Ticker", "quantity": "Qty"}
    assert parse_columns("quantity=Qty, of us", FIELDS) == {"quantity": "Qty, of us"}
    assert parse_columns({"symbol": "a=b,c"}, FIELDS) == {"symbol": "a=b,c"}
    assert parse_columns(None, FIELDS) == parse_columns("", FIELDS) == {}


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("price=Px", UnknownNameError, "unknown column field 'price'"),
        ("symbl=Ticker", UnknownNameError, "did you mean symbol"),
        ("symbol", UsageError, "FIELD=COLUMN pairs"),
        ("symbol=", UsageError, "no column for 'symbol'"),
        ("symbol=a,symbol=b", UsageError, "name 'symbol' twice"),
        ("symbol=a,start=a", UsageError, "name 'a' twice"),
    ],
)
def test_what_names_no_column_is_refused(text, error, said):
    with pytest.raises(error, match=said):
        parse_columns(text, FIELDS)


@pytest.mark.parametrize(
    ("found", "given", "places"),
    [
        (["Symbol", "QUANTITY", " start "], {}, {"symbol": 0, "quantity": 1, "start": 2}),
        (["Ticker", "Qty", "Start Time"], {}, {"symbol": 0, "quantity": 1, "start": 2}),
        (["ticker", "symbol"], {}, {"symbol": 1}),  # its own name comes first
        (["ticker", "symbol"], {"symbol": "Ticker"}, {"symbol": 0}),
        (["Name", "Ticker", "qty"], {"symbol": "Name"}, {"symbol": 0, "quantity": 2}),
        (["quantity", "size"], {"symbol": "quantity"}, {"symbol": 0}),  # taken for another field
        (["a"], {}, {}),
    ],
)
def test_what_is_said_comes_before_the_name_and_that_before_a_synonym(found, given, places):
    assert chosen_columns(found, FIELDS, SYNONYMS, given) == places


@pytest.mark.parametrize(
    ("found", "given", "said"),
    [
        (["side", "symbol", "Symbol"], {}, "the column 'symbol' stands there twice"),
        (["Ticker", "SYMBOL_", "x"], {}, r"'Ticker', 'SYMBOL_' may each be symbol; say which: columns='symbol=Ticker' \(--columns\)"),
        (["Ticker", "qty"], {"symbol": "Tickr"}, "did you mean Ticker"),
        (["a", "A", "a"], {"symbol": "a"}, "'a' stands there twice"),
    ],
)
def test_what_may_be_two_columns_or_none_is_refused(found, given, said):
    with pytest.raises(UsageError, match=said):
        chosen_columns(found, FIELDS, SYNONYMS, given)
