import math

import pytest
from kis_payloads import done

from exec_algos.brokers.kis.rows import Balance, Holding, Power, sellable_of
from exec_algos.errors import VenueError

CASH = {"dnca_tot_amt": "10000000", "nxdy_excc_amt": "9000000", "prvs_rcdl_excc_amt": "8000000", "thdt_tlex_amt": "4952"}


def held(symbol="005930", quantity="100", free="60", average="62400.5000", loan=""):
    return {"pdno": symbol, "hldg_qty": quantity, "ord_psbl_qty": free, "pchs_avg_pric": average, "loan_dt": loan}


def balance(*pages, cash=CASH):
    return Balance.of([done("KIOK0510", output1=list(rows), output2=[cash]) for rows in pages])


def test_holdings_are_those_of_all_pages_without_rows_of_nothing():
    found = balance([held(), held("000660", "0", "0", "0")], [held("035420", "5", "5", "231000.0000")])
    assert found.holdings == (
        Holding(symbol="005930", quantity=100, sellable=60, average=62_400.5),
        Holding(symbol="035420", quantity=5, sellable=5, average=231_000),
    )
    assert (found.cash, found.cash_next, found.cash_settled, found.costs) == (10_000_000, 9_000_000, 8_000_000, 4_952)


def test_shares_bought_on_credit_are_shares_of_the_same_symbol():
    (found,) = balance([held(), held(quantity="100", free="0", average="62000.5000", loan="20261101")]).holdings
    assert (found.quantity, found.sellable, found.average) == (200, 60, 62_200.5)


def test_a_row_that_two_pages_show_counts_once_and_two_that_differ_are_refused():
    (found,) = balance([held()], [held()]).holdings
    assert found.quantity == 100
    with pytest.raises(VenueError, match="hldg_qty of 005930 is told twice, 100 and 90"):
        balance([held()], [held(quantity="90")])


def test_cash_may_stand_alone_or_in_an_array():
    assert Balance.of([done(output1=[], output2=CASH)]).cash == 10_000_000


@pytest.mark.parametrize(
    ("outputs", "what"),
    [
        ({"output2": [CASH]}, "output1 must be a list of rows"),
        ({"output1": None, "output2": [CASH]}, "output1 must be a list of rows"),
        ({"output1": {}, "output2": [CASH]}, "output1 must be a list of rows"),
        ({"output1": [held()]}, "output2 must be one row"),
        ({"output1": [held()], "output2": []}, "output2 must be one row"),
        ({"output1": [held()], "output2": [CASH, CASH]}, "output2 must be one row"),
        ({"output1": [held()], "output2": [CASH | {"dnca_tot_amt": ""}]}, "dnca_tot_amt must be a number"),
        ({"output1": [held(free="101")], "output2": [CASH]}, "ord_psbl_qty 101 of 005930 is more than hldg_qty 100"),
        ({"output1": [held(quantity="")], "output2": [CASH]}, "hldg_qty must be a whole number"),
    ],
)
def test_a_balance_that_is_not_whole_is_never_an_empty_portfolio(outputs, what):
    with pytest.raises(VenueError, match=what):
        Balance.of([done(**outputs)])


def test_no_page_is_no_balance():
    with pytest.raises(VenueError, match="at least one page"):
        Balance.of([])


def test_buying_power_is_that_without_credit():
    row = {
        "ord_psbl_cash": "10000000",
        "nrcvb_buy_amt": "9998595",
        "nrcvb_buy_qty": "124",
        "max_buy_qty": "310",
        "psbl_qty_calc_unpr": "80600",
    }
    assert Power.of(done(output=row)) == Power(cash=10_000_000, amount=9_998_595, quantity=124, price=80_600)
    assert Power.of(done(output=row | {"psbl_qty_calc_unpr": ""})).price == 0
    with pytest.raises(VenueError, match="nrcvb_buy_qty must be a whole number"):
        Power.of(done(output=row | {"nrcvb_buy_qty": "-"}))


def test_shares_free_to_be_sold():
    assert sellable_of(done(output={"ord_psbl_qty": "60"})) == 60
    assert sellable_of(done(output=[{"ord_psbl_qty": "60.0000"}])) == 60
    assert not math.isnan(sellable_of(done(output={"ord_psbl_qty": "0"})))
