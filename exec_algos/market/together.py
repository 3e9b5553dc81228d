"""Bars of several symbols put together; `Bars.concat` calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.arrays import Floats
from exec_algos.market.bars import QUOTES, Bars


def together(whole: Sequence[Bars]) -> Bars:
    """One `Bars` of several that share no symbol; see `Bars.concat`."""
    if len(whole) == 1:
        return whole[0]
    pieces = sorted((bars.select([s]) for bars in whole for s in bars.symbols), key=lambda piece: piece.symbols)
    _check_alike(pieces)
    names = dict.fromkeys(name for piece in pieces for name in piece.columns())
    joined: dict[str, Any] = {name: np.concatenate([_column(piece, name) for piece in pieces]) for name in names}
    return Bars(
        symbols=tuple(piece.symbols[0] for piece in pieces),
        offsets=np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])]).astype(np.int64),
        start=np.concatenate([piece.start for piece in pieces]),
        quotes={name: joined.pop(name) for name in QUOTES if name in joined},
        step=pieces[0].step,
        zone=pieces[0].zone,
        report=tuple(issue for bars in whole for issue in bars.report),
        quote_proxy=pieces[0].quote_proxy,
        read_as=tuple(note for bars in whole for note in bars.read_as),
        notes=tuple(dict.fromkeys(note for bars in whole for note in bars.notes)),
        splits=tuple(split for bars in whole for split in bars.splits),
        **joined,
    )


def _check_alike(pieces: Sequence[Bars]) -> None:
    if not pieces:
        raise UsageError("no bars to put together")
    if len({piece.step for piece in pieces}) > 1:
        steps = ", ".join(f"{p.symbols[0]} {p.step / 1e9:g} s" for p in pieces)
        raise UsageError(f"bars of different steps do not go together: {steps}; read them apart, or pass the right step=")
    if len({piece.zone for piece in pieces}) > 1:
        zones = ", ".join(f"{p.symbols[0]} {p.zone}" for p in pieces)
        raise UsageError(f"bars of different zones do not go together: {zones}; read them with zone= the same")
    if len({piece.quote_proxy for piece in pieces}) > 1:
        proxies = ", ".join(f"{p.symbols[0]} {p.quote_proxy or 'none'}" for p in pieces)
        raise UsageError(f"bars of different quote proxies do not go together: {proxies}; name the proxy after they are put together")


def _column(bars: Bars, name: str) -> Floats:
    """A column, NaN where it is absent."""
    return bars.columns().get(name, np.full(len(bars), np.nan))
