"""Why two algorithms have no p-value, in the lines of the command."""

import math

import pytest
from markets import market, study_of

from exec_algos import FillModel
from exec_algos.cli.study import compared_lines
from exec_algos.tca.pairs import no_p

NAMES = {"twap": "twap", "vwap:profile_days=1": "vwap", "pov:rate=0.005": "pov"}
GRID = {"calendar": "XNYS", "size": "50000", "profile_days": 1, "sides": ("BUY",)}


def test_where_a_cap_binds_all_day_the_costs_are_the_same_and_it_is_said():
    bars = market(3, missing=0.0, silent=0.0)
    result = study_of(bars, list(NAMES), FillModel(max_participation=0.01), **GRID).run()
    first, second = compared_lines(result.comparison(), NAMES, "buy")
    assert (
        "+0.00 bps, 95 % interval [+0.00, +0.00], p not estimable (both cost the same in every order, to the digit, as where a cap" in first
    )
    assert "p not estimable (both cost" not in second


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"p": 0.2, "low": 0.0, "high": 0.0, "difference": 0.0}, ""),
        ({"p": math.nan, "low": math.nan, "high": math.nan, "difference": 1.0}, ""),
        ({"p": math.nan, "low": 1.5, "high": 1.5, "difference": 1.5}, " (the difference is the same on every day)"),
    ],
)
def test_elsewhere_nothing_or_something_else_is_said(row, said):
    assert no_p(row) == said
