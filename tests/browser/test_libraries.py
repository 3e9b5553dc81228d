"""Tabulator and plotly, as they lie in the package, in a page as strict as the report: what the report stands on."""

import html
import json

import pytest

from exec_algos.reports.assets import THEME, csp_hash, text

pytestmark = pytest.mark.slow

HOSTILE = [
    "<script>window.ran=1</script>",
    '"><img src=x onerror="window.ran=2">',
    "=cmd|' /C calc'!A0",
    "\u202eabc",
    "${window.ran=3}",
    "<!--",
    "삼성전자",
]
OURS = """
const names = JSON.parse(document.getElementById("names").textContent);
const rows = [...Array(3000).keys()].map(n => ({id: n, symbol: names[n % names.length], cost: Math.sin(n) * 10}));
const options = {data: rows, height: 300, layout: "fitColumns", columns: [
  {title: "id", field: "id", sorter: "number"},
  {title: "symbol", field: "symbol", headerFilter: "input", tooltip: true},
  {title: "cost", field: "cost", sorter: "number"}]};
window.table = new Tabulator("#table", options);
Plotly.newPlot("plot", [{x: rows.map(row => row.id), y: rows.map(row => row.cost), type: "scatter", mode: "markers"}],
  {width: 600, height: 300, showlegend: false}, {displaylogo: false});
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    scripts = [text("tabulator.min.js"), text("plotly-basic.min.js"), OURS]
    names = json.dumps(HOSTILE).replace("<", "\\u003c")
    csp = f"default-src 'none'; script-src {' '.join(map(csp_hash, scripts))}; style-src 'unsafe-inline'; img-src data:"
    file = tmp_path_factory.mktemp("libraries") / "page.html"
    file.write_text(
        f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{html.escape(csp)}">
<title>Libraries</title><style>:root {{ --surface: #fff; --ink: #222; --muted: #595959; --line: #ddd; --hover: #eee; --accent: #06c }}
{text("tabulator.min.css")}{text(THEME)}</style></head><body><div id="table"></div><div id="plot"></div>
<script type="application/json" id="names">{names}</script>{"".join(f"<script>{script}</script>" for script in scripts)}</body></html>""",
        encoding="utf-8",
    )
    return file


def test_a_table_of_3000_rows_draws_a_screen_of_them_sorts_and_filters(show, page):
    shown = show(page)
    rows = shown.page.locator("#table .tabulator-row")
    assert 10 < rows.count() < 200
    shown.page.locator(".tabulator-col[tabulator-field=cost]").click()
    first = [shown.run("n => table.getRows('active')[n].getData().cost", n) for n in range(3)]
    assert first == sorted(first)
    assert shown.run("() => table.getRows('active')[0].getData().cost") < -9.999
    shown.page.locator(".tabulator-header-filter input").fill("삼성")
    shown.page.keyboard.press("Enter")
    shown.page.wait_for_function("() => table.getDataCount('active') === 428")


def test_hostile_names_stay_text_in_cells_and_filters(show, page):
    shown = show(page)
    cells = shown.page.locator(".tabulator-row .tabulator-cell[tabulator-field=symbol]")
    assert [cells.nth(n).inner_text() for n in range(len(HOSTILE))] == HOSTILE
    shown.page.locator(".tabulator-header-filter input").press_sequentially("<script>")
    shown.page.wait_for_function("() => table.getDataCount('active') === 429")
    assert shown.run("() => window.ran") is None


def test_a_chart_zooms_where_it_is_dragged_and_a_double_click_puts_it_back(show, page):
    shown = show(page)
    area = shown.page.locator("#plot .nsewdrag").bounding_box()
    whole = shown.run("() => [...document.getElementById('plot')._fullLayout.xaxis.range]")
    mouse = shown.page.mouse
    mouse.move(area["x"] + area["width"] / 4, area["y"] + area["height"] / 2)
    mouse.down()
    mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2, steps=5)
    mouse.up()
    near = shown.run("() => [...document.getElementById('plot')._fullLayout.xaxis.range]")
    assert near[1] - near[0] == pytest.approx((whole[1] - whole[0]) / 4, rel=0.02)
    mouse.dblclick(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    shown.page.wait_for_function("whole => document.getElementById('plot')._fullLayout.xaxis.range[1] === whole", arg=whole[1])


def test_what_a_page_complains_of_and_asks_for_is_seen(show, tmp_path):
    """The tests of pages rest on it: `show` fails a test at its end over what this one takes away first."""
    file = tmp_path / "bad.html"
    file.write_text(
        '<!doctype html><img src="http://127.0.0.1:9/x.png"><script>console.warn("careful"); alert("hi"); nothing.at.all</script>'
    )
    shown = show(file)
    said = " ".join(shown.complaints)
    assert [word in said for word in ("warning: careful", "dialog: hi", "error: nothing is not defined", "ERR_INTERNET_DISCONNECTED")] == [
        True
    ] * 4
    assert "http://127.0.0.1:9/x.png" in shown.requests
    shown.complaints.clear()
    shown.requests.clear()
