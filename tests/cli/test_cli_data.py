import subprocess
import sys
import zipfile

import pandas as pd
import pytest
from typer.testing import CliRunner

from exec_algos.cli.data import data_app
from exec_algos.market.store import BarStore

ROWS = "2024-01-02 09:30:00,10,12,9,11,5\n2024-01-02 09:31:00,10,12,9,11,6\n2024-01-02 09:32:00,10,8,9,11,7\n"
TOLD = ["--zone", "Asia/Seoul", "--label", "start"]


def run(*arguments):
    return CliRunner().invoke(data_app, [str(argument) for argument in arguments])


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "005930.csv"
    path.write_text("timestamp,open,high,low,close,volume\n" + ROWS.replace("10,8,9", "10,12,9"))
    return path


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "000660.csv"
    path.write_text("timestamp,open,high,low,close,volume\n" + ROWS)
    return path


def test_import_keeps_what_check_finds_good(good, tmp_path):
    store = tmp_path / "store"
    result = run("import", good, "--to", store, *TOLD)
    assert (result.exit_code, result.output) == (0, f"3 bars of 1 symbols in {store}\n")
    assert BarStore(store).symbols == ("005930",)
    for command in ("check", "info"):
        output = run(command, store).output
        for word in ("005930", "2024-01-02 09:30:00", "2024-01-02 09:32:00", "60 s", "Asia/Seoul"):
            assert word in output


def test_bad_input_is_one_line_on_stderr_and_exit_code_2(bad, tmp_path):
    line = f"error: {bad}, row 3: 000660: high 8.0 is below low 9.0; fix it or pass on_bad='drop' or 'repair'\n"
    for arguments in (("check", bad), ("import", bad, "--to", tmp_path / "store")):
        result = run(*arguments, *TOLD)
        assert (result.exit_code, result.stderr, result.stdout) == (2, line, "")
    assert not (tmp_path / "store").exists()


def test_with_on_bad_every_row_touched_is_listed(bad, tmp_path):
    touched = f"{bad}, row 3: 000660: high 8.0 is below low 9.0: dropped\n"
    assert touched in run("check", bad, *TOLD, "--on-bad", "drop").stdout
    result = run("import", bad, "--to", tmp_path / "store", *TOLD, "--on-bad", "repair")
    assert result.stdout == touched + f"2 bars of 1 symbols in {tmp_path / 'store'}\n"


def test_a_long_list_of_rows_is_cut_with_a_count(tmp_path):
    times = pd.date_range("2024-01-02", periods=203, freq="1min", tz="UTC", name="timestamp")
    table = pd.DataFrame({"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": [-1.0] * 200 + [1.0] * 3}, index=times)
    table.to_parquet(tmp_path / "A.parquet")
    lines = run("check", tmp_path, "--on-bad", "drop").stdout.splitlines()
    assert lines[-1] == "and 100 more rows"


def test_check_counts_quotes_only_and_vwap_out_of_range(tmp_path):
    times = pd.date_range("2024-01-02", periods=4, freq="1min", tz="UTC", name="timestamp")
    table = pd.DataFrame(
        {"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0, "bid": 1.0, "vwap": [1.0, 2.0, 3.0, 1.0]}, index=times
    )
    table.loc[times[3], ["open", "high", "low", "close", "volume"]] = None
    table.to_parquet(tmp_path / "A.parquet")
    row = next(line for line in run("check", tmp_path).stdout.splitlines() if line.startswith("│ A"))
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "A", "3", "2024-01-02 00:00:00", "2024-01-02 00:02:00", "60 s", "UTC", "1", "2", "0",
    ]  # fmt: skip


def test_check_says_which_contract_is_only_quoted(tmp_path):
    folder = tmp_path / "future/cme/minute/es"
    folder.mkdir(parents=True)
    for kind, month, text in (("trade", "201312", "0,10,12,9,11,19\n"), ("quote", "201403", "0,10,12,9,11,1,10,12,9,11,1\n")):
        with zipfile.ZipFile(folder / f"20131007_{kind}.zip", "w") as archive:
            archive.writestr(f"20131007_es_minute_{kind}_{month}.csv", text)
    assert run("check", tmp_path).stdout.splitlines()[-1] == "ESH14: 1 minutes of quotes and no trade: no bar"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--zone", "Asia/Soul", "--label", "start"), "unknown zone 'Asia/Soul': did you mean Asia/Seoul"),
        (("--zone", "Asia/Seoul"), "pass label='start' or label='end'"),
        (("--format", "cvs"), "unknown format 'cvs': did you mean csv"),
        ((*TOLD, "--on-bad", "dorp"), "unknown on_bad 'dorp': did you mean drop"),
        ((*TOLD, "--step", "soon"), "step 'soon' is no length of time"),
        ((*TOLD, "--step", "300000000000"), "a bar is 300 s long"),
    ],
)
def test_every_mistake_says_what_to_pass(good, arguments, words):
    result = run("check", good, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_is_not_there_is_an_error(tmp_path):
    result = run("info", tmp_path / "absent")
    assert (result.exit_code, result.stderr) == (2, f"error: {tmp_path / 'absent'}: no such file or folder\n")


def test_the_commands_load_nothing_heavy_until_they_run():
    code = "import sys, exec_algos.cli.data; print({'pandas', 'numba', 'pyarrow', 'numpy', 'rich.table'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.market_data
def test_the_real_folders_are_imported_as_they_lie(market_data, tmp_path):
    result = run(
        "import", market_data / "krx_yahoo_5m", market_data / "raw/yahoo/396500_KS_5m.csv", "--to", tmp_path, "--zone", "Asia/Seoul"
    )
    assert result.exit_code == 2
    assert "bars of the same time" in result.stderr
    assert run("import", market_data / "krx_yahoo_5m", "--to", tmp_path).stdout == f"6703 bars of 6 symbols in {tmp_path}\n"
    assert "000270" in run("info", tmp_path).stdout
