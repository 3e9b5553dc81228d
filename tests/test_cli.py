"""The command line: what it prints, what it writes, and how it says no."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from markets import DAYS, market
from rich.console import Console
from typer.testing import CliRunner

from exec_algos.cli import app
from exec_algos.cli.show import group_table, print_table
from exec_algos.market.samples import sample_folder
from exec_algos.market.store import BarStore
from exec_algos.studies.request import StudyRequest
from exec_algos.tca.twins import SHOWN_ONCE

FILES = {
    "config.json", "fills.parquet", "parents.parquet", "report.html", "skipped.csv", "summary.csv",
    "comparison.csv", "findings.csv", "shortfall.csv", "benchmarks.csv", "markouts.csv", "time_of_day.csv", "whole.json",
    "oversize.csv", "residuals.csv", "extreme_bars.parquet",
}  # fmt: skip
PARENT_COLUMNS = {
    "parent_id", "symbol", "session", "side", "algorithm", "quantity", "filled", "residual", "average_price", "arrival_price",
    "interval_vwap", "session_vwap", "interval_twap", "slippage_vwap_bps", "slippage_arrival_bps", "slippage_twap_bps", "participation",
    "commission", "start", "end",
}  # fmt: skip


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of Parquet files, one a symbol, as a user has it."""
    home = tmp_path_factory.mktemp("bars")
    bars = market(3, ("AAA", "BBB"))
    for symbol in bars.symbols:
        bars.to_frame().loc[symbol].to_parquet(home / f"{symbol}.parquet")
    return home


@pytest.fixture(scope="module")
def study(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    words = ("--calendar", "XNYS", "--profile-days", 2, "--size", 100, "--interval", 1800, "--side", "buy,sell", "--spread-bps", 5)
    run = invoke("study", folder, *words, "--out", out)
    return run, out


@pytest.mark.slow
def test_a_study_prints_a_line_for_each_algorithm_and_side_and_says_where_the_rest_is(study):
    run, out = study
    assert (run.exit_code, run.stderr) == (0, "")
    lines = [line.split() for line in run.stdout.splitlines()]
    assert [line[:2] for line in lines if line[:1] in (["twap"], ["vwap"])] == [
        ["twap", "buy"],
        ["twap", "sell"],
        ["vwap", "buy"],
        ["vwap", "sell"],
    ]
    assert f"written: {out / 'report.html'}" in run.stdout
    assert "skipped: 4 symbol-sessions; 4 x the volume profile needs 2 earlier sessions with data, there are 0-1" in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("sides", "said"), [((), False), (("--side", "sell"), False), (("--side", "buy,sell"), True)])
def test_a_study_buys_unless_asked_and_sells_that_mirror_buys_are_printed_once(folder, tmp_path, sides, said):
    words = ("--calendar", "XNYS", "--profile-days", 2, "--size", 100, "--interval", 1800, "--out", tmp_path)
    run = invoke("study", folder, *words, *sides)
    assert (run.exit_code, run.stderr) == (0, "")
    shown = {line.split()[1] for line in run.stdout.splitlines() if line.split()[:1] in (["twap"], ["vwap"])}
    assert shown == ({"sell"} if "sell" in sides else {"buy"})
    assert (SHOWN_ONCE in run.stdout) is said
    assert run.stdout.count("on the same parent orders") == 1
    assert set(pd.read_parquet(tmp_path / "parents.parquet")["side"]) == ({"BUY", "SELL"} if said else {next(iter(shown)).upper()})


@pytest.mark.slow
def test_a_study_writes_tables_and_report(study):
    _, out = study
    assert {file.name for file in out.iterdir()} == FILES
    parents, fills = pd.read_parquet(out / "parents.parquet"), pd.read_parquet(out / "fills.parquet")
    assert set(parents.columns) >= PARENT_COLUMNS
    assert {"parent_id", "algorithm", "timestamp", "symbol", "side", "quantity", "price", "commission"} <= set(fills.columns)
    filled = fills.groupby(["parent_id", "algorithm"])["quantity"].sum()
    told = parents.set_index(["parent_id", "algorithm"])["filled"]
    pd.testing.assert_series_equal(filled, told[told > 0].sort_index(), check_names=False, check_dtype=False)
    assert json.loads((out / "config.json").read_text())["calendar"] == "XNYS"


