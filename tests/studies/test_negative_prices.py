"""Prices at or below zero: bars are read and kept, orders have slippage in currency, and none in basis points."""

import numpy as np
import pandas as pd
import pytest

from exec_algos.errors import UsageError
from exec_algos.market.bars import Bars
from exec_algos.market.csvformat import CsvFormat
from exec_algos.market.frames import Request
from exec_algos.market.read import load
from exec_algos.market.store import BarStore
from exec_algos.stats.estimable import Estimable
from exec_algos.studies.request import StudyRequest
from exec_algos.tca.benchmarks import NOT_ABOVE_ZERO, slippage, slippage_bps

TOLD = {"zone": "America/New_York", "label": "start"}
ALLOWED = CsvFormat(allow_negative=True)


def oil(folder):
    """Seven days of thirty minutes: the price falls by a dollar a minute on the last one, from 10."""
    parts = []
    for day in pd.date_range("2020-04-14", periods=7):
        times = pd.date_range(f"{day.date()} 14:00", periods=30, freq="1min")
        price = 20.0 + np.arange(30) % 3 if day.day < 20 else 10.0 - np.arange(30)
        parts.append(pd.DataFrame({"open": price, "high": price, "low": price, "close": price, "volume": 100}, index=times))
    pd.concat(parts).rename_axis("timestamp").to_csv(folder / "CL.csv")
    return folder / "CL.csv"


def test_a_study_says_n_a_for_basis_points_and_keeps_the_currency(tmp_path):
    bars = Bars.read(oil(tmp_path), **TOLD, csv=ALLOWED)
    (line,) = bars.notes
    assert line.startswith("CL: 20 bars have prices at or below zero: orders there have no slippage in basis points (n/a)")
    result = StudyRequest(algorithms="twap", size="30", profile_days=2).study(bars).run()
    last = result.parents.iloc[-1]
    # a share a minute at 10, 9 ... -19: -4.5 on average; the arrival price is the close before, the open of the first bar
    assert last["average_price"] == pytest.approx(-4.5)
    assert np.isnan(last[["slippage_arrival_bps", "slippage_vwap_bps"]].to_numpy(dtype=float)).all()
    assert last["not_estimable"] == NOT_ABOVE_ZERO
    assert np.isfinite(result.parents["slippage_arrival_bps"].iloc[:-1]).all()
    assert result.config["read_as"] == [line]
    short = result.analysis().order_shortfall().iloc[-1]
    assert short["total"] == pytest.approx(30 * (-4.5 - last["arrival_price"]))


def test_a_store_keeps_them_where_that_is_said(tmp_path):
    bars = Bars.read(oil(tmp_path), **TOLD, csv=ALLOWED)
    store = BarStore(tmp_path / "store")
    with pytest.raises(UsageError, match="row 191 of the bars cannot be true"):
        store.write(bars)
    store.write(bars, allow_negative=True)
    again = load(tmp_path / "store", Request()).bars
    assert again.low.tolist() == bars.low.tolist()
    assert again.notes == bars.notes


def test_no_basis_points_of_a_price_at_or_below_zero():
    assert np.isnan(slippage_bps(1, np.array([-37.0, 1.0, 0.0, 1.0]), np.array([-38.0, -1.0, 5.0, 0.0]))).all()
    found = slippage(np.array([1, 1]), Estimable.of(np.array([11.0, -1.0])), Estimable.of(np.array([10.0, 10.0])))
    assert found.values[0] == pytest.approx(1000)
    assert found.reason.tolist() == ["", NOT_ABOVE_ZERO]
    ratio = Estimable.of(np.array([1.0, 1.0])).bps_of(Estimable.of(np.array([-2.0, 2.0])))
    assert ratio.reason.tolist() == ["what it is a part of is below zero", ""]
