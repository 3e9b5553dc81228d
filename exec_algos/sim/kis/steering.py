"""What a test does to the web sockets of the simulated KIS, as its control port is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.sim.kis.stream import Stream

HOSTS = {"live": False, "paper": True}
NUMBERS = ("seconds", "per_second", "linger")
MOST_A_SECOND = 10_000


def steer(stream: Stream, said: Any) -> None:
    """Do one thing to the sessions of a host, or of both where none is named.

    Parameters
    ----------
    stream : Stream
    said : dict
        ``do``, perhaps ``host`` (``"live"``, ``"paper"``), and what it needs: ``drop`` (``linger``, may be left out), ``stall``
        and ``refuse`` (``seconds`` of venue time), ``flood`` (``per_second`` on each registration, ``seconds``, both of real time),
        ``odd`` (``name`` of a frame).

    Raises
    ------
    UsageError
        Something that it does not know, or a number that cannot be.
    """
    if not isinstance(said, dict):
        raise UsageError(f"what is done to the web sockets must be an object, got {said!r}")
    wanted = dict(said)
    name, host = str(wanted.pop("do", "")), wanted.pop("host", None)
    if name not in NEEDED:
        raise UnknownNameError("thing to do to the web sockets", name, tuple(NEEDED))
    if host is not None and host not in HOSTS:
        raise UnknownNameError("host", str(host), tuple(HOSTS))
    paper = None if host is None else HOSTS[host]
    needed, optional = NEEDED[name]
    if not set(needed) <= set(wanted) <= {*needed, *optional}:
        raise UsageError(f"{name} needs {', '.join(needed) or 'nothing more'}, got {', '.join(wanted) or 'nothing'}")
    for each in NUMBERS:
        if each in wanted:
            _check(each, wanted[each])
    actions: dict[str, Callable[[], None]] = {
        "drop": lambda: stream.drop(paper, wanted.get("linger")),
        "stall": lambda: stream.stall(wanted["seconds"], paper),
        "refuse": lambda: stream.refuse(wanted["seconds"], paper),
        "flood": lambda: stream.flood(wanted["per_second"], wanted["seconds"], paper),
        "odd": lambda: stream.odd(str(wanted["name"]), paper),
    }
    actions[name]()


NEEDED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "drop": ((), ("linger",)),
    "stall": (("seconds",), ()),
    "refuse": (("seconds",), ()),
    "flood": (("per_second", "seconds"), ()),
    "odd": (("name",), ()),
}
"""What each needs, and what may be left out."""


def _check(name: str, value: Any) -> None:
    kinds = int if name == "per_second" else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value < math.inf:
        raise UsageError(f"{name} must be a number from 0, got {value!r}")
    if name == "per_second" and not 1 <= value <= MOST_A_SECOND:
        raise UsageError(f"per_second must be in [1, {MOST_A_SECOND:,}], got {value}")
