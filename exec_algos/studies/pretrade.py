"""What each parent order of a study was expected to cost before it began, from the cost object that fills it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.algorithms import Algorithm
from exec_algos.checks import Floats
from exec_algos.costs import FixedSpread
from exec_algos.costs.fees import FeeSchedule
from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.market.profile import SessionVolumes, stretched
from exec_algos.studies.run.curves import Curves, curves_of
from exec_algos.tca.pretrade import MarketForecast, PreTradeEstimate, pretrade_estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from exec_algos.fills import FillModel
    from exec_algos.market.bars import Bars
    from exec_algos.studies.design.parents import ParentOrders


NOT_FIXED = "its schedule is not fixed before the order"
NO_VOLATILITY = "too few earlier sessions for a volatility"
SEVERAL_SESSIONS = "the estimate knows one session, and the window runs over more"
NO_SPREAD = "the spread of earlier sessions is not known, and the fill model's is not the same in each bar"
PARTS = ("expected", "spread", "impact", "commission", "sd", "low", "high")


class _Before(NamedTuple):
    """What is known before the orders of a study."""

    bars: Bars
    orders: ParentOrders
    model: FillModel
    volumes: Callable[[int], SessionVolumes]


def pretrade(  # noqa: PLR0913 - the parts of a study, and the draw
    bars: Bars,
    parents: ParentOrders,
    algorithms: Sequence[Algorithm],
    fill_model: FillModel,
    *,
    confidence: float = 0.9,
    most: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Expected cost against arrival of a study's parent orders, before any of them began.

    Volumes are the mean of the grid's earlier sessions, bar by bar, and their spread says how likely the order completes; volatility and a
    spread that is not fixed are those of the same sessions (`exec_algos.studies.design.history.known_before`). Each slice of the
    schedule counts as one child that meets the volume of its slice.

    Parameters
    ----------
    bars, parents, algorithms, fill_model
        Of the study.
    confidence : float
        Of the range ``low_bps`` to ``high_bps``: 0.9 is from 5 to 95 %.
    most : int, optional
        Parent orders, drawn at random; all by default. One order takes about a millisecond, more with transient impact.
    seed : int
        Of the draw.

    Returns
    -------
    DataFrame
        A row for each parent order and algorithm: ``parent_id, algorithm, symbol, session, side, quantity, expected_bps, spread_bps,
        impact_bps, commission_bps, sd_bps, low_bps, high_bps`` (positive = cost), ``participation, peak_participation, completion`` (a
        probability), ``basis`` (what that rests on) and ``reason``: why there is no estimate.

    Raises
    ------
    UsageError
        `most` below 1, or no parent order is left.
    """
    import pandas as pd

    if most is not None and most < 1:
        raise UsageError(f"most is how many parent orders are estimated, at least 1, got {most!r}")
    curves, orders = curves_of(bars, parents, algorithms)
    if not len(orders):
        raise UsageError("no parent order is left to estimate; see study.parents.skipped")
    rows = np.arange(len(orders))
    if most is not None and most < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))

    @cache
    def volumes(symbol: int) -> SessionVolumes:
        return SessionVolumes.of(bars, bars.symbols[symbol], orders.sessions)

    before = _Before(bars, orders, fill_model, volumes)
    lines = [
        {**_order(orders, int(n)), "algorithm": str(algorithm), **_estimated(before, algorithm, own, int(n), confidence)}
        for n in rows
        for algorithm, own in zip(algorithms, curves, strict=True)
    ]
    return pd.DataFrame(lines)


def _order(orders: ParentOrders, n: int) -> dict[str, Any]:
    return {
        "parent_id": n,
        "algorithm": "",
        "symbol": orders.symbols[orders.symbol[n]],
        "session": orders.sessions.date[orders.session[n]].astype("datetime64[s]"),
        "side": "BUY" if orders.side[n] > 0 else "SELL",
        "quantity": orders.lots[n] * orders.lot_size,
    }


