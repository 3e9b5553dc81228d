"""A small part of `tests/proofs/damage.py`, which runs 2,000 flips, 200 kills, 100 pairs and 40 workers."""

import pytest
from proofs import damage

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("proof", "count"), [("flips", 60), ("kills", 5), ("pairs", 4), ("workers", 1)])
def test_no_damage_passes_unseen_and_no_kill_changes_a_byte(tmp_path, proof, count):
    found = getattr(damage, proof)(tmp_path, count, seed=1)
    assert found.failures() == {}
    assert found.total() >= count


def test_what_must_not_be_is_told_from_what_may():
    bad = {("store", damage.SILENT): 1, ("study", f"{damage.FOREIGN} KeyError"): 1, ("pair", ("done", "done"), "DIFFERENT"): 2}
    assert damage.Found({**bad, ("store", "refused"): 3, ("store", "same"): 1}).failures() == bad
    assert damage.judged(lambda: 2, 1) == damage.SILENT
    assert damage.judged(lambda: 1, 1) == "same"
