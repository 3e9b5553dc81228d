"""The market as KIS tells it: quotes, depth, bars, days and what a symbol is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from exec_algos.brokers.kis.answers import Envelope
from exec_algos.brokers.kis.values import Row, code_of, day_of, flag_of, instant, number_of, row_of, rows_of, text_of, whole_of
from exec_algos.errors import VenueError

LEVELS = 10
HALTED = "58"  # iscd_stat_cls_code: trading is halted


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A symbol's price and state.

    Attributes
    ----------
    last, base, lower, upper, tick : float
        Last price, base price of the day, its limits, and the tick at the last price: currency per share, NaN where KIS gives none.
    volume : float
        Shares that the session traded.
    halted, liquidated, managed : bool
        Trading is halted; it trades for the last time before it is delisted; it is under administration.
    vi : str
        Code of a volatility interruption, "N" or "" without one.
    state, market : str
        ``iscd_stat_cls_code`` and the market's name.
    """

    last: float
    base: float
    lower: float
    upper: float
    tick: float
    volume: float
    halted: bool
    liquidated: bool
    managed: bool
    vi: str
    state: str
    market: str

    @classmethod
    def of(cls, envelope: Envelope) -> Quote:
        """Of an answer to `messages.price`.

        Raises
        ------
        VenueError
            A value that cannot be.
        """
        row = row_of(envelope, "output")
        state = code_of(row, "iscd_stat_cls_code", missing="")
        lower, upper = _or_nan(row, "stck_llam"), _or_nan(row, "stck_mxpr")
        if lower > upper:
            raise VenueError(f"stck_llam {lower:.15g} is above stck_mxpr {upper:.15g}; ask again")
        return cls(
            last=number_of(row, "stck_prpr"),
            base=_or_nan(row, "stck_sdpr"),
            lower=lower,
            upper=upper,
            tick=_or_nan(row, "aspr_unit"),
            volume=number_of(row, "acml_vol", blank=0.0, missing=""),
            halted=_is(row, "temp_stop_yn") or state == HALTED,
            liquidated=_is(row, "sltr_yn"),
            managed=text_of(row, "mang_issu_cls_code", missing="") == "Y",
            vi=code_of(row, "vi_cls_code", missing=""),
            state=state,
            market=text_of(row, "rprs_mrkt_kor_name", missing=""),
        )

    @property
    def known(self) -> bool:
        """KIS answers with a price of 0 for a symbol that it does not know."""
        return self.last > 0

    @property
    def interrupted(self) -> bool:
        """A volatility interruption is on."""
        return self.vi not in ("", "N", "0")

    @property
    def fund(self) -> bool:
        """An ETF or ETN, by the name of its market: ticks and taxes of its own."""
        return "ETF" in self.market.upper() or "ETN" in self.market.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """An order book, best first, without levels that are empty.

    Attributes
    ----------
    bids, asks : tuple of (float, float)
        Price (currency per share), and shares at it.
    time : int
        When its last order came, ns UTC; 0 where KIS gives no time.
    last, expected, expected_volume : float
        Last price; price and shares that an auction would trade; NaN where there are none.
    vi : str
        As in `Quote`.
    """

    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    time: int
    last: float
    expected: float
    expected_volume: float
    vi: str

    @classmethod
    def of(cls, envelope: Envelope, day: str) -> Depth:
        """Of an answer to `messages.book`, which has no date: `day` is today's, YYYYMMDD.

        Raises
        ------
        VenueError
            A value that cannot be, or levels that are not in order.
        """
        row, said = row_of(envelope, "output1"), row_of(envelope, "output2")
        hour = text_of(row, "aspr_acpt_hour", missing="")
        return cls(
            bids=_levels(row, "bidp", -1),
            asks=_levels(row, "askp", 1),
            time=instant(day, hour, "aspr_acpt_hour") if hour.strip("0") else 0,
            last=_or_nan(said, "stck_prpr"),
            expected=_or_nan(said, "antc_cnpr"),
            expected_volume=_or_nan(said, "antc_vol"),
            vi=code_of(said, "vi_cls_code", missing=""),
        )

    @property
    def crossed(self) -> bool:
        """The best ask is not above the best bid, as in an auction: nothing trades at these prices."""
        return bool(self.bids and self.asks) and self.asks[0][0] <= self.bids[0][0]


