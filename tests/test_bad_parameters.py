"""What cannot be is refused at every door, with the value and what to do; what is a number to numpy is a number here."""

import asyncio
import re
from dataclasses import fields
from math import inf, nan

import numpy as np
import pandas as pd
import pytest
from markets import DAYS, market, ns
from typer.testing import CliRunner

from exec_algos import SimulatedBroker, executors
from exec_algos.algorithms import ALGORITHMS, POV, parse_algorithm
from exec_algos.algorithms.base import INTERVAL
from exec_algos.cli import app
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.executors import POVExecutor, TWAPExecutor
from exec_algos.model import Rules, Side

BARS = market(3, ("A",), missing=0.0)
# parameter of an algorithm: values that cannot be, and what is said of them, as each algorithm states it
BAD = {("twap", "slice_interval_seconds"): (INTERVAL.refuses, INTERVAL.saying), ("vwap", "slice_interval_seconds"): ((0,), INTERVAL.saying)}
BAD |= {(name, parameter): (one.refuses, one.saying) for name, kind in ALGORITHMS.items() for parameter, one in kind.parameters.items()}
CASES = [pytest.param(*key, value, said, id=f"{key[0]}-{key[1]}-{value}") for key, (values, said) in BAD.items() for value in values]
ALIAS = {("vwap", "profile_days"): "volume_profile_days"}


def runner_of(kind):
    """The executor of an algorithm; where it has none of its own, one that takes its parameters as keywords."""

    class Runner(executors.AlgorithmExecutor):
        async def execute(self, ticker, total_quantity, **options):
            own = {field.name: options.pop(field.name) for field in fields(kind) if field.name in options}
            return await super().execute(ticker, total_quantity, kind(**own), **options)

    return getattr(executors, f"{kind.__name__}Executor", Runner)


KINDS = {name: runner_of(kind) for name, kind in ALGORITHMS.items()}


def told(said, value):
    """The words with the value in them, as it was given or as the number that its text is."""
    return "|".join(re.escape(said.format(one)) for one in (value, float(value)))


def broker():
    return SimulatedBroker(BARS, calendar="XNYS", start=ns(DAYS[2], "09:30"))


def execute(kind, quantity=100, *own, **options):
    return asyncio.run(kind(broker()).execute("A", quantity, *own, **options))


def test_every_parameter_of_every_algorithm_is_tried():
    common = {"slice_interval_seconds"}
    assert {(name, one.name) for name, kind in ALGORITHMS.items() for one in fields(kind) if one.name not in common} <= set(BAD)
    assert all(values for values, _ in BAD.values())


@pytest.mark.parametrize(("name", "parameter", "value", "said"), CASES)
def test_a_value_refuses_it(name, parameter, value, said):
    with pytest.raises(UsageError, match=told(said, value)):
        ALGORITHMS[name](**{parameter: value})


@pytest.mark.parametrize(("name", "parameter", "value", "said"), CASES)
def test_a_text_refuses_it(name, parameter, value, said):
    with pytest.raises(UsageError, match=told(said, value)):
        parse_algorithm(f"{name}:{parameter}={value}")


@pytest.mark.parametrize(("name", "parameter", "value", "said"), CASES)
def test_an_executor_refuses_it_before_anything_is_sent(name, parameter, value, said):
    rules = Rules(limit_price=20) if ALGORITHMS[name].needs_limit else Rules()
    market = broker()
    with pytest.raises(UsageError, match=told(said, value)):
        asyncio.run(KINDS[name](market).execute("A", 100, rules=rules, **{ALIAS.get((name, parameter), parameter): value}))
    assert not market.market.parents


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("bars")
    BARS.to_frame().loc["A"].to_parquet(home / "A.parquet")
    return home


