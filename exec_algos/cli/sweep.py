"""What ``exec-algos study --sweep-split DAY`` does: chooses an algorithm on the days before, and shows it on the days from it on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from exec_algos.cli.show import bps, interval, short_names
from exec_algos.textform import numbered

if TYPE_CHECKING:
    from exec_algos.studies.sensitivity import Sweep
    from exec_algos.studies.study import SlippageStudy

BELOW = "all below is of these days"
UNKNOWN = "not estimable"
SWEEP = "sweep.json"  # beside the tables, which are those of the later days


def swept(study: SlippageStudy, split: str, driver: Any, progress: Any, *, fills: bool) -> Sweep:
    """The sweep of a study in memory."""
    from exec_algos.studies.sensitivity import sweep

    return sweep(
        study.bars, study.parents, study.algorithms, study.fill_model, split=split, rules=study.rules, driver=driver, progress=progress,
        fills=fills, limits=study.limits,
    )  # fmt: skip


def sweep_lines(record: dict[str, Any]) -> list[str]:
    """What was chosen on which days, and what it saves on the later ones."""
    train, test, gain = record["train"], record["test"], record["gain"]
    short = short_names(list(train["means"]))
    chosen, baseline = short[record["chosen"]], short[record["baseline"]]
    means = ", ".join(f"{short[name]} {UNKNOWN if mean is None else bps(mean)}" for name, mean in train["means"].items())
    note = f"; {record['note']}" if record.get("note") else ""
    head = f"sweep: {chosen} was chosen on {_days(train)}, mean slippage in bps: {means}{note}"
    later = f"on the later {_days(test)},"
    if gain is None:
        return [head, f"{later} there is nothing to hold it against, for it is the first algorithm; {BELOW}"]
    if gain["mean"] is None:
        return [head, f"{later} what it saves against {baseline} is not estimable: {gain['reason']}; {BELOW}"]
    low, high = (math.nan if gain[end] is None else gain[end] for end in ("low", "high"))
    more = "" if gain["mean"] >= 0 else ", so it costs more"
    return [
        head,
        f"{later} it saves {bps(gain['mean'])} bps against {baseline}, 95 % interval {interval(low, high, UNKNOWN)}{more}; {BELOW}",
    ]


def _days(half: dict[str, Any]) -> str:
    days = half["first"] if half["first"] == half["last"] else f"{half['first']} to {half['last']}"
    return f"{days}, {numbered(half['parent_orders'], 'parent order')}"


def sweep_record(found: Sweep, split: str) -> dict[str, Any]:
    """A sweep ready for JSON: what is not known is null."""
    names = found.train.config["algorithms"]
    return {
        "split": split,
        "baseline": names[0],
        "chosen": found.chosen,
        "train": {**_half(found.train), "means": {name: _known(found.train.estimate(name).mean) for name in names}},
        "test": _half(found.test),
        "gain": None if found.gain is None else {name: _known(value) for name, value in found.gain._asdict().items()},
        "benchmark": "interval_vwap",
        "note": found.train.estimate(names[0]).note,
        "unit": "bps; means: positive = cost; gain: baseline - chosen, positive = saved",
    }


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _half(result: Any) -> dict[str, Any]:
    """Days and parent orders of a half."""
    pieces = result.iter_batches(["session"]) if hasattr(result, "iter_batches") else [result.parents]
    ends = [(piece["session"].min(), piece["session"].max()) for piece in pieces]
    first, last = min(end for end, _ in ends), max(end for _, end in ends)
    return {"first": str(first.date()), "last": str(last.date()), "parent_orders": result.config["parent_orders"]}
