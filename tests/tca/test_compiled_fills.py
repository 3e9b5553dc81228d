"""Fills added up in one compiled look against the functions that say of each fill what it was."""

from collections import Counter

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import STEP, bars_of, rows_of
from random_sessions import calendars, trading_instants

from exec_algos.stats.cluster_sums import ClusterSums
from exec_algos.studies.run.sums import FillLines, Market, clock_of, hours_of
from exec_algos.tca.compiled_fills import bar_shares
from exec_algos.tca.fidelity import bar_participation, fill_slippage
from exec_algos.tca.markouts import HORIZONS, markouts
from exec_algos.tca.residuals import Bounds
from exec_algos.tca.trades import Trades, bar_rows, inside_bar

MINUTE = 60_000_000_000


@st.composite
def tapes(draw):
    """Sessions, bars in them (some missing), and fills at their stamps and at times when no bar is there."""
    hours, seed = draw(calendars()), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    instants = trading_instants(hours)
    zone = str(hours.zone)
    table = {symbol: rows_of(rng, instants, missing=0.3, silent=0.2, vendor=False) for symbol in ("A", "B")}
    bars, stamped, n = bars_of(table, zone=zone), draw(st.sampled_from(["start", "end"])), draw(st.integers(0, 60))
    parent = np.sort(rng.integers(0, 7, n))
    symbol = parent % 2
    at = rng.integers(bars.offsets[symbol], bars.offsets[symbol + 1]) if n else np.zeros(0, dtype=np.int64)
    time = bars.start[at] + (STEP if stamped == "end" else 0)
    odd = rng.random(n) < 0.2
    time = np.where(odd, rng.integers(hours.open[0] - STEP, hours.close[-1] + 2 * STEP, n), time)
    order = np.lexsort([time, parent])
    price = np.where(rng.random(n) < 0.05, 0.0, rng.uniform(5, 40, n))
    side = np.where(parent % 3 == 0, -1, 1)
    return hours, bars, stamped, Trades(parent, symbol, time[order], side, rng.integers(1, 500, n).astype(float), price)


def by_line(lines, names):
    """Sums as ClusterSums by line and side, and the reasons counted."""
    frames = [frame for frame in lines.frames("x") if len(frame)]
    table = pd.concat(frames) if frames else pd.DataFrame(columns=[*names, *ClusterSums._fields])
    found = {key: rows.set_index("day")[list(ClusterSums._fields)] for key, rows in table.groupby(["table", "side", "line"])}
    counts = Counter()
    for *key, why, n in lines.missing():
        counts[*key, why] += n
    return found, counts


def expected(key, column, side, days, weights, sums):
    """Check one line of both sides."""
    (table, line), (found, counts) = key, sums
    for name, sign in (("BUY", 1), ("SELL", -1)):
        mine = side == sign
        assert {why: n for (*own, why), n in counts.items() if own == [table, name, line]} == column.take(mine).counts()
        known = mine & column.known
        wanted = pd.DataFrame({"n": 1.0, "value": column.values, "weight": weights, "weighted": weights * column.values})[known]
        wanted = wanted.groupby(days[known]).sum()
        own = found.get((table, name, line))
        if not len(wanted):
            assert own is None
            continue
        assert own.index.to_numpy().astype("datetime64[D]").tolist() == wanted.index.to_numpy().astype("datetime64[D]").tolist()
        np.testing.assert_allclose(own.to_numpy(), wanted.to_numpy(), rtol=1e-12, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(tapes())
def test_sums_by_day_are_those_of_the_fills(tape):
    hours, bars, stamped, trades = tape
    lines = FillLines(Market(hours, stamped, Bounds.of(0.1, 1, None), 1, hours_of(hours), clock_of(hours, bars)), bars.zone)
    row = lines.add(bars, bars.price(), trades)
    assert row.tolist() == bar_rows(bars, trades.symbol, trades.time, stamped).tolist()
    found, counts = by_line(lines, ["table", "side", "line", "day"])
    whole = markouts(bars, hours, trades, HORIZONS, stamped=stamped)
    for name, column in whole.columns.items():
        expected(("markouts", name), column, trades.side, whole.session, whole.notional, (found, counts))
    values = fill_slippage(bars, trades, stamped=stamped)
    local = pd.DatetimeIndex(inside_bar(trades.time, stamped).view("datetime64[ns]"), tz="UTC").tz_convert(bars.zone).tz_localize(None)
    quarter = [f"{stamp:%H}:{stamp.minute // 15 * 15:02d}" for stamp in local]
    days = local.to_numpy().astype("datetime64[D]")
    for name in set(quarter):
        mine = np.array([label == name for label in quarter])
        weights = (trades.quantity * trades.price)[mine]
        expected(("time_of_day", name), values.take(mine), trades.side[mine], days[mine], weights, (found, counts))
    assert {key[2] for key in [*found, *counts] if key[0] == "time_of_day"} == set(quarter)


@settings(max_examples=30, deadline=None)
@given(tapes())
def test_parts_of_bars_are_those_of_each_order_and_bar(tape):
    _, bars, stamped, trades = tape
    row = bar_rows(bars, trades.symbol, trades.time, stamped)
    order = np.lexsort([row, trades.parent])  # fills outside every bar stand together
    sorted_trades = Trades._make(column[order] for column in trades)
    found = bar_shares(sorted_trades.parent, row[order], sorted_trades.quantity, bars.volume, 7)
    whole = bar_participation(bars, sorted_trades, stamped=stamped)
    for parent in range(7):
        mine = whole.participation.take(whole.parent == parent)
        known = mine.values[mine.known]
        np.testing.assert_allclose(found[parent], [len(known), len(mine) - len(known), known.sum(), known.max(initial=0.0)], rtol=1e-12)