@pytest.mark.parametrize(("name", "parameter"), BAD)
def test_the_command_line_refuses_it_in_one_line(folder, name, parameter):
    values, said = BAD[name, parameter]
    run = CliRunner().invoke(app, ["study", str(folder), "--algo", f"{name}:{parameter}={values[0]}"])
    assert (run.exit_code, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert re.search(told(said, values[0]), run.stderr)


SHARES = "quantity must be a positive number of shares, got {}; use side='SELL' to sell"
CAP = "max_participation is a fraction in (0, 1], got {}; 10 % is 0.1"
ORDERS = {
    "no quantity": (0, {}, SHARES.format(0)),
    "negative quantity": (-5, {}, SHARES.format(-5)),
    "quantity unknown": (nan, {}, SHARES.format(nan)),
    "infinite quantity": (inf, {}, SHARES.format(inf)),
    "below a lot": (5, {"lot_size": 10}, "quantity 5 is not a multiple of lot_size 10; use 10"),
    "between lots": (15, {"lot_size": 10}, "quantity 15 is not a multiple of lot_size 10; use 10"),
    "part of a share": (1.5, {}, "quantity 1.5 is not a multiple of lot_size 1; use 1"),
    "no lot": (100, {"lot_size": 0}, "lot_size must be a positive number of shares, got 0"),
    "negative lot": (100, {"lot_size": -1}, "lot_size must be a positive number of shares, got -1"),
    "lot unknown": (100, {"lot_size": nan}, "lot_size must be a positive number of shares, got nan"),
    "no cap": (100, {"max_participation": 0}, CAP.format(0)),
    "cap above 1": (100, {"max_participation": 1.5}, CAP.format(1.5)),
    "cap in percent": (100, {"max_participation": 10}, CAP.format(10)),
    "cap unknown": (100, {"max_participation": nan}, CAP.format(nan)),
    "side": (100, {"side": "SEL"}, "unknown side 'SEL': did you mean SELL"),
    "side by number": (100, {"side": 2}, "unknown side '2': known: BUY, SELL"),
    "no side": (100, {"side": None}, "unknown side 'None': known: BUY, SELL"),
    "no time": (100, {"start": "25:00"}, "'25:00' is no time; use 'HH:MM', an ISO time or ns UTC"),
    "smallest child off the lot": (
        100, {"lot_size": 10, "rules": Rules(limit_price=20, min_child=15)}, "min_child 15 is no multiple of lot_size 10; use 10 or 20",
    ),
    "largest child off the lot": (
        100, {"lot_size": 10, "rules": Rules(limit_price=20, max_child=5)}, "max_child 5 is no multiple of lot_size 10; use 10",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize(("quantity", "options", "said"), ORDERS.values(), ids=ORDERS)
def test_an_order_that_cannot_be_is_refused_by_every_executor(name, quantity, options, said):
    whole = {"rules": Rules(limit_price=20), **options}
    with pytest.raises(UsageError, match=re.escape(said)):
        execute(KINDS[name], quantity, **whole)


WINDOWS = {
    "end before start": ({"start": "14:00", "end": "11:00"}, "the window ends at 2025-11-26 11:00-05:00, before it starts at"),
    "no length": ({"start": "11:00", "end": "11:00"}, "the window ends at 2025-11-26 11:00-05:00, before it starts at"),
    "outside the session": ({"start": "17:00", "end": "18:00"}, "no whole bar of 1800 s lies in the window"),
    "shorter than a bar": ({"start": "11:05", "end": "11:25"}, "no whole bar of 1800 s lies in the window [2025-11-26 11:05"),
    "end no time": ({"end": "noon"}, "'noon' is no time; use 'HH:MM', an ISO time or ns UTC"),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name not in {"twap", "vwap"}])
@pytest.mark.parametrize(("options", "said"), WINDOWS.values(), ids=WINDOWS)
def test_a_window_that_cannot_be_is_refused(name, options, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        execute(KINDS[name], rules=Rules(limit_price=20), **options)


@pytest.mark.parametrize("minutes", [0, -1, nan, inf])
def test_a_duration_that_cannot_be_is_refused(minutes):
    with pytest.raises(UsageError, match=f"duration_minutes must be positive and finite, got {minutes}"):
        execute(TWAPExecutor, 100, minutes)


NONE = "must be positive and finite, got {}; leave it out for none"
RULES = {
    **{
        f"{name} {value}": ({name: value}, f"{name} {NONE.format(value)}")
        for name in ("limit_price", "tick_size", "min_child", "max_child")
        for value in (0, -1, nan, inf)
    },
    "off the tick": ({"limit_price": 20.03, "tick_size": 0.05}, "limit_price 20.03 is off the tick of 0.05; use 20 or 20.05"),
    "below the first tick": ({"limit_price": 0.03, "tick_size": 0.05}, "limit_price 0.03 is off the tick of 0.05; use 0.05"),
    "smallest above largest": ({"min_child": 50, "max_child": 20}, "min_child 50 is above max_child 20; lower the one or raise the other"),
    "policy": ({"residual": "extent"}, "unknown residual policy 'extent': did you mean extend"),
    "no policy": ({"residual": None}, "unknown residual policy 'None': known: cancel, close_auction, extend, force"),
    "style": ({"style": "tuch"}, "unknown child style 'tuch': did you mean touch"),
    "parameter of a style": ({"style": "peg:timeout=5"}, "unknown parameter of peg 'timeout': did you mean timeout_seconds"),
    "randomisation": ({"randomisation": 0.2}, "randomisation must be None or such as Randomisation(size=0.2, seed=1), got 0.2"),
}  # fmt: skip


@pytest.mark.parametrize(("terms", "said"), RULES.values(), ids=RULES)
def test_rules_that_cannot_be_are_refused(terms, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        Rules(**terms)


TEXTS = {
    "twep": "unknown algorithm 'twep': did you mean twap, vwap",
    "": "unknown algorithm '': known: arrival_price, dynamic_vwap",
    "pov:rat=0.1": "unknown parameter of pov 'rat': did you mean rate",
    "pov:=3": "unknown parameter of pov '': known: inclusive, rate, slice_interval_seconds",
    "pov:rate=fast": "rate needs a number, got 'fast'",
    "pov:rate": "rate needs a number, got ''",
    "pov:rate=0.1=2": "rate needs a number, got '0.1=2'",
    "pov:inclusive=true": "inclusive needs a number, got 'true'",
    "vwap:profile_days=2.5": "profile_days needs a whole number, got '2.5'",
    "vwap:profile_days=nan": "profile_days needs a number, got 'nan'",
    "vwap:profile_days=inf": "profile_days needs a number, got 'inf'",
    "implementation_shortfall:risk_aversion=1": "say how fast in one way",
    "obizhaeva_wang:resilience=1,recovery_seconds=60": "give resilience or recovery_seconds, not both; got 1.0 and 60.0",
}


@pytest.mark.parametrize(("text", "said"), TEXTS.items())
def test_a_text_that_names_nothing_is_refused(text, said):
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        parse_algorithm(text)
    assert isinstance(caught.value, UnknownNameError) == said.startswith("unknown")


@pytest.mark.parametrize("name", [name for name, kind in ALGORITHMS.items() if kind.needs_limit])
def test_an_algorithm_that_works_at_a_limit_refuses_an_order_without_one(name):
    with pytest.raises(UsageError, match=re.escape("works at a limit price and the order has none; give rules=Rules(limit_price=...)")):
        execute(KINDS[name])


def test_a_tip_off_the_lot_is_refused_with_one_on_it():
    with pytest.raises(UsageError, match=re.escape("display 15 is not a multiple of lot_size 10; show 20")):
        execute(KINDS["iceberg"], display=15, lot_size=10, rules=Rules(limit_price=20))


NO_NUMBERS = ("100", True, 1 + 2j, [1])


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
@pytest.mark.parametrize(("name", "parameter"), [key for key in BAD if key != ("pov", "inclusive")])
def test_what_is_no_number_is_no_parameter(name, parameter, value):
    with pytest.raises(UsageError, match=rf"{parameter} must be a (whole )?number, got {re.escape(repr(value))}"):
        ALGORITHMS[name](**{parameter: value})


@pytest.mark.parametrize("days", [2.5, nan])
@pytest.mark.parametrize("name", ["vwap", "dynamic_vwap"])
def test_days_are_whole(name, days):
    with pytest.raises(UsageError, match=f"profile_days must be a whole number, got {days}"):
        ALGORITHMS[name](profile_days=days)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_no_part_of_an_order(value):
    said = f"must be a number, got {re.escape(repr(value))}"
    with pytest.raises(UsageError, match=f"quantity {said}"):
        execute(TWAPExecutor, value)
    for name in ("lot_size", "max_participation", "duration_minutes"):
        with pytest.raises(UsageError, match=f"{name} {said}"):
            execute(TWAPExecutor, **{name: value})
    for name in ("limit_price", "tick_size", "min_child", "max_child"):
        with pytest.raises(UsageError, match=f"{name} {said}"):
            Rules(**{name: value})


@pytest.mark.parametrize("side", [True, [1], 1j], ids=repr)
def test_what_is_no_side_is_refused(side):
    with pytest.raises(UnknownNameError, match=re.escape(f"unknown side {str(side)!r}: known: BUY, SELL")):
        Side.of(side)


@pytest.mark.parametrize("moment", [True, 1.5, nan, pd.NaT, [9]], ids=repr)
def test_what_is_no_time_is_no_start(moment):
    with pytest.raises(UsageError, match=re.escape(f"{moment!r} is no time; use 'HH:MM', an ISO time or ns UTC")):
        execute(TWAPExecutor, start=moment)


def test_values_of_another_kind_are_told_what_to_be():
    for rules in (None, "limit", {"limit_price": 20}):
        with pytest.raises(UsageError, match=re.escape(f"rules must be such as Rules(limit_price=20.0), got {rules!r}")):
            execute(TWAPExecutor, rules=rules)
    for algorithm in ("twap", TWAPExecutor, None):
        with pytest.raises(UsageError, match=r"algorithm must be a value such as TWAP\(\), got .*; parse_algorithm makes one of a text"):
            execute(executors.AlgorithmExecutor, 100, algorithm)
    for text in (None, 5, b"twap"):
        with pytest.raises(UsageError, match=re.escape(f"algorithm must be a text such as 'twap', got {text!r}")):
            parse_algorithm(text)
    with pytest.raises(UsageError, match=r"child style must be a text such as 'market', got None"):
        Rules(style=None)
    with pytest.raises(UsageError, match=r"rate stands twice in 'pov:rate=0\.1,rate=0\.2'; say it once"):
        parse_algorithm("pov:rate=0.1,rate=0.2")


def test_a_symbol_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(UnknownNameError, match="unknown symbol 'B': known: A"):
        asyncio.run(TWAPExecutor(broker()).execute("B", 100, 300))


# --- what is a number to numpy is a number here


@pytest.mark.parametrize("whole", [np.int64, np.int32, np.uint8, np.uint64])
@pytest.mark.parametrize("real", [np.float64, float])
def test_numpy_scalars_are_numbers(whole, real):
    options = {
        "side": np.int64(-1),
        "lot_size": whole(10),
        "max_participation": real(0.5),
        "rules": Rules(max_child=whole(40), limit_price=real(15)),
    }
    plain = {"side": "SELL", "lot_size": 10, "max_participation": 0.5, "rules": Rules(max_child=40, limit_price=15)}
    assert execute(TWAPExecutor, whole(200), whole(180), real(3600), **options) == execute(TWAPExecutor, 200, 180, 3600, **plain)
    assert execute(POVExecutor, real(200), real(0.2), **options) == execute(POVExecutor, 200, 0.2, **plain)
    assert POV(rate=real(0.2)) == POV(rate=0.2)
    assert str(POV(rate=real(0.2))) == "pov:rate=0.2"


@pytest.mark.parametrize("side", [Side.BUY, "BUY", "buy", " Buy ", 1, np.int64(1)])
def test_a_side_is_named_in_many_ways(side):
    assert Side.of(side) is Side.BUY
