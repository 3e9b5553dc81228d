"""A desk's own orders in shards: the same rows, fills and refusals as in one piece, and a changed order works its own shard only."""

import hashlib
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, content_of, market, ns

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.errors import UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies.shards.desk import DeskOrders
from exec_algos.studies.shards.study import ShardedStudy

BARS = market(21, ("A", "B"), missing=0.1, silent=0.0)  # of a November and a December
NAMES = ("twap", "vwap:profile_days=1")
HEAD = "order_id,Symbol,side,quantity,start,end,trader\n"
LINES = (
    f"1,A,buy,120,{DAYS[1]} 10:00,{DAYS[1]} 12:00,kim\n",
    f"2,B,sell,70,{DAYS[1]} 09:30,{DAYS[1]} 13:00,lee\n",
    f"3,A,buy,10,{DAYS[-1]} 10:00,{DAYS[-1]} 12:00,kim\n",
    f"4,A,buy,0,{DAYS[2]} 10:00,{DAYS[2]} 12:00,kim\n",
    f"1,B,buy,10,{DAYS[2]} 10:00,{DAYS[2]} 12:00,kim\n",
    f"6,C,buy,10,{DAYS[2]} 10:00,{DAYS[2]} 12:00,lee\n",
    "7,A,buy,10,2025-07-01 10:00,2025-07-01 12:00,lee\n",
)


def written(folder, lines=LINES):
    folder.mkdir(exist_ok=True)
    (folder / "desk.csv").write_text(HEAD + "".join(lines))
    return folder / "desk.csv"


def study(folder, **options):
    BarStore(folder / "bars").write(BARS)
    orders = DeskOrders(source=folder / "desk.csv", calendar="XNYS", profile_days=1, keep=["trader"], **options)
    return ShardedStudy(store=str(folder / "bars"), parents=orders, algorithms=NAMES, fill_model=FillModel(max_participation=0.2))


def in_one_piece(path, bars=BARS):
    orders = ParentOrders.from_csv(path, bars, calendar="XNYS", profile_days=1, keep=["trader"])
    return orders, SlippageStudy(bars, orders, NAMES, FillModel(max_participation=0.2)).run()


def assert_equal_values(found, wanted):
    kinds = {name: found[name].dtype for name in ("session", "symbol") if name in wanted and (name == "session" or wanted.empty)}
    pd.testing.assert_frame_equal(found, wanted.astype(kinds), check_exact=True)


def inodes(folder):
    return {path.parent.relative_to(folder / "shards"): path.stat().st_ino for path in folder.glob("shards/*/*/record.json")}


