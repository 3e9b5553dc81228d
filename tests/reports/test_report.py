"""The report says what the summary says, and nothing else leaves or enters the page."""

import base64
import hashlib
import re
from html import unescape
from html.parser import HTMLParser

import pandas as pd
import pytest
from markets import bars_of, market, study_of

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.errors import UsageError
from exec_algos.market.samples import load_samples
from exec_algos.reports import write_report
from exec_algos.reports.words import benchmark_window
from exec_algos.tca.twins import SHOWN_ONCE

SCRIPTS = 4  # the data of the page, plotly, Tabulator and the page's own


class Page(HTMLParser):
    """Rows of every table, and every address."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.addresses, self.scripts, self._cell = [], [], 0, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = ""

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.rows[-1].append(" ".join(self._cell.split()))
            self._cell = None

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data


def study(bars, model=None, **grid):
    return study_of(bars, ["twap", "vwap:profile_days=2"], model, size="60", profile_days=2, **grid).run()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    result = study(market(5))
    return result, write_report(result, tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize(
    ("price", "sides", "shown_sides"),
    [("open", ["BUY"], ["BUY"]), ("open", ["BUY", "SELL"], ["BUY"]), ("worst", ["BUY", "SELL"], ["BUY", "SELL"])],
)
def test_the_headline_is_the_summary_and_sells_that_mirror_buys_are_left_out_of_it(tmp_path, price, sides, shown_sides):
    result = study(market(5), FillModel(price=price), sides=sides)
    page = write_report(result, tmp_path)
    rows = Page(page.read_text(encoding="utf-8")).rows
    headline = [row for row in rows if len(row) == 10]
    shown = headline[1 : 1 + next(n for n, row in enumerate(headline[1:]) if row[0] not in result.config["algorithms"])]
    table = result.summary(by=("algorithm", "side")).reset_index()
    table = table[table["side"].isin(shown_sides)]
    assert len(shown) == 2 * len(shown_sides)
    assert (SHOWN_ONCE in page.read_text(encoding="utf-8")) is (shown_sides != sides)
    assert [row[:4] for row in shown] == [
        [one["algorithm"], one["side"].lower(), str(one["n"]), f"{one['mean']:+.2f}"] for one in table.to_dict("records")
    ]


def test_what_was_skipped_and_assumed_is_told(written):
    result, page = written
    text = page.read_text(encoding="utf-8")
    assert result.config["data_sha256"] in text
    assert "the volume profile needs 2 earlier sessions with data, there are 0-1" in text


def test_the_page_is_self_contained(written):
    _, page = written
    told = Page(page.read_text(encoding="utf-8"))
    text = page.read_text(encoding="utf-8")
    assert all(address.startswith("#") and f'id="{address[1:]}"' in text for address in told.addresses)
    own = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)  # libraries name their licences and the namespaces of SVG
    assert not re.search(r"https?://", own)


def test_the_page_runs_its_own_scripts_and_no_other(written):
    """Every script has its hash in the policy, and every hash its script."""
    text = written[1].read_text(encoding="utf-8")
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    assert re.findall(r"'sha256-\S+'", policy) == [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts
    ]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.replace("style-src 'unsafe-inline'", "")
    assert "eval" not in policy


def test_a_symbol_cannot_write_into_the_page(tmp_path):
    frame = market(5, ("A",)).to_frame().loc["A"]
    rows = [(stamp.value, *row) for stamp, row in zip(frame.index, frame.itertuples(index=False), strict=True)]
    result = study(bars_of({"<script>alert(1)</script>": [(*row, float("nan"))[:7] for row in rows]}))
    page = write_report(result, tmp_path).read_text(encoding="utf-8")
    assert Page(page).scripts == SCRIPTS
    assert "<script>alert" not in page


def test_what_cannot_be_estimated_says_so(tmp_path):
    result = study(market(5, days=("2025-11-24", "2025-11-25", "2025-11-26")))  # one day to study: no interval
    assert "not estimable" in write_report(result, tmp_path).read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_made_is_a_clear_error(written, tmp_path):
    result, _ = written
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write the report"):
        write_report(result, tmp_path / "file" / "out")


def test_the_same_study_writes_the_same_page(written, tmp_path):
    result, page = written
    assert write_report(result, tmp_path).read_bytes() == page.read_bytes()
    assert isinstance(result.parents, pd.DataFrame)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (["09:30-12:00", "10:00-16:00"], "window: the order's own, 09:30 to 12:00, 10:00 to 16:00, 10:00 to 13:00 (America/New_York)"),
        ("09:30-16:00", "window: the order's own, 09:30 to 16:00; 5 of 275 orders have another (cut to their session)"),
    ],
)
@pytest.mark.slow
def test_a_window_is_called_cut_only_where_it_was(window, said):
    """The half day of 2025-11-28 cuts one window of each symbol; a second window of the grid is none that was cut."""
    bars = load_samples()["XNYS"]
    parents = ParentOrders.grid(bars, calendar="XNYS", size="2%adv", window=window, sides=["BUY"])
    result = SlippageStudy(bars, parents, ["twap"]).run(fills=False)
    assert benchmark_window(result, "interval_vwap").startswith(said)


def test_without_a_calendar_the_analysis_and_its_plots_are_there(tmp_path):
    bars = load_samples()["XNYS"]
    parents = ParentOrders.grid(bars.select(["SYNMID"]), size="2%adv", sides=["BUY"])
    result = SlippageStudy(bars.select(["SYNMID"]), parents, ["twap"]).run()
    assert benchmark_window(result, "session_vwap").startswith("window: the whole day, from its first bar to its last (")
    page = write_report(result, tmp_path).read_text(encoding="utf-8")
    assert "unknown calendar" not in page
    assert "Implementation shortfall by its parts" in page
