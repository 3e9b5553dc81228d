"""A bit that flips in the folder of a study: what is made of shards is made again, what cannot be is refused, nothing passes unseen."""

import json
import shutil

import pytest
from markets import content_of, market

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.errors import UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.folder import StudyFolder, is_damaged, seal, unsealed
from exec_algos.studies.saved import load_result
from exec_algos.studies.shards.desk import DeskOrders
from exec_algos.studies.shards.study import ShardedStudy

BARS = market(21, ("A", "B"), missing=0.1, silent=0.0)
SHARD = "shards/symbol=B/month=2025-11"
TABLES = ("parents.parquet/part-000000.parquet", "fills.parquet/part-000000.parquet")
LISTS = ("skipped.csv", "failed.csv", "findings.csv")


def flip(file, at=0.5, bit=0):
    """Turn one bit, the place in parts of the file's length."""
    content = bytearray(file.read_bytes())
    content[int(at * (len(content) - 1))] ^= 1 << bit
    file.write_bytes(content)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("made")
    BarStore(place / "bars").write(BARS)
    study = ShardedStudy(
        store=str(place / "bars"), parents=Grid(calendar="XNYS", size="37", profile_days=2), algorithms=["twap", "pov"],
        fill_model=FillModel(max_participation=0.2),
    )  # fmt: skip
    return study, study.run(place / "out")


@pytest.fixture
def copied(made, tmp_path):
    study, result = made
    shutil.copytree(result.folder, tmp_path / "out")
    return study, tmp_path / "out"


@pytest.mark.parametrize("at", [0.1, 0.5, 0.99])
@pytest.mark.parametrize(
    "file",
    [
        *TABLES,
        "summary.csv",
        "comparison.csv",
        "oversize.csv",
        "residuals.csv",
        "config.json",
        "whole.json",
        f"{SHARD}/record.json",
        f"{SHARD}/fills.parquet",
    ],
)
def test_a_file_with_a_flipped_bit_is_made_again_and_named(copied, file, at):
    study, out = copied
    before = content_of(out)
    flip(out / file, at)
    found = study.run(out)
    assert content_of(out) == before
    assert found.damaged == (file,)
    assert found.made == (1 if file.startswith("shards") else 0)
    assert study.run(out).damaged == ()


@pytest.mark.parametrize("file", LISTS)
def test_a_list_with_a_flipped_bit_is_written_again(copied, file):
    study, out = copied
    before = content_of(out)
    flip(out / file)
    found = study.run(out)
    assert content_of(out) == before
    assert (found.damaged, found.made) == ((file,), 0)
    assert study.run(out).damaged == ()


def test_lists_of_the_next_study_are_no_damage_of_the_last_where_it_is_stopped_between(copied, monkeypatch):
    study, out = copied
    BarStore(study.store).write(market(21, ("C",), missing=0.9, silent=0.0))

    def stop(*_):
        raise KeyboardInterrupt

    try:
        with monkeypatch.context() as patch:
            patch.setattr("exec_algos.studies.shards.combine._put_tables", stop)
            with pytest.raises(KeyboardInterrupt):
                study.run(out)
        assert not (out / "whole.json").exists()
        found = study.run(out)
        assert found.damaged == ()
        assert found.config["symbols"] == ["A", "B", "C"]
    finally:
        shutil.rmtree(f"{study.store}/symbol=C")


READS = {
    "parents.parquet/part-000000.parquet": lambda result: result.table(),
    "fills.parquet/part-000000.parquet": lambda result: list(result.iter_batches(["price"], "fills")),
    "summary.csv": lambda result: result.summary(by=("algorithm", "side")),
    "comparison.csv": lambda result: result.comparison(),
    "oversize.csv": lambda result: result.oversize(),
    "residuals.csv": lambda result: result.residuals(),
    "skipped.csv": lambda result: result.skipped,
}


@pytest.mark.parametrize("file", READS)
def test_a_flipped_bit_is_refused_when_it_is_read_by_file_and_with_what_to_do(copied, file):
    study, out = copied
    result = study.run(out)
    READS[file](result)
    flip(out / file)
    with pytest.raises(UsageError, match=rf"{file} is damaged: .* run the study again"):
        READS[file](result)
    READS[file](study.run(out))


@pytest.mark.parametrize("read", [lambda result: result.table(), lambda result: result.summary(), lambda result: result.by("hour")])
def test_a_part_that_was_taken_away_is_missed(copied, read):
    study, out = copied
    result = study.run(out)
    (out / TABLES[0]).unlink()
    with pytest.raises(UsageError, match=r"part-000000\.parquet: it was taken away"):
        read(result)
    assert study.run(out).damaged == (TABLES[0],)


def test_no_table_is_read_while_another_run_makes_it(copied):
    study, out = copied
    result = study.run(out)
    (out / "whole.json").unlink()
    with pytest.raises(UsageError, match=r"holds no whole study: whole\.json is not there or damaged; run the study again"):
        result.table()


