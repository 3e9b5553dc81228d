"""`analyse`: a desk's own fills, and what algorithms would have paid on the same orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.executions.cells import MISSING
from exec_algos.executions.counting import counted_orders
from exec_algos.executions.market import Market
from exec_algos.executions.parts import Frames, own_frames
from exec_algos.executions.record import record_of
from exec_algos.executions.result import OwnFillsResult
from exec_algos.executions.simulated import NOBODY, Asked, Simulated, simulate, stamps_of
from exec_algos.executions.sources import given
from exec_algos.executions.terms import Terms, stamped_by
from exec_algos.executions.work import Work
from exec_algos.market.boundary import reading
from exec_algos.studies.record.data import LEAST_DAYS, data_rows, findings_frame, history_of
from exec_algos.studies.run.custom import algorithm_of
from exec_algos.tca.frames import ARRIVAL_KNOWN, DECIDED, NO_ARRIVAL

if TYPE_CHECKING:
    import os

    import pandas as pd

    from exec_algos.market.bars import Bars


def analyse(
    orders: str | os.PathLike[str] | pd.DataFrame | None,
    fills: str | os.PathLike[str] | pd.DataFrame | None,
    bars: Bars,
    *,
    progress: Callable[[str, int, int], None] | None = None,
    **terms: Any,
) -> OwnFillsResult:
    """A desk's own fills measured as a study measures those of an algorithm, and beside them what algorithms would have paid.

    Parameters
    ----------
    orders : path or DataFrame, optional
        CSV or Parquet: ``order_id, symbol, side, quantity, start`` and, where they are known, ``end, decision, cancel, filled,
        average_price, commission, taxes``. Without it an order is built from the fills of one symbol, side and session.
    fills : path or DataFrame, optional
        ``order_id, fill_id, symbol, side, quantity, price, time, commission, taxes``; without a time the price is an average of the
        order. None where the orders themselves say what they filled, and at which average price.
    bars : Bars
    progress : callable, optional
        As `SlippageStudy.run` takes it.
    **terms
        ``calendar`` of the sessions. ``algorithms`` to work the same orders, none for the own fills alone. ``fill_model`` and ``rules``
        of those. ``keep``: columns of the orders (or of the fills, where all of an order agree) to carry into the result.
        ``stamped="start"`` where a fill at t lies in the bar ``[start, end)``, ``"end"`` for ``(start, end]``; that of the price rule
        if not given. ``taxes_in_commission``: whether the commission holds the taxes; if not given it does in files with the columns
        ``rule_price, spread, impact`` of a study, and in no other. ``fees="negative"`` where what was paid is below 0, ``"positive"``
        where that is what was got; if not given, fees below 0 are refused. ``order_form, fill_form, order_encoding, fill_encoding``: how
        the files are written. ``lot_size`` (shares), ``profile_days`` for ADV, ``limits``, ``driver``: as in a study.

    Returns
    -------
    OwnFillsResult
        Rows of the algorithm "own fills" stand before those of each algorithm on the same orders. ``config["own_fills"]`` says what was
        counted, assumed and left out.

    Raises
    ------
    UsageError
        A column is missing, or no order is left.

    Examples
    --------
    >>> import pandas as pd
    >>> from exec_algos.market.samples import load_samples
    >>> bars = load_samples()["XNYS"]
    >>> fill = {"symbol": "SYNMID", "side": "buy", "quantity": 100, "price": 40.0, "time": "2025-10-15 10:00:30"}
    >>> day = bars.select(["SYNMID"])
    >>> fill["price"] = float(day.close[day.start >= pd.Timestamp("2025-10-15 14:00", tz="UTC").value][0])
    >>> result = analyse(None, pd.DataFrame([fill]), bars, calendar="XNYS", algorithms=["twap"])
    >>> result.parents["algorithm"].tolist(), result.parents["filled"].tolist()
    (['own fills', 'twap'], [100, 100])
    """
    import pandas as pd

    said = Terms(**terms)
    model = said.model()
    market = Market.of(bars, said.calendar, stamped_by(model))
    algorithms = [algorithm_of(algorithm) for algorithm in said.algorithms]
    with reading("the orders and fills"):
        read = given(orders, fills, said, market)
        counted, refused = counted_orders(read, market, said)
    simulated: Simulated = NOBODY
    if algorithms:
        asked = Asked(read.found.orders.written, counted.rows, read.found.orders.cancel)
        simulated = simulate(asked, counted.orders, market, algorithms, model, said.rules, driver=said.driver, progress=progress)
    work = Work(market, said, model, algorithms, read, counted, refused, simulated.counts())
    frames = _beside(own_frames(market.bars, read, counted), simulated, work)
    days = history_of(counted.orders, algorithms) if algorithms else LEAST_DAYS
    return OwnFillsResult(
        *frames, pd.DataFrame(list(simulated.skipped), columns=["symbol", "session", "reason"]), record_of(work), market.bars,
        findings_frame(data_rows(bars, counted.orders, days, said.limits)), refused=tuple(refused), clipped=counted.orders.clipped,
    )  # fmt: skip


def _beside(own: Frames, simulated: Simulated, work: Work) -> Frames:
    """The frames of own and simulated orders, by order, with what is known of their decision and their arrival."""
    parents, fills = own
    if simulated.parents is not None and simulated.fills is not None:
        parents, fills = _by_order(parents, simulated.parents), _by_order(fills, simulated.fills)
    decided = work.given.found.orders.decided[work.counted.places]
    if (decided != MISSING).any():
        parents[DECIDED] = stamps_of(decided[parents["parent_id"].to_numpy()], work.counted.orders.sessions.zone)
    return Frames(_without_arrival(parents) if work.given.found.built else parents, fills)


def _by_order(own: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Rows of two frames by order, those of the first before the others; column by column, for millions of fills stand there twice else.

    Both frames are used up.
    """
    import pandas as pd

    order = np.argsort(np.concatenate([own["parent_id"], other["parent_id"]]), kind="stable")
    names = [str(name) for name in own]
    return pd.DataFrame({name: pd.concat([own.pop(name), other.pop(name)], ignore_index=True).take(order).array for name in names})


def _without_arrival(parents: pd.DataFrame) -> pd.DataFrame:
    """Orders of which nobody knows when they reached the market."""
    why = parents["not_estimable"].cat.add_categories([NO_ARRIVAL])
    unknown: dict[str, Any] = {
        "arrival_price": float("nan"),
        "slippage_arrival_bps": float("nan"),
        "not_estimable": why.where(why != "", NO_ARRIVAL),
    }
    return parents.assign(**unknown, **{ARRIVAL_KNOWN: False})
