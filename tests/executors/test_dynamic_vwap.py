"""Dynamic VWAP: equation 41 on paper, its guards, and the same bits from every driver, with nothing of the future in them."""

import asyncio
from dataclasses import replace
from math import e, exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import Loop, grid
from markets import DAYS, STEP, assert_same, bars_of, fill_models, grid_of, market, ns, outcome, study_of

from exec_algos import VWAP, FillModel, ParentOrders, SimulatedBroker, SlippageStudy, TWAPExecutor
from exec_algos.algorithms.base import parse_algorithm
from exec_algos.algorithms.dynamic_vwap import DynamicVWAP
from exec_algos.brokers.base import BrokerAPI
from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.executors.named import DynamicVWAPExecutor
from exec_algos.forecast import State, VolumeModel, dynamic_weights
from exec_algos.forecast.session import SessionForecast
from exec_algos.market.calendars import sessions
from exec_algos.model import MINUTE, Rules, Window

KNOWN = {"dynamic_vwap": DynamicVWAP}
FREE = {"departure": 1.0, "off_after": 1.0}
HISTORY = [np.array([2.0, 3, 5]), np.array([4.0, 6, 10])]  # its curve: 0.2, 0.5, 1


@pytest.fixture
def by_hand(monkeypatch):
    """A model made by hand in place of the fitted one: see test_session_forecast for what it expects."""
    model = VolumeModel(a_eta=1, a_mu=0.5, var_eta=0, var_mu=0, r=1, phi=(0, 0, 0), x0=(0, 0), V0=(0, 0, 0))
    made = SessionForecast(model, State(0, log(100), 0.0, 0.0, 0.0, 1.0), 1, np.arange(3), np.ones(3))
    monkeypatch.setattr(SessionForecast, "of", lambda history, width: made)


def plan(volumes=(100 * e, 100), history=HISTORY, window=(0, 3), minutes=1, **parameters):
    """The curve of an order on minute bars, each slice asked when its time has come."""
    algorithm = DynamicVWAP(**{"profile_days": 2, **FREE, **parameters})
    (first, last), today, bars = window, np.array([*volumes, 0.0]), algorithm.interval_on(minutes * MINUTE) // (minutes * MINUTE)
    dynamic = algorithm.dynamic_curve(history, first, last, minutes * MINUTE)
    return [dynamic.scheduled(k, today[:known]) for k, known in enumerate(range(first, last, bars))]


FIRST = e / (e + exp(0.625) + exp(0.53125))  # expected volumes before the open
NEXT = exp(0.8125) / (exp(0.8125) + exp(0.640625))  # of the second bar, when the first traded e times its level


@pytest.mark.usefixtures("by_hand")
class TestOnPaper:
    def test_a_slice_takes_of_what_is_left_its_part_of_the_volume_that_is_expected_yet(self):
        assert plan() == pytest.approx([FIRST, FIRST + (1 - FIRST) * NEXT, 1.0], rel=1e-13)

    def test_a_window_counts_its_own_bars_only(self):
        assert plan(window=(0, 2))[0] == pytest.approx(e / (e + exp(0.625)), rel=1e-13)
        assert plan(window=(1, 3))[0] == pytest.approx(NEXT, rel=1e-13)

    def test_a_slice_of_two_bars_takes_both(self):
        assert plan(slice_interval_seconds=120) == pytest.approx([FIRST * (1 + exp(0.625 - 1)), 1.0], rel=1e-13)

    def test_catching_up_follows_the_expected_part_of_the_windows_volume_and_half_of_it_goes_half_way(self):
        whole = (e + exp(0.8125)) / (e + exp(0.8125) + exp(0.640625))
        assert plan(catch_up=1)[:2] == pytest.approx([FIRST, whole], rel=1e-13)
        assert plan(catch_up=0.5)[1] == pytest.approx((FIRST + (1 - FIRST) * NEXT + whole) / 2, rel=1e-13)

    def test_what_has_traded_before_the_window_is_not_caught_up_with(self):
        assert plan(window=(1, 3), catch_up=1)[0] == pytest.approx(NEXT, rel=1e-13)

    def test_a_curve_that_catches_up_never_falls(self):
        made = plan(volumes=(1e-9, 1e-9), catch_up=1)
        assert made[0] <= made[1] <= made[2] == 1.0

    def test_the_curve_is_held_within_the_departure_of_the_historical_one(self):
        assert plan(departure=0.1)[:2] == pytest.approx([0.3, 0.6])

    def test_after_the_part_of_the_days_expected_volume_what_is_left_has_the_historical_shape(self):
        # e of e + exp(0.8125) + exp(0.640625) is 0.396
        historical = FIRST + (1 - FIRST) * 0.3 / 0.8
        assert plan(off_after=0.39)[1] == pytest.approx(historical, rel=1e-13)
        assert plan(off_after=0.40)[1] == plan()[1]
        assert plan(off_after=0)[:2] == pytest.approx([0.2, 0.5])

    def test_the_days_expected_volume_has_what_traded_before_the_window_and_what_comes_after_it(self):
        assert plan(window=(1, 2), slice_interval_seconds=60) == [1.0]
        assert plan(window=(1, 3), off_after=0.39)[0] == pytest.approx(0.3 / 0.8)
        assert plan(window=(0, 2), off_after=0.39)[0] == pytest.approx(e / (e + exp(0.625)))


