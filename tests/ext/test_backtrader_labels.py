"""Stamps that name the starts of bars, where nobody said so: refused with the line to write; what is assumed is said."""

import re
from datetime import datetime, time

import backtrader as bt
import pandas as pd
import pytest
from cerebros import Trickle, Worker
from small_markets import DAYS, ZONE

from exec_algos import TWAP, Bars, FillModel
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.ext.backtrader import BarsFeed, ExecutionAnalyzer, plug_in
from exec_algos.ext.backtrader.labels import LabelWatch
from exec_algos.stepped.hours import DailyHours

SLICES = TWAP(slice_interval_seconds=900)
START_LABELS = (
    r"feed A: {} of {} sessions begin on the open or a full or half hour and end one bar before one.*plug_in\(cerebro, label='start'\)"
)
LINE = re.compile(r"plug_in\(cerebro, label='start'\)")


def stamps(label, minutes=1, days=DAYS, first="09:30", last="16:00"):
    """Naive stamps of whole sessions, in New York time."""
    step = pd.Timedelta(minutes=minutes)
    moved = step if label == "end" else pd.Timedelta(0)
    made = [pd.date_range(f"{day} {first}", f"{day} {last}", freq=step, inclusive="left") + moved for day in days]
    return made[0].append(made[1:])


def csv_of(tmp_path, index, name="bars.csv"):
    """A file as backtrader's GenericCSVData reads it; each bar trades at 100 plus its minute in the day of its stamp."""
    price = 100.0 + (index.hour * 60 + index.minute) / 10
    frame = pd.DataFrame({"open": price, "high": price, "low": price, "close": price, "volume": 1000.0}, index=index)
    frame.to_csv(path := tmp_path / name, date_format="%Y-%m-%d %H:%M:%S")
    return path


def feed_of(path, minutes=1, make=bt.feeds.GenericCSVData, **options):
    return make(
        dataname=str(path),
        dtformat="%Y-%m-%d %H:%M:%S",
        timeframe=bt.TimeFrame.Minutes,
        compression=minutes,
        openinterest=-1,
        name="A",
        **options,
    )


def run(*feeds, orders=(("A", 60, SLICES, 10, {"until": "15:00"}),), resample=None, says=None, act=None, rightedge=True, **options):
    """One `Worker` on the feeds; `says` is what `plug_in` is told, if it is called."""
    cerebro = bt.Cerebro(stdstats=False, **options)
    for feed in feeds:
        if resample:
            cerebro.resampledata(feed, timeframe=bt.TimeFrame.Minutes, compression=resample, rightedge=rightedge)
        else:
            cerebro.adddata(feed)
    cerebro.broker.setcash(1e9)
    if says is not None:
        plug_in(cerebro, **says)
    cerebro.addstrategy(Worker, orders=orders, act=act)
    cerebro.addanalyzer(ExecutionAnalyzer, _name="execution")
    try:
        return cerebro.run()[0]
    finally:
        for feed in feeds:
            feed.stop()  # backtrader leaves the file of a run that fails open


MODES = {"preloaded": {}, "next": {"runonce": False}, "streamed": {"preload": False}, "exactbars": {"exactbars": 1}}
SAID = {"zone": ZONE}
OURS = {"fills": "exec_algos", "fill_model": FillModel(), "zone": ZONE}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("minutes", [1, 5, 15])
def test_a_file_with_start_labels_is_refused_with_the_line_to_write(tmp_path, mode, minutes):
    path = csv_of(tmp_path, stamps("start", minutes))
    with pytest.raises(UsageError, match=START_LABELS.format(r"\d", r"\d")) as refusal:
        run(feed_of(path, minutes), says=SAID, **MODES[mode])
    assert LINE.search(str(refusal.value))
    # and the line, written, makes the run right: an order until 15:00 fills in the bars that begin from its start to then
    done = run(feed_of(path, minutes), says={"label": "start", **SAID}, **MODES[mode]).parents[0]
    assert done.filled == 60
    assert f"{done.fills[-1].timestamp:%H:%M}" <= "15:00"


