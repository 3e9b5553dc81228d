"""Why orders were not filled whole: the shares by cause are the residual, and a market made for one cause names it."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, bars_of, grid_of, market, study_of

from exec_algos import FillModel, ParentOrders, Rules, SlippageStudy
from exec_algos.tca.residuals import CAUSES, residual_line

DAY = DAYS[1]
NAN = math.nan


def bars(change=None):
    """Two days of half hours, 100 shares each at 10.00; `change` maps numbers of half hours of the second day to rows, or to None."""
    rows = []
    for day in DAYS[:2]:
        for n, start in enumerate(grid_of(day)):
            row = (10.0, 10.0, 10.0, 10.0, 100.0)
            if day == DAY:
                row = (change or {}).get(n, row)
            if row is not None:
                rows.append((start, *row, NAN))
    return bars_of({"A": rows})


SILENT = (10.0, 10.0, 10.0, 10.0, 0.0)
DEAR = (11.0, 11.0, 11.0, 11.0, 100.0)


def residuals(change=None, *, size="130", cap=0.1, name="twap", rules=None, **window):
    held = bars(change)
    orders = ParentOrders.grid(held, calendar="XNYS", size=size, profile_days=1, sessions=(DAY, DAY), **window)
    result = SlippageStudy(held, orders, [name], FillModel(max_participation=cap), rules or Rules()).run()
    [row] = result.residuals().reset_index().to_dict("records")
    return {name: row[name] for name in CAUSES if row[name]}, row["residual"], result


@pytest.mark.parametrize(
    ("change", "options", "expected"),
    [
        ({}, {}, {}),  # 10 of 100 shares in each of 13 half hours
        ({}, {"size": "260"}, {"cap": 130.0}),
        (dict.fromkeys(range(13), SILENT), {}, {"no volume": 130.0}),
        ({11: SILENT, 12: SILENT}, {"cap": 0.2}, {"no volume": 20.0}),
        ({11: None, 12: None}, {"cap": None}, {"halt": 20.0}),
        ({12: None}, {"cap": None}, {"halt": 10.0}),
        ({11: SILENT, 12: None}, {"cap": None}, {"no volume": 10.0, "halt": 10.0}),
        (dict.fromkeys(range(10, 13), DEAR), {"cap": None, "rules": Rules(limit_price=10.5)}, {"limit price": 30.0}),
        ({}, {"name": "pov:rate=0.05", "cap": None}, {"end of window": 67.0}),  # 1,200 x 0.05 / 0.95 = 63.2
    ],
)
def test_each_cause_is_named(change, options, expected):
    found, residual, _ = residuals(change, **options)
    assert found == pytest.approx(expected)
    assert sum(found.values()) == pytest.approx(residual)


def test_a_cap_and_a_halt_share_what_is_left():
    """260 shares under a cap of 20: from the first half hour on every one is at its cap, and the last two are not there."""
    found, residual, _ = residuals({11: None, 12: None}, size="520", cap=0.2)
    assert residual == 520 - 11 * 20
    assert found == pytest.approx({"cap": residual * 11 / 13, "halt": residual * 2 / 13})


def test_a_bound_minute_that_was_made_up_for_is_no_cause():
    found, _, result = residuals({3: SILENT}, cap=0.2)
    assert found == {}
    assert result.parents["residual"].tolist() == [0]


def test_sells_have_a_limit_as_well():
    held = bars(dict.fromkeys(range(10, 13), (9.0, 9.0, 9.0, 9.0, 100.0)))
    orders = ParentOrders.grid(held, calendar="XNYS", sides=["sell"], size="130", profile_days=1, sessions=(DAY, DAY))
    result = SlippageStudy(held, orders, ["twap"], rules=Rules(limit_price=9.5)).run()
    assert result.residuals()["limit price"].tolist() == [30.0]


@given(
    st.integers(0, 10_000), st.sampled_from([0.0, 0.4]), st.sampled_from(["60", "80%adv"]), st.sampled_from([0.05, 0.5, None]),
    st.sampled_from(["twap", "pov:rate=0.3", "vwap:profile_days=1"]), st.sampled_from([1, 7]),
)  # fmt: skip
@settings(deadline=None, max_examples=20)
def test_the_shares_by_cause_are_the_residual_whatever_the_market(seed, missing, size, cap, name, lot):
    study = study_of(
        market(seed, missing=missing, silent=0.3), [name], FillModel(max_participation=cap), profile_days=1, size=size, lot_size=lot
    )
    result = study.run()
    table = result.residuals()
    assert (table[list(CAUSES)] >= 0).all().all()
    np.testing.assert_allclose(table[list(CAUSES)].sum(axis=1), table["residual"])
    whole = result.parents.groupby(["algorithm", "side"])["residual"].sum()
    np.testing.assert_allclose(table["residual"].sort_index(), whole.sort_index())
    if cap is None:
        assert not table["cap"].any()
    assert not table["limit price"].any()


def test_both_drivers_give_the_same_causes():
    study = study_of(market(3, missing=0.3, silent=0.3), ["twap"], FillModel(max_participation=0.1), profile_days=1, size="80%adv")
    pd.testing.assert_frame_equal(study.run().residuals(), study.run("engine").residuals())


def test_in_words():
    row = pd.Series({"quantity": 200.0, "residual": 50.0, **dict.fromkeys(CAUSES, 0.0), "cap": 30.0, "halt": 20.0})
    assert residual_line(row) == "25.0 % (cap 15.0 %, halt 10.0 %)"
    assert residual_line(row.replace(50.0, 0.0)) == ""
