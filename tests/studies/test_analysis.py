"""The analysis of a study as a user reaches it: tables by algorithm and side, plots and report."""

import json

import numpy as np
import pandas as pd
import pytest
from markets import market, study_of

from exec_algos import FillModel
from exec_algos.costs import FixedSpread, TransientImpact
from exec_algos.errors import UnknownNameError
from exec_algos.reports import write_report
from exec_algos.reports.words import cautions
from exec_algos.studies.analysis import Analysis

MODEL = FillModel(spread=FixedSpread(8.0), impact=TransientImpact(0.02, half_life_seconds=1800.0), max_participation=0.2)
NAMES = ["twap", "pov:rate=0.2"]
PARTS = ["delay", "spread", "impact", "timing", "opportunity", "fees"]
GROUPS = [(name, side) for name in NAMES for side in ("BUY", "SELL")]


def studied(model=MODEL, **run):
    return study_of(market(7), NAMES, model, profile_days=1, size="20%adv", sides=("BUY", "SELL")).run(**run)


@pytest.fixture(scope="module")
def result():
    return studied()


@pytest.fixture(scope="module")
def found(result):
    return result.analysis()


@pytest.mark.slow
@pytest.mark.parametrize("weighting", ["order_weighted", "notional_weighted"])
def test_the_parts_of_the_mean_shortfall_sum_to_its_total_for_each_algorithm_and_side(found, weighting):
    table = found.shortfall()[weighting].unstack("part")
    assert sorted(table.index) == sorted(GROUPS)
    assert table[PARTS].sum(axis=1).to_numpy() == pytest.approx(table["total"].to_numpy(), abs=1e-9)


@pytest.mark.slow
def test_mean_shortfalls_are_those_of_the_orders(result, found):
    orders = found.order_shortfall()
    assert orders["parent_id"].tolist() == result.parents["parent_id"].tolist()
    known = orders[orders["total_bps"].notna()]
    for name, side in GROUPS:
        mine = known[(known["algorithm"] == name) & (known["side"] == side)]
        assert mine["total_bps"].mean() == pytest.approx(found.shortfall()["order_weighted"][name, side, "total"], abs=1e-9)


@pytest.mark.slow
def test_half_of_eight_bps_of_spread_stands_in_the_shortfall(found):
    spread = found.shortfall()["order_weighted"].xs("spread", level="part")
    assert (spread > 0).all()
    assert (spread <= 4.0 + 1.0).all()  # of what was filled; prices drift a little from the arrival


@pytest.mark.slow
def test_the_mark_of_what_was_not_filled_moves_the_opportunity_alone(found):
    close, end = (found.shortfall(mark)["order_weighted"].unstack("part") for mark in ("session_close", "window_end"))
    assert close[["spread", "impact", "timing", "fees"]].equals(end[["spread", "impact", "timing", "fees"]])
    with pytest.raises(UnknownNameError, match="mark"):
        found.shortfall("tomorrow")


@pytest.mark.slow
def test_slippage_against_the_benchmarks_of_the_summary_is_the_summary(result, found):
    table = found.slippage()
    for benchmark in ("interval_vwap", "arrival", "session_vwap"):
        summary = result.summary(benchmark, by=("algorithm", "side"))
        for key in GROUPS:
            assert table.loc[(*key, benchmark), "mean"] == pytest.approx(summary.loc[key, "mean"], abs=1e-9)
            assert table.loc[(*key, benchmark), "n"] == summary.loc[key, "n"]


@pytest.mark.slow
def test_what_is_not_estimable_is_counted_with_its_reason(found):
    line = found.slippage(rates=[0.001]).loc[("twap", "BUY", "pwp_0.001")]  # a thousand times the order never trades
    assert line["left_out"] == line["n"] + line["left_out"] > 0
    assert line["reasons"].startswith("the session ends when ")


@pytest.mark.slow
def test_rates_and_horizons_are_those_that_were_asked_for(found):
    assert {"pwp_0.3"} == {name for name in found.slippage(rates=[0.3]).index.get_level_values("benchmark") if "pwp" in name}
    assert list(found.markouts(horizons=[3_600_000_000_000]).loc["twap"].loc["BUY"].index) == ["60min", "close"]
    assert {label[-2:] for label in found.time_of_day(60).index.get_level_values("time_of_day")} == {"00"}


@pytest.mark.slow
def test_no_order_takes_more_of_a_bar_than_the_cap(found):
    table = found.participation()
    assert (table["largest"] <= 0.2 + 1e-9).all()
    assert (table["mean"] > 0.01).all()


