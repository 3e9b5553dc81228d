"""A folder of a study may name code; it is imported only where the caller names it too."""

import json
import sys

import pytest
from markets import market, study_of
from typer.testing import CliRunner

from exec_algos.cli import app
from exec_algos.errors import UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies.run.custom import import_named, recorded_algorithms
from exec_algos.studies.saved import load_result, rerun
from exec_algos.studies.shards.study import Grid, ShardedStudy

BARS = market(12, ("A", "B"))
TERMS = {"calendar": "XNYS", "size": "30", "profile_days": 2}
CODE = """
import pathlib
pathlib.Path(__file__).with_name("ran").touch()
from desk_executors import Late
class Own(Late):
    name = "own"
"""


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A module on the path that leaves a file when it is imported; says whether it was."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "trap_of_a_folder.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path / "code")
    yield (tmp_path / "code" / "ran").exists
    sys.modules.pop("trap_of_a_folder", None)


def sharded(tmp_path):
    """A study of twap in shards, started."""
    BarStore(tmp_path / "bars").write(BARS)
    ShardedStudy(store=str(tmp_path / "bars"), parents=Grid(**TERMS), algorithms=["twap"]).start(tmp_path / "out")
    return tmp_path / "out" / "study.json"


def saved(tmp_path):
    study_of(BARS, ["twap"], **TERMS).run().save(tmp_path / "out")
    return tmp_path / "out" / "config.json"


def wish(file, how):
    """Let a folder's file ask for the trap, as an algorithm or behind the name of a built-in one."""
    found = json.loads(file.read_text())
    found.pop("sha256", None)
    if how == "algorithms":
        found["algorithms"] = ["trap_of_a_folder:Own"]
    else:
        found["imports"] = {"twap": {"from": "trap_of_a_folder:Own:haste=3", "sha256": ""}}
    file.write_text(json.dumps(found))
    (file.parent / "whole.json").unlink(missing_ok=True)  # whoever writes the one can write the other


WISH = r"asks to import and run trap_of_a_folder:Own: .* --allow-import trap_of_a_folder:Own, in Python allow_import=\['trap_of_a_fol"


@pytest.mark.parametrize("how", ["algorithms", "imports"])
@pytest.mark.parametrize("allowed", [[], ["trap_of_a_folder"], ["trap_of_a_folder:Other"], ["trap_of_a_folder:Own:haste=3"]])
def test_a_resumed_study_imports_nothing_that_the_caller_does_not_name(tmp_path, trap, how, allowed):
    wish(sharded(tmp_path), how)
    with pytest.raises(UsageError, match=WISH):
        ShardedStudy.of_folder(tmp_path / "out", allow_import=allowed)
    assert not trap()


@pytest.mark.parametrize("how", ["algorithms", "imports"])
def test_what_the_caller_names_too_is_imported(tmp_path, trap, how):
    wish(sharded(tmp_path), how)
    found = ShardedStudy.of_folder(tmp_path / "out", allow_import=["trap_of_a_folder:Own"])
    assert trap()
    assert [type(algorithm).__name__ for algorithm in found.algorithms] == ["Own"]


@pytest.mark.parametrize("how", ["algorithms", "imports"])
def test_a_saved_study_is_read_without_its_code_and_run_again_only_with_leave(tmp_path, trap, how):
    wish(saved(tmp_path), how)
    assert len(load_result(tmp_path / "out", BARS).parents)
    with pytest.raises(UsageError, match=WISH):
        rerun(tmp_path / "out", BARS)
    assert not trap()
    if how == "imports":
        assert rerun(tmp_path / "out", BARS, allow_import=["trap_of_a_folder:Own"]).config["algorithms"] == ["own:haste=3"]
        assert trap()


def test_the_command_line_prints_the_wish_refuses_it_and_takes_leave(tmp_path, trap):
    wish(sharded(tmp_path), "imports")
    resume = ["study", "--resume", str(tmp_path / "out")]
    refused = CliRunner().invoke(app, resume)
    assert refused.exit_code != 0
    assert "asks to import and run trap_of_a_folder:Own" in refused.output
    assert not trap()
    allowed = CliRunner().invoke(app, [*resume, "--allow-import", "other:Thing", "--allow-import", "trap_of_a_folder:Own"])
    assert trap()
    assert "holds a study of other settings" in allowed.output  # the file's own words for its code are not those of the code


def test_leave_to_import_is_refused_where_nothing_is_resumed():
    run = CliRunner().invoke(app, ["study", "bars.csv", "--allow-import", "mine:Own"])
    assert run.exit_code != 0
    assert "--allow-import need --resume" in run.output


def test_a_text_is_no_list_of_names():
    with pytest.raises(UsageError, match=r"allow_import must be a list such as \['mine:Own'\]"):
        recorded_algorithms({"algorithms": ["twap"]}, "out", "mine:Own")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("twap", ""),
        ("VWAP:profile_days=3", ""),
        ("vwap:profile_days", ""),  # a built-in one, whatever stands behind it
        ("os:system", "os:system"),
        ("a.b:C:x=1,y=2", "a.b:C"),
        ("nonsense", ""),
        ("a:b c", ""),
        (":Own", ":Own"),
    ],
)
def test_which_texts_name_code(text, named):
    assert import_named(text) == named
