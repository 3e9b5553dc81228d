"""The x-axis of one order: exchange time, and over several stretches of trading without the nights and pauses between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.market.trading_time import TradingTime
from exec_algos.plots.curves import sessions_of_study
from exec_algos.plots.style import GREY, INK, clock_axis, dates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn

HOUR = 3_600_000_000_000
_MOST = 9  # ticks
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120)  # minutes


@dataclass(frozen=True, slots=True)
class Clock:
    """Where instants of the window ``[start, end]`` (ns UTC) stand on the x-axis."""

    time: TradingTime
    start: int
    end: int
    zone: str

    @classmethod
    def of(cls, result: Drawn, start: int, end: int) -> Clock:
        """That of a window of a study."""
        return cls(TradingTime.of(sessions_of_study(result), result.bars.step), start, end, result.config["zone"])

    @property
    def begins(self) -> Ints:
        """When the stretches of trading in the window begin."""
        mine = (self.time.close > self.start) & (self.time.open < self.end)
        return np.maximum(self.time.open[mine], self.start)

    @property
    def parted(self) -> bool:
        """Whether time without trading is left out."""
        return len(self.begins) > 1

    def at(self, instants: Ints) -> Floats:
        """Places of instants: dates of matplotlib, or hours of trading since the start where nights are left out."""
        if not self.parted:
            return dates(instants)
        ends = np.array([self.start], dtype=np.int64)
        return np.asarray((self.time.elapsed(np.asarray(instants, dtype=np.int64)) - self.time.elapsed(ends)) / HOUR, dtype=np.float64)

    def mark(self, parts: Sequence[Axes], instant: int) -> None:
        """A thin line at an instant (ns UTC)."""
        for part in parts:
            part.axvline(self.at(np.array([instant], dtype=np.int64))[0], color=GREY, linewidth=0.9, zorder=1, label="end of the window")

    def finish(self, ax: Axes) -> None:
        """Limits, ticks and name of the axis."""
        low, high = self.at(np.array([self.start, self.end], dtype=np.int64))
        ax.set_xlim(low, high)
        if not self.parted:
            clock_axis(ax, self.zone, f"exchange time ({self.zone})")
            return
        kept, labels = self._ticks()
        ax.set_xticks(self.at(kept).tolist(), labels)
        ax.set_xlabel(f"exchange time ({self.zone}), trading time only", fontsize=9, color=INK, parse_math=False)

    def _ticks(self) -> tuple[Ints, list[str]]:
        """Where stretches of trading begin, with their dates if there are several, and round times between them where there is room."""
        import pandas as pd

        begins = self.begins
        local = pd.DatetimeIndex(begins.view("datetime64[ns]"), tz="UTC").tz_convert(self.zone)
        first = "%Y-%m-%d\n%H:%M" if len(local.normalize().unique()) > 1 else "%H:%M"
        every = max(1, -(-len(begins) // _MOST))
        ticks = {int(begin): f"{stamp:{first}}" for begin, stamp in zip(begins[::every], local[::every], strict=True)}
        whole = float(np.diff(self.at(np.array([self.start, self.end], dtype=np.int64)))[0]) * 60
        minutes = next((step for step in _STEPS if whole / step <= _MOST - len(ticks)), 0)
        for begin, stamp in zip(begins, local, strict=True) if minutes else ():
            stop = min(int(self.time.close[np.searchsorted(self.time.close, begin, side="right")]), self.end)
            free = pd.Timedelta(minutes=minutes) / 2
            for time in pd.date_range((stamp + free).ceil(f"{minutes}min"), freq=f"{minutes}min", periods=_MOST):
                if time.value <= stop - free.value:
                    ticks[time.value] = f"{time:%H:%M}"
        return np.array(sorted(ticks), dtype=np.int64), [ticks[instant] for instant in sorted(ticks)]
