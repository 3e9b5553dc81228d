import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.errors import MarketDataError
from exec_algos.market.bars import Bars

HEADER = "timestamp,open,high,low,close,volume"
GOOD = (
    "2024-01-02T09:30:00Z,10.0,10.5,9.5,10.2,100",
    "2024-01-02T09:31:00Z,10.2,10.6,10.1,10.4,200",
    "2024-01-02T09:32:00Z,10.4,10.4,10.0,10.1,300",
    "2024-01-02T09:33:00Z,10.1,10.3,10.0,10.3,400",
)
BAD_THIRD_ROWS = {
    "high below low": ("09:32:00Z,10.4,10.0,10.9,10.5,300", "high", "high 10.0 is below low 10.9"),
    "open above high": ("09:32:00Z,10.8,10.4,10.0,10.1,300", "open", "open 10.8 is above high 10.4"),
    "open below low": ("09:32:00Z,9.8,10.4,10.0,10.1,300", "open", "open 9.8 is below low 10.0"),
    "close above high": ("09:32:00Z,10.4,10.4,10.0,11.0,300", "close", "close 11.0 is above high 10.4"),
    "close below low": ("09:32:00Z,10.4,10.4,10.0,9.0,300", "close", "close 9.0 is below low 10.0"),
    "a price missing": ("09:32:00Z,10.4,,10.0,10.1,300", "high", "high nan is no price"),
    "all prices missing": ("09:32:00Z,,,,,", "open", "open nan is no price"),
    "an infinite price": ("09:32:00Z,10.4,inf,10.0,10.1,300", "high", "high inf is no price"),
    "a price of zero": ("09:32:00Z,10.4,10.4,0,10.1,300", "low", "low 0.0 is not above zero"),
    "a negative price": ("09:32:00Z,10.4,10.4,-10.0,10.1,300", "low", "low -10.0 is not above zero"),
    "a negative volume": ("09:32:00Z,10.4,10.4,10.0,10.1,-300", "volume", "volume -300.0 is negative"),
    "countless volume": ("09:32:00Z,10.4,10.4,10.0,10.1,9.1e15", "volume", "volume 9100000000000000.0 is more than doubles count"),
    "no volume": ("09:32:00Z,10.4,10.4,10.0,10.1,", "volume", "volume nan is no number of shares"),
    "a word for a price": ("09:32:00Z,10.4,10.4,10.0,high,300", "close", "close 'high' is no number"),
    "a time that is none": ("25:32:00Z,10.4,10.4,10.0,10.1,300", "timestamp", "timestamp '2024-01-02T25:32:00Z' is not ISO 8601"),
    "a cut line": ("09:32:00Z,10.4,10.4", "low", "low nan is no price"),
}
MENDED = {"open above high": "high raised to 10.8", "open below low": "low lowered to 9.8",
          "close above high": "high raised to 11.0", "close below low": "low lowered to 9.0"}  # fmt: skip


def write(folder, *rows, name="SPY.csv"):
    path = folder / name
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def with_third(row):
    return [*GOOD[:2], "2024-01-02T" + row, GOOD[3]]


@pytest.mark.parametrize("case", BAD_THIRD_ROWS)
def test_a_row_that_cannot_be_true_is_refused_with_file_row_and_value(tmp_path, case):
    row, _, problem = BAD_THIRD_ROWS[case]
    path = write(tmp_path, *with_third(row))
    with pytest.raises(MarketDataError, match=re.escape(problem)) as caught:
        Bars.read(path, label="start")
    assert (caught.value.file, caught.value.row) == (str(path), 3)
    taken = " (allow_negative=True takes such prices, which power and some futures have)" if problem.endswith("not above zero") else ""
    assert f"{path}, row 3: SPY: {problem}{taken}; fix it or pass on_bad='drop' or 'repair'" == str(caught.value)


@pytest.mark.parametrize("case", BAD_THIRD_ROWS)
def test_drop_leaves_the_row_out_and_says_so(tmp_path, case):
    row, column, problem = BAD_THIRD_ROWS[case]
    path = write(tmp_path, *with_third(row))
    bars = Bars.read(path, label="start", on_bad="drop")
    assert bars.volume.tolist() == [100, 200, 400]
    (issue,) = bars.report
    assert (issue.file, issue.row, issue.column, issue.problem, issue.action) == (str(path), 3, column, problem, "dropped")


