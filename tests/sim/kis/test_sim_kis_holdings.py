"""Balance and buying power of the simulated KIS, by values worked out by hand."""

from kis_desks import DAYS, FLAT, Venue, code

from exec_algos.market.bars import Bars
from exec_algos.market.hours import sessions_of
from exec_algos.sim.kis.floor import krx_exchange

COMMISSION, TAX = 5_227, 74_400  # of 600 x 62,000: 0.0140527 % and 0.20 %


def balance(venue, tr_cont="", **fields):
    said = {
        "AFHR_FLPR_YN": "N", "OFL_YN": "", "INQR_DVSN": "02", "UNPR_DVSN": "01", "FUND_STTL_ICLD_YN": "N", "FNCG_AMT_AUTO_RDPT_YN": "N",
        "PRCS_DVSN": "00", "CTX_AREA_FK100": "", "CTX_AREA_NK100": "",
    }  # fmt: skip
    return venue.call("inquire-balance", tr_cont=tr_cont, **{**said, **fields})


def power(venue, dvsn="01", price="0", symbol="005930"):
    fields = {"PDNO": symbol, "ORD_UNPR": price, "ORD_DVSN": dvsn, "CMA_EVLU_AMT_ICLD_YN": "N", "OVRS_ICLD_YN": "N"}
    return venue.call("inquire-psbl-order", **fields).body["output"]


def cash(venue):
    (found,) = balance(venue).body["output2"]  # an array of one: whoever takes it for an object reads nothing
    return {name: int(found[name]) for name in found if name != "fncg_gld_auto_rdpt_yn"}


def test_a_market_buy_is_counted_at_the_upper_limit():
    found = power(Venue(cash=62_000_000))
    assert (found["psbl_qty_calc_unpr"], found["nrcvb_buy_qty"]) == ("80600", "769")
    assert int(found["max_buy_qty"]) > 769  # on margin, which nobody gives: the order is refused
    venue = Venue(cash=62_000_000)
    assert venue.order(int(found["max_buy_qty"])).body["rt_cd"] != "0"
    assert venue.order(769).body["rt_cd"] == "0"


def test_a_limit_buy_is_counted_at_its_limit_and_open_orders_are_taken_off():
    venue = Venue(cash=6_200_000)
    assert power(venue, "00", "62000")["nrcvb_buy_qty"] == "99"
    venue.sent(50, 61_000)  # holds 3,050,428.6
    found = power(venue, "00", "62000")
    assert (found["ord_psbl_cash"], found["nrcvb_buy_qty"]) == ("3149571", "50")


def test_buying_power_of_a_symbol_that_is_not_traded():
    answer = Venue().call("inquire-psbl-order", PDNO="000660", ORD_UNPR="0", ORD_DVSN="01", CMA_EVLU_AMT_ICLD_YN="N", OVRS_ICLD_YN="N")
    assert code(answer)[0] == "APBK0656"


def test_proceeds_of_a_sale_buy_again_on_the_same_day():
    venue = Venue(cash=0.0)
    venue.exchange.account(venue.account).positions["005930"] = 600.0
    venue.sent(600, side="sell")
    assert power(venue, "00", "62000")["ord_psbl_cash"] == str(37_200_000 - COMMISSION - TAX)


def test_fees_and_tax_of_today_are_in_the_balance():
    venue = Venue(cash=100_000_000)
    venue.sent(600)
    assert cash(venue)["thdt_tlex_amt"] == COMMISSION
    venue.until("10:30")
    venue.sent(600, side="sell")
    found = cash(venue)
    assert found["thdt_tlex_amt"] == 2 * COMMISSION + TAX
    assert (found["thdt_buy_amt"], found["thdt_sll_amt"]) == (37_200_000, 37_200_000)
    assert found["prvs_rcdl_excc_amt"] == 100_000_000 - 2 * COMMISSION - TAX
    assert found["dnca_tot_amt"] == 100_000_000  # nothing of today is settled


def test_cash_is_settled_two_business_days_later():
    venue = Venue(*(FLAT,) * 4, cash=100_000_000)
    venue.sent(600)
    cost = 37_200_000 + COMMISSION
    names = ("dnca_tot_amt", "nxdy_excc_amt", "prvs_rcdl_excc_amt")
    settled = []
    for day in DAYS[:3]:
        venue.until(f"{day} 10:01")
        settled.append(tuple(100_000_000 - cash(venue)[name] for name in names))
    assert settled == [(0, 0, cost), (0, cost, cost), (cost, cost, cost)]


