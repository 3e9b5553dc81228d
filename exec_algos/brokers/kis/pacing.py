"""`Paced`: the requests of one method of an adapter, each after the first of which waits for its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exec_algos.brokers.kis.answers import Envelope
    from exec_algos.brokers.kis.client import Client
    from exec_algos.brokers.kis.operations import Ask


class Paced:
    """Reads of one method.

    Parameters
    ----------
    client : Client
    """

    def __init__(self, client: Client) -> None:
        self._client, self._begun = client, False

    async def read(self, ask: Ask) -> Envelope:
        """As `Client.read`; the first one has had its turn.

        Raises
        ------
        VenueError
            No answer.
        """
        if self._begun and self._client.turn is not None:
            await self._client.turn()
        self._begun = True
        return await self._client.read(ask)
