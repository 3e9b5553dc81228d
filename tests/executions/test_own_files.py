"""Files as brokers write them: every form gives the same numbers as the plainest."""

import gzip

import pandas as pd
import pytest

from exec_algos.errors import UsageError
from exec_algos.executions import OWN_FILLS, FillForm, OwnOrderForm, analyse
from exec_algos.market.samples import load_samples

DAY = "2025-10-15"
ORDERS = f"""order_id,symbol,side,quantity,start,end
A1,SYNMID,buy,1500,{DAY} 10:00,{DAY} 11:00
A2,SYNMID,sell,800,{DAY} 10:00,{DAY} 12:00
"""


@pytest.fixture(scope="module")
def bars():
    return load_samples()["XNYS"].select(["SYNMID"])


@pytest.fixture(scope="module")
def prices(bars):
    rows = bars.start.searchsorted([pd.Timestamp(f"{DAY} {clock}", tz="America/New_York").value for clock in ("10:03", "10:20", "10:40")])
    return [round(float(bars.close[row]), 2) for row in rows]


def fill_text(prices):
    a, b, c = prices
    return (
        f"order_id,side,quantity,price,time\nA1,buy,1000,{a:.2f},{DAY} 10:03:59.25\nA1,buy,500,{b:.2f},{DAY} 10:20:59.5\n"
        f"A2,sell,800,{c:.2f},{DAY} 10:40:59\n"
    )


def analysed(folder, bars, orders, fills, **said):
    paths = [folder / name for name in ("orders.csv", "fills.csv")]
    for path, content in zip(paths, (orders, fills), strict=True):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return analyse(*paths, bars, calendar="XNYS", algorithms=[], **said)


@pytest.fixture
def plain(tmp_path, bars, prices):
    return analysed(tmp_path, bars, ORDERS, fill_text(prices))


def quoted(text):
    return "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()) + "\n"


FORMS = {
    "quoted": quoted,
    "semicolons": lambda text: text.replace(",", ";"),
    "tabs": lambda text: text.replace(",", "\t"),
    "utf-16": lambda text: text.encode("utf-16"),
    "packed": lambda text: gzip.compress(text.encode()),
    "lines of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "blank lines": lambda text: text.replace("\n", "\n\n"),
    "rows of commas": lambda text: text + ",,,,\n",
    "formulas of a spreadsheet": lambda text: text.replace("A1,", '="A1",').replace("A2,", '="A2",'),
    "blanks": lambda text: text.replace(",", " , "),
    "sep=": lambda text: "sep=,\n" + text,
}


@pytest.mark.parametrize("form", FORMS)
def test_whatever_a_file_looks_like_its_numbers_are_the_same(tmp_path, bars, prices, plain, form):
    found = analysed(tmp_path, bars, ORDERS, FORMS[form](fill_text(prices)))
    pd.testing.assert_frame_equal(found.parents, plain.parents)
    pd.testing.assert_frame_equal(found.fills, plain.fills)
    assert not found.refused


def test_rows_keep_their_numbers_behind_blank_ones(tmp_path, bars, prices):
    for text in (fill_text(prices) + ",,,,\nA1,buy,-5,10,x\n", quoted(fill_text(prices)) + ",,,,\nA1,buy,-5,10,x\n"):
        found = analysed(tmp_path, bars, ORDERS, text)
        assert ("fills", 5) in [row[:2] for row in found.refused]


def test_an_export_of_interactive_brokers(tmp_path, bars, prices, plain):
    a, b, c = prices
    text = (
        f'Symbol,Date/Time,Quantity,T. Price,Comm/Fee\nSYNMID,"{DAY}, 10:03:59.25","1,000",{a:.2f},-1.5\n'
        f'SYNMID,"{DAY}, 10:20:59.5",500,{b:.2f},-1\nSYNMID,"{DAY}, 10:40:59",-800,{c:.2f},-2\n'
    )
    (tmp_path / "trades.csv").write_text(text)
    with pytest.raises(UsageError, match="commission is below 0"):
        analyse(None, tmp_path / "trades.csv", bars, calendar="XNYS", algorithms=[])
    found = analyse(None, tmp_path / "trades.csv", bars, calendar="XNYS", algorithms=[], fees="negative")
    assert found.parents[["side", "filled", "commission"]].to_numpy().tolist() == [["BUY", 1500, 2.5], ["SELL", 800, 2.0]]
    assert found.parents["average_price"].tolist() == pytest.approx(plain.parents["average_price"].tolist())
    assert "no column of sides: positive quantities buy, negative ones sell" in found.config["own_fills"]["notes"]


def test_a_rebate_is_a_fee_below_0_where_that_is_said(tmp_path, bars, prices):
    text = (
        fill_text(prices).replace("time\n", "time,fee\n").replace(".25\n", ".25,-3\n").replace(".5\n", ".5,1\n").replace(":59\n", ":59,2\n")
    )
    found = analysed(tmp_path, bars, ORDERS, text, fees="positive")
    assert found.parents["commission"].tolist() == [-2.0, 2.0]


