"""What a simulated KIS is like: its limits, its page sizes, and the side that it takes where the sources of the contract disagree."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from exec_algos.errors import UnknownNameError, UsageError

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class KISSettings:
    """Limits and variants. Times are seconds of venue time; a range is drawn from evenly.

    Parameters
    ----------
    live_rate, paper_rate : int
        REST requests of an app key in any second.
    rate_jitter : float
        How far the gateway's own time of arrival may lie from the true one: above 0 a burst of just the limit fails now and then.
    token_lifetime, token_same, token_gap : float
        How long a token lives, for how long the same is given again, and between two requests for one.
    refusals_count : bool
        A request for a token that is refused begins its minute anew.
    new_token_ends_old : bool
    token_status : int
        HTTP status of EGW00121, EGW00122 and EGW00123: 500 or 200.
    approval_lifetime : float
        Of a key for the web socket.
    old_ids : bool
        The TR ids of before are taken too.
    strict_headers : bool
        custtype and content-type must be there.
    date_skew : float
        How far the Date header is ahead of the venue's clock.
    gzip : bool
        Answers are compressed where the client takes that.
    live_fills_page, paper_fills_page, live_balance_page, paper_balance_page, open_page : int
        Rows on a page of daily fills, of holdings, and of open orders.
    cancelled_field : str
        ``"cncl_cfrm_qty"`` or ``"cnc_cfrm_qty"``.
    cancelled_row : str
        Where the cancelled quantity is: on the row of the ``"order"``, of the ``"cancel"``, or of ``"both"``.
    cancelled_mark : str
        Which row has ``cncl_yn`` Y: the same three, or ``"none"``.
    orgno_needed : bool
        A cancel or a change without KRX_FWDG_ORD_ORGNO is refused.
    zero_cancels_all : bool
        ``ORD_QTY "0"`` with ``QTY_ALL_ORD_YN "Y"`` is taken; else the open quantity must be said.
    lower_case_cancels : bool
        The answer to order-rvsecncl has lower-case names.
    paper_delays : float
        Which part of paper orders is answered with 90020000, HTTP 200 and without number; every other one of them was taken.
    numbers_by_orgno : bool
        Each organisation counts its orders by itself: an order from a screen may have the number of one from the API.
    cancel_takes : (float, float)
        Seconds from the answer to a cancel until the exchange confirms it: what trades until then has traded.
    moved_as_cancelled : bool
        What of a changed order goes on under another number counts as cancelled in its old row; else no field of that row has it.
    shifting_pages : bool
        The next page begins so many rows behind the newest: where rows come or go in between, some come twice or are passed over.
        Else it begins behind the last row of the page before.
    lag_daily, lag_open, lag_notice : (float, float)
        After how many seconds an accepted order appears in daily fills, in the list of open orders, and as a notice.
    odd_numbers : bool
        Numbers of inquiries come as ``"62400.0000"``, ``" 10"``, ``""`` and ``"-"`` where the contract has seen them.
    notice_fields : int
        Of an execution notice: 23, 26, or more.
    ack_encrypt : str
        What the ack of a notice subscription says of encryption, ``"Y"`` or ``"N"``, whatever the frames do.
    encrypted : bool
        Notices are encrypted.
    paper_notices : bool
        The paper host sends notices.
    registrations : int
        That one session may hold.
    ping_every : (float, float)
        Between two PINGPONGs.
    pong_needed : float
        After how long a client that answers no PINGPONG is dropped; 0: never.
    pongs : str
        What counts as an answer: a text that is the ``"echo"``, a control ``"pong"``, or ``"either"``.
    answers_pings : bool
        Protocol pings of a client are answered.
    linger : float
        How long a session that was dropped holds its app key.
    flaps, flap_block : int, float
        Sessions within a minute above which an app key is blocked, and for how long; a registration that is taken anew counts too.
    records : int
        The most records that one frame of quotes or notices holds.
    trade_fields : int
        Of a frame of trades: 46 or 47.
    quote_every : float
        Between two frames of a quote stream; 0: none.
    ping_quotes : bool
        Sessions without notices get PINGPONGs too.
    zero_padded : bool
        Numbers of notices have zeros before them.
    owner_name : str
        Of the account, as notices tell it; it may hold a ``|``.
    halted, interrupted, locked : str
        Symbols, with commas between them, that do not trade, that are in a volatility interruption, that are at their upper limit.
    book_age : float
        How old an order book says that it is.
    future_rows : str
        Of an hour that lies ahead: ``"filled"``, minutes at the present price, or ``"none"``.
    odd_seconds : float
        Share of minute bars of past days whose time carries seconds.
    overlap_rows : int
        Minutes after the hour that was asked for which a page of a past day also holds.
    paper_stock_info, paper_past_minutes : bool
        The paper host answers search-stock-info and inquire-time-dailychartprice.

    Raises
    ------
    UsageError
        A value that cannot be.
    """

    live_rate: int = 18
    paper_rate: int = 1
    rate_jitter: float = 0.0
    token_lifetime: float = 86_400.0
    token_same: float = 21_600.0
    token_gap: float = 60.0
    refusals_count: bool = True
    new_token_ends_old: bool = False
    token_status: int = 500
    approval_lifetime: float = 86_400.0
    old_ids: bool = False
    strict_headers: bool = True
    date_skew: float = 0.0
    gzip: bool = False
    live_fills_page: int = 100
    paper_fills_page: int = 15
    live_balance_page: int = 50
    paper_balance_page: int = 20
    open_page: int = 50
    cancelled_field: str = "cncl_cfrm_qty"
    cancelled_row: str = "both"
    cancelled_mark: str = "order"
    orgno_needed: bool = True
    zero_cancels_all: bool = True
    lower_case_cancels: bool = True
    paper_delays: float = 0.0
    numbers_by_orgno: bool = False
    cancel_takes: Range = (0.0, 0.5)
    moved_as_cancelled: bool = False
    shifting_pages: bool = True
    lag_daily: Range = (0.0, 5.0)
    lag_open: Range = (0.0, 5.0)
    lag_notice: Range = (0.0, 0.0)
    odd_numbers: bool = False
    notice_fields: int = 26
    ack_encrypt: str = "Y"
    encrypted: bool = True
    paper_notices: bool = True
    registrations: int = 41
    ping_every: Range = (10.0, 14.0)
    pong_needed: float = 0.0
    pongs: str = "either"
    answers_pings: bool = False
    linger: float = 0.0
    flaps: int = 30
    flap_block: float = 60.0
    records: int = 1
    trade_fields: int = 47
    quote_every: float = 1.0
    ping_quotes: bool = True
    zero_padded: bool = True
    owner_name: str = "홍길동"
    halted: str = ""
    interrupted: str = ""
    locked: str = ""
    book_age: float = 0.0
    future_rows: str = "filled"
    odd_seconds: float = 0.1
    overlap_rows: int = 1
    paper_stock_info: bool = True
    paper_past_minutes: bool = True

    def __post_init__(self) -> None:
        for name, kind in _kinds().items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), kind))
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} must be one of {', '.join(map(str, choices))}, got {getattr(self, name)!r}")
        for name in AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)!r}")

    def changed(self, said: Any) -> KISSettings:
        """The same with what a JSON object says; what it does not know is refused."""
        if not isinstance(said, Mapping):
            raise UsageError(f"settings must be an object, got {said!r}")
        for name in said:
            if name not in _kinds():
                raise UnknownNameError("setting of the simulated KIS", str(name), tuple(_kinds()))
        return dataclasses.replace(self, **said)

    def rate(self, paper: bool) -> int:
        """Requests a second at a host."""
        return self.paper_rate if paper else self.live_rate

    def fills_page(self, paper: bool) -> int:
        """Rows on a page of daily fills."""
        return self.paper_fills_page if paper else self.live_fills_page

    def balance_page(self, paper: bool) -> int:
        """Rows on a page of holdings."""
        return self.paper_balance_page if paper else self.live_balance_page


CHOICES: dict[str, tuple[object, ...]] = {
    "token_status": (200, 500),
    "cancelled_field": ("cncl_cfrm_qty", "cnc_cfrm_qty"),
    "cancelled_row": ("order", "cancel", "both"),
    "cancelled_mark": ("order", "cancel", "both", "none"),
    "ack_encrypt": ("Y", "N"),
    "pongs": ("echo", "pong", "either"),
    "trade_fields": (46, 47),
    "future_rows": ("filled", "none"),
}
PAGES = ("live_fills_page", "paper_fills_page", "live_balance_page", "paper_balance_page", "open_page")
AT_LEAST_ONE = ("live_rate", "paper_rate", "registrations", "flaps", "records", *PAGES)
NEGATIVE = ("date_skew",)


def _kinds() -> dict[str, Any]:
    return get_type_hints(KISSettings)


def _checked(name: str, value: Any, kind: Any) -> Any:
    """A value of its kind; a list is a range, and a whole number a number."""
    if kind is bool or kind is str:
        if not isinstance(value, kind):
            raise UsageError(f"{name} must be {'true or false' if kind is bool else 'a text'}, got {value!r}")
        return value
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple) or len(value) != len(get_args(kind)):
            raise UsageError(f"{name} must be two numbers, the least and the most, got {value!r}")
        low, high = (_number(name, each, float) for each in value)
        if low > high:
            raise UsageError(f"{name} must begin with the lesser of its two numbers, got {value!r}")
        return low, high
    return _number(name, value, kind)


def _number(name: str, value: Any, kind: type) -> float:
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        raise UsageError(f"{name} must be a {'whole ' if kind is int else ''}number, got {value!r}")
    if not math.isfinite(value) or (value < 0 and name not in NEGATIVE):
        raise UsageError(f"{name} must be at least 0 and finite, got {value!r}")
    return value if kind is int else float(value)
