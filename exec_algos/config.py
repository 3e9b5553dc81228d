"""Settings from the environment (``EXEC_ALGOS_*``) and from a ``.env`` file in the working directory."""

from __future__ import annotations

import re
from functools import lru_cache

from pydantic import ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from exec_algos.errors import UsageError
from exec_algos.market.stamps import known_zone

PREFIX = "EXEC_ALGOS_"

_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class Settings(BaseSettings):
    """Defaults of a run; each can be set as ``EXEC_ALGOS_<NAME>`` in the environment or in ``.env``.

    Parameters
    ----------
    trading_start_time, trading_end_time : str
        Regular trading hours as ``"HH:MM"`` in `timezone`.
    timezone : str
        IANA zone in which naive times are read.
    calendar : str
        Calendar that says which days are sessions: ``"XKRX"``, ``"XNYS"``, ``"24/7"`` ...
    commission_rate : float
        Commission as a fraction of notional; 0.00015 is 1.5 basis points.
    browser : str
        Program that prints a report to PDF, by path or name; empty takes the first Chromium, Chrome or Edge that is found.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    trading_start_time: str = "09:00"
    trading_end_time: str = "15:30"
    timezone: str = "Asia/Seoul"
    calendar: str = "XKRX"
    commission_rate: float = 0.00015
    browser: str = ""

    @field_validator("trading_start_time", "trading_end_time")
    @classmethod
    def _clock_time(cls, value: str) -> str:
        if not _CLOCK_TIME.fullmatch(value):
            raise ValueError("write a time of day as HH:MM between 00:00 and 23:59, such as 09:00")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("commission_rate")
    @classmethod
    def _fraction(cls, value: float) -> float:
        if not 0.0 <= value < 1.0:
            raise ValueError("give a fraction of notional from 0 to below 1, such as 0.00015 for 1.5 basis points")
        return value

    @model_validator(mode="after")
    def _hours_in_order(self) -> Settings:
        if self.trading_end_time <= self.trading_start_time:
            raise ValueError(
                f"trading ends at {self.trading_end_time}, not after it starts at {self.trading_start_time}: "
                f"set {PREFIX}TRADING_END_TIME to a later time of the same day"
            )
        return self


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once; ``get_settings.cache_clear()`` reads them anew.

    Returns
    -------
    Settings
        Environment first, then ``.env``, then the defaults.

    Raises
    ------
    UsageError
        A value that cannot be used; the message names the variable, the value and what to write instead.

    Examples
    --------
    >>> from exec_algos.config import get_settings
    >>> get_settings().trading_start_time
    '09:00'
    """
    try:
        return Settings()
    except ValidationError as error:
        raise UsageError(
            "; ".join(_complaint(complaint["loc"], complaint["input"], complaint["msg"]) for complaint in error.errors())
        ) from error


def _complaint(location: tuple[int | str, ...], value: object, message: str) -> str:
    reason = message.removeprefix("Value error, ")
    if not location:
        return reason
    return f"{PREFIX}{str(location[0]).upper()}={value!r}: {reason}"
