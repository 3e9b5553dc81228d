"""Every example of the specification that stands on TWAP, VWAP and the simulated broker, as it is written there."""

# ruff: noqa: RET503, RET504 - the examples stand as they are written

import asyncio
import itertools
import logging
import re
import subprocess
import sys
from datetime import datetime
from types import SimpleNamespace

import pandas as pd
import pytest
from small_markets import MINUTE, at, minute_bars

from exec_algos import (
    BacktestEngine,
    BrokerAPI,
    Fill,
    FillModel,
    OrderEvent,
    OrderExecutor,
    SimulatedBroker,
    Strategy,
    TWAPExecutor,
    VWAPExecutor,
    execute_twap,
    execute_vwap,
    get_settings,
)

QUICK_START = """
import asyncio
from exec_algos import TWAPExecutor, VWAPExecutor, SimulatedBroker

async def main():
    # Create broker
    broker = SimulatedBroker(commission_rate=0.00015)

    # Create executor
    executor = TWAPExecutor(broker)

    # Execute order
    fills = await executor.execute(
        ticker="AAPL",
        total_quantity=100,
        duration_minutes=10,
        slice_interval_seconds=30
    )

    # Get summary
    summary = executor.get_execution_summary()
    print(f"Avg fill price: ${summary['avg_fill_price']:.2f}")
    print(f"Total commission: ${summary['total_commission']:.2f}")
    print(f"Number of slices: {summary['num_slices']}")

asyncio.run(main())
"""


def test_twap_makes_30_orders_of_about_3_33_shares():
    async def example():
        fills = await execute_twap(
            ticker="AAPL",
            total_quantity=100,  # Buy 100 shares
            duration_minutes=30,  # Over 30 minutes
            slice_interval_seconds=60,  # Every 60 seconds
        )
        return fills

    fills = asyncio.run(example())
    assert [fill.quantity for fill in fills] == [3, 4, 3] * 10
    assert {later.time - earlier.time for earlier, later in itertools.pairwise(fills)} == {MINUTE}


def test_vwap_trades_more_at_open_and_close_and_less_at_midday():
    async def example():
        fills = await execute_vwap(
            ticker="AAPL",
            total_quantity=500,  # Buy 500 shares
            start_time_str="09:00",  # Market open
            end_time_str="15:30",  # Market close
            volume_profile_days=5,  # Use 5-day avg volume
        )
        return fills

    fills = asyncio.run(example())
    shares = pd.Series([fill.quantity for fill in fills], index=[fill.timestamp for fill in fills])
    assert shares.sum() == 500
    midday = shares.between_time("11:45", "12:14").sum()
    assert shares.between_time("09:00", "09:29").sum() > 1.5 * midday
    assert shares.between_time("15:00", "15:29").sum() > 1.5 * midday


def test_quick_start_prints_price_commission_and_slices(capsys):
    exec(compile(QUICK_START, "quick start", "exec"), {"__name__": "__main__"})
    price, commission, slices = capsys.readouterr().out.splitlines()
    average = float(re.fullmatch(r"Avg fill price: \$(\d+\.\d\d)", price).group(1))
    assert commission == f"Total commission: ${100 * average * 0.00015:.2f}"
    assert slices == "Number of slices: 10"  # twenty half minutes on one-minute bars are ten slices


def test_class_hierarchy():
    assert issubclass(TWAPExecutor, OrderExecutor)
    assert issubclass(VWAPExecutor, OrderExecutor)
    assert issubclass(SimulatedBroker, BrokerAPI)
    with pytest.raises(TypeError, match="abstract"):
        OrderExecutor(None)
    with pytest.raises(TypeError, match="abstract"):
        BrokerAPI()


def test_integration_with_a_trading_agent():
    class TradingAgent:
        async def analyze(self, ticker):
            return SimpleNamespace(action="BUY", position_size=0.3)

    def calculate_quantity(position_size):
        return int(position_size * 1000)

    async def execute_ai_decision(ticker: str):
        # 1. Get AI decision
        agent = TradingAgent()
        decision = await agent.analyze(ticker)

        if decision.action == "BUY":
            # 2. Calculate quantity based on position_size
            quantity = calculate_quantity(decision.position_size)

            # 3. Execute using TWAP
            fills = await execute_twap(
                ticker=ticker,
                total_quantity=quantity,
                duration_minutes=30,
            )

            return fills

    assert [fill.quantity for fill in asyncio.run(execute_ai_decision("AAPL"))] == [10] * 30


