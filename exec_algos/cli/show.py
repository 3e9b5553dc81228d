"""What the ``exec-algos`` command prints of a study besides its summary: costs by groups, and under other fill models."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from exec_algos.cli.printing import console
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.textform import numbered, visible

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Column, Table

    from exec_algos.studies.design.imports import Refused
    from exec_algos.studies.sensitivity import Band
    from exec_algos.tca.oversize import Oversize
    from exec_algos.tca.twins import Shown

WIDE = 240  # columns
FOLDED = 24  # characters of a name that a narrow terminal has on a line
PADDING = 3  # columns beside each cell


class Grouped(Protocol):
    """A result that can be looked at by groups: in memory or in shards."""

    def by(self, *names: str) -> pd.DataFrame:
        """As `StudyResult.by`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """What to print.

    Parameters
    ----------
    by : str, optional
        What to look at costs by, comma-separated.
    sensitivity : bool
        Also under a better and a worse fill model.
    as_json : bool
        As JSON, and nothing else.
    split : str, optional
        A day: choose the cheapest algorithm on the days before it, and print the days from it on.
    currency : str, optional
        Of the prices, as `exec_algos.market.currencies.currencies` takes it.

    Raises
    ------
    UsageError
        Other fill models and a split, or a currency that is none.
    """

    by: str | None = None
    sensitivity: bool = False
    as_json: bool = False
    split: str | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        from exec_algos.market.currencies import currencies

        currencies(self.currency)
        if self.split is not None and self.sensitivity:
            raise UsageError(
                "--sweep-split and --sensitivity do not go together: under other fills another algorithm might have been chosen; "
                f"sweep first, then study what was chosen with --sensitivity --from {self.split}"
            )

    @property
    def names(self) -> list[str]:
        """What to look at costs by."""
        return [part.strip() for part in (self.by or "").split(",") if part.strip()]

    def check(self, own: Iterable[str], *, symbols: Iterable[str] | None = None, desk: bool = False) -> None:
        """Refuse, before hours of work, a name or a symbol that the result will not have.

        Parameters
        ----------
        own : iterable of str
            Columns that the orders bring with them.
        symbols : iterable of str, optional
            Of the bars, where they are known.
        desk : bool
            They come of a file, which may have more columns.

        Raises
        ------
        UsageError
            The name, and those that there are.
        """
        from exec_algos.market.currencies import currencies
        from exec_algos.tca.buckets import CLOCKS, TRAITS, full_name
        from exec_algos.tca.table import COLUMNS

        if symbols is not None:
            currencies(self.currency).check(symbols)
        usual = ["symbol", "session", *CLOCKS, *(name.removesuffix("_bucket") for name in TRAITS), *own]
        for name in self.names:
            if full_name(name) not in {*usual, *TRAITS, *COLUMNS}:
                error = UnknownNameError("--by", name, usual)
                raise UsageError(f"{error} A column of the file of orders needs --keep {name} too") if desk else error

    def groups(self, result: Grouped) -> pd.DataFrame | None:
        """Costs by side and by what was asked for; None where nothing was."""
        return result.by(*dict.fromkeys(["side", *self.names])) if self.names else None


def group_table(frame: pd.DataFrame, short: Mapping[str, str]) -> Table:
    """Costs by groups as a table."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    names = [str(name) for name in frame.index.names]
    for name in names:
        table.add_column(name, overflow="fold", min_width=len(name))
    for name in ("n", "mean", "95 % interval", "filled"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in frame.reset_index().to_dict("records"):
        cells = [str(row[name]).lower() if name == "side" else short.get(str(row[name]), str(row[name])) for name in names]
        table.add_row(*cells, f"{row['n']:.0f}", bps(row["mean"]), interval(row["low"], row["high"]), f"{row['fill_rate']:.1%}")
    return table


def band_table(bands: Mapping[str, Band], short: Mapping[str, str]) -> Table:
    """Mean costs under each fill model as a table; `bands` by side."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("algorithm", "side"):
        table.add_column(name)
    for name in next(iter(bands.values())).means.columns:
        table.add_column(str(name), justify="right")
    for side, band in bands.items():
        for algorithm, means in band.means.iterrows():
            table.add_row(short[str(algorithm)], side.lower(), *(bps(mean) for mean in means))
    return table


def band_lines(bands: Mapping[str, Band], short: Mapping[str, str]) -> list[str]:
    """Whether the ranking survives, a line for each side."""
    lines = []
    for side, band in bands.items():
        if len(band.means) == 1:
            continue  # nothing to rank
        said = {model: " < ".join(short[name] for name in names) for model, names in band.ranking.items()}
        if band.survives:
            lines.append(f"{side.lower()}: the ranking survives every fill model: {next(iter(said.values()))}{_unsure(band)}")
        else:
            ranked = "; ".join(f"{model}: {v}" for model, v in said.items())
            lines.append(f"{side.lower()}: the ranking hangs on the fill model: {ranked}{_unsure(band)}")
    return lines


