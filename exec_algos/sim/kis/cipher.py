"""The cipher of execution notices: AES-256-CBC with PKCS#7, in base64; key and iv are the UTF-8 bytes of their texts, not hex."""

from __future__ import annotations

import base64
import random
import string
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

BLOCK = 128  # bits


@dataclass(frozen=True, slots=True)
class Secret:
    """What a session's notices are encrypted with: `key` of 32 characters, `iv` of 16."""

    key: str
    iv: str

    @classmethod
    def drawn(cls, rng: random.Random) -> Secret:
        """A fresh pair in the form that KIS sends: letters, and hexadecimal digits."""
        return cls("".join(rng.choices(string.ascii_lowercase, k=32)), "".join(rng.choices("0123456789abcdef", k=16)))

    def encrypt(self, text: str) -> str:
        """A text as it goes over the wire."""
        padder = PKCS7(BLOCK).padder()
        padded = padder.update(text.encode()) + padder.finalize()
        encryptor = Cipher(algorithms.AES(self.key.encode()), modes.CBC(self.iv.encode())).encryptor()
        return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode("ascii")
