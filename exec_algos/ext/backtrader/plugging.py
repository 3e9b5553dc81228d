"""`plug_in`: tell a Cerebro how orders are executed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import backtrader as bt

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.ext.backtrader.broker import OURS, ExecutionBroker
from exec_algos.ext.backtrader.settings import ATTRIBUTE, FeedSettings
from exec_algos.fills import FillModel

FILLS = ("backtrader", "exec_algos")


def plug_in(  # noqa: PLR0913 - what a run says of its fills and feeds
    cerebro: Any,
    *,
    fills: Literal["backtrader", "exec_algos"] = "backtrader",
    fill_model: FillModel | None = None,
    label: Literal["start", "end"] | Mapping[str, str] | None = None,
    calendar: str | Mapping[str, str] | None = None,
    zone: str | Mapping[str, str] | None = None,
    quote_proxy: str | None = None,
) -> None:
    """Say how the orders of a run are filled and how its feeds are read.

    Not needed with backtrader's own fills, feeds that are labelled by end, and hours from their ``sessionstart`` and ``sessionend``.

    Parameters
    ----------
    cerebro : backtrader.Cerebro
        Before its run.
    fills : {"backtrader", "exec_algos"}
        Whose fills: those of the broker that Cerebro has, or those of `fill_model`, by an `ExecutionBroker` in its place,
        which keeps the cash and the commissions set so far. Set its other options before or after, by ``cerebro.broker``.
    fill_model : FillModel, optional
        With ``fills="exec_algos"``; that of the `ExecutionBroker` which is there already, or ``FillModel()``.
    label : {"end", "start"} or mapping, optional
        What a bar's stamp is, of all feeds or by their names. Absent: the end, as backtrader has it; a feed whose sessions show that it
        is the start is refused with its first order, one that comes bar by bar as soon as it shows.
    calendar : str or mapping of str to str, optional
        Calendar of the sessions (``"XNYS"``), or one for each feed's name. Without it a session is the feed's
        ``sessionstart`` to ``sessionend``.
    zone : str or mapping, optional
        IANA zone in which the stamps of feeds without ``tz`` are read, of all feeds or by their names; the calendar's if absent. With
        neither they are read in UTC, which the first order warns of.
    quote_proxy : {"close"}, optional
        What stands in for quotes, which feeds have not: bid and ask are then the close, with half the bar's volume on either side.
        An algorithm that reads quotes is refused without it.

    Raises
    ------
    UnknownNameError
        An unknown kind of fills or label; in the run, a name that is no feed's.
    UsageError
        A fill model without ``fills="exec_algos"``, or a broker whose own fill options would be lost.
    """
    if fills not in FILLS:
        raise UnknownNameError("kind of fills", fills, FILLS)
    if fill_model is not None and fills != "exec_algos":
        raise UsageError("a fill_model is used with fills='exec_algos' only; backtrader's broker fills in its own way")
    setattr(cerebro, ATTRIBUTE, FeedSettings(label=label, calendar=calendar, zone=zone, quote_proxy=quote_proxy))
    if fills == "exec_algos":
        cerebro.setbroker(_in_place_of(cerebro.broker, fill_model))


def _in_place_of(old: Any, fill_model: FillModel | None) -> ExecutionBroker:
    if type(old) not in (bt.brokers.BackBroker, ExecutionBroker):
        raise UsageError(
            f"fills='exec_algos' takes the place of backtrader's own broker, but this Cerebro trades through {type(old).__name__}, "
            "whose ways would be lost; leave fills='backtrader'"
        )
    options = dict(old.p._getkwargs())
    if isinstance(old, ExecutionBroker):
        fill_model = fill_model or options["fill_model"]
    lost = [name for name in OURS if options.pop(name, None) and not (name == "filler" and isinstance(old, ExecutionBroker))]
    if lost:
        raise UsageError(f"{' and '.join(lost)} of the broker would be lost: its fill model takes their place, see FillModel")
    new = ExecutionBroker(**{**options, "fill_model": fill_model})
    new.comminfo = dict(old.comminfo)
    return new
