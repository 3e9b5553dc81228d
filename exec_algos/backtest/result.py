"""`BacktestResult`: what a run leaves, as frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from exec_algos.backtest.portfolio import Portfolio
from exec_algos.checks import Floats, Ints
from exec_algos.errors import UnknownNameError
from exec_algos.exchange.market import Market
from exec_algos.exchange.stream import Stream
from exec_algos.model import Fill
from exec_algos.tca.benchmarks import benchmarks
from exec_algos.tca.places import Windows
from exec_algos.tca.table import parent_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class BacktestResult:
    """What a backtest leaves.

    Attributes
    ----------
    parents : DataFrame
        A row for each parent order: what was asked, filled and left, average price, benchmarks, and
        slippage in bps (positive = cost).
    fills : DataFrame
        A row for each trade, in the order in which they became known.
    equity : DataFrame
        Indexed by time: ``cash, value`` (of the positions at their last close) and ``equity``, currency.
    rejected : tuple of str
        Orders that the venue refused, with the reason.
    portfolio : Portfolio
        The account at the end.
    known : ndarray of int64, shape (n_fills,)
        When the account knew of each fill, ns UTC: `equity` holds it from then on.
    """

    parents: pd.DataFrame
    fills: pd.DataFrame
    equity: pd.DataFrame
    rejected: tuple[str, ...]
    portfolio: Portfolio
    known: Ints

    @classmethod
    def of(cls, market: Market, portfolio: Portfolio, cash: float, names: Sequence[str], rejected: Sequence[str]) -> BacktestResult:
        """Put the frames together.

        Parameters
        ----------
        market : Market
            After the run.
        portfolio : Portfolio
        cash : float
            At the beginning, currency.
        names : sequence of str
            The strategies' names.
        rejected : sequence of str
        """
        trades = _Trades.of(market.fills, plain=market.model.plain)
        return cls(
            _parents(market, trades, names), _fills(market, trades, names), _equity(market, trades, cash), tuple(rejected), portfolio,
            _known(market, trades),
        )  # fmt: skip

    def paper_equity(self, at: Literal["rule", "arrival"] = "rule") -> pd.Series[float]:
        """The equity had trading cost nothing: every fill at another price, and no commission or taxes.

        ``equity + sum of side quantity (price - paper price) + commission`` over the fills known by then. What less was paid lies as cash.

        Parameters
        ----------
        at : {"rule", "arrival"}
            The paper price: the price of the fill model's rule, without spread and impact; or the arrival price of the parent order, so
            that the difference is the implementation shortfall of what was filled.

        Returns
        -------
        Series of float
            Currency, indexed as `equity`. ``attrs["left_out"]`` counts the fills whose paper price is not known: they stay as they were.

        Raises
        ------
        UnknownNameError
            No such price.
        """
        if at not in ("rule", "arrival"):
            raise UnknownNameError("paper price", at, ("rule", "arrival"))
        fills, sign = self.fills, np.where(self.fills["side"] == "BUY", 1.0, -1.0)
        arrival = self.parents.set_index("parent_id")["arrival_price"]
        paper = (fills["rule_price"] if at == "rule" else fills["parent_id"].map(arrival)).to_numpy(dtype=np.float64)
        known = np.isfinite(paper)
        saved = sign * fills["quantity"].to_numpy(dtype=np.float64) * (fills["price"].to_numpy() - paper) + fills["commission"].to_numpy()
        instants = _instants(self.equity.index)
        order = np.argsort(self.known, kind="stable")
        found = self.equity["equity"] + _running(self.known[order], np.where(known, saved, 0.0)[order], instants)
        found.attrs["left_out"] = int((~known).sum())
        return found


def _equity(market: Market, trades: _Trades, cash: float) -> pd.DataFrame:
    """The account after each instant at which a bar closed: money, and positions at their last close."""
    import pandas as pd

    closes = [_closes(stream) for stream in market.streams.values()]
    instants = closes[0] if len(closes) == 1 else np.unique(np.concatenate(closes))
    known = _known(market, trades)
    signed = trades.quantity * trades.side
    money = cash - _running(known, signed * trades.price + trades.commission, instants)
    value = np.zeros(len(instants))
    owner = np.array([state.parent.symbol for state in market.parents], dtype=object)
    for symbol in sorted(set(owner[np.unique(trades.parent)])):
        mine, stream = (owner == symbol)[trades.parent], market.streams[symbol]
        own = _closes(stream)
        at = np.maximum(np.searchsorted(own, instants, side="right") - 1, 0)
        value += _running(known[mine], signed[mine], instants) * stream.bars.close[stream.known - len(own) + at]
    return pd.DataFrame({"cash": money, "value": value, "equity": money + value}, index=_stamps(instants, market.zone))


def _instants(index: Any) -> Ints:
    """A tz-aware index as ns UTC."""
    return np.asarray(index.as_unit("ns").asi8, dtype=np.int64)


def _known(market: Market, trades: _Trades) -> Ints:
    """When the account knew of each fill."""
    step = next(iter(market.streams.values())).step
    return trades.time + (step if market.model.rule.at_start else 0)


def _closes(stream: Stream) -> Ints:
    return stream.bars.start[stream.first : stream.known] + stream.step


def _running(times: Ints, amounts: Floats, instants: Ints) -> Floats:
    """Sum of the amounts up to each instant."""
    total = np.concatenate([[0.0], np.cumsum(amounts)])
    return total[np.searchsorted(times, instants, side="right")]


def _stamps(instants: Any, zone: str) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(np.asarray(instants, dtype=np.int64).view("datetime64[ns]"), tz="UTC", name="timestamp").tz_convert(zone)


def _owner(names: Sequence[str], origin: Any) -> str:
    return "" if origin is None else names[origin.strategy]


class _Trades(NamedTuple):
    """The fills of a run by column."""

    time: Ints
    quantity: Any
    price: Floats
    commission: Floats
    taxes: Floats
    side: Ints
    parent: Ints
    rule_price: Floats
    spread: Floats
    impact: Floats

    @classmethod
    def of(cls, fills: Sequence[Fill], *, plain: bool) -> _Trades:
        def column(name: str, kind: Any) -> Any:
            return np.fromiter(map(itemgetter(Fill._fields.index(name)), fills), kind, len(fills))

        price, nothing = column("fill_price", np.float64), np.zeros(len(fills))
        whole = set(map(type, map(itemgetter(Fill._fields.index("quantity")), fills))) <= {int}
        return cls(
            column("time", np.int64), column("quantity", np.int64 if whole else np.float64), price,
            column("commission", np.float64), column("taxes", np.float64), column("side", np.int64), column("parent_id", np.int64),
            *((price, nothing, nothing) if plain else (column(name, np.float64) for name in ("rule_price", "spread", "impact"))),
        )  # fmt: skip


def _fills(market: Market, trades: _Trades, names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    def label(texts: list[str]) -> Any:
        return pd.array(texts, dtype="str").take(trades.parent) if texts else pd.array([], dtype="str")

    parents = [state.parent for state in market.parents]
    return pd.DataFrame(
        {
            "parent_id": trades.parent,
            "strategy": label([_owner(names, state.origin) for state in market.parents]),
            "algorithm": label([parent.algorithm for parent in parents]),
            "timestamp": _stamps(trades.time, market.zone),
            "symbol": label([parent.symbol for parent in parents]),
            "side": label([parent.side.name for parent in parents]),
            "quantity": trades.quantity,
            "price": trades.price,
            "commission": trades.commission,
            "taxes": trades.taxes,
            "rule_price": trades.rule_price,
            "spread": trades.spread,
            "impact": trades.impact,
        }
    )


def _parents(market: Market, trades: _Trades, names: Sequence[str]) -> pd.DataFrame:
    bars = market.regular_bars()
    parents = [state.parent for state in market.parents]
    start, end = (np.array([getattr(parent, name) for parent in parents], dtype=np.int64) for name in ("start", "end"))
    number = {symbol: i for i, symbol in enumerate(bars.symbols)}
    symbol = np.array([number.get(parent.symbol, -1) for parent in parents], dtype=np.int64)
    held = market.sessions.all_at_or_after(start)
    orders = {
        "parent_id": np.array([parent.parent_id for parent in parents], dtype=np.int64),
        "strategy": [_owner(names, state.origin) for state in market.parents],
        "symbol": [parent.symbol for parent in parents],
        "session": market.sessions.date[held].astype("datetime64[s]"),
        "side": np.array([int(parent.side) for parent in parents], dtype=np.int64),
        "algorithm": [parent.algorithm for parent in parents],
        "quantity": np.array([parent.quantity for parent in parents]),
        "filled": np.array([state.filled * state.parent.lot_size for state in market.parents]),
        "commission": np.bincount(trades.parent, trades.commission, len(parents)),
        "taxes": np.bincount(trades.parent, trades.taxes, len(parents)),
        "children": np.array([state.children for state in market.parents], dtype=np.int64),
        "start": _stamps(start, market.zone),
        "end": _stamps(end, market.zone),
    }
    notional = np.bincount(trades.parent, np.asarray(trades.quantity * trades.price, dtype=np.float64), len(parents)).astype(np.float64)
    return parent_table(orders, notional, benchmarks(bars, market.sessions, Windows(symbol, start, end)))
