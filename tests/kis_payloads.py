"""Messages of KIS, invented in the form of real ones, as they stand on the wire; and what tests make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from exec_algos.brokers.kis.messages import AccountNo, Envelope, Host, Reply, envelope

EXAMPLES = dict(line.split("\t", 1) for line in Path(__file__).with_name("kis_examples.txt").read_text("utf-8").splitlines())
LIVE, PAPER = Host(paper=False), Host(paper=True)
ACCOUNT = AccountNo.of("50123456-01")


def reply(said: Any, status: int = 200, tr_cont: str | None = None) -> Reply:
    """An answer of a text, or of what becomes JSON."""
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return Reply(status, {} if tr_cont is None else {"tr_cont": tr_cont}, text.encode())


def page(name: str, tr_cont: str | None = None) -> Envelope:
    """An example as an envelope."""
    return envelope(reply(EXAMPLES[name], tr_cont=tr_cont))


def done(code: str = "MCA00000", **outputs: Any) -> Envelope:
    """A success with outputs."""
    return envelope(reply({"rt_cd": "0", "msg_cd": code, "msg1": "정상처리 되었습니다.", **outputs}))


def example_row(number: int = 0, name: str = "fills page 1", **changes: Any) -> dict[str, Any]:
    """A row of an example of fills, some of its fields changed; None takes one out."""
    row = json.loads(EXAMPLES[name])["output1"][number] | changes
    return {key: value for key, value in row.items() if value is not None}
