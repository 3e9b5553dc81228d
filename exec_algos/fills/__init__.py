"""How the simulated venue fills child orders.

What lives here: the `FillModel` (`model`), the pure functions by which a child meets a bar (`matching`), the rules for limit orders
(`limits`), latency (`latency`), whole markets (`presets`) and their text forms (`parsing`). What may not: time, queues, orders that
live on; those are the exchange's.
"""

from __future__ import annotations

from exec_algos.fills.matching import (
    MOST_LOTS,
    TOUCHED,
    TRADED_THROUGH,
    UNCAPPED,
    Execution,
    LimitTerms,
    PriceParts,
    bar_budget,
    displaced_price,
    meet_bar,
    price_parts,
    share_budget,
    within_limit,
)
from exec_algos.fills.model import PRICE_RULES, FillModel, OneBar, PriceRule

__all__ = [
    "MOST_LOTS",
    "PRICE_RULES",
    "TOUCHED",
    "TRADED_THROUGH",
    "UNCAPPED",
    "Execution",
    "FillModel",
    "LimitTerms",
    "OneBar",
    "PriceParts",
    "PriceRule",
    "bar_budget",
    "displaced_price",
    "meet_bar",
    "price_parts",
    "share_budget",
    "within_limit",
]
