"""What is left of an answer under a fault: its bytes, and the manner in which they go."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from exec_algos.sim.http import Reply

HTML = (("content-type", "text/html; charset=utf-8"),)
FRONT = b"<html><head><title>%d</title></head><body><center><h1>%s</h1></center></body></html>"
UNCLEAR = {
    "EGW00001": "일시적 오류가 발생했습니다.",
    "EGW00202": "GW라우팅 중 오류가 발생했습니다.",
    "EGW00203": "OPS라우팅 중 오류가 발생했습니다.",
    "EGW00300": "Gateway 라우팅 오류가 발생했습니다.",
    "IGW00009": "응답전문 구성 중 오류가 발생했습니다.",
    "EGW00301": "연결 시간이 초과되었습니다. 직전 거래를 반드시 확인하세요.",
    "EGW00302": "거래시간이 초과되었습니다. 직전 거래를 반드시 확인하세요.",
}
"""Codes after which a call may have been carried out, or not."""


def as_reply(body: Any, status: int = 200) -> Reply:
    """JSON as KIS writes it: Korean as it is."""
    return Reply(status, json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())


def gateway_error(code: str, text: str, status: int = 500) -> Reply:
    """A refusal in the form of business answers."""
    return as_reply({"rt_cd": "1", "msg_cd": code, "msg1": text}, status)


def silence(hang: bool) -> Reply:
    """No answer: the connection stays open until the client gives up, or is closed."""
    return Reply(manner="hang" if hang else "close")


def lost(how: str, reply: Reply, *, seconds: float, hang: bool, chance: Random) -> Reply:
    """The reply to a call, lost in one of the ways of `faults`. `seconds`: real, of a slow one."""
    ways: dict[str, Callable[[], Reply]] = {
        "silent": lambda: silence(hang),
        "reset": lambda: Reply(manner="reset"),
        "refused": lambda: Reply(manner="close"),
        "timeout_code": lambda: gateway_error(*chance.choice(sorted(UNCLEAR.items()))),
        "500_html": lambda: Reply(500, FRONT % (500, b"Internal Server Error"), headers=HTML),
        "502": lambda: Reply(502, FRONT % (502, b"Bad Gateway"), headers=HTML),
        "slow": lambda: replace(reply, delay=seconds),
        "half_body": lambda: replace(reply, body=reply.body[: len(reply.body) // 2]),
        "wrong_encoding": lambda: replace(reply, body=reply.body.decode().encode("cp949", "replace")),
        "empty_body": lambda: replace(reply, body=b""),
    }
    return ways[how]()


def broken(name: str, reply: Reply) -> Reply:
    """An answer whose bytes are wrong, or that ends in the middle."""
    if name == "bad_json":
        return replace(reply, body=reply.body[:-1] + b",}")
    if name == "close_mid_body":
        return replace(reply, manner="half")
    return compressed(reply)


def compressed(reply: Reply) -> Reply:
    """The same by gzip."""
    return replace(reply, body=gzip.compress(reply.body, mtime=0), headers=(*reply.headers, ("content-encoding", "gzip")))


def without_number(said: dict[str, Any], chance: Random) -> dict[str, Any]:
    """A success that has no order number: empty, absent, or its whole output is."""
    output = said.get("output")
    if not isinstance(output, dict):
        return said
    way = chance.randrange(3)
    if way == 2:
        return {name: value for name, value in said.items() if name != "output"}
    kept = {name: value for name, value in output.items() if name.upper() != "ODNO"}
    emptied = {name: "" if name.upper() == "ODNO" else value for name, value in output.items()}
    return {**said, "output": emptied if way == 0 else kept}


def wrong_rows(name: str, said: dict[str, Any]) -> dict[str, Any]:
    """An inquiry whose rows are an object, or not there."""
    rows = next((field for field in ("output1", "output") if field in said), None)
    if rows is None:
        return said
    if name == "output_missing":
        return {field: value for field, value in said.items() if field != rows}
    value = said[rows]
    return {**said, rows: (value[0] if value else {}) if isinstance(value, list) else value}
