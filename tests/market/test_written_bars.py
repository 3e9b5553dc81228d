"""Bars as people write them: numbers, stamps, names of columns and of files, lengths; read as meant, or asked about."""

import gzip
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.errors import MarketDataError, UnknownNameError, UsageError
from exec_algos.market.bars import Bars
from exec_algos.market.columns import parse_columns
from exec_algos.market.contents import stem_of
from exec_algos.market.csvformat import CsvFormat
from exec_algos.market.epochs import epochs_of
from exec_algos.market.frames import Request
from exec_algos.market.numerals import plain_numbers
from exec_algos.market.read import load

HEAD = "timestamp,open,high,low,close,volume\n"
TOLD = {"zone": "UTC", "label": "start", "step": "1min"}


def read(tmp_path, text, name="A.csv", **told):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Bars.from_csv(path, **(TOLD | told))


def cells(*rows, separator=";"):
    """A table of two minutes, the cells of each row given."""
    head = HEAD.replace(",", separator)
    return head + "".join(f"2024-01-16 09:3{at}{separator}{separator.join(row)}\n" for at, row in enumerate(rows))


# numbers


@pytest.mark.parametrize(
    ("rows", "separator", "told", "prices", "volumes"),
    [
        ((("12,5", "12,75", "12,25", "12,5", "12.707"), ("12,5",) * 4 + ("1.002.707",)), ";", {}, [12.5] * 2, [12707, 1002707]),
        ((("12,500",) * 4 + ("12.707",), ("12,500",) * 4 + ("12",)), ";", {"decimal": ","}, [12.5] * 2, [12707, 12]),
        ((("12.5",) * 4 + ("12.707",), ("12.5",) * 4 + ("13.001",)), ";", {"decimal": "."}, [12.5] * 2, [12.707, 13.001]),
        ((("70.000",) * 4 + ("12.707",), ("70.100",) * 4 + ("13",)), ";", {"decimal": ","}, [70000, 70100], [12707, 13]),
        ((('"1,012.50"',) * 4 + ('"12,707"',), ('"1,012.50"',) * 4 + ('"1,012,707"',)), ",", {}, [1012.5] * 2, [12707, 1012707]),
        ((("1'012.5",) * 4 + ("12'707",), ("12.5",) * 4 + ("13",)), ";", {}, [1012.5, 12.5], [12707, 13]),
        ((("12,5",) * 4 + ("12\u00a0707",), ("12,5",) * 4 + ("13",)), "\t", {}, [12.5] * 2, [12707, 13]),
        ((("12.5",) * 4 + ("1e3",), ("12.5",) * 4 + ("12.7",)), ";", {}, [12.5] * 2, [1000, 12.7]),
    ],
)
def test_numbers_of_any_locale_are_read_as_meant(tmp_path, rows, separator, told, prices, volumes):
    bars = read(tmp_path, cells(*rows, separator=separator), **told)
    assert (bars.open.tolist(), bars.volume.tolist()) == (prices, volumes)


@pytest.mark.parametrize(
    ("rows", "separator", "complaint"),
    [
        ((("12.5",) * 4 + ("12.707",), ("12.5",) * 4 + ("13.001",)), ";", "volume '12.707' may be thousands or have decimals"),
        ((("12.5",) * 4 + ("12.700",), ("12.5",) * 4 + ("950",)), ";", "volume '12.700' may be thousands"),
        ((("70.000",) * 4 + ("5",), ("70.100",) * 4 + ("5",)), ";", "open '70.000' may be thousands"),
        ((("12,500",) * 4 + ("5",), ("12,600",) * 4 + ("5",)), ";", "open '12,500' may be thousands"),
        ((("12",) * 4 + ('"12,707"',), ("12",) * 4 + ('"1,707"',)), ",", "volume '12,707' may be thousands"),
        ((("12,5",) * 4 + ("1.5",), ("12,5",) * 4 + ("13",)), ";", "'12,5' has a decimal comma and '1.5' a decimal dot"),
        ((("12,5",) * 4 + ("5",), ("12.5",) * 4 + ("5",)), ";", "a decimal comma and '12.5' a decimal dot"),
        ((("12.5",) * 4 + ("1.2K",), ("12.5",) * 4 + ("13",)), ";", "row 1: A: volume '1.2K' is no number"),
        ((("12.5",) * 4 + ("1,27,07",), ("12.5",) * 4 + ("13",)), ";", "volume '1,27,07' is no number"),
        ((("12.5",) * 4 + ("1 000",), ("12.5",) * 4 + ("13000",)), ",", "volume '1 000' is no number"),
    ],
)
def test_numbers_that_may_be_two_are_asked_about(tmp_path, rows, separator, complaint):
    with pytest.raises(MarketDataError, match=complaint.replace(".", r"\.")) as caught:
        read(tmp_path, cells(*rows, separator=separator))
    assert caught.value.file.endswith("A.csv")