@pytest.mark.parametrize("mode", MODES)
def test_a_file_with_end_labels_passes_without_a_word(tmp_path, mode):
    strategy = run(feed_of(csv_of(tmp_path, stamps("end"))), says=SAID, **MODES[mode])
    assert strategy.parents[0].filled == 60


@pytest.mark.filterwarnings("ignore:feed A. its stamps have no zone")
@pytest.mark.parametrize("mode", MODES)
def test_without_plug_in_too(tmp_path, mode):
    with pytest.raises(UsageError, match=LINE.pattern):
        run(feed_of(csv_of(tmp_path, stamps("start"))), **MODES[mode])


def test_a_file_that_comes_bar_by_bar_is_refused_as_soon_as_three_sessions_have_shown_it(tmp_path):
    steps = []
    with pytest.raises(UsageError, match=START_LABELS.format(3, 3)):
        run(feed_of(csv_of(tmp_path, stamps("start"))), says=SAID, preload=False, act=lambda s: steps.append(s.steps))
    assert len(steps) == 3 * 390  # the first bar of the fourth session shows that the third is over


def test_a_file_that_comes_bar_by_bar_and_is_short_is_refused_at_the_end_before_any_analysis(tmp_path):
    with pytest.raises(UsageError, match=START_LABELS.format(2, 2)):
        run(feed_of(csv_of(tmp_path, stamps("start", days=DAYS[:2]))), says=SAID, preload=False)


@pytest.mark.parametrize("mode", ["preloaded", "streamed"])
def test_orders_of_a_plain_strategy_under_our_fills_are_refused_too(tmp_path, mode):
    class Buys(bt.Strategy):
        def next(self):
            if len(self) == 5:
                self.buy(size=10)

    cerebro = bt.Cerebro(stdstats=False, **MODES[mode])
    cerebro.adddata(feed := feed_of(csv_of(tmp_path, stamps("start", days=DAYS[:2]))))
    plug_in(cerebro, **OURS)
    cerebro.addstrategy(Buys)
    with pytest.raises(UsageError, match=START_LABELS.format(2, 2)):
        cerebro.run()
    feed.stop()


@pytest.mark.parametrize("mode", MODES)
def test_a_feed_in_which_nothing_is_ordered_is_nobodys_harm(tmp_path, mode):
    assert run(feed_of(csv_of(tmp_path, stamps("start"))), orders=(), says=SAID, **MODES[mode]).parents == []


@pytest.mark.parametrize("label", ["start", "end"])
def test_what_plug_in_was_told_is_not_questioned(tmp_path, label):
    for said in (label, {"A": label}):
        assert run(feed_of(csv_of(tmp_path, stamps("start"))), says={"label": said, **SAID}).parents[0].filled == 60


def test_each_feed_has_a_label_and_a_zone_of_its_own(tmp_path):
    ours = feed_of(csv_of(tmp_path, stamps("start")))
    seoul = feed_of(csv_of(tmp_path, stamps("end", first="09:00", last="15:30"), "k.csv"))
    seoul._name = seoul.p.name = "K"
    says = {"label": {"A": "start"}, "zone": {"A": ZONE, "K": "Asia/Seoul"}}

    asked = []

    def act(strategy):
        for data in strategy.datas:
            if len(data) == 400 and data._name not in asked:
                asked.append(data._name)
                strategy.execute(data, 60, SLICES, until="15:15")

    parents = {order.parent.symbol: order.parent for order in run(ours, seoul, orders=(), says=says, act=act).parents}
    local = {name: pd.Timestamp(parent.start, tz="UTC").tz_convert(says["zone"][name]) for name, parent in parents.items()}
    assert f"{local['A']:%F %H:%M}" == f"{DAYS[1]} 09:40"  # the 400th bar is the tenth of the second day
    assert f"{local['K']:%F %H:%M}" == f"{DAYS[1]} 09:10"


@pytest.mark.parametrize("knob", ["label", "zone", "calendar"])
def test_a_name_that_is_no_feeds_is_refused(tmp_path, knob):
    value = {"label": "end", "zone": ZONE, "calendar": "XNYS"}[knob]
    with pytest.raises(UnknownNameError, match="unknown feed 'B': known: A"):
        run(feed_of(csv_of(tmp_path, stamps("end"))), says={knob: {"B": value}})


