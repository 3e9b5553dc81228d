"""Small random markets for hypothesis, on the real calendar of a week with a holiday and a half day, and what checks read from frames.

Bars are half hours (13 a session, 7 on the half day); prices lie on coarse ticks, so that limits are touched, not only crossed.
"""

from functools import cache

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from exec_algos import Bars, Commission, FillModel, ParentOrders, SlippageStudy
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.errors import UsageError

STEP = 1_800_000_000_000
ZONE = "America/New_York"
CLOSES = {"2025-11-24": "16:00", "2025-11-25": "16:00", "2025-11-26": "16:00", "2025-11-28": "13:00", "2025-12-01": "16:00"}
DAYS = tuple(CLOSES)
TICK = 0.5


@cache
def ns(day, clock):
    return pd.Timestamp(f"{day} {clock}", tz=ZONE).value


def grid_of(day, step=STEP):
    return range(ns(day, "09:30"), ns(day, CLOSES[day]), step)


def bars_of(table, *, step=STEP, zone=ZONE):
    """`Bars` of ``{symbol: [(start, open, high, low, close, volume, vwap), ...]}``."""
    symbols = sorted(table)
    columns = [np.array([row[i] for symbol in symbols for row in table[symbol]], dtype=np.float64) for i in range(1, 7)]
    return Bars(
        symbols=tuple(symbols),
        offsets=np.cumsum([0, *(len(table[symbol]) for symbol in symbols)]).astype(np.int64),
        start=np.array([row[0] for symbol in symbols for row in table[symbol]], dtype=np.int64),
        **dict(zip(("open", "high", "low", "close", "volume"), columns, strict=False)),
        vwap=None if np.isnan(columns[5]).all() else columns[5],
        step=step,
        zone=zone,
        quote_proxy="close",
    )


def rows_of(rng, instants, missing, silent, vendor):
    """Bars at the instants, some missing (never the first), some without volume, some with the vendor's VWAP, not all of them true."""
    rows, last = [], 20.0
    for n, start in enumerate(instants):
        path = np.maximum(last + TICK * np.cumsum(rng.integers(-2, 3, size=4)), 5.0)
        last = float(path[-1])
        volume = 0.0 if n and rng.random() < silent else float(rng.integers(1, 400))
        vwap = float(path.mean() + rng.choice([0.0, 0.0, 3.0])) if vendor and rng.random() < 0.8 else np.nan
        if not n or rng.random() >= missing:
            rows.append((start, float(path[0]), float(path.max()), float(path.min()), last, volume, vwap))
    return rows


def market(seed, symbols=("A", "B"), *, missing=0.2, silent=0.1, vendor=False, days=DAYS):
    """A random market; a symbol's bars depend on the seed and its own name only."""
    instants = [start for day in days for start in grid_of(day)]
    table = {symbol: rows_of(np.random.default_rng([seed, *symbol.encode()]), instants, missing, silent, vendor) for symbol in symbols}
    return bars_of(table)


def markets(symbols=("A", "B")):
    return st.builds(
        market,
        seed=st.integers(0, 2**32 - 1),
        symbols=st.just(symbols),
        missing=st.sampled_from([0.0, 0.2, 0.6]),
        silent=st.sampled_from([0.0, 0.3]),
        vendor=st.booleans(),
    )


commissions = st.builds(
    Commission, rate=st.sampled_from([0.0, 0.00015]), per_share=st.sampled_from([0.0, 0.005]), minimum=st.sampled_from([0.0, 1.7])
)
spreads = st.none() | st.builds(FixedSpread, st.floats(0, 200))
impacts = st.none() | st.builds(SquareRootImpact, st.floats(0, 0.05))
fill_models = st.builds(
    FillModel,
    price=st.sampled_from(["open", "vwap", "close", "worst"]),
    max_participation=st.sampled_from([None, 0.05, 0.1, 0.29, 1.0]),
    latency=st.sampled_from([0.0, 0.5, 60.0, 1800.0, 3000.0, 5400.0]),
    commission=commissions,
    limit_fill=st.sampled_from(["touch", "through"]),
    spread=spreads,
    impact=impacts,
)

# The compiled loop has a kernel for each way in which models are made. That it agrees with the engine is tested over all of them; what
# needs only some of them is tested over these: price, spread and cap alone, and everything at once.
_any = {
    "price": st.sampled_from(["open", "vwap", "close", "worst"]),
    "spread": spreads,
    "max_participation": st.sampled_from([0.05, 0.29, 1.0]),
}
kinds_of_model = st.builds(FillModel, **_any) | st.builds(
    FillModel,
    **_any,
    latency=st.sampled_from([0.5, 60.0, 1800.0, 3000.0, 5400.0]),
    commission=st.just(Commission(rate=0.00015, per_share=0.005, minimum=1.7)),
    impact=st.builds(SquareRootImpact, st.floats(0, 0.05)),
    limit_fill=st.sampled_from(["touch", "through"]),
)
algorithms = st.lists(
    st.sampled_from(
        [
            "twap",
            "twap:slice_interval_seconds=3600",
            "vwap:profile_days=1",
            "vwap:slice_interval_seconds=5400,profile_days=2",
            "vwap:profile_days=2",
        ]
    ),
    min_size=1,
    max_size=2,
    unique=True,
)
grids = st.fixed_dictionaries(
    {
        "size": st.sampled_from(["1", "37", "1000", "5%adv", "80%adv"]),
        "window": st.sampled_from([None, "10:00-12:30", "09:30-16:00", "12:00-15:40"]),
        "lot_size": st.sampled_from([1, 10, 0.001]),
        "profile_days": st.sampled_from([1, 2]),
        "sides": st.sampled_from([("BUY",), ("SELL",), ("BUY", "SELL")]),
    }
)


def outcome(study, driver):
    """The frames of a run, or the words with which it is refused."""
    try:
        result = study.run(driver)
    except UsageError as error:
        return str(error)
    return result


def study_of(bars, names, model=None, *, calendar="XNYS", sides=("BUY", "SELL"), **grid):
    """A study of a grid, of buys and sells unless one side is asked for."""
    return SlippageStudy(bars, ParentOrders.grid(bars, calendar=calendar, sides=sides, **grid), names, model)


def assert_same(left, right):
    """Two study results hold the same bits."""
    if isinstance(left, str) or isinstance(right, str):
        assert left == right
        return
    for name in ("parents", "fills", "skipped"):
        pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name), check_exact=True)


def trades(frame):
    """Rows of a fills frame as plain tuples: (ns, shares, price, commission)."""
    return list(zip(frame["timestamp"].astype("int64"), frame["quantity"], frame["price"], frame["commission"], strict=True))


def content_of(folder):
    """What the files of a study in shards hold, beside its shards, by name."""
    named = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in named.items() if not name.startswith(("shards/", "study.json"))}
