"""Tables by groups: each cell stands under what it is of, and counts the orders it is of."""

from dataclasses import replace

import pandas as pd
import pytest
from markets import market, study_of
from small_markets import minute_bars

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.costs import Commission
from exec_algos.executions import analyse
from exec_algos.reports.analysis import costs
from exec_algos.reports.answer import answer
from exec_algos.reports.groups import INTERVAL, MOST_GROUPS, by_tables, money_table
from exec_algos.reports.numbers import NONE, money
from exec_algos.reports.orders import extremes, orders_table
from exec_algos.reports.subject import Subject
from exec_algos.reports.tables import filled, pairs, slippage
from exec_algos.reports.words import simulated
from exec_algos.tca.twins import BUYS_ONLY

DAY = "2024-01-02"
FLAT = [(10.0, 10.5, 9.5, 10.0, 1000)] * 20


def own(*, algorithms=("twap",), many=1):
    """An order of Kim within a minute, which no algorithm can work, and others of Lee."""
    rows = [("a", "X", "buy", 10, f"{DAY} 09:32:05", f"{DAY} 09:32:50", "kim")]
    rows += [(f"b{n}", "X", "buy", 20, f"{DAY} 09:34", f"{DAY} 09:38", "lee") for n in range(many)]
    orders = pd.DataFrame(rows, columns=["order_id", "symbol", "side", "quantity", "start", "end", "trader"])
    fills = [(row[0], row[3], 10.2, f"{DAY} {'09:32:10' if row[0] == 'a' else '09:35:10'}") for row in rows]
    table = pd.DataFrame(fills, columns=["order_id", "quantity", "price", "time"])
    bars = minute_bars(FLAT, FLAT, symbol="X")
    return analyse(orders, table, bars, calendar="XNYS", algorithms=list(algorithms), keep=["trader"])


def test_what_an_algorithm_did_not_work_stands_in_its_own_place():
    [table] = [table for table in by_tables(Subject.of(own())) if table.title == "By trader"]
    kim, lee = table.rows
    assert (kim[0], kim[1], kim[-1]) == ("kim", "1, 0", f"100.0%, {NONE}")
    assert (lee[0], lee[1], lee[-1]) == ("lee", "1", "100.0%")


def test_money_says_of_how_many_orders_it_is():
    rows = money_table(Subject.of(own(many=3))).rows
    assert [row[:4] for row in rows] == [("own fills", "USD", "4", "714"), ("twap", "USD", "3", "600")]


def test_an_algorithm_without_a_cost_keeps_its_column():
    result = study_of(market(5), ["twap", "pov"], FillModel(max_participation=1e-9), size="60", profile_days=2, sides=("BUY",)).run()
    for table in by_tables(Subject.of(result)):
        assert table.head[2:] == ("twap", "pov", "filled")
        assert INTERVAL not in table.head
        assert table.rows[0][1] == "0"


def test_by_side_twins_are_both_there_and_nothing_else_is_said():
    result = study_of(market(5), ["twap"], size="60", profile_days=2).run()
    side, *others = by_tables(Subject.of(result, by=["side"]))
    assert [row[0] for row in side.rows] == ["BUY", "SELL"]
    assert BUYS_ONLY not in side.note
    assert all(BUYS_ONLY in table.note for table in others)


def test_a_table_of_more_groups_than_a_page_holds_says_how_many_there_are(monkeypatch):
    monkeypatch.setattr("exec_algos.reports.groups.MOST_GROUPS", 2)
    [table] = [table for table in by_tables(Subject.of(own(many=3), by=["order_id"])) if table.title == "By order_id"]
    assert len(table.rows) == 2
    assert "the first 2 of 4" in table.note
    assert MOST_GROUPS == 1_000


def test_only_what_was_analysed_is_named():
    lines = simulated(own())
    assert "1 symbol: X" in lines
    assert f"1 day, {DAY}, sessions of XNYS" in lines
    assert "of them 1 worked by twap" in lines


def test_commission_stands_in_its_currency_and_is_never_added_over_currencies():
    model = FillModel(commission=Commission(rate=0.0002))
    result = study_of(market(5), ["twap"], model, size="60", profile_days=2, sides=("BUY",)).run()
    paid = result.parents.groupby("symbol")["commission"].sum()
    cells = {text: filled(Subject.of(result, currency=text)).rows[0][-2:] for text in ("GBX", "A=EUR,B=USD")}
    assert cells["GBX"] == (money({"GBP": paid.sum() / 100}), "2.00")
    assert cells["A=EUR,B=USD"] == (money({"EUR": paid["A"], "USD": paid["B"]}), NONE)