def test_times_of_fix_are_utc_and_said(tmp_path, bars, prices, plain):
    text = fill_text(prices)
    for clock in ("10:03", "10:20", "10:40"):
        text = text.replace(f"{DAY} {clock}", f"20251015-{int(clock[:2]) + 4}{clock[2:]}")
    found = analysed(tmp_path, bars, ORDERS, text)
    pd.testing.assert_frame_equal(found.fills, plain.fills)
    assert "3 times are YYYYMMDD-HH:MM:SS, which is UTC (FIX, Interactive Brokers)" in found.config["own_fills"]["notes"]


def test_a_german_export(tmp_path, bars, prices, plain):
    text = fill_text(prices).replace(",", ";").replace(".25\n", ",25\n").replace(".5\n", ",5\n")
    for price in prices:
        text = text.replace(f"{price:.2f}", f"{price:.2f}".replace(".", ","))
    text = text.replace("order_id;side;quantity;price;time", "Auftrag;Seite;Stück;Kurs;Zeit").replace(DAY, "15.10.2025")
    form = FillForm(columns="order_id=Auftrag,side=Seite,quantity=Stück,price=Kurs,time=Zeit", decimal=",", date_format="day-first")
    found = analysed(tmp_path, bars, ORDERS, text.encode("cp1252"), fill_form=form, fill_encoding="cp1252")
    pd.testing.assert_frame_equal(found.parents, plain.parents)
    pd.testing.assert_frame_equal(found.fills, plain.fills)
    assert any("price is 'Kurs'" in note for note in found.config["own_fills"]["notes"])


def test_a_korean_export_with_dates_and_times_of_day_in_columns_of_their_own(tmp_path):
    korea = load_samples()["XKRX"]
    symbol = korea.symbols[0]
    day = pd.Timestamp(int(korea.start[korea.rows(symbol)][-200]), tz="UTC").tz_convert("Asia/Seoul")
    price = float(korea.close[korea.rows(symbol)][-200])
    orders = f"주문번호,종목코드,매매구분,주문수량,시작시각,종료시각\n1,{symbol},매수,100,{day:%Y%m%d} 09:00:00,{day:%Y%m%d} 15:20:00\n"
    head = "체결일자,체결시각,주문번호,체결번호,매매구분,체결수량,체결단가,수수료,제세금"
    fills = f"{head}\n{day:%Y%m%d},{day:%H:%M}:07,1,17,매수,100,{price:.0f},15,0\n"
    for name, text in (("orders", orders), ("fills", fills)):
        (tmp_path / f"{name}.csv").write_bytes(text.encode("cp949"))
    found = analyse(tmp_path / "orders.csv", tmp_path / "fills.csv", korea, calendar="XKRX", algorithms=[])
    assert not found.refused
    assert found.parents[["filled", "average_price", "commission"]].to_numpy().tolist() == [[100, price, 15.0]]
    assert found.fills["timestamp"].iloc[0] == day.floor("min") + pd.Timedelta(seconds=7)


def test_parquet_of_naive_stamps_and_texts_is_the_same(tmp_path, bars, prices, plain):
    frame = pd.read_csv(pd.io.common.StringIO(fill_text(prices)), parse_dates=["time"])
    frame.to_parquet(tmp_path / "fills.parquet")
    frame.astype({"quantity": str, "price": str, "time": str}).to_parquet(tmp_path / "texts.parquet")
    (tmp_path / "orders.csv").write_text(ORDERS)
    for name in ("fills", "texts"):
        found = analyse(tmp_path / "orders.csv", tmp_path / f"{name}.parquet", bars, calendar="XNYS", algorithms=[])
        pd.testing.assert_frame_equal(found.fills, plain.fills)


def test_orders_have_names_of_their_own(tmp_path, bars, prices, plain):
    text = ORDERS.replace("symbol", "Wert").replace("start", "von").replace("end", "bis")
    found = analysed(tmp_path, bars, text, fill_text(prices), order_form=OwnOrderForm(columns="symbol=Wert,start=von,end=bis"))
    pd.testing.assert_frame_equal(found.parents, plain.parents)


def test_files_are_known_again_by_their_sha256(tmp_path, bars, prices):
    found = analysed(tmp_path, bars, ORDERS, fill_text(prices))
    import hashlib

    assert found.config["own_fills"]["read"]["fills"] == {
        "file": str(tmp_path / "fills.csv"), "sha256": hashlib.sha256(fill_text(prices).encode()).hexdigest(), "rows": 3,
    }  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"\n", b"PAR1 and no more", b"\x00\x01\x02", b"order_id,side\n"])
def test_what_is_no_table_of_fills_is_refused(tmp_path, bars, content):
    with pytest.raises(UsageError):
        analysed(tmp_path, bars, ORDERS, content)


def test_one_row_too_long_is_refused_by_its_line(tmp_path, bars, prices):
    with pytest.raises(UsageError, match="line 3: the rows have more values"):
        analysed(tmp_path, bars, ORDERS, fill_text(prices).replace("A1,buy,500", "A1,buy,5,00"))


def test_a_summary_by_algorithm_names_the_desk_first(plain):
    assert plain.config["algorithms"] == [OWN_FILLS]
    assert plain.summary().index.tolist() == [OWN_FILLS]