def _estimated(before: _Before, algorithm: object, curves: Curves, n: int, confidence: float) -> dict[str, Any]:
    """One order's estimate as columns; NaN and the reason where there is none."""
    shares = float(before.orders.lots[n] * before.orders.lot_size)
    curve = curves.values[curves.begin[n] : curves.begin[n] + curves.slices[n]]
    try:
        if not isinstance(algorithm, Algorithm) or algorithm.watches or algorithm.forecasts:
            raise UsageError(NOT_FIXED)
        found = pretrade_estimate(shares, curve, _market_forecast(before, algorithm, n), _charged(before, n), confidence=confidence)
    except (UsageError, NotEnoughHistoryError) as error:
        blank = dict.fromkeys([*(f"{name}_bps" for name in PARTS), "participation", "peak_participation", "completion"], np.nan)
        return {**blank, "basis": "", "reason": str(error)}
    return _columns(found)


def _charged(before: _Before, n: int) -> FillModel:
    """The fill model with the commission that the order's side pays on its day."""
    fees, orders = before.model.commission, before.orders
    if not isinstance(fees, FeeSchedule):
        return before.model
    day = str(orders.sessions.date[orders.session[n]])
    return replace(before.model, commission=fees.commission(day, "BUY" if orders.side[n] > 0 else "SELL"))


def _columns(found: PreTradeEstimate) -> dict[str, Any]:
    return {
        **{f"{name}_bps": getattr(found, name) for name in PARTS},
        "participation": found.participation,
        "peak_participation": found.peak_participation,
        "completion": found.completion.probability,
        "basis": found.completion.basis,
        "reason": "",
    }


def _market_forecast(before: _Before, algorithm: Algorithm, n: int) -> MarketForecast:
    """What was known of the market when the order began."""
    orders = before.orders
    session, sessions = int(orders.session[n]), orders.sessions
    if orders.end[n] > sessions.close[session]:
        raise UsageError(SEVERAL_SESSIONS)
    length = int(sessions.slots(before.bars.step)[session]) * before.bars.step
    known = {name: float(orders.columns[name][n]) for name in ("adv", "adv_notional", "volatility_bps", "spread_bps")}
    if np.isnan(known["volatility_bps"]):
        raise UsageError(NO_VOLATILITY)
    by_slice = _earlier_slices(before, algorithm, n)
    return MarketForecast(
        volumes=by_slice.mean(axis=0),
        volatility=known["volatility_bps"] / 1e4,
        duration=float(orders.end[n] - orders.start[n]) / length,
        price=known["adv_notional"] / known["adv"],
        half_spread=_half_spread(before.model, known["spread_bps"]),
        sessions=by_slice,
        session_seconds=length / 1e9,
        symbol=orders.symbols[orders.symbol[n]],
    )


def _earlier_slices(before: _Before, algorithm: Algorithm, n: int) -> Floats:
    """Volumes of the order's slices in the earlier sessions, shape (n_sessions, n_slices)."""
    orders, step = before.orders, before.bars.step
    session, volumes = int(orders.session[n]), before.volumes(int(orders.symbol[n]))
    number = np.array([session])
    first, last = (int(orders.sessions.slot(number, at[n : n + 1], step)[0]) for at in (orders.start, orders.end))
    slots, width = int(volumes.slots[session]), algorithm.interval_on(step) // step
    history = [stretched(earlier, slots)[first:last] for earlier in volumes.before(session, orders.profile_days)]
    return np.add.reduceat(np.array(history), np.arange(0, last - first, width), axis=1)


def _half_spread(model: FillModel, known_bps: float) -> float | None:
    """The spread of earlier sessions where the fill model's is not one number."""
    if model.spread is None or isinstance(model.spread, FixedSpread):
        return None
    if np.isnan(known_bps):
        raise UsageError(NO_SPREAD)
    return known_bps / 2e4
