"""Presets: what each assumes, and that it prints all of it."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_markets import minute_bars

from exec_algos import Commission, SimulatedBroker
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.costs.fees import fee_of_terms
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.fills.presets import crypto, frictionless, krx_equity, us_equity

PRESETS = {"krx": krx_equity, "us": us_equity, "crypto": crypto, "none": frictionless}


@pytest.mark.parametrize("make", PRESETS.values(), ids=PRESETS)
def test_a_preset_prints_every_knob_of_its_fill_model_and_every_assumption(make):
    preset = make()
    said = str(preset)
    for words in ("price of a market order", "spread", "impact", "participation cap", "latency", "limit orders", "lot", "ticks", "fees"):
        assert words in said
    assert "daily price limit" in said
    assert all(one in said for one in preset.assumptions)
    assert preset.assumptions


@pytest.mark.parametrize(
    ("make", "changed", "words"),
    [
        (krx_equity, {"market": "KOSDAQ"}, "transaction tax (KOSDAQ)"),
        (krx_equity, {"commission": Commission(rate=0.00042)}, "4.2 bps of value"),
        (krx_equity, {"spread": FixedSpread(7.0)}, "bps=7.0"),
        (krx_equity, {"spread": None}, "spread: none"),
        (krx_equity, {"impact": SquareRootImpact(0.003)}, "coefficient=0.003"),
        (krx_equity, {"impact": None}, "impact: none"),
        (krx_equity, {"max_participation": 0.25}, "0.25 of a bar's volume"),
        (krx_equity, {"max_participation": None}, "participation cap: none"),
        (us_equity, {"commission": Commission(per_share=0.0035, minimum=0.35)}, "0.0035 a share, at least 0.35 a child"),
        (us_equity, {"whole_cents": True}, "in whole 0.01, rest charged as a whole"),
        (us_equity, {"spread": FixedSpread(7.0)}, "bps=7.0"),
        (us_equity, {"impact": SquareRootImpact(0.003)}, "coefficient=0.003"),
        (us_equity, {"max_participation": 0.25}, "0.25 of a bar's volume"),
        (crypto, {"taker": 0.0005}, "5 bps of value"),
        (crypto, {"maker": 0.0002}, "makers 2 bps of value"),
        (crypto, {"tick": 0.5}, "0.5 from 0"),
        (crypto, {"lot_size": 0.001}, "lot: 0.001"),
        (crypto, {"spread": FixedSpread(7.0)}, "bps=7.0"),
        (crypto, {"impact": None}, "impact: none"),
    ],
)
def test_each_knob_of_a_preset_is_printed(make, changed, words):
    assert words in make(**changed).describe()
    assert words not in make().describe()


def test_a_korean_sale_pays_commission_and_tax_and_a_purchase_commission_alone():
    preset = krx_equity("KOSPI")
    assert preset.fee("BUY", 100, 7_000_000.0, "2024-06-03") == pytest.approx(983.689)
    assert preset.fee("SELL", 100, 7_000_000.0, "2024-06-03") == pytest.approx(983.689 + 12_600)


def test_a_us_sale_pays_commission_sec_and_taf():
    assert us_equity().fee("BUY", 100, 5_000.0, "2024-06-03") == 0.5
    assert us_equity().fee("SELL", 100, 5_000.0, "2024-06-03") == pytest.approx(0.5 + 0.139 + 0.0166)


def test_crypto_makers_pay_their_rate():
    preset = crypto(taker=0.001, maker=0.0002)
    assert (preset.fee("SELL", 1, 1e4, "2024-01-01"), preset.fee("SELL", 1, 1e4, "2024-01-01", "maker")) == (10.0, 2.0)


@given(st.floats(0, 1e6), st.floats(0, 1e9), st.sampled_from(["2018-06-01", "2024-06-03", "2026-11-02"]))
def test_without_friction_nothing_is_charged(shares, value, day):
    assert frictionless().fee("SELL", shares, value, day) == 0.0


@given(
    st.sampled_from([krx_equity("KOSPI"), krx_equity("KOSDAQ"), krx_equity("KONEX"), us_equity(), us_equity(whole_cents=True)]),
    st.integers(1, 10**6),
    st.floats(1, 1e5),
    st.sampled_from(["2021-06-01", "2024-06-03", "2025-06-02", "2026-11-02"]),
)
def test_a_buyer_never_pays_a_sellers_tax(preset, shares, price, day):
    commission = preset.fees.components[0].on(preset.fees.components[0].known[0])
    assert preset.fee("BUY", shares, shares * price, day) == fee_of_terms(commission, shares, shares * price)
    assert preset.fee("SELL", shares, shares * price, day) >= preset.fee("BUY", shares, shares * price, day)


def test_only_korean_stocks_have_daily_limits_here():
    assert krx_equity("KOSDAQ").price_limit.limits(10_000, krx_equity("KOSDAQ").ticks) == (7_000, 13_000)
    assert krx_equity("KONEX").price_limit.fraction == 0.15
    assert krx_equity("KONEX").fill_model.price_limit == krx_equity("KONEX").price_limit
    assert us_equity().price_limit is crypto().price_limit is frictionless().price_limit is None
    assert "limit-up limit-down bands and trading halts are not modelled" in us_equity().describe()


def test_the_fill_model_of_a_preset_fills_at_its_spread_and_commission():
    bars = minute_bars([10_000.0] * 3, symbol="005930", volume=1e6)
    preset = krx_equity(impact=None)
    fill = asyncio.run(SimulatedBroker(bars, fill_model=preset.fill_model).place_order("005930", 100))
    assert fill.fill_price == pytest.approx(10_005.0)
    assert fill.commission == pytest.approx(preset.fee("BUY", 100, 100 * 10_005.0, "2024-01-02"))


def test_an_order_without_friction_pays_the_open():
    bars = minute_bars([(10.0, 12.0, 9.0, 11.0)] * 3, volume=10)
    fill = asyncio.run(SimulatedBroker(bars, fill_model=frictionless().fill_model).place_order("X", 1_000))
    assert (fill.quantity, fill.fill_price, fill.commission) == (1_000, 10.0, 0.0)


def test_an_unknown_korean_market_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean KOSPI"):
        krx_equity("KOSPY")


def test_rates_that_cannot_be_are_refused():
    with pytest.raises(UsageError, match="rate"):
        crypto(taker=-0.001)
    with pytest.raises(UsageError, match="rate"):
        crypto(maker=np.nan)
    with pytest.raises(UsageError, match="commission rate"):
        krx_equity(commission=Commission(rate=-1.0))
