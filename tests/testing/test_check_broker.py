"""`check_broker` passes right brokers of three kinds, and finds each seeded fault by its name."""

from contextlib import asynccontextmanager

import pytest
from rehearsals import rehearsed
from testing.wrong_brokers import FOUND, Careful

from exec_algos import SimulatedBroker
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.rehearsal import RehearsalVenue, rehearsal_clock
from exec_algos.brokers.settings import LiveSettings
from exec_algos.errors import ConformanceError, UsageError
from exec_algos.testing import ScriptedVenue, check_broker


def making(broker):
    @asynccontextmanager
    async def make():
        venue = ScriptedVenue()
        yield broker(venue), venue

    return make


def traded(quantity, quarters):
    quarter = -(-quantity // 4)
    return {4: quantity, 2: 2 * quarter, 0: 0, 7: 1.5 * quantity + quarter}[quarters]


def test_a_broker_with_no_more_than_place_order_passes():
    found = check_broker(making(Careful))
    assert (found.name, found.unknown) == ("Careful", 3)  # nobody can tell what became of three requests
    assert found.children == 16
    # by hand, in quarters that are rounded up: of a life of 20 s all, of one of 6 s two; too much is one and a half beside a quarter
    quarters = [4, 4, 4, 0, 2, 4, 0, 0, 0, 7, 4, 4, 2, 2, 4, 4]
    assert found.filled == sum(traded(100 + n, part) for n, part in enumerate(quarters))


@pytest.mark.parametrize("broker", FOUND, ids=lambda broker: broker.__name__)
def test_each_seeded_fault_is_found_by_name(broker):
    with pytest.raises(ConformanceError) as error:
        check_broker(making(broker))
    assert {finding.split(": ")[0] for finding in error.value.findings} == FOUND[broker], error.value


def test_what_cannot_be_asked_is_said():
    found = check_broker(making(Careful))
    assert "reports that are lost: unknown fault of push 'push_lost': known: none" in found.untried


def test_a_broker_of_which_no_venue_is_known_is_believed_but_its_children_must_end():
    @asynccontextmanager
    async def make():
        yield SimulatedBroker(start="2024-01-02 10:00"), None

    found = check_broker(make, life=600, settle=600)
    assert found.untried[0] == "whatever needs the venue's truth or its faults: make gave no venue"
    assert found.children == 6
    assert found.filled > 100


@pytest.mark.slow
@pytest.mark.parametrize("client_ids", [True, False], ids=["own ids", "no own ids"])
def test_a_live_broker_over_the_rehearsal_passes(client_ids):
    @asynccontextmanager
    async def make():
        with rehearsed("2025-12-18 11:00", speed=150.0, client_ids=client_ids, rate=0) as (url, control):
            broker = LiveBroker(RehearsalVenue(url), clock=await rehearsal_clock(url), settings=LiveSettings(confirm_lead=0))
            await broker.start()
            try:
                yield broker, control
            finally:
                await broker.aclose()

    found = check_broker(make, symbol="ANY", quantity=2000, life=60.0, settle=120.0)
    assert found.children == 21
    assert found.unknown == 0
    assert found.filled > 10 * 2000


def test_what_make_gives_is_looked_at():
    @asynccontextmanager
    async def make():
        yield ScriptedVenue()

    with pytest.raises(UsageError, match=r"make must give an async context manager of \(BrokerAPI, venue\), got <exec_algos"):
        check_broker(make)
