"""Under every fee schedule the compiled loop and the event-driven replay charge the same fees and taxes, bit for bit."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import assert_same, market, markets, outcome, spreads, study_of
from test_agreement import Patient

from exec_algos import FillModel
from exec_algos.costs import TransientImpact
from exec_algos.costs.fees import FeeComponent, FeeSchedule, FeeTerms, Period, always
from exec_algos.fills.presets import krx_tax, us_equity

MIDDLE = date(2025, 11, 26), date(2025, 11, 27)  # within the week of the random markets
rates = st.sampled_from([0.0, 0.00015, 0.0023])


@st.composite
def terms(draw):
    minimum = draw(st.sampled_from([0.0, 1.7]))
    most = draw(st.sampled_from([2.5, np.inf]))
    unit, rounding = draw(st.sampled_from([0.0, 0.01, 1.0])), draw(st.sampled_from([-1, 0, 1]))
    return FeeTerms(draw(rates), draw(st.sampled_from([0.0, 0.005])), minimum, most, unit, rounding)


@st.composite
def components(draw):
    first, then = draw(terms()), draw(terms())
    maker = draw(st.none() | rates.map(lambda rate: first._replace(rate=rate)))
    sides = draw(st.sampled_from([("BUY",), ("SELL",), ("BUY", "SELL")]))
    periods = Period(date.min, MIDDLE[0], first, maker), Period(MIDDLE[1], date.max, then)
    return FeeComponent("fee", periods, sides, tax=draw(st.booleans()))


schedules = st.builds(
    lambda parts: FeeSchedule("any", "USD", tuple(parts)),
    st.lists(components(), min_size=1, max_size=3) | st.just(us_equity(whole_cents=True).fees.components),
)


def check_taxes(result):
    for frame in () if isinstance(result, str) else (result.fills, result.parents):
        assert (frame["taxes"] >= 0).all()
        assert (frame["taxes"] <= frame["commission"]).all()


fill_models = st.builds(
    FillModel,
    price=st.sampled_from(["open", "vwap", "close", "worst"]),
    max_participation=st.sampled_from([0.05, 0.29, 1.0]),
    commission=schedules,
    limit_fill=st.sampled_from(["touch", "through"]),
    spread=spreads,
)
grids = st.fixed_dictionaries(  # the lot is one share and there is a cap, so that two loops are compiled and not five
    {
        "size": st.sampled_from(["1", "37", "1000", "80%adv"]),
        "window": st.sampled_from([None, "10:00-12:30"]),
        "sides": st.sampled_from([("BUY",), ("SELL",), ("BUY", "SELL")]),
        "profile_days": st.just(1),
    }
)
whole_markets = st.builds(market, seed=st.integers(0, 2**32 - 1), missing=st.just(0.0), silent=st.sampled_from([0.0, 0.3]))
patient = st.builds(Patient, buy=st.sampled_from([15.0, 19.5, 20.5, 30.0]), sell=st.sampled_from([12.0, 19.5, 20.5, 25.0]))


@given(markets(), patient, fill_models, grids)
@settings(deadline=None, max_examples=40)
@pytest.mark.slow
def test_engine_and_batch_charge_the_same_fees_and_taxes_bit_for_bit(bars, algorithm, model, grid):
    study = study_of(bars, [algorithm], model, **grid)
    engine, batch = outcome(study, "engine"), outcome(study, "batch")
    assert_same(engine, batch)
    check_taxes(batch)


@given(whole_markets, patient, fill_models, st.sampled_from([0.01, 0.05]), grids)
@settings(deadline=None, max_examples=20)
@pytest.mark.slow
def test_engine_and_batch_agree_on_who_makes_liquidity_in_displaced_bars_and_among_late_children(bars, algorithm, model, coefficient, grid):
    moved = replace(model, impact=TransientImpact(coefficient, half_life_seconds=1800.0), latency=1800.0)
    study = study_of(bars, [algorithm], moved, **grid)
    engine, batch = outcome(study, "engine"), outcome(study, "batch")
    assert_same(engine, batch)
    check_taxes(batch)


TAKER = Patient(buy=1000.0, sell=0.01)
MAKERS = FeeSchedule("exchange", "USD", (always("fee", FeeTerms(rate=0.001), FeeTerms(rate=0.0)),))


@pytest.mark.slow
def test_a_patient_algorithm_pays_the_makers_rate_where_its_limit_waited_and_the_takers_elsewhere():
    bars = market(11, missing=0.0, silent=0.0)
    study = study_of(bars, [Patient(buy=19.0, sell=21.0)], FillModel(max_participation=1.0, commission=MAKERS), size="37", profile_days=1)
    fills = study.run().fills
    opened = bars.open[
        np.searchsorted(bars.start[: bars.offsets[1]], fills["timestamp"].astype("int64"))
        + np.where(fills["symbol"] == "A", 0, bars.offsets[1])
    ]
    waited = np.where(fills["side"] == "BUY", opened > 19.0, opened < 21.0)
    np.testing.assert_allclose(fills["commission"], np.where(waited, 0.0, 0.001 * fills["quantity"] * fills["price"]), rtol=1e-12)
    assert waited.any()
    assert not waited.all()


@pytest.mark.slow
@pytest.mark.parametrize("driver", ["batch", "engine"])
def test_each_order_pays_the_terms_of_its_own_date_and_side(driver):
    change = FeeComponent(
        "tax", (Period(date.min, MIDDLE[0], FeeTerms(rate=0.001)), Period(MIDDLE[1], date.max, FeeTerms(rate=0.002))), ("SELL",), tax=True
    )
    study = study_of(
        market(5), [TAKER], FillModel(max_participation=1.0, commission=FeeSchedule("x", "USD", (change,))), size="37", profile_days=1
    )
    parents = study.run(driver).parents
    rate = np.where(parents["side"] == "BUY", 0.0, np.where(parents["session"] <= str(MIDDLE[0]), 0.001, 0.002))
    notional = (parents["filled"] * parents["average_price"]).fillna(0.0)
    np.testing.assert_allclose(parents["taxes"], rate * notional, rtol=1e-12)
    assert (parents["taxes"] == parents["commission"]).all()
    assert set(rate) == {0.0, 0.001, 0.002}


@pytest.mark.parametrize("driver", ["batch", "engine"])
def test_a_study_over_a_date_whose_fees_are_not_known_is_refused_before_it_works_an_order(driver):
    known = FeeComponent("tax", (Period(date(2025, 11, 1), MIDDLE[0], FeeTerms(rate=0.001)),), ("SELL",), tax=True)
    model = FillModel(max_participation=1.0, commission=FeeSchedule("x", "USD", (known,)))
    said = outcome(study_of(market(5), [TAKER], model, size="37", profile_days=1), driver)
    assert said.startswith("tax is known for trades from 2025-11-01 to 2025-11-26, not for 2025-11-28")
    assert not isinstance(outcome(study_of(market(5), [TAKER], model, size="37", profile_days=1, sides=("BUY",)), driver), str)


@pytest.mark.slow
def test_a_korean_tax_is_counted_once_in_what_a_study_paid():
    model = FillModel(max_participation=1.0, commission=FeeSchedule("x", "KRW", (always("commission", FeeTerms(rate=0.0001)), krx_tax())))
    parents = study_of(market(5), [TAKER], model, size="1000", profile_days=1, sides=("SELL",)).run().parents
    notional = (parents["filled"] * parents["average_price"]).fillna(0.0)
    np.testing.assert_allclose(parents["commission"] - parents["taxes"], 0.0001 * notional, rtol=1e-9, atol=1e-9)
    assert (parents["taxes"] > 0.0015 * notional - parents["children"]).all()  # whole won of each child
    assert (parents["taxes"] <= 0.0015 * notional).all()
