"""The cluster bootstrap, against every resample written down in plain Python and against scipy's."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.bootstrap import cluster_bootstrap

# clusters of (value, weight); the answers are those of the 27 resamples on paper
THREE = {"d1": [(2.0, 1), (4.0, 1)], "d2": [(-1.0, 2)], "d3": [(5.0, 1), (0.0, 1), (1.0, 2)]}


def columns(clusters):
    rows = [(value, name, weight) for name, pairs in clusters.items() for value, weight in pairs]
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def every_resample(clusters):
    """The weighted mean of each of the G ** G ordered resamples."""
    found = []
    for drawn in product(clusters, repeat=len(clusters)):
        pairs = [pair for name in drawn for pair in clusters[name]]
        found.append(sum(value * weight for value, weight in pairs) / sum(weight for _, weight in pairs))
    return sorted(found)


def test_three_clusters_give_the_27_published_resamples():
    found = cluster_bootstrap(*columns(THREE))
    assert (found.exact, found.resamples, found.clusters, found.n) == (True, 27, 3, 6)
    assert found.point == 1.375
    assert found.mean == pytest.approx(1.3277777777777777, rel=1e-12)
    assert found.standard_error == pytest.approx(0.8418637466367312, rel=1e-12)
    listed = np.repeat(found.values, np.rint(27 * found.probabilities).astype(int))
    assert listed == pytest.approx(every_resample(THREE))


def test_the_published_vector_is_the_same(vectors):
    published = vectors("slippage_statistics.json")["exact_cluster_bootstrap_G3"]
    found = cluster_bootstrap(*columns(THREE))
    assert (found.point, found.mean, found.standard_error) == pytest.approx([published[name] for name in ("point", "mean", "sd_pop")])
    assert np.repeat(found.values, np.rint(27 * found.probabilities).astype(int)) == pytest.approx(published["sorted_values"])


clusters = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.tuples(st.floats(-50, 50), st.floats(0.5, 10)), min_size=1, max_size=3), min_size=2, max_size=4
)


@given(clusters, st.sampled_from([0.5, 0.9, 0.95]))
@settings(deadline=None, max_examples=60)
def test_it_is_the_enumeration_of_all_ordered_resamples(drawn, confidence):
    found, listed = cluster_bootstrap(*columns(drawn), confidence=confidence), np.array(every_resample(drawn))
    assert found.mean == pytest.approx(listed.mean(), abs=1e-9)
    assert found.standard_error == pytest.approx(listed.std(), abs=1e-9)
    rank = [math.ceil(len(listed) * tail - 1e-9) - 1 for tail in (0.5 - confidence / 2, 0.5 + confidence / 2)]
    assert (found.low, found.high) == pytest.approx(tuple(listed[rank]), abs=1e-9)


@given(clusters, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_neither_the_order_of_the_rows_nor_a_shift_changes_its_shape(drawn, random):
    x, day, w = columns(drawn)
    turn = list(range(len(x)))
    random.shuffle(turn)
    found, turned = cluster_bootstrap(x, day, w), cluster_bootstrap(x[turn] + 3.0, day[turn], 2 * w[turn])
    assert (turned.low - 3, turned.high - 3, turned.standard_error) == pytest.approx(
        (found.low, found.high, found.standard_error), abs=1e-7
    )


def test_nine_clusters_are_enumerated_and_ten_are_drawn():
    nine, ten = (cluster_bootstrap(np.arange(groups, dtype=float), np.arange(groups)) for groups in (9, 10))
    assert (nine.exact, nine.resamples, len(nine.values)) == (True, 9**9, 24_310)
    assert (ten.exact, ten.resamples, len(ten.values)) == (False, 9_999, 9_999)
    assert nine.standard_error == pytest.approx(np.arange(9).std() / 3, rel=1e-12)  # closed form: sd of the values over sqrt(n)
    assert ten.standard_error == pytest.approx(np.arange(10).std() / math.sqrt(10), rel=0.03)


def test_the_seed_decides_the_draw_and_the_number_of_resamples_is_kept():
    x, day = np.random.default_rng(3).normal(size=60), np.repeat(np.arange(20), 3)
    first, again, other = (cluster_bootstrap(x, day, seed=seed, resamples=500) for seed in (1, 1, 2))
    assert first.values.tobytes() == again.values.tobytes() != other.values.tobytes()
    assert len(first.values) == 500


@pytest.mark.slow
def test_bca_agrees_with_scipy_where_each_value_is_its_own_cluster():
    x = np.random.default_rng(5).lognormal(size=40)
    ours = cluster_bootstrap(x, np.arange(40), method="bca", resamples=20_000)
    scipys = stats.bootstrap((x,), np.mean, method="BCa", n_resamples=20_000, rng=np.random.default_rng(1)).confidence_interval
    plain = cluster_bootstrap(x, np.arange(40), resamples=20_000)
    assert (ours.low, ours.high) == pytest.approx(tuple(scipys), abs=0.03 * ours.standard_error + 0.05)
    assert ours.high > plain.high + 0.05  # skewed to the right: the upper end moves out
    assert ours.low > plain.low


@pytest.mark.slow
def test_percentiles_agree_with_scipy():
    x = np.random.default_rng(6).normal(size=50)
    ours = cluster_bootstrap(x, np.arange(50), resamples=20_000, confidence=0.9)
    scipys = stats.bootstrap((x,), np.mean, method="percentile", n_resamples=20_000, confidence_level=0.9, rng=np.random.default_rng(2))
    assert (ours.low, ours.high) == pytest.approx(tuple(scipys.confidence_interval), abs=0.01)


@pytest.mark.parametrize(("x", "w", "reason"), [([1.0, 2.0], None, "fewer than two clusters"), ([1.0, 2.0], [0, 0], "no value")])
def test_fewer_than_two_clusters_have_no_distribution(x, w, reason):
    found = cluster_bootstrap(x, ["a", "a"], w)
    assert reason in found.reason
    assert all(map(math.isnan, (found.standard_error, found.low, found.high)))


def test_values_that_are_not_known_are_counted():
    found = cluster_bootstrap([2.0, math.nan, 4.0, 9.0], ["a", "c", "a", "b"])
    assert (found.left_out, found.n, found.clusters, found.point) == (1, 3, 2, 5.0)


def test_values_that_are_all_the_same_have_no_spread_and_a_point_for_an_interval():
    found = cluster_bootstrap([2.0, 2.0, 2.0], ["a", "b", "c"], method="bca")
    assert (found.low, found.high, found.standard_error) == (2.0, 2.0, pytest.approx(0, abs=1e-12))


def test_a_draw_that_lies_on_one_side_of_the_mean_has_no_bca_interval():
    found = cluster_bootstrap(np.arange(12.0) ** 2, np.arange(12), method="bca", resamples=1)
    assert math.isnan(found.low)
    assert "one side of the mean" in found.reason


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"method": "student"}, UnknownNameError, "bca"),
        ({"resamples": 0}, UsageError, "resamples must be at least 1"),
        ({"confidence": 1.0}, UsageError, "confidence must lie between 0 and 1"),
    ],
)
def test_what_cannot_be_asked_is_refused(options, error, said):
    with pytest.raises(error, match=said):
        cluster_bootstrap([1.0, 2.0], ["a", "b"], **options)
