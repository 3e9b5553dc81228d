"""How far a study's answer hangs on the fill model, and a choice of parameters that never sees the days it is reported on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import combinations, zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.algorithms import Algorithm
from exec_algos.errors import UsageError
from exec_algos.executors import OrderExecutor
from exec_algos.fills import FillModel
from exec_algos.market.quality.limits import USUAL, Limits
from exec_algos.model import NO_RULES, Rules
from exec_algos.stats.statistics import Estimate
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.result import StudyResult
from exec_algos.studies.shards.result import ShardedResult
from exec_algos.studies.shards.study import ShardedStudy
from exec_algos.studies.study import SlippageStudy

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.studies.design.parents import ParentOrders
    from exec_algos.studies.study import Driver


class Band(NamedTuple):
    """A study under several fill models.

    Attributes
    ----------
    means : DataFrame
        Mean slippage in bps, positive = cost: a row for each algorithm, a column for each model.
    ranking : dict of str to tuple of str
        For each model the algorithms, the cheapest first; equal means in order of their names.
    pairs : DataFrame
        Indexed by ``first, second, model``: paired difference ``first - second`` in bps with ``mean, low, high`` (95 %, day-clustered).
    survives : bool
        The ranking is the same under every model.
    """

    means: pd.DataFrame
    ranking: dict[str, tuple[str, ...]]
    pairs: pd.DataFrame
    survives: bool


def fill_models(neutral: FillModel) -> dict[str, FillModel]:
    """Three models around one: ``optimistic`` (no spread, no impact, a limit that is touched fills), the model itself, and ``pessimistic``
    (a market order pays the worst price of its bar, a limit must be traded through).
    """
    return {
        "optimistic": replace(neutral, spread=None, impact=None, limit_fill="touch"),
        "neutral": neutral,
        "pessimistic": replace(neutral, price="worst", limit_fill="through"),
    }


Result = StudyResult | ShardedResult
KEYS = ("parent_id", "symbol", "session", "side", "algorithm", "quantity", "start", "end")


def band(results: Mapping[str, Result], benchmark: str = "interval_vwap", *, side: str | None = None) -> Band:
    """Put results of the same parent orders and algorithms under several fill models side by side.

    Parameters
    ----------
    results : mapping of str to StudyResult or ShardedResult
        By name of the model; `fill_models` makes three.
    benchmark : {"interval_vwap", "arrival", "interval_twap", "session_vwap"}
    side : {"BUY", "SELL"}, optional
        One side only.

    Raises
    ------
    UsageError
        No result, or results of different algorithms or parent orders.
    """
    import pandas as pd

    _check_same(results)
    names = sorted(next(iter(results.values())).config["algorithms"])
    means = pd.DataFrame(
        {model: [_mean(result, name, benchmark, side) for name in names] for model, result in results.items()}, index=names
    )
    ranking = {model: tuple(means[model].sort_values(kind="stable").index) for model in results}
    rows = {
        (first, second, model): result.compare(first, second, benchmark, side=side)
        for first, second in combinations(names, 2)
        for model, result in results.items()
    }
    pairs = pd.DataFrame(
        [(*key, row.mean, row.low, row.high) for key, row in rows.items()], columns=["first", "second", "model", "mean", "low", "high"]
    )
    return Band(means.rename_axis("algorithm"), ranking, pairs.set_index(["first", "second", "model"]), len(set(ranking.values())) == 1)


def _check_same(results: Mapping[str, Result]) -> None:
    if not results:
        raise UsageError("a band needs at least one result")
    first, *others = results.values()
    if not all(_same(first, other) for other in others):
        raise UsageError("the results are not of the same parent orders and algorithms; run one study with each fill model")


def _same(first: Result, second: Result) -> bool:
    if isinstance(first, ShardedResult) and isinstance(second, ShardedResult):
        return all(
            a is not None and b is not None and a.equals(b) for a, b in zip_longest(first.iter_batches(KEYS), second.iter_batches(KEYS))
        )
    mine, its = (_keys(result).sort_values(["parent_id", "algorithm"], ignore_index=True) for result in (first, second))
    return len(mine) == len(its) and bool((mine.to_numpy() == its.to_numpy()).all())


def _keys(result: Result) -> pd.DataFrame:
    return result.table(columns=KEYS) if isinstance(result, ShardedResult) else result.parents[list(KEYS)]


def _mean(result: Result, name: str, benchmark: str, side: str | None) -> float:
    if side is None:
        return result.estimate(name, benchmark).mean
    return float(result.summary(benchmark, by=("algorithm", "side"))["mean"].loc[(name, side.upper())])


class Sweep(NamedTuple):
    """Parameters chosen on some days and reported on later ones.

    Attributes
    ----------
    train : StudyResult or ShardedResult
        Every candidate, on the parent orders before the split.
    chosen : str
        The cheapest of them there.
    test : StudyResult or ShardedResult
        The chosen one, and the baseline where it is another, on the parent orders from the split on.
    gain : Estimate or None
        ``baseline - chosen`` over the test days in bps, positive = the choice saves; None where the baseline was chosen.
    """

    train: Result
    chosen: str
    test: Result
    gain: Estimate | None


def sweep(  # noqa: PLR0913 - the parts of a study, and how to split it
    bars: Bars,
    parents: ParentOrders,
    algorithms: Sequence[Algorithm | str | type[OrderExecutor]],
    fill_model: FillModel | None = None,
    *,
    split: str,
    rules: Rules = NO_RULES,
    benchmark: str = "interval_vwap",
    driver: Driver = "batch",
    fills: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
    limits: Limits = USUAL,
) -> Sweep:
    """Choose among algorithms or parameters on the days before `split`, and report the choice on the days from it on.

    The candidates that were not chosen are never worked on the later days, so that nothing can be chosen by them. Volume profiles look
    back over the split, as they would have on the day.

    Parameters
    ----------
    bars : Bars
    parents : ParentOrders
    algorithms : sequence of Algorithm, str or subclass of OrderExecutor
        The candidates, two or more; the first is the baseline.
    fill_model : FillModel, optional
    split : str
        The first day of the test, ``"2024-07-01"``.
    rules : Rules
    benchmark : {"interval_vwap", "arrival", "interval_twap", "session_vwap"}
    driver : {"batch", "engine"}
    fills : bool
        Keep the single trades of the later days.
    progress : callable, optional
        Called with ``(algorithm, done, total)``, first of the one half and then of the other.
    limits : Limits
        From where on bars are odd.

    Raises
    ------
    UsageError
        A split that is no day, or that leaves no parent order on one side; fewer than two candidates, or means that
        are not estimable or all the same.
    """
    later = parents.sessions.date[parents.session] >= _day(split)
    if later.all() or not later.any():
        raise UsageError(f"split {split} leaves {int((~later).sum())} parent orders to train on and {int(later.sum())} to test on; move it")
    before, after = _parted(parents, later, split)
    study = SlippageStudy(bars, before, algorithms, fill_model, rules, limits)
    _check_candidates(study.algorithms)
    with _half(f"before {split}"):
        train = study.run(driver, fills=False, progress=progress)
    baseline, chosen = _choice(train, benchmark, split)
    own = [algorithm for algorithm in study.algorithms if str(algorithm) in {baseline, chosen}]
    with _half(f"from {split} on"):
        test = replace(study, parents=after, algorithms=own).run(driver, fills=fills, progress=progress)
    return Sweep(train, chosen, test, None if chosen == baseline else test.compare(baseline, chosen, benchmark))


def _parted(parents: ParentOrders, later: npt.NDArray[np.bool_], split: str) -> tuple[ParentOrders, ParentOrders]:
    """The parent orders before the split and from it on, each with what was skipped on its own days."""
    skipped = {half: tuple(skip for skip in parents.skipped if (skip.session >= split) == half) for half in (False, True)}
    return replace(parents.take(~later), skipped=skipped[False]), replace(parents.take(later), skipped=skipped[True])


def _check_candidates(algorithms: Sequence[object]) -> None:
    if len(algorithms) < 2:
        raise UsageError(
            f"a sweep chooses among algorithms, and the first is what the choice is held against: name two or more, got "
            f"{', '.join(map(str, algorithms))}"
        )


@contextmanager
def _half(days: str) -> Iterator[None]:
    """Say on which days there is nothing to study."""
    try:
        yield
    except UsageError as error:
        if type(error) is not UsageError:  # what is wrong with the bars or a name is no matter of the days
            raise
        raise UsageError(f"on the days {days}: {error}; or move the split") from error


def sweep_shards(  # noqa: PLR0913 - as `sweep`, and how shards are run
    study: ShardedStudy,
    folder: str | os.PathLike[str],
    *,
    split: str,
    benchmark: str = "interval_vwap",
    cluster: str | None = None,
    strict: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    durable: bool = True,
) -> Sweep:
    """`sweep` of a study in shards: both halves are studies in shards of their own, and can be stopped and resumed.

    Parameters
    ----------
    study : ShardedStudy
        Of a grid; its algorithms are the candidates, the first is the baseline.
    folder : path or fsspec URL
        The halves are kept in ``train``, without single trades, and ``test`` below it.
    split : str
        The first day of the test, ``"2024-07-01"``.
    benchmark : {"interval_vwap", "arrival", "interval_twap", "session_vwap"}
    cluster : str, optional
        As `ShardedStudy.run` takes it.
    strict, durable : bool
        As `ShardedStudy.run` takes them.
    progress : callable, optional
        Called with ``("train" or "test", done, total)`` after each shard.

    Raises
    ------
    UsageError
        As `sweep`; or the study is of a desk's own orders.
    """
    training, testing = halves(study, split)
    place = os.fspath(folder)
    how: dict[str, Any] = {"cluster": cluster, "strict": strict, "durable": durable}
    with _half(f"before {split}"):
        train = training.run(f"{place}/train", progress=_of("train", progress), **how)
    baseline, chosen = _choice(train, benchmark, split)
    own = [algorithm for algorithm in study.algorithms if str(algorithm) in {baseline, chosen}]
    with _half(f"from {split} on"):
        test = replace(testing, algorithms=own).run(f"{place}/test", progress=_of("test", progress), **how)
    return Sweep(train, chosen, test, None if chosen == baseline else test.compare(baseline, chosen, benchmark))


def halves(study: ShardedStudy, split: str) -> tuple[ShardedStudy, ShardedStudy]:
    """A study in shards of the days before the split, without single trades, and one of those from it on.

    Parameters
    ----------
    study : ShardedStudy
    split : str

    Raises
    ------
    UsageError
        What cannot be split, before anything is worked.
    """
    grid = study.parents
    if not isinstance(grid, Grid):
        raise UsageError("a sweep in shards is of a grid; split a desk's own orders into two files, and study one after the other")
    (first, last), day = grid.sessions or (None, None), _day(split)
    before = str(day - 1)
    if (first is not None and first > before) or (last is not None and last < split):
        raise UsageError(f"split {split} leaves no day on one side of it, the grid's are {first} to {last}; move it")
    _check_candidates(study.algorithms)
    training = replace(study, parents=replace(grid, sessions=(first, before)), fills=False)
    testing = replace(study, parents=replace(grid, sessions=(split, last)))
    for days, words in ((training, "before it"), (testing, "from it on")):
        if not days.plan()[1]:
            raise UsageError(
                f"split {split}: the store has no bars of the days {words}; exec-algos data info STORE names its days; move it"
            )
    return training, testing


def _of(half: str, progress: Callable[[str, int, int], None] | None) -> Callable[[int, int], None] | None:
    return None if progress is None else partial(progress, half)


SAME = 1e-6  # bps; less than this is rounding


def _choice(train: Result, benchmark: str, split: str) -> tuple[str, str]:
    """The baseline, and the cheapest candidate."""
    means = {name: train.estimate(name, benchmark).mean for name in train.config["algorithms"]}
    known = {name: mean for name, mean in means.items() if np.isfinite(mean)}
    if not known:
        raise UsageError(
            f"no candidate has an estimable slippage against {benchmark} before {split}; move the split, or take smaller orders"
        )
    if len(known) > 1 and max(known.values()) - min(known.values()) < SAME:
        raise UsageError(
            f"every candidate costs the same before {split}, {min(known.values()):+.2f} bps: there is nothing to choose by; charge an "
            "impact (--impact 0.001), and where a cap makes all trade alike, raise it"
        )
    return train.config["algorithms"][0], min(known, key=lambda name: known[name])


def _day(text: str) -> np.datetime64:
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):  # numpy takes "2024" and "today" as well
            raise ValueError("no day")
        return np.datetime64(text, "D")
    except ValueError:
        raise UsageError(f"split must be a day like '2024-07-01', got {text!r}") from None
