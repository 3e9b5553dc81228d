"""What a disk, a kill and a second process may do to stores and studies, many times over: the bytes stay the same, or the damage is named.

python tests/proofs/damage.py [flips=2000] [kills=200] [pairs=100] [workers=40]; the tests of the package run a tenth of it or less.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from markets import market

from exec_algos import BarStore, ParentOrders, SlippageStudy
from exec_algos.errors import ExecAlgosError
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.saved import load_result
from exec_algos.studies.shards.desk import DeskOrders
from exec_algos.studies.shards.study import ShardedStudy

SILENT, FOREIGN = "UNNOTICED", "FOREIGN EXCEPTION"
BUSY = "is being worked on by"
TERMS: dict[str, Any] = {"calendar": "XNYS", "size": "37", "profile_days": 2}
NAMES = ("twap", "vwap:profile_days=2")


class Found(Counter):
    """How often what came out, by place."""

    def failures(self) -> dict[Any, int]:
        """Whatever must not be."""
        return {key: count for key, count in self.items() if any(word in str(key) for word in (SILENT, FOREIGN, "DIFFERENT"))}


def tree(folder: Path, but: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Every file below a folder."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(but)}


def content_of(folder: Path) -> dict[str, bytes]:
    """What a study wrote, beside its shards: records hold marks of the store's files."""
    return tree(folder, ("shards/", "study.json"))


def flip(file: Path, rng: random.Random) -> str:
    """Turn one bit of a file, as a disk would: size, times and inode stay; where and which."""
    was, content = file.stat(), bytearray(file.read_bytes())
    at, bit = rng.randrange(len(content)), rng.randrange(8)
    with file.open("r+b") as place:
        place.seek(at)
        place.write(bytes([content[at] ^ (1 << bit)]))
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    return f"{file.name} byte {at} bit {bit}"


def judged(look: Callable[[], Any], wanted: Any) -> str:
    """The same, refused, silently other, or an exception that is not ours."""
    try:
        return "same" if look() == wanted else SILENT
    except ExecAlgosError:
        return "refused"
    except Exception:
        traceback.print_exc()
        return FOREIGN


