"""Our fills as other tools take them: cash and positions recomputed from the frames are those of the run."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markets import fill_models, market
from small_markets import ZONE, minute_bars, once

from exec_algos import BacktestEngine, Commission, Fill, FillModel, OrderEvent, Strategy, TWAPExecutor
from exec_algos.errors import UsageError
from exec_algos.reports.trades import orders_frames, transactions

CASH = 1e6


def fill(clock, quantity, price, commission=0.0, side="BUY", symbol="X"):
    return Fill(f"2024-01-02 {clock}", symbol, quantity, price, commission, side, zone=ZONE)


def closes(*clocks, symbols=("X",)):
    index = pd.DatetimeIndex([f"2024-01-02 {clock}" for clock in clocks], tz=ZONE)
    return pd.DataFrame(10.0, index=index, columns=list(symbols))


class Trader(Strategy):
    """Buys and sells both symbols now and then."""

    def on_bar(self, event):
        hour = self.data_handler.timestamp.hour
        size = {"A": 90, "B": 60}[event.symbol]
        if event.time % 7_200_000_000_000 == 0:
            self.event_queue.put(OrderEvent(symbol=event.symbol, side="SELL" if hour > 12 else "BUY", quantity=size))

    async def on_order(self, order):
        await TWAPExecutor(self.broker).execute(order.symbol, order.quantity, 60, side=order.side)


def traded(seed, model):
    return BacktestEngine(market(seed, silent=0.0), [Trader], initial_cash=CASH, calendar="XNYS", fill_model=model).run()


def close_of(bars):
    close = bars.to_frame()["close"].unstack("symbol").ffill()
    close.index += pd.Timedelta(bars.step)
    return close


def test_transactions_are_signed_and_in_time_order_in_utc():
    frame = transactions([fill("09:33", 30, 11.0, 0.5, "SELL"), fill("09:31", 50, 10.0, 1.0)])
    assert frame.index.tolist() == [pd.Timestamp("2024-01-02 14:31Z"), pd.Timestamp("2024-01-02 14:33Z")]
    assert str(frame.index.tz) == "UTC"
    assert frame.to_dict("list") == {
        "amount": [50.0, -30.0],
        "price": [10.0, 11.0],
        "symbol": ["X", "X"],
        "txn_dollars": [-500.0, 330.0],
        "commission": [1.0, 0.5],
    }


def test_trades_of_one_instant_keep_their_order():
    frame = transactions([fill("09:31", n, 10.0) for n in (3, 1, 2)])
    assert frame["amount"].tolist() == [3, 1, 2]


def test_the_fill_of_a_whole_child_counts_by_its_trades_and_none_by_nothing():
    parts = fill("09:31", 10, 10.0, 1.0), fill("09:32", 30, 12.0, 2.0)
    whole = Fill._make((parts[1].time, "X", 40, 11.5, 3.0, parts[0].side, 0, ZONE, parts))
    nothing = fill("09:33", 0, np.nan)
    pd.testing.assert_frame_equal(transactions([whole, nothing]), transactions(parts))


def test_no_fills_make_an_empty_frame_of_the_same_kind():
    frame = transactions([])
    full = transactions([fill("09:31", 1, 10.0)])
    assert frame.empty
    assert (list(frame.columns), frame.index.dtype) == (list(full.columns), full.index.dtype)
    orders = orders_frames([], closes("09:31", "09:32"))
    assert orders.size.isna().all(axis=None)
    assert (orders.fixed_fees == 0).all(axis=None)


def test_a_frame_of_fills_says_the_same_as_the_fills():
    fills = [fill("09:31", 50, 10.0, 1.0), fill("09:33", 30, 11.0, 0.5, "SELL", "Y")]
    rows = [(one.timestamp, one.ticker, one.side.name, one.quantity, one.fill_price, one.commission) for one in fills]
    frame = pd.DataFrame(rows, columns=["timestamp", "symbol", "side", "quantity", "price", "commission"])
    pd.testing.assert_frame_equal(transactions(frame), transactions(fills))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns=["side", "price"]), "lacks side, price"),
        (lambda frame: frame.assign(timestamp=frame["timestamp"].dt.tz_localize(None)), "no zone"),
        (lambda frame: frame.assign(side=1), "'BUY' or 'SELL', got 1"),
    ],
)
def test_a_frame_that_is_none_of_ours_is_refused(change, message):
    frame = BacktestEngine(minute_bars([10, 11, 12]), [once()]).run().fills
    with pytest.raises(UsageError, match=message):
        transactions(change(frame))


def test_the_trades_of_a_bar_become_one_order_at_their_mean_price():
    fills = [fill("09:31", 10, 10.0, 1.0), fill("09:31:30", 30, 12.0, 2.0), fill("09:32", 5, 20.0, 0.5, "SELL"), fill("09:33", 7, 9.0)]
    size, price, fees = orders_frames(fills, closes("09:31", "09:32", "09:33", "09:34"))
    np.testing.assert_array_equal(size["X"], [10, 25, 7, np.nan])
    np.testing.assert_array_equal(price["X"], [10, (30 * 12 - 5 * 20) / 25, 9, np.nan])
    np.testing.assert_array_equal(fees["X"], [1.0, 2.5, 0, 0])


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1), model=fill_models)
@pytest.mark.slow
def test_cash_and_positions_of_the_orders_are_the_accounts(seed, model):
    result = traded(seed, model)
    close = close_of(market(seed, silent=0.0))
    size, price, fees = orders_frames(result.fills, close)
    cash = CASH - ((size * price).fillna(0.0) + fees).sum(axis=1).cumsum()
    held = size.fillna(0.0).cumsum()
    if model.price != "open":  # an opening trade of the next bar has the instant of this one's end
        np.testing.assert_allclose(cash.reindex(result.equity.index), result.equity["cash"], rtol=1e-12)
        np.testing.assert_allclose((held * close).sum(axis=1).reindex(result.equity.index), result.equity["value"], rtol=1e-9, atol=1e-6)
    assert cash.iloc[-1] == pytest.approx(result.equity["cash"].iloc[-1], rel=1e-12)
    assert fees.sum(axis=None) == pytest.approx(result.fills["commission"].sum())
    money = transactions(result.fills)
    assert CASH + money["txn_dollars"].sum() - money["commission"].sum() == pytest.approx(cash.iloc[-1], rel=1e-12)
    assert money.groupby("symbol")["amount"].sum().to_dict() == held.iloc[-1][sorted(set(money["symbol"]))].to_dict()


@pytest.mark.parametrize(
    ("fills", "close", "message"),
    [
        ([fill("09:31", 1, 10.0, symbol="Y")], closes("09:31"), "no column for Y"),
        ([fill("09:32", 1, 10.0)], closes("09:31"), "after the last row"),
        ([fill("09:31", 1, 10.0)], closes("09:31").tz_localize(None), "tz-aware ends"),
        ([fill("09:31", 1, 10.0)], closes("09:32", "09:31"), "in time order"),
        ([fill("09:31", 5, 10.0), fill("09:31", 5, 11.0, side="SELL")], closes("09:31"), "bought and sold in the bar"),
        (
            [fill("09:31", 0.3, 10.0), fill("09:31", 0.1, 9.0, side="SELL"), fill("09:31", 0.2, 9.0, side="SELL")],
            closes("09:31"),
            "shorter bars",
        ),
        ([fill("09:31", 5, 10.0), fill("09:31", 4, 20.0, side="SELL")], closes("09:31"), "positive price"),
    ],
)
def test_what_no_order_by_bar_can_say_is_refused(fills, close, message):
    with pytest.raises(UsageError, match=message):
        orders_frames(fills, close)


def test_vectorbt_ends_with_our_cash_and_our_fees():
    import vectorbt

    result = traded(3, FillModel(price="vwap", commission=Commission(rate=0.0001, minimum=1.0)))
    close = close_of(market(3, silent=0.0))
    account = vectorbt.Portfolio.from_orders(
        close, **orders_frames(result.fills, close)._asdict(), init_cash=CASH, cash_sharing=True, freq="30min"
    )
    assert account.final_value() == pytest.approx(result.equity["equity"].iloc[-1], rel=1e-12)
    assert account.orders.fees.sum() == pytest.approx(result.fills["commission"].sum(), rel=1e-12)


@pytest.mark.filterwarnings("ignore:Module .zipline:UserWarning")  # pyfolio's own, when it is imported
def test_pyfolio_counts_our_turnover():
    from pyfolio import txn

    result = traded(3, FillModel(price="vwap"))
    volume = txn.get_txn_vol(transactions(result.fills))
    money = (result.fills["quantity"] * result.fills["price"]).groupby(result.fills["timestamp"].dt.tz_convert("UTC").dt.normalize()).sum()
    np.testing.assert_allclose(volume["txn_volume"], money)
