"""docs/gallery.md: every plot is there, its code runs, and its image is what that code draws."""

import re
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from exec_algos import plots

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "gallery.md").read_text(encoding="utf-8")
IMAGES = re.findall(r"\]\((images/gallery/\w+\.png)\)", PAGE)
LARGEST = 60_000  # bytes
# Of the means of blocks of 16 x 16 pixels: letters that matplotlib 3.10 and 3.11 set otherwise differ by up to 2.6. That the data are right
# is for tests/plots/test_references.py to say; here an image must not be of another plot, or older than the code.
BLOCK = 16
TOLERANCE = 4.0

sys.path.insert(0, str(DOCS))
import make_gallery  # noqa: E402


def pixels(data):
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"), dtype=np.float64)


def distance(a, b):
    rows, columns = (int(size) // BLOCK for size in np.minimum(a.shape, b.shape)[:2])
    means = [image[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK, 3).mean(axis=(1, 3)) for image in (a, b)]
    return float(np.sqrt(((means[0] - means[1]) ** 2).mean()))


def test_every_plot_has_its_image_and_every_image_its_plot():
    named = {Path(image).stem for image in IMAGES}
    assert named == set(plots.__all__) - {"KINDS", "draw", "png"}
    assert {path.stem for path in (DOCS / "images" / "gallery").iterdir()} == named


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_is_small(image):
    assert (DOCS / image).stat().st_size < LARGEST


@pytest.mark.slow
def test_the_code_of_the_page_draws_its_images():
    seen = []
    for image, ax in make_gallery.drawn():
        committed, fresh = pixels((DOCS / image).read_bytes()), pixels(make_gallery.image_of(ax))
        assert np.abs(np.subtract(committed.shape, fresh.shape)).max() <= 1, f"{image}: run `make docs`"
        assert distance(committed, fresh) < TOLERANCE, f"{image}: run `make docs`"
        assert (
            distance(committed, np.roll(fresh, 3 * BLOCK, axis=1)) > 1.5 * TOLERANCE
        )  # a plot that is shifted by a quarter of an inch fails
        seen.append(image)
    assert seen == IMAGES
