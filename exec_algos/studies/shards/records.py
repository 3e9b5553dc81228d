"""The records of a study's shards, in order of the shards whatever order they came in, on disk rather than in memory."""

from __future__ import annotations

import hashlib
import json
import tempfile
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.market.decimals import ReadAs
from exec_algos.studies.design.parents import Skipped
from exec_algos.studies.design.sampling import Stratum

if TYPE_CHECKING:
    from exec_algos.studies.shards.plan import Shard


class Records:
    """Records beside their shards, eight bytes of memory each.

    Parameters
    ----------
    shards : sequence of Shard
        Sorted by symbol and month.
    """

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.shards = shards
        self.made = self.count = 0
        self.damaged: list[str] = []
        self._at = np.full(len(shards), -1, dtype=np.int64)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this object; it has no name to leave behind

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, record: dict[str, Any]) -> None:
        """Keep the record of one shard."""
        i = bisect_left(self.shards, (record["symbol"], record["month"]), key=lambda shard: (shard.symbol, shard.month))
        self._at[i] = self._file.tell()
        self.count += 1
        self.made += record["made"]
        self.damaged += record.get("damaged", ())
        self._file.write(json.dumps(record).encode() + b"\n")

    def __iter__(self) -> Iterator[tuple[Shard, dict[str, Any]]]:
        """Shards and records in order, those that have one."""
        end = self._file.tell()
        for shard, at in zip(self.shards, self._at.tolist(), strict=True):
            if at >= 0:
                self._file.seek(at)
                yield shard, json.loads(self._file.readline())
        self._file.seek(end)


class Facts(NamedTuple):
    """What all records say together."""

    orders: int
    bars: int
    outside: int
    vwaps_outside: int
    step: int
    symbols: list[str]
    first: str
    last: str
    strata: list[dict[str, Any]]
    digest: str
    failed: tuple[Skipped, ...]
    read_as: tuple[ReadAs, ...]

    @classmethod
    def of(cls, records: Records) -> Facts:
        """Read the records once."""
        counts = dict.fromkeys(("orders", "bars", "outside", "vwaps_outside"), 0)
        symbols: dict[str, None] = {}
        days: list[str] = []
        strata: dict[str, list[int]] = {}
        failed: list[Skipped] = []
        read_as: dict[str, dict[tuple[str, ...], ReadAs]] = {}
        digest, step = hashlib.sha256(b"["), 0
        for n, (_, record) in enumerate(records):
            digest.update((", " if n else "").encode() + json.dumps([record["symbol"], record["month"], record["key"]]).encode())
            counts = {name: had + record.get(name, 0) for name, had in counts.items()}
            failed.extend(Skipped(*failure) for failure in record["failed"])
            days = [f(day) for f, day in zip((min, max), zip(*filter(None, [days, record.get("covered")]), strict=True), strict=False)]
            _add_strata(strata, record)
            _add_read_as(read_as, record)
            if record["files"]:
                symbols[record["symbol"]] = None
                step = step or record["step"]
        digest.update(b"]")
        first, last = days or ("", "")
        drawn = [Stratum(name, *strata[name])._asdict() for name in sorted(strata)]
        return cls(
            **counts,
            step=step,
            symbols=list(symbols),
            first=first,
            last=last,
            strata=drawn,
            digest=digest.hexdigest(),
            failed=tuple(failed),
            read_as=tuple(note for notes in read_as.values() for note in notes.values()),
        )


def _add_strata(strata: dict[str, list[int]], record: dict[str, Any]) -> None:
    for name, candidates, drawn in record.get("strata", ()):
        held = strata.setdefault(name, [0, 0])
        held[:] = held[0] + candidates, held[1] + drawn


def _add_read_as(found: dict[str, dict[tuple[str, ...], ReadAs]], record: dict[str, Any]) -> None:
    """Of each symbol and columns the note of its first month, in the sequence in which all months read at once have them."""
    notes = (ReadAs(symbol, tuple(columns), stored, read) for symbol, columns, stored, read in record.get("read_as", ()))
    own, held = {note.columns: note for note in notes}, found.pop(record["symbol"], {})
    if merged := {**own, **held}:
        found[record["symbol"]] = merged