def test_settings_that_were_changed_start_no_study(copied):
    study, out = copied
    text = (out / "study.json").read_text()
    (out / "study.json").write_text(text.replace('"37"', '"36"'))
    for run in (lambda: ShardedStudy.of_folder(out), lambda: study.run(out)):
        with pytest.raises(UsageError, match=r"study\.json is not whole or damaged: .* take it away"):
            run()
    (out / "study.json").unlink()
    found = study.run(out)
    assert (found.made, found.kept, (out / "study.json").read_text()) == (0, 4, text)


def test_a_folder_of_an_earlier_version_is_not_called_damaged(copied):
    study, out = copied
    for file in [*out.rglob("record.json"), out / "study.json", out / "whole.json"]:
        value = json.loads(file.read_text())
        del value["sha256"]
        file.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
    assert ShardedStudy.of_folder(out).settings() == study.settings()
    found = study.run(out)
    assert (found.made, found.damaged) == (4, ())


def test_every_flip_of_sealed_json_is_seen():
    content = seal({"a": 1.5, "b": ["x", None], "c": {"d": "한"}})
    assert unsealed(content) == {"a": 1.5, "b": ["x", None], "c": {"d": "한"}}
    for at in range(len(content)):
        for bit in range(8):
            other = bytearray(content)
            other[at] ^= 1 << bit
            found = unsealed(bytes(other))
            assert found in (None, unsealed(content))  # a blank that became another blank says the same
    assert is_damaged(content.replace(b"1.5", b"1.6"))
    assert not is_damaged(b'{"a": 1.6}')
    assert not is_damaged(None)


def desk(folder, quantity=100):
    rows = [f"{symbol},BUY,{quantity},{day} 10:00,{day} 15:00" for symbol in "AB" for day in ("2025-12-01", "2025-12-02")]
    (folder / "desk.csv").write_text("\n".join(["symbol,side,quantity,start,end", *rows]) + "\n")
    return DeskOrders(source=str(folder / "desk.csv"), calendar="XNYS", profile_days=2)


def test_orders_that_were_changed_in_the_folder_are_refused_and_named_once_more_go_on(made, tmp_path):
    study = ShardedStudy(store=made[0].store, parents=desk(tmp_path), algorithms=["twap"])
    study.run(tmp_path / "out")
    before = content_of(tmp_path / "out")
    for file in ("orders.csv", "orders.sha256"):
        flip(tmp_path / "out" / file)
        with pytest.raises(UsageError, match=r"orders\.csv is damaged: .* \(--orders FILE\)"):
            ShardedStudy.of_folder(tmp_path / "out")
        assert study.run(tmp_path / "out").made == 0
        assert content_of(tmp_path / "out") == before
    (part,) = (tmp_path / "out").glob("orders/symbol=A/*.csv")
    flip(part)
    assert ShardedStudy.of_folder(tmp_path / "out").run(tmp_path / "out").made == 0
    assert content_of(tmp_path / "out") == before


def test_orders_of_a_shard_that_change_before_it_is_worked_are_listed_and_not_worked(made, tmp_path, monkeypatch):
    study = ShardedStudy(store=made[0].store, parents=desk(tmp_path), algorithms=["twap"])
    get = StudyFolder.get

    def changed(folder, name):
        content = get(folder, name)
        return content.replace(b",100,", b",101,") if content and name.startswith("orders/symbol=A") else content

    monkeypatch.setattr(StudyFolder, "get", changed)
    found = study.run(tmp_path / "out")
    assert [(failure.symbol, "the orders are damaged" in failure.reason) for failure in found.failed] == [("A", True)]
    monkeypatch.undo()
    again = study.run(tmp_path / "out")
    assert (again.made, again.failed, again.table()["quantity"].tolist()) == (1, (), [100] * 2)


@pytest.mark.parametrize(
    "file", ["parents.parquet", "fills.parquet", "skipped.csv", "summary.csv", "comparison.csv", "config.json", "whole.json"]
)
@pytest.mark.parametrize("at", [0.02, 0.5, 0.9])
def test_a_saved_study_with_a_flipped_bit_is_refused_by_file(saved, tmp_path, file, at):
    shutil.copytree(saved, tmp_path / "out")
    flip(tmp_path / "out" / file, at)
    with pytest.raises(UsageError, match=rf"damaged.*{file}|{file} is damaged"):
        load_result(tmp_path / "out", BARS)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    orders = ParentOrders.grid(BARS, calendar="XNYS", size="37", profile_days=2)
    return SlippageStudy(BARS, orders, ["twap"]).run().save(tmp_path_factory.mktemp("saved") / "out")


def test_a_saved_study_of_before_digests_is_read(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "out")
    (tmp_path / "out/whole.json").unlink()
    assert load_result(tmp_path / "out", BARS).summary().equals(load_result(saved, BARS).summary())
