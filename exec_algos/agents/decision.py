"""What an agent is, and what it answers."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import StrEnum
from numbers import Real
from typing import Protocol, runtime_checkable

from exec_algos.errors import UnknownNameError, UsageError


class Action(StrEnum):
    """What an agent wants done; equal to its name, so that ``decision.action == "BUY"``."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"

    @classmethod
    def of(cls, action: Action | str) -> Action:
        """An action from its name, in any case.

        Raises
        ------
        UnknownNameError
            Anything else.
        """
        found = cls.__members__.get(str(action).strip().upper())
        if found is None:
            raise UnknownNameError("action", str(action), cls.__members__)
        return found


@dataclass(frozen=True, slots=True)
class AgentDecision:
    """An agent's answer about one ticker; a step function's answer about one slice is `exec_algos.model.Decision`.

    Parameters
    ----------
    action : Action or str
        ``"BUY"``, ``"SELL"`` or ``"HOLD"``, in any case.
    position_size : float
        The position that is wanted, as a fraction of the account's equity, in [0, 1]: after a BUY long,
        after a SELL short where that is allowed and else none. 0 is none at all. HOLD leaves what is
        there, whatever it says.
    confidence : float, optional
        The agent's own, in [0, 1]. It is kept, and sizes nothing.
    reason : str
        For people.

    Raises
    ------
    UnknownNameError
        No such action.
    UsageError
        A fraction outside its bounds, or no number.

    Examples
    --------
    >>> AgentDecision("buy", 0.3).action == "BUY"
    True
    """

    action: Action | str
    position_size: float
    confidence: float | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "action", Action.of(self.action))
        object.__setattr__(self, "position_size", _fraction("position_size", self.position_size))
        if self.confidence is not None:
            object.__setattr__(self, "confidence", _fraction("confidence", self.confidence))


def _fraction(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value <= 1:
        raise UsageError(f"{name} is a fraction in [0, 1], got {value!r}; 10 % is 0.1")
    return float(value)


@runtime_checkable
class TradingAgent(Protocol):
    """Whatever can be asked about a ticker: rules, a model, a remote service.

    In a backtest `analyze` may await the broker and its clock, and nothing else.
    """

    async def analyze(self, ticker: str) -> AgentDecision:
        """What to do about `ticker` now."""
        ...


async def ask(agent: TradingAgent, ticker: str) -> AgentDecision:
    """The agent's decision, checked.

    Raises
    ------
    UsageError
        No agent, an `analyze` that is not async, or an answer that is no `AgentDecision`.
    """
    if not isinstance(agent, TradingAgent):
        raise UsageError(f"an agent has `async def analyze(self, ticker)`; {agent!r} has no analyze")
    answer = agent.analyze(ticker)
    if not inspect.isawaitable(answer):
        raise UsageError(f"{type(agent).__name__}.analyze must be written as async def, it returned {answer!r}")
    decision = await answer
    if not isinstance(decision, AgentDecision):
        raise UsageError(f"{type(agent).__name__}.analyze({ticker!r}) must return a Decision, got {decision!r}")
    return decision
