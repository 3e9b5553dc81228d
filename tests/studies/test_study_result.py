"""What a study leaves: frames whose columns add up, means that are pandas' means, files that can be read again."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from markets import market, study_of

from exec_algos import Commission, FillModel
from exec_algos.errors import UnknownNameError
from exec_algos.tca.names import BENCHMARKS

MODEL = FillModel(
    price="worst",  # so that buys and sells do not cancel
    max_participation=0.1,
    commission=Commission(rate=0.0002, minimum=0.5),
)
NAMES = ["twap", "vwap:profile_days=1"]


@pytest.fixture(scope="module")
def result():
    return study_of(
        market(31, ("A", "B", "C"), missing=0.1), NAMES, MODEL, profile_days=1, size="30%adv", lot_size=10, sides=("BUY", "SELL")
    ).run()


def test_there_is_a_row_for_each_order_and_algorithm_and_they_share_the_order(result):
    table = result.parents.pivot(index="parent_id", columns="algorithm", values="quantity")
    assert table.columns.tolist() == NAMES
    assert (table["twap"] == table["vwap:profile_days=1"]).all()
    assert table.index.tolist() == list(range(len(table)))


def test_filled_and_residual_are_what_was_ordered(result):
    parents = result.parents
    assert (parents["filled"] + parents["residual"] == parents["quantity"]).all()
    assert (parents["residual"] >= 0).all()
    assert (parents["residual"] > 0).any()
    assert parents["fill_rate"].tolist() == (parents["filled"] / parents["quantity"]).tolist()


def test_parents_are_the_sums_of_their_fills(result):
    parents = result.parents.set_index(["parent_id", "algorithm"])
    fills = result.fills.assign(value=result.fills["quantity"] * result.fills["price"]).groupby(["parent_id", "algorithm"])
    sums = fills[["quantity", "value", "commission"]].sum().reindex(parents.index, fill_value=0.0)
    np.testing.assert_array_equal(parents["filled"], sums["quantity"])
    np.testing.assert_allclose(parents["average_price"], sums["value"] / sums["quantity"], rtol=1e-14)
    np.testing.assert_allclose(parents["commission"], sums["commission"], rtol=1e-12)


def test_fills_are_in_time_order_within_their_order_and_inside_its_window(result):
    fills = result.fills.merge(result.parents[["parent_id", "algorithm", "start", "end"]], on=["parent_id", "algorithm"])
    assert fills.groupby(["parent_id", "algorithm"])["timestamp"].is_monotonic_increasing.all()
    assert ((fills["timestamp"] >= fills["start"]) & (fills["timestamp"] <= fills["end"])).all()
    assert (fills["quantity"] % 10 == 0).all()


@pytest.mark.parametrize(
    ("column", "benchmark"),
    [
        ("slippage_vwap_bps", "interval_vwap"),
        ("slippage_session_vwap_bps", "session_vwap"),
        ("slippage_arrival_bps", "arrival_price"),
        ("slippage_twap_bps", "interval_twap"),
    ],
)
def test_slippage_is_what_was_paid_over_the_benchmark_positive_for_a_cost(result, column, benchmark):
    parents = result.parents
    sign = np.where(parents["side"] == "BUY", 1, -1)
    np.testing.assert_allclose(parents[column], sign * (parents["average_price"] / parents[benchmark] - 1) * 1e4, rtol=1e-9, atol=1e-9)


def test_participation_is_what_was_filled_over_the_volume_of_the_window(result):
    bars = result.bars.to_frame()
    for one in result.parents.itertuples():
        mine = bars.loc[one.symbol]
        volume = mine[(mine.index >= one.start) & (mine.index < one.end)]["volume"].sum()
        assert one.participation == pytest.approx(one.filled / volume)
    assert result.parents["participation"].max() <= 0.1


def test_an_order_that_got_nothing_has_no_price_and_no_slippage():
    # the cap leaves no lot of 1000 in any bar
    empty = study_of(market(31), ["twap"], MODEL, profile_days=1, size="5000", lot_size=1000, sides=["BUY"]).run()
    assert (empty.parents["filled"] == 0).all()
    assert empty.parents[["average_price", "slippage_vwap_bps", "slippage_arrival_bps"]].isna().all().all()
    assert math.isnan(empty.estimate("twap").mean)
    assert empty.summary().loc["twap", ["n", "fill_rate", "days"]].tolist() == [0, 0, 0]


@pytest.mark.parametrize(("sides", "keys"), [(["BUY"], "algorithm"), (["BUY", "SELL"], ["algorithm", "side"])], ids=["buys", "twins"])
@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_summary_is_pandas(result, benchmark, sides, keys):
    column = BENCHMARKS[benchmark]
    result = replace(result, parents=result.parents[result.parents["side"].isin(sides)])
    table, rows = result.summary(benchmark), result.parents.groupby(keys)
    pd.testing.assert_series_equal(table["mean"], rows[column].mean(), check_names=False)
    pd.testing.assert_series_equal(table["median"], rows[column].median(), check_names=False)
    pd.testing.assert_series_equal(table["sd"], rows[column].std(), check_names=False)
    pd.testing.assert_series_equal(table["fill_rate"], rows["filled"].sum() / rows["quantity"].sum(), check_names=False)
    pd.testing.assert_series_equal(table["participation"], rows["participation"].mean(), check_names=False)
    assert table["n"].tolist() == rows[column].count().tolist()
    assert table["days"].tolist() == rows["session"].nunique().tolist()
    assert (table["low"] <= table["mean"]).all()
    assert (table["mean"] <= table["high"]).all()


def test_the_notional_mean_is_money_lost_over_money_traded(result):
    for side in ("BUY", "SELL"):
        rows = result.parents[(result.parents["algorithm"] == "twap") & (result.parents["side"] == side)]
        traded = rows["filled"] * rows["average_price"]
        expected = (traded * rows["slippage_vwap_bps"]).sum() / traded.sum()
        assert result.summary().loc[("twap", side), "notional_mean"] == pytest.approx(expected)
        alone = replace(result, parents=result.parents[result.parents["side"] == side])
        assert alone.estimate("twap", weighted=True).mean == pytest.approx(expected)


def test_summary_by_other_columns(result):
    table = result.summary(by=("algorithm", "side"))
    assert table.index.tolist() == [(name, side) for name in NAMES for side in ("BUY", "SELL")]
    assert table["n"].sum() == len(result.parents)


def test_algorithms_are_compared_on_the_same_orders(result):
    table = result.parents.pivot(index="parent_id", columns="algorithm", values="slippage_vwap_bps")
    difference = table["twap"] - table["vwap:profile_days=1"]
    for side in ("BUY", "SELL"):
        mine = difference[result.parents[result.parents["side"] == side]["parent_id"].unique()].mean()
        assert result.compare("twap", "vwap:profile_days=1", side=side).mean == pytest.approx(mine)
        alone = replace(result, parents=result.parents[result.parents["side"] == side])
        assert alone.compare("twap", "vwap:profile_days=1").mean == pytest.approx(mine, abs=1e-9)
        assert alone.compare("vwap:profile_days=1", "twap").mean == pytest.approx(-mine, abs=1e-9)


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: r.estimate("twapp"),
        lambda r: r.estimate("twap", "arival"),
        lambda r: r.summary("intervall_vwap"),
        lambda r: r.summary(by=("algoritm",)),
        lambda r: r.compare("twap", "vwap"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(result, ask):
    with pytest.raises(UnknownNameError, match="did you mean"):
        ask(result)


def test_a_saved_result_can_be_read_again(result, tmp_path):
    folder = result.save(tmp_path / "new" / "study")
    for name in ("parents", "fills"):
        frame = getattr(result, name)
        read = pd.read_parquet(folder / f"{name}.parquet").astype(frame.dtypes)  # Parquet has no dates in whole seconds
        pd.testing.assert_frame_equal(read, frame, check_exact=True)
    assert pd.read_csv(folder / "skipped.csv", dtype=str).values.tolist() == result.skipped.values.tolist()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config == json.loads(json.dumps(result.config, default=str))
    summary = pd.read_csv(folder / "summary.csv")
    assert set(summary["benchmark"]) == set(BENCHMARKS)


def test_the_configuration_names_everything_that_the_numbers_depend_on(result):
    config = result.config
    assert (config["calendar"], config["lot_size"], config["profile_days"], config["algorithms"]) == ("XNYS", 10, 1, NAMES)
    assert config["fill_model"]["commission"] == {"rate": 0.0002, "per_share": 0.0, "minimum": 0.5}
    assert config["fill_model"]["max_participation"] == 0.1
    assert {"python", "numpy", "pandas", "numba", "exec_algos"} <= set(config["versions"])
    assert config["parent_orders"] == result.parents["parent_id"].nunique()
    assert config["skipped"] == len(result.skipped)


def test_the_fingerprint_of_the_data_changes_with_one_cent():
    bars = market(31)
    close = bars.close.copy()
    close[5] += 0.01
    high = np.maximum(bars.high, close)
    prints = [
        study_of(one, ["twap"], profile_days=1).run().config["data_sha256"] for one in (bars, bars, replace(bars, close=close, high=high))
    ]
    assert prints[0] == prints[1] != prints[2]
