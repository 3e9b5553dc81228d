"""A study on disk: read again it is the same, run again it is the same bytes."""

import pandas as pd
import pytest
from desk_executors import Late
from markets import DAYS, content_of, market, study_of

from exec_algos import FillModel, ParentOrders, Rules, SlippageStudy
from exec_algos.costs import Commission, FixedSpread, SquareRootImpact
from exec_algos.errors import UsageError
from exec_algos.model.style import Randomisation
from exec_algos.studies.design.sampling import Strata
from exec_algos.studies.saved import load_result, rerun

BARS = market(12, ("005930", "NA", "B"), missing=0.1)
MODEL = FillModel(max_participation=0.2, spread=FixedSpread(3.0), impact=SquareRootImpact(0.01), commission=Commission(0.001, minimum=1.0))
FILES = ("parents.parquet", "fills.parquet", "skipped.csv", "summary.csv", "comparison.csv", "config.json")
WINDOW = {"start": f"{DAYS[3]} 10:00", "end": f"{DAYS[3]} 12:00"}
OWN = [{"symbol": "NA", "side": "buy", "quantity": n, **WINDOW, "order_id": f"D{n}"} for n in (5, 7)]


def content(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


STUDIES = {
    "grid": lambda: study_of(BARS, ["twap", "vwap:profile_days=2", Late(haste=3)], MODEL, profile_days=2, size=["5%adv", 40], lot_size=5),
    "strata": lambda: study_of(BARS, ["pov"], profile_days=1, size="10", strata=Strata(buckets=2, per_stratum=2, seed=4)),
    "orders": lambda: SlippageStudy(BARS, ParentOrders.from_frame(pd.DataFrame(OWN), BARS, calendar="XNYS"), ["twap"], MODEL),
    "days of the bars": lambda: study_of(BARS, ["twap"], calendar=None, profile_days=1, size="10", window="10:00-12:00"),
    "rules": lambda: SlippageStudy(
        BARS, ParentOrders.grid(BARS, calendar="XNYS", size="50", profile_days=1, sides=("BUY", "SELL")), ["twap"], MODEL,
        Rules(max_child=7, residual="extend", limit_price=22.5),
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", STUDIES)
def test_a_saved_study_runs_again_to_the_same_bytes(tmp_path, kind):
    result = STUDIES[kind]().run()
    result.save(tmp_path / "first")
    again = rerun(tmp_path / "first", BARS, allow_import=["desk_executors:Late"])
    again.save(tmp_path / "second")
    assert content(tmp_path / "first") == content(tmp_path / "second")


@pytest.mark.slow
def test_drawn_children_are_drawn_again(tmp_path):
    orders = ParentOrders.grid(BARS, calendar="XNYS", size="50", profile_days=1, sides=["BUY"])
    rules = Rules(randomisation=Randomisation(size=0.3, time=0.5, seed=3), style="touch")
    SlippageStudy(BARS, orders, ["twap"], MODEL, rules).run("engine").save(tmp_path / "first")
    rerun(tmp_path / "first", BARS).save(tmp_path / "second")
    assert content(tmp_path / "first") == content(tmp_path / "second")


def test_what_is_read_is_what_was_found(tmp_path):
    result = STUDIES["orders"]().run()
    result.save(tmp_path)
    found = load_result(tmp_path, BARS)
    pd.testing.assert_frame_equal(found.summary(), result.summary())
    assert found.parents["order_id"].tolist() == result.parents["order_id"].tolist()
    assert found.fills["price"].tolist() == result.fills["price"].tolist()


def test_other_bars_and_a_folder_without_a_study_are_refused(tmp_path):
    STUDIES["orders"]().run().save(tmp_path)
    with pytest.raises(UsageError, match="made of other bars"):
        load_result(tmp_path, market(13, ("005930", "NA", "B")))
    (tmp_path / "fills.parquet").unlink()
    with pytest.raises(UsageError, match=r"it lacks fills\.parquet"):
        load_result(tmp_path, BARS)


def test_a_place_that_cannot_be_written_to_is_told_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot keep a study in .*file: Not a directory; what is finished stands"):
        STUDIES["orders"]().run().save(tmp_path / "file")


def test_a_study_that_is_read_has_the_types_of_one_that_is_worked(tmp_path):
    result = study_of(market(3), ("twap", "pov"), calendar="XNYS", size="37", profile_days=2).run()
    result.save(tmp_path)
    read, worked = load_result(tmp_path, market(3)), rerun(tmp_path, market(3))
    for name in ("parents", "fills", "skipped", "findings"):
        pd.testing.assert_frame_equal(getattr(read, name), getattr(worked, name))
    assert read.save(tmp_path / "again")
    assert content_of(tmp_path / "again") == {name: text for name, text in content_of(tmp_path).items() if not name.startswith("again")}
