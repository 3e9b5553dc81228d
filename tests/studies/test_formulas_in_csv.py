"""A CSV that people open: text that a spreadsheet would take for a formula is text there, and what it was when it is read again."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markets import DAYS, market, study_of

from exec_algos.market.store import BarStore
from exec_algos.reports import write_report
from exec_algos.studies.saved import load_result, rerun
from exec_algos.studies.shards.desk import DeskOrders
from exec_algos.studies.shards.study import Grid, ShardedStudy
from exec_algos.textform import csv_text, guarded, unguarded

STARTS = ("=", "+", "-", "@", "\t", "\r")
EVIL = '=HYPERLINK("http://x","A")'
TERMS = {"calendar": "XNYS", "size": "10", "profile_days": 1}


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+A", "'+A"),
        ("-A", "'-A"),
        ("@A", "'@A"),
        ("\tA", "'\tA"),
        ("\rA", "'\rA"),
        ("＝A", "'＝A"),
        ("'=A", "''=A"),
        ("-1", "'-1"),  # text, though it looks like a number
        ("'A", "'A"),
        ("A=1", "A=1"),
        ("", ""),
        (-1, -1),
        (-1.5, -1.5),
        (None, None),
    ],
)
def test_only_text_that_begins_like_a_formula_gets_an_apostrophe(cell, written):
    assert guarded(cell) == written
    assert unguarded(guarded(cell)) == cell


@given(st.text(alphabet=st.one_of(st.sampled_from("'=+-@\t\rA,\"\n"), st.characters())))
def test_what_was_written_is_read_again_and_no_text_is_a_formula(text):
    written = guarded(text)
    assert not written.startswith(STARTS)
    assert unguarded(written) == text
    assert unguarded(guarded(guarded(text))) == guarded(text)


def test_a_table_guards_text_names_and_labels_and_leaves_numbers():
    frame = pd.DataFrame(
        {"=a": ["@x", "y"], "n": [-1, 2], "f": [-0.5, float("nan")], "c": pd.Categorical(["-k", "l"])},
        index=pd.Index(["+i", "j"], name="-n"),
    )
    assert csv_text(frame) == "'-n,'=a,n,f,c\n'+i,'@x,-1,-0.5,'-k\nj,y,2,,l\n" or csv_text(frame).splitlines()[1:] == [
        "'+i,'@x,-1,-0.5,'-k",
        "j,y,2,,l",
    ]
    assert csv_text(frame.reset_index(drop=True), index=False) == "'=a,n,f,c\n'@x,-1,-0.5,'-k\ny,2,,l\n"


def test_a_table_without_such_text_is_what_pandas_writes():
    frame = study_of(market(8, ("A", "B")), ["twap", "vwap:profile_days=1"], **TERMS).run().summary(by=("algorithm", "side"))
    assert csv_text(frame) == frame.to_csv()
    assert csv_text(frame.reset_index(), index=False) == frame.reset_index().to_csv(index=False)


def formulas(folder):
    """Cells of all CSVs of a folder that a spreadsheet would work out; numbers are none."""
    found = []
    for path in sorted(folder.glob("*.csv")):
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8"))):
            found += [(path.name, cell) for cell in row if cell.startswith(STARTS) and not is_number(cell)]
    return found


def is_number(cell):
    try:
        return bool(float(cell)) or True
    except ValueError:
        return False


def named(seed=8):
    frame = market(seed, ("A", "B"), missing=0.0).to_frame().reset_index()
    frame["symbol"] = frame["symbol"].replace({"A": EVIL})
    from exec_algos import Bars

    return Bars.from_frame(frame, zone="America/New_York", label="start")


def test_a_saved_study_is_read_again_with_its_symbols(tmp_path):
    bars = named()
    result = study_of(bars, ["twap", "vwap:profile_days=1"], **TERMS).run()
    result.save(tmp_path)
    write_report(result, tmp_path)
    assert formulas(tmp_path) == []
    assert f"'{EVIL}" in next(csv.reader(io.StringIO((tmp_path / "skipped.csv").read_text().split("\n", 1)[1])))
    assert EVIL in load_result(tmp_path, bars).skipped["symbol"].tolist()
    rerun(tmp_path, bars).save(tmp_path / "again")
    assert (tmp_path / "skipped.csv").read_bytes() == (tmp_path / "again" / "skipped.csv").read_bytes()


def test_a_study_in_shards_is_read_again_with_its_symbols_and_refused_values(tmp_path):
    BarStore(tmp_path / "bars").write(named())
    study = ShardedStudy(store=str(tmp_path / "bars"), parents=Grid(**TERMS), algorithms=["twap", "vwap:profile_days=1"])
    result = study.run(tmp_path / "out")
    assert formulas(tmp_path / "out") == []
    assert EVIL in {skip.symbol for skip in result.skipped}
    assert result.summary(by=("algorithm", "side")).index.get_level_values("algorithm").tolist() == ["twap", "vwap:profile_days=1"]


def test_values_of_refused_orders_are_guarded_and_read_again(tmp_path):
    BarStore(tmp_path / "bars").write(named())
    day = {"start": f"{DAYS[3]} 10:00", "end": f"{DAYS[3]} 12:00"}
    rows = [
        {"symbol": EVIL, "side": "buy", "quantity": 10, **day, "=trader": "-ann"},
        {"symbol": "-2+5", "side": "buy", "quantity": "+x", **day, "=trader": "x"},
        {"symbol": EVIL, "side": "buy", "quantity": 5, **day, "=trader": "'bob"},
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "desk.csv", index=False)
    orders = DeskOrders(source=str(tmp_path / "desk.csv"), calendar="XNYS", profile_days=1, keep=["=trader"])
    result = ShardedStudy(store=str(tmp_path / "bars"), parents=orders, algorithms=["twap"]).run(tmp_path / "out")
    assert formulas(tmp_path / "out") == []
    assert next(row.value for row in result.refused).startswith(("=", "-", "+"))
    assert result.table()["symbol"].tolist() == [EVIL, EVIL]
    assert result.table()["=trader"].tolist() == ["-ann", "'bob"]
    assert formulas(tmp_path / "out" / "orders") == []
    again = ShardedStudy.of_folder(tmp_path / "out").run(tmp_path / "out")
    assert (again.made, again.refused) == (0, result.refused)


def test_a_guarded_file_of_orders_is_read_as_the_texts_it_was_made_of(tmp_path):
    from exec_algos import ParentOrders

    day = {"side": "buy", "quantity": "10", "start": f"{DAYS[3]} 10:00", "end": f"{DAYS[3]} 12:00"}
    frame = pd.DataFrame([{"symbol": EVIL, **day, "order_id": "-7"}, {"symbol": "B", **day, "order_id": "'8"}])
    (tmp_path / "desk.csv").write_text(csv_text(frame, index=False))
    found = ParentOrders.from_csv(tmp_path / "desk.csv", named(), calendar="XNYS")
    assert (found.columns["order_id"].tolist(), len(found), found.refused) == (["-7", "'8"], 2, ())
