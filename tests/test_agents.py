"""Decisions, and how they are carried out."""

import asyncio
import dataclasses
import itertools
import math

import pytest
from small_markets import DRIVERS, driven, minute_bars, run, trades

from exec_algos import TWAP, VWAP, Fill, Side, SimulatedBroker, execute_twap
from exec_algos.agents import (
    Account,
    Action,
    AgentDecision,
    Mandate,
    TradingAgent,
    calculate_quantity,
    execute_decision,
)
from exec_algos.errors import UnknownNameError, UsageError

SPECIFICATION = """
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
            duration_minutes=30
        )

        return fills
"""


class Says:
    """An agent that always gives the same answer, and remembers what it was asked."""

    def __init__(self, *answer):
        self.answer, self.asked = AgentDecision(*answer), []

    async def analyze(self, ticker):
        self.asked.append(ticker)
        return self.answer


def carry_out_the_specification(decision):
    names = {
        "TradingAgent": lambda: Says(*decision),
        "calculate_quantity": lambda size: calculate_quantity(size, equity=10_000, price=100),
        "execute_twap": execute_twap,
    }
    exec(SPECIFICATION, names)
    return asyncio.run(names["execute_ai_decision"]("AAPL"))


def test_the_example_of_the_specification_buys_a_fraction_of_equity_in_thirty_children():
    fills = carry_out_the_specification(("BUY", 0.9))
    assert [fill.quantity for fill in fills] == [3] * 30
    assert {(type(fill), fill.ticker, fill.side) for fill in fills} == {(Fill, "AAPL", Side.BUY)}


@pytest.mark.parametrize("action", ["SELL", "HOLD"])
def test_the_example_of_the_specification_does_nothing_unless_told_to_buy(action):
    assert carry_out_the_specification((action, 0.9)) is None


@pytest.mark.parametrize("text", ["BUY", "buy", " Buy ", Action.BUY])
def test_an_action_is_its_name_in_any_case(text):
    decision = AgentDecision(text, 0.1)
    assert decision.action == "BUY"
    assert decision.action is Action.BUY


def test_an_unknown_action_is_refused_with_the_nearest_one():
    with pytest.raises(UnknownNameError, match="unknown action 'SEL': did you mean SELL"):
        AgentDecision("SEL", 0.1)


@pytest.mark.parametrize("action", [None, 1, Side.BUY, "", "STRONG BUY PLEASE"])
def test_what_is_no_action_is_refused(action):
    with pytest.raises(UnknownNameError):
        AgentDecision(action, 0.1)


NO_FRACTIONS = [-0.01, 1.01, 30, math.nan, math.inf, "0.3", True]


@pytest.mark.parametrize(("field", "size"), [("position_size", None), *itertools.product(("position_size", "confidence"), NO_FRACTIONS)])
def test_a_fraction_outside_zero_and_one_is_refused(field, size):
    with pytest.raises(UsageError, match=rf"{field} is a fraction in \[0, 1\]"):
        AgentDecision(**{"action": "BUY", "position_size": 0.1, field: size})


def test_a_decision_needs_a_position_size():
    with pytest.raises(TypeError, match="position_size"):
        AgentDecision("BUY")


def test_a_decision_keeps_what_it_was_told_and_does_not_change():
    decision = AgentDecision("SELL", 1, 0, "too dear")
    assert dataclasses.astuple(decision) == ("SELL", 1.0, 0.0, "too dear")
    with pytest.raises(dataclasses.FrozenInstanceError):
        decision.position_size = 0.5


def test_whatever_can_analyze_is_an_agent():
    assert isinstance(Says("HOLD", 0), TradingAgent)
    assert not isinstance(object(), TradingAgent)


PRICES = [10, 11, 12, 13, 14, 15, 16, 17]
THREE_MINUTES = Mandate(duration_minutes=3)


def carried_out(decision, driver="asyncio", *, held=0, bars=None, mandate=THREE_MINUTES):
    async def work(broker):
        return await execute_decision(decision, "X", broker=broker, account=Account(equity=10_000, price=10, held=held), mandate=mandate)

    return driven(driver, minute_bars(PRICES) if bars is None else bars, work)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_buy_buys_its_quantity_over_the_window(driver):
    fills = carried_out(AgentDecision("BUY", 0.3), driver)
    assert trades(fills) == [(100, 10), (100, 11), (100, 12)]
    assert {fill.side for fill in fills} == {Side.BUY}


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_sell_sells_what_is_held_in_positive_quantities(driver):
    fills = carried_out(AgentDecision("SELL", 0.3), driver, held=60)
    assert trades(fills) == [(20, 10), (20, 11), (20, 12)]
    assert {fill.side for fill in fills} == {Side.SELL}


