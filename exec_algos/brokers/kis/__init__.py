"""Korea Investment & Securities, domestic stocks: its Open API as a venue, and the live broker over it.

What lives here: messages as KIS writes them (`messages`, `rows`), the rules of the Korean market (`rules`), the access token (`token`), the
limit of rate that processes share (`limiter`), one request at a time (`transport`, `client`), pushed notices (`notices`), the market
(`market`), names of orders (`keys`), how they stand (`looking`), what the account can pay for (`funds`), the adapter (`venue`), and
`KISBroker` (`broker`) with its `settings`.
What may not: the state of orders, which is the live broker's; a second attempt at a request that may have placed an order.

Needs the extra ``live``: ``pip install 'exec_algos[live]'``.
"""

try:
    import cryptography  # noqa: F401 - to say what is missing
    import httpx  # noqa: F401
    import websockets  # noqa: F401
except ModuleNotFoundError as _missing:
    raise ModuleNotFoundError(f"exec_algos.brokers.kis needs {_missing.name}: pip install 'exec_algos[live]'") from _missing

from exec_algos.brokers.kis.broker import KISBroker
from exec_algos.brokers.kis.venue import KISVenue

__all__ = ["KISBroker", "KISVenue"]