@pytest.mark.parametrize("case", BAD_THIRD_ROWS)
def test_repair_widens_the_range_and_drops_what_nothing_can_mend(tmp_path, case):
    row, column, problem = BAD_THIRD_ROWS[case]
    path = write(tmp_path, *with_third(row))
    bars = Bars.read(path, label="start", on_bad="repair")
    assert len(bars) == (4 if case in MENDED else 3)
    (issue,) = bars.report
    assert (issue.row, issue.column, issue.problem, issue.action) == (3, column, problem, MENDED.get(case, "dropped"))


def test_the_first_row_of_a_kind_is_named_and_the_others_counted(tmp_path):
    bad = GOOD[2].replace(",300", ",-300")
    path = write(tmp_path, *GOOD[:2], bad, GOOD[3].replace(",400", ",-400"))
    with pytest.raises(MarketDataError, match=r"row 3: SPY: volume -300.0 is negative \(1 more like it\)"):
        Bars.read(path, label="start")


def test_unsorted_stamps_are_refused_with_both_rows(tmp_path):
    path = write(tmp_path, GOOD[0], GOOD[2], GOOD[1], GOOD[3])
    with pytest.raises(MarketDataError) as caught:
        Bars.read(path, label="start")
    assert caught.value.row == 3
    assert "2024-01-02T09:31:00+00:00 is not after 2024-01-02T09:32:00+00:00 of row 2" in str(caught.value)


def test_a_file_that_runs_newest_first_is_told_so(tmp_path):
    with pytest.raises(MarketDataError, match=r"row 2: .*the rows run newest first"):
        Bars.read(write(tmp_path, *GOOD[::-1]), label="start")


def test_drop_leaves_out_the_rows_that_step_back(tmp_path):
    bars = Bars.read(write(tmp_path, GOOD[0], GOOD[2], GOOD[1], GOOD[3]), label="start", on_bad="drop")
    assert bars.volume.tolist() == [100, 300, 400]
    assert [(i.row, i.column, i.value, i.action) for i in bars.report] == [(3, "timestamp", "2024-01-02T09:31:00+00:00", "dropped")]


def test_repair_sorts_the_rows(tmp_path):
    bars = Bars.read(write(tmp_path, GOOD[0], GOOD[2], GOOD[1], GOOD[3]), label="start", on_bad="repair")
    assert bars.volume.tolist() == [100, 200, 300, 400]
    assert [(i.row, i.action) for i in bars.report] == [(3, "sorted")]


@pytest.mark.parametrize(("on_bad", "volumes", "touched"), [("drop", [100, 200, 300, 400], 3), ("repair", [100, 999, 300, 400], 2)])
def test_of_equal_stamps_drop_keeps_the_first_and_repair_the_last(tmp_path, on_bad, volumes, touched):
    path = write(tmp_path, *GOOD[:2], GOOD[1].replace(",200", ",999"), *GOOD[2:])
    with pytest.raises(MarketDataError, match=r"row 3: SPY: timestamp 2024-01-02T09:31:00\+00:00 stands twice, in row 2 already"):
        Bars.read(path, label="start")
    bars = Bars.read(path, label="start", on_bad=on_bad)
    assert bars.volume.tolist() == volumes
    (issue,) = bars.report
    assert (issue.row, issue.action.split(",")[0]) == (touched, "dropped")


