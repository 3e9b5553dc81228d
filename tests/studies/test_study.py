"""A study from the outside: every knob moves what it should, what is left out is counted, what cannot be is refused."""

import asyncio
import math

import numpy as np
import pandas as pd
import pytest
from markets import DAYS, STEP, assert_same, bars_of, grid_of, market, ns, study_of

from exec_algos import (
    TWAP,
    VWAP,
    BacktestEngine,
    Bars,
    Commission,
    FillModel,
    OrderEvent,
    ParentOrders,
    SimulatedBroker,
    SlippageStudy,
    Strategy,
    TWAPExecutor,
    VWAPExecutor,
)
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.samples import load_samples

DRIVERS = ["batch", "engine"]
BARS = market(21, ("A", "B"), missing=0.1, silent=0.0, vendor=True)
GRID = {"calendar": "XNYS", "size": "300", "profile_days": 2, "sides": ("BUY",), "lot_size": 1, "window": None}


def run(driver="batch", names=("twap", "vwap:profile_days=2"), bars=BARS, **knobs):
    model = FillModel(**{name: knobs.pop(name) for name in list(knobs) if name in FillModel.__dataclass_fields__})
    return study_of(bars, list(names), model, **{**GRID, **knobs}).run(driver)


KNOBS = {
    "price": ("vwap", "average_price"),
    "max_participation": (0.1, "filled"),
    "latency": (1800, "average_price"),
    "size": ("400", "quantity"),
    "sides": (("SELL",), "side"),
    "window": ("11:00-12:00", "start"),
    "lot_size": (7, "quantity"),
    "profile_days": (1, "quantity"),
    "calendar": (None, "end"),
}
SETTINGS = {"profile_days": {"size": "10%adv", "names": ["twap"]}}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("knob", KNOBS)
def test_every_knob_is_heard(driver, knob):
    value, column = KNOBS[knob]
    setting = {"bars": with_extended_hours()} if knob == "calendar" else SETTINGS.get(knob, {})
    plain, turned = run(driver, **setting).parents, run(driver, **{**setting, knob: value}).parents
    assert plain[column].iloc[-4:].tolist() != turned[column].iloc[-4:].tolist()


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    ("schedule", "fee"),
    [
        (Commission(rate=0.001), lambda parents: 0.001 * parents["filled"] * parents["average_price"]),
        (Commission(per_share=0.01), lambda parents: 0.01 * parents["filled"]),
        (Commission(minimum=2.0), lambda parents: 2.0 * parents["children"]),
    ],
)
def test_each_part_of_the_commission_is_charged(driver, schedule, fee):
    parents = run(driver, commission=schedule, bars=market(21, missing=0.0, silent=0.0)).parents
    np.testing.assert_allclose(parents["commission"], fee(parents))
    assert (parents["commission"] > 0).all()


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_interval_is_heard_and_rounded_up_to_whole_bars(driver):
    children = [
        int(run(driver, [f"twap:slice_interval_seconds={s}"], bars=market(1, missing=0.0)).parents["children"].iloc[0])
        for s in (60, 1800, 1801, 3600, 23400)
    ]
    assert children == [13, 13, 7, 7, 1]


def test_the_profile_of_vwap_has_its_own_days():
    one, two = (run(names=[f"vwap:profile_days={days}"]).parents["average_price"].tolist() for days in (1, 2))
    assert one != two


def test_a_children_count_is_the_orders_that_were_released():
    rows = [(t, 10.0, 10.0, 10.0, 10.0, 100.0, math.nan) for day in DAYS[:2] for t in grid_of(day)]
    parents = run(names=["twap"], bars=bars_of({"A": rows}), size="5", profile_days=1).parents
    assert parents["children"].tolist() == [5]


# --- the executors' own knobs


MORNING = ns(DAYS[2], "09:30")


def execute(kind, model=None, begin=MORNING, **options):
    broker = SimulatedBroker(BARS, fill_model=model, calendar="XNYS", start=begin)
    return asyncio.run(kind(broker).execute("A", 300, **options))


def plain(fills):
    return [(one.time, one.quantity, one.fill_price) for one in fills]


@pytest.mark.parametrize(
    "options",
    [
        {"duration_minutes": 120},
        {"slice_interval_seconds": 3600},
        {"max_participation": 0.05},
        {"lot_size": 100},
        {"start": "11:00"},
    ],
)
def test_every_knob_of_twap_is_heard(options):
    assert plain(execute(TWAPExecutor, duration_minutes=390)) != plain(execute(TWAPExecutor, **{"duration_minutes": 390, **options}))


@pytest.mark.parametrize(
    "options",
    [
        {"start_time_str": "11:00"},
        {"end_time_str": "12:00"},
        {"volume_profile_days": 1},
        {"slice_interval_seconds": 3600},
        {"max_participation": 0.05},
        {"lot_size": 100},
    ],
)
def test_every_knob_of_vwap_is_heard(options):
    assert plain(execute(VWAPExecutor, volume_profile_days=2)) != plain(execute(VWAPExecutor, **{"volume_profile_days": 2, **options}))


