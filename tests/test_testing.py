"""`check_executor` finds every fault that is planted on purpose, names it, and lets through what has none."""

import asyncio
import os
import pickle
import random
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar, Unpack

import numpy as np
import pytest

from exec_algos import TWAP, VWAP, OrderExecutor, Side, executors
from exec_algos.algorithms import ALGORITHMS, LiquidityAware
from exec_algos.algorithms.curve import follow_curve
from exec_algos.errors import ConformanceError, ExecAlgosError, UsageError
from exec_algos.executors.options import OrderOptions
from exec_algos.model import Decision, Rules
from exec_algos.testing import Conformance, check_executor
from exec_algos.testing.cases import LAST_DAY, STEP, last_hours, random_bars

NAN = float("nan")


def findings_of(subject, **options):
    with pytest.raises(ConformanceError) as caught:
        check_executor(subject, **options)
    return {one.partition(":")[0]: one for one in caught.value.findings}


class Sound(OrderExecutor):
    """An executor without a fault: a child each bar of the window. Faults are planted by overriding its parts."""

    late, away = 0, False

    async def execute(self, ticker, total_quantity, *, start=None, end=None, side=Side.BUY):
        clock, fills, left = self.broker.clock, [], total_quantity
        await clock.sleep_until(self.begin(start))
        while clock.now < end + self.late and left > 0:
            fill = await self.child(ticker, min(self.size(ticker, left), left), side, min(clock.now + STEP, end + self.late))
            left -= fill.quantity
            fills += fill.parts or ([fill] if fill.quantity else [])
        return self.answer(fills)

    def begin(self, start):
        return start

    def size(self, ticker, left):
        return 50

    def answer(self, fills):
        return fills

    async def child(self, ticker, quantity, side, expires):
        fill = await self.broker.place_order(ticker, quantity, side=side, expires=expires)
        await self.broker.clock.sleep_until(expires)
        return fill


def test_an_executor_without_a_fault_passes_with_a_word_on_what_was_tried():
    report = check_executor(Sound)
    assert report.orders == 12
    assert report.children >= 12
    assert 0 < report.filled < 1
    assert isinstance(report, Conformance)


@pytest.mark.slow
@pytest.mark.parametrize(
    "subject", [*(kind() for kind in ALGORITHMS.values()), TWAP(slice_interval_seconds=1800), VWAP(profile_days=7)], ids=str
)
def test_every_algorithm_of_the_package_passes(subject):
    assert check_executor(subject).children > 12


LIMITED = ("Iceberg", "Sniper")
EXECUTORS = [getattr(executors, f"{kind.__name__}Executor") for kind in ALGORITHMS.values()]


@pytest.mark.slow
@pytest.mark.parametrize("kind", EXECUTORS)
def test_every_executor_of_the_package_passes(kind):
    options = {"rules": Rules(limit_price=1e4), "side": "BUY"} if kind.__name__.startswith(LIMITED) else None
    assert check_executor(kind, options=options).children > 12


@pytest.mark.slow
def test_a_bare_decide_passes_along_elapsed_time():
    assert check_executor(follow_curve) == check_executor(TWAP())


# Quotes that are read and not declared.


def by_the_ask(terms, seen, params):
    """What is due, where the spread is narrow."""
    due = int(seen.scheduled * terms.lots + 0.5) - seen.filled - seen.working
    return Decision(due if seen.ask <= seen.price + 0.01 else 0, NAN)


def by_the_size_sold(terms, seen, params):
    """Up to a tenth of the size bid, for a sale only."""
    left = terms.lots - seen.filled - seen.working
    most = int(0.1 * seen.bid_size) if terms.side < 0 else left
    return Decision(max(min(most, left, 50), 0), NAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent(LiquidityAware):
    """Reads both sizes, and says so of one."""

    reads: ClassVar[tuple[str, ...]] = ("bid_size",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncomma(LiquidityAware):
    """A text where a tuple is meant."""

    reads: ClassVar[str] = "bid_size"


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (by_the_ask, r"reads quotes: ask, and does not declare them: set reads = \('ask',\) \[BUY"),
        (by_the_size_sold, r"reads quotes: bid_size, and does not declare them: set reads = \('bid_size',\) \[SELL"),
        (Silent(), r"reads quotes: ask_size, and does not declare them: set reads = \('bid_size', 'ask_size'\) \["),
    ],
    ids=lambda subject: getattr(subject, "__name__", None),
)
def test_quotes_that_are_read_and_not_declared_are_found(subject, said):
    assert re.match(said, findings_of(subject)["reads quotes"])


