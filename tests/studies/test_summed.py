"""The analysis of a study that keeps no single fills: what they were added up to says what they would have said."""

import numpy as np
import pandas as pd
import pytest
from desk_executors import Late
from markets import market, study_of

from exec_algos import FillModel, ParentOrders, Rules, SlippageStudy
from exec_algos.costs import Commission, FixedSpread, SquareRootImpact, TransientImpact
from exec_algos.errors import UsageError
from exec_algos.reports import write_report
from exec_algos.stats.cluster_sums import ClusterSums
from exec_algos.stats.statistics import clustered_mean
from exec_algos.studies.folder import WHOLE
from exec_algos.studies.run.pieces import pieces_of
from exec_algos.studies.saved import load_result, rerun
from exec_algos.studies.summed import SummedAnalysis

SPREAD = FillModel(spread=FixedSpread(8.0), impact=TransientImpact(0.02, half_life_seconds=1800.0), max_participation=0.2)
FEES = FillModel(price="close", commission=Commission(0.001, minimum=1.0), impact=SquareRootImpact(0.01), latency=60.0)
BARS = market(7, ("A", "B", "C"), silent=0.2)
GRID = {"profile_days": 1, "size": ["20%adv", 40], "sides": ("BUY", "SELL")}
NAMES = ["twap", "pov:rate=0.2", "vwap:profile_days=1"]
LIMITED = Rules(limit_price=22.0, residual="extend")

STUDIES = {
    "spread and impact": lambda: study_of(BARS, NAMES, SPREAD, **GRID),
    "fees at the close": lambda: study_of(BARS, NAMES, FEES, **GRID, lot_size=5),
    "worst": lambda: study_of(BARS, NAMES, FillModel(price="worst", max_participation=0.05), **GRID),
    "limit price": lambda: SlippageStudy(BARS, ParentOrders.grid(BARS, calendar="XNYS", **GRID), NAMES, SPREAD, LIMITED),
    "one's own executor": lambda: study_of(BARS, ["twap", Late(haste=3)], SPREAD, **GRID),
    "days of the bars": lambda: study_of(BARS, ["twap"], SPREAD, calendar=None, **GRID, window="10:00-12:00"),
    "nothing fills": lambda: SlippageStudy(
        BARS, ParentOrders.grid(BARS, calendar="XNYS", **GRID), ["twap"], FillModel(), Rules(limit_price=0.5)
    ),
}
DRIVERS = [*((kind, "batch") for kind in STUDIES), ("spread and impact", "engine"), ("limit price", "engine")]


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    """Orders come in pieces of several symbols, of one, and of some of one symbol's orders."""
    monkeypatch.setattr(pieces_of, "__defaults__", (150,))


def same(found, kept):
    """To 1e-12, the rounding of sums."""
    pd.testing.assert_frame_equal(found, kept, rtol=1e-12, atol=1e-12, check_dtype=len(kept) > 0 and not kept["n"].eq(0).all())


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "driver"), DRIVERS)
def test_what_fills_are_added_up_to_gives_the_tables_of_the_fills(kind, driver):
    study = STUDIES[kind]()
    kept, bare = study.run(driver), study.run(driver, fills=False)
    assert not len(bare.fills)
    whole, found = kept.analysis(), bare.analysis()
    assert isinstance(found, SummedAnalysis)
    for mark in ("session_close", "window_end"):
        pd.testing.assert_frame_equal(found.order_shortfall(mark), whole.order_shortfall(mark))
        pd.testing.assert_frame_equal(found.shortfall(mark), whole.shortfall(mark))
    pd.testing.assert_frame_equal(found.benchmarks(), whole.benchmarks())
    pd.testing.assert_frame_equal(found.slippage(rates=[0.3]), whole.slippage(rates=[0.3]))
    same(found.markouts(), whole.markouts())
    for minutes in (30, 60, 45):
        same(found.time_of_day(minutes), whole.time_of_day(minutes))
    assert found.power() == whole.power()
    pd.testing.assert_frame_equal(found.bootstrap(), whole.bootstrap())
    pd.testing.assert_frame_equal(found.advantage(), whole.advantage())
    pd.testing.assert_frame_equal(found.market_adjusted(), whole.market_adjusted())
    pd.testing.assert_frame_equal(bare.residuals(), kept.residuals())
    assert bare.oversize() == kept.oversize()
    pd.testing.assert_frame_equal(bare.parents, kept.parents)


@pytest.fixture(scope="module")
def bare():
    return STUDIES["spread and impact"]().run(fills=False)


@pytest.mark.slow
def test_participation_has_its_mean_and_largest_and_says_why_there_is_no_median(bare):
    whole, found = STUDIES["spread and impact"]().run().analysis().participation(), bare.analysis().participation()
    same(found[["mean", "largest"]].assign(n=1), whole[["mean", "largest"]].assign(n=1))
    assert found[["bars", "left_out"]].equals(whole[["bars", "left_out"]])
    assert found[["median", "p95"]].isna().all(axis=None)
    assert set(found["reason"]) == {"the median and the 95 % point need the single fills, which were not kept"}


@pytest.mark.slow
def test_what_needs_single_fills_is_refused_with_the_way_out(bare):
    found = bare.analysis()
    with pytest.raises(
        UsageError, match=r"mark-outs after 60min need the single fills, .* --fills keeps them; .* 1min, 5min, 15min, 30min"
    ):
        found.markouts([3_600_000_000_000])
    with pytest.raises(UsageError, match=r"minutes must be a multiple of 15, got 10"):
        found.time_of_day(10)
    with pytest.raises(UsageError, match="divides the 1440 minutes of a day, got 75"):
        found.time_of_day(75)
    with pytest.raises(UsageError, match="an index explains needs the single fills"):
        found.index_adjusted(BARS.select(["A"]))
    assert list(found.markouts([60_000_000_000]).loc["twap"].loc["BUY"].index) == ["1min", "close"]


