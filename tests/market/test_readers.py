import io
import os
import zipfile

import numpy as np
import pandas as pd
import pytest

from exec_algos.errors import MarketDataError, UnknownNameError, UsageError
from exec_algos.market.bars import Bars

MINUTE = 60_000_000_000
NEW_YORK = "America/New_York"
KLINES = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"


def ns(text, zone=NEW_YORK):
    return pd.Timestamp(text, tz=zone).value


def put(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def zipped(folder, name, **members):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in members.items():
            archive.writestr(member.replace("__", ".") + ".csv", text)
    return path


def kline(opened, unit, *rest):
    return f"{opened},10,12,9,11,{rest[0]},{opened + 60_000 * unit - 1},{rest[1]},5,1,1,0"


# files of nobody's in particular


PLAIN = "timestamp,open,high,low,close,volume\n2024-01-02T09:30:00,10,12,9,11,5\n2024-01-02T09:31:00,10,12,9,11,6\n"


def test_a_plain_csv_asks_for_zone_and_label(tmp_path):
    path = put(tmp_path, "SPY.csv", PLAIN)
    with pytest.raises(MarketDataError, match=r"no zone is named; pass zone="):
        Bars.from_csv(path)
    with pytest.raises(MarketDataError, match=r"pass label='start' or label='end'"):
        Bars.from_csv(path, zone=NEW_YORK)
    assert Bars.from_csv(path, zone=NEW_YORK, label="start").start[0] == ns("2024-01-02 09:30")
    assert Bars.from_csv(path, zone=NEW_YORK, label="end").start[0] == ns("2024-01-02 09:29")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_semicolons_tabs_crlf_and_a_byte_order_mark_are_read(tmp_path, separator):
    path = tmp_path / "005930.csv"
    path.write_bytes(b"\xef\xbb\xbf" + PLAIN.replace(",", separator).replace("\n", "\r\n").encode())
    bars = Bars.from_csv(path, zone="Asia/Seoul", label="start")
    assert bars.symbols == ("005930",)
    assert bars.volume.tolist() == [5, 6]


def test_a_symbol_column_keeps_its_leading_zeros(tmp_path):
    rows = PLAIN.replace("\n2024", "\n005930,2024").replace("timestamp", "Symbol,timestamp")
    assert Bars.from_csv(put(tmp_path, "all.csv", rows), zone="Asia/Seoul", label="start").symbols == ("005930",)


def test_prices_are_read_to_the_last_bit(tmp_path):
    values = np.random.default_rng(0).uniform(1, 100, 500)
    table = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), values))
    table.index = pd.date_range("2024-01-02", periods=500, freq="1min", tz="UTC", name="timestamp")
    table.to_csv(tmp_path / "A.csv")
    assert Bars.read(tmp_path / "A.csv", label="start").open.tolist() == values.tolist()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("timestamp,open,high,low,close,volume\n", "no data row"),
        ("timestamp,open,high,low,close\n2024-01-02,1,1,1,1\n", "no column volume"),
        ("timestamp,opn,high,low,close,volume\n2024-01-02,1,1,1,1,1\n", "did you mean 'opn' for 'open'"),
        ("2024-01-02,1,1,1,1,1\n", "the first row holds numbers, not names"),
        ("timestamp,open,high,low,close,volume\n2024-01-02,1,1,1,1,1,7\n", "6 names and the first row 7 fields"),
        ("timestamp,open,high,low,close,volume\n2024-01-02,1,1,1,1,1\n2024-01-03,1,1,1,1,1,7\n", "line 3, saw 7"),
        ("timestamp,open,open,high,low,close,volume\n2024-01-02,1,1,1,1,1,1\n", "Duplicate names"),
    ],
)
def test_a_file_that_is_no_table_of_bars_is_refused_by_name(tmp_path, text, complaint):
    path = put(tmp_path, "SPY.csv", text)
    with pytest.raises(MarketDataError, match=complaint) as caught:
        Bars.read(path, zone="UTC", label="start", step="1D")
    assert caught.value.file == str(path)


