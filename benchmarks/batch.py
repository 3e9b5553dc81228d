"""Batch: 25,200 parents x 390 bars (100 symbols x 252 sessions), 10 % cap with carry-over, one core.

The yardstick is a hand-written numba loop for the one case, in this file: one for orders that follow a curve, one for POV. Both must
give the same numbers, or there is no result. The curves of dynamic VWAP, one for each order, are drawn before: this is the slicing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from machine import keep, seconds
from numba import njit

from exec_algos.algorithms import POV, TWAP, VWAP, Algorithm, DynamicVWAP, ImplementationShortfall
from exec_algos.algorithms.curve import cumulative_curve
from exec_algos.batch import BatchOrders, Tape, Watched, run_batch
from exec_algos.costs import Commission

PARENTS, MINUTES = 25_200, 390
STEP = 60_000_000_000


@njit
def by_hand(opens, volumes, quantity, curve, cap, out):  # type: ignore[no-untyped-def]
    for i in range(opens.shape[0]):
        filled, notional = 0, 0.0
        for k in range(opens.shape[1]):
            target = quantity if k == opens.shape[1] - 1 else math.floor(curve[k] * quantity + 0.5)
            child = target - filled
            if child > 0:
                child = min(child, int(cap * volumes[i, k]))
                filled += child
                notional += child * opens[i, k]
        out[i, 0], out[i, 1] = filled, notional


@njit
def curves_by_hand(opens, volumes, quantity, curves, cap, out):  # type: ignore[no-untyped-def]
    for i in range(opens.shape[0]):
        filled, notional = 0, 0.0
        for k in range(opens.shape[1]):
            target = quantity if k == opens.shape[1] - 1 else math.floor(curves[i, k] * quantity + 0.5)
            child = target - filled
            if child > 0:
                child = min(child, int(cap * volumes[i, k]))
                filled += child
                notional += child * opens[i, k]
        out[i, 0], out[i, 1] = filled, notional


@njit
def pov_by_hand(opens, volumes, quantity, rate, cap, out):  # type: ignore[no-untyped-def]
    for i in range(opens.shape[0]):
        filled, notional, traded = 0, 0.0, 0.0
        for k in range(opens.shape[1]):
            child = min(quantity, math.floor(rate * traded)) - filled
            if child > 0:
                child = min(child, int(cap * volumes[i, k]))
                filled += child
                notional += child * opens[i, k]
            traded += volumes[i, k]
        out[i, 0], out[i, 1] = filled, notional


@njit
def sum_columns(a, b, c, d, e):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] + b[i] + c[i] + d[i] + e[i]
    return total


def work(tape: Tape, orders: BatchOrders, curve: Any, algorithm: Algorithm, threads: int = 1, recording: bool = False) -> Any:
    rule = algorithm.decide, algorithm.params()
    looks = {"watching": algorithm.watches}
    return run_batch(tape, orders, curve, *rule, step=STEP, commission=Commission(), threads=threads, recording=recording, **looks)


def measured(name: str, ours: Callable[..., Any], by_hand: Callable[..., None], bars: int) -> dict[str, Any]:
    out = np.zeros((PARENTS, 2))
    outcome, _ = ours()
    by_hand(out)
    if not (np.array_equal(outcome.filled, out[:, 0]) and np.array_equal(outcome.notional, out[:, 1])):
        raise SystemExit(f"{name}: the two loops disagree")
    hand, single, double = (bars / one / 1e6 for one in together(lambda: by_hand(out), ours, lambda: ours(threads=2)))
    kept = bars / seconds(lambda: ours(recording=True), 2) / 1e6
    return {
        "million_bar_steps_per_second": {
            "hand_written_loop": round(hand),
            "run_batch_one_thread": round(single),
            "run_batch_two_threads": round(double),
            "run_batch_one_thread_keeping_every_fill": round(kept),
        },
        "ratio_to_hand_written": round(single / hand, 3),
        "ratio_two_threads_to_one": round(double / single, 2),
    }


def together(*works: Callable[[], Any], repeats: int = 40) -> list[float]:
    """Least seconds of each, taken in turn: on a shared machine the least is what the others left undisturbed."""
    return [min(times) for times in zip(*[[seconds(work, 1) for work in works] for _ in range(repeats)], strict=True)]


def main() -> None:
    rng = np.random.default_rng(0)
    shape = (PARENTS, MINUTES)
    opens = 100 * np.exp(np.cumsum(rng.normal(0, 1e-4, shape), axis=1))
    volumes = rng.integers(2_000, 20_000, shape).astype(np.float64)
    flat = opens.ravel()
    low, high = flat * 0.9995, flat * 1.0005
    start = np.arange(PARENTS * MINUTES, dtype=np.int64) * STEP
    traded = np.cumsum(volumes.ravel())
    none = np.full(len(flat), np.nan)
    tape = Tape(start, flat, flat, low, high, volumes.ravel(), Watched(traded, flat, none, none, none, none, 1.0))
    first, one = np.arange(PARENTS, dtype=np.int64) * MINUTES, np.ones(PARENTS, dtype=np.int64)
    begin, quantity = first * STEP, 300_000
    orders = BatchOrders(
        side=one, lots=one * quantity, lot_size=one * 1.0, cap=one * 0.1, start=begin, end=begin + MINUTES * STEP,
        interval=one * STEP, slices=one * MINUTES, first=first, last=first + MINUTES, curve=one * 0, base=one * 0,
    )  # fmt: skip
    many = orders._replace(curve=first)
    rate = POV(rate=0.05)
    ushape = 1 + 2 * (np.linspace(-1, 1, MINUTES)) ** 2
    drawn = np.cumsum(ushape * rng.lognormal(0, 0.2, shape), axis=1)
    drawn /= drawn[:, -1:]
    shared = {
        "twap": (TWAP(), cumulative_curve(np.ones(MINUTES), 1)),
        "vwap": (VWAP(), cumulative_curve(ushape, 1)),
        "implementation_shortfall": (ImplementationShortfall(), ImplementationShortfall().curve(np.ones(MINUTES), STEP)),
    }
    cases: dict[str, tuple[Any, BatchOrders, Any, Callable[[], None]]] = {
        name: (algorithm, orders, curve, partial(by_hand, opens, volumes, quantity, curve, 0.1))
        for name, (algorithm, curve) in shared.items()
    }
    cases["dynamic_vwap"] = DynamicVWAP(), many, drawn.ravel(), partial(curves_by_hand, opens, volumes, quantity, drawn, 0.1)
    cases["pov"] = rate, orders, np.linspace(0, 1, MINUTES), partial(pov_by_hand, opens, volumes, quantity, rate.trading_rate, 0.1)
    figures: dict[str, Any] = {}
    bars = PARENTS * MINUTES
    for name, (algorithm, book, curve, hand_written) in cases.items():
        figures[name] = measured(name, partial(work, tape, book, curve, algorithm), hand_written, bars)
    flat_volume = volumes.ravel()
    figures["sum_of_five_columns_million_bars_per_second"] = round(
        bars / seconds(lambda: sum_columns(flat, low, high, flat, flat_volume), 9) / 1e6
    )
    keep("batch", {"work": f"{PARENTS} parents x {MINUTES} bars, 10 % cap with carry-over", **figures})


if __name__ == "__main__":
    main()
