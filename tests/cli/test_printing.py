"""What the command prints: names out of files reach the terminal as text that can be seen."""

import ast
import io
import json
import logging
from pathlib import Path
from unicodedata import category

import pandas as pd
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from markets import DAYS, market
from typer.testing import CliRunner

import exec_algos.cli
from exec_algos.cli import app, main, printing
from exec_algos.errors import UsageError
from exec_algos.textform import visible

EVIL = "A\x1b[2J\x9b31m\u202eB\u2066:smile:[red]\x07$x^{$<script>\x7f"
SHOWN = "A\\x1b[2J\\x9b31m\\u202eB\\u2066:smile:[red]\\x07$x^{$<script>\\x7f"
ORDER = {"symbol": EVIL, "side": "buy", "quantity": 10, "start": f"{DAYS[3]} 10:00", "end": f"{DAYS[3]} 12:00"}
READING = ("--zone", "America/New_York", "--label", "start")


def hidden(text):
    """What a terminal would obey, or what nobody would see, of printed text."""
    return {sign for sign in text if category(sign) in {"Cc", "Cf", "Zl", "Zp", "Cs"}} - {"\n"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("AAPL", "AAPL"),
        ("삼성전자 Δ − ¥", "삼성전자 Δ − ¥"),
        ("C:\\data", "C:\\data"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b2J\x85", "\\x9b2J\\x85"),
        ("\u202a\u202b\u202c\u202d\u202e", "\\u202a\\u202b\\u202c\\u202d\\u202e"),
        ("\u2066\u2067\u2068\u2069\u200f\u061c", "\\u2066\\u2067\\u2068\\u2069\\u200f\\u061c"),
        ("\u200b\ufeff\u2028\u2029", "\\u200b\\ufeff\\u2028\\u2029"),
        ("\udcff.csv", "\\udcff.csv"),  # a file name that is no UTF-8
        ("\U000e0041", "\\U000e0041"),  # a tag: a letter that is not shown
    ],
)
def test_what_cannot_be_seen_is_its_escape_and_the_rest_stays(text, shown):
    assert visible(text) == shown


@given(st.text())
def test_nothing_hidden_is_left_and_nothing_seen_is_changed(text):
    assert not hidden(visible(text).replace("\n", "\x00"))
    assert "".join(sign for sign in text if not hidden(sign) and sign != "\n") == "".join(
        piece for sign in text if len(piece := visible(sign)) == 1
    )


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_the_command_prints_in_one_place():
    files = sorted(Path(exec_algos.cli.__file__).parent.glob("*.py"))
    found = {file.name: set(calls(ast.parse(file.read_text()))) & {"print", "typer.echo", "Console", "typer.secho"} for file in files}
    assert {name: names for name, names in found.items() if names} == {"printing.py": {"print", "typer.echo"}}


@pytest.fixture
def bars(tmp_path):
    """A file with an evil name and an evil symbol."""
    frame = market(8, ("A", "B"), missing=0.0).to_frame().reset_index()
    frame["symbol"] = frame["symbol"].replace({"A": EVIL})
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "bars\x1b]0;pwned\x07\u202e.csv"
    frame.to_csv(path, index=False)
    return path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_no_command_lets_a_symbol_or_a_file_name_through(bars, tmp_path):
    study = ("--calendar", "XNYS", "--size", "10", "--profile-days", "1")
    said = {
        "check": run("data", "check", bars, *READING),
        "import": run("data", "import", bars, *READING, "--to", tmp_path / "store"),
        "info": run("data", "info", tmp_path / "store"),
        "study": run("study", bars, *READING, *study, "--by", "symbol", "--out", tmp_path / "out"),
        "shards": run("study", tmp_path / "store", *study, "--by", "symbol", "--resume", tmp_path / "shards\x1b[1m"),
        "estimate": run("estimate", bars, *READING, *study, "--preset", "us_equity"),
    }
    assert {name: (ran.exit_code, repr(ran.exception)) for name, ran in said.items() if ran.exit_code not in (0, 1)} == {}
    assert {name: hidden(ran.output) for name, ran in said.items()} == {name: set() for name in said}
    assert {name for name, ran in said.items() if SHOWN in ran.output} >= {"check", "info", "study", "shards", "estimate"}
    assert "shards\\x1b[1m" in said["shards"].output


