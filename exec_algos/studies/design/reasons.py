"""Reasons why orders, days or rows were left out, counted for people to read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import zip_longest

# a count that stands by itself: no part of a time, a date, a size, a price or a name, which are words of their own
COUNT = re.compile(r"(?<![\w.:/%+-])\d+(?![\w:%/]|[.-]\d)")

# what a grid of several windows or sizes puts before its reasons
PLAN = re.compile(r"(?:whole session|\d{1,2}:\d\d-\d{1,2}:\d\d), [^:]+: ")


def split_plan(reason: str) -> tuple[str, str]:
    """The window and size that a grid of several puts before a reason, and the reason.

    >>> split_plan("09:30-12:00, 1%adv: there are 0")
    ('09:30-12:00, 1%adv: ', 'there are 0')
    >>> split_plan("there are 0")
    ('', 'there are 0')
    """
    found = PLAN.match(reason)
    plan = found.group() if found else ""
    return plan, reason[len(plan) :]


def counted(reasons: Iterable[str]) -> str:
    """Reasons with their counts; those that differ only in how many count together, with the range of each number.

    >>> counted(["there are 0", "there are 4", "no bar"])
    '2 x there are 0-4; 1 x no bar'
    >>> counted(["09:30-12:00, 1%adv: there are 0", "10:00-16:00, 2%adv: there are 0"])
    '1 x 09:30-12:00, 1%adv: there are 0; 1 x 10:00-16:00, 2%adv: there are 0'
    """
    return "; ".join(f"{n} x {kind}" for n, kind in kinds_of(reasons))


def kinds_of(reasons: Iterable[str]) -> list[tuple[int, str]]:
    """Each kind of reason with its count, in order of appearance."""
    kinds: dict[tuple[str, ...], list[list[str]]] = {}
    for reason in reasons:
        kinds.setdefault(tuple(COUNT.split(reason)), []).append(COUNT.findall(reason))
    return [(len(numbers), _joined(words, [_range(column) for column in zip(*numbers, strict=True)])) for words, numbers in kinds.items()]


def _joined(words: Iterable[str], ranges: Iterable[str]) -> str:
    return "".join(word + between for word, between in zip_longest(words, ranges, fillvalue=""))


def _range(numbers: tuple[str, ...]) -> str:
    low, high = min(map(int, numbers)), max(map(int, numbers))
    return numbers[0] if low == high else f"{low}-{high}"