@st.composite
def rows(draw):
    """Orders of which some cannot be worked."""
    day, side = draw(st.sampled_from([*DAYS, "2025-07-01"])), draw(st.sampled_from(["buy", "sell", "SELL", "B"]))
    begin, hours = draw(st.integers(8, 16)), draw(st.integers(0, 3))
    symbol, quantity = draw(st.sampled_from(["A", "B", "C"])), draw(st.sampled_from([0, 1, 40, 5000]))
    return f"{draw(st.integers(1, 30))},{symbol},{side},{quantity},{day} {begin:02}:30,{day} {begin + hours:02}:30,kim\n"


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.lists(rows(), min_size=1, max_size=12))
def test_orders_in_shards_are_worked_and_refused_as_in_one_piece(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("desk")
    path = written(folder, lines)
    try:
        orders, whole = in_one_piece(path)
    except UsageError:
        with pytest.raises(UsageError, match=r"can be worked|no parent order is left"):
            study(folder).run(folder / "out")
        return
    found = study(folder).run(folder / "out")
    for name in ("parents", "fills"):
        assert_equal_values(found.table(name), getattr(whole, name))
    assert [one.row for one in found.refused] == sorted(one.row for one in orders.refused)
    assert found.config["refused"] == len(orders.refused)
    assert sorted(found.skipped) == sorted(map(tuple, whole.skipped.itertuples(index=False)))
    side = ("algorithm", "side")
    pd.testing.assert_frame_equal(found.summary(by=side), whole.summary(by=side), rtol=1e-9, atol=1e-9)


def test_what_is_refused_is_listed_with_row_value_and_reason(tmp_path):
    written(tmp_path)
    result = study(tmp_path).run(tmp_path / "out")
    assert [(one.row, one.value) for one in result.refused] == [
        (4, "0"),
        (5, "1"),
        (6, "C"),
        (7, "2025-07-01 10:00 to 2025-07-01 12:00"),
    ]
    assert result.table(columns=["order_id", "trader"], algorithm="twap").to_numpy().tolist() == [["1", "kim"], ["3", "kim"], ["2", "lee"]]
    assert (tmp_path / "out" / "refused.csv").read_text().splitlines()[2] == (
        '5,1,"row 1 has this order_id too; put its rows together, or number them"'
    )


def test_a_changed_order_works_its_own_shard_only_and_a_study_goes_on_without_the_file_it_came_from(tmp_path):
    path = written(tmp_path)
    study(tmp_path).run(tmp_path / "out")
    before = inodes(tmp_path / "out")
    written(tmp_path, [LINES[0], LINES[1].replace("70", "71"), *LINES[2:]])
    changed = study(tmp_path).run(tmp_path / "out")
    assert changed.config["orders_sha256"] == hashlib.sha256((tmp_path / "out" / "orders.csv").read_bytes()).hexdigest()
    after = inodes(tmp_path / "out")
    assert (changed.made, changed.kept) == (1, 2)
    assert [str(one) for one in after if before[one] != after[one]] == [f"symbol=B/month={DAYS[1][:7]}"]
    assert changed.table(columns=["quantity"], algorithm="twap")["quantity"].tolist() == [120, 10, 71]
    path.unlink()
    again = ShardedStudy.of_folder(tmp_path / "out").run(tmp_path / "out")
    assert (again.made, again.kept, again.config) == (0, 3, changed.config)


def test_orders_of_which_none_can_be_worked_are_listed_in_the_folder_and_the_file_can_be_mended(tmp_path):
    written(tmp_path, LINES[3:4])
    with pytest.raises(UsageError, match=r"desk.csv: none of 1 orders can be worked: 1 x quantity must be.*out/refused.csv"):
        study(tmp_path).run(tmp_path / "out")
    assert (
        tmp_path / "out" / "refused.csv"
    ).read_text() == "row,value,reason\n1,0,quantity must be a positive number of shares; the side says whether they are sold\n"
    written(tmp_path, LINES[:1])
    assert study(tmp_path).run(tmp_path / "out").refused == ()


def test_a_file_that_cannot_be_read_starts_no_study(tmp_path):
    written(tmp_path).write_text("symbol,side\n")
    with pytest.raises(UsageError, match=r"desk.csv: orders need the columns"):
        study(tmp_path).run(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_order_that_is_taken_away_is_gone(tmp_path):
    written(tmp_path)
    study(tmp_path).run(tmp_path / "out")
    written(tmp_path, LINES[1:2])
    left = study(tmp_path).run(tmp_path / "out")
    assert (left.table()["order_id"].tolist(), left.refused) == (["2", "2"], ())
    assert set(left.comparison(side="SELL")["n"]) == {1}


def test_a_day_that_is_left_out_takes_its_orders_with_it(tmp_path):
    written(tmp_path, LINES[:3])
    whole = study(tmp_path)
    start = BARS.start.copy()
    start[np.searchsorted(start[BARS.rows("A")], ns(DAYS[1], "16:00")) - 1] += 1_000_000_000  # the last bar of A on that day
    shutil.rmtree(tmp_path / "bars")
    BarStore(tmp_path / "bars").write(replace(BARS, start=start))
    result = whole.run(tmp_path / "out")
    assert [(one.symbol, one.session) for one in result.failed] == [("A", DAYS[1])]
    ((row, value, reason),) = result.refused
    assert (row, value) == (1, DAYS[1])
    assert "left out" in reason


def test_strict_stops_at_the_first_row_that_is_refused(tmp_path):
    written(tmp_path)
    with pytest.raises(UsageError, match=r"row 4 of the orders: .*quantity must be"):
        study(tmp_path).run(tmp_path / "out", strict=True)


@pytest.mark.parametrize(
    ("options", "said"), [({"lot_size": 0}, "lot_size must be"), ({"calendar": None}, "needs a named calendar")], ids=["lot", "calendar"]
)
def test_terms_that_cannot_be_are_refused(tmp_path, options, said):
    written(tmp_path)
    with pytest.raises(UsageError, match=said):
        ShardedStudy(store=str(tmp_path), parents=DeskOrders(**{"source": "desk.csv", "calendar": "XNYS", **options}), algorithms=NAMES)


@pytest.mark.slow
def test_workers_of_a_cluster_make_the_same_bytes(tmp_path):
    written(tmp_path)
    study(tmp_path).run(tmp_path / "alone")
    study(tmp_path).run(tmp_path / "cluster", cluster="local:2")
    assert content_of(tmp_path / "alone") == content_of(tmp_path / "cluster")


def test_blank_rows_count_in_shards_too_are_no_orders_and_stay_in_the_copy(tmp_path):
    lines = [LINES[0], "\n", LINES[1], ",,,,,,\n", LINES[3], "\n", f"8,A,buy,9,{DAYS[1]} 11:00,{DAYS[1]} 11:10,kim\n", LINES[2], "\n"]
    path = written(tmp_path, lines)
    orders, whole = in_one_piece(path)
    found = study(tmp_path).run(tmp_path / "out")
    assert_equal_values(found.table(), whole.parents)
    assert [(one.row, one.value) for one in orders.refused] == [(5, "0"), (7, f"{DAYS[1]} 11:00 to {DAYS[1]} 11:10")]
    assert found.refused == orders.refused
    assert (found.config["orders_given"], found.config["refused"]) == (5, 2)
    path.unlink()
    again = ShardedStudy.of_folder(tmp_path / "out").run(tmp_path / "out")
    assert (again.made, again.refused, again.config) == (0, found.refused, found.config)
