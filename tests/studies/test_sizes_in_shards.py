"""How orders compare with the market, and why some were not filled: in shards as in one piece, in the folder, on screen and as JSON."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markets import market, study_of

from exec_algos import FillModel, Rules
from exec_algos.cli.shards import run_shards
from exec_algos.cli.show import Show
from exec_algos.errors import UsageError
from exec_algos.market.store import BarStore
from exec_algos.stats.exact import exact_parts, exact_sum, reduced
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.request import StudyRequest
from exec_algos.studies.shards import sizes
from exec_algos.studies.shards.study import ShardedStudy
from exec_algos.tca.oversize import Oversize
from exec_algos.tca.residuals import CAUSES

BARS = market(21, ("A", "B"), missing=0.2, silent=0.3)  # of a November and a December
GRID = {"calendar": "XNYS", "size": ["30%adv", "333.7"], "profile_days": 2, "sides": ("BUY", "SELL"), "lot_size": 0.1}
NAMES = ("twap", "pov:rate=0.2")
CAPPED = FillModel(max_participation=0.07)
CASES = {
    "capped": (CAPPED, Rules(), "batch"),
    "free": (FillModel(price="worst"), Rules(), "batch"),
    "limited": (FillModel(max_participation=0.5), Rules(limit_price=19.0), "batch"),
    "engine": (CAPPED, Rules(), "engine"),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    place = tmp_path_factory.mktemp("sizes")
    BarStore(place).write(BARS)
    return str(place)


@pytest.mark.parametrize("case", CASES)
def test_shards_say_what_one_piece_says_to_the_last_bit(store, tmp_path, case):
    model, rules, driver = CASES[case]
    whole = replace(study_of(BARS, NAMES, model, **GRID), rules=rules).run(driver)
    study = ShardedStudy(store=store, parents=Grid(**GRID), algorithms=NAMES, fill_model=model, rules=rules, driver=driver)
    found = study.run(tmp_path / "out")
    assert found.oversize() == whole.oversize()
    pd.testing.assert_frame_equal(found.residuals(), whole.residuals(), check_exact=True)
    assert whole.residuals()["residual"].sum() > 0
    assert {row.volume: row.orders > 0 for row in whole.oversize()}["a bar"] is (case == "free")


def test_whole_shares_stay_whole(store, tmp_path):
    grid = {**GRID, "size": "400", "lot_size": 1}
    found = ShardedStudy(store=store, parents=Grid(**grid), algorithms=NAMES, fill_model=CAPPED).run(tmp_path / "out")
    whole = study_of(BARS, NAMES, CAPPED, **grid).run().residuals()
    pd.testing.assert_frame_equal(found.residuals(), whole, check_exact=True)
    assert whole["quantity"].dtype == "int64"


def test_without_single_fills_neither_bars_nor_causes_are_said(store, tmp_path):
    found = ShardedStudy(store=store, parents=Grid(**GRID), algorithms=NAMES, fills=False).run(tmp_path / "out")
    assert [row.volume for row in found.oversize()] == ["the session", "the ADV"]
    assert not (tmp_path / "out" / "residuals.csv").exists()
    with pytest.raises(UsageError, match=r"why orders were not filled needs the single fills, which were not kept; fills=True or --fills"):
        found.residuals()


REQUEST = StudyRequest(algorithms="twap", calendar="XNYS", size="2600", profile_days=2, sides="buy", max_participation=0.5)


def test_the_command_says_it(store, tmp_path, capsys):
    run_shards([store], REQUEST, str(tmp_path / "out"))
    lines = capsys.readouterr().out.splitlines()
    whole = study_of(BARS, ("twap",), FillModel(max_participation=0.5), calendar="XNYS", size="2600", profile_days=2, sides=("BUY",)).run()
    [row] = whole.residuals().to_dict("records")
    _, of_session, of_adv = whole.oversize()
    assert lines[0] == (
        f"larger than the market: {of_session.orders} of {of_session.of} orders exceed the volume of the session (up to "
        f"{of_session.most:,.1f} times), {of_adv.orders} of {of_adv.of} orders exceed the ADV (up to {of_adv.most:,.1f} times)"
    )
    said = [f"{name} {100 * row[name] / row['quantity']:.1f} %" for name in CAUSES if row[name] > 0]
    assert f"not filled: twap buy {100 * row['residual'] / row['quantity']:.1f} % ({', '.join(said)})" in lines


def test_the_command_says_it_as_json(store, tmp_path, capsys):
    run_shards([store], REQUEST, str(tmp_path / "out"), show=Show(as_json=True))
    said = json.loads(capsys.readouterr().out)
    [row] = said["residuals"]
    assert sum(row[name] for name in CAUSES) == pytest.approx(row["residual"])
    assert [size["volume"] for size in said["oversize"]] == ["a bar", "the session", "the ADV"]


def test_the_multiple_of_nothing_is_kept_and_is_null_in_json():
    from exec_algos.cli.show import oversize_as_json

    row = Oversize("the ADV", 1, 2, math.inf)
    assert oversize_as_json([row]) == [{"volume": "the ADV", "orders": 1, "of": 2, "most": None}]
    held = sizes.Sizes(fills=1)
    held.add({"rows": {"fills": 0}, "sizes": {"oversize": [list(row)]}})
    assert "the ADV,1,2,inf" in held.texts()["oversize.csv"]


@given(
    st.lists(st.lists(st.floats(-1e12, 1e12), max_size=30), min_size=1, max_size=6),
    st.lists(st.lists(st.integers(-(10**9), 10**9), max_size=9), min_size=1, max_size=4),
)
def test_parts_of_a_sum_lose_nothing(pieces, whole_pieces):
    parts = [part for piece in pieces for part in exact_parts(np.array(piece, dtype=np.float64))]
    values = [value for piece in pieces for value in piece]
    assert exact_sum(parts) == exact_sum(reduced(parts)) == math.fsum(values)
    whole = [part for piece in whole_pieces for part in exact_parts(np.array(piece, dtype=np.int64))]
    assert exact_sum(reduced(whole)) == sum(value for piece in whole_pieces for value in piece)
    assert isinstance(exact_sum(whole), int)


def test_sums_of_many_shards_are_reduced_on_the_way(monkeypatch):
    """0.1 a thousand times is 100.00000000000000555 (the nearest double of 0.1 is above it), rounded once: 100."""
    monkeypatch.setattr(sizes, "MOST", 7)
    held = sizes.Sizes()
    record = {"rows": {"fills": 1}, "sizes": {"oversize": [], "residuals": [["twap", "BUY", {name: [0.1] for name in sizes.COLUMNS}]]}}
    for _ in range(1000):
        held.add(json.loads(json.dumps(record)))
    assert all(len(parts) <= 8 for parts in held.residuals["twap", "BUY"].values())
    assert held.texts()["residuals.csv"].splitlines()[1] == "twap,BUY" + ",100.0" * len(sizes.COLUMNS)
