"""`execute_decision`: ask, size and work in one call, buys and sells."""

from __future__ import annotations

import logging

from exec_algos.agents.decision import AgentDecision, TradingAgent, ask
from exec_algos.agents.sizing import Account, Mandate, order_for
from exec_algos.brokers.base import BrokerAPI
from exec_algos.executors import OrderExecutor
from exec_algos.model import Fill, Side
from exec_algos.model.window import Window

log = logging.getLogger(__name__)


class MandateExecutor(OrderExecutor):
    """Works orders by a mandate's algorithm, within its window and cap.

    Parameters
    ----------
    broker : BrokerAPI
    mandate : Mandate
    """

    def __init__(self, broker: BrokerAPI, mandate: Mandate) -> None:
        super().__init__(broker)
        self.mandate = mandate

    async def execute(self, ticker: str, total_quantity: float, side: Side | str = Side.BUY) -> list[Fill]:
        """Work an order of `total_quantity` shares from now on; returns its fills in time order."""
        mandate = self.mandate
        order = self.order(ticker, total_quantity, side=side, lot_size=mandate.lot_size, max_participation=mandate.max_participation)
        return await self.work(mandate.algorithm, order, Window(length=mandate.window))


async def execute_decision(
    decision: AgentDecision | TradingAgent, ticker: str, *, broker: BrokerAPI, account: Account, mandate: Mandate | None = None
) -> list[Fill]:
    """Carry out a decision: buy, sell or nothing; see `order_for`.

    Parameters
    ----------
    decision : AgentDecision or TradingAgent
        An agent is asked first.
    ticker : str
    broker : BrokerAPI
    account : Account
        As it is before the order.
    mandate : Mandate, optional
        TWAP over 30 minutes, long only, by default.

    Returns
    -------
    list of Fill
        In time order; empty if there was nothing to order.

    Raises
    ------
    UsageError
        An agent that gives no `AgentDecision`, or an account or window that cannot be worked with.
    """
    mandate = mandate or Mandate()
    made = decision if isinstance(decision, AgentDecision) else await ask(decision, ticker)
    order = order_for(made, account, mandate)
    if order is None:
        log.info("[AGENT] %s %s: nothing to order, %g shares held", made.action, ticker, account.held)
        return []
    side, quantity = order
    log.info("[AGENT] %s %s: %g shares by %s. %s", side.name, ticker, quantity, mandate.algorithm, made.reason)
    return await MandateExecutor(broker, mandate).execute(ticker, quantity, side=side)
