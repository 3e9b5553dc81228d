"""One function for each kind of finding: from the facts of a symbol's sessions to what lies beyond the limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from exec_algos.market.arrays import Floats, Ints
from exec_algos.market.hours import OWN_SESSIONS
from exec_algos.market.quality.days import MINUTE, Days, around, middle_of, spread_of, usual
from exec_algos.market.quality.limits import Limits
from exec_algos.market.quality.steps import Step

# by what it spoils, the worst first
KINDS = {
    "split": "suspected split",
    "level": "volume steps and the price does not",
    "history": "sessions whose earlier ones span a split",
    "calendar": "days whose hours the calendar has wrong",
    "price": "price far from the median session",
    "volume": "volume far from the median session",
    "without_volume": "minutes without volume",
    "missing": "minutes missing",
    "sparse": "curves and ADV from few minutes",
    "counter": "volumes that are not those of each bar",
    "label": "stamps of the other end of the bar",
    "first": "the first minute without volume",
    "last": "the last minute without volume",
    "hours": "other hours than the session's",
    "no_bars": "sessions without bars",
    "holiday": "bars on a day without a session",
    "stale": "price stale while there is volume",
    "repeated": "session with the bars of an earlier one",
    "twin": "the same bars under two symbols",
}
STEPS = ("split", "level")  # what makes the shares of two sessions unlike
MOSTLY = 0.8  # of the sessions
MOST_LOOKED = 20
REACH = 4  # bars on either side of the open and the close that their volume is looked for in
JUMP = 3.0  # times by which the first bar of a session trades more than the bar before it; SPY's 5, of most stocks 10 to 100
LEAST_SESSIONS = 5
LEAST = 10  # bars of a session below which equal ones may be chance


class Finding(NamedTuple):
    """One thing that is odd.

    Parameters
    ----------
    symbol : str
    session : str
        The day, ``2024-06-10``; empty where it is so in all of the symbol's sessions.
    kind : str
        One of `KINDS`.
    value : float
        What was measured.
    usual : float
        What it is measured against: of the symbol's median session, or of those around it.
    said : str
        Both in words.
    """

    symbol: str
    session: str
    kind: str
    value: float
    usual: float
    said: str


def word(step: int, many: float = 2) -> str:
    """What a bar of that length is called."""
    return ("minute" if step == MINUTE else "bar") + ("" if many == 1 else "s")


def splits(days: Days, steps: Sequence[Step]) -> Iterator[Finding]:
    """Suspected splits, and steps of the volume alone."""
    for step in steps:
        day = str(days.date[step.at])
        moved = f"price x {step.price:.4g}, volume x {step.volume:.3g}"
        if not step.prices:
            said = f"volume x {step.volume:.3g}, price x {step.price:.4g}: volume in shares before a split, or of more venues"
            yield Finding(days.symbol, day, "level", step.volume, 1.0, said)
            continue
        how = moved if step.volumes else f"{moved}: volumes adjusted already and prices not, or a fall without trading"
        how = f"price x {step.price:.4g}, no volume to tell by" if np.isnan(step.volume) else how
        yield Finding(days.symbol, day, "split", step.ratio, 1.0, f"{step.text} ({how})")


def shares_of_bars(days: Days, limits: Limits) -> Iterator[Finding]:
    """Sessions in which more bars are missing, or have no volume, than in the others."""
    for kind, found, limit in (("missing", days.holes, limits.missing), ("without_volume", days.without_volume, limits.without_volume)):
        part = found / days.slots
        middle, deviation = usual(part)
        if kind == "without_volume" and middle >= 1 - limit:
            yield Finding(days.symbol, "", kind, 1.0, 0.0, f"all of them in {int((part > 0).sum())} of {len(days)} sessions")
            return
        for k in np.flatnonzero(part > middle + limit + 3 * deviation).tolist():
            of = f"{found[k]} of {days.slots[k]} {word(days.step)}, usually {middle * days.slots[k]:.0f}"
            yield Finding(days.symbol, str(days.date[k]), kind, float(part[k]), middle, of)


def sparse(days: Days, limits: Limits) -> Iterator[Finding]:
    """Whether there is volume in so few bars that a curve of earlier sessions says more of chance than of the day."""
    if not len(days):
        return
    filled, room = days.count - days.without_volume, middle_of(days.slots)
    share = middle_of(filled / days.slots)
    said_already = middle_of(days.without_volume / days.slots) >= 1 - limits.without_volume  # by `shares_of_bars`: bars of a market without
    if share < limits.sparse and not said_already:
        most = f"{int(filled.sum()):,} of {int(days.slots.sum()):,} {word(days.step)} of {len(days)} sessions have volume"
        said = f"{most}, {share * room:.0f} of {room:.0f} in the median one: curves and ADV come from those"
        yield Finding(days.symbol, "", "sparse", share, 1.0, said)


def edges(days: Days, limits: Limits) -> Iterator[Finding]:
    """Whether it is the first or the last bar of the session that has no volume, where the others have."""
    traded = (days.total > 0) & (days.count > 1)
    bars, empty = days.count[traded], days.without_volume[traded]
    for kind, rows in (("first", days.first[traded]), ("last", days.last[traded] - 1)):
        silent = days.volume[rows] == 0
        if silent.sum() < 2:
            continue
        share, others = float(silent.mean()), float((empty - silent).sum() / (bars - 1).sum())
        if share - others <= limits.first:
            continue
        named = f"the {kind} ({_clock(days, days.start[rows[silent]])})"
        often = f"always {named}, in" if share == 1 else f"{named} in"
        said = f"{often} {int(silent.sum())} of {len(silent)} sessions; of the other {word(days.step)} {others:.1%} without volume"
        yield Finding(days.symbol, "", kind, share, others, said)


def counters(days: Days) -> Iterator[Finding]:
    """Whether volumes are a running total of the session, or the same in each bar: seen in all of 20 sessions or in none."""
    long = np.flatnonzero((days.count >= LEAST) & (days.total > 0))
    looked = [days.volume[days.first[k] : days.last[k]] for k in long[:: max(len(long) // MOST_LOOKED, 1)]]
    if len(looked) < 2:
        return
    if all(len(set(volumes.tolist())) == 1 for volumes in looked):
        yield Finding(days.symbol, "", "counter", 1.0, 0.0, f"{looked[0][0]:g} in every bar: VWAP is no more than TWAP then")
    elif all((np.diff(volumes) >= 0).all() and volumes[-1] > volumes[0] for volumes in looked):
        yield Finding(days.symbol, "", "counter", 1.0, 0.0, "they rise through every session: a running total, not the shares of a bar")


def labels(days: Days) -> Iterator[Finding]:
    """Whether the bars of most sessions lie one bar behind the session, or before it."""
    if len(days) < 2 or days.sessions.name == OWN_SESSIONS:
        return
    step = days.step / MINUTE
    shifts = (
        ((days.late == step) & days.has(days.closes), "one bar after the open, and one begins at the close: ends of bars read as starts"),
        (
            (days.early == step) & days.has(days.opens - days.step),
            "one bar before the open, and none ends at the close: starts read as ends",
        ),
    )
    found = [
        Finding(days.symbol, "", "label", float(shifted.mean()), 0.0, f"bars of {int(shifted.sum())} of {len(days)} sessions begin {said}")
        for shifted, said in shifts
        if shifted.mean() >= MOSTLY
    ]
    yield from found or _opening(days)


def _opening(days: Days) -> Iterator[Finding]:
    """Whether the volume shows, of bars in extended hours too, that all lie one bar beside the session."""
    looked = days.has(days.opens - days.step) & (days.slots >= 3 * REACH)
    if looked.sum() < LEAST_SESSIONS:
        return
    opens, closes = (days.volumes_at(edge[looked], REACH) for edge in (days.opens, days.closes))
    level = np.median(opens[:, REACH + 1 :], axis=1, keepdims=True)
    traded = opens >= level / 2  # as much as a bar of the session; before the open far less
    begins = traded.argmax(axis=1) - REACH
    peak = closes.argmax(axis=1) - REACH
    for shift, peaks, said in (
        (-1, (-2, -1), "one bar before it, and that of the close is greatest as early: starts read as ends"),
        (1, (0, 1), "one bar after it, and that of the close is greatest as late: ends of bars read as starts"),
    ):
        at = REACH + shift
        shifted = (begins == shift) & (opens[:, at] >= JUMP * opens[:, at - 1]) & np.isin(peak, peaks) & (level[:, 0] > 0)
        if shifted.mean() >= MOSTLY:
            many = f"in {int(shifted.sum())} of {len(shifted)} sessions the volume of the open begins {said}"
            yield Finding(days.symbol, "", "label", float(shifted.mean()), 0.0, many)


def _clock(days: Days, starts: Ints) -> str:
    """The commonest time of day of some bars."""
    import datetime as dt

    zone = ZoneInfo(days.sessions.zone)
    times = [f"{dt.datetime.fromtimestamp(int(start) // 1_000_000_000, zone):%H:%M}" for start in starts]
    return max(sorted(set(times)), key=times.count)


def volumes(days: Days, steps: Sequence[Step], limits: Limits) -> Iterator[Finding]:
    """Sessions with many times the volume of those around them, or a small part of it."""
    total, factor = days.total, _factor(days, [(step.at, step.ratio) for step in steps if step.volumes])
    plain = total * factor
    middle = around(plain, days.follows)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(plain / middle)
    deviation = spread_of(ratio[np.isfinite(ratio)])
    odd = np.isfinite(ratio) & days.whole & (np.abs(ratio) > max(np.log(limits.volume), 3 * deviation))
    for k in np.flatnonzero(odd).tolist():
        times = float(np.exp(ratio[k]))
        said = f"{total[k]:,.10g} shares, {times:.3g} times the {middle[k] / factor[k]:,.10g} of the sessions around it"
        yield Finding(days.symbol, str(days.date[k]), "volume", times, 1.0, said)


def prices(days: Days, steps: Sequence[Step], limits: Limits) -> Iterator[Finding]:
    """Sessions whose highest or lowest price is far from the closes around them."""
    factor = _factor(days, [(step.at, 1 / step.ratio) for step in steps if step.prices])
    level = around(days.close * factor, days.follows) / factor
    own = np.maximum(days.open, days.close), np.minimum(days.open, days.close)
    above, below = (np.where(np.isnan(level), price, level) for price in own)
    high, low = days.high / above, days.low / below
    for k in np.flatnonzero((high > limits.price) | (low < 1 / limits.price)).tolist():
        top = high[k] > 1 / low[k]
        name, price, middle, times = ("high", days.high, above, high) if top else ("low", days.low, below, low)
        said = f"{name} {price[k]:.6g}, {times[k]:.3g} times the {middle[k]:.6g} of the sessions around it"
        yield Finding(days.symbol, str(days.date[k]), "price", float(times[k]), 1.0, said)


def _factor(days: Days, steps: Sequence[tuple[int, float]]) -> Floats:
    """What each session is multiplied by to be in the units of the last one."""
    factor = np.ones(len(days))
    for at, ratio in steps:
        factor[:at] *= ratio
    return factor


def hours(days: Days, limits: Limits) -> Iterator[Finding]:
    """Sessions that begin later or end earlier than the symbol's others; and symbols of which all do."""
    if not len(days):
        return
    # a thin symbol's first bar comes late by nature: ten times what lies between its bars
    thin = 10 * (float(np.median(days.slots / days.count)) - 1) * days.step / MINUTE
    limit = max(limits.hours, thin)
    for words, edge in (("begins {:.0f} min after the open", days.late), ("ends {:.0f} min before the close", days.early)):
        middle, deviation = usual(edge)
        if middle >= limit:
            yield Finding(days.symbol, "", "hours", middle, 0.0, words.format(middle) + f" in the median session of {len(days)}")
        for k in np.flatnonzero(edge >= middle + limit + 3 * deviation).tolist():
            said = words.format(edge[k]) + f", usually {middle:.0f}"
            yield Finding(days.symbol, str(days.date[k]), "hours", float(edge[k]), middle, said)