def test_what_was_said_of_decimals_is_held_against_the_file(tmp_path):
    rows = ("12.5", "12.75", "12.25", "12.5", "5"), ("12,5",) * 4 + ("5",)
    with pytest.raises(MarketDataError, match=r"row 1: A: open '12.5 \(the decimals are said to have a comma\)' is no number"):
        read(tmp_path, cells(*rows), decimal=",")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20), st.sampled_from("'\u2019 \u00a0."), st.integers(0, 3))
def test_a_number_written_in_groups_is_that_number(numbers, group, places):
    value = [number / 10**places for number in numbers]
    text = [f"{number:,.{places}f}".replace(",", "G").replace(".", ",").replace("G", group) for number in value]
    assert plain_numbers(pd.Series(text, dtype="string"), ",").astype(float).tolist() == value


def test_prices_are_scaled_to_the_nearest_double(tmp_path):
    rows = ("1672700",) * 4 + ("5",), ("1672800",) * 4 + ("6",)
    bars = read(tmp_path, cells(*rows), price_scale=0.0001)
    assert (bars.open.tolist(), bars.volume.tolist()) == ([167.27, 167.28], [5, 6])
    assert read(tmp_path, cells(*rows), price_scale=2).open.tolist() == [3345400, 3345600]
    with pytest.raises(UsageError, match="price_scale must be a number above zero, got 0"):
        CsvFormat(price_scale=0)


def test_prices_at_or_below_zero_are_taken_where_that_is_said(tmp_path):
    rows = ("-1", "0", "-37.63", "-3", "5"), ("1", "2", "-1", "0", "5")
    with pytest.raises(MarketDataError, match=r"open -1\.0 is not above zero .*allow_negative"):
        read(tmp_path, cells(*rows))
    bars = read(tmp_path, cells(*rows), allow_negative=True)
    assert bars.low.tolist() == [-37.63, -1]
    with pytest.raises(MarketDataError, match=r"close 3\.0 is above high 2\.0"):
        read(tmp_path, cells(rows[0], ("1", "2", "-1", "3", "5")), allow_negative=True)


# stamps


def stamped(*stamps):
    return HEAD + "".join(f"{stamp},1,1,1,1,1\n" for stamp in stamps)


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("2401160930", "2401160931", {}),
        ("202401160930", "202401160931", {}),
        ("20240116093000", "20240116093100", {}),
        ("20240116093000000", "20240116093100000", {}),
        ("1705397400", "1705397460", {}),
        ("1705397400.0", "1705397460.0", {}),
        ("1705397400000", "1705397460000000", {}),
        ("1705397400000000000", "1705397460", {}),
        ("20240116  09:30:00", "20240116  09:31:00", {}),
        ("20240116 04:30:00 US/Eastern", "20240116 04:31:00 US/Eastern", {"zone": None}),
        ("20240116 04:30:00 EST", "20240116 04:31:00 EST", {"zone": None}),
        ("2024-01-16 18:30:00 KST", "2024-01-16 18:31:00 KST", {"zone": None}),
        ("20240116-09:30:00", "20240116-09:31:00.000", {"zone": "America/New_York"}),
        ("16.01.2024 09:30", "16.01.2024 09:31", {}),
        ("16.01.24 09:30", "16.01.24 09:31", {}),
        ("16/1/2024 9:30", "16/1/2024 9:31", {}),
        ("1/16/2024 9:30:00 AM", "1/16/2024 9:31:00 AM", {}),
        ("2024/01/16 09:30", "2024/01/16 09:31", {}),
        ("2024.01.16 09:30:00", "2024.01.16 09:31:00", {}),
        ("16-Jan-2024 09:30", "16-Jan-2024 09:31", {}),
        ('"Jan 16, 2024 09:30"', '"January 16, 2024 09:31"', {}),
        ("16.01.2024 10:30:00.000 GMT+0100", "16.01.2024 10:31:00.000 GMT+0100", {}),
        ("01/02/2024 09:30", "01/02/2024 09:31", {"date_format": "%d/%m/%Y %H:%M"}),
        ("2024-01-16T09:30Z", "2024-01-16T09:31Z", {"zone": None}),
        ("2024-01-16 09:30:00+00", "2024-01-16 09:31:00.000+00", {"zone": None}),
        ("2024-01-16 18:30:00+09", "2024-01-16 18:31:00+09", {"zone": "Asia/Seoul"}),
    ],
)
def test_a_stamp_means_one_instant_however_it_is_written(tmp_path, first, second, told):
    bars = read(tmp_path, stamped(first, second), **told)
    day = "2024-02-01" if "date_format" in told else "2024-01-16"
    assert bars.start.tolist() == [pd.Timestamp(f"{day} 09:3{at}", tz="UTC").value for at in (0, 1)]


