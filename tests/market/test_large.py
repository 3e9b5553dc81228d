"""Small files that unpack to very much: refused before they are unpacked, unless it is allowed."""

import gzip
import io
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from exec_algos import Bars
from exec_algos.cli import app
from exec_algos.errors import MarketDataError, UsageError
from exec_algos.market.csvformat import CsvFormat
from exec_algos.market.textfile import LONGEST_LINE, MOST_UNPACKED, unpacked

TOLD = {"label": "start", "zone": "UTC"}
ROWS = "".join(f"2024-01-02 09:{minute:02}:00,10,11,9,10,{minute}\n" for minute in range(30, 60))
TABLE = f"timestamp,open,high,low,close,volume\n{ROWS}"
MANY = 800 << 20


def noughts():
    """800 MiB of noughts, deflated: a block of a MiB 800 times, which ends on a whole byte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * 800 + packer.flush()


def zip_of(name, data, size):
    """A zip of one deflated member that says to have this size."""
    method, crc = 8, 0
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, method, 0, 33, crc, len(data), size, len(name), 0) + name + data
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, method, 0, 33, crc, len(data), size, len(name), *[0] * 6) + name
    return local + entry + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local), 0)


@pytest.mark.parametrize("name", ["AAA.zip", "equity/usa/minute/spy/20240102_trade.zip"])
def test_a_zip_of_less_than_a_mebibyte_and_800_unpacked_is_refused_without_unpacking(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zip_of(b"AAA.csv", noughts(), MANY))
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(MarketDataError, match=r"more than 512 MiB unpacked; give it in parts .*--allow-large"):
            Bars.read(tmp_path / name.split("/")[0], **TOLD)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    path.write_bytes(zip_of(b"AAA.csv", noughts(), 1000))  # one that says less than it has
    with pytest.raises(MarketDataError, match="not a whole"):
        Bars.read(tmp_path / name.split("/")[0], **TOLD)


def test_what_is_unpacked_is_bounded_byte_by_byte():
    packed = gzip.compress(bytes(5_000_000))
    assert len(unpacked(packed, most=5_000_000)) == 5_000_000
    with pytest.raises(MarketDataError, match=r"more than 4 MiB unpacked"):
        unpacked(packed, most=4 << 20)


def test_a_long_line_needs_to_be_allowed(tmp_path):
    path = tmp_path / "AAA.csv"
    lines = TABLE.split("\n")
    path.write_text("\n".join([f"{lines[0]},remark", f"{lines[1]},{'x' * LONGEST_LINE}", *(f"{line}," for line in lines[2:-1])]))
    with pytest.raises(MarketDataError, match=r"line 2 has more than 1,048,576 characters.*--allow-large"):
        Bars.read(path, **TOLD)
    assert len(Bars.from_csv(path, **TOLD, allow_large=True)) == 30
    check = [str(path), "--label", "start", "--zone", "UTC"]
    assert CliRunner().invoke(app, ["data", "check", *check]).exit_code == 2
    assert CliRunner().invoke(app, ["data", "check", *check, "--allow-large"]).exit_code == 0


def test_a_small_parquet_of_very_many_rows_is_refused_by_what_it_says(tmp_path):
    count = 12_000_000  # of equal values: 6 columns of 92 MiB
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int8)), pa.array([10.0]))
    names = ("open", "high", "low", "close", "volume", "timestamp")
    pq.write_table(pa.table(dict.fromkeys(names, column)), tmp_path / "AAA.parquet")
    assert (tmp_path / "AAA.parquet").stat().st_size < 1 << 20
    with pytest.raises(MarketDataError, match=r"549 MiB unpacked, from .* bytes; give it in parts .*--allow-large"):
        Bars.read(tmp_path / "AAA.parquet", **TOLD)


def test_files_of_bars_of_the_usual_sizes_are_below(tmp_path):
    times = pd.date_range("2024-01-02", periods=50_000, freq="min")
    frame = pd.DataFrame({"open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0, "volume": 0.0}, index=times.rename("timestamp"))
    frame.tz_localize("UTC").to_parquet(tmp_path / "AAA.parquet")  # a market in which nothing happens
    assert len(Bars.read(tmp_path / "AAA.parquet")) == 50_000
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("AAA.csv", TABLE)
    (tmp_path / "AAA.zip").write_bytes(sink.getvalue())
    assert len(Bars.read(tmp_path / "AAA.zip", **TOLD)) == 30


def test_what_is_allowed_has_no_bound_and_a_store_is_not_asked():
    assert (CsvFormat().most, CsvFormat().longest) == (MOST_UNPACKED, LONGEST_LINE)
    assert CsvFormat(allow_large=True).most > 1 << 50
    with pytest.raises(UsageError, match="allow_larg"):
        Bars.from_csv("x.csv", allow_larg=True)
