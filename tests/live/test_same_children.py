"""A small part of `tests/proofs/live_same.py`, which runs 200 orders."""

import pytest
from proofs import live_same

from exec_algos.model import MINUTE

pytestmark = pytest.mark.slow


def test_a_live_session_sends_the_children_of_the_backtest(capsys):
    assert live_same.proof(orders=20, symbols=10, minutes=8, speed=60, confirm=0, seed=1) == []
    assert "160 children live, 160 in the backtest" in capsys.readouterr().out


def test_an_order_that_differs_is_told_with_its_slices():
    order = live_same.orders_of(1, 1, 8, seed=1)[0]
    assert live_same.differences([order], {"P0": {0: 5, 1: 5}}, {"P0": {0: 5, 1: 6}}) == [
        f"P0 ({order.algorithm}): slice -> live, backtest: {{1: (5, 6)}}"
    ]
    assert order.end - order.start == 8 * MINUTE
