"""A saved study without its bars: what its report is made of."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from exec_algos.errors import UsageError
from exec_algos.studies.extremes import BARS, FILLS, bars_of
from exec_algos.studies.folder import WHOLE, StudyFolder, as_settings, unsealed
from exec_algos.studies.record.data import FILE as FINDINGS
from exec_algos.studies.record.data import findings_frame, read_findings
from exec_algos.studies.record.lists import INDEXES, OVERSIZE, WrittenAnalysis, oversize_in, read_lists
from exec_algos.studies.result import StudyResult
from exec_algos.studies.saved import AGAIN, check_undamaged
from exec_algos.studies.shards.reopened import open_shards
from exec_algos.textform import text_of_csv

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("config.json", "parents.parquet", "fills.parquet", "skipped.csv", f"{BARS}.parquet", *(f"{name}.csv" for name in INDEXES))


def open_result(folder: str | os.PathLike[str]) -> StudyResult:
    """A study that `StudyResult.save` wrote, or a finished one in shards, with the tables of its analysis as they stand in the folder.

    Its bars are those of the dearest and the cheapest orders alone, and its fills those of these orders: enough for a report, not for
    `exec_algos.studies.saved.rerun` or other marks and horizons, which `exec_algos.studies.saved.load_result` gives with the bars.

    Parameters
    ----------
    folder : path or fsspec URL

    Raises
    ------
    UsageError
        No such study, one of whose files is not what was written, or one of an earlier version, which kept no tables of its analysis.

    Examples
    --------
    >>> from exec_algos import ParentOrders, SlippageStudy
    >>> from exec_algos.market.samples import load_samples
    >>> bars = load_samples()["XNYS"]
    >>> result = SlippageStudy(bars, ParentOrders.grid(bars, calendar="XNYS"), ["twap"]).run()
    >>> _ = result.save("memory://another-study")
    >>> open_result("memory://another-study").analysis().shortfall().equals(result.analysis().shortfall())
    True
    """
    import pandas as pd

    kept = StudyFolder(folder)
    written = unsealed(kept.get(WHOLE))
    in_shards = written is not None and any(name.startswith("parents.parquet/") for name in written["files"])
    lacking = [WHOLE] if written is None else [name for name in NEEDED if name not in written["files"]]
    if kept.get(WHOLE) is None and kept.get("config.json") is None:
        raise UsageError(f"there is no study in {kept.path}; name the folder of one: study --out, tca --out, --resume, StudyResult.save")
    if kept.get(WHOLE) is not None and not in_shards:  # there each part is looked at when it is read
        check_undamaged(kept)
    if written is None or (not in_shards and not {*lacking} <= {f"{name}.csv" for name in INDEXES}):
        why = "it was not saved to its end, or by an earlier version" if written is None else "an earlier version kept less"
        again = "save the study again (load_result with its bars, StudyResult.save), or run it again"
        raise UsageError(f"no whole study in {kept.path}: it lacks {', '.join(lacking)}, for {why}; {again}")
    digests = written["files"]
    if in_shards:
        return open_shards(kept, digests)

    def table(name: str) -> pd.DataFrame:
        return pd.read_parquet(io.BytesIO(kept.proved(f"{name}.parquet", digests)))

    config: Any = kept.get_json("config.json")
    parents, bars = table("parents"), table(BARS)
    parents["session"] = parents["session"].astype("datetime64[s]")  # Parquet has milliseconds at least
    skipped = text_of_csv(pd.read_csv(io.BytesIO(kept.proved("skipped.csv", digests)), dtype=str, keep_default_na=False))
    findings = read_findings(kept.proved(FINDINGS, digests) if FINDINGS in digests else None)
    with as_settings(f"{kept.path}/config.json", AGAIN):
        few = bars_of(bars, config)
    result = StudyResult(
        parents, table(FILLS if f"{FILLS}.parquet" in digests else "fills"), skipped, config, few,
        findings_frame(()) if findings is None else findings,
    )  # fmt: skip
    _remember(result, read_lists(kept, digests))
    return result


def _remember(result: StudyResult, lists: dict[str, pd.DataFrame]) -> None:
    """Let the result answer from the lists what it would work out of bars."""
    if {*INDEXES} <= {*lists}:
        object.__setattr__(result, "_analysed", WrittenAnalysis(lists, result.parents))
        object.__setattr__(result, "_residuals", lists["residuals"])
    if OVERSIZE in lists:
        object.__setattr__(result, "_oversize", oversize_in(lists[OVERSIZE]))