def test_a_file_of_other_bytes_is_refused(tmp_path):
    path = tmp_path / "SPY.csv"
    path.write_bytes(b"\x1f\x8b\x08\x00\xff\xfe")
    with pytest.raises(MarketDataError, match="not a whole gzip file"):
        Bars.read(path)
    path.write_bytes(b"\x01\x02\x03\xff\xfe")
    with pytest.raises(MarketDataError, match=r"SPY\.csv: text in another encoding than UTF-8 \(byte 3, line 1\); name it"):
        Bars.read(path)
    with pytest.raises(MarketDataError, match=r"JSON of no form that is known"):
        Bars.read(put(tmp_path, "SPY.json", "{}"))
    with pytest.raises(MarketDataError, match="no such file or folder"):
        Bars.read(tmp_path / "absent")
    with pytest.raises(MarketDataError, match="folder holds no file"):
        Bars.read(put(tmp_path, "empty/readme.md", "").parent)


def test_a_url_that_nothing_opens_is_refused():
    with pytest.raises(UsageError, match=r"nowhere://x\.csv: Protocol not known"):
        Bars.read("nowhere://x.csv")


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path, monkeypatch):
    from fsspec.implementations.local import LocalFileSystem

    def fail(*_):
        raise OSError("disk on fire")

    monkeypatch.setattr(LocalFileSystem, "cat_file", fail)
    with pytest.raises(MarketDataError, match=r"SPY\.csv: cannot be read: disk on fire"):
        Bars.read(put(tmp_path, "SPY.csv", PLAIN))


def test_a_list_of_no_file_is_refused():
    with pytest.raises(UsageError, match="no file to read"):
        Bars.read([])


def test_an_unknown_format_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean polygon"):
        Bars.read(put(tmp_path, "SPY.csv", PLAIN), format="polygone")


# Parquet