def random_history(seed, days=8, bars=13):
    rng = np.random.default_rng(seed)
    return list(np.exp(rng.normal(5, 0.6, (days, bars)) + rng.normal(0, 0.5, (days, 1))))


def test_on_bins_of_one_slice_the_parts_are_those_of_equation_41_from_the_same_forecasts():
    history, today = random_history(1), random_history(2, 1)[0]
    forecast = SessionForecast.of(history, 1)
    table = [forecast.expected(today[:known]) for known in range(13)]
    made = plan(today, history, (0, 13), minutes=15)
    np.testing.assert_allclose(np.diff([0, *made]), dynamic_weights(np.array(table)), atol=1e-14)


def test_without_departure_it_is_vwap_to_the_last_bit():
    bars = market(4)
    kept = [
        study_of(bars, [one], window="10:00-15:30", size="1000", profile_days=2) for one in (dynamic(departure=0), VWAP(profile_days=2))
    ]
    left, right = (study.run("batch").fills.drop(columns="algorithm") for study in kept)
    assert left.equals(right)
    assert len(left) > 50


def test_a_morning_that_trades_more_than_it_does_usually_lets_the_next_bins_take_more():
    history = random_history(3, days=20)
    for day, one in enumerate(history):
        one *= np.exp(0.8 * np.sin(np.arange(13) / 2 + day))  # deviations that last
    usual = np.mean(history, axis=0)
    busy, calm = (plan(np.concatenate([usual[:3] * factor, usual[3:]]), history, (3, 13), minutes=15)[0] for factor in (3, 1 / 3))
    assert busy > 1.2 * calm


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.05, 1.0]), st.sampled_from([0.3, 0.8, 1.0]))
@settings(deadline=None, max_examples=20)
@pytest.mark.slow
def test_the_curve_rises_from_slice_to_slice_to_one_within_its_departure(seed, catch_up, departure, off_after):
    history = [one * (np.random.default_rng(seed).random(13) > 0.3) + 1 for one in random_history(seed, 3)]
    today = random_history(seed + 1, 1)[0] * 10.0 ** np.random.default_rng(seed).integers(-3, 4)
    made = plan(today, history, (2, 13), minutes=15, catch_up=catch_up, departure=departure, off_after=off_after)
    static = plan(today, history, (2, 13), minutes=15, departure=0)
    assert made[-1] == 1.0
    assert (np.diff([0, *made]) >= 0).all()
    assert np.abs(np.subtract(made, static)).max() <= departure + 1e-12


def test_what_an_earlier_slice_makes_of_the_market_does_not_depend_on_when_it_is_asked_nor_on_what_comes_later():
    history, today = random_history(5), random_history(6, 1)[0]
    algorithm = DynamicVWAP(profile_days=2, catch_up=0.5, **FREE)
    asked, late, wiser = (algorithm.dynamic_curve(history, 1, 13, 15 * MINUTE) for _ in range(3))
    each = [asked.scheduled(k, today[: k + 1]) for k in range(12)]
    assert late.scheduled(7, today[:8]) == each[7]
    assert [late.scheduled(k, today[: k + 1]) for k in range(12)] == each
    assert [wiser.scheduled(k, today) for k in range(12)] == each


# --- the same bits from every driver


def dynamic(**parameters):
    return DynamicVWAP(**{"profile_days": 2, "bin_minutes": 60, **parameters})


