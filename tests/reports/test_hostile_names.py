"""A report and its plots of symbols that somebody else named: neither markup nor mathtext nor a turn of the line is obeyed."""

import re
from unicodedata import category

import matplotlib.pyplot as plt
import pytest
from markets import market, study_of

from exec_algos.reports import write_report

EVIL = "<script>alert(1)</script>\"'>&$x^{$\\frac\x1b[2J\u202e_"
MATHS = "$x^{$\\fr\x1b\u202e"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&gt;&amp;$x^{$\\frac\\x1b[2J\\u202e_"


@pytest.fixture(scope="module")
def result():
    return study_of(
        market(8, (EVIL, "B"), missing=0.0), ["twap", "vwap:profile_days=1"], calendar="XNYS", size="500%adv", profile_days=1
    ).run()


def test_the_page_shows_names_as_they_are(result, tmp_path):
    page = write_report(result, tmp_path).read_text(encoding="utf-8")
    assert SHOWN in page
    own = re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)
    assert re.findall(r"<script[^>]*>", own) == ['<script type="application/json" id="page-data">']
    assert {sign for sign in own if category(sign) in {"Cc", "Cf", "Zl", "Zp"}} == {"\n"}
    assert "alert(1)</script>" not in page


@pytest.fixture(scope="module")
def plotted():
    """A name that is short enough to stand whole in a plot."""
    return study_of(
        market(8, (MATHS, "B"), missing=0.0), ["twap", "vwap:profile_days=1"], calendar="XNYS", size="500%adv", profile_days=1
    ).run()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["schedule", "slippage", "volume", "shortfall", "markouts"])
def test_every_plot_is_drawn_with_names_as_they_are(plotted, kind):
    ax = plotted.plot(kind, **({"parent_id": 0} if kind == "schedule" else {}))
    figure = getattr(ax, "figure", None) or ax[0].figure
    figure.canvas.draw()
    texts = [text for text in figure.findobj(lambda artist: hasattr(artist, "get_parse_math")) if "$" in text.get_text()]
    assert not any(text.get_parse_math() for text in texts)
    assert kind != "schedule" or any("$x^{$\\fr\\x1b\\u202e" in text.get_text() for text in texts)
    plt.close(figure)
