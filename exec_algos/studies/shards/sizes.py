"""How the orders of a study in shards compare with the market: counted shard by shard, and added up to what one piece would say."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.fills import PRICE_RULES
from exec_algos.market.trading_time import TradingTime
from exec_algos.stats.exact import Number, reduced
from exec_algos.studies.folder import StudyFolder
from exec_algos.tca.fidelity import bar_participation
from exec_algos.tca.oversize import Oversize, against_adv, against_bars, against_session
from exec_algos.tca.residuals import COLUMNS, Bounds, causes_of_residuals, residual_parts, residual_table
from exec_algos.tca.trades import Trades, bar_rows
from exec_algos.textform import csv_text, unguarded

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions
    from exec_algos.studies.shards.plan import StudyPlan

OVERSIZE = "oversize.csv"
RESIDUALS = "residuals.csv"
READ = ("parent_id", "algorithm", "symbol", "session", "side", "start", "end", "quantity", "adv", "filled", "residual")
MOST = 4096  # numbers that are kept of a sum before they are reduced to a few

Parts = dict[tuple[str, str], dict[str, list[Number]]]


def sizes_record(tables: Mapping[str, pa.Table], bars: Bars, sessions: Sessions, study: StudyPlan) -> dict[str, Any]:
    """What a shard's record says of it: the orders above each volume, and the residual by cause where single fills are kept.

    Parameters
    ----------
    tables : mapping of str to Table
        ``parents`` and ``fills`` of the shard.
    bars : Bars
        Of the sessions alone.
    sessions : Sessions
    study : StudyPlan
    """
    parents = tables["parents"].select(list(READ)).to_pandas()
    orders = parents.iloc[:: len(study.algorithms)]
    of_orders = [against_session(orders, bars, sessions), against_adv(orders)]
    if not study.fills:
        return {"oversize": of_orders}
    model: Any = study.fill_model
    stamped: Any = "start" if PRICE_RULES[model.price].at_start else "end"
    trades = trades_of(tables["fills"], parents, bars, [str(algorithm) for algorithm in study.algorithms])
    traded = bar_participation(bars, trades, stamped=stamped)
    of_bars = against_bars(parents["parent_id"].to_numpy()[traded.parent], traded.participation.values, len(orders))
    bounds = Bounds.of(model.max_participation, study.parents.lot_size, study.rules.limit_price)
    row = bar_rows(bars, trades.symbol, trades.time, stamped)
    time = TradingTime.of(sessions, bars.step)
    parts = residual_parts(parents, causes_of_residuals(bars, time, parents, trades.parent, row, trades.quantity, bounds))
    return {"oversize": [of_bars, *of_orders], "residuals": [[*key, sums] for key, sums in parts.items()]}


def trades_of(fills: pa.Table, parents: pd.DataFrame, bars: Bars, algorithms: list[str]) -> Trades:
    """`Trades.of` the fills of a shard, whose parent orders stand in order of number and algorithm."""
    import pyarrow as pa
    import pyarrow.compute as pc

    functions: Any = pc  # its functions have no types
    number = functions.index_in(fills["algorithm"], value_set=pa.array(algorithms)).to_numpy()
    parent = (fills["parent_id"].to_numpy() * len(algorithms) + number).astype(np.int64)
    symbol = functions.index_in(fills["symbol"], value_set=pa.array(list(bars.symbols))).to_numpy()
    return Trades(
        parent=parent,
        symbol=symbol.astype(np.int64),
        time=fills["timestamp"].cast(pa.int64()).to_numpy(),
        side=np.where(parents["side"].to_numpy()[parent] == "BUY", 1, -1).astype(np.int64),
        quantity=fills["quantity"].to_numpy().astype(np.float64),
        price=fills["price"].to_numpy(),
    )


@dataclass(slots=True)
class Sizes:
    """What the records of shards say together, added up one by one.

    Attributes
    ----------
    oversize : dict of str to Oversize
        By volume.
    residuals : dict
        By algorithm and side, in the sequence in which they were met: numbers whose sum is not rounded yet.
    fills : int
        Single fills that are kept.
    """

    oversize: dict[str, Oversize] = field(default_factory=dict)
    residuals: Parts = field(default_factory=dict)
    fills: int = 0

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in a shard that has parent orders."""
        sizes, self.fills = record["sizes"], self.fills + record["rows"]["fills"]
        for row in sizes["oversize"]:
            found = Oversize(*row)
            had = self.oversize.get(found.volume, Oversize(found.volume, 0, 0, 0.0))
            self.oversize[found.volume] = Oversize(found.volume, had.orders + found.orders, had.of + found.of, max(had.most, found.most))
        for algorithm, side, sums in sizes.get("residuals", ()):
            held = self.residuals.setdefault((algorithm, side), {name: [] for name in COLUMNS})
            for name in COLUMNS:
                held[name] += sums[name]
                if len(held[name]) > MOST:
                    held[name] = reduced(held[name])

    def texts(self) -> dict[str, str]:
        """The files that say it, by name; what single fills are needed for is not said without any."""
        import pandas as pd

        rows = [row for row in self.oversize.values() if self.fills or row.volume != "a bar"]
        texts = {OVERSIZE: csv_text(pd.DataFrame(rows, columns=list(Oversize._fields)), index=False)}
        if self.residuals:
            texts[RESIDUALS] = csv_text(residual_table(self.residuals))
        return texts


def read_oversize(folder: StudyFolder, digests: Mapping[str, str]) -> tuple[Oversize, ...]:
    """What `OVERSIZE` says."""
    rows: Iterable[Any] = _read(folder.proved(OVERSIZE, digests), ["volume"]).itertuples(index=False)
    return tuple(Oversize(str(row.volume), int(row.orders), int(row.of), float(row.most)) for row in rows)


def read_residuals(folder: StudyFolder, digests: Mapping[str, str]) -> pd.DataFrame:
    """What `RESIDUALS` says.

    Raises
    ------
    UsageError
        The study did not keep single fills.
    """
    if RESIDUALS not in digests:
        raise UsageError("why orders were not filled needs the single fills, which were not kept; fills=True or --fills keeps them")
    keys = ["algorithm", "side"]
    return _read(folder.proved(RESIDUALS, digests), keys).set_index(keys)


def _read(content: bytes, texts: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    table = pd.read_csv(io.BytesIO(content), dtype="str", keep_default_na=False)
    numbers = {name: "int64" if table[name].str.isdecimal().all() else "float64" for name in table.columns if name not in texts}
    return table.astype(numbers).assign(**{name: table[name].map(unguarded) for name in texts})
