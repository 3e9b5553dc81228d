"""A study whose bars are adjusted by splits: sizes, orders of a desk, shards, saved studies and the commands."""

import numpy as np
import pandas as pd
import pytest
from test_findings_of_a_study import BARS, DAYS, EX, bars_of
from typer.testing import CliRunner

from exec_algos import Bars, BarStore, ParentOrders, SlippageStudy
from exec_algos.cli import app
from exec_algos.errors import UsageError
from exec_algos.market.splits import Splits
from exec_algos.reports.words import assumptions
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.saved import load_result, rerun
from exec_algos.studies.shards.desk import DeskOrders
from exec_algos.studies.shards.study import ShardedStudy

TABLE = [("SPLIT", DAYS[EX], 10), ("ZZZ", DAYS[EX], 2)]
ALGORITHMS = ["twap", "vwap:profile_days=3"]
GRID = {"calendar": "XNYS", "sides": ["buy"], "profile_days": 4}


@pytest.fixture(scope="module")
def market():
    return Bars.concat([bars_of("CALM"), bars_of("SPLIT", 10)])


@pytest.fixture(scope="module")
def result(market):
    bars = market.adjusted(TABLE)
    return SlippageStudy(bars, ParentOrders.grid(bars, **GRID), ALGORITHMS).run()


def quantities(frame, symbol="SPLIT"):
    mine = frame[(frame["symbol"] == symbol) & (frame["algorithm"] == "twap")]
    return dict(zip(mine["session"].dt.strftime("%Y-%m-%d"), mine["quantity"], strict=True))


def test_sizes_and_adv_across_the_split_are_in_shares_of_the_day(market, result):
    raw = SlippageStudy(market, ParentOrders.grid(market, **GRID), ALGORITHMS).run()
    volumes = market.volume[market.rows("SPLIT")].reshape(len(DAYS), BARS).sum(axis=1)
    # 5 % of the mean of four sessions, each in shares of the ex-day
    plain = np.where(np.arange(len(DAYS)) < EX, 10, 1) * volumes
    assert quantities(result.parents)[DAYS[EX]] == int(0.05 * plain[EX - 4 : EX].mean())
    assert quantities(result.parents)[DAYS[EX + 1]] == int(0.05 * plain[EX - 3 : EX + 1].mean())
    assert quantities(raw.parents)[DAYS[EX]] == int(0.05 * volumes[EX - 4 : EX].mean())  # a tenth
    assert quantities(result.parents)[DAYS[EX + 4]] == quantities(raw.parents)[DAYS[EX + 4]]
    assert quantities(result.parents, "CALM") == quantities(raw.parents, "CALM")
    assert (len(result.findings), len(raw.findings)) == (0, 5)


def test_slippage_in_bps_does_not_depend_on_the_shares(market, result):
    """Ten times the shares at a tenth of the price, and no rounding in between: 1 % of each."""
    sizes = [SlippageStudy(bars, ParentOrders.grid(bars, **GRID | {"size": size}), ["twap"]).run() for bars, size in (
        (market, 1300), (market.adjusted(TABLE), 13_000))]  # fmt: skip
    before = [one.parents[(one.parents["symbol"] == "SPLIT") & (one.parents["session"] < DAYS[EX])] for one in sizes]
    assert before[0]["slippage_vwap_bps"].to_numpy() == pytest.approx(before[1]["slippage_vwap_bps"].to_numpy(), abs=1e-6)


def test_a_saved_study_names_its_splits_and_is_read_with_the_bars_as_they_were(market, result, tmp_path):
    folder = result.save(tmp_path / "kept")
    assert result.config["splits"] == [["SPLIT", DAYS[EX], 10.0, "both", 1]]
    pd.testing.assert_frame_equal(load_result(folder, market).parents, result.parents)
    pd.testing.assert_frame_equal(rerun(folder, market).parents, result.parents)
    pd.testing.assert_frame_equal(rerun(folder, market.adjusted(TABLE)).parents, result.parents)
    wanted = f"SPLIT {DAYS[EX]} 10:1: prices, volumes and sizes of orders before it are in shares after it"
    assert dict(assumptions(result))["splits"] == wanted


def test_shards_adjust_their_history_and_resume(market, result, tmp_path):
    BarStore(tmp_path / "store").write(market)
    study = ShardedStudy(store=str(tmp_path / "store"), parents=Grid(**GRID), algorithms=ALGORITHMS, splits=Splits.of(TABLE))
    made = study.run(tmp_path / "out")
    columns = ["symbol", "session", "algorithm", "quantity", "filled", "average_price", "slippage_vwap_bps", "adv"]
    key = ["symbol", "session", "algorithm"]
    got, wanted = (frame[columns].sort_values(key).reset_index(drop=True) for frame in (made.table(), result.parents))
    pd.testing.assert_frame_equal(got, wanted, check_dtype=False)
    assert (len(made.findings), made.config["splits"], made.config["splits_given"]) == (0, result.config["splits"], 2)
    again = ShardedStudy.of_folder(tmp_path / "out")
    assert again.splits.rows == study.splits.rows
    assert again.run(tmp_path / "out").made == 0
    with pytest.raises(UsageError, match="holds a study of other settings"):
        ShardedStudy(store=str(tmp_path / "store"), parents=Grid(**GRID), algorithms=ALGORITHMS).run(tmp_path / "out")


