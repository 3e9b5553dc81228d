"""A piece of the proof that damaged messages are refused, or read as they stand; and that it notices a reader that is wrong."""

import re

import pytest
from proofs import kis_mutants

from exec_algos.brokers.kis import codes, order_rows


def test_400_damaged_messages_are_refused_or_read_as_they_stand():
    seen = kis_mutants.prove(400, 1)
    assert seen.total() >= 400
    assert seen["refused"] > 100
    assert seen["order unknown"] > 50


def any_digits(row, name, *, blank=None, missing=None):
    return int("".join(re.findall("[0-9]+", str(row.get(name, missing))))[:18] or 0)


def any_float(row, name, *, blank=None, missing=None):
    return abs(float(row.get(name) or "nan"))


def any_failure(kind, status, said):
    return codes.Class.OK if said.ok else codes.Class.REJECTED


@pytest.mark.parametrize(
    ("module", "name", "wrong"),
    [(order_rows, "whole_of", any_digits), (order_rows, "number_of", any_float), (codes, "_of_order", any_failure)],
)
def test_a_reader_that_is_wrong_is_noticed(monkeypatch, module, name, wrong):
    monkeypatch.setattr(module, name, wrong)
    with pytest.raises((kis_mutants.WrongError, ArithmeticError, LookupError, ValueError)):
        kis_mutants.prove(4000, 0)
