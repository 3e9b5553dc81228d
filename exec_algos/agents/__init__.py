"""Trading agents: from an agent's decision to a sized order, executed by an algorithm, live and in a backtest.

What lives here: an agent's decision, its size, its record and its replay. What may not: a model that decides; that is yours.
"""

from __future__ import annotations

from exec_algos.agents.decision import Action, AgentDecision, TradingAgent
from exec_algos.agents.execution import execute_decision
from exec_algos.agents.records import RecordedDecision, RecordedDecisions, RecordingAgent, read_decisions, write_decisions
from exec_algos.agents.sizing import Account, Mandate, calculate_quantity, order_for, realised_volatility
from exec_algos.agents.strategy import AgentStrategy

__all__ = [
    "Account",
    "Action",
    "AgentDecision",
    "AgentStrategy",
    "Mandate",
    "RecordedDecision",
    "RecordedDecisions",
    "RecordingAgent",
    "TradingAgent",
    "calculate_quantity",
    "execute_decision",
    "order_for",
    "read_decisions",
    "realised_volatility",
    "write_decisions",
]