def minute_frame(n=3, zone=NEW_YORK, **columns):
    times = pd.date_range("2024-01-02 09:30", periods=n, freq="1min", tz=zone, name="timestamp")
    return pd.DataFrame({"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 5, **columns}, index=times)


def test_a_folder_of_parquet_files_is_one_symbol_a_file(tmp_path):
    for symbol in ("005930", "000660"):
        minute_frame(zone="Asia/Seoul").to_parquet(tmp_path / f"{symbol}.parquet")
    bars = Bars.read(tmp_path)
    assert (bars.symbols, bars.zone) == (("000660", "005930"), "Asia/Seoul")


def test_a_parquet_of_another_form_asks_for_zone_and_label(tmp_path):
    path = tmp_path / "SPY.parquet"
    minute_frame(zone=None).reset_index().to_parquet(path)
    with pytest.raises(MarketDataError, match="pass zone="):
        Bars.from_parquet(path)
    with pytest.raises(MarketDataError, match="pass label="):
        Bars.from_parquet(path, zone=NEW_YORK)
    assert Bars.from_parquet(path, zone=NEW_YORK, label="start").start[0] == ns("2024-01-02 09:30")


@pytest.mark.parametrize(
    ("size", "complaint"), [(0, "the file is empty"), (20, "not a whole Parquet file"), (-8, "not a whole Parquet file")]
)
def test_a_truncated_parquet_is_refused_by_name(tmp_path, size, complaint):
    path = tmp_path / "SPY.parquet"
    minute_frame().to_parquet(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(MarketDataError, match=f"{complaint}.*copy it again") as caught:
        Bars.read(path)
    assert caught.value.file == str(path)


def test_zones_that_differ_between_files_need_one_to_be_named(tmp_path):
    minute_frame().to_parquet(tmp_path / "A.parquet")
    minute_frame(zone="UTC").to_parquet(tmp_path / "B.parquet")
    with pytest.raises(MarketDataError, match=r"B\.parquet: stamps are in UTC, those of .*A\.parquet in America/New_York: a mixed zone"):
        Bars.read(tmp_path)
    assert Bars.read(tmp_path, zone="UTC").start.tolist()[:1] == [ns("2024-01-02 09:30")]


def test_several_files_of_one_symbol_are_joined_in_time_order(tmp_path):
    late, early = tmp_path / "a.csv", tmp_path / "b.csv"
    early.write_text(PLAIN)
    late.write_text(PLAIN.replace("01-02", "01-03"))
    bars = Bars.read([late, early], symbol="SPY", zone=NEW_YORK, label="start")
    assert [str(t)[:10] for t in bars.to_frame().index.get_level_values(1)] == ["2024-01-02"] * 2 + ["2024-01-03"] * 2


def test_a_bad_row_of_a_joined_symbol_is_named_by_its_own_file(tmp_path):
    put(tmp_path, "a.csv", PLAIN)
    bad = put(tmp_path, "b.csv", PLAIN.replace("01-02", "01-03").replace("12,9,11,6", "8,9,11,6"))
    with pytest.raises(MarketDataError, match=r"high 8\.0 is below low 9\.0") as caught:
        Bars.read(tmp_path, symbol="SPY", zone=NEW_YORK, label="start")
    assert (caught.value.file, caught.value.row) == (str(bad), 2)


def test_two_files_of_one_symbol_and_time_are_refused(tmp_path):
    put(tmp_path, "a.csv", PLAIN)
    put(tmp_path, "b.csv", PLAIN.replace(",6", ",7"))
    told = {"symbol": "SPY", "zone": NEW_YORK, "label": "start"}
    with pytest.raises(MarketDataError, match=r"b\.csv: SPY: 2 bars of the same time as in .*a\.csv, 1 of them with other"):
        Bars.read(tmp_path, **told)
    bars = Bars.read(tmp_path, **told, on_bad="repair")
    assert bars.volume.tolist() == [5, 7]
    assert {os.path.basename(issue.file) for issue in bars.report} == {"a.csv", "b.csv"}


def test_files_of_one_symbol_whose_stamps_mean_different_things_are_refused(tmp_path):
    put(tmp_path, "AAPL_1m.csv", "Datetime,Close,High,Low,Open,Volume\n2026-03-19 13:30:00+00:00,11,12,9,10,5\n")
    put(tmp_path, "AAPL_1min.csv", ALPHA)
    with pytest.raises(MarketDataError, match=r"AAPL_1m\.csv: AAPL: label is start, in .*AAPL_1min\.csv it is end"):
        Bars.read(tmp_path, zone=NEW_YORK)
    five = kline(ns("2025-01-02", "UTC") // 10**6, 1, 4, 42)
    put(tmp_path / "b", "BTC-1m.csv", kline(ns("2025-01-01", "UTC") // 10**6, 1, 4, 42))
    put(tmp_path / "b", "BTC-5m.csv", five.replace("59999,", "299999,"))
    with pytest.raises(MarketDataError, match="step in ns is"):
        Bars.read(tmp_path / "b")


# vendors


@pytest.mark.parametrize("header", [KLINES + "\n", ""])
@pytest.mark.parametrize(("unit", "scale"), [(1, 10**6), (1000, 10**3)])
def test_binance_with_and_without_header_in_ms_and_us(tmp_path, header, unit, scale):
    first = ns("2025-01-01", "UTC") // scale
    text = header + kline(first, unit, 4, 42) + "\n" + kline(first + 60_000 * unit, unit, 0, 0) + "\n"
    bars = Bars.read(put(tmp_path, "BTCUSDT-1m-2025-01.csv", text))
    assert (bars.symbols, bars.step, bars.zone) == (("BTCUSDT",), MINUTE, "UTC")
    assert bars.start.tolist() == [ns("2025-01-01", "UTC"), ns("2025-01-01 00:01", "UTC")]
    np.testing.assert_array_equal(bars.vwap, [10.5, np.nan])


def test_binance_with_a_header_of_words(tmp_path):
    words = "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades,Taker base,Taker quote,Ignore\n"
    bars = Bars.read(put(tmp_path, "BTCUSDT.csv", words + kline(ns("2025-01-01", "UTC") // 10**6, 1, 4, 42)))
    assert (bars.vwap.tolist(), bars.step) == ([10.5], MINUTE)


def test_a_binance_row_that_is_cut_or_none_is_refused(tmp_path):
    first = ns("2025-01-01", "UTC") // 10**6
    with pytest.raises(MarketDataError, match=r"row 2: BTCUSDT: low nan is no price"):
        Bars.read(put(tmp_path, "BTCUSDT.csv", f"{kline(first, 1, 4, 42)}\n{first + 60_000},10,12"))
    with pytest.raises(MarketDataError, match=r"row 1: BTCUSDT: timestamp 'soon' is not ISO 8601"):
        Bars.read(put(tmp_path, "BTCUSDT.csv", KLINES + "\nsoon,10,12,9,11,4,later,42,5,1,1,0"))
    with pytest.raises(MarketDataError, match=r"no column low, close, volume"):
        Bars.read(put(tmp_path, "BTCUSDT.csv", f"open_time,open,high\n{first},10,12"))


def test_binance_in_its_own_zip_and_of_one_row(tmp_path):
    path = zipped(tmp_path, "BTCUSDT-1m-2025-01.zip", **{"BTCUSDT-1m-2025-01": kline(ns("2025-01-01", "UTC") // 10**6, 1, 4, 42)})
    assert Bars.read(path).step == MINUTE


def test_backtraders_header_is_one_name_short_and_its_stamps_are_ends(tmp_path):
    text = "Date,Open,High,Low,Close,Volume,OpenInterest\n2006-01-02,09:01:00,10,12,9,11,5,0\n2006-01-02,09:02:00,10,12,9,11,6,0\n"
    path = put(tmp_path, "minutes.txt", text)
    with pytest.raises(MarketDataError, match="'2006-01-02 09:01:00' has no UTC offset"):
        Bars.read(path)
    bars = Bars.read(path, zone="Europe/Berlin", symbol="FESX")
    assert bars.start[0] == ns("2006-01-02 09:00", "Europe/Berlin")
    assert bars.volume.tolist() == [5, 6]


ALPHA = """timestamp,open,high,low,close,volume
2019-02-15 16:00:00,10,12,9,11,7
2019-02-15 15:59:00,10,12,9,11,6
2019-02-15 09:31:00,10,12,9,11,5"""


def test_alpha_vantage_runs_newest_first_and_labels_ends(tmp_path):
    bars = Bars.read(put(tmp_path, "AAPL_1min.csv", ALPHA))
    assert (bars.symbols, bars.zone) == (("AAPL",), NEW_YORK)
    assert bars.start.tolist() == [ns(f"2019-02-15 {t}") for t in ("09:30", "15:58", "15:59")]
    assert bars.volume.tolist() == [5, 6, 7]


def test_what_only_looks_like_alpha_vantage_is_asked_about(tmp_path):
    extended = ALPHA.replace("16:00:00", "20:00:00").replace("15:59:00", "19:59:00").replace("09:31", "19:58")
    path = put(tmp_path, "AAPL.csv", extended)
    with pytest.raises(MarketDataError, match="pass zone="):
        Bars.read(path)
    with pytest.raises(MarketDataError, match="newest first"):
        Bars.read(path, zone=NEW_YORK, label="end")
    assert Bars.read(path, format="alphavantage").start[-1] == ns("2019-02-15 19:59")


def test_the_row_of_a_newest_first_file_is_the_files_own(tmp_path):
    path = put(tmp_path, "AAPL_1min.csv", ALPHA.replace("12,9,11,7", "x,9,11,7"))
    with pytest.raises(MarketDataError, match=r"row 1: AAPL: high 'x' is no number"):
        Bars.read(path)


def test_yahoo_has_its_own_order_of_columns(tmp_path):
    text = "Datetime,Close,High,Low,Open,Volume\n2026-03-19 13:30:00+00:00,11,12,9,10,5\n2026-03-19 13:31:00+00:00,11,12,9,10,6\n"
    bars = Bars.read(put(tmp_path, "AAPL_1m.csv", text))
    assert (bars.symbols, bars.zone, bars.open[0], bars.close[0]) == (("AAPL",), "UTC", 10, 11)
    assert bars.start[0] == ns("2026-03-19 09:30")
    assert Bars.read(tmp_path / "AAPL_1m.csv", zone=NEW_YORK).zone == NEW_YORK


def test_yahoo_of_late_has_a_header_of_three_lines(tmp_path):
    text = "Price,Close,High,Low,Open,Volume\nTicker,BRK-B,BRK-B,BRK-B,BRK-B,BRK-B\nDatetime,,,,,\n"
    rows = "2026-03-19 13:30:00+00:00,11,12,9,10,5\n2026-03-19 13:31:00+00:00,11,12,9,10,6\n"
    assert Bars.read(put(tmp_path, "x.csv", text + rows)).symbols == ("BRK-B",)


def test_polygons_offsets_change_with_the_clock(tmp_path):
    head = "datetime,open,high,low,close,volume,vwap,transactions\n"
    days = [("2024-03-08", "-05:00"), ("2024-03-11", "-04:00")]
    rows = [f"{day} 09:{m}:00{offset},10,12,9,11,5.0,10.5,3\n" for day, offset in days for m in (30, 31)]
    bars = Bars.read(put(tmp_path, "SPY_1min.csv", head + "".join(rows)))
    assert bars.zone == NEW_YORK
    assert bars.start.tolist() == [ns(f"{day} 09:{m}") for day, _ in days for m in (30, 31)]
    assert bars.vwap.tolist() == [10.5] * 4


def test_polygons_flat_files_hold_every_ticker_in_ns(tmp_path):
    t = ns("2024-03-08 09:30")
    rows = [f"{name},5,10,11,12,9,{t + k * MINUTE},3\n" for name in ("SPY", "NA") for k in (0, 1)]
    path = put(tmp_path, "2024-03-08.csv", "ticker,volume,open,close,high,low,window_start,transactions\n" + "".join(rows))
    bars = Bars.read(path)
    assert (bars.symbols, bars.zone) == (("NA", "SPY"), NEW_YORK)
    assert bars.start[0] == t


# LEAN


TRADES = "34200000,100000,120000,90000,110000,5\n34260000,100000,120000,90000,110000,6\n"
QUOTES = "34200000,99000,99500,98000,98500,300,110500,112000,110400,111000,200\n34320000,1,1,1,1,1,2,2,2,2,2\n"


def lean(folder, place="equity/usa/minute/spy", day="20131007", kind="trade", text=TRADES, entry=""):
    name = place.rsplit("/", 1)[-1]
    return zipped(folder, f"{place}/{day}_{kind}.zip", **{f"{day}_{name}_minute_{kind}{entry}": text})


def test_a_lean_equity_day_is_scaled_and_in_the_exchanges_zone(tmp_path):
    bars = Bars.read(lean(tmp_path))
    assert (bars.symbols, bars.zone, bars.step) == (("SPY",), NEW_YORK, MINUTE)
    assert (bars.start[0], bars.open[0], bars.high[0], bars.volume[0]) == (ns("2013-10-07 09:30"), 10.0, 12.0, 5)
    assert bars.quotes == {}


def test_a_lean_price_is_the_double_nearest_to_the_vendors(tmp_path):
    bars = Bars.read(lean(tmp_path, text="34200000,1672700,1672700,1672700,1672700,5\n"))
    assert bars.open.tolist() == [167.27]


def test_lean_trades_and_quotes_of_a_day_are_joined(tmp_path):
    lean(tmp_path)
    lean(tmp_path, kind="quote", text=QUOTES)
    bars = Bars.read(tmp_path)
    assert len(bars) == 2
    np.testing.assert_array_equal(bars.quotes["bid"], [9.85, np.nan])
    np.testing.assert_array_equal(bars.quotes["ask"], [11.1, np.nan])
    np.testing.assert_array_equal(bars.quotes["bid_size"], [300, np.nan])


def test_lean_days_are_joined_and_zones_follow_the_market(tmp_path):
    lean(tmp_path, "equity/india/minute/yesbank", "20190710")
    lean(tmp_path, "equity/india/minute/yesbank", "20190709")
    bars = Bars.read(tmp_path)
    assert bars.zone == "Asia/Kolkata"
    assert bars.start[[0, 2]].tolist() == [ns("2019-07-09 09:30", "Asia/Kolkata"), ns("2019-07-10 09:30", "Asia/Kolkata")]


def test_lean_crypto_and_futures_are_not_scaled(tmp_path):
    lean(tmp_path, "crypto/coinbase/minute/btcusd", "20180404", text="0,7424.91,7424.91,7422,7422,7.5\n")
    lean(tmp_path, "future/cme/minute/es", entry="_201312", text="60000,1676.5,1676.75,1676.5,1676.75,19\n")
    bars = Bars.read(tmp_path)
    assert (bars.symbols, bars.zone) == (("BTCUSD", "ESZ13"), "UTC")
    assert bars.close.tolist() == [7422.0, 1676.75]
    assert Bars.read(tmp_path / "future", symbol="ESZ13").symbols == ("ESZ13",)
    with pytest.raises(UnknownNameError, match="did you mean ESZ13"):
        Bars.read(tmp_path / "future", symbol="ESH13")


def test_lean_forex_has_mids_and_no_volume(tmp_path):
    lean(tmp_path, "forex/fxcm/minute/eurusd", "20140502", "quote", "0,1.2,1.4,1.0,1.25,0,1.3,1.5,1.1,1.35,0\n")
    bars = Bars.read(tmp_path)
    assert bars.start[0] == ns("2014-05-02 00:00", "Etc/GMT+5")
    np.testing.assert_allclose([bars.open[0], bars.high[0], bars.low[0], bars.close[0]], [1.25, 1.45, 1.05, 1.3], rtol=1e-15)
    assert (bars.volume[0], bars.quotes["ask"][0]) == (0, 1.35)


def test_a_day_of_quotes_only_has_no_bars_where_there_are_trades(tmp_path):
    lean(tmp_path, kind="quote", text=QUOTES)
    with pytest.raises(MarketDataError, match="SPY: quotes and no trade: not one bar"):
        Bars.read(tmp_path)
    lean(tmp_path, day="20131008")
    assert len(Bars.read(tmp_path)) == 2


def test_a_contract_that_is_only_quoted_is_left_out(tmp_path):
    lean(tmp_path, "future/cme/minute/es", entry="_201312", text="60000,10,12,9,11,19\n")
    lean(tmp_path, "future/cme/minute/es", kind="quote", entry="_201403", text="60000,10,12,9,11,1,10,12,9,11,1\n")
    assert Bars.read(tmp_path).symbols == ("ESZ13",)


def test_lean_outside_its_folders_or_of_an_unknown_market_is_refused(tmp_path):
    with pytest.raises(MarketDataError, match="LEAN's folders tell price scale, zone and bar length"):
        Bars.read(lean(tmp_path, "somewhere/spy"))
    ice = lean(tmp_path, "future/ice/minute/b", entry="_201312")
    with pytest.raises(MarketDataError, match="no time zone is known for LEAN's future/ice; pass zone="):
        Bars.read(ice)
    assert Bars.read(ice, zone=NEW_YORK).symbols == ("BZ13",)


def test_lean_rows_that_are_none_are_refused(tmp_path):
    with pytest.raises(MarketDataError, match="7 fields in the first row"):
        Bars.read(lean(tmp_path, text="0,1,1,1,1,1,1\n"))
    with pytest.raises(MarketDataError, match="cannot be read as a table"):
        Bars.read(lean(tmp_path, text='0,1,1,1,1,"1\n'))
    with pytest.raises(MarketDataError, match=r"the file is empty"):
        Bars.read(lean(tmp_path, text=""))
    with pytest.raises(MarketDataError, match=r"row 2: SPY: high 'x' is no number"):
        Bars.read(lean(tmp_path, text="0,1,1,1,1,1\n60000,1,x,1,1,1\n"))
    with pytest.raises(MarketDataError, match=r"named YYYYMMDD_trade\.zip"):
        Bars.read(put(tmp_path, "SPY.csv", PLAIN), format="lean")


@pytest.mark.parametrize("on_bad", ["raise", "drop", "repair"])
@pytest.mark.parametrize("kind", ["trade", "quote"])
@pytest.mark.parametrize("fields", [1, 2, 5])
@pytest.mark.parametrize("row", [1, 2])
def test_a_lean_row_that_is_cut_short_is_refused_by_row_and_is_no_quote(tmp_path, kind, fields, row, on_bad):
    lines = (TRADES if kind == "trade" else QUOTES).splitlines()
    lines[row - 1] = ",".join(lines[row - 1].split(",")[:fields])
    whole = 6 if kind == "trade" else 11
    lean(tmp_path)
    path = lean(tmp_path, kind=kind, text="\n".join(lines))
    with pytest.raises(
        MarketDataError, match=rf"_{kind}\.zip, row {row}: {fields} fields, LEAN's minutes have {whole} \(ms, .*cut short"
    ) as said:
        Bars.read(path, on_bad=on_bad)
    assert (said.value.row, said.value.file.endswith(f"_{kind}.zip")) == (row, True)


def test_how_many_lean_rows_are_short_is_said_and_empty_quotes_are_no_cut(tmp_path):
    with pytest.raises(MarketDataError, match=r"row 1: 2 fields, .*; 2 of 2 rows are short; get the file again"):
        Bars.read(lean(tmp_path, text="34200000,1\n34260000,1\n"))
    lean(tmp_path)
    lean(tmp_path, kind="quote", text="34200000,,,,,,110500,112000,110400,111000,200\n")
    assert Bars.read(tmp_path).quotes["ask"].tolist()[0] == 11.1


@pytest.mark.parametrize("name", ["equity/usa/minute/spy/20131007_trade.zip", "BTCUSDT-1m.zip"])
def test_a_truncated_zip_is_refused_by_name(tmp_path, name):
    path = zipped(tmp_path, name, a=TRADES)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(MarketDataError, match="not a whole zip") as caught:
        Bars.read(path)
    assert caught.value.file == str(path)


def test_a_zip_of_several_files_is_a_symbol_for_each_and_one_of_one_file_is_named_by_the_zip(tmp_path):
    told = {"zone": NEW_YORK, "label": "start"}
    assert Bars.read(zipped(tmp_path, "x.zip", a=PLAIN, b=PLAIN), **told).symbols == ("a", "b")
    assert Bars.read(zipped(tmp_path, "SPY.zip", data=PLAIN), **told).symbols == ("SPY",)


# the real files


def assert_agree(left, right):
    """Same bars at the same times, prices to 1e-12."""
    np.testing.assert_array_equal(left.start, right.start)
    assert left.step == right.step
    for name in set(left.columns()) & set(right.columns()):
        np.testing.assert_allclose(left.columns()[name], right.columns()[name], rtol=1e-12, err_msg=name)


def day(bars, *dates):
    return bars.between(ns(dates[0], bars.zone), ns(dates[-1], bars.zone) + 24 * 60 * MINUTE)


REAL = {
    "raw/lean/equity/usa/minute/spy": ("us_lean/SPY.parquet", ("2013-10-07",), {}),
    "raw/lean/equity/usa/minute/goog": ("us_lean/GOOG.parquet", ("2015-12-24",), {}),
    "raw/lean/forex": ("fx_lean/EURUSD_oanda.parquet", ("2014-05-02",), {}),
    "raw/lean/crypto": ("crypto_lean_coinbase/BTCUSD.parquet", ("2018-04-04",), {}),
    "raw/alphavantage/AAPL_1min.csv": ("us_alphavantage_2019_02/AAPL.parquet", (), {}),
    "raw/binance/ALGOUSDT-1m-2025-02.csv": ("crypto_1m/ALGOUSDT.parquet", (), {}),
    "raw/backtrader": ("fut_backtrader_2006/FESX.parquet", (), {"zone": "Europe/Berlin", "symbol": "FESX"}),
    "raw/yahoo/396500_KS_5m.csv": ("krx_yahoo_5m/396500.parquet", (), {"zone": "Asia/Seoul"}),
}


@pytest.mark.market_data
@pytest.mark.parametrize("raw", REAL)
def test_a_vendors_own_file_agrees_with_the_normalised_one(market_data, raw):
    parquet, dates, told = REAL[raw]
    normal = Bars.read(market_data / parquet)
    assert_agree(Bars.read(market_data / raw, **told), day(normal, *dates) if dates else normal)


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("raw", "parquet"),
    [("raw/polygon/SPY_1min_head.csv", "us_polygon_2024/SPY.parquet"), ("raw/yahoo/AAPL_1m.csv", "us_yahoo_2026_03/AAPL.parquet")],
)
def test_a_part_of_a_vendors_file_agrees_with_the_normalised_one(market_data, raw, parquet):
    part = Bars.read(market_data / raw)
    whole = Bars.read(market_data / parquet)
    assert_agree(part, whole.take(np.isin(whole.start, part.start)))


@pytest.mark.market_data
def test_a_futures_zip_holds_every_contract(market_data):
    bars = Bars.read(market_data / "raw/lean/future")
    assert bars.symbols == ("ESH14", "ESM14", "ESZ13")
    assert_agree(bars.select(["ESZ13"]), day(Bars.read(market_data / "fut_lean/ESZ13.parquet"), "2013-10-07"))


FOLDERS = {
    "crypto_1m": 60, "crypto_lean_coinbase": 60, "fut_backtrader_2006": 60, "fut_lean": 60, "fx_fxcm_1m": 60, "fx_lean": 60,
    "india_lean": 60, "krx_yahoo_5m": 300, "us_alpaca_windows": 60, "us_alphavantage_2019_02": 60, "us_illiquid_etf_2y": 60,
    "us_lean": 60, "us_lean_1s": 1, "us_polygon_2024": 60, "us_yahoo_2026_03": 60, "depth/AMZN_lobster_1m.parquet": 60,
}  # fmt: skip


@pytest.mark.market_data
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_of_bars_is_read_as_it_lies(market_data, folder):
    bars = Bars.read(market_data / folder, zone="UTC" if folder == "fx_lean" else None)
    path = market_data / folder
    files = [path] if path.is_file() else sorted(path.glob("*.parquet"))
    assert bars.symbols == tuple(file.stem for file in files)
    assert bars.step == FOLDERS[folder] * 10**9
    assert {issue.action for issue in bars.report} == ({"quote dropped, the bar stays"} if folder.startswith("fx_") else set())
    assert len(bars) == sum(len(pd.read_parquet(file, columns=["open"]).dropna()) for file in files)


@pytest.mark.market_data
@pytest.mark.parametrize("folder", ["volume_15min", "depth/AMZN_lobster_L1_1s.parquet", "raw/lobster", "raw/lean/equity/usa/daily"])
def test_what_holds_no_bars_is_refused(market_data, folder):
    with pytest.raises(MarketDataError, match=r"no column open|the first row holds numbers"):
        Bars.read(market_data / folder)


@pytest.mark.market_data
def test_the_vendors_vwap_is_left_where_it_cannot_be(market_data):
    bars = Bars.read(market_data / "us_polygon_2024")
    outside = (bars.vwap < bars.low) | (bars.vwap > bars.high)
    assert outside.sum() == 8645
    assert ((bars.price() >= bars.low) & (bars.price() <= bars.high)).all()
    assert (bars.price()[~outside] == bars.vwap[~outside]).all()


def test_bytes_are_read_from_any_file_system(tmp_path):
    import fsspec

    buffer = io.BytesIO()
    minute_frame().to_parquet(buffer)
    with fsspec.open("memory://somewhere/SPY.parquet", "wb") as file:
        file.write(buffer.getvalue())
    assert Bars.read("memory://somewhere").symbols == ("SPY",)


@pytest.mark.parametrize("volumes", [[True, False], [100, True]])
def test_a_truth_value_is_no_number_of_shares(volumes, tmp_path):
    table = pd.DataFrame({"timestamp": ["2024-01-02 09:30", "2024-01-02 09:31"], "open": 10, "high": 10, "low": 10, "close": 10})
    table["volume"] = pd.Series(volumes, dtype=object)
    with pytest.raises(MarketDataError, match=r"row [12]: X: volume 'True' is no number"):
        Bars.from_frame(table, symbol="X", zone="America/New_York")
    table.to_csv(tmp_path / "X.csv", index=False)
    with pytest.raises(MarketDataError, match=r"volume 'True' is no number"):
        Bars.read(tmp_path / "X.csv", zone="America/New_York", label="start")
