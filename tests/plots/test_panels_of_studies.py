"""Cost, mark-outs, paired differences and the waterfall: panels whose numbers are those of the tables."""

from dataclasses import replace

import numpy as np
import pytest
from markets import market, study_of
from matplotlib.figure import Figure

from exec_algos import FillModel
from exec_algos.costs import FixedSpread
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.plots.markouts import minutes_of
from exec_algos.plots.panels import columns_of
from exec_algos.plots.waterfall import parts_of
from exec_algos.tca.twins import BUYS_ONLY

NAMES = ["twap", "vwap:profile_days=2", "pov:rate=0.2"]
WORST = FillModel(max_participation=0.2, price="worst", spread=FixedSpread(20))


@pytest.fixture(scope="module")
def buys():
    return study_of(market(7), NAMES, WORST, size=["30", "90", "300"], profile_days=2, sides=("BUY",)).run()


@pytest.fixture(scope="module")
def twins():
    return study_of(market(7), NAMES, FillModel(max_participation=0.2), size=["30", "90"], profile_days=2).run()


def own():
    return Figure(figsize=(9, 6)).add_subplot()


def words(part):
    return " ".join(" ".join(text.get_text() for text in part.texts).split())


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (11, 3)])
def test_panels_stand_side_by_side(count, columns):
    assert columns_of(count) == columns


def test_the_band_of_a_cost_curve_is_that_of_the_fit(buys):
    ax = buys.plot("cost", own(), benchmark="interval_vwap")
    for part, name in zip(ax.figure.axes, NAMES, strict=True):
        curve = buys.cost_curve(name, "interval_vwap")
        middle, low, high = (line for line in part.get_lines() if len(line.get_xdata()) == 120)
        wanted = curve.band(middle.get_xdata())
        assert middle.get_ydata() == pytest.approx(curve.at(middle.get_xdata()))
        assert (low.get_ydata(), high.get_ydata()) == (pytest.approx(wanted[0]), pytest.approx(wanted[1]))
        assert (middle.get_xdata()[0], middle.get_xdata()[-1]) == pytest.approx((curve.smallest, curve.largest))
        assert f"{curve.a:.2f} ± {curve.a_error:.2f}" in words(part)


def test_a_panel_without_a_curve_says_why(buys):
    small = replace(buys, parents=buys.parents[buys.parents["parent_id"] == 0])
    ax = small.plot("cost", own())
    for part in ax.figure.axes:
        assert not [line for line in part.get_lines() if len(line.get_xdata()) == 120]
        assert "no curve: 1 order of 1 size; 2 different ones are needed" in words(part)


@pytest.mark.parametrize("groups", [0, -1, 1.5])
def test_dots_are_counted_in_whole_numbers(buys, groups):
    with pytest.raises(UsageError, match="groups must be a whole number of at least 1"):
        buys.plot("cost", own(), groups=groups)


@pytest.mark.parametrize(
    ("horizon", "minutes"), [("1min", 1), ("30s", 0.5), ("250ms", 0.25 / 60), ("250000ns", 0.00025 / 60), ("90min", 90)]
)
def test_a_horizon_stands_at_its_minutes(horizon, minutes):
    assert minutes_of(horizon) == pytest.approx(minutes)
    assert np.isnan(minutes_of("close"))


def test_mark_outs_stand_at_their_minutes_with_their_intervals(buys):
    table = buys.analysis().markouts()
    ax = buys.plot("markouts", own())
    for part, name in zip(ax.figure.axes, NAMES, strict=True):
        rows = table.xs((name, "BUY"), level=("algorithm", "side")).drop("close")
        (line,) = [line for line in part.get_lines() if line.get_label() == f"{name}, buy"]
        assert line.get_xdata().tolist() == [1, 5, 15, 30]
        assert line.get_ydata() == pytest.approx(rows["mean"].to_numpy())
        ends = [segment[:, 1] for segment in part.collections[1].get_segments()]
        assert np.array(ends) == pytest.approx(rows[["low", "high"]].to_numpy())
        close = table.xs((name, "BUY"), level=("algorithm", "side")).loc["close"]
        assert f"close, buy: {close['mean']:+.1f} [{close['low']:+.1f}, {close['high']:+.1f}]" in words(part)


def test_mark_outs_of_sides_that_mirror_are_drawn_once(twins, buys):
    ax = twins.plot("markouts", own())
    assert {line.get_label().rpartition(", ")[2] for part in ax.figure.axes for line in part.get_lines() if ", " in line.get_label()} == {
        "buy"
    }
    assert "sells mirror buys" in words(ax)
    assert "sells mirror buys" not in words(buys.plot("markouts", own()))


