"""Orders that are larger than the market they trade in: no replay says what they would cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

MANY = 0.1  # of the orders: what is said of them then comes first


class Oversize(NamedTuple):
    """How many orders exceed a volume.

    Attributes
    ----------
    volume : str
        ``"a bar"`` (what an order traded in one), ``"the session"`` or ``"the ADV"`` (what was ordered).
    orders, of : int
        Parent orders above it, and all.
    most : float
        The largest multiple of it.
    """

    volume: str
    orders: int
    of: int
    most: float

    @property
    def many(self) -> bool:
        """Over a tenth of the orders."""
        return self.orders > MANY * self.of


def oversized(volume: str, multiple: Floats, of: int) -> Oversize:
    """Count the orders whose multiple of a volume is above 1; NaN is not known, infinite is a volume of 0."""
    above = multiple[multiple > 1.0]
    return Oversize(volume, len(above), of, float(above.max(initial=0.0)))


def against_adv(orders: pd.DataFrame) -> Oversize:
    """What was ordered against the ADV; `orders` holds ``quantity, adv`` and a row for each."""
    return oversized("the ADV", _over(orders["quantity"].to_numpy(np.float64), orders["adv"].to_numpy(np.float64)), len(orders))


def against_session(orders: pd.DataFrame, bars: Bars, sessions: Sessions) -> Oversize:
    """What was ordered against the volume of its session; `orders` holds ``symbol, session, quantity`` and a row for each."""
    traded = np.full(len(orders), np.nan)
    place = np.searchsorted(sessions.date, orders["session"].to_numpy().astype("datetime64[D]"))
    symbols = orders["symbol"].to_numpy()
    for symbol in bars.symbols:
        rows = bars.rows(symbol)
        first, last = sessions.rows(bars.start[rows])
        sums = np.concatenate([[0.0], np.cumsum(bars.volume[rows])])
        mine = symbols == symbol
        traded[mine] = (sums[last] - sums[first])[place[mine]]
    return oversized("the session", _over(orders["quantity"].to_numpy(np.float64), traded), len(orders))


def against_bars(order: npt.NDArray[np.int64], participation: Floats, of: int) -> Oversize:
    """What orders traded in one bar against its volume; `order` numbers the owner of each value."""
    numbers, owner = np.unique(order, return_inverse=True)
    most = np.zeros(len(numbers))
    np.maximum.at(most, owner, np.nan_to_num(participation, nan=0.0, posinf=np.inf))
    return oversized("a bar", most, of)


def _over(quantity: Floats, volume: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return quantity / volume


def oversize_line(found: Sequence[Oversize], *, capped: bool = False) -> str:
    """One sentence; empty where no order exceeds anything. What to do is said where no cap is set.

    >>> oversize_line([Oversize("a bar", 12, 20, 3.25), Oversize("the ADV", 0, 20, 0.0)]).partition(";")[0]
    'larger than the market: 12 of 20 orders exceed the volume of a bar (up to 3.2 times)'
    """
    parts = [
        f"{row.orders:,} of {row.of:,} orders exceed {_named(row.volume)} (up to {row.most:,.1f} times)" for row in found if row.orders
    ]
    advice = "" if capped else "; max_participation (--max-participation) caps them"
    return f"larger than the market: {', '.join(parts)}{advice}" if parts else ""


def _named(volume: str) -> str:
    return volume if volume == "the ADV" else f"the volume of {volume}"
