import copy
import math
import pickle
import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from small_markets import MINUTE, at

from exec_algos import Fill, ParentOrder, Side
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.model import Rules, check_lots, summarise


def parent(**changes):
    terms = {"symbol": "X", "side": Side.BUY, "quantity": 100, "start": 0, "end": 10 * MINUTE, "interval": MINUTE}
    return ParentOrder(**{**terms, **changes})


def test_side_times_price_difference_is_a_cost():
    assert (int(Side.BUY), int(Side.SELL)) == (1, -1)


@pytest.mark.parametrize("text", [Side.SELL, "SELL", "sell", " Sell ", -1])
def test_a_side_is_taken_from_a_side_a_word_or_a_sign(text):
    assert Side.of(text) is Side.SELL


@pytest.mark.parametrize("wrong", ["SEL", "", 0, 2])
def test_an_unknown_side_is_refused_with_the_known_ones(wrong):
    with pytest.raises(UnknownNameError, match="SELL"):
        Side.of(wrong)


def test_a_parent_order_has_a_decision_for_each_interval_begun():
    assert parent().slices == 10
    assert parent(interval=3 * MINUTE).slices == 4
    assert parent(interval=60 * MINUTE).slices == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantity": 0}, "positive number of shares, got 0; use side='SELL'"),
        ({"quantity": -5}, "got -5"),
        ({"quantity": math.nan}, "got nan"),
        ({"quantity": 150, "lot_size": 100}, "150 is not a multiple of lot_size 100; use 100"),
        ({"lot_size": 0}, "lot_size must be a positive"),
        ({"end": 0}, "window of X is empty"),
        ({"interval": 0}, "interval must be positive"),
        ({"max_participation": 10}, "10 % is 0.1"),
        ({"max_participation": 0}, "fraction in"),
    ],
)
def test_a_parent_order_that_cannot_be_worked_is_refused_with_value_and_remedy(change, message):
    with pytest.raises(UsageError, match=message):
        parent(**change)


@pytest.mark.parametrize(("quantity", "lot", "lots"), [(100, 1, 100), (300, 100, 3), (0.3, 0.1, 3), (1.7, 1e-8, 170_000_000)])
def test_shares_are_counted_in_lots(quantity, lot, lots):
    assert check_lots(quantity, lot) == lots


def test_a_fill_shows_its_instant_in_its_zone():
    fill = Fill(at("09:30"), "X", 10, 100.0, zone="America/New_York")
    assert fill.timestamp == pd.Timestamp("2024-01-02 09:30", tz="America/New_York")
    assert fill.timestamp.isoformat() == "2024-01-02T09:30:00-05:00"


@pytest.mark.parametrize(
    "moment",
    [
        at("09:30"),
        np.int64(at("09:30")),
        datetime(2024, 1, 2, 9, 30),
        datetime(2024, 1, 2, 14, 30, tzinfo=UTC),
        pd.Timestamp("2024-01-02 15:30", tz="Europe/Paris"),
    ],
)
def test_a_fill_takes_its_instant_in_any_form_and_reads_a_naive_one_in_its_zone(moment):
    assert Fill(moment, "X", 10, 100.0, zone="America/New_York").time == at("09:30")


@pytest.mark.parametrize(("quantity", "price"), [(-1, 100), (math.nan, 100), (1, 0), (1, -5), (1, math.nan), (1, math.inf)])
def test_a_fill_that_cannot_be_is_refused(quantity, price):
    with pytest.raises(UsageError, match="a fill of X needs"):
        Fill(0, "X", quantity, price)


def test_an_empty_answer_is_a_fill_of_nothing_without_a_price():
    assert Fill(0, "X", 0, math.nan).quantity == 0


def test_a_fill_survives_copying_and_pickling():
    fill = Fill(at("09:30"), "X", 10, 100.0, 0.5, "SELL", parent_id=3, zone="America/New_York")
    for same in (copy.copy(fill), copy.deepcopy(fill), pickle.loads(pickle.dumps(fill))):
        assert (type(same), same) == (Fill, fill)


def test_a_summary_averages_by_shares_and_adds_up_commission():
    fills = [Fill(0, "X", 30, 10.0, 0.1), Fill(MINUTE, "X", 10, 14.0, 0.2)]
    summary = summarise(parent(), fills, 5, ["slice 3: late"])
    assert (summary["avg_fill_price"], summary["total_commission"]) == (11.0, pytest.approx(0.3))
    assert (summary["ordered_quantity"], summary["total_quantity"], summary["residual"]) == (100, 40, 60)
    assert (summary["num_slices"], summary["errors"]) == (5, ["slice 3: late"])
    assert [list(one.values())[2:5] for one in summary["fills"]] == [["BUY", 30, 10.0], ["BUY", 10, 14.0]]


def test_an_order_without_fills_has_no_average_price():
    assert math.isnan(summarise(parent(), [], 0, [])["avg_fill_price"])


def test_ten_tenths_of_a_coin_leave_no_residual():
    tenths = [Fill(0, "X", 0.1, 10.0)] * 10
    summary = summarise(parent(quantity=1.0, lot_size=0.1), tenths, 10, [])
    assert (summary["total_quantity"], summary["residual"]) == (1, 0)
    assert summary["avg_fill_price"] == pytest.approx(10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"until": 10 * MINUTE, "rules": Rules(residual="extend")},
            "until 600000000000 ns is not after the window's end 600000000000 ns; leave",
        ),
        ({"until": 20 * MINUTE, "rules": Rules(residual="close_auction")}, "auction -1 ns must lie in"),
        ({"until": 20 * MINUTE, "auction": 9 * MINUTE, "rules": Rules(residual="close_auction")}, "auction 540000000000 ns must lie in"),
        ({"until": 20 * MINUTE, "auction": 20 * MINUTE, "rules": Rules(residual="close_auction")}, "must lie in"),
    ],
)
def test_a_residual_policy_that_does_not_go_on_after_the_window_is_refused(change, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        parent(**change)


def test_the_rules_of_an_order_are_those_it_was_given_and_none_by_default():
    assert parent().rules == Rules()
    assert parent(rules=Rules(max_child=50)).rules.max_child == 50


@pytest.mark.parametrize("quantity", [float("inf"), float("nan"), -1])
def test_a_fill_of_no_finite_number_of_shares_is_refused(quantity):
    with pytest.raises(UsageError, match=f"a fill of X needs a finite quantity >= 0, got {quantity}"):
        Fill(0, "X", quantity, 10.0)
