import json
import subprocess
import sys
import zipfile

import numpy as np
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
    assert (result.exit_code, result.output) == (0, f"3 bars of 1 symbol in {store}\n")
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
    assert result.stdout == touched + f"2 bars of 1 symbol in {tmp_path / 'store'}\n"


def test_a_long_list_of_rows_is_cut_with_a_count(tmp_path):
    times = pd.date_range("2024-01-02", periods=203, freq="1min", tz="UTC", name="timestamp")
    table = pd.DataFrame({"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": [-1.0] * 200 + [1.0] * 3}, index=times)
    table.to_parquet(tmp_path / "A.parquet")
    lines = run("check", tmp_path, "--on-bad", "drop").stdout.splitlines()
    assert "and 100 more rows" in lines


def test_check_counts_quotes_only_and_vwap_out_of_range(tmp_path):
    times = pd.date_range("2024-01-02", periods=4, freq="1min", tz="UTC", name="timestamp")
    table = pd.DataFrame(
        {"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0, "bid": 1.0, "vwap": [1.0, 2.0, 3.0, 1.0]}, index=times
    )
    table.loc[times[3], ["open", "high", "low", "close", "volume"]] = None
    table.to_parquet(tmp_path / "A.parquet")
    row = next(line for line in run("check", tmp_path).stdout.splitlines() if line.startswith("│ A"))
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "A", "3", "2024-01-02 00:00:00", "2024-01-02 00:02:00", "60 s", "UTC", "1", "2", "0", "1", "0", "0",
    ]  # fmt: skip


def test_check_says_which_contract_is_only_quoted(tmp_path):
    folder = tmp_path / "future/cme/minute/es"
    folder.mkdir(parents=True)
    for kind, month, text in (("trade", "201312", "0,10,12,9,11,19\n"), ("quote", "201403", "0,10,12,9,11,1,10,12,9,11,1\n")):
        with zipfile.ZipFile(folder / f"20131007_{kind}.zip", "w") as archive:
            archive.writestr(f"20131007_es_minute_{kind}_{month}.csv", text)
    assert "ESH14: 1 minutes of quotes and no trade: no bar" in run("check", tmp_path).stdout.splitlines()


@pytest.fixture(scope="module")
def days():
    """Nine sessions of New York, 390 minutes each: 1,000 shares a minute at 100."""
    stamps = [
        stamp
        for day in ("02", "03", "04", "05", "08", "09", "10", "11", "12")
        for stamp in pd.date_range(f"2024-01-{day} 09:30", periods=390, freq="1min", tz="America/New_York")
    ]
    wave = 100 + 0.1 * np.sin(np.arange(len(stamps)))
    frame = pd.DataFrame({"timestamp": stamps, "open": wave, "high": wave + 0.2, "low": wave - 0.2, "close": wave})
    return frame.assign(volume=1000.0 + np.repeat(np.arange(9), 390) + 10 * (np.arange(3510) % 2))


def csv_of(frame, path):
    frame.to_csv(path, index=False)
    return path


STAMPED = ("--zone", "America/New_York", "--label", "start")


def test_a_calm_file_is_said_to_be_calm(days, tmp_path):
    result = run("check", csv_of(days, tmp_path / "AAA.csv"), *STAMPED, "--calendar", "XNYS")
    line = "1 symbol, each session against its neighbours (the sessions of XNYS): nothing beyond the limits"
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, line)


def test_minutes_without_volume_at_each_open_are_counted(days, tmp_path):
    first = days["timestamp"].dt.strftime("%H:%M") == "09:30"
    path = csv_of(days.assign(volume=days["volume"].where(~first, 0)), tmp_path / "AAA.csv")
    result = run("check", path, *STAMPED)
    assert result.exit_code == 1
    said = "always the first (09:30), in 9 of 9 sessions; of the other minutes 0.0% without volume"
    assert f"AAA: the first minute without volume: {said}" in result.stdout.splitlines()
    assert run("check", path, *STAMPED, "--limits", "first=1").exit_code == 0


