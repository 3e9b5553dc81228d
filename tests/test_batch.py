"""The compiled loop against a slow reference that holds nothing of it, and what may not matter to it."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, fill_models, grid_of, grids, kinds_of_model, market, markets, ns, outcome, study_of

from exec_algos import Commission, FillModel, ParentOrders, SlippageStudy
from exec_algos.algorithms import parse_algorithm
from exec_algos.algorithms.curve import follow_curve
from exec_algos.batch import BatchOrders, Tape, run_batch
from exec_algos.compiling import fingerprint
from exec_algos.costs import SquareRootImpact
from exec_algos.costs.propagator import ImpactTable
from exec_algos.errors import UsageError
from exec_algos.model import Decision


class Reference:
    """DESIGN, 'Slices, exactly', for market orders: exact fractions, one bar at a time, one order at a time."""

    def __init__(self, bars, symbol, model):
        own = bars.rows(symbol)
        columns = (bars.open, bars.price(), bars.close, bars.high, bars.low)
        rules = (("open", "*"), ("vwap", "*"), ("close", "*"), ("worst", "*"), ("worst", "-"))
        rows = zip(*(column[own].tolist() for column in columns), strict=True)
        self.prices = {t: dict(zip(rules, row, strict=True)) for t, row in zip(bars.start[own].tolist(), rows, strict=True)}
        self.volume = {int(t): Fraction(v) for t, v in zip(bars.start[own], bars.volume[own], strict=True)}
        self.rule, self.latency = model.price, round(model.latency * 10**9)
        self.spread, self.impact = model.spread.bps if model.spread else 0.0, model.impact.coefficient if model.impact else 0.0
        self.cap = None if model.max_participation is None else Fraction(str(model.max_participation))

    def price(self, t, side, shares):
        rule, sign = self.prices[t][self.rule, "-" if self.rule == "worst" and side == "SELL" else "*"], 1 if side == "BUY" else -1
        quoted = rule * (1 + sign * self.spread / 2 * 1e-4)
        return quoted * (1 + sign * self.impact * math.sqrt(shares / float(self.volume[t])))

    def profile(self, day, sessions):
        """Mean volume at each bar of the day over the earlier sessions with data, those of another length stretched to it."""
        past = [one for one in DAYS if one < day and any(t in self.volume for t in grid_of(one))][-sessions:]
        n = len(grid_of(day))
        return [
            sum(part) for part in zip(*(stretched([self.volume.get(t, Fraction()) for t in grid_of(one)], n) for one in past), strict=True)
        ]

    def weights(self, algorithm, day, start, end):
        inside = [i for i, t in enumerate(grid_of(day)) if start <= t < end]
        if not algorithm.history_days:
            return [Fraction(1)] * len(inside)
        profile = self.profile(day, algorithm.history_days)
        return [profile[i] for i in inside]

    def fills(self, side, lots, lot, window, weights):
        start, end, interval = window
        children, fills = [], []  # a child is [decided at, lots, filled lots]
        for t in range(start, end, STEP):
            if (t - start) % interval == 0:
                carried = sum(weights[: (t - start + interval) // STEP]) / sum(weights)
                over = [c for c in children if c[1] == c[2] or t >= c[0] + interval + self.latency]
                working = sum(c[1] for c in children) - sum(c[1] for c in over)
                child = int(carried * lots + Fraction(1, 2)) - sum(c[2] for c in over) - working
                children.append([t, max(child, 0), 0])
            for c in children:
                got = self.met(c, t, interval, lot)
                if got:
                    c[2] += got
                    fills.append((t, got, self.price(t, side, got * float(lot))))
        return fills

    def met(self, child, t, interval, lot):
        decided, lots, filled = child
        if not self.volume.get(t) or not decided + self.latency <= t < decided + interval + self.latency:
            return 0
        room = lots if self.cap is None else int(self.cap * self.volume[t] / lot)
        return min(lots - filled, room)


def stretched(volumes, n):
    done = [sum(volumes[:i]) for i in range(len(volumes) + 1)]

    def traded(part):
        at = part * len(volumes)
        whole = min(int(at), len(volumes) - 1)
        return done[whole] + (at - whole) * volumes[whole]

    return [traded(Fraction(i + 1, n)) - traded(Fraction(i, n)) for i in range(n)]


names = st.sampled_from(
    ["twap", "twap:slice_interval_seconds=5400", "vwap:profile_days=1", "vwap:profile_days=2,slice_interval_seconds=3600"]
)


@given(markets(), names, fill_models, grids)
@settings(deadline=None, max_examples=150)
@pytest.mark.slow
def test_the_compiled_loop_trades_what_the_slow_reference_trades_to_the_share(bars, name, model, grid):
    result = outcome(study_of(bars, [name], model, **grid), "batch")
    if isinstance(result, str):
        return
    algorithm, lot = parse_algorithm(name), Fraction(str(grid["lot_size"]))
    interval = max(algorithm.interval, STEP)
    got = dict(iter(result.fills.groupby("parent_id")))
    for one in result.parents.itertuples():
        reference, start, end = Reference(bars, one.symbol, model), one.start.value, one.end.value
        weights = reference.weights(algorithm, str(one.session.date()), start, end)
        expected = reference.fills(one.side, round(one.quantity / float(lot)), lot, (start, end, interval), weights)
        assert trades_of(got.get(one.parent_id, result.fills[:0]), model, lot) == expected


def trades_of(fills, model, lot):
    start = fills["timestamp"].astype("int64") - (0 if model.price == "open" else STEP)
    return list(zip(start, (round(shares / float(lot)) for shares in fills["quantity"]), fills["price"], strict=True))


def test_the_reference_knows_100_shares_over_30_slices():
    reference = Reference(market(1, ("A",)), "A", FillModel())
    start = ns(DAYS[0], "09:30")
    reference.volume = {start + i * STEP: Fraction(1000) for i in range(30)}
    reference.prices = {t: {("open", "*"): 1.0} for t in reference.volume}
    assert [lots for _, lots, _ in reference.fills("BUY", 100, Fraction(1), (start, start + 30 * STEP, STEP), [Fraction(1)] * 30)] == [
        3,
        4,
        3,
    ] * 10


@given(markets(), kinds_of_model)
@settings(deadline=None, max_examples=20)
@pytest.mark.slow
def test_keeping_the_single_trades_changes_no_number(bars, model):
    study = study_of(bars, ["twap", "vwap:profile_days=1"], model, profile_days=1, size="300")
    kept, dropped = study.run(), study.run(fills=False)
    pd.testing.assert_frame_equal(kept.parents, dropped.parents, check_exact=True)
    assert len(dropped.fills) == 0
    sums = kept.fills.groupby(["parent_id", "algorithm"])["quantity"].sum()
    filled = kept.parents.set_index(["parent_id", "algorithm"])["filled"]
    assert sums.to_dict() == filled[filled > 0].to_dict()


def test_an_order_does_not_know_the_others():
    bars = market(8)
    orders = ParentOrders.grid(bars, calendar="XNYS", profile_days=1, size="80%adv", sides=("BUY", "SELL"))
    model = FillModel(max_participation=0.3, commission=Commission(minimum=1.0))
    whole = SlippageStudy(bars, orders, ["twap"], model).run().parents.drop(columns="parent_id")
    for n in range(len(orders)):
        one = SlippageStudy(bars, orders.take(np.arange(len(orders)) == n), ["twap"], model).run().parents.drop(columns="parent_id")
        pd.testing.assert_frame_equal(one, whole.iloc[[n]].reset_index(drop=True), check_exact=True)


def tape(n, volume=1000.0):
    price = 10.0 + np.arange(n) % 7
    return Tape(np.arange(n, dtype=np.int64) * STEP, price, price, price - 1, price + 1, np.full(n, volume))


def orders(count, bars, *, lots=100, slices=4):
    first = np.arange(count, dtype=np.int64) % (bars - slices)

    def same(value, kind=np.int64):
        return np.full(count, value, dtype=kind)

    return BatchOrders(
        side=same(1), lots=same(lots), lot_size=same(1, float), cap=same(0.02, float), start=first * STEP, end=(first + slices) * STEP,
        interval=same(STEP), slices=same(slices), first=first, last=first + slices, curve=same(0),
    )  # fmt: skip


def work(book, market=None, **options):
    curve = np.arange(1, 5) / 4
    return run_batch(market or tape(50), book, curve, follow_curve, (), step=STEP, commission=Commission(), **options)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_nothing(threads):
    alone, split = work(orders(300, 50), recording=True, threads=1), work(orders(300, 50), recording=True, threads=threads)
    for left, right in zip((*alone[0], *alone[1]), (*split[0], *split[1]), strict=True):
        np.testing.assert_array_equal(left, right)


def test_four_slices_of_100_lots_under_a_cap_of_20_a_bar_fill_80():
    done, trades = work(orders(1, 50), recording=True)
    assert (done.filled.tolist(), trades.lots.tolist(), done.children.tolist()) == ([80], [20, 20, 20, 20], [4])
    assert done.notional.tolist() == [20 * (10.0 + 11.0 + 12.0 + 13.0)]


@pytest.mark.parametrize("recording", [False, True])
@pytest.mark.parametrize("impact", [SquareRootImpact(0.0), SquareRootImpact(2**-10)])
def test_a_bar_whose_price_is_nan_fills_nothing_and_its_lots_go_to_the_next(recording, impact):
    """The second of four bars has no price: 20, 0, 40 (cap 0.04) and 40 lots of 100 at 10, 12 and 13."""
    market = tape(50)
    market.buy[1] = math.nan
    book = orders(2, 50)._replace(first=np.array([0, 10]), last=np.array([4, 14]), cap=np.full(2, 0.04), lots=np.full(2, 80))
    book = book._replace(start=book.first * STEP, end=(book.first + 4) * STEP)
    done, trades = work(book, market, recording=recording, impact=ImpactTable.of(impact, ("A",), STEP))
    assert done.filled.tolist() == [80, 80]
    assert np.isfinite(done.notional).all()
    if recording:
        assert trades.lots[trades.parent == 0].tolist() == [20, 40, 20]
        assert trades.row[trades.parent == 0].tolist() == [0, 2, 3]
        assert trades.lots[trades.parent == 1].tolist() == [20, 20, 20, 20]
        assert np.isfinite(trades.price).all()


class Blind:
    """A spread that is unknown in every third bar."""

    def half(self, bars):
        return np.where(np.asarray(bars.start) // STEP % 3 == 2, math.nan, 0.001)


@pytest.mark.parametrize("name", ["twap", "pov:rate=0.1", "vwap:profile_days=1"])
def test_no_driver_fills_where_the_spread_is_unknown(name):
    study = study_of(market(11), [name], FillModel(spread=Blind(), max_participation=0.3), profile_days=1, size="20%adv")
    compiled, stepped = outcome(study, "batch"), outcome(study, "engine")
    pd.testing.assert_frame_equal(compiled.fills, stepped.fills, check_exact=True)
    assert np.isfinite(compiled.fills["price"]).all()
    assert len(compiled.fills)


def test_each_fill_pays_for_its_own_size_and_no_other():
    """20 of 80 shares: sqrt(1/4) x 2**-10 of each price, all exact in binary."""
    book = orders(1, 50)._replace(cap=np.array([0.25]))
    done, trades = work(book, tape(50, 80.0), recording=True, impact=ImpactTable.of(SquareRootImpact(2**-10), ("A",), STEP))
    assert trades.price.tolist() == [price * (1 + 2**-11) for price in (10.0, 11.0, 12.0, 13.0)]
    assert done.notional.tolist() == [20 * 46.0 * (1 + 2**-11)]


def test_no_orders_give_no_outcome():
    done, trades = work(orders(0, 50), recording=True)
    assert (len(done.filled), len(trades.lots)) == (0, 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"slices": 0}, "at least one decision"),
        ({"interval": 0}, "positive interval"),
        ({"last": 51}, "outside the tape of 50 bars"),
        ({"first": -1}, "outside the tape"),
        ({"first": 9}, "outside the tape"),
        ({"curve": 1}, "outside the 4 curve values"),
    ],
)
def test_orders_that_point_outside_the_arrays_are_refused(change, words):
    book = orders(1, 50)._replace(**{name: np.array([value], dtype=np.int64) for name, value in change.items()})
    with pytest.raises(UsageError, match=words):
        work(book)


def test_a_study_of_orders_for_other_bars_is_refused():
    bars = market(1)
    parents = replace(ParentOrders.grid(bars, calendar="XNYS", profile_days=1), symbols=("A", "C"))
    with pytest.raises(UsageError, match="made for other bars"):
        SlippageStudy(bars, parents, ["twap"])


def decide_by(rate):
    def decide(terms, seen, params):
        return Decision(int(rate * terms.lots), math.nan)

    return decide


def test_a_step_function_that_closes_over_variables_is_refused_not_confused_with_another():
    with pytest.raises(UsageError, match="closes over rate; write it at module level and pass them as params"):
        fingerprint(decide_by(0.5))
