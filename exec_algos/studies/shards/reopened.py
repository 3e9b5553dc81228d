"""A finished study in shards as one in memory: what its report is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from exec_algos.errors import MarketDataError, UsageError
from exec_algos.studies.extremes import bars_in, bars_of, extremes_of
from exec_algos.studies.folder import StudyFolder
from exec_algos.studies.result import StudyResult
from exec_algos.studies.shards.analysed import StoreBars
from exec_algos.studies.shards.result import ShardedResult
from exec_algos.studies.shards.sizes import RESIDUALS
from exec_algos.studies.shards.tables import count_of, read_part
from exec_algos.textform import numbered

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 4_000_000  # of parent orders and algorithms: about 1 GB of frames


def open_shards(folder: StudyFolder, digests: Mapping[str, str]) -> StudyResult:
    """The parent orders of a study in shards, its analysis, and the fills and bars of its dearest and cheapest orders.

    The bars are read from the store that the study was made of. Where it is not there any more the analysis says so, and there are no
    bars.

    Raises
    ------
    UsageError
        It has more than `MOST_ROWS` rows of parent orders, or a file of it is damaged.
    """
    import pandas as pd

    config: dict[str, Any] = dict(json.loads(folder.proved("config.json", digests)))
    rows = config["parent_orders"] * len(config["algorithms"])
    if rows > MOST_ROWS:
        raise UsageError(
            f"the study in {folder.path} has {numbered(rows, 'row')} of parent orders and a page holds at most {MOST_ROWS:,}; "
            "study fewer symbols or days, or read summary.csv, comparison.csv and ShardedResult.by"
        )
    shards = ShardedResult(folder.path, config, (), 0, 0)
    parents = shards.table()
    shown = parents[parents["side"] == "BUY"] if shards.has_twins() else parents
    chosen = extremes_of(shown, config["algorithms"][0])
    orders = pd.concat([chosen.dearest, chosen.cheapest])
    skipped = pd.DataFrame(shards.skipped, columns=["symbol", "session", "reason"])
    result = StudyResult(parents, _fills(folder, digests, chosen.ids), skipped, config, bars_of(_no_bars(), config), shards.findings)
    try:
        source = StoreBars.of(shards, folder, None)
        pieces = [bars_in(source.bars(symbol), orders[orders["symbol"] == symbol]) for symbol in sorted(orders["symbol"].unique())]
        analysis: Any = shards.analysis()
    except (UsageError, MarketDataError) as error:
        pieces, analysis = [], NoAnalysis(str(error))
    if pieces:
        object.__setattr__(result, "bars", bars_of(pd.concat(pieces, ignore_index=True), config))
    object.__setattr__(result, "_analysed", analysis)
    object.__setattr__(result, "_oversize", shards.oversize())
    if RESIDUALS in digests:
        object.__setattr__(result, "_residuals", shards.residuals())
    return result


@dataclass(frozen=True)
class NoAnalysis:
    """In the place of an analysis that cannot be made: whatever is asked of it is a `UsageError` with the reason.

    Attributes
    ----------
    reason : str
    """

    reason: str

    def __getattr__(self, name: str) -> NoReturn:
        raise UsageError(self.reason)


def _fills(folder: StudyFolder, digests: Mapping[str, str], ids: list[int]) -> pd.DataFrame:
    """The fills of some orders, part by part."""
    import pyarrow as pa

    wanted = [("parent_id", "in", ids)] if ids else [("parent_id", "==", -1)]
    parts = (read_part(folder, "fills", number, digests, filters=wanted) for number in range(count_of(folder, "fills", digests)))
    found: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    return found


def _no_bars() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"symbol": [], "start": [], "open": [], "high": [], "low": [], "close": [], "volume": []})
