"""Damaged files of every kind, thousands of them: each is refused by an error of ours, or gives the numbers that plain pandas reads.

python tests/proofs/readers.py [mutants=10000] [seed=0] [kinds=csv,store]; the tests of the package run a fifth of it. Pieces of it run in
processes of their own: one that hangs, dies or takes too much memory is counted, too.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from proofs.formats import Case, cases
from proofs.says import WRONG

from exec_algos.errors import ExecAlgosError

FOREIGN, HANG, DEAD = "FOREIGN EXCEPTION", "HANG", "DEAD"
PATIENCE = 20  # seconds for one file
MOST_MEMORY = 1 << 30
PIECE = 500  # files a process
REPORTED = "if the file is right, report this"  # what the boundary says of kinds that it does not know


class HangError(BaseException):
    """A file took too long."""


def judged(case: Case, folder: Path, data: bytes, rng: random.Random) -> str:
    """What came of one damaged file."""
    place = folder / case.file
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        return case.check(folder, data, rng) or "same"
    except HangError:
        return HANG
    except ExecAlgosError as error:
        said = str(error)
        if "\n" in said or len(said) > 3000:
            return f"{WRONG}: a message of {len(said)} characters and {said.count(chr(10))} line breaks"
        return f"refused as of no known kind: {said}" if REPORTED in said else "refused"
    except Exception as error:
        return f"{FOREIGN} {type(error).__name__}: {error}\n{traceback.format_exc(limit=-3)}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def piece(seed: int, count: int, kinds: list[str], told: Any) -> None:
    """What one process does: so many damaged files, kind by kind in turn; each outcome is sent as it comes."""

    def too_long(*_: object) -> None:
        raise HangError

    signal.signal(signal.SIGALRM, too_long)
    inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # a fork begins with the memory of its parent
    faulthandler.dump_traceback_later(PATIENCE * 10, exit=True)
    warnings.simplefilter("ignore")
    known = cases()
    with tempfile.TemporaryDirectory() as place:
        for at in range(seed, seed + count):
            kind = kinds[at % len(kinds)]
            rng = random.Random(at)
            data = known[kind].damaged(known[kind].content, rng)
            told.send((at, kind, None))
            folder = Path(place) / str(at)
            folder.mkdir()
            told.send((at, kind, judged(known[kind], folder, data, rng)))
            shutil.rmtree(folder)
    told.send((seed, "memory", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - inherited) * 1024))
    told.close()


def outcomes(count: int, seed: int, kinds: list[str]) -> Iterator[tuple[int, str, Any]]:
    """Number, kind and outcome of each damaged file; what a process was at when it died."""
    cases()  # made once, for all processes
    context = multiprocessing.get_context("fork")
    next_one, end = seed, seed + count
    while next_one < end:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=piece, args=(next_one, min(PIECE, end - next_one), kinds, theirs))
        process.start()
        theirs.close()
        at = next_one - 1, "start", None
        with suppress(EOFError):
            while True:
                at = ours.recv()
                if at[2] is not None:
                    yield at
        process.join()
        if process.exitcode:
            at = max(at[0], next_one), at[1], f"{DEAD}: exit code {process.exitcode}"
            yield at
            next_one = at[0] + 1
        else:
            next_one += min(PIECE, end - next_one)


def run(
    count: int, seed: int = 0, kinds: list[str] | None = None, tell: Callable[[str], None] = lambda _: None
) -> tuple[Counter[tuple[str, str]], list[str], int]:
    """How often what came out, the failures in words, which are told as they come, and the peak of memory in bytes."""
    found: Counter[tuple[str, str]] = Counter()
    failures, peak = [], 0
    for at, kind, outcome in outcomes(count, seed, kinds or list(cases())):
        if kind == "memory":
            peak = max(peak, outcome)
            continue
        found[kind, outcome.split(":")[0].split("\n")[0]] += 1
        if not outcome.startswith(("same", "refused")) or ":" in outcome:
            failures.append(f"{kind}, number {at}: {outcome}")
            tell(failures[-1])
    return found, failures, peak


def main(asked: dict[str, str]) -> int:
    """Run what is asked for, and print what came out; 1 where anything came out that must not."""
    begin = time.monotonic()
    kinds = [name for name in asked.get("kinds", "").split(",") if name]
    found, _, peak = run(int(asked.get("mutants", 10_000)), int(asked.get("seed", 0)), kinds, lambda line: print(line, flush=True))
    for key, times in sorted(found.items()):
        print(f"{times:6} {': '.join(key)}")
    bad = sum(not outcome.startswith(("same", "refused")) for _, outcome in found.elements())
    print(f"{found.total()} damaged files in {time.monotonic() - begin:.0f} s: {bad} failures, peak memory {peak / 2**20:.0f} MiB")
    return int(bad > 0 or peak > MOST_MEMORY)


if __name__ == "__main__":
    sys.exit(main(dict(word.split("=", 1) for word in sys.argv[1:])))