def test_a_split_is_named_and_json_lists_all(days, tmp_path):
    later = days["timestamp"] >= pd.Timestamp("2024-01-08", tz="America/New_York")
    prices = ["open", "high", "low", "close"]
    frame = days.assign(volume=days["volume"].where(~later, days["volume"] * 10))
    frame[prices] = frame[prices].where(~later, frame[prices] / 10)
    path = csv_of(frame, tmp_path / "AAA.csv")
    result = run("check", path, *STAMPED, "--calendar", "XNYS")
    assert result.exit_code == 1
    assert "AAA: suspected split: 2024-01-08: 10:1 (price x" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("1 finding in 1 of 1 symbol (the sessions of XNYS); --json lists them")
    told = json.loads(run("check", path, *STAMPED, "--json").stdout)
    assert [(row["symbol"], row["session"], row["kind"], row["value"]) for row in told["findings"]] == [
        ("AAA", "2024-01-08", "split", 10.0)
    ]
    assert told["symbols"][0]["bars"] == 3510
    assert (told["symbols"][0]["sessions"], told["symbols"][0]["missing"], told["limits"]["volume"]) == (9, 0, 4.0)


def test_days_that_differ_from_the_calendar_need_one(days, tmp_path):
    frame = days[days["timestamp"].dt.day != 4].assign(timestamp=lambda table: table["timestamp"].where(table["timestamp"].dt.day != 12))
    frame.loc[frame["timestamp"].isna(), "timestamp"] = pd.date_range("2024-01-13 09:30", periods=390, freq="1min", tz="America/New_York")
    path = csv_of(frame, tmp_path / "AAA.csv")
    assert run("check", path, *STAMPED).exit_code == 0
    output = run("check", path, *STAMPED, "--calendar", "XNYS").stdout
    assert "AAA: sessions without bars: 2024-01-04: no bar" in output
    assert "AAA: bars on a day without a session: 2024-01-13: 390 minutes" in output


def test_a_minute_in_two_files_is_refused_or_listed(days, tmp_path):
    csv_of(days[:800], tmp_path / "AAA_1.csv")
    csv_of(days[780:].assign(volume=lambda table: table["volume"].where(table.index != 790, 5.0)), tmp_path / "AAA_2.csv")
    told = (*STAMPED, "--symbol", "AAA")
    refused = run("check", tmp_path, *told)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "AAA: 20 bars of the same time as in" in refused.stderr
    assert "1 of them with other values; read one of the two" in refused.stderr
    result = run("check", tmp_path, *told, "--on-bad", "repair")
    assert result.exit_code == 1
    assert f"AAA: 20 bars of {tmp_path / 'AAA_1.csv'} stand in another file too, 1 of them with other values" in result.stdout.splitlines()
    csv_of(days[::2], tmp_path / "AAA_1.csv")
    csv_of(days[1::2], tmp_path / "AAA_2.csv")
    assert "AAA: bars in between those of" in run("check", tmp_path, *told).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*TOLD, "--limits", "volumes=3"), "unknown limit 'volumes': did you mean volume"),
        ((*TOLD, "--calendar", "XKRS"), "unknown calendar 'XKRS'"),
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
    raw = tmp_path / "raw" / "396500_5m.csv"
    raw.parent.mkdir()
    raw.write_bytes((market_data / "raw/yahoo/396500_KS_5m.csv").read_bytes())
    result = run("import", market_data / "krx_yahoo_5m", raw, "--to", tmp_path / "store", "--zone", "Asia/Seoul")
    assert result.exit_code == 2
    assert "bars of the same time" in result.stderr
    assert (
        run("import", market_data / "krx_yahoo_5m", "--to", tmp_path / "store").stdout
        == f"6,703 bars of 6 symbols in {tmp_path / 'store'}\n"
    )
    assert "000270" in run("info", tmp_path / "store").stdout
