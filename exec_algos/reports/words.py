"""The sentences of the report: windows, assumptions, definitions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.fills import PRICE_RULES
from exec_algos.fills.presets import preset_for
from exec_algos.market.depth import PROXIES
from exec_algos.market.hours import OWN_SESSIONS
from exec_algos.market.quality.vwaps import outside_line
from exec_algos.market.splits import used_line
from exec_algos.plots.slippage import sells_mirror_buys
from exec_algos.studies.design.reasons import kinds_of, split_plan
from exec_algos.tca.oversize import oversize_line
from exec_algos.textform import listed, numbered

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.result import StudyResult

LIMIT_FILLS: Mapping[str, str] = {
    "touch": "fill when the bar trades at their limit",
    "through": "fill when the bar trades through their limit",
    "queue": "fill when those ahead of them at their limit have traded, or the bar trades through it",
}

DAY = 1440  # minutes
MOST_WINDOWS = 3  # are named in a sentence
MOST_NAMED = 12  # symbols
MOST_REASONS = 3  # of what was left out

UNMOVED_BESIDE_OWN = (
    "The prices hold what your own trading moved, and do not react to the simulated orders: these meet the market that your fills made."
)
UNMOVED = "The replayed prices do not react to the orders: what our own trading would have moved is not in these numbers."
MOVED = "What our own trading moves is a model, named under the assumptions: benchmarks are the prices of the tape, which it did not move."


def title(result: StudyResult) -> str:
    """Of the page."""
    return "Transaction costs of own fills" if "own_fills" in result.config else "Slippage study"


def simulated(result: StudyResult) -> list[str]:
    """Algorithms, symbols, period, orders and fills, each in a line."""
    config, days = result.config, sorted(result.parents["session"].unique())
    symbols, sessions = sorted(result.parents["symbol"].unique()), f"sessions of {config['calendar']}"
    named = ", ".join(symbols) if len(symbols) <= MOST_NAMED else f"{', '.join(symbols[:6])} ..."
    own = config.get("own_fills", {})
    worked = _simulated(result)
    orders = numbered(int(result.parents["parent_id"].nunique()), "parent order")
    model = config["fill_model"]
    cap = "no cap on participation" if model["max_participation"] is None else f"at most {model['max_participation']:.4g} of a bar's volume"
    return [
        *([f"fills that were made, of {orders}"] if own else []),
        *([_worked(result, worked, orders)] if worked else []),
        f"{numbered(len(symbols), 'symbol')}: {named}",
        f"{numbered(len(days), 'day')}, {' to '.join(dict.fromkeys([f'{days[0]:%Y-%m-%d}', f'{days[-1]:%Y-%m-%d}']))}, {sessions}",
        *([f"market orders pay {PRICE_RULES[model['price']].meaning}; {cap}"] if worked else []),
        *own.get("notes", ()),
    ]


def _worked(result: StudyResult, names: list[str], orders: str) -> str:
    """What the algorithms worked: of a desk's orders perhaps not all."""
    rows = result.parents["algorithm"].value_counts()
    many = [int(rows.get(name, 0)) for name in names]
    if min(many) == result.parents["parent_id"].nunique():
        return f"{orders}, each worked by {listed(names)}"
    return f"of them {listed([f'{count} worked by {name}' for count, name in zip(many, names, strict=True)])}"


def left_out(result: StudyResult) -> list[str]:
    """What is not in the numbers, each in a line; of kinds their counts."""
    config = result.config
    outside_hours = config["bars_outside_regular_hours"]
    skipped = result.skipped.assign(reason=[split_plan(reason)[1] for reason in result.skipped["reason"]]).drop_duplicates()
    residual = result.parents.groupby("algorithm", sort=False)[["residual", "quantity"]].sum()
    short = [
        f"{name}: {_small(row['residual'] / row['quantity'])} of the shares were not filled"
        for name, row in residual.iterrows()
        if row["residual"] > 0
    ]
    return [
        *config.get("own_fills", {}).get("left_out", ()),
        *_skipped(skipped),
        *short,
        *([f"{outside_hours:,} bars outside the regular hours of {config['calendar']}"] if outside_hours else []),
    ]


