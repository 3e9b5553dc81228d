"""`check_venue` passes the rehearsal's adapter, and names what is wrong with those that cost money."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from rehearsals import rehearsed
from testing.wrong_adapters import AddsBlindly, Careless, FailedReadIsNothing, Reconnects, RetriesPosts, Unhurried

from exec_algos.brokers.rehearsal import RehearsalVenue
from exec_algos.errors import ConformanceError, UsageError
from exec_algos.testing import check_venue
from exec_algos.testing.rehearsal import Control

LAST_DAY = "2025-12-23 15:30"  # after which the bars have no session


def making(adapter, start=LAST_DAY, **options):
    @asynccontextmanager
    async def make():
        with rehearsed(start, page=10, rate=0, **options) as (url, control):
            yield adapter(url, timeout=2.0), control

    return make


def findings_of(adapter, patience=3, **options):
    with pytest.raises(ConformanceError) as error:
        check_venue(making(adapter, **options), symbol="ANY", quantity=100, patience=patience)
    assert str(error.value).startswith(f"{adapter.__name__} fails its check:")
    return dict(finding.split(": ", 1) for finding in error.value.findings)


@pytest.mark.slow
@pytest.mark.parametrize("client_ids", [True, False], ids=["own ids", "no own ids"])
def test_the_adapter_of_the_rehearsal_passes_inside_a_loop_too(client_ids):
    async def inside():
        return check_venue(making(RehearsalVenue, "2025-12-18 15:30", client_ids=client_ids), symbol="ANY", quantity=100, patience=10)

    found = asyncio.run(inside())
    assert found.name == "sim"
    assert found.untried == ()
    assert found.orders > 50
    assert found.executions > 100
    assert found.reports > found.executions


@pytest.mark.slow
def test_an_adapter_that_sends_again_is_refused():
    found = findings_of(RetriesPosts, client_ids=False)
    assert set(found) == {"sends again"}
    assert "no answer came, and the venue has 2 orders of one send; never repeat a request that may place an order" in found["sends again"]


@pytest.mark.slow
def test_an_adapter_that_takes_a_failed_read_for_nothing_is_refused():
    found = findings_of(FailedReadIsNothing)
    assert set(found) == {"takes a failed read for nothing"}
    assert found["takes a failed read for nothing"].startswith("snapshot under lost_before answered Snapshot(orders=(), complete=True")


@pytest.mark.slow
def test_an_adapter_that_adds_fills_blindly_is_refused():
    found = findings_of(AddsBlindly)
    assert set(found) == {"counts a trade twice"}


@pytest.mark.slow
def test_every_mistake_of_a_careless_one_is_named():
    found = findings_of(Careless)
    assert set(found) >= {
        "hides a refusal",
        "sends another order",
        "tells another state",
        "tells another time",
        "loses own ids",
        "answers for the venue",
        "hides that nothing left",
        "loses reports",
        "a failed read raises something else",
        "takes a part for the whole",
    }
    assert (
        "it answered Rejected(code='timeout', text='no answer', lasting=False); the venue has the order" in found["answers for the venue"]
    )


@pytest.mark.slow
def test_one_that_waits_for_ever_is_named():
    assert "hangs" in findings_of(Unhurried, patience=0.5, control=Control)


@pytest.mark.slow
def test_one_that_hides_a_cut_stream_is_named():
    found = findings_of(Reconnects)
    assert "hides a lost connection" in found
    assert "a report makes no sense" in found


def test_what_make_gives_is_looked_at():
    @asynccontextmanager
    async def make():
        yield "an adapter"

    with pytest.raises(UsageError, match=r"make must give an async context manager of \(VenueAPI, Control\), got 'an adapter'"):
        check_venue(make, symbol="ANY")
