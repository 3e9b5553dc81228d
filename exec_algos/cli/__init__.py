"""The ``exec-algos`` command: its options, one file for each command that does more than pass them on.

What lives here: options, help, what is printed. What may not: anything that a Python user would miss. Nothing heavy is imported before
a command runs, so that help is quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from exec_algos.cli.data import Bad, Format, Label, SplitFile, Step, Symbol, Zone, data_app, one_line_errors
from exec_algos.cli.printing import FAULT, say, show_fault, show_warnings
from exec_algos.cli.show import Show
from exec_algos.cli.synth import synth
from exec_algos.errors import UsageError

app = typer.Typer(
    name="exec-algos",
    help="Backtest, study and trade order execution algorithms.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
data_app.command("synth")(synth)

ORDERS, FILLS, RULES, RUN, OUTPUT = (
    "What is studied",
    "Fills and costs",
    "Rules of the desk",
    "How it runs",
    "What is shown",
)  # panels of --help

Algo = Annotated[str, typer.Option(help="Algorithms, comma-separated: twap, vwap, vwap:profile_days=20 ...", rich_help_panel=ORDERS)]
Sides = Annotated[
    str | None, typer.Option("--side", help="buy (if not said), sell or buy,sell; with both, costs stand by side.", rich_help_panel=ORDERS)
]
Size = Annotated[
    str, typer.Option(help="Of each parent order: 5%adv, shares, or notional:1e6; several: 1%adv,5%adv.", rich_help_panel=ORDERS)
]
Window = Annotated[
    str | None,
    typer.Option(
        help="09:30-16:00 in exchange time, the whole session if not given; several: 09:30-12:00,13:00-16:00.", rich_help_panel=ORDERS
    ),
]
Orders = Annotated[
    str | None,
    typer.Option(
        help="A CSV of your own orders (symbol, side, quantity, start, end) in place of sides, sizes and windows.", rich_help_panel=ORDERS
    ),
]
Keep = Annotated[
    str, typer.Option(help="Columns of --orders to carry into the result, comma-separated: trader,desk.", rich_help_panel=ORDERS)
]
Only = Annotated[str | None, typer.Option("--symbols", help="Study these only, comma-separated.", rich_help_panel=ORDERS)]
First = Annotated[
    str | None, typer.Option("--from", help="First day studied, YYYY-MM-DD; earlier ones stay history.", rich_help_panel=ORDERS)
]
Last = Annotated[str | None, typer.Option("--to", help="Last day studied, YYYY-MM-DD.", rich_help_panel=ORDERS)]
Sample = Annotated[
    str | None,
    typer.Option(
        "--strata",
        help="A sample: liquidity,volatility,buckets=5,per_stratum=200,seed=7 or liquidity=1e6/1e8,fraction=0.25.",
        rich_help_panel=ORDERS,
    ),
]
By = Annotated[
    str | None,
    typer.Option(help="Also print the costs by these: size, hour, weekday, month, liquidity, spread, any column.", rich_help_panel=OUTPUT),
]
Sensitivity = Annotated[
    bool,
    typer.Option(
        "--sensitivity",
        help="Also work the orders under a better and a worse fill model: does the ranking survive?",
        rich_help_panel=OUTPUT,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        "--sweep-split",
        help="YYYY-MM-DD: choose the cheapest of --algo on the days before, and show it and the first from that day on.",
        rich_help_panel=ORDERS,
    ),
]
Calendar = Annotated[
    str | None, typer.Option(help="XNYS, XKRX, 24/7 ...; a session is a day of the bars if not given.", rich_help_panel=ORDERS)
]
Cap = Annotated[
    float | None,
    typer.Option("--max-participation", help="Our largest fraction of a bar's volume; no limit if not given.", rich_help_panel=FILLS),
]
Price = Annotated[str, typer.Option(help="What a market order pays: open, vwap, close or worst.", rich_help_panel=FILLS)]
Latency = Annotated[float, typer.Option(help="Seconds between decision and arrival.", rich_help_panel=FILLS)]
Rate = Annotated[float, typer.Option("--commission", help="Fraction of the value traded: 0.00015 is 1.5 bps.", rich_help_panel=FILLS)]
PerShare = Annotated[float, typer.Option("--commission-per-share", help="Currency per share.", rich_help_panel=FILLS)]
Minimum = Annotated[float, typer.Option("--commission-minimum", help="Currency per child order.", rich_help_panel=FILLS)]
Spread = Annotated[
    float, typer.Option("--spread-bps", help="Full spread; a market order pays half of it, not clipped to the bar.", rich_help_panel=FILLS)
]
AnySpread = Annotated[
    str | None,
    typer.Option(
        "--spread",
        help="fixed:bps=5, ticks:tick=0.01, ticks:market=KOSPI, quoted:fallback_bps=5, corwin_schultz:fallback_bps=5 ...",
        rich_help_panel=FILLS,
    ),
]
Impact = Annotated[
    str,
    typer.Option(
        help="square_root:coefficient=0.001, or that number alone: x sqrt(child / volume of the bar); transient:..., almgren:...",
        rich_help_panel=FILLS,
    ),
]
Market = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help="A market with its costs: krx_equity:market=KOSDAQ, us_equity, crypto, frictionless; see exec-algos presets.",
        rich_help_panel=FILLS,
    ),
]
Days = Annotated[
    int | None,
    typer.Option(
        "--profile-days",
        help="Earlier sessions for ADV and for every volume curve; if not given 5, and each algorithm's own.",
        rich_help_panel=ORDERS,
    ),
]
Interval = Annotated[
    float | None, typer.Option(help="Seconds between child orders, rounded up to whole bars; 60 if not given.", rich_help_panel=RULES)
]
Left = Annotated[
    str,
    typer.Option(
        "--residual", help="What becomes of what is left at the end: cancel, force, extend or close_auction.", rich_help_panel=RULES
    ),
]
Smallest = Annotated[float | None, typer.Option("--min-child", help="Shares; what is less waits.", rich_help_panel=RULES)]
Largest = Annotated[float | None, typer.Option("--max-child", help="Shares.", rich_help_panel=RULES)]
Style = Annotated[
    str,
    typer.Option(
        help="Of children: market, touch, or peg:reprice_seconds=60,timeout_seconds=300; needs --driver engine.", rich_help_panel=RULES
    ),
]
Randomise = Annotated[
    str | None, typer.Option(help="Children drawn at random: size=0.2,time=0.5,seed=7; needs --driver engine.", rich_help_panel=RULES)
]
Lot = Annotated[float, typer.Option("--lot-size", help="Shares in a lot.", rich_help_panel=ORDERS)]
Driver = Annotated[str, typer.Option(help="batch (compiled) or engine (event by event); the same numbers.", rich_help_panel=RUN)]
Out = Annotated[Path, typer.Option(help="Folder for tables, plots and report.", rich_help_panel=OUTPUT)]
Resume = Annotated[
    str | None, typer.Option(help="Folder of a study in shards of one store: starts it, or goes on with it.", rich_help_panel=RUN)
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-import",
        help="module:Class that the folder of --resume names and may import; once for each.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]
Cluster = Annotated[str | None, typer.Option(help="local:2, tcp://host:8786 or tls://host:8786; needs --resume.", rich_help_panel=RUN)]
Share = Annotated[
    str | None,
    typer.Option(
        "--shard",
        help="3/8: work the third of eight shares of the shards, beside other processes; a last run without it puts all together. "
        "Needs --resume.",
        rich_help_panel=RUN,
    ),
]
Durable = Annotated[
    bool,
    typer.Option(
        "--fsync/--no-fsync", help="With --resume: a shard is done when the disk has it, and survives a power loss.", rich_help_panel=RUN
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Stop at the first day (--resume) or order (--orders) that cannot be worked.", rich_help_panel=RUN)
]
Fills = Annotated[
    bool | None,
    typer.Option(
        "--fills/--no-fills",
        help="Keep single trades; if not said, always with --resume, else where there are at most 5 million.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]
Proxy = Annotated[
    str | None,
    typer.Option(
        "--quote-proxy",
        help="Where bars have no quotes: close takes bid and ask to be the close, with half the bar's volume on either side.",
        rich_help_panel=FILLS,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON, and nothing else.", rich_help_panel=OUTPUT)]


@app.command("study")
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
    calendar: Calendar = None,
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
    sensitivity: Sensitivity = False,
    sweep_split: Split = None,
    as_json: Json = False,
    resume: Resume = None,
    allow_import: Allow = None,
    cluster: Cluster = None,
    shard: Share = None,
    fsync: Durable = True,
    strict: Strict = False,
    format: Format = None,
    zone: Zone = None,
    label: Label = None,
    step: Step = None,
    symbol: Symbol = None,
    on_bad: Bad = "raise",
) -> None:
    """Work the same parent orders by each algorithm, and say what they cost against the market's VWAP."""
    with one_line_errors(f"{resume or out} holds no result of this run; run the command again"):
        from exec_algos.model import Rules
        from exec_algos.studies.request import Chosen, StudyRequest

        show = Show(by=by, sensitivity=sensitivity, as_json=as_json, split=sweep_split)
        request = StudyRequest(
            algorithms=algo, sides=side, size=size, window=window, orders=orders, keep=keep, calendar=calendar,
            chosen=Chosen(symbols=symbols, first=first, last=last, strata=strata), max_participation=max_participation, price=price,
            latency=latency, commission=(commission, commission_per_share, commission_minimum), spread_bps=spread_bps, spread=spread,
            impact="" if impact == "0" else impact, preset=preset,
            profile_days=profile_days, interval=interval, lot_size=lot_size, driver=driver, fills=fills,
            splits=splits, quote_proxy=quote_proxy,
            rules=Rules(residual=residual, min_child=min_child, max_child=max_child, style=style, randomisation=randomise),
        )  # fmt: skip
        if resume is not None:
            from exec_algos.cli.shards import How, run_shards

            if not resume.strip():
                raise UsageError("--resume names no folder; give one for the study")
            _check_resumed(ctx, resume, bars)
            how = How(cluster, shard, strict=strict, durable=fsync, allow_import=tuple(allow_import or ()))
            run_shards(bars or [], request, resume, how=how, show=show)
            return
        if not bars or cluster or shard or allow_import or (strict and not orders):
            raise UsageError(
                "name bars to study, or --resume DIR; --cluster, --shard and --allow-import need --resume, --strict that or --orders"
            )
        from exec_algos.cli.data import bars_to_study
        from exec_algos.cli.study import run_and_show

        run_and_show(bars_to_study(bars, (format, zone, label, step, symbol, on_bad)), request, out, show=show, strict=strict)


