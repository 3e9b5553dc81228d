"""A small part of `tests/proofs/kis_faults.py`: KIS sessions at a simulator that goes wrong, and three wrong clients that it convicts."""

import pytest
from proofs.kis_faults import GIVEN, proof

SMALL = {"runs": 1, "children": 60, "slices": 5, "speed": 60.0, "seed": 3}


@pytest.mark.slow
@pytest.mark.parametrize("notices", [1, 0], ids=["notices", "no notices"])
def test_venue_orders_journal_and_summaries_agree_whatever_goes_wrong(notices):
    found = proof(GIVEN | SMALL | {"notices": notices})
    assert found.wrong == []
    assert found.counts["children"] >= 10  # fewer where the machine is busy: orders that come late are not sent
    assert found.counts["executions"] > 0


WRONG = [
    ("repeats", {"rates": {"order.accept_silent": 0.2}}),
    ("first_page", {"page": 2, "rates": {"push.push_lost": 0.1}}),
    ("adds", {"rates": {"push.push_duplicate": 0.7}, "size": 20}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("client", "more"), WRONG)
def test_a_wrong_client_is_found_out(client, more):
    assert proof(GIVEN | SMALL | {"client": client} | more).wrong
