"""What a trade costs: commission max(minimum, rate x value + per share x shares) a child, the spread, and impact."""

import asyncio
import json
import math
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, assert_same, bars_of, fill_models, market, ns, study_of
from numba import njit

from exec_algos import Commission, FillModel, SimulatedBroker, TWAPExecutor
from exec_algos.compiling import compilable
from exec_algos.costs import AlmgrenImpact, FixedSpread, SquareRootImpact, TransientImpact, child_fee
from exec_algos.costs.propagator import ImpactTerms, own_impact
from exec_algos.costs.spread import EstimatedSpread, QuotedSpread, TickSpread
from exec_algos.costs.ticks import KRX_2023
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.fills import displaced_price
from exec_algos.studies.record.configuration import fill_model_of, fill_model_record

amounts = st.floats(0, 1e6)


@pytest.mark.parametrize(
    ("commission", "fee"),
    [
        (Commission(), 0.0),
        (Commission(rate=0.00015), 1.5),
        (Commission(per_share=0.005), 0.5),
        (Commission(minimum=2.0), 2.0),
        (Commission(rate=0.00015, per_share=0.005, minimum=1.0), 2.0),
        (Commission(rate=0.00015, per_share=0.005, minimum=2.5), 2.5),
    ],
)
def test_fee_of_100_shares_at_100(commission, fee):
    assert child_fee(commission, 100, 10_000.0) == pytest.approx(fee, rel=1e-15)


def test_a_child_that_did_not_trade_pays_nothing_not_even_the_minimum():
    assert child_fee(Commission(rate=0.1, per_share=1.0, minimum=5.0), 0, 0.0) == 0.0


@given(st.builds(Commission, rate=amounts, per_share=amounts, minimum=amounts), amounts, amounts, amounts, amounts)
@settings(deadline=None, max_examples=100)
def test_the_fee_never_falls_as_a_child_trades_more(commission, shares, value, more_shares, more_value):
    assert child_fee(commission, shares, value) <= child_fee(commission, shares + more_shares, value + more_value)


