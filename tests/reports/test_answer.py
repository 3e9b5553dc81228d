"""The first sentence: numbers of the summary, money worked out from the orders, and what the orders cannot tell."""

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from markets import market, study_of
from scipy.stats import norm

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.costs import Commission
from exec_algos.errors import UsageError
from exec_algos.executions import analyse
from exec_algos.market.samples import load_samples
from exec_algos.reports.answer import _amount as amount_said
from exec_algos.reports.answer import _beside as beside
from exec_algos.reports.answer import answer
from exec_algos.reports.groups import money_table
from exec_algos.reports.numbers import NONE, count, money
from exec_algos.reports.subject import Subject
from exec_algos.stats.paired import compare_all
from exec_algos.tca.twins import BUYS_ONLY


@pytest.fixture(scope="module")
def result():
    return study_of(market(5), ["twap", "vwap:profile_days=2", "pov:rate=0.1"], size="60", profile_days=2, sides=("BUY",)).run()


def said(result, **options):
    return answer(Subject.of(result, **options))


def numbers_in(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


def test_the_cost_is_that_of_the_summary_with_its_interval(result):
    line = result.summary().loc["twap"]
    first = said(result).sentence.split(";")[0]
    verb = "saved" if line["mean"] < 0 else "cost"
    assert first.startswith(f"TWAP {verb} {abs(line['mean']):.1f} bps")
    ends = sorted(abs(line[name]) for name in ("low", "high"))
    assert sorted(map(abs, numbers_in(first.partition("[")[2]))) == pytest.approx(ends, abs=0.051)


def test_money_is_the_sum_over_orders_of_what_was_paid_beyond_the_benchmark(result):
    rows = result.parents[result.parents["algorithm"] == "twap"].dropna(subset=["slippage_vwap_bps"])
    by_hand = ((rows["average_price"] - rows["interval_vwap"]) * rows["filled"]).sum()  # buys
    subject = Subject.of(result)
    assert subject.money(subject.rows("twap"), "interval_vwap") == {"USD": pytest.approx(by_hand)}
    assert money({"USD": abs(by_hand)}) in said(result).sentence


def test_pence_are_counted_in_pounds(result):
    pounds, pence = (Subject.of(result, currency=code) for code in ("GBP", "GBX"))
    whole, hundredth = (subject.money(subject.rows("twap"), "arrival")["GBP"] for subject in (pounds, pence))
    assert hundredth == pytest.approx(whole / 100)


def test_currencies_are_never_added(result):
    subject = Subject.of(result, currency="A=EUR,B=USD")
    found = subject.money(subject.rows("twap"), "interval_vwap")
    alone = [Subject.of(result, currency="EUR").money(rows, "interval_vwap")["EUR"] for _, rows in subject.rows("twap").groupby("symbol")]
    assert found == {"EUR": pytest.approx(alone[0]), "USD": pytest.approx(alone[1])}
    assert " and " in money(found)


def test_units_of_price_of_several_symbols_are_not_added():
    bars = load_samples()["XNYS"]
    for symbols, known in ((["SYNMID"], True), (["SYNMID", "SYNLARGE"], False)):
        parents = ParentOrders.grid(bars.select(symbols), size="2%adv", sides=["BUY"])
        subject = Subject.of(SlippageStudy(bars.select(symbols), parents, ["twap"]).run(fills=False))
        assert bool(subject.money(subject.rows("twap"), "interval_vwap")) is known
        assert ("units of price" in answer(subject).sentence) is known


def test_a_difference_within_its_interval_cannot_be_told_from_0_and_says_how_many_orders_would(result):
    pairs = result.comparison().set_index(["first", "second"])
    parts = said(result).sentence.rstrip(".").split("; ")
    for part, name in zip(parts[1:], result.config["algorithms"][1:], strict=True):
        pair = pairs.loc[("twap", name)]
        assert ("more" if pair["difference"] < 0 else "less") in part
        assert ("cannot tell from 0" in part) is bool(pair["low"] <= 0 <= pair["high"])
        if "about" not in part:
            continue
        needed = pair["n"] * ((norm.ppf(0.975) + norm.ppf(0.8)) * pair["standard_error"] / pair["difference"]) ** 2
        orders = int(re.search(r"about ([\d,]+) would", part)[1].replace(",", ""))
        assert needed <= orders <= needed * 1.1 + 1


def test_fees_are_said_apart():
    result = study_of(market(5), ["twap"], FillModel(commission=Commission(rate=0.0002)), size="60", profile_days=2, sides=("BUY",)).run()
    fees = next(line for line in said(result).more if line.startswith("Fees"))
    assert "they add 2.0 bps in the mean of the orders" in fees
    assert money({"USD": result.parents["commission"].sum()}) in fees


def test_of_twins_the_buys_are_said():
    result = study_of(market(5), ["twap"], size="60", profile_days=2).run()
    found = said(result)
    buys = result.parents[result.parents["side"] == "BUY"]["slippage_vwap_bps"].mean()
    assert f"{abs(buys):.1f} bps" in found.sentence
    assert any(BUYS_ONLY in line for line in found.more)


def test_nothing_filled_is_not_estimable():
    result = study_of(market(5), ["twap"], FillModel(max_participation=1e-9), size="60", profile_days=2, sides=("BUY",)).run()
    assert math.isnan(result.estimate("twap").mean)
    assert "not estimable" in said(result).sentence
    assert np.isfinite(result.parents["quantity"]).all()


def test_one_day_has_a_mean_and_no_interval():
    bars = market(5, days=("2025-11-24", "2025-11-25", "2025-11-26"))
    result = study_of(bars, ["twap", "pov:rate=0.1"], size="60", profile_days=2, sides=("BUY",)).run()
    assert "[" not in said(result).sentence
    assert "with no interval" in said(result).sentence


def test_how_much_was_filled_stands_beside_the_cost_where_it_was_not_all():
    some = study_of(market(5), ["twap", "pov:rate=0.05"], FillModel(max_participation=0.05), size="40%adv", profile_days=2).run()
    rows = some.parents[some.parents["side"] == "BUY"].groupby("algorithm")[["filled", "quantity"]].sum()
    shares = {name: f"{row['filled'] / row['quantity']:.1%}" for name, row in rows.iterrows()}
    first = said(some).more[0]
    assert first.startswith(
        f"These are costs of what was filled: {shares['twap']} of the shares by TWAP and {shares['pov:rate=0.05']} of the"
    )


def test_nothing_is_said_of_filling_where_all_was_filled():
    every = study_of(market(5, missing=0.0, silent=0.0), ["twap"], size="20", profile_days=2).run()
    assert (every.parents["filled"] == every.parents["quantity"]).all()
    assert "filled" not in " ".join(said(every).more)


def own_fills_of(orders, prices, commission=None, **more):
    """Own fills of orders ``(symbol, side, quantity, day)`` from 10:00 to 11:00, each filled at once at a price."""
    columns = ["order_id", "symbol", "side", "quantity", "start", "end"]
    rows = [(str(i), symbol, side, quantity, f"{day} 10:00", f"{day} 11:00") for i, (symbol, side, quantity, day) in enumerate(orders)]
    fills = [(str(i), row[3], price, f"{row[4][:10]} 10:10") for i, (row, price) in enumerate(zip(rows, prices, strict=True))]
    table = pd.DataFrame(fills, columns=["order_id", "quantity", "price", "time"])
    table = table if commission is None else table.assign(commission=commission)
    return analyse(pd.DataFrame(rows, columns=columns), table, load_samples()["XNYS"], calendar="XNYS", **more)


def test_own_buys_and_sells_of_one_window_and_size_are_no_twins_for_both_were_paid():
    orders = [("SYNMID", side, 500, "2025-10-15") for side in ("BUY", "SELL")]
    found = own_fills_of(orders, [63.30, 63.10], algorithms=["twap"])
    assert not found.has_twins()
    subject = Subject.of(found)
    assert len(subject.rows("own fills")) == 2
    # bought 500 at 63.30, sold 500 at 63.10: whatever the benchmark, 100 were paid
    assert subject.money(subject.rows("own fills"), "interval_vwap") == {"USD": pytest.approx(100.0)}
    assert "(USD 100)" in answer(subject).sentence
    assert BUYS_ONLY not in str(answer(subject))


def test_money_that_is_not_known_is_not_0():
    fills = pd.DataFrame(
        [("SYNMID", "BUY", 500, 63.30, "2025-10-15 10:10")], columns=["symbol", "side", "quantity", "price", "time"]
    )  # without orders nobody knows the arrival price
    subject = Subject.of(analyse(None, fills, load_samples()["XNYS"], calendar="XNYS", algorithms=[]))
    [row] = money_table(subject).rows
    assert row[:4] == ("own fills", "USD", "1", "31,650")
    assert row[5] == NONE
    assert money_table(subject).head[5] == "cost against arrival"


def test_nothing_that_was_filled_is_worth_nothing():
    result = study_of(market(5), ["twap"], FillModel(max_participation=1e-9), size="60", profile_days=2, sides=("BUY",)).run()
    [row] = money_table(Subject.of(result)).rows
    assert row == ("twap", "USD", count(len(result.parents)), "0", NONE, NONE, "0")


def test_a_sum_of_a_part_of_the_orders_says_of_which_it_is_not():
    bars = load_samples()["XNYS"].select(["SYNMID", "SYNLARGE", "SYNWILD"])
    result = SlippageStudy(bars, ParentOrders.grid(bars, size="2%adv", sides=["BUY"]), ["twap"]).run(fills=False)
    subject = Subject.of(result, currency="SYNMID=USD")
    assert subject.unsummed == ["SYNLARGE", "SYNWILD"]
    others = int((result.parents["symbol"] != "SYNMID").sum())
    assert any(f"without {others} of {len(result.parents)} orders" in line for line in answer(subject).more)
    assert money_table(subject).note.endswith("not known: SYNLARGE, SYNWILD")


def test_the_currency_of_a_symbol_that_is_not_there_is_refused(result):
    with pytest.raises(UsageError, match="AA"):
        Subject.of(result, currency="AA=EUR,USD")


def pair_of(first, second, days):
    """What the sentence says of the second beside the first: costs of orders, and their days."""
    return beside("twap", compare_all(
        pd.DataFrame({
            "parent_id": [*range(len(first))] * 2, "algorithm": ["a"] * len(first) + ["b"] * len(first), "session": [*days] * 2,
            "cost": [*first, *second],
        }), "cost",
    ).to_dict("records")[0], {})  # fmt: skip


def test_more_days_are_asked_for_where_there_are_orders_enough():
    # t is 3.6 with 3 days, for which 4.3 is needed: (2.8 / 3.6)^2 x n orders would be fewer than there are
    said = pair_of([0.0] * 60, np.repeat([1.0, 2.0, 2.9], 20), np.repeat([1, 2, 3], 20))
    assert said == "TWAP 2.0 bps more, which 60 orders cannot tell from 0: more than 3 days would"


def test_orders_that_all_cost_the_same_are_the_same_and_nothing_more():
    assert pair_of([1.5] * 4, [1.5] * 4, [1, 1, 2, 2]) == "TWAP the same"


def test_a_mean_of_nothing_is_the_same_within_its_interval():
    assert pair_of([0.0] * 4, [1.0, -1.0, 1.0, -1.0], [1, 2, 3, 4]) == "TWAP the same [-1.8, 1.8]"


def test_a_pair_says_how_many_orders_it_has_where_some_have_one_cost_only():
    assert pair_of([1.0, 1.0, 1.0], [2.0, 2.1, math.nan], [1, 2, 3]).startswith("TWAP 1.1 bps more on the 2 orders that both have")


def test_one_day_is_said_in_plain_words():
    assert pair_of([1.0, 1.0], [2.0, 2.2], [1, 1]) == "TWAP 1.1 bps more, with no interval: 1 day gives none"


def test_a_small_cost_does_not_read_as_0(result):
    found = result.estimate("twap")._replace(mean=-0.031, low=-0.06, high=0.0)
    subject = Subject.of(replace(result, parents=result.parents))
    assert amount_said(subject, "twap", "interval_vwap", found).startswith("TWAP saved 0.03 bps")
    assert amount_said(subject, "twap", "interval_vwap", found).endswith("[0.00, 0.06]")


def test_fees_of_small_orders_count_as_much_as_those_of_large_ones():
    orders = [("SYNMID", "BUY", 100, "2025-10-15"), ("SYNMID", "BUY", 1000, "2025-10-16")]
    found = own_fills_of(orders, [63.30, 63.14], algorithms=[], commission=[6.33, 6.314])
    subject = Subject.of(found)
    # 10 bps of 6,330 and 1 bps of 63,140: 5.5 bps in the mean, though 1.8 bps of the sum
    assert any("they add 5.5 bps in the mean of the orders (USD 12.6)" in line for line in answer(subject).more)
    pence = next(line for line in answer(Subject.of(found, currency="GBX")).more if line.startswith("Fees"))
    assert "(GBP 0.126); they are read in the unit of the prices, hundredths, not in whole currency." in pence
    rebates = own_fills_of(orders, [63.30, 63.14], algorithms=[], commission=[-6.33, -6.314], fees="positive")
    assert any("they take off 5.5 bps in the mean of the orders (USD 12.6)" in line for line in answer(Subject.of(rebates)).more)


def test_orders_of_several_currencies_are_not_weighted_by_value(result):
    lines = answer(Subject.of(result, currency="A=KRW,B=USD")).more
    assert any("orders are in KRW and USD: notional-weighted means weigh 1 of each the same" in line for line in lines)
    assert not any("weighted by value" in line for line in lines)


def test_brackets_are_told_of_only_where_there_are_some():
    found = own_fills_of([("SYNMID", "BUY", 500, "2025-10-15")], [63.30], algorithms=["twap"])
    assert "[" not in answer(Subject.of(found)).sentence
    assert not any("Brackets" in line for line in answer(Subject.of(found)).more)


@pytest.mark.parametrize(("value", "said"), [(9.996e11, "KRW 1,000 bn"), (1.2345e13, "KRW 12,345 bn"), (9.994e11, "KRW 999 bn")])
def test_large_money_is_no_power_of_ten(value, said):
    assert money({"KRW": value}) == said


def test_orders_that_are_not_in_the_mean_are_counted():
    orders = [("SYNMID", "BUY", 500, "2025-10-15"), ("SYNMID", "BUY", 500, "2025-10-16")]
    found = own_fills_of(orders, [63.30, 63.14], algorithms=[])
    assert not any("no cost" in line for line in answer(Subject.of(found)).more)
    rows = pd.DataFrame(
        [(str(n), "SYNMID", "BUY", 500, f"{day} 10:00", f"{day} 11:00") for n, (*_, day) in enumerate(orders)],
        columns=["order_id", "symbol", "side", "quantity", "start", "end"],
    )
    one = pd.DataFrame([("0", 500, 63.30, "2025-10-15 10:10")], columns=["order_id", "quantity", "price", "time"])
    half = analyse(rows, one, load_samples()["XNYS"], calendar="XNYS", algorithms=[])
    assert answer(Subject.of(half)).more[0] == "1 of 2 orders has no cost: nothing was filled."
