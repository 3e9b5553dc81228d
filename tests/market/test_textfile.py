"""Text files as people have them: every encoding, line end and packing gives the same text, or is refused with the way out."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.errors import MarketDataError
from exec_algos.market.textfile import KOREAN, decoded, read_text, unpacked

TEXT = "종목,side,수량\n005930,매수,10\n"


def zipped(data: bytes, *more: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("orders.csv", *more):
            archive.writestr(name, data)
    return stream.getvalue()


PACK = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip of two members": lambda data: gzip.compress(data[:5]) + gzip.compress(data[5:]),
    "zstd": lambda data: pa.compress(data, codec="zstd", asbytes=True),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
    "zip made on a Mac": lambda data: zipped(data, "__MACOSX/._orders.csv", "folder/", ".DS_Store"),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp949", "euc-kr"])
@pytest.mark.parametrize("pack", PACK)
def test_every_encoding_and_packing_gives_the_same_text(tmp_path, encoding, pack):
    # no suffix: the name says nothing
    (tmp_path / "orders").write_bytes(PACK[pack](TEXT.encode(encoding)))
    assert read_text(tmp_path / "orders") == TEXT


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp949"])
def test_lines_end_as_their_system_ends_them(end, encoding):
    assert decoded(TEXT.replace("\n", end).encode(encoding)) == TEXT


def test_dos_end_of_file_is_no_text():
    assert decoded(b"a,b\r\n1,2\r\n\x1a") == "a,b\n1,2\n"


def test_a_byte_order_mark_is_no_text_where_the_encoding_is_named():
    assert decoded(TEXT.encode("utf-8-sig"), "utf-8") == TEXT
    assert decoded(b"\xff\xfe" + TEXT.encode("utf-16-le"), "utf-16-le") == TEXT


@pytest.mark.parametrize(("text", "encoding"), [("Händler\nMüller\n", "cp1252"), ("銘柄\n日本\n", "shift_jis"), ("代码\n", "gb18030")])
def test_an_encoding_that_cannot_be_told_is_asked_for(text, encoding):
    with pytest.raises(MarketDataError, match=r"another encoding than UTF-8.*encoding='cp949'"):
        decoded(text.encode(encoding), file="x.csv")
    assert decoded(text.encode(encoding), encoding) == text


def test_korean_without_a_known_word_is_asked_for():
    name = "trader\n김철수\n"
    with pytest.raises(MarketDataError, match=r"x.csv: .*byte 7, line 2"):
        decoded(name.encode("cp949"), file="x.csv")
    assert decoded(name.encode("cp949"), "cp949") == name


@pytest.mark.parametrize("word", KOREAN)
def test_each_known_word_tells_cp949(word):
    assert decoded(f"{word},a\n1,2\n".encode("cp949")) == f"{word},a\n1,2\n"


@pytest.mark.parametrize("encoding", ["nonsense", "base64", "ascii", "utf-16"])
def test_a_wrong_encoding_is_refused(encoding):
    with pytest.raises(MarketDataError, match=f"encoding.*{encoding}"):
        decoded(TEXT.encode() + b"\xc3", encoding)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PAR1xxxx", "Parquet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "Excel"),
        (b"a,b\n1,\x002\n" + b"x" * 100, "NUL"),
    ],
)
def test_what_is_no_text_is_named(data, said):
    with pytest.raises(MarketDataError, match=said):
        decoded(data)


def test_a_workbook_is_named():
    with pytest.raises(MarketDataError, match=r"x\.xlsx: an Excel workbook"):
        unpacked(zipped(b"", "[Content_Types].xml"), file="x.xlsx")


def test_a_zip_of_several_files_is_refused():
    with pytest.raises(MarketDataError, match="zip of 2 files"):
        unpacked(zipped(b"", "other.csv"))


@pytest.mark.parametrize("pack", [name for name in PACK if name != "plain"])
def test_a_file_cut_short_is_refused(pack):
    whole = PACK[pack](os.urandom(5000))
    with pytest.raises(MarketDataError, match="not a whole"):
        unpacked(whole[: len(whole) // 2 + 7], file="x")


@pytest.mark.parametrize("pack", [name for name in PACK if name != "plain"])
def test_what_unpacks_to_too_much_is_refused(pack):
    packed = PACK[pack](b"0" * 3_000_000)
    with pytest.raises(MarketDataError, match="more than 2 MiB"):
        unpacked(packed, most=2 << 20)
    assert len(unpacked(packed, most=3_000_000)) == 3_000_000


def test_a_line_that_is_too_long_is_refused():
    text = "a\n" * 10 + "b" * 99 + "\n"
    assert decoded(text.encode(), longest=100) == text
    with pytest.raises(MarketDataError, match="line 11 has more than 98"):
        decoded(text.encode(), longest=98)


def test_what_is_no_regular_file_is_refused(tmp_path):
    with pytest.raises(MarketDataError, match="no such file"):
        read_text(tmp_path / "gone.csv")
    with pytest.raises(MarketDataError, match="a folder"):
        read_text(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MarketDataError, match="not a regular file"):
        read_text(tmp_path / "pipe")
    with pytest.raises(MarketDataError, match="not a regular file"):
        read_text("/dev/null")


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00", b"\xff\xfe"])
)
def test_any_bytes_are_text_or_refused(data, begin):
    try:
        text = decoded(unpacked(begin + data))
    except MarketDataError:
        return
    assert "\r" not in text
    assert "\0" not in text


@given(st.text(st.characters(exclude_characters="\r\0\x1a\ufeff", exclude_categories=["Cs"])))
def test_utf8_is_never_taken_for_anything_else(text):
    assert decoded(text.encode()) == text
