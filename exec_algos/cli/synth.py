"""``exec-algos data synth``: write the synthetic sample set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from exec_algos.cli.printing import one_line_errors, say


def synth(
    out: Annotated[Path, typer.Option(help="Folder to write to; files of the same names are replaced.")] = Path("data"),
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of all noise; if not given, that of the committed set.", show_default=False)
    ] = None,
) -> None:
    """Write the synthetic sample set: minute bars of invented names on XNYS and XKRX, as Parquet."""
    with one_line_errors(f"what was written to {out} stands; run the command again"):
        from exec_algos.market.samples import SEED, write_samples

        seed = SEED if seed is None else seed
        files = write_samples(out, seed)
        size = sum(file.stat().st_size for file in files)
        say(f"{len(files) - 1} synthetic symbols, {size / 1e6:.1f} MB, seed {seed}: {out}")
