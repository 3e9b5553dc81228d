"""Fees of a schedule on fills: by side, trade date and liquidity, cumulative per child, taxes apart; published rates, sums by hand."""

import asyncio
from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_markets import at, minute_bars, once

from exec_algos import BacktestEngine, Bars, Commission, FillModel, SimulatedBroker
from exec_algos.costs.charges import ChildCharges, fee_rows, is_passive
from exec_algos.costs.fees import FeeComponent, FeeSchedule, FeeTerms, Period, always
from exec_algos.errors import UsageError
from exec_algos.fills.presets import crypto, frictionless, krx_tax, sec_fee, taf_fee, us_equity
from exec_algos.tca.pretrade import MarketForecast, pretrade_estimate

COMMISSION = always("commission", FeeTerms(rate=0.0001))
MAKER = always("trading fee", FeeTerms(rate=0.001), FeeTerms(rate=0.0002))


def model_of(*components, **knobs):
    return FillModel(commission=FeeSchedule("test", "any", components), **knobs)


def one_day(day, price, zone="Asia/Seoul"):
    """Three minutes of one symbol at one price."""
    index = pd.date_range(f"{day} 10:00", periods=3, freq="min", tz=zone)
    frame = pd.DataFrame({name: float(price) for name in ("open", "high", "low", "close")} | {"volume": 1e6}, index=index)
    return Bars.from_frame(frame, symbol="A", label="start", step="1min")


def place(bars, model, quantity, side="BUY", **order):
    return asyncio.run(SimulatedBroker(bars, fill_model=model).place_order(bars.symbols[0], quantity, side=side, **order))


@pytest.mark.parametrize(("market", "stock"), [("KOSPI", True), ("KOSDAQ", True), ("KONEX", False)])
@pytest.mark.parametrize(
    ("day", "rate"),
    [
        ("2023-06-01", 0.0020),
        ("2024-06-03", 0.0018),
        ("2024-12-26", 0.0018),
        ("2024-12-27", 0.0015),
        ("2025-06-02", 0.0015),
        ("2026-06-01", 0.0020),
    ],
)
def test_a_korean_sale_pays_the_tax_of_its_market_and_date_and_a_purchase_none(market, stock, day, rate):
    model = model_of(COMMISSION, krx_tax(market))
    sold, bought = (place(one_day(day, 70_000), model, 100, side) for side in ("SELL", "BUY"))
    assert sold.taxes == 7_000_000 * (rate if stock else 0.001)
    assert sold.commission == pytest.approx(700 + sold.taxes)
    assert (bought.taxes, bought.commission) == (0.0, pytest.approx(700))


@pytest.mark.parametrize(
    ("day", "sec", "taf"),
    [
        ("2018-06-01", 13.00, 0.119),
        ("2024-06-03", 27.80, 0.166),
        ("2025-06-02", 0.0, 0.166),
        ("2026-06-01", 20.60, 0.195),
        ("2026-11-02", 20.60, 0.0),
    ],
)
def test_a_us_sale_pays_what_the_sec_and_finra_ask_on_its_date(day, sec, taf):
    fill = place(one_day(day, 100.0, "America/New_York"), model_of(sec_fee(), taf_fee()), 1_000, "SELL")
    assert fill.taxes == fill.commission == pytest.approx(100_000 / 1e6 * sec + taf)


def test_a_new_rate_holds_from_its_first_session_on():
    ends = [(date(2024, 1, 1), date(2024, 1, 3), 0.01), (date(2024, 1, 4), date(2024, 1, 9), 0.02)]
    change = FeeComponent("tax", tuple(Period(first, last, FeeTerms(rate=rate)) for first, last, rate in ends), tax=True)
    bars, fees = minute_bars(*([[10.0] * 3] * 4), volume=1e6), []

    async def work():
        broker = SimulatedBroker(bars, fill_model=model_of(change))
        for day in (2, 3, 4, 5):
            await broker.clock.sleep_until(at(f"2024-01-0{day} 09:30"))
            fees.append((await broker.place_order("X", 100)).taxes)

    asyncio.run(work())
    assert fees == [10.0, 10.0, 20.0, 20.0]


def test_a_child_that_rests_into_another_date_pays_the_least_fee_on_each():
    bars = minute_bars([10.0] * 2, [10.0] * 2, volume=10)
    fill = place(
        bars, model_of(always("commission", FeeTerms(rate=0.001, minimum=2.0)), max_participation=1.0), 30, expires=at("2024-01-03 09:32")
    )
    assert [(part.quantity, part.commission) for part in fill.parts] == [(10, 2.0), (10, 0.0), (10, 2.0)]


