"""What an algorithm says of itself: to the tables of the docs, to the command line, and to the tests that try every algorithm."""

from __future__ import annotations

from typing import Any, NamedTuple

POSITIVE = "must be positive and finite, got {}"
FRACTION = "in [0, 1], got {}; 10 % is 0.1"


class Guide(NamedTuple):
    """When to take an algorithm.

    Attributes
    ----------
    follows : str
        What its decisions follow: a curve, the volume, a price.
    minimises : str
        What it is best at, if anything.
    when : str
        The order and the market that it suits.
    source : str
        Author, year, where.
    """

    follows: str
    minimises: str
    when: str
    source: str


class Parameter(NamedTuple):
    """What a parameter of an algorithm is.

    Attributes
    ----------
    unit : str
    within : str
        The values that it may have: ``"> 0"``, ``"[0, 1)"`` ...
    meaning : str
        One line.
    refuses : tuple
        Values that it must refuse; tests try each of them by value, text, executor and command line.
    saying : str
        A part of the message, ``{}`` for the value.
    """

    unit: str
    within: str
    meaning: str
    refuses: tuple[Any, ...] = ()
    saying: str = "{}"
