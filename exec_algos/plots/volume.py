"""When the volume of a day traded, against the profile that VWAP expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UsageError
from exec_algos.market.pieces import starts
from exec_algos.market.profile import SessionVolumes
from exec_algos.model import Session
from exec_algos.plots.curves import algorithm_named, sessions_of_study
from exec_algos.plots.fonts import lettered
from exec_algos.plots.style import COLOURS, GREY, INK, clean, clock_axis, dates, head, legend_above, look
from exec_algos.textform import numbered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from exec_algos.market.calendars import Sessions
    from exec_algos.plots.drawn import Drawn


class _Curves(NamedTuple):
    """Mean fraction of a session's volume in each bar from the open, and what it is the mean of."""

    realised: Floats
    profiles: dict[int, Floats]
    sessions: int
    symbols: int
    other_hours: int
    example: int


@lettered
def volume(result: Drawn, ax: Axes, *, symbol: str | None = None) -> Axes:
    """Mean share of the session's volume in each bar from the open, % of it, over the sessions of the study.

    The profile is what VWAP expected: for each of the sessions the mean volume of the N before it.
    Each symbol and session weighs the same. Sessions of unusual length (half days) are left out, and counted.

    Parameters
    ----------
    result : StudyResult
    ax : Axes
    symbol : str, optional
        All symbols by default.

    Raises
    ------
    UnknownNameError
        No such symbol.
    UsageError
        The study has no parent order of the symbol.
    """
    sessions = sessions_of_study(result)
    curves = _curves(result, sessions, symbol)
    step, begins = result.bars.step, starts(Session.of(sessions, curves.example), result.bars.step)
    pause = np.flatnonzero(np.diff(begins) > step) + 1  # a stair of its own, without a height
    edges = dates(np.append(np.insert(begins, pause, begins[pause - 1] + step), begins[-1] + step))
    ax.stairs(np.insert(curves.realised * 100, pause, np.nan), edges, fill=True, color=GREY, alpha=0.45, label="realised")
    for i, (days, profile) in enumerate(curves.profiles.items()):
        ax.stairs(np.insert(profile * 100, pause, np.nan), edges, baseline=None, linewidth=1.3, label=_label(days), **look(i))
    clean(ax)
    top = _top(curves)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(0, top * 100))
    ax.set_ylabel(f"% of the session's volume, bars of {step / 1e9:g} s", fontsize=9, color=INK)
    clock_axis(ax, sessions.zone, f"exchange time ({sessions.zone}), from the open")
    head(
        ax,
        f"Volume through the day: {symbol or numbered(curves.symbols, 'symbol')}",
        [_note(curves), *_beyond(curves, top, begins, result)],
        above=legend_above(ax),
    )
    return ax


def _label(days: int) -> str:
    return f"profile: mean of the {days} sessions before" if days > 1 else "profile: the session before"


def _note(curves: _Curves) -> str:
    if not curves.sessions:
        return "nothing traded in these sessions: there is no volume to draw"
    left_out = f"; {curves.other_hours} of other length left out" if curves.other_hours else ""
    return f"mean over {curves.sessions} of symbol and session, each weighs the same{left_out}"


def _top(curves: _Curves) -> float:
    """Top of the axis, fraction: single bars, such as the auctions, may stand out of it."""
    highest = np.max([curves.realised, *curves.profiles.values()], axis=0)
    return float(min(1.05 * highest.max(), 2.5 * np.quantile(highest, 0.97)) or 1.05 * highest.max() or 0.01)


def _beyond(curves: _Curves, top: float, begins: Ints, result: Drawn) -> list[str]:
    """What stands out of the axis, in numbers."""
    import pandas as pd

    highest = np.max([curves.realised, *curves.profiles.values()], axis=0)
    slots = np.flatnonzero(highest > top)
    times = [f"{pd.Timestamp(int(begins[slot]), tz='UTC').tz_convert(result.config['zone']):%H:%M}" for slot in slots]
    beyond = [
        f"{time} {curves.realised[slot]:.1%} (profile {', '.join(f'{p[slot]:.1%}' for p in curves.profiles.values())})"
        for time, slot in zip(times, slots, strict=True)
    ]
    more = f" and {len(beyond) - 3} more" if len(beyond) > 3 else ""
    return [f"beyond the axis: {', '.join(beyond[:3])}{more}"] if beyond else []


def _curves(result: Drawn, sessions: Sessions, symbol: str | None) -> _Curves:
    studied = _studied(result, sessions, symbol)
    slots = sessions.slots(result.bars.step)
    length = _usual([int(slots[session]) for held in studied.values() for session in held])
    days = _profile_days(result)
    realised: list[Floats] = []
    profiles: dict[int, list[Floats]] = {n: [] for n in days}
    example, others = next(session for held in studied.values() for session in held if slots[session] == length), 0
    for name, held in studied.items():
        table = SessionVolumes.of(result.bars, name, sessions)
        usual = [session for session in held if slots[session] == length and table.volumes[session].sum() > 0]
        others += sum(int(slots[session] != length) for session in held)
        realised += [table.volumes[session, :length] / table.volumes[session].sum() for session in usual]
        for n in days:
            profiles[n] += [table.profile(session, n) for session in usual]
    means = {n: _mean(found, length) for n, found in profiles.items()}
    return _Curves(_mean(realised, length), means, len(realised), len(studied), others, example)


def _usual(lengths: list[int]) -> int:
    """The commonest; of equals the longest."""
    values, counts = np.unique(lengths, return_counts=True)
    return int(values[counts == counts.max()].max())


def _mean(found: list[Floats], length: int) -> Floats:
    return np.mean(found, axis=0) if found else np.zeros(length)


def _studied(result: Drawn, sessions: Sessions, symbol: str | None) -> dict[str, list[int]]:
    """Sessions that have parent orders, by symbol."""
    pairs = result.parents[["symbol", "session"]].drop_duplicates()
    if symbol is not None:
        result.bars.rows(symbol)
        pairs = pairs[pairs["symbol"] == symbol]
        if not len(pairs):
            raise UsageError(f"this study has no parent order of {symbol!r}; result.skipped says why")
    held = np.searchsorted(sessions.date, pairs["session"].to_numpy().astype("datetime64[D]"))
    return {name: held[(pairs["symbol"] == name).to_numpy()].tolist() for name in pairs["symbol"].unique()}


def _profile_days(result: Drawn) -> list[int]:
    """N of each algorithm that has a profile, else that of the study."""
    algorithms = [algorithm_named(text) for text in result.config["algorithms"]]
    asked = {algorithm.history_days for algorithm in algorithms if algorithm is not None and algorithm.history_days}
    return sorted(asked or {result.config["profile_days"]})[: len(COLOURS)]
