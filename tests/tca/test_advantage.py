"""Price advantage and gain-loss ratio against published examples, and where there is none."""

import math

import numpy as np
import pytest

from exec_algos.stats.estimable import Estimable, Missing
from exec_algos.tca.advantage import price_advantage
from exec_algos.tca.benchmarks import slippage_bps


def test_the_figures_are_the_published_ones(vectors):
    published = vectors("opd_metrics.json")
    side, price, twap = (
        np.array(column)
        for column in zip(*((1 if o["side"] == "BUY" else -1, o["exec_avg"], o["twap"]) for o in published["orders"]), strict=True)
    )
    cost = slippage_bps(side, price, twap)
    assert (-cost).tolist() == pytest.approx([order["PA_bps"] for order in published["orders"]], abs=1e-9)
    found = price_advantage(Estimable.of(cost))
    assert (found.mean, found.gain_loss_ratio) == (pytest.approx(published["mean_PA"]), pytest.approx(published["GLR"]))
    assert (found.share_positive, found.n, found.reason) == (published["POS_all"], 5, "")
    some = price_advantage(Estimable.of(cost, Missing(cost == 0, "left out")))
    assert (some.share_positive, some.n) == (published["POS_excluding_zero"], 4)


@pytest.mark.parametrize(("cost", "mean", "share"), [([-1.0, -3.0], 2.0, 1.0), ([2.0], -2.0, 0.0), ([0.0], 0.0, 0.0)])
def test_without_a_gain_or_without_a_loss_there_is_no_ratio(cost, mean, share):
    found = price_advantage(Estimable.of(cost))
    assert (found.mean, found.share_positive) == (mean, share)
    assert math.isnan(found.gain_loss_ratio)
    assert "needs an order with a gain and one with a loss" in found.reason


def test_without_orders_there_is_nothing():
    found = price_advantage(Estimable.of([math.nan]))
    assert all(map(math.isnan, found[:3]))
    assert found.reason == "no order of which the slippage is known"
