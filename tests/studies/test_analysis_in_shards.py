"""The analysis of a study in shards is that of the study in one piece."""

import pandas as pd
import pytest
from markets import DAYS, bars_of, market, ns, study_of

from exec_algos import FillModel, Rules, SlippageStudy
from exec_algos.costs import Commission, FixedSpread, SquareRootImpact
from exec_algos.errors import UsageError
from exec_algos.market.splits import Splits
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid, ParentOrders
from exec_algos.studies.shards.study import ShardedStudy

BARS = market(21, ("A", "B", "C"), missing=0.1, silent=0.1, vendor=True)  # of a November and a December
NAMES = ("twap", "pov", "vwap:profile_days=1")
GRID = {"profile_days": 1, "size": ["20%adv", 40], "sides": ("BUY", "SELL")}
MODELS = {
    "spread": (FillModel(spread=FixedSpread(8.0), impact=SquareRootImpact(0.02), max_participation=0.2), Rules()),
    "fees at the close": (FillModel(price="close", commission=Commission(0.001), max_participation=0.3), Rules(residual="extend")),
    "limit price": (FillModel(max_participation=0.5), Rules(limit_price=21.0)),
}


def sharded(place, bars=BARS, model=None, rules=None, **options):
    BarStore(place / "bars").write(bars)
    study = ShardedStudy(
        store=str(place / "bars"),
        parents=Grid(calendar="XNYS", **GRID),
        algorithms=NAMES,
        fill_model=model,
        rules=rules or Rules(),
        **options,
    )
    return study.run(place / "study")


def same(found, whole):
    """To 1e-9; reasons with the same counts, in any sequence."""
    if "reasons" in found:
        counted = [table["reasons"].map(lambda text: sorted(text.split("; "))) for table in (found, whole)]
        assert counted[0].equals(counted[1])
        found, whole = found.drop(columns="reasons"), whole.drop(columns="reasons")
    pd.testing.assert_frame_equal(found, whole, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODELS)
def test_every_table_is_that_of_the_study_in_one_piece(tmp_path, kind):
    model, rules = MODELS[kind]
    found = sharded(tmp_path, model=model, rules=rules).analysis()
    orders = ParentOrders.grid(BARS, calendar="XNYS", **GRID)
    whole = SlippageStudy(BARS, orders, NAMES, model, rules).run().analysis()
    same(found.shortfall(), whole.shortfall())
    same(found.slippage(), whole.slippage())
    same(found.markouts(), whole.markouts())
    for minutes in (30, 60):
        same(found.time_of_day(minutes), whole.time_of_day(minutes))
    assert found.power() == whole.power()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    place = tmp_path_factory.mktemp("sharded")
    return place, sharded(place, model=MODELS["spread"][0])


@pytest.mark.slow
def test_what_was_not_filled_is_valued_at_the_mark_that_was_asked_for(study):
    found = study[1].analysis(mark="window_end")
    whole = study_of(BARS, list(NAMES), MODELS["spread"][0], **GRID).run().analysis()
    same(found.shortfall(), whole.shortfall("window_end"))
    with pytest.raises(UsageError, match=r"analysis\(mark='session_close'\) does"):
        found.shortfall("session_close")


@pytest.mark.slow
def test_a_table_of_many_parts_says_what_one_part_says(study, monkeypatch, tmp_path):
    monkeypatch.setattr("exec_algos.studies.shards.tables.ROWS", 20)
    found = sharded(tmp_path, model=MODELS["spread"][0]).analysis()
    same(found.shortfall(), study[1].analysis().shortfall())
    same(found.markouts(), study[1].analysis().markouts())


@pytest.mark.slow
def test_splits_and_proxies_are_those_of_the_study(tmp_path):
    (tmp_path / "splits.csv").write_text("date,symbol,ratio\n2025-12-01,A,2\n")
    first = ns(DAYS[4], "09:30")
    table = {}
    for symbol in BARS.symbols:
        rows = BARS.rows(symbol)
        cut = [2.0 if symbol == "A" and start >= first else 1.0 for start in BARS.start[rows]]
        columns = [
            BARS.start[rows],
            *(getattr(BARS, name)[rows] / cut for name in ("open", "high", "low", "close")),
            BARS.volume[rows] * cut,
        ]
        table[symbol] = [(*row, float("nan")) for row in zip(*columns, strict=True)]
    bars = bars_of(table)
    found = sharded(tmp_path, bars, MODELS["spread"][0], splits=Splits.of(tmp_path / "splits.csv")).analysis()
    adjusted = bars.adjusted(tmp_path / "splits.csv")
    whole = study_of(adjusted, list(NAMES), MODELS["spread"][0], **GRID).run().analysis()
    same(found.shortfall(), whole.shortfall())
    same(found.slippage(), whole.slippage())


@pytest.mark.slow
def test_other_bars_no_store_and_no_fills_are_refused(tmp_path, study):
    result = sharded(tmp_path / "a", fills=False)
    with pytest.raises(UsageError, match="needs its single fills, which were not kept; fills=True or --fills keeps them"):
        result.analysis()
    BarStore(tmp_path / "other").write(market(22, ("A", "B", "C")))
    with pytest.raises(UsageError, match=r"the bars of A 2025-11 in .*other are not those of the study"):
        study[1].analysis(tmp_path / "other")
    BarStore(tmp_path / "fewer").write(BARS.select(["B"]))
    with pytest.raises(UsageError, match=r"the bars of A 2025-11 in .*fewer are not those of the study"):
        study[1].analysis(tmp_path / "fewer")
    moved = study[1].analysis(study[0] / "bars")
    assert len(moved.shortfall())


@pytest.mark.slow
def test_damaged_fills_are_met(tmp_path):
    result = sharded(tmp_path)
    part = next((tmp_path / "study" / "fills.parquet").iterdir())
    part.write_bytes(part.read_bytes()[:-30])
    with pytest.raises(UsageError, match=r"is damaged: its SHA-256 is not that of when it was written"):
        result.analysis()
