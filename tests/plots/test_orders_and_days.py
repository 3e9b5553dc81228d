"""Participation of one order, costs by time of day, and the look that plots share."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from markets import bars_of, grid_of, market, study_of
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from exec_algos import FillModel, Rules, SlippageStudy
from exec_algos.costs import FixedSpread
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.plots.style import COLOURS, DASHES, bare_axes, look, name, percent, signed
from exec_algos.tca.twins import BUYS_ONLY

MODEL = FillModel(max_participation=0.2, price="vwap", spread=FixedSpread(20))


@pytest.fixture(scope="module")
def result():
    return study_of(market(9), ["twap", "pov:rate=0.2"], MODEL, size=["30", "300"], profile_days=2, sides=("BUY",)).run()


def own(width=9.0):
    return Figure(figsize=(width, 6)).add_subplot()


def words(ax):
    return " ".join(" ".join(text.get_text() for part in ax.figure.axes for text in part.texts).split())


def order_of(result, algorithm, quantity=300):
    rows = result.parents[(result.parents["algorithm"] == algorithm) & (result.parents["quantity"] == quantity)]
    return rows.loc[rows["participation"].idxmax()]


def by_bar(result, order):
    """Filled shares over volume of each bar of the window, from the frames: fills of rule "vwap" are stamped at the end of their bar."""
    frame = result.bars.to_frame().loc[order.symbol]
    frame = frame[(frame.index >= order.start) & (frame.index < order.end)]
    fills = result.fills[(result.fills["parent_id"] == order.parent_id) & (result.fills["algorithm"] == order.algorithm)]
    shares = fills.groupby(fills["timestamp"] - np.timedelta64(30, "m"))["quantity"].sum()
    return (shares.reindex(frame.index).fillna(0.0) / frame["volume"].where(frame["volume"] > 0)).to_numpy()


def test_participation_is_the_shares_over_the_volume_of_each_bar(result):
    order = order_of(result, "twap")
    ax = result.plot("participation", own(), parent_id=order.parent_id)
    for part, algorithm in zip(ax.figure.axes, ("twap", "pov:rate=0.2"), strict=True):
        row = result.parents[result.parents["parent_id"] == order.parent_id].set_index("algorithm", drop=False).loc[algorithm]
        wanted = by_bar(result, row)
        assert [bar.get_height() for bar in part.patches] == pytest.approx(np.nan_to_num(wanted) * 100)
        lines = {line.get_label(): line.get_ydata()[0] for line in part.get_lines()}
        assert lines["cap"] == pytest.approx(20.0)
        assert lines["order"] == pytest.approx(row["participation"] * 100)
        assert f"largest {np.nanmax(wanted):.1%}" in words(ax)
    assert f"Participation, {order.symbol}: buy 300 shares, {order.session:%Y-%m-%d}" in ax.get_title(loc="left")


def test_bars_over_the_cap_are_counted():
    study = study_of(market(9), ["twap"], MODEL, size="2000", profile_days=2, sides=("BUY",))
    forced = SlippageStudy(study.bars, study.parents, ["twap"], MODEL, rules=Rules(residual="force")).run()
    order = order_of(forced, "twap", 2000)
    over = int((by_bar(forced, order) > 0.2).sum())
    ax = forced.plot("participation", own(), parent_id=order.parent_id)
    assert over
    assert f"{over} over the cap" in words(ax)
    assert len({bar.get_facecolor() for bar in ax.patches}) == 2


def test_without_a_cap_there_is_no_line(result):
    free = replace(result, config={**result.config, "fill_model": {**result.config["fill_model"], "max_participation": None}})
    ax = free.plot("participation", own())
    assert "no participation cap" in words(ax)
    assert "cap" not in {line.get_label() for line in ax.get_lines()}


def test_a_cap_far_above_all_bars_is_written(result):
    small = study_of(market(9), ["twap"], FillModel(max_participation=0.9, price="vwap"), size="3", profile_days=2, sides=("BUY",)).run()
    order = order_of(small, "twap", 3)
    largest = np.nanmax(by_bar(small, order))
    ax = small.plot("participation", own(), parent_id=order.parent_id)
    assert largest < 0.2
    assert ax.get_ylim()[1] == pytest.approx(112 * largest)
    assert "the cap of 0.9, above the axis" in words(ax)
    assert "above the axis" not in words(result.plot("participation", own()))


@pytest.mark.parametrize(("part", "text"), [(0.1234, "12.3%"), (0.0004, "0.04%"), (0.0, "0.0%"), (1.0, "100.0%"), (0.001, "0.1%")])
def test_a_small_fraction_is_not_nothing(part, text):
    assert percent(part) == text


def test_bars_without_volume_are_said(result):
    order = order_of(result, "twap")
    silent = int(np.isnan(by_bar(result, order)).sum())
    assert silent
    assert f"{silent} without volume" in words(result.plot("participation", own(), parent_id=order.parent_id))


def cells(ax):
    mesh = ax.collections[0]
    return mesh.get_array().filled(np.nan)


def fills_of(result):
    """The fills with the half hour of their bar, its VWAP proxy, and bps against it; all buys."""
    fills = result.fills.assign(bar=result.fills["timestamp"] - np.timedelta64(30, "m"))
    frame = result.bars.to_frame()
    proxy = (frame["high"] + frame["low"] + frame["close"]) / 3
    fills["vwap"] = [proxy[symbol, bar] for symbol, bar in zip(fills["symbol"], fills["bar"], strict=True)]
    fills["bps"] = (fills["price"] / fills["vwap"] - 1) * 1e4
    fills["notional"] = fills["price"] * fills["quantity"]
    return fills


@pytest.mark.parametrize("by", ["algorithm", "symbol"])
def test_a_cell_is_the_mean_cost_weighted_by_value(result, by):
    fills = fills_of(result)
    ax = result.plot("daytime", own(), by=by)
    names = ["twap", "pov:rate=0.2"] if by == "algorithm" else ["A", "B"]
    times = [f"{9 + (half + 1) // 2:02d}:{30 * ((half + 1) % 2):02d}" for half in range(13)]
    assert [text.get_text() for text in ax.get_xticklabels()] == times
    for row, label in enumerate(names):
        for column, time in enumerate(times):
            mine = fills[(fills[by] == label) & (fills["bar"].dt.strftime("%H:%M") == time)]
            wanted = np.average(mine["bps"], weights=mine["notional"]) if len(mine) else np.nan
            assert cells(ax)[row, column] == pytest.approx(wanted, nan_ok=True)
    assert [text.get_text() for text in ax.texts if text.get_text() in names] == names


@pytest.mark.parametrize(("against", "column"), [("arrival", "arrival_price"), ("interval_vwap", "interval_vwap")])
def test_a_cell_against_a_price_of_the_order(result, against, column):
    fills = fills_of(result).merge(result.parents[["parent_id", "algorithm", column]], on=["parent_id", "algorithm"])
    fills = fills[(fills["algorithm"] == "twap") & (fills["bar"].dt.strftime("%H:%M") == "10:00")]
    wanted = np.average((fills["price"] / fills[column] - 1) * 1e4, weights=fills["notional"])
    assert cells(result.plot("daytime", own(), against=against))[0, 1] == pytest.approx(wanted)


def test_shares_of_a_row_sum_to_the_whole(result):
    shares = cells(result.plot("daytime", own(), value="share", minutes=60))
    assert np.nansum(shares, axis=1) == pytest.approx([100.0, 100.0])
    fills = fills_of(result)
    first = fills[fills["algorithm"] == "twap"]
    morning = first[first["bar"].dt.hour == 9]
    assert shares[0, 0] == pytest.approx(morning["notional"].sum() / first["notional"].sum() * 100)


def test_costs_by_time_of_twins_are_those_of_the_buys():
    both = study_of(market(9), ["twap"], MODEL, size="30", profile_days=2).run()
    buys = replace(both, parents=both.parents[both.parents["side"] == "BUY"], fills=both.fills[both.fills["side"] == "BUY"])
    ax = both.plot("daytime", own())
    assert BUYS_ONLY in words(ax)
    assert cells(ax) == pytest.approx(cells(buys.plot("daytime", own())), nan_ok=True)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"value": "costs"}, UnknownNameError, "unknown value 'costs': did you mean cost"),
        ({"by": "side"}, UnknownNameError, "unknown row 'side'"),
        ({"against": "vwap"}, UnknownNameError, "unknown benchmark 'vwap'"),
        ({"minutes": 7}, UsageError, "divides the 1440 minutes of a day, got 7"),
        ({"minutes": 0}, UsageError, "divides the 1440 minutes of a day, got 0"),
    ],
)
def test_what_no_column_or_row_can_be_is_refused(result, options, error, said):
    with pytest.raises(error, match=said):
        result.plot("daytime", own(), **options)


def test_fifty_symbols_have_fifty_rows_that_can_be_read():
    rows = [
        (start, 10.0, 11.0, 9.0, 10.0, 100.0, float("nan")) for day in ("2025-11-24", "2025-11-25", "2025-11-26") for start in grid_of(day)
    ]
    bars = bars_of({f"S{number:02d}": rows for number in range(50)})
    many = study_of(bars, ["twap"], MODEL, size="60", profile_days=2, sides=("BUY",)).run()
    ax = many.plot("daytime", bare_axes(_small()), by="symbol")
    figure = ax.figure
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text().startswith("S")]
    assert len(boxes) == 50
    assert not any(one.overlaps(other) for one, other in itertools.pairwise(sorted(boxes, key=lambda box: box.y0)))
    assert all(box.x0 >= ax.get_window_extent().x0 - 1 for box in boxes)


def _small():
    from exec_algos.plots.style import FigureSize

    return FigureSize(9.0, 3.0, 1.0)


def test_prices_at_or_below_zero_are_left_out_and_counted():
    bars = market(9, ("A",), missing=0.0, silent=0.0)
    low = replace(bars, **{column: getattr(bars, column) - np.median(bars.close) for column in ("open", "high", "low", "close")})
    result = study_of(low, ["twap"], FillModel(), size="60", profile_days=2, sides=("BUY",)).run()
    frame = result.bars.to_frame().loc["A"]
    opens = result.fills["timestamp"].map(frame["open"])
    proxy = result.fills["timestamp"].map((frame["high"] + frame["low"] + frame["close"]) / 3)
    bad = int(((opens <= 0) | (proxy <= 0)).sum())
    assert 0 < bad < len(result.fills)
    assert f"{bad} of {len(result.fills)} fills have no such benchmark and are left out" in words(result.plot("daytime", own()))
    assert "not estimable" in words(result.plot("schedule", own(), parent_id=_underwater(result)))
    for kind in ("markouts", "shortfall", "waterfall", "cost", "slippage", "participation"):
        result.plot(kind, own())


def _underwater(result):
    return int(result.parents.loc[result.parents["interval_vwap"] <= 0, "parent_id"].iloc[0])


# --- the look ---------------------------------------------------------------------------------------------------------------------

# Machado, Oliveira, Fernandes 2009, IEEE Trans. Vis. Comput. Graph. 15(6), severity 1: linear RGB as eyes without one of the cones see it
SEEN = {
    "all": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}


def linear(colour):
    values = np.array(to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* under D65."""
    matrix = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
    relative = matrix @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    x, y, z = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_is_seen_on_white(colour):
    luminance = linear(colour) @ np.array([0.2126, 0.7152, 0.0722])
    assert 1.05 / (luminance + 0.05) >= 3.0


