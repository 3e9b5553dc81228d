import errno
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.errors import MarketDataError, UnknownNameError, UsageError
from exec_algos.market.bars import Bars
from exec_algos.market.samples import load_samples
from exec_algos.market.store import BarStore

MINUTE = 60_000_000_000


def bars(symbol="005930", start="2024-01-31 15:00", n=4, zone="Asia/Seoul", step="5min", **columns):
    times = pd.date_range(start, periods=n, freq=step, tz=zone, name="timestamp")
    table = pd.DataFrame({"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 5.0, **columns}, index=times)
    return Bars.from_frame(table, symbol=symbol, step=step)


def assert_same(one, other):
    assert (one.symbols, one.step, one.zone) == (other.symbols, other.step, other.zone)
    np.testing.assert_array_equal(one.offsets, other.offsets)
    np.testing.assert_array_equal(one.start, other.start)
    assert list(one.columns()) == list(other.columns())
    for name, column in one.columns().items():
        np.testing.assert_array_equal(column, other.columns()[name], err_msg=name)


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    return BarStore(tmp_path / "store" if request.param == "local" else f"memory://{tmp_path.name}")


def test_what_was_written_is_read_to_the_bit(store):
    written = Bars.concat([bars(vwap=[10.1, np.nan, 0.1 + 0.2, 1e-300], bid=9.9), bars("BRK/B.US")])
    store.write(written)
    assert_same(store.read(), written)
    assert_same(Bars.read(store.path), written)
    assert store.symbols == ("005930", "BRK/B.US")


def test_a_file_is_a_symbol_and_a_month_of_its_zone(tmp_path):
    # 23:50 to 00:05 in Seoul, all on 31 January in UTC
    BarStore(tmp_path).write(bars(start="2024-01-31 23:50"))
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert found == [os.path.join("symbol=005930", f"month=2024-0{month}", "bars.parquet") for month in (1, 2)]
    assert pq.read_table(tmp_path / found[0]).num_rows == 2


def test_writing_again_replaces_bars_of_the_same_time_and_keeps_the_others(store):
    store.write(bars(n=4))
    store.write(bars(start="2024-01-31 15:10", n=4, close=9.5))
    assert store.read().close.tolist() == [11.0, 11.0, 9.5, 9.5, 9.5, 9.5]


def test_a_column_that_comes_later_is_nan_before(store):
    store.write(bars(n=2))
    store.write(bars(start="2024-01-31 15:10", n=2, vwap=10.5, ask=11.0))
    np.testing.assert_array_equal(store.read().vwap, [np.nan, np.nan, 10.5, 10.5])
    np.testing.assert_array_equal(store.read().quotes["ask"], [np.nan, np.nan, 11.0, 11.0])


def test_another_step_or_zone_of_a_symbol_is_refused_before_anything_is_written(store):
    store.write(bars())
    with pytest.raises(UsageError, match="005930 with step 300000000000, these bars have 60000000000"):
        store.write(Bars.concat([bars(step="1min"), bars("000660", step="1min")]))
    with pytest.raises(UsageError, match="zone Asia/Seoul, these bars have UTC"):
        store.write(bars(zone="UTC"))
    assert store.symbols == ("005930",)


def test_symbols_and_a_period_are_picked(store):
    store.write(Bars.concat([bars(start="2024-01-31 23:50"), bars("000660")]))
    assert store.read("000660").symbols == ("000660",)
    assert store.read(["005930", "000660"]).symbols == ("000660", "005930")
    late = store.read("005930", start="2024-02-01")
    assert len(late) == 2
    assert_same(store.read("005930", start=int(late.start[0]), end=int(late.start[-1]) + late.step), late)
    assert len(store.read("005930", end=pd.Timestamp("2024-01-31 14:55", tz="UTC"))) == 1
    assert store.read(end="2024-01-31 16:00").symbols == ("000660",)


def test_what_is_not_there_is_said(store):
    with pytest.raises(MarketDataError, match="the store holds nothing"):
        store.read()
    store.write(bars())
    with pytest.raises(UnknownNameError, match="did you mean 005930"):
        store.read("05930")
    with pytest.raises(MarketDataError, match=r"holds no bar in \[2025-01-01, None\)"):
        store.read(start="2025-01-01")
    with pytest.raises(UnknownNameError, match="005930"):
        Bars.read(store.path, symbol="5930")


def test_info_has_a_row_a_symbol(store):
    store.write(Bars.concat([bars(start="2024-01-31 23:50"), bars("000660")]))
    info = store.info().set_index("symbol")
    assert info["bars"].to_dict() == {"000660": 4, "005930": 4}
    assert str(info.loc["005930", "last"]) == "2024-02-01 00:05:00+09:00"
    assert set(info["step"]) == {5 * MINUTE}
    assert (info["bytes"] > 0).all()
    assert list(BarStore("memory://nothing-here").info().columns) == ["symbol", *info.columns]


def test_no_half_written_file_takes_a_files_place(tmp_path, monkeypatch):
    store = BarStore(tmp_path)
    store.write(bars())

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(UsageError, match=r"cannot write to .*: No space left on device; .* was not replaced"):
        store.write(bars(close=9.5))
    monkeypatch.undo()
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    assert BarStore(tmp_path).read().close.tolist() == [11.0] * 4
    assert BarStore(tmp_path).symbols == ("005930",)


def test_a_damaged_or_foreign_file_is_refused_by_name(tmp_path):
    store = BarStore(tmp_path)
    store.write(bars())
    (path,) = tmp_path.rglob("*.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    with pytest.raises(MarketDataError, match=r"not a whole Parquet file .*import its month again") as caught:
        store.read()
    assert caught.value.file == str(path)
    pd.DataFrame({"start": [1]}).to_parquet(path)
    for ask in (store.read, store.info):
        with pytest.raises(MarketDataError, match="not a file of a bar store"):
            ask()


def test_a_folder_of_files_is_no_store(tmp_path):
    assert not BarStore.found_at(tmp_path)
    assert not BarStore.found_at(tmp_path / "absent")


positive = st.floats(1e-9, 1e9)


@st.composite
def made_bars(draw):
    parts = []
    for symbol in draw(st.sets(st.text("AB0/=.%한 ", min_size=1, max_size=6), min_size=1, max_size=3)):
        minutes = sorted(draw(st.sets(st.integers(0, 100_000), min_size=1, max_size=5)))
        n = len(minutes)
        quad = np.sort(np.array(draw(st.lists(st.tuples(*[positive] * 4), min_size=n, max_size=n))), axis=1)
        table = pd.DataFrame({"low": quad[:, 0], "open": quad[:, 1], "close": quad[:, 2], "high": quad[:, 3]})
        table["volume"] = draw(st.lists(st.floats(0, 1e12), min_size=n, max_size=n))
        table["vwap"] = draw(st.lists(st.one_of(positive, st.just(np.nan)), min_size=n, max_size=n))
        table["timestamp"] = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(minutes, unit="min")
        parts.append(Bars.from_frame(table, symbol=symbol, zone=draw(st.just("America/New_York")), step="1min"))
    return Bars.concat(parts)


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(made=made_bars())
def test_frame_bars_store_bars_is_the_identity(made):
    import fsspec

    assert_same(Bars.from_frame(made.to_frame(), step=made.step), made)
    fsspec.filesystem("memory").store.clear()
    store = BarStore("memory://round-trip")
    store.write(made)
    assert_same(store.read(), made)


@pytest.mark.market_data
@pytest.mark.parametrize("folder", ["krx_yahoo_5m", "us_lean", "us_polygon_2024"])
def test_real_bars_come_back_as_they_went(market_data, tmp_path, folder):
    real = Bars.read(market_data / folder)
    store = BarStore(tmp_path)
    store.write(real)
    assert_same(store.read(), real)


WRITE = """
import sys
from exec_algos.market.samples import load_samples
from exec_algos.market.store import BarStore
from exec_algos.market.samples import load_samples
bars = load_samples()["XNYS"].select(["SYNMID"]).between(0, 1763000000000000000)
print("ready", flush=True)
sys.stdin.readline()
number, many = int(sys.argv[2]), int(sys.argv[3])
BarStore(sys.argv[1]).write(bars.take(bars.start // bars.step % many == number))
"""


@pytest.mark.slow
def test_imports_of_the_same_months_at_once_lose_no_bar(tmp_path):
    """Each of three processes brings every third minute."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    crowd = [subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path), str(n), "3"], **pipes) for n in range(3)]
    for process in crowd:
        assert process.stdout.readline() == "ready\n"
    for process in crowd:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in crowd] == [""] * 3
    wanted = load_samples()["XNYS"].select(["SYNMID"]).between(0, 1763000000000000000)
    assert_same(BarStore(tmp_path, cache="off").read(), wanted)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"bars.parquet"}
