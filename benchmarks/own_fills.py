"""A million fills of 20,000 orders, read, checked and analysed by ``exec-algos tca`` in a process of its own, to the saved report.

The sample bars of XNYS; each order is worked in a window of 50 bars, a fill in each at its close. What is counted is processor time, user
and system, and the largest memory of the process: of own fills alone, and with TWAP and VWAP on the same orders beside them. The yardstick
is a process in which pandas reads the two files.

python benchmarks/own_fills.py; writes benchmarks/results/own_fills.json
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from machine import keep

from exec_algos import BarStore
from exec_algos.market.samples import load_samples

ORDERS, EACH = 20_000, 50
READ = "import sys, pandas; [pandas.read_csv(file) for file in sys.argv[1:]]"


def written(folder: Path) -> tuple[Path, Path, Path]:
    """A store, a file of orders and a file of fills."""
    bars, rng = load_samples()["XNYS"], np.random.default_rng(0)
    BarStore(folder / "store").write(bars)
    symbol = np.searchsorted(bars.offsets, np.arange(len(bars)), side="right") - 1
    last = np.minimum(np.arange(len(bars)) + EACH - 1, len(bars) - 1)
    whole = (symbol[last] == symbol) & (bars.start[last] - bars.start == (EACH - 1) * bars.step)
    first = rng.choice(np.flatnonzero(whole), ORDERS)
    names, sides = np.array(bars.symbols)[symbol[first]], rng.choice(["BUY", "SELL"], ORDERS)
    quantity = 10 * rng.integers(1, 20, ORDERS)

    def stamps(instants: np.ndarray) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(instants.astype("datetime64[ns]"), tz="UTC")

    ids = np.char.add("A", np.arange(ORDERS).astype(str))
    columns = {"order_id": ids, "symbol": names, "side": sides, "quantity": quantity * EACH}
    windows = {"start": stamps(bars.start[first]), "end": stamps(bars.start[last[first]] + bars.step)}
    pd.DataFrame({**columns, **windows}).to_csv(folder / "orders.csv", index=False)
    row = (first[:, None] + np.arange(EACH)).ravel()
    fills = {"order_id": np.repeat(ids, EACH), "quantity": np.repeat(quantity, EACH), "price": bars.close[row]}
    pd.DataFrame({**fills, "time": stamps(bars.start[row] + bars.step // 2)}).to_csv(folder / "fills.csv", index=False)
    return folder / "store", folder / "orders.csv", folder / "fills.csv"


def taken(*command: str | Path) -> dict[str, float]:
    """Processor seconds and MiB of a process."""
    process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} ended with status {status}")
    return {"cpu_seconds": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss / 1024}


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        store, orders, fills = written(folder)
        tca = (
            "-c",
            "from exec_algos.cli import main; main()",
            "tca",
            fills,
            store,
            "--orders",
            orders,
            "--calendar",
            "XNYS",
            "--out",
            folder / "out",
        )
        found = {
            "orders": ORDERS, "fills": ORDERS * EACH, "yardstick": taken("-c", READ, orders, fills),
            "alone": taken(*tca, "--algo", "none"), "beside": taken(*tca, "--algo", "twap,vwap"),
        }  # fmt: skip
    keep("own_fills", found)


if __name__ == "__main__":
    main()
