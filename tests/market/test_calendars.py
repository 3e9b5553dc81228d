import os
import subprocess
import sys

import numpy as np
import pytest

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market import schedules
from exec_algos.market.calendars import DAY, daily_hours, sessions


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(shared_cache, monkeypatch):
    monkeypatch.setenv(schedules.CACHE_VARIABLE, str(shared_cache))
    schedules.schedule.cache_clear()


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(schedules.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def hours(name: str, day: str) -> tuple[str, str]:
    """Open and close of one day's session, UTC."""
    found = sessions(name, ns(day), ns(day))
    i = int(np.flatnonzero(found.date == np.datetime64(day))[0])
    return tuple(str(np.datetime64(int(t), "ns").astype("datetime64[m]"))[11:] for t in (found.open[i], found.close[i]))


# Hours as the exchanges announced them; KRX opens an hour late on the first session of the year.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "day", "expected"),
    [
        ("XNYS", "2015-12-24", ("14:30", "18:00")),
        ("XNYS", "2025-11-28", ("14:30", "18:00")),
        ("XNYS", "2025-07-08", ("13:30", "20:00")),
        ("XKRX", "2026-01-02", ("01:00", "06:30")),
        ("XKRX", "2025-12-30", ("00:00", "06:30")),
    ],
)
def test_opening_hours(name, day, expected):
    assert hours(name, day) == expected


def test_days_without_a_session_are_left_out():
    found = sessions("XNYS", ns("2025-12-24"), ns("2025-12-27"))
    assert found.date.astype(str).tolist() == ["2025-12-23", "2025-12-24", "2025-12-26"]
    assert found.zone == "America/New_York"


def test_a_period_over_new_year_is_joined_of_two_years(fresh_cache):
    found = sessions("XNYS", ns("2024-12-31"), ns("2025-01-02"))
    assert found.date.astype(str).tolist() == ["2024-12-30", "2024-12-31", "2025-01-02", "2025-01-03"]
    assert sorted(path.name.split("-")[1] for path in fresh_cache.iterdir()) == ["2024", "2025"]


@pytest.mark.slow
def test_the_cache_gives_what_was_computed_without_the_library(fresh_cache):
    period = (ns("2025-06-02"), ns("2025-06-30"))
    computed = sessions("XNYS", *period)
    code = (
        "import sys; from exec_algos.market.calendars import sessions;"
        f"print(sum(sessions('XNYS', *{period}).open.tolist()), 'exchange_calendars' in sys.modules, 'pandas' in sys.modules)"
    )
    env = os.environ | {schedules.CACHE_VARIABLE: str(fresh_cache)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.split() == [str(sum(computed.open.tolist())), "False", "False"]


@pytest.mark.parametrize("damage", [b"", b"not a zip file", b"PK\x05\x06" + bytes(18), None])
def test_a_damaged_cache_is_computed_anew(fresh_cache, damage):
    before = sessions("XNYS", ns("2025-06-02"), ns("2025-06-30"))
    (file,) = fresh_cache.iterdir()
    file.write_bytes(file.read_bytes()[:-100] if damage is None else damage)
    schedules.schedule.cache_clear()
    after = sessions("XNYS", ns("2025-06-02"), ns("2025-06-30"))
    assert after.open.tolist() == before.open.tolist()
    assert [path.name for path in fresh_cache.iterdir()] == [file.name]
    schedules.schedule.cache_clear()
    assert sessions("XNYS", ns("2025-06-02"), ns("2025-06-30")).close.tolist() == before.close.tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        {"open": np.array([3, 2], dtype=np.int64)},
        {"open": np.array([1], dtype=np.int64)},
        {"close": np.array([0.5, 9.0])},
        {"zone": np.array("")},
        {"break_start": np.array([3, 4])},
        {"break_end": np.array([2, 3])},
        {"break_start": np.array([0, 4]), "break_end": np.array([1, 4])},
    ],
)
def test_a_cache_of_impossible_values_is_not_believed(tmp_path, wrong):
    sound = {"zone": np.array("UTC"), "date": np.arange(2), "open": np.array([1, 3]), "close": np.array([2, 4])}
    sound |= {"break_start": sound["close"], "break_end": sound["close"]}
    np.savez(tmp_path / "sound.npz", **sound)
    np.savez(tmp_path / "wrong.npz", **(sound | wrong))
    assert schedules._load(tmp_path / "sound.npz") is not None
    assert schedules._load(tmp_path / "wrong.npz") is None


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv(schedules.CACHE_VARIABLE, str(tmp_path / "file"))
    assert len(sessions("XNYS", ns("2025-06-02"), ns("2025-06-06"))) > 0


