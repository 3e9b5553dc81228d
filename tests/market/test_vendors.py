"""Each vendor's form is read without a word on how it is written, and means the bars that its sample says."""

import gzip
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from exec_algos.errors import MarketDataError, UnknownNameError, UsageError
from exec_algos.market.bars import Bars
from exec_algos.market.csvformat import CsvFormat
from exec_algos.market.table import table_of
from exec_algos.market.vendor import Document
from exec_algos.market.vendors import VENDORS, vendor_of

SAMPLES = [(name, sample) for name, vendor in VENDORS.items() for sample in vendor.samples]
# every sample holds these three bars, at 2024-01-16 in its own zone
BARS = {"open": [10, 11, 12], "high": [12, 13, 14], "low": [9, 10, 11], "close": [11, 12, 13]}
VOLUME = [500, 600, 700]
FIRST = {"alphavantage": "15:57", "korean": "09:00"}  # the start of the first bar


def put(folder, name, text, encoding="utf-8"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def means(bars, vendor, sample):
    first = pd.Timestamp(f"2024-01-16 {FIRST.get(vendor, '09:30')}", tz=bars.zone).value
    assert bars.symbols == (sample.symbol,)
    assert bars.start.tolist() == [first + minute * 60_000_000_000 for minute in range(3)]
    assert {name: getattr(bars, name).tolist() for name in BARS} == BARS
    assert bars.volume.tolist() == ([0, 0, 0] if vendor == "histdata" else VOLUME)
    assert bars.step == 60_000_000_000


@pytest.mark.parametrize(("vendor", "sample"), SAMPLES, ids=[f"{name}-{sample.file}" for name, sample in SAMPLES])
def test_a_sample_is_its_vendors_alone_and_means_its_three_bars(vendor, sample, tmp_path):
    source = Document(__import__("json").loads(sample.text)) if sample.text[0] in "{[" else None
    source = source or table_of(sample.text, CsvFormat(), file="", stem=sample.file.rsplit(".", 1)[0])
    assert [name for name, known in VENDORS.items() if known.recognises(source)] == [vendor]
    means(Bars.read(put(tmp_path, sample.file, sample.text), **sample.said), vendor, sample)


@pytest.mark.parametrize(("vendor", "sample"), SAMPLES, ids=[f"{name}-{sample.file}" for name, sample in SAMPLES])
@pytest.mark.parametrize("packed", ["utf-16", "gz", "zst", "zip", "cr", "bom"])
def test_the_same_in_any_encoding_and_packing_and_with_any_line_ends(vendor, sample, packed, tmp_path):
    path = tmp_path / sample.file
    data = sample.text.encode()
    if packed == "utf-16":
        data = sample.text.encode("utf-16")
    elif packed == "bom":
        data = b"\xef\xbb\xbf" + sample.text.replace("\n", "\r\n").encode()
    elif packed == "cr":
        data = sample.text.replace("\n", "\r").encode()
    elif packed == "gz":
        path, data = tmp_path / f"{sample.file}.gz", gzip.compress(data)
    elif packed == "zst":
        path, data = tmp_path / f"{sample.file}.zst", pa.Codec("zstd").compress(data, asbytes=True)
    if packed == "zip":
        path = tmp_path / "many.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(sample.file, sample.text)
            archive.writestr("README.txt", "Bars of a vendor.\n")
    else:
        path.write_bytes(data)
    means(Bars.read(path, **sample.said), vendor, sample)


@pytest.mark.parametrize(("vendor", "sample"), SAMPLES, ids=[f"{name}-{sample.file}" for name, sample in SAMPLES])
def test_what_the_file_does_not_tell_is_asked_for(vendor, sample, tmp_path):
    path = put(tmp_path, sample.file, sample.text)
    for name, asked in (("label", "pass label="), ("zone", "no zone is named")):
        if name in sample.said and not (name == "zone" and ("Z" in sample.text or "+00:00" in sample.text)):
            with pytest.raises(MarketDataError, match=asked):
                Bars.read(path, **{key: value for key, value in sample.said.items() if key != name})


def test_a_vendor_is_a_file_and_a_file_is_found():
    assert len(VENDORS) >= 16
    for name, vendor in VENDORS.items():
        assert vendor.name == name
        assert vendor.source
        assert vendor.samples
    with pytest.raises(UnknownNameError, match="did you mean metatrader"):
        Bars.read("x.csv", format="metatrade")
    assert vendor_of(table_of("a,b\n1,2\n", CsvFormat(), file="", stem="x"), "x") is None


# what one vendor's form alone has


def sample_of(vendor, number=0):
    return VENDORS[vendor].samples[number]


def test_metatraders_volume_is_ticks_where_there_is_no_other_and_that_is_said(tmp_path):
    sample = sample_of("metatrader")
    ticks = Bars.read(put(tmp_path, "EURUSD.csv", sample.text), zone="Europe/Athens")
    assert ticks.notes == ("EURUSD: volume is <TICKVOL>, the number of price changes: <VOL> is 0 throughout",)
    real = Bars.read(put(tmp_path, "FDAX.csv", sample.text.replace("\t500\t0", "\t500\t40")), zone="Europe/Athens")
    assert (real.volume.tolist(), real.notes) == ([40, 0, 0], ())


def test_the_bars_of_quotes_of_interactive_brokers_have_no_volume_and_no_average(tmp_path):
    sample = sample_of("interactive_brokers")
    text = sample.text
    for volume, average in ((500, 10.5), (600, 11.5), (700, 12.5)):
        text = text.replace(f",{volume},{average},", ",-1,-1.0,")
    bars = Bars.read(put(tmp_path, "EUR.csv", text))
    assert bars.volume.tolist() == [0, 0, 0]
    assert np.isnan(bars.vwap).all()
    assert "it is -1 throughout" in bars.notes[0]
    with pytest.raises(MarketDataError, match=r"row 2: EUR: volume -1\.0 is negative"):
        Bars.read(put(tmp_path, "EUR.csv", sample.text.replace(",600,", ",-1,")))


def test_a_zone_in_the_stamp_counts_and_another_is_how_it_is_shown(tmp_path):
    path = put(tmp_path, "SPY.csv", sample_of("interactive_brokers").text)
    assert Bars.read(path).start.tolist() == Bars.read(path, zone="Asia/Seoul").start.tolist()
    assert Bars.read(path, zone="Asia/Seoul").zone == "Asia/Seoul"
    assert Bars.read(path).start[0] == pd.Timestamp("2024-01-16 14:30", tz="UTC").value


def test_metatraders_days_are_told_by_the_name_of_their_file(tmp_path):
    text = (
        sample_of("metatrader").text.replace("\t<TIME>", "").replace("\t09:30:00", "").replace("\t09:31:00", "").replace("\t09:32:00", "")
    )
    days = text.replace("2024.01.16\t11", "2024.01.17\t11").replace("2024.01.16\t12", "2024.01.18\t12")
    bars = Bars.read(put(tmp_path, "EURUSD_Daily.csv", days), zone="Europe/Athens")
    assert (bars.symbols, bars.step) == (("EURUSD",), 86_400_000_000_000)


def test_histdata_has_winter_time_in_summer(tmp_path):
    text = sample_of("histdata").text.replace("20240116", "20240716")
    bars = Bars.read(put(tmp_path, "DAT_ASCII_EURUSD_M1_202407.csv", text))
    assert bars.start[0] == pd.Timestamp("2024-07-16 14:30", tz="UTC").value
    with pytest.raises(
        MarketDataError, match="the first row holds numbers, not names"
    ):  # NinjaTrader writes the same with volumes, in another zone
        Bars.read(put(tmp_path, "ES.csv", text.replace(";0\n", ";7\n")))


def test_a_kraken_file_says_how_long_its_bars_are_in_its_name(tmp_path):
    rows = "1705397400,10,12,9,11,500,3\n1705398300,11,13,10,12,600,3\n1705400100,12,14,11,13,700,3\n"
    bars = Bars.read(put(tmp_path, "XBTUSD_15.csv", rows))
    assert (bars.symbols, bars.step) == (("XBTUSD",), 15 * 60_000_000_000)
    with pytest.raises(MarketDataError, match="the file's name says bars of 60 s, and no two rows are that far apart; pass step="):
        Bars.read(put(tmp_path, "XBTUSD_1.csv", rows))


def test_a_coins_volume_counts_coins_and_the_other_is_value(tmp_path):
    text = sample_of("cryptodatadownload").text
    assert Bars.read(put(tmp_path, "a.csv", text)).vwap.tolist() == [10.5, 11.5, 12.5]
    turned = text.replace("Volume BTC,Volume USD", "Volume USD,Volume BTC")
    assert Bars.read(put(tmp_path, "b.csv", turned)).volume.tolist() == [5250, 6900, 8750]
    with pytest.raises(MarketDataError, match="which of volume eth, volume eur counts units of BTC/USD"):
        Bars.read(put(tmp_path, "c.csv", text.replace("Volume BTC,Volume USD", "Volume ETH,Volume EUR")))


def test_databento_of_several_lengths_or_without_symbols(tmp_path):
    text = sample_of("databento").text
    with pytest.raises(MarketDataError, match="rtype is 33, 34: read bars of one length"):
        Bars.read(put(tmp_path, "a.csv", text.replace("1705397460000000000,33", "1705397460000000000,34")))
    without = "\n".join(line.rsplit(",", 1)[0] for line in text.splitlines())
    bars = Bars.read(put(tmp_path, "b.csv", without))
    assert (bars.symbols, bars.notes) == (("7",), ("7: the symbol is the instrument_id: the file has no column symbol",))
    cents = text.replace("10000000000,12000000000", "10010000000,12000000000")
    assert Bars.read(put(tmp_path, "c.csv", cents)).open[0] == 10.01


@pytest.mark.parametrize(
    ("vendor", "more"),
    [("alpaca", ('"next_page_token":null', '"next_page_token":"QUF"')), ("polygon", ('"status"', '"next_url":"u","status"'))],
)
def test_an_answer_that_has_more_pages_says_so(vendor, more, tmp_path):
    sample = next(sample for sample in VENDORS[vendor].samples if sample.text.startswith("{"))
    bars = Bars.read(put(tmp_path, "x.json", sample.text.replace(*more)), **sample.said)
    assert "has more: get all pages" in bars.notes[0]
    assert bars.vwap.tolist() == [10.5, 11.5, 12.5]


def test_an_answer_without_bars_or_cut_short_is_refused(tmp_path):
    for text, complaint in (
        ('{"bars":{},"next_page_token":null}', "no bar in it"),
        ('{"ticker":"SPY","results":[],"status":"ERROR"}', "no result in it; the answer's status is 'ERROR'"),
        ('{"bars":{"SPY":[{"t":', "not a whole JSON text"),
        ('{"message":"forbidden"}', "JSON of no form that is known"),
    ):
        with pytest.raises(MarketDataError, match=complaint):
            Bars.read(put(tmp_path, "x.json", text))


def test_kiwooms_sign_is_that_of_the_days_change(tmp_path):
    text = sample_of("korean").text
    bars = Bars.read(put(tmp_path, "005930.csv", text, "cp949"))
    assert bars.low.tolist() == [9, 10, 11]
    assert bars.notes == ("005930: prices carry the sign of the day's change, and are read without it",)
    assert bars.zone == "Asia/Seoul"
    rows = '2024/01/16,09:01,"70,000","70,100","69,900","70,050","1,000"', "2024/01/16,09:00,700,700,700,700,9"
    quoted = "\n".join(["일자,시간,시가,고가,저가,종가,거래량", *rows])
    spoken = Bars.read(put(tmp_path, "005930.csv", quoted, "cp949"))
    assert (spoken.close.tolist(), spoken.volume.tolist()) == ([700, 70050], [9, 1000])
    later = text.replace("0116090", "0116095")  # from 09:50 on: the first bar does not tell which end its stamp names
    with pytest.raises(MarketDataError, match="pass label="):
        Bars.read(put(tmp_path, "005930.csv", later))


def test_clock_times_that_lost_their_zeros_are_read(tmp_path):
    text = "date,time,open,high,low,close,volume\n20240116,901,10,12,9,11,5\n20240116,902,10,12,9,11,6\n20240116,1001,10,12,9,11,7\n"
    bars = Bars.read(put(tmp_path, "A005930.csv", text), zone="Asia/Seoul", label="end")
    assert [str(t)[11:16] for t in bars.to_frame().index.get_level_values(1)] == ["09:00", "09:01", "10:00"]
    seconds = text.replace(",901,", ",90100,").replace(",902,", ",90200,").replace(",1001,", ",100100,")
    assert Bars.read(put(tmp_path, "B.csv", seconds), zone="Asia/Seoul", label="end").start.tolist() == bars.start.tolist()


def test_yfinance_frames_of_several_tickers_are_read(tmp_path):
    times = pd.date_range("2024-01-16 14:30", periods=3, freq="1min", tz="UTC", name="Datetime")
    columns = pd.MultiIndex.from_product([["Close", "High", "Low", "Open", "Volume"], ["SPY", "QQQ"]], names=["Price", "Ticker"])
    values = [[11, 21, 12, 22, 9, 19, 10, 20, 500, 5], [12, 22, 13, 23, 10, 20, 11, 21, 600, 6], [13, np.nan] * 5]
    frame = pd.DataFrame(values, index=times, columns=columns)
    bars = Bars.from_frame(frame, zone="America/New_York")
    assert bars.symbols == ("QQQ", "SPY")
    assert (bars.rows("QQQ"), bars.close[:2].tolist()) == (slice(0, 2), [21, 22])
    by_ticker = frame.swaplevel(axis=1).sort_index(axis=1)
    assert Bars.from_frame(by_ticker).close.tolist() == bars.close.tolist()
    frame.to_csv(tmp_path / "two.csv")
    assert Bars.read(tmp_path / "two.csv").close.tolist() == bars.close.tolist()
    frame.xs("SPY", axis=1, level=1, drop_level=False).to_csv(tmp_path / "one.csv")
    assert Bars.read(tmp_path / "one.csv").symbols == ("SPY",)


def test_stooqs_period_is_the_length_of_a_bar(tmp_path):
    sample = sample_of("stooq")
    five = sample.text.replace("AAPL.US,1,", "AAPL.US,5,").replace("0931", "0935").replace("0932", "0945")
    assert Bars.read(put(tmp_path, "x.txt", five), **sample.said).step == 300_000_000_000
    with pytest.raises(MarketDataError, match="<PER> is 1, 5: read bars of one length"):
        Bars.read(put(tmp_path, "x.txt", sample.text.replace("AAPL.US,1,20240116,093100", "AAPL.US,5,20240116,093100")), **sample.said)


def test_a_stamp_of_dukascopy_names_gmt_or_asks(tmp_path):
    local = sample_of("dukascopy").text.replace("Gmt time", "Local time")
    with pytest.raises(MarketDataError, match="no zone is named"):
        Bars.read(put(tmp_path, "EURUSD.csv", local))
    offset = local.replace(".000,", ".000 GMT+0100,")
    assert Bars.read(put(tmp_path, "EURUSD.csv", offset)).start[0] == pd.Timestamp("2024-01-16 08:30", tz="UTC").value


def test_a_workbook_is_read_where_openpyxl_is_or_says_what_to_do(tmp_path):
    path = tmp_path / "SPY.xlsx"
    times = pd.date_range("2024-01-16 09:30", periods=3, freq="1min", name="timestamp")
    frame = pd.DataFrame({**BARS, "volume": VOLUME}, index=times)
    try:
        frame.to_excel(path)
    except ImportError:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
        with pytest.raises(MarketDataError, match="an Excel workbook, which pandas reads with openpyxl"):
            Bars.read(path)
        return
    assert Bars.read(path, zone="UTC", label="start").close.tolist() == BARS["close"]


def test_a_reader_is_told_nothing_that_it_does_not_know():
    with pytest.raises(UnknownNameError, match="did you mean decimal"):
        Bars.from_csv("x.csv", decimals=",")
    with pytest.raises(UsageError, match=r"decimal must be '\.' or ','"):
        Bars.from_csv("x.csv", decimal=";")