def test_least_most_and_whole_units_hold_for_a_child_and_not_for_each_of_its_fills():
    bars = minute_bars([100.0] * 5, volume=100)
    terms = FeeTerms(rate=0.001, minimum=15.0, maximum=32.0)
    fill = place(
        bars,
        model_of(always("commission", terms), always("tax", FeeTerms(rate=0.00001, unit=1.0, rounding=-1)), max_participation=1.0),
        400,
    )
    assert [part.quantity for part in fill.parts] == [100] * 4
    assert [part.commission for part in fill.parts] == [15.0, 5.0, 10.0, 2.0]  # 10, 20, 30, 40 without bounds; the other less than a unit
    assert fill.commission == 32.0


def test_regulatory_fees_are_capped_per_child():
    bars = minute_bars([10.0] * 4, volume=100_000)
    fill = place(bars, model_of(taf_fee(), max_participation=1.0), 300_000, "SELL", expires=at("09:34"))
    assert [part.taxes for part in fill.parts] == pytest.approx([8.30, 0.0, 0.0])
    part = place(bars, model_of(taf_fee(), max_participation=0.4), 100_000, "SELL", expires=at("09:34"))
    assert [one.taxes for one in part.parts] == pytest.approx([6.64, 1.66, 0.0])


def test_a_tax_is_part_of_the_commission_and_what_is_no_tax_is_not_in_the_taxes():
    bars = minute_bars([100.0] * 3, volume=1e6)
    fill = place(bars, model_of(always("commission", FeeTerms(per_share=0.005)), sec_fee()), 1_000, "SELL")
    assert fill.taxes == pytest.approx(0.8)
    assert fill.commission == pytest.approx(5.8)


def test_which_fees_are_taxes():
    assert [one.tax for one in us_equity().fees.components] == [False, True, True]
    assert krx_tax().tax
    assert not any(one.tax for one in crypto().fees.components)


@pytest.mark.parametrize(
    ("side", "limit", "price", "passive"),
    [
        (1, 9.0, 10.0, True),
        (1, 10.0, 10.0, False),
        (1, 11.0, 10.0, False),
        (-1, 11.0, 10.0, True),
        (-1, 10.0, 10.0, False),
        (-1, 9.0, 10.0, False),
        (1, float("nan"), 10.0, False),
    ],
)
def test_an_order_waits_where_the_market_price_of_its_side_lies_beyond_its_limit(side, limit, price, passive):
    assert is_passive(side, limit, price) == passive


@pytest.mark.parametrize(
    ("side", "order", "fee"),
    [
        ("BUY", {}, 1.0),
        ("BUY", {"limit_price": 9.0}, 0.18),
        ("BUY", {"limit_price": 11.0}, 1.0),
        ("SELL", {"limit_price": 11.0}, 0.22),
        ("SELL", {"limit_price": 9.0}, 1.0),
    ],
)
def test_a_limit_order_that_waited_makes_and_one_that_took_the_market_price_takes(side, order, fee):
    bars = minute_bars([(10.0, 12.0, 8.0, 10.0)] * 3)
    kind = "LMT" if order else "MKT"
    assert place(bars, model_of(MAKER), 100, side, order_type=kind, **order).commission == pytest.approx(fee)


def test_a_child_that_takes_in_one_bar_and_makes_in_another_pays_each_rate_on_its_part_and_the_least_once():
    bars = minute_bars([10.0, (11.0, 11.0, 9.0, 10.0), 10.0], volume=100)
    fee = always("fee", FeeTerms(rate=0.001, minimum=1.1), FeeTerms(rate=0.0002, minimum=1.1))
    fill = place(bars, model_of(fee, max_participation=1.0), 200, order_type="LMT", limit_price=10.0, expires=at("09:34"))
    assert [part.commission for part in fill.parts] == pytest.approx([1.1, 0.1])
    alone = place(bars, model_of(MAKER, max_participation=1.0), 200, order_type="LMT", limit_price=10.0, expires=at("09:34"))
    assert [part.commission for part in alone.parts] == pytest.approx([1.0, 0.2])


def test_makers_may_not_have_a_least_fee_of_their_own():
    with pytest.raises(UsageError, match="makers of fee 'x' may pay another rate"):
        always("x", FeeTerms(rate=0.001), FeeTerms(minimum=1.0))


