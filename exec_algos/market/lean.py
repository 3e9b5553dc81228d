"""LEAN's zips: ``<class>/<market>/<resolution>/<symbol>/YYYYMMDD_trade.zip`` and ``YYYYMMDD_quote.zip``."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.errors import MarketDataError, UnknownNameError
from exec_algos.market.barfields import NEEDED
from exec_algos.market.boundary import said_by
from exec_algos.market.fields import check_fields
from exec_algos.market.frames import Request, frame_rows
from exec_algos.market.textfile import member_of
from exec_algos.market.validate import RawRows

if TYPE_CHECKING:
    import pandas as pd

NAME = re.compile(r"(?P<day>\d{8})_(?P<kind>trade|quote)\.zip$")
STEPS = {"minute": 60_000_000_000, "second": 1_000_000_000}
# data time zones of LEAN's market-hours database; a market that mixes zones is not here, and is asked for
ZONES = {
    "equity/usa": "America/New_York",
    "equity/india": "Asia/Kolkata",
    "forex/oanda": "UTC",
    "forex/fxcm": "Etc/GMT+5",
    "forex/interactivebrokers": "UTC",
    "cfd/oanda": "UTC",
    "cfd/interactivebrokers": "UTC",
    "future/cme": "UTC",
    "future/cbot": "UTC",
    "future/comex": "UTC",
    "future/nymex": "UTC",
    "future/cfe": "UTC",
    "future/sgx": "UTC",
    "future/eurex": "Europe/Berlin",
    "future/hkfe": "Asia/Hong_Kong",
    "future/krx": "Asia/Seoul",
    "future/india": "Asia/Kolkata",
}
DIVISORS = {"equity": 10_000.0, "crypto": 1.0, "cryptofuture": 1.0, "forex": 1.0, "cfd": 1.0, "future": 1.0}
MONTHS = "FGHJKMNQUVXZ"
TRADE = ("ms", "open", "high", "low", "close", "volume")
QUOTE = ("ms", "bid_open", "bid_high", "bid_low", "bid", "bid_size", "ask_open", "ask_high", "ask_low", "ask", "ask_size")


class LeanDay(NamedTuple):
    """One day of one LEAN folder: what the path tells, and the bytes of its zips."""

    folder: str
    day: str
    trade: tuple[str, bytes] | None = None
    quote: tuple[str, bytes] | None = None


class _Place(NamedTuple):
    asset: str
    market: str
    step: int
    symbol: str
    divisor: float


def lean_rows(day: LeanDay, request: Request) -> Iterator[RawRows]:
    """Rows of each symbol of one day: OHLCV of the trades, joined with the closing quotes.

    Prices of equities are stored times 10,000; stamps are ms since local midnight and name the start of a bar. A
    future's zip holds a file a contract, whose symbol is root, month code and year: ``ESZ13``. Forex and CFD have
    no trades: their bars are mids, of volume zero. In other markets a minute of quotes only is no bar.

    Parameters
    ----------
    day : LeanDay
        What to read.
    request : Request
        `zone` overrides the market's; `symbol` names the rows, or picks a future's contract.

    Raises
    ------
    MarketDataError
        The path does not tell scale, step and zone; not a whole zip; a line that is no row.
    """
    file = (day.trade or day.quote or ("", b""))[0]
    place = _place(day.folder, file)
    zone = request.zone or ("UTC" if place.asset.startswith("crypto") else ZONES.get(f"{place.asset}/{place.market}"))
    if zone is None:
        raise MarketDataError(f"no time zone is known for LEAN's {place.asset}/{place.market}; pass zone=...", file=file)
    trades = _members(day.trade, TRADE, place.symbol, request.csv.most)
    quotes = _members(day.quote, QUOTE, place.symbol, request.csv.most)
    known = _wanted(sorted({*trades, *quotes}), place, request.symbol)
    for symbol in known:
        frame, unmatched = _bars(trades.get(symbol), quotes.get(symbol), place)
        frame.insert(0, "timestamp", _local(day.day, frame.pop("ms")))
        name = request.symbol or symbol
        asked = request._replace(zone=zone, label=request.label or "start", step=request.step or place.step, symbol=name)
        for rows in frame_rows(frame, asked, file=file):
            yield replace(_scaled(rows, place), quote_only=rows.quote_only + unmatched)


def _wanted(known: list[str], place: _Place, symbol: str | None) -> list[str]:
    if place.asset != "future" or symbol is None:
        return known
    if symbol not in known:
        raise UnknownNameError("symbol", symbol, known)
    return [symbol]


def _place(folder: str, file: str) -> _Place:
    parts = folder.replace("\\", "/").rstrip("/").lower().split("/")[-4:]
    if len(parts) < 4 or parts[0] not in DIVISORS or parts[2] not in STEPS:
        raise MarketDataError(
            "LEAN's folders tell price scale, zone and bar length; keep them: "
            f"<{'|'.join(DIVISORS)}>/<market>/<{'|'.join(STEPS)}>/<symbol>/YYYYMMDD_trade.zip",
            file=file,
        )
    asset, market, step, symbol = parts
    return _Place(asset, market, STEPS[step], symbol.upper(), DIVISORS[asset])


def _members(source: tuple[str, bytes] | None, names: tuple[str, ...], symbol: str, most: int) -> dict[str, pd.DataFrame]:
    if source is None:
        return {}
    file, data = source
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {_contract(name, symbol): _table(member_of(archive, name, file, most), names, file) for name in archive.namelist()}
    except (zipfile.BadZipFile, EOFError) as error:
        raise MarketDataError(f"not a whole zip ({error}); copy it again", file=file) from error


def _contract(member: str, symbol: str) -> str:
    month = re.search(r"_(?:trade|quote)_(\d{4})(\d{2})\d*\.csv$", member)
    return symbol + MONTHS[int(month[2]) - 1] + month[1][2:] if month else symbol


def _table(data: bytes, names: tuple[str, ...], file: str) -> pd.DataFrame:
    import pandas as pd

    fields = data.split(b"\n", 1)[0].count(b",") + 1
    if fields > len(names):
        raise MarketDataError(f"{fields} fields in the first row, LEAN's minutes have {len(names)}", file=file)
    check_fields(data, names, file, "LEAN's minutes")
    try:
        return pd.read_csv(io.BytesIO(data), header=None, names=list(names))
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise MarketDataError(f"cannot be read as a table: {said_by(error)}", file=file) from error


def _bars(trades: pd.DataFrame | None, quotes: pd.DataFrame | None, place: _Place) -> tuple[pd.DataFrame, int]:
    """A row for each trade bar, and how many quotes found none."""
    if quotes is None:
        return trades if trades is not None else _empty(), 0
    if trades is not None:
        quotes = quotes.drop_duplicates("ms", keep="last")
        return trades.merge(quotes, on="ms", how="left"), int((~quotes["ms"].isin(trades["ms"])).sum())
    if place.asset not in ("forex", "cfd"):
        return quotes.assign(**dict.fromkeys(NEEDED, np.nan)), 0
    sides = quotes.rename(columns={"bid": "bid_close", "ask": "ask_close"}).apply(_numeric)
    mids = {name: (sides[f"bid_{name}"] + sides[f"ask_{name}"]) / 2 for name in ("open", "high", "low", "close")}
    return quotes.assign(**mids, volume=0.0), 0


def _empty() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=list(TRADE))


def _numeric(column: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.to_numeric(column, errors="coerce")


def _scaled(rows: RawRows, place: _Place) -> RawRows:
    # dividing by 10,000 gives the double nearest to the vendor's price, multiplying by 0.0001 does not
    prices = {name: column / place.divisor for name, column in rows.columns.items() if name not in ("volume", "bid_size", "ask_size")}
    return replace(rows, columns={**rows.columns, **prices})


def _local(day: str, ms: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.Timestamp(day) + pd.to_timedelta(_numeric(ms), unit="ms")
