"""`BacktestResult`: what a run leaves, as frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exec_algos.backtest.market import Market, Stream
from exec_algos.backtest.portfolio import Portfolio
from exec_algos.tca.benchmarks import Windows, benchmarks
from exec_algos.tca.table import parent_table

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars


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
    """

    parents: pd.DataFrame
    fills: pd.DataFrame
    equity: pd.DataFrame
    rejected: tuple[str, ...]
    portfolio: Portfolio

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
        return cls(_parents(market, names), _fills(market, names), _equity(market, cash), tuple(rejected), portfolio)


def _equity(market: Market, cash: float) -> pd.DataFrame:
    """The account after each instant at which a bar closed: money, and positions at their last close."""
    import pandas as pd

    instants = np.unique(np.concatenate([_closes(stream) for stream in market.streams.values()]))
    value, money = np.zeros(len(instants)), np.full(len(instants), cash)
    known = np.array([fill.time for fill in market.fills], dtype=np.int64)
    if market.model.price == "open":
        known += next(iter(market.streams.values())).step
    symbols = np.array([fill.ticker for fill in market.fills], dtype=object)
    signed = np.array([fill.quantity * int(fill.side) for fill in market.fills], dtype=np.float64)
    paid = np.array([fill.quantity * int(fill.side) * fill.fill_price + fill.commission for fill in market.fills], dtype=np.float64)
    money -= _running(known, paid, instants)
    for symbol in sorted(set(symbols)):
        mine, stream = symbols == symbol, market.streams[symbol]
        at = np.searchsorted(_closes(stream), instants, side="right") - 1
        marks = stream.bars.close[stream.known - len(_closes(stream)) + np.maximum(at, 0)]
        value += _running(known[mine], signed[mine], instants) * marks
    return pd.DataFrame({"cash": money, "value": value, "equity": money + value}, index=_stamps(instants, market.zone))


def _closes(stream: Stream) -> npt.NDArray[np.int64]:
    begin = stream.known - stream.replayed
    return stream.bars.start[begin : stream.known] + stream.step


def _running(times: npt.NDArray[np.int64], amounts: npt.NDArray[np.float64], instants: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Sum of the amounts up to each instant."""
    total = np.concatenate([[0.0], np.cumsum(amounts)])
    return total[np.searchsorted(times, instants, side="right")]


def _stamps(instants: Any, zone: str) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(np.asarray(instants, dtype=np.int64).view("datetime64[ns]"), tz="UTC", name="timestamp").tz_convert(zone)


def _owner(names: Sequence[str], origin: Any) -> str:
    return "" if origin is None else names[origin.strategy]


def _fills(market: Market, names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    fills = market.fills
    return pd.DataFrame(
        {
            "parent_id": np.array([fill.parent_id for fill in fills], dtype=np.int64),
            "strategy": [_owner(names, market.parents[fill.parent_id].origin) for fill in fills],
            "algorithm": [market.parents[fill.parent_id].parent.algorithm for fill in fills],
            "timestamp": _stamps([fill.time for fill in fills], market.zone),
            "symbol": [fill.ticker for fill in fills],
            "side": [fill.side.name for fill in fills],
            "quantity": [fill.quantity for fill in fills],
            "price": np.array([fill.fill_price for fill in fills], dtype=np.float64),
            "commission": np.array([fill.commission for fill in fills], dtype=np.float64),
        }
    )


def _parents(market: Market, names: Sequence[str]) -> pd.DataFrame:
    bars = market.regular_bars()
    parents = [state.parent for state in market.parents]
    start, end = (np.array([getattr(one, name) for one in parents], dtype=np.int64) for name in ("start", "end"))
    symbol = np.array([bars.symbols.index(one.symbol) for one in parents], dtype=np.int64)
    held = market.sessions.locate(start)
    orders = {
        "parent_id": np.array([one.parent_id for one in parents], dtype=np.int64),
        "strategy": [_owner(names, state.origin) for state in market.parents],
        "symbol": [one.symbol for one in parents],
        "session": market.sessions.date[held].astype("datetime64[s]"),
        "side": np.array([int(one.side) for one in parents], dtype=np.int64),
        "algorithm": [one.algorithm for one in parents],
        "quantity": np.array([one.quantity for one in parents]),
        "filled": np.array([state.filled * state.parent.lot_size for state in market.parents]),
        "commission": _per_parent(market, lambda fill: fill.commission),
        "children": np.array([state.children for state in market.parents], dtype=np.int64),
        "start": _stamps(start, market.zone),
        "end": _stamps(end, market.zone),
    }
    notional = _per_parent(market, lambda fill: fill.quantity * fill.fill_price)
    return parent_table(orders, notional, benchmarks(bars, market.sessions, Windows(symbol, start, end)))


def _per_parent(market: Market, amount: Any) -> Any:
    sums = np.zeros(len(market.parents))
    for fill in market.fills:
        sums[fill.parent_id] += amount(fill)
    return sums
