"""Several processes in the folder of one study: one at a time, or each its share; the bytes are those of one process."""

import os
import signal
import subprocess
import sys

import pytest
from markets import content_of, market
from typer.testing import CliRunner

from exec_algos.cli import app
from exec_algos.errors import UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.shards.desk import DeskOrders
from exec_algos.studies.shards.plan import Share
from exec_algos.studies.shards.study import ShardedStudy

SYMBOLS = tuple("ABCDE")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("made")
    BarStore(place / "bars").write(market(7, SYMBOLS))
    study = ShardedStudy(store=str(place / "bars"), parents=Grid(calendar="XNYS", size="37", profile_days=2), algorithms=["twap", "pov"])
    study.run(place / "out")
    return study, content_of(place / "out")


@pytest.mark.parametrize("many", [1, 3, 10, 12])
def test_shares_are_each_shard_once(made, many):
    study, _ = made
    _, shards = study.plan()
    shares = [Share(number, many).own(shards) for number in range(1, many + 1)]
    assert [shard for own in shares for shard in own] == shards
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/2", "1/2/3", "1.0/2", ""])
def test_what_is_no_share_is_refused(made, tmp_path, text):
    with pytest.raises(UsageError, match="i/n with i from 1 to n, such as 3/8, got"):
        made[0].run_share(tmp_path / "out", text)
    assert not (tmp_path / "out").exists()


def test_shares_in_any_order_and_a_last_run_give_the_bytes_of_one_process(made, tmp_path):
    study, wanted = made
    done = [study.run_share(tmp_path / "out", share) for share in ("3/3", "1/3", "2/3")]
    assert [(share.made, share.kept, share.failed) for share in done] == [(4, 0, ()), (3, 0, ()), (3, 0, ())]
    assert not (tmp_path / "out/parents.parquet").exists()
    again = study.run_share(tmp_path / "out", "1/3")
    assert (again.made, again.kept) == (0, 3)
    last = study.run(tmp_path / "out")
    assert (last.made, last.kept) == (0, 10)
    assert content_of(tmp_path / "out") == wanted


def test_a_last_run_works_what_a_share_has_left(made, tmp_path):
    study, wanted = made
    study.run_share(tmp_path / "out", "2/3")
    last = study.run(tmp_path / "out")
    assert (last.made, last.kept) == (7, 3)
    assert content_of(tmp_path / "out") == wanted


def test_shares_of_a_desks_orders_give_the_bytes_of_one_process(made, tmp_path):
    rows = [f"{symbol},BUY,100,{day} 10:00,{day} 15:00" for symbol in "ACE" for day in ("2025-12-01", "2025-12-02")]
    (tmp_path / "desk.csv").write_text(
        "\n".join(["symbol,side,quantity,start,end", *rows, "A,BUY,5,2020-01-02 10:00,2020-01-02 11:00"]) + "\n"
    )
    study = ShardedStudy(
        store=made[0].store, parents=DeskOrders(source=str(tmp_path / "desk.csv"), calendar="XNYS", profile_days=2), algorithms=["twap"]
    )
    study.run(tmp_path / "whole")
    assert [study.run_share(tmp_path / "out", f"{number}/2").made for number in (1, 2)] == [1, 2]
    ShardedStudy.of_folder(tmp_path / "out").run(tmp_path / "out")
    assert content_of(tmp_path / "out") == content_of(tmp_path / "whole")


@pytest.mark.parametrize(
    ("held", "asked", "free"),
    [
        ("all", "all", False),
        ("all", "1/2", False),
        ("1/2", "all", False),
        ("1/2", "1/2", False),
        ("1/2", "2/2", True),
        ("1/2", "1/3", False),
    ],
)
def test_who_may_work_beside_whom(made, tmp_path, held, asked, free):
    study, _ = made
    out = tmp_path / "out"

    def run(share, progress=None):
        return study.run(out, progress=progress) if share == "all" else study.run_share(out, share, progress=progress)

    seen = []

    def beside(done, total):
        if done == 1:
            try:
                run(asked)
            except UsageError as error:
                seen.append(str(error))
            else:
                seen.append("")

    run(held, beside)
    (said,) = seen
    if free:
        assert said == ""
    else:
        assert f"is being worked on by process {os.getpid()} on " in said
        assert "--shard 1/8" in said
    assert not (out / ".lock").exists()