@pytest.mark.parametrize(
    ("stamps", "complaint"),
    [
        (("1/2/2024 9:30", "1/2/2024 9:31"), "may have the day or the month first, like all others here; pass date_format="),
        (("01-02-2024 09:30", "01-02-2024 09:31"), "may have the day or the month first"),
        (("13/1/2024 9:30", "1/13/2024 9:31"), "some have the day first and some the month"),
        (("1501020930", "1501020931"), "may be a date of two-digit year, or seconds since 1970; pass date_format="),
        (("2024-01-16 09:30 CST", "2024-01-16 09:31 CST"), "names the zone 'CST', which is none, or is several places'"),
        (("20240116 09:30 KST", "20240116 09:31 JST"), "stamps name several zones, KST, JST"),
        (("1705397400000", "1705397460000", "170539752000"), "row 3: A: timestamp '170539752000' is no epoch"),
        (("20240116093000", "20240116096100", "20240116093200"), "row 2: A: timestamp '20240116096100' is not ISO 8601"),
        (("2401160930", "2401160961", "2401160932"), "row 2: A: timestamp '2401160961' is not ISO 8601"),
        (("1705397400", "1705397460", "2401160932"), "row 3: A: timestamp '2401160932' is no epoch"),
        (("1705397400", "9999999999999999999"), "row 2: A: timestamp '9999999999999999999' is no epoch"),
        (("1/16/2024 13:30:00 PM", "1/16/2024 1:31:00 PM"), "row 1: A: timestamp '1/16/2024 13:30:00 PM' is not"),
        (("2024-13-01 09:30", "2024-13-01 09:31"), "is not ISO 8601"),
    ],
)
def test_a_stamp_that_may_mean_two_instants_or_none_is_refused(tmp_path, stamps, complaint):
    with pytest.raises(MarketDataError, match=complaint):
        read(tmp_path, stamped(*stamps))


def test_ten_digits_are_told_apart_by_what_bars_do(tmp_path):
    assert read(tmp_path, stamped("1705311000", "1705311300", "1705311600"), step="5min").start[0] == 1705311000 * 10**9
    seconds = stamped(*range(1705311000, 1705311060))
    assert read(tmp_path, seconds.replace("1705311059", "1705311060"), step="1s").start[0] == 1705311000 * 10**9
    said = read(tmp_path, stamped("1501020930", "1501020931"), date_format="%y%m%d%H%M")
    assert str(said.to_frame().index[0][1])[:16] == "2015-01-02 09:30"
    assert read(tmp_path, stamped("1501020930", "1501020990"), date_format="epoch").start[0] == 1501020930 * 10**9


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1_000_000_000, 4_000_000_000), min_size=1, max_size=1),
    st.lists(st.sampled_from([1, 10**3, 10**6, 10**9]), max_size=30),
)
def test_each_epoch_has_the_unit_that_puts_it_near_the_others(begin, units):
    seconds = [begin[0] + 60 * at for at in range(len(units))]
    found = epochs_of(pd.Series([str(second * unit) for second, unit in zip(seconds, units, strict=True)], dtype="string"))
    assert found.ns.tolist() == [second * 10**9 for second in seconds]
    assert not found.bad.any()


