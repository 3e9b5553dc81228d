"""The pre-trade estimate: closed forms, and orders simulated step by step in plain Python."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_markets import minute_bars

from exec_algos import ParentOrders, SlippageStudy
from exec_algos.costs import AlmgrenImpact, Commission, FixedSpread, SquareRootImpact, TransientImpact
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.fills import FillModel
from exec_algos.tca.pretrade import MarketForecast, completion, impact_cost, pretrade_estimate, timing_risk
from exec_algos.trajectories import AlmgrenChriss, holdings_curve


def line(slices):
    return (1 + np.arange(slices)) / slices


def outlook(slices=4, **parts):
    return MarketForecast(**{"volumes": [1e6] * slices, "volatility": 0.02, "duration": 1.0} | parts)


# sigma sqrt(f / 3): 200 bps a day, all of it and one hour of 6.5
@pytest.mark.parametrize(("duration", "bps"), [(1.0, 115.47005383792516), (1 / 6.5, 45.29108136578383)])
@pytest.mark.parametrize("slices", [1, 7, 390])
def test_a_straight_line_traded_evenly_has_the_risk_of_the_closed_form(duration, bps, slices):
    assert 1e4 * timing_risk(line(slices), 0.02, duration, "through") == pytest.approx(bps, rel=1e-12)


# Almgren-Chriss 2000, table 1 of the worked example, lambda = 1e-6: sqrt(V) = 603,430.67 dollars on 1e6 shares of 50 in five days
def test_the_risk_of_the_optimal_trajectory_is_the_papers():
    plan = AlmgrenChriss(
        quantity=1e6,
        horizon=5,
        slices=5,
        volatility=0.95,
        temporary_impact=2.5e-6,
        permanent_impact=2.5e-7,
        half_spread=0.0625,
        risk_aversion=1e-6,
    )
    risk = timing_risk(holdings_curve(plan.holdings()), 0.95 / 50, 5.0)
    assert 1e6 * 50 * risk == pytest.approx(603_430.67, abs=0.01)


# V of the straight line traded at the start of each slice: (1 - 1/N)(1 - 1/(2N)) / 3
@pytest.mark.parametrize("slices", [1, 2, 5, 100])
def test_a_straight_line_traded_at_the_start_has_the_discrete_form(slices):
    assert timing_risk(line(slices), 1.0, 1.0) ** 2 == pytest.approx((1 - 1 / slices) * (1 - 0.5 / slices) / 3, abs=1e-15)


curves = st.lists(st.floats(0.01, 1), min_size=1, max_size=8).map(lambda steps: np.cumsum(steps) / sum(steps))


@given(curves, st.floats(0.001, 0.1), st.floats(0.01, 1))
@settings(deadline=None, max_examples=60)
def test_risk_is_in_the_unit_of_volatility_and_root_time_and_less_the_earlier_it_is_traded(curve, volatility, duration):
    start, through = (timing_risk(curve, volatility, duration, placed) for placed in ("start", "through"))
    assert start <= through <= volatility * math.sqrt(duration) * (1 + 1e-12)
    assert timing_risk(curve, 2 * volatility, duration / 4) == pytest.approx(start)
    assert timing_risk(np.repeat(curve, 2), volatility, duration) >= 0


def test_the_expected_cost_is_the_sum_of_half_the_spread_the_impact_and_the_fees():
    cost = FillModel(spread=FixedSpread(6), impact=SquareRootImpact(0.001), commission=Commission(rate=0.0002, per_share=0.005))
    found = pretrade_estimate(40_000, line(4), outlook(price=50.0), cost)
    assert found.spread == pytest.approx(3.0)
    assert found.impact == pytest.approx(10 * math.sqrt(10_000 / 1e6))  # each slice 1 % of its volume: a tenth of 10 bps
    assert found.commission == pytest.approx(2.0 + 1.0)  # 0.5 cents of 50 is 1 bp
    assert found.expected == pytest.approx(7.0)
    assert found.high - found.expected == pytest.approx(1.6448536269514722 * found.sd)
    assert found.expected - found.low == pytest.approx(1.6448536269514722 * found.sd)
    assert (found.participation, found.peak_participation) == (0.01, 0.01)


# n = (30, 10) of v = (100, 400): 0.01 (30 sqrt(0.3) + 10 sqrt(0.025)) / 40
def test_impact_is_that_of_each_child_weighted_by_its_shares():
    market = outlook(volumes=[100, 400])
    assert impact_cost(SquareRootImpact(0.01), [30, 10], market) == pytest.approx(0.01 * (30 * math.sqrt(0.3) + 10 * math.sqrt(0.025)) / 40)
    assert impact_cost(None, [30, 10], market) == 0


class Linear:
    def expected_cost(self, trades, volumes, duration, volatility):
        return float(volatility * duration * (trades @ (trades / volumes)) / trades.sum())


def test_any_law_that_knows_its_expected_cost_is_asked_for_it():
    assert impact_cost(Linear(), [30, 10], outlook(volumes=[100, 400], volatility=0.1, duration=0.5)) == pytest.approx(
        0.05 * (9 + 0.25) / 40
    )


class Terms(NamedTuple):
    temporary: float
    temporary_power: float
    temporary_volume: float
    push: float
    push_power: float
    push_volume: float


class Modes(NamedTuple):
    weights: tuple[float, ...]
    rates: tuple[float, ...]


class Pushing:
    """A law in the form in which fills are simulated."""

    def __init__(self, terms, weights=(1.0,), rates=(0.0,)):
        self.parts, self.modes = terms, Modes(weights, rates)

    def terms(self, symbol, step):
        return self.parts(step) if callable(self.parts) else self.parts

    def decay(self):
        return self.modes


# Almgren and others 2005, table of IBM: J = I / 2 + K = 32.224, 24.638 and 18.418 bps over 0.1, 0.2 and 0.5 days
@pytest.mark.parametrize(("days", "bps"), [(0.1, 32.224), (0.2, 24.638), (0.5, 18.418)])
@pytest.mark.parametrize("slices", [1, 6, 60])
def test_a_permanent_and_a_temporary_part_cost_what_the_paper_prints_in_any_number_of_slices(days, bps, slices):
    sigma, volume, outstanding = 0.0157, 6.561e6, 1.728e9
    permanent = sigma * 0.314 * (outstanding / volume) ** 0.25
    law = Pushing(lambda step: Terms(sigma * 0.142, 0.6, volume * step * 1e-9 / 23_400, permanent, 1.0, volume))
    trades = np.full(slices, 656_100 / slices)
    market = outlook(volumes=np.full(slices, volume * days / slices), volatility=sigma, duration=days)
    assert 1e4 * impact_cost(law, trades, market) == pytest.approx(bps, abs=6e-4)


# Obizhaeva and Wang 2013: kappa X^2 (1 + a) / (2 (N + 1 - (N - 1) a)) for N + 1 trades, a = exp(-rho T / N), at the optimum
def test_an_impact_that_dies_away_costs_what_the_optimal_schedule_of_its_paper_does():
    N, a, X = 10, math.exp(-0.22), 100.0
    ends = X / (2 + (N - 1) * (1 - a))
    trades = np.array([ends, *[(1 - a) * ends] * (N - 1), ends])
    law = Pushing(Terms(0.0, 1.0, 0.0, 0.01, 1.0, 1_000.0), (1.0,), (0.22 / 60,))
    market = outlook(volumes=np.ones(N + 1), duration=11 * 60 / 23_400)
    assert X * impact_cost(law, trades, market) == pytest.approx(1e-5 * X**2 * (1 + a) / (2 * (N + 1 - (N - 1) * a)))
    slower = outlook(volumes=np.ones(N + 1), duration=11 * 60 / 23_400, session_seconds=2 * 23_400.0)
    assert impact_cost(law, trades, slower) < impact_cost(law, trades, market)


def test_the_laws_that_fills_are_simulated_with_are_read_as_they_are():
    ibm = AlmgrenImpact(volatility=0.0157, daily_volume=6.561e6, shares_outstanding=1.728e9)
    market = outlook(volumes=np.full(6, 1e5), volatility=0.0157, duration=0.1)
    assert 1e4 * impact_cost(ibm, np.full(6, 656_100 / 6), market) == pytest.approx(32.224, abs=6e-4)
    book = TransientImpact(0.001, half_life_seconds=1_170.0)  # one slice: half of the first child's push is left for the second
    assert impact_cost(book, [1, 1], outlook(volumes=[10, 10], duration=0.1)) == pytest.approx(1e-4 * (0.5 + 0.5 + 0.5) / 2)


def test_the_symbol_is_handed_to_the_law():
    law = Pushing(Terms(0.0, 1.0, 0.0, 0.01, 1.0, 1_000.0))
    asked = []
    law.terms = lambda symbol, step: asked.append((symbol, step)) or law.parts
    impact_cost(law, [1, 1], outlook(volumes=[1, 1], duration=120 / 23_400, symbol="IBM"))
    assert asked == [("IBM", 60_000_000_000)]


def test_a_minimum_commission_is_paid_by_each_child():
    cost = FillModel(commission=Commission(minimum=5.0))
    found = pretrade_estimate(100, [0.5, 0.5, 1.0, 1.0], outlook(price=50.0), cost)
    assert found.commission == pytest.approx(1e4 * 10 / 5_000)


def test_a_known_half_spread_takes_the_place_of_the_models():
    found = pretrade_estimate(100, line(4), outlook(half_spread=0.0007), FillModel(spread=FixedSpread(6)))
    assert found.spread == pytest.approx(7.0)


def test_participation_is_that_of_the_window_and_of_its_busiest_slice():
    found = pretrade_estimate(100, [0.5, 1.0, 1.0], outlook(volumes=[1_000, 250, 750]), FillModel())
    assert (found.participation, found.peak_participation) == (0.05, 0.2)
    assert pretrade_estimate(100, [0.5, 1.0], outlook(volumes=[1_000, 0]), FillModel()).peak_participation == math.inf


def test_the_range_follows_the_confidence():
    found = pretrade_estimate(100, line(4), outlook(), FillModel(), confidence=0.95)
    assert found.high == pytest.approx(1.959963984540054 * found.sd)


@pytest.mark.slow
def test_the_range_holds_nine_of_ten_simulated_orders():
    curve = np.array([0.4, 0.6, 0.9, 1.0])
    found = pretrade_estimate(1_000, curve, outlook(duration=0.5), FillModel(spread=FixedSpread(10)))
    draw = np.random.default_rng(1).normal(0, 0.02 * math.sqrt(0.5 / 4), (40_000, 4))
    prices = np.cumsum(draw, axis=1) - draw  # child k trades as its slice starts
    costs = 1e4 * (prices @ np.diff(curve, prepend=0)) + 5
    assert (costs.mean(), costs.std()) == pytest.approx((found.expected, found.sd), rel=0.02, abs=0.8)
    assert np.mean((costs >= found.low) & (costs <= found.high)) == pytest.approx(0.9, abs=0.006)
    assert np.mean(costs < found.low) == pytest.approx(0.05, abs=0.005)


def filled(shares, curve, volumes, cap):
    """Walk through the window: never ahead of the curve, never above the cap, catching up what was missed."""
    done = 0.0
    for target, volume in zip(curve, volumes, strict=True):
        done = min(target * shares, done + cap * volume)
    return done


rows = st.lists(st.lists(st.integers(0, 500), min_size=3, max_size=3), min_size=1, max_size=6)


@given(rows, st.lists(st.integers(1, 9), min_size=3, max_size=3), st.integers(1, 200))
@settings(deadline=None, max_examples=100)
def test_completion_is_the_share_of_earlier_sessions_that_a_walk_through_them_completes(sessions, steps, shares):
    curve = np.cumsum(steps) / sum(steps)
    walked = np.mean([filled(shares, curve, one, 0.25) >= shares - 1e-9 for one in sessions])
    market = outlook(volumes=[1, 1, 1], sessions=sessions)
    found = completion(shares, curve, market, 0.25)
    assert found.probability == pytest.approx(walked)
    assert f"{len(sessions)} earlier sessions" in found.basis


# a straight line under a cap: the volume has to be Q / (cap V) of what is expected, the last slice included
def test_completion_under_lognormal_volume_is_the_closed_form():
    found = completion(80, line(4), outlook(volumes=[250] * 4, log_sd=0.5), 0.1)
    assert found.probability == pytest.approx(0.5 * math.erfc((math.log(0.8) / 0.5 + 0.25) / math.sqrt(2)))
    assert "0.8 times the expected volume" in found.basis


@pytest.mark.slow
def test_completion_under_lognormal_volume_is_that_of_simulated_days():
    curve, volumes, log_sd = np.array([0.1, 0.2, 0.5, 1.0]), np.array([300.0, 200.0, 200.0, 300.0]), 0.4
    factors = np.exp(np.random.default_rng(2).normal(-(log_sd**2) / 2, log_sd, 20_000))
    walked = np.mean([filled(60, curve, one * volumes, 0.1) >= 60 - 1e-9 for one in factors])
    assert completion(60, curve, outlook(volumes=volumes, log_sd=log_sd), 0.1).probability == pytest.approx(walked, abs=0.01)


def test_the_models_cap_decides_whether_an_order_completes():
    market = outlook(volumes=[250] * 4, log_sd=0.0)
    asked = [
        pretrade_estimate(80, line(4), market, FillModel(max_participation=cap)).completion.probability for cap in (None, 0.1, 0.08, 0.07)
    ]
    assert asked == [1.0, 1.0, 1.0, 0.0]


def test_without_a_word_on_the_volume_completion_is_not_estimable():
    found = completion(80, line(4), outlook(volumes=[250] * 4), 0.1)
    assert math.isnan(found.probability)
    assert "give log_sd or sessions" in found.basis
    assert completion(80, [0.1, 1.0], outlook(volumes=[9, 0], log_sd=0.5), 0.1).probability == 0.0


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: outlook(volumes=[0, 0]), UsageError, "volumes must be shares"),
        (lambda: outlook(volatility=-0.1), UsageError, "volatility must be at least 0"),
        (lambda: outlook(duration=0.0), UsageError, "duration must be above 0"),
        (lambda: outlook(log_sd=0.2, sessions=[[1, 1, 1, 1]]), UsageError, "log_sd or sessions, not both"),
        (lambda: outlook(sessions=[[1, 1]]), UsageError, "4 columns"),
        (lambda: outlook(sessions=[[1, 1, 1, math.nan]]), UsageError, "earlier sessions must be shares"),
        (lambda: pretrade_estimate(0, line(4), outlook(), FillModel()), UsageError, "shares must be above 0"),
        (lambda: pretrade_estimate(1, line(3), outlook(), FillModel()), UsageError, "each of the 4 slices, got 3"),
        (lambda: pretrade_estimate(1, [0.5, 0.4, 0.9, 1.0], outlook(), FillModel()), UsageError, "must rise from 0 to 1"),
        (lambda: pretrade_estimate(1, [0.5, 0.6, 0.9, 0.9], outlook(), FillModel()), UsageError, "must rise from 0 to 1"),
        (lambda: pretrade_estimate(1, line(4), outlook(), FillModel(), confidence=90), UsageError, "confidence"),
        (lambda: pretrade_estimate(1, line(4), outlook(), FillModel(commission=Commission(minimum=1))), UsageError, "needs the price"),
        (lambda: timing_risk(line(4), 0.02, 1.0, "end"), UnknownNameError, "through"),
        (lambda: impact_cost(0.01, [1, 1, 1, 1], outlook()), UsageError, "has neither expected_cost"),
        (lambda: impact_cost(SquareRootImpact(0.01), [1, 1], outlook(volumes=[1, 0])), UsageError, "slice without volume"),
    ],
)  # fmt: skip
def test_what_cannot_be_estimated_is_refused(call, error, said):
    with pytest.raises(error, match=said):
        call()


class Quoted:
    spread, impact, commission, max_participation = "quotes", None, Commission(), None


def test_a_spread_that_differs_by_bar_has_to_be_said():
    with pytest.raises(UsageError, match="half_spread"):
        pretrade_estimate(1, line(4), outlook(), Quoted())


# a price that never moves: what is left of the realised cost is spread and impact, and the estimate knows both
@pytest.mark.slow
@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("impact", [None, SquareRootImpact(0.002), TransientImpact(0.002, half_life_seconds=600, daily_volume=1e6)])
def test_a_simulated_order_in_a_market_that_stands_still_costs_what_was_estimated(side, impact):
    bars = minute_bars([100.0] * 390, [100.0] * 390, volume=10_000)
    cost = FillModel(spread=FixedSpread(8), impact=impact)
    parents = ParentOrders.grid(bars, calendar="XNYS", sides=[side], size="6000sh", window="10:00-11:00", profile_days=1)
    driver = "engine" if isinstance(impact, TransientImpact) else "batch"
    realised = SlippageStudy(bars, parents, ["twap"], cost).run(driver=driver).parents["slippage_arrival_bps"].item()
    market = MarketForecast([10_000] * 60, volatility=0.0, duration=60 / 390)
    assert pretrade_estimate(6_000, line(60), market, cost).expected == pytest.approx(realised, rel=5e-4)  # spread times impact
