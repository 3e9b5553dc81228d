"""Columns that are read at once say what the readers of a desk's orders say cell by cell."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.executions.cells import MISSING, read_instants, read_names, read_numbers, read_side_column
from exec_algos.executions.form import FILLS, FillForm
from exec_algos.studies.design.written.cells import Unread
from exec_algos.studies.design.written.quantities import read_quantities
from exec_algos.studies.design.written.times import Times

ZONE = "America/New_York"
TIMES = [
    "2025-10-15 10:00:15", "2025-10-15 10:00:15.25", "2025-10-15T10:00:15.123456789Z", "2025-10-15 10:00:15-04:00", "2025-10-15 10:00",
    "20251015-14:00:15.5", "20251015 10:00:15", "2025-10-15 24:00:00", "2025-10-15 24:00:05", "2025-10-15 23:59:60", "2025-11-02 01:30:05",
    "2025-03-09 02:30:05", "2025-10-15 10:00:15 US/Eastern", "2025. 10. 15. 오후 2:00:15", "2025-10-15, 10:00:15", "15.10.2025 10:00:15",
    "2025-10-15 10:00:15 PM", "1760536815000", "", "10:00:15", "2025-13-15 10:00:15", "2025-10-15 10:00:15.1234567891", "20251015100015",
    "2025-10-15 10:00:15+05:30", "2025-10-15 10:00:15 EST", "2025-10-15 10:61:15", "1969-10-15 10:00:15",
]  # fmt: skip


@pytest.mark.parametrize("form", [None, "day-first", "%Y-%m-%d %H:%M:%S", "epoch-ms"])
def test_times_are_those_of_the_reader_of_orders(form):
    column = pa.array([*TIMES, *TIMES[:5]]).dictionary_encode()
    found = read_instants(column, ZONE, FillForm(date_format=form))
    for row, text in enumerate(column.to_pylist()):
        wanted = Times(ZONE, form).read([text])[0]
        if isinstance(wanted, Unread):
            assert found.values[row] == MISSING
            assert found.unread[row] == wanted
        else:
            assert found.values[row] == wanted, text
            assert row not in found.unread


def test_how_times_were_written_is_counted_as_often_as_they_stand_there():
    column = pa.array(["20251015-14:00:15", "20251015-14:00:16", "20251015-14:00:15", "1760536815000"]).dictionary_encode()
    notes = read_instants(column, ZONE, FILLS).notes
    assert sorted(note.partition(" ")[0] for note in notes) == ["1", "3"]


NUMBER = st.text(alphabet="0123456789.,-'e ", min_size=0, max_size=9)


@given(st.lists(NUMBER, min_size=1, max_size=6), st.sampled_from([None, ".", ","]), st.sampled_from([",", ";", "\t"]))
def test_numbers_are_those_of_the_reader_of_orders(texts, decimal, separator):
    found = read_numbers(pa.array(texts).dictionary_encode(), FillForm(decimal=decimal), separator)
    wanted = read_quantities(texts, decimal, separator)
    for row, value in enumerate(wanted.values):
        if isinstance(value, Unread):
            assert np.isnan(found.values[row])
            assert found.unread[row] == value
        else:
            assert found.values[row] == value
    assert found.notes == wanted.notes


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64).map(repr), min_size=1, max_size=5))
def test_numbers_as_a_computer_writes_them_come_back_to_the_last_bit(texts):
    found = read_numbers(pa.array(texts).dictionary_encode(), FILLS, ",")
    assert found.values.tolist() == [float(text) for text in texts]


def test_ids_of_numbers_with_gaps_are_whole():
    assert read_names(pa.array([7.0, None, 8.5])).whole().tolist() == ["7", "", "8.5"]
    assert read_names(pa.array([7, 8])).whole().tolist() == ["7", "8"]
    assert read_names(pa.array([' A"', '="005930"', "005930"]).dictionary_encode()).whole().tolist() == ['A"', "005930", "005930"]


def test_sides_that_are_not_understood_are_told_by_row():
    column = pa.array(["buy"] * 10 + ["sell"] * 10 + ["?"]).dictionary_encode()
    found = read_side_column(column, FILLS, np.ones(21, dtype=bool))
    assert found.values.tolist() == [1] * 10 + [-1] * 10 + [0]
    assert list(found.unread) == [20]
