"""Random calendars with pauses, nights, half days and sessions that adjoin, bars on them, and parent orders over one session or several."""

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from markets import STEP, bars_of, rows_of

from exec_algos import ParentOrders
from exec_algos.market.calendars import Sessions

FIRST = 1_709_510_400_000_000_000  # Monday 4 March 2024, 00:00 UTC; clocks of New York change on Sunday 10
ZONES = ("UTC", "America/New_York", "Asia/Tokyo", "America/Chicago")


def calendar_of(draw_ints, zone, count):
    """Sessions of whole bars: each a time after the last, perhaps none, perhaps with a pause, perhaps open after it."""
    at, columns = FIRST, []
    alike = (draw_ints(0, 36), draw_ints(1, 8), draw_ints(0, 4), draw_ints(0, 7)) if draw_ints(0, 1) else None
    for _ in range(count):
        gap, morning, pause, late = alike or (draw_ints(0, 36), draw_ints(1, 8), draw_ints(0, 4), draw_ints(0, 7))
        late = 0 if alike and draw_ints(0, 3) == 0 else late  # the same hours each day, but for a half day
        opened = at + gap * STEP
        if not (pause and late):
            pause = late = 0
        begin = opened + morning * STEP
        end, at = begin + pause * STEP, begin + (pause + late) * STEP
        columns.append((opened, begin, end, at))
    opens, begins, ends, closes = np.array(columns, dtype=np.int64).T
    begins, ends = np.where(begins == ends, closes, begins), np.where(begins == ends, closes, ends)
    date = np.arange(np.datetime64("2024-03-04"), np.datetime64("2024-03-04") + count)
    return Sessions(name="random", zone=zone, date=date, open=opens, close=closes, break_start=begins, break_end=ends)


def trading_instants(hours):
    """When each bar of trading starts, in time order: by hand, beside `TradingTime`."""
    pieces = [
        piece for row in zip(hours.open, hours.break_start, hours.break_end, hours.close, strict=True) for piece in (row[:2], row[2:])
    ]
    return [int(t) for begin, end in pieces for t in range(int(begin), int(end), STEP)]


@st.composite
def calendars(draw, least=3, most=6):
    """A random calendar."""
    return calendar_of(lambda low, high: draw(st.integers(low, high)), draw(st.sampled_from(ZONES)), draw(st.integers(least, most)))


@st.composite
def paused_studies(draw):
    """Bars of a random calendar, some of them while it is closed, and parent orders over any part of it."""
    hours = draw(calendars())
    inside = trading_instants(hours)
    every = range(inside[0], inside[-1] + STEP, STEP)
    missing, silent = draw(st.sampled_from([0.0, 0.2, 0.6])), draw(st.sampled_from([0.0, 0.3]))
    seed = draw(st.integers(0, 2**32 - 1))
    table = {
        symbol: rows_of(np.random.default_rng([seed, *symbol.encode()]), list(every), missing, silent, draw(st.booleans()))
        for symbol in "AB"
    }
    bars = bars_of(table, zone=hours.zone)
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        first = draw(st.integers(0, len(inside) - 1))
        last = min(first + draw(st.sampled_from([1, 2, 3, 5, 8, 13, 21, 40])), len(inside)) - 1
        start, end = inside[first], inside[last] + STEP
        side, lots = draw(st.sampled_from([1, -1])), draw(st.sampled_from([1, 37, 1000, 100_000]))
        rows.append((draw(st.integers(0, 1)), int(hours.at_or_after(start)), start, end, side, lots))
    return bars, orders_of(bars, hours, rows)


def orders_of(bars, hours, rows, lot_size=1):
    """Parent orders of ``(symbol, session, start, end, side, lots)``."""
    symbol, session, start, end, side, lots = np.array(sorted(rows), dtype=np.int64).T
    return ParentOrders(
        symbols=bars.symbols, sessions=hours, symbol=symbol, session=session, side=side, lots=lots, lot_size=lot_size, start=start, end=end,
        profile_days=0,
    )  # fmt: skip


def is_apart(instants):
    """Whether some follow each other by more than a bar: a pause or a night lies between."""
    return any(later - earlier > STEP for earlier, later in pairwise(instants))
