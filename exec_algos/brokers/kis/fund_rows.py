"""What the account has, as KIS tells it: holdings, cash, and what an order may have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exec_algos.brokers.kis.answers import Envelope
from exec_algos.brokers.kis.values import Row, number_of, row_of, rows_of, symbol_of, text_of, whole_of
from exec_algos.errors import VenueError


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Shares held of a symbol, those of them that are free to be sold, and what they cost on average (currency per share)."""

    symbol: str
    quantity: int
    sellable: int
    average: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Holdings, and cash in won: today, in one and in two business days; `costs` are today's taxes and fees."""

    holdings: tuple[Holding, ...]
    cash: float
    cash_next: float
    cash_settled: float
    costs: float

    @classmethod
    def of(cls, pages: Sequence[Envelope]) -> Balance:
        """The balance of all pages of `messages.balance`.

        Raises
        ------
        VenueError
            No page, a value that cannot be, or a symbol that two pages tell differently.
        """
        if not pages:
            raise VenueError("a balance has at least one page, got none; ask again")
        held: dict[tuple[str, str], Holding] = {}
        for page in pages:
            for row in rows_of(page, "output1"):
                key, holding = (symbol_of(row, "pdno"), text_of(row, "loan_dt", missing="")), _holding(row)
                if held.setdefault(key, holding) != holding:
                    raise VenueError(f"hldg_qty of {key[0]} is told twice, {held[key].quantity} and {holding.quantity}; ask again")
        cash = row_of(pages[-1], "output2")
        return cls(
            holdings=_by_symbol(held.values()),
            cash=number_of(cash, "dnca_tot_amt"),
            cash_next=number_of(cash, "nxdy_excc_amt"),
            cash_settled=number_of(cash, "prvs_rcdl_excc_amt"),
            costs=number_of(cash, "thdt_tlex_amt", blank=0.0, missing=""),
        )


def _holding(row: Row) -> Holding:
    found = Holding(
        symbol=symbol_of(row, "pdno"),
        quantity=whole_of(row, "hldg_qty"),
        sellable=whole_of(row, "ord_psbl_qty", blank=0),
        average=number_of(row, "pchs_avg_pric", blank=0.0),
    )
    if found.sellable > found.quantity:
        raise VenueError(f"ord_psbl_qty {found.sellable} of {found.symbol} is more than hldg_qty {found.quantity}; ask again")
    return found


def _by_symbol(held: Iterable[Holding]) -> tuple[Holding, ...]:
    """Loans of a symbol are rows of their own; rows of nothing stay until settlement."""
    found: dict[str, Holding] = {}
    for row in held:
        if row.quantity:
            before = found.get(row.symbol, Holding(symbol=row.symbol, quantity=0, sellable=0, average=0.0))
            quantity = before.quantity + row.quantity
            average = (before.average * before.quantity + row.average * row.quantity) / quantity
            found[row.symbol] = Holding(symbol=row.symbol, quantity=quantity, sellable=before.sellable + row.sellable, average=average)
    return tuple(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What an order to buy may have: cash in won, and shares without credit; `price` is what it is reserved at."""

    cash: float
    amount: float
    quantity: int
    price: float

    @classmethod
    def of(cls, envelope: Envelope) -> Power:
        """Of an answer to `messages.power`.

        Raises
        ------
        VenueError
            A value that cannot be.
        """
        row = row_of(envelope, "output")
        return cls(
            cash=number_of(row, "ord_psbl_cash"),
            amount=number_of(row, "nrcvb_buy_amt"),
            quantity=whole_of(row, "nrcvb_buy_qty"),
            price=number_of(row, "psbl_qty_calc_unpr", blank=0.0, missing=""),
        )


def sellable_of(envelope: Envelope) -> int:
    """Shares that are free to be sold, of an answer to `messages.sellable`."""
    return whole_of(row_of(envelope, "output1" if "output1" in envelope.data else "output"), "ord_psbl_qty")
