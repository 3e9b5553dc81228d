"""A short `tests/proofs/kis_secrets.py`: nothing that is logged, written or printed shows a piece of a secret."""

import logging

import pytest
from proofs.kis_secrets import Kept, pieces, proof, reprs, shown

SECRET = "PSabcdefghijklmnop"


@pytest.mark.slow
def test_a_session_under_faults_shows_no_piece_of_a_secret():
    found, counts = proof(120, 60, 1)
    assert found == []
    assert counts["frames"] == 0  # nor do the variables of the frames of a traceback
    assert counts["secrets"] >= 11  # keys, secrets and accounts of both hosts, tokens, the approval key
    assert min(counts[what] for what in ("lines", "reprs", "tracebacks", "commands", "records", "journal", "names")) > 100


def test_a_piece_is_found_wherever_it_stands():
    wanted = pieces({"app key": SECRET})
    assert shown([f"GET ...?key={SECRET[3:11]}"], wanted)
    assert not shown([f"GET ...?key={SECRET[3:10]}"], wanted)
    kept, logger = Kept(), logging.getLogger("exec_algos.a_test_of_secrets")
    logger.addHandler(kept)
    logger.warning("a key: %s", SECRET)
    assert shown(kept.texts, wanted)


def test_an_object_that_shows_its_key_is_found():
    from exec_algos.brokers.kis.settings import Addresses

    assert shown(reprs([{"here": Addresses(rest=SECRET, ws="")}]), pieces({"app key": SECRET}))
