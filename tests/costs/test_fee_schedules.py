"""Fee schedules: published rates by date, each knob computed by hand, caps, rounding, and refusals where nothing is known."""

import math
import warnings
from datetime import date, datetime, timedelta

import exchange_calendars
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from exec_algos import Commission
from exec_algos.compiling import compilable
from exec_algos.costs import child_fee
from exec_algos.costs.fees import FeeComponent, FeeSchedule, FeeTerms, Period, always, fee_of_terms
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.fills.presets import krx_equity, krx_tax, sec_fee, taf_fee, us_equity

amounts = st.floats(0, 1e9)
rates = st.floats(0, 0.1)
terms_of_any_kind = st.builds(
    lambda rate, per_share, minimum, above, unit, rounding: FeeTerms(rate, per_share, minimum, minimum + above, unit, rounding),
    rates,
    rates,
    st.floats(0, 100),
    st.floats(0, 1e6) | st.just(math.inf),
    st.sampled_from([0.0, 0.01, 1.0, 10.0]),
    st.sampled_from([-1, 0, 1]),
)


def schedule(*components):
    return FeeSchedule("test", "USD", components)


@pytest.mark.parametrize(
    ("terms", "fee"),
    [
        (FeeTerms(), 0.0),
        (FeeTerms(rate=0.00015), 1.5),
        (FeeTerms(per_share=0.005), 0.5),
        (FeeTerms(minimum=2.0), 2.0),
        (FeeTerms(rate=0.00015, per_share=0.005, minimum=1.0), 2.0),
        (FeeTerms(rate=0.00015, maximum=1.25), 1.25),
        (FeeTerms(rate=0.000156, unit=1.0, rounding=-1), 1.0),
        (FeeTerms(rate=0.000156, unit=1.0, rounding=0), 2.0),
        (FeeTerms(rate=0.000144, unit=1.0, rounding=0), 1.0),
        (FeeTerms(rate=0.000144, unit=1.0, rounding=1), 2.0),
        (FeeTerms(rate=0.00015, unit=1.0, rounding=0), 2.0),
    ],
)
def test_fee_of_100_shares_at_100(terms, fee):
    assert fee_of_terms(terms, 100, 10_000.0) == pytest.approx(fee, rel=1e-15)


@pytest.mark.parametrize("rounding", [-1, 0, 1])
def test_a_whole_number_of_units_stays_what_it_is_however_its_double_falls(rounding):
    assert fee_of_terms(FeeTerms(rate=0.0018, unit=1.0, rounding=rounding), 1, 5_000_000.0) == 9_000.0
    assert fee_of_terms(FeeTerms(rate=0.0015, unit=1.0, rounding=rounding), 1, 7_000_000.0) == 10_500.0


@given(terms_of_any_kind, amounts, amounts, amounts, amounts)
def test_a_fee_is_never_negative_and_never_falls_as_a_child_trades_more(terms, shares, value, more_shares, more_value):
    before, after = fee_of_terms(terms, shares, value), fee_of_terms(terms, shares + more_shares, value + more_value)
    assert 0 <= before <= after


@given(rates, rates, st.floats(0, 100), amounts, amounts)
def test_a_commission_is_a_schedule_of_one_component(rate, per_share, minimum, shares, value):
    commission = Commission(rate, per_share, minimum)
    whole = schedule(always("commission", FeeTerms(*commission)))
    assert whole.commission("2024-01-02", "BUY") == commission
    assert whole.fee("BUY", shares, value, "2024-01-02") == child_fee(commission, shares, value)


@given(terms_of_any_kind, amounts, amounts)
def test_rounding_moves_a_fee_by_less_than_one_unit_and_in_its_direction(terms, shares, value):
    raw = fee_of_terms(terms._replace(unit=0.0), shares, value)
    charged = fee_of_terms(terms, shares, value)
    slack = 1e-5 * terms.unit + 1e-12 * raw
    assert abs(charged - raw) <= terms.unit + slack
    assert terms.rounding >= 0 or charged <= raw + slack
    assert terms.rounding <= 0 or charged >= raw - slack


