"""Splits: what a table of them may say, what it makes of bars, and which bars it is refused on."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.errors import UsageError
from exec_algos.market.bars import Bars
from exec_algos.market.hours import sessions_of
from exec_algos.market.quality.findings import findings_of
from exec_algos.market.ratios import Split
from exec_algos.market.splits import Splits, of_record, shares_after, used_line

ZONE = "America/New_York"
DAYS = ("2024-06-06", "2024-06-07", "2024-06-10", "2024-06-11")


def bars_of(*prices, symbol="AAA", volumes=(100, 100, 100, 100), zone=ZONE, **columns):
    """Two bars a day at these prices, one a day."""
    stamps = [pd.Timestamp(f"{day} {clock}", tz=ZONE) for day in DAYS[: len(prices)] for clock in ("09:30", "09:31")]
    frame = pd.DataFrame({name: np.repeat(prices, 2).astype(float) for name in ("open", "high", "low", "close")}, index=stamps)
    frame = frame.assign(volume=np.repeat(volumes[: len(prices)], 2).astype(float), **columns)
    return Bars.from_frame(frame, symbol=symbol, label="start", step="1min", zone=zone)


def test_what_lies_before_the_date_is_put_into_shares_after_it():
    quotes = {
        "vwap": [100, 100.5, 100, 100, 10, 10.0],
        "bid": [99.0] * 4 + [9.9] * 2,
        "ask": [101.0] * 4 + [10.1] * 2,
        "bid_size": 7.0,
        "ask_size": 8.0,
    }
    bars = bars_of(100, 100, 10, volumes=(30, 40, 500), **quotes)
    made = bars.adjusted([("AAA", "2024-06-10", "10:1")])
    for name in ("open", "high", "low", "close"):
        assert made.columns()[name].tolist() == [10.0] * 6
    assert made.volume.tolist() == [300, 300, 400, 400, 500, 500]
    assert made.vwap == pytest.approx([10, 10.05, 10, 10, 10, 10], rel=1e-15)
    assert made.quotes["bid"] == pytest.approx([9.9] * 6, rel=1e-15)
    assert made.quotes["ask_size"].tolist() == [80] * 4 + [8] * 2
    assert made.splits == (Split("AAA", "2024-06-10", 10.0, "both", 1),)
    assert [(issue.symbol, issue.problem, issue.action) for issue in made.report] == [
        ("AAA", "split AAA 2024-06-10 10:1", "prices and volumes before it are in shares after it")
    ]


def test_a_reverse_split_leaves_parts_of_shares():
    made = bars_of(1, 1, 10, volumes=(123, 7, 5)).adjusted([("AAA", "2024-06-10", "1:10")])
    assert made.close.tolist() == [10] * 6
    assert made.volume == pytest.approx([12.3, 12.3, 0.7, 0.7, 5, 5], rel=1e-15)


def test_several_splits_of_a_symbol_go_together_and_other_symbols_stay():
    bars = Bars.concat([bars_of(120, 60, 60, 20), bars_of(50, 50, 50, 50, symbol="BBB")])
    made = bars.adjusted([("AAA", "2024-06-11", 3), ("AAA", "2024-06-07", 2)])
    assert made.close.tolist() == pytest.approx([20] * 8 + [50] * 8, rel=1e-15)
    assert made.volume.tolist() == [600, 600, 300, 300, 300, 300, 100, 100] + [100] * 8
    assert [split.name for split in made.splits] == ["AAA 2024-06-07 2:1", "AAA 2024-06-11 3:1"]


def test_only_what_is_asked_for_is_adjusted():
    prices_only = bars_of(100, 100, 10).adjusted([("AAA", "2024-06-10", 10, "prices")])
    assert (prices_only.close.tolist(), prices_only.volume.tolist()) == ([10.0] * 6, [100.0] * 6)
    volumes_only = bars_of(10, 10, 10).adjusted([("AAA", "2024-06-10", 10, "volumes")])
    assert (volumes_only.close.tolist(), volumes_only.volume.tolist()) == ([10.0] * 6, [1000.0] * 4 + [100.0] * 2)


def test_the_date_begins_at_midnight_in_the_zone_of_the_bars():
    assert Split("AAA", "2024-06-10", 2).instant("Asia/Seoul") == pd.Timestamp("2024-06-10", tz="Asia/Seoul").value
    night = bars_of(100, 100, 10, zone="UTC").adjusted([("AAA", "2024-06-10", 10)])
    assert night.close.tolist() == [10.0] * 6


def test_rows_that_find_no_bars_are_said():
    bars = bars_of(100, 100, 10)
    table = Splits.of([("AAA", "2024-06-10", 10), ("AAA", "2024-06-06", 5), ("AAA", "2030-01-02", 2), ("ZZZ", "2024-06-10", 4)])
    made = table.adjust(bars)
    assert [split.date for split in made.splits] == ["2024-06-10"]
    assert [(issue.row, issue.symbol, issue.action) for issue in made.report[1:]] == [
        (2, "AAA", "not used: no bar before it, or none from it on"),
        (3, "AAA", "not used: no bar before it, or none from it on"),
        (4, "ZZZ", "not used"),
    ]
    unused = [split for split in table.rows if split not in made.splits]
    used = "AAA 2024-06-10 10:1: prices, volumes and sizes of orders before it are in shares after it"
    assert used_line(made.splits) == used
    assert used_line(made.splits, unused) == (
        f"{used}; 3 of 4 rows not used (AAA 2024-06-06 5:1 in row 2, AAA 2030-01-02 2:1 in row 3, ZZZ 2024-06-10 4:1 in row 4), of symbols "
        "that the bars lack or without bars on both sides of the date"
    )
    assert used_line((), unused * 2).startswith("6 of 6 rows not used (AAA 2024-06-06 5:1 in row 2, ")
    assert "in row 4 and 3 more), of symbols" in used_line((), unused * 2)


@pytest.mark.parametrize(
    ("bars", "split", "words"),
    [
        (
            bars_of(10, 10, 10),
            ("AAA", "2024-06-10", 10),
            "prices do not step by the ratio .the last price before is 10, the first from it on 10.",
        ),
        (bars_of(100, 100, 10), ("AAA", "2024-06-10", 0.1), "prices do not step"),  # old shares for a new one
        (bars_of(100, 100, 10), ("AAA", "2024-06-07", 10), "prices do not step"),  # a day early
        (bars_of(100, 100, 10), ("AAA", "2024-06-10", 10, "volumes"), "but prices step by the ratio .*; write both"),
        (bars_of(100, 100, 100 / 1.5 * 1.4), ("AAA", "2024-06-10", "3:2"), "prices do not step"),  # nearer to none
    ],
)
def test_bars_that_do_not_show_the_split_are_refused(bars, split, words):
    with pytest.raises(UsageError, match=rf"the splits, row 1: AAA 2024-06-\d\d .*{words}"):
        Splits.of([split]).adjust(bars)


def test_adjusting_twice_is_refused():
    once = bars_of(100, 100, 10).adjusted([("AAA", "2024-06-10", 10)])
    with pytest.raises(UsageError, match="adjusted already leave the row out"):
        once.adjusted([("AAA", "2024-06-10", 10)])
    assert of_record(once, once.splits) is once
    assert of_record(bars_of(100, 100, 10), once.splits).close.tolist() == once.close.tolist()


def test_a_stock_dividend_is_too_small_to_be_judged():
    made = bars_of(100, 100, 102).adjusted([("AAA", "2024-06-10", 1.05)])
    assert made.close.tolist() == pytest.approx([100 / 1.05] * 4 + [102] * 2)


def test_the_first_print_of_the_date_may_be_one_of_the_day_before():
    bars = bars_of(100, 100, 10)
    late = bars.open.copy()
    late[4] = 100.0
    high = np.maximum(bars.high, late)
    made = Bars(
        symbols=bars.symbols, offsets=bars.offsets, start=bars.start, open=late, high=high, low=bars.low, close=bars.close,
        volume=bars.volume, step=bars.step, zone=bars.zone,
    ).adjusted([("AAA", "2024-06-10", 10)])  # fmt: skip
    assert made.close.tolist() == [10.0] * 6


GOOD = "Date, Symbol ,ratio\n2024-06-10,AAA,10:1\n\n2024-06-10,005930,50\n"


def test_a_file_keeps_noughts_and_counts_blank_rows(tmp_path):
    path = tmp_path / "splits.csv"
    path.write_text("﻿" + GOOD, encoding="utf-8")
    assert Splits.of(path).rows == (Split("AAA", "2024-06-10", 10.0, "both", 1), Split("005930", "2024-06-10", 50.0, "both", 3))
    frame = pd.DataFrame({"symbol": ["AAA"], "date": pd.to_datetime(["2024-06-10"]), "ratio": [1.5]})
    assert Splits.of(frame).rows == (Split("AAA", "2024-06-10", 1.5, "both", 1),)
    bars_of(100, 100, 10).to_frame().reset_index().to_parquet(tmp_path / "bars.parquet")
    read = Bars.read(tmp_path / "bars.parquet", label="start", splits=path)
    assert (read.close.tolist(), read.splits[0].ratio) == ([10.0] * 6, 10)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("date,symbol\n2024-06-10,AAA\n", "need the columns date, symbol, ratio, each once; found: date, symbol"),
        ("", "found: nothing"),
        (GOOD + "2024-06-31,AAA,2\n", "row 4: date must be a day such as 2024-06-10, got '2024-06-31'"),
        (GOOD + "10/06/2024,AAA,2\n", "row 4: date must be a day"),
        (GOOD + "2024-06-12,,2\n", "row 4: no symbol"),
        (GOOD + "2024-06-12,AAA,two\n", "row 4: ratio is new shares for an old one, .*; got 'two'"),
        (GOOD + "2024-06-12,AAA,\n", "row 4: ratio"),
        (GOOD + "2024-06-12,AAA,0\n", "row 4: ratio"),
        (GOOD + "2024-06-12,AAA,-2\n", "row 4: ratio"),
        (GOOD + "2024-06-12,AAA,1:1\n", "row 4: ratio"),
        (GOOD + "2024-06-12,AAA,2:0\n", "row 4: ratio"),
        (GOOD + "2024-06-12,AAA,inf\n", "row 4: ratio"),
        (GOOD + "2024-06-12,AAA\n", "row 4: ratio"),
        (GOOD + "2024-06-10,AAA,2\n", "row 4: AAA 2024-06-10 stands twice, in row 1 already"),
        ("date,symbol,ratio,adjust\n2024-06-10,AAA,2,all\n", "row 1: adjust must be one of both, prices, volumes, got 'all'"),
    ],
)
def test_rows_that_cannot_be_are_refused_by_row(tmp_path, text, words):
    path = tmp_path / "splits.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=rf"splits\.csv.*{words}"):
        Splits.of(path)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.csv: .*give a CSV with the columns date, symbol, ratio"):
        Splits.of(tmp_path / "absent.csv")
    (tmp_path / "binary.csv").write_bytes(b"date,symbol,ratio\n\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        Splits.of(tmp_path / "binary.csv")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(1, 1000), st.integers(0, 10**6)), min_size=4, max_size=4),
    st.permutations([("AAA", "2024-06-07", 3.0), ("AAA", "2024-06-10", 0.25), ("AAA", "2024-06-11", 1.5)]),
)
def test_the_notional_of_each_bar_stays_and_the_order_of_rows_does_not_matter(days, order):
    prices, volumes = zip(*days, strict=True)
    bars = bars_of(*prices, volumes=volumes)
    made = Splits.of(order).adjust(bars, check=False)
    for name in ("open", "high", "low", "close"):
        np.testing.assert_allclose(made.columns()[name] * made.volume, bars.columns()[name] * bars.volume, rtol=1e-14)
    again = Splits.of(sorted(order)).adjust(bars, check=False)
    assert (again.close.tolist(), again.volume.tolist(), [split.name for split in again.splits]) == (
        made.close.tolist(),
        made.volume.tolist(),
        [split.name for split in made.splits],
    )
    assert made.close[-2:].tolist() == bars.close[-2:].tolist()
    assert made.volume[:2] == pytest.approx(bars.volume[:2] * 3 * 0.25 * 1.5, rel=1e-14)


def test_shares_of_an_order_before_a_split():
    splits = [Split("AAA", "2024-06-10", 10.0), Split("AAA", "2024-06-11", 2.0), Split("AAA", "2024-06-12", 7.0, "prices")]
    at = [pd.Timestamp(f"{day} 10:00", tz=ZONE).value for day in ("2024-06-07", "2024-06-10", "2024-06-11")]
    assert [shares_after(splits, "AAA", instant, ZONE) for instant in at] == [20, 2, 1]
    assert shares_after(splits, "BBB", at[0], ZONE) == 1


@pytest.mark.market_data
@pytest.mark.parametrize(("name", "split"), [("us_lean/AAPL", ("AAPL", "2014-06-09", 7))])
def test_a_real_split_is_gone_after_adjusting(market_data, name, split):
    bars = Bars.read(market_data / f"{name}.parquet", on_bad="drop")
    kinds = [{row.kind for row in findings_of(each, sessions_of(each, "XNYS")).rows} for each in (bars, bars.adjusted([split]))]
    assert kinds == [{"split"}, set()]
