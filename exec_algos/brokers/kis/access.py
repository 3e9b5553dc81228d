"""`Access`: by whom, at which host and for which account KIS is asked."""

from __future__ import annotations

from dataclasses import dataclass

from exec_algos.brokers.kis.client import Client
from exec_algos.brokers.kis.operations import AccountNo, Host
from exec_algos.brokers.kis.rules import moment_of
from exec_algos.clock import Clock


@dataclass(frozen=True, slots=True)
class Access:
    """What the parts of the adapter share."""

    client: Client
    host: Host
    account: AccountNo
    clock: Clock

    @property
    def now(self) -> int:
        """KIS's clock, ns UTC."""
        return self.clock.now + self.client.clock_apart

    @property
    def day(self) -> str:
        """Today in Korea, YYYYMMDD."""
        return moment_of(self.now)[0]

    async def turn(self) -> None:
        """Wait for the turn of one more request."""
        if self.client.turn is not None:
            await self.client.turn()
