"""What a command is told of files reaches the reader, and what the reader has to say reaches the terminal."""

import json

import pytest
from typer.testing import CliRunner

from exec_algos.cli import app
from exec_algos.cli.reading import OPTIONS

ROWS = [("12,5", "12,75", "12,25", "12,5", "12.707"), ("12,5", "12,5", "12,25", "12,5", "1.002")]
GERMAN = "Wann;Erster;Hoch;Tief;Ende;Stück\n" + "".join(f"0{at + 1}/02/2024 09:30;{';'.join(row)}\n" for at, row in enumerate(ROWS))
TOLD = [
    "--columns", "timestamp=Wann,close=Ende,volume=Stück", "--encoding", "cp1252", "--date-format", "%d/%m/%Y %H:%M", "--step", "1min",
    "--zone", "Europe/Berlin", "--label", "start",
]  # fmt: skip


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def bars(tmp_path):
    path = tmp_path / "bars" / "DBK.csv"
    path.parent.mkdir()
    path.write_bytes(GERMAN.encode("cp1252"))
    (path.parent / "README.txt").write_text("Bought in May.\n")
    return path.parent


def test_data_check_reads_what_it_is_told_to_and_names_what_it_passed_over(bars):
    said = run("data", "check", bars, *TOLD, "--json")
    record = json.loads(said.stdout)
    assert (record["symbols"][0]["symbol"], record["symbols"][0]["bars"]) == ("DBK", 2)
    assert record["notes"] == ["passed over 1 file: README.txt (no column 'Wann' for timestamp)"]
    assert record["notes"][0] in run("data", "check", bars, *TOLD).stdout


@pytest.mark.parametrize(
    ("left_out", "complaint"),
    [("--columns", "no column close, volume"), ("--encoding", "name it: encoding="), ("--date-format", "the day or the month first")],
)
def test_each_option_is_needed(bars, left_out, complaint):
    at = TOLD.index(left_out)
    said = run("data", "check", bars / "DBK.csv", *TOLD[:at], *TOLD[at + 2 :])
    assert (said.exit_code, complaint in said.stderr) == (2, True)
    assert said.stderr.count("\n") == 1


def test_import_scales_prices_and_reads_decimals_as_told(tmp_path):
    (tmp_path / "A.csv").write_text(
        "2024-01-16 09:30;125.000;125.000;125.000;125.000;1.000\n2024-01-16 09:31;125.000;125.000;125.000;125.000;7\n"
    )
    told = ["--zone", "UTC", "--label", "start", "--no-header", "--columns", "timestamp,open,high,low,close,volume"]
    asked = run("data", "import", tmp_path / "A.csv", "--to", tmp_path / "store", *told)
    assert "may be thousands or have decimals" in asked.stderr
    done = run("data", "import", tmp_path / "A.csv", "--to", tmp_path / "store", *told, "--decimal", ",", "--price-scale", "0.01")
    assert done.stdout == f"2 bars of 1 symbol in {tmp_path / 'store'}\n"
    from exec_algos.market.store import BarStore

    bars = BarStore(tmp_path / "store").read()
    assert (bars.open.tolist(), bars.volume.tolist()) == ([1250, 1250], [1000, 7])


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        (("--decimal", ";"), "decimal must be '.' or ','"),
        (("--price-scale", "0"), "price_scale must be a number above zero"),
        (("--columns", "opne=Erster"), "did you mean open"),
        (("--columns", "timestamp,open"), "header=False"),
        (("--encoding", "korean9"), "unknown encoding"),
        (("--format", "metatrade"), "did you mean metatrader"),
    ],
)
@pytest.mark.parametrize("command", [("data", "check"), ("study",), ("estimate",)])
def test_what_cannot_be_is_said_in_one_line(bars, command, told, complaint):
    said = run(*command, bars / "DBK.csv", *told)
    assert said.exit_code == 2
    assert complaint in said.stderr
    assert said.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [("data", "check"), ("data", "import"), ("study",), ("estimate",)])
def test_every_command_that_reads_bars_has_every_option(command):
    shown = run(*command, "--help").stdout
    for name in OPTIONS:
        assert f"--{name.replace('_', '-')}" in shown, name


def test_prices_below_zero_are_read_where_that_is_said(tmp_path):
    (tmp_path / "CL.csv").write_text(
        "timestamp,open,high,low,close,volume\n2020-04-20 14:08,-37,-36,-40,-37.63,5\n2020-04-20 14:09,-37,2,-38,1,5\n"
    )
    told = ["--zone", "America/New_York", "--label", "start"]
    assert "allow_negative" in run("data", "check", tmp_path / "CL.csv", *told).stderr
    assert "CL" in run("data", "check", tmp_path / "CL.csv", *told, "--allow-negative").stdout
