"""Files of orders as systems and spreadsheets write them: the same table, or refused by the line that an editor shows."""

from __future__ import annotations

import csv
import gzip
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.errors import UsageError
from exec_algos.studies.design.written.files import SEPARATOR, read_orders, table_of
from exec_algos.studies.design.written.form import OrderForm

HEAD = ["order_id", "symbol", "side", "quantity", "start", "end", "trader"]
ROW = ["1", "005930", "매수", "1,000", "2024-01-16 10:00", "2024-01-16 11:00", "김철수"]
FORM = OrderForm()


def written(rows, separator=",", end="\n"):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_every_separator_line_end_and_encoding_gives_the_same_table(tmp_path, encoding, end, separator, pack):
    (tmp_path / "orders.csv").write_bytes(pack(written([HEAD, ROW], separator, end).encode(encoding)))
    frame = read_orders(tmp_path / "orders.csv")
    assert (list(frame.columns), frame.to_numpy().tolist()) == (HEAD, [ROW])
    assert frame.attrs[SEPARATOR] == separator


def test_a_separator_is_told_by_the_names_it_makes_not_by_its_number():
    text = "symbol;side;quantity;start;end;note (a, b, c, d, e, f)\nA;B;1;x;y;z\n"
    assert table_of(text, FORM).columns.tolist() == ["symbol", "side", "quantity", "start", "end", "note (a, b, c, d, e, f)"]
    text = "A,b,c,d,e,f;Wert;Ende;Beginn;Zahl\n1;2;3;4;5\n"
    form = OrderForm(columns="symbol=Wert,start=Beginn,end=Ende,quantity=Zahl")
    assert len(table_of(text, form).columns) == 5


def test_the_line_that_tells_a_spreadsheet_the_separator_is_no_column_name():
    frame = table_of(f"sep=;\n{written([HEAD, ROW], ';')}", FORM)
    assert (list(frame.columns), frame.index.tolist()) == (HEAD, [1])


def test_cells_of_a_spreadsheet_are_texts():
    frame = table_of(written([HEAD, ["'=1", '="005930"', "'B", "", "''-x", "a\nb", "'"]]), FORM)
    assert frame.iloc[0].tolist() == ["=1", '="005930"', "'B", "", "'-x", "a\nb", "'"]


def test_a_blank_before_a_quote_is_no_part_of_the_cell_and_columns_without_a_name_are_left_alone():
    frame = table_of('symbol, side, quantity,,\nA, B, "1,000",,\n', FORM)
    assert frame.iloc[0].tolist() == ["A", "B", "1,000", "", ""]


def test_blank_rows_count_and_are_left_out():
    text = "\n ,,\nsymbol,side,quantity\n\n1,2,3\n,,\n   \n4,5,6\n7,8\n"
    frame = table_of(text, FORM)
    assert frame.index.tolist() == [2, 5, 6]
    assert frame.to_numpy().tolist() == [["1", "2", "3"], ["4", "5", "6"], ["7", "8", ""]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("\n\n , ,\n", "the file is empty"),
        ("a,b\n1,2\n\n3,4,5\n", "line 4: the rows have more values than there are column names (3, not 2)"),
        ('a,b\n"1\n\n2",3\n4,5,6\n', "line 5: the rows"),
        ("sep=,\na,b\n1,2,3\n", "line 3: the rows"),
        ('a,b\n1,2\n"3,4\n5,6\n', "line 3 is no row of a table (unexpected end of data); is there a quote without an end?"),
        ('a,b\n1,"2"x\n', "line 2 is no row of a table"),
        (f"a,b\n1,{'x' * 200_000}\n", "line 2 is no row of a table (field larger than field limit"),
    ],
)
def test_what_is_no_table_is_refused_by_the_line_that_an_editor_shows(text, said):
    with pytest.raises(UsageError) as refused:
        table_of(text, FORM)
    assert said in str(refused.value)


cells = st.text(st.sampled_from("ab1,;\"' \n=-é매"), max_size=5)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), max_size=6), st.sampled_from(",;\t"))
def test_what_a_csv_writer_wrote_is_read_again(rows, separator):
    frame = table_of(written([["symbol", "side", "quantity"], *rows], separator), FORM)
    kept = [row for row in rows if any(cell.strip() for cell in row)]
    # a blank in front of a cell that needs no quotes is none of its text
    bare = [[cell if set(cell) & {separator, '"', "\n", "\r"} else cell.lstrip(" ") for cell in row] for row in kept]
    guard = [[cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(("=", "-", "\n")) else cell for cell in row] for row in bare]
    assert frame.to_numpy().tolist() == guard


@given(st.text(max_size=60))
def test_any_text_is_a_table_or_refused(text):
    with suppress(UsageError):
        assert len(table_of(text, FORM).columns) > 0