def _levels(row: Row, name: str, rising: int) -> tuple[tuple[float, float], ...]:
    levels = [
        (number_of(row, f"{name}{level}", blank=0.0), number_of(row, f"{name}_rsqn{level}", blank=0.0)) for level in range(1, LEVELS + 1)
    ]
    found = tuple((price, shares) for price, shares in levels if price and shares)
    for (before, _), (after, _) in pairwise(found):
        if not (after - before) * rising > 0:
            raise VenueError(
                f"{name}1 to {name}{LEVELS} must {'rise' if rising > 0 else 'fall'}, got {before:g} before {after:g}; ask again"
            )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteRow:
    """A minute bar.

    Attributes
    ----------
    day, hour : str
        YYYYMMDD and HHMMSS, KST, as KIS writes it: seconds may be other than 0.
    start : int
        That instant, ns UTC.
    open, high, low, close : float
        Currency per share.
    volume : float
        Shares.
    turnover : float
        Value that the day traded until then, currency; NaN where KIS gives none.
    """

    day: str
    hour: str
    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    turnover: float


def minute_rows(envelope: Envelope) -> tuple[MinuteRow, ...]:
    """The bars of an answer to `messages.minutes` or `messages.past_minutes`, as they stand: newest first, filled rows among them.

    A row of zeros, with which KIS answers for a symbol that it does not know, is no bar.

    Raises
    ------
    VenueError
        A value that cannot be, or a bar that cannot.
    """
    return tuple(_minute(row) for row in rows_of(envelope, "output2") if not _is_zero(row, "stck_prpr", "cntg_vol"))


def _minute(row: Row) -> MinuteRow:
    day, hour = day_of(row, "stck_bsop_date"), text_of(row, "stck_cntg_hour")
    opened, high, low, close = _prices(row, ("stck_oprc", "stck_hgpr", "stck_lwpr", "stck_prpr"))
    return MinuteRow(
        day=day,
        hour=hour,
        start=instant(day, hour, "stck_cntg_hour"),
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=float(whole_of(row, "cntg_vol", blank=0)),
        turnover=_or_nan(row, "acml_tr_pbmn"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """A daily bar: `day` YYYYMMDD, prices in currency per share, `volume` in shares, `turnover` in currency."""

    day: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    turnover: float


def day_rows(envelope: Envelope) -> tuple[DayRow, ...]:
    """The bars of an answer to `messages.daily_bars`, newest first; rows of zeros are none.

    Raises
    ------
    VenueError
        A value that cannot be, or a bar that cannot.
    """
    found = []
    for row in rows_of(envelope, "output2"):
        if not _is_zero(row, "stck_clpr", "acml_vol"):
            opened, high, low, close = _prices(row, ("stck_oprc", "stck_hgpr", "stck_lwpr", "stck_clpr"))
            volume, turnover = float(whole_of(row, "acml_vol", blank=0)), _or_nan(row, "acml_tr_pbmn")
            day = day_of(row, "stck_bsop_date")
            found.append(DayRow(day=day, open=opened, high=high, low=low, close=close, volume=volume, turnover=turnover))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """A day (YYYYMMDD), and whether orders are taken on it."""

    day: str
    open: bool


def holiday_rows(envelope: Envelope) -> tuple[Holiday, ...]:
    """The days of an answer to `messages.holidays`.

    Raises
    ------
    VenueError
        A value that cannot be.
    """
    return tuple(Holiday(day=day_of(row, "bass_dt"), open=flag_of(row, "opnd_yn")) for row in rows_of(envelope, "output"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StockInfo:
    """What a symbol is: `nxt` it trades on NXT, `nxt_halted` not for now; `halted` on KRX; `managed` under administration."""

    nxt: bool
    nxt_halted: bool
    halted: bool
    managed: bool

    @classmethod
    def of(cls, envelope: Envelope) -> StockInfo:
        """Of an answer to `messages.stock_info`.

        Raises
        ------
        VenueError
            A value that cannot be.
        """
        row = row_of(envelope, "output")
        names = ("cptt_trad_tr_psbl_yn", "nxt_tr_stop_yn", "tr_stop_yn", "admn_item_yn")
        nxt, nxt_halted, halted, managed = (_is(row, name) for name in names)
        return cls(nxt=nxt, nxt_halted=nxt_halted, halted=halted, managed=managed)


def _is(row: Row, name: str) -> bool:
    """A flag that KIS may leave blank or out: then it is not set."""
    return bool(text_of(row, name, missing="")) and flag_of(row, name)


def _or_nan(row: Row, name: str) -> float:
    return number_of(row, name, blank=0.0, missing="") or math.nan


def _is_zero(row: Row, *names: str) -> bool:
    return all(number_of(row, name, blank=0.0) == 0 for name in names)


def _prices(row: Row, names: Sequence[str]) -> list[float]:
    opened, high, low, close = prices = [number_of(row, name) for name in names]
    if not 0 < low <= min(opened, close) <= max(opened, close) <= high:
        told = ", ".join(f"{name} {price:.15g}" for name, price in zip(names, prices, strict=True))
        raise VenueError(f"a bar lies between its low, which is above 0, and its high, got {told}")
    return prices
