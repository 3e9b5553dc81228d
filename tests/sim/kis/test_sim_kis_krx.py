"""KRX's rules in the simulated KIS, by values worked out by hand from the exchange's tables."""

import pytest
from kis_desks import at

from exec_algos.sim.kis import krx
from exec_algos.sim.kis.krx import ORDER_TYPES, DayHours, Phase

MONDAY = DayHours(at("08:30"), at("09:00"), at("15:30"), at("20:00"))


@pytest.mark.parametrize(
    ("price", "tick", "of_a_fund"),
    [(1_999, 1, 1), (2_000, 5, 5), (4_995, 5, 5), (5_000, 10, 5), (19_990, 10, 5), (20_000, 50, 5), (49_950, 50, 5), (50_000, 100, 5),
     (199_900, 100, 5), (200_000, 500, 5), (499_500, 500, 5), (500_000, 1_000, 5)],
)  # fmt: skip
def test_ticks_by_price(price, tick, of_a_fund):
    assert (krx.tick(price), krx.tick(price, fund=True)) == (tick, of_a_fund)


@pytest.mark.parametrize(
    ("base", "fund", "low", "high"),
    [
        (62_000, False, 43_400, 80_600),
        (71_300, False, 49_950, 92_600),  # 49,910 up to a tick of 50; 92,690 down to one of 100
        (155_000, False, 108_500, 201_500),  # 201,500 lies on the tick of 500 above 200,000
        (1_234, False, 864, 1_604),  # 863.8 and 1,604.2
        (30_745, True, 21_525, 39_965),  # 21,521.5 and 39,968.5
    ],
)
def test_price_limits_are_rounded_inward(base, fund, low, high):
    assert krx.limits(base, fund) == (low, high)


@pytest.mark.parametrize(
    ("time", "phase", "nxt"),
    [
        ("07:59", Phase.CLOSED, False), ("08:10", Phase.CLOSED, True), ("08:30", Phase.OPENING, True), ("08:50", Phase.OPENING, False),
        ("09:00", Phase.CONTINUOUS, False), ("09:01", Phase.CONTINUOUS, True), ("15:19", Phase.CONTINUOUS, True),
        ("15:20", Phase.CLOSING, False), ("15:30", Phase.FIXED, True), ("15:59", Phase.FIXED, True), ("16:00", Phase.AFTER, True),
        ("19:59", Phase.AFTER, True), ("20:00", Phase.CLOSED, False),
    ],
)  # fmt: skip
def test_phases_of_a_day(time, phase, nxt):
    assert (MONDAY.phase(at(time)), MONDAY.nxt_open(at(time))) == (phase, nxt)


def test_order_types_and_their_exchanges_are_those_of_the_table():
    taken = {letter: {dvsn for dvsn, kind in ORDER_TYPES.items() if letter in kind.exchanges} for letter in "KNS"}
    evening = {"41", "42", "43", "44", "45", "46", "47"}
    both = {"00", "03", "04", "11", "12", "13", "14", "15", "16"}
    assert taken["K"] == both | evening | {"01", "02", "05", "06", "21", "22", "23", "24"}
    assert taken["N"] == both | {"21", "22", "23", "24", "27", "28", "29"}
    assert taken["S"] == both | {"01"}
    assert {dvsn for dvsn, kind in ORDER_TYPES.items() if kind.priced} == {"00", "02", "11", "12", "22", "27", "41", "42", "43"}


@pytest.mark.parametrize(
    ("amount", "date", "fund", "commission", "tax"),
    [
        (37_200_000, 20261123, False, 5_227, 74_400),  # 5,227.6044 cut off; 0.20 %
        (37_200_000, 20250603, False, 5_227, 55_800),  # 0.15 %
        (37_200_000, 20241227, False, 5_227, 55_800),  # settled in 2025
        (37_200_000, 20241226, False, 5_227, 66_960),  # 0.18 %
        (62_499, 20261123, False, 8, 124),  # 8.78 and 124.998
        (37_200_000, 20261123, True, 5_450, 0),
    ],
)
def test_commission_and_tax_lose_their_part_of_a_won(amount, date, fund, commission, tax):
    assert (krx.commission(amount, fund), krx.sales_tax(amount, date, fund)) == (commission, tax)
