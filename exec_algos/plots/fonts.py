"""Fonts for names that the plot's own font cannot write, such as Hangul: the one place in which plots choose a font."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

P = ParamSpec("P")

# those that are common where Hangul is, then those of the other scripts beside it; any other font comes after them
PREFERRED = (
    "Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo", "UnDotum",
    "Noto Sans CJK JP", "Noto Sans CJK SC",
)  # fmt: skip
INSTALL = "install fonts-noto-cjk (Debian, Ubuntu) or a Noto Sans font of that script"


def lettered(plot: Callable[P, Axes]) -> Callable[P, Axes]:
    """The plot with all its texts in fonts that have them; what no installed font has is written as escapes, with one warning."""

    @wraps(plot)
    def drawn(*args: P.args, **options: P.kwargs) -> Axes:
        given: object = options.get("ax", args[1] if len(args) > 1 else None)
        before = set(given.figure.axes) - {given} if given is not None else set()  # type: ignore[attr-defined] # it is Axes
        ax = plot(*args, **options)
        figure = ax.get_figure(root=True)
        write([part for part in (figure.axes if figure else [ax]) if part not in before])
        return ax

    return drawn


def write(axes: Iterable[Axes]) -> None:
    """Give each text of some axes the fonts that it needs."""
    from matplotlib.text import Text

    unknown: dict[str, None] = {}
    for ax in axes:
        for text in ax.findobj(Text):  # names in ticks would be made anew: plots write them as texts
            text.set_usetex(False)  # where the user has LaTeX set all texts, a name would be its source
            if not text.get_text().isascii():
                unknown |= dict.fromkeys(_write(text))
    if unknown:
        signs = "".join(unknown)
        warnings.warn(f"no installed font has {signs[:12]!r}: drawn as escapes; {INSTALL}", UserWarning, stacklevel=4)


def _write(text: Text) -> str:
    """Choose fonts for one text; the signs that none has."""
    families = [str(family) for family in text.get_fontfamily()]
    lacking = "".join(dict.fromkeys(sign for sign in text.get_text() if ord(sign) >= 32 and ord(sign) not in _own_signs(tuple(families))))
    if not lacking:
        return ""
    chosen, unknown = fonts_for(lacking)
    text.set_fontfamily([*families, *chosen])
    text.set_text("".join(_escape(sign) if sign in unknown else sign for sign in text.get_text()))
    return unknown


def fonts_for(signs: str) -> tuple[list[str], str]:
    """Families of installed fonts that have the signs, the fewest that are found one after the other; and the signs that none has."""
    left, chosen = set(signs), []
    for family, path in _candidates():
        held = {sign for sign in left if ord(sign) in _signs(path)}
        if held:
            chosen.append(family)
            left -= held
        if not left:
            break
    return chosen, "".join(sign for sign in signs if sign in left)


def _candidates() -> Sequence[tuple[str, str]]:
    """Family and file of each installed font, the preferred ones first."""
    from matplotlib.font_manager import fontManager

    _look_again()
    files = {entry.name: entry.fname for entry in fontManager.ttflist}
    return [(name, files[name]) for name in [*(name for name in PREFERRED if name in files), *sorted(files)]]


@lru_cache(maxsize=1)
def _look_again() -> None:
    """Add fonts that were installed after matplotlib made its list, which it keeps on disk."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {entry.fname for entry in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError):  # a file that is no font that matplotlib reads
            continue


@lru_cache(maxsize=512)
def _signs(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def _own_signs(families: tuple[str, ...]) -> frozenset[int]:
    """What the first font of the families has."""
    from matplotlib.font_manager import FontProperties, findfont

    return _signs(str(findfont(FontProperties(family=list(families)))))


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
