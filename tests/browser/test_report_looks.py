"""How the report looks to a reader: on a phone, in the dark, on paper, read aloud, in Korean, and with names that want to be obeyed."""

import re
import shutil
import subprocess
from pathlib import Path
from unicodedata import normalize

import browser_pages as pages
import pytest

from exec_algos.reports.pdf import print_pdf

pytestmark = pytest.mark.slow

LOOKS = Path(__file__).with_name("looks.js").read_text(encoding="utf-8").partition("\n")[2]


def whole(shown):
    """The page with every table and chart drawn, all that is folded open, and the first three orders of either list."""
    for _ in range(90):
        shown.run("() => scrollBy(0, innerHeight * 0.9)")
        shown.settle()
        if shown.run("() => scrollY + innerHeight >= document.documentElement.scrollHeight - 2"):
            break
    shown.run("""() => document.querySelectorAll('details:not(.twocol details), .twocol details:nth-of-type(-n + 3)')
      .forEach(details => { details.open = true; })""")
    shown.settle()
    shown.page.wait_for_function("""() => [...document.querySelectorAll('[data-chart]')]
      .every(chart => chart.closest('details:not([open])') || chart.querySelector('svg.main-svg'))""")
    return shown


def test_every_text_stands_out_from_what_is_behind_it_in_light_and_in_dark(show, small):
    shown = whole(show(small, scheme="light"))
    for scheme in ("light", "dark"):
        shown.colours(scheme)
        found = shown.run(LOOKS)
        assert found["bad"] == [], scheme
        assert found["checked"] > 1000


@pytest.mark.parametrize("which", ["small", "hostile"])
def test_a_phone_never_scrolls_the_page_sideways_and_reads_every_note(show, request, which):
    shown = whole(show(request.getfixturevalue(which), width=400, height=800))
    assert shown.run("() => document.documentElement.scrollWidth") <= 400
    outside = """() => [...document.querySelectorAll('h1, h2, h3, p, li, summary, figcaption, dt, dd, caption .note')]
      .filter(element => element.checkVisibility() && !element.closest('nav')
        && element.getBoundingClientRect().right > innerWidth + 1)
      .map(element => element.textContent.trim().slice(0, 50))"""
    assert shown.run(outside) == []
    broken = """() => [...document.querySelectorAll('tbody th')]
      .filter(cell => cell.checkVisibility() && /^[A-Z]{3,8}$/.test(cell.textContent)
        && cell.getClientRects()[0].height > 1.9 * parseFloat(getComputedStyle(cell).lineHeight)).map(cell => cell.textContent)"""
    assert shown.run(broken) == []


def test_the_page_reads_as_one_document_to_who_cannot_see_it(show, small):
    shown = show(small)
    found = shown.run("""() => {
      const all = (selector) => [...document.querySelectorAll(selector)];
      const levels = all("h1, h2, h3, h4, h5, h6").map(head => Number(head.tagName[1]));
      const tables = all("table");
      return {
        lang: document.documentElement.lang, title: document.title.length > 0, main: all("main").length,
        nav: all("nav[aria-label]").length, first: levels[0], heads: levels.filter(level => level === 1).length,
        leap: levels.some((level, n) => n && level > levels[n - 1] + 1),
        tables: tables.length, captions: tables.filter(table => table.caption && table.caption.textContent.trim()).length,
        unscoped: all("th").filter(head => !["col", "row"].includes(head.scope)).length,
        unnamed: all("[data-chart], button, input").filter(own => !(own.getAttribute("aria-label") || own.textContent.trim())).length,
        broken: all("nav a").filter(link => !document.querySelector(link.getAttribute("href"))).length,
        twice: all("[id]").map(own => own.id).filter((id, n, ids) => ids.indexOf(id) !== n),
      };
    }""")
    tables = found.pop("tables")
    assert tables > 5
    assert found == {
        "lang": "en", "title": True, "main": 1, "nav": 1, "first": 1, "heads": 1, "leap": False, "captions": tables,
        "unscoped": 0, "unnamed": 0, "broken": 0, "twice": [],
    }  # fmt: skip


