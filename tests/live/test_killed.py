"""A session that is killed with -9 at any instant and resumed: the venue's truth, the journal and the summaries are the same.

A few cases; EXEC_ALGOS_KILLS=300 takes 300 of each kind of venue: every commit of a session, before it and after it, and random instants,
half of them with faults of the venue.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from exec_algos.market.synthetic import synthetic_bars
from exec_algos.testing.rehearsal import rehearsal

SCRIPT = Path(__file__).parent / "killing.py"
MANY = int(os.environ.get("EXEC_ALGOS_KILLS", "0"))
EACH = 25  # cases of one venue, whose session lasts six minutes at this speed
COMMITS = 50  # of a session that is not killed, about
FAULTS = {"lost_before": 0.02, "lost_after": 0.02, "late": 0.02, "push_lost": 0.1, "duplicate_report": 0.1}
FEW = {
    True: [["commit", 3, "after", 2], ["commit", 12, "before", 4], ["after", 1.3]],
    False: [["commit", 14, "after", 3]],
}


def kills(own_ids: bool) -> list[list]:
    if not MANY:
        return FEW[own_ids]
    rng = random.Random(7 + own_ids)
    boundaries = [["commit", n, when, *([n % 5 + 1] if n % 3 == 0 else [])] for n in range(1, COMMITS + 1) for when in ("before", "after")]
    return (boundaries + [["after", round(rng.uniform(0.3, 2.6), 4)] for _ in range(MANY - len(boundaries))])[:MANY]


def found_of(cases: list[list], own_ids: bool, faults: dict, folder: Path) -> list[dict]:
    with rehearsal(synthetic_bars(["ANY"]), start="2025-12-22 10:00", calendar="XNYS", speed=60.0, client_ids=own_ids) as venue:
        venue.control.faults(rates=faults, seed=len(cases), late_seconds=15)
        named = [json.dumps([f"k{number}", kill]) for number, kill in enumerate(cases)]
        done = subprocess.run([sys.executable, SCRIPT, venue.url, folder, *named], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        if MANY:
            print(done.stdout, flush=True)
        return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("own_ids", [True, False], ids=["own ids", "no own ids"])
def test_truth_journal_and_summaries_agree_after_a_kill_and_a_resume(own_ids, tmp_path):
    cases = kills(own_ids)
    found = []
    for begin in range(0, len(cases), EACH):
        place = tmp_path / str(begin)
        place.mkdir()
        found += found_of(cases[begin : begin + EACH], own_ids, FAULTS if begin // EACH % 2 else {}, place)
    assert [case for case in found if case["wrong"]] == []
    assert all(case["codes"][0] == -9 for case in found) or MANY
    assert sum(case["codes"][0] == -9 for case in found) > 0.8 * len(found)
    assert all(sum(case["filled"].values()) > 0 for case in found if case["children"] > 4)
    if MANY:
        print(f"{len(found)} kills, {sum(bool(case['alerts']) for case in found)} of which left a child unknown")
