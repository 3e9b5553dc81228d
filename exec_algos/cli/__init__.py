"""The ``exec-algos`` command: its options, one file for each command that does more than pass them on.

What lives here: options, help, what is printed. What may not: anything that a Python user would miss. Nothing heavy is imported before
a command runs, so that help is quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from exec_algos.cli.compare import compare
from exec_algos.cli.data import Limits, SplitFile, data_app
from exec_algos.cli.kis import kis_app
from exec_algos.cli.kis_sim import kis_sim
from exec_algos.cli.live import live_app
from exec_algos.cli.options import (
    Algo,
    Allow,
    AnySpread,
    By,
    Calendar,
    Cap,
    Cluster,
    Days,
    Driver,
    Durable,
    Fills,
    Impact,
    Interval,
    Json,
    Largest,
    Latency,
    Left,
    Lot,
    Market,
    Minimum,
    Money,
    Out,
    PerShare,
    Price,
    Proxy,
    Randomise,
    Rate,
    Resume,
    Sensitivity,
    Session,
    Share,
    Sides,
    Size,
    Smallest,
    Split,
    Spread,
    Strict,
    Style,
    Window,
)
from exec_algos.cli.orders import TEXT, Codes, Columns, DateFormat, Decimal, Encoding, First, Keep, Last, Only, Orders, Sample, orders_said
from exec_algos.cli.own_options import (
    FeeSign,
    FillColumns,
    FillDates,
    FillDecimal,
    FillEncoding,
    FillFile,
    KeepBoth,
    OrderDates,
    OrderDecimal,
    OrderEncoding,
    OrderFile,
    OwnAlgo,
    OwnBy,
    OwnCodes,
    OwnColumns,
    OwnPrice,
    Stamps,
    TaxesIn,
)
from exec_algos.cli.printing import FAULT, one_line_errors, say, show_fault, show_warnings
from exec_algos.cli.reading import OPTIONS, UNSAID, Reading, with_reading
from exec_algos.cli.show import Show
from exec_algos.cli.stopping import stop_while_loading
from exec_algos.cli.synth import synth
from exec_algos.cli.venue_sim import venue_sim
from exec_algos.errors import UsageError

app = typer.Typer(
    name="exec-algos",
    help="Backtest, study and trade order execution algorithms.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
app.add_typer(live_app, name="live")
app.add_typer(kis_app, name="kis")
data_app.command("synth")(synth)
app.command("compare")(compare)
app.command("venue-sim")(venue_sim)
app.command("kis-sim")(kis_sim)


@app.command("study")
@with_reading
def study(  # noqa: PLR0913, PLR0917 - each is an option
    ctx: typer.Context,
    bars: Annotated[list[str] | None, typer.Argument(metavar="BARS...", help="Files, folders or a store of bars.")] = None,
    algo: Algo = "twap,vwap",
    side: Sides = None,
    size: Size = "5%adv",
    window: Window = None,
    symbols: Only = None,
    first: First = None,
    last: Last = None,
    strata: Sample = None,
    orders: Orders = None,
    keep: Keep = "",
    order_columns: Columns = None,
    sides_meant: Codes = None,
    order_decimal: Decimal = None,
    order_date_format: DateFormat = None,
    order_encoding: Encoding = None,
    calendar: Calendar = None,
    session: Session = None,
    max_participation: Cap = None,
    price: Price = "open",
    latency: Latency = 0.0,
    commission: Rate = 0.0,
    commission_per_share: PerShare = 0.0,
    commission_minimum: Minimum = 0.0,
    spread_bps: Spread = 0.0,
    spread: AnySpread = None,
    impact: Impact = "0",
    preset: Market = None,
    splits: SplitFile = None,
    limits: Limits = "",
    quote_proxy: Proxy = None,
    profile_days: Days = None,
    interval: Interval = None,
    lot_size: Lot = 1.0,
    residual: Left = "cancel",
    min_child: Smallest = None,
    max_child: Largest = None,
    style: Style = "market",
    randomise: Randomise = None,
    driver: Driver = "batch",
    fills: Fills = None,
    out: Out = Path("out/study"),
    by: By = None,
    currency: Money = None,
    sensitivity: Sensitivity = False,
    sweep_split: Split = None,
    as_json: Json = False,
    resume: Resume = None,
    allow_import: Allow = None,
    cluster: Cluster = None,
    shard: Share = None,
    fsync: Durable = True,
    strict: Strict = False,
    reading: Reading = UNSAID,
) -> None:
    """Work the same parent orders by each algorithm, and say what they cost against the market's VWAP."""
    with one_line_errors(f"{resume or out} holds no result of this run; run the command again"):
        from exec_algos.market.hours import corrected_calendar
        from exec_algos.model import Rules
        from exec_algos.studies.request import Chosen, StudyRequest

        show = Show(by=by, currency=currency, sensitivity=sensitivity, as_json=as_json, split=sweep_split)
        written = orders_said({
            "orders": orders, "keep": keep, "order_columns": order_columns, "sides_meant": sides_meant, "order_decimal": order_decimal,
            "order_date_format": order_date_format, "order_encoding": order_encoding,
        })  # fmt: skip
        request = StudyRequest(
            algorithms=algo, sides=side, size=size, window=window, **written, calendar=corrected_calendar(calendar, session or ()),
            chosen=Chosen(symbols=symbols, first=first, last=last, strata=strata), max_participation=max_participation, price=price,
            latency=latency, commission=(commission, commission_per_share, commission_minimum), spread_bps=spread_bps, spread=spread,
            impact="" if impact == "0" else impact, preset=preset,
            profile_days=profile_days, interval=interval, lot_size=lot_size, driver=driver, fills=fills,
            splits=splits, quote_proxy=quote_proxy, limits=limits,
            rules=Rules(residual=residual, min_child=min_child, max_child=max_child, style=style, randomisation=randomise),
        )  # fmt: skip
        if resume is not None:
            from exec_algos.cli.shards import How, run_shards

            if not resume.strip():
                raise UsageError("--resume names no folder; give one for the study")
            _check_resumed(ctx, resume, bars)
            _check_size(ctx, orders)
            how = How(cluster, shard, strict=strict, durable=fsync, allow_import=tuple(allow_import or ()))
            run_shards(bars or [], request, resume, how=how, show=show)
            return
        if not bars or cluster or shard or allow_import or (strict and not orders):
            raise UsageError(
                "name bars to study, or --resume DIR; --cluster, --shard and --allow-import need --resume, --strict that or --orders"
            )
        _check_size(ctx, orders)
        from exec_algos.cli.data import bars_to_study
        from exec_algos.cli.study import run_and_show

        run_and_show(bars_to_study(bars, reading), request, out, show=show, strict=strict)