@pytest.mark.parametrize("kind", [TWAPExecutor, VWAPExecutor])
def test_the_side_is_on_every_fill_and_pays_its_own_price(kind):
    days = {"volume_profile_days": 2} if kind is VWAPExecutor else {}
    worst = FillModel(price="worst")
    buys, sales = (execute(kind, worst, side=side, **days) for side in ("BUY", "SELL"))
    assert {one.side.name for one in buys} == {"BUY"}
    assert {one.side.name for one in sales} == {"SELL"}
    assert [one.fill_price for one in buys] != [one.fill_price for one in sales]


@pytest.mark.parametrize("day", [1, 2, 3])
def test_a_broker_starts_where_it_is_told(day):
    fills = execute(TWAPExecutor, begin=ns(DAYS[day], "10:00"))
    assert ns(DAYS[day], "10:00") <= fills[0].time < ns(DAYS[day], "16:00")


class Buyer(Strategy):
    def on_bar(self, event):
        if event.symbol == "A":
            self.event_queue.put(OrderEvent(symbol="A", quantity=1))


@pytest.mark.parametrize("clock", ["09:30", "12:00"])
def test_a_backtest_starts_where_it_is_told(clock):
    result = BacktestEngine(BARS, [Buyer], calendar="XNYS", start=ns(DAYS[1], clock)).run()
    own = BARS.start[BARS.rows("A")]
    assert result.fills["timestamp"].iloc[0].value == own[own >= ns(DAYS[1], clock)][1]


def test_the_calendar_of_a_backtest_ends_an_order_with_the_half_day():
    rows = [(t, 10.0, 10.0, 10.0, 10.0, 100.0, math.nan) for t in range(ns(DAYS[3], "09:30"), ns(DAYS[3], "16:00"), STEP)]
    ends = [BacktestEngine(bars_of({"A": rows}), [Buyer], calendar=name).run().parents["end"].iloc[0] for name in (None, "XNYS")]
    assert [f"{one:%H:%M}" for one in ends] == ["16:00", "13:00"]


# --- what a study leaves out


def with_extended_hours():
    rows = [(t, 10.0, 10.0, 10.0, 10.0, 100.0, math.nan) for day in DAYS for t in range(ns(day, "08:30"), ns(day, "17:00"), STEP)]
    return bars_of({"A": rows})


@pytest.mark.parametrize("driver", DRIVERS)
def test_bars_outside_the_regular_hours_are_left_out_and_counted(driver):
    result = run(driver, bars=with_extended_hours())
    assert result.config["bars_outside_regular_hours"] == 4 * (2 + 2) + (2 + 8)
    assert len(result.bars) == 4 * 13 + 7
    assert result.config["bars"] == len(result.bars)


@pytest.mark.parametrize("driver", DRIVERS)
def test_bars_outside_the_regular_hours_change_nothing(driver):
    regular = with_extended_hours().take(np.isin(with_extended_hours().start, [t for day in DAYS for t in grid_of(day)]))
    assert_same(run(driver, bars=with_extended_hours()), run(driver, bars=regular))


@pytest.mark.market_data
def test_extended_hours_of_real_bars_are_counted(market_data):
    bars = Bars.read(market_data / "us_lean" / "GOOG.parquet")
    result = run(bars=bars, names=["twap", "vwap:profile_days=1"], profile_days=1)
    local = bars.to_frame().droplevel(0).between_time("09:30", "15:59")
    regular = int(((local.index.strftime("%Y-%m-%d") != "2015-12-24") | (local.index.hour < 13)).sum())
    assert result.config["bars_outside_regular_hours"] == len(bars) - regular
    assert result.fills["timestamp"].dt.strftime("%H:%M").max() <= "15:59"
    eve = result.fills[result.fills["timestamp"].dt.strftime("%Y-%m-%d") == "2015-12-24"]
    assert eve["timestamp"].dt.strftime("%H:%M").max() == "12:59"


@pytest.mark.slow
@pytest.mark.parametrize("driver", DRIVERS)
def test_the_half_day_of_the_sample_set_has_its_own_length_and_a_whole_curve(driver):
    bars = load_samples()["XNYS"].select(["SYNMID"]).between(ns("2025-11-20", "09:30"), ns("2025-12-01", "16:00"))
    result = run(driver, bars=bars, size="1%adv", profile_days=5, names=["vwap:profile_days=5"])
    half = result.parents[result.parents["session"] == "2025-11-28"].iloc[0]
    fills = result.fills[result.fills["parent_id"] == half["parent_id"]]
    assert (half["start"].strftime("%H:%M"), half["end"].strftime("%H:%M"), half["residual"]) == ("09:30", "13:00", 0)
    done = fills.set_index("timestamp")["quantity"].cumsum() / half["quantity"]
    volume = bars.to_frame().droplevel(0)["volume"].loc["2025-11-20":"2025-11-26"]
    share = volume[(volume.index - volume.index.normalize()) < pd.Timedelta("12:45:00")].sum() / volume.sum()  # half of each full day
    assert done.loc[:"2025-11-28 11:14"].iloc[-1] == pytest.approx(share, abs=0.002)