def test_a_file_that_goes_on_for_years_in_another_unit_is_read(tmp_path):
    days = pd.date_range("2023-12-01", periods=1000, freq="1D", tz="UTC").as_unit("ns").asi8
    change = pd.Timestamp("2025-01-01", tz="UTC").value
    stamps = [str(ns // 10**6) if ns < change else str(ns // 10**3) for ns in days.tolist()]
    assert read(tmp_path, stamped(*stamps), step="1D").start.tolist() == days.tolist()


# lengths


@pytest.mark.parametrize(
    ("minutes", "complaint"), [((0, 3, 6, 9) * 9, "180 s, is no usual length"), ((0, 5, 10), "300 s, stands only 2 times")]
)
def test_rows_that_are_too_thin_do_not_tell_how_long_a_bar_is(tmp_path, minutes, complaint):
    stamps = [f"2024-01-{day:02d} {9 + minute // 60:02d}:{minute % 60:02d}" for day, minute in enumerate_days(minutes)]
    with pytest.raises(MarketDataError, match=f"A: cannot tell how long a bar is: the smallest gap within a day, {complaint}"):
        read(tmp_path, stamped(*stamps), step=None)
    assert read(tmp_path, stamped(*stamps)).step == 60_000_000_000


def enumerate_days(minutes):
    day = 1
    for at, minute in enumerate(minutes):
        day += at > 0 and minute < minutes[at - 1]
        yield day, minute


def test_rows_enough_tell_it(tmp_path):
    stamps = [f"2024-01-16 09:{minute:02d}" for minute in range(0, 35, 5)]
    assert read(tmp_path, stamped(*stamps), step=None).step == 300_000_000_000
    assert read(tmp_path, stamped("2024-01-16 09:30", "2024-01-16 09:31", "2024-01-16 15:00"), step=None).step == 60_000_000_000


# columns


def test_columns_are_named_by_the_caller_by_themselves_or_by_synonyms(tmp_path):
    german = "Datum;Zeit;Eröffnung;Hoch;Tief;Schluss;Stücke\n16.01.2024;09:30;12,5;12,75;12,25;12,5;12.707\n"
    bars = read(tmp_path, german)
    assert (bars.high[0], bars.volume[0]) == (12.75, 12707)
    path = tmp_path / "A.csv"
    path.write_bytes(german.encode("cp1252"))
    with pytest.raises(MarketDataError, match=r"text in another encoding than UTF-8 .*name it: encoding="):
        Bars.from_csv(path, **TOLD)
    assert Bars.from_csv(path, **TOLD, encoding="cp1252").high[0] == 12.75
    own = "When,First,Max,Min,Final,Size\n2024-01-16 09:30,10,12,9,11,500\n"
    named = read(
        tmp_path, own, columns={"timestamp": "When", "open": "first", "high": "Max", "low": "Min", "close": "Final", "volume": "Size"}
    )
    assert (named.open[0], named.volume[0]) == (10, 500)
    assert read(tmp_path, own, columns="timestamp=When,open=First,high=Max,low=Min,close=Final,volume=Size").close[0] == 11


def test_what_is_said_of_columns_goes_before_their_names(tmp_path):
    text = HEAD.replace("volume", "volume,shares") + "2024-01-16 09:30,1,1,1,1,99,5\n"
    assert read(tmp_path, text).volume[0] == 99
    assert read(tmp_path, text, columns="volume=shares").volume[0] == 5
    frame = pd.DataFrame({"timestamp": ["2024-01-16 09:30"], "open": 1, "high": 1, "low": 1, "close": 1, "volume": 99, "shares": 5})
    assert Bars.from_frame(frame, symbol="A", zone="UTC", step="1min", csv=CsvFormat(columns="volume=shares")).volume[0] == 5


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"columns": "volume=Shares"}, "no column 'Shares' for volume; the columns are timestamp, open"),
        ({"columns": "volum=shares"}, "did you mean volume"),
        ({"columns": "timestamp,open"}, "a list of names in order, which is for a file without a header"),
        ({"date_format": "dayfirst"}, "date_format 'dayfirst' is none; write it as strptime takes it"),
        ({"encoding": "utf8000"}, "unknown encoding 'utf8000'"),
        ({"header": False, "columns": "timestamp,open,open"}, "'open' is said twice"),
    ],
)
def test_what_cannot_be_said_of_a_file_is_refused(tmp_path, told, complaint):
    with pytest.raises(UsageError, match=complaint):
        read(tmp_path, HEAD + "2024-01-16 09:30,1,1,1,1,5\n", **told)


def test_two_columns_that_may_be_one_field_are_asked_about(tmp_path):
    text = HEAD.replace("close", "last,종가") + "2024-01-16 09:30,1,1,1,1,1,5\n"
    with pytest.raises(MarketDataError, match="columns 'last' and '종가' both may be close; say which: columns='close=NAME'"):
        read(tmp_path, text)
    assert read(tmp_path, text, columns="close=last").close[0] == 1


