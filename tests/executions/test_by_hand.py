"""Own fills whose every number is worked out on paper."""

import numpy as np
import pandas as pd
import pytest
from small_markets import minute_bars

from exec_algos import FillModel, Rules
from exec_algos.executions import OWN_FILLS, analyse
from exec_algos.market.quality.limits import Limits
from exec_algos.tca.frames import NO_ARRIVAL, NO_DECISION

DAY = "2024-01-02"
# a whole minute trades at one price: 10.00 in the first, 10.10 in the second ..., 100 shares each
RISING = [(10 + 0.1 * k, 10 + 0.1 * k, 10 + 0.1 * k, 10 + 0.1 * k, 100) for k in range(20)]
WIDE = [(10 + 0.1 * k, 30.0, 1.0, 10 + 0.1 * k, 100) for k in range(20)]


def bps(side, price, base):
    return side * (price - base) / base * 1e4


def one_order(**changed):
    return {"order_id": "a", "symbol": "X", "side": "buy", "quantity": 100, "start": f"{DAY} 09:32", "end": f"{DAY} 09:36"} | changed


def fills_of(*rows, **more):
    return pd.DataFrame([{"order_id": "a", "quantity": q, "price": p, "time": f"{DAY} {t}", **more} for q, p, t in rows])


def analysed(orders, fills, rows=RISING, algorithms=(), **said):
    frame = orders if orders is None else pd.DataFrame([orders] if isinstance(orders, dict) else orders)
    return analyse(frame, fills, minute_bars(rows, rows, symbol="X"), calendar="XNYS", algorithms=algorithms, **said)


def own(found):
    return found.parents[found.parents["algorithm"] == OWN_FILLS].iloc[0]


def test_an_order_in_whole_minutes():
    # bars of the window: 10.2, 10.3, 10.4, 10.5; the close before it is 10.1; fills of 30 at 10.2 and 50 at 10.4
    row = own(analysed(one_order(), fills_of((30, 10.2, "09:32:10"), (50, 10.4, "09:34:59.9"))))
    average = (30 * 10.2 + 50 * 10.4) / 80
    assert row["average_price"] == pytest.approx(average, abs=1e-12)
    assert (row["filled"], row["residual"], row["fill_rate"], row["children"]) == (80, 20, 0.8, 2)
    assert row["participation"] == pytest.approx(80 / 400)
    assert row["slippage_arrival_bps"] == pytest.approx(bps(1, average, 10.1), abs=1e-9)
    assert row["slippage_vwap_bps"] == pytest.approx(bps(1, average, 10.35), abs=1e-9)


def test_an_order_of_parts_of_minutes_is_measured_over_the_bars_that_hold_it_and_simulated_in_whole_ones_of_its_own():
    order = one_order(start=f"{DAY} 09:32:20", end=f"{DAY} 09:35:40", quantity=90)
    found = analysed(order, fills_of((90, 10.2, "09:32:30")), algorithms=["twap"])
    row, simulated = own(found), found.parents.iloc[1]
    # known at 09:32:20 is the close of 09:31, 10.1; the bars 09:32 to 09:35 hold the order
    assert row["arrival_price"] == simulated["arrival_price"] == pytest.approx(10.1)
    assert row["interval_vwap"] == simulated["interval_vwap"] == pytest.approx(10.35)
    # TWAP has 09:33 and 09:34 for whole minutes, 45 shares in each
    mine = found.fills[found.fills["algorithm"] == "twap"]
    assert mine["quantity"].tolist() == [45, 45]
    assert mine["price"].tolist() == pytest.approx([10.3, 10.4])