@given(terms_of_any_kind, st.lists(st.tuples(st.integers(1, 10_000), st.floats(0.01, 1e4)), min_size=1, max_size=6))
def test_parts_of_a_child_pay_together_what_the_child_pays(terms, parts):
    shares = value = charged = 0.0
    for number, price in parts:
        shares, value = shares + number, value + number * price
        due = fee_of_terms(terms, shares, value)
        assert due >= charged
        charged = due
    assert charged == fee_of_terms(terms, shares, value)


@given(terms_of_any_kind, terms_of_any_kind, amounts, amounts)
def test_components_add_up_each_rounded_by_itself(one, other, shares, value):
    both = schedule(always("one", one), always("other", other))
    assert both.fee("SELL", shares, value, "2024-01-02") == fee_of_terms(one, shares, value) + fee_of_terms(other, shares, value)


@pytest.mark.slow
def test_the_terms_of_a_day_run_compiled():
    compiled = njit(compilable(fee_of_terms))
    for terms in us_equity(whole_cents=True).fees.on("2024-06-03", "SELL"):
        assert compiled(terms, 100.0, 5_000.0) == fee_of_terms(terms, 100.0, 5_000.0)


def test_a_child_that_did_not_trade_pays_nothing_not_even_the_minimum():
    assert fee_of_terms(FeeTerms(minimum=5.0, unit=0.01, rounding=1), 0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("day", "rate"),
    [
        ("2020-12-29", 0.0023),
        ("2022-12-27", 0.0023),
        ("2022-12-28", 0.0020),
        ("2023-12-26", 0.0020),
        ("2023-12-27", 0.0018),
        ("2024-12-26", 0.0018),
        ("2024-12-27", 0.0015),  # brokers' notices name this day
        ("2025-12-26", 0.0015),
        ("2025-12-29", 0.0020),
        ("2026-11-20", 0.0020),
        ("2026-12-28", 0.0020),
    ],
)
@pytest.mark.parametrize("market", ["KOSPI", "KOSDAQ"])
def test_korean_transaction_tax_by_trade_date(market, day, rate):
    whole = schedule(krx_tax(market))
    assert whole.fee("SELL", 100, 10_000_000.0, day) == 10_000_000 * rate
    assert whole.fee("BUY", 100, 10_000_000.0, day) == 0.0


@pytest.mark.slow
def test_a_korean_rate_starts_with_the_first_session_that_settles_in_its_year():
    sessions = krx_sessions()
    for period in krx_tax().periods:
        at = sessions.index(period.first)
        assert sessions[at + 1].year == period.first.year
        assert sessions[at + 2].year == period.first.year + 1


