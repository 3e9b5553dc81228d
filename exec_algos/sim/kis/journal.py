"""`Journal`: every request that came to a simulated KIS, what it was answered, and how many there were in a second."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

from exec_algos.sim.kis.world import SECOND

SECRET = frozenset({"authorization", "appkey", "appsecret", "secretkey", "token", "personalseckey", "access_token"})
TAIL = 4  # characters of an app key that are told


class Journal:
    """Requests in the order in which they came."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def add(self, **said: Any) -> dict[str, Any]:
        """Write a request down; the entry may be added to."""
        entry = {"n": len(self.entries) + 1, "accepted": False, **said}
        self.entries.append(entry)
        return entry

    def rates(self) -> dict[str, Any]:
        """Of each app key (its last characters): the most requests that came, and that were let through, in any second."""
        keys = sorted({str(entry["app_key"]) for entry in self.entries if entry["tr_id"]})
        return {key: self._rates(key) for key in keys}

    def _rates(self, key: str) -> dict[str, Any]:
        own = [entry for entry in self.entries if entry["app_key"] == key and entry["tr_id"]]
        passed = [entry for entry in own if not entry["throttled"]]
        return {
            "came": len(own),
            "most_came": most_in_a_second(entry["time"] for entry in own),
            "passed": len(passed),
            "most_passed": most_in_a_second(entry["time"] for entry in passed),
            "throttled": len(own) - len(passed),
            "by_second": sorted(Counter(entry["time"] // SECOND for entry in own).items()),
        }


def most_in_a_second(times: Iterable[int]) -> int:
    """The most of these instants (ns, rising) that lie in one second, of which the end does not count."""
    window: deque[int] = deque()
    most = 0
    for time in times:
        window.append(time)
        while window[0] <= time - SECOND:
            window.popleft()
        most = max(most, len(window))
    return most


def without_secrets(said: Mapping[str, Any]) -> dict[str, Any]:
    """Headers or fields, with what is secret left out."""
    return {name: "..." if name.lower() in SECRET else value for name, value in said.items()}
