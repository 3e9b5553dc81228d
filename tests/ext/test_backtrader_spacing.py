"""Feeds that are not what they say: bars of another length, stamps of another clock, resampling that stamps starts."""

import pandas as pd
import pytest
from small_markets import DAYS, ZONE
from test_backtrader_labels import MODES, SAID, SLICES, csv_of, feed_of, run, stamps

from exec_algos import Bars
from exec_algos.errors import UsageError
from exec_algos.ext.backtrader import BarsFeed
from exec_algos.ext.backtrader.spacing import LEAST, SpacingWatch

MINUTE = 60_000_000_000
LATE = (("A", 60, SLICES, 10, {"until": "15:00"}),)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("true", "said"), [(5, 1), (1, 5), (15, 1)])
@pytest.mark.parametrize("label", ["start", "end"])
def test_bars_of_another_length_than_the_feed_says_are_refused_with_the_right_one(tmp_path, mode, true, said, label):
    # five-minute bars with start labels, said to be of one minute, would be known four minutes early
    path = csv_of(tmp_path, stamps(label, true))
    match = rf"feed A says that its bars are of {said} min, but they come every {true} min: give the feed .*Minutes, compression={true}$"
    with pytest.raises(UsageError, match=match):
        run(feed_of(path, said), says={"label": label, **SAID}, orders=LATE, **MODES[mode])


def test_bars_of_ours_that_are_said_to_be_longer_are_refused():
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 100.0), index=stamps("start").tz_localize(ZONE))
    bars = Bars.from_frame(frame, symbol="A", label="start", step="1min")
    with pytest.raises(UsageError, match="bars are of 5 min, but they come every 1 min"):
        run(BarsFeed(dataname=bars, compression=5), orders=LATE)


def watched(*minutes, step=1, resampled=False):
    watch = SpacingWatch("A", step * MINUTE, lambda stamp: round(stamp * 86_400) * 1_000_000_000, ZONE, None, resampled=resampled)
    watch.take([19_000 + minute / 1440 for minute in minutes])
    watch.order()


def test_bars_that_are_missing_now_and_then_are_no_longer_bars():
    watched(*[minute for minute in range(400) if minute % 7 and minute % 3])
    watched(*range(0, 400, 5), 401, 402)  # once there were two in a row
    with pytest.raises(UsageError, match="come every 5 min"):
        watched(*range(0, 400, 5))
    watched(*range(0, 5 * LEAST, 5))  # too few gaps to tell
    with pytest.raises(UsageError, match="come every 5 min"):
        watched(*range(0, 5 * LEAST + 5, 5))


def test_only_the_last_bar_of_a_resampled_session_is_shorter():
    ends = [minute for day in range(5) for minute in (*range(day * 1440, day * 1440 + 390, 60), day * 1440 + 390)]
    watched(*ends, step=60, resampled=True)
    halves = range(0, 12_000, 30)  # of bars as they came, more than half are shorter
    watched(*halves, step=60, resampled=True)
    with pytest.raises(UsageError, match="come every 30 min"):
        watched(*halves, step=60)


@pytest.mark.parametrize("mode", MODES)
def test_stamps_of_another_clock_than_their_calendars_are_refused_with_the_zone_that_fits(tmp_path, mode):
    path = csv_of(tmp_path, stamps("end"))
    match = r"feed A: \d+% of the bars lie outside the sessions of XNYS, .* their clock times fit if they are read in America/New_York"
    with pytest.raises(UsageError, match=match):
        run(feed_of(path), says={"calendar": "XNYS", "zone": "Europe/London", "label": "end"}, orders=LATE, **MODES[mode])


def test_tz_says_how_stamps_are_shown_and_not_how_they_are_meant(tmp_path):
    path = csv_of(tmp_path, stamps("end"))
    orders = (("A", 60, SLICES, 10, {"until": pd.Timestamp(f"{DAYS[0]} 20:00", tz="UTC").value}),)
    with pytest.raises(UsageError, match=r"A feed with tz= is taken to be in UTC inside.* give it tzinput="):
        run(feed_of(path, tz=ZONE), says={"calendar": "XNYS", "label": "end"}, orders=orders)
    meant = run(feed_of(path, tz=ZONE, tzinput=ZONE), says={"calendar": "XNYS", "label": "end"}, orders=LATE).parents[0]
    assert f"{meant.fills[-1].timestamp:%H:%M}" <= "15:00"
    assert meant.filled == 60


def test_stamps_that_all_lie_outside_the_sessions_are_refused(tmp_path):
    path = csv_of(tmp_path, stamps("end", first="18:00", last="20:00"))
    orders = (("A", 60, SLICES, 10, {"until": pd.Timestamp(f"{DAYS[1]} 15:00", tz=ZONE).value}),)
    with pytest.raises(UsageError, match="100% of the bars lie outside the sessions of XNYS"):
        run(feed_of(path), says={"calendar": "XNYS", "label": "end"}, orders=orders)


def test_extended_hours_around_whole_sessions_pass(tmp_path):
    path = csv_of(tmp_path, stamps("end", first="04:00", last="20:00"))
    orders = (("A", 60, SLICES, 400, {"until": "15:00"}),)
    assert run(feed_of(path), says={"calendar": "XNYS", "label": "end"}, orders=orders).parents[0].filled == 60


def test_resampling_that_stamps_starts_is_refused(tmp_path):
    feed = feed_of(csv_of(tmp_path, stamps("end", days=DAYS[:1])))
    with pytest.raises(UsageError, match="feed A is resampled with rightedge=False, which stamps bars with their starts; leave it out"):
        run(feed, resample=5, rightedge=False, says=SAID, orders=LATE)
