"""The wire form of an execution notice, against vectors that were made by another program with the key and iv of the same example."""

import random

from exec_algos.sim.kis.cipher import Secret
from exec_algos.sim.kis.notices import Notice
from exec_algos.sim.orders import BUY

PRINTED = Secret("qmxkvdtwhzcrabnpjfeoylsugiqwertz", "4f1c9a27d05be836")
ACCEPTED = (
    "h1QVSJVcBsuBFxlwzSzFmqwq6Lwc8DkqGOkw/FjnCLziGIRRgXsmimQmdzhX6T+wBVCpOg+wrosmFD+2v4+1R/xYPI8Pg4tHYVWFXDT6VKkp4j6OS1DaRBTrt//SjKuX"
    "PlYtc8wpDE+1EtqnqP6QFRKDpfNloibfN3CN2CzEYYUi9t5A/4Ll2500IW7bDdmo1IPrzB79J2O2W0J+xPWYYg=="
)
EXECUTED = (
    "h1QVSJVcBsuBFxlwzSzFmqwq6Lwc8DkqGOkw/FjnCLziGIRRgXsmimQmdzhX6T+wcIIBo+MMdW9ow4NDTRw/9PJUoG4L1Pls/Z0bW/2hFMUm1wWJR7kXsHv1y9jks4zY"
    "BfLSBGqhuen1/2eG1tx/hU2erATUwopoJiYK7cu6j5iX7/p5zTnCoDTky8bCKTPHjBw8pFymzUCvxdBgbhHLrg=="
)
TEN_O_THREE = 1795395792_000_000_000  # 2026-11-23 10:03:12 in Seoul


def notice(**changed):
    said = {
        "account": "5012345601", "odno": "0001569157", "side": BUY, "symbol": "005930", "quantity": 100, "price": 62400,
        "time": TEN_O_THREE, "branch": "06010", "ordered": 100, "limit": 62400,
    }  # fmt: skip
    return Notice(**said | changed)


def test_an_accepted_order_is_encrypted_as_the_printed_vector():
    assert PRINTED.encrypt(notice().text("HTSUSER1")) == ACCEPTED


def test_an_execution_is_encrypted_as_the_printed_vector():
    executed = notice(quantity=40, time=TEN_O_THREE + 3_000_000_000, execution=True, accepted="2")
    assert PRINTED.encrypt(executed.text("HTSUSER1")) == EXECUTED


def test_a_notice_has_as_many_fields_as_it_is_asked_for_and_the_first_are_the_same():
    longest = notice().text("HTSUSER1", 30).split("^")
    assert len(longest) == 30
    assert all(notice().text("HTSUSER1", count).split("^") == longest[:count] for count in (23, 26))


def test_numbers_come_with_zeros_before_them_or_without():
    plain = notice(quantity=40, price=62450).text("HTSUSER1", padded=False).split("^")
    assert (plain[9], plain[10], plain[16], plain[25]) == ("40", "62450", "100", "62400")


def test_a_fresh_secret_has_the_printed_lengths_and_differs_each_time():
    rng = random.Random(1)
    first, second = Secret.drawn(rng), Secret.drawn(rng)
    assert (len(first.key), len(first.iv)) == (32, 16)
    assert first != second
