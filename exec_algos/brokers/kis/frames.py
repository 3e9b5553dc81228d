"""What comes over KIS's web socket: acknowledgements, PINGPONG and data frames, read strictly; nothing here waits or connects."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exec_algos.errors import VenueError

BLOCK = 128  # bits
PINGPONG = "PINGPONG"
SUBSCRIBED = ("OPSP0000", "OPSP0002")  # the second: it stood already
IN_USE, APPROVAL = "OPSP8996", ("OPSP0010", "OPSP0011")


_ID = re.compile(r"[A-Z][A-Z0-9]{0,11}")


class FrameError(VenueError):
    """A frame that cannot be read; the connection stands, and look-ups tell what it held."""


@dataclass(frozen=True, slots=True)
class Cipher:
    """Key and initial vector of a session's notices: AES-256-CBC over the strings' own bytes."""

    key: str = field(repr=False)
    iv: str = field(repr=False)

    def text(self, payload: str) -> str:
        """A payload in the clear.

        Raises
        ------
        FrameError
            It was not made with this key, or is no whole cipher text.
        """
        from cryptography.hazmat.primitives.ciphers import Cipher as Machine
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import CBC
        from cryptography.hazmat.primitives.padding import PKCS7

        try:
            hidden = base64.b64decode(payload, validate=True)
            machine = Machine(AES(_bytes(self.key)), CBC(_bytes(self.iv))).decryptor()
            padding = PKCS7(BLOCK).unpadder()
            plain = padding.update(machine.update(hidden) + machine.finalize()) + padding.finalize()
            return plain.decode()
        except ValueError as error:  # base64, lengths, padding and UTF-8 alike
            raise FrameError(f"an encrypted frame of {len(payload)} characters cannot be read with this session's key: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """An acknowledgement: which registration it answers, and whether it stands."""

    tr_id: str
    tr_key: str = field(repr=False)
    ok: bool
    code: str
    text: str
    key: str = field(default="", repr=False)
    iv: str = field(default="", repr=False)

    @property
    def subscribed(self) -> bool:
        """The registration stands."""
        return self.code in SUBSCRIBED


@dataclass(frozen=True, slots=True)
class Ping:
    """A PINGPONG, as it came."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A data frame. `count`: records that its payload holds."""

    encrypted: bool
    tr_id: str
    count: int
    payload: str = field(repr=False)


def parse(frame: str | bytes) -> Ack | Ping | Data:
    """What a frame is; its first character decides.

    Raises
    ------
    FrameError
        It is none of these.
    """
    if isinstance(frame, bytes):
        try:
            frame = frame.decode()
        except UnicodeDecodeError:
            raise FrameError(f"a frame of {len(frame)} bytes is no UTF-8 text") from None
    if frame[:1] == "{":
        return _control(frame)
    if frame[:1] in ("0", "1") and frame[1:2] == "|":
        return _data(frame)
    raise FrameError(f"a frame must begin with {{, 0| or 1|, got {frame[:1]!r} and {len(frame)} characters")


def _data(frame: str) -> Data:
    parts = frame.split("|", 3)
    if len(parts) != 4 or not (parts[2].isascii() and parts[2].isdigit()) or not 0 < len(parts[2]) <= 9 or not int(parts[2]):
        raise FrameError(f"a data frame is encrypted|tr_id|count|payload, got {len(parts)} parts in {len(frame)} characters")
    return Data(encrypted=parts[0] == "1", tr_id=parts[1], count=int(parts[2]), payload=parts[3])


def _control(frame: str) -> Ack | Ping:
    try:
        said = json.loads(frame)
    except (ValueError, RecursionError):
        raise FrameError(f"a control frame of {len(frame)} characters is no JSON") from None
    header = said.get("header")
    tr_id = _text(header, "tr_id")
    if tr_id == PINGPONG:
        return Ping(frame)
    body = said.get("body")
    if not isinstance(header, dict) or not isinstance(body, dict):
        raise FrameError(f"a control frame has header and body, got {sorted(map(str, said))[:5]}")
    output = body.get("output")
    return Ack(
        tr_id=tr_id, tr_key=_text(header, "tr_key").strip(), ok=_text(body, "rt_cd") == "0", code=_text(body, "msg_cd").strip(),
        text=_text(body, "msg1").strip(), key=_text(output, "key"), iv=_text(output, "iv"),
    )  # fmt: skip


def _text(said: Any, name: str) -> str:
    value = said.get(name) if isinstance(said, Mapping) else None
    return value if isinstance(value, str) else ""


def shown(tr_id: str) -> str:
    """A stream's id as a message may show it: whatever else stands there may be an account number."""
    return tr_id if _ID.fullmatch(tr_id) else f"a stream id of {len(tr_id)} characters"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # JSON may hold half a character


def records(data: Data, cipher: Cipher | None = None) -> list[list[str]]:
    """The fields of each record of a frame.

    Raises
    ------
    FrameError
        It is encrypted and cannot be read, or its fields are no whole number of records.
    """
    payload = data.payload
    if data.encrypted:
        if cipher is None:
            raise FrameError(f"an encrypted frame of {shown(data.tr_id)} came, and this session has no key for it")
        payload = cipher.text(payload)
    fields = payload.split("^")
    size, left = divmod(len(fields), data.count)
    if left or not size:
        raise FrameError(f"a frame of {shown(data.tr_id)} has {len(fields)} fields, which are not {data.count} records")
    return [fields[at : at + size] for at in range(0, len(fields), size)]


def subscription(approval: str, tr_id: str, tr_key: str) -> str:
    """The text that registers a stream."""
    header = {"approval_key": approval, "custtype": "P", "tr_type": "1", "content-type": "utf-8"}
    return json.dumps({"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}}, separators=(",", ":"))