def test_bars_of_ours_and_live_feeds_know_their_labels():
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 100.0), index=stamps("start").tz_localize(ZONE))
    bars = Bars.from_frame(frame, symbol="A", label="start", step="1min")
    for feed in (BarsFeed(dataname=bars), BarsFeed(dataname=bars, label="start"), Trickle(dataname=bars)):
        assert run(feed).parents[0].filled == 60


class Live(bt.feeds.GenericCSVData):
    def islive(self):
        return True


def test_a_live_feed_is_not_judged_by_its_first_days(tmp_path):
    strategy = run(feed_of(csv_of(tmp_path, stamps("start")), make=Live), says=SAID)
    assert strategy.parents[0].filled == 60
    assert strategy.analyzers.execution.get_analysis()["feeds"]["A"].startswith("stamps name the ends of bars, which nobody said")


@pytest.mark.parametrize("mode", ["preloaded", "streamed"])
def test_resampled_start_labels_are_refused_where_the_source_is_not_seen(tmp_path, mode):
    path = csv_of(tmp_path, stamps("start"))
    with pytest.raises(
        UsageError, match=r"feed A, which is resampled: \d of \d sessions begin with a bar that is stamped with their open.*BarsFeed"
    ):
        run(feed_of(path), resample=5, says=SAID, **MODES[mode])
    assert run(feed_of(csv_of(tmp_path, stamps("end"))), resample=5, says=SAID, **MODES[mode]).parents[0].filled == 60


def test_a_calendar_tells_labels_of_hourly_bars_which_the_clock_alone_does_not(tmp_path):
    ends, starts = (csv_of(tmp_path, stamps(label, 30), f"{label}.csv") for label in ("end", "start"))
    calendar = {"calendar": "XNYS"}
    hourly = (("A", 60, TWAP(slice_interval_seconds=1800), 3, {"until": "15:00"}),)
    assert run(feed_of(ends, 30), says=calendar, orders=hourly).parents[0].filled == 60
    with pytest.raises(UsageError, match=START_LABELS.format(4, 4)):
        run(feed_of(starts, 30), says=calendar, orders=hourly)
    hours = {"sessionstart": time(9, 30), "sessionend": time(16)}
    with pytest.raises(UsageError, match=START_LABELS.format(4, 4)):
        run(feed_of(starts, 30, **hours), says=SAID, orders=hourly)
    for path in (ends, starts):
        with pytest.warns(UserWarning, match="feed A: nobody said which end of its bar a stamp names, and the sessions do not show it"):
            run(feed_of(path, 30), says=SAID, orders=hourly)


def test_naive_stamps_that_nobody_gave_a_zone_are_read_in_utc_and_that_is_said(tmp_path):
    path = csv_of(tmp_path, stamps("end"))
    with pytest.warns(
        UserWarning, match=r"feed A: its stamps have no zone, and nobody named one; read in UTC. Say plug_in\(cerebro, zone="
    ):
        strategy = run(feed_of(path))
    reading = "stamps name the ends of bars, which nobody said; without a zone, read in UTC, which nobody said"
    assert strategy.analyzers.execution.get_analysis()["feeds"] == {"A": reading}
    assert str(strategy.parents[0].fills[0].timestamp.tz) == "UTC"


@pytest.mark.parametrize(
    ("says", "reading"),
    [
        ({"zone": ZONE, "label": "end"}, f"stamps name the ends of bars; without a zone, read in {ZONE}"),
        ({"calendar": "XNYS", "label": "end"}, f"stamps name the ends of bars; without a zone, read in {ZONE}"),
    ],
)
def test_the_analysis_says_how_stamps_were_read(tmp_path, says, reading):
    strategy = run(feed_of(csv_of(tmp_path, stamps("end"))), says=says)
    assert strategy.analyzers.execution.get_analysis()["feeds"] == {"A": reading}


MINUTE = 60_000_000_000


def shown(*sessions, step=MINUTE, hours=None, resampled=False):
    """What sessions of (first, last) stamp show, in New York time."""
    watch = LabelWatch("A", step, lambda stamp: round(stamp * 86_400) * 1_000_000_000, hours, resampled=resampled)
    clocks = [(day, clock) for day, (first, last) in zip(DAYS, sessions, strict=False) for clock in (first, "11:45", "14:15", last)]
    watch.take([pd.Timestamp(f"{day} {clock}", tz=ZONE).value / 86_400e9 for day, clock in clocks])
    return watch._shown(watch._spans)


