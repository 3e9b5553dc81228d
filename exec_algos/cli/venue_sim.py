"""``exec-algos venue-sim``: a rehearsal venue around recorded bars, in this process, until it is stopped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exec_algos.cli.options import Calendar, Session
from exec_algos.cli.printing import one_line_errors, say
from exec_algos.cli.reading import UNSAID, Reading, with_reading
from exec_algos.cli.simulators import check_serving, clock_text, instant_of, market_of, serve_until_stopped
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
        check_serving(port, tied=tied)
        given, hours = market_of(sources, reading, calendar)
        desk = DeskSettings(client_ids=client_ids, rate=rate, page=page, confirm=confirm, zone=given.zone, calendar=calendar or "")
        server = _server(given, hours, start, speed, market, desk)
        _serve(server, port, tied=tied)


def _currency(calendar: str | None) -> str:
    """The currency that an exchange quotes in; empty where nobody knows."""
    from exec_algos.market.corrections import split
    from exec_algos.market.currencies import EXCHANGES

    return EXCHANGES.get(split(calendar)[0], "") if calendar else ""


def _server(bars: Bars, hours: Sessions, start: str | None, speed: float, market: ExchangeSettings, desk: DeskSettings) -> VenueServer:
    from exec_algos.sim.exchange import Exchange
    from exec_algos.sim.recorded import RecordedMarket
    from exec_algos.sim.server import VenueServer

    if not len(hours):
        raise UsageError("no bar lies in a session; name the --calendar that the bars belong to, or none")
    begin = int(hours.open[-1]) if start is None else instant_of(start, bars.zone, hours)
    return VenueServer(Exchange(RecordedMarket(bars, hours, market), begin), speed, desk)


def _serve(server: VenueServer, port: int, *, tied: bool) -> None:
    exchange, zone = server.exchange, server.settings.zone

    def begun() -> None:
        ids = "own order ids" if server.settings.client_ids else "no own order ids"
        say(
            f"rehearsal venue at {server.url}: {clock_text(exchange.now, zone)} ({zone}), speed {server.clock.speed:g}, "
            f"{numbered(len(exchange.market.ticks), 'symbol')}, seed {exchange.settings.seed}, {ids}; Ctrl-C ends it"
        )

    def ended() -> None:
        say(
            f"the rehearsal ended at {clock_text(exchange.now, zone)}: {numbered(len(exchange.orders), 'order')}, "
            f"{numbered(len(exchange.executions), 'execution')}"
        )

    asyncio.run(serve_until_stopped(server, port, begun, ended, tied=tied))
