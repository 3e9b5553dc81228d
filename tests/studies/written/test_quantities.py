"""Quantities of any country: as meant, or refused; never another number."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.errors import UsageError
from exec_algos.studies.design.written.cells import Unread
from exec_algos.studies.design.written.quantities import check_decimal, read_quantities


def read(cell, *beside, decimal=None, separator=","):
    return read_quantities([cell, *beside], decimal, separator).values[0]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1000", 1000), (" 0100 ", 100), ("1,000", 1000), ("12,345,678", 12345678), ("1,000.5", 1000.5), ("1,000.000", 1000),
        ("12,34,567", 1234567), ("1'000", 1000), ("1’234’567.25", 1234567.25), ("1 000", 1000), ("1\u00a0000", 1000),
        ("1\u202f234\u202f567", 1234567),
        ("1\u2009000", 1000), ("1_000", 1000), ("1e3", 1000), ("1.5E+03", 1500), ("1E-8", 1e-8), ("1.250e3", 1250), ("1.234.567", 1234567),
        ("1.000,00", 1000), ("1.234.567,5", 1234567.5), ("1 234,5", 1234.5), ("1'234,5", 1234.5), ("0,5", 0.5), ("0,00000001", 1e-8),
        ("1,25", 1.25), ("2,50", 2.5), ("1234,567", 1234.567), ("0,500", 0.5), ("0.500", 0.5), (",5", 0.5), (".5", 0.5), ("5.", 5),
        ("1,5e3", 1500), ("１０００", 1000), ("１，０００", 1000), ("１．５", 1.5), ("١٢٣", 123), ("+7", 7), ('="1000"', 1000),
        ("-500", -500), ("−500", -500), ("–500", -500), ("－５００", -500), ("500-", -500), ("500 -", -500), ("- 500", -500),
        ("(500)", -500),
        ("(1,000.50)", -1000.5), ("( 500 )", -500), ("-1e3", -1000),
    ],
)  # fmt: skip
def test_a_quantity_is_what_people_mean_by_it(text, meant):
    assert read(text) == meant


@pytest.mark.parametrize(
    "text",
    ["", "many", "nan", "inf", "1e999", "0x10", "1k", "5%", "$5", "1,00,0", "1,0,0", "1,,000", "01,000", "000,500", "01.000", "5,",
    "1.5.5", "1 0", "1  0 00",
     "10 00", "1.000,000.5", "1,000,00.5", "1'000 000", "1.0000.000", "--5", "-(5)", "(-5)", "(5", "5)", "1e", "e3", "10,000e3x",
     "1 000e3", "½", "10²", "1-000", "٫5",
     "12,345,67", ".", ",", "-", "()"],
)  # fmt: skip
def test_what_is_no_quantity_is_refused(text):
    assert read(text) == Unread(text, "quantity is no number of shares")


def test_a_thousand_with_a_power_of_ten_is_read_with_its_decimal_mark():
    assert read("1,000e3") == 1000


CONFLICT = (
    "a decimal comma, and other rows have commas between thousands; "
    "say which mark is the decimal one: decimal=',' or decimal='.' (--decimal)"
)


def test_commas_that_part_thousands_and_decimals_in_one_column_are_refused_where_they_are_decimal():
    found = read_quantities(["1,000", "0,5", "1,25", "1.000,00", "12,345,678", "100"]).values
    assert found == [1000, Unread("0,5", CONFLICT), Unread("1,25", CONFLICT), Unread("1.000,00", CONFLICT), 12345678, 100]


@pytest.mark.parametrize(
    ("column", "separator", "meant"),
    [
        (["1.000"], ",", [1]),
        (["1.000"], ";", [None]),
        (["1.000"], "\t", [None]),
        (["1,000"], ",", [1000]),
        (["1,000"], "\t", [1000]),
        (["1,000"], ";", [None]),
        # what another row of the column proves
        (["1.000", "2.500,5"], ";", [1000, 2500.5]),
        (["1.000", "0,5"], ",", [1000, 0.5]),
        (["1.000", "1.234.567"], ",", [1000, 1234567]),
        (["1.000", "0.25"], ";", [1, 0.25]),
        (["1.000", "1,234,567"], ";", [1, 1234567]),
        (["1,000", "0,5"], ";", [1, 0.5]),
        (["1,000", "0.5"], ";", [1000, 0.5]),
        (["1,000", "1.000"], ",", [1000, 1]),
        # and where rows prove both
        (["1.000", "1.234.567", "0.5"], ",", [None, 1234567, 0.5]),
        (["1,000", "1,234,567", "0,5"], ";", [None, 1234567, None]),
    ],
)
def test_one_mark_before_three_digits_is_what_the_column_proves_or_waits(column, separator, meant):
    found = read_quantities(column, separator=separator).values
    assert [None if isinstance(value, Unread) else value for value in found] == meant


@pytest.mark.parametrize(
    ("text", "comma", "dot"),
    [("1,000", 1, 1000), ("1.000", 1000, 1), ("1.000,50", 1000.5, None), ("1,000.50", None, 1000.5), ("0,5", 0.5, None), ("0.5", None, 0.5),
     ("1 000", 1000, 1000), ("1'000", 1000, 1000), ("12,34,567", None, 1234567), ("1000", 1000, 1000), ("1e3", 1000, 1000),
     ("1,5e3", 1500, None),
     ("1.234.567", 1234567, None), ("5.", None, 5)],
)  # fmt: skip
@pytest.mark.parametrize("separator", [",", ";"])
def test_a_decimal_mark_that_is_said_settles_every_row(text, comma, dot, separator):
    for decimal, meant in ((",", comma), (".", dot)):
        found = read(text, decimal=decimal, separator=separator)
        assert found == meant if meant is not None else "decimal mark" in found.reason


def test_numbers_of_a_frame_are_what_they_are():
    assert [read(cell) for cell in (5, 5.5, np.int64(7), np.float64(0.25), Decimal("1.5"), -3)] == [5, 5.5, 7, 0.25, 1.5, -3]
    assert all(isinstance(read(cell), Unread) for cell in (None, math.nan, math.inf, True, np.True_, [5], Decimal("NaN")))


def test_what_was_assumed_is_said():
    assert read_quantities(["0,5", "1,25", "7"]).notes == ("quantities with a decimal comma: 2, such as '0,5' is 0.5",)
    assert read_quantities(["1.234.567"]).notes == ("quantities with dots between thousands: 1, such as '1.234.567' is 1234567",)
    assert read_quantities(["1,000", "1.5", "1'000"]).notes == ()
    assert read_quantities(["0,5"], ",").notes == ()


@pytest.mark.parametrize("mark", ["", ";", "comma", "'"])
def test_another_decimal_mark_is_refused(mark):
    with pytest.raises(UsageError, match="decimal must be"):
        check_decimal(mark)


@given(
    st.integers(0, 10**9),
    st.integers(0, 4),
    st.integers(0, 9999),
    st.sampled_from(["", ",", ".", " ", "'", "\u00a0", "\u202f"]),
    st.sampled_from([".", ","]),
)
def test_however_a_locale_writes_a_number_it_is_that_number_or_refused(whole, places, part, group, point):
    if group == point:
        return
    digits = f"{whole:,}".replace(",", group)
    text = digits + (f"{point}{part % 10**places:0{places}d}" if places else "")
    meant = float(f"{whole}.{part % 10**places:0{places}d}" if places else whole)
    assert read(text, decimal=point) == meant
    alone = read(text)
    # one mark before three digits is a group where it is a comma, and decimal where it is a dot
    three = places == 3 and (not group or whole < 1000) and point == "," and 0 < whole < 1000
    dots = not places and group == "." and 1000 <= whole < 10**6
    assert isinstance(alone, Unread) or alone == meant or (three and alone == meant * 1000) or (dots and alone == meant / 1000)


@given(st.text(st.sampled_from("0123456789.,' -+()eE_"), max_size=12))
def test_no_text_is_read_as_a_number_that_its_digits_do_not_make(text):
    found = read(text)
    if not isinstance(found, Unread) and "e" not in text.lower():
        digits = "".join(sign for sign in text if sign.isdecimal())
        shown = f"{abs(found):.12f}".rstrip("0").replace(".", "")
        assert shown.strip("0") == digits.strip("0")


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_refused(text):
    assert isinstance(read(text), float | Unread)
