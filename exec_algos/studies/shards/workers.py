"""Who does the work of a study in shards: this process, processes of this machine, or a dask cluster."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby, islice
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from exec_algos.errors import UsageError

if TYPE_CHECKING:
    from exec_algos.studies.shards.plan import Shard
    from exec_algos.studies.shards.shard import ShardTask

T = TypeVar("T")
S = TypeVar("S")
KEPT = "what is finished is kept, and the same command goes on"
LOOK, WORKERLESS = 5.0, 600.0  # seconds between two looks at a cluster, and without a worker until it is given up
STARTS = 3  # of worker processes of this machine
AT_ONCE = 4  # jobs that wait at the scheduler for each thread of a worker: enough to keep it busy, few enough to hold in memory
MONTHS = 12  # shards of one job: the scheduler has a twelfth to do, and a worker that dies leaves a second's work undone


class Workers(Protocol):
    """Whoever does the work."""

    def settled(self, task: ShardTask, shards: Sequence[Shard]) -> Iterator[dict[str, Any]]:
        """The record of each shard, in the order in which they are done."""

    def map(self, function: Callable[[T], S], items: Iterable[T]) -> Iterator[S]:
        """What the function makes of each item, in their sequence."""


class ThisProcess:
    """One thing after the other, here."""

    def settled(self, task: ShardTask, shards: Sequence[Shard]) -> Iterator[dict[str, Any]]:
        """As `Workers.settled`."""
        return map(task.settle, shards)

    def map(self, function: Callable[[T], S], items: Iterable[T]) -> Iterator[S]:
        """As `Workers.map`."""
        return map(function, items)


@contextmanager
def workers_of(cluster: str | None) -> Iterator[Workers]:
    """Whoever a study was told to be worked by.

    Parameters
    ----------
    cluster : str or None
        ``"local:N"``, or the address of a dask scheduler; None for this process.

    Raises
    ------
    UsageError
        An address that is none, or dask is not installed.
    """
    if cluster is None:
        yield ThisProcess()
        return
    with client_of(cluster) as client, _lost_in_one_line(client):
        yield Cluster(client)


@contextmanager
def _lost_in_one_line(client: Any) -> Iterator[None]:
    """Say in one line that the scheduler or too many workers are gone."""
    import distributed
    from distributed.comm.core import CommClosedError

    dask: Any = distributed
    watch = Watch(client)
    try:
        with watch:
            yield
    except dask.KilledWorker as error:
        said = " ".join(str(error).split())[:200]
        raise UsageError(f"workers of the cluster died at one job again and again ({said}); {KEPT}") from error
    except (CancelledError, CommClosedError, OSError) as error:
        if client.status == "running" and not isinstance(error, CancelledError | CommClosedError):
            raise  # of a job, or of this process
        place = getattr(client.scheduler, "address", None) or "of the cluster"
        if watch.gave_up:
            raise UsageError(f"the scheduler {place} has had no worker for {WORKERLESS:g} s; start some; {KEPT}") from error
        raise UsageError(f"the scheduler {place} is gone ({type(error).__name__}); start it again; {KEPT}") from error


class Watch:
    """Looks at a cluster from time to time: a local one gets new workers for those that are gone, another is given up without any.

    Dask starts a worker that died again, but not one that died while it started.
    """

    def __init__(self, client: Any) -> None:
        self._client, self._local = client, client.cluster
        self._wanted = 0 if self._local is None else len(self._local.worker_spec)
        self._end, self.gave_up = threading.Event(), False
        self._thread = threading.Thread(target=self._look, name="exec_algos cluster", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        import distributed

        seen = time.monotonic()
        while not self._end.wait(LOOK):
            with suppress(OSError, TimeoutError, RuntimeError):  # a scheduler that is gone is met by the work itself
                there = len(self._client.nthreads())
                seen = time.monotonic() if there else seen
                if there < self._wanted:
                    self._local.scale(self._wanted)
                elif not there and time.monotonic() - seen > WORKERLESS:
                    self.gave_up = True
                    self._client.cancel([distributed.Future(key, self._client) for key in list(self._client.futures)])
                    return


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep dask from logging what is said in one line anyway; what its workers log of their memory is heard."""
    loggers = [logging.getLogger(f"distributed.{part}") for part in ("client", "scheduler", "nanny")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _connected(cluster: str) -> Iterator[Any]:
    """A client of a scheduler that is there."""
    import distributed

    dask: Any = distributed
    with ExitStack() as stack:
        try:
            client = stack.enter_context(dask.Client(cluster))
        except OSError as error:
            raise UsageError(f"no scheduler answers at {cluster} ({' '.join(str(error).split())}); start it, or name another") from error
        yield client


@contextmanager
def client_of(cluster: str) -> Iterator[Any]:
    """A dask client: of N worker processes that live as long as it does, or of a scheduler that is there.

    Certificates for ``tls://`` are taken from dask's configuration (``distributed.comm.tls``).

    Raises
    ------
    UsageError
        An address that is none, or dask is not installed.
    """
    kind, _, rest = cluster.partition(":")
    if kind not in {"local", "tcp", "tls"} or (kind == "local" and not (rest.isdigit() and int(rest) > 0)) or not rest:
        raise UsageError(f"cluster must be 'local:2' (worker processes) or 'tcp://host:8786' or 'tls://host:8786', got {cluster!r}")
    try:
        import distributed
    except ImportError:
        raise UsageError("a cluster needs dask: pip install 'exec_algos[cluster]'") from None
    dask: Any = distributed  # its functions have no types
    if kind != "local":
        with _quiet(), _connected(cluster) as client:
            yield client
        return
    with _quiet(), _processes(int(rest)) as local, dask.Client(local) as client:
        yield client


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Whatever threads and processes begin here never see Ctrl-C, which a terminal sends to all: this process ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would let the signal through again when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _processes(many: int) -> Iterator[Any]:
    """A cluster of worker processes of this machine; one that dies while it starts ends the start of all, which is then tried again."""
    import distributed

    dask: Any = distributed
    for attempt in range(STARTS):
        with ExitStack() as stack:
            try:
                # one thread each: a shard is work for one core; the page of its state takes any port that is free
                with _deaf_to_ctrl_c():
                    local = dask.LocalCluster(n_workers=many, threads_per_worker=1, processes=True, dashboard_address=":0")
                stack.enter_context(local)
            except (RuntimeError, OSError) as error:
                if attempt < STARTS - 1:
                    continue
                raise UsageError(f"the {many} worker processes do not start ({' '.join(str(error).split())}); {KEPT}") from error
            yield local
            return


@dataclass(frozen=True, slots=True)
class Cluster:
    """The workers of a dask cluster; one that dies gives its work to the others.

    A few jobs for each thread are handed out at a time. Dask may work one twice, which is harmless: both write the same bytes.
    """

    client: Any

    def settled(self, task: ShardTask, shards: Sequence[Shard]) -> Iterator[dict[str, Any]]:
        """As `Workers.settled`."""
        import distributed

        dask: Any = distributed
        most = self._at_once()
        # the task goes with each run, a kilobyte: what is scattered first to all workers is lost where one dies meanwhile
        todo = (self.client.submit(_settle, task, run, pure=False) for run in runs(shards, min(MONTHS, len(shards) // most)))
        running = dask.as_completed(islice(todo, most))
        for future in running:
            yield from future.result()
            future.release()
            for more in islice(todo, 1):
                running.add(more)

    def map(self, function: Callable[[T], S], items: Iterable[T]) -> Iterator[S]:
        """As `Workers.map`."""
        todo = (self.client.submit(function, item, pure=False) for item in items)
        running = deque(islice(todo, self._at_once()))
        while running:
            yield running.popleft().result()
            running.extend(islice(todo, 1))

    def _at_once(self) -> int:
        threads: dict[str, int] = self.client.nthreads()
        return AT_ONCE * max(sum(threads.values()), 1)


def runs(shards: Sequence[Shard], most: int) -> Iterator[list[Shard]]:
    """The shards in order, up to `most` months of one symbol together: a worker has read what the next month looks back on."""
    for _, months in groupby(shards, key=lambda shard: shard.symbol):
        while run := list(islice(months, max(most, 1))):
            yield run


def _settle(task: ShardTask, run: Sequence[Shard]) -> list[dict[str, Any]]:
    return [task.settle(shard) for shard in run]
