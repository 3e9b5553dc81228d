"""The settings in a study's folder, which somebody else may have written: whatever they hold is worked or refused in one line."""

import copy
import json

import pytest
from markets import market, study_of

from exec_algos.errors import ExecAlgosError
from exec_algos.market.store import BarStore
from exec_algos.studies.saved import load_result, rerun
from exec_algos.studies.shards.study import Grid, ShardedStudy

BARS = market(12, ("A", "B"))
TERMS = {"calendar": "XNYS", "size": "30", "profile_days": 2}
GONE = object()
ODD = [None, -1, "x", "", [], {}, [1], {"a": 1}, True, 1e300, GONE]


def places(value, path=()):
    for name, inner in value.items():
        yield (*path, name)
        if isinstance(inner, dict):
            yield from places(inner, (*path, name))


def changed(whole, path, value):
    found = copy.deepcopy(whole)
    inside = found
    for name in path[:-1]:
        inside = inside[name]
    if value is GONE:
        inside.pop(path[-1], None)
    else:
        inside[path[-1]] = value
    return found


def refused_or_done(work):
    try:
        work()
    except ExecAlgosError:
        return True
    return False


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    BarStore(folder / "bars").write(BARS)
    ShardedStudy(store=str(folder / "bars"), parents=Grid(**TERMS), algorithms=["twap"]).start(folder / "out")
    return folder / "out" / "study.json"


def test_whatever_study_json_holds_is_taken_or_refused_in_our_words(started):
    whole = json.loads(started.read_text())
    del whole["sha256"]
    refused = 0
    for path in [*places(whole), ("imports",), ("algorithms",)]:
        for value in ODD:
            started.write_text(json.dumps(changed(whole, path, value)))
            refused += refused_or_done(lambda: ShardedStudy.of_folder(started.parent))
    assert refused > 200
    started.write_text(json.dumps(whole))
    assert str(ShardedStudy.of_folder(started.parent).algorithms[0]) == "twap"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["algorithms", "calendar", "data_sha256", "driver", "fill_model", "imports", "lot_size", "profile_days", "rules", "strata"]
)
def test_whatever_config_json_holds_is_worked_or_refused_in_our_words(tmp_path, name):
    study_of(BARS, ["twap"], **TERMS).run().save(tmp_path)
    (tmp_path / "whole.json").unlink()
    file = tmp_path / "config.json"
    whole = json.loads(file.read_text())
    refused = 0
    for value in ODD:
        file.write_text(json.dumps(changed(whole, (name,), value)))
        refused += refused_or_done(lambda: load_result(tmp_path, BARS))
        refused += refused_or_done(lambda: rerun(tmp_path, BARS))
    assert refused > 4