def test_what_is_declared_and_is_no_quote_is_found():
    assert (
        findings_of(Uncomma())["declares quotes"]
        == "declares quotes: reads is 'bid_size'; set it to a tuple of any of bid, ask, bid_size, ask_size"
    )


# Faults of executors.


class Greedy(Sound):
    async def child(self, ticker, quantity, side, expires):
        return await super().child(ticker, 2 * quantity, side, expires)


class Forgetful(Sound):
    async def child(self, ticker, quantity, side, expires):
        return await super().child(ticker, quantity, Side.BUY, expires)


class Hasty(Sound):
    def begin(self, start):
        return start - STEP


class Tardy(Sound):
    late = 2 * STEP

    def size(self, ticker, left):
        return 1


class Lingering(Sound):
    async def child(self, ticker, quantity, side, expires):
        return await self.broker.place_order(ticker, quantity, side=side)


class Negative(Sound):
    def size(self, ticker, left):
        return -5


class Fractional(Sound):
    def size(self, ticker, left):
        return left / 3 + 0.25


class Underpriced(Sound):
    async def child(self, ticker, quantity, side, expires):
        return await self.broker.place_order(ticker, quantity, "LMT", -1.0, side=side, expires=expires)


class Dreaming(Sound):
    async def child(self, ticker, quantity, side, expires):
        await asyncio.sleep(0.001)
        return await super().child(ticker, quantity, side, expires)


class Broken(Sound):
    def size(self, ticker, left):
        return 1 // 0


class Stuck(Sound):
    def answer(self, fills):
        return fills

    async def execute(self, ticker, total_quantity, *, side=Side.BUY):
        while True:
            await self.broker.clock.sleep_until(self.broker.clock.now + STEP)


class Idle(Sound):
    async def execute(self, ticker, total_quantity):
        return []


class Mute(Sound):
    def answer(self, fills):
        return None


class Boastful(Sound):
    def answer(self, fills):
        return fills + fills[:1]


class Whimsical(Sound):
    def size(self, ticker, left):
        return random.randint(1, 100)


class Counting(Sound):
    """Keeps a state between orders."""

    orders = 0

    def __init__(self, broker):
        super().__init__(broker)
        type(self).orders += 1

    def size(self, ticker, left):
        return 1 + self.orders


class Seer(Sound):
    """Looks at the bar that has not closed yet."""

    def size(self, ticker, left):
        stream = self.broker.market.streams[ticker]
        return 1 + int(stream.bars.volume[min(stream.known, len(stream.bars) - 1)])


class Partial(Sound):
    """Serves the first symbol first."""

    def size(self, ticker, left):
        return 10 if ticker == next(iter(self.broker.market.streams)) else 20


class Bookish(Sound):
    """Trades otherwise outside a backtest."""

    def size(self, ticker, left):
        return 10 if self.broker.clock.pump is None else 20


PLANTED = [
    (Greedy, "over-fills", r"ordered 37, got \d+; size each child from what is filled"),
    (Forgetful, "wrong side", "sends BUY children; pass side= on to the broker"),
    (Hasty, "before the start", r"sends a child at 2025-\d\d-\d\d 09:45.*; await self.broker.clock.sleep_until\(start\) first"),
    (Tardy, "after the end", r"sends a child at 2025-\d\d-\d\d 12:00.*; stop at the window's end"),
    (Lingering, "after the end", r"trades in the bar of 2025-\d\d-\d\d 12:\d\d.*; give children expires=end"),
    (Negative, "quantity or price", "sends -5.* lots, which is not positive; to send nothing decide 0"),
    (Fractional, "quantity or price", "sends 12.58.* lots; round to whole ones"),
    (Underpriced, "quantity or price", "limit price of -1.0; give a positive one"),
    (Dreaming, "awaits something foreign", "a replay has no asyncio loop; await self.broker"),
    (Broken, "raises", "ZeroDivisionError: "),
    (Stuck, "never ends", "still waiting a day after the session's close"),
    (Idle, "sends nothing", "not one child in 12 orders"),
    (Mute, "returns", "None, not the list of its fills"),
    (Boastful, "returns", r"fills of \d+ shares, its children got \d+"),
    (Whimsical, "not deterministic", r"in two runs on one market child \d+ is \d+ shares at market at .* and then \d+ shares"),
    (Counting, "not deterministic", "in two runs"),
    (Seer, "looks ahead", r"with other bars after 2025-\d\d-\d\d \d\d:\d\d\S* child \d+ is \d+ shares"),
    (Partial, "depends on the order of symbols", "with symbols the other way round child 1 is 10 shares .* and then 20 shares"),
    (Bookish, "differs under asyncio", "child 1 is 10 shares .* and then 20 shares"),
]


