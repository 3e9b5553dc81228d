"""A desk's own orders: which rows become parent orders, with which window, and why the others do not."""

import numpy as np
import pandas as pd
import pytest
from markets import DAYS, market, ns

from exec_algos import ParentOrders, SlippageStudy
from exec_algos.errors import UsageError

BARS = market(5, ("005930", "NA"), missing=0.0, silent=0.0)  # half hours
GOOD = {"symbol": "NA", "side": "buy", "quantity": "120", "start": f"{DAYS[2]} 10:00", "end": f"{DAYS[2]} 12:00"}


def orders(*rows, **options):
    return ParentOrders.from_frame(pd.DataFrame(rows), BARS, **{"calendar": "XNYS", **options})


def test_a_row_is_a_parent_order():
    one = orders(GOOD, lot_size=10)
    columns = (one.symbol, one.side, one.lots, one.start, one.end)
    assert [column.tolist() for column in columns] == [[1], [1], [12], [ns(DAYS[2], "10:00")], [ns(DAYS[2], "12:00")]]
    assert str(one.sessions.date[one.session[0]]) == DAYS[2]
    assert (one.skipped, one.refused) == ((), ())


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        ("10:00:00.000000001", "12:00", ("10:30", "12:00")),
        ("10:01", "12:29:59", ("10:30", "12:00")),
        ("09:30", "16:00", ("09:30", "16:00")),
    ],
)
def test_no_bar_counts_that_began_before_the_order_or_ended_after_it(start, end, window):
    one = orders({**GOOD, "start": f"{DAYS[2]} {start}", "end": f"{DAYS[2]} {end}"})
    assert (one.start.tolist(), one.end.tolist()) == ([ns(DAYS[2], window[0])], [ns(DAYS[2], window[1])])


@pytest.mark.parametrize(("side", "sign"), [("BUY", 1), (" sell ", -1), (1, 1), ("-1", -1)])
def test_a_side_is_a_word_or_a_sign(side, sign):
    assert orders({**GOOD, "side": side}).side.tolist() == [sign]


def test_stamps_with_a_zone_are_read_in_it():
    one = orders({**GOOD, "start": f"{DAYS[2]}T15:00:00Z", "end": pd.Timestamp(f"{DAYS[2]} 12:00", tz="America/New_York")})
    assert (one.start.tolist(), one.end.tolist()) == ([ns(DAYS[2], "10:00")], [ns(DAYS[2], "12:00")])


@pytest.mark.parametrize(
    ("harm", "value", "reason"),
    [
        ({"symbol": "MSFT"}, "MSFT", "the bars have no such symbol"),
        ({"quantity": "0"}, "0", "quantity must be a positive number of shares"),
        ({"quantity": "-5"}, "-5", "the side says whether they are sold"),
        ({"quantity": "many"}, "many", "quantity is no number of shares"),
        ({"quantity": "inf"}, "inf", "quantity is no number of shares"),
        ({"quantity": "125"}, "125", "not a multiple of lot_size 10"),
        ({"start": "soon"}, "soon", "no time that can be read"),
        ({"end": ""}, "", "no time that can be read"),
        ({"start": "11/26/2025 10:00"}, "11/26/2025 10:00", "no time that can be read; write 2024-01-02 09:30:00"),
        ({"end": GOOD["start"]}, f"{GOOD['start']} to {GOOD['start']}", "the order must end after it starts"),
        ({"start": "2025-11-27 10:00", "end": "2025-11-27 11:00"}, "2025-11-27 10:00 to 2025-11-27 11:00", "the exchange is closed"),
        ({"start": "2035-11-27 10:00", "end": "2035-11-27 11:00"}, "2035-11-27 10:00 to 2035-11-27 11:00", "the bars end before"),
        ({"start": "2005-11-28 10:00", "end": "2005-11-28 11:00"}, "2005-11-28 10:00 to 2005-11-28 11:00", "ends before the bars start"),
        ({"end": f"{DAYS[2]} 10:29"}, f"{GOOD['start']} to {DAYS[2]} 10:29", "no whole bar of 1800 s"),
    ],
)
def test_a_row_that_cannot_be_worked_is_refused_with_its_number_value_and_reason(harm, value, reason):
    found = orders(GOOD, {**GOOD, **harm}, GOOD, lot_size=10)
    assert len(found) == 2
    assert [(one.row, one.value) for one in found.refused] == [(2, value)]
    assert reason in found.refused[0].reason


def test_a_window_without_a_bar_is_refused():
    silent = BARS.take(BARS.start != ns(DAYS[2], "10:00"))
    short = {**GOOD, "end": f"{DAYS[2]} 10:30"}
    found = ParentOrders.from_frame(pd.DataFrame([GOOD, short]), silent, calendar="XNYS")
    assert [(one.row, one.reason) for one in found.refused] == [(2, "no bar in the window")]


