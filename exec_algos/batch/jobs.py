"""What a call of the compiled loop is made of: the rules in lots, and the orders in pieces that share a variant."""

from __future__ import annotations

import os

import numpy as np

from exec_algos.batch.tape import BatchOrders, Variant
from exec_algos.checks import Ints
from exec_algos.errors import UsageError
from exec_algos.model import Bounds, Residual, Rules
from exec_algos.model.style import ChildStyle

AFTER = {Residual.EXTEND: 1, Residual.CLOSE_AUCTION: 2}


def jobs_of(common: Variant, orders: BatchOrders, step: int, threads: int | None) -> list[tuple[Variant, Ints]]:
    """Rows of the orders in as many pieces as there are threads, those of one bar a slice apart from the others."""
    shares = bool(common.shares_only and (orders.lot_size == 1.0).all() and (orders.cap <= 1.0).all())
    single = (orders.last - orders.first == orders.slices) & (orders.end - orders.start == orders.slices * step)
    if common.after:
        single &= orders.deadline == orders.end
    paused = orders.decisions > 0 if len(orders.decisions) else np.zeros(len(single), dtype=bool)
    jobs: list[tuple[Variant, Ints]] = []
    for dense, parted in ((True, False), (False, False), (False, True)):
        chosen = np.flatnonzero((single & ~paused == dense) & (paused == parted))
        pieces = min(threads or os.cpu_count() or 1, -(-len(chosen) // 64))
        variant = common._replace(dense=dense, shares_only=shares and dense and not common.late, paused=parted)
        jobs.extend((variant, part) for part in np.array_split(chosen, pieces or 1) if len(part))
    return jobs


def bounds_of(orders: BatchOrders, rules: Rules, latency: int) -> tuple[Bounds, int]:
    """The rules in lots, which are one size where children are bounded, and `Variant.after`."""
    after, policy, sizes = AFTER.get(Residual(rules.residual), 0), str(rules.residual), np.unique(orders.lot_size)
    if latency and rules.residual != Residual.CANCEL:
        raise UsageError(f"with latency the compiled loop knows no residual policy but 'cancel', got {policy!r}; use driver='engine'")
    if ChildStyle.of(rules.style).placement().passive or rules.randomisation is not None:
        what = f"style {str(rules.style)!r}" if rules.randomisation is None else f"{rules.randomisation}"
        raise UsageError(f"the compiled loop places children at market and on time, got {what}; use driver='engine'")
    if after and len(orders.deadline) != len(orders.side):
        raise UsageError(f"residual policy {policy!r} goes on after the window: orders.deadline must say until when, ns UTC")
    if len(sizes) > 1 and (rules.min_child or rules.max_child):
        raise UsageError(f"min_child and max_child need orders of one lot size, got {sizes.tolist()}; run each size by itself")
    return rules.bounds(float(sizes[0]) if len(sizes) else 1.0), after
