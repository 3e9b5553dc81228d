"""What a plot shows is what the study found."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from markets import market, study_of
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from exec_algos import FillModel, plots
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.plots import KINDS, draw, png

GRID = {"size": "60", "profile_days": 2}


@pytest.fixture(scope="module")
def result():
    return study_of(market(5), ["twap:slice_interval_seconds=1800", "vwap:profile_days=2"], FillModel(max_participation=0.2), **GRID).run()


def words(ax):
    axes = ax.figure.axes
    legends = [text.get_text() for one in axes if one.get_legend() for text in one.get_legend().get_texts()]
    return "\n".join([*(text.get_text() for one in axes for text in one.texts), *(one.get_xlabel() for one in axes), *legends])


def test_slippage_shows_each_algorithm_and_side_with_its_mean_and_interval():
    names = ["twap:slice_interval_seconds=1800", "vwap:profile_days=2"]
    result = study_of(market(5), names, FillModel(max_participation=0.2, price="worst"), **GRID).run()
    shown = words(result.plot("slippage"))
    table = result.summary(by=("algorithm", "side"))
    for (algorithm, side), row in table.iterrows():
        assert f"{algorithm}, {side.lower()}" in shown
        assert f"mean {row['mean']:+.2f}" in shown
        assert f"[{row['low']:+.2f}, {row['high']:+.2f}]" in shown
    assert "bps" in shown


def test_schedule_shows_what_was_filled_of_the_order_it_names(result):
    one = result.parents.query("parent_id == 3 and algorithm == 'vwap:profile_days=2'").iloc[0]
    ax = result.plot("schedule", parent_id=3)
    ends = {line.get_label(): line.get_ydata()[-1] for line in ax.get_lines()}
    assert ends["vwap:profile_days=2: filled"] == pytest.approx(100 * one["filled"] / one["quantity"])
    assert ends["vwap:profile_days=2: schedule"] == pytest.approx(100)
    assert "exchange time (America/New_York)" in words(ax)


def test_the_schedule_of_twap_is_a_straight_line(result):
    lines = {line.get_label(): line for line in result.plot("schedule", parent_id=0).get_lines()}
    line = lines["twap:slice_interval_seconds=1800: schedule"]
    drawn = np.unique(line.get_ydata())
    assert np.allclose(np.diff(drawn), np.diff(drawn)[0])


def test_only_an_algorithm_whose_curve_is_fixed_before_the_order_shows_a_schedule():
    names = ["twap", "dynamic_vwap:profile_days=2", "pov:rate=0.2", "liquidity_aware", "arrival_price"]
    drawn = study_of(market(5), names, FillModel(max_participation=0.2), **GRID).run().plot("schedule")
    labels = {line.get_label() for line in drawn.get_lines()}
    assert {label for label in labels if label.endswith(": schedule")} == {"twap: schedule", "arrival_price: schedule"}
    assert {label for label in labels if label.endswith(": filled")} == {f"{name}: filled" for name in names}


def test_the_efficient_frontier_is_among_the_plots_but_no_plot_of_a_study(result):
    assert plots.frontier.__module__ == "exec_algos.plots.frontier"
    assert "frontier" in plots.__all__
    with pytest.raises(UnknownNameError, match="unknown plot 'frontier'"):
        draw(result, "frontier")


def test_volume_shows_fractions_of_the_session(result):
    ax = result.plot("volume")
    assert "%" in ax.get_ylabel()
    assert max(patch.get_extents().y1 for line in [ax] for patch in line.get_children() if hasattr(patch, "get_extents")) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_plot_draws_on_the_axes_it_is_given(result, kind):
    figure = Figure()
    ax = figure.add_subplot()
    assert result.plot(kind, ax).figure is figure


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_the_same_bytes_each_time_and_has_ink(result, kind):
    first = png(result, kind, dpi=50)
    assert first[:4] == b"\x89PNG"
    assert first == png(result, kind, dpi=50)


@pytest.fixture(scope="module")
def nothing():
    """No bar but the first has volume, and the orders begin after it."""
    found = study_of(market(5, silent=1.0), ["twap", "pov:rate=0.2"], window="10:00-13:00", size="60", profile_days=1).run()
    assert len(found.parents)
    assert found.parents["filled"].sum() == 0
    return found


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "daytime"])
def test_a_study_that_filled_nothing_is_drawn_all_the_same(nothing, kind):
    assert png(nothing, kind, dpi=40)[:4] == b"\x89PNG"


def test_what_cannot_be_drawn_is_refused_with_what_to_do(nothing, result):
    with pytest.raises(UsageError, match="costs by time of day need the single fills, and there are none; nothing was filled"):
        nothing.plot("daytime", Figure().add_subplot())
    without = replace(result, fills=result.fills.iloc[:0])
    for kind in ("daytime", "participation", "markouts", "shortfall", "waterfall"):
        with pytest.raises(UsageError, match=r"run\(fills=True\)"):
            without.plot(kind, Figure().add_subplot())
    alone = replace(result, config={**result.config, "algorithms": result.config["algorithms"][:1]})
    with pytest.raises(UsageError, match="a paired difference needs two algorithms, and this study has"):
        alone.plot("paired", Figure().add_subplot())


def test_unknown_plots_and_orders_are_refused(result):
    with pytest.raises(UnknownNameError, match="unknown plot 'slipage': did you mean slippage"):
        draw(result, "slipage")
    with pytest.raises(UsageError, match="no parent order 10000"):
        result.plot("schedule", parent_id=10_000)


def test_two_algorithms_have_two_colours(result):
    lines = [line for line in result.plot("schedule").get_lines() if line.get_label().endswith(": filled")]
    assert len({to_rgba(line.get_color()) for line in lines}) == len(lines) == 2


def test_dates_stay_dates(result):
    assert isinstance(result.parents["start"].iloc[0], pd.Timestamp)
