import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.calendars import DAY, Sessions, daily_hours
from exec_algos.market.synthetic import (
    MINUTE,
    recent_sessions,
    synthesize,
    synthetic_bars,
    synthetic_market,
    synthetic_session,
    volume_curve,
)
from exec_algos.market.traits import Halt, Traits, cent_ticks, krx_ticks

OPEN = 1_759_239_000 * 10**9  # 2025-09-30 13:30 UTC
COLUMNS = ("start", "open", "high", "low", "close", "volume")


def days(count: int) -> Sessions:
    """That many weekdays of 390 minutes."""
    found = daily_hours("UTC", "09:00", "15:30", 0, 2 * count * DAY)
    return head(found, count)


def head(found: Sessions, count: int) -> Sessions:
    return found.take(np.arange(min(count, len(found))))


def table(column, minutes=390):
    return column.reshape(-1, minutes)


def same(one, other) -> bool:
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in COLUMNS)


def autocorrelation(x, lag=1):
    x = x - x.mean()
    return float((x[lag:] * x[:-lag]).mean() / (x * x).mean())


@pytest.fixture(scope="module")
def long_run():
    """400 sessions of a liquid name."""
    return synthetic_market("ANY", seed=3, sessions=days(400))


def test_volume_is_a_u_with_a_closing_burst(long_run):
    mean = table(long_run.volume).mean(axis=0)
    midday = mean[150:240].mean()
    assert mean[:10].mean() > 3 * midday
    assert mean[-30:-1].mean() > 2 * midday
    assert mean[-1] > 5 * mean[-30:-1].mean() / 2
    assert mean[-1] > 15 * midday


def test_the_volume_curve_is_what_volumes_follow_on_average(long_run):
    mean = table(long_run.volume).mean(axis=0)
    assert volume_curve(390).sum() == pytest.approx(1.0)
    assert np.corrcoef(mean, volume_curve(390))[0, 1] > 0.99


def test_volatility_clusters_across_minutes_and_returns_do_not(long_run):
    moves = table(np.log(long_run.close / long_run.open))
    size = np.abs(moves) / np.abs(moves).mean(axis=0)
    bound = 4 / np.sqrt(size.size)
    assert all(autocorrelation(size.ravel(), lag) > bound for lag in (1, 2, 5, 10, 20))
    assert abs(autocorrelation(moves.ravel())) < bound


def test_volatility_and_volume_cluster_across_days_and_go_together(long_run):
    moves = table(np.log(long_run.close / long_run.open))
    volatility, volume = np.sqrt((moves**2).mean(axis=1)), np.log(table(long_run.volume).sum(axis=1))
    assert autocorrelation(volatility) > 4 / np.sqrt(400)
    assert autocorrelation(volume) > 4 / np.sqrt(400)
    assert np.corrcoef(volatility, volume)[0, 1] > 4 / np.sqrt(400)


def test_sessions_open_with_a_gap(long_run):
    first, last = table(long_run.open)[1:, 0], table(long_run.close)[:-1, -1]
    gap = np.abs(np.log(first / last)).mean()
    assert gap > 10 * np.abs(np.log(table(long_run.open)[:, 1:] / table(long_run.close)[:, :-1])).mean()
    assert 0.002 < gap < 0.02


def test_level_of_volume_and_volatility_are_those_asked_for():
    bars = synthetic_bars(["A", "B"], days(300), seed=5, price=50.0, adv=800_000, volatility=0.03)
    one = bars.rows("A")
    assert table(bars.volume).sum(axis=1).mean() == pytest.approx(800_000, rel=0.15)
    inside = np.log(table(bars.close[one])[:, -1] / table(bars.open[one])[:, 0])
    assert inside.std() == pytest.approx(0.03, rel=0.2)


def test_any_ticker_starts_near_a_hundred_and_a_tenth_of_a_bar_holds_twenty_shares(long_run):
    assert long_run.open[0] == pytest.approx(100.0, abs=3.0)
    assert long_run.volume.min() >= 200
    assert 50 < long_run.close.min() < long_run.close.max() < 200


@pytest.mark.slow
@settings(max_examples=60)
@given(
    symbol=st.text(max_size=8),
    seed=st.integers(0, 2**64),
    minutes=st.integers(2, 500),
    traits=st.builds(
        Traits,
        price=st.floats(0.02, 2e6),
        adv=st.floats(1.0, 1e9),
        volatility=st.floats(1e-4, 0.2),
        missing=st.floats(0.0, 0.9),
        ticks=st.sampled_from([cent_ticks, krx_ticks]),
    ),
)
def test_every_bar_can_be_true(symbol, seed, minutes, traits):
    bars = synthetic_session(symbol, OPEN, OPEN + minutes * MINUTE, seed=seed, traits=traits)
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low > 0).all()
    assert np.isfinite(bars.high).all()
    assert (bars.volume >= 1).all()
    assert (bars.volume == np.rint(bars.volume)).all()
    assert (np.diff(bars.start) >= MINUTE).all()
    assert set((bars.start - OPEN) % MINUTE) <= {0}
    assert ((bars.start >= OPEN) & (bars.start < OPEN + minutes * MINUTE)).all()
    for column in bars[1:5]:
        assert traits.ticks(column).tobytes() == np.ascontiguousarray(column).tobytes()


