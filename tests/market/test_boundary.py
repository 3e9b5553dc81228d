"""What other libraries raise over a file is an error of ours that names it; and only regular files are opened."""

import csv
import errno
import gzip
import io
import json
import lzma
import os
import socket
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exec_algos import Bars, BarStore
from exec_algos.agents.decision import Action, AgentDecision
from exec_algos.agents.records import read_decisions, write_decisions
from exec_algos.errors import MarketDataError, UnknownNameError, UsageError
from exec_algos.market import schedules
from exec_algos.market.boundary import or_none, reading, writing
from exec_algos.market.readers import joined
from exec_algos.market.splits import Splits
from exec_algos.market.stored import StoredPart
from exec_algos.studies.folder import StudyFolder

HEAD = "timestamp,open,high,low,close,volume\n"
ROWS = "2024-01-02 09:30:00,10,10.2,9.9,10.1,500\n2024-01-02 09:31:00,10,10.2,9.9,10.1,500\n"
OPTIONS = {"label": "start", "zone": "America/New_York"}


def bars(symbol="AAA"):
    times = pd.to_datetime(["2024-01-02 09:30", "2024-01-02 09:31"])
    frame = pd.DataFrame({"open": 10.0, "high": 10.2, "low": 9.9, "close": 10.1, "volume": 500}, index=times)
    return Bars.from_frame(frame, symbol=symbol, zone="America/New_York")


