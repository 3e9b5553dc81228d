"""The report in a real browser: it draws, sorts, filters, zooms, changes its colours and is worked by keyboard.

`show` fails each of these tests where the page complained of anything or asked for anything.
"""

import re

import pytest

pytestmark = pytest.mark.slow

RANGE = "id => [...document.querySelector(`[data-chart=${id}]`)._fullLayout.xaxis.range]"
UNDRAWN = """() => [...document.querySelectorAll('[data-chart]')]
  .filter(chart => !chart.closest('details') && !chart.querySelector('svg.main-svg')).map(chart => chart.dataset.chart)"""
FOCUSED = """() => {
  const own = document.activeElement, style = getComputedStyle(own), box = own.getBoundingClientRect();
  const seen = box.width > 0 && box.top < innerHeight && box.bottom > 0;
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
  const said = own.getAttribute('aria-label') ?? own.textContent.trim().slice(0, 40);
  return [own === document.body ? '' : `${own.tagName.toLowerCase()} ${said}`, seen && ring];
}"""


def scrolled(shown):
    """Down the page a screen at a time, as a reader goes; then the page is drawn."""
    for _ in range(60):
        shown.run("() => scrollBy(0, innerHeight * 0.9)")
        shown.settle()
        if shown.run("() => scrollY + innerHeight >= document.documentElement.scrollHeight - 2"):
            return
    raise AssertionError("the page has no end")


def opened(shown):
    """The table of all orders, drawn."""
    shown.page.locator("#orders-table").scroll_into_view_if_needed()
    shown.page.locator("#orders-table .tabulator-row").first.wait_for()
    return shown.page.locator("#orders-table")


def count(shown) -> tuple[int, int]:
    return tuple(int(number.replace(",", "")) for number in re.findall(r"[\d,]+", shown.page.locator("#orders-count").inner_text()))


def cells(table, title, shown):
    """What stands in the drawn rows of a column, top to bottom."""
    field = shown.page.locator(".tabulator-col", has_text=title).first.get_attribute("tabulator-field")
    return [cell.inner_text() for cell in table.locator(f".tabulator-row .tabulator-cell[tabulator-field={field}]").all()]


def as_numbers(texts):
    return [float(text.replace(",", "").replace("\u2212", "-").replace("+", "")) for text in texts if text != "n/a"]


@pytest.mark.parametrize(("which", "scheme"), [("small", "light"), ("large", "dark"), ("hostile", "light"), ("own", "dark")])
def test_the_whole_page_is_drawn_while_a_reader_goes_down_it(show, request, which, scheme):
    shown = show(request.getfixturevalue(which), scheme=scheme)
    scrolled(shown)
    assert shown.run(UNDRAWN) == []
    assert shown.page.locator("#orders-table .tabulator-row").count() > 10


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (400, 800)])
def test_the_answer_stands_on_the_first_screen(show, small, width, height):
    shown = show(small, width=width, height=height)
    answer = shown.page.locator(".answer")
    assert re.match(r"TWAP cost \d+\.\d bps \(USD [\d,]+\) \[", answer.inner_text())
    box = answer.bounding_box()
    assert box["y"] + box["height"] < height


