"""The rehearsal venue, as a broker's adapter: `RehearsalVenue` talks to a process of ``exec-algos venue-sim``.

What lives here: how that venue talks. What may not: the venue itself (`exec_algos.sim`), state of orders, and retries.
"""

from exec_algos.brokers.rehearsal.venue import RehearsalVenue, rehearsal_clock

__all__ = ["RehearsalVenue", "rehearsal_clock"]
