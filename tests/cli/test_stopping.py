"""Ctrl-C while the program loads ends it with the code that shells have for it, whatever the module does that is being imported."""

import os
import signal
import subprocess
import sys

import pytest

from exec_algos.cli import stopping

SWALLOWS = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000): pass
except BaseException:
    pass
"""
COMMAND = "from exec_algos.cli import main, stopping; stopping.stop_while_loading(){then}; import swallows; print('went on')"


def run(tmp_path, then=""):
    (tmp_path / "swallows.py").write_text(SWALLOWS)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); " + COMMAND.format(then=then)
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


def test_a_module_that_swallows_ctrl_c_does_not_keep_the_command_going(tmp_path):
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "stopped: the program was still loading, and nothing was written; run the command again\n"


def test_once_something_is_written_ctrl_c_is_raised_as_ever(tmp_path):
    done = run(tmp_path, "; stopping.loaded()")
    assert (done.returncode, done.stdout) == (0, "went on\n")


@pytest.fixture
def handler():
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_outside_imports_it_is_raised(handler):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    stopping.stop_while_loading()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    stopping.loaded()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_another_owner_stays(handler):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopping.stop_while_loading()
    stopping.loaded()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
