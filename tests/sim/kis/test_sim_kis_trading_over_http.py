"""Orders and inquiries of the simulated KIS over HTTP: what clients that are wrong make of them, beside the truth."""

import json

import pytest
from kis_customers import TRADING, Customer, accepted, code, fresh, later, standing_kis

from exec_algos.errors import VenueError


@pytest.fixture(scope="module")
def kis():
    with standing_kis(set="cancel_takes=[0,0]") as running:
        running.control.settings(live_rate=1000, paper_rate=1000, lag_daily=[0, 0], lag_open=[0, 0])
        yield running


@pytest.fixture(scope="module")
def logged_in(kis):
    with Customer(kis) as paper:
        yield paper.log_in()


@pytest.fixture
def paper(kis, logged_in):
    fresh(kis)
    return logged_in


def walk(customer, goes_on=("F", "M"), change=lambda text: text, **fields):
    """Rows of all pages, as far as a client reads that goes on at some values of tr_cont, and changes cursors on their way."""
    rows, answer = [], customer.daily(**fields)
    while True:
        said = answer.json()
        assert said["rt_cd"] == "0", said
        rows += said["output1"]
        if answer.headers["tr_cont"] not in goes_on:
            return rows
        cursor = tuple(change(said[name]) for name in ("ctx_area_fk100", "ctx_area_nk100"))
        answer = customer.daily(tr_cont="N", cursor=cursor, **fields)


def placed(answer):
    said = answer.json()
    assert said["rt_cd"] == "0", said
    return said["output"]["ODNO"]


def row_of(customer, odno):
    (found,) = [row for row in walk(customer) if row["odno"] == odno]
    return found


def change(customer, odno, price, quantity="0"):
    body = {
        "CANO": customer.cano, "ACNT_PRDT_CD": customer.product, "KRX_FWDG_ORD_ORGNO": "06010", "ORGN_ODNO": odno, "ORD_DVSN": "00",
        "RVSE_CNCL_DVSN_CD": "01", "ORD_QTY": quantity, "ORD_UNPR": str(price), "QTY_ALL_ORD_YN": "Y", "EXCG_ID_DVSN_CD": "KRX",
    }  # fmt: skip
    return customer.http.post(TRADING + "order-rvsecncl", content=json.dumps(body), headers=customer.headers(customer.id("TC0013U")))


def balance(customer):
    query = {
        "CANO": customer.cano, "ACNT_PRDT_CD": customer.product, "AFHR_FLPR_YN": "N", "OFL_YN": "", "INQR_DVSN": "02", "UNPR_DVSN": "01",
        "FUND_STTL_ICLD_YN": "N", "FNCG_AMT_AUTO_RDPT_YN": "N", "PRCS_DVSN": "00", "CTX_AREA_FK100": "", "CTX_AREA_NK100": "",
    }  # fmt: skip
    return customer.http.get(TRADING + "inquire-balance", params=query, headers=customer.headers(customer.id("TC8434R"))).json()


def test_a_client_that_reads_page_one_alone_has_fifteen_orders(kis, paper):
    for _ in range(40):
        placed(paper.order(1, 61_000))
    mine = {order["odno"] for order in kis.control.truth(requests=False)["orders"] if order["account"] == paper.cano + paper.product}
    assert len(paper.daily().json()["output1"]) == 15
    assert len(walk(paper, goes_on=("M",))) == 15
    assert {row["odno"] for row in walk(paper)} == mine
    assert len(mine) >= 40
    with pytest.raises(AssertionError, match="OPSQ2003"):
        walk(paper, change=str.strip)  # cursors without their spaces


def test_a_client_that_follows_the_number_it_knows_loses_a_changed_order(paper):
    first = placed(paper.order(10, 61_000))
    answer = change(paper, first, 60_000)
    second = answer.json()["output"]["odno"]  # lower case, whoever reads ODNO has none
    assert row_of(paper, first)["rmn_qty"] == "0"  # the order seems to be over
    assert (row_of(paper, second)["orgn_odno"], row_of(paper, second)["rmn_qty"]) == (first, "10")
    assert code(paper.cancel(first)) == "APBK0400"
    assert code(paper.cancel(second)) == "APBK0013"


def test_a_client_that_takes_every_row_for_an_order_counts_cancels_too(paper):
    before = sum(int(row["ord_qty"]) for row in walk(paper))
    paper.cancel(placed(paper.order(10, 61_000)))
    after = walk(paper)
    assert sum(int(row["ord_qty"]) for row in after) == before + 20
    assert sum(int(row["ord_qty"]) for row in after if not row["orgn_odno"].strip("0")) <= before + 10


