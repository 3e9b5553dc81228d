"""Who does the work of a study in shards: this process, processes of this machine, or a dask cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from exec_algos.errors import UsageError

if TYPE_CHECKING:
    from exec_algos.studies.shards.plan import Shard
    from exec_algos.studies.shards.shard import ShardTask

T = TypeVar("T")
S = TypeVar("S")
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
    with client_of(cluster) as client:
        yield Cluster(client)


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
        with dask.Client(cluster) as client:
            yield client
        return
    # one thread each: a shard is work for one core; the page of its state takes any port that is free
    with (
        dask.LocalCluster(n_workers=int(rest), threads_per_worker=1, processes=True, dashboard_address=":0") as local,
        dask.Client(local) as client,
    ):
        yield client


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
        kept = self.client.scatter(task, broadcast=True, hash=False)
        todo = (self.client.submit(_settle, kept, run, pure=False) for run in runs(shards, min(MONTHS, len(shards) // most)))
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
    for _, months in groupby(shards, key=lambda one: one.symbol):
        while run := list(islice(months, max(most, 1))):
            yield run


def _settle(task: ShardTask, run: Sequence[Shard]) -> list[dict[str, Any]]:
    return [task.settle(shard) for shard in run]
