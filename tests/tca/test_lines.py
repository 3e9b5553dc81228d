"""Tables of an analysis that resample, adjust and rank: each against a computation written out here."""

import math
from itertools import product

import numpy as np
import pytest
from markets import DAYS, STEP, bars_of, market, ns, study_of

from exec_algos import FillModel
from exec_algos.costs import FixedSpread, TransientImpact
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.estimable import Estimable, Missing
from exec_algos.tca.lines import spread_line

MODEL = FillModel(spread=FixedSpread(8.0), impact=TransientImpact(0.02, half_life_seconds=1800.0), max_participation=0.2)
NAMES = ["twap", "pov:rate=0.2"]
GROUPS = [(name, side) for name in NAMES for side in ("BUY", "SELL")]
INDEX = market(99, ("I",), missing=0.3)


@pytest.fixture(scope="module")
def result():
    return study_of(market(7), NAMES, MODEL, profile_days=1, size="20%adv", sides=("BUY", "SELL")).run()


@pytest.fixture(scope="module")
def found(result):
    return result.analysis()


def orders(result, algorithm, side):
    parents = result.parents
    return parents[(parents["algorithm"] == algorithm) & (parents["side"] == side)]


@pytest.mark.slow
@pytest.mark.parametrize("key", GROUPS, ids=str)
def test_the_bootstrap_is_every_choice_of_as_many_days(result, found, key):
    rows = orders(result, *key)
    days = [values.to_numpy() for _, values in rows.groupby("session")["slippage_vwap_bps"]]
    means = np.sort([np.concatenate(chosen).mean() for chosen in product(days, repeat=len(days))])
    line = found.bootstrap(confidence=0.9).loc[key]
    assert line["mean"] == pytest.approx(rows["slippage_vwap_bps"].mean())
    assert line["standard_error"] == pytest.approx(means.std())
    n = len(means)
    assert (line["low"], line["high"]) == pytest.approx((means[math.ceil(0.05 * n) - 1], means[math.ceil(0.95 * n) - 1]))
    assert (line["exact"], line["resamples"], line["days"], line["left_out"], line["reason"]) == (True, n, len(days), 0, "")


@pytest.mark.slow
def test_the_bootstrap_takes_every_benchmark_of_the_slippage_and_the_other_interval(found):
    table, slippage = found.bootstrap("session_close", method="bca"), found.slippage()
    for key in GROUPS:
        assert table.loc[key, "mean"] == pytest.approx(slippage.loc[(*key, "session_close"), "mean"])
    plain = found.bootstrap("session_close")
    assert (table["standard_error"] == plain["standard_error"]).all()
    assert (table["low"] != plain["low"]).any()
    with pytest.raises(UnknownNameError, match="did you mean session_close"):
        found.bootstrap("session_closing")


