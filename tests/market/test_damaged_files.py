"""A fifth of `tests/proofs/readers.py`, which damages 10,000 files: each is refused, or gives the numbers that plain pandas reads in it."""

import random

import pandas as pd
import pytest
from proofs import formats, readers, says

from exec_algos import Bars
from exec_algos.errors import MarketDataError, UsageError
from exec_algos.market.splits import Splits
from exec_algos.studies.design.written.cells import Unread
from exec_algos.studies.design.written.sides import read_sides

KNOWN = formats.cases()


@pytest.mark.parametrize("kind", KNOWN)
def test_a_file_without_damage_gives_its_numbers(tmp_path, kind):
    assert readers.judged(KNOWN[kind], tmp_path, KNOWN[kind].content, random.Random(0)) == "same"


@pytest.mark.slow
@pytest.mark.parametrize("first", [1, 501, 1001, 1501])
def test_damaged_files_are_refused_or_give_the_numbers_that_pandas_reads(first):
    found, failures, peak = readers.run(500, first)
    assert failures == []
    assert found.total() == 500
    assert peak < readers.MOST_MEMORY
    assert {kind for kind, _ in found} == set(KNOWN)
    # neither is all refused, which would prove nothing, nor is no damage noticed
    assert sum(times for (_, outcome), times in found.items() if outcome == "same") > 100
    assert sum(times for (_, outcome), times in found.items() if outcome == "refused") > 200


def test_what_must_not_be_is_told_from_what_may(tmp_path):
    case = KNOWN["csv"]
    wrong = case._replace(check=lambda *_: f"{says.WRONG}: a price")
    foreign = case._replace(check=lambda *_: {}["absent"])
    assert readers.judged(wrong, tmp_path, case.content, random.Random(0)).startswith(says.WRONG)
    assert readers.judged(foreign, tmp_path, case.content, random.Random(0)).startswith(readers.FOREIGN)
    frame = formats.stamped("2024-01-02 09:30")
    bars = Bars.from_frame(frame, symbol="AAA", zone=says.ZONE)
    rows = says.csv_says("AAA", says.ZONE)(formats.lines_of(frame))
    assert says.bars_differ(bars, rows, "raise", "start") == ""
    assert says.WRONG in says.bars_differ(bars, rows, "raise", "end")
    other = frame.assign(close=frame["close"].where(pd.RangeIndex(16) != 7, frame["close"] - 0.001), low=frame["low"] - 1)
    for changed in (other, frame.iloc[:-1]):
        rows = says.csv_says("AAA", says.ZONE)(formats.lines_of(changed))
        assert says.WRONG in says.bars_differ(bars, rows, "raise", "start")
    more = says.csv_says("AAA", says.ZONE)(formats.lines_of(formats.stamped("2024-01-02 09:30", 17)))
    assert says.WRONG in says.bars_differ(bars, [*rows, *more], "raise", "start")


HEAD = "open,high,low,close,volume"
SHOWN = {
    "now": (f"timestamp,{HEAD}\nnow,1,1,1,1,5\n", {"zone": "UTC"}, "row 1: A: timestamp 'now'"),
    "today": (f"timestamp,{HEAD}\ntoday,1,1,1,1,5\n", {"zone": "UTC"}, "row 1: A: timestamp 'today'"),
    "two symbols": (
        "Price,Close,High,Low,Open,Volume\nTicker,A,A,B,A,A\nDatetime,,,,,\n2024-01-02T09:30:00Z,1,1,1,1,5\n",
        {},
        "A: no column low",
    ),
    "no symbol": ("Price\nTicker\nDatetime\n", {"format": "yahoo"}, "the second line names no ticker"),
    "an open mark": (f'timestamp,symbol,{HEAD}\n2024-01-02T09:30Z,"A\nB",1,1,1,1,5\n', {}, r"row 1: symbol 'A\\nB' ... holds a line break"),
}


@pytest.mark.parametrize("what", SHOWN)
def test_what_the_damaged_files_have_shown_is_refused_by_name(tmp_path, what):
    content, options, said = SHOWN[what]
    (tmp_path / "A.csv").write_text(content, encoding="utf-8")
    with pytest.raises(MarketDataError, match=said):
        Bars.read(tmp_path / "A.csv", label="start", **options)


@pytest.mark.parametrize("kind", ["timedelta64[s]", "datetime64[s]", "complex128"])
def test_columns_of_times_and_of_complex_numbers_are_no_prices(kind):
    frame = formats.stamped("2024-01-02 09:30")
    with pytest.raises(MarketDataError, match=rf"column volume holds {kind.replace('[', '.').replace(']', '.')}, no numbers"):
        Bars.from_frame(frame.assign(volume=frame["volume"].astype(kind)), symbol="A", zone="UTC")


def test_an_open_quotation_mark_in_a_table_of_splits_is_said_in_one_line(tmp_path):
    for content in ('date,symbol,"ratio\n2024-06-10,A,10\n', 'date,symbol,ratio\n2024-06-10,"A\n2024-06-10,B",10\n'):
        (tmp_path / "s.csv").write_text(content, encoding="utf-8")
        with pytest.raises(UsageError) as caught:
            Splits.of(tmp_path / "s.csv")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("odd", ['b"uy', "(5)", "-1-"])
def test_a_damaged_side_is_none(odd):
    sides = read_sides([odd, *["buy", "Sell", "BUY_TO_COVER", "buy (to open)", "sell-short"] * 4])
    assert isinstance(sides[0], Unread)
    assert sides[1:6] == [1, -1, 1, 1, -1]


def test_digits_of_another_script_are_no_epoch(tmp_path):
    rows = "".join(f"17042058{minute}0,1,1,1,1,5\n" for minute in range(4))
    (tmp_path / "A.csv").write_text(f"timestamp,{HEAD}\n{rows}1704205\u0663860,1,1,1,1,5\n", encoding="utf-8")
    with pytest.raises(MarketDataError, match="row 5: A: timestamp"):
        Bars.read(tmp_path / "A.csv", label="start", zone="UTC")
