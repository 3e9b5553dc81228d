"""The sample set: what it promises, and that the committed files are what the seed makes."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from exec_algos.cli.synth import synth
from exec_algos.market import samples
from exec_algos.market.bars import PRICES
from exec_algos.market.calendars import Sessions
from exec_algos.market.synthetic import MINUTE, recent_sessions
from exec_algos.market.traits import cent_ticks, krx_ticks

DATA = Path(__file__).resolve().parents[2] / "data"
PLACES = [(calendar, symbol) for calendar, names in samples.NAMES.items() for symbol in names]


@pytest.fixture(scope="module")
def made():
    return samples.sample_bars()


@pytest.fixture(scope="module")
def hours() -> dict[str, Sessions]:
    return {calendar: recent_sessions(calendar) for calendar in samples.NAMES}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    samples.write_samples(folder)
    return folder


def counts(bars, symbol, hours):
    """Bars of each session."""
    return np.bincount(hours.locate(bars.start[bars.rows(symbol)]), minlength=len(hours))


def test_there_are_eight_names_or_more_on_both_exchanges(made):
    assert set(made) == {"XNYS", "XKRX"}
    assert sum(len(bars.symbols) for bars in made.values()) >= 8
    assert (made["XNYS"].zone, made["XKRX"].zone) == ("America/New_York", "Asia/Seoul")


@pytest.mark.parametrize("calendar", ["XNYS", "XKRX"])
def test_sixty_sessions_and_every_bar_inside_one(made, hours, calendar):
    found = hours[calendar].locate(made[calendar].start)
    assert len(hours[calendar]) == 60
    assert set(found) == set(range(60))


def test_the_one_half_day_has_210_minutes(made, hours):
    new_york, seoul = hours["XNYS"], hours["XKRX"]
    (short,) = np.flatnonzero(new_york.close - new_york.open < 390 * MINUTE)
    assert str(new_york.date[short]) == "2025-11-28"
    assert counts(made["XNYS"], "SYNLARGE", new_york)[short] == 210
    assert set(counts(made["XNYS"], "SYNLARGE", new_york)) == {210, 390}
    assert set(seoul.close - seoul.open) == {390 * MINUTE}


def test_the_thin_name_misses_minutes_every_day(made, hours):
    missing = 1.0 - counts(made["XNYS"], "SYNTHIN", hours["XNYS"]) * MINUTE / (hours["XNYS"].close - hours["XNYS"].open)
    assert 0.5 < missing.mean() < 0.6
    assert missing.min() > 0.4
    assert missing.max() < 0.7


def test_the_halted_name_has_a_hole_of_half_an_hour_and_a_jump(made):
    rows = made["XNYS"].rows("SYNGAP")
    start, close, opened = (column[rows] for column in (made["XNYS"].start, made["XNYS"].close, made["XNYS"].open))
    gaps = np.diff(start)
    (hole,) = np.flatnonzero(gaps == 31 * MINUTE)
    assert str(np.datetime64(int(start[hole]), "ns"))[:16] == "2025-10-29T15:59"
    assert opened[hole + 1] / close[hole] == pytest.approx(0.94, abs=0.002)


@pytest.mark.parametrize(("calendar", "ticks"), [("XNYS", cent_ticks), ("XKRX", krx_ticks)])
def test_prices_lie_on_ticks_and_volumes_are_whole(made, calendar, ticks):
    bars = made[calendar]
    assert all((ticks(getattr(bars, name)) == getattr(bars, name)).all() for name in PRICES)
    assert (bars.volume == np.rint(bars.volume)).all()
    assert bars.volume.min() >= 1
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()


def test_one_name_crosses_a_change_of_tick_size(made):
    close = made["XKRX"].close[made["XKRX"].rows("990040")]
    assert close.min() < 5_000 < close.max()
    assert 5 in np.diff(np.unique(close[close < 5_000]))


@pytest.mark.parametrize(("calendar", "symbol"), PLACES)
def test_the_committed_files_are_what_the_seed_makes(written, calendar, symbol):
    import pyarrow.parquet as pq

    kept, new = (folder / calendar / f"{symbol}.parquet" for folder in (DATA, written))
    assert pq.read_table(kept).equals(pq.read_table(new))
    if pq.read_metadata(kept).created_by == pq.read_metadata(new).created_by:
        assert kept.read_bytes() == new.read_bytes()


def test_the_committed_readme_says_that_it_is_synthetic_and_names_the_seed():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    assert text == samples.describe()
    assert "Every number in this folder is synthetic" in text
    assert str(samples.SEED) in text


def test_the_committed_set_is_small_and_complete():
    files = [path for path in DATA.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 6_000_000
    assert {str(path.relative_to(DATA)) for path in files} == {"README.md"} | {f"{c}/{s}.parquet" for c, s in PLACES}


def test_pandas_reads_a_zoned_index_of_bar_starts():
    import pandas as pd

    frame = pd.read_parquet(DATA / "XKRX" / "990010.parquet")
    assert frame.index.name == "timestamp"
    assert str(frame.index.dtype) == "datetime64[ns, Asia/Seoul]"
    assert list(frame.columns) == [*PRICES, "volume"]
    assert str(frame.index[0]) == "2025-09-24 09:00:00+09:00"


def test_a_file_bears_no_version_of_pandas():
    import pyarrow.parquet as pq

    metadata = json.loads(pq.read_schema(DATA / "XNYS" / "SYNMID.parquet").metadata[b"pandas"])
    assert metadata["creator"]["library"] == "exec_algos"


@pytest.mark.slow
def test_read_from_the_checkout_or_made_from_the_seed_the_bars_are_the_same(made, monkeypatch):
    assert samples.sample_folder() == DATA
    read = samples.load_samples()
    monkeypatch.setattr(samples, "sample_folder", lambda: None)
    for bars in (read, samples.load_samples()):
        for calendar, expected in made.items():
            assert bars[calendar].symbols == expected.symbols
            assert bars[calendar].start.tobytes() == expected.start.tobytes()
            assert bars[calendar].offsets.tolist() == expected.offsets.tolist()
            assert all(bars[calendar].columns()[name].tobytes() == column.tobytes() for name, column in expected.columns().items())


def test_away_from_a_checkout_there_is_no_sample_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(samples, "__file__", str(tmp_path / "exec_algos" / "market" / "samples.py"))
    assert samples.sample_folder() is None


@pytest.mark.slow
def test_the_command_writes_another_seed(tmp_path, made):
    app = Typer()
    app.command()(synth)
    done = CliRunner().invoke(app, ["--out", str(tmp_path / "new"), "--seed", "1"])
    assert done.exit_code == 0, done.output
    assert "9 synthetic symbols" in done.output
    assert "seed 1" in done.output
    assert "--seed 1" in (tmp_path / "new" / "README.md").read_text(encoding="utf-8")
    assert (tmp_path / "new" / "XNYS" / "SYNMID.parquet").read_bytes() != (DATA / "XNYS" / "SYNMID.parquet").read_bytes()
