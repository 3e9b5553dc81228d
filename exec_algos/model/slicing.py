"""The slices of a parent order on the clock: where its time goes on over the pauses and nights in its window."""

from __future__ import annotations

Pauses = tuple[tuple[int, int], ...]
Slices = list[tuple[int, int]]


def trading_length(start: int, end: int, pauses: Pauses) -> int:
    """Trading time in ``[start, end)``, ns; `pauses` are those in it, in time order, ns UTC."""
    return end - start - sum(min(stop, end) - begin for begin, stop in pauses if start <= begin < end)


def in_pause(instant: int, pauses: Pauses) -> bool:
    """Whether an instant (ns UTC) is no trading time: a child that rests over a night meets none of its bars."""
    return any(begin <= instant < end for begin, end in pauses)


def slices_between(start: int, end: int, interval: int, pauses: Pauses = ()) -> Slices:
    """Slices of `interval` ns of trading time each, the last one cut at `end`.

    Slice k begins when ``k interval`` of the window's trading time is over: where that is at a pause, with the pause's end. It ends when
    ``(k + 1) interval`` is over: where that is at a pause, with the pause's begin, so that no child rests over it.

    Parameters
    ----------
    start, end : int
        The window ``[start, end)``, ns UTC.
    interval : int
        ns, > 0.
    pauses : tuple of (begin, end)
        What is no trading time, in time order, ns UTC; those outside the window do not count.

    Returns
    -------
    list of (begin, end)
        ns UTC.

    Examples
    --------
    >>> slices_between(0, 10, 2, pauses=((3, 6),))
    [(0, 2), (2, 7), (7, 9), (9, 10)]
    >>> slices_between(0, 9, 3, pauses=((3, 6),))
    [(0, 3), (6, 9)]
    """
    inside = [pause for pause in pauses if start <= pause[0] < end]
    if not inside:
        begins = [*range(start, end, interval)]
        return list(zip(begins, [*begins[1:], end], strict=True))
    begins, ends, passed, i = [], [], 0, 0  # ns of pauses that are over
    for elapsed in range(0, trading_length(start, end, pauses), interval):
        if elapsed:
            while i < len(inside) and inside[i][0] < start + elapsed + passed:
                passed += inside[i][1] - inside[i][0]
                i += 1
            ends.append(start + elapsed + passed)
        while i < len(inside) and inside[i][0] <= start + elapsed + passed:
            passed += inside[i][1] - inside[i][0]
            i += 1
        begins.append(start + elapsed + passed)
    return list(zip(begins, [*ends, end], strict=True))


def all_slices(start: int, end: int, deadline: int, interval: int, pauses: Pauses, auction: int) -> Slices:
    """Slices of a window and of what goes on behind it until `deadline`: one from `auction` on, else one an interval."""
    found = slices_between(start, end, interval, pauses)
    if deadline <= end:
        return found
    resumed = next((stop for begin, stop in pauses if begin == end), end)
    return found + ([(auction, deadline)] if auction >= 0 else slices_between(resumed, deadline, interval, pauses))
