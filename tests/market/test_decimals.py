"""Prices of float32 are read as the decimals meant; everything else stays to the last bit, and what was done is said."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from exec_algos import Bars, FillModel, ParentOrders, Rules, SlippageStudy
from exec_algos.cli import app
from exec_algos.costs.ticks import US_EQUITY
from exec_algos.market.decimals import CHUNK, ReadAs, lines, read_as_decimals, shortest
from exec_algos.market.store import BarStore

PRICES = ["open", "high", "low", "close"]
ZONE = "America/New_York"


def single(values):
    """What float32 makes of doubles, as doubles."""
    return np.asarray(values, dtype=np.float64).astype(np.float32).astype(np.float64)


def frame_of(seed=1, days=("2024-01-02", "2024-01-03"), level=154.0, places=2):
    """Minutes of whole sessions, in decimals."""
    rng = np.random.default_rng(seed)
    index = pd.DatetimeIndex(
        np.concatenate([pd.date_range(f"{day} 09:30", periods=390, freq="min").to_numpy() for day in days])
    ).tz_localize(ZONE)
    path = level + np.cumsum(rng.integers(-3, 4, (len(index), 4)), axis=0) * 10.0**-places
    rows = np.round(np.column_stack([path[:, 0], path.max(axis=1), path.min(axis=1), path[:, 3]]), places)
    frame = pd.DataFrame(rows, columns=PRICES, index=index.rename("timestamp"))
    return frame.assign(volume=rng.integers(100, 5000, len(index)).astype(float))


def with_quotes(frame):
    return frame.assign(
        bid=(frame["close"] - 0.01).round(2), ask=(frame["close"] + 0.02).round(2), vwap=((frame["high"] + frame["low"]) / 2).round(4)
    )


def assert_same(bars, other):
    for name, column in bars.columns().items():
        np.testing.assert_array_equal(column, other.columns()[name], err_msg=name)


def stored(frame, how, folder):
    """The frame as somebody keeps it whose prices are float32."""
    columns = [name for name in frame.columns if name != "volume"]
    narrow, wide = frame.astype(dict.fromkeys(columns, np.float32)), frame.assign(**{name: single(frame[name]) for name in columns})
    if how == "frame of float32":
        return Bars.from_frame(narrow, symbol="A")
    if how == "frame of doubles":
        return Bars.from_frame(wide, symbol="A")
    if how.startswith("parquet"):
        (narrow if how.endswith("float32") else wide).to_parquet(folder / "A.parquet")
        return Bars.read(folder / "A.parquet")
    if how.startswith("csv"):
        (narrow.astype(np.float64) if how.endswith("float32") else wide).to_csv(folder / "A.csv")
        return Bars.read(folder / "A.csv", label="start", zone=ZONE)
    wide.to_parquet(folder / "A.parquet")
    BarStore(folder / "store").write(Bars.read(folder / "A.parquet"))
    return BarStore(folder / "store").read()


HOWS = ["frame of float32", "frame of doubles", "parquet of float32", "parquet of doubles", "csv of float32", "csv of doubles", "a store"]


@pytest.mark.parametrize("how", HOWS)
def test_prices_and_quotes_of_float32_are_the_decimals_in_every_way_to_keep_them(tmp_path, how):
    frame = with_quotes(frame_of())
    assert_same(stored(frame, how, tmp_path), Bars.from_frame(frame, symbol="A"))


def test_what_was_read_otherwise_is_said_for_each_kind_of_columns():
    frame = with_quotes(frame_of())
    bars = stored(frame, "frame of doubles", None)
    first = next(price for price in frame["open"] if float(np.float32(price)) != price)
    assert [note.columns for note in bars.read_as] == [("open", "high", "low", "close"), ("vwap",), ("bid", "ask")]
    assert bars.read_as[0] == ReadAs("A", ("open", "high", "low", "close"), float(np.float32(first)), first)
    assert lines(bars.read_as)[0] == (
        f"A: open, high, low, close were stored as float32 and are read as the decimals meant: {float(np.float32(first))!r} as {first!r}"
    )
    assert Bars.from_frame(frame, symbol="A").read_as == ()


def test_of_several_files_of_a_symbol_those_of_float32_are_read_as_decimals(tmp_path):
    frame = frame_of()
    first, second = frame.iloc[:390], frame.iloc[390:]
    (tmp_path / "A").mkdir()
    for number, part in enumerate((first, second)):
        part.astype(dict.fromkeys(PRICES, np.float32) if number else {}).to_parquet(tmp_path / "A" / f"{number}.parquet")
    bars = Bars.read(sorted((tmp_path / "A").glob("*.parquet")), symbol="A")
    assert bars.symbols == ("A",)
    assert_same(bars, Bars.from_frame(frame, symbol="A"))
    assert [note.columns for note in bars.read_as] == [tuple(PRICES)]


def test_a_row_that_is_dropped_proves_nothing():
    frame = frame_of().assign(**{name: single(frame_of()[name]) for name in PRICES})
    frame.iloc[5, frame.columns.get_loc("high")] = 1.1  # below its low, and no float32
    bars = Bars.from_frame(frame, symbol="A", on_bad="drop")
    assert len(bars.report) == 1
    assert_same(bars, Bars.from_frame(frame_of().drop(frame.index[5]), symbol="A"))


def test_many_symbols_are_one_line():
    notes = [ReadAs(name, ("vwap",), 0.10000000149011612, 0.1) for name in "ABCDE"]
    assert lines(notes) == ["A, B, C and 2 more: vwap was stored as float32 and is read as the decimals meant: 0.10000000149011612 as 0.1"]


def test_notes_go_with_the_bars():
    bars = Bars.concat([stored(frame_of(seed), "frame of doubles", None).take(np.arange(780) < 700) for seed in (1,)])
    assert len(bars.read_as) == 1
    assert len(bars.select(["A"]).read_as) == 1


@pytest.mark.parametrize("denominator", [1, 2, 4, 8, 32, 64, 128, 256, 1024])
@pytest.mark.parametrize("level", [3.0, 110.0, 1234.0, 60_000.0])
def test_fractions_of_two_are_what_they_are(level, denominator):
    if level * denominator > 2**24:
        denominator = 256
    # of bonds and grains; all of them are float32's too, and the shortest decimal of some is another number
    values = level + np.random.default_rng(denominator).integers(0, 40 * denominator, 2000) / denominator
    assert (single(values) == values).all()
    found, notes = read_as_decimals(dict.fromkeys(PRICES, values), "A")
    assert notes == ()
    assert (found["open"] == values).all()


def test_whole_prices_and_doubles_stay():
    rng = np.random.default_rng(5)
    for values in (rng.integers(1, 900_000, 500).astype(float), rng.uniform(1, 900, 500), np.round(rng.uniform(1, 900, 500), 2)):
        found, notes = read_as_decimals({"close": values}, "A")
        assert notes == ()
        assert found["close"] is values


def test_one_double_among_float32_s_is_a_column_of_doubles():
    cents = np.round(np.random.default_rng(6).uniform(50, 60, 5000), 2)
    mixed = single(cents)
    mixed[4321] = cents[4321] = 55.55
    assert read_as_decimals({"close": mixed}, "A")[1] == ()
    # high and low of one file are stored alike
    assert read_as_decimals({"high": single(cents), "low": mixed}, "A")[1] == ()
    assert read_as_decimals({"high": single(cents)}, "A")[1]


def test_numbers_of_float32_that_are_no_decimals_stay():
    values = np.random.default_rng(7).uniform(100, 200, 5000).astype(np.float32).astype(np.float64)
    assert read_as_decimals({"close": values}, "A")[1] == ()


@pytest.mark.parametrize("places", [2, 3, 4])
@pytest.mark.parametrize("level", [1e-5, 0.02, 1.0, 154.0, 680.0])
def test_decimals_of_every_size_come_back(level, places):
    digits = places + max(0, -int(np.floor(np.log10(level))))
    if level > 500 and places > 3:
        digits = 3  # float32 has seven digits
    values = np.round(np.random.default_rng(8).uniform(level, 2 * level, 3000), digits)
    assert (read_as_decimals({"close": single(values)}, "A")[0]["close"] == values).all()


def test_cents_of_a_coin_at_the_edge_of_what_float32_can_tell():
    values = np.round(np.random.default_rng(9).uniform(70_000, 120_000, 3000), 2)  # float32's are 0.0078 apart
    assert (read_as_decimals({"close": single(values)}, "A")[0]["close"] == values).all()


def test_prices_of_which_some_have_more_places_than_float32_holds():
    cents = np.round(np.random.default_rng(10).uniform(600, 700, 3000), 2)
    cents[::5] += 0.00123  # an average of trades, now and then
    read = read_as_decimals({"close": single(cents)}, "A")[0]["close"]
    kept = np.arange(3000) % 5 > 0
    assert (read[kept] == cents[kept]).all()
    assert np.abs(read - cents).max() <= np.spacing(np.float32(700))  # no further than float32 is


@given(st.lists(st.floats(2.0**-28, 2.0**30, width=32), min_size=1, max_size=50))
@settings(deadline=None)
def test_the_decimal_is_the_text_that_numpy_gives_for_the_float32(values):
    given_ = np.array(values)
    meant = shortest(given_).values
    assert (meant.astype(np.float32) == given_.astype(np.float32)).all()
    plain = given_ < 1e6  # above, numpy's text has zeros for digits that the whole number has
    assert (meant[plain] == np.array([float(str(np.float32(value))) for value in given_[plain]])).all()


def test_what_is_no_number_stays_so_and_a_chunk_ends_nothing():
    values = single(np.round(np.random.default_rng(11).uniform(10, 20, 2 * CHUNK + 7), 2))
    values[[0, CHUNK, 2 * CHUNK + 6]] = np.nan, np.inf, np.nan
    read = shortest(values).values
    np.testing.assert_array_equal(np.isfinite(read), np.isfinite(values))
    assert (np.round(read[1:CHUNK], 2) == read[1:CHUNK]).all()
    assert (np.round(read[CHUNK + 1 : -1], 2) == read[CHUNK + 1 : -1]).all()


def test_a_limit_at_the_price_that_was_meant_fills_as_with_doubles():
    frame = frame_of()
    limit = round(float(frame["low"].iloc[400:].median()), 2)
    rules, tables = Rules(limit_price=limit), {}
    for how in ("doubles", "float32"):
        bars = Bars.from_frame(frame, symbol="A") if how == "doubles" else stored(frame, "frame of float32", None)
        orders = ParentOrders.grid(bars, calendar="XNYS", size="1000", profile_days=1)
        model = FillModel(ticks=US_EQUITY, limit_fill="through")
        result = SlippageStudy(bars, orders, ["twap", "vwap:profile_days=1"], model, rules=rules).run("engine")
        tables[how] = result.parents, result.fills
        assert ("read_as" in result.config) == (how == "float32")
    for ours, theirs in zip(*tables.values(), strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_the_command_says_it_and_lists_it(tmp_path):
    stored(frame_of(), "parquet of float32", tmp_path)
    file = str(tmp_path / "A.parquet")
    done = CliRunner().invoke(app, ["data", "check", file])
    assert "A: open, high, low, close were stored as float32 and are read as the decimals meant" in " ".join(done.output.split())
    done = CliRunner().invoke(app, ["data", "check", file, "--json"])
    assert json.loads(done.output)["read_as"][0]["columns"] == PRICES


@pytest.mark.market_data
def test_real_files_of_float32_are_read_as_decimals_and_others_as_they_are(market_data):
    yahoo = Bars.read(market_data / "us_yahoo_2026_03" / "IBKR.parquet")
    assert [note.columns for note in yahoo.read_as] == [("open", "high", "low", "close")]
    raw = pd.read_parquet(market_data / "us_yahoo_2026_03" / "IBKR.parquet")
    column = next(name for name in raw.columns if name.lower() == "close")
    assert (yahoo.close == [float(str(np.float32(value))) for value in raw[column]]).all()
    for name in ("us_lean/AAPL", "krx_yahoo_5m/005930", "us_polygon_2024/SPY", "fut_lean/ESZ13", "crypto_1m/BTC-PERP"):
        assert Bars.read(market_data / f"{name}.parquet").read_as == ()


def test_a_store_of_an_earlier_version_that_kept_float32_gives_the_decimals_too(tmp_path):
    frame = frame_of(days=("2024-01-31", "2024-02-01"))
    meant = Bars.from_frame(frame, symbol="A")
    wide = replace(meant, **{name: single(getattr(meant, name)) for name in PRICES})
    store = BarStore(tmp_path / "store", cache="off")
    store.write(wide)
    for path in (tmp_path / "store").rglob("bars.parquet"):  # earlier versions wrote no checksums
        table = pq.read_table(path)
        facts = json.loads(table.schema.metadata[b"exec_algos"])
        facts.pop("crc32")
        pq.write_table(table.replace_schema_metadata({b"exec_algos": json.dumps(facts).encode()}), path)
    read = store.read()
    assert_same(read, meant)
    assert [note.columns for note in read.read_as] == [tuple(PRICES)]
