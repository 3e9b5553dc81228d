"""What changed between two saved studies: settings, bars, orders, and what the orders that both have cost. Bars are not needed for it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.paired import paired_difference
from exec_algos.studies.folder import RECORD, WHOLE, StudyFolder, as_settings, unsealed
from exec_algos.studies.saved import check_undamaged
from exec_algos.studies.shards.result import ShardedResult
from exec_algos.studies.summary import estimate_of
from exec_algos.tca.clusters import CLUSTER, clusters_of
from exec_algos.tca.names import BENCHMARKS

if TYPE_CHECKING:
    import pandas as pd

ORDER = ("symbol", "side", "quantity", "start", "end")  # what tells which order of one study is which of the other
READ = ("parent_id", "algorithm", "session", "filled", "average_price", *ORDER, *BENCHMARKS.values())
SIDES = ("BUY", "SELL")
NOT_THERE = "not there"
NONE_COMMON = "no order is in both"
AGAIN = "save the study again"


class Changed(NamedTuple):
    """A setting that differs: its place in ``config.json`` with dots between, and what it is in each study; `NOT_THERE` where it is not."""

    key: str
    old: Any
    new: Any


class BarsCompared(NamedTuple):
    """Whether both studies were made of the same bars; None where that is not known, and in words."""

    same: bool | None
    said: str


@dataclass(frozen=True, eq=False)
class StudiesCompared:
    """What changed from one saved study to another.

    Attributes
    ----------
    old, new : str
        Their folders.
    benchmark : str
        What cost is measured against.
    config : tuple of Changed
        Settings and versions that differ; the SHA-256 of the bars stands in `bars`.
    bars : BarsCompared
    orders : dict of str to int
        Parent orders of ``old`` and ``new``, and those that ``both`` have: of the same symbol, side, quantity, start and end. Orders that
        are alike in all of that are taken in their sequence.
    only : DataFrame
        ``study`` (old or new), ``symbol, side, quantity, start, end`` of the orders that the other has not.
    lines : DataFrame
        Indexed by ``algorithm, side``, bps, positive = cost: ``orders_old, mean_old, orders_new, mean_new`` over all orders whose cost is
        known; ``n, difference, low, high, p, days, reason``: new less old over the orders that both have, clustered by day, and why
        there is no p; ``fill_rate_old, fill_rate_new``; ``changed``: orders that both have and that were filled otherwise. An algorithm
        whose parameters alone changed is ``old -> new`` where no other of its name stands beside it.
    unpaired : tuple of (str, str)
        Study and algorithm that the other study has not.
    """

    old: str
    new: str
    benchmark: str
    config: tuple[Changed, ...]
    bars: BarsCompared
    orders: Mapping[str, int]
    only: pd.DataFrame
    lines: pd.DataFrame
    unpaired: tuple[tuple[str, str], ...]

    @property
    def same(self) -> bool:
        """No setting, version, bar, order, algorithm or fill differs."""
        alike = not self.config and self.bars.same is not False and not self.unpaired
        return alike and not len(self.only) and not int(self.lines["changed"].sum())


class Kept(NamedTuple):
    """What is read of a study: its configuration, `READ` of its parent orders, and in shards the SHA-256 of each symbol's month."""

    config: dict[str, Any]
    parents: pd.DataFrame
    months: dict[tuple[str, str], str] | None


def compare_studies(old: str | os.PathLike[str], new: str | os.PathLike[str], *, benchmark: str = "interval_vwap") -> StudiesCompared:
    """Compare two saved studies, each worked in memory or in shards. A few columns of their parent orders are in memory at a time.

    Parameters
    ----------
    old, new : path or fsspec URL
        Folders of `StudyResult.save` or of a `ShardedStudy`.
    benchmark : {"interval_vwap", "arrival", "interval_twap", "session_vwap"}

    Raises
    ------
    UsageError
        No whole study in a folder, or one of its files is not what was written.
    UnknownNameError
        No such benchmark.

    Examples
    --------
    >>> from exec_algos import FillModel, ParentOrders, SlippageStudy
    >>> from exec_algos.market.samples import load_samples
    >>> bars = load_samples()["XNYS"]
    >>> parents = ParentOrders.grid(bars, calendar="XNYS", size="5%adv")
    >>> for name, cap in (("a", 0.1), ("b", 0.2)):
    ...     _ = SlippageStudy(bars, parents, ["twap"], FillModel(max_participation=cap)).run().save(f"memory://caps/{name}")
    >>> compare_studies("memory://caps/a", "memory://caps/b").config
    (Changed(key='fill_model.max_participation', old=0.1, new=0.2),)
    """
    if benchmark not in BENCHMARKS:
        raise UnknownNameError("benchmark", benchmark, BENCHMARKS)
    places = os.fspath(old), os.fspath(new)
    first, second = (_read(place) for place in places)
    pairs, unpaired = _pairs(first.config["algorithms"], second.config["algorithms"])
    config = tuple(_changed(*(dict(flat(kept.config)) for kept in (first, second))))
    a, b = (_first_orders(kept) for kept in (first, second))
    only = _only(a, b, str(first.config["zone"]))
    counts = {"old": len(a), "new": len(b), "both": len(a) - int((only["study"] == "old").sum())}
    lines = _lines(first.parents, second.parents, pairs, BENCHMARKS[benchmark])
    return StudiesCompared(*places, benchmark, config, _bars(first, second), counts, only, lines, unpaired)


