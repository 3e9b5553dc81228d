"""Quotes that cannot be are dropped and counted, and their bars stay; a symbol with many of them is refused."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos import Bars
from exec_algos.errors import MarketDataError

NAN = math.nan


def frame(quotes, n=40):
    """`n` bars at 100 with a quote of 99.99 to 100.01; `quotes` replace those of some rows."""
    table = pd.DataFrame(
        {
            "timestamp": pd.date_range("2025-03-03 09:30", periods=n, freq="1min", tz="America/New_York"),
            "open": 100.0, "high": 100.5, "low": 99.5, "close": 100.0, "volume": 1000.0,
            "bid": 99.99, "ask": 100.01, "bid_size": 300.0, "ask_size": 400.0, "symbol": "AAA",
        }
    )  # fmt: skip
    for row, values in quotes.items():
        table.loc[row, list(values)] = list(values.values())
    return table


@pytest.mark.parametrize(
    ("values", "column", "problem"),
    [
        ({"bid": 100.02}, "bid", "the bid is above the ask"),
        ({"ask": 1e9}, "ask", "the ask is over half the close away from it"),
        ({"bid": 49.9}, "bid", "the bid is over half the close away from it"),
        ({"ask": 150.1}, "ask", "the ask is over half the close away from it"),
        ({"bid": -1.0}, "bid", "the bid is negative"),
        ({"bid": 0.0}, "bid", "a bid of 0 is no quote"),
        ({"bid_size": -5.0}, "bid_size", "the bid_size is no number of shares"),
        ({"ask_size": math.inf}, "ask_size", "the ask_size is no number of shares"),
    ],
)
def test_a_quote_that_cannot_be_is_dropped_and_its_bar_stays(values, column, problem):
    bars = Bars.from_frame(frame({7: values}))
    assert len(bars) == 40
    for name in ("bid", "ask", "bid_size", "ask_size"):
        assert np.flatnonzero(np.isnan(bars.quotes[name])).tolist() == [7]
    [issue] = bars.report
    assert (issue.row, issue.column, issue.problem, issue.action) == (8, column, problem, "quote dropped, the bar stays")


@pytest.mark.parametrize(
    "values", [{"bid": 100.01}, {"bid": 50.0}, {"ask": 150.0}, {"bid": NAN}, {"bid": NAN, "ask": NAN}, {"bid_size": 0.0}]
)
def test_quotes_that_can_be_stay(values):
    bars = Bars.from_frame(frame({7: values}))
    assert bars.report == ()
    for name, value in values.items():
        assert np.array_equal(bars.quotes[name][7], value, equal_nan=True)


def test_those_of_one_kind_are_counted_once_each():
    bars = Bars.from_frame(frame({3: {"bid": 100.02}, 9: {"bid": 101.0}, 11: {"ask": -1.0}}))
    assert [(issue.row, issue.problem) for issue in bars.report] == [
        (4, "the bid is above the ask (2 more like it)"),  # -1 is below the bid as well
    ]


def test_over_a_tenth_is_refused_unless_they_are_to_be_dropped():
    wrong = {row: {"bid": 100.02} for row in range(5)}
    with pytest.raises(MarketDataError, match="12% of its quotes cannot be, the first: the bid is above the ask") as caught:
        Bars.from_frame(frame(wrong))
    assert caught.value.row == 1
    for on_bad in ("drop", "repair"):
        bars = Bars.from_frame(frame(wrong), on_bad=on_bad)
        assert (len(bars), int(np.isnan(bars.quotes["bid"]).sum())) == (40, 5)
    assert len(Bars.from_frame(frame(dict(list(wrong.items())[:4])))) == 40  # a tenth


def test_zeros_say_that_there_is_no_quote_however_many():
    bars = Bars.from_frame(frame({row: {"bid": 0.0, "ask": 0.0, "bid_size": 0.0, "ask_size": 0.0} for row in range(30)}))
    assert int(np.isnan(bars.quotes["ask"]).sum()) == 30
    assert [issue.problem for issue in bars.report] == ["a bid of 0 is no quote (29 more like it)"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-10, 400), st.floats(-10, 400)), min_size=40, max_size=40))
def test_what_is_left_is_never_crossed_nor_far(pairs):
    table = frame({}).assign(bid=[bid for bid, _ in pairs], ask=[ask for _, ask in pairs])
    bars = Bars.from_frame(table, on_bad="drop")
    bid, ask = bars.quotes["bid"], bars.quotes["ask"]
    left = ~np.isnan(bid)
    assert len(bars) == 40
    assert (left == ~np.isnan(ask)).all()
    assert ((bid[left] >= 50) & (bid[left] <= ask[left]) & (ask[left] <= 150)).all()
    expected = [50 <= b <= a <= 150 for b, a in pairs]
    assert left.tolist() == expected


@pytest.mark.market_data
def test_the_crossed_quotes_of_real_bars_are_counted_and_no_bar_is_lost(market_data):
    file = market_data / "fx_fxcm_1m" / "USDJPY.parquet"
    raw = pd.read_parquet(file)
    crossed = int((raw["bid"] > raw["ask"]).sum())
    bars = Bars.read(file)
    assert 0 < crossed < 0.1 * len(raw)
    assert len(bars) == len(raw)
    assert int(np.isnan(bars.quotes["bid"]).sum()) == crossed + int(raw["bid"].isna().sum())
