"""The table of parent orders says why a number is not there."""

import math

import numpy as np
import pandas as pd
import pytest

from exec_algos.tca.benchmarks import Benchmarks
from exec_algos.tca.table import COLUMNS, parent_table

NAMES = ("parent_id", "symbol", "session", "side", "algorithm", "quantity", "filled", "commission", "taxes", "children", "start", "end")


def table_of(filled, arrival, vwap, twap, volume, side=1):
    cells = (0, "X", "2024-01-02", side, "twap", 100, filled, 1.0, 0.5, 2, 0, 1)
    orders = {name: np.array([cell]) for name, cell in zip(NAMES, cells, strict=True)}
    columns = (np.array([number], dtype=np.float64) for number in (arrival, vwap, vwap, twap, volume))
    return parent_table(orders, np.array([filled * 11.0]), Benchmarks(*columns))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ((50, 10, 10, 10, 500), ""),
        ((0, 10, 10, 10, 500), "nothing was filled"),
        ((50, 10, math.nan, math.nan, 0), "no bars in the window"),
        ((50, 10, math.nan, 10, 0), "no volume in the window"),
        ((50, math.nan, 10, 10, 500), "no bar of the session had ended by the start, and none lies in the window"),
    ],
)
def test_a_row_with_a_number_missing_says_why_and_one_without_does_not(row, why):
    one = table_of(*row).iloc[0]
    assert one["not_estimable"] == why
    slippage = [one[name] for name in COLUMNS if name.startswith("slippage")]
    assert any(map(math.isnan, slippage)) == bool(why)


@pytest.mark.parametrize(("side", "sign"), [(1, 1), (-1, -1)])
def test_slippage_fill_rate_and_participation_on_paper(side, sign):
    one = table_of(50, 10, 8, 16, 500, side=side).iloc[0]
    assert (one["average_price"], one["residual"], one["fill_rate"], one["participation"]) == (11.0, 50, 0.5, 0.1)
    assert [one[f"slippage_{name}_bps"] for name in ("arrival", "vwap", "session_vwap", "twap")] == pytest.approx(
        [sign * 1000.0, sign * 3750.0, sign * 3750.0, sign * -3125.0]
    )


def test_columns_stand_in_their_order_and_tables_of_several_algorithms_keep_one_set_of_reasons():
    first, second = table_of(50, 10, 10, 10, 500), table_of(0, 10, 10, 10, 500)
    assert tuple(first.columns) == COLUMNS
    assert isinstance(pd.concat([first, second])["not_estimable"].dtype, pd.CategoricalDtype)
