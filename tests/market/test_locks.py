"""A lock on a folder: one holder, whoever asks and however often one is killed."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import fsspec
import pytest

from exec_algos.errors import UsageError
from exec_algos.market import locks as module
from exec_algos.market.files import file_system
from exec_algos.market.locks import Holder, Locks

ANY = lambda _: True  # noqa: E731 - every lock is in the way


@pytest.fixture(params=["local", "memory"])
def locks(request, tmp_path):
    place = str(tmp_path) if request.param == "local" else f"memory://{tmp_path.name}"
    return Locks(*file_system(place), "DIR", nullcontext)


def files(locks):
    return sorted(str(path).rsplit("/", 1)[-1] for path in locks._fs.find(locks._place))


def test_a_lock_is_there_while_it_is_held_and_no_second_is_given(locks):
    with locks.held("all", ANY, "wait"):
        assert files(locks) == ["all.lock"]
        with (
            pytest.raises(UsageError, match=rf"DIR is being worked on by process {os.getpid()} on .*, since 20.* \(all\): wait"),
            locks.held("all", ANY, "wait"),
        ):
            pass
        assert files(locks) == ["all.lock"]
    assert files(locks) == []
    with locks.held("all", ANY, "wait"):
        pass


def test_locks_that_do_not_conflict_are_held_together(locks):
    with locks.held("a", lambda name: name != "b", "wait"), locks.held("b", lambda name: name != "a", "wait"):
        assert files(locks) == ["a.lock", "b.lock"]
        with pytest.raises(UsageError, match=r"\(a\)"), locks.held("all", ANY, "wait"):
            pass
    assert files(locks) == []


def test_an_error_gives_the_lock_back(locks):
    with pytest.raises(ZeroDivisionError), locks.held("all", ANY, "wait"):
        raise ZeroDivisionError
    assert files(locks) == []


HOLD = """
import sys, time
from contextlib import nullcontext
from exec_algos.market.files import file_system
from exec_algos.market.locks import Locks
with Locks(*file_system(sys.argv[1]), "DIR", nullcontext).held("all", lambda _: True, "wait"):
    print("held", flush=True)
    time.sleep(60)
"""


def holding(folder):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.slow
def test_the_lock_of_a_process_that_was_killed_is_taken_at_once_even_before_it_is_buried(tmp_path):
    locks = Locks(*file_system(tmp_path), "DIR", nullcontext)
    process = holding(tmp_path)
    with pytest.raises(UsageError, match=f"process {process.pid} "), locks.held("all", ANY, "wait"):
        pass
    process.send_signal(signal.SIGKILL)
    until(lambda: Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "Z")
    with locks.held("all", ANY, "wait"):
        assert files(locks) == ["all.lock"]
    process.stdout.close()
    process.wait()


def written(locks, name, age=0.0, **changes):
    """A lock that another has left."""
    holder = Holder.me()._replace(token="other", **changes)
    locks._fs.makedirs(locks._place, exist_ok=True)
    locks._fs.pipe_file(f"{locks._place}/{name}", json.dumps(holder._asdict()).encode())
    if age:
        os.utime(f"{locks._place}/{name}", (time.time() - age,) * 2)


@pytest.mark.parametrize("name", ["all.lock", "gate"])
@pytest.mark.parametrize(
    ("changes", "age"),
    [
        ({"started": 1}, 0.0),  # its number was given to a later process
        ({"machine": "another", "pid": 1}, module.STALE + 1),
        ({"machine": "another", "pid": os.getpid()}, module.STALE + 1),
    ],
)
def test_what_is_stale_is_taken(tmp_path, name, changes, age):
    locks = Locks(*file_system(tmp_path), "DIR", nullcontext)
    written(locks, name, age, **changes)
    with locks.held("all", ANY, "wait"):
        assert files(locks) == ["all.lock"]


@pytest.mark.parametrize(
    ("changes", "age"), [({"machine": "another", "pid": 2**22 + 1}, 0.0), ({"machine": "another"}, module.STALE - 20), ({}, 0.0)]
)
def test_what_may_live_is_left(tmp_path, changes, age):
    locks = Locks(*file_system(tmp_path), "DIR", nullcontext)
    written(locks, "all.lock", age, **changes)
    with pytest.raises(UsageError, match="is being worked on by"), locks.held("all", ANY, "wait"):
        pass


def test_a_lock_that_cannot_be_read_is_believed_until_it_is_old(tmp_path):
    locks = Locks(*file_system(tmp_path), "DIR", nullcontext)
    (tmp_path / ".lock").mkdir()
    (tmp_path / ".lock/all.lock").write_bytes(b"{")
    with pytest.raises(UsageError, match="a process that left no name"), locks.held("all", ANY, "wait"):
        pass
    os.utime(tmp_path / ".lock/all.lock", (time.time() - module.STALE - 1,) * 2)
    with locks.held("all", ANY, "wait"):
        pass


def test_a_gate_that_nobody_gives_back_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    locks = Locks(*file_system(tmp_path), "DIR", nullcontext)
    written(locks, "gate", machine="another")
    with pytest.raises(UsageError, match=r"for too long; remove .*/\.lock/gate"), locks.held("all", ANY, "wait"):
        pass


def test_a_holder_touches_its_lock_and_learns_that_it_was_taken(locks, monkeypatch):
    monkeypatch.setattr(module, "BEAT", 0.01)
    with locks.held("all", ANY, "wait") as held:
        before = locks._fs.modified(f"{locks._place}/all.lock")
        until(lambda: locks._fs.modified(f"{locks._place}/all.lock") > before)
        held.check()
        written(locks, "all.lock", machine="another")
        until(lambda: held._lost)
        with pytest.raises(UsageError, match="another process has taken over DIR"):
            held.check()
    assert files(locks) == ["all.lock"]  # which is not ours to take away


def until(true, seconds=20.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def contend(folder, turns, into):
    locks = Locks(*file_system(folder), "DIR", nullcontext)
    got = 0
    while got < turns:
        try:
            with locks.held("all", ANY, "wait"):
                with open(f"{folder}/alone", "x"):
                    pass
                os.unlink(f"{folder}/alone")
                got += 1
        except UsageError:
            time.sleep(0.001)
    into.put(got)


@pytest.mark.slow
def test_of_four_processes_never_two_hold_it_at_once(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    into = spawn.Queue()
    crowd = [spawn.Process(target=contend, args=(str(tmp_path), 25, into)) for _ in range(4)]
    for process in crowd:
        process.start()
    assert [into.get(timeout=60) for _ in crowd] == [25] * 4  # one that found the file there has raised, and is missing
    for process in crowd:
        process.join()
    assert os.listdir(tmp_path) == []


def test_a_file_system_without_links_makes_it_exclusively_too(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr("os.link", refuse)
    locks = Locks(*file_system(tmp_path), "DIR", nullcontext)
    with locks.held("all", ANY, "wait"):
        assert files(locks) == ["all.lock"]
        with pytest.raises(FileExistsError):
            locks._make("all.lock", Holder.me())
    assert files(locks) == []


def test_the_memory_of_a_process_is_a_file_system_like_any_other():
    assert "mode" in fsspec.filesystem("memory").pipe_file.__code__.co_varnames