def test_orders_are_sorted_by_symbol_session_start_and_side():
    later = {**GOOD, "start": f"{DAYS[3]} 10:00", "end": f"{DAYS[3]} 11:00"}
    found = orders(later, {**GOOD, "side": "sell"}, GOOD, {**later, "symbol": "005930"})
    assert found.symbol.tolist() == [0, 1, 1, 1]
    assert found.side.tolist() == [1, 1, -1, 1]
    assert (np.diff(found.session) >= 0).tolist() == [False, True, True]


def test_a_csv_keeps_symbols_as_they_stand_and_finds_columns_by_name(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(
        f'Trader,End,Start,Quantity,Side,Symbol\nx,{DAYS[2]} 12:00,{DAYS[2]} 10:00,"1,200",SELL,005930\ny,,{DAYS[2]} 10:00,5,BUY,NA\n'
    )
    found = ParentOrders.from_csv(path, BARS, calendar="XNYS")
    assert (found.symbol.tolist(), found.lots.tolist(), found.side.tolist()) == ([0], [1200], [-1])
    assert [(one.row, one.value) for one in found.refused] == [(2, "")]


def test_they_are_studied_like_a_grid_of_the_same_orders():
    grid = ParentOrders.grid(BARS, calendar="XNYS", size="120", window="10:00-12:00", profile_days=2, sides=("BUY", "SELL"))
    clock = {"start": "10:00", "end": "12:00"}
    rows = [
        {"symbol": BARS.symbols[i], "side": side, "quantity": 120, **{name: f"{grid.sessions.date[k]} {at}" for name, at in clock.items()}}
        for i, k, side in zip(grid.symbol, grid.session, grid.side, strict=True)
    ]
    names = ["twap", "vwap:profile_days=2"]
    own = SlippageStudy(BARS, orders(*reversed(rows), profile_days=2), names).run()
    assert (own.parents["window_asked"] == own.parents["window"]).all()
    found = own.parents.drop(columns=["window_asked", "window"])
    pd.testing.assert_frame_equal(found, SlippageStudy(BARS, grid, names).run().parents, check_exact=True)


def test_a_missing_column_a_missing_file_and_orders_of_which_none_can_be_worked_are_refused(tmp_path):
    with pytest.raises(UsageError, match="missing: end"):
        orders({name: value for name, value in GOOD.items() if name != "end"})
    with pytest.raises(UsageError, match="no such file"):
        ParentOrders.from_csv(tmp_path / "none.csv", BARS)
    with pytest.raises(UsageError, match="none of 2 orders can be worked: 2 x the bars have no such symbol"):
        orders({**GOOD, "symbol": "A"}, {**GOOD, "symbol": "B"})


HEAD = "symbol,side,quantity,start,end"
LINE = f"005930,buy,100,{DAYS[2]} 10:00,{DAYS[2]} 12:00"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty; give a CSV with the columns symbol, side"),
        (
            b"symbol,side,amount,start,end\n",
            "missing: quantity; found: symbol, side, amount, start, end; name yours: columns='quantity=...'",
        ),
        (f"{HEAD}\n".encode(), "there is no order below the column names"),
        (f"{HEAD}\n{LINE}\n".replace(",", ":").encode(), "separate the columns by commas"),
        (f"{HEAD},Side\n{LINE},sell\n".encode(), "the column 'side' stands there twice"),
        (f"{HEAD},end\n{LINE},{DAYS[2]} 13:00\n".encode(), "the column 'end' stands there twice"),
        (f"{HEAD}\n{LINE},\n".encode(), "more values than there are column names"),
        (f"{HEAD}\n{LINE}\n{LINE},1,2\n".encode(), "line 3: the rows have more values than there are column names (7, not 5)"),
        (f"{HEAD},trader\n{LINE},김\n".encode("cp949"), "line 2); name it: encoding='cp949'"),
        (f"{HEAD}\n{LINE}\n".encode("utf-16")[:-1], "no text in encoding utf-16"),
        (f"{HEAD}\nMSFT,buy,100,x,y\n".encode(), "none of 1 orders can be worked: 1 x the bars have no such symbol"),
    ],
    ids=["empty", "column", "no row", "colons", "twice", "twice alike", "comma at the end", "ragged", "korean", "utf-16", "none"],
)
def test_a_file_that_holds_no_orders_is_refused_by_its_name_with_what_to_do(tmp_path, content, said):
    (tmp_path / "desk.csv").write_bytes(content)
    with pytest.raises(UsageError) as refused:
        ParentOrders.from_csv(tmp_path / "desk.csv", BARS, calendar="XNYS")
    assert str(refused.value).startswith(f"{tmp_path / 'desk.csv'}: ")
    assert said in str(refused.value)


def test_a_mark_at_the_start_of_a_file_and_line_ends_of_another_system_do_no_harm(tmp_path):
    (tmp_path / "desk.csv").write_bytes(f"{HEAD}\r\n{LINE}\r\n".encode("utf-8-sig"))
    assert ParentOrders.from_csv(tmp_path / "desk.csv", BARS, calendar="XNYS").lots.tolist() == [100]