def _read(place: str) -> Kept:
    """What is kept of a study in memory, or in shards: there a table is a folder of parts."""
    folder = StudyFolder(place)
    written = unsealed(folder.get(WHOLE))
    with as_settings(place, AGAIN):
        if written is not None and any(name.startswith("parents.parquet/") for name in written["files"]):
            found = _read_shards(folder, written["files"])
        else:
            found = _read_whole(folder)
        # what is looked up later, so that a configuration that lacks it is told from here
        _ = found.config["algorithms"][0], found.config["zone"]
    return found


def _read_shards(folder: StudyFolder, digests: Mapping[str, str]) -> Kept:
    config = dict(json.loads(folder.proved("config.json", digests)))
    parents = ShardedResult(folder.path, config, (), 0, 0).table(columns=READ)
    months: dict[tuple[str, str], str] = {}
    for name in folder.names("shards"):
        record = unsealed(folder.get(name)) if name.endswith(f"/{RECORD}") else None
        if record is not None:
            months |= {(record["symbol"], month): digest for month, _, digest in record["inputs"]}
    return Kept(config, parents, months)


def _read_whole(folder: StudyFolder) -> Kept:
    import pandas as pd
    import pyarrow.parquet as pq

    config, content = folder.get_json("config.json"), folder.get("parents.parquet")
    if config is None or content is None:
        raise UsageError(f"no whole study in {folder.path}: it lacks config.json or parents.parquet; name the folder of a study")
    check_undamaged(folder)
    there = pq.read_schema(io.BytesIO(content)).names
    lacking = [name for name in READ if name not in there]
    if lacking:
        raise UsageError(f"{folder.path}/parents.parquet lacks the columns {', '.join(lacking)}: {AGAIN}")
    return Kept(config, pd.read_parquet(io.BytesIO(content), columns=[*READ, *({CLUSTER} & set(there))]), None)


def flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their place, dots between; a list is one setting.

    >>> list(flat({"fill_model": {"price": "open"}, "algorithms": ["twap"]}))
    [('fill_model.price', 'open'), ('algorithms', ['twap'])]
    """
    if not (isinstance(value, Mapping) and value):
        yield key, value
        return
    for name, part in value.items():
        yield from flat(part, f"{key}.{name}" if key else str(name))


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Changed]:
    for key in dict.fromkeys([*old, *new]):
        a, b = old.get(key, NOT_THERE), new.get(key, NOT_THERE)
        if key != "data_sha256" and a != b:
            yield Changed(key, a, b)


def _bars(old: Kept, new: Kept) -> BarsCompared:
    if (old.months is None) != (new.months is None):
        return BarsCompared(
            None, "not known: one study is in shards, which have a SHA-256 for each symbol and month, the other one for all bars"
        )
    if old.months is None or new.months is None:
        a, b = (str(kept.config.get("data_sha256")) for kept in (old, new))
        return BarsCompared(a == b, f"the same, sha256 {a[:12]}.." if a == b else f"other ones, sha256 {a[:12]}.. and {b[:12]}..")
    common = sorted(old.months.keys() & new.months.keys())
    other = [key for key in common if old.months[key] != new.months[key]]
    if not common:
        return BarsCompared(None, "not known: no symbol and month is in both studies")
    many = f"{len(common)} symbols' months that both have read"
    if not other:
        return BarsCompared(True, f"the same in the {many}")
    return BarsCompared(False, f"other ones in {len(other)} of the {many}, the first: {' '.join(other[0])}")


def _pairs(old: list[str], new: list[str]) -> tuple[list[tuple[str, str]], tuple[tuple[str, str], ...]]:
    """Algorithms that belong together, in the sequence of the old study, and those of one study alone."""
    same = [(name, name) for name in old if name in new]
    left = {"old": [name for name in old if name not in new], "new": [name for name in new if name not in old]}
    kinds = {study: [name.partition(":")[0] for name in names] for study, names in left.items()}
    for name, kind in zip(left["old"], kinds["old"], strict=True):
        if kinds["old"].count(kind) == 1 == kinds["new"].count(kind):
            same.append((name, left["new"][kinds["new"].index(kind)]))
    paired = {name for pair in same for name in pair}
    alone = tuple((study, name) for study, names in left.items() for name in names if name not in paired)
    return sorted(same, key=lambda pair: old.index(pair[0])), alone


def _keyed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one algorithm, indexed by what tells an order, and which of those that are alike it is."""
    keys = {name: rows[name].astype(object) for name in ("symbol", "side")}
    keys |= {"quantity": rows["quantity"].astype("float64")}
    keys |= {name: rows[name].dt.as_unit("ns").astype("int64") for name in ("start", "end")}
    table = rows.sort_values("parent_id", kind="stable").assign(**keys)
    table = table.assign(alike=table.groupby(list(ORDER), sort=False).cumcount())
    return table.set_index([*ORDER, "alike"])


