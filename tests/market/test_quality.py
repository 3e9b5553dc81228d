"""What is odd in bars of which each can be true: sessions that are made calm, and one thing in them spoiled by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.bars import Bars
from exec_algos.market.calendars import sessions
from exec_algos.market.hours import sessions_of
from exec_algos.market.quality.findings import findings_of, summary
from exec_algos.market.quality.limits import Limits
from exec_algos.market.ratios import ratio_text
from exec_algos.market.samples import load_samples
from exec_algos.market.synthetic import synthetic_bars

TEN, MINUTE = 600_000_000_000, 60_000_000_000
BARS = 39  # of ten minutes in a session of New York
ZONE = "America/New_York"
FIRST, LAST = (pd.Timestamp(day, tz=ZONE).value for day in ("2024-06-03", "2024-06-22"))
HOURS = sessions("XNYS", FIRST, LAST)
HELD = (HOURS.date >= np.datetime64("2024-06-03")) & (HOURS.date <= np.datetime64("2024-06-21"))
DAYS = [str(day) for day in HOURS.date[HELD]]  # 14 sessions, for the 19th of June is a holiday


class Calm:
    """Bars of 14 sessions, 1,000 shares a bar around 100; rows are (day, bar), and can be spoiled."""

    def __init__(self, symbol="AAA"):
        self.symbol, shape = symbol, (len(DAYS), BARS)
        wave = 0.1 * np.sin(np.arange(BARS) + 0.3 * np.arange(len(DAYS))[:, None])
        self.close = 100 + wave
        self.open = np.concatenate([[100.0], self.close.ravel()[:-1]]).reshape(shape)
        self.volume = np.full(shape, 1000.0) + np.arange(len(DAYS))[:, None] + 5.0 * (-1) ** np.arange(BARS)
        self.start = HOURS.open[HELD][:, None] + TEN * np.arange(BARS)
        self.keep = np.ones(shape, dtype=bool)
        self.tops = np.ones(shape)

    def split(self, day, prices, volumes):
        """Prices from a day on divided, and volumes multiplied."""
        self.open[day:] /= prices
        self.close[day:] /= prices
        self.volume[day:] *= volumes

    def bars(self):
        high, low = np.maximum(self.open, self.close) * 1.0005 * self.tops, np.minimum(self.open, self.close) * 0.9995
        columns = {"open": self.open, "high": high, "low": low, "close": self.close, "volume": self.volume}
        kept = {name: column[self.keep] for name, column in columns.items()}
        return Bars(
            symbols=(self.symbol,), offsets=np.array([0, int(self.keep.sum())]), start=self.start[self.keep], step=TEN, zone=ZONE, **kept
        )  # fmt: skip


def found(calm, limits="", calendar="XNYS"):
    bars = calm.bars() if isinstance(calm, Calm) else calm
    return findings_of(bars, sessions_of(bars, calendar), Limits.of(limits))


def kinds(calm, limits="", calendar="XNYS"):
    return sorted({row.kind for row in found(calm, limits, calendar).rows})


def split(prices, volumes, day=7):
    calm = Calm()
    calm.split(day, prices, volumes)
    return calm


def loud(times):
    calm = Calm()
    calm.volume[8] *= times
    return calm


def spiked(times):
    calm = Calm()
    calm.tops[4, 20] = times
    return calm


def holed(many):
    calm = Calm()
    calm.keep[5, 10 : 10 + many] = False
    return calm


def silent(many):
    calm = Calm()
    calm.volume[5, 10 : 10 + many] = 0
    return calm


def silent_first(days):
    calm = Calm()
    calm.volume[:days, 0] = 0
    return calm


def short(bars, days=slice(6, 7)):
    calm = Calm()
    calm.keep[days, BARS - bars :] = False
    return calm


def frozen(many):
    """A bar and `many` more at its close."""
    calm = Calm()
    calm.close[9, 10 : 11 + many] = calm.open[9, 11 : 11 + many] = calm.close[9, 10]
    calm.open[9, 11 + many] = calm.close[9, 10]
    return calm


def frozen_bars(many):
    calm = frozen(many)
    bars = calm.bars()
    high, low = bars.high.copy(), bars.low.copy()
    rows = slice(9 * BARS + 11, 9 * BARS + 11 + many)
    high[rows] = low[rows] = bars.close[rows]
    return Bars(
        symbols=bars.symbols, offsets=bars.offsets, start=bars.start, open=bars.open, high=high, low=low, close=bars.close,
        volume=bars.volume, step=TEN, zone=ZONE,
    )  # fmt: skip


@pytest.mark.parametrize("calendar", ["XNYS", None])
def test_calm_sessions_give_no_finding(calendar):
    result = found(Calm(), calendar=calendar)
    assert (len(result), result.lines()) == (0, [])
    assert result.facts == (("AAA", 14, 0, 0),)
    assert summary(result.rows) == []


@pytest.mark.parametrize("ratio", [1.5, 2, 3, 4, 5, 10, 20, 50])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_split_is_named_with_its_ratio_and_day(ratio, reverse):
    ratio = 1 / ratio if reverse else ratio
    (row,) = found(split(ratio, ratio)).rows
    assert (row.symbol, row.session, row.kind) == ("AAA", DAYS[7], "split")
    assert row.value == pytest.approx(ratio, rel=1e-12)
    assert row.said.startswith(ratio_text(ratio))


def test_a_split_on_the_first_and_on_the_last_day_that_can_show_it():
    for day in (1, 13):
        assert [(row.kind, row.session) for row in found(split(4, 4, day)).rows] == [("split", DAYS[day])]


def test_the_first_print_of_the_ex_day_may_be_one_of_the_day_before():
    calm = split(7, 7)
    calm.open[7, 0] *= 7
    assert ("split", DAYS[7]) in [(row.kind, row.session) for row in found(calm).rows]


def test_prices_that_step_without_volume_are_a_split_of_prices_only():
    (row,) = found(split(5, 1)).rows
    assert (row.kind, row.value) == ("split", 5)
    assert "volumes adjusted already and prices not" in row.said


def test_volume_that_steps_without_prices_is_named_where_it_is_three_times():
    (row,) = found(split(1, 10)).rows
    assert (row.kind, row.session, row.value) == ("level", DAYS[7], pytest.approx(10, rel=0.01))
    assert kinds(split(1, 0.1)) == ["level"]
    assert kinds(split(1, 2)) == []


def test_half_the_price_on_ten_times_the_volume_is_news_and_no_split():
    assert "split" not in kinds(split(2, 10))
    assert kinds(split(1.25, 1.25)) == []  # a fifth less is an ordinary bad day


def test_without_any_volume_a_split_is_told_by_the_price():
    calm = split(10, 1)
    calm.volume[:] = 0
    rows = found(calm).rows
    assert {row.kind for row in rows} == {"split", "without_volume"}
    assert "all of them in 14 of 14 sessions" in "".join(row.said for row in rows)


def test_sessions_far_apart_are_no_split():
    calm = split(10, 10)
    calm.keep[4:8] = False
    assert "split" in kinds(calm)  # from the 6th to the 13th of June
    calm.start[7:] += 30 * 86_400_000_000_000
    bars = calm.bars()
    assert "split" not in {row.kind for row in findings_of(bars, sessions_of(bars, None)).rows}


def test_five_times_the_volume_of_the_median_session():
    (row,) = found(loud(5)).rows
    assert (row.kind, row.session) == ("volume", DAYS[8])
    # sessions have 39 x (1000 + k) + 5 shares, k = 0 ... 13; with day 8 out of the way the median is that of k = 6 and 7
    assert row.value == pytest.approx(5 * 39_317 / 39_258.5, rel=1e-12)
    assert "196,585 shares, 5.01 times the 39,258.5" in row.said
    assert kinds(loud(0.1)) == ["volume"]
    assert kinds(loud(3)) == []


def test_a_third_of_the_sessions_may_be_far_off():
    calm = Calm()
    calm.volume *= np.exp(0.3 * np.sin(np.arange(len(DAYS)) * 2.1))[:, None]
    calm.volume[2:6] *= 10
    assert [(row.kind, row.session) for row in found(calm).rows] == [("volume", day) for day in DAYS[2:6]]


def test_a_high_far_from_the_closes_around_it():
    (row,) = found(spiked(3)).rows
    assert (row.kind, row.session) == ("price", DAYS[4])
    assert row.value == pytest.approx(3, rel=0.01)
    assert kinds(spiked(1.5)) == []


def test_bars_missing_in_a_session():
    (row,) = found(holed(4)).rows
    assert (row.kind, row.session, row.value, row.usual) == ("missing", DAYS[5], pytest.approx(4 / 39), 0)
    assert row.said == "4 of 39 bars, usually 0"
    assert kinds(holed(1)) == []


def test_a_thin_symbol_misses_bars_by_nature():
    calm = Calm()
    calm.keep[:, 1:-1] = np.random.default_rng(3).random((len(DAYS), BARS - 2)) < 0.4
    result = found(calm)
    assert result.rows == ()
    assert result.facts[0].missing == int((~calm.keep).sum())


def test_bars_without_volume_in_a_session():
    (row,) = found(silent(4)).rows
    assert (row.kind, row.session, row.said) == ("without_volume", DAYS[5], "4 of 39 bars, usually 0")
    assert kinds(silent(1)) == []


def test_the_first_bar_of_every_session_without_volume():
    (row,) = found(silent_first(14)).rows
    assert (row.kind, row.session, row.value) == ("first", "", 1)
    assert row.said == "always the first (09:30), in 14 of 14 sessions; of the other bars 0.0% without volume"
    (row,) = found(silent_first(4)).rows
    assert row.said.startswith("the first (09:30) in 4 of 14 sessions")
    assert kinds(silent_first(1)) == []


def test_where_half_of_all_bars_have_no_volume_the_first_is_no_news():
    calm = Calm()
    calm.volume *= np.random.default_rng(4).random(calm.volume.shape) < 0.5
    assert "first" not in kinds(calm)


def test_a_session_without_bars_and_bars_on_a_holiday():
    calm = Calm()
    calm.keep[3] = False
    (row,) = found(calm).rows
    assert (row.kind, row.session) == ("no_bars", DAYS[3])
    calm = Calm()
    calm.start[12] = calm.start[11] + 86_400_000_000_000  # Thursday the 20th becomes Wednesday the 19th, Juneteenth
    assert [(row.kind, row.session, row.value) for row in found(calm).rows] == [("holiday", "2024-06-19", 39), ("no_bars", "2024-06-20", 0)]
    assert kinds(calm, calendar=None) == []


def test_a_session_that_ends_early_and_sessions_that_all_do():
    (row,) = found(short(6)).rows
    assert (row.kind, row.session, row.said) == ("hours", DAYS[6], "ends 60 min before the close, usually 0")
    (row,) = found(short(6, slice(None))).rows
    assert (row.kind, row.session, row.said) == ("hours", "", "ends 60 min before the close in the median session of 14")
    calm = Calm()
    calm.keep[2, :12] = False
    assert [row.said for row in found(calm).rows] == ["begins 120 min after the open, usually 0"]


def test_a_price_that_does_not_move_through_bars_that_have_volume():
    (row,) = found(frozen_bars(6)).rows
    assert (row.kind, row.session, row.said) == ("stale", DAYS[9], "60 minutes of volume at one price, usually 0")
    assert kinds(frozen_bars(2)) == []


def test_a_session_that_is_a_copy_and_a_symbol_that_is_one():
    calm = Calm()
    for name in ("open", "close", "volume"):
        getattr(calm, name)[10] = getattr(calm, name)[6]
    (row,) = found(calm).rows
    assert (row.kind, row.session) == ("repeated", DAYS[10])
    assert DAYS[6] in row.said
    (row,) = found(Bars.concat([Calm("AAA").bars(), Calm("BBB").bars()])).rows
    assert (row.symbol, row.kind) == ("BBB", "twin")
    assert row.said.endswith("all 14 sessions are those of AAA")


def test_a_day_in_another_unit_is_no_split():
    calm = Calm()
    calm.open[6] *= 100
    calm.close[6] *= 100
    assert [(row.kind, row.session) for row in found(calm).rows] == [("price", DAYS[6])]


def test_the_last_bar_of_every_session_without_volume():
    calm = Calm()
    calm.volume[:, -1] = 0
    (row,) = found(calm).rows
    assert (row.kind, row.said) == ("last", "always the last (15:50), in 14 of 14 sessions; of the other bars 0.0% without volume")


def test_volumes_that_are_running_totals_or_all_alike():
    calm = Calm()
    calm.volume = np.cumsum(calm.volume, axis=1)
    assert [(row.kind, row.session) for row in found(calm).rows] == [("counter", "")]
    assert "running total" in found(calm).rows[0].said
    calm.volume[3, 20] = 1.0  # one bar is enough to show that they are not
    assert kinds(calm) == []
    calm = Calm()
    calm.volume[:] = 7.0
    assert [row.said for row in found(calm).rows] == ["7 in every bar: VWAP is no more than TWAP then"]


@pytest.mark.parametrize(("shift", "words"), [(TEN, "ends of bars read as starts"), (-TEN, "starts read as ends")])
def test_stamps_of_the_other_end_of_the_bar(shift, words):
    calm = Calm()
    calm.start += shift
    (row,) = found(calm).rows
    assert (row.kind, row.session) == ("label", "")
    assert row.said.startswith("bars of 14 of 14 sessions begin one bar")
    assert row.said.endswith(words)
    assert kinds(calm, calendar=None) == []


SILENCED = {
    "missing": (holed(4), "missing=0.2"),
    "without_volume": (silent(4), "without_volume=0.2"),
    "first": (silent_first(4), "first=0.5"),
    "volume": (loud(5), "volume=6"),
    "price": (spiked(3), "price=4"),
    "split": (split(2.1, 2), "split=0.01"),
    "level": (split(1, 4), "level=5"),
    "hours": (short(6), "hours=90"),
    "stale": (frozen_bars(6), "stale=90"),
}


@pytest.mark.parametrize("kind", SILENCED)
def test_each_limit_can_be_moved(kind):
    calm, limits = SILENCED[kind]
    assert kind in kinds(calm)
    assert kind not in kinds(calm, limits)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mising=0.1", "unknown limit 'mising': did you mean missing"),
        ("missing=often", "the limit missing needs a number, got 'often'; such as missing=0.05"),
        ("missing", "the limit missing needs a number, got ''"),
        ("missing=0.1,missing=0.2", "stands twice"),
        ("missing=-1", "must be positive and finite, got -1.0"),
        ("stale=nan", "must be positive and finite, got nan"),
        ("volume=0.5", "a ratio above 1, got 0.5"),
        ("split=0.3", "below 0.2, got 0.3"),
    ],
)
def test_limits_that_cannot_be_are_refused(text, words):
    with pytest.raises((UsageError, UnknownNameError), match=words.replace("(", r"\(")):
        Limits.of(text)


@settings(max_examples=12, deadline=None)
@given(st.permutations(["AAA", "BBB", "CCC"]), st.integers(0, 1000))
def test_findings_do_not_depend_on_the_order_of_rows_and_symbols(order, seed):
    made = {"AAA": split(3, 3), "BBB": loud(6), "CCC": silent_first(14)}
    for symbol, calm in made.items():
        calm.symbol = symbol
    alone = [row for symbol in sorted(made) for row in found(made[symbol]).rows]
    assert list(found(Bars.concat([made[symbol].bars() for symbol in order])).rows) == alone
    frame = pd.concat([made[symbol].bars().to_frame() for symbol in order]).reset_index()
    shuffled = Bars.from_frame(frame.iloc[np.random.default_rng(seed).permutation(len(frame))], step="10min", on_bad="repair")
    assert list(found(shuffled).rows) == alone


def test_the_samples_have_only_the_halt_that_was_put_into_them():
    rows = [row for name, bars in load_samples().items() for row in findings_of(bars, sessions_of(bars, name)).rows]
    assert [(row.symbol, row.session, row.kind, row.said) for row in rows] == [
        ("SYNGAP", "2025-10-29", "missing", "30 of 390 minutes, usually 0")
    ]


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_synthetic_bars_are_calm(seed):
    bars = synthetic_bars(["AAA", "BBB"], "XNYS", seed=seed)
    assert findings_of(bars, sessions_of(bars, "XNYS")).rows == ()


def test_the_summary_is_three_lines_at_most():
    parts = [split(3, 3), loud(6), silent_first(14), holed(9)]
    for calm, symbol in zip(parts, ("AAA", "BBB", "CCC", "DDD"), strict=True):
        calm.symbol = symbol
    lines = summary(found(Bars.concat([calm.bars() for calm in parts])).rows)
    assert len(lines) == 3
    assert lines[0].startswith(f"AAA {DAYS[7]} suspected split: 3:1")
    assert "3 symbols with findings" in lines[1]
    assert lines[2].startswith(f"the worst: BBB {DAYS[8]}: volume far from the median session")


REAL = {
    "us_lean/AAPL": ("XNYS", {("split", "2014-06-09")}),
    "us_alpaca_windows/NVDA": ("XNYS", {("level", "2024-07-01")}),
    "us_yahoo_2026_03/AAPL": ("XNYS", {("volume", f"2026-03-{day}") for day in (16, 17, 18, 19)}),
    "krx_yahoo_5m/000270": ("XKRX", {("first", "")}),
    "us_polygon_2024/SPY": ("XNYS", set()),
    "us_alphavantage_2019_02/UGA": ("XNYS", {("last", "")}),  # the vendor puts a bar at the close where nothing traded
    "us_yahoo_2026_03/BILI": ("XNYS", set()),
}
BESIDE = {"without_volume", "no_bars", "hours"}


@pytest.mark.market_data
@pytest.mark.parametrize("name", REAL)
def test_real_bars(market_data, name):
    calendar, wanted = REAL[name]
    bars = Bars.read(market_data / f"{name}.parquet", on_bad="drop")
    rows = findings_of(bars, sessions_of(bars, calendar)).rows
    assert {(row.kind, row.session) for row in rows if row.kind not in BESIDE} == wanted
    assert wanted or not rows


def extended(early=0, late=0, cross=False, open_=20_000.0, before=2_000.0):
    """Minutes from 09:00 to 16:29 of the 14 sessions, little before the open and after the close; read so many minutes early or late.

    The minute from 09:30 trades most of the morning, the one from 15:59 most of all, or with a closing cross the one from 16:00.
    """
    volume = np.full((len(DAYS), 450), 8_000.0) + np.arange(450) % 7 + np.arange(len(DAYS))[:, None]
    volume[:, :30], volume[:, 420:] = before, 1_000.0
    volume[:, 30], volume[:, 419] = open_, 60_000.0
    if cross:
        volume[:, 420] = 90_000.0
    start = (HOURS.open[HELD][:, None] + MINUTE * (np.arange(450) - 30 + late - early)).ravel()
    price = 100 + 0.01 * (np.arange(start.size) % 5)
    columns = {"open": price, "high": price + 0.01, "low": price - 0.01, "close": price}
    return Bars(symbols=("AAA",), offsets=np.array([0, start.size]), start=start, volume=volume.ravel(), step=MINUTE, zone=ZONE, **columns)


@pytest.mark.parametrize("cross", [False, True])
@pytest.mark.parametrize(
    ("shift", "said"),
    [
        ({}, None),
        ({"early": 1}, "the volume of the open begins one bar before it, and that of the close is greatest as early: starts read as ends"),
        (
            {"late": 1},
            "the volume of the open begins one bar after it, and that of the close is greatest as late: ends of bars read as starts",
        ),
        ({"early": 2}, None),
    ],
)
def test_labels_of_extended_hours_are_questioned_by_where_the_volume_of_the_open_and_the_close_lies(shift, said, cross):
    rows = [row for row in found(extended(cross=cross, **shift)).rows if row.kind == "label"]
    assert [(row.session, row.said) for row in rows] == ([] if said is None else [("", f"in 14 of 14 sessions {said}")])


@pytest.mark.parametrize(
    "unclear",
    [
        extended(early=1, before=8_000.0),  # before the open as much as after it: no open to see
        extended(early=1, open_=5_900.0),  # no leap, at the open less than three times the minute before
        extended(early=1).take(np.arange(14 * 450) < 4 * 450),  # four sessions
    ],
    ids=["no open", "no leap", "few sessions"],
)
def test_what_is_not_clear_is_not_said(unclear):
    assert "label" not in kinds(unclear)


def test_sessions_of_the_bars_themselves_have_no_open_to_compare_with():
    assert "label" not in kinds(extended(early=1), calendar=None)


@pytest.mark.market_data
@pytest.mark.parametrize(("shift", "many"), [(0, 0), (-1, 1), (1, 1)])
def test_the_open_of_real_bars_with_extended_hours_is_where_it_was(market_data, shift, many):
    bars = Bars.read(market_data / "us_polygon_2024" / "SPY.parquet")
    moved = replace(bars, start=bars.start + shift * bars.step)
    assert sum(row.kind == "label" for row in found(moved).rows) == many


def test_curves_that_come_from_few_bars_say_from_how_many():
    calm = Calm()
    calm.keep[:, 5:] = False  # 5 of 39 bars of ten minutes are there
    calm.volume[:, 4] = 0  # and one of those never trades
    (row,) = found(calm).of_kind("sparse")
    sessions = len(calm.keep)
    assert row.value == pytest.approx(4 / 39)
    most = f"{4 * sessions} of {39 * sessions} bars of {sessions} sessions have volume"
    assert row.said == f"{most}, 4 of 39 in the median one: curves and ADV come from those"
    assert found(calm, "sparse=0.1").of_kind("sparse") == []
    calm.volume[:] = 0
    assert found(calm).of_kind("sparse")[0].said.startswith("0 of")
    whole = Calm()
    whole.volume[:] = 0
    assert [row.kind for row in found(whole).rows if row.kind in {"sparse", "without_volume"}] == ["without_volume"]
