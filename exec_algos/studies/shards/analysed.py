"""The analysis of a study in shards: worked out symbol by symbol from its parent orders, its fills and the store, and added up by day."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from exec_algos.checks import Ints
from exec_algos.errors import UsageError
from exec_algos.fills import PRICE_RULES
from exec_algos.market.bars import Bars
from exec_algos.market.calendars import Sessions, sessions
from exec_algos.market.depth import with_quote_proxy
from exec_algos.market.hours import trading_bars
from exec_algos.market.ratios import Split
from exec_algos.market.splits import Splits, adjusted
from exec_algos.market.store import joined
from exec_algos.stats.cluster_sums import ClusterSums
from exec_algos.stats.power import power_sentence
from exec_algos.studies.analysis import SIDES, Analysis
from exec_algos.studies.folder import RECORD, STUDY, StudyFolder, unsealed
from exec_algos.studies.line_tables import benchmark_table, markout_table, shortfall_table, time_table
from exec_algos.studies.record.configuration import data_fingerprint
from exec_algos.studies.run.sums import FillLines, Market, clock_of, hours_of, missing_frame
from exec_algos.studies.shards.partitions import Partitions, listing_of
from exec_algos.studies.shards.plan import Shard, midnight
from exec_algos.studies.shards.tables import count_of, read_part
from exec_algos.tca.frames import parent_shortfall, view_of
from exec_algos.tca.markouts import HORIZONS
from exec_algos.tca.names import named
from exec_algos.tca.residuals import Bounds
from exec_algos.tca.shortfall import LEFT_OUT, NOT_KNOWN
from exec_algos.tca.trades import Trades

if TYPE_CHECKING:
    import pandas as pd

SHORTFALL, BENCHMARKS = "shortfall", "benchmarks"
FILLS = ("parent_id", "algorithm", "timestamp", "symbol", "side", "quantity", "price", "rule_price", "spread", "impact")
NOT_KEPT = "the analysis of a study in shards needs its single fills, which were not kept; fills=True or --fills keeps them"


class Analysable(Protocol):
    """A study in shards: `exec_algos.studies.shards.result.ShardedResult`."""

    @property
    def folder(self) -> str:
        """Where it lies."""
        ...

    @property
    def config(self) -> dict[str, Any]:
        """What was asked."""
        ...

    def table(self, name: str = "parents", columns: Sequence[str] | None = None, algorithm: str | None = None) -> pd.DataFrame:
        """Some columns of the rows of one algorithm."""
        ...


@dataclass(frozen=True, eq=False)
class ShardedAnalysis:
    """The tables of `exec_algos.studies.analysis.Analysis` by algorithm and side, of a study that does not fit into memory.

    Numbers are those of the study in one piece, but for the rounding of sums; intervals cluster by the session in which an order starts.

    Attributes
    ----------
    keys : list of (str, str)
        Algorithms and sides.
    mark : str
        Price at which what was not filled is valued.
    lines, missing : DataFrame
        Sums by day, and values that are not estimable: as `exec_algos.studies.run.sums.TradeSums` has them, and of ``shortfall`` by part
        and ``benchmarks`` by benchmark besides.
    """

    keys: list[tuple[str, str]]
    mark: str
    lines: pd.DataFrame
    missing: pd.DataFrame
    result: Analysable = field(repr=False)

    def shortfall(self, mark: str | None = None) -> pd.DataFrame:
        """As `Analysis.shortfall`.

        Raises
        ------
        UsageError
            Another mark than that of the analysis.
        """
        if mark not in (None, self.mark):
            raise UsageError(f"this analysis values what was not filled at {self.mark}; analysis(mark={mark!r}) does at {mark}")
        return shortfall_table(self.lines, self.missing, self.keys)

    def slippage(self) -> pd.DataFrame:
        """As `Analysis.slippage`, of the usual rates."""
        return benchmark_table(self.lines, self.missing, self.keys)

    def markouts(self, horizons: Sequence[int] = HORIZONS) -> pd.DataFrame:
        """As `Analysis.markouts`, of the usual horizons."""
        return markout_table(self.lines, self.missing, self.keys, horizons)

    def time_of_day(self, minutes: int = 30) -> pd.DataFrame:
        """As `Analysis.time_of_day`, in whole quarters of an hour."""
        return time_table(self.lines, self.missing, self.keys, minutes)

    def power(self, delta: float = 1.0) -> dict[str, str]:
        """As `Analysis.power`; three columns of one algorithm are in memory."""
        found = {}
        for name, side in self.keys:
            rows = self.result.table(columns=["session", "side", "slippage_vwap_bps"], algorithm=name)
            mine = rows[rows["side"] == side]
            found[named((name, side))] = power_sentence(mine["slippage_vwap_bps"].to_numpy(np.float64), mine["session"].to_numpy(), delta)
        return found


def analyse_shards(result: Analysable, store: str | os.PathLike[str] | None, mark: str) -> ShardedAnalysis:
    """See `ShardedResult.analysis`."""
    import pandas as pd

    if not result.config["fills"]:
        raise UsageError(NOT_KEPT)
    folder = StudyFolder(result.folder)
    source = StoreBars.of(result, folder, store)
    adder = _Adder(source.config, source.sessions, mark)
    for symbol, parents, fills in _by_symbol(folder):
        adder.add(source.bars(symbol), parents, fills)
    frames = [frame for frame in adder.frames() if len(frame)]
    return ShardedAnalysis(adder.keys(), mark, pd.concat(frames, ignore_index=True), missing_frame(adder.reasons()), result)


@dataclass(frozen=True, eq=False)
class StoreBars:
    """Where the bars of a study lie, and the sessions of all of them."""

    folder: StudyFolder
    partitions: Partitions
    listing: Mapping[str, tuple[str, ...]]
    sessions: Sessions
    config: Mapping[str, Any]

    @classmethod
    def of(cls, result: Analysable, folder: StudyFolder, store: str | os.PathLike[str] | None) -> StoreBars:
        """Those of a study; `store` is where the bars lie, if not where they lay.

        Raises
        ------
        UsageError
            Nobody says where they lie.
        """
        started = folder.get_json(STUDY) or {}
        place = store if store is not None else started.get("store")
        if place is None:
            raise UsageError(f"{folder.path} does not say where its bars lie ({STUDY} is not there); name the store: analysis(store=...)")
        partitions = Partitions(place, cache="off")
        listing = listing_of(partitions)
        months = sorted({month for each in listing.values() for month in each})
        zone = result.config["zone"] if "zone" in result.config else partitions.month(*_first(listing)).zone
        ends = midnight(months[0], 0, zone), midnight(months[-1], 1, zone) - 1
        return cls(folder, partitions, listing, sessions(result.config["calendar"], *ends), result.config)

    def bars(self, symbol: str) -> Bars:
        """The bars of a symbol as its shards were worked on them.

        Raises
        ------
        UsageError
            The store no longer has them, or has others.
        """
        months = self.listing.get(symbol, ())
        held = {month: self.partitions.month(symbol, month) for month in months}
        self._check_same(symbol, held)
        own = tuple(Splits(tuple(Split(*row) for row in self.config.get("splits", ()))).of_symbol(symbol))
        bars = replace(adjusted(joined(list(held.values())), own), splits=own)
        if "quote_proxy" in self.config:
            bars = with_quote_proxy(bars, self.config["quote_proxy"])
        whole = self.sessions
        number = whole.locate(bars.start)
        off = np.unique(number[(number >= 0) & ((bars.start - whole.piece_open(number, bars.start)) % bars.step != 0)])
        return trading_bars(bars.take((number >= 0) & ~np.isin(number, off)), whole)

    def _check_same(self, symbol: str, held: Mapping[str, Bars]) -> None:
        wanted: dict[str, str] = {}
        for name in self.folder.names(Shard(symbol, "", ()).folder.removesuffix("/month=")):
            record = unsealed(self.folder.get(name)) if name.endswith(f"/{RECORD}") else None
            if record is not None and record["files"]:
                wanted |= {month: digest for month, _, digest in record["inputs"]}
        other = [month for month, digest in sorted(wanted.items()) if month not in held or data_fingerprint(held[month]) != digest]
        if other:
            raise UsageError(
                f"the bars of {symbol} {other[0]} in {self.partitions.path} are not those of the study; run the study again, or name the "
                "store it was made of: analysis(store=...)"
            )


def _first(listing: Mapping[str, tuple[str, ...]]) -> tuple[str, str]:
    symbol = next(iter(listing))
    return symbol, listing[symbol][0]


def _by_symbol(folder: StudyFolder) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """The parent orders and fills of each symbol; shards stand in order of symbol."""
    digests = folder.digests()
    fills = _groups(folder, "fills", digests, FILLS)
    ahead = next(fills, None)
    for symbol, parents in _groups(folder, "parents", digests, None):
        own = None
        while ahead is not None and ahead[0] == symbol:
            own, ahead = ahead[1], next(fills, None)
        yield symbol, parents, _none(folder, digests) if own is None else own


def _groups(
    folder: StudyFolder, name: str, digests: Mapping[str, str], columns: Sequence[str] | None
) -> Iterator[tuple[str, pd.DataFrame]]:
    import pandas as pd

    held: list[pd.DataFrame] = []
    last = ""
    for number in range(count_of(folder, name, digests)):
        part = read_part(folder, name, number, digests, columns=columns).to_pandas()
        for symbol, rows in part.groupby("symbol", sort=False, observed=True):
            if held and symbol != last:
                yield last, pd.concat(held, ignore_index=True)
                held = []
            last = str(symbol)
            held.append(rows)
    if held:
        yield last, pd.concat(held, ignore_index=True)


def _none(folder: StudyFolder, digests: Mapping[str, str]) -> pd.DataFrame:
    found: pd.DataFrame = read_part(folder, "fills", 0, digests, columns=FILLS).slice(0, 0).to_pandas()
    return found


class _Adder:
    """Sums by day of every table, symbol after symbol."""

    def __init__(self, config: Mapping[str, Any], whole: Sessions, mark: str) -> None:
        self._names, self._whole, self._mark = list(config["algorithms"]), whole, mark
        self._stamped: Any = "start" if PRICE_RULES[config["fill_model"]["price"]].at_start else "end"
        self._lot = config["lot_size"]
        self._sums: dict[tuple[str, str, str, str], ClusterSums] = {}
        self._reasons: Counter[tuple[str, str, str, str, str]] = Counter()
        self._fills: dict[str, FillLines] = {}
        self._keys: set[tuple[str, str]] = set()

    def add(self, bars: Bars, parents: pd.DataFrame, fills: pd.DataFrame) -> None:
        """Take in one symbol."""
        found = Analysis(parents, fills, view_of(parents, bars, self._whole), self._stamped)
        self._add_fills(bars, found)
        day = np.searchsorted(self._whole.date, parents["session"].to_numpy().astype("datetime64[D]"))
        for key, mine in found._rows().items():
            self._keys.add(key)
            self._add_shortfall(found, key, mine, day[mine])
        self._add_benchmarks(found, parents, day)

    def _add_fills(self, bars: Bars, found: Analysis) -> None:
        trades, names = found.trades, found.parents["algorithm"].to_numpy()
        price = bars.price()
        for name in self._names:
            if name not in self._fills:
                bounds = Bounds.of(None, self._lot, None)
                market = Market(self._whole, self._stamped, bounds, self._lot, hours_of(self._whole), clock_of(self._whole, bars))
                self._fills[name] = FillLines(market, bars.zone)
            mine = names[trades.parent] == name
            self._fills[name].add(bars, price, Trades._make(column[mine] for column in trades))

    def _add_shortfall(self, found: Analysis, key: tuple[str, str], mine: Ints, day: Ints) -> None:
        whole = parent_shortfall(found.parents, found.fills, found.view, mark=self._mark).take(mine)
        kept = whole.complete
        self._reasons[SHORTFALL, *key, "", LEFT_OUT] += int((~kept).sum())
        chosen = whole.take(kept)
        for name, part in chosen.bps().items():
            self._put((SHORTFALL, *key, name), part.values, chosen.paper.values, day[kept])
            self._reasons[SHORTFALL, *key, name, NOT_KNOWN] += int((~part.known).sum())

    def _add_benchmarks(self, found: Analysis, parents: pd.DataFrame, day: Ints) -> None:
        table = found.benchmarks()
        traded = (parents["filled"] * parents["average_price"]).fillna(0.0).to_numpy()
        for column in table.columns[table.columns.str.endswith("_bps")]:
            name, values, reasons = (
                column.removesuffix("_bps"),
                table[column].to_numpy(np.float64),
                table[f"{column}_reason"].astype(object),
            )
            for key, mine in found._rows().items():
                self._put((BENCHMARKS, *key, name), values[mine], traded[mine], day[mine])
                for reason, n in Counter(reasons.iloc[mine]).items():
                    self._reasons[BENCHMARKS, *key, name, reason] += n if reason else 0

    def _put(self, key: tuple[str, str, str, str], values: Any, weights: Any, day: Ints) -> None:
        more = ClusterSums.of(values, weights, day, len(self._whole))
        self._sums[key] = self._sums[key].plus(more) if key in self._sums else more

    def keys(self) -> list[tuple[str, str]]:
        """Algorithms in the study's sequence, buys before sells."""
        return [(name, side) for name in self._names for side in SIDES if (name, side) in self._keys]

    def frames(self) -> Iterator[pd.DataFrame]:
        """Every sum, by table, algorithm, side, line and day."""
        import pandas as pd

        days = self._whole.date.astype("datetime64[s]")
        for (table, algorithm, side, line), sums in self._sums.items():
            some = np.flatnonzero(sums.n)
            keys = {"table": table, "algorithm": algorithm, "side": side, "line": line, "day": days[some]}
            yield pd.DataFrame({**keys, **{name: column[some] for name, column in sums._asdict().items()}})
        for name, lines in self._fills.items():
            yield from lines.frames(name)

    def reasons(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        """What is not estimable."""
        yield from ((*key, n) for key, n in self._reasons.items() if n)
        for name, lines in self._fills.items():
            yield from ((table, name, side, line, why, n) for table, side, line, why, n in lines.missing())
