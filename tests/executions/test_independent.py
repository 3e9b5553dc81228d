"""The numbers of own fills against plain pandas over the same files, which shares no code with the package, to 1e-9."""

import numpy as np
import pandas as pd
import pytest

from exec_algos.executions import OWN_FILLS, analyse
from exec_algos.market.samples import load_samples

ZONE = "America/New_York"
ORDERS = 40


@pytest.fixture(scope="module")
def market():
    bars = load_samples()["XNYS"].select(["SYNMID", "SYNGAP"])
    symbol = np.repeat(bars.symbols, np.diff(bars.offsets))
    stamps = pd.DatetimeIndex(bars.start.view("datetime64[ns]"), tz="UTC").tz_convert(ZONE)
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    return bars, pd.DataFrame({"symbol": symbol, "start": stamps, "price": bars.price(), **columns})


@pytest.fixture(scope="module")
def desk(market):
    """Orders at odd seconds and fills at prices of their bars, drawn with a seed."""
    _, table = market
    rng, orders, fills = np.random.default_rng(11), [], []
    days = sorted(set(table["start"].dt.strftime("%Y-%m-%d")))[3:20]
    for number in range(ORDERS):
        symbol, day = rng.choice(["SYNMID", "SYNGAP"]), rng.choice(days)
        start = pd.Timestamp(f"{day} 10:00", tz=ZONE) + pd.Timedelta(seconds=int(rng.integers(0, 9000)))
        end = start + pd.Timedelta(seconds=int(rng.integers(300, 5000)))
        mine = table[(table["symbol"] == symbol) & (table["start"] >= start) & (table["start"] < end - pd.Timedelta("60s"))]
        chosen = (
            mine.iloc[np.sort(rng.choice(len(mine), size=min(len(mine), int(rng.integers(1, 12))), replace=False))] if len(mine) else mine
        )
        side, shares = rng.choice(["BUY", "SELL"]), rng.integers(1, 90, len(chosen))
        cancel = end - (end - start) / 4 if number % 5 == 0 else None
        decided = start - pd.Timedelta(seconds=int(rng.integers(0, 4000)))
        for bar, quantity in zip(chosen.itertuples(), shares.tolist(), strict=True):
            time = bar.start + pd.Timedelta(microseconds=int(rng.integers(0, 60_000_000)))
            if cancel is None or time < cancel:
                price = round(bar.low + (bar.high - bar.low) * rng.random(), 6)
                price = min(max(price, bar.low), bar.high)
                fee = round(float(rng.random()), 4)
                fills.append({"order_id": number, "quantity": quantity, "price": price, "time": time, "commission": fee, "taxes": 0.25})
        ordered = int(shares.sum()) + int(rng.integers(0, 50)) + 1
        times = {"start": start, "end": end, "decision": decided, "cancel": cancel}
        orders.append({"order_id": number, "symbol": symbol, "side": side, "quantity": ordered, **times})
    return pd.DataFrame(orders), pd.DataFrame(fills)


def expected(order, mine, table):
    """Slippage, shortfall and mark-outs of an order from the bars, one by one."""
    side = 1 if order.side == "BUY" else -1
    tape = table[table["symbol"] == order.symbol]
    until = order.end if pd.isna(order.cancel) else order.cancel
    bars = tape[(tape["start"] >= order.start.floor("min")) & (tape["start"] < until.ceil("min"))]
    day = tape[tape["start"].dt.date == order.start.date()]
    shares, money = mine["quantity"].sum(), (mine["quantity"] * mine["price"]).sum()
    average = money / shares if shares else np.nan
    vwap = (bars["price"] * bars["volume"]).sum() / bars["volume"].sum()
    before = day[day["start"] + pd.Timedelta("1min") <= order.start]
    known = tape[tape["start"] + pd.Timedelta("1min") <= order.decision]
    arrival, decision, mark = before["close"].iloc[-1], known["close"].iloc[-1], day["close"].iloc[-1]
    left, fees = order.quantity - shares, (mine["commission"] + mine["taxes"]).sum()
    trading = side * (money - shares * arrival)
    return {
        "slippage_vwap_bps": side * (average - vwap) / vwap * 1e4,
        "slippage_arrival_bps": side * (average - arrival) / arrival * 1e4,
        "slippage_twap_bps": side * (average - bars["price"].mean()) / bars["price"].mean() * 1e4,
        "participation": shares / bars["volume"].sum(),
        "commission": fees,
        "delay": side * order.quantity * (arrival - decision),
        "trading": trading,
        "opportunity": side * left * (mark - arrival),
        "total": side * order.quantity * (arrival - decision) + trading + side * left * (mark - arrival) + fees,
        "vwap_without_own": ((bars["price"] * bars["volume"]).sum() - money) / (bars["volume"].sum() - shares),
    }


def test_every_order_is_what_pandas_says(market, desk, tmp_path):
    bars, table = market
    orders, fills = desk
    orders.to_csv(tmp_path / "orders.csv", index=False)
    fills.sample(frac=1, random_state=3).to_parquet(tmp_path / "fills.parquet")
    found = analyse(tmp_path / "orders.csv", tmp_path / "fills.parquet", bars, calendar="XNYS", algorithms=["twap"])
    assert not found.refused
    analysis = found.analysis()
    rows = found.parents.join(analysis.order_shortfall()[["delay", "trading", "opportunity", "total"]])
    rows = rows.join(analysis.benchmarks()["vwap_without_own"])
    rows = rows[rows["algorithm"] == OWN_FILLS].assign(number=lambda own: own["order_id"].astype(int)).set_index("number")
    assert sorted(rows.index) == list(range(ORDERS))
    compared = 0
    for order in orders.itertuples():
        wanted = expected(order, fills[fills["order_id"] == order.order_id], table)
        for name, value in wanted.items():
            mine = rows.loc[order.order_id, name]
            if name == "vwap_without_own" and np.isnan(mine):
                continue  # bars whose VWAP is a proxy may not hold our prints at our prices, which is said
            assert mine == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), (order.order_id, name)
            compared += np.isfinite(value)
    assert compared > 9 * ORDERS * 0.9


def test_mark_outs_are_what_pandas_says(market, desk):
    bars, table = market
    orders, fills = desk
    found = analyse(orders, fills, bars, calendar="XNYS", algorithms=[])
    values, days = [], dict(list(table.groupby([table["symbol"], table["start"].dt.date])))
    for fill in fills.merge(orders[["order_id", "symbol", "side"]]).itertuples():
        tape = days[fill.symbol, fill.time.date()]
        later = fill.time + pd.Timedelta("5min")
        known = tape[tape["start"] + pd.Timedelta("1min") <= later]
        if (
            len(known)
            and known["start"].iloc[-1] + pd.Timedelta("1min") >= fill.time
            and later <= tape["start"].iloc[-1] + pd.Timedelta("1min")
        ):
            side = 1 if fill.side == "BUY" else -1
            values.append((fill.side, side * (fill.price - known["close"].iloc[-1]) / fill.price * 1e4))
    marks = found.analysis().markouts().xs("5min", level="horizon").loc[OWN_FILLS]
    by_side = pd.DataFrame(values, columns=["side", "value"]).groupby("side")["value"]
    assert marks["n"].to_dict() == by_side.size().to_dict()
    for side, mean in by_side.mean().items():
        assert marks.loc[side, "mean"] == pytest.approx(mean, rel=1e-9)
