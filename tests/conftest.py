import json
import os
import signal
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["browsing"]  # a second conftest.py would be a second module of this name

# how long an example takes says more of the machine than of the code
settings.register_profile("project", deadline=None)
settings.load_profile("project")

# a run in the background of a shell starts with Ctrl-C ignored, and so would the programs that tests start and stop
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_teardown():
    """Close the figures of a test: pyplot keeps those that it made, and warns of the twenty-first."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The shared folder of real market data; tests that need it are skipped where it is not."""
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "market_data"
    folder = Path(os.environ.get("EXEC_ALGOS_MARKET_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no market data at {folder}; set EXEC_ALGOS_MARKET_DATA")
    return folder


@pytest.fixture(scope="session")
def vectors():
    """Reads a file of published answers from the shared folder ``vectors``; tests that need one are skipped where it is not."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "vectors"

    def read(name: str):
        if not (folder / name).is_file():
            pytest.skip(f"no published answers at {folder / name}")
        return json.loads((folder / name).read_text(encoding="utf-8"))

    return read


@pytest.fixture(scope="session")
def browser_program() -> Path:
    """An installed Chromium, Chrome or Edge; tests that need one are skipped where there is none."""
    from exec_algos.errors import UsageError
    from exec_algos.reports.pdf import find_browser

    try:
        return find_browser()
    except UsageError:
        pytest.skip("no browser; install chromium and fonts-noto-cjk (apt-get), or set EXEC_ALGOS_BROWSER to a Chromium or Chrome")


def pytest_terminal_summary(terminalreporter):
    """Say how many tests did not run, and why: a test that is always skipped is none."""
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", ()))
    said = "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common())
    terminalreporter.write_line(f"skipped: {reasons.total()} tests" + (f"; {said}" if said else ""))
