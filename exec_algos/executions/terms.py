"""`Terms`: what is said of an analysis of own fills besides orders, fills and bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exec_algos.errors import UsageError
from exec_algos.executions.form import FILLS, ORDERS, FillForm, OwnOrderForm
from exec_algos.fills import PRICE_RULES, FillModel
from exec_algos.market.quality.limits import USUAL, Limits
from exec_algos.model import NO_RULES, Rules
from exec_algos.tca.trades import Stamped


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is said of an analysis besides orders, fills and bars; `analyse` says what each is."""

    calendar: str | None = None
    algorithms: Sequence[Any] = ("twap", "vwap")
    fill_model: FillModel | None = None
    rules: Rules = NO_RULES
    keep: Sequence[str] = ()
    stamped: Stamped | None = None
    taxes_in_commission: bool | None = None
    fees: str | None = None
    order_form: OwnOrderForm = ORDERS
    fill_form: FillForm = FILLS
    order_encoding: str | None = None
    fill_encoding: str | None = None
    lot_size: float = 1
    profile_days: int = 5
    limits: Limits = USUAL
    driver: Any = "batch"

    def __post_init__(self) -> None:
        if self.fees not in {None, "positive", "negative"}:
            raise UsageError(f"fees must be 'positive' or 'negative', the sign of what was paid, got {self.fees!r}")

    def model(self) -> FillModel:
        """The fill model, whose price rule says how fills are stamped.

        Raises
        ------
        UsageError
            The stamps are said to be others than those of the price rule.
        """
        if self.stamped not in {None, "start", "end"}:
            raise UsageError(f"stamped must be 'start' or 'end', got {self.stamped!r}")
        model = self.fill_model or FillModel(price="close" if self.stamped == "end" else "open")
        own = stamped_by(model)
        if self.stamped not in {None, own}:
            raise UsageError(
                f"fills cannot be stamped at the {self.stamped} of their bar beside simulated ones at price rule {model.price!r}, "
                f"which are stamped at its {own}; leave stamped (--stamped) out, or take another price rule (--price)"
            )
        return model


def stamped_by(model: FillModel) -> Stamped:
    """At which end of its bar a fill of this model is stamped."""
    return "start" if PRICE_RULES[model.price].at_start else "end"
