"""What `check_venue` asks of `send` and `cancel`: every outcome, and every way in which an answer is lost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from exec_algos.brokers.venue import Accepted, Intent, NotSent, Placed, Rejected
from exec_algos.model import Side
from exec_algos.testing.venue_bench import NEARLY, SKEW, Bench, Order

LATE = 5.0  # seconds of venue time
CAREFUL = "whatever is not sure raises VenueError"
NOWHERE = "NO-SUCH-SYMBOL"


class Lost(NamedTuple):
    """A request that goes wrong. `arrives`: the venue processes it; `unread`: the adapter can know that it does not."""

    fault: str
    arrives: bool
    what: str
    unread: bool = False


LOSSES = (
    Lost("lost_after", True, "no answer came"),
    Lost("lost_before", False, "the connection closed before an answer"),
    Lost("late", True, f"no answer came, and the venue took it {LATE:g} s later"),
    Lost("error_5xx", False, "the answer was a 503"),
    Lost("error_5xx_after", True, "the answer was a 503"),
    Lost("half_body", True, "half an answer came"),
    Lost("reset", True, "the connection was reset"),
    Lost("outage", False, f"the venue was out for {LATE:g} s", unread=True),
)


async def try_orders(bench: Bench) -> None:
    """Everything that is asked of orders."""
    await _plain(bench)
    await _refused(bench)
    for loss in LOSSES:
        await _lost_send(bench, loss)
    await _rate(bench)
    await bench.compare("after lost answers to orders")
    await _cancels(bench)
    for loss in LOSSES:
        await _lost_cancel(bench, loss)
    await _losing_cancel(bench)
    await bench.compare("after cancels")


async def _plain(bench: Bench) -> None:
    """Orders of every kind arrive as they are."""
    for side in (Side.BUY, Side.SELL):
        for rest in (False, True):
            intent, before = bench.intent(side, rest=rest), set(bench.orders())
            outcome = await bench.ask("send", bench.venue.send(intent))
            new = _new(bench, before)
            kind = f"{side.name} {'at a limit' if rest else 'at market'}"
            if not isinstance(outcome.value, Accepted) or len(new) != 1:
                bench.found("a plain order fails", f"{kind}: send {outcome} where nothing is wrong; the venue has {len(new)} new orders")
                continue
            accepted = outcome.value
            bench.known[accepted.venue_id] = str(new[0]["venue_id"])
            for said in _differences(intent, accepted, new[0], bench):
                bench.found("sends another order", f"{kind}: {said}")
    await bench.compare("after plain orders")


def _differences(intent: Intent, accepted: Accepted, order: Order, bench: Bench) -> Iterator[str]:
    limit = math.nan if order["limit"] is None else float(order["limit"])
    pairs: dict[str, tuple[Any, Any]] = {"symbol": (intent.symbol, order["symbol"]), "side": (intent.side.name, order["side"])}
    if bench.venue.caps.own_id_length:
        pairs["own_id"] = intent.own_id, order["own_id"]
    for name, (asked, arrived) in pairs.items():
        if asked != arrived:
            yield f"{name} {asked!r} was to be sent, {arrived!r} arrived"
    if not math.isclose(float(order["quantity"]), intent.quantity, rel_tol=NEARLY):
        yield f"quantity {intent.quantity:g} was to be sent, {order['quantity']} arrived"
    if math.isnan(limit) != math.isnan(intent.limit) or abs(limit - intent.limit) > NEARLY * limit:
        yield f"limit {intent.limit!r} was to be sent, {limit!r} arrived; NaN is a market order"
    if not accepted.venue_id:
        yield f"Accepted.venue_id must be the venue's id of it, got {accepted.venue_id!r}"
    if accepted.time and abs(accepted.time - int(order["accepted"])) > SKEW:
        yield f"Accepted.time is {(accepted.time - int(order['accepted'])) / 1e9:+g} s from the venue's; give ns UTC, or 0"


async def _refused(bench: Bench) -> None:
    """A refusal is told as one."""
    for what, intent, lasting in _refusals(bench):
        before = set(bench.orders())
        outcome = await bench.ask("send", bench.venue.send(intent))
        if _new(bench, before):
            bench.found("sends another order", f"{what}: send {outcome}, and the venue took an order")
        elif not isinstance(outcome.value, Rejected):
            bench.found("hides a refusal", f"{what}: send {outcome}; return Rejected, for a refusal is an outcome")
        elif lasting and not outcome.value.lasting:
            bench.found("hides a refusal", f"{what}: send {outcome}; set lasting=True, for the next would be refused too")


def _refusals(bench: Bench) -> Iterator[tuple[str, Intent, bool]]:
    plain = bench.intent()
    yield "an unknown symbol", replace(plain, symbol=NOWHERE), True
    yield "a quantity of 0", replace(bench.intent(), quantity=0), False
    if bench.venue.caps.own_id_length:
        used = [order["own_id"] for order in bench.orders().values() if order["own_id"] and order["state"] != "rejected"]
        if used:
            yield "an own id that was used before", replace(bench.intent(), own_id=used[0]), False


async def _lost_send(bench: Bench, loss: Lost) -> None:
    """An order whose answer is lost is sent once, and its outcome is unknown."""
    before, intent = set(bench.orders()), bench.intent(rest=True)
    bench.fault("send", loss.fault, seconds=LATE)
    outcome = await bench.ask("send", bench.venue.send(intent))
    bench.pass_time(LATE + 1)
    new, due = len(_new(bench, before)), int(loss.arrives)
    bench.heal()
    if new > due:
        missed = "" if due else ", which did not arrive"
        bench.found(
            "sends again",
            f"{loss.what}, and the venue has {new} orders of one send{missed}; never repeat a request that may place an order",
        )
    elif outcome.error is None and not outcome.hung and not (loss.unread and isinstance(outcome.value, NotSent)):
        told = "nothing of it" if not new else "the order"
        bench.found("answers for the venue", f"send: {loss.what}, and it {outcome}; the venue has {told}: {CAREFUL}")


async def _rate(bench: Bench) -> None:
    """A request that the limit of rate refused unread was not sent."""
    before = set(bench.orders())
    bench.fault("send", "rate")
    outcome = await bench.ask("send", bench.venue.send(bench.intent(rest=True)))
    new = _new(bench, before)
    bench.heal()
    if new:
        bench.found("sends again", f"the limit of rate refused an order unread, and the venue has {len(new)}; return NotSent, wait no time")
    elif not isinstance(outcome.value, NotSent):
        bench.found("hides that nothing left", f"the limit of rate refused an order unread, and send {outcome}; return NotSent")


async def _cancels(bench: Bench) -> None:
    """A cancel ends its order, by the venue's id or by ours; of nothing it is refused."""
    ways = (True, False) if bench.venue.caps.own_id_length else (True,)
    for by_venue_id in ways:
        placed = await bench.sent(rest=True)
        if placed is None:
            return
        target = placed if by_venue_id else replace(placed, venue_id="")
        outcome = await bench.ask("cancel", bench.venue.cancel(target))
        bench.pass_time(1)
        if not isinstance(outcome.value, Accepted) or _of(bench, placed)["state"] == "open":
            way = "the venue's id" if by_venue_id else "our own id, which is all that is known after a lost answer"
            bench.found("a plain cancel fails", f"by {way}: cancel {outcome}; the order is {_of(bench, placed)['state']}")
        again = await bench.ask("cancel", bench.venue.cancel(target))
        if isinstance(again.value, NotSent):
            bench.found("hides a refusal", f"an order that is over: cancel {again}; return Rejected")
    nothing = Placed(venue_id="0", own_id="", symbol=bench.symbol, side=Side.BUY, quantity=bench.quantity, open=bench.quantity)
    outcome = await bench.ask("cancel", bench.venue.cancel(nothing))
    if isinstance(outcome.value, Accepted):
        bench.found("answers for the venue", f"an order that the venue does not have: cancel {outcome}; return Rejected")