def _first_orders(kept: Kept) -> pd.DataFrame:
    return _keyed(kept.parents[kept.parents["algorithm"] == kept.config["algorithms"][0]])


def _only(old: pd.DataFrame, new: pd.DataFrame, zone: str) -> pd.DataFrame:
    """The orders that the other study has not, on the clocks of a zone."""
    import pandas as pd

    parts = [
        mine.loc[~mine.index.isin(others.index)].index.to_frame(index=False).assign(study=study)
        for study, mine, others in (("old", old, new), ("new", new, old))
    ]
    found = pd.concat(parts, ignore_index=True)[["study", *ORDER]]
    return found.assign(**{name: pd.to_datetime(found[name].astype("int64"), utc=True).dt.tz_convert(zone) for name in ("start", "end")})


def _lines(old: pd.DataFrame, new: pd.DataFrame, pairs: list[tuple[str, str]], column: str) -> pd.DataFrame:
    import pandas as pd

    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for a, b in pairs:
        for side in SIDES:
            mine, others = (rows[(rows["algorithm"] == name) & (rows["side"] == side)] for rows, name in ((old, a), (new, b)))
            if len(mine) or len(others):
                lines[a if a == b else f"{a} -> {b}", side] = _line(mine, others, column)
    index = pd.MultiIndex.from_tuples(lines, names=["algorithm", "side"])
    return pd.DataFrame(list(lines.values()), index=index, columns=list(_line(old[:0], new[:0], column)))


def _line(old: pd.DataFrame, new: pd.DataFrame, column: str) -> dict[str, Any]:
    """One line of `StudiesCompared.lines`."""
    means = [estimate_of(rows, column, weighted=False) for rows in (old, new)]
    rates = [float(rows["filled"].sum() / rows["quantity"].sum()) if len(rows) else np.nan for rows in (old, new)]
    a, b = _keyed(old), _keyed(new)
    common = a.index.intersection(b.index, sort=False)
    a, b = a.loc[common], b.loc[common]
    found = paired_difference(b[column].to_numpy(np.float64), a[column].to_numpy(np.float64), clusters_of(a))
    difference = found.difference
    prices = [rows["average_price"].to_numpy(np.float64) for rows in (a, b)]
    filled = a["filled"].to_numpy() != b["filled"].to_numpy()
    changed = filled | ~((prices[0] == prices[1]) | (np.isnan(prices[0]) & np.isnan(prices[1])))
    return {
        "orders_old": means[0].n,
        "mean_old": means[0].mean,
        "orders_new": means[1].n,
        "mean_new": means[1].mean,
        "n": difference.n,
        "difference": difference.mean,
        "low": difference.low,
        "high": difference.high,
        "p": found.p,
        "days": difference.clusters,
        "reason": NONE_COMMON if not len(common) else found.reason or difference.reason,
        "fill_rate_old": rates[0],
        "fill_rate_new": rates[1],
        "changed": int(changed.sum()),
    }