@pytest.mark.slow
def test_the_sums_do_not_hang_on_how_the_orders_are_cut(bare, monkeypatch):
    monkeypatch.setattr(pieces_of, "__defaults__", (1,))  # each order by itself
    single = STUDIES["spread and impact"]().run(fills=False)
    assert single.sums.orders.equals(bare.sums.orders)
    same(single.analysis().markouts(), bare.analysis().markouts())


def test_pieces_hold_each_order_once_and_the_bars_of_its_symbol():
    orders = ParentOrders.grid(BARS, calendar="XNYS", **GRID)
    found = list(pieces_of(BARS, orders, 150))
    assert sorted(np.concatenate([piece.rows for piece in found]).tolist()) == list(range(len(orders)))
    assert len(found) > len(BARS.symbols)
    for piece in found:
        names = [orders.symbols[i] for i in orders.symbol[piece.rows]]
        assert [piece.bars.symbols[i] for i in piece.orders.symbol] == names
        for symbol in set(names):
            assert np.shares_memory(piece.bars.close, BARS.close)
            assert np.array_equal(piece.bars.close[piece.bars.rows(symbol)], BARS.close[BARS.rows(symbol)])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["spread and impact", "one's own executor", "nothing fills"])
def test_a_saved_study_without_fills_has_its_analysis_and_runs_again_to_the_same_bytes(tmp_path, kind):
    result = STUDIES[kind]().run(fills=False)
    result.save(tmp_path / "first")
    read = load_result(tmp_path / "first", BARS)
    for name in ("shortfall", "slippage", "markouts", "time_of_day", "participation"):
        pd.testing.assert_frame_equal(getattr(read.analysis(), name)(), getattr(result.analysis(), name)())
    assert read.oversize() == result.oversize()
    rerun(tmp_path / "first", BARS, allow_import=["desk_executors:Late"]).save(tmp_path / "second")
    files = sorted(file.name for file in (tmp_path / "first").iterdir() if file.is_file())
    assert {"order_sums.parquet", "line_sums.parquet", "line_missing.parquet"} <= set(files)
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name


@pytest.mark.slow
def test_sums_that_are_damaged_or_gone_or_left_behind_are_met(tmp_path, bare):
    bare.save(tmp_path)
    content = (tmp_path / "line_sums.parquet").read_bytes()
    (tmp_path / "line_sums.parquet").write_bytes(content[:-9] + b"x" + content[-8:])
    with pytest.raises(UsageError, match=r"damaged.*line_sums\.parquet differ"):
        load_result(tmp_path, BARS)
    (tmp_path / "line_sums.parquet").unlink()
    with pytest.raises(UsageError, match=r"damaged.*line_sums\.parquet differ"):
        load_result(tmp_path, BARS)
    STUDIES["spread and impact"]().run().save(tmp_path)  # with fills, over the other
    assert not (tmp_path / "order_sums.parquet").exists()
    assert load_result(tmp_path, BARS).sums is None


@pytest.mark.slow
def test_a_folder_of_an_earlier_version_without_fills_says_what_to_do(tmp_path, bare):
    bare.save(tmp_path)
    for name in ("order_sums", "line_sums", "line_missing"):
        (tmp_path / f"{name}.parquet").unlink()
    (tmp_path / WHOLE).unlink()
    read = load_result(tmp_path, BARS)
    assert not read.is_analysed()
    with pytest.raises(UsageError, match=r"were not kept; run\(fills=True\) or --fills keeps them"):
        read.analysis()
    with pytest.raises(UsageError, match="the sums of single trades are of 5 rows"):
        SummedAnalysis.of_sums(bare.parents.head(4), bare.fills, bare.bars, bare.config, _first(bare.sums, 5))


def _first(sums, n):
    return type(sums)(sums.orders.head(n), sums.lines, sums.missing)


@pytest.mark.slow
def test_the_report_of_a_study_without_fills_has_its_tables(tmp_path, bare):
    page = write_report(bare, tmp_path).read_text()
    for title in ("Implementation shortfall by its parts", "Mark-outs", "Slippage against every benchmark", "Fills by time"):
        assert title in page
    assert "Not in this report: the analysis" not in page


def test_means_of_cluster_sums_are_those_of_the_values():
    rng = np.random.default_rng(3)
    values, weights, days = rng.normal(5, 40, 500), rng.exponential(1e6, 500), rng.integers(0, 30, 500)
    values[::7] = np.nan
    found = ClusterSums.of(values[:200], weights[:200], days[:200], 31).plus(ClusterSums.of(values[200:], weights[200:], days[200:], 31))
    left = int(np.isnan(values).sum())
    for mean, kept in (
        (found.mean(left), clustered_mean(values, days)),
        (found.weighted_mean(left), clustered_mean(values, days, weights)),
    ):
        assert mean[:4] == pytest.approx(kept[:4], rel=1e-12)
        assert mean[4:] == kept[4:]


@pytest.mark.parametrize("days", [[], [4], [4, 4]])
def test_fewer_than_two_clusters_have_no_interval_and_the_same_reason(days):
    values = np.arange(float(len(days)))
    found, kept = ClusterSums.of(values, values + 1, np.array(days, dtype=np.int64), 5).mean(), clustered_mean(values, np.array(days))
    assert (found.reason, found.n, found.clusters) == (kept.reason, kept.n, kept.clusters)
    assert found.mean == pytest.approx(kept.mean, nan_ok=True)
    assert np.isnan([found.low, found.high, found.standard_error]).all()