@pytest.mark.slow
def test_json_is_all_that_json_prints(folder, tmp_path):
    words = ("--calendar", "XNYS", "--profile-days", 2, "--size", 100, "--interval", 1800, "--side", "buy,sell")
    run = invoke("study", folder, *words, "--out", tmp_path, "--json")
    told = json.loads(run.stdout)
    assert [(row["algorithm"].partition(":")[0], row["side"], row["n"]) for row in told["summary"]] == [
        ("twap", "BUY", 6), ("twap", "SELL", 6), ("vwap", "BUY", 6), ("vwap", "SELL", 6),
    ]  # fmt: skip
    assert told["unit"] == "bps, positive = cost"


@pytest.mark.slow
def test_both_drivers_write_the_same_bytes(folder, tmp_path):
    for driver in ("batch", "engine"):
        words = ("--calendar", "XNYS", "--profile-days", 2, "--size", 100, "--interval", 1800, "--driver", driver)
        assert invoke("study", folder, *words, "--out", tmp_path / driver).exit_code == 0
    for name in ("parents.parquet", "fills.parquet", "summary.csv"):
        assert (tmp_path / "batch" / name).read_bytes() == (tmp_path / "engine" / name).read_bytes()


@pytest.mark.slow
def test_spread_and_impact_are_paid_and_told(folder, tmp_path):
    words = ("--calendar", "XNYS", "--profile-days", 2, "--size", 100, "--interval", 1800, "--algo", "twap")
    runs = {"plain": (), "spread": ("--spread-bps", 10), "impact": ("--impact", 0.001)}
    for name, more in runs.items():
        assert invoke("study", folder, *words, *more, "--out", tmp_path / name).exit_code == 0
    plain, spread, impact = (pd.read_parquet(tmp_path / name / "fills.parquet") for name in runs)
    sign = plain["side"].map({"BUY": 1, "SELL": -1})
    assert (sign * (spread["price"] / plain["price"] - 1)).to_numpy() == pytest.approx(5e-4, rel=1e-6)
    assert (sign * (impact["price"] - plain["price"]) > 0).all()
    pages = {name: (tmp_path / name / "report.html").read_text() for name in runs}
    assert "10 bps, half of it paid by each market order" in pages["spread"]
    assert "10 bps x sqrt(child / volume of the bar)" in pages["impact"]
    assert "none: later prices and volumes are those of the past" in pages["plain"]


