"""The notebooks run from the first cell to the last, without a warning, and are committed without outputs."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
FILES = sorted(FOLDER.glob("*.ipynb"))

# In a process of its own, for the warnings of Jupyter's event loops are none of ours; the kernel is the running interpreter.
EXECUTE = """
import sys
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
kernel = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
NotebookClient(notebook, km=kernel, timeout=120, resources={"metadata": {"path": sys.argv[3]}}).execute()
nbformat.write(notebook, sys.argv[2])
"""


def notebook_id(path):
    return path.stem


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Executed notebooks by path, each run once."""
    done = {}

    def run(path):
        if path not in done:
            home = tmp_path_factory.mktemp(path.stem)
            places = dict.fromkeys(
                ["HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"], str(home)
            )
            command = [sys.executable, "-c", EXECUTE, str(path), str(home / path.name), str(path.parent)]
            ran = subprocess.run(command, env={**os.environ, **places}, capture_output=True, text=True, check=False)
            assert ran.returncode == 0, ran.stderr[-3000:]
            done[path] = nbformat.read(home / path.name, as_version=4)
        return done[path]

    return run


def outputs_of(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=notebook_id)
def test_a_notebook_runs_without_a_warning(path, executed):
    assert [output.text for output in outputs_of(executed(path)) if output.output_type == "stream" and output.name == "stderr"] == []


@pytest.mark.slow
def test_the_slippage_study_shows_a_summary_a_comparison_three_plots_and_an_equity_curve(executed):
    outputs = outputs_of(executed(FOLDER / "01_slippage_study.ipynb"))
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    tables = [output["data"]["text/plain"] for output in outputs if "text/html" in output.get("data", {})]
    text = "".join(output.text for output in outputs if output.output_type == "stream")
    assert len(pictures) == 4
    assert all("twap" in table and "vwap" in table for table in tables[:2])
    assert "TWAP - VWAP:" in text
    assert "95 % interval" in text


@pytest.mark.parametrize("path", FILES, ids=notebook_id)
def test_a_notebook_is_small_valid_and_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert outputs_of(notebook) == []
    assert {cell.get("execution_count") for cell in notebook.cells} == {None}
    assert notebook.metadata.kernelspec.name == "python3"
    assert path.stat().st_size < 20_000


def test_there_is_a_notebook():
    assert FOLDER / "01_slippage_study.ipynb" in FILES


@pytest.mark.slow
def test_the_backtrader_notebook_shows_both_equity_curves_the_costs_and_a_chart(executed):
    outputs = outputs_of(executed(FOLDER / "02_backtrader.ipynb"))
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    text = "".join(output.text for output in outputs if output.output_type == "stream")
    assert len(pictures) == 2
    assert "slippage_vwap_bps" in text
    assert "shortfall" in text


@pytest.mark.slow
def test_the_notebook_on_algorithms_shows_curves_a_frontier_a_comparison_and_children(executed):
    outputs = outputs_of(executed(FOLDER / "03_algorithms.ipynb"))
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    tables = [output["data"]["text/plain"] for output in outputs if "text/html" in output.get("data", {})]
    text = "".join(output.text for output in outputs if output.output_type == "stream")
    assert len(pictures) == 3
    assert all(name in tables[0] for name in ("dynamic_vwap", "pov", "implementation_shortfall", "target_close"))
    assert "pegged, randomised" in tables[1]
    assert "static - dynamic VWAP:" in text
