"""What KIS answers, before its rows are read: the envelope around them, whatever the HTTP status."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exec_algos.errors import VenueError

MORE: Mapping[str, bool] = {"F": True, "M": True, "D": False, "E": False}
CURSORS = ("fk100", "fk200", "fk")
MOST_SHOWN = 200
LONG = re.compile(r"[0-9A-Za-z_.\-+/=]{8,}")  # may be an account, a key, a token


class UnreadableError(VenueError):
    """An answer that does not say what became of the request: no JSON, half of it, another encoding, no `rt_cd`."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page begins, kept as it came, spaces and all. Not in the repr: it names the account. False where there is none."""

    fk: str = field(default="", repr=False)
    nk: str = field(default="", repr=False)

    def fields(self, width: str) -> dict[str, str]:
        """As requests have it; `width`: ``"100"`` or ``"200"``, which is part of the names."""
        return {f"CTX_AREA_FK{width}": self.fk, f"CTX_AREA_NK{width}": self.nk}

    def __bool__(self) -> bool:
        return bool(self.fk or self.nk)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer that came in whole. Body and headers are not in the repr: they may hold a token, or name the account."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """A header, whatever the case of its name; None where it is missing."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is around each business answer.

    Attributes
    ----------
    ok : bool
        ``rt_cd`` is "0".
    code, text : str
        ``msg_cd`` (or ``error_code``), and the text without the spaces that fill it up.
    more : bool or None
        Another page follows; None where the header did not say, so that the answer is not proved to be complete.
    cursor : Cursor
        Of the next page. It may be there on the last page too: `more` decides.
    data : dict
        The answer, its keys in lower case.
    """

    ok: bool
    code: str
    text: str
    more: bool | None
    cursor: Cursor
    data: Mapping[str, Any] = field(repr=False)

    @property
    def odno(self) -> str:
        """Order number of an order or cancel, ten digits; empty where there is none, or what there is cannot be one."""
        return _odno(self._output("odno"))

    @property
    def orgno(self) -> str:
        """Forwarding office of an order, which its cancel names; empty where there is none."""
        return self._output("krx_fwdg_ord_orgno").strip()

    @property
    def time(self) -> str:
        """HHMMSS (KST) of an order; empty where there is none, or what there is cannot be one."""
        found = self._output("ord_tmd").strip()
        return found if re.fullmatch(r"([01]\d|2[0-3])[0-5]\d[0-5]\d", found, re.ASCII) else ""

    @property
    def numbered(self) -> bool:
        """An order number of whatever form is there: something may have been placed."""
        return bool(self._output("odno").strip().strip("0"))

    def _output(self, name: str) -> str:
        output = self.data.get("output")
        found = output.get(name, "") if isinstance(output, dict) else ""
        return found if isinstance(found, str) else ""


def _odno(text: str) -> str:
    plain = text.strip()
    return plain.zfill(10) if re.fullmatch("[0-9]{1,10}", plain) and plain.strip("0") else ""


def envelope(reply: Reply) -> Envelope:
    """The envelope of an answer, whatever its HTTP status.

    Raises
    ------
    UnreadableError
        There is none.
    """
    data = json_of(reply)
    result, code = data.get("rt_cd"), data.get("msg_cd", "")
    text = data.get("msg1", "")
    if result is None and "error_code" in data:
        result, code, text = "1", data["error_code"], data.get("error_description", "")
    if not (isinstance(result, str) and isinstance(code, str) and re.fullmatch("[0-9A-Za-z]{1,4}", result)):
        raise UnreadableError(f"answered HTTP {reply.status} without an rt_cd: {shown(reply.body)}")
    more = MORE.get((reply.header("tr_cont") or "").strip().upper())
    said = text.strip() if isinstance(text, str) else ""
    return Envelope(result == "0", code.strip(), said, more, _cursor(data), data)


def json_of(reply: Reply) -> dict[str, Any]:
    """The JSON object of an answer: keys in lower case, numbers as the text they came as.

    Raises
    ------
    UnreadableError
        It is none, or has a key twice with different values.
    """
    try:
        said = json.loads(reply.body.decode("utf-8"), object_pairs_hook=_lowered, parse_float=str, parse_int=str, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(
            f"answered HTTP {reply.status} with what cannot be read ({type(error).__name__}): {shown(reply.body)}"
        ) from None
    if not isinstance(said, dict):
        raise UnreadableError(f"answered HTTP {reply.status} with what is no object: {shown(reply.body)}")
    return said


def shown(body: bytes | str) -> str:
    """The beginning of an answer for a message, without what may be an account, a key or a token."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    line = " ".join(LONG.sub(lambda found: f"{found[0][:3]}...", text).split())
    return repr(line if len(line) <= MOST_SHOWN else f"{line[:MOST_SHOWN]}...")


def _lowered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        name = key.lower()
        said = value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
        if found.setdefault(name, said) != said:
            raise ValueError(f"{name} is there twice with different values")
    return found


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _cursor(data: Mapping[str, Any]) -> Cursor:
    for name in CURSORS:
        fk, nk = data.get(f"ctx_area_{name}"), data.get(f"ctx_area_{name.replace('fk', 'nk')}")
        if isinstance(fk, str) and isinstance(nk, str):
            return Cursor(fk, nk)
    return Cursor()
