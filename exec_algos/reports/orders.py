"""Every order in a table, and the worst and the best ten with a picture of each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.reports.figures import Figure, Trace, axis, colour, label, numbers
from exec_algos.reports.numbers import bps, count, money
from exec_algos.reports.subject import Subject
from exec_algos.studies.extremes import extremes_of, fills_of
from exec_algos.tca.buckets import percent_of_adv
from exec_algos.tca.names import BENCHMARKS
from exec_algos.tca.places import rows_between
from exec_algos.tca.trades import instants
from exec_algos.textform import listed, visible

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 25_000  # of the table; of more the dearest and the cheapest half
MOST_DETAILED = 3  # algorithms with all their columns; of more each has its cost alone
MOST_BARS = 800  # of a picture


class OrdersTable(NamedTuple):
    """All orders as columns for the page's table.

    Attributes
    ----------
    columns : list of dict
        ``title, kind`` ("text", "date" or a number of digits) and ``values``, or ``names`` and ``codes`` of a column of a few texts.
    note : str
        What is not in it.
    """

    columns: list[dict[str, Any]]
    note: str


class Extreme(NamedTuple):
    """One of the worst or best orders: its line, and the picture that its line opens."""

    line: str
    figure: Figure


def orders_table(subject: Subject) -> OrdersTable:
    """A row for each order, also for twins that the tables show once: what it was, and what each algorithm paid for it."""
    every = subject.result.parents
    base = every[every["algorithm"] == subject.algorithms[0]].reset_index(drop=True)
    chosen, note = _kept(base)
    kept = base.iloc[chosen]
    columns = [*_of_orders(subject, kept), *(_texts(name, kept[name]) for name in subject.kept)]
    detailed = len(subject.algorithms) <= MOST_DETAILED
    for name in subject.algorithms:
        rows = every[every["algorithm"] == name].set_index("parent_id").reindex(kept["parent_id"])
        columns.append(_numbers(f"{name}: vs VWAP, bps", rows[BENCHMARKS["interval_vwap"]], 2))
        if detailed:
            columns += [
                _numbers(f"{name}: vs arrival, bps", rows[BENCHMARKS["arrival"]], 2),
                _numbers(f"{name}: filled, %", 100 * rows["fill_rate"], 1),
                _numbers(f"{name}: part of volume, %", 100 * rows["participation"], 2),
            ]
    dropped = "" if detailed else f"with more than {MOST_DETAILED} algorithms each has its cost against VWAP alone"
    return OrdersTable(columns, "; ".join(filter(None, [note, dropped])))


def extremes(subject: Subject) -> dict[str, list[Extreme]]:
    """The dearest and the cheapest orders of the first algorithm against the interval VWAP; none where no order has a cost."""
    found = extremes_of(subject.shown, subject.algorithms[0])
    fills = fills_of(subject.result, found.ids)
    return {
        name: [_extreme(subject, order, fills, f"{name}-{place}") for place, order in enumerate(table.to_dict("records"))]
        for name, table in zip(("worst", "best"), found, strict=True)
    }


def _extreme(subject: Subject, order: dict[Any, Any], fills: pd.DataFrame, name: str) -> Extreme:
    rows = subject.shown[subject.shown["parent_id"] == order["parent_id"]]
    cost = subject.money(rows[rows["algorithm"] == order["algorithm"]], "interval_vwap")
    paid = f" ({money(cost)})" if cost else ""
    who = order.get("order_id") or f"order {order['parent_id']}"
    line = (
        f"{visible(str(who))}: {visible(str(order['symbol']))}, {order['session']:%Y-%m-%d}, {order['side'].lower()} "
        f"{count(order['quantity'])}: {bps(order[BENCHMARKS['interval_vwap']])} bps{paid}"
    )
    return Extreme(line, _picture(subject, order, (rows, fills), name))


def _picture(subject: Subject, order: dict[Any, Any], frames: tuple[pd.DataFrame, pd.DataFrame], name: str) -> Figure:
    """Prices of the window with the fills of each algorithm, above the volume of the bars."""
    (rows, fills), bars, zone = frames, subject.result.bars, subject.config["zone"]
    if order["symbol"] not in bars.symbols:
        return Figure(name, "", "", [], {}, "the bars are not there")
    symbol = np.array([bars.symbols.index(order["symbol"])])
    begin, end = (np.array([order[edge].value]) for edge in ("start", "end"))
    first, last = (int(row[0]) for row in rows_between(bars, symbol, begin, end))
    step = max(1, -(-(last - first) // MOST_BARS))
    chosen = slice(first, last, step)
    times = _clock(bars.start[chosen], zone)
    traces: list[Trace] = [
        {"type": "scatter", "mode": "lines", "name": "close", "x": times, "y": numbers(bars.close[chosen], 6),
         "line": {"color": "@muted", "width": 1.2}},
        {"type": "bar", "name": "volume", "x": times, "y": numbers(bars.volume[chosen], 6), "yaxis": "y2", "marker": {"color": "@muted"},
         "opacity": 0.45},
    ]  # fmt: skip
    traces += [_level(times, order, column, name, dash) for column, name, dash in _LEVELS if order[column] == order[column]]
    own = fills[fills["parent_id"] == order["parent_id"]] if len(fills) else fills
    for number, algorithm in enumerate(subject.algorithms):
        mine = own[own["algorithm"] == algorithm] if len(own) else own
        if len(mine):
            traces.append(_marks(mine, algorithm, number, zone))
    layout = {
        "yaxis": axis("price", domain=[0.3, 1]), "yaxis2": axis("volume", domain=[0, 0.2]), "xaxis": {"anchor": "y2", "type": "date"},
        "height": 430, "bargap": 0,
    }  # fmt: skip
    said = [f"{algorithm} {bps(value)} bps" for algorithm, value in zip(rows["algorithm"], rows[BENCHMARKS["interval_vwap"]], strict=True)]
    fewer = f"; every {step}th bar is drawn" if step > 1 else ""
    drawn = set(own["algorithm"]) if len(own) else set()
    unknown = [name for name in rows["algorithm"][rows["filled"] > 0] if name not in drawn]
    no_fills = f"; the single fills of {listed(unknown)} are not known, so none is drawn" if unknown else ""
    caption = f"Against the interval VWAP: {', '.join(said)}. Times of {zone}{fewer}{no_fills}."
    return Figure(name, "", caption, traces, layout)


_LEVELS = (("interval_vwap", "interval VWAP", "dash"), ("arrival_price", "arrival price", "dot"))


def _level(times: list[int], order: dict[Any, Any], column: str, name: str, dash: str) -> Trace:
    """A benchmark as a line through the window."""
    ends = [times[0], times[-1]] if times else []
    price = round(float(order[column]), 6)
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": ends, "y": [price] * len(ends),
        "line": {"color": "@ink", "dash": dash, "width": 1},
    }  # fmt: skip


def _marks(fills: pd.DataFrame, algorithm: str, number: int, zone: str) -> Trace:
    """Fills as marks, larger for more shares."""
    quantity = fills["quantity"].to_numpy(np.float64)
    shares = [count(value) for value in quantity]
    return {
        "type": "scatter", "mode": "markers", "name": label(algorithm), "x": _clock(instants(fills["timestamp"]), zone),
        "y": numbers(fills["price"], 6), "text": shares, "hovertemplate": "%{x}: %{text} at %{y}",
        # opaque: each see-through mark would be a layer of its own on paper, 8 MB of them
        "marker": {
            "color": colour(number), "size": numbers(3 + 6 * np.sqrt(quantity / quantity.max()), 1), "line": {"width": 0}, "opacity": 1,
        },
    }  # fmt: skip


def _clock(instants_: Any, zone: str) -> list[int]:
    """Instants as plotly reads them: ms since 1970, on the clock of a zone."""
    import pandas as pd

    local = pd.DatetimeIndex(np.asarray(instants_).astype("datetime64[ns]"), tz="UTC").tz_convert(zone).tz_localize(None)
    return [int(stamp) for stamp in local.as_unit("ms").asi8]


def _kept(base: pd.DataFrame) -> tuple[Any, str]:
    """The rows that the table shows, and what it says of the others."""
    if len(base) <= MOST_ROWS:
        return np.arange(len(base)), ""
    order = np.argsort(base[BENCHMARKS["interval_vwap"]].fillna(0.0).to_numpy(), kind="stable")
    half = MOST_ROWS // 2
    return np.sort(np.r_[order[:half], order[-half:]]), f"the {half:,} dearest and the {half:,} cheapest of {len(base):,} orders"


def _of_orders(subject: Subject, kept: pd.DataFrame) -> list[dict[str, Any]]:
    """What each order was."""
    day = kept["session"].dt.strftime("%Y-%m-%d")
    clock = [_clock_of(kept[edge], day) for edge in ("start", "end")]
    return [
        _texts("order", kept["order_id"] if "order_id" in kept else kept["parent_id"]),
        _texts("symbol", kept["symbol"]),
        _texts("date", day),
        _texts("side", kept["side"].str.lower()),
        _numbers("shares", kept["quantity"], 6),
        *(_texts(title, column) for title, column in zip(("from", "to"), clock, strict=True)),
        *([_numbers("% of ADV", percent_of_adv(kept), 3)] if "adv" in kept else []),
        *([_amounts(f"{subject.algorithms[0]}: vs VWAP, {code}", _money(subject, kept))] if (code := subject.one_currency) else []),
    ]


def _clock_of(instants_: pd.Series, day: pd.Series) -> pd.Series:
    """The time of day, with its date where that is not the order's own."""
    time, date = instants_.dt.strftime("%H:%M"), instants_.dt.strftime("%Y-%m-%d")
    found: pd.Series = time.where(date == day, date + " " + time)
    return found


