"""The full analysis of a study and of a backtest, from their frames."""

import numpy as np
import pytest
from small_markets import DAYS, MINUTE, at, minute_bars, once

from exec_algos import BacktestEngine, Bars, Commission, FillModel, ParentOrders, SlippageStudy, TWAPExecutor
from exec_algos.costs import FixedSpread
from exec_algos.market.calendars import sessions
from exec_algos.stats.statistics import clustered_mean
from exec_algos.tca.frames import benchmark_columns, parent_shortfall, slippage_table, view_of
from exec_algos.tca.trades import Trades

HOURS = sessions("XNYS", at("09:30"), at(f"{DAYS[-1]} 16:00"))
BARS = minute_bars([100] * 5, [100, 102, 104, 106], volume=1000)


def backtest(quantity=100, side="BUY", minutes=2, **model):
    async def work(strategy, order):
        await TWAPExecutor(strategy.broker).execute("X", order.quantity, minutes, side=order.side)

    return BacktestEngine(BARS, [once(side=side, quantity=quantity, after=6, work=work)], fill_model=FillModel(**model)).run()


# The order is sent at 09:31 on the second day, when 100 is known; 50 fill at 102 and 50 at 104, and the day closes at 106
def analysed(result, **options):
    view = view_of(result.parents, BARS, HOURS)
    trades = Trades.of(result.fills, result.parents, BARS)
    return slippage_table(result.parents, view, benchmark_columns(view, result.parents, trades, tape="replay", stamped="start", **options))


def test_every_benchmark_of_a_backtest_on_paper():
    one = analysed(backtest(), rates=(0.1, 0.05), decided=np.array([at("09:33")])).iloc[0]
    expected = dict.fromkeys(("decision", "arrival", "session_open", "previous_close"), 100.0)
    expected |= dict.fromkeys(("interval_vwap", "vwap_without_own", "session_vwap", "interval_twap", "pwp_0.05"), 103.0)
    expected |= {"session_close": 106.0, "pwp_0.1": 102.0}
    for name, price in expected.items():
        assert one[name] == pytest.approx(price), name
        assert one[f"{name}_bps"] == pytest.approx((103 / price - 1) * 1e4), name
        assert one[f"{name}_reason"] == one[f"{name}_bps_reason"] == ""
    assert one["worse_volume"] == 0.5


def test_the_rates_the_decision_and_the_tape_are_chosen():
    result = backtest()
    plain = analysed(result)
    assert "decision" not in plain
    assert [name for name in plain if name.startswith("pwp") and not name.endswith(("bps", "reason"))] == ["pwp_0.1"]
    view, trades = view_of(result.parents, BARS, HOURS), Trades.of(result.fills, result.parents, BARS)
    live = benchmark_columns(view, result.parents, trades, tape="live", stamped="start")["vwap_without_own"]
    assert live.values[0] == pytest.approx((2000 * 103 - 50 * 102 - 50 * 104) / 1900)


def test_own_prints_outside_the_window_stay_in_the_vwap():
    result = backtest()
    view, trades = view_of(result.parents, BARS, HOURS), Trades.of(result.fills, result.parents, BARS)
    before = trades._replace(time=trades.time - 2 * MINUTE, price=trades.price - 1)
    assert benchmark_columns(view, result.parents, before, tape="live", stamped="start")["vwap_without_own"].values[0] == 103.0


def test_the_shortfall_of_a_backtest_on_paper():
    result = backtest(quantity=100, commission=Commission(per_share=0.05))
    found = parent_shortfall(result.parents, result.fills, view_of(result.parents, BARS, HOURS))
    expected = {"delay": 0.0, "trading": 300.0, "opportunity": 0.0, "fees": 5.0, "total": 305.0}
    assert {name: getattr(found, name).values[0] for name in expected} == pytest.approx(expected)
    assert found.mark == "session_close"


def test_a_residual_is_marked_as_asked_and_a_decision_before_the_arrival_is_delay():
    result = backtest(quantity=1000, max_participation=0.1)
    view = view_of(result.parents, BARS, HOURS)
    assert result.parents["residual"].iloc[0] == 800
    at_close, at_end = (parent_shortfall(result.parents, result.fills, view, mark=mark) for mark in ("session_close", "window_end"))
    assert (at_close.opportunity.values[0], at_end.opportunity.values[0]) == (800 * 6.0, 800 * 4.0)
    early = parent_shortfall(result.parents, result.fills, view, decided=np.array([at("09:31")]))
    assert early.delay.values[0] == 0.0  # yesterday closed at 100 as well
    late = parent_shortfall(result.parents, result.fills, view, decided=np.array([at(f"{DAYS[1]} 09:32")]))
    assert late.delay.values[0] == pytest.approx(1000 * (100.0 - 102.0))