@pytest.mark.slow
def test_the_seed_draws_the_days_where_there_are_too_many_to_write_down(result, found, monkeypatch):
    monkeypatch.setattr("exec_algos.stats.bootstrap.MOST_EXACT", 1)
    first, again, other = (found.bootstrap(seed=seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert (first["standard_error"] != other["standard_error"]).all()
    assert not first["exact"].any()


@pytest.mark.slow
@pytest.mark.parametrize("key", GROUPS, ids=str)
def test_the_price_advantage_is_how_much_better_than_the_mean_price_an_order_was(result, found, key):
    rows = orders(result, *key)
    better = (1 if key[1] == "BUY" else -1) * (1 - rows["average_price"] / rows["interval_twap"]) * 1e4
    line = found.advantage().loc[key]
    assert line["mean"] == pytest.approx(better.mean())
    assert line["gain_loss_ratio"] == pytest.approx(-better[better > 0].mean() / better[better < 0].mean())
    assert (line["share_positive"], line["n"], line["reason"]) == ((better > 0).mean(), len(rows), "")
    assert found.advantage("arrival").loc[key, "mean"] == pytest.approx(-rows["slippage_arrival_bps"].mean())


@pytest.mark.slow
@pytest.mark.parametrize("key", GROUPS, ids=str)
def test_the_market_adjusted_mean_is_the_intercept_on_the_markets_own_move(result, found, key):
    rows = orders(result, *key)
    move = (1 if key[1] == "BUY" else -1) * (rows["interval_twap"] / rows["arrival_price"] - 1) * 1e4
    slope, intercept = np.polyfit(move, rows["slippage_arrival_bps"], 1)
    line = found.market_adjusted().loc[key]
    assert (line["mean"], line["adjusted"]) == pytest.approx((rows["slippage_arrival_bps"].mean(), intercept))
    assert line["coefficient"] == pytest.approx(slope)
    assert line["correlation"] == pytest.approx(np.corrcoef(move, rows["slippage_arrival_bps"])[0, 1])
    widths = (line[f"{part}high"] - line[f"{part}low"] for part in ("adjusted_", ""))
    assert next(widths) ** 2 / next(widths) ** 2 == pytest.approx(line["variance_ratio"])
    assert (line["n"], line["days"], line["left_out"], line["reason"]) == (len(rows), 4, 0, "")


def level(instant, start):
    """The last close of the day that had ended by an instant, else the first open from `start` on."""
    day = [row for row in range(len(INDEX)) if INDEX.start[row] // 86_400_000_000_000 == start // 86_400_000_000_000]
    ended = [row for row in day if INDEX.start[row] + STEP <= instant]
    return INDEX.close[ended[-1]] if ended else INDEX.open[next(row for row in day if INDEX.start[row] >= start)]


def explained(result, order, beta):
    """What the index explains of one order, bps: of each share its move from the arrival to the fill, or to the day's last close."""
    fills = result.fills
    mine = fills[(fills["parent_id"] == order.parent_id) & (fills["algorithm"] == order.algorithm)]
    first = level(order.start.value, order.start.value)
    moved = sum(fill.quantity * (level(fill.timestamp.value, order.start.value) - first) for fill in mine.itertuples())
    moved += order.residual * (level(order.start.value + 10 * 3_600_000_000_000, order.start.value) - first)
    return (1 if order.side == "BUY" else -1) * beta * moved / first / order.quantity * 1e4


@pytest.mark.slow
@pytest.mark.parametrize("beta", [1.0, {"A": 0.5, "B": 1.5}], ids=str)
def test_less_the_index_is_less_its_move_over_each_shares_own_interval(result, found, beta):
    table, whole = found.index_adjusted(INDEX, beta)["order_weighted"], found.shortfall()["order_weighted"]
    for key in GROUPS:
        moves = [
            explained(result, order, beta[order.symbol] if isinstance(beta, dict) else beta) for order in orders(result, *key).itertuples()
        ]
        assert whole[*key, "total"] - table[*key, "total"] == pytest.approx(np.mean(moves))
    parts = ["spread", "impact", "fees"]
    assert table.unstack("part")[parts].to_numpy() == pytest.approx(whole.unstack("part")[parts].to_numpy())


@pytest.mark.slow
def test_the_mark_of_the_index_is_that_of_the_residual(found):
    close, end = (found.index_adjusted(INDEX, mark=mark)["order_weighted"].unstack("part") for mark in ("session_close", "window_end"))
    assert close["timing"].equals(end["timing"])
    with pytest.raises(UnknownNameError, match="mark"):
        found.index_adjusted(INDEX, mark="tomorrow")


@pytest.mark.slow
def test_an_index_that_stands_still_explains_nothing(found):
    still = bars_of({"I": [(start, 50.0, 50.0, 50.0, 50.0, 1.0, math.nan) for start in INDEX.start.tolist()]})
    assert found.index_adjusted(still, 2.0).equals(found.shortfall())


@pytest.mark.slow
def test_orders_of_a_day_without_the_index_are_left_out(result, found):
    gap = ns(DAYS[2], "00:00"), ns(DAYS[2], "23:59")
    table = found.index_adjusted(INDEX.take((INDEX.start < gap[0]) | (INDEX.start > gap[1])))
    for key in GROUPS:
        lost = (orders(result, *key)["session"].astype(str) == DAYS[2]).sum()
        assert table.loc[(*key, "total"), "left_out"] == lost > 0


@pytest.mark.slow
def test_an_index_of_several_symbols_and_a_symbol_without_a_beta_are_refused(found):
    with pytest.raises(UsageError, match=r"index must hold one symbol, got 2: pass bars\.select"):
        found.index_adjusted(market(7))
    with pytest.raises(UsageError, match="beta has no number for 'B'"):
        found.index_adjusted(INDEX, {"A": 1.0})


def test_a_column_of_which_nothing_is_known_has_no_spread():
    line = spread_line(Estimable.of([math.nan] * 3, Missing(np.ones(3, dtype=bool), "no volume")))
    assert all(math.isnan(line[name]) for name in ("mean", "median", "p95", "largest"))
    assert (line["bars"], line["left_out"]) == (0, 3)


def test_the_spread_of_a_column_is_that_of_what_is_known():
    line = spread_line(Estimable.of([0.1, math.nan, 0.3, 0.2], Missing(np.array([False, True, False, False]), "no volume")))
    assert list(line.values()) == pytest.approx([0.2, 0.2, 0.29, 0.3, 3, 1])
