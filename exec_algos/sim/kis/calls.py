"""What passes between the gateway of the simulated KIS and its desks: calls in, answers out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Lag(NamedTuple):
    """After how many seconds of venue time an order that is taken appears in daily fills, in the list of open orders, as a notice."""

    daily: float = 0.0
    open: float = 0.0
    notice: float = 0.0


NO_LAG = Lag()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that the gateway let through: token, limit of rate, TR id, required fields and their types were right.

    Attributes
    ----------
    paper : bool
        It came in at the paper host.
    app_key : str
        Whose it is.
    tr_id, tr_cont : str
        Of its headers.
    fields : mapping of str to str
        Of the query, or of the body.
    now : int
        ns UTC.
    lag : Lag
        Of the order that it places.
    fault : str
        What the desk is to do wrong: ``"exchange_rejects"`` (taken, and rejected later), ``"fill_wins"`` (the cancel is taken, and what
        is open trades all the same), ``"output_object"``, ``"output_missing"``; empty for nothing.
    """

    paper: bool
    app_key: str
    tr_id: str
    tr_cont: str
    fields: Mapping[str, str]
    now: int
    lag: Lag = NO_LAG
    fault: str = ""

    @property
    def account(self) -> str:
        """CANO and ACNT_PRDT_CD together, ten digits; empty where the call names none."""
        return self.fields.get("CANO", "") + self.fields.get("ACNT_PRDT_CD", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The envelope of an answer.

    Attributes
    ----------
    body, status
        What it says, and the status of HTTP.
    tr_cont : str or None
        Of its headers; None where the header is left out.
    odno : str
        Of an order that was taken although the answer does not say so.
    """

    body: Mapping[str, Any]
    status: int = 200
    tr_cont: str | None = ""
    odno: str = ""


def done(code: str = "MCA00000", text: str = "정상처리 되었습니다.", *, tr_cont: str | None = "", **outputs: Any) -> Answer:
    """An answer with ``rt_cd`` 0."""
    return Answer(body={"rt_cd": "0", "msg_cd": code, "msg1": padded(text), **outputs}, tr_cont=tr_cont)


def refused(code: str, text: str, *, rt_cd: str = "1", status: int = 200) -> Answer:
    """An answer with another ``rt_cd``: nothing was done."""
    return Answer(body={"rt_cd": rt_cd, "msg_cd": code, "msg1": padded(text)}, status=status)


def padded(text: str, length: int = 80) -> str:
    """A text as KIS writes it: spaces fill it up."""
    return text.ljust(length)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An operation.

    Attributes
    ----------
    method, path : str
        ``"POST"``, ``"/uapi/domestic-stock/v1/trading/order-cash"``.
    live, paper : tuple of str
        TR ids of each host; empty where the host does not have it.
    required : tuple of str
        Fields that must be there, and be strings.
    run : callable
        Does it.
    orders : bool
        It places or changes orders: faults of orders meet it, and the request is written down as such.
    ledger : bool
        It reads the ledger: EGW00215 may meet it.
    """

    method: str
    path: str
    live: tuple[str, ...]
    paper: tuple[str, ...]
    required: tuple[str, ...] = ()
    run: Callable[[Call], Answer] = field(repr=False)
    orders: bool = False
    ledger: bool = False
