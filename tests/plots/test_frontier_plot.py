"""The efficient frontier: the published points lie on it, the dashed line touches it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from exec_algos.errors import UsageError
from exec_algos.plots.frontier import frontier
from exec_algos.trajectories import AlmgrenChriss

# Table 1 of the paper
EXAMPLE = AlmgrenChriss(
    quantity=1e6,
    horizon=5,
    slices=5,
    volatility=0.95,
    temporary_impact=2.5e-6,
    permanent_impact=2.5e-7,
    half_spread=0.0625,
    risk_aversion=1e-6,
)


def drawn(plan, **options):
    return {line.get_label(): line for line in frontier(plan, Figure().add_subplot(), **options).get_lines()}


def point(line):
    return line.get_xdata()[0], line.get_ydata()[0]


def test_the_marks_stand_at_the_published_costs():
    lines = drawn(EXAMPLE)
    assert point(lines["plan, risk aversion 1e-06"]) == pytest.approx((603430.67, 911226.99), abs=0.01)
    assert point(lines["all in the first slice"]) == pytest.approx((0, 2562500))
    # gamma X^2 (1 - 1/N) / 2 + epsilon X + eta X^2 / T, and sigma^2 X^2 T (1 - 1/N) (1 - 1/(2N)) / 3
    assert point(lines["risk aversion 0"]) == pytest.approx((math.sqrt(0.95**2 * 1e12 * 5 * 0.8 * 0.9 / 3), 100000 + 62500 + 500000))


def test_the_frontier_runs_from_one_end_to_the_other_through_the_plan():
    lines = drawn(EXAMPLE)
    x, y = lines["efficient frontier"].get_data()
    assert np.all(np.diff(x) <= 0)
    assert np.all(np.diff(y) >= 0)
    assert (x[0], y[0]) == point(lines["risk aversion 0"])
    assert (x[-1], y[-1]) == point(lines["all in the first slice"])
    at, height = point(lines["plan, risk aversion 1e-06"])
    assert np.interp(at, x[::-1], y[::-1]) == pytest.approx(height, rel=1e-3)
    assert np.diff(-x).max() < 0.05 * x[0]  # no corners to be seen


@pytest.mark.parametrize(("confidence", "quantile"), [(0.95, 1.6448536), (0.99, 2.3263479), (0.5, 0)])
def test_the_dashed_line_has_the_slope_of_its_confidence_and_touches_the_frontier(confidence, quantile):
    lines = drawn(EXAMPLE, confidence=confidence)
    (dashed,) = [line for line in lines.values() if line.get_linestyle() == "--"]
    (x0, x1), (y0, y1) = dashed.get_data()
    assert (y0 - y1) / (x1 - x0) == pytest.approx(quantile, abs=1e-6)
    at, height = point(lines[f"least value at risk at {confidence * 100:g} %"])
    assert y0 - quantile * (at - x0) == pytest.approx(height, rel=1e-6)
    x, y = lines["efficient frontier"].get_data()
    assert np.all(y0 - quantile * (x - x0) <= y * (1 + 1e-6))


def test_the_plan_is_named_with_its_numbers():
    ax = frontier(replace(EXAMPLE, risk_aversion=2e-6), shown=False)
    assert ax.get_title(loc="left") == "Efficient frontier"
    assert any("1,000,000 shares in 5 slices" in text.get_text() for text in ax.texts)
    assert "plan, risk aversion 2e-06" in [text.get_text() for text in ax.get_legend().get_texts()]
    assert getattr(ax.figure, "number", None) is None  # pyplot does not know of it


@pytest.mark.parametrize("change", [{"slices": 1}, {"volatility": 0.0}])
def test_a_plan_that_leaves_nothing_to_choose_is_refused(change):
    with pytest.raises(UsageError, match="a frontier needs at least 2 slices and a volatility above 0"):
        frontier(replace(EXAMPLE, **change), shown=False)


def test_a_confidence_out_of_range_is_refused():
    with pytest.raises(UsageError, match=r"confidence must be at least 0\.5 and below 1, got 95"):
        frontier(EXAMPLE, shown=False, confidence=95)
