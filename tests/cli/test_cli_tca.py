"""`exec-algos tca`: own fills on the command line."""

import json
import re

import pandas as pd
import pytest
from small_markets import minute_bars
from typer.testing import CliRunner

from exec_algos.cli import app
from exec_algos.executions import OWN_FILLS
from exec_algos.market.store import BarStore
from exec_algos.studies.saved import load_result, rerun

DAY = "2024-01-02"
RISING = [(10 + 0.1 * k, 20.0, 5.0, 10 + 0.1 * k, 1000) for k in range(20)]
ORDERS = f"""order_id,symbol,side,quantity,start,end,trader
a,X,buy,100,{DAY} 09:32,{DAY} 09:36,kim
b,X,sell,100,{DAY} 09:34,{DAY} 09:38,lee
"""
FILLS = f"""order_id,quantity,price,time
a,30,10.2,{DAY} 09:32:10
a,50,10.4,{DAY} 09:34:59
b,100,10.5,{DAY} 09:35:00
"""


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    BarStore(folder).write(minute_bars(RISING, RISING, symbol="X"))
    return folder


@pytest.fixture
def files(tmp_path):
    for name, text in (("orders", ORDERS), ("fills", FILLS)):
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path / "fills.csv", tmp_path / "orders.csv"


def tca(files, store, *words):
    return invoke(
        "tca", files[0], store, "--orders", files[1], "--calendar", "XNYS", "--algo", "twap", "--out", files[0].parent / "out", *words
    )


def test_a_table_of_costs_is_printed_and_the_result_written(files, store):
    run = tca(files, store, "--keep", "trader", "--by", "trader")
    assert (run.exit_code, run.stderr) == (0, "")
    table = [line.split() for line in run.stdout.splitlines() if line.startswith(" own fills")][:2]
    rows = {tuple(line[:3]): line[3:] for line in table}
    # (30 x 10.2 + 50 x 10.4) / 80 is 10.325; bars of 11.275 ... by their typical price (20 + 5 + close) / 3
    average, vwap, arrival = 10.325, (4 * 25 + 10.2 + 10.3 + 10.4 + 10.5) / 12, 10.1
    assert rows["own", "fills", "buy"][:2] == ["1", f"{(average / vwap - 1) * 1e4:+.2f}"]
    assert f"{(average / arrival - 1) * 1e4:+.2f}" in rows["own", "fills", "buy"]
    assert rows["own", "fills", "buy"][-1] == "80.0%"
    assert "buy: own fills - twap on the same parent orders:" in run.stdout
    assert "note: a fill stamped where one bar ends and the next begins lies in the later one" in run.stdout
    out = files[0].parent / "out"
    assert run.stdout.endswith(f"written: {out / 'report.html'}\n")
    assert (out / "refused.csv").read_text() == "table,row,value,reason\n"
    loaded = load_result(out, minute_bars(RISING, RISING, symbol="X"))
    assert loaded.config["algorithms"] == [OWN_FILLS, "twap"]
    assert loaded.parents["trader"].tolist() == ["kim", "kim", "lee", "lee"]
    with pytest.raises(ValueError, match="own fills, which cannot be worked again"):
        rerun(out, minute_bars(RISING, RISING, symbol="X"))


def test_what_is_refused_is_listed_and_the_exit_code_is_1(files, store):
    files[0].write_text(FILLS.replace("b,100", "b,101"))
    run = tca(files, store)
    assert run.exit_code == 1
    assert "left out: 1 of 2 orders: 1 x more was filled than was ordered" in run.stdout
    listed = (files[0].parent / "out" / "refused.csv").read_text()
    assert listed == "table,row,value,reason\norders,2,101 of 100,more was filled than was ordered\n"


def test_where_no_order_is_left_the_rows_are_listed_all_the_same(files, store):
    files[0].write_text(FILLS.replace("10.", "90."))
    run = tca(files, store)
    assert run.exit_code == 2
    assert "no order is left: " in run.stderr
    assert len((files[0].parent / "out" / "refused.csv").read_text().splitlines()) == 1 + 3 + 2


def test_own_fills_alone_need_no_algorithm(files, store):
    run = invoke("tca", files[0], store, "--orders", files[1], "--calendar", "XNYS", "--algo", "none", "--out", files[0].parent / "out")
    assert run.exit_code == 0
    assert "twap" not in run.stdout
    assert pd.read_parquet(files[0].parent / "out" / "parents.parquet")["algorithm"].unique().tolist() == [OWN_FILLS]


def test_json_holds_it_all(files, store):
    run = tca(files, store, "--json")
    found = json.loads(run.stdout)
    assert {row["algorithm"] for row in found["summary"]} == {OWN_FILLS, "twap"}
    assert found["own_fills"]["counts"]["fills"] == 3
    assert found["refused"] == []


def test_without_orders_arrival_is_not_estimable(files, store):
    files[0].write_text("symbol,side,quantity,price,time\n" + f"X,buy,30,10.2,{DAY} 09:32:10\n")
    run = invoke("tca", files[0], store, "--calendar", "XNYS", "--algo", "twap", "--out", files[0].parent / "out")
    assert run.exit_code == 0
    assert "n/a" in next(line for line in run.stdout.splitlines() if line.startswith(" own fills"))
    assert "note: no file of orders: 1 parent orders were built" in run.stdout


