import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_markets import minute_bars, once

from exec_algos import BacktestEngine, Commission, Fill, FillModel, OrderEvent, Strategy
from exec_algos.backtest import Portfolio


def account(*trades, cash=10_000.0, **marks):
    """A portfolio after trades (signed shares, price), one currency unit of fee each; `marks` are last prices."""
    fills = [Fill(0, "X", abs(shares), price, 1.0, "BUY" if shares > 0 else "SELL") for shares, price in trades]
    return Portfolio(cash, fills, lambda symbol: marks.get(symbol, 0.0))


def test_buying_moves_money_into_shares():
    one = account((100, 10.0), X=12.0)
    assert (one.cash, one.fees, one.value()) == (8_999, 1, 1_200)
    assert (one.positions["X"].shares, one.positions["X"].cost) == (100, 10)
    assert (one.realised(), one.unrealised()) == (0, 200)


def test_cost_is_the_average_price_paid():
    assert account((100, 10.0), (300, 14.0)).positions["X"].cost == 13


def test_selling_a_part_realises_profit_on_that_part():
    one = account((100, 10.0), (-40, 15.0), X=16.0)
    assert (one.realised(), one.unrealised()) == (200, 360)
    assert (one.positions["X"].shares, one.positions["X"].cost) == (60, 10)


def test_a_short_position_gains_when_the_price_falls():
    one = account((-100, 10.0), X=8.0)
    assert (one.cash, one.value(), one.unrealised()) == (10_999, -800, 200)


def test_covering_a_short_realises_its_profit():
    one = account((-100, 10.0), (100, 7.0), X=99.0)
    assert (one.realised(), one.unrealised(), one.value()) == (300, 0, 0)


def test_a_trade_through_zero_closes_one_side_and_opens_the_other():
    one = account((100, 10.0), (-150, 12.0), X=11.0)
    assert one.realised() == 200
    assert (one.positions["X"].shares, one.positions["X"].cost) == (-50, 12)
    assert one.unrealised() == 50


def test_an_untouched_account_is_its_cash():
    one = account()
    assert (one.cash, one.value(), one.realised(), one.unrealised(), one.fees, dict(one.positions)) == (10_000, 0, 0, 0, 0, {})


@given(st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 100)), max_size=20), st.integers(1, 100))
def test_equity_is_cash_plus_profit_minus_fees(trades, mark):
    one = account(*trades, X=mark)
    profit = one.realised() + one.unrealised()
    assert one.cash + one.value() == pytest.approx(10_000 + profit - one.fees)
    assert one.fees == len(trades)
    assert sum(held.shares for held in one.positions.values()) == sum(shares for shares, _ in trades)


class RoundTrip(Strategy):
    """Buys 10 after the first bar, sells 4 after the third."""

    closed = 0

    def on_bar(self, event):
        self.closed += 1
        if self.closed in (1, 3):
            self.event_queue.put(OrderEvent(symbol="X", side="BUY" if self.closed == 1 else "SELL", quantity=10 if self.closed == 1 else 4))


BARS = minute_bars([(100, 105, 95, 101), (102, 107, 97, 103), (104, 109, 99, 105), (106, 111, 101, 107)])
MODEL = FillModel(commission=Commission(per_share=0.5))


def test_the_equity_curve_is_the_account_at_each_close():
    equity = BacktestEngine(BARS, [RoundTrip], initial_cash=2_000, fill_model=MODEL).run().equity
    # buys 10 at 102 for 5 in the second bar, sells 4 at 106 for 2 in the fourth
    assert equity["cash"].tolist() == [2_000, 975, 975, 1_397]
    assert equity["value"].tolist() == [0, 1_030, 1_050, 642]
    assert equity["equity"].tolist() == [2_000, 2_005, 2_025, 2_039]
    assert [f"{one:%H:%M}" for one in equity.index] == ["09:31", "09:32", "09:33", "09:34"]


def test_the_account_at_the_end_splits_profit_into_realised_and_unrealised():
    portfolio = BacktestEngine(BARS, [RoundTrip], initial_cash=2_000, fill_model=MODEL).run().portfolio
    assert (portfolio.realised(), portfolio.unrealised(), portfolio.fees) == (16, 30, 7)
    assert (portfolio.cash, portfolio.value(), portfolio.positions["X"].shares) == (1_397, 642, 6)


@pytest.mark.parametrize("price", ["open", "vwap", "close", "worst"])
def test_the_equity_curve_ends_where_the_account_does_whatever_the_price_rule(price):
    result = BacktestEngine(BARS, [RoundTrip], fill_model=FillModel(price=price, commission=Commission(rate=0.001))).run()
    last = result.equity.iloc[-1]
    assert (last["cash"], last["value"]) == (pytest.approx(result.portfolio.cash), pytest.approx(result.portfolio.value()))


def test_a_minute_without_trades_keeps_the_last_price():
    equity = BacktestEngine(minute_bars([100, 101, None, 103]), [once(quantity=1)], initial_cash=0).run().equity
    assert equity["value"].tolist() == [0, 101, 103]
