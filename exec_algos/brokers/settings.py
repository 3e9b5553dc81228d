"""`LiveSettings`: how long a live broker waits, how often it asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from exec_algos.errors import UsageError
from exec_algos.model import SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """Times in ns of the broker's clock.

    Parameters
    ----------
    quiet : int
        An order of which no look-up shows anything counts as not sent no sooner than this after its outcome became unknown.
    lookups : int
        Complete look-ups that must show nothing of it, the last of which began after `quiet`.
    answer : int
        How long an answer to an order or a cancel is waited for; then its outcome is unknown.
    poll : int
        Time between look-ups while an order is open and nothing is pushed.
    poll_beside_push : int
        The same where the venue pushes.
    idle : int
        The same while none is open.
    late : int
        How long an order that counts as not sent is still looked for.
    over : int
        How long one that is over is still looked for.
    cancel_again : int
        Time between cancels of one order.
    confirm_lead : int, optional
        `BrokerAPI.confirm_lead`; measured where it is None.
    clock_check : int
        Time between looks at the venue's clock.
    on_open : {"cancel", "follow"}
        What becomes at the start of open children that a journal holds.
    calendar : str
        Calendar of the sessions; that of the instruments where it is empty.
    bar : int
        Length of the bars of a volume profile.

    Raises
    ------
    UsageError
        A time that is not above 0, fewer than one look-up, or another word.
    """

    quiet: int = 30 * SECOND
    lookups: int = 3
    answer: int = 60 * SECOND
    poll: int = SECOND
    poll_beside_push: int = 5 * SECOND
    idle: int = 10 * SECOND
    late: int = 600 * SECOND
    over: int = 120 * SECOND
    cancel_again: int = 2 * SECOND
    confirm_lead: int | None = None
    clock_check: int = 300 * SECOND
    on_open: Literal["cancel", "follow"] = "cancel"
    calendar: str = ""
    bar: int = 60 * SECOND

    def __post_init__(self) -> None:
        for name in ("quiet", "answer", "poll", "poll_beside_push", "idle", "late", "over", "cancel_again", "clock_check", "bar"):
            if getattr(self, name) <= 0:
                raise UsageError(f"{name} must be a time above 0 in ns, got {getattr(self, name)!r}")
        if self.lookups < 1:
            raise UsageError(f"lookups must be at least 1, got {self.lookups!r}")
        if self.confirm_lead is not None and self.confirm_lead < 0:
            raise UsageError(f"confirm_lead must be a time in ns, 0 or more, or None to measure it, got {self.confirm_lead!r}")
        if self.on_open not in ("cancel", "follow"):
            raise UsageError(f"on_open must be 'cancel' or 'follow', got {self.on_open!r}")
