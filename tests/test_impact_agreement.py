"""Under every impact the compiled loop and the event-driven replay pay the same prices, made of the same parts, bit for bit."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import algorithms, assert_same, fill_models, grids, markets, outcome, study_of
from test_agreement import Patient

from exec_algos.costs import AlmgrenImpact, SquareRootImpact, TransientImpact

numbers = st.floats(1e3, 1e5) | st.fixed_dictionaries({"A": st.floats(1e3, 1e5), "B": st.floats(1e3, 1e5)})
coefficients = st.floats(0, 0.9) | st.floats(0, 0.01)
sizes = st.sampled_from(["linear", "square_root"])
stay = st.sampled_from([0.0, 0.3, 1.0])
laws = st.one_of(
    st.builds(SquareRootImpact, st.floats(0, 0.05)),
    st.builds(
        TransientImpact,
        coefficients,
        sizes,
        half_life_seconds=st.sampled_from([60.0, 1800.0, 7000.0, math.inf]),
        permanent=stay,
        daily_volume=st.none() | numbers,
    ),
    st.builds(TransientImpact, coefficients, sizes, decay_power=st.floats(0.2, 1.2), decay_seconds=st.floats(1, 3600), permanent=stay),
    st.builds(
        AlmgrenImpact,
        volatility=st.floats(0.005, 0.2),
        daily_volume=numbers,
        shares_outstanding=st.floats(1e6, 1e9),
        beta=st.floats(0.3, 1.1),
    ),
)


@st.composite
def moving_models(draw):
    """A fill model with one of the laws."""
    from dataclasses import replace

    return replace(draw(fill_models), impact=draw(laws))


def check_parts(result):
    if isinstance(result, str):
        return
    fills = result.fills
    np.testing.assert_allclose(fills["rule_price"] + fills["spread"] + fills["impact"], fills["price"], rtol=1e-9, atol=1e-9)


@given(markets(), algorithms, moving_models(), grids)
@settings(deadline=None, max_examples=80)
@pytest.mark.slow
def test_engine_and_batch_agree_bit_for_bit_under_every_impact_and_the_parts_make_the_price(bars, names, model, grid):
    study = study_of(bars, names, model, **grid)
    engine, batch = outcome(study, "engine"), outcome(study, "batch")
    assert_same(engine, batch)
    check_parts(batch)


@given(markets(), st.integers(30, 50), st.integers(30, 50), moving_models(), grids)
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_engine_and_batch_agree_on_limit_orders_in_displaced_bars_none_of_which_is_filled_past_its_limit(bars, buy, sell, model, grid):
    study = study_of(bars, [Patient(buy=buy / 2, sell=sell / 2)], model, **grid)
    engine, batch = outcome(study, "engine"), outcome(study, "batch")
    assert_same(engine, batch)
    check_parts(batch)
    if not isinstance(batch, str):
        fills = batch.fills
        assert (fills["price"][fills["side"] == "BUY"] <= buy / 2).all()
        assert (fills["price"][fills["side"] == "SELL"] >= sell / 2).all()
