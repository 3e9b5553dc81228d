"""The three laws of impact: published numbers, closed forms, and what later executions meet."""

import asyncio
import math

import numpy as np
import pytest
from markets import DAYS, STEP, bars_of, ns

from exec_algos import FillModel, SimulatedBroker
from exec_algos.costs import AlmgrenImpact, FixedSpread, SquareRootImpact, TransientImpact
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.trajectories.obizhaeva_wang import ObizhaevaWang, discrete_cost

OPEN = ns(DAYS[0], "09:30")
STEP_SECONDS = STEP // 10**9


def flat(n=13, price=100.0, volume=1000.0):
    """Bars of half an hour that trade `volume` shares at one price each."""
    return bars_of({"A": [(OPEN + i * STEP, price, price, price, price, volume, math.nan) for i in range(n)]})


def traded(sizes, impact, *, side="BUY", bars=None, **knobs):
    """Fills of one child a bar, of these sizes; 0 trades nothing."""
    broker = SimulatedBroker(flat(len(sizes)) if bars is None else bars, fill_model=FillModel(impact=impact, **knobs))

    async def work():
        fills = []
        for i, size in enumerate(sizes):
            await broker.clock.sleep_until(OPEN + i * STEP)
            if size:
                fills.append(await broker.place_order("A", size, side=side))
        return fills

    return asyncio.run(work())


def cost(fills, price=100.0):
    """Currency above `price`."""
    return math.fsum(one.quantity * (one.fill_price - price) * one.side for one in fills)


def test_a_second_child_pays_what_is_left_of_the_first():
    first, second = traded([100, 100], TransientImpact(0.01, half_life_seconds=STEP_SECONDS))
    assert first.fill_price == pytest.approx(100 * (1 + 0.001 / 2), rel=1e-14)
    assert second.fill_price == pytest.approx(100 * (1 + 0.001 / 2 + 0.001 / 2), rel=1e-14)