def test_the_table_of_orders_names_the_day_on_which_an_order_ends_where_it_is_another():
    bars = market(5, missing=0.0)
    order = {"symbol": "A", "side": "buy", "quantity": 10, "start": "2025-11-28 12:00"}
    rows = [{**order, "end": end} for end in ("2025-11-28 13:00", "2025-12-01 11:00")]
    orders = ParentOrders.from_frame(pd.DataFrame(rows), bars, calendar="XNYS", profile_days=2)
    columns = {column["title"]: column for column in orders_table(Subject.of(SlippageStudy(bars, orders, ["twap"]).run())).columns}
    assert columns["to"]["values"] == ["13:00", "2025-12-01 11:00"]


def test_of_an_average_price_the_picture_says_that_no_fill_is_known_and_mark_outs_say_it_once():
    order = {"order_id": "a", "symbol": "X", "side": "buy", "quantity": 20, "start": f"{DAY} 09:34", "end": f"{DAY} 09:38"}
    orders = pd.DataFrame([{**order, "filled": 20, "average_price": 10.1}])
    result = analyse(orders, None, minute_bars(FLAT, FLAT, symbol="X"), calendar="XNYS", algorithms=["twap"])
    [worst] = extremes(Subject.of(result))["worst"]
    assert worst.figure.caption.endswith("; the single fills of own fills are not known, so none is drawn.")
    row = costs(result).markouts.rows[0]
    assert row[0] == "own fills"
    assert set(row[3:]) == {NONE}


def test_parts_say_of_how_many_orders_each_mean_is():
    assert "means of 2 to 3 orders each" in costs(own(many=2)).shortfall.note


def test_money_of_less_than_a_cent_does_not_read_as_0():
    result = study_of(market(5), ["twap"], size="60", profile_days=2, sides=("BUY",)).run()
    tiny = replace(
        result, parents=result.parents.assign(**{name: result.parents[name] / 1e9 for name in ("interval_vwap", "average_price")})
    )
    subject = Subject.of(tiny, currency="BTC")
    [column] = [column for column in orders_table(subject).columns if column["title"].endswith("BTC")]
    assert sum(column["values"]) == pytest.approx(subject.money(subject.rows("twap"), "interval_vwap")["BTC"], rel=0.01)
    assert "e-" not in money_table(subject).rows[0][4]


def test_the_table_of_pairs_allows_for_their_number_as_the_sentence_says():
    result = study_of(market(5), ["twap", "vwap:profile_days=2", "pov"], size="60", profile_days=2, sides=("BUY",)).run()
    table, rows = pairs(result), result.comparison().set_index(["first", "second"])
    assert "the 3 pairs" in table.note
    shown = {row[0]: row[-1] for row in table.rows if row[2] == "interval VWAP"}
    assert shown == {f"{a} - {b}": f"{row['p_holm']:.3f}" for (a, b), row in rows.iterrows()}
    assert "the table of pairs does" in answer(Subject.of(result)).more[-1]


def over_nights():
    """Orders of two days whose windows run into the next session: one block of two sessions, and so one cluster."""
    bars = market(5, missing=0.0)
    days = [("2025-11-26", "2025-11-28"), ("2025-11-28", "2025-12-01")]
    order = {"side": "buy", "quantity": 10}
    rows = [{**order, "symbol": symbol, "start": f"{a} 12:00", "end": f"{b} 11:00"} for a, b in days for symbol in "AB"]
    orders = ParentOrders.from_frame(pd.DataFrame(rows), bars, calendar="XNYS", profile_days=2)
    return SlippageStudy(bars, orders, ["twap", "pov"]).run()


def test_every_table_of_orders_over_nights_has_the_same_intervals():
    result = over_nights()
    mine, theirs = result.summary(by=("algorithm", "side")), result.analysis().slippage().xs("interval_vwap", level="benchmark")
    for name in ("mean", "low", "high"):
        assert theirs[name].to_numpy() == pytest.approx(mine.loc[theirs.index, name].to_numpy(), nan_ok=True)
    assert theirs["low"].isna().all()


def test_orders_over_nights_are_counted_in_blocks_and_end_on_a_later_day():
    result = over_nights()
    assert "12:00 to 11:00 of a later day" in slippage(result)[0].note
    assert slippage(result)[0].note.endswith("; 1 block of 2 sessions")
    assert "with no interval: 1 block of 2 sessions gives none" in answer(Subject.of(result)).sentence
    assert all(table.note.endswith("1 block of 2 sessions gives no interval") for table in by_tables(Subject.of(result)))


def test_a_column_of_a_desk_that_has_the_name_of_a_clock_is_its_own():
    result = own()
    named = replace(result, parents=result.parents.rename(columns={"trader": "hour"}))
    titles = [table.title for table in by_tables(Subject.of(named))]
    assert "By hour" in titles
    assert "By hour of the start" not in titles