# Tick sizes as the exchange published them for 25 January 2023.
@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (0.2, 1.0), (1_999.4, 1_999.0), (1_999.6, 2_000.0), (2_003.0, 2_005.0), (4_996.0, 4_995.0), (5_006.0, 5_010.0),
        (19_994.0, 19_990.0), (20_030.0, 20_050.0), (49_960.0, 49_950.0), (50_060.0, 50_100.0), (199_940.0, 199_900.0),
        (200_300.0, 200_500.0), (499_700.0, 499_500.0), (500_600.0, 501_000.0), (1_234_567.0, 1_235_000.0),
    ],
)  # fmt: skip
def test_korean_tick_sizes(price, expected):
    assert krx_ticks(np.array([price])).tolist() == [expected]


def test_cents():
    assert cent_ticks(np.array([0.001, 10.016, 10.014])).tolist() == [0.01, 10.02, 10.01]


def test_a_halt_leaves_a_hole_and_a_jump():
    halt = Halt("2025-09-30", 100, 30, -0.06)
    plain = synthetic_session("A", OPEN, OPEN + 390 * MINUTE)
    halted = synthetic_session("A", OPEN, OPEN + 390 * MINUTE, traits=Traits(halts=(halt,)))
    assert sorted({*plain.start.tolist()} - {*halted.start.tolist()}) == [OPEN + m * MINUTE for m in range(100, 130)]
    assert halted.open[100] / halted.close[99] == pytest.approx(0.94, abs=0.001)
    assert plain.close[:100].tolist() == halted.close[:100].tolist()


def test_a_halt_may_last_until_the_close_and_touches_no_other_day():
    to_the_close = Traits(halts=(Halt("2025-09-30", 300, 200, 0.1),))
    assert len(synthetic_session("A", OPEN, OPEN + 390 * MINUTE, traits=to_the_close).start) == 300
    assert len(synthetic_session("A", OPEN + DAY, OPEN + DAY + 390 * MINUTE, traits=to_the_close).start) == 390


def test_the_same_arguments_give_the_same_bytes():
    assert same(synthetic_market("A", seed=1, sessions=days(5)), synthetic_market("A", seed=1, sessions=days(5)))


def test_other_seeds_symbols_and_days_give_other_bars():
    def closes(symbol="A", seed=0, day=0):
        return synthetic_session(symbol, OPEN + day * DAY, OPEN + day * DAY + 390 * MINUTE, seed=seed).close.tobytes()

    assert len({closes(), closes(symbol="B"), closes(seed=1), closes(day=1), closes(seed=2**40)}) == 5


def test_a_name_does_not_depend_on_the_others_nor_on_their_order():
    many = synthetic_bars(["C", "A", "B"], days(4), seed=2)
    assert many.symbols == ("A", "B", "C")
    assert same(many, synthetic_bars(["B", "C", "A"], days(4), seed=2))
    assert all(same(many.select([name]), synthetic_bars([name], days(4), seed=2)) for name in "ABC")


def test_a_shorter_period_is_the_beginning_of_a_longer_one():
    short, long = (synthetic_market("A", sessions=days(n)) for n in (3, 6))
    assert long.close[: len(short)].tobytes() == short.close.tobytes()


def test_sessions_chained_by_hand_are_the_market():
    hours = days(3)
    first = synthetic_session("A", int(hours.open[0]), int(hours.close[0]))
    second = synthetic_session("A", int(hours.open[1]), int(hours.close[1]), carry=first.carry)
    whole = synthetic_market("A", sessions=hours)
    assert whole.close[:780].tolist() == [*first.close, *second.close]


@pytest.mark.slow
def test_a_calendar_may_be_named():
    bars = synthetic_bars(["A"], "24/7")
    assert (len(bars), bars.zone, bars.step) == (60 * 1440, "UTC", MINUTE)
    hours = recent_sessions("24/7")
    assert hours.date[[0, -1]].astype(str).tolist() == ["2025-10-25", "2025-12-23"]
    with pytest.raises(UnknownNameError, match="did you mean"):
        synthetic_bars(["A"], "XNYZ")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"price": 0.0}, "price of a synthetic name must be a positive number, got 0.0"),
        ({"adv": -1.0}, "adv of a synthetic name"),
        ({"volatility": float("nan")}, "volatility of a synthetic name"),
        ({"volatility": 15.0}, "write 0.015 for 1.5 %"),
        ({"missing": 0.95}, "missing is a fraction of the minutes"),
        ({"missing": -0.1}, "missing is a fraction of the minutes"),
        ({"halts": (Halt("2025-09-30", -1, 30, 0.0),)}, "a halt starts at minute 0"),
        ({"halts": (Halt("2025-09-30", 1, 0, 0.0),)}, "a halt starts at minute 0"),
        ({"halts": (Halt("2025-09-30", 1, 1, -1.0),)}, "a halt starts at minute 0"),
    ],
)
def test_a_name_that_cannot_be_is_refused(wrong, says):
    with pytest.raises(UsageError, match=says):
        Traits(**wrong)


def test_what_gives_no_bars_is_refused():
    with pytest.raises(UsageError, match="seed must not be negative, got -1"):
        synthetic_market("A", seed=-1, sessions=days(1))
    with pytest.raises(UsageError, match="need names and sessions, got 0 names"):
        synthesize({}, days(1))
    with pytest.raises(UsageError, match="and 0 sessions"):
        synthetic_market("A", sessions=head(days(1), 0))
    with pytest.raises(UsageError, match="two minutes or more, got 60 s"):
        synthetic_session("A", OPEN, OPEN + MINUTE)