terms = st.builds(
    lambda rate, per_share, minimum, above, unit, rounding: FeeTerms(rate, per_share, minimum, minimum + above, unit, rounding),
    st.floats(0, 0.1), st.floats(0, 0.1), st.floats(0, 100), st.floats(0, 1e6) | st.just(float("inf")),
    st.sampled_from([0.0, 0.01, 1.0]), st.sampled_from([-1, 0, 1]),
)  # fmt: skip
parts = st.lists(st.tuples(st.integers(1, 10_000), st.floats(0.01, 1e4), st.booleans()), min_size=1, max_size=6)


@given(terms, terms, st.floats(0, 0.1), parts)
def test_the_fills_of_a_child_pay_together_what_it_owes_and_never_more_tax_than_fees(fee, tax, maker_rate, trades):
    components = always("fee", fee, fee._replace(rate=maker_rate)), FeeComponent("tax", always("tax", tax).periods, tax=True)
    account = ChildCharges(fee_rows(FeeSchedule("test", "any", components), date(2024, 1, 2), -1), 1.0)
    charged = [account.charge(shares, shares * price, made) for shares, price, made in trades]
    value = {kind: sum(shares * price for shares, price, made in trades if made == kind) for kind in (False, True)}
    shares = {kind: sum(number for number, _, made in trades if made == kind) for kind in (False, True)}
    raw = fee.rate * value[False] + maker_rate * value[True] + fee.per_share * (shares[False] + shares[True])
    whole = FeeTerms(rate=1.0, minimum=fee.minimum, maximum=fee.maximum)
    bound = 2 * fee.unit + 2 * tax.unit + 1e-9 * raw
    assert all(0 <= one.taxes <= one.fees for one in charged)
    assert sum(one.fees - one.taxes for one in charged) == pytest.approx(
        min(whole.maximum, max(whole.minimum, raw)), abs=bound + 1e-6, rel=1e-9
    )
    assert sum(one.taxes for one in charged) == pytest.approx(
        FeeSchedule("t", "any", (always("tax", tax),)).fee("SELL", sum(shares.values()), sum(value.values()), "2024-01-02"),
        abs=tax.unit + 1e-6,
        rel=1e-9,
    )


@given(st.floats(0, 0.01), st.floats(0, 0.01), st.floats(0, 5), parts)
def test_a_schedule_of_one_plain_fee_charges_to_the_last_bit_what_a_commission_does(rate, per_share, minimum, trades):
    rows = [(10.0 + price / 1e4, number) for number, price, _ in trades]
    bars = minute_bars([((price,) * 4 + (number,)) for price, number in rows], volume=1)
    plain, dated = (
        place(bars, FillModel(commission=commission, max_participation=1.0), sum(number for _, number in rows), expires=at("09:40"))
        for commission in (
            Commission(rate, per_share, minimum),
            FeeSchedule("one", "any", (always("fee", FeeTerms(rate, per_share, minimum)),)),
        )
    )
    assert [part.commission for part in plain.parts or (plain,)] == [part.commission for part in dated.parts or (dated,)]
    assert plain.taxes == dated.taxes == 0.0


@pytest.mark.parametrize(
    "make",
    [lambda bars, model: SimulatedBroker(bars, fill_model=model), lambda bars, model: BacktestEngine(bars, [once()], fill_model=model)],
)
def test_a_run_over_a_date_whose_fees_are_not_known_is_refused_before_it_starts(make):
    bars = one_day("2020-12-28", 70_000)
    with pytest.raises(UsageError, match=r"known for trades from 2020-12-29 to 2026-12-28, not for 2020-12-28; FeeSchedule.extended\(\)"):
        make(bars, model_of(krx_tax()))
    extended = model_of(krx_tax()).commission.extended()
    assert place(bars, FillModel(commission=extended), 100, "SELL").taxes == 7_000_000 * 0.0023


def test_a_schedule_without_fees_charges_nothing():
    fill = place(minute_bars([10.0] * 3), FillModel(commission=frictionless().fees), 100, "SELL")
    assert (fill.commission, fill.taxes) == (0.0, 0.0)


def test_what_knows_no_dates_asks_for_the_terms_of_one():
    market = MarketForecast([1e6] * 4, volatility=0.02, duration=1.0)
    with pytest.raises(UsageError, match="the fees of test depend on date and side"):
        pretrade_estimate(1e5, [0.25, 0.5, 0.75, 1.0], market, model_of(krx_tax()))
