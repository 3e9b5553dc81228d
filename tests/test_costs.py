"""The commission schedule: max(minimum, rate x value + per share x shares) on each child that traded."""

import asyncio
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, bars_of, ns

from exec_algos import Commission, FillModel, SimulatedBroker, TWAPExecutor
from exec_algos.costs import child_fee
from exec_algos.errors import UsageError

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