def test_a_file_without_a_header_is_read_by_the_order_of_its_columns(tmp_path):
    text = "2024-01-16 09:30,10,12,9,11,x,500\n2024-01-16 09:31,10,12,9,11,x,600\n"
    with pytest.raises(MarketDataError, match=r"the first row holds numbers, not names: .*header=False, columns='timestamp,open,"):
        read(tmp_path, text)
    bars = read(tmp_path, text, header=False, columns="timestamp,open,high,low,close,-,volume")
    assert bars.volume.tolist() == [500, 600]
    with pytest.raises(MarketDataError, match="6 names and the first row 7 fields"):
        read(tmp_path, text, header=False, columns="timestamp,open,high,low,close,volume")
    words = "when,a,b,c,d,e\n" + text.replace(",x", "")
    with pytest.raises(MarketDataError, match="row 1: A: timestamp 'when' is not ISO 8601"):
        read(tmp_path, words, header=False, columns="timestamp,open,high,low,close,volume")


def test_an_index_that_pandas_wrote_without_a_name_is_the_time(tmp_path):
    frame = pd.DataFrame({"open": [1.0], "high": 1, "low": 1, "close": 1, "volume": 5}, index=[pd.Timestamp("2024-01-16 09:30")])
    assert read(tmp_path, frame.to_csv()).start[0] == pd.Timestamp("2024-01-16 09:30", tz="UTC").value


def test_pairs_of_columns_are_parsed_alike_for_bars_and_orders():
    assert parse_columns("open=Erster,volume=Stücke", ("open", "volume")) == {"open": "Erster", "volume": "Stücke"}
    with pytest.raises(UnknownNameError, match="did you mean open"):
        parse_columns("opne=Erster", ("open", "volume"))


# files


ROWS = HEAD + "2024-01-16 09:30,1,1,1,1,5\n2024-01-16 09:31,1,1,1,1,5\n"


@pytest.mark.parametrize("stem", ["BRK-A", "BRK.B", "ADA-USD", "BTC_USDT", "005930", "A", "TXT", "ES H4", "스팩1호"])
@pytest.mark.parametrize("suffix", [".csv", ".CSV", ".csv.gz", ".txt.gz", ".tsv", ".zip"])
def test_the_symbol_is_the_whole_stem(stem, suffix):
    assert stem_of(f"some/folder/{stem}{suffix}") == stem


