"""A cluster over TLS: with a certificate of its own authority it works, without one nothing is let in."""

import subprocess
import sys
from pathlib import Path
from shutil import which

import dask
import distributed  # noqa: F401 - its defaults must be there before they are changed for a while
import pytest
from markets import content_of, market

from exec_algos.errors import UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.shards.study import ShardedStudy

pytestmark = [pytest.mark.slow, pytest.mark.skipif(which("openssl") is None, reason="needs the openssl command to make certificates")]

SCHEDULER = """
import asyncio, sys
from distributed import Nanny, Scheduler
from distributed.security import Security

async def main():
    ca, cert, key = sys.argv[1:]
    own = {f"tls_{role}_{part}": path for role in ("scheduler", "worker") for part, path in (("cert", cert), ("key", key))}
    safe = Security(require_encryption=True, tls_ca_file=ca, **own)
    async with Scheduler(protocol="tls", host="127.0.0.1", port=0, security=safe, dashboard_address=":0") as scheduler:
        async with Nanny(scheduler.address, nthreads=1, security=safe, host="127.0.0.1"):
            print(scheduler.address, flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

if __name__ == "__main__":
    asyncio.run(main())
"""


def certificate(folder: Path, name: str) -> tuple[str, str, str]:
    """A throw-away certificate that is its own authority."""
    cert, key = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-out", cert, "-keyout", key]
    subprocess.run(asked, check=True, capture_output=True)
    return cert, cert, key


def configured(ca, cert, key):
    tls = {"ca-file": ca, "client.cert": cert, "client.key": key}
    return dask.config.set(
        {"distributed.comm.timeouts.connect": "10s", **{f"distributed.comm.tls.{name}": value for name, value in tls.items()}}
    )


def study(folder):
    BarStore(folder / "bars").write(market(7, ("A", "B")))
    return ShardedStudy(
        store=str(folder / "bars"), parents=Grid(calendar="XNYS", size="37", profile_days=2, sides=("BUY", "SELL")), algorithms=["twap"]
    )


@pytest.fixture
def scheduler(tmp_path):
    """Certificate, address of a scheduler with one worker that ask for it."""
    made = certificate(tmp_path, "own")
    (tmp_path / "cluster.py").write_text(SCHEDULER)
    started = [sys.executable, str(tmp_path / "cluster.py"), *made]
    process = subprocess.Popen(started, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    yield made, process.stdout.readline().strip()
    process.communicate()


def test_a_study_runs_over_tls_and_a_stranger_is_not_let_in(tmp_path, scheduler):
    made, address = scheduler
    assert address.startswith("tls://")
    shards = study(tmp_path)
    with configured(*made):
        found = shards.run(tmp_path / "out", cluster=address)
    shards.run(tmp_path / "whole")
    assert (found.made, found.failed) == (4, ())
    assert content_of(tmp_path / "out") == content_of(tmp_path / "whole")
    with (
        configured(*certificate(tmp_path, "stranger")),
        pytest.raises(UsageError, match="no scheduler answers at tls://"),
    ):
        shards.run(tmp_path / "stranger", cluster=address)
