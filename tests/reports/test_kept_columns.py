"""What a desk kept of its orders is looked at by without asking, where it has few values; every order is in the table of all."""

import pandas as pd
import pytest
from markets import DAYS, market, study_of

from exec_algos import ParentOrders, SlippageStudy
from exec_algos.reports.groups import MOST_KEPT, by_tables
from exec_algos.reports.orders import orders_table
from exec_algos.reports.subject import Subject
from exec_algos.reports.words import assumptions

KEEP = ["trader", "ticket", "desk"]


@pytest.fixture(scope="module")
def desk():
    rows = [
        {"symbol": "AB"[n % 2], "side": "buy", "quantity": 10 + n, "start": f"{DAYS[3]} 10:00", "end": f"{DAYS[3]} 12:00",
         "trader": ("Kim", "Lee")[n % 2], "ticket": f"t{n}", "desk": "one"}
        for n in range(MOST_KEPT + 2)
    ]  # fmt: skip
    orders = ParentOrders.from_frame(pd.DataFrame(rows), market(4), calendar="XNYS", keep=KEEP, profile_days=2)
    return SlippageStudy(market(4), orders, ["twap", "pov"]).run()


def test_a_kept_column_of_few_values_has_its_table_and_one_of_many_or_of_one_has_none(desk):
    titles = [table.title for table in by_tables(Subject.of(desk))]
    assert titles[0] == "By trader"
    assert not {"By ticket", "By desk"} & set(titles)
    assert [row[0] for row in by_tables(Subject.of(desk))[0].rows] == ["Kim", "Lee"]


def test_what_is_asked_for_is_there_however_many_values_it_has(desk):
    tables = by_tables(Subject.of(desk, by=["ticket"]))
    assert [table.title for table in tables][:2] == ["By ticket", "By trader"]
    assert len(tables[0].rows) == MOST_KEPT + 2


def test_the_table_of_all_orders_has_what_was_kept_and_every_order(desk):
    columns = {column["title"]: column for column in orders_table(Subject.of(desk)).columns}
    assert set(KEEP) <= set(columns)
    assert len(columns["ticket"]["values"]) == MOST_KEPT + 2


def test_the_table_of_all_orders_has_sells_that_have_twins_too():
    result = study_of(market(5), ["twap"], size="60", profile_days=2).run()
    assert result.has_twins()
    [side] = [column for column in orders_table(Subject.of(result)).columns if column["title"] == "side"]
    shown = [side["names"][code] for code in side["codes"]]
    assert shown.count("buy") == shown.count("sell") == len(result.parents) / 2 > 0


def test_a_number_of_days_that_nobody_kept_is_not_said_to_be_0(desk):
    said = dict(assumptions(desk))["average daily volume"]
    assert said == "mean of the sessions with data before the order's"