def test_files_of_one_symbol_are_joined_and_that_is_said(tmp_path):
    day = ROWS.replace("01-16", "01-17")
    for name, text in (("a/SPY.csv", ROWS), ("b/SPY.csv", day), ("a/QQQ-X.csv", ROWS), ("a/QQQ-Y.csv", day)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    bars = Bars.read(tmp_path, **TOLD)
    assert bars.symbols == ("QQQ-X", "QQQ-Y", "SPY")
    assert bars.notes == ("SPY: 2 files are one symbol: SPY.csv, SPY.csv",)
    many = Bars.read([tmp_path / "a" / "SPY.csv"], **TOLD)
    assert many.notes == ()


def test_files_of_one_symbol_that_show_bars_of_two_lengths_are_refused(tmp_path):
    days = "".join(f"2024-01-{day:02d},1,1,1,1,5\n" for day in range(2, 12))
    fives = "".join(f"2024-01-17 {9 + at // 12:02d}:{at % 12 * 5:02d},1,1,1,1,5\n" for at in range(40))
    minutes = "".join(f"2024-01-16 09:{at:02d},1,1,1,1,5\n" for at in range(40))
    for other, seconds in ((days, 86400), (fives, 300)):
        for name, rows in (("m/SPY.csv", minutes), ("o/SPY.csv", other)):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(HEAD + rows)
        told = {"zone": "UTC", "label": "start"}
        with pytest.raises(MarketDataError, match=rf"SPY: its rows are {seconds} s apart, .*bars of two lengths"):
            Bars.read(tmp_path, **told)
        if seconds == 300:
            assert Bars.read(tmp_path, **TOLD).step == 60_000_000_000


def test_many_symbols_of_several_files_are_one_line(tmp_path):
    for day in (16, 17):
        rows = "".join(f"S{n},2024-01-{day} 09:30,1,1,1,1,5\n" for n in range(7))
        (tmp_path / f"{day}.csv").write_text("symbol," + HEAD + rows)
    assert Bars.read(tmp_path, **TOLD).notes == ("7 symbols have several files each: S0 of 2, S1 of 2, S2 of 2 ...",)


def folder(tmp_path):
    (tmp_path / "bars").mkdir()
    (tmp_path / "bars" / "SPY.csv").write_text(ROWS)
    (tmp_path / "bars" / "QQQ").write_text(ROWS)  # no suffix: it is what it holds
    (tmp_path / "bars" / "DIA.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    (tmp_path / "bars" / "README.txt").write_text("Bars of a vendor.\nBought in May.\n")
    (tmp_path / "bars" / "._SPY.csv").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "bars" / "SPY.csv.part").write_text(ROWS)
    (tmp_path / "bars" / "trades.csv").write_text("time,price,size\n09:30,1,1\n")
    (tmp_path / "bars" / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff\xfe")
    (tmp_path / "bars" / "notes.json").write_text("{}")
    (tmp_path / "bars" / "empty.txt").write_text("")
    (tmp_path / "bars" / "costs.xlsx").write_bytes(b"PK\x03\x04 no bars")
    with zipfile.ZipFile(tmp_path / "bars" / "many.zip", "w") as archive:
        archive.writestr("IWM.csv", ROWS)
        archive.writestr("__MACOSX/._IWM.csv", b"\x00")
        archive.writestr("LICENSE", "all rights reserved")
    return tmp_path / "bars"


def test_files_of_a_folder_that_hold_no_bars_are_passed_over_and_named(tmp_path):
    loaded = load(folder(tmp_path), Request(zone="UTC", label="start", step=60_000_000_000))
    assert loaded.bars.symbols == ("DIA", "IWM", "QQQ", "SPY")
    names = {file.rsplit("/bars/", 1)[1]: why for file, why in loaded.passed}
    assert set(names) == {
        "._SPY.csv", "README.txt", "SPY.csv.part", "empty.txt", "logo.png", "many.zip/LICENSE", "many.zip/__MACOSX/._IWM.csv",
        "notes.json", "trades.csv", "costs.xlsx",
    }  # fmt: skip
    assert "no column open" in names["trades.csv"]
    assert "unfinished" in names["SPY.csv.part"]
    (line,) = loaded.bars.notes
    assert line.startswith("passed over 10 files: ._SPY.csv (left by a system, no file of bars); ")
    assert line.endswith("; and 5 more")


def test_a_broken_file_of_bars_in_a_folder_is_not_passed_over(tmp_path):
    place = folder(tmp_path)
    for name, content, complaint in (
        ("x.csv", "", "the file is empty"),
        ("x.csv", HEAD.replace("volume", "vol_ume") + "2024-01-16 09:30,1,1,1,1,5\n", "no column volume"),
        ("x.csv", "2024-01-16 09:30,1,1,1,1,5\n", "the first row holds numbers"),
        ("x.csv", HEAD + "2024-01-16 09:30,1,1,1,1,much\n", "volume 'much' is no number"),
        ("x.csv", "timestamp,open,hîgh".encode("cp1252").decode("latin-1"), None),
        ("x.parquet", "PAR1 cut", "not a whole Parquet file"),
        ("x.zip", "PK\x03\x04 cut", "not a whole"),
    ):
        (place / name).write_text(content, encoding="latin-1")
        with pytest.raises(MarketDataError, match=complaint or "another encoding"):
            Bars.read(place, **TOLD)
        (place / name).unlink()


def test_a_folder_without_bars_says_what_it_holds(tmp_path):
    (tmp_path / "bars").mkdir()
    (tmp_path / "bars" / "README.txt").write_text("nothing here\n")
    (tmp_path / "bars" / "._x.csv").write_text("")
    with pytest.raises(MarketDataError, match=r"holds no file of bars: .*\._x\.csv: left by a system.*; and so for 1 more file"):
        Bars.read(tmp_path / "bars")


def test_a_zip_in_a_zip_is_read_and_a_member_of_several_has_its_own_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as archive:
        archive.writestr("x.csv", ROWS)
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(tmp_path / "inner.zip", "BRK-A.zip")
        archive.writestr("BRK-B.csv", ROWS)
    assert Bars.read(tmp_path / "outer.zip", **TOLD).symbols == ("BRK-A", "BRK-B")


def test_what_is_said_of_a_text_is_refused_for_a_store(tmp_path):
    from exec_algos.market.store import BarStore

    store = BarStore(tmp_path / "store")
    store.write(read(tmp_path, ROWS))
    with pytest.raises(UsageError, match=r"is a bar store.*leave out decimal"):
        Bars.read(tmp_path / "store", csv=CsvFormat(decimal=","))
    assert np.array_equal(Bars.read(tmp_path / "store").open, [1, 1])
