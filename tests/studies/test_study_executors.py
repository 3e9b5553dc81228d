"""Executors of one's own in a study: worked by the engine, in worker processes, and the result says so."""

import json

import pandas as pd
import pytest
from desk_executors import AtOnce, Deaf, Late, OwnTWAP
from markets import DAYS, market, study_of

from exec_algos import FillModel, OrderExecutor
from exec_algos.errors import RunError, UnknownNameError, UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.run.custom import CustomExecutor, algorithm_of
from exec_algos.studies.shards.study import ShardedStudy

BARS = market(4, ("A", "B", "C"), missing=0.1)
MODEL = FillModel(max_participation=0.2)
TERMS = {"calendar": "XNYS", "size": "30%adv", "profile_days": 1, "sides": ("BUY", "SELL")}
OWN = "desk_executors:OwnTWAP"


def same_but_for_the_name(found, first, second):
    for name in ("parents", "fills"):
        frame = getattr(found, name)
        a, b = (frame[frame["algorithm"] == one].drop(columns=["algorithm"]).reset_index(drop=True) for one in (first, second))
        pd.testing.assert_frame_equal(a, b, check_exact=True)


def test_an_executor_that_does_what_twap_does_costs_what_twap_costs_and_the_result_says_what_worked_it():
    found = study_of(BARS, ["twap", OwnTWAP], MODEL, **TERMS).run()
    same_but_for_the_name(found, "twap", OWN)
    assert found.config["drivers"] == {"twap": "batch", OWN: "engine"}
    assert found.config["imports"][OWN]["from"] == OWN
    json.dumps(found.config)


@pytest.mark.slow
def test_worker_processes_give_the_same_bytes(monkeypatch):
    monkeypatch.setattr("exec_algos.studies.run.processes.PIECE", 4)
    study = study_of(BARS, [OwnTWAP], MODEL, **TERMS)
    alone, two = study.run(processes=1), study.run(processes=2)
    for name in ("parents", "fills"):
        pd.testing.assert_frame_equal(getattr(alone, name), getattr(two, name), check_exact=True)


def test_children_placed_one_by_one_are_counted_and_a_lot_is_a_lot():
    found = study_of(BARS, [AtOnce], FillModel(), **{**TERMS, "size": "40", "lot_size": 10}).run().parents
    assert set(found["filled"]) == {40.0}
    assert set(found["children"]) == {1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("desk_executors:AtOnce:times=2", r"times=2 on parent order 0 \(BUY 40 A, .*\): it traded 80 shares of 40 ordered"),
        ("desk_executors:AtOnce:always_buy=1", r"on parent order 1 \(SELL 40 A, .*\): it traded on the other side"),
        ("desk_executors:Stumbles", rf"Stumbles on parent order 0 \(BUY 40 A, {DAYS[1]}\): .*no venue"),
    ],
)
def test_a_fault_names_the_order(text, words):
    with pytest.raises(RunError, match=words):
        study_of(BARS, [text], FillModel(), **{**TERMS, "size": "40"}).run()


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (Deaf, UsageError, r"needs \['duration_minutes'\]"),
        ("desk_executors:Deaf:duration_minutes=5", UsageError, "does not take the parent order's"),
        ("desk_executors:AtOnce:tims=2", UsageError, r"takes no \['tims'\]"),
        ("exec_algos.executors.named:POVExecutor:ratee=0.2", UsageError, r"POVExecutor.execute takes no \['ratee'\]"),
        ("desk_executors:Nobody", UsageError, "module 'desk_executors' has no 'Nobody'"),
        ("no_such_desk:Patient", UsageError, "cannot import 'no_such_desk'"),
        ("desk_executors:np", UsageError, "neither an Algorithm nor an OrderExecutor"),
        ("desk_executors:Late:hast=2", UnknownNameError, "did you mean haste"),
        ("twpa", UnknownNameError, "did you mean twap"),
        (int, UsageError, "kind must be a subclass of OrderExecutor"),
    ],
)
def test_what_cannot_be_worked_is_refused_with_what_to_do(given, error, words):
    with pytest.raises(error, match=words):
        study_of(BARS, [given], **TERMS)


def test_a_text_gives_the_value_back():
    assert algorithm_of("desk_executors:Late:haste=3") == Late(haste=3.0)
    assert str(CustomExecutor(kind=AtOnce, options={"times": 2})) == "desk_executors:AtOnce:times=2"
    assert algorithm_of("desk_executors:AtOnce:times=2") == CustomExecutor(kind=AtOnce, options={"times": 2})


def test_a_class_that_other_processes_cannot_import_says_so(monkeypatch):
    monkeypatch.setattr("exec_algos.studies.run.processes.PIECE", 4)

    class Local(OrderExecutor):
        async def execute(self, ticker, total_quantity, *, start, end, side):
            return []

    study = study_of(BARS, [Local], MODEL, **TERMS)
    assert study.run(processes=1).parents["filled"].sum() == 0
    with pytest.raises(UsageError, match=r"Local; put the class into a module of its own, or run\(processes=1\)"):
        study.run(processes=2)
    with pytest.raises(UsageError, match="put the class into a module"):
        ShardedStudy(store="bars", parents=Grid(**TERMS), algorithms=[Local])


@pytest.mark.slow
def test_shards_take_them_and_a_resumed_study_knows_them_again(tmp_path):
    BarStore(tmp_path / "bars").write(BARS)
    names = ["twap", OwnTWAP, Late(haste=3.0)]
    study = ShardedStudy(store=str(tmp_path / "bars"), parents=Grid(**TERMS), algorithms=names, fill_model=MODEL)
    found = study.run(tmp_path / "out")
    assert found.config["drivers"] == {"twap": "batch", OWN: "engine", "late:haste=3": "batch"}
    wanted = study_of(BARS, names, MODEL, **TERMS).run()
    assert found.table()["average_price"].equals(wanted.parents["average_price"])
    again = ShardedStudy.of_folder(tmp_path / "out", allow_import=["desk_executors:OwnTWAP", "desk_executors:Late"])
    assert again.settings() == study.settings()
    assert again.run(tmp_path / "out").made == 0