def encrypted():
    """A zip whose member says that it is encrypted."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("a.csv", HEAD + ROWS)
    content = bytearray(sink.getvalue())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + flags] |= 1
    return bytes(content)


def raised_by_us():
    return {}["absent"]


def overflow():
    return np.datetime64("2300-01-01", "s").astype(object).timestamp() and pd.Timestamp("2300-01-01").as_unit("ns")


RAISES = {
    "zlib": (lambda: zlib.decompress(b"nothing"), "not a whole archive .*unpack it"),
    "a gz cut short": (lambda: gzip.decompress(gzip.compress(b"x" * 999)[:20]), "not a whole archive .*unpack it"),
    "no gz": (lambda: gzip.decompress(b"nothing"), "not a whole archive .*unpack it"),
    "lzma": (lambda: lzma.decompress(b"nothing"), "not a whole archive .*unpack it"),
    "no zip": (lambda: zipfile.ZipFile(io.BytesIO(b"nothing")), "not a whole archive .*unpack it"),
    "an encrypted zip": (lambda: zipfile.ZipFile(io.BytesIO(encrypted())).read("a.csv"), "an encrypted archive .*password"),
    "struct": (lambda: struct.unpack("<Q", b"123"), "not a whole archive"),
    "csv": (lambda: list(csv.reader(io.StringIO(f'"{"x" * 200_000}"'))), "cannot be read as a table .*quotation marks"),
    "pandas": (lambda: pd.read_csv(io.StringIO("a,b\n1,2\n1,2,3\n"), index_col=False, on_bad_lines="error"), "as a table .*save it again"),
    "nothing": (lambda: pd.read_csv(io.StringIO("")), "as a table"),
    "a time": (overflow, "too large .*unit of its stamps"),
    "a length of time": (lambda: pd.to_timedelta([10**30]), "too large .*unit of its stamps"),
    "a number": (lambda: (10**400) / 3, "too large .*unit of its stamps"),
    "json": (lambda: json.loads("{"), "not whole JSON .*copy it again"),
    "brackets": (lambda: json.loads("[" * 200_000), "brackets within brackets"),
    "text": (lambda: b"\xff".decode(), r"not UTF-8 text \(byte 0\); save it as 'CSV UTF-8'"),
    "arrow": (lambda: pq.read_table(io.BytesIO(b"PAR1nothingPAR1")), "not a whole Parquet file .*copy it again"),
    "an Arrow type": (lambda: pa.array([1]).cast(pa.list_(pa.binary())), "not a whole Parquet file .*copy it again"),
    "memory": (lambda: np.zeros(2**60, dtype=np.int8), "more memory than there is .*in parts"),
    "no file": (lambda: Path("absent").read_bytes(), "cannot be read: No such file or directory; look at its name"),
    "a folder": (lambda: Path("/").read_bytes(), "cannot be read: Is a directory; name a file in it"),
    "a bug of ours": (raised_by_us, r"cannot be read \(KeyError: 'absent'\); if the file is right, report this"),
}


@pytest.mark.parametrize("kind", RAISES)
def test_what_a_library_raises_is_said_of_the_file_with_a_remedy(kind):
    raising, said = RAISES[kind]
    with pytest.raises(MarketDataError, match=f"^bars.csv: .*{said}") as caught, reading("bars.csv"):
        raising()
    assert caught.value.file == "bars.csv"
    assert caught.value.__cause__ is not None
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_line_of_ours_that_raises_is_named():
    with pytest.raises(MarketDataError, match=r"TypeError at market/readers\.py:\d+: ") as caught, reading("x"):
        joined([None, None], None)
    assert isinstance(caught.value.__cause__, TypeError)


def test_errors_of_ours_warnings_and_stops_pass_as_they_are():
    for error in (UnknownNameError("symbol", "A", ["B"]), UsageError("x"), MarketDataError("y"), UserWarning("w"), KeyboardInterrupt()):
        for context in (reading("file"), writing("cannot", "kept", "do")):
            with pytest.raises(type(error)) as caught, context:
                raise error
            assert caught.value is error


def test_writing_says_what_is_kept_and_the_remedy_of_the_systems_word():
    for number, remedy in (
        (errno.ENOSPC, "make room"),
        (errno.EROFS, "for this one can only be read"),
        (errno.EACCES, "for here you may not"),
        (errno.ENAMETOOLONG, "shorten the name"),
    ):
        error = OSError(number, os.strerror(number))
        said = f"^cannot write to X: {error.strerror}; nothing was kept: .*{remedy}"
        with pytest.raises(MarketDataError, match=said), writing("cannot write to X", "nothing was kept", "make room"):
            raise error
    said = r"cannot write to X \(RuntimeError\): no answer; nothing was kept: make room"
    with pytest.raises(UsageError, match=said) as caught, writing("cannot write to X", "nothing was kept", "make room", kind=UsageError):
        raise RuntimeError("no answer")
    assert type(caught.value) is UsageError


def warned():
    raise UserWarning("made an error by whoever runs this")


def test_a_cache_that_is_not_whole_is_none():
    assert or_none(lambda: 1) == 1
    assert or_none(lambda: zlib.decompress(b"nothing")) is None
    with pytest.raises(UserWarning):
        or_none(lambda: warned())


def pipe(place):
    os.mkfifo(place)


def folder(place):
    os.mkdir(place)


def unix_socket(place, kept=[]):  # noqa: B006 - sockets stay while the tests run
    here = os.getcwd()
    os.chdir(os.path.dirname(place))  # a socket's whole path may not be long
    try:
        kept.append(socket.socket(socket.AF_UNIX))
        kept[-1].bind(os.path.basename(place))
    finally:
        os.chdir(here)


def device(place):
    os.symlink("/dev/zero", place)


NO_FILES = {"a pipe": pipe, "a folder": folder, "a socket": unix_socket, "a device": device}


@pytest.mark.parametrize("kind", NO_FILES)
def test_only_regular_files_are_opened(tmp_path, kind):
    refused = f"{kind}, and only regular files are read|holds no file"
    for name in ("AAA.csv", "AAA.parquet", "20240102_trade.zip"):
        NO_FILES[kind](tmp_path / name)
        with pytest.raises(MarketDataError, match=refused):
            Bars.read(tmp_path / name, **OPTIONS)
    with pytest.raises(MarketDataError, match=refused):
        Splits.of(tmp_path / "AAA.csv")
    with pytest.raises(MarketDataError, match=refused):
        read_decisions(tmp_path / "AAA.csv")
    with pytest.raises(UsageError, match=f"{kind}, and only regular files are read"):
        StudyFolder(tmp_path).get("AAA.csv")


@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a device"])
def test_a_folder_and_a_store_that_hold_no_regular_file_are_refused(tmp_path, kind):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "AAA.csv").write_text(HEAD + ROWS, encoding="utf-8")
    NO_FILES[kind](tmp_path / "files" / "BBB.csv")
    with pytest.raises(MarketDataError, match=f"BBB.csv: it is {kind}"):
        Bars.read(tmp_path / "files", **OPTIONS)
    store = BarStore(tmp_path / "store")
    store.write(bars())
    (part,) = (tmp_path / "store").rglob("bars.parquet")
    part.unlink()
    NO_FILES[kind](part)
    for ask in (store.read, store.info):
        with pytest.raises(MarketDataError, match=kind):
            ask()


def test_the_kept_decoded_bars_are_passed_over_where_they_are_no_file(tmp_path):
    BarStore(tmp_path).write(bars())
    wanted = BarStore(tmp_path).read().close.tolist()
    kept = tmp_path / "_decoded" / "bars.arrow"
    kept.unlink()
    pipe(kept)
    assert BarStore(tmp_path).read().close.tolist() == wanted


def test_a_symbol_too_long_for_a_file_system_and_an_odd_store_are_said_in_words(tmp_path):
    with pytest.raises(MarketDataError, match=r"File name too long; nothing of this was kept: shorten the name of the symbol"):
        BarStore(tmp_path).write(bars("A" * 300))
    assert not list(tmp_path.rglob("*.parquet"))
    for path in (f"{tmp_path}/no\0thing", f"{tmp_path}/{'x' * 300}"):
        for act in (lambda store: store.write(bars()), lambda store: store.read()):
            with pytest.raises(UsageError):
                act(BarStore(path))


def test_a_month_of_a_store_that_is_gone_is_named(tmp_path):
    store = BarStore(tmp_path, cache="off")
    part = StoredPart("AAA", "2024-01", f"{tmp_path}/symbol=AAA/month=2024-01/bars.parquet")
    with pytest.raises(MarketDataError, match=r"bars\.parquet: cannot be read: No such file"):
        store._read_part(part)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_disk_that_is_full_is_said_in_words():
    with pytest.raises(UsageError, match=r"cannot write to /dev/full: No space left on device; no decision was kept: name a file"):
        write_decisions("/dev/full", [(0, "AAA", AgentDecision(Action.HOLD, 0))])


def test_a_start_that_is_no_instant_is_refused(tmp_path):
    BarStore(tmp_path).write(bars())
    with pytest.raises(UsageError, match=r"'soon' is no instant; write 2024-01-02 09:30"):
        BarStore(tmp_path).read(start="soon")


def test_kept_hours_that_are_no_file_or_ask_for_all_memory_are_made_again(tmp_path):
    pipe(tmp_path / "pipe.npz")
    header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1152921504606846975,), }"
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        for name in ("zone", "date", "open", "close", "break_start", "break_end"):
            archive.writestr(f"{name}.npy", member)
    for name in ("pipe", "huge", "absent"):
        assert schedules._load(tmp_path / f"{name}.npz") is None


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="this system has no /proc")
def test_a_place_where_no_folder_can_be_made_is_said_at_once():
    with pytest.raises(MarketDataError, match=r"cannot write to /proc/absent: No such file or directory; nothing of this was kept"):
        BarStore("/proc/absent").write(bars())