def flips(folder: Path, count: int, seed: int = 0) -> Found:
    """Single-bit flips, in equal parts over the decoded cache, a store, a study in shards, one of a desk's orders, and a saved study."""
    rng, found = random.Random(seed), Found()
    places = (_cache, _store, _sharded, _desk, _saved)
    for number, place in enumerate(places):
        place(folder, count // len(places) + (number < count % len(places)), rng, found)
    return found


def _bars_of(folder: Path, cache: str) -> Any:
    bars = BarStore(folder, cache=cache).read()
    columns = {"start": bars.start, "offsets": bars.offsets, **bars.columns()}
    return bars.symbols, bars.step, bars.zone, {name: np.ascontiguousarray(column).tobytes() for name, column in columns.items()}


def _told_of(folder: Path) -> Any:
    return BarStore(folder, cache="off").info().to_csv()


def _cache(folder: Path, count: int, rng: random.Random, found: Found) -> None:
    place = folder / "cached"
    BarStore(place).write(market(3, tuple("ABC")))
    wanted = _bars_of(place, "beside")
    for _ in range(count):
        flip(place / "_decoded/bars.arrow", rng)
        found["decoded cache", judged(lambda: _bars_of(place, "beside"), wanted)] += 1


def _store(folder: Path, count: int, rng: random.Random, found: Found) -> None:
    place = folder / "store"
    BarStore(place).write(market(3, tuple("ABC"), vendor=True))
    wanted = _bars_of(place, "off"), _told_of(place)
    files = sorted(place.rglob("*.parquet"))
    for _ in range(count):
        file = rng.choice(files)
        content = file.read_bytes()
        flip(file, rng)
        found["store", judged(lambda: (_bars_of(place, "off"), _told_of(place)), wanted)] += 1
        file.write_bytes(content)


def _study(folder: Path, parents: Any = None, symbols: tuple[str, ...] = ("A", "B"), names: tuple[str, ...] = NAMES) -> ShardedStudy:
    BarStore(folder / "bars").write(market(7, symbols))
    return ShardedStudy(store=str(folder / "bars"), parents=parents or Grid(**TERMS), algorithms=names)


def _sharded(folder: Path, count: int, rng: random.Random, found: Found, parents: Any = None, name: str = "study in shards") -> None:
    place = folder / name.replace(" ", "-")
    study, out = _study(place, parents, ("A",), ("twap",)), place / "out"
    result = study.run(out, durable=False)
    result = study.run(out, durable=False)
    wanted = tree(out)
    seen = _seen(result)
    for _ in range(count):
        file = out / rng.choice(sorted(wanted))
        where = flip(file, rng)
        read = judged(lambda: _seen(result), seen)
        again = judged(lambda: _resumed(out), wanted)
        found[name, "read", read] += 1
        found[name, "resumed", again] += 1
        if SILENT in (read, again):
            print(name, where, read, again)
        if tree(out) != wanted:
            shutil.rmtree(out)
            for part, content in wanted.items():
                (out / part).parent.mkdir(parents=True, exist_ok=True)
                (out / part).write_bytes(content)


def _seen(result: Any) -> Any:
    """Everything that a result reads."""
    tables = [result.table(name).to_csv() for name in ("parents", "fills")]
    return tables, result.summary(by=("algorithm", "side")).to_csv(), result.comparison().to_csv(), result.skipped, result.refused


def _resumed(out: Path) -> Any:
    ShardedStudy.of_folder(out).run(out, durable=False)
    return tree(out)


def _desk(folder: Path, count: int, rng: random.Random, found: Found) -> None:
    rows = [f"{symbol},{side},{quantity},{day} 10:00,{day} 15:00,t{quantity}" for symbol in "A" for side in ("BUY", "SELL")
            for quantity, day in ((100, "2025-11-28"), (70, "2025-12-01"), (30, "2025-12-02"), (5, "2020-01-02"))]  # fmt: skip
    (folder / "desk.csv").write_text("\n".join(["symbol,side,quantity,start,end,trader", *rows]) + "\n", encoding="utf-8")
    parents = DeskOrders(source=str(folder / "desk.csv"), calendar="XNYS", profile_days=1, keep=["trader"])
    _sharded(folder, count, rng, found, parents, "study of a desk")


def _saved(folder: Path, count: int, rng: random.Random, found: Found) -> None:
    bars, place = market(7, ("A", "B")), folder / "saved"
    result = SlippageStudy(bars, ParentOrders.grid(bars, **TERMS), NAMES).run()
    result.save(place)

    def read() -> Any:
        loaded = load_result(place, bars)
        return loaded.parents.to_csv(), loaded.fills.to_csv(), loaded.skipped.to_csv(), loaded.config

    wanted, files = read(), sorted(path for path in place.rglob("*") if path.is_file())
    for _ in range(count):
        file = rng.choice(files)
        content = file.read_bytes()
        flip(file, rng)
        found["saved study", judged(read, wanted)] += 1
        file.write_bytes(content)


# processes: from a server that has loaded everything once, so that one takes a moment to start


def _server() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["proofs.damage", "exec_algos.studies.shards.study", "exec_algos.batch", "exec_algos.testing"])
    return context


def _go(doing: str, place: str, share: str, beside: str, many: int) -> None:
    """What a process does, as soon as all of them are there: work a study or a share of it, or import bars."""
    Path(f"{beside}.ready").touch()
    while len(list(Path(beside).parent.glob("*.ready"))) < many:
        time.sleep(0.0005)
    try:
        if doing == "import":
            BarStore(place).write(_month(share))
        elif share:
            ShardedStudy.of_folder(place).run_share(place, share)
        else:
            ShardedStudy.of_folder(place).run(place)
        said = "done"
    except ExecAlgosError as error:
        said = "busy" if BUSY in str(error) else f"DIFFERENT {error}"
    except Exception as error:
        said = f"{FOREIGN} {type(error).__name__}: {error}"
    Path(f"{beside}.said").write_text(said, encoding="utf-8")


