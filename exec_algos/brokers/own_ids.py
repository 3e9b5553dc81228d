"""Order ids of our own, as short as a venue wants them."""

from __future__ import annotations

import hashlib

from exec_algos.errors import UsageError

HASH = 10  # characters at the end: of 36 or more, 50 bits; a million orders share one with a chance below 1e-3
LEAST_BITS = 32


def own_id(ref: str, length: int, chars: str) -> str:
    """The order id that a child gets at a venue: its ref where that fits, else its beginning and a hash of the whole.

    A ref is taken as it is where it has at most `length` characters, all of them in `chars`. Else the characters that the venue
    does not take are left out, and the last ten of the id (or all of a shorter one) are a SHA-256 of the whole ref, in the letters and
    digits of `chars`.

    Parameters
    ----------
    ref : str
    length : int
        The most characters; 0 where the venue takes no ids, and then the id is empty.
    chars : str
        The characters that the id may have.

    Raises
    ------
    UsageError
        The venue's ids are too short to tell orders apart.

    Examples
    --------
    >>> own_id("20260302-A1.0.3.0", 20, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
    '20260302-A1.0.3.0'
    >>> own_id("20260302-A1.0.3.0", 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    '2026035VXFW4JFRO'
    """
    if not length:
        return ""
    if len(ref) <= length and set(ref) <= set(chars):
        return ref
    digits = "".join(sorted({char for char in chars if char.isalnum()})) or "".join(sorted(set(chars)))
    size = min(HASH, length)
    if len(digits) ** size < 2**LEAST_BITS:
        raise UsageError(
            f"own ids of {length} characters of {chars!r} cannot tell orders apart; a venue needs room for 32 bits: "
            "set own_id_length to 0, and orders are told apart by time and quantity"
        )
    number, hashed = int.from_bytes(hashlib.sha256(ref.encode()).digest(), "big"), ""
    while len(hashed) < size:
        number, digit = divmod(number, len(digits))
        hashed += digits[digit]
    return "".join(char for char in ref if char in chars)[: length - size] + hashed
