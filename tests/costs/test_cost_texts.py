"""Presets, spreads and impacts by their text forms, in studies and on the command line."""

import json

import numpy as np
import pytest
from markets import market
from typer.testing import CliRunner

from exec_algos import Commission
from exec_algos.cli import app
from exec_algos.costs import AlmgrenImpact, FixedSpread, SquareRootImpact, TransientImpact
from exec_algos.costs.spread import EstimatedSpread, QuotedSpread, TickSpread
from exec_algos.costs.ticks import krx_ticks
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.fills.parsing import parse_impact, parse_preset, parse_spread
from exec_algos.fills.presets import crypto, frictionless, krx_equity, us_equity
from exec_algos.reports.words import assumptions
from exec_algos.studies.record.configuration import fill_model_of, fill_model_record
from exec_algos.studies.request import StudyRequest

CLI = CliRunner()


@pytest.mark.parametrize(
    ("text", "spread"),
    [
        ("fixed:bps=5", FixedSpread(5.0)),
        ("ticks:tick=0.01", TickSpread(0.01)),
        ("ticks:tick=0.01,count=2", TickSpread(0.01, 2.0)),
        ("ticks:market=KOSDAQ", TickSpread(krx_ticks("KOSDAQ"))),
        ("quoted:fallback_bps=4,max_age=60", QuotedSpread(FixedSpread(4.0), 60.0)),
        ("corwin_schultz:fallback_bps=4", EstimatedSpread(FixedSpread(4.0), "corwin_schultz")),
        ("abdi_ranaldo:fallback_bps=4,days=30", EstimatedSpread(FixedSpread(4.0), "abdi_ranaldo", 30)),
        ("roll:fallback_bps=4", EstimatedSpread(FixedSpread(4.0), "roll")),
    ],
)
def test_spreads_have_a_text_form(text, spread):
    assert parse_spread(text) == spread


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("0.001", SquareRootImpact(0.001)),
        ("square_root:coefficient=0.001", SquareRootImpact(0.001)),
        (
            "transient:coefficient=0.01,size=square_root,half_life_seconds=600",
            TransientImpact(0.01, "square_root", half_life_seconds=600.0),
        ),
        (
            "almgren:volatility=0.02,daily_volume=1e6,shares_outstanding=1e8",
            AlmgrenImpact(volatility=0.02, daily_volume=1e6, shares_outstanding=1e8),
        ),
    ],
)
def test_impacts_have_a_text_form(text, law):
    assert parse_impact(text) == law


@pytest.mark.parametrize(
    ("text", "preset"),
    [
        ("krx_equity", krx_equity()),
        ("krx_equity:market=KOSDAQ,commission=0.00015", krx_equity("KOSDAQ", commission=Commission(rate=0.00015))),
        ("us_equity:whole_cents=true", us_equity(whole_cents=True)),
        ("crypto:taker=0.0005,maker=0.0002,tick=0.1,lot_size=0.001", crypto(taker=0.0005, maker=0.0002, tick=0.1, lot_size=0.001)),
        ("frictionless", frictionless()),
    ],
)
def test_presets_have_a_text_form_and_their_fill_model_carries_the_whole_schedule(text, preset):
    assert parse_preset(text) == preset
    assert preset.fill_model.commission is preset.fees
    kept = json.loads(json.dumps(fill_model_record(parse_preset(text).fill_model), allow_nan=False))
    assert fill_model_of(kept) == preset.fill_model


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (parse_preset, "krx", "unknown preset 'krx'"),
        (parse_preset, "krx_equity:markt=KOSDAQ", "did you mean market"),
        (parse_preset, "krx_equity:market=KOSDAK", "did you mean KOSDAQ"),
        (parse_preset, "us_equity:whole_cents=yes", "whole_cents is true or false, got 'yes'"),
        (parse_spread, "quoted", "spread 'quoted' needs fallback_bps: quoted:fallback_bps=..."),
        (parse_spread, "fixed:bps=five", "bps needs a number, got 'five'"),
        (parse_spread, "fixed:bps=5,bps=6", "bps stands twice"),
        (parse_spread, "ticks", "ticks:tick=0.01 or ticks:market=KOSPI"),
        (parse_spread, "roll:fallback_bps=4,days=1.5", "days needs a whole number"),
        (parse_impact, "-1", "coefficient"),
    ],
)
def test_a_text_that_cannot_be_says_what_to_write(parse, text, words):
    with pytest.raises((UnknownNameError, UsageError), match=words):
        parse(text)


def test_presets_take_any_spread_and_any_law():
    law, spread = TransientImpact(0.01, half_life_seconds=600.0), TickSpread(0.01)
    for made in (krx_equity(spread=spread, impact=law), us_equity(spread=spread, impact=law), crypto(spread=spread, impact=law)):
        assert (made.fill_model.spread, made.fill_model.impact) == (spread, law)


def test_a_request_takes_the_presets_fill_model_and_what_is_said_besides_in_its_place():
    asked = StudyRequest(
        preset="krx_equity", spread="fixed:bps=7", impact="0.002", latency=2.0, max_participation=0.2, price="vwap"
    ).fill_model()
    assert (asked.spread, asked.impact, asked.latency) == (FixedSpread(7.0), SquareRootImpact(0.002), 2.0)
    assert (asked.max_participation, asked.price, asked.limit_fill) == (0.2, "vwap", "through")
    assert asked.commission == krx_equity().fees
    assert StudyRequest(preset="krx_equity").fill_model() == krx_equity().fill_model


def test_what_is_said_twice_is_refused():
    with pytest.raises(UsageError, match="the preset us_equity has its own fees"):
        StudyRequest(preset="us_equity", commission=(0.001, 0.0, 0.0)).fill_model()
    with pytest.raises(UsageError, match="one spread is enough"):
        StudyRequest(spread="fixed:bps=5", spread_bps=4.0).fill_model()


@pytest.mark.slow
def test_a_study_of_a_preset_is_charged_its_fees_and_lots():
    result = StudyRequest(algorithms="twap", preset="us_equity", size="37", profile_days=1, calendar="XNYS").study(market(5)).run()
    sold = result.parents[result.parents["side"] == "SELL"]
    notional = (sold["filled"] * sold["average_price"]).fillna(0.0)
    np.testing.assert_allclose(sold["taxes"], 0.000166 * sold["filled"], rtol=1e-9)  # TAF of 2025, the SEC's fee is 0
    assert (sold["commission"] > sold["taxes"]).sum() == (notional > 0).sum()
    said = "US equities, USD, by trade date and liquidity: commission paid by BUY and SELL; SEC Section 31 fee (tax) paid by SELL"
    assert said in dict(assumptions(result))["commission"]
    coins = StudyRequest(algorithms="twap", preset="crypto", size="0.37", profile_days=1, calendar="XNYS").study(market(5))
    assert coins.parents.lot_size == 1e-5


def test_the_command_prints_what_each_preset_assumes():
    said = CLI.invoke(app, ["presets"]).output
    assert [line for line in said.splitlines() if line.startswith("preset ")] == [
        "preset krx_equity(KOSPI)", "preset us_equity", "preset crypto", "preset frictionless",
    ]  # fmt: skip
    assert "securities transaction tax (KONEX)" in CLI.invoke(app, ["presets", "krx_equity:market=KONEX"]).output
    assert CLI.invoke(app, ["presets", "krx"]).exit_code != 0
