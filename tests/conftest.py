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
