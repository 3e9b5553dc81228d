"""A file of the store: what was written, or refused by name; and none of an import where one of its files cannot be written."""

import io
import json
import os
import resource
import signal
import subprocess
import sys
import zlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exec_algos.errors import MarketDataError, UsageError
from exec_algos.market.bars import Bars
from exec_algos.market.files import Staged, file_system
from exec_algos.market.store import BarStore
from exec_algos.market.stored import StoredPart, bars_in, content_of, facts_in

PART = StoredPart("A", "2024-01", "bars.parquet")


def bars(symbol="A", start="2024-01-31 15:00", n=4, **columns):
    times = pd.date_range(start, periods=n, freq="5min", tz="Asia/Seoul", name="timestamp")
    rows = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": np.arange(1.0, n + 1), **columns}
    return Bars.from_frame(pd.DataFrame(rows, index=times), symbol=symbol, step="5min")


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def written_again(content, change=lambda table: table, notes=lambda notes: notes):
    """The file as another tool would write it: its own page checksums are right."""
    table = change(pq.read_table(io.BytesIO(content)))
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(notes(dict(table.schema.metadata))), sink, write_page_checksum=True)
    return sink.getvalue()


def without_checksums(notes):
    """What versions before checksums wrote."""
    facts = json.loads(notes[b"exec_algos"])
    del facts["crc32"], notes[b"exec_algos_crc32"]
    return {**notes, b"exec_algos": json.dumps(facts).encode()}


def test_every_page_has_a_checksum_that_any_reader_of_parquet_can_verify():
    content = bytearray(content_of(bars(n=50)))
    table = pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True).read()
    assert table["volume"].to_pylist() == list(range(1, 51))
    column = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0).column(5)
    content[(column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 1] ^= 1
    with pytest.raises(OSError, match="CRC checksum verification failed"):
        pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True).read()


def outcome(content):
    """The columns, or whose file is refused with what to do."""
    try:
        return {name: column.tolist() for name, column in bars_in(bytes(content), PART).columns().items()}
    except MarketDataError as error:
        return error.file, "move it away and import its month again" in str(error)


@pytest.mark.parametrize("at", [0, 30, 60, 90, 200, -200, -90, -60, -30, -5, -1])
def test_a_flipped_bit_is_refused_by_file_or_changes_nothing(at):
    content = bytearray(content_of(bars(n=50)))
    whole = outcome(content)
    content[at] ^= 4
    assert outcome(content) in (whole, ("bars.parquet", True))


def test_a_value_that_was_changed_with_all_page_checksums_right_is_refused_by_column():
    def other(table):
        close = table["close"].to_numpy().copy()
        close[2] = np.nextafter(close[2], 0)
        return table.set_column(table.schema.get_field_index("close"), "close", pa.array(close))

    with pytest.raises(MarketDataError, match=r"bars\.parquet: damaged on disk: column close is not what was written"):
        bars_in(written_again(content_of(bars()), other), PART)


@pytest.mark.parametrize("said", [b'"step": 600000000000', b'"zone": "Asia/Tokyo"'])
def test_a_step_or_zone_that_was_changed_is_refused(said):
    name = said.split(b":")[0]

    def other(notes):
        text = notes[b"exec_algos"]
        was = next(part for part in text.split(b", ") if name in part).lstrip(b"{")
        return {**notes, b"exec_algos": text.replace(was, said)}

    content = written_again(content_of(bars()), notes=other)
    for read in (lambda: bars_in(content, PART), lambda: facts_in(pq.read_schema(io.BytesIO(content)), "bars.parquet")):
        with pytest.raises(MarketDataError, match="damaged on disk: what it says of its bars"):
            read()


def test_a_checksum_that_was_taken_away_is_missed():
    content = written_again(content_of(bars()), notes=lambda notes: {key: notes[key] for key in notes if b"crc32" not in key})
    with pytest.raises(MarketDataError, match="what it says of its bars"):
        bars_in(content, PART)


def test_a_file_of_before_checksums_is_read_and_a_bar_in_it_that_cannot_be_true_is_refused_by_row():
    old = written_again(content_of(bars()), notes=without_checksums)
    assert bars_in(old, PART).close.tolist() == [11.0] * 4

    def flipped(table):
        close = table["close"].to_numpy().copy()
        close.view(np.uint64)[2] ^= np.uint64(1) << np.uint64(61)
        return table.set_column(table.schema.get_field_index("close"), "close", pa.array(close))

    with pytest.raises(
        MarketDataError, match=r"bars\.parquet, row 3: a bar that cannot be true \(open 10\.0, .*close [0-9.e+-]+, volume 3\.0\)"
    ):
        bars_in(written_again(old, flipped), PART)


def test_the_checksum_of_a_column_is_the_crc32_of_its_doubles():
    facts = facts_in(pq.read_schema(io.BytesIO(content_of(bars()))), "")
    assert facts["crc32"]["volume"] == f"{zlib.crc32(np.array([1.0, 2, 3, 4]).tobytes()):08x}"