def _money(subject: Subject, kept: pd.DataFrame) -> Any:
    """What the first algorithm paid more than the interval VWAP for each order."""
    worth = {symbol: subject.currencies.of(symbol).per_price for symbol in kept["symbol"].unique()}
    cost = kept[BENCHMARKS["interval_vwap"]] / 1e4 * kept["interval_vwap"] * kept["filled"]
    return cost * kept["symbol"].map(worth).astype(np.float64)


def _amounts(title: str, column: Any) -> dict[str, Any]:
    """Money: cents, or where all of it is less than 1, three digits of the largest."""
    most = float(np.nanmax(np.abs(column), initial=0.0))
    return _numbers(title, column, 2 if most >= 1 or not most else 2 - math.floor(math.log10(most)))


def _texts(title: str, column: pd.Series) -> dict[str, Any]:
    """A column of texts; where few stand in many rows, by number."""
    import pandas as pd

    texts = [visible(str(value)) for value in column]
    codes, names = pd.factorize(np.array(texts, dtype=object))
    if 4 * len(names) > len(texts):
        return {"title": title, "kind": "text", "values": texts}
    return {"title": title, "kind": "text", "names": [str(name) for name in names], "codes": codes.tolist()}


def _numbers(title: str, column: Any, digits: int) -> dict[str, Any]:
    values = numbers(np.asarray(column, dtype=np.float64), digits)
    whole = all(value is None or value == int(value) for value in values)
    return {"title": title, "kind": 0 if whole else digits, "values": [int(v) if whole and v is not None else v for v in values]}
