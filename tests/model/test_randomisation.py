"""Randomised children: total, lots, cap and a stated bound stay; the seed makes it the same again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import PLACES, carried
from small_markets import MINUTE, at, driven, minute_bars

from exec_algos import TWAP, FillModel, Rules
from exec_algos.errors import UsageError
from exec_algos.executors import AlgorithmExecutor
from exec_algos.model.style import Randomisation, delay, draw, resized

BARS = minute_bars([10.0] * 60)


def worked(randomisation, *, place="asyncio", quantity=1200, seconds=60, symbol="X", model=None, lot_size=1, start=None, **rules):
    """An hour of TWAP: minute and shares of each fill."""

    async def work(broker):
        rule = Rules(randomisation=randomisation, **rules)
        how = TWAP(slice_interval_seconds=seconds)
        return await AlgorithmExecutor(broker).execute(symbol, quantity, how, start=start, end="10:30", lot_size=lot_size, rules=rule)

    fills = carried(place, work, BARS) if model is None else driven(place, BARS, work, fill_model=model)
    return [((one.time - at("09:30")) // MINUTE, one.quantity) for one in fills]


def by_minute(fills):
    got = np.zeros(60)
    for minute, quantity in fills:
        got[minute] += quantity
    return got


def lowbias32(x):
    """The same finaliser, in numpy's own 32 bits."""
    x = np.uint32(x)
    with np.errstate(over="ignore"):
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x7FEB352D)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x846CA68B)
        return int(x ^ (x >> np.uint32(16)))


@given(key=st.integers(0, 2**32 - 1), number=st.integers(0, 10_000))
def test_a_draw_is_the_published_finaliser_over_a_weyl_sequence(key, number):
    assert draw(key, number) == lowbias32((key + number * 0x9E3779B9) % 2**32) / 2**32


@pytest.mark.parametrize("key", [0, 1, 2**31, 3_141_592_653])
def test_draws_are_even_and_do_not_hang_together(key):
    values = np.array([draw(key, number) for number in range(20_000)])
    counts = np.histogram(values, bins=50, range=(0, 1))[0]
    assert ((counts - 400.0) ** 2 / 400.0).sum() < 94  # chi-square, 49 degrees of freedom, 0.9999
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 4 / np.sqrt(len(values))


@settings(max_examples=25, deadline=None)
@given(
    size=st.floats(0, 0.5),
    time=st.floats(0, 1),
    seed=st.integers(0, 1000),
    quantity=st.integers(1, 3000),
    seconds=st.sampled_from([60, 300]),
)
def test_the_total_stays_and_the_curve_is_left_by_no_more_than_the_stated_bound(size, time, seed, quantity, seconds):
    got = by_minute(worked(Randomisation(size=size, time=time, seed=seed), quantity=quantity, seconds=seconds))
    assert got.sum() == quantity
    per = seconds // 60
    slices = 60 // per
    done = np.cumsum(got)[per - 1 :: per]
    aim = np.floor(np.arange(1, slices + 1) / slices * quantity + 0.5)
    largest = np.diff(aim, prepend=0).max()
    assert np.abs(done - aim).max() <= size / (1 - size) * largest + 2


def test_children_differ_from_each_other_and_stay_within_their_size():
    plain, drawn = by_minute(worked(None)), by_minute(worked(Randomisation(size=0.3, seed=5)))
    assert set(plain) == {20}
    assert len(set(drawn)) > 8
    # what the last one did too much comes off the next: at most 20 (1 + 0.3 / 0.7) lots are decided, and 0.3 of them drawn
    assert drawn.max() <= 20 / 0.7 * 1.3 + 2
    assert drawn.min() >= 20 * (1 - 0.3 / 0.7) * 0.7 - 2


def test_a_larger_size_spreads_wider():
    spread = [by_minute(worked(Randomisation(size=size, seed=5))).std() for size in (0.05, 0.2, 0.5)]
    assert 0 < spread[0] < spread[1] < spread[2]


@pytest.mark.parametrize("place", PLACES)
def test_the_same_seed_gives_the_same_children_everywhere_and_another_seed_others(place):
    same = worked(Randomisation(size=0.3, time=0.8, seed=5), place=place, seconds=300)
    assert same == worked(Randomisation(size=0.3, time=0.8, seed=5), seconds=300)
    assert same != worked(Randomisation(size=0.3, time=0.8, seed=6), place=place, seconds=300)


def test_orders_that_differ_get_children_of_their_own():
    twice = [by_minute(worked(Randomisation(size=0.3, seed=5), quantity=quantity))[:5] * 1200 / quantity for quantity in (1200, 12_000)]
    assert np.abs(twice[0] - twice[1]).max() > 3


def test_decisions_come_later_by_whole_bars_within_their_slice():
    minutes = [minute for minute, _ in worked(Randomisation(time=1.0, seed=3), seconds=600)]
    late = [minute - 10 * k for k, minute in enumerate(minutes)]
    assert len(minutes) == 6
    assert all(0 <= one < 10 for one in late)
    assert len(set(late)) > 2
    assert [minute - 10 * k for k, (minute, _) in enumerate(worked(Randomisation(time=0.2, seed=3), seconds=600))] == [
        one // 5 for one in late
    ]


def test_without_size_and_time_nothing_changes():
    assert worked(Randomisation(seed=9)) == worked(None)


def test_lots_stay_whole():
    fills = worked(Randomisation(size=0.5, seed=2), lot_size=7, quantity=1400)
    assert {quantity % 7 for _, quantity in fills} == {0}
    assert sum(quantity for _, quantity in fills) == 1400


def test_the_cap_and_the_largest_child_hold():
    capped = by_minute(worked(Randomisation(size=0.5, seed=2), model=FillModel(max_participation=0.022)))
    assert (capped.max(), capped.sum()) == (22, 1200)  # 22 of 1,000 shares a minute
    bounded = by_minute(worked(Randomisation(size=0.5, seed=2), max_child=22))
    assert bounded.max() == 22


@given(quantity=st.integers(1, 10**9), size=st.floats(0, 0.5), key=st.integers(0, 2**32 - 1), number=st.integers(0, 1000))
def test_a_child_is_drawn_within_its_size(quantity, size, key, number):
    drawn = resized(quantity, size, key, number)
    assert quantity * (1 - size) - 0.5 - 1e-6 <= drawn <= quantity * (1 + size) + 0.5 + 1e-6


@given(length=st.integers(1, 10**13), fraction=st.floats(0, 1), grid=st.integers(1, 10**11), key=st.integers(0, 2**32 - 1))
def test_a_delay_is_whole_steps_of_the_grid_and_less_than_the_slice(length, fraction, grid, key):
    late = delay(length, fraction, grid, key, 3)
    assert late % grid == 0
    assert 0 <= late < length


@pytest.mark.parametrize(
    ("given", "said"),
    [({"size": 0.6}, "0.6"), ({"size": -0.1}, "-0.1"), ({"time": 1.5}, "1.5"), ({"size": float("nan")}, "nan"), ({"seed": 1.5}, "1.5")],
)
def test_what_is_out_of_range_is_refused_with_the_value(given, said):
    with pytest.raises(UsageError, match=said):
        Randomisation(**given)


def test_anything_else_than_a_randomisation_is_refused():
    with pytest.raises(UsageError, match=r"Randomisation\(size=0\.2"):
        Rules(randomisation=0.2)