def test_a_cancelled_order_counts_to_its_cancel_and_its_algorithms_do_not_know_it():
    # of 100 over four minutes TWAP fills 25 a minute at the open; cancelled at 09:34:00 it has two of them
    order = one_order(cancel=f"{DAY} 09:34")
    found = analysed(order, fills_of((30, 10.2, "09:32:10")), algorithms=["twap"])
    row, simulated = own(found), found.parents.iloc[1]
    assert row["interval_vwap"] == simulated["interval_vwap"] == pytest.approx(10.25)
    assert (row["filled"], row["residual"]) == (30, 70)
    assert (simulated["filled"], simulated["residual"], simulated["children"]) == (50, 50, 2)
    assert simulated["average_price"] == pytest.approx(10.25)
    assert found.fills["quantity"].tolist() == [30, 25, 25]
    # what was not filled, at the session's close 11.9: 70 x (11.9 - 10.1), of 100 shares at 10.1
    parts = found.analysis().shortfall()["order_weighted"]
    assert parts[OWN_FILLS, "BUY", "opportunity"] == pytest.approx(70 * (11.9 - 10.1) / (100 * 10.1) * 1e4)
    assert parts["twap", "BUY", "opportunity"] == pytest.approx(50 * (11.9 - 10.1) / (100 * 10.1) * 1e4)
    left = found.residuals()
    assert left.loc[(OWN_FILLS, "BUY"), "end of window"] == 70


def test_with_fills_at_the_end_of_bars_the_one_at_the_cancel_counts():
    order = one_order(cancel=f"{DAY} 09:34")
    found = analysed(order, fills_of((30, 10.2, "09:33")), algorithms=["twap"], fill_model=FillModel(price="close"))
    assert found.fills[found.fills["algorithm"] == "twap"]["timestamp"].dt.strftime("%H:%M").tolist() == ["09:33", "09:34"]
    assert found.config["own_fills"]["stamped"] == "end"


def test_a_cancel_within_a_minute_counts_the_whole_minute_for_the_market_and_none_behind_it():
    found = analysed(one_order(cancel=f"{DAY} 09:33:30"), fills_of((30, 10.2, "09:33:29")), algorithms=["twap"], rows=WIDE)
    assert found.parents["end"].dt.strftime("%H:%M").tolist() == ["09:34", "09:34"]
    assert found.parents["filled"].tolist() == [30, 50]


def test_a_cancel_after_the_end_changes_nothing():
    found = analysed(one_order(cancel=f"{DAY} 09:40"), fills_of((30, 10.2, "09:32:10")), algorithms=["twap"])
    assert found.parents["end"].dt.strftime("%H:%M").tolist() == ["09:36", "09:36"]
    assert found.parents["filled"].tolist() == [30, 100]


def test_without_orders_one_is_built_of_the_fills_of_a_symbol_side_and_session():
    fills = pd.concat([
        fills_of((30, 10.2, "09:32:10"), (50, 10.4, "09:34:59"), side="buy", symbol="X"),
        fills_of((7, 10.3, "09:33"), side="sell", symbol="X"),
    ])  # fmt: skip
    found = analysed(None, fills.drop(columns="order_id"), algorithms=["twap"])
    rows = found.parents[found.parents["algorithm"] == OWN_FILLS]
    assert rows["side"].tolist() == ["BUY", "SELL"]
    assert rows["quantity"].tolist() == rows["filled"].tolist() == [80, 7]
    assert rows["start"].dt.strftime("%H:%M").tolist() == ["09:32", "09:33"]
    assert rows["end"].dt.strftime("%H:%M").tolist() == ["09:35", "09:34"]
    assert rows["interval_vwap"].tolist() == pytest.approx([10.3, 10.3])
    assert found.parents["slippage_arrival_bps"].isna().all()
    assert set(found.parents["not_estimable"]) == {NO_ARRIVAL}
    assert not found.config["own_fills"]["arrival_known"]
    assert not found.config["own_fills"]["decision_known"]
    table = found.analysis().order_shortfall()
    assert table["total"].isna().all()
    assert set(table["trading_reason"]) == {NO_ARRIVAL}
    assert found.analysis().slippage().loc[(OWN_FILLS, "BUY", "arrival"), "reasons"] == f"{NO_ARRIVAL}: 1"


