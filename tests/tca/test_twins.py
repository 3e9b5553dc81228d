"""Buys and sells of the same orders are not pooled: over both, the price's own moves cancel, whatever an algorithm does."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markets import market

from exec_algos import Commission, FillModel, ParentOrders, SlippageStudy
from exec_algos.costs import FixedSpread
from exec_algos.studies.saved import load_result
from exec_algos.tca.twins import BUYS_ONLY, SHOWN_ONCE, are_twins, shown_once, twins_in

BARS = market(5, missing=0.0, silent=0.0)
BOTH = ("BUY", "SELL")


def study(sides=BOTH, model=None, algorithms=("twap", "vwap:profile_days=1")):
    orders = ParentOrders.grid(BARS, calendar="XNYS", sides=sides, size="300", profile_days=1)
    return SlippageStudy(BARS, orders, algorithms, model or FillModel()).run()


@pytest.fixture(scope="module")
def both():
    return study()


@pytest.fixture(scope="module")
def buys():
    return study(("BUY",))


def test_a_grid_makes_buys_unless_asked():
    assert (ParentOrders.grid(BARS, calendar="XNYS", size="300", profile_days=1).side == 1).all()


def test_a_summary_of_twins_stands_by_side(both, buys):
    summary = both.summary()
    assert summary.index.names == ["algorithm", "side"]
    for name in ("twap", "vwap:profile_days=1"):
        assert summary.loc[(name, "BUY"), "mean"] == buys.summary().loc[name, "mean"] != 0
        assert summary.loc[(name, "SELL"), "mean"] == pytest.approx(-summary.loc[(name, "BUY"), "mean"])
    assert both.by("hour").index.names == ["algorithm", "hour", "side"]
    assert buys.summary().index.names == ["algorithm"]


def test_a_comparison_of_twins_takes_one_of_each_pair_and_says_so(both, buys):
    found, alone = both.compare("twap", "vwap:profile_days=1"), buys.compare("twap", "vwap:profile_days=1")
    assert found.note == BUYS_ONLY
    assert alone.note == ""
    assert found._replace(note="") == alone
    assert abs(found.mean) > 1e-3  # over both sides it would be 0
    assert both.compare("twap", "vwap:profile_days=1", side="SELL").mean == pytest.approx(-found.mean)


def test_a_table_of_pairs_of_twins_takes_one_of_each_pair_and_says_so(both, buys):
    pd.testing.assert_frame_equal(both.comparison(), buys.comparison())
    assert (both.comparison().attrs["note"], buys.comparison().attrs["note"]) == (BUYS_ONLY, "")


def test_estimates_and_cost_curves_of_twins_are_those_of_the_buys(both, buys):
    assert both.estimate("twap") == buys.estimate("twap")._replace(note=BUYS_ONLY)
    assert both.estimate("twap", weighted=True).mean == buys.estimate("twap", weighted=True).mean
    curve = buys.cost_curve("twap")
    assert str(both.cost_curve("twap")) == str(curve._replace(note="; ".join(filter(None, [curve.note, BUYS_ONLY]))))
    assert BUYS_ONLY not in curve.note


def test_a_calibration_of_twins_is_that_of_the_buys():
    model = FillModel(spread=FixedSpread(4.0))
    lines = []
    for sides in (BOTH, ("BUY",)):
        orders = ParentOrders.grid(BARS, calendar="XNYS", sides=sides, size=["300", "900"], profile_days=1)
        whole = SlippageStudy(BARS, orders, ["twap"], model)
        lines.append(whole.run().analysis().calibration(whole.pretrade()).loc["twap"])
    assert lines[0]["bias"] == pytest.approx(lines[1]["bias"])
    assert lines[0]["n"] == lines[1]["n"]
    assert [line["note"] for line in lines] == [BUYS_ONLY, ""]


def test_what_is_written_has_no_row_of_both_sides_and_is_read_as_it_was(both, buys, tmp_path):
    both.save(tmp_path / "both")
    buys.save(tmp_path / "buys")
    written = pd.read_csv(tmp_path / "both" / "comparison.csv")
    assert set(written["side"]) == {"BUY", "SELL"}
    assert set(pd.read_csv(tmp_path / "buys" / "comparison.csv")["side"]) == {"all", "BUY"}
    again = load_result(tmp_path / "both", BARS)
    pd.testing.assert_frame_equal(again.summary(), both.summary())
    assert again.compare("twap", "vwap:profile_days=1") == both.compare("twap", "vwap:profile_days=1")
    assert json.loads((tmp_path / "both" / "config.json").read_text())["parents"]["sides"] == ["BUY", "SELL"]


def test_orders_of_both_sides_that_are_no_twins_stay_pooled():
    rows = [
        {"symbol": "A", "side": side, "quantity": 100 + 100 * (side == "sell"), "start": "2025-11-25 10:00", "end": "2025-11-25 12:00"}
        for side in ("buy", "sell")
    ]
    orders = ParentOrders.from_frame(pd.DataFrame(rows), BARS, calendar="XNYS")
    result = SlippageStudy(BARS, orders, ["twap"]).run()
    assert result.summary().index.names == ["algorithm"]
    assert result.summary().loc["twap", "n"] == 2


def test_a_desks_own_orders_can_be_twins():
    rows = [
        {"symbol": "A", "side": side, "quantity": 100, "start": "2025-11-25 10:00", "end": "2025-11-25 12:00"} for side in ("buy", "sell")
    ]
    orders = ParentOrders.from_frame(pd.DataFrame(rows), BARS, calendar="XNYS")
    assert SlippageStudy(BARS, orders, ["twap"]).run().summary().index.names == ["algorithm", "side"]


keys = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 3))


@given(st.lists(keys, min_size=1, max_size=8), st.randoms())
def test_orders_with_their_mirror_image_are_twins_in_any_sequence(rows, random):
    whole = [(*row, side) for row in rows for side in (1, -1)]
    random.shuffle(whole)
    symbol, start, size, side = np.array(whole).T
    assert are_twins([symbol, start, size], side)
    assert not are_twins([symbol[1:], start[1:], size[1:]], side[1:])
    assert not are_twins([symbol, start, size + (np.arange(len(size)) == 0)], side)
    names = pd.DataFrame({"symbol": symbol.astype(str), "start": start, "end": start + 1, "quantity": size})
    assert twins_in(names.assign(start=pd.to_datetime(start), end=pd.to_datetime(start + 1), side=np.where(side > 0, "BUY", "SELL")))


def test_no_orders_are_no_twins():
    none = np.zeros(0, dtype=np.int64)
    assert not are_twins([none], none)


def table(buy, sell):
    index = pd.MultiIndex.from_tuples([("twap", "BUY"), ("twap", "SELL")], names=["algorithm", "side"])
    return pd.DataFrame({"mean": [buy, sell], "n": [3, 3]}, index=index)


def test_rows_that_differ_in_sign_only_are_shown_once():
    shown = shown_once(table(1.5, -1.5), ("mean",))
    assert (len(shown.table), shown.note) == (1, SHOWN_ONCE)
    assert shown_once(table(math.nan, math.nan), ("mean",)).once
    for sell in (1.5, -1.4999, math.nan):
        assert (len(shown_once(table(1.5, sell), ("mean",)).table), shown_once(table(1.5, sell), ("mean",)).note) == (2, "")


@pytest.mark.parametrize(("column", "buy", "sell"), [("n", 3, 4), ("fill_rate", 1.0, 0.5), ("participation", 0.1, 0.2), ("left_out", 0, 1)])
def test_rows_that_cost_the_same_and_count_other_orders_are_all_shown(column, buy, sell):
    whole = table(0.0, 0.0).assign(**{column: [buy, buy]})
    assert shown_once(whole, ("mean",)).once
    assert not shown_once(whole.assign(**{column: [buy, sell]}), ("mean",)).once


def test_a_spread_is_paid_on_both_sides_and_both_are_shown():
    result = study(model=FillModel(spread=FixedSpread(4.0)))
    assert not shown_once(result.summary(), ("mean",)).once
    assert shown_once(study().summary(), ("mean",)).once


def test_plots_and_report_show_mirrored_sides_once(both, tmp_path):
    from matplotlib.figure import Figure

    from exec_algos.reports import write_report

    for kind in ("slippage", "shortfall", "markouts"):
        axes = both.plot(kind, Figure().subplots())
        words = " ".join(text.get_text() for text in axes.figure.findobj(lambda item: hasattr(item, "get_text")))
        assert SHOWN_ONCE in words, kind
        assert "twap, sell" not in words, kind
    page = write_report(both, tmp_path).read_text()
    assert page.count(SHOWN_ONCE) >= 6
    costs = study(model=FillModel(commission=Commission(rate=0.001)))
    assert "twap, sell" in " ".join(
        text.get_text() for text in costs.plot("shortfall", Figure().subplots()).figure.findobj(lambda item: hasattr(item, "get_text"))
    )
