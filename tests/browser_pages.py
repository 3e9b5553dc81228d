"""The pages that the browser shows: reports of real studies, made as a user makes them."""

from pathlib import Path

import pandas as pd
from markets import DAYS, market

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.executions import analyse
from exec_algos.market.samples import load_samples
from exec_algos.reports import write_report

HANGUL = "삼성전자"
SCRIPT = "<script>window.ran=1</script>"
IMAGE = '"><img src=x onerror="window.ran=2">'
NAMES = (
    SCRIPT, IMAGE, "=cmd|' /C calc'!A0", "abc\u202edef", "${window.ran=3}", "</script><!--", "<b>bold</b>",
    "<a href='javascript:window.ran=4'>x</a>",
    "%{y}", "&lt;i&gt;", "$x^2$", HANGUL,
)  # fmt: skip
HEAD = '<img src=x onerror="window.ran=5">'  # of a column that a desk keeps


def small(folder: Path) -> Path:
    """550 orders of the sample data, each worked by two algorithms."""
    bars = load_samples()["XNYS"]
    parents = ParentOrders.grid(bars, calendar="XNYS", sides=("BUY", "SELL"), size="5%adv")
    return write_report(SlippageStudy(bars, parents, ["twap", "vwap"], FillModel(max_participation=0.1)).run(), folder)


def large(folder: Path) -> Path:
    """24,570 orders of the same bars: windows of an hour, of three sizes."""
    bars = load_samples()["XNYS"]
    windows = [f"{hour:02d}:{minute:02d}-{hour + 1:02d}:{minute:02d}" for hour in range(10, 15) for minute in (0, 20, 40)]
    grid = {"size": ["1%adv", "3%adv", "8%adv"], "window": windows, "sides": ("BUY", "SELL")}
    parents = ParentOrders.grid(bars, calendar="XNYS", **grid)
    return write_report(
        SlippageStudy(bars, parents, ["twap", "vwap"], FillModel(max_participation=0.1, price="worst")).run(fills=False), folder
    )


def hostile(folder: Path) -> Path:
    """A desk's orders whose symbols, numbers, traders and columns want to be obeyed."""
    bars = market(8, NAMES, missing=0.0, silent=0.0)
    rows = [
        {"order_id": f"{n} {name}", "symbol": name, "side": ("buy", "sell")[n % 2], "quantity": 30 + n,
         "start": f"{day} 10:00", "end": f"{day} 12:30", HEAD: name}
        for day in DAYS[2:] for n, name in enumerate(NAMES)
    ]  # fmt: skip
    frame = pd.DataFrame([{**row, "order_id": f"{n} {row['symbol']}"} for n, row in enumerate(rows)])
    orders = ParentOrders.from_frame(frame, bars, calendar="XNYS", profile_days=1, keep=[HEAD])
    return write_report(SlippageStudy(bars, orders, ["twap", "pov"]).run(), folder)


def own(folder: Path) -> Path:
    """A desk's own fills with hostile names, beside what two algorithms would have paid."""
    bars = market(8, NAMES, missing=0.0, silent=0.0)
    fills = [
        {"order_id": f"{n} {name}", "symbol": name, "side": "buy", "quantity": 10, "price": float(bars.close[row]),
         "time": pd.Timestamp(int(bars.start[row]), tz="UTC") + pd.Timedelta(minutes=1), HEAD: name}
        for n, name in enumerate(bars.symbols) for row in range(bars.rows(name).stop - 20, bars.rows(name).stop - 17)
    ]  # fmt: skip  # three fills in the session before the last
    return write_report(analyse(None, pd.DataFrame(fills), bars, calendar="XNYS", algorithms=["twap", "pov"], keep=[HEAD]), folder)
