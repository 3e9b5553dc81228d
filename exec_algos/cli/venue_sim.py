"""``exec-algos venue-sim``: a rehearsal venue around recorded bars, in this process, until it is stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from exec_algos.cli.options import Calendar, Session
from exec_algos.cli.printing import one_line_errors, say
from exec_algos.cli.reading import UNSAID, Reading, with_reading
from exec_algos.errors import UsageError
from exec_algos.textform import numbered

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions
    from exec_algos.sim.desk import DeskSettings
    from exec_algos.sim.server import VenueServer
    from exec_algos.sim.settings import ExchangeSettings

MARKET, SERVED = "The market", "How it is served"


def _option(text: str, *names: str, panel: str = MARKET) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel)


@with_reading
def venue_sim(  # noqa: PLR0913, PLR0917 - each is an option
    more: Annotated[list[str] | None, typer.Argument(metavar="[BARS...]", help="More files of bars, or all of them.")] = None,
    bars: Annotated[list[str] | None, _option("Files, folders or a store of bars.", "--bars")] = None,
    start: Annotated[
        str | None, _option("2025-12-22 09:00, in the zone of the bars; the open of their last session if not given.", "--start")
    ] = None,
    speed: Annotated[float, _option("Seconds of the market a second.", "--speed")] = 60.0,
    seed: Annotated[int, _option("Of the path within each bar, and of faults by rates.", "--seed")] = 1,
    calendar: Calendar = None,
    session: Session = None,
    lot: Annotated[float, _option("Shares in a lot.", "--lot-size")] = 1.0,
    tick: Annotated[float, _option("Currency per share; 0 takes the step on which the recorded prices lie.", "--tick")] = 0.0,
    spread_ticks: Annotated[int, _option("Between bid and ask.", "--spread-ticks")] = 1,
    visible: Annotated[float, _option("On each side of the book, of a minute's volume: it fills at once.", "--visible")] = 0.1,
    refill: Annotated[float, _option("How fast what was taken comes back, of the volume as it trades.", "--refill")] = 0.5,
    auction: Annotated[float, _option("What an auction trades with us, of the volume of its bar.", "--auction")] = 0.3,
    short: Annotated[bool, _option("Take sells without a position.", "--short/--no-short")] = True,
    cash: Annotated[float, _option("Of an account that begins.", "--cash")] = 1e12,
    currency: Annotated[str | None, _option("Of prices and cash: KRW; that of the calendar's exchange if not given.", "--currency")] = None,
    client_ids: Annotated[bool, _option("Keep and tell own order ids.", "--client-ids/--no-client-ids", panel=SERVED)] = True,
    rate: Annotated[float, _option("Requests a second of market time; 0 is no limit.", "--rate", panel=SERVED)] = 100.0,
    page: Annotated[int, _option("Orders on a page.", "--page", panel=SERVED)] = 500,
    confirm: Annotated[
        float, _option("Seconds of market time after which an execution or a cancel is told.", "--confirm-seconds", panel=SERVED)
    ] = 0.0,
    port: Annotated[int, _option("0 takes a free one.", "--port", panel=SERVED)] = 0,
    tied: Annotated[bool, _option("End when standard input ends.", "--tied", panel=SERVED)] = False,
    reading: Reading = UNSAID,
) -> None:
    """Serve a rehearsal venue on loopback: HTTP and pushed reports around recorded bars, at a speed, with faults on demand."""
    with one_line_errors("the venue and all its orders are gone"):
        from exec_algos.market.hours import corrected_calendar
        from exec_algos.sim.desk import DeskSettings
        from exec_algos.sim.settings import ExchangeSettings

        sources = [*(bars or ()), *(more or ())]
        if not sources:
            raise UsageError("name the bars to replay: --bars FILE_OR_STORE")
        calendar = corrected_calendar(calendar, session or ())
        market = ExchangeSettings(
            seed=seed, lot=lot, tick=tick, spread_ticks=spread_ticks, visible=visible, refill=refill, auction=auction,
            short_selling=short, cash=cash, currency=_currency(calendar) if currency is None else currency,
        )  # fmt: skip
        if tied and not _is_stream(sys.stdin):
            raise UsageError("--tied needs a pipe or a terminal as standard input, which a file or /dev/null is not; leave it out, or pipe")
        if not 0 <= port <= 65535:
            raise UsageError(f"--port must be in [0, 65535], got {port}; 0 takes a free one")
        given, hours = _market(sources, reading, calendar)
        desk = DeskSettings(client_ids=client_ids, rate=rate, page=page, confirm=confirm, zone=given.zone, calendar=calendar or "")
        server = _server(given, hours, start, speed, market, desk)
        asyncio.run(_serve(server, port, tied=tied))


def _currency(calendar: str | None) -> str:
    """The currency that an exchange quotes in; empty where nobody knows."""
    from exec_algos.market.corrections import split
    from exec_algos.market.currencies import EXCHANGES

    return EXCHANGES.get(split(calendar)[0], "") if calendar else ""


def _market(sources: list[str], reading: Reading, calendar: str | None) -> tuple[Bars, Sessions]:
    """The bars of sessions, and the sessions that have bars."""
    import numpy as np

    from exec_algos.cli.data import load_bars
    from exec_algos.market.hours import sessions_of, trading_bars

    found = load_bars(sources, reading)
    hours = sessions_of(found, calendar)
    found = trading_bars(found, hours)
    held = np.unique(hours.locate(found.start))
    return found, hours.take(held[held >= 0])


def _server(bars: Bars, hours: Sessions, start: str | None, speed: float, market: ExchangeSettings, desk: DeskSettings) -> VenueServer:
    from exec_algos.sim.exchange import Exchange
    from exec_algos.sim.recorded import RecordedMarket
    from exec_algos.sim.server import VenueServer

    if not len(hours):
        raise UsageError("no bar lies in a session; name the --calendar that the bars belong to, or none")
    begin = int(hours.open[-1]) if start is None else _instant(start, bars.zone, hours)
    return VenueServer(Exchange(RecordedMarket(bars, hours, market), begin), speed, desk)


def _instant(text: str, zone: str, hours: Sessions) -> int:
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


async def _serve(server: VenueServer, port: int, *, tied: bool) -> None:
    """Serve until SIGINT, SIGTERM, or the end of standard input."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if tied:
        await loop.connect_read_pipe(lambda: _UntilEnd(stop), sys.stdin)
    await server.open(port)
    market = server.exchange.market
    when = _clock(server.exchange.now, server.settings.zone)
    ids = "own order ids" if server.settings.client_ids else "no own order ids"
    say(
        f"rehearsal venue at {server.url}: {when} ({server.settings.zone}), speed {server.clock.speed:g}, "
        f"{numbered(len(market.ticks), 'symbol')}, seed {server.exchange.settings.seed}, {ids}; Ctrl-C ends it"
    )
    sys.stdout.flush()
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({stopped, server.running}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    await server.close()
    exchange = server.exchange
    say(
        f"the rehearsal ended at {_clock(exchange.now, server.settings.zone)}: {numbered(len(exchange.orders), 'order')}, "
        f"{numbered(len(exchange.executions), 'execution')}"
    )


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


def _clock(instant: int, zone: str) -> str:
    """An instant (ns UTC) on the clock of a zone, to the second."""
    import pandas as pd

    return f"{pd.Timestamp(instant, tz='UTC').tz_convert(zone):%Y-%m-%d %H:%M:%S}"
