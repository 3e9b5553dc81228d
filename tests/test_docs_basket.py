"""What docs/basket.md shows runs as it stands, from the first block to the last."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "basket.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom():
    names = {"__name__": "basket"}
    for number, block in enumerate(BLOCKS, start=1):
        exec(compile(block, f"basket.md, block {number}", "exec"), names)  # the blocks assert what they say
    assert names["cut"]  # else the page shows a limit that does nothing
    assert set(names["result"].parents["side"]) == {"BUY", "SELL"}
