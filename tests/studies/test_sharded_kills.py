"""A study that is killed, and workers that are: nothing is lost, nothing is worked twice, and the bytes are the same."""

import os
import random
import signal
import subprocess
import sys

import pytest
from markets import content_of, market

from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.shards.study import ShardedStudy

pytestmark = pytest.mark.slow

SYMBOLS = tuple("ABCDEFGHIJ")
RESUME = """
import sys
from exec_algos.studies.shards.study import ShardedStudy

def said(done, total):
    print(done, flush=True)

ShardedStudy.of_folder(sys.argv[1]).run(sys.argv[1], progress=said)
"""


def study(folder):
    BarStore(folder / "bars").write(market(7, SYMBOLS))
    return ShardedStudy(
        store=str(folder / "bars"),
        parents=Grid(calendar="XNYS", size="37", profile_days=2, sides=("BUY", "SELL")),
        algorithms=["twap", "vwap:profile_days=2"],
    )


def records(folder):
    """What was written, by shard: a shard that is worked again is written anew."""
    found = sorted(folder.glob("shards/*/*/record.json"))
    return {path.parent.relative_to(folder).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def started(folder):
    return subprocess.Popen([sys.executable, "-c", RESUME, str(folder)], stdout=subprocess.PIPE, text=True)


def kill_after(folder, shards):
    """Start or resume the study in a process of its own, and kill that when so many shards are settled."""
    process = started(folder)
    for line in process.stdout:
        if int(line) >= shards:
            os.kill(process.pid, signal.SIGKILL)
    process.stdout.close()
    return process.wait()


def test_a_study_killed_again_and_again_ends_in_the_same_bytes_and_works_no_shard_twice(tmp_path):
    shards = study(tmp_path)
    shards.run(tmp_path / "whole")
    out = tmp_path / "out"
    shards.start(out)
    written, draw = {}, random.Random(11)
    for least in (1, 6, 13):
        assert kill_after(out, least + draw.randrange(4)) == -signal.SIGKILL
        now = records(out)
        assert written.items() <= now.items()  # what stood before the kill stands after it, untouched
        assert len(now) >= least
        written = now
    final = ShardedStudy.of_folder(out).run(out)
    assert (final.kept, final.made) == (len(written), 20 - len(written))
    assert written.items() <= records(out).items()
    assert content_of(out) == content_of(tmp_path / "whole")
    assert not (out / ".part").exists() or not list((out / ".part").iterdir())


@pytest.mark.parametrize("workers", [2])
def test_workers_of_a_cluster_write_the_same_bytes_as_one_process(tmp_path, workers):
    shards = study(tmp_path)
    shards.run(tmp_path / "whole")
    found = shards.run(tmp_path / "out", cluster=f"local:{workers}")
    assert (found.made, found.failed) == (20, ())
    assert content_of(tmp_path / "out") == content_of(tmp_path / "whole")
    again = shards.run(tmp_path / "out")
    assert (again.made, again.kept) == (0, 20)


def test_a_worker_killed_in_the_middle_is_replaced_and_nothing_is_lost(tmp_path):
    from distributed import Client, LocalCluster

    shards = study(tmp_path)
    shards.run(tmp_path / "whole")
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        with Client(cluster) as client:
            pids = client.run(os.getpid)
        victims = [next(iter(pids.values()))]

        def kill(done, total):
            if done >= 3 and victims:
                os.kill(victims.pop(), signal.SIGKILL)

        found = shards.run(tmp_path / "out", cluster=cluster.scheduler_address, progress=kill)
    assert not victims
    assert (found.made + found.kept, found.failed) == (20, ())
    assert content_of(tmp_path / "out") == content_of(tmp_path / "whole")
