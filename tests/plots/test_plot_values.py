"""The numbers on the axes are those computed by hand from the frames and the bars; drawing leaves pyplot alone."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from markets import bars_of, market, study_of
from matplotlib.colors import to_hex
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from exec_algos import FillModel
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.plots import png
from exec_algos.plots.schedule import representative
from exec_algos.plots.slippage import sells_mirror_buys
from exec_algos.plots.volume import volume
from exec_algos.tca.twins import SHOWN_ONCE

GRID = {"size": "60", "profile_days": 2}
TWAP, VWAP = "twap:slice_interval_seconds=1800", "vwap:slice_interval_seconds=1800,profile_days=2"


def study(bars, algorithms=(TWAP, VWAP), *, fills=True, **model):
    return study_of(bars, list(algorithms), FillModel(max_participation=0.2, **model), **GRID).run(fills=fills)


@pytest.fixture(scope="module")
def result():
    return study(market(5))


def own():
    return Figure().add_subplot()


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def heading(ax):
    texts = [text for part in ax.figure.axes for text in part.texts]
    return " ".join(" ".join([ax.get_title(loc="left"), *(text.get_text() for text in texts)]).split())


def order_of(result, parent_id, algorithm=TWAP):
    return result.parents.query("parent_id == @parent_id and algorithm == @algorithm").iloc[0]


def window_frame(result, order):
    frame = result.bars.to_frame().loc[order.symbol]
    return frame[(frame.index >= order.start) & (frame.index < order.end)]


def test_filled_shares_add_up_at_the_times_of_the_fills(result):
    drawn = lines(result.plot("schedule", own(), parent_id=2))[f"{TWAP}: filled"]
    fills = result.fills.query("parent_id == 2 and algorithm == @TWAP")
    wanted = fills["quantity"].cumsum() / order_of(result, 2).quantity * 100
    assert drawn.get_ydata()[1:-1] == pytest.approx(wanted.to_numpy())
    assert drawn.get_xdata()[1:-1] == pytest.approx(date2num(fills["timestamp"].dt.tz_convert("UTC").dt.tz_localize(None)))


def test_the_schedule_of_vwap_is_the_volume_of_the_two_sessions_before(result):
    order = order_of(result, result.parents["parent_id"].max(), VWAP)
    drawn = lines(result.plot("schedule", own(), parent_id=order.parent_id))[f"{VWAP}: schedule"].get_ydata()
    frame = result.bars.to_frame().loc[order.symbol]
    days = [day for day in sorted(set(frame.index.date)) if day < order.session.date()][-2:]
    assert [str(day) for day in days] == ["2025-11-26", "2025-11-28"]  # the second is a half day of 7 bars, stretched over 13
    past = np.zeros(14)
    for day in days:
        bars = frame[frame.index.date == day]
        slots = ((bars.index - bars.index[0].normalize()).total_seconds() - 9.5 * 3600) // 1800
        done = np.concatenate([[0], np.cumsum(np.bincount(slots.astype(int), bars["volume"], minlength=13 if day.day == 26 else 7))])
        past += np.interp(np.arange(14) / 13, np.arange(len(done)) / (len(done) - 1), done)
    assert drawn[:-1] == pytest.approx(past[1:] / past[-1] * 100)


def test_the_price_panel_ends_at_the_average_and_at_the_interval_vwap(result):
    order = order_of(result, 2)
    ax = result.plot("schedule", own(), parent_id=2)
    prices = lines(ax.figure.axes[-2])
    assert prices[f"{TWAP}: average"].get_ydata()[-1] == pytest.approx(order.average_price)
    assert prices["interval VWAP so far"].get_ydata()[-1] == pytest.approx(order.interval_vwap)
    assert prices["close"].get_ydata() == pytest.approx(window_frame(result, order)["close"].to_numpy())
    rows = [text.get_text() for text in ax.figure.axes[-1].texts]
    assert rows[rows.index(TWAP) + 1].endswith(f"{order.slippage_vwap_bps:+.2f} bps against VWAP")


def test_the_order_shown_by_default_is_the_busiest_of_the_median_session(result):
    days = sorted(set(result.parents["session"]))
    rows = result.parents[result.parents["session"] == days[(len(days) - 1) // 2]]
    means = {key: rows.loc[rows["parent_id"] == key, "participation"].mean() for key in sorted(set(rows["parent_id"]))}
    assert representative(result) == max(means, key=means.get)


def test_every_order_is_counted_once_in_the_histogram_or_told_to_lie_beyond_it(result):
    ax = result.plot("slippage", own())
    drawn = result.parents[result.parents["side"] == "BUY"]["slippage_vwap_bps"].dropna()  # sells mirror buys
    known = len(drawn)
    low, high = ax.get_xlim()
    beyond = (~drawn.between(low, high)).sum()
    assert f"{beyond} of {known} lie beyond the axis" in heading(ax)


@pytest.mark.parametrize(("price", "sides"), [("open", ["BUY"]), ("worst", ["BUY", "SELL"])])
def test_the_dots_are_the_means_and_the_bars_their_intervals(price, sides):
    result = study(market(5), price=price)  # at the open what is paid does not depend on the side, and buys are drawn alone
    ax = result.plot("slippage", own(), benchmark="arrival")
    table = result.summary("arrival", by=("algorithm", "side"))
    rows = [table.loc[(name, side)] for name in (TWAP, VWAP) for side in sides]
    marks = [line for line in ax.get_lines() if line.get_marker() == "o"]
    bars = [line for line in ax.get_lines() if line.get_marker() == "|"]
    assert [line.get_xdata()[0] for line in marks] == pytest.approx([row["mean"] for row in rows])
    assert [list(line.get_xdata()) for line in bars] == [pytest.approx([row["low"], row["high"]]) for row in rows]
    assert "against arrival price" in heading(ax)


def test_that_sells_mirror_buys_is_said_only_where_it_is_so(result):
    worst = study(market(5), price="worst")
    assert sells_mirror_buys(result)
    assert SHOWN_ONCE in heading(result.plot("slippage", own()))
    assert not sells_mirror_buys(worst)
    assert "mirror" not in heading(worst.plot("slippage", own()))


def test_volume_is_the_mean_fraction_of_the_sessions_of_the_usual_length(result):
    realised = next(patch for patch in volume(result, own(), symbol="A").patches if patch.get_label() == "realised")
    frame = result.bars.to_frame().loc["A"]["volume"]
    shares = np.zeros(13)
    days = ["2025-11-26", "2025-12-01"]  # the half day between them is left out
    for day in days:
        for stamp, traded in frame[day].items():
            shares[(stamp.hour * 60 + stamp.minute - 570) // 30] += traded / frame[day].sum() / len(days)
    assert realised.get_data().values == pytest.approx(shares * 100)
    assert "1 of other length left out" in heading(volume(result, own(), symbol="A"))


def test_a_symbol_that_is_not_there_or_has_no_order_is_refused(result):
    with pytest.raises(UnknownNameError, match="unknown symbol 'C'"):
        result.plot("volume", own(), symbol="C")
    only_a = replace(result, parents=result.parents[result.parents["symbol"] == "A"])
    with pytest.raises(UsageError, match="no parent order of 'B'"):
        only_a.plot("volume", own(), symbol="B")


def test_without_single_fills_the_schedule_says_so():
    ax = study(market(5), fills=False).plot("schedule", own())
    assert "run(fills=True)" in heading(ax)
    assert not [label for label in lines(ax) if label.endswith(": filled")]


@pytest.mark.parametrize("kind", ["slippage", "schedule"])
def test_slippage_that_is_not_known_is_drawn_as_not_estimable(result, kind):
    ax = replace(result, parents=result.parents.assign(slippage_vwap_bps=np.nan)).plot(kind, own())
    legends = [text.get_text() for one in ax.figure.axes if one.get_legend() for text in one.get_legend().get_texts()]
    assert "not estimable" in "\n".join([*legends, heading(ax)])


@pytest.mark.parametrize("kind", ["schedule", "slippage"])
def test_a_symbol_is_never_read_as_mathematics(kind):
    frame = market(5, ("A",)).to_frame().loc["A"]
    rows = [(stamp.value, *row, float("nan")) for stamp, row in zip(frame.index, frame.itertuples(index=False), strict=True)]
    named = study(bars_of({r"$\frac$": rows}), [TWAP])
    assert png(named, kind, dpi=30)


def test_colours_are_those_of_okabe_and_ito(result):
    drawn = lines(result.plot("schedule", own()))
    assert [to_hex(drawn[f"{name}: filled"].get_color()).upper() for name in (TWAP, VWAP)] == ["#0072B2", "#D55E00"]


def test_given_axes_beside_others_keep_to_their_place(result):
    left, right = Figure(figsize=(12, 5)).subplots(1, 2)
    before = right.get_position().bounds
    result.plot("schedule", left)
    assert right.get_position().bounds == before
    assert left.figure.axes[-1].get_position().x1 < right.get_position().x0


def test_free_axes_without_a_grid_are_split_too(result):
    ax = Figure().add_axes((0.1, 0.1, 0.8, 0.8))
    lower = result.plot("schedule", ax).figure.axes[-1].get_position()
    assert (lower.y0, ax.get_position().y1) == pytest.approx((0.1, 0.9))
    assert lower.y1 < ax.get_position().y0


def test_pyplot_knows_a_figure_only_where_it_is_in_use(result, monkeypatch):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot")
    result.plot("volume")
    assert pyplot.get_fignums() == before
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    shown = result.plot("volume").figure
    assert pyplot.get_fignums() == [*before, shown.number]
    pyplot.close(shown)
    png(result, "volume", dpi=40)
    assert pyplot.get_fignums() == before
