"""Every `Fill`, whoever makes it, has all its fields: `tuple.__new__` checks none of them."""

import pytest

from exec_algos import TWAP, SimulatedBroker
from exec_algos.executors import AlgorithmExecutor
from exec_algos.model import Fill


@pytest.mark.parametrize("count", [9, 13, 15])
def test_a_fill_of_earlier_fields_has_empty_names(count):
    fill = Fill(0, "X", 10, 20.0, 0.5, "SELL")
    again = Fill._make(tuple(fill)[:count])
    assert again == fill
    assert (again.order_ref, again.execution_id) == ("", "")


def test_fills_of_a_replay_have_every_field():
    import asyncio

    fills = asyncio.run(AlgorithmExecutor(SimulatedBroker()).execute("X", 100, TWAP(), start="10:00", end="10:10"))
    assert fills
    assert {len(fill) for fill in fills} == {len(Fill._fields)}
    assert {(fill.order_ref, fill.execution_id) for fill in fills} == {("", "")}


def test_a_fill_keeps_the_names_of_its_venue():
    fill = Fill(0, "X", 10, 20.0, order_ref="20261130-1.0.3.0", execution_id="E7")
    assert (fill.order_ref, fill.execution_id) == ("20261130-1.0.3.0", "E7")
    assert Fill._make(tuple(fill)) == fill