def calendar_days(days: Days) -> Iterator[Finding]:
    """Sessions without bars from the symbol's first to its last, and bars on days without a session."""
    if not len(days):
        return
    span = np.arange(days.number[0], days.number[-1] + 1)
    for day in days.sessions.date[span[~days.has_data[span]]].tolist():
        yield Finding(days.symbol, str(day), "no_bars", 0.0, 1.0, "no bar")
    if days.sessions.name != OWN_SESSIONS:
        yield from _holidays(days, days.outside())


def _holidays(days: Days, outside: Ints) -> Iterator[Finding]:
    if not len(outside):
        return
    import pandas as pd

    stamps = pd.DatetimeIndex(outside.view("datetime64[ns]"), tz="UTC").tz_convert(days.sessions.zone).tz_localize(None)
    date, count = np.unique(stamps.to_numpy().astype("datetime64[D]"), return_counts=True)
    for day, many in zip(date.tolist(), count.tolist(), strict=True):
        if np.datetime64(day, "D") not in days.sessions.date:
            yield Finding(days.symbol, str(day), "holiday", float(many), 0.0, f"{many} {word(days.step, many)}")


def stale(days: Days, limits: Limits) -> Iterator[Finding]:
    """Sessions whose price does not move through many bars that have volume."""
    middle, deviation = usual(days.stale)
    for k in np.flatnonzero(days.stale > middle + limits.stale + 3 * deviation).tolist():
        said = f"{days.stale[k]:.0f} minutes of volume at one price, usually {middle:.0f}"
        yield Finding(days.symbol, str(days.date[k]), "stale", float(days.stale[k]), middle, said)


def repeated(days: Days) -> Iterator[Finding]:
    """Sessions that are the copy of an earlier one: as many bars, the same volume, open, high, low and close."""
    order = np.argsort(days.total, kind="stable")
    twice = np.diff(days.total[order]) == 0
    if not twice.any():
        return
    columns = np.column_stack([days.total, days.open, days.high, days.low, days.close, days.count.astype(np.float64)])
    order = np.lexsort(columns.T[::-1])
    equal = (np.diff(columns[order], axis=0) == 0).all(axis=1) & (days.count[order[1:]] >= LEAST) & (days.high > days.low)[order[1:]]
    for i in np.flatnonzero(equal).tolist():
        day, earlier = str(days.date[order[i + 1]]), str(days.date[order[i]])
        yield Finding(days.symbol, day, "repeated", 1.0, 0.0, f"the bars of {earlier}: volume, open, high, low and close are the same")
