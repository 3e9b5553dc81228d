"""Orders larger than the market are counted, against the bar, the session and the ADV; a study without costs says so first."""

import math

import numpy as np
import pandas as pd
import pytest
from markets import DAYS, bars_of, grid_of
from typer.testing import CliRunner

from exec_algos import Commission, FillModel, ParentOrders, SlippageStudy
from exec_algos.cli import app
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.reports.words import frictionless_line
from exec_algos.tca.oversize import Oversize, against_bars, oversize_line, oversized


def flat(volume=100.0):
    """Half hours of 100 shares at 10.00: 1,300 shares a session, 700 on the half day."""
    rows = [(start, 10.0, 10.0, 10.0, 10.0, volume, math.nan) for day in DAYS for start in grid_of(day)]
    return bars_of({"A": rows})


def study(size, model=None, **grid):
    bars = flat()
    orders = ParentOrders.grid(bars, calendar="XNYS", size=size, profile_days=1, **grid)
    return SlippageStudy(bars, orders, ["twap"], model or FillModel()).run()


def test_by_hand():
    """2,600 shares a day: twice a session's volume and its ADV; 200 a half hour, twice a bar's. On the half day 2600/700 and 2600/7/100."""
    bar, session, adv = study("2600").oversize()
    assert bar == Oversize("a bar", 4, 4, pytest.approx(372 / 100, abs=0.01))
    assert session == Oversize("the session", 4, 4, 2600 / 700)
    assert adv == Oversize("the ADV", 4, 4, 2600 / 700)  # the ADV of the day after the half day


def test_what_just_fits_is_not_counted():
    bar, session, adv = study("1300").oversize()
    assert (session.orders, session.most) == (1, 1300 / 700)
    assert (adv.orders, adv.most) == (1, 1300 / 700)
    assert bar.orders == 1
    assert [row.orders for row in study("700").oversize()] == [0, 0, 0]


def test_a_cap_keeps_orders_within_their_bars_but_not_within_the_session():
    bar, session, _ = study("2600", FillModel(max_participation=0.5)).oversize()
    assert bar.orders == 0
    assert session.orders == 4


def test_without_single_trades_the_bar_is_said_from_what_they_were_added_up_to():
    bars = flat()
    orders = ParentOrders.grid(bars, calendar="XNYS", size="2600", profile_days=1)
    study = SlippageStudy(bars, orders, ["twap"])
    found = study.run(fills=False).oversize()
    assert [row.volume for row in found] == ["a bar", "the session", "the ADV"]
    assert found == study.run(fills=True).oversize()


def test_an_order_counts_once_whatever_the_bars_and_algorithms():
    found = against_bars(np.array([7, 7, 9, 7]), np.array([2.0, 5.0, 0.5, math.nan]), 3)
    assert found == Oversize("a bar", 1, 3, 5.0)
    assert oversized("the ADV", np.array([math.nan, math.inf, 1.0]), 3) == Oversize("the ADV", 1, 3, math.inf)


def test_over_a_tenth_is_many():
    assert [Oversize("a bar", n, 20, 2.0).many for n in (0, 2, 3)] == [False, False, True]
    assert oversize_line([Oversize("a bar", 0, 20, 0.0)]) == ""


def command(tmp_path, *words):
    flat().to_frame().reset_index().to_csv(tmp_path / "A.csv", index=False)
    given = (
        "study",
        str(tmp_path / "A.csv"),
        "--calendar",
        "XNYS",
        "--zone",
        "America/New_York",
        "--label",
        "start",
        "--profile-days",
        "1",
    )
    run = CliRunner().invoke(app, [*given, "--profile-days", "1", "--algo", "twap", "--out", str(tmp_path / "out"), *words])
    assert run.exit_code == 0, run.output
    return run.stdout.splitlines(), (tmp_path / "out" / "report.html").read_text()


def test_the_first_line_says_it_where_they_are_many(tmp_path):
    lines, page = command(tmp_path, "--size", "2600")
    assert lines[0] == (
        "larger than the market: 4 of 4 orders exceed the volume of a bar (up to 3.7 times), 4 of 4 orders exceed the volume of the "
        "session (up to 3.7 times), 4 of 4 orders exceed the ADV (up to 3.7 times); max_participation (--max-participation) caps them"
    )
    assert "Larger than the market: 4 of 4 orders exceed the volume of a bar" in page
    assert lines[1] == "no costs are charged: fills pay neither spread, impact nor fees; --preset us_equity charges those of XNYS"
    assert "No costs are charged" in page


def test_costs_and_orders_that_fit_need_no_word(tmp_path):
    lines, page = command(tmp_path, "--size", "70", "--preset", "us_equity")
    assert not [line for line in lines if "larger than" in line or "no costs" in line]
    assert "Larger than the market" not in page
    assert "No costs" not in page
    assert "total: slippage and fees" in "".join(lines)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({}, True),
        ({"max_participation": 0.1, "latency": 60}, True),
        ({"spread": FixedSpread(1.0)}, False),
        ({"impact": SquareRootImpact(0.001)}, False),
        ({"commission": Commission(per_share=0.01)}, False),
    ],
)
def test_a_study_without_costs_says_so(model, said):
    assert bool(frictionless_line(study("70", FillModel(**model)).config)) == said


@pytest.mark.parametrize(
    ("calendar", "advice"), [("XKRX-10min", "--preset krx_equity"), ("XLON", "--spread, --impact"), ("from the bars", "--spread")]
)
def test_the_preset_that_suits_the_calendar_is_named(calendar, advice):
    config = {**study("70").config, "calendar": calendar}
    assert advice in frictionless_line(config)


def test_fees_stand_beside_the_slippage():
    """0.001 of the value is 10 bps, whatever is traded."""
    from exec_algos.studies.summary import fees_bps

    parents = study("70", FillModel(commission=Commission(rate=0.001))).parents
    assert fees_bps(parents)["twap", "BUY"] == pytest.approx(10.0)
    assert fees_bps(study("70").parents) is None
    nothing = parents.assign(filled=0.0, average_price=math.nan)
    assert pd.isna(fees_bps(nothing)["twap", "BUY"])


def test_who_has_a_cap_needs_no_advice_to_set_one():
    row = Oversize("the ADV", 1, 2, 3.0)
    assert oversize_line([row]).endswith("(--max-participation) caps them")
    assert oversize_line([row], capped=True) == "larger than the market: 1 of 2 orders exceed the ADV (up to 3.0 times)"


@pytest.mark.parametrize(("rate", "text"), [(0.0, "0.0%"), (0.0001, "<0.1%"), (0.0006, "0.1%"), (1.0, "100.0%")])
def test_little_is_not_nothing(rate, text):
    from exec_algos.cli.study import filled_text

    assert filled_text(rate) == text
