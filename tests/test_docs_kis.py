"""The commands of docs/kis.md run against the simulator that the page starts, orders four times as fast, and say what the page says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from exec_algos.live.journal import read
from exec_algos.live.recorded import recorded

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "kis.md").read_text(encoding="utf-8")
SIMULATOR, *BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
(CHECKED,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
PROGRAM = f'{sys.executable} -c "from exec_algos.cli import main; main()"'


def lines_of(process):
    """What the simulator prints, up to the last variable of a client."""
    found = []
    while not found or "CLOCK_URL" not in found[-1]:
        line = process.stdout.readline()
        assert line, found
        found.append(line.rstrip())
    return found


@pytest.mark.slow
def test_every_command_runs_and_the_truth_of_the_simulator_is_that_of_the_journal(tmp_path):
    (tmp_path / "data").symlink_to(ROOT / "data")
    start = SIMULATOR.removeprefix("$ exec-algos").replace("--speed 30", "--speed 10")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EXEC_ALGOS_KIS_")}
    environment |= {"EXEC_ALGOS_KIS_TOKEN_CACHE": str(tmp_path / "kis")}
    simulator = subprocess.Popen(["bash", "-c", f"exec {PROGRAM}{start}"], cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        printed = lines_of(simulator)
        exports = [line for line in printed if line.startswith("export ")]
        (control,) = [line.removeprefix("control: ") for line in printed if line.startswith("control: ")]
        faster = f"curl -s -X POST -d '{{\"speed\": 120}}' {control}/control/clock\nexec-algos live run"
        commands = "".join(BLOCKS).replace("$ ", "").replace("exec-algos live run", faster)
        script = "\n".join([*exports, re.sub(r"^exec-algos", PROGRAM.replace("\\", r"\\"), commands, flags=re.MULTILINE)])
        done = subprocess.run(
            ["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False, env=environment
        )
        with urlopen(f"{control}/truth") as answer:
            truth = json.load(answer)
    finally:
        simulator.terminate()
        simulator.communicate()
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert [line.split()[:2] for line in said.splitlines() if line.startswith(("ok ", "FAIL"))] == [
        line.split()[:2] for line in CHECKED.splitlines()
    ]
    found = recorded(read(tmp_path / "day.db"))
    assert found.parents["K1"].filled == sum(each["quantity"] for each in truth["executions"]) == 60
    assert "K1: BUY 60 990010" in said
    assert "Traceback" not in said


def test_the_table_of_variables_is_that_of_the_settings():
    from exec_algos.brokers.kis.settings import KISSettings

    named = set(re.findall(r"`([A-Z_]{4,})`", PAGE.split("## Without an account")[0])) - {"EXEC_ALGOS_KIS_"}
    assert named == {name.upper() for name in KISSettings.model_fields}