@pytest.mark.parametrize(("kind", "name", "said"), PLANTED, ids=[kind.__name__ for kind, *_ in PLANTED])
def test_a_fault_of_an_executor_is_found_and_named_with_an_example_and_a_seed(kind, name, said):
    found = findings_of(kind)
    assert set(found) == {name} | ({"sends nothing"} if kind in (Broken, Stuck, Dreaming) else set())
    assert re.search(said, found[name])
    assert (", seed " in found[name]) is (name != "sends nothing")


# Faults of a decide.


def too_much(terms, seen, params):
    return Decision(terms.lots, NAN)


def negative(terms, seen, params):
    return Decision(-3, NAN)


def fractional(terms, seen, params):
    return Decision(2.5, NAN)


def no_number(terms, seen, params):
    return Decision(NAN, NAN)


def free(terms, seen, params):
    return Decision(1, 0.0)


def never(terms, seen, params):
    return Decision(0, NAN)


MISSING = {"rate": 0.5}


def by_words(terms, seen, params):
    left = terms.lots - seen.filled - seen.working
    return Decision(int(MISSING["rate"] * left), NAN)


@pytest.mark.parametrize(
    ("decide", "name", "said"),
    [
        (too_much, "over-fills", "ordered 600, got"),
        (negative, "quantity or price", "sends -3 lots, which is not positive"),
        (fractional, "quantity or price", "sends 2.5 lots; round to whole ones"),
        (no_number, "quantity or price", "sends nan lots"),
        (free, "quantity or price", "sends a limit price of 0.0; give a positive one, or none"),
        (never, "sends nothing", "not one child in 12 orders"),
        (by_words, "decide does not compile", "dict"),
    ],
)
@pytest.mark.slow
def test_a_fault_of_a_decide_is_found_and_named(decide, name, said):
    found = findings_of(decide)
    assert set(found) == {name}
    assert said in found[name]


@pytest.mark.slow
def test_a_decide_that_closes_over_variables_is_found():
    rate = 0.5

    def closed(terms, seen, params):
        left = terms.lots - seen.filled - seen.working
        return Decision(int(rate * left), NAN)

    found = findings_of(closed)
    assert set(found) == {"decide does not compile"}
    assert "closes over rate; write it at module level" in found["decide does not compile"]


