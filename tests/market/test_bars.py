import pickle

import numpy as np
import pandas as pd
import pytest

from exec_algos.errors import MarketDataError, UnknownNameError, UsageError
from exec_algos.market.bars import Bars
from exec_algos.market.validate import RowIssue

MINUTE = 60_000_000_000
OPEN = pd.Timestamp("2024-01-02 09:30", tz="America/New_York").value


def frame(n=3, start="2024-01-02 09:30", freq="1min", tz="America/New_York", **columns):
    times = pd.date_range(start, periods=n, freq=freq, tz=tz, name="timestamp")
    return pd.DataFrame({"open": 10.0, "high": 10.5, "low": 9.5, "close": 10.2, "volume": 100.0, **columns}, index=times)


def test_a_frame_with_aware_stamps_tells_its_zone_and_its_step():
    bars = Bars.from_frame(frame(), symbol="SPY")
    assert (bars.symbols, bars.zone, bars.step) == (("SPY",), "America/New_York", MINUTE)
    assert bars.start.tolist() == [OPEN, OPEN + MINUTE, OPEN + 2 * MINUTE]
    assert bars.report == ()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_stamps_of_every_unit_become_the_same_nanoseconds(unit):
    table = frame()
    table.index = table.index.as_unit(unit)
    assert Bars.from_frame(table, symbol="SPY").start.tolist() == [OPEN, OPEN + MINUTE, OPEN + 2 * MINUTE]


def test_column_names_are_read_in_any_case_and_order():
    table = frame().rename(columns=str.title)[["Close", "High", "Low", "Open", "Volume"]]
    assert Bars.from_frame(table, symbol="SPY").close.tolist() == [10.2, 10.2, 10.2]


def test_naive_stamps_are_read_in_the_zone_given():
    bars = Bars.from_frame(frame(tz=None), symbol="SPY", zone="America/New_York")
    assert bars.start[0] == OPEN


def test_naive_stamps_without_a_zone_are_refused():
    with pytest.raises(MarketDataError, match=r"'2024-01-02 09:30:00' has no UTC offset.*pass zone="):
        Bars.from_frame(frame(tz=None), symbol="SPY")


def test_a_fixed_offset_is_no_zone_and_is_asked_for():
    table = frame()
    table.index = pd.DatetimeIndex([t.isoformat() for t in table.index])
    with pytest.raises(MarketDataError, match=r"-05:00 and no zone is named; pass zone="):
        Bars.from_frame(table, symbol="SPY")
    assert Bars.from_frame(table, symbol="SPY", zone="America/New_York").start[0] == OPEN


def test_an_unknown_zone_label_or_on_bad_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="America/New_York"):
        Bars.from_frame(frame(), symbol="SPY", zone="America/NewYork")
    with pytest.raises(UnknownNameError, match="start"):
        Bars.from_frame(frame(), symbol="SPY", label="strat")
    with pytest.raises(UnknownNameError, match="repair"):
        Bars.from_frame(frame(), symbol="SPY", on_bad="repare")


def test_bars_labelled_by_their_end_are_moved_to_their_start():
    bars = Bars.from_frame(frame(start="2024-01-02 09:31"), symbol="SPY", label="end")
    assert bars.start[0] == OPEN


@pytest.mark.parametrize("name", ["timestamp", "datetime", "Datetime", "date"])
def test_times_may_stand_in_a_column(name):
    table = frame().rename_axis(name).reset_index()
    assert Bars.from_frame(table, symbol="SPY").start[0] == OPEN


def test_a_frame_without_times_is_refused():
    table = frame().rename_axis("timestmp").reset_index()
    with pytest.raises(MarketDataError, match=r"no column of times.*did you mean 'timestmp'"):
        Bars.from_frame(table, symbol="SPY")


def test_a_date_and_a_time_column_are_one_stamp():
    table = frame().reset_index(drop=True).assign(Date="2024-01-02", Time=["09:30", "09:31", "09:32"])
    assert Bars.from_frame(table, symbol="SPY", zone="America/New_York").start[0] == OPEN


def test_what_is_no_frame_is_refused():
    with pytest.raises(UsageError, match=r"takes a DataFrame, not a str; Bars\.read takes paths"):
        Bars.from_frame("SPY.csv", symbol="SPY")


def test_stamps_beyond_nanoseconds_are_refused():
    with pytest.raises(MarketDataError, match="between 1677 and 2262"):
        Bars.from_frame(frame().set_axis(["3000-01-02", "3000-01-03", "3000-01-04"]).rename_axis("date"), symbol="A", zone="UTC")
    with pytest.raises(MarketDataError, match=r"row 3: .*'9999999999' is no epoch in s, ms, us or ns of 1970 to 2100"):
        Bars.from_frame(frame().reset_index(drop=True).assign(timestamp=[1704187800, 1704187860, 9999999999]), symbol="A")