def test_a_chart_zooms_where_it_is_dragged_and_a_double_click_shows_all_again(show, small):
    shown = show(small)
    chart = shown.page.locator("[data-chart=trend]")
    chart.scroll_into_view_if_needed()
    area = chart.locator(".nsewdrag").first
    area.wait_for()
    shown.settle()
    box, whole, mouse = area.bounding_box(), shown.run(RANGE, "trend"), shown.page.mouse
    mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5, steps=4)
    mouse.up()
    near = shown.run(RANGE, "trend")
    assert whole[0] < near[0] < near[1] < whole[1]
    mouse.dblclick(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    shown.page.wait_for_function(f"whole => ({RANGE})('trend')[1] === whole[1]", arg=whole)


def test_a_click_on_a_head_sorts_by_number_and_a_second_turns_it_round(show, large):
    shown = show(large)
    table = opened(shown)
    head = shown.page.locator(".tabulator-col", has_text="twap: vs VWAP, bps").first
    head.scroll_into_view_if_needed()
    head.click(position={"x": 20, "y": 10})
    rising = as_numbers(cells(table, "twap: vs VWAP, bps", shown)[:12])
    head.click(position={"x": 20, "y": 10})
    falling = as_numbers(cells(table, "twap: vs VWAP, bps", shown)[:12])
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > 0 > rising[0]
    assert len(falling) == 12


def test_filters_take_a_part_of_a_text_and_bounds_of_a_number_and_the_count_is_said(show, large):
    shown = show(large)
    table = opened(shown)
    kept, whole = count(shown)
    assert kept == whole == 24_570
    symbol = shown.page.get_by_label("filter symbol", exact=True)
    symbol.press_sequentially("MID")
    shown.page.wait_for_function("() => !document.getElementById('orders-count').textContent.startsWith('24,570')")
    of_symbol = count(shown)[0]
    assert 0 < of_symbol < whole
    assert set(cells(table, "symbol", shown)) == {"SYNMID"}
    cost = shown.page.get_by_label("filter twap: vs VWAP, bps", exact=True)
    cost.scroll_into_view_if_needed()
    cost.press_sequentially(">12.5")
    shown.page.wait_for_function("before => !document.getElementById('orders-count').textContent.startsWith(before)", arg=f"{of_symbol:,}")
    assert 0 < count(shown)[0] < of_symbol
    assert min(as_numbers(cells(table, "twap: vs VWAP, bps", shown))) > 12.5
    cost.fill("")
    cost.press("Enter")
    symbol.fill("nothing is called so")
    symbol.press("Enter")
    shown.page.wait_for_function("() => document.getElementById('orders-count').textContent.startsWith('0 of')")
    assert "no order fits" in table.inner_text()


def test_an_order_opens_with_its_picture(show, small):
    shown = show(small)
    order = shown.page.locator("#orders details").first
    order.scroll_into_view_if_needed()
    assert order.locator("svg.main-svg").count() == 0
    order.locator("summary").click()
    order.locator("svg.main-svg").first.wait_for()
    legend = order.locator(".legendtext").all_text_contents()
    assert {"twap", "vwap"} <= set(legend)
    assert order.locator(".scatterlayer .point").count() > 50


def test_the_button_and_the_system_change_the_colours_of_page_and_charts(show, small):
    shown = show(small, scheme="light")
    back = "() => getComputedStyle(document.body).backgroundColor"
    tick = "() => getComputedStyle(document.querySelector('[data-chart=cost] .xtick text')).fill"
    shown.page.locator("[data-chart=cost] .xtick text").first.wait_for()
    light = shown.run(back), shown.run(tick)
    shown.page.get_by_role("button", name="Show the page in dark colours").click()
    shown.settle()
    dark = shown.run(back), shown.run(tick)
    assert len({*light, *dark}) == 4 or (light[0] != dark[0] and light[1] != dark[1])
    shown.page.get_by_role("button", name="Show the page in light colours").click()
    shown.settle()
    assert (shown.run(back), shown.run(tick)) == light
    shown.colours("dark")
    assert (shown.run(back), shown.run(tick)) == dark


def test_the_keyboard_reaches_all_that_can_be_worked_with_a_ring_where_it_is(show, small):
    shown = show(small)
    scrolled(shown)
    shown.run("() => scrollTo(0, 0)")
    wanted = shown.run("""() => [...document.querySelectorAll('a[href], button, summary, .tabulator-header-filter input')]
      .filter(element => element.checkVisibility() && !(element.closest('details:not([open])') && element.tagName !== 'SUMMARY')).length""")
    reached = []
    for _ in range(wanted + 120):
        shown.page.keyboard.press("Tab")
        said, seen = shown.run(FOCUSED)
        if not said:
            break
        reached.append((said, seen))
    assert not said, "the focus never leaves the page"
    assert [said for said, seen in reached if not seen] == []
    kinds = [said.split()[0] for said, _ in reached]
    found = shown.run(
        "() => [document.querySelectorAll('nav a').length, document.querySelectorAll('.tabulator-header-filter input').length]"
    )
    assert kinds.count("a") >= found[0]
    assert kinds.count("input") == found[1]
    assert kinds.count("summary") == shown.run(
        "() => [...document.querySelectorAll('summary')].filter(one => one.checkVisibility()).length"
    )
    assert any("dark colours" in said for said, _ in reached)


def test_the_keyboard_sorts_the_orders_and_opens_one(show, small):
    shown = show(small)
    table = opened(shown)
    head = shown.page.get_by_role("columnheader", name="twap: vs VWAP, bps").first
    head.focus()
    shown.page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    first = as_numbers(cells(table, "twap: vs VWAP, bps", shown)[:10])
    assert first == sorted(first)
    summary = shown.page.locator("#orders summary").first
    summary.focus()
    shown.page.keyboard.press("Enter")
    shown.page.locator("#orders details[open] svg.main-svg").first.wait_for()


def test_a_page_of_25000_orders_is_small_enough_to_be_sent(large):
    assert large.stat().st_size < 5e6