def test_holdings_that_were_sold_linger_with_a_quantity_of_0():
    venue = Venue(*(FLAT,) * 4)
    venue.sent(600)
    venue.until("10:30")
    venue.sent(600, side="sell")
    (row,) = balance(venue).body["output1"]  # whoever counts rows has a holding
    assert (row["pdno"], row["hldg_qty"], row["thdt_buyqty"], row["thdt_sll_qty"]) == ("005930", "0", "600", "600")
    venue.until(f"{DAYS[1]} 10:00")
    assert balance(venue).body["output1"][0]["bfdy_sll_qty"] == "600"
    venue.until(f"{DAYS[2]} 10:00")
    assert balance(venue).body["output1"] == []


def test_a_holding_has_its_cost_and_what_may_be_sold():
    venue = Venue((62_000,) * 90 + (63_000,) * 300)
    venue.sent(600)
    venue.until("10:40")
    venue.sent(300)
    venue.sent(200, 70_000, side="sell")
    (row,) = balance(venue).body["output1"]
    bought = sum(execution.quantity * execution.price for execution in venue.exchange.executions)
    assert (row["hldg_qty"], row["ord_psbl_qty"], row["prpr"], row["pchs_amt"]) == ("900", "700", "63000", f"{bought:.0f}")
    assert row["pchs_avg_pric"] == f"{bought / 900:.4f}"
    sell = venue.call("inquire-psbl-sell", PDNO="005930").body["output1"]
    assert sell["ord_psbl_qty"] == "700"
    venue.sent(700, side="sell")
    venue.until("10:45")
    (row,) = balance(venue).body["output1"]
    assert (row["hldg_qty"], row["ord_psbl_qty"], row["pchs_avg_pric"]) == ("200", "0", f"{bought / 900:.4f}")


def test_the_worth_of_an_account_is_securities_and_the_cash_of_d_2():
    venue = Venue(cash=100_000_000)
    venue.sent(600)
    found = cash(venue)
    assert found["scts_evlu_amt"] == 37_200_000
    assert found["tot_evlu_amt"] == found["nass_amt"] == 100_000_000 - COMMISSION


def test_an_empty_account_is_told_by_its_code_and_a_refused_query_is_no_empty_account():
    venue = Venue()
    assert code(balance(venue))[0] == "KIOK0560"
    for fields in ({"AFHR_FLPR_YN": "Q"}, {"INQR_DVSN": "2"}, {"PRCS_DVSN": ""}, {"CANO": "99999999"}):
        answer = balance(venue, **fields)
        assert answer.body["rt_cd"] == "1"
        assert "output1" not in answer.body


def test_holdings_come_in_pages_of_fifty_live_and_twenty_on_paper():
    for paper, size in ((False, 50), (True, 20)):
        venue = Venue(paper=paper)
        held = [f"{100_000 + k:06d}" for k in range(size + 1)]
        wide(venue, held)
        first = balance(venue)
        assert (len(first.body["output1"]), first.tr_cont) == (size, "F")
        given = {name.upper(): first.body[name] for name in ("ctx_area_fk100", "ctx_area_nk100")}
        second = balance(venue, "N", **given)
        assert [row["pdno"] for page in (first, second) for row in page.body["output1"]] == held
        assert second.tr_cont == "D"
        assert code(balance(venue, "N", CTX_AREA_FK100=given["CTX_AREA_FK100"].strip()))[0] == "OPSQ2003"


def wide(venue, symbols):
    """Give the account ten shares of each of many symbols, whose bars are those of its own."""
    import pandas as pd

    stamps = pd.date_range("2026-11-23 09:00", periods=390, freq="1min", tz="Asia/Seoul")
    frame = pd.DataFrame({"open": 1_000.0, "high": 1_000.0, "low": 1_000.0, "close": 1_000.0, "volume": 60.0}, index=stamps)
    table = pd.concat([frame.assign(symbol=symbol) for symbol in symbols])
    bars = Bars.from_frame(table, label="start", step="1min")
    exchange = krx_exchange(bars, sessions_of(bars, None), venue.exchange.now)
    exchange.account(venue.account).positions.update(dict.fromkeys(symbols, 10.0))
    venue.world.exchange = venue.exchange = venue.desk.exchange = exchange
