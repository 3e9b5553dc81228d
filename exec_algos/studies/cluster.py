"""Where shards are settled: in this process, in processes of this machine, or on a dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from exec_algos.errors import UsageError

if TYPE_CHECKING:
    from exec_algos.studies.shards import Shard, Task

AT_ONCE = 4  # shards that wait at the scheduler for each thread of a worker: enough to keep it busy, few enough to hold in memory


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
    """Hand out a few shards for each thread at a time; a worker that dies gives its shards to the others."""
    import distributed

    dask: Any = distributed
    todo = iter(shards)
    batch = AT_ONCE * max(sum(client.nthreads().values()), 1)
    kept = client.scatter(task, broadcast=True, hash=False)
    running = dask.as_completed(_next(client, kept, todo, batch))
    for future in running:
        yield future.result()
        future.release()
        for more in _next(client, kept, todo, 1):
            running.add(more)


def _next(client: Any, task: Any, todo: Iterator[Shard], n: int) -> list[Any]:
    """Send off the next shards; dask may run one twice, which is harmless: both write the same bytes."""
    taken = list(islice(todo, n))
    return [client.submit(_settle, task, shard, pure=False) for shard in taken]


def _settle(task: Task, shard: Shard) -> dict[str, Any]:
    return task.settle(shard)