def test_shards_refuse_a_split_that_the_store_does_not_show(market, tmp_path):
    BarStore(tmp_path / "store").write(market)
    wrong = Splits.of([("CALM", DAYS[EX], 10)])
    study = ShardedStudy(store=str(tmp_path / "store"), parents=Grid(**GRID), algorithms=["twap"], splits=wrong)
    with pytest.raises(UsageError, match="row 1: CALM 2024-06-10 10:1, but prices do not step"):
        study.run(tmp_path / "out")


def orders_csv(path, *rows):
    path.write_text("symbol,side,quantity,start,end\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows))
    return path


DESK = [
    ("SPLIT", "buy", 60, f"{DAYS[EX - 1]} 10:00", f"{DAYS[EX - 1]} 12:00"),
    ("SPLIT", "buy", 60, f"{DAYS[EX]} 10:00", f"{DAYS[EX]} 12:00"),
    ("CALM", "buy", 60, f"{DAYS[EX - 1]} 10:00", f"{DAYS[EX - 1]} 12:00"),
]


def test_orders_of_a_desk_before_the_split_are_in_shares_after_it(market, tmp_path):
    path = orders_csv(tmp_path / "orders.csv", *DESK)
    bars = market.adjusted(TABLE)
    orders = ParentOrders.from_csv(path, bars, calendar="XNYS")
    wanted = {("CALM", EX - 1): 60, ("SPLIT", EX - 1): 600, ("SPLIT", EX): 60}
    days = orders.sessions.date.astype(str).tolist()
    assert {
        (orders.symbols[i], DAYS.index(days[k])): lots for i, k, lots in zip(orders.symbol, orders.session, orders.lots, strict=True)
    } == wanted
    BarStore(tmp_path / "store").write(market)
    desk = DeskOrders(source=path, calendar="XNYS")
    made = ShardedStudy(store=str(tmp_path / "store"), parents=desk, algorithms=["twap"], splits=Splits.of(TABLE)).run(tmp_path / "out")
    table = made.table()
    assert sorted(zip(table["symbol"], table["quantity"], strict=True)) == [("CALM", 60), ("SPLIT", 60), ("SPLIT", 600)]


def test_an_order_that_becomes_parts_of_a_share_is_refused(tmp_path):
    market = bars_of("SPLIT", 0.1)
    path = orders_csv(tmp_path / "orders.csv", *[row for row in DESK if row[0] == "SPLIT"], ("SPLIT", "buy", 65, *DESK[0][3:]))
    orders = ParentOrders.from_csv(path, market.adjusted([("SPLIT", DAYS[EX], "1:10")]), calendar="XNYS")
    assert orders.lots.tolist() == [6, 60]
    (refused,) = orders.refused
    assert (refused.row, refused.value) == (3, "65")
    assert refused.reason == "quantity in shares after the split (x 0.1) is not a multiple of lot_size 1"


def test_the_commands_take_a_file_of_splits(market, tmp_path):
    store, adjusted = tmp_path / "store", tmp_path / "adjusted"
    BarStore(store).write(market)
    (tmp_path / "splits.csv").write_text(f"date,symbol,ratio\n{DAYS[EX]},SPLIT,10:1\n{DAYS[EX]},ZZZ,2\n")
    told = ["--splits", str(tmp_path / "splits.csv")]
    check = CliRunner().invoke(app, ["data", "check", str(store), "--calendar", "XNYS", *told])
    assert (check.exit_code, CliRunner().invoke(app, ["data", "check", str(store)]).exit_code) == (0, 1)
    assert f"row 1: SPLIT: split SPLIT {DAYS[EX]} 10:1: prices and volumes before it are in shares after it" in check.stdout
    assert "row 2: ZZZ: 1 symbol that the bars lack: not used" in check.stdout
    for more in (["--out", str(tmp_path / "out"), "--no-fills"], ["--resume", str(tmp_path / "shards")]):
        run = CliRunner().invoke(app, ["study", str(store), "--calendar", "XNYS", *told, *more])
        (line,) = [line for line in run.stdout.splitlines() if line.startswith("splits: ")]
        assert line.startswith(f"splits: SPLIT {DAYS[EX]} 10:1: prices, volumes")
        assert "1 of 2 rows not used (ZZZ " in line
        assert " in row 2), of symbols that the bars lack" in line
        assert "data: " not in run.stdout
    frame = market.to_frame().reset_index()
    frame.to_parquet(tmp_path / "bars.parquet")
    done = CliRunner().invoke(app, ["data", "import", str(tmp_path / "bars.parquet"), "--label", "start", "--to", str(adjusted), *told])
    assert done.exit_code == 0
    assert BarStore(adjusted).read("SPLIT").volume.tolist() == market.adjusted(TABLE).select(["SPLIT"]).volume.tolist()
    twice = CliRunner().invoke(app, ["study", str(adjusted), "--calendar", "XNYS", *told])
    assert twice.exit_code == 2
    assert "prices do not step by the ratio" in twice.stderr
