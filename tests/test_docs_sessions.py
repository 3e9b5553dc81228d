"""What docs/sessions.md shows runs as it stands, from the first block to the last, and what it says is said is said."""

import re
from pathlib import Path

import pytest

from exec_algos.errors import UsageError

PAGE = Path(__file__).parents[1] / "docs" / "sessions.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def names():
    found = {"__name__": "sessions"}
    for number, block in enumerate(BLOCKS, start=1):
        exec(compile(block, f"sessions.md, block {number}", "exec"), found)  # the blocks assert what they say
    return found


@pytest.mark.parametrize(
    ("asked", "worked", "said"),
    [
        ({"start": "11:00", "end": "13:00"}, ["06 11:00", "06 13:00"], False),
        ({"start": "11:00", "length": 60}, ["06 11:00", "06 13:00"], False),
        ({"start": "11:00", "end": "12:00"}, ["06 11:00", "06 11:30"], True),
        ({"start": "12:00", "end": "14:00"}, ["06 12:30", "06 14:00"], True),
        ({"start": "14:50", "length": 30}, ["06 14:50", "06 15:00"], True),
    ],
)
def test_each_row_of_the_table_of_tokyo_is_true(names, caplog, asked, worked, said):
    caplog.clear()
    minutes = {"length": asked["length"] * names["MINUTE"]} if "length" in asked else {}
    assert names["window"]("XTKS", "2024-03-06 09:00", **asked | minutes) == worked
    assert ("is cut to" in caplog.text) is said


def test_a_window_within_lunch_is_refused_as_the_table_says(names):
    with pytest.raises(UsageError, match="no whole bar"):
        names["window"]("XTKS", "2024-03-06 09:00", start="11:40", end="12:20")
