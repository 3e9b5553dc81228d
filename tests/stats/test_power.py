"""How many orders a study needs: against the published table, numbers on paper and simulated studies."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.errors import UsageError
from exec_algos.stats.power import design_effect, detectable, intracluster_correlation, orders_needed, power_of, power_sentence

# to see 1 bp at 80 and 90 % power: orders, and orders in each arm of two
TABLE = {
    1: (8, 16, 11, 22), 2: (32, 63, 43, 85), 5: (197, 393, 263, 526), 10: (785, 1_570, 1_051, 2_102), 20: (3_140, 6_280, 4_203, 8_406),
    35: (9_615, 19_230, 12_872, 25_744), 50: (19_623, 39_245, 26_269, 52_538), 75: (44_150, 88_300, 59_105, 118_209),
    100: (78_489, 156_978, 105_075, 210_149), 115.47: (104_652, 209_304, 140_099, 280_198),
}  # fmt: skip


@pytest.mark.parametrize("sd", TABLE)
def test_orders_needed_are_those_of_the_published_table(sd):
    assert TABLE[sd] == tuple(orders_needed(1.0, sd, power=power, two_samples=arms) for power in (0.8, 0.9) for arms in (False, True))


def test_the_published_table_is_the_same(vectors):
    published = vectors("slippage_statistics.json")["power"]
    for row in published["table"]:
        asked = {"power": row["power"], "alpha": row["alpha"]}
        assert orders_needed(row["delta_bps"], row["sd_bps"], **asked) == row["n"]
        assert orders_needed(row["delta_bps"], row["sd_bps"], **asked, two_samples=True) == row["n_two_sample_per_arm"]
    example = published["deff_example"]
    design = design_effect(example["m"], example["icc"])
    assert design == pytest.approx(example["deff"])
    assert orders_needed(1.0, 50.0, design=design) == example["n_for_sd50_80"]
    assert detectable(1, 1.0) ** 2 == pytest.approx(published["k80"])
    assert detectable(1, 1.0, power=0.9) ** 2 == pytest.approx(published["k90"])


spreads = st.floats(0.5, 200)


@given(spreads, st.floats(0.1, 20), st.floats(0.55, 0.99), st.floats(0.001, 0.2), st.booleans(), st.floats(1, 10))
def test_the_orders_needed_are_the_fewest_that_reach_the_power(sd, delta, power, alpha, two_samples, design):
    asked = {"alpha": alpha, "two_samples": two_samples, "design": design}
    n = orders_needed(delta, sd, power=power, **asked)
    assert detectable(n, sd, power=power, **asked) <= delta * (1 + 1e-9)
    assert n == 1 or detectable(n - 1, sd, power=power, **asked) >= delta * (1 - 1e-9)
    assert power_of(n, delta, sd, **asked) >= power - 1e-9  # the far tail only adds to it


def test_a_smaller_difference_a_stricter_test_and_alike_orders_need_more():
    base = orders_needed(1.0, 20.0)
    assert orders_needed(0.5, 20.0) == pytest.approx(4 * base, abs=4)
    assert orders_needed(1.0, 20.0, alpha=0.01) > base
    assert orders_needed(-1.0, 20.0) == base
    assert orders_needed(1.0, 0.0) == 1


# groups (1, 3) and (5, 7): between (4 x 4) / 1 = 16, within 4 / 2 = 2, size 2: (16 - 2) / (16 + 2)
def test_the_likeness_of_two_pairs_on_paper():
    found = intracluster_correlation([1.0, 3.0, 5.0, 7.0], ["a", "a", "b", "b"])
    assert (found.rho, found.size, found.clusters, found.n) == (pytest.approx(7 / 9), 2.0, 2, 4)
    assert found.sd == pytest.approx(math.sqrt(20 / 3))


# sizes 1 and 3: n0 = (4 - 10 / 4) / 1
def test_clusters_of_unlike_size_count_by_fishers_size():
    assert intracluster_correlation([1.0, 2.0, 4.0, 9.0], ["a", "b", "b", "b"]).size == 1.5


def test_a_simulated_likeness_is_found():
    draw = np.random.default_rng(9)
    x = draw.normal(0, 3, (600, 1)) + draw.normal(0, 4, (600, 10))
    assert intracluster_correlation(x.ravel(), np.repeat(np.arange(600), 10)).rho == pytest.approx(9 / 25, abs=0.04)


@pytest.mark.parametrize(
    ("x", "day", "reason"),
    [
        ([1.0, 2.0], "aa", "fewer than two"),
        ([1.0, 2.0], "ab", "one value"),
        ([3.0] * 4, "aabb", "all the same"),
        ([math.nan] * 2, "ab", "no value"),
    ],
)
def test_likeness_that_is_not_estimable_says_why(x, day, reason):
    found = intracluster_correlation(x, list(day))
    assert math.isnan(found.rho)
    assert reason in found.reason


def test_the_sentence_says_what_the_study_can_see():
    draw = np.random.default_rng(9)
    day = np.repeat(np.arange(50), 10)
    x = np.repeat(draw.normal(0, 3, 50), 10) + draw.normal(0, 4, 500)
    found = intracluster_correlation(x, day)
    design = 1 + 9 * found.rho
    text = power_sentence(x, day)
    assert f"to see 1 bp you need {math.ceil(2.801585**2 * x.var(ddof=1) * design):,} orders (power 80 %, two-sided 5 %" in text
    assert f"the 500 here show {2.801585 * x.std(ddof=1) * math.sqrt(design / 500):.2f} bps" in text
    assert "not estimable: fewer than two clusters" in power_sentence([1.0, 2.0], ["a", "a"])
    assert "1.0 a cluster, alike by 0.00" in power_sentence([1.0, 2.0, 5.0], ["a", "b", "c"])
    assert "to see 2.5 bp" in power_sentence(x, day, 2.5)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: orders_needed(0.0, 1.0), "delta must be a difference other than 0"),
        (lambda: orders_needed(1.0, -1.0), "sd must be a number >= 0"),
        (lambda: orders_needed(1.0, 1.0, power=80), "power must lie between 0 and 1"),
        (lambda: orders_needed(1.0, 1.0, alpha=0.0), "alpha must lie between 0 and 1"),
        (lambda: orders_needed(1.0, 1.0, design=0.5), "design must be at least 1"),
        (lambda: detectable(0, 1.0), "n must be at least 1"),
        (lambda: power_of(10, 1.0, 0.0), "sd must be above 0"),
        (lambda: design_effect(0.5, 0.1), "cluster_size must be at least 1"),
        (lambda: design_effect(5, -0.1), "rho must lie in"),
    ],
)
def test_what_cannot_be_is_refused(call, said):
    with pytest.raises(UsageError, match=said):
        call()


@pytest.mark.slow
def test_studies_of_that_many_orders_see_the_difference_in_eight_of_ten():
    n, draw = orders_needed(1.0, 10.0), np.random.default_rng(4)
    x = draw.normal(1.0, 10.0, (4_000, n))
    seen = np.abs(x.mean(axis=1) / x.std(axis=1, ddof=1) * math.sqrt(n)) > 1.959964
    assert seen.mean() == pytest.approx(0.8, abs=0.02)