variants = st.sampled_from(
    [
        dynamic(profile_days=3),
        dynamic(catch_up=1, departure=1),
        dynamic(off_after=0.3, bin_minutes=30),
        dynamic(slice_interval_seconds=5400, departure=1, off_after=1, bin_minutes=90),
    ]
)
every_rule = st.builds(
    Rules,
    residual=st.sampled_from(["cancel", "force", "extend", "close_auction"]),
    min_child=st.sampled_from([None, 10]),
    max_child=st.sampled_from([None, 70]),
    limit_price=st.sampled_from([None, 20.0]),
)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.3]),
    variants,
    fill_models,
    every_rule,
    st.sampled_from([None, "10:00-12:30", "12:00-15:40"]),
)
@settings(deadline=None, max_examples=15)
@pytest.mark.slow
def test_the_engine_and_the_compiled_loop_give_the_same_bits(seed, silent, algorithm, model, rules, window):
    bars = market(seed, silent=silent)
    model = model if rules.residual == "cancel" else replace(model, latency=0)  # the compiled loop refuses the two together
    orders = ParentOrders.grid(bars, calendar="XNYS", profile_days=2, size="30%adv", window=window, lot_size=10, sides=("BUY", "SELL"))
    study = SlippageStudy(bars, orders, [algorithm], model, rules)
    batch = outcome(study, "batch")
    assert_same(batch, outcome(study, "engine"))
    if not isinstance(batch, str):
        parents = batch.parents
        assert (parents["filled"] <= parents["quantity"]).all()
        assert (
            batch.fills.groupby("parent_id")["quantity"].sum().to_dict()
            == parents.set_index("parent_id").query("filled > 0")["filled"].to_dict()
        )


@pytest.mark.parametrize("residual", ["cancel", "force", "extend", "close_auction"])
@pytest.mark.slow
def test_every_residual_policy_works_what_the_cap_has_left(residual):
    bars = market(11, missing=0.0, silent=0.0)
    model, rules = FillModel(max_participation=0.1), Rules(residual=residual)
    orders = ParentOrders.grid(bars, calendar="XNYS", profile_days=2, size="20%adv", window="10:00-12:30", sides=("BUY",))
    study = SlippageStudy(bars, orders, [dynamic()], model, rules)
    batch = study.run("batch")
    assert_same(batch, study.run("engine"))
    rate = batch.parents["filled"].sum() / batch.parents["quantity"].sum()
    assert rate == 1 if residual == "force" else rate < 1


FROM = ns(DAYS[2], "09:30")


def in_a_loop(bars, algorithm, start, end):
    """The same order through a `SteppedBroker` in a hand-written loop."""
    loop = Loop(bars, "XNYS", FROM)
    executor = AlgorithmExecutor(loop.broker)
    order = executor.start(algorithm, executor.order("A", 1000, side="BUY"), Window(start=start, end=end))
    loop.broker.decide()
    for now in grid(sessions("XNYS", FROM, FROM + 7 * STEP), STEP, FROM)[1:]:
        loop.advance(now)
    return order.fills


@pytest.mark.parametrize("algorithm", [dynamic(), dynamic(catch_up=1, departure=1, bin_minutes=30)])
def test_a_stand_alone_broker_a_loop_of_ones_own_and_the_batch_give_the_same_fills(algorithm):
    bars = market(8, missing=0.1)
    start, end = ns(DAYS[2], "10:30"), ns(DAYS[2], "15:00")
    broker = SimulatedBroker(bars, calendar="XNYS", start=FROM)
    alone = asyncio.run(AlgorithmExecutor(broker).execute("A", 1000, algorithm, start=start, end=end))
    batch = study_of(bars, [algorithm], size="1000", window="10:30-15:00", sides=("BUY",), profile_days=2).run("batch").fills
    mine = batch[(batch["symbol"] == "A") & (batch["timestamp"].dt.date.astype(str) == DAYS[2])]
    expected = list(zip(mine["timestamp"].astype("int64"), mine["quantity"], mine["price"], strict=True))
    assert [(one.time, one.quantity, one.fill_price) for one in alone] == expected
    assert [(one.time, one.quantity, one.fill_price) for one in in_a_loop(bars, algorithm, start, end)] == expected


