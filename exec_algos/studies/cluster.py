"""Where shards are settled: in this process, in processes of this machine, or on a dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from exec_algos.errors import UsageError

if TYPE_CHECKING:
    from exec_algos.studies.shards import Shard, Task

AT_ONCE = 4  # runs of shards that wait at the scheduler for each thread of a worker: enough to keep it busy, few enough to hold in memory
MONTHS = 12  # shards of one run: the scheduler has a twelfth to do, and a worker that dies leaves a second's work undone


def settled(task: Task, shards: Sequence[Shard], cluster: str | None = None) -> Iterator[dict[str, Any]]:
    """The record of each shard, in the order in which they are done.

    Parameters
    ----------
    task : Task
    shards : sequence of Shard
    cluster : str, optional
        ``"local:N"``, or the address of a dask scheduler; this process if not given.

    Raises
    ------
    UsageError
        An address that is none, or dask is not installed.
    """
    if cluster is None:
        yield from map(task.settle, shards)
        return
    with client_of(cluster) as client:
        yield from _on(client, task, shards)


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


def _on(client: Any, task: Task, shards: Sequence[Shard]) -> Iterator[dict[str, Any]]:
    """Hand out a few runs of shards for each thread at a time; a worker that dies gives its own to the others."""
    import distributed

    dask: Any = distributed
    threads = max(sum(client.nthreads().values()), 1)
    todo = runs(shards, min(MONTHS, len(shards) // (AT_ONCE * threads)))
    kept = client.scatter(task, broadcast=True, hash=False)
    running = dask.as_completed(_next(client, kept, todo, AT_ONCE * threads))
    for future in running:
        yield from future.result()
        future.release()
        for more in _next(client, kept, todo, 1):
            running.add(more)


def runs(shards: Sequence[Shard], most: int) -> Iterator[list[Shard]]:
    """The shards in order, up to `most` months of one symbol together: a worker has read what the next month looks back on."""
    for _, months in groupby(shards, key=lambda one: one.symbol):
        while run := list(islice(months, max(most, 1))):
            yield run


def _next(client: Any, task: Any, todo: Iterator[list[Shard]], n: int) -> list[Any]:
    """Send off the next runs; dask may work one twice, which is harmless: both write the same bytes."""
    taken = list(islice(todo, n))
    return [client.submit(_settle, task, run, pure=False) for run in taken]


def _settle(task: Task, run: Sequence[Shard]) -> list[dict[str, Any]]:
    return [task.settle(shard) for shard in run]
