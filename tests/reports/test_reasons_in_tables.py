"""What was left out, and what could not be estimated, is counted by kind: never a line for each order."""

import pandas as pd
import pytest
from markets import market

from exec_algos import ParentOrders, SlippageStudy
from exec_algos.reports import analysis, tables, words


@pytest.fixture(scope="module")
def result():
    grid = {"window": ["10:00-12:00", "14:00-16:00"], "size": ["1%adv", "40%adv"], "profile_days": 2}
    parents = ParentOrders.grid(market(3), calendar="XNYS", **grid)
    return SlippageStudy(market(3), parents, ["twap"]).run()


def test_what_a_grid_of_several_plans_left_out_is_one_row_a_reason_with_its_symbols_and_sessions(result):
    """Two symbols miss the first two days of 2 x 2 plans, and the plans of the afternoon miss the half day, 28 November."""
    assert tables.skipped(result).rows == [
        (
            "the volume profile needs 2 earlier sessions with data, there are 0-1, in 4 windows and sizes",
            "2025-11-24 to 2025-11-25",
            "4",
            "2",
        ),
        ("the session does not overlap the window, in 2 windows and sizes", "2025-11-28", "2", "2"),
    ]


def test_one_plan_of_several_is_named(result):
    own = result.skipped[result.skipped["reason"].str.startswith("14:00-16:00, 40%adv: the session")]
    left = type("Left", (), {"skipped": own})
    assert tables.skipped(left).rows[0][0] == "the session does not overlap the window, in 14:00-16:00, 40%adv"


def test_nothing_left_out_is_no_table(result):
    assert tables.skipped(type("Left", (), {"skipped": result.skipped[:0]})) is None


def test_reasons_of_single_orders_that_differ_in_their_number_are_one(result):
    said = [row[-1] for row in analysis.costs(result).benchmarks.rows if row[2].startswith("pwp")]
    assert any("the session ends when 0." in text for text in said)
    assert all(text.count("the session ends when") <= 1 for text in said)
    counts = [sum(int(part.rpartition(": ")[2]) for part in text.split("; ") if part) for text in said]
    left_out = result.analysis().slippage()["left_out"]
    assert counts == [int(n) for n, key in zip(left_out, left_out.index, strict=True) if key[2].startswith("pwp")]


def test_the_first_screen_names_the_most_frequent_reasons_and_counts_symbols_and_sessions_once(result):
    assert words.left_out(result)[:2] == [
        "4 symbol-sessions: the volume profile needs 2 earlier sessions with data, there are 0-1",
        "2 symbol-sessions: the session does not overlap the window",
    ]


def test_many_reasons_are_not_all_named_on_the_first_screen(result):
    skipped = result.skipped.head(1)
    many = pd.concat([skipped.assign(reason=f"reason {letter}", symbol=f"S{n}") for n, letter in enumerate("abcde") for _ in range(2)])
    assert len(words._skipped(many)) == words.MOST_REASONS + 1
    assert words._skipped(many)[-1] == "2 reasons more under Left out"