@pytest.mark.parametrize("columns", [{"close": 13.0}, {"low": 0.0}, {"volume": [1, 2, np.nan, 4]}, {"high": np.inf}])
def test_bars_that_cannot_be_true_are_not_kept(tmp_path, columns):
    made = bars()
    wrong = {name: np.full(4, 1.0) * value for name, value in columns.items()}
    with pytest.raises(UsageError, match=r"row \d of the bars cannot be true"):
        BarStore(tmp_path / "store").write(
            Bars(**{name: getattr(made, name) for name in ("symbols", "offsets", "start", "step", "zone")}, **{**made.columns(), **wrong})
        )
    assert not (tmp_path / "store").exists()


def test_a_month_that_is_damaged_says_how_it_is_mended_and_is(tmp_path):
    store = BarStore(tmp_path, cache="off")
    store.write(bars())
    (file,) = tmp_path.rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:-200])
    for ask in (store.read, lambda: store.write(bars(close=9.5))):
        with pytest.raises(MarketDataError, match="move it away and import its month again"):
            ask()
    file.unlink()
    store.write(bars(close=9.5))
    assert store.read().close.tolist() == [9.5] * 4


IMPORT = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from exec_algos.cli import app
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
app(sys.argv[2:])
"""


READING = ("--label", "start", "--zone", "Asia/Seoul")


def imported(limit, *args):
    # what measures coverage would write into the same full disk
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run([sys.executable, "-c", IMPORT, str(limit), *map(str, args)], capture_output=True, text=True, check=False, env=env)


def csv_of(folder, n, name="A.csv", close=11.0):
    folder.mkdir(exist_ok=True)
    times = pd.date_range("2024-01-31 09:00", periods=n, freq="1min", tz="Asia/Seoul", name="timestamp")
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"open": 10.0, "high": 12.0, "low": 9.0, "close": close, "volume": rng.random(n)}, index=times)
    frame.to_csv(folder / name)
    return folder / name


@pytest.mark.slow
@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path, there):
    """Files may be 60,000 bytes long: the first month fits, the second does not."""
    store = tmp_path / "store"
    if there:
        BarStore(store).write(bars("B"))
    before = files_of(store)
    found = imported(60_000, "data", "import", csv_of(tmp_path / "csv", 20_000), "--to", store, *READING)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith(f"error: cannot write to {store}: File too large; nothing of this was kept")
    assert found.stderr.count("\n") == 1
    assert files_of(store) == before
    assert store.exists() == there


@pytest.mark.slow
def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path):
    """A file stands where the store's folder would."""
    (tmp_path / "store").write_text("a file")
    found = imported(resource.RLIM_INFINITY, "data", "import", csv_of(tmp_path / "csv", 5), "--to", tmp_path / "store", *READING)
    assert found.returncode == 2
    assert found.stderr.startswith(f"error: cannot write to {tmp_path / 'store'}: Not a directory; nothing of this was kept")
    assert found.stderr.count("\n") == 1


def staged(fs, root, names):
    with Staged(fs, root, durable=False) as together:
        for name in names:
            together.add(f"{root}/{name}", b"1")


def stopped(fs, root):
    with Staged(fs, root, durable=True) as together:
        together.add(f"{root}/a/x", b"3")
        together.add(f"{root}/c/x", b"4")
        raise KeyboardInterrupt


def test_files_take_their_places_together_or_not_at_all(tmp_path):
    fs, root = file_system(tmp_path)
    with Staged(fs, root, durable=True) as together:
        together.add(f"{root}/a/x", b"1")
        together.add(f"{root}/b/x", b"2")
        assert not (tmp_path / "a" / "x").exists()
    before = {"a/x": b"1", "b/x": b"2"}
    assert files_of(tmp_path) == before
    with pytest.raises(KeyboardInterrupt):
        stopped(fs, root)
    assert files_of(tmp_path) == before
    assert not (tmp_path / "c").exists()


def test_a_stop_between_two_files_comes_when_all_have_taken_their_places(tmp_path, monkeypatch):
    fs, root = file_system(tmp_path)
    replace, seen = os.replace, []

    def interrupted(*args):
        seen.append(args)
        if len(seen) == 1:
            signal.raise_signal(signal.SIGINT)
        replace(*args)

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        staged(fs, root, "abc")
    assert caught.value.__notes__ == [f"all of it is kept in {root}"]
    assert sorted(files_of(tmp_path)) == ["a", "b", "c"]


def test_a_file_that_vanishes_before_it_takes_its_place_is_said(tmp_path):
    fs, root = file_system(tmp_path)
    together = Staged(fs, root, durable=False)
    together.add(f"{root}/a", b"1")
    for left in tmp_path.glob("*.part"):
        left.unlink()
    with pytest.raises(UsageError, match=r"No such file or directory; .*/a was not replaced"):
        together.__exit__(None)


def test_what_a_killed_import_has_left_goes_with_the_next_one(tmp_path):
    store = BarStore(tmp_path)
    store.write(bars())
    (left,) = tmp_path.glob("symbol=A/month=2024-01")
    (left / "bars.parquet.0123.part").write_bytes(b"half")
    store.write(bars(close=9.5))
    assert [path.name for path in left.iterdir()] == ["bars.parquet"]
