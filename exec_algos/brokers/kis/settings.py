"""`KISSettings`: keys, account and addresses from the environment (``EXEC_ALGOS_KIS_*``) or ``.env``; secrets are shown nowhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from exec_algos.brokers.kis.limiter import LIVE, PAPER
from exec_algos.brokers.settings import LiveSettings
from exec_algos.errors import UsageError
from exec_algos.model import SECOND

PREFIX = "EXEC_ALGOS_KIS_"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of a host."""

    rest: str
    ws: str


LIVE_ADDRESSES = Addresses("https://openapi.koreainvestment.com:9443", "ws://ops.koreainvestment.com:21000/tryitout")
PAPER_ADDRESSES = Addresses("https://openapivts.koreainvestment.com:29443", "ws://ops.koreainvestment.com:31000/tryitout")


class KISSettings(BaseSettings):
    """What `KISBroker` takes where it is given no arguments; each can be set as ``EXEC_ALGOS_KIS_<NAME>``.

    Parameters
    ----------
    app_key, app_secret : SecretStr
        As KIS gave them, for live or for paper.
    account : SecretStr
        ``"12345678-01"``.
    hts_id : str
        Whose notices are pushed; empty: polling alone.
    paper : bool
    rest_url, ws_url : str
        Empty: KIS's own. Those that ``exec-algos kis-sim`` prints, for a rehearsal.
    clock_url : str
        Control address of ``exec-algos kis-sim``, whose clock is followed; empty: the wall clock.
    rate : int
        Requests a second; 0: 18 live, 1 paper.
    token_cache : Path
        Folder of tokens and of the shared limit of rate; None: the user's folder for state.
    commission_rate : float
        Commission of the account, fraction of value, for the estimate; NaN: that of a BanKIS online account.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    app_key: SecretStr = SecretStr("")
    app_secret: SecretStr = SecretStr("")
    account: SecretStr = SecretStr("")
    hts_id: str = ""
    paper: bool = True
    rest_url: str = ""
    ws_url: str = ""
    clock_url: str = ""
    rate: int = 0
    token_cache: Path | None = None
    commission_rate: float = math.nan

    @property
    def addresses(self) -> Addresses:
        """Of the host, KIS's own where none are given."""
        own = PAPER_ADDRESSES if self.paper else LIVE_ADDRESSES
        return Addresses(self.rest_url or own.rest, self.ws_url or own.ws)

    @property
    def limit(self) -> int:
        """Requests a second."""
        return self.rate or (PAPER if self.paper else LIVE)


def kis_settings() -> KISSettings:
    """The settings of the environment.

    Raises
    ------
    UsageError
        A value that cannot be; the message names the variable, not the value.
    """
    try:
        return KISSettings()
    except ValidationError as error:
        raise UsageError(
            "; ".join(f"{PREFIX}{str(wrong['loc'][0]).upper()}: {wrong['msg']}" for wrong in error.errors(include_input=False))
        ) from None


def live_settings(rate: int, *, calendar: str = "XKRX") -> LiveSettings:
    """How often orders are looked at under a limit of rate: a quarter of a slow one is for look-ups, the rest for orders and the market.

    Parameters
    ----------
    rate : int
        Requests a second.
    """
    poll = SECOND if rate >= 4 else 4 * SECOND // rate
    return LiveSettings(poll=poll, poll_beside_push=max(2 * poll, 3 * SECOND), cancel_again=2 * poll, calendar=calendar)
