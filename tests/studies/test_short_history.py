"""What too short a history costs, and which option saves it: what is said comes true."""

import re

import pandas as pd
import pytest
from markets import DAYS, market

from exec_algos import ParentOrders, SlippageStudy
from exec_algos.errors import UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.design.short import Short, history_line, joined, short_of
from exec_algos.studies.shards.combine import read_short
from exec_algos.studies.shards.desk import DeskOrders
from exec_algos.studies.shards.study import ShardedStudy

BARS = market(5, missing=0.0, silent=0.0)  # five sessions
CLOCK = {"start": "10:00", "end": "12:00"}
ROWS = [
    {"symbol": symbol, "side": side, "quantity": 10, **{name: f"{day} {at}" for name, at in CLOCK.items()}}
    for symbol, days in {"A": DAYS, "B": DAYS[:2]}.items()
    for day in days
    for side in ("buy", "sell")
]  # 14 orders: four before which there is no session, four with one, two each with 2, 3 and 4


def desk():
    return ParentOrders.from_frame(pd.DataFrame(ROWS), BARS, calendar="XNYS")


@pytest.mark.parametrize(("days", "lost"), [(4, 12), (3, 10), (2, 8), (1, 4)])
def test_orders_are_counted_and_what_the_option_saves_is_what_is_then_worked(days, lost):
    given = desk()
    result = SlippageStudy(BARS, given, ["twap", f"vwap:profile_days={days}"]).run()
    short = short_of(given, [tuple(row) for row in result.skipped.itertuples(index=False)])
    assert sum(row.orders for row in short) == lost
    assert result.config["parent_orders"] == 14 - lost
    line = history_line(short, 14 - lost)
    assert line.startswith(f"history: {lost} of 14 orders are left out, for {days} earlier session")
    for fewer, works in re.findall(r"(\d+) would work (\d+)", line):
        again = SlippageStudy(BARS, desk(), ["twap", f"vwap:profile_days={fewer}"]).run()
        assert again.config["parent_orders"] == int(works)
    assert len(re.findall(r"(\d+) would work (\d+)", line)) == {4: 2, 3: 1, 2: 1, 1: 0}[days]


def test_a_grid_counts_the_orders_that_it_did_not_make():
    def worked(days):
        return ParentOrders.grid(
            BARS, calendar="XNYS", size=10, sides=("BUY", "SELL"), profile_days=days, window=["10:00-12:00", "12:00-13:00"]
        )

    grid = worked(4)
    assert (len(grid), len(worked(2))) == (8, 24)
    line = history_line(short_of(grid, grid.skipped), len(grid))
    said = "history: 32 of 40 orders are left out, for 4 earlier sessions with data are needed; "
    assert line == f"{said}--profile-days 2 would work 24, 1 would work 32"


def test_where_nothing_is_left_it_says_what_would_be():
    with pytest.raises(
        UsageError, match=r"no parent order is left to study.*; history: 14 of 14 orders.*--profile-days 10 .*|give bars of earlier"
    ):
        SlippageStudy(BARS, desk(), ["vwap:profile_days=20"]).run()
    with pytest.raises(
        UsageError, match=r"history: 14 of 14 orders are left out, for 5 earlier .*; --profile-days 2 would work 6, 1 would work 10"
    ):
        SlippageStudy(BARS, desk(), ["vwap"]).run()


def test_nothing_is_said_where_nothing_is_lost():
    assert history_line((), 5) == ""
    assert history_line([Short(1, 0, 3)], 2) == (
        "history: 3 of 5 orders are left out, for 1 earlier session with data is needed; give bars of earlier days"
    )


def test_parts_are_summed():
    assert joined([[5, 0, 2], (5, 1, 1), Short(5, 0, 3)]) == (Short(5, 0, 5), Short(5, 1, 1))


def test_shards_say_the_same(tmp_path):
    pd.DataFrame(ROWS).to_csv(tmp_path / "desk.csv", index=False)
    BarStore(tmp_path / "bars").write(BARS)
    names = ["twap", "vwap:profile_days=2"]
    given, orders = desk(), DeskOrders(source=tmp_path / "desk.csv", calendar="XNYS")
    whole = SlippageStudy(BARS, given, names).run()
    for terms, memory in ((orders, (given, whole)), (Grid(calendar="XNYS", size=10, profile_days=2), None)):
        folder = tmp_path / type(terms).__name__
        found = ShardedStudy(store=str(tmp_path / "bars"), parents=terms, algorithms=names).run(folder)
        if memory is None:
            grid = ParentOrders.grid(BARS, calendar="XNYS", size=10, profile_days=2)
            memory = (grid, SlippageStudy(BARS, grid, names).run())
        short = short_of(memory[0], [tuple(row) for row in memory[1].skipped.itertuples(index=False)])
        assert read_short(found.folder) == short
        assert short