def test_an_average_price_is_worth_as_much_as_its_fills_but_for_what_needs_single_ones():
    fills = fills_of((30, 10.2, "09:32:10"), (50, 10.4, "09:34:59"), commission=1.0)
    whole = analysed(one_order(), fills)
    average = (30 * 10.2 + 50 * 10.4) / 80
    by_order = pd.DataFrame([{"order_id": "a", "filled qty": 80, "avg price": average, "commission": 2.0}])
    in_one = pd.DataFrame([one_order(filled=80, average_price=average, commission=2.0)])
    orders_alone = analyse(in_one, None, minute_bars(RISING, RISING), calendar="XNYS", algorithms=[])
    for found in (analysed(one_order(), by_order), analysed(None, in_one), orders_alone):
        assert not found.refused
        for name in ("average_price", "slippage_vwap_bps", "slippage_arrival_bps", "fill_rate", "commission"):
            assert own(found)[name] == pytest.approx(own(whole)[name], rel=1e-12), name
        mine, theirs = (one.analysis().order_shortfall() for one in (found, whole))
        for part in ("delay", "trading", "opportunity", "fees", "total"):
            assert mine[part].tolist() == pytest.approx(theirs[part].tolist(), rel=1e-9), part
        without = [one.analysis().benchmarks()["vwap_without_own"].tolist() for one in (found, whole)]
        assert without[0] == pytest.approx(without[1])
        marks = found.analysis().markouts()
        assert (marks["n"] == 0).all()
        assert set(marks["reasons"]) == {"only the average price of the order is known, not its single fills: 1 orders"}
        assert found.config["own_fills"]["counts"]["orders_by_average_price"] == 1


def test_the_decision_time_gives_the_delay():
    # decided at 09:31, when the last close is 10.0; arrived at 09:32, when it is 10.1
    found = analysed(one_order(decision=f"{DAY} 09:31"), fills_of((100, 10.2, "09:32:10")))
    parts = found.analysis().shortfall()["order_weighted"][OWN_FILLS, "BUY"]
    assert parts["delay"] == pytest.approx(100 * 0.1 / (100 * 10.0) * 1e4)
    assert parts["total"] == pytest.approx(100 * 0.2 / (100 * 10.0) * 1e4)
    assert found.config["own_fills"]["decision_known"]


def test_an_order_without_a_decision_among_others_has_no_shortfall_and_says_why():
    orders = [one_order(decision=f"{DAY} 09:31"), one_order(order_id="b", decision="")]
    found = analysed(orders, pd.concat([fills_of((100, 10.2, "09:32:10")), fills_of((100, 10.2, "09:32:10")).assign(order_id="b")]))
    table = found.analysis().order_shortfall()
    assert table["total"].isna().tolist() == [False, True]
    assert table["total_reason"].tolist() == ["", NO_DECISION]
    assert not found.config["own_fills"]["decision_known"]


def test_the_vwap_of_the_others_stands_beside_for_the_tape_holds_our_prints():
    # the window trades 400 shares for 4140; ours are 80 for 826, so the others' 320 paid 3314
    rows = [*RISING[:2], *((p, p + 0.3, p - 0.3, p, 100) for p in (10.2, 10.3, 10.4, 10.5)), *RISING[6:]]
    found = analysed(one_order(), fills_of((30, 10.2, "09:32:10"), (50, 10.4, "09:34:59")), rows, ["twap"])
    table = found.analysis().benchmarks().set_index("algorithm")
    assert table.loc[OWN_FILLS, "vwap_without_own"] == pytest.approx(3314 / 320)
    assert table.loc[OWN_FILLS, "interval_vwap"] == pytest.approx(10.35)
    assert table.loc["twap", "vwap_without_own"] == table.loc["twap", "interval_vwap"]


def test_an_order_without_an_end_ends_with_the_bar_of_its_last_fill():
    found = analysed(
        {key: value for key, value in one_order().items() if key != "end"}, fills_of((30, 10.2, "09:32:10"), (9, 10.3, "09:33:20"))
    )
    assert own(found)["end"].strftime("%H:%M") == "09:34"
    assert any("without an end" in note for note in found.config["own_fills"]["notes"])


def test_an_order_without_an_end_and_without_a_fill_is_refused():
    orders = [one_order(), one_order(order_id="b", end="")]
    found = analysed(orders, fills_of((30, 10.2, "09:32:10")))
    assert found.refused == (("orders", 2, "", "the order has no end, and no fill says when it ended"),)


@pytest.mark.parametrize(("stamped", "inside"), [("start", 10.3), ("end", 10.2)])
def test_a_fill_between_two_bars_lies_where_the_stamps_say(stamped, inside):
    found = analysed(one_order(), fills_of((30, inside, "09:33")), stamped=stamped)
    table = found.analysis().time_of_day()
    assert table["mean"].tolist() == pytest.approx([0.0])
    assert found.config["fill_model"]["price"] == {"start": "open", "end": "close"}[stamped]


