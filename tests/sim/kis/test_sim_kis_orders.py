"""Orders of the simulated KIS: what it takes, what it says of fills, cancels and changes. A minute of 6,000 shares trades 100 a second."""

from kis_desks import DAYS, Venue, code


def test_a_market_order_of_the_visible_size_is_filled_at_once():
    venue = Venue()
    sent = venue.sent(600)
    row = venue.row(sent)
    assert (row["tot_ccld_qty"], row["rmn_qty"], row["tot_ccld_amt"], row["avg_prvs"]) == ("600", "0", "37200000", "62000")


def test_numbers_have_ten_digits_and_begin_anew_with_each_day():
    venue = Venue(*((62_000,) * 390,) * 2)
    first = [venue.sent(1)["ODNO"] for _ in range(5)]
    venue.until(f"{DAYS[1]} 10:00")
    again = [venue.sent(1)["ODNO"] for _ in range(5)]
    assert first == again  # whoever keys orders by the number alone takes two orders for one
    assert first == sorted(set(first))
    assert {len(odno) for odno in first} == {10}


def test_what_is_left_of_a_limit_order_is_cancelled_whole():
    venue = Venue()
    sent = venue.sent(700, 62_000)
    assert venue.row(sent)["rmn_qty"] == "100"
    answer = venue.change(sent)
    assert set(answer.body["output"]) == {"krx_fwdg_ord_orgno", "odno", "ord_tmd"}  # lower case, other than of order-cash
    row, request = venue.row(sent), venue.row(answer.body["output"])
    assert (row["tot_ccld_qty"], row["cncl_cfrm_qty"], row["rmn_qty"], row["rjct_qty"]) == ("600", "100", "0", "0")
    assert (request["orgn_odno"], request["ord_qty"], request["cncl_cfrm_qty"], request["tot_ccld_qty"]) == (
        sent["ODNO"],
        "100",
        "100",
        "0",
    )
    assert code(venue.change(sent))[0] == "APBK0400"


def test_pages_are_read_to_their_end():
    venue = Venue()
    sent = {venue.sent(1, 61_000)["ODNO"] for _ in range(250)}
    first = venue.page()
    assert (len(first.body["output1"]), first.tr_cont, code(first)[0]) == (100, "F", "KIOK0500")
    assert {odno for _, odno in venue.rows()} == sent
