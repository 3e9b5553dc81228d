"""The report of a study: one self-contained HTML page that answers first, that needs no other file.

What lives here: sentences, tables and charts as plain data, the page that shows them, and the libraries that draw them (``assets``). What
may not: a number that is computed nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from exec_algos.errors import UsageError
from exec_algos.market.boundary import writing

if TYPE_CHECKING:
    from exec_algos.studies.result import StudyResult

__all__ = ["write_report"]

PAGE = "report.html"
FORMER = ("slippage.png", "schedule.png", "shortfall.png", "markouts.png", "volume.png")  # of a study that an earlier version wrote here


def write_report(result: StudyResult, folder: str | Path, *, currency: str | None = None, by: Sequence[str] = ()) -> Path:
    """Write ``report.html``.

    The page needs no other file and no network. Slippage is in bps, positive = cost. The same result
    gives the same bytes. It is replaced as a whole; `StudyResult.save` writes its tables as CSV.

    Parameters
    ----------
    result : StudyResult
    folder : str or Path
        Made where it does not exist.
    currency : str, optional
        Of the prices: ``"USD"``, ``"GBX"`` where they are in pence, ``"BTC-USD=USD,BTC-EUR=EUR"`` by symbol. Without it that of the fees
        that are charged, else the one that the exchange quotes in, else money is in units of price.
    by : sequence of str
        What costs are looked at by, as `StudyResult.by` takes it, besides symbol, size, hour and date.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    UsageError
        The folder or a file in it cannot be written, or a currency that is none.
    """
    from exec_algos.reports.analysis import costs
    from exec_algos.reports.page import page_of
    from exec_algos.reports.subject import Subject

    out, page = Path(folder), page_of(Subject.of(result, currency=currency, by=by), costs(result))
    with writing(
        f"cannot write the report to {out}",
        "what was written stands",
        "name a folder that can be written to, or copy the study to one",
        kind=UsageError,
    ):
        out.mkdir(parents=True, exist_ok=True)
        _put(out / PAGE, page.encode())
        for name in FORMER:
            _put(out / name, b"")
    return out / PAGE


def _put(file: Path, content: bytes) -> None:
    """Replace a file as a whole; no content takes away an old one."""
    if not content:
        file.unlink(missing_ok=True)
        return
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(content)
    part.replace(file)
