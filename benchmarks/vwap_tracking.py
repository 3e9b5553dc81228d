"""How well curves track the interval VWAP: TWAP, static VWAP and dynamic VWAP on real bars, walk-forward.

Each order is worked over a whole session and asks for 1 % of the average volume. It fills at each bar's VWAP (the vendor's where there
is one, else hlc3) without cap, costs or impact, so that what is left of slippage is the curve's error alone. Every curve of a
session is made of the sessions before it, the dynamic ones of its own completed bars too. The data lie outside the checkout:
EXEC_ALGOS_MARKET_DATA names their folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from machine import keep

from exec_algos import TWAP, VWAP, Bars, FillModel, ParentOrders, SlippageStudy
from exec_algos.algorithms.dynamic_vwap import DynamicVWAP
from exec_algos.forecast.session import SessionForecast
from exec_algos.market.hours import sessions_of
from exec_algos.market.profile import SessionVolumes, stretched

DATA = Path(os.environ.get("EXEC_ALGOS_MARKET_DATA", Path(__file__).resolve().parents[2] / "shared" / "market_data"))
DRAWS = 10_000
LEAST = 0.9  # of an order that every algorithm has to fill: sessions that break off in the data are left out
GAP = 10 * 86_400_000_000_000  # ns; a longer one parts the history of a symbol in two


class Source(NamedTuple):
    """Bars of one symbol, and what they stand for."""

    file: str
    calendar: str | None
    days: int
    group: str


SOURCES = (
    Source("us_polygon_2024/SPY", "XNYS", 20, "liquid"),
    Source("us_alpaca_windows/SPY", "XNYS", 8, "liquid"),
    Source("us_alpaca_windows/QQQ", "XNYS", 8, "liquid"),
    Source("us_illiquid_etf_2y/FXY", "XNYS", 20, "thin"),
    Source("us_illiquid_etf_2y/DBB", "XNYS", 20, "thin"),
    Source("krx_yahoo_5m/396500", None, 20, "other"),
    Source("fut_backtrader_2006/FESX", None, 20, "other"),
    Source("crypto_1m/ALGOUSDT", "24/7", 8, "other"),
    Source("crypto_1m/BTC-PERP", "24/7", 8, "other"),
)


def algorithms(days: int) -> dict[str, Any]:
    def dynamic(**given: float) -> DynamicVWAP:
        return DynamicVWAP(profile_days=days, **given)  # type: ignore[arg-type]

    return {
        "twap": TWAP(),
        "vwap": VWAP(profile_days=days),
        "dynamic": dynamic(),
        "dynamic, no guards": dynamic(departure=1.0, off_after=1.0),
        "dynamic, catch_up=1": dynamic(catch_up=1.0),
        "dynamic, catch_up=1, no guards": dynamic(catch_up=1.0, departure=1.0, off_after=1.0),
        "dynamic, bins of 5 min": dynamic(bin_minutes=5.0),
        "dynamic, bins of 30 min": dynamic(bin_minutes=30.0),
    }


def pieces(bars: Bars) -> Iterator[Bars]:
    """The bars between long gaps: a history of half a year ago is none."""
    cuts = [0, *(np.flatnonzero(np.diff(bars.start) > GAP) + 1).tolist(), len(bars)]
    for begin, end in pairwise(cuts):
        rows = np.arange(len(bars))
        yield bars.take((rows >= begin) & (rows < end))


def slippage(source: Source) -> pd.DataFrame:
    """Slippage against interval VWAP in bps, a row for each order (buys), a column for each algorithm; indexed by session."""
    tables = []
    chosen = algorithms(source.days)
    for bars in pieces(Bars.from_parquet(DATA / f"{source.file}.parquet", label="start")):
        orders = ParentOrders.grid(bars, calendar=source.calendar, sides=("BUY",), size="1%adv", profile_days=source.days)
        if not len(orders):
            continue
        rows = SlippageStudy(bars, orders, list(chosen.values()), FillModel(price="vwap")).run(fills=False).parents
        wide = rows.assign(done=rows["filled"] / rows["quantity"]).pivot(index="session", columns="algorithm")
        wide = wide[wide["done"].min(axis=1) >= LEAST]
        tables.append(wide["slippage_vwap_bps"][[str(one) for one in chosen.values()]].set_axis(list(chosen), axis=1))
    return pd.concat(tables)


def drawn(values: np.ndarray, days: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviations and mean absolute values of the columns of `values`, in `DRAWS` bootstrap samples of whole days."""
    _, day = np.unique(days, return_inverse=True)
    count = len(np.unique(day))
    parts = np.column_stack([np.ones(len(values)), values, values**2, np.abs(values)])
    sums = np.zeros((count, parts.shape[1]))
    np.add.at(sums, day, parts)
    total = rng.multinomial(count, np.full(count, 1 / count), size=DRAWS) @ sums
    means = total[:, 1:] / total[:, :1]
    first, second, absolute = np.split(means, 3, axis=1)
    return np.sqrt(np.maximum(second - first**2, 0)), absolute


