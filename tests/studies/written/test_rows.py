"""A desk's file from its bytes to parent orders: what is worked is what was meant, in memory and in shards; the rest is refused or said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from markets import CLOSES, DAYS, market, ns

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.errors import UsageError
from exec_algos.market.store import BarStore
from exec_algos.reports import write_report
from exec_algos.studies.saved import rerun
from exec_algos.studies.shards.desk import DeskOrders
from exec_algos.studies.shards.study import ShardedStudy

BARS = market(5, ("005930", "BRK-A"), missing=0.0, silent=0.0)  # half hours
DAY = DAYS[2]
GOOD = {"symbol": "BRK-A", "side": "buy", "quantity": "120", "start": f"{DAY} 10:00", "end": f"{DAY} 12:00"}


def orders(*rows, **options):
    return ParentOrders.from_frame(pd.DataFrame(rows), BARS, **{"calendar": "XNYS", **options})


def in_file(folder, text, **options):
    (folder / "desk.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return ParentOrders.from_csv(folder / "desk.csv", BARS, **{"calendar": "XNYS", **options})


def windows(found):
    return [
        f"{pd.Timestamp(t, tz='UTC').tz_convert('America/New_York'):%m-%d %H:%M}"
        for pair in zip(found.start, found.end, strict=True)
        for t in pair
    ]


def test_synonyms_and_names_that_are_said():
    row = dict(zip(("OrderID", "Ticker", "B/S", "Qty", "StartTime", "End Time"), ("7", *GOOD.values()), strict=True))
    found = orders(row)
    assert (found.lots.tolist(), found.columns["order_id"].tolist()) == ([120], ["7"])
    assert found.notes == (
        "columns: symbol is 'Ticker', side is 'B/S', quantity is 'Qty', start is 'StartTime', end is 'End Time', order_id is 'OrderID'",
    )
    korean = dict(zip(("종목코드", "매매구분", "주문수량", "arrival", "until"), GOOD.values(), strict=True))
    assert orders(korean).lots.tolist() == [120]
    said = {"Wert": "BRK-A", "ticker": "x", "Zahl": "7", **{name: GOOD[name] for name in ("side", "start", "end")}}
    assert orders(said, columns={"symbol": "Wert", "quantity": "Zahl"}).lots.tolist() == [7]
    assert orders(said, columns="symbol=Wert,quantity=Zahl").lots.tolist() == [7]


def test_two_columns_that_may_be_one_are_refused():
    row = {"ticker": "BRK-A", "instrument": "x", **{name: GOOD[name] for name in ("side", "quantity", "start", "end")}}
    with pytest.raises(UsageError, match=r"'ticker', 'instrument' may each be symbol; say which: columns='symbol=ticker'"):
        orders(row)


def test_signed_quantities_need_no_side():
    rows = [
        {name: value for name, value in GOOD.items() if name != "side"} | {"quantity": quantity} for quantity in ("120", "-50", "(7)", "0")
    ]
    found = orders(*rows)
    assert (found.side.tolist(), found.lots.tolist()) == ([1, -1, -1], [120, 50, 7])
    assert [tuple(row) for row in found.refused] == [(4, "0", "quantity must be a positive number of shares, or a negative one to sell")]
    assert "no column of sides: positive quantities buy, negative ones sell" in found.notes
    with pytest.raises(UsageError, match=r"missing: side.*negative quantities sell"):
        orders(rows[0])
    with pytest.raises(UsageError, match="the column 'quantity' is not understood: 1 of 3 rows"):
        orders(*rows[:2], {**rows[0], "quantity": "many"})


def test_beside_sides_a_negative_quantity_is_refused():
    found = orders(GOOD, {**GOOD, "quantity": "-5"}, {**GOOD, "quantity": "(5)"}, {**GOOD, "quantity": "5-"})
    assert [(row.row, row.value) for row in found.refused] == [(2, "-5"), (3, "(5)"), (4, "5-")]
    assert {row.reason for row in found.refused} == {"quantity must be a positive number of shares; the side says whether they are sold"}


@pytest.mark.parametrize(
    ("field", "value", "said"), [("quantity", "-50", "the side says whether"), ("end", "12:00", "no time that can be read")]
)
def test_a_column_that_is_understood_on_one_side_only_is_refused(field, value, said):
    sell = {**GOOD, "side": "S", field: value}
    with pytest.raises(UsageError, match=f"the column '{field}' is understood in no row that sells, such as '{value}': .*{said}"):
        orders(GOOD, *[sell] * 5)
    few = orders(GOOD, *[sell] * 4)
    assert (few.side.tolist(), [row.row for row in few.refused]) == ([1], [2, 3, 4, 5])
    some = orders(GOOD, *[sell] * 5, {**GOOD, "side": "S"})
    assert (some.side.tolist(), [row.row for row in some.refused]) == ([1, -1], [2, 3, 4, 5, 6])


def test_a_line_of_totals_is_no_order_and_takes_no_column_with_it():
    found = orders(GOOD, {**dict.fromkeys(GOOD, ""), "symbol": "Total", "quantity": "120"})
    assert (len(found), [tuple(row) for row in found.refused]) == (1, [(2, "Total", "the bars have no such symbol")])


def test_a_file_whose_sides_are_codes_of_the_desk_waits_for_their_meaning(tmp_path):
    text = "symbol,side,quantity,start,end\n" + "".join(f"BRK-A,{side},5,{GOOD['start']},{GOOD['end']}\n" for side in ("01", "02", "02"))
    with pytest.raises(UsageError, match=r"desk.csv: the column 'side' is not understood: 3 of 3 rows \('02' 2 x, '01' 1 x\)"):
        in_file(tmp_path, text)
    assert in_file(tmp_path, text, sides="01=sell,02=buy").side.tolist() == [1, 1, -1]


def test_a_german_file_is_settled_by_its_mark_and_date_format(tmp_path):
    text = f"symbol;side;quantity;start;end\nBRK-A;B;1.000;{DAY[8:]}.11.2025 10:00;{DAY[8:]}.11.2025 12:00\n"
    with pytest.raises(UsageError, match=r"desk.csv: none of 1 orders can be worked: 1 x either 1000 or 1; say which mark"):
        in_file(tmp_path, text)
    with pytest.raises(UsageError, match=r"1 x no time that can be read.*date_format='day-first'"):
        in_file(tmp_path, text, decimal=",")
    found = in_file(tmp_path, text.encode("cp1252"), decimal=",", date_format="%d.%m.%Y")
    assert (found.lots.tolist(), windows(found)) == ([1000], [f"{DAY[5:]} 10:00", f"{DAY[5:]} 12:00"])


def test_an_encoding_that_is_said_is_used(tmp_path):
    text = f"symbol,side,quantity,start,end,trader\n{','.join(GOOD.values())},김철수\n".encode("cp949")
    with pytest.raises(UsageError, match=r"desk.csv: text in another encoding.*cp949"):
        in_file(tmp_path, text)
    assert in_file(tmp_path, text, encoding="cp949", keep=["trader"]).columns["trader"].tolist() == ["김철수"]


@pytest.mark.parametrize(
    ("start", "end", "worked", "why"),
    [
        (f"{DAY} 09:15", f"{DAY} 11:00", ("09:30", "11:00"), "begins before the open"),
        (f"{DAY} 15:00", f"{DAY} 16:10", ("15:00", "16:00"), "ends after the close"),
        (f"{DAY} 09:29:58", f"{DAY} 16:00:01", ("09:30", "16:00"), "begins before the open and ends after the close"),
        (f"{DAY}", f"{DAY} 11:00", ("09:30", "11:00"), "begins before the open"),
        (f"{DAYS[1]} 17:00", f"{DAY} 11:00", ("09:30", "11:00"), "begins before the open"),
        ("2025-11-27 10:00", f"{DAYS[3]} 11:00", ("09:30", "11:00"), "begins before the open"),  # Thanksgiving
        (f"{DAYS[3]} 12:00", f"{DAYS[3]} 16:00", ("12:00", CLOSES[DAYS[3]]), "ends after the close"),  # a half day
    ],
)
def test_a_window_beyond_the_session_is_clipped_and_listed(start, end, worked, why):
    found = orders(GOOD, {**GOOD, "start": start, "end": end})
    day = end[:10]
    at = 0 if worked[0] < "10:00" and day == DAY else 1
    assert (found.start[at], found.end[at]) == (ns(day, worked[0]), ns(day, worked[1]))
    text = f"{day} {worked[0]}:00 to {day} {worked[1]}:00"
    assert [tuple(row) for row in found.clipped] == [(2, f"{start} to {end}", f"{why}: clipped to {text}")]
    assert found.refused == ()
    assert found.columns["window"][at] == text
    shown = [f"{pd.Timestamp(time):%Y-%m-%d %H:%M:%S}" for time in (start, end)]
    assert found.columns["window_asked"][at] == " to ".join(shown)


def test_bars_that_begin_or_end_within_a_window_are_left_out_without_being_clipped():
    found = orders({**GOOD, "start": f"{DAY} 10:01", "end": f"{DAY} 12:29:59.5"})
    assert found.clipped == ()
    assert found.columns["window"].tolist() == [f"{DAY} 10:30:00 to {DAY} 12:00:00"]
    assert found.columns["window_asked"].tolist() == [f"{DAY} 10:01:00 to {DAY} 12:29:59.5"]


def test_what_was_clipped_and_assumed_stands_in_the_result_its_record_and_the_report(tmp_path):
    early = {**GOOD, "start": "20251126-12:00:00", "end": "20251126-16:00:00"}  # 07:00 to 11:00 in New York
    result = SlippageStudy(BARS, orders(GOOD, early), ["twap"]).run()
    assert result.parents["window_asked"].tolist() == [f"{DAY} 07:00:00 to {DAY} 11:00:00", f"{DAY} 10:00:00 to {DAY} 12:00:00"]
    assert result.parents["window"].tolist() == [f"{DAY} 09:30:00 to {DAY} 11:00:00", f"{DAY} 10:00:00 to {DAY} 12:00:00"]
    assert result.config["parents"] == {
        "orders_read_as": ["2 times are YYYYMMDD-HH:MM:SS, which is UTC (FIX, Interactive Brokers)"],
        "orders_clipped": 1,
    }
    page = write_report(result, tmp_path).read_text()
    assert "2 times are YYYYMMDD-HH:MM:SS, which is UTC" in page
    assert "1 window reaches beyond its session and was clipped" in page
    result.save(tmp_path)
    again = rerun(tmp_path, BARS)
    pd.testing.assert_frame_equal(again.parents, result.parents, check_exact=True)
    assert again.config == result.config


FILE = f"""OrderID;Ticker;B/S;Qty;StartTime;EndTime;trader
1;="005930";B;1.000,5;20251126-12:00:00;20251126-16:00:00;김
2;BRK-A;SS;1.000;{DAY} 10:00;{DAY} 18:00;=lee