IN_MEMORY = {"out", *OPTIONS}  # what a study in shards has no use for
# what may be said of a study that is in its folder
GOING_ON = {"resume", "allow_import", "cluster", "shard", "fsync", "strict", "as_json", "by", "currency", "sensitivity", "sweep_split"}


def _typed(ctx: typer.Context, name: str) -> bool:
    """Whether an option was typed, not taken from its default."""
    return getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"


def _check_size(ctx: typer.Context, orders: str | None) -> None:
    """Refuse a size beside a file of orders, also where it is the one that a grid would have."""
    if orders is not None and _typed(ctx, "size"):
        raise UsageError(f"each order of {orders} says what it is; leave out --size, or the file of orders")


def _check_resumed(ctx: typer.Context, folder: str, bars: list[str] | None) -> None:
    """Refuse options that a study in shards would pass over.

    Raises
    ------
    UsageError
        Their names, and what to do.
    """
    typed = [param for param in ctx.command.params if _typed(ctx, str(param.name))]
    given = {str(option.name): option.opts[0] for option in typed if option.name != "bars"}
    ours = TEXT if "orders" in given else ()
    idle = ", ".join(option for name, option in given.items() if name in IN_MEMORY and name not in ours)
    if idle:
        raise UsageError(f"leave out {idle}: a study with --resume reads one bar store as it stands, and writes into its own folder")
    more = ", ".join(option for name, option in given.items() if name not in GOING_ON)
    if more and not bars:
        raise UsageError(f"without a store the study in {folder} goes on as it was started; leave out {more}, or name the store as well")


@app.command("presets")
def presets(
    preset: Annotated[list[str] | None, typer.Argument(help="Such as krx_equity:market=KOSDAQ; all of them if none is named.")] = None,
) -> None:
    """Say what each market preset assumes: prices, spread, impact, fees by date with their sources, ticks and limits."""
    with one_line_errors():
        from exec_algos.fills.parsing import PRESETS, parse_preset

        say(*"\n\n".join(parse_preset(name).describe() for name in preset or PRESETS).split("\n"))


@app.command("estimate")
@with_reading
def estimate(  # noqa: PLR0913, PLR0917 - each is an option
    bars: Annotated[list[str], typer.Argument(metavar="BARS...", help="Files, folders or a store of bars.")],
    algo: Algo = "twap,vwap",
    side: Sides = None,
    size: Size = "5%adv",
    window: Window = None,
    calendar: Calendar = None,
    session: Annotated[
        list[str] | None,
        typer.Option(help="YYYY-MM-DD, the last session of the bars if not given; and as for study, 2024-11-14=10:00-16:30, its hours."),
    ] = None,
    max_participation: Cap = None,
    commission: Rate = 0.0,
    commission_per_share: PerShare = 0.0,
    spread: AnySpread = None,
    impact: Impact = "0",
    preset: Market = None,
    splits: SplitFile = None,
    quote_proxy: Proxy = None,
    profile_days: Days = None,
    interval: Interval = None,
    lot_size: Lot = 1.0,
    as_json: Json = False,
    reading: Reading = UNSAID,
) -> None:
    """Say what an order is expected to cost, before it begins."""
    with one_line_errors():
        from exec_algos.cli.data import load_bars
        from exec_algos.cli.estimate import calendar_of, day_of, estimate_and_show
        from exec_algos.studies.request import StudyRequest

        request = StudyRequest(
            algorithms=algo, sides=side, size=size, window=window, calendar=calendar_of(calendar, session),
            max_participation=max_participation,
            commission=(commission, commission_per_share, 0.0), spread=spread, impact="" if impact == "0" else impact, preset=preset,
            profile_days=profile_days, interval=interval, lot_size=lot_size, splits=splits, quote_proxy=quote_proxy,
        )  # fmt: skip
        estimate_and_show(load_bars(bars, reading), request, session=day_of(session), as_json=as_json)


