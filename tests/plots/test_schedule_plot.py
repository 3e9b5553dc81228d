"""The plot of one order: the price is over its fills, the rows are its key, nights take no room, and the heading says which order it is."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from markets import market, study_of
from matplotlib.dates import date2num

from exec_algos import FillModel, ParentOrders, Rules, SlippageStudy
from exec_algos.market.calendars import sessions
from exec_algos.market.synthetic import synthetic_bars
from exec_algos.plots.schedule import schedule, schedule_size
from exec_algos.plots.style import bare_axes

NAMES = [f"twap:slice_interval_seconds={1800 * k}" for k in range(1, 8)] + [
    "vwap:profile_days=2",
    "pov:rate=0.1",
    "arrival_price",
    "pov:rate=0.2",
]


@pytest.fixture(scope="module")
def eleven():
    return study_of(market(5), NAMES, FillModel(max_participation=0.2), size="60", profile_days=2).run()


@pytest.fixture(scope="module")
def over_night():
    bars = market(5)
    orders = pd.DataFrame(
        {"symbol": ["A"], "side": ["buy"], "quantity": [90], "start": ["2025-11-25 15:00"], "end": ["2025-11-26 11:00"], "order_id": ["K7"]}
    )
    return SlippageStudy(bars, ParentOrders.from_frame(orders, bars, calendar="XNYS"), ["twap", "pov:rate=0.2"], FillModel()).run()


def panels(result, **options):
    ax = schedule(result, bare_axes(schedule_size(result)), **options)
    return ax, *ax.figure.axes[-2:]


def test_the_closes_are_drawn_over_every_fill(over_night):
    _, prices, _ = panels(over_night)
    close = next(line for line in prices.get_lines() if line.get_label() == "close")
    dots = [marks for marks in prices.collections if len(marks.get_offsets()) > 1 or marks.get_array() is not None]
    assert dots
    assert all(marks.get_zorder() < close.get_zorder() for marks in prices.collections)


def test_more_than_two_algorithms_have_no_dots_for_they_would_hide_each_other(eleven):
    _, prices, strip = panels(eleven)
    assert len(prices.collections) == 1  # the range of each bar
    assert len(strip.collections) == len(NAMES)


def test_a_row_of_fills_holds_each_fill_at_its_shares(eleven):
    order = eleven.parents.iloc[0]
    ax, _, strip = panels(eleven, parent_id=int(order.parent_id))
    fills = eleven.fills[eleven.fills["parent_id"] == order.parent_id]
    names = eleven.config["algorithms"]
    for i, name in enumerate(names):
        heights = [piece[1][1] - piece[0][1] - 0.05 for piece in strip.collections[i].get_segments()]
        mine = fills.loc[fills["algorithm"] == name, "quantity"]
        assert heights == pytest.approx((0.45 * mine / fills["quantity"].max()).tolist())
    rows = [text.get_text() for text in strip.texts]
    assert rows[::2] == names
    rates = eleven.parents[eleven.parents["parent_id"] == order.parent_id].set_index("algorithm")["fill_rate"]
    assert [row.split(",")[0] for row in rows[1::2]] == [f"filled {rates[name]:.1%}" for name in names]
    assert ax.get_title(loc="left").startswith(f"{order.symbol}: {order.side.lower()} {order.quantity:,} shares, {order.session:%Y-%m-%d}")


def test_no_text_lies_over_the_lines_of_eleven_algorithms(eleven):
    ax, prices, strip = panels(eleven)
    figure = ax.figure
    figure.draw_without_rendering()
    legends = [part.get_legend().get_window_extent() for part in (ax, prices)]
    for box in legends:
        assert not any(box.overlaps(part.get_window_extent()) for part in (ax, prices, strip))
    for part in (ax, prices, strip):
        box = part.get_tightbbox()
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.y1
    texts = sorted((text.get_window_extent() for text in strip.texts[::2]), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 for low, high in pairwise(texts))


def test_a_night_takes_no_room(over_night):
    ax, prices, strip = panels(over_night)
    low, high = strip.get_xlim()
    assert (low, high) == pytest.approx((0.0, 2.5))  # an hour of one day and an hour and a half of the next
    ticks = dict(zip([text.get_text() for text in strip.get_xticklabels()], strip.get_xticks(), strict=True))
    assert ticks == pytest.approx({"2025-11-25\n15:00": 0.0, "15:30": 0.5, "2025-11-26\n09:30": 1.0, "10:00": 1.5, "10:30": 2.0})
    filled = next(line for line in ax.get_lines() if line.get_label() == "twap: filled")
    assert filled.get_xdata()[-1] == pytest.approx(2.5)
    assert "trading time only" in strip.get_xlabel()
    assert prices.get_xlim() == (low, high)


def test_the_desks_own_number_is_named(over_night):
    ax, _, _ = panels(over_night)
    assert any("parent order 0, order_id K7" in text.get_text() for text in ax.texts)


def test_an_order_of_which_nothing_was_filled_says_so(over_night):
    nothing = replace(over_night, parents=over_night.parents.assign(filled=0, fill_rate=0.0), fills=over_night.fills.iloc[:0])
    ax, prices, _ = panels(nothing)
    assert "nothing of it was filled" in [text.get_text() for text in ax.texts]
    assert not [line for line in prices.get_lines() if line.get_label().endswith("average")]


def test_one_fill_has_an_average_until_the_window_ends(over_night):
    one = replace(over_night, fills=over_night.fills.iloc[[0]])
    _, prices, _ = panels(one)
    (line,) = [line for line in prices.get_lines() if line.get_label().endswith("average")]
    assert set(line.get_ydata()) == {one.fills["price"].iloc[0]}
    assert line.get_xdata()[-1] == pytest.approx(2.5)


@pytest.mark.parametrize(("residual", "price"), [("extend", "vwap"), ("extend", "open"), ("close_auction", "close")])
def test_what_was_worked_on_behind_the_window_is_shown(residual, price):
    study = study_of(
        market(5, missing=0.0, silent=0.0),
        ["twap"],
        FillModel(max_participation=0.1, price=price),
        size="300",
        window="10:00-11:30",
        profile_days=2,
    )
    result = SlippageStudy(study.bars, study.parents, ["twap"], study.fill_model, rules=Rules(residual=residual)).run()
    late = result.fills.merge(result.parents[["parent_id", "end"]], on="parent_id").query("timestamp > end")
    order = result.parents[result.parents["parent_id"] == late["parent_id"].iloc[0]].iloc[0]
    mine = result.fills[result.fills["parent_id"] == order.parent_id]
    ax, prices, strip = panels(result, parent_id=int(order.parent_id))
    last = mine["timestamp"].max() + pd.Timedelta(minutes=30 * (price == "open"))
    assert strip.get_xlim()[1] == pytest.approx(date2num(last.tz_convert("UTC").tz_localize(None)))
    filled = next(line for line in ax.get_lines() if line.get_label().endswith(": filled"))
    assert filled.get_ydata()[-1] == pytest.approx(100 * mine["quantity"].sum() / order.quantity)
    vwap = next(line for line in prices.get_lines() if line.get_label() == "interval VWAP so far")
    known = vwap.get_ydata()[np.isfinite(vwap.get_ydata())]
    assert known[-1] == pytest.approx(order.interval_vwap)
    assert len(known) == 3  # half hours of the window
    assert f"worked on by residual='{residual}'" in " ".join(text.get_text() for text in ax.texts)
    assert all("end of the window" in {line.get_label() for line in part.get_lines()} for part in (ax, prices, strip))
    part = result.plot("participation", bare_axes(schedule_size(result)), parent_id=int(order.parent_id))
    volumes = result.bars.to_frame().loc[order.symbol]["volume"]
    shown = volumes[(volumes.index >= order.start) & (volumes.index < last)]
    assert sum(bar.get_height() / 100 * volume for bar, volume in zip(part.patches, shown, strict=True)) == pytest.approx(
        mine["quantity"].sum()
    )


@pytest.mark.parametrize(
    ("start", "end", "ticks"),
    [
        # Tokyo pauses from 11:30 to 12:30
        ("10:30", "13:30", {"10:30": 0.0, "11:00": 0.5, "12:30": 1.0, "13:00": 1.5}),
        ("11:00", "12:45", {"11:00": 0.0, "11:10": 1 / 6, "11:20": 1 / 3, "12:30": 0.5, "12:40": 2 / 3}),
    ],
)
def test_a_pause_takes_no_room_and_round_times_stand_between(start, end, ticks):
    hours = sessions("XTKS", pd.Timestamp("2024-03-05").value, pd.Timestamp("2024-03-07").value)
    bars = synthetic_bars(["ANY"], hours, seed=1)
    orders = pd.DataFrame(
        {"symbol": ["ANY"], "side": ["buy"], "quantity": [600], "start": [f"2024-03-06 {start}"], "end": [f"2024-03-06 {end}"]}
    )
    result = SlippageStudy(bars, ParentOrders.from_frame(orders, bars, calendar="XTKS"), ["twap"], FillModel()).run()
    ax, _, strip = panels(result)
    drawn = dict(zip([text.get_text() for text in strip.get_xticklabels()], strip.get_xticks(), strict=True))
    assert {label: place for label, place in drawn.items() if label in ticks} == pytest.approx(ticks)
    filled = next(line for line in ax.get_lines() if line.get_label() == "twap: filled")
    x, y = filled.get_xdata()[1:-1], filled.get_ydata()[1:-1]
    assert y == pytest.approx(100 * (x + 1 / 60) / strip.get_xlim()[1], abs=0.1)  # a straight line over lunch too, but for half a share
