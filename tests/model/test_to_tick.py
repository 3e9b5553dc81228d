"""Prices on a tick are the doubles of their decimal texts, upward, downward, interpreted and compiled."""

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from exec_algos.compiling import compilable
from exec_algos.model import Decision, Observed
from exec_algos.model.apply import at_touch
from exec_algos.model.ticks import ticks_in_a_unit, to_tick

NAN = float("nan")
COMPILED = njit(compilable(to_tick))


@pytest.mark.parametrize("tick", ["0.0001", "0.001", "0.005", "0.01", "0.02", "0.05", "0.1", "0.25", "0.5", "1", "5", "10"])
@given(whole=st.integers(1, 10**6), up=st.booleans())
@settings(deadline=None)
def test_a_price_that_is_on_the_tick_stays_the_double_of_its_text(tick, whole, up):
    price = float(Decimal(tick) * whole)
    unit = ticks_in_a_unit(float(tick))
    assert to_tick(price, float(tick), unit, up) == price
    assert COMPILED(price, float(tick), unit, up) == price


@pytest.mark.parametrize("tick", ["0.01", "0.05", "5"])
@given(whole=st.integers(1, 10**6), part=st.floats(0.01, 0.99))
def test_a_price_between_two_ticks_goes_to_the_one_asked_for(tick, whole, part):
    below, above = (float(Decimal(tick) * n) for n in (whole, whole + 1))
    price, unit = below + part * (above - below), ticks_in_a_unit(float(tick))
    assert (to_tick(price, float(tick), unit, False), to_tick(price, float(tick), unit, True)) == (below, above)


def test_a_price_that_is_not_known_stays_so():
    assert math.isnan(to_tick(NAN, 0.05, 20.0, True))


@pytest.mark.parametrize("side", [1, -1])
def test_a_child_at_the_touch_of_179_35_has_that_limit_and_not_the_double_above_it(side):
    """0.05 x 3587 is 179.35000000000002: a buy would be filled by a bar that only touches, a sell by none that does."""
    market = Observed(0.0, 179.35, 179.35, 179.35, 100.0, 100.0)
    assert at_touch(side, 0.05, market, Decision(10, NAN)).limit == 179.35