def _month(share: str) -> Any:
    """A part of the bars: each has rows of every month."""
    number, many = map(int, share.split("/"))
    bars = market(5, tuple("AB"))
    return bars.take(np.arange(len(bars)) % many == number - 1)


def _started(context: Any, folder: Path, jobs: list[tuple[str, str, str]]) -> list[Any]:
    """Processes that begin at the same moment."""
    meeting = folder / "meeting"
    shutil.rmtree(meeting, ignore_errors=True)
    meeting.mkdir()
    crowd = [context.Process(target=_go, args=(*job, str(meeting / str(n)), len(jobs))) for n, job in enumerate(jobs)]
    for process in crowd:
        process.start()
    while len(list(meeting.glob("*.ready"))) < len(jobs):
        time.sleep(0.0005)
    return crowd


def _ends(folder: Path, crowd: list[Any]) -> tuple[str, ...]:
    """What each of them said at its end."""
    for process in crowd:
        process.join(120)
    files = [folder / "meeting" / f"{n}.said" for n in range(len(crowd))]
    return tuple(sorted(file.read_text(encoding="utf-8") if file.exists() else f"{FOREIGN} or no end" for file in files))


def kills(folder: Path, count: int, seed: int = 0) -> Found:
    """Kill -9 at random instants of studies, of shares of them and of imports; each is then ended, and its bytes compared."""
    context, rng, found = _server(), random.Random(seed), Found()
    study = _study(folder)
    study.run(folder / "whole")
    wanted = content_of(folder / "whole")
    took = min(_time(context, study, folder / f"timed-{turn}") for turn in "ab")
    for number in range(count):
        kind = rng.choices(["study", "share", "import"], [6, 2, 2])[0]
        if kind == "import":
            found["import", _killed_import(context, folder, rng)] += 1
            continue
        out = folder / "out"
        if not out.exists():
            study.start(out)
        process = _started(context, folder, [("study", str(out), "1/2" if kind == "share" else "")])[0]
        process.join(rng.random() * took)
        ended = not process.is_alive()
        os.kill(process.pid, signal.SIGKILL) if not ended else None
        process.join()
        found[kind, "ended before" if ended else "killed"] += 1
        if ended or rng.random() < 0.25 or number == count - 1:
            found[
                "study",
                "then ended",
                judged(lambda out=out: ShardedStudy.of_folder(out).run(out, durable=False) and content_of(out), wanted),
            ] += 1
            shutil.rmtree(out)
    return found


def _time(context: Any, study: ShardedStudy, out: Path) -> float:
    study.start(out)
    crowd, begin = _started(context, out.parent, [("study", str(out), "")]), time.monotonic()
    for process in crowd:
        process.join()
    return time.monotonic() - begin


def _killed_import(context: Any, folder: Path, rng: random.Random) -> str:
    """Kill an import; each month is as it was before or as it should be, and the import again leaves what it should."""
    place = folder / "imported"
    shutil.rmtree(place, ignore_errors=True)
    BarStore(place).write(_month("1/2"))
    before = tree(place)
    process = _started(context, folder, [("import", str(place), "2/2")])[0]
    process.join(rng.random() * 0.4)
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    left = {name: content for name, content in tree(place).items() if name.endswith("bars.parquet")}
    BarStore(place).write(_month("2/2"))
    after = tree(place)
    mixed = any(content not in (before[name], after[name]) for name, content in left.items())
    return "DIFFERENT" if mixed or set(before) != set(after) or _bars_of(place, "off") != _whole() else "same"


def _whole() -> Any:
    bars = _month("1/1")
    columns = {"start": bars.start, "offsets": bars.offsets, **bars.columns()}
    return bars.symbols, bars.step, bars.zone, {name: np.ascontiguousarray(column).tobytes() for name, column in columns.items()}


