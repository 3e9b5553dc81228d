"""What was decided and filled up to t keeps its bytes when later bars change: t may lie at lunch, in a night, in a later session."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markets import STEP, bars_of, fill_models, kinds_of_model, outcome, rows_of
from random_sessions import paused_studies
from test_lookahead import diary_of, finished, known_fills, rewritten, run

from exec_algos import Rules, SlippageStudy
from exec_algos.market.calendars import sessions

NAMES = ["twap:slice_interval_seconds=3600", "vwap:profile_days=1", "pov:rate=0.1", "dynamic_vwap:profile_days=2,bin_minutes=60"]
RESIDUALS = st.sampled_from(["cancel", "cancel", "force", "extend", "close_auction"])


def another(seed, bars, instants):
    """Other bars of the same symbols at the same instants."""
    table = {symbol: rows_of(np.random.default_rng([seed, *symbol.encode()]), instants, 0.3, 0.1, False) for symbol in bars.symbols}
    return bars_of(table, zone=bars.zone)


@given(paused_studies(), st.integers(0, 2**32 - 1), st.data(), kinds_of_model, RESIDUALS, st.sampled_from(["batch", "engine"]))
@settings(deadline=None, max_examples=15)
@pytest.mark.slow
def test_a_study_up_to_t_does_not_know_later_bars_on_random_calendars(made, seed, data, model, residual, driver):
    bars, orders = made
    instants = list(range(int(bars.start.min()), int(bars.start.max()) + STEP, STEP))
    t = data.draw(st.sampled_from(instants)) + STEP
    rules = Rules() if model.latency else Rules(residual=residual)
    name = data.draw(st.sampled_from(NAMES))
    later = rewritten(bars, t, another(seed, bars, instants))
    assume(set(later.symbols) == set(bars.symbols) and all(len(later.select([symbol])) for symbol in bars.symbols))
    runs = [outcome(SlippageStudy(one, orders, [name], model, rules=rules), driver) for one in (bars, later)]
    assume(not any(isinstance(found, str) for found in runs))
    assert known_fills(runs[0], t, model) == known_fills(runs[1], t, model)
    if rules.residual == "cancel":
        assert finished(runs[0], t) == finished(runs[1], t)


VENUES = {
    "XTKS": ("2024-03-05", "2024-03-07"),  # lunch
    "CMES": ("2024-03-06", "2024-03-12"),  # nights, a weekend on which clocks change
    "24/7": ("2024-03-08", "2024-03-10"),
}


def venue_of(calendar):
    """Instants of bars, with those of lunch, and where the backtest begins: the second session's open."""
    first, last = VENUES[calendar]
    found = sessions(calendar, *(pd.Timestamp(day).value for day in (first, last)))
    found = found.take((found.date >= np.datetime64(first)) & (found.date <= np.datetime64(last)))
    spans = zip(found.open.tolist(), found.close.tolist(), strict=True)
    return [t for opens, closes in spans for t in range(opens, closes, STEP)], found.zone, int(found.open[1])


def market_of(calendar, seed, missing=0.0):
    instants, zone, _ = venue_of(calendar)
    return bars_of(
        {symbol: rows_of(np.random.default_rng([seed, ord(symbol)]), instants, missing, 0.1, False) for symbol in "AB"}, zone=zone
    )


@pytest.mark.parametrize("calendar", VENUES)
@given(st.integers(0, 2**32 - 1), st.data(), fill_models)
@settings(deadline=None, max_examples=3)
@pytest.mark.slow
def test_a_backtest_up_to_t_does_not_know_later_bars_over_lunch_and_nights(calendar, seed, data, model):
    instants, _, begin = venue_of(calendar)
    t = data.draw(st.sampled_from([start for start in instants if start >= begin])) + STEP
    bars = market_of(calendar, seed)
    runs = [diary_of(one, model, t, calendar=calendar, start=begin) for one in (bars, rewritten(bars, t, market_of(calendar, seed + 1)))]
    assert runs[0] == runs[1]


def test_a_strategy_in_tokyo_sees_no_bar_of_lunch_and_orders_work_over_it():
    _, diary = run(market_of("XTKS", 3), calendar="XTKS", start=venue_of("XTKS")[2])
    clocks = {pd.Timestamp(when, tz="UTC").tz_convert("Asia/Tokyo").strftime("%H:%M") for when, kind, _ in diary if kind == "bar"}
    assert {"11:30", "13:00", "15:00"} <= clocks
    assert not {"12:00", "12:30"} & clocks  # bars of lunch would be complete then
    assert {kind for _, kind, _ in diary} >= {"bar", "child", "fill"}
