"""What docs/tca.md shows runs as it stands, from the first block to the last."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "tca.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(capsys):
    names = {"__name__": "tca"}
    for number, block in enumerate(BLOCKS, start=1):
        exec(compile(block, f"tca.md, block {number}", "exec"), names)  # the blocks assert what they say
    told = capsys.readouterr().out
    assert "to see 1 bp you need" in told
    assert 0.8 < names["held"].loc["vwap", "inside"] < 0.97  # nine tenths, of the sample's 50 days
    scheduled = names["calm"].loc[["twap", "vwap"]]
    assert (scheduled["adjusted_high"] - scheduled["adjusted_low"] < 0.1 * (scheduled["high"] - scheduled["low"])).all()