class TWAPStrategy(Strategy):
    def __init__(self, event_queue, data_handler):
        super().__init__(event_queue, data_handler)
        self.executor = TWAPExecutor(SimulatedBroker())

    async def on_order(self, order: OrderEvent):
        # Execute order using TWAP instead of market order
        fills = await self.executor.execute(
            ticker=order.symbol,
            total_quantity=order.quantity,
            duration_minutes=5,
        )
        assert len(fills) == 5


def test_integration_with_the_backtest_engine():
    class MyStrategy(TWAPStrategy):
        def on_bar(self, event):
            if self.data_handler.now == at("09:32"):
                self.event_queue.put(OrderEvent(symbol="AAPL", side="BUY", quantity=100))

    bars = minute_bars([100, 101, 102, 103, 104, 105, 106, 107, 108, 109], symbol="AAPL")
    result = BacktestEngine(bars, strategies=[MyStrategy], initial_cash=1_000_000, fill_model=FillModel()).run()
    assert result.fills["price"].tolist() == [102, 103, 104, 105, 106]
    assert result.fills["quantity"].tolist() == [20] * 5
    assert result.parents["average_price"].tolist() == [104]
    assert result.equity["equity"].iloc[-1] == 1_000_000 + 100 * (109 - 104)


def test_commission_rate_comes_from_the_settings_or_the_broker():
    settings = get_settings()
    assert (settings.trading_start_time, settings.trading_end_time) == ("09:00", "15:30")
    assert settings.commission_rate == 0.00015
    broker = SimulatedBroker(
        commission_rate=0.00015  # 0.015% (KRX standard)
    )
    fill = asyncio.run(broker.place_order("AAPL", 100))
    assert fill.commission == pytest.approx(100 * fill.fill_price * 0.00015)


def test_vwap_respects_the_market_hours_of_the_settings():
    fills = asyncio.run(execute_vwap("AAPL", 10_000))
    assert f"{fills[0].timestamp:%H:%M}" == "09:00"
    assert f"{fills[-1].timestamp:%H:%M}" == "15:29"
    assert str(fills[0].timestamp.tz) == "Asia/Seoul"


@pytest.mark.slow
def test_demo_prints_start_plan_slices_and_completion():
    done = subprocess.run([sys.executable, "-m", "exec_algos.executors"], capture_output=True, text=True, check=True)
    lines = (done.stdout + done.stderr).splitlines()
    slices = [rf"\[TWAP\] Slice {k}/5: 20 @ \$\d+\.\d\d" for k in range(1, 6)]
    expected = [
        r"\[TWAP\] Starting: AAPL 100 shares over 5min",
        r"\[TWAP\] Plan: 5 slices, avg 20\.00 per slice",
        *slices,
        r"\[TWAP\] Completed: 100 @ avg \$\d+\.\d\d",
    ]
    assert [bool(re.fullmatch(pattern, line)) for pattern, line in zip(expected, lines, strict=False)] == [True] * 8


def test_the_demo_works_a_vwap_too(caplog):
    from exec_algos.executors.__main__ import main

    with caplog.at_level(logging.INFO, logger="exec_algos"):
        asyncio.run(main())
    assert re.fullmatch(r"\[VWAP\] Completed: 500 @ avg \$\d+\.\d\d", caplog.messages[-1])


