"""The report of a study: one self-contained HTML page, and its plots as PNG.

What lives here: sentences, tables and the page. What may not: a number that is computed nowhere else.
"""

from __future__ import annotations

import base64
import json
import warnings
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from exec_algos.errors import UsageError
from exec_algos.market.boundary import writing
from exec_algos.reports import tables, words
from exec_algos.reports.analysis import FRAMES, Costs, costs
from exec_algos.studies.record.data import data_lines
from exec_algos.textform import csv_text, visible

if TYPE_CHECKING:
    from exec_algos.studies.result import StudyResult

__all__ = ["write_report"]


class Picture(NamedTuple):
    """A plot as PNG, or why there is none."""

    kind: str
    text: str
    png: bytes
    missing: str = ""

    @property
    def source(self) -> str:
        """What an ``img`` needs to show it without another file."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


def write_report(result: StudyResult, folder: str | Path) -> Path:
    """Write ``report.html``, and its plots as ``slippage.png, schedule.png, shortfall.png, markouts.png`` and ``volume.png``;
    and where the single fills were kept its tables as ``shortfall.csv, benchmarks.csv, markouts.csv`` and ``time_of_day.csv``.

    The page needs no other file and no network. Slippage is in bps, positive = cost. The same result
    gives the same bytes. Each file is replaced as a whole.

    Parameters
    ----------
    result : StudyResult
    folder : str or Path
        Made where it does not exist.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    UsageError
        The folder or a file in it cannot be written.
    """
    out = Path(folder)
    pictures = {kind: _picture(result, kind) for kind in words.PICTURES}
    found = costs(result)
    page = _page(result, pictures, found)
    with writing(f"cannot write the report to {out}", "what was written stands", "name a folder that can be written to", kind=UsageError):
        out.mkdir(parents=True, exist_ok=True)
        for kind, picture in pictures.items():
            _put(out / f"{kind}.png", picture.png)
        for name in FRAMES:
            _put(out / f"{name}.csv", csv_text(found.frames[name]).encode() if name in found.frames else b"")
        _put(out / "report.html", page.encode())
    return out / "report.html"


def _put(file: Path, content: bytes) -> None:
    """Replace a file as a whole; no content takes away an old one."""
    if not content:
        file.unlink(missing_ok=True)
        return
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(content)
    part.replace(file)


def _picture(result: StudyResult, kind: str) -> Picture:
    from exec_algos.plots import png

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a symbol in a script that the font lacks
            return Picture(kind, words.PICTURES[kind], png(result, kind))
    except UsageError as error:
        return Picture(kind, words.PICTURES[kind], b"", str(error))


def _page(result: StudyResult, pictures: dict[str, Picture], found: Costs) -> str:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def shown(value: object) -> object:
        """Text without characters that nobody sees: one that turns a line round would turn its numbers too."""
        if not isinstance(value, str) or isinstance(value, Markup):
            return value
        return "\n".join(map(visible, value.split("\n")))

    text = files(__name__).joinpath("report.html.j2").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=shown).from_string(
        text
    )
    main, *others = tables.slippage(result)
    return template.render(
        subtitle=words.subtitle(result),
        caution=words.cautions(result),
        main=main,
        others=others,
        pairs=tables.pairs(result),
        costs=found,
        filled=tables.filled(result),
        unfilled=tables.unfilled(result),
        least_filled=tables.least_filled(result),
        skipped=tables.skipped(result),
        outside=words.outside(result),
        data=data_lines(result.findings),
        sessions=result.config["calendar"],
        findings=tables.findings(result),
        assumptions=words.assumptions(result),
        pictures=pictures,
        config=json.dumps(result.config, indent=2, default=str, ensure_ascii=False),
    )
