"""A study on disk: saved, read again, and run again to the same bytes."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from exec_algos.checks import check_profile_days, check_real, check_whole
from exec_algos.errors import UsageError
from exec_algos.market.depth import with_quote_proxy
from exec_algos.market.hours import sessions_of
from exec_algos.market.quality.findings import findings_of
from exec_algos.market.quality.limits import Limits
from exec_algos.market.splits import of_record
from exec_algos.model import Rules
from exec_algos.studies.design.parents import ParentOrders, Skipped
from exec_algos.studies.design.sampling import Stratum
from exec_algos.studies.folder import WHOLE, StudyFolder, as_settings, differing, unsealed
from exec_algos.studies.record.configuration import data_fingerprint, fill_model_of
from exec_algos.studies.record.data import FILE as FINDINGS
from exec_algos.studies.record.data import read_findings
from exec_algos.studies.result import StudyResult
from exec_algos.studies.run.custom import recorded_algorithms
from exec_algos.studies.run.sums import FILES as SUMMED
from exec_algos.studies.run.sums import TradeSums
from exec_algos.studies.study import SlippageStudy
from exec_algos.tca.table import COLUMNS
from exec_algos.textform import text_of_csv

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.studies.study import Driver

AGAIN = "save the study again"


def load_result(folder: str | os.PathLike[str], bars: Bars) -> StudyResult:
    """A study that `StudyResult.save` wrote.

    Parameters
    ----------
    folder : path or fsspec URL
    bars : Bars
        Those it was made of; its plots draw on them.

    Raises
    ------
    UsageError
        No such study, one of whose files is not what was written, or other bars: their SHA-256 is not that of the configuration.

    Examples
    --------
    >>> from exec_algos.market.samples import load_samples
    >>> bars = load_samples()["XNYS"]
    >>> result = SlippageStudy(bars, ParentOrders.grid(bars, calendar="XNYS"), ["twap"]).run()
    >>> _ = result.save("memory://a-study")
    >>> load_result("memory://a-study", bars).summary().equals(result.summary())
    True
    >>> rerun("memory://a-study", bars).parents.equals(result.parents)
    True
    """
    import pandas as pd

    kept = StudyFolder(folder)
    parts = {name: kept.get(name) for name in ("config.json", "parents.parquet", "fills.parquet", "skipped.csv")}
    lacking = [name for name, content in parts.items() if content is None]
    if not lacking:
        check_undamaged(kept)
    config = kept.get_json("config.json")
    if lacking or config is None:
        raise UsageError(f"no whole study in {kept.path}: it lacks {', '.join(lacking or ['config.json'])}; StudyResult.save writes them")
    bars = _adjusted(bars, config)
    with as_settings(f"{kept.path}/config.json", AGAIN):
        regular, wanted = _regular(bars, config), str(config["data_sha256"])
    if data_fingerprint(regular) != wanted:
        raise UsageError(f"the study in {kept.path} was made of other bars: sha256 {wanted[:12]}.. there; give the same")
    parents, fills = (pd.read_parquet(io.BytesIO(parts[f"{name}.parquet"] or b"")) for name in ("parents", "fills"))
    parents["session"] = parents["session"].astype("datetime64[s]")  # Parquet has milliseconds at least
    skipped = text_of_csv(pd.read_csv(io.BytesIO(parts["skipped.csv"] or b""), dtype=str, keep_default_na=False))
    findings = read_findings(kept.get(FINDINGS))
    if findings is None:
        findings = findings_of(bars, sessions_of(bars, config["calendar"]), Limits(**config.get("limits", {}))).frame()
    return StudyResult(parents, fills, skipped, config, regular, findings, _sums(kept))


def _sums(folder: StudyFolder) -> TradeSums | None:
    """What single fills were added up to, where they were not kept; an earlier version wrote neither."""
    import pandas as pd

    written = unsealed(folder.get(WHOLE))
    names = {name: f"{name}.parquet" for name in SUMMED}
    if written is None or not set(names.values()) <= set(written["files"]):
        return None
    contents = {name: folder.proved(file, written["files"]) for name, file in names.items()}
    return TradeSums.of_tables({name: pd.read_parquet(io.BytesIO(content)) for name, content in contents.items()})


def check_undamaged(folder: StudyFolder) -> None:
    """Compare every file with the SHA-256 of when it was written; earlier versions wrote none.

    Raises
    ------
    UsageError
        One of them is not what was written.
    """
    content = folder.get(WHOLE)
    written = unsealed(content)
    if content is not None and written is None:
        raise UsageError(f"{folder.path}/{WHOLE} is damaged: what it says is not what was written; save the study again")
    other = differing(folder, list(written["files"].items())) if written is not None else []
    if other:
        raise UsageError(
            f"the study in {folder.path} is damaged, or was being saved again: {', '.join(other)} differ from the SHA-256 in {WHOLE}; "
            "save the study again"
        )


def rerun(folder: str | os.PathLike[str], bars: Bars, *, allow_import: Iterable[str] = ()) -> StudyResult:
    """Work the parent orders of a saved study again, by the same algorithms and fill model.

    With the same versions of the same packages, `StudyResult.save` of it gives the same bytes.

    Parameters
    ----------
    folder : path or fsspec URL
    bars : Bars
        Those it was made of.
    allow_import : iterable of str
        ``module:Class`` of algorithms and executors of one's own: the folder's config.json names them, and only what is named here too
        is imported.

    Raises
    ------
    UsageError
        As `load_result`; or the folder names code that `allow_import` does not.
    """
    saved = load_result(folder, bars)
    config = saved.config
    if "own_fills" in config:
        raise UsageError(f"{os.fspath(folder)} holds a desk's own fills, which cannot be worked again; analyse their files again (tca)")
    with as_settings(f"{os.fspath(folder)}/config.json", AGAIN):
        algorithms = recorded_algorithms(config, os.fspath(folder), allow_import)
        bars, driver = _adjusted(bars, config), str(config["driver"])
        study = SlippageStudy(
            _proxied(bars, config), _orders(saved, bars), algorithms, fill_model_of(config["fill_model"]), Rules(**config["rules"]),
            Limits(**config.get("limits", {})),
        )  # fmt: skip
    kept = saved.sums is None and (len(saved.fills) > 0 or not saved.parents["filled"].sum() > 0)
    return study.run(cast("Driver", driver), fills=kept)


def _regular(bars: Bars, config: dict[str, Any]) -> Bars:
    sessions = sessions_of(bars, config["calendar"])
    return _proxied(bars.take(sessions.locate(bars.start) >= 0), config)


def _adjusted(bars: Bars, config: dict[str, Any]) -> Bars:
    return of_record(bars, config["splits"]) if config.get("splits") else bars


def _proxied(bars: Bars, config: dict[str, Any]) -> Bars:
    """The bars with the proxy of the saved study, and none where it had none."""
    return with_quote_proxy(bars, config["quote_proxy"]) if "quote_proxy" in config else replace(bars, quote_proxy=None)


def _orders(saved: StudyResult, bars: Bars) -> ParentOrders:
    """The parent orders as they were, what was known before each and what was skipped with them."""
    check_real(lot_size=saved.config["lot_size"])
    check_whole(profile_days=saved.config["profile_days"])
    if saved.config["profile_days"]:  # a desk's own orders have none
        check_profile_days(saved.config["profile_days"])
    config, sessions = saved.config, sessions_of(bars, saved.config["calendar"])
    rows = saved.parents[saved.parents["algorithm"] == config["algorithms"][0]].sort_values("parent_id")
    symbol = {name: i for i, name in enumerate(bars.symbols)}
    day = {day: number for number, day in enumerate(sessions.date.astype("datetime64[D]").tolist())}
    days = rows["session"].to_numpy().astype("datetime64[D]").tolist()
    return ParentOrders(
        symbols=bars.symbols, sessions=sessions, symbol=np.array([symbol[row] for row in rows["symbol"]], dtype=np.int64),
        session=np.array([day[date] for date in days], dtype=np.int64), side=np.where(rows["side"] == "BUY", 1, -1).astype(np.int64),
        lots=np.rint(rows["quantity"].to_numpy() / config["lot_size"]).astype(np.int64), lot_size=config["lot_size"],
        start=_instants(rows["start"]), end=_instants(rows["end"]), profile_days=config["profile_days"],
        skipped=tuple(Skipped(*row) for row in saved.skipped.itertuples(index=False)), columns=_columns(rows),
        strata=tuple(Stratum(**stratum) for stratum in config["strata"]), terms=config["parents"],
    )  # fmt: skip


def _columns(rows: pd.DataFrame) -> dict[str, Any]:
    """What stood beside the columns that every study has; texts as they were."""
    found = {str(name): rows[name].to_numpy() for name in rows.columns if name not in COLUMNS}
    return {name: column if column.dtype == np.float64 else column.astype(object) for name, column in found.items()}


def _instants(stamps: pd.Series) -> Any:
    return stamps.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
