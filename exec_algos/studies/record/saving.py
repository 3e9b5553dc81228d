"""The files of a study that was worked in memory; `exec_algos.studies.saved` reads them again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exec_algos.studies.extremes import FILLS as EXTREME_FILLS
from exec_algos.studies.folder import WHOLE, StudyFolder, seal
from exec_algos.studies.record.lists import INDEXES
from exec_algos.studies.record.tables import parquet_of_frame
from exec_algos.studies.run.sums import FILES as SUMMED
from exec_algos.textform import csv_text

if TYPE_CHECKING:
    import pandas as pd

OPTIONAL = {  # files that not every study has
    *(f"{name}.parquet" for name in (*SUMMED, EXTREME_FILLS)),
    *(f"{name}.csv" for name in INDEXES),
}


def save(
    folder: str | Path,
    tables: Mapping[str, pd.DataFrame],
    lists: Mapping[str, pd.DataFrame],
    config: Mapping[str, Any],
) -> Path:
    """Write the tables as Parquet, the lists as CSV and the configuration, by name, and last the SHA-256 of each; the folder.

    The index of a list is written where it has names. Of `OPTIONAL` files those that an earlier study left are taken away.

    Raises
    ------
    UsageError
        The folder cannot be written to.
    """
    kept = StudyFolder(folder)
    digests = {f"{name}.parquet": kept.put(f"{name}.parquet", parquet_of_frame(table)) for name, table in tables.items()}
    for name, rows in lists.items():
        digests[name] = kept.put(name, csv_text(rows, index=any(rows.index.names)).encode())
    digests["config.json"] = kept.put("config.json", (json.dumps(config, indent=2, default=str) + "\n").encode())
    # last: a folder without it holds no whole study
    kept.put(WHOLE, seal({"files": digests}))
    for name in OPTIONAL - {*digests}:
        kept.remove(name)
    kept.sweep()
    return Path(folder)
