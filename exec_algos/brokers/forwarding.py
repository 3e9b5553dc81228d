"""`ForwardingBroker`: a broker before another one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from exec_algos.brokers.base import BrokerAPI
from exec_algos.brokers.own_prints import OwnPrints
from exec_algos.clock import Clock
from exec_algos.model import Fill, Observed, ParentOrder, Session

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.checks import Floats


def innermost(broker: BrokerAPI) -> BrokerAPI:
    """The broker behind all that only pass on."""
    while isinstance(broker, ForwardingBroker):
        broker = broker.broker
    return broker


class ForwardingBroker(BrokerAPI):
    """Passes every question on to another broker; a subclass says what becomes of orders: `place_order`, `send_order`, `withdraw`.

    Parameters
    ----------
    broker : BrokerAPI
    """

    def __init__(self, broker: BrokerAPI) -> None:
        self.broker = broker

    @property
    def clock(self) -> Clock:
        """The broker's."""
        return self.broker.clock

    @property
    def resolution(self) -> int:  # type: ignore[override]
        """The broker's."""
        return self.broker.resolution

    @property
    def own_prints_on_tape(self) -> bool:
        """The broker's."""
        return self.broker.own_prints_on_tape

    @property
    def estimates_commission(self) -> bool:
        """The broker's."""
        return self.broker.estimates_commission

    @property
    def confirm_lead(self) -> int:
        """The broker's."""
        return self.broker.confirm_lead

    @property
    def own_prints(self) -> OwnPrints:
        """The broker's."""
        return self.broker.own_prints

    def adopt_parent(self, parent: ParentOrder) -> ParentOrder:
        """See `BrokerAPI.adopt_parent`."""
        return self.broker.adopt_parent(parent)

    def planned(self, parent: ParentOrder, curve: list[float]) -> None:
        """See `BrokerAPI.planned`."""
        self.broker.planned(parent, curve)

    async def find_order(self, ref: str) -> Fill | None:
        """See `BrokerAPI.find_order`."""
        return await self.broker.find_order(ref)

    def amend_parent(self, parent: ParentOrder) -> ParentOrder:
        """See `BrokerAPI.amend_parent`."""
        return self.broker.amend_parent(parent)

    def session(self, instant: int) -> Session:
        """See `BrokerAPI.session`."""
        return self.broker.session(instant)

    def check_quotes(self, ticker: str, columns: Collection[str], reader: str) -> None:
        """See `BrokerAPI.check_quotes`."""
        self.broker.check_quotes(ticker, columns, reader)

    async def observe(self, ticker: str) -> Observed:
        """See `BrokerAPI.observe`."""
        return await self.broker.observe(ticker)

    async def get_volume_history(self, ticker: str, days: int, step: int) -> list[Floats]:
        """See `BrokerAPI.get_volume_history`."""
        return await self.broker.get_volume_history(ticker, days, step)

    async def get_volumes_today(self, ticker: str, step: int) -> Floats:
        """See `BrokerAPI.get_volumes_today`."""
        return await self.broker.get_volumes_today(ticker, step)

    async def cancel_order(self, order_id: str) -> bool:
        """See `BrokerAPI.cancel_order`."""
        return await self.broker.cancel_order(order_id)

    async def get_historical_volume_profile(self, ticker: str, days: int = 5) -> pd.Series[float]:
        """See `BrokerAPI.get_historical_volume_profile`."""
        return await self.broker.get_historical_volume_profile(ticker, days)

    async def get_market_depth(self, ticker: str) -> Mapping[str, float]:
        """See `BrokerAPI.get_market_depth`."""
        return await self.broker.get_market_depth(ticker)
