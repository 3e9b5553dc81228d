"""What holds at the simulated KIS whatever comes: orders, changes, cancels, faults, plans, hours, restless prices."""

import math
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kis_desks import DAYS, FLAT, Venue

from exec_algos.sim.kis.register import charges, kst_date
from exec_algos.sim.kis.trading import truth_rows
from exec_algos.sim.orders import BUY

PRICES = (61_500, 61_900, 62_000, 62_100, 62_500, 80_700, 62_050)
RESTLESS = tuple((62_000 + 100 * (k % 3), 62_500, 61_500, 62_000 - 100 * (k % 5)) for k in range(390))
CASH = 400_000_000
BEFORE = 2_000  # shares that the account has as it begins

orders = st.tuples(
    st.just("order"), st.sampled_from(["buy", "sell"]), st.integers(1, 900), st.sampled_from(["00", "01", "02", "03", "04", "11", "14"]),
    st.sampled_from(PRICES), st.sampled_from(["", "", "", "exchange_rejects"]), st.sampled_from(["KRX", "KRX", "NXT", "SOR"]),
)  # fmt: skip
changes = st.tuples(
    st.just("change"), st.integers(0, 12), st.sampled_from(["01", "02", "02"]), st.integers(0, 400), st.sampled_from(["Y", "N"]),
    st.sampled_from(PRICES), st.sampled_from(["", "", "fill_wins"]),
)  # fmt: skip
waits = st.tuples(st.just("wait"), st.sampled_from([0, 0.4, 1, 7, 61, 900, 20_000]))
plans = st.tuples(st.just("plan"), st.lists(st.tuples(st.integers(0, 5), st.integers(1, 300), st.sampled_from(PRICES)), max_size=3))


def carry(venue, step, sent):
    match step:
        case "order", side, quantity, dvsn, price, fault, exchange:
            answer = venue.order(quantity, price if dvsn in ("00", "02", "11") else 0, side, dvsn=dvsn, exchange=exchange, fault=fault)
            if answer.body["rt_cd"] == "0":
                sent.append(answer.body["output"])
        case "change", which, kind, quantity, every, price, fault:
            if sent:
                answer = venue.change(sent[which % len(sent)], quantity, every, kind=kind, price=price if kind == "01" else 0, fault=fault)
                if answer.body["rt_cd"] == "0":
                    sent.append({name.upper(): value for name, value in answer.body["output"].items()})
        case "wait", seconds:
            venue.wait(seconds)
        case "plan", fills:
            venue.desk.carrier.plan("005930", [{"after": a, "shares": n, "price": float(p)} for a, n, p in fills])


def quantities_add_up(venue):
    """Of each order: ordered is filled, open, cancelled, rejected and moved; nothing is negative."""
    found = truth_rows(venue.world)
    for row in found["orders"]:
        parts = [row[name] for name in ("filled", "open", "cancelled", "rejected", "moved")]
        assert min(parts) >= 0, row
        if row["kind"] != "cancel":
            assert sum(parts) == row["quantity"], row
        elif row["state"] == "request":
            assert row["cancelled"] + row["rejected"] in (0, row["quantity"]), row  # 0: the exchange has not confirmed it
    return found


def chains_hold_what_was_ordered(found):
    """Of each chain: what its first order asked for is filled, open, cancelled or rejected, in whichever rows."""
    chains = defaultdict(list)
    for row in found["orders"]:
        if row["kind"] != "cancel":
            chains[row["date"], row["root"]].append(row)
    for rows in chains.values():
        first = next(row for row in rows if row["kind"] == "order")
        carried = [row for row in rows if row["state"] != "request"]  # a change that came too late has moved nothing
        assert sum(row[name] for row in carried for name in ("filled", "open", "cancelled", "rejected")) == first["quantity"]


def money_and_shares_add_up(venue, found):
    cash, shares, ordered = float(CASH), float(BEFORE), defaultdict(float)
    for row in found["executions"]:
        side = 1 if row["side"] == "BUY" else -1
        cash -= side * row["quantity"] * row["price"]
        shares += side * row["quantity"]
        ordered[row["date"], row["odno"], side] = row["amount"]
    fees = sum(charges(amount, side, date, fund=False) for (date, _, side), amount in ordered.items())
    account = venue.exchange.account(venue.account)
    assert account.cash == pytest.approx(cash - fees, abs=1e-3)
    assert account.positions.get("005930", 0.0) == shares >= 0
    assert account.cash >= -1
    waiting = venue.exchange.ledger.open_of(venue.account)
    assert account.held == pytest.approx(math.fsum(order.open * order.hold for order in waiting if order.ticket.side == BUY), abs=1e-3)
    assert account.offered.get("005930", 0.0) == sum(order.open for order in waiting if order.ticket.side != BUY)


def the_inquiry_says_what_is_true(venue, found):
    rows = {}
    for day in DAYS[:2]:
        rows |= {(day.replace("-", ""), odno): row for (_, odno), row in venue.rows(day=day, EXCG_ID_DVSN_CD="ALL").items()}
    truth = {(row["date"], row["odno"]): row for row in found["orders"]}
    assert rows.keys() == truth.keys()
    for key, row in rows.items():
        said = [int(row[name]) for name in ("ord_qty", "tot_ccld_qty", "rmn_qty", "cncl_cfrm_qty", "rjct_qty")]
        assert said == [truth[key][name] for name in ("quantity", "filled", "open", "cancelled", "rejected")]
        assert float(row["tot_ccld_amt"]) == truth[key]["amount"]


@settings(max_examples=40)
@given(st.lists(st.one_of(orders, orders, changes, waits, plans), max_size=30), st.sampled_from([0, 2]), st.integers(0, 3))
def test_shares_money_and_rows_are_right_whatever_comes(steps, takes, seed):
    venue = Venue(RESTLESS, FLAT, cash=CASH, seed=seed, said={"cancel_takes": [takes, takes]})
    venue.exchange.account(venue.account).positions["005930"] = float(BEFORE)
    sent = []
    for step in steps:
        carry(venue, step, sent)
        found = quantities_add_up(venue)
        chains_hold_what_was_ordered(found)
        money_and_shares_add_up(venue, found)
    the_inquiry_says_what_is_true(venue, truth_rows(venue.world))
    venue.until(f"{DAYS[1]} 20:30")
    assert venue.desk.open_entries(venue.account) == []
    assert venue.exchange.account(venue.account).held == pytest.approx(0, abs=1e-3)
    assert {row["date"] for row in truth_rows(venue.world)["executions"]} <= {kst_date(venue.exchange.market.opens[k]) for k in (0, 1)}