def _small(fraction: float) -> str:
    """A fraction above 0 as a percentage; little is not nothing."""
    return f"{fraction:.1%}" if fraction >= 0.0005 else "less than 0.1%"


def _days_of_adv(config: Mapping[str, Any]) -> str:
    """How many sessions a grid's ADV is the mean of; a desk's orders do not keep it."""
    return f"{config['profile_days']} " if config["profile_days"] else ""


def _skipped(skipped: pd.DataFrame) -> list[str]:
    """Symbols and sessions left out, of the most frequent reasons; the table below has all."""
    kinds = sorted(kinds_of(skipped["reason"]), reverse=True)
    more = len(kinds) - MOST_REASONS
    named = [f"{numbered(many, 'symbol-session')}: {reason}" for many, reason in kinds[:MOST_REASONS]]
    return [*named, *([f"{numbered(more, 'reason')} more under Left out"] if more > 0 else [])]


def hashes(result: StudyResult) -> list[tuple[str, str]]:
    """What anyone who makes the study again can hold theirs against."""
    config = result.config
    read = config.get("own_fills", {}).get("read", {})
    return [
        ("SHA-256 of the bars", str(config["data_sha256"])),
        *((f"SHA-256 of {PurePath(source['file']).name or f'the {table}'}", str(source["sha256"])) for table, source in read.items()),
        ("versions", ", ".join(f"{name} {number}" for name, number in config["versions"].items())),
    ]


def cautions(result: StudyResult) -> list[str]:
    """What a reader has to know before the numbers."""
    own = "own_fills" in result.config
    sentences = ["Positive = cost."] if own and not _simulated(result) else [f"Positive = cost. {_moved(result)}"]
    lines = (beside_own_line(result.config) if own else frictionless_line(result.config), _oversize(result))
    sentences += [f"{line[0].upper()}{line[1:]}." for line in lines if line]
    if sells_mirror_buys(result):
        sentences.append(
            "What an order paid did not depend on its side: sells are the mirror image of buys by construction, not a second finding."
        )
    if (result.parents["residual"] > 0).any():
        sentences.append("Not every order was filled: see the fill rate beside each number, and what was left over below.")
    return sentences


def _simulated(result: StudyResult) -> list[str]:
    """The algorithms whose orders were worked here, not on a market."""
    return [name for name in result.config["algorithms"] if "own_fills" not in result.config or name != result.config["algorithms"][0]]


def _moved(result: StudyResult) -> str:
    """What the replayed prices know of the orders that were simulated."""
    if result.config["fill_model"].get("impact") is not None:
        return MOVED
    return UNMOVED_BESIDE_OWN if "own_fills" in result.config else UNMOVED


def _oversize(result: StudyResult) -> str:
    return oversize_line(result.oversize(), capped=is_capped(result.config))


def beside_own_line(config: Mapping[str, Any]) -> str:
    """Why simulated fills that pay nothing look cheaper beside real ones; empty where they pay, or where there are none."""
    if not is_frictionless(config) or len(config["algorithms"]) < 2:
        return ""
    suited, calendar = preset_for(config["calendar"]), config["calendar"]
    advice = f"--preset {suited} charges those of {calendar}" if suited else "--spread, --impact and --commission charge them"
    unpaid = "the algorithms pay neither spread, impact nor fees here, and your fills paid them"
    return f"{unpaid}: the algorithms look cheaper than they would be; {advice}"


