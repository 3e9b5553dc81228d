"""Candles of the simulated KIS over any bars, instants and trades of ours: they add up, and a minute that is over stays as it was."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from wired import a_world, at

from exec_algos import Bars
from exec_algos.sim.kis.candles import Tape
from exec_algos.sim.orders import Ticket

MINUTE = 60_000_000_000
PRICES = ("open", "high", "low", "close")
rows = st.tuples(*[st.integers(600, 640)] * 4, st.integers(0, 5_000))


def market(found, step):
    """Bars from 09:00 on, of so many minutes each, on ticks of 100 KRW."""
    table = []
    for first, second, third, fourth, volume in found:
        prices = [100.0 * each for each in (first, second, third, fourth)]
        table.append((prices[0], max(prices), min(prices), prices[3], float(volume)))
    stamps = pd.date_range("2026-11-23 09:00", periods=len(found), freq=f"{step}min", tz="Asia/Seoul")
    frame = pd.DataFrame(table, columns=[*PRICES, "volume"], index=stamps)
    return Bars.from_frame(frame, symbol="005930", label="start", step=f"{step}min")


@settings(max_examples=40, deadline=None)
@given(st.lists(rows, min_size=2, max_size=8), st.sampled_from([1, 3, 5]), st.lists(st.integers(1, 200), min_size=1, max_size=8), st.data())
def test_candles_add_up_lie_within_their_bars_and_do_not_change(found, step, jumps, data):
    world = a_world("09:00:00", market=market(found, step))
    exchange, tape, before = world.exchange, Tape(world), {}
    session = exchange.market.session(world.now)
    account = world.identities[False][0].account
    for jump in jumps:
        exchange.advance(world.now + jump * 1_000_000_000)
        if data.draw(st.booleans()):
            exchange.submit(Ticket(account=account, symbol="005930", side=1, quantity=data.draw(st.integers(1, 400))))
        candles = tape.candles("005930", session)
        ours = sum(execution.quantity for execution in exchange.executions)
        traded = int(exchange.market.traded("005930", world.now) + 1e-6)
        assert sum(candle.volume for candle in candles) == traded + ours
        assert all(candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high for candle in candles)
        assert [candle.start for candle in candles] == sorted({candle.start for candle in candles})
        assert candles == Tape(world).candles("005930", session)
        over = {candle.start: candle for candle in candles if candle.start + MINUTE <= world.now}
        assert {start: over[start] for start in before} == before
        before = over


@settings(max_examples=25, deadline=None)
@given(st.lists(rows, min_size=2, max_size=6), st.sampled_from([1, 5]), st.floats(0, 0.999))
def test_no_candle_knows_what_comes_later(found, step, part):
    """Other bars after an instant make no other candles before it."""
    instant = at("09:00:00") + int(part * len(found) * step * MINUTE)
    known = found[: int(part * len(found)) + 1]
    later = [(640, 640, 640, 640, 9_999)] * 2
    full, other = (a_world(instant, market=market([*known, *rest], step)) for rest in (found[len(known) :], later))
    session = full.exchange.market.session(full.now)
    assert Tape(full).candles("005930", session) == Tape(other).candles("005930", session)