@pytest.mark.parametrize(("said", "paid"), [(None, 5.0), (False, 5.0), (True, 3.0)])
def test_taxes_are_beside_the_commission_unless_it_is_said_to_hold_them(said, paid):
    found = analysed(one_order(), fills_of((30, 10.2, "09:32:10"), commission=3.0, taxes=2.0), taxes_in_commission=said)
    assert (own(found)["commission"], own(found)["taxes"]) == (paid, 2.0)
    assert found.fills["commission"].tolist() == [paid]


def test_columns_to_keep_come_from_the_orders_or_from_fills_that_agree():
    fills = fills_of((30, 10.2, "09:32:10"), (9, 10.3, "09:33:20")).assign(broker="abc", venue=["N", "Q"])
    found = analysed(one_order(trader="kim"), fills, keep=["Trader", "broker", "venue"], algorithms=["twap"])
    assert found.parents[["trader", "broker", "venue"]].to_numpy().tolist() == [["kim", "abc", ""]] * 2
    assert np.isfinite(found.by("trader").loc[(OWN_FILLS, "kim"), "mean"])
    with pytest.raises(ValueError, match="'desk'"):
        analysed(one_order(), fills, keep=["desk"])
    for name in ("session", "decided", "adv"):
        with pytest.raises(ValueError, match=f"column '{name}' cannot be kept"):
            analysed(one_order(), fills.assign(**{name: "x"}), keep=[name])


def test_orders_that_cannot_be_simulated_keep_their_own_fills_and_pairs_are_of_the_others():
    # VWAP looks five sessions back, and there is one: no order can be worked by it
    found = analysed(one_order(), fills_of((30, 10.2, "09:32:10")), algorithms=["twap", "vwap"])
    assert found.parents["algorithm"].tolist() == [OWN_FILLS]
    assert any("no order could be simulated" in note for note in found.config["own_fills"]["notes"])
    short = one_order(order_id="b", start=f"{DAY} 09:32:10", end=f"{DAY} 09:32:50")
    both = pd.concat([fills_of((30, 10.2, "09:32:10")), fills_of((20, 10.2, "09:32:30")).assign(order_id="b")])
    found = analysed([one_order(), short], both, algorithms=["twap"])
    assert found.parents.groupby("algorithm").size().to_dict() == {OWN_FILLS: 2, "twap": 1}
    assert found.compare(OWN_FILLS, "twap").n == found.compare("twap", OWN_FILLS).n == 1
    assert "1 of 2 orders has no whole bar in the window: no algorithm can work it" in found.config["own_fills"]["notes"]


def test_orders_of_too_short_a_history_are_counted_and_not_their_sessions():
    later = "2024-01-03"
    orders = [one_order(order_id=k, start=f"{day} 09:32", end=f"{day} 09:36") for k, day in (("a", DAY), ("b", DAY), ("c", later))]
    rows = [{"order_id": k, "quantity": 9, "price": 10.2, "time": f"{day} 09:32:10"} for k, day in (("a", DAY), ("b", DAY), ("c", later))]
    found = analysed(orders, pd.DataFrame(rows), algorithms=["vwap:profile_days=1"])
    assert found.parents.groupby("algorithm").size().to_dict() == {OWN_FILLS: 3, "vwap:profile_days=1": 1}
    assert any(note.startswith("2 of 3 orders are not simulated") for note in found.config["own_fills"]["notes"])
    assert found.config["own_fills"]["counts"]["orders_simulated"] == 1


def test_a_window_beyond_the_session_is_clipped_and_said():
    found = analysed(one_order(start=f"{DAY} 09:00"), fills_of((30, 10.2, "09:32:10")))
    assert own(found)["start"].strftime("%H:%M") == "09:30"
    assert [row[:2] for row in found.clipped] == [(1, f"{DAY} 09:00 to {DAY} 09:36")]
    assert "1 order clipped to the session; row by row in clipped.csv" in found.config["own_fills"]["notes"]


