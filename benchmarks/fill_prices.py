"""What the price rules and spread estimators pay, against what the quotes asked at that instant.

A child order that is decided at the start of a minute meets the best quote as it stands then: the closing quote of the minute before. A
simulated fill knows the bars alone. For each minute of the regular session, each price rule and each spread the error is
``side * (simulated - quoted) / mid`` in bps, quoted = ask for a buy and bid for a sale: positive is dearer than the market was. Its mean
is the bias, its sd the noise of one fill. Spreads are estimated from the minutes of each day, and their mean over the days is taken.
The data lie outside the checkout: EXEC_ALGOS_MARKET_DATA names their folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from machine import keep

from exec_algos import Bars, FillModel
from exec_algos.costs.estimators import abdi_ranaldo, corwin_schultz, roll

DATA = Path(os.environ.get("EXEC_ALGOS_MARKET_DATA", Path(__file__).resolve().parents[2] / "shared" / "market_data"))
SOURCES = {name: f"us_lean/{name}" for name in ("SPY", "BAC", "AIG", "AAPL", "GOOG", "FOXA")} | {
    "AMZN (Nasdaq book)": "depth/AMZN_lobster_1m"
}
RULES = ("open", "vwap", "close", "worst")
MINUTE = 60_000_000_000

Floats = npt.NDArray[np.float64]


def regular(file: str) -> pd.DataFrame:
    """Minutes of the regular session; what stands in a row is known at its end."""
    table: pd.DataFrame = pd.read_parquet(DATA / f"{file}.parquet").between_time("09:30", "15:59")
    return table[~((table.index.strftime("%m-%d") == "12-24") & (table.index.hour >= 13))]


def quoted_before(table: pd.DataFrame) -> tuple[Floats, Floats]:
    """Bid and ask at each minute's start, NaN where the minute before has none or they are locked or crossed."""
    before = table[["bid", "ask"]].shift(1)
    stamps = table.index.as_unit("ns").asi8
    follows = np.r_[False, np.diff(stamps) == MINUTE]
    good = follows & (before["ask"] > before["bid"]).to_numpy()
    return np.where(good, before["bid"], np.nan), np.where(good, before["ask"], np.nan)


def traded(table: pd.DataFrame, name: str) -> tuple[Bars, npt.NDArray[np.bool_]]:
    """The bars with a trade, and where they stand in the table."""
    rows = (table["volume"] > 0).to_numpy() & table[["open", "high", "low", "close"]].notna().all(axis=1).to_numpy()
    columns = table.loc[rows, ["open", "high", "low", "close", "volume"]]
    return Bars.from_frame(columns, symbol=name, label="start", step="1min"), rows


def spreads(bars: Bars) -> dict[str, float]:
    """Half the spread as each estimator has it from the bars alone, as a fraction of the price; NaN where it cannot."""
    day = (bars.start // (24 * 60 * MINUTE)).astype(np.int64)
    found: dict[str, list[float]] = {"corwin_schultz": [], "abdi_ranaldo": [], "roll": []}
    for one in np.unique(day):
        rows = day == one
        high, low, close = bars.high[rows], bars.low[rows], bars.close[rows]
        for name, estimate in (
            ("corwin_schultz", corwin_schultz(high, low, close)),
            ("abdi_ranaldo", abdi_ranaldo(high, low, close)),
            ("roll", roll(close)),
        ):
            found[name].append(estimate.value)
    return {name: float(np.nanmean(values)) / 2 if np.isfinite(values).any() else float("nan") for name, values in found.items()}


def errors(bars: Bars, bid: Floats, ask: Floats, rule: Any, half: float) -> Floats:
    """Buys and sales in bps of the mid."""
    model, mid = FillModel(price=rule), (bid + ask) / 2
    bought = model.prices(bars, 1) * (1 + half) - ask
    sold = bid - model.prices(bars, -1) * (1 - half)
    found = np.r_[bought / mid, sold / mid] * 1e4
    return found[np.isfinite(found)]


def measured(name: str, file: str) -> dict[str, Any]:
    table = regular(file)
    bars, rows = traded(table, name)
    bid, ask = (one[rows] for one in quoted_before(table))
    quoted = float(np.nanmean((ask - bid) / (ask + bid)))
    halves = {"none": 0.0, "quoted": quoted, **spreads(bars)}
    lines: dict[str, Any] = {}
    for rule in RULES:
        for spread, half in halves.items():
            found = errors(bars, bid, ask, rule, half)
            if np.isfinite(half):
                lines[f"{rule}, {spread}"] = {"bias_bps": round(float(found.mean()), 2), "sd_bps": round(float(found.std()), 2)}
    return {
        "minutes": int(np.isfinite(bid).sum()),
        "spread_bps": {spread: None if np.isnan(half) else round(half * 2e4, 2) for spread, half in halves.items()},
        "errors": lines,
    }


def pooled(results: dict[str, Any]) -> dict[str, Any]:
    """Over the symbols: mean bias, mean absolute bias, mean sd."""
    names = [f"{rule}, {spread}" for rule in RULES for spread in ("none", "quoted", "corwin_schultz", "abdi_ranaldo", "roll")]
    found: dict[str, Any] = {}
    for name in names:
        lines = [one["errors"][name] for one in results.values() if name in one["errors"]]
        bias = np.array([line["bias_bps"] for line in lines])
        noise = np.array([line["sd_bps"] for line in lines])
        found[name] = {
            "symbols": len(lines),
            "mean_bias_bps": round(float(bias.mean()), 2),
            "mean_absolute_bias_bps": round(float(np.abs(bias).mean()), 2),
            "mean_sd_bps": round(float(noise.mean()), 2),
        }
    return found


def main() -> None:
    results = {name: measured(name, file) for name, file in SOURCES.items()}
    keep("fill_prices", {"work": "one share at each minute's start, buys and sales, regular session", "pooled": pooled(results), **results})


if __name__ == "__main__":
    main()