def test_no_order_lets_its_number_or_its_values_through(bars, tmp_path):
    orders = pd.DataFrame([{**ORDER, "order_id": "7\x1b[8m", "trader": "T\u202e"}, {**ORDER, "quantity": "1\x1b[1m0", "order_id": "8"}])
    orders.to_csv(tmp_path / "desk\x1bc.csv", index=False)
    words = ("--calendar", "XNYS", "--profile-days", "1", "--orders", tmp_path / "desk\x1bc.csv", "--keep", "trader", "--by", "trader")
    ran = run("study", bars, *READING, *words, "--out", tmp_path / "out")
    assert (ran.exit_code, hidden(ran.output)) == (1, set())
    assert "T\\u202e" in ran.output
    strict = run("study", bars, *READING, *words, "--strict", "--out", tmp_path / "out")
    assert (strict.exit_code, hidden(strict.output)) == (2, set())
    assert "desk\\x1bc.csv, row 2" in strict.output


@pytest.mark.parametrize(
    ("column", "value"), [("close", "1\x1b[2J"), ("volume", "\u202e5"), ("timestamp", "2025-11-24\x1b[1A"), ("high", -1)]
)
def test_no_error_of_a_file_lets_a_value_through(bars, column, value):
    frame = pd.read_csv(bars).astype({column: object})
    frame.loc[3, column] = value
    frame.to_csv(bars, index=False)
    ran = run("data", "check", bars, *READING)
    assert (ran.exit_code, hidden(ran.output), len(ran.output.splitlines())) == (2, set(), 1)
    assert "bars\\x1b]0;pwned\\x07\\u202e.csv" in ran.output


def test_json_escapes_and_stays_json(bars, tmp_path):
    ran = run("data", "check", bars, *READING, "--json")
    assert not hidden(ran.output)
    assert EVIL in [row["symbol"] for row in json.loads(ran.output)["symbols"]]
    ran = run("study", bars, *READING, "--calendar", "XNYS", "--size", "10", "--profile-days", "1", "--json", "--out", tmp_path / "out")
    assert not hidden(ran.output)
    assert EVIL in json.loads(ran.output)["config"]["symbols"]


def test_a_table_shows_text_as_it_stands(capsys):
    from rich.table import Table

    table = Table("head\x1b[1m")
    table.add_row("a\nb")
    table.add_row("[bold]:smile:[/bold]")
    printing.console(width=60).print(table)
    said = capsys.readouterr().out
    assert not hidden(said)
    assert all(text in said for text in ("head\\x1b[1m", "a\\nb", "[bold]:smile:[/bold]"))


def test_a_progress_bar_shows_text_as_it_stands():
    from rich.progress import Progress

    out = io.StringIO()
    console = printing.console(width=80)
    console.file = out
    with Progress(console=console) as bar:
        bar.add_task(printing.described("mine:Own:x=[red]\x1b[2J"), total=1)
    assert "mine:Own:x=[red]\\x1b[2J" in out.getvalue()


def test_an_error_that_is_none_of_ours_is_shown_too(monkeypatch, capsys):
    def fails():
        raise ValueError("in \x1b[2J\u202e")

    monkeypatch.setattr(exec_algos.cli, "app", fails)
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().err
    assert left.value.code == 1
    assert not hidden(said)
    assert said.endswith("ValueError: in \\x1b[2J\\u202e\n")
    assert "test_printing.py" in said


def test_a_warning_of_the_log_is_shown_too(capsys, monkeypatch):
    monkeypatch.setattr(logging, "lastResort", logging._StderrHandler(logging.WARNING))
    printing.show_warnings()
    logger = logging.Logger("evil")
    logger.warning("%s is clipped", EVIL)
    assert capsys.readouterr().err == f"{SHOWN} is clipped\n"


def test_an_error_line_is_one_line(capsys):
    from exec_algos.cli.data import one_line_errors

    with pytest.raises(typer.Exit), one_line_errors():
        raise UsageError("first\nsecond\x1b[1A")
    assert capsys.readouterr().err == "error: first second\\x1b[1A\n"
