"""A desk's own orders on the command line: how a file is written is said by options, and what was made of it is printed."""

import json

import pandas as pd
import pytest
from markets import DAYS, market
from typer.testing import CliRunner

from exec_algos.cli import app
from exec_algos.cli.orders import orders_said, shared
from exec_algos.errors import UsageError
from exec_algos.market.store import BarStore

DAY = DAYS[2]
GERMAN = (
    "Wert;Seite;Zahl;Beginn;Ende\n"
    f"AAA;01;1.000;{DAY[8:]}.{DAY[5:7]}.{DAY[:4]} 10:00;{DAY[8:]}.{DAY[5:7]}.{DAY[:4]} 12:00\n"
    f"AAA;02;500;{DAY[8:]}.{DAY[5:7]}.{DAY[:4]} 08:00;{DAY[8:]}.{DAY[5:7]}.{DAY[:4]} 12:00\n"
)
COLUMNS = "symbol=Wert,side=Seite,quantity=Zahl,start=Beginn,end=Ende"
SAID = ("--order-columns", COLUMNS, "--sides", "01=sell,02=buy", "--order-decimal", ",", "--order-date-format", "day-first")


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    BarStore(folder).write(market(3, ("AAA", "BBB"), missing=0.0))
    return folder


@pytest.fixture
def german(tmp_path):
    (tmp_path / "desk.csv").write_bytes(GERMAN.encode("utf-16"))
    return tmp_path / "desk.csv"


def study(store, orders, out, *words):
    return invoke("study", store, "--calendar", "XNYS", "--algo", "twap", "--orders", orders, "--out", out, *words)


def test_what_is_said_of_a_file_is_used_and_what_was_made_of_it_is_printed(store, german, tmp_path):
    run = study(store, german, tmp_path / "out", *SAID)
    assert (run.exit_code, run.stderr) == (0, "")
    parents = pd.read_parquet(tmp_path / "out" / "parents.parquet")
    assert parents[["side", "quantity"]].to_numpy().tolist() == [["BUY", 500], ["SELL", 1000]]
    clipped = f"clipped: 1 order to the session (1 x begins before the open); row by row in {tmp_path / 'out'}/clipped.csv"
    assert "orders: 2 given, 2 worked, none refused" in run.stdout
    assert clipped in run.stdout
    assert "orders read: columns: symbol is 'Wert', side is 'Seite', quantity is 'Zahl', start is 'Beginn', end is 'Ende'" in run.stdout
    listed = (tmp_path / "out" / "clipped.csv").read_text().splitlines()
    assert listed[1].startswith("2,26.11.2025 08:00 to 26.11.2025 12:00,begins before the open: clipped to 2025-11-26 09:30:00 to")
    # of a study without orders nothing is left
    assert (
        invoke(
            "study", store, "--calendar", "XNYS", "--algo", "twap", "--profile-days", 1, "--size", 5, "--out", tmp_path / "out"
        ).exit_code
        == 0
    )
    assert not (tmp_path / "out" / "clipped.csv").exists()


def test_the_same_in_shards_and_when_they_go_on(store, german, tmp_path):
    words = ("study", store, "--calendar", "XNYS", "--algo", "twap", "--orders", german, "--resume", tmp_path / "out")
    run = invoke(*words, *SAID)
    assert (run.exit_code, run.stderr) == (0, "")
    assert "clipped: 1 order to the session" in run.stdout
    assert "orders read: columns: symbol is 'Wert'" in run.stdout
    again = invoke("study", "--resume", tmp_path / "out", "--json")
    found = json.loads(again.stdout)
    assert [row["row"] for row in found["clipped"]] == [2]
    assert found["shards"] == {"made": 0, "kept": 1}
    other = invoke(*words, *SAID[:-4], "--order-date-format", "day-first", "--order-decimal", ".")
    assert (other.exit_code, other.stdout) == (2, "")


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (0, "orders need the columns symbol, side, quantity, start, end; missing: symbol, side, quantity, start, end"),
        (
            2,
            "the column 'side' is not understood: 2 of 2 rows ('01' 1 x, '02' 1 x); say what they mean: sides={...} (--sides",
        ),
        (4, "either 1000 or 1; say which mark is the decimal one"),
        (6, "date_format='day-first' or 'month-first' (--date-format)"),
    ],
)
def test_what_is_not_said_is_asked_for(store, german, tmp_path, left_out, said):
    run = study(store, german, tmp_path / "out", *SAID[:left_out], *SAID[left_out + 2 :])
    assert run.exit_code in {1, 2}
    assert said in " ".join((run.stdout + run.stderr).split())


def test_json_lists_what_was_clipped(store, german, tmp_path):
    found = json.loads(study(store, german, tmp_path / "out", *SAID, "--json").stdout)
    assert [row["row"] for row in found["clipped"]] == [2]
    assert found["config"]["parents"]["orders_clipped"] == 1