RUN = """
import sys
from exec_algos.studies.shards.study import ShardedStudy
study = ShardedStudy.of_folder(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
from exec_algos.errors import UsageError
try:
    study.run(sys.argv[1]) if len(sys.argv) < 3 else study.run_share(sys.argv[1], sys.argv[2])
    print("done", flush=True)
except UsageError as error:
    print(str(error), flush=True)
"""


def at_once(folder, *shares):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    crowd = [subprocess.Popen([sys.executable, "-c", RUN, str(folder), *share], **pipes) for share in shares]
    for process in crowd:
        assert process.stdout.readline() == "ready\n"
    for process in crowd:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate(timeout=120) for process in crowd]


@pytest.mark.slow
def test_of_two_processes_at_once_one_works_and_the_other_says_why_not(made, tmp_path):
    study, wanted = made
    study.start(tmp_path / "out")
    said = sorted(out for out, _ in at_once(tmp_path / "out", [], []))
    assert said[1] == "done\n"
    assert said[0] == "done\n" or "is being worked on by process" in said[0]
    assert content_of(tmp_path / "out") == wanted


@pytest.mark.slow
def test_shares_at_once_and_a_last_run_give_the_bytes_of_one_process(made, tmp_path):
    study, wanted = made
    study.start(tmp_path / "out")
    assert at_once(tmp_path / "out", ["1/2"], ["2/2"]) == [("done\n", "")] * 2
    assert study.run(tmp_path / "out").made == 0
    assert content_of(tmp_path / "out") == wanted


def test_the_command_works_a_share_and_says_how_to_end(made, tmp_path):
    study, wanted = made
    study.start(tmp_path / "out")
    for share in ("1/2", "2/2"):
        found = CliRunner().invoke(app, ["study", "--resume", str(tmp_path / "out"), "--shard", share])
        assert found.exit_code == 0, found.output
        worked, then = found.output.splitlines()
        assert worked == f"share {share} of the shards: 5 worked, 0 kept from before"
        assert then == f"when every share is done: exec-algos study --resume {tmp_path / 'out'}"
    found = CliRunner().invoke(app, ["study", "--resume", str(tmp_path / "out"), "--no-fsync"])
    assert "shards: 0 worked, 10 kept from before" in found.output
    assert content_of(tmp_path / "out") == wanted


@pytest.mark.parametrize("more", [["--cluster", "local:2"], ["--by", "size"], ["--sensitivity"], ["--sweep-split", "2025-12-01"]])
def test_a_share_prints_no_result_so_what_shapes_one_is_refused(made, tmp_path, more):
    made[0].start(tmp_path / "out")
    found = CliRunner().invoke(app, ["study", "--resume", str(tmp_path / "out"), "--shard", "1/2", *more])
    assert found.exit_code == 2
    assert "leave out --cluster, --by, --sensitivity and --sweep-split" in found.output


def test_a_share_needs_a_folder(made):
    found = CliRunner().invoke(app, ["study", made[0].store, "--shard", "1/2"])
    assert found.exit_code == 2
    assert "--cluster, --shard and --allow-import need --resume" in found.output


def stopping(pid):
    def progress(done, total):
        if done == 3:
            os.kill(pid, signal.SIGINT)

    return progress


def test_who_stops_a_study_is_told_what_is_kept(made, tmp_path):
    study, wanted = made
    with pytest.raises(KeyboardInterrupt) as caught:
        study.run(tmp_path / "out", progress=stopping(os.getpid()))
    assert caught.value.__notes__ == [f"3 of 10 shards are finished and kept in {tmp_path / 'out'}"]
    assert study.run(tmp_path / "out").kept == 3
    assert content_of(tmp_path / "out") == wanted


def test_the_command_says_what_is_kept_and_how_to_go_on(made, tmp_path, monkeypatch):
    study, _ = made
    study.start(tmp_path / "out")
    run = ShardedStudy.run
    monkeypatch.setattr(ShardedStudy, "run", lambda *args, **options: run(*args, **{**options, "progress": stopping(os.getpid())}))
    found = CliRunner().invoke(app, ["study", "--resume", str(tmp_path / "out"), "--sensitivity"])
    assert (found.exit_code, found.stdout) == (130, "")
    out = tmp_path / "out"
    assert found.stderr == f"stopped: 3 of 10 shards are finished and kept in {out}; go on: exec-algos study --resume {out} --sensitivity\n"
