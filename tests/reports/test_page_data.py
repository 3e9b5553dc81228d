"""What the page's script is given: the numbers of the study, and nothing that is no JSON."""

import json
import re

import numpy as np
import pytest
from markets import market, study_of

from exec_algos import FillModel
from exec_algos.reports import orders, write_report
from exec_algos.reports.charts import CHARTS
from exec_algos.reports.subject import Subject
from exec_algos.studies.extremes import EACH


@pytest.fixture(scope="module")
def result():
    return study_of(
        market(9), ["twap", "vwap:profile_days=2"], FillModel(max_participation=0.2), size=["60", "90"], profile_days=2, sides=("BUY",)
    ).run()


@pytest.fixture(scope="module")
def page(result, tmp_path_factory):
    return write_report(result, tmp_path_factory.mktemp("page")).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def data(page):
    return json.loads(re.search(r'id="page-data">(.*?)</script>', page, flags=re.DOTALL)[1])


def decoded(column):
    return column["values"] if "values" in column else [column["names"][code] for code in column["codes"]]


def test_each_chart_of_the_page_has_its_data_and_each_data_its_chart(page, data):
    places = re.findall(r'data-chart="([^"]*)"', page)
    assert sorted(places) == sorted(data["figures"])
    assert len(set(places)) == len(places)


def test_the_table_of_orders_holds_every_order_with_its_costs(result, data):
    columns = {column["title"]: decoded(column) for column in data["orders"]}
    rows = result.parents[result.parents["algorithm"] == "twap"]
    assert columns["order"] == rows["parent_id"].astype(str).tolist()
    assert columns["symbol"] == rows["symbol"].tolist()
    assert columns["shares"] == rows["quantity"].tolist()
    for name, mine in result.parents.groupby("algorithm"):
        shown = np.array(columns[f"{name}: vs VWAP, bps"], dtype=float)
        assert np.allclose(shown, mine["slippage_vwap_bps"], atol=0.0051, equal_nan=True)
        assert np.allclose(np.array(columns[f"{name}: filled, %"], dtype=float), 100 * mine["fill_rate"], atol=0.051)
    money = (rows["average_price"] - rows["interval_vwap"]) * rows["filled"]
    assert np.allclose(np.array(columns["twap: vs VWAP, USD"], dtype=float), money, atol=0.0051, equal_nan=True)


def test_of_more_orders_than_the_table_shows_it_has_the_dearest_and_the_cheapest_and_says_so(result, monkeypatch):
    monkeypatch.setattr(orders, "MOST_ROWS", 4)
    found = orders.orders_table(Subject.of(result))
    costs = next(decoded(column) for column in found.columns if column["title"] == "twap: vs VWAP, bps")
    every = result.parents.loc[result.parents["algorithm"] == "twap", "slippage_vwap_bps"].dropna().sort_values()
    assert sorted(costs) == pytest.approx([*every[:2], *every[-2:]], abs=0.0051)
    assert found.note == f"the 2 dearest and the 2 cheapest of {result.parents['parent_id'].nunique()} orders"


def test_of_many_algorithms_the_table_has_the_cost_of_each_and_says_so():
    result = study_of(
        market(9), ["twap", "vwap:profile_days=2", "pov", "implementation_shortfall"], size="60", profile_days=2, sides=("BUY",)
    ).run()
    found = orders.orders_table(Subject.of(result))
    titles = [column["title"] for column in found.columns]
    assert sum(title.endswith("vs VWAP, bps") for title in titles) == 4
    assert not any("filled" in title for title in titles)
    assert "more than 3 algorithms" in found.note


def test_the_dearest_and_the_cheapest_orders_stand_once_each_with_their_fills(result, data):
    lists = orders.extremes(Subject.of(result))
    costs = result.parents[result.parents["algorithm"] == "twap"].set_index("parent_id")["slippage_vwap_bps"].dropna().sort_values()
    half = min(EACH, len(costs) // 2)
    assert len(lists["best"]) == half
    for name, ids in {"worst": costs.index[::-1][: len(lists["worst"])], "best": costs.index[:half]}.items():
        for place, (order, parent) in enumerate(zip(lists[name], ids, strict=True)):
            assert f"{costs[parent]:+.2f} bps" in order.line
            marks = [trace for trace in data["figures"][f"{name}-{place}"]["data"] if trace.get("text")]
            fills = result.fills[result.fills["parent_id"] == parent]
            assert sum(len(trace["x"]) for trace in marks) == len(fills)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.__name__)
def test_a_chart_of_nothing_says_why(chart):
    nothing = study_of(market(9), ["twap"], FillModel(max_participation=1e-9), size="60", profile_days=2, sides=("BUY",)).run()
    figure = chart(Subject.of(nothing))
    assert figure.missing or figure.traces
    json.dumps(figure.record(), allow_nan=False)


def test_a_chart_draws_what_the_tables_say(result):
    subject = Subject.of(result)
    figures = {chart.__name__: chart(subject) for chart in CHARTS}
    against = figures["cost"].traces[0]
    assert against["x"] == pytest.approx(result.summary()["mean"].loc[result.config["algorithms"]].tolist(), abs=0.00051)
    total = result.analysis().shortfall()["order_weighted"].xs("total", level="part")
    stacked = np.sum([trace["x"] for trace in figures["parts"].traces], axis=0)
    assert stacked == pytest.approx(total.tolist(), abs=0.005)
    assert sum(figures["spread"].traces[0]["y"]) == result.parents.query("algorithm == 'twap'")["slippage_vwap_bps"].notna().sum()
    days = result.parents.query("algorithm == 'twap'").groupby("session")["slippage_vwap_bps"].mean()
    assert figures["trend"].traces[0]["y"] == pytest.approx(days.tolist(), abs=0.00051)
    means = result.analysis().markouts()["mean"].loc["twap", "BUY"].tolist()
    assert [value for value in figures["after"].traces[0]["y"] if value is not None] == pytest.approx(
        [value for value in means if np.isfinite(value)], abs=0.00051
    )
