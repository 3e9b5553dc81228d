"""Notices over a web socket, as a plain client of it reads them."""

import asyncio

from wired import wire


def test_an_order_that_fills_is_told_as_accepted_and_executed():
    async def work():
        async with wire() as kis, kis.listener() as client:
            order = kis.buy(40, 62_400)
            kis.go(1)
            return order.odno, await client.notices(2)

    odno, (accepted, executed) = asyncio.run(work())
    assert [said[2] for said in (accepted, executed)] == [odno, odno]
    assert (accepted[9], accepted[10], accepted[12:15]) == ("0000000040", "000062400", ["0", "1", "1"])
    assert (executed[9], executed[12:15]) == ("0000000040", ["0", "2", "2"])
    assert 62_000 <= int(executed[10]) <= 62_100
