"""Names in other scripts: drawn with a font that has them, else as escapes, with one line that says what to install."""

import warnings

import pytest
from markets import bars_of, market, study_of
from matplotlib import font_manager
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from exec_algos import FillModel
from exec_algos.plots import KINDS, fonts, png
from exec_algos.plots.style import name, span

HANGUL = "삼성전자"
HOSTILE = (r"$\frac{1}$", "a\x1b[2J\u202eb\n", "_hidden", "N" * 80, "x" * 30 + "$" * 3)
FONT = fonts.fonts_for(HANGUL)[0]


def named(names):
    frame = market(5, ("A",), missing=0.0, silent=0.0).to_frame().loc["A"]
    rows = [(stamp.value, *row, float("nan")) for stamp, row in zip(frame.index, frame.itertuples(index=False), strict=True)]
    return bars_of(dict.fromkeys(names, rows))


@pytest.fixture(scope="module")
def korean():
    return study_of(named([HANGUL]), ["twap", "pov:rate=0.2"], FillModel(max_participation=0.2), size=["30", "90"], profile_days=2).run()


@pytest.fixture(scope="module")
def hostile():
    return study_of(named(HOSTILE), ["twap", "pov:rate=0.2"], FillModel(max_participation=0.2), size=["30", "90"], profile_days=2).run()


def texts(ax):
    return [text for text in ax.figure.findobj(Text) if text.get_text()]


@pytest.mark.skipif(not FONT, reason="no installed font has Hangul: install fonts-noto-cjk")
@pytest.mark.parametrize(
    ("kind", "options"), [("schedule", {}), ("participation", {}), ("volume", {"symbol": HANGUL}), ("daytime", {"by": "symbol"})]
)
def test_hangul_is_drawn_with_a_font_that_has_it(korean, kind, options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of each sign that its fonts lack
        ax = korean.plot(kind, Figure(figsize=(9, 7)).add_subplot(), **options)
        assert png(korean, kind, dpi=30, **options)
    found = [text for text in texts(ax) if HANGUL in text.get_text()]
    assert found
    assert all(text.get_fontfamily()[-1] == FONT[0] for text in found)


@pytest.mark.skipif(not FONT, reason="no installed font has Hangul: install fonts-noto-cjk")
def test_a_font_that_was_installed_after_matplotlib_made_its_list_is_found(korean, monkeypatch):
    manager = font_manager.fontManager
    monkeypatch.setattr(manager, "ttflist", [entry for entry in manager.ttflist if entry.name == "DejaVu Sans"])
    fonts._look_again.cache_clear()
    assert fonts.fonts_for(HANGUL)[1] == ""
    assert any(entry.name == FONT[0] for entry in manager.ttflist)
    fonts._look_again.cache_clear()


@pytest.mark.parametrize("kind", ["schedule", "participation"])
def test_without_a_font_one_line_names_one_and_the_signs_are_escapes(korean, monkeypatch, kind):
    monkeypatch.setattr(fonts, "_candidates", list)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ax = korean.plot(kind, Figure(figsize=(9, 7)).add_subplot())
        ax.figure.savefig("/dev/null", format="png", dpi=30)
    assert [str(warning.message) for warning in caught] == [
        "no installed font has '삼성전자': drawn as escapes; install fonts-noto-cjk (Debian, Ubuntu) or a Noto Sans font of that script"
    ]
    assert caught[0].filename == __file__ or "exec_algos" in caught[0].filename
    assert r"\uc0bc\uc131\uc804\uc790" in ax.get_title(loc="left")


def test_a_name_that_the_usual_font_has_changes_no_font(hostile):
    ax = hostile.plot("schedule", Figure(figsize=(9, 7)).add_subplot())
    assert {tuple(text.get_fontfamily()) for text in texts(ax)} == {("sans-serif",)}


def test_a_font_of_the_users_own_comes_first(korean):
    import matplotlib as mpl

    with mpl.rc_context({"font.family": ["DejaVu Serif"]}):
        ax = korean.plot("schedule", Figure(figsize=(9, 7)).add_subplot()) if FONT else None
    assert ax is None or all(text.get_fontfamily()[0] == "DejaVu Serif" for text in texts(ax) if HANGUL in text.get_text())


def test_plots_beside_ours_keep_their_fonts(korean):
    left, right = Figure(figsize=(14, 7)).subplots(1, 2)
    right.set_title(HANGUL)
    if FONT:
        korean.plot("schedule", left)
        assert right.title.get_fontfamily() == ["sans-serif"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_of_a_hostile_name_is_mathematics_or_a_control(hostile, kind):
    options = {"daytime": {"by": "symbol"}, "volume": {"symbol": HOSTILE[1]}}.get(kind, {})
    ax = hostile.plot(kind, Figure(figsize=(9, 7)).add_subplot(), **options)
    shown = texts(ax)
    assert all(text.get_text().replace("\n", "").isprintable() for text in shown)
    assert not [text.get_text() for text in shown if "$" in text.get_text() and text.get_parse_math()]
    assert not [text.get_text() for text in shown if len(text.get_text()) > 400]


@pytest.mark.parametrize("symbol", HOSTILE)
def test_one_order_of_a_hostile_name_is_drawn(hostile, symbol):
    order = hostile.parents[hostile.parents["symbol"] == symbol]["parent_id"].iloc[0]
    ax = hostile.plot("schedule", Figure(figsize=(9, 7)).add_subplot(), parent_id=order)
    figure = ax.get_figure()
    figure.draw_without_rendering()
    title = ax._left_title
    assert title.get_window_extent().x1 <= figure.bbox.x1
    assert "buy 30 shares, 2025-11-26" in title.get_text()


@pytest.mark.parametrize("kind", ["schedule", "cost", "daytime"])
def test_a_dark_style_and_latex_of_the_users_leave_a_plot_readable(hostile, kind):
    import matplotlib as mpl

    dark = {"figure.facecolor": "black", "axes.facecolor": "black", "savefig.facecolor": "auto", "text.usetex": True}
    with mpl.rc_context(dark):
        ax = hostile.plot(kind)
        assert not any(text.get_usetex() for text in texts(ax))
    assert {to_hex(part.get_facecolor()) for part in (ax.get_figure(), *ax.get_figure().axes)} == {"#ffffff"}


def test_hangul_takes_the_room_of_two_letters():
    assert span(HANGUL) == 8
    short = name(HANGUL * 10, 21)
    assert span(short) <= 21
    assert short.startswith("삼성전자…")
    assert short.endswith(HANGUL)
