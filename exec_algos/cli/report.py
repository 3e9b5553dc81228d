"""What ``exec-algos report`` does: the page of a study that lies in a folder, made again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from exec_algos.cli.printing import say
from exec_algos.errors import UsageError

if TYPE_CHECKING:
    from exec_algos.cli.show import Show

URL = re.compile(r"\w{2,}:/")  # a path has one slash of two


def report_again(folder: Path, show: Show, *, opened: bool = False, pdf: bool = False) -> None:
    """Write the page of a saved study, and print or open it.

    Parameters
    ----------
    folder : Path
        Of a study in memory or in shards.
    show : Show
        Its groups and its currency.
    opened : bool
        Show the page in the browser.
    pdf : bool
        Print it beside the page, by an installed Chromium, Chrome or Edge.

    Raises
    ------
    UsageError
        No study, one that is damaged, or no browser that prints; the page is written then all the same.
    """
    from exec_algos.reports import write_report
    from exec_algos.studies.reopened import open_result

    if URL.match(str(folder)) and not folder.exists():
        raise UsageError(
            f"the page is written into the folder, so name one of this computer, got {folder}; in Python: open_result of a URL"
        )
    result = open_result(folder)
    show.check(result.parents.columns)
    page = write_report(result, folder, currency=show.currency, by=show.names)
    say(f"written: {page}")
    if opened:
        _open(page)
    if pdf:
        from exec_algos.reports.pdf import print_pdf

        say(f"written: {print_pdf(page, page.with_suffix('.pdf'))}")


def _open(page: Path) -> None:
    import webbrowser

    if not webbrowser.open(page.absolute().as_uri()):
        raise UsageError(f"no browser could be started; the page is {page}, open it yourself")
