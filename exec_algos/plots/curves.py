"""The sessions of a study, and the schedules that its algorithms had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.algorithms import Algorithm, parse_algorithm
from exec_algos.algorithms.curve import follow_curve
from exec_algos.checks import Floats, Ints
from exec_algos.errors import UnknownNameError
from exec_algos.market.profile import SessionVolumes, as_series, window_profile
from exec_algos.market.trading_time import TradingTime
from exec_algos.model import Session

if TYPE_CHECKING:
    from exec_algos.market.calendars import Sessions
    from exec_algos.plots.drawn import Drawn


class DrawnSchedule(NamedTuple):
    """What an algorithm aimed at: from `time` (ns UTC) on, `target` (fraction of the order)."""

    time: Ints
    target: Floats


def sessions_of_study(result: Drawn) -> Sessions:
    """The sessions that the study was made on."""
    from exec_algos.market.hours import sessions_of

    return sessions_of(result.bars, result.config["calendar"])


def algorithm_named(text: str) -> Algorithm | None:
    """The algorithm of a text form; None for one that is not built in."""
    try:
        return parse_algorithm(text)
    except UnknownNameError:
        return None


def schedule_of(result: Drawn, order: Any) -> DrawnSchedule | None:
    """The curve of one row of `result.parents`; None where the algorithm follows none fixed before the order."""
    algorithm = algorithm_named(order.algorithm)
    if algorithm is None or algorithm.forecasts or algorithm.decide is not follow_curve:
        return None
    start, end = (int(stamp.as_unit("ns").value) for stamp in (order.start, order.end))
    step = result.bars.step
    interval = algorithm.interval_on(step)
    time = TradingTime.of(sessions_of_study(result), step)
    begin, over = (int(time.elapsed(np.array([instant]))[0]) for instant in (start, end))
    bars = time.resumed(time.instant(np.arange(begin, over, step, dtype=np.int64)))
    curve = algorithm.curve(_profile(result, algorithm, order, bars), step)
    return DrawnSchedule(time.resumed(time.instant(begin + interval * np.arange(len(curve), dtype=np.int64))), curve)


def _profile(result: Drawn, algorithm: Algorithm, order: Any, bars: Ints) -> Floats:
    """The usual volume in each bar of an order's window; `bars` says when they start, ns UTC."""
    if not algorithm.history_days:
        return np.ones(len(bars))
    sessions = sessions_of_study(result)
    session, step = sessions.at_or_after(int(bars[0])), result.bars.step
    profile = SessionVolumes.of(result.bars, order.symbol, sessions).profile(session, algorithm.history_days)
    return window_profile(as_series(profile, Session.of(sessions, session), step, sessions.zone), bars, step, sessions.zone)
