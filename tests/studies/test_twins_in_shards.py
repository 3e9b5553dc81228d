"""Of orders that are twins a study in shards says what one in memory says: by side, or of one of each pair, never of both together."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from markets import DAYS, market

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.saved import load_result
from exec_algos.studies.shards.desk import DeskOrders
from exec_algos.studies.shards.study import ShardedStudy
from exec_algos.tca.twins import BUYS_ONLY

BARS = market(21, ("A", "B"), missing=0.1, silent=0.0, vendor=True)  # of a November and a December
NAMES = ("twap", "vwap:profile_days=2", "pov")
MODEL = FillModel(price="worst", max_participation=0.2)  # so that buys and sells do not mirror
GRID = {"calendar": "XNYS", "size": "20", "profile_days": 2}
HEAD = "symbol,side,quantity,start,end\n"
PAIRS = [(symbol, 10 * n + 10, day) for symbol in "AB" for n, day in enumerate(DAYS[2:])]
TWINS = [f"{symbol},{side},{size},{day} 10:00,{day} 12:30\n" for symbol, size, day in PAIRS for side in ("buy", "sell")]
OTHERS = [line.replace(",sell,30,", ",sell,31,") if line.startswith("B") else line for line in TWINS]  # one sell is a share larger
BUYS = [line for line in TWINS if ",buy," in line]
SETUPS = {
    "a grid of both sides": ({"sides": ("BUY", "SELL")}, True),
    "a desk's orders that are twins": (TWINS, True),
    "a desk's orders, one larger than its twin": (OTHERS, False),
    "a desk's buys": (BUYS, False),
}


def studied(folder, orders):
    """The study in memory, in shards, and in shards loaded."""
    BarStore(folder / "bars").write(BARS)
    if isinstance(orders, dict):
        parents, terms = ParentOrders.grid(BARS, **GRID, **orders), Grid(**GRID, **orders)
    else:
        (folder / "desk.csv").write_text(HEAD + "".join(orders))
        terms = DeskOrders(source=folder / "desk.csv", calendar="XNYS", profile_days=2)
        parents = ParentOrders.from_csv(folder / "desk.csv", BARS, calendar="XNYS", profile_days=2)
    whole = SlippageStudy(BARS, parents, NAMES, MODEL).run()
    whole.save(folder / "whole")
    shards = ShardedStudy(store=str(folder / "bars"), parents=terms, algorithms=NAMES, fill_model=MODEL).run(folder / "out")
    return SimpleNamespace(whole=whole, shards=shards, folder=folder)


@pytest.fixture(scope="module", params=SETUPS)
def both(request, tmp_path_factory):
    orders, twins = SETUPS[request.param]
    made = studied(tmp_path_factory.mktemp("twins"), orders)
    made.twins, made.sides = twins, sorted(set(made.whole.parents["side"]))
    return made


def same(found, wanted):
    """The same rows and numbers; sums are added up in another order."""
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, check_categorical=False, rtol=1e-9, atol=1e-9)


def test_both_know_whether_the_orders_are_twins(both):
    assert (both.whole.has_twins(), both.shards.has_twins(), both.shards.load(BARS).has_twins()) == (both.twins,) * 3
    assert load_result(both.folder / "whole", BARS).has_twins() is both.twins


@pytest.mark.parametrize("benchmark", ["interval_vwap", "arrival"])
def test_summaries_are_by_side_in_both_where_the_orders_are_twins(both, benchmark):
    for by in (("algorithm",), ("algorithm", "symbol"), ("algorithm", "side")):
        found = both.shards.summary(benchmark, by=by)
        assert ("side" in found.index.names) is (both.twins or "side" in by)
        same(found, both.whole.summary(benchmark, by=by))
    same(both.shards.by("symbol", benchmark=benchmark), both.whole.by("symbol", benchmark=benchmark))


@pytest.mark.parametrize("benchmark", ["interval_vwap", "arrival"])
def test_comparisons_are_of_the_same_orders_and_say_so(both, benchmark):
    note = BUYS_ONLY if both.twins else ""
    for side in (None, *both.sides):
        found, wanted = (result.comparison(benchmark, side=side) for result in (both.shards, both.whole))
        assert len(found) == 3
        same(found, wanted[list(found.columns)])
        assert found.attrs["note"] == wanted.attrs["note"] == ("" if side else note)
        assert_same_estimates(*(result.compare(*NAMES[:2], benchmark, side=side) for result in (both.shards, both.whole)))
    assert both.shards.compare(*NAMES[:2], benchmark).note == note
    orders = both.whole.parents["parent_id"].nunique()
    assert both.shards.compare(*NAMES[:2], benchmark).n == (orders // 2 if both.twins else orders)


def assert_same_estimates(found, wanted):
    assert found.note == wanted.note
    np.testing.assert_allclose(found[:6], wanted[:6], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("benchmark", ["interval_vwap", "arrival"])
def test_estimates_and_cost_curves_are_of_the_same_orders(both, benchmark):
    for name in NAMES:
        for weighted in (False, True):
            assert_same_estimates(*(result.estimate(name, benchmark, weighted=weighted) for result in (both.shards, both.whole)))
        curves = [str(result.cost_curve(name, benchmark)) for result in (both.shards, both.whole)]
        assert curves[0] == curves[1]


def test_what_is_written_holds_the_same_rows_and_none_of_twins_together(both):
    ours, wanted = (pd.read_csv(both.folder / name / "comparison.csv") for name in ("out", "whole"))
    ours = ours[ours["side"].isin(["all", *both.sides])]  # of a desk's orders shards list both sides, also one without orders
    shared = [name for name in ours.columns if name in wanted.columns]
    keys = ["benchmark", "side", "first", "second"]
    same(*(table[shared].sort_values(keys, ignore_index=True) for table in (ours, wanted)))
    assert set(ours["side"]) == {*both.sides} | (set() if both.twins else {"all"})
    same(*(pd.read_csv(both.folder / name / "summary.csv") for name in ("out", "whole")))
