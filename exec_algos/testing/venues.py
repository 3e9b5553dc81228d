"""`check_venue`: an adapter of a venue, against a scripted server: what it says when answers are lost, and whether it is the truth."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

from exec_algos.brokers.venue import VenueAPI, VenueCaps
from exec_algos.errors import ConformanceError, UsageError
from exec_algos.testing.venue_bench import Bench, Control, HungError
from exec_algos.testing.venue_orders import try_orders
from exec_algos.testing.venue_reads import judge_every_report, try_first, try_next_day, try_pages, try_reads, try_reconnect, try_trades

__all__ = ["Control", "VenueConformance", "check_venue"]

Make = Callable[[], AbstractAsyncContextManager[tuple[VenueAPI, Control]]]


class VenueConformance(NamedTuple):
    """What was tried of an adapter that passed.

    Attributes
    ----------
    name : str
        Of the venue.
    requests, orders, executions, reports : int
        Requests of the adapter; what the venue has of them; reports that were pushed.
    untried : tuple of str
        What could not be tried, and why.
    """

    name: str
    requests: int
    orders: int
    executions: int
    reports: int
    untried: tuple[str, ...] = ()


def check_venue(make: Make, *, symbol: str, quantity: float = 10, patience: float = 30.0) -> VenueConformance:
    """Try an adapter against a scripted server, and say all that is wrong with it.

    The server goes wrong on purpose: answers are lost before and after the venue took a request, come late, as a 503, in half; the
    connection is reset; reads fail; rows come late and twice; pages fail; reports come twice, never, and before the answer; a cancel
    loses against a trade; the venue ends every connection; the day changes. Each time the adapter is asked, and the venue's
    truth is beside it. Looked for: an order that is sent again, a failed read that is told as nothing, a part that is told as the
    whole, a trade that counts twice, an outcome that nobody knows, other orders, prices, times and ids than the venue's.

    Parameters
    ----------
    make : callable
        Returns an async context manager of ``(adapter, control)``: a fresh venue in an open session, whose next calendar day is a
        session too, and an adapter at it that is not opened yet. Give the adapter short time-outs.
    symbol : str
        What to trade.
    quantity : float
        Shares of an order; one of 20 times as much trades in parts.
    patience : float
        Seconds of real time after which a request hangs.

    Returns
    -------
    VenueConformance
        What was tried.

    Raises
    ------
    ConformanceError
        Something is wrong; the message lists every kind of finding with an example.
    UsageError
        `make` gives something else.
    """
    with ThreadPoolExecutor(1) as pool:  # the caller may be inside a loop of asyncio, as in a notebook
        return pool.submit(lambda: asyncio.run(_check(make, symbol, quantity, patience))).result()


async def _check(make: Make, symbol: str, quantity: float, patience: float) -> VenueConformance:
    given: Any = make()
    async with given as made:
        if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], VenueAPI)):
            raise UsageError(f"make must give an async context manager of (VenueAPI, Control), got {made!r:.120}")
        venue, control = made
        bench = Bench(venue, control, symbol, quantity, patience)
        try:
            with contextlib.suppress(HungError):
                await _try_all(bench)
        finally:
            await bench.deaf()
            await venue.close()
        if bench.findings.found:
            raise ConformanceError(type(venue).__name__, bench.findings.lines())
        truth = control.truth()
        return VenueConformance(
            venue.caps.name, bench.asked, len(truth["orders"]), len(truth["executions"]), len(bench.reports), tuple(bench.untried)
        )


async def _try_all(bench: Bench) -> None:
    """Everything; what cannot go on without a part that fails stops there."""
    bench.control.clock(paused=True)
    opened = await bench.ask("open", bench.venue.open())
    if opened.error is not None or not isinstance(bench.venue.caps, VenueCaps):
        bench.found("cannot be opened", f"open {opened}; caps {bench.venue.caps!r:.80}")
        return
    if not await try_first(bench):
        return
    bench.listen()
    await bench.settle()
    await try_orders(bench)
    if not bench.known:
        return
    await try_trades(bench)
    await try_reads(bench)
    await try_pages(bench)
    await try_reconnect(bench)
    await try_next_day(bench)
    await bench.settle()
    judge_every_report(bench)