IN_MEMORY = {"out", "format", "zone", "label", "step", "symbol", "on_bad"}  # what a study in shards has no use for
# what may be said of a study that is in its folder
GOING_ON = {"resume", "allow_import", "cluster", "shard", "fsync", "strict", "as_json", "by", "sensitivity", "sweep_split"}


def _check_resumed(ctx: typer.Context, folder: str, bars: list[str] | None) -> None:
    """Refuse options that a study in shards would pass over.

    Raises
    ------
    UsageError
        Their names, and what to do.
    """
    sources = {str(param.name): ctx.get_parameter_source(str(param.name)) for param in ctx.command.params}
    typed = [param for param in ctx.command.params if getattr(sources[str(param.name)], "name", "") == "COMMANDLINE"]
    given = {str(option.name): option.opts[0] for option in typed if option.name != "bars"}
    idle = ", ".join(option for name, option in given.items() if name in IN_MEMORY)
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
def estimate(  # noqa: PLR0913, PLR0917 - each is an option
    bars: Annotated[list[str], typer.Argument(metavar="BARS...", help="Files, folders or a store of bars.")],
    algo: Algo = "twap,vwap",
    side: Sides = None,
    size: Size = "5%adv",
    window: Window = None,
    calendar: Calendar = None,
    session: Annotated[str | None, typer.Option(help="YYYY-MM-DD; the last session of the bars if not given.")] = None,
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
    format: Format = None,
    zone: Zone = None,
    label: Label = None,
    step: Step = None,
    symbol: Symbol = None,
    on_bad: Bad = "raise",
) -> None:
    """Say what an order is expected to cost, before it begins."""
    with one_line_errors():
        from exec_algos.cli.data import load_bars
        from exec_algos.cli.estimate import estimate_and_show
        from exec_algos.studies.request import StudyRequest

        request = StudyRequest(
            algorithms=algo, sides=side, size=size, window=window, calendar=calendar, max_participation=max_participation,
            commission=(commission, commission_per_share, 0.0), spread=spread, impact="" if impact == "0" else impact, preset=preset,
            profile_days=profile_days, interval=interval, lot_size=lot_size, splits=splits, quote_proxy=quote_proxy,
        )  # fmt: skip
        estimate_and_show(load_bars(bars, (format, zone, label, step, symbol, on_bad)), request, session=session, as_json=as_json)


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
    show_warnings()
    try:
        app()
    except Exception as error:
        show_fault(error)
        raise SystemExit(FAULT) from None