def pairs(folder: Path, count: int, seed: int = 0) -> Found:
    """Two processes at the same moment in one folder: on the whole study, on shares of it, on both, or on imports into one store."""
    context, rng, found = _server(), random.Random(seed), Found()
    study = _study(folder)
    study.run(folder / "whole")
    wanted = content_of(folder / "whole")
    for _ in range(count):
        kind = rng.choice([("", ""), ("1/2", "2/2"), ("1/2", "1/2"), ("", "2/2"), ("1/2", "2/3"), "import"])
        if kind == "import":
            found["imports", *_both_imported(context, folder)] += 1
            continue
        out = folder / "out"
        study.start(out)
        ends = _ends(folder, _started(context, folder, [("study", str(out), share) for share in kind]))
        last = judged(lambda out=out: study.run(out, durable=False) and content_of(out), wanted)
        found[" and ".join(share or "all" for share in kind), ends, "DIFFERENT" if last == "refused" else last] += 1
        shutil.rmtree(out)
    return found


def _both_imported(context: Any, folder: Path) -> tuple[Any, str]:
    place = folder / "imported"
    shutil.rmtree(place, ignore_errors=True)
    ends = _ends(folder, _started(context, folder, [("import", str(place), share) for share in ("1/2", "2/2")]))
    return ends, "same" if _bars_of(place, "off") == _whole() else "DIFFERENT"


def workers(folder: Path, count: int, seed: int = 0) -> Found:
    """Kill one of two workers of a dask cluster at a random instant of a study, the first moments included."""
    from distributed import LocalCluster

    rng, found = random.Random(seed), Found()
    study = _study(folder)
    study.run(folder / "whole")
    wanted = content_of(folder / "whole")
    while (left := count - found.total()) > 0:
        with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50) as cluster:
            for _ in range(min(left, 5)):
                pids = _pids(cluster)
                if len(pids) < 2:
                    break  # a worker that dies while it starts is not started again: a new cluster
                found[_one_worker_less(study, cluster.scheduler_address, folder / "out", rng, (pids, wanted))] += 1
    return found


def _pids(cluster: Any) -> list[int]:
    """The workers, when both are up; fewer where one does not come back."""
    from distributed import Client

    with Client(cluster) as client:
        try:
            client.wait_for_workers(2, timeout=30)
        except TimeoutError:
            return []
        return list(client.run(os.getpid).values())


def _one_worker_less(study: ShardedStudy, address: str, out: Path, rng: random.Random, given: Any) -> Any:
    pids, wanted = given
    timer = threading.Timer(rng.random(), os.kill, (rng.choice(pids), signal.SIGKILL))
    timer.start()
    came = judged(lambda: study.run(out, cluster=address, durable=False) and content_of(out), wanted)
    timer.join()
    shutil.rmtree(out, ignore_errors=True)
    return "a worker killed", "DIFFERENT" if came == "refused" else came


def main(asked: dict[str, int]) -> int:
    """Run what is asked for, a piece at a time, and print what came out; 1 where anything came out that must not."""
    failed = 0
    for proof, piece in ((flips, 100), (kills, 20), (pairs, 20), (workers, 10)):
        count, found, begin = asked.get(proof.__name__, 0), Found(), time.monotonic()
        for seed, done in enumerate(range(0, count, piece)):
            with tempfile.TemporaryDirectory() as folder:
                found.update(proof(Path(folder), min(piece, count - done), seed))
            print(
                f"{min(done + piece, count)} {proof.__name__}, {time.monotonic() - begin:.0f} s, {len(found.failures())} failures",
                flush=True,
            )
        for key, times in sorted(found.items(), key=str):
            print(f"  {times:6} {' '.join(map(str, key)) if isinstance(key, tuple) else key}", flush=True)
        failed += len(found.failures())
    return int(failed > 0)


if __name__ == "__main__":
    from proofs import damage  # by its name, which processes of the server can import

    counts = {"flips": 2000, "kills": 200, "pairs": 100, "workers": 40}
    chosen = {name: int(number) for name, _, number in (word.partition("=") for word in sys.argv[1:])}
    sys.exit(damage.main(chosen or counts))