def _unsure(band: Band) -> str:
    """How many pairs of algorithms are not told apart: a ranking may survive and be chance all the same."""
    pairs = band.pairs.groupby(level=["first", "second"], sort=False)
    sure = [bool(((pair["low"] > 0) | (pair["high"] < 0)).all()) for _, pair in pairs]
    if all(sure):
        return ""
    return (
        f"; in {sure.count(False)} of {numbered(len(sure), 'pair')} it may be chance under at least one model "
        "(95 % interval holds 0, or is not estimable)"
    )


def _console() -> Console:
    """As wide as the terminal; a file or a pipe has no width to fit into."""
    found = console()
    found.width = found.width if found.is_terminal else WIDE
    return found


def print_table(terminal: Console, table: Table) -> None:
    """Print a table whole: on a narrow terminal its lines run on, for a number that is cut is another number."""
    needed = sum(_least(column) for column in table.columns) + PADDING * len(table.columns)
    terminal.width = max(terminal.width, needed)
    terminal.print(table)


def _least(column: Column) -> int:
    """Characters that a column cannot do without: names of many parameters may be folded."""
    whole = max(len(visible(str(cell))) for cell in (column.header, *column.cells))
    return max(whole, column.min_width or 0) if column.no_wrap else min(whole, FOLDED)


def show_groups(frame: pd.DataFrame, short: Mapping[str, str]) -> None:
    """Print costs by groups."""
    print_table(_console(), group_table(frame, short))


def show_bands(bands: Mapping[str, Band], short: Mapping[str, str]) -> None:
    """Print the means under each fill model, and whether the ranking survives; nothing where there are none."""
    if not bands:
        return
    terminal = _console()
    terminal.print("mean slippage were fills better or worse, bps:", soft_wrap=True)
    print_table(terminal, band_table(bands, short))
    for line in band_lines(bands, short):
        terminal.print(line, soft_wrap=True)


def order_lines(
    given: int, worked: int, refused: Sequence[Refused], clipped: Sequence[Refused], notes: Sequence[str], folder: str
) -> list[str]:
    """What became of each of a desk's orders, why some were refused and clipped, and what was assumed in reading them."""
    from exec_algos.studies.design.reasons import kinds_of

    other = given - worked - len(refused)
    rest = f", {other} skipped or failed as said above" if other else ""
    lines = [f"orders: {given} given, {worked} worked{rest}, {len(refused) or 'none'} refused"]
    if refused:
        lines[0] += f"; row by row in {folder}/refused.csv, where row 1 is the first below the column names:"
        lines += [f"  {n} x {kind}" for n, kind in kinds_of(row.reason for row in refused)]
    if clipped:
        kinds = ", ".join(f"{n} x {kind}" for n, kind in kinds_of(row.reason.partition(":")[0] for row in clipped))
        lines.append(f"clipped: {numbered(len(clipped), 'order')} to the session ({kinds}); row by row in {folder}/clipped.csv")
    return [*lines, *(f"orders read: {note}" for note in notes)]


def unfilled_lines(residuals: pd.DataFrame, short: Mapping[str, str], shown: Shown) -> list[str]:
    """Why not all was filled, a line for each algorithm and side of the table that is shown."""
    from exec_algos.tca.residuals import residual_line

    lines = {key: residual_line(row) for key, row in residuals.iterrows() if key in shown.table.index}
    return [f"not filled: {short[key[0]]} {key[1].lower()} {line}" for key, line in lines.items() if line]  # type: ignore[index] # a pair


def oversize_as_json(found: Iterable[Oversize]) -> list[dict[str, Any]]:
    """Orders above each volume; the multiple of a volume of 0 is null."""
    return [{**row._asdict(), "most": row.most if math.isfinite(row.most) else None} for row in found]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON: what is not known is null."""
    rows = frame.to_dict("records")
    return [{str(key): None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()} for row in rows]


def bands_as_json(bands: Mapping[str, Band]) -> dict[str, Any]:
    """Means, rankings and whether they survive, by side."""
    return {side: {"means": band.means.to_dict(), "ranking": band.ranking, "survives": band.survives} for side, band in bands.items()}


def short_names(algorithms: Sequence[str]) -> dict[str, str]:
    """Names without parameters, where that tells the algorithms apart."""
    bare = [text.partition(":")[0] for text in algorithms]
    return {text: name if bare.count(name) == 1 else text for text, name in zip(algorithms, bare, strict=True)}


def bps(value: float, unknown: str = "n/a") -> str:
    """A cost with its sign."""
    return unknown if math.isnan(value) else f"{value:+.2f}"


def interval(low: float, high: float, unknown: str = "n/a") -> str:
    """The two ends."""
    return unknown if math.isnan(low) else f"[{low:+.2f}, {high:+.2f}]"
