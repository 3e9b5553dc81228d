import json
import os
from pathlib import Path

import pytest


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
