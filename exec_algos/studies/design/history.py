"""What was known of a symbol before each of its sessions: volume, volatility and spread of the sessions before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints
from exec_algos.costs.estimators import PAIRS
from exec_algos.market.adv import SessionTotals

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions


KNOWN = ("adv", "adv_bars", "adv_notional", "volatility_bps", "spread_bps")
DAYS = 5  # earlier sessions for a desk's own orders, which name none


def known_before(bars: Bars, symbol: str, sessions: Sessions, volumes: SessionTotals, days: int) -> dict[str, Floats]:
    """Columns of `KNOWN` for each session, from the `days` sessions with data before it; NaN where there are fewer.

    ``volatility = 1e4 sqrt(mean of the sessions' sum of squared log returns)``: from open to close, no night in it. ``spread`` is the mean
    of the quoted ``(ask - bid) / mid`` at the ends of the bars; where the bars have no quotes ``sqrt(mean of 4 (c_t - eta_t)(c_t -
    eta_{t+1}))`` over neighbouring bars of a session (Abdi and Ranaldo 2017), NaN where that mean is not above 0. It reads volatility as
    spread where that is the larger: good to sort symbols by, not to charge.

    Parameters
    ----------
    bars : Bars
    symbol : str
    sessions : Sessions
    volumes : SessionTotals
        Of the same symbol and sessions.
    days : int
        N >= 1.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_sessions,)
        ``adv`` in shares, ``adv_bars`` the bars with volume that it comes from, ``adv_notional`` at the close of the session before
        (currency), ``volatility_bps``, ``spread_bps``.
    """
    rows = bars.rows(symbol)
    columns = {name: column[rows] for name, column in bars.columns().items()}
    held = sessions.locate(bars.start[rows])
    traded = volumes.totals
    quoted = {"bid", "ask"} <= columns.keys()
    sums = [
        traded,
        _summed(np.ones(len(held)), held, len(sessions), columns["volume"] > 0),
        _squares(columns, held, len(sessions)),
        *(_quoted(columns, held, len(sessions)) if quoted else _bounce(columns, held, len(sessions))),
    ]
    total, filled, squares, terms, pairs = (_earlier(column, volumes.has_data, days) for column in sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(pairs >= (1 if quoted else PAIRS), terms / pairs, np.nan)
        spread = mean if quoted else np.sqrt(np.where(mean > 0, mean, np.nan))
    adv = total / days
    notional = adv * _last_close(columns["close"], held, volumes.has_data)
    return {
        "adv": adv,
        "adv_bars": filled,
        "adv_notional": notional,
        "volatility_bps": 1e4 * np.sqrt(squares / days),
        "spread_bps": 1e4 * spread,
    }


class SymbolHistory(Mapping[str, Floats]):
    """Columns of `KNOWN` for parent orders, worked out when one of them is first looked at: a summary of slippage needs none.

    Parameters
    ----------
    bars : Bars
    sessions : Sessions
    days : int
        As `known_before` takes them.
    symbol, session : ndarray of int64, shape (n_parents,)
        Of each order, by number.
    """

    def __init__(self, bars: Bars, sessions: Sessions, days: int, symbol: Ints, session: Ints) -> None:
        self._of = bars, sessions, days
        self._symbol, self._session = symbol, session
        self._tables: dict[int, dict[str, Floats]] = {}  # of each symbol; shared with what is taken of this one

    def __getitem__(self, name: str) -> Floats:
        if name not in KNOWN:
            raise KeyError(name)
        found = np.empty(len(self._symbol))
        for i in np.unique(self._symbol).tolist():
            mine = self._symbol == i
            found[mine] = self._table(i)[name][self._session[mine]]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(KNOWN)

    def __len__(self) -> int:
        return len(KNOWN)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)

    def take(self, keep: npt.NDArray[np.bool_]) -> SymbolHistory:
        """Those of the orders where `keep` is true."""
        fewer = SymbolHistory(*self._of, self._symbol[keep], self._session[keep])
        fewer._tables = self._tables
        return fewer

    def _table(self, i: int) -> dict[str, Floats]:
        bars, sessions, days = self._of
        if i not in self._tables:
            symbol = bars.symbols[i]
            self._tables[i] = known_before(bars, symbol, sessions, SessionTotals.of(bars, symbol, sessions), days)
        return self._tables[i]


def taken(columns: Mapping[str, npt.NDArray[Any]], keep: npt.NDArray[np.bool_]) -> Mapping[str, npt.NDArray[Any]]:
    """Columns of orders where `keep` is true."""
    return columns.take(keep) if isinstance(columns, SymbolHistory) else {name: column[keep] for name, column in columns.items()}


def _earlier(values: Floats, has_data: npt.NDArray[np.bool_], days: int) -> Floats:
    """Sum over the last `days` sessions with data before each session."""
    held = np.flatnonzero(has_data)
    before = np.searchsorted(held, np.arange(len(has_data)))
    found = np.full(len(has_data), np.nan)
    if len(held) >= days:
        sums = np.lib.stride_tricks.sliding_window_view(values[held], days).sum(axis=1)
        found[before >= days] = sums[before[before >= days] - days]
    return found


def _last_close(close: Floats, held: Ints, has_data: npt.NDArray[np.bool_]) -> Floats:
    """Close of the last session with data before each session."""
    inside = np.flatnonzero(held >= 0)
    ends = inside[np.flatnonzero(np.append(np.diff(held[inside]) > 0, len(inside) > 0))]
    before = np.searchsorted(np.flatnonzero(has_data), np.arange(len(has_data)))
    found = np.full(len(has_data), np.nan)
    found[before > 0] = close[ends][before[before > 0] - 1]
    return found


def _squares(columns: Mapping[str, Floats], held: Ints, n: int) -> Floats:
    """Sum of squared log returns of each session; the first bar's from its own open."""
    follows = np.concatenate([[False], held[1:] == held[:-1]])
    last = np.where(follows, np.concatenate([columns["close"][:1], columns["close"][:-1]]), columns["open"])
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = np.log(columns["close"] / last)
    return _summed(returns**2, held, n, np.isfinite(returns))


def _quoted(columns: Mapping[str, Floats], held: Ints, n: int) -> tuple[Floats, Floats]:
    """Sum of the relative quoted spreads of each session, and how many there are."""
    bid, ask = columns["bid"], columns["ask"]
    use = (bid > 0) & (ask >= bid)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = 2 * (ask - bid) / (ask + bid)
    return _summed(relative, held, n, use), _summed(np.ones(len(bid)), held, n, use)


def _bounce(columns: Mapping[str, Floats], held: Ints, n: int) -> tuple[Floats, Floats]:
    """Sum of the products of Abdi and Ranaldo of each session, and how many there are; bars without a range are left out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        middle, close = (np.log(columns["high"]) + np.log(columns["low"])) / 2, np.log(columns["close"])
    ranged = (columns["high"] > columns["low"]) & np.isfinite(middle)
    use = (held[1:] == held[:-1]) & ranged[1:] & ranged[:-1]
    with np.errstate(invalid="ignore"):
        products = 4 * (close[:-1] - middle[:-1]) * (close[:-1] - middle[1:])
    return _summed(products, held[:-1], n, use), _summed(np.ones(len(use)), held[:-1], n, use)


def _summed(values: Floats, held: Ints, n: int, use: npt.NDArray[np.bool_]) -> Floats:
    """Sum in each session, bar by bar in time order, so that it does not depend on what lies before the session."""
    chosen = use & (held >= 0)
    return np.bincount(held[chosen], weights=values[chosen], minlength=n).astype(np.float64)
