"""A bridge at the guarded broker is a user of its own: it speaks for devices, and hears their commands."""

import asyncio

import pytest

from gridwatch.broker_address import BrokerAddress
from gridwatch.broker_config import BRIDGE, own_users
from ingest.bridges.publisher import Outgoing, Publisher, status_of
from ingest.bridges.thingsboard import COMMANDS
from tests.access.guarded import Guarded
from tests.servers import wait_until


@pytest.mark.anyio
async def test_a_bridge_publishes_for_devices_and_hears_their_commands(guarded: Guarded) -> None:
    heard: list[tuple[str, bytes]] = []
    secret = own_users(guarded.folder)[BRIDGE].secret
    address = BrokerAddress(host="127.0.0.1", port=guarded.inner, tls=False, username=BRIDGE, password=secret)
    publisher = Publisher(address, topics=[COMMANDS], heard=lambda topic, said: heard.append((topic, said)))
    collector = guarded.collector()
    collector.subscribe("gw/v1/#")
    running = asyncio.create_task(publisher.run())
    try:
        for message in (
            status_of("lift-1", online=True),
            Outgoing(topic="gw/v1/lift-1/readings", payload=b"{}"),
        ):
            await asyncio.wait_for(publisher.publish(message), 10)
        assert await asyncio.to_thread(collector.publishes, "gw/v1/lift-1/command", b"{}")
        await asyncio.to_thread(wait_until, lambda: heard == [("gw/v1/lift-1/command", b"{}")])
        await asyncio.to_thread(
            wait_until,
            lambda: (
                {"gw/v1/lift-1/status", "gw/v1/lift-1/readings"} <= {topic for topic, _ in collector.heard}
            ),
        )
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        collector.leave()