def test_a_sell_with_nothing_held_does_nothing_unless_shorts_are_allowed():
    assert carried_out(AgentDecision("SELL", 0.3)) == []
    short = carried_out(AgentDecision("SELL", 0.3), mandate=Mandate(duration_minutes=3, allow_short=True))
    assert trades(short) == [(100, 10), (100, 11), (100, 12)]
    assert {fill.side for fill in short} == {Side.SELL}


def test_a_hold_does_nothing():
    assert carried_out(AgentDecision("HOLD", 0), held=60) == []


@pytest.mark.parametrize("driver", DRIVERS)
def test_an_agent_is_asked_about_the_ticker(driver):
    agent = Says("BUY", 0.3)
    assert trades(carried_out(agent, driver)) == [(100, 10), (100, 11), (100, 12)]
    assert agent.asked == ["X"]


def test_under_asyncio_an_agent_may_await_what_it_likes():
    class Remote(Says):
        async def analyze(self, ticker):
            await asyncio.sleep(0)
            return await super().analyze(ticker)

    assert sum(fill.quantity for fill in carried_out(Remote("BUY", 0.3))) == 300


def test_without_a_window_an_order_is_worked_to_the_close():
    fills = carried_out(AgentDecision("BUY", 0.3), mandate=Mandate(duration_minutes=None))
    assert [fill.fill_price for fill in fills] == PRICES


def test_without_a_mandate_an_order_is_worked_by_twap_over_half_an_hour():
    broker = SimulatedBroker(minute_bars([10] * 60))
    fills = run(execute_decision(AgentDecision("BUY", 0.3), "X", broker=broker, account=Account(equity=10_000, price=10)))
    assert [fill.quantity for fill in fills] == [10] * 30


def test_the_algorithm_of_the_mandate_works_the_order():
    minute = [(10, 10, 10, 10, volume) for volume in (600, 300, 100)]
    bars = minute_bars(minute, minute)
    mandate = Mandate(algorithm=VWAP(profile_days=1), duration_minutes=None)
    broker = SimulatedBroker(bars, start="2024-01-03 09:30")
    fills = run(execute_decision(AgentDecision("BUY", 0.3), "X", broker=broker, account=Account(equity=10_000, price=10), mandate=mandate))
    assert [fill.quantity for fill in fills] == [180, 90, 30]


def test_the_cap_of_the_mandate_holds_the_order_back():
    fills = carried_out(AgentDecision("BUY", 0.3), mandate=Mandate(duration_minutes=3, max_participation=0.05))
    assert [fill.quantity for fill in fills] == [50, 50, 50]  # volume is 1,000 a minute


def test_children_are_of_whole_lots():
    fills = carried_out(AgentDecision("BUY", 0.3), mandate=Mandate(algorithm=TWAP(), duration_minutes=4, lot_size=100))
    assert [fill.quantity for fill in fills] == [100, 100, 100]


class Hasty:
    def analyze(self, ticker):
        return AgentDecision("BUY", 0.3)


class Vague:
    async def analyze(self, ticker):
        return {"action": "BUY", "position_size": 0.3}


@pytest.mark.parametrize(
    ("agent", "words"),
    [(Hasty(), "must be written as async def"), (Vague(), "must return a Decision, got {'action'"), (object(), "has no analyze")],
)
def test_what_does_not_answer_as_an_agent_does_is_refused(agent, words):
    with pytest.raises(UsageError, match=words):
        carried_out(agent)


def test_what_is_decided_is_logged(caplog):
    with caplog.at_level("INFO", logger="exec_algos.agents"):
        carried_out(AgentDecision("BUY", 0.3, reason="cheap"))
        carried_out(AgentDecision("SELL", 0.3))
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("[AGENT]")]
    assert said == ["[AGENT] BUY X: 300 shares by twap. cheap", "[AGENT] SELL X: nothing to order, 0 shares held"]
