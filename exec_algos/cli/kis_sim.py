"""``exec-algos kis-sim``: a simulated KIS around recorded bars, live and paper, in this process, until it is stopped."""

from __future__ import annotations

import asyncio
import json
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exec_algos.cli.options import Session
from exec_algos.cli.printing import one_line_errors, say
from exec_algos.cli.reading import UNSAID, Reading, with_reading
from exec_algos.cli.simulators import check_serving, clock_text, instant_of, market_of, serve_until_stopped
from exec_algos.errors import UsageError
from exec_algos.textform import numbered

if TYPE_CHECKING:
    from exec_algos.sim.exchange import Exchange
    from exec_algos.sim.kis.server import KISServer
    from exec_algos.sim.kis.settings import KISSettings

MARKET, SERVED = "The market", "How it is served"
VARIABLE = "EXEC_ALGOS_KIS_"
LAST_PORT = 65535 - 4  # five ports in a row


def _option(text: str, *names: str, panel: str = MARKET) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel)


@with_reading
def kis_sim(  # noqa: PLR0913, PLR0917 - each is an option
    more: Annotated[list[str] | None, typer.Argument(metavar="[BARS...]", help="More files of bars, or all of them.")] = None,
    bars: Annotated[
        list[str] | None, _option("Files, folders or a store of bars; 005930=FILE names the symbol of a file.", "--bars")
    ] = None,
    start: Annotated[str | None, _option("2025-12-22 09:00, Korean time; the open of their last session if not given.", "--start")] = None,
    speed: Annotated[float, _option("Seconds of the market a second.", "--speed")] = 30.0,
    seed: Annotated[int, _option("Of the path within each bar, of keys, numbers, lags, and of faults by rates.", "--seed")] = 1,
    calendar: Annotated[str, _option("Of the sessions: XKRX.", "--calendar")] = "XKRX",
    session: Session = None,
    fund: Annotated[list[str] | None, _option("A symbol that is an ETF or ETN: other ticks, no tax.", "--fund")] = None,
    cash: Annotated[float, _option("KRW of each account as it begins.", "--cash")] = 1e9,
    visible: Annotated[float, _option("On each side of the book, of a minute's volume: it fills at once.", "--visible")] = 0.1,
    refill: Annotated[float, _option("How fast what was taken comes back, of the volume as it trades.", "--refill")] = 0.5,
    auction: Annotated[float, _option("What an auction trades with us, of the volume of its bar.", "--auction")] = 0.3,
    settings: Annotated[
        list[str] | None, _option("paper_rate=3, lag_daily=[60,60] ...: a setting of docs/kis-sim.md.", "--set", panel=SERVED)
    ] = None,
    port: Annotated[int, _option("The first of five in a row; 0 takes free ones.", "--port", panel=SERVED)] = 0,
    tied: Annotated[bool, _option("End when standard input ends.", "--tied", panel=SERVED)] = False,
    reading: Reading = UNSAID,
) -> None:
    """Serve a simulated KIS on loopback: REST and web sockets, live and paper, around recorded bars, with faults on demand."""
    with one_line_errors("the simulated KIS and all its orders are gone"):
        from exec_algos.market.hours import corrected_calendar
        from exec_algos.sim.kis.floor import krx_exchange
        from exec_algos.sim.kis.world import ZONE

        sources = [*(bars or ()), *(more or ())]
        if not sources:
            raise UsageError("name the bars to replay: --bars 005930=FILE, or --bars FILE_OR_STORE")
        check_serving(port, tied=tied, most=LAST_PORT)
        chosen = _settings(settings or [])
        given, hours = market_of(sources, reading, corrected_calendar(calendar, session or ()))
        if not len(hours):
            raise UsageError("no bar lies in a session; name the --calendar that the bars belong to")
        begin = int(hours.open[-1]) if start is None else instant_of(start, ZONE, hours)
        depth = {"visible": visible, "refill": refill, "auction": auction}
        server = _server(krx_exchange(given, hours, begin, funds=fund or (), cash=cash, seed=seed, **depth), speed, chosen)
        asyncio.run(serve_until_stopped(server, port, lambda: _begun(server), lambda: _ended(server), tied=tied))


def _settings(said: list[str]) -> KISSettings:
    """Settings that are typed as ``name=value``, the value as in JSON.

    Raises
    ------
    UsageError
        One that is not so, or that cannot be.
    """
    from exec_algos.sim.kis.settings import KISSettings

    found: dict[str, Any] = {}
    for text in said:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set must be name=value, got {text!r}; --set paper_rate=3")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value.strip()
    return KISSettings().changed(found)


def _server(exchange: Exchange, speed: float, settings: KISSettings) -> KISServer:
    import time

    from exec_algos.sim.clock import RehearsalClock
    from exec_algos.sim.kis.faults import KISFaults
    from exec_algos.sim.kis.server import KISServer
    from exec_algos.sim.kis.world import World

    clock = RehearsalClock(exchange.now, speed, time.monotonic_ns)
    return KISServer(World(exchange, clock, settings, KISFaults(), seed=exchange.settings.seed))


def _begun(server: KISServer) -> None:
    world = server.world
    for paper, name in ((True, "paper"), (False, "live")):
        say(f"simulated KIS, {name}: REST {server.rest_url(paper)}, web socket {server.ws_url(paper)}")
    say(f"control: {server.control_url}")
    symbols, when = numbered(len(world.exchange.market.ticks), "symbol"), clock_text(world.now, "Asia/Seoul")
    say(f"it is {when} (Asia/Seoul), speed {world.clock.speed:g}, {symbols}, seed {world.seed}; Ctrl-C ends it")
    say("for a client on paper:", *(f"export {VARIABLE}{name}={shlex.quote(value)}" for name, value in _variables(server).items()))


def _variables(server: KISServer) -> dict[str, str]:
    """What a client on paper is told by the environment."""
    customer = server.world.identities[True][0]
    return {
        "APP_KEY": customer.app_key, "APP_SECRET": customer.app_secret, "ACCOUNT": f"{customer.account[:8]}-{customer.account[8:]}",
        "HTS_ID": customer.hts_id, "PAPER": "true", "REST_URL": server.rest_url(True), "WS_URL": server.ws_url(True),
        "CLOCK_URL": server.control_url,
    }  # fmt: skip


def _ended(server: KISServer) -> None:
    exchange = server.world.exchange
    say(
        f"the simulated KIS ended at {clock_text(exchange.now, 'Asia/Seoul')}: {numbered(len(exchange.orders), 'order')}, "
        f"{numbered(len(exchange.executions), 'execution')}, {numbered(len(server.gateway.journal.entries), 'request')}"
    )