@pytest.mark.parametrize("which", ["hostile", "own"])
def test_hostile_names_stay_text_and_run_nothing_wherever_they_stand(show, request, which):
    shown = whole(show(request.getfixturevalue(which)))
    body = shown.run("() => document.body.textContent")
    assert shown.run(
        "() => [window.ran, document.querySelectorAll('main img, main script, main b, header script, header img').length]"
    ) == [None, 0]
    assert shown.run("() => [...document.querySelectorAll('a')].filter(link => !link.getAttribute('href').startsWith('#')).length") == 0
    for name in pages.NAMES:
        assert name.replace("\u202e", "\\u202e") in body, name
    marks = shown.run("() => [...document.querySelectorAll('[data-chart] text')].map(text => text.textContent)")
    heads = shown.page.locator("#orders-table .tabulator-col-title").all_inner_texts()
    assert pages.HEAD in heads
    assert "\u202e" not in body + "".join(marks)


def test_hostile_names_stay_text_in_filters_and_in_what_a_mark_says(show, hostile):
    shown = whole(show(hostile))
    shown.page.get_by_label("filter symbol", exact=True).fill(pages.SCRIPT)
    shown.page.keyboard.press("Enter")
    cells = shown.page.locator("#orders-table .tabulator-cell[tabulator-field=c1]")
    assert set(cells.all_inner_texts()) == {pages.SCRIPT}
    for chart in shown.page.locator("[data-chart] .nsewdrag").all():
        if chart.is_visible():
            chart.scroll_into_view_if_needed()
            box = chart.bounding_box()
            for part in (0.2, 0.5, 0.8):
                shown.page.mouse.move(box["x"] + box["width"] * part, box["y"] + box["height"] / 2)
    assert shown.run("() => [window.ran, document.querySelectorAll('main img').length]") == [None, 0]


def test_hangul_is_drawn_in_text_and_in_charts(show, hostile):
    """A glyph that no font has is drawn as the same box, whatever it is."""
    shown = whole(show(hostile))
    drawn = """family => {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 48;
      const pen = canvas.getContext("2d", { willReadFrequently: true });
      return [..."\\u{c0bc}\\u{c131}\\u{c804}\\u{10ffff}"].map(sign => {
        pen.clearRect(0, 0, 48, 48);
        pen.font = `32px ${family}`;
        pen.fillText(sign, 4, 36);
        return [...pen.getImageData(0, 0, 48, 48).data].filter((_, n) => n % 4 === 3).map(alpha => alpha > 90 ? 1 : 0).join("");
      });
    }"""
    families = shown.run("""() => ["body", "[data-chart] text", "#orders-table .tabulator-cell"]
      .map(selector => getComputedStyle(document.querySelector(selector)).fontFamily)""")
    for family in families:
        *hangul, missing = shown.run(drawn, family)
        assert len({*hangul, missing}) == 4, family


@pytest.fixture(scope="module")
def paper(browser_program, small, tmp_path_factory):
    """The page as `print_pdf` prints it."""
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext; install poppler-utils (apt-get)")
    return print_pdf(small, tmp_path_factory.mktemp("printed") / "report.pdf")


@pytest.fixture(scope="module")
def printed(paper):
    """The sheets of the printed page: the text of each, as it is laid out."""
    text = subprocess.run(["pdftotext", "-layout", paper, "-"], capture_output=True, text=True, check=True).stdout
    return [normalize("NFKC", sheet) for sheet in text.split("\f")[:-1]]


TABLES = """() => [...document.querySelectorAll('table')].map(table => ({
  title: table.caption.firstChild.textContent.trim(),
  head: [...table.tHead.rows[0].cells].map(cell => cell.textContent.trim()),
  rows: [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent.trim())),
}))"""


def lines(sheet):
    return [" ".join(line.split()) for line in sheet.splitlines()]


