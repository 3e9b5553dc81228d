"""A column of numbers says why one of them is not there."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.errors import UsageError
from exec_algos.stats.estimable import UNNAMED, Estimable, Missing, estimable_frame


def flags(*rows):
    return np.array(rows, dtype=bool)


def test_a_missing_number_has_a_reason_and_a_known_one_has_none():
    column = Estimable.of([1.0, math.nan, 3.0], Missing(flags(0, 1, 0), "no volume"))
    assert column.reason.tolist() == ["", "no volume", ""]
    assert column.known.tolist() == [True, False, True]
    assert len(column) == 3


def test_a_number_where_a_reason_holds_is_not_shown():
    assert math.isnan(Estimable.of([0.0], Missing(flags(1), "no volume")).values[0])


def test_the_first_reason_counts():
    column = Estimable.of([1.0, 1.0], Missing(flags(1, 0), "no symbol"), Missing(flags(1, 1), "no volume"))
    assert column.reason.tolist() == ["no symbol", "no volume"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_and_that_no_rule_names_still_has_a_reason(value):
    assert Estimable.of([value]).reason.tolist() == [UNNAMED]


def test_a_reason_tells_its_number():
    column = Estimable.of([1.0, 1.0, 2.0], Missing(flags(1, 1, 0), "only {:.2f} of it", np.array([0.25, 0.5, 7.0])))
    assert column.reason.tolist() == ["only 0.25 of it", "only 0.50 of it", ""]
    assert column.counts() == {"only {:.2f} of it": 2}


def test_the_same_reason_of_two_rules_is_one_reason():
    column = Estimable.of([1.0, 1.0, 1.0], Missing(flags(1, 0, 0), "a"), Missing(flags(0, 1, 0), "b"), Missing(flags(0, 0, 1), "a"))
    assert column.counts() == {"a": 2, "b": 1}
    assert list(estimable_frame({"x": column})["x_reason"]) == ["a", "b", "a"]


def test_what_is_made_of_columns_inherits_the_first_reason_with_its_number():
    price = Estimable.of([1.0, 2.0, 3.0], Missing(flags(1, 0, 0), "nothing was filled"))
    base = Estimable.of([1.0, 2.0, 3.0], Missing(flags(1, 1, 0), "needs {:g}", np.array([5.0, 6.0, 7.0])))
    column = Estimable.combine(price.values / base.values, price, base)
    assert column.reason.tolist() == ["nothing was filled", "needs 6", ""]
    assert column.values[2] == 1.0


def test_its_own_reasons_go_before_those_of_its_sources():
    price = Estimable.of([1.0], Missing(flags(1), "nothing was filled"))
    assert Estimable.combine([1.0], price, missing=(Missing(flags(1), "no symbol"),)).reason.tolist() == ["no symbol"]


def test_bps_of_nothing_are_not_estimable():
    column = Estimable.of([1.0, 0.5]).bps_of(Estimable.of([0.0, 50.0]))
    assert column.reason.tolist() == ["there is nothing to divide by", ""]
    assert column.values[1] == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("values", "codes", "words"),
    [
        ([math.nan], [0], "row 0 is nan with no reason"),
        ([0.0, 1.0], [0, 1], "row 1 is 1.0 with reason 'why'"),
        ([math.inf], [0], "row 0 is inf with no reason"),
        ([math.nan], [2], "codes 2 to 2"),
        ([math.nan], [-1], "codes -1 to -1"),
        ([1.0, 2.0], [0], "columns of one length"),
        ([[1.0]], [[0]], "columns of one length"),
    ],
)
def test_a_column_that_contradicts_itself_is_refused(values, codes, words):
    with pytest.raises(UsageError, match=words):
        Estimable(np.array(values), np.array(codes, dtype=np.int8), ("", "why"))


def test_a_column_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        Estimable.of([1.0]).values[0] = 2.0


def test_a_frame_has_the_reason_beside_the_number():
    plain = Estimable.of([1.0, 1.0], Missing(flags(0, 1), "no volume"))
    told = Estimable.of([1.0, 1.0], Missing(flags(0, 1), "needs {:g}", np.array([1.0, 2.0])))
    frame = estimable_frame({"vwap": plain, "pwp": told})
    assert list(frame.columns) == ["vwap", "vwap_reason", "pwp", "pwp_reason"]
    assert frame["vwap_reason"].tolist() == ["", "no volume"]
    assert frame["pwp_reason"].tolist() == ["", "needs 2"]
    assert isinstance(frame["vwap_reason"].dtype, pd.CategoricalDtype)


@given(st.lists(st.tuples(st.floats(allow_nan=True, allow_infinity=True), st.booleans(), st.booleans()), max_size=20))
def test_no_nan_stands_without_a_reason_and_no_reason_beside_a_number(rows):
    values = np.array([row[0] for row in rows], dtype=np.float64)
    column = Estimable.of(values, *(Missing(np.array([row[i] for row in rows], dtype=bool), f"reason {i}") for i in (1, 2)))
    assert [reason == "" for reason in column.reason] == np.isfinite(column.values).tolist()
    assert sum(column.counts().values()) == int(np.isnan(column.values).sum())