GERMAN_ORDERS = ORDERS.replace(",", ";").replace("100", "100,000").replace(DAY, "02.01.2024").replace("quantity", "Stück")
GERMAN_FILLS = re.sub(r"10\.(\d)", r"10,\g<1>00", FILLS.replace(",", ";")).replace(DAY, "02.01.2024").replace("quantity", "Stück")
NAMED = ("--order-columns", "quantity=Stück", "--fill-columns", "quantity=Stück", "--sides", "01=buy,02=sell")
EACH = {"decimal": ",", "date-format": "day-first", "encoding": "cp1252"}


@pytest.mark.parametrize("own", [True, False])
def test_options_say_how_both_files_are_written_or_those_of_text_hold_for_both(files, store, own):
    files[0].write_bytes(GERMAN_FILLS.encode("cp1252"))
    files[1].write_bytes(GERMAN_ORDERS.replace("buy", "01").replace("sell", "02").encode("cp1252"))
    kinds = ("--order-", "--fill-") if own else ("--",)
    words = [word for kind in kinds for name, value in EACH.items() for word in (f"{kind}{name}", value)]
    for left in range(0, len(words), 2) if own else ():
        assert tca(files, store, *NAMED, *words[:left], *words[left + 2 :]).exit_code == 2, words[left]
    run = tca(files, store, *NAMED, *words, "--json")
    assert run.exit_code == 0
    assert json.loads(run.stdout)["own_fills"]["counts"]["fills"] == 3


def test_stamps_at_the_end_go_with_a_price_rule_that_stamps_so(files, store):
    assert tca(files, store, "--stamped", "end", "--price", "open").exit_code == 2
    run = tca(files, store, "--stamped", "end", "--price", "close", "--json")
    assert json.loads(run.stdout)["own_fills"]["stamped"] == "end"


def test_fees_and_taxes_are_read_as_it_is_said(files, store):
    lines = FILLS.splitlines()
    files[0].write_text("\n".join([lines[0] + ",commission,taxes", *(line + ",-3,-1" for line in lines[1:])]) + "\n")
    assert tca(files, store).exit_code == 2
    assert tca(files, store, "--fees", "negative", "--taxes-in-commission").exit_code == 0
    fills = pd.read_parquet(files[0].parent / "out" / "fills.parquet")
    assert fills[fills["algorithm"] == OWN_FILLS]["commission"].unique().tolist() == [3.0]


def test_what_costs_cannot_be_looked_at_by_is_refused_before_the_work(files, store):
    run = tca(files, store, "--keep", "trader", "--by", "traders")
    assert run.exit_code == 2
    assert "unknown --by 'traders': did you mean trader" in run.stderr
    assert not (files[0].parent / "out").exists()


def test_options_of_orders_need_orders(files, store):
    run = invoke("tca", files[0], store, "--order-columns", "start=Beginn")
    assert run.exit_code == 2
    assert "--order-columns" in run.stderr


def test_the_currency_of_a_symbol_that_is_not_there_is_refused_before_the_work(files, store):
    run = tca(files, store, "--currency", "Y=EUR,USD")
    assert run.exit_code == 2
    assert "unknown symbol of the currency 'Y'" in run.stderr
    assert not (files[0].parent / "out").exists()


@pytest.mark.parametrize("none", [False, True])
def test_orders_that_no_algorithm_can_work_keep_their_own_fills_tables_and_page(files, store, none):
    # no whole bar in the first order: of its side there is nothing to compare
    orders = [f"a,X,buy,80,{DAY} 09:32:05,{DAY} 09:32:50", f"b,X,sell,100,{DAY} 09:34,{DAY} 09:38"]
    fills = [f"a,80,10.2,{DAY} 09:32:10", f"b,100,10.5,{DAY} 09:35:00"]
    for file, head, rows in (
        (files[1], "order_id,symbol,side,quantity,start,end", orders),
        (files[0], "order_id,quantity,price,time", fills),
    ):
        file.write_text("\n".join([head, *(rows[:1] if none else rows)]))
    run = tca(files, store)
    assert (run.exit_code, run.stderr) == (0, "")
    out = files[0].parent / "out"
    page = (out / "report.html").read_text(encoding="utf-8")
    assert ("TWAP worked none of the orders" if none else "on the 1 order that both have") in page
    assert ("of them 0 worked by twap" if none else "of them 1 worked by twap") in page
    assert invoke("report", out).exit_code == 0
    assert (out / "report.html").read_text(encoding="utf-8") == page


def test_algorithms_that_pay_nothing_beside_fills_that_did_are_told(files, store):
    line = "the algorithms pay neither spread, impact nor fees here, and your fills paid them"
    assert line in tca(files, store).stdout
    assert line not in tca(files, store, "--preset", "us_equity").stdout


def test_one_of_a_thing_is_one(files, store):
    files[1].write_text("".join(ORDERS.splitlines(keepends=True)[:2]))
    files[0].write_text("".join(FILLS.splitlines(keepends=True)[:2]))
    assert tca(files, store).stdout.startswith(f"own fills: 1 order and 1 fill of 1 symbol, {DAY}\n")
