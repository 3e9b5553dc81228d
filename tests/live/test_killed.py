"""A session that is killed with -9 at any instant and resumed: the venue's truth, the journal and the summaries are the same.

A few cases; EXEC_ALGOS_KILLS=300 takes 300 kills of each kind of venue: at every commit of a session, before it and after it, and at random
instants, half of them with faults of the venue. A case whose session ended before its kill came is no kill, and another takes its place.
"""

import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exec_algos.market.synthetic import synthetic_bars
from exec_algos.testing.rehearsal import rehearsal

SCRIPT = Path(__file__).parent / "killing.py"
MANY = int(os.environ.get("EXEC_ALGOS_KILLS", "0"))
MOST_COMMITS = 40  # more than a session has
EACH = 25  # cases of one venue, whose session lasts six minutes at this speed
FAULTS = {"lost_before": 0.02, "lost_after": 0.02, "late": 0.02, "push_lost": 0.1, "duplicate_report": 0.1}
FEW = {
    True: [["commit", 3, "after", 2], ["commit", 12, "before", 4], ["after", 1.3]],
    False: [["commit", 14, "after", 3]],
}


def kills(own_ids: bool) -> Iterator[list]:
    """Every commit that a session can have, some resumed sessions killed too; then random instants."""
    rng = random.Random(7 + own_ids)
    for n in range(1, MOST_COMMITS + 1):
        for when in ("before", "after"):
            yield ["commit", n, when, *([n % 5 + 1] if n % 3 == 0 else [])]
    while True:
        yield ["after", round(rng.uniform(0.3, 4.2), 4)]


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
    found, cases = [], iter(FEW[own_ids]) if not MANY else kills(own_ids)
    for batch in range(8 * MANY // EACH + 1):
        place = tmp_path / str(batch)
        place.mkdir()
        found += found_of(list(itertools.islice(cases, EACH)), own_ids, FAULTS if batch % 2 else {}, place)
        if sum(case["codes"][0] == -9 for case in found) >= MANY:
            break
    assert [case for case in found if case["wrong"]] == []
    killed = [case for case in found if case["codes"][0] == -9]
    assert len(killed) >= (MANY or len(FEW[own_ids]))
    assert all(sum(case["filled"].values()) > 0 for case in found if case["children"] > 4)
    assert sum(case["worked"] > 0 for case in killed) > len(killed) // 4  # a session that is resumed goes on
    if MANY:
        commits = [case["kill"][1] for case in killed if case["kill"][0] == "commit"]
        unknown, worked = sum(bool(case["alerts"]) for case in killed), sum(case["worked"] > 0 for case in killed)
        where = f"{len(commits)} at commits up to {max(commits)}, {len(killed) - len(commits)} at random instants"
        print(f"{len(killed)} kills of {len(found)} sessions: {where}; {unknown} left a child unknown, {worked} traded on")
