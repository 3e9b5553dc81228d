"""Equity curves: change from the beginning, trading time only, a tick a day."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from exec_algos.errors import UsageError
from exec_algos.plots import equity


def curve(values, day="2025-11-24", start="09:30"):
    return pd.Series(values, index=pd.date_range(f"{day} {start}", periods=len(values), freq="1min", tz="America/New_York"))


def days():
    return pd.concat([curve([100.0, 110.0, 105.0]), curve([90.0, 120.0], "2025-11-25")])


def test_a_curve_is_the_change_from_its_beginning_without_the_night():
    ax = equity({"VWAP": days()}, Figure().add_subplot())
    line = ax.get_lines()[0]
    assert line.get_ydata().tolist() == [0, 10, 5, -10, 20]
    assert line.get_xdata().tolist() == [0, 1, 2, 3, 4]
    assert line.get_label() == "VWAP: +20"


def test_curves_that_begin_at_different_times_share_the_clock():
    ax = equity({"late": curve([5.0, 7.0], start="09:32"), "early": curve([1.0, 2.0, 3.0])}, Figure().add_subplot())
    late, early = ax.get_lines()[:2]
    assert (late.get_xdata().tolist(), early.get_xdata().tolist()) == ([2, 3], [0, 1, 2])
    assert late.get_color() != early.get_color()


def test_ticks_name_the_first_bar_of_a_day():
    ax = equity({"VWAP": days()}, Figure().add_subplot())
    assert dict(zip(ax.get_xticks(), (text.get_text() for text in ax.get_xticklabels()), strict=True)) == {0: "2025-11-24", 3: "2025-11-25"}


def test_many_days_have_few_ticks():
    whole = pd.concat([curve([1.0, 2.0], day=f"{day:%Y-%m-%d}") for day in pd.bdate_range("2025-01-02", periods=60)])
    assert len(equity({"x": whole}, Figure().add_subplot()).get_xticks()) <= 8


def test_without_axes_a_bare_figure_can_be_asked_for():
    ax = equity({"x": curve([1.0, 2.0])}, shown=False)
    assert getattr(ax.figure, "number", None) is None  # pyplot does not know of it


@pytest.mark.parametrize("curves", [{}, {"x": pd.Series(dtype=float)}])
def test_nothing_to_draw_is_said(curves):
    with pytest.raises(UsageError, match="equity needs at least one curve, each with values"):
        equity(curves)
