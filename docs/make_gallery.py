"""Write the images of docs/gallery.md from the code on the page: `make docs`, or ``python docs/make_gallery.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "gallery.md"
DPI = 80


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Each block of code, and the image that follows it; an empty name where none does."""
    found = re.findall(r"```python\n(.*?)```\n(?:\n!\[[^\]]+\]\((images/gallery/\w+\.png)\))?", text, re.DOTALL)
    return ((str(code), str(image)) for code, image in found)


def drawn() -> Iterator[tuple[str, Any]]:
    """The name of each image and its axes, in the order of the page."""
    names: dict[str, Any] = {"__name__": "gallery"}
    for number, (code, image) in enumerate(steps(PAGE.read_text(encoding="utf-8")), start=1):
        exec(compile(code, f"gallery.md, block {number}", "exec"), names)
        if image:
            yield image, names["ax"]


def image_of(ax: Any) -> bytes:
    """A PNG with the few colours that a plot has: a third of the bytes."""
    from PIL import Image

    raw, small = BytesIO(), BytesIO()
    ax.get_figure(root=True).savefig(raw, format="png", dpi=DPI)
    Image.open(raw).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(small, format="PNG", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    for image, ax in drawn():
        path = PAGE.parent / image
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(image_of(ax))
        print(f"{path.relative_to(PAGE.parent)}: {path.stat().st_size:,} bytes")
