"""What a study works out for many orders at once is, bit for bit, what is worked out for each alone."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos import Bars, FillModel, ParentOrders, SlippageStudy
from exec_algos.algorithms import TWAP, VWAP, Algorithm
from exec_algos.algorithms.curve import follow_curve
from exec_algos.errors import NotEnoughHistoryError
from exec_algos.market.adv import SessionTotals
from exec_algos.market.calendars import Sessions
from exec_algos.market.profile import SessionVolumes
from exec_algos.studies.design.history import KNOWN, known_before
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.design.plans import SymbolFacts
from exec_algos.studies.run.profiles import SymbolBars, window_profiles

MINUTE = 60_000_000_000


@st.composite
def hours(draw):
    """Sessions of different lengths, some touching the next, some overlapping it."""
    opens, closes, at = [], [], 0
    for _ in range(draw(st.integers(1, 7))):
        at += draw(st.integers(0, 4))
        opens.append(at)
        closes.append(at + draw(st.integers(1, 6)))
        at = max(closes[-1] - draw(st.integers(0, 1)), opens[-1] + 1)
    scale = [np.array(one, dtype=np.int64) * MINUTE for one in (opens, closes)]
    days = np.datetime64("2024-01-01") + np.arange(len(opens))
    return Sessions(name="drawn", zone="UTC", date=days, open=scale[0], close=scale[1])


@st.composite
def tape(draw, length=40):
    minutes = np.array(sorted(draw(st.sets(st.integers(0, length), min_size=1))), dtype=np.int64)
    volume = np.array(draw(st.lists(st.sampled_from([0.0, 0.1, 1 / 3, 7.0, 1e9]), min_size=len(minutes), max_size=len(minutes))))
    price = np.full(len(minutes), 10.0)
    return Bars(
        symbols=("A",), offsets=np.array([0, len(minutes)]), start=minutes * MINUTE, open=price, high=price.copy(), low=price.copy(),
        close=price.copy(), volume=volume, step=MINUTE, zone="UTC",
    )  # fmt: skip


def one_by_one(bars, sessions):
    """The definition: each bar in the last session that opened by its start, if that has not closed, in its slot or else the last."""
    slots = (sessions.close - sessions.open) // bars.step
    table = np.zeros((len(sessions), slots.max()))
    for start, volume in zip(bars.start, bars.volume, strict=True):
        open_by_then = [k for k in range(len(sessions)) if sessions.open[k] <= start]
        if open_by_then and start < sessions.close[open_by_then[-1]]:
            k = open_by_then[-1]
            table[k, min((start - sessions.open[k]) // bars.step, slots[k] - 1)] += volume
    return table


@settings(deadline=None, max_examples=60)
@given(hours(), tape())
def test_rising_instants_are_found_as_single_ones_are(sessions, bars):
    np.testing.assert_array_equal(sessions.held(bars.start), sessions.locate(bars.start))
    first, last = sessions.rows(bars.start)
    assert [np.arange(a, b).tolist() for a, b in zip(first, last, strict=True)] == [
        np.flatnonzero(sessions.locate(bars.start) == k).tolist() for k in range(len(sessions))
    ]


@settings(deadline=None, max_examples=60)
@given(hours(), tape(), st.integers(1, 4))
def test_volumes_profiles_and_adv_of_all_sessions_are_those_of_each(sessions, bars, days):
    volumes, adv = SessionVolumes.of(bars, "A", sessions), SessionTotals.of(bars, "A", sessions)
    np.testing.assert_array_equal(volumes.volumes, one_by_one(bars, sessions))
    np.testing.assert_allclose(adv.totals, volumes.volumes.sum(axis=1), rtol=1e-14)
    own, averages = SymbolBars.of(bars, 0, sessions), adv.average_volumes(days)
    for k in range(len(sessions)):
        length = int(volumes.slots[k])
        (found,), (known,) = window_profiles(own, np.array([k]), np.array([0]), length, days)
        try:
            expected = volumes.profile(k, days)
        except NotEnoughHistoryError:
            assert np.isnan(averages[k])
            assert known < days
            continue
        assert known == (np.count_nonzero(volumes.has_data[:k]) if expected.any() else -1)
        assert found.tobytes() == expected.tobytes()
        assert averages[k] == adv.average_volume(k, days)


@settings(deadline=None, max_examples=60)
@given(hours(), tape(), st.integers(1, 4), st.data())
def test_profiles_of_windows_are_parts_of_the_session_s(sessions, bars, days, data):
    volumes, own = SessionVolumes.of(bars, "A", sessions), SymbolBars.of(bars, 0, sessions)
    length = data.draw(st.integers(1, int(volumes.slots.max())))
    fits = np.flatnonzero(volumes.slots >= length)
    begin = np.array([data.draw(st.integers(0, int(volumes.slots[k]) - length)) for k in fits])
    found, known = window_profiles(own, fits, begin, length, days)
    for k, at, profile, there in zip(fits, begin, found, known, strict=True):
        if np.count_nonzero(volumes.has_data[:k]) >= days:
            expected = volumes.profile(k, days)[at : at + length]
            assert profile.tobytes() == expected.tobytes()
            assert (there == -1) == (not expected.sum() > 0)


class Steep(Algorithm):
    """One that has a curve of its own, and no weights that it is made of."""

    name = "steep"
    decide = property(lambda self: follow_curve)

    def weights(self, profile):
        raise NotImplementedError

    def curve(self, profile, step):
        return np.append(np.sqrt(np.arange(1, len(profile)) / len(profile)), 1.0)


@pytest.mark.parametrize("algorithm", [VWAP(), VWAP(slice_interval_seconds=180), TWAP(), Steep()], ids=["vwap", "3 minutes", "twap", "own"])
def test_curves_of_many_windows_are_those_of_each(algorithm):
    profiles = np.random.default_rng(1).random((5, 11))
    np.testing.assert_array_equal(algorithm.curves(profiles, MINUTE), [algorithm.curve(one, MINUTE) for one in profiles])


@pytest.fixture(scope="module")
def bars():
    from exec_algos.market.samples import load_samples

    return load_samples()["XNYS"]


@pytest.mark.parametrize("size", ["5%adv", "333", "notional:1e5"])
def test_lots_of_all_sessions_are_those_of_each(bars, size):
    (plan,) = Grid(calendar="XNYS", size=size, window="10:00-12:30", profile_days=3).plans()
    orders = ParentOrders.grid(bars, calendar="XNYS", size=size, window="10:00-12:30", profile_days=3, sides=["buy"])
    markets = [SymbolFacts.of(bars, symbol, orders.sessions) for symbol in bars.symbols]
    made = [plan.make(markets[i], k) for i, k in zip(orders.symbol, orders.session, strict=True)]
    assert made == list(zip(orders.lots, orders.start, orders.end, strict=True))


def test_what_was_known_is_worked_out_when_it_is_asked_for_and_stays_with_what_is_taken(bars):
    orders = ParentOrders.grid(bars, calendar="XNYS", profile_days=2, sides=["buy"])
    fewer = orders.take(np.arange(len(orders)) % 3 == 1)
    assert list(fewer.columns) == list(KNOWN)
    for n in range(0, len(fewer), 7):
        symbol = fewer.symbols[fewer.symbol[n]]
        alone = known_before(bars, symbol, orders.sessions, SessionTotals.of(bars, symbol, orders.sessions), 2)
        found, expected = ([columns[name][row] for name in KNOWN] for columns, row in ((fewer.columns, n), (alone, fewer.session[n])))
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(KeyError):
        fewer.columns["nothing"]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fewer)).columns["adv"], fewer.columns["adv"])


@pytest.fixture
def result(bars):
    bars = bars.select(["SYNMID", "SYNTHIN"])
    parents = ParentOrders.grid(bars, calendar="XNYS", profile_days=2, sides=("BUY", "SELL"))
    return SlippageStudy(bars, parents, ["twap", "vwap"], FillModel(max_participation=0.1)).run()


def test_a_summary_makes_neither_fills_nor_what_was_known_nor_a_fingerprint(result):
    before = result.summary(by=("algorithm", "side"))
    assert not {"parents", "fills", "config"} & set(result.__dict__)
    assert len(result.fills) > len(result.parents) > 0
    pd.testing.assert_frame_equal(result.summary(by=("algorithm", "side")), before)
    assert list(result.summary(by=("adv",)).index) == [
        (adv, side) for adv in sorted(result.parents["adv"].unique()) for side in ("BUY", "SELL")
    ]


def test_a_result_can_be_copied_and_sent(result):
    for other in (copy.copy(result), pickle.loads(pickle.dumps(result))):
        pd.testing.assert_frame_equal(other.parents, result.parents)
        assert other.config == result.config
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        result.nothing  # noqa: B018 - asks for it
