"""What the commands that serve a simulated venue share: the bars behind it, when it begins, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from exec_algos.cli.reading import Reading
from exec_algos.errors import UsageError

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions


class Server(Protocol):
    """A simulated venue. `running`: ends where its time does."""

    running: asyncio.Task[None]

    async def open(self, port: int = 0) -> None:
        """Listen."""

    async def close(self) -> None:
        """Stop."""


def market_of(sources: list[str], reading: Reading, calendar: str | None) -> tuple[Bars, Sessions]:
    """The bars of sessions, and the sessions that have bars."""
    import numpy as np

    from exec_algos.market.hours import sessions_of, trading_bars

    found = _read(sources, reading)
    hours = sessions_of(found, calendar)
    found = trading_bars(found, hours)
    held = np.unique(hours.locate(found.start))
    return found, hours.take(held[held >= 0])


def _read(sources: list[str], reading: Reading) -> Bars:
    """Bars of all sources, of which some name their symbol: ``005930=FILE``."""
    from dataclasses import replace

    from exec_algos.cli.data import load_bars
    from exec_algos.market.read import concat

    parts, unnamed = [], []
    for source in sources:
        symbol, equals, path = source.partition("=")
        if not equals or "/" in symbol or os.path.exists(source):
            unnamed.append(source)
            continue
        part = load_bars([path], reading)
        if len(part.symbols) != 1:
            raise UsageError(f"{source}: a file whose symbol is named must hold one symbol, got {', '.join(part.symbols)}")
        parts.append(replace(part, symbols=(symbol,)))
    if unnamed:
        parts.append(load_bars(unnamed, reading))
    return parts[0] if len(parts) == 1 else concat(parts)


def instant_of(text: str, zone: str, hours: Sessions) -> int:
    """`text` in ns UTC, on the day of a session that is not over.

    Raises
    ------
    UsageError
        No time, or one that no session of the bars covers.
    """
    import pandas as pd

    try:
        stamp = pd.Timestamp(text)
        if pd.isna(stamp):
            raise ValueError("it names no time")
        stamp = stamp.tz_localize(zone) if stamp.tz is None else stamp.tz_convert(zone)
    except (ValueError, TypeError) as error:
        raise UsageError(f"--start must be a time such as 2025-12-22 09:00, got {text!r}: {error}") from None
    opens, closes = ([pd.Timestamp(int(edge), tz="UTC").tz_convert(zone) for edge in column] for column in (hours.open, hours.close))
    if any(
        (opened.date() == stamp.date() and stamp < closed) or opened <= stamp < closed for opened, closed in zip(opens, closes, strict=True)
    ):
        return int(stamp.value)
    before = [f"{opened:%Y-%m-%d %H:%M} to {closed:%H:%M}" for opened, closed in zip(opens, closes, strict=True) if closed <= stamp]
    after = [f"{opened:%Y-%m-%d %H:%M} to {closed:%H:%M}" for opened, closed in zip(opens, closes, strict=True) if closed > stamp]
    near = " and ".join([*before[-1:], *after[:1]])
    raise UsageError(f"the bars have no session that covers --start {stamp:%Y-%m-%d %H:%M} ({zone}); near it they have {near}")


def check_serving(port: int, *, tied: bool, most: int = 65535) -> None:
    """Whether it can be served so.

    Raises
    ------
    UsageError
        No such port; or it is tied to what does not end.
    """
    if tied and not _is_stream(sys.stdin):
        raise UsageError("--tied needs a pipe or a terminal as standard input, which a file or /dev/null is not; leave it out, or pipe")
    if not 0 <= port <= most:
        raise UsageError(f"--port must be in [0, {most}], got {port}; 0 takes a free one")


async def serve_until_stopped(server: Server, port: int, begun: Callable[[], None], ended: Callable[[], None], *, tied: bool) -> None:
    """Serve until SIGINT, SIGTERM, or the end of standard input. `begun` and `ended` say what it is, and what it was."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if tied:
        await loop.connect_read_pipe(lambda: _UntilEnd(stop), sys.stdin)
    await server.open(port)
    begun()
    sys.stdout.flush()
    stopped = asyncio.ensure_future(stop.wait())
    ends: set[asyncio.Future[Any]] = {stopped, server.running}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    await server.close()
    ended()


def _is_stream(file: TextIO) -> bool:
    """Whether the end of a file can be waited for."""
    kind = os.fstat(file.fileno()).st_mode
    return stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind) or file.isatty()


class _UntilEnd(asyncio.Protocol):
    """Sets an event when standard input ends."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def connection_lost(self, error: Exception | None) -> None:
        """It ended."""
        self._stop.set()


def clock_text(instant: int, zone: str) -> str:
    """An instant (ns UTC) on the clock of a zone, to the second."""
    import pandas as pd

    return f"{pd.Timestamp(instant, tz='UTC').tz_convert(zone):%Y-%m-%d %H:%M:%S}"