def test_the_default_folder_is_the_users_cache(monkeypatch):
    monkeypatch.delenv(schedules.CACHE_VARIABLE)
    assert schedules.cache_folder().name == "exec_algos"


def test_an_unknown_calendar_gets_did_you_mean():
    with pytest.raises(UnknownNameError, match=r"unknown calendar 'XKRS': did you mean .*XKRX"):
        sessions("XKRS", ns("2025-06-02"), ns("2025-06-06"))


def test_years_that_a_calendar_does_not_cover_are_refused():
    with pytest.raises(UsageError, match="calendar XKRX cannot tell the sessions of 1950"):
        sessions("XKRX", ns("1950-06-02"), ns("1950-06-06"))


def test_a_period_that_ends_before_it_starts_is_refused():
    with pytest.raises(UsageError, match="must not end before it starts, got 2025-06-06"):
        sessions("XNYS", ns("2025-06-06"), ns("2025-06-02"))


def test_a_market_that_never_closes_has_one_session_a_day():
    found = sessions("24/7", ns("2024-02-28T10:00"), ns("2024-02-29T10:00"))
    assert found.date.astype(str).tolist() == ["2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01"]
    assert set(found.close - found.open) == {DAY}
    assert found.zone == "UTC"


def test_daily_hours_follow_summer_time_and_skip_weekends():
    found = daily_hours("America/New_York", "09:30", "16:00", ns("2025-10-31"), ns("2025-11-03"))
    assert found.date.astype(str).tolist() == ["2025-10-30", "2025-10-31", "2025-11-03", "2025-11-04"]
    assert [str(np.datetime64(int(t), "ns"))[11:16] for t in found.open] == ["13:30", "13:30", "14:30", "14:30"]
    assert set(found.close - found.open) == {int(6.5 * 3600e9)}


def test_daily_hours_may_last_until_midnight():
    found = daily_hours("Asia/Seoul", "00:00", "24:00", ns("2025-06-02"), ns("2025-06-02"))
    assert set(found.close - found.open) == {DAY}


@pytest.mark.parametrize(
    ("zone", "opens", "closes", "says"),
    [
        ("Asia/Seoul", "nine", "15:30", "must be 'HH:MM'"),
        ("Asia/Seoul", "09:00", "24:30", "must be 'HH:MM'"),
        ("Asia/Seoul", "15:30", "09:00", "must close after it opens"),
        ("Asia/Soul", "09:00", "15:30", "did you mean Asia/Seoul"),
    ],
)
def test_daily_hours_that_make_no_sense_are_refused(zone, opens, closes, says):
    with pytest.raises(UsageError, match=says):
        daily_hours(zone, opens, closes, 0, DAY)


def test_locate_and_at_or_after():
    found = sessions("XNYS", ns("2025-11-28"), ns("2025-12-01"))
    i = found.date.tolist().index(np.datetime64("2025-11-28").tolist())
    asked = np.array([found.open[i] - 1, found.open[i], found.close[i] - 1, found.close[i], found.open[0] - 1], dtype=np.int64)
    assert found.locate(asked).tolist() == [-1, i, i, -1, -1]
    assert found.at_or_after(int(found.close[i]) - 1) == i
    assert found.at_or_after(int(found.close[i])) == i + 1
    assert found.at_or_after(int(found.close[-1])) == len(found)


def test_no_sessions_hold_nothing():
    saturday, sunday = ns("2025-06-07") + DAY, ns("2025-06-08") - DAY
    none = daily_hours("UTC", "09:00", "10:00", saturday, sunday)
    assert len(none) == 0
    assert none.locate(np.array([0], dtype=np.int64)).tolist() == [-1]
