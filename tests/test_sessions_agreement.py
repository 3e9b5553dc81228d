"""Engine and compiled loop are one algorithm over pauses, nights, half days and several sessions, bit for bit."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import STEP, assert_same, fill_models, outcome
from random_sessions import calendars, paused_studies, trading_instants

from exec_algos import Rules, SlippageStudy
from exec_algos.market.trading_time import TradingTime
from exec_algos.model import Session
from exec_algos.model.slicing import slices_between, trading_length
from exec_algos.model.window import pauses_between

NAMES = [
    "twap",
    "twap:slice_interval_seconds=5400",
    "vwap:profile_days=1",
    "vwap:slice_interval_seconds=5400,profile_days=2",
    "pov:rate=0.1",
    "arrival_price:slice_interval_seconds=3600",
    "dynamic_vwap:profile_days=2,bin_minutes=60",
]
RULES = st.sampled_from(
    [Rules(), Rules(residual="force"), Rules(residual="extend"), Rules(residual="close_auction"), Rules(limit_price=20.0)]
)


@given(paused_studies(), st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True), fill_models, RULES)
@settings(deadline=None, max_examples=40)
@pytest.mark.slow
def test_engine_and_batch_agree_bit_for_bit_on_random_calendars(made, names, model, rules):
    bars, orders = made
    if model.latency and rules.residual != "cancel":
        rules = Rules()
    study = SlippageStudy(bars, orders, names, model, rules=rules)
    assert_same(outcome(study, "engine"), outcome(study, "batch"))


@given(calendars(), st.data())
@settings(deadline=None, max_examples=200)
def test_slices_are_equal_lengths_of_trading_time_and_none_lies_in_a_pause(hours, data):
    inside = trading_instants(hours)
    first = data.draw(st.integers(0, len(inside) - 1))
    last = data.draw(st.integers(first, len(inside) - 1))
    width = data.draw(st.integers(1, 5))
    start, end = inside[first], inside[last] + STEP
    pauses = pauses_between(start, end, lambda t: Session.of(hours, min(hours.at_or_after(t), len(hours) - 1)), STEP)
    bars = inside[first : last + 1]
    assert trading_length(start, end, pauses) == len(bars) * STEP
    slices = slices_between(start, end, width * STEP, pauses)
    assert [begin for begin, _ in slices] == bars[::width]
    ends = [chunk[-1] + STEP for chunk in (bars[i : i + width] for i in range(0, len(bars), width))]
    assert [stop for _, stop in slices] == ends


@given(calendars())
@settings(deadline=None, max_examples=100)
def test_trading_time_counts_the_bars_of_trading_one_by_one(hours):
    inside = np.array(trading_instants(hours))
    time = TradingTime.of(hours, STEP)
    assert time.elapsed(inside).tolist() == [n * STEP for n in range(len(inside))]
    assert time.instant(np.arange(1, len(inside) + 1) * STEP).tolist() == (inside + STEP).tolist()
    assert time.resumed(time.instant(np.arange(len(inside)) * STEP)).tolist() == inside.tolist()
    for end, begin in pairwise(inside):
        closed = np.arange(end + STEP, begin, STEP)
        assert (hours.locate(closed) == -1).all()
        assert len(set(time.elapsed(closed).tolist())) <= 1
    assert Counter(hours.locate(inside).tolist()) == dict(enumerate(hours.slots(STEP).tolist()))
