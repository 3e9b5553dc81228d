"""`BarLog`: what a caller's loop has shown of the market."""

from __future__ import annotations

from collections.abc import Callable, Collection

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.bars import Bars
from exec_algos.market.depth import PROXIES, lacking_quotes
from exec_algos.market.profile import RecordedVolumes
from exec_algos.model import NOTHING, Observed, Session
from exec_algos.model.slicing import in_pause


class BarLog:
    """Completed bars of some symbols, as they came: volumes by session, the last price, what has traded.

    Parameters
    ----------
    session_at : callable
        The session that is open at an instant (ns UTC), or the next.
    step : int
        Length of a bar, ns.
    quote_proxy : {"close"}, optional
        What stands in for quotes; the caller's loop has none.

    Raises
    ------
    UnknownNameError
        No such proxy.
    """

    def __init__(self, session_at: Callable[[int], Session], step: int, quote_proxy: str | None = None) -> None:
        if quote_proxy is not None and quote_proxy not in PROXIES:
            raise UnknownNameError("quote proxy", quote_proxy, PROXIES)
        self._session_at, self._step, self._quote_proxy = session_at, step, quote_proxy
        self._volumes: dict[str, RecordedVolumes] = {}
        self._last: dict[str, tuple[int, float, float]] = {}
        self._traded: dict[str, float] = {}
        self._span: Session | None = None

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._last

    @property
    def symbols(self) -> list[str]:
        """Those of which a bar was seen."""
        return list(self._last)

    def remember(self, history: Bars) -> None:
        """Take in the bars of earlier days."""
        for symbol in history.symbols:
            bars = history.select([symbol])
            for start, volume, close in zip(bars.start.tolist(), bars.volume.tolist(), bars.close.tolist(), strict=True):
                self.add(symbol, start, volume, close)

    def check_quotes(self, symbol: str, columns: Collection[str], reader: str) -> None:
        """Refuse, with a UsageError, who reads quotes where no proxy stands in for them."""
        if columns and self._quote_proxy is None:
            raise UsageError(lacking_quotes(reader, symbol, columns))

    def add(self, symbol: str, start: int, volume: float, close: float) -> None:
        """Take in a completed bar: its start (ns UTC), shares, currency per share."""
        record = self._volumes.get(symbol)
        if record is None:
            record = self._volumes[symbol] = RecordedVolumes(symbol, self._session_at, self._step)
        record.add(start, volume)
        self._last[symbol] = (start, volume, close)
        self._traded[symbol] = self._traded.get(symbol, 0.0) + (volume if self._trades(start) else 0.0)

    def _trades(self, start: int) -> bool:
        """Whether the venue is open then: what trades at other times is no volume to take part in."""
        span = self._span
        if span is None or not span.open <= start < span.close:
            span = self._span = self._session_at(start)
        return span.open <= start and not (span.breaks and in_pause(start, span.breaks))

    def start(self, symbol: str) -> int | None:
        """Start of the last bar, ns UTC; None before the first."""
        last = self._last.get(symbol)
        return None if last is None else last[0]

    def volumes(self, symbol: str) -> RecordedVolumes:
        """Volumes by session; empty for a symbol of which nothing was seen."""
        return self._volumes.get(symbol) or RecordedVolumes(symbol, self._session_at, self._step)

    def observed(self, symbol: str) -> Observed:
        """What has traded, the last close, and the quotes of the proxy, else NaN: such a loop has no book."""
        last = self._last.get(symbol)
        if last is None:
            return NOTHING
        _, volume, close = last
        if self._quote_proxy is None:
            return NOTHING._replace(traded=self._traded[symbol], price=close)
        return Observed(self._traded[symbol], close, close, close, volume / 2, volume / 2)