@pytest.mark.parametrize("eyes", SEEN)
def test_any_two_colours_are_told_apart_with_any_eyes(eyes):
    seen = [lab(SEEN[eyes] @ linear(colour)) for colour in COLOURS]
    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(seen, 2)) > 15  # 2.3 is just seen


def test_no_two_of_twenty_lines_look_the_same_and_neighbours_differ_in_grey_too():
    looks = [tuple(map(str, look(i).values())) for i in range(20)]
    assert len(set(looks)) == 20
    assert all(look(i)["linestyle"] != look(i + 1)["linestyle"] for i in range(19))
    assert len(DASHES) >= 6


def test_a_long_name_keeps_both_ends():
    assert name("a" * 30 + "b" * 70, 21) == "a" * 10 + "…" + "b" * 10
    assert name("short", 21) == "short"
    assert name("x\x1b[0m\u202e") == r"x\x1b[0m\u202e"


@pytest.mark.parametrize(("amount", "text"), [(0, "0"), (1500, "+1,500"), (-0.5, "−0.5"), (-2e6, "−2,000,000")])
def test_amounts_on_an_axis(amount, text):
    assert signed(amount) == text


def test_fills_that_no_model_made_lie_in_the_bar_that_has_begun(result):
    opened = study_of(market(9), ["twap"], FillModel(), size="30", profile_days=2, sides=("BUY",)).run()
    real = replace(opened, config={key: value for key, value in opened.config.items() if key != "fill_model"})
    for kind in ("participation", "schedule"):
        assert len(real.plot(kind, own()).patches) == len(opened.plot(kind, own()).patches)
    assert cells(real.plot("daytime", own())) == pytest.approx(cells(opened.plot("daytime", own())), nan_ok=True)
    assert "no participation cap" in words(real.plot("participation", own()))
