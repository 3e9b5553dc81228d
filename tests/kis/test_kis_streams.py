"""Records of quote streams."""

import pytest
from kis_minutes import SECOND, at

from exec_algos.brokers.kis.frames import FrameError
from exec_algos.brokers.kis.streams import Trade, quotes_of, trade_of

DAY = "20261123"
TIME = at(DAY, "10:03") + 15 * SECOND


def book(more=0):
    asks = [str(62_500 + 100 * level) for level in range(10)]
    bids = [str(62_400 - 100 * level) for level in range(10)]
    shares = [str(1_000 + level) for level in range(10)], [str(2_000 + level) for level in range(10)]
    rest = ["10045", "20045", "0", "0", "0", "0", "0", "0", "5", "0.00", "4120338", "1", "2", "3", "4", "5"]
    return ["005930", "100315", "0", *asks, *bids, *shares[0], *shares[1], *rest, *["1"] * more]


def trade(count=46):
    fields = ["005930", "100315", "62400", "2", "400", "0.65", "62300.12", "62100", "62700", "61900", "62500", "62400", "18", "4120338"]
    return [*fields, *["0"] * (count - len(fields))]


@pytest.mark.parametrize("more", [0, 1])
def test_a_book_has_ten_levels_of_a_side(more):
    symbol, found = quotes_of(book(more), DAY)
    assert symbol == "005930"
    assert found.asks == tuple((62_500 + 100 * level, 1_000 + level) for level in range(10))
    assert found.bids == tuple((62_400 - 100 * level, 2_000 + level) for level in range(10))
    assert (found.time, found.traded) == (TIME, 4_120_338)


def test_empty_levels_are_left_out():
    fields = book()
    for field in (*range(3, 13), 14, 24):
        fields[field] = "0"
    found = quotes_of(fields, DAY).book
    assert found.asks == ()
    assert [price for price, _ in found.bids[:2]] == [62_400, 62_200]


@pytest.mark.parametrize("count", [46, 47])
def test_a_trade_has_price_shares_and_those_of_the_session(count):
    assert trade_of(trade(count), DAY) == Trade("005930", 62_400, 18, 4_120_338, TIME)


@pytest.mark.parametrize(
    ("field", "value"), [(2, "1e5"), (12, "nan"), (13, "-1"), (2, "6 2"), (1, "250000"), (0, ""), (2, "1.2.3"), (12, "\u0661")]
)
def test_what_cannot_be_is_an_error_of_ours(field, value):
    fields = trade()
    fields[field] = value
    with pytest.raises(FrameError):
        trade_of(fields, DAY)


@pytest.mark.parametrize(("field", "value"), [(3, "x"), (42, "-5"), (53, "inf"), (1, "")])
def test_a_book_that_cannot_be_is_an_error_of_ours(field, value):
    fields = book()
    fields[field] = value
    with pytest.raises(FrameError):
        quotes_of(fields, DAY)


def test_records_that_are_too_short_are_an_error_of_ours():
    with pytest.raises(FrameError, match="54 fields"):
        quotes_of(book()[:53], DAY)
    with pytest.raises(FrameError, match="14 fields"):
        trade_of(trade()[:13], DAY)