def test_fills_that_tell_what_their_price_is_made_of_have_their_trading_split():
    result = backtest()
    costs = result.fills.assign(rule_price=result.fills["price"] - 0.3, spread=0.1, impact=0.2)
    found = parent_shortfall(result.parents, costs, view_of(result.parents, BARS, HOURS))
    assert [getattr(found, name).values[0] for name in ("spread", "impact", "timing")] == pytest.approx([10.0, 20.0, 270.0])


@pytest.mark.slow
def test_the_analysis_of_a_study_has_no_silent_nan_and_agrees_with_its_own_table():
    bars = minute_bars(*[[100 + (i * 7 % 13) / 10 if i % 5 else None for i in range(390)] for _ in range(3)])
    model = FillModel(spread=FixedSpread(10), commission=Commission(rate=0.001), max_participation=0.05)
    result = SlippageStudy(
        bars,
        ParentOrders.grid(bars, size="900", window="10:00-10:20", calendar="XNYS", profile_days=1, sides=("BUY", "SELL")),
        ["twap"],
        model,
    ).run()
    view = view_of(result.parents, bars, HOURS)
    trades = Trades.of(result.fills, result.parents, bars)
    table = slippage_table(result.parents, view, benchmark_columns(view, result.parents, trades, tape="replay", stamped="start"))
    for name in (name for name in table if not name.endswith("_reason")):
        assert ((table[f"{name}_reason"] == "") == table[name].notna()).all()
    for ours, theirs in (("interval_vwap", "vwap"), ("arrival", "arrival"), ("session_vwap", "session_vwap"), ("interval_twap", "twap")):
        np.testing.assert_allclose(table[f"{ours}_bps"], result.parents[f"slippage_{theirs}_bps"], rtol=1e-9, atol=1e-9)
    found = parent_shortfall(result.parents, result.fills, view)
    assert found.total.known.all()
    summary = found.summary(result.parents["session"].to_numpy())
    assert summary.loc["total", "order_weighted"] == pytest.approx(
        clustered_mean(found.bps()["total"].values, result.parents["session"].to_numpy()).mean
    )


@pytest.mark.market_data
@pytest.mark.slow
@pytest.mark.parametrize("file", ["us_alphavantage_2019_02/UGA", "us_yahoo_2026_03/BILI", "us_illiquid_etf_2y/DBB"])
def test_the_analysis_of_real_bars_has_a_number_or_a_reason_everywhere_and_sums(market_data, file):
    bars = Bars.read(market_data / f"{file}.parquet")
    orders = ParentOrders.grid(bars, size="20%adv", window="09:45-10:30", calendar="XNYS", profile_days=1, sides=("BUY", "SELL"))
    result = SlippageStudy(bars, orders, ["twap"], FillModel(max_participation=0.1, commission=Commission(per_share=0.01))).run()
    hours = sessions("XNYS", int(bars.start.min()), int(bars.start.max()))
    view = view_of(result.parents, result.bars, hours)
    trades = Trades.of(result.fills, result.parents, result.bars)
    table = slippage_table(result.parents, view, benchmark_columns(view, result.parents, trades, tape="replay", stamped="start"))
    for name in (name for name in table if not name.endswith("_reason")):
        assert ((table[f"{name}_reason"] == "") == table[name].notna()).all()
    found = parent_shortfall(result.parents, result.fills, view)
    parts = sum(getattr(found, name).values for name in ("delay", "trading", "opportunity", "fees"))
    known = found.total.known & ~np.isnan(parts)
    assert known.any()
    np.testing.assert_allclose(parts[known], found.total.values[known], rtol=1e-9, atol=1e-9 * found.paper.values[known].max())
    side = np.where(result.parents["side"] == "BUY", 1, -1)
    money = side * (
        result.parents["filled"] * result.parents["average_price"].fillna(0) - result.parents["quantity"] * result.parents["arrival_price"]
    )
    cash = money + side * result.parents["residual"] * table["session_close"] + result.parents["commission"]
    np.testing.assert_allclose(found.total.values[known], cash[known], rtol=1e-9, atol=1e-9 * found.paper.values[known].max())