class Machine:
    def __call__(self, terms, seen, params):
        return follow_curve(terms, seen, params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd(TWAP):
    """TWAP by an object that is no function."""

    name: ClassVar[str] = "odd"

    @property
    def decide(self):
        return Machine()


def test_a_decide_that_is_no_function_is_found():
    found = findings_of(Odd())
    assert "write it as a plain function at module level" in found["decide does not compile"]


def by_large_numbers(terms, seen, params):
    due = int(seen.scheduled * terms.lots + 0.5) - seen.filled - seen.working
    whim = (terms.lots * 6364136223846793005 + 1442695040888963407) >> 33  # Python's integers grow, the compiled loop's turn around
    return Decision(due if due > 0 and whim % 5 > 0 else 0, NAN)


@pytest.mark.slow
def test_a_decide_that_computes_otherwise_when_compiled_is_found():
    found = findings_of(by_large_numbers)
    assert set(found) == {"engine and batch disagree"}
    assert "only in engine 2025-" in found["engine and batch disagree"]


def by_rate(terms, seen, params):
    due = min(int(params[0] * seen.volume), terms.lots) - seen.filled - seen.working
    return Decision(max(due, 0), NAN)


@pytest.mark.slow
def test_a_decide_gets_its_params_and_watches_the_market():
    low, high = (check_executor(by_rate, params=(rate,)) for rate in (0.01, 0.2))
    assert 0 < low.filled < high.filled


DYNAMIC = """
import numpy as np
from exec_algos import Commission
from exec_algos.batch import BatchOrders, Tape, run_batch
names = {"__name__": "nowhere"}
exec("from exec_algos.model import Decision\\ndef decide(terms, seen, params): return Decision(terms.lots, 1e9)", names)
one, price = np.ones(1, np.int64), np.full(1, 20.0)
orders = BatchOrders(one, one, price, price, 0 * one, one, one, one, 0 * one, one, 0 * one)
outcome, _ = run_batch(Tape(0 * one, *[price] * 5), orders, np.ones(1), names["decide"], (), step=1, commission=Commission())
print(outcome.filled[0])
"""


@pytest.mark.slow
def test_a_decide_of_no_module_compiles_in_every_process_anew(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", DYNAMIC], capture_output=True, text=True, check=False, env=environment)
        assert (done.stdout, done.stderr) == ("1\n", "")


# The report.


class Awful(Sound):
    """Several faults at once."""

    def begin(self, start):
        return start - STEP

    async def child(self, ticker, quantity, side, expires):
        return await super().child(ticker, random.randint(100, 200) * 2, Side.SELL, expires)


def test_one_report_tells_all_that_is_wrong():
    with pytest.raises(ConformanceError) as caught:
        check_executor(Awful)
    error = caught.value
    assert error.subject == "Awful"
    names = [one.partition(":")[0] for one in error.findings]
    assert set(names) == {"before the start", "over-fills", "wrong side", "not deterministic"}
    assert str(error).startswith("Awful fails its check:\n  1. ")
    assert str(error).count("\n") == len(names)
    assert "(and " in str(error)


def test_a_failed_check_is_an_assertion_error_and_survives_pickling():
    error = ConformanceError("X", ["looks ahead: much"])
    assert isinstance(error, AssertionError)
    assert isinstance(error, ExecAlgosError)
    same = pickle.loads(pickle.dumps(error))
    assert (str(same), same.findings) == (str(error), ("looks ahead: much",))


class Paced(Sound):
    async def execute(self, ticker, total_quantity, pace, *, start, end, side=Side.BUY):
        self.size = lambda ticker, left: pace
        return await super().execute(ticker, total_quantity, start=start, end=end, side=side)


def test_options_reach_the_executor_and_what_is_missing_is_asked_for():
    assert check_executor(Paced, options={"pace": 5}).filled < check_executor(Paced, options={"pace": 500}).filled
    with pytest.raises(UsageError, match=r"Paced.execute needs pace: give options=\{'pace': ...\}"):
        check_executor(Paced)


class Unheeding(Forgetful):
    async def execute(self, ticker, total_quantity, **options: Unpack[OrderOptions]):
        return await super().execute(ticker, total_quantity, **options)


def test_options_taken_by_unpack_are_tried_as_if_they_were_spelled_out():
    assert set(findings_of(Unheeding)) == {"wrong side"}


def test_a_side_among_the_options_is_the_side_of_all_orders():
    check_executor(Forgetful, options={"side": "BUY"})
    assert set(findings_of(Forgetful, options={"side": Side.SELL})) == {"wrong side"}


@pytest.mark.parametrize("wrong", [TWAP, 5, "twap", Sound(None)])
def test_what_cannot_be_checked_is_refused_with_what_can(wrong):
    with pytest.raises(UsageError, match=r"give an algorithm such as TWAP\(\), a function decide, or a subclass of OrderExecutor; got"):
        check_executor(wrong)


def test_another_seed_is_another_set_of_markets():
    assert check_executor(Sound, seed=3) != check_executor(Sound)


def test_it_can_be_called_inside_a_loop_of_asyncio_as_in_a_notebook():
    async def work():
        return check_executor(Sound)

    assert asyncio.run(work()) == check_executor(Sound)


# The markets.


def test_the_markets_have_halts_silent_bars_and_a_half_day():
    hours = last_hours(8)
    bars = random_bars("A", 0, hours)
    slots = (hours.close - hours.open) // STEP
    assert slots.tolist() == [26] * 6 + [14, 26]
    assert hours.open[-1] - LAST_DAY == 14.5 * 3600 * 10**9
    assert 0 < slots.sum() - len(bars) < 0.2 * slots.sum()
    assert 0 < (bars.volume == 0).mean() < 0.2
    assert set(hours.open) <= set(bars.start)


def test_bars_after_the_cut_are_other_bars_and_those_before_it_are_the_same():
    hours = last_hours(8)
    cut = int(hours.open[-1]) + 4 * STEP
    one, other = random_bars("A", 0, hours), random_bars("A", 0, hours, cut)
    before = [bars.take(bars.start + STEP <= cut) for bars in (one, other)]
    assert np.array_equal(before[0].start, before[1].start)
    assert np.array_equal(before[0].close, before[1].close)
    assert not np.array_equal(one.close[-5:], other.close[-5:])
