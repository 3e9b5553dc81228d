"""A study whose bars and shards lie in an object store that speaks S3: the same bytes as on a disk.

moto is a server of its own on this machine, spoken to over HTTP.
"""

import pytest
from markets import content_of, market
from moto.server import ThreadedMotoServer

from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.shards.study import ShardedStudy

BARS = market(21, ("A", "B"), missing=0.1)


@pytest.fixture
def store(monkeypatch):
    for name, value in (("ACCESS_KEY_ID", "testing"), ("SECRET_ACCESS_KEY", "testing"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    served = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    import fsspec

    files = fsspec.filesystem("s3", skip_instance_cache=False)
    files.mkdir("desk")
    yield files
    served.stop()


def study(place):
    return ShardedStudy(
        store=place,
        parents=Grid(calendar="XNYS", size="37", profile_days=2, sides=("BUY", "SELL")),
        algorithms=["twap", "vwap:profile_days=2"],
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the server's and botocore's own
def test_a_study_in_an_object_store_has_the_bytes_of_one_on_a_disk_and_resumes(store, tmp_path):
    BarStore("s3://desk/bars").write(BARS)
    BarStore(tmp_path / "bars").write(BARS)
    far, near = study("s3://desk/bars").run("s3://desk/out"), study(str(tmp_path / "bars")).run(tmp_path / "out")
    assert (far.made, near.made) == (4, 4)
    wanted = content_of(tmp_path / "out")
    assert {name: store.cat_file(f"desk/out/{name}") for name in wanted} == wanted
    assert [path for path in store.find("desk/out") if ".part" in path] == []
    store.rm("desk/out/shards/symbol=A/month=2025-11/parents.parquet")
    again = study("s3://desk/bars").run("s3://desk/out")
    assert (again.made, again.kept) == (1, 3)
