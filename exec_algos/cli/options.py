"""The options of ``exec-algos study`` and ``exec-algos estimate``: what they are called, and what help says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
By = Annotated[
    str | None,
    typer.Option(help="Also print the costs by these: size, hour, weekday, month, liquidity, spread, any column.", rich_help_panel=OUTPUT),
]
Money = Annotated[
    str | None,
    typer.Option(
        "--currency",
        help="Of the prices: USD; GBX where they are in pence; BTC-USD=USD,BTC-EUR=EUR by symbol. That of the fees or of the exchange if "
        "not given.",
        rich_help_panel=OUTPUT,
    ),
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
Session = Annotated[
    list[str] | None,
    typer.Option(
        "--session",
        help="Hours of a day that the calendar has wrong: 2024-11-14=10:00-16:30, or 2024-11-14=closed; once for each.",
        show_default=False,
        rich_help_panel=ORDERS,
    ),
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