def test_parts_of_a_share_that_sum_to_the_order_leave_nothing():
    # in doubles 0.1 + 0.7 is 0.7999999999999999
    found = analysed(one_order(quantity=0.8), fills_of((0.1, 10.2, "09:32:10"), (0.7, 10.3, "09:33:10")), lot_size=0.1)
    assert own(found)[["filled", "residual", "fill_rate"]].tolist() == [0.8, 0.0, 1.0]
    assert found.fills["quantity"].tolist() == [0.1, 0.7]


def test_an_index_explains_nothing_of_an_average_price_for_nobody_knows_when_it_was_paid():
    orders = [one_order(filled=80, average_price=10.3), one_order(order_id="b", filled=30, average_price=10.2)]
    found = analysed(orders, fills_of((30, 10.2, "09:32:10")).assign(order_id="b"))
    index = minute_bars([10.0] * 20, [10.0] * 20, symbol="I")
    table = found.analysis().index_adjusted(index)
    assert table.loc[(OWN_FILLS, "BUY", "total"), ["n", "left_out"]].tolist() == [1, 1]


def test_orders_of_which_nothing_was_filled_count_with_nothing():
    none = pd.DataFrame({"order_id": [], "quantity": [], "price": [], "time": []}, dtype=str)
    found = analysed(one_order(), none, algorithms=["twap"])
    assert found.parents["filled"].tolist() == [0, 100]
    assert found.parents["not_estimable"].tolist() == ["nothing was filled", ""]
    # the whole order at the close, 11.9
    parts = found.analysis().shortfall()["order_weighted"][OWN_FILLS, "BUY"]
    assert parts["opportunity"] == parts["total"] == pytest.approx((11.9 - 10.1) / 10.1 * 1e4)


def test_a_column_that_a_study_keeps_under_such_a_name_is_a_column_and_no_more():
    found = analysed(one_order(trader="kim"), fills_of((30, 10.2, "09:32:10")), keep=["trader"])
    renamed = found.parents.assign(decided="kim", arrival_known="kim")
    from exec_algos.studies.analysis import Analysis

    plain, other = (Analysis.of(rows, found.fills, found.bars, found.config).shortfall() for rows in (found.parents, renamed))
    pd.testing.assert_frame_equal(plain, other)


def test_each_term_of_the_analysis_is_used():
    later = "2024-01-03"
    order, fills = one_order(start=f"{later} 09:32", end=f"{later} 09:36"), fills_of((30, 10.2, "09:32:10"))
    fills["time"] = f"{later} 09:32:10"
    plain = analysed(order, fills, algorithms=["twap"])
    assert np.isnan(own(plain)["adv"])
    found = analysed(
        order, fills, algorithms=["twap"], profile_days=1, driver="engine", limits=Limits.of("missing=0.5"), rules=Rules(max_child=10)
    )
    assert own(found)["adv"] == 2000
    assert found.config["drivers"] == {OWN_FILLS: "the desk", "twap": "engine"}
    assert found.config["limits"] == {"missing": 0.5}
    assert found.config["rules"]["max_child"] == 10
    assert found.fills[found.fills["algorithm"] == "twap"]["quantity"].max() == 10
    capped = analysed(order, fills, algorithms=["twap"], fill_model=FillModel(max_participation=0.1))
    assert capped.parents["filled"].tolist() == [30, 40]


def test_fills_of_before_a_split_are_in_shares_after_it():
    rows = [(20.0, 20.0, 20.0, 20.0, 100)] * 20
    after = [(10.0, 10.0, 10.0, 10.0, 200)] * 20
    bars = minute_bars(rows, after, symbol="X").adjusted([("X", "2024-01-03", 2.0)])
    fills = fills_of((30, 20.0, "09:32:10"))
    found = analyse(pd.DataFrame([one_order()]), fills, bars, calendar="XNYS", algorithms=["twap"])
    row = own(found)
    assert not found.refused
    assert (row["quantity"], row["filled"], row["average_price"]) == (200, 60, 10.0)
    assert row["slippage_vwap_bps"] == pytest.approx(0.0)
    built = analyse(None, fills.assign(side="buy", symbol="X"), bars, calendar="XNYS", algorithms=[])
    assert own(built)[["quantity", "filled", "average_price"]].tolist() == [60, 60, 10.0]
