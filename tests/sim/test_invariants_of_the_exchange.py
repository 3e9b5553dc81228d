"""What holds at the exchange of a rehearsal whatever comes: any bars, orders, cancels, amendments, any steps of time."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import STEP, TICK, bars_of

from exec_algos.market.hours import sessions_of
from exec_algos.sim.exchange import Exchange
from exec_algos.sim.orders import Ticket
from exec_algos.sim.path import Bar, chance, path_of
from exec_algos.sim.recorded import RecordedMarket
from exec_algos.sim.settings import ExchangeSettings

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
OPEN = 1_704_205_800 * SECOND  # 2024-01-02 09:30 in New York
ZONE = "America/New_York"


@st.composite
def tables(draw):
    """Two sessions of eight minutes of one symbol, some of them missing, some without volume; prices on coarse ticks."""
    rows = []
    for day in range(2):
        for minute in range(8):
            low = draw(st.integers(18, 22))
            high = low + draw(st.integers(0, 3))
            first, last = (draw(st.integers(low, high)) for _ in range(2))
            volume = draw(st.sampled_from([0.0, 1.0, 7.0, 100.0, 6000.0]))
            if not minute or draw(st.booleans()) or draw(st.booleans()):
                start = OPEN + day * 86_400 * SECOND + minute * MINUTE
                rows.append((start, *(TICK * price for price in (first, high, low, last)), volume, math.nan))
    return rows


def order():
    return st.builds(
        lambda side, lots, limit: ("order", side, 10 * lots, limit),
        st.sampled_from([1, -1]),
        st.integers(1, 300),
        st.sampled_from([math.nan, *(TICK * k for k in range(16, 26))]),
    )


steps = st.lists(
    st.one_of(
        order(),
        st.tuples(st.just("wait"), st.sampled_from([0, 1, SECOND // 3, SECOND, 7 * SECOND, MINUTE, 5 * MINUTE, 86_400 * SECOND])),
        st.tuples(st.just("cancel"), st.integers(0, 20)),
        st.tuples(st.just("fill_rest"), st.integers(0, 20)),
        st.tuples(st.just("amend"), st.integers(0, 20), st.integers(1, 300), st.sampled_from([math.nan, 9.0, 10.5])),
        st.tuples(st.just("defer"), st.sampled_from([0, SECOND, 20 * SECOND]), order()),
    ),
    max_size=25,
)


def ticket(said):
    _, side, quantity, limit = said
    return Ticket(account="a", symbol="X", side=side, quantity=quantity, limit=limit)


def carry(venue, step):
    """Do one step; whatever it does, the venue must be right behind it."""
    kind, *said = step
    name = f"V{said[0] + 1:06d}" if kind in ("cancel", "fill_rest", "amend") else ""
    match kind:
        case "order":
            venue.submit(ticket(step))
        case "wait":
            venue.advance(venue.now + said[0])
        case "cancel":
            venue.cancel(name)
        case "fill_rest":
            venue.fill_rest(name)
        case "amend":
            if venue.amend(name, 10 * said[1], said[2]) is None:
                venue.amended.add(name)
        case "defer":
            later = ticket(said[1])
            venue.defer(venue.now + said[0], lambda: venue.submit(later))


def venue_of(rows, **settings_):
    bars = bars_of({"X": rows}, step=MINUTE, zone=ZONE)
    market = RecordedMarket(bars, sessions_of(bars, None), ExchangeSettings(lot=10, tick=TICK, **settings_))
    venue = Exchange(market, OPEN - 10 * MINUTE)
    venue.amended = set()  # what traded before had another limit
    return venue


@given(tables(), steps, st.integers(0, 5), st.booleans())
@settings(max_examples=150)
def test_orders_executions_and_accounts_agree_after_every_step(rows, done, seed, short):
    venue = venue_of(rows, seed=seed, short_selling=short, cash=200_000.0)
    events = []
    for step in [*done, ("wait", 3 * 86_400 * SECOND)]:
        carry(venue, step)
        events += venue.drain()
        check_orders(venue)
        check_account(venue)
    check_executions(venue, rows)
    assert [event.execution for event in events if event.execution] == venue.executions
    assert [event.order for event in events if event.kind == "accepted"] == [found for found in venue.orders if found.state != "rejected"]
    assert all(found.state != "open" for found in venue.orders)  # day orders


def check_orders(venue):
    for found in venue.orders:
        over = 0 if found.state == "open" else found.quantity - found.filled
        assert found.quantity == found.filled + found.open + over
        assert 0 <= found.filled <= found.quantity
        assert found.filled == sum(execution.quantity for execution in found.executions)
        assert found.amount == pytest.approx(sum(execution.quantity * execution.price for execution in found.executions))
        assert (found.ended == 0) == (found.state == "open")
        assert (found.reason == "filled") == (found.filled == found.quantity)
        row = found.row(venue.now)
        assert (row["filled"], row["open"], row["state"]) == (found.filled, found.open, found.state)


def check_account(venue):
    account = venue.account("a")
    bought = sum(execution.side * execution.quantity for execution in venue.executions)
    spent = sum(execution.side * execution.quantity * execution.price for execution in venue.executions)
    assert account.positions.get("X", 0) == bought
    assert account.cash == pytest.approx(200_000 - spent)
    held = sum(found.hold * found.open for found in venue.orders if found.ticket.side > 0)
    offered = sum(found.open for found in venue.orders if found.ticket.side < 0)
    assert (account.held, account.offered.get("X", 0)) == (pytest.approx(held), offered)
    if not venue.settings.short_selling:
        assert bought >= 0


def check_executions(venue, rows):
    """No trade outside its bar or its limit, none without volume, no more on a side of a bar than its volume."""
    bars = {row[0]: row for row in rows}
    closes = {max(start for start in bars if start < OPEN + (day + 0.5) * 86_400 * SECOND) + MINUTE: day for day in range(2)}
    shares = defaultdict(float)
    for execution in venue.executions:
        start = execution.time - (execution.time - OPEN) % MINUTE
        start = start - MINUTE if execution.time in closes else start  # the closing auction is the last bar's
        _, _, high, low, _, volume, _ = bars[start]
        limit = venue.ledger.of(execution.venue_id).limit
        assert low <= execution.price <= high
        amended = execution.venue_id in venue.amended
        assert amended or math.isnan(limit) or (execution.price - limit) * execution.side <= 0
        assert execution.quantity % 10 == 0
        shares[start, execution.side] += execution.quantity
        assert shares[start, execution.side] <= volume
    times = [execution.time for execution in venue.executions]
    assert times == sorted(times)


@given(tables(), steps, st.integers(0, 5), st.integers(1, 20))
@settings(max_examples=60)
def test_the_same_steps_give_the_same_truth_in_however_many_parts_time_comes(rows, done, seed, parts):
    found = []
    for count in (1, parts):
        venue = venue_of(rows, seed=seed)
        for step in [*done, ("wait", 86_400 * SECOND)]:
            if step[0] == "wait":
                whole, begun = step[1], venue.now
                for k in range(1, count + 1):
                    venue.advance(begun + whole * k // count)
            else:
                carry(venue, step)
        found.append((venue.executions, [order.row(venue.now) for order in venue.orders], venue.account("a").cash))
    assert found[0] == found[1]


@given(st.integers(0, 2**32), st.sampled_from([SECOND, 5 * SECOND, 30 * SECOND, MINUTE]), st.sampled_from([MINUTE, 5 * MINUTE, STEP]))
def test_a_path_begins_at_the_open_ends_at_the_close_and_touches_both_extremes_on_pulses(seed, pulse, step):
    bar = Bar(OPEN, 10.0, 12.0, 9.0, 11.0, 100.0)
    path = path_of(bar, chance(seed, "X", bar.start), step, pulse)
    assert list(path.times) == sorted(set(path.times))
    assert path.times[-1] < bar.start + step
    prices = [path.at(bar.start + k * min(pulse, step // 4)) for k in range(step // min(pulse, step // 4))]
    assert (prices[0], prices[-1], max(prices), min(prices)) == (10.0, 11.0, 12.0, 9.0)


def test_chance_depends_on_seed_symbol_and_time_and_on_nothing_else():
    assert chance(1, "X", OPEN) == chance(1, "X", OPEN)
    assert len({chance(1, "X", OPEN), chance(2, "X", OPEN), chance(1, "Y", OPEN), chance(1, "X", OPEN + MINUTE)}) == 4
    sides = np.array([path_of(Bar(0, 1, 1, 1, 1, 1), chance(7, "X", k), MINUTE, SECOND).side for k in range(2000)])
    assert abs(sides.mean() - 0.5) < 0.05


class Sleepless(dict):
    """Forgets until when nothing can trade."""

    def __setitem__(self, symbol, instant):
        pass


@given(tables(), steps, st.integers(0, 5))
@settings(max_examples=60)
def test_symbols_that_are_passed_over_while_nothing_can_trade_miss_no_trade(rows, done, seed):
    venues = venue_of(rows, seed=seed), venue_of(rows, seed=seed)
    venues[1]._asleep = Sleepless()
    for step in [*done, ("wait", 2 * 86_400 * SECOND)]:
        for venue in venues:
            carry(venue, step)
    assert venues[0].executions == venues[1].executions
    assert [order.row(order.accepted) for order in venues[0].orders] == [order.row(order.accepted) for order in venues[1].orders]