def test_an_amended_order_is_planned_anew_with_what_has_traded_since_the_open():
    bars = market(8, missing=0.0, silent=0.0)
    loop = Loop(bars, "XNYS", FROM)
    executor = AlgorithmExecutor(loop.broker)
    order = executor.start(dynamic(), executor.order("A", 1000, side="BUY"), Window(start=FROM, end=ns(DAYS[2], "15:30")))
    loop.broker.decide()
    for now in range(FROM + STEP, ns(DAYS[2], "15:30") + STEP, STEP):
        loop.advance(now, lambda closing, now=now: now == FROM + 4 * STEP and order.amend(end="13:30"))
    assert order.filled == 1000
    assert max(one.time for one in order.fills) < ns(DAYS[2], "13:30")


# --- nothing of the future


def later_changed(bars, t, other):
    """The bars up to t, and those of another market after it."""

    def rows(of, symbol, keep):
        own = of.rows(symbol)
        columns = (of.start, of.open, of.high, of.low, of.close, of.volume, np.full(len(of), np.nan))
        return [row for row in zip(*(column[own].tolist() for column in columns), strict=True) if keep(row[0] + STEP <= t)]

    return bars_of({s: [*rows(bars, s, lambda past: past), *rows(other, s, lambda past: not past)] for s in bars.symbols})


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.sampled_from(["batch", "engine"]), variants)
@settings(deadline=None, max_examples=10)
@pytest.mark.slow
def test_what_is_filled_up_to_t_does_not_change_when_every_later_bar_does(seed, slots, driver, algorithm):
    bars, t = market(seed, missing=0.0, silent=0.0), ns(DAYS[-1], "09:30") + slots * STEP
    runs = [
        study_of(one, [algorithm], size="3000", profile_days=2).run(driver)
        for one in (bars, later_changed(bars, t, market(seed + 1, missing=0.0, silent=0.0)))
    ]
    known = [run.fills[run.fills["timestamp"].astype("int64") + STEP <= t].to_csv(index=False) for run in runs]
    assert known[0] == known[1]
    assert "A" in known[0]
    assert runs[0].fills.to_csv() != runs[1].fills.to_csv()


def test_the_broker_tells_completed_bars_of_today_and_whole_sessions_before():
    bars = market(8, missing=0.0, silent=0.0)
    broker = SimulatedBroker(bars, calendar="XNYS", start=FROM)
    volumes = bars.volume[bars.rows("A")]

    async def look():
        told = [await broker.get_volumes_today("A", STEP)]
        for later in (STEP, 2 * STEP - 1, 2 * STEP):
            await broker.clock.sleep_until(FROM + later)
            told.append(await broker.get_volumes_today("A", STEP))
        return told, await broker.get_volume_history("A", 2, STEP)

    today, history = asyncio.run(look())
    assert [one.tolist() for one in today] == [volumes[26 : 26 + n].tolist() for n in (0, 1, 1, 2)]
    assert [one.tolist() for one in history] == [volumes[:13].tolist(), volumes[13:26].tolist()]


# --- what is said, and what is refused

KNOBS = {"profile_days": 3, "bin_minutes": 180, "catch_up": 1, "departure": 0, "off_after": 0, "slice_interval_seconds": 3600}


@pytest.mark.parametrize("knob", KNOBS)
def test_every_knob_is_heard(knob):
    bars = market(9, missing=0.0, silent=0.0)
    plain, turned = (
        study_of(bars, [dynamic(**{"departure": 1, **given})], size="3000", sides=("BUY",), profile_days=3).run().fills
        for given in ({}, {knob: KNOBS[knob]})
    )
    assert plain["quantity"].tolist() != turned["quantity"].tolist()


def test_the_executor_hears_every_parameter_of_the_algorithm():
    bars = market(9, missing=0.0, silent=0.0)
    given = {"profile_days": 2, "slice_interval_seconds": 3600, "bin_minutes": 60, "catch_up": 0.5, "departure": 0.7, "off_after": 0.9}
    brokers = [SimulatedBroker(bars, calendar="XNYS", start=FROM) for _ in range(2)]
    executor = DynamicVWAPExecutor(brokers[0])
    fills = asyncio.run(executor.execute("A", 1000, **given))
    assert fills == asyncio.run(AlgorithmExecutor(brokers[1]).execute("A", 1000, DynamicVWAP(**given)))
    assert executor.get_execution_summary()["total_quantity"] == 1000
    assert brokers[0].market.parents[0].parent.algorithm == str(DynamicVWAP(**given))