async def _lost_cancel(bench: Bench, loss: Lost) -> None:
    """A cancel whose answer is lost may be repeated, but nobody says that it was done where it was not."""
    placed = await bench.sent(rest=True)
    if placed is None:
        return
    before = set(bench.orders())
    bench.fault("cancel", loss.fault, seconds=LATE)
    outcome = await bench.ask("cancel", bench.venue.cancel(placed))
    bench.pass_time(LATE + 1)
    state, new = _of(bench, placed)["state"], len(_new(bench, before))
    bench.heal()
    if new:
        bench.found("sends again", f"a cancel, of which {loss.what}, placed {new} orders")
    if isinstance(outcome.value, Accepted) and state == "open":
        bench.found("answers for the venue", f"cancel: {loss.what}, and it {outcome}; the order is still open: {CAREFUL}")


async def _losing_cancel(bench: Bench) -> None:
    """An order that trades before its cancel lands."""
    placed = await bench.sent(quantity=1000 * bench.quantity)
    if placed is None:
        return
    bench.fault("cancel", "cancel_loses")
    await bench.ask("cancel", bench.venue.cancel(placed))
    bench.heal()
    await bench.compare("after a cancel that lost against a trade")


def _new(bench: Bench, before: set[str]) -> list[Mapping[str, Any]]:
    return [order for venue_id, order in bench.orders().items() if venue_id not in before and order["state"] != "rejected"]


def _of(bench: Bench, placed: Placed) -> Order:
    return bench.orders()[bench.known[placed.venue_id]]