@app.command("report")
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a study, of own fills, or of a study in shards.")],
    by: Annotated[str | None, typer.Option(help="Also tables by these: size, hour, weekday, month, liquidity, spread, any column.")] = None,
    currency: Money = None,
    opened: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print it to report.pdf too, by an installed Chromium, Chrome or Edge.")] = False,
) -> None:
    """Make the report of a saved study again."""
    with one_line_errors():
        from exec_algos.cli.report import report_again

        report_again(folder, Show(by=by, currency=currency), opened=opened, pdf=pdf)


@app.command("tca")
@with_reading
def tca(  # noqa: PLR0913, PLR0917 - each is an option
    fills: FillFile,
    bars: Annotated[list[str], typer.Argument(metavar="BARS...", help="Files, folders or a store of bars.")],
    orders: OrderFile = None,
    algo: OwnAlgo = "twap,vwap",
    keep: KeepBoth = "",
    own_columns: OwnColumns = None,
    fill_columns: FillColumns = None,
    sides_meant: OwnCodes = None,
    own_decimal: OrderDecimal = None,
    own_date_format: OrderDates = None,
    own_encoding: OrderEncoding = None,
    fill_decimal: FillDecimal = None,
    fill_date_format: FillDates = None,
    fill_encoding: FillEncoding = None,
    stamped: Stamps = None,
    taxes_in_commission: TaxesIn = None,
    fees: FeeSign = None,
    calendar: Calendar = None,
    session: Session = None,
    max_participation: Cap = None,
    price: OwnPrice = None,
    latency: Latency = 0.0,
    commission: Rate = 0.0,
    commission_per_share: PerShare = 0.0,
    commission_minimum: Minimum = 0.0,
    spread_bps: Spread = 0.0,
    spread: AnySpread = None,
    impact: Impact = "0",
    preset: Market = None,
    splits: SplitFile = None,
    limits: Limits = "",
    profile_days: Days = None,
    interval: Interval = None,
    lot_size: Lot = 1.0,
    driver: Driver = "batch",
    out: Out = Path("out/tca"),
    by: OwnBy = None,
    currency: Money = None,
    as_json: Json = False,
    reading: Reading = UNSAID,
) -> None:
    """Say what your own fills cost, and what algorithms would have paid on the same orders."""
    with one_line_errors(f"{out} holds no result of this run; run the command again"):
        from exec_algos.cli.data import bars_to_study
        from exec_algos.cli.tca import OwnFiles, analyse_and_show
        from exec_algos.market.hours import corrected_calendar
        from exec_algos.studies.request import StudyRequest

        files = OwnFiles(
            fills=fills, orders=orders, keep=keep, order_columns=own_columns, fill_columns=fill_columns, sides=sides_meant,
            order_text={"decimal": own_decimal, "date_format": own_date_format, "encoding": own_encoding},
            fill_text={"decimal": fill_decimal, "date_format": fill_date_format, "encoding": fill_encoding},
            stamped=stamped, taxes_in_commission=taxes_in_commission, fees=fees,
        )  # fmt: skip
        request = StudyRequest(
            algorithms=algo, calendar=corrected_calendar(calendar, session or ()), max_participation=max_participation,
            price=price or "open", latency=latency, commission=(commission, commission_per_share, commission_minimum),
            spread_bps=spread_bps, spread=spread, impact="" if impact == "0" else impact, preset=preset,
            profile_days=profile_days, interval=interval, lot_size=lot_size, driver=driver, splits=splits, limits=limits,
        )  # fmt: skip
        analyse_and_show(bars_to_study(bars, reading), files, request, out, Show(by=by, currency=currency, as_json=as_json))


@app.command("demo")
def demo(out: Out = Path("out/demo")) -> None:
    """Study TWAP and VWAP on the sample bars, which are synthetic."""
    with one_line_errors(f"{out} holds no result of this run; run the command again"):
        from exec_algos.cli.study import run_and_show
        from exec_algos.fills.presets import preset_for
        from exec_algos.market.samples import load_samples
        from exec_algos.studies.request import StudyRequest

        say("Sample bars: synthetic, made by this project; no number below says anything about a real market.")
        for calendar, bars in load_samples().items():
            request = StudyRequest(calendar=calendar, max_participation=0.1, preset=preset_for(calendar))
            run_and_show(bars, request, out / calendar, beside=True)


def main() -> None:
    """Run the command."""
    stop_while_loading()
    show_warnings()
    try:
        app()
    except Exception as error:
        show_fault(error)
        raise SystemExit(FAULT) from None
