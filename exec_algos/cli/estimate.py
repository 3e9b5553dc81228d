"""What ``exec-algos estimate`` prints: the expected cost of an order before it begins."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.table import Table

from exec_algos.cli.printing import console, say_json
from exec_algos.cli.show import print_table
from exec_algos.costs.charges import is_free
from exec_algos.errors import UsageError
from exec_algos.fills.presets import preset_for
from exec_algos.market.quality.finders import word
from exec_algos.market.quality.limits import Limits

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.studies.request import StudyRequest
    from exec_algos.studies.study import SlippageStudy

WIDTH = 140  # characters; where the output is no terminal it would be 80
FEW = 4
NUMBERS = ("expected_bps", "spread_bps", "impact_bps", "commission_bps", "sd_bps", "low_bps", "high_bps")


def calendar_of(calendar: str | None, said: Sequence[str] | None) -> str | None:
    """The calendar with the hours that ``--session`` says of days."""
    from exec_algos.market.hours import corrected_calendar

    return corrected_calendar(calendar, [text for text in said or () if "=" in text])


def day_of(said: Sequence[str] | None) -> str | None:
    """The day to estimate: the one ``--session`` without hours.

    Raises
    ------
    UsageError
        Two of them.
    """
    days = [text for text in said or () if "=" not in text]
    if len(days) > 1:
        raise UsageError(f"--session names one day to estimate, got {', '.join(days)}; hours of a day are 2024-11-14=10:00-16:30")
    return days[0] if days else None


def estimate_and_show(bars: Bars, request: StudyRequest, *, session: str | None = None, as_json: bool = False) -> None:
    """Estimate an order in each symbol of the bars, from the sessions before, and print it.

    Parameters
    ----------
    bars : Bars
    request : StudyRequest
        Side, size, window, algorithms and costs.
    session : str, optional
        ``YYYY-MM-DD``; the last one of the bars if not given.
    as_json : bool
        Print JSON, and nothing else.

    Raises
    ------
    UsageError
        No order can be made of that session, or no cost was named.
    """
    study = _of_session(request.study(bars), session)
    _refuse_without_costs(request)
    table = study.pretrade()
    if as_json:
        rows = table.assign(session=table["session"].astype(str)).replace({np.nan: None}).to_dict("records")
        say_json(rows)
        return
    _print(table, study)


def _refuse_without_costs(request: StudyRequest) -> None:
    """An estimate of nothing is 0, which reads as a trade that is free."""
    model = request.fill_model()
    if request.preset is None and model.spread is None and model.impact is None and is_free(model.commission):
        suits = preset_for(request.calendar) or "us_equity"
        raise UsageError(
            f"an estimate needs costs to estimate: pass --preset {suits}, or --spread, --impact or --commission; "
            "--preset frictionless means that there are none"
        )


def _of_session(study: SlippageStudy, session: str | None) -> SlippageStudy:
    """The study of one session's orders."""
    orders = study.parents
    dates = orders.sessions.date[orders.session].astype(str)
    chosen = max(dates) if session is None else session
    if chosen not in dates:
        why = next((skip.reason for skip in orders.skipped if skip.session == chosen), "the bars have no such session")
        raise UsageError(f"no order can be estimated on {chosen}: {why}; sessions from {min(dates)} to {max(dates)} can")
    return replace(study, parents=orders.take(dates == chosen))


def _print(table: pd.DataFrame, study: SlippageStudy) -> None:
    shown_on = console(width=max(console().width, WIDTH))
    first = table.iloc[0]
    shown_on.print(
        f"Expected cost against arrival on {first['session']:%Y-%m-%d}, bps, positive = cost; known before the open only", highlight=False
    )
    shown = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1))
    for name in ("symbol", "side", "shares", "algorithm"):
        shown.add_column(name, no_wrap=True)
    for name in ("cost", "spread", "impact", "commission", "sd", "5 to 95 %", "of volume", "done"):
        shown.add_column(name, justify="right", no_wrap=True)
    for line in table.to_dict("records"):
        shown.add_row(line["symbol"], line["side"].lower(), f"{line['quantity']:,}", line["algorithm"], *_cells(line))
    print_table(shown_on, shown)
    for reason, rows in table[table["reason"] != ""].groupby("reason", sort=False):
        shown_on.print(f"not estimable, {_named(rows)}: {reason}", highlight=False)
    model: Any = study.fill_model
    days = f"{study.parents.profile_days} earlier sessions"
    shown_on.print(
        f"done: the chance that all is filled, by the volumes of {days}; spread {model.spread}, impact {model.impact}", highlight=False
    )
    for text in _few_bars(study):
        shown_on.print(text, highlight=False)


def _few_bars(study: SlippageStudy) -> list[str]:
    """A line for each symbol whose ADV and curves come from few bars with volume."""
    orders, step = study.parents, study.bars.step
    room = orders.sessions.slots(step)[orders.session] * orders.profile_days
    filled = orders.columns["adv_bars"]
    few = {orders.symbols[orders.symbol[n]]: n for n in np.flatnonzero(filled < Limits().sparse * room).tolist()}
    return [f"{symbol}: ADV and curves come from {filled[n]:.0f} of {room[n]:,} {word(step)} before, the others have no volume"
            for symbol, n in few.items()]  # fmt: skip


def _named(rows: pd.DataFrame) -> str:
    """Algorithms, and the symbols where they are few."""
    symbols = rows["symbol"].unique()
    where = f" in {', '.join(symbols)}" if len(symbols) <= FEW else f" in {len(symbols)} symbols"
    return f"{', '.join(rows['algorithm'].unique())}{where}"


def _cells(line: Mapping[Hashable, Any]) -> tuple[str, ...]:
    if line["reason"]:
        return ("-",) * 8
    cost, spread, impact, fees, sd, low, high = (line[name] for name in NUMBERS)
    done = "not known" if np.isnan(line["completion"]) else f"{line['completion']:.0%}"
    parts = (f"{cost:+.2f}", f"{spread:+.2f}", f"{impact:+.2f}", f"{fees:+.2f}", f"{sd:.1f}")
    return (*parts, f"[{low:+.1f}, {high:+.1f}]", f"{line['participation']:.1%}", done)
