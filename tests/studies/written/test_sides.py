"""Sides as systems write them: understood, or the column is refused as a whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.errors import UsageError
from exec_algos.studies.design.written.cells import Unread
from exec_algos.studies.design.written.sides import parse_sides, read_sides

BOTH = ["BUY", "SELL"]


@pytest.mark.parametrize(
    ("texts", "side"),
    [
        (["BUY", "buy", " Buy ", "B", "b", "BOT", "Bought", "BL", "BC", "BUY_TO_COVER", "buy to cover", "BuyToCover", "BUY-TO-OPEN",
        "BTO", "Cover",
          "매수", "현금매수", "買", "买入", "ＢＵＹ"], 1),
        (["SELL", "sell", "S", "SLD", "Sold", "SL", "SS", "SSE", "SELL_SHORT", "Sell Short", "sell short exempt", "SHORT_SELL", "STC",
          "매도", "공매도", "売", "卖出"], -1),
    ],
)  # fmt: skip
def test_words_and_letters(texts, side):
    for text in texts:
        assert read_sides([text, *BOTH]) == [side, 1, -1], text


def test_codes_of_fix_tag_54():
    # FIX 4.2: 1 buy, 2 sell, 3 buy minus, 4 sell plus, 5 sell short, 6 sell short exempt
    assert read_sides(["1", "2", "3", "4", "5", "6"]) == [1, -1, 1, -1, -1, -1]
    assert read_sides([1, 2, 5]) == [1, -1, -1]
    assert read_sides([1.0, 2.0, 5.0]) == [1, -1, -1]
    assert read_sides(["1.0", "2.0"]) == [1, -1]


def test_signs_are_no_codes():
    assert read_sides(["1", "-1", "+1", -1, 1]) == [1, -1, 1, -1, 1]
    with pytest.raises(UsageError, match="1 of 3 rows"):
        read_sides(["1", "-1", "2"])


@pytest.mark.parametrize(
    "codes", [["01", "02"], ["0", "1"], ["7", "1", "2"], ["long", "short"], ["Y", "N"], ["True", "False"], [True, False]]
)
def test_codes_that_are_not_known_refuse_the_column(codes):
    with pytest.raises(
        UsageError, match=r"the column 'side' is not understood: .*say what they mean: sides=\{...\} \(--sides 01=sell,02=buy\)"
    ):
        read_sides(codes * 3)


@pytest.mark.parametrize(("many", "refused"), [(9, True), (10, False), (30, False)])
def test_more_than_a_tenth_that_is_not_understood_refuses_the_column(many, refused):
    # one of ten is a tenth; one of eleven and of 31 is less
    cells = ["?", *(BOTH * many)[: many - 1]]
    if refused:
        with pytest.raises(UsageError, match=r"1 of 9 rows \('\?' 1 x\)"):
            read_sides(cells)
    else:
        assert read_sides(cells)[0] == Unread("?", "side is neither BUY nor SELL")


@pytest.mark.parametrize(("rest", "said"), [("BUY", "buy only"), ("S", "sell only")])
def test_a_rest_of_one_side_is_refused_however_little_is_not_understood(rest, said):
    with pytest.raises(UsageError, match=f"1 of 101 rows, and the others {said} \\('X' 1 x\\)"):
        read_sides(["X", *[rest] * 100])
    assert read_sides([rest] * 100) == [1 if rest == "BUY" else -1] * 100


def test_a_row_without_symbol_and_side_is_no_order_and_does_not_count():
    assert read_sides(["BUY", ""], orders=[True, False]) == [1, Unread("", "side is neither BUY nor SELL")]
    with pytest.raises(UsageError, match="1 of 2 rows"):
        read_sides(["BUY", ""], orders=[True, True])


def test_what_the_caller_says_comes_first():
    assert read_sides(["01", "02"], parse_sides("01=sell,02=buy")) == [-1, 1]
    assert read_sides(["1", "2"], parse_sides({"1": "SELL", "2": "buy"})) == [-1, 1]
    assert read_sides([1, "S"], parse_sides("1=sell,s=buy")) == [-1, 1]


@pytest.mark.parametrize("text", ["01", "01=hold", "01=sell,01=buy", "=sell", "", "01=sell;02=buy"])
def test_meanings_that_cannot_be_are_refused(text):
    with pytest.raises(UsageError):
        parse_sides(text)


@given(st.lists(st.sampled_from(["B", "S", "1", "2", "x", "", "매도", "-1", "buy"]), min_size=1, max_size=40))
def test_a_column_that_is_taken_has_few_gaps_and_both_sides_where_it_has_any(cells):
    try:
        sides = read_sides(cells)
    except UsageError:
        return
    unknown = [side for side in sides if isinstance(side, Unread)]
    assert len(unknown) * 10 <= len(cells)
    assert not unknown or {side for side in sides if not isinstance(side, Unread)} == {1, -1}