def test_the_text_form_is_the_same_value():
    text = "dynamic_vwap:profile_days=40,bin_minutes=30,catch_up=1,departure=0.2,off_after=0.9"
    made = DynamicVWAP(profile_days=40, bin_minutes=30, catch_up=1, departure=0.2, off_after=0.9)
    assert parse_algorithm(text, KNOWN) == made
    assert str(made) == text
    assert str(DynamicVWAP()) == "dynamic_vwap"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"profile_days": 1}, "profile_days must be at least 2, got 1; 20 or more"),
        ({"bin_minutes": 0}, "bin_minutes must be positive and finite, got 0"),
        ({"bin_minutes": float("nan")}, "bin_minutes must be positive and finite, got nan"),
        ({"departure": 1.5}, r"departure is a fraction in \[0, 1\], got 1.5; 10 % is 0.1"),
        ({"off_after": -0.1}, r"off_after is a fraction in \[0, 1\], got -0.1"),
        ({"catch_up": 2}, r"catch_up is a fraction in \[0, 1\], got 2"),
        ({"slice_interval_seconds": 0}, "slice_interval_seconds must be positive"),
    ],
)
def test_a_parameter_out_of_range_is_refused_with_its_value(given, message):
    with pytest.raises(UsageError, match=message):
        DynamicVWAP(**given)


@pytest.mark.parametrize("driver", ["batch", "engine"])
def test_too_short_a_history_is_skipped_in_a_study_and_refused_by_an_executor(driver):
    bars = market(9, missing=0.0, silent=0.0)
    study = study_of(bars, [dynamic(profile_days=4)], size="100", profile_days=1)
    assert set(study.run(driver).skipped["reason"].tail(3)) >= {
        "dynamic_vwap:profile_days=4,bin_minutes=60: the volume profile needs 4 earlier sessions with data, there are 3"
    }
    broker = SimulatedBroker(bars, calendar="XNYS", start=FROM)
    with pytest.raises(NotEnoughHistoryError, match="needs 4 earlier sessions with data, there are 2"):
        asyncio.run(AlgorithmExecutor(broker).execute("A", 100, dynamic(profile_days=4)))


def test_a_window_in_which_nothing_ever_traded_is_refused_with_a_way_out():
    rows = [(start, 20.0, 20.0, 20.0, 20.0, 0.0 if start % (24 * 2 * STEP) == ns(DAYS[0], "10:00") % (48 * STEP) else 10.0, np.nan)
            for day in DAYS[:4] for start in grid_of(day)]  # fmt: skip
    broker = SimulatedBroker(bars_of({"A": rows}), calendar="XNYS", start=FROM)
    with pytest.raises(UsageError, match="nothing traded in the order's window in the earlier sessions; use TWAP"):
        asyncio.run(AlgorithmExecutor(broker).execute("A", 100, dynamic(), start="10:00", end="10:30"))


class Blind(SimulatedBroker):
    """A broker that has no volumes by bar."""

    get_volume_history = BrokerAPI.get_volume_history
    get_volumes_today = BrokerAPI.get_volumes_today


def test_a_broker_without_volumes_by_bar_says_what_to_do_and_works_every_other_algorithm():
    broker = Blind(market(9, missing=0.0, silent=0.0), calendar="XNYS", start=FROM)
    with pytest.raises(UsageError, match="Blind gives no volumes of A by bar; override get_volume_history and get_volumes_today, or use"):
        asyncio.run(AlgorithmExecutor(broker).execute("A", 100, dynamic()))
    with pytest.raises(UsageError, match="override get_volumes_today"):
        asyncio.run(broker.get_volumes_today("A", STEP))
    assert asyncio.run(TWAPExecutor(broker).execute("A", 100, 60, 1800))


def test_an_algorithm_that_says_it_forecasts_and_does_not_is_told_what_it_lacks():
    class Vague(VWAP):
        forecasts = True

    broker = SimulatedBroker(market(9), calendar="XNYS", start=FROM)
    with pytest.raises(UsageError, match=r"vwap says that it forecasts, so it needs a method dynamic_curve\(history, first, last, step\)"):
        asyncio.run(AlgorithmExecutor(broker).execute("A", 100, Vague(profile_days=1), end=FROM + 2 * STEP))
