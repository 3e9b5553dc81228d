from pathlib import Path

import pytest

from exec_algos.config import get_settings
from exec_algos.errors import UsageError

NAMES = ("TRADING_START_TIME", "TRADING_END_TIME", "TIMEZONE", "CALENDAR", "COMMISSION_RATE", "BROWSER")


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in NAMES:
        monkeypatch.delenv(f"EXEC_ALGOS_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_defaults_are_those_of_the_korean_market():
    settings = get_settings()
    assert (settings.trading_start_time, settings.trading_end_time) == ("09:00", "15:30")
    assert (settings.timezone, settings.calendar, settings.commission_rate) == ("Asia/Seoul", "XKRX", 0.00015)
    assert settings.browser == ""


def test_settings_are_read_once():
    assert get_settings() is get_settings()


def test_environment_goes_before_the_env_file(monkeypatch):
    Path(".env").write_text("EXEC_ALGOS_CALENDAR=XNYS\nEXEC_ALGOS_COMMISSION_RATE=0\nSECRET_OF_SOMEONE=1\n", encoding="utf-8")
    monkeypatch.setenv("EXEC_ALGOS_CALENDAR", "XLON")
    settings = get_settings()
    assert (settings.calendar, settings.commission_rate) == ("XLON", 0.0)


def test_other_variables_of_the_prefix_are_left_alone(monkeypatch):
    monkeypatch.setenv("EXEC_ALGOS_CACHE_DIR", "elsewhere")
    assert get_settings().calendar == "XKRX"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TRADING_START_TIME", "9", "TRADING_START_TIME='9': write a time of day as HH:MM"),
        ("TRADING_START_TIME", "24:00", "write a time of day as HH:MM"),
        ("TRADING_END_TIME", "09:00", "set EXEC_ALGOS_TRADING_END_TIME to a later time"),
        ("TIMEZONE", "Asia/Soul", "did you mean Asia/Seoul"),
        ("TIMEZONE", "../etc", "unknown zone"),
        ("COMMISSION_RATE", "-0.1", "COMMISSION_RATE='-0.1': give a fraction of notional"),
        ("COMMISSION_RATE", "nan", "give a fraction of notional"),
        ("COMMISSION_RATE", "1.5", "give a fraction of notional"),
        ("COMMISSION_RATE", "free", "COMMISSION_RATE='free'"),
    ],
)
def test_a_bad_value_is_named_with_its_remedy(monkeypatch, name, value, says):
    monkeypatch.setenv(f"EXEC_ALGOS_{name}", value)
    with pytest.raises(UsageError, match=says.replace("(", r"\(")):
        get_settings()


def test_every_bad_value_is_reported_at_once(monkeypatch):
    monkeypatch.setenv("EXEC_ALGOS_TIMEZONE", "Nowhere/Land")
    monkeypatch.setenv("EXEC_ALGOS_COMMISSION_RATE", "-1")
    with pytest.raises(UsageError, match=r"TIMEZONE.*COMMISSION_RATE"):
        get_settings()
