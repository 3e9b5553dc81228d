"""The tables that shards write are what Arrow itself makes of the frames of a study."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from markets import DAYS, algorithms, grids, kinds_of_model, market, markets, outcome, study_of

from exec_algos import ParentOrders, SlippageStudy

BARS = market(3, vendor=True)


def assert_arrow_of_frames(result):
    for name in ("parents", "fills"):
        wanted = pa.Table.from_pandas(getattr(result, name), preserve_index=False)
        assert result._arrow[name].equals(wanted)
        assert result._arrow[name].schema.equals(wanted.schema, check_metadata=True)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(bars=markets(), names=algorithms, model=kinds_of_model, grid=grids)
def test_arrow_holds_the_rows_types_and_notes_of_the_frames(bars, names, model, grid):
    result = outcome(study_of(bars, names, model, **grid), "batch")
    if not isinstance(result, str) and len(result.fills):
        assert_arrow_of_frames(result)


@pytest.mark.parametrize("lot", [1, 0.001, 10.0])
def test_a_lot_of_whole_shares_gives_whole_numbers_and_another_does_not(lot):
    result = study_of(BARS, ["twap", "pov"], size="100", lot_size=lot, profile_days=2).run()
    assert_arrow_of_frames(result)
    kind = result._arrow["parents"].schema.field("quantity").type
    assert kind == (pa.int64() if isinstance(lot, int) else pa.float64())


def test_without_fills_the_table_has_the_same_columns_and_no_row():
    study = study_of(BARS, ["twap", "pov"], size="100", profile_days=2)
    full, empty = (study.run(fills=fills)._arrow["fills"] for fills in (True, False))
    assert (len(empty), empty.schema) == (0, full.schema)


def test_what_a_desk_keeps_beside_its_orders_is_text_whatever_stands_in_it():
    row = {"symbol": "A", "side": "buy", "quantity": 30, "start": f"{DAYS[3]} 10:00", "end": f"{DAYS[3]} 12:00"}
    frame = pd.DataFrame([{**row, "order_id": 7, "trader": None}, {**row, "order_id": "x", "trader": 3.5}])
    orders = ParentOrders.from_frame(frame, BARS, calendar="XNYS", keep=["trader"])
    result = SlippageStudy(BARS, orders, ["twap", "pov"]).run()
    assert_arrow_of_frames(result)
    assert result._arrow["parents"]["order_id"].to_pylist() == ["7", "7", "x", "x"]
