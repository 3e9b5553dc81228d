"""`BarsFeed`: every value of the bars at the instant at which it is known, in every mode of backtrader."""

import pickle
from datetime import UTC, datetime, time

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from cerebros import MODES
from hypothesis import given
from hypothesis import strategies as st
from markets import bars_of, market

from exec_algos import Bars
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.ext.backtrader import BarsFeed
from exec_algos.ext.backtrader.feed import day_numbers
from exec_algos.market.samples import load_samples

MINUTE = 60_000_000_000
LINES = ("open", "high", "low", "close", "volume", "openinterest", "vwap")


class Keep(bt.Strategy):
    """Keeps each bar as it is shown."""

    def __init__(self):
        self.rows = []

    def next(self):
        data = self.data
        self.rows.append((data.datetime.datetime(0), *(float(getattr(data, name)[0]) for name in LINES)))


def shown(feed, *, resample=None, **options):
    cerebro = bt.Cerebro(stdstats=False, **options)
    cerebro.resampledata(feed, timeframe=bt.TimeFrame.Minutes, compression=resample) if resample else cerebro.adddata(feed)
    cerebro.addstrategy(Keep)
    return pd.DataFrame(cerebro.run()[0].rows, columns=["time", *LINES]).set_index("time")


def expected(bars, label="end"):
    frame = bars.to_frame().droplevel("symbol")
    frame.index = (frame.index + pd.Timedelta(bars.step if label == "end" else 0)).tz_localize(None)
    frame["openinterest"] = 0.0
    return frame.reindex(columns=list(LINES)).rename_axis("time")


def minutes(zone, first, n=8, step=MINUTE, vwap=np.nan):
    begin = pd.Timestamp(first, tz=zone).value
    rows = [(begin + i * step, 100.0 + i, 102.0 + i, 99.0 + i, 101.0 + i, 10.0 * i, vwap) for i in range(n)]
    return bars_of({"X": rows}, step=step, zone=zone)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "live"])
def test_every_mode_shows_every_bar(mode):
    bars = market(3, ("A",), vendor=True)
    pd.testing.assert_frame_equal(shown(BarsFeed(dataname=bars), **MODES[mode]), expected(bars), check_freq=False, check_index_type=False)


@pytest.mark.parametrize("label", ["end", "start"])
@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("America/New_York", "2025-03-09 03:01"),  # the clock has jumped; 03:00 itself backtrader shows as 02:00, by rounding
        ("America/New_York", "2025-11-02 00:57"),  # the clock is set back within
        ("Asia/Seoul", "2025-11-24 09:00"),
        ("UTC", "2025-12-31 23:57"),
    ],
)
def test_stamps_are_exchange_time_of_the_end_or_the_start(zone, first, label):
    bars = minutes(zone, first)
    pd.testing.assert_index_equal(shown(BarsFeed(dataname=bars, label=label)).index, expected(bars, label).index, exact=False)


@given(st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)), min_size=1, max_size=20))
def test_day_numbers_are_those_of_backtrader(moments):
    moments = [moment.replace(microsecond=0) for moment in moments]
    instants = np.array([pd.Timestamp(moment, tz="UTC").value for moment in moments])
    assert day_numbers(instants).tolist() == [bt.date2num(moment) for moment in moments]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"runonce": False}, {"preload": False}], ids=["runonce", "next", "not preloaded"])
def test_five_minutes_of_one_are_those_of_pandas(options):
    bars = load_samples()["XNYS"].select(["SYNLARGE"])
    bars = bars.take(bars.start >= pd.Timestamp("2025-12-22", tz=bars.zone).value)
    got = shown(BarsFeed(dataname=bars), resample=5, **options)
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    wanted = expected(bars).resample("5min", label="right", closed="right").agg(rules).dropna()
    pd.testing.assert_frame_equal(got[list(rules)], wanted, check_freq=False, check_index_type=False)


def test_seconds_are_seconds_and_other_lengths_are_minutes():
    for step, frame, compression in ((MINUTE // 12, bt.TimeFrame.Seconds, 5), (15 * MINUTE, bt.TimeFrame.Minutes, 15)):
        feed = BarsFeed(dataname=minutes("UTC", "2025-11-24 09:30", step=step))
        assert (feed._timeframe, feed._compression) == (frame, compression)


def test_a_part_of_the_bars_is_cut_by_its_stamps():
    bars = minutes("America/New_York", "2025-11-24 09:30")
    for options in ({}, {"preload": False}):
        feed = BarsFeed(dataname=bars, fromdate=datetime(2025, 11, 24, 9, 33), todate=datetime(2025, 11, 24, 9, 35))
        assert shown(feed, **options)["open"].tolist() == [102.0, 103.0, 104.0]


def test_the_vendors_vwap_is_a_line_and_so_are_hours_and_name():
    feed = BarsFeed(dataname=minutes("Asia/Seoul", "2025-11-24 09:00", vwap=100.5), sessionstart=time(9), sessionend=time(15, 30))
    assert shown(feed)["vwap"].tolist() == [100.5] * 8
    assert (feed._name, feed.p.sessionstart, feed.p.sessionend) == ("X", time(9), time(15, 30))


def test_a_second_run_begins_at_the_first_bar():
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(BarsFeed(dataname=minutes("UTC", "2025-11-24 09:30")))
    cerebro.addstrategy(Keep)
    assert [len(cerebro.run()[0].rows) for _ in range(2)] == [8, 8]


class Count(bt.Analyzer):
    def start(self):
        self.seen = []

    def next(self):
        self.seen.append(self.strategy.data.close[0])

    def get_analysis(self):
        return self.seen


class Tuned(bt.Strategy):
    params = (("period", 1),)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"optdatas": False}, {"preload": False}], ids=["preloaded once", "by each worker", "bar by bar"])
