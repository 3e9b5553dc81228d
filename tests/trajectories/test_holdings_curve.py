"""The curve that an executor follows, from the holdings of a trajectory."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.algorithms.curve import cumulative_curve, follow_curve
from exec_algos.errors import UsageError
from exec_algos.model import Seen, Terms
from exec_algos.trajectories import AlmgrenChriss, holdings_curve

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


def with_aversion(risk_aversion, **changes):
    return replace(EXAMPLE, risk_aversion=risk_aversion, **changes)


plans = st.builds(
    AlmgrenChriss,
    quantity=st.floats(1, 1e6),
    horizon=st.floats(0.1, 20),
    slices=st.integers(1, 30),
    volatility=st.floats(0.01, 5),
    temporary_impact=st.floats(1e-7, 1e-4),
    half_spread=st.floats(0, 0.1),
    risk_aversion=st.floats(0, 1e-5),
)


@given(plans)
@settings(deadline=None, max_examples=100)
def test_the_curve_never_falls_and_ends_at_one(plan):
    curve = holdings_curve(plan.holdings())
    assert len(curve) == plan.slices
    assert curve[-1] == 1
    assert curve[0] >= 0
    assert np.all(np.diff(curve) >= 0)
    np.testing.assert_allclose(curve, cumulative_curve(plan.trades(), 1), atol=1e-12)


def test_the_curve_of_a_straight_line_is_elapsed_time():
    np.testing.assert_allclose(holdings_curve(with_aversion(0).holdings()), [0.2, 0.4, 0.6, 0.8, 1], rtol=1e-15)


def test_rounding_may_not_make_a_curve_fall():
    curve = holdings_curve([1.0, 0.5, 0.5 + 1e-15, -1e-15, 0.0])
    assert np.all(np.diff(curve) >= 0)
    assert curve[-1] == 1


@pytest.mark.parametrize(
    "holdings", [[], [1.0], [0.0, 0.0], [-1.0, 0.0], [1.0, 0.5], [1.0, math.nan, 0.0], [[1.0, 0.0]], [1.0, 1.5, 0.0], [1.0, -0.5, 0.0]]
)
def test_holdings_that_are_no_way_to_sell_have_no_curve(holdings):
    with pytest.raises(UsageError, match="curve"):
        holdings_curve(holdings)


def test_a_drift_that_makes_the_order_grow_has_no_curve():
    with pytest.raises(UsageError, match="smaller drift"):
        holdings_curve(replace(EXAMPLE, drift=5.0).holdings())


def test_a_parent_of_137_shares_is_cut_as_published():
    curve, done, children = holdings_curve(EXAMPLE.holdings()), 0, []
    for k, aim in enumerate(curve):
        children.append(follow_curve(Terms(1, 137, 5), Seen(k, float(aim), done, 0), ()).lots)
        done += children[-1]
    assert children == [63, 34, 20, 11, 9]
