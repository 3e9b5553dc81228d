"""The answer that a page begins with: what it cost, in bps and in money, and whether another algorithm was cheaper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from scipy.special import ndtri

from exec_algos.reports.numbers import count, money, ratio
from exec_algos.stats.clustered import FEW
from exec_algos.studies.record.lists import frames_of
from exec_algos.tca.clusters import clustered_by, counted_clusters
from exec_algos.tca.names import BENCHMARKS
from exec_algos.textform import listed, numbered

if TYPE_CHECKING:
    from exec_algos.reports.subject import Subject
    from exec_algos.stats.statistics import Estimate

BENCHMARK = "interval_vwap"
POWER, LEVEL = 0.8, 0.05
MOST_COMPARED = 3  # algorithms in the sentence; the table has all
NO_ARRIVAL = "it is not known when the orders reached the market; --orders says it"
NOTHING = 0.005  # bps; less reads as 0.00
MOST_NEEDED = 1e7  # orders; a difference that takes more is none


class Answer(NamedTuple):
    """The first sentences of a page."""

    sentence: str
    more: tuple[str, ...]


def answer(subject: Subject) -> Answer:
    """What the first algorithm, or the own fills, cost against the interval VWAP, and the others beside it."""
    base, *others = subject.algorithms
    pairs = _pairs(subject)
    rest = [
        _beside(name, pairs[name], subject.config) if name in pairs else f"{named(name)} worked none of the orders"
        for name in others[:MOST_COMPARED]
    ]
    unsaid = len(others) - MOST_COMPARED
    beyond = [f"{numbered(unsaid, 'more algorithm')} below"] if unsaid > 0 else []
    sentence = "; ".join([_cost(subject, base), *rest, *beyond])
    more = [
        _without_cost(subject, base),
        _filled(subject),
        _arrival(subject, base),
        _without_own(subject, base),
        _fees(subject, base),
        _unsummed(subject, base),
        _weighted(subject, base),
    ]
    more.append(_how(subject, pairs, [sentence, *more]))
    return Answer(f"{sentence}.", tuple(line for line in more if line))


def _without_cost(subject: Subject, name: str) -> str:
    """How many orders are not in the mean, and the commonest reason; empty where none is, or where there is no mean."""
    rows = subject.rows(name)
    missing = rows[rows[BENCHMARKS[BENCHMARK]].isna()]
    if not len(missing) or len(missing) == len(rows):
        return ""
    reasons = missing["not_estimable"].astype(str)
    why = reasons[reasons != ""].value_counts().index
    reason = f": {why[0]}" if len(why) else ""
    return f"{count(len(missing))} of {numbered(len(rows), 'order')} {'has' if len(missing) == 1 else 'have'} no cost{reason}."


def _filled(subject: Subject) -> str:
    """How much of the orders the costs are of, where that is not all."""
    rows = {name: subject.rows(name) for name in subject.algorithms[: 1 + MOST_COMPARED]}
    parts = {name: ratio(float(own["filled"].sum()), float(own["quantity"].sum())) for name, own in rows.items() if len(own)}
    if all(part >= 0.9995 for part in parts.values()):
        return ""
    return (
        f"These are costs of what was filled: {listed([f'{part:.1%} of the shares by {_inside(name)}' for name, part in parts.items()])}."
    )


def named(name: str) -> str:
    """An algorithm at the beginning of a sentence: ``TWAP``, ``VWAP (profile_days=20)``, ``Own fills``.

    >>> named("vwap:profile_days=20"), named("own fills"), named("implementation_shortfall"), named("pov")
    ('VWAP (profile_days=20)', 'Own fills', 'Implementation shortfall', 'POV')
    """
    kind, _, parameters = name.partition(":")
    words = kind.replace("_", " ")
    short = words.upper() if kind in {"twap", "vwap", "pov"} else words[:1].upper() + words[1:]
    return f"{short} ({parameters})" if parameters else short


def _inside(name: str) -> str:
    """An algorithm within a sentence: words small, names such as TWAP not."""
    said = named(name)
    return said if said[:2].isupper() else said[:1].lower() + said[1:]


def _cost(subject: Subject, name: str) -> str:
    found = subject.result.estimate(name, BENCHMARK)
    if not math.isfinite(found.mean):
        return f"{named(name)}: the cost against the interval VWAP is not estimable ({_why(subject, name, found)})"
    return f"{_amount(subject, name, BENCHMARK, found)} against the market's VWAP"


def _why(subject: Subject, name: str, found: Estimate) -> str:
    """Why there is no mean: what the orders say, the commonest first, else what the estimate says."""
    reasons = subject.rows(name)["not_estimable"].astype(str)
    counts = reasons[reasons != ""].value_counts()
    return str(counts.index[0]) if len(counts) else found.reason


def _amount(subject: Subject, name: str, benchmark: str, found: Estimate, *, inside: bool = False) -> str:
    """What it cost or saved; `inside` a sentence the name of own fills has no capital."""
    saved = found.mean < 0
    amounts = _in_money(subject.money(subject.rows(name), benchmark), saved=saved)
    interval = _interval(found.low, found.high, turned=saved)
    who = _inside(name) if inside else named(name)
    return f"{who} {'saved' if saved else 'cost'} {_size(found.mean)} bps{amounts}{interval}"


def _size(value: float) -> str:
    """Without its sign; what is not 0 does not read as 0 before the third decimal."""
    return f"{abs(value):.{1 if abs(value) >= 0.05 else 2}f}"


def _interval(low: float, high: float, *, turned: bool = False) -> str:
    """The 95 % interval, of what was saved with the sign turned; empty where it is not estimable."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    ends = (-high, -low) if turned else (low, high)
    digits = 1 if min(map(abs, ends)) >= 0.05 else 2  # an end that is not 0 does not read as 0
    return f" [{ends[0]:z.{digits}f}, {ends[1]:z.{digits}f}]"