@pytest.mark.parametrize(
    ("pairs", "label"),
    [
        ([("09:30", "15:59")] * 4, "start"),
        ([("09:00", "16:59")] * 4, "start"),
        ([("09:31", "16:00")] * 4, "end"),
        ([("09:01", "17:00")] * 4, "end"),
        ([("09:30", "15:59")] * 2 + [("09:33", "15:50")] * 2, ""),  # half is not most
        ([("09:30", "15:59")] * 3 + [("09:33", "15:50")], "start"),
        ([("09:30", "16:00")] * 4, ""),  # an auction at either end
        ([("09:37", "15:51")] * 4, ""),
        ([("09:31", "15:51")] * 4, ""),
    ],
)
def test_what_sessions_show(pairs, label):
    assert shown(*pairs).label == label
    assert shown(*pairs).sessions == 4


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("source", "calendar"), [("us_yahoo_2026_03/IBKR", "XNYS"), ("krx_yahoo_5m/005930", "XKRX"), ("us_polygon_2024/SPY", "XNYS")]
)
def test_real_bars_written_with_their_vendors_start_labels_are_refused_and_with_end_labels_pass(tmp_path, market_data, source, calendar):
    found = sorted((market_data / source).parent.glob(f"{source.split('/')[1]}*.parquet"))
    if not found:
        pytest.skip(f"{source} is not in the market data folder")
    bars = Bars.read(found[0])
    bars = bars.take(bars.start < bars.start[0] + 5 * 86_400_000_000_000)
    minutes = bars.step // MINUTE
    frame = bars.to_frame().droplevel("symbol")[["open", "high", "low", "close", "volume"]]
    for label, late in (("start", 0), ("end", bars.step)):
        moved = frame.set_axis((frame.index + pd.Timedelta(late)).tz_convert(bars.zone).tz_localize(None))
        moved.to_csv(path := tmp_path / f"{label}.csv", date_format="%Y-%m-%d %H:%M:%S")
        order = (("A", 10, TWAP(slice_interval_seconds=900), 5, {"until": "15:00"}),)
        if label == "start":
            with pytest.raises(UsageError, match=LINE.pattern):
                run(feed_of(path, minutes), says={"zone": bars.zone}, orders=order)
        else:
            assert run(feed_of(path, minutes), says={"calendar": calendar}, orders=order).parents[0].ordered == 10


@pytest.mark.market_data
def test_the_sample_file_of_backtrader_itself_has_end_labels_and_passes(market_data):
    path = next(iter(sorted((market_data / "raw" / "backtrader").glob("*.txt"))))
    feed = bt.feeds.BacktraderCSVData(dataname=str(path), timeframe=bt.TimeFrame.Minutes, todate=datetime(2006, 1, 10), name="A")
    assert run(feed, says={"zone": "Europe/Berlin"}, orders=(("A", 10, SLICES, 3, {"until": "17:00"}),)).parents[0].ordered == 10


@pytest.mark.parametrize(("day", "hour"), [("2024-01-03", 14), ("2024-07-03", 13)])
def test_naive_stamps_are_read_by_the_clock_of_their_own_season(tmp_path, day, hour):
    strategy = run(feed_of(csv_of(tmp_path, stamps("end", days=[day]))), says=SAID)
    assert strategy.parents[0].parent.start == pd.Timestamp(f"{day} {hour}:40", tz="UTC").value  # given when ten minutes have passed


@pytest.mark.parametrize(
    ("pair", "label"), [(("09:30", "15:30"), "start"), (("10:00", "16:00"), "end"), (("09:30", "16:00"), ""), (("10:30", "15:30"), "")]
)
def test_what_sessions_of_half_hours_show_where_the_hours_are_known(pair, label):
    found = shown(*[pair] * 4, step=30 * MINUTE, hours=DailyHours(ZONE, time(9, 30), time(16)))
    assert (found.label, found.sessions) == (label, 4)