def benchmark_window(result: StudyResult, benchmark: str) -> str:
    """The window that a benchmark is taken over."""
    zone = result.config["zone"]
    if benchmark == "session_vwap":
        calendar = result.config["calendar"]
        whose = "day, from its first bar to its last" if calendar == OWN_SESSIONS else f"session of {calendar}"
        return f"window: the whole {whose} ({zone})"
    if benchmark == "arrival":
        return f"the price when the order's window begins, {_clock(result, with_end=False)} ({zone})"
    return f"window: the order's own, {_clock(result, with_end=True)} ({zone})"


def _clock(result: StudyResult, *, with_end: bool) -> str:
    """The commonest times of the windows, and how many orders have others; cut, where one window was asked for."""
    orders = result.parents.drop_duplicates("parent_id")
    columns = [orders["start"], orders["end"]] if with_end else [orders["start"]]
    later = [np.zeros(len(orders)), orders["end"].dt.normalize() > orders["start"].dt.normalize()]
    minutes = np.column_stack([column.dt.hour * 60 + column.dt.minute + DAY * after for column, after in zip(columns, later, strict=False)])
    times, counts = np.unique(minutes, axis=0, return_counts=True)
    ranked = np.argsort(-counts, kind="stable")
    asked = (result.config.get("parents") or {}).get("window", ())
    shown = 1 if asked is None or isinstance(asked, str) else MOST_WINDOWS
    usual = [" to ".join(_time(int(minute)) for minute in times[row]) for row in ranked[:shown]]
    others = len(orders) - int(counts[ranked[:shown]].sum())
    why = " (cut to their session)" if shown == 1 else ""
    return ", ".join(usual) + (f"; {others} of {len(orders)} orders have another{why}" if others else "")


def _time(minute: int) -> str:
    """A minute as a clock shows it; `DAY` and more of a later day."""
    return f"{minute % DAY // 60:02d}:{minute % 60:02d}{' of a later day' if minute >= DAY else ''}"


def is_capped(config: Mapping[str, Any]) -> bool:
    """A study whose orders take no more than a part of a bar's volume."""
    return config["fill_model"]["max_participation"] is not None


def own_sessions(config: Mapping[str, Any]) -> bool:
    """A study without a calendar: a session is a day of the bars."""
    return bool(config["calendar"] == OWN_SESSIONS)


def is_frictionless(config: Mapping[str, Any]) -> bool:
    """A study in which nothing is charged: no spread, no impact, no fees."""
    model = config["fill_model"]
    return model["spread"] is None and model["impact"] is None and _commission(model["commission"]) == "none"


def frictionless_line(config: Mapping[str, Any]) -> str:
    """What a reader has to know first of a study without costs; empty where there are some."""
    if not is_frictionless(config):
        return ""
    suited, calendar = preset_for(config["calendar"]), config["calendar"]
    advice = f"--preset {suited} charges those of {calendar}" if suited else "--spread, --impact and --commission charge them"
    return f"no costs are charged: fills pay neither spread, impact nor fees; {advice}"


def outside(result: StudyResult) -> str:
    """Bars that were not used."""
    left_out, config = result.config["bars_outside_regular_hours"], result.config
    return f"{left_out:,} bars outside the regular hours of {config['calendar']} were left out; {config['bars']:,} were used."


def _latency(latency: Any) -> str:
    if isinstance(latency, Mapping):
        return f"drawn for each child, log-normal: mean {latency['mean']:g} s, sd {latency['sd']:g} s, seed {latency['seed']}"
    return f"{latency:g} s from decision to venue"