CAP = ("--max-participation", 0.1)
RULED = {
    "residual": (("--residual", "force"), CAP, "residual force", lambda ruled, plain: ruled["residual"].sum() < plain["residual"].sum()),
    "min child": (
        ("--min-child", 40), (), "children of at least 40 shares", lambda ruled, plain: ruled["children"].sum() < plain["children"].sum(),
    ),
    "max child": (
        ("--max-child", 10), (), "children of at most 10 shares",
        lambda ruled, plain: ruled["filled"].max() <= 13 * 10 < plain["filled"].max(),
    ),
    "style": (
        ("--style", "touch"), ("--driver", "engine", "--quote-proxy", "close"), "style touch",
        lambda ruled, plain: ruled["filled"].sum() < plain["filled"].sum(),
    ),
    "randomise": (
        ("--randomise", "size=0.4,seed=3"), ("--driver", "engine", "--interval", 3600), "randomised size=0.4,seed=3",
        lambda ruled, plain: (ruled["average_price"] != plain["average_price"]).any(),
    ),
    "interval": (
        ("--interval", 3600), (), "twap:slice_interval_seconds=3600", lambda ruled, plain: ruled["children"].max() == 7,
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("flag", "setting", "told", "heard"), RULED.values(), ids=RULED)
def test_every_rule_of_the_command_line_is_heard_and_told(folder, tmp_path, flag, setting, told, heard):
    words = ("--calendar", "XNYS", "--profile-days", 2, "--size", 300, "--algo", "twap", "--side", "buy", *setting)
    titles, tables = [], []
    for more in (flag, ()):
        run = invoke("study", folder, *words, *more, "--out", tmp_path)
        assert (run.exit_code, run.stderr) == (0, "")
        titles.append(next(line for line in run.stdout.splitlines() if "fills at" in line))
        tables.append(pd.read_parquet(tmp_path / "parents.parquet"))
    assert heard(*tables)
    assert [told in title for title in titles] == [True, False]


@pytest.mark.slow
def test_rules_stand_in_the_json(folder, tmp_path):
    words = ("--calendar", "XNYS", "--profile-days", 2, "--size", 100, "--algo", "twap", "--residual", "close_auction", "--max-child", 50)
    told = json.loads(invoke("study", folder, *words, "--out", tmp_path, "--json").stdout)
    asked = {"residual": "close_auction", "max_child": 50, "style": "market"}
    assert {name: value for name, value in told["rules"].items() if value is not None} == asked
    assert told["config"]["rules"] == told["rules"]


def days_of(**asked):
    algorithms = StudyRequest(algorithms="vwap,dynamic_vwap,vwap:profile_days=3", size="100", **asked).study(market(3)).algorithms
    return [one.profile_days for one in algorithms]


def test_days_of_the_command_line_stand_for_those_that_no_algorithms_text_names():
    assert days_of() == [5, 20, 3]  # each keeps its own
    assert days_of(profile_days=2) == [2, 2, 3]
    assert days_of(profile_days=5) == [5, 5, 3]  # asked for is asked for, even if it is a default


def test_an_interval_of_the_command_line_stands_for_those_that_no_algorithms_text_names():
    texts = "twap,pov:rate=0.2,twap:slice_interval_seconds=90"
    for interval, expected in ((None, [60, 60, 90]), (300.0, [300, 300, 90])):
        study = StudyRequest(algorithms=texts, size="100", interval=interval).study(market(3))
        assert [one.slice_interval_seconds for one in study.algorithms] == expected


REFUSED = {
    "unknown algorithm": (["--algo", "twep"], "unknown algorithm 'twep': did you mean twap"),
    "unknown parameter": (["--algo", "vwap:days=3"], "unknown parameter of vwap 'days': did you mean profile_days"),
    "size": (["--size", "5%advv"], "size must be like '5%adv'"),
    "window": (["--window", "16:00-09:30"], "window must begin before it ends"),
    "calendar": (["--calendar", "XNYZ"], "unknown calendar 'XNYZ': did you mean"),
    "another exchange": (["--calendar", "XKRX"], "no bar lies in the sessions of XKRX"),
    "cap": (["--max-participation", "10"], "max_participation is a fraction in (0, 1], got 10"),
    "price rule": (["--price", "mid"], "unknown price rule 'mid'"),
    "side": (["--side", "both"], "unknown side 'both'"),
    "driver": (["--driver", "gpu"], "unknown driver 'gpu'"),
    "days": (["--profile-days", "0"], "profile_days must be at least 1"),
    "history": (["--profile-days", "50"], "no parent order is left to study"),
    "latency": (["--latency", "-1"], "latency must be seconds >= 0"),
    "spread": (["--spread-bps", "-1"], "spread bps"),
    "impact": (["--impact", "10"], "impact coefficient"),
    "lot": (["--lot-size", "0"], "lot_size must be a positive number"),
    "policy": (["--residual", "extent"], "unknown residual policy 'extent': did you mean extend"),
    "smallest child": (["--min-child", "0"], "min_child must be positive and finite, got 0.0; leave it out for none"),
    "largest child": (["--max-child", "-5"], "max_child must be positive and finite, got -5.0"),
    "children": (["--min-child", "50", "--max-child", "20"], "min_child 50 is above max_child 20; lower the one or raise the other"),
    "child off the lot": (
        ["--lot-size", "10", "--size", "100", "--max-child", "15"],
        "max_child 15 is no multiple of lot_size 10; use 10 or 20",
    ),
    "interval": (["--interval", "0"], "slice_interval_seconds must be positive and finite, got 0.0"),
    "limit algorithm": (["--algo", "iceberg"], "works at a limit price and the order has none"),
}


@pytest.mark.parametrize(("words", "said"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_one_clear_line_and_exit_code_2(folder, tmp_path, words, said):
    run = invoke("study", folder, "--profile-days", 2, "--interval", 1800, "--out", tmp_path, *words)
    assert (run.exit_code, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert said in run.stderr


def test_a_broken_file_is_named(folder, tmp_path):
    broken = tmp_path / "AAA.parquet"
    broken.write_bytes((folder / "AAA.parquet").read_bytes()[:1000])
    run = invoke("study", broken, "--out", tmp_path / "out")
    assert (run.exit_code, run.stdout) == (2, "")
    assert str(broken) in run.stderr


@pytest.mark.slow
def test_the_demo_studies_the_sample_bars_of_both_exchanges(tmp_path):
    run = invoke("demo", "--out", tmp_path)
    assert run.exit_code == 0
    assert run.stdout.startswith("Sample bars: synthetic")
    assert {file.name for file in (tmp_path / "XNYS").iterdir()} == FILES == {file.name for file in (tmp_path / "XKRX").iterdir()}


@pytest.mark.slow
@pytest.mark.market_data
@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("us_yahoo_2026_03", ["--calendar", "XNYS", "--window", "09:30-16:00"]),
        ("krx_yahoo_5m", ["--calendar", "XKRX", "--size", "2%adv"]),
        ("raw/alphavantage/AAPL_1min.csv", ["--calendar", "XNYS", "--profile-days", "2"]),
        ("raw/yahoo/AAPL_1m.csv", ["--calendar", "XNYS"]),
        ("raw/backtrader/2006-01-02-volume-min-001.txt", ["--zone", "Europe/Berlin", "--symbol", "FESX"]),
        ("raw/polygon/SPY_1min_head.csv", ["--calendar", "XNYS"]),
        ("raw/binance/ALGOUSDT-1m-2025-02.csv", ["--calendar", "24/7", "--lot-size", "0.1"]),
    ],
)
def test_real_bars_are_studied_as_they_lie(market_data, tmp_path, where, words):
    run = invoke("study", market_data / where, *words, "--max-participation", 0.1, "--out", tmp_path)
    assert run.exit_code == 0, run.output
    assert run.stderr == "" or ("yahoo" in where and run.stderr.count("\n") == 1 and "stored as float32" in run.stderr)
    parents = pd.read_parquet(tmp_path / "parents.parquet")
    assert parents["slippage_vwap_bps"].notna().mean() > 0.9


def test_the_sample_folder_is_there_for_the_readme():
    assert sample_folder() == Path(__file__).parents[1] / "data"


@pytest.mark.slow
def test_a_study_in_shards_is_started_and_gone_on_with_from_the_command_line(folder, tmp_path):
    store, done = tmp_path / "store", tmp_path / "done"
    assert invoke("data", "import", folder, "--to", store).exit_code == 0
    words = ("--calendar", "XNYS", "--profile-days", 2, "--size", 100, "--algo", "twap")
    first = invoke("study", store, *words, "--resume", done, "--json")
    again = invoke("study", "--resume", done, "--json")
    assert (first.exit_code, again.exit_code) == (0, 0), first.output + again.output
    assert json.loads(first.stdout)["summary"] == json.loads(again.stdout)["summary"]


@pytest.mark.parametrize("words", [(), ("--cluster", "local:2"), ("--strict",)])
def test_what_needs_a_study_in_shards_says_so(words):
    ran = invoke("study", *words)
    assert ran.exit_code != 0
    assert "--resume DIR" in ran.output


DESK = """order_id,symbol,side,quantity,start,end,trader
1,AAA,buy,100,{day} 10:00,{day} 15:00,kim
2,BBB,sell,50,{day} 10:00,{day} 12:00,lee
3,AAA,buy,0,{day} 10:00,{day} 15:00,kim
3,AAA,sell,10,{day} 10:00,{day} 15:00,kim
""".replace("{day}", DAYS[2])


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "desk.csv").write_text(DESK)
    return tmp_path / "desk.csv"


def test_a_desks_own_orders_are_studied_and_those_refused_are_listed_with_exit_code_1(folder, desk, tmp_path):
    asked = ["--calendar", "XNYS", "--profile-days", 1, "--orders", desk, "--keep", "trader", "--by", "trader", "--out", tmp_path / "out"]
    run = invoke("study", folder, *asked)
    assert (run.exit_code, run.stderr) == (1, "")
    assert f"orders: 4 given, 2 worked, 2 refused; row by row in {tmp_path / 'out' / 'refused.csv'}, where row 1 is" in run.stdout
    assert "  1 x quantity must be a positive number of shares" in run.stdout
    parents = pd.read_parquet(tmp_path / "out" / "parents.parquet")
    assert parents.groupby("order_id")[["quantity", "trader"]].first().values.tolist() == [[100, "kim"], [50, "lee"]]
    listed = (tmp_path / "out" / "refused.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in listed] == [["row", "value"], ["3", "0"], ["4", "3"]]
    grouped = [line.split() for line in run.stdout.splitlines() if "kim" in line or " lee " in line]
    own = [("buy", "kim"), ("sell", "lee")]
    assert [tuple(line[:3]) for line in grouped] == [(name, *one) for name in ("twap", "vwap") for one in own]


def test_strict_stops_at_the_first_order_that_is_refused(folder, desk, tmp_path):
    run = invoke("study", folder, "--calendar", "XNYS", "--orders", desk, "--strict", "--out", tmp_path / "out")
    assert run.exit_code == 2
    assert f"{desk}, row 3: quantity must be a positive number of shares" in run.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "also",
    [
        "--size 100",
        "--size 5%adv",
        "--side buy",
        "--side sell",
        "--side buy,sell",
        "--window 10:00-11:00",
        "--symbols AAA",
        "--from 2024-01-01",
    ],
)
def test_orders_of_a_file_say_themselves_what_they_are(folder, desk, tmp_path, also):
    run = invoke("study", folder, "--calendar", "XNYS", "--orders", desk, "--out", tmp_path, *also.split())
    assert (run.exit_code, run.stdout) == (2, "")
    assert "says what it is; leave out" in run.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"symbol,side,quantity,start\n", "missing: end"),
        (b"", "the file is empty"),
        (b"\xff\xfe\x00", "no text in encoding utf-16"),
        (b"a\n1,2\n3,4,5\n", "line 2: the rows have more values than there are column names"),
    ],
    ids=["column", "empty", "no text", "ragged"],
)
def test_a_file_that_holds_no_orders_is_refused_in_one_line(folder, tmp_path, content, said):
    (tmp_path / "bad.csv").write_bytes(content)
    run = invoke("study", folder, "--calendar", "XNYS", "--orders", tmp_path / "bad.csv", "--out", tmp_path / "out")
    assert (run.exit_code, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert said in run.stderr


def test_orders_of_which_none_can_be_worked_are_listed_all_the_same(folder, tmp_path):
    (tmp_path / "bad.csv").write_text(DESK.replace("AAA", "A").replace("BBB", "B"))
    run = invoke("study", folder, "--calendar", "XNYS", "--orders", tmp_path / "bad.csv", "--out", tmp_path / "out")
    assert (run.exit_code, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert "bad.csv: none of 4 orders can be worked: 3 x the bars have no such symbol; 1 x row 3 has this" in run.stderr
    assert len((tmp_path / "out" / "refused.csv").read_text().splitlines()) == 5


def test_a_grid_leaves_no_list_of_an_earlier_studys_orders(folder, tmp_path):
    (tmp_path / "refused.csv").write_text("row,value,reason\n1,x,y\n")
    run = invoke("study", folder, "--calendar", "XNYS", "--profile-days", 1, "--size", 10, "--algo", "twap", "--out", tmp_path)
    assert run.exit_code == 0, run.stderr
    assert not (tmp_path / "refused.csv").exists()


def test_sizes_windows_symbols_and_days_are_those_asked_for(folder, tmp_path):
    run = invoke(
        "study", folder, "--calendar", "XNYS", "--profile-days", 1, "--size", "10,20", "--window", "09:30-11:00,11:00-13:00",
        "--side", "buy", "--symbols", "BBB", "--from", DAYS[2], "--to", DAYS[3], "--algo", "twap", "--out", tmp_path,
    )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    parents = pd.read_parquet(tmp_path / "parents.parquet")
    assert (set(parents["symbol"]), set(parents["session"].astype(str))) == ({"BBB"}, set(DAYS[2:4]))
    assert set(zip(parents["start"].dt.strftime("%H:%M"), parents["quantity"], strict=True)) <= {
        (t, q) for t in ("09:30", "11:00") for q in (10, 20)
    }
    assert {10, 20} == set(parents["quantity"])


def test_a_sample_by_strata_is_drawn_and_printed_by_stratum(folder, tmp_path):
    run = invoke(
        "study", folder, "--calendar", "XNYS", "--profile-days", 1, "--size", 10, "--strata", "liquidity,buckets=2,per_stratum=1,seed=3",
        "--by", "stratum", "--algo", "twap", "--side", "buy,sell", "--json", "--out", tmp_path,
    )  # fmt: skip
    said = json.loads(run.stdout)
    assert run.stderr == ""
    assert [one["drawn"] for one in said["config"]["strata"]] == [1, 1]
    assert [(one["side"], one["stratum"], one["n"]) for one in said["by"]] == [
        (side, f"liquidity {k}/2", 1) for side in ("BUY", "SELL") for k in (1, 2)
    ]


def test_groups_of_long_names_are_printed_whole_into_a_file(folder, tmp_path):
    run = invoke(
        "study", folder, "--calendar", "XNYS", "--profile-days", 1, "--size", 10, "--side", "buy", "--algo", "twap", "--out", tmp_path,
        "--strata", "liquidity,volatility,spread,buckets=1,fraction=1", "--by", "stratum,size,hour,month,symbol",
    )  # fmt: skip
    rows = [line for line in run.stdout.splitlines() if "liquidity 1/1, volatility 1/1, spread " in line]
    assert rows
    assert all(line.rstrip().endswith("%") for line in rows)


def test_sensitivity_says_whether_the_ranking_survives_other_fills(folder, tmp_path):
    words = ["study", folder, "--calendar", "XNYS", "--profile-days", 1, "--size", 10, "--side", "buy", "--sensitivity", "--out", tmp_path]
    run = invoke(*words)
    assert "buy: the ranking " in run.stdout
    said = json.loads(invoke(*words, "--json").stdout)["sensitivity"]["BUY"]
    assert list(said["means"]) == ["optimistic", "neutral", "pessimistic"]
    assert all(said["means"]["pessimistic"][name] > said["means"]["neutral"][name] for name in said["means"]["neutral"])
    assert "; in 1 of 1 pair it may be chance under at least one model" in run.stdout
    assert said["survives"] == (len({tuple(one) for one in said["ranking"].values()}) == 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--strata", "liquidity=x,fraction=1"], "edge of liquidity must be a number, got 'x'"),
        (["--strata", "liquidity,seed=1,seed=2"], "say something twice"),
        (["--strata", "liquidity,per_stratum=1.5"], "per_stratum must be a whole number"),
        (["--strata", "liquidity=1e6,buckets=2,fraction=1"], "leave out buckets"),
        (["--by", "side,traider"], "unknown --by 'traider'"),
        (["--from", "2031-01-01"], "none of the days asked for is one"),
        (["--strata", "luck,fraction=1"], "unknown trait of strata 'luck'"),
        (["--keep", "trader"], "give orders too"),
        (["--orders", "nowhere.csv"], "nowhere.csv: "),
        (["--strict"], "--strict that or --orders"),
        (["--symbols", "ZZZ"], "unknown symbol 'ZZZ'"),
        (["--from", "yesterday"], "sessions must be two days"),
    ],
    ids=lambda one: one[-1] if isinstance(one, list) else "",
)
def test_what_cannot_be_chosen_is_refused_in_one_line(folder, tmp_path, words, said):
    run = invoke("study", folder, "--calendar", "XNYS", "--out", tmp_path, *words)
    assert (run.exit_code, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert said in run.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--zone", "Mars"], "unknown zone 'Mars'"),
        (["--orders", ""], "orders names no file"),
        (["--resume", " "], "--resume names no folder"),
        (["--out", __file__], "is a file, no folder; name another folder"),
        (["--out", f"{__file__}/below"], "is a file, no folder; name another folder"),
    ],
)
def test_what_would_fail_at_the_end_is_refused_at_the_start(folder, words, said):
    run = invoke("study", folder, "--calendar", "XNYS", *words)
    assert (run.exit_code, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert said in run.stderr


def test_a_store_is_read_by_itself_and_as_it_stands(folder, tmp_path):
    (tmp_path / "empty" / "symbol=A").mkdir(parents=True)
    BarStore(tmp_path / "store").write(market(3, ("AAA",)))
    for words, said in (
        ([tmp_path / "store", folder], "is a bar store, which is read by itself, got 2 sources"),
        ([tmp_path / "store", "--format", "csv", "--on-bad", "drop"], "leave out format, on_bad"),
        ([tmp_path / "empty"], "the store holds nothing: exec-algos data import FILES --to STORE"),
    ):
        run = invoke("study", *words, "--calendar", "XNYS", "--out", tmp_path / "out")
        assert (run.exit_code, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
        assert said in run.stderr
        assert "study the rest" not in run.stderr


def test_a_narrow_terminal_cuts_no_name_and_no_number():
    frame = pd.DataFrame(
        {"n": [3.0], "mean": [-1234.5], "low": [-2000.0], "high": [-469.0], "fill_rate": [1.0]},
        index=pd.MultiIndex.from_tuples([("twap", "BUY", "AAA")], names=["algorithm", "side", "symbol"]),
    )
    console = Console(width=20, file=io.StringIO())
    print_table(console, group_table(frame, {"twap": "twap"}))
    row = [line for line in console.file.getvalue().splitlines() if "twap" in line]
    assert [line.split() for line in row] == [["twap", "buy", "AAA", "3", "-1234.50", "[-2000.00,", "-469.00]", "100.0%"]]


def test_brackets_in_a_desks_own_words_are_printed_as_they_stand(folder, tmp_path):
    times = f"{DAYS[2]} 10:00,{DAYS[2]} 13:00"
    (tmp_path / "desk.csv").write_text(f"symbol,side,quantity,start,end,trader\nAAA,buy,10,{times},[/]\nBBB,buy,10,{times},[red]kim\n")
    run = invoke(
        "study", folder, "--calendar", "XNYS", "--orders", tmp_path / "desk.csv", "--keep", "trader", "--by", "trader", "--algo", "twap",
        "--out", tmp_path / "out[1]",
    )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    assert {"[/]", "[red]kim"} <= {word for line in run.stdout.splitlines() for word in line.split()}
    assert f"written: {tmp_path / 'out[1]' / 'report.html'}" in run.stdout


def test_a_column_of_the_orders_that_was_not_kept_is_asked_for_by_name(folder, desk, tmp_path):
    run = invoke("study", folder, "--calendar", "XNYS", "--orders", desk, "--by", "trader", "--out", tmp_path)
    assert (run.exit_code, run.stdout) == (2, "")
    assert "A column of the file of orders needs --keep trader too" in run.stderr


@pytest.mark.slow
def test_single_trades_are_kept_where_they_are_few_or_asked_for_and_else_added_up(folder, tmp_path, monkeypatch):
    words = ("study", folder, "--calendar", "XNYS", "--profile-days", 2, "--size", 100, "--interval", 1800, "--side", "buy,sell")
    words = (*words, "--out", tmp_path)
    of_sums = {"order_sums.parquet", "line_sums.parquet", "line_missing.parquet", "extreme_fills.parquet"}
    for bound, option, kept, said in (
        (5_000_000, None, True, ""),
        (100, None, False, "single trades were not kept, for there may be 264; --fills keeps them"),
        (100, "--fills", True, ""),
        (
            5_000_000,
            "--no-fills",
            False,
            "single trades were not kept; what the tables need of them was added up, and stands in the report",
        ),
        (5_000_000, None, True, ""),
    ):
        monkeypatch.setattr("exec_algos.studies.request.MOST_FILLS", bound)
        run = invoke(*words, *([] if option is None else [option]))
        assert (run.exit_code, "single trades" in run.stdout) == (0, not kept)
        assert said in run.stdout
        assert {file.name for file in tmp_path.iterdir()} == (FILES if kept else FILES | of_sums)
        assert (len(pd.read_parquet(tmp_path / "fills.parquet")) > 0) is kept