@pytest.mark.parametrize("part", ["rate", "per_share", "minimum"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_a_negative_or_unreal_part_is_refused_by_name(part, value):
    with pytest.raises(UsageError, match=part):
        Commission(**{part: value}).checked()
    with pytest.raises(UsageError, match=part):
        FillModel(commission=Commission(**{part: value}))


def broker(volumes, commission, cap=None):
    rows = [(ns(DAYS[0], "09:30") + i * STEP, 10.0, 10.0, 10.0, 10.0, volume, math.nan) for i, volume in enumerate(volumes)]
    return SimulatedBroker(bars_of({"A": rows}), fill_model=FillModel(commission=commission, max_participation=cap))


def test_the_minimum_is_charged_once_a_child_not_once_a_bar():
    fill = asyncio.run(broker([100.0] * 4, Commission(minimum=3.0), 0.1).place_order("A", 30))
    assert [part.commission for part in fill.parts] == [3.0, 0.0, 0.0]
    assert fill.commission == 3.0


def test_the_minimum_is_used_up_by_the_fee_of_later_bars():
    fill = asyncio.run(broker([100.0] * 4, Commission(per_share=0.125, minimum=3.0), 0.1).place_order("A", 30))
    assert [part.commission for part in fill.parts] == [3.0, 0.0, 0.75]
    assert fill.commission == 3.75


def test_the_minimum_is_charged_for_each_child_of_a_parent_order():
    fills = asyncio.run(TWAPExecutor(broker([100.0] * 4, Commission(minimum=3.0))).execute("A", 40, 120, 1800))
    assert [one.commission for one in fills] == [3.0] * 4


def test_the_commission_rate_of_a_broker_takes_the_place_of_the_fill_models():
    rows = [(ns(DAYS[0], "09:30"), 10.0, 10.0, 10.0, 10.0, 100.0, math.nan)]
    venue = SimulatedBroker(bars_of({"A": rows}), commission_rate=0.001, fill_model=FillModel(commission=Commission(minimum=9.0)))
    assert asyncio.run(venue.place_order("A", 10)).commission == 0.1


@pytest.mark.parametrize(("bps", "half"), [(0, 0.0), (10, 5e-4), (1.0, 5e-5), (20, 1e-3)])
def test_half_of_a_spread_in_bps_is_a_fraction(bps, half):
    assert FixedSpread(bps).half() == half
    assert FixedSpread(bps).half(market(1)) == half


@pytest.mark.parametrize("bps", [-0.1, math.nan, math.inf, 20_000, "5", None])
def test_a_spread_that_cannot_be_is_refused_with_its_unit(bps):
    with pytest.raises(UsageError, match=r"spread bps must be .* got .* in basis points"):
        FixedSpread(bps)


@pytest.mark.parametrize("coefficient", [-0.1, math.nan, math.inf, 1, 10, "0.001", None])
def test_an_impact_that_cannot_be_is_refused_with_its_unit(coefficient):
    with pytest.raises(UsageError, match=r"impact coefficient must be .* got .* a fraction of the price"):
        SquareRootImpact(coefficient)


def test_spread_and_impact_do_not_change():
    with pytest.raises(FrozenInstanceError):
        FixedSpread(1.0).bps = 2.0
    with pytest.raises(FrozenInstanceError):
        SquareRootImpact(0.1).coefficient = 0.2


def price_paid(side, limit, bar, shares, volume, coefficient):
    """The price of an execution under the square-root law, in a market that nobody displaced before; `bar` is price, low, high."""
    own = own_impact(ImpactTerms(coefficient, 0.5, 0.0, 0.0, 1.0, 1.0), shares, volume)
    return displaced_price(side, limit, *bar, 0.0, own)


@pytest.mark.parametrize(
    ("side", "limit", "coefficient", "paid"),
    [
        (1, math.nan, 0.0, 10.0),
        (1, math.nan, 0.5, 12.5),  # half of 0.5, as a quarter of the bar is taken
        (-1, math.nan, 0.5, 7.5),
        (1, 12.0, 0.125, 10.625),
        (1, 10.25, 0.125, 10.25),  # a limit order pays no more than its limit
        (1, 12.0, 0.5, 11.0),  # nor more than the high
        (-1, 8.0, 0.125, 9.375),
        (-1, 9.75, 0.125, 9.75),
        (-1, 8.0, 0.5, 9.0),
    ],
)
def test_the_impact_of_25_of_100_shares_at_10_in_a_bar_from_9_to_11(side, limit, coefficient, paid):
    assert price_paid(side, limit, (10.0, 9.0, 11.0), 25, 100.0, coefficient) == paid


@pytest.mark.parametrize(("shares", "paid"), [(4, 64.0625), (1, 64.03125), (16, 64.125), (0.25, 64.015625)])
def test_impact_grows_with_the_root_of_the_size(shares, paid):
    """At 64 with a coefficient of 2**-10 in a bar of 4 shares every step is exact in binary."""
    assert price_paid(1, math.nan, (64.0, 0.0, 0.0), shares, 4.0, 2**-10) == paid
    assert price_paid(-1, math.nan, (64.0, 0.0, 0.0), shares, 4.0, 2**-10) == 128.0 - paid


def test_a_sale_of_a_hundred_times_the_bar_gets_nothing_rather_than_less():
    assert price_paid(-1, math.nan, (64.0, 0.0, 0.0), 400.0, 4.0, 0.5) == 0.0


@given(
    st.sampled_from([1, -1]),
    st.floats(0.01, 1e5) | st.just(math.nan),
    st.lists(st.floats(0.01, 1e5), min_size=3, max_size=3).map(sorted),
    st.floats(0, 1e7),
    st.floats(1e-6, 1e7),
    st.floats(0, 0.99),
)
@settings(deadline=None, max_examples=200)
@pytest.mark.slow
def test_the_compiled_price_is_the_interpreted_one_to_the_last_bit(side, limit, bar, shares, volume, coefficient):
    low, price, high = bar
    arguments = side, limit, price, low, high, 0.0, coefficient * math.sqrt(shares / volume)
    assert COMPILED(*arguments) == displaced_price(*arguments)


COMPILED = njit(compilable(displaced_price))


@pytest.mark.slow
@pytest.mark.parametrize("driver", ["batch", "engine"])
def test_a_spread_of_nothing_and_an_impact_of_nothing_change_no_bit(driver):
    bars, terms = market(5, vendor=True), {"price": "vwap", "max_participation": 0.1, "commission": Commission(rate=0.0002)}
    plain, free = FillModel(**terms), FillModel(**terms, spread=FixedSpread(0), impact=SquareRootImpact(0))
    runs = [study_of(bars, ["twap", "vwap:profile_days=1"], model, profile_days=1, size="300").run(driver) for model in (plain, free)]
    assert len(runs[0].fills)
    assert_same(*runs)


@given(fill_models)
@settings(deadline=None, max_examples=50)
def test_a_fill_model_written_down_as_json_is_the_same_when_it_is_read(model):
    assert fill_model_of(json.loads(json.dumps(fill_model_record(model)))) == model


@pytest.mark.slow
def test_a_saved_study_holds_its_spread_and_impact(tmp_path):
    model = FillModel(spread=FixedSpread(2.5), impact=SquareRootImpact(0.0007))
    saved = study_of(market(5), ["twap"], model, profile_days=1, size="300").run().save(tmp_path)
    kept = json.loads((saved / "config.json").read_text(encoding="utf-8"))["fill_model"]
    assert kept["spread"] == {"kind": "FixedSpread", "bps": 2.5}
    assert kept["impact"] == {"kind": "SquareRootImpact", "coefficient": 0.0007}
    assert fill_model_of(kept) == model


def test_a_record_that_names_no_kind_is_read_as_it_was_meant():
    kept = {"spread": {"bps": 2.5}, "impact": {"coefficient": 0.0007}}
    assert fill_model_of(kept) == FillModel(spread=FixedSpread(2.5), impact=SquareRootImpact(0.0007))


@pytest.mark.parametrize(
    "model",
    [
        FillModel(spread=TickSpread(KRX_2023, 2.0)),
        FillModel(spread=QuotedSpread(FixedSpread(3.0), max_age=60.0)),
        FillModel(spread=EstimatedSpread(TickSpread(0.01), "abdi_ranaldo", 10, 5)),
        FillModel(impact=TransientImpact(0.01, "square_root", half_life_seconds=600.0)),
        FillModel(impact=AlmgrenImpact(volatility={"A": 0.02}, daily_volume=1e6, shares_outstanding=1e8)),
    ],
    ids=lambda model: type(model.spread or model.impact).__name__,
)
def test_every_kind_of_spread_and_impact_comes_back_from_its_record(model):
    assert fill_model_of(json.loads(json.dumps(fill_model_record(model)))) == model


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="FixedSpread"):
        fill_model_of({"spread": {"kind": "FixdSpread", "bps": 1.0}})


def test_a_record_without_spread_and_impact_is_a_model_without_them():
    assert fill_model_of({"price": "close"}) == FillModel(price="close")
