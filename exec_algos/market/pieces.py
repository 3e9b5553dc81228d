"""One session in the pieces in which its exchange trades: what a pause parts."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from exec_algos.market.arrays import Ints


class OpenHours(Protocol):
    """A session: ``[open, close)`` in ns UTC, without its `breaks`."""

    @property
    def open(self) -> int:
        """When it opens."""
        ...

    @property
    def close(self) -> int:
        """When it closes."""
        ...

    @property
    def zone(self) -> str:
        """IANA zone of its clock."""
        ...

    @property
    def breaks(self) -> tuple[tuple[int, int], ...]:
        """Its pauses ``[begin, end)`` in time order, ns UTC."""
        ...


def pieces(hours: OpenHours, step: int) -> list[tuple[int, int]]:
    """The stretches ``[begin, end)`` of trading, each cut to whole bars of `step` ns: ns UTC."""
    begins = [hours.open, *(end for _, end in hours.breaks)]
    ends = [*(begin for begin, _ in hours.breaks), hours.close]
    return [(begin, begin + (end - begin) // step * step) for begin, end in zip(begins, ends, strict=True)]


def shape(hours: OpenHours, step: int) -> tuple[int, ...]:
    """Whole bars in each piece of a session."""
    return tuple((end - begin) // step for begin, end in pieces(hours, step))


def slot(hours: OpenHours, instant: int, step: int) -> int:
    """Which of the session's bars starts at an instant (ns UTC) that is not before its open; one in a pause counts as the pause's end."""
    if not hours.breaks:
        return (instant - hours.open) // step
    return sum((min(instant, end) - begin) // step for begin, end in pieces(hours, step) if instant > begin)


def starts(hours: OpenHours, step: int) -> Ints:
    """When each whole bar of a session starts: ns UTC."""
    return np.concatenate([np.arange(begin, end, step, dtype=np.int64) for begin, end in pieces(hours, step)])
