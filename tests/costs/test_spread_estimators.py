"""Spreads: estimators against closed forms and simulated markets of known spread; spread objects that see no future."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_markets import MINUTE, minute_bars

from exec_algos import Bars
from exec_algos.costs import FixedSpread
from exec_algos.costs.estimators import SpreadEstimate, abdi_ranaldo, corwin_schultz, estimate_of, roll, sessions_of
from exec_algos.costs.spread import EstimatedSpread, QuotedSpread, TickSpread
from exec_algos.costs.ticks import KRX_2023
from exec_algos.errors import UnknownNameError, UsageError

STEPS = 390
NAN = math.nan


def simulated(seed, days, spread, volatility, drift=0.0):
    """Daily high, low and close of 390 trades a day, each at the bid or the ask of a random walk."""
    rng = np.random.default_rng(seed)
    mid = 100 * np.exp(np.cumsum(rng.normal(drift / STEPS, volatility / math.sqrt(STEPS), days * STEPS)))
    trades = (mid * (1 + rng.choice([-0.5, 0.5], days * STEPS) * spread)).reshape(days, STEPS)
    return trades.max(axis=1), trades.min(axis=1), trades[:, -1]


def months(estimate, spread, volatility, n=100):
    """Values of `n` simulated months of 21 days, NaN where there is none."""
    return np.array([estimate(*simulated(seed, 21, spread, volatility)).value for seed in range(n)])


def kept(high, low, close):
    return corwin_schultz(high, low, close, negative="keep")


def monthly(high, low, close):
    return abdi_ranaldo(high, low, close, correction="monthly")


def of_closes(_high, _low, close):
    return roll(close)


# ---- closed forms


@pytest.mark.parametrize(("bid", "ask"), [(99.0, 101.0), (49.5, 50.0), (1_000.0, 1_005.0)])
def test_in_a_market_that_does_not_move_the_range_is_the_spread(bid, ask):
    mid_spread = (ask - bid) / ((ask + bid) / 2)
    assert corwin_schultz([ask] * 5, [bid] * 5, at_least=4).value == pytest.approx(mid_spread, rel=1e-9)
    for correction in ("two_day", "monthly"):
        found = abdi_ranaldo([ask] * 5, [bid] * 5, [ask, bid, ask, ask, bid], correction=correction, at_least=4)
        assert found.value == pytest.approx(math.log(ask / bid), rel=1e-9)


def test_corwin_schultz_of_two_days_by_hand():
    # ranges ln H/L = 0.04 and 0.03, together 0.05: beta = 0.0025, gamma = 0.0025,
    # alpha = 0.05 (sqrt 2 - 1) / (sqrt 2 - 1)^2 - 0.05 / (sqrt 2 - 1) = 0
    high, low = np.exp([0.04, 0.05]), np.exp([0.0, 0.02])
    assert corwin_schultz(high, low, negative="keep", at_least=1).value == pytest.approx(0.0, abs=1e-12)
    # two days of 0.03 that touch: beta = 0.0018, gamma = 0.0036, alpha = 0.03 / (sqrt 2 - 1) * (sqrt 2 - 2)
    high, low = np.exp([0.03, 0.06]), np.exp([0.0, 0.03])
    alpha = 0.03 / (math.sqrt(2) - 1) * (math.sqrt(2) - 2)
    expected = 2 * (math.exp(alpha) - 1) / (1 + math.exp(alpha))
    assert corwin_schultz(high, low, negative="keep", at_least=1).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("gap", [5.0, -5.0])
def test_a_gap_over_night_is_taken_out_where_the_closes_are_known(gap):
    high, low = np.array([101.0, 101.0 + gap]), np.array([99.0, 99.0 + gap])
    close = [101.0 if gap > 0 else 99.0, 100.0 + gap]
    shift = gap - 2 if gap > 0 else gap + 2  # from the close to the near end of the next range
    by_hand = corwin_schultz([101.0, 101.0 + gap - shift], [99.0, 99.0 + gap - shift], negative="keep", at_least=1)
    assert corwin_schultz(high, low, close, negative="keep", at_least=1) == by_hand
    assert corwin_schultz(high, low, negative="keep", at_least=1).value < by_hand.value


def test_a_close_within_the_next_range_is_no_gap():
    columns = simulated(3, 21, 0.02, 0.01)
    inside = np.clip(columns[2][:-1], columns[1][1:], columns[0][1:])
    assert corwin_schultz(*columns[:2], [*inside, 100.0]) == corwin_schultz(*columns[:2])


def test_abdi_ranaldo_of_three_days_by_hand():
    # mid-ranges 0, 0.01, 0.02; closes 0.02, 0, any: products 4 * 0.02 * 0.01 = 0.0008 and 4 * (-0.01) * (-0.02) = 0.0008
    high, low, close = np.exp([0.02, 0.03, 0.04]), np.exp([-0.02, -0.01, 0.0]), np.exp([0.02, 0.0, 0.0])
    for correction in ("two_day", "monthly"):
        assert abdi_ranaldo(high, low, close, correction=correction, at_least=2).value == pytest.approx(math.sqrt(0.0008), rel=1e-9)


def test_the_two_corrections_of_abdi_ranaldo_differ_where_a_product_is_negative():
    # products 0.0008 and 4 * 0.005 * (-0.005) = -0.0001
    high, low, close = np.exp([0.02, 0.03, 0.04]), np.exp([-0.02, -0.01, 0.0]), np.exp([0.02, 0.015, 0.0])
    two_day = abdi_ranaldo(high, low, close, at_least=2)
    whole = abdi_ranaldo(high, low, close, correction="monthly", at_least=2)
    assert two_day.value == pytest.approx(math.sqrt(0.0008) / 2, rel=1e-9)
    assert whole.value == pytest.approx(math.sqrt(0.0007 / 2), rel=1e-9)
    assert (two_day.negative, whole.negative, two_day.pairs) == (1, 1, 2)


def test_roll_of_a_bounce_by_hand():
    # changes d, -d, d, -d: three pairs of product -d^2, means -d/3 and d/3: covariance -d^2 + d^2 / 9
    closes = np.exp([0.0, 0.01, 0.0, 0.01, 0.0])
    assert roll(closes, at_least=3).value == pytest.approx(2 * 0.01 * math.sqrt(8 / 9), rel=1e-9)


# ---- simulated markets of known spread


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimate", "spread", "within"),
    [
        (corwin_schultz, 0.02, 0.03),
        (kept, 0.02, 0.04),
        (kept, 0.01, 0.06),
        (corwin_schultz, 0.01, 0.10),
        (monthly, 0.02, 0.03),
        (monthly, 0.01, 0.06),
        (of_closes, 0.02, 0.08),
    ],
)
def test_a_known_spread_is_recovered_at_a_volatility_of_one_percent(estimate, spread, within):
    found = months(estimate, spread, 0.01)
    known = found[np.isfinite(found)]
    assert len(known) >= 95
    assert np.mean(known) == pytest.approx(spread, rel=within)
    assert np.mean(np.abs(known - spread) <= 2 * known.std()) >= 0.9  # each month within its own error


@pytest.mark.slow
def test_a_market_without_spread_shows_none_where_negative_pairs_are_kept():
    found = months(kept, 0.0, 0.01)
    assert abs(found.mean()) < 0.0010


@pytest.mark.slow
@pytest.mark.parametrize("estimate", [corwin_schultz, abdi_ranaldo])
@pytest.mark.parametrize("volatility", [0.01, 0.02])
def test_pairs_cut_at_zero_show_two_fifths_of_the_volatility_where_there_is_no_spread(estimate, volatility):
    assert months(estimate, 0.0, volatility).mean() == pytest.approx(0.4 * volatility, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("estimate", [of_closes, monthly])
def test_of_the_months_without_spread_many_have_no_answer(estimate):
    assert 0.25 < np.isnan(months(estimate, 0.0, 0.01)).mean() < 0.75


# ---- failures say why


@pytest.mark.parametrize("estimate", [corwin_schultz, abdi_ranaldo])
def test_bars_without_a_range_leave_their_pairs_out(estimate):
    high, low, close = simulated(1, 30, 0.02, 0.01)
    high[10] = low[10] = close[10]
    assert estimate(high, low, close).pairs == 27
    flat = estimate(close, close, close)
    assert math.isnan(flat.value)
    assert flat.reason == "0 pairs of neighbouring bars with a range among 30 bars, 12 are needed; 30 bars have no range"


@pytest.mark.parametrize("bad", [NAN, 0.0, math.inf])
def test_a_bar_that_cannot_be_read_leaves_its_pairs_out(bad):
    high, low, close = simulated(1, 30, 0.02, 0.01)
    low[5], close[20] = (bad, NAN) if not bad > 0 else (NAN, bad)
    assert corwin_schultz(high, low).pairs == 27
    assert abdi_ranaldo(high, low, close).pairs == 26
    assert roll(close).pairs == 28 - 3


@pytest.mark.parametrize("at_least", [12, 20, 25])
def test_few_bars_have_no_estimate_and_the_number_can_be_set(at_least):
    columns = simulated(2, at_least, 0.02, 0.01)
    for name in ("corwin_schultz", "abdi_ranaldo", "roll"):
        days = SimpleNamespace(high=columns[0], low=columns[1], close=columns[2])
        few = estimate_of(name, days, at_least)
        assert math.isnan(few.value)
        assert f"{at_least} are needed" in few.reason
        assert estimate_of(name, days, at_least - 2).known


@pytest.mark.parametrize("bars", [0, 1])
def test_no_pair_is_no_estimate_whatever_is_asked_for(bars):
    for found in (
        corwin_schultz([2.0] * bars, [1.0] * bars, at_least=0),
        abdi_ranaldo([2.0] * bars, [1.0] * bars, [1.5] * bars, at_least=0),
        roll([1.5] * bars, at_least=0),
    ):
        assert "1 are needed" in found.reason


def test_steady_drift_hides_the_spread_and_is_said():
    low = 100 * 1.05 ** np.arange(20.0)
    high, close = low * 1.04, low * 1.04
    assert corwin_schultz(high, low).reason == "every two-bar estimate is negative: drift or volatility hides the spread"
    assert corwin_schultz(high, low).negative == 19
    assert corwin_schultz(high, low, negative="keep").value < 0
    assert "no product is above 0" in abdi_ranaldo(high, low, close).reason
    assert "the mean product is not above 0" in abdi_ranaldo(high, low, close, correction="monthly").reason


def test_momentum_and_still_prices_have_no_bounce_for_roll():
    trend = np.exp(np.cumsum(np.repeat([0.01, -0.01], 10)))
    assert "no bounce to read" in roll(trend).reason
    assert "no bounce to read" in roll([100.0] * 20).reason


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: corwin_schultz([1.0, 2.0], [1.0]), "low must be a column of 2 bars"),
        (lambda: corwin_schultz([1.0, 2.0], [1.0, 3.0]), "bar 1 has high 2.0 below low 3.0"),
        (lambda: abdi_ranaldo([2.0], [1.0], [1.0, 1.0]), "close must be a column of 1 bars"),
        (lambda: roll([[1.0]]), "close must be a column"),
        (lambda: corwin_schultz([2.0], [1.0], negative="drop"), "unknown rule for negative estimates"),
        (lambda: abdi_ranaldo([2.0], [1.0], [1.0], correction="dayly"), "unknown correction"),
        (lambda: estimate_of("corwin", None), "unknown spread estimator"),
        (lambda: SpreadEstimate(NAN), "exactly where a reason stands"),
        (lambda: SpreadEstimate(0.1, "why"), "exactly where a reason stands"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(UsageError, match=words):
        call()


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100))
@settings(max_examples=30, deadline=None)
def test_estimates_do_not_depend_on_the_unit_of_prices_nor_come_out_negative(seed, scale):
    high, low, close = simulated(seed, 15, 0.01, 0.01)
    for estimate in (corwin_schultz, abdi_ranaldo, of_closes):
        one, other = estimate(high, low, close), estimate(high * scale, low * scale, close * scale)
        assert one.known == other.known
        assert not one.known or (one.value >= 0 and one.value == pytest.approx(other.value, rel=1e-6, abs=1e-9))


# ---- spreads in ticks


def test_a_spread_of_one_tick_is_half_a_tick_of_the_open_a_side():
    bars = minute_bars([(10.0, 12.0, 9.0, 11.0), (20.0, 21.0, 19.0, 20.0)])
    assert TickSpread(0.01).half(bars).tolist() == [0.005 / 10.0, 0.005 / 20.0]
    assert TickSpread(0.01, ticks=3).half(bars).tolist() == [0.015 / 10.0, 0.015 / 20.0]


def test_a_spread_of_one_tick_follows_the_table_of_the_exchange():
    bars = minute_bars([1_990.0, 2_000.0, 19_990.0, 20_000.0, 600_000.0])
    assert TickSpread(KRX_2023).half(bars) == pytest.approx([0.5 / 1_990, 2.5 / 2_000, 5 / 19_990, 25 / 20_000, 500 / 600_000], rel=1e-15)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: TickSpread(0.0), "tick must be above 0"),
        (lambda: TickSpread(-0.01), "tick must be"),
        (lambda: TickSpread("0.01"), "tick must be"),
        (lambda: TickSpread(0.01, ticks=-1), "ticks must be"),
        (lambda: TickSpread(0.01, ticks=NAN), "ticks must be"),
        (lambda: QuotedSpread(5), "fallback must be a spread such as"),
        (lambda: QuotedSpread(None), "fallback must be a spread such as"),
        (lambda: QuotedSpread(FixedSpread(5), max_age=-1), "max_age must be"),
        (lambda: EstimatedSpread(5), "fallback must be a spread such as"),
        (lambda: EstimatedSpread(FixedSpread(5), days=2), "days must be at least 3"),
        (lambda: EstimatedSpread(FixedSpread(5), at_least=20), "at_least must be from 1 to days - 1 = 19"),
        (lambda: EstimatedSpread(FixedSpread(5), at_least=0), "at_least must be from 1"),
    ],
)
def test_a_spread_that_cannot_be_is_refused(call, words):
    with pytest.raises(UsageError, match=words):
        call()


# ---- quoted spreads


def quoted(*days, symbol="X"):
    """Bars that trade at 100 with the (bid, ask) at the end of each, also such as reading would drop; a None is a missing bar."""
    rows = [[None if quote is None else 100.0 for quote in day] for day in days]
    flat = [quote for day in days for quote in day if quote is not None]
    quotes = {"bid": np.array([bid for bid, _ in flat], dtype=float), "ask": np.array([ask for _, ask in flat], dtype=float)}
    return replace(minute_bars(*rows, symbol=symbol), quotes=quotes)


FALLBACK = FixedSpread(40.0)  # half: 0.002


def test_a_bar_pays_the_quotes_at_the_end_of_the_bar_before_it():
    bars = quoted([(99.0, 101.0), (99.5, 100.5), (90.0, 110.0)])
    assert QuotedSpread(FALLBACK).half(bars).tolist() == [0.002, 2 / 200, 1 / 200]


@pytest.mark.parametrize("bad", [(NAN, 101.0), (99.0, NAN), (0.0, 101.0), (-1.0, 3.0), (101.0, 99.0), (0.0, 0.0)])
def test_a_quote_that_cannot_be_is_replaced_by_the_fallback(bad):
    assert QuotedSpread(FALLBACK).half(quoted([bad, (99.0, 101.0), (99.0, 101.0)])).tolist() == [0.002, 0.002, 0.01]


def test_a_locked_quote_is_a_spread_of_zero():
    assert QuotedSpread(FALLBACK).half(quoted([(100.0, 100.0), (99.0, 101.0)])).tolist() == [0.002, 0.0]


def test_a_quote_is_not_carried_over_night_unless_its_age_allows_it():
    bars = quoted([(99.0, 101.0)] * 2, [(99.5, 100.5)] * 2)
    assert QuotedSpread(FALLBACK).half(bars).tolist() == [0.002, 0.01, 0.002, 0.005]
    assert QuotedSpread(FALLBACK, max_age=86_400).half(bars).tolist() == [0.002, 0.01, 0.01, 0.005]


def test_a_quote_outlives_a_missing_bar_as_long_as_its_age_allows():
    bars = quoted([(99.0, 101.0), None, None, (99.5, 100.5)])
    assert QuotedSpread(FALLBACK, max_age=120).half(bars).tolist() == [0.002, 0.01]
    assert QuotedSpread(FALLBACK, max_age=119).half(bars).tolist() == [0.002, 0.002]


def test_a_symbol_does_not_pay_the_quotes_of_the_symbol_before_it():
    both = Bars.concat([quoted([(99.0, 101.0)] * 2, symbol="A"), quoted([(99.9, 100.1)] * 2, symbol="B")])
    assert QuotedSpread(FALLBACK, max_age=1e8).half(both).tolist() == [0.002, 0.01, 0.002, pytest.approx(0.001)]


def test_bars_without_quotes_pay_the_fallback_whatever_its_kind():
    bars = minute_bars([10.0, 20.0])
    assert QuotedSpread(FALLBACK).half(bars).tolist() == [0.002, 0.002]
    assert QuotedSpread(TickSpread(0.01)).half(bars).tolist() == [0.005 / 10, 0.005 / 20]


@pytest.mark.slow
@given(st.lists(st.tuples(st.floats(1, 200) | st.just(NAN), st.floats(1, 200)), min_size=1, max_size=8))
@settings(deadline=None, max_examples=50)
def test_one_bar_with_the_quotes_at_its_start_pays_bit_for_bit_what_its_row_pays(quotes):
    bars = quoted(quotes)
    spread = QuotedSpread(FALLBACK)
    before = [(NAN, NAN), *quotes]
    rows = [spread.half(SimpleNamespace(open=100.0, bid=bid, ask=ask)) for (bid, ask), _ in zip(before, bars.start, strict=False)]
    assert all(isinstance(one, float) for one in rows)
    assert rows == spread.half(bars).tolist()


@pytest.mark.slow
@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=8))
@settings(deadline=None, max_examples=50)
def test_one_bar_pays_bit_for_bit_the_ticks_that_its_row_pays(opens):
    for spread in (TickSpread(KRX_2023), TickSpread(0.01, 1.5)):
        rows = [spread.half(SimpleNamespace(open=price)) for price in opens]
        assert rows == spread.half(minute_bars(opens)).tolist()


@pytest.mark.parametrize("bad", [(NAN, NAN), (99.0, math.inf), (101.0, 99.0)])
def test_one_bar_whose_quotes_cannot_be_pays_the_fallback(bad):
    assert QuotedSpread(FALLBACK).half(SimpleNamespace(open=100.0, bid=bad[0], ask=bad[1])) == 0.002


def test_one_bar_that_does_not_say_its_quotes_is_refused():
    with pytest.raises(UsageError, match="needs `bid` and `ask` at its start"):
        QuotedSpread(FALLBACK).half(SimpleNamespace(open=100.0))


# ---- estimated spreads


def sessions(seed=0, days=25, spread=0.02, symbol="X", zone="Asia/Seoul"):
    """Sessions of three bars that hold the simulated high, low and close of a day."""
    high, low, close = simulated(seed, days, spread, 0.01)
    dates = pd.bdate_range("2024-01-02 09:00", periods=days, tz=zone)
    stamps = pd.DatetimeIndex([day + pd.Timedelta(minutes=minute) for day in dates for minute in range(3)])
    prices = np.column_stack([high, low, close]).ravel()
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), prices), index=stamps).assign(volume=100.0)
    return Bars.from_frame(frame, symbol=symbol, label="start", step="1min")


def test_sessions_are_local_days():
    bars = minute_bars([(10.0, 12.0, 9.0, 11.0), (11.0, 13.0, 10.0, 12.0)], [(12.0, 12.5, 8.0, 9.0)])
    days = sessions_of(bars, "X")
    assert [one.tolist() for one in days] == [[0, 2], [13.0, 12.5], [9.0, 8.0], [12.0, 9.0]]
    korea, utc = sessions(), sessions(zone="UTC")
    assert len(sessions_of(korea, "X").first) == len(sessions_of(utc, "X").first) == 25


@pytest.mark.parametrize(("estimator", "estimate"), [("corwin_schultz", corwin_schultz), ("abdi_ranaldo", abdi_ranaldo)])
def test_a_session_pays_the_estimate_of_the_sessions_before_it(estimator, estimate):
    high, low, close = simulated(0, 25, 0.02, 0.01)
    half = EstimatedSpread(FALLBACK, estimator, days=20).half(sessions()).reshape(25, 3)
    assert (half[:13] == 0.002).all()  # 13 days have 12 pairs
    assert (half == half[:, :1]).all()
    assert half[13, 0] == estimate(high[:13], low[:13], close[:13]).value / 2
    assert half[24, 0] == estimate(high[4:24], low[4:24], close[4:24]).value / 2


def test_each_knob_of_an_estimated_spread_changes_it():
    bars = sessions()
    plain = EstimatedSpread(FALLBACK).half(bars)
    for other in (
        EstimatedSpread(FixedSpread(80.0)),
        EstimatedSpread(FALLBACK, "roll"),
        EstimatedSpread(FALLBACK, days=15),
        EstimatedSpread(FALLBACK, at_least=5),
    ):
        assert (other.half(bars) != plain).any()


@pytest.mark.slow
@given(st.integers(0, 24), st.floats(0.5, 2.0))
@settings(deadline=None, max_examples=20)
def test_what_happens_from_a_session_on_changes_nothing_up_to_it(day, factor):
    bars = sessions()
    cut = bars.start[3 * day]
    frame = bars.to_frame().droplevel("symbol")
    later = frame.index >= pd.Timestamp(cut, tz="UTC")
    columns = ["open", "high", "low", "close"]
    frame.loc[later, columns] *= factor * np.linspace(1, 1.2, later.sum())[:, None]
    changed = Bars.from_frame(frame, symbol="X", label="start", step="1min")
    spread = EstimatedSpread(FALLBACK)
    assert spread.half(changed)[: 3 * day + 3].tolist() == spread.half(bars)[: 3 * day + 3].tolist()


def test_the_session_after_the_bars_pays_what_it_would_pay_within_them():
    bars, spread = sessions(), EstimatedSpread(FALLBACK)
    earlier = bars.between(int(bars.start[0]), int(bars.start[72]))
    assert spread.after(earlier, "X").value / 2 == spread.half(bars)[72]
    assert [one.value for one in spread.estimates(bars, "X")][24] / 2 == spread.half(bars)[72]
    assert spread.estimates(bars, "X")[0].reason


def test_each_symbol_has_its_own_estimate():
    wide, tight = sessions(1, spread=0.04, symbol="WIDE"), sessions(2, spread=0.01, symbol="TIGHT")
    both = EstimatedSpread(FALLBACK).half(Bars.concat([wide, tight]))
    assert both.tolist() == [*EstimatedSpread(FALLBACK).half(tight), *EstimatedSpread(FALLBACK).half(wide)]
    assert both[-1] > 2 * both[74]


def test_where_an_estimator_has_no_answer_the_fallback_holds():
    bars = minute_bars(*([(10.0, 10.0, 10.0, 10.0)] * 3 for _ in range(4)))
    assert (EstimatedSpread(FALLBACK, days=3, at_least=1).half(bars) == 0.002).all()


def test_a_symbol_without_bars_has_no_sessions_and_no_spread():
    bars = minute_bars([10.0])
    none = replace(bars.take(np.array([False])), symbols=("X",), offsets=np.array([0, 0]))
    assert EstimatedSpread(FALLBACK).half(none).tolist() == QuotedSpread(FALLBACK).half(none).tolist() == []
    assert "0 pairs" in EstimatedSpread(FALLBACK).after(none, "X").reason


def test_one_bar_holds_no_history_and_is_refused():
    with pytest.raises(UsageError, match=r"holds no earlier sessions .* take \.after"):
        EstimatedSpread(FALLBACK).half(SimpleNamespace(open=100.0, start=MINUTE))


def test_unknown_estimators_are_refused_with_their_neighbour():
    with pytest.raises(UnknownNameError, match="did you mean corwin_schultz"):
        EstimatedSpread(FALLBACK, "corwin_shultz")


@pytest.mark.market_data
def test_a_recorded_stock_of_low_price_is_quoted_one_tick_wide(market_data):
    bars = Bars.read(market_data / "us_lean" / "BAC.parquet")
    quoted = QuotedSpread(FixedSpread(0.0)).half(bars)
    assert np.median(quoted[quoted > 0]) == pytest.approx(np.median(TickSpread(0.01).half(bars)), rel=0.03)