def assumptions(result: StudyResult) -> list[tuple[str, str]]:
    """What the numbers rest on, by name."""
    config, model = result.config, result.config["fill_model"]
    cap = model["max_participation"]
    return [
        ("market orders pay", PRICE_RULES[model["price"]].meaning),
        (
            "participation cap",
            "none: any size fills in a bar that has volume" if cap is None else f"{cap:.4g} of each bar's volume, at most",
        ),
        ("limit orders", LIMIT_FILLS.get(model["limit_fill"], f"fill by the rule {model['limit_fill']}")),
        ("latency", _latency(model["latency"])),
        ("commission", _commission(model["commission"])),
        ("spread", _spread(model["spread"])),
        ("market impact", _impact(model["impact"])),
        *([("quotes", f"where the bars have none, {PROXIES[config['quote_proxy']]}")] if "quote_proxy" in config else []),
        *_own_orders(config),
        ("competition", "none: each parent order and algorithm is alone in the market"),
        (
            "splits",
            used_line(config["splits"], config.get("splits_unused", ()))
            if "splits" in config
            else "prices and volumes as they are in the data: not adjusted",
        ),
        ("sessions", f"{config['calendar']}, zone {config['zone']}"),
        ("bars", f"{config['bars']:,} of {config['bar_seconds']:g} s"),
        *(("read as", line) for line in config.get("read_as", ())),
        *([("VWAP of the bars", outside_line(config["vwaps_outside"], config["bars"]))] if "vwaps_outside" in config else []),
        *([("odd bars", f"beyond {limits_text(config['limits'])}; else the usual limits")] if "limits" in config else []),
        ("average daily volume", f"mean of the {_days_of_adv(config)}sessions with data before the order's"),
        ("rules", ", ".join(f"{name} {value}" for name, value in config.get("rules", {}).items() if value is not None) or "none"),
        ("lot", f"{config['lot_size']:g} shares"),
        ("driver", str(config["driver"])),
    ]


def limits_text(limits: Mapping[str, float]) -> str:
    """The limits that were moved, such as ``volume=6, missing=0.1``."""
    return ", ".join(f"{name}={value:g}" for name, value in limits.items())


def _own_orders(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was assumed in reading a desk's own orders, and how many windows were clipped."""
    said = {**(config.get("parents") or {}), **config}  # a study in shards writes it one level higher
    clipped, read_as = said.get("orders_clipped", 0), said.get("orders_read_as", ())
    beyond = "window reaches beyond its session and was" if clipped == 1 else "windows reach beyond their session and were"
    return [("orders", note) for note in [*([f"{clipped:,} {beyond} clipped"] if clipped else []), *read_as]]


def _spread(parts: Mapping[str, Any] | None) -> str:
    if parts is None:
        return "none"
    if "bps" not in parts:
        return f"{cost_name(parts)}, half of it paid by each market order, not clipped to the bar"
    return f"{parts['bps']:g} bps, half of it paid by each market order, not clipped to the bar"


def cost_name(parts: Mapping[str, Any]) -> str:
    """A spread or an impact of a study's record: its kind and what was set, such as ``TransientImpact(coefficient=0.01)``."""
    said = (f"{name}={cost_name(value) if isinstance(value, Mapping) else value}" for name, value in parts.items() if name != "kind")
    return f"{parts.get('kind', '')}({', '.join(knob for knob in said if not knob.endswith('=None'))})"


def _impact(parts: Mapping[str, Any] | None) -> str:
    past = "later prices and volumes are those of the past"
    if parts is None:
        return f"none: {past}"
    if parts.get("kind", "SquareRootImpact") != "SquareRootImpact":
        return f"{cost_name(parts)}: what an execution moves, the order's later ones meet; volumes are those of the past"
    return f"{parts['coefficient'] * 1e4:g} bps x sqrt(child / volume of the bar), on the child itself; {past}"


def _commission(parts: Mapping[str, Any]) -> str:
    if parts.get("kind") == "FeeSchedule":
        fees = [f"{part['name']}{' (tax)' if part['tax'] else ''} paid by {' and '.join(part['sides'])}" for part in parts["components"]]
        return f"{parts['name']}, {parts['currency']}, by trade date and liquidity: {'; '.join(fees) or 'none'}"
    if not any(parts.values()):
        return "none"
    return f"{parts['rate'] * 1e4:g} bps of value + {parts['per_share']:g} a share, at least {parts['minimum']:g} a child order (currency)"
