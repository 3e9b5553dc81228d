"""Equity without the cost of execution: that of the same run under a model that charges nothing, at every instant."""

import numpy as np
import pytest
from small_markets import minute_bars, once

from exec_algos import BacktestEngine, Commission, FillModel, Strategy
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.errors import UnknownNameError

BARS = minute_bars([100, 104, 101, 107, 103, 105])
COSTS = {"spread": FixedSpread(30), "impact": SquareRootImpact(0.01), "commission": Commission(per_share=0.01, minimum=2.0)}


def run(side="BUY", **model):
    return BacktestEngine(BARS, [once(quantity=90, side=side)], initial_cash=50_000, fill_model=FillModel(**model)).run()


@pytest.mark.parametrize("side", ["BUY", "SELL"])
@pytest.mark.parametrize("price", ["open", "vwap", "close", "worst"])
def test_at_the_rules_price_it_is_the_equity_of_a_run_that_pays_nothing(price, side):
    dear, free = run(side, price=price, **COSTS), run(side, price=price)
    assert dear.equity["equity"].iloc[-1] < free.equity["equity"].iloc[-1]
    assert dear.paper_equity().to_numpy() == pytest.approx(free.equity["equity"].to_numpy(), rel=1e-12)
    assert dear.paper_equity().index.equals(dear.equity.index)


@pytest.mark.parametrize(("side", "sign"), [("BUY", 1), ("SELL", -1)])
def test_at_the_arrival_price_the_difference_is_the_shortfall_of_what_was_filled(side, sign):
    result = run(side, **COSTS)
    (order,) = [row for _, row in result.parents.iterrows()]
    shortfall = sign * order["filled"] * (order["average_price"] - order["arrival_price"]) + order["commission"]
    paper = result.paper_equity("arrival")
    assert paper.iloc[-1] - result.equity["equity"].iloc[-1] == pytest.approx(shortfall)
    assert paper.attrs["left_out"] == 0


def test_a_fill_without_a_paper_price_stays_as_it_was_and_is_counted():
    result = run(**COSTS)
    lost = result.fills.assign(rule_price=result.fills["rule_price"].where(np.arange(len(result.fills)) > 0))
    object.__setattr__(result, "fills", lost)
    first = result.fills.iloc[0]
    paid = first["quantity"] * (first["spread"] + first["impact"]) + first["commission"]
    free = run()
    assert result.paper_equity().attrs["left_out"] == 1
    assert free.equity["equity"].iloc[-1] - result.paper_equity().iloc[-1] == pytest.approx(paid)


def test_a_run_without_fills_has_the_equity_it_had():
    result = BacktestEngine(BARS, [Strategy], initial_cash=500).run()
    assert result.paper_equity().tolist() == [500] * 6


def test_another_paper_price_is_refused():
    with pytest.raises(UnknownNameError, match="unknown paper price 'mid'"):
        run().paper_equity("mid")
