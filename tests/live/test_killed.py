"""A session that is killed with -9 at any instant and resumed: the venue's truth, the journal and the summaries are the same.

A few cases; EXEC_ALGOS_KILLS=300 takes 300 kills of each kind of venue: at every commit of a session, before it and after it, and at random
instants, half of them with faults of the venue. A case whose session ended before its kill came is no kill, and another takes its place.
At KIS batches take turns: the live host with and without notices, and the paper host; no order comes before the earlier ones were read.
"""

import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from killing_places import early_orders

from exec_algos.market.synthetic import synthetic_bars
from exec_algos.testing.kis import kis_rehearsal
from exec_algos.testing.rehearsal import rehearsal

SCRIPT = Path(__file__).parent / "killing.py"
TESTS = SCRIPT.parent.parent
MANY = int(os.environ.get("EXEC_ALGOS_KILLS", "0"))
MOST_COMMITS = 40  # more than a session has
EACH = 25  # cases of one venue, whose session lasts six minutes at this speed
AT_ONCE = 4  # batches, where there are many: sessions wait most of their time
SYMBOL = "990010"
START = "2025-12-22 10:00"
SPEED = 60.0
FAULTS = {"lost_before": 0.02, "lost_after": 0.02, "late": 0.02, "push_lost": 0.1, "duplicate_report": 0.1}
KIS_FAULTS = {
    **{
        f"order.{name}": 0.02
        for name in ("accept_silent", "accept_reset", "accept_late", "half_body", "silent_unaccepted", "egw00201", "lag")
    },
    **{f"ledger.{name}": 0.01 for name in ("accept_silent", "half_body", "egw00201")},
    "push.push_lost": 0.1,
}
HOSTS = [(False, True), (False, False), (True, True)]  # paper, notices
FEW = {
    "own ids": [["commit", 3, "after", 2], ["commit", 12, "before", 4], ["after", 1.3]],
    "no own ids": [["commit", 14, "after", 3]],
    "kis": [["commit", 13, "before", 4], ["after", 2.1]],
}


def kills(seed: int) -> Iterator[list]:
    """Every commit that a session can have, some resumed sessions killed too; then random instants."""
    rng = random.Random(seed)
    for n in range(1, MOST_COMMITS + 1):
        for when in ("before", "after"):
            yield ["commit", n, when, *([n % 5 + 1] if n % 3 == 0 else [])]
    while True:
        yield ["after", round(rng.uniform(0.3, 4.2), 4)]


@contextmanager
def rehearsed(batch: int, own_ids: bool) -> Iterator[str]:
    """A rehearsal, every other one with faults."""
    with rehearsal(synthetic_bars([SYMBOL]), start=START, calendar="XNYS", speed=SPEED, client_ids=own_ids) as venue:
        venue.control.faults(rates=FAULTS if batch % 2 else {}, seed=batch, late_seconds=15)
        yield venue.url


@contextmanager
def at_kis(batch: int, folder: Path) -> Iterator[str]:
    """A host of a simulated KIS, every other one with faults; pages are short, so that a walk takes several."""
    paper, notices = HOSTS[batch // 2 % len(HOSTS)]
    bars = synthetic_bars([SYMBOL], "XKRX", price=62_000, adv=2_000_000.0)
    with kis_rehearsal(bars, start=START, calendar="XKRX", speed=SPEED, seed=batch) as kis:
        key, secret, account, hts = kis.keys(paper)
        kis.control.account(account, cash=1e12, positions={SYMBOL: 1_000_000})
        kis.control.settings(live_fills_page=10)
        kis.control.faults(rates=KIS_FAULTS if batch % 2 else {}, seed=batch, late_seconds=15)
        named = {"APP_KEY": key, "APP_SECRET": secret, "ACCOUNT": account, "HTS_ID": hts if notices else "", "PAPER": str(paper).lower()}
        places = {"REST_URL": kis.rest_url(paper), "WS_URL": kis.ws_url(paper), "CLOCK_URL": kis.clock_url}
        environment = {**named, **places, "TOKEN_CACHE": str(folder / "tokens")}
        yield json.dumps({"paper": paper, "environment": environment})


def found_of(kind: str, batch: int, cases: list[list], folder: Path) -> list[dict]:
    folder.mkdir()
    with at_kis(batch, folder) if kind == "kis" else rehearsed(batch, kind == "own ids") as place:
        named = [json.dumps([f"k{batch}-{number}", kill]) for number, kill in enumerate(cases)]
        path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, SCRIPT, place, folder, *named]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=os.environ | {"PYTHONPATH": path})
        assert done.returncode == 0, done.stderr
        if MANY:
            print(*(json.dumps(case) for case in json.loads(done.stdout)), sep="\n", flush=True)
        return json.loads(done.stdout)


