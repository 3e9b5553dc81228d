"""What an answer means for the request it answers: taken, refused, asked again, or unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from exec_algos.brokers.kis.answers import Envelope, Reply, UnreadableError, envelope
from exec_algos.brokers.kis.operations import Ask, Kind
from exec_algos.errors import NotSentError, UsageError


class Class(Enum):
    """What is to be done about an answer."""

    OK = "ok"
    REJECTED = "rejected"
    """Of an order or cancel: nothing of it is at the exchange, and the next may be taken. Of a read: asking again gives no other answer."""
    LASTING = "lasting"
    """Rejected, and the next such order would be too."""
    TOKEN = "token"
    """Refused at the gateway for its token, not carried out: renew the token once."""
    THROTTLED = "throttled"
    """EGW00201: refused at the gateway by the limit of rate, not carried out."""
    LEDGER_BUSY = "ledger busy"
    """EGW00215 on a read or cancel: the ledger is busy; ask again after a second or two."""
    UNKNOWN = "unknown"
    """Of an order or cancel: nobody knows whether it was carried out."""
    REFUSED = "refused"
    """Refused at the gateway, not carried out, and nothing will be until keys, host or request are put right."""
    NOT_SENT = "not sent"
    """Of an order or cancel: no byte of it left."""
    RETRY = "retry"
    """Of a read: it may be asked again."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, and what it means. `code` and `text` are KIS's own words, or what happened where there are none."""

    cls: Class
    code: str
    text: str
    envelope: Envelope | None = None


TOKEN = frozenset({"EGW00121", "EGW00122", "EGW00123"})
RATE, LEDGER = "EGW00201", "EGW00215"
FATAL = frozenset(
    {f"EGW{number:05}" for number in (3, 4, 101, 102, 103, 104, 105, *range(112, 120), 131, 132, 205, 206, 208, 210, 213, 303, 304)}
    | {"EGW02004", "EGW2004"}
    | {f"OPSQ{number:04}" for number in (*range(1, 12), 1002, 2000, 2001, 2002, *range(9995, 10000))}
)
"""The request, the keys or the host are wrong: nothing will be answered until they are put right."""
PASSED_ON = FATAL - {f"EGW{number:05}" for number in (*range(101, 120), 131, 132, 205, 206, 208, 213)} - {"EGW02004", "EGW2004"}
"""Those of which nobody says that the gateway passes no order on before it gives them."""
DOUBTFUL = frozenset({"EGW00001", "EGW00002", "EGW00202", "EGW00203", "EGW00300", "EGW00301", "EGW00302", "IGW00009", "90020000"})
"""The order may have been passed on."""
DONE = frozenset({"APBK0013", "MCA00000", "KIOK0510", "KIOK0420", "KIOK0500", "KIOK0460", "KIOK0560"})
BUSINESS: Mapping[str, bool] = {
    "APBK0919": False,
    "APBK0952": True,
    "APBK0400": True,
    "APBK1234": True,
    "APBK0656": True,
    "APBK1943": True,
    "APBK3013": False,
    "APBK1664": True,
    "KIER3672": False,
    "40100000": True,
    "40030000": False,
    "40250000": True,
}
"""Codes of the ledger, and whether the next such order is refused too."""
SEVERAL = "APBK0918"  # one code for several causes, which only its text tells apart
GATEWAY = re.compile("EGW|IGW|OPS")
CODE = re.compile("[0-9A-Z]{4,8}")
HOURS = re.compile("시간|장시작|장종료|장개시|장마감|장전|장후")
SHORT = re.compile("금액|현금|예수금|부족|잔고|수량|초과|불가|종목")


def classify(ask: Ask, answer: Reply | Exception) -> Said:
    """What an answer, or what came in place of one, means for the request.

    Parameters
    ----------
    answer : Reply or Exception
        Of an exception only `NotSentError` says that nothing left.

    Raises
    ------
    UsageError
        It was given as the answer: the request was never built.
    """
    posts = ask.kind in (Kind.ORDER, Kind.CANCEL)
    if isinstance(answer, UsageError):
        raise answer
    if isinstance(answer, NotSentError):
        return Said(Class.NOT_SENT if posts else Class.RETRY, "", str(answer))
    if isinstance(answer, Reply):
        try:
            said = envelope(answer)
        except UnreadableError as error:
            answer = error
        else:
            cls = _of_order(ask.kind, answer.status, said) if posts else _of_read(answer.status, said)
            return Said(cls, said.code, said.text, said)
    return Said(Class.UNKNOWN if posts else Class.RETRY, "", f"{type(answer).__name__}: {answer}")


def is_lasting(code: str, text: str) -> bool:
    """Whether the next order would be refused too."""
    if code == SEVERAL:
        return not HOURS.search(text) and bool(SHORT.search(text))
    return BUSINESS.get(code, False)


def _of_order(kind: Kind, status: int, said: Envelope) -> Class:
    if said.ok:
        return Class.OK if said.odno and not _is_trouble(said.code) else Class.UNKNOWN
    if said.numbered or said.code in DOUBTFUL or said.code in DONE:
        return Class.UNKNOWN
    shared = _of_gateway(said.code)
    if kind is Kind.ORDER and (shared is Class.LEDGER_BUSY or said.code in PASSED_ON):
        return Class.UNKNOWN
    return shared or _of_business(status, said) or Class.UNKNOWN


def _of_read(status: int, said: Envelope) -> Class:
    if said.ok:
        return Class.RETRY if status >= 400 or _is_trouble(said.code) else Class.OK
    if said.code in DOUBTFUL or said.code in DONE:
        return Class.RETRY
    return _of_gateway(said.code) or _of_business(status, said) or Class.RETRY


def _of_gateway(code: str) -> Class | None:
    if code in TOKEN:
        return Class.TOKEN
    if code in FATAL:
        return Class.REFUSED
    return {RATE: Class.THROTTLED, LEDGER: Class.LEDGER_BUSY}.get(code)


def _of_business(status: int, said: Envelope) -> Class | None:
    """Rejected where the ledger says so: by a code that is known, or by another one in an answer that is not an error of the server."""
    listed = said.code in BUSINESS or said.code == SEVERAL
    if not listed and (status != 200 or GATEWAY.match(said.code) or not CODE.fullmatch(said.code)):
        return None
    return Class.LASTING if is_lasting(said.code, said.text) else Class.REJECTED


def _is_trouble(code: str) -> bool:
    """A code that never goes with success."""
    return bool(GATEWAY.match(code)) or code in DOUBTFUL or code in BUSINESS or code == SEVERAL