def test_what_was_refused_stays_with_those_that_are_taken():
    found = orders(GOOD, {**GOOD, "symbol": "A"})
    assert found.take(found.side > 0).refused == found.refused


def test_the_desks_order_id_and_the_columns_it_asks_for_stand_in_the_result():
    rows = [{**GOOD, "Order_ID": f"D-{n}", "Trader": who, "note": "x"} for n, who in ((7, "kim"), (3, "lee"))]
    other = {**GOOD, "symbol": "005930", "Order_ID": "D-1", "Trader": "kim"}
    own = orders(*rows, other, keep=["trader"])
    found = SlippageStudy(BARS, own, ["twap", "vwap:profile_days=2"]).run().parents
    assert found["order_id"].tolist() == ["D-1", "D-1", "D-7", "D-7", "D-3", "D-3"]
    assert found["trader"].tolist() == ["kim", "kim", "kim", "kim", "lee", "lee"]
    assert (found.loc[found["order_id"] == "D-1", "symbol"] == "005930").all()
    assert "note" not in found


@pytest.mark.parametrize(
    ("ids", "refused"),
    [
        (["a", "a", "b"], [(2, "a", "row 1 has this order_id too; put its rows together, or number them")]),
        (["a", "", "b"], [(2, "", "the order has no order_id; give one, or leave the column out")]),
        ([1.0, float("nan"), 3.0], [(2, "", "the order has no order_id; give one, or leave the column out")]),
    ],
)
def test_an_order_id_stands_once_in_each_row(ids, refused):
    found = orders(*({**GOOD, "order_id": one} for one in ids))
    assert [tuple(one) for one in found.refused] == refused
    assert found.columns["order_id"].tolist() == [str(one).removesuffix(".0") for one in (ids[0], ids[2])]


@pytest.mark.parametrize(
    ("keep", "reason"),
    [(["traider"], "did you mean trader"), (["side"], "the result has one of its own"), (["end"], "own"), (["window"], "own")],
)
def test_a_column_that_cannot_be_kept_is_refused(keep, reason):
    with pytest.raises(UsageError, match=reason):
        orders({**GOOD, "trader": "kim", "window": "x"}, keep=keep)


def test_what_was_known_before_own_orders_is_nan_where_there_is_too_little_history():
    late = {**GOOD, "start": f"{DAYS[4]} 10:00", "end": f"{DAYS[4]} 12:00"}
    few = orders(GOOD, late, profile_days=3).columns["adv"]
    assert np.isnan(few).tolist() == [True, False]
    sessions = [BARS.between(ns(day, "00:00"), ns(day, "23:59")).select(["NA"]).volume.sum() for day in DAYS[1:4]]
    assert few[1] == pytest.approx(np.mean(sessions))


HEAD = "symbol,side,quantity,start,end,note\n"
TIMES = f"{DAYS[2]} 10:00,{DAYS[2]} 12:00"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("top", ["", "\n  \n", "\ufeff"])
def test_a_row_has_the_number_at_which_a_spreadsheet_shows_it(tmp_path, top, end):
    lines = [
        f"NA,buy,10,{TIMES},first",
        "",
        f'NA,buy,20,{TIMES},"two\nlines, and\n\na blank one"',
        "   ",
        ",,,,,",
        f"NA,buy,many,{TIMES},row 6",
        f"NA,sell,40,{TIMES}",
        "",
        f"NA,buy,0,{TIMES},row 9",
        "",
        " , ,,,,",
    ]
    (tmp_path / "desk.csv").write_bytes((top + HEAD + "\n".join(lines) + "\n\n").replace("\n", end).encode())
    found = ParentOrders.from_csv(tmp_path / "desk.csv", BARS, calendar="XNYS", keep=["note"])
    assert [(one.row, one.value) for one in found.refused] == [(6, "many"), (9, "0")]
    notes = dict(zip(found.lots.tolist(), [one.split()[:1] for one in found.columns["note"]], strict=True))
    assert notes == {10: ["first"], 20: ["two"], 40: []}


def test_a_row_of_which_something_is_there_is_no_blank_one(tmp_path):
    (tmp_path / "desk.csv").write_text(f"{HEAD}NA,buy,10,{TIMES},\n\n,,,,,cancelled\n")
    found = ParentOrders.from_csv(tmp_path / "desk.csv", BARS, calendar="XNYS")
    assert [(one.row, one.value, one.reason) for one in found.refused] == [(3, "", "the bars have no such symbol")]


def test_a_file_of_blank_rows_holds_no_order(tmp_path):
    (tmp_path / "desk.csv").write_text(f"{HEAD}\n,,,,,\n\n")
    with pytest.raises(UsageError, match="there is no order below the column names"):
        ParentOrders.from_csv(tmp_path / "desk.csv", BARS, calendar="XNYS")


def test_rows_of_a_frame_are_counted_whatever_its_index_says():
    frame = pd.DataFrame([GOOD, {**GOOD, "quantity": "many"}], index=[7, 3])
    assert [one.row for one in ParentOrders.from_frame(frame, BARS, calendar="XNYS").refused] == [2]