def test_worker_processes_see_every_bar(options):
    bars = market(3, ("A",))
    cerebro = bt.Cerebro(stdstats=False, maxcpus=2, **options)
    cerebro.adddata(BarsFeed(dataname=bars))
    cerebro.addanalyzer(Count, _name="count")
    cerebro.optstrategy(Tuned, period=(1, 2, 3))
    assert [run[0].analyzers.count.seen for run in cerebro.run()] == [bars.close.tolist()] * 3


def test_a_worker_process_is_sent_one_symbol_and_not_the_market():
    names = tuple("ABCDEFGH")
    sizes = [len(pickle.dumps(BarsFeed(dataname=market(3, symbols, missing=0.0), symbol="A"))) for symbols in (("A",), names)]
    assert sizes[0] == sizes[1]


def test_instants_with_a_zone_of_their_own_cut_too():
    bars = minutes("Asia/Seoul", "2025-11-24 09:00")
    first = pd.Timestamp("2025-11-24 00:03", tz="UTC")  # 09:03 in Seoul
    for options in ({}, {"preload": False}):
        assert shown(BarsFeed(dataname=bars, fromdate=first), **options)["open"].tolist() == [102.0, 103.0, 104.0, 105.0, 106.0, 107.0]


def test_the_strategy_shows_the_feeds_zone_where_cerebro_is_told_to():
    class Own(bt.Strategy):
        def next(self):
            self.shown = self.datetime.datetime(0), self.data.datetime.datetime(0)

    cerebro = bt.Cerebro(stdstats=False, tz=0)
    cerebro.adddata(BarsFeed(dataname=minutes("Asia/Seoul", "2025-11-24 09:00", n=1)))
    cerebro.addstrategy(Own)
    assert cerebro.run()[0].shown == (datetime(2025, 11, 24, 9, 1),) * 2


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"exactbars": 1}], ids=["resampled", "resampled, exactbars"])
def test_vwap_of_a_resampled_bar_is_not_that_of_its_last_minute(options):
    feed = BarsFeed(dataname=minutes("UTC", "2025-11-24 09:30", n=10, vwap=100.5))
    assert np.isnan(shown(feed, resample=5, **options)["vwap"]).tolist() == [True, True]


def test_a_filter_sees_every_bar_also_where_bars_are_preloaded():
    feed = BarsFeed(dataname=minutes("UTC", "2025-11-24 09:30"))
    feed.addfilter_simple(lambda data: data.volume[0] < 30)  # true drops the bar
    assert shown(feed)["volume"].tolist() == [30.0, 40.0, 50.0, 60.0, 70.0]


def test_stamps_are_shown_in_a_zone_of_pytz_where_one_is_given():
    import pytz

    bars = minutes("America/New_York", "2025-11-24 09:30", n=1)
    assert shown(BarsFeed(dataname=bars, tz=pytz.timezone("Asia/Seoul"))).index[0] == pd.Timestamp("2025-11-24 23:31")


class TestRefused:
    def test_something_that_is_no_bars(self):
        with pytest.raises(UsageError, match=r"dataname must be Bars, not DataFrame; Bars.from_frame makes them"):
            BarsFeed(dataname=pd.DataFrame())

    def test_one_of_several_symbols_must_be_named(self):
        with pytest.raises(UsageError, match=r"these bars have 2 symbols: say which with symbol=, e.g. symbol='A'"):
            BarsFeed(dataname=market(1))

    def test_an_unknown_symbol(self):
        with pytest.raises(UnknownNameError, match="'C'"):
            BarsFeed(dataname=market(1), symbol="C")

    def test_an_unknown_label_or_zone(self):
        bars = minutes("UTC", "2025-11-24 09:30")
        with pytest.raises(UnknownNameError, match="unknown label 'middle'"):
            BarsFeed(dataname=bars, label="middle")
        with pytest.raises(UnknownNameError, match="unknown zone 'America/NewYork': did you mean"):
            BarsFeed(dataname=bars, tz="America/NewYork")

    def test_a_fixed_offset_which_backtrader_cannot_use(self):
        with pytest.raises(UsageError, match="give an IANA name, such as 'UTC', or a ZoneInfo"):
            BarsFeed(dataname=minutes("UTC", "2025-11-24 09:30"), tz=UTC)

    def test_a_zone_of_the_input(self):
        with pytest.raises(UsageError, match="bars are in UTC already; leave it out"):
            BarsFeed(dataname=minutes("UTC", "2025-11-24 09:30"), tzinput="Asia/Seoul")

    def test_bars_shorter_than_a_second(self):
        bars = minutes("UTC", "2025-11-24 09:30", step=MINUTE // 600)
        with pytest.raises(UsageError, match="no whole number of seconds"):
            BarsFeed(dataname=Bars.concat([bars]))
