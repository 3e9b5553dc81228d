"""What was once printed and was not so: each sentence, and what is said in its place. Details stand in the tests of each part."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from markets import DAYS, bars_of, grid_of, market
from typer.testing import CliRunner

from exec_algos import Bars, FillModel, ParentOrders, SlippageStudy
from exec_algos.cli import app
from exec_algos.errors import MarketDataError, UsageError
from exec_algos.market.calendars import sessions
from exec_algos.market.depth import with_quote_proxy
from exec_algos.model import Fill
from exec_algos.studies.design.reasons import counted

STEP = 60_000_000_000
WEEK = [pd.Timestamp(day, tz="UTC").value for day in ("2025-03-10", "2025-03-21")]


def minutes(calendar="XNYS", zone="America/New_York", **columns):
    """Minutes of each session of two weeks, with clock times of `zone`; prices and volumes that differ a little."""
    found = sessions(calendar, *WEEK)
    stamps = np.concatenate([np.arange(a, b, STEP) for a, b in zip(found.open, found.close, strict=True)])
    draw = np.random.default_rng(3)
    close = np.round(100 * np.exp(np.cumsum(draw.normal(0, 2e-4, len(stamps)))), 2)
    clock = pd.DatetimeIndex(stamps, tz="UTC").tz_convert(zone).tz_localize(None)
    table = {"timestamp": clock, "open": close, "high": close + 0.01, "low": close - 0.01, "close": close}
    return pd.DataFrame({**table, "volume": np.round(draw.uniform(500, 1500, len(stamps))), **columns})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("bars")
    minutes().to_csv(place / "AAA.csv", index=False)
    return place


def command(*words):
    run = CliRunner().invoke(app, [str(word) for word in words])
    return run.exit_code, run.output


def study(folder, *words, zone="America/New_York", calendar="XNYS"):
    given = ["--calendar", calendar] if calendar else []
    return command("study", folder / "AAA.csv", "--zone", zone, "--label", "start", *given, "--out", folder / "out", "--no-fills", *words)


def test_buys_and_sells_of_one_order_do_not_cancel():
    bars = market(5, missing=0.0, silent=0.0)
    for sides in (["BUY"], ["BUY", "SELL"]):
        orders = ParentOrders.grid(bars, calendar="XNYS", sides=sides, size="300", profile_days=1)
        result = SlippageStudy(bars, orders, ["twap", "vwap:profile_days=1"]).run()
        assert abs(result.compare("twap", "vwap:profile_days=1").mean) > 1e-3
        assert (result.summary()["mean"].abs() > 1e-3).all()
    assert set(ParentOrders.grid(bars, calendar="XNYS", size="300", profile_days=1).side.tolist()) == {1}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"zone": "UTC"}, "read in America/New_York"),
        ({"calendar": "XLON"}, "calendar XNYS"),
        ({"zone": "Europe/London"}, "America/New_York"),
    ],
)
def test_a_wrong_zone_or_calendar_gives_no_table(folder, options, named):
    code, said = study(folder, **options)
    assert code == 2
    assert named in " ".join(said.split())


def test_without_a_calendar_there_is_the_analysis(folder):
    code, said = command("study", folder / "AAA.csv", "--zone", "America/New_York", "--label", "start", "--out", folder / "own")
    assert code == 0, said
    assert "sessions: days of the bars" in said
    page = (folder / "own" / "report.html").read_text()
    assert "Implementation shortfall by its parts" in page
    assert "unknown calendar" not in page
    assert "session of from the bars" not in page


@pytest.mark.parametrize("algorithm", ["liquidity_aware", "sniper"])
def test_quotes_that_are_not_there_are_not_the_close(folder, algorithm):
    if algorithm == "liquidity_aware":  # the command has no option for the limit price that the other needs
        code, said = study(folder, "--algo", algorithm)
        assert (code, "--quote-proxy close" in said) == (2, True)
        code, said = study(folder, "--algo", algorithm, "--quote-proxy", "close")
        assert (code, "quotes: proxy close" in said) == (0, True)
        assert "bid and ask are taken to be the close" in (folder / "out" / "report.html").read_text()
    from exec_algos.model import Rules

    bars = Bars.from_frame(minutes().assign(symbol="AAA"), zone="America/New_York", label="start")
    orders = ParentOrders.grid(bars, calendar="XNYS", size="300")
    with pytest.raises(UsageError, match="and the bars of AAA have none"):
        SlippageStudy(bars, orders, [algorithm], rules=Rules(limit_price=100.0))
    proxied = with_quote_proxy(bars, "close")
    assert SlippageStudy(proxied, orders, [algorithm], rules=Rules(limit_price=100.0)).run().config["quote_proxy"] == "close"


def test_an_order_of_many_days_volume_is_the_first_thing_said(folder):
    code, said = study(folder, "--size", "1000000000")
    assert code == 0
    assert said.startswith("larger than the market: ")
    assert "exceed the ADV" in said.splitlines()[0]


def test_an_estimate_without_a_model_is_no_estimate(folder):
    code, said = command("estimate", folder / "AAA.csv", "--zone", "America/New_York", "--label", "start", "--calendar", "XNYS")
    assert (code, "--preset us_equity" in said) == (2, True)


def test_what_was_not_filled_has_its_cause(folder):
    words = ("--size", "20%adv", "--max-participation", "0.1", "--algo", "twap", "--fills")
    code, said = study(folder, *words)
    assert code == 0
    assert re.search(r"not filled: twap buy \d+\.\d % \(cap \d", said)


def test_reasons_do_not_merge_numbers_that_are_no_counts():
    said = counted(["9:30-10:30, 1%adv: no bar", "9:30-16:00, 2%adv: no bar"])
    assert "9:30-10:30, 1%adv" in said
    assert "9:30-16:00, 2%adv" in said


def test_a_quote_of_a_billion_costs_nothing():
    table = minutes().assign(symbol="AAA", bid=lambda t: t["close"] - 0.01, ask=lambda t: t["close"] + 0.01)
    table.loc[100, "ask"] = 1e9
    bars = Bars.from_frame(table, zone="America/New_York", label="start")
    assert len(bars) == len(table)
    assert math.isnan(bars.quotes["ask"][100])
    assert "over half the close away" in bars.report[0].problem
    with pytest.raises(MarketDataError, match="of its quotes cannot be"):
        Bars.from_frame(table.assign(ask=1e9), zone="America/New_York", label="start")


def test_truth_values_are_no_volumes():
    with pytest.raises(MarketDataError, match="volume"):
        Bars.from_frame(minutes().assign(symbol="AAA", volume=True), zone="America/New_York", label="start")


def test_the_demo_charges_costs_and_a_study_without_them_says_so(folder):
    assert "no costs are charged" in study(folder)[1]
    code, said = study(folder, "--preset", "us_equity")
    assert (code, "no costs are charged" in said) == (0, False)


def test_a_split_in_the_history_is_said(folder):
    table = minutes()
    after = table["timestamp"] >= pd.Timestamp("2025-03-18")
    table.loc[after, ["open", "high", "low", "close"]] /= 10
    table.loc[after, "volume"] *= 10
    table.to_csv(folder / "split.csv", index=False)
    words = (folder / "split.csv", "--zone", "America/New_York", "--label", "start", "--calendar", "XNYS")
    assert "split" in command("data", "check", *words)[1]
    assert "split" in command("study", *words, "--out", folder / "out", "--no-fills")[1]


def test_a_first_minute_without_volume_is_said(folder):
    table = minutes()
    table.loc[table["timestamp"].dt.strftime("%H:%M") == "09:30", "volume"] = 0
    table.to_csv(folder / "silent.csv", index=False)
    code, said = command("data", "check", folder / "silent.csv", "--zone", "America/New_York", "--label", "start", "--calendar", "XNYS")
    assert code == 1
    assert "without volume" in said


def test_prices_of_float32_are_decimals(folder):
    table = minutes()
    narrow = table.astype(dict.fromkeys(["open", "high", "low", "close"], "float32"))
    plain, read = (Bars.from_frame(rows.assign(symbol="AAA"), zone="America/New_York", label="start") for rows in (table, narrow))
    assert (plain.close == read.close).all()


@pytest.mark.parametrize("wrong", [{"quantity": math.inf}, {"fill_price": math.nan}, {"quantity": True}, {"commission": math.inf}])
def test_a_fill_that_cannot_be_is_refused(wrong):
    given = {"timestamp": 1, "ticker": "X", "quantity": 1.0, "fill_price": 1.0, "commission": 0.0}
    Fill(**given)
    with pytest.raises(UsageError):
        Fill(**{**given, **wrong})


def test_a_bar_without_a_price_fills_nothing():
    class Unknown:
        def half(self, bars):
            return np.full(len(bars.start), math.nan)

    rows = [(start, 10.0, 10.0, 10.0, 10.0, 100.0, math.nan) for day in DAYS for start in grid_of(day)]
    bars = bars_of({"A": rows})
    orders = ParentOrders.grid(bars, calendar="XNYS", size="50", profile_days=1)
    assert SlippageStudy(bars, orders, ["twap"], FillModel(spread=Unknown())).run().parents["filled"].sum() == 0
