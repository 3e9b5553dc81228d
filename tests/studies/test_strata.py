"""Stratified samples of a grid, what was known before each session, and the grid's own choice of symbols and days."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, bars_of, grid_of, market, ns

from exec_algos import ParentOrders, SlippageStudy
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.design.sampling import Strata, strata_of
from exec_algos.studies.shards.study import ShardedStudy

NAMES = tuple("ABCDEFGH")
BARS = market(3, NAMES, missing=0.0, silent=0.0)


def flat(volumes, price=10.0):
    """Bars of one price: symbol i trades `volumes[i]` in each bar."""
    return bars_of(
        {
            name: [(t, price, price, price, price, float(v), math.nan) for day in DAYS for t in grid_of(day)]
            for name, v in zip(NAMES, volumes, strict=False)
        }
    )


def grid(bars=BARS, **options):
    return ParentOrders.grid(bars, **{"calendar": "XNYS", "size": "10", "profile_days": 2, "sides": ["BUY", "SELL"], **options})


def drawn(orders):
    return {(orders.symbols[i], str(orders.sessions.date[k])) for i, k in zip(orders.symbol, orders.session, strict=True)}


def test_what_was_known_is_the_arithmetic_of_the_sessions_before():
    bars = flat([100.0], price=20.0)
    one = grid(bars, sides=["BUY"])
    # sessions of 13, 13, 13, 7 and 13 bars of 100 shares at 20.0; the two sessions before each order
    assert one.columns["adv"].tolist() == [1300.0, 1300.0, 1000.0]
    assert one.columns["adv_bars"].tolist() == [26.0, 26.0, 20.0]
    assert one.columns["adv_notional"].tolist() == [26000.0, 26000.0, 20000.0]
    assert one.columns["volatility_bps"].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(one.columns["spread_bps"]).all()  # bars without a range show no spread


def bouncing(bid, ask, quotes=False):
    """Every bar spans bid to ask; closes alternate in pairs, so that neighbouring products are those of the formula."""
    rows = [(t, bid, ask, bid, ask, 100.0, math.nan) for day in DAYS for t in grid_of(day)]
    bars = bars_of({"A": rows})
    if not quotes:
        return bars
    column = np.ones(len(bars))
    return replace(bars, quotes={"bid": 9.9 * column, "ask": 10.1 * column})


def test_the_spread_of_a_market_that_bounces_and_does_not_move_is_the_bounce():
    # c - eta = ln(ask / bid) / 2 in every bar, so 4 (c - eta)^2 = ln(ask / bid)^2
    found = grid(bouncing(9.99, 10.01), sides=["BUY"]).columns["spread_bps"]
    assert found == pytest.approx([1e4 * math.log(10.01 / 9.99)] * 3, rel=1e-9)


def test_quotes_come_before_the_estimate():
    assert grid(bouncing(9.99, 10.01, quotes=True), sides=["BUY"]).columns["spread_bps"] == pytest.approx([200.0] * 3, rel=1e-12)


def test_the_volatility_is_the_root_of_the_mean_sum_of_squared_returns():
    step = math.exp(0.01)
    rows = [(t, 10.0, 10.0 * step, 10.0, 10.0 * step if i % 2 == 0 else 10.0, 1.0, math.nan) for i, t in enumerate(grid_of(DAYS[0]))]
    table = {"A": [*rows, *((t, *rest) for t, (_, *rest) in zip(grid_of(DAYS[1]), rows, strict=True))]}
    one = grid(bars_of(table), profile_days=1, sides=["BUY"])
    assert one.columns["volatility_bps"] == pytest.approx([1e4 * 0.01 * math.sqrt(13)], rel=1e-9)  # open to close, then 12 moves


def test_nothing_later_is_known():
    cut = BARS.between(0, ns(DAYS[3], "00:00"))
    early, whole = grid(cut), grid()
    same = whole.start < ns(DAYS[3], "00:00")
    for name, column in early.columns.items():
        np.testing.assert_array_equal(column, whole.columns[name][same])


def test_the_same_number_is_drawn_of_each_stratum_with_all_its_orders():
    orders = grid(size=["10", "20"], strata=Strata(by="liquidity", buckets=4, per_stratum=3, seed=5))
    assert [(one.candidates, one.drawn) for one in orders.strata] == [(6, 3)] * 4  # 8 symbols, 3 sessions
    table = pd.DataFrame({"symbol": orders.symbol, "session": orders.session, "stratum": orders.columns["stratum"]})
    assert (table.groupby(["symbol", "session"]).size() == 4).all()  # two sizes, two sides
    assert table.drop_duplicates().groupby("stratum").size().tolist() == [3] * 4


def test_the_least_liquid_are_in_the_first_bucket():
    orders = grid(flat([100, 200, 300, 400, 500, 600, 700, 800]), strata=Strata(by="liquidity", buckets=2, fraction=1.0))
    low = {orders.symbols[i] for i, name in zip(orders.symbol, orders.columns["stratum"], strict=True) if name == "liquidity 1/2"}
    assert {"A", "B", "C"} <= low
    assert not {"F", "G", "H"} & low


def test_several_traits_are_crossed_and_what_is_not_known_is_a_stratum():
    orders = grid(flat([100, 900]), strata=Strata(by=["liquidity", "spread"], buckets=1, fraction=1.0))
    assert [one.name for one in orders.strata] == ["liquidity 1/1, spread not known"]


def test_edges_are_the_callers():
    edges = {"liquidity": [20_000.0]}
    orders = grid(flat([100, 200]), strata=Strata(by="liquidity", edges=edges, fraction=1.0))  # 13000 or 10000, and twice that
    by = {(orders.symbols[i], name) for i, name in zip(orders.symbol, orders.columns["stratum"], strict=True)}
    assert by == {("A", "liquidity 1/2"), ("B", "liquidity 1/2"), ("B", "liquidity 2/2")}  # B on the day after the half day: 20000


def test_a_seed_draws_the_same_and_another_draws_others():
    draw = [drawn(grid(strata=Strata(buckets=2, per_stratum=4, seed=seed))) for seed in (1, 1, 2)]
    assert draw[0] == draw[1] != draw[2]


@settings(max_examples=25, deadline=None)
@given(fraction=st.floats(0.05, 1.0), more=st.floats(0.0, 0.5), seed=st.integers(0, 2**31))
def test_a_larger_fraction_draws_the_same_and_more(fraction, more, seed):
    shares = fraction, min(fraction + more, 1.0)
    few, many = (drawn(grid(sides=["BUY"], strata=Strata(buckets=1, fraction=share, seed=seed))) for share in shares)
    assert few <= many


def test_what_is_drawn_by_fraction_does_not_depend_on_the_other_symbols():
    strata = Strata(edges={"liquidity": [30_000.0]}, fraction=0.5, seed=3)
    whole = drawn(grid(strata=strata))
    assert {one for one in whole if one[0] in "AB"} == drawn(grid(BARS.select(["A", "B"]), strata=strata))


@pytest.mark.slow
def test_the_sample_stands_in_the_result_and_its_record():
    orders = grid(strata=Strata(buckets=2, per_stratum=2, seed=9))
    result = SlippageStudy(BARS, orders, ["twap"]).run()
    assert set(result.parents["stratum"]) == {"liquidity 1/2", "liquidity 2/2"}
    assert result.config["strata"] == [{"name": f"liquidity {k}/2", "candidates": 12, "drawn": 2} for k in (1, 2)]
    assert strata_of(result.config["parents"]["strata"]) == Strata(buckets=2, per_stratum=2, seed=9)


@pytest.mark.slow
def test_a_study_in_shards_draws_the_same(tmp_path):
    terms = {"calendar": "XNYS", "size": "10", "profile_days": 2, "sessions": (DAYS[3], None), "symbols": ["A", "C", "D"]}
    terms["sides"] = ["BUY", "SELL"]
    terms["strata"] = Strata(by=["liquidity"], edges={"liquidity": [30_000.0]}, fraction=0.7, seed=3)
    whole = SlippageStudy(BARS, ParentOrders.grid(BARS, **terms), ["twap"]).run()
    BarStore(tmp_path / "bars").write(BARS)
    study = ShardedStudy(store=str(tmp_path / "bars"), parents=Grid(**terms), algorithms=["twap"])
    found = study.run(tmp_path / "out")
    kinds = {name: kind for name, kind in found.table().dtypes.items() if name in {"session", "symbol", "stratum"}}
    pd.testing.assert_frame_equal(found.table(), whole.parents.astype(kinds), check_exact=True)
    assert found.config["strata"] == whole.config["strata"]
    assert ShardedStudy.of_folder(tmp_path / "out").settings() == study.settings()


def test_a_study_in_shards_needs_strata_that_look_at_one_symbol_alone():
    for strata in (Strata(fraction=0.5), Strata(per_stratum=3, edges={"liquidity": [1e6]})):
        with pytest.raises(UsageError, match="strata need edges"):
            ShardedStudy(store="bars", parents=Grid(calendar="XNYS", strata=strata), algorithms=["twap"])


def test_symbols_and_days_are_the_callers_and_earlier_days_stay_history():
    orders = grid(symbols=["B", "D"], sessions=(DAYS[2], DAYS[2]))
    assert drawn(orders) == {("B", DAYS[2]), ("D", DAYS[2])}
    assert drawn(grid(sessions=(None, DAYS[2]))) == {(name, DAYS[2]) for name in NAMES}
    assert {one.symbol for one in grid(symbols=["B"]).skipped} == {"B"}


@pytest.mark.parametrize(("size", "shares"), [(25, 25), (25.0, 25), (np.int64(7), 7), ([10, "20"], None), (1e6, 1_000_000)])
def test_a_size_may_be_a_number_of_shares(size, shares):
    assert set(grid(size=size).lots.tolist()) == ({shares} if shares else {10, 20})


@pytest.mark.parametrize("size", [0, -5, math.nan, math.inf, True, None, [1000, None]])
def test_a_size_that_is_no_number_of_shares_is_refused(size):
    with pytest.raises(UsageError, match="size must be like '5%adv' or 1000"):
        grid(size=size)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ({}, "either per_stratum"),
        ({"per_stratum": 3, "fraction": 0.5}, "either per_stratum"),
        ({"fraction": 0.0}, "fraction must be in"),
        ({"fraction": 1.5}, "fraction must be in"),
        ({"per_stratum": 0}, "per_stratum must be a whole number"),
        ({"fraction": 0.5, "buckets": 0}, "buckets must be a whole number"),
        ({"fraction": 0.5, "buckets": 2.5}, "buckets must be a whole number"),
        ({"fraction": 0.5, "seed": "x"}, "seed must be a whole number"),
        ({"fraction": 0.5, "by": []}, "at least one trait"),
        ({"fraction": 0.5, "by": ["spread", "spread"]}, "each only once"),
        ({"fraction": 0.5, "edges": {"spread": [1.0]}}, "for each trait or for none"),
        ({"fraction": 0.5, "edges": {"liquidity": [2.0, 1.0]}}, "numbers that rise"),
    ],
)
def test_strata_that_cannot_be_are_refused(harm, reason):
    with pytest.raises(UsageError, match=reason):
        Strata(**harm)


def test_an_unknown_trait_and_an_unknown_symbol_are_refused_with_what_there_is():
    with pytest.raises(UnknownNameError, match="did you mean liquidity"):
        Strata(by="liquidty", fraction=0.5)
    with pytest.raises(UnknownNameError, match="unknown symbol 'ZZ'"):
        grid(symbols=["ZZ"])
    with pytest.raises(UsageError, match="symbols must be a list"):
        grid(symbols="AB")


@pytest.mark.parametrize("sessions", [("soon", None), (DAYS[2], DAYS[1]), (DAYS[0],), "2025", 7])
def test_days_that_cannot_be_are_refused(sessions):
    with pytest.raises(UsageError, match="sessions must be"):
        grid(sessions=sessions)