def interval(draws: np.ndarray) -> list[float]:
    return [round(float(q), 3) for q in np.percentile(draws, [2.5, 97.5])]


def figures(table: pd.DataFrame) -> dict[str, Any]:
    """Tracking error of each algorithm, bps, and beside static VWAP's on the same orders, with 95 % bootstrap intervals over days."""
    values, names = table.to_numpy(np.float64), list(table.columns)
    sd, mean = drawn(values, table.index.to_numpy(), np.random.default_rng(0))
    usual = names.index("vwap")
    found: dict[str, Any] = {"orders": len(table), "days": int(table.index.nunique())}
    for i, name in enumerate(names):
        found[name] = {
            "sd_bps": round(float(values[:, i].std()), 3),
            "sd_interval": interval(sd[:, i]),
            "mean_abs_bps": round(float(np.abs(values[:, i]).mean()), 3),
            "sd_over_vwap": round(float(values[:, i].std() / values[:, usual].std()), 3),
            "sd_over_vwap_interval": interval(sd[:, i] / sd[:, usual]),
            "mean_abs_over_vwap": round(float(np.abs(values[:, i]).mean() / np.abs(values[:, usual]).mean()), 3),
            "mean_abs_over_vwap_interval": interval(mean[:, i] / mean[:, usual]),
        }
    return found


def pooled(tables: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """The same over several symbols, each in units of its own static VWAP's tracking error, so that none rules the others."""
    scaled = pd.concat([(table - table.mean()) / table["vwap"].std(ddof=0) for table in tables])
    return figures(scaled)


def cost() -> dict[str, Any]:
    """Milliseconds of a fit of 20 sessions, and of one whole curve of 390 slices, which a study makes of each order."""
    bars = Bars.from_parquet(DATA / "us_polygon_2024" / "SPY.parquet", label="start")
    hours = sessions_of(bars, "XNYS")
    volumes, algorithm = SessionVolumes.of(bars, "SPY", hours), DynamicVWAP()
    fits, curves = [], []
    for session in np.flatnonzero(volumes.has_data)[20:]:
        today = volumes.volumes[session, : volumes.slots[session]]
        history = [stretched(one, len(today)) for one in volumes.before(int(session), 20)]
        begin = perf_counter()
        SessionForecast.of(history, 15)
        fitted = perf_counter()
        outlook = algorithm.outlook(history, 0, len(today), bars.step)
        made = perf_counter()
        for k in range(len(today)):
            outlook.scheduled(k, today[:k])
        fits.append(fitted - begin)
        curves.append(perf_counter() - made)
    ms = {"fit": np.array(fits[1:]) * 1e3, "curve_of_390_slices": np.array(curves[1:]) * 1e3}
    return {name: {"median_ms": round(float(np.median(one)), 1), "most_ms": round(float(one.max()), 1)} for name, one in ms.items()}


def main() -> None:
    tables = {source: slippage(source) for source in SOURCES}
    groups = {group: [table for source, table in tables.items() if source.group == group] for group in ("liquid", "thin", "other")}
    keep(
        "vwap_tracking",
        {
            "work": "orders of a whole session, 1 % of the average volume, filled at each bar's VWAP without cap or cost; tracking error "
            "is the standard deviation of slippage against interval VWAP; intervals are 95 %, from a bootstrap of whole days",
            "history_days": {source.file: source.days for source in SOURCES},
            "by_symbol": {source.file: figures(table) for source, table in tables.items()},
            "pooled_in_units_of_each_symbols_vwap": {
                "all": pooled(list(tables.values())),
                **{group: pooled(members) for group, members in groups.items()},
            },
            "cost": cost(),
        },
    )


if __name__ == "__main__":
    main()
