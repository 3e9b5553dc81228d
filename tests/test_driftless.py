"""In a market without drift, spread and impact nobody gains or loses against the arrival price: a leak of the future shows here."""

import numpy as np
import pandas as pd
import pytest

from exec_algos import Bars, FillModel, ParentOrders, Rules, SlippageStudy
from exec_algos.algorithms import ALGORITHMS
from exec_algos.market.calendars import sessions
from exec_algos.market.depth import with_quote_proxy
from exec_algos.stats.statistics import clustered_mean

MINUTE = 60_000_000_000
DAYS = 260


@pytest.fixture(scope="module")
def martingale():
    """A year of minutes of one stock: a fair random walk, volume at random and larger where it moves."""
    rng = np.random.default_rng(20_240_101)
    first, last = (pd.Timestamp(day, tz="UTC").value for day in ("2023-01-03", "2024-01-31"))
    hours = sessions("XNYS", first, last)
    start = np.concatenate([np.arange(o, c, MINUTE) for o, c in zip(hours.open[:DAYS], hours.close[:DAYS], strict=True)])
    move = rng.normal(0.0, 5e-4, len(start))
    close = 100.0 * np.cumprod(1.0 + move)
    opens = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opens, close) * 1.0001, np.minimum(opens, close) * 0.9999
    volume = np.round(rng.lognormal(9.0, 0.7, len(start)) * (1.0 + 500.0 * np.abs(move)))
    index = pd.DatetimeIndex(start.view("datetime64[ns]"), tz="UTC").tz_convert("America/New_York")
    table = pd.DataFrame({"open": opens, "high": high, "low": low, "close": close, "volume": volume}, index=index)
    return with_quote_proxy(Bars.from_frame(table, symbol="FAIR", label="start", step="1min"), "close")


TEXTS = {name: name for name in ALGORITHMS} | {"dynamic_vwap": "dynamic_vwap:bin_minutes=60"}
# The fits of dynamic VWAP take long: fewer bins and days, and one price rule, on which its curve does not hang.
CASES = [(name, price) for name in ALGORITHMS for price in ("open", "close") if (name, price) != ("dynamic_vwap", "close")]
# Limits that are always met, so that nothing is selected by them: the price stays between 1 and 10,000.
ALWAYS = {"buy": 10_000.0, "sell": 1.0}


@pytest.mark.slow
@pytest.mark.parametrize("side", ALWAYS)
@pytest.mark.parametrize(("name", "price"), CASES)
def test_mean_slippage_against_arrival_is_zero_within_three_standard_errors(martingale, name, side, price):
    bars = martingale.take(martingale.start >= martingale.start[-390 * 70]) if name == "dynamic_vwap" else martingale
    parents = ParentOrders.grid(bars, calendar="XNYS", sides=[side], size="1%adv", window="10:00-12:00", profile_days=20)
    rules = Rules(limit_price=ALWAYS[side]) if ALGORITHMS[name].needs_limit else Rules()
    found = SlippageStudy(bars, parents, [TEXTS[name]], FillModel(price=price), rules).run(fills=False).parents
    known = found["slippage_arrival_bps"].notna()
    assert known.sum() >= 50
    mean = clustered_mean(found.loc[known, "slippage_arrival_bps"].to_numpy(), found.loc[known, "session"].to_numpy())
    assert abs(mean.mean) < 3 * mean.standard_error


@pytest.mark.slow
def test_the_same_measure_sees_a_fill_that_is_worse_than_fair(martingale):
    parents = ParentOrders.grid(martingale, calendar="XNYS", sides=["buy", "sell"], size="1%adv", window="10:00-12:00", profile_days=20)
    found = SlippageStudy(martingale, parents, ["twap"], FillModel(price="worst")).run(fills=False).parents
    mean = clustered_mean(found["slippage_arrival_bps"].to_numpy(), found["session"].to_numpy())
    assert mean.mean > 3 * mean.standard_error