def test_the_demo_lines_are_log_records_and_the_library_installs_no_handler(caplog):
    broker = SimulatedBroker(minute_bars([100, 101]))
    with caplog.at_level(logging.INFO, logger="exec_algos"):
        asyncio.run(TWAPExecutor(broker).execute("X", 10, duration_minutes=2))
    assert [record.getMessage() for record in caplog.records] == [
        "[TWAP] Starting: X 10 shares over 2min",
        "[TWAP] Plan: 2 slices, avg 5.00 per slice",
        "[TWAP] Slice 1/2: 5 @ $100.00",
        "[TWAP] Slice 2/2: 5 @ $101.00",
        "[TWAP] Completed: 10 @ avg $100.50",
    ]
    assert all(record.name.startswith("exec_algos.") for record in caplog.records)
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "exec_algos"]
    assert [name for name in names if logging.getLogger(name).handlers] == []


def test_twap_slicing():
    async def test_twap_slicing():
        executor = TWAPExecutor(SimulatedBroker())
        fills = await executor.execute(
            ticker="TEST",
            total_quantity=100,
            duration_minutes=5,
            slice_interval_seconds=1,  # Fast for testing
        )

        assert len(fills) == 5
        assert sum(f.quantity for f in fills) == 100
        assert [f.quantity for f in fills] == [20] * 5

    asyncio.run(test_twap_slicing())


def executed_summary():
    executor = TWAPExecutor(SimulatedBroker(minute_bars([100.09, 99.95, 100.0, 100.05, 100.06]), commission_rate=0.00015))
    asyncio.run(executor.execute("X", 100, duration_minutes=5))
    return executor.get_execution_summary()


def test_execution_summary_has_the_published_keys_and_values():
    summary = executed_summary()
    assert summary["total_quantity"] == 100
    assert summary["avg_fill_price"] == pytest.approx(100.03)
    assert summary["total_commission"] == pytest.approx(1.50, abs=0.001)
    assert summary["num_slices"] == 5
    assert len(summary["fills"]) == 5
    first = summary["fills"][0]
    assert (first["quantity"], first["fill_price"]) == (20, 100.09)
    assert datetime.fromisoformat(first["timestamp"]).strftime("%Y-%m-%dT%H:%M:%S") == "2024-01-02T09:30:00"


def test_execution_summary_also_says_what_was_ordered_left_and_went_wrong():
    summary = executed_summary()
    assert (summary["ticker"], summary["side"], summary["ordered_quantity"], summary["residual"], summary["errors"]) == (
        "X",
        "BUY",
        100,
        0,
        [],
    )


def test_slippage_formula():
    summary = executed_summary()
    benchmark_price = 100.00  # VWAP of the period
    execution_price = summary["avg_fill_price"]
    slippage_bps = ((execution_price - benchmark_price) / benchmark_price) * 10000
    assert f"Slippage: {slippage_bps:.1f} bps" == "Slippage: 3.0 bps"


def test_a_fill_is_built_as_the_kis_example_builds_it():
    response = {"filled_qty": 10, "avg_price": 71_500, "commission": 107.25}
    fill = Fill(
        timestamp=datetime.now(),
        ticker="005930",
        quantity=response["filled_qty"],
        fill_price=response["avg_price"],
        commission=response["commission"],
    )
    assert (fill.ticker, fill.quantity, fill.fill_price, fill.commission, fill.side.name) == ("005930", 10, 71_500, 107.25, "BUY")


class LiquidityAwareExecutor(OrderExecutor):
    """Adjust slice size based on real-time market depth."""

    async def execute(self, ticker, total_quantity):
        remaining_quantity, fills = total_quantity, []
        while remaining_quantity > 0:
            # Get current order book
            depth = await self.broker.get_market_depth(ticker)

            # Calculate safe slice size (e.g., 10% of bid/ask volume)
            safe_size = min(depth["bid_volume"] * 0.10, depth["ask_volume"] * 0.10)

            slice_qty = min(safe_size, remaining_quantity)

            # Execute slice
            fill = await self.broker.place_order(ticker, slice_qty)
            fills.append(fill)
            remaining_quantity -= fill.quantity
        return fills


def test_the_liquidity_aware_example_takes_a_tenth_of_the_visible_size():
    broker = SimulatedBroker(minute_bars([10] * 6, volume=1000, quote_proxy="close"), start=at("09:31"))
    fills = asyncio.run(LiquidityAwareExecutor(broker).execute("X", 120))
    assert [fill.quantity for fill in fills] == [50, 50, 20]
