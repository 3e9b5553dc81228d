"""A tenth of `tests/proofs/live_faults.py`: sessions at a venue that goes wrong, and what it does not forgive in their records."""

import pytest
from proofs.live_faults import exposure, proof, sent_while_unknown

from exec_algos.brokers.records import Entry, Kind


@pytest.mark.slow
def test_venue_journal_and_summaries_agree_share_by_share():
    found = proof(runs=2, parents=100, speed=60.0, seed=1, late=20.0)
    assert found.wrong == []
    assert found.counts["unknown"] > 5
    assert found.counts["orders"] > 100


def said(kind, child="", **data):
    return Entry(kind, 0, "P1", child, data)


def test_a_child_that_leaves_while_another_is_unknown_is_found():
    parent = said(Kind.PARENT, symbol="A", side="BUY")
    entries = [parent, said(Kind.UNKNOWN, "P1.1", event="silence"), said(Kind.OUTCOME, "P1.2", event="send")]
    assert sent_while_unknown(entries) == ["P1.2 left while P1.1 was unknown"]
    assert sent_while_unknown([*entries[:2], said(Kind.RESOLVED, "P1.1", event="accept"), entries[2]]) == []


def test_the_most_that_could_trade_at_a_time_counts_what_is_open():
    def order(number, accepted, ended, filled):
        return {"venue_id": f"V{number}", "accepted": accepted, "ended": ended, "quantity": 10, "filled": filled, "state": "done"}

    orders = [order(1, 1, 5, 4), order(2, 6, 0, 10), order(3, 7, 0, 0)]
    assert exposure({"orders": orders}, {"V1": "P1.0", "V2": "P1.1", "V3": "P1.2"}, "P1") == 24