def batches(kind: str) -> Iterator[tuple[int, list[list]]]:
    """Cases of a venue each; KIS without faults and then with them, for the few as well."""
    if not MANY:
        yield from enumerate([FEW[kind]] if kind != "kis" else [[case] for case in FEW[kind]])
        return
    cases, size = kills(7 + (kind == "own ids")), EACH if kind != "kis" else 12
    for batch in range(8 * MANY // size + 1):
        yield batch, list(itertools.islice(cases, size))


@pytest.mark.slow
@pytest.mark.parametrize("kind", FEW)
def test_truth_journal_and_summaries_agree_after_a_kill_and_a_resume(kind, tmp_path):
    found: list[dict] = []
    waves = batches(kind)
    with ThreadPoolExecutor(AT_ONCE if MANY else 2) as pool:
        while wave := list(itertools.islice(waves, AT_ONCE)):
            for cases in pool.map(lambda given: found_of(kind, *given, tmp_path / str(given[0])), wave):
                found += cases
            if sum(case["codes"][0] == -9 for case in found) >= MANY > 0:
                break
    killed = [case for case in found if case["codes"][0] == -9]
    if MANY:
        print(counted(killed, found))
    assert [case for case in found if case["wrong"]] == []
    assert len(killed) >= (MANY or len(FEW[kind]))
    assert all(sum(case["filled"].values()) > 0 for case in found if case["children"] > 4)
    assert sum(case["worked"] > 0 for case in killed) > len(killed) // 4  # a session that is resumed goes on


def counted(killed: list[dict], found: list[dict]) -> str:
    """A line of figures."""
    commits = [case["kill"][1] for case in killed if case["kill"][0] == "commit"]
    unknown, worked = sum(bool(case["alerts"]) for case in killed), sum(case["worked"] > 0 for case in killed)
    wrong = sum(bool(case["wrong"]) for case in found)
    where = f"{len(commits)} at commits up to {max(commits)}, {len(killed) - len(commits)} at random instants"
    return f"{len(killed)} kills of {len(found)} sessions: {where}; {unknown} left a child unknown, {worked} traded on, {wrong} wrong"


def asked(number, path, *, cont="", odno="", accepted=True):
    return {"n": number, "path": f"/uapi/domestic-stock/v1/trading/{path}", "tr_cont": cont, "fields": {"ODNO": odno}, "accepted": accepted}


def test_an_order_before_all_pages_were_read_is_found():
    first, second, order = asked(1, "inquire-daily-ccld"), asked(2, "inquire-daily-ccld", cont="N"), asked(3, "order-cash")
    assert early_orders([first, second, order], 2) == []
    assert early_orders([first, first, order], 2) == ["request 3 is an order, sent after 1 of 2 pages of what was there"]
    assert early_orders([order, first, second], 2) == ["request 3 is an order, sent after 0 of 2 pages of what was there"]
    assert len(early_orders([asked(1, "inquire-daily-ccld", accepted=False), order], 1)) == 1
    assert len(early_orders([asked(1, "inquire-daily-ccld", odno="17"), order], 1)) == 1
