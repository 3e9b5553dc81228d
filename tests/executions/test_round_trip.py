"""Orders and fills of a study, written to files and read back, are the study again."""

import pandas as pd
import pytest

from exec_algos import Commission, FillModel, ParentOrders, SlippageStudy
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.executions import OWN_FILLS, analyse
from exec_algos.market.samples import load_samples
from exec_algos.studies.saved import load_result

ORDER = ["parent_id", "symbol", "side", "quantity", "start", "end", "children"]


@pytest.fixture(scope="module")
def bars():
    return load_samples()["XNYS"].select(["SYNMID", "SYNGAP"])


def studied(bars, price):
    parents = ParentOrders.grid(bars, calendar="XNYS", sides=["buy", "sell"], size="20%adv", window=["09:30-10:00", "10:15-11:00"])
    costs = {"spread": FixedSpread(3.0), "impact": SquareRootImpact(0.001), "commission": Commission(0.0001, 0.001)}
    model = FillModel(price=price, max_participation=0.1, **costs)
    return SlippageStudy(bars, parents, ["twap"], model).run(), model


def written(result, folder, kind):
    orders = result.parents[ORDER].rename(columns={"parent_id": "order_id"})
    fills = result.fills.drop(columns="algorithm").rename(columns={"parent_id": "order_id", "timestamp": "time"})
    paths = [folder / f"{name}.{kind}" for name in ("orders", "fills")]
    for frame, path in zip((orders, fills), paths, strict=True):
        frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    return paths


@pytest.mark.parametrize(("price", "kind"), [("open", "csv"), ("open", "parquet"), ("vwap", "csv"), ("close", "parquet")])
def test_a_study_comes_back_to_the_last_digit(bars, tmp_path, price, kind):
    study, model = studied(bars, price)
    assert study.parents["residual"].sum() > 0
    assert study.parents["commission"].sum() > 0
    found = analyse(*written(study, tmp_path, kind), bars, calendar="XNYS", algorithms=["twap"], fill_model=model)
    own, simulated = (found.parents[found.parents["algorithm"] == name].reset_index(drop=True) for name in (OWN_FILLS, "twap"))
    assert not found.refused
    for rows in (own, simulated):
        pd.testing.assert_frame_equal(
            rows[study.parents.columns].drop(columns="algorithm"), study.parents.drop(columns="algorithm"), check_exact=True
        )
    for name in ("interval_vwap", "arrival", "interval_twap", "session_vwap"):
        mine, theirs = (result.summary(name, by=("algorithm", "side")) for result in (found, study))  # own fills have no twins
        pd.testing.assert_frame_equal(mine.loc[OWN_FILLS], theirs.loc["twap"], check_exact=True)
    mine, theirs = found.analysis(), study.analysis()
    for table in ("shortfall", "markouts", "time_of_day", "participation"):
        pd.testing.assert_frame_equal(getattr(mine, table)().loc[OWN_FILLS], getattr(theirs, table)().loc["twap"], check_exact=True)
        pd.testing.assert_frame_equal(getattr(mine, table)().loc["twap"], getattr(theirs, table)().loc["twap"], check_exact=True)


def test_the_result_is_saved_and_loaded_as_any_other(bars, tmp_path):
    study, model = studied(bars, "open")
    found = analyse(*written(study, tmp_path, "csv"), bars, calendar="XNYS", fill_model=model)
    loaded = load_result(found.save(tmp_path / "out"), bars)
    assert loaded.config["own_fills"] == found.config["own_fills"]
    assert loaded.summary().equals(found.summary())
    assert loaded.parents.equals(found.parents)
    assert loaded.analysis().shortfall().equals(found.analysis().shortfall())
