"""Notices that wait for the answer to their order."""

from exec_algos.brokers.kis.kept import Kept
from exec_algos.brokers.kis.rows import Notice

SECOND = 1_000_000_000
FIELDS = "HTS^5012345601^{odno}^{original}^02^{kind}^00^0^005930^0000000040^000062400^100315^{refused}^{executed}^1^06010^000000100"


class Hands:
    now = 1_000 * SECOND


def notice(odno, original="", kind=0, executed=1, refused=0):
    return Notice.of(FIELDS.format(odno=odno, original=original, kind=kind, executed=executed, refused=refused).split("^"))


def kept(*notices, clock=Hands()):  # noqa: B008
    found = Kept(clock, keep=60 * SECOND)
    for each in notices:
        found.add(each)
    return found


def numbers(came):
    return [each.notice.odno for each in came]


def test_notices_wait_by_the_number_of_their_order_and_of_the_one_that_they_change():
    held = kept(notice("0000000001"), notice("0000000002"), notice("0000000003", "0000000001", kind=2), notice("0000000001", executed=2))
    assert numbers(held.of("0000000001")) == ["0000000001", "0000000003", "0000000001"]
    assert numbers(held.of("0000000003")) == ["0000000003"]
    assert held.of("0000000009") == ()


def test_acceptances_are_those_of_orders_each_once_and_no_cancel_refusal_or_execution_is_one():
    orders = notice("0000000001"), notice("0000000001"), notice("0000000002", executed=2), notice("0000000003", "0000000001", kind=2)
    assert numbers(kept(*orders, notice("0000000004", refused=1), notice("0000000005")).accepted()) == ["0000000001", "0000000005"]


def test_they_are_forgotten_after_a_while():
    clock = Hands()
    held = kept(notice("0000000001"), clock=clock)
    clock.now += 60 * SECOND
    held.add(notice("0000000001"))
    assert len(held.of("0000000001")) == 2
    clock.now += 1
    assert [came.time for came in held.of("0000000001")] == [1_060 * SECOND]
    clock.now += 60 * SECOND
    assert held.of("0000000001") == held.accepted() == ()