def test_a_client_that_takes_every_row_for_its_own_counts_what_the_customer_did_by_hand(kis, paper):
    before = {row["odno"] for row in walk(paper)}
    mine = placed(paper.order(10, 61_000))
    hand = kis.control.order(f"{paper.cano}-{paper.product}", "005930", "BUY", 20, 61_000)
    kis.control.order(kis.other_account(True), "005930", "BUY", 30, 61_000)
    assert {row["odno"] for row in walk(paper)} - before == {mine, hand["odno"]}
    assert [order["by_hand"] for order in accepted(kis)[-3:]].count(True) >= 1
    with pytest.raises(VenueError, match="40030000"):
        kis.control.order(f"{paper.cano}-{paper.product}", "005930", "BUY", 20, 61_050)


def test_fills_of_a_plan_have_an_average_with_decimals(kis, paper):
    kis.control.fills("005930", [{"after": 1, "shares": 1, "price": 62_000}, {"after": 2, "shares": 2, "price": 62_100}])
    odno = placed(paper.order(5, 62_500))
    later(kis, 3)
    row = row_of(paper, odno)
    assert (row["tot_ccld_qty"], row["avg_prvs"], row["tot_ccld_amt"], row["rmn_qty"]) == ("3", "62066.6667", "186200", "2")
    for said in ({"fills": [], "times": 0}, {"fills": [{"after": 1}]}, {"fills": [], "symbol": "000660"}):
        with pytest.raises(VenueError):
            kis.control.fills(**{"symbol": "005930", **said})


def test_a_client_that_counts_rows_of_the_balance_has_a_holding_that_was_sold(kis, paper):
    kis.control.account(f"{paper.cano}-{paper.product}", positions={"005930": 0})
    placed(paper.order(7, 0, ORD_DVSN="01"))
    placed(paper.order(7, 0, tr_id="VTTC0011U", ORD_DVSN="01"))
    found = balance(paper)
    assert [(row["pdno"], row["hldg_qty"]) for row in found["output1"]] == [("005930", "0")]
    (cash,) = found["output2"]
    assert int(cash["thdt_tlex_amt"]) > 0


def test_a_size_from_the_last_price_is_more_than_the_cash_of_a_market_buy(kis, paper):
    account = f"{paper.cano}-{paper.product}"
    rests = [order for order in accepted(kis) if order["side"] == "BUY" and order["account"] == account.replace("-", "")]
    held = sum(order["open"] * order["limit"] * 1.000140527 for order in rests if order["open"])
    kis.control.account(account, cash=held + 620_000)
    query = {"CANO": paper.cano, "ACNT_PRDT_CD": paper.product, "PDNO": "005930", "ORD_UNPR": "0", "ORD_DVSN": "01"}
    query |= {"CMA_EVLU_AMT_ICLD_YN": "N", "OVRS_ICLD_YN": "N"}
    answer = paper.http.get(TRADING + "inquire-psbl-order", params=query, headers=paper.headers(paper.id("TC8908R")))
    assert code(paper.order(10, 0, ORD_DVSN="01")) == "40250000"  # 10 x 62,000 is all that is free
    assert answer.json()["output"]["nrcvb_buy_qty"] == "7"  # 7 x 80,600 = 564,200
    placed(paper.order(7, 0, ORD_DVSN="01"))
    kis.control.account(account, cash=1e9)


@pytest.mark.parametrize("where", ["order", "cancel", "both"])
def test_a_client_that_knows_one_row_and_one_name_of_the_cancelled_quantity(kis, paper, where):
    kis.control.settings(cancelled_row=where, cancelled_field="cnc_cfrm_qty")
    odno = placed(paper.order(10, 61_000))
    request = paper.cancel(odno).json()["output"]["odno"]
    rows = [row_of(paper, each) for each in (odno, request)]
    kis.control.settings(cancelled_row="both", cancelled_field="cncl_cfrm_qty")
    assert [row["cnc_cfrm_qty"] for row in rows] == {"order": ["10", "0"], "cancel": ["0", "10"], "both": ["10", "10"]}[where]
    assert "cncl_cfrm_qty" not in rows[0]


def test_a_client_that_takes_90020000_for_a_reject_has_orders_that_it_does_not_know(kis, paper):
    before = {order["odno"] for order in accepted(kis)}
    kis.control.settings(paper_delays=1.0)
    answers = [paper.order(1, 61_000) for _ in range(20)]
    kis.control.settings(paper_delays=0.0)
    assert {(answer.status_code, code(answer)) for answer in answers} == {(200, "90020000")}
    took = [entry["odno"] for entry in kis.control.truth()["requests"][-20:] if entry["accepted"]]
    assert {order["odno"] for order in accepted(kis)} - before == set(took)
    assert 0 < len(took) < 20


def test_every_trap_of_numbers_over_http(kis, paper):
    kis.control.settings(odd_numbers=True)
    values = {row[name] for row in walk(paper) for name in ("ord_qty", "ord_unpr", "avg_prvs", "rmn_qty")}
    kis.control.settings(odd_numbers=False)
    assert {"", "-"} <= values
    assert any(value.startswith(" ") for value in values)
    assert any(value.endswith(".0000") for value in values)
