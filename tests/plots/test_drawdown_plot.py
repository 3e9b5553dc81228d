"""Equity and drawdown with and without execution cost."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from small_markets import minute_bars, once

from exec_algos import BacktestEngine, Commission, FillModel
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.plots import drawdown
from exec_algos.plots.drawdown import falls

BARS = minute_bars([100, 104, 101, 107, 103, 105])


@pytest.fixture(scope="module")
def run():
    model = FillModel(commission=Commission(per_share=0.5))
    return BacktestEngine(BARS, [once(quantity=90)], initial_cash=50_000, fill_model=model).run()


def lines(ax):
    return {line.get_label().split(":")[0]: line.get_ydata() for line in ax.get_lines()}


def words(ax):
    return " ".join(" ".join(text.get_text() for text in ax.texts).split())


def test_falls_are_from_the_highest_so_far():
    values = np.array([100.0, 110.0, 99.0, 104.5, 121.0, 60.5])
    assert falls(values, percent=True).tolist() == pytest.approx([0, 0, -10, -5, 0, -50])
    assert falls(values, percent=False).tolist() == pytest.approx([0, 0, -11, -5.5, 0, -60.5])


def test_both_curves_begin_at_the_same_money_and_end_at_what_was_paid(run):
    ax = drawdown(run, shown=False)
    drawn = lines(ax)
    assert drawn["with"] == pytest.approx((run.equity["equity"] - 50_000).to_numpy())
    assert drawn["without execution cost"] - drawn["with"] == pytest.approx((run.paper_equity() - run.equity["equity"]).to_numpy())
    assert drawn["without execution cost"][-1] - drawn["with"][-1] == pytest.approx(45)  # 90 shares at 0.5
    assert "execution cost 45 in 1 fill;" in words(ax)


def test_the_lower_panel_has_the_falls_in_percent(run):
    lower = drawdown(run, shown=False).figure.axes[-1]
    drawn = lines(lower)
    equity = run.equity["equity"].to_numpy()
    assert drawn["with"] == pytest.approx((equity / np.maximum.accumulate(equity) - 1) * 100)
    assert lower.get_ylabel() == "drawdown, %"
    assert min(drawn["with"]) < 0


def test_an_equity_at_or_below_zero_has_falls_in_currency(run):
    poor = replace(run, equity=run.equity - 50_000)
    ax = drawdown(poor, shown=False)
    lower = ax.figure.axes[-1]
    equity = poor.equity["equity"].to_numpy()
    assert lines(lower)["with"] == pytest.approx(equity - np.maximum.accumulate(equity))
    assert "%" not in lower.get_ylabel()
    assert "in currency, for an equity is not above 0" in words(ax)


def test_what_without_means_is_said(run):
    assert "no spread, impact, commission or taxes" in words(drawdown(run, shown=False))
    assert "fills at the arrival price of their parent orders" in words(drawdown(run, at="arrival", shown=False))
    with pytest.raises(UnknownNameError, match="unknown paper price 'mid'"):
        drawdown(run, at="mid", shown=False)


def test_a_given_place_is_split_in_two(run):
    left, right = Figure(figsize=(12, 5)).subplots(1, 2)
    before = right.get_position().bounds
    assert drawdown(run, left) is left
    assert right.get_position().bounds == before
    assert left.figure.axes[-1].get_position().y1 < left.get_position().y0


def test_a_run_that_saw_no_bar_is_refused(run):
    empty = replace(run, equity=run.equity.iloc[:0], fills=run.fills.iloc[:0])
    with pytest.raises(UsageError, match="needs a run that saw bars"):
        drawdown(empty, shown=False)


def test_one_instant_is_drawn(run):
    one = replace(run, equity=run.equity.iloc[:1])
    assert isinstance(one.equity.index, pd.DatetimeIndex)
    assert lines(drawdown(one, shown=False))["with"].tolist() == [0.0]
