"""Bars kept decoded beside a store: the same bars, whatever became of the file that keeps them."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from exec_algos.market.bars import Bars
from exec_algos.market.store import BarStore
from exec_algos.market.stored import bars_in, content_of
from exec_algos.studies.shards.partitions import Partitions


def bars(symbol="A", start="2024-01-31 15:00", n=4, **columns):
    times = pd.date_range(start, periods=n, freq="5min", tz="Asia/Seoul", name="timestamp")
    rows = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": np.arange(1.0, n + 1), **columns}
    return Bars.from_frame(pd.DataFrame(rows, index=times), symbol=symbol, step="5min")


def assert_same(one, other):
    assert (one.symbols, one.step, one.zone, list(one.columns())) == (other.symbols, other.step, other.zone, list(other.columns()))
    for a, b in zip(
        (one.offsets, one.start, *one.columns().values()), (other.offsets, other.start, *other.columns().values()), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def store(tmp_path):
    """Two symbols, two months each; one has quotes in its second month alone."""
    store = BarStore(tmp_path)
    store.write(Bars.concat([bars(start="2024-01-31 23:50"), bars("B", n=3)]))
    store.write(bars("B", "2024-02-01 09:00", vwap=10.5, ask=[np.nan, 11.0, 11.0, 11.0]))
    return store


def plain(store, *args, **options):
    return BarStore(store.path, cache="off").read(*args, **options)


def kept(store):
    return sorted(store._decoded.folder.glob("*")) if store._decoded.folder.exists() else []


def is_mapped(column):
    """Whether the memory of an array is that of a file: it belongs to an Arrow buffer, and not to numpy."""
    while isinstance(column, np.ndarray):
        column = column.base
    return isinstance(column, pa.Array | memoryview | pa.Buffer)


def damage(file, content):
    """Replace a file the way `write` does: its place is taken by another."""
    beside = file.with_suffix(".new")
    beside.write_bytes(content)
    os.replace(beside, file)


READS = [{}, {"symbols": "B"}, {"symbols": "B", "end": "2024-02-01"}, {"start": "2024-02-01 00:00"}, {"symbols": ["A"]}]


@pytest.mark.parametrize("options", READS, ids=str)
def test_what_is_mapped_is_what_the_parquet_files_say(store, options):
    store.read()
    assert [file.name for file in kept(store)] == ["bars.arrow"]
    assert_same(store.read(**options), plain(store, **options))


@pytest.mark.parametrize("symbols", [None, "A"])
def test_bars_that_are_read_again_are_the_file_itself_and_read_only(store, symbols):
    store.read()
    found = store.read(symbols)
    assert all(map(is_mapped, (found.start, *found.columns().values())))
    with pytest.raises(ValueError, match="read-only"):
        found.close[0] = 1.0


def test_a_month_is_mapped_too_with_the_columns_of_its_own_file(store):
    store.read()
    months, expected = Partitions(store.path), Partitions(store.path, cache="off")
    assert is_mapped(months.month("B", "2024-01").close)
    for month in ("2024-01", "2024-02"):
        assert_same(months.month("B", month), expected.month("B", month))


def test_a_file_that_was_written_again_is_read_again(store):
    store.read()
    store.write(bars("B", "2024-02-01 09:00", n=1, close=9.5))
    assert_same(store.read(), plain(store))
    assert 9.5 in store.read("B").close
    (found,) = kept(store)
    before = found.stat().st_mtime_ns
    store.read()
    assert found.stat().st_mtime_ns == before


def test_a_change_that_keeps_size_and_time_is_seen(store, tmp_path):
    store.read()
    file = tmp_path / "symbol=A" / "month=2024-01" / "bars.parquet"
    was = file.stat()
    # the checksums in a Parquet file take a byte more or less
    tried = ((last, content_of(bars(start="2024-01-31 23:50", n=2, volume=[7.0, last]))) for last in np.arange(8.0, 99.0))
    last, content = next((last, content) for last, content in tried if len(content) == was.st_size)
    damage(file, content)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert store.read("A").volume.tolist() == [7.0, last, 3.0, 4.0]


def test_months_out_of_order_are_not_kept(store, tmp_path):
    os.rename(tmp_path / "symbol=A" / "month=2024-01", tmp_path / "symbol=A" / "month=2024-03")
    assert_same(BarStore(store.path).read(), plain(store))
    assert kept(store) == []
    assert (np.diff(store.read("A").start) > 0).all()


def test_a_month_that_is_gone_is_gone(store, tmp_path):
    store.read()
    os.remove(tmp_path / "symbol=B" / "month=2024-02" / "bars.parquet")
    assert_same(store.read(), plain(store))
    assert len(store.read("B")) == 3


def test_a_month_that_came_later_is_there(store):
    store.read()
    store.write(bars("A", "2024-03-04 09:00"))
    assert_same(store.read(), plain(store))
    assert len(store.read("A")) == 8


DAMAGES = {
    "cut short": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "zeros": lambda whole: bytes(len(whole)),
    "a foreign file": lambda whole: b"no arrow file, whatever its name says" * 20,
    "no footer": lambda whole: whole[:-10],
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_is_passed_over_and_made_again(store, how):
    store.read()
    (file,) = kept(store)
    whole = file.read_bytes()
    damage(file, DAMAGES[how](whole))
    assert_same(store.read(), plain(store))
    assert file.read_bytes() == whole


def flipped(file, value):
    """The file with one bit of a volume turned, its size, time and inode as they were."""
    content = bytearray(file.read_bytes())
    content[content.index(np.array(value).tobytes()) + 6] ^= 1
    was = file.stat()
    with file.open("r+b") as place:
        place.write(content)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))


@pytest.mark.parametrize("options", READS, ids=str)
def test_a_flipped_bit_is_noticed_and_only_its_month_is_decoded_again(store, options, monkeypatch):
    store.write(bars("B", "2024-02-01 10:00", n=1, volume=77.0))
    whole = plain(store, **options)
    store.read()
    flipped(kept(store)[0], 77.0)
    decoded = []
    monkeypatch.setattr("exec_algos.market.store.bars_in", lambda content, part: decoded.append(part[:2]) or bars_in(content, part))
    assert_same(BarStore(store.path).read(**options), whole)
    asked = options in ({}, {"symbols": "B"}, {"start": "2024-02-01 00:00"})
    assert set(decoded) == ({("B", "2024-02")} if asked else set())  # what is not asked for is not looked at


def test_a_month_is_proved_once(store, monkeypatch):
    store.read()
    again, calls = BarStore(store.path), []
    monkeypatch.setattr("exec_algos.market.decoded.DecodedMonth.crc32_of", lambda month, *_: calls.append(month) or month.crc32)
    for _ in range(3):
        again.read("A")
        again.info()
    assert len(calls) == len(set(calls)) == 4


def test_rows_out_of_order_are_passed_over(store):
    store.read()
    (file,) = kept(store)
    batch = pa.ipc.open_file(str(file)).get_batch(0)
    turned = pa.record_batch([column.take(pa.array([1, 0, *range(2, len(batch))])) for column in batch.columns], schema=batch.schema)
    beside = file.with_suffix(".new")
    with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(turned)
    os.replace(beside, file)
    assert_same(store.read(), plain(store))


def test_another_layout_is_passed_over(store, monkeypatch):
    store.read()
    monkeypatch.setattr("exec_algos.market.decoded.LAYOUT", 99)
    again = BarStore(store.path)
    assert again._decoded.bars(again._parts()["A"]) is None


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(store, tmp_path):
    (tmp_path / "_decoded").write_text("a file stands where the folder would")
    assert_same(store.read(), plain(store))
    os.remove(tmp_path / "_decoded")
    os.chmod(tmp_path, 0o555)
    try:
        assert_same(store.read(), plain(store))
    finally:
        os.chmod(tmp_path, 0o755)


def test_what_is_read_in_part_is_not_kept(store):
    store.read("B")
    store.read(start="2024-01-01")
    assert kept(store) == []


def test_it_can_be_switched_off_and_placed_elsewhere(store, tmp_path, monkeypatch):
    monkeypatch.setenv("EXEC_ALGOS_BAR_CACHE", "off")
    BarStore(store.path).read()
    assert kept(store) == []
    monkeypatch.setenv("EXEC_ALGOS_BAR_CACHE", str(tmp_path / "elsewhere"))
    for path in (store.path, tmp_path / "second"):
        BarStore(path).write(bars())
        BarStore(path).read()
    assert kept(store) == []
    assert len(list((tmp_path / "elsewhere").glob("*/bars.arrow"))) == 2
    assert_same(BarStore(store.path, cache="beside").read(), plain(store))
    assert len(kept(store)) == 1


def test_a_store_that_is_not_on_this_machine_keeps_nothing(tmp_path):
    store = BarStore(f"memory://{tmp_path.name}", cache=tmp_path / "kept")
    store.write(bars())
    assert_same(store.read(), bars())
    assert not (tmp_path / "kept").exists()


READER = """
import sys
from exec_algos.market.store import BarStore
from exec_algos.market.stored import bars_in, content_of
path, turns = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for turn in range(turns):
    for file in BarStore(path)._decoded.folder.glob("*.arrow"):
        file.unlink(missing_ok=True)
    bars = BarStore(path).read()
    print(len(bars), bars.volume.sum(), flush=True)
"""


@pytest.mark.slow
def test_two_processes_at_once_both_read_what_is_there(store):
    expected = f"{len(plain(store))} {plain(store).volume.sum()}"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, "-c", READER, store.path, "40"], **pipes) for _ in range(2)]
    for one in both:
        assert one.stdout.readline() == "ready\n"
    for one in both:
        one.stdin.write("go\n")
        one.stdin.flush()
    assert [one.communicate(timeout=60)[0].splitlines() for one in both] == [[expected] * 40] * 2
    assert [one.returncode for one in both] == [0, 0]
