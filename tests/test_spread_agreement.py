"""Spreads in ticks, from quotes and estimated from earlier sessions: the same fills in both drivers, and each paid once."""

import numpy as np
import pytest
from markets import assert_same, market, outcome, study_of

from exec_algos import Bars, FillModel
from exec_algos.costs.spread import EstimatedSpread, FixedSpread, QuotedSpread, TickSpread
from exec_algos.costs.ticks import US_EQUITY

SPREADS = {
    "ticks": TickSpread(US_EQUITY, 2.0),
    "quotes": QuotedSpread(FixedSpread(30.0)),
    "estimated": EstimatedSpread(FixedSpread(30.0), "abdi_ranaldo", 3, 1),
}


def quoted(seed):
    bars = market(seed)
    rng = np.random.default_rng(seed)
    half = rng.uniform(0.0005, 0.002, len(bars))
    quotes = {"bid": bars.close * (1 - half), "ask": bars.close * (1 + half)}
    quotes["bid"][rng.random(len(bars)) < 0.2] = np.nan
    frame = bars.to_frame().assign(**quotes)
    parts = [frame.loc[name] for name in bars.symbols]
    return Bars.concat(
        [Bars.from_frame(one, symbol=name, label="start", step="1min") for name, one in zip(bars.symbols, parts, strict=True)]
    )


@pytest.mark.slow
@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS)
def test_engine_and_batch_pay_the_same_spread_to_the_last_bit(spread):
    study = study_of(quoted(3), ["twap"], FillModel(spread=spread, max_participation=0.2), profile_days=1, size="500")
    assert_same(outcome(study, "batch"), outcome(study, "engine"))


@pytest.mark.slow
@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS)
def test_the_spread_of_each_fill_is_half_of_what_the_model_says_and_paid_once(spread):
    bars = quoted(4)
    fills = study_of(bars, ["twap"], FillModel(spread=spread), profile_days=1, size="500").run().fills
    sign = np.where(fills["side"] == "BUY", 1.0, -1.0)
    assert (fills["rule_price"] + fills["spread"]).to_numpy() == pytest.approx(fills["price"].to_numpy(), rel=1e-12)
    assert (sign * fills["spread"] > 0).all()
    assert (fills["impact"] == 0).all()