def krx_sessions():
    """Trade dates of the real calendar."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # exchange_calendars reads its own table of holidays in a way that pandas deprecates
        return list(exchange_calendars.get_calendar("XKRX", start="2020-01-01").sessions.date)


@pytest.mark.parametrize("day", ["2021-06-01", "2024-06-03", "2026-06-01"])
def test_konex_pays_ten_basis_points_and_funds_pay_none(day):
    assert schedule(krx_tax("KONEX")).fee("SELL", 1, 1_000_000.0, day) == 1_000.0
    assert schedule(krx_tax("ETF")).fee("SELL", 1, 1_000_000.0, day) == 0.0


def test_korean_tax_is_cut_to_whole_won():
    assert schedule(krx_tax()).fee("SELL", 1, 70_333.0, "2024-06-03") == 126.0  # 126.5994


@pytest.mark.parametrize(
    ("day", "per_million"),
    [
        ("2018-05-21", 23.10), ("2018-05-22", 13.00), ("2019-04-15", 13.00), ("2019-04-16", 20.70), ("2020-02-18", 22.10),
        ("2021-02-24", 22.10), ("2021-02-25", 5.10), ("2022-05-14", 22.90), ("2023-02-27", 8.00), ("2024-05-21", 8.00),
        ("2024-05-22", 27.80), ("2025-05-13", 27.80), ("2025-05-14", 0.0), ("2026-04-03", 0.0), ("2026-04-04", 20.60),
    ],
)  # fmt: skip
def test_sec_fee_of_a_million_dollars_sold(day, per_million):
    whole = schedule(sec_fee())
    assert whole.fee("SELL", 10_000, 1e6, day) == pytest.approx(per_million, rel=1e-15)
    assert whole.fee("BUY", 10_000, 1e6, day) == 0.0


@pytest.mark.parametrize(
    ("day", "thousand", "cap"),
    [
        ("2021-12-31", 0.119, 5.95),
        ("2022-01-03", 0.130, 6.49),
        ("2023-06-01", 0.145, 7.27),
        ("2024-01-02", 0.166, 8.30),
        ("2025-12-31", 0.166, 8.30),
        ("2026-09-30", 0.195, 9.79),
        ("2026-10-01", 0.0, 0.0),
    ],
)
def test_trading_activity_fee_of_a_thousand_shares_and_its_cap(day, thousand, cap):
    whole = schedule(taf_fee())
    assert whole.fee("SELL", 1_000, 50_000.0, day) == pytest.approx(thousand, rel=1e-15)
    assert whole.fee("SELL", 1_000_000, 5e7, day) == cap
    assert whole.fee("BUY", 1_000, 50_000.0, day) == 0.0


def test_regulatory_fees_in_whole_cents_are_rounded_up():
    both = schedule(sec_fee(0.01), taf_fee(0.01))
    assert both.fee("SELL", 100, 5_000.0, "2024-06-03") == pytest.approx(0.14 + 0.02)  # 0.139 and 0.0166


@pytest.mark.parametrize(
    ("component", "day", "words"),
    [
        (krx_tax(), "2020-12-28", r"from 2020-12-29 to 2026-12-28, not for 2020-12-28"),
        (krx_tax(), "2026-12-29", r"not for 2026-12-29"),
        (sec_fee(), "2017-07-03", r"from 2017-07-04 to 2026-12-31"),
        (taf_fee(), "2027-01-01", r"from 2012-07-01 to 2026-12-31"),
    ],
)
def test_a_date_whose_rate_is_not_known_is_refused_with_the_known_range(component, day, words):
    with pytest.raises(UsageError, match=words):
        schedule(component).fee("SELL", 1, 100.0, day)


def test_the_nearest_rate_is_assumed_only_when_asked_for_and_said():
    assumed = us_equity().fees.extended()
    assert assumed.fee("SELL", 0.5, 1e6, "2010-01-04") == pytest.approx(23.10 + 0.0025 + 0.5 * 0.000119)
    assert "ASSUMED before 2017-07-04 and after 2026-12-31" in assumed.describe()
    assert "ASSUMED" not in us_equity().fees.describe()


def test_a_pause_is_not_what_is_assumed_after_it():
    assert schedule(taf_fee()).extended().fee("SELL", 1_000, 1e5, "2027-01-04") == pytest.approx(0.195)
    assert schedule(taf_fee()).extended().fee("SELL", 1_000, 1e5, "2026-11-02") == 0.0


def test_a_fee_of_every_date_has_nothing_to_assume():
    whole = schedule(always("commission", FeeTerms(rate=0.001)))
    assert whole.extended() == whole


def test_makers_pay_their_own_rate_and_takers_theirs():
    whole = schedule(always("fee", FeeTerms(rate=0.001), FeeTerms(rate=0.0002)))
    assert whole.fee("BUY", 1, 1_000.0, "2024-01-02") == 1.0
    assert whole.fee("BUY", 1, 1_000.0, "2024-01-02", "maker") == 0.2
    assert krx_equity().fee("SELL", 1, 1e6, "2024-01-02", "maker") == krx_equity().fee("SELL", 1, 1e6, "2024-01-02")


def test_a_trade_date_may_be_text_a_date_or_a_moment():
    for day in ("2024-12-27", date(2024, 12, 27), datetime(2024, 12, 27, 15, 29)):
        assert schedule(krx_tax()).fee("SELL", 1, 1e6, day) == 1_500.0


@pytest.mark.parametrize("day", ["27.12.2024", None, 20241227])
def test_what_is_no_trade_date_is_refused(day):
    with pytest.raises(UsageError, match="a trade date must be"):
        schedule(krx_tax()).fee("SELL", 1, 1e6, day)


@pytest.mark.parametrize(("side", "liquidity", "words"), [("SEL", "taker", "did you mean SELL"), ("SELL", "makr", "did you mean maker")])
def test_unknown_sides_and_liquidity_are_refused(side, liquidity, words):
    with pytest.raises(UnknownNameError, match=words):
        schedule(krx_tax()).fee(side, 1, 1e6, "2024-01-02", liquidity)
    with pytest.raises(UnknownNameError, match="unknown market 'NASDAQ'"):
        krx_tax("NASDAQ")


@pytest.mark.parametrize(("shares", "value"), [(-1, 1.0), (1, -1.0), (math.nan, 1.0), (1, math.inf)])
def test_amounts_that_cannot_be_are_refused(shares, value):
    with pytest.raises(UsageError, match="must be >= 0"):
        schedule().fee("BUY", shares, value, "2024-01-02")


def test_a_commission_cannot_say_a_cap_or_a_minimum_beside_a_tax():
    with pytest.raises(UsageError, match="has a cap or several fees"):
        us_equity().fees.commission("2024-01-02", "SELL")
    with pytest.raises(UsageError, match="has a cap or several fees"):
        krx_equity(commission=Commission(rate=0.0001, minimum=100.0)).fees.commission("2024-01-02", "SELL")
    assert krx_equity().fees.commission("2024-01-02", "SELL") == Commission(rate=0.000140527 + 0.0018)
    assert krx_equity().fees.commission("2024-01-02", "BUY") == Commission(rate=0.000140527)
    assert schedule().commission("2024-01-02", "BUY") == Commission()


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (FeeTerms(rate=-0.1), "rate of fee 'x'"),
        (FeeTerms(per_share=math.nan), "per_share of fee 'x'"),
        (FeeTerms(minimum=math.inf), "minimum of fee 'x'"),
        (FeeTerms(minimum=2.0, maximum=1.0), "maximum of fee 'x' must be at least its minimum"),
        (FeeTerms(maximum=math.nan), "maximum of fee 'x'"),
        (FeeTerms(unit=-1.0), "unit of fee 'x'"),
        (FeeTerms(rounding=2), "rounding of fee 'x'"),
    ],
)
def test_terms_that_cannot_be_are_refused_by_name(terms, words):
    with pytest.raises(UsageError, match=words):
        always("x", terms)
    with pytest.raises(UsageError, match=words):
        always("x", FeeTerms(), terms)


def period(first, days):
    start = date(2024, 1, 1) + timedelta(days=first)
    return Period(start, start + timedelta(days=days - 1), FeeTerms())


@pytest.mark.parametrize(
    ("periods", "words"),
    [
        ((), "has no periods"),
        ((period(0, 10), period(11, 10)), "must go on the day after 2024-01-10, but its next period starts on 2024-01-12"),
        ((period(0, 10), period(9, 10)), "must go on the day after 2024-01-10"),
        ((period(0, 0),), "ends before it starts"),
    ],
)
def test_periods_that_leave_a_gap_or_overlap_are_refused(periods, words):
    with pytest.raises(UsageError, match=words):
        FeeComponent("x", periods)


def test_an_unknown_side_of_a_component_is_refused():
    with pytest.raises(UnknownNameError, match="unknown side 'SHORT'"):
        FeeComponent("x", (period(0, 1),), ("SHORT",))
