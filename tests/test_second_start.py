"""Compiled code is kept: a process that comes second compiles nothing."""

import os
import subprocess
import sys

import pytest

STUDY = """
from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.market.samples import load_samples
bars = load_samples()["XNYS"].select(["SYNMID"])
parents = ParentOrders.grid(bars, calendar="XNYS", sides=["buy"])
SlippageStudy(bars, parents, ["twap"], FillModel(max_participation=0.1)).run(fills=False)
"""


@pytest.mark.slow
def test_a_second_start_loads_what_the_first_one_compiled(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DEBUG_CACHE": "1"}
    said = [
        subprocess.run([sys.executable, "-c", STUDY], env=environment, capture_output=True, text=True, check=True).stdout for _ in range(2)
    ]
    assert "data saved" in said[0]
    assert "data saved" not in said[1]
    assert "data loaded" in said[1]