@pytest.mark.slow
def test_power_is_told_for_each_algorithm_and_side(found):
    assert list(found.power()) == ["twap, buy", "twap, sell", "pov:rate=0.2, buy", "pov:rate=0.2, sell"]
    assert found.power(2.0)["twap, buy"].startswith("to see 2 bp")


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["open", "vwap", "close", "worst"])
def test_the_analysis_knows_at_which_end_of_its_bar_a_rule_stamps_a_fill(rule):
    found = studied(FillModel(price=rule, max_participation=0.2)).analysis()
    assert found.participation()["left_out"].sum() == 0
    assert found.participation()["largest"].max() <= 0.2 + 1e-9


@pytest.mark.slow
def test_the_report_shows_each_table_and_writes_its_frames(result, tmp_path):
    page = write_report(result, result.save(tmp_path)).read_text()
    for title in (
        "What our own trading moves is a model",
        "Where the cost comes from",
        "Implementation shortfall by its parts",
        "Mark-outs",
        "Slippage against every benchmark",
        "Fills by time",
    ):
        assert title in page
    found = result.analysis()
    for name, frame in {"shortfall": found.shortfall(), "benchmarks": found.slippage(), "markouts": found.markouts()}.items():
        again = pd.read_csv(tmp_path / f"{name}.csv", index_col=[0, 1, 2])
        assert np.array_equal(again.iloc[:, 0].to_numpy(), frame.iloc[:, 0].to_numpy(), equal_nan=True)
    total = found.shortfall()["order_weighted"]["twap", "BUY", "total"]
    assert f"{total:+.2f}" in page


@pytest.mark.slow
def test_the_report_says_whether_our_own_trading_moved_the_price(result):
    still = studied(FillModel(max_participation=0.2), fills=False)
    assert "The replayed prices do not react to the orders" in " ".join(cautions(still))
    assert "What our own trading moves is a model" in " ".join(cautions(result))


@pytest.mark.slow
def test_the_dots_of_the_shortfall_plot_are_the_totals_and_its_bars_the_parts(result, found):
    ax = result.plot("shortfall")
    totals = [found.shortfall()["order_weighted"][*key, "total"] for key in GROUPS]
    assert [container.lines[0].get_xdata()[0] for container in ax.containers if hasattr(container, "lines")] == pytest.approx(totals)
    widths = {box.get_label(): [bar.get_width() for bar in box] for box in ax.containers if not hasattr(box, "lines")}
    for part in ("spread", "impact", "timing"):
        assert widths[part] == pytest.approx([found.shortfall()["order_weighted"][*key, part] for key in GROUPS])
    with pytest.raises(UnknownNameError, match="weighting"):
        result.plot("shortfall", weighting="none")


@pytest.mark.slow
def test_weighting_and_mark_of_the_shortfall_plot_are_used(result, found):
    ax = result.plot("shortfall", weighting="notional", mark="window_end")
    totals = [found.shortfall("window_end")["notional_weighted"][*key, "total"] for key in GROUPS]
    assert [container.lines[0].get_xdata()[0] for container in ax.containers if hasattr(container, "lines")] == pytest.approx(totals)


@pytest.mark.slow
def test_the_dots_of_the_markout_plot_are_the_means(result, found):
    ax = result.plot("markouts")
    lines = {line.get_label(): line.get_ydata() for part in ax.figure.axes for line in part.get_lines() if ", " in line.get_label()}
    expected = {f"{algorithm}, {side.lower()}": rows["mean"] for (algorithm, side), rows in found.markouts().groupby(level=[0, 1])}
    assert set(lines) == set(expected)
    for label, means in expected.items():
        assert lines[label] == pytest.approx(means.iloc[:-1].dropna().to_numpy())  # the close is written


@pytest.mark.slow
def test_an_analysis_is_made_once_and_does_not_change_what_is_saved(result, tmp_path):
    assert result.analysis() is result.analysis()
    assert isinstance(result.analysis(), Analysis)
    result.save(tmp_path)
    assert "analysed" not in json.dumps(json.loads((tmp_path / "config.json").read_text()))


def test_an_analysis_is_printed_in_one_line():
    result = study_of(market(3), ("twap", "pov"), calendar="XNYS", size="37", profile_days=2).run()
    orders, fills = result.config["parent_orders"], len(result.fills)
    said = str(result.analysis())
    assert said == f"<Analysis of {orders} parent orders and {fills} fills: twap, pov; buy, sell; shortfall(), slippage(), markouts() ...>"
    assert orders > 0 < fills
