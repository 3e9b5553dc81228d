"""Each row that cannot be is listed with its row, what stands there and why; an order counts whole or not at all."""

import pandas as pd
import pytest
from small_markets import minute_bars

from exec_algos import Bars
from exec_algos.errors import UsageError
from exec_algos.executions import FillForm, NoOwnOrderError, analyse
from exec_algos.market.samples import load_samples

DAY = "2024-01-02"
FLAT = [(10.0, 10.5, 9.5, 10.0, 1000)] * 30


@pytest.fixture(scope="module")
def bars():
    return minute_bars(FLAT, FLAT, symbol="X")


def order(name="a", **changed):
    return {"order_id": name, "symbol": "X", "side": "buy", "quantity": 100, "start": f"{DAY} 09:35", "end": f"{DAY} 09:50"} | changed


def fill(name="a", time="09:40:10", **changed):
    return {"order_id": name, "quantity": 40, "price": 10.1, "time": time if "-" in time else f"{DAY} {time}"} | changed


def found_in(bars, orders, fills, **said):
    return analyse(pd.DataFrame(orders), pd.DataFrame(fills), bars, calendar="XNYS", algorithms=[], **said)


GOOD = order("good", start=f"{DAY} 09:31"), fill("good", time="09:33")
REFUSED = {
    "more was filled than was ordered": ([order()], [fill(quantity=60), fill(quantity=60, time="09:41")], ("orders", 1, "120 of 100")),
    "the fill is before its order": ([order()], [fill(time="09:34:59.999999")], ("fills", 2, f"{DAY} 09:34:59.999999")),
    "the fill is after its order's end": ([order()], [fill(time="09:50")], ("fills", 2, f"{DAY} 09:50")),
    "the fill is after its order was cancelled": (
        [order(cancel=f"{DAY} 09:40:05")],
        [fill(time="09:40:05")],
        ("fills", 2, f"{DAY} 09:40:05"),
    ),
    "the price lies outside the lowest and the highest of its session's bars": ([order()], [fill(price=10.51)], ("fills", 2, "10.51")),
    "the exchange is closed then": (
        [order(start=f"{DAY} 09:00")],
        [fill(time="09:29:59")],
        ("fills", 2, f"{DAY} 09:29:59"),
    ),
    "the bars have no session at that time": (
        [order(end="2024-03-01 09:40")],
        [fill(time="2024-02-01 09:40")],
        ("fills", 2, "2024-02-01 09:40"),
    ),
    "the bars have no such symbol": ([order(symbol="Y")], [fill()], ("orders", 1, "Y")),
    "no order has this order_id": ([order()], [fill("other")], ("fills", 2, "other")),
    "the fill has no order_id": ([order()], [fill("")], ("fills", 2, "")),
    "its order is of the other side": ([order()], [fill(side="sell")], ("fills", 2, "sell")),
    "its order is of another symbol": ([order()], [fill(symbol="Y")], ("fills", 2, "Y")),
    "quantity must be a positive number": ([order()], [fill(quantity=0)], ("fills", 2, "0")),
    "price must be a positive number": ([order()], [fill(price=-10.0)], ("fills", 2, "-10.0")),
    "price is not rule_price + spread + impact": (
        [order()],
        [fill(rule_price=10.0, spread=0.1, impact=0.1)],
        ("fills", 2, "10.1"),
    ),
    "price is no number": ([order()], [fill(price="ten")], ("fills", 2, "ten")),
    "commission is below 0; say whether that is what was paid: fees='negative', or what was got: fees='positive' (--fees)": (
        [order()],
        [fill(commission=-1.0)],
        ("fills", 2, "-1.0"),
    ),
    "another fill has this fill_id and says something else": (
        [order()],
        [fill(fill_id="7"), fill(fill_id="7", quantity=41)],
        ("fills", 2, "7"),
    ),
    "it was decided after it started": ([order(decision=f"{DAY} 09:36")], [fill()], ("orders", 1, f"{DAY} 09:36:00")),
    "it was cancelled before it started": ([order(cancel=f"{DAY} 09:35")], [], ("orders", 1, f"{DAY} 09:35:00")),
    "the order must end after it starts": ([order(end=f"{DAY} 09:35")], [], ("orders", 1, f"{DAY} 09:35 to {DAY} 09:35")),
    "quantity is not a multiple of lot_size 1": ([order(quantity=100.5)], [], ("orders", 1, "100.5")),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_is_listed_and_its_order_left_out_whole(bars, reason):
    orders, fills, row = REFUSED[reason]
    columns = {name for record in (*orders, *fills) for name in record}
    good, filled = GOOD
    filled = filled | {"side": "buy"} if "side" in columns and any("side" in record for record in fills) else filled
    filled = filled | {"symbol": "X"} if any("symbol" in record for record in fills) else filled
    filled = filled | {"rule_price": 10.1, "spread": 0.0, "impact": 0.0} if any("spread" in record for record in fills) else filled
    found = found_in(bars, [*orders, good], [filled, *fills])
    assert ((*row, reason)) in found.refused
    assert found.parents["order_id"].tolist() == ["good", *(["a"] if _stays(reason) else [])]
    counts = found.config["own_fills"]["counts"]
    assert counts["orders_refused"] == sum(kept.table == "orders" for kept in found.refused)
    assert counts["fills_refused"] == sum(kept.table == "fills" for kept in found.refused)
    assert any(reason in line for line in found.config["own_fills"]["left_out"])


def _stays(reason):
    """Fills of no order leave the others alone."""
    return reason in {"no order has this order_id", "the fill has no order_id"}


def test_an_order_one_of_whose_fills_is_refused_is_listed_with_the_fill(bars):
    found = found_in(bars, [order(), GOOD[0]], [GOOD[1], fill(), fill(price=11.0)])
    why = "row 3 of the fills is refused, and without it the average price of this order would be wrong"
    assert ("orders", 1, "a", why) in found.refused
    assert found.fills["parent_id"].tolist() == [0]


def test_a_fill_that_stands_twice_with_its_id_is_counted_once_and_said(bars):
    found = found_in(bars, [order()], [fill(fill_id="7"), fill(fill_id="7"), fill(fill_id="8")])
    assert found.parents["filled"].tolist() == [80]
    assert "1 fill stood there before, with the same fill_id and content: counted once" in found.config["own_fills"]["notes"]
    assert not found.refused


def test_the_same_id_on_another_day_is_another_fill(bars):
    later = "2024-01-03"
    orders = [order(), order("b", start=f"{later} 09:35", end=f"{later} 09:50")]
    found = found_in(bars, orders, [fill(fill_id="7"), fill("b", f"{later} 09:41", fill_id="7")])
    assert found.parents["filled"].tolist() == [40, 40]
    assert not found.refused


def test_the_same_id_in_another_symbol_is_another_fill_also_where_the_orders_say_the_symbol():
    both = pd.concat([minute_bars_of("X"), minute_bars_of("Y")])
    bars = Bars.from_frame(both, label="start", step="1min")
    found = found_in(bars, [order(), order("b", symbol="Y")], [fill(fill_id="7"), fill("b", fill_id="7", quantity=41)])
    assert not found.refused
    assert found.parents["filled"].tolist() == [40, 41]


def minute_bars_of(symbol):
    stamps = pd.date_range(f"{DAY} 09:30", periods=30, freq="1min", tz="America/New_York")
    return pd.DataFrame({"symbol": symbol, "timestamp": stamps, "open": 10.0, "high": 10.5, "low": 9.5, "close": 10.0, "volume": 1000.0})


def test_fills_without_an_id_that_are_alike_are_counted_and_said(bars):
    found = found_in(bars, [order()], [fill(), fill()])
    assert found.parents["filled"].tolist() == [80]
    assert (
        "1 fill without a fill_id are the same as another to the last cell: counted, for two fills may be alike"
        in (found.config["own_fills"]["notes"])
    )


def test_orders_that_share_an_id_are_refused_for_nobody_knows_whose_the_fills_are(bars):
    found = found_in(bars, [order(), order(quantity=500), GOOD[0]], [fill(), GOOD[1]])
    assert [row[:3] for row in found.refused] == [("orders", 1, "a"), ("orders", 2, "a")]
    assert found.parents["order_id"].tolist() == ["good"]


def test_where_no_order_is_left_the_rows_are_on_the_error(bars):
    with pytest.raises(NoOwnOrderError, match="no order is left: 1 x the bars have no such symbol") as caught:
        found_in(bars, [order(symbol="Y")], [fill()])
    assert caught.value.refused == (("orders", 1, "Y", "the bars have no such symbol"),)


@pytest.mark.parametrize(
    ("fills", "message"),
    [
        (pd.DataFrame({"order_id": ["a"], "time": ["x"], "price": [1]}), "missing: quantity"),
        (pd.DataFrame({"quantity": [1], "time": [f"{DAY} 09:40"], "price": [10]}), "have no column order_id"),
        (
            pd.DataFrame({"order_id": ["a"], "quantity": [1], "price": [10], "px": [10], "last px": [1]}).drop(columns="price"),
            "may each be",
        ),
    ],
)
def test_columns_that_are_not_there_are_named(bars, fills, message):
    with pytest.raises(UsageError, match=message):
        analyse(pd.DataFrame([order()]), fills, bars, calendar="XNYS")


def test_of_the_prices_of_a_report_of_a_fill_the_caller_says_which_is_its_own(bars):
    report = {"ClOrdID": "a", "OrderQty": 100, "Price": 9.6, "LastQty": 10, "LastPx": 10.1, "AvgPx": 10.0, "time": f"{DAY} 09:40"}
    with pytest.raises(UsageError, match="columns 'Price', 'LastPx' may each be price of a fill; say which: columns='price=LastPx'"):
        found_in(bars, [order()], [report])
    found = found_in(bars, [order()], [report], fill_form=FillForm(columns={"price": "LastPx"}))
    assert found.fills["price"].tolist() == [10.1]


def test_an_average_price_has_no_time_of_a_fill_whatever_stands_beside_it(bars):
    record = {"order_id": "a", "quantity": 10, "AvgPx": 10.0, "time": f"{DAY} 09:40"}
    found = found_in(bars, [order()], [record])
    assert found.parents["average_price"].tolist() == [10.0]
    assert not len(found.fills)
    assert "the price 'AvgPx' is taken for the average of an order" in found.config["own_fills"]["notes"]
    fills = pd.DataFrame([record | {"symbol": "X", "side": "buy"}])
    with pytest.raises(UsageError, match=r"the fills have no time; .*; the price 'AvgPx' is taken for the average"):
        analyse(None, fills, bars, calendar="XNYS", algorithms=[])
    told = analyse(None, fills, bars, calendar="XNYS", algorithms=[], fill_form=FillForm(columns="price=AvgPx"))
    assert told.fills["price"].tolist() == [10.0]


def test_an_order_that_says_another_quantity_than_its_fills_sum_to_is_left_out(bars):
    found = found_in(bars, [order(filled=50, average_price=10.1), GOOD[0] | {"filled": 40, "average_price": 10.1}], [fill(), GOOD[1]])
    assert found.refused == (("orders", 1, "50", "it says that it filled another quantity than its fills sum to"),)
    assert found.parents["order_id"].tolist() == ["good"]


def test_without_orders_a_fill_needs_symbol_side_and_time(bars):
    for column in ("symbol", "side", "time"):
        whole = pd.DataFrame([fill(symbol="X", side="buy")]).drop(columns=[column])
        with pytest.raises(UsageError, match=f"the fills have no {column}"):
            analyse(None, whole, bars, calendar="XNYS")


def test_stamps_that_contradict_the_price_rule_are_refused(bars):
    from exec_algos import FillModel

    with pytest.raises(UsageError, match="cannot be stamped at the end of their bar beside simulated ones at price rule 'open'"):
        found_in(bars, [order()], [fill()], stamped="end", fill_model=FillModel())


def test_what_a_notebook_shows_counts_what_is_refused():
    bars = load_samples()["XNYS"]
    orders = pd.DataFrame({
        "order_id": ["A", "B"], "symbol": "SYNMID", "side": "BUY", "quantity": 100, "start": "2025-10-15 10:00", "end": "2025-10-15 11:00",
    })  # fmt: skip
    close = bars.to_frame().loc["SYNMID"].loc["2025-10-15 10:05":"2025-10-15 10:05", "close"].iloc[0]
    fills = pd.DataFrame({"order_id": ["A", "B"], "quantity": 100, "price": [close, 1.0], "time": "2025-10-15 10:05:30"})
    shown = repr(analyse(orders, fills, bars, calendar="XNYS", algorithms=["twap"]))
    assert shown.startswith("<OwnFillsResult of 1 order and 1 fill beside twap; ")
    assert "2 rows refused (.refused)" in shown
    assert len(shown) < 600
