"""backtrader with our fills and our engine are one market over lunch, nights, clock changes and several sessions, to the last digit."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from markets import STEP, bars_of, fill_models, rows_of
from test_backtrader_agreement import Plan, assert_agree

from exec_algos import FillModel, Rules
from exec_algos.algorithms import parse_algorithm
from exec_algos.errors import UsageError
from exec_algos.market.calendars import sessions
from exec_algos.market.fit import check_fit

ALGORITHMS = tuple(
    map(
        parse_algorithm,
        (
            "twap:slice_interval_seconds=1800",
            "twap:slice_interval_seconds=5400",
            "vwap:slice_interval_seconds=1800,profile_days=1",
            "vwap:slice_interval_seconds=5400,profile_days=2",
            "pov:slice_interval_seconds=1800,rate=0.1",
            "arrival_price:slice_interval_seconds=3600",
            "dynamic_vwap:slice_interval_seconds=1800,profile_days=2,bin_minutes=60",
        ),
    )
)
RULES = tuple(Rules(residual=residual) for residual in ("cancel", "cancel", "force", "extend", "close_auction"))


@dataclass(frozen=True)
class Case:
    """A calendar, days of it, and windows ``(start, until)`` on its own clock: some meet a pause, a night or a clock change."""

    calendar: str
    first: str
    last: str
    windows: tuple

    @property
    def hours(self):
        whole = sessions(self.calendar, *(pd.Timestamp(day).value for day in (self.first, self.last)))
        return whole.take((whole.date >= np.datetime64(self.first)) & (whole.date <= np.datetime64(self.last)))

    def stamp(self, text):
        return text if text is None or len(text) < 6 else pd.Timestamp(text, tz=self.hours.zone).value


LUNCH = ((None, None), ("11:00", "13:30"), ("10:00", "12:00"), ("11:45", "14:00"), (None, "12:30"), ("13:00", None))
CASES = {
    "Tokyo's lunch": Case("XTKS", "2024-03-04", "2024-03-07", (*LUNCH, ("2024-03-06 14:00", "2024-03-07 10:00"))),
    "a half day of Hong Kong": Case("XHKG", "2024-02-07", "2024-02-14", (*LUNCH, ("2024-02-08 15:00", "2024-02-14 14:00"))),
    "nights of Chicago and its clock change": Case(
        "CMES", "2024-03-06", "2024-03-12",
        (
            (None, None), ("08:30", "15:00"), ("18:00", "02:00"), ("22:00", "02:30"), (None, "08:30"),
            ("2024-03-08 10:00", "2024-03-11 03:00"),
        ),
    ),
    "a market without a close": Case(
        "24/7", "2024-03-08", "2024-03-11", ((None, None), ("23:00", "01:00"), (None, "06:00"), ("2024-03-09 12:00", "2024-03-10 18:00"))
    ),
    "extended hours and several sessions of New York": Case(
        "XNYS", "2024-03-06", "2024-03-12",
        ((None, None), ("2024-03-07 15:00", "2024-03-08 10:30"), ("2024-03-07 12:00", "2024-03-11 12:00"), (None, "2024-03-12 11:00")),
    ),
}  # fmt: skip


@cache
def instants_of(name):
    """When each bar starts, also at lunch and before the open and behind the close as feeds have them, and when those of trading do."""
    hours = CASES[name].hours
    early, late = (11, 8) if CASES[name].calendar == "XNYS" else (0, 0)
    days = zip((hours.open - early * STEP).tolist(), (hours.close + late * STEP).tolist(), strict=True)
    every = np.array([start for opens, closes in days for start in range(opens, closes, STEP)])
    return every.tolist(), every[hours.locate(every) >= 0].tolist()


@st.composite
def markets_of(draw, name):
    seed, missing = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0.0, 0.2]))
    every, _ = instants_of(name)
    table = {symbol: rows_of(np.random.default_rng([seed, *symbol.encode()]), every, missing, 0.1, False) for symbol in "AB"}
    bars = bars_of(table, zone=CASES[name].hours.zone)
    try:
        check_fit(bars, CASES[name].hours)
    except UsageError:  # bars of lunch and few others contradict the calendar, which is said
        reject()
    return bars


@st.composite
def plans_of(draw, name):
    case, (_, inside) = CASES[name], instants_of(name)
    start, until = draw(st.sampled_from(case.windows))
    size = draw(st.sampled_from([37, 400, 20_000])) * draw(st.sampled_from([1, -1]))
    return Plan(
        draw(st.sampled_from(inside[: -1])) + STEP, draw(st.sampled_from("AB")), size, draw(st.sampled_from(ALGORITHMS)),
        start=case.stamp(start), until=case.stamp(until), rules=draw(st.sampled_from(RULES)),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@given(data=st.data(), model=fill_models)
@settings(deadline=None, max_examples=12)
def test_fills_over_pauses_nights_and_sessions_are_those_of_our_engine(name, data, model):
    bars = data.draw(markets_of(name))
    assert_agree(bars, data.draw(st.lists(plans_of(name), min_size=1, max_size=3)), model, calendar=CASES[name].calendar)


def night_market():
    """New York with extended hours, every half hour alike: 20.00, 1,000 shares, outside the session ten times as many."""
    every, inside = instants_of("extended hours and several sessions of New York")
    trading = set(inside)
    return bars_of({"A": [(t, 20.0, 20.0, 20.0, 20.0, 1000.0 if t in trading else 10_000.0, math.nan) for t in every]})


def filled_over_a_night(algorithm, model):
    case = CASES["extended hours and several sessions of New York"]
    start, until = case.stamp("2024-03-07 15:00"), case.stamp("2024-03-08 10:30")
    plan = Plan(case.stamp("2024-03-07 12:00"), "A", 20_000, parse_algorithm(algorithm), start=start, until=until)
    fills = assert_agree(night_market(), [plan], model)
    return [(pd.Timestamp(row[2], tz="UTC").tz_convert(case.hours.zone).strftime("%d %H:%M"), row[3]) for row in fills]


def test_a_child_that_rests_over_a_night_meets_none_of_its_bars():
    found = filled_over_a_night("twap:slice_interval_seconds=1800", FillModel(max_participation=0.1))
    assert found == [("07 15:00", 100), ("07 15:30", 100), ("08 09:30", 100), ("08 10:00", 100)]


def test_pov_does_not_count_the_volume_of_the_night():
    found = filled_over_a_night("pov:slice_interval_seconds=1800,rate=0.5", FillModel())
    assert found == [("07 15:30", 1000), ("08 09:30", 1000), ("08 10:00", 1000)]
