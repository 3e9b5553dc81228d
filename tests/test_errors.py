import pickle

import pytest

from exec_algos import errors
from exec_algos.errors import (
    ExecAlgosError,
    ForeignAwaitError,
    MarketDataError,
    NotEnoughHistoryError,
    OrderRejectedError,
    RunError,
    UnknownNameError,
    UsageError,
    VenueError,
)

ALL = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]


def test_every_error_of_the_package_can_be_caught_at_once():
    assert all(issubclass(kind, ExecAlgosError) for kind in ALL)


@pytest.mark.parametrize("kind", [MarketDataError, NotEnoughHistoryError, UnknownNameError, ForeignAwaitError])
def test_the_callers_fault_is_a_value_error(kind):
    assert issubclass(kind, UsageError)
    assert issubclass(kind, ValueError)
    assert not issubclass(kind, VenueError)


def test_the_venues_fault_is_a_runtime_error():
    assert issubclass(OrderRejectedError, VenueError)
    assert issubclass(VenueError, RuntimeError)
    assert not issubclass(VenueError, UsageError)
    assert not issubclass(RunError, UsageError | VenueError)


def test_an_unknown_name_is_answered_with_the_nearest_three():
    assert str(UnknownNameError("symbol", "AAPL", ["AAP", "MSFT"])) == "unknown symbol 'AAPL': did you mean AAP?"


def test_an_unknown_name_like_no_other_is_answered_with_all():
    assert str(UnknownNameError("symbol", "AAPL", ["TSLA9", "MSFT"])) == "unknown symbol 'AAPL': known: MSFT, TSLA9"
    assert str(UnknownNameError("symbol", "AAPL", [])) == "unknown symbol 'AAPL': known: none"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({}, "high < low"),
        ({"file": "a.csv"}, "a.csv: high < low"),
        ({"row": 3}, "row 3: high < low"),
        ({"file": "a.csv", "row": 3}, "a.csv, row 3: high < low"),
    ],
)
def test_bad_market_data_is_named_by_file_and_row(place, message):
    error = MarketDataError("high < low", **place)
    assert str(error) == message
    assert error.reason == "high < low"


@pytest.mark.parametrize(
    "error", [MarketDataError("bad", file="a.csv", row=3), UnknownNameError("symbol", "A", ["B"]), RunError("x")], ids=str
)
def test_errors_cross_a_process_boundary(error):
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