def test_a_paired_difference_is_that_of_each_order(buys):
    ax = buys.plot("paired", own(), first=NAMES[1], second=NAMES[0], benchmark="arrival")
    assert len(ax.figure.axes) == 1
    costs = buys.parents.pivot(index="parent_id", columns="algorithm", values="slippage_arrival_bps")
    values = (costs[NAMES[1]] - costs[NAMES[0]]).dropna()
    heights, edges, _ = ax.patches[0].get_data()
    assert heights == pytest.approx(np.histogram(values, edges)[0] / len(values) * 100)
    found = buys.compare(NAMES[1], NAMES[0], "arrival")
    assert found.mean == pytest.approx(values.mean())
    (dot,) = [line for line in ax.get_lines() if line.get_marker() == "o"]
    (bar,) = [line for line in ax.get_lines() if line.get_marker() == "|"]
    assert dot.get_xdata()[0] == pytest.approx(values.mean())
    assert list(bar.get_xdata()) == pytest.approx([found.low, found.high])
    assert f"cheaper in {(values < 0).mean():.0%}" in words(ax)


def test_every_other_algorithm_has_its_panel(buys):
    ax = buys.plot("paired", own())
    assert [part.texts[0].get_text() for part in ax.figure.axes] == [f"less {name}" for name in NAMES[1:]]
    assert "Cost of twap less" in ax.get_title(loc="left")
    assert [part.texts[0].get_text() for part in buys.plot("paired", own(), second="twap").figure.axes] == ["less twap"]


def test_of_twins_the_differences_of_the_buys_are_drawn(twins):
    ax = twins.plot("paired", own())
    only = replace(twins, parents=twins.parents[twins.parents["side"] == "BUY"]).plot("paired", own())
    assert BUYS_ONLY in words(ax)
    for mine, other in zip(ax.figure.axes, only.figure.axes, strict=True):
        assert mine.patches[0].get_data().values == pytest.approx(other.patches[0].get_data().values)
        assert f"{twins.parents['parent_id'].nunique() // 2} orders" in words(mine)


def test_a_pair_that_cannot_be_is_refused(buys):
    with pytest.raises(UnknownNameError, match="unknown algorithm 'twapp': did you mean twap"):
        buys.plot("paired", own(), second="twapp")
    with pytest.raises(UsageError, match="needs two algorithms, got 'twap' twice; name another"):
        buys.plot("paired", own(), first="twap", second="twap")


def test_pairs_of_one_day_have_no_interval(buys):
    day = buys.parents["session"].iloc[0]
    ax = replace(buys, parents=buys.parents[buys.parents["session"] == day]).plot("paired", own(), second=NAMES[1])
    assert "[not estimable]" in words(ax)
    (dot,) = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert np.isfinite(dot.get_xdata()[0])


@pytest.mark.parametrize(("weighting", "column"), [("order", "order_weighted"), ("notional", "notional_weighted")])
def test_each_part_of_the_waterfall_begins_where_the_one_before_it_ended(buys, weighting, column):
    table = buys.analysis().shortfall()
    ax = buys.plot("waterfall", own(), algorithm=NAMES[1], weighting=weighting)
    means = table.xs((NAMES[1], "BUY"), level=("algorithm", "side"))[column]
    *parts, total = ax.patches
    place = 0.0
    for bar, name in zip(parts, parts_of(means), strict=True):
        begin = bar.get_y()
        assert begin == pytest.approx(place)
        assert bar.get_height() == pytest.approx(means[name])
        place += means[name]
    assert (total.get_y(), total.get_height()) == pytest.approx((0.0, means["total"]))
    assert place == pytest.approx(means["total"])
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert labels == [*parts_of(means), "total"]
    assert f"{means['total']:+.2f}" in words(ax)


def test_a_waterfall_has_both_sides_unless_they_mirror(twins):
    assert len(twins.plot("waterfall", own()).figure.axes) == 1
    dear = study_of(market(7), ["twap"], WORST, size="30", profile_days=2).run()
    ax = dear.plot("waterfall", own())
    assert next(part.texts[-1].get_text().split(",")[0] for part in ax.figure.axes[::-1]) == "sell"


def test_what_cannot_be_split_stands_as_trading(buys):
    fills = buys.fills.assign(rule_price=np.nan, spread=np.nan, impact=np.nan)
    ax = replace(buys, fills=fills).plot("waterfall", own())
    assert [text.get_text() for text in ax.get_xticklabels()] == ["delay", "trading", "opportunity", "fees", "total"]
    heights = [bar.get_height() for bar in ax.patches]
    assert sum(heights[:-1]) == pytest.approx(heights[-1])
    assert "stand together as trading" in words(ax)


def test_a_waterfall_of_an_algorithm_that_is_not_there_is_refused(buys):
    with pytest.raises(UnknownNameError, match="unknown algorithm 'vwap'"):
        buys.plot("waterfall", own(), algorithm="vwap")
    with pytest.raises(UnknownNameError, match="unknown weighting 'orders'"):
        buys.plot("waterfall", own(), weighting="orders")


@pytest.mark.parametrize("kind", ["slippage", "cost", "paired", "shortfall", "waterfall"])
def test_a_plot_says_by_what_its_intervals_are_clustered(buys, kind):
    assert "clustered by day" in words(buys.plot(kind, own()))
    longer = replace(buys, config={**buys.config, "sessions_a_cluster": 3})
    assert "clustered by 3 sessions, as many as the longest order has" in words(longer.plot(kind, own()))