def words(text):
    """Its words; one with a hyphen may be broken there."""
    return set(re.split(r"[\s-]+", normalize("NFKC", text))) - {""}


def starts(row):
    """How the line of a row or a head begins on paper, where no cell of words is broken."""
    return " ".join(row[:3])


def test_every_table_is_printed_whole_and_no_row_stands_on_a_sheet_without_its_head(show, small, printed):
    tables = show(small).run(TABLES)
    assert len(tables) > 8
    for table in tables:
        sheet = next((n for n, sheet in enumerate(printed) if table["title"] in lines(sheet) and table["head"][0] in sheet), None)
        assert sheet is not None, f"{table['title']}: no sheet has its title and its head"
        after = words("\n".join(printed[sheet:]))
        assert [cell for row in [table["head"], *table["rows"]] for cell in row if not words(cell) <= after] == [], table["title"]
    dates = next(table for table in tables if table["title"] == "By date")
    assert len(dates["rows"]) == 55
    sheets = [lines(sheet) for sheet in printed]
    found = {n: [row for row in dates["rows"] if any(line.startswith(starts(row)) for line in sheet)] for n, sheet in enumerate(sheets)}
    assert sum(map(len, found.values())) == 55
    assert [n for n, rows in found.items() if rows and not any(line.startswith(starts(dates["head"])) for line in sheets[n])] == []


def test_paper_shows_what_is_folded_away_on_the_screen_and_leaves_out_what_is_to_be_clicked(show, small, printed):
    shown = show(small)
    whole_text = " ".join(" ".join(printed).split())
    summaries = shown.run("() => [...document.querySelectorAll('summary')].map(own => own.textContent.trim())")
    assert len(summaries) > 20
    assert [said for said in summaries if not words(said) <= words(whole_text)] == []
    assert "data_sha256" in whole_text
    assert "Click on a head" not in whole_text
    assert "filter symbol" not in whole_text
    assert "This table is in the file, and is not printed." in whole_text


def test_an_order_on_paper_stands_on_one_sheet_with_its_picture(printed):
    """As many lines of orders stand on a sheet as words under pictures, two or three of them."""
    flat = [" ".join(sheet.split()) for sheet in printed]
    told = [(len(re.findall(r"order \d+: SYN", sheet)), sheet.count("Against the interval VWAP: twap")) for sheet in flat]
    assert sum(lines for lines, _ in told) == 20
    assert [(lines, words) for lines, words in told if lines != words] == []
    assert max(lines for lines, _ in told) == 3


def test_the_printed_charts_are_drawn_as_lines_and_not_as_pictures(paper):
    listed = subprocess.run(["pdfimages", "-list", paper], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert listed == []


def test_paper_is_small_enough_to_be_sent(paper):
    assert paper.stat().st_size < 2e6


def test_a_page_printed_from_the_dark_is_light_and_as_it_was_afterwards(show, small):
    """As the browser says before and after it prints; a chart is no wider than A4 between its margins, 182 mm, and than Letter."""
    shown = show(small, scheme="dark")
    shown.page.locator("#orders summary").first.click()
    shown.page.locator("#orders details[open] svg.main-svg").first.wait_for()
    state = """() => [document.documentElement.dataset.theme, document.querySelectorAll('details').length,
      document.querySelectorAll('details[open]').length, getComputedStyle(document.body).backgroundColor]"""
    widths = "() => [...document.querySelectorAll('[data-chart] > .plot-container svg.main-svg')].map(chart => chart.clientWidth)"
    before = shown.run(state)
    cost = "() => document.querySelector('[data-chart=cost] svg.main-svg').clientWidth"
    wide = shown.run(cost)
    shown.run("() => dispatchEvent(new Event('beforeprint'))")
    theme, folded, opened, _ = shown.run(state)
    assert (theme, opened) == ("light", folded)
    assert max(shown.run(widths)) <= 182 / 25.4 * 96
    shown.run("() => dispatchEvent(new Event('afterprint'))")
    shown.settle()
    assert shown.run(state) == before
    assert shown.run(cost) == wide