3;BRK-A;SLD;2,25;{DAYS[3]} 10:00;{DAYS[3]} 12:00;kim
4;BRK-A;S;-2;{DAYS[3]} 10:00;{DAYS[3]} 12:00;kim
5;BRK-A;B;x;{DAYS[3]} 10:00;{DAYS[3]} 12:00;kim
6;BRK-A;B;7;{DAYS[4]} 06:00;{DAYS[4]} 12:00 US/Eastern;kim
7;BRK-A;B;7;{DAYS[4]} 12:00;{DAYS[4]} 12:10;kim
"""


def test_shards_work_refuse_and_clip_what_memory_does(tmp_path):
    bars = market(5, ("005930", "BRK-A"), missing=0.4, silent=0.0)
    (tmp_path / "desk.csv").write_bytes(FILE.encode("utf-16"))
    options = {"calendar": "XNYS", "lot_size": 0.25, "profile_days": 1, "keep": ["trader"]}
    whole = ParentOrders.from_csv(tmp_path / "desk.csv", bars, **{**options, "lot_size": 0.25})
    BarStore(tmp_path / "bars").write(bars)
    terms = DeskOrders(source=tmp_path / "desk.csv", **options)
    study = ShardedStudy(store=str(tmp_path / "bars"), parents=terms, algorithms=["twap"], fill_model=FillModel(max_participation=0.2))
    found = study.run(tmp_path / "out")
    assert [(row.row, row.value) for row in whole.refused] == [(5, "-2"), (6, "x"), (8, f"{DAYS[4]} 12:00 to {DAYS[4]} 12:10")]
    assert [row.row for row in whole.clipped] == [1, 2, 7]
    assert found.refused == tuple(sorted(whole.refused))
    assert found.clipped == whole.clipped
    assert whole.lots.tolist() == [4002, 4000, 9, 28]
    memory = SlippageStudy(bars, whole, ["twap"], FillModel(max_participation=0.2)).run()
    kinds = {name: found.table()[name].dtype for name in ("session", "symbol")}
    pd.testing.assert_frame_equal(found.table(), memory.parents.astype(kinds), check_exact=True)
    assert tuple(found.config["orders_read_as"]) == whole.notes
    assert found.config["orders_clipped"] == 3
    again = ShardedStudy.of_folder(tmp_path / "out").run(tmp_path / "out")
    assert (again.made, again.refused, again.clipped, again.config) == (0, found.refused, found.clipped, found.config)


def test_what_is_said_of_a_file_is_kept_with_the_study(tmp_path):
    text = (
        "Wert;side;quantity;start;end\nBRK-A;01;1.000;26.11.2025 10:00;26.11.2025 12:00\nBRK-A;02;2,5;26.11.2025 10:00;26.11.2025 12:00\n"
    )
    (tmp_path / "desk.csv").write_text(text)
    said = {"columns": {"symbol": "Wert"}, "sides": {"01": "sell", "02": "buy"}, "decimal": ",", "date_format": "day-first"}
    BarStore(tmp_path / "bars").write(BARS)
    terms = DeskOrders(source=tmp_path / "desk.csv", calendar="XNYS", lot_size=0.5, **said)
    study = ShardedStudy(store=str(tmp_path / "bars"), parents=terms, algorithms=["twap"])
    found = study.run(tmp_path / "out")
    assert found.table(columns=["side", "quantity"]).to_numpy().tolist() == [["BUY", 2.5], ["SELL", 1000.0]]
    assert found.config["parents"]["form"] == said
    (tmp_path / "desk.csv").unlink()
    again = ShardedStudy.of_folder(tmp_path / "out").run(tmp_path / "out")
    assert (again.made, again.config) == (0, found.config)
    (tmp_path / "desk.csv").write_text(text)
    other = ShardedStudy(
        store=str(tmp_path / "bars"), parents=DeskOrders(source=tmp_path / "desk.csv", calendar="XNYS", lot_size=0.5), algorithms=["twap"]
    )
    with pytest.raises(UsageError, match="orders need the columns"):
        other.run(tmp_path / "out")


def test_a_form_that_cannot_be_is_refused_before_anything_is_read(tmp_path):
    for said in ({"decimal": "."}, {"columns": "symbol=Wert"}):
        DeskOrders(source="none.csv", calendar="XNYS", **said)
    for said in ({"decimal": "x"}, {"columns": "sym=Wert"}, {"sides": "01"}, {"date_format": "DMY"}):
        with pytest.raises(UsageError):
            DeskOrders(source="none.csv", calendar="XNYS", **said)
        with pytest.raises(UsageError):
            ParentOrders.from_csv(tmp_path / "none.csv", BARS, **said)


def test_quantities_of_a_frame_that_are_numbers_are_what_they_are():
    frame = pd.DataFrame([{**GOOD, "quantity": quantity} for quantity in (np.int64(5), 2.5, np.nan)])
    found = ParentOrders.from_frame(frame, BARS, calendar="XNYS", lot_size=0.5)
    assert found.lots.tolist() == [10, 5]
    assert [row.value for row in found.refused] == ["nan"]