@pytest.mark.parametrize(("digits", "scale"), [(10, 10**9), (13, 10**6), (16, 10**3), (19, 1)])
def test_epochs_of_every_unit_are_utc(digits, scale):
    table = frame().reset_index(drop=True).assign(timestamp=[(OPEN + k * MINUTE) // scale for k in range(3)])
    assert len(str(table["timestamp"][0])) == digits
    bars = Bars.from_frame(table, symbol="SPY")
    assert (bars.start[0], bars.zone) == (OPEN, "UTC")


def test_numbers_that_are_no_epoch_are_refused():
    table = frame().reset_index(drop=True).assign(timestamp=[1.5, 2.5, 3.5])
    with pytest.raises(MarketDataError, match=r"row 1: timestamp 1\.5 is no epoch"):
        Bars.from_frame(table, symbol="SPY")


def test_a_long_frame_and_a_multi_index_hold_several_symbols():
    long = pd.concat([frame().assign(symbol="MSFT"), frame(2).assign(symbol="000660")]).sort_index(kind="stable")
    both = [Bars.from_frame(long), Bars.from_frame(long.set_index("symbol", append=True).swaplevel())]
    for bars in both:
        assert bars.symbols == ("000660", "MSFT")
        assert bars.offsets.tolist() == [0, 2, 5]
    assert Bars.from_frame(long, symbol="MSFT").symbols == ("MSFT",)
    with pytest.raises(UnknownNameError, match="did you mean MSFT"):
        Bars.from_frame(long, symbol="MSTF")


def test_a_frame_without_symbol_asks_for_one():
    with pytest.raises(MarketDataError, match="pass symbol="):
        Bars.from_frame(frame())


def test_a_symbol_that_is_a_number_has_lost_its_zeros_and_is_refused():
    with pytest.raises(MarketDataError, match="row 1: symbol 660 is no text"):
        Bars.from_frame(frame().assign(symbol=660))


def test_columns_of_several_levels_or_of_one_name_are_refused():
    with pytest.raises(MarketDataError, match="several levels"):
        Bars.from_frame(pd.concat({"a": pd.concat({"SPY": frame()}, axis=1)}, axis=1), symbol="SPY")
    with pytest.raises(MarketDataError, match="'open' and 'Open' have one name"):
        Bars.from_frame(frame().assign(Open=1.0), symbol="SPY")


def test_a_missing_column_is_named_with_the_nearest():
    with pytest.raises(MarketDataError, match=r"no column close; the columns are .*did you mean 'clsoe' for 'close'"):
        Bars.from_frame(frame().rename(columns={"close": "clsoe"}), symbol="SPY")


def test_an_empty_frame_is_refused():
    with pytest.raises(MarketDataError, match="no data row"):
        Bars.from_frame(frame(0), symbol="SPY")


def test_a_thin_symbol_has_the_smallest_gap_for_its_step():
    # four of five gaps are two minutes long, as in UGA
    times = pd.to_datetime([f"2024-01-02 09:{m}" for m in (30, 32, 34, 36, 37, 39)]).tz_localize("America/New_York")
    assert Bars.from_frame(frame(6).set_axis(times), symbol="UGA").step == MINUTE


def test_a_step_that_cannot_be_told_is_asked_for():
    with pytest.raises(MarketDataError, match=r"SPY: cannot tell how long a bar is: no two bars.*pass step="):
        Bars.from_frame(frame(1), symbol="SPY")
    odd = frame().set_axis(pd.to_datetime(["2024-01-02 09:30", "2024-01-02 09:32", "2024-01-02 09:35"]).tz_localize("UTC"))
    with pytest.raises(MarketDataError, match="120 s, does not divide the others"):
        Bars.from_frame(odd, symbol="SPY")
    assert Bars.from_frame(frame(1), symbol="SPY", step="1min").step == MINUTE


def test_bars_longer_than_the_gaps_between_them_are_refused():
    with pytest.raises(MarketDataError, match=r"row 2: SPY: timestamp 2024-01-02T09:31:00-05:00 is 60 s after.*300 s long"):
        Bars.from_frame(frame(), symbol="SPY", step="5min")


@pytest.mark.parametrize("step", ["soon", 0, "-1min"])
def test_a_step_that_is_no_length_of_time_is_refused(step):
    with pytest.raises(UsageError, match="step"):
        Bars.from_frame(frame(), symbol="SPY", step=step)


def test_the_vendors_vwap_counts_only_inside_low_and_high():
    bars = Bars.from_frame(frame(vwap=[10.0, 10.6, np.nan]), symbol="SPY")
    proxy = (10.5 + 9.5 + 10.2) / 3
    np.testing.assert_allclose(bars.price(), [10.0, proxy, proxy], rtol=1e-15)


def test_a_notional_gives_the_vwap():
    bars = Bars.from_frame(frame(quote_volume=[1000.0, 1010.0, 990.0]), symbol="X")
    assert bars.vwap.tolist() == [10.0, 10.1, 9.9]
    idle = Bars.from_frame(frame(volume=0.0, notional=0.0), symbol="X")
    assert np.isnan(idle.vwap).all()


def test_minutes_of_quotes_only_are_no_bars():
    table = frame(4, bid=10.1, ask=10.2)
    table.loc[table.index[1], ["open", "high", "low", "close", "volume"]] = np.nan
    bars = Bars.from_frame(table, symbol="SPY")
    assert len(bars) == 3
    assert bars.report == ()
    assert bars.quotes["bid"].tolist() == [10.1] * 3


def test_the_callers_frame_stays_its_own():
    table = frame()
    bars = Bars.from_frame(table, symbol="SPY")
    table.loc[:, "open"] = 99.0
    assert bars.open.tolist() == [10.0] * 3
    with pytest.raises(ValueError, match="read-only"):
        bars.open[0] = 1.0


def test_to_frame_gives_back_what_from_frame_took():
    table = frame(vwap=10.1, bid=10.0)
    back = Bars.from_frame(Bars.from_frame(table, symbol="SPY").to_frame())
    assert (
        back.to_frame()
        .loc["SPY"]
        .equals(table[["open", "high", "low", "close", "volume", "vwap", "bid"]].set_index(table.index.as_unit("ns")))
    )


def two_symbols():
    return Bars.from_frame(pd.concat([frame().assign(symbol="A"), frame(2, vwap=10.0).assign(symbol="B")]))


def test_select_take_and_between_keep_whole_bars():
    bars = two_symbols()
    assert bars.select(["B"]).symbols == ("B",)
    assert bars.select(["A", "B"]).to_frame().equals(bars.to_frame())
    assert bars.between(OPEN, OPEN + 2 * MINUTE).offsets.tolist() == [0, 2, 4]
    assert bars.between(OPEN + 2 * MINUTE, OPEN + 3 * MINUTE).symbols == ("A",)
    with pytest.raises(UnknownNameError, match="unknown symbol 'C'"):
        bars.select(["C"])


def test_concat_fills_a_column_that_one_lacks():
    a, b = Bars.from_frame(frame(), symbol="A"), Bars.from_frame(frame(2, vwap=10.0), symbol="B")
    joined = Bars.concat([b, a])
    assert joined.symbols == ("A", "B")
    np.testing.assert_array_equal(joined.vwap, [np.nan] * 3 + [10.0] * 2)


def test_concat_refuses_what_does_not_go_together():
    minute = Bars.from_frame(frame(), symbol="A")
    with pytest.raises(UsageError, match="A 60 s, B 300 s"):
        Bars.concat([minute, Bars.from_frame(frame(freq="5min"), symbol="B", step="5min")])
    with pytest.raises(UsageError, match="A America/New_York, B UTC"):
        Bars.concat([minute, Bars.from_frame(frame(tz="UTC"), symbol="B")])
    with pytest.raises(UsageError, match="sorted and unique"):
        Bars.concat([minute, minute])
    with pytest.raises(UsageError, match="no bars"):
        Bars.concat([])


def test_the_report_goes_along_once():
    table = frame(4)
    table.loc[table.index[1], "close"] = -1.0
    bad = Bars.from_frame(pd.concat([table.assign(symbol="A"), frame().assign(symbol="B")]), on_bad="drop")
    issue = RowIssue("", 2, "close", "-1.0", "close -1.0 is not above zero", "dropped", "A")
    joined = Bars.concat([bad, Bars.from_frame(frame(), symbol="C")])
    assert bad.report == bad.select(["A"]).report == joined.report == pickle.loads(pickle.dumps(joined)).report == (issue,)


def test_bars_that_overlap_or_do_not_fit_are_no_bars():
    good = Bars.from_frame(frame(), symbol="A")
    facts = {**good.columns(), "symbols": ("A",), "offsets": good.offsets, "start": good.start, "step": MINUTE, "zone": "UTC"}
    with pytest.raises(UsageError, match="column 'open' has shape"):
        Bars(**{**facts, "open": good.open[:2]})
    with pytest.raises(UsageError, match="the step is 120000000000 ns"):
        Bars(**{**facts, "step": 2 * MINUTE})
    with pytest.raises(UsageError, match="must be positive"):
        Bars(**{**facts, "step": 0})
    with pytest.raises(UsageError, match="do not cover"):
        Bars(**{**facts, "offsets": good.offsets[:1]})
