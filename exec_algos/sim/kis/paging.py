"""Pages of inquiries: cursors filled up with spaces, and whether a request for the next page is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exec_algos.sim.kis.calls import Answer, Call, refused

WIDTH = 100
NO_NEXT = refused("OPSQ2003", "ERROR : INPUT INVALID_CHECK_CTX_AREA")
ONLY, MORE, LAST, NOTHING = ("KIOK0510", "조회가 완료되었습니다"), ("KIOK0500", "조회가 계속됩니다..다음버튼을 Click 하십시오."), (
    "KIOK0460", "조회 되었습니다. (마지막 자료)"), ("KIOK0560", "조회할 내역(자료)이 없습니다")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """What a page begins with.

    Attributes
    ----------
    asked : str
        The first cursor: what was asked for.
    first : bool
        It is the first page.
    skip : int
        Rows of the pages before it.
    last : str
        What the page before it ended with; empty on the first.
    """

    asked: str
    first: bool
    skip: int = 0
    last: str = ""


def page_of(call: Call, *asked: str) -> Page | Answer:
    """The page that a call asks for; a next page needs header ``tr_cont: N`` and both cursors as they were given, spaces and all."""
    wanted = "^".join((*asked, "")).ljust(WIDTH)
    first, second = call.fields.get("CTX_AREA_FK100", ""), call.fields.get("CTX_AREA_NK100", "")
    if call.tr_cont != "N":
        return NO_NEXT if first or second else Page(wanted, True)
    parts = second.rstrip(" ").split("^")
    if first != wanted or len(second) != WIDTH or len(parts) < 3 or not parts[-2].isdecimal():
        return NO_NEXT
    return Page(wanted, False, int(parts[-2]), "^".join(parts[:-2]))


def cursors(page: Page, last: str, shown: int) -> dict[str, str]:
    """Both cursors behind a page: filled on the last one too."""
    return {"ctx_area_fk100": page.asked, "ctx_area_nk100": f"{last}^{page.skip + shown:06d}^".ljust(WIDTH)}


def ending(page: Page, rows: Sequence[object], more: bool) -> tuple[str, tuple[str, str]]:
    """The header ``tr_cont`` of a page, and code and text of its answer."""
    if more:
        return ("F" if page.first else "M"), MORE
    if not rows:
        return "D", NOTHING
    return ("D" if len(rows) % 2 else "E"), (ONLY if page.first else LAST)
