"""A study that is killed, and workers that are: nothing is lost, nothing is worked twice, and the bytes are the same."""

import os
import random
import signal
import subprocess
import sys
from contextlib import suppress

import pytest
from markets import content_of, market

from exec_algos.errors import UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.shards import workers
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


SCHEDULER = """
import asyncio, os, sys
from distributed import Nanny, Scheduler

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address=":0") as scheduler:
        async with Nanny(scheduler.address, nthreads=1, host="127.0.0.1") as nanny:
            print(scheduler.address, nanny.pid, flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.fixture
def scheduler(tmp_path):
    """A scheduler in a process of its own, with one worker: its process, and its address."""
    (tmp_path / "scheduler.py").write_text(SCHEDULER)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([sys.executable, str(tmp_path / "scheduler.py")], **pipes) as process:
        address, worker = process.stdout.readline().split()
        yield process, address
        process.kill()
        with suppress(ProcessLookupError):
            os.kill(int(worker), signal.SIGKILL)


def test_a_scheduler_that_is_killed_is_one_line_and_the_study_goes_on_without_it(tmp_path, scheduler, capfd):
    process, address = scheduler
    shards = study(tmp_path)

    def kill(done, total):
        process.kill()

    with pytest.raises(UsageError, match=rf"the scheduler {address} is gone \(.*\); start it again; what is finished is kept"):
        shards.run(tmp_path / "out", cluster=address, progress=kill)
    assert capfd.readouterr().err == ""  # the command prints the line, and dask nothing
    found = shards.run(tmp_path / "out")
    assert (found.kept + found.made, found.kept >= 1) == (20, True)
    shards.run(tmp_path / "whole")
    assert content_of(tmp_path / "out") == content_of(tmp_path / "whole")


def test_a_cluster_without_workers_is_given_up_after_a_while(tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(workers, "LOOK", 0.05)
    monkeypatch.setattr(workers, "WORKERLESS", 0.2)
    with (
        LocalCluster(n_workers=0, processes=True, dashboard_address=":0") as cluster,
        pytest.raises(UsageError, match=r"has had no worker for 0\.2 s; start some; what is finished is kept"),
    ):
        study(tmp_path).run(tmp_path / "out", cluster=cluster.scheduler_address)


def test_no_scheduler_is_one_line(tmp_path):
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}),
        pytest.raises(UsageError, match=r"no scheduler answers at tcp://127\.0\.0\.1:1 \(.*\); start it, or name another"),
    ):
        study(tmp_path).run(tmp_path / "out", cluster="tcp://127.0.0.1:1")


def test_a_local_cluster_gets_workers_for_those_that_are_gone_and_whoever_they_are_they_do_not_hear_ctrl_c(monkeypatch):
    monkeypatch.setattr(workers, "LOOK", 0.1)
    with workers.workers_of("local:1") as crew:
        crew.client.cluster.scale(0)
        pids = list(crew.map(_pid_after_ctrl_c, range(2)))
    assert len(pids) == 2
    assert os.getpid() not in pids


def _pid_after_ctrl_c(number):
    os.kill(os.getpid(), signal.SIGINT)
    return os.getpid()
