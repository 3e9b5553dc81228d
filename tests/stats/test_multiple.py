"""P-values for many comparisons: against numbers on paper, scipy's false discovery rates, and all signs in plain Python."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.multiple import adjusted, max_t
from exec_algos.stats.paired import paired_difference

ps = st.lists(st.floats(0, 1), min_size=1, max_size=12)


# Holm 1979 on paper: 4 x 0.005, 3 x 0.01, 2 x 0.03, and 0.04 held up to the one before it
def test_holm_multiplies_each_p_by_the_tests_that_are_left():
    assert adjusted([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


# Benjamini and Hochberg 1995, section 3.2: of fifteen p-values, four are findings at 0.05 where Bonferroni and Hochberg find three
def test_the_false_discovery_rate_finds_what_its_authors_found():
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert (adjusted(p, "bh") <= 0.05).sum() == 4
    assert (adjusted(p, "holm") <= 0.05).sum() == 3


@given(ps)
@settings(deadline=None, max_examples=80)
def test_the_false_discovery_rate_is_scipys_to_the_last_bit(p):
    for method in ("bh", "by"):
        assert adjusted(p, method).tolist() == stats.false_discovery_control(p, method=method).tolist()


@given(ps)
@settings(deadline=None, max_examples=80)
def test_adjusted_values_are_never_smaller_and_keep_the_order(p):
    raw = np.array(p)
    for method in ("holm", "bh", "by"):
        found = adjusted(raw, method)
        assert (found >= raw - 1e-12).all()
        assert (found <= 1).all()
        assert (np.diff(found[np.argsort(raw, kind="stable")]) >= -1e-12).all()
    assert (adjusted(raw, "holm") >= adjusted(raw, "bh") - 1e-12).all()
    assert (adjusted(raw, "holm") <= np.minimum(raw * len(raw), 1) + 1e-12).all()  # Bonferroni


def test_comparisons_without_a_test_do_not_count():
    assert adjusted([0.01, math.nan, 0.04]).tolist() == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)
    assert np.isnan(adjusted([math.nan], "bh")).all()


@pytest.mark.parametrize(("p", "method", "error"), [([1.5], "holm", UsageError), ([0.5], "bonferroni", UnknownNameError)])
def test_what_is_no_p_value_or_no_method_is_refused(p, method, error):
    with pytest.raises(error):
        adjusted(p, method)


def t_of(sums, shares):
    """Clustered t of one comparison, CR1, in plain Python; a cluster of no share has no part."""
    used = [(one, share) for one, share in zip(sums, shares, strict=True) if share]
    whole, groups = sum(share for _, share in used), len(used)
    mean = sum(one for one, _ in used) / whole
    variance = groups / (groups - 1) * sum((one - mean * share) ** 2 for one, share in used) / whole**2
    return abs(mean) / math.sqrt(variance) if variance > 1e-18 * (1 + mean**2) else math.inf


def test_the_largest_t_is_counted_over_every_choice_of_signs():
    table = np.array([[1.0, 3.0], [2.0, -1.0], [4.0, 2.5], [3.0, math.nan], [0.5, 1.0], [1.2, 6.0]])
    day, w = np.array([0, 0, 1, 2, 3, 4]), np.array([1.0, 2.0, 1.0, 1.0, 3.0, 1.0])
    known = np.isfinite(table)
    sums, shares = (
        [[float(np.where(known, base, 0)[day == one, k].sum()) for one in range(5)] for k in range(2)]
        for base in (w[:, None] * np.nan_to_num(table), w[:, None] * np.ones((6, 2)))
    )
    seen = [t_of(sums[k], shares[k]) for k in range(2)]
    largest = [
        max(t_of([sign * one for sign, one in zip(signs, sums[k], strict=True)], shares[k]) for k in range(2))
        for signs in product((1, -1), repeat=5)
    ]
    answer = [np.mean([one >= t * (1 - 1e-9) for one in largest]) for t in seen]
    assert max_t(table, day, w).tolist() == pytest.approx(answer)


def test_alone_it_is_near_the_t_test_and_more_comparisons_cost():
    draw = np.random.default_rng(4)
    d = draw.normal(0.35, 1, (40, 1))
    alone = max_t(d, np.arange(40))[0]
    among = max_t(np.hstack([d, draw.normal(0, 1, (40, 9))]), np.arange(40))[0]
    single = paired_difference(d[:, 0], np.zeros(40), np.arange(40)).p
    assert alone == pytest.approx(single, abs=0.02)
    assert single < among <= 10 * single + 0.05


def test_the_same_comparison_twice_costs_nothing():
    d = np.random.default_rng(4).normal(0.4, 1, (30, 1))
    assert max_t(np.hstack([d, d, -d]), np.arange(30)).tolist() == pytest.approx([max_t(d, np.arange(30))[0]] * 3)


def test_the_seed_decides_the_drawn_signs():
    d = np.random.default_rng(8).normal(0.3, 1, (40, 2))
    first, again, other = (max_t(d, np.arange(40), seed=seed, draws=999).tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_a_comparison_that_cannot_be_tested_stays_unknown():
    table = np.array([[1.0, math.nan, 2.0, 0.0], [2.0, 1.0, 2.0, 0.0], [4.0, math.nan, 2.0, 0.0]])
    found = max_t(table, ["a", "b", "c"])
    assert np.isfinite(found).tolist() == [True, False, False, False]


def test_no_draws_and_no_columns():
    with pytest.raises(UsageError, match="draws must be at least 1"):
        max_t(np.ones((2, 1)), [1, 2], draws=0)


@pytest.mark.slow
def test_with_no_difference_anywhere_few_studies_find_one():
    draw = np.random.default_rng(12)
    least = []
    for _ in range(300):
        day = np.repeat(draw.normal(0, 1, (20, 1, 3)), 2, axis=1)
        least.append(max_t((day + draw.normal(0, 1, (20, 2, 3))).reshape(40, 3), np.repeat(np.arange(20), 2), draws=199).min())
    found = float(np.mean(np.array(least) <= 0.05))
    assert stats.binomtest(round(found * 300), 300, 0.05).pvalue > 0.001