@pytest.mark.parametrize("words", [SAID[:2], SAID[2:4], SAID[4:6], SAID[6:], ("--order-encoding", "cp949")])
def test_without_a_file_of_orders_there_is_nothing_to_say_of_it(store, tmp_path, words):
    run = invoke("study", store, "--calendar", "XNYS", "--out", tmp_path, *words)
    assert (run.exit_code, run.stdout) == (2, "")
    assert "say how a file of orders is written; name it: --orders FILE" in run.stderr


def options(**said):
    plain = {"bars": ["bars.csv"], "orders": None, "keep": "", "resume": None, "sides_meant": None}
    return {**plain, **{f"order_{name}": None for name in ("columns", "decimal", "date_format", "encoding")}, **said}


UNSAID = {"columns": "", "decimal": None, "date_format": None, "encoding": None}


def test_what_is_said_of_text_holds_for_the_orders_too_where_they_say_nothing(tmp_path):
    (tmp_path / "utf8.csv").write_text("trader\n김\n")
    (tmp_path / "cp949.csv").write_bytes("trader\n김\n".encode("cp949"))
    said = {"columns": "", "decimal": ",", "date_format": "%d.%m.%Y", "encoding": "cp949"}
    for name, encoding in (("cp949", "cp949"), ("utf8", None)):
        given, left = options(orders=tmp_path / f"{name}.csv"), dict(said)
        shared(given, left)
        found = orders_said(given)
        assert (found["form"].decimal, found["form"].date_format, found["encoding"], left) == (",", "%d.%m.%Y", encoding, said)
    own = {"order_decimal": ".", "order_date_format": "year-first", "order_encoding": "utf-8"}
    given = options(orders=tmp_path / "utf8.csv", **own)
    shared(given, dict(said))
    assert {name: given[name] for name in own} == own
    given = options()
    shared(given, dict(said))
    assert orders_said(given) == {"keep": ""}
    with pytest.raises(UsageError, match="decimal say how"):
        orders_said(options(order_decimal=","))


@pytest.mark.parametrize(
    ("columns", "orders", "bars"),
    [
        ("symbol=A,quantity=B", "symbol=A,quantity=B", ""),
        ("open=A,symbol=B", None, "open=A,symbol=B"),
        ("symbol=A", None, "symbol=A"),
        ("timestamp,open,high,low,close,volume", None, "timestamp,open,high,low,close,volume"),
        ("start=A, of us", "start=A, of us", ""),
    ],
)
def test_of_columns_the_orders_take_their_fields(tmp_path, columns, orders, bars):
    (tmp_path / "desk.csv").write_text("x\n")
    given, said = options(orders=tmp_path / "desk.csv"), {**UNSAID, "columns": columns}
    shared(given, said)
    assert (given["order_columns"], said["columns"]) == (orders, bars)


def test_columns_of_both_have_to_be_told_apart(tmp_path):
    (tmp_path / "desk.csv").write_text("x\n")
    with pytest.raises(UsageError, match="say those of the orders by --order-columns"):
        shared(options(orders=tmp_path / "desk.csv"), {**UNSAID, "columns": "close=A,quantity=B"})


def test_beside_a_store_all_that_is_said_of_text_is_of_the_orders(store, german, tmp_path):
    words = ("--columns", COLUMNS, "--sides", "01=sell,02=buy", "--decimal", ",", "--date-format", "day-first")
    run = study(store, german, tmp_path / "out", *words)
    assert (run.exit_code, run.stderr) == (0, "")
    assert "orders: 2 given, 2 worked, none refused" in run.stdout
    sharded = invoke("study", store, "--calendar", "XNYS", "--algo", "twap", "--orders", german, "--resume", tmp_path / "sharded", *words)
    assert (sharded.exit_code, sharded.stderr) == (0, "")
    assert "orders: 2 given, 2 worked, none refused" in sharded.stdout
    alone = invoke("study", store, "--calendar", "XNYS", "--algo", "twap", "--decimal", ",", "--out", tmp_path / "out")
    assert (alone.exit_code, alone.stdout) == (2, "")
    assert "leave out decimal" in alone.stderr


def test_short_history_says_how_many_orders_it_costs_and_which_option_saves_them(store, tmp_path):
    rows = [f"AAA,{side},5,{day} 10:00,{day} 12:00\n" for day in DAYS for side in ("B", "S")]
    (tmp_path / "desk.csv").write_text("symbol,side,quantity,start,end\n" + "".join(rows))
    for days, worked in ((4, 2), (2, 6), (1, 8)):
        run = study(store, tmp_path / "desk.csv", tmp_path / "out", "--algo", "twap,vwap", "--profile-days", days)
        assert f"orders: 10 given, {worked} worked" in run.stdout
        if days == 4:
            assert "history: 8 of 10 orders are left out, for 4 earlier sessions with data are needed" in run.stdout
            assert "; --profile-days 2 would work 6, 1 would work 8" in run.stdout
