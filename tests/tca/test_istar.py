"""I-Star and the square-root law, against the published vectors and what their formulas imply."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.costs.metaorder import square_root_cost
from exec_algos.errors import UsageError
from exec_algos.fills import FillModel
from exec_algos.tca.istar import IStar
from exec_algos.tca.pretrade import MarketForecast, impact_cost, pretrade_estimate

MODEL = IStar(a1=708, a2=0.55, a3=0.71, a4=0.5, b1=0.98)


# Q / ADV, annual volatility, POV; I, MI and TR in bps
@pytest.mark.parametrize(
    ("asked", "bps"),
    [
        ((0.1, 0.25, 0.2), (74.57111964684182, 34.17365655990409, 57.73502691896258)),
        ((0.01, 0.3, 0.05), (23.921551770546557, 5.7204721922607416, 47.74934554525327)),
        ((0.1, 0.25, 1.0), (74.57111964684182, 74.57111964684182, 0.0)),
    ],
)
def test_its_three_numbers_are_those_of_the_formulas(asked, bps):
    found = MODEL.instantaneous(*asked[:2]), MODEL.market_impact(*asked), MODEL.timing_risk(*asked)
    assert found == pytest.approx(bps, rel=1e-12)


def test_every_published_case_is_the_same(vectors):
    published = vectors("impact_sqrt_istar.json")
    for case in published["istar"]["cases"]:
        asked = case["Q_over_ADV"], case["sigma_annual"], case["POV"]
        found = MODEL.instantaneous(*asked[:2]), MODEL.market_impact(*asked), MODEL.timing_risk(*asked)
        assert found == pytest.approx((case["I_bps"], case["MI_bps"], case["TR_bps"]), rel=1e-12)
    for case in published["sqrt_law"]["cases"]:
        found = square_root_cost(case["Q_over_V"], daily_volume=1.0, volatility=case["sigma"], prefactor=case["Y"])
        assert found == pytest.approx((case["I_bps"], case["avg_cost_bps"]), rel=1e-12)


@given(st.floats(0.001, 1), st.floats(0.05, 1), st.floats(0.01, 0.99), st.floats(1.01, 1.5))
def test_faster_trading_costs_more_and_risks_less(size, volatility, rate, faster):
    quick = min(1.0, rate * faster)
    assert (
        MODEL.market_impact(size, volatility, rate)
        < MODEL.market_impact(size, volatility, quick)
        <= MODEL.instantaneous(size, volatility) * (1 + 1e-12)
    )
    assert MODEL.timing_risk(size, volatility, quick) < MODEL.timing_risk(size, volatility, rate)


# 10 % of a day over half of it: POV 0.2 at an annual volatility of 25 %
def test_the_pre_trade_estimate_asks_it_for_the_cost():
    market = MarketForecast([250.0, 250.0], volatility=0.25 / math.sqrt(250), duration=0.5)
    assert 1e4 * impact_cost(MODEL, np.array([50.0, 50.0]), market) == pytest.approx(34.17365655990409)

    class Cost:
        spread, impact, commission, max_participation = None, MODEL, FillModel().commission, None

    assert pretrade_estimate(100, [0.5, 1.0], market, Cost()).impact == pytest.approx(34.17365655990409)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: IStar(a1=50, a2=0.5, a3=0.5, a4=0.5, b1=0.9), "a1 must lie in"),
        (lambda: IStar(a1=500, a2=0.5, a3=0.5, a4=0.5, b1=0.1), "b1 must lie in"),
        (lambda: MODEL.market_impact(0.1, 0.2, 0.0), "participation must lie in"),
        (lambda: MODEL.timing_risk(0.1, 0.2, 1.2), "participation must lie in"),
        (lambda: MODEL.instantaneous(-0.1, 0.2), "size must be"),
    ],
)
def test_numbers_out_of_range_are_refused(call, said):
    with pytest.raises(UsageError, match=said):
        call()