def test_an_order_for_which_one_algorithm_has_no_profile_is_skipped_for_all():
    result = run(names=["twap", "vwap:profile_days=4"])
    assert set(result.parents["session"].dt.strftime("%Y-%m-%d")) == {DAYS[4]}
    assert sorted(result.parents["algorithm"].unique()) == ["twap", "vwap:profile_days=4"]
    late = result.skipped[result.skipped["session"] == DAYS[3]]
    assert late["reason"].tolist() == ["vwap:profile_days=4: the volume profile needs 4 earlier sessions with data, there are 3"] * 2


def test_a_window_in_which_nothing_traded_before_has_no_curve():
    rows = [(t, 10.0, 10.0, 10.0, 10.0, 0.0 if t == ns(DAYS[0], "10:00") else 5.0, math.nan) for day in DAYS[:3] for t in grid_of(day)]
    result = run(names=["vwap:profile_days=1"], bars=bars_of({"A": rows}), window="10:00-10:30", profile_days=1)
    assert result.skipped.values.tolist()[-1] == ["A", DAYS[1], "vwap:profile_days=1: nothing traded in the window in the earlier sessions"]


def test_no_order_left_is_an_error_that_says_why():
    with pytest.raises(
        UsageError,
        match=r"no parent order is left to study, 10 were skipped: 10 x the volume profile needs 9 .* there are 0-4",
    ):
        run(profile_days=9)


def test_bars_off_the_sessions_grid_are_refused():
    rows = [(t + 60 * 10**9, 10.0, 10.0, 10.0, 10.0, 5.0, math.nan) for day in DAYS[:3] for t in list(grid_of(day))[:-1]]
    with pytest.raises(UsageError, match="does not start a whole number of 1800 s bars after its session's open"):
        run(bars=bars_of({"A": rows}))


# --- how a study is asked for


def test_algorithms_are_values_or_text():
    parents = ParentOrders.grid(BARS, calendar="XNYS", profile_days=2, sides=("BUY", "SELL"))
    by_value = SlippageStudy(BARS, parents, [TWAP(slice_interval_seconds=3600), VWAP(profile_days=2)]).run()
    by_text = SlippageStudy(BARS, parents, ["twap:slice_interval_seconds=3600", "vwap:profile_days=2"]).run()
    assert_same(by_value, by_text)


def test_algorithms_that_differ_in_the_eighth_digit_are_two():
    names = [str(TWAP(slice_interval_seconds=seconds)) for seconds in (1_234_567, 1_234_568, 3600.125)]
    assert names == ["twap:slice_interval_seconds=1234567", "twap:slice_interval_seconds=1234568", "twap:slice_interval_seconds=3600.125"]
    assert study_of(BARS, names).algorithms[0] == TWAP(slice_interval_seconds=1_234_567)


@pytest.mark.parametrize("names", [[], ["twap", "twap"], ["twap", TWAP()]])
def test_a_study_needs_algorithms_each_once(names):
    with pytest.raises(UsageError, match="at least one algorithm, and each only once"):
        study_of(BARS, names)


def test_an_unknown_algorithm_or_driver_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="did you mean twap"):
        study_of(BARS, ["twapp"])
    with pytest.raises(UnknownNameError, match="did you mean batch"):
        study_of(BARS, ["twap"]).run("bach")


def test_progress_is_told_before_each_algorithm_and_at_the_end():
    told = []
    study_of(BARS, ["twap", "vwap:profile_days=2"], profile_days=2).run(progress=lambda *news: told.append(news))
    assert told == [("twap", 0, 2), ("vwap:profile_days=2", 1, 2), ("", 2, 2)]


@pytest.mark.parametrize("driver", DRIVERS)
def test_results_do_not_change_with_the_order_in_which_symbols_are_given(driver):
    turned = Bars.concat([BARS.select(["B"]), BARS.select(["A"])])
    assert_same(run(driver), run(driver, bars=turned))


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_symbol_alone_has_the_results_it_has_in_company(driver):
    both, alone = run(driver).parents, run(driver, bars=BARS.select(["B"])).parents
    mine = both[both["symbol"] == "B"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine.drop(columns="parent_id"), alone.drop(columns="parent_id"), check_exact=True)


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_same_study_gives_the_same_bytes(driver):
    assert run(driver).parents.to_csv() == run(driver).parents.to_csv()