def _in_money(amounts: Mapping[str, float], *, saved: bool) -> str:
    """In brackets, with the sign of the sentence; empty where currencies are not known.

    The mean counts orders and the sum counts money, so they may have other signs.
    """
    signed = {code: -value if saved else value for code, value in amounts.items() if math.isfinite(value)}
    if signed and all(value < 0 for value in signed.values()):
        return f" (but {money({code: -value for code, value in signed.items()})} {'lost' if saved else 'saved'} in all)"
    said = money(signed)
    return f" ({said})" if said else ""


def _beside(name: str, pair: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Another algorithm against the first: how much more or less, and whether the orders can tell."""
    difference = -pair["difference"]
    if not math.isfinite(difference):
        return f"{named(name)} cannot be compared, for no order has a cost by both"
    who = f"{named(name)} {_more(difference)}{_of_both(pair)}"
    if not math.isfinite(pair["low"]) or not math.isfinite(pair["high"]):
        return f"{who}, with no interval: {f'{counted_clusters(config, 1)} gives none' if pair['reason'] in {'', FEW} else pair['reason']}"
    if pair["low"] == 0 == pair["high"]:  # each order cost the same
        return who
    if not pair["low"] <= 0 <= pair["high"] or abs(difference) < NOTHING:
        return f"{who}{_interval(-pair['high'], -pair['low'], turned=difference <= -NOTHING)}"
    return f"{who}, which {numbered(int(pair['n']), 'order')} cannot tell from 0{_would(pair, config)}"


def _of_both(pair: Mapping[str, Any]) -> str:
    """How many orders a pair has, where some have a cost by one of the two only."""
    return f" on the {numbered(int(pair['n']), 'order')} that both have" if pair["left_out"] else ""


def _more(difference: float) -> str:
    if abs(difference) < NOTHING:
        return "the same"
    return f"{_size(difference)} bps {'more' if difference > 0 else 'less'}"


def _would(pair: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """What would tell a difference from 0: more orders, or where there are enough of them more days."""
    needed = _needed(pair)
    if needed <= pair["n"]:
        return f": more than {counted_clusters(config, int(pair['clusters']))} would"
    return f": about {count(needed)} would" if needed <= MOST_NEEDED else ""


def _needed(pair: Mapping[str, Any]) -> float:
    """Orders like these that would tell the difference from 0: ``n ((z_0.975 + z_0.8) error / difference)^2``, two digits, rounded up.

    The error is the clustered one, so it is taken that more orders come with more days.
    """
    if not pair["difference"] or not math.isfinite(pair["standard_error"]):
        return math.inf
    quantiles = float(ndtri(1 - LEVEL / 2) + ndtri(POWER))
    orders = pair["n"] * (quantiles * pair["standard_error"] / pair["difference"]) ** 2
    digits = max(0, math.ceil(math.log10(max(orders, 1))) - 2)
    return float(math.ceil(orders / 10**digits) * 10**digits)


def _pairs(subject: Subject) -> dict[str, dict[str, Any]]:
    """The first algorithm against each other, by name of the other."""
    found = subject.result.comparison(BENCHMARK)
    base = subject.algorithms[0]
    own = found[found["first"] == base] if len(found) else found
    return {str(row["second"]): {str(key): value for key, value in row.items()} for row in own.to_dict("records")}


def _arrival(subject: Subject, name: str) -> str:
    found = subject.result.estimate(name, "arrival")
    if not math.isfinite(found.mean):
        known = subject.config.get("own_fills", {}).get("arrival_known", True)
        return f"Against the arrival price it is not estimable ({_why(subject, name, found) if known else NO_ARRIVAL})."
    return f"Against the arrival price {_amount(subject, name, 'arrival', found, inside=True)}."


def _without_own(subject: Subject, name: str) -> str:
    """Own fills against what the others traded, for the tape holds our own prints too."""
    table = frames_of(subject.result)["benchmarks"] if "own_fills" in subject.config else None
    if table is None:
        return ""
    found = table.xs((name, "vwap_without_own"), level=("algorithm", "benchmark"))
    known = [(str(side).lower(), row) for side, row in found.iterrows() if math.isfinite(row["mean"])]
    said = [f"{row['mean']:+z.1f} bps{_interval(row['low'], row['high'])} ({side})" for side, row in known]
    return f"The market's VWAP holds your own fills; against the VWAP of the others they cost {listed(said)}." if said else ""


def _fees(subject: Subject, name: str) -> str:
    """The mean of the orders, as the other means are; each order is in its own currency."""
    rows = subject.rows(name)
    rows = rows[rows["filled"] * rows["average_price"] > 0]
    mean = float((1e4 * rows["commission"] / (rows["filled"] * rows["average_price"])).mean())
    if not math.isfinite(mean) or not (rows["commission"] != 0).any():
        return ""
    said = money({code: -paid if mean < 0 else paid for code, paid in subject.fees(rows).items()})
    amounts = f" ({said})" if said else ""
    units = {subject.currencies.of(symbol) for symbol in rows["symbol"].unique()}
    unit = "; they are read in the unit of the prices, hundredths, not in whole currency" if any(u.per_price != 1 for u in units) else ""
    added = f"{'take off' if mean < 0 else 'add'} {_size(mean)} bps in the mean of the orders{amounts}"
    return f"Fees are not in these numbers: they {added}{unit}."


def _unsummed(subject: Subject, name: str) -> str:
    """Where the money is that of a part of the orders."""
    if not subject.unsummed or not subject.money(subject.rows(name), BENCHMARK):
        return ""
    rows = subject.rows(name)
    part = f"{count(rows['symbol'].isin(subject.unsummed).sum())} of {numbered(len(rows), 'order')}"
    symbols = numbered(len(subject.unsummed), "symbol")
    return f"The money is without {part}: the currency of {symbols} is not known; --currency names it."


def _weighted(subject: Subject, name: str) -> str:
    """Where large orders cost otherwise than small ones, the money tells another story than the mean."""
    if len(subject.named) > 1:
        return f"The orders are in {listed(subject.named)}: notional-weighted means weigh 1 of each the same; read them by symbol."
    equal, weighted = (subject.result.estimate(name, BENCHMARK, weighted=flag).mean for flag in (False, True))
    if subject.unsummed or not (math.isfinite(equal) and math.isfinite(weighted)) or abs(equal - weighted) < max(0.1, 0.1 * abs(equal)):
        return ""
    found = f"{_inside(name)} {'saved' if weighted < 0 else 'cost'} {_size(weighted)} bps"
    return f"Each order counts the same in these means; weighted by value, as the money is, {found}."


def _how(subject: Subject, pairs: Mapping[str, Mapping[str, Any]], said: Sequence[str]) -> str:
    """How intervals are to be read where there are some, for how many pairs they do not allow, and which orders these are."""
    many = "; the intervals do not allow for the number of pairs, the table of pairs does" if len(pairs) > 1 else ""
    brackets = (
        f"Brackets hold 95 % intervals, clustered by {clustered_by(subject.config)}{many}" if any("[" in text for text in said) else ""
    )
    whole = "; ".join(filter(None, [brackets, subject.note]))
    return f"{whole[:1].upper()}{whole[1:]}." if whole else ""
