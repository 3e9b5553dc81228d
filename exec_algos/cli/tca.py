"""What ``exec-algos tca`` takes, prints and writes: a desk's own fills beside what algorithms would have paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from exec_algos.cli.printing import console, say_json
from exec_algos.cli.show import Show, bps, interval, print_table, records, short_names, show_groups
from exec_algos.cli.study import REFUSED, check_out, compared_lines, filled_text, print_lines, progress_bar, write_rows
from exec_algos.errors import UsageError
from exec_algos.textform import numbered

if TYPE_CHECKING:
    from rich.table import Table

    from exec_algos.executions import OwnFillsResult
    from exec_algos.executions.refused import RefusedRow
    from exec_algos.market.bars import Bars
    from exec_algos.studies.request import StudyRequest

NONE = "none"  # in the place of algorithms


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFiles:
    """What was said of the files of orders and fills.

    Parameters
    ----------
    fills : str
    orders : str, optional
    keep : str
    order_columns, fill_columns, sides : str, optional
    order_text, fill_text : mapping of str to str
        ``decimal, date_format, encoding``, None where nothing was said.
    stamped : str, optional
    taxes_in_commission : bool, optional
    fees : str, optional
    """

    fills: str
    orders: str | None
    keep: str
    order_columns: str | None
    fill_columns: str | None
    sides: str | None
    order_text: Mapping[str, str | None]
    fill_text: Mapping[str, str | None]
    stamped: str | None
    taxes_in_commission: bool | None
    fees: str | None

    def terms(self) -> dict[str, Any]:
        """What `analyse` takes."""
        from exec_algos.executions import FillForm, OwnOrderForm

        if self.orders is None and (self.order_columns or any(self.order_text.values())):
            raise UsageError(
                "--order-columns, --order-decimal, --order-date-format and --order-encoding say how --orders is written; name it"
            )
        order, fill = (
            {"decimal": text["decimal"], "date_format": text["date_format"], "sides": self.sides}
            for text in (self.order_text, self.fill_text)
        )
        return {
            "order_form": OwnOrderForm(columns=self.order_columns, **order), "order_encoding": self.order_text["encoding"],
            "fill_form": FillForm(columns=self.fill_columns, **fill), "fill_encoding": self.fill_text["encoding"],
            "keep": [name.strip() for name in self.keep.split(",") if name.strip()], "stamped": self.stamped,
            "taxes_in_commission": self.taxes_in_commission, "fees": self.fees,
        }  # fmt: skip


def analyse_and_show(bars: Bars, files: OwnFiles, request: StudyRequest, out: Path, show: Show) -> None:
    """Analyse own fills, write tables and report to `out`, and print what they cost.

    Raises
    ------
    UsageError
        Something that cannot be, or no order is left.
    typer.Exit
        With code 1 where rows were refused.
    """
    from exec_algos.executions import NoOwnOrderError, analyse
    from exec_algos.reports import write_report
    from exec_algos.studies.design.history import KNOWN
    from exec_algos.studies.design.written.form import ORDER_ID

    check_out(out)
    terms = files.terms() | _simulated(request, files)
    if request.splits is not None:
        bars = bars.adjusted(request.splits)
    show.check([*KNOWN, ORDER_ID, *(name.lower() for name in terms["keep"])], symbols=bars.symbols, desk=True)
    with progress_bar(quiet=show.as_json) as report:
        try:
            result = analyse(files.orders, files.fills, bars, progress=report, **terms)
        except NoOwnOrderError as error:
            _write_refused(error.refused, out)
            raise UsageError(f"{error}; row by row: {out / 'refused.csv'}" if error.refused else str(error)) from None
    result.save(out)
    _write_refused(result.refused, out)
    write_rows(result.clipped or None, out / "clipped.csv")
    page = write_report(result, out, currency=show.currency, by=show.names)
    if show.as_json:
        say_json(_as_json(result, out, show))
    else:
        _print(result, show, out)
        print_lines([f"written: {page}"])
    if result.refused:
        raise typer.Exit(REFUSED)


def _simulated(request: StudyRequest, files: OwnFiles) -> dict[str, Any]:
    """What is said of the simulated algorithms."""
    from exec_algos.market.quality.limits import Limits

    nobody = request.algorithms.strip().lower() in {"", NONE}
    said = (
        request.price != "open"
        or request.preset is not None
        or request.max_participation is not None
        or request.spread
        or request.spread_bps
    )
    plain = nobody and files.stamped is not None and not said
    return {
        "calendar": request.calendar, "algorithms": [] if nobody else request.chosen_algorithms(),
        "fill_model": None if plain else request.fill_model(), "rules": request.rules, "lot_size": request.lot(),
        "profile_days": request.adv_days, "limits": Limits.of(request.limits), "driver": request.driver,
    }  # fmt: skip


def _write_refused(rows: Sequence[RefusedRow], out: Path) -> None:
    from exec_algos.executions.refused import refused_rows_text
    from exec_algos.studies.folder import explained

    with explained(str(out)):
        out.mkdir(parents=True, exist_ok=True)
        (out / "refused.csv").write_bytes(refused_rows_text(rows))


def _print(result: OwnFillsResult, show: Show, out: Path) -> None:
    from exec_algos.reports.words import beside_own_line

    terminal, own = console(), result.config["own_fills"]
    short = short_names(result.config["algorithms"])
    print_lines([_title(result)])
    without = _without_own(result)
    print_table(terminal, _table(result, short, without))
    notes = "slippage in bps, positive = cost; 95 % intervals of the mean clustered by day; n/a: not estimable"
    if without:
        notes += "; without own: against the VWAP of what the others traded, for the tape holds our own prints"
    beside = beside_own_line(result.config)
    print_lines([notes, *([beside] if beside else []), ""])
    for side in sorted(set(result.parents["side"])):
        print_lines(compared_lines(result.comparison(side=side), short, side.lower()))
    groups = show.groups(result)
    if groups is not None:
        show_groups(groups, short)
    print_lines([*_left_out(own, str(out)), *(f"note: {note}" for note in own["notes"])])
    from exec_algos.studies.record.data import data_lines

    print_lines([f"data: {line}" for line in data_lines(result.findings)])


def _title(result: OwnFillsResult) -> str:
    counts, days = result.config["own_fills"]["counts"], result.parents["session"]
    fills = f" and {numbered(counts['fills'], 'fill')}" if counts["fills"] else ""
    symbols = numbered(result.parents["symbol"].nunique(), "symbol")
    when = " to ".join(dict.fromkeys([f"{days.min().date()}", f"{days.max().date()}"]))
    return f"own fills: {numbered(counts['orders'], 'order')}{fills} of {symbols}, {when}"


def _left_out(own: Mapping[str, Any], out: str) -> list[str]:
    lines = [f"left out: {line}" for line in own["left_out"]]
    return [*lines, f"row by row in {out}/refused.csv, where row 1 is the first below the column names"] if lines else []


def _without_own(result: OwnFillsResult) -> dict[tuple[str, str], float]:
    """Mean slippage of own fills against the VWAP of the others, by algorithm and side."""
    from exec_algos.studies.record.lists import frames_of

    if not len(result.fills) and not result.config["own_fills"]["counts"]["orders_by_average_price"]:
        return {}
    table = frames_of(result)["benchmarks"]
    names = result.config["algorithms"][0]
    return {(names, side): float(table.loc[(names, side, "vwap_without_own"), "mean"]) for side in set(result.parents["side"])}


def _table(result: OwnFillsResult, short: Mapping[str, str], without: Mapping[tuple[str, str], float]) -> Table:
    """A row for each algorithm and side: slippage against VWAP and arrival, and what was filled."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("algorithm", overflow="fold")
    for name in ("side", "orders", "vs VWAP", "95 % interval", "without own", "vs arrival", "95 % interval", "filled"):
        table.add_column(name, justify="left" if name == "side" else "right", no_wrap=True)
    arrival = result.summary("arrival", by=("algorithm", "side"))
    vwap = result.summary(by=("algorithm", "side"))
    orders = result.parents.groupby(["algorithm", "side"]).size()
    for key in [(name, side) for name in result.config["algorithms"] for side in ("BUY", "SELL") if (name, side) in vwap.index]:
        row, other = vwap.loc[key], arrival.loc[key]
        table.add_row(
            short[key[0]], key[1].lower(), f"{orders[key]}", bps(row["mean"]), interval(row["low"], row["high"]),
            bps(without[key]) if key in without else "", bps(other["mean"]), interval(other["low"], other["high"]),
            filled_text(row["fill_rate"]),
        )  # fmt: skip
    return table


def _as_json(result: OwnFillsResult, out: Path, show: Show) -> dict[str, Any]:
    groups = show.groups(result)
    return {
        "summary": records(result.summary(by=("algorithm", "side")).reset_index()),
        "arrival": records(result.summary("arrival", by=("algorithm", "side")).reset_index()),
        "comparison": {side: records(result.comparison(side=side)) for side in sorted(set(result.parents["side"]))},
        **({} if groups is None else {"by": records(groups.reset_index())}),
        "benchmark": "interval_vwap",
        "unit": "bps, positive = cost",
        "own_fills": result.config["own_fills"],
        "refused": [row._asdict() for row in result.refused],
        "clipped": [row._asdict() for row in result.clipped],
        "skipped": len(result.skipped),
        "findings": records(result.findings),
        "config": result.config,
        "out": str(out),
    }