def test_an_infinite_quote_is_refused():
    times = pd.date_range("2024-01-02 09:30", periods=3, freq="1min", tz="UTC")
    table = pd.DataFrame({"open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0, "volume": 1, "bid": [9.0, np.inf, 9.0]}, index=times)
    with pytest.raises(MarketDataError, match="row 2: A: bid inf is no price"):
        Bars.from_frame(table, symbol="A")


def test_a_local_time_that_the_clock_change_skips_or_repeats_is_refused(tmp_path):
    skipped = write(tmp_path, "2024-03-10 01:59:00,1,1,1,1,1", "2024-03-10 02:30:00,1,1,1,1,1")
    with pytest.raises(MarketDataError, match=r"row 2: .*'2024-03-10 02:30:00' does not exist, or exists twice, in America/New_York"):
        Bars.read(skipped, label="start", zone="America/New_York", step="1min")
    repeated = write(tmp_path, "2024-11-03 01:30:00,1,1,1,1,1", name="B.csv")
    with pytest.raises(MarketDataError, match="exists twice"):
        Bars.read(repeated, label="start", zone="America/New_York", step="1min")


def test_a_mixed_zone_is_refused_whatever_on_bad_says(tmp_path):
    path = write(tmp_path, GOOD[0], GOOD[1].replace("Z", ""))
    for on_bad in ("raise", "drop", "repair"):
        with pytest.raises(
            MarketDataError, match=r"row 2: a mixed zone: of timestamp '2024-01-02T09:31:00' and the earlier '2024-01-02T09:30:00Z'"
        ):
            Bars.read(path, label="start", zone="UTC", on_bad=on_bad)


def test_offsets_that_change_with_the_season_are_one_zone(tmp_path):
    path = write(
        tmp_path, "2024-03-08 09:30:00-05:00,1,1,1,1,1", "2024-03-11 09:30:00-04:00,1,1,1,1,1", "2024-03-11 09:31:00-04:00,1,1,1,1,1"
    )
    with pytest.raises(MarketDataError, match=r"offset -04:00, -05:00 and no zone is named"):
        Bars.read(path, label="start")
    bars = Bars.read(path, label="start", zone="America/New_York")
    assert [str(t)[11:19] for t in bars.to_frame().index.get_level_values(1)] == ["09:30:00", "09:30:00", "09:31:00"]


def test_each_epoch_of_a_file_has_its_own_unit_and_one_far_from_the_others_is_refused(tmp_path):
    path = write(tmp_path, "1704187800000,1,1,1,1,1", "1704187860000,1,1,1,1,1", "1704187920000000,1,1,1,1,1")
    assert np.diff(Bars.read(path, label="start").start).tolist() == [60_000_000_000] * 2
    path = write(tmp_path, "1704187800000,1,1,1,1,1", "1704187860000,1,1,1,1,1", "170418792000,1,1,1,1,1")
    with pytest.raises(MarketDataError, match=r"row 3: .*'170418792000' is no epoch in s, ms, us or ns of 1970 to 2100 near the others"):
        Bars.read(path, label="start")


def test_when_nothing_is_left_the_first_reason_is_given(tmp_path):
    path = write(tmp_path, *(row.replace(",10.", ",-10.") for row in GOOD))
    with pytest.raises(MarketDataError, match=r"SPY: no bar is left: open -10.0 is not above zero, and 3 more issues"):
        Bars.read(path, label="start", on_bad="drop")


prices = st.one_of(st.floats(1.0, 2.0), st.sampled_from([np.nan, np.inf, 0.0, -1.0]))


@pytest.mark.slow
@settings(deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 9), prices, prices, prices, prices, st.sampled_from([0.0, 5.0, -1.0, np.nan])), min_size=1, max_size=12
    ),
    on_bad=st.sampled_from(["drop", "repair"]),
)
def test_what_is_let_through_is_true_and_every_row_is_accounted_for(rows, on_bad):
    table = pd.DataFrame(rows, columns=["minute", "open", "high", "low", "close", "volume"])
    times = pd.Timestamp("2024-01-02 09:30", tz="UTC") + pd.to_timedelta(table.pop("minute"), unit="min")
    # a bar that is always good and apart from the others, so that one is left
    last = pd.DataFrame({"open": 1.0, "high": 2.0, "low": 1.0, "close": 1.5, "volume": 5.0, "timestamp": [times.iloc[0].ceil("D")]})
    table = pd.concat([table.assign(timestamp=times), last], ignore_index=True)
    bars = Bars.from_frame(table, symbol="A", step="1min", on_bad=on_bad)
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low > 0).all()
    assert (bars.volume >= 0).all()
    assert len(bars) == len(table) - sum(issue.action.startswith("dropped") for issue in bars.report)
    assert Bars.from_frame(bars.to_frame(), step="1min").report == ()


def test_small_numbers_are_no_seconds_of_the_first_day_of_1970(tmp_path):
    rows = ["1704205800,10,10,10,10,5", *[f"{n},10,10,10,10,5" for n in (2, 2, 2, 60, 120)]]
    (tmp_path / "A.csv").write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    said = {"label": "start", "step": "1min", "zone": "UTC"}
    with pytest.raises(MarketDataError, match="row 2: A: timestamp '2' is no epoch"):
        Bars.from_csv(tmp_path / "A.csv", **said)
    assert Bars.from_csv(tmp_path / "A.csv", on_bad="drop", **said).start.tolist() == [1_704_205_800_000_000_000]
